/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock runs from the first byte to the last. They are read into a buffer,
 * as a client does that writes a log, though nothing is done with them. MB and
 * GB are powers of ten.
 */
#include "test/tool/bench/stream.h"

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "test/tool/bench/reading.h"

#define BUFFER_SIZE 65536
#define READS_MAX   16 /* in one turn of the loop */

struct stream {
	uint64_t bytes;
	int64_t first_at, last_at;
	char buffer[BUFFER_SIZE];
};

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct stream *stream = arg;

	(void)what;
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t len = read(fd, stream->buffer, BUFFER_SIZE);
		if (len < 0 && errno == EAGAIN)
			return;
		if (len < 0)
			err(1, "read the output of a container");
		if (len == 0)
			return;
		stream->last_at = clock_monotonic_ns();
		if (stream->bytes == 0)
			stream->first_at = stream->last_at;
		stream->bytes += (uint64_t)len;
	}
}

static int
open_fifo(char path[static 192], const struct rig *rig, const char *name)
{
	(void)snprintf(path, 192, "%s/%s", rig->bundle, name);
	int fd = -1;
	if (mkfifo(path, 0700) == 0)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* The shim has the FIFO open by now, or there would be an end at once. */
static void
read_all(struct rig *rig, int fd, uint64_t total, struct stream *stream)
{
	struct event *event = event_new(
	    rig->bench->base, fd, EV_READ | EV_PERSIST, on_output, stream);

	if (!event || event_add(event, NULL) < 0)
		errx(1, "out of memory");
	(void)rig_call_id(rig, "Start");
	while (stream->bytes < total) {
		if (event_base_loop(rig->bench->base, EVLOOP_ONCE) < 0)
			errx(1, "the event loop failed");
	}
	event_free(event);
}

struct stream_figures
stream_run(struct bench *bench, enum side side)
{
	static struct stream stream;
	char out[192], errors[192];
	struct rig rig;
	uint64_t total = (uint64_t)bench->stream_mib << 20;

	stream.bytes = 0;
	rig_open(&rig, bench, side, "stream.json");
	int out_fd = open_fifo(out, &rig, "out");
	int errors_fd = open_fifo(errors, &rig, "errors");
	(void)rig_create(&rig, out, errors);
	double cpu = reading_cpu(rig.shim_pid);
	read_all(&rig, out_fd, total, &stream);
	cpu = reading_cpu(rig.shim_pid) - cpu;
	(void)rig_call_id(&rig, "Wait");
	(void)rig_call_id(&rig, "Delete");
	rig_close(&rig);
	(void)close(out_fd);
	(void)close(errors_fd);
	double seconds =
	    (double)(stream.last_at - stream.first_at) / NSEC_PER_SEC;
	return (struct stream_figures){
		.mb_per_s = (double)total / 1e6 / seconds,
		.cpu_per_gb = cpu / ((double)total / 1e9),
	};
}
