/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unix sockets by path. The name must be the same for all members of a pod and
 * for nobody else; it has the Go shims' form so that whoever looks at a node
 * finds what they know.
 */
#include "shim/socket.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sha256.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"

/* Where in path, rooted or not, the last of len bytes' components begins. */
static size_t
last_component(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len;
}

/* Go's filepath.Clean, in place, of what is not empty: containerd's address is
 * what its configuration says, slashes, dots and all. */
static void
clean(char *path)
{
	const size_t root = *path == '/';
	size_t len = root, n;

	for (const char *in = path + root; *in; in += n + (in[n] == '/')) {
		size_t last = last_component(path, len);
		n = strcspn(in, "/");
		if (n == 0 || (n == 1 && in[0] == '.'))
			continue;
		bool up = n == 2 && in[0] == '.' && in[1] == '.';
		if (up && len > root &&
		    !(len - last == 2 && memcmp(path + last, "..", 2) == 0)) {
			len = last > root ? last - 1 : root;
			continue;
		}
		if (up && root)
			continue;
		if (len > root)
			path[len++] = '/';
		memmove(path + len, in, n);
		len += n;
	}
	path[len] = '\0';
}

int
socket_path(const char *dir, const char *address, const char *ns,
    const char *group, char ret[SOCKET_PATH_SIZE], struct err *err)
{
	char joined[PATH_MAX], hex[SHA256_DIGEST_STRING_LENGTH];

	int r = path_format(joined, sizeof(joined), "%s%s%s/%s", address,
	    *address ? "/" : "", ns, group);
	if (r == 0) {
		clean(joined);
		(void)SHA256Data((const uint8_t *)joined, strlen(joined), hex);
		r = path_format(ret, SOCKET_PATH_SIZE, "%s/%s", dir, hex);
	}
	return r < 0 ? err_set_errno(err, -r, "socket in %s", dir) : 0;
}

static int
fill_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return path_format(ret->sun_path, sizeof(ret->sun_path), "%s", path);
}

bool
socket_is_served(const char *path)
{
	struct sockaddr_un address;

	if (fill_address(path, &address) < 0)
		return false;
	cleanup_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	/* EAGAIN: its backlog is full, so somebody listens. */
	return connect(fd, (const struct sockaddr *)&address,
		   sizeof(address)) == 0 ||
	       errno == EAGAIN;
}

static int
make_dir(const char *path, struct err *err)
{
	char dir[SOCKET_PATH_SIZE];

	int r = path_format(dir, sizeof(dir), "%s", path);
	if (r == 0)
		r = dir_make_all(dirname(dir), 0700);
	return r < 0 ? err_set_errno(err, -r, "make directory of %s", path) : 0;
}

static int
bind_once(int fd, const struct sockaddr_un *address)
{
	return bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0
		   ? -errno
		   : 0;
}

int
socket_bind(const char *path, int *ret_fd, bool *ret_taken, struct err *err)
{
	struct sockaddr_un address;

	int r = fill_address(path, &address);
	if (r < 0)
		return err_set_errno(err, -r, "socket path '%s'", path);
	r = make_dir(path, err);
	if (r < 0)
		return r;
	cleanup_close int fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(err, errno, "make socket");
	r = bind_once(fd, &address);
	if (r == -EADDRINUSE && socket_is_served(path)) {
		*ret_fd = -1;
		*ret_taken = true;
		return 0;
	}
	if (r == -EADDRINUSE && unlink(path) == 0)
		r = bind_once(fd, &address);
	if (r == 0 && (chmod(path, 0600) < 0 || listen(fd, SOMAXCONN) < 0))
		r = -errno;
	if (r < 0)
		return err_set_errno(err, -r, "bind %s", path);
	*ret_taken = false;
	*ret_fd = take_fd(&fd);
	return 0;
}
