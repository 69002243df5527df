/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts and unmounts, in a mount namespace that this program makes for itself.
 * Each test has a fresh tmpfs at a directory of its own to play in.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/mountinfo.h"
#include "oci/mount-internal.h"
#include "oci/mount.h"

static char top[] = "/tmp/chock-mount-XXXXXX";
static bool can_mount;

/* By way of void *, because a literal is const and an option is not. */
#define OPTIONS(...)                                                           \
	.options = (void *)(const char *[]){ __VA_ARGS__ },                    \
	.n_options =                                                           \
	    sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *)

/* A path below top, in one of a few buffers. */
static const char *
at(const char *name)
{
	static char buffers[8][PATH_MAX];
	static size_t next;
	char *buf = buffers[next++ % 8];

	assert_int_equal(path_format(buf, PATH_MAX, "%s/%s", top, name), 0);
	return buf;
}

static const char *
make_dir(const char *name)
{
	const char *path = at(name);

	assert_int_equal(dir_make_all(path, 0755), 0);
	return path;
}

static void
make_file(const char *name)
{
	assert_int_equal(
	    file_write_atomic(AT_FDCWD, at(name), "x", 1, 0644), 0);
}

static bool
exists(const char *name)
{
	return access(at(name), F_OK) == 0;
}

static void
mount_tmpfs(const char *name)
{
	assert_int_equal(mount("t", make_dir(name), "tmpfs", 0, NULL), 0);
}

/* How many mounts are at exactly this path. */
static int
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
static int
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

static void
mount_ok(const struct oci_mount *mounts, size_t n)
{
	struct err err = { 0 };

	if (oci_mount_all(at("rootfs"), mounts, n, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
unmount_ok(const char *path)
{
	struct err err = { 0 };

	if (oci_unmount_all(path, &err) < 0)
		fail_msg("%s", err.msg);
}

static int
setup_group(void **state)
{
	(void)state;
	can_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		    mount("", "/", "", MS_REC | MS_PRIVATE, NULL) == 0;
	return mkdtemp(top) ? 0 : -1;
}

static int
teardown_group(void **state)
{
	(void)state;
	return rmdir(top);
}

static int
setup(void **state)
{
	(void)state;
	if (!can_mount)
		return 0;
	if (mount("play", top, "tmpfs", 0, NULL) < 0)
		return -1;
	return mkdir(at("rootfs"), 0755);
}

static int
teardown(void **state)
{
	(void)state;
	while (can_mount && umount2(top, MNT_DETACH) == 0)
		;
	return 0;
}

static void
need_mounts(void)
{
	if (!can_mount)
		skip();
}

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

static bool
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
		skip(); /* then such targets are refused, see test_paths */
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
	int before = mounts_with_prefix(top);

	assert_int_equal(oci_mount_all(rootfs, mounts, n, &err), expected);
	if (!strstr(err.msg, msg))
		fail_msg("'%s' has no '%s'", err.msg, msg);
	assert_int_equal(mounts_with_prefix(top), before);
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
test_refused(void **state)
{
	static const struct {
		const char *type;
		const char *option;
		enum err_code code;
		const char *msg;
	} cases[] = {
		{ "ext4", "loop", ERR_UNIMPLEMENTED,
		    "mount option 'loop' is not supported" },
		{ "overlay", "uidmap=0:1:1", ERR_UNIMPLEMENTED,
		    "mount option 'uidmap=0:1:1' is not supported" },
		{ "overlay", "gidmap=0:1:1", ERR_UNIMPLEMENTED,
		    "mount option 'gidmap=0:1:1' is not supported" },
		{ "bind", "X-containerd.mkdir", ERR_INVALID_ARGUMENT,
		    "mount option 'X-containerd.mkdir' is not supported" },
		{ "fuse3.overlayfs", "ro", ERR_UNIMPLEMENTED,
		    "mount type 'fuse3.overlayfs' is not supported" },
		{ "fuse", "ro", ERR_UNIMPLEMENTED,
		    "mount type 'fuse' is not supported" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct oci_mount m = { .type = cases[i].type,
			.source = "s",
			.target = "",
			OPTIONS(cases[i].option) };
		struct err err = { 0 };

		assert_true(oci_mount_all("/nowhere", &m, 1, &err) < 0);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.msg, cases[i].msg);
	}
}

static void
check_options(const struct oci_mount *m, unsigned long flags,
    unsigned long propagation, const char *data)
{
	struct mount_options options;

	assert_int_equal(mount_options_parse(m, &options, NULL), 0);
	assert_int_equal(options.flags, flags);
	assert_int_equal(options.propagation, propagation);
	assert_null(options.chdir);
	if (data)
		assert_string_equal(options.data, data);
	else
		assert_null(options.data);
	mount_options_done(&options);
}

static void
test_options(void **state)
{
	(void)state;
	check_options(&(struct oci_mount){ .type = "x" }, 0, 0, NULL);
	check_options(
	    &(struct oci_mount){ .type = "x", OPTIONS("ro", "rw", "defaults") },
	    0, 0, NULL);
	check_options(&(struct oci_mount){ .type = "x",
			  OPTIONS("nosuid", "nodev", "noexec", "ro", "sync",
			      "dirsync", "mand", "noatime", "nodiratime",
			      "relatime", "strictatime", "remount", "rbind") },
	    MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY | MS_SYNCHRONOUS |
		MS_DIRSYNC | MS_MANDLOCK | MS_NOATIME | MS_NODIRATIME |
		MS_RELATIME | MS_STRICTATIME | MS_REMOUNT | MS_BIND | MS_REC,
	    0, NULL);
	check_options(
	    &(struct oci_mount){ .type = "x",
		OPTIONS("nosuid", "nodev", "noexec", "ro", "sync", "mand",
		    "noatime", "nodiratime", "relatime", "strictatime", "suid",
		    "dev", "exec", "rw", "async", "nomand", "atime", "diratime",
		    "norelatime", "nostrictatime") },
	    0, 0, NULL);
	check_options(&(struct oci_mount){ .type = "x",
			  OPTIONS("size=1", "bind", "rslave", "loops", "") },
	    MS_BIND, MS_SLAVE | MS_REC, "size=1,loops,");
}

/* An overlay with layers after a filler that makes it near a page long. */
static void
check_layers(const char *layers, const char *dir, const char *expected)
{
	char filler[4096 - 512 + 1], lowerdir[512];
	struct mount_options options;

	memset(filler, 'f', sizeof(filler) - 1);
	filler[sizeof(filler) - 1] = '\0';
	assert_int_equal(
	    path_format(lowerdir, sizeof(lowerdir), "lowerdir=%s", layers), 0);
	const struct oci_mount m = { .type = "overlay",
		OPTIONS("ro", lowerdir, filler) };
	assert_int_equal(mount_options_parse(&m, &options, NULL), 0);
	if (dir)
		assert_string_equal(options.chdir, dir);
	else
		assert_null(options.chdir);
	assert_int_equal(strncmp(options.data, "lowerdir=", 9), 0);
	*strchr(options.data, ',') = '\0';
	assert_string_equal(options.data + 9, expected);
	mount_options_done(&options);
}

static void
test_layers(void **state)
{
	(void)state;
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip();
	check_layers("/s/1/fs:/s/2/fs:/s/3/fs", "/s", "1/fs:2/fs:3/fs");
	check_layers("/s/12/fs:/s/13/fs", "/s", "12/fs:13/fs");
	check_layers("/s/a/1:/s/a", "/s", "a/1:a");
	check_layers("/s/a/:/s/a/b", "/s/a", ".:b");
	check_layers("/s/one", "/s", "one");
	check_layers("/a/1:/b/2", NULL, "/a/1:/b/2");
	check_layers("/1:/2", NULL, "/1:/2");
	check_layers("rel/1:rel/2", "rel", "1:2");
	check_layers("1:2", NULL, "1:2");
	/* a colon in a name, and a name that chdir() would not find */
	check_layers("/s/x\\:y/1:/s/x\\:y/2", "/s", "x\\:y/1:x\\:y/2");
	/* data-only layers stand behind a double colon */
	check_layers("/s/1:/s/2::/s/3", "/s", "1:2::3");
	check_layers("::/s/1:/s/2", "/s", "::1:2");
	check_layers("", NULL, "");
	check_layers("::", NULL, "::");
}

static void
test_short_layers_are_left(void **state)
{
	const struct oci_mount m = { .type = "overlay",
		OPTIONS("lowerdir=/s/1:/s/2") };

	(void)state;
	check_options(&m, 0, 0, "lowerdir=/s/1:/s/2");
}

/* lowerdir= with n layers under a directory with a long name. */
static char *
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

static void
test_overlay(void **state)
{
	char *cwd, *cwd_after;

	(void)state;
	need_mounts();
	cleanup_free char *lower = many_layers(50, true);
	assert_true(strlen(lower) > 4096);
	make_file("a-directory-with-quite-a-long-name-which-takes-most-of-the-"
		  "page/49/bottom");
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

static void
test_too_long(void **state)
{
	struct err err = { 0 };

	(void)state;
	cleanup_free char *lower = many_layers(3000, false);
	const struct oci_mount m = { .type = "overlay",
		.source = "overlay",
		.target = "",
		OPTIONS(lower) };
	assert_int_equal(oci_mount_all("/nowhere", &m, 1, &err), -E2BIG);
	assert_string_equal(err.msg, "mount options is too long");
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
}

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
	assert_int_equal(chdir(top), 0);
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

#define MOUNT_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

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
		MOUNT_TEST(test_unmount_tree),
		MOUNT_TEST(test_unmount_nothing),
		MOUNT_TEST(test_unmount_relative),
		MOUNT_TEST(test_unmount_busy),
		MOUNT_TEST(test_paths),
		cmocka_unit_test(test_unmount_refuses),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_short_layers_are_left),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
