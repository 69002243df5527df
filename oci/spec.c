/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json and process documents (OCI runtime specification, config.md).
 *
 * The tree that cJSON builds is only ever read. It holds numbers as doubles, so
 * printing it would turn a limit of 18446744073709551615 into 1.8...e+19, which
 * no runtime takes; a process document is therefore changed in its text, once
 * the tree has shown that the text is well formed.
 *
 * Runtimes written in Go match member names whatever their case, and of
 * members that are there twice they take the last. So every top-level member
 * that could be taken for "terminal" gets the value, however it is spelled.
 */
#include "oci/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "base/fd.h"

static const char *const group_annotations[] = {
	"io.containerd.runc.v2.group",
	"io.kubernetes.cri.sandbox-id",
	"io.kubernetes.cri-o.SandboxID",
};

static void
cleanup_cjson_p(cJSON **json)
{
	cJSON_Delete(*json);
}

#define cleanup_cjson __attribute__((cleanup(cleanup_cjson_p)))

static int
not_an_object(const char *what, struct err *err)
{
	return err_set(
	    err, ERR_INVALID_ARGUMENT, EINVAL, "%s is not a JSON object", what);
}

/*
 * Parses a copy that ends in NUL: releases of cJSON read one byte past the end
 * of text that does not. A NUL inside would hide what follows it.
 */
static int
parse_object(const char *what, const char *text, size_t len, cJSON **ret,
    struct err *err)
{
	if (len > OCI_SPEC_MAX)
		return err_set(err, ERR_INVALID_ARGUMENT, EFBIG,
		    "%s is larger than %d bytes", what, OCI_SPEC_MAX);
	if (len == 0 || memchr(text, '\0', len))
		return not_an_object(what, err);
	cleanup_free char *copy = strndup(text, len);
	if (!copy)
		return err_set_errno(err, ENOMEM, "parse %s", what);
	cleanup_cjson cJSON *root = cJSON_ParseWithOpts(
	    copy, NULL, /* require_null_terminated= */ true);
	if (!cJSON_IsObject(root))
		return not_an_object(what, err);
	*ret = take_ptr(root);
	return 0;
}

static const cJSON *
member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* A copy of object.name; NULL stays where there is no such string. */
static int
copy_string(const cJSON *object, const char *name, char **ret)
{
	const char *value = cJSON_GetStringValue(member(object, name));

	if (!value)
		return 0;
	*ret = strdup(value);
	return *ret ? 0 : -ENOMEM;
}

static bool
has_private_pidns(const cJSON *linux_part)
{
	const cJSON *ns;

	cJSON_ArrayForEach(ns, member(linux_part, "namespaces"))
	{
		const char *type = cJSON_GetStringValue(member(ns, "type"));
		const char *path = cJSON_GetStringValue(member(ns, "path"));

		if (type && strcmp(type, "pid") == 0 && (!path || !*path))
			return true;
	}
	return false;
}

static int
copy_group(const cJSON *annotations, char **ret)
{
	int r = 0;

	for (size_t i = 0;
	     i < sizeof(group_annotations) / sizeof(*group_annotations) &&
	     !*ret && r == 0;
	     i++)
		r = copy_string(annotations, group_annotations[i], ret);
	return r;
}

/* containerd's annotation, else CRI-O's. */
static bool
has_container_type(const cJSON *annotations, const char *wanted)
{
	const char *type = cJSON_GetStringValue(
	    member(annotations, "io.kubernetes.cri.container-type"));

	if (!type)
		type = cJSON_GetStringValue(
		    member(annotations, "io.kubernetes.cri-o.ContainerType"));
	return type && strcmp(type, wanted) == 0;
}

static int
fill(const cJSON *root, struct oci_spec *ret)
{
	const cJSON *linux_part = member(root, "linux");
	const cJSON *annotations = member(root, "annotations");

	ret->terminal =
	    cJSON_IsTrue(member(member(root, "process"), "terminal"));
	ret->private_pidns = has_private_pidns(linux_part);
	ret->in_sandbox = has_container_type(annotations, "container");
	ret->is_pod_sandbox = has_container_type(annotations, "sandbox");
	int r = copy_string(member(root, "root"), "path", &ret->root_path);
	if (r == 0)
		r = copy_string(linux_part, "cgroupsPath", &ret->cgroups_path);
	if (r == 0)
		r = copy_group(annotations, &ret->group);
	if (r == 0)
		r = copy_string(annotations,
		    "io.kubernetes.cri.sandbox-log-directory",
		    &ret->log_directory);
	return r;
}

static int
parse_spec(const char *what, const char *json, size_t len, struct oci_spec *ret,
    struct err *err)
{
	cleanup_cjson cJSON *root = NULL;
	struct oci_spec spec = { 0 };

	int r = parse_object(what, json, len, &root, err);
	if (r < 0)
		return r;
	if (fill(root, &spec) < 0) {
		oci_spec_done(&spec);
		return err_set_errno(err, ENOMEM, "parse %s", what);
	}
	*ret = spec;
	return 0;
}

int
oci_spec_parse(
    const char *json, size_t len, struct oci_spec *ret, struct err *err)
{
	return parse_spec("OCI spec", json, len, ret, err);
}

int
oci_spec_load(const char *bundle, struct oci_spec *ret, struct err *err)
{
	cleanup_free char *json = NULL;
	char path[PATH_MAX];
	size_t len;

	int r = path_format(path, sizeof(path), "%s/config.json", bundle);
	if (r >= 0)
		r = file_read(AT_FDCWD, path, OCI_SPEC_MAX, &json, &len);
	if (r < 0)
		return err_set_errno(
		    err, -r, "read OCI spec '%s/config.json'", bundle);
	r = parse_spec("OCI spec", json, len, ret, err);
	if (r < 0)
		(void)err_wrap(err, "'%s'", path);
	return r;
}

void
oci_spec_done(struct oci_spec *spec)
{
	free(spec->root_path);
	free(spec->cgroups_path);
	free(spec->group);
	free(spec->log_directory);
	*spec = (struct oci_spec){ 0 };
}

/*
 * The scanner below runs over text that cJSON has accepted and that ends in
 * NUL; it takes for white space what cJSON does. Each step yields the end of
 * what it stepped over, and stops at the NUL whatever the text.
 */
static const char *
skip_space(const char *p)
{
	while (*p && (unsigned char)*p <= ' ')
		p++;
	return p;
}

static const char *
skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p + 1 : p;
}

static const char *
skip_nested(const char *p)
{
	size_t depth = 0;

	do {
		if (*p == '"') {
			p = skip_string(p);
			continue;
		}
		depth += *p == '{' || *p == '[';
		depth -= *p == '}' || *p == ']';
		p++;
	} while (*p && depth > 0);
	return p;
}

static const char *
skip_value(const char *p)
{
	if (*p == '"')
		return skip_string(p);
	if (*p == '{' || *p == '[')
		return skip_nested(p);
	while ((unsigned char)*p > ' ' && !strchr(",}]", *p))
		p++;
	return p;
}

/* The value of \uXXXX, or -1. */
static int
read_unicode_escape(const char *p, const char *end)
{
	char digits[5] = { 0 }, *stop;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	memcpy(digits, p + 2, 4);
	long value = strtol(digits, &stop, 16);
	return stop == digits + 4 ? (int)value : -1;
}

/*
 * Whether the text from begin to end (between the quotes) is this name of
 * lower-case letters, in any case. No other escape than \u can make a letter.
 */
static bool
key_is(const char *begin, const char *end, const char *name)
{
	for (; *name; name++) {
		int c;

		if (begin >= end)
			return false;
		if (*begin == '\\') {
			c = read_unicode_escape(begin, end);
			begin += 6;
		} else {
			c = (unsigned char)*begin++;
		}
		if (c != *name && c != *name - 'a' + 'A')
			return false;
	}
	return begin == end;
}

/* A member of an object: where its key and its value stand in the text. */
struct span {
	const char *key, *key_end, *value, *value_end;
};

/* Reads the member at p; NULL when there is none, else what follows it. */
static const char *
next_member(const char *p, struct span *ret)
{
	p = skip_space(p);
	if (*p == ',')
		p = skip_space(p + 1);
	if (*p != '"')
		return NULL;
	ret->key = p + 1;
	p = skip_string(p);
	ret->key_end = p - 1;
	p = skip_space(p);
	if (*p != ':')
		return NULL;
	ret->value = skip_space(p + 1);
	ret->value_end = skip_value(ret->value);
	return ret->value_end;
}

/* Where a new first member goes, and what has to follow it. */
static const char *
separator_after_brace(const char *inside)
{
	return *skip_space(inside) == '}' ? "" : ",";
}

/* Whether a parser that minds the case would find a "terminal". */
static bool
has_terminal(const char *inside)
{
	struct span m;

	while ((inside = next_member(inside, &m)))
		if (strncmp(m.key, "terminal\"", 9) == 0)
			return true;
	return false;
}

static void
write_with_terminal(FILE *out, const char *inside, const char *value)
{
	const char *p = inside, *done = inside;
	struct span m;

	(void)fputc('{', out);
	if (!has_terminal(inside))
		(void)fprintf(out, "\"terminal\":%s%s", value,
		    separator_after_brace(inside));
	while ((p = next_member(p, &m))) {
		if (!key_is(m.key, m.key_end, "terminal"))
			continue;
		(void)fwrite(done, 1, (size_t)(m.value - done), out);
		(void)fputs(value, out);
		done = m.value_end;
	}
	(void)fputs(done, out);
}

int
oci_process_prepare(
    const char *json, size_t len, bool terminal, char **ret, struct err *err)
{
	static const char what[] = "process spec";
	cleanup_cjson cJSON *root = NULL;
	cleanup_free char *out = NULL;
	size_t out_len;

	int r = parse_object(what, json, len, &root, err);
	if (r < 0)
		return r;
	cleanup_free char *text = strndup(json, len);
	cleanup_file FILE *file = open_memstream(&out, &out_len);
	if (!text || !file)
		return err_set_errno(err, ENOMEM, "prepare %s", what);
	/* A byte order mark may stand before the brace; no runtime takes it. */
	write_with_terminal(
	    file, strchr(text, '{') + 1, terminal ? "true" : "false");
	int failed = ferror(file);
	if (fclose(take_ptr(file)) != 0 || failed)
		return err_set_errno(err, ENOMEM, "prepare %s", what);
	*ret = take_ptr(out);
	return 0;
}
