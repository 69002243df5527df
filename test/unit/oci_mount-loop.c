/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files mounted by loop devices, with the machine's own ones: what they leave,
 * and what is done when others take the number first.
 *
 * link: -Wl,--wrap=ioctl
 */
#include <dirent.h>
#include <errno.h>
#include <linux/loop.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

#include "oci/mount-internal.h"
#include "test/unit/mount-bed.h"

/* What the kernel is made to say about so many requests. */
static struct {
	unsigned long request;
	int times;
	int error;
	int seen;
} fault;

/* LO_FLAGS_*, as last asked for. */
static unsigned loop_flags;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;

	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (request == LOOP_CONFIGURE)
		loop_flags = ((const struct loop_config *)arg)->info.lo_flags;
	if (request == fault.request && fault.seen++ < fault.times) {
		errno = fault.error;
		return -1;
	}
	return __real_ioctl(fd, request, arg);
}

/* The number of the loop device with this file, or -1. */
static int
loop_of(const char *file)
{
	cleanup_dir DIR *dir = opendir("/sys/block");
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) { // NOLINT(concurrency-mt-unsafe)
		cleanup_free char *backing = NULL;
		char path[PATH_MAX];
		int number;

		if (sscanf(entry->d_name, "loop%d", &number) != 1)
			continue;
		assert_int_equal(
		    path_format(path, sizeof(path),
			"/sys/block/loop%d/loop/backing_file", number),
		    0);
		if (file_read(AT_FDCWD, path, PATH_MAX, &backing, NULL) == 0 &&
		    strncmp(backing, file, strlen(file)) == 0 &&
		    backing[strlen(file)] == '\n')
			return number;
	}
	return -1;
}

static char
loop_attribute(int number, const char *name)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];

	assert_int_equal(path_format(path, sizeof(path), "/sys/block/loop%d/%s",
			     number, name),
	    0);
	assert_int_equal(file_read(AT_FDCWD, path, 64, &text, NULL), 0);
	return text[0];
}

/* The kernel may take a moment to clear a device that nobody uses. */
static void
wait_until_detached(const char *file)
{
	const struct timespec pause = { .tv_nsec = NSEC_PER_MSEC };
	int64_t deadline = clock_monotonic_ns() + BED_DEADLINE_NS;

	while (loop_of(file) >= 0) {
		if (clock_monotonic_ns() > deadline)
			fail_msg("%s is still at loop%d", file, loop_of(file));
		(void)nanosleep(&pause, NULL);
	}
}

static int
setup(void **state)
{
	memset(&fault, 0, sizeof(fault));
	return bed_setup(state);
}

static void
mount_image(const char *image)
{
	mount_ok(&(struct oci_mount){ .type = "ext4",
		     .source = image,
		     .target = "",
		     OPTIONS("loop", "nodev", "direct-io") },
	    1);
}

static void
test_writable(void **state)
{
	(void)state;
	const char *image = make_image("image");
	mount_image(image);
	assert_true(exists("rootfs/lost+found"));
	make_file("rootfs/new");
	int number = loop_of(image);
	assert_true(number >= 0);
	assert_int_equal(loop_flags, LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO);
	assert_int_equal(loop_attribute(number, "ro"), '0');
	unmount_ok(at("rootfs"));
	wait_until_detached(image);
	mount_image(image);
	assert_true(exists("rootfs/new"));
	unmount_ok(at("rootfs"));
	wait_until_detached(image);
}

/* Not even the file has to be writable. */
static void
test_read_only(void **state)
{
	(void)state;
	const char *image = make_image("image");
	assert_int_equal(
	    mount("", bed_top, "", MS_REMOUNT | MS_RDONLY, NULL), 0);
	mount_ok(&(struct oci_mount){ .type = "ext4",
		     .source = image,
		     .target = "",
		     OPTIONS("ro", "loop") },
	    1);
	assert_true(exists("rootfs/lost+found"));
	assert_int_equal(loop_flags, LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY);
	assert_int_equal(loop_attribute(loop_of(image), "ro"), '1');
	unmount_ok(at("rootfs"));
	wait_until_detached(image);
}

static void
check_fails(const struct oci_mount *m, int expected, const char *msg)
{
	struct err err = { 0 };

	assert_int_equal(oci_mount_all(at("rootfs"), m, 1, &err), expected);
	if (!strstr(err.msg, msg))
		fail_msg("'%s' has no '%s'", err.msg, msg);
	assert_int_equal(mounts_at(at("rootfs")), 0);
}

static void
test_failures(void **state)
{
	struct oci_mount m = { .type = "ext4",
		.source = at("missing"),
		.target = "",
		OPTIONS("loop") };

	(void)state;
	(void)make_image("image");
	check_fails(&m, -ENOENT, "/missing': No such file or directory");
	/* attached, and then no ext4 */
	m.source = at("plain");
	cleanup_close int fd =
	    open(m.source, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	check_fails(&m, -EINVAL, "Invalid argument");
	wait_until_detached(m.source);
	/* no file to attach */
	m.source = make_dir("dir");
	check_fails(&m, -EISDIR, "Is a directory");
}

static void
test_number_is_taken(void **state)
{
	(void)state;
	const char *image = make_image("image");
	fault.request = LOOP_CONFIGURE;
	fault.error = EBUSY;
	fault.times = 5;
	mount_image(image);
	assert_int_equal(fault.seen, 6);
	unmount_ok(at("rootfs"));
	wait_until_detached(image);
}

static void
test_other_errors_end_it(void **state)
{
	(void)state;
	const struct oci_mount m = { .type = "ext4",
		.source = make_image("image"),
		.target = "",
		OPTIONS("loop") };
	fault.request = LOOP_CTL_GET_FREE;
	fault.error = ENOSPC;
	fault.times = 1;
	check_fails(&m, -ENOSPC, "to a loop device: No space left on device");
	assert_int_equal(fault.seen, 1);
}

static void
test_kernel_without_configure(void **state)
{
	(void)state;
	const char *image = make_image("image");
	fault.request = LOOP_CONFIGURE;
	fault.error = EINVAL;
	fault.times = 1;
	mount_image(image);
	assert_int_equal(loop_attribute(loop_of(image), "loop/autoclear"), '1');
	unmount_ok(at("rootfs"));
	wait_until_detached(image);
}

static void
attach_and_hang(const char *image, int ready)
{
	struct mount_loop_path path;

	if (mount_loop_attach(image, false, false, &path, NULL) >= 0)
		(void)fd_write_full(ready, "x", 1);
	for (;;)
		(void)pause();
}

/* Between attaching and mounting. */
static void
test_killed(void **state)
{
	int ready[2], status;
	char c;

	(void)state;
	const char *image = make_image("image");
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		attach_and_hang(image, ready[1]);
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	assert_true(loop_of(image) >= 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	wait_until_detached(image);
}

#define RIVALS 6
#define ROUNDS 10

/* Exit code 0 when each round has mounted. */
static int
rival(const char *image, const char *rootfs)
{
	const struct oci_mount m = { .type = "ext4",
		.source = image,
		.target = "",
		OPTIONS("loop", "ro") };

	for (int i = 0; i < ROUNDS; i++)
		if (oci_mount_all(rootfs, &m, 1, NULL) < 0 ||
		    oci_unmount_all(rootfs, NULL) < 0)
			return 1;
	return 0;
}

/* Several at once, which are named the same numbers. */
static void
test_rivals(void **state)
{
	pid_t pids[RIVALS];
	int failed = 0;

	(void)state;
	for (int i = 0; i < RIVALS; i++) {
		const char image[] = { (char)('a' + i), '\0' };
		const char rootfs[] = { 'r', (char)('a' + i), '\0' };

		(void)make_image(image);
		(void)make_dir(rootfs);
	}
	for (int i = 0; i < RIVALS; i++) {
		const char image[] = { (char)('a' + i), '\0' };
		const char rootfs[] = { 'r', (char)('a' + i), '\0' };

		pids[i] = fork();
		if (pids[i] == 0)
			_exit(rival(at(image), at(rootfs)));
	}
	for (int i = 0; i < RIVALS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
}

#define LOOP_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, bed_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(test_writable),
		LOOP_TEST(test_read_only),
		LOOP_TEST(test_failures),
		LOOP_TEST(test_number_is_taken),
		LOOP_TEST(test_other_errors_end_it),
		LOOP_TEST(test_kernel_without_configure),
		LOOP_TEST(test_killed),
		LOOP_TEST(test_rivals),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
