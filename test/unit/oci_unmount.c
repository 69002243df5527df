/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unmounting a whole tree.
 */
#include <errno.h>

#include "test/unit/mount-bed.h"

static void
test_unmount_tree(void **state)
{
	(void)state;
	need_mounts();
	mount_tmpfs("rootfs");
	mount_tmpfs("rootfs/a");
	mount_tmpfs("rootfs/a/b/c");
	mount_tmpfs("rootfs/sp ace\\134\n\ttab");
	mount_tmpfs("rootfs2");
	mount_tmpfs("rootfs/a"); /* hides a/b/c */
	mount_tmpfs("rootfs");   /* hides all of it */
	mount_tmpfs("rootfs/z");
	assert_int_equal(mounts_at(at("rootfs")), 2);
	unmount_ok(at("rootfs//"));
	assert_int_equal(mounts_with_prefix(at("rootfs")), 1);
	assert_int_equal(mounts_at(at("rootfs2")), 1);
	unmount_ok(at("rootfs"));
}

static void
test_unmount_nothing(void **state)
{
	(void)state;
	need_mounts();
	unmount_ok(at("rootfs"));
	unmount_ok(at("missing"));
	unmount_ok(at("missing/too"));
	make_file("file");
	unmount_ok(at("file"));
	unmount_ok(at("file/below"));
}

static void
test_unmount_refuses(void **state)
{
	static const char *const paths[] = { "/", "", "//", ".", "..",
		"/tmp/..", "/tmp/." };

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct err err = { 0 };

		assert_int_equal(oci_unmount_all(paths[i], &err), -EINVAL);
		assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	}
}

static void
test_unmount_relative(void **state)
{
	cleanup_close int cwd = open(".", O_PATH | O_CLOEXEC);

	(void)state;
	need_mounts();
	mount_tmpfs("rootfs/x");
	assert_int_equal(chdir(bed_top), 0);
	unmount_ok("rootfs");
	assert_int_equal(fchdir(cwd), 0);
	assert_int_equal(mounts_with_prefix(at("rootfs")), 0);
}

static void
test_unmount_busy(void **state)
{
	(void)state;
	need_mounts();
	mount_tmpfs("rootfs");
	make_file("rootfs/used");
	cleanup_close int fd = open(at("rootfs/used"), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	unmount_ok(at("rootfs"));
	assert_int_equal(mounts_at(at("rootfs")), 0);
	char c;
	assert_int_equal(read(fd, &c, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOUNT_TEST(test_unmount_tree),
		MOUNT_TEST(test_unmount_nothing),
		MOUNT_TEST(test_unmount_relative),
		MOUNT_TEST(test_unmount_busy),
		cmocka_unit_test(test_unmount_refuses),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
