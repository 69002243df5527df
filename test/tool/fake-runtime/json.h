/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_RUNTIME_JSON_H
#define FAKE_RUNTIME_JSON_H

/*
 * The little JSON a runtime needs. A value is a pointer to its first character
 * in a NUL-terminated text; NULL stands for "not there" and is accepted
 * everywhere. What these return is the caller's to free.
 */
#include <stdbool.h>
#include <stdio.h>

const char *json_get(const char *object, const char *key);
bool json_true(const char *value);
char *json_string(const char *value);
/* The strings of an array, NULL-terminated; NULL if it is not one. */
char **json_strings(const char *array);

/* Writes text as a JSON string, quotes included. */
void json_put(FILE *out, const char *text);

#endif
