/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts by helpers: scripts in a PATH of the test's own, and fuse-overlayfs
 * where it is. The program is the subreaper of what they leave.
 */
#include <errno.h>
#include <sys/prctl.h>

#include "oci/mount-internal.h"
#include "test/unit/mount-bed.h"
#include "test/unit/streams.h"

#define LONG_NS  (10 * NSEC_PER_SEC)
#define SHORT_NS (200 * NSEC_PER_MSEC)

static int fds_before;
static char *old_path;

/* A helper with this name. It finds the directory of the test in $TOP. */
static void
make_helper(const char *name, const char *script)
{
	char path[PATH_MAX];
	cleanup_free char *text = NULL;

	need_mounts();
	(void)make_dir("bin");
	assert_int_equal(path_format(path, sizeof(path), "bin/%s", name), 0);
	int len = asprintf(&text, "#!/bin/sh\n%s\n", script);
	assert_true(len > 0);
	assert_int_equal(
	    file_write_atomic(AT_FDCWD, at(path), text, (size_t)len, 0755), 0);
}

static int
setup(void **state)
{
	char path[PATH_MAX];

	fds_before = streams_count_fds();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || bed_setup(state) < 0)
		return -1;
	old_path = strdup(getenv("PATH")); // NOLINT(concurrency-mt-unsafe)
	assert_int_equal(
	    path_format(path, sizeof(path), "%s:%s", at("bin"), old_path), 0);
	return setenv("TOP", bed_top, 1) < 0 || setenv("PATH", path, 1) < 0;
}

static int
teardown(void **state)
{
	assert_int_equal(setenv("PATH", old_path, 1), 0);
	free(old_path);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(streams_count_fds(), fds_before);
	return bed_teardown(state);
}

/* The number that a script has written to a file of this name. */
static pid_t
pid_in(const char *name)
{
	pid_t pid = 0;

	assert_int_equal(file_read_pid(AT_FDCWD, at(name), &pid), 0);
	return pid;
}

static void
check_text(const char *name, const char *expected)
{
	cleanup_free char *text = NULL;

	assert_int_equal(
	    file_read(AT_FDCWD, at(name), 1 << 20, &text, NULL), 0);
	assert_string_equal(text, expected);
}

#define TELL_AND_MOUNT                                                         \
	"{ echo ${0##*/}; printf '%s\\n' \"$@\"; } >$TOP/args\n"               \
	"mount -t tmpfs helped \"$2\""

static void
test_arguments(void **state)
{
	cleanup_free char *expected = NULL;

	(void)state;
	make_helper("mount.fuse3", TELL_AND_MOUNT);
	make_helper("mount.fuse", TELL_AND_MOUNT);
	cleanup_free char *lower = many_layers(120, false);
	assert_true(strlen(lower) > 4096);
	mount_ok(&(struct oci_mount){ .type = "fuse3.some.fs",
		     .source = "a source",
		     .target = "",
		     OPTIONS(lower, "loop", "ro") },
	    1);
	assert_true(asprintf(&expected,
			"mount.fuse3\na source\n%s\n-o\n%s\n-o\nloop\n-o\nro\n"
			"-t\nsome.fs\n",
			at("rootfs"), lower) > 0);
	check_text("args", expected);
	assert_int_equal(mounts_at(at("rootfs")), 1);
	free(expected);
	(void)make_dir("rootfs/sub");
	mount_ok(
	    &(struct oci_mount){
		.type = "fuse.fs", .source = "s", .target = "/./sub/" },
	    1);
	assert_true(asprintf(&expected, "mount.fuse\ns\n%s\n-t\nfs\n",
			at("rootfs/sub")) > 0);
	check_text("args", expected);
	unmount_ok(at("rootfs"));
	assert_int_equal(mounts_with_prefix(at("rootfs")), 0);
}

static void
check_fails(int expected, enum err_code code, const char *msg)
{
	const struct oci_mount m = {
		.type = "fuse3.fs", .source = "s", .target = ""
	};
	struct err err = { 0 };

	assert_int_equal(oci_mount_all(at("rootfs"), &m, 1, &err), expected);
	if (!strstr(err.msg, msg))
		fail_msg("'%s' has no '%s'", err.msg, msg);
	assert_int_equal(err.code, code);
	assert_int_equal(mounts_at(at("rootfs")), 0);
}

static void
test_failures(void **state)
{
	(void)state;
	make_helper("mount.fuse3", "echo out; echo it is broken >&2; exit 3");
	check_fails(-EIO, ERR_UNKNOWN,
	    "rootfs': mount.fuse3 did not terminate successfully: "
	    "exit status 3: out\nit is broken");
	make_helper("mount.fuse3", "kill -TERM $$");
	check_fails(-EIO, ERR_UNKNOWN, ": signal: terminated");
	make_helper("mount.fuse3", "mount -t tmpfs t \"$2\"; exit 1");
	check_fails(-EIO, ERR_UNKNOWN, "exit status 1");
	make_helper("mount.fuse3", "exit 0");
	check_fails(
	    -EIO, ERR_UNKNOWN, "the mount helper has mounted nothing at '");
	assert_int_equal(unlink(at("bin/mount.fuse3")), 0);
	assert_int_equal(setenv("PATH", at("bin"), 1), 0);
	check_fails(-ENOENT, ERR_UNKNOWN,
	    "\"mount.fuse3\": executable file not found in $PATH");
}

static int
run_helper(int64_t timeout_ns, struct err *err)
{
	const struct oci_mount m = { .type = "fuse3.fs", .source = "s" };

	return mount_helper_run(&m, at("rootfs"), timeout_ns, err);
}

/* Exit code 0 when the error is as expected. */
static int
expect_error(const char *expected)
{
	struct err err = { 0 };

	return run_helper(LONG_NS, &err) == 0 || !strstr(err.msg, expected);
}

/* Of much output the end. The worker stops until the helper has ended, so that
 * all of it is still to be read. */
static void
test_long_output(void **state)
{
	char expected[700] = "";
	size_t len = 0;
	int status;
	char c;

	(void)state;
	make_helper("mount.fuse3",
	    "exec 3>$TOP/fifo; kill -STOP $PPID; i=0; "
	    "while [ $i -lt 1000 ]; do echo some words, $i; i=$((i + 1)); "
	    "done; exit 1");
	for (int i = 965; i < 1000; i++)
		len += (size_t)snprintf(expected + len, sizeof(expected) - len,
		    "some words, %d\n", i);
	expected[len - 1] = '\0';
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	pid_t worker = fork();
	assert_true(worker >= 0);
	if (worker == 0)
		_exit(expect_error(expected));
	cleanup_close int fifo = open(at("fifo"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(waitpid(worker, &status, WUNTRACED), worker);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(read(fifo, &c, 1), 0);
	assert_int_equal(kill(worker, SIGCONT), 0);
	assert_int_equal(bed_wait_for(worker), 0);
}

/* Also one that writes all the time, and what it has started. */
static void
test_deadline(void **state)
{
	struct err err = { 0 };

	(void)state;
	make_helper("mount.fuse3",
	    "sleep 1000 & echo $! >$TOP/pid; while :; do echo x; done");
	assert_int_equal(run_helper(SHORT_NS, &err), -ETIMEDOUT);
	assert_int_equal(err.code, ERR_DEADLINE_EXCEEDED);
	assert_non_null(strstr(err.msg, "signal: killed: ..."));
	assert_non_null(strstr(err.msg, "context deadline exceeded"));
	assert_int_equal(bed_wait_for(pid_in("pid")), SIGKILL);
}

static void
test_daemon_goes_on(void **state)
{
	(void)state;
	make_helper("mount.fuse3", "sleep 1000 & echo $! >$TOP/pid");
	assert_int_equal(run_helper(LONG_NS, NULL), 0);
	pid_t daemon = pid_in("pid");
	assert_int_equal(waitpid(daemon, NULL, WNOHANG), 0);
	assert_int_equal(kill(daemon, SIGTERM), 0);
	assert_int_equal(bed_wait_for(daemon), SIGTERM);
}

static void
test_killed(void **state)
{
	char line[32];

	(void)state;
	make_helper("mount.fuse3", "echo $$ >$TOP/fifo; exec sleep 1000");
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	pid_t worker = fork();
	assert_true(worker >= 0);
	if (worker == 0)
		_exit(run_helper(LONG_NS, NULL) != 0);
	cleanup_close int fifo = open(at("fifo"), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fifo, line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_int_equal(kill(worker, SIGKILL), 0);
	assert_int_equal(bed_wait_for(worker), SIGKILL);
	assert_int_equal(bed_wait_for((pid_t)strtol(line, NULL, 10)), SIGKILL);
}

static void
need_fuse(void)
{
	need_mounts();
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		bed_skip("no /dev/fuse");
	if (access("/sbin/mount.fuse3", X_OK) < 0)
		bed_skip("no mount.fuse3");
	if (access("/usr/bin/fuse-overlayfs", X_OK) < 0)
		bed_skip("no fuse-overlayfs");
}

static void
test_fuse_overlayfs(void **state)
{
	(void)state;
	need_fuse();
	cleanup_free char *lower = many_layers(120, true);
	make_file("a-directory-with-quite-a-long-name-which-takes-most-of-the-"
		  "page/119/bottom");
	mount_ok(&(struct oci_mount){ .type = "fuse3.fuse-overlayfs",
		     .source = "overlay",
		     .target = "",
		     OPTIONS(lower) },
	    1);
	assert_true(exists("rootfs/bottom"));
	assert_int_equal(mounts_at(at("rootfs")), 1);
	unmount_ok(at("rootfs"));
	assert_false(exists("rootfs/bottom"));
	/* the daemon, whose only parent we are now */
	assert_int_equal(bed_wait_for(-1), 0);
}

#define HELPER_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HELPER_TEST(test_arguments),
		HELPER_TEST(test_failures),
		HELPER_TEST(test_long_output),
		HELPER_TEST(test_deadline),
		HELPER_TEST(test_daemon_goes_on),
		HELPER_TEST(test_killed),
		HELPER_TEST(test_fuse_overlayfs),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
