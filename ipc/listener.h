/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_LISTENER_H
#define IPC_LISTENER_H

/*
 * A listening unix socket that lets in only its own user and group. Internal to
 * ipc/.
 */
#include "base/err.h"

struct event_base;
struct listener;

/* Owns fd from here on. */
typedef void listener_accept_fn(int fd, void *arg);

/* Owns fd from here on, also on failure. */
int listener_new_consume(struct event_base *base, int priority, int fd,
    listener_accept_fn *accepted, void *arg, struct listener **ret,
    struct err *err);

/* Accepts one connection if one waits, without the loop. */
void listener_accept_now(struct listener *listener);

/* Closes the socket. NULL is fine. Not from inside of `accepted`. */
void listener_free(struct listener *listener);

#endif
