/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OCI_LOSS_H
#define OCI_LOSS_H

/*
 * What a sink did not take of a stream of lines: counted, told of, and such
 * that what it did take is whole lines. A line that was cut is ended before the
 * next one begins, and one whose beginning was lost is lost to its end, except
 * that this costs 64 KiB at most, since there may be no lines at all.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oci_loss {
	char *name; /* of the sink; NULL: it loses nothing */
	uint64_t dropped;
	int64_t failed_at; /* CLOCK_MONOTONIC, ns: the last time */
	size_t skip;       /* how far the rest of a lost line may reach */
	bool outage;
	bool mid_line; /* what was taken last did not end its line */
	bool cut;      /* ... and the rest of that line was lost */
};

/* loss is all zero before; name is copied. -ENOMEM. */
int oci_loss_init(struct oci_loss *loss, const char *name);
/* Logs the sum. */
void oci_loss_done(struct oci_loss *loss);

/* len bytes are lost, or with 0 the next ones will be. The first time of an
 * outage is logged. */
void oci_loss_add(
    struct oci_loss *loss, const char *data, size_t len, const char *why);

/* How many of the next bytes belong to a line whose beginning was lost; they
 * are lost, too. */
size_t oci_loss_skip(struct oci_loss *loss, const char *data, size_t len);

/* The sink has taken these len bytes, more than 0. data NULL: nobody knows
 * which. */
void oci_loss_taken(struct oci_loss *loss, const char *data, size_t len);

/* The sink has taken all that there was. An outage ends, and is logged, when
 * the last loss is a second old: a disk that is all but full, where some writes
 * fit, would make a line of log each time. */
void oci_loss_over(struct oci_loss *loss);

#endif
