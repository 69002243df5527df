/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of files that statistics come in: a number, lines of key and value,
 * and the two controllers whose files are the same in both versions.
 *
 * The files of a cgroup are made of text when they are opened and read, and are
 * small; but those with a line or a number for each device or CPU have no bound
 * of their own, so the buffer grows, up to a limit that no machine reaches.
 * They are made whole by the first read: what comes short is the end.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cgroups/stats-internal.h"

#define TEXT_FIRST (8 << 10)
#define TEXT_MAX   (4 << 20)
#define PAGES_DIR  "/sys/kernel/mm/hugepages"

int
stat_reader_enter(struct stat_reader *reader, const char *dir)
{
	close_fd(&reader->dir);
	reader->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return reader->dir < 0 ? -errno : 0;
}

void
stat_reader_done(struct stat_reader *reader)
{
	close_fd(&reader->dir);
	free(reader->text);
	reader->text = NULL;
	reader->size = 0;
}

static int
grow(struct stat_reader *reader)
{
	size_t size = reader->size ? reader->size * 2 : TEXT_FIRST;

	if (size > TEXT_MAX)
		return -EFBIG;
	char *text = realloc(reader->text, size);
	if (!text)
		return -ENOMEM;
	reader->text = text;
	reader->size = size;
	return 0;
}

int
stat_read(struct stat_reader *reader, const char *name)
{
	cleanup_close int fd = openat(reader->dir, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		int r = reader->size - len < 2 ? grow(reader) : 0;
		if (r < 0)
			return r;
		size_t room = reader->size - len - 1;
		ssize_t n = read(fd, reader->text + len, room);
		if (n < 0)
			return errno == ENODEV ? -ENOENT : -errno;
		len += (size_t)n;
		if ((size_t)n < room)
			break;
	}
	reader->text[len] = '\0';
	return 0;
}

uint64_t
stat_parse_value(const char *text)
{
	if (strncmp(text, "max", 3) == 0)
		return UINT64_MAX;
	return isdigit((unsigned char)*text) ? strtoull(text, NULL, 10) : 0;
}

int
stat_read_value(struct stat_reader *reader, const char *name, uint64_t *ret)
{
	int r = stat_read(reader, name);

	if (r == 0)
		*ret = stat_parse_value(reader->text);
	return r;
}

/*
 * The kernel writes keys in an order of its own which is nearly that of the
 * table, so each search begins where the last one ended.
 */
void
stat_parse_keys(
    const char *text, const struct stat_key *keys, size_t n_keys, void *ret)
{
	size_t next = 0;

	for (const char *line = text; *line; line += *line == '\n') {
		size_t len = strcspn(line, " \n");

		for (size_t i = 0; line[len] == ' ' && i < n_keys; i++) {
			const struct stat_key *key = &keys[(next + i) % n_keys];
			if (strncmp(key->name, line, len) != 0 ||
			    key->name[len])
				continue;
			uint64_t value = stat_parse_value(line + len + 1);
			memcpy(
			    (char *)ret + key->offset, &value, sizeof(value));
			next = (next + i + 1) % n_keys;
			break;
		}
		line += strcspn(line, "\n");
	}
}

int
stat_read_keys(struct stat_reader *reader, const char *name,
    const struct stat_key *keys, size_t n_keys, void *ret)
{
	int r = stat_read(reader, name);

	if (r == 0)
		stat_parse_keys(reader->text, keys, n_keys, ret);
	return r;
}

char *
stat_next_line(char **cursor)
{
	return *cursor && **cursor ? strsep(cursor, "\n") : NULL;
}

char *
stat_next_word(char **cursor)
{
	char *word;

	do
		word = strsep(cursor, " \t");
	while (word && !*word);
	return word;
}

void *
stat_array_add(void **array, size_t *n, size_t element_size)
{
	/* Full at each power of two. */
	if (!*array || (*n & (*n - 1)) == 0) {
		size_t size = *n ? *n * 2 : 1;
		void *grown = reallocarray(*array, size, element_size);

		if (!grown)
			return NULL;
		*array = grown;
	}
	void *element = (char *)*array + *n * element_size;
	memset(element, 0, element_size);
	(*n)++;
	return element;
}

/* ---- rdma ---- */

static uint32_t
parse_u32(const char *text)
{
	uint64_t value = stat_parse_value(text);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* "mlx4_0 hca_handle=2 hca_object=2000" */
static int
parse_rdma(char *text, struct cgroup_rdma_entry **ret, size_t *ret_n)
{
	char *line, *word;
	void *array = NULL;
	int r = 0;

	while (r == 0 && (line = stat_next_line(&text))) {
		if (!(word = stat_next_word(&line)))
			continue;
		struct cgroup_rdma_entry *entry =
		    stat_array_add(&array, ret_n, sizeof(*entry));
		if (!entry) {
			r = -ENOMEM;
			break;
		}
		(void)snprintf(
		    entry->device, sizeof(entry->device), "%s", word);
		while ((word = stat_next_word(&line))) {
			if (strncmp(word, "hca_handle=", 11) == 0)
				entry->handles = parse_u32(word + 11);
			else if (strncmp(word, "hca_object=", 11) == 0)
				entry->objects = parse_u32(word + 11);
		}
	}
	*ret = array;
	return r;
}

int
stat_read_rdma(struct stat_reader *reader, struct cgroup_rdma_stat *ret)
{
	int r = stat_read(reader, "rdma.current");

	if (r == 0)
		r = parse_rdma(reader->text, &ret->current, &ret->n_current);
	if (r == 0)
		r = stat_read(reader, "rdma.max");
	if (r == 0)
		r = parse_rdma(reader->text, &ret->limit, &ret->n_limit);
	return r;
}

void
stat_rdma_done(struct cgroup_rdma_stat *rdma)
{
	free(rdma->current);
	free(rdma->limit);
	*rdma = (struct cgroup_rdma_stat){ 0 };
}

/* ---- huge pages ---- */

bool
stat_page_size(const char *name, char *ret, size_t size)
{
	static const char *const units[] = { "KB", "MB", "GB" };
	const char *number = name + strlen("hugepages-");
	size_t unit = 0;
	char *end;

	if (strncmp(name, "hugepages-", strlen("hugepages-")) != 0 ||
	    !isdigit((unsigned char)*number))
		return false;
	unsigned long long n = strtoull(number, &end, 10);
	if (strcmp(end, "kB") != 0)
		return false;
	while (n >= 1024 && unit < 2) {
		n /= 1024;
		unit++;
	}
	return snprintf(ret, size, "%llu%s", n, units[unit]) < (int)size;
}

/* A machine without huge pages has no such directory. */
int
stat_list_page_sizes(struct cgroup_hugetlb_stat **ret, size_t *ret_n)
{
	cleanup_dir DIR *dir = opendir(PAGES_DIR);
	char text[sizeof((*ret)->page_size)];
	struct dirent *dirent;
	void *array = NULL;
	size_t n = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((dirent = readdir(dir))) {
		if (!stat_page_size(dirent->d_name, text, sizeof(text)))
			continue;
		struct cgroup_hugetlb_stat *entry =
		    stat_array_add(&array, &n, sizeof(*entry));
		if (!entry)
			break;
		memcpy(entry->page_size, text, sizeof(text));
	}
	*ret = array;
	*ret_n = n;
	return dirent ? -ENOMEM : 0;
}
