// biased/spread.h: counting objects that are spread: each slot has an array of counts of its own, by the object's index.
//
// The header of a spread object is not written: `local` says "spread" and the index, and two threads that count the object touch
// no common memory. A count is what the slot's threads have taken less what they have dropped, so it wraps below 0. An
// array is a span of the system's, of which only the pages that are written exist. docs/hot.md has the reasons.
//
// Counting: the attached thread. What else there is, core/variant.h says (group 8 and the stopped half of group 1).
#ifndef TALLY_BIASED_SPREAD_H
#define TALLY_BIASED_SPREAD_H

#include "count_word.h"
#include "slot.h"
#include "variant.h"

enum { SPREAD_MOST = TALLY_TUNED(65535, 15) }; // objects spread at a time; their indexes begin at 1

struct spread_counts {
	struct spread_counts *next; // of all arrays; written before it is listed
	struct tally_slot *slot;
	_Atomic uint64_t count[SPREAD_MOST + 1]; // modulo 2^64. By the holder of the slot's role. Relaxed: sums are taken in a
	                                         // stopped world; what is added up while others count is a glimpse
};

// The first time: gets the slot its array. Without memory the object's base is counted, which all share.
void spread_count_slow(uint32_t local, uint64_t change);

#define SPREAD_TAKE ((uint64_t)1)
#define SPREAD_DROP (~(uint64_t)0)

// `local` is the object's word, `change` one of the two. Cannot fail.
static inline void spread_count(uint32_t local, uint64_t change)
{
	struct spread_counts *counts = tally_self.slot->spread;
	if (tally_unlikely(!counts)) {
		spread_count_slow(local, change);
		return;
	}
	_Atomic uint64_t *count = &counts->count[local_index(local)];
	tally_store(count, tally_load(count, relaxed) + change, relaxed);
}

// Nobody is attached: the runtime ends.
void spread_fini(void);

#endif
