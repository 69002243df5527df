/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs, with runc's preconditions and texts. A container is a folder
 * <root>/<id> with: bundle, pid, cgroups (list of folders), gate (the FIFO init
 * waits at; there until `start`), paused.
 */
#include "test/tool/fake-runtime/fake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/tool/fake-runtime/json.h"

#define PIDS_MAX 4096

static char *
in_state(const struct call *call, const char *name)
{
	return text_format("%s/%s", call->state, name);
}

static void
keep(const struct call *call, const char *name, const char *text)
{
	if (text_write(in_state(call, name), text) < 0)
		fail(call, "write %s: %s", name, strerror(errno));
}

static void
keep_pid(const struct call *call)
{
	char *pid = text_format("%d", call->pid);
	const char *told = script_value("pid-file");

	keep(call, call->exec_id ? call->exec_id : "pid", pid);
	if (call->inner_pid_file && text_write(call->inner_pid_file, pid) < 0)
		fail(call, "write inner pid file: %s", strerror(errno));
	if (call->told_pid)
		pid = text_format("%d", call->told_pid);
	if (call->pid_file && !script_value("no-pid-file") &&
	    text_write(call->pid_file, told ? told : pid) < 0)
		fail(call, "write pid file: %s", strerror(errno));
}

static void
make_folders(const char *path)
{
	char *copy = strdup(path);

	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(copy, 0700);
		*p = '/';
	}
	free(copy);
}

static void
make_state(struct call *call)
{
	make_folders(call->state);
	if (mkdir(call->state, 0700) < 0)
		fail(call, "container with id exists: %s", call->id);
	keep(call, "bundle", call->dir);
	int r = cage_make(call);
	if (r < 0)
		fail(call, "isolate the container: %s", strerror(-r));
}

static void
remove_state(const struct call *call)
{
	DIR *dir = opendir(call->state);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(call->state);
}

/* Fails unless the container exists. */
static void
need(struct call *call)
{
	if (access(call->state, F_OK) < 0)
		fail(call, "container does not exist");
	call->pid =
	    runsc_sandbox_is_dead(call) ? 0 : text_read_pid(call->state, "pid");
}

static bool
is_created(const struct call *call)
{
	return access(in_state(call, "gate"), F_OK) == 0;
}

static void
launch_init(struct call *call, const char *gate)
{
	char *config = text_read(text_format("%s/config.json", call->dir));
	struct program program;
	int master = -1;

	if (!program_read(json_get(config, "process"), &program))
		fail(call, "config.json has no process.args");
	if (call->runsc)
		runsc_find_sandbox(call, config);
	make_state(call);
	if (gate && mkfifo(gate, 0600) < 0)
		fail(call, "mkfifo: %s", strerror(errno));
	call->pid = call->in_sandbox
			? runsc_start_member(call, &program, gate)
			: process_start(call, &program, gate, &master);
	if (program.terminal)
		console_send(call, master);
	if (call->runsc)
		runsc_keep_state(call);
	keep_pid(call);
}

static void
do_create(struct call *call)
{
	launch_init(call, in_state(call, "gate"));
}

static void
do_restore(struct call *call)
{
	launch_init(call, NULL);
}

static void
do_start(struct call *call)
{
	need(call);
	if (!is_created(call))
		fail(call, "cannot start a container that has started");
	bool opened = process_open_gate(call->pid, in_state(call, "gate"));
	(void)unlink(in_state(call, "gate"));
	if (!opened)
		fail(call, "cannot start a container that has stopped");
}

static _Noreturn void
end_like(pid_t pid)
{
	int status = 0;

	(void)waitpid(pid, &status, 0);
	exit(
	    WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void
do_exec(struct call *call)
{
	struct program program;
	int master;

	need(call);
	if (!process_alive(call->pid))
		fail(call, "cannot exec in a stopped container");
	if (access(in_state(call, "paused"), F_OK) == 0)
		fail(call, "cannot exec in a paused container");
	if (!program_read(text_read(call->process_file), &program))
		fail(call, "process file has no args");
	call->pid = process_start(call, &program, NULL, &master);
	if (program.terminal)
		console_send(call, master);
	keep_pid(call);
	if (!call->detach)
		end_like(call->pid);
}

static void
signal_all(const struct call *call, int signal)
{
	static pid_t pids[PIDS_MAX];
	size_t n = cage_pids(call, pids, PIDS_MAX);

	for (size_t i = 0; i < n; i++)
		(void)kill(pids[i], signal);
}

static void
do_kill(struct call *call)
{
	need(call);
	if (!call->extra)
		fail(call, "no signal");
	if (call->inner_pid)
		call->pid = atoi(call->inner_pid);
	int signal = atoi(call->extra);
	if (call->runsc)
		runsc_kill(call, signal);
	else if (call->all)
		signal_all(call, signal);
	else if (!process_alive(call->pid))
		fail(call, "container not running");
	else if (kill(call->pid, signal) < 0)
		fail(call, "kill: %s", strerror(errno));
}

static void
do_delete(struct call *call)
{
	if (call->force && access(call->state, F_OK) < 0)
		return;
	need(call);
	if (call->runsc)
		runsc_check_delete(call);
	if (!call->force && !is_created(call) && process_alive(call->pid))
		fail(call,
		    "cannot delete container %s that is not stopped: running",
		    call->id);
	cage_remove(call);
	runsc_forget_state(call);
	remove_state(call);
}

static void
do_ps(struct call *call)
{
	static pid_t pids[PIDS_MAX];

	need(call);
	size_t n = cage_pids(call, pids, PIDS_MAX);
	putchar('[');
	for (size_t i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", pids[i]);
	puts("]");
}

static void
do_wait(struct call *call)
{
	need(call);
	runsc_wait(call);
}

static void
do_events(struct call *call)
{
	static pid_t pids[PIDS_MAX];

	need(call);
	runsc_events(call, cage_pids(call, pids, PIDS_MAX));
}

static void
do_pause(struct call *call)
{
	need(call);
	if (call->runsc)
		runsc_pause(call);
	else
		signal_all(call, SIGSTOP);
	keep(call, "paused", "");
}

static void
do_resume(struct call *call)
{
	need(call);
	if (call->runsc)
		runsc_resume(call);
	else
		signal_all(call, SIGCONT);
	(void)unlink(in_state(call, "paused"));
}

/* The resources it was given are kept for the test to look at. */
static void
do_update(struct call *call)
{
	char *resources = text_read("/dev/stdin");

	need(call);
	if (text_write(text_format("%s/fake.update", call->dir),
		resources ? resources : "") < 0)
		fail(call, "keep the resources: %s", strerror(errno));
}

static void
do_checkpoint(struct call *call)
{
	need(call);
	if (!call->image_path)
		fail(call, "no image path");
	(void)mkdir(call->image_path, 0700);
	if (text_write(
		text_format("%s/fake.image", call->image_path), call->id) < 0)
		fail(call, "write image: %s", strerror(errno));
	if (!call->leave_running)
		(void)kill(call->pid, SIGKILL);
}

static void
do_state(struct call *call)
{
	const char *status = "stopped";

	need(call);
	if (access(in_state(call, "paused"), F_OK) == 0)
		status = "paused";
	else if (process_alive(call->pid))
		status = is_created(call) ? "created" : "running";
	printf("{\"ociVersion\":\"1.0.2\",\"id\":\"%s\",\"pid\":%d,"
	       "\"status\":\"%s\",\"bundle\":\"%s\"}\n",
	    call->id, call->pid, status, call->dir);
}

static void
do_features(struct call *call)
{
	(void)call;
	puts("{\"ociVersionMin\":\"1.0.0\",\"ociVersionMax\":\"1.0.2\"}");
}

static const struct {
	const char *name;
	void (*work)(struct call *call);
} verbs[] = {
	{ "create", do_create },
	{ "start", do_start },
	{ "exec", do_exec },
	{ "kill", do_kill },
	{ "delete", do_delete },
	{ "ps", do_ps },
	{ "wait", do_wait },
	{ "events", do_events },
	{ "pause", do_pause },
	{ "resume", do_resume },
	{ "update", do_update },
	{ "checkpoint", do_checkpoint },
	{ "restore", do_restore },
	{ "state", do_state },
	{ "features", do_features },
};

bool
verb_do(struct call *call)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(verbs[i].name, call->verb) != 0)
			continue;
		script_run(call, "before");
		verbs[i].work(call);
		script_run(call, "after");
		return true;
	}
	return false;
}
