// tests/schedule/stop.c: the stopped world, its real code, under the exhaustive scheduler: who is stopped and how, who
// comes, goes, claims or wants to stop the world, too, in the middle of it; and the jobs that stopped threads help with.
//
// What every scenario looks for: nobody is attached in a stopped world, no two stop it at once, no count is in motion
// while it stands, every stop and every wait ends (a deadlock is reported), and no mark is left behind in any slot. A job
// is called for each index at most once and while it is open; when it is over nobody is inside.
//
// tests/schedule/faults plants wrong steps in the sources and runs these scenarios again: each must be caught.
#include "count_word.h"
#include "stage.h"

static void drop(unsigned i) { variant_decref(stage_get(i)); }
static void leave(void) { variant_thread_detach(); }

// ---- the stopped world, as those in it and outside see it ----

static unsigned stopped; // by how many: plain, guarded by the stopped world itself

static void set_stage(int threads, bool attached)
{
	stage_reset();
	for (int i = 0; i < threads; i++) stage_thread(i, attached);
	stopped = 0;
}

static void stop(void)
{
	variant_world_stop();
	tally_scheduled_access(&stopped, true);
	SCHEDULE_ASSERT(stopped == 0);
	stopped = 1;
}

static void start(void)
{
	tally_scheduled_access(&stopped, true);
	SCHEDULE_ASSERT(stopped == 1);
	stopped = 0;
	variant_world_start();
}

// What every thread does that is attached: the world must not be stopped now.
static void move(void)
{
	tally_scheduled_access(&stopped, false);
	SCHEDULE_ASSERT(stopped == 0);
}

static void stop_and_start(void) { stop(), start(), move(), leave(); }

static void nobody_is_left(void)
{
	for (unsigned tag = 1; tag < SLOT_TAGS && tally_slots[tag]; tag++) {
		SCHEDULE_ASSERT(tally_load(&tally_slots[tag]->word, relaxed) == SLOT_DETACHED);
		SCHEDULE_ASSERT(tally_load(&tally_slots[tag]->waits, relaxed) == 0);
	}
	SCHEDULE_ASSERT(stopped == 0 && tally_load(&slot_running, relaxed) == 0);
	SCHEDULE_ASSERT((tally_load(&slot_called, relaxed) & ~SLOT_GATE) == 0);
}

// ---- stopping: a stopped world counts exactly what the threads know they hold ----

static uint32_t held[2]; // references of the mutator and of the dropper; plain

static void stopping_init(void)
{
	set_stage(3, true);
	stage_object(0, 1, 2, COUNT_PLAIN);
	held[0] = held[1] = 1;
}
static void stopping_mutator(void)
{
	held[0]++, variant_incref(stage_get(0));
	leave();
	variant_thread_attach();
	held[0]--, drop(0);
	leave();
}
static void stopping_dropper(void)
{
	held[1]--, drop(0);
	leave();
}
static void stopping_stopper(void)
{
	variant_world_stop();
	for (unsigned tag = 1; tag <= 3; tag++) {
		uint64_t word = tally_load(&tally_slots[tag]->word, relaxed);
		SCHEDULE_ASSERT((word & SLOT_ROLE) == SLOT_CLAIMED && !slot_list(word));
	}
	SCHEDULE_ASSERT(variant_refcount(stage_get(0)) == held[0] + held[1]);
	variant_world_start();
	leave();
}
static void stopping_check(void)
{
	nobody_is_left();
	SCHEDULE_ASSERT(!stage_destroyed(0));
	schedule_act_as(0);
	variant_thread_attach();
	drop(0);
	SCHEDULE_ASSERT(stage_destroyed(0) == 1);
}

// The same with the dropper alone, who claims the slot of an owner who is away.
static void stopping_one_init(void)
{
	stopping_init();
	stage_object(0, 3, 2, COUNT_PLAIN);
	schedule_act_as(2); // the owner
	leave();
}
static void stopping_one_check(void)
{
	nobody_is_left();
	SCHEDULE_ASSERT(!stage_destroyed(0));
}

// ---- two_stoppers: two threads want the world to stand still, alone or with a third that polls ----

static void two_stoppers_init(void) { set_stage(3, true); }
static void two_stoppers_poller(void)
{
	variant_stop_point();
	move();
	leave();
}
static void two_stoppers_check(void) { nobody_is_left(); }

static void two_alone_init(void) { set_stage(2, true); }
static void two_alone_check(void) { nobody_is_left(); }

// ---- returning: a thread that is away comes back, and goes again; with a third that claims its slot meanwhile ----

static void returning_init(void)
{
	set_stage(3, true);
	stage_object(0, 1, 2, COUNT_PLAIN);
	schedule_act_as(0);
	leave();
}
static void returning_owner(void)
{
	variant_thread_attach();
	move();
	drop(0);
	leave();
}
static void returning_claimer(void)
{
	drop(0);
	move();
	leave();
}
static void returning_check(void)
{
	nobody_is_left();
	SCHEDULE_ASSERT(stage_destroyed(0) == 1);
}

static void returning_alone_init(void)
{
	returning_init();
	schedule_act_as(2); // the claimer has been
	drop(0), leave();
}
static void returning_alone_check(void) { returning_check(); }

// ---- exiting: a thread ends; with a third that comes for the first time, and may get its slot ----

static void exiting_init(void)
{
	set_stage(2, true);
	stage_stranger(2);
	stage_object(0, 1, 1, COUNT_PLAIN);
}
static void exiting_thread(void)
{
	move();
	drop(0);
	leave();
	variant_thread_leave();
}
static void exiting_newcomer(void)
{
	tally_scheduled_access(&stopped, false); // it comes before, during or after the stop
	SCHEDULE_ASSERT(variant_thread_enroll() == 0);
	variant_thread_attach();
	move();
	variant_stop_point();
	move();
	SCHEDULE_ASSERT((tally_load(tally_self.poll, relaxed) & SLOT_ROLE) == SLOT_ATTACHED); // and nobody has let go of its slot
	leave();
}
static void exiting_check(void)
{
	nobody_is_left();
	SCHEDULE_ASSERT(stage_destroyed(0) == 1);
}

static void exiting_alone_init(void) { exiting_init(); }
static void exiting_alone_check(void) { exiting_check(); }

// ---- coming: a thread attaches for the first time ----

static void coming_init(void)
{
	set_stage(1, true);
	stage_stranger(1);
}
static void coming_check(void)
{
	nobody_is_left();
	SCHEDULE_ASSERT(tally_slots[2] && !tally_slots[3]);
}

// ---- jobs ----

enum { MOST = 3, BEGUN = 1, RETURNED = 2 };
static struct job {
	unsigned most; // 0: not open
	unsigned calls[MOST];
	bool has_called[SCHEDULE_FIBERS_MAX];
} jobs[3]; // plain: each is the stopper's, but for the calls

static void call(void *context, unsigned index)
{
	struct job *job = context;
	tally_scheduled_access(&job->most, false);
	SCHEDULE_ASSERT(stopped && index < job->most);
	tally_scheduled_access(&job->calls[index], true);
	SCHEDULE_ASSERT(job->calls[index] == 0);
	job->calls[index] = BEGUN;
	if (schedule_fiber() != SCHEDULE_STAGE) {
		SCHEDULE_ASSERT(!job->has_called[schedule_fiber()]);
		job->has_called[schedule_fiber()] = true;
	}
	tally_scheduled_access(&job->calls[index], true);
	SCHEDULE_ASSERT(job->calls[index] == BEGUN);
	job->calls[index] = RETURNED;
}

static void run_job(struct job *job, unsigned most)
{
	tally_scheduled_access(&job->most, true);
	*job = (struct job){.most = most};
	variant_world_help(call, job, most);
	tally_scheduled_access(&job->most, true);
	job->most = 0;
	SCHEDULE_ASSERT(job->calls[0] == RETURNED);
	for (unsigned i = 1; i < MOST; i++) {
		tally_scheduled_access(&job->calls[i], false);
		SCHEDULE_ASSERT(job->calls[i] == RETURNED || job->calls[i] == 0);
	}
}

// Nothing of a job is left: one more, with nobody else about, is neither helped with nor waits.
static void jobs_are_over(void)
{
	nobody_is_left();
	schedule_act_as(0);
	variant_thread_attach();
	stop();
	run_job(&jobs[0], MOST);
	SCHEDULE_ASSERT(!jobs[0].calls[1] && !jobs[0].calls[2]);
	start();
}

// ---- helping: one stopped thread, which may come to the job in time or late, and meets the start wherever it is ----

static void helping_init(void) { set_stage(2, true); }
static void helping_stopper(void)
{
	stop();
	run_job(&jobs[0], 2);
	start();
	move();
	leave();
}
static void helping_poller(void)
{
	variant_stop_point();
	move();
	leave();
}
static void helping_check(void) { jobs_are_over(); }

// ---- helping_twice: two jobs in one stop and one in the next, each with a context of its own ----

static void helping_twice_init(void) { set_stage(2, true); }
static void helping_twice_stopper(void)
{
	stop();
	run_job(&jobs[0], 2);
	run_job(&jobs[1], 3);
	start();
	stop();
	run_job(&jobs[2], 2);
	start();
	leave();
}
static void helping_twice_poller(void)
{
	helping_poller();
	variant_thread_attach();
	helping_poller();
}
static void helping_twice_check(void) { jobs_are_over(); }

// ---- helping_two: one ticket or two, for two threads that stop or come back ----

static void helping_two_init(void) { set_stage(3, true); }
static void helping_two_stopper(void)
{
	stop();
	run_job(&jobs[0], 2);
	run_job(&jobs[1], 3);
	start();
	leave();
}
static void helping_two_returner(void)
{
	leave();
	variant_thread_attach();
	move();
	leave();
}
static void helping_two_check(void) { jobs_are_over(); }

// ---- helping_stoppers: two threads stop the world for a job each; a third may help both ----

static void helping_stoppers_init(void) { set_stage(3, true); }
static void helping_stoppers_second(void)
{
	stop();
	run_job(&jobs[1], 2);
	start();
	leave();
}
static void helping_stoppers_check(void) { jobs_are_over(); }

static void helping_stoppers_alone_init(void) { set_stage(2, true); }
static void helping_stoppers_alone_check(void) { jobs_are_over(); }

// ---- called: a thread that sleeps is woken for a job. Only here does a call wait for another, since it must come ----

static unsigned helped;         // plain: written by the helper in its call, looked at by both
static _Atomic uint32_t nobody; // wakes who waits on this

static bool has_helped(void)
{
	tally_scheduled_access(&helped, false);
	return helped;
}

static void meet(void *unused, unsigned index)
{
	(void)unused;
	if (index) {
		tally_scheduled_access(&helped, true);
		helped = 1;
	}
	while (!has_helped()) tally_spin_pause();
}

static void called_init(void)
{
	set_stage(2, true);
	helped = 0;
}
static void called_stopper(void)
{
	stop();
	tally_wait(&nobody, 0, 1); // its time is up when nobody else can run: the other one sleeps
	variant_world_help(meet, NULL, 2);
	start();
	leave();
}
static void called_poller(void)
{
	while (!has_helped()) {
		variant_stop_point();
		tally_spin_pause();
	}
	leave();
}
static void called_check(void) { jobs_are_over(); }

// ---- gate: who stops the world again at once lets those in first who waited for the last start; here nothing ends but by them ----

static void gate_init(void) { set_stage(2, true); }
static void gate_stopper(void)
{
	stop(), start();
	bool was_called = tally_load(&tally_slots[2]->waits, relaxed) == SLOT_CALLED;
	variant_world_let_in();
	SCHEDULE_ASSERT(!was_called || tally_load(&tally_slots[2]->waits, relaxed) != SLOT_CALLED);
	SCHEDULE_ASSERT((tally_load(&slot_called, relaxed) & ~SLOT_GATE) == 0);
	stop(), start();
	leave();
}
static void gate_check(void) { nobody_is_left(); }

// ---- gate_two: two threads stop the world twice each, so that who is called may find it stopped again on its way ----

static void gate_two_init(void) { set_stage(3, true); }
static void gate_two_stopper(void)
{
	stop(), start();
	variant_world_let_in();
	stop(), start();
	leave();
}
static void gate_two_check(void) { nobody_is_left(); }

static void gate_stoppers_init(void) { set_stage(2, true); }
static void gate_stoppers_check(void) { nobody_is_left(); }

// ---- gate_claim: a thread waits for the end of a claim, of a stop, or of both; gate_end: for a thread that is called and ends ----

static void gate_claim_init(void) { returning_init(); }
static void gate_claim_check(void) { returning_check(); }

static void gate_end_init(void) { set_stage(2, true); }
static void gate_end_thread(void)
{
	helping_poller();
	variant_thread_leave();
}
static void gate_end_check(void) { nobody_is_left(); }

// ---- gate_coming: for a thread that comes for the first time and wants the latch ----

static void gate_coming_init(void) { coming_init(); }
static void gate_coming_stopper(void)
{
	stop();
	bool was_called = (tally_load(&slot_called, relaxed) & ~SLOT_GATE) > 0; // it may be in already, and about to say so
	start();
	variant_world_let_in();
	SCHEDULE_ASSERT(!was_called || tally_slots[2]);
	leave();
}
static void gate_coming_check(void) { coming_check(); }

// ---- passed_by: stops that follow at once and let nobody in: who is called is counted once ----

static void passed_by_init(void) { set_stage(2, true); }
static void passed_by_stopper(void)
{
	stop(), start();
	stop(), start();
	variant_world_let_in();
	leave();
}
static void passed_by_check(void) { nobody_is_left(); }

// ---- the table ----

static struct schedule_scenario scenarios[] = {
        BOUNDED(stopping, 3, 3, stopping_mutator, stopping_dropper, stopping_stopper),
        SCENARIO(stopping_one, 2, stopping_dropper, stopping_stopper),
        BOUNDED(two_stoppers, 3, 3, stop_and_start, stop_and_start, two_stoppers_poller),
        SCENARIO(two_alone, 2, stop_and_start, stop_and_start),
        BOUNDED(returning, 3, 3, returning_owner, stop_and_start, returning_claimer),
        SCENARIO(returning_alone, 2, returning_owner, stop_and_start),
        BOUNDED(exiting, 3, 3, exiting_thread, stop_and_start, exiting_newcomer),
        SCENARIO(exiting_alone, 2, exiting_thread, stop_and_start),
        SCENARIO(coming, 2, stop_and_start, exiting_newcomer),
        SCENARIO(helping, 2, helping_stopper, helping_poller),
        BOUNDED(helping_twice, 3, 2, helping_twice_stopper, helping_twice_poller),
        BOUNDED(helping_two, 2, 3, helping_two_stopper, helping_poller, helping_two_returner),
        BOUNDED(helping_stoppers, 2, 3, helping_stopper, helping_stoppers_second, helping_poller),
        SCENARIO(helping_stoppers_alone, 2, helping_stopper, helping_stoppers_second),
        SCENARIO(called, 2, called_stopper, called_poller),
        SCENARIO(gate, 2, gate_stopper, helping_poller),
        BOUNDED(gate_two, 2, 3, gate_two_stopper, gate_two_stopper, helping_poller),
        BOUNDED(gate_stoppers, 3, 2, gate_two_stopper, gate_two_stopper),
        BOUNDED(gate_claim, 2, 3, returning_owner, gate_two_stopper, returning_claimer),
        SCENARIO(gate_coming, 2, gate_coming_stopper, exiting_newcomer),
        BOUNDED(gate_end, 3, 2, gate_two_stopper, gate_end_thread),
        BOUNDED(passed_by, 3, 2, passed_by_stopper, helping_poller),
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

int main(int count, char **arguments) { return stage_main(scenarios, SCENARIOS, count, arguments); }
