// tests/nodes.h: what the tests of the collector share: host objects that refer to others, and garbage to be found.
//
// A node is a host object with a number and a few references. Its type has those of the four functions that `flags` asks
// for; what was called on which number is noted in node_seen, for numbers below NODE_IDS, and summed in node_total.
//
// Automatic collection is off unless a test switches it on: a test says when it wants a collection.
#ifndef TALLY_TESTS_NODES_H
#define TALLY_TESTS_NODES_H

#include "fixture.h"

#include <tally/gc.h>

enum { NODE_LINKS = 4, NODE_IDS = 4096 };

struct node {
	int id;
	tally_object *link[NODE_LINKS];
};

enum {
	NODE_DEALLOC = 1,
	NODE_TRAVERSE = 2,
	NODE_CLEAR = 4,
	NODE_FINALIZE = 8,
	NODE_PLAIN = NODE_DEALLOC | NODE_TRAVERSE | NODE_CLEAR,
	NODE_WHOLE = NODE_PLAIN | NODE_FINALIZE,
};

struct node_calls {
	atomic_uint dealloc, clear, finalize;
};
static struct node_calls node_seen[NODE_IDS], node_total;
static void (*node_on_finalize)(tally_object *self, struct node *node); // the test's own; may be NULL

static inline void nodes_forget(void)
{
	memset(node_seen, 0, sizeof node_seen);
	memset(&node_total, 0, sizeof node_total);
	node_on_finalize = NULL;
}

// ---- the four functions ----

static inline bool node_is_counted(const struct node *node) { return node->id >= 0 && node->id < NODE_IDS; }

// Takes each reference out before it drops it. From the last to the first, as the library's containers do.
static inline void node_unlink(struct node *node)
{
	for (int i = NODE_LINKS; i > 0; i--) {
		tally_object *referent = node->link[i - 1];
		node->link[i - 1] = NULL;
		tally_decref(referent);
	}
}

static inline void node_dies(void *payload, void *context)
{
	struct node *node = payload;
	CHECK_PTR(context, node_seen);
	atomic_fetch_add(&node_total.dealloc, 1);
	if (node_is_counted(node)) atomic_fetch_add(&node_seen[node->id].dealloc, 1);
	node_unlink(node);
}

static inline void node_clears(void *payload, void *context)
{
	struct node *node = payload;
	CHECK_PTR(context, node_seen);
	atomic_fetch_add(&node_total.clear, 1);
	if (node_is_counted(node)) atomic_fetch_add(&node_seen[node->id].clear, 1);
	node_unlink(node);
}

static inline void node_is_traversed(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct node *node = payload;
	if (context != node_seen) tap_bail_out("a traverse got the wrong context");
	for (int i = 0; i < NODE_LINKS; i++) visit(node->link[i], visit_context); // NULL is allowed
}

static inline void node_is_finalized(tally_object *self, void *payload, void *context)
{
	struct node *node = payload;
	CHECK_PTR(context, node_seen);
	atomic_fetch_add(&node_total.finalize, 1);
	if (node_is_counted(node)) atomic_fetch_add(&node_seen[node->id].finalize, 1);
	if (node_on_finalize) node_on_finalize(self, node);
}

static inline tally_object *node_type(unsigned flags)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "node",
		.payload_size = sizeof(struct node),
		.dealloc = flags & NODE_DEALLOC ? node_dies : NULL,
		.traverse = flags & NODE_TRAVERSE ? node_is_traversed : NULL,
		.clear = flags & NODE_CLEAR ? node_clears : NULL,
		.finalize = flags & NODE_FINALIZE ? node_is_finalized : NULL,
		.context = node_seen,
	};
	return must(tally_host_type_new(&description));
}

// ---- making and linking ----

static inline tally_object *node_new(tally_object *type, int id)
{
	tally_object *object = must(tally_host_new(type));
	((struct node *)tally_host_payload(object, type))->id = id;
	return object;
}

static inline struct node *node_of(tally_object *object)
{
	struct node *node = tally_host_payload(object, tally_type_of(object));
	if (!node) tap_bail_out(tally_error_message());
	return node;
}

static inline void node_link(tally_object *from, int link, tally_object *to)
{
	tally_object *former = node_of(from)->link[link];
	node_of(from)->link[link] = tally_incref(to);
	tally_decref(former);
}

static inline void push(tally_object *list, tally_object *object)
{
	if (tally_list_append(list, object)) tap_bail_out(tally_error_message());
}

// The same, and gives the caller's reference up.
static inline void push_own(tally_object *list, tally_object *object)
{
	push(list, object);
	tally_decref(object);
}

static inline void put(tally_object *dict, tally_object *key, tally_object *value)
{
	if (tally_dict_set(dict, key, value)) tap_bail_out(tally_error_message());
}

static inline tally_object *list_in_itself(void)
{
	tally_object *list = must(tally_list_new());
	push(list, list);
	return list;
}

// A list that refers to a list ... that refers to the first, which is returned.
static inline tally_object *ring_of_lists(size_t length)
{
	tally_object *first = must(tally_list_new()), *last = first;
	for (size_t i = 1; i < length; i++) {
		tally_object *list = must(tally_list_new());
		push_own(last, list);
		last = list;
	}
	push(last, first);
	return first;
}

// The same of nodes, by their link 0. Their numbers go from first_id.
static inline tally_object *ring_of_nodes(tally_object *type, int first_id, int length)
{
	tally_object *first = node_new(type, first_id), *last = first;
	for (int i = 1; i < length; i++) {
		tally_object *node = node_new(type, first_id + i);
		node_link(last, 0, node);
		tally_decref(node);
		last = node;
	}
	node_link(last, 0, first);
	return first;
}

static inline void drop_lists_in_themselves(size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(list_in_itself());
}

// ---- what the collector says ----

static inline tally_gc_stats stats_of(int generation)
{
	tally_gc_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_gc_get_stats(generation, &stats), 0);
	return stats;
}

static inline uint64_t collections(void)
{
	return stats_of(0).collections + stats_of(1).collections + stats_of(2).collections;
}

static inline uint64_t tracked_objects(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.tracked_objects;
}

static inline void set_thresholds(uint32_t first, uint32_t second, uint32_t third)
{
	tally_gc_set_threshold((const uint32_t[]){first, second, third});
}

// ---- the fixture ----

static inline void nodes_start(void)
{
	fixture_start();
	tally_gc_disable();
	nodes_forget();
}

static inline void nodes_begin(unsigned seconds)
{
	fixture_begin(seconds);
	tap_before_each(nodes_start);
}

#endif
