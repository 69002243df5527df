/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_STDIO_URI_H
#define OCI_STDIO_URI_H

/*
 * What a client's stdio string names. Private to oci/.
 */
#include "base/err.h"

/*
 * Splits uri as Go's net/url does, whose opinion is what clients are used to.
 * Both results are owned by the caller: the scheme in lower case, "" when there
 * is none, and the percent-decoded path without authority, query and fragment,
 * "" for what has no path ("mailto:x"). An unparsable uri is INVALID_ARGUMENT
 * with net/url's text.
 */
int oci_stdio_uri_parse(
    const char *uri, char **ret_scheme, char **ret_path, struct err *err);

#endif
