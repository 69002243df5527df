/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mounted where, and what is undone when it fails.
 */
#include <errno.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "test/unit/mount-bed.h"

static void
test_bind_read_only(void **state)
{
	const char *source;
	struct statvfs st;

	(void)state;
	need_mounts();
	source = make_dir("source");
	assert_int_equal(
	    mount("s", source, "tmpfs",
		MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME, NULL),
	    0);
	make_file("source/file");
	mount_ok(&(struct oci_mount){ .type = "bind",
		     .source = source,
		     .target = "",
		     OPTIONS("rbind", "ro") },
	    1);
	assert_true(exists("rootfs/file"));
	assert_int_equal(open(at("rootfs/new"), O_CREAT | O_WRONLY, 0600), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(statvfs(at("rootfs"), &st), 0);
	assert_int_equal(st.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV |
					 ST_NOEXEC | ST_NOATIME),
	    ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_NOATIME);
	assert_int_equal(statvfs(source, &st), 0);
	assert_false(st.f_flag & ST_RDONLY);
}

static void
test_bind_flags(void **state)
{
	struct statvfs st;

	(void)state;
	need_mounts();
	(void)make_dir("source");
	mount_ok(&(struct oci_mount){ .type = "bind",
		     .source = at("source"),
		     .target = "/",
		     OPTIONS("bind", "rw", "nosuid", "noatime") },
	    1);
	assert_int_equal(statvfs(at("rootfs"), &st), 0);
	assert_int_equal(
	    st.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOATIME),
	    ST_NOSUID | ST_NOATIME);
	/* remount of that bind, which is not a mount of its own */
	mount_ok(&(struct oci_mount){ .type = "",
		     .source = "",
		     .target = "",
		     OPTIONS("remount", "bind", "ro") },
	    1);
	assert_int_equal(statvfs(at("rootfs"), &st), 0);
	assert_int_equal(
	    st.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOATIME),
	    ST_RDONLY | ST_NOSUID | ST_NOATIME);
	assert_int_equal(mounts_at(at("rootfs")), 1);
}

static void
test_propagation(void **state)
{
	(void)state;
	need_mounts();
	(void)make_dir("source");
	mount_ok(&(struct oci_mount){ .type = "bind",
		     .source = at("source"),
		     .target = "",
		     OPTIONS("bind", "ro", "rshared") },
	    1);
	assert_true(is_shared(at("rootfs")));
	mount_ok(&(struct oci_mount){ .type = "tmpfs",
		     .source = "t",
		     .target = "",
		     OPTIONS("private", "mode=0700") },
	    1);
	unmount_ok(at("rootfs"));
	mount_ok(&(struct oci_mount){ .type = "tmpfs",
		     .source = "t",
		     .target = "",
		     OPTIONS("rprivate", "mode=0700", "nodev") },
	    1);
	assert_false(is_shared(at("rootfs")));
}

static void
test_several_targets(void **state)
{
	struct stat st;

	(void)state;
	need_mounts();
	(void)make_dir("source/sub");
	(void)make_dir("other");
	make_file("source/plain");
	make_file("other/inside");
	const struct oci_mount mounts[] = {
		{ .type = "bind",
		    .source = at("source"),
		    .target = "",
		    OPTIONS("bind") },
		{ .type = "tmpfs",
		    .source = "t",
		    .target = "/sub",
		    OPTIONS("mode=0711", "size=64k") },
		{ .type = "bind",
		    .source = at("other/inside"),
		    .target = "plain",
		    OPTIONS("bind", "ro") },
	};
	mount_ok(mounts, 3);
	assert_int_equal(mounts_at(at("rootfs")), 1);
	assert_int_equal(mounts_at(at("rootfs/sub")), 1);
	assert_int_equal(mounts_at(at("rootfs/plain")), 1);
	assert_int_equal(stat(at("rootfs/sub"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	unmount_ok(at("rootfs"));
	assert_int_equal(mounts_with_prefix(at("rootfs")), 0);
}

static bool
has_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC };
	cleanup_close int fd =
	    (int)syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	return fd >= 0;
}

static void
test_target_stays_inside(void **state)
{
	(void)state;
	need_mounts();
	if (!has_openat2())
		bed_skip("no openat2(2): such targets are refused");
	(void)make_dir("outside");
	(void)make_dir("rootfs/dir");
	assert_int_equal(symlink("/outside", at("rootfs/absolute")), 0);
	assert_int_equal(symlink("../../outside", at("rootfs/dir/up")), 0);
	assert_int_equal(symlink("/proc/self/root", at("rootfs/magic")), 0);
	assert_int_equal(mkdir(at("rootfs/outside"), 0755), 0);
	static const char *const targets[] = { "absolute", "dir/up",
		"../../outside", "/../outside" };

	for (size_t i = 0; i < 4; i++) {
		const struct oci_mount m = {
			.type = "tmpfs", .source = "t", .target = targets[i]
		};

		mount_ok(&m, 1);
		assert_int_equal(mounts_at(at("outside")), 0);
		assert_int_equal(mounts_at(at("rootfs/outside")), 1);
		unmount_ok(at("rootfs"));
		assert_int_equal(mounts_at(at("rootfs/outside")), 0);
	}
}

static void
check_mount_fails(const char *rootfs, const struct oci_mount *mounts, size_t n,
    int expected, const char *msg)
{
	struct err err = { 0 };
	int before = mounts_with_prefix(bed_top);

	assert_int_equal(oci_mount_all(rootfs, mounts, n, &err), expected);
	if (!strstr(err.msg, msg))
		fail_msg("'%s' has no '%s'", err.msg, msg);
	assert_int_equal(mounts_with_prefix(bed_top), before);
}

static void
test_failure_undoes(void **state)
{
	(void)state;
	need_mounts();
	(void)make_dir("source/sub");
	const struct oci_mount mounts[] = {
		{ .type = "bind",
		    .source = at("source"),
		    .target = "",
		    OPTIONS("bind", "ro") },
		{ .type = "tmpfs", .source = "t", .target = "sub" },
		{ .type = "nosuchfs", .source = "n", .target = "sub" },
	};
	mount_tmpfs("rootfs"); /* not ours to unmount */
	check_mount_fails(
	    at("rootfs"), mounts, 3, -ENODEV, "mount 'n' (nosuchfs) at '");
	/* the first of all fails */
	const struct oci_mount both = { .type = "tmpfs",
		.source = "t",
		.target = "",
		OPTIONS("nosuchoption=1") };
	check_mount_fails(at("rootfs"), &both, 1, -EINVAL, "Invalid argument");
	check_mount_fails(at("rootfs"),
	    &(struct oci_mount){
		.type = "tmpfs", .source = "t", .target = "missing" },
	    1, -ENOENT, "No such file or directory");
}

static void
test_symlinked_rootfs(void **state)
{
	(void)state;
	need_mounts();
	(void)make_dir("real/sub");
	mount_tmpfs("real/sub");
	assert_int_equal(symlink("real", at("link")), 0);
	check_mount_fails(at("link"),
	    &(struct oci_mount){ .type = "tmpfs", .source = "t", .target = "" },
	    1, -ENOTDIR, "Not a directory");
	/* what it leads to is somebody else's */
	unmount_ok(at("link"));
	unmount_ok(at("link/"));
	assert_int_equal(mounts_at(at("real/sub")), 1);
	/* a link before it is the caller's own way of writing the path */
	unmount_ok(at("link/sub"));
	assert_int_equal(mounts_at(at("real/sub")), 0);
}

static void
test_overlay(void **state)
{
	char *cwd, *cwd_after;

	(void)state;
	need_mounts();
	cleanup_free char *lower = many_layers(120, true);
	assert_true(strlen(lower) > 4096);
	make_file("a-directory-with-quite-a-long-name-which-takes-most-of-the-"
		  "page/119/bottom");
	const struct oci_mount m = { .type = "overlay",
		.source = "overlay",
		.target = "",
		OPTIONS(lower) };
	cwd = get_current_dir_name();
	mount_ok(&m, 1);
	cwd_after = get_current_dir_name();
	assert_string_equal(cwd, cwd_after);
	free(cwd);
	free(cwd_after);
	assert_true(exists("rootfs/bottom"));
	unmount_ok(at("rootfs"));
	assert_false(exists("rootfs/bottom"));
}

static void
test_overlay_writable(void **state)
{
	char upper[PATH_MAX], lower[PATH_MAX], work[PATH_MAX];

	(void)state;
	need_mounts();
	assert_int_equal(
	    path_format(upper, PATH_MAX, "upperdir=%s", make_dir("u")), 0);
	assert_int_equal(
	    path_format(lower, PATH_MAX, "lowerdir=%s", make_dir("l")), 0);
	assert_int_equal(
	    path_format(work, PATH_MAX, "workdir=%s", make_dir("w")), 0);
	make_file("l/low");
	const struct oci_mount m = { .type = "overlay",
		.source = "overlay",
		.target = "",
		OPTIONS("nodev", lower, upper, work) };
	mount_ok(&m, 1);
	assert_true(exists("rootfs/low"));
	make_file("rootfs/new");
	assert_true(exists("u/new"));
	unmount_ok(at("rootfs"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOUNT_TEST(test_bind_read_only),
		MOUNT_TEST(test_bind_flags),
		MOUNT_TEST(test_propagation),
		MOUNT_TEST(test_several_targets),
		MOUNT_TEST(test_target_stays_inside),
		MOUNT_TEST(test_failure_undoes),
		MOUNT_TEST(test_symlinked_rootfs),
		MOUNT_TEST(test_overlay),
		MOUNT_TEST(test_overlay_writable),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
