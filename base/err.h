/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * Error codes are the gRPC status codes, because every error that leaves this
 * program leaves it as one (google.rpc.Code).
 */
enum err_code {
	ERR_OK = 0,
	ERR_CANCELED = 1,
	ERR_UNKNOWN = 2,
	ERR_INVALID_ARGUMENT = 3,
	ERR_DEADLINE_EXCEEDED = 4,
	ERR_NOT_FOUND = 5,
	ERR_ALREADY_EXISTS = 6,
	ERR_PERMISSION_DENIED = 7,
	ERR_RESOURCE_EXHAUSTED = 8,
	ERR_FAILED_PRECONDITION = 9,
	ERR_ABORTED = 10,
	ERR_OUT_OF_RANGE = 11,
	ERR_UNIMPLEMENTED = 12,
	ERR_INTERNAL = 13,
	ERR_UNAVAILABLE = 14,
};

/*
 * An error: caller-owned, never allocated, filled only on failure. Text grows
 * outward ("create task 'a': runc: ...").  When it does not fit, the tail is
 * cut and ends in "...".
 */
struct err {
	int sys; /* errno value, positive; 0 when there is none */
	enum err_code code;
	char msg[1024];
};

/*
 * Fills *err and returns -sys, or -EIO when sys is 0, so that a failing
 * function can `return err_set(...)`.  err may be NULL.  The text is used as it
 * is; err_set_errno() appends ": " and the text of sys.
 */
int err_set(struct err *err, enum err_code code, int sys, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), cold));
int err_set_errno(struct err *err, int sys, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), cold));

/*
 * Puts "text: " before err's message. Returns what err_set() had returned.
 */
int err_wrap(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), cold));

/*
 * Code that a bare errno value stands for: EEXIST is ALREADY_EXISTS, EPERM and
 * EACCES PERMISSION_DENIED, EINVAL INVALID_ARGUMENT, ENOMEM, EMFILE and ENFILE
 * RESOURCE_EXHAUSTED, ETIMEDOUT DEADLINE_EXCEEDED; else UNKNOWN. ENOENT and
 * ESRCH are UNKNOWN, too: clients take NOT_FOUND for a task that is not there,
 * so who means that says it.
 */
enum err_code err_code_of_errno(int sys);

#endif
