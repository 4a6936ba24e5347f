// core/mark.h: marking what candidates lead to.
// The steps of tally_trial_mark (core/trial.h); core/mark.c has the queue, core/mark_shared.c the rounds.
#ifndef TALLY_CORE_MARK_H
#define TALLY_CORE_MARK_H

#include "candidates.h"

// Bit i: block i of the word has a residue other than 0, added up over the first `shares` tables that have any.
uint64_t tally_mark_nonzero(const struct tally_candidates *set, uint32_t word);

// Puts a word that has blocks to be scanned on the queue. It is not in it.
static inline void tally_mark_queue(struct tally_candidates *set, uint32_t word)
{
	set->queued[word] = 1;
	set->queue[set->tail] = word;
	if (++set->tail == set->words) set->tail = 0;
}

// Puts a block on the way to be scanned, unless it is marked.
static inline void tally_mark_number(struct tally_candidates *set, uint32_t number)
{
	uint32_t word = number / 64;
	uint64_t marked = set->marked[word];
	if (marked >> number % 64 & 1) return;
	set->marked[word] = marked | (uint64_t)1 << number % 64;
	if (!set->queued[word]) tally_mark_queue(set, word);
}

// Scans until the queue is empty; the calling thread alone.
void tally_mark_drain(struct tally_candidates *set);
// The same, but gives up, and empties the queue, when it has become as long as that. True: it has; words are left to scan.
bool tally_mark_drain_up_to(struct tally_candidates *set, uint64_t length);

// Marks the roots (whose residue is not 0) and all that they lead to; with the crew, if there is one.
void tally_mark_from_roots(struct tally_candidates *set);
// The latter.
void tally_mark_shared(struct tally_candidates *set);

#endif
