/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_UNIT_STREAMS_H
#define TEST_UNIT_STREAMS_H

/*
 * For tests that are both far ends of what a loop copies, in the same thread:
 * all descriptors are non-blocking, and the test works them between turns of
 * the loop, so that nothing waits for time. What goes through is a pattern, so
 * that a byte that is lost, doubled or moved is seen.
 *
 * "Idle" is the number of turns that a blocking loop takes until a timer ends
 * it, which a slow machine can only make smaller.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static inline int
streams_count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static inline struct event_base *
streams_base_new(void)
{
	struct event_base *base = event_base_new();

	assert_non_null(base);
	assert_int_equal(event_base_priority_init(base, 3), 0);
	return base;
}

static inline void
streams_turns(struct event_base *base, int n)
{
	while (n-- > 0)
		assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static inline void
streams_on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

static inline void
streams_assert_idle(struct event_base *base)
{
	bool over = false;
	struct timeval soon = { .tv_usec = 30000 };
	struct event *timer = evtimer_new(base, streams_on_timer, &over);
	int n = 0;

	streams_turns(base, 8);
	event_add(timer, &soon);
	do {
		event_base_loop(base, EVLOOP_ONCE);
		n++;
	} while (!over);
	event_free(timer);
	assert_in_range(n, 1, 3);
}

static inline uint8_t
streams_byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

/* Writes up to max bytes of the pattern from *at on, as far as they go. */
static inline void
streams_feed(int fd, size_t *at, size_t max)
{
	uint8_t chunk[70000];

	if (max > sizeof(chunk))
		max = sizeof(chunk);
	for (size_t i = 0; i < max; i++)
		chunk[i] = streams_byte_at(*at + i);
	ssize_t n = max ? write(fd, chunk, max) : 0;
	if (n < 0)
		assert_int_equal(errno, EAGAIN);
	else
		*at += (size_t)n;
}

/* Reads once and checks what came against the pattern. False at EOF. */
static inline bool
streams_drain(int fd, size_t *at, size_t max)
{
	uint8_t chunk[100000];
	ssize_t n = read(fd, chunk, max < sizeof(chunk) ? max : sizeof(chunk));

	if (n < 0) {
		assert_int_equal(errno, EAGAIN);
		return true;
	}
	for (ssize_t i = 0; i < n; i++)
		if (chunk[i] != streams_byte_at((*at)++))
			fail_msg("wrong byte at %zu", *at - 1);
	return n > 0;
}

/* A raw terminal. Returns the master. */
static inline int
streams_open_pty(int *ret_slave)
{
	struct termios raw;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	*ret_slave =
	    open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(*ret_slave >= 0);
	assert_int_equal(tcgetattr(*ret_slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(*ret_slave, TCSANOW, &raw), 0);
	return master;
}

#endif
