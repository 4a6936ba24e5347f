// stress/worker_cycles.c: small cycles made and dropped, as callbacks, parent links and caches leave them behind.
//
// Nobody asks for a collection: new objects bring them about by the thresholds that every program begins with. Each
// thread has a long-lived structure of its own, thousands of lists that refer to one another, so that there is something
// old for young collections to leave alone. Garbage refers to it; and one cycle of every block is put into a ring in it
// and stays for some blocks, so that cycles die in every generation.
//
// A block makes 36 objects:
//
//     8 pairs    a list that holds a list that holds the first; both refer to the long-lived structure
//     4 knots    a tuple in a list that is in the tuple
//     4 books    a dict with a list that holds the dict
//     1 bond     a list in a host object (it has traverse and clear, and counts its death) that is in the list; goes
//                into the ring, out of which the oldest falls
//     1 pair     or, in one block of 64, a list in a host object with a finalizer, which looks whether both are intact
//
// What a block sees: how many references were where they belong, in the new cycles, and in the one that falls out of
// the ring. What is seen once: that the host objects died, with the numbers that they had, and were finalized once, as
// many as were made. When the automatic collections have not kept up, the process ends with status 1. At the end one full
// collection, which is not measured, must leave nothing.
// operation: one object made
#include "digest.h"
#include "worker_blocks.h"

#include <stdlib.h>

#define PAIRS 8
#define KNOTS 4
#define BOOKS 4
#define BLOCK_OBJECTS (2 * (PAIRS + KNOTS + BOOKS + 2))
#define WITNESS_EVERY 64
#define RING 64
#define LASTING 2000
// Host objects that may be waiting for the collector when the only thread stops: twice what the thresholds let wait.
#define BACKLOG 4000

struct cycles {
	tally_object *bond_type, *witness_type;
	// Written by destructors and finalizers on any thread; relaxed: read after all threads are gone, but for a bound.
	_Atomic uint64_t dead;
	_Atomic uint64_t numbers_dead;
	_Atomic uint64_t witnesses_finalized;
	_Atomic uint64_t witnesses_intact;
};

// The payload of both host types. Owns a reference to a list that owns one to the host object.
struct bond {
	tally_object *list;
	uint64_t number;
	struct cycles *cycles;
};

struct belongings {
	tally_object *lasting; // a list of LASTING lists, each of which holds it and its neighbour
	tally_object *ring;    // a list of RING lists, each in a bond
	tally_object *key;
	uint64_t made; // bonds and witnesses
	uint64_t numbers_made;
	uint64_t witnesses;
	uint64_t blocks;
};

// ---- the host types ----

static void visit_list(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct bond *bond = payload;
	(void)context;
	visit(bond->list, visit_context);
}

static void drop_list(void *payload, void *context)
{
	struct bond *bond = payload;
	tally_object *list = bond->list;
	(void)context;
	bond->list = NULL;
	tally_decref(list);
}

static void bury(void *payload, void *context)
{
	struct bond *bond = payload;
	struct cycles *cycles = context;
	atomic_fetch_add_explicit(&cycles->dead, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cycles->numbers_dead, bond->number, memory_order_relaxed);
	drop_list(payload, context);
}

static bool drop_and_compare(tally_object *found, const tally_object *expected)
{
	tally_decref(found);
	return found == expected;
}

static bool holds(tally_object *list, int64_t index, const tally_object *expected)
{
	return drop_and_compare(worker_need(tally_list_get(list, index), "tally_list_get"), expected);
}

static void testify(tally_object *self, void *payload, void *context)
{
	struct bond *bond = payload;
	struct cycles *cycles = context;
	bool intact = bond->list && holds(bond->list, 0, self);
	atomic_fetch_add_explicit(&cycles->witnesses_finalized, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&cycles->witnesses_intact, intact, memory_order_relaxed);
}

static tally_object *make_type(struct cycles *cycles, const char *name,
                               void (*finalize)(tally_object *, void *, void *))
{
	tally_host_type type = {
		.size = sizeof(type),
		.name = name,
		.payload_size = sizeof(struct bond),
		.dealloc = bury,
		.context = cycles,
		.traverse = visit_list,
		.clear = drop_list,
		.finalize = finalize,
	};
	return worker_need(tally_host_type_new(&type), "tally_host_type_new");
}

static void set_up(struct run *run)
{
	struct cycles *cycles = worker_alloc(1, sizeof(*cycles));
	cycles->bond_type = make_type(cycles, "bond", NULL);
	cycles->witness_type = make_type(cycles, "witness", testify);
	run->shared = cycles;
}

// ---- cycles ----

static tally_object *make_list(tally_object *first)
{
	return worker_need(tally_list_from(&first, 1), "tally_list_from");
}

static void append(tally_object *list, tally_object *item)
{
	worker_check(tally_list_append(list, item), "tally_list_append");
}

static uint64_t leave_pair(tally_object *neighbour)
{
	tally_object *first = make_list(neighbour);
	tally_object *second = make_list(first);
	append(second, neighbour);
	append(first, second);
	uint64_t right = holds(first, 1, second) + holds(second, 0, first) + holds(second, 1, neighbour);
	tally_decref(first);
	tally_decref(second);
	return right;
}

static uint64_t leave_knot(void)
{
	tally_object *list = worker_need(tally_list_new(), "tally_list_new");
	tally_object *tuple = worker_need(tally_tuple_new((tally_object *[]){list, list}, 2), "tally_tuple_new");
	append(list, tuple);
	uint64_t right = holds(list, 0, tuple);
	right += drop_and_compare(worker_need(tally_tuple_get(tuple, 1), "tally_tuple_get"), list);
	tally_decref(list);
	tally_decref(tuple);
	return right;
}

static uint64_t leave_book(tally_object *key)
{
	tally_object *dict = worker_need(tally_dict_new(), "tally_dict_new"), *found = NULL;
	tally_object *list = make_list(dict);
	worker_check(tally_dict_set(dict, key, list), "tally_dict_set");
	worker_check(tally_dict_get(dict, key, &found), "tally_dict_get");
	uint64_t right = drop_and_compare(found, list) + holds(list, 0, dict);
	tally_decref(dict);
	tally_decref(list);
	return right;
}

static struct bond *payload_of(tally_object *host, tally_object *type)
{
	struct bond *bond = tally_host_payload(host, type);
	worker_check(bond ? 0 : -1, "tally_host_payload");
	return bond;
}

// A new host object in a list, and that in the host object; returns the list.
static tally_object *tie(struct belongings *own, tally_object *type)
{
	tally_object *host = worker_need(tally_host_new(type), "tally_host_new");
	struct bond *bond = payload_of(host, type);
	tally_object *list = make_list(host);
	bond->number = own->made++;
	bond->list = tally_incref(list);
	own->numbers_made += bond->number;
	tally_decref(host);
	return list;
}

// Whether a list that was in the ring is still in the bond that is in the list.
static bool is_tied(struct cycles *cycles, tally_object *list)
{
	tally_object *host = worker_need(tally_list_get(list, 0), "tally_list_get");
	bool right = payload_of(host, cycles->bond_type)->list == list;
	tally_decref(host);
	return right;
}

static uint64_t replace_oldest(struct cycles *cycles, struct belongings *own)
{
	int64_t place = (int64_t)(own->blocks % RING);
	tally_object *oldest = worker_need(tally_list_get(own->ring, place), "tally_list_get");
	tally_object *newest = tie(own, cycles->bond_type);
	uint64_t right = is_tied(cycles, oldest);
	worker_check(tally_list_set(own->ring, place, newest), "tally_list_set");
	tally_decref(oldest);
	tally_decref(newest);
	return right;
}

static void leave_witness(struct cycles *cycles, struct belongings *own)
{
	tally_decref(tie(own, cycles->witness_type));
	own->witnesses++;
}

static uint64_t leave_block(struct member *member)
{
	struct cycles *cycles = member->run->shared;
	struct belongings *own = member->own;
	uint64_t right = 0;
	tally_object *neighbour =
		worker_need(tally_list_get(own->lasting, (int64_t)(own->blocks % LASTING)), "tally_list_get");
	for (int i = 0; i < PAIRS; i++) {
		right += leave_pair(neighbour);
	}
	for (int i = 0; i < KNOTS; i++) {
		right += leave_knot();
	}
	for (int i = 0; i < BOOKS; i++) {
		right += leave_book(own->key);
	}
	right += replace_oldest(cycles, own);
	if (own->blocks % WITNESS_EVERY == 0) {
		leave_witness(cycles, own);
		right += 3;
	} else {
		right += leave_pair(neighbour);
	}
	tally_decref(neighbour);
	own->blocks++;
	member->ops += BLOCK_OBJECTS;
	return right;
}

// ---- a thread ----

static void make_lasting(struct belongings *own)
{
	own->lasting = worker_need(tally_list_new(), "tally_list_new");
	tally_object *neighbour = tally_incref(own->lasting);
	for (int i = 0; i < LASTING; i++) {
		tally_object *list = make_list(own->lasting);
		append(list, neighbour);
		append(own->lasting, list);
		tally_decref(neighbour);
		neighbour = list;
	}
	tally_decref(neighbour);
}

static void make_ring(struct cycles *cycles, struct belongings *own)
{
	own->ring = worker_need(tally_list_new(), "tally_list_new");
	for (int i = 0; i < RING; i++) {
		tally_object *list = tie(own, cycles->bond_type);
		append(own->ring, list);
		tally_decref(list);
	}
}

static void make_belongings(struct member *member)
{
	struct belongings *own = worker_alloc(1, sizeof(*own));
	own->key = worker_need(tally_str_from("key"), "tally_str_from");
	make_lasting(own);
	make_ring(member->run->shared, own);
	member->own = own;
}

static void work(struct member *member) { blocks_repeat(member, leave_block); }

// Nearly all that was dropped must be dead, though nobody has asked for a collection yet. With more threads than one a
// collection may be under way on a thread that has no processor just then; the others go on meanwhile, and what they
// leave heaps up without a limit. So there it is enough that there were collections.
static void need_few_waiting(const struct run *run)
{
	struct cycles *cycles = run->shared;
	uint64_t made = 0, held = (uint64_t)run->threads * RING;
	for (unsigned i = 0; i < run->threads; i++) {
		const struct belongings *own = run->members[i].own;
		made += own->made;
	}
	uint64_t alive = made - atomic_load_explicit(&cycles->dead, memory_order_relaxed);
	if (alive <= held + BACKLOG || (run->threads > 1 && run->pauses.count > 0)) {
		return;
	}
	tally_error_set(TALLY_ERROR_VALUE, "%llu host objects alive, at most %llu expected", (unsigned long long)alive,
	                (unsigned long long)held + BACKLOG);
	worker_die("the automatic collections have not kept up");
}

// Nobody works any more. Others give up theirs at the same time: their bonds die later, if at all.
static void give_up(struct member *member)
{
	struct belongings *own = member->own;
	if (member->index == 0) {
		need_few_waiting(member->run);
	}
	tally_decref(own->ring);
	tally_decref(own->lasting);
	tally_decref(own->key);
}

// All differences are zero when everything died, once, and nothing else did.
static void observe(struct run *run)
{
	struct cycles *cycles = run->shared;
	worker_collect();
	uint64_t made = 0, numbers = 0, witnesses = 0;
	for (unsigned i = 0; i < run->threads; i++) {
		struct belongings *own = run->members[i].own;
		made += own->made;
		numbers += own->numbers_made;
		witnesses += own->witnesses;
		free(own);
	}
	uint64_t finalized = atomic_load_explicit(&cycles->witnesses_finalized, memory_order_relaxed);
	uint64_t seen = made - atomic_load_explicit(&cycles->dead, memory_order_relaxed);
	seen = digest_number(seen, numbers - atomic_load_explicit(&cycles->numbers_dead, memory_order_relaxed));
	seen = digest_number(seen, witnesses - finalized);
	seen = digest_number(seen, finalized - atomic_load_explicit(&cycles->witnesses_intact, memory_order_relaxed));
	run->digest = blocks_digest(run, seen);
	tally_decref(cycles->bond_type);
	tally_decref(cycles->witness_type);
	free(cycles);
}

const struct workload worker_cycles[] = {
	{"cycles", set_up, make_belongings, work, give_up, observe, true},
	{.name = NULL},
};
