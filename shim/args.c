/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command line. getopt does not know Go's flag syntax (single-dash long names),
 * so this is written out.
 */
#include "shim/args.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct flag {
	const char *name;
	size_t offset; /* in struct args */
	bool is_bool;
};

#define TEXT(name_, member)                                                    \
	{                                                                      \
		(name_), offsetof(struct args, member), false                  \
	}
#define BOOL(name_, member)                                                    \
	{                                                                      \
		(name_), offsetof(struct args, member), true                   \
	}

static const struct flag flags[] = {
	BOOL("debug", debug),
	BOOL("v", version),
	BOOL("version", version),
	BOOL("info", info),
	TEXT("namespace", ns),
	TEXT("id", id),
	TEXT("socket", socket),
	TEXT("debug-socket", debug_socket),
	TEXT("bundle", bundle),
	TEXT("address", address),
	TEXT("publish-binary", publish_binary),
};

static const struct flag *
find_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i].name) == len &&
		    memcmp(flags[i].name, name, len) == 0)
			return &flags[i];
	}
	return NULL;
}

static int
parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE",
		"True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE",
		"False" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(text, yes[i]) == 0) {
			*ret = true;
			return 0;
		}
		if (strcmp(text, no[i]) == 0) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

/* Parses argv[*i] (and its value), advances *i past it. */
static int
parse_flag(char *const *argv, int *i, struct args *args, struct err *err)
{
	const char *name = argv[*i] + (argv[*i][1] == '-' ? 2 : 1);
	const char *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	const struct flag *flag = find_flag(name, len);

	if (value)
		value++;
	(*i)++;
	if (!flag)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "flag provided but not defined: -%.*s", (int)len, name);
	char *slot = (char *)args + flag->offset;
	if (flag->is_bool) {
		if (parse_bool(value ? value : "1", (bool *)(void *)slot) < 0)
			return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
			    "invalid boolean value \"%s\" for -%s", value,
			    flag->name);
		return 0;
	}
	if (!value)
		value = argv[*i];
	else
		(*i)--;
	if (!value)
		return err_set(err, ERR_INVALID_ARGUMENT, EINVAL,
		    "flag needs an argument: -%s", flag->name);
	(*i)++;
	*(const char **)(void *)slot = value;
	return 0;
}

int
args_parse(int argc, char *const *argv, struct args *ret, struct err *err)
{
	struct args args = {
		.ns = "",
		.id = "",
		.socket = "",
		.debug_socket = "",
		.bundle = "",
		.address = "",
		.publish_binary = "",
		.action = "",
	};

	for (int i = 1; i < argc;) {
		if (argv[i][0] != '-' || argv[i][1] == '\0') {
			args.action = argv[i];
			break;
		}
		if (strcmp(argv[i], "--") == 0) {
			args.action = i + 1 < argc ? argv[i + 1] : "";
			break;
		}
		int r = parse_flag(argv, &i, &args, err);
		if (r < 0)
			return r;
	}
	*ret = args;
	return 0;
}
