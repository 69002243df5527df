/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader that goes through the text once, line by line: in this part of TOML
 * no value goes on in the next line. Text is UTF-8 as it comes; control
 * characters are refused, as TOML says. Source: toml.io, v1.0.0.
 */
#include "oci/toml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NAME_SIZE 256

struct reader {
	const char *name; /* of the text */
	const char *at, *end;
	unsigned line;
	char table[NAME_SIZE];
	char *string; /* room for the longest there can be */
	struct err *err;
};

static int __attribute__((format(printf, 2, 3)))
fail(struct reader *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(r->err, ERR_INVALID_ARGUMENT, EINVAL, "%s:%u: %s",
	    r->name, r->line, text);
}

/* The next character, or NUL at the end of the line. */
static char
peek(const struct reader *r)
{
	return r->at < r->end && *r->at != '\n' ? *r->at : '\0';
}

static void
skip_space(struct reader *r)
{
	while (peek(r) == ' ' || peek(r) == '\t')
		r->at++;
}

static bool
take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static bool
is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* Nothing but a comment may follow. */
static int
end_line(struct reader *r)
{
	skip_space(r);
	if (peek(r) == '#') {
		while (peek(r) && !is_control(peek(r)))
			r->at++;
	}
	if (r->at + 1 < r->end && r->at[0] == '\r' && r->at[1] == '\n')
		r->at++;
	size_t left = (size_t)(r->end - r->at);
	const char *newline = memchr(r->at, '\n', left);
	size_t rest = newline ? (size_t)(newline - r->at) : left;
	if (rest == 0)
		return 0;
	return fail(r, "unexpected '%.*s'", rest < 10 ? (int)rest : 10, r->at);
}

/* ---- strings ---- */

static int
hex_digits(struct reader *r, int n, uint32_t *ret)
{
	uint32_t value = 0;

	for (int i = 0; i < n; i++) {
		char c = peek(r);
		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return fail(r, "bad \\u escape");
		r->at++;
	}
	*ret = value;
	return 0;
}

/* At most four bytes, which is less than the escape takes up. */
static char *
put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* A string with a NUL in it would end early in C. */
static int
read_unicode(struct reader *r, int digits, char **to)
{
	uint32_t c = 0;

	int e = hex_digits(r, digits, &c);
	if (e < 0)
		return e;
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return fail(r, "U+%04X cannot be in a string", c);
	*to = put_utf8(*to, c);
	return 0;
}

static int
read_escape(struct reader *r, char **to)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	char c = peek(r);
	const char *name = c ? strchr(names, c) : NULL;

	if (name) {
		r->at++;
		*(*to)++ = values[name - names];
		return 0;
	}
	if (take(r, 'u'))
		return read_unicode(r, 4, to);
	if (take(r, 'U'))
		return read_unicode(r, 8, to);
	return fail(r, "bad escape in a string");
}

/* After the opening quote, into r->string. Only "..." has escapes. */
static int
read_string(struct reader *r, char quote)
{
	char *to = r->string;

	if (peek(r) == quote && r->at + 1 < r->end && r->at[1] == quote)
		return fail(r, "a string of several lines is not supported");
	while (!take(r, quote)) {
		char c = peek(r);
		int e = 0;
		if (c == '\0')
			return fail(r, "a string has no end");
		if (is_control(c))
			return fail(r, "a control character in a string");
		r->at++;
		if (c == '\\' && quote == '"')
			e = read_escape(r, &to);
		else
			*to++ = c;
		if (e < 0)
			return e;
	}
	*to = '\0';
	return 0;
}

/* ---- keys ---- */

static bool
is_bare(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static int
read_part(struct reader *r, char *name, size_t *len)
{
	char quote = peek(r);
	const char *part = r->at;
	size_t n;

	if (quote == '"' || quote == '\'') {
		r->at++;
		int e = read_string(r, quote);
		if (e < 0)
			return e;
		part = r->string;
		n = strlen(part);
	} else {
		while (is_bare(peek(r)))
			r->at++;
		n = (size_t)(r->at - part);
		if (n == 0)
			return fail(r, "a key is missing");
	}
	if (*len + n >= NAME_SIZE)
		return fail(r, "a key is too long");
	memcpy(name + *len, part, n);
	*len += n;
	name[*len] = '\0';
	return 0;
}

/* a.b.c, with the parts joined by dots. */
static int
read_key(struct reader *r, char name[NAME_SIZE])
{
	size_t len = 0;

	for (;;) {
		skip_space(r);
		int e = read_part(r, name, &len);
		if (e < 0)
			return e;
		skip_space(r);
		if (!take(r, '.'))
			return 0;
		if (len + 1 >= NAME_SIZE)
			return fail(r, "a key is too long");
		name[len++] = '.';
	}
}

/* ---- values ---- */

/* Digits with single underscores between them, without a needless zero. */
static bool
digits_are_fine(const char *text, size_t n, bool decimal)
{
	if (n == 0 || text[0] == '_' || text[n - 1] == '_' ||
	    memmem(text, n, "__", 2))
		return false;
	return !decimal || text[0] != '0' || n == 1;
}

static int
read_integer(struct reader *r, struct oci_toml_entry *entry)
{
	const char *word = r->at;
	char digits[72];
	size_t len = 0, n;
	int base = 10;
	bool sign = take(r, '-') || take(r, '+');
	char *end;

	if (!sign && r->end - r->at > 2 && r->at[0] == '0') {
		base = r->at[1] == 'x'   ? 16
		       : r->at[1] == 'o' ? 8
		       : r->at[1] == 'b' ? 2
					 : 10;
		r->at += base == 10 ? 0 : 2;
	}
	const char *first = r->at;
	while (is_bare(peek(r)) && peek(r) != '-')
		r->at++;
	n = (size_t)(r->at - first);
	if (peek(r) == '.' || peek(r) == ':' || peek(r) == '-')
		return fail(r, "a number that is no integer, and a date, "
			       "are not supported");
	for (size_t i = 0; i < n && len < sizeof(digits) - 2; i++) {
		if (first[i] != '_')
			digits[len++] = first[i];
	}
	digits[len] = '\0';
	errno = 0;
	entry->type = OCI_TOML_INTEGER;
	entry->integer = strtoll(digits, &end, base);
	if (!digits_are_fine(first, n, base == 10) || *end ||
	    strpbrk(digits, "xX") || errno)
		return fail(r, "'%.*s' is not a value that is supported",
		    (int)(r->at - word), word);
	if (*word == '-')
		entry->integer = -entry->integer;
	return 0;
}

static bool
take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0 ||
	    ((size_t)(r->end - r->at) > n && is_bare(r->at[n])))
		return false;
	r->at += n;
	return true;
}

static int
read_value(struct reader *r, struct oci_toml_entry *entry)
{
	char c = peek(r);

	if (take(r, '"') || take(r, '\'')) {
		entry->type = OCI_TOML_STRING;
		entry->string = r->string;
		return read_string(r, c);
	}
	if (c == '[')
		return fail(r, "an array is not supported");
	if (c == '{')
		return fail(r, "an inline table is not supported");
	if (!c || c == '#' || c == '\r')
		return fail(r, "a value is missing");
	bool yes = take_word(r, "true");
	if (yes || take_word(r, "false")) {
		entry->type = OCI_TOML_BOOLEAN;
		entry->boolean = yes;
		return 0;
	}
	return read_integer(r, entry);
}

/* ---- lines ---- */

static int
read_entry(struct reader *r, oci_toml_fn *fn, void *arg)
{
	struct oci_toml_entry entry = { .table = r->table };
	char key[NAME_SIZE];

	int e = read_key(r, key);
	if (e < 0)
		return e;
	if (!take(r, '='))
		return fail(r, "'=' is missing after '%.50s'", key);
	skip_space(r);
	e = read_value(r, &entry);
	if (e == 0)
		e = end_line(r);
	if (e < 0)
		return e;
	entry.key = key;
	e = fn(&entry, arg, r->err);
	return e < 0 ? err_wrap(r->err, "%s:%u", r->name, r->line) : 0;
}

static int
read_table(struct reader *r)
{
	if (peek(r) == '[')
		return fail(r, "an array of tables is not supported");
	int e = read_key(r, r->table);
	if (e < 0)
		return e;
	return take(r, ']') ? end_line(r) : fail(r, "']' is missing");
}

static int
read_line(struct reader *r, oci_toml_fn *fn, void *arg)
{
	skip_space(r);
	if (!peek(r) || peek(r) == '#' || peek(r) == '\r')
		return end_line(r);
	return take(r, '[') ? read_table(r) : read_entry(r, fn, arg);
}

int
oci_toml_parse(const char *name, const char *text, size_t len, oci_toml_fn *fn,
    void *arg, struct err *err)
{
	cleanup_free char *string = malloc(len + 1);
	struct reader r = {
		.name = name,
		.at = text,
		.end = text + len,
		.line = 1,
		.string = string,
		.err = err,
	};

	if (!string)
		return err_set_errno(err, ENOMEM, "read %s", name);
	while (r.at < r.end) {
		int e = read_line(&r, fn, arg);
		if (e < 0)
			return e;
		r.at += r.at < r.end; /* the newline */
		r.line++;
	}
	return 0;
}
