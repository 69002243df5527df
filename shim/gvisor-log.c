/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gVisor's log_level and log_path. In its shim a wrong level or path fails the
 * container; a log is worth less than that, so here it is a warning. The
 * defaults are those of gVisor's pkg/shim/v1: directories for all, the file
 * 0644 and emptied.
 */
#include "shim/gvisor-log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/log.h"
#include "shim/options.h"
#include "shim/shim.h"

static void
set_level(const char *name, const char *id)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "panic", LOG_LEVEL_ERROR },
		{ "fatal", LOG_LEVEL_ERROR },
		{ "error", LOG_LEVEL_ERROR },
		{ "warn", LOG_LEVEL_WARN },
		{ "warning", LOG_LEVEL_WARN },
		{ "info", LOG_LEVEL_INFO },
		{ "debug", LOG_LEVEL_DEBUG },
		{ "trace", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcasecmp(levels[i].name, name) == 0) {
			log_set_level(levels[i].level);
			return;
		}
	}
	log_task(
	    LOG_LEVEL_WARN, id, NULL, "unknown log_level '%s', ignoring", name);
}

static int
expand(const char *path, const char *id, char ret[PATH_MAX])
{
	const char token[] = "%ID%";
	size_t len = strlen(path), n = 0;
	int r = 0;

	ret[0] = '\0';
	for (const char *at; r == 0 && (at = strstr(path, token));
	     path = at + strlen(token)) {
		r = path_format(ret + n, PATH_MAX - n, "%.*s%s",
		    (int)(at - path), path, id);
		n += r == 0 ? strlen(ret + n) : 0;
	}
	if (r == 0)
		r = path_format(ret + n, PATH_MAX - n, "%s", path);
	n += r == 0 ? strlen(ret + n) : 0;
	if (r == 0 && len > 0 && ret[n - 1] == '/')
		r = path_format(ret + n, PATH_MAX - n, "runsc-shim-%s.log", id);
	return r;
}

static int
open_file(const char *path)
{
	char dir[PATH_MAX];

	int r = path_format(dir, sizeof(dir), "%s", path);
	if (r == 0)
		r = dir_make_all(dirname(dir), 0777);
	if (r < 0)
		return r;
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK | O_CLOEXEC,
	    0644);
	return fd < 0 ? -errno : fd;
}

static void
set_file(const char *text, const char *id)
{
	char path[PATH_MAX];

	int r = expand(text, id, path);
	if (r == 0)
		r = open_file(path);
	if (r < 0)
		log_task(LOG_LEVEL_WARN, id, NULL,
		    "cannot log to '%s': %s, ignoring", text,
		    strerrordesc_np(-r));
	else
		log_copy_to_consume(r);
}

void
gvisor_log_set(
    const struct shim *shim, const struct task_options *options, const char *id)
{
	if (*options->log_level && !shim->debug)
		set_level(options->log_level, id);
	if (*options->log_path && !log_has_copy())
		set_file(options->log_path, id);
}
