/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files and formatted words.
 *
 * Whatever another process may be reading is replaced by rename(2), because a
 * shim reads pid files the moment the runtime has ended.
 */
#include "test/tool/fake-runtime/fake.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
text_format(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}

char *
text_read(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(in);
	return text;
}

static int
write_new(const char *path, int flags, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);

	if (fd < 0)
		return -1;
	bool whole = write(fd, text, len) == (ssize_t)len;
	return close(fd) == 0 && whole ? 0 : -1;
}

int
text_write(const char *path, const char *text)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	char *temporary =
	    text_format("%.*s.%s.%d", dir_len, path, path + dir_len, getpid());

	int r = write_new(temporary, O_TRUNC, text);
	if (r == 0)
		r = rename(temporary, path);
	free(temporary);
	return r;
}

int
text_append(const char *path, const char *text)
{
	return write_new(path, O_APPEND, text);
}

pid_t
text_read_pid(const char *dir, const char *name)
{
	char *path = text_format("%s/%s", dir, name);
	char *text = text_read(path);
	pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;

	free(text);
	free(path);
	return pid;
}
