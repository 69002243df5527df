/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages on stdin and stdout of the short-lived commands.
 *
 * Field 1 of Any and of BootstrapParams is a string, field 2 length-delimited:
 * a parser of either accepts the other, with the instance id for a type_url.
 * The command line tells them apart.
 *
 * Options travel in BootstrapParams as one of the extensions, told apart from
 * the others by its type.
 */
#include "ipc/bootstrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ipc/any.h"
#include "ipc/message.h"
#include "ipc/proto/bootstrap.pb.h"
#include "ipc/proto/task.pb.h"
#include "ipc/proto/types.pb.h"
#include "ipc/timestamp.h"

typedef containerd_runtime_bootstrap_v1_BootstrapParams bootstrap_params;
#define PARAMS_FIELDS containerd_runtime_bootstrap_v1_BootstrapParams_fields

/* Types of options that some containerd or docker sends. */
static const char *const options_types[] = {
	ANY_RUNC_OPTIONS,
	ANY_RUNTIME_OPTIONS,
	ANY_LINUX_RUNC_OPTIONS,
	ANY_LINUX_CREATE_OPTIONS,
};

static bool
is_options(const google_protobuf_Any *any)
{
	for (size_t i = 0; i < sizeof(options_types) / sizeof(options_types[0]);
	     i++)
		if (any_is(any, options_types[i]))
			return true;
	return false;
}

static int
options_copy(
    const google_protobuf_Any *any, struct bootstrap *ret, struct err *err)
{
	cleanup_free char *type = strdup(any_type_name(any->type_url));
	uint8_t *data = malloc(any->value.len + 1);

	if (!type || !data) {
		free(data);
		return err_set_errno(err, ENOMEM, "options");
	}
	if (any->value.len > 0)
		memcpy(data, any->value.data, any->value.len);
	ret->options_type = take_ptr(type);
	ret->options = (struct bytes){ data, any->value.len };
	return 0;
}

static int
params_take(bootstrap_params *msg, struct bootstrap *ret, struct err *err)
{
	ret->params = true;
	ret->debug =
	    msg->log_level <= containerd_runtime_bootstrap_v1_LogLevel_DEBUG;
	ret->containerd_version = take_ptr(msg->containerd_version);
	ret->ttrpc_address = take_ptr(msg->containerd_ttrpc_address);
	ret->grpc_address = take_ptr(msg->containerd_grpc_address);
	ret->containerd_binary = take_ptr(msg->containerd_binary);
	ret->socket_dir = take_ptr(msg->socket_dir);
	for (size_t i = 0; i < msg->extensions_count; i++)
		if (is_options(&msg->extensions[i].value))
			return options_copy(
			    &msg->extensions[i].value, ret, err);
	return 0;
}

static int
params_decode(
    const uint8_t *data, size_t len, struct bootstrap *ret, struct err *err)
{
	bootstrap_params msg = { 0 };

	int r = message_decode(PARAMS_FIELDS, data, len, &msg, err);
	if (r < 0)
		return r;
	r = params_take(&msg, ret, err);
	message_release(PARAMS_FIELDS, &msg);
	return r;
}

/* What BootstrapParams of this instance look like when read as an Any. */
static bool
is_params(const google_protobuf_Any *any, const char *id, const char *ns)
{
	return strcmp(message_str(any->type_url), id) == 0 &&
	       any->value.len == strlen(ns) &&
	       strncmp((const char *)any->value.data, ns, any->value.len) == 0;
}

int
bootstrap_decode(const uint8_t *data, size_t len, const char *id,
    const char *ns, struct bootstrap *ret, struct err *err)
{
	google_protobuf_Any any = { 0 };

	int r =
	    message_decode(google_protobuf_Any_fields, data, len, &any, err);
	if (r < 0)
		return r;
	if (is_params(&any, id, ns))
		r = params_decode(data, len, ret, err);
	else if (*any_type_name(any.type_url))
		r = options_copy(&any, ret, err);
	message_release(google_protobuf_Any_fields, &any);
	if (r < 0)
		bootstrap_done(ret);
	return r;
}

void
bootstrap_done(struct bootstrap *b)
{
	free(b->containerd_version);
	free(b->ttrpc_address);
	free(b->grpc_address);
	free(b->containerd_binary);
	free(b->socket_dir);
	free(b->options_type);
	bytes_free(&b->options);
	*b = (struct bootstrap){ 0 };
}

int
bootstrap_result_encode(
    int32_t version, const char *address, struct bytes *ret, struct err *err)
{
	containerd_runtime_bootstrap_v1_BootstrapResult msg = {
		.version = version,
		.address = message_borrow(address),
		.protocol = message_borrow("ttrpc"),
	};

	return message_encode(
	    containerd_runtime_bootstrap_v1_BootstrapResult_fields, &msg, ret,
	    err);
}

int
delete_response_encode(uint32_t pid, uint32_t exit_status, int64_t exited_at,
    struct bytes *ret, struct err *err)
{
	containerd_task_v2_DeleteResponse msg = {
		.pid = pid,
		.exit_status = exit_status,
		.has_exited_at = true,
		.exited_at = timestamp_from_ns(exited_at),
	};

	return message_encode(
	    containerd_task_v2_DeleteResponse_fields, &msg, ret, err);
}

int
runtime_info_encode(
    const struct runtime_info *info, struct bytes *ret, struct err *err)
{
	containerd_types_RuntimeInfo_AnnotationsEntry mounts = {
		.key = message_borrow("containerd.io/runtime-allow-mounts"),
		.value = message_borrow(info->allow_mounts),
	};
	containerd_types_RuntimeInfo msg = {
		.name = message_borrow(info->name),
		.has_version = info->version || info->revision,
		.version = { .version = message_borrow(info->version),
		    .revision = message_borrow(info->revision) },
		.has_options = info->options.len > 0,
		.has_features = info->features.len > 0,
		.features = { .type_url = message_borrow(ANY_OCI_FEATURES),
		    .value = info->features },
		.annotations_count = info->allow_mounts ? 1 : 0,
		.annotations = &mounts,
	};

	int r = message_decode(google_protobuf_Any_fields, info->options.data,
	    info->options.len, &msg.options, err);
	if (r < 0)
		return r;
	r = message_encode(containerd_types_RuntimeInfo_fields, &msg, ret, err);
	message_release(google_protobuf_Any_fields, &msg.options);
	return r;
}
