// core/uncollectable.h: what is still alive after it has been found unreachable, cleared and let go.
//
// It goes to the garbage list, unless something else keeps it alive.
#ifndef TALLY_CORE_UNCOLLECTABLE_H
#define TALLY_CORE_UNCOLLECTABLE_H

#include "trash.h"

// The trash has been cleared and let go, its classes excepted; what of it lives carries TALLY_GC_TRASH. Puts into the garbage list those
// objects that nothing else keeps alive, tells the debug hook if it wants to know, and adds their number to the collection. Without
// memory they are left to a later collection. The list is in another order afterwards; its entries of dead classes
// are the only ones of use. The thread that collects, the world going.
void tally_uncollectable_keep(struct tally_trash *trash, struct tally_gc_collection *collection);

#endif
