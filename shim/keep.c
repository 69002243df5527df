/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings of what went wrong, kept for whoever looks into it.
 *
 * A kept file is a copy, written beside its name and renamed, so that it is
 * whole or not there. Room is made before it is written, so that there are
 * never more of them than the configuration allows, nor larger ones.
 * Foreign files in the directory are neither counted nor removed.
 */
#include "shim/keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "fsm/fsm.h"
#include "shim/config.h"
#include "shim/recorder.h"

#define SUFFIX ".rec"

static bool
went_wrong(const struct recording *recording)
{
	bool deleted = false;

	for (size_t i = 0; i < recording->n; i++) {
		const struct record *r = &recording->records[i];
		if ((r->kind == RECORD_INIT || r->kind == RECORD_EXEC) &&
		    r->step == FSM_BUG)
			return true;
		if (r->kind == RECORD_RULE && r->step != 0)
			return true;
		if (r->kind == RECORD_INIT && r->next == FSM_INIT_DELETED)
			deleted = true;
	}
	return recording->n > 0 && !deleted;
}

static bool
is_recording(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

/* Counts what is kept and finds the oldest of it. */
static size_t
survey(DIR *dir, char oldest[NAME_MAX + 1])
{
	struct timespec best = { 0 };
	struct dirent *entry;
	struct stat st;
	size_t n = 0;

	while ((entry = readdir(dir))) {
		if (!is_recording(entry->d_name) ||
		    fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		bool older = st.st_mtim.tv_sec < best.tv_sec ||
			     (st.st_mtim.tv_sec == best.tv_sec &&
				 st.st_mtim.tv_nsec < best.tv_nsec);
		if (n++ == 0 || older) {
			best = st.st_mtim;
			(void)path_format(
			    oldest, NAME_MAX + 1, "%s", entry->d_name);
		}
	}
	return n;
}

/* Two at once may each remove one: the bound holds all the same. */
static void
make_room(const struct config *config)
{
	cleanup_dir DIR *dir = opendir(config->keep_dir);
	char oldest[NAME_MAX + 1] = "";

	while (dir && survey(dir, oldest) >= config->keep_files) {
		if (unlinkat(dirfd(dir), oldest, 0) < 0)
			return;
		rewinddir(dir);
	}
}

static int
copy(const struct config *config, const char *from, const char *ns,
    const char *id)
{
	const char *in = config->keep_dir;
	cleanup_free char *data = NULL;
	char to[PATH_MAX];
	struct stat st;
	size_t len;

	int r = file_read(AT_FDCWD, from, config->keep_size, &data, &len);
	if (r >= 0 && lstat(from, &st) < 0)
		r = -errno;
	if (r >= 0)
		r = dir_make_all(in, 0700);
	/* Named by the file's own time: asked twice, it is kept once. */
	if (r >= 0)
		r = path_format(to, sizeof(to), "%s/%s-%s-%lld" SUFFIX, in, ns,
		    id, (long long)st.st_ctim.tv_sec);
	if (r < 0)
		return r;
	if (access(to, F_OK) < 0)
		make_room(config);
	return file_write_atomic(AT_FDCWD, to, data, len, 0600);
}

void
keep_recording(const struct config *config, const char *bundle, const char *ns,
    const char *id)
{
	struct recording recording;
	char path[PATH_MAX];
	struct err ignored;

	if (config->keep == CONFIG_KEEP_NEVER || !*config->keep_dir ||
	    path_format(path, sizeof(path), "%s/" RECORDER_FILE, bundle) < 0 ||
	    recording_load(path, &recording, &ignored) < 0)
		return;
	int r = config->keep == CONFIG_KEEP_ALWAYS || went_wrong(&recording)
		    ? copy(config, path, ns, id)
		    : 0;
	if (r < 0)
		log_warn("cannot keep %s: %s", path, strerrordesc_np(-r));
	recording_done(&recording);
}
