// tests/biased/light_lock.c: the lock byte of real objects: who is kept out, what the byte and its flags go through, who
// is woken, and what a waiter lets go of while it sleeps (the picture and the invariants are in biased/light_lock.h).
//
// Between a taking and its drop there is leaf code only, so a test may take the lock directly; where it has to come to
// points in between it holds the lock by a critical section.
#include "fixture.h"
#include "slot.h"
#include "turns.h"
#include "variant.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

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
		uint8_t contention = flags & (LOCK_CONTENDED | LOCK_SETTLED);
		CHECK(contention == 0 || contention == (LOCK_CONTENDED | LOCK_SETTLED));
		if (!(flags & LOCK_CONTENDED) && light_lock_from == LOCK_FREE) CHECK_EQ(lock, LOCK_FREE); // I1
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
	light_lock_from = LOCK_NEVER;
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

static stage at;

static void take_lightly(tally_object *list)
{
	enum tally_hold hold = variant_lock_take(list);
	CHECK_EQ(hold, TALLY_HOLD_LIGHT);
	variant_lock_drop(list, hold);
}

static void *take_every_second_time(void *list)
{
	tally_token token = attached();
	for (unsigned i = 1; i < 2000; i += 2) {
		while (!has_reached(&at, i)) sched_yield();
		take_lightly(list);
		reach(&at, i + 1);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void threads_that_never_meet_take_and_drop_lightly_as_well(void)
{
	tally_object *list = new_list();
	reach(&at, 0);
	pthread_t other = spawn(take_every_second_time, list);
	for (unsigned i = 0; i < 2000; i += 2) {
		while (!has_reached(&at, i)) sched_yield();
		take_lightly(list);
		reach(&at, i + 1);
	}
	finish(other);
	CHECK_EQ(lock_of(list), LOCK_FREE);
	CHECK_EQ(flags_of(list), LOCK_SHARED);
	tally_decref(list);
}

static void pass_a_section(tally_object *object)
{
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, object), 0);
	CHECK(tally_load(&object->moving, relaxed) & 1);
	CHECK_EQ(tally_critical_end(&section), 0);
}

static void no_two_sections_over_a_shared_object_have_the_same_number(void)
{
	tally_object *list = new_list();
	pass_a_section(list);
	CHECK_EQ(tally_load(&list->moving, relaxed), 0); // nobody else reads
	variant_share(list);
	for (unsigned number = 2; number < TALLY_SHUT - 1; number += 2) {
		pass_a_section(list);
		CHECK_EQ(tally_load(&list->moving, relaxed), number);
		CHECK_EQ(tally_list_insert(list, 0, tally_none()), 0); // many places
		CHECK_EQ(tally_load(&list->moving, relaxed), number);
	}
	for (int i = 0; i < 300; i++) {
		pass_a_section(list);
		CHECK_EQ(tally_load(&list->moving, relaxed), TALLY_SHUT);
		CHECK_EQ(tally_list_insert(list, 0, tally_none()), 0);
		tally_decref(tally_list_get(list, 0));
	}
	CHECK_EQ(tally_load(&list->moving, relaxed), TALLY_SHUT);
	tally_decref(list);
}

static void without_the_fast_kind_every_taking_is_held(void)
{
	tally_object *list = new_list();
	light_lock_from = LOCK_NEVER;
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
		CHECK_EQ(flags_of(list), LOCK_CONTENDED | LOCK_SETTLED | LOCK_SHARED); // for good
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

// Threads that each want one object, and are known to sleep for it.
static struct sleepy {
	tally_object *object;
	struct tally_slot *_Atomic slot;
	stage had_it;
	pthread_t thread;
} sleepy[4];

static void *sleep_once(void *argument)
{
	struct sleepy *self = argument;
	tally_token token = attached();
	atomic_store(&self->slot, tally_self.slot);
	enum tally_hold hold = variant_lock_take(self->object);
	reach(&self->had_it, 1);
	variant_lock_drop(self->object, hold);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void send_to_sleep(struct sleepy *one, tally_object *object)
{
	one->object = object;
	atomic_store(&one->slot, NULL);
	reach(&one->had_it, 0);
	one->thread = spawn(sleep_once, one);
	while (!atomic_load(&one->slot)) sched_yield();
	while (tally_load(&atomic_load(&one->slot)->word, relaxed) != SLOT_DETACHED) sched_yield(); // linked, its role left
}

static void check_bucket(unsigned first)
{
	enum tally_hold holds[2];
	for (int i = 0; i < 2; i++) holds[i] = variant_lock_take(guarded.objects[i]);
	for (int i = 0; i < 4; i++) send_to_sleep(&sleepy[i], guarded.objects[i % 2]);
	for (unsigned turn = 0; turn < 2; turn++) {
		unsigned object = first ^ turn;
		for (int i = 0; i < 4; i++) CHECK(has_reached(&sleepy[i].had_it, 1) == (turn == 1 && i % 2 == (int)first));
		variant_lock_drop(guarded.objects[object], holds[object]);
		for (unsigned i = object; i < 4; i += 2) pthread_join(sleepy[i].thread, NULL);
	}
}

// Two and two of them, in one bucket: the first two times LIGHT, then HELD.
static void a_drop_wakes_the_sleepers_of_its_object_and_no_others(void)
{
	choose_objects(2, true);
	for (unsigned i = tap_scale(20u); i > 0; i--) check_bucket(i % 2);
	for (int i = 0; i < 2; i++) tally_decref(guarded.objects[i]);
}

static void await_sleeper(tally_object *list)
{
	while (!(flags_of(list) & LOCK_SETTLED)) tally_safepoint(), sched_yield();
}

// ---- who else has been here (I4) ----

static void *find_marked(void *list)
{
	tally_token token = attached();
	for (int i = 0; i < 2; i++) {
		enum tally_hold hold = variant_lock_take(list);
		CHECK(flags_of(list) & LOCK_SHARED); // before anything is done under the lock
		variant_lock_drop(list, hold);
	}
	CHECK(flags_of(list) & LOCK_SHARED);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *take_a_section(void *list)
{
	tally_critical section;
	tally_token token = attached();
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK(flags_of(list) & LOCK_SHARED);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *take_quickly(void *list)
{
	tally_token token = attached();
	CHECK(variant_lock_take_quick(list));
	CHECK(flags_of(list) & LOCK_SHARED);
	CHECK(variant_lock_drop_quick(list));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void whoever_takes_the_lock_of_anothers_object_marks_it_first(void)
{
	void *(*const ways[])(void *) = {find_marked, take_a_section, take_quickly};
	for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		tally_critical section;
		tally_object *list = new_list();
		take_lightly(list);
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		CHECK_EQ(tally_critical_end(&section), 0);
		CHECK_EQ(flags_of(list), 0); // its owner leaves no mark
		CHECK(variant_may_read(list) && !variant_is_shared(list));
		finish(spawn(ways[i], list));
		CHECK_EQ(flags_of(list), LOCK_SHARED);
		take_lightly(list);
		CHECK_EQ(flags_of(list), LOCK_SHARED); // for good
		CHECK(variant_may_read(list) && variant_is_shared(list));
		tally_decref(list);
	}
}

static void without_the_fast_kind_the_mark_is_made_as_well(void)
{
	tally_object *list = new_list();
	light_lock_from = LOCK_NEVER;
	variant_lock_drop(list, variant_lock_take(list));
	CHECK_EQ(flags_of(list), 0);
	finish(spawn(find_marked, list));
	CHECK_EQ(flags_of(list), LOCK_SHARED);
	tally_decref(list);
}

// The lock is given to a sleeper that has waited long: that one marks the object, too.
static void a_sleeper_marks_the_object_when_it_has_the_lock_and_not_before(void)
{
	tally_critical section;
	for (unsigned impatient = 0; impatient < 2; impatient++) {
		tally_object *list = new_list();
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		pthread_t waiter = spawn(find_marked, list);
		while (!(flags_of(list) & LOCK_SETTLED)) sched_yield();
		for (uint64_t start = now_ns(); impatient && now_ns() - start < 3000000;) sched_yield();
		CHECK_EQ(flags_of(list), LOCK_CONTENDED | LOCK_SETTLED);
		CHECK_EQ(tally_critical_end(&section), 0);
		finish(waiter);
		CHECK_EQ(flags_of(list), LOCK_CONTENDED | LOCK_SETTLED | LOCK_SHARED);
		tally_decref(list);
	}
}

static void *make_a_list(void *made)
{
	tally_token token = attached();
	*(tally_object **)made = new_list();
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// Whose owner has gone, or who is immortal, has no owner: nobody reads without the mark.
static void where_there_is_no_owner_everybody_marks(void)
{
	tally_object *list = NULL;
	finish(spawn(make_a_list, &list));
	CHECK(!variant_may_read(list));
	take_lightly(list);
	CHECK_EQ(flags_of(list), LOCK_SHARED);
	CHECK(variant_may_read(list));
	tally_decref(list);
}

// ---- sections over two ----

static bool is_held(tally_object *list) { return lock_of(list) == LOCK_LIGHT || (lock_of(list) & ~LOCK_PARKED) == LOCK_HELD; }

static tally_object *low, *high; // two lists, by address

static void make_two(void)
{
	tally_object *a = new_list(), *b = new_list();
	low = (uintptr_t)a < (uintptr_t)b ? a : b;
	high = low == a ? b : a;
}

static void drop_two(void)
{
	CHECK(!is_held(low) && !is_held(high));
	tally_decref(low);
	tally_decref(high);
}

static void check_two(const tally_critical *section, enum tally_hold first, enum tally_hold second)
{
	CHECK(section->object == low && section->other == high);
	CHECK_EQ(section->hold, first);
	CHECK_EQ(section->other_hold, second);
}

static void a_section_over_two_holds_both_in_the_order_of_their_addresses(void)
{
	tally_critical section;
	make_two();
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tally_critical_begin_two(&section, i ? low : high, i ? high : low), 0);
		check_two(&section, TALLY_HOLD_LIGHT, TALLY_HOLD_LIGHT);
		CHECK(is_held(low) && is_held(high));
		CHECK_EQ(variant_lock_take(low), TALLY_HOLD_NESTED);
		CHECK_EQ(variant_lock_take(high), TALLY_HOLD_NESTED);
		CHECK_EQ(tally_blocking_begin(), 0);
		check_two(&section, TALLY_HOLD_NONE, TALLY_HOLD_NONE);
		CHECK(!is_held(low) && !is_held(high));
		CHECK_EQ(tally_blocking_end(), 0);
		check_two(&section, TALLY_HOLD_LIGHT, TALLY_HOLD_LIGHT);
		CHECK_EQ(tally_critical_end(&section), 0);
		CHECK(!is_held(low) && !is_held(high));
	}
	CHECK_EQ(tally_critical_begin_two(&section, low, low), 0);
	CHECK(section.object == low && !section.other);
	CHECK(is_held(low));
	CHECK_EQ(tally_critical_end(&section), 0);
	drop_two();
}

static void a_section_over_two_is_nested_in_those_over_one_of_them(void)
{
	for (int i = 0; i < 2; i++) {
		tally_critical outer, two, inner;
		make_two();
		tally_object *one = i ? high : low, *other_one = i ? low : high;
		CHECK_EQ(tally_critical_begin(&outer, one), 0);
		CHECK_EQ(tally_critical_begin_two(&two, low, high), 0);
		check_two(&two, i ? TALLY_HOLD_LIGHT : TALLY_HOLD_NESTED, i ? TALLY_HOLD_NESTED : TALLY_HOLD_LIGHT);
		CHECK_EQ(tally_critical_begin(&inner, other_one), 0);
		CHECK_EQ(inner.hold, TALLY_HOLD_NESTED);
		CHECK_EQ(variant_lock_take(one), TALLY_HOLD_NESTED); // not the innermost's
		CHECK_EQ(tally_critical_end(&inner), 0);
		CHECK(is_held(low) && is_held(high));
		CHECK_EQ(tally_critical_end(&two), 0);
		CHECK(is_held(one) && !is_held(other_one));
		CHECK_EQ(tally_critical_end(&outer), 0);
		drop_two();
	}
}

static void after_a_wait_sections_over_two_are_whole_again_or_not_at_all(void)
{
	tally_critical outermost, outer, single, inner;
	make_two();
	CHECK_EQ(tally_critical_begin_two(&outermost, low, high), 0);
	CHECK_EQ(tally_critical_begin_two(&outer, high, low), 0);
	check_two(&outer, TALLY_HOLD_NESTED, TALLY_HOLD_NESTED);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	check_two(&outermost, TALLY_HOLD_LIGHT, TALLY_HOLD_LIGHT); // those over the same two together
	check_two(&outer, TALLY_HOLD_NESTED, TALLY_HOLD_NESTED);
	CHECK_EQ(tally_critical_begin(&single, high), 0);
	CHECK_EQ(tally_critical_begin(&inner, high), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	check_two(&outermost, TALLY_HOLD_NONE, TALLY_HOLD_NONE);
	check_two(&outer, TALLY_HOLD_NONE, TALLY_HOLD_NONE);
	CHECK_EQ(single.hold, TALLY_HOLD_LIGHT);
	CHECK_EQ(inner.hold, TALLY_HOLD_NESTED);
	CHECK(!is_held(low));
	CHECK_EQ(tally_critical_end(&inner), 0);
	check_two(&outer, TALLY_HOLD_NONE, TALLY_HOLD_NONE);
	CHECK_EQ(tally_critical_end(&single), 0);
	check_two(&outermost, TALLY_HOLD_LIGHT, TALLY_HOLD_LIGHT);
	check_two(&outer, TALLY_HOLD_NESTED, TALLY_HOLD_NESTED);
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK(is_held(low) && is_held(high));
	CHECK_EQ(tally_critical_end(&outermost), 0);
	drop_two();
}

static void *wait_for_both(void *unused)
{
	(void)unused;
	tally_critical section;
	tally_token token = attached();
	reach(&at, 1);
	CHECK_EQ(tally_critical_begin_two(&section, high, low), 0);
	CHECK(is_held(low) && is_held(high));
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// Whoever waits for the higher has the lower; whoever waits for the lower has nothing.
static void a_waiter_for_both_keeps_the_lower_only(void)
{
	for (int i = 0; i < 2; i++) {
		tally_critical section;
		make_two();
		tally_object *one = i ? high : low;
		reach(&at, 0);
		CHECK_EQ(tally_critical_begin(&section, one), 0);
		pthread_t waiter = spawn(wait_for_both, NULL);
		while (!(flags_of(one) & LOCK_SETTLED)) CHECK_EQ(tally_safepoint(), 0);
		if (i) CHECK(is_held(low));
		else CHECK(!is_held(high));
		variant_world_stop(); // nobody waits for it
		variant_world_start();
		CHECK_EQ(tally_critical_end(&section), 0);
		finish(waiter);
		drop_two();
	}
}

static void *wait_for_both_inside(void *outer_one)
{
	tally_critical outer, section;
	tally_token token = attached();
	CHECK_EQ(tally_critical_begin(&outer, outer_one), 0);
	reach(&at, 1);
	CHECK_EQ(tally_critical_begin_two(&section, low, high), 0); // waits, `outer` suspended
	CHECK(is_held(low) && is_held(high));
	check_two(&section, TALLY_HOLD_LIGHT, TALLY_HOLD_HEAVY);
	CHECK_EQ(outer.hold, TALLY_HOLD_NONE);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK(is_held(low)); // again
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// The lower one is held by a section further out, which lets go of it while the higher one is waited for.
static void what_an_outer_section_lets_go_of_in_the_wait_is_taken_anew(void)
{
	tally_critical section;
	make_two();
	reach(&at, 0);
	CHECK_EQ(tally_critical_begin(&section, high), 0);
	pthread_t waiter = spawn(wait_for_both_inside, low);
	await_at_run_points(&at, 1);
	await_sleeper(high);
	while (is_held(low)) sched_yield(); // it sleeps, and holds nothing
	CHECK_EQ(tally_critical_end(&section), 0);
	finish(waiter);
	drop_two();
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

enum { MOST_WAITS = 500, MS = 1000000 };

static atomic_uint sections;
static stage waiter_is; // one of these
enum { CONTENT, ABOUT_TO_WAIT, ASLEEP };
static struct tally_slot *slot_of_waiter;

// The one that a waiter comes upon lasts until it sleeps and a millisecond more, the others a millisecond.
static void *cycle_sections_of_a_millisecond(void *list)
{
	stay_on_processor(1);
	tally_token token = attached();
	while (!has_reached(&at, 1)) {
		tally_critical section;
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		atomic_fetch_add(&sections, 1);
		for (uint64_t start = now_ns(); now_ns() - start < MS || atomic_load(&waiter_is) == ABOUT_TO_WAIT;) {
			CHECK_EQ(tally_safepoint(), 0);
			if (atomic_load(&waiter_is) != ABOUT_TO_WAIT) continue;
			start = now_ns();
			if (tally_load(&slot_of_waiter->word, relaxed) == SLOT_DETACHED) reach(&waiter_is, ASLEEP);
		}
		CHECK_EQ(tally_critical_end(&section), 0);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static uint64_t took[MOST_WAITS], meanwhile[MOST_WAITS];
static unsigned waits;

static void *wait_for_sections_of_another(void *list)
{
	tally_token token = attached();
	slot_of_waiter = tally_self.slot;
	pthread_t cycler = spawn(cycle_sections_of_a_millisecond, list);
	stay_on_processor(0); // after the other has been made, which would inherit it
	for (unsigned i = 0; i < waits; i++) {
		tally_critical section;
		unsigned begun = atomic_load(&sections);
		while (atomic_load(&sections) == begun) sched_yield();
		begun = atomic_load(&sections);
		uint64_t start = now_ns();
		reach(&waiter_is, ABOUT_TO_WAIT);
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		reach(&waiter_is, CONTENT);
		took[i] = now_ns() - start;
		meanwhile[i] = atomic_load(&sections) - begun;
		CHECK_EQ(tally_critical_end(&section), 0);
	}
	reach(&at, 1);
	finish(cycler);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void check_waits_beside_sections(void)
{
	tally_object *list = new_list();
	waits = tap_scale(50u) < MOST_WAITS ? tap_scale(50u) : MOST_WAITS;
	reach(&at, 0);
	reach(&waiter_is, CONTENT);
	atomic_store(&sections, 0);
	finish(spawn(wait_for_sections_of_another, list));
	qsort(took, waits, sizeof took[0], by_size);
	qsort(meanwhile, waits, sizeof meanwhile[0], by_size);
	tap_note("beside sections of 1 ms waited in ms: p50 %.2f, max %.2f; sections meanwhile: p50 %u, max %u",
	         (double)took[waits / 2] / MS, (double)took[waits - 1] / MS, (unsigned)meanwhile[waits / 2],
	         (unsigned)meanwhile[waits - 1]);
	CHECK(took[waits - 1] < patience_ns(2));
	CHECK(meanwhile[waits / 2] <= 10);
	tally_decref(list);
}

static void a_thread_that_cycles_sections_of_a_millisecond_starves_nobody(void)
{
	check_waits_beside_sections();
	light_lock_from = LOCK_NEVER;
	check_waits_beside_sections();
}

// ---- a system that forbids the barrier ----

// From now on membarrier(2) fails in this thread and in those that it makes. False: there is no such filter here.
static bool forbid_membarrier(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof steps / sizeof steps[0], .filter = steps};
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void forbidden_at_the_start_every_taking_is_held(void)
{
	CHECK_EQ(light_lock_from, LOCK_NEVER);
	check_exclusion(1, false);
	check_exclusion(4, false);
}

// Whoever settles stops the world instead: those who hold the lock come to a point, since they hold it by a section.
static void forbidden_later_a_stopped_world_does_in_its_place(void)
{
	pthread_t waiters[4];
	CHECK_EQ(light_lock_from, LOCK_FREE);
	if (!CHECK(forbid_membarrier())) return;
	for (int i = tap_scale(50); i > 0; i--) {
		tally_critical section;
		tally_object *list = new_list();
		atomic_store(&turns, 0);
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		for (int each = 0; each < 4; each++) waiters[each] = spawn(take_once, list);
		while (!(flags_of(list) & LOCK_SETTLED)) CHECK_EQ(tally_safepoint(), 0);
		CHECK_EQ(atomic_load(&turns), 0);
		CHECK_EQ(tally_critical_end(&section), 0);
		for (int each = 0; each < 4; each++) finish(waiters[each]);
		CHECK_EQ(atomic_load(&turns), 4);
		tally_decref(list);
	}
	check_exclusion(1, false);
	check_exclusion(64, false);
}

// This program once more, with one test, under such a system. What it prints goes where errors go; its status is the result.
static int status_of_child(const char *when)
{
	extern char **environ;
	char name[] = "light_lock", mode[16];
	char *arguments[] = {name, mode, NULL};
	int status = -1;
	pid_t child;
	snprintf(mode, sizeof mode, "%s", when);
	if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ)) return -1;
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(tally_blocking_end(), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int be_the_child(const char *when)
{
	bool at_the_start = strcmp(when, "at the start") == 0;
	dup2(STDERR_FILENO, STDOUT_FILENO);
	if (at_the_start) CHECK(forbid_membarrier());
	fixture_begin(60);
	if (at_the_start) TAP_RUN(forbidden_at_the_start_every_taking_is_held);
	else TAP_RUN(forbidden_later_a_stopped_world_does_in_its_place);
	return tap_end();
}

static void where_the_barrier_is_forbidden_every_taking_is_held(void) { CHECK_EQ(status_of_child("at the start"), 0); }

static void where_the_barrier_is_forbidden_later_a_stopped_world_takes_its_place(void)
{
	CHECK_EQ(status_of_child("later"), 0);
}

static void run_where_filters_exist(const char *name, void (*test)(void))
{
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0) tap_run(name, test);
	else tap_skip(name, "this system has no filters of system calls");
}
#define RUN_WHERE_FILTERS_EXIST(test) run_where_filters_exist(#test, (test))

int main(int argc, char **argv)
{
	if (argc == 2) return be_the_child(argv[1]);
	fixture_begin(60);
	TAP_RUN(an_object_that_nobody_contends_for_is_taken_and_dropped_lightly);
	TAP_RUN(threads_that_never_meet_take_and_drop_lightly_as_well);
	TAP_RUN(no_two_sections_over_a_shared_object_have_the_same_number);
	TAP_RUN(without_the_fast_kind_every_taking_is_held);
	TAP_RUN(a_waiter_settles_the_object_which_is_held_from_then_on);
	TAP_RUN(a_contended_object_that_has_become_quiet_is_taken_at_once);
	TAP_RUN(sleepers_are_marked_in_a_held_lock_and_all_of_them_get_it);
	TAP_RUN(one_object_keeps_eight_threads_apart);
	TAP_RUN(four_objects_keep_eight_threads_apart);
	TAP_RUN(sixty_four_objects_keep_eight_threads_apart);
	TAP_RUN(objects_that_share_a_bucket_of_sleepers_keep_their_own);
	TAP_RUN(a_drop_wakes_the_sleepers_of_its_object_and_no_others);
	TAP_RUN(without_the_fast_kind_threads_are_kept_apart_as_well);
	TAP_RUN(whoever_takes_the_lock_of_anothers_object_marks_it_first);
	TAP_RUN(without_the_fast_kind_the_mark_is_made_as_well);
	TAP_RUN(a_sleeper_marks_the_object_when_it_has_the_lock_and_not_before);
	TAP_RUN(where_there_is_no_owner_everybody_marks);
	TAP_RUN(a_section_over_two_holds_both_in_the_order_of_their_addresses);
	TAP_RUN(a_section_over_two_is_nested_in_those_over_one_of_them);
	TAP_RUN(after_a_wait_sections_over_two_are_whole_again_or_not_at_all);
	TAP_RUN(a_waiter_for_both_keeps_the_lower_only);
	TAP_RUN(what_an_outer_section_lets_go_of_in_the_wait_is_taken_anew);
	TAP_RUN(nobody_who_stops_the_world_waits_for_a_waiter);
	TAP_RUN(an_object_of_a_sleeping_waiter_dies_at_once);
	TAP_RUN(a_waiter_in_a_section_lets_its_object_go_and_has_it_again_afterwards);
	TAP_RUN(after_a_wait_the_outermost_section_over_an_object_has_its_lock);
	TAP_RUN(a_thread_that_takes_the_lock_again_at_once_does_not_keep_a_waiter_out);
	TAP_RUN(a_thread_that_cycles_sections_of_a_millisecond_starves_nobody);
	RUN_WHERE_FILTERS_EXIST(where_the_barrier_is_forbidden_every_taking_is_held);
	RUN_WHERE_FILTERS_EXIST(where_the_barrier_is_forbidden_later_a_stopped_world_takes_its_place);
	return tap_end();
}
