/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to Delete that may be asked for again.
 */
#include "shim/tombstone.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct tombstone {
	struct list link;
	struct exit_status exit;
	char *exec_id; /* within names */
	char names[];  /* id, NUL, exec_id, NUL */
};

void
tombstones_init(struct tombstones *t)
{
	list_init(&t->stones);
	t->n = 0;
}

static void
stone_free(struct tombstones *t, struct tombstone *stone)
{
	list_del(&stone->link);
	t->n--;
	free(stone);
}

void
tombstones_done(struct tombstones *t)
{
	list_for_each(l, tmp, &t->stones)
	{
		stone_free(t, list_entry(l, struct tombstone, link));
	}
}

void
tombstones_add(struct tombstones *t, const char *id, const char *exec_id,
    const struct exit_status *exit)
{
	size_t id_size = strlen(id) + 1, exec_size = strlen(exec_id) + 1;
	struct tombstone *stone = malloc(sizeof(*stone) + id_size + exec_size);

	if (!stone)
		return;
	stone->exit = *exit;
	stone->exec_id = stone->names + id_size;
	memcpy(stone->names, id, id_size);
	memcpy(stone->exec_id, exec_id, exec_size);
	list_add_tail(&t->stones, &stone->link);
	if (++t->n > TOMBSTONES_MAX)
		stone_free(
		    t, list_entry(t->stones.next, struct tombstone, link));
}

static bool
stone_is(const struct tombstone *stone, const char *id, const char *exec_id)
{
	return strcmp(stone->names, id) == 0 &&
	       (!exec_id || strcmp(stone->exec_id, exec_id) == 0);
}

const struct exit_status *
tombstones_find(const struct tombstones *t, const char *id, const char *exec_id)
{
	list_for_each(l, tmp, &t->stones)
	{
		struct tombstone *stone = list_entry(l, struct tombstone, link);
		if (stone_is(stone, id, exec_id))
			return &stone->exit;
	}
	return NULL;
}

void
tombstones_drop(struct tombstones *t, const char *id, const char *exec_id)
{
	list_for_each(l, tmp, &t->stones)
	{
		struct tombstone *stone = list_entry(l, struct tombstone, link);
		if (stone_is(stone, id, exec_id))
			stone_free(t, stone);
	}
}
