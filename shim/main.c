/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd-shim-chock-v1: which of its commands is meant.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "shim/args.h"
#include "shim/delete.h"
#include "shim/info.h"
#include "shim/serve.h"
#include "shim/start.h"

static void
print_usage(const struct err *err)
{
	(void)fprintf(stderr,
	    "%s\n"
	    "Usage: %s [-debug] -namespace NS -id ID -address ADDRESS "
	    "[-publish-binary PATH] start\n"
	    "       %s [-debug] -namespace NS -id ID -address ADDRESS "
	    "-bundle PATH delete\n"
	    "       %s -namespace NS -id ID -address ADDRESS [-socket PATH]\n"
	    "       %s -info | -v\n",
	    err->msg, program_invocation_short_name,
	    program_invocation_short_name, program_invocation_short_name,
	    program_invocation_short_name);
}

static void
print_version(void)
{
	(void)printf("%s:\n  Version: " CHOCK_VERSION "\n",
	    program_invocation_short_name);
}

static int
run(const struct args *args, struct err *err)
{
	if (args->info)
		return info_run(args, err);
	if (!*args->ns)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "shim namespace cannot be empty");
	if (!*args->action)
		return serve_run(args, err);
	if (strcmp(args->action, "start") == 0)
		return start_run(args, err);
	if (strcmp(args->action, "delete") == 0)
		return delete_run(args, err);
	return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
	    "unknown command '%s'", args->action);
}

int
main(int argc, char **argv)
{
	struct args args;
	struct err err;

	if (args_parse(argc, argv, &args, &err) < 0) {
		print_usage(&err);
		return 2;
	}
	if (args.version) {
		print_version();
		return 0;
	}
	if (run(&args, &err) < 0) {
		(void)fprintf(
		    stderr, "%s: %s\n", program_invocation_short_name, err.msg);
		return 1;
	}
	return 0;
}
