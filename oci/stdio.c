/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three streams, each with a side towards the container (a pipe, or the pty's
 * master) and one towards the client (a FIFO, or a file), and a relay between
 * them once the process was spawned.
 *
 * FIFOs are held open in the direction we do not use. For output: the client
 * may come, go and come back without EPIPE and without loss; even after EOF,
 * until the streams are freed, what was not read yet stays. For stdin: it is
 * not at EOF before oci_stdio_close_stdin().
 *
 * A client path is opened with O_PATH first, then by way of /proc/self/fd:
 * what was found to be a FIFO is what is opened, twice, whatever happens to the
 * path meanwhile, and nothing is opened for writing before it is known.
 *
 * Anything but a FIFO is opened O_APPEND: several writers share it, and after
 * a rotation by truncation (copytruncate) output goes on at its new end.
 */
#include "oci/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "oci/log-file.h"
#include "oci/logger.h"
#include "oci/relay.h"
#include "oci/stdio-uri.h"
#include "oci/unread.h"

enum {
	IN,
	OUT,
	ERR,
	STREAMS,
};

struct stream {
	struct oci_stdio *io;
	int child;    /* the container's end of the pipe */
	int pipe;     /* our end of it */
	int client;   /* our end towards the client */
	int held;     /* the client FIFO's other end; a logger's idle stderr */
	char *name;   /* of the client's side when it is no FIFO */
	bool rotates; /* name is a path that may be made anew */
	bool busy;    /* an output that is not at EOF, or not read */
	struct oci_relay *relay;
	struct oci_unread *unread;
};

struct oci_stdio {
	struct event_base *base;
	int priority;
	bool terminal;
	bool exited;
	int master;
	struct stream streams[STREAMS];
	struct oci_logger *logger;
	bool finishing;
	oci_stdio_ready_fn *ready;
	void *ready_arg;
	oci_stdio_drained_fn *drained;
	void *arg;
};

static struct oci_stdio *
stdio_new(struct event_base *base, int priority, bool terminal)
{
	struct oci_stdio *io = calloc(1, sizeof(*io));

	if (!io)
		return NULL;
	io->base = base;
	io->priority = priority;
	io->terminal = terminal;
	io->master = -1;
	for (int i = 0; i < STREAMS; i++)
		io->streams[i] = (struct stream){ .io = io,
			.child = -1,
			.pipe = -1,
			.client = -1,
			.held = -1 };
	return io;
}

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

static void on_logger_changed(void *arg);

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
		path, strict, on_logger_changed, io, fds, &io->logger, err);
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

static int
open_all(
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

int
oci_stdio_open(struct event_base *base, int priority,
    const struct oci_stdio_spec *spec, struct oci_stdio **ret, struct err *err)
{
	struct oci_stdio *io = stdio_new(base, priority, spec->terminal);

	if (!io)
		return err_set_errno(err, ENOMEM, "open stdio");
	int r = open_all(io, spec, err);
	if (r < 0) {
		oci_stdio_free(io);
		return r;
	}
	*ret = io;
	return 0;
}

void
oci_stdio_child_fds(const struct oci_stdio *io, int ret_fds[3])
{
	for (int i = 0; i < STREAMS; i++)
		ret_fds[i] = io->streams[i].child;
}

static bool
outputs_ended(const struct oci_stdio *io)
{
	return !io->streams[OUT].busy && !io->streams[ERR].busy;
}

/* May free io. */
static void
tell_if_drained(struct oci_stdio *io)
{
	if (oci_stdio_drained(io) && io->drained)
		io->drained(io->arg);
}

static void
end_logger(struct oci_stdio *io)
{
	if (!io->logger || !outputs_ended(io))
		return;
	close_fd(&io->streams[ERR].held);
	oci_logger_closed(io->logger);
	if (io->finishing)
		oci_logger_end(io->logger);
}

static void
on_output_read(void *arg)
{
	struct stream *s = arg;

	s->busy = false;
	end_logger(s->io);
	tell_if_drained(s->io);
}

static void
on_output_done(int status, void *arg)
{
	struct stream *s = arg;
	struct oci_stdio *io = s->io;

	if (status < 0)
		log_debug("output to the client ended: %s", strerror(-status));
	if (s->name || io->logger || s->held < 0 ||
	    oci_unread_new(io->base, io->priority, s->held, on_output_read, s,
		&s->unread) <= 0)
		on_output_read(s);
}

static void
on_logger_changed(void *arg)
{
	struct oci_stdio *io = arg;
	oci_stdio_ready_fn *ready = io->ready;
	struct err ignored;

	if (!ready || oci_stdio_ready(io, &ignored) == 0) {
		tell_if_drained(io);
		return;
	}
	io->ready = NULL;
	ready(io->ready_arg); /* may free io */
}

/*
 * EOF of a terminal's stdin hangs the terminal up, as clients expect. What the
 * terminal holds then is still copied out.
 */
static void
on_input_done(int status, void *arg)
{
	struct stream *s = arg;
	struct oci_stdio *io = s->io;

	if (status < 0)
		log_debug("stdin ended: %s", strerror(-status));
	if (!io->terminal || status < 0)
		return;
	if (io->streams[OUT].relay)
		oci_relay_cut(io->streams[OUT].relay);
	close_fd(&io->master);
}

static int
start_input(struct stream *s, int to_consume, struct err *err)
{
	static const struct oci_relay_sink client = { 0 };
	int r = oci_relay_new_consume(s->io->base, s->io->priority,
	    take_fd(&s->client), to_consume, &client, on_input_done, s,
	    &s->relay);

	return r < 0 ? err_set_errno(err, -r, "copy stdin") : 0;
}

static int
start_output(struct stream *s, int from_consume, struct err *err)
{
	const struct oci_relay_sink sink = {
		.lossy = s->name,
		.path = s->rotates ? s->name : NULL,
	};
	int r =
	    oci_relay_new_consume(s->io->base, s->io->priority, from_consume,
		take_fd(&s->client), &sink, on_output_done, s, &s->relay);

	return r < 0 ? err_set_errno(err, -r, "copy output") : 0;
}

int
oci_stdio_started(struct oci_stdio *io, struct err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < STREAMS; i++) {
		struct stream *s = &io->streams[i];

		close_fd(&s->child);
		if (s->pipe < 0)
			continue;
		int fd = take_fd(&s->pipe);
		r = i == IN ? start_input(s, fd, err)
			    : start_output(s, fd, err);
	}
	return r;
}

/* Each relay gets a descriptor of its own, so that each may close its own. */
static int
dup_master(const struct oci_stdio *io, struct err *err)
{
	int fd = fcntl(io->master, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? err_set_errno(err, errno, "duplicate console") : fd;
}

int
oci_stdio_set_console_consume(struct oci_stdio *io, int master, struct err *err)
{
	struct stream *in = &io->streams[IN], *out = &io->streams[OUT];

	io->master = master;
	int r = fd_set_nonblock(master, true);
	if (r < 0)
		return err_set_errno(err, -r, "set up console");
	r = dup_master(io, err);
	if (r >= 0)
		r = start_output(out, r, err);
	if (r == 0 && io->exited)
		oci_relay_cut(out->relay);
	if (r < 0 || in->client < 0)
		return r;
	r = dup_master(io, err);
	return r < 0 ? r : start_input(in, r, err);
}

int
oci_stdio_resize(
    struct oci_stdio *io, uint16_t width, uint16_t height, struct err *err)
{
	struct winsize size = { .ws_col = width, .ws_row = height };

	if (io->master < 0)
		return 0;
	if (ioctl(io->master, TIOCSWINSZ, &size) < 0)
		return err_set_errno(err, errno, "resize console");
	return 0;
}

void
oci_stdio_close_stdin(struct oci_stdio *io)
{
	close_fd(&io->streams[IN].held);
}

void
oci_stdio_process_exited(struct oci_stdio *io)
{
	io->exited = true;
	if (io->terminal && io->streams[OUT].relay)
		oci_relay_cut(io->streams[OUT].relay);
	for (int i = OUT; i <= ERR; i++)
		if (io->streams[i].relay)
			oci_relay_hurry(io->streams[i].relay);
}

int
oci_stdio_ready(const struct oci_stdio *io, struct err *err)
{
	return io->logger ? oci_logger_ready(io->logger, err) : 1;
}

void
oci_stdio_on_ready(struct oci_stdio *io, oci_stdio_ready_fn *fn, void *arg)
{
	io->ready = fn;
	io->ready_arg = arg;
}

bool
oci_stdio_drained(const struct oci_stdio *io)
{
	return outputs_ended(io) &&
	       (!io->logger || oci_logger_gone(io->logger));
}

void
oci_stdio_on_drained(struct oci_stdio *io, oci_stdio_drained_fn *fn, void *arg)
{
	io->drained = fn;
	io->arg = arg;
}

static void
stream_done(struct stream *s)
{
	oci_relay_free(s->relay);
	oci_unread_free(s->unread);
	close_fd(&s->child);
	close_fd(&s->pipe);
	close_fd(&s->client);
	close_fd(&s->held);
	free(s->name);
}

void
oci_stdio_finish(struct oci_stdio *io)
{
	io->finishing = true;
	end_logger(io);
}

void
oci_stdio_free(struct oci_stdio *io)
{
	if (!io)
		return;
	for (int i = 0; i < STREAMS; i++)
		stream_done(&io->streams[i]);
	oci_logger_release(io->logger);
	close_fd(&io->master);
	free(io);
}
