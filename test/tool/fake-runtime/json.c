/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads just enough JSON for config.json and process files: walks the text in
 * place and builds no tree.
 *
 * The input is written by the tests, so a malformed text only has to end in a
 * NULL, not in a good message; no read goes past the closing NUL.
 */
#include "test/tool/fake-runtime/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *
space(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

static const char *
skip_string(const char *p)
{
	for (p++; *p && *p != '"'; p++) {
		if (*p == '\\' && p[1])
			p++;
	}
	return *p ? p + 1 : p;
}

/* Behind the value at p: brackets are counted, their kinds are not compared. */
static const char *
skip_value(const char *p)
{
	int depth = 0;

	do {
		p = space(p);
		if (*p == '"') {
			p = skip_string(p);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			depth--;
			p++;
		} else if (*p == ',' || *p == ':') {
			p++;
		} else {
			p += strcspn(p, " \t\r\n,:]}");
		}
	} while (depth > 0 && *p);
	return p;
}

static bool
key_is(const char *quoted, const char *key)
{
	size_t len = strlen(key);

	return *quoted == '"' && strncmp(quoted + 1, key, len) == 0 &&
	       quoted[len + 1] == '"';
}

const char *
json_get(const char *object, const char *key)
{
	const char *p = object ? space(object) : "";

	if (*p != '{')
		return NULL;
	for (p = space(p + 1); *p == '"';) {
		bool found = key_is(p, key);
		p = space(skip_string(p));
		if (*p != ':')
			return NULL;
		p = space(p + 1);
		if (found)
			return p;
		p = space(skip_value(p));
		if (*p == ',')
			p = space(p + 1);
	}
	return NULL;
}

bool
json_true(const char *value)
{
	return value && strncmp(value, "true", 4) == 0;
}

static void
put_utf8(char **out, unsigned long c)
{
	if (c < 0x80) {
		*(*out)++ = (char)c;
	} else if (c < 0x800) {
		*(*out)++ = (char)(0xc0 | (c >> 6));
		*(*out)++ = (char)(0x80 | (c & 0x3f));
	} else {
		*(*out)++ = (char)(0xe0 | (c >> 12));
		*(*out)++ = (char)(0x80 | ((c >> 6) & 0x3f));
		*(*out)++ = (char)(0x80 | (c & 0x3f));
	}
}

static const char *
unescape(const char *p, char **out)
{
	static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
	const char *at = strchr(from, *p);
	char hex[5] = "";

	if (*p == 'u' && strnlen(p, 5) == 5) {
		memcpy(hex, p + 1, 4);
		put_utf8(out, strtoul(hex, NULL, 16));
		return p + 5;
	}
	*(*out)++ = at ? to[at - from] : *p;
	return p + 1;
}

char *
json_string(const char *value)
{
	if (!value || *value != '"')
		return NULL;
	char *text = malloc(strlen(value));
	char *out = text;
	for (const char *p = value + 1; text && *p && *p != '"';) {
		if (*p == '\\' && p[1])
			p = unescape(p + 1, &out);
		else
			*out++ = *p++;
	}
	if (text)
		*out = '\0';
	return text;
}

char **
json_strings(const char *array)
{
	size_t n = 0;

	if (!array || *array != '[')
		return NULL;
	char **list = calloc(1, sizeof(*list));
	for (const char *p = space(array + 1); list && *p == '"';) {
		char **longer = reallocarray(list, n + 2, sizeof(*list));
		if (!longer)
			break;
		list = longer;
		list[n++] = json_string(p);
		list[n] = NULL;
		p = space(skip_string(p));
		if (*p == ',')
			p = space(p + 1);
	}
	return list;
}

void
json_put(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}
