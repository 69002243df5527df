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
 */
#include "oci/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "oci/logger.h"
#include "oci/relay.h"
#include "oci/stdio-internal.h"
#include "oci/unread.h"

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

int
oci_stdio_open(struct event_base *base, int priority,
    const struct oci_stdio_spec *spec, struct oci_stdio **ret, struct err *err)
{
	struct oci_stdio *io = stdio_new(base, priority, spec->terminal);

	if (!io)
		return err_set_errno(err, ENOMEM, "open stdio");
	int r = stdio_open_all(io, spec, err);
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

void
stdio_logger_changed(void *arg)
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
