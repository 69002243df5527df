/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_UTF8_H
#define IPC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * True if the bytes are UTF-8 (RFC 3629: shortest forms, no surrogates, up to
 * U+10FFFF) without a NUL, so that they can be held as a C string.
 */
bool utf8_valid(const uint8_t *data, size_t len);

/* Replaces each byte that is no part of a valid character by '?'. */
void utf8_repair(char *text);

#endif
