/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts with other owners than their files have on the disk, and the children
 * that make them.
 */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "oci/mount-internal.h"
#include "test/unit/mount-bed.h"
#include "test/unit/streams.h"

#define UIDMAP "uidmap=0:100000:10"
#define GIDMAP "gidmap=0:200000:10"
#define NOBODY 65534

static int fds_before;

static int
setup(void **state)
{
	fds_before = streams_count_fds();
	return bed_setup(state);
}

/* Neither descriptors nor children are left. */
static int
teardown(void **state)
{
	assert_int_equal(streams_count_fds(), fds_before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return bed_teardown(state);
}

static void
need_idmaps(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	need_mounts();
	if (getenv("CHOCK_VALGRIND")) // NOLINT(concurrency-mt-unsafe)
		bed_skip("valgrind does not know open_tree(2)");
	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	if (major < 6 || (major == 6 && minor < 3))
		bed_skip("a tmpfs cannot be idmapped before Linux 6.3");
	if (access("/proc/self/ns/user", F_OK) < 0)
		bed_skip("no user namespaces");
}

static void
make_owned(const char *name, uid_t uid, gid_t gid)
{
	make_file(name);
	assert_int_equal(chown(at(name), uid, gid), 0);
}

static void
check_owner(const char *name, uid_t uid, gid_t gid)
{
	struct stat st;

	assert_int_equal(stat(at(name), &st), 0);
	if (st.st_uid != uid || st.st_gid != gid)
		fail_msg("%s is of %u:%u, not %u:%u", name, st.st_uid,
		    st.st_gid, uid, gid);
}

static void
test_bind(void **state)
{
	(void)state;
	need_idmaps();
	(void)make_dir("source");
	make_owned("source/root", 0, 0);
	make_owned("source/user", 5, 6);
	make_owned("source/other", 10, 9);
	mount_tmpfs("source/sub");
	int before = mounts_with_prefix(bed_top);
	mount_ok(&(struct oci_mount){ .type = "bind",
		     .source = at("source"),
		     .target = "",
		     OPTIONS("rbind", UIDMAP, GIDMAP) },
	    1);
	check_owner("rootfs", 100000, 200000);
	check_owner("rootfs/root", 100000, 200000);
	check_owner("rootfs/user", 100005, 200006);
	check_owner("rootfs/other", NOBODY, 200009);
	check_owner("source/user", 5, 6);
	assert_int_equal(mounts_with_prefix(bed_top), before + 1);
	unmount_ok(at("rootfs"));
	assert_int_equal(mounts_with_prefix(bed_top), before);
}

static void
test_flags(void **state)
{
	struct statvfs st;

	(void)state;
	need_idmaps();
	(void)make_dir("source");
	make_owned("source/user", 7, 7);
	mount_ok(&(struct oci_mount){ .type = "bind",
		     .source = at("source"),
		     .target = "",
		     OPTIONS("bind", "ro", "nosuid", "rshared",
			 "uidmap=0:100000:5,5:300000:5", GIDMAP) },
	    1);
	check_owner("rootfs/user", 300002, 200007);
	assert_int_equal(statvfs(at("rootfs"), &st), 0);
	assert_int_equal(
	    st.f_flag & (ST_RDONLY | ST_NOSUID), ST_RDONLY | ST_NOSUID);
	assert_true(is_shared(at("rootfs")));
	unmount_ok(at("rootfs"));
}

/* In the order of the list, also where one is on the other. */
static void
test_filesystems(void **state)
{
	(void)state;
	need_idmaps();
	(void)make_dir("source/sub");
	const struct oci_mount mounts[] = {
		{ .type = "bind",
		    .source = at("source"),
		    .target = "",
		    OPTIONS("bind") },
		{ .type = "tmpfs",
		    .source = "t",
		    .target = "/sub",
		    OPTIONS("mode=0711", "unbindable", UIDMAP, GIDMAP) },
	};
	mount_ok(mounts, 2);
	check_owner("rootfs", 0, 0);
	check_owner("rootfs/sub", 100000, 200000);
	assert_int_equal(mounts_at(at("rootfs/sub")), 1);
	unmount_ok(at("rootfs"));
	const struct oci_mount loop = { .type = "ext4",
		.source = make_image("image"),
		.target = "",
		OPTIONS("ro", "loop", UIDMAP, GIDMAP) };
	mount_ok(&loop, 1);
	check_owner("rootfs/lost+found", 100000, 200000);
	assert_int_equal(mounts_at(at("rootfs")), 1);
	unmount_ok(at("rootfs"));
}

#define LAYERS 120
#define LAYER(n)                                                               \
	"a-directory-with-quite-a-long-name-which-takes-most-of-the-page/" n

static void
test_overlay(void **state)
{
	(void)state;
	need_idmaps();
	cleanup_free char *lower = many_layers(LAYERS, true);
	assert_true(strlen(lower) > 4096);
	make_owned(LAYER("0/top"), 1, 1);
	make_owned(LAYER("119/bottom"), 2, 3);
	const struct oci_mount m = { .type = "overlay",
		.source = "overlay",
		.target = "",
		OPTIONS(lower, UIDMAP, GIDMAP) };
	/* what a child mounts would come here, too, if it let it */
	assert_int_equal(mount("", bed_top, "", MS_SHARED, NULL), 0);
	int before = mounts_with_prefix(bed_top);
	mount_ok(&m, 1);
	check_owner("rootfs/top", 100001, 200001);
	check_owner("rootfs/bottom", 100002, 200003);
	check_owner(LAYER("0/top"), 1, 1);
	assert_int_equal(mounts_with_prefix(bed_top), before + 1);
	unmount_ok(at("rootfs"));
	assert_false(exists("rootfs/0"));
}

/* containerd gives the upper directory its owner; it is left alone. */
static void
test_overlay_writable(void **state)
{
	char upper[PATH_MAX], lower[PATH_MAX], work[PATH_MAX];

	(void)state;
	need_idmaps();
	assert_int_equal(
	    path_format(upper, PATH_MAX, "upperdir=%s", make_dir("u")), 0);
	assert_int_equal(
	    path_format(work, PATH_MAX, "workdir=%s", make_dir("w")), 0);
	assert_int_equal(path_format(lower, PATH_MAX, "lowerdir=%s/l\\:1:%s",
			     bed_top, make_dir("l2")),
	    0);
	(void)make_dir("l:1");
	make_owned("l:1/low", 0, 0);
	make_owned("l2/lower", 0, 0);
	make_owned("u/high", 100000, 200000);
	const struct oci_mount m = { .type = "overlay",
		.source = "overlay",
		.target = "/",
		OPTIONS("nodev", lower, upper, work, UIDMAP, GIDMAP) };
	mount_ok(&m, 1);
	check_owner("rootfs/low", 100000, 200000);
	check_owner("rootfs/lower", 100000, 200000);
	check_owner("rootfs/high", 100000, 200000);
	make_owned("rootfs/new", 100004, 200004);
	check_owner("u/new", 100004, 200004);
	unmount_ok(at("rootfs"));
}

static void
check_fails(const struct oci_mount *m, int expected, enum err_code code,
    const char *msg)
{
	struct err err = { 0 };
	int before = mounts_with_prefix(bed_top);

	assert_int_equal(oci_mount_all(at("rootfs"), m, 1, &err), expected);
	if (!strstr(err.msg, msg))
		fail_msg("'%s' has no '%s'", err.msg, msg);
	assert_int_equal(err.code, code);
	assert_int_equal(mounts_with_prefix(bed_top), before);
}

static void
test_bad_maps(void **state)
{
	static const char *const maps[] = { "uidmap=", "uidmap=0:1",
		"uidmap=0:1:", "uidmap=a:1:1", "uidmap=0:1:1:1",
		"uidmap=-1:1:1", "uidmap=0: 1:1", "uidmap=0:1:+1",
		"uidmap=0:1:4294967296", "uidmap=0:1:1,", "uidmap=,0:1:1" };

	(void)state;
	need_mounts();
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		char msg[128];

		assert_int_equal(path_format(msg, sizeof(msg),
				     "mount option '%s' is not "
				     "CONTAINER:HOST:SIZE",
				     maps[i]),
		    0);
		check_fails(&(struct oci_mount){ .type = "tmpfs",
				.source = "t",
				.target = "",
				OPTIONS(maps[i], GIDMAP) },
		    -EINVAL, ERR_INVALID_ARGUMENT, msg);
	}
	check_fails(&(struct oci_mount){ .type = "tmpfs",
			.source = "t",
			.target = "",
			OPTIONS("remount", UIDMAP, GIDMAP) },
	    -EINVAL, ERR_INVALID_ARGUMENT, "exclude each other");
}

static void
test_failures(void **state)
{
	char lower[PATH_MAX];
	struct oci_mount m = { .type = "bind",
		.source = at("missing"),
		.target = "",
		OPTIONS("bind", UIDMAP, GIDMAP) };

	(void)state;
	need_idmaps();
	check_fails(
	    &m, -ENOENT, ERR_UNKNOWN, "/rootfs/': No such file or directory");
	assert_int_equal(path_format(lower, PATH_MAX, "lowerdir=%s:%s/missing",
			     make_dir("l"), bed_top),
	    0);
	check_fails(&(struct oci_mount){ .type = "overlay",
			.source = "o",
			.target = "",
			OPTIONS(lower, UIDMAP, GIDMAP) },
	    -ENOENT, ERR_UNKNOWN, "/missing': No such file or directory");
	/* a map that the kernel does not like, and one of what has no ids */
	check_fails(&(struct oci_mount){ .type = "tmpfs",
			.source = "t",
			.target = "",
			OPTIONS("uidmap=0:1:0", GIDMAP) },
	    -EINVAL, ERR_INVALID_ARGUMENT,
	    "uidmap=0:1:0 gidmap=0:200000:10: Invalid argument");
	check_fails(&(struct oci_mount){ .type = "proc",
			.source = "proc",
			.target = "",
			OPTIONS(UIDMAP, GIDMAP) },
	    -EINVAL, ERR_INVALID_ARGUMENT, "Invalid argument");
}

static int
die(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	_exit(0);
}

static void
test_child_without_answer(void **state)
{
	struct mount_child child;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(mount_child_start(&child, die, NULL, &err), -EIO);
	assert_string_equal(
	    err.msg, "a child that mounts ended without an answer");
	assert_int_equal(err.code, ERR_INTERNAL);
}

static int
tell_pid_and_hang(void *arg, struct err *err)
{
	const pid_t pid = getpid();

	(void)err;
	(void)fd_write_full(*(const int *)arg, &pid, sizeof(pid));
	while (pause() < 0)
		continue;
	return -EIO;
}

static void
test_killed(void **state)
{
	int told[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid_t worker = fork();
	assert_true(worker >= 0);
	if (worker == 0) {
		struct mount_child unused;

		_exit(mount_child_start(
		    &unused, tell_pid_and_hang, &told[1], NULL));
	}
	(void)close(told[1]);
	assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
	(void)close(told[0]);
	assert_int_equal(kill(worker, SIGKILL), 0);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	status = bed_wait_for(child); /* it is a child of ours now */
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

#define IDMAP_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IDMAP_TEST(test_bind),
		IDMAP_TEST(test_flags),
		IDMAP_TEST(test_filesystems),
		IDMAP_TEST(test_overlay),
		IDMAP_TEST(test_overlay_writable),
		IDMAP_TEST(test_bad_maps),
		IDMAP_TEST(test_failures),
		IDMAP_TEST(test_child_without_answer),
		IDMAP_TEST(test_killed),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
