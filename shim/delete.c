/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "delete". What cannot be done is told on stderr, where containerd takes it as
 * a warning, and does not keep the rest from being done.
 */
#include "shim/delete.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "ipc/bootstrap.h"
#include "oci/argv.h"
#include "oci/mount.h"
#include "oci/run.h"
#include "oci/runsc-state.h"
#include "oci/spec.h"
#include "shim/config.h"
#include "shim/identifier.h"
#include "shim/keep.h"
#include "shim/kill-recorded.h"
#include "shim/options.h"
#include "shim/recorder.h"
#include "shim/runtime-kind.h"
#include "shim/shim.h"
#include "shim/socket.h"
#include "shim/tombstone.h"
#include "shim/worker.h"

/* Of containerd's 5 s. An unmount that is busy gives up and detaches after 1 s;
 * one that hangs in the kernel goes on without us. */
#define RUNTIME_TIME (2 * NSEC_PER_SEC)
#define UNMOUNT_TIME (1500 * NSEC_PER_MSEC)

#define STATUS_KILLED 137 /* 128 + SIGKILL: what we did to it */

struct deletion {
	const struct args *args;
	char bundle[PATH_MAX];
	char rootfs[PATH_MAX];
	struct task_options options;
	struct config config;
	struct shim shim; /* for its loop and children */
	bool unmounted;
};

/* The bundle is our working directory, except for members of a pod. */
static int
find_bundle(struct deletion *d, struct err *err)
{
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)))
		return err_set_errno(err, errno, "get working directory");
	const char *given = *d->args->bundle ? d->args->bundle : cwd;
	int r = path_format(cwd, sizeof(cwd), "%s", given);
	if (r == 0)
		r = path_format(d->bundle, sizeof(d->bundle), "%s/%s",
		    dirname(cwd), d->args->id);
	if (r == 0)
		r = path_format(
		    d->rootfs, sizeof(d->rootfs), "%s/rootfs", d->bundle);
	return r < 0 ? err_set_errno(err, -r, "bundle %s", given) : 0;
}

static void
on_run_done(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct deletion *d = arg;
	struct err err;

	(void)run;
	if (!result->ok) {
		oci_run_describe(result, &err);
		log_warn("failed to remove container: %s", err.msg);
	}
	(void)event_base_loopbreak(d->shim.base);
}

/* Nothing there means that Task.Delete has been here: the usual case. Of runsc
 * also the sandbox, where its state is one that we can read. */
static bool
runtime_knows(const char *root, const char *id, char **ret_sandbox)
{
	char path[PATH_MAX];
	struct err ignored;
	struct stat st;

	if (path_format(path, sizeof(path), "%s/%s", root, id) < 0 ||
	    lstat(path, &st) == 0)
		return true;
	struct oci_runsc_state state;
	if (oci_runsc_state_load(root, id, &state, &ignored) < 0)
		return ignored.code != ERR_NOT_FOUND;
	*ret_sandbox = state.sandbox_id;
	state.sandbox_id = NULL;
	oci_runsc_state_done(&state);
	return true;
}

static void
delete_from_runtime(struct deletion *d)
{
	char ns_root[PATH_MAX];
	cleanup_free char *sandbox = NULL;
	cleanup_argv struct oci_argv argv = { 0 };
	struct oci_run *run = NULL;
	struct err err;

	int r = path_format(
	    ns_root, sizeof(ns_root), "%s/%s", d->options.root, d->args->ns);
	if (r == 0 && !runtime_knows(ns_root, d->args->id, &sandbox))
		return;
	struct oci_runtime runtime = {
		.binary = d->options.binary,
		.root = ns_root,
		.bundle = d->bundle,
		.flags = (const char *const *)d->options.flags,
	};
	if (r == 0)
		r = oci_argv_delete(&runtime, d->args->id, true, &argv);
	if (r < 0)
		(void)err_set_errno(&err, -r, "delete");
	struct oci_run_spec spec = {
		.argv = argv.args,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = RUNTIME_TIME,
	};
	if (r == 0)
		r = oci_run_start(d->shim.base, PRIORITY_CHILD,
		    d->shim.children, &spec, on_run_done, d, &run, &err);
	if (r < 0)
		log_warn("failed to remove container: %s", err.msg);
	else
		(void)event_base_dispatch(d->shim.base);
	oci_run_free(run);
	if (sandbox)
		oci_runsc_remove_locks(ns_root, sandbox);
}

/* Of a runtime that was killed before it knew of its container. */
static void
remove_cgroup(const struct deletion *d)
{
	struct oci_spec spec;
	struct err ignored;

	if (oci_spec_load(d->bundle, &spec, &ignored) < 0)
		return;
	if (spec.cgroups_path)
		cgroup_remove(spec.cgroups_path);
	oci_spec_done(&spec);
}

static int
do_unmount(void *arg, struct err *err)
{
	struct deletion *d = arg;

	return oci_unmount_all(d->rootfs, err);
}

static void
on_unmounted(const struct err *err, void *arg)
{
	struct deletion *d = arg;

	d->unmounted = true;
	if (err)
		log_warn("failed to unmount %s: %s", d->rootfs, err->msg);
	(void)event_base_loopbreak(d->shim.base);
}

static void
unmount_rootfs(struct deletion *d)
{
	const struct timeval limit = clock_timeval(UNMOUNT_TIME);
	struct worker *worker = NULL;
	struct err err;

	if (worker_start(
		&d->shim, do_unmount, d, on_unmounted, d, &worker, &err) < 0) {
		log_warn("failed to unmount %s: %s", d->rootfs, err.msg);
		return;
	}
	(void)event_base_loopexit(d->shim.base, &limit);
	(void)event_base_dispatch(d->shim.base);
	if (!d->unmounted)
		log_warn("unmounting %s takes too long, going on", d->rootfs);
	worker_free(worker);
}

/* What the bundle says; without it the name follows from the command line, for
 * a container that is its own group. */
static int
find_socket(const struct deletion *d, char ret[SOCKET_PATH_SIZE])
{
	cleanup_free char *address = NULL;
	char path[PATH_MAX];
	size_t prefix = strlen(SOCKET_PREFIX);
	struct err ignored;

	int r = path_format(path, sizeof(path), "%s/address", d->bundle);
	if (r >= 0)
		r = file_read(AT_FDCWD, path, PATH_MAX, &address, NULL);
	if (r < 0)
		return socket_path(SOCKET_DIR_DEFAULT, d->args->address,
		    d->args->ns, d->args->id, ret, &ignored);
	if (strncmp(address, SOCKET_PREFIX, prefix) != 0)
		return -EBADMSG;
	return path_format(ret, SOCKET_PATH_SIZE, "%s", address + prefix);
}

/* A killed shim leaves its socket behind. One that is served stays. */
static void
remove_dead_socket(const struct deletion *d)
{
	char path[SOCKET_PATH_SIZE];

	if (find_socket(d, path) == 0 && !socket_is_served(path))
		(void)unlink(path);
}

/* How init ended: as recorded; else it is we who end it, now. That needs no
 * runtime, which may be what hangs. */
static struct exit_status
find_exit(const struct deletion *d)
{
	struct exit_status exit = {
		.status = STATUS_KILLED,
		.at_ns = clock_realtime_ns(),
	};
	struct recording recording;
	char path[PATH_MAX];
	struct err err;
	pid_t pid;

	if (path_format(path, sizeof(path), "%s/init.pid", d->bundle) == 0 &&
	    file_read_pid(AT_FDCWD, path, &pid) == 0)
		exit.pid = (uint32_t)pid;
	if (path_format(path, sizeof(path), "%s/" RECORDER_FILE, d->bundle) <
		0 ||
	    recording_load(path, &recording, &err) < 0)
		return exit;
	const struct record *record = recording_init_exit(&recording);
	if (record) {
		exit.pid = record->pid;
		exit.status = record->status;
		exit.at_ns = record->at_ns;
	} else {
		kill_recorded_init(&recording);
	}
	recording_done(&recording);
	return exit;
}

static int
print_answer(const struct exit_status *exit, struct err *err)
{
	cleanup_bytes struct bytes answer = { 0 };

	int r = delete_response_encode(
	    exit->pid, exit->status, exit->at_ns, &answer, err);
	if (r < 0)
		return r;
	r = fd_write_full(STDOUT_FILENO, answer.data, answer.len);
	return r < 0 ? err_set_errno(err, -r, "print answer") : 0;
}

/* As Create has completed and kept them; else what it would have made of a
 * request that says nothing. */
static int
find_options(struct deletion *d, struct err *err)
{
	int r = 0;

	if (options_load(d->bundle, &d->options, err) < 0) {
		log_warn("%s, using defaults", err->msg);
		r = options_decode("", NULL, 0, &d->options, err);
	}
	if (r == 0 && !*d->options.binary)
		r = runtime_kind_complete(
		    &d->config, d->bundle, &d->options, err);
	return r;
}

static int
run(struct deletion *d, struct err *err)
{
	int r = identifier_check(d->args->id, err);
	if (r == 0)
		r = find_bundle(d, err);
	if (r < 0)
		return r;
	struct exit_status exit = find_exit(d);
	if (find_options(d, err) == 0)
		delete_from_runtime(d);
	else
		log_warn("failed to remove container: %s", err->msg);
	remove_cgroup(d);
	unmount_rootfs(d);
	remove_dead_socket(d);
	keep_recording(&d->config, d->bundle, d->args->ns, d->args->id);
	return print_answer(&exit, err);
}

/* A file that cannot be used is no reason to leave anything behind. */
static int
find_config(struct config *ret, struct err *err)
{
	if (config_load(ret, err) == 0)
		return 0;
	log_warn("%s, using defaults", err->msg);
	return config_init(ret, err);
}

int
delete_run(const struct args *args, struct err *err)
{
	struct deletion d = { .args = args };

	int r = find_config(&d.config, err);
	if (r < 0)
		return r;
	r = shim_init(&d.shim, &d.config, args->ns, "", err);
	if (r == 0)
		r = run(&d, err);
	options_done(&d.options);
	shim_done(&d.shim);
	config_done(&d.config);
	return r;
}
