// core/garbage.h: the garbage list and the collector's debug flags (tally/gc.h).
//
// The list holds objects that the collector found unreachable and could not free, or, with TALLY_GC_DEBUG_SAVEALL, was asked to
// save. A collection goes by the flags as they were when it began.
#ifndef TALLY_CORE_GARBAGE_H
#define TALLY_CORE_GARBAGE_H

#include "header.h"
#include <tally/gcwatch.h>

void tally_garbage_init(void); // the runtime starts
// It ends, the calling thread being the last: tells of what is uncollectable, and empties the list; from now on nothing is put
// there. True: there was something in it.
bool tally_garbage_close(void);

// All trash is to be set aside, so that the host can be told of it, or given it.
static inline bool tally_garbage_wants_all(unsigned debug)
{
	return debug & 34; // TALLY_GC_DEBUG_COLLECTABLE, TALLY_GC_DEBUG_SAVEALL
}

// The rest: the thread that collects, the world going, nothing locked.

// Tell the debug hook of the collection, if it wants to know. Returns the flags, which are this collection's.
unsigned tally_garbage_begin(const struct tally_gc_collection *collection);
void tally_garbage_end(const struct tally_gc_collection *collection, unsigned debug);
// Tells it of an object.
void tally_garbage_tell(const char *what, struct tally_object *object);

// Puts objects, to which the caller has references, into the list, which takes references of its own. False: no memory, and the
// error is set.
bool tally_garbage_put(struct tally_object *const *objects, size_t count);

#endif
