/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a runtime wrote into log.json.
 *
 * The file holds objects {level, msg, time}, one after another with or without
 * newlines in between, and is appended to by every run in the bundle. What
 * counts is the last entry of level "error". Anything malformed makes the whole
 * answer unknown, as in the Go shim: half an answer would be taken for the
 * cause. Every byte of the file is the runtime's, so none is trusted.
 */
#include "oci/runtime-log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define READ_MAX ((off_t)1 << 20)

static int
log_path(const char *bundle, char *buf, size_t size)
{
	return path_format(buf, size, "%s/log.json", bundle);
}

off_t
oci_log_mark(const char *bundle)
{
	char path[PATH_MAX];
	struct stat st;

	if (log_path(bundle, path, sizeof(path)) < 0 || stat(path, &st) < 0)
		return 0;
	return st.st_size;
}

static void
trim(char *text)
{
	size_t len = strlen(text), lead = 0;

	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	while (lead < len && isspace((unsigned char)text[lead]))
		lead++;
	memmove(text, text + lead, len - lead);
	text[len - lead] = '\0';
}

/* Replaces *last when the entry is an error. */
static int
take_entry(const cJSON *entry, char **last)
{
	const cJSON *level = cJSON_GetObjectItemCaseSensitive(entry, "level");
	const cJSON *msg = cJSON_GetObjectItemCaseSensitive(entry, "msg");

	if (!cJSON_IsString(level) || strcmp(level->valuestring, "error") != 0)
		return 0;
	char *text = strdup(cJSON_IsString(msg) ? msg->valuestring : "");
	if (!text)
		return -ENOMEM;
	trim(text);
	free(*last);
	*last = text;
	return 0;
}

static size_t
skip_space(const char *text, size_t len, size_t pos)
{
	while (pos < len && text[pos] && strchr(" \t\r\n", text[pos]))
		pos++;
	return pos;
}

/* Takes one object at *pos and moves behind it. */
static int
parse_entry(const char *text, size_t len, size_t *pos, char **last)
{
	const char *end = NULL;

	/* The parser would pass over control characters. */
	if (text[*pos] != '{')
		return -EBADMSG;
	cJSON *entry = cJSON_ParseWithLengthOpts(text + *pos, len - *pos, &end,
	    /* require_null_terminated= */ 0);
	int r = entry ? take_entry(entry, last) : -EBADMSG;

	cJSON_Delete(entry);
	if (r == 0)
		*pos = (size_t)(end - text);
	return r;
}

int
oci_log_parse(const char *text, size_t len, char **ret, struct err *err)
{
	cleanup_free char *last = NULL;
	size_t pos = 0;

	for (;;) {
		pos = skip_space(text, len, pos);
		if (pos >= len)
			break;
		int r = parse_entry(text, len, &pos, &last);
		if (r == -ENOMEM)
			return err_set_errno(err, ENOMEM, "parse log.json");
		if (r < 0)
			return err_set(err, ERR_UNKNOWN, EBADMSG,
			    "invalid JSON object at byte %zu of log.json", pos);
	}
	*ret = last && last[0] ? take_ptr(last) : NULL;
	return 0;
}

/* Reads what lies behind `since` into a new buffer; -ENOENT without a file. */
static int
read_since(
    const char *path, off_t since, char **ret, size_t *ret_len, bool *ret_cut)
{
	/* O_NONBLOCK: a FIFO in its place must not hang us. */
	cleanup_close int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	/* Shorter than it was: somebody started it afresh. */
	off_t start = since < 0 || since > st.st_size ? 0 : since;
	bool cut = st.st_size - start > READ_MAX;
	if (cut)
		start = st.st_size - READ_MAX;
	size_t size = (size_t)(st.st_size - start);
	cleanup_free char *buf = malloc(size + 1);
	if (!buf)
		return -ENOMEM;
	if (lseek(fd, start, SEEK_SET) < 0)
		return -errno;
	ssize_t n = fd_read_full(fd, buf, size);
	if (n < 0)
		return (int)n;
	buf[n] = '\0';
	*ret = take_ptr(buf);
	*ret_len = (size_t)n;
	*ret_cut = cut;
	return 0;
}

int
oci_log_last_error(const char *bundle, off_t since, char **ret, struct err *err)
{
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	size_t len = 0, skip = 0;
	bool cut = false;

	int r = log_path(bundle, path, sizeof(path));
	if (r == 0)
		r = read_since(path, since, &text, &len, &cut);
	if (r == -ENOENT) {
		*ret = NULL;
		return 0;
	}
	if (r == -ENOMEM)
		return err_set_errno(err, ENOMEM, "read log.json");
	if (r < 0) {
		(void)err_set_errno(err, -r, "read log.json");
		return -EBADMSG;
	}
	if (cut) {
		/* The first entry lacks its beginning. */
		const char *newline = memchr(text, '\n', len);

		skip = newline ? (size_t)(newline - text) : 0;
	}
	return oci_log_parse(text + skip, len - skip, ret, err);
}
