// tests/article_collector.c: published examples about Python's gc module: collect, isenabled, disable and enable,
// get_threshold, get_count, get_stats, get_objects; generations, and when they are collected. Which example is whose:
// docs/articles.md.
//
// One article prints (700, 10, 1) for gc.get_count(), which are nearly the thresholds and no counts that a program could
// see right after a collection: those are small, and what they are is checked here. The hard build has lower thresholds;
// tests that count collections set those of the articles.
#include "articles.h"

static void print_three(const char *name, uint64_t a, uint64_t b, uint64_t c)
{
	print("%s(%llu, %llu, %llu)\n", name, (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
}

static void print_count(void)
{
	uint64_t count[TALLY_GC_GENERATIONS];
	CHECK_EQ(tally_gc_get_count(count), 0);
	print_three("", count[0], count[1], count[2]);
}

static void print_threshold(void)
{
	uint32_t threshold[TALLY_GC_GENERATIONS];
	tally_gc_get_threshold(threshold);
	print_three("", threshold[0], threshold[1], threshold[2]);
}

// ---- the gc module in three lines ----

static void a_new_runtime_is_enabled_and_has_nothing_to_collect(void)
{
	print("%s\n", shown(tally_gc_is_enabled()));
	print("Collected %d\n", (int)tally_gc_collect(2));
	print_count();
	CHECK_PRINTED("True\nCollected 0\n(0, 0, 0)\n");
}

static void the_thresholds_are_700_10_and_10(void)
{
	print_threshold();
	CHECK_PRINTED(TALLY_HARD ? "(7, 2, 2)\n" : "(700, 10, 10)\n");
	set_thresholds(700, 10, 10);
	print_threshold();
	CHECK_PRINTED("(700, 10, 10)\n");
}

static void a_collection_on_demand_works_while_automatic_ones_are_disabled(void)
{
	tally_decref(ring_of_lists(3));
	tally_gc_disable();
	print("%s ", shown(tally_gc_is_enabled()));
	print("%d ", (int)tally_gc_collect(2));
	tally_gc_enable();
	print("%s", shown(tally_gc_is_enabled()));
	CHECK_PRINTED("False 3 True");
}

// ---- get_count ----

// count[0] is objects, the two others are collections. Python prints the same here (but for objects of its own making).
static void the_counts_are_of_new_objects_and_of_collections_since(void)
{
	tally_object *a, *b;
	CHECK_COLLECT(2, 0);
	print_count();
	a = must(tally_list_new());
	b = must(tally_dict_new());
	print_count();
	tally_decref(b);
	print_count();
	CHECK_PRINTED("(0, 0, 0)\n(2, 0, 0)\n(1, 0, 0)\n");
	for (int generation = 0; generation < 3; generation++) {
		CHECK_COLLECT(generation, 0);
		print_count();
	}
	CHECK_PRINTED("(0, 1, 0)\n(0, 0, 1)\n(0, 0, 0)\n");
	tally_decref(a);
}

static void the_counts_are_never_the_thresholds_after_a_collection(void)
{
	uint64_t count[TALLY_GC_GENERATIONS];
	tally_object *kept = must(tally_list_new());
	for (int i = 0; i < 2000; i++) push_own(kept, must(tally_list_new()));
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK(count[0] > 700);
	CHECK_COLLECT(2, 0);
	print_count();
	CHECK_PRINTED("(0, 0, 0)\n");
	tally_decref(kept);
}

// ---- get_stats ----

static void print_stats(void)
{
	for (int generation = 0; generation < 3; generation++) {
		tally_gc_stats stats = stats_of(generation);
		print_three("", stats.collections, stats.collected, stats.uncollectable);
	}
}

static void the_statistics_are_kept_for_each_generation(void)
{
	print_stats();
	CHECK_PRINTED("(0, 0, 0)\n(0, 0, 0)\n(0, 0, 0)\n");
	tally_decref(ring_of_lists(2));
	CHECK_COLLECT(2, 2);
	tally_decref(ring_of_lists(5));
	CHECK_COLLECT(0, 5);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	print_stats();
	CHECK_PRINTED("(2, 5, 0)\n(1, 0, 0)\n(1, 2, 0)\n");
}

// ---- generations ----

static size_t objects_in(int generation)
{
	tally_object *objects = must(tally_gc_get_objects(generation));
	size_t count = length_of(objects);
	tally_decref(objects);
	return count;
}

static int generation_of(tally_object *object)
{
	int found = -1;
	for (int generation = 0; generation < 3; generation++) {
		tally_object *objects = must(tally_gc_get_objects(generation));
		if (holds(objects, object)) found = found == -1 ? generation : 99;
		tally_decref(objects);
	}
	return found;
}

static void what_is_new_is_in_generation_0_and_what_survives_moves_on(void)
{
	tally_object *list = must(tally_list_new());
	print("%d", generation_of(list));
	for (int generation = 0; generation < 3; generation++) {
		CHECK_COLLECT(generation, 0);
		print(" %d", generation_of(list));
	}
	CHECK_PRINTED("0 1 2 2");
	tally_decref(list);
}

static void all_tracked_objects_are_those_of_the_three_generations(void)
{
	tally_object *list = ring_of_lists(100), *newer, *newest;
	CHECK_COLLECT(1, 0);
	newer = ring_of_lists(10);
	CHECK_COLLECT(0, 0);
	newest = ring_of_lists(7);
	print("Total tracked objects: %zu\n", objects_in(TALLY_GC_ALL));
	CHECK_EQ(tracked_objects(), 117);
	for (int generation = 0; generation < 3; generation++) print("Generation %d: %zu\n", generation, objects_in(generation));
	CHECK_PRINTED("Total tracked objects: 117\nGeneration 0: 7\nGeneration 1: 10\nGeneration 2: 100\n");
	DROP(list, newer, newest);
}

static void containers_are_tracked_and_ints_and_strings_are_not(void)
{
	tally_object *type = CLASS(.name = "Node"), *element = must(tally_list_new());
	tally_object *tracked[] = {must(tally_list_new()), must(tally_dict_new()), must(tally_set_new(NULL)), instance(type),
	                           type, must(tally_tuple_new(&element, 1))};
	tally_object *others[] = {integer(7), counted(7), text("some text"), must(tally_float_new(1.5)), tally_none(),
	                          tally_bool(true)};
	for (int i = 0; i < 6; i++) {
		if (!CHECK(tally_gc_is_tracked(tracked[i]))) tap_note("%s", tally_type_name(tracked[i]));
		if (!CHECK(!tally_gc_is_tracked(others[i]))) tap_note("%s", tally_type_name(others[i]));
	}
	tally_object *all = must(tally_gc_get_objects(TALLY_GC_ALL));
	for (int i = 0; i < 6; i++) {
		if (!CHECK(holds(all, tracked[i]))) tap_note("%s", tally_type_name(tracked[i]));
		CHECK(!holds(all, others[i]));
	}
	tally_decref(all);
	for (int i = 0; i < 6; i++) DROP(tracked[i], others[i]);
	tally_decref(element);
}

// ---- automatic collections ----

static size_t make_until(tally_object *kept, int generation, uint64_t collections, size_t most)
{
	size_t made = 0;
	while (made < most && stats_of(generation).collections < collections) {
		push_own(kept, must(tally_list_new()));
		made++;
	}
	return made;
}

// A page of objects may tell late, and a run point comes with every few of them; never early.
static void generation_0_is_collected_when_it_has_more_than_700_objects(void)
{
	tally_object *kept = must(tally_list_new());
	set_thresholds(700, 10, 10);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_gc_resume(), 0);
	size_t first = make_until(kept, 0, 1, 5000), second = make_until(kept, 0, 2, 5000);
	tap_note("collections after %zu and %zu more objects", first, second);
	CHECK(first > 700 && first <= 950);
	CHECK(second > 700 - 64 && second <= 950);
	CHECK_EQ(stats_of(1).collections + stats_of(2).collections, 1); // the one on demand
	tally_gc_suspend();
	tally_decref(kept);
}

static void generation_1_follows_ten_collections_of_0_and_generation_2_ten_of_1(void)
{
	tally_object *kept = must(tally_list_new());
	set_thresholds(70, 10, 10);
	CHECK_EQ(tally_gc_resume(), 0);
	make_until(kept, 1, 1, 5000);
	tap_note("%d collections of generation 0 before one of generation 1", (int)stats_of(0).collections);
	CHECK(stats_of(0).collections >= 10 && stats_of(0).collections <= 11);
	make_until(kept, 2, 1, 50000);
	tap_note("%d of generation 1 before one of generation 2", (int)stats_of(1).collections);
	CHECK(stats_of(1).collections >= 10 && stats_of(1).collections <= 11);
	CHECK_EQ(stats_of(2).collections, 1);
	tally_gc_suspend();
	tally_decref(kept);
}

static void what_dies_young_by_its_count_never_brings_a_collection_about(void)
{
	set_thresholds(700, 10, 10);
	CHECK_EQ(tally_gc_resume(), 0);
	for (int i = 0; i < 20000; i++) tally_decref(must(tally_list_new()));
	CHECK_EQ(collections(), 0);
	tally_gc_suspend();
}

static uint64_t collected_so_far(void) { return stats_of(0).collected + stats_of(1).collected + stats_of(2).collected; }

static void cycles_that_are_left_behind_are_collected_without_being_asked(void)
{
	CHECK_EQ(tally_gc_resume(), 0);
	for (int i = 0; i < 20000; i++) tally_decref(ring_of_lists(2));
	CHECK(tracked_objects() < 5000);
	CHECK(collected_so_far() > 30000);
	CHECK(stats_of(0).collected > 0);
	tally_gc_suspend();
}

// ---- a phase without the collector ----

enum { CYCLES = 5000 };

static void process_large_dataset(void)
{
	for (int i = 0; i < CYCLES; i++) tally_decref(ring_of_lists(2));
}

// The collection afterwards may be the one that is overdue, which begins as soon as it may: so the sum counts.
static void while_disabled_cycles_stay_and_a_collection_afterwards_finds_them_all(void)
{
	CHECK_EQ(tally_gc_resume(), 0);
	tally_gc_disable();
	process_large_dataset();
	CHECK_EQ(collections(), 0);
	CHECK_EQ(tracked_objects(), 2 * CYCLES);
	tally_gc_enable();
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(tracked_objects(), 0);
	CHECK_EQ(collected_so_far(), 2 * CYCLES);
	CHECK(tally_gc_is_enabled());
	tally_gc_suspend();
}

// The same for a scope, whatever way it is left, and whatever others have enabled.
static void in_a_scope_that_suspends_it_there_is_no_automatic_collection(void)
{
	CHECK_EQ(tally_gc_resume(), 0);
	{
		TALLY_AUTO_GC_SUSPENDED;
		CHECK(tally_gc_is_suspended());
		CHECK(tally_gc_is_enabled());
		process_large_dataset();
		CHECK_EQ(collections(), 0);
	}
	CHECK(!tally_gc_is_suspended());
	process_large_dataset();
	CHECK(collections() > 0);
	tally_gc_suspend();
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(tracked_objects(), 0);
	CHECK_EQ(collected_so_far(), 4 * CYCLES);
}

int main(void)
{
	articles_begin(120);
	TAP_RUN(a_new_runtime_is_enabled_and_has_nothing_to_collect);
	TAP_RUN(the_thresholds_are_700_10_and_10);
	TAP_RUN(a_collection_on_demand_works_while_automatic_ones_are_disabled);
	TAP_RUN(the_counts_are_of_new_objects_and_of_collections_since);
	TAP_RUN(the_counts_are_never_the_thresholds_after_a_collection);
	TAP_RUN(the_statistics_are_kept_for_each_generation);
	TAP_RUN(what_is_new_is_in_generation_0_and_what_survives_moves_on);
	TAP_RUN(all_tracked_objects_are_those_of_the_three_generations);
	TAP_RUN(containers_are_tracked_and_ints_and_strings_are_not);
	TAP_RUN(generation_0_is_collected_when_it_has_more_than_700_objects);
	TAP_RUN(generation_1_follows_ten_collections_of_0_and_generation_2_ten_of_1);
	TAP_RUN(what_dies_young_by_its_count_never_brings_a_collection_about);
	TAP_RUN(cycles_that_are_left_behind_are_collected_without_being_asked);
	TAP_RUN(while_disabled_cycles_stay_and_a_collection_afterwards_finds_them_all);
	TAP_RUN(in_a_scope_that_suspends_it_there_is_no_automatic_collection);
	return tap_end();
}
