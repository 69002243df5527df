/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake-runtime: an OCI runtime for tests, driven by runc's and runsc's command
 * lines (`--flag value`, `--flag=value`, `-flag`), that fails, hangs, waits and
 * dies as the script in the bundle says; see script.c.
 *
 * Without a script it behaves: its containers are real processes, in cgroups of
 * their own but in no namespace and in no other root. Each call is one line of
 * <bundle>/fake.calls. By the name of runsc it does what runsc does; see
 * runsc.c.
 */
#include "test/tool/fake-runtime/fake.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct flag {
	const char *name;
	const char **text; /* takes a value, */
	bool *yes;         /* or does not */
};

static const char *const ignored_values[] = { "log-format", "work-path",
	"parent-path", "resources", "format", "empty-ns", "user-log", "criu",
	NULL };

static bool
has_ignored_value(const char *name, size_t len)
{
	for (const char *const *p = ignored_values; *p; p++) {
		if (strlen(*p) == len && strncmp(*p, name, len) == 0)
			return true;
	}
	return false;
}

static const struct flag *
find_flag(const struct flag *flags, const char *name, size_t len)
{
	for (; flags->name; flags++) {
		if (strlen(flags->name) == len &&
		    strncmp(flags->name, name, len) == 0)
			return flags;
	}
	return NULL;
}

/* The number of words that the flag at argv[0] takes. */
static int
take_flag(char **argv, const struct flag *flags)
{
	const char *name = argv[0] + strspn(argv[0], "-");
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : argv[1];
	int words = name[len] ? 1 : 2;
	const struct flag *flag = find_flag(flags, name, len);

	if (flag && flag->yes)
		*flag->yes = true;
	else if (flag)
		*flag->text = value;
	else if (has_ignored_value(name, len))
		return words;
	return flag && flag->text ? words : 1;
}

static void
parse(struct call *call, int argc, char **argv)
{
	const struct flag flags[] = {
		{ .name = "root", .text = &call->root },
		{ .name = "log", .text = &call->log },
		{ .name = "bundle", .text = &call->bundle },
		{ .name = "pid-file", .text = &call->pid_file },
		{ .name = "console-socket", .text = &call->console_socket },
		{ .name = "process", .text = &call->process_file },
		{ .name = "image-path", .text = &call->image_path },
		{ .name = "internal-pid-file", .text = &call->inner_pid_file },
		{ .name = "pid", .text = &call->inner_pid },
		{ .name = "detach", .yes = &call->detach },
		{ .name = "all", .yes = &call->all },
		{ .name = "force", .yes = &call->force },
		{ .name = "leave-running", .yes = &call->leave_running },
		{ .name = NULL },
	};
	const char **words[] = { &call->verb, &call->id, &call->extra };
	size_t n_words = 0;

	for (int i = 1; i < argc;) {
		if (argv[i][0] == '-' && argv[i][1]) {
			i += take_flag(argv + i, flags);
			continue;
		}
		if (n_words < sizeof(words) / sizeof(*words))
			*words[n_words++] = argv[i];
		i++;
	}
}

/* EXECID of <anything>/EXECID.pid */
static char *
exec_id_of(const char *pid_file)
{
	const char *slash = strrchr(pid_file, '/');
	const char *name = slash ? slash + 1 : pid_file;
	const char *dot = strrchr(name, '.');

	return strndup(name, dot ? (size_t)(dot - name) : strlen(name));
}

static void
complete(struct call *call)
{
	const char *slash = call->log ? strrchr(call->log, '/') : NULL;

	if (call->bundle)
		call->dir = strdup(call->bundle);
	else if (slash)
		call->dir = strndup(call->log, (size_t)(slash - call->log));
	else
		call->dir = strdup(".");
	call->state =
	    text_format("%s/%s", call->root ? call->root : "/run/fake-runtime",
		call->id ? call->id : "");
	if (strcmp(call->verb, "exec") == 0 && call->pid_file)
		call->exec_id = exec_id_of(call->pid_file);
}

static void
note_call(const struct call *call, int argc, char **argv)
{
	char *line = strdup(call->verb);

	for (int i = 1; i < argc; i++)
		line = text_format("%s %s", line, argv[i]);
	(void)text_append(
	    text_format("%s/fake.calls", call->dir), text_format("%s\n", line));
}

/*
 * Under AddressSanitizer only: this program ends at once and frees nothing,
 * which is not what it is to be judged by.
 */
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
const char *__asan_default_options(void);

const char *
__asan_default_options(
    void) // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
{
	return "detect_leaks=0";
}

static bool
is_runsc(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return strcmp(slash ? slash + 1 : argv0, "runsc") == 0;
}

int
main(int argc, char **argv)
{
	struct call call = { .runsc = is_runsc(argv[0]) };

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("%s version 1\n", call.runsc ? "runsc" : "fake-runtime");
		return 0;
	}
	parse(&call, argc, argv);
	if (!call.verb)
		errx(2, "usage: fake-runtime [flags] verb [flags] id");
	complete(&call);
	/* As runc does: the log is there even when nothing is logged. */
	if (call.log)
		(void)text_append(call.log, "");
	if (strcmp(call.verb, "features") != 0)
		note_call(&call, argc, argv);
	script_load(&call);
	if (!verb_do(&call))
		errx(2, "unknown verb %s", call.verb);
	return 0;
}
