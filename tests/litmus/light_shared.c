// tests/litmus/light_shared.c: when may a writer free the array that it has replaced at once? The flag SHARED of the light
// lock (biased/light_lock.h I4, biased/reading.h) against those who read without the lock. The owner reads so always, others
// when they have seen SHARED; whoever takes the lock and is not the owner sets it first; a holder who finds it unset is the
// owner, and alone, and frees at once; who finds it set leaves the array to the readers (here for ever).
//
// Shown: nobody reads what has been freed, nor what has not been written. The arrays' contents are plain memory.
//
// Threads: the owner, who replaces the array and reads it; a stranger who reads twice; one who replaces it; READERS=2 adds
// another stranger who reads once. With OWNER_TWICE the owner replaces it twice.
#include "verbs.h"

#ifndef READERS
#define READERS 1
#endif
#ifndef LOCK
#define LOCK acquire
#endif
#ifndef UNLOCK
#define UNLOCK release
#endif
#ifndef MARK // light_lock_mark
#define MARK release
#endif
#ifndef SEEN // variant_may_read
#define SEEN acquire
#endif
#ifndef PUBLISH // the new array
#define PUBLISH release
#endif
#ifndef FOLLOW // a reader follows the pointer
#define FOLLOW acquire
#endif

enum { SHARED = 4 };
enum { UNWRITTEN, WHOLE, FREED };

static _Atomic uint8_t lock, flags;
static _Atomic int array;
static int contents[4] = {WHOLE}; // plain
static _Thread_local bool is_owner;

static void mark(void)
{
	if (is_owner || tally_load(&flags, relaxed) & SHARED) return;
	tally_fetch_or(&flags, SHARED, MARK);
}

static void take(void)
{
	uint8_t seen = 0;
	bool mine = tally_cas(&lock, &seen, 1, LOCK);
	__VERIFIER_assume(mine);
#ifndef FAULT_LATE_MARK
	mark();
#endif
}

static void drop(void)
{
	tally_store(&lock, 0, UNLOCK);
#ifdef FAULT_LATE_MARK // the next holder does not know of a reader yet
	mark();
#endif
}

static bool may_read(void)
{
#ifdef FAULT_NO_LOOK // reads before any writer knows of readers
	return true;
#endif
	return is_owner || tally_load(&flags, SEEN) & SHARED;
}

static void look(void)
{
	int seen = tally_load(&array, FOLLOW);
	assert(contents[seen] == WHOLE);
}

static void read_once(void)
{
	if (may_read()) {
		look();
		return;
	}
	take();
	look();
	drop();
}

static bool is_shared(void) { return tally_load(&flags, relaxed) & SHARED; }

static void replace(int next)
{
#ifdef FAULT_EARLY_LOOK // a stranger may mark it between the look and the lock
	bool shared = is_shared();
	take();
#else
	take();
	bool shared = is_shared();
#endif
#ifdef FAULT_NO_MARK // a stranger who believes that he is alone: the owner reads without the lock
	if (!is_owner) shared = false;
#endif
	int former = tally_load(&array, relaxed);
	contents[next] = WHOLE;
	tally_store(&array, next, PUBLISH);
	if (!shared) contents[former] = FREED;
	drop();
}

static void *owner(void *unused)
{
	is_owner = true;
	replace(1);
	read_once();
#ifdef OWNER_TWICE
	replace(3);
#endif
	return unused;
}

static void *reader(void *unused)
{
	read_once();
	read_once();
	return unused;
}

static void *writer(void *unused)
{
	replace(2);
	return unused;
}

static void *another_reader(void *unused)
{
	read_once();
	return unused;
}

int main(void)
{
	pthread_t thread[4];
	void *(*const run[4])(void *) = {owner, reader, writer, another_reader};
	for (int i = 0; i < 2 + READERS; i++) pthread_create(&thread[i], NULL, run[i], NULL);
	for (int i = 0; i < 2 + READERS; i++) pthread_join(thread[i], NULL);
	return 0;
}
