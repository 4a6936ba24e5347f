// tally/gc.h: the cycle collector. Names and numbers are those of Python's gc module where it has them.
//
// Counts free everything but cycles; the collector finds those. It examines the objects that can be part of one: tuples,
// lists, dicts and host objects whose type has a traverse (tally/host.h). There are three generations: new objects are in
// generation 0, those that survive a collection move to the next one. A collection stops the world while it looks (Trial
// deletion: Bacon and Rajan, "Concurrent Cycle Collection in Reference Counted Systems", ECOOP 2001, in its synchronous form);
// finalizers and destructors run afterwards, on the thread that collects, with the world going.
//
// An automatic collection happens at a run point (tally/thread.h) when more than threshold[0] objects have been made and
// not yet dropped since the last one. After more than threshold[1] collections of generation 0 the next one takes generation 1
// with it, and after more than threshold[2] of those everything is collected, but only when what has moved to generation 2
// since the last time is more than a quarter of what was left there.
//
// The order in which garbage goes: finalizers of all of it first, once each; then what they brought back to life is found
// (with all that it refers to) and stays; then the rest is cleared, and its counts do what remains.
#ifndef TALLY_GC_H
#define TALLY_GC_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TALLY_GC_GENERATIONS = 3 };

// Collects `generation` (0, 1 or 2) and everything younger. Returns the number of unreachable objects found and not brought
// back by a finalizer; 0 at once when another thread is just examining objects, or when a callback of a collection of this
// thread asks. -1 with TALLY_ERROR_VALUE (no such generation), TALLY_ERROR_MEMORY (every object is as it was),
// TALLY_ERROR_THREAD (not attached, or a critical section of this thread is open). Works while automatic collection is
// disabled. A run point.
TALLY_API int64_t tally_gc_collect(int generation);

// Switch automatic collection on (the default) and off. Any thread, any state, while the runtime runs; cannot fail.
TALLY_API void tally_gc_enable(void);
TALLY_API void tally_gc_disable(void);
TALLY_API bool tally_gc_is_enabled(void);

// The thresholds, (700, 10, 10) at first; threshold[0] = 0 switches automatic collection off. Other threads follow when they
// next need a new page. Any thread, any state; cannot fail.
TALLY_API void tally_gc_set_threshold(const uint32_t threshold[TALLY_GC_GENERATIONS]);
TALLY_API void tally_gc_get_threshold(uint32_t threshold[TALLY_GC_GENERATIONS]);

// count[0]: objects made less objects dropped since the last collection (in `biased` what other threads have made in the
// last moments may be missing); count[1]: collections of generation 0 since the last of generation 1; count[2]: of
// generation 1 since the last of generation 2. 0; -1 with TALLY_ERROR_THREAD.
TALLY_API int tally_gc_get_count(uint64_t count[TALLY_GC_GENERATIONS]);

// What the collections that were asked for with (or chose) this generation have done since tally_init.
typedef struct tally_gc_stats {
	size_t size;            // in: sizeof(tally_gc_stats), lets the struct grow
	uint64_t collections;   // that ran to their end
	uint64_t collected;     // unreachable objects found and not brought back
	uint64_t uncollectable; // of them: alive after they were cleared, since a type in their cycle has no clear
	uint64_t failed;        // collections given up for want of memory, with every object left as it was
} tally_gc_stats;

// 0; -1 with TALLY_ERROR_VALUE (generation, size). Any thread, any state.
TALLY_API int tally_gc_get_stats(int generation, tally_gc_stats *stats);

// True when the collector examines objects of this kind: it is a container, or its host type has a traverse.
// Attached thread, no point, cannot fail.
TALLY_API bool tally_gc_is_tracked(const tally_object *object);

// True when its finalizer has been called. Attached thread, no point, cannot fail.
TALLY_API bool tally_gc_is_finalized(const tally_object *object);

// The times for which collections have stopped the world, since tally_init or the last reset. Durations in ns; the
// percentiles are upper bounds and at most a sixteenth too high.
typedef struct tally_gc_durations {
	uint64_t p50, p99, max, total;
} tally_gc_durations;

typedef struct tally_gc_pauses {
	size_t size;               // in: sizeof(tally_gc_pauses), lets the struct grow
	uint64_t count;            // stops; a collection whose finalizers ran makes two
	tally_gc_durations pause;  // from the moment at which every thread stood still to the restart
	tally_gc_durations to_safepoint; // from the request to that moment; in `gil` 0: whoever collects has the lock already
} tally_gc_pauses;

// 0; -1 with TALLY_ERROR_VALUE (size). Any thread, any state.
TALLY_API int tally_gc_get_pauses(tally_gc_pauses *pauses);
TALLY_API void tally_gc_reset_pauses(void);

#ifdef __cplusplus
}
#endif

#endif
