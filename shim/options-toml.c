/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of keys. Sources: containerd's api/types/runc/options, its CRI
 * plugin's configuration, gVisor's pkg/shim/v1/runsc/options.go.
 */
#include "shim/options-toml.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/toml.h"
#include "shim/options.h"

#define CONFIG_MAX   (1 << 20)
#define RUNSC_CONFIG "runsc_config"

enum target {
	TARGET_STRING,
	TARGET_FLAG,
	TARGET_ID,
	TARGET_NONE, /* taken, and of no use here */
	TARGET_OFF,  /* what we do not have must not be asked for */
};

struct key {
	const char *cri, *snake;
	enum target target;
	size_t offset; /* in struct task_options */
};

#define OPTION(field) offsetof(struct task_options, field)

static const struct key keys[] = {
	{ "BinaryName", "binary_name", TARGET_STRING, OPTION(binary) },
	{ "Root", "root", TARGET_STRING, OPTION(root) },
	{ "ShimCgroup", "shim_cgroup", TARGET_STRING, OPTION(shim_cgroup) },
	{ "CriuWorkPath", "criu_work_path", TARGET_STRING,
	    OPTION(criu_work_path) },
	{ "IoUid", "io_uid", TARGET_ID, OPTION(io_uid) },
	{ "IoGid", "io_gid", TARGET_ID, OPTION(io_gid) },
	{ "NoPivotRoot", "no_pivot_root", TARGET_FLAG, OPTION(no_pivot) },
	{ "NoNewKeyring", "no_new_keyring", TARGET_FLAG,
	    OPTION(no_new_keyring) },
	{ "SystemdCgroup", "systemd_cgroup", TARGET_FLAG,
	    OPTION(systemd_cgroup) },
	{ "LogLevel", "log_level", TARGET_STRING, OPTION(log_level) },
	{ "LogPath", "log_path", TARGET_STRING, OPTION(log_path) },
	{ "Grouping", "grouping", TARGET_FLAG, OPTION(grouping) },
	{ "EnableHibernateServer", "enable_hibernate_server", TARGET_OFF, 0 },
	/* containerd's own: it has acted on them, or says so elsewhere. */
	{ "TypeUrl", "type_url", TARGET_NONE, 0 },
	{ "ConfigPath", "config_path", TARGET_NONE, 0 },
	{ "CriuPath", "criu_path", TARGET_NONE, 0 },
	{ "CriuImagePath", "criu_image_path", TARGET_NONE, 0 },
	{ "TaskApiAddress", "task_api_address", TARGET_NONE, 0 },
	{ "TaskApiVersion", "task_api_version", TARGET_NONE, 0 },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct reading {
	struct task_options *options;
	bool seen[N_KEYS];
	size_t n_before; /* flags from elsewhere, which these replace */
};

static int
wrong_type(
    const struct oci_toml_entry *entry, const char *want, struct err *err)
{
	return err_set(err, ERR_INVALID_ARGUMENT, EINVAL, "%s must be %s",
	    entry->key, want);
}

static int
set_string(void *field, const struct oci_toml_entry *entry, struct err *err)
{
	if (entry->type != OCI_TOML_STRING)
		return wrong_type(entry, "a string", err);
	char *copy = strdup(entry->string);
	if (!copy)
		return err_set_errno(err, ENOMEM, "%s", entry->key);
	free(*(char **)field);
	*(char **)field = copy;
	return 0;
}

static int
set_option(const struct key *key, const struct oci_toml_entry *entry,
    struct task_options *options, struct err *err)
{
	void *field = (char *)options + key->offset;

	switch (key->target) {
	case TARGET_STRING:
		return set_string(field, entry, err);
	case TARGET_FLAG:
		if (entry->type != OCI_TOML_BOOLEAN)
			return wrong_type(entry, "true or false", err);
		*(bool *)field = entry->boolean;
		return 0;
	case TARGET_ID:
		if (entry->type != OCI_TOML_INTEGER || entry->integer < 0 ||
		    entry->integer > UINT32_MAX)
			return wrong_type(entry, "a user or group id", err);
		*(uint32_t *)field = (uint32_t)entry->integer;
		return 0;
	case TARGET_NONE:
		return 0;
	case TARGET_OFF:
		return entry->type == OCI_TOML_BOOLEAN && !entry->boolean
			   ? 0
			   : wrong_type(
				 entry, "false: it is not supported", err);
	}
	return 0;
}

static int
unknown(const struct oci_toml_entry *entry, struct err *err)
{
	return err_set(err, ERR_INVALID_ARGUMENT, EINVAL, "unknown key %s%s%s",
	    entry->table, *entry->table ? "." : "", entry->key);
}

static int
twice(const struct oci_toml_entry *entry, struct err *err)
{
	return err_set(
	    err, ERR_INVALID_ARGUMENT, EINVAL, "%s is there twice", entry->key);
}

/* A flag of runsc: --KEY=VALUE. gVisor writes all values as strings. */
static int
add_flag(
    struct task_options *o, const struct oci_toml_entry *entry, struct err *err)
{
	char *flag = NULL;
	int n = entry->type == OCI_TOML_STRING
		    ? asprintf(&flag, "--%s=%s", entry->key, entry->string)
		: entry->type == OCI_TOML_BOOLEAN
		    ? asprintf(&flag, "--%s=%s", entry->key,
			  entry->boolean ? "true" : "false")
		    : asprintf(&flag, "--%s=%lld", entry->key,
			  (long long)entry->integer);

	if (n < 0)
		return err_set_errno(err, ENOMEM, "%s", entry->key);
	return options_add_flag_consume(o, flag) < 0
		   ? err_set_errno(err, ENOMEM, "%s", entry->key)
		   : 0;
}

static int
on_runsc_config(struct reading *reading, const struct oci_toml_entry *entry,
    struct err *err)
{
	struct task_options *o = reading->options;
	size_t len = strlen(entry->key);

	for (size_t i = 0; i < o->n_flags; i++) {
		if (strncmp(o->flags[i] + 2, entry->key, len) != 0 ||
		    o->flags[i][2 + len] != '=')
			continue;
		if (i >= reading->n_before)
			return twice(entry, err);
		options_remove_flag(o, i);
		reading->n_before--;
		break;
	}
	return add_flag(o, entry, err);
}

static int
on_entry(const struct oci_toml_entry *entry, void *arg, struct err *err)
{
	struct reading *reading = arg;

	if (strcmp(entry->table, RUNSC_CONFIG) == 0)
		return on_runsc_config(reading, entry, err);
	if (*entry->table)
		return unknown(entry, err);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(entry->key, keys[i].cri) != 0 &&
		    strcmp(entry->key, keys[i].snake) != 0)
			continue;
		if (reading->seen[i])
			return twice(entry, err);
		reading->seen[i] = true;
		return set_option(&keys[i], entry, reading->options, err);
	}
	return unknown(entry, err);
}

int
options_toml_read(const char *name, const char *text, size_t len,
    struct task_options *options, struct err *err)
{
	struct reading reading = { .options = options,
		.n_before = options->n_flags };

	return oci_toml_parse(name, text, len, on_entry, &reading, err);
}

int
options_toml_load(
    const char *path, struct task_options *options, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;

	int r = file_read(AT_FDCWD, path, CONFIG_MAX, &text, &len);
	return r < 0 ? err_set_errno(err, -r, "read %s", path)
		     : options_toml_read(path, text, len, options, err);
}
