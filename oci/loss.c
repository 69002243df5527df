/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/loss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define SKIP_MAX 65536

int
oci_loss_init(struct oci_loss *loss, const char *name)
{
	if (!name)
		return 0;
	loss->name = strdup(name);
	return loss->name ? 0 : -ENOMEM;
}

void
oci_loss_done(struct oci_loss *loss)
{
	if (loss->dropped > 0)
		log_warn("%llu bytes of output to '%s' were lost",
		    (unsigned long long)loss->dropped, loss->name);
	free(loss->name);
	loss->name = NULL;
}

void
oci_loss_add(
    struct oci_loss *loss, const char *data, size_t len, const char *why)
{
	loss->dropped += len;
	loss->failed_at = clock_monotonic_ns();
	if (len > 0) {
		loss->skip = data[len - 1] == '\n' ? 0 : SKIP_MAX;
		loss->cut = loss->mid_line;
	}
	if (!loss->outage)
		log_warn("cannot write to '%s': %s, dropping output",
		    loss->name, why);
	loss->outage = true;
}

size_t
oci_loss_skip(struct oci_loss *loss, const char *data, size_t len)
{
	size_t most = len < loss->skip ? len : loss->skip;
	const char *end = most > 0 ? memchr(data, '\n', most) : NULL;

	if (end)
		most = (size_t)(end - data) + 1;
	loss->skip = end ? 0 : loss->skip - most;
	loss->dropped += most;
	return most;
}

void
oci_loss_taken(struct oci_loss *loss, const char *data, size_t len)
{
	loss->mid_line = !data || data[len - 1] != '\n';
	loss->cut = false;
}

void
oci_loss_over(struct oci_loss *loss)
{
	if (!loss->outage ||
	    clock_monotonic_ns() - loss->failed_at < NSEC_PER_SEC)
		return;
	log_warn("writing to '%s' again, %llu bytes were dropped", loss->name,
	    (unsigned long long)loss->dropped);
	loss->outage = false;
}
