// tests/biased/light_lock.c: the lock byte of real objects: who is kept out, what the byte and its flags go through, who
// is woken, and what a waiter lets go of while it sleeps (the picture and the invariants are in biased/light_lock.h).
//
// Between a taking and its drop there is leaf code only, so a test may take the lock directly; where it has to come to
// points in between it holds the lock by a critical section.
#include "fixture.h"
#include "slot.h"
#include "turns.h"
#include "variant.h"

static uint8_t lock_of(tally_object *object) { return tally_load(&object->lock, relaxed); }
static uint8_t flags_of(tally_object *object) { return tally_load(&object->flags, relaxed); }

static tally_object *new_list(void) { return must(tally_list_new()); }

// ---- exclusion ----

enum { THREADS = 8, MOST = 64 };

static struct {
	tally_object *objects[MOST];
	long counters[MOST]; // plain, each guarded by its object's lock
	unsigned count;
} guarded;

static void count_under_locks(void *unused, unsigned number)
{
	uint64_t state = fixture_seed(number);
	(void)unused;
	for (int i = tap_scale(50000); i > 0; i--) {
		unsigned place = below(&state, guarded.count);
		enum tally_hold hold = variant_lock_take(guarded.objects[place]);
		long seen = guarded.counters[place];
		if (i % 64 == 0) sched_yield(); // let others find it taken
		guarded.counters[place] = seen + 1;
		variant_lock_drop(guarded.objects[place], hold);
		if (i % 256 == 0) tally_safepoint();
	}
}

// Objects that share a bucket of sleepers, or not.
static void choose_objects(unsigned count, bool one_bucket)
{
	static tally_object *spare[MOST * 64];
	unsigned spares = 0;
	guarded.count = 0;
	while (guarded.count < count) {
		tally_object *list = new_list();
		uintptr_t apart = (uintptr_t)list ^ (uintptr_t)guarded.objects[0];
		if (!one_bucket || guarded.count == 0 || (apart >> 4 & 63) == 0) guarded.objects[guarded.count++] = list;
		else spare[spares++] = list;
	}
	while (spares) tally_decref(spare[--spares]);
	memset(guarded.counters, 0, sizeof guarded.counters);
}

static void check_exclusion(unsigned count, bool one_bucket)
{
	long sum = 0;
	choose_objects(count, one_bucket);
	run_threads(THREADS, count_under_locks, NULL);
	for (unsigned i = 0; i < count; i++) {
		uint8_t lock = lock_of(guarded.objects[i]), flags = flags_of(guarded.objects[i]);
		sum += guarded.counters[i];
		CHECK(lock == LOCK_FREE || lock == LOCK_HFREE); // nobody is left behind
		CHECK(flags == 0 || flags == (LOCK_CONTENDED | LOCK_SETTLED));
		if (!flags && light_lock_enabled) CHECK_EQ(lock, LOCK_FREE); // I1
		tally_decref(guarded.objects[i]);
	}
	CHECK_EQ(sum, (long)THREADS * tap_scale(50000));
}

static void one_object_keeps_eight_threads_apart(void) { check_exclusion(1, false); }

static void four_objects_keep_eight_threads_apart(void) { check_exclusion(4, false); }

static void sixty_four_objects_keep_eight_threads_apart(void) { check_exclusion(64, false); }

static void objects_that_share_a_bucket_of_sleepers_keep_their_own(void)
{
	check_exclusion(2, true);
	check_exclusion(8, true);
}

static void without_the_fast_kind_threads_are_kept_apart_as_well(void)
{
	light_lock_enabled = false;
	check_exclusion(1, false);
	check_exclusion(4, false);
}

// ---- the byte and the flags ----

static void an_object_that_nobody_contends_for_is_taken_and_dropped_lightly(void)
{
	tally_object *list = new_list();
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(lock_of(list), LOCK_FREE);
		enum tally_hold hold = variant_lock_take(list);
		CHECK_EQ(hold, TALLY_HOLD_LIGHT);
		CHECK_EQ(lock_of(list), LOCK_LIGHT);
		variant_lock_drop(list, hold);
	}
	CHECK_EQ(lock_of(list), LOCK_FREE);
	CHECK_EQ(flags_of(list), 0);
	tally_decref(list);
}

static void without_the_fast_kind_every_taking_is_held(void)
{
	tally_object *list = new_list();
	light_lock_enabled = false;
	for (int i = 0; i < 3; i++) {
		enum tally_hold hold = variant_lock_take(list);
		CHECK_EQ(hold, TALLY_HOLD_HEAVY);
		CHECK_EQ(lock_of(list), LOCK_HELD);
		variant_lock_drop(list, hold);
		CHECK_EQ(lock_of(list), LOCK_HFREE);
		CHECK_EQ(flags_of(list), 0);
	}
	tally_decref(list);
}

static stage at;
static atomic_uint turns;

static void *take_once(void *list)
{
	tally_token token = attached();
	enum tally_hold hold = variant_lock_take(list);
	atomic_fetch_add(&turns, 1);
	variant_lock_drop(list, hold);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// As a waiter leaves it: settled, and it sleeps.
static void make_contended(tally_object *list)
{
	atomic_store(&turns, 0);
	enum tally_hold hold = variant_lock_take(list);
	CHECK_EQ(hold, TALLY_HOLD_LIGHT);
	pthread_t waiter = spawn(take_once, list);
	while (!(flags_of(list) & LOCK_SETTLED)) sched_yield();
	CHECK_EQ(flags_of(list), LOCK_CONTENDED | LOCK_SETTLED);
	CHECK_EQ(lock_of(list), LOCK_LIGHT); // I3: the holder is LIGHT and will see CONTENDED
	CHECK_EQ(atomic_load(&turns), 0);
	variant_lock_drop(list, hold);
	finish(waiter);
	CHECK_EQ(atomic_load(&turns), 1);
}

static void a_waiter_settles_the_object_which_is_held_from_then_on(void)
{
	tally_object *list = new_list();
	make_contended(list);
	for (int i = 0; i < 3; i++) {
		enum tally_hold hold = variant_lock_take(list);
		if (i > 0) CHECK_EQ(hold, TALLY_HOLD_HEAVY); // the first may still find it FREE
		if (i > 0) CHECK_EQ(lock_of(list), LOCK_HELD);
		variant_lock_drop(list, hold);
		CHECK_EQ(lock_of(list), LOCK_HFREE);
		CHECK_EQ(flags_of(list), LOCK_CONTENDED | LOCK_SETTLED); // for good
	}
	tally_decref(list);
}

static void a_contended_object_that_has_become_quiet_is_taken_at_once(void)
{
	tally_object *list = new_list();
	make_contended(list);
	for (int i = tap_scale(50000); i > 0; i--) {
		CHECK_EQ(tally_list_append(list, tally_none()), 0);
		tally_decref(tally_list_pop(list, -1));
	}
	CHECK_EQ(lock_of(list), LOCK_HFREE);
	tally_decref(list);
}

static void sleepers_are_marked_in_a_held_lock_and_all_of_them_get_it(void)
{
	pthread_t waiters[5];
	tally_object *list = new_list();
	make_contended(list);
	variant_lock_drop(list, variant_lock_take(list));
	atomic_store(&turns, 0);
	enum tally_hold hold = variant_lock_take(list);
	CHECK_EQ(lock_of(list), LOCK_HELD);
	for (int i = 0; i < 5; i++) waiters[i] = spawn(take_once, list);
	while (lock_of(list) != (LOCK_HELD | LOCK_PARKED)) sched_yield(); // I3
	CHECK_EQ(atomic_load(&turns), 0);
	variant_lock_drop(list, hold);
	for (int i = 0; i < 5; i++) finish(waiters[i]);
	CHECK_EQ(atomic_load(&turns), 5);
	CHECK_EQ(lock_of(list), LOCK_HFREE);
	tally_decref(list);
}

// ---- what a waiter lets go of ----

static tally_object *held, *other; // two lists

static void *wait_for_held(void *unused)
{
	(void)unused;
	tally_token token = attached();
	reach(&at, 1);
	CHECK_EQ(tally_list_append(held, tally_none()), 0); // sleeps
	reach(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void await_sleeper(tally_object *list)
{
	while (!(flags_of(list) & LOCK_SETTLED)) tally_safepoint(), sched_yield();
}

static void nobody_who_stops_the_world_waits_for_a_waiter(void)
{
	tally_critical section;
	held = new_list();
	reach(&at, 0);
	CHECK_EQ(tally_critical_begin(&section, held), 0);
	pthread_t waiter = spawn(wait_for_held, NULL);
	await_at_run_points(&at, 1);
	await_sleeper(held);
	for (int i = 0; i < 100; i++) {
		variant_world_stop();
		variant_world_start();
	}
	CHECK(!has_reached(&at, 2));
	CHECK_EQ(tally_critical_end(&section), 0);
	await(&at, 2);
	finish(waiter);
	tally_decref(held);
}

static tally_object *guest; // owned by the waiter, its only reference given to the test

static void *make_guest_and_wait(void *type)
{
	tally_token token = attached();
	guest = probe(type, 0);
	reach(&at, 1);
	CHECK_EQ(tally_list_append(held, tally_none()), 0);
	reach(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void an_object_of_a_sleeping_waiter_dies_at_once(void)
{
	tally_object *type = fixture_probe_type();
	held = new_list();
	reach(&at, 0);
	enum tally_hold hold = variant_lock_take(held);
	pthread_t waiter = spawn(make_guest_and_wait, type);
	while (!has_reached(&at, 1)) sched_yield();
	while (!(flags_of(held) & LOCK_SETTLED)) sched_yield();
	while (tally_load(&tally_slots[tally_page_of(guest)->owner]->word, relaxed) != SLOT_DETACHED) sched_yield();
	tally_decref(guest);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	CHECK(!has_reached(&at, 2));
	variant_lock_drop(held, hold);
	await(&at, 2);
	finish(waiter);
	tally_decref(held);
}

static void *wait_inside_a_section(void *unused)
{
	(void)unused;
	tally_critical section;
	tally_token token = attached();
	CHECK_EQ(tally_critical_begin(&section, other), 0);
	reach(&at, 1);
	CHECK_EQ(tally_list_append(held, tally_none()), 0); // sleeps, the section suspended
	CHECK(lock_of(other) == LOCK_LIGHT || (lock_of(other) & ~LOCK_PARKED) == LOCK_HELD);
	size_t size = 0;
	CHECK_EQ(tally_list_size(other, &size), 0);
	CHECK_EQ(size, 1);
	reach(&at, 2);
	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(tally_list_size(other, &size), 0);
		if (size != 1) CHECK_EQ(size, 1);
		sched_yield();
	}
	reach(&at, 3);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_waiter_in_a_section_lets_its_object_go_and_has_it_again_afterwards(void)
{
	tally_critical section;
	held = new_list();
	other = new_list();
	reach(&at, 0);
	CHECK_EQ(tally_critical_begin(&section, held), 0);
	pthread_t waiter = spawn(wait_inside_a_section, NULL);
	await_at_run_points(&at, 1);
	await_sleeper(held);
	CHECK_EQ(tally_list_append(other, tally_none()), 0); // would never return if the waiter had kept it
	CHECK_EQ(tally_critical_end(&section), 0);
	await_at_run_points(&at, 2);
	CHECK_EQ(tally_list_append(other, tally_none()), 0); // has to wait for the section's end
	CHECK(has_reached(&at, 3));
	finish(waiter);
	tally_decref(held);
	tally_decref(other);
}

// Sections over one object: the outermost has the lock, whichever of them was open when the thread waited.
static void after_a_wait_the_outermost_section_over_an_object_has_its_lock(void)
{
	tally_critical outer, middle, inner;
	held = new_list();
	other = new_list();
	CHECK_EQ(tally_critical_begin(&outer, held), 0);
	CHECK_EQ(tally_critical_begin(&middle, other), 0);
	CHECK_EQ(tally_critical_begin(&inner, held), 0);
	CHECK_EQ(outer.hold, TALLY_HOLD_LIGHT);
	CHECK_EQ(middle.hold, TALLY_HOLD_LIGHT);
	CHECK_EQ(inner.hold, TALLY_HOLD_NESTED);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(lock_of(held), LOCK_FREE);
	CHECK_EQ(lock_of(other), LOCK_FREE);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(outer.hold, TALLY_HOLD_LIGHT);
	CHECK_EQ(middle.hold, TALLY_HOLD_NONE); // over another object: when it has become the innermost
	CHECK_EQ(inner.hold, TALLY_HOLD_NESTED);
	CHECK_EQ(tally_critical_end(&inner), 0);
	CHECK_EQ(lock_of(held), LOCK_LIGHT);
	CHECK_EQ(lock_of(other), LOCK_LIGHT);
	CHECK_EQ(tally_critical_end(&middle), 0);
	CHECK_EQ(lock_of(other), LOCK_FREE);
	CHECK_EQ(lock_of(held), LOCK_LIGHT);
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK_EQ(lock_of(held), LOCK_FREE);
	tally_decref(held);
	tally_decref(other);
}

// ---- nobody starves ----

static void *take_a_hundred_times(void *list)
{
	tally_token token = attached();
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(tally_list_append(list, tally_none()), 0);
		tally_decref(tally_list_pop(list, -1));
	}
	reach(&at, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// One thread holds a section over the object nearly all the time; the other gets its turns all the same.
static void a_thread_that_takes_the_lock_again_at_once_does_not_keep_a_waiter_out(void)
{
	tally_critical section;
	tally_object *list = new_list();
	reach(&at, 0);
	pthread_t waiter = spawn(take_a_hundred_times, list);
	while (!has_reached(&at, 1)) {
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		for (int i = 0; i < 1000; i++) tally_decref(tally_list_get(list, -1));
		tally_error_clear();
		CHECK_EQ(tally_critical_end(&section), 0);
	}
	finish(waiter);
	tally_decref(list);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_object_that_nobody_contends_for_is_taken_and_dropped_lightly);
	TAP_RUN(without_the_fast_kind_every_taking_is_held);
	TAP_RUN(a_waiter_settles_the_object_which_is_held_from_then_on);
	TAP_RUN(a_contended_object_that_has_become_quiet_is_taken_at_once);
	TAP_RUN(sleepers_are_marked_in_a_held_lock_and_all_of_them_get_it);
	TAP_RUN(one_object_keeps_eight_threads_apart);
	TAP_RUN(four_objects_keep_eight_threads_apart);
	TAP_RUN(sixty_four_objects_keep_eight_threads_apart);
	TAP_RUN(objects_that_share_a_bucket_of_sleepers_keep_their_own);
	TAP_RUN(without_the_fast_kind_threads_are_kept_apart_as_well);
	TAP_RUN(nobody_who_stops_the_world_waits_for_a_waiter);
	TAP_RUN(an_object_of_a_sleeping_waiter_dies_at_once);
	TAP_RUN(a_waiter_in_a_section_lets_its_object_go_and_has_it_again_afterwards);
	TAP_RUN(after_a_wait_the_outermost_section_over_an_object_has_its_lock);
	TAP_RUN(a_thread_that_takes_the_lock_again_at_once_does_not_keep_a_waiter_out);
	return tap_end();
}
