/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fd.h"

static int
make_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	cleanup_free char *parent = strndup(path, (size_t)(slash - path));
	return parent ? dir_make_all(parent, 0755) : -ENOMEM;
}

int
oci_log_file_open(const char *path, struct err *err)
{
	int r = make_parent(path);

	if (r < 0)
		return err_set_errno(
		    err, -r, "make the directory of '%s'", path);
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0644);
	return fd < 0 ? err_set_errno(err, errno, "open %s", path) : fd;
}

bool
oci_log_file_rotated(const char *path, int fd)
{
	struct stat there, ours;

	if (fstat(fd, &ours) < 0)
		return false;
	if (stat(path, &there) < 0)
		return errno == ENOENT;
	return there.st_ino != ours.st_ino || there.st_dev != ours.st_dev;
}
