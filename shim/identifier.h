/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_IDENTIFIER_H
#define SHIM_IDENTIFIER_H

#include "base/err.h"

#define IDENTIFIER_MAX 76

/*
 * containerd's rule for ids and namespaces: 1 to 76 characters, runs of letters
 * and digits joined by a single '.', '_' or '-'. It matters here because ids
 * become file names.
 */
int identifier_check(const char *id, struct err *err);

#endif
