/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_RUNTIME_FAKE_H
#define FAKE_RUNTIME_FAKE_H

/*
 * What the parts of the fake runtime share. It is a short-lived program:
 * memory is left to exit(2).
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The command line, and what became known on the way. */
struct call {
	const char *root, *log;
	const char *verb, *id, *extra; /* extra: the word behind the id */
	const char *bundle, *pid_file, *console_socket, *process_file;
	const char *image_path;
	const char *inner_pid_file, *inner_pid; /* runsc */
	bool detach, all, force, leave_running;

	char *dir;     /* the bundle: --bundle, else the folder of --log */
	char *state;   /* <root>/<id> */
	char *exec_id; /* of the pid file, for exec */
	pid_t pid;     /* the process this command started or talks about */

	bool runsc;             /* that is our name: see runsc.c */
	bool in_sandbox;        /* of another container */
	const char *sandbox_id; /* its own when it is one */
	pid_t told_pid;         /* for the pid file; 0: the process's */
};

/* ---- text.c: files and words */
char *text_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* NULL if it cannot be read. */
char *text_read(const char *path);
/* Atomically: a reader sees all of it or nothing. */
int text_write(const char *path, const char *text);
int text_append(const char *path, const char *text);
/* Reads a pid of <state>/<name>; 0 if there is none. */
pid_t text_read_pid(const char *dir, const char *name);

/* ---- fail.c: an error in log.json and on stderr, and exit 1, or 128 */
void fail_log(const struct call *call, const char *text);
_Noreturn void fail(const struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- script.c: see there for the language */
void script_load(const struct call *call);
/* The value of `VERB set NAME VALUE`, or NULL. */
const char *script_value(const char *name);
/* Obeys the actions of "before" or "after". */
void script_run(struct call *call, const char *phase);

/* ---- cage.c: the cgroups of a container */
int cage_make(const struct call *call);
/* Moves the calling process into them. */
int cage_enter(const struct call *call);
/* The number of processes inside; at most max are stored. */
size_t cage_pids(const struct call *call, pid_t *pids, size_t max);
/* Kills what is inside, waits for its death, removes the cgroups. */
void cage_remove(const struct call *call);

/* ---- process.c: starting the container's processes */
struct program {
	char **argv, **env;
	char *cwd;
	bool terminal;
};
/* From a JSON process object. False if it has no args. */
bool program_read(const char *json, struct program *ret);

/*
 * Starts it inside the container's cgroups with our stdio or a terminal of its
 * own, whose master *ret_master becomes (else -1). With a gate it waits there
 * (a FIFO) until process_open_gate(). Returns the pid; fails the command if the
 * program is not there.
 */
pid_t process_start(struct call *call, const struct program *program,
    const char *gate, int *ret_master);
/* False: the process is dead. */
bool process_open_gate(pid_t pid, const char *gate);
/* Until it is dead, whoever its parent is; its status is left for the parent.
 */
void process_wait_dead(pid_t pid);
bool process_alive(pid_t pid);

/* ---- console.c */
/* Sends the master over --console-socket, as well or badly as told. */
void console_send(const struct call *call, int master);
/* A stream connection, or -1. */
int socket_connect(const char *path);
/* One message with at most two descriptors. */
bool socket_send(int fd, const char *text, const int *fds, size_t n);

/* ---- runsc.c: what runsc does in its own way */
/* Which sandbox the container of this config.json is in. */
void runsc_find_sandbox(struct call *call, const char *config);
/* In the sandbox's own process. */
int runsc_listen(const struct call *call);
/* As process_start(), for a container in another's sandbox. */
pid_t runsc_start_member(
    struct call *call, const struct program *program, const char *gate);
/* A process in a sandbox holds nothing of a command's. */
void runsc_drop_streams(void);
/* The file that says where the sandbox is. */
void runsc_keep_state(struct call *call);
/* Ahead of the folder's removal: nobody writes to it any more. */
void runsc_forget_state(const struct call *call);
/* False for what is in none. */
bool runsc_sandbox_is_dead(const struct call *call);
void runsc_wait(struct call *call);
/* Ahead of the folder's removal: by the state that runsc keeps. */
void runsc_check_delete(struct call *call);
void runsc_events(struct call *call, size_t pids);

/* ---- runsc-sentry.c: what runsc asks a sandbox to do; all of it is refused by
 * the state that runsc keeps itself. */
void runsc_kill(struct call *call, int signal);
void runsc_pause(struct call *call);
void runsc_resume(struct call *call);

/* ---- verbs.c */
/* Does the verb; false if there is no such verb. */
bool verb_do(struct call *call);

#endif
