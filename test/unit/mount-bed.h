/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_MOUNT_BED_H
#define TEST_UNIT_MOUNT_BED_H

/*
 * A test bed for mounts, in a mount namespace that the program makes for
 * itself. Each test has a fresh tmpfs at a directory of its own to play in,
 * with a directory "rootfs" to mount on.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mountinfo.h"
#include "oci/mount.h"

static char bed_top[] = "/tmp/chock-mount-XXXXXX";
static bool bed_can_mount;

/* By way of void *, because a literal is const and an option is not. */
#define OPTIONS(...)                                                           \
	.options = (void *)(const char *[]){ __VA_ARGS__ },                    \
	.n_options =                                                           \
	    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)

/* A path below bed_top, in one of a few buffers. */
static inline const char *
at(const char *name)
{
	static char buffers[8][PATH_MAX];
	static size_t next;
	char *buf = buffers[next++ % 8];

	assert_int_equal(path_format(buf, PATH_MAX, "%s/%s", bed_top, name), 0);
	return buf;
}

static inline const char *
make_dir(const char *name)
{
	const char *path = at(name);

	assert_int_equal(dir_make_all(path, 0755), 0);
	return path;
}

static inline void
make_file(const char *name)
{
	assert_int_equal(
	    file_write_atomic(AT_FDCWD, at(name), "x", 1, 0644), 0);
}

static inline bool
exists(const char *name)
{
	return access(at(name), F_OK) == 0;
}

static inline void
mount_tmpfs(const char *name)
{
	assert_int_equal(mount("t", make_dir(name), "tmpfs", 0, NULL), 0);
}

/* How many mounts are at exactly this path. */
static inline int
mounts_at(const char *path)
{
	cleanup_mountinfo struct mountinfo table = { 0 };
	int n = 0;

	assert_int_equal(mountinfo_read(&table), 0);
	for (size_t i = 0; i < table.n; i++)
		n += strcmp(table.entries[i].mount_point, path) == 0;
	return n;
}

/* How many mounts there are at a path with this prefix. */
static inline int
mounts_with_prefix(const char *prefix)
{
	cleanup_mountinfo struct mountinfo table = { 0 };
	int n = 0;

	assert_int_equal(mountinfo_read(&table), 0);
	for (size_t i = 0; i < table.n; i++)
		n += strncmp(table.entries[i].mount_point, prefix,
			 strlen(prefix)) == 0;
	return n;
}

/* Does what is mounted there pass on mounts? */
static inline bool
is_shared(const char *path)
{
	cleanup_free char *text = NULL;
	char needle[PATH_MAX];

	assert_int_equal(
	    file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 24, &text, NULL),
	    0);
	assert_int_equal(path_format(needle, sizeof(needle), " %s ", path), 0);
	const char *line = strstr(text, needle);
	assert_non_null(line);
	const char *mark = strstr(line, " shared:");
	return mark && mark < strchr(line, '\n');
}

static inline void
mount_ok(const struct oci_mount *mounts, size_t n)
{
	struct err err = { 0 };

	if (oci_mount_all(at("rootfs"), mounts, n, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline void
unmount_ok(const char *path)
{
	struct err err = { 0 };

	if (oci_unmount_all(path, &err) < 0)
		fail_msg("%s", err.msg);
}

static inline int
bed_setup_group(void **state)
{
	(void)state;
	bed_can_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
			mount("", "/", "", MS_REC | MS_PRIVATE, NULL) == 0;
	return mkdtemp(bed_top) ? 0 : -1;
}

static inline int
bed_teardown_group(void **state)
{
	(void)state;
	return rmdir(bed_top);
}

static inline int
bed_setup(void **state)
{
	(void)state;
	if (!bed_can_mount)
		return 0;
	if (mount("play", bed_top, "tmpfs", 0, NULL) < 0)
		return -1;
	return mkdir(at("rootfs"), 0755);
}

static inline int
bed_teardown(void **state)
{
	(void)state;
	while (bed_can_mount && umount2(bed_top, MNT_DETACH) == 0)
		;
	return 0;
}

/* Ends the test as skipped, with the reason on the log. */
static inline void
bed_skip(const char *reason)
{
	print_message("SKIP: %s\n", reason);
	skip();
}

static inline void
need_mounts(void)
{
	if (!bed_can_mount)
		bed_skip("mounting takes root and a mount namespace");
}

/* What takes longer is taken to hang. */
#define BED_DEADLINE_NS (10 * NSEC_PER_SEC)

/* The status of a child; one that goes on fails the test and is ended. */
static inline int
bed_wait_for(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };
	int64_t deadline = clock_monotonic_ns() + BED_DEADLINE_NS;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_monotonic_ns() > deadline) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
			fail_msg("process %d goes on", (int)pid);
		}
		(void)nanosleep(&pause, NULL);
	}
	return status;
}

/* An ext2 file system in a file; skips where that cannot be. */
static inline const char *
make_image(const char *name)
{
	char command[2 * PATH_MAX];

	need_mounts();
	if (access("/dev/loop-control", R_OK | W_OK) < 0)
		bed_skip("no /dev/loop-control");
	if (access("/sbin/mkfs.ext4", X_OK) < 0)
		bed_skip("no mkfs.ext4");
	assert_int_equal(
	    path_format(command, sizeof(command),
		"/sbin/mkfs.ext4 -q -F %s 1M >%s.log 2>&1", at(name), at(name)),
	    0);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	return at(name);
}

/* lowerdir= with n layers under a directory with a long name. */
static inline char *
many_layers(size_t n, bool make)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	char name[128];

	assert_non_null(out);
	(void)fputs("lowerdir=", out);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(path_format(name, sizeof(name),
				     "a-directory-with-quite-a-long-name-which-"
				     "takes-most-of-the-page/%zu",
				     i),
		    0);
		if (make)
			(void)make_dir(name);
		(void)fprintf(out, "%s%s", i ? ":" : "", at(name));
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

#define MOUNT_TEST(fn)                                                         \
	cmocka_unit_test_setup_teardown(fn, bed_setup, bed_teardown)

#endif
