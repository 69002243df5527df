/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subset of Go's net/url that decides what happens to a stdio string: the
 * scheme, the path, the query, and whether it parses at all. User, host and
 * port are skipped unchecked, since no stdio scheme uses them. A fragment is
 * dropped, but its escapes are checked as there.
 *
 * A colon makes a scheme only when what is before it could be one; otherwise it
 * is part of the path, where the first segment of a relative path may not have
 * any.
 */
#include "oci/stdio-uri.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Each pair is compared with those before it. */
#define PAIRS_MAX 1024

static int
refuse(struct err *err, const char *uri, const char *why)
{
	return err_set(
	    err, ERR_INVALID_ARGUMENT, EINVAL, "parse \"%s\": %s", uri, why);
}

static bool
has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

/* Length of the scheme before its colon, 0 for none, -1 for a bare colon. */
static ptrdiff_t
scheme_length(const char *s)
{
	if (*s == ':')
		return -1;
	if (!isalpha((unsigned char)*s))
		return 0;
	size_t len = 1;
	while (
	    isalnum((unsigned char)s[len]) || (s[len] && strchr("+-.", s[len])))
		len++;
	return s[len] == ':' ? (ptrdiff_t)len : 0;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that the escape at s stands for; -1 when it is none. A NUL cannot be
 * part of a path. */
static int
escaped_byte(const char *s)
{
	int high = hex_value(s[1]);
	int low = high < 0 ? -1 : hex_value(s[2]);

	return low < 0 || high + low == 0 ? -1 : high << 4 | low;
}

/* Decodes in place. Returns the first wrong escape, or NULL. */
static const char *
percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		int c = (unsigned char)*s;

		if (c == '%') {
			c = escaped_byte(s);
			if (c < 0)
				return s;
			s += 2;
		}
		*to++ = (char)c;
	}
	*to = '\0';
	return NULL;
}

static int
decode(char *s, const char *uri, struct err *err)
{
	const char *bad = percent_decode(s);

	if (!bad)
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
	    "parse \"%s\": invalid URL escape \"%.3s\"", uri, bad);
}

/* Where the path starts in what follows the scheme; NULL when there is none. */
static const char *
skip_authority(const char *rest, bool has_scheme)
{
	if (*rest != '/')
		return has_scheme ? NULL : rest;
	bool authority = strncmp(rest, "//", 2) == 0 &&
			 (has_scheme || strncmp(rest, "///", 3) != 0);
	if (!authority)
		return rest;
	rest += 2;
	return rest + strcspn(rest, "/");
}

static int
parse_path(const char *uri, const char *rest, bool has_scheme, char **ret,
    struct err *err)
{
	cleanup_free char *copy = strndup(rest, strcspn(rest, "#"));
	const char *hash = strchr(rest, '#');
	cleanup_free char *fragment = strdup(hash ? hash + 1 : "");

	if (!copy || !fragment)
		return err_set_errno(err, ENOMEM, "parse \"%s\"", uri);
	copy[strcspn(copy, "?")] = '\0';
	if (!has_scheme && *copy != '/' &&
	    strcspn(copy, ":") < strcspn(copy, "/"))
		return refuse(
		    err, uri, "first path segment in URL cannot contain colon");
	const char *path = skip_authority(copy, has_scheme);
	cleanup_free char *decoded = strdup(path ? path : "");
	if (!decoded)
		return err_set_errno(err, ENOMEM, "parse \"%s\"", uri);
	int r = decode(decoded, uri, err);
	if (r == 0)
		r = decode(fragment, uri, err);
	if (r == 0)
		*ret = take_ptr(decoded);
	return r;
}

int
oci_stdio_uri_parse(
    const char *uri, char **ret_scheme, char **ret_path, struct err *err)
{
	ptrdiff_t len = scheme_length(uri);
	char *path = NULL;

	if (has_control(uri))
		return refuse(
		    err, uri, "net/url: invalid control character in URL");
	if (len < 0)
		return refuse(err, uri, "missing protocol scheme");
	cleanup_free char *scheme = strndup(uri, (size_t)len);
	if (!scheme)
		return err_set_errno(err, ENOMEM, "parse \"%s\"", uri);
	for (char *c = scheme; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	int r =
	    parse_path(uri, uri + len + (len > 0 ? 1 : 0), len > 0, &path, err);
	if (r < 0)
		return r;
	*ret_scheme = take_ptr(scheme);
	*ret_path = path;
	return 0;
}

/* False for what does not parse. */
static bool
decode_word(char *word)
{
	for (char *c = word; *c; c++)
		if (*c == '+')
			*c = ' ';
	return !percent_decode(word);
}

static bool
has_key(const struct oci_argv *argv, const char *key)
{
	for (size_t i = 1; i < argv->n; i += 2)
		if (strcmp(argv->args[i], key) == 0)
			return true;
	return false;
}

static int
add_pair(struct oci_argv *argv, const char *pair, size_t len)
{
	cleanup_free char *key = strndup(pair, len);
	char *equals = key ? strchr(key, '=') : NULL;
	cleanup_free char *value = strdup(equals ? equals + 1 : "");

	if (!key || !value)
		return -ENOMEM;
	if (equals)
		*equals = '\0';
	if (len == 0 || memchr(pair, ';', len) || !decode_word(key) ||
	    !decode_word(value) || has_key(argv, key))
		return 0;
	argv->args[argv->n++] = take_ptr(key);
	argv->args[argv->n++] = take_ptr(value);
	return 0;
}

static size_t
count_pairs(const char *query)
{
	size_t n = 1;

	for (; *query; query++)
		n += *query == '&';
	return n;
}

static int
add_query(struct oci_argv *argv, const char *query)
{
	int r = 0;

	while (r == 0 && *query) {
		size_t len = strcspn(query, "&");

		r = add_pair(argv, query, len);
		query += len + (query[len] == '&');
	}
	return r;
}

int
oci_stdio_uri_argv(const char *uri, const char *program, struct oci_argv *ret)
{
	cleanup_free char *copy = strndup(uri, strcspn(uri, "#"));
	const char *mark = copy ? strchr(copy, '?') : NULL;
	const char *query = mark ? mark + 1 : "";
	cleanup_argv struct oci_argv argv = { 0 };
	size_t pairs = count_pairs(query);

	if (pairs > PAIRS_MAX)
		return -E2BIG;
	/* With the program and the final NULL. */
	argv.args = calloc(2 * pairs + 2, sizeof(*argv.args));
	if (!copy || !argv.args)
		return -ENOMEM;
	argv.args[0] = strdup(program);
	if (!argv.args[0])
		return -ENOMEM;
	argv.n = 1;
	int r = add_query(&argv, query);
	if (r < 0)
		return r;
	*ret = argv;
	argv = (struct oci_argv){ 0 };
	return 0;
}
