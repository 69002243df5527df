/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name answers in all but a few set-ups, so that nothing is run for it.
 */
#include "shim/runtime-kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/run.h"
#include "shim/container.h"
#include "shim/driver.h"
#include "shim/shim.h"

#define ANSWER_TIME (5 * NSEC_PER_SEC)

struct runtime_kind {
	struct container *c;
	struct oci_run *run;
	runtime_kind_fn *fn;
	void *arg;
};

static void
set_driver(struct container *c, enum oci_kind kind)
{
	c->driver = kind == OCI_KIND_RUNSC ? &driver_runsc : &driver_runc;
}

bool
runtime_kind_find(struct container *c)
{
	const struct runtime_known *known = &c->shim->known;
	enum oci_kind kind = oci_kind_of_binary(c->options.binary);

	if (kind == OCI_KIND_UNKNOWN && known->binary &&
	    strcmp(known->binary, c->options.binary) == 0)
		kind = known->kind;
	if (kind == OCI_KIND_UNKNOWN)
		return false;
	set_driver(c, kind);
	return true;
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

	(void)run;
	log_task(LOG_LEVEL_DEBUG, ask->c->id, NULL, "runtime %s is %s",
	    result->argv0, kind == OCI_KIND_RUNSC ? "runsc" : "like runc");
	if (result->ok)
		remember(&ask->c->shim->known, ask->c->options.binary, kind);
	set_driver(ask->c, kind);
	ask->fn(ask->arg);
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
