// tests/biased/spread_counts.c: the words and the arrays behind spread objects: what is written, what the collector makes of
// it, what is given back. What a host sees of it is in tests/spread.c.
#include "spread.h"
#include "fixture.h"
#include "turns.h"

#include <tally/gc.h>

static uint32_t local(tally_object *object) { return tally_load(&object->local, relaxed); }
static uint32_t shared(tally_object *object) { return tally_load(&object->shared, relaxed); }

static void start(void)
{
	fixture_start();
	tally_gc_disable();
}

static tally_object *spread_int(void)
{
	tally_object *object = counted(0);
	CHECK_EQ(tally_spread(object), 0);
	CHECK(local_is_spread(local(object)));
	return object;
}

// What this thread has counted.
static _Atomic uint64_t *mine(tally_object *object) { return &tally_self.slot->spread->count[local_index(local(object))]; }

static void collect(int64_t dead) { CHECK_EQ(tally_gc_collect(2), dead); }

// ---- the words ----

static void a_spread_word_is_nobodys_and_neither_merged_nor_immortal(void)
{
	for (uint32_t index = 0; index <= 0xFFFF; index++) {
		uint32_t word = LOCAL_SPREAD | index;
		bool right = local_is_spread(word) && local_is_elsewhere(word) && !local_is_immortal(word) && local_index(word) == index;
		for (uint32_t tag = 1; tag < SLOT_TAGS; tag += 0x3FFE) {
			right = right && !local_is_mine(word, tag << 16) && !local_has_room(word, tag << 16) && !local_keeps_one(word, tag << 16);
			right = right && !local_is_elsewhere(tag << 16 | index);
		}
		if (!CHECK(right)) return;
	}
	CHECK(SLOT_TAGS <= LOCAL_SPREAD >> 16 && local_is_elsewhere(LOCAL_IMMORTAL) && !local_is_spread(LOCAL_IMMORTAL));
	CHECK(!local_is_elsewhere(LOCAL_SPREAD - 1));
}

static void use_every_way(void *context, unsigned number)
{
	tally_object *object = context;
	(void)number;
	for (int i = 0; i < 70000; i++) variant_incref(object);
	for (int i = 0; i < 70000; i++) variant_decref(object);
	CHECK(!variant_incref_own(object) && !variant_incref_quick(object) && !variant_decref_quick(object));
	CHECK(variant_try_incref(object));
	variant_incref_locked(object);
	biased_mark_weak(object);
	CHECK(!variant_owns(object) && !variant_is_unique(object) && variant_is_alive(object));
	CHECK(!variant_drop(object));
	CHECK(!variant_resurrect_end(object));
}

static void the_words_of_a_spread_object_are_not_written(void)
{
	tally_object *object = spread_int();
	uint32_t word = local(object);
	run_threads(4, use_every_way, object);
	use_every_way(object, 0);
	CHECK_EQ(local(object), word);
	CHECK_EQ(shared(object), COUNT_PLAIN);
	CHECK_EQ(variant_refcount(object), 1);
	variant_decref(object);
	CHECK_EQ(local(object), word);
	CHECK_EQ(variant_refcount(object), 0);
	CHECK(variant_try_incref(object)); // a late reader: it lives until the world stops
	variant_decref(object);
	collect(1);
}

// ---- the stopped world ----

static struct tally_slot *slot_of_another; // whose thread has gone

static void count_once(void *object, unsigned number)
{
	if (number == 0) slot_of_another = tally_self.slot;
	variant_incref(object);
	variant_decref(object);
}

// The object, which has one reference in its base, gets so many in all: some counted by this thread, the rest by another.
static void set_counts(tally_object *object, int64_t by_this_thread, uint64_t total)
{
	run_threads(1, count_once, object);
	count_once(object, 1); // now there are arrays
	tally_store(mine(object), (uint64_t)by_this_thread, relaxed);
	uint64_t rest = total - 1 - (uint64_t)by_this_thread;
	tally_store(&slot_of_another->spread->count[local_index(local(object))], rest, relaxed);
}

static void a_gathered_object_has_the_sum_of_all_counts_and_leaves_none_behind(void)
{
	static const int64_t parts[] = {0, 1, 4, -3, 70001};
	static const uint64_t totals[] = {1, 2, 4, 70000};
	for (size_t i = 0; i < 5; i++)
		for (size_t j = 0; j < 4; j++) {
			tally_object *object = spread_int();
			uint32_t index = local_index(local(object));
			set_counts(object, parts[i], totals[j]);
			CHECK_EQ(variant_refcount(object), totals[j]);
			variant_world_stop();
			CHECK_EQ(variant_count_stopped(object), totals[j]);
			variant_hold_stopped(object);
			CHECK_EQ(local(object), 0);
			CHECK_EQ(shared(object), (totals[j] + 1) * COUNT_ONE | COUNT_MERGED);
			variant_world_start();
			for (uint64_t left = 0; left < totals[j]; left++) variant_decref(object);
			tally_object *heir = spread_int();
			CHECK_EQ(local_index(local(heir)), index);
			CHECK_EQ(variant_refcount(heir), 1);
			variant_decref(heir);
			variant_decref(object);
			collect(1);
		}
}

static void more_references_than_a_header_holds_make_an_object_immortal(void)
{
	tally_object *object = spread_int();
	variant_incref(object);
	tally_store(mine(object), (uint64_t)1 << 40, relaxed);
	CHECK_EQ(variant_refcount(object), INT32_MAX);
	variant_world_stop();
	variant_gather_stopped(object);
	variant_world_start();
	CHECK_EQ(variant_refcount(object), UINT32_MAX);
	CHECK(shared_is_saturated(shared(object)));
	tally_store(&object->shared, COUNT_ONE | COUNT_MERGED, relaxed);
	variant_decref(object);
}

static void the_last_reference_may_be_dropped_by_the_collector(void)
{
	tally_object *object = spread_int();
	variant_world_stop();
	variant_bury_spread_stopped(); // folds
	CHECK(variant_drop_stopped(object));
	CHECK(!variant_is_alive(object));
	tally_object_doom(object);
	variant_world_start();
	tally_bury();

	object = spread_int();
	variant_incref(object);
	variant_world_stop();
	CHECK(!variant_drop_stopped(object));
	CHECK_EQ(variant_count_stopped(object), 1);
	variant_world_start();
	variant_decref(object);
	collect(1);
}

// ---- arrays ----

static void arrays_go_when_nothing_is_spread_any_more(void)
{
	tally_object *first = spread_int(), *second = spread_int();
	variant_incref(first);
	struct spread_counts *counts = tally_self.slot->spread;
	CHECK(counts != NULL);
	collect(0);
	CHECK_PTR(tally_self.slot->spread, counts);
	CHECK_EQ(tally_load(mine(first), relaxed), 0); // folded
	CHECK_EQ(variant_refcount(first), 2);
	variant_decref(first);
	variant_decref(first);
	collect(1);
	CHECK_PTR(tally_self.slot->spread, counts);
	variant_decref(second);
	collect(1);
	CHECK_PTR(tally_self.slot->spread, NULL);
}

static void take_three(void *object, unsigned number)
{
	(void)number;
	slot_of_another = tally_self.slot;
	for (int i = 0; i < 3; i++) variant_incref(object);
	CHECK_EQ(tally_load(mine(object), relaxed), 3);
}

static void what_a_thread_has_counted_is_folded_when_it_ends(void)
{
	tally_object *object = spread_int();
	for (int i = 1; i <= 3; i++) {
		run_threads(1, take_three, object);
		CHECK_EQ(tally_load(&slot_of_another->spread->count[local_index(local(object))], relaxed), 0);
		CHECK_EQ(variant_refcount(object), 1 + 3 * i);
	}
	for (int i = 0; i < 10; i++) variant_decref(object);
	collect(1);
}

int main(void)
{
	tap_begin();
	tap_watchdog(60);
	tap_before_each(start);
	tap_after_each(fixture_stop);
	TAP_RUN(a_spread_word_is_nobodys_and_neither_merged_nor_immortal);
	TAP_RUN(the_words_of_a_spread_object_are_not_written);
	TAP_RUN(a_gathered_object_has_the_sum_of_all_counts_and_leaves_none_behind);
	TAP_RUN(more_references_than_a_header_holds_make_an_object_immortal);
	TAP_RUN(the_last_reference_may_be_dropped_by_the_collector);
	TAP_RUN(arrays_go_when_nothing_is_spread_any_more);
	TAP_RUN(what_a_thread_has_counted_is_folded_when_it_ends);
	return tap_end();
}
