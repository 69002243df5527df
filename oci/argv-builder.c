/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a command line down as the list it is. What adds an argument
 * remembers a failed allocation, so that a command is checked once, at its end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "oci/argv-internal.h"

void
oci_argv_done(struct oci_argv *argv)
{
	for (size_t i = 0; i < argv->n; i++)
		free(argv->args[i]);
	free(argv->args);
	*argv = (struct oci_argv){ 0 };
}

/* Takes arg over; NULL is what a failed allocation left. */
void
argv_add_consume(struct argv_builder *b, char *arg)
{
	cleanup_free char *owned = arg;

	if (!owned || b->failed) {
		b->failed = true;
		return;
	}
	/* Room for this one and the final NULL. */
	if (b->argv.n + 2 > b->size) {
		size_t size = b->size ? b->size * 2 : 32;
		char **args = reallocarray(b->argv.args, size, sizeof(*args));

		if (!args) {
			b->failed = true;
			return;
		}
		b->argv.args = args;
		b->size = size;
	}
	b->argv.args[b->argv.n++] = take_ptr(owned);
	b->argv.args[b->argv.n] = NULL;
}

void
argv_add(struct argv_builder *b, const char *arg)
{
	argv_add_consume(b, strdup(arg));
}

void
argv_add_format(struct argv_builder *b, const char *fmt, ...)
{
	va_list ap;
	char *arg = NULL;

	va_start(ap, fmt);
	if (vasprintf(&arg, fmt, ap) < 0)
		arg = NULL;
	va_end(ap);
	argv_add_consume(b, arg);
}

void
argv_add_if(struct argv_builder *b, bool wanted, const char *flag)
{
	if (wanted)
		argv_add(b, flag);
}

/* An option that is left out when it has no value. */
void
argv_add_option(struct argv_builder *b, const char *option, const char *value)
{
	if (!value || !value[0])
		return;
	argv_add(b, option);
	argv_add(b, value);
}

void
argv_begin(
    struct argv_builder *b, const struct oci_runtime *rt, const char *verb)
{
	*b = (struct argv_builder){ 0 };
	argv_add(b, rt->binary && rt->binary[0] ? rt->binary : "runc");
	argv_add(b, "--root");
	argv_add(b, rt->root);
	argv_add(b, "--log");
	argv_add_format(b, "%s/log.json", rt->bundle);
	argv_add(b, "--log-format");
	argv_add(b, "json");
	argv_add_if(b, rt->systemd_cgroup, "--systemd-cgroup");
	for (const char *const *flag = rt->flags; flag && *flag; flag++)
		argv_add(b, *flag);
	argv_add(b, verb);
}

/* Adds the last argument, mostly the container's id, and hands over. */
int
argv_finish(struct argv_builder *b, const char *last, struct oci_argv *ret)
{
	argv_add(b, last);
	if (b->failed) {
		oci_argv_done(&b->argv);
		return -ENOMEM;
	}
	*ret = b->argv;
	return 0;
}

int
argv_plain(const struct oci_runtime *rt, const char *verb, const char *id,
    struct oci_argv *ret)
{
	struct argv_builder b;

	argv_begin(&b, rt, verb);
	return argv_finish(&b, id, ret);
}

void
argv_add_pid_file(
    struct argv_builder *b, const struct oci_runtime *rt, const char *name)
{
	argv_add(b, "--pid-file");
	argv_add_format(b, "%s/%s.pid", rt->bundle, name);
}
