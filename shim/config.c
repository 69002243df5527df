/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of keys, read by inih. Its handler is not told the line it is at in
 * the way the library is built, so lines are counted where they are handed out.
 */
#include "shim/config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

#define TEXT_MAX (64 << 10)
#define DAY      (24 * 3600 * NSEC_PER_SEC)

enum kind {
	KIND_PATH,    /* empty, or absolute */
	KIND_PROGRAM, /* empty, a name, or absolute */
	KIND_TIME,
	KIND_SIZE,
	KIND_COUNT,
	KIND_LEVEL,
	KIND_KEEP,
};

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset; /* in struct config */
	int64_t min, max;
};

#define FIELD(field) offsetof(struct config, field)

static const struct key keys[] = {
	{ "runtime", "binary", KIND_PROGRAM, FIELD(runtime_binary), 0, 0 },
	{ "runtime", "root", KIND_PATH, FIELD(runtime_root), 0, 0 },
	{ "runtime", "timeout", KIND_TIME, FIELD(runtime_timeout), NSEC_PER_SEC,
	    DAY },
	{ "log", "level", KIND_LEVEL, FIELD(log_level), 0, 0 },
	{ "events", "queue", KIND_COUNT, FIELD(event_queue), 1, 1 << 20 },
	{ "events", "drain", KIND_TIME, FIELD(event_drain), 0, DAY },
	{ "output", "drain", KIND_TIME, FIELD(output_drain), 0, DAY },
	{ "output", "logger-ready", KIND_TIME, FIELD(logger_ready),
	    NSEC_PER_MSEC, DAY },
	{ "shim", "idle", KIND_TIME, FIELD(idle), 0, 365 * DAY },
	{ "recorder", "size", KIND_SIZE, FIELD(recorder_size), 4 << 10,
	    1 << 20 },
	{ "recorder", "keep", KIND_KEEP, FIELD(keep), 0, 0 },
	{ "recorder", "directory", KIND_PATH, FIELD(keep_dir), 0, 0 },
	{ "recorder", "files", KIND_COUNT, FIELD(keep_files), 1, 1 << 20 },
	{ "recorder", "file-size", KIND_SIZE, FIELD(keep_size), 4 << 10,
	    16 << 20 },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct reading {
	const char *name; /* of the file */
	const char *at;   /* the next line of the text */
	int line;
	struct config *config;
	bool seen[N_KEYS];
	int failed_line; /* 0: none */
	char failure[256];
};

/* ---- values ---- */

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit times[] = {
	{ "ms", NSEC_PER_MSEC },
	{ "s", NSEC_PER_SEC },
	{ "min", 60 * NSEC_PER_SEC },
	{ "h", 3600 * NSEC_PER_SEC },
	{ NULL, 0 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "K", 1 << 10 },
	{ "M", 1 << 20 },
	{ NULL, 0 },
};

static const struct unit counts[] = {
	{ "", 1 },
	{ NULL, 0 },
};

/* "10s", "32K"; 0 needs no unit. */
static bool
parse_number(const char *text, const struct unit *units, int64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno)
		return false;
	if (n == 0 && !*end) {
		*ret = 0;
		return true;
	}
	for (const struct unit *u = units; u->name; u++) {
		if (strcmp(end, u->name) == 0)
			return !__builtin_mul_overflow(
			    (int64_t)n, u->factor, ret);
	}
	return false;
}

/* The index of text in a NULL-terminated list, or -1. */
static int
parse_name(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
	}
	return -1;
}

static const char *
set_number(const struct key *key, const char *text, const struct unit *units,
    void *field, const char *want)
{
	int64_t n;

	if (!parse_number(text, units, &n))
		return want;
	if (n < key->min || n > key->max)
		return "is out of range";
	if (key->kind == KIND_TIME)
		*(int64_t *)field = n;
	else
		*(size_t *)field = (size_t)n;
	return NULL;
}

static const char *
set_text(const char *text, char **field)
{
	char *copy = strdup(text);

	if (!copy)
		return "needs memory that is not there";
	free(*field);
	*field = copy;
	return NULL;
}

/* NULL, or what is wrong with the value. */
static const char *
set(const struct key *key, const char *text, struct config *config)
{
	static const char *const levels[] = { "error", "warn", "info", "debug",
		NULL };
	static const char *const keeps[] = { "never", "failed", "always",
		NULL };
	void *field = (char *)config + key->offset;
	int i;

	switch (key->kind) {
	case KIND_PATH:
		if (*text && *text != '/')
			return "must be an absolute path";
		return set_text(text, field);
	case KIND_PROGRAM:
		if (strchr(text, '/') && *text != '/')
			return "must be a name or an absolute path";
		return set_text(text, field);
	case KIND_TIME:
		return set_number(key, text, times, field,
		    "must be a time, such as 500ms, 10s, 5min or 1h");
	case KIND_SIZE:
		return set_number(key, text, sizes, field,
		    "must be a size in bytes, such as 65536, 64K or 1M");
	case KIND_COUNT:
		return set_number(key, text, counts, field, "must be a number");
	case KIND_LEVEL:
		i = parse_name(text, levels);
		if (i < 0)
			return "must be error, warn, info or debug";
		*(enum log_level *)field = (enum log_level)i;
		return NULL;
	case KIND_KEEP:
		i = parse_name(text, keeps);
		if (i < 0)
			return "must be never, failed or always";
		*(enum config_keep *)field = (enum config_keep)i;
		return NULL;
	}
	return NULL;
}

/* ---- lines ---- */

static void __attribute__((format(printf, 2, 3)))
note_failure(struct reading *reading, const char *fmt, ...)
{
	va_list ap;

	if (reading->failed_line)
		return;
	reading->failed_line = reading->line;
	va_start(ap, fmt);
	(void)vsnprintf(reading->failure, sizeof(reading->failure), fmt, ap);
	va_end(ap);
}

static const struct key *
find(const char *section, const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

/* inih's: 1 for success. */
static int
on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *reading = arg;
	const struct key *key = find(section, name);

	if (!key) {
		note_failure(reading, "unknown key %s in section [%.50s]", name,
		    section);
		return 0;
	}
	bool *seen = &reading->seen[key - keys];
	const char *wrong =
	    *seen ? "is there twice" : set(key, value, reading->config);
	*seen = true;
	if (wrong)
		note_failure(reading, "%s %s", name, wrong);
	return !wrong;
}

static bool
is_section(const char *name, size_t len)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strlen(keys[i].section) == len &&
		    memcmp(keys[i].section, name, len) == 0)
			return true;
	}
	return false;
}

/* inih tells of keys only, and looks no further than the bracket. */
static void
check_section(struct reading *reading, const char *line)
{
	size_t len = strcspn(++line, "]");
	const char *rest = line + len;

	if (!*rest)
		return; /* inih's to say */
	rest += 1 + strspn(rest + 1, " \t\r");
	if (!is_section(line, len))
		note_failure(reading, "unknown section [%.*s]", (int)len, line);
	else if (*rest && *rest != '#' && *rest != ';')
		note_failure(reading, "unexpected '%.50s'", rest);
}

/*
 * inih's: fgets(3) from the text. A line that does not fit is cut by it, and
 * what is left would be taken for a line of its own; one that is indented would
 * go on with the line before.
 */
static char *
next_line(char *buf, int size, void *arg)
{
	struct reading *reading = arg;
	size_t len = strcspn(reading->at, "\n");
	size_t indent = strspn(reading->at, " \t");

	if (!*reading->at || reading->failed_line)
		return NULL;
	reading->line++;
	if (len + 2 > (size_t)size) {
		note_failure(reading, "the line is too long");
		return NULL;
	}
	indent = indent < len ? indent : len;
	memcpy(buf, reading->at + indent, len - indent);
	buf[len - indent] = '\0';
	reading->at += len + (reading->at[len] == '\n');
	if (*buf == '[')
		check_section(reading, buf);
	return buf;
}

static int
read_text(struct reading *reading, const char *text, struct err *err)
{
	reading->at = text;
	int line = ini_parse_stream(next_line, reading, on_key, reading);

	if (line < 0)
		return err_set_errno(err, ENOMEM, "read %s", reading->name);
	if (reading->failed_line && (line == 0 || reading->failed_line <= line))
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL, "%s:%d: %s",
		    reading->name, reading->failed_line, reading->failure);
	if (line > 0)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "%s:%d: this is no section and no 'key = value'",
		    reading->name, line);
	return 0;
}

/* ---- the whole ---- */

int
config_init(struct config *config, struct err *err)
{
	*config = (struct config){
		.runtime_binary = strdup(""),
		.runtime_root = strdup(""),
		.runtime_timeout = 300 * NSEC_PER_SEC,
		.log_level = LOG_LEVEL_INFO,
		.event_queue = 1024,
		.event_drain = 30 * NSEC_PER_SEC,
		.output_drain = 10 * NSEC_PER_SEC,
		.logger_ready = 10 * NSEC_PER_SEC,
		.recorder_size = 32 << 10,
		.keep = CONFIG_KEEP_FAILED,
		.keep_dir = strdup("/var/lib/chock/recordings"),
		.keep_files = 32,
		.keep_size = 1 << 20,
	};
	if (config->runtime_binary && config->runtime_root && config->keep_dir)
		return 0;
	config_done(config);
	return err_set_errno(err, ENOMEM, "read configuration");
}

void
config_done(struct config *config)
{
	free(config->runtime_binary);
	free(config->runtime_root);
	free(config->keep_dir);
	*config = (struct config){ 0 };
}

int
config_parse(
    const char *name, const char *text, struct config *ret, struct err *err)
{
	struct config config;
	struct reading reading = { .name = name, .config = &config };

	int r = config_init(&config, err);
	if (r < 0)
		return r;
	r = read_text(&reading, text, err);
	if (r < 0)
		config_done(&config);
	else
		*ret = config;
	return r;
}

int
config_load(struct config *ret, struct err *err)
{
	const char *path = getenv(CONFIG_ENV);
	cleanup_free char *text = NULL;
	size_t len;

	path = path ? path : CONFIG_FILE;
	if (!*path)
		return config_init(ret, err);
	int r = file_read(AT_FDCWD, path, TEXT_MAX, &text, &len);
	if (r == -ENOENT)
		return config_init(ret, err);
	if (r == 0 && strlen(text) != len)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "%s: there is a NUL in it", path);
	return r < 0 ? err_set_errno(err, -r, "read %s", path)
		     : config_parse(path, text, ret, err);
}
