// gil/lock.c: the global lock of the gil build.
//
// A waiter sleeps for at most one switch interval. When the interval has passed and no other thread has had the lock in
// the meantime, it sets TALLY_STOP in the word that the holder polls; the holder's next point hands the lock over. The
// hand-over is forced: whoever gives the lock up while it is asked for does not get it again before another thread has had
// it, else it would win every time, being awake (Beazley, "Understanding the Python GIL", 2010).
//
// I1  Fields are guarded by `mutex`; `gil_request` is also read by the holder without it, relaxed: it is only a hint.
// I2  `changes` grows when a thread takes the lock that did not have it last. A waiter's interval starts anew only then:
//     a holder that drops the lock and takes it again in no time does not set it back.
// I3  TALLY_STOP is clear after a change of holder, and stays set until then.
#include "lock.h"
#include "thread.h"

#include <time.h>

enum { NS = 1000000000 };

_Atomic uint64_t gil_request;

static struct {
	pthread_mutex_t mutex;
	pthread_cond_t free;  // the lock is free
	pthread_cond_t taken; // another thread has had it; the last holder sleeps here when it must not take it
	const struct tally_thread *last;
	uint64_t changes;
	uint64_t interval;
	unsigned waiters; // on `free`
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

static struct timespec end_of_interval(void)
{
	struct timespec end;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)(gil.interval / NS);
	end.tv_nsec += (long)(gil.interval % NS);
	if (end.tv_nsec >= NS) {
		end.tv_sec++;
		end.tv_nsec -= NS;
	}
	return end;
}

// The lock has been asked for and this thread had it last: another one is to have it first.
static bool must_stand_back(void)
{
	return gil.last == &tally_self && gil.waiters && tally_load(&gil_request, relaxed) & TALLY_STOP;
}

static void wait_until_free(void)
{
	gil.waiters++;
	uint64_t changes = gil.changes, interval = gil.interval;
	struct timespec end = end_of_interval();
	while (gil.held) {
		bool passed = pthread_cond_timedwait(&gil.free, &gil.mutex, &end) != 0;
		if (!passed && gil.interval == interval) continue; // woken: free, or taken by somebody faster
		if (passed && gil.held && gil.changes == changes) tally_fetch_or(&gil_request, TALLY_STOP, relaxed);
		changes = gil.changes;
		interval = gil.interval;
		end = end_of_interval();
	}
	gil.waiters--;
}

static void take_locked(void)
{
	make_ready();
	while (must_stand_back()) pthread_cond_wait(&gil.taken, &gil.mutex);
	wait_until_free();
	gil.held = true;
	if (gil.last == &tally_self) return;
	gil.last = &tally_self;
	gil.changes++;
	tally_store(&gil_request, 0, relaxed);
	pthread_cond_broadcast(&gil.taken);
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
	drop_locked();
	take_locked();
	pthread_mutex_unlock(&gil.mutex);
}

void gil_interval_set(uint64_t ns)
{
	pthread_mutex_lock(&gil.mutex);
	make_ready();
	gil.interval = ns;
	pthread_cond_broadcast(&gil.free); // whoever waits begins a new interval
	pthread_mutex_unlock(&gil.mutex);
}

uint64_t gil_interval_get(void)
{
	pthread_mutex_lock(&gil.mutex);
	uint64_t ns = gil.interval;
	pthread_mutex_unlock(&gil.mutex);
	return ns;
}
