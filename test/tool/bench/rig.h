/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RIG_H
#define BENCH_RIG_H

/*
 * A shim with one container, and this program as its containerd. Whatever fails
 * ends the program with a message.
 */
#include <pb.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

struct event;
struct event_base;
struct sink;
struct ttrpc_client;

enum side { OURS, THEIRS, SIDES };

struct bench {
	struct event_base *base;
	struct sink *sink;
	const char *dir; /* of the configurations; for bundles and sockets */
	const char *tag; /* begins the ids of containers */
	const char *shim[SIDES];
	unsigned rounds;
	unsigned stream_mib; /* what a container of stream.json writes */
	unsigned containers; /* so far */
	int log_fd;          /* for all that shims log */
};

/* Who takes turn n: each shim once in two turns, the first one of the two first
 * in every other pair. */
enum side bench_turn(unsigned n);

/* A call under way. Zeroed before each use. */
struct call {
	bool done;
	int64_t at; /* of the reply */
	struct bytes reply;
	const char *what;
	void (*then)(struct call *call, void *arg); /* or NULL */
	void *arg;
};

struct rig {
	struct bench *bench;
	enum side side;
	char id[64], bundle[128];
	int log_fd, pidfd;
	bool ended; /* the shim */
	struct event *log_event, *end_event;
	struct ttrpc_client *client;
	pid_t shim_pid, init_pid;
	double start_ms; /* from running "start" to its address and its end */
};

/* A bundle with the named configuration; its path into bundle, its id into
 * id. */
void bundle_make(struct bench *bench, const char *config, char id[static 64],
    char bundle[static 128]);
void bundle_remove(const char *bundle);

/* Runs the shim's "start" and connects. */
void rig_open(
    struct rig *rig, struct bench *bench, enum side side, const char *config);
/* For a container that runs: SIGKILL, Delete, and rig_close(). */
void rig_end(struct rig *rig);
/* Shutdown, and the end of the shim's process. */
void rig_close(struct rig *rig);

void rig_send(struct rig *rig, const char *method, const pb_msgdesc_t *fields,
    const void *request, struct call *call);
/* Until the reply is there. */
void rig_await(struct rig *rig, struct call *call);
/* Both; how many milliseconds that took. The reply must be freed. */
double rig_call(struct rig *rig, const char *method, const pb_msgdesc_t *fields,
    const void *request, struct bytes *ret_reply);
/* The methods that take {id, exec_id} or only an id. */
double rig_call_id(struct rig *rig, const char *method);

/* Stdio by path; both may be NULL. */
double rig_create(struct rig *rig, const char *out, const char *errors);

#endif
