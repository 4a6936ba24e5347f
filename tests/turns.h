// tests/turns.h: threads that take turns, without sleeping: a stage that one thread reaches and others await, and
// threads to start and finish.
//
// Whoever waits while attached does so in a blocking region, so that no build's lock is in the way, unless the name of
// the function says otherwise.
#ifndef TALLY_TESTS_TURNS_H
#define TALLY_TESTS_TURNS_H

#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/tally.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED false
#endif

static inline bool is_gil(void) { return strcmp(tally_variant(), "gil") == 0; }

// ---- stages ----

typedef atomic_uint stage;

static inline void reach(stage *at, unsigned number) { atomic_store(at, number); }

static inline bool has_reached(stage *at, unsigned number) { return atomic_load(at) >= number; }

static inline void await(stage *at, unsigned number)
{
	bool attached = tally_thread_is_attached();
	if (attached) tally_blocking_begin();
	while (!has_reached(at, number)) sched_yield();
	if (attached) tally_blocking_end();
}

// The same for a thread that stays attached and comes to run points.
static inline void await_at_run_points(stage *at, unsigned number)
{
	while (!has_reached(at, number)) {
		tally_safepoint();
		sched_yield();
	}
}

// The same for a thread that comes to stop points, and to no run point.
static inline void await_at_stop_points(stage *at, unsigned number)
{
	while (!has_reached(at, number)) {
		size_t length;
		tally_len(NULL, &length); // fails; its entry is all that is wanted
		tally_error_clear();
		sched_yield();
	}
}

// ---- time, for watchdogs and for figures that are only printed ----

static inline uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// Seconds as a watchdog inside a test counts them: more on a build that is slow.
static inline uint64_t patience_ns(unsigned seconds)
{
	const char *factor = getenv("TALLY_WATCHDOG_FACTOR");
	return seconds * UINT64_C(1000000000) * (factor ? strtoull(factor, NULL, 10) : 1);
}

// ---- threads ----

static inline pthread_t spawn(void *(*run)(void *), void *argument)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, run, argument)) tap_bail_out("no thread");
	return thread;
}

static inline void finish(pthread_t thread)
{
	bool attached = tally_thread_is_attached();
	if (attached) tally_blocking_begin();
	pthread_join(thread, NULL);
	if (attached) tally_blocking_end();
}

static inline tally_token attached(void)
{
	tally_token token = {0};
	if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
	return token;
}

// Keeps the calling thread on the processor of that number among those it may use, if there are so many. For two threads
// that are not to displace one another.
static inline void stay_on_processor(unsigned number)
{
	cpu_set_t all, one;
	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof all, &all)) return;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && number-- == 0) CPU_SET(cpu, &one);
	if (CPU_COUNT(&one)) sched_setaffinity(0, sizeof one, &one);
}

#endif
