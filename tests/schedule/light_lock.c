// tests/schedule/light_lock.c: the light lock and critical sections, their real code, under the exhaustive scheduler.
//
// Spinning is off, so every contended taking goes the long way: settle, sleep, be woken. A lost wake-up shows as a
// deadlock, two holders as a wrong count of those inside. The asymmetric barrier is taken as given here (interleavings
// are sequentially consistent): tests/litmus/light_lock.c is about it.
#include "stage.h"

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
	light_lock_enabled = false;
}
static void heavy_check(void)
{
	trio_check();
	light_lock_enabled = true;
}

// Every sleeper has lost its patience: the lock is handed over.
static void handing_init(void)
{
	set_up(3);
	stage_clock_step = 1000000000;
}
static void handing_check(void) { trio_check(); }

static void handing_pair_init(void)
{
	set_up(2);
	stage_clock_step = 1000000000;
}
static void handing_pair_check(void) { pair_check(); }

// ---- sections: what stands in one is atomic; two threads nest two objects in both orders and never deadlock ----

static void section_over(tally_critical *section, unsigned i)
{
	*section = (tally_critical){.object = stage_get(i), .outer = tally_self.section};
	tally_self.section = section;
	variant_section_begin(section);
}

static void section_init(void) { set_up(2); }
static void section_fiber(void)
{
	tally_critical section;
	section_over(&section, 0);
	enter_and_leave(); // nested: takes nothing
	work(0);
	variant_section_end(&section);
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
	variant_section_end(&inner);
	work(first);
	variant_section_end(&outer);
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
	variant_section_end(&section);
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
	variant_section_end(&section);
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
        BOUNDED(handing, 3, 3, enter_and_leave, enter_and_leave, enter_and_leave),
        SCENARIO(section, 2, section_fiber, section_fiber),
        SCENARIO(crossing, 2, crossing_fiber, crossing_other),
        SCENARIO(waiting, 2, waiting_fiber, waiting_other),
        BOUNDED(standing, 3, 3, standing_holder, standing_waiter, stopped_stopper),
        BOUNDED(stopped, 3, 3, stopped_fiber, stopped_fiber, stopped_stopper),
};

int main(int count, char **arguments)
{
	return stage_main(scenarios, sizeof scenarios / sizeof scenarios[0], count, arguments);
}
