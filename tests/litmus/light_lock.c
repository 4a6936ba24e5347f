// tests/litmus/light_lock.c: the light lock (docs/locking.md): taken by one compare-and-swap, dropped by a plain
// store that cannot learn of a waiter; a waiter therefore sets CONTENDED, makes everybody pass a barrier, and only
// then sleeps. Shown: mutual exclusion (`guarded` is plain), and that nobody sleeps on beside a free lock. THREADS
// threads (2) take the lock once each; with SLEEPERS the first of them has it at the start, and so many others sleep
// already. The real code is biased/light_lock.c and .h, whose names these are.
//
// The asymmetric barrier is a sequentially consistent fence on both sides here: a compiler barrier and membarrier(2) in
// the real code. A thread that sleeps ends, and whoever wakes it goes on in its place, so that a sleeper who was
// forgotten is left over at the end. With HANDING every sleeper has waited so long that it is given the lock.
#include "verbs.h"

#ifndef THREADS
#define THREADS 2
#endif
#ifndef SLEEPERS
#define SLEEPERS 0
#endif
#ifndef LOCK // whoever takes it
#define LOCK acquire
#endif
#ifndef UNLOCK // a drop by store
#define UNLOCK release
#endif
#ifndef UNLOCK_HELD // a drop by exchange
#define UNLOCK_HELD release
#endif
#ifndef HAND // the lock is taken for a sleeper that has waited for long
#define HAND acquire
#endif
#ifndef SETTLE // the barrier has been
#define SETTLE release
#endif
#ifndef SETTLE_SEEN // somebody else's barrier has been
#define SETTLE_SEEN acquire
#endif

enum { FREE = 0, LIGHT = 1, HFREE = 2, HELD = 3, PARKED = 4 }; // lock
enum { CONTENDED = 1, SETTLED = 2 };                           // flags
enum hold { HOLD_NONE, HOLD_LIGHT, HOLD_HEAVY };

static _Atomic uint8_t lock, flags;
static pthread_mutex_t bucket = PTHREAD_MUTEX_INITIALIZER;
static int sleepers; // guarded by the bucket's latch
static int guarded;  // guarded by the lock

static void light_barrier(void)
{
#ifndef FAULT_NO_LIGHT // the look at the flag overtakes the store that drops
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

static void heavy_barrier(void)
{
#ifndef FAULT_NO_HEAVY // the look at the lock overtakes the flag
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

// ---- take ----

static void settle(void)
{
#ifdef FAULT_TRUST_CONTENDED // another waiter's flag, whose barrier may be still to come
	if (tally_load(&flags, acquire) & CONTENDED) return;
#else
	if (tally_load(&flags, SETTLE_SEEN) & SETTLED) return;
#endif
#ifndef FAULT_LATE_FLAG
	tally_fetch_or(&flags, CONTENDED, seq_cst);
#endif
	heavy_barrier();
	tally_fetch_or(&flags, SETTLED, SETTLE);
}

static enum hold try_take(bool light)
{
	uint8_t seen = tally_load(&lock, relaxed);
	for (;;) {
		if (seen == LIGHT || (seen & ~PARKED) == HELD) return HOLD_NONE;
		bool lightly = light && seen == FREE;
		uint8_t next = lightly ? LIGHT : HELD | (seen & PARKED);
		if (tally_cas(&lock, &seen, next, LOCK)) return lightly ? HOLD_LIGHT : HOLD_HEAVY;
	}
}

// Whoever drops the lock next will look for sleepers.
static bool will_be_woken(void)
{
#ifdef FAULT_NO_RECHECK // sleeps without another look
	return true;
#else
	uint8_t seen = HELD;
	return tally_cas(&lock, &seen, HELD | PARKED, relaxed) || seen == LIGHT || seen & PARKED;
#endif
}

static void work_and_drop(enum hold hold);

static void take_or_sleep(void)
{
	pthread_mutex_lock(&bucket);
	enum hold hold;
#ifdef FAULT_NO_RECHECK
	hold = HOLD_NONE;
	if (will_be_woken()) sleepers++;
#else
	do hold = try_take(false);
	while (hold == HOLD_NONE && !will_be_woken());
	if (hold == HOLD_NONE) sleepers++;
#endif
	pthread_mutex_unlock(&bucket);
#ifdef FAULT_LATE_FLAG // sleeps first, and says so then
	tally_fetch_or(&flags, CONTENDED, seq_cst);
#endif
	if (hold != HOLD_NONE) work_and_drop(hold);
}

static void *contender(void *unused)
{
	uint8_t seen = FREE;
	enum hold hold = tally_cas(&lock, &seen, LIGHT, LOCK) ? HOLD_LIGHT : HOLD_NONE;
#ifdef SPIN // one more attempt before it settles
	if (hold == HOLD_NONE) hold = try_take(true);
#endif
	if (hold != HOLD_NONE) {
		work_and_drop(hold);
	} else {
		settle();
		take_or_sleep();
	}
	return unused;
}

// ---- drop ----

static bool unlink_first(void)
{
	if (!sleepers) return false;
	sleepers--;
	return true;
}

static void mark_rest(bool more)
{
	uint8_t seen = tally_load(&lock, relaxed);
	for (;;) {
		if (seen == LIGHT) return; // will see the flag
		uint8_t next = (seen == FREE ? HFREE : seen) | (more ? PARKED : 0);
#ifdef FAULT_FORGET_REST // whoever drops next will not look for those who remain
		next &= ~PARKED;
#endif
#ifdef FAULT_FORGET_WHEN_HELD // remembers them only when the lock is still free
		if (seen != FREE) return;
#endif
		if (next == seen || tally_cas(&lock, &seen, next, relaxed)) return;
	}
}

#ifdef HANDING
static bool hand_over(bool more)
{
	uint8_t next = HELD | (more ? PARKED : 0), seen = tally_load(&lock, relaxed);
#ifdef FAULT_HAND_FORGETS // whoever drops next will not look for those who remain
	next = HELD;
#endif
	while (seen == FREE || seen == HFREE)
		if (tally_cas(&lock, &seen, next, HAND)) return true;
	return false;
}

static void drop_contended(void)
{
	pthread_mutex_lock(&bucket);
	bool first = unlink_first(), handed = first && hand_over(sleepers > 0);
	if (!handed) mark_rest(sleepers > 0);
	pthread_mutex_unlock(&bucket);
	if (handed) work_and_drop(HOLD_HEAVY);
	else if (first) take_or_sleep();
}

static bool pass_on(void)
{
	pthread_mutex_lock(&bucket);
	bool first = unlink_first();
#ifdef FAULT_PASS_FORGETS // the same, where the lock stays HELD
	if (first) tally_store(&lock, HELD, relaxed);
#else
	if (first) tally_store(&lock, HELD | (sleepers > 0 ? PARKED : 0), relaxed);
#endif
	pthread_mutex_unlock(&bucket);
	if (first) work_and_drop(HOLD_HEAVY);
	return first;
}

static void wake_one(void) { drop_contended(); }
#else
static bool pass_on(void) { return false; }

static void drop_contended(void)
{
	pthread_mutex_lock(&bucket);
	bool first = unlink_first();
	mark_rest(sleepers > 0);
	pthread_mutex_unlock(&bucket);
	if (first) take_or_sleep();
}

static void wake_one(void)
{
	pthread_mutex_lock(&bucket);
	bool first = unlink_first();
#ifndef FAULT_WAKE_FORGETS // the same, on the way by exchange
	if (sleepers > 0) tally_fetch_or(&lock, PARKED, relaxed);
#endif
	pthread_mutex_unlock(&bucket);
	if (first) take_or_sleep();
}
#endif

static void work_and_drop(enum hold hold)
{
	guarded++;
	if (hold == HOLD_LIGHT) {
		tally_store(&lock, FREE, UNLOCK);
		light_barrier();
		if (tally_load(&flags, relaxed) & CONTENDED) drop_contended();
	} else {
		if (tally_load(&lock, relaxed) & PARKED && pass_on()) return;
		if (tally_exchange(&lock, HFREE, UNLOCK_HELD) & PARKED) wake_one();
	}
}

static void *holder(void *unused)
{
	work_and_drop(HOLD_LIGHT);
	return unused;
}

int main(void)
{
	pthread_t thread[THREADS];
	sleepers = SLEEPERS;
	if (SLEEPERS) {
		tally_store(&lock, LIGHT, relaxed);
		tally_store(&flags, CONTENDED | SETTLED, relaxed);
	}
	pthread_create(&thread[0], NULL, SLEEPERS ? holder : contender, NULL);
	for (int i = 1; i < THREADS; i++) pthread_create(&thread[i], NULL, contender, NULL);
	for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
	assert(sleepers == 0);
	assert(guarded == THREADS + SLEEPERS);
	return 0;
}
