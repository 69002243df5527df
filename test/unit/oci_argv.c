/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden command lines, one table row for each form of each verb.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oci/argv.h"

static const struct oci_runtime runc = {
	.binary = "",
	.root = "/run/containerd/runc/k8s.io",
	.bundle = "/b",
};

/* What stands before the verb of `runc`. */
#define GLOBALS                                                                \
	"runc --root /run/containerd/runc/k8s.io --log /b/log.json "           \
	"--log-format json "

static void
expect(int r, struct oci_argv *argv, const char *want)
{
	char line[4096] = "";
	size_t len = 0;

	assert_int_equal(r, 0);
	for (size_t i = 0; i < argv->n; i++) {
		size_t n = strlen(argv->args[i]);

		assert_true(len + n + 2 < sizeof(line));
		memcpy(line + len, argv->args[i], n);
		len += n;
		line[len++] = ' ';
	}
	assert_null(argv->args[argv->n]);
	line[len - 1] = '\0';
	assert_string_equal(line, want);
	oci_argv_done(argv);
	assert_null(argv->args);
	oci_argv_done(argv);
}

static void
test_globals(void **state)
{
	(void)state;
	struct oci_argv argv;
	struct oci_runtime rt = {
		.binary = "/usr/bin/crun",
		.root = "/r",
		.bundle = "/bundle dir",
		.systemd_cgroup = true,
	};

	expect(oci_argv_start(&rt, "a", &argv), &argv,
	    "/usr/bin/crun --root /r --log /bundle dir/log.json --log-format "
	    "json --systemd-cgroup start a");
	rt = runc;
	rt.binary = NULL;
	expect(oci_argv_start(&rt, "a", &argv), &argv, GLOBALS "start a");
}

static void
test_create(void **state)
{
	(void)state;
	struct oci_argv argv;
	struct oci_create_opts opts = { 0 };

	expect(oci_argv_create(&runc, "a", &opts, &argv), &argv,
	    GLOBALS "create --bundle /b --pid-file /b/init.pid a");
	opts = (struct oci_create_opts){
		.console_socket = "/s",
		.no_pivot = true,
		.no_new_keyring = true,
	};
	expect(oci_argv_create(&runc, "a", &opts, &argv), &argv,
	    GLOBALS "create --bundle /b --pid-file /b/init.pid "
		    "--console-socket /s --no-pivot --no-new-keyring a");
}

static void
test_exec(void **state)
{
	(void)state;
	struct oci_argv argv;

	expect(oci_argv_exec(&runc, "a", "e1", "/run/p", NULL, &argv), &argv,
	    GLOBALS "exec --process /run/p --detach --pid-file /b/e1.pid a");
	expect(oci_argv_exec(&runc, "a", "e1", "/run/p", "/s", &argv), &argv,
	    GLOBALS "exec --process /run/p --console-socket /s --detach "
		    "--pid-file /b/e1.pid a");
}

static void
test_simple_verbs(void **state)
{
	(void)state;
	struct oci_argv argv;

	expect(oci_argv_start(&runc, "a", &argv), &argv, GLOBALS "start a");
	expect(oci_argv_pause(&runc, "a", &argv), &argv, GLOBALS "pause a");
	expect(oci_argv_resume(&runc, "a", &argv), &argv, GLOBALS "resume a");
	expect(oci_argv_ps(&runc, "a", &argv), &argv,
	    GLOBALS "ps --format json a");
	expect(oci_argv_update(&runc, "a", &argv), &argv,
	    GLOBALS "update --resources=- a");
	expect(oci_argv_delete(&runc, "a", false, &argv), &argv,
	    GLOBALS "delete a");
	expect(oci_argv_delete(&runc, "a", true, &argv), &argv,
	    GLOBALS "delete --force a");
}

static void
test_kill(void **state)
{
	(void)state;
	struct oci_argv argv;

	expect(oci_argv_kill(&runc, "a", 15, false, &argv), &argv,
	    GLOBALS "kill a 15");
	expect(oci_argv_kill(&runc, "a", 9, true, &argv), &argv,
	    GLOBALS "kill --all a 9");
}

static void
test_checkpoint(void **state)
{
	(void)state;
	struct oci_argv argv;
	static const char *const empty_ns[] = { "network", "ipc", NULL };
	struct oci_checkpoint_opts opts = {
		.image_path = "/i",
		.work_path = "/w",
	};

	expect(oci_argv_checkpoint(&runc, "a", &opts, &argv), &argv,
	    GLOBALS "checkpoint --image-path /i --work-path /w a");
	opts = (struct oci_checkpoint_opts){
		.image_path = "/i",
		.work_path = "/w",
		.parent_path = "/p",
		.open_tcp = true,
		.ext_unix = true,
		.shell_job = true,
		.file_locks = true,
		.leave_running = true,
		.empty_ns = empty_ns,
	};
	expect(oci_argv_checkpoint(&runc, "a", &opts, &argv), &argv,
	    GLOBALS "checkpoint --image-path /i --work-path /w --parent-path "
		    "/p --tcp-established --ext-unix-sk --shell-job "
		    "--file-locks --empty-ns network --empty-ns ipc "
		    "--leave-running a");
}

static void
test_restore(void **state)
{
	(void)state;
	struct oci_argv argv;
	struct oci_restore_opts opts = {
		.image_path = "/i",
		.work_path = "/b/work",
	};

	expect(oci_argv_restore(&runc, "a", &opts, &argv), &argv,
	    GLOBALS "restore --image-path /i --work-path /b/work --detach "
		    "--pid-file /b/init.pid -no-subreaper --bundle /b a");
	opts = (struct oci_restore_opts){
		.image_path = "/i",
		.work_path = "/w",
		.parent_path = "/p",
		.console_socket = "/s",
		.no_pivot = true,
	};
	expect(oci_argv_restore(&runc, "a", &opts, &argv), &argv,
	    GLOBALS "restore --image-path /i --work-path /w --parent-path /p "
		    "--detach --pid-file /b/init.pid --console-socket /s "
		    "--no-pivot -no-subreaper --bundle /b a");
}

/* More arguments than the vector has room for at first. */
static void
test_many(void **state)
{
	(void)state;
	struct oci_argv argv;
	const char *empty_ns[101];
	struct oci_checkpoint_opts opts = { .empty_ns = empty_ns };

	for (size_t i = 0; i < 100; i++)
		empty_ns[i] = "network";
	empty_ns[100] = NULL;
	assert_int_equal(oci_argv_checkpoint(&runc, "last", &opts, &argv), 0);
	assert_int_equal(argv.n, 7 + 1 + 200 + 1);
	assert_string_equal(argv.args[argv.n - 1], "last");
	assert_null(argv.args[argv.n]);
	oci_argv_done(&argv);
}

/* runsc takes runc's spelling of the flags they share. */
static const struct oci_runtime runsc = {
	.binary = "runsc",
	.root = "/run/containerd/runsc/k8s.io",
	.bundle = "/b",
	.flags = (const char *const[]){ "--platform=systrap", "--network=none",
	    NULL },
};

#define RUNSC                                                                  \
	"runsc --root /run/containerd/runsc/k8s.io --log /b/log.json "         \
	"--log-format json --platform=systrap --network=none "

static void
test_runsc(void **state)
{
	(void)state;
	struct oci_argv argv;

	expect(oci_argv_start(&runsc, "c", &argv), &argv, RUNSC "start c");
	expect(oci_argv_runsc_exec(&runsc, "c", "e", "/b/p", NULL, &argv),
	    &argv,
	    RUNSC "exec --process /b/p --pid-file /b/e.pid "
		  "--internal-pid-file /b/e.inner c");
	expect(oci_argv_runsc_exec(&runsc, "c", "e", "/b/p", "/s", &argv),
	    &argv,
	    RUNSC "exec --process /b/p --console-socket /s --detach "
		  "--pid-file /b/e.pid "
		  "--internal-pid-file /b/e.inner c");
	expect(oci_argv_runsc_kill(&runsc, "c", 0, 15, false, &argv), &argv,
	    RUNSC "kill c 15");
	expect(oci_argv_runsc_kill(&runsc, "c", 0, 9, true, &argv), &argv,
	    RUNSC "kill --all c 9");
	expect(oci_argv_runsc_kill(&runsc, "c", 42, 15, false, &argv), &argv,
	    RUNSC "kill --pid 42 c 15");
	expect(oci_argv_runsc_wait(&runsc, "c", &argv), &argv, RUNSC "wait c");
	expect(oci_argv_runsc_stats(&runsc, "c", &argv), &argv,
	    RUNSC "events --stats c");
	expect(oci_argv_runsc_checkpoint(&runsc, "c", "/i", true, &argv), &argv,
	    RUNSC "checkpoint --image-path /i --leave-running c");
	expect(oci_argv_runsc_checkpoint(&runsc, "c", "/i", false, &argv),
	    &argv, RUNSC "checkpoint --image-path /i c");
	expect(oci_argv_runsc_restore(&runsc, "c", "/i", NULL, &argv), &argv,
	    RUNSC "restore --image-path /i --detach --bundle /b --pid-file "
		  "/b/init.pid c");
	expect(oci_argv_runsc_restore(&runsc, "c", "/i", "/s", &argv), &argv,
	    RUNSC "restore --image-path /i --detach --bundle /b --pid-file "
		  "/b/init.pid --console-socket /s c");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_globals),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_simple_verbs),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_checkpoint),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_runsc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
