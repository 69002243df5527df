/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cJSON holds numbers as doubles and prints those from 1e15 on with an
 * exponent, which Go takes for no integer, whatever its size.
 *
 * A tree has its numbers in the order of the text, and outside of strings
 * nothing else begins with a digit or a minus, so the n-th of the one is the
 * n-th of the other.
 */
#include "oci/json.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <string.h>

/* Behind the string whose first quote is at p. */
static const char *
skip_string(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

/* The first number from p on, of which there is one. */
static const char *
find_number(const char *p)
{
	for (;;) {
		p += strcspn(p, "\"-0123456789");
		if (*p != '"')
			return p;
		p = skip_string(p);
	}
}

/* *at is where the text was left; cJSON_Delete() frees the copy. */
static bool
keep_number(cJSON *number, const char **at)
{
	const char *text = find_number(*at);
	size_t len = strspn(text, "+-.0123456789Ee");
	char *copy = cJSON_malloc(len + 1);

	if (!copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	number->type = cJSON_Raw;
	number->valuestring = copy;
	*at = text + len;
	return true;
}

static bool
keep_numbers(cJSON *item, const char **at)
{
	if (cJSON_IsNumber(item))
		return keep_number(item, at);
	for (cJSON *child = item->child; child; child = child->next)
		if (!keep_numbers(child, at))
			return false;
	return true;
}

cJSON *
oci_json_parse_exact(const char *text)
{
	cJSON *root = cJSON_Parse(text);

	if (root && !keep_numbers(root, &text)) {
		cJSON_Delete(root);
		return NULL;
	}
	return root;
}
