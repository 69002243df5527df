/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_SOCKET_H
#define SHIM_SOCKET_H

/*
 * The socket that a shim serves on: its name, binding it, and who else is
 * there.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SOCKET_PREFIX      "unix://"
#define SOCKET_DIR_DEFAULT "/run/containerd/s"
#define SOCKET_PATH_SIZE   107 /* with the NUL; the kernel takes no more */

/*
 * Path for a group (a container id, or what its annotations say):
 * <dir>/<sha256 of ADDRESS/NS/GROUP in hex>, as the Go shim derives it.
 */
int socket_path(const char *dir, const char *address, const char *ns,
    const char *group, char ret[SOCKET_PATH_SIZE], struct err *err);

/*
 * Binds and listens; mode 0600, its directory is made (0700). When somebody
 * listens there already *ret_taken is true and no fd is given (-1): join them.
 * A dead socket is removed first.
 */
int socket_bind(
    const char *path, int *ret_fd, bool *ret_taken, struct err *err);

/* True when a connection is accepted there (or would be, once there is room).
 */
bool socket_is_served(const char *path);

#endif
