/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a runtime fails: one JSON object {level,msg,time} is appended to the
 * --log file, the text goes to stderr, and the exit code is 1, of runsc 128.
 */
#include "test/tool/fake-runtime/fake.h"
#include "test/tool/fake-runtime/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
fail_log(const struct call *call, const char *text)
{
	if (!call->log)
		return;
	FILE *log = fopen(call->log, "ae");
	if (!log)
		return;
	fputs("{\"level\":\"error\",\"msg\":", log);
	json_put(log, text);
	fputs(",\"time\":\"2024-01-02T03:04:05Z\"}\n", log);
	fclose(log);
}

void
fail(const struct call *call, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	fail_log(call, text);
	fprintf(stderr, "%s\n", text);
	exit(call->runsc ? 128 : 1);
}
