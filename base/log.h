/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * Log lines in logrus' text format, which is what containerd's log carries:
 *
 *   time="2026-01-02T03:04:05.123456789Z" level=info msg="..." runtime=...
 * id=...
 *
 * One write(2) a line. The log may be a FIFO whose reader is gone or stuck: a
 * line that cannot be written at once is dropped and counted, and the next line
 * that fits tells how many were lost. A function that logs keeps errno.
 */
#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Where lines go (fd is borrowed and should be non-blocking), the least
 * important level written, and the value of the runtime= field (borrowed; NULL
 * for none). Before this call lines of level info and above go to fd 2.
 */
void log_init(int fd, enum log_level level, const char *runtime);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Lines go to fd as well from here on, which is taken over; -1 ends that. What
 * it does not take, as on a full disk, is missing there and nothing else. */
void log_copy_to_consume(int fd);
bool log_has_copy(void);

/* id and exec_id may be NULL; then their field is left out. */
void log_task(enum log_level level, const char *id, const char *exec_id,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#define log_error(...) log_task(LOG_LEVEL_ERROR, NULL, NULL, __VA_ARGS__)
#define log_warn(...)  log_task(LOG_LEVEL_WARN, NULL, NULL, __VA_ARGS__)
#define log_info(...)  log_task(LOG_LEVEL_INFO, NULL, NULL, __VA_ARGS__)
#define log_debug(...) log_task(LOG_LEVEL_DEBUG, NULL, NULL, __VA_ARGS__)

#endif
