// biased/count_word.h: the two count words of biased counting as arithmetic: pure functions, no memory touched.
//
//   local   31            16 15            0     written by the holder of the owner's role alone, always relaxed
//           |  owner tag    |  local count  |    tag 0: merged; the word 0xFFFFFFFF: immortal, never written;
//                                                0xFFFD and an index: spread, counted elsewhere (spread.h)
//   shared  31                       2 1   0     read-modify-write by everybody
//           |  signed count           |state|    0 plain, 1 weak (maybe weakly referenced), 2 queued, 3 merged
//     count: -2^29 ..... -65535 .... 0 ........ 2^28 [saturated: never dropped, never freed] ........ 2^29
//                        negative only while queued             overshoot <= threads + 2^15
//
//   state    event                                         next
//   plain n  incref, spill, try-incref (not at 0)          plain n+1            anybody but the owner; spill: the owner
//   plain n  decref, n > 0                                 plain n-1            not the owner
//   plain 0  decref                                        queued 0             not the owner; the queue inherits the reference
//   plain n  first weak reference                          weak n               whoever holds a reference
//   plain 0  the owner's local count reaches 0             dead, no write       the owner
//   (weak n moves as plain n, except that the owner's death merges)
//   queued n incref, decref, try-incref                    queued n+-1          anybody but the owner
//   any n    drain, claim, stop; local 0 and not plain 0   merged n+local       the holder of the role
//   merged n incref, decref, try-incref (not at 0)         merged n+-1          anybody
//
// Choi, Shull and Torrellas, "Biased Reference Counting" (PACT 2018); PEP 703 for the states. docs/counting.md has the
// two repairs: claims, and the queue by page.
#ifndef TALLY_BIASED_COUNT_WORD_H
#define TALLY_BIASED_COUNT_WORD_H

#include "check.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	COUNT_PLAIN = 0,
	COUNT_WEAK = 1,
	COUNT_QUEUED = 2,
	COUNT_MERGED = 3,
	COUNT_STATE = 3,
	COUNT_ONE = 4,
};
#define LOCAL_FULL ((uint32_t)TALLY_TUNED(0xFFFF, 7))  // a local count this high spills
#define LOCAL_SPILL ((uint32_t)TALLY_TUNED(0x8000, 4)) // how much of it goes to `shared`
#define LOCAL_SPREAD 0xFFFD0000u
#define LOCAL_IMMORTAL UINT32_MAX
#define SHARED_SATURATED ((int32_t)1 << 28)

static inline uint32_t local_count(uint32_t local) { return local & 0xFFFF; }
static inline uint32_t local_tag(uint32_t local) { return local >> 16; }
static inline bool local_is_immortal(uint32_t local) { return local >> 16 == 0xFFFF; }
static inline bool local_is_spread(uint32_t local) { return local >> 16 == LOCAL_SPREAD >> 16; }
// One of the two: the count words are not to be written.
static inline bool local_is_elsewhere(uint32_t local) { return local >= LOCAL_SPREAD; }
static inline uint32_t local_index(uint32_t local) { return local & 0xFFFF; } // of a spread object

// `tag_word` is the thread's tag << 16. Mine and not full; mine with two or more; mine at all.
static inline bool local_has_room(uint32_t local, uint32_t tag_word) { return (local ^ tag_word) < LOCAL_FULL; }
static inline bool local_keeps_one(uint32_t local, uint32_t tag_word) { return (local ^ tag_word) - 2 < 0xFFFE; }
static inline bool local_is_mine(uint32_t local, uint32_t tag_word) { return (local ^ tag_word) <= 0xFFFF; }

static inline int32_t shared_count(uint32_t shared) { return (int32_t)shared >> 2; }
static inline unsigned shared_state(uint32_t shared) { return shared & COUNT_STATE; }
static inline bool shared_is_saturated(uint32_t shared) { return shared_count(shared) >= SHARED_SATURATED; }
// Dead to whoever is not the owner: exactly plain 0 or merged 0.
static inline bool shared_is_dead(uint32_t shared) { return shared == COUNT_PLAIN || shared == COUNT_MERGED; }

// A foreign decref finds no count to take: nothing is subtracted, the word becomes `queued`, count 0, and the queue inherits
// the reference.
static inline bool shared_must_queue(uint32_t shared) { return shared <= COUNT_WEAK; }

// What a merge makes of it, with `local` references of the owner's and `minus` that the merge itself drops.
static inline uint32_t shared_after_merge(uint32_t shared, uint32_t local, uint32_t minus)
{
	if (shared_is_saturated(shared)) return shared | COUNT_MERGED;
	return ((shared & ~(uint32_t)COUNT_STATE) + (local - minus) * COUNT_ONE) | COUNT_MERGED;
}

#endif
