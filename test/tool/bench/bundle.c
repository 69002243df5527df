/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bundles: a directory with config.json, a link to a configuration that
 * test/bench/run has made, and the FIFO "log" that containerd would have made.
 * All containers share one read-only root filesystem.
 */
#include <err.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/tool/bench/rig.h"

#define TREE_FDS 8

void
bundle_make(struct bench *bench, const char *config, char id[static 64],
    char bundle[static 128])
{
	char from[192], to[192];

	(void)snprintf(id, 64, "%s-%u", bench->tag, bench->containers++);
	(void)snprintf(bundle, 128, "%s/%s", bench->dir, id);
	if (mkdir(bundle, 0700) < 0)
		err(1, "%s", bundle);
	(void)snprintf(from, sizeof(from), "%s/%s", bench->dir, config);
	(void)snprintf(to, sizeof(to), "%s/config.json", bundle);
	if (link(from, to) < 0)
		err(1, "%s", to);
	(void)snprintf(to, sizeof(to), "%s/log", bundle);
	if (mkfifo(to, 0700) < 0)
		err(1, "%s", to);
}

static int
remove_entry(
    const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void
bundle_remove(const char *bundle)
{
	if (nftw(bundle, remove_entry, TREE_FDS,
		FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
		err(1, "remove %s", bundle);
}
