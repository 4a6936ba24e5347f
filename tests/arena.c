// tests/arena.c: arenas from the inside: the invariants of core/arena.c, with runs of pages taken and given directly.
#include "arena.h"
#include "fixture.h"
#include "heap.h"
#include "page.h"
#include "poison.h"

static struct tally_arena *arenas[64]; // of every page that a test has seen
static unsigned arena_count;

static void see(const struct tally_page *page)
{
	struct tally_arena *arena = tally_arena_of(page);
	for (unsigned i = 0; i < arena_count; i++)
		if (arenas[i] == arena) return;
	if (arena_count < 64) arenas[arena_count++] = arena;
}

static uint64_t page_bytes(void)
{
	uint64_t bytes, arena_bytes, number;
	tally_pages_stats(&bytes, &arena_bytes, &number);
	return bytes;
}

static int add_run(struct tally_page *page, void *sum)
{
	*(uint64_t *)sum += (uint64_t)page->run * TALLY_PAGE_SIZE;
	see(page);
	return 0;
}

static void check_sum(uint64_t limit)
{
	uint64_t sum = 0;
	CHECK_EQ(tally_pages_each(add_run, &sum), 0);
	CHECK_EQ(page_bytes(), sum);
	CHECK(!limit || sum <= limit);
}

static size_t some_size(uint64_t *state)
{
	switch (below(state, 16)) {
	case 0: return TALLY_ARENA_SIZE + below(state, 1000) * 1000; // an arena of its own
	case 1: return 1 + below(state, 20000000);
	case 2:
	case 3: return 1 + below(state, 1000000);
	default: return 1 + below(state, 3 * TALLY_PAGE_SIZE);
	}
}

enum { RUNS = 40 };

static void page_bytes_are_the_runs_in_use_and_within_the_limit(void)
{
	static struct tally_page *runs[RUNS];
	uint64_t state = fixture_seed(0), limit = UINT64_C(100000000);
	unsigned refused = 0;
	CHECK_EQ(tally_heap_limit_set(limit), 0);
	for (int i = tap_scale(4000); i > 0; i--) {
		struct tally_page **run = &runs[below(&state, RUNS)];
		uint64_t before = page_bytes();
		size_t size = some_size(&state), rounded = (size + TALLY_PAGE_SIZE - 1) & ~(size_t)(TALLY_PAGE_SIZE - 1);
		if (*run) {
			uint64_t bytes = (uint64_t)(*run)->run * TALLY_PAGE_SIZE;
			tally_pages_give(*run);
			*run = NULL;
			CHECK_EQ(page_bytes(), before - bytes);
		} else if ((*run = tally_pages_take(size))) {
			CHECK_EQ(page_bytes(), before + rounded);
		} else {
			CHECK(before + rounded > limit); // refused for that reason only
			CHECK_EQ(page_bytes(), before);
			refused++;
		}
		check_sum(limit);
	}
	CHECK(!tally_pages_take(limit + 1)); // whatever the numbers drawn
	tap_note("%u of the runs drawn were refused", refused);
	CHECK_EQ(tally_heap_limit_set(1), 0); // below what is in use: nothing goes, nothing comes
	uint64_t before = page_bytes();
	CHECK(!tally_pages_take(1));
	CHECK_EQ(page_bytes(), before);
	CHECK_EQ(tally_heap_limit_set(0), 0);
	for (int i = 0; i < RUNS; i++) {
		if (runs[i]) tally_pages_give(runs[i]);
		runs[i] = NULL;
	}
	check_sum(0);
}

// ---- runs ----

static void runs_do_not_overlap_and_are_found_from_their_first_address(void)
{
	static struct tally_page *runs[200];
	uint64_t state = fixture_seed(0);
	for (int i = 0; i < 200; i++) {
		runs[i] = tally_pages_take(1 + below(&state, 10 * TALLY_PAGE_SIZE));
		if (!CHECK(runs[i])) return;
		CHECK_PTR(tally_page_of(runs[i]->base), runs[i]);
		CHECK_EQ((uintptr_t)runs[i]->base % TALLY_PAGE_SIZE, 0);
		memset(runs[i]->base, i, (size_t)runs[i]->run * TALLY_PAGE_SIZE);
	}
	for (int i = 0; i < 200; i++) {
		const unsigned char *base = (unsigned char *)runs[i]->base;
		size_t size = (size_t)runs[i]->run * TALLY_PAGE_SIZE;
		CHECK(base[0] == i && memcmp(base, base + 1, size - 1) == 0);
	}
	for (int i = 0; i < 200; i++) tally_pages_give(runs[i]);
}

static int check_outside_of_the_head(struct tally_page *page, void *pages)
{
	const char *arena = (char *)tally_arena_of(page);
	CHECK(page->base >= arena + sizeof(struct tally_arena));
	CHECK(page->base + (size_t)page->run * TALLY_PAGE_SIZE <= arena + tally_arena_of(page)->size);
	++*(unsigned *)pages;
	return 0;
}

static void no_page_lies_in_the_head_of_its_arena(void)
{
	static struct tally_page *pages[2 * TALLY_ARENA_PAGES];
	unsigned seen = 0;
	for (unsigned i = 0; i < 2 * TALLY_ARENA_PAGES; i++)
		if (!CHECK(pages[i] = tally_pages_take(1))) return; // more than one arena has
	CHECK_EQ(tally_pages_each(check_outside_of_the_head, &seen), 0);
	CHECK(seen >= 2 * TALLY_ARENA_PAGES);
	for (unsigned i = 0; i < 2 * TALLY_ARENA_PAGES; i++) tally_pages_give(pages[i]);
	struct tally_page *own = tally_pages_take(TALLY_ARENA_SIZE);
	if (CHECK(own)) {
		CHECK_EQ(check_outside_of_the_head(own, &seen), 0);
		tally_pages_give(own);
	}
}

static bool is_zero(const struct tally_page *page)
{
	const unsigned char *base = (unsigned char *)page->base;
	tally_show(page->base, (size_t)page->run * TALLY_PAGE_SIZE);
	return base[0] == 0 && memcmp(base, base + 1, (size_t)page->run * TALLY_PAGE_SIZE - 1) == 0;
}

// `is_used` tells the heap which pages it must clear: all the others must be zero, before and after a trim.
static void pages_that_nobody_has_used_are_zero(void)
{
	static struct tally_page *pages[300];
	uint64_t state = fixture_seed(0);
	unsigned fresh = 0;
	for (int i = tap_scale(3000); i > 0; i--) {
		struct tally_page **page = &pages[below(&state, 300)];
		if (*page) {
			tally_pages_give(*page);
			*page = NULL;
		} else {
			*page = tally_pages_take(1 + below(&state, 3 * TALLY_PAGE_SIZE));
			if (!CHECK(*page)) break;
			if (!(*page)->is_used && (*page)->run == 1) {
				if (!CHECK(is_zero(*page))) break;
				fresh++;
			}
			memset((*page)->base, 0xEE, (size_t)(*page)->run * TALLY_PAGE_SIZE);
		}
		if (i % 300 == 0) CHECK_EQ(tally_heap_trim(NULL), 0);
	}
	CHECK(fresh > 0);
	for (int i = 0; i < 300; i++) {
		if (pages[i]) tally_pages_give(pages[i]);
		pages[i] = NULL;
	}
}

// ---- what a page leaves behind ----

static void check_unused(struct tally_arena *arena)
{
	for (unsigned i = 0; i < TALLY_ARENA_PAGES; i++) {
		if (arena->taken[i / 64] >> i % 64 & 1) continue;
		bool clear = tally_load(&arena->page[i].summary, relaxed) == 0;
		for (unsigned word = 0; word < TALLY_BIT_WORDS; word++)
			clear = clear && tally_load(&arena->queued[i][word], relaxed) == 0;
		if (!CHECK(clear)) return;
	}
}

static void check_all_unused(void)
{
	uint64_t sum = 0;
	arena_count = 0;
	CHECK_EQ(tally_pages_each(add_run, &sum), 0);
	for (unsigned i = 0; i < arena_count; i++) check_unused(arenas[i]);
}

enum { BOXES = 4096 };
static _Atomic(tally_object *) boxes[BOXES];

// Everybody makes objects for others to drop, small ones and large ones, and now and then gives pages back.
static void exchange(void *unused, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	(void)unused;
	for (int i = tap_scale(60000); i > 0; i--) {
		size_t size = below(&state, 200) ? below(&state, 300) : below(&state, 30000);
		static const char bytes[30000];
		tally_object *made = must(below(&state, 2) ? tally_str_new(bytes, size) : tally_int_new(COUNTED + i));
		tally_decref(atomic_exchange(&boxes[below(&state, BOXES)], made));
		if (below(&state, 5000) == 0) CHECK_EQ(tally_heap_trim(NULL), 0);
	}
}

static void unused_pages_have_no_bit_and_no_summary(void)
{
	tally_object *keeper = counted(1); // so that its arena stays
	for (int round = 0; round < 3; round++) {
		run_threads(4, exchange, NULL);
		for (int i = 0; i < BOXES; i++)
			if (round % 2 || i % 3) tally_decref(atomic_exchange(&boxes[i], NULL));
		CHECK_EQ(tally_safepoint(), 0);
		CHECK_EQ(tally_heap_trim(NULL), 0);
		check_all_unused();
	}
	for (int i = 0; i < BOXES; i++) tally_decref(atomic_exchange(&boxes[i], NULL));
	CHECK_EQ(tally_heap_trim(NULL), 0);
	check_all_unused();
	tally_decref(keeper);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(page_bytes_are_the_runs_in_use_and_within_the_limit);
	TAP_RUN(runs_do_not_overlap_and_are_found_from_their_first_address);
	TAP_RUN(no_page_lies_in_the_head_of_its_arena);
	TAP_RUN(pages_that_nobody_has_used_are_zero);
	TAP_RUN(unused_pages_have_no_bit_and_no_summary);
	return tap_end();
}
