// tally/gcwatch.h: what each collection was like: callbacks, the record of the last ones, the times for which the world stood.
//
// Durations are in nanoseconds, of CLOCK_MONOTONIC.
#ifndef TALLY_GCWATCH_H
#define TALLY_GCWATCH_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	TALLY_GC_STOPS = 4,      // of one collection, at most: more are added to the last
	TALLY_GC_HISTORY = 1024, // collections that are remembered
};

// One collection. This struct does not grow.
typedef struct tally_gc_collection {
	uint64_t number;   // 1: the first since tally_init; those that failed are numbered, too
	int generation;    // 0, 1 or 2
	bool is_automatic; // or asked for
	bool has_failed;   // given up for want of memory: every object is as it was
	unsigned stops;    // of the world: 1; more when finalizers ran, or classes or uncollectable objects were found
	uint64_t start;    // when it began, before the callbacks
	uint64_t duration; // from there until garbage had gone and all code of the host's that runs for it had returned
	uint64_t to_safepoint[TALLY_GC_STOPS]; // of each stop, from the request to the moment at which every thread stood still
	uint64_t pause[TALLY_GC_STOPS];        // from there to the restart
	uint64_t visited;       // objects examined
	uint64_t promoted;      // objects that were over the budget: older now, unexamined
	uint64_t collected;     // unreachable objects found, and not brought back by finalizers
	uint64_t uncollectable; // of them: still alive
	uint64_t bytes;         // of the collected: their blocks, and buffers that belonged to them alone
} tally_gc_collection;

// ---- callbacks ----

enum tally_gc_phase { TALLY_GC_START, TALLY_GC_STOP };

// Called before the world is stopped and when the collection is over, on the thread that collects, attached, no lock held,
// in the order in which they were added. At the start `number`, `generation`, `is_automatic` and `start` are known, the
// rest is 0; at the stop all is, and the collection is in the record below. `*collection` is valid during the call. A
// callback may use the library, and add and remove callbacks, itself included; a collection that it asks for returns 0. An
// error that it leaves, of a failed call that it made, too, goes to the unraisable hook ("gc callback", no source); the
// error and errno that the thread had are kept. It must return, in the state in which it was called.
//
// START and STOP of one collection come on one thread. While that one runs the host's finalizers or its callbacks at the
// stop, another may begin on another thread, so pairs are matched by `number`, and several threads may be in one callback.
// Who hears a START hears the STOP, unless it is removed in between; who is added after a collection has begun to call
// hears nothing of that one.
typedef void (*tally_gc_callback_fn)(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context);

// Adds a callback; the same function may be added several times. Returns its id, above 0; -1 with TALLY_ERROR_MEMORY or
// TALLY_ERROR_CLOSING (the runtime is not running). Any thread, any state. All are forgotten when the runtime ends.
TALLY_API int tally_gc_callback_add(tally_gc_callback_fn call, void *context);

// Removes one: it is not called any more, and 0 is returned when no other thread is in it, so that what `context` leads to
// may go. A call on another thread is waited for, in a blocking region if this thread is attached; so hold no lock for
// which the callback may wait. A callback may remove itself; its own call goes on. Two callbacks, on two threads, may
// remove one another: the second to do so cannot wait for the first, which waits for it, and is told by 1: removed, but a
// thread is in it still, which goes on when this one leaves its callback. (The same for more of them, in a ring.) Outside
// of callbacks the result is never 1. -1 with TALLY_ERROR_KEY: there is none, or it has been removed. Any thread, any
// state.
TALLY_API int tally_gc_callback_remove(int id);

// ---- the record ----

// A cursor says how many collections of the record have been seen, those that were missed included; begin with 0. It is one
// reader's own, and good until the runtime ends (one that is beyond the end is taken for 0).
//
// Copies what the record has after `*cursor`, the oldest first, `room` at most, and moves the cursor behind what was
// copied. `*missed` (may be NULL) receives how many came before those, after the cursor, and are no longer remembered. So
// of all collections since tally_init each is either copied once or counted once. Returns how many were copied. They are
// recorded when they have ended, in the order of their ends, before the callbacks are told of the STOP: one that is still
// disposing of garbage comes after a later one that has nothing to dispose of, so `number` may go back. The record is empty
// after tally_init, and can be read until the next one. Any thread, any state. Cannot fail.
TALLY_API size_t tally_gc_history_read(uint64_t *cursor, tally_gc_collection *collections, size_t room, uint64_t *missed);

// Waits until there is something that tally_gc_history_read has for `cursor`. 1: there is; 0: not within `timeout_ns` (0:
// only looks, UINT64_MAX: no limit). Any thread. One that is attached and has to wait comes to a run point and is in a
// blocking region meanwhile, and holds up tally_fini like any other; one that is not is told of the end. -1 with
// TALLY_ERROR_CLOSING when the runtime is not running, and all that it has recorded has been read; TALLY_ERROR_THREAD (in a
// section).
TALLY_API int tally_gc_history_wait(uint64_t cursor, uint64_t timeout_ns);

// ---- percentiles ----

// Since tally_init or the last reset, in ns. The percentiles are upper bounds and at most a sixteenth too high; max and
// total are exact.
typedef struct tally_gc_durations {
	uint64_t p50, p99, max, total;
} tally_gc_durations;

typedef struct tally_gc_pauses {
	size_t size;               // in: sizeof(tally_gc_pauses), lets the struct grow
	uint64_t count;            // stops; a collection whose finalizers ran makes two
	tally_gc_durations pause;  // from the moment at which every thread stood still to the restart
	tally_gc_durations to_safepoint; // from the request to that moment; in `gil` 0: whoever collects has the lock already
} tally_gc_pauses;

// Of the collections of all generations. 0; -1 with TALLY_ERROR_VALUE (size). Any thread, any state.
TALLY_API int tally_gc_get_pauses(tally_gc_pauses *pauses);
// Of those of one generation, 0, 1 or 2: what was asked for, or chosen, not the younger ones that go with it. -1 also with
// TALLY_ERROR_VALUE (generation).
TALLY_API int tally_gc_get_pauses_of(int generation, tally_gc_pauses *pauses);
// Forgets all of them, of all generations. The record of collections stays. Any thread, any state. Cannot fail.
TALLY_API void tally_gc_reset_pauses(void);

#ifdef __cplusplus
}
#endif

#endif
