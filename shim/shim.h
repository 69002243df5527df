/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

/*
 * The serving process: the loop, the tables of containers, and what they share.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "shim/runtime-kind.h"
#include "shim/tombstone.h"

struct child_set;
struct config;
struct event;
struct event_base;
struct process;
struct publisher;
struct sandbox;
struct ttrpc_server;

/*
 * Priorities of the loop. The right order of events comes from the machines;
 * priorities only cut latency: an exit is told before more work is taken on,
 * and publishing never keeps a caller waiting.
 */
enum shim_priority {
	PRIORITY_CHILD,
	PRIORITY_RPC,
	PRIORITY_PUBLISH, /* and copying, which must not keep events back */
	PRIORITIES
};

/* Times in nanoseconds. */
struct shim_times {
	int64_t runtime; /* one runtime command that makes or ends a process */
	int64_t console; /* from the runtime's success to its terminal */
	int64_t drain;   /* Delete waits this long for output to end */
	int64_t
	    orphaned; /* what a runtime command has left once init is dead */
	int64_t shutdown; /* the queue is drained for at most this long */
};

struct shim {
	struct event_base *base;
	struct child_set *children;
	struct ttrpc_server *server;
	struct publisher *publisher;
	struct list containers; /* struct container */
	struct list launches;  /* struct launch, for adopting their processes */
	struct list loggers;   /* struct oci_logger: those that linger */
	struct list sandboxes; /* struct runsc_sandbox */
	struct list dead;      /* struct process, freed by the next event */
	struct event *bury;
	struct event *end;  /* the bound of a shutdown */
	struct event *idle; /* nobody needs it for that long; NULL: for ever */
	struct sandbox *sandbox; /* of the Sandbox service; NULL: none */
	struct tombstones tombstones;
	struct runtime_known known;
	struct shim_times times;
	const char *ns;              /* containerd namespace, borrowed */
	const struct config *config; /* borrowed */
	bool debug;                  /* -debug: nothing makes it less */
	bool ending;
};

/*
 * Makes an empty shim in *shim. publish_address is containerd's ttrpc socket
 * ("" for none); ns and config are borrowed.
 */
int shim_init(struct shim *shim, const struct config *config, const char *ns,
    const char *publish_address, struct err *err);
/* Frees everything, containers included; their processes are left alone. */
void shim_done(struct shim *shim);

/*
 * To be freed by the loop, once no callback runs on it: an exec, or with its
 * init a whole container. Both are out of all tables from here on.
 */
void shim_bury(struct shim *shim, struct process *p);

/* From here on the shim ends by itself when it is idle for as long as the
 * configuration says; nothing when it says never. */
int shim_watch_idle(struct shim *shim, struct err *err);

/* True when nobody is connected and there is no container. */
bool shim_is_idle(const struct shim *shim);

/*
 * Begins the end: no new connections, events drained, then the loop is left.
 * Containers are left running. Any number of times.
 */
void shim_end(struct shim *shim);

#endif
