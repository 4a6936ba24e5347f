// stress/worker_team.c: the threads of a run, and the clock.
//
// All threads make their own objects first, wait for each other, work, wait again, and only then drop what they
// have. The clock runs from the release of all threads to the moment at which the last of them has finished: no
// creation of a thread, no attach and no cleaning up is measured. Every wait for another thread stands in a blocking
// region, so that nobody waits, attached, for a thread that must enter the runtime first.
//
// I1  One barrier, of all members and the main thread, serves four meetings in turn: ready, go, done, leave. The main
//     thread reads the clock between ready and go, when nobody can have begun. What the members have to agree on
//     among themselves in between has a barrier of its own (team_meet).
// I2  The main thread reads the pauses and the heap's counters between done and leave, when nobody works and nothing is
//     dropped yet.
#include "worker.h"

#include <time.h>

static pthread_barrier_t among_members;

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t team_clock_ns(void) { return read_clock(CLOCK_MONOTONIC); }

static void wait_in_region(pthread_barrier_t *barrier)
{
	worker_check(tally_blocking_begin(), "tally_blocking_begin");
	pthread_barrier_wait(barrier);
	worker_check(tally_blocking_end(), "tally_blocking_end");
}

// Ready and go, in one region: the lock of a `gil` build is asked for after go, as part of what is measured.
static void wait_to_start(pthread_barrier_t *barrier)
{
	worker_check(tally_blocking_begin(), "tally_blocking_begin");
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	worker_check(tally_blocking_end(), "tally_blocking_end");
}

void team_meet(struct member *member)
{
	(void)member;
	wait_in_region(&among_members);
}

static void *live(void *argument)
{
	struct member *member = argument;
	const struct workload *workload = member->run->workload;
	tally_token token;
	worker_check(tally_thread_attach(&token), "tally_thread_attach");
	tally_thread_set_name(workload->name);
	workload->begin(member);
	wait_to_start(&member->run->barrier);

	uint64_t cpu = read_clock(CLOCK_THREAD_CPUTIME_ID);
	workload->work(member);
	member->cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID) - cpu;
	member->finished_ns = team_clock_ns();

	wait_in_region(&member->run->barrier);
	wait_in_region(&member->run->barrier);
	workload->end(member);
	worker_check(tally_thread_detach(token), "tally_thread_detach");
	return NULL;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec rest = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	while (nanosleep(&rest, &rest) < 0) {
		// A signal came; sleep what is left.
	}
}

static uint64_t last_finish(const struct run *run)
{
	uint64_t last = 0;
	for (unsigned i = 0; i < run->threads; i++) {
		last = run->members[i].finished_ns > last ? run->members[i].finished_ns : last;
	}
	return last;
}

static void start_thread(struct run *run, unsigned index)
{
	struct member *member = &run->members[index];
	member->run = run;
	member->index = index;
	if (pthread_create(&member->thread, NULL, live, member) != 0) {
		tally_error_set(TALLY_ERROR_MEMORY, "the system gives no thread number %u", index + 1);
		worker_die("pthread_create");
	}
}

static void note_pauses(struct run *run)
{
	run->pauses.size = sizeof(run->pauses);
	worker_check(tally_gc_get_pauses(&run->pauses), "tally_gc_get_pauses");
}

static void note_pages(struct run *run)
{
	tally_heap_stats stats = {.size = sizeof(stats)};
	worker_check(tally_heap_stats_get(&stats), "tally_heap_stats_get");
	run->page_bytes = stats.page_bytes;
}

void team_run(struct run *run)
{
	pthread_barrier_init(&run->barrier, NULL, run->threads + 1);
	pthread_barrier_init(&among_members, NULL, run->threads);
	for (unsigned i = 0; i < run->threads; i++) {
		start_thread(run, i);
	}
	worker_check(tally_blocking_begin(), "tally_blocking_begin");
	pthread_barrier_wait(&run->barrier);
	tally_gc_reset_pauses();
	uint64_t started = team_clock_ns();
	pthread_barrier_wait(&run->barrier);
	if (run->workload->timed) {
		sleep_ns(run->duration_ns);
	}
	atomic_store_explicit(&run->stop, true, memory_order_relaxed);
	pthread_barrier_wait(&run->barrier);
	run->elapsed_ns = last_finish(run) - started;
	note_pauses(run);
	worker_check(tally_blocking_end(), "tally_blocking_end");
	note_pages(run);

	worker_check(tally_blocking_begin(), "tally_blocking_begin");
	pthread_barrier_wait(&run->barrier);
	for (unsigned i = 0; i < run->threads; i++) {
		pthread_join(run->members[i].thread, NULL);
	}
	worker_check(tally_blocking_end(), "tally_blocking_end");
	pthread_barrier_destroy(&among_members);
	pthread_barrier_destroy(&run->barrier);
}
