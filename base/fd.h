/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FD_H
#define BASE_FD_H

/*
 * Files and descriptors. Functions return 0 or a positive count, or -errno.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets or clears O_NONBLOCK. */
int fd_set_nonblock(int fd, bool on);

/* read(2)/write(2) until len bytes are done; read stops at EOF and returns how
 * many there were. EINTR is retried. For blocking descriptors. */
ssize_t fd_read_full(int fd, void *buf, size_t len);
int fd_write_full(int fd, const void *buf, size_t len);

/*
 * Reads until EOF, into a new buffer that the caller frees. The buffer is
 * NUL-terminated; ret_len (may be NULL) does not count the NUL. More than max
 * bytes: -EFBIG.
 */
int fd_read_all(int fd, size_t max, char **ret, size_t *ret_len);

/* fd_read_all() of the file at path, relative to dirfd (AT_FDCWD allowed).
 * Anything but a regular file is refused with -EINVAL without opening it for
 * longer than the check takes. */
int file_read(
    int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);

/*
 * Reads a decimal number of nothing but digits (a trailing newline is allowed)
 * from 1 to INT32_MAX, as in a pid file. Anything else: -EBADMSG.
 */
int file_read_pid(int dirfd, const char *path, pid_t *ret);

/*
 * Replaces path by a file with this content: written beside it, then renamed,
 * so that a reader sees the old or the new file, never a part. Not synced.
 */
int file_write_atomic(
    int dirfd, const char *path, const void *data, size_t len, mode_t mode);

/* mkdir -p of a path. What exists is left alone. */
int dir_make_all(const char *path, mode_t mode);

/* Formats into buf; -ENAMETOOLONG when it does not fit. */
int path_format(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
