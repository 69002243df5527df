/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

/*
 * Intrusive doubly linked ring. A head is a struct list that points at itself
 * when empty; list_init() is needed before first use of head and links.
 * glibc's <sys/queue.h> has no iterator that survives removal of the current
 * element, which an event loop needs all the time.
 */
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

static inline void
list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool
list_empty(const struct list *l)
{
	return l->next == l;
}

/* Puts l before head, that is at the end of the ring. */
static inline void
list_add_tail(struct list *head, struct list *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* Puts l right after head, that is at the front of the ring. */
static inline void
list_add_head(struct list *head, struct list *l)
{
	list_add_tail(head->next, l);
}

/* Takes l out of its ring; harmless when it is in none. */
static inline void
list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#define list_entry(ptr, type, member)                                          \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* The current element may be removed; no other one may. */
#define list_for_each(pos, tmp, head)                                          \
	for (struct list *pos = (head)->next, *tmp = pos->next; pos != (head); \
	     pos = tmp, tmp = pos->next)

#endif
