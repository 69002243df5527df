/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CGROUPS_STATS_INTERNAL_H
#define CGROUPS_STATS_INTERNAL_H

/*
 * Reading the kinds of files that both versions of cgroups are made of.
 */
#include <stddef.h>
#include <stdint.h>

#include "cgroups/stats.h"

/*
 * Reads files of one directory, one after another, into one buffer, which grows
 * to the largest of them.
 */
struct stat_reader {
	int dir; /* owned */
	char *text;
	size_t size;
};
#define STAT_READER_INIT                                                       \
	{                                                                      \
		.dir = -1                                                      \
	}

/* Goes to another directory. -ENOENT when it is gone. */
int stat_reader_enter(struct stat_reader *reader, const char *dir);
void stat_reader_done(struct stat_reader *reader);

#define cleanup_stat_reader __attribute__((cleanup(stat_reader_done)))

/*
 * Reads a whole file; reader->text is its text until the next one. A file of a
 * cgroup that was removed meanwhile is -ENOENT.
 */
int stat_read(struct stat_reader *reader, const char *name);

/* Its first number. A negative one is 0, "max" is UINT64_MAX. */
int stat_read_value(
    struct stat_reader *reader, const char *name, uint64_t *ret);
uint64_t stat_parse_value(const char *text);

/* "<key> <value>" in each line: keys to be found and where their values go. */
struct stat_key {
	const char *name;
	size_t offset; /* of a uint64_t in ret */
};
#define STAT_KEYS(keys) (keys), sizeof(keys) / sizeof(*(keys))

void stat_parse_keys(
    const char *text, const struct stat_key *keys, size_t n_keys, void *ret);
int stat_read_keys(struct stat_reader *reader, const char *name,
    const struct stat_key *keys, size_t n_keys, void *ret);

/* Cuts the next line off *cursor; NULL at the end. */
char *stat_next_line(char **cursor);
/* Likewise the next word; empty words are skipped. */
char *stat_next_word(char **cursor);

/* Adds a zeroed element to an array of n of them; NULL without memory. */
void *stat_array_add(void **array, size_t *n, size_t element_size);

/* Both versions have these files alike. */
int stat_read_rdma(struct stat_reader *reader, struct cgroup_rdma_stat *ret);
void stat_rdma_done(struct cgroup_rdma_stat *rdma);

/*
 * Which sizes of huge pages the machine has: an array of entries with nothing
 * but their page_size.
 */
int stat_list_page_sizes(struct cgroup_hugetlb_stat **ret, size_t *ret_n);
/* From "hugepages-2048kB" to "2MB"; false for another name. */
bool stat_page_size(const char *name, char *ret, size_t size);

#endif
