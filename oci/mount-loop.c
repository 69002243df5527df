/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loop devices. The kernel names a free one, but anybody may take it before we
 * do: then it is busy, and the next number is asked for. A device that is free
 * and yet held open exclusively is named again and again; so there is a pause
 * that grows, and an end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "oci/mount-internal.h"

#define BUSY_TIMEOUT_NS  (5 * NSEC_PER_SEC)
#define BUSY_WAIT_NS     (1 * NSEC_PER_MSEC)
#define BUSY_WAIT_MAX_NS (64 * NSEC_PER_MSEC)

static int
free_number(int control)
{
	int number = ioctl(control, LOOP_CTL_GET_FREE);

	return number < 0 ? -errno : number;
}

/*
 * For kernels before 5.8. One that kills us between the first two calls leaves
 * the device attached: nothing we could do about it.
 */
static int
configure_in_steps(int device, const struct loop_config *config)
{
	struct loop_info64 info = config->info;

	info.lo_flags &= ~(uint32_t)LO_FLAGS_DIRECT_IO;
	if (ioctl(device, LOOP_SET_FD, (int)config->fd) < 0)
		return -errno;
	if (ioctl(device, LOOP_SET_STATUS64, &info) < 0) {
		int r = -errno;

		(void)ioctl(device, LOOP_CLR_FD, 0);
		return r;
	}
	if (config->info.lo_flags & LO_FLAGS_DIRECT_IO)
		(void)ioctl(device, LOOP_SET_DIRECT_IO, 1UL);
	return 0;
}

static int
configure(int device, const struct loop_config *config)
{
	if (ioctl(device, LOOP_CONFIGURE, config) == 0)
		return 0;
	/* So says a kernel that does not know the request. */
	if (errno == EINVAL || errno == ENOTTY)
		return configure_in_steps(device, config);
	return -errno;
}

/* Takes the device that is free just now. */
static int
attach_once(int control, int mode, const struct loop_config *config,
    struct mount_loop_path *ret)
{
	int number = free_number(control);

	if (number < 0)
		return number;
	(void)snprintf(ret->text, sizeof(ret->text), "/dev/loop%d", number);
	cleanup_close int device = open(ret->text, mode | O_CLOEXEC);
	if (device < 0)
		return -errno;
	int r = configure(device, config);
	return r < 0 ? r : take_fd(&device);
}

static int
attach(int control, int mode, const struct loop_config *config,
    struct mount_loop_path *ret)
{
	int64_t deadline = clock_monotonic_ns() + BUSY_TIMEOUT_NS;
	struct timespec wait = { .tv_nsec = BUSY_WAIT_NS };

	for (;;) {
		int r = attach_once(control, mode, config, ret);

		if (r != -EBUSY || clock_monotonic_ns() >= deadline)
			return r;
		(void)nanosleep(&wait, NULL);
		if (wait.tv_nsec < BUSY_WAIT_MAX_NS)
			wait.tv_nsec *= 2;
	}
}

int
mount_loop_attach(const char *file, bool read_only, bool direct_io,
    struct mount_loop_path *ret, struct err *err)
{
	int mode = read_only ? O_RDONLY : O_RDWR;
	cleanup_close int backing = open(file, mode | O_CLOEXEC);
	cleanup_close int control = -1;

	if (backing < 0)
		return err_set_errno(err, errno, "open '%s'", file);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return err_set_errno(err, errno, "open '/dev/loop-control'");
	struct loop_config config = {
		.fd = (uint32_t)backing,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR |
				 (read_only ? LO_FLAGS_READ_ONLY : 0) |
				 (direct_io ? LO_FLAGS_DIRECT_IO : 0),
	};
	/* For losetup(8) to show; a part will do. */
	(void)snprintf((char *)config.info.lo_file_name,
	    sizeof(config.info.lo_file_name), "%s", file);
	int fd = attach(control, mode, &config, ret);
	if (fd < 0)
		return err_set_errno(
		    err, -fd, "attach '%s' to a loop device", file);
	return fd;
}
