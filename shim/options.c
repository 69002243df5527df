/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task options: four messages that mean the same things under other names, and
 * the files that keep them.
 */
#include "shim/options.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "ipc/any.h"
#include "ipc/message.h"
#include "ipc/proto/linux_runc.pb.h"
#include "ipc/proto/runc.pb.h"
#include "ipc/proto/runtimeoptions.pb.h"
#include "shim/options-toml.h"

#define OPTIONS_FILE "options.json"
#define RUNTIME_FILE "runtime"
#define GVISOR_FILE  "state.json"
#define OPTIONS_MAX  (64 << 10)

void
options_done(struct task_options *o)
{
	free(o->binary);
	free(o->root);
	free(o->shim_cgroup);
	free(o->criu_work_path);
	free(o->log_level);
	free(o->log_path);
	for (size_t i = 0; i < o->n_flags; i++)
		free(o->flags[i]);
	free(o->flags);
	*o = (struct task_options){ 0 };
}

int
options_add_flag_consume(struct task_options *o, char *flag)
{
	/* Room for this one and the final NULL. */
	char **flags =
	    reallocarray(o->flags, o->n_flags + 2, sizeof(*o->flags));

	if (!flags) {
		free(flag);
		return -ENOMEM;
	}
	flags[o->n_flags++] = flag;
	flags[o->n_flags] = NULL;
	o->flags = flags;
	return 0;
}

void
options_remove_flag(struct task_options *o, size_t i)
{
	free(o->flags[i]);
	for (; i < o->n_flags; i++)
		o->flags[i] = o->flags[i + 1];
	o->n_flags--;
}

/* False when memory is out. */
static bool
underlay_string(char **field, const char *base)
{
	char *copy;

	if (**field || !*base)
		return true;
	copy = strdup(base);
	if (!copy)
		return false;
	free(*field);
	*field = copy;
	return true;
}

static bool
has_flag(const struct task_options *o, const char *flag)
{
	size_t len = strcspn(flag, "=") + 1;

	for (size_t i = 0; i < o->n_flags; i++) {
		if (strncmp(o->flags[i], flag, len) == 0)
			return true;
	}
	return false;
}

static bool
underlay_flags(struct task_options *o, const struct task_options *base)
{
	for (size_t i = 0; i < base->n_flags; i++) {
		if (has_flag(o, base->flags[i]))
			continue;
		char *copy = strdup(base->flags[i]);
		if (!copy || options_add_flag_consume(o, copy) < 0)
			return false;
	}
	return true;
}

int
options_underlay(
    struct task_options *o, const struct task_options *base, struct err *err)
{
	o->io_uid = o->io_uid ? o->io_uid : base->io_uid;
	o->io_gid = o->io_gid ? o->io_gid : base->io_gid;
	o->no_pivot |= base->no_pivot;
	o->no_new_keyring |= base->no_new_keyring;
	o->systemd_cgroup |= base->systemd_cgroup;
	o->grouping |= base->grouping;
	bool fine = underlay_string(&o->binary, base->binary) &&
		    underlay_string(&o->root, base->root) &&
		    underlay_string(&o->shim_cgroup, base->shim_cgroup) &&
		    underlay_string(&o->criu_work_path, base->criu_work_path) &&
		    underlay_string(&o->log_level, base->log_level) &&
		    underlay_string(&o->log_path, base->log_path) &&
		    underlay_flags(o, base);
	return fine ? 0 : err_set_errno(err, ENOMEM, "merge options");
}

/* Strings are set last, so that numbers need no cleaning up. */
static int
set_strings(struct task_options *o, const char *binary, const char *root,
    const char *shim_cgroup, const char *criu_work_path, struct err *err)
{
	o->binary = strdup(message_str(binary));
	o->root = strdup(message_str(root));
	o->shim_cgroup = strdup(message_str(shim_cgroup));
	o->criu_work_path = strdup(message_str(criu_work_path));
	o->log_level = strdup("");
	o->log_path = strdup("");
	if (o->binary && o->root && o->shim_cgroup && o->criu_work_path &&
	    o->log_level && o->log_path)
		return 0;
	options_done(o);
	return err_set_errno(err, ENOMEM, "read options");
}

static int
decode_runc(
    const uint8_t *value, size_t len, struct task_options *ret, struct err *err)
{
	containerd_runc_v1_Options m = { 0 };

	int r = message_decode(
	    containerd_runc_v1_Options_fields, value, len, &m, err);
	if (r < 0)
		return r;
	ret->io_uid = m.io_uid;
	ret->io_gid = m.io_gid;
	ret->no_pivot = m.no_pivot_root;
	ret->no_new_keyring = m.no_new_keyring;
	ret->systemd_cgroup = m.systemd_cgroup;
	r = set_strings(
	    ret, m.binary_name, m.root, m.shim_cgroup, m.criu_work_path, err);
	message_release(containerd_runc_v1_Options_fields, &m);
	return r;
}

static int
decode_linux_create(
    const uint8_t *value, size_t len, struct task_options *ret, struct err *err)
{
	containerd_linux_runc_CreateOptions m = { 0 };

	int r = message_decode(
	    containerd_linux_runc_CreateOptions_fields, value, len, &m, err);
	if (r < 0)
		return r;
	ret->io_uid = m.io_uid;
	ret->io_gid = m.io_gid;
	ret->no_pivot = m.no_pivot_root;
	ret->no_new_keyring = m.no_new_keyring;
	r = set_strings(ret, "", "", m.shim_cgroup, m.criu_work_path, err);
	message_release(containerd_linux_runc_CreateOptions_fields, &m);
	return r;
}

static int
decode_linux_runc(
    const uint8_t *value, size_t len, struct task_options *ret, struct err *err)
{
	containerd_linux_runc_RuncOptions m = { 0 };

	int r = message_decode(
	    containerd_linux_runc_RuncOptions_fields, value, len, &m, err);
	if (r < 0)
		return r;
	ret->systemd_cgroup = m.systemd_cgroup;
	r = set_strings(ret, m.runtime, m.runtime_root, "", "", err);
	message_release(containerd_linux_runc_RuncOptions_fields, &m);
	return r;
}

static int
read_config(const runtimeoptions_v1_Options *m, struct task_options *ret,
    struct err *err)
{
	if (*message_str(m->config_path))
		return options_toml_load(m->config_path, ret, err);
	return options_toml_read("runtime options",
	    (const char *)m->config_body.data, m->config_body.len, ret, err);
}

static int
decode_config(
    const uint8_t *value, size_t len, struct task_options *ret, struct err *err)
{
	runtimeoptions_v1_Options m = { 0 };

	int r = message_decode(
	    runtimeoptions_v1_Options_fields, value, len, &m, err);
	if (r < 0)
		return r;
	r = set_strings(ret, "", "", "", "", err);
	if (r == 0)
		r = read_config(&m, ret, err);
	if (r < 0)
		options_done(ret);
	message_release(runtimeoptions_v1_Options_fields, &m);
	return r;
}

int
options_decode(const char *type_url, const uint8_t *value, size_t len,
    struct task_options *ret, struct err *err)
{
	const char *name = any_type_name(type_url);
	int r;

	*ret = (struct task_options){ 0 };
	if (len == 0)
		return set_strings(ret, "", "", "", "", err);
	if (strcmp(name, ANY_RUNC_OPTIONS) == 0)
		r = decode_runc(value, len, ret, err);
	else if (strcmp(name, ANY_LINUX_CREATE_OPTIONS) == 0)
		r = decode_linux_create(value, len, ret, err);
	else if (strcmp(name, ANY_LINUX_RUNC_OPTIONS) == 0)
		r = decode_linux_runc(value, len, ret, err);
	else if (strcmp(name, ANY_RUNTIME_OPTIONS) == 0)
		r = decode_config(value, len, ret, err);
	else
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "unsupported task options '%s': invalid argument", name);
	return r < 0 ? err_wrap(err, "decode task options") : 0;
}

/* ---- the files ---- */

static void
add_text(cJSON *json, const char *key, const char *value)
{
	if (*value)
		(void)cJSON_AddStringToObject(json, key, value);
}

static void
add_flag(cJSON *json, const char *key, bool value)
{
	if (value)
		(void)cJSON_AddTrueToObject(json, key);
}

static void
add_number(cJSON *json, const char *key, uint32_t value)
{
	if (value)
		(void)cJSON_AddNumberToObject(json, key, value);
}

/* Not in runc's options.json, which no other program reads from here. */
static void
add_flags(cJSON *json, const struct task_options *o)
{
	cJSON *list = o->n_flags ? cJSON_AddArrayToObject(json, "flags") : NULL;

	for (size_t i = 0; list && i < o->n_flags; i++)
		(void)cJSON_AddItemToArray(
		    list, cJSON_CreateString(o->flags[i]));
}

static char *
to_json(const struct task_options *o)
{
	cJSON *json = cJSON_CreateObject();

	if (!json)
		return NULL;
	add_flag(json, "no_pivot_root", o->no_pivot);
	add_flag(json, "no_new_keyring", o->no_new_keyring);
	add_text(json, "shim_cgroup", o->shim_cgroup);
	add_number(json, "io_uid", o->io_uid);
	add_number(json, "io_gid", o->io_gid);
	add_text(json, "binary_name", o->binary);
	add_text(json, "root", o->root);
	add_flag(json, "systemd_cgroup", o->systemd_cgroup);
	add_text(json, "criu_work_path", o->criu_work_path);
	add_flags(json, o);
	char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

static int
save(const char *bundle, const char *name, const char *text, mode_t mode,
    struct err *err)
{
	char path[PATH_MAX];

	int r = path_format(path, sizeof(path), "%s/%s", bundle, name);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, text, strlen(text), mode);
	return r < 0 ? err_set_errno(err, -r, "write %s/%s", bundle, name) : 0;
}

int
options_save(
    const struct task_options *options, const char *bundle, struct err *err)
{
	cleanup_free char *text = to_json(options);

	if (!text)
		return err_set_errno(err, ENOMEM, "write options");
	int r = save(bundle, OPTIONS_FILE, text, 0600, err);
	return r < 0 ? r
		     : save(bundle, RUNTIME_FILE, options->binary, 0600, err);
}

/* A flag is --KEY=VALUE. */
static void
add_runsc_config(cJSON *json, const struct task_options *o)
{
	cJSON *map = cJSON_AddObjectToObject(json, "runscConfig");
	char key[256];

	for (size_t i = 0; map && i < o->n_flags; i++) {
		const char *name = o->flags[i] + strlen("--");
		size_t len = strcspn(name, "=");
		if (name[len] == '=' &&
		    path_format(key, sizeof(key), "%.*s", (int)len, name) == 0)
			(void)cJSON_AddStringToObject(map, key, name + len + 1);
	}
}

static char *
to_gvisor_json(const struct task_options *o, const char *rootfs)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *map = cJSON_AddObjectToObject(json, "options");

	(void)cJSON_AddStringToObject(json, "rootfs", rootfs);
	(void)cJSON_AddStringToObject(map, "shimCgroup", o->shim_cgroup);
	(void)cJSON_AddNumberToObject(map, "ioUid", o->io_uid);
	(void)cJSON_AddNumberToObject(map, "ioGid", o->io_gid);
	(void)cJSON_AddStringToObject(map, "binaryName", o->binary);
	(void)cJSON_AddStringToObject(map, "root", o->root);
	(void)cJSON_AddStringToObject(map, "logLevel", o->log_level);
	(void)cJSON_AddStringToObject(map, "logPath", o->log_path);
	(void)cJSON_AddBoolToObject(map, "grouping", o->grouping);
	(void)cJSON_AddFalseToObject(map, "enableHibernateServer");
	add_runsc_config(map, o);
	char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

int
options_save_gvisor(const struct task_options *options, const char *bundle,
    const char *rootfs, struct err *err)
{
	cleanup_free char *text = to_gvisor_json(options, rootfs);

	if (!text)
		return err_set_errno(err, ENOMEM, "write state.json");
	return save(bundle, GVISOR_FILE, text, 0644, err);
}

static const char *
text_of(const cJSON *json, const char *key)
{
	const char *text =
	    cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));

	return text ? text : "";
}

static bool
flag_of(const cJSON *json, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, key));
}

static int
load_flags(const cJSON *json, struct task_options *ret, struct err *err)
{
	const cJSON *flag;

	cJSON_ArrayForEach(
	    flag, cJSON_GetObjectItemCaseSensitive(json, "flags"))
	{
		const char *text = cJSON_GetStringValue(flag);
		char *copy = text ? strdup(text) : NULL;
		if (text &&
		    (!copy || options_add_flag_consume(ret, copy) < 0)) {
			options_done(ret);
			return err_set_errno(err, ENOMEM, "read options");
		}
	}
	return 0;
}

int
options_load(const char *bundle, struct task_options *ret, struct err *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];

	*ret = (struct task_options){ 0 };
	int r = path_format(path, sizeof(path), "%s/" OPTIONS_FILE, bundle);
	if (r == 0)
		r = file_read(AT_FDCWD, path, OPTIONS_MAX, &text, NULL);
	if (r < 0 && r != -ENOENT)
		return err_set_errno(err, -r, "read %s/" OPTIONS_FILE, bundle);
	cJSON *json = text ? cJSON_Parse(text) : NULL;
	if (text && !json)
		return err_set(err, ERR_UNKNOWN, EBADMSG,
		    "%s/" OPTIONS_FILE " is not JSON", bundle);
	ret->no_pivot = flag_of(json, "no_pivot_root");
	ret->no_new_keyring = flag_of(json, "no_new_keyring");
	ret->systemd_cgroup = flag_of(json, "systemd_cgroup");
	r = set_strings(ret, text_of(json, "binary_name"),
	    text_of(json, "root"), text_of(json, "shim_cgroup"),
	    text_of(json, "criu_work_path"), err);
	if (r == 0)
		r = load_flags(json, ret, err);
	cJSON_Delete(json);
	return r;
}
