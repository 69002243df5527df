/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serving process, from its environment to its loop and back. Its working
 * directory is the bundle of the first container of its group.
 */
#include "shim/serve.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/log.h"
#include "fsm/fsm.h"
#include "ipc/publish.h"
#include "ipc/server.h"
#include "oci/child.h"
#include "shim/config.h"
#include "shim/container.h"
#include "shim/personality.h"
#include "shim/shim.h"
#include "shim/socket.h"

/* The socket's file, to be removed at the end if it is still ours. */
struct socket_file {
	char path[SOCKET_PATH_SIZE];
	dev_t dev;
	ino_t ino;
};

struct serving {
	struct config config;
	struct shim shim;
	struct event *term, *interrupt, *dump;
};

/* containerd reads this FIFO, when it is there at all. */
static void
open_log(enum log_level level)
{
	int fd = open("log", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0) {
		(void)dup2(fd, STDERR_FILENO);
		(void)close(fd);
	}
	log_init(STDERR_FILENO, level, personality()->runtime);
}

static void
on_libevent_log(int severity, const char *msg)
{
	log_task(severity >= EVENT_LOG_WARN ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG,
	    NULL, NULL, "libevent: %s", msg);
}

/*
 * A large message must not leave its memory behind, nor raise the size from
 * which glibc gives memory back at once.
 */
static void
settle_heap(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 10);
	(void)mallopt(M_TOP_PAD, 16 << 10);
}

static int
drop_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		uintptr_t begin = info->dlpi_addr + segment->p_vaddr;
		uintptr_t end = begin + segment->p_memsz;
		begin &= ~(page - 1);
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

/*
 * Starting has touched code that serving never needs: half of what would count
 * as this process's memory. The segments that nobody can have written come back
 * from the page cache, as far as they are used again.
 */
static void
drop_start_code(void)
{
	(void)dl_iterate_phdr(drop_segments, NULL);
}

static int
settle_process(struct err *err)
{
	settle_heap();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(022);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return err_set_errno(err, errno, "become subreaper");
	return 0;
}

static int
take_socket(const struct args *args, int *ret, struct err *err)
{
	bool taken = false;

	if (!*args->socket) {
		int listening = 0;
		socklen_t len = sizeof(listening);
		if (getsockopt(SERVE_SOCKET_FD, SOL_SOCKET, SO_ACCEPTCONN,
			&listening, &len) < 0)
			return err_set_errno(
			    err, errno, "no listening socket on fd 3");
		(void)fcntl(SERVE_SOCKET_FD, F_SETFD, FD_CLOEXEC);
		(void)fd_set_nonblock(SERVE_SOCKET_FD, true);
		*ret = SERVE_SOCKET_FD;
		return 0;
	}
	int r = socket_bind(args->socket, ret, &taken, err);
	if (r == 0 && taken)
		return err_set(err, ERR_ALREADY_EXISTS, EADDRINUSE,
		    "somebody serves on %s", args->socket);
	return r;
}

static void
remember_socket(int fd, struct socket_file *file)
{
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address);
	struct stat st;

	*file->path = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    address.sun_path[0] != '/' || lstat(address.sun_path, &st) < 0)
		return;
	(void)path_format(
	    file->path, sizeof(file->path), "%s", address.sun_path);
	file->dev = st.st_dev;
	file->ino = st.st_ino;
}

/* Another shim may have bound the same name meanwhile: that one stays. */
static void
remove_socket(const struct socket_file *file)
{
	struct stat st;

	if (*file->path && lstat(file->path, &st) == 0 &&
	    st.st_dev == file->dev && st.st_ino == file->ino)
		(void)unlink(file->path);
}

static void
on_end(evutil_socket_t signal, short what, void *arg)
{
	struct serving *s = arg;

	(void)what;
	log_info("ending on signal %d", (int)signal);
	shim_end(&s->shim);
}

static void
dump_process(const struct process *p)
{
	log_task(LOG_LEVEL_INFO, p->container->id, p->is_init ? NULL : p->id,
	    "state %s, pid %d, operation %s, %s queue",
	    process_state_name(p, p->state), (int)p->pid,
	    p->op ? "in flight" : "none",
	    list_empty(&p->queue) ? "empty" : "non-empty");
}

/* SIGUSR1: where everything stands. */
static void
on_dump(evutil_socket_t signal, short what, void *arg)
{
	struct serving *s = arg;

	(void)signal;
	(void)what;
	log_info("%zu connections, %zu events queued, %llu dropped",
	    ttrpc_server_connections(s->shim.server),
	    publisher_queued(s->shim.publisher),
	    (unsigned long long)publisher_dropped(s->shim.publisher));
	list_for_each(l, tmp, &s->shim.containers)
	{
		struct container *c = list_entry(l, struct container, link);
		dump_process(&c->init);
		list_for_each(e, tmp2, &c->execs)
		{
			dump_process(list_entry(e, struct process, link));
		}
	}
}

static int
watch_signals(struct serving *s, struct err *err)
{
	struct event_base *base = s->shim.base;

	s->term = evsignal_new(base, SIGTERM, on_end, s);
	s->interrupt = evsignal_new(base, SIGINT, on_end, s);
	s->dump = evsignal_new(base, SIGUSR1, on_dump, s);
	if (!s->term || !s->interrupt || !s->dump)
		return err_set_errno(err, ENOMEM, "watch signals");
	if (event_add(s->term, NULL) < 0 || event_add(s->interrupt, NULL) < 0 ||
	    event_add(s->dump, NULL) < 0)
		return err_set_errno(err, errno, "watch signals");
	return 0;
}

static void
serving_done(struct serving *s)
{
	if (s->term)
		event_free(s->term);
	if (s->interrupt)
		event_free(s->interrupt);
	if (s->dump)
		event_free(s->dump);
	shim_done(&s->shim);
	config_done(&s->config);
}

static int
serve(struct serving *s, const struct args *args, int socket, struct err *err)
{
	const char *publish = getenv("TTRPC_ADDRESS");

	int r = shim_init(
	    &s->shim, &s->config, args->ns, publish ? publish : "", err);
	if (r < 0) {
		(void)close(socket);
		return r;
	}
	s->shim.debug = args->debug;
	r = ttrpc_server_listen_consume(s->shim.server, socket, err);
	if (r == 0)
		r = watch_signals(s, err);
	if (r == 0)
		r = shim_watch_idle(&s->shim, err);
	if (r < 0)
		return r;
	log_info("serving %s", args->id);
	drop_start_code();
	if (event_base_dispatch(s->shim.base) < 0)
		return err_set(err, ERR_INTERNAL, EIO, "the event loop failed");
	return 0;
}

int
serve_run(const struct args *args, struct err *err)
{
	struct serving s = { 0 };
	struct socket_file file;
	int socket;

	int r = config_load(&s.config, err);
	if (r < 0)
		return r;
	open_log(args->debug ? LOG_LEVEL_DEBUG : s.config.log_level);
	event_set_log_callback(on_libevent_log);
	r = settle_process(err);
	if (r == 0)
		r = take_socket(args, &socket, err);
	if (r < 0)
		return r;
	remember_socket(socket, &file);
	r = serve(&s, args, socket, err);
	remove_socket(&file);
	serving_done(&s);
	return r;
}
