// tests/spread.c: objects that each thread counts for itself: no count is lost, nothing dies early, everything dies in the full
// collection that finds it.
//
// Only `biased` spreads. In the other builds spreading does nothing and objects die as ever; the tests are the same, and
// settle() says when a death is due. Automatic collection is off.
#include "nodes.h"
#include "turns.h"

#include <tally/check.h>

enum { THREADS = 8 };

static bool spreads(void) { return strcmp(tally_variant(), "biased") == 0; }

static void spread(tally_object *object)
{
	CHECK_EQ(tally_spread(object), 0);
	CHECK_EQ(tally_is_spread(object), spreads());
}

// Drops that wait for their owner are done after this. What was found by a full collection: `dead` spread objects where there
// are any, and `others`.
static void settle(int64_t dead, int64_t others)
{
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(tally_gc_collect(2), (spreads() ? dead : 0) + others);
}

static tally_object *spread_probe(void)
{
	tally_object *object = probe(fixture_probe_type(), 0);
	spread(object);
	return object;
}

static unsigned dead(void) { return atomic_load(&fixture_dead); }

// The last reference has been dropped.
static void check_dies_in_the_next_full_collection(void)
{
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(dead(), spreads() ? 0 : 1);
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_EQ(dead(), spreads() ? 0 : 1);
	settle(1, 0);
	CHECK_EQ(dead(), 1);
	settle(0, 0);
	CHECK_EQ(dead(), 1);
}

static bool offers_faults(void)
{
	bool offers = tally_heap_fail(0, false) == 0;
	tally_error_clear();
	return offers;
}

// ---- one thread ----

static void a_spread_object_has_as_many_references_as_before(void)
{
	tally_object *object = probe(fixture_probe_type(), 0);
	CHECK(!tally_is_spread(object));
	for (int i = 0; i < 9; i++) tally_incref(object);
	spread(object);
	CHECK_EQ(tally_refcount(object), 10);
	for (int i = 0; i < 70000; i++) tally_incref(object);
	CHECK_EQ(tally_refcount(object), 70010);
	for (int i = 0; i < 70009; i++) tally_decref(object);
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_EQ(tally_is_unique(object), !spreads()); // nobody can prove it
	CHECK_STR(tally_type_name(object), "probe");
	CHECK_EQ(dead(), 0);
	settle(0, 0);
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

static void spreading_twice_is_spreading_once(void)
{
	tally_object *object = spread_probe();
	tally_incref(object);
	spread(object);
	CHECK_EQ(tally_refcount(object), 2);
	tally_decref(object);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

static void an_immortal_object_stays_immortal(void)
{
	tally_object *object = probe(fixture_probe_type(), 0);
	CHECK_EQ(tally_immortalize(object), 0);
	CHECK_EQ(tally_spread(object), 0);
	CHECK(!tally_is_spread(object));
	CHECK_EQ(tally_refcount(object), UINT32_MAX);
	CHECK_EQ(tally_spread(tally_none()), 0);
	CHECK(!tally_is_spread(tally_none()));
}

static void a_spread_object_can_be_immortalized(void)
{
	tally_object *object = spread_probe();
	CHECK_EQ(tally_immortalize(object), 0);
	CHECK(!tally_is_spread(object));
	CHECK_EQ(tally_refcount(object), UINT32_MAX);
	tally_decref(object);
	tally_decref(object);
	settle(0, 0);
	CHECK_EQ(dead(), 0);
	tally_object *other = spread_probe(); // its index is free again, and nothing is left there
	CHECK_EQ(tally_refcount(other), 1);
	tally_decref(other);
	settle(1, 0);
	CHECK_EQ(dead(), 1);
}

static void null_and_threads_that_are_not_attached_are_errors(void)
{
	CHECK_EQ(tally_spread(NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "spread: expected an object, got NULL");
	CHECK(!tally_is_spread(NULL));
	tally_object *object = probe(fixture_probe_type(), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_spread(object), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "spread: the thread is in a blocking region, expected attached");
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK(!tally_is_spread(object));
	tally_decref(object);
	CHECK_EQ(dead(), 1);
}

// ---- many threads ----

static void take_and_give(void *object, unsigned number)
{
	for (int i = tap_scale(100000); i > 0; i--) {
		tally_incref(object);
		tally_incref(object);
		tally_decref(object);
		tally_decref(object);
	}
	for (unsigned i = 0; i <= number; i++) tally_incref(object); // what stays
}

static void threads_that_count_at_once_and_end_leave_exactly_what_they_took(void)
{
	tally_object *object = spread_probe();
	run_threads(THREADS, take_and_give, object);
	CHECK_EQ(tally_refcount(object), 1 + THREADS * (THREADS + 1) / 2);
	settle(0, 0);
	CHECK_EQ(tally_refcount(object), 1 + THREADS * (THREADS + 1) / 2);
	for (unsigned i = 0; i < THREADS * (THREADS + 1) / 2; i++) tally_decref(object);
	settle(0, 0);
	CHECK_EQ(dead(), 0);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

static void give(void *object, unsigned number)
{
	(void)number;
	for (int i = 0; i < 1000; i++) tally_decref(object);
}

static void what_one_thread_takes_others_may_drop(void)
{
	tally_object *object = spread_probe();
	for (int i = 0; i < 4000; i++) tally_incref(object);
	run_threads(4, give, object);
	CHECK_EQ(tally_refcount(object), 1);
	settle(0, 0);
	CHECK_EQ(dead(), 0);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

static struct {
	stage at;
	tally_object *object;
} away;

static void *take_and_be_away(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < 500; i++) tally_incref(away.object);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&away.at, 1);
	while (!has_reached(&away.at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	for (int i = 0; i < 200; i++) tally_incref(away.object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void the_counts_of_a_thread_that_is_away_belong_to_the_sum(void)
{
	away.object = spread_probe();
	reach(&away.at, 0);
	pthread_t other = spawn(take_and_be_away, NULL);
	await(&away.at, 1);
	CHECK_EQ(tally_refcount(away.object), 501);
	for (int i = 0; i < 501; i++) tally_decref(away.object);
	CHECK_EQ(dead(), spreads() ? 0 : 1);
	if (!spreads()) away.object = probe(fixture_probe_type(), 0); // for the other thread to go on with
	if (spreads()) tally_incref(away.object);
	settle(0, 0);
	CHECK_EQ(tally_refcount(away.object), 1);
	reach(&away.at, 2);
	finish(other);
	CHECK_EQ(tally_refcount(away.object), 201);
	for (int i = 0; i < 201; i++) tally_decref(away.object);
	settle(1, 0);
	CHECK_EQ(dead(), 1);
}

// The others go on counting while objects are spread, collected and spread again.
static struct {
	atomic_int stop;
	tally_object *object[2];
} busy;

static void count_until_told(void *unused, unsigned number)
{
	(void)unused;
	while (!atomic_load(&busy.stop)) {
		tally_object *object = busy.object[number % 2];
		tally_incref(object);
		if (!tally_refcount(object)) CHECK(false); // this thread has one
		tally_safepoint();
		tally_decref(object);
	}
}

static void spread_and_collect(void *unused, unsigned number)
{
	if (number) {
		count_until_told(unused, number);
		return;
	}
	for (int i = tap_scale(200); i > 0; i--) {
		CHECK_EQ(tally_spread(busy.object[i % 2]), 0);
		tally_object *other = must(tally_list_new());
		CHECK_EQ(tally_spread(other), 0);
		tally_decref(other);
		CHECK(tally_gc_collect(2) >= 0);
	}
	atomic_store(&busy.stop, 1);
}

static void objects_are_spread_and_collected_while_others_count_them(void)
{
	tally_object *type = fixture_probe_type();
	atomic_store(&busy.stop, 0);
	for (int i = 0; i < 2; i++) busy.object[i] = probe(type, i);
	run_threads(4, spread_and_collect, NULL);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tally_refcount(busy.object[i]), 1);
		tally_decref(busy.object[i]);
	}
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(dead(), 2);
}

// ---- containers ----

static tally_object *shared_list, *shared_dict;

static void read_elements(void *unused, unsigned number)
{
	(void)unused;
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_object *value = NULL, *item = tally_list_get(shared_list, (ptrdiff_t)(i + (int)number) % 4);
		CHECK_EQ(tally_dict_get(shared_dict, item, &value), 1);
		if (value != item) CHECK_PTR(value, item);
		tally_decref(value);
		tally_decref(item);
	}
}

static void elements_that_are_spread_are_read_by_all(void)
{
	tally_object *type = fixture_probe_type(), *object[4];
	shared_list = must(tally_list_new());
	shared_dict = must(tally_dict_new());
	for (int i = 0; i < 4; i++) {
		object[i] = probe(type, i);
		push(shared_list, object[i]);
		put(shared_dict, object[i], object[i]);
		if (i != 2) spread(object[i]);
	}
	spread(shared_list);
	spread(shared_dict);
	run_threads(4, read_elements, NULL);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(tally_refcount(object[i]), 4); // the list, the dict's key and value, this one
		tally_decref(object[i]);
	}
	CHECK_EQ(tally_list_clear(shared_list), 0);
	tally_decref(shared_list);
	tally_decref(shared_dict);
	settle(2, 0); // the containers: the dict had its elements up to now
	settle(3, 0);
	CHECK_EQ(dead(), 4);
}

static void what_a_spread_object_alone_kept_goes_one_collection_later(void)
{
	tally_object *inner = spread_probe(), *outer = must(tally_list_new());
	push_own(outer, inner);
	spread(outer);
	tally_decref(outer);
	CHECK_EQ(dead(), spreads() ? 0 : 1);
	settle(1, 0);
	CHECK_EQ(dead(), spreads() ? 0 : 1);
	settle(1, 0);
	CHECK_EQ(dead(), 1);
}

// ---- cycles ----

static void cycles_through_spread_objects_are_found(void)
{
	for (int i = 0; i < 3; i++) {
		tally_object *ring = ring_of_lists(3), *next = tally_list_get(ring, 0), *leaf = spread_probe();
		push_own(ring, leaf);
		if (i != 1) spread(ring);
		if (i != 0) spread(next);
		run_threads(2, take_and_give, ring);
		for (int taken = 0; taken < 3; taken++) tally_decref(ring);
		tally_decref(next);
		settle(0, 0); // this thread has the ring
		tally_decref(ring);
		CHECK_EQ(tally_gc_collect(0), 0);
		CHECK_EQ(dead(), 0);
		settle(0, 3);
		CHECK_EQ(dead(), 1); // only garbage had it
	}
}

static void a_cycle_that_a_spread_object_refers_to_stays_with_it(void)
{
	tally_object *ring = ring_of_lists(2), *holder = must(tally_list_new());
	push_own(holder, ring);
	spread(holder);
	settle(0, 0);
	tally_decref(holder);
	if (spreads()) settle(1, 0); // after which nothing refers to the cycle any more
	settle(0, 2);
}

static void finalizers_of_a_cycle_through_spread_objects_run_once(void)
{
	tally_object *ring = ring_of_nodes(node_type(NODE_WHOLE), 0, 3);
	spread(ring);
	spread(node_of(ring)->link[0]);
	tally_decref(ring);
	settle(0, 3);
	settle(0, 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(node_seen[i].finalize, 1);
		CHECK_EQ(node_seen[i].dealloc, 1);
	}
	CHECK_EQ(stats_of(2).uncollectable, 0);
}

static void an_instance_and_its_class_may_be_spread_and_die(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "thing"};
	tally_object *type = must(tally_class_new(&spec)), *thing = must(tally_call(type, NULL, 0)), *name = text("self");
	CHECK_EQ(tally_attr_set(thing, name, thing), 0);
	spread(type);
	spread(thing);
	tally_decref(type);
	tally_decref(name);
	settle(0, 0);
	CHECK_STR(tally_type_name(thing), "thing");
	tally_decref(thing);
	CHECK(tally_gc_collect(2) > 0);
	tally_gc_collect(2);
}

// ---- finalizers ----

static void a_finalizer_runs_once_when_a_spread_object_is_found_dead(void)
{
	tally_object *object = node_new(node_type(NODE_WHOLE), 1);
	spread(object);
	tally_decref(object);
	CHECK_EQ(node_seen[1].finalize, spreads() ? 0 : 1);
	settle(1, 0);
	settle(0, 0);
	CHECK_EQ(node_seen[1].finalize, 1);
	CHECK_EQ(node_seen[1].dealloc, 1);
}

static tally_object *brought_back;

static void bring_back(tally_object *self, struct node *node)
{
	(void)node;
	brought_back = tally_incref(self);
}

static void an_object_that_its_finalizer_brings_back_is_spread_no_more(void)
{
	tally_object *object = node_new(node_type(NODE_WHOLE), 1);
	node_on_finalize = bring_back;
	spread(object);
	tally_decref(object);
	settle(1, 0);
	CHECK_PTR(brought_back, object);
	CHECK(!tally_is_spread(object));
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_EQ(node_seen[1].dealloc, 0);
	tally_decref(brought_back);
	CHECK_EQ(node_seen[1].finalize, 1);
	CHECK_EQ(node_seen[1].dealloc, 1);
}

static void spread_self(tally_object *self, struct node *node)
{
	(void)node;
	CHECK_EQ(tally_spread(self), 0);
}

static void a_finalizer_may_spread_its_object(void)
{
	tally_object *type = node_type(NODE_WHOLE), *object = node_new(type, 1);
	node_on_finalize = spread_self;
	tally_decref(object); // by count: the object lives until the collection
	CHECK_EQ(node_seen[1].finalize, 1);
	CHECK_EQ(node_seen[1].dealloc, spreads() ? 0 : 1);
	settle(1, 0);
	CHECK_EQ(node_seen[1].dealloc, 1);

	tally_decref(ring_of_nodes(type, 2, 2)); // found by the collector
	settle(0, 2);
	CHECK_EQ(stats_of(2).uncollectable, 0);
	settle(0, 0);
	for (int i = 1; i < 4; i++) CHECK_EQ(node_seen[i].finalize, 1);
	for (int i = 1; i < 4; i++) CHECK_EQ(node_seen[i].dealloc, 1);
}

// ---- leaves, and what else the collector passes over ----

static void strings_interned_ones_and_tuples_of_atoms_die_too(void)
{
	tally_object *name = text("a name of its own"), *atoms = must(tally_tuple_new((tally_object *[]){name, tally_none()}, 2));
	tally_object *interned = must(tally_str_intern(name));
	CHECK_PTR(interned, name);
	tally_gc_collect(2); // from now on the tuple is not tracked
	CHECK(!tally_gc_is_tracked(atoms));
	spread(atoms);
	spread(name);
	tally_decref(interned);
	tally_decref(name);
	tally_decref(atoms);
	settle(1, 0);
	tally_gc_collect(2); // the table of interned strings lets go
	tally_gc_collect(2);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- what looks at counts from outside ----

static int look_at_probe(const tally_heap_block *block, void *references)
{
	if (block->type_name && !strcmp(block->type_name, "probe")) *(uint32_t *)references = block->references;
	return 0;
}

static void a_walk_and_a_check_see_the_right_counts(void)
{
	uint32_t references = 77;
	tally_object *type = node_type(NODE_WHOLE), *holder = node_new(type, 0), *object = spread_probe();
	for (int i = 0; i < NODE_LINKS; i++) node_link(holder, i, object);
	spread(holder);
	run_threads(2, take_and_give, holder);
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	CHECK_EQ(tally_heap_walk(look_at_probe, &references), 0);
	CHECK_EQ(references, NODE_LINKS + 1);
	tally_decref(object);
	for (int i = 0; i < 4; i++) tally_decref(holder);
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	settle(1, 0);
	references = 77;
	CHECK_EQ(tally_heap_walk(look_at_probe, &references), 0);
	CHECK_EQ(references, spreads() ? 0 : 77); // dead, and not found yet
	settle(1, 0);
	CHECK_EQ(dead(), 1);
}

// ---- places ----

static void give_one(void *object, unsigned number)
{
	(void)number;
	tally_decref(object);
}

static void a_place_is_used_again_and_starts_from_nothing(void)
{
	tally_object *type = fixture_probe_type();
	for (int round = 0; round < 50; round++) {
		tally_object *object[3];
		for (int i = 0; i < 3; i++) {
			spread(object[i] = probe(type, i));
			for (int taken = 0; taken < round; taken++) tally_incref(object[i]);
			CHECK_EQ(tally_refcount(object[i]), round + 1);
		}
		for (int i = 0; i < 3; i++) {
			run_threads(1, give_one, object[i]); // a count below 0, of a thread that is gone or of its heir
			for (int left = 0; left < round; left++) tally_decref(object[i]);
		}
		settle(3, 0);
		CHECK_EQ(dead(), 3 * (round + 1));
	}
}

enum { PLACES = 65535 };

static void when_no_place_is_left_spreading_is_refused_until_one_is(void)
{
	static tally_object *object[PLACES];
	unsigned count = 0, most = 0;
	char message[80];
	while (count < PLACES && (object[count] = integer(COUNTED + (int64_t)count), tally_spread(object[count]) == 0)) count++;
	most = count;
	tally_object *other = count < PLACES ? object[count] : integer(-COUNTED);
	CHECK_EQ(tally_spread(other), -1);
	snprintf(message, sizeof message, "spread: %u objects are spread already", most);
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, message);
	CHECK(!tally_is_spread(other));
	CHECK_EQ(tally_spread(object[0]), 0); // it is already
	tally_decref(object[0]);
	settle(1, 0);
	CHECK_EQ(tally_spread(other), 0);
	for (unsigned i = 1; i < most; i++) tally_decref(object[i]);
	tally_decref(other);
	settle(most, 0);
	CHECK(most >= 15 && most <= PLACES);
}

// ---- without memory ----

static void without_memory_nothing_is_spread(void)
{
	tally_object *object = probe(fixture_probe_type(), 0);
	CHECK_EQ(tally_heap_fail(1, false), 0);
	CHECK_EQ(tally_spread(object), -1);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	tally_error_clear();
	CHECK(!tally_is_spread(object));
	spread(object);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

static void count_without_memory(void *object, unsigned number)
{
	CHECK_EQ(tally_heap_fail(1, true), 0);
	take_and_give(object, number);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	take_and_give(object, number);
}

static void threads_without_memory_for_counts_of_their_own_count_all_the_same(void)
{
	tally_object *object = spread_probe();
	run_threads(4, count_without_memory, object);
	CHECK_EQ(tally_refcount(object), 1 + 2 * (1 + 2 + 3 + 4));
	for (int i = 0; i < 20; i++) tally_decref(object);
	settle(0, 0);
	CHECK_EQ(dead(), 0);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

// ---- the end of the runtime ----

// Ends the runtime, which must tell of so many objects left, and starts another one for the fixture to end.
static void end_and_start_anew(uint64_t left)
{
	uint64_t leaked = 77;
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, left);
	nodes_start();
}

static void a_runtime_that_ends_destroys_what_nobody_refers_to(void)
{
	tally_object *last = spread_probe();
	run_threads(2, take_and_give, last);
	for (int i = 0; i < 3; i++) tally_decref(last);
	for (int i = 0; i < 100 && (i < 10 || spreads()); i++) {
		tally_object *list = must(tally_list_new());
		push_own(list, last);
		if (tally_spread(list)) tally_error_clear(); // there are few places in the hard build
		last = list;
	}
	tally_decref(last);
	end_and_start_anew(0);
	CHECK_EQ(dead(), 1);
}

static void a_runtime_that_ends_counts_spread_objects_that_somebody_refers_to(void)
{
	tally_object *object = spread_probe(), *list = must(tally_list_new());
	tally_incref(object);
	push_own(list, object);
	spread(list);
	end_and_start_anew(2);
	CHECK_EQ(dead(), 0);
	object = spread_probe(); // the next runtime begins with nothing spread
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	check_dies_in_the_next_full_collection();
}

int main(void)
{
	nodes_begin(120);
	TAP_RUN(a_spread_object_has_as_many_references_as_before);
	TAP_RUN(spreading_twice_is_spreading_once);
	TAP_RUN(an_immortal_object_stays_immortal);
	TAP_RUN(a_spread_object_can_be_immortalized);
	TAP_RUN(null_and_threads_that_are_not_attached_are_errors);
	TAP_RUN(threads_that_count_at_once_and_end_leave_exactly_what_they_took);
	TAP_RUN(what_one_thread_takes_others_may_drop);
	TAP_RUN(the_counts_of_a_thread_that_is_away_belong_to_the_sum);
	TAP_RUN(objects_are_spread_and_collected_while_others_count_them);
	TAP_RUN(elements_that_are_spread_are_read_by_all);
	TAP_RUN(what_a_spread_object_alone_kept_goes_one_collection_later);
	TAP_RUN(cycles_through_spread_objects_are_found);
	TAP_RUN(a_cycle_that_a_spread_object_refers_to_stays_with_it);
	TAP_RUN(finalizers_of_a_cycle_through_spread_objects_run_once);
	TAP_RUN(an_instance_and_its_class_may_be_spread_and_die);
	TAP_RUN(a_finalizer_runs_once_when_a_spread_object_is_found_dead);
	TAP_RUN(an_object_that_its_finalizer_brings_back_is_spread_no_more);
	TAP_RUN(a_finalizer_may_spread_its_object);
	TAP_RUN(strings_interned_ones_and_tuples_of_atoms_die_too);
	TAP_RUN(a_walk_and_a_check_see_the_right_counts);
	TAP_RUN(a_place_is_used_again_and_starts_from_nothing);
	if (!spreads()) {
		tap_skip("when_no_place_is_left_spreading_is_refused_until_one_is", "this build spreads nothing");
		tap_skip("without_memory_nothing_is_spread", "the same");
	} else {
		TAP_RUN(when_no_place_is_left_spreading_is_refused_until_one_is);
		if (offers_faults())
			TAP_RUN(without_memory_nothing_is_spread);
	}
	if (offers_faults())
		TAP_RUN(threads_without_memory_for_counts_of_their_own_count_all_the_same);
	TAP_RUN(a_runtime_that_ends_destroys_what_nobody_refers_to);
	TAP_RUN(a_runtime_that_ends_counts_spread_objects_that_somebody_refers_to);
	return tap_end();
}
