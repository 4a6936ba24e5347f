// tally/gc.h: steering the cycle collector. Names and numbers are those of Python's gc module where it has them. Looking at
// objects is tally/inspect.h, what collections cost is tally/gcwatch.h, when finalizers run is tally/finalizer.h.
//
// Counts free everything but cycles; the collector finds those. It examines the objects that can be part of one: tuples,
// lists, dicts and host objects whose type has a traverse (tally/host.h). There are three generations: new objects are in
// generation 0, those that survive a collection move to the next one. A collection stops the world while it looks (Trial
// deletion: Bacon and Rajan, "Concurrent Cycle Collection in Reference Counted Systems", ECOOP 2001, in its synchronous form);
// finalizers and destructors run afterwards, on the thread that collects, with the world going.
//
// An automatic collection happens at a run point (tally/thread.h) when more than threshold[0] objects have been made and
// not yet dropped since the last one, or when the heap's pages have grown by the byte threshold. After more than threshold[1]
// collections of generation 0 the next one takes generation 1 with it, and after more than threshold[2] of those everything is
// collected, but only when what has moved to generation 2 since the last time is more than a quarter of what was left there.
// Everything is also collected when the pages in use have grown by a quarter and the byte threshold since the last time. So
// the total work is proportional to what is allocated. (The mode TALLY_GC_FULL does without generations.)
//
// The order in which garbage goes: finalizers of all of it first, once each; then what they brought back to life is found
// (with all that it refers to) and stays; then the rest is cleared, and its counts do what remains. What is still alive then,
// since no type in its cycle has a clear, is uncollectable, and goes to the garbage list.
//
// The calling thread's error and errno are the same after a collection as before, whatever ran in it, unless
// tally_gc_collect itself fails.
//
// All settings are those of the running runtime: the next tally_init begins with the defaults.
#ifndef TALLY_GC_H
#define TALLY_GC_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TALLY_GC_GENERATIONS = 3 };

// Collects `generation` (0, 1 or 2: everything) and everything younger. Returns the number of unreachable objects found and not
// brought back by a finalizer; 0 at once when another thread is just examining objects or running the callbacks of the start of
// a collection (whether this call collected is seen from `collections` of tally_gc_get_stats), or when a callback of a collection of
// this thread asks. -1 with TALLY_ERROR_VALUE (no such generation), TALLY_ERROR_MEMORY (every object is as it was),
// TALLY_ERROR_THREAD (not attached, or a critical section of this thread is open). Works while automatic collection is
// disabled or suspended. No budget bounds it. Where threads still wait for the end of the last stop of the world it lets them in
// first, for 50 ms at most, so that collections back to back keep nobody out. A run point.
TALLY_API int64_t tally_gc_collect(int generation);

// Switch automatic collection on (the default) and off. Any thread, any state, while the runtime runs; cannot fail.
TALLY_API void tally_gc_enable(void);
TALLY_API void tally_gc_disable(void);
TALLY_API bool tally_gc_is_enabled(void);

// No automatic collection begins, on any thread, between a suspend and its resume; they nest, may be on different threads, and leave
// what tally_gc_enable has set alone. (TALLY_AUTO_GC_SUSPENDED in tally/cleanup.h binds the two to a scope.) Any thread,
// any state, while the runtime runs. resume: 0; -1 with TALLY_ERROR_VALUE when nothing is suspended.
TALLY_API void tally_gc_suspend(void);
TALLY_API int tally_gc_resume(void);
TALLY_API bool tally_gc_is_suspended(void);

// The thresholds, (700, 10, 10) at first; threshold[0] = 0 switches automatic collection off. Other threads follow when they
// next need a new page. Any thread, any state; cannot fail.
TALLY_API void tally_gc_set_threshold(const uint32_t threshold[TALLY_GC_GENERATIONS]);
TALLY_API void tally_gc_get_threshold(uint32_t threshold[TALLY_GC_GENERATIONS]);

// The byte threshold: bytes of pages in use, by the heap's own counter (page_bytes of tally_heap_stats), by which the heap must have
// grown since the last collection for one to begin however few objects there are; 64 MiB at first, 0: never. Any thread, any
// state; cannot fail.
TALLY_API void tally_gc_set_byte_threshold(uint64_t bytes);
TALLY_API uint64_t tally_gc_get_byte_threshold(void);

// How automatic collections go about it. In TALLY_GC_FULL each examines everything, and one begins when threshold[0] is exceeded
// and so is a quarter of what the last one left alive (bytes: the byte threshold, and a quarter of what it left in use): what PEP
// 703 does, since it gives generations up.
enum tally_gc_mode { TALLY_GC_GENERATIONAL, TALLY_GC_FULL };

// The mode is TALLY_GC_GENERATIONAL at first. Any thread, any state. set: 0; -1 with TALLY_ERROR_VALUE.
TALLY_API int tally_gc_set_mode(enum tally_gc_mode mode);
TALLY_API enum tally_gc_mode tally_gc_get_mode(void);

// The budget bounds the pause of automatic collections of generations 0 and 1: at most about so many objects, and as many
// references held by them, are examined. What is over it moves to the next generation unexamined, and is looked at with
// that. 0: no bound; 30,000 at first. Any thread, any state; cannot fail.
TALLY_API void tally_gc_set_budget(uint64_t objects);
TALLY_API uint64_t tally_gc_get_budget(void);

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

// ---- the permanent generation ----

// Moves every tracked object to a permanent generation, which no collection examines; before a fork it keeps the pages of
// parent and child shared. Objects in it die by their counts as before. Counts of generation 0 begin anew. Stops the world.
// 0; -1 with TALLY_ERROR_THREAD (not attached, or in a section). A run point.
TALLY_API int tally_gc_freeze(void);
// Moves what is in the permanent generation to generation 2. 0; -1 as above. A run point.
TALLY_API int tally_gc_unfreeze(void);
// How many objects are in it; stops the world to count them. -1 as above. A run point.
TALLY_API int64_t tally_gc_get_freeze_count(void);

// ---- debugging ----

enum tally_gc_debug {
	TALLY_GC_DEBUG_STATS = 1,         // the hook is told of the beginning and the end of each collection
	TALLY_GC_DEBUG_COLLECTABLE = 2,   // of each unreachable object, before it is cleared
	TALLY_GC_DEBUG_UNCOLLECTABLE = 4, // of each that is still there afterwards
	TALLY_GC_DEBUG_SAVEALL = 32,      // what is unreachable goes to the garbage list instead of being cleared
	TALLY_GC_DEBUG_LEAK = TALLY_GC_DEBUG_COLLECTABLE | TALLY_GC_DEBUG_UNCOLLECTABLE | TALLY_GC_DEBUG_SAVEALL,
};

// Told one line, without a newline, "gc: collectable <list 0x7f...>"; `object` is the one that it is about, or NULL; both are valid
// during the call, and no reference to `object` may be kept. On the thread that collects, attached, the world going,
// no lock held; it may use the library; an error that it leaves goes to the unraisable hook.
typedef void (*tally_gc_debug_fn)(const char *line, tally_object *object, void *context);

// Sets the flags, and who is told from now on (NULL: nobody); a call of the hook that was set before may still be under way on another
// thread. A collection goes by the flags as they were when it began. Any thread, any state. 0; -1 with
// TALLY_ERROR_VALUE (unknown flags). Forgotten when the runtime ends.
TALLY_API int tally_gc_set_debug(unsigned flags, tally_gc_debug_fn hook, void *context);
TALLY_API unsigned tally_gc_get_debug(void);

// The garbage list, the same each time: uncollectable objects, and with TALLY_GC_DEBUG_SAVEALL all that was unreachable. It keeps them
// alive; take them out (after breaking their cycles) to let them go. It is immortal: its reference needs no drop. NULL with
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. When the runtime ends with uncollectable objects in it the unraisable hook is told how many, once, with
// the operation "fini" and no source, and the debug hook of each if TALLY_GC_DEBUG_UNCOLLECTABLE is set; neither with
// TALLY_GC_DEBUG_SAVEALL.
TALLY_API tally_object *tally_gc_garbage(void);

#ifdef __cplusplus
}
#endif

#endif
