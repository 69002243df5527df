/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The script, <bundle>/fake.script: one line for each thing to do.
 *
 *   VERB[:EXECID] before ACTION [WORDS]   ahead of the verb's work
 *   VERB[:EXECID] after ACTION [WORDS]    behind it, still ahead of our exit
 *   VERB[:EXECID] set NAME [WORDS]        how the work itself is done
 *
 * Actions: barrier NAME (writes a byte to the FIFO <bundle>/NAME.reached, then
 * waits for one from NAME.go) · hang · exit N · fail N TEXT (log.json and
 * stderr) · garbage-log N (a broken log.json) · print TEXT · die SIGNAL ·
 * wait-exit (until the started process is dead) · linger NAME (leaves a child
 * that holds our stdio until somebody opens the FIFO NAME).
 * Settings: sibling (the process is our parent's child from its birth, as with
 * crun; with init-exits it is reaped before the pid file is there) ·
 * no-pid-file · pid-file TEXT · init-exits N (in place of the program, before
 * we return) · console none|garbage|two|close · abstract (see runsc.c).
 *
 * Nothing here waits for a clock: a test decides when things go on.
 */
#include "test/tool/fake-runtime/fake.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct line {
	const char *phase, *word, *rest;
};

static struct line lines[64];
static size_t n_lines;

static bool
is_for_us(const char *target, const struct call *call)
{
	size_t len = strlen(call->verb);

	if (strncmp(target, call->verb, len) != 0)
		return false;
	if (target[len] == ':')
		return call->exec_id &&
		       strcmp(target + len + 1, call->exec_id) == 0;
	return target[len] == '\0';
}

static void
parse_line(char *text, const struct call *call)
{
	char *rest = text;
	char *target = strsep(&rest, " ");
	char *phase = strsep(&rest, " ");
	char *word = strsep(&rest, " ");

	if (!word || *target == '#' || !is_for_us(target, call))
		return;
	if (n_lines == sizeof(lines) / sizeof(*lines))
		errx(125, "fake-runtime: script too long");
	lines[n_lines++] = (struct line){ phase, word, rest ? rest : "" };
}

void
script_load(const struct call *call)
{
	char *path = text_format("%s/fake.script", call->dir);
	char *text = text_read(path);

	for (char *line; text && (line = strsep(&text, "\n"));)
		parse_line(line, call);
	free(path);
}

const char *
script_value(const char *name)
{
	for (size_t i = 0; i < n_lines; i++) {
		if (strcmp(lines[i].phase, "set") == 0 &&
		    strcmp(lines[i].word, name) == 0)
			return lines[i].rest;
	}
	return NULL;
}

static int
open_fifo(const struct call *call, const char *name, const char *end, int flags)
{
	char *path = text_format("%s/%s%s", call->dir, name, end);
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(125, "fake-runtime: %s", path);
	free(path);
	return fd;
}

static void
barrier(const struct call *call, const char *name)
{
	char byte = 'r';
	int reached = open_fifo(call, name, ".reached", O_WRONLY);

	if (write(reached, &byte, 1) != 1)
		err(125, "fake-runtime: %s.reached", name);
	close(reached);
	int go = open_fifo(call, name, ".go", O_RDONLY);
	if (read(go, &byte, 1) != 1)
		errx(125, "fake-runtime: %s.go was closed", name);
	close(go);
}

static void
linger(const struct call *call, const char *name)
{
	if (fork() == 0) {
		(void)setsid();
		close(open_fifo(call, name, "", O_RDONLY));
		_exit(0);
	}
}

static void
fail_as_told(const struct call *call, const char *words)
{
	char *text;
	int code = (int)strtol(words, &text, 10);

	text += strspn(text, " ");
	fail_log(call, text);
	fprintf(stderr, "%s\n", text);
	exit(code);
}

static void
act(struct call *call, const char *action, const char *words)
{
	if (strcmp(action, "barrier") == 0) {
		barrier(call, words);
	} else if (strcmp(action, "hang") == 0) {
		for (;;)
			(void)pause();
	} else if (strcmp(action, "exit") == 0) {
		exit(atoi(words));
	} else if (strcmp(action, "fail") == 0) {
		fail_as_told(call, words);
	} else if (strcmp(action, "garbage-log") == 0) {
		(void)text_append(call->log, "{\"level\":\"error\",\"ms\n\x01");
		exit(atoi(words));
	} else if (strcmp(action, "print") == 0) {
		printf("%s\n", words);
		(void)fflush(stdout);
	} else if (strcmp(action, "die") == 0) {
		(void)raise(atoi(words));
	} else if (strcmp(action, "wait-exit") == 0) {
		process_wait_dead(call->pid);
	} else if (strcmp(action, "linger") == 0) {
		linger(call, words);
	} else {
		errx(125, "fake-runtime: unknown action %s", action);
	}
}

void
script_run(struct call *call, const char *phase)
{
	for (size_t i = 0; i < n_lines; i++) {
		if (strcmp(lines[i].phase, phase) == 0)
			act(call, lines[i].word, lines[i].rest);
	}
}
