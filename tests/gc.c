// tests/gc.c: the cycle collector: what it finds and counts, what it must leave alone, generations, thresholds, errors,
// memory that cannot be had, other threads. Finalizers are in tests/finalize.c, random graphs in tests/gc_random.c.
#include "nodes.h"
#include "turns.h"

#include <errno.h>
#include <limits.h>

static size_t length_of(tally_object *object)
{
	size_t length = SIZE_MAX;
	CHECK_EQ(tally_len(object, &length), 0);
	return length;
}

// Collects `generation` and expects to find `garbage` objects.
#define CHECK_COLLECT(generation, garbage) CHECK_EQ(tally_gc_collect(generation), (garbage))

// ---- what is collected, and how it is counted ----

static void a_list_in_itself_is_one_object(void)
{
	tally_decref(list_in_itself());
	CHECK_EQ(fixture_live_objects(), 1);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_dict_whose_value_is_itself_is_one_object(void)
{
	tally_object *dict = must(tally_dict_new());
	put(dict, tally_none(), dict);
	tally_decref(dict);
	CHECK_COLLECT(2, 1);
}

static void a_tuple_in_a_list_that_it_holds_are_two(void)
{
	tally_object *list = must(tally_list_new()), *tuple = must(tally_tuple_new(&list, 1));
	push_own(list, tuple);
	tally_decref(list);
	CHECK_EQ(fixture_live_objects(), 2);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_node_that_is_a_key_of_the_dict_that_it_refers_to(void)
{
	tally_object *type = node_type(NODE_PLAIN), *node = node_new(type, 0), *dict = must(tally_dict_new());
	put(dict, node, tally_none());
	node_link(node, 0, dict);
	tally_decref(dict);
	CHECK_COLLECT(2, 0);
	tally_decref(node);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(node_total.dealloc, 1);
}

static void nothing_is_found_where_nothing_is_garbage(void)
{
	CHECK_COLLECT(2, 0);
	tally_object *list = ring_of_lists(10), *number = counted(1);
	CHECK_COLLECT(2, 0);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_refcount(list), 2);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(number);
	tally_decref(list);
	CHECK_COLLECT(2, 10);
	CHECK_COLLECT(2, 0);
}

static void a_hundred_cycles_count_as_a_hundred_in_the_result_and_in_the_statistics(void)
{
	tally_gc_stats before = stats_of(2);
	drop_lists_in_themselves(100);
	CHECK_COLLECT(2, 100);
	CHECK_EQ(stats_of(2).collected, before.collected + 100);
	CHECK_EQ(stats_of(2).uncollectable, before.uncollectable);
}

static void rings_of_every_size_are_found_whole(void)
{
	for (size_t length = 1; length <= 300; length += 1 + length / 40) {
		tally_object *ring = ring_of_lists(length);
		CHECK_COLLECT(2, 0);
		tally_decref(ring);
		CHECK_COLLECT(2, length);
		tally_decref(ring_of_lists(length));
		CHECK_COLLECT(0, length);
	}
}

static void each_node_of_a_ring_dies_once(void)
{
	tally_object *type = node_type(NODE_PLAIN);
	tally_decref(ring_of_nodes(type, 0, 200));
	CHECK_COLLECT(2, 200);
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(node_seen[i].dealloc, 1);
		CHECK(node_seen[i].clear <= 1);
	}
}

// list -> tuple -> dict -> node -> list
static tally_object *ring_of_all_kinds(tally_object *type, int id)
{
	tally_object *list = must(tally_list_new()), *node = node_new(type, id), *dict = must(tally_dict_new());
	tally_object *key = counted(id), *tuple;
	put(dict, key, node);
	tally_decref(key);
	tuple = must(tally_tuple_new((tally_object *[]){dict, tally_none(), dict}, 3));
	tally_decref(dict);
	push_own(list, tuple);
	node_link(node, 1, list);
	node_link(node, 3, list);
	tally_decref(node);
	return list;
}

static void a_ring_of_a_list_a_tuple_a_dict_and_a_node_are_four(void)
{
	tally_object *type = node_type(NODE_PLAIN), *rings[100];
	for (int i = 0; i < 100; i++) rings[i] = ring_of_all_kinds(type, i);
	CHECK_COLLECT(2, 0);
	for (int i = 0; i < 100; i += 2) tally_decref(rings[i]);
	CHECK_COLLECT(2, 200);
	for (int i = 0; i < 100; i++) CHECK_EQ(node_seen[i].dealloc, i % 2 == 0);
	for (int i = 1; i < 100; i += 2) tally_decref(rings[i]);
	CHECK_COLLECT(2, 200);
	CHECK_EQ(node_total.dealloc, 100);
}

// What only garbage refers to is garbage; it counts if the collector examines it, and dies in any case.
static void what_hangs_off_a_cycle_goes_with_it(void)
{
	tally_object *type = fixture_probe_type(), *list = list_in_itself(), *inner = must(tally_list_new());
	push_own(inner, probe(type, 0));
	push_own(inner, text("some text"));
	tally_object *tuple = must(tally_tuple_new(&inner, 1));
	tally_decref(inner);
	push_own(list, tuple);
	push_own(list, must(tally_dict_new()));
	CHECK_COLLECT(2, 0);
	tally_decref(list);
	CHECK_COLLECT(2, 4);
	check_died_in_order(1);
}

static void what_garbage_shares_with_the_living_loses_its_references_and_lives(void)
{
	tally_object *type = node_type(NODE_PLAIN), *shared = node_new(type, 0), *number = counted(7);
	for (int i = 0; i < 50; i++) {
		tally_object *list = list_in_itself();
		push(list, shared);
		push(list, number);
		push(list, number);
		tally_decref(list);
	}
	CHECK_EQ(tally_refcount(shared), 51);
	CHECK_COLLECT(2, 50);
	CHECK_EQ(tally_refcount(shared), 1);
	CHECK_EQ(tally_refcount(number), 1);
	CHECK_EQ(value_of(number), COUNTED + 7);
	CHECK_EQ(node_total.dealloc, 0);
	tally_decref(shared);
	tally_decref(number);
	CHECK_EQ(node_total.dealloc, 1);
}

// Not a candidate, so not counted; dies with its destructor all the same.
static void an_old_object_whose_last_reference_is_in_young_garbage_dies(void)
{
	tally_object *type = node_type(NODE_PLAIN), *old = must(tally_list_new()), *node = node_new(type, 5);
	push_own(old, node);
	CHECK_COLLECT(2, 0);
	tally_object *young = list_in_itself();
	push_own(young, old);
	tally_decref(young);
	CHECK_COLLECT(0, 1);
	CHECK_EQ(node_seen[5].dealloc, 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void singletons_types_and_leaves_in_garbage_do_not_matter(void)
{
	tally_object *type = node_type(NODE_PLAIN), *list = list_in_itself();
	tally_object *leaves[] = {tally_none(), tally_bool(true), type, tally_type_of(list)};
	for (int i = 0; i < 4; i++) push(list, leaves[i]);
	push_own(list, must(tally_float_new(1.5)));
	push_own(list, text("leaf"));
	tally_decref(list);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(tally_refcount(type), UINT32_MAX);
	CHECK_EQ(tally_refcount(tally_none()), UINT32_MAX);
}

static void empty_containers_and_those_that_were_cleared_are_examined_and_live(void)
{
	tally_object *tuple = must(tally_tuple_new(NULL, 0)), *list = must(tally_list_new()), *dict = must(tally_dict_new());
	tally_object *cleared = list_in_itself(), *emptied = must(tally_dict_new());
	put(emptied, tally_none(), emptied);
	CHECK_EQ(tally_list_clear(cleared), 0);
	CHECK_EQ(tally_dict_clear(emptied), 0);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(length_of(cleared) + length_of(emptied) + length_of(list) + length_of(dict) + length_of(tuple), 0);
	tally_object *all[] = {tuple, list, dict, cleared, emptied};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

// Entries that were removed leave holes in the table of a dict.
static void a_dict_with_holes_is_read_right(void)
{
	for (int64_t kept = 0; kept < 40; kept += 3) {
		tally_object *dict = must(tally_dict_new()), *alive = must(tally_list_new());
		for (int64_t i = 0; i < 40; i++) {
			tally_object *key = counted(i);
			put(dict, key, i == kept ? dict : alive);
			tally_decref(key);
		}
		for (int64_t i = 0; i < 40; i++) {
			tally_object *key = counted(i);
			if (i != kept) CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
			tally_decref(key);
		}
		CHECK_COLLECT(2, 0);
		tally_decref(dict);
		CHECK_COLLECT(2, 1);
		CHECK_EQ(tally_refcount(alive), 1);
		tally_decref(alive);
	}
}

static void tuples_of_every_size_are_found_however_many_fit_a_page(void)
{
	static tally_object *items[70000];
	for (size_t size = 1; size <= 70000; size += 1 + size / 3) {
		for (int round = 0; round < 2; round++) { // the second time in the same places
			tally_object *list = must(tally_list_new());
			for (size_t i = 0; i < size; i++) items[i] = i == size - 1 ? list : tally_none();
			tally_object *tuple = must(tally_tuple_new(items, size));
			push(list, tuple);
			tally_decref(list);
			CHECK_COLLECT(2, 0);
			tally_decref(tuple);
			CHECK_COLLECT(2, 2);
		}
	}
}

static void an_object_larger_than_an_arena_is_collected(void)
{
	const size_t size = 9000000;
	tally_object *list = must(tally_list_new()), **items = malloc(size * sizeof *items);
	if (!items) tap_bail_out("no memory");
	for (size_t i = 0; i < size; i++) items[i] = i % 100000 ? tally_none() : list;
	for (int generation = 0; generation < 3; generation++) {
		push_own(list, must(tally_tuple_new(items, size)));
		CHECK_COLLECT(generation, 0);
		CHECK_EQ(tally_refcount(list), 91);
		tally_decref(list);
		CHECK_COLLECT(2, 2);
		list = must(tally_list_new());
		for (size_t i = 0; i < size; i += 100000) items[i] = list;
	}
	tally_decref(list);
	free(items);
}

static void large_objects_are_found_while_they_are_young(void)
{
	static tally_object *items[20000];
	for (int round = 0; round < 5; round++) {
		tally_object *list = must(tally_list_new());
		for (size_t i = 0; i < 20000; i++) items[i] = list;
		push_own(list, must(tally_tuple_new(items, 20000)));
		CHECK_EQ(tally_refcount(list), 20001);
		tally_decref(list);
		CHECK_COLLECT(0, 2);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

// Every block of many pages is garbage, then none is.
static void whole_pages_of_garbage_leave_pages_that_can_be_used(void)
{
	const size_t count = tap_scale((size_t)30000);
	for (int round = 0; round < 4; round++) {
		drop_lists_in_themselves(count);
		CHECK_EQ(fixture_live_objects(), count);
		CHECK_COLLECT(round % 3, count);
		CHECK_EQ(fixture_live_objects(), 0);
		CHECK_EQ(fixture_raw_buffers(), 0);
		tally_object *all = must(tally_list_new());
		for (size_t i = 0; i < count; i++) push_own(all, list_in_itself());
		CHECK_COLLECT(2, 0);
		tally_decref(all);
		CHECK_COLLECT(2, count);
	}
}

// ---- host types ----

static void a_cycle_through_a_type_without_traverse_is_never_found(void)
{
	tally_object *type = node_type(NODE_DEALLOC), *node = node_new(type, 0), *list = must(tally_list_new());
	push(list, node);
	node_link(node, 0, list);
	tally_decref(list);
	struct node *inside = node_of(node);
	tally_decref(node);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	CHECK_EQ(node_total.dealloc, 0);
	inside->link[0] = NULL; // by hand
	tally_decref(list);
	CHECK_EQ(node_total.dealloc, 1);
}

static void each_of_several_references_to_the_same_object_counts(void)
{
	tally_object *type = node_type(NODE_PLAIN), *a = node_new(type, 0), *b = node_new(type, 1);
	for (int i = 0; i < NODE_LINKS; i++) {
		node_link(a, i, i % 2 ? a : b);
		node_link(b, i, a);
	}
	tally_decref(a);
	CHECK_COLLECT(2, 0);
	tally_decref(b);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(node_total.dealloc, 2);
}

static void a_description_that_ends_before_traverse_makes_a_type_that_is_not_examined(void)
{
	tally_host_type description = {.size = offsetof(tally_host_type, traverse), .name = "short", .payload_size = 8};
	description.traverse = node_is_traversed; // lies outside of what its size announces
	description.finalize = node_is_finalized;
	tally_object *object = must(tally_host_new(must(tally_host_type_new(&description))));
	CHECK(!tally_gc_is_tracked(object));
	tally_decref(object);
	CHECK_EQ(node_total.finalize, 0);
}

static void containers_and_types_with_traverse_are_tracked_and_nothing_else(void)
{
	tally_object *list = must(tally_list_new());
	tally_object *tracked[] = {list, must(tally_dict_new()), must(tally_tuple_new(&list, 1)),
	                           node_new(node_type(NODE_PLAIN), 0), node_new(node_type(NODE_TRAVERSE), 0)};
	tally_object *others[] = {tally_none(), tally_bool(false), counted(1), integer(INT64_MAX), must(tally_float_new(2)),
	                          text("x"), node_type(NODE_PLAIN), node_new(node_type(NODE_DEALLOC | NODE_FINALIZE), 0),
	                          node_new(node_type(0), 0)};
	for (int i = 0; i < 5; i++) CHECK(tally_gc_is_tracked(tracked[i]));
	for (int i = 0; i < 9; i++) CHECK(!tally_gc_is_tracked(others[i]));
	for (int i = 5; i > 0; i--) tally_decref(tracked[i - 1]);
	for (int i = 0; i < 9; i++) tally_decref(others[i]);
}

static void the_heap_counts_tracked_objects(void)
{
	uint64_t before = tracked_objects();
	tally_object *objects[] = {must(tally_list_new()), must(tally_dict_new()), node_new(node_type(NODE_PLAIN), 0),
	                           counted(5), text("y"), node_new(node_type(NODE_DEALLOC), 1)};
	CHECK_EQ(tracked_objects(), before + 3);
	tally_object *tuple = must(tally_tuple_new(objects, 6));
	CHECK_EQ(tracked_objects(), before + 4);
	tally_decref(tuple);
	for (int i = 0; i < 6; i++) tally_decref(objects[i]);
	CHECK_EQ(tracked_objects(), before);
	drop_lists_in_themselves(1000);
	CHECK_EQ(tracked_objects(), before + 1000);
	CHECK_COLLECT(2, 1000);
	CHECK_EQ(tracked_objects(), before);
}

// ---- many references to one object ----

static const size_t many[] = {1, 2, 127, 128, 254, 255, 256, 257, 258, 510, 511, 512, 513, 768, 1024, 65535, 65536, 65537};
enum { MANY = sizeof many / sizeof many[0], MANY_MAX = 65537 };

static tally_object *list_of_same(tally_object *item, size_t count)
{
	static tally_object *items[MANY_MAX];
	for (size_t i = 0; i < count; i++) items[i] = item;
	return must(tally_list_from(items, count));
}

static void incref_times(tally_object *object, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_incref(object);
}

static void decref_times(tally_object *object, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(object);
}

// A list that holds a list that holds the first `inside` times; the caller's reference to the first is returned.
static tally_object *knot(size_t inside)
{
	tally_object *one = must(tally_list_new());
	push_own(one, list_of_same(one, inside));
	return one;
}

static void garbage_with_any_number_of_references_among_itself_is_found(void)
{
	for (int i = 0; i < MANY; i++) {
		tally_decref(knot(many[i]));
		CHECK_COLLECT(i % 3, 2);
	}
	for (int i = 0; i < MANY; i++) tally_decref(knot(many[i]));
	CHECK_COLLECT(2, 2 * MANY);
}

static void an_object_with_any_number_of_references_from_outside_lives(void)
{
	for (int i = 0; i < MANY; i++) {
		tally_object *one = knot(256);
		incref_times(one, many[i] - 1);
		CHECK_COLLECT(i % 3, 0);
		CHECK_EQ(tally_refcount(one), 256 + many[i]);
		CHECK_EQ(length_of(one), 1);
		decref_times(one, many[i]);
		CHECK_COLLECT(2, 2);
	}
}

// All pairs of numbers from inside and from outside, in one collection, so that the ambiguous ones are many.
static void every_mixture_of_references_from_inside_and_outside_is_judged_right(void)
{
	static tally_object *knots[MANY][MANY + 1];
	for (int i = 0; i < MANY; i++) {
		for (int o = 0; o <= MANY; o++) {
			size_t inside = many[i] > 1024 && o % 4 ? many[i] - 65024 : many[i]; // fewer of the large ones
			knots[i][o] = knot(inside);
			if (o < MANY) incref_times(knots[i][o], many[o] - 1);
			else tally_decref(knots[i][o]);
		}
	}
	CHECK_COLLECT(0, 2 * MANY);
	CHECK_COLLECT(2, 0);
	for (int i = 0; i < MANY; i++) {
		for (int o = 0; o < MANY; o++) {
			CHECK_EQ(length_of(knots[i][o]), 1);
			decref_times(knots[i][o], many[o]);
		}
	}
	CHECK_COLLECT(2, 2 * MANY * MANY);
}

// The other kinds of container as the one that holds many.
static void a_tuple_or_a_dict_may_be_what_holds_many(void)
{
	static tally_object *items[1024];
	for (int i = 0; i < MANY && many[i] <= 1024; i++) {
		tally_object *list = must(tally_list_new()), *other = must(tally_list_new()), *dict = must(tally_dict_new());
		for (size_t k = 0; k < many[i]; k++) {
			tally_object *key = counted((int64_t)k);
			put(dict, key, other);
			tally_decref(key);
			items[k] = list;
		}
		push_own(list, must(tally_tuple_new(items, many[i])));
		push_own(other, dict);
		incref_times(other, 255);
		tally_decref(list);
		CHECK_COLLECT(2, 2);
		CHECK_EQ(tally_refcount(other), many[i] + 256);
		decref_times(other, 256);
		CHECK_COLLECT(2, 2);
	}
}

// Links in a chain: each holds the next 256 times, and only what is outside of the chain can tell the living from the dead.
static tally_object *chain_of_256s(size_t length, tally_object *last)
{
	tally_object *next = tally_incref(last);
	for (size_t i = 0; i < length; i++) {
		tally_object *list = list_of_same(next, 256);
		tally_decref(next);
		next = list;
	}
	return next;
}

static void what_only_an_ambiguous_object_refers_to_lives_with_it(void)
{
	tally_object *type = fixture_probe_type(), *end = must(tally_list_new());
	push_own(end, probe(type, 0));
	tally_object *live = chain_of_256s(20, end), *dead = chain_of_256s(20, end);
	push(end, live); // both chains end in a list that refers to the live one's beginning
	tally_decref(end);
	incref_times(live, 255);
	CHECK_EQ(tally_refcount(live), 257);
	tally_object *loop = must(tally_list_new()); // makes the dead one a cycle that points at the live one
	push_own(loop, dead);
	push(loop, loop);
	tally_decref(loop);
	CHECK_COLLECT(0, 21);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(tally_refcount(live), 257);
	CHECK_EQ(length_of(live), 256);
	decref_times(live, 256);
	CHECK_COLLECT(2, 21);
	check_died_in_order(1);
}

// The references from outside come from garbage of its own kind, or from old objects that are not examined.
static void ambiguous_objects_that_garbage_or_the_old_refer_to_are_judged_right(void)
{
	tally_object *old = must(tally_list_new()), *garbage = list_in_itself();
	CHECK_COLLECT(2, 0);
	tally_object *held = knot(512), *dropped = knot(512), *by_garbage = knot(256);
	for (int i = 0; i < 256; i++) {
		push(old, held);
		push(garbage, by_garbage);
	}
	tally_object *young_garbage = list_in_itself();
	push(young_garbage, held);
	push(young_garbage, dropped);
	push(dropped, held);
	tally_object *drops[] = {held, dropped, by_garbage, young_garbage};
	for (int i = 0; i < 4; i++) tally_decref(drops[i]);
	CHECK_COLLECT(0, 3); // dropped and what it holds, and the young garbage; old garbage keeps the other
	CHECK_EQ(tally_refcount(held), 512 + 256);
	tally_decref(garbage);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(tally_list_clear(old), 0);
	CHECK_COLLECT(2, 2);
	tally_decref(old);
}

static void a_list_of_a_million_references_to_one_object_that_holds_it(void)
{
	const size_t count = tap_scale((size_t)1000000) & ~(size_t)255; // a multiple of 256
	tally_object *one = must(tally_list_new()), *holder = must(tally_list_new());
	tally_object *batch[256];
	for (int i = 0; i < 256; i++) batch[i] = one;
	for (size_t i = 0; i < count; i += 256) CHECK_EQ(tally_list_extend(holder, batch, 256), 0);
	push_own(one, holder);
	CHECK_EQ(tally_refcount(one), 1 + count);
	CHECK_COLLECT(2, 0);
	incref_times(one, 255);
	CHECK_COLLECT(2, 0);
	decref_times(one, 256);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_cycle_through_a_list_of_a_million_different_objects(void)
{
	const size_t count = tap_scale((size_t)1000000);
	tally_object *all = must(tally_list_new());
	for (size_t i = 0; i < count; i++) {
		tally_object *list = must(tally_list_new());
		push(list, all);
		push_own(all, list);
	}
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_refcount(all), 1 + count);
	tally_decref(all);
	CHECK_COLLECT(2, count + 1);
}

// ---- depth ----

static void *build_and_collect_deep(void *unused)
{
	(void)unused;
	const size_t depth = tap_scale((size_t)1000000);
	tally_token token = attached();
	tally_object *innermost = must(tally_list_new()), *outermost = tally_incref(innermost);
	for (size_t i = 1; i < depth; i++) {
		tally_object *list = must(tally_list_new());
		push_own(list, outermost);
		outermost = list;
	}
	push_own(innermost, outermost);
	CHECK_COLLECT(2, 0);
	tally_decref(innermost);
	CHECK_COLLECT(2, depth);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void on_a_small_stack(void *(*run)(void *))
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	size_t small = SANITIZED ? 256 * 1024 : 64 * 1024;
	if (pthread_attr_setstacksize(&attributes, small)) tap_bail_out("no stack of that size");
	if (pthread_create(&thread, &attributes, run, NULL)) tap_bail_out("no thread");
	pthread_attr_destroy(&attributes);
	finish(thread);
}

static void a_cycle_of_a_million_nested_lists_is_collected_on_a_small_stack(void)
{
	on_a_small_stack(build_and_collect_deep);
	CHECK_EQ(fixture_live_objects(), 0);
}

// Each node's clear drops the last reference to the next.
static void *build_and_collect_deep_nodes(void *unused)
{
	(void)unused;
	const int depth = tap_scale(300000);
	tally_token token = attached();
	tally_decref(ring_of_nodes(node_type(NODE_WHOLE), NODE_IDS, depth));
	CHECK_COLLECT(2, depth);
	CHECK_EQ(node_total.dealloc, depth);
	CHECK_EQ(node_total.finalize, depth);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_ring_of_300000_nodes_is_collected_on_a_small_stack(void) { on_a_small_stack(build_and_collect_deep_nodes); }

// ---- immortal objects ----

static void an_immortal_object_keeps_what_it_holds(void)
{
	tally_object *keeper = must(tally_list_new()), *ring = ring_of_lists(3);
	CHECK_EQ(tally_immortalize(keeper), 0);
	push(keeper, ring);
	push(ring, keeper);
	tally_decref(ring);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	CHECK_EQ(length_of(ring), 2);
	CHECK_EQ(tally_list_clear(keeper), 0);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(tally_refcount(keeper), UINT32_MAX);
	CHECK_EQ(length_of(keeper), 0);
}

static void a_cycle_through_an_immortal_object_is_no_garbage(void)
{
	tally_object *type = node_type(NODE_PLAIN), *immortal = node_new(type, 0), *ring = ring_of_nodes(type, 1, 5);
	node_link(immortal, 0, ring);
	node_link(ring, 1, immortal);
	CHECK_EQ(tally_immortalize(immortal), 0);
	tally_decref(ring);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(node_total.clear + node_total.dealloc, 0);
	node_unlink(node_of(immortal));
	CHECK_COLLECT(2, 5);
	CHECK_EQ(node_seen[0].dealloc, 0);
	CHECK_EQ(node_total.dealloc, 5);
}

static void garbage_around_immortal_objects_leaves_them_untouched(void)
{
	tally_object *immortal = must(tally_list_new()), *number = counted(12345);
	CHECK_EQ(tally_immortalize(immortal), 0);
	CHECK_EQ(tally_immortalize(number), 0);
	for (int i = 0; i < 300; i++) {
		tally_object *list = list_in_itself();
		push(list, immortal);
		push(list, number);
		tally_decref(list);
	}
	push_own(immortal, list_in_itself()); // what it holds alone
	CHECK_COLLECT(2, 300);
	CHECK_EQ(length_of(immortal), 1);
	CHECK_EQ(value_of(number), COUNTED + 12345);
	CHECK_EQ(tally_list_clear(immortal), 0);
	CHECK_COLLECT(2, 1);
}

static void an_object_made_immortal_in_the_middle_of_its_life_stays(void)
{
	tally_object *list = list_in_itself();
	CHECK_COLLECT(0, 0);
	CHECK_EQ(tally_immortalize(list), 0);
	tally_decref(list);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(length_of(list), 1);
	CHECK_EQ(tally_list_clear(list), 0);
}

// ---- generations ----

static void an_object_moves_one_generation_with_each_collection_that_it_survives(void)
{
	tally_object *list = list_in_itself();
	CHECK_COLLECT(0, 0); // now in 1
	tally_decref(list);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 1);

	list = list_in_itself();
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0); // now in 2
	tally_decref(list);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	CHECK_COLLECT(2, 1);
}

static void what_has_survived_a_full_collection_is_not_young(void)
{
	tally_object *list = list_in_itself();
	CHECK_COLLECT(2, 0);
	tally_decref(list);
	CHECK_COLLECT(0, 0);
	CHECK_EQ(fixture_live_objects(), 1);
	CHECK_EQ(tally_gc_collect(1) + tally_gc_collect(2), 1);
}

static void what_has_survived_everything_is_found_by_a_full_collection_only(void)
{
	tally_object *list = ring_of_lists(4);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	tally_decref(list);
	for (int i = 0; i < 10; i++) {
		CHECK_COLLECT(0, 0);
		CHECK_COLLECT(1, 0);
	}
	CHECK_COLLECT(2, 4);
}

// A number of old lists, and their holder.
static tally_object *old_lists(size_t count)
{
	tally_object *holder = must(tally_list_new());
	for (size_t i = 0; i < count; i++) push_own(holder, must(tally_list_new()));
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	return holder;
}

static void a_young_object_that_an_old_one_holds_lives(void)
{
	tally_object *old = old_lists(10), *inner = must(tally_list_get(old, 5)), *young = ring_of_lists(3);
	push_own(inner, young);
	tally_decref(inner);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(0, 0);
	CHECK_EQ(length_of(young), 1);
	tally_decref(old);
	CHECK_COLLECT(2, 3);
}

static void old_garbage_keeps_young_objects_until_its_generation_is_collected(void)
{
	tally_object *old = list_in_itself();
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	push_own(old, ring_of_lists(3));
	tally_decref(old);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	CHECK_EQ(fixture_live_objects(), 4);
	CHECK_COLLECT(2, 4);
}

static void a_cycle_of_old_and_young_is_found_when_all_of_it_is_examined(void)
{
	tally_object *old = must(tally_list_new());
	CHECK_COLLECT(0, 0); // in 1
	tally_object *young = must(tally_list_new());
	push(young, old);
	push(old, young);
	tally_decref(young);
	tally_decref(old);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 2);
}

static void young_garbage_leaves_the_old_objects_that_it_refers_to(void)
{
	tally_object *old = old_lists(100);
	for (ptrdiff_t i = 0; i < 100; i++) {
		tally_object *inner = must(tally_list_get(old, i)), *young = list_in_itself();
		push_own(young, inner);
		push(young, old);
		tally_decref(young);
	}
	CHECK_COLLECT(0, 100);
	CHECK_EQ(tally_refcount(old), 1);
	for (ptrdiff_t i = 0; i < 100; i++) {
		tally_object *inner = must(tally_list_get(old, i));
		CHECK_EQ(tally_refcount(inner), 2);
		tally_decref(inner);
	}
	tally_decref(old);
}

// The places of old objects are taken again: those who live there now are young.
static void an_object_in_the_place_of_an_old_one_is_young(void)
{
	const size_t count = tap_scale((size_t)20000);
	for (int round = 0; round < 3; round++) {
		tally_object *old = old_lists(count);
		tally_decref(old);
		drop_lists_in_themselves(count);
		CHECK_COLLECT(0, count);
	}
}

static void an_object_in_the_place_of_a_middle_aged_one_is_young(void)
{
	const size_t count = tap_scale((size_t)20000);
	for (int round = 0; round < 3; round++) {
		tally_object *holder = must(tally_list_new());
		for (size_t i = 0; i < count; i++) push_own(holder, must(tally_list_new()));
		CHECK_COLLECT(0, 0);
		tally_decref(holder);
		drop_lists_in_themselves(count);
		CHECK_COLLECT(0, count);
	}
}

static void an_object_in_the_place_of_old_garbage_is_young(void)
{
	const size_t count = tap_scale((size_t)20000);
	for (int round = 0; round < 3; round++) {
		tally_object *all = must(tally_list_new());
		for (size_t i = 0; i < count; i++) push_own(all, list_in_itself());
		for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
		tally_decref(all);
		CHECK_COLLECT(2, count);
		drop_lists_in_themselves(count);
		CHECK_COLLECT(0, count);
	}
}

// Half of the places of old objects, scattered over all their pages.
static void young_objects_between_old_ones_are_found(void)
{
	const ptrdiff_t count = tap_scale((ptrdiff_t)20000);
	tally_object *old = old_lists((size_t)count);
	for (int round = 0; round < 4; round++) {
		for (ptrdiff_t i = round % 2; i < count; i += 2) CHECK_EQ(tally_list_set(old, i, tally_none()), 0);
		drop_lists_in_themselves((size_t)count);
		CHECK_COLLECT(0, count);
		for (ptrdiff_t i = round % 2; i < count; i += 2) {
			tally_object *list = list_in_itself();
			CHECK_EQ(tally_list_set(old, i, list), 0);
			tally_decref(list);
		}
		CHECK_COLLECT(0, 0);
	}
	tally_decref(old);
	CHECK_COLLECT(2, 2 * count); // what the last two rounds took out, and what was left in
}

// One object between two collections: the page that it lies on must not be forgotten.
static void what_is_made_after_a_collection_is_found_by_the_next(void)
{
	tally_object *kept = must(tally_list_new());
	for (int i = 0; i < 3000; i++) {
		push_own(kept, must(tally_list_new()));
		tally_decref(list_in_itself());
		CHECK_COLLECT(i % 50 == 49 ? 2 : i % 7 == 6 ? 1 : 0, 1);
	}
	CHECK_EQ(length_of(kept), 3000);
	tally_decref(kept);
}

// On pages that nobody allocates from any more.
static void many_middle_aged_objects_are_found(void)
{
	const size_t count = tap_scale((size_t)20000);
	tally_object *all = must(tally_list_new()), *large[5], **items = calloc(20000, sizeof *items);
	for (size_t i = 0; i < count; i++) push_own(all, list_in_itself());
	for (int i = 0; i < 5; i++) {
		large[i] = must(tally_list_new());
		for (int k = 0; k < 20000; k++) items[k] = large[i];
		push_own(large[i], must(tally_tuple_new(items, 20000)));
	}
	CHECK_COLLECT(0, 0);
	tally_decref(all);
	for (int i = 0; i < 5; i++) tally_decref(large[i]);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, count + 10);
	free(items);
}

static void garbage_that_survived_since_it_was_held_is_found_later(void)
{
	tally_object *rings[60];
	for (int i = 0; i < 60; i++) rings[i] = ring_of_lists((size_t)i + 1);
	int64_t found = 0, dropped = 0;
	for (int i = 0; i < 60; i++) {
		tally_decref(rings[i]);
		dropped += i + 1;
		found += tally_gc_collect(i % 3);
		if (i % 3 == 2) CHECK_EQ(found, dropped);
	}
}

// ---- counts and statistics ----

static void the_counts_say_what_has_been_made_and_collected(void)
{
	uint64_t before[3], after[3];
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_gc_get_count(before), 0);
	CHECK(before[0] < 5);
	CHECK_EQ(before[1], 0);
	CHECK_EQ(before[2], 0);
	tally_object *list = must(tally_list_new());
	CHECK_EQ(tally_gc_get_count(after), 0);
	CHECK_EQ(after[0], before[0] + 1);
	CHECK_COLLECT(0, 0);
	CHECK_EQ(tally_gc_get_count(after), 0);
	CHECK(after[0] < 5);
	CHECK_EQ(after[1], 1);
	CHECK_EQ(after[2], 0);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	CHECK_EQ(tally_gc_get_count(after), 0);
	CHECK_EQ(after[1], 0);
	CHECK_EQ(after[2], 1);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_gc_get_count(after), 0);
	CHECK_EQ(after[1], 0);
	CHECK_EQ(after[2], 0);
	tally_decref(list);
}

static void the_first_count_goes_up_with_each_object_and_down_with_each_drop(void)
{
	uint64_t start[3], now[3];
	tally_object *lists[500];
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_gc_get_count(start), 0);
	for (int i = 0; i < 500; i++) {
		lists[i] = must(tally_list_new());
		CHECK_EQ(tally_gc_get_count(now), 0);
		CHECK_EQ(now[0], start[0] + (unsigned)i + 1);
	}
	for (int i = 0; i < 500; i++) {
		tally_decref(lists[i]);
		CHECK_EQ(tally_gc_get_count(now), 0);
		CHECK_EQ(now[0], start[0] + 499 - (unsigned)i);
	}
}

static void dropping_old_objects_does_not_make_the_first_count_wrap(void)
{
	uint64_t count[3];
	tally_object *old = old_lists(1000);
	tally_decref(old);
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK(count[0] < 1000);
}

static void each_generation_has_statistics_of_its_own(void)
{
	tally_gc_stats before[3];
	for (int chosen = 0; chosen < 3; chosen++) {
		for (int i = 0; i < 3; i++) before[i] = stats_of(i);
		drop_lists_in_themselves(7);
		CHECK_COLLECT(chosen, 7);
		for (int i = 0; i < 3; i++) {
			tally_gc_stats now = stats_of(i);
			CHECK_EQ(now.collections, before[i].collections + (i == chosen));
			CHECK_EQ(now.collected, before[i].collected + (i == chosen ? 7 : 0));
			CHECK_EQ(now.uncollectable, before[i].uncollectable);
			CHECK_EQ(now.failed, 0);
		}
	}
}

static void a_new_runtime_has_the_usual_settings(void)
{
	uint32_t threshold[3] = {0, 0, 0};
	set_thresholds(1, 2, 3);
	tally_gc_disable();
	drop_lists_in_themselves(10);
	CHECK_COLLECT(1, 10);
	fixture_stop();
	fixture_start();
	tally_gc_get_threshold(threshold);
	CHECK_EQ(threshold[0], TALLY_HARD ? 7 : 700);
	CHECK_EQ(threshold[1], TALLY_HARD ? 2 : 10);
	CHECK_EQ(threshold[2], TALLY_HARD ? 2 : 10);
	CHECK(tally_gc_is_enabled());
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(stats_of(i).collections, 0);
		CHECK_EQ(stats_of(i).collected, 0);
	}
}

static void settings_are_what_was_set(void)
{
	static const uint32_t settings[][3] = {{0, 0, 0}, {1, 1, 1}, {UINT32_MAX, UINT32_MAX, UINT32_MAX}, {5, 0, 7}};
	uint32_t threshold[3];
	for (int i = 0; i < 4; i++) {
		tally_gc_set_threshold(settings[i]);
		tally_gc_get_threshold(threshold);
		for (int k = 0; k < 3; k++) CHECK_EQ(threshold[k], settings[i][k]);
	}
	CHECK(!tally_gc_is_enabled());
	tally_gc_enable();
	tally_gc_enable();
	CHECK(tally_gc_is_enabled());
	tally_gc_disable();
	CHECK(!tally_gc_is_enabled());
}

static void settings_and_statistics_can_be_read_and_set_by_any_thread_in_any_state_unattached(void)
{
	uint32_t threshold[3] = {1, 2, 3};
	tally_gc_stats stats = {.size = sizeof stats};
	tally_gc_pauses pauses = {.size = sizeof pauses};
	tally_gc_set_threshold(threshold);
	tally_gc_get_threshold(threshold);
	tally_gc_enable();
	CHECK(tally_gc_is_enabled());
	tally_gc_disable();
	CHECK_EQ(tally_gc_get_stats(1, &stats), 0);
	CHECK_EQ(tally_gc_get_pauses(&pauses), 0);
	tally_gc_reset_pauses();
	CHECK_EQ(threshold[2], 3);
}

static void settings_and_statistics_can_be_read_and_set_by_any_thread_in_any_state(void)
{
	run_unattached(settings_and_statistics_can_be_read_and_set_by_any_thread_in_any_state_unattached);
	CHECK_EQ(tally_blocking_begin(), 0);
	settings_and_statistics_can_be_read_and_set_by_any_thread_in_any_state_unattached();
	CHECK_EQ(tally_blocking_end(), 0);
}

// ---- pauses ----

static tally_gc_pauses pauses(void)
{
	tally_gc_pauses pauses = {.size = sizeof pauses};
	CHECK_EQ(tally_gc_get_pauses(&pauses), 0);
	return pauses;
}

static void check_durations(tally_gc_durations durations, uint64_t count)
{
	CHECK(durations.p50 <= durations.p99);
	CHECK(durations.p99 <= durations.max + durations.max / 16 + 1);
	CHECK(durations.max <= durations.total);
	CHECK(durations.total <= durations.max * count);
}

static void pauses_are_counted_and_measured(void)
{
	tally_gc_reset_pauses();
	CHECK_EQ(pauses().count, 0);
	CHECK_EQ(pauses().pause.total, 0);
	for (int i = 0; i < 10; i++) {
		drop_lists_in_themselves(100);
		uint64_t begin = now_ns();
		CHECK_COLLECT(i % 3, 100);
		CHECK(pauses().pause.max <= now_ns() - begin || i > 0);
	}
	tally_gc_pauses seen = pauses();
	CHECK_EQ(seen.count, 10);
	CHECK(seen.pause.max > 0);
	check_durations(seen.pause, seen.count);
	check_durations(seen.to_safepoint, seen.count);
	if (is_gil()) CHECK_EQ(seen.to_safepoint.total, 0);
	tally_gc_reset_pauses();
	CHECK_EQ(pauses().count, 0);
	CHECK_EQ(pauses().pause.max, 0);
}

static void a_collection_whose_finalizers_ran_makes_two_pauses(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	tally_gc_reset_pauses();
	tally_decref(ring_of_nodes(type, 0, 5));
	CHECK_COLLECT(2, 5);
	CHECK_EQ(pauses().count, 2);
}

// ---- automatic collection ----

// Makes up to `count` lists that stay alive in `kept`; stops when a collection has happened. Returns how many it made.
static size_t make_until_collected(tally_object *kept, size_t count)
{
	uint64_t before = collections();
	for (size_t i = 0; i < count; i++) {
		push_own(kept, must(tally_list_new()));
		if (collections() != before) return i + 1;
	}
	return count;
}

static void making_many_objects_brings_a_collection_about(void)
{
	tally_object *kept = must(tally_list_new());
	set_thresholds(1000, 10, 10);
	tally_gc_enable();
	size_t made = make_until_collected(kept, 10000);
	CHECK(made < 10000);
	CHECK(made > 900);
	made = make_until_collected(kept, 10000);
	CHECK(made < 10000);
	CHECK(made > 900);
	tally_gc_disable();
	CHECK_EQ(make_until_collected(kept, 10000), 10000);
	tally_decref(kept);
}

static void with_the_usual_settings_garbage_does_not_pile_up(void)
{
	tally_gc_enable();
	for (int i = 0; i < 100; i++) {
		drop_lists_in_themselves(1000);
		CHECK(tracked_objects() < 10000);
	}
	CHECK(stats_of(0).collections > 0);
	tally_gc_disable();
	CHECK(tally_gc_collect(2) >= 0);
}

static void a_threshold_of_0_or_disabling_stops_automatic_collection(void)
{
	tally_object *kept = must(tally_list_new());
	set_thresholds(0, 10, 10);
	tally_gc_enable();
	CHECK_EQ(make_until_collected(kept, 10000), 10000);
	tally_gc_disable();
	set_thresholds(1, 1, 1);
	CHECK_EQ(make_until_collected(kept, 10000), 10000);
	drop_lists_in_themselves(5);
	CHECK_COLLECT(2, 5); // asked for, it works
	tally_decref(kept);
}

static void objects_that_are_dropped_again_bring_no_collection_about(void)
{
	tally_object *lists[500];
	set_thresholds(1000, 10, 10);
	tally_gc_enable();
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 500; i++) lists[i] = must(tally_list_new());
		for (int i = 0; i < 500; i++) tally_decref(lists[i]);
	}
	CHECK_EQ(collections(), 0);
}

static void older_generations_are_collected_less_often(void)
{
	set_thresholds(50, 4, 3);
	tally_gc_enable();
	tally_object *kept = must(tally_list_new());
	for (int i = 0; i < 40; i++) {
		drop_lists_in_themselves(1000);
		for (int k = 0; k < 100; k++) push_own(kept, must(tally_list_new()));
	}
	tally_gc_disable();
	uint64_t all = stats_of(0).collections, middle = stats_of(1).collections, full = stats_of(2).collections;
	tap_note("%llu collections, %llu of generation 1, %llu of everything", (unsigned long long)all,
	         (unsigned long long)middle, (unsigned long long)full);
	CHECK(full > 0);
	CHECK(middle > full);
	CHECK(all >= middle * 3);
	tally_decref(kept);
	CHECK(tally_gc_collect(2) >= 0);
}

// Little is added to a large heap: everything is not examined again and again.
static void the_oldest_generation_waits_until_a_quarter_has_been_added(void)
{
	const size_t live = tap_scale((size_t)40000);
	tally_object *old = old_lists(live);
	set_thresholds(50, 2, 2);
	uint64_t full = stats_of(2).collections, before = stats_of(1).collections;
	tally_gc_enable();
	for (size_t i = 0; i < live / 10; i++) push_own(old, must(tally_list_new()));
	drop_lists_in_themselves(live);
	if (live > 1000) CHECK(stats_of(1).collections > before + 5);
	CHECK_EQ(stats_of(2).collections, full);
	for (size_t i = 0; i < live; i++) push_own(old, must(tally_list_new()));
	drop_lists_in_themselves(live);
	if (live > 1000) CHECK(stats_of(2).collections > full);
	tally_gc_disable();
	tally_decref(old);
	CHECK(tally_gc_collect(2) >= 0);
}

static void the_error_of_the_thread_and_errno_survive_collections(void)
{
	tally_error_set(TALLY_ERROR_KEY, "no %s here", "key");
	errno = ERANGE;
	drop_lists_in_themselves(10);
	CHECK_COLLECT(2, 10);
	CHECK_EQ(errno, ERANGE);
	set_thresholds(10, 2, 2);
	tally_gc_enable();
	while (collections() < 30) {
		errno = EDOM;
		drop_lists_in_themselves(50);
		if (!CHECK_EQ(errno, EDOM)) break;
	}
	CHECK_ERROR(TALLY_ERROR_KEY, "no key here");
	tally_gc_disable();
	CHECK(tally_gc_collect(2) >= 0);
}

// A list is filled while a threshold of 1 collects at every chance: what is being built is never taken for garbage.
static void what_is_being_built_is_never_garbage(void)
{
	tally_object *items[40], *all = must(tally_list_new()), *dict = must(tally_dict_new());
	set_thresholds(1, 1, 1);
	tally_gc_enable();
	const int rounds = tap_scale(300);
	for (int round = 0; round < rounds; round++) {
		for (int i = 0; i < 40; i++) {
			items[i] = list_in_itself();
			push_own(items[i], counted(i));
		}
		tally_object *tuple = must(tally_tuple_new(items, 40)), *list = must(tally_list_from(items, 40));
		tally_object *key = counted(round);
		for (int i = 0; i < 40; i++) tally_decref(items[i]);
		push(list, tuple);
		put(dict, key, list);
		push_own(all, tuple);
		tally_decref(list);
		tally_decref(key);
		for (ptrdiff_t i = 0; i < 40; i++) {
			tally_object *item = must(tally_tuple_get(tuple, i));
			CHECK_EQ(take_counted(tally_list_get(item, 1)), i);
			tally_decref(item);
		}
	}
	CHECK_EQ(length_of(all), rounds);
	tally_decref(all);
	tally_decref(dict);
	tally_gc_disable();
	CHECK(tally_gc_collect(2) >= 0);
}

// ---- errors ----

// The error is of this kind and names the operation; forgets it.
static void check_error_of(enum tally_error_code code, const char *operation)
{
	CHECK_EQ(tally_error_code(), code);
	if (!CHECK(strncmp(tally_error_message(), operation, strlen(operation)) == 0))
		tap_note("expected %s, got %s", operation, tally_error_message());
	tally_error_clear();
}

static void a_generation_that_does_not_exist_is_refused(void)
{
	static const int generations[] = {-1, 3, 4, 1000, -1000, INT_MAX, INT_MIN};
	drop_lists_in_themselves(3);
	for (int i = 0; i < 7; i++) {
		tally_gc_stats stats = {.size = sizeof stats};
		CHECK_COLLECT(generations[i], -1);
		check_error_of(TALLY_ERROR_VALUE, "gc_collect: ");
		CHECK_EQ(tally_gc_get_stats(generations[i], &stats), -1);
		check_error_of(TALLY_ERROR_VALUE, "gc_get_stats: ");
	}
	CHECK_COLLECT(2, 3);
}

static void a_struct_of_another_size_is_refused(void)
{
	static const size_t sizes[] = {0, 4, 8, SIZE_MAX};
	for (int i = 0; i < 4; i++) {
		tally_gc_stats stats = {.size = sizes[i]};
		tally_gc_pauses pauses = {.size = sizes[i]};
		CHECK_EQ(tally_gc_get_stats(0, &stats), -1);
		check_error_of(TALLY_ERROR_VALUE, "gc_get_stats: ");
		CHECK_EQ(tally_gc_get_pauses(&pauses), -1);
		check_error_of(TALLY_ERROR_VALUE, "gc_get_pauses: ");
	}
}

static void fail_unattached(void)
{
	uint64_t count[3];
	CHECK_COLLECT(2, -1);
	check_error_of(TALLY_ERROR_THREAD, "gc_collect: ");
	CHECK_EQ(tally_gc_get_count(count), -1);
	check_error_of(TALLY_ERROR_THREAD, "gc_get_count: ");
}

static void a_thread_that_is_not_attached_cannot_collect(void)
{
	drop_lists_in_themselves(3);
	run_unattached(fail_unattached);
	CHECK_EQ(tally_blocking_begin(), 0);
	fail_unattached();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_COLLECT(2, 3);
}

static void a_thread_in_a_critical_section_cannot_collect(void)
{
	tally_critical outer, inner;
	tally_object *list = must(tally_list_new());
	drop_lists_in_themselves(3);
	CHECK_EQ(tally_critical_begin(&outer, list), 0);
	CHECK_COLLECT(2, -1);
	check_error_of(TALLY_ERROR_THREAD, "gc_collect: ");
	CHECK_EQ(tally_critical_begin(&inner, list), 0);
	CHECK_COLLECT(0, -1);
	check_error_of(TALLY_ERROR_THREAD, "gc_collect: ");
	CHECK_EQ(tally_critical_end(&inner), 0);
	CHECK_COLLECT(2, -1);
	check_error_of(TALLY_ERROR_THREAD, "gc_collect: ");
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK_COLLECT(2, 3);
	tally_decref(list);
}

// ---- critical sections ----

static bool is_in_section;
static unsigned finalized_in_section;

static void note_section(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	finalized_in_section += is_in_section;
}

static void nothing_is_collected_automatically_inside_a_section(void)
{
	tally_object *type = node_type(NODE_WHOLE), *kept = must(tally_list_new());
	tally_critical section;
	finalized_in_section = 0;
	node_on_finalize = note_section;
	for (int i = 0; i < 10; i++) tally_decref(ring_of_nodes(type, 0, 3));
	set_thresholds(5, 1, 1);
	CHECK_EQ(tally_critical_begin(&section, kept), 0);
	is_in_section = true;
	tally_gc_enable();
	for (int i = 0; i < 5000; i++) push_own(kept, must(tally_list_new()));
	for (int i = 0; i < 10; i++) tally_decref(ring_of_nodes(type, 0, 3));
	CHECK_EQ(node_total.finalize, 0);
	is_in_section = false;
	CHECK_EQ(tally_critical_end(&section), 0);
	for (int i = 0; i < 5000; i++) push_own(kept, must(tally_list_new()));
	CHECK_EQ(node_total.finalize, 60);
	CHECK_EQ(finalized_in_section, 0);
	tally_gc_disable();
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(node_total.dealloc, 60);
	tally_decref(kept);
}

static void cycles_dropped_inside_a_section_are_found_after_it(void)
{
	tally_critical section;
	tally_object *list = must(tally_list_new()), *holder = must(tally_list_new());
	for (int i = 0; i < 10; i++) push_own(holder, ring_of_lists(3));
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	drop_lists_in_themselves(10);
	tally_decref(holder); // dies at the end of the section, and gives ten rings up
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_COLLECT(2, 40);
	tally_decref(list);
}

// ---- threads ----

static struct {
	stage at;
	tally_object *object, *other;
	void (*wait)(stage *at, unsigned number);
	atomic_llong found;
	tally_object *objects[100];
} scene;

static void begin_scene(void)
{
	reach(&scene.at, 0);
	atomic_store(&scene.found, 0);
	scene.object = scene.other = NULL;
}

// The three ways in which a thread may be while another one collects.
static void (*const ways[])(stage *at, unsigned number) = {await, await_at_stop_points, await_at_run_points};

static void *hold_a_ring(void *unused)
{
	(void)unused;
	tally_token token = attached();
	tally_object *ring = scene.object ? scene.object : ring_of_lists(5), *list = must(tally_list_new());
	push_own(list, ring_of_lists(3));
	reach(&scene.at, 1);
	scene.wait(&scene.at, 2);
	CHECK_EQ(length_of(ring), 1);
	CHECK_EQ(length_of(list), 1);
	tally_decref(ring);
	tally_decref(list);
	reach(&scene.at, 3);
	scene.wait(&scene.at, 4);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void what_another_thread_holds_on_its_stack_lives_until_it_is_dropped(void)
{
	for (int i = 0; i < 6; i++) {
		begin_scene();
		scene.wait = ways[i % 3];
		scene.object = i < 3 ? NULL : ring_of_lists(5); // made by the other thread, or by this one
		pthread_t holder = spawn(hold_a_ring, NULL);
		await(&scene.at, 1);
		for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
		reach(&scene.at, 2);
		await(&scene.at, 3);
		CHECK_COLLECT(2, 8);
		reach(&scene.at, 4);
		finish(holder);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

// What the other thread drops is queued for its owner, which comes to no run point: the collection must know.
static void *drop_what_others_made(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < 100; i++) {
		incref_times(scene.objects[i], (size_t)i % 5);
		decref_times(scene.objects[i], (size_t)i % 5 + 2);
	}
	reach(&scene.at, 1);
	atomic_store(&scene.found, tally_gc_collect(2));
	reach(&scene.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void counts_that_several_threads_share_are_summed(void)
{
	for (int i = 0; i < 3; i++) {
		begin_scene();
		for (int k = 0; k < 100; k++) {
			scene.objects[k] = list_in_itself();
			if (k % 2) incref_times(scene.objects[k], 1);
			else push_own(scene.objects[k], tally_incref(tally_incref(scene.objects[k])));
		}
		pthread_t dropper = spawn(drop_what_others_made, NULL);
		ways[i](&scene.at, 2);
		finish(dropper);
		CHECK_EQ(atomic_load(&scene.found), 100);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

static void *keep_one_reference_each(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < 100; i++) {
		incref_times(scene.objects[i], 300); // 256 of them stay
		decref_times(scene.objects[i], 44);
	}
	reach(&scene.at, 1);
	scene.wait(&scene.at, 2);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(length_of(scene.objects[i]), 1);
		decref_times(scene.objects[i], 256);
	}
	reach(&scene.at, 3);
	scene.wait(&scene.at, 4);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void references_that_another_thread_added_keep_objects_alive(void)
{
	for (int i = 0; i < 3; i++) {
		begin_scene();
		scene.wait = ways[i];
		for (int k = 0; k < 100; k++) scene.objects[k] = k % 2 ? list_in_itself() : knot(256);
		pthread_t keeper = spawn(keep_one_reference_each, NULL);
		await(&scene.at, 1);
		for (int k = 0; k < 100; k++) tally_decref(scene.objects[k]);
		for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
		reach(&scene.at, 2);
		await(&scene.at, 3);
		CHECK_COLLECT(2, 150);
		reach(&scene.at, 4);
		finish(keeper);
	}
}

static void *make_garbage_and_block(void *unused)
{
	(void)unused;
	tally_token token = attached();
	drop_lists_in_themselves(100);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&scene.at, 1);
	while (!has_reached(&scene.at, 2)) sched_yield(); // comes to no point
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// The thread goes on only after the collections: to wait for it would be a deadlock.
static void a_collection_waits_for_no_thread_in_a_blocking_region(void)
{
	begin_scene();
	pthread_t blocked = spawn(make_garbage_and_block, NULL);
	await(&scene.at, 1);
	CHECK_COLLECT(0, 100);
	CHECK_COLLECT(2, 0);
	reach(&scene.at, 2);
	finish(blocked);
}

static void make_garbage_and_go(void *unused, unsigned number)
{
	(void)unused;
	drop_lists_in_themselves(1000);
	tally_object *ring = ring_of_lists(10);
	scene.objects[number] = ring; // a reference for the main thread
}

// Their pages belong to nobody now, or to an heir.
static void garbage_of_threads_that_have_gone_is_found(void)
{
	for (int generation = 0; generation < 3; generation++) {
		for (int round = 0; round < 3; round++) {
			run_threads(4, make_garbage_and_go, NULL);
			CHECK_COLLECT(generation, 4000);
			for (int i = 0; i < 4; i++) tally_decref(scene.objects[i]);
			CHECK_COLLECT(2, 40);
			CHECK_EQ(fixture_live_objects(), 0);
		}
	}
}

static void a_trim_does_not_hide_what_is_young(void)
{
	for (int round = 0; round < 3; round++) {
		run_threads(4, make_garbage_and_go, NULL);
		CHECK_EQ(tally_heap_trim(NULL), 0); // adopts their pages
		CHECK_COLLECT(0, 4000);
		for (int i = 0; i < 4; i++) tally_decref(scene.objects[i]);
		CHECK_COLLECT(2, 40);
	}
}

// Old garbage and young garbage of a thread whose pages another one took over, with places taken again.
static void an_heir_continues_where_a_thread_left_off(void)
{
	run_threads(1, make_garbage_and_go, NULL);
	tally_object *first = scene.objects[0];
	CHECK_COLLECT(0, 1000);
	run_threads(1, make_garbage_and_go, NULL); // on the same pages, very likely
	CHECK_COLLECT(0, 1000);
	tally_decref(first);
	tally_decref(scene.objects[0]);
	CHECK_COLLECT(2, 20);
}

static void make_garbage_with_others(void *garbage, unsigned number)
{
	tally_object *shared = garbage;
	for (int i = 0; i < 500; i++) {
		tally_object *list = list_in_itself();
		push(shared, list);
		push(list, shared);
		tally_decref(list);
	}
	(void)number;
}

static void one_thread_collects_a_web_that_four_have_made(void)
{
	tally_object *shared = must(tally_list_new());
	run_threads(4, make_garbage_with_others, shared);
	CHECK_EQ(tally_refcount(shared), 2001);
	CHECK_COLLECT(2, 0);
	tally_decref(shared);
	CHECK_COLLECT(2, 2001);
}

static void collect_at_once(void *unused, unsigned number)
{
	(void)unused;
	int64_t found = tally_gc_collect((int)number % 2 ? 2 : 0);
	CHECK(found >= 0);
	atomic_fetch_add(&scene.found, found);
}

static void of_collections_at_once_each_finds_something_or_returns_0(void)
{
	const int rounds = tap_scale(50);
	for (int round = 0; round < rounds; round++) {
		begin_scene();
		drop_lists_in_themselves(200);
		run_threads(4, collect_at_once, NULL);
		CHECK_EQ(atomic_load(&scene.found), 200); // of objects that are young for all of them
	}
}

// ---- large collections, in which threads that stand still may be asked to help ----

// Lists in a tree, with nodes, tuples and dicts between them that refer to any of the lists; with long lists and tuples of
// lists that nobody else refers to; and, unless the web is light, with many references to one object.
struct web {
	tally_object **list;
	size_t lists, objects;
	bool is_light;
	uint64_t random;
};

static tally_object *any_list(struct web *web) { return web->list[below(&web->random, (unsigned)web->lists)]; }

static tally_object *new_member_of_web(struct web *web, size_t i, tally_object *type)
{
	tally_object *made;
	web->objects++;
	switch (i % 4) {
	case 0:
		made = node_new(type, NODE_IDS);
		for (int k = 0; k < 3; k++) node_link(made, k, any_list(web));
		return made;
	case 1: return must(tally_tuple_new((tally_object *[]){any_list(web), tally_none(), any_list(web)}, 3));
	case 2:
		made = must(tally_dict_new());
		put(made, tally_none(), any_list(web));
		put(made, tally_bool(true), any_list(web));
		return made;
	default: return list_of_same(any_list(web), web->is_light ? 3 : 256);
	}
}

static tally_object *long_run(struct web *web, size_t i)
{
	static tally_object *items[9000];
	size_t size = 4000 + below(&web->random, 5000);
	for (size_t k = 0; k < size; k++) items[k] = must(tally_list_new());
	tally_object *run = i % 2 ? must(tally_list_from(items, size)) : must(tally_tuple_new(items, size));
	for (size_t k = 0; k < size; k++) tally_decref(items[k]);
	web->objects += 1 + size;
	return run;
}

// References lead forth and back in memory, so that no single sweep over it finds everything.
static void shuffle_lists(struct web *web)
{
	for (size_t i = web->lists - 1; i > 0; i--) {
		size_t k = below(&web->random, (unsigned)i + 1);
		tally_object *other = web->list[k];
		web->list[k] = web->list[i];
		web->list[i] = other;
	}
}

static void make_lists_of_web(struct web *web)
{
	for (size_t i = 0; i < web->lists; i++) web->list[i] = must(tally_list_new());
	shuffle_lists(web);
	for (size_t i = 1; i < web->lists; i++) push(web->list[(i - 1) / 3], web->list[i]);
	push(web->list[0], web->list[0]); // a cycle, so that counts alone destroy nothing of it
	web->objects = web->lists;
}

enum { ROOTS_APART = 16 };

// The caller has a reference to the root of the tree, the first list, and to every sixteenth, so that marks spread from many
// places at once.
static struct web new_web(tally_object *type, size_t lists, unsigned number, bool is_light)
{
	struct web web = {.list = malloc(lists * sizeof web.list[0]), .lists = lists, .is_light = is_light,
	                  .random = fixture_seed(number)};
	if (!web.list) tap_bail_out("no memory");
	make_lists_of_web(&web);
	for (size_t i = 0; i < lists; i += 5) push_own(any_list(&web), new_member_of_web(&web, i, type));
	for (size_t i = 0; i < lists; i += 7) push(any_list(&web), any_list(&web));
	for (size_t i = 0; i < 9; i++) push_own(any_list(&web), long_run(&web, i));
	for (size_t i = 1; i < lists; i++)
		if (i % ROOTS_APART) tally_decref(web.list[i]);
	return web;
}

static void drop_web(const struct web *web)
{
	for (size_t i = 0; i < web->lists; i += ROOTS_APART) tally_decref(web->list[i]);
}

// Changes when a count or a length of one of the lists does.
static uint64_t sum_of_web(const struct web *web)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < web->lists; i++) sum = sum * 31 + tally_refcount(web->list[i]) * 7 + length_of(web->list[i]);
	return sum;
}

static void *stand_by(void *way)
{
	tally_token token = attached();
	(*(void (**)(stage *at, unsigned number))way)(&scene.at, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static size_t lists_of_a_web(void)
{
	size_t wanted = tap_scale((size_t)50000);
	return wanted < 30000 ? 30000 : wanted; // so many that help is asked for
}

static void collect_webs(tally_object *type, int generation, unsigned number)
{
	size_t lists = lists_of_a_web();
	struct web live = new_web(type, lists, number * 2, false), dead = new_web(type, lists, number * 2 + 1, false);
	for (size_t i = 0; i < lists; i += 3) push(dead.list[i], live.list[77]);
	uint32_t references = tally_refcount(live.list[77]);
	nodes_forget();
	drop_web(&dead);
	CHECK_EQ(tally_gc_collect(generation), dead.objects);
	CHECK_EQ(tally_refcount(live.list[77]), references - (lists + 2) / 3);
	CHECK_EQ(tracked_objects(), live.objects);
	uint64_t sum = sum_of_web(&live);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(sum_of_web(&live), sum);
	drop_web(&live);
	CHECK_COLLECT(2, live.objects);
	free(live.list);
	free(dead.list);
}

// Of all objects one alone has so many references that only a recount can tell.
static void collect_around_a_hermit(tally_object *type, int generation, unsigned number)
{
	struct web webs[2];
	tally_object *hermit = NULL;
	for (unsigned i = 0; i < 2; i++) {
		if (i == number % 2) hermit = must(tally_list_new());
		webs[i] = new_web(type, lists_of_a_web() / 2, number * 2 + i, true);
	}
	push_own(hermit, text("still here"));
	incref_times(hermit, 255);
	CHECK_COLLECT(generation, 0);
	drop_web(&webs[0]);
	CHECK_COLLECT(2, webs[0].objects);
	CHECK_EQ(tracked_objects(), webs[1].objects + 1);
	CHECK_EQ(tally_refcount(hermit), 256);
	CHECK_EQ(length_of(hermit), 1);
	decref_times(hermit, 256);
	drop_web(&webs[1]);
	CHECK_COLLECT(2, webs[1].objects);
	for (int i = 0; i < 2; i++) free(webs[i].list);
}

// Calls `run` in some rounds with one to three threads that stand by in one of the three ways, or in all of them.
static void with_threads_standing_by(void (*run)(tally_object *type, int generation, unsigned number))
{
	const int rounds = 1 + tap_scale(7);
	tally_object *type = node_type(NODE_PLAIN);
	tap_seed();
	for (int round = 0; round < rounds; round++) {
		int count = round % 3 + 1, way = round % 4;
		pthread_t threads[3];
		begin_scene();
		for (int i = 0; i < count; i++) threads[i] = spawn(stand_by, (void *)&ways[way < 3 ? 2 - way : i]);
		run(type, round % 3, (unsigned)round);
		reach(&scene.at, 1);
		for (int i = 0; i < count; i++) finish(threads[i]);
	}
}

static void large_collections_are_exact_while_other_threads_stand_by(void) { with_threads_standing_by(collect_webs); }

static void the_one_doubtful_object_of_many_lives_while_other_threads_stand_by(void)
{
	with_threads_standing_by(collect_around_a_hermit);
}

// A thread in a section, where nothing is destroyed, has dropped a list: it is dead, but what it holds is not garbage.
static void *drop_in_a_section(void *unused)
{
	(void)unused;
	tally_token token = attached();
	tally_critical section;
	tally_object *over = must(tally_list_new()), *dropped = must(tally_list_new());
	push_own(dropped, ring_of_lists(5));
	push(dropped, scene.object);
	CHECK_EQ(tally_critical_begin(&section, over), 0);
	tally_decref(dropped);
	reach(&scene.at, 1);
	if (is_gil()) await(&scene.at, 2); // a section keeps its lock
	else await_at_stop_points(&scene.at, 2);
	CHECK_EQ(tally_critical_end(&section), 0);
	reach(&scene.at, 3);
	tally_decref(over);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void what_the_dying_still_hold_is_no_garbage(void)
{
	begin_scene();
	scene.object = ring_of_lists(4);
	pthread_t thread = spawn(drop_in_a_section, NULL);
	await(&scene.at, 1);
	tally_decref(scene.object);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	reach(&scene.at, 2);
	await(&scene.at, 3);
	finish(thread);
	CHECK_COLLECT(2, 9);
}

// A destructor that collects: its own object is dead, what its payload refers to is still held by it.
static void collect_and_die(void *payload, void *context)
{
	(void)context;
	struct node *node = payload;
	int64_t found = tally_gc_collect(node->id % 3);
	CHECK(found >= 0);
	atomic_fetch_add(&scene.found, found);
	if (node->link[0]) CHECK_EQ(length_of(node->link[0]), 1);
	atomic_fetch_add(&node_total.dealloc, 1);
	node_unlink(node);
}

static tally_object *collecting_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "collecting",
		.payload_size = sizeof(struct node),
		.dealloc = collect_and_die,
		.traverse = node_is_traversed,
		.clear = node_clears,
		.context = node_seen,
	};
	return must(tally_host_type_new(&description));
}

static void a_destructor_may_collect(void)
{
	tally_object *type = collecting_type(), *all = must(tally_list_new());
	for (int i = 0; i < 20; i++) {
		tally_object *node = node_new(type, i), *ring = ring_of_lists(3);
		node_link(node, 0, ring);
		tally_decref(ring);
		push_own(all, node);
	}
	drop_lists_in_themselves(10);
	tally_decref(all);
	CHECK_EQ(node_total.dealloc, 20);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_destructor_of_garbage_that_collects_gets_0(void)
{
	tally_object *type = collecting_type();
	begin_scene();
	for (int i = 0; i < 5; i++) {
		tally_object *node = node_new(type, i), *list = must(tally_list_new());
		push(list, node);
		node_link(node, 1, list);
		tally_decref(list);
		tally_decref(node);
	}
	CHECK_COLLECT(2, 10);
	CHECK_EQ(node_total.dealloc, 5);
	CHECK_EQ(atomic_load(&scene.found), 0);
}

// ---- memory that cannot be had ----

static bool faults_are_offered(void)
{
	bool offered = tally_heap_fail(0, false) == 0;
	tally_error_clear();
	return offered;
}

enum { KEPT = 300 };

// Garbage of 1,315 objects, and live ones, among them some whose counts wrap.
static void build_garbage_and_life(tally_object *type, tally_object **kept)
{
	for (int i = 0; i < KEPT; i++) {
		kept[i] = i % 2 ? knot(256) : ring_of_all_kinds(type, i);
		if (i % 3 == 0) incref_times(kept[i], 255);
	}
	drop_lists_in_themselves(1000);
	for (int i = 0; i < 100; i++) tally_decref(knot(512));
	for (int i = 0; i < 20; i++) tally_decref(ring_of_nodes(type, 1000, 5));
	tally_decref(ring_of_lists(15));
}

static void check_kept(tally_object *const *kept)
{
	for (int i = 0; i < KEPT; i++) {
		CHECK_EQ(tally_refcount(kept[i]), (unsigned)((i % 2 ? 257 : 3) + (i % 3 == 0 ? 255 : 0)));
		CHECK_EQ(length_of(kept[i]), 1);
	}
}

static uint64_t sum_of_walk;

static int sum_block(const tally_heap_block *block, void *unused)
{
	(void)unused;
	uint64_t mixed = (uintptr_t)block->address * 31 + block->references * 7 + block->size;
	sum_of_walk += mixed ^ (block->type_name ? (uint64_t)block->type_name[0] << 32 : 0);
	return 0;
}

// A number that changes when any block, its count or its type does.
static uint64_t heap_sum(void)
{
	sum_of_walk = 0;
	CHECK_EQ(tally_heap_walk(sum_block, NULL), 0);
	return sum_of_walk;
}

// With the n-th allocation failing: every object is as it was, or the collection has succeeded and found everything.
static bool collect_failing(int generation, uint64_t n, bool all)
{
	uint64_t before = heap_sum(), live = fixture_live_objects(), failed = stats_of(generation).failed;
	CHECK_EQ(tally_heap_fail(n, all), 0);
	int64_t found = tally_gc_collect(generation);
	bool came = tally_heap_attempts() >= n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
	if (found >= 0) {
		CHECK_EQ(found, 1315);
		CHECK_NO_ERROR();
		return false;
	}
	CHECK(came);
	check_error_of(TALLY_ERROR_MEMORY, "gc_collect: ");
	CHECK_EQ(stats_of(generation).failed, failed + 1);
	CHECK_EQ(heap_sum(), before);
	CHECK_EQ(fixture_live_objects(), live);
	CHECK_EQ(node_total.finalize + node_total.clear + node_total.dealloc, 0);
	return true;
}

// `fresh`: this is the runtime's first collection, which needs memory for certain.
static void check_failing(int generation, bool all, bool fresh)
{
	static tally_object *kept[KEPT];
	tally_object *type = node_type(NODE_WHOLE);
	uint64_t n = 1, collections_before = stats_of(generation).collections;
	nodes_forget();
	build_garbage_and_life(type, kept);
	while (n < 100000 && collect_failing(generation, n, all)) n++;
	CHECK(n > 1 || !fresh);
	CHECK_EQ(stats_of(generation).collections, collections_before + 1);
	CHECK_EQ(node_total.dealloc, 100);
	check_kept(kept);
	for (int i = 0; i < KEPT; i++) decref_times(kept[i], i % 3 == 0 ? 256 : 1);
	CHECK_EQ(tally_gc_collect(2), KEPT / 2 * 2 + KEPT / 2 * 4);
	tap_note("%llu allocations failed, each in its turn", (unsigned long long)n - 1);
}

static void a_collection_without_memory_leaves_every_object_as_it_was(void)
{
	if (!faults_are_offered()) return;
	for (int generation = 2; generation >= 0; generation--) check_failing(generation, false, generation == 2);
}

static void a_collection_without_any_memory_leaves_every_object_as_it_was(void)
{
	if (!faults_are_offered()) return;
	for (int generation = 0; generation < 3; generation++) check_failing(generation, true, generation == 0);
}

// Whatever it had noted of old objects must not lead a young collection astray.
static void a_failed_full_collection_does_not_mislead_young_ones(void)
{
	if (!faults_are_offered()) return;
	tally_object *type = node_type(NODE_WHOLE), *old = old_lists(tap_scale((size_t)20000));
	const ptrdiff_t count = (ptrdiff_t)length_of(old);
	for (uint64_t n = 1; n < 5; n++) {
		tally_object *nodes = ring_of_nodes(type, NODE_IDS, 3);
		CHECK_COLLECT(0, 0);
		tally_decref(nodes);
		CHECK_EQ(tally_heap_fail(n, false), 0);
		bool failed = tally_gc_collect(2) < 0;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		tally_error_clear();
		for (ptrdiff_t i = 0; i < 200; i++) {
			tally_object *young = list_in_itself(), *referent = must(tally_list_get(old, i * count / 200));
			for (int k = 0; k < 10; k++) push(young, referent);
			tally_decref(referent);
			tally_decref(young);
		}
		CHECK_COLLECT(0, 200);
		for (ptrdiff_t i = 0; i < count; i += count / 50) {
			tally_object *referent = must(tally_list_get(old, i));
			CHECK_EQ(tally_refcount(referent), 2);
			tally_decref(referent);
		}
		CHECK_COLLECT(2, failed ? 3 : 0);
	}
	tally_decref(old);
}

static void an_automatic_collection_without_memory_is_counted_and_nothing_else(void)
{
	if (!faults_are_offered()) return;
	tally_object *kept = must(tally_list_new());
	for (int i = 0; i < 20000; i++) push_own(kept, list_in_itself());
	tally_error_set(TALLY_ERROR_KEY, "as before");
	set_thresholds(100, 10, 10);
	tally_gc_enable();
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(stats_of(0).failed, 1);
	CHECK_EQ(collections(), 0);
	CHECK_ERROR(TALLY_ERROR_KEY, "as before");
	CHECK_EQ(length_of(kept), 20000);
	CHECK(make_until_collected(kept, 20000) < 20000); // it is tried again
	tally_gc_disable();
	tally_decref(kept);
	CHECK_COLLECT(2, 20000);
}

// The limit instead of a fault: whether there is room depends on the build, but nothing is lost either way.
static void at_the_memory_limit_a_collection_works_or_changes_nothing(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	drop_lists_in_themselves(20000);
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	CHECK_EQ(tally_heap_limit_set(stats.page_bytes), 0);
	int64_t found = tally_gc_collect(2);
	if (found < 0) {
		check_error_of(TALLY_ERROR_MEMORY, "gc_collect: ");
		CHECK_EQ(fixture_live_objects(), 20000);
		CHECK_EQ(tally_heap_limit_set(0), 0);
		found = tally_gc_collect(2);
	}
	CHECK_EQ(found, 20000);
	CHECK_EQ(tally_heap_limit_set(0), 0);
}

// ---- a heap that must not grow ----

enum { SHORT_RING = 5, RINGS = 20, LONG_LIST = 1000, BOUND = 27000 };

// Twenty short cyclic lists that point at the long one; they are held until the round ends.
static void make_short_rings(tally_object *long_list)
{
	tally_object *rings[RINGS];
	for (int i = 0; i < RINGS; i++) {
		rings[i] = ring_of_lists(SHORT_RING);
		push(rings[i], long_list);
	}
	for (int i = 0; i < RINGS; i++) tally_decref(rings[i]);
}

static void make_rounds(void *long_list, unsigned number)
{
	const int rounds = tap_scale(20000);
	uint64_t most = 0, start = (uint64_t)atomic_load(&scene.found);
	for (int round = 0; round < rounds; round++) {
		make_short_rings(long_list);
		if (round % 20) continue;
		uint64_t now = tracked_objects();
		if (now > most) most = now;
		if (!CHECK(now <= start + BOUND)) break;
	}
	if (number == 0) tap_note("at most %llu tracked objects more than at the start", (unsigned long long)(most - start));
}

// Doubly linked, so that the list is a cycle of its own.
static tally_object *make_long_list(void)
{
	tally_object *first = must(tally_list_new()), *last = first;
	for (int i = 1; i < LONG_LIST; i++) {
		tally_object *list = must(tally_list_new());
		push(list, last);
		push_own(last, list);
		last = list;
	}
	return first;
}

static void check_rounds(unsigned threads)
{
	tally_object *long_list = make_long_list();
	atomic_store(&scene.found, (long long)tracked_objects());
	tally_gc_enable();
	if (threads == 1) make_rounds(long_list, 0);
	else run_threads(threads, make_rounds, long_list);
	tally_gc_disable();
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(tracked_objects(), LONG_LIST);
	tally_decref(long_list);
	CHECK_COLLECT(2, LONG_LIST);
}

static void twenty_thousand_rounds_of_short_cycles_keep_the_heap_small(void) { check_rounds(1); }

static void twenty_thousand_rounds_of_short_cycles_on_each_of_four_threads_keep_the_heap_small(void) { check_rounds(4); }

int main(void)
{
	nodes_begin(240);
	TAP_RUN(a_list_in_itself_is_one_object);
	TAP_RUN(a_dict_whose_value_is_itself_is_one_object);
	TAP_RUN(a_tuple_in_a_list_that_it_holds_are_two);
	TAP_RUN(a_node_that_is_a_key_of_the_dict_that_it_refers_to);
	TAP_RUN(nothing_is_found_where_nothing_is_garbage);
	TAP_RUN(a_hundred_cycles_count_as_a_hundred_in_the_result_and_in_the_statistics);
	TAP_RUN(rings_of_every_size_are_found_whole);
	TAP_RUN(each_node_of_a_ring_dies_once);
	TAP_RUN(a_ring_of_a_list_a_tuple_a_dict_and_a_node_are_four);
	TAP_RUN(what_hangs_off_a_cycle_goes_with_it);
	TAP_RUN(what_garbage_shares_with_the_living_loses_its_references_and_lives);
	TAP_RUN(an_old_object_whose_last_reference_is_in_young_garbage_dies);
	TAP_RUN(singletons_types_and_leaves_in_garbage_do_not_matter);
	TAP_RUN(empty_containers_and_those_that_were_cleared_are_examined_and_live);
	TAP_RUN(a_dict_with_holes_is_read_right);
	TAP_RUN(tuples_of_every_size_are_found_however_many_fit_a_page);
	TAP_RUN(an_object_larger_than_an_arena_is_collected);
	TAP_RUN(large_objects_are_found_while_they_are_young);
	TAP_RUN(whole_pages_of_garbage_leave_pages_that_can_be_used);
	TAP_RUN(a_cycle_through_a_type_without_traverse_is_never_found);
	TAP_RUN(each_of_several_references_to_the_same_object_counts);
	TAP_RUN(a_description_that_ends_before_traverse_makes_a_type_that_is_not_examined);
	TAP_RUN(containers_and_types_with_traverse_are_tracked_and_nothing_else);
	TAP_RUN(the_heap_counts_tracked_objects);
	TAP_RUN(garbage_with_any_number_of_references_among_itself_is_found);
	TAP_RUN(an_object_with_any_number_of_references_from_outside_lives);
	TAP_RUN(every_mixture_of_references_from_inside_and_outside_is_judged_right);
	TAP_RUN(a_tuple_or_a_dict_may_be_what_holds_many);
	TAP_RUN(what_only_an_ambiguous_object_refers_to_lives_with_it);
	TAP_RUN(ambiguous_objects_that_garbage_or_the_old_refer_to_are_judged_right);
	TAP_RUN(a_list_of_a_million_references_to_one_object_that_holds_it);
	TAP_RUN(a_cycle_through_a_list_of_a_million_different_objects);
	TAP_RUN(a_cycle_of_a_million_nested_lists_is_collected_on_a_small_stack);
	TAP_RUN(a_ring_of_300000_nodes_is_collected_on_a_small_stack);
	TAP_RUN(an_immortal_object_keeps_what_it_holds);
	TAP_RUN(a_cycle_through_an_immortal_object_is_no_garbage);
	TAP_RUN(garbage_around_immortal_objects_leaves_them_untouched);
	TAP_RUN(an_object_made_immortal_in_the_middle_of_its_life_stays);
	TAP_RUN(an_object_moves_one_generation_with_each_collection_that_it_survives);
	TAP_RUN(what_has_survived_a_full_collection_is_not_young);
	TAP_RUN(what_has_survived_everything_is_found_by_a_full_collection_only);
	TAP_RUN(a_young_object_that_an_old_one_holds_lives);
	TAP_RUN(old_garbage_keeps_young_objects_until_its_generation_is_collected);
	TAP_RUN(a_cycle_of_old_and_young_is_found_when_all_of_it_is_examined);
	TAP_RUN(young_garbage_leaves_the_old_objects_that_it_refers_to);
	TAP_RUN(an_object_in_the_place_of_an_old_one_is_young);
	TAP_RUN(an_object_in_the_place_of_a_middle_aged_one_is_young);
	TAP_RUN(an_object_in_the_place_of_old_garbage_is_young);
	TAP_RUN(young_objects_between_old_ones_are_found);
	TAP_RUN(what_is_made_after_a_collection_is_found_by_the_next);
	TAP_RUN(many_middle_aged_objects_are_found);
	TAP_RUN(garbage_that_survived_since_it_was_held_is_found_later);
	TAP_RUN(the_counts_say_what_has_been_made_and_collected);
	TAP_RUN(the_first_count_goes_up_with_each_object_and_down_with_each_drop);
	TAP_RUN(dropping_old_objects_does_not_make_the_first_count_wrap);
	TAP_RUN(each_generation_has_statistics_of_its_own);
	TAP_RUN(a_new_runtime_has_the_usual_settings);
	TAP_RUN(settings_are_what_was_set);
	TAP_RUN(settings_and_statistics_can_be_read_and_set_by_any_thread_in_any_state);
	TAP_RUN(pauses_are_counted_and_measured);
	TAP_RUN(a_collection_whose_finalizers_ran_makes_two_pauses);
	TAP_RUN(making_many_objects_brings_a_collection_about);
	TAP_RUN(with_the_usual_settings_garbage_does_not_pile_up);
	TAP_RUN(a_threshold_of_0_or_disabling_stops_automatic_collection);
	TAP_RUN(objects_that_are_dropped_again_bring_no_collection_about);
	TAP_RUN(older_generations_are_collected_less_often);
	TAP_RUN(the_oldest_generation_waits_until_a_quarter_has_been_added);
	TAP_RUN(the_error_of_the_thread_and_errno_survive_collections);
	TAP_RUN(what_is_being_built_is_never_garbage);
	TAP_RUN(a_generation_that_does_not_exist_is_refused);
	TAP_RUN(a_struct_of_another_size_is_refused);
	TAP_RUN(a_thread_that_is_not_attached_cannot_collect);
	TAP_RUN(a_thread_in_a_critical_section_cannot_collect);
	TAP_RUN(nothing_is_collected_automatically_inside_a_section);
	TAP_RUN(cycles_dropped_inside_a_section_are_found_after_it);
	TAP_RUN(what_another_thread_holds_on_its_stack_lives_until_it_is_dropped);
	TAP_RUN(counts_that_several_threads_share_are_summed);
	TAP_RUN(references_that_another_thread_added_keep_objects_alive);
	TAP_RUN(a_collection_waits_for_no_thread_in_a_blocking_region);
	TAP_RUN(garbage_of_threads_that_have_gone_is_found);
	TAP_RUN(a_trim_does_not_hide_what_is_young);
	TAP_RUN(an_heir_continues_where_a_thread_left_off);
	TAP_RUN(one_thread_collects_a_web_that_four_have_made);
	TAP_RUN(of_collections_at_once_each_finds_something_or_returns_0);
	TAP_RUN(large_collections_are_exact_while_other_threads_stand_by);
	TAP_RUN(the_one_doubtful_object_of_many_lives_while_other_threads_stand_by);
	TAP_RUN(what_the_dying_still_hold_is_no_garbage);
	TAP_RUN(a_destructor_may_collect);
	TAP_RUN(a_destructor_of_garbage_that_collects_gets_0);
	TAP_RUN(a_collection_without_memory_leaves_every_object_as_it_was);
	TAP_RUN(a_collection_without_any_memory_leaves_every_object_as_it_was);
	TAP_RUN(a_failed_full_collection_does_not_mislead_young_ones);
	TAP_RUN(an_automatic_collection_without_memory_is_counted_and_nothing_else);
	TAP_RUN(at_the_memory_limit_a_collection_works_or_changes_nothing);
	TAP_RUN(twenty_thousand_rounds_of_short_cycles_keep_the_heap_small);
	TAP_RUN(twenty_thousand_rounds_of_short_cycles_on_each_of_four_threads_keep_the_heap_small);
	return tap_end();
}
