// core/gather.h: all elements of something that can be iterated, side by side, with a reference to each.
//
// For operations that need them at once, or must not be disturbed by changes: a tuple is kept as it is, a list's elements
// are copied under its lock, as of one moment, and others are asked for one by one. The references are on the caller's
// stack, so to speak: the collector takes them for references from outside.
//
// I1  items[0 .. size) are objects; `holder` owns a reference to each when it is a tuple, else the gathering does, in `buffer`.
// No lock is held by the caller. Each function that fails has set the error, which names `operation`.
#ifndef TALLY_CORE_GATHER_H
#define TALLY_CORE_GATHER_H

#include "header.h"

struct tally_gathered {
	struct tally_object *const *items;
	size_t size;
	struct tally_object *holder;  // a tuple, or NULL
	struct tally_object **buffer; // raw buffer, or NULL
	size_t capacity;              // elements that fit in it
};

// Of anything that tally_iter takes; after a run point. 0; -1, and then there is nothing to give up.
int tally_gather(struct tally_gathered *gathered, struct tally_object *from, const char *operation);
// The same of a tuple or a list, without running any code of the host's: after any point.
int tally_gather_items(struct tally_gathered *gathered, struct tally_object *from, const char *operation);
// Gives up the references, from the last to the first, such that elements are destroyed from the first on; may run destructors.
void tally_gather_end(struct tally_gathered *gathered);

#endif
