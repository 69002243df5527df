/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SANDBOX_RPC_H
#define SHIM_SANDBOX_RPC_H

/* Handlers of containerd.runtime.sandbox.v1.Sandbox; arg is the shim. */
#include "ipc/server.h"

ttrpc_handler_fn sandbox_on_create;
ttrpc_handler_fn sandbox_on_start;
ttrpc_handler_fn sandbox_on_platform;
ttrpc_handler_fn sandbox_on_stop;
ttrpc_handler_fn sandbox_on_wait;
ttrpc_handler_fn sandbox_on_status;
ttrpc_handler_fn sandbox_on_ping;
ttrpc_handler_fn sandbox_on_shutdown;
ttrpc_handler_fn sandbox_on_metrics;

#endif
