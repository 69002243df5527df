/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_ARGV_INTERNAL_H
#define OCI_ARGV_INTERNAL_H

/* How command lines are written down; for oci/argv*.c and mount helpers. */
#include <stdbool.h>
#include <stddef.h>

#include "oci/argv.h"

struct argv_builder {
	struct oci_argv argv;
	size_t size;
	bool failed;
};

/* The runtime, its global flags and a verb. */
void argv_begin(
    struct argv_builder *b, const struct oci_runtime *rt, const char *verb);

void argv_add(struct argv_builder *b, const char *arg);
/* Takes arg over; NULL is what a failed allocation left. */
void argv_add_consume(struct argv_builder *b, char *arg);
void argv_add_format(struct argv_builder *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void argv_add_if(struct argv_builder *b, bool wanted, const char *flag);
/* --pid-file <bundle>/<name>.pid */
void argv_add_pid_file(
    struct argv_builder *b, const struct oci_runtime *rt, const char *name);
/* An option that is left out when it has no value. */
void argv_add_option(
    struct argv_builder *b, const char *option, const char *value);

/* A verb and an id, nothing else. */
int argv_plain(const struct oci_runtime *rt, const char *verb, const char *id,
    struct oci_argv *ret);

/* Adds the last argument, mostly the container's id, and hands over; -ENOMEM
 * when any of it had failed. */
int argv_finish(struct argv_builder *b, const char *last, struct oci_argv *ret);

#endif
