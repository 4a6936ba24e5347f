// core/freeze.h: the permanent generation, for those who choose what a collection examines.
//
// A block is frozen when both bits of its age are set (core/page.h); nothing is written to the object. Its references count as from
// elsewhere, so what it leads to lives.
//
// I1  A block that is frozen is a candidate of no collection. (The second look at trash goes by its list, not by ages.)
// I2  The class of a frozen instance is frozen, unless a collection has found it unreachable before.
// World stopped.
#ifndef TALLY_CORE_FREEZE_H
#define TALLY_CORE_FREEZE_H

#include "page.h"

// The frozen blocks among 64 of the page, which has aged.
static inline uint64_t tally_frozen_blocks(const struct tally_arena *arena, unsigned page, unsigned word)
{
	return arena->old[page][word] & arena->middle[page][word];
}

extern bool tally_has_frozen; // some block may be frozen; when another runtime has begun that may be out of date, and costs time only

// Whether everything in the page is frozen: nobody need look at it.
bool tally_page_is_frozen_slow(const struct tally_page *page);
static inline bool tally_page_is_frozen(const struct tally_page *page)
{
	return tally_unlikely(tally_has_frozen) && page->has_aged && tally_page_is_frozen_slow(page);
}

#endif
