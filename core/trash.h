// core/trash.h: trash that is more than memory: objects whose types run user code when they die, or that weak references lead to,
// and all that they lead to.
//
// It is set aside while the world stands, each object held by one reference, so that it survives whatever happens until the
// collector lets go of it; all weak references to it are cleared at the same time. Then, with the world going, in the order that
// PEP 442 made safe: the callbacks of those weak references that are not trash themselves; every finalizer, once; a second
// look (with the world stopped) at what the finalizers brought back, if any ran, which clears what weak references they have made
// to the rest; and the rest is cleared and let go. What is alive even then goes to the garbage list. With finalizers that do not run
// inline (core/finalizers.h) the objects that have one are queued instead, and the second look keeps them, and what they lead to.
//
// All of it carries TALLY_GC_TRASH until it is found to have come back: who looks at the heap meanwhile leaves it alone.
//
// I1  From tally_trash_set_aside to the end of tally_trash_dispose every object in the list has a reference of the collector's
//     and no owner: whoever drops its last reference destroys it.
// I2  Nothing is cleared before all finalizers have run, and no finalizer runs twice.
// I3  No weak reference leads to trash when the first of the host's code runs, nor when the first piece of it is cleared; and a weak
//     reference that is trash itself calls nobody.
// The thread that collects.
#ifndef TALLY_CORE_TRASH_H
#define TALLY_CORE_TRASH_H

#include "candidates.h"
#include "weakref.h"
#include <tally/gcwatch.h>

enum { TALLY_TRASH_CAME_BACK = 1, TALLY_TRASH_CLASS = 2, TALLY_TRASH_FLAGS = 3 };

struct tally_trash {
	uintptr_t *object; // addresses, those of a page together; in the lowest bits flags
	size_t count;
	bool has_classes;
	bool has_weak; // some of it is referred to weakly, or is a weak reference on a list
	unsigned debug; // the host's flags
	struct tally_watchers watchers; // those who are to be told
};

// Moves such trash out of the set's; `trash` is zero but for its flags. 0; -1: no memory, and nothing has happened. World stopped.
int tally_trash_set_aside(struct tally_trash *trash, struct tally_candidates *set);

// Finalizes, looks again, clears, lets go; frees the list; buries; and adds to the collection what has become of it. The world goes.
void tally_trash_dispose(struct tally_trash *trash, struct tally_gc_collection *collection);

#endif
