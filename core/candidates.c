// core/candidates.c: numbering pages, and the memory of a collection (core/candidates.h).
//
// One block of memory holds all arrays. It is kept for the next collection and replaced by a larger one when it does not do;
// after a collection that needed a small part of a large one it is given back. It comes from the system, not from the heap:
// the collection that is to make room must not depend on there being some.
//
// I1  Only the thread that has stopped the world uses the memory.
#include "candidates.h"
#include "crew.h"
#include "heap.h"
#include "os.h"
#include "trial.h"
#include "variant.h"

#include <string.h>

enum { KEPT = 1 << 20, ROOMY = 16 }; // bytes kept in any case; times what was needed that is too much
enum { HELP_FROM = TALLY_TUNED(65536, 1024) }; // blocks for which waking another thread is worth while

static struct {
	char *start;
	size_t size;
} memory;

void tally_candidates_fini(void)
{
	tally_span_free(memory.start, memory.size);
	memory.start = NULL;
	memory.size = 0;
}

static bool replace_memory(size_t size)
{
	size_t roomy = size + size / 4;
	char *start = tally_span_new(roomy);
	if (!start) return false;
	tally_candidates_fini();
	memory.start = start;
	memory.size = roomy;
	return true;
}

static bool get_memory(size_t size)
{
	if (TALLY_ASSERTIONS && tally_heap_fault()) return false;
	bool fits = size <= memory.size, is_too_much = memory.size > KEPT && size < memory.size / ROOMY;
	if (fits && !is_too_much) return true;
	return replace_memory(size) || fits;
}

// ---- which pages ----

static void count_page(struct tally_candidates *set, const struct tally_page *page)
{
	set->pages++;
	set->words += tally_candidate_words(page);
}

static int count_listed(struct tally_page *page, void *context)
{
	struct tally_candidates *set = context;
	if (!tally_page_takes_part(page)) return 0;
	count_page(set, page);
	set->visited += (uint64_t)page->used;
	return 0;
}

// The page's blocks get the next numbers.
static void number(struct tally_candidates *set, struct tally_page *page)
{
	uint64_t words = tally_candidate_words(page);
	*tally_page_word(page) = page->reciprocal | set->words * 64 << 32;
	for (uint64_t i = 0; i < words; i++) set->page_of[set->words + i] = set->pages;
	set->page[set->pages++] = page;
	set->words += words;
}

static int number_listed(struct tally_page *page, void *context)
{
	if (tally_page_takes_part(page)) number(context, page);
	return 0;
}

// ---- within a budget ----

// Objects of the page that may be candidates; at most one too many.
static uint64_t count_young(const struct tally_page *page, int generation)
{
	uint64_t blocks = 0, free = tally_page_filled(page) - (uint64_t)page->used;
	for (unsigned word = 0; word < tally_candidate_words(page); word++)
		blocks += tally_count_bits(tally_trial_of_age(page, word, generation));
	return blocks - free;
}

// The page's objects are paid for, the last one's perhaps in part. False: nothing is left.
static bool can_pay(struct tally_candidates *set, const struct tally_page *page)
{
	if (!tally_page_takes_part(page) || !set->room) return false;
	uint64_t price = count_young(page, set->generation);
	set->room -= price < set->room ? price : set->room;
	return true;
}

static int count_paid(struct tally_page *page, void *context)
{
	if (can_pay(context, page)) count_page(context, page);
	return 0;
}

static int number_paid(struct tally_page *page, void *context)
{
	if (can_pay(context, page)) number(context, page);
	return 0;
}

static void each_page(int generation, int (*visit)(struct tally_page *page, void *context), void *context)
{
	if (generation == 2) tally_pages_each(visit, context);
	else tally_pages_each_young(generation == 1, visit, context);
}

// ---- the arrays ----

// Cuts an array off the memory. The sizes fall in the order of the calls, so each is aligned.
static void *cut(char **rest, size_t size)
{
	void *array = *rest;
	*rest += size;
	return array;
}

// Bytes of all arrays for as many pages and words as have been counted.
static size_t size_of_arrays(const struct tally_candidates *set)
{
	return set->pages * sizeof *set->page + set->words * (8 + 64 + 8 + 8 + 8 + 4 + 4 + 1);
}

// More than one share: bytes that the others need.
static size_t size_of_shares(const struct tally_candidates *set) { return (set->shares - 1) * set->words * (64 + 8); }

// Gets memory for the arrays, and for shares if that is to be had. False: not even for the arrays.
static bool get_arrays(struct tally_candidates *set)
{
	if (set->words * 64 >= HELP_FROM && !set->budget) set->shares = variant_world_helpers();
	if (set->shares > TALLY_CREW_MOST) set->shares = TALLY_CREW_MOST;
	if (set->shares > 1 && get_memory(size_of_arrays(set) + size_of_shares(set))) return true;
	set->shares = 1;
	return get_memory(size_of_arrays(set));
}

static void cut_arrays(struct tally_candidates *set)
{
	size_t pages = set->pages, words = set->words;
	char *rest = memory.start;
	set->member = cut(&rest, words * 8);
	set->residue = cut(&rest, words * 64);
	memset(memory.start, 0, (size_t)(rest - memory.start));
	set->marked = cut(&rest, words * 8);
	set->scanned = cut(&rest, words * 8);
	set->trash = cut(&rest, words * 8);
	set->page = cut(&rest, pages * sizeof *set->page);
	set->other_marked = cut(&rest, (set->shares - 1) * words * 8);
	set->other_residue = cut(&rest, (set->shares - 1) * words * 64);
	set->queue = cut(&rest, words * 4);
	set->page_of = cut(&rest, words * 4);
	set->queued = cut(&rest, words);
	set->pages = 0;
	set->words = 1;
}

// All pages have been numbered.
static void make_ready(struct tally_candidates *set)
{
	set->marked[0] = set->scanned[0] = UINT64_MAX;
	set->trash[0] = 0;
	set->page_of[0] = 0;
	set->head = set->tail = 0;
	set->has_heavy = false;
	memset(set->queued, 0, set->words);
}

// The pages whose blocks are to be numbered.
static void count_pages(struct tally_candidates *set)
{
	each_page(set->generation, count_listed, set);
	set->is_short = set->budget && set->visited > set->budget;
	set->visited = 0;
	if (!set->is_short) return;
	set->pages = 0;
	set->words = 1;
	set->room = set->budget;
	each_page(set->generation, count_paid, set);
}

static void number_pages(struct tally_candidates *set)
{
	set->room = set->budget;
	each_page(set->generation, set->is_short ? number_paid : number_listed, set);
}

int tally_candidates_within(struct tally_candidates *set, int generation, uint64_t budget)
{
	*set = (struct tally_candidates){.words = 1, .shares = 1, .generation = generation, .budget = budget};
	count_pages(set);
	if (set->words * 64 > UINT32_MAX || !get_arrays(set)) {
		set->pages = 0; // none has been numbered
		return -1;
	}
	cut_arrays(set);
	number_pages(set);
	make_ready(set);
	return 0;
}

int tally_candidates_of_generation(struct tally_candidates *set, int generation)
{
	return tally_candidates_within(set, generation, 0);
}

int tally_candidates_of_objects(struct tally_candidates *set, struct tally_object *const *object, size_t count)
{
	*set = (struct tally_candidates){.words = 1, .shares = 1, .held = 1};
	for (size_t i = 0; i < count; i++)
		if (i == 0 || tally_page_of(object[i]) != tally_page_of(object[i - 1])) count_page(set, tally_page_of(object[i]));
	if (size_of_arrays(set) > memory.size && !replace_memory(size_of_arrays(set))) {
		set->pages = 0;
		return -1;
	}
	cut_arrays(set);
	for (size_t i = 0; i < count; i++) {
		struct tally_page *page = tally_page_of(object[i]);
		if (*tally_page_word(page) == 0) number(set, page);
		uint32_t index = tally_candidate_number(object[i]);
		set->member[index / 64] |= (uint64_t)1 << index % 64;
	}
	make_ready(set);
	return 0;
}

void tally_candidates_release(struct tally_candidates *set)
{
	for (uint32_t i = 0; i < set->pages; i++) *tally_page_word(set->page[i]) = 0;
}
