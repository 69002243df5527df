/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_FILE_WAIT_H
#define OCI_FILE_WAIT_H

/*
 * Waiting for a program to write a file, such as a pid file, while it goes on
 * running.
 */
#include "base/err.h"

struct event_base;
struct oci_file_wait;

/*
 * Called out of the loop each time the file was closed after writing, or
 * renamed into place; also when something was missed, so whoever is called
 * looks for himself. oci_file_wait_free() is allowed inside.
 */
typedef void oci_file_wait_fn(void *arg);

/* Waits for dir/name; what was there before is not told of. One descriptor. */
int oci_file_wait_new(struct event_base *base, int priority, const char *dir,
    const char *name, oci_file_wait_fn *fn, void *arg,
    struct oci_file_wait **ret, struct err *err);

/* NULL is fine. */
void oci_file_wait_free(struct oci_file_wait *wait);

#endif
