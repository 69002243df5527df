/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_RECORDER_H
#define SHIM_RECORDER_H

/*
 * The flight recorder: every input of a container's machines, in order, in a
 * bounded memory-mapped ring in the bundle. A record is written before its step
 * is taken and costs one memory copy; it survives the death of this process.
 * The file is binary, versioned, in host byte order, and each record carries a
 * checksum, so that a reader can tell a torn one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RECORDER_FILE "flight.rec" /* in the bundle */
#define RECORDER_SIZE                                                          \
	(64u << 10)          /* bytes of the file unless said otherwise        \
			      */
#define RECORDER_NAME_MAX 76 /* of an id, containerd's own limit */

struct recorder;

enum record_kind {
	RECORD_INIT = 1, /* a step of the init machine */
	RECORD_EXEC = 2, /* a step of an exec's machine */
	RECORD_RULE = 3, /* a step of the container rule */
	RECORD_NAME = 4, /* slot `process` is the exec called `name` */
};

struct record {
	int64_t at_ns;      /* CLOCK_REALTIME */
	uint64_t seq;       /* 1, 2, ...; set by the recorder */
	uint8_t kind;       /* enum record_kind */
	uint8_t event;      /* enum fsm_*_event */
	uint8_t from, next; /* states; for the rule: execs_gone in next */
	uint8_t step;     /* enum fsm_kind; for the rule: 1 when it was a bug */
	uint32_t process; /* 0 is init, else an exec's slot */
	uint64_t actions; /* for the rule: execs before the step, plus flags:
			   * bit 32 init_dead, bit 33 init_waits */
	uint32_t pid;    /* of EXITED: the process; of OP_OK: the new process */
	uint32_t status; /* of EXITED */
	char name[RECORDER_NAME_MAX + 1]; /* RECORD_NAME only */
};

/*
 * Makes (or replaces) the file at path, `size` bytes, for container id of
 * namespace ns.
 */
int recorder_open(const char *path, size_t size, const char *ns, const char *id,
    struct recorder **ret, struct err *err);
/* The file stays. NULL is fine. */
void recorder_close(struct recorder *recorder);

/* record->seq is set here, and at_ns to now where it is 0. A NULL recorder
 * records nothing. */
void recorder_add(struct recorder *recorder, const struct record *record);

/* ---- reading ---- */

struct recording {
	char ns[RECORDER_NAME_MAX + 1];
	char id[RECORDER_NAME_MAX + 1];
	struct record *records; /* in order of seq, no gaps */
	size_t n;
	bool complete; /* begins at seq 1 */
	size_t torn;   /* records that failed their checksum, left out */
};

/* Any file is safe to read: what is not a recording is -EBADMSG. */
int recording_load(const char *path, struct recording *ret, struct err *err);
int recording_parse(
    const uint8_t *data, size_t len, struct recording *ret, struct err *err);
void recording_done(struct recording *recording);

/* The last EXITED of init: its step's record; NULL if there was none. */
const struct record *recording_init_exit(const struct recording *recording);

#endif
