// tests/schedule/light_lock.c: the light lock and critical sections, their real code, under the exhaustive scheduler.
//
// Spinning is off, so every contended taking goes the long way: settle, sleep, be woken. A lost wake-up shows as a
// deadlock, two holders as a wrong count of those inside. The asymmetric barrier is taken as given here (interleavings
// are sequentially consistent): tests/litmus/light_lock.c is about it.
#include "stage.h"

#include <string.h>

static unsigned inside[2], entered; // plain: guarded by the lock of object 0 or 1

static void work(unsigned i)
{
	tally_scheduled_access(&inside[i], true);
	SCHEDULE_ASSERT(++inside[i] == 1);
	tally_scheduled_access(&inside[i], true);
	inside[i]--;
	entered++;
}

static void set_up(int threads)
{
	stage_reset();
	for (int i = 0; i < threads; i++) stage_thread(i, true);
	for (unsigned i = 0; i < 2; i++) {
		stage_object(i, 1, 8, COUNT_PLAIN);
		schedule_label(&stage_get(i)->lock, i ? "lock 1" : "lock 0");
		schedule_label(&stage_get(i)->flags, i ? "flags 1" : "flags 0");
	}
	inside[0] = inside[1] = entered = 0;
}

static void enter_and_leave(void)
{
	enum tally_hold hold = variant_lock_take(stage_get(0));
	work(0);
	variant_lock_drop(stage_get(0), hold);
}
static void twice(void) { enter_and_leave(), enter_and_leave(); }

static void is_free(unsigned i)
{
	uint8_t lock = tally_load(&stage_get(i)->lock, relaxed);
	SCHEDULE_ASSERT(lock == LOCK_FREE || lock == LOCK_HFREE);
}

// ---- two and three threads, light from the start, and one that was contended before ----

static void pair_init(void) { set_up(2); }
static void pair_check(void)
{
	is_free(0);
	SCHEDULE_ASSERT(entered == 4);
}

static void trio_init(void) { set_up(3); }
static void trio_check(void)
{
	is_free(0);
	SCHEDULE_ASSERT(entered == 3);
}

static void quartet_init(void) { set_up(4); }
static void quartet_check(void)
{
	is_free(0);
	SCHEDULE_ASSERT(entered == 4);
}

static void settled_init(void)
{
	set_up(3);
	tally_store(&stage_get(0)->flags, LOCK_CONTENDED | LOCK_SETTLED, relaxed);
	tally_store(&stage_get(0)->lock, LOCK_HFREE, relaxed);
}
static void settled_check(void) { trio_check(); }

// Without the barrier every taking is heavy.
static void heavy_init(void)
{
	set_up(3);
	light_lock_from = LOCK_NEVER;
}
static void heavy_check(void)
{
	trio_check();
	light_lock_from = LOCK_FREE;
}

// Every sleeper has lost its patience: the lock is handed over.
static void handing_init(void)
{
	set_up(3);
	stage_clock_step = 1000000000;
}
static void handing_check(void) { trio_check(); }

static void handing_settled_init(void)
{
	settled_init();
	stage_clock_step = 1000000000;
}
static void handing_settled_check(void) { trio_check(); }

static void handing_pair_init(void)
{
	set_up(2);
	stage_clock_step = 1000000000;
}
static void handing_pair_check(void) { pair_check(); }

// ---- sections: what stands in one is atomic; two threads nest two objects in both orders and never deadlock ----

static void section_over(tally_critical *section, unsigned i) { tally_critical_begin(section, stage_get(i)); }

static void section_init(void) { set_up(2); }
static void section_fiber(void)
{
	tally_critical section;
	section_over(&section, 0);
	enter_and_leave(); // nested: takes nothing
	work(0);
	tally_critical_end(&section);
}
static void section_check(void)
{
	is_free(0);
	SCHEDULE_ASSERT(entered == 4);
}

static void crossing_init(void) { set_up(2); }
static void cross(unsigned first, unsigned second)
{
	tally_critical outer, inner;
	section_over(&outer, first);
	section_over(&inner, second);
	work(second);
	tally_critical_end(&inner);
	work(first);
	tally_critical_end(&outer);
}
static void crossing_fiber(void) { cross(0, 1); }
static void crossing_other(void) { cross(1, 0); }
static void crossing_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 4);
}

// An operation on another object waits inside a section, and the section holds again afterwards.
static void waiting_init(void) { set_up(2); }
static void waiting_fiber(void)
{
	tally_critical section;
	section_over(&section, 1);
	enter_and_leave();
	work(1);
	tally_critical_end(&section);
}
static void waiting_other(void)
{
	enum tally_hold hold = variant_lock_take(stage_get(0));
	work(0);
	variant_lock_drop(stage_get(0), hold);
	hold = variant_lock_take(stage_get(1));
	work(1);
	variant_lock_drop(stage_get(1), hold);
}
static void waiting_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 4);
}

// ---- sections over both: held together, whatever their order, beside sections over one and operations on one ----

static void section_over_both(tally_critical *section, unsigned a, unsigned b)
{
	tally_critical_begin_two(section, stage_get(a), stage_get(b));
}

static void hold_both(unsigned a, unsigned b)
{
	tally_critical section;
	section_over_both(&section, a, b);
	work(1), work(0);
	tally_critical_end(&section);
}
static void hold_one_after_the_other(void) { hold_both(1, 0); }
static void hold_one_and_the_other(void) { hold_both(0, 1); }

static void operate(unsigned i)
{
	enum tally_hold hold = variant_lock_take(stage_get(i));
	work(i);
	variant_lock_drop(stage_get(i), hold);
}

static void both_init(void) { set_up(2); }
static void both_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 4);
}

static void both_trio_init(void) { set_up(3); }
static void both_trio_single(void)
{
	tally_critical section;
	section_over(&section, 1);
	work(1);
	tally_critical_end(&section);
}
static void both_trio_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 5);
}

// An operation on the higher, or on the lower, inside a section over the other one.
static void both_and_nested_init(void) { set_up(2); }
static void both_and_nested_down(void) { cross(1, 0); }
static void both_and_nested_up(void) { cross(0, 1); }
static void both_and_nested_check(void) { both_check(); }

static void both_and_operation_init(void) { set_up(2); }
static void both_and_operation_fiber(void) { operate(1), operate(0); }
static void both_and_operation_check(void) { both_check(); }

// Inside a section over the lower: it lets go of it while the higher one is waited for.
static void both_inside_init(void) { set_up(2); }
static void both_inside_fiber(void)
{
	tally_critical outer, inner;
	section_over(&outer, 0);
	section_over_both(&inner, 0, 1);
	work(0), work(1);
	operate(0), operate(1); // nested
	tally_critical_end(&inner);
	work(0);
	tally_critical_end(&outer);
}
static void both_inside_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 7);
}

// What waits inside lets go of both, and holds both afterwards.
static void both_region_init(void) { set_up(2); }
static void both_region_fiber(void)
{
	tally_critical section;
	section_over_both(&section, 1, 0);
	work(0);
	variant_thread_detach();
	variant_thread_attach();
	work(0), work(1);
	tally_critical_end(&section);
}
static void both_region_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 5);
}

// A section over the lower between two over both: the outermost holds again when it is the innermost, not before.
static void both_again_init(void) { set_up(2); }
static void both_again_fiber(void)
{
	tally_critical outer, middle, inner;
	section_over_both(&outer, 0, 1);
	section_over(&middle, 0);
	for (unsigned i = 0; i < 2; i++) SCHEDULE_ASSERT(variant_lock_take(stage_get(i)) == TALLY_HOLD_NESTED); // nothing to drop
	variant_thread_detach();
	variant_thread_attach();
	section_over_both(&inner, 0, 1);
	work(1);
	tally_critical_end(&inner);
	tally_critical_end(&middle);
	work(0), work(1);
	tally_critical_end(&outer);
}
static void both_again_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 5);
}

// An operation on a third object waits inside.
static void both_wait_init(void)
{
	set_up(2);
	stage_object(2, 1, 8, COUNT_PLAIN);
}
static void both_wait_fiber(void)
{
	tally_critical section;
	section_over_both(&section, 0, 1);
	enum tally_hold hold = variant_lock_take(stage_get(2));
	variant_lock_drop(stage_get(2), hold);
	work(0), work(1);
	tally_critical_end(&section);
}
static void both_wait_other(void)
{
	tally_critical section;
	section_over(&section, 2);
	operate(1);
	tally_critical_end(&section);
	operate(0);
}
static void both_wait_check(void)
{
	is_free(0), is_free(1), is_free(2);
	SCHEDULE_ASSERT(entered == 4);
}

// Whoever waits for the second of two stands still with the first, as far as a stop of the world is concerned.
static void both_stop_init(void) { set_up(3); }
static void both_stop_holder(void)
{
	tally_critical section;
	section_over(&section, 1);
	variant_stop_point();
	work(1);
	tally_critical_end(&section);
	variant_thread_detach();
}
static void both_stop_waiter(void)
{
	hold_both(0, 1);
	variant_thread_detach();
}
static void both_stop_stopper(void)
{
	variant_world_stop();
	variant_world_start();
}
static void both_stop_check(void)
{
	is_free(0), is_free(1);
	SCHEDULE_ASSERT(entered == 3);
}

// ---- SHARED: object 0, whose owner is fiber 0, leads to an array ----

static _Atomic uint32_t array;  // which of them
static uint64_t freed[4];       // plain: whether that one has been

static void share_init(void)
{
	set_up(3);
	tally_store(&array, 0, relaxed);
	memset(freed, 0, sizeof freed);
	schedule_label(&array, "array");
}

static void look(void)
{
	uint32_t seen = tally_load(&array, acquire);
	tally_scheduled_access(&freed[seen], false);
	SCHEDULE_ASSERT(!freed[seen]);
}

// Reads twice, as an operation does that does not come to a point: without the lock where it may.
static void read_once(void)
{
	if (variant_may_read(stage_get(0))) {
		look();
		return;
	}
	enum tally_hold hold = variant_lock_take(stage_get(0));
	look();
	variant_lock_drop(stage_get(0), hold);
}

static void replace(uint32_t next)
{
	enum tally_hold hold = variant_lock_take(stage_get(0));
	bool is_shared = variant_is_shared(stage_get(0));
	uint32_t former = tally_load(&array, relaxed);
	tally_store(&array, next, release);
	if (!is_shared) { // nobody else reads: it is freed at once. Else it waits, here for ever
		tally_scheduled_access(&freed[former], true);
		freed[former] = 1;
	}
	variant_lock_drop(stage_get(0), hold);
}
static void share_owner(void)
{
	replace(1);
	read_once();
}
static void share_reader(void)
{
	read_once();
	read_once();
}
static void share_writer(void) { replace(2); }
static void share_check(void) { is_free(0); }

// The same inside a section of the foreign writer's.
static void share_section_init(void) { share_init(); }
static void share_section_writer(void)
{
	tally_critical section;
	section_over(&section, 0);
	replace(2);
	tally_critical_end(&section);
}
static void share_section_check(void) { is_free(0); }

// ---- with a stop of the world ----

// A thread that waits for a lock is not waited for by a stop of the world.
static void stopped_init(void) { set_up(3); }
static void stopped_stopper(void)
{
	variant_world_stop();
	variant_world_start();
}
static void stopped_fiber(void)
{
	enter_and_leave();
	variant_stop_point();
	variant_thread_detach();
}
static void stopped_check(void)
{
	is_free(0);
	SCHEDULE_ASSERT(entered == 2);
}

// A section stands still with its lock held; the one who waits for that lock must not keep the world from stopping.
static void standing_init(void) { set_up(3); }
static void standing_holder(void)
{
	tally_critical section;
	section_over(&section, 0);
	variant_stop_point();
	work(0);
	tally_critical_end(&section);
	variant_thread_detach();
}
static void standing_waiter(void)
{
	enter_and_leave();
	variant_thread_detach();
}
static void standing_check(void)
{
	is_free(0);
	SCHEDULE_ASSERT(entered == 2);
}

static struct schedule_scenario scenarios[] = {
        SCENARIO(pair, 2, twice, twice),
        BOUNDED(trio, 3, 3, enter_and_leave, enter_and_leave, enter_and_leave),
        BOUNDED(quartet, 2, 4, enter_and_leave, enter_and_leave, enter_and_leave, enter_and_leave),
        BOUNDED(settled, 3, 3, enter_and_leave, enter_and_leave, enter_and_leave),
        BOUNDED(heavy, 3, 3, enter_and_leave, enter_and_leave, enter_and_leave),
        SCENARIO(handing_pair, 2, twice, twice),
        BOUNDED(handing_settled, 3, 3, enter_and_leave, enter_and_leave, enter_and_leave),
        BOUNDED(handing, 3, 3, enter_and_leave, enter_and_leave, enter_and_leave),
        SCENARIO(section, 2, section_fiber, section_fiber),
        BOUNDED(crossing, 3, 2, crossing_fiber, crossing_other),
        SCENARIO(waiting, 2, waiting_fiber, waiting_other),
        SCENARIO(both, 2, hold_one_and_the_other, hold_one_after_the_other),
        BOUNDED(both_trio, 2, 3, hold_one_and_the_other, hold_one_after_the_other, both_trio_single),
        SCENARIO(both_and_nested, 2, hold_one_after_the_other, both_and_nested_down),
        {.name = "both_and_nested_up", .init = both_and_nested_init, .fibers = 2,
         .fiber = {hold_one_after_the_other, both_and_nested_up}, .check = both_and_nested_check},
        SCENARIO(both_and_operation, 2, hold_one_and_the_other, both_and_operation_fiber),
        BOUNDED(both_inside, 3, 2, both_inside_fiber, both_and_operation_fiber),
        SCENARIO(both_region, 2, both_region_fiber, hold_one_and_the_other),
        BOUNDED(both_again, 3, 2, both_again_fiber, both_and_operation_fiber),
        BOUNDED(both_wait, 3, 2, both_wait_fiber, both_wait_other),
        BOUNDED(both_stop, 2, 3, both_stop_holder, both_stop_waiter, both_stop_stopper),
        BOUNDED(share, 2, 3, share_owner, share_reader, share_writer),
        BOUNDED(share_section, 2, 3, share_owner, share_reader, share_section_writer),
        BOUNDED(standing, 3, 3, standing_holder, standing_waiter, stopped_stopper),
        BOUNDED(stopped, 3, 3, stopped_fiber, stopped_fiber, stopped_stopper),
};

int main(int count, char **arguments)
{
	return stage_main(scenarios, sizeof scenarios / sizeof scenarios[0], count, arguments);
}
