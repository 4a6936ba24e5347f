// tests/refcount.c: counts that several threads share: nothing dies early, nothing twice, nothing never.
//
// What one thread sees of counts is in tests/object.c, what the words of the `biased` build go through in
// tests/biased/counts.c.
#include "fixture.h"
#include "turns.h"

enum { THREADS = 8 };

static tally_object *type;

static unsigned dead(void) { return atomic_load(&fixture_dead); }

// Drops that wait for their owner are done when every thread has come to a run point; this one does now.
static void check_dead(unsigned expected)
{
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(dead(), expected);
}

// ---- counts up and down ----

static void a_count_goes_up_and_down_beyond_every_field_of_the_words(void)
{
	static const unsigned tops[] = {6, 7, 8, 9, 65534, 65535, 65536, 65537, 200000};
	tally_object *object = probe(type = fixture_probe_type(), 0);
	for (size_t i = 0; i < sizeof tops / sizeof tops[0]; i++) {
		for (unsigned count = 1; count < tops[i]; count++) tally_incref(object);
		CHECK_EQ(tally_refcount(object), tops[i]);
		CHECK(!tally_is_unique(object));
		for (unsigned count = tops[i]; count > 1; count--) tally_decref(object);
		CHECK_EQ(tally_refcount(object), 1);
		CHECK_EQ(dead(), 0);
	}
	tally_decref(object);
	CHECK_EQ(dead(), 1);
}

static void take_and_give(void *object, unsigned number)
{
	(void)number;
	for (int i = tap_scale(300000); i > 0; i--) {
		tally_incref(object);
		tally_incref(object);
		tally_decref(object);
		tally_decref(object);
	}
}

static void eight_threads_that_count_one_object_leave_it_as_it_was(void)
{
	tally_object *object = probe(type = fixture_probe_type(), 0);
	run_threads(THREADS, take_and_give, object);
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_EQ(dead(), 0);
	tally_decref(object);
	check_dead(1);
}

// The owner counts as well, plainly in `biased`.
static void *count_beside_the_owner(void *object)
{
	tally_token token = attached();
	take_and_give(object, 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void an_owner_and_others_count_at_the_same_time(void)
{
	pthread_t others[3];
	tally_object *object = probe(type = fixture_probe_type(), 0);
	for (int i = 0; i < 3; i++) others[i] = spawn(count_beside_the_owner, object);
	take_and_give(object, 0);
	for (int i = 0; i < 3; i++) finish(others[i]);
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	check_dead(1);
}

static void take_hundreds(void *object, unsigned number)
{
	for (unsigned i = 0; i < 100 * (number + 1); i++) tally_incref(object);
}

static void references_taken_by_threads_that_ended_are_counted(void)
{
	tally_object *object = probe(type = fixture_probe_type(), 0);
	run_threads(4, take_hundreds, object);
	CHECK_EQ(tally_refcount(object), 1001);
	for (int i = 0; i < 1000; i++) tally_decref(object);
	check_dead(0);
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	check_dead(1);
}

static void an_object_with_two_holders_is_not_unique_for_either(void)
{
	tally_object *object = probe(type = fixture_probe_type(), 0);
	CHECK(tally_is_unique(object));
	run_threads(1, take_hundreds, object);
	CHECK(!tally_is_unique(object));
	for (int i = 0; i < 100; i++) {
		CHECK(!tally_is_unique(object));
		tally_decref(object);
	}
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	check_dead(1);
}

// ---- references that change hands ----

enum { REFERENCES = 100 };
static struct {
	stage at;
	tally_object *object;
	unsigned count;
} hand;

// Increments, and leaves every reference to the owner.
static void *take_for_the_owner(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (unsigned round = 1; round <= REFERENCES; round++) {
		await_at_run_points(&hand.at, 2 * round - 1);
		for (unsigned i = 0; i < hand.count; i++) tally_incref(hand.object);
		reach(&hand.at, 2 * round);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_thread_that_increments_and_hands_its_references_back_to_the_owner_loses_none(void)
{
	type = fixture_probe_type();
	if (is_gil()) CHECK_EQ(tally_switch_interval_set(10000), 0);
	reach(&hand.at, 0);
	pthread_t other = spawn(take_for_the_owner, NULL);
	for (unsigned round = 1; round <= REFERENCES; round++) {
		hand.object = probe(type, 0);
		hand.count = round;
		reach(&hand.at, 2 * round - 1);
		await_at_run_points(&hand.at, 2 * round);
		CHECK_EQ(tally_refcount(hand.object), round + 1);
		for (unsigned i = 0; i < round; i++) tally_decref(hand.object);
		CHECK_EQ(dead(), round - 1);
		tally_decref(hand.object);
		CHECK_EQ(dead(), round); // at once: the last reference was the owner's to drop
	}
	finish(other);
}

// Drops what the owner gave it: more than it ever took.
static void *drop_for_the_owner(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (unsigned round = 1; round <= REFERENCES; round++) {
		await_at_run_points(&hand.at, 2 * round - 1);
		for (unsigned i = 0; i < hand.count; i++) tally_decref(hand.object);
		reach(&hand.at, 2 * round);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_thread_that_drops_references_of_the_owner_frees_with_the_last_and_only_then(void)
{
	type = fixture_probe_type();
	if (is_gil()) CHECK_EQ(tally_switch_interval_set(10000), 0);
	reach(&hand.at, 0);
	pthread_t other = spawn(drop_for_the_owner, NULL);
	for (unsigned round = 1; round <= REFERENCES; round++) {
		unsigned kept = round % 3;
		tally_object *object = hand.object = probe(type, 0);
		for (unsigned i = 1; i < round + kept; i++) tally_incref(object);
		hand.count = round;
		unsigned before = dead();
		reach(&hand.at, 2 * round - 1);
		await_at_run_points(&hand.at, 2 * round);
		CHECK_EQ(tally_safepoint(), 0);
		CHECK_EQ(dead(), before + (kept == 0));
		if (kept) CHECK_EQ(tally_refcount(object), kept);
		for (unsigned i = kept; i > 0; i--) {
			CHECK_EQ(dead(), before);
			tally_decref(object);
		}
		CHECK_EQ(dead(), before + 1);
	}
	finish(other);
}

static tally_object *heavy; // has a reference for each drop to come

static void drop_many(void *count, unsigned number)
{
	(void)number;
	for (unsigned i = *(unsigned *)count; i > 0; i--) tally_decref(heavy);
}

static void two_hundred_thousand_references_of_the_owner_are_dropped_by_four_others(void)
{
	unsigned each = 50000;
	heavy = probe(type = fixture_probe_type(), 0);
	for (unsigned i = 0; i < 4 * each; i++) tally_incref(heavy);
	run_threads(4, drop_many, &each);
	CHECK_EQ(tally_refcount(heavy), 1);
	check_dead(0);
	tally_decref(heavy);
	check_dead(1);
	heavy = probe(type, 0);
	for (unsigned i = 1; i < 4 * each; i++) tally_incref(heavy);
	run_threads(4, drop_many, &each);
	CHECK_EQ(dead(), 2); // the owner was in a blocking region: at once
}

// Boxes that references travel through; the holder of a reference may count it up and down and pass it on.
enum { BOXES = 16 };
static _Atomic(tally_object *) boxes[BOXES];
static atomic_uint made;

static void pass_around(void *unused, unsigned number)
{
	uint64_t state = fixture_seed(number);
	(void)unused;
	for (int i = tap_scale(300000); i > 0; i--) {
		tally_object *object = NULL;
		if (below(&state, 2)) {
			object = probe(type, 0);
			atomic_fetch_add(&made, 1);
		}
		object = atomic_exchange(&boxes[below(&state, BOXES)], object);
		if (!object) continue;
		unsigned copies = below(&state, 4);
		for (unsigned copy = 0; copy < copies; copy++) tally_incref(object);
		for (unsigned copy = 0; copy < copies; copy++) // each reference goes a way of its own
			tally_decref(below(&state, 2) ? object : atomic_exchange(&boxes[below(&state, BOXES)], object));
		tally_decref(object);
		if (below(&state, 100) == 0) {
			tally_blocking_begin();
			sched_yield();
			tally_blocking_end();
		}
	}
}

static void references_that_travel_between_eight_threads_are_all_given_up_in_the_end(void)
{
	type = fixture_probe_type();
	atomic_store(&made, 0);
	run_threads(THREADS, pass_around, NULL);
	for (int i = 0; i < BOXES; i++) tally_decref(atomic_exchange(&boxes[i], NULL));
	check_dead(atomic_load(&made));
}

// The same among threads that come and go: owners end while others hold their objects, heirs take their slots.
static void *pass_and_end(void *number)
{
	tally_token token = attached();
	uint64_t state = fixture_seed((unsigned)(uintptr_t)number);
	for (int i = 0; i < 200; i++) {
		tally_object *object = probe(type, 0);
		atomic_fetch_add(&made, 1);
		tally_incref(object);
		tally_decref(atomic_exchange(&boxes[below(&state, BOXES)], object));
		tally_decref(atomic_exchange(&boxes[below(&state, BOXES)], object));
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void references_outlive_generations_of_owners(void)
{
	pthread_t threads[4];
	type = fixture_probe_type();
	atomic_store(&made, 0);
	for (int i = 0; i < 4; i++) threads[i] = spawn(pass_and_end, (void *)(uintptr_t)i);
	for (unsigned i = 4; i < tap_scale(1000u); i++) {
		finish(threads[i % 4]);
		threads[i % 4] = spawn(pass_and_end, (void *)(uintptr_t)i);
	}
	for (int i = 0; i < 4; i++) finish(threads[i]);
	for (int i = 0; i < BOXES; i++) tally_decref(atomic_exchange(&boxes[i], NULL));
	check_dead(atomic_load(&made));
}

// ---- immortal objects ----

static void drop_too_often(void *object, unsigned number)
{
	(void)number;
	for (int i = tap_scale(10000); i > 0; i--) tally_decref(object);
}

static void an_immortal_object_survives_any_number_of_drops_by_anybody(void)
{
	tally_object *object = probe(type = fixture_probe_type(), 0);
	CHECK_EQ(tally_immortalize(object), 0);
	run_threads(THREADS, drop_too_often, object);
	run_threads(THREADS, take_and_give, object);
	drop_too_often(object, 0);
	CHECK_EQ(tally_refcount(object), UINT32_MAX);
	CHECK(!tally_is_unique(object));
	CHECK_EQ(*(int *)tally_host_payload(object, type), 0);
	check_dead(0);
}

static void immortalize_another(void *object, unsigned number)
{
	(void)number;
	CHECK_EQ(tally_immortalize(object), 0);
}

static void any_thread_may_immortalize_what_it_holds(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	tally_object *list = must(tally_list_new()), *element = probe(type = fixture_probe_type(), 0);
	CHECK_EQ(tally_list_append(list, element), 0);
	tally_decref(element);
	run_threads(4, immortalize_another, list);
	CHECK_EQ(tally_refcount(list), UINT32_MAX);
	tally_decref(list);
	check_dead(0); // what an immortal object holds lives as long
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	CHECK_EQ(stats.live_objects, 1);
	CHECK_EQ(tally_list_clear(list), 0);
	check_dead(1);
}

enum { TO_BE_IMMORTAL = 100 };

static void count_or_immortalize(void *objects, unsigned number)
{
	for (unsigned i = 0; i < TO_BE_IMMORTAL; i++) {
		tally_object *object = ((tally_object **)objects)[i];
		if (number == 0) {
			CHECK_EQ(tally_immortalize(object), 0);
			continue;
		}
		for (int each = 0; each < 300; each++) tally_incref(object);
		for (int each = 0; each < 300; each++) tally_decref(object);
	}
}

static void objects_become_immortal_under_the_hands_of_those_who_count_them(void)
{
	tally_object *objects[TO_BE_IMMORTAL];
	type = fixture_probe_type();
	for (unsigned i = 0; i < TO_BE_IMMORTAL; i++) objects[i] = probe(type, 0);
	run_threads(4, count_or_immortalize, objects);
	for (unsigned i = 0; i < TO_BE_IMMORTAL; i++) {
		CHECK_EQ(tally_refcount(objects[i]), UINT32_MAX);
		tally_decref(objects[i]);
	}
	check_dead(0);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_count_goes_up_and_down_beyond_every_field_of_the_words);
	TAP_RUN(eight_threads_that_count_one_object_leave_it_as_it_was);
	TAP_RUN(an_owner_and_others_count_at_the_same_time);
	TAP_RUN(references_taken_by_threads_that_ended_are_counted);
	TAP_RUN(an_object_with_two_holders_is_not_unique_for_either);
	TAP_RUN(a_thread_that_increments_and_hands_its_references_back_to_the_owner_loses_none);
	TAP_RUN(a_thread_that_drops_references_of_the_owner_frees_with_the_last_and_only_then);
	TAP_RUN(two_hundred_thousand_references_of_the_owner_are_dropped_by_four_others);
	TAP_RUN(references_that_travel_between_eight_threads_are_all_given_up_in_the_end);
	TAP_RUN(references_outlive_generations_of_owners);
	TAP_RUN(an_immortal_object_survives_any_number_of_drops_by_anybody);
	TAP_RUN(any_thread_may_immortalize_what_it_holds);
	TAP_RUN(objects_become_immortal_under_the_hands_of_those_who_count_them);
	return tap_end();
}
