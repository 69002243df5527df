/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publish queue. Invariants:
 *
 * - Events leave in the order they came: the head of the list is the only one
 *   that is ever sent, and it stays the head until it is acknowledged or
 *   refused.
 * - Nothing is sent, freed or reported from inside a reply function or from
 *   publisher_push(): both only arm the pump, a timer event. So the client can
 *   be replaced there, and the caller may free the publisher from on_empty.
 * - An event that was on the wire once is never merged away, for containerd may
 *   have seen it.
 *
 * containerd fans events out in the order in which Forward calls are processed,
 * hence one call at a time. Its refusals of an event are INVALID_ARGUMENT; its
 * ttrpc server adds INTERNAL for a body that it cannot decode.
 */
#include "ipc/publish.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "ipc/client.h"
#include "ipc/frame.h"
#include "ipc/message.h"
#include "ipc/proto/forward.pb.h"
#include "ipc/timestamp.h"

#define SERVICE "containerd.services.events.ttrpc.v1.Events"
#define METHOD  "Forward"

typedef containerd_services_events_ttrpc_v1_ForwardRequest forward_request;
#define FORWARD_FIELDS containerd_services_events_ttrpc_v1_ForwardRequest_fields

/* Room that the ttrpc request around an envelope may take in its frame. */
#define REQUEST_OVERHEAD 4096

/* One allocation: the strings and the encoded envelope lie behind it. */
struct item {
	struct list link;
	enum publish_class class;
	bool sent;   /* was on the wire at least once */
	bool repeat; /* that a second copy may arrive has been logged */
	size_t len;
	uint8_t *envelope;
	const char *id, *topic;
	char data[];
};

enum state {
	IDLE,    /* nothing queued, or nobody told yet */
	ARMED,   /* the pump will run: at once, or after a backoff */
	CALLING, /* the head is on its way */
};

struct publisher {
	struct event_base *base;
	int priority;
	char *address; /* NULL: nobody listens */
	char *ns;
	struct publish_limits limits;
	struct event *pump;
	struct ttrpc_client *client;
	bool distrust; /* the client is to be replaced before the next call */
	bool closing;
	enum state state;
	int64_t backoff_ns; /* 0 after a success */
	struct list items;
	size_t queued;
	uint64_t dropped;
	publisher_empty_fn *empty;
	void *empty_arg;
};

static void
arm(struct publisher *p, int64_t delay_ns)
{
	struct timeval tv = clock_timeval(delay_ns);

	p->state = ARMED;
	/* Without memory for a timer: rather too early than never. */
	if (event_add(p->pump, &tv) < 0)
		event_active(p->pump, EV_TIMEOUT, 0);
}

static struct item *
head(const struct publisher *p)
{
	return list_entry(p->items.next, struct item, link);
}

static void
item_remove(struct publisher *p, struct item *item)
{
	list_del(&item->link);
	p->queued--;
	free(item);
}

/* ---- sending ---- */

static void
retry(struct publisher *p, const struct err *err)
{
	int64_t delay =
	    p->backoff_ns ? p->backoff_ns * 2 : p->limits.retry_min_ns;

	if (delay > p->limits.retry_max_ns)
		delay = p->limits.retry_max_ns;
	p->backoff_ns = delay;
	log_debug("publish: %s, %zu waiting, again in %lld ms", err->msg,
	    p->queued, (long long)(delay / NSEC_PER_MSEC));
	arm(p, delay);
}

/* True if sending the same bytes again can only give the same answer. */
static bool
refused(const struct err *err)
{
	return err->code == ERR_INVALID_ARGUMENT ||
	       (err->code == ERR_INTERNAL && strstr(err->msg, "unmarshal"));
}

static void
drop_refused(struct publisher *p, const struct err *err)
{
	log_task(LOG_LEVEL_WARN, head(p)->id, NULL,
	    "event %s refused by containerd, dropping: %s", head(p)->topic,
	    err->msg);
	p->dropped++;
	item_remove(p, head(p));
}

/*
 * After a timeout the connection is given up, too: calls that nobody reads
 * would otherwise pile up on it for as long as containerd is stopped.
 */
static void
call_failed(struct publisher *p, const struct err *err)
{
	struct item *item = head(p);

	if (refused(err)) {
		p->backoff_ns = 0;
		drop_refused(p, err);
		arm(p, 0);
		return;
	}
	if (!item->repeat) {
		item->repeat = true;
		log_task(LOG_LEVEL_WARN, item->id, NULL,
		    "event %s not acknowledged, sending again, containerd may see it twice: %s",
		    item->topic, err->msg);
	}
	p->distrust = err->code == ERR_DEADLINE_EXCEEDED;
	retry(p, err);
}

static void
on_reply(const struct err *err, const uint8_t *payload, size_t len, void *arg)
{
	struct publisher *p = arg;

	(void)payload;
	(void)len;
	if (p->closing)
		return;
	if (err) {
		call_failed(p, err);
		return;
	}
	p->backoff_ns = 0;
	item_remove(p, head(p));
	arm(p, 0);
}

static int
ensure_client(struct publisher *p, struct err *err)
{
	if (p->client && (p->distrust || !ttrpc_client_alive(p->client))) {
		ttrpc_client_free(p->client);
		p->client = NULL;
	}
	p->distrust = false;
	if (p->client)
		return 0;
	return ttrpc_client_connect(
	    p->base, p->priority, p->address, &p->client, err);
}

static void
send_head(struct publisher *p)
{
	struct item *item = head(p);
	struct err err;

	int r = ensure_client(p, &err);
	if (r < 0) {
		retry(p, &err);
		return;
	}
	r = ttrpc_client_call(p->client, SERVICE, METHOD, p->ns, item->envelope,
	    item->len, p->limits.call_timeout_ns, on_reply, p, &err);
	if (r < 0) {
		p->distrust = true;
		retry(p, &err);
		return;
	}
	item->sent = true;
	p->state = CALLING;
}

static void
on_pump(evutil_socket_t fd, short what, void *arg)
{
	struct publisher *p = arg;

	(void)fd;
	(void)what;
	if (!list_empty(&p->items)) {
		send_head(p);
		return;
	}
	p->state = IDLE;
	if (p->empty)
		p->empty(p->empty_arg); /* may have freed the publisher */
}

/* ---- queueing ---- */

/* The last event for this container that waits unsent and is of one of these
 * classes. */
static struct item *
find_waiting(struct publisher *p, const char *id, enum publish_class a,
    enum publish_class b)
{
	for (struct list *l = p->items.prev; l != &p->items; l = l->prev) {
		struct item *item = list_entry(l, struct item, link);

		if (!item->sent && (item->class == a || item->class == b) &&
		    strcmp(item->id, id) == 0)
			return item;
	}
	return NULL;
}

/* True if an event is not to be queued, since one that waits makes it void. */
static bool
merge(struct publisher *p, enum publish_class class, const char *id)
{
	struct item *other;

	switch (class) {
	case PUBLISH_KEEP:
	case PUBLISH_PAUSED:
		return false;
	case PUBLISH_OOM:
		if (!find_waiting(p, id, PUBLISH_OOM, PUBLISH_OOM))
			return false;
		p->dropped++;
		return true;
	case PUBLISH_RESUMED:
		other = find_waiting(p, id, PUBLISH_PAUSED, PUBLISH_RESUMED);
		if (!other || other->class != PUBLISH_PAUSED)
			return false;
		item_remove(p, other);
		p->dropped += 2;
		return true;
	}
	return false;
}

/* The envelope is left to be written. */
static struct item *
item_new(enum publish_class class, const char *id, const char *topic,
    size_t envelope_len)
{
	size_t id_size = strlen(id) + 1, topic_size = strlen(topic) + 1;
	struct item *item =
	    malloc(sizeof(*item) + id_size + topic_size + envelope_len);

	if (!item)
		return NULL;
	*item = (struct item){ .class = class,
		.len = envelope_len,
		.id = item->data,
		.topic = item->data + id_size,
		.envelope = (uint8_t *)item->data + id_size + topic_size };
	memcpy(item->data, id, id_size);
	memcpy(item->data + id_size, topic, topic_size);
	return item;
}

/* A frame could not hold it, so that it would be refused for ever. */
static void
drop_oversized(
    struct publisher *p, const char *id, const char *topic, size_t len)
{
	log_task(LOG_LEVEL_WARN, id, NULL,
	    "event %s of %zu bytes is too large to be sent, dropping", topic,
	    len);
	p->dropped++;
}

static int
enqueue(struct publisher *p, enum publish_class class, const char *id,
    const forward_request *msg, struct err *err)
{
	size_t len = 0;

	int r = message_size(FORWARD_FIELDS, msg, &len, err);
	if (r < 0)
		return r;
	if (len > TTRPC_PAYLOAD_MAX - REQUEST_OVERHEAD) {
		drop_oversized(p, id, message_str(msg->envelope.topic), len);
		return 0;
	}
	cleanup_free struct item *item =
	    item_new(class, id, message_str(msg->envelope.topic), len);
	if (!item)
		return err_set_errno(err, ENOMEM, "queue event");
	r = message_encode_into(FORWARD_FIELDS, msg, item->envelope, len, err);
	if (r < 0)
		return r;
	list_add_tail(&p->items, &take_ptr(item)->link);
	p->queued++;
	if (p->state == IDLE)
		arm(p, 0);
	return 0;
}

int
publisher_push(struct publisher *p, enum publish_class class, const char *id,
    const char *topic, const char *type_url, const uint8_t *body, size_t len,
    struct err *err)
{
	forward_request msg = { .has_envelope = true,
		.envelope = { .has_timestamp = true,
		    .timestamp = timestamp_from_ns(clock_realtime_ns()),
		    .namespace = message_borrow(p->ns),
		    .topic = message_borrow(topic),
		    .has_event = true,
		    .event = { .type_url = message_borrow(type_url),
			.value = message_borrow_bytes(body, len) } } };

	if (!p->address) {
		p->dropped++;
		return 0;
	}
	if (p->queued >= p->limits.droppable_max && merge(p, class, id))
		return 0;
	return enqueue(p, class, id, &msg, err);
}

/* ---- life ---- */

int
publisher_new(struct event_base *base, int priority, const char *address,
    const char *ns, const struct publish_limits *limits, struct publisher **ret,
    struct err *err)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set_errno(err, ENOMEM, "publisher");
	list_init(&p->items);
	p->base = base;
	p->priority = priority;
	p->limits = *limits;
	p->ns = strdup(ns);
	if (address && *address)
		p->address = strdup(address);
	p->pump = event_new(base, -1, 0, on_pump, p);
	if (!p->ns || !p->pump || (address && *address && !p->address)) {
		publisher_free(p);
		return err_set_errno(err, ENOMEM, "publisher");
	}
	if (event_priority_set(p->pump, priority) < 0) {
		publisher_free(p);
		return err_set_errno(err, EINVAL, "publisher priority");
	}
	*ret = p;
	return 0;
}

void
publisher_free(struct publisher *p)
{
	if (!p)
		return;
	p->closing = true; /* for the reply to the call in flight */
	ttrpc_client_free(p->client);
	if (p->pump)
		event_free(p->pump);
	while (!list_empty(&p->items))
		item_remove(p, head(p));
	free(p->address);
	free(p->ns);
	free(p);
}

size_t
publisher_queued(const struct publisher *p)
{
	return p->queued;
}

uint64_t
publisher_dropped(const struct publisher *p)
{
	return p->dropped;
}

void
publisher_on_empty(struct publisher *p, publisher_empty_fn *fn, void *arg)
{
	p->empty = fn;
	p->empty_arg = arg;
}
