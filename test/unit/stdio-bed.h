/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_STDIO_BED_H
#define TEST_UNIT_STDIO_BED_H

/*
 * A test bed for standard streams: FIFOs in a directory of its own, a loop, and
 * a check that no descriptor is left over. The test is the client on one side
 * and the container on the other.
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/stdio.h"
#include "test/unit/streams.h"

struct bed {
	struct event_base *base;
	struct oci_stdio *io;
	char dir[32];
	char in[48], out[48], err[48], file[48];
	int child[3];
	int fds_before;
	int drained;
};

static inline void
bed_name(const struct bed *bed, char *buf, size_t size, const char *leaf)
{
	assert_true(snprintf(buf, size, "%s/%s", bed->dir, leaf) < (int)size);
}

static inline int
bed_setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	*state = bed;
	bed->fds_before = streams_count_fds();
	bed->base = streams_base_new();
	strcpy(bed->dir, "/tmp/stdio-XXXXXX");
	assert_non_null(mkdtemp(bed->dir));
	bed_name(bed, bed->in, sizeof(bed->in), "in");
	bed_name(bed, bed->out, sizeof(bed->out), "out");
	bed_name(bed, bed->err, sizeof(bed->err), "err");
	bed_name(bed, bed->file, sizeof(bed->file), "file");
	assert_int_equal(mkfifo(bed->in, 0600), 0);
	assert_int_equal(mkfifo(bed->out, 0600), 0);
	assert_int_equal(mkfifo(bed->err, 0600), 0);
	for (int i = 0; i < 3; i++)
		bed->child[i] = -1;
	return 0;
}

static inline int
bed_remove_one(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int
bed_teardown(void **state)
{
	struct bed *bed = *state;

	oci_stdio_free(bed->io);
	for (int i = 0; i < 3; i++)
		close_fd(&bed->child[i]);
	event_base_free(bed->base);
	nftw(bed->dir, bed_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(streams_count_fds(), bed->fds_before);
	free(bed);
	return 0;
}

static inline void
bed_on_drained(void *arg)
{
	struct bed *bed = arg;

	assert_true(oci_stdio_drained(bed->io));
	bed->drained++;
}

static inline void
bed_open(struct bed *bed, const struct oci_stdio_spec *spec)
{
	struct err err;

	if (oci_stdio_open(bed->base, 2, spec, &bed->io, &err) < 0)
		fail_msg("%s", err.msg);
	oci_stdio_on_drained(bed->io, bed_on_drained, bed);
}

/*
 * As a runtime does it: the child gets duplicates, ours are closed. This child
 * is in the same thread, so its ends must not block.
 */
static inline void
bed_start(struct bed *bed)
{
	struct err err;
	int fds[3];

	oci_stdio_child_fds(bed->io, fds);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0) {
			bed->child[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
			fd_set_nonblock(bed->child[i], true);
		}
	assert_int_equal(oci_stdio_started(bed->io, &err), 0);
}

static inline void
bed_open_fifos(struct bed *bed)
{
	struct oci_stdio_spec spec = {
		.in = bed->in, .out = bed->out, .err = bed->err
	};

	bed_open(bed, &spec);
}

static inline int
bed_client(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		fail_msg("open %s: %s", path, strerror(errno));
	return fd;
}

static inline void
bed_feed_all(struct bed *bed, int fd, size_t *at, size_t end)
{
	while (*at < end) {
		streams_feed(fd, at, end - *at);
		streams_turns(bed->base, 1);
	}
}

/* Feeds until the far end takes no more. */
static inline void
bed_stuff(struct bed *bed, int fd, size_t *at)
{
	size_t before;

	do {
		before = *at;
		streams_feed(fd, at, 4096);
		streams_turns(bed->base, 4);
	} while (*at > before);
}

static inline void
bed_drain_to_eof(struct bed *bed, int fd, size_t *at)
{
	while (streams_drain(fd, at, 65536))
		streams_turns(bed->base, 1);
}

#define BED_TEST(test)                                                         \
	cmocka_unit_test_setup_teardown(test, bed_setup, bed_teardown)

#endif
