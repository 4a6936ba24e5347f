// tests/litmus/epoch.c: when is what a writer has unlinked out of every reader's sight? The epochs of ck_epoch (Concurrency Kit) as
// biased/epoch.c wraps them: a section is open all the time that a thread is attached, renewed at stop points when that is asked
// for, and closed when the thread leaves. What is retired in epoch e is freed by a poll that finds e + 2 (or e + 1, after it has
// gone on itself), and the epoch goes on when every section that is open has seen it.
//
// Shown: nobody reads what has been freed (`contents` is plain). IS_FREED shows by a failure that there are executions in which
// it is freed at all.
//
// Threads: readers, who attach, read, come to a stop point, read again, and leave; a writer, attached, who unlinks, retires and
// polls POLLS times (3), each time just renewed, or OUTSIDE any section. READERS=2 adds one. With STAMP the writer keeps a stamp
// and asks whether it has passed, instead of leaving the block to a poll: pages are given back so. With OTHER_POLL a third thread polls
// once, too, and the reader reads once.
//
// ck's fences stand where they do in version 0.7.1; its loads are acquire and its stores release, as they are on x86. With WEAK they
// are not: then a poll needs a fence at its end, which 0.7.1 does not have. There are more fences than each case needs, so a fault
// takes away all that would do.
#include "verbs.h"

#ifdef WEAK
#define LEAVE relaxed // after a fence
#define ACTIVE relaxed
#define SEEN relaxed
#define ENTER relaxed
#define GO_ON relaxed
#define NOW relaxed
#endif

#ifndef READERS
#define READERS 1
#endif
#ifndef POLLS
#define POLLS 3
#endif
#ifndef LEAVE // ck_epoch_end: `active` is cleared
#define LEAVE release
#endif
#ifndef ACTIVE // the scan looks at `active`
#define ACTIVE acquire
#endif
#ifndef SEEN // the scan looks at a section's epoch
#define SEEN acquire
#endif
#ifndef ENTER // ck_epoch_begin: the section's epoch
#define ENTER release
#endif
#ifndef GO_ON // the epoch goes on
#define GO_ON acq_rel
#endif
#ifndef NOW // the epoch is read
#define NOW acquire
#endif

enum { WHOLE, FREED };
enum { RECORDS = 3, BUCKETS = 4 };

static _Atomic unsigned epoch = 1;
static struct record {
	_Atomic unsigned active, epoch;
} record[RECORDS];
static _Atomic int place;  // leads to a block
static int contents[2];    // plain
static int pending = -1;   // the writer's: the epoch in which block 0 has been retired
static _Thread_local struct record *mine;

static void full_fence(void) { atomic_thread_fence(memory_order_seq_cst); }

// ---- sections ----

static void enter(void)
{
#ifdef FAULT_ENTER_NO_FENCE // what is read in the section may be read before a scan can know of it
	tally_store(&mine->active, 1, release);
	tally_store(&mine->epoch, tally_load(&epoch, NOW), ENTER);
#else
#ifdef WEAK
	tally_store(&mine->active, 1, relaxed);
#else
	tally_exchange(&mine->active, 1, seq_cst);
#endif
	full_fence();
	tally_store(&mine->epoch, tally_load(&epoch, NOW), ENTER);
#ifndef FAULT_READ_EARLY // what is read may be older than the epoch that the section has seen
	full_fence();
#endif
#endif
}

static void leave(void)
{
#ifdef WEAK
	atomic_thread_fence(memory_order_release);
#endif
	tally_store(&mine->active, 0, LEAVE);
}

static void renew(void)
{
	leave();
	enter();
}

// ---- readers ----

static void look(int seen) { assert(contents[seen] == WHOLE); }

static void *reader(void *which)
{
	mine = which;
	enter();
	int seen = tally_load(&place, acquire);
	look(seen);
#ifdef OTHER_POLL
	leave();
	return NULL;
#endif
	renew();
#ifndef FAULT_KEPT_ACROSS // what has been read before a stop point is used after it
	seen = tally_load(&place, acquire);
#endif
	look(seen);
	leave();
#ifdef FAULT_USED_AWAY // by a thread that is not attached any more
	look(seen);
#endif
	return NULL;
}

// ---- the writer ----

static void free_block(void)
{
	contents[0] = FREED;
	pending = -1;
}

// What was retired in the epoch of that number, or four before, is ready.
static bool is_ready(unsigned number)
{
	return mine == &record[0] && pending >= 0 && (unsigned)pending % BUCKETS == number % BUCKETS;
}

// NULL: every open section has seen the epoch; *any: there is one.
static struct record *scan(unsigned now, bool *any)
{
	*any = false;
	for (int i = 0; i < RECORDS; i++) {
		if (!tally_load(&record[i].active, ACTIVE)) continue;
		*any = true;
#ifdef FAULT_NO_SCAN // the epoch goes on whatever the sections have seen
		(void)now;
#else
		if (tally_load(&record[i].epoch, SEEN) != now) return &record[i];
#endif
	}
	return NULL;
}

static bool poll_ck(void)
{
	unsigned now = tally_load(&epoch, NOW);
	bool any, ready = false;
#ifndef FAULT_WRITER_NO_FENCE // a section is looked at before what was unlinked is out of sight
	full_fence();
#endif
#ifdef FAULT_ONE_EPOCH // there are sections that have seen no more than the epoch before
	ready |= is_ready(now - 1);
#endif
	ready |= is_ready(now - 2);
	if (scan(now, &any)) return ready;
	if (!any) return mine == &record[0] && pending >= 0;
	unsigned seen = now;
	tally_cas(&epoch, &seen, now + 1, GO_ON);
	return ready | is_ready(now - 1);
}

static void poll(void)
{
	bool ready = poll_ck();
#if defined WEAK && !defined FAULT_POLL_NO_FENCE // what is freed is still read, as far as this thread can tell
	full_fence();
#endif
	if (ready) free_block();
}

static void retire(void)
{
#if !defined FAULT_RETIRE_NO_FENCE && !defined FAULT_WRITER_NO_FENCE // the epoch is that of a moment before the unlinking
	full_fence();
#endif
	pending = (int)tally_load(&epoch, NOW);
}

static void between_polls(void)
{
#ifdef OUTSIDE
	leave();
#else
	renew();
#endif
}

static void *writer(void *which)
{
	mine = which;
	enter();
#ifdef FAULT_RETIRE_FIRST // what can still be found
	retire();
	renew();
	poll();
	tally_store(&place, 1, release);
#else
	tally_store(&place, 1, release);
	retire();
#endif
#ifdef STAMP
	unsigned stamp = (unsigned)pending, passed = 0;
	pending = -1;
	for (int i = 0; i < POLLS && !passed; i++) {
		between_polls();
		poll();
#ifdef FAULT_STAMP_ONE // there are sections that have seen no more than the epoch before
		passed = tally_load(&epoch, NOW) - stamp >= 1;
#else
		passed = tally_load(&epoch, NOW) - stamp >= 2;
#endif
	}
	if (passed) free_block();
#else
	for (int i = 0; i < POLLS && pending >= 0; i++) {
		between_polls();
		poll();
	}
#endif
#ifndef OUTSIDE
	leave();
#endif
	return NULL;
}

static void *other(void *which)
{
	mine = which;
	poll();
	return NULL;
}

int main(void)
{
	pthread_t thread[3];
	int threads = 2;
	pthread_create(&thread[0], NULL, writer, &record[0]);
	pthread_create(&thread[1], NULL, reader, &record[1]);
#if defined OTHER_POLL
	pthread_create(&thread[2], NULL, other, &record[2]);
	threads++;
#elif READERS > 1
	pthread_create(&thread[2], NULL, reader, &record[2]);
	threads++;
#endif
	for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
#ifdef IS_FREED
	assert(contents[0] != FREED);
#endif
	(void)other;
	return 0;
}
