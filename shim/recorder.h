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

#define RECORDER_FILE     "flight.rec" /* in the bundle */
#define RECORDER_NAME_MAX 76           /* of an id, containerd's own limit */

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
	uint64_t actions; /* for the rule its state before the step, see below
			   */
	uint32_t pid;    /* of EXITED: the process; of OP_OK: the new process */
	uint32_t status; /* of EXITED */
	char name[RECORDER_NAME_MAX + 1]; /* RECORD_NAME only */
};

/* The rule's state in `actions`: the number of execs, and these. */
#define RECORD_RULE_DEAD  (UINT64_C(1) << 32) /* init_dead */
#define RECORD_RULE_WAITS (UINT64_C(1) << 33) /* init_waits */

/*
 * Makes the file at path anew, `size` bytes, for container id of namespace ns.
 * A file that was there before is unlinked: whoever has it open keeps it.
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
	struct record exit; /* the last EXITED of init; seq 0: there was none */
	bool complete;      /* begins at seq 1 */
	bool cut;           /* the file is shorter than it was made */
	bool foreign; /* states, events or actions had other numbers then */
	size_t torn;  /* records that failed their checksum, left out */
};

/* Any file is safe to read: what is not a recording is -EBADMSG. Names come out
 * as containerd allows them, with '?' for any other character. */
int recording_load(const char *path, struct recording *ret, struct err *err);
int recording_parse(
    const uint8_t *data, size_t len, struct recording *ret, struct err *err);
void recording_done(struct recording *recording);

/*
 * How init ended: its last EXITED, which outlives the ring's wrapping. NULL if
 * there was none, or when it cannot be told because the recording is foreign.
 */
const struct record *recording_init_exit(const struct recording *recording);

#endif
