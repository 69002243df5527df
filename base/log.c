/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log. State is one static struct: the log is process-wide by nature, and a
 * handle passed to every function would buy nothing.
 */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
	int fd, copy;
	enum log_level level;
	const char *runtime;
	unsigned long lost;
} logger = { .fd = STDERR_FILENO, .copy = -1, .level = LOG_LEVEL_INFO };

/* A line under construction. What does not fit is cut, never overrun. */
struct line {
	size_t len;
	char text[2048];
};

static const char *
level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARN:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "error";
}

void
log_init(int fd, enum log_level level, const char *runtime)
{
	logger.fd = fd;
	logger.level = level;
	logger.runtime = runtime;
}

void
log_set_level(enum log_level level)
{
	logger.level = level;
}

void
log_copy_to_consume(int fd)
{
	if (logger.copy >= 0)
		(void)close(logger.copy);
	logger.copy = fd;
}

bool
log_has_copy(void)
{
	return logger.copy >= 0;
}

enum log_level
log_get_level(void)
{
	return logger.level;
}

static void
line_char(struct line *l, char c)
{
	/* Keeps room for a closing quote and the newline. */
	if (l->len < sizeof(l->text) - 2)
		l->text[l->len++] = c;
}

static void
line_text(struct line *l, const char *s)
{
	for (; *s; s++)
		line_char(l, *s);
}

/* Quotes s, escaping what would break the line or hide in a terminal. */
static void
line_quoted(struct line *l, const char *s)
{
	char hex[8];

	line_char(l, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			line_char(l, '\\');
			line_char(l, *s);
		} else if (c == '\n') {
			line_text(l, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			(void)snprintf(hex, sizeof(hex), "\\x%02x", c);
			line_text(l, hex);
		} else {
			line_char(l, *s);
		}
	}
	if (l->len < sizeof(l->text) - 1)
		l->text[l->len++] = '"';
}

static void
line_field(struct line *l, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	line_char(l, ' ');
	line_text(l, key);
	line_char(l, '=');
	line_quoted(l, value);
}

static void
line_begin(struct line *l, enum log_level level)
{
	char when[64];
	struct timespec ts;
	struct tm tm;

	l->len = 0;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	(void)gmtime_r(&ts.tv_sec, &tm);
	size_t n =
	    strftime(when, sizeof(when), "time=\"%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(
	    when + n, sizeof(when) - n, ".%09ldZ\" level=", ts.tv_nsec);
	line_text(l, when);
	line_text(l, level_name(level));
}

static bool
line_write(struct line *l)
{
	l->text[l->len++] = '\n';
	return write(logger.fd, l->text, l->len) == (ssize_t)l->len;
}

/* Tells what was lost before, as soon as there is room to tell it. */
static void
report_lost(void)
{
	struct line l;
	char msg[64];

	if (!logger.lost)
		return;
	(void)snprintf(
	    msg, sizeof(msg), "%lu log lines were lost", logger.lost);
	line_begin(&l, LOG_LEVEL_WARN);
	line_field(&l, "msg", msg);
	line_field(&l, "runtime", logger.runtime);
	if (line_write(&l))
		logger.lost = 0;
}

void
log_task(enum log_level level, const char *id, const char *exec_id,
    const char *fmt, ...)
{
	int saved = errno;
	struct line l;
	char msg[1536];
	va_list ap;

	if (level > logger.level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	report_lost();
	line_begin(&l, level);
	line_field(&l, "msg", msg);
	line_field(&l, "runtime", logger.runtime);
	line_field(&l, "id", id);
	line_field(&l, "exec", exec_id);
	if (!line_write(&l))
		logger.lost++;
	if (logger.copy >= 0)
		(void)!write(logger.copy, l.text, l.len);
	errno = saved;
}
