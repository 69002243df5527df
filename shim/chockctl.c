/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chockctl, the command line. See chockctl(1).
 *
 * It only reads: nothing it does can disturb a container. What it prints is for
 * people and for scripts alike; whether all was well is in its exit status: 0
 * yes, 1 no, 2 it could not be told.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "shim/recorder.h"
#include "shim/replay.h"

enum {
	STATUS_OK = 0,
	STATUS_PROBLEM = 1,
	STATUS_UNKNOWN = 2,
};

static const char usage_text[] =
    "usage: chockctl replay [--dot GRAPH] FILE\n"
    "       chockctl help\n"
    "       chockctl -v\n"
    "\n"
    "replay  steps the state machines through a recording, prints its\n"
    "        timeline and checks it\n"
    "        --dot GRAPH  also draw the states it went through, for dot(1)\n"
    "\n"
    "Exit status: 0 all is well, 1 a problem was found, 2 it cannot be told.\n";

static int
complain(const char *what)
{
	(void)fprintf(stderr, "chockctl: %s\n", what);
	return STATUS_UNKNOWN;
}

static int
bad_usage(void)
{
	(void)fputs(usage_text, stderr);
	return STATUS_UNKNOWN;
}

static const char *
plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void
print_head(const struct recording *recording)
{
	(void)printf("%s/%s: %zu record%s", recording->ns, recording->id,
	    recording->n, plural(recording->n));
	if (recording->n > 0 && !recording->complete)
		(void)fputs(", their beginning is lost", stdout);
	if (recording->cut)
		(void)fputs(", the file is cut", stdout);
	if (recording->torn > 0)
		(void)printf(", %zu torn", recording->torn);
	if (recording->foreign)
		(void)fputs(", by a version with other machines", stdout);
	(void)putchar('\n');
}

static void
print_verdict(const struct replay_result *result)
{
	(void)printf("%zu step%s of %zu process%s", result->steps,
	    plural(result->steps), result->processes,
	    result->processes == 1 ? "" : "es");
	if (result->waiting > 0)
		(void)printf(", %zu request%s waiting", result->waiting,
		    plural(result->waiting));
	if (result->problems > 0)
		(void)printf(": %zu problem%s\n", result->problems,
		    plural(result->problems));
	else
		(void)puts(": ok");
}

static int
draw(const struct recording *recording, const char *path)
{
	cleanup_file FILE *out = fopen(path, "we");
	struct err err;

	if (!out) {
		perror(path);
		return STATUS_UNKNOWN;
	}
	if (replay_dot(recording, out, &err) < 0)
		return complain(err.msg);
	if (fflush(out) != 0) {
		perror(path);
		return STATUS_UNKNOWN;
	}
	return STATUS_OK;
}

static int
replay(const struct recording *recording, const char *dot)
{
	struct replay_result result;
	struct err err;

	print_head(recording);
	if (replay_run(recording, stdout, &result, &err) < 0)
		return complain(err.msg);
	print_verdict(&result);
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain("cannot write the timeline");
	int status = dot ? draw(recording, dot) : STATUS_OK;
	if (status == STATUS_OK && result.problems > 0)
		status = STATUS_PROBLEM;
	return status;
}

static int
replay_file(const char *path, const char *dot)
{
	struct recording recording;
	struct err err;

	if (recording_load(path, &recording, &err) < 0)
		return complain(err.msg);
	int status = replay(&recording, dot);
	recording_done(&recording);
	return status;
}

static int
command_replay(int argc, char **argv)
{
	static const struct option options[] = {
		{ "dot", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	const char *dot = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'd')
			return bad_usage();
		dot = optarg;
	}
	return optind + 1 == argc ? replay_file(argv[optind], dot)
				  : bad_usage();
}

static int
print_help(void)
{
	(void)fputs(usage_text, stdout);
	return STATUS_OK;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	/* "+": what follows the command is the command's. */
	while ((option = getopt_long(argc, argv, "+hv", options, NULL)) != -1) {
		if (option == 'h')
			return print_help();
		if (option != 'v')
			return bad_usage();
		(void)puts("chockctl " CHOCK_VERSION);
		return STATUS_OK;
	}
	const char *command = optind < argc ? argv[optind] : "";
	argc -= optind;
	argv += optind;
	optind = 0; /* a new scan, of another vector */
	if (strcmp(command, "replay") == 0)
		return command_replay(argc, argv);
	if (strcmp(command, "help") == 0)
		return print_help();
	return bad_usage();
}
