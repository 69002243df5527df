/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name answers in all but a few set-ups, so that nothing is run for it.
 */
#include "shim/runtime-kind.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/run.h"
#include "shim/config.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/gvisor-config.h"
#include "shim/gvisor-log.h"
#include "shim/options.h"
#include "shim/personality.h"
#include "shim/shim.h"

#define ANSWER_TIME (5 * NSEC_PER_SEC)

struct runtime_kind {
	struct container *c;
	struct oci_run *run;
	runtime_kind_fn *fn;
	void *arg;
};

/* Of chock.conf, else of our name. */
static int
underlay_defaults(
    const struct config *config, struct task_options *options, struct err *err)
{
	char *binary = (char *)(uintptr_t)(*config->runtime_binary
					       ? config->runtime_binary
					       : personality()->binary);
	char *root =
	    (char *)(uintptr_t)(*config->runtime_root ? config->runtime_root
						      : personality()->root);
	char *none = (char *)(uintptr_t) "";
	const struct task_options defaults = {
		.binary = binary,
		.root = root,
		.shim_cgroup = none,
		.criu_work_path = none,
		.log_level = none,
		.log_path = none,
	};

	return options_underlay(options, &defaults, err);
}

int
runtime_kind_complete(const struct config *config, const char *bundle,
    struct task_options *options, struct err *err)
{
	int r = 0;

	if (personality()->gvisor)
		r = gvisor_config_load(bundle, options, err);
	return r < 0 ? r : underlay_defaults(config, options, err);
}

/* Where the sandbox's own last words go: beside the pod's logs. */
static int
add_panic_log(struct container *c, struct err *err)
{
	char *flag = NULL;

	if (!c->sandbox_log_dir)
		return 0;
	if (asprintf(&flag, "--panic-log=%s/gvisor_panic.log",
		c->sandbox_log_dir) < 0 ||
	    options_add_flag_consume(&c->options, flag) < 0)
		return err_set_errno(err, ENOMEM, "create");
	return 0;
}

/* The options are what they are in gVisor's shim: flags of our own come after.
 */
static int
settle_runsc(struct container *c, struct err *err)
{
	gvisor_log_set(c->shim, &c->options, c->id);
	int r = options_save_gvisor(&c->options, c->bundle, c->rootfs, err);
	return r < 0 ? r : add_panic_log(c, err);
}

/* From here on the container's runtime is known in full, also to whoever cleans
 * up after us. */
static int
settle(struct container *c, enum oci_kind kind, struct err *err)
{
	int r = 0;

	c->driver = kind == OCI_KIND_RUNSC ? &driver_runsc : &driver_runc;
	if (kind == OCI_KIND_RUNSC && !personality()->gvisor)
		r = gvisor_config_load(c->bundle, &c->options, err);
	if (r == 0 && kind == OCI_KIND_RUNSC)
		r = settle_runsc(c, err);
	if (r == 0 && asprintf(&c->runtime_root, "%s/%s", c->options.root,
			  c->shim->ns) < 0) {
		c->runtime_root = NULL;
		r = err_set_errno(err, ENOMEM, "create");
	}
	return r < 0 ? r : options_save(&c->options, c->bundle, err);
}

int
runtime_kind_find(struct container *c, struct err *err)
{
	const struct runtime_known *known = &c->shim->known;

	int r =
	    runtime_kind_complete(c->shim->config, c->bundle, &c->options, err);
	if (r < 0)
		return r;
	enum oci_kind kind = oci_kind_of_binary(c->options.binary);
	if (kind == OCI_KIND_UNKNOWN && known->binary &&
	    strcmp(known->binary, c->options.binary) == 0)
		kind = known->kind;
	if (kind == OCI_KIND_UNKNOWN)
		return 0;
	r = settle(c, kind, err);
	return r < 0 ? r : 1;
}

static void
remember(struct runtime_known *known, const char *binary, enum oci_kind kind)
{
	free(known->binary);
	known->binary = strdup(binary);
	known->kind = kind;
}

static void
on_answer(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct runtime_kind *ask = arg;
	enum oci_kind kind = oci_kind_parse(result->output);
	struct err err;

	(void)run;
	log_task(LOG_LEVEL_DEBUG, ask->c->id, NULL, "runtime %s is %s",
	    result->argv0, kind == OCI_KIND_RUNSC ? "runsc" : "like runc");
	if (result->ok)
		remember(&ask->c->shim->known, ask->c->options.binary, kind);
	int r = settle(ask->c, kind, &err);
	ask->fn(r < 0 ? &err : NULL, ask->arg);
}

int
runtime_kind_ask(struct container *c, runtime_kind_fn *fn, void *arg,
    struct runtime_kind **ret, struct err *err)
{
	char version[] = "--version";
	char *const argv[] = { c->options.binary, version, NULL };
	const struct oci_run_spec spec = {
		.argv = argv,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = ANSWER_TIME,
	};
	struct runtime_kind *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return err_set_errno(err, ENOMEM, "ask the runtime");
	*ask = (struct runtime_kind){ .c = c, .fn = fn, .arg = arg };
	int r = oci_run_start(c->shim->base, PRIORITY_CHILD, c->shim->children,
	    &spec, on_answer, ask, &ask->run, err);
	if (r < 0) {
		free(ask);
		return err_wrap(err, "OCI runtime create failed");
	}
	*ret = ask;
	return 0;
}

void
runtime_kind_free(struct runtime_kind *ask)
{
	if (!ask)
		return;
	oci_run_free(ask->run);
	free(ask);
}
