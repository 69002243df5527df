/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event per relay waits either for the source or for the sink, never for
 * both: a source at EOF stays readable, so watching it while the sink is full
 * would spin. next_wait() alone decides which.
 *
 * A wait that turned out to be a lie (the descriptor was reported ready, yet
 * nothing moved) goes on edge-triggered. That is what a terminal without an
 * open slave needs, which reports a hangup at all times, and it makes a busy
 * loop impossible for any other kind of descriptor too.
 *
 * Splicing takes no memory and copying falls back to a reserve, so that running
 * out of memory neither loses bytes nor stalls. Pipes grow only once they were
 * seen full: the pages of all of root's pipes count against one limit
 * (pipe(7), pipe-user-pages-soft), beyond which containers get tiny pipes.
 */
#include "oci/relay.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "oci/log-file.h"
#include "oci/loss.h"

#define PIPE_DEFAULT 65536
#define PIPE_LARGE   (256 << 10)
#define SPLICE_MAX   ((size_t)PIPE_LARGE)
#define COPY_MAX     32768
#define CUT_MAX      65536
#define HURRY_ROUNDS 8

/* How long a log that nobody reads may hold its container up, before output is
 * dropped. */
#define STALL_SEC 5

/* How much of one line may still go to a log file that was rotated away. */
#define LATE_MAX 65536

enum wait {
	WAIT_SOURCE,
	WAIT_SINK,
	WAIT_TURN, /* for the loop to have looked after others */
};

struct oci_relay {
	struct event_base *base;
	int priority;
	struct event event;
	enum wait wait;
	bool edge; /* the wait is edge-triggered */

	int src, dst;
	bool spliced;  /* both are pipes */
	bool large;    /* they were enlarged */
	bool terminal; /* the source is one */
	bool pollable; /* the source can be waited for */
	bool eof;
	int status;

	char *buf; /* NULL unless len > 0 */
	size_t off, len;
	char reserve[128]; /* buf when there is no memory */

	struct oci_loss loss;
	bool stalled; /* it was full for too long, until it takes any byte */
	bool broken;  /* it has lost its reader */

	char *path;  /* of a sink that may be rotated */
	size_t late; /* what went to the old one since it was */
	bool old;    /* making it anew failed, which is logged once */

	oci_relay_done_fn *done;
	void *arg;
};

static void
buf_release(struct oci_relay *r)
{
	if (r->buf != r->reserve)
		free(r->buf);
	r->buf = NULL;
	r->off = r->len = 0;
}

static void
end_source(struct oci_relay *r, int status)
{
	r->eof = true;
	r->status = status;
}

static void
drop(struct oci_relay *r, const char *why)
{
	oci_loss_add(&r->loss, r->buf + r->off, r->len, why);
	buf_release(r);
}

/* What a pipe holds when its reader has gone is lost too. */
static void
sink_broke(struct oci_relay *r)
{
	int unread = 0;

	if (!r->broken && ioctl(r->dst, FIONREAD, &unread) == 0)
		r->loss.dropped += (uint64_t)unread;
	r->broken = true;
}

static void
sink_failed(struct oci_relay *r, int sys)
{
	if (!r->loss.name) {
		buf_release(r);
		end_source(r, -sys);
		return;
	}
	if (sys == EPIPE)
		sink_broke(r);
	drop(r, strerror(sys));
}

static void
sink_stalled(struct oci_relay *r)
{
	r->stalled = true;
	drop(r, "nobody reads it");
}

/* A file that cannot be made anew stays the old one: nothing is lost. */
static void
rotate(struct oci_relay *r)
{
	struct err err;
	int fd = oci_log_file_open(r->path, &err);

	r->late = 0;
	if (fd < 0 && !r->old)
		log_warn("log file is not rotated: %s", err.msg);
	r->old = fd < 0;
	if (fd < 0)
		return;
	close_fd(&r->dst);
	r->dst = fd;
	r->loss.mid_line = r->loss.cut = false;
}

/* How much of the buffer may go out before the sink is looked at again: the
 * rest of a line belongs where its beginning is, unless it has no end. */
static size_t
before_rotation(struct oci_relay *r)
{
	const char *start = r->buf + r->off;

	if (!r->path || !oci_log_file_rotated(r->path, r->dst))
		return r->len;
	if (!r->loss.mid_line || r->loss.cut || r->late >= LATE_MAX) {
		rotate(r);
		return r->len;
	}
	const char *end = memchr(start, '\n', r->len);
	size_t n = end ? (size_t)(end - start) + 1 : r->len;
	r->late += n;
	return n;
}

/* One write(2), or two where a line was cut short that has to be ended. */
static ssize_t
put(struct oci_relay *r)
{
	size_t most = before_rotation(r);

	if (r->loss.cut) {
		ssize_t n = write(r->dst, "\n", 1);

		if (n <= 0)
			return n;
		oci_loss_taken(&r->loss, "\n", 1);
	}
	ssize_t n = write(r->dst, r->buf + r->off, most);
	if (n > 0)
		oci_loss_taken(&r->loss, r->buf + r->off, (size_t)n);
	return n;
}

/* Writes the buffer out as far as it goes. True when any byte went. */
static bool
flush(struct oci_relay *r)
{
	bool moved = false;

	while (r->len > 0) {
		ssize_t n = put(r);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == EAGAIN)) {
			if (!r->stalled)
				return moved;
			sink_stalled(r);
			return true;
		}
		if (n < 0) {
			sink_failed(r, errno);
			return true;
		}
		moved = true;
		r->stalled = false;
		r->off += (size_t)n;
		r->len -= (size_t)n;
	}
	if (moved) {
		buf_release(r);
		oci_loss_over(&r->loss);
	}
	return moved;
}

/* True for an error of the source that means "nothing there now". */
static bool
source_waits(const struct oci_relay *r, int sys)
{
	return sys == EAGAIN || sys == EINTR || (sys == EIO && r->terminal);
}

/* Fills the empty buffer. */
static bool
fill(struct oci_relay *r)
{
	size_t size = COPY_MAX;

	r->buf = malloc(size);
	if (!r->buf) {
		r->buf = r->reserve;
		size = sizeof(r->reserve);
	}
	ssize_t n = read(r->src, r->buf, size);
	if (n > 0) {
		r->off = oci_loss_skip(&r->loss, r->buf, (size_t)n);
		r->len = (size_t)n - r->off;
		if (r->len == 0)
			buf_release(r);
		return true;
	}
	int sys = errno;

	buf_release(r);
	if (n == 0)
		end_source(r, 0);
	else if (!source_waits(r, sys))
		end_source(r, -sys);
	return false;
}

/*
 * A terminal that is full and hung up. Each attempt to write to it wakes its
 * waiters, ourselves too, and would be the next edge.
 */
static bool
sink_hung_up(const struct oci_relay *r)
{
	struct pollfd sink = { .fd = r->dst, .events = POLLOUT };

	return r->wait == WAIT_SINK && r->edge && poll(&sink, 1, 0) > 0 &&
	       sink.revents == POLLHUP;
}

static bool
pump_copy(struct oci_relay *r)
{
	if (sink_hung_up(r))
		return false;
	bool moved = flush(r);

	if (r->len > 0 || r->eof || !fill(r))
		return moved;
	(void)flush(r);
	return true;
}

/* Best effort: a pipe of the old size works as well, only slower. */
static void
enlarge(struct oci_relay *r)
{
	(void)fcntl(r->src, F_SETPIPE_SZ, PIPE_LARGE);
	(void)fcntl(r->dst, F_SETPIPE_SZ, PIPE_LARGE);
	r->large = true;
}

static bool
pump_splice(struct oci_relay *r)
{
	ssize_t n = splice(r->src, NULL, r->dst, NULL, SPLICE_MAX,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	/* Only copying can drop. */
	if (n < 0 && errno == EPIPE && r->loss.name)
		return pump_copy(r);
	if (n == 0)
		end_source(r, 0);
	else if (n < 0 && !source_waits(r, errno))
		end_source(r, -errno);
	else if (n >= PIPE_DEFAULT && !r->large)
		enlarge(r);
	if (n > 0)
		oci_loss_taken(&r->loss, NULL, (size_t)n);
	return n > 0;
}

static bool
splices(const struct oci_relay *r)
{
	return r->spliced && r->len == 0 && !r->loss.outage;
}

static bool
pump(struct oci_relay *r)
{
	return splices(r) ? pump_splice(r) : pump_copy(r);
}

static bool
source_ready(const struct oci_relay *r)
{
	struct pollfd source = { .fd = r->src, .events = POLLIN };

	return poll(&source, 1, 0) > 0;
}

static enum wait
next_wait(const struct oci_relay *r, bool moved)
{
	if (r->len > 0)
		return WAIT_SINK;
	if (!r->pollable)
		return WAIT_TURN;
	if (!splices(r))
		return WAIT_SOURCE;
	/* splice(2) does not tell which side was not ready. As long as it
	 * succeeds the question is not worth a system call. */
	if (moved)
		return r->wait;
	return source_ready(r) ? WAIT_SINK : WAIT_SOURCE;
}

static void on_ready(evutil_socket_t fd, short what, void *arg);

static int
add_event(struct oci_relay *r)
{
	static const struct timeval at_once = { 0 };
	static const struct timeval stall = { .tv_sec = STALL_SEC };
	const struct timeval *timeout = NULL;
	int fd = -1;
	short what = 0;

	switch (r->wait) {
	case WAIT_SOURCE:
		fd = r->src;
		what = EV_READ | EV_PERSIST;
		break;
	case WAIT_SINK:
		fd = r->dst;
		what = EV_WRITE | EV_PERSIST;
		timeout = r->loss.name ? &stall : NULL;
		break;
	case WAIT_TURN:
		timeout = &at_once;
		break;
	}
	if (r->edge)
		what = (short)(what | EV_ET);
	if (event_assign(&r->event, r->base, fd, what, on_ready, r) < 0 ||
	    event_priority_set(&r->event, r->priority) < 0 ||
	    event_add(&r->event, timeout) < 0)
		return -ENOMEM;
	return 0;
}

static int
wait_next(struct oci_relay *r, bool moved)
{
	enum wait wait = next_wait(r, moved);
	bool edge = !moved && wait == r->wait && wait != WAIT_TURN;

	if (wait == r->wait && edge == r->edge && wait != WAIT_TURN)
		return 0;
	(void)event_del(&r->event);
	r->wait = wait;
	r->edge = edge;
	return add_event(r);
}

static void
stop(struct oci_relay *r)
{
	/* Before the descriptors are closed: they may have duplicates, which
	 * would keep them in the epoll set. */
	(void)event_del(&r->event);
	close_fd(&r->src);
	close_fd(&r->dst);
	buf_release(r);
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct oci_relay *r = arg;

	(void)fd;
	if (what & EV_TIMEOUT && r->wait == WAIT_SINK)
		sink_stalled(r);
	bool moved = pump(r);
	if (!r->eof || r->len > 0) {
		int error = wait_next(r, moved);

		if (error == 0)
			return;
		end_source(r, error);
	}
	stop(r);
	r->done(r->status, r->arg); /* may free r */
}

static int
inspect(struct oci_relay *r)
{
	struct stat src, dst;

	if (fstat(r->src, &src) < 0 || fstat(r->dst, &dst) < 0)
		return -errno;
	r->spliced = S_ISFIFO(src.st_mode) && S_ISFIFO(dst.st_mode);
	r->terminal = isatty(r->src) == 1;
	/* epoll refuses files, and devices such as /dev/null. */
	r->pollable =
	    r->terminal || S_ISFIFO(src.st_mode) || S_ISSOCK(src.st_mode);
	return 0;
}

static int
relay_init(struct oci_relay *r, const struct oci_relay_sink *sink)
{
	/* So that stop() may delete it, whatever else fails. */
	if (event_assign(&r->event, r->base, -1, 0, on_ready, r) < 0)
		return -EINVAL;
	int error = inspect(r);
	if (error < 0)
		return error;
	error = oci_loss_init(&r->loss, sink->lossy);
	if (error < 0)
		return error;
	if (sink->path) {
		r->path = strdup(sink->path);
		if (!r->path)
			return -ENOMEM;
	}
	r->wait = r->pollable ? WAIT_SOURCE : WAIT_TURN;
	return add_event(r);
}

int
oci_relay_new_consume(struct event_base *base, int priority, int src, int dst,
    const struct oci_relay_sink *sink, oci_relay_done_fn *done, void *arg,
    struct oci_relay **ret)
{
	struct oci_relay *r = calloc(1, sizeof(*r));

	if (!r) {
		close_fd(&src);
		close_fd(&dst);
		return -ENOMEM;
	}
	r->base = base;
	r->priority = priority;
	r->src = src;
	r->dst = dst;
	r->done = done;
	r->arg = arg;
	int error = relay_init(r, sink);
	if (error < 0) {
		oci_relay_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

/* Moves the buffer, and after it what the source holds, to a larger one. */
static void
take_rest(struct oci_relay *r)
{
	size_t len = r->len;
	char *all = malloc(len + CUT_MAX);

	if (!all)
		return;
	if (len > 0)
		memcpy(all, r->buf + r->off, len);
	while (len < r->len + CUT_MAX) {
		ssize_t n = read(r->src, all + len, r->len + CUT_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	buf_release(r);
	if (len == 0) {
		free(all);
		return;
	}
	r->buf = all;
	r->len = len;
}

void
oci_relay_cut(struct oci_relay *r)
{
	if (r->eof)
		return;
	take_rest(r);
	(void)event_del(&r->event);
	close_fd(&r->src);
	end_source(r, 0);
	r->spliced = false;
	r->wait = WAIT_TURN;
	/* Unlike adding it, this needs no memory. */
	event_active(&r->event, EV_TIMEOUT, 0);
}

void
oci_relay_hurry(struct oci_relay *r)
{
	if (r->dst < 0)
		return;
	for (int i = 0; i < HURRY_ROUNDS && pump(r) && !r->eof; i++)
		;
	/* The wait may be for what was just used up; only on_ready() knows. */
	event_active(&r->event, EV_READ, 0);
}

uint64_t
oci_relay_dropped(const struct oci_relay *r)
{
	return r->loss.dropped;
}

void
oci_relay_free(struct oci_relay *r)
{
	if (!r)
		return;
	stop(r);
	oci_loss_done(&r->loss);
	free(r->path);
	free(r);
}
