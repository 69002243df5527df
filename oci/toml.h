/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_TOML_H
#define OCI_TOML_H

/*
 * The part of TOML (1.0) that runtimes' options are written in: comments,
 * tables, bare and quoted keys, strings of one line, integers, booleans.
 * Everything else
 * - floats, dates, arrays, inline tables, strings of several lines, arrays of
 * tables - is an error with file and line, never passed over.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum oci_toml_type {
	OCI_TOML_STRING,
	OCI_TOML_INTEGER,
	OCI_TOML_BOOLEAN,
};

/* Borrowed from the parser. */
struct oci_toml_entry {
	const char *table; /* "" at the top, else its name, "a.b" when nested */
	const char *key;   /* likewise for a dotted key */
	enum oci_toml_type type;
	const char *string;
	int64_t integer;
	bool boolean;
};

/* One key. A negative result ends the parsing; err gets file and line put
 * before it. */
typedef int oci_toml_fn(
    const struct oci_toml_entry *entry, void *arg, struct err *err);

/* name is what errors call the text: "NAME:LINE: ...". INVALID_ARGUMENT for
 * what is no TOML, or not this part of it. */
int oci_toml_parse(const char *name, const char *text, size_t len,
    oci_toml_fn *fn, void *arg, struct err *err);

#endif
