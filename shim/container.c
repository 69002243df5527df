/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers: making, finding and freeing them, and the rule between their
 * processes.
 */
#include "shim/container.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "cgroups/cgroup.h"
#include "cgroups/oom.h"
#include "oci/spec.h"
#include "shim/config.h"
#include "shim/driver.h"
#include "shim/op.h"
#include "shim/recorder.h"
#include "shim/runsc-ask.h"
#include "shim/runsc-sandbox.h"
#include "shim/shim.h"

static char *
join(const char *a, const char *b)
{
	char *path;

	return asprintf(&path, "%s/%s", a, b) < 0 ? NULL : path;
}

/* The recorder is worth having, not worth failing for. */
static void
open_recorder(struct container *c)
{
	char path[PATH_MAX];
	struct err err;

	if (path_format(path, sizeof(path), "%s/" RECORDER_FILE, c->bundle) < 0)
		return;
	if (recorder_open(path, c->shim->config->recorder_size, c->shim->ns,
		c->id, &c->recorder, &err) < 0)
		log_task(LOG_LEVEL_WARN, c->id, NULL,
		    "cannot record this container: %s, ignoring", err.msg);
}

static int
fill(struct container *c, const char *id, const char *bundle, struct err *err)
{
	struct oci_spec spec;

	c->id = strdup(id);
	c->init.id = strdup(id);
	c->bundle = strdup(bundle);
	c->rootfs = join(bundle, "rootfs");
	if (!c->id || !c->init.id || !c->bundle || !c->rootfs)
		return err_set_errno(err, ENOMEM, "create");
	int r = oci_spec_load(bundle, &spec, err);
	if (r < 0)
		return r;
	c->private_pidns = spec.private_pidns;
	c->in_sandbox = spec.in_sandbox;
	c->is_pod_sandbox = spec.is_pod_sandbox;
	c->sandbox_log_dir = spec.log_directory;
	spec.log_directory = NULL;
	c->cgroups_path = take_ptr(spec.cgroups_path);
	oci_spec_done(&spec);
	return 0;
}

int
container_new(struct shim *shim, const char *id, const char *bundle,
    struct task_options *options, struct container **ret, struct err *err)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c) {
		options_done(options);
		return err_set_errno(err, ENOMEM, "create");
	}
	list_init(&c->link);
	list_init(&c->execs);
	list_init(&c->asks);
	c->driver = &driver_runc;
	c->shim = shim;
	c->options = *options;
	*options = (struct task_options){ 0 };
	process_init(&c->init, c, /* is_init= */ true);
	int r = fill(c, id, bundle, err);
	if (r < 0) {
		container_free(c);
		return r;
	}
	open_recorder(c);
	tombstones_drop(&shim->tombstones, id, /* exec_id= */ NULL);
	list_add_tail(&shim->containers, &c->link);
	*ret = c;
	return 0;
}

static void
exec_free(struct process *p)
{
	process_done(p);
	free(p);
}

void
container_free(struct container *c)
{
	runsc_ask_cancel_all(&c->asks);
	list_for_each(l, tmp, &c->execs)
	{
		exec_free(list_entry(l, struct process, link));
	}
	process_done(&c->init);
	runsc_sandbox_leave(c);
	list_del(&c->link);
	recorder_close(c->recorder);
	oom_watch_free(c->oom);
	cgroup_free(c->cgroup);
	options_done(&c->options);
	free(c->cgroups_path);
	free(c->runtime_root);
	free(c->sandbox_log_dir);
	free(c->checkpoint);
	free(c->parent_checkpoint);
	free(c->rootfs);
	free(c->bundle);
	free(c->id);
	free(c);
}

struct container *
container_find(const struct shim *shim, const char *id)
{
	list_for_each(l, tmp, &shim->containers)
	{
		struct container *c = list_entry(l, struct container, link);
		if (strcmp(c->id, id) == 0)
			return c;
	}
	return NULL;
}

struct process *
container_process(struct container *c, const char *exec_id)
{
	if (!*exec_id)
		return &c->init;
	list_for_each(l, tmp, &c->execs)
	{
		struct process *p = list_entry(l, struct process, link);
		if (strcmp(p->id, exec_id) == 0)
			return p;
	}
	return NULL;
}

static void
record_name(struct container *c, const struct process *p)
{
	struct record record = { .kind = RECORD_NAME, .process = p->slot };

	(void)snprintf(record.name, sizeof(record.name), "%s", p->id);
	recorder_add(c->recorder, &record);
}

int
container_add_exec(struct container *c, const char *exec_id,
    struct process **ret, struct err *err)
{
	struct process *p = malloc(sizeof(*p));

	if (!p)
		return err_set_errno(err, ENOMEM, "exec");
	process_init(p, c, /* is_init= */ false);
	p->id = strdup(exec_id);
	if (!p->id) {
		exec_free(p);
		return err_set_errno(err, ENOMEM, "exec");
	}
	p->slot = ++c->last_slot;
	list_add_tail(&c->execs, &p->link);
	tombstones_drop(&c->shim->tombstones, c->id, exec_id);
	record_name(c, p);
	*ret = p;
	return 0;
}

static void
record_rule(struct container *c, enum fsm_rule_event event,
    const struct fsm_rule_step *step)
{
	struct record record = {
		.kind = RECORD_RULE,
		.event = (uint8_t)event,
		.next = step->execs_gone,
		.step = step->bug,
		.actions = c->rule.execs | (uint64_t)c->rule.init_dead << 32 |
			   (uint64_t)c->rule.init_waits << 33,
	};

	recorder_add(c->recorder, &record);
}

void
container_rule(struct container *c, enum fsm_rule_event event)
{
	struct fsm_rule_step step = fsm_rule_step(c->rule, event);

	record_rule(c, event, &step);
	if (step.bug)
		log_task(LOG_LEVEL_ERROR, c->id, NULL,
		    "impossible %s with %u execs, ignoring",
		    fsm_rule_event_name(event), c->rule.execs);
	c->rule = step.next;
	if (step.execs_gone)
		process_event(&c->init, FSM_INIT_EV_EXECS_GONE, NULL);
}

void
container_hurry(struct container *c)
{
	op_hurry(c->init.op, c->shim->times.orphaned);
	list_for_each(l, tmp, &c->execs)
	{
		op_hurry(list_entry(l, struct process, link)->op,
		    c->shim->times.orphaned);
	}
}

/* Nobody knows of the container yet: container_told() looks again. */
static bool
on_oom(void *arg)
{
	struct container *c = arg;

	if (c->told)
		process_event(&c->init, FSM_INIT_EV_OOM, NULL);
	return c->told;
}

static void
watch_oom(struct container *c)
{
	struct err err;

	if (oom_watch_new(c->shim->base, PRIORITY_CHILD, c->cgroup, on_oom, c,
		&c->oom, &err) < 0)
		log_task(LOG_LEVEL_WARN, c->id, NULL,
		    "OOM will not be told: %s, ignoring", err.msg);
}

void
container_find_cgroup(struct container *c)
{
	struct err err;

	if (!c->init.pid)
		return;
	if (cgroup_of_pid(c->init.pid, &c->cgroup, &err) < 0)
		log_task(LOG_LEVEL_DEBUG, c->id, NULL, "%s", err.msg);
	else
		watch_oom(c);
}

static void
look_for_oom(struct container *c, const struct process *p)
{
	oom_watch_check(
	    c->oom, p->exit_seen && p->exit.status == 128 + SIGKILL);
	if (!c->told || !c->init.exit_seen)
		return;
	oom_watch_free(c->oom);
	c->oom = NULL;
}

void
container_told(struct container *c)
{
	c->told = true;
	look_for_oom(c, &c->init);
}

void
container_process_exited(struct container *c, const struct process *p)
{
	look_for_oom(c, p);
}

struct oci_runtime
container_runtime(const struct container *c)
{
	struct oci_runtime runtime = {
		.binary = c->options.binary,
		.root = c->runtime_root,
		.bundle = c->bundle,
		.systemd_cgroup = c->options.systemd_cgroup,
		.flags = (const char *const *)c->options.flags,
	};

	return runtime;
}
