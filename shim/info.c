/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "-info". A runtime that is missing is an error, since nothing would run; one
 * that has no "features" command just has none to tell.
 */
#include "shim/info.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "ipc/any.h"
#include "ipc/bootstrap.h"
#include "ipc/message.h"
#include "oci/run.h"
#include "shim/config.h"
#include "shim/options.h"
#include "shim/personality.h"
#include "shim/shim.h"

#define STDIN_MAX     (10 << 20)
#define FEATURES_TIME (10 * NSEC_PER_SEC)

struct info {
	struct config config;
	struct shim shim; /* for its loop and children */
	struct task_options options;
	struct runtime_info answer;
	char *stdin_data, *features;
};

static void
on_features(struct oci_run *run, const struct oci_run_result *result, void *arg)
{
	struct info *info = arg;

	(void)run;
	if (result->ok)
		info->features = strndup(result->output, result->output_len);
	(void)event_base_loopbreak(info->shim.base);
}

static int
ask_runtime(struct info *info, struct err *err)
{
	char *const argv[] = {
		*info->options.binary ? info->options.binary
		: *info->config.runtime_binary
		    ? info->config.runtime_binary
		    : message_borrow(personality()->binary),
		message_borrow("features"),
		NULL,
	};
	struct oci_run_spec spec = {
		.argv = argv,
		.stdio = { -1, -1, -1 },
		.capture = true,
		.timeout_ns = FEATURES_TIME,
	};
	struct oci_run *run = NULL;

	int r = oci_run_start(info->shim.base, PRIORITY_CHILD,
	    info->shim.children, &spec, on_features, info, &run, err);
	if (r < 0)
		return err_wrap(err, "ask runtime for its features");
	(void)event_base_dispatch(info->shim.base);
	oci_run_free(run);
	if (info->features)
		info->answer.features = message_borrow_bytes(
		    info->features, strlen(info->features));
	return 0;
}

static int
read_options(struct info *info, struct err *err)
{
	google_protobuf_Any any = { 0 };
	size_t len = 0;

	int r = fd_read_all(STDIN_FILENO, STDIN_MAX, &info->stdin_data, &len);
	if (r < 0 && r != -EBADF)
		return err_set_errno(err, -r, "read options");
	info->answer.options = message_borrow_bytes(info->stdin_data, len);
	r = message_decode(google_protobuf_Any_fields,
	    (const uint8_t *)info->stdin_data, len, &any, err);
	if (r < 0)
		return err_wrap(err, "decode options");
	r = options_decode(message_str(any.type_url), any.value.data,
	    any.value.len, &info->options, err);
	message_release(google_protobuf_Any_fields, &any);
	return r;
}

static int
print_answer(const struct info *info, struct err *err)
{
	cleanup_bytes struct bytes answer = { 0 };

	int r = runtime_info_encode(&info->answer, &answer, err);
	if (r < 0)
		return r;
	r = fd_write_full(STDOUT_FILENO, answer.data, answer.len);
	return r < 0 ? err_set_errno(err, -r, "print answer") : 0;
}

int
info_run(const struct args *args, struct err *err)
{
	struct info info = {
		.answer = {
			.name = personality()->runtime,
			.version = CHOCK_VERSION,
		},
	};

	(void)args;
	int r = config_load(&info.config, err);
	if (r < 0)
		return r;
	r = shim_init(&info.shim, &info.config, "", "", err);
	if (r == 0)
		r = read_options(&info, err);
	if (r == 0)
		r = ask_runtime(&info, err);
	if (r == 0)
		r = print_answer(&info, err);
	free(info.stdin_data);
	free(info.features);
	options_done(&info.options);
	shim_done(&info.shim);
	config_done(&info.config);
	return r;
}
