/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_PUBLISH_H
#define IPC_PUBLISH_H

/*
 * The publish queue: ordered, bounded, the only way events leave. One Forward
 * call is in flight; when it fails for want of a connection, by timeout or by
 * any error that is not about the event itself, the same event is sent again,
 * with backoff, for as long as it takes. An event that containerd refuses as
 * INVALID_ARGUMENT or cannot decode, or that no frame can hold, is logged and
 * dropped, since it would be refused for ever. After a timeout the next attempt
 * is made on a new connection.
 *
 * Exactly once: a Forward whose answer was lost is sent again. containerd may
 * then have seen it already; that cannot be told apart on this protocol, and a
 * second delivery is the lesser evil. It is logged.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct publisher;

struct publish_limits {
	size_t
	    droppable_max; /* queued events before droppable ones are dropped */
	int64_t call_timeout_ns; /* of one Forward; 0: while it is connected */
	int64_t retry_min_ns, retry_max_ns;
};
/*
 * No timeout: a unix socket loses nothing, so a containerd that is only stopped
 * or slow has the event already, and sending it again would tell it twice.
 */
#define PUBLISH_LIMITS_DEFAULT                                                 \
	((struct publish_limits){ .droppable_max = 1024,                       \
	    .call_timeout_ns = 0,                                              \
	    .retry_min_ns = 50000000,                                          \
	    .retry_max_ns = 5000000000 })

/* What may be done to an event when the queue is full. */
enum publish_class {
	PUBLISH_KEEP, /* create, start, exit, delete, exec: never dropped */
	PUBLISH_OOM,  /* dropped if one for the same container waits already */
	PUBLISH_PAUSED,  /* a paused and a following resumed of the same */
	PUBLISH_RESUMED, /* container cancel out */
};

/*
 * address is containerd's ttrpc socket path; NULL or "" means that nobody
 * listens (CRI-O): events are then counted and dropped. ns goes into every
 * envelope.  Both are copied.
 */
int publisher_new(struct event_base *base, int priority, const char *address,
    const char *ns, const struct publish_limits *limits, struct publisher **ret,
    struct err *err);
void publisher_free(struct publisher *publisher);

/*
 * Queues one event. id is the container's, for merging; topic and type_url as
 * in containerd ("/tasks/exit", "containerd.events.TaskExit"); body is the
 * encoded message. All copied. The envelope's timestamp is taken now.
 * Fails only with -ENOMEM.
 */
int publisher_push(struct publisher *publisher, enum publish_class class,
    const char *id, const char *topic, const char *type_url,
    const uint8_t *body, size_t len, struct err *err);

size_t publisher_queued(const struct publisher *publisher);
uint64_t publisher_dropped(const struct publisher *publisher);

/*
 * Called from the loop each time the queue has become empty (everything was
 * acknowledged or refused). May push, and may free the publisher.
 */
typedef void publisher_empty_fn(void *arg);
void publisher_on_empty(
    struct publisher *publisher, publisher_empty_fn *fn, void *arg);

#endif
