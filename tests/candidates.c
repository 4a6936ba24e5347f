// tests/candidates.c: the numbers of a collection from the inside: I1 to I3 of core/candidates.h.
//
// Most blocks here are taken from the heap directly and carry no header: numbering looks at pages only.
#include "candidates.h"
#include "fixture.h"
#include "heap.h"
#include "turns.h"
#include "variant.h"

#include <tally/gc.h>

enum { FIRST_CLASS = 3 }; // 24 bytes, the smallest object
static const enum tally_layout TRACKED[] = {TALLY_LAYOUT_POINTERS, TALLY_LAYOUT_ARRAY, TALLY_LAYOUT_ENTRIES, TALLY_LAYOUT_CALLBACK};

static void *new_block(size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new(tally_self.heap, size, layout);
	if (!block) tap_bail_out("no memory");
	return block;
}

static uint64_t word_of(const void *block)
{
	return tally_arena_of(block)->word[tally_page_number(block)];
}

static void begin_generation(struct tally_candidates *set, int generation)
{
	variant_world_stop();
	CHECK_EQ(tally_candidates_of_generation(set, generation), 0);
}

static void end(struct tally_candidates *set)
{
	tally_candidates_release(set);
	variant_world_start();
}

// ---- what holds of every set ----

// The numbers of a page: from a multiple of 64 on, one for each block and at least one more, for each byte of it but the
// last.
static void check_page(const struct tally_candidates *set, const struct tally_page *page)
{
	uint32_t first = tally_candidate_first(page), end = first + (uint32_t)tally_candidate_words(page) * 64;
	CHECK(first >= 64 && first % 64 == 0 && end <= set->words * 64);
	CHECK(end - first > page->slots);
	for (unsigned i = 0; i < page->slots; i++) {
		struct tally_object *block = tally_block_at(page, i);
		if (!CHECK_EQ(tally_candidate_number(block), first + i)) return;
		if (!CHECK_PTR(tally_candidate_at(page, first + i), block)) return;
		char *last = (char *)block + page->block_size - 2;
		if (page->run == 1 && !CHECK_EQ(tally_candidate_number((struct tally_object *)(void *)last), first + i)) return;
	}
	char *beyond = page->base + TALLY_PAGE_SIZE - 1;
	CHECK(tally_candidate_number((struct tally_object *)(void *)beyond) < end);
	for (uint32_t word = first / 64; word < end / 64; word++)
		if (!CHECK(set->page[set->page_of[word]] == page)) return;
}

// Pages follow one another: no number is given twice and none is left out. Everything is at its start.
static void check_set(const struct tally_candidates *set)
{
	uint64_t next = 1;
	for (uint32_t i = 0; i < set->pages; i++) {
		if (!CHECK_EQ(tally_candidate_first(set->page[i]), next * 64)) return;
		next += tally_candidate_words(set->page[i]);
		check_page(set, set->page[i]);
	}
	CHECK_EQ(set->words, next);
	CHECK_EQ(set->head, set->tail);
	CHECK(!set->has_heavy);
	CHECK(set->marked[0] == UINT64_MAX && set->scanned[0] == UINT64_MAX && set->trash[0] == 0 && set->member[0] == 0);
	for (uint64_t word = 0; word < set->words; word++) CHECK_EQ(set->queued[word], 0); // I3, the queue being empty
}

static void check_fresh(const struct tally_candidates *set)
{
	uint64_t sum = 0;
	for (uint64_t word = 0; word < set->words; word++) {
		sum += set->member[word];
		for (unsigned i = 0; i < 64; i++) sum += set->residue[word * 64 + i];
	}
	CHECK_EQ(sum, 0);
	CHECK_EQ(set->held, 0);
}

static int add_words(struct tally_page *page, void *sum)
{
	const struct tally_arena *arena = tally_arena_of(page);
	for (unsigned i = 0; i < TALLY_ARENA_PAGES; i++) *(uint64_t *)sum |= arena->word[i];
	return 0;
}

// I2, of every arena that holds a page.
static bool all_words_are_0(void)
{
	uint64_t sum = 0;
	variant_world_stop();
	tally_pages_each(add_words, &sum);
	variant_world_start();
	return sum == 0;
}

// The arrays lie apart: a byte written through one is not read through another.
static void check_arrays_apart(const struct tally_candidates *set)
{
	const struct {
		const void *start;
		uint64_t size;
	} arrays[] = {{set->member, set->words * 8},  {set->marked, set->words * 8}, {set->scanned, set->words * 8},
	              {set->trash, set->words * 8},   {set->residue, set->words * 64}, {set->queue, set->words * 4},
	              {set->page_of, set->words * 4}, {set->queued, set->words},       {set->page, set->pages * sizeof *set->page}};
	for (unsigned i = 0; i < 9; i++)
		for (unsigned k = 0; k < i; k++) {
			uintptr_t a = (uintptr_t)arrays[i].start, b = (uintptr_t)arrays[k].start;
			CHECK(a + arrays[i].size <= b || b + arrays[k].size <= a);
		}
}

// ---- numbers ----

static void i1_numbers_of_every_class_and_layout_lead_to_the_block_and_back(void)
{
	static void *blocks[4 * TALLY_CLASSES];
	struct tally_candidates set;
	unsigned count = 0;
	for (unsigned class = FIRST_CLASS; class < TALLY_CLASSES; class++)
		for (unsigned i = 0; i < 4; i++) blocks[count++] = new_block(tally_class_size(class), TRACKED[i]);
	begin_generation(&set, 0);
	CHECK_EQ(set.pages, count);
	check_set(&set);
	check_fresh(&set);
	check_arrays_apart(&set);
	end(&set);
	CHECK(all_words_are_0());
	while (count) tally_heap_free(blocks[--count]);
}

static void i1_a_large_block_has_one_number_and_one_to_spare(void)
{
	static const size_t sizes[] = {TALLY_MEDIUM_MAX + 1, TALLY_PAGE_SIZE, TALLY_PAGE_SIZE + 1, 1000000, TALLY_ARENA_SIZE + 1};
	void *blocks[5], *small = new_block(24, TALLY_LAYOUT_POINTERS);
	struct tally_candidates set;
	for (unsigned i = 0; i < 5; i++) blocks[i] = new_block(sizes[i], TRACKED[i % 4]);
	begin_generation(&set, 0);
	CHECK_EQ(set.pages, 6);
	check_set(&set);
	for (unsigned i = 0; i < 5; i++) {
		CHECK_EQ(tally_candidate_words(tally_page_of(blocks[i])), 1);
		CHECK(tally_candidate_number(blocks[i]) > 0);
	}
	end(&set);
	CHECK(all_words_are_0());
	for (unsigned i = 0; i < 5; i++) tally_heap_free(blocks[i]);
	tally_heap_free(small);
}

// ---- who takes part ----

static void what_is_no_container_has_the_number_0(void)
{
	struct tally_candidates set;
	tally_object *list = must(tally_list_new()), *string = text("no container"), *number = counted(123456789);
	tally_object *plain = probe(fixture_probe_type(), 1);
	CHECK_EQ(tally_list_append(list, string), 0); // now it has a raw buffer
	void *raw = new_block(100, TALLY_LAYOUT_RAW), *large = new_block(100000, TALLY_LAYOUT_RAW);
	begin_generation(&set, 2);
	CHECK_EQ(set.pages, 1);
	CHECK(tally_candidate_number(list) >= 64);
	void *others[] = {string, number, plain, raw, large, tally_none(), tally_bool(true), tally_type_of(plain)};
	for (unsigned i = 0; i < 8; i++) {
		CHECK_EQ(word_of(others[i]), 0);
		CHECK_EQ(tally_candidate_number(others[i]), 0);
	}
	end(&set);
	tally_heap_free(raw);
	tally_heap_free(large);
	tally_decref(list);
	tally_decref(string);
	tally_decref(number);
	tally_decref(plain);
}

static bool takes_part(const struct tally_candidates *set, const void *block)
{
	bool is_there = false;
	for (uint32_t i = 0; i < set->pages; i++) is_there |= set->page[i] == tally_page_of(block);
	CHECK_EQ(is_there, word_of(block) != 0);
	return is_there;
}

static void check_generations(const void *block, const char *who_numbers_it)
{
	struct tally_candidates set;
	for (int generation = 0; generation < 3; generation++) {
		begin_generation(&set, generation);
		CHECK_EQ(takes_part(&set, block), who_numbers_it[generation] == 'y');
		check_set(&set);
		end(&set);
	}
}

// Sizes of their own, so that nothing young comes onto the page.
static void a_page_takes_part_until_what_is_on_it_is_too_old(void)
{
	tally_object *items[100];
	for (unsigned i = 0; i < 100; i++) items[i] = tally_none();
	tally_gc_disable();
	tally_object *small = must(tally_tuple_new(items, 50)), *large = must(tally_tuple_new(items, 100));
	tally_object *others[TALLY_PAGE_SIZE / 424];
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) others[i] = must(tally_tuple_new(items, 50));
	check_generations(small, "yyy");
	check_generations(large, "yyy");
	CHECK_EQ(tally_page_of(small)->state, TALLY_PAGE_FULL);
	CHECK_EQ(tally_gc_collect(0), 0);
	check_generations(small, "nyy"); // nothing can become young on it before it is current again
	check_generations(large, "yyy"); // a current page is listed for what may come
	CHECK_EQ(tally_gc_collect(1), 0);
	check_generations(small, "nny");
	check_generations(large, "yyy");
	CHECK_EQ(tally_gc_collect(2), 0);
	check_generations(small, "nny");
	tally_decref(small);
	tally_decref(large);
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) tally_decref(others[i]);
}

static void pages_without_a_block_in_use_take_no_part(void)
{
	struct tally_candidates set;
	void *block = new_block(48, TALLY_LAYOUT_ARRAY), *large = new_block(48000, TALLY_LAYOUT_ARRAY);
	struct tally_page *page = tally_page_of(block);
	tally_heap_free(block);
	tally_heap_free(large);
	CHECK_EQ(page->state, TALLY_PAGE_CURRENT);
	begin_generation(&set, 2);
	CHECK_EQ(set.pages, 0);
	check_set(&set);
	end(&set);
}

static void i2_every_word_is_0_between_collections(void)
{
	tally_gc_disable();
	for (unsigned i = 0; i < 5000; i++) {
		tally_object *list = must(tally_list_new()), *tuple = must(tally_tuple_new(&list, i % 300 ? 1 : 0));
		CHECK_EQ(tally_list_append(list, i % 3 ? tuple : tally_none()), 0);
		tally_decref(tuple);
		tally_decref(list);
		if (i % 1000) continue;
		CHECK(tally_gc_collect((int)(i / 1000) % 3) >= 0);
		CHECK(all_words_are_0());
	}
	CHECK(tally_gc_collect(2) > 0);
	CHECK(all_words_are_0());
}

// ---- sets of objects ----

static int by_address(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t) * (void *const *)a, right = (uintptr_t) * (void *const *)b;
	return left < right ? -1 : left > right;
}

static bool is_among(struct tally_object *const *objects, size_t count, const struct tally_object *object)
{
	for (size_t i = 0; i < count; i++)
		if (objects[i] == object) return true;
	return false;
}

static void a_set_of_objects_has_these_and_no_others_as_members(void)
{
	enum { BLOCKS = 3000 };
	static void *blocks[BLOCKS];
	static struct tally_object *chosen[BLOCKS];
	struct tally_candidates all, set;
	uint64_t state = fixture_seed(0);
	size_t count = 0;
	for (unsigned i = 0; i < BLOCKS; i++) {
		blocks[i] = new_block(24 + 8 * below(&state, i % 100 ? 5 : 2000), TRACKED[below(&state, 4)]);
		if (below(&state, 10) == 0) chosen[count++] = blocks[i];
	}
	qsort(chosen, count, sizeof *chosen, by_address);
	begin_generation(&all, 0);
	tally_candidates_release(&all);
	tally_candidates_of_objects(&set, chosen, count);
	check_set(&set);
	CHECK(set.pages > 0 && set.pages <= count && set.pages <= all.pages);
	CHECK_EQ(set.held, 1);
	for (unsigned i = 0; i < BLOCKS; i++) {
		struct tally_object *object = blocks[i];
		if (!CHECK_EQ(tally_candidate_has(set.member, tally_candidate_number(object)), is_among(chosen, count, object))) break;
	}
	size_t members = 0;
	for (uint64_t word = 0; word < set.words; word++) members += (size_t)__builtin_popcountll(set.member[word]);
	CHECK_EQ(members, count);
	end(&set);
	CHECK(all_words_are_0());
	for (unsigned i = 0; i < BLOCKS; i++) tally_heap_free(blocks[i]);
}

// ---- memory ----

static void without_memory_nothing_is_numbered(void)
{
	struct tally_candidates set;
	void *block = new_block(24, TALLY_LAYOUT_POINTERS);
	if (tally_heap_fail(1, false)) { // this build has no faults on demand
		tally_error_clear();
	} else {
		variant_world_stop();
		CHECK_EQ(tally_candidates_of_generation(&set, 2), -1);
		CHECK_EQ(set.pages, 0);
		CHECK_EQ(word_of(block), 0);
		tally_candidates_release(&set); // allowed
		variant_world_start();
		CHECK_EQ(tally_heap_fail(0, false), 0);
	}
	begin_generation(&set, 2);
	CHECK_EQ(set.pages, 1);
	end(&set);
	tally_heap_free(block);
}

// The memory that is kept serves smaller sets and is replaced for larger ones; each finds its arrays zeroed and apart.
static void sets_of_any_size_follow_one_another(void)
{
	enum { MOST = 3000 };
	static void *blocks[MOST];
	static const unsigned sizes[] = {1, 500, 2, MOST, 30, MOST, 1, 0, 1000};
	struct tally_candidates set;
	unsigned count = 0;
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		while (count < sizes[i]) blocks[count++] = new_block(TALLY_MEDIUM_MAX, TALLY_LAYOUT_POINTERS);
		while (count > sizes[i]) tally_heap_free(blocks[--count]);
		begin_generation(&set, 2);
		CHECK_EQ(set.pages, (sizes[i] + 7) / 8);
		check_set(&set);
		check_fresh(&set);
		check_arrays_apart(&set);
		memset(set.member, 0xFF, set.words * 8);
		memset(set.residue, 0xFF, set.words * 64);
		memset(set.queued, 0xFF, set.words);
		end(&set);
	}
	while (count) tally_heap_free(blocks[--count]);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(i1_numbers_of_every_class_and_layout_lead_to_the_block_and_back);
	TAP_RUN(i1_a_large_block_has_one_number_and_one_to_spare);
	TAP_RUN(what_is_no_container_has_the_number_0);
	TAP_RUN(a_page_takes_part_until_what_is_on_it_is_too_old);
	TAP_RUN(pages_without_a_block_in_use_take_no_part);
	TAP_RUN(i2_every_word_is_0_between_collections);
	TAP_RUN(a_set_of_objects_has_these_and_no_others_as_members);
	TAP_RUN(without_memory_nothing_is_numbered);
	TAP_RUN(sets_of_any_size_follow_one_another);
	return tap_end();
}
