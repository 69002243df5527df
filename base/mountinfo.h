/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MOUNTINFO_H
#define BASE_MOUNTINFO_H

/*
 * The mounts of this process's mount namespace, as the kernel lists them.
 */
#include <stddef.h>

/* One mount. The strings are unescaped and belong to the table. */
struct mountinfo_entry {
	const char *root;        /* of the mount, inside its filesystem */
	const char *mount_point; /* as seen from our root directory */
	const char *fs_type;
	const char *super_options; /* comma list */
};

struct mountinfo {
	struct mountinfo_entry *entries; /* in the kernel's order */
	size_t n;
	char *text; /* what the entries point into */
};

/*
 * Fills *ret; lines that are not as proc(5) says are left out. mountinfo_done()
 * afterwards. Returns 0 or -errno, and *ret is untouched on failure.
 */
int mountinfo_read(struct mountinfo *ret);

/* The same from text, which is handed over: it is freed also on failure. */
int mountinfo_parse_consume(char *text, struct mountinfo *ret);

/* Safe on an empty struct, and more than once. */
void mountinfo_done(struct mountinfo *table);

#define cleanup_mountinfo __attribute__((cleanup(mountinfo_done)))

#endif
