/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The console socket: a stream connection that carries one message, a name and
 * the terminal's master as SCM_RIGHTS. `set console KIND` makes it misbehave:
 * none (never connects), close (connects, sends nothing), garbage (bytes but no
 * descriptor), two (one descriptor too many).
 */
#include "test/tool/fake-runtime/fake.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
socket_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return fd;
}

bool
socket_send(int fd, const char *text, const int *fds, size_t n)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text,
		.iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n * sizeof(int));
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL) > 0;
}

void
console_send(const struct call *call, int master)
{
	const char *kind = script_value("console");
	size_t n = 1;

	if (!kind)
		kind = "good";
	if (strcmp(kind, "none") == 0)
		return;
	int fd = socket_connect(call->console_socket);
	if (fd < 0)
		fail(call, "connect to console socket: %s", strerror(errno));
	if (strcmp(kind, "garbage") == 0)
		n = 0;
	else if (strcmp(kind, "two") == 0)
		n = 2;
	int fds[2] = { master, fd };
	if (strcmp(kind, "close") != 0 && !socket_send(fd, "/dev/ptmx", fds, n))
		fail(call, "send console: %s", strerror(errno));
	close(fd);
}
