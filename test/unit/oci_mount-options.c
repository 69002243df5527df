/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a list of mount options means; nothing is mounted.
 */
#include <errno.h>

#include "oci/mount-internal.h"
#include "test/unit/mount-bed.h"

static void
test_refused(void **state)
{
	static const struct {
		const char *type;
		const char *option;
		enum err_code code;
		const char *msg;
	} cases[] = {
		{ "overlay", "uidmap=0:1:1", ERR_INVALID_ARGUMENT,
		    "mount options 'uidmap=' and 'gidmap=' need each other" },
		{ "overlay", "gidmap=0:1:1", ERR_INVALID_ARGUMENT,
		    "mount options 'uidmap=' and 'gidmap=' need each other" },
		{ "bind", "X-containerd.mkdir", ERR_INVALID_ARGUMENT,
		    "mount option 'X-containerd.mkdir' is not supported" },
		{ "fuse3.x", "X-containerd.mkdir", ERR_INVALID_ARGUMENT,
		    "mount option 'X-containerd.mkdir' is not supported" },
		{ "fuse3.", "ro", ERR_UNIMPLEMENTED,
		    "mount type 'fuse3.' is not supported" },
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

static void
check_loop(const struct oci_mount *m, bool direct_io, const char *data)
{
	struct mount_options options;

	assert_int_equal(mount_options_parse(m, &options, NULL), 0);
	assert_true(options.loop);
	assert_int_equal(options.direct_io, direct_io);
	if (data)
		assert_string_equal(options.data, data);
	else
		assert_null(options.data);
	mount_options_done(&options);
}

static void
test_loop(void **state)
{
	(void)state;
	check_loop(&(struct oci_mount){ .type = "x", OPTIONS("loop", "ro") },
	    false, NULL);
	check_loop(&(struct oci_mount){ .type = "x",
		       OPTIONS("direct-io", "a=1", "loop", "b") },
	    true, "a=1,b");
	/* without a loop device it is the filesystem's */
	check_options(
	    &(struct oci_mount){ .type = "x", OPTIONS("direct-io", "loop=1") },
	    0, 0, "direct-io,loop=1");
}

static void
check_idmap(const struct oci_mount *m, const char *layers, const char *data)
{
	struct mount_options options;

	assert_int_equal(mount_options_parse(m, &options, NULL), 0);
	assert_string_equal(options.uidmap, "0:1:2,3:4:5");
	assert_string_equal(options.gidmap, "6:7:8");
	if (layers)
		assert_string_equal(options.layers, layers);
	else
		assert_null(options.layers);
	assert_string_equal(options.data, data);
	assert_null(options.chdir);
	mount_options_done(&options);
}

static void
test_idmap(void **state)
{
	(void)state;
	check_idmap(
	    &(struct oci_mount){ .type = "x",
		OPTIONS("uidmap=0:1:2,3:4:5", "lowerdir=/l", "gidmap=6:7:8") },
	    NULL, "lowerdir=/l");
	check_idmap(&(struct oci_mount){ .type = "overlay",
			OPTIONS("index=off", "uidmap=0:1:2,3:4:5",
			    "lowerdir=/a:/b\\:c::/d", "gidmap=6:7:8", "x") },
	    "/a:/b\\:c::/d", "index=off,lowerdir=0:1::2,x");
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
		bed_skip("the cases are made for pages of 4096 bytes");
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_idmap),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_short_layers_are_left),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(
	    tests, bed_setup_group, bed_teardown_group);
}
