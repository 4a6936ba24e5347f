// stress/worker_shared.c: all threads at one object.
//
// The main thread makes the object and then waits in a blocking region, as the main thread of a server does, so
// every thread of the team is a foreigner to it, the only one of a one-thread run too. This is the row that no system
// does well: every incref of every thread writes the same cache line, unless nothing is counted at all.
//
//     shared-count   an incref and a decref of one object        operation: the pair
//     shared-list    get of an element of one list, and its drop  operation: the get
#include "worker_blocks.h"

#include <stdlib.h>

#define PAIRS 256
#define ITEMS 64
#define PASSES 4

struct common {
	tally_object *items[ITEMS];
	tally_object *list;
};

static void make_common(struct run *run)
{
	struct common *common = worker_alloc(1, sizeof(*common));
	for (int i = 0; i < ITEMS; i++) {
		common->items[i] = worker_need(tally_int_new(1000000 + i), "tally_int_new");
	}
	common->list = worker_need(tally_list_from(common->items, ITEMS), "tally_list_from");
	run->shared = common;
}

static void own_nothing(struct member *member) { (void)member; }

// Sees that an object of which somebody else has a reference too is not unique.
static uint64_t count_block(struct member *member)
{
	struct common *common = member->run->shared;
	tally_object *object = common->list;
	for (int i = 0; i < PAIRS; i++) {
		tally_incref(object);
		tally_decref(object);
	}
	tally_incref(object);
	uint64_t shared = !tally_is_unique(object);
	tally_decref(object);
	worker_check(tally_safepoint(), "tally_safepoint");
	member->ops += PAIRS + 1;
	return shared;
}

// Sees how many elements were found where they belong.
static uint64_t list_block(struct member *member)
{
	struct common *common = member->run->shared;
	uint64_t right = 0;
	for (int i = 0; i < PASSES * ITEMS; i++) {
		tally_object *item = worker_need(tally_list_get(common->list, i % ITEMS), "tally_list_get");
		right += item == common->items[i % ITEMS];
		tally_decref(item);
	}
	member->ops += PASSES * ITEMS;
	return right;
}

static void count(struct member *member) { blocks_repeat(member, count_block); }
static void list(struct member *member) { blocks_repeat(member, list_block); }

// With everybody gone the counts must be what they were: one for the list, two for what it holds.
static void observe_and_drop(struct run *run)
{
	struct common *common = run->shared;
	uint64_t counts = tally_refcount(common->list);
	for (int i = 0; i < ITEMS; i++) {
		counts = counts * 3 + tally_refcount(common->items[i]);
		tally_decref(common->items[i]);
	}
	tally_decref(common->list);
	free(common);
	run->digest = blocks_digest(run, counts);
}

#define SHARED(row, does) {"shared-" row, make_common, own_nothing, does, own_nothing, observe_and_drop, true}

const struct workload worker_shared[] = {
	SHARED("count", count),
	SHARED("list", list),
	{.name = NULL},
};
