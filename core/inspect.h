// core/inspect.h: what looking at the heap (core/inspect.c) and freezing it (core/freeze.c) have in common.
//
// Which objects are shown to a host, and how a call begins that is going to stop the world for it.
// Attached thread; the world stopped where it says so.
#ifndef TALLY_CORE_INSPECT_H
#define TALLY_CORE_INSPECT_H

#include "candidates.h"
#include "trace.h"
#include "variant.h"

// The opening of such a call: a run point; gives up what only waits for readers who have gone on. False with the error set: the thread is
// not attached, or in a section.
bool tally_inspect_enter(const char *operation);

// World stopped. Of a block of objects: it holds one that lives and is not just being disposed of; and the collector examines it, if its
// layout is tracked.
static inline bool tally_inspect_lives(const struct tally_object *object)
{
	return variant_is_alive(object) && !(tally_load(&object->gc, relaxed) & TALLY_GC_TRASH);
}
static inline bool tally_inspect_shows(const struct tally_object *object)
{
	return tally_inspect_lives(object) && !tally_is_untracked(object);
}

// World stopped: calls `visit` for each block of the page that has ever been handed out.
TALLY_INLINED void tally_inspect_blocks(const struct tally_page *page,
                                        void (*visit)(const struct tally_page *page, struct tally_object *object, void *context),
                                        void *context)
{
	unsigned filled = page->used > 0 ? tally_page_filled(page) : 0; // nothing used: perhaps never formatted
	for (unsigned i = 0; i < filled; i++) visit(page, tally_block_at(page, i), context);
}

#endif
