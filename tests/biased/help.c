// tests/biased/help.c: stopped threads that help the stopper (gcstw/help.c): who helps, that each index is called once, and
// that every call has returned when the stopper goes on. tests/schedule/stop.c has the same in every order of events.
#include "fixture.h"
#include "turns.h"
#include "variant.h"

enum { MOST = 8 };

// Of one job: a block of its own, freed when the job is over, so that a sanitizer sees whoever comes later.
struct job {
	unsigned most;
	uint64_t linger; // ns that the stopper's own call gives the others to come in
	unsigned yields; // how slow the helpers are
	atomic_uint begun;
	unsigned calls[MOST];    // plain: the caller's, and the stopper's before and after
	pthread_t callers[MOST]; // the same
};

static void wait_for_the_others(struct job *job)
{
	for (uint64_t start = now_ns(); atomic_load(&job->begun) < job->most && now_ns() - start < job->linger;) sched_yield();
}

static void call(void *context, unsigned index)
{
	struct job *job = context;
	atomic_fetch_add(&job->begun, 1);
	job->calls[index]++;
	job->callers[index] = pthread_self();
	if (index == 0) wait_for_the_others(job);
	for (unsigned i = 0; index && i < job->yields; i++) sched_yield();
	job->calls[index]++; // 2: it has returned, as good as
}

static void check_calls(const struct job *job)
{
	unsigned calls = 0;
	CHECK_EQ(job->calls[0], 2);
	CHECK(pthread_equal(job->callers[0], pthread_self()));
	for (unsigned i = 0; i < MOST; i++) {
		CHECK(job->calls[i] == 0 || job->calls[i] == 2);
		calls += job->calls[i] / 2;
		for (unsigned j = 0; j < i; j++)
			CHECK(!job->calls[i] || !job->calls[j] || !pthread_equal(job->callers[i], job->callers[j]));
	}
	CHECK_EQ(calls, atomic_load(&job->begun));
	CHECK(calls <= (job->most ? job->most : 1));
}

// World stopped. Returns how many calls were made.
static unsigned run_job(unsigned most, uint64_t linger, unsigned yields)
{
	struct job *job = calloc(1, sizeof *job);
	if (!job) tap_bail_out("no memory");
	job->most = most;
	job->linger = linger;
	job->yields = yields;
	variant_world_help(call, job, most);
	check_calls(job);
	unsigned calls = atomic_load(&job->begun);
	free(job);
	return calls;
}

// World stopped: jobs until one of them has had all calls. Whoever is on its way to sleep misses one now and then.
static void run_until_all_help(unsigned most)
{
	while (run_job(most, 1000000, 0) < most)
		;
}

// ---- who helps ----

static stage at;

static void *poll_until_told(void *unused)
{
	(void)unused;
	tally_token token = attached();
	atomic_fetch_add(&at, 1);
	await_at_stop_points(&at, 100);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *return_when_told(void *unused)
{
	(void)unused;
	tally_token token = attached();
	CHECK_EQ(tally_blocking_begin(), 0);
	atomic_fetch_add(&at, 1);
	while (!has_reached(&at, 100)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static pthread_t threads[MOST];

static void begin_threads(unsigned count, void *(*run)(void *))
{
	reach(&at, 0);
	for (unsigned i = 0; i < count; i++) threads[i] = spawn(run, NULL);
	await(&at, count);
}

static void end_threads(unsigned count)
{
	reach(&at, 100);
	for (unsigned i = 0; i < count; i++) finish(threads[i]);
}

static void where_nobody_stands_still_the_stopper_works_alone(void)
{
	for (int i = 0; i < 1000; i++) {
		variant_world_stop();
		CHECK_EQ(run_job(MOST, 0, 0), 1);
		variant_world_start();
	}
}

static void threads_in_regions_do_not_help(void)
{
	begin_threads(2, return_when_told);
	for (int i = 0; i < 100; i++) {
		variant_world_stop();
		CHECK_EQ(run_job(3, 10000, 0), 1);
		variant_world_start();
	}
	end_threads(2);
}

static void threads_that_have_stopped_help(void)
{
	begin_threads(3, poll_until_told);
	for (int i = tap_scale(20); i > 0; i--) {
		variant_world_stop();
		run_until_all_help(4);
		variant_world_start();
	}
	end_threads(3);
}

static void threads_that_return_from_regions_help(void)
{
	for (int i = tap_scale(20); i > 0; i--) {
		begin_threads(3, return_when_told);
		variant_world_stop();
		reach(&at, 100);
		run_until_all_help(4);
		variant_world_start();
		end_threads(3);
	}
}

static void no_more_help_than_are_wanted(void)
{
	begin_threads(4, poll_until_told);
	variant_world_stop();
	run_until_all_help(5);
	for (unsigned most = 0; most < 4; most++)
		for (int i = tap_scale(50); i > 0; i--) CHECK(run_job(most, 100000, 0) <= (most ? most : 1));
	variant_world_start();
	end_threads(4);
}

static void *come_for_the_first_time(void *unused)
{
	(void)unused;
	reach(&at, 1);
	tally_token token = attached();
	reach(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void who_attaches_for_the_first_time_neither_helps_nor_hinders(void)
{
	reach(&at, 0);
	variant_world_stop();
	pthread_t thread = spawn(come_for_the_first_time, NULL);
	while (!has_reached(&at, 1)) sched_yield();
	for (int i = 0; i < 100; i++) CHECK_EQ(run_job(2, 100000, 0), 1);
	CHECK(!has_reached(&at, 2));
	variant_world_start();
	await(&at, 2);
	finish(thread);
}

// ---- what the stopper can rely on ----

static void slow_helpers_are_waited_for(void)
{
	begin_threads(3, poll_until_told);
	unsigned calls = 0;
	for (int i = tap_scale(200); i > 0; i--) {
		variant_world_stop();
		for (int j = 0; j < 5; j++) calls += run_job(4, 20000, 50) - 1;
		variant_world_start();
	}
	end_threads(3);
	tap_note("%u calls by helpers", calls);
}

// As a collector does: shares of an array, taken by a cursor, in many short rounds.
enum { CELLS = 1 << 15, SHARE = 1 << 9 };
struct sum {
	unsigned cells[CELLS]; // plain: written by the stopper between the rounds
	atomic_uint cursor;
	uint64_t sums[MOST]; // plain: each call's own
};

static void add_up(void *context, unsigned index)
{
	struct sum *sum = context;
	for (unsigned first; (first = atomic_fetch_add_explicit(&sum->cursor, SHARE, memory_order_relaxed)) < CELLS;)
		for (unsigned i = first; i < first + SHARE; i++) sum->sums[index] += sum->cells[i];
}

static uint64_t sum_in_rounds(struct sum *sum, unsigned round)
{
	uint64_t total = 0;
	for (unsigned i = 0; i < CELLS; i++) sum->cells[i] = round + i;
	memset(sum->sums, 0, sizeof sum->sums);
	atomic_store_explicit(&sum->cursor, 0, memory_order_relaxed);
	variant_world_help(add_up, sum, 3);
	for (unsigned i = 0; i < MOST; i++) total += sum->sums[i];
	return total;
}

static void work_in_many_short_rounds_is_done_once_each(void)
{
	static struct sum sum;
	unsigned helped = 0;
	begin_threads(3, poll_until_told);
	for (unsigned stops = tap_scale(20u); stops > 0; stops--) {
		variant_world_stop();
		for (unsigned round = 0; round < 50; round++) {
			CHECK_EQ(sum_in_rounds(&sum, round), (uint64_t)round * CELLS + (uint64_t)CELLS * (CELLS - 1) / 2);
			helped += sum.sums[1] || sum.sums[2];
		}
		variant_world_start();
	}
	end_threads(3);
	tap_note("%u rounds had help", helped);
}

// ---- everything at once ----

static atomic_int stoppers_at_work;

static void stop_work_or_leave(void *unused, unsigned number)
{
	uint64_t state = fixture_seed(number);
	(void)unused;
	for (int i = tap_scale(4000); i > 0; i--)
		switch (below(&state, 8)) {
		case 0:
			variant_world_stop();
			CHECK_EQ(atomic_fetch_add(&stoppers_at_work, 1), 0);
			for (unsigned jobs = below(&state, 4); jobs > 0; jobs--) run_job(below(&state, MOST), 0, below(&state, 2));
			atomic_fetch_sub(&stoppers_at_work, 1);
			variant_world_start();
			break;
		case 1: CHECK_EQ(tally_thread_detach(attached()), 0); break;
		case 2:
			CHECK_EQ(tally_blocking_begin(), 0);
			if (below(&state, 16) == 0) finish(spawn(come_for_the_first_time, NULL));
			CHECK_EQ(tally_blocking_end(), 0);
			break;
		default: tally_decref(counted(1)); CHECK_EQ(tally_safepoint(), 0);
		}
}

static void stops_jobs_and_threads_that_come_and_go_mix(void) { run_threads(6, stop_work_or_leave, NULL); }

int main(void)
{
	fixture_begin(60);
	TAP_RUN(where_nobody_stands_still_the_stopper_works_alone);
	TAP_RUN(threads_in_regions_do_not_help);
	TAP_RUN(threads_that_have_stopped_help);
	TAP_RUN(threads_that_return_from_regions_help);
	TAP_RUN(no_more_help_than_are_wanted);
	TAP_RUN(who_attaches_for_the_first_time_neither_helps_nor_hinders);
	TAP_RUN(slow_helpers_are_waited_for);
	TAP_RUN(work_in_many_short_rounds_is_done_once_each);
	TAP_RUN(stops_jobs_and_threads_that_come_and_go_mix);
	return tap_end();
}
