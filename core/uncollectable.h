// core/uncollectable.h: what is still alive after it has been found unreachable, cleared and let go.
// It goes to the garbage list, unless something else keeps it alive.
#ifndef TALLY_CORE_UNCOLLECTABLE_H
#define TALLY_CORE_UNCOLLECTABLE_H

#include <stddef.h>
#include <stdint.h>
#include <tally/gcwatch.h>

// `address`: where the objects stood, `count` of them, which is sorted here; those that live carry TALLY_GC_TRASH. Puts into the
// garbage list those of them that nothing else keeps alive, tells the debug hook if it wants to know, and adds their number to the
// collection. Without memory they are left as they are, for a later collection. The thread that collects, the world going.
void tally_uncollectable_keep(uintptr_t *address, size_t count, unsigned debug, struct tally_gc_collection *collection);

#endif
