/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

/*
 * Scope-bound ownership. A variable declared with one of these attributes is
 * released when it goes out of scope; take_ptr() and take_fd() move its value
 * out and leave nothing to release.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
cleanup_free_p(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_close_p(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		(void)close(*fd);
		errno = saved;
	}
}

static inline void
cleanup_dir_p(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static inline void
cleanup_file_p(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

#define cleanup_free  __attribute__((cleanup(cleanup_free_p)))
#define cleanup_close __attribute__((cleanup(cleanup_close_p)))
#define cleanup_dir   __attribute__((cleanup(cleanup_dir_p)))
#define cleanup_file  __attribute__((cleanup(cleanup_file_p)))

#define take_ptr(p)                                                            \
	({                                                                     \
		__typeof__(p) taken_ = (p);                                    \
		(p) = NULL;                                                    \
		taken_;                                                        \
	})

static inline int
take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Closes *fd unless it is negative, and sets it to -1. */
static inline void
close_fd(int *fd)
{
	cleanup_close_p(fd);
	*fd = -1;
}

#endif
