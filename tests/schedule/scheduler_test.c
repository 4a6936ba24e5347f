// tests/schedule/scheduler_test.c: the scheduler, tested on toy programs whose executions can be counted by hand, on
// toys with known faults, and on random programs for which the reduced search must reach the same final states as the
// full one. Toys share the words below; each test states its fibers beside its scenario.
#include "../tap.h"
#include "core/atomics.h"
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

static _Atomic uint32_t a, b;
static _Atomic uint64_t wide;
static uint32_t plain;
static struct tally_latch latch, inner;

static void reset(void)
{
	atomic_store(&a, 0);
	atomic_store(&b, 0);
	atomic_store(&wide, 0);
	plain = 0;
	latch = inner = (struct tally_latch)TALLY_LATCH_INIT;
	schedule_label(&a, "a");
	schedule_label(&b, "b");
	schedule_label(&latch, "latch");
	schedule_label(&inner, "inner");
}

static void write_a(void) { tally_store(&a, 1, relaxed); }
static void write_b(void) { tally_store(&b, 1, relaxed); }
static void write_a_twice(void) { write_a(), write_a(); }
static void write_b_twice(void) { write_b(), write_b(); }
static void read_a_twice(void) { (void)tally_load(&a, relaxed), (void)tally_load(&a, relaxed); }

// ---- exploring toys ---------------------------------------------------------------------------------------------

static struct schedule_result found;

static struct schedule_scenario pair(const char *name, void (*first)(void), void (*second)(void))
{
	return (struct schedule_scenario){.name = name, .init = reset, .fibers = 2, .fiber = {first, second}};
}

static struct schedule_scenario trio(const char *name, void (*first)(void), void (*second)(void), void (*third)(void))
{
	return (struct schedule_scenario){.name = name, .init = reset, .fibers = 3, .fiber = {first, second, third}};
}

static bool is_right(struct schedule_scenario toy) { return schedule_explore(&toy, &found) && found.complete; }
static bool is_wrong(struct schedule_scenario toy) { return !schedule_explore(&toy, &found); }

static long executions_of(void (*first)(void), void (*second)(void))
{
	CHECK(is_right(pair("toy", first, second)));
	return found.executions;
}

static long orders_of(void (*first)(void), void (*second)(void))
{
	struct schedule_scenario toy = pair("toy", first, second);
	toy.every_order = true;
	CHECK(is_right(toy));
	return found.executions;
}

// ---- counts known by hand ---------------------------------------------------------------------------------------

static void independent_accesses_need_one_execution(void)
{
	CHECK_EQ(executions_of(write_a, write_b), 1);
	CHECK_EQ(orders_of(write_a, write_b), 2);
	CHECK_EQ(executions_of(write_a_twice, write_b_twice), 1);
	CHECK_EQ(orders_of(write_a_twice, write_b_twice), 6);
}

static void reads_are_independent(void)
{
	CHECK_EQ(executions_of(read_a_twice, read_a_twice), 1);
	CHECK_EQ(orders_of(read_a_twice, read_a_twice), 6);
}

static void dependent_accesses_need_every_order(void)
{
	CHECK_EQ(executions_of(write_a, write_a), 2);
	CHECK_EQ(executions_of(write_a_twice, write_a_twice), 6);
	CHECK_EQ(executions_of(write_a, read_a_twice), 3);
	CHECK_EQ(orders_of(write_a_twice, write_a_twice), 6);
}

static void write_wide(void) { tally_store(&wide, 1, relaxed); }
static void wake_low(void) { tally_wake(tally_low_half(&wide), 1); }
static void wake_a(void) { tally_wake(&a, 1); }

static void accesses_depend_when_they_overlap(void)
{
	CHECK_EQ(executions_of(write_wide, wake_low), 2);
	CHECK_EQ(executions_of(write_wide, wake_a), 1);
}

static void three_fibers_of_two_dependent_steps_have_ninety_orders(void)
{
	CHECK(is_right(trio("toy", write_a_twice, write_a_twice, write_a_twice)));
	CHECK_EQ(found.executions, 90);
	CHECK_EQ(found.abandoned, 0);

	struct schedule_scenario toy = trio("toy", write_a_twice, write_b_twice, write_a_twice);
	CHECK(is_right(toy)); // those on b fall in any of 15 places, all equivalent
	CHECK_EQ(found.executions, 6);
	toy.every_order = true;
	CHECK(is_right(toy));
	CHECK_EQ(found.executions, 90);
}

static void a_bound_limits_the_preemptions(void)
{
	struct schedule_scenario toy = pair("toy", write_a_twice, write_a_twice);
	toy.bounded = true;
	long expected[] = {2, 4, 6}; // 0011 1100, then also 0110 1001, then also 0101 1010
	for (toy.preemptions = 0; toy.preemptions < 3; toy.preemptions++) {
		CHECK(is_right(toy));
		CHECK_EQ(found.executions, expected[toy.preemptions]);
	}
}

static void a_limit_ends_the_search(void)
{
	struct schedule_scenario toy = pair("toy", write_a_twice, write_a_twice);
	toy.executions_max = 4;
	CHECK(schedule_explore(&toy, &found));
	CHECK_EQ(found.executions, 4);
	CHECK(!found.complete);
}

// ---- faults -----------------------------------------------------------------------------------------------------

static void add_by_load_and_store(void)
{
	uint32_t seen = tally_load(&a, relaxed);
	tally_store(&a, seen + 1, relaxed);
}
static void add_atomically(void) { tally_fetch_add(&a, 1, relaxed); }
static void check_sum_is_two(void) { SCHEDULE_ASSERT(atomic_load(&a) == 2); }

static struct schedule_scenario losing_updates(void)
{
	struct schedule_scenario toy = pair("lost_update", add_by_load_and_store, add_by_load_and_store);
	toy.check = check_sum_is_two;
	return toy;
}

static void a_lost_update_is_found(void)
{
	CHECK(is_wrong(losing_updates()));
	CHECK_EQ(found.executions, 2);
	CHECK_STR(found.schedule, "lost_update:0110");
	CHECK(strstr(found.failure, "atomic_load(&a) == 2 is false (check_sum_is_two"));

	struct schedule_scenario right = losing_updates();
	right.fiber[0] = right.fiber[1] = add_atomically;
	CHECK(is_right(right));
	CHECK_EQ(found.executions, 2);
}

static void a_schedule_can_be_replayed(void)
{
	setenv("TALLY_SCHEDULE", "lost_update:0110", true);
	CHECK(is_wrong(losing_updates()));
	CHECK_EQ(found.executions, 1);
	setenv("TALLY_SCHEDULE", "lost_update:0002", true);
	CHECK(is_wrong(losing_updates()));
	CHECK_STR(found.failure, "fiber 0 cannot go on at step 2: the schedule is not of this code");
	setenv("TALLY_SCHEDULE", "lost_update:1100", true);
	CHECK(!is_wrong(losing_updates()));
	CHECK_EQ(found.executions, 1);
	unsetenv("TALLY_SCHEDULE");
}

static void wait_for_b(void)
{
	while (!tally_load(&b, relaxed)) tally_wait(&b, 0, TALLY_FOREVER);
}
static void wait_for_b_on_another_word(void)
{
	if (!tally_load(&b, relaxed)) tally_wait(&a, 0, TALLY_FOREVER);
}
static void set_b_and_wake_its_sleeper(void) { write_b(), tally_wake(&b, 1); }
static void set_b_and_wake_sleepers_on_a(void) { write_b(), tally_wake(&a, 1); }

static void a_lost_wake_up_is_a_deadlock(void)
{
	CHECK(is_right(pair("wake_up", wait_for_b, set_b_and_wake_its_sleeper)));
	CHECK(is_wrong(pair("lost_wake_up", wait_for_b_on_another_word, set_b_and_wake_sleepers_on_a)));
	CHECK_STR(found.failure, "deadlock; fiber 0 sleeps on a");
	CHECK(is_wrong(pair("no_wake_up", wait_for_b, write_b)));
	CHECK_STR(found.failure, "deadlock; fiber 0 sleeps on b");
}

static void wake_one(void) { tally_wake(&b, 1); }
static void sleep_on_b(void) { tally_wait(&b, 0, TALLY_FOREVER); }
static void sleep_on_b_a_little(void) { tally_wait(&b, 0, 1000); }

static void a_wake_reaches_as_many_sleepers_as_it_says(void)
{
	CHECK(is_wrong(trio("wake_one", sleep_on_b, sleep_on_b, wake_one)));
	CHECK_STR(found.failure, "deadlock; fiber 1 sleeps on b");
}

static void a_timeout_strikes_when_nothing_else_can_run(void)
{
	CHECK_EQ(executions_of(sleep_on_b_a_little, sleep_on_b_a_little), 2);
	CHECK(is_wrong(pair("sleep", sleep_on_b_a_little, sleep_on_b)));
	CHECK_STR(found.failure, "deadlock; fiber 1 sleeps on b");
}

// ---- latches ----------------------------------------------------------------------------------------------------

static void add_under_the_latch(void)
{
	tally_latch_take(&latch);
	add_by_load_and_store();
	tally_latch_drop(&latch);
}
static void take_both(void)
{
	tally_latch_take(&latch), tally_latch_take(&inner);
	tally_latch_drop(&inner), tally_latch_drop(&latch);
}
static void take_both_the_other_way(void)
{
	tally_latch_take(&inner), tally_latch_take(&latch);
	tally_latch_drop(&latch), tally_latch_drop(&inner);
}

static void a_latch_excludes(void)
{
	struct schedule_scenario toy = pair("latch", add_under_the_latch, add_under_the_latch);
	toy.check = check_sum_is_two;
	CHECK(is_right(toy));
	CHECK_EQ(found.executions, 2);
}

static void latches_taken_in_two_orders_deadlock(void)
{
	CHECK(is_right(pair("one_order", take_both, take_both)));
	CHECK(is_wrong(pair("two_orders", take_both, take_both_the_other_way)));
	CHECK_STR(found.failure, "deadlock; fiber 0 wants inner; fiber 1 wants latch");
}

// ---- spinning ---------------------------------------------------------------------------------------------------

static void spin_for_b(void)
{
	while (!tally_load(&b, relaxed)) tally_spin_pause();
}
static void spin_a_hundred_times(void)
{
	for (int i = 0; i < 100 && !tally_load(&b, relaxed); i++) tally_spin_pause();
	write_a();
}
static void spin_once(void)
{
	if (tally_load(&b, relaxed)) return;
	tally_spin_pause();
	if (!tally_load(&b, relaxed)) write_a();
}
static void take_by_spinning(void)
{
	for (uint32_t seen = 0; !tally_cas(&b, &seen, 1, acquire); seen = 0) tally_spin_pause();
	add_by_load_and_store();
	tally_store(&b, 0, release);
}
static void check_sum_is_three(void) { SCHEDULE_ASSERT(atomic_load(&a) == 3); }

static void a_spin_goes_on_when_what_it_looked_at_changes(void)
{
	CHECK_EQ(executions_of(spin_for_b, write_b), 3); // b is set before the first look, the second or the third
	CHECK_EQ(orders_of(spin_for_b, write_b), 3);
	CHECK_EQ(executions_of(spin_for_b, set_b_and_wake_sleepers_on_a), 3);
}

static void a_spin_for_nothing_is_a_deadlock(void)
{
	CHECK(is_wrong(pair("spin", spin_for_b, write_a)));
	CHECK_STR(found.failure, "deadlock; fiber 0 spins after b");
}

static void a_spin_with_a_limit_ends_when_nothing_else_can_run(void)
{
	CHECK_EQ(executions_of(spin_a_hundred_times, read_a_twice), 1);
}

static bool gave_up;
static void note_who_gave_up(void) { gave_up = gave_up || atomic_load(&a); }

static void a_spin_with_a_limit_of_one_is_explored_in_full(void)
{
	struct schedule_scenario toy = pair("spin_once", spin_once, write_b);
	toy.check = note_who_gave_up;
	gave_up = false;
	CHECK(is_right(toy));
	CHECK_EQ(found.executions, 3);
	CHECK(gave_up);
}

static void failed_attempts_of_spinning_fibers_do_not_wake_each_other(void)
{
	struct schedule_scenario toy = trio("spin_lock", take_by_spinning, take_by_spinning, take_by_spinning);
	toy.check = check_sum_is_three;
	CHECK(is_right(toy));
	tap_note("spin lock of three: %ld executions, %ld abandoned", found.executions, found.abandoned);
}

// ---- selves, scenarios ------------------------------------------------------------------------------------------

static int *self(void) { return tally_scheduled_self(); }

static void give_selves(void)
{
	reset();
	for (int i = 0; i < 2; i++) {
		schedule_act_as(i);
		SCHEDULE_ASSERT(*self() == 0);
		*self() = i + 1;
	}
	schedule_act_as(SCHEDULE_STAGE);
	SCHEDULE_ASSERT(*self() == 0);
}
static void add_self_to_a(void)
{
	tally_fetch_add(&a, (uint32_t)schedule_fiber(), relaxed);
	tally_fetch_add(&a, (uint32_t)*self(), relaxed);
	*self() = 7;
}
static void check_selves(void)
{
	SCHEDULE_ASSERT(atomic_load(&a) == 4);
	schedule_act_as(1);
	SCHEDULE_ASSERT(*self() == 7);
}

static void each_fiber_has_a_self_that_starts_at_zero(void)
{
	struct schedule_scenario toy = pair("selves", add_self_to_a, add_self_to_a);
	toy.init = give_selves;
	toy.check = check_selves;
	CHECK(is_right(toy));
}

static void fail_at_once(void) { schedule_fail("no scene"); }

static void a_failing_init_is_reported(void)
{
	struct schedule_scenario toy = pair("init", write_a, write_b);
	toy.init = fail_at_once;
	CHECK(is_wrong(toy));
	CHECK_STR(found.failure, "no scene");
	CHECK_STR(found.schedule, "init:");
}

static int executions_so_far;
static void remember_an_earlier_execution(void)
{
	if (executions_so_far++ == 0) write_b();
	write_a();
}

static void a_scenario_that_remembers_is_reported(void)
{
	executions_so_far = 0;
	CHECK(is_wrong(pair("memory", write_a_twice, remember_an_earlier_execution)));
	CHECK_STR(found.failure, "the scenario is not deterministic");
}

// ---- random programs --------------------------------------------------------------------------------------------
// Three fibers of three random operations on two words and a latch. What a fiber has read goes into what it writes, so
// that a lost order shows in the final state.

enum { RANDOM_FIBERS = 3, RANDOM_STEPS = 3, OPERATIONS = 14, PROGRAMS = 60, STATES_MAX = 4096 };
static unsigned char operations[RANDOM_FIBERS][RANDOM_STEPS];
static uint32_t registers[RANDOM_FIBERS];
static uint64_t states[STATES_MAX];
static int state_count;

static uint32_t random_state;
static unsigned random_below(unsigned n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 16) % n;
}

static void operate(uint32_t *x, unsigned operation)
{
	_Atomic uint32_t *word = operation & 1 ? &b : &a;
	uint32_t seen = *x % 4;
	switch (operation >> 1) {
	case 0: *x = *x * 31 + tally_load(word, relaxed); break;
	case 1: tally_store(word, *x, relaxed); break;
	case 2: *x = *x * 31 + tally_fetch_add(word, *x, relaxed); break;
	case 3: *x = *x * 31 + tally_cas(word, &seen, *x, relaxed); break;
	case 4:
		tally_latch_take(&latch);
		plain = plain * 31 + *x;
		tally_latch_drop(&latch);
		break;
	case 5:
		tally_wait(word, 0, 1000);
		*x = *x * 31 + tally_load(word, relaxed);
		break;
	case 6: tally_wake(word, 1); break;
	}
}

static void run_random_program(void)
{
	int me = schedule_fiber();
	for (int i = 0; i < RANDOM_STEPS; i++) operate(&registers[me], operations[me][i]);
}

static void reset_registers(void)
{
	reset();
	for (int i = 0; i < RANDOM_FIBERS; i++) registers[i] = (uint32_t)i + 1;
}

static void remember_state(void)
{
	uint64_t state = atomic_load(&a) * 1000003u + atomic_load(&b);
	for (int i = 0; i < RANDOM_FIBERS; i++) state = state * 1000003u + registers[i];
	state = state * 1000003u + plain;
	for (int i = 0; i < state_count; i++)
		if (states[i] == state) return;
	SCHEDULE_ASSERT(state_count < STATES_MAX);
	states[state_count++] = state;
}

static void choose_operations(void)
{
	for (int i = 0; i < RANDOM_FIBERS * RANDOM_STEPS; i++)
		operations[i / RANDOM_STEPS][i % RANDOM_STEPS] = (unsigned char)random_below(OPERATIONS);
}

static void the_reduced_search_reaches_every_final_state(void)
{
	struct schedule_scenario toy = trio("random", run_random_program, run_random_program, run_random_program);
	long orders = 0, reduced = 0, abandoned = 0;
	toy.init = reset_registers;
	toy.check = remember_state;
	random_state = 20;
	for (int program = 0; program < PROGRAMS; program++) {
		choose_operations();
		state_count = 0;
		toy.every_order = false;
		if (!CHECK(is_right(toy))) return;
		reduced += found.executions;
		abandoned += found.abandoned;
		int reached = state_count;
		toy.every_order = true; // adds the states that are not there yet
		if (!CHECK(is_right(toy)) || !CHECK_EQ(state_count, reached)) return;
		orders += found.executions;
	}
	tap_note("%d programs: %ld orders; reduced: %ld, and %ld abandoned", PROGRAMS, orders, reduced, abandoned);
}

int main(void)
{
	tap_begin();
	TAP_RUN(independent_accesses_need_one_execution);
	TAP_RUN(reads_are_independent);
	TAP_RUN(dependent_accesses_need_every_order);
	TAP_RUN(accesses_depend_when_they_overlap);
	TAP_RUN(three_fibers_of_two_dependent_steps_have_ninety_orders);
	TAP_RUN(a_bound_limits_the_preemptions);
	TAP_RUN(a_limit_ends_the_search);
	TAP_RUN(a_lost_update_is_found);
	TAP_RUN(a_schedule_can_be_replayed);
	TAP_RUN(a_lost_wake_up_is_a_deadlock);
	TAP_RUN(a_wake_reaches_as_many_sleepers_as_it_says);
	TAP_RUN(a_timeout_strikes_when_nothing_else_can_run);
	TAP_RUN(a_latch_excludes);
	TAP_RUN(latches_taken_in_two_orders_deadlock);
	TAP_RUN(a_spin_goes_on_when_what_it_looked_at_changes);
	TAP_RUN(a_spin_for_nothing_is_a_deadlock);
	TAP_RUN(a_spin_with_a_limit_ends_when_nothing_else_can_run);
	TAP_RUN(a_spin_with_a_limit_of_one_is_explored_in_full);
	TAP_RUN(failed_attempts_of_spinning_fibers_do_not_wake_each_other);
	TAP_RUN(each_fiber_has_a_self_that_starts_at_zero);
	TAP_RUN(a_failing_init_is_reported);
	TAP_RUN(a_scenario_that_remembers_is_reported);
	TAP_RUN(the_reduced_search_reaches_every_final_state);
	return tap_end();
}
