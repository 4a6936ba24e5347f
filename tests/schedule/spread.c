// tests/schedule/spread.c: spread objects, the real code of biased/spread.c, under the exhaustive scheduler.
//
// Threads that count a spread object touch no common memory, so there is little to explore: the list of arrays while two threads
// put theirs on it; a thread that ends, and folds its counts, beside a stop that folds them too; and the death of an object whose
// last references two threads drop while a third looks whether it is dead.
//
// tests/schedule/faults plants wrong steps in the sources and runs these scenarios again: each must be caught.
#include "count_word.h"
#include "stage.h"

static void drop(unsigned i) { variant_decref(stage_get(i)); }
static void leave(void) { variant_thread_detach(); }

static void use_and_drop(unsigned i)
{
	stage_use(i);
	drop(i);
}

// One object with so many references, spread, and so many threads attached.
static void set_stage(uint32_t references, int threads)
{
	stage_reset();
	stage_thread(0, true);
	stage_object(0, 1, references, COUNT_PLAIN);
	schedule_act_as(0);
	SCHEDULE_ASSERT(variant_spread(stage_get(0), "spread") == 0);
	for (int i = 1; i < threads; i++) stage_thread(i, true);
}

static void find_dead(void)
{
	variant_world_stop();
	variant_bury_spread_stopped();
	variant_world_start();
	tally_bury();
}

// In check: nobody else is attached.
static void find_dead_at_last(void)
{
	schedule_act_as(0);
	variant_thread_attach();
	find_dead();
	leave();
}

static uint32_t count_at_last(void)
{
	schedule_act_as(0);
	variant_thread_attach();
	variant_world_stop();
	uint32_t references = variant_count_stopped(stage_get(0));
	variant_world_start();
	leave();
	return references;
}

// ---- arrays: two threads count for the first time ----

static void arrays_init(void) { set_stage(1, 2); }
static void arrays_taker(void)
{
	variant_incref(stage_get(0));
	stage_use(0);
	leave();
}
static void arrays_check(void) { SCHEDULE_ASSERT(count_at_last() == 3); }

// ---- dying: two threads, with a reference each, hand one over and drop theirs; a third looks whether the object is dead ----

static _Atomic uint32_t handed;

static void dying_init(void)
{
	set_stage(2, 3);
	atomic_store(&handed, 0);
}
static void dying_giver(void)
{
	variant_incref(stage_get(0));
	tally_store(&handed, 1, release);
	use_and_drop(0);
	leave();
}
static void dying_receiver(void)
{
	if (tally_exchange(&handed, 0, acquire)) use_and_drop(0); // counts below 0
	use_and_drop(0);
	leave();
}
static void dying_finder(void)
{
	find_dead();
	leave();
}
static void dying_check(void)
{
	if (atomic_load(&handed)) {
		schedule_act_as(0);
		variant_thread_attach();
		use_and_drop(0); // the reference is still there
		leave();
	}
	find_dead_at_last();
	SCHEDULE_ASSERT(stage_destroyed(0) == 1);
}

// ---- ending: a thread ends, and what it has counted is folded by itself or by whoever stops the world ----

static void ending_init(void) { set_stage(1, 2); }
static void ending_thread(void)
{
	variant_incref(stage_get(0));
	variant_incref(stage_get(0));
	drop(0);
	leave();
	variant_thread_leave();
}
static void ending_finder(void)
{
	find_dead();
	leave();
}
static void ending_check(void)
{
	SCHEDULE_ASSERT(count_at_last() == 2 && !stage_destroyed(0));
	schedule_act_as(0);
	variant_thread_attach();
	drop(0);
	drop(0);
	find_dead();
	SCHEDULE_ASSERT(stage_destroyed(0) == 1);
}

// ---- the table ----

static struct schedule_scenario scenarios[] = {
        SCENARIO(arrays, 2, arrays_taker, arrays_taker),
        BOUNDED(dying, 3, 3, dying_giver, dying_receiver, dying_finder),
        SCENARIO(ending, 2, ending_finder, ending_thread),
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

int main(int count, char **arguments) { return stage_main(scenarios, SCENARIOS, count, arguments); }
