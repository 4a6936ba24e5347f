// core/sweep.c: after the mark (core/sweep.h).
//
// References between pieces of trash are not dropped one by one: all of it goes at once. A page on which nothing else lives
// becomes empty by setting its bump pointer back. All roles are the stopper's, so blocks go straight to their pages, whoever's
// they are, and counts are changed without asking the owners.
//
// I1  A reference from trash to anything else is dropped exactly once.
// I2  Every block that is freed says so in its count words.
// I3  Nothing is destroyed here: what dies and has something to give up or code to run joins the dying.
#include "sweep.h"
#include "heap.h"
#include "object.h"
#include "trace.h"
#include "trial.h"

// ---- ages ----

static uint64_t promote_word(struct tally_arena *arena, unsigned page, unsigned word, uint64_t live, int generation)
{
	uint64_t *old = &arena->old[page][word], *middle = &arena->middle[page][word];
	uint64_t *to = generation == 0 ? middle : old;
	if (live & ~*to) *to |= live; // most are of that age already: nothing is written, nor copied after a fork
	if (to == old && *middle & live) *middle &= ~live;
	return live;
}

static size_t age_page(struct tally_page *page, size_t living, int generation)
{
	unsigned number = tally_page_index(page);
	if (!living) return 0;
	tally_page_age(page);
	if (generation == 0) tally_arena_of(page)->has_middle[number / 64] |= (uint64_t)1 << number % 64;
	return living;
}

static size_t promote_page(const struct tally_candidates *set, struct tally_page *page, int generation)
{
	struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page), first = tally_candidate_first(page) / 64;
	size_t living = 0;
	for (unsigned word = 0; word < tally_candidate_words(page) && word < TALLY_BIT_WORDS; word++) {
		uint64_t live = set->member[first + word] & ~set->trash[first + word];
		if (live) living += tally_count_bits(promote_word(arena, number, word, live, generation));
	}
	return age_page(page, living, generation);
}

// ---- ages of what is over the budget ----

// Those of the blocks that live.
static uint64_t living_among(const struct tally_page *page, unsigned word, uint64_t blocks)
{
	uint64_t living = blocks;
	for (uint64_t rest = blocks; rest; rest &= rest - 1) {
		const struct tally_object *object = tally_block_at(page, word * 64 + (unsigned)__builtin_ctzll(rest));
		if (!variant_count_stopped(object)) living &= ~(rest & -rest);
	}
	return living;
}

static size_t pass_over(struct tally_page *page, int generation)
{
	struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page);
	size_t living = 0;
	tally_page_fold(page);
	bool has_free = tally_page_filled(page) != (unsigned)page->used;
	for (unsigned word = 0; word < tally_candidate_words(page) && word < TALLY_BIT_WORDS; word++) {
		uint64_t blocks = tally_trial_of_age(page, word, generation);
		if (has_free) blocks = living_among(page, word, blocks);
		if (blocks) living += tally_count_bits(promote_word(arena, number, word, blocks, generation));
	}
	return age_page(page, living, generation);
}

static int pass_over_listed(struct tally_page *page, void *context)
{
	struct tally_candidates *set = context;
	if (*tally_page_word(page) == 0 && tally_page_takes_part(page)) set->passed_over += pass_over(page, set->generation);
	return 0;
}

size_t tally_sweep_promote(struct tally_candidates *set, int generation)
{
	uint64_t before = set->passed_over;
	if (set->is_short) tally_pages_each_young(generation > 0, pass_over_listed, set);
	tally_pages_forget_young(generation > 0);
	size_t living = set->passed_over - before;
	for (uint32_t i = 0; i < set->pages; i++) living += promote_page(set, set->page[i], generation);
	return living;
}

// ---- freeing ----

static void drop_dead(struct tally_object *object)
{
	if (tally_type(object)->destroy || tally_load(&object->gc, relaxed)) {
		tally_object_doom(object);
	} else {
		variant_void_stopped(object);
		tally_heap_free_stopped(object);
	}
}

static inline void drop(tally_object *referent, void *context)
{
	const uint64_t *trash = context;
	if (!referent || tally_candidate_has(trash, tally_candidate_number(referent))) return;
	if (variant_drop_stopped(referent)) drop_dead(referent);
}

static inline uint64_t free_buffer(void *buffer)
{
	if (!buffer) return 0;
	uint64_t bytes = tally_page_of(buffer)->block_size;
	tally_heap_free_stopped(buffer);
	return bytes;
}

// Returns the bytes of its buffer.
TALLY_INLINED uint64_t empty_object(struct tally_object *object, unsigned layout, uint64_t *trash)
{
	tally_trace(object, layout, drop, trash);
	uint64_t bytes = free_buffer(tally_trace_buffer(object, layout));
	variant_void_stopped(object);
	return bytes;
}

TALLY_INLINED uint64_t empty_word(struct tally_page *page, unsigned word, uint64_t bits, unsigned layout, uint64_t *trash)
{
	uint64_t bytes = 0;
	for (; bits; bits &= bits - 1)
		bytes += empty_object(tally_block_at(page, word * 64 + (unsigned)__builtin_ctzll(bits)), layout, trash);
	return bytes;
}

// The objects give up what they refer to; chooses the layout outside the loops. Returns how many they are.
static size_t empty_page(struct tally_candidates *set, struct tally_page *page)
{
	unsigned first = tally_candidate_first(page) / 64;
	size_t emptied = 0;
	uint64_t bytes = 0;
	for (unsigned word = 0; word < tally_candidate_words(page); word++) {
		uint64_t bits = set->trash[first + word];
		if (!bits) continue;
		emptied += tally_count_bits(bits);
		switch (page->layout) {
		case TALLY_LAYOUT_POINTERS: bytes += empty_word(page, word, bits, TALLY_LAYOUT_POINTERS, set->trash); break;
		case TALLY_LAYOUT_ARRAY: bytes += empty_word(page, word, bits, TALLY_LAYOUT_ARRAY, set->trash); break;
		case TALLY_LAYOUT_SLOTS: bytes += empty_word(page, word, bits, TALLY_LAYOUT_SLOTS, set->trash); break;
		case TALLY_LAYOUT_INSTANCE: bytes += empty_word(page, word, bits, TALLY_LAYOUT_INSTANCE, set->trash); break;
		default: bytes += empty_word(page, word, bits, TALLY_LAYOUT_ENTRIES, set->trash); break;
		}
	}
	set->bytes += emptied * page->block_size + bytes;
	return emptied;
}

static void free_blocks(const struct tally_candidates *set, struct tally_page *page)
{
	unsigned first = tally_candidate_first(page) / 64;
	for (unsigned word = 0; word < tally_candidate_words(page); word++)
		for (uint64_t bits = set->trash[first + word]; bits; bits &= bits - 1)
			tally_heap_free_stopped(tally_block_at(page, word * 64 + (unsigned)__builtin_ctzll(bits)));
}

// A large page goes back to its arena, and the arena perhaps to the system, as soon as its block is free. Until all trash has
// been emptied others of it may point there, so such pages wait in a list (no other has them).
static void free_page(const struct tally_candidates *set, struct tally_page *page, size_t emptied, struct tally_page **large)
{
	if (page->state == TALLY_PAGE_LARGE) {
		page->next = *large;
		*large = page;
	} else if (emptied == (size_t)page->used) {
		tally_page_reset(page);
	} else {
		free_blocks(set, page);
	}
}

static void free_large(struct tally_page *page)
{
	while (page) {
		struct tally_page *next = page->next;
		page->next = NULL;
		tally_heap_free_stopped(page->base);
		page = next;
	}
}

size_t tally_sweep_free(struct tally_candidates *set)
{
	size_t freed = 0;
	struct tally_page *large = NULL;
	for (uint32_t i = 0; i < set->pages; i++) {
		struct tally_page *page = set->page[i];
		tally_page_fold(page);
		int32_t untold = page->used - page->counted;
		size_t emptied = empty_page(set, page);
		if (emptied) free_page(set, page, emptied, &large);
		page->counted = page->used - untold; // what a collection frees is not held against new objects
		freed += emptied;
	}
	tally_candidates_release(set);
	free_large(large);
	return freed;
}
