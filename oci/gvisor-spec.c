/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules are those of gVisor's shim (pkg/shim/v1/utils/volumes.go,
 * runsc/service.go), which their documentation names by the annotations.
 *
 * The document goes through cJSON, which keeps the order of members and all
 * that is not understood here; numbers keep their text.
 */
#include "oci/gvisor-spec.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/json.h"
#include "oci/spec.h"

#define MOUNT_PREFIX  "dev.gvisor.spec.mount."
#define TYPE_SUFFIX   ".type"
#define LOG_DIRECTORY "io.kubernetes.cri.sandbox-log-directory"
#define EMPTY_DIR     "kubernetes.io~empty-dir"
#define FILESTORE     ".gvisor.filestore."
#define SHM_NAME      MOUNT_PREFIX "gvisorinternaldevshm."
#define CGROUP_PARENT "dev.gvisor.spec.cgroup-parent"
#define FUSE_VOLUME   "gke-gcsfuse-tmp"
#define HOST_UDS      "dev.gvisor.flag.host-uds"

struct rewrite {
	cJSON *root;
	cJSON *annotations; /* NULL when there are none */
	const char *kubelet;
	bool sandbox;
	bool changed;
	struct err *err;
};

static const char *
text_of(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(
	    cJSON_GetObjectItemCaseSensitive(object, name));
}

static int
out_of_memory(struct rewrite *w)
{
	return err_set_errno(w->err, ENOMEM, "rewrite OCI spec");
}

/* object.name = value, where it is not so already. */
static int
put(struct rewrite *w, cJSON *object, const char *name, const char *value)
{
	const char *old = text_of(object, name);

	if (old && strcmp(old, value) == 0)
		return 0;
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (!cJSON_AddStringToObject(object, name, value))
		return out_of_memory(w);
	w->changed = true;
	return 0;
}

static int
annotate(struct rewrite *w, const char *name, const char *value)
{
	if (!w->annotations)
		w->annotations =
		    cJSON_AddObjectToObject(w->root, "annotations");
	return w->annotations ? put(w, w->annotations, name, value)
			      : out_of_memory(w);
}

static int __attribute__((format(printf, 3, 4)))
annotate_volume(struct rewrite *w, const char *value, const char *fmt, ...)
{
	cleanup_free char *name = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&name, fmt, ap);
	va_end(ap);
	return n < 0 ? out_of_memory(w) : annotate(w, name, value);
}

/* ---- mounts ---- */

static bool
is_bind_option(const cJSON *option)
{
	const char *text = cJSON_GetStringValue(option);

	return text &&
	       (strcmp(text, "bind") == 0 || strcmp(text, "rbind") == 0);
}

/* An option makes it a bind mount whatever its type is called. */
static void
drop_bind_options(struct rewrite *w, const cJSON *mount)
{
	cJSON *options = cJSON_GetObjectItemCaseSensitive(mount, "options");
	cJSON *option = options ? options->child : NULL, *next;

	for (; option; option = next) {
		next = option->next;
		if (is_bind_option(option)) {
			cJSON_Delete(
			    cJSON_DetachItemViaPointer(options, option));
			w->changed = true;
		}
	}
}

static int
set_type(struct rewrite *w, cJSON *mount, const char *type)
{
	if (strcmp(type, "bind") != 0)
		drop_bind_options(w, mount);
	return put(w, mount, "type", type);
}

/* ---- volumes ---- */

/* NAME of dev.gvisor.spec.mount.NAME.type; -ENOENT for another annotation. */
static int
volume_of(const char *key, char **ret)
{
	size_t len = strlen(key), prefix = strlen(MOUNT_PREFIX);
	size_t fixed = prefix + strlen(TYPE_SUFFIX);

	if (len <= fixed || strncmp(key, MOUNT_PREFIX, prefix) != 0 ||
	    strcmp(key + len - strlen(TYPE_SUFFIX), TYPE_SUFFIX) != 0)
		return -ENOENT;
	*ret = strndup(key + prefix, len - fixed);
	return *ret ? 0 : -ENOMEM;
}

/* The last of NAMESPACE_NAME_UID; NULL when the directory is not called so. */
static const char *
pod_uid(const cJSON *annotations)
{
	const char *dir = text_of(annotations, LOG_DIRECTORY);
	const char *base = dir ? strrchr(dir, '/') : NULL;
	const char *last;
	int fields = 1;

	base = base ? base + 1 : dir;
	last = base;
	for (const char *c = base; c && *c; c++) {
		if (*c != '_')
			continue;
		fields++;
		last = c + 1;
	}
	return last && *last && (fields == 1 || fields == 3) ? last : NULL;
}

static bool
is_empty(const char *path)
{
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0 &&
		    strncmp(entry->d_name, FILESTORE, strlen(FILESTORE)) != 0)
			return false;
	}
	return dir != NULL;
}

static bool
is_forced_shared(const struct rewrite *w, const char *volume)
{
	cleanup_free char *name = NULL;

	if (asprintf(&name, "dev.gvisor.empty-dir.%s.force-shared", volume) < 0)
		return false;
	const char *forced = text_of(w->annotations, name);
	return forced && strcmp(forced, "true") == 0;
}

/* An emptyDir that holds something, or has to be shared with the host, cannot
 * be a tmpfs inside. */
static bool
must_be_bound(const struct rewrite *w, const char *volume, const char *path)
{
	return strstr(path, EMPTY_DIR) &&
	       (is_forced_shared(w, volume) || !is_empty(path));
}

/* The volume's place on the host, owned by the caller. */
static int
find_volume(struct rewrite *w, const char *uid, const char *volume, char **ret)
{
	char pattern[PATH_MAX];
	glob_t found = { 0 };

	int r = path_format(pattern, sizeof(pattern), "%s/pods/%s/volumes/*/%s",
	    w->kubelet, uid, volume);
	if (r < 0)
		return err_set_errno(w->err, -r, "find volume %s", volume);
	r = glob(pattern, 0, NULL, &found);
	size_t n = r == 0 ? found.gl_pathc : 0;
	*ret = n == 1 ? strdup(found.gl_pathv[0]) : NULL;
	globfree(&found);
	if (n != 1)
		return err_set(w->err, ERR_UNKNOWN, ENOENT,
		    "volume %s: %zu directories match %s, not one", volume, n,
		    pattern);
	return *ret ? 0 : out_of_memory(w);
}

static int
bind_volume(struct rewrite *w, const char *volume)
{
	int r = annotate_volume(w, "bind", MOUNT_PREFIX "%s.type", volume);

	if (r == 0)
		r = annotate_volume(
		    w, "shared", MOUNT_PREFIX "%s.share", volume);
	if (r == 0 && strcmp(volume, FUSE_VOLUME) == 0 &&
	    !text_of(w->annotations, HOST_UDS))
		r = annotate(w, HOST_UDS, "open");
	return r;
}

static int
rewrite_volume(struct rewrite *w, const char *uid, const char *volume)
{
	cleanup_free char *path = NULL;

	int r = find_volume(w, uid, volume, &path);
	if (r == 0)
		r = annotate_volume(w, path, MOUNT_PREFIX "%s.source", volume);
	if (r < 0 || !path || !strstr(path, EMPTY_DIR))
		return r;
	return must_be_bound(w, volume, path)
		   ? bind_volume(w, volume)
		   : annotate_volume(
			 w, "tmpfs", MOUNT_PREFIX "%s.type", volume);
}

/* <kubelet>/pods/UID/volumes/PLUGIN/NAME */
static bool
is_volume_at(const struct rewrite *w, const char *source, const char *volume)
{
	size_t len = strlen(w->kubelet);
	const char *parts[6];
	size_t n = 0;

	if (strncmp(source, w->kubelet, len) != 0 || source[len] != '/')
		return false;
	for (const char *p = source + len; p && n < 6; p = strchr(p, '/'))
		parts[n++] = ++p;
	return n == 5 && strncmp(parts[0], "pods/", 5) == 0 &&
	       strncmp(parts[2], "volumes/", 8) == 0 &&
	       strcmp(parts[4], volume) == 0;
}

static int
rewrite_mounts(struct rewrite *w, const char *volume, const char *type)
{
	cJSON *mount;

	cJSON_ArrayForEach(
	    mount, cJSON_GetObjectItemCaseSensitive(w->root, "mounts"))
	{
		const char *source = text_of(mount, "source");
		int r = 0;

		if (source && is_volume_at(w, source, volume) &&
		    !must_be_bound(w, volume, source))
			r = set_type(w, mount, type);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Annotations are added while this goes through them: by name, from a copy. */
static int
rewrite_volumes(struct rewrite *w)
{
	const char *uid = pod_uid(w->annotations);
	cJSON *copy = cJSON_Duplicate(w->annotations, /* recurse= */ true);
	const cJSON *annotation;
	int r = w->annotations && !copy ? out_of_memory(w) : 0;

	cJSON_ArrayForEach(annotation, copy)
	{
		cleanup_free char *volume = NULL;
		const char *type = cJSON_GetStringValue(annotation);
		int v = volume_of(annotation->string, &volume);

		if (v == -ENOMEM)
			r = out_of_memory(w);
		if (v < 0 || !type || r < 0)
			continue;
		if (!w->sandbox)
			r = rewrite_mounts(w, volume, type);
		else if (uid)
			r = rewrite_volume(w, uid, volume);
	}
	cJSON_Delete(copy);
	return r;
}

/* ---- /dev/shm ---- */

static bool
is_at_shm(const cJSON *mount)
{
	const char *destination = text_of(mount, "destination");

	return destination && strcmp(destination, "/dev/shm") == 0;
}

/* The kubelet's bind of the pod's /dev/shm; NULL without one. */
static cJSON *
find_shm(const struct rewrite *w)
{
	cJSON *mount;

	cJSON_ArrayForEach(
	    mount, cJSON_GetObjectItemCaseSensitive(w->root, "mounts"))
	{
		const char *type = text_of(mount, "type");
		if (is_at_shm(mount) && type && strcmp(type, "bind") == 0)
			return mount;
	}
	return NULL;
}

/* Its own tmpfs there would hide the pod's. */
static void
drop_own_shm(struct rewrite *w, const cJSON *shm)
{
	cJSON *mounts = cJSON_GetObjectItemCaseSensitive(w->root, "mounts");
	cJSON *mount = mounts->child, *next;

	for (; mount; mount = next) {
		const char *type = text_of(mount, "type");
		next = mount->next;
		if (mount != shm && is_at_shm(mount) && type &&
		    strcmp(type, "tmpfs") == 0) {
			cJSON_Delete(cJSON_DetachItemViaPointer(mounts, mount));
			w->changed = true;
		}
	}
}

static int
share_shm(struct rewrite *w, const char *source)
{
	int r = annotate(w, SHM_NAME "source", source);

	if (r == 0)
		r = annotate(w, SHM_NAME "type", "tmpfs");
	if (r == 0)
		r = annotate(w, SHM_NAME "share", "pod");
	return r < 0 ? r : annotate(w, SHM_NAME "options", "rw");
}

static int
rewrite_shm(struct rewrite *w)
{
	cJSON *shm = find_shm(w);
	const char *source = shm ? text_of(shm, "source") : NULL;
	int r = 0;

	if (!source)
		return 0;
	if (w->sandbox)
		r = share_shm(w, source);
	if (r == 0) {
		drop_own_shm(w, shm);
		r = set_type(w, shm, "tmpfs");
	}
	return r;
}

/* ---- the pod's cgroup ---- */

/* The part of the path up to the last component that begins with "pod". */
static int
rewrite_cgroup(struct rewrite *w)
{
	const char *path = text_of(
	    cJSON_GetObjectItemCaseSensitive(w->root, "linux"), "cgroupsPath");
	size_t end = path ? strlen(path) : 0;

	while (end > 0) {
		size_t begin = end;
		while (begin > 0 && path[begin - 1] != '/')
			begin--;
		if (strncmp(path + begin, "pod", 3) == 0) {
			cleanup_free char *parent = strndup(path, end);
			return parent ? annotate(w, CGROUP_PARENT, parent)
				      : out_of_memory(w);
		}
		end = begin ? begin - 1 : 0;
	}
	return 0;
}

/* ---- the whole ---- */

/* "No annotation" is a container of its own, which has a sandbox of its own. */
static bool
is_sandbox(const cJSON *annotations)
{
	const char *type =
	    text_of(annotations, "io.kubernetes.cri.container-type");

	if (!type)
		type =
		    text_of(annotations, "io.kubernetes.cri-o.ContainerType");
	return !type || strcmp(type, "sandbox") == 0;
}

static int
rewrite(struct rewrite *w)
{
	w->annotations =
	    cJSON_GetObjectItemCaseSensitive(w->root, "annotations");
	if (!cJSON_IsObject(w->annotations))
		w->annotations = NULL;
	w->sandbox = is_sandbox(w->annotations);
	int r = rewrite_volumes(w);
	if (r == 0)
		r = rewrite_shm(w);
	return r == 0 && w->sandbox ? rewrite_cgroup(w) : r;
}

static int
save(const cJSON *root, const char *path, struct err *err)
{
	cleanup_free char *text = cJSON_PrintUnformatted(root);

	if (!text)
		return err_set_errno(err, ENOMEM, "write %s", path);
	int r = file_write_atomic(AT_FDCWD, path, text, strlen(text), 0644);
	return r < 0 ? err_set_errno(err, -r, "write %s", path) : 0;
}

int
oci_gvisor_spec_rewrite(
    const char *bundle, const char *kubelet, struct err *err)
{
	struct rewrite w = { .kubelet = kubelet, .err = err };
	cleanup_free char *text = NULL;
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/config.json", bundle);
	if (r == 0)
		r = file_read(AT_FDCWD, path, OCI_SPEC_MAX, &text, NULL);
	if (r < 0)
		return err_set_errno(err, -r, "read %s/config.json", bundle);
	w.root = oci_json_parse_exact(text);
	if (!cJSON_IsObject(w.root))
		r = err_set(err, ERR_INVALID_ARGUMENT, EBADMSG,
		    "%s is not a JSON object", path);
	else
		r = rewrite(&w);
	if (r == 0 && w.changed)
		r = save(w.root, path, err);
	cJSON_Delete(w.root);
	return r;
}
