// gil/lock.c: the global lock of the gil build.
//
// A waiter sleeps for one switch interval at a time. When an interval has passed and the same thread has held the lock
// all along, the waiter sets TALLY_STOP in the word that the holder polls; the holder's next point hands the lock over.
// The hand-over is forced: the holder does not compete for the lock again before another thread has had it, else it
// would win every time, being awake (Beazley, "Understanding the Python GIL", 2010).
//
// I1  Fields are guarded by `mutex`; `request` is also read by the holder without it, relaxed: it is only a hint.
// I2  `takings` grows with every taking, so "somebody has had it since" is a comparison.
// I3  TALLY_STOP is clear after a taking: the next waiter starts its own interval.
#include "lock.h"
#include "thread.h"

#include <pthread.h>
#include <time.h>

enum { NS = 1000000000 };

_Atomic uint64_t gil_request;

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t free;  // the lock is free
	pthread_cond_t taken; // somebody took it; only a thread that hands over sleeps here
	uint64_t takings;
	uint64_t interval;
	unsigned waiters;
	bool held, ready;
} gil = {.mutex = PTHREAD_MUTEX_INITIALIZER, .interval = 5000000};

// Timed waits count on the monotonic clock, which a condition variable must be told at run time.
static void make_ready(void)
{
	if (gil.ready) return;
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gil.free, &attributes);
	pthread_cond_init(&gil.taken, &attributes);
	pthread_condattr_destroy(&attributes);
	gil.ready = true;
}

// True: the interval has passed.
static bool wait_interval(void)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	uint64_t ns = (uint64_t)until.tv_nsec + gil.interval;
	until.tv_sec += (time_t)(ns / NS);
	until.tv_nsec = (long)(ns % NS);
	return pthread_cond_timedwait(&gil.free, &gil.mutex, &until) != 0;
}

static void take_locked(void)
{
	make_ready();
	gil.waiters++;
	while (gil.held) {
		uint64_t takings = gil.takings;
		if (wait_interval() && gil.held && gil.takings == takings) tally_fetch_or(&gil_request, TALLY_STOP, relaxed);
	}
	gil.waiters--;
	gil.held = true;
	gil.takings++;
	tally_store(&gil_request, 0, relaxed);
	pthread_cond_signal(&gil.taken);
}

static void drop_locked(void)
{
	gil.held = false;
	if (gil.waiters) pthread_cond_signal(&gil.free);
}

void gil_take(void)
{
	pthread_mutex_lock(&gil.mutex);
	take_locked();
	pthread_mutex_unlock(&gil.mutex);
}

void gil_drop(void)
{
	pthread_mutex_lock(&gil.mutex);
	drop_locked();
	pthread_mutex_unlock(&gil.mutex);
}

void gil_hand_over(void)
{
	pthread_mutex_lock(&gil.mutex);
	uint64_t takings = gil.takings;
	drop_locked();
	while (gil.waiters && gil.takings == takings) pthread_cond_wait(&gil.taken, &gil.mutex);
	take_locked();
	pthread_mutex_unlock(&gil.mutex);
}

void gil_interval_set(uint64_t ns)
{
	pthread_mutex_lock(&gil.mutex);
	gil.interval = ns;
	pthread_mutex_unlock(&gil.mutex);
}

uint64_t gil_interval_get(void)
{
	pthread_mutex_lock(&gil.mutex);
	uint64_t ns = gil.interval;
	pthread_mutex_unlock(&gil.mutex);
	return ns;
}
