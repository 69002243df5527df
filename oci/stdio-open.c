/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client path is opened with O_PATH first, then by way of /proc/self/fd:
 * what was found to be a FIFO is what is opened, twice, whatever happens to the
 * path meanwhile, and nothing is opened for writing before it is known.
 *
 * Anything but a FIFO is opened O_APPEND: several writers share it, and after
 * a rotation by truncation (copytruncate) output goes on at its new end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "oci/log-file.h"
#include "oci/logger.h"
#include "oci/stdio-internal.h"
#include "oci/stdio-uri.h"

/* Opens what handle, an O_PATH descriptor, stands for. */
static int
reopen(int handle, int flags)
{
	char path[sizeof("/proc/self/fd/") + 12];
	int r = path_format(path, sizeof(path), "/proc/self/fd/%d", handle);

	if (r < 0)
		return r;
	r = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

/* Returns an O_PATH descriptor. */
static int
look_up(const char *path, bool *ret_fifo)
{
	struct stat st;
	cleanup_close int handle = open(path, O_PATH | O_CLOEXEC);

	if (handle < 0 || fstat(handle, &st) < 0)
		return -errno;
	*ret_fifo = S_ISFIFO(st.st_mode);
	return take_fd(&handle);
}

static int
open_output_fifo(
    struct stream *s, int handle, const char *path, struct err *err)
{
	s->held = reopen(handle, O_RDONLY);
	if (s->held < 0)
		return err_set_errno(err, -s->held,
		    "containerd-shim: opening r/o fifo \"%s\" failed", path);
	s->client = reopen(handle, O_WRONLY);
	if (s->client < 0)
		return err_set_errno(err, -s->client,
		    "containerd-shim: opening w/o fifo \"%s\" failed", path);
	return 0;
}

static int
open_output_file(
    struct stream *s, int handle, const char *path, struct err *err)
{
	s->client = handle < 0 ? handle : reopen(handle, O_WRONLY | O_APPEND);
	if (s->client < 0)
		return err_set_errno(err, -s->client,
		    "containerd-shim: opening file \"%s\" failed", path);
	s->name = strdup(path);
	return s->name ? 0 : err_set_errno(err, ENOMEM, "open '%s'", path);
}

/* Not there at all counts as "no FIFO", and is an error as such. */
static int
open_output(struct stream *s, const char *path, struct err *err)
{
	bool fifo = false;
	cleanup_close int handle = look_up(path, &fifo);

	if (fifo)
		return open_output_fifo(s, handle, path, err);
	return open_output_file(s, handle, path, err);
}

static int
share_output(const struct stream *out, struct stream *s, struct err *err)
{
	s->name = strdup(out->name);
	if (!s->name)
		return err_set_errno(err, ENOMEM, "share '%s'", out->name);
	s->client = fcntl(out->client, F_DUPFD_CLOEXEC, 0);
	if (s->client < 0)
		return err_set_errno(err, errno, "share '%s'", out->name);
	return 0;
}

static int
open_outputs(struct oci_stdio *io, const char *out_path, const char *err_path,
    struct err *err)
{
	struct stream *out = &io->streams[OUT], *error = &io->streams[ERR];
	int r = 0;

	if (*out_path)
		r = open_output(out, out_path, err);
	if (r < 0 || !*err_path)
		return r;
	if (out->name && strcmp(out_path, err_path) == 0)
		return share_output(out, error, err);
	return open_output(error, err_path, err);
}

/* file://: stdout and stderr both go to path, whatever stderr says. */
static int
open_log_file(struct oci_stdio *io, const char *path, struct err *err)
{
	struct stream *out = &io->streams[OUT], *error = &io->streams[ERR];

	out->client = oci_log_file_open(path, err);
	if (out->client < 0)
		return out->client;
	out->name = strdup(path);
	if (!out->name)
		return err_set_errno(err, ENOMEM, "open %s", path);
	out->rotates = error->rotates = true;
	return share_output(out, error, err);
}

/* A terminal has no stderr: the logger's is idle until there is no more output.
 */
static int
open_logger(struct oci_stdio *io, const struct oci_stdio_spec *spec,
    const char *path, bool strict, struct err *err)
{
	struct stream *out = &io->streams[OUT], *error = &io->streams[ERR];
	int fds[2];

	if (!spec->logger)
		return err_set(err, ERR_UNIMPLEMENTED, ENOTSUP,
		    "STDIO scheme %s is not supported",
		    strict ? "binary-v2" : "binary");
	int r =
	    oci_logger_start(io->base, io->priority, spec->logger, spec->out,
		path, strict, stdio_logger_changed, io, fds, &io->logger, err);
	if (r < 0)
		return r;
	out->client = fds[0];
	*(io->terminal ? &error->held : &error->client) = fds[1];
	for (int i = OUT; i <= ERR; i++) {
		if (asprintf(&io->streams[i].name, "logging binary of %s",
			spec->logger->id) < 0) {
			io->streams[i].name = NULL;
			return err_set_errno(err, ENOMEM, "name '%s'", path);
		}
	}
	return 0;
}

/* For a terminal all but binary is taken for a path. */
static int
open_by_scheme(struct oci_stdio *io, const struct oci_stdio_spec *spec,
    const char *scheme, const char *path, struct err *err)
{
	bool strict = strcmp(scheme, "binary-v2") == 0;

	if (strict || strcmp(scheme, "binary") == 0)
		return open_logger(io, spec, path, strict, err);
	if (io->terminal)
		return open_outputs(
		    io, *spec->out ? spec->out : "/dev/null", "", err);
	if (strcmp(scheme, "file") == 0)
		return open_log_file(io, path, err);
	if (*scheme && strcmp(scheme, "fifo") != 0)
		return err_set(err, ERR_UNKNOWN, EINVAL,
		    "unknown STDIO scheme %s", scheme);
	return open_outputs(io, spec->out, spec->err, err);
}

static int
open_input(struct stream *s, const char *path, struct err *err)
{
	bool fifo = false;
	cleanup_close int handle = look_up(path, &fifo);

	s->client = handle < 0 ? handle : reopen(handle, O_RDONLY);
	if (s->client < 0)
		return err_set_errno(err, -s->client,
		    "containerd-shim: opening %s failed", path);
	if (!fifo)
		return 0;
	s->held = reopen(handle, O_WRONLY);
	if (s->held < 0)
		return err_set_errno(
		    err, -s->held, "failed to open stdin fifo %s", path);
	return 0;
}

/* Only our end may be non-blocking: programs expect theirs to block. */
static int
make_pipe(struct stream *s, bool input, const struct oci_stdio_spec *spec,
    struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set_errno(err, errno, "create pipe");
	s->child = ends[input ? 0 : 1];
	s->pipe = ends[input ? 1 : 0];
	int r = fd_set_nonblock(s->pipe, true);
	if (r < 0)
		return err_set_errno(err, -r, "create pipe");
	if (fchown(s->child, spec->uid, spec->gid) < 0)
		return err_set_errno(
		    err, errno, "give pipe to %u:%u", spec->uid, spec->gid);
	return 0;
}

int
stdio_open_all(
    struct oci_stdio *io, const struct oci_stdio_spec *spec, struct err *err)
{
	cleanup_free char *scheme = NULL, *path = NULL;
	int r = oci_stdio_uri_parse(spec->out, &scheme, &path, err);

	if (r < 0) {
		(void)err_wrap(err, "unable to parse stdout uri");
		return r;
	}
	r = open_by_scheme(io, spec, scheme, path, err);
	if (r == 0 && *spec->in)
		r = open_input(&io->streams[IN], spec->in, err);
	for (int i = 0; r == 0 && i < STREAMS; i++) {
		struct stream *s = &io->streams[i];

		if (s->client < 0)
			continue;
		s->busy = i != IN;
		if (!io->terminal)
			r = make_pipe(s, i == IN, spec, err);
	}
	return r;
}
