// core/thread.h: what the library knows of the calling thread, and the two kinds of point.
//
// Everything here belongs to its thread alone; what others may look at lives in the variant (the slot's word, the
// lock). Each public function opens with tally_enter (a stop point) or tally_enter_run (a run point). Both are one
// relaxed load of the word behind `poll`, which also answers "is this thread attached at all": an unattached thread
// polls a constant word that asks it to stop, and the slow path finds out why.
//
// I1  Between the entry and the return of a public call there is no point: the heap's slow path and the containers
//     never stop, collect or destroy; they set a bit in `pending`, which the next run point looks at. Two exceptions: a
//     constructor that found no memory stops the world before it tries once more, with nothing half made and nothing
//     locked; and whoever must sleep for an object's lock is not attached meanwhile.
// I2  `tag_word` is the thread's tag while it is attached, else TALLY_NOBODY, which is no object's tag. (A thread that
//     stands still at a stop point keeps it and counts nothing. In `gil` nobody has a tag.)
// I3  Destructors run with no object's lock and no latch held: while `section` or `reading` is not NULL the dying wait.
#ifndef TALLY_CORE_THREAD_H
#define TALLY_CORE_THREAD_H

#include "header.h"
#include <tally/error.h>
#include <tally/share.h>
#include <tally/thread.h>

enum {
	TALLY_ROLE = 3,    // low bits of a polled word: not the poller's business
	TALLY_STOP = 4,    // asks the thread to stop at its next point
	TALLY_REFRESH = 16, // asks it to go on to the present epoch there (biased/reclaim.c)
	TALLY_ASKED = TALLY_STOP | TALLY_REFRESH, // it has something to do at a stop point
	TALLY_POLL_FLAGS = 127, // what is above is a list of what others have queued
	TALLY_MESSAGE = 256, // bytes of an error message, with its end
	TALLY_THREAD_NAME = 32,
};
#define TALLY_NOBODY 0xFFFE0000u

// Reasons for a run point to do more than return (tally_thread.pending).
enum {
	TALLY_PENDING_TRIM = 1, // this thread's heap keeps many empty pages
	TALLY_PENDING_RELIEF = 4, // an allocation failed for want of pages: empty ones of other heaps may help the next
	TALLY_PENDING_BURY = 2, // the dying wait, since they were doomed where nothing may be destroyed
	TALLY_PENDING_COLLECT = 8, // there are enough young objects for a collection
	TALLY_PENDING_RETIRED = 16, // references that were retired are to be dropped
};

enum tally_thread_state { TALLY_DETACHED, TALLY_ATTACHED, TALLY_BLOCKING };

struct tally_heap;
struct tally_slot;

// How a thread that is attached or in a blocking region stands to the others, seen from outside (core/report.c).
enum tally_stance {
	TALLY_STANDS_AWAY,      // in a blocking region
	TALLY_STANDS_ATTACHED,
	TALLY_STANDS_ASKED,     // attached, asked to stop, has not come to a point
	TALLY_STANDS_HOLDING,   // attached, has the lock
	TALLY_STANDS_STOPPING,  // stops the world, or has stopped it
	TALLY_WAITS_TO_STOP,    // for its turn to stop the world
	TALLY_WAITS_FOR_START,  // for the world to start
	TALLY_WAITS_FOR_LOCK,   // the one of the `gil` build
	TALLY_WAITS_FOR_OBJECT, // an object's lock
};

struct tally_standing {
	enum tally_stance stance;
	uint64_t since; // tally_clock: when it was asked to stop, got the lock, began to stop the world; else unset
};

// A thread's entry on the list of threads (core/thread.c).
struct tally_member {
	_Atomic uint32_t busy;  // attached or in a blocking region; written by the thread, read by a shutdown
	_Atomic uint32_t dying; // objects that are dead to everybody but not freed yet; the same, read in a stopped world
	// A tally_stance from TALLY_STANDS_STOPPING on, while the library makes the thread wait; else 0. Written by the
	// thread on its way into the wait, read by reports. Relaxed: they tell what they see, and nothing hangs on it.
	_Atomic uint32_t waits;
	int tid;                 // the kernel's number of the thread
	struct tally_slot *slot; // the thread's own, guarded by the list's latch; NULL: none yet, or no more
	struct tally_member *next, *previous; // guarded by the list's latch
	char name[TALLY_THREAD_NAME];         // the same
};

struct tally_thread {
	uint32_t tag_word;              // own tag << 16; read by every count
	uint32_t pending;               // TALLY_PENDING_...
	const _Atomic uint64_t *poll;   // see above
	struct tally_heap *heap;        // where this thread allocates
	struct tally_object *dying;     // last in, first out; linked through the header
	tally_critical *section;        // innermost critical section
	tally_read *reading;            // innermost read section
	struct tally_retired *retired;  // `gil`: what it may have lent
	struct tally_slot *slot;        // the variant's; kept across detaches
	bool burying;                   // a destructor is running further up this stack
	enum tally_thread_state state;
	uint32_t depth;                 // attaches not undone yet
	uint32_t put_off;               // constructors and drops that have passed a queue
	int32_t hot_left;               // foreign counts until the next look (biased/hot.h)
	uint32_t hot_rest;              // from there to the next sample
	uint32_t hot_chance;            // what the next distance depends on
	uint32_t generation;            // of the runtime that `slot` belongs to
	uint32_t nesting;               // levels of hash, equality, order, repr and call on this stack
	struct tally_nested *shown;     // core/repr.c: what is being shown on this stack
	struct tally_member *member;    // on the list of threads; NULL: not known yet
	bool is_stopper;                // has stopped the world, which has not started yet
	bool insider;                   // starts or ends the runtime: the closed door lets it through
	bool collecting;                // a collection of this thread is running callbacks
	uint64_t trash_destroyed;       // objects marked TALLY_GC_TRASH that this thread has destroyed
	enum tally_error_code error;
	uint32_t failures;              // how often `error` has been set, restored with it (core/error.c)
	uint64_t allocations, fail_at;  // builds with assertions: see tally_heap_fail
	bool fail_all;
	char name[TALLY_THREAD_NAME]; // copied to the member, when there is one
	char message[TALLY_MESSAGE];
};

#ifdef TALLY_SCHEDULED
#define tally_self (*(struct tally_thread *)tally_scheduled_self())
#else
extern _Thread_local struct tally_thread tally_self __attribute__((tls_model("initial-exec")));
#endif

extern const _Atomic uint64_t tally_poll_unattached; // asks to stop, for ever
extern const _Atomic uint64_t tally_poll_quiet;      // never asks

bool tally_enter_slow(const char *operation);
bool tally_enter_run_slow(const char *operation);
bool tally_enter_new_slow(const char *operation);

// Stop point. False: the thread is not attached; its error is set and names `operation`.
static inline bool tally_enter(const char *operation)
{
	if (tally_likely(!(tally_load(tally_self.poll, relaxed) & TALLY_ASKED))) return true;
	return tally_enter_slow(operation);
}

// Run point. False: as above.
static inline bool tally_enter_run(const char *operation)
{
	uint64_t word = tally_load(tally_self.poll, relaxed);
	if (tally_likely(!(word & ~(uint64_t)TALLY_ROLE) && !tally_self.pending)) return true;
	return tally_enter_run_slow(operation);
}

// Others have queued something for this thread.
static inline bool tally_poll_has_queued(void) { return tally_load(tally_self.poll, relaxed) > TALLY_POLL_FLAGS; }

// Constructors and drops let a few of their kind pass before they take what is queued, so that a thread which makes
// objects for others to drop gets the drops back in batches, not one by one with a cache miss each. True: pass.
enum { TALLY_BATCH = TALLY_TUNED(32, 1) };
static inline bool tally_may_pass_queued(void)
{
	if (++tally_self.put_off < TALLY_BATCH) return true;
	tally_self.put_off = 0;
	return false;
}

// Nobody wants anything of the thread: a run point would return true and do nothing.
static inline bool tally_is_undisturbed(void)
{
	uint64_t word = tally_load(tally_self.poll, relaxed);
	return tally_likely(!(word & ~(uint64_t)TALLY_ROLE) && !tally_self.pending);
}

// The run point of constructors.
static inline bool tally_enter_new(const char *operation)
{
	return tally_is_undisturbed() || tally_enter_new_slow(operation);
}

// One level deeper: hash, equality, order, repr, calls. They recurse on the C stack, the host's hooks in between, so the levels
// are the thread's, not one call's. False: too deep; the error is set and names `operation`, and nothing need be undone.
enum { TALLY_DEPTH_LIMIT = 1000 };
bool tally_nest_failed(const char *operation);
static inline bool tally_nest(const char *operation)
{
	if (tally_likely(++tally_self.nesting <= TALLY_DEPTH_LIMIT)) return true;
	return tally_nest_failed(operation);
}
static inline void tally_unnest(void) { tally_self.nesting--; }

// A critical or a read section of the calling thread is open: nobody is destroyed, nothing collected.
static inline bool tally_in_section(void) { return tally_self.section || tally_self.reading; }

// The thread ends, or its stay does: its read sections, if any are open, have ended (core/read.c).
void tally_read_abandon(void);

// Begins a blocking region of the calling thread, which is attached, without a run point: nobody is destroyed. For
// waits with something of the host's held (core/wait.c); ended by tally_blocking_end.
void tally_thread_go_quietly(void);

// Calls `visit` for each thread that is attached or in a blocking region, with the list's latch held: no thread of the
// list can end meanwhile. None while the runtime is not running. Any thread, any state.
void tally_threads_each_busy(void (*visit)(const struct tally_member *member, void *context), void *context);

// Holds the list's latch for a report: no thread of it can end, nor the runtime. False, and nothing held: the runtime is not
// running. Any thread. In between the same as tally_threads_each_busy may be used.
bool tally_threads_hold(void);
void tally_threads_let_go(void);
void tally_threads_each_held(void (*visit)(const struct tally_member *member, void *context), void *context);

// World stopped: objects that are dead and still allocated, of all threads.
uint64_t tally_threads_dying(void);

#endif
