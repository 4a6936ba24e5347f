// core/subtract.c: the first pass of trial deletion: which blocks are candidates, and how often each is referred to from
// elsewhere.
//
// One walk over the pages in the order of addresses: a block's count goes to its residue, and each of its references takes one
// off the residue of what it refers to. Threads that help have residues of their own, added up afterwards: sharing one table by atomic operations
// is slower than one thread alone (docs/collector.md).
//
// With a budget one thread walks, and pays for each object and for the references that it holds before it looks at them (a host's
// object: afterwards). What cannot be paid for is a member, marked and scanned from the start: reachable, and none of its
// references is subtracted.
//
// I1  Every reference between candidates is subtracted exactly once, so the residues of a block, added up, end at the number of
//     references from elsewhere, modulo 256. What is over the budget is elsewhere.
// I2  With a budget of N at most N objects are examined, and the references of those, without those of the last host object or
//     class, are N at most.
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
	uint32_t held; // set->held
	uint64_t objects, references; // what is left of the budget
	uint64_t visited, passed_over;
	bool has_heavy;
};

// ---- one reference less ----

static inline void subtract(tally_object *referent, void *context)
{
	uint8_t *residue = context;
	if (referent) --residue[tally_candidate_number(referent)];
}

// One that had not been counted before.
static inline void subtract_and_pay(tally_object *referent, void *context)
{
	struct subtraction *subtraction = context;
	if (subtraction->references) subtraction->references--;
	subtract(referent, subtraction->residue);
}

// What it refers to is not known before.
TALLY_INLINED bool pays_later(unsigned layout) { return layout == TALLY_LAYOUT_CLASS || layout == TALLY_LAYOUT_CALLBACK; }

// False: that is over the budget.
TALLY_INLINED bool pay(struct subtraction *subtraction, const struct tally_object *object, unsigned layout)
{
	uint64_t references = tally_count_references(object, layout);
	if (!subtraction->objects || references > subtraction->references) return false;
	if (pays_later(layout) && !subtraction->references) return false;
	subtraction->objects--;
	subtraction->references -= references;
	return true;
}

// ---- which blocks ----

// Blocks of the page's word that are too old for the generation; frozen ones are for each.
static uint64_t too_old(const struct tally_page *page, unsigned word, int generation)
{
	if (!page->has_aged) return 0;
	const struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page);
	if (generation == 2) return tally_frozen_blocks(arena, number, word);
	return arena->old[number][word] | (generation == 0 ? arena->middle[number][word] : 0);
}

static inline uint64_t first_bits(unsigned count) { return count >= 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1; }

uint64_t tally_trial_of_age(const struct tally_page *page, unsigned word, int generation)
{
	unsigned filled = tally_page_filled(page);
	return filled <= word * 64 ? 0 : first_bits(filled - word * 64) & ~too_old(page, word, generation);
}

// The blocks of the page's i-th word that may be candidates; whether they live is not known yet.
static uint64_t wanted(const struct subtraction *subtraction, const struct tally_page *page, unsigned i)
{
	if (subtraction->generation == MEMBERS) return subtraction->set->member[tally_candidate_first(page) / 64 + i];
	return tally_trial_of_age(page, i, subtraction->generation);
}

// ---- the walk ----

// References to the object that do not tell whether it is in use.
TALLY_INLINED uint32_t uncounted(const struct subtraction *subtraction, const struct tally_object *object, unsigned layout)
{
	uint32_t held = subtraction->held;
	if (layout == TALLY_LAYOUT_CLASS && subtraction->set->asks_classes) held += tally_class_uncounted(object);
	return held;
}

// What is found out about the blocks of a word.
struct findings {
	uint64_t members, immortals, over;
};

// The count of a block that is not referred to 1 to 255 times, as far as variant_few_stopped can tell.
static __attribute__((noinline)) uint32_t count_closely(struct subtraction *subtraction, const struct tally_object *object,
                                                        unsigned layout, struct findings *findings, unsigned i)
{
	uint64_t bit = (uint64_t)1 << i;
	uint32_t count = variant_count_stopped(object);
	if (count == UINT32_MAX) findings->immortals |= bit;
	if (count > UINT8_MAX) subtraction->has_heavy = true;
	if (count) return count;
	findings->members &= ~bit;
	if (subtraction->set->asks_classes && (layout == TALLY_LAYOUT_SLOTS || layout == TALLY_LAYOUT_INSTANCE))
		tally_class_need(tally_load(&object->local, relaxed)); // dying, perhaps
	return 0;
}

// Takes in block i of the word; `residue` is the word's.
TALLY_INLINED void take_in_one(struct subtraction *subtraction, struct tally_object *object, uint8_t *residue, unsigned layout,
                               bool pays, struct findings *findings, unsigned i)
{
	uint32_t count = variant_few_stopped(object);
	if (tally_unlikely(!count) && !(count = count_closely(subtraction, object, layout, findings, i))) return;
	if (layout == TALLY_LAYOUT_POINTERS && subtraction->generation != MEMBERS && tally_is_untracked(object)) {
		findings->members &= ~((uint64_t)1 << i);
		return;
	}
	if (pays && !pay(subtraction, object, layout)) {
		findings->over |= (uint64_t)1 << i;
		return;
	}
	residue[i] = (uint8_t)(residue[i] + count - uncounted(subtraction, object, layout));
	if (pays && pays_later(layout)) tally_trace(object, layout, subtract_and_pay, subtraction);
	else tally_trace(object, layout, subtract, subtraction->residue);
}

// Takes in the live blocks among `bits` and subtracts their references.
TALLY_INLINED void take_in(struct subtraction *subtraction, uint32_t number, uint64_t bits, unsigned layout, bool pays)
{
	struct tally_candidates *set = subtraction->set;
	struct tally_word word = tally_word_of(set, number);
	uint8_t *residue = &subtraction->residue[number * (size_t)64];
	struct findings findings = {.members = bits};
	while (bits) {
		struct tally_run run = tally_take_run(&bits);
		char *block = word.block + run.first * word.size;
		for (unsigned i = run.first; i < run.end; i++, block += word.size)
			take_in_one(subtraction, (struct tally_object *)(void *)block, residue, layout, pays, &findings, i);
	}
	set->member[number] = findings.members;
	set->marked[number] = findings.immortals | findings.over; // for now; the search for roots completes both
	set->scanned[number] = findings.over;
	subtraction->visited += tally_count_bits(findings.members & ~findings.over);
	if (findings.over) subtraction->passed_over += tally_count_bits(findings.over);
}

TALLY_INLINED void take_in_page(struct subtraction *subtraction, const struct tally_page *page, unsigned layout, bool pays)
{
	uint32_t first = tally_candidate_first(page) / 64;
	for (unsigned i = 0; i < tally_candidate_words(page); i++)
		take_in(subtraction, first + i, wanted(subtraction, page, i), layout, pays);
}

TALLY_INLINED void take_in_by_layout(struct subtraction *subtraction, const struct tally_page *page, bool pays)
{
	switch (page->layout) {
	case TALLY_LAYOUT_POINTERS: take_in_page(subtraction, page, TALLY_LAYOUT_POINTERS, pays); break;
	case TALLY_LAYOUT_ARRAY: take_in_page(subtraction, page, TALLY_LAYOUT_ARRAY, pays); break;
	case TALLY_LAYOUT_ENTRIES: take_in_page(subtraction, page, TALLY_LAYOUT_ENTRIES, pays); break;
	case TALLY_LAYOUT_SLOTS: take_in_page(subtraction, page, TALLY_LAYOUT_SLOTS, pays); break;
	case TALLY_LAYOUT_INSTANCE: take_in_page(subtraction, page, TALLY_LAYOUT_INSTANCE, pays); break;
	case TALLY_LAYOUT_CLASS: take_in_page(subtraction, page, TALLY_LAYOUT_CLASS, pays); break;
	default: take_in_page(subtraction, page, TALLY_LAYOUT_CALLBACK, pays); break;
	}
}

static void take_in_pages(struct subtraction *subtraction, uint32_t from, uint32_t to)
{
	struct tally_candidates *set = subtraction->set;
	for (uint32_t i = from; i < to; i++) take_in_by_layout(subtraction, set->page[i], false);
}

static void take_in_paid_pages(struct subtraction *subtraction)
{
	struct tally_candidates *set = subtraction->set;
	subtraction->objects = subtraction->references = set->budget;
	for (uint32_t i = 0; i < set->pages; i++) take_in_by_layout(subtraction, set->page[i], true);
}

// ---- alone, or with help ----

enum { PAGES_AT_ONCE = 16 };

static void subtract_share(struct tally_crew *crew, unsigned index, struct subtraction *subtraction)
{
	struct tally_crew_share *share = &crew->share[index];
	if (index > 0) memset(share->residue, 0, crew->set->words * 64);
	subtraction->residue = share->residue;
	uint32_t from, to;
	if (crew->set->budget) take_in_paid_pages(subtraction);
	else
		while (tally_crew_take(crew, crew->set->pages, PAGES_AT_ONCE, &from, &to)) take_in_pages(subtraction, from, to);
	share->has_residues = true;
	share->has_heavy = subtraction->has_heavy;
	share->visited = subtraction->visited;
	share->passed_over = subtraction->passed_over;
}

static void subtract_work(void *context, unsigned index)
{
	struct tally_crew *crew = context;
	struct subtraction subtraction = {.set = crew->set, .generation = crew->generation, .held = crew->set->held};
	subtract_share(crew, index, &subtraction);
}

void tally_trial_subtract(struct tally_candidates *set, int generation)
{
	set->asks_classes = generation == 2 || generation == MEMBERS;
	tally_crew_begin(set);
	struct tally_crew *crew = set->crew;
	crew->generation = generation;
	tally_crew_work(crew, subtract_work);
	for (unsigned i = 0; i < crew->size; i++) {
		set->has_heavy |= crew->share[i].has_heavy;
		set->visited += crew->share[i].visited;
		set->passed_over += crew->share[i].passed_over;
	}
}

void tally_trial_subtract_members(struct tally_candidates *set) { tally_trial_subtract(set, MEMBERS); }
