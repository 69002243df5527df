/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Specs of pods with volumes, before and after.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/gvisor-spec.h"

#define LOGS                                                                   \
	"\"io.kubernetes.cri.sandbox-log-directory\":"                         \
	"\"/var/log/pods/default_web_uid1\""
#define TYPE(type) "\"io.kubernetes.cri.container-type\":\"" type "\""
#define VOLUME(name, key, value)                                               \
	"\"dev.gvisor.spec.mount." name "." key "\":\"" value "\""
#define FORCED "\"dev.gvisor.empty-dir.cache.force-shared\":\"true\""

static char dir[] = "/tmp/chock-gvisor-XXXXXX";
static char kubelet[64], bundle[64], config[80];

/* Replaces each @ by the kubelet's directory. */
static char *
expand(const char *text)
{
	char *all = calloc(1, strlen(text) * 2 + 2048), *to = all;

	assert_non_null(all);
	for (; *text; text++) {
		if (*text == '@')
			to += sprintf(to, "%s", kubelet);
		else
			*to++ = *text;
	}
	return all;
}

static void
make_dir(const char *path)
{
	cleanup_free char *full = expand(path);

	assert_int_equal(dir_make_all(full, 0700), 0);
}

static int
setup(void **state)
{
	(void)state;
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(kubelet, sizeof(kubelet), "%s/kubelet", dir);
	(void)snprintf(bundle, sizeof(bundle), "%s/bundle", dir);
	(void)snprintf(config, sizeof(config), "%s/config.json", bundle);
	make_dir("@/pods/uid1/volumes/kubernetes.io~empty-dir/cache");
	make_dir("@/pods/uid1/volumes/kubernetes.io~empty-dir/full/x");
	make_dir("@/pods/uid1/volumes/kubernetes.io~csi/data");
	make_dir("@/pods/uid1/volumes/kubernetes.io~csi/two");
	make_dir("@/pods/uid1/volumes/kubernetes.io~nfs/two");
	make_dir("@/pods/uid1/volumes/kubernetes.io~empty-dir/"
		 "gke-gcsfuse-tmp/x");
	return mkdir(bundle, 0700);
}

static int
teardown(void **state)
{
	char command[96];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
}

static int
rewrite(const char *before, struct err *err)
{
	cleanup_free char *text = expand(before);

	assert_int_equal(
	    file_write_atomic(AT_FDCWD, config, text, strlen(text), 0600), 0);
	return oci_gvisor_spec_rewrite(bundle, kubelet, err);
}

static void
expect(const char *before, const char *after)
{
	cleanup_free char *want = expand(after), *got = NULL;
	struct err err = { 0 };

	if (rewrite(before, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(file_read(AT_FDCWD, config, 65536, &got, NULL), 0);
	assert_string_equal(got, want);
}

static void
expect_same(const char *text)
{
	expect(text, text);
}

static void
test_nothing_to_do(void **state)
{
	(void)state;
	expect_same("{}");
	expect_same("{ \"annotations\": { }, \"mounts\": [ ] }");
	expect_same("{\"annotations\":{" TYPE("container") "," LOGS "}}");
	/* nor anything without the name of a pod */
	expect_same("{\"annotations\":{" TYPE("sandbox") "," VOLUME(
	    "cache", "type", "tmpfs") "}}");
	expect_same(
	    "{\"annotations\":{\"io.kubernetes.cri.sandbox-log-"
	    "directory\":\"/a_b\"," VOLUME("cache", "type", "tmpfs") "}}");
}

static void
test_sandbox_volumes(void **state)
{
	(void)state;
	expect("{\"annotations\":{" TYPE("sandbox") "," LOGS "," VOLUME(
		   "cache", "type", "bind") "}}",
	    "{\"annotations\":{" TYPE("sandbox") "," LOGS "," VOLUME("cache",
		"source",
		"@/pods/uid1/volumes/kubernetes.io~empty-dir/cache") "," VOLUME("cache",
		"type", "tmpfs") "}}");
	expect("{\"annotations\":{" LOGS
	       "," VOLUME("full", "type", "tmpfs") "}}",
	    "{\"annotations\":{" LOGS "," VOLUME("full", "source",
		"@/pods/uid1/volumes/kubernetes.io~empty-dir/full") "," VOLUME("full",
		"type", "bind") "," VOLUME("full", "share", "shared") "}}");
	expect("{\"annotations\":{" LOGS
	       "," VOLUME("data", "type", "bind") "}}",
	    "{\"annotations\":{" LOGS
	    "," VOLUME("data", "type", "bind") "," VOLUME("data", "source",
		"@/pods/uid1/volumes/kubernetes.io~csi/data") "}}");
}

static void
test_forced(void **state)
{
	(void)state;
	expect("{\"annotations\":{" LOGS "," FORCED
	       "," VOLUME("cache", "type", "bind") "}}",
	    "{\"annotations\":{" LOGS "," FORCED
	    "," VOLUME("cache", "type", "bind") "," VOLUME("cache", "source",
		"@/pods/uid1/volumes/kubernetes.io~empty-dir/cache") "," VOLUME("cache",
		"share", "shared") "}}");
}

static void
test_fuse(void **state)
{
	(void)state;
	expect("{\"annotations\":{" LOGS
	       "," VOLUME("gke-gcsfuse-tmp", "type", "bind") "}}",
	    "{\"annotations\":{" LOGS "," VOLUME("gke-gcsfuse-tmp", "type",
		"bind") "," VOLUME("gke-gcsfuse-tmp", "source",
		"@/pods/uid1/volumes/kubernetes.io~empty-dir/"
		"gke-gcsfuse-tmp") "," VOLUME("gke-gcsfuse-tmp", "share",
		"shared") ","
			  "\"dev.gvisor.flag.host-uds\":\"open\"}}");
}

static void
test_missing_volume(void **state)
{
	struct err err;

	(void)state;
	assert_true(rewrite("{\"annotations\":{" LOGS
			    "," VOLUME("none", "type", "bind") "}}",
			&err) < 0);
	assert_non_null(strstr(err.msg, "volume none: 0 directories match "));
	assert_true(rewrite("{\"annotations\":{" LOGS
			    "," VOLUME("two", "type", "bind") "}}",
			&err) < 0);
	assert_non_null(strstr(err.msg, "volume two: 2 directories match "));
}

static void
test_container_mounts(void **state)
{
	(void)state;
	expect(
	    "{\"annotations\":{" TYPE("container") "," VOLUME(
		"cache", "type", "tmpfs") "," VOLUME("full", "type",
		"tmpfs") "},\"mounts\":["
			 "{\"type\":\"bind\",\"source\":"
			 "\"@/pods/uid1/volumes/kubernetes.io~empty-dir/cache\"},"
			 "{\"type\":\"bind\",\"source\":"
			 "\"@/pods/uid1/volumes/kubernetes.io~empty-dir/full\"},"
			 "{\"type\":\"bind\",\"source\":\"/cache\"},"
			 "{\"type\":\"bind\",\"source\":"
			 "\"@/pods/uid1/volumes/x/y/cache\"},"
			 "{\"type\":\"proc\"}]}",
	    "{\"annotations\":{" TYPE("container") "," VOLUME(
		"cache", "type", "tmpfs") "," VOLUME("full", "type",
		"tmpfs") "},\"mounts\":["
			 "{\"source\":"
			 "\"@/pods/uid1/volumes/kubernetes.io~empty-dir/cache\","
			 "\"type\":\"tmpfs\"},"
			 "{\"type\":\"bind\",\"source\":"
			 "\"@/pods/uid1/volumes/kubernetes.io~empty-dir/full\"},"
			 "{\"type\":\"bind\",\"source\":\"/cache\"},"
			 "{\"type\":\"bind\",\"source\":"
			 "\"@/pods/uid1/volumes/x/y/cache\"},"
			 "{\"type\":\"proc\"}]}");
}

#define SHM(type, source)                                                      \
	"{\"destination\":\"/dev/shm\",\"source\":\"" source                   \
	"\",\"type\":\"" type "\"}"
#define SHM_NOTE(key, value) VOLUME("gvisorinternaldevshm", key, value)

static void
test_shm(void **state)
{
	(void)state;
	expect("{\"annotations\":{" TYPE("container") "},\"mounts\":[" SHM(
		   "tmpfs", "shm") "," SHM("bind", "/run/shm") "]}",
	    "{\"annotations\":{" TYPE("container") "},\"mounts\":[" SHM(
		"tmpfs", "/run/shm") "]}");
	expect("{\"annotations\":{" TYPE("sandbox") "},\"mounts\":[" SHM(
		   "bind", "/run/shm") "]}",
	    "{\"annotations\":{" TYPE("sandbox") "," SHM_NOTE(
		"source", "/run/shm") "," SHM_NOTE("type",
		"tmpfs") "," SHM_NOTE("share", "pod") "," SHM_NOTE("options",
		"rw") "},\"mounts\":[" SHM("tmpfs", "/run/shm") "]}");
	expect_same("{\"mounts\":[" SHM("tmpfs", "shm") "]}");
}

/* A bind mount is one by its options as well: containerd and Docker say both.
 */
static void
test_bind_options(void **state)
{
	(void)state;
	expect("{\"annotations\":{" TYPE(
		   "container") "},\"mounts\":[{"
				"\"destination\":\"/dev/shm\",\"options\":["
				"\"rbind\",\"rprivate\",\"bind\",\"rw\"],"
				"\"source\":\"/run/shm\",\"type\":\"bind\"}]}",
	    "{\"annotations\":{" TYPE(
		"container") "},\"mounts\":[{"
			     "\"destination\":\"/dev/shm\",\"options\":["
			     "\"rprivate\",\"rw\"],"
			     "\"source\":\"/run/shm\",\"type\":\"tmpfs\"}]}");
#define CACHE "{\"source\":\"@/pods/uid1/volumes/x/cache\",\"options\":["
	expect("{\"annotations\":{" TYPE("container") "," VOLUME(
		   "cache", "type", "bind") "},\"mounts\":[" CACHE
					    "\"rbind\",\"ro\"]}]}",
	    "{\"annotations\":{" TYPE("container") "," VOLUME("cache", "type",
		"bind") "},\"mounts\":[" CACHE
			"\"rbind\",\"ro\"],\"type\":\"bind\"}]}");
	expect("{\"annotations\":{" TYPE("container") "," VOLUME(
		   "cache", "type", "tmpfs") "},\"mounts\":[" CACHE
					     "\"ro\",\"rbind\"]}]}",
	    "{\"annotations\":{" TYPE("container") "," VOLUME(
		"cache", "type", "tmpfs") "},\"mounts\":[" CACHE
					  "\"ro\"],\"type\":\"tmpfs\"}]}");
}

static void
test_cgroup(void **state)
{
	(void)state;
	expect("{\"linux\":{\"cgroupsPath\":"
	       "\"/kubepods/burstable/podabc/0123\"}}",
	    "{\"linux\":{\"cgroupsPath\":"
	    "\"/kubepods/burstable/podabc/0123\"},\"annotations\":{"
	    "\"dev.gvisor.spec.cgroup-parent\":"
	    "\"/kubepods/burstable/podabc\"}}");
	expect_same("{\"linux\":{\"cgroupsPath\":\"/docker/0123\"}}");
	expect_same("{\"annotations\":{" TYPE(
	    "container") "},"
			 "\"linux\":{\"cgroupsPath\":\"/podabc/0123\"}}");
}

/* As they were, whatever else is rewritten: of the text, a double has not all.
 */
static void
test_numbers(void **state)
{
#define NUMBERS                                                                \
	"\"process\":{\"args\":[\"1e15\",\"\\\"-7\"],\"rlimits\":["            \
	"{\"hard\":18446744073709551615,\"soft\":9223372036854771712}]},"      \
	"\"1e3\":[9007199254740993,9007199254740991,1e15,1000000000000000,"    \
	"0.1,-1,0,-0,1.0,1E+2,[[7],{}],true,null,2.50]"

	(void)state;
	expect("{" NUMBERS ",\"linux\":{\"cgroupsPath\":\"/pod1/0\"}}",
	    "{" NUMBERS ",\"linux\":{\"cgroupsPath\":\"/pod1/0\"},"
	    "\"annotations\":{\"dev.gvisor.spec.cgroup-parent\":"
	    "\"/pod1\"}}");
}

static void
test_no_object(void **state)
{
	struct err err;

	(void)state;
	assert_true(rewrite("[]", &err) < 0);
	assert_int_equal(err.code, ERR_INVALID_ARGUMENT);
	(void)unlink(config);
	assert_true(oci_gvisor_spec_rewrite(bundle, kubelet, &err) < 0);
	assert_non_null(strstr(err.msg, "No such file or directory"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_to_do),
		TEST(test_sandbox_volumes),
		TEST(test_forced),
		TEST(test_fuse),
		TEST(test_missing_volume),
		TEST(test_container_mounts),
		TEST(test_shm),
		TEST(test_bind_options),
		TEST(test_cgroup),
		TEST(test_numbers),
		TEST(test_no_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
