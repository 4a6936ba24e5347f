// stress/worker_handoff.c: producers allocate, consumers drop.
//
// The pattern of every pipeline, and the one in which owner-biased counts and thread-owned pages have the most to
// lose: each object dies on a thread that did not make it. Producers fill batches of 64 objects and put them into a
// bounded ring, consumers take batches and drop their objects one by one. One thread does both ends in turn; of more
// threads the first half, rounded up, produces.
//
// A batch is 63 2-tuples of immortal ints, and a ticket: a host object whose destructor counts its death and adds up the
// tickets' numbers. What is observed: one tuple of each batch (another place each time) holds its place's number;
// the batches, the tickets' deaths and their numbers add up on both sides.
// operation: one object made, handed over and dropped
#include "digest.h"
#include "worker_ring.h"
#include "worker.h"

#include <stdlib.h>

#define TUPLES (RING_BATCH - 1)

struct handoff {
	struct ring ring;
	unsigned producers;
	tally_object *ticket_type;
	tally_object *places[TUPLES]; // small ints, immortal: the row is about the tuples that travel, not about their items
	// Written by destructors on any thread; relaxed: read after all threads are gone.
	_Atomic uint64_t tickets_dead;
	_Atomic uint64_t numbers_dead;
};

struct ticket {
	uint64_t number;
};

// What one member did; read after it is gone.
struct books {
	uint64_t made; // batches
	uint64_t numbers_made;
	uint64_t taken;
	uint64_t right; // batches whose tuple looked as it should
};

static void bury(void *payload, void *context)
{
	struct ticket *ticket = payload;
	struct handoff *handoff = context;
	atomic_fetch_add_explicit(&handoff->tickets_dead, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&handoff->numbers_dead, ticket->number, memory_order_relaxed);
}

static void set_up(struct run *run)
{
	struct handoff *handoff = worker_alloc(1, sizeof(*handoff));
	handoff->producers = (run->threads + 1) / 2;
	ring_init(&handoff->ring, handoff->producers);
	tally_host_type type = {
		.size = sizeof(type),
		.name = "ticket",
		.payload_size = sizeof(struct ticket),
		.dealloc = bury,
		.context = handoff,
	};
	handoff->ticket_type = worker_need(tally_host_type_new(&type), "tally_host_type_new");
	for (int i = 0; i < TUPLES; i++) {
		handoff->places[i] = worker_need(tally_int_new(i), "tally_int_new");
		worker_check(tally_immortalize(handoff->places[i]), "tally_immortalize");
	}
	run->shared = handoff;
}

static void open_books(struct member *member) { member->own = worker_alloc(1, sizeof(struct books)); }

static tally_object *make_ticket(struct handoff *handoff, uint64_t number)
{
	tally_object *object = worker_need(tally_host_new(handoff->ticket_type), "tally_host_new");
	struct ticket *ticket = tally_host_payload(object, handoff->ticket_type);
	worker_check(ticket ? 0 : -1, "tally_host_payload");
	ticket->number = number;
	return object;
}

static void produce(struct member *member)
{
	struct handoff *handoff = member->run->shared;
	struct books *books = member->own;
	struct ring_batch batch;
	for (int i = 0; i < TUPLES; i++) {
		tally_object *pair[2] = {handoff->places[i], handoff->places[TUPLES - 1 - i]};
		batch.objects[i] = worker_need(tally_tuple_new(pair, 2), "tally_tuple_new");
	}
	books->made++;
	books->numbers_made += books->made;
	batch.objects[TUPLES] = make_ticket(handoff, books->made);
	ring_put(&handoff->ring, &batch);
}

static bool is_right(tally_object *tuple, uint64_t place)
{
	int64_t value = -1;
	tally_object *item = worker_need(tally_tuple_get(tuple, 0), "tally_tuple_get");
	worker_check(tally_int_value(item, &value), "tally_int_value");
	tally_decref(item);
	return value == (int64_t)place;
}

// False when there is nothing more to take.
static bool consume(struct member *member)
{
	struct handoff *handoff = member->run->shared;
	struct books *books = member->own;
	struct ring_batch batch;
	if (!ring_take(&handoff->ring, &batch)) {
		return false;
	}
	uint64_t place = books->taken % TUPLES;
	books->taken++;
	books->right += is_right(batch.objects[place], place);
	for (int i = 0; i < RING_BATCH; i++) {
		tally_decref(batch.objects[i]);
	}
	member->ops += RING_BATCH;
	return true;
}

static void work_alone(struct member *member)
{
	do {
		produce(member);
		consume(member);
	} while (team_goes_on(member->run));
}

static void work(struct member *member)
{
	struct handoff *handoff = member->run->shared;
	if (member->run->threads == 1) {
		work_alone(member);
		return;
	}
	if (member->index < handoff->producers) {
		do {
			produce(member);
		} while (team_goes_on(member->run));
		ring_leave(&handoff->ring);
		return;
	}
	while (consume(member)) {
	}
}

static void keep_books(struct member *member) { (void)member; }

// All differences are zero when nothing was lost, doubled or mixed up.
static void observe_and_drop(struct run *run)
{
	struct handoff *handoff = run->shared;
	struct books sum = {0};
	for (unsigned i = 0; i < run->threads; i++) {
		struct books *books = run->members[i].own;
		sum.made += books->made;
		sum.numbers_made += books->numbers_made;
		sum.taken += books->taken;
		sum.right += books->right;
		free(books);
	}
	sum.right -= run->plant == PLANT_DIGEST;
	uint64_t dead = atomic_load_explicit(&handoff->tickets_dead, memory_order_relaxed);
	uint64_t numbers = atomic_load_explicit(&handoff->numbers_dead, memory_order_relaxed);
	uint64_t digest = digest_number(DIGEST_START, sum.made - sum.taken);
	digest = digest_number(digest, sum.taken - sum.right);
	digest = digest_number(digest, sum.made - dead);
	run->digest = digest_number(digest, sum.numbers_made - numbers);
	tally_decref(handoff->ticket_type);
	ring_fini(&handoff->ring);
	free(handoff);
}

const struct workload worker_handoff[] = {
	{"handoff", set_up, open_books, work, keep_books, observe_and_drop, true},
	{.name = NULL},
};
