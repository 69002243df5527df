/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder's file.
 *
 *   header (256 bytes) | exit | slot | slot | ...
 *
 * Record seq is in ring slot (seq - 1) % number of slots; the last EXITED of
 * init is in the slot "exit" too, where later records do not overwrite it. A
 * slot is 128 bytes: the record's fields, then a checksum over them, so that a
 * half-written one is told from a whole one. The mapping is shared with the
 * page cache, so what was written outlives this process, whatever kills it.
 * Nothing is synced to storage: the bundle is in memory and dies with the
 * machine, as the container does.
 */
#include "shim/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "fsm/fsm.h"

#define MAGIC    "CHOCKREC"
#define VERSION  1
#define FILE_MAX (16u << 20)

struct header {
	char magic[8];
	uint32_t version;
	uint32_t slot_size;
	uint32_t n_slots; /* of the ring */
	uint32_t names;   /* hash of the names that the numbers stand for */
	char ns[RECORDER_NAME_MAX + 4];
	char id[RECORDER_NAME_MAX + 4];
	uint8_t reserved[68];
	uint32_t checksum;
};

struct slot {
	uint64_t seq;
	int64_t at_ns;
	uint64_t actions;
	uint32_t process;
	uint32_t pid;
	uint32_t status;
	uint8_t kind, event, from, next, step;
	char name[RECORDER_NAME_MAX + 1];
	uint8_t reserved[6];
	uint32_t checksum;
};

struct file {
	struct header header;
	struct slot exit;
	struct slot ring[];
};

_Static_assert(sizeof(struct header) == 256, "the header's size is fixed");
_Static_assert(sizeof(struct slot) == 128, "the slot's size is fixed");
_Static_assert(offsetof(struct slot, checksum) == 124, "the slot has no holes");
_Static_assert(sizeof(struct file) == 384, "the file has no holes");

struct recorder {
	struct file *file; /* the mapping */
	size_t size;
	uint64_t seq; /* of the last record */
};

/* FNV-1a: it has to tell a torn record, not an enemy. */
#define FNV_BEGIN 2166136261u
#define FNV_PRIME 16777619u

static uint32_t
fnv(uint32_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * FNV_PRIME;
	return hash;
}

static uint32_t
header_checksum(const struct header *h)
{
	return fnv(FNV_BEGIN, h, offsetof(struct header, checksum));
}

static uint32_t
slot_checksum(const struct slot *s)
{
	return fnv(FNV_BEGIN, s, offsetof(struct slot, checksum));
}

static uint32_t
fnv_text(uint32_t hash, const char *text)
{
	return fnv(hash, text, strlen(text) + 1);
}

/*
 * A program of another version may give a state or event another number. It
 * must not take one for the other when it reads a recording.
 */
static uint32_t
hash_names(void)
{
	uint32_t h = FNV_BEGIN;

	for (unsigned i = 0; i < FSM_INIT_STATES; i++)
		h = fnv_text(h, fsm_init_state_name((enum fsm_init_state)i));
	for (unsigned i = 0; i < FSM_INIT_EVENTS; i++)
		h = fnv_text(h, fsm_init_event_name((enum fsm_init_event)i));
	for (unsigned i = 0; i < FSM_EXEC_STATES; i++)
		h = fnv_text(h, fsm_exec_state_name((enum fsm_exec_state)i));
	for (unsigned i = 0; i < FSM_EXEC_EVENTS; i++)
		h = fnv_text(h, fsm_exec_event_name((enum fsm_exec_event)i));
	for (unsigned i = 0; i < FSM_RULE_EVENTS; i++)
		h = fnv_text(h, fsm_rule_event_name((enum fsm_rule_event)i));
	for (unsigned i = 0; i < FSM_ACTIONS; i++)
		h = fnv_text(h, fsm_action_name((enum fsm_action)i));
	return h;
}

static void
fill_header(struct header *h, size_t size, const char *ns, const char *id)
{
	*h = (struct header){
		.version = VERSION,
		.slot_size = sizeof(struct slot),
		.n_slots = (uint32_t)((size - sizeof(struct file)) /
				      sizeof(struct slot)),
		.names = hash_names(),
	};
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	memcpy(h->ns, ns, strnlen(ns, RECORDER_NAME_MAX));
	memcpy(h->id, id, strnlen(id, RECORDER_NAME_MAX));
	h->checksum = header_checksum(h);
}

/*
 * A new inode, for an old one may still be mapped. The blocks are reserved: a
 * full disk must not kill us by SIGBUS later.
 */
static int
make_file(const char *path, size_t size)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	cleanup_close int fd =
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = posix_fallocate(fd, 0, (off_t)size);
	if (r == 0)
		return take_fd(&fd);
	(void)unlink(path);
	return -r;
}

int
recorder_open(const char *path, size_t size, const char *ns, const char *id,
    struct recorder **ret, struct err *err)
{
	if (size < sizeof(struct file) + sizeof(struct slot) || size > FILE_MAX)
		return err_set_errno(err, EINVAL, "record in %zu bytes", size);
	cleanup_free struct recorder *r = calloc(1, sizeof(*r));
	if (!r)
		return err_set_errno(err, ENOMEM, "open recorder");
	cleanup_close int fd = make_file(path, size);
	if (fd < 0)
		return err_set_errno(err, -fd, "make %s", path);
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		int sys = errno;
		(void)unlink(path);
		return err_set_errno(err, sys, "map %s", path);
	}
	r->file = map;
	r->size = size;
	fill_header(&r->file->header, size, ns, id);
	*ret = take_ptr(r);
	return 0;
}

void
recorder_close(struct recorder *r)
{
	if (!r)
		return;
	(void)munmap(r->file, r->size);
	free(r);
}

static bool
is_init_exit(const struct record *record)
{
	return record->kind == RECORD_INIT &&
	       record->event == FSM_INIT_EV_EXITED;
}

void
recorder_add(struct recorder *r, const struct record *record)
{
	if (!r)
		return;
	struct slot slot = {
		.seq = ++r->seq,
		.at_ns = record->at_ns ? record->at_ns : clock_realtime_ns(),
		.actions = record->actions,
		.process = record->process,
		.pid = record->pid,
		.status = record->status,
		.kind = record->kind,
		.event = record->event,
		.from = record->from,
		.next = record->next,
		.step = record->step,
	};
	memcpy(slot.name, record->name, sizeof(slot.name));
	slot.checksum = slot_checksum(&slot);
	struct file *file = r->file;
	memcpy(&file->ring[(slot.seq - 1) % file->header.n_slots], &slot,
	    sizeof(slot));
	if (is_init_exit(record))
		memcpy(&file->exit, &slot, sizeof(slot));
}

/* ---- reading ---- */

static int
bad(struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG, "%s", why);
}

static int
check_header(
    const uint8_t *data, size_t len, struct header *ret, struct err *err)
{
	if (len < sizeof(struct file))
		return bad(err, "too short for a recording");
	memcpy(ret, data, sizeof(*ret));
	if (memcmp(ret->magic, MAGIC, sizeof(ret->magic)) != 0)
		return bad(err, "not a recording");
	if (ret->version != VERSION || ret->slot_size != sizeof(struct slot))
		return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
		    "a recording of version %u, which is not known here",
		    ret->version);
	if (ret->checksum != header_checksum(ret) || ret->n_slots == 0)
		return bad(err, "the recording's header is damaged");
	return 0;
}

/* Names are letters, digits and joints; whatever else a file holds must not
 * reach a terminal or a graph. */
static void
copy_name(char to[RECORDER_NAME_MAX + 1], const char *from)
{
	size_t len = strnlen(from, RECORDER_NAME_MAX);

	for (size_t i = 0; i < len; i++) {
		char c = from[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '.' || c == '_' ||
			  c == '-';
		to[i] = ok ? c : '?';
	}
	to[len] = '\0';
}

static struct record
record_of(const struct slot *s)
{
	struct record record = {
		.at_ns = s->at_ns,
		.seq = s->seq,
		.kind = s->kind,
		.event = s->event,
		.from = s->from,
		.next = s->next,
		.step = s->step,
		.process = s->process,
		.actions = s->actions,
		.pid = s->pid,
		.status = s->status,
	};

	copy_name(record.name, s->name);
	return record;
}

static int
compare_seq(const void *a, const void *b)
{
	uint64_t x = ((const struct record *)a)->seq;
	uint64_t y = ((const struct record *)b)->seq;

	return x < y ? -1 : x > y;
}

/* Keeps the newest run of records without a gap. */
static void
drop_before_gap(struct recording *recording)
{
	struct record *records = recording->records;
	size_t first = recording->n;

	while (
	    first > 0 && (first == recording->n ||
			     records[first - 1].seq + 1 == records[first].seq))
		first--;
	memmove(records, records + first,
	    (recording->n - first) * sizeof(*records));
	recording->n -= first;
}

/* True when it holds a record; one that was torn is counted. */
static bool
read_slot(const uint8_t *data, struct slot *slot, struct recording *ret)
{
	memcpy(slot, data, sizeof(*slot));
	if (slot->seq == 0 && slot->checksum == 0)
		return false; /* never written */
	if (slot->seq != 0 && slot->checksum == slot_checksum(slot))
		return true;
	ret->torn++;
	return false;
}

static void
collect(const uint8_t *ring, size_t n, uint32_t n_slots, struct recording *ret)
{
	struct slot slot;

	for (size_t i = 0; i < n; i++) {
		if (!read_slot(ring + i * sizeof(slot), &slot, ret))
			continue;
		if ((slot.seq - 1) % n_slots == i)
			ret->records[ret->n++] = record_of(&slot);
		else
			ret->torn++;
	}
}

int
recording_parse(
    const uint8_t *data, size_t len, struct recording *ret, struct err *err)
{
	struct recording recording = { 0 };
	struct header header;
	struct slot exit;

	int r = check_header(data, len, &header, err);
	if (r < 0)
		return r;
	size_t n = (len - sizeof(struct file)) / sizeof(struct slot);
	recording.cut = n < header.n_slots;
	if (n > header.n_slots)
		n = header.n_slots;
	recording.records = calloc(n + 1, sizeof(*recording.records));
	if (!recording.records)
		return err_set_errno(err, ENOMEM, "read recording");
	copy_name(recording.ns, header.ns);
	copy_name(recording.id, header.id);
	recording.foreign = header.names != hash_names();
	if (read_slot(data + offsetof(struct file, exit), &exit, &recording))
		recording.exit = record_of(&exit);
	collect(data + sizeof(struct file), n, header.n_slots, &recording);
	qsort(recording.records, recording.n, sizeof(*recording.records),
	    compare_seq);
	drop_before_gap(&recording);
	recording.complete = recording.n > 0 && recording.records[0].seq == 1;
	*ret = recording;
	return 0;
}

int
recording_load(const char *path, struct recording *ret, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len;

	int r = file_read(AT_FDCWD, path, FILE_MAX, &data, &len);
	if (r < 0)
		return err_set_errno(err, -r, "read %s", path);
	r = recording_parse((const uint8_t *)data, len, ret, err);
	return r < 0 ? err_wrap(err, "%s", path) : 0;
}

void
recording_done(struct recording *recording)
{
	free(recording->records);
	*recording = (struct recording){ 0 };
}

const struct record *
recording_init_exit(const struct recording *recording)
{
	const struct record *exit = &recording->exit;

	return exit->seq != 0 && !recording->foreign ? exit : NULL;
}
