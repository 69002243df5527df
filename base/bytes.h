/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* A run of bytes. Whether it is owned or borrowed is said where it is used. */
struct bytes {
	uint8_t *data;
	size_t len;
};

/* Frees an owned run and empties it. */
static inline void
bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){ 0 };
}

#define cleanup_bytes __attribute__((cleanup(bytes_free)))

#endif
