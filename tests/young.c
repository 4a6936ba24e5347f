// tests/young.c: which pages are young, and how many objects, from the inside: I1 and I2 of core/young.h. tests/trigger.c has
// what the count leads to.
//
// Blocks are taken from the heap directly, of a tracked layout and with dead counts: nothing but the test changes the heap. The
// count is what pages have settled; a test that wants the whole truth settles first (settled).
#include "fixture.h"
#include "heap.h"
#include "variant.h"

#include <tally/gc.h>

enum { SIZE = 40, SLOTS = TALLY_PAGE_SIZE / SIZE };
static const enum tally_layout LAYOUT = TALLY_LAYOUT_POINTERS;

static struct tally_heap *heap(void) { return tally_self.heap; }

static void *new_block(size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new(heap(), size, layout);
	if (!block) tap_bail_out("no memory");
	return block;
}

static void *block_of(size_t size) { return new_block(size, LAYOUT); }

static bool is_listed(const void *block)
{
	const struct tally_page *page = tally_page_of(block);
	unsigned index = tally_page_index(page);
	return tally_load(&tally_arena_of(page)->has_young[index / 64], relaxed) >> index % 64 & 1;
}

static bool is_asked_for(void) { return tally_self.pending & TALLY_PENDING_COLLECT; }

static uint64_t settled(void)
{
	tally_young_rewatch(heap());
	return tally_young_count();
}

static void start_with(uint32_t threshold)
{
	CHECK_EQ(tally_gc_collect(2), 0);
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_COLLECT;
	tally_gc_set_threshold((const uint32_t[]){threshold, 10, 10}); // stays after a collection, too
	tally_young_rewatch(heap());
	CHECK_EQ(tally_young_count(), 0);
	CHECK(!is_asked_for());
}

static void free_all(void **blocks, unsigned count)
{
	while (count) tally_heap_free(blocks[--count]);
}

// ---- lists of pages ----

static void a_page_is_listed_from_its_first_block_to_the_next_collection(void)
{
	static void *blocks[SLOTS + 1];
	start_with(0);
	for (unsigned i = 0; i <= SLOTS; i++) {
		blocks[i] = block_of(SIZE);
		if (!CHECK(is_listed(blocks[i]))) break;
	}
	CHECK_EQ(tally_page_of(blocks[0])->state, TALLY_PAGE_FULL);
	CHECK_EQ(tally_page_of(blocks[SLOTS])->state, TALLY_PAGE_CURRENT);
	CHECK_EQ(tally_gc_collect(0), 0);
	CHECK(!is_listed(blocks[0]));
	CHECK(is_listed(blocks[SLOTS])); // what is made next may be in it
	for (unsigned i = 0; i < SLOTS / 4; i++) tally_heap_free(blocks[i]);
	CHECK_EQ(tally_page_of(blocks[0])->state, TALLY_PAGE_AVAILABLE);
	CHECK(!is_listed(blocks[0])); // nothing has been made in it
	void *others[SLOTS];
	unsigned count = 0;
	do others[count] = block_of(SIZE);
	while (tally_page_of(others[count++]) != tally_page_of(blocks[0]));
	CHECK(is_listed(blocks[0]));
	free_all(others, count);
	free_all(blocks + SLOTS / 4, SLOTS + 1 - SLOTS / 4);
}

static void pages_of_layouts_that_are_not_tracked_are_not_listed_and_not_counted(void)
{
	static void *blocks[2 * SLOTS];
	start_with(1);
	for (unsigned i = 0; i < 2 * SLOTS; i++) {
		blocks[i] = new_block(SIZE, i % 2 ? TALLY_LAYOUT_RAW : TALLY_LAYOUT_LEAF);
		if (!CHECK(!is_listed(blocks[i]))) break;
	}
	void *large[] = {new_block(100000, TALLY_LAYOUT_RAW), new_block(100000, TALLY_LAYOUT_LEAF)};
	CHECK(!is_listed(large[0]) && !is_listed(large[1]));
	CHECK_EQ(settled(), 0);
	CHECK(!is_asked_for());
	free_all(large, 2);
	free_all(blocks, 2 * SLOTS);
	CHECK_EQ(settled(), 0);
}

static void a_large_block_is_listed_and_counts_as_one(void)
{
	static const size_t sizes[] = {TALLY_MEDIUM_MAX + 1, TALLY_PAGE_SIZE + 1, TALLY_ARENA_SIZE};
	void *blocks[3];
	start_with(0);
	for (unsigned i = 0; i < 3; i++) {
		blocks[i] = block_of(sizes[i]);
		CHECK(is_listed(blocks[i]));
		CHECK_EQ(tally_young_count(), i + 1);
	}
	CHECK_EQ(tally_gc_collect(0), 0);
	for (unsigned i = 0; i < 3; i++) CHECK(!is_listed(blocks[i]));
	CHECK_EQ(tally_young_count(), 0);
	void *young = block_of(TALLY_PAGE_SIZE);
	CHECK_EQ(tally_young_count(), 1);
	tally_heap_free(young);
	CHECK_EQ(tally_young_count(), 0);
	free_all(blocks, 3); // they are of age: they do not count
	CHECK_EQ(tally_young_count(), 0);
}

static void the_page_of_an_object_that_comes_back_to_life_is_listed_again(void)
{
	void *large = block_of(TALLY_PAGE_SIZE), *leaf = new_block(TALLY_PAGE_SIZE, TALLY_LAYOUT_LEAF);
	CHECK_EQ(tally_gc_collect(0), 0);
	uint64_t before = tally_young_count();
	CHECK(!is_listed(large) && !is_listed(leaf));
	tally_young_return(large);
	tally_young_return(leaf);
	CHECK(is_listed(large) && !is_listed(leaf));
	CHECK_EQ(tally_young_count(), before);
	tally_heap_free(large);
	tally_heap_free(leaf);
}

static void a_page_that_goes_back_to_its_arena_is_listed_no_more(void)
{
	void *block = block_of(SIZE), *large = block_of(TALLY_PAGE_SIZE);
	struct tally_page *page = tally_page_of(block), *run = tally_page_of(large);
	CHECK(is_listed(block) && is_listed(large));
	tally_heap_free(block);
	tally_heap_free(large);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(page->state, TALLY_PAGE_UNUSED);
	CHECK_EQ(run->state, TALLY_PAGE_UNUSED);
	void *held = new_block(SIZE, TALLY_LAYOUT_RAW); // the arena may have gone with its last page
	if (tally_arena_of(held) == tally_arena_of(page)) CHECK_EQ(tally_arena_of(page)->has_young[tally_page_index(page) / 64], 0);
	tally_heap_free(held);
}

// Blocks of all sizes and of every tracked layout come and go, with a collection now and then.
static void i1_every_block_made_since_the_last_collection_lies_in_a_listed_page(void)
{
	enum { BLOCKS = 4000 };
	static void *blocks[BLOCKS];
	static bool is_young[BLOCKS];
	uint64_t state = fixture_seed(0);
	start_with(0);
	for (int step = tap_scale(60000); step > 0; step--) {
		unsigned place = below(&state, BLOCKS);
		if (blocks[place]) tally_heap_free(blocks[place]);
		blocks[place] = below(&state, 3) ? new_block(24 + below(&state, below(&state, 50) ? 60 : 20000),
		                                             TALLY_LAYOUT_POINTERS + below(&state, 4))
		                                 : NULL;
		is_young[place] = true;
		if (below(&state, 5000) == 0) {
			CHECK_EQ(tally_gc_collect((int)below(&state, 3)), 0);
			memset(is_young, 0, sizeof is_young);
		}
		if (below(&state, 5000) == 0) CHECK_EQ(tally_heap_trim(NULL), 0);
		for (unsigned i = 0; step % 500 == 0 && i < BLOCKS; i++)
			if (blocks[i] && is_young[i] && !CHECK(is_listed(blocks[i]))) break;
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i]) tally_heap_free(blocks[i]);
	memset(blocks, 0, sizeof blocks);
}

// ---- the count ----

static int add_counted(struct tally_page *page, void *sum)
{
	if (tally_layout_is_tracked(page->layout)) *(int64_t *)sum += page->counted;
	return 0;
}

// Since the runtime started, with no collection since: what pages have told.
static int64_t told(void)
{
	int64_t sum = 0;
	variant_world_stop();
	tally_pages_each(add_counted, &sum);
	variant_world_start();
	return sum;
}

static void i2_the_count_is_what_pages_have_settled(void)
{
	enum { BLOCKS = 6000 };
	static void *blocks[BLOCKS];
	uint64_t state = fixture_seed(1);
	int64_t made = 0;
	tally_gc_disable();
	CHECK_EQ(settled(), 0);
	for (int step = tap_scale(50000); step > 0; step--) {
		unsigned place = below(&state, BLOCKS);
		if (blocks[place]) tally_heap_free(blocks[place]), blocks[place] = NULL, made--;
		else blocks[place] = block_of(below(&state, 50) ? 40 : 24 + below(&state, 20000)), made++;
		if (step % 100) continue;
		if (!CHECK_EQ(tally_young_count(), told())) break;
		uint64_t count = settled();
		if (!CHECK_EQ(count, told())) break;
		CHECK((int64_t)count >= made); // drops in full pages are told later, of current ones at once
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i]) tally_heap_free(blocks[i]);
	memset(blocks, 0, sizeof blocks);
	CHECK_EQ(settled(), 0); // empty pages have told everything
}

static void frees_in_a_full_page_are_told_when_an_eighth_of_it_is_free_and_from_then_on_when_it_is_empty(void)
{
	static void *blocks[SLOTS + 1];
	start_with(0);
	while (heap()->current[LAYOUT][tally_class_of(SIZE)] != &tally_no_page) CHECK_EQ(tally_heap_trim(NULL), 0);
	for (unsigned i = 0; i <= SLOTS; i++) blocks[i] = block_of(SIZE);
	CHECK_EQ(settled(), SLOTS + 1);
	unsigned eighth = (SLOTS + 7) / 8, freed = 0;
	while (freed < eighth - 1) tally_heap_free(blocks[freed++]);
	CHECK_EQ(settled(), SLOTS + 1);
	tally_heap_free(blocks[freed++]);
	CHECK_EQ(settled(), SLOTS + 1 - eighth);
	while (freed < SLOTS - 1) tally_heap_free(blocks[freed++]);
	CHECK_EQ(settled(), SLOTS + 1 - eighth);
	tally_heap_free(blocks[freed++]);
	CHECK_EQ(settled(), 1);
	tally_heap_free(blocks[SLOTS]);
	CHECK_EQ(settled(), 0);
}

// As many are dropped as are made, some of them while their page waits to be current again.
static void a_heap_that_does_not_grow_does_not_move_the_count(void)
{
	enum { LIVING = 8 * SLOTS, AT_ONCE = 3 * SLOTS };
	static void *blocks[LIVING];
	uint64_t state = fixture_seed(3);
	start_with(0);
	for (unsigned i = 0; i < LIVING; i++) blocks[i] = block_of(SIZE);
	for (int round = tap_scale(50); round > 0; round--) {
		unsigned first = below(&state, LIVING - AT_ONCE + 1);
		free_all(blocks + first, AT_ONCE);
		for (unsigned i = first; i < first + AT_ONCE; i++) blocks[i] = block_of(SIZE);
		uint64_t count = settled();
		if (!CHECK(count >= LIVING && count < LIVING + 2 * SLOTS)) break; // an eighth of each full page may be untold
	}
	free_all(blocks, LIVING);
	CHECK_EQ(settled(), 0);
}

static void the_count_starts_anew_with_each_collection_and_never_falls_below_zero(void)
{
	static void *blocks[3 * SLOTS];
	start_with(0);
	for (unsigned i = 0; i < 3 * SLOTS; i++) blocks[i] = block_of(SIZE);
	CHECK_EQ(settled(), 3 * SLOTS);
	CHECK_EQ(tally_gc_collect(0), 0);
	CHECK_EQ(settled(), 0);
	for (unsigned i = 0; i < 3 * SLOTS; i++) {
		tally_heap_free(blocks[i]);
		if (!CHECK_EQ(settled(), 0)) break;
	}
	blocks[0] = block_of(SIZE);
	CHECK_EQ(settled(), 1);
	tally_heap_free(blocks[0]);
	CHECK_EQ(settled(), 0);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_page_is_listed_from_its_first_block_to_the_next_collection);
	TAP_RUN(pages_of_layouts_that_are_not_tracked_are_not_listed_and_not_counted);
	TAP_RUN(a_large_block_is_listed_and_counts_as_one);
	TAP_RUN(the_page_of_an_object_that_comes_back_to_life_is_listed_again);
	TAP_RUN(a_page_that_goes_back_to_its_arena_is_listed_no_more);
	TAP_RUN(i1_every_block_made_since_the_last_collection_lies_in_a_listed_page);
	TAP_RUN(i2_the_count_is_what_pages_have_settled);
	TAP_RUN(frees_in_a_full_page_are_told_when_an_eighth_of_it_is_free_and_from_then_on_when_it_is_empty);
	TAP_RUN(a_heap_that_does_not_grow_does_not_move_the_count);
	TAP_RUN(the_count_starts_anew_with_each_collection_and_never_falls_below_zero);
	return tap_end();
}
