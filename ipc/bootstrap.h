/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IPC_BOOTSTRAP_H
#define IPC_BOOTSTRAP_H

/*
 * What the commands "start", "delete" and "-info" read from stdin and write to
 * stdout.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* All of it is owned: bootstrap_done(). Strings are NULL when absent. */
struct bootstrap {
	bool params; /* BootstrapParams were given (containerd 2.3 and later) */
	bool debug;
	char *containerd_version;
	char *ttrpc_address, *grpc_address;
	char *containerd_binary;
	char *socket_dir;
	char *options_type; /* bare type name of the options; NULL: none */
	struct bytes options;
};

/*
 * Decodes stdin of "start": nothing, the Any with the options, or
 * BootstrapParams. The two look alike on the wire; it is BootstrapParams if and
 * only if its first two fields are the -id and -namespace of the command line.
 * *ret must be all zero.
 */
int bootstrap_decode(const uint8_t *data, size_t len, const char *id,
    const char *ns, struct bootstrap *ret, struct err *err);
void bootstrap_done(struct bootstrap *b);

/* BootstrapResult for containerd 2.3 and later; version is the Task API's. */
int bootstrap_result_encode(
    int32_t version, const char *address, struct bytes *ret, struct err *err);

/* DeleteResponse; exited_at in ns since 1970, or TIMESTAMP_NEVER. */
int delete_response_encode(uint32_t pid, uint32_t exit_status,
    int64_t exited_at, struct bytes *ret, struct err *err);

struct runtime_info {
	const char *name; /* "io.containerd.runc.v2" */
	const char *version, *revision;
	/* What was read from stdin, an Any or nothing: echoed */
	struct bytes options;
	struct bytes features;    /* JSON; empty: none */
	const char *allow_mounts; /* comma list of mount types; NULL: none */
};

/* RuntimeInfo, the answer of "-info". The fields are borrowed. */
int runtime_info_encode(
    const struct runtime_info *info, struct bytes *ret, struct err *err);

#endif
