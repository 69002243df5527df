/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_STDIO_URI_H
#define OCI_STDIO_URI_H

/*
 * What a client's stdio string names. Private to oci/.
 */
#include "base/err.h"
#include "oci/argv.h"

/*
 * Splits uri as Go's net/url does, whose opinion is what clients are used to.
 * Both results are owned by the caller: the scheme in lower case, "" when there
 * is none, and the percent-decoded path without authority, query and fragment,
 * "" for what has no path ("mailto:x"). An unparsable uri is INVALID_ARGUMENT
 * with net/url's text.
 */
int oci_stdio_uri_parse(
    const char *uri, char **ret_scheme, char **ret_path, struct err *err);

/*
 * A command line: program, then what uri's query says, as key, value, key,
 * value and so on, in its order. Of several values of a key the first counts;
 * "" when there is none. As with net/url, pairs that do not parse are left out.
 * -ENOMEM, or -E2BIG for more than a thousand pairs.
 */
int oci_stdio_uri_argv(
    const char *uri, const char *program, struct oci_argv *ret);

#endif
