/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RPC_H
#define SHIM_RPC_H

/*
 * The Task service, versions 2 and 3 on the same socket, and beside it the
 * Sandbox service (sandbox-rpc.h).
 */
#include <pb.h>
#include <stdbool.h>
#include <stddef.h>

#include "ipc/server.h"

/*
 * The message of a call, for message_release(); *ret_msg must be all zero.
 * False: the call was answered.
 */
bool rpc_decode(
    struct ttrpc_call *call, const pb_msgdesc_t *fields, void *ret_msg);

/* Handlers get a struct shim as their argument. */
extern const struct ttrpc_method rpc_methods[];
extern const size_t rpc_methods_n;

#endif
