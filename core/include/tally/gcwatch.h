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
	TALLY_GC_STOPS = 4,      // of one collection, at most
	TALLY_GC_HISTORY = 1024, // collections that are remembered
};

// One collection.
typedef struct tally_gc_collection {
	uint64_t number;   // 1: the first since tally_init; those that failed are numbered, too
	int generation;    // 0, 1 or 2
	bool is_automatic; // or asked for
	bool has_failed;   // given up for want of memory: every object is as it was
	unsigned stops;    // of the world: 1; more when finalizers ran, or classes or uncollectable objects were found
	uint64_t start;    // when it began
	uint64_t duration; // until garbage had gone, or the host's code that this runs had returned
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

// Called before the world is stopped and when the collection is over, on the thread that collects, attached, no lock held, in the
// order in which they were added. At the start `number`, `generation`, `is_automatic` and `start` are known, the rest is 0. It may
// use the library; a collection that it asks for returns 0. An error that it leaves goes to the unraisable hook ("gc
// callback"). START and STOP of one collection come on one thread; while one collection runs the host's finalizers
// another may begin on another thread, so pairs are matched by `number`. It must return.
typedef void (*tally_gc_callback_fn)(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context);

// Adds a callback; the same function may be added several times. Returns its id, above 0; -1 with TALLY_ERROR_MEMORY or
// TALLY_ERROR_CLOSING. Any thread, any state. All are forgotten when the runtime ends.
TALLY_API int tally_gc_callback_add(tally_gc_callback_fn call, void *context);
// Removes one; when it returns no other thread is in it, nor will be: a call on another thread is waited for, in a blocking
// region if this one is attached. 0; -1 with TALLY_ERROR_KEY.
TALLY_API int tally_gc_callback_remove(int id);

// ---- the record ----

// Copies the collections whose number is above `*cursor`, the oldest first, `room` at most, and sets `*cursor` to the last one copied.
// Begin with 0. `*missed` (may be NULL) receives how many in between are no longer remembered. Returns how many were copied.
// Those that are still disposing of garbage appear when they have ended, in the order of their ends; a number may thus
// be skipped, and none comes twice. Any thread, any state. Cannot fail.
TALLY_API size_t tally_gc_history_read(uint64_t *cursor, tally_gc_collection *collections, size_t room, uint64_t *missed);

// Waits until a collection has been recorded that tally_gc_history_read would give for `cursor`. 1: there is one; 0: not within
// `timeout_ns`. Any thread; one that is attached is in a blocking region meanwhile. -1 with TALLY_ERROR_CLOSING when the runtime is not running or
// shuts down, TALLY_ERROR_THREAD (in a section).
TALLY_API int tally_gc_history_wait(uint64_t cursor, uint64_t timeout_ns);

// ---- percentiles ----

// Since tally_init or the last reset. The percentiles are upper bounds and at most a sixteenth too high.
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
// Of those of one generation. -1 also with TALLY_ERROR_VALUE (generation).
TALLY_API int tally_gc_get_pauses_of(int generation, tally_gc_pauses *pauses);
TALLY_API void tally_gc_reset_pauses(void);

#ifdef __cplusplus
}
#endif

#endif
