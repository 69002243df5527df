/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser of /proc/<pid>/mountinfo (proc(5)). A line is
 *
 *   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=x
 *   (1)(2)(3)   (4)   (5)      (6)      (7)   (8) (9)   (10)         (11)
 *
 * where any number of fields stands at (7), and space, tab, newline and
 * backslash inside a field are written as a backslash and three octal digits.
 * Fields are cut out and unescaped in place: unescaping only ever shortens.
 */
#include "base/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"

#define MOUNTINFO_MAX (64 << 20) /* bytes; some 100,000 mounts are 20 MiB */

static bool
is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static void
unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) &&
		    is_octal(s[3])) {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
					(s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static char *
next_field(char **cursor)
{
	return *cursor ? strsep(cursor, " ") : NULL;
}

static bool
parse_line(char *line, struct mountinfo_entry *ret)
{
	char *field, *root, *mount_point, *fs_type, *super_options;

	for (int i = 0; i < 3; i++)
		(void)next_field(&line);
	root = next_field(&line);
	mount_point = next_field(&line);
	do
		field = next_field(&line);
	while (field && strcmp(field, "-") != 0);
	fs_type = next_field(&line);
	(void)next_field(&line);
	super_options = next_field(&line);
	if (!super_options)
		return false;
	unescape(root);
	unescape(mount_point);
	*ret = (struct mountinfo_entry){ root, mount_point, fs_type,
		super_options };
	return true;
}

static size_t
count_lines(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

int
mountinfo_parse_consume(char *text_consume, struct mountinfo *ret)
{
	cleanup_free char *text = text_consume;
	struct mountinfo table = { 0 };
	char *cursor = text, *line;

	table.entries = calloc(count_lines(text), sizeof(*table.entries));
	if (!table.entries)
		return -ENOMEM;
	while ((line = strsep(&cursor, "\n")))
		if (parse_line(line, &table.entries[table.n]))
			table.n++;
	table.text = take_ptr(text);
	*ret = table;
	return 0;
}

int
mountinfo_read(struct mountinfo *ret)
{
	char *text;

	int r = file_read(
	    AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
	if (r < 0)
		return r;
	return mountinfo_parse_consume(text, ret);
}

void
mountinfo_done(struct mountinfo *table)
{
	free(table->entries);
	free(table->text);
	*table = (struct mountinfo){ 0 };
}
