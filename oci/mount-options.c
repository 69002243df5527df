/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount options as containerd writes them (its core/mount, Linux part): names
 * of flags, the rest joined with commas for the filesystem. mount(2) copies one
 * page of that, so overlay's layers, which may be a hundred long paths, are
 * made relative to the directory they share when it gets tight. Where they are
 * to be idmapped they get other places, and numbers for names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "oci/mount-internal.h"

#define PROPAGATION_FLAGS (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)
#define LOWERDIR          "lowerdir="
#define DIRECT_IO         "direct-io"
#define UIDMAP            "uidmap="
#define GIDMAP            "gidmap="

/* Room that containerd leaves in the page before it shortens paths. */
#define OVERLAY_RESERVE 512

struct flag_option {
	const char *name;
	unsigned long set, clear;
};

static const struct flag_option flag_options[] = {
	{ "async", 0, MS_SYNCHRONOUS },
	{ "atime", 0, MS_NOATIME },
	{ "bind", MS_BIND, 0 },
	{ "defaults", 0, 0 },
	{ "dev", 0, MS_NODEV },
	{ "diratime", 0, MS_NODIRATIME },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "mand", MS_MANDLOCK, 0 },
	{ "noatime", MS_NOATIME, 0 },
	{ "nodev", MS_NODEV, 0 },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "noexec", MS_NOEXEC, 0 },
	{ "nomand", 0, MS_MANDLOCK },
	{ "norelatime", 0, MS_RELATIME },
	{ "nostrictatime", 0, MS_STRICTATIME },
	{ "nosuid", MS_NOSUID, 0 },
	{ "private", MS_PRIVATE, 0 },
	{ "rbind", MS_BIND | MS_REC, 0 },
	{ "relatime", MS_RELATIME, 0 },
	{ "remount", MS_REMOUNT, 0 },
	{ "ro", MS_RDONLY, 0 },
	{ "rprivate", MS_PRIVATE | MS_REC, 0 },
	{ "rshared", MS_SHARED | MS_REC, 0 },
	{ "rslave", MS_SLAVE | MS_REC, 0 },
	{ "runbindable", MS_UNBINDABLE | MS_REC, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "shared", MS_SHARED, 0 },
	{ "slave", MS_SLAVE, 0 },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "sync", MS_SYNCHRONOUS, 0 },
	{ "unbindable", MS_UNBINDABLE, 0 },
};

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static bool
is_loop(const char *option)
{
	return strcmp(option, "loop") == 0;
}

/* What a helper is for, but named so that there is none. */
static int
check_type(const char *type, struct err *err)
{
	if (strcmp(type, "fuse") != 0 && strcmp(type, "fuse3") != 0 &&
	    strcmp(type, "fuse.") != 0 && strcmp(type, "fuse3.") != 0)
		return 0;
	return err_set(err, ERR_UNIMPLEMENTED, ENOTSUP,
	    "mount type '%s' is not supported", type);
}

/* Those are orders to containerd's mount manager, which would have removed it.
 */
static int
check_option(const char *option, struct err *err)
{
	if (!has_prefix(option, "X-containerd."))
		return 0;
	return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
	    "mount option '%s' is not supported", option);
}

static const struct flag_option *
find_flag(const char *name)
{
	for (size_t i = 0; i < sizeof(flag_options) / sizeof(*flag_options);
	     i++)
		if (strcmp(flag_options[i].name, name) == 0)
			return &flag_options[i];
	return NULL;
}

/*
 * "bind" and "rprivate" each bring MS_REC, which is a matter of their own call
 * alone.
 */
static void
apply_flag(const struct flag_option *flag, struct mount_options *options)
{
	if (flag->set & PROPAGATION_FLAGS)
		options->propagation = flag->set;
	else
		options->flags = (options->flags | flag->set) & ~flag->clear;
}

/* Neither a flag nor for us: "direct-io" is ours only where there is a loop. */
static bool
is_data(const char *option, const struct mount_options *options)
{
	if (options->loop && strcmp(option, DIRECT_IO) == 0)
		return false;
	return !find_flag(option) && !is_loop(option) &&
	       !has_prefix(option, UIDMAP) && !has_prefix(option, GIDMAP);
}

static void
apply_option(const char *option, struct mount_options *options)
{
	const struct flag_option *flag = find_flag(option);

	if (flag)
		apply_flag(flag, options);
	else if (is_loop(option))
		options->loop = true;
	else if (strcmp(option, DIRECT_IO) == 0)
		options->direct_io = true;
	else if (has_prefix(option, UIDMAP))
		options->uidmap = option + strlen(UIDMAP);
	else if (has_prefix(option, GIDMAP))
		options->gidmap = option + strlen(GIDMAP);
}

static size_t
options_len(const struct oci_mount *mount)
{
	size_t len = 0;

	for (size_t i = 0; i < mount->n_options; i++)
		len += strlen(mount->options[i]) + 1;
	return len > 0 ? len - 1 : 0;
}

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool
is_overlay(const struct oci_mount *mount)
{
	return strcmp(mount->type, "overlay") == 0;
}

static bool
wants_short_layers(const struct oci_mount *mount)
{
	return is_overlay(mount) &&
	       options_len(mount) >= page_size() - OVERLAY_RESERVE;
}

static int
write_short_layers(
    FILE *out, const char *layers, size_t cut, struct mount_options *options)
{
	options->chdir = strndup(layers + strspn(layers, ":"), cut);
	if (!options->chdir)
		return -ENOMEM;
	(void)fputs(LOWERDIR, out);
	mount_layers_write_relative(out, layers, cut);
	return 0;
}

static int
write_data_option(FILE *out, const char *option, const struct oci_mount *mount,
    struct mount_options *options)
{
	const char *layers = option + strlen(LOWERDIR);
	bool is_lowerdir = is_overlay(mount) && has_prefix(option, LOWERDIR);
	size_t cut = 0;

	if (ftell(out) > 0)
		(void)fputc(',', out);
	if (is_lowerdir && options->uidmap && !options->layers) {
		options->layers = layers;
		(void)fputs(LOWERDIR, out);
		mount_layers_write_numbers(out, layers);
		return 0;
	}
	if (is_lowerdir && !options->chdir && wants_short_layers(mount))
		cut = mount_layers_common_dir_len(layers);
	if (cut > 0)
		return write_short_layers(out, layers, cut, options);
	return fputs(option, out) < 0 ? -ENOMEM : 0;
}

static int
write_data(
    FILE *out, const struct oci_mount *mount, struct mount_options *options)
{
	int r = 0;

	for (size_t i = 0; i < mount->n_options && r == 0; i++)
		if (is_data(mount->options[i], options))
			r = write_data_option(
			    out, mount->options[i], mount, options);
	return r;
}

static int
join_data(const struct oci_mount *mount, struct mount_options *options)
{
	cleanup_free char *data = NULL;
	size_t len;

	cleanup_file FILE *out = open_memstream(&data, &len);
	if (!out)
		return -ENOMEM;
	int r = write_data(out, mount, options);
	if (fclose(take_ptr(out)) != 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (len > 0)
		options->data = take_ptr(data);
	return 0;
}

static int
check_all(const struct oci_mount *mount, struct err *err)
{
	int r = check_type(mount->type, err);

	for (size_t i = 0; i < mount->n_options && r == 0; i++)
		r = check_option(mount->options[i], err);
	return r;
}

/* One map alone would be half of what was asked for. */
static int
check_idmap(const struct mount_options *options, struct err *err)
{
	if (!options->uidmap != !options->gidmap)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "mount options 'uidmap=' and 'gidmap=' need each other");
	if (options->uidmap && options->flags & MS_REMOUNT)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "mount options 'uidmap=' and 'remount' exclude each other");
	return 0;
}

static int
parse(const struct oci_mount *mount, struct mount_options *options,
    struct err *err)
{
	for (size_t i = 0; i < mount->n_options; i++)
		apply_option(mount->options[i], options);
	int r = check_idmap(options, err);
	if (r < 0)
		return r;
	r = join_data(mount, options);
	if (r < 0)
		return err_set_errno(err, -r, "join mount options");
	if (options->data && strlen(options->data) >= page_size())
		return err_set(err, ERR_INVALID_ARGUMENT, E2BIG,
		    "mount options is too long");
	return 0;
}

int
mount_options_parse(
    const struct oci_mount *mount, struct mount_options *ret, struct err *err)
{
	struct mount_options options = { .source = mount->source };

	int r = check_all(mount, err);
	if (r < 0)
		return r;
	if (mount_helper_has(mount->type))
		options.by_helper = true;
	else
		r = parse(mount, &options, err);
	if (r < 0)
		mount_options_done(&options);
	else
		*ret = options;
	return r;
}

void
mount_options_done(struct mount_options *options)
{
	free(options->data);
	free(options->chdir);
	*options = (struct mount_options){ 0 };
}
