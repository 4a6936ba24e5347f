// core/subtract.c: the first pass of trial deletion: which blocks are candidates, and how often each is referred to from
// elsewhere.
//
// One walk over the pages in the order of addresses: a block's count goes to its residue, and each of its references takes one
// off the residue of what it refers to. Threads that help have residues of their own, added up afterwards: sharing one table by atomic operations
// is slower than one thread alone (docs/collector.md).
//
// I1  Every reference between candidates is subtracted exactly once, so the residues of a block, added up, end at the number of
//     references from elsewhere, modulo 256.
// World stopped.
#include "crew.h"
#include "heap.h"
#include "scan.h"
#include "trial.h"
#include "variant.h"

#include <string.h>

enum { MEMBERS = -1 }; // instead of a generation: what `member` says already

struct subtraction {
	struct tally_candidates *set;
	int generation;
	uint8_t *residue;
	bool has_heavy;
};

// ---- one reference less ----

static inline void subtract(tally_object *referent, void *context)
{
	struct subtraction *subtraction = context;
	if (referent) --subtraction->residue[tally_candidate_number(referent)];
}

// ---- which blocks ----

// Blocks of the page's word that are too old for the generation.
static uint64_t too_old(const struct tally_page *page, unsigned word, int generation)
{
	if (!page->has_aged || generation == 2) return 0;
	const struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page);
	return arena->old[number][word] | (generation == 0 ? arena->middle[number][word] : 0);
}

static inline uint64_t first_bits(unsigned count) { return count >= 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1; }

// The blocks of the page's i-th word that may be candidates; whether they live is not known yet.
static uint64_t wanted(const struct subtraction *subtraction, const struct tally_page *page, unsigned i)
{
	if (subtraction->generation == MEMBERS) return subtraction->set->member[tally_candidate_first(page) / 64 + i];
	unsigned filled = tally_page_filled(page);
	return filled <= i * 64 ? 0 : first_bits(filled - i * 64) & ~too_old(page, i, subtraction->generation);
}

// ---- the walk ----

// References to the object that do not tell whether it is in use.
TALLY_INLINED uint32_t uncounted(const struct tally_candidates *set, const struct tally_object *object, unsigned layout)
{
	uint32_t held = set->held;
	if (layout == TALLY_LAYOUT_CLASS && set->asks_classes) held += tally_class_uncounted(object);
	return held;
}

// Takes in the live blocks among `bits` and subtracts their references.
TALLY_INLINED void take_in(struct subtraction *subtraction, uint32_t number, uint64_t bits, unsigned layout)
{
	struct tally_candidates *set = subtraction->set;
	struct tally_word word = tally_word_of(set, number);
	uint8_t *residue = &subtraction->residue[number * (size_t)64];
	uint64_t members = bits, immortals = 0;
	for (; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		struct tally_object *object = tally_word_block(word, i);
		uint32_t count = variant_count_stopped(object);
		if (tally_unlikely(count - 1 >= UINT8_MAX)) { // 0, or 256 and more
			if (count == UINT32_MAX) immortals |= (uint64_t)1 << i;
			if (count == 0) members &= ~((uint64_t)1 << i);
			if (count == 0 && set->asks_classes && (layout == TALLY_LAYOUT_SLOTS || layout == TALLY_LAYOUT_INSTANCE))
				tally_class_need(tally_load(&object->local, relaxed)); // dying, perhaps
			if (count == 0) continue;
			subtraction->has_heavy = true;
		}
		if (layout == TALLY_LAYOUT_POINTERS && subtraction->generation != MEMBERS && tally_is_untracked(object)) {
			members &= ~((uint64_t)1 << i);
			continue;
		}
		residue[i] += (uint8_t)(count - uncounted(set, object, layout));
		tally_trace(object, layout, subtract, subtraction);
	}
	set->member[number] = members;
	set->marked[number] = immortals; // for now; the search for roots completes it
}

TALLY_INLINED void take_in_page(struct subtraction *subtraction, const struct tally_page *page, unsigned layout)
{
	uint32_t first = tally_candidate_first(page) / 64;
	for (unsigned i = 0; i < tally_candidate_words(page); i++)
		take_in(subtraction, first + i, wanted(subtraction, page, i), layout);
}

static void take_in_pages(struct subtraction *subtraction, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const struct tally_page *page = subtraction->set->page[i];
		switch (page->layout) {
		case TALLY_LAYOUT_POINTERS: take_in_page(subtraction, page, TALLY_LAYOUT_POINTERS); break;
		case TALLY_LAYOUT_ARRAY: take_in_page(subtraction, page, TALLY_LAYOUT_ARRAY); break;
		case TALLY_LAYOUT_ENTRIES: take_in_page(subtraction, page, TALLY_LAYOUT_ENTRIES); break;
		case TALLY_LAYOUT_SLOTS: take_in_page(subtraction, page, TALLY_LAYOUT_SLOTS); break;
		case TALLY_LAYOUT_INSTANCE: take_in_page(subtraction, page, TALLY_LAYOUT_INSTANCE); break;
		case TALLY_LAYOUT_CLASS: take_in_page(subtraction, page, TALLY_LAYOUT_CLASS); break;
		default: take_in_page(subtraction, page, TALLY_LAYOUT_CALLBACK); break;
		}
	}
}

// ---- alone, or with help ----

enum { PAGES_AT_ONCE = 16 };

static void subtract_share(struct tally_crew *crew, unsigned index, struct subtraction *subtraction)
{
	struct tally_crew_share *share = &crew->share[index];
	if (index > 0) memset(share->residue, 0, crew->set->words * 64);
	subtraction->residue = share->residue;
	uint32_t from, to;
	while (tally_crew_take(crew, crew->set->pages, PAGES_AT_ONCE, &from, &to)) take_in_pages(subtraction, from, to);
	share->has_residues = true;
	share->has_heavy = subtraction->has_heavy;
}

static void subtract_work(void *context, unsigned index)
{
	struct tally_crew *crew = context;
	struct subtraction subtraction = {.set = crew->set, .generation = crew->generation};
	subtract_share(crew, index, &subtraction);
}

void tally_trial_subtract(struct tally_candidates *set, int generation)
{
	set->asks_classes = generation == 2 || generation == MEMBERS;
	tally_crew_begin(set);
	struct tally_crew *crew = set->crew;
	crew->generation = generation;
	tally_crew_work(crew, subtract_work);
	for (unsigned i = 0; i < crew->size; i++) set->has_heavy |= crew->share[i].has_heavy;
}

void tally_trial_subtract_members(struct tally_candidates *set) { tally_trial_subtract(set, MEMBERS); }
