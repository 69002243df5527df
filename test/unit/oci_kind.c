/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and what they lead to.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "oci/kind.h"

static char dir[] = "/tmp/chock-kind-XXXXXX";
static const char *const files[] = { "runc", "crun", "runsc", "wrapper", "link",
	"runsc-link", "other" };

static void
make(const char *name, const char *target)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (target) {
		assert_int_equal(symlink(target, path), 0);
		return;
	}
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static int
setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	make("runc", NULL);
	make("crun", NULL);
	make("runsc", NULL);
	make("wrapper", NULL);
	make("link", "runsc");
	make("runsc-link", "crun");
	(void)setenv("PATH", dir, 1);
	return 0;
}

static int
teardown(void **state)
{
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static void
expect_path(const char *name, enum oci_kind want)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(oci_kind_of_binary(path), want);
}

static void
test_names(void **state)
{
	(void)state;
	assert_int_equal(oci_kind_of_binary(""), OCI_KIND_RUNC);
	assert_int_equal(oci_kind_of_binary("runc"), OCI_KIND_RUNC);
	assert_int_equal(oci_kind_of_binary("crun"), OCI_KIND_RUNC);
	assert_int_equal(oci_kind_of_binary("runsc"), OCI_KIND_RUNSC);
	assert_int_equal(oci_kind_of_binary("wrapper"), OCI_KIND_UNKNOWN);
	assert_int_equal(oci_kind_of_binary("absent"), OCI_KIND_UNKNOWN);
}

static void
test_links(void **state)
{
	(void)state;
	assert_int_equal(oci_kind_of_binary("link"), OCI_KIND_RUNSC);
	expect_path("link", OCI_KIND_RUNSC);
	expect_path("runsc-link", OCI_KIND_RUNC);
	expect_path("wrapper", OCI_KIND_UNKNOWN);
}

static void
test_versions(void **state)
{
	(void)state;
	assert_int_equal(
	    oci_kind_parse("runsc version 0.0~20221219.0\nspec: 1.0.2-dev\n"),
	    OCI_KIND_RUNSC);
	assert_int_equal(
	    oci_kind_parse("runc version 1.1.5+ds1\n"), OCI_KIND_RUNC);
	assert_int_equal(oci_kind_parse("crun version 1.8.1\n"), OCI_KIND_RUNC);
	assert_int_equal(oci_kind_parse("runscx"), OCI_KIND_RUNC);
	assert_int_equal(oci_kind_parse(""), OCI_KIND_RUNC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
