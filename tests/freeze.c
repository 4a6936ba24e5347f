// tests/freeze.c: the permanent generation: what is in it is examined by no collection, and dies by its counts as ever.
// A number in brackets is that of the behaviour in the list that Tally is compared with.
#include "classes.h"

#include <tally/inspect.h>

enum { MANY = 3000 };

static void freeze(void) { CHECK_EQ(tally_gc_freeze(), 0); }
static void unfreeze(void) { CHECK_EQ(tally_gc_unfreeze(), 0); }

// ---- listings ----

static bool is_in(tally_object *list, const tally_object *object)
{
	size_t size = 0;
	bool found = false;
	CHECK_EQ(tally_list_size(must(list), &size), 0);
	for (size_t i = 0; i < size; i++) {
		tally_object *item = must(tally_list_get(list, (ptrdiff_t)i));
		found |= item == object;
		tally_decref(item);
	}
	tally_decref(list);
	return found;
}

static size_t number_in(int generation)
{
	size_t size = SIZE_MAX;
	tally_object *list = must(tally_gc_get_objects(generation));
	CHECK_EQ(tally_list_size(list, &size), 0);
	tally_decref(list);
	return size;
}

// The generation in which the object is listed; -1: in none.
static int generation_of(const tally_object *object)
{
	for (int generation = 0; generation < 3; generation++)
		if (is_in(tally_gc_get_objects(generation), object)) return generation;
	return -1;
}

// ---- in and out ----

static void all_that_is_tracked_goes_in_and_comes_out_into_generation_2(void) // [36]
{
	tally_object *lists[3], *number = counted(1), *atoms = must(tally_tuple_new(&number, 1));
	for (int i = 0; i < 3; i++) {
		lists[i] = must(tally_list_new());
		if (i < 2) CHECK_COLLECT(1 - i, 0);
	}
	CHECK_EQ(generation_of(lists[0]), 2);
	CHECK_EQ(generation_of(lists[1]), 1);
	CHECK_EQ(generation_of(lists[2]), 0);
	CHECK(!tally_gc_is_tracked(atoms));
	CHECK_EQ(tally_gc_get_freeze_count(), 0);
	freeze();
	CHECK_EQ(tally_gc_get_freeze_count(), 3);
	CHECK_EQ(number_in(TALLY_GC_ALL), 0);
	tally_object *young = must(tally_list_new());
	CHECK_EQ(generation_of(young), 0);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	CHECK_EQ(generation_of(young), 2);
	CHECK_EQ(tally_gc_get_freeze_count(), 3);
	unfreeze();
	CHECK_EQ(tally_gc_get_freeze_count(), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(generation_of(lists[i]), 2);
		tally_decref(lists[i]);
	}
	tally_decref(young), tally_decref(atoms), tally_decref(number);
}

static void freezing_and_unfreezing_twice_is_the_same_as_once(void)
{
	tally_object *list = must(tally_list_new());
	unfreeze();
	CHECK_EQ(generation_of(list), 0);
	freeze();
	freeze();
	CHECK_EQ(tally_gc_get_freeze_count(), 1);
	unfreeze();
	unfreeze();
	CHECK_EQ(tally_gc_get_freeze_count(), 0);
	CHECK_EQ(generation_of(list), 2);
	tally_decref(list);
}

static void freezing_makes_the_counts_begin_anew(void)
{
	uint64_t count[3];
	for (int i = 0; i < 3; i++) CHECK_COLLECT(i % 2, 0);
	tally_object *list = ring_of_lists(500);
	freeze();
	CHECK_EQ(tally_gc_get_count(count), 0);
	for (int i = 0; i < 3; i++) CHECK_EQ(count[i], 0);
	tally_object *other = ring_of_lists(10);
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK_EQ(count[0], 10);
	unfreeze();
	tally_decref(list), tally_decref(other);
	CHECK_COLLECT(2, 510);
}

// ---- collections ----

static void a_frozen_cycle_is_collected_when_it_has_been_unfrozen(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	tally_decref(ring_of_lists(MANY));
	tally_decref(ring_of_nodes(type, 0, 10));
	freeze();
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	CHECK_EQ(atomic_load(&node_total.finalize), 0);
	CHECK_EQ(tally_gc_get_freeze_count(), MANY + 10);
	unfreeze();
	CHECK_COLLECT(1, 0);
	CHECK_COLLECT(2, MANY + 10);
	CHECK_EQ(atomic_load(&node_total.dealloc), 10);
}

static void what_a_frozen_object_refers_to_lives(void)
{
	tally_object *frozen = must(tally_list_new());
	freeze();
	tally_object *type = node_type(NODE_PLAIN), *ring = ring_of_nodes(type, 0, 5);
	push_own(frozen, ring);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	push(frozen, frozen); // and a frozen cycle keeps it as well
	tally_object *kept = tally_incref(frozen);
	tally_decref(frozen), tally_decref(kept);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(atomic_load(&node_total.dealloc), 0);
	unfreeze();
	CHECK_COLLECT(2, 6);
	CHECK_EQ(atomic_load(&node_total.dealloc), 5);
}

static void garbage_among_frozen_objects_is_found(void)
{
	tally_object *frozen = must(tally_list_new());
	for (int i = 0; i < MANY; i++) push_own(frozen, must(tally_list_new()));
	freeze();
	for (int i = 0; i < MANY; i += 3) CHECK_EQ(tally_list_set(frozen, i, frozen), 0); // their blocks are free
	for (int generation = 0; generation < 3; generation++) {
		drop_lists_in_themselves(100);
		tally_decref(ring_of_lists(100));
		CHECK_COLLECT(generation, 200);
	}
	CHECK_EQ(tally_gc_get_freeze_count(), 1 + MANY - MANY / 3);
	unfreeze();
	CHECK_EQ(tally_list_clear(frozen), 0);
	tally_decref(frozen);
}

static void garbage_that_refers_to_frozen_objects_is_found_and_they_live(void)
{
	tally_object *frozen = must(tally_list_new());
	freeze();
	for (int i = 0; i < 300; i++) { // more than 255 references, too
		tally_object *garbage = list_in_itself();
		push(garbage, frozen);
		tally_decref(garbage);
	}
	CHECK_EQ(tally_refcount(frozen), 301);
	CHECK_COLLECT(2, 300);
	CHECK_EQ(tally_refcount(frozen), 1);
	unfreeze();
	tally_decref(frozen);
}

static unsigned traversals;

static void count_traversal(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)payload;
	(void)context;
	visit(NULL, visit_context);
	traversals++;
}

static tally_object *traversed_type(void)
{
	tally_host_type description = {.size = sizeof description, .name = "traversed", .payload_size = 64, .traverse = count_traversal};
	return must(tally_host_type_new(&description));
}

static void no_collection_looks_at_a_frozen_object(void)
{
	tally_object *type = traversed_type(), *list = must(tally_list_new());
	for (int i = 0; i < MANY; i++) push_own(list, must(tally_host_new(type)));
	CHECK_COLLECT(2, 0);
	CHECK(traversals >= MANY);
	freeze();
	tally_object *young = must(tally_host_new(type));
	traversals = 0;
	CHECK_COLLECT(2, 0);
	CHECK(traversals >= 1 && traversals <= 2);
	unfreeze();
	CHECK_COLLECT(2, 0);
	CHECK(traversals > MANY);
	tally_decref(young), tally_decref(list);
}

// ---- deaths, and what comes in their place ----

static void a_frozen_object_dies_by_its_count_and_what_takes_its_block_is_young(void)
{
	enum { LISTS = 200 };
	tally_object *lists[LISTS], *type = node_type(NODE_WHOLE), *node = node_new(type, 0);
	for (int i = 0; i < LISTS; i++) lists[i] = must(tally_list_new());
	freeze();
	CHECK_EQ(tally_gc_get_freeze_count(), LISTS + 1);
	tally_decref(node);
	CHECK_EQ(node_seen[0].dealloc, 1);
	for (int i = 0; i < LISTS; i++) tally_decref(lists[i]);
	CHECK_EQ(tally_gc_get_freeze_count(), 0);
	bool is_reused = false;
	for (int i = 0; i < LISTS; i++) {
		tally_object *list = list_in_itself();
		for (int j = 0; j < LISTS; j++) is_reused |= list == lists[j];
		tally_decref(list);
	}
	CHECK(is_reused);
	CHECK_EQ(number_in(0), LISTS);
	CHECK_EQ(tally_gc_get_freeze_count(), 0);
	CHECK_COLLECT(0, LISTS);
}

static void drop_all(void *lists, unsigned number)
{
	(void)number;
	CHECK_EQ(tally_list_clear(lists), 0);
}

static void what_takes_the_block_of_a_frozen_object_that_another_thread_dropped_is_young(void)
{
	tally_object *lists = must(tally_list_new());
	for (int i = 0; i < MANY; i++) push_own(lists, must(tally_list_new()));
	freeze();
	run_threads(1, drop_all, lists);
	fixture_settle();
	CHECK_EQ(tally_gc_get_freeze_count(), 1);
	drop_lists_in_themselves(MANY);
	CHECK_EQ(tally_gc_get_freeze_count(), 1);
	CHECK_COLLECT(0, MANY);
	unfreeze();
	tally_decref(lists);
}

static void large_objects_are_frozen_and_their_pages_used_again(void)
{
	enum { SIZE = 30000 };
	tally_object **items = calloc(SIZE, sizeof items[0]), *list = must(tally_list_new());
	for (int i = 0; i < SIZE; i++) items[i] = list;
	tally_object *tuple = must(tally_tuple_new(items, SIZE));
	push(list, tuple);
	freeze();
	CHECK_EQ(tally_gc_get_freeze_count(), 2);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_list_clear(list), 0);
	tally_decref(tuple);
	CHECK_EQ(tally_gc_get_freeze_count(), 1);
	tuple = must(tally_tuple_new(items, SIZE));
	CHECK_EQ(generation_of(tuple), 0);
	push_own(list, tuple);
	tally_decref(list);
	CHECK_COLLECT(2, 0);
	unfreeze();
	CHECK_COLLECT(2, 2);
	free(items);
}

static tally_object *saved;

static void save(tally_object *self, struct node *node)
{
	(void)node;
	saved = tally_incref(self);
}

static void a_frozen_object_that_its_finalizer_brings_back_stays_frozen(void)
{
	tally_object *type = node_type(NODE_WHOLE), *node = node_new(type, 0);
	node_link(node, 0, node);
	freeze();
	node_on_finalize = save;
	node_link(node, 0, NULL);
	tally_decref(node);
	CHECK_PTR(saved, node);
	CHECK_EQ(tally_gc_get_freeze_count(), 1);
	node_link(saved, 0, saved);
	tally_decref(saved);
	CHECK_COLLECT(2, 0);
	unfreeze();
	CHECK_COLLECT(2, 1);
	CHECK_EQ(node_seen[0].dealloc, 1);
}

static void immortal_and_spread_objects_are_frozen_and_thawed(void) // [38]
{
	tally_object *immortal = must(tally_list_new()), *spread = must(tally_list_new()), *dead = list_in_itself();
	CHECK_EQ(tally_immortalize(immortal), 0);
	CHECK_EQ(tally_spread(spread), 0);
	CHECK_EQ(tally_spread(dead), 0);
	tally_decref(dead);
	freeze();
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_gc_get_freeze_count(), 3);
	bool waits = tally_is_spread(spread);
	tally_decref(spread);
	CHECK_COLLECT(2, waits); // a spread object that nobody refers to dies here, frozen or not
	CHECK_EQ(tally_gc_get_freeze_count(), 2);
	unfreeze();
	CHECK_COLLECT(2, 1);
	CHECK_EQ(tally_gc_is_tracked(immortal), true);
}

// ---- classes ----

static void a_frozen_instance_keeps_its_class(void)
{
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "thing", .base = base), *self = only_instance(type);
	tally_decref(base);
	set_int(self, "value", 7);
	freeze();
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	CHECK_EQ(attr_int(self, "value"), 7);
	CHECK_STR(tally_type_name(self), "thing");
	CHECK_EQ(is_released(&kinds[0]) + is_released(&kinds[1]), 0);
	unfreeze();
	CHECK_COLLECT(2, 0);
	CHECK_EQ(attr_int(self, "value"), 7);
	tally_decref(self);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(is_released(&kinds[0]) + is_released(&kinds[1]), 2);
}

static void a_dead_instance_of_a_frozen_class_leaves_it_frozen(void)
{
	tally_object *type = CLASS(.name = "thing");
	freeze();
	tally_object *self = instance(type), *frozen = NULL;
	set_attr(self, "self", self);
	tally_decref(self);
	CHECK_COLLECT(2, 1);
	tally_object *heir = CLASS(.name = "heir", .base = type), *late = only_instance(heir);
	set_attr(late, "self", late);
	tally_decref(late);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(is_released(&kinds[1]), 1);
	frozen = only_instance(type);
	freeze();
	tally_decref(frozen);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(is_released(&kinds[0]), 0);
	unfreeze();
	CHECK_COLLECT(2, 1);
	CHECK_EQ(is_released(&kinds[0]), 1);
}

static tally_object *given; // to the finalizer's saver

static void freeze_and_keep(tally_object *self, void *context)
{
	(void)context;
	freeze();
	if (!given) given = tally_incref(self);
}

static void nothing_dies_of_a_freeze_in_a_finalizer_of_the_collectors(bool keeps)
{
	tally_object *type = CLASS(.name = "thing", .finalize = freeze_and_keep), *self = only_instance(type);
	given = keeps ? NULL : self;
	set_attr(self, "self", self);
	tally_decref(self);
	CHECK_COLLECT(2, keeps ? 0 : 2);
	CHECK_EQ(is_released(&kinds[0]), !keeps);
	CHECK_EQ(tally_gc_get_freeze_count(), keeps ? 2 : 0);
	if (keeps) {
		CHECK_COLLECT(2, 0);
		CHECK_STR(tally_type_name(given), "thing");
		tally_object *same = attr(given, "self");
		CHECK_PTR(same, given);
		tally_decref(same), tally_decref(given);
		CHECK_COLLECT(2, 0);
	}
	given = NULL;
	unfreeze();
	CHECK_COLLECT(2, keeps ? 2 : 0);
	CHECK_EQ(is_released(&kinds[0]), 1);
}

static void what_comes_back_after_a_freeze_in_its_finalizer_is_frozen_with_its_class(void)
{
	nothing_dies_of_a_freeze_in_a_finalizer_of_the_collectors(true);
}

static void what_does_not_come_back_after_a_freeze_in_its_finalizer_dies(void)
{
	nothing_dies_of_a_freeze_in_a_finalizer_of_the_collectors(false);
}

// ---- looking ----

static void frozen_objects_are_referrers_and_are_counted_by_type(void)
{
	tally_object *target = must(tally_list_new()), *frozen = must(tally_list_new());
	push(frozen, target);
	freeze();
	CHECK(is_in(tally_gc_get_referrers(&target, 1), frozen));
	CHECK(is_in(tally_gc_get_referents(&frozen, 1), target));
	tally_gc_type_count counts[100];
	int64_t types = tally_gc_count_types(counts, 100);
	tally_object *lists = must(tally_type_of(frozen));
	for (int64_t i = 0; i < types; i++)
		if (counts[i].type == lists) CHECK_EQ(counts[i].objects, 2);
	unfreeze();
	tally_decref(frozen), tally_decref(target), tally_decref(lists);
}

static void in_a_section_nothing_is_frozen(void)
{
	tally_object *list = must(tally_list_new());
	tally_critical critical;
	CHECK_EQ(tally_critical_begin(&critical, list), 0);
	CHECK_EQ(tally_gc_freeze(), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_freeze: a critical section of this thread is open");
	CHECK_EQ(tally_gc_unfreeze(), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_unfreeze: a critical section of this thread is open");
	CHECK_EQ(tally_gc_get_freeze_count(), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_get_freeze_count: a critical section of this thread is open");
	CHECK_EQ(tally_critical_end(&critical), 0);
	CHECK_EQ(generation_of(list), 0);
	tally_decref(list);
}

// ---- automatic collections, other threads ----

static void automatic_collections_go_on_after_a_freeze(void)
{
	tally_object *frozen = ring_of_lists(MANY);
	freeze();
	set_thresholds(100, 2, 2);
	tally_gc_enable();
	uint64_t before = collections();
	for (int i = 0; i < 20; i++) drop_lists_in_themselves(100);
	CHECK(collections() >= before + 10);
	CHECK(tracked_objects() < MANY + 500);
	CHECK_EQ(tally_gc_get_freeze_count(), MANY);
	tally_gc_disable();
	unfreeze();
	tally_decref(frozen);
	tally_gc_collect(2);
}

enum { COLLECTORS = 2, FREEZERS = 1, ROUNDS = 200 };

static void keep_now_and_then(tally_object *self, struct node *node)
{
	if (node->id % 5) return;
	node_link(self, 1, NULL); // nothing; it may do what it likes
	tally_gc_collect(0);
}

static void freeze_or_collect(void *context, unsigned number)
{
	tally_object *type = context;
	for (int round = 0; round < tap_scale(ROUNDS); round++) {
		if (number < FREEZERS) {
			CHECK_EQ(tally_gc_freeze(), 0);
			CHECK(tally_gc_get_freeze_count() >= 0);
			if (round % 3) CHECK_EQ(tally_gc_unfreeze(), 0);
			continue;
		}
		tally_object *class = CLASS(.name = "passing"), *self = only_instance(class);
		set_attr(self, "self", self);
		tally_decref(self);
		tally_decref(ring_of_nodes(type, round % NODE_IDS, 6));
		drop_lists_in_themselves(10);
		CHECK(tally_gc_collect(round % 3) >= 0);
	}
}

static void freezing_while_others_collect_loses_nothing_and_kills_nobody(void)
{
	tally_object *type = node_type(NODE_WHOLE), *kept = CLASS(.name = "kept"), *self = only_instance(kept);
	set_int(self, "value", 5);
	node_on_finalize = keep_now_and_then;
	run_threads(COLLECTORS + FREEZERS, freeze_or_collect, type);
	node_on_finalize = NULL;
	CHECK_EQ(attr_int(self, "value"), 5);
	unfreeze();
	tally_gc_collect(2);
	tally_gc_collect(2);
	CHECK_EQ(atomic_load(&node_total.dealloc), COLLECTORS * tap_scale(ROUNDS) * 6);
	CHECK_EQ(atomic_load(&node_total.finalize), COLLECTORS * tap_scale(ROUNDS) * 6);
	tally_decref(self);
}

int main(void)
{
	classes_begin(120);
	TAP_RUN(all_that_is_tracked_goes_in_and_comes_out_into_generation_2);
	TAP_RUN(freezing_and_unfreezing_twice_is_the_same_as_once);
	TAP_RUN(freezing_makes_the_counts_begin_anew);
	TAP_RUN(a_frozen_cycle_is_collected_when_it_has_been_unfrozen);
	TAP_RUN(what_a_frozen_object_refers_to_lives);
	TAP_RUN(garbage_among_frozen_objects_is_found);
	TAP_RUN(garbage_that_refers_to_frozen_objects_is_found_and_they_live);
	TAP_RUN(no_collection_looks_at_a_frozen_object);
	TAP_RUN(a_frozen_object_dies_by_its_count_and_what_takes_its_block_is_young);
	TAP_RUN(what_takes_the_block_of_a_frozen_object_that_another_thread_dropped_is_young);
	TAP_RUN(large_objects_are_frozen_and_their_pages_used_again);
	TAP_RUN(a_frozen_object_that_its_finalizer_brings_back_stays_frozen);
	TAP_RUN(immortal_and_spread_objects_are_frozen_and_thawed);
	TAP_RUN(a_frozen_instance_keeps_its_class);
	TAP_RUN(a_dead_instance_of_a_frozen_class_leaves_it_frozen);
	TAP_RUN(what_comes_back_after_a_freeze_in_its_finalizer_is_frozen_with_its_class);
	TAP_RUN(what_does_not_come_back_after_a_freeze_in_its_finalizer_dies);
	TAP_RUN(frozen_objects_are_referrers_and_are_counted_by_type);
	TAP_RUN(in_a_section_nothing_is_frozen);
	TAP_RUN(automatic_collections_go_on_after_a_freeze);
	TAP_RUN(freezing_while_others_collect_loses_nothing_and_kills_nobody);
	return tap_end();
}
