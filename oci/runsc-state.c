/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file's name says which sandbox the container is in; its content, JSON
 * that holds the whole spec too, says where that sandbox is.
 */
#include "oci/runsc-state.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define STATE_MAX (32 << 20) /* twice the largest spec that we take */

#define MARK   "_sandbox:"
#define SUFFIX ".state"
#define LOCK   ".lock"

/* The sandbox id in a state file's name; -ENOENT when it is none of id's. */
static int
sandbox_of_name(const char *name, const char *id, char **ret)
{
	size_t id_len = strlen(id), len = strlen(name);
	size_t fixed = id_len + strlen(MARK) + strlen(SUFFIX);

	if (len <= fixed || strncmp(name, id, id_len) != 0 ||
	    strncmp(name + id_len, MARK, strlen(MARK)) != 0 ||
	    strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
		return -ENOENT;
	*ret = strndup(name + id_len + strlen(MARK), len - fixed);
	return *ret ? 0 : -ENOMEM;
}

static int
find(const char *root, const char *id, char *path, size_t size,
    char **ret_sandbox)
{
	cleanup_dir DIR *dir = opendir(root);
	const struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int r = sandbox_of_name(entry->d_name, id, ret_sandbox);
		if (r == 0)
			r = path_format(
			    path, size, "%s/%s", root, entry->d_name);
		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

static int
parse(const char *text, struct oci_runsc_state *state)
{
	cJSON *json = cJSON_Parse(text);
	const cJSON *sandbox =
	    cJSON_GetObjectItemCaseSensitive(json, "sandbox");
	double pid = cJSON_GetNumberValue(
	    cJSON_GetObjectItemCaseSensitive(sandbox, "pid"));
	const char *control = cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(sandbox, "controlSocketPath"));
	int r = 0;

	if (!(pid >= 1 && pid <= INT32_MAX)) {
		r = -EBADMSG;
	} else {
		state->sandbox_pid = (pid_t)pid;
		if (control && *control) {
			state->control_socket = strdup(control);
			r = state->control_socket ? 0 : -ENOMEM;
		}
	}
	cJSON_Delete(json);
	return r;
}

int
oci_runsc_state_load(const char *root, const char *id,
    struct oci_runsc_state *ret, struct err *err)
{
	struct oci_runsc_state state = { 0 };
	cleanup_free char *text = NULL;
	char path[PATH_MAX];

	int r = find(root, id, path, sizeof(path), &state.sandbox_id);
	if (r == 0)
		r = file_read(AT_FDCWD, path, STATE_MAX, &text, NULL);
	if (r == 0)
		r = parse(text, &state);
	if (r == 0) {
		*ret = state;
		return 0;
	}
	oci_runsc_state_done(&state);
	if (r == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, ENOENT,
		    "runsc knows no container %s: not found", id);
	return err_set_errno(err, -r, "runsc's state of container %s", id);
}

void
oci_runsc_state_done(struct oci_runsc_state *state)
{
	free(state->sandbox_id);
	free(state->control_socket);
	*state = (struct oci_runsc_state){ 0 };
}

/* True for "<id>_sandbox:<sandbox>.lock"; ret is the state file beside it. */
static bool
is_lock_of(const char *name, const char *sandbox_id, char *ret, size_t size)
{
	char end[NAME_MAX + 1];

	if (path_format(end, sizeof(end), MARK "%s" LOCK, sandbox_id) < 0)
		return false;
	size_t len = strlen(name), end_len = strlen(end);
	if (len <= end_len || strcmp(name + len - end_len, end) != 0)
		return false;
	int stem = (int)(len - strlen(LOCK));
	return path_format(ret, size, "%.*s" SUFFIX, stem, name) == 0;
}

static void
remove_unheld(int dir_fd, const char *name)
{
	cleanup_close int fd =
	    openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(dir_fd, name, 0);
}

void
oci_runsc_remove_locks(const char *root, const char *sandbox_id)
{
	cleanup_dir DIR *dir = opendir(root);
	const struct dirent *entry;
	char state[NAME_MAX + 1];

	while (dir && (entry = readdir(dir)))
		if (is_lock_of(
			entry->d_name, sandbox_id, state, sizeof(state)) &&
		    faccessat(dirfd(dir), state, F_OK, AT_SYMLINK_NOFOLLOW) <
			0 &&
		    errno == ENOENT)
			remove_unheld(dirfd(dir), entry->d_name);
}
