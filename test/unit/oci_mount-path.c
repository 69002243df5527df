/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths inside a directory that strangers may have filled.
 */
#include <errno.h>

#include "oci/mount-internal.h"
#include "test/unit/mount-bed.h"

typedef int open_fn(int root, const char *path);

static int
open_no_symlinks(int root, const char *path)
{
	return mount_path_open(root, path, MOUNT_PATH_NO_SYMLINKS);
}

static void
check_path(open_fn *fn, int root, const char *path, int expected)
{
	struct stat st, expected_st;

	cleanup_close int fd = fn(root, path);
	if ((fd < 0 ? fd : 0) != expected)
		fail_msg("%s: %d, not %d", path, fd, expected);
	if (fd < 0)
		return;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fstatat(root, *path ? path + strspn(path, "/") : ".",
			     &expected_st, AT_EMPTY_PATH),
	    0);
	assert_int_equal(st.st_ino, expected_st.st_ino);
}

static void
test_paths(void **state)
{
	static open_fn *const fns[] = { open_no_symlinks, mount_path_walk };

	(void)state;
	need_mounts();
	(void)make_dir("rootfs/a/b");
	make_file("rootfs/a/file");
	assert_int_equal(symlink("a", at("rootfs/link")), 0);
	cleanup_close int root = open(at("rootfs"), O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < 2; i++) {
		check_path(fns[i], root, "", 0);
		check_path(fns[i], root, "a", 0);
		check_path(fns[i], root, "//a//b/", 0);
		check_path(fns[i], root, "/a/./file", 0);
		check_path(fns[i], root, "a/missing", -ENOENT);
		check_path(fns[i], root, "a/file/x", -ENOTDIR);
		check_path(fns[i], root, "link", -ELOOP);
		check_path(fns[i], root, "link/b", -ELOOP);
	}
	check_path(mount_path_walk, root, "a/..", -EXDEV);
	char longer[NAME_MAX + 2];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	check_path(mount_path_walk, root, longer, -ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MOUNT_TEST(test_paths),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
