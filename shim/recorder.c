/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flight recorder's file.
 *
 *   header (256 bytes) | slot | slot | ...      record seq is in slot
 *                                               (seq - 1) % number of slots
 *
 * A slot is 128 bytes: the record's fields, then a checksum over them, written
 * last. The mapping is shared with the page cache, so what was written outlives
 * this process, whatever kills it. Nothing is synced to storage: the bundle is
 * in memory and dies with the machine, as the container does.
 */
#include "shim/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#define FILE_MAX (64u << 20)

struct header {
	char magic[8];
	uint32_t version;
	uint32_t slot_size;
	char ns[RECORDER_NAME_MAX + 4];
	char id[RECORDER_NAME_MAX + 4];
	uint8_t reserved[76];
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
	uint8_t reserved[2];
	uint32_t checksum;
};

_Static_assert(sizeof(struct header) == 256, "the header's size is fixed");
_Static_assert(sizeof(struct slot) == 128, "the slot's size is fixed");

struct recorder {
	struct header *header; /* the whole mapping */
	size_t size;
	struct slot *slots;
	size_t n_slots;
	uint64_t seq; /* of the last record */
};

/* FNV-1a: it has to tell a torn record, not an enemy. */
static uint32_t
checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return hash;
}

static uint32_t
header_checksum(const struct header *h)
{
	return checksum(h, offsetof(struct header, checksum));
}

static uint32_t
slot_checksum(const struct slot *s)
{
	return checksum(s, offsetof(struct slot, checksum));
}

static void
fill_header(struct header *h, const char *ns, const char *id)
{
	*h = (struct header){ .version = VERSION,
		.slot_size = sizeof(struct slot) };
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	memcpy(h->ns, ns, strnlen(ns, RECORDER_NAME_MAX));
	memcpy(h->id, id, strnlen(id, RECORDER_NAME_MAX));
	h->checksum = header_checksum(h);
}

/* The blocks are reserved: a full disk must not kill us by SIGBUS later. */
static int
make_file(const char *path, size_t size)
{
	cleanup_close int fd = open(
	    path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	int r = posix_fallocate(fd, 0, (off_t)size);
	return r != 0 ? -r : take_fd(&fd);
}

int
recorder_open(const char *path, size_t size, const char *ns, const char *id,
    struct recorder **ret, struct err *err)
{
	cleanup_free struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set_errno(err, ENOMEM, "open recorder");
	cleanup_close int fd = make_file(path, size);
	if (fd < 0) {
		(void)unlink(path);
		return err_set_errno(err, -fd, "make %s", path);
	}
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return err_set_errno(err, errno, "map %s", path);
	r->header = map;
	r->size = size;
	r->slots = (struct slot *)(void *)(r->header + 1);
	r->n_slots = (size - sizeof(*r->header)) / sizeof(struct slot);
	fill_header(r->header, ns, id);
	*ret = take_ptr(r);
	return 0;
}

void
recorder_close(struct recorder *r)
{
	if (!r)
		return;
	(void)munmap(r->header, r->size);
	free(r);
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
	memcpy(&r->slots[(slot.seq - 1) % r->n_slots], &slot, sizeof(slot));
}

/* ---- reading ---- */

static int
check_header(
    const uint8_t *data, size_t len, struct header *ret, struct err *err)
{
	if (len < sizeof(*ret))
		return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
		    "too short for a recording");
	memcpy(ret, data, sizeof(*ret));
	if (memcmp(ret->magic, MAGIC, sizeof(ret->magic)) != 0)
		return err_set(
		    err, ERR_INVALID_ARGUMENT, EBADMSG, "not a recording");
	if (ret->version != VERSION || ret->slot_size != sizeof(struct slot))
		return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
		    "a recording of version %u, which is not known here",
		    ret->version);
	if (ret->checksum != header_checksum(ret))
		return err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
		    "the recording's header is damaged");
	return 0;
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

	memcpy(record.name, s->name, sizeof(record.name));
	record.name[RECORDER_NAME_MAX] = '\0';
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

static void
collect(const uint8_t *slots, size_t n_slots, struct recording *ret)
{
	struct slot slot;

	for (size_t i = 0; i < n_slots; i++) {
		memcpy(&slot, slots + i * sizeof(slot), sizeof(slot));
		if (slot.seq == 0 && slot.checksum == 0)
			continue; /* never written */
		if (slot.checksum != slot_checksum(&slot) || slot.seq == 0 ||
		    (slot.seq - 1) % n_slots != i) {
			ret->torn++;
			continue;
		}
		ret->records[ret->n++] = record_of(&slot);
	}
}

int
recording_parse(
    const uint8_t *data, size_t len, struct recording *ret, struct err *err)
{
	struct recording recording = { 0 };
	struct header header;

	int r = check_header(data, len, &header, err);
	if (r < 0)
		return r;
	size_t n_slots = (len - sizeof(header)) / sizeof(struct slot);
	recording.records = calloc(n_slots + 1, sizeof(*recording.records));
	if (!recording.records)
		return err_set_errno(err, ENOMEM, "read recording");
	memcpy(recording.ns, header.ns, RECORDER_NAME_MAX);
	memcpy(recording.id, header.id, RECORDER_NAME_MAX);
	collect(data + sizeof(header), n_slots, &recording);
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
	for (size_t i = recording->n; i-- > 0;) {
		const struct record *record = &recording->records[i];
		if (record->kind == RECORD_INIT &&
		    record->event == FSM_INIT_EV_EXITED)
			return record;
	}
	return NULL;
}
