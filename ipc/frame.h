/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_FRAME_H
#define IPC_FRAME_H

/*
 * ttrpc frames: a 10-byte header, then at most 4 MiB of payload.
 */
#include <stddef.h>
#include <stdint.h>

#define TTRPC_HEADER_SIZE 10
#define TTRPC_PAYLOAD_MAX 4194304 /* inclusive */

enum ttrpc_frame_type {
	TTRPC_REQUEST = 1,
	TTRPC_RESPONSE = 2,
	TTRPC_DATA = 3,
};

enum ttrpc_frame_flags {
	TTRPC_REMOTE_CLOSED = 0x01,
	TTRPC_REMOTE_OPEN = 0x02,
	TTRPC_NO_DATA = 0x04,
};

struct ttrpc_header {
	uint32_t length; /* of the payload */
	uint32_t stream;
	uint8_t type;
	uint8_t flags;
};

/* Any 10 bytes decode: it is up to the reader to judge the values. */
void ttrpc_header_decode(
    const uint8_t raw[TTRPC_HEADER_SIZE], struct ttrpc_header *ret);
void ttrpc_header_encode(
    const struct ttrpc_header *header, uint8_t ret_raw[TTRPC_HEADER_SIZE]);

#endif
