/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD library: umount2(2) that takes as long as a test wants.
 *
 * With SLOW_UMOUNT=PREFIX in the environment each call first writes a byte to
 * the FIFO PREFIX.reached and then waits for one from PREFIX.go, so a slow disk
 * can be played without a clock. Without it nothing changes.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

static void
pass(const char *prefix, const char *name, int flags)
{
	char path[4096], byte = 'u';

	(void)snprintf(path, sizeof(path), "%s.%s", prefix, name);
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n =
	    flags == O_WRONLY ? write(fd, &byte, 1) : read(fd, &byte, 1);
	(void)n;
	(void)close(fd);
}

int
umount2(const char *target, int flags)
{
	int (*real)(const char *, int);
	const char *prefix = getenv("SLOW_UMOUNT");

	*(void **)&real = dlsym(RTLD_NEXT, "umount2");
	if (!real) {
		errno = ENOSYS;
		return -1;
	}
	if (prefix) {
		pass(prefix, "reached", O_WRONLY);
		pass(prefix, "go", O_RDONLY);
	}
	return real(target, flags);
}
