// tests/litmus/attach_wait.c: waiting for the slot. An owner that comes back while a dropper holds a claim, or a
// stopper the world, sets WAITER in the slot's word and sleeps on the word; whoever turns the word to DETACHED
// clears WAITER in the same step, and wakes. Nobody is left asleep at the end. With STOPPER a third thread stops and
// starts the slot, STOPS times, so that a claim can go from the dropper to the stopper with its waiter. A start counts who waits
// for it, once, and whoever has come in counts itself out: at the end nobody is called.
//
// A thread that sleeps ends here, and whoever wakes it goes on in its place: that shows a lost wake-up as a sleeper
// left over, which a thread that blocks for good would not. The kernel's part of a wait, to look at the word and to
// fall asleep in one step, is played under its bucket lock.
#define OWN_WAIT
#include "model.h"

static pthread_mutex_t bucket = PTHREAD_MUTEX_INITIALIZER;
static bool asleep; // guarded by the bucket lock

#ifndef STOPS
#define STOPS 1
#endif
enum { WAITS = 1, CALLED };
static _Atomic uint32_t waits; // of slot 1
static _Atomic int called;
static bool has_said; // the owner's, or his who goes on in its place

static void come_in(void)
{
	if (tally_exchange(&waits, 0, relaxed) == CALLED) tally_fetch_sub(&called, 1, relaxed);
}

static void call_waiter(void)
{
#ifndef FAULT_CALL_AGAIN // counts who is on its way once more
	if (tally_load(&waits, relaxed) != WAITS) return;
#else
	if (!tally_load(&waits, relaxed)) return;
#endif
	tally_fetch_add(&called, 1, relaxed);
	tally_store(&waits, CALLED, relaxed);
}

static bool falls_asleep(_Atomic uint32_t *p, uint32_t seen)
{
	pthread_mutex_lock(&bucket);
	bool falls = tally_load(p, relaxed) == seen;
	if (falls) asleep = true;
	pthread_mutex_unlock(&bucket);
	return falls;
}

static bool take_sleeper(void)
{
	pthread_mutex_lock(&bucket);
	bool was = asleep;
	asleep = false;
	pthread_mutex_unlock(&bucket);
	return was;
}

// False: the thread sleeps, and somebody else will call this again.
static bool attaches(_Atomic uint32_t *s)
{
	for (;;) {
		uint32_t word = DETACHED;
		if (tally_cas(s, &word, ATTACHED, ATTACH)) return true;
		if (!has_said) tally_store(&waits, WAITS, relaxed);
		has_said = true;
#ifndef FAULT_SLEEP_UNMARKED // does not say that it sleeps
		if (!(word & WAITER) && !tally_cas(s, &word, word | WAITER, relaxed)) continue;
		word |= WAITER;
#endif
		if (falls_asleep(s, word)) return false;
	}
}

static void come_back(void)
{
	if (!attaches(&slot[1])) return;
	come_in();
	self = TAG(1);
	use(&object[0]);
	decref(&object[0]);
	detach(&slot[1]);
}

static void wake_attacher(_Atomic uint32_t *s)
{
	(void)s;
#ifndef FAULT_NO_WAKE // clears WAITER and wakes nobody
	uint32_t mine = self;
	if (take_sleeper()) come_back();
	self = mine;
#endif
}

static void *owner(void *unused)
{
	come_back();
	return unused;
}

static void *dropper(void *unused)
{
	self = TAG(2);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

static bool asks(_Atomic uint32_t *s)
{
	uint32_t word = tally_load(s, relaxed);
	for (;;) {
		if (word != DETACHED) {
			if (tally_cas(s, &word, word | STOP, relaxed)) return true;
		} else {
			if (slot_try_claim(s)) return false;
			word = tally_load(s, relaxed);
		}
	}
}

static void stop_and_start(void)
{
	bool asked = asks(&slot[1]);
	if (tally_fetch_add(&running, asked, STOPPED) + asked != 0) {
		bool stopped = tally_load(&running, STOPPED) == 0;
		__VERIFIER_assume(stopped);
	}
#ifndef FAULT_CALL_LATE // the slot is given back first
	call_waiter();
	bury(slot_release(&slot[1]));
#else
	uint32_t dead = slot_release(&slot[1]);
	call_waiter();
	bury(dead);
#endif
}

static void *stopper(void *unused)
{
	for (int i = 0; i < STOPS; i++) stop_and_start();
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 2, PLAIN); // the owner's and the dropper's
#ifdef STOPPER
	run_threads(owner, dropper, stopper);
#else
	run_threads(owner, dropper, NULL);
	(void)stopper;
#endif
	assert(!asleep && object[0].freed && slot[1] == DETACHED);
	assert(waits == 0 && called == 0);
	return 0;
}
