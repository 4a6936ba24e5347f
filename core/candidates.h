// core/candidates.h: the objects that a collection examines, and what it knows of each.
//
// A collection numbers the blocks of the pages that it looks at, page after page, so that everything it notes is in arrays by
// that number and no object is written to (a forked child keeps sharing the pages). A page's word in its arena's head turns
// an address into the number with one load, one multiplication and no branch:
//
//   number = first number of the page + ((offset in the page + 1) * reciprocal of the block size >> 32)
//
// A page that takes no part has the word 0, so all that points into it gets number 0: the dummy, which counts as marked and
// whose residue is nobody's. So "is this a candidate" costs nothing.
//
//   residue   8 bits a block: references that candidates do not account for, modulo 256 (core/trial.c makes that exact)
//   member    1 bit: it is a candidate
//   marked    1 bit: reachable, or no candidate
//   scanned   1 bit: its references have been marked, or no candidate
//   trash     1 bit: a candidate that is not reachable
//   queue     words of `marked` that have bits which `scanned` has not; each at most once, so its size is fixed (core/mark.c)
//
// I1  A page's first number is a multiple of 64, and one more number than it has blocks is its own: an address behind its last
//     block stays within.
// I2  Between collections every page's word is 0.
// World stopped, by the stopper alone, unless a function says otherwise.
#ifndef TALLY_CORE_CANDIDATES_H
#define TALLY_CORE_CANDIDATES_H

#include "freeze.h"
#include "page.h"
#include "type.h"

#include <stdbool.h>

struct tally_candidates {
	struct tally_page **page; // in the order of their numbers
	uint32_t pages;
	uint64_t words;    // 64 blocks each, the dummy's first
	uint32_t *page_of; // a word's page, by its place in `page`
	uint8_t *residue;
	uint64_t *member, *marked, *scanned, *trash;
	uint32_t *queue;
	uint8_t *queued;
	uint64_t head, tail; // of `queue`, a ring of `words` places
	bool has_heavy;      // some candidate has 256 references or more
	uint64_t budget;      // objects to be examined, and references that they hold, at most; 0: no bound
	uint64_t room;        // of the budget, while pages are numbered
	uint64_t visited;     // objects that have been examined
	uint64_t bytes;       // of the trash that has been freed, with its buffers
	uint64_t passed_over; // objects that were over the budget, and have been promoted
	int generation;
	bool is_short;       // the budget does not do for all pages: some have not been numbered
	uint32_t held;       // references that the collector itself has to each member
	bool asks_classes;   // whether classes are in use: the reference of the table of types does not count
	struct tally_crew *crew; // core/crew.h
	unsigned shares;         // tables of residues and of marks, the set's own included
	uint8_t *other_residue;  // words * 64 for each other share; not zeroed
	uint64_t *other_marked;  // words for each
};

static inline uint64_t *tally_page_word(const struct tally_page *page)
{
	return &tally_arena_of(page)->word[tally_page_index(page)];
}

// The product has 48 bits, so what its high half adds to the first number is added before the shift. The word's low half,
// the reciprocal, is added with it: that is where the 1 comes from, which leaves every address of a block its number but the last.
static inline uint32_t tally_candidate_number(const struct tally_object *object)
{
	uint64_t word = tally_arena_of(object)->word[tally_page_number(object)];
	uint64_t offset = (uintptr_t)object & (TALLY_PAGE_SIZE - 1);
	return (uint32_t)((word + offset * (uint32_t)word) >> 32);
}

static inline uint32_t tally_candidate_first(const struct tally_page *page) { return (uint32_t)(*tally_page_word(page) >> 32); }

static inline uint64_t tally_candidate_words(const struct tally_page *page) { return page->slots / 64u + 1; }

// Holds objects that may be candidates.
static inline bool tally_page_takes_part(const struct tally_page *page)
{
	return tally_layout_is_tracked(page->layout) && page->used > 0 && !tally_page_is_frozen(page);
}

// Blocks that have ever been handed out.
static inline unsigned tally_page_filled(const struct tally_page *page)
{
	return page->state == TALLY_PAGE_LARGE ? 1 : (unsigned)((size_t)(page->bump - page->base) / page->block_size);
}

// The block with that number, in a page that has it.
static inline struct tally_object *tally_candidate_at(const struct tally_page *page, uint32_t number)
{
	return tally_block_at(page, number - tally_candidate_first(page));
}

// Full words are the commonest, and where the processor need not have an instruction for it a count is a call.
static inline unsigned tally_count_bits(uint64_t bits) { return bits == UINT64_MAX ? 64 : (unsigned)__builtin_popcountll(bits); }

static inline bool tally_candidate_has(const uint64_t *bits, uint32_t number) { return bits[number / 64] >> number % 64 & 1; }

// Numbers the pages of the generation and everything younger, and gets memory for the rest, `member` and `residue` zeroed.
// 0; -1: no memory, and nothing has happened.
int tally_candidates_of_generation(struct tally_candidates *set, int generation);
// The same for generation 0 or 1 with a budget (0: none), which goes to pages in the order of their addresses. One on whose account
// nothing is left is not numbered; tally_sweep_promote passes its objects over.
int tally_candidates_within(struct tally_candidates *set, int generation, uint64_t budget);
// The same for the pages of these objects, which are then the members, each held once by the collector. Those of one page
// stand together. The memory of the collection's first set does for them, unless there has been another collection since.
int tally_candidates_of_objects(struct tally_candidates *set, struct tally_object *const *object, size_t count);
// The pages are numbered no more.
void tally_candidates_release(struct tally_candidates *set);

// Frees the memory that is kept from one collection to the next. No collection is running.
void tally_candidates_fini(void);

#endif
