/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RPC_H
#define SHIM_RPC_H

/*
 * The Task service, versions 2 and 3 on the same socket.
 */
#include <stddef.h>

#include "ipc/server.h"

/* Handlers get a struct shim as their argument. */
extern const struct ttrpc_method rpc_methods[];
extern const size_t rpc_methods_n;

#endif
