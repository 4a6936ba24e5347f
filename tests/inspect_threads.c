// tests/inspect_threads.c: looking at the heap while other threads change it, collect, finalize, hold locks, come and go.
// A number in brackets is that of the behaviour in the list that Tally is compared with.
#include "nodes.h"

#include <sched.h>
#include <tally/inspect.h>

enum { MUTATORS = 4, LISTINGS = 100 };

static size_t size_of(tally_object *list)
{
	size_t size = 0;
	CHECK_EQ(tally_list_size(must(list), &size), 0);
	return size;
}

// Calls `visit` for each element of the list, which is given up.
static size_t each_in(tally_object *list, void (*visit)(tally_object *object))
{
	size_t size = size_of(list);
	for (size_t i = 0; visit && i < size; i++) {
		tally_object *item = must(tally_list_get(list, (ptrdiff_t)i));
		visit(item);
		tally_decref(item);
	}
	tally_decref(list);
	return size;
}

static void collect_all(void)
{
	for (int i = 0; i < 3; i++) tally_gc_collect(2);
}

// ---- listings beside mutators [220] ----

static atomic_int watchers; // still at it

static void mutate(void)
{
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new());
	for (int i = 0; i < 20; i++) {
		tally_object *number = counted(i), *tuple = must(tally_tuple_new((tally_object *[]){list, number}, 2));
		put(dict, number, tuple);
		push_own(list, tuple);
		tally_decref(number);
	}
	push(list, dict);
	tally_decref(list), tally_decref(dict); // a cycle
}

static void mutate_or_list(void *context, unsigned number)
{
	(void)context;
	if (number < MUTATORS) {
		while (atomic_load(&watchers)) mutate();
		return;
	}
	for (int i = 0; i < tap_scale(LISTINGS); i++) {
		each_in(tally_gc_get_objects(TALLY_GC_ALL), NULL);
		if (i % 10 == 0) CHECK(tally_gc_count_types(NULL, 0) > 0);
	}
	atomic_fetch_sub(&watchers, 1);
}

static void full_listings_beside_four_threads_that_make_objects(void) // [220]
{
	tally_gc_enable();
	atomic_store(&watchers, 1);
	run_threads(MUTATORS + 1, mutate_or_list, NULL);
	tally_gc_disable();
	collect_all();
}

static void check_item(tally_object *object)
{
	size_t size;
	uint64_t hash;
	CHECK(tally_refcount(object) >= 2); // the list's and the caller's
	if (tally_is_list(object)) CHECK_EQ(tally_list_size(object, &size), 0);
	else if (tally_hash(object, &hash)) tally_error_clear();
}

static void mutate_or_use(void *context, unsigned number)
{
	(void)context;
	if (number < 2) {
		while (atomic_load(&watchers)) mutate();
		return;
	}
	for (int i = 0; i < tap_scale(20); i++) {
		each_in(tally_gc_get_objects(i % 3), check_item);
		tally_gc_collect(2);
	}
	atomic_fetch_sub(&watchers, 1);
}

static void what_is_listed_may_be_used_by_whoever_listed_it(void)
{
	tally_gc_enable(); // or the lists grow with the time that it takes to look at them
	atomic_store(&watchers, 2);
	run_threads(4, mutate_or_use, NULL);
	tally_gc_disable();
	collect_all();
}

// ---- referrers beside mutators [221] ----

static void refer_or_ask(void *shared, unsigned number)
{
	if (number < MUTATORS) {
		tally_object *key = counted((int64_t)number);
		while (atomic_load(&watchers)) {
			tally_object *kept[10];
			for (int i = 0; i < 10; i++) put(kept[i] = must(tally_dict_new()), key, shared);
			for (int i = 0; i < 10; i++) tally_decref(kept[i]);
		}
		tally_decref(key);
		return;
	}
	for (int i = 0; i < tap_scale(LISTINGS); i++) {
		tally_object *target = shared, *found = tally_gc_get_referrers(&target, 1);
		tally_object *referents = tally_gc_get_referents(&found, 1);
		CHECK_EQ(size_of(referents), size_of(found)); // dicts that others have dropped may be kept by the other one's list
		tally_decref(found), tally_decref(referents);
	}
	atomic_fetch_sub(&watchers, 1);
}

static void referrers_of_an_object_that_four_threads_put_into_dicts(void) // [221]
{
	tally_object *shared = must(tally_dict_new());
	atomic_store(&watchers, 2);
	run_threads(MUTATORS + 2, refer_or_ask, shared);
	collect_all(); // while they were listed, the dicts were in lists
	CHECK_EQ(tally_refcount(shared), 1);
	tally_decref(shared);
}

static void spread_objects_are_counted_right_beside_listings(void) // [38]
{
	tally_object *shared = must(tally_dict_new());
	CHECK_EQ(tally_spread(shared), 0);
	bool is_spread = tally_is_spread(shared);
	atomic_store(&watchers, 2);
	run_threads(MUTATORS + 2, refer_or_ask, shared);
	collect_all();
	CHECK_EQ(tally_refcount(shared), 1);
	CHECK_EQ(tally_is_spread(shared), is_spread);
	tally_decref(shared);
	collect_all();
}

// ---- listings beside collections, finalizers and deaths ----

enum state { WHOLE = 7, FINALIZED = 9, CLEARED = 11 };

struct thing {
	atomic_int state;
	tally_object *link;
};

static tally_object *thing_type;
static atomic_int things; // that have not died
static atomic_int clears; // by the collector

static void traverse_thing(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct thing *thing = payload;
	(void)context;
	visit(thing->link, visit_context);
}

static void clear_thing(void *payload, void *context)
{
	struct thing *thing = payload;
	tally_object *link = thing->link;
	(void)context;
	atomic_store(&thing->state, CLEARED);
	thing->link = NULL;
	tally_safepoint(); // others may look now
	tally_decref(link);
}

static void thing_is_cleared(void *payload, void *context)
{
	atomic_fetch_add(&clears, 1);
	clear_thing(payload, context);
}

static void thing_dies(void *payload, void *context)
{
	clear_thing(payload, context);
	atomic_fetch_sub(&things, 1);
}

static void finalize_thing(tally_object *self, void *payload, void *context)
{
	struct thing *thing = payload;
	int whole = WHOLE;
	(void)self;
	(void)context;
	CHECK(atomic_compare_exchange_strong(&thing->state, &whole, FINALIZED)); // once
	tally_decref(must(tally_list_new())); // a point
}

static tally_object *make_thing_type(void)
{
	tally_host_type description = {.size = sizeof description, .name = "thing", .payload_size = sizeof(struct thing),
	                               .dealloc = thing_dies, .traverse = traverse_thing, .clear = thing_is_cleared, .finalize = finalize_thing};
	return must(tally_host_type_new(&description));
}

static struct thing *thing_of(tally_object *object) { return tally_host_payload(object, thing_type); }

static tally_object *thing_new(void)
{
	tally_object *object = must(tally_host_new(thing_type));
	atomic_store(&thing_of(object)->state, WHOLE);
	atomic_fetch_add(&things, 1);
	return object;
}

static void drop_ring_of_things(void)
{
	tally_object *first = thing_new(), *last = first;
	for (int i = 0; i < 5; i++) {
		tally_object *next = thing_new();
		thing_of(last)->link = next;
		last = next;
	}
	thing_of(last)->link = first; // the caller's reference
}

// What is in a list is held, so nobody clears it, now or before the list is given up.
static void check_thing(tally_object *object)
{
	tally_object *type = must(tally_type_of(object));
	tally_decref(type);
	if (type != thing_type) return;
	CHECK(atomic_load(&thing_of(object)->state) != CLEARED);
}

static void collect_or_list(void *context, unsigned number)
{
	(void)context;
	if (number < 2) {
		while (atomic_load(&watchers)) {
			if (number == 0) tally_gc_collect(2);
			else if (atomic_load(&things) > 500) tally_safepoint(); // the collector is to keep up
			else drop_ring_of_things();
			tally_decref(thing_new());
		}
		return;
	}
	for (int i = 0; i < tap_scale(LISTINGS / 4); i++) {
		int before = atomic_load(&clears);
		while (atomic_load(&clears) == before) tally_safepoint(); // now a collection is clearing
		each_in(tally_gc_get_objects(TALLY_GC_ALL), check_thing);
	}
	atomic_fetch_sub(&watchers, 1);
}

static void nothing_that_a_collection_has_cleared_is_listed(void)
{
	thing_type = make_thing_type();
	atomic_store(&watchers, 1);
	atomic_store(&clears, 0);
	run_threads(3, collect_or_list, NULL);
	collect_all();
	CHECK_EQ(atomic_load(&things), 0);
}

// ---- locks of threads that stand still ----

static atomic_int step; // 1: the section is open, 2: it may end

static void hold_or_look(void *context, unsigned number)
{
	tally_object **held = context;
	if (number == 0) {
		tally_critical section;
		CHECK_EQ(tally_critical_begin_two(&section, held[0], held[1]), 0);
		atomic_store(&step, 1);
		while (atomic_load(&step) != 2) tally_safepoint();
		CHECK_EQ(tally_critical_end(&section), 0);
		return;
	}
	while (atomic_load(&step) != 1) tally_safepoint();
	CHECK(tally_gc_count_types(NULL, 0) > 0);
	CHECK(each_in(tally_gc_get_objects(TALLY_GC_ALL), NULL) >= 2);
	CHECK_EQ(each_in(tally_gc_get_referrers(held, 2), NULL), 1);
	CHECK_EQ(each_in(tally_gc_get_referents(held, 2), NULL), 1);
	CHECK_EQ(tally_gc_freeze(), 0);
	CHECK(tally_gc_get_freeze_count() >= 2);
	CHECK_EQ(tally_gc_unfreeze(), 0);
	atomic_store(&step, 2);
}

static void who_holds_locks_keeps_nobody_from_looking(void)
{
	tally_object *held[2] = {must(tally_list_new()), must(tally_dict_new())};
	push(held[0], held[1]);
	if (strcmp(tally_variant(), "gil") == 0) { // there no other thread runs while a section is open
		CHECK(tally_gc_count_types(NULL, 0) > 0);
	} else {
		atomic_store(&step, 0);
		run_threads(2, hold_or_look, held);
	}
	tally_decref(held[0]), tally_decref(held[1]);
}

// ---- whose the objects are ----

static void list_and_give_up(void *target, unsigned number)
{
	tally_object *object = target;
	(void)number;
	for (int i = 0; i < 10; i++) {
		each_in(tally_gc_get_objects(TALLY_GC_ALL), NULL);
		each_in(tally_gc_get_referents(&object, 1), NULL);
		each_in(tally_gc_get_referrers(&object, 1), NULL);
	}
}

static void being_listed_by_others_costs_an_object_nothing_afterwards(void)
{
	tally_object *mine = must(tally_list_new());
	push(mine, mine);
	run_threads(1, list_and_give_up, mine);
	CHECK_EQ(tally_refcount(mine), 2);
	CHECK_EQ(tally_hot_start(1), 0);
	for (int i = 0; i < 10000; i++) tally_decref(tally_incref(mine));
	CHECK_EQ(tally_hot_stop(), 0);
	tally_hot hottest[8];
	size_t count = tally_hot_get(hottest, 8);
	for (size_t i = 0; i < count && i < 8; i++) CHECK(hottest[i].address != mine); // counted as its owner counts
	tally_decref(mine);
	CHECK_EQ(tally_gc_collect(2), 1);
}

// ---- threads that come and go ----

static void *come_and_go(void *unused)
{
	tally_token token;
	(void)unused;
	for (int i = 0; i < tap_scale(50); i++) {
		if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
		mutate();
		CHECK_EQ(tally_blocking_begin(), 0);
		sched_yield();
		CHECK_EQ(tally_blocking_end(), 0);
		CHECK_EQ(tally_thread_detach(token), 0);
	}
	atomic_fetch_sub(&watchers, 1);
	return NULL;
}

static void listings_while_threads_come_and_go(void)
{
	pthread_t threads[3];
	atomic_store(&watchers, 3);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, come_and_go, NULL)) tap_bail_out("no thread");
	while (atomic_load(&watchers)) {
		each_in(tally_gc_get_objects(TALLY_GC_ALL), NULL);
		CHECK(tally_gc_count_types(NULL, 0) > 0);
		CHECK(tally_gc_get_freeze_count() >= 0);
	}
	CHECK_EQ(tally_blocking_begin(), 0);
	for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	collect_all();
}

static void *look_unattached(void *unused)
{
	(void)unused;
	CHECK_PTR(tally_gc_get_objects(0), NULL);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK_PTR(tally_gc_get_referrers(NULL, 0), NULL);
	CHECK_PTR(tally_gc_get_referents(NULL, 0), NULL);
	CHECK_EQ(tally_gc_count_types(NULL, 0), -1);
	CHECK_EQ(tally_gc_freeze(), -1);
	CHECK_EQ(tally_gc_unfreeze(), -1);
	CHECK_EQ(tally_gc_get_freeze_count(), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	tally_error_clear();
	return NULL;
}

static void a_thread_that_is_not_attached_is_told_so(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, look_unattached, NULL)) tap_bail_out("no thread");
	pthread_join(thread, NULL);
}

int main(void)
{
	nodes_begin(180);
	TAP_RUN(full_listings_beside_four_threads_that_make_objects);
	TAP_RUN(what_is_listed_may_be_used_by_whoever_listed_it);
	TAP_RUN(referrers_of_an_object_that_four_threads_put_into_dicts);
	TAP_RUN(spread_objects_are_counted_right_beside_listings);
	TAP_RUN(nothing_that_a_collection_has_cleared_is_listed);
	TAP_RUN(who_holds_locks_keeps_nobody_from_looking);
	TAP_RUN(being_listed_by_others_costs_an_object_nothing_afterwards);
	TAP_RUN(listings_while_threads_come_and_go);
	TAP_RUN(a_thread_that_is_not_attached_is_told_so);
	return tap_end();
}
