// tally/inspect.h: looking at the objects of the heap: to find leaks, and to see what the collector sees.
//
// These stop the world while they look, and cost time in proportion to the heap (tally_gc_get_referents: to what it is given). What
// they return is a list with references of its own, so it keeps alive what is in it; like the garbage list (tally/gc.h) it is an
// object that the next call finds, too. Objects that a collection has found unreachable and is just disposing of are left out
// (but not where a referent is asked for: who asks has the object). All but the two questions are run points, and fail with
// TALLY_ERROR_THREAD (not attached, or in a section) and TALLY_ERROR_MEMORY, in which case nothing has changed.
#ifndef TALLY_INSPECT_H
#define TALLY_INSPECT_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// True when the collector examines this object: it is a container, or its host type has a traverse; and it is no tuple of which a
// collection has found that no cycle can go through it. Attached thread, no point, cannot fail.
TALLY_API bool tally_gc_is_tracked(const tally_object *object);

// True when its finalizer has been called. Attached thread, no point, cannot fail.
TALLY_API bool tally_gc_is_finalized(const tally_object *object);

enum { TALLY_GC_ALL = -1 }; // every generation, but for the permanent one

// A new list of all tracked objects in `generation` (0, 1 or 2), or in all of them (TALLY_GC_ALL), in the order of their addresses
// within an arena; itself excepted. NULL also with TALLY_ERROR_VALUE.
TALLY_API tally_object *tally_gc_get_objects(int generation);

// A new list of the tracked objects that refer to one or more of the `count` objects directly, each once. An instance refers to its class.
// Garbage that has not been collected yet may be in it; references from the host's own memory are in no object.
TALLY_API tally_object *tally_gc_get_referrers(tally_object *const *objects, size_t count);

// A new list of what the `count` objects refer to directly, one object after the other, duplicates included. Objects
// without references (numbers, strings, host objects without a traverse) add nothing.
TALLY_API tally_object *tally_gc_get_referents(tally_object *const *objects, size_t count);

// What the heap holds of one type. This struct does not grow.
typedef struct tally_gc_type_count {
	tally_object *type; // borrowed: valid as long as the type lives, and its objects keep it alive
	uint64_t objects;   // alive, tracked or not; immortal ones included
	uint64_t bytes;     // of their blocks and of the buffers that belong to them alone
} tally_gc_type_count;

// Writes a record for each type that has objects, those with most bytes first, `room` at most. Returns how many types there are.
// -1 as above. Stops the world.
TALLY_API int64_t tally_gc_count_types(tally_gc_type_count *counts, size_t room);

#ifdef __cplusplus
}
#endif

#endif
