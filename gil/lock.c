// gil/lock.c: the global lock of the gil build.
//
// A waiter sleeps for at most one switch interval. When the interval has passed and no other thread has had the lock in
// the meantime, it sets TALLY_STOP in the word that the holder polls; the holder's next point hands the lock over. The
// hand-over is forced: whoever gives the lock up while it is asked for does not get it again before another thread has had
// it, else it would win every time, being awake (Beazley, "Understanding the Python GIL", 2010).
//
// Waiters queue: when the lock is given up the first is woken, and takes it unless somebody who comes by has been faster. So
// with any number of threads that compute each has its turn before one has its second.
//
// Whoever waits while one and the same holder has the lock for long tells the host (core/report.h); it lets go of
// `mutex` and is no waiter meanwhile, since the host's hook may take its time, and looks at everything anew afterwards.
//
// I1  Fields are guarded by `mutex`; `gil_request` is also read by the holder without it, relaxed: it is only a hint.
// I2  `changes` grows when a thread takes the lock that did not have it last. A waiter's interval starts anew only then:
//     a holder that drops the lock and takes it again in no time does not set it back.
// I3  TALLY_STOP is clear after a change of holder, and stays set until then.
// I4  While the lock is free and somebody queues, the first of the queue has been woken. Nobody else of the queue takes it.
#include "lock.h"
#include "os.h"
#include "report.h"

#include <time.h>

enum { NS = 1000000000 };

_Atomic uint64_t gil_request;

struct waiter {
	pthread_cond_t wake; // the lock is free and this is the first, or the interval has changed
	struct waiter *next;
};

static struct {
	pthread_mutex_t mutex;
	struct waiter *first, *last; // longest wait first; `last` only when there is a first
	pthread_cond_t taken; // another thread has had it; the last holder sleeps here when it must not take it
	const struct tally_thread *last_thread;
	const struct tally_member *holder; // the thread that has the lock; else who had it last, and may be gone
	uint64_t since;                    // when `last_thread` became it
	uint64_t changes;
	uint64_t interval;
	bool held, ready;
	pthread_condattr_t attributes; // of all conditions
} gil = {.mutex = PTHREAD_MUTEX_INITIALIZER, .interval = 5000000};

// Timed waits count on the monotonic clock, which a condition variable must be told at run time.
static void make_ready(void)
{
	if (gil.ready) return;
	pthread_condattr_init(&gil.attributes);
	pthread_condattr_setclock(&gil.attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gil.taken, &gil.attributes);
	gil.ready = true;
}

// ---- the queue ----

static void wake_first(void)
{
	if (gil.first) pthread_cond_signal(&gil.first->wake);
}

static void queue_up(struct waiter *me)
{
	me->next = NULL;
	if (gil.first) gil.last->next = me;
	else gil.first = me;
	gil.last = me;
}

// After a report: it has waited for longer than most.
static void queue_at_front(struct waiter *me)
{
	me->next = gil.first;
	if (!gil.first) gil.last = me;
	gil.first = me;
}

static void leave_queue(const struct waiter *me)
{
	struct waiter **link = &gil.first, *before = NULL;
	for (; *link != me; link = &before->next) before = *link;
	*link = me->next;
	if (gil.last == me) gil.last = before;
}

// ---- taking and dropping ----

static bool sleep_until(pthread_cond_t *condition, uint64_t ns)
{
	struct timespec end = {(time_t)(ns / NS), (long)(ns % NS)};
	return pthread_cond_timedwait(condition, &gil.mutex, &end) == 0;
}

static uint64_t end_of_interval(uint64_t now)
{
	return gil.interval < UINT64_MAX - now ? now + gil.interval : UINT64_MAX;
}

// The lock has been asked for and this thread had it last: another one is to have it first.
static bool must_stand_back(void)
{
	return gil.last_thread == &tally_self && gil.first && tally_load(&gil_request, relaxed) & TALLY_STOP;
}

// Tells the host, if this holder has had the lock for so long. Nobody is to stand back for this thread meanwhile.
static void complain(struct tally_patience *patience, struct waiter *me)
{
	if (gil.since > patience->since) *patience = tally_patience_from(gil.since);
	if (tally_patience_left(patience)) return;
	leave_queue(me);
	if (!gil.first) pthread_cond_broadcast(&gil.taken);
	pthread_mutex_unlock(&gil.mutex);
	tally_patience_report(patience, "the lock");
	pthread_mutex_lock(&gil.mutex);
	queue_at_front(me);
}

static bool is_my_turn(const struct waiter *me) { return !gil.held && gil.first == me; }

static void wait_in_queue(struct waiter *me)
{
	uint64_t changes = gil.changes, interval = gil.interval, now = tally_clock(), end = end_of_interval(now);
	struct tally_patience patience = tally_patience_from(now);
	while (!is_my_turn(me)) {
		bool passed = !sleep_until(&me->wake, end < patience.end ? end : patience.end);
		if (!passed && gil.interval == interval) continue; // woken: free, or taken by somebody faster
		now = tally_clock();
		if (now >= end || gil.interval != interval) {
			if (passed && gil.held && gil.changes == changes) tally_fetch_or(&gil_request, TALLY_STOP, relaxed);
			changes = gil.changes;
			interval = gil.interval;
			end = end_of_interval(now);
		}
		if (gil.held && now >= patience.end) complain(&patience, me);
	}
}

static void wait_until_free(void)
{
	struct waiter me;
	pthread_cond_init(&me.wake, &gil.attributes);
	queue_up(&me);
	wait_in_queue(&me);
	leave_queue(&me);
	pthread_cond_destroy(&me.wake);
}

// For reports.
static void note(enum tally_stance stance) { tally_store(&tally_self.member->waits, stance, relaxed); }

static void wait_for_turn(void)
{
	note(TALLY_WAITS_FOR_LOCK);
	while (must_stand_back()) pthread_cond_wait(&gil.taken, &gil.mutex);
	if (gil.held) wait_until_free();
	note(TALLY_STANDS_AWAY);
}

static void take_locked(void)
{
	make_ready();
	if (gil.held || must_stand_back()) wait_for_turn();
	gil.held = true;
	gil.holder = tally_self.member;
	if (gil.last_thread == &tally_self) return;
	gil.last_thread = &tally_self;
	gil.since = tally_clock();
	gil.changes++;
	tally_store(&gil_request, 0, relaxed);
	pthread_cond_broadcast(&gil.taken);
}

static void drop_locked(void)
{
	gil.held = false;
	wake_first();
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

void gil_forget(void)
{
	pthread_mutex_lock(&gil.mutex);
	if (gil.last_thread == &tally_self) gil.last_thread = NULL; // the next thread at this address is another one
	pthread_mutex_unlock(&gil.mutex);
}

struct tally_standing gil_standing(const struct tally_member *member)
{
	pthread_mutex_lock(&gil.mutex);
	struct tally_standing holding = {TALLY_STANDS_HOLDING, gil.since};
	bool holds = gil.held && gil.holder == member;
	pthread_mutex_unlock(&gil.mutex);
	if (holds) return holding;
	return (struct tally_standing){(enum tally_stance)tally_load(&member->waits, relaxed), 0};
}

void gil_interval_set(uint64_t ns)
{
	pthread_mutex_lock(&gil.mutex);
	make_ready();
	gil.interval = ns;
	for (struct waiter *waiter = gil.first; waiter; waiter = waiter->next) pthread_cond_signal(&waiter->wake); // begins a new one
	pthread_mutex_unlock(&gil.mutex);
}

uint64_t gil_interval_get(void)
{
	pthread_mutex_lock(&gil.mutex);
	uint64_t ns = gil.interval;
	pthread_mutex_unlock(&gil.mutex);
	return ns;
}
