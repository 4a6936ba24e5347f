// tests/young.c: young pages and the trigger from the inside: I1 and I2 of core/young.h.
//
// Blocks are taken from the heap directly, of a tracked layout and with dead counts: no run point comes between, so the bit
// that asks for a collection stays as it was set. The count is what pages have settled; a test that wants the whole truth
// settles first (settled).
#include "fixture.h"
#include "heap.h"
#include "turns.h"
#include "variant.h"

#include <tally/gc.h>

enum { FIRST_CLASS = 3, MOST_BLOCKS = TALLY_PAGE_SIZE / 24, SIZE = 40, SLOTS = TALLY_PAGE_SIZE / SIZE };
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
	tally_young_set_threshold(threshold);
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

static void every_tracked_layout_is_listed_and_counted(void)
{
	void *blocks[TALLY_LAYOUTS];
	unsigned count = 0;
	start_with(0);
	for (unsigned layout = TALLY_LAYOUT_POINTERS; layout < TALLY_LAYOUTS; layout++) {
		blocks[count++] = new_block(SIZE, layout);
		CHECK(is_listed(blocks[count - 1]));
		CHECK_EQ(settled(), count);
	}
	CHECK_EQ(count, 4);
	free_all(blocks, count);
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
		else blocks[place] = block_of(24 + below(&state, below(&state, 50) ? 60 : 20000)), made++;
		if (step % 100) continue;
		if (!CHECK_EQ(tally_young_count(), told())) break;
		uint64_t count = settled();
		if (!CHECK_EQ(count, told())) break;
		CHECK((int64_t)count >= made); // drops in full pages are told later
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i]) tally_heap_free(blocks[i]);
	memset(blocks, 0, sizeof blocks);
	CHECK_EQ(settled(), 0); // empty pages have told everything
}

static void made_less_dropped_is_exact_in_the_current_page(void)
{
	static void *blocks[SLOTS];
	unsigned count = 0;
	uint64_t state = fixture_seed(2);
	start_with(0);
	for (int step = 0; step < 3000; step++) {
		if (count == 0 || (count < SLOTS && below(&state, 2))) blocks[count++] = block_of(SIZE);
		else tally_heap_free(blocks[--count]);
		if (!CHECK_EQ(settled(), count)) break;
	}
	free_all(blocks, count);
	CHECK_EQ(settled(), 0);
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

// ---- the trigger ----

// Makes blocks of one size until the bit is set; returns how many.
static unsigned make_until_asked(void **blocks, unsigned most, size_t size)
{
	unsigned count = 0;
	while (count < most && !is_asked_for()) blocks[count++] = block_of(size);
	return count;
}

static void the_bit_is_set_exactly_when_the_count_exceeds_the_threshold(void)
{
	static const uint32_t thresholds[] = {1, 2, 3, 4, 5, 7, 10, 100, 700, SLOTS - 1, SLOTS, SLOTS + 1, 3 * SLOTS, 10000};
	static void *blocks[12000];
	for (unsigned i = 0; i < sizeof thresholds / sizeof *thresholds; i++) {
		start_with(thresholds[i]);
		unsigned made = make_until_asked(blocks, 12000, SIZE);
		CHECK_EQ(made, thresholds[i] + 1);
		CHECK(tally_young_is_due());
		free_all(blocks, made);
	}
}

// Drops in the current page count at once, so the bit waits for them.
static void what_comes_and_goes_asks_for_nothing(void)
{
	static const uint32_t thresholds[] = {1, 2, 10, 700};
	void *held[700];
	for (unsigned i = 0; i < 4; i++) {
		uint32_t threshold = thresholds[i];
		start_with(threshold);
		for (unsigned each = 0; each < threshold - 1; each++) held[each] = block_of(SIZE);
		for (int round = 0; round < 10000; round++) tally_heap_free(block_of(SIZE));
		CHECK(!is_asked_for());
		void *more[] = {block_of(SIZE), block_of(SIZE)};
		CHECK(is_asked_for());
		free_all(more, 2);
		free_all(held, threshold - 1);
	}
}

// A page tells after a quarter of the threshold at the latest, before it hands out one more: so much may others hold back.
static void with_several_pages_the_bit_is_late_by_a_quarter_of_the_threshold_for_each_at_most(void)
{
	static const uint32_t thresholds[] = {1, 10, 700, 5000};
	enum { MOST = 6 };
	static void *blocks[5000 * 3];
	for (unsigned i = 0; i < 4; i++)
		for (unsigned pages = 1; pages <= MOST; pages++) {
			uint32_t threshold = thresholds[i], count = 0;
			start_with(threshold);
			while (count < 5000 * 3 && !is_asked_for()) blocks[count] = block_of(24 + 8 * (count % pages)), count++;
			CHECK(count > threshold);
			CHECK(count <= threshold + 1 + (pages - 1) * (threshold / 4 + 1));
			free_all(blocks, count);
		}
}

static void a_threshold_beyond_the_reach_of_a_page_is_noticed_with_its_last_block(void)
{
	enum { THRESHOLD = 200000 };
	static void *blocks[THRESHOLD + 2 * SLOTS];
	start_with(THRESHOLD);
	unsigned made = make_until_asked(blocks, THRESHOLD + 2 * SLOTS, SIZE);
	CHECK(made > THRESHOLD && made <= THRESHOLD + SLOTS + 1);
	free_all(blocks, made);
}

static void zero_switches_the_bit_off_and_a_threshold_that_is_exceeded_already_sets_it(void)
{
	static void *blocks[2000];
	start_with(0);
	for (unsigned i = 0; i < 2000; i++) blocks[i] = block_of(SIZE);
	CHECK(!is_asked_for() && !tally_young_is_due());
	tally_young_set_threshold(2001);
	tally_young_rewatch(heap());
	CHECK(!is_asked_for() && !tally_young_is_due());
	tally_young_set_threshold(1999);
	tally_young_rewatch(heap());
	CHECK(is_asked_for() && tally_young_is_due());
	tally_young_set_threshold(0);
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_COLLECT;
	free_all(blocks, 2000);
	for (unsigned i = 0; i < 2000; i++) blocks[i] = block_of(SIZE); // the pages watch as before, and ask for nothing
	CHECK(!is_asked_for() && !tally_young_is_due());
	free_all(blocks, 2000);
}

static void enabling_settles_and_disabling_forgets_the_threshold(void)
{
	static void *blocks[101];
	const uint32_t thresholds[] = {100, 10, 10};
	start_with(0);
	tally_gc_disable();
	tally_gc_set_threshold(thresholds);
	for (unsigned i = 0; i < 101; i++) blocks[i] = block_of(SIZE);
	CHECK(!is_asked_for());
	tally_gc_enable();
	CHECK(is_asked_for());
	tally_gc_disable();
	CHECK(!tally_young_is_due());
	uint64_t attempts = tally_young_count();
	CHECK_EQ(tally_safepoint(), 0); // finds that it is not called for any more
	CHECK(!is_asked_for());
	CHECK_EQ(tally_young_count(), attempts);
	free_all(blocks, 101);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_page_is_listed_from_its_first_block_to_the_next_collection);
	TAP_RUN(pages_of_layouts_that_are_not_tracked_are_not_listed_and_not_counted);
	TAP_RUN(every_tracked_layout_is_listed_and_counted);
	TAP_RUN(a_large_block_is_listed_and_counts_as_one);
	TAP_RUN(a_page_that_goes_back_to_its_arena_is_listed_no_more);
	TAP_RUN(i1_every_block_made_since_the_last_collection_lies_in_a_listed_page);
	TAP_RUN(i2_the_count_is_what_pages_have_settled);
	TAP_RUN(made_less_dropped_is_exact_in_the_current_page);
	TAP_RUN(frees_in_a_full_page_are_told_when_an_eighth_of_it_is_free_and_from_then_on_when_it_is_empty);
	TAP_RUN(the_count_starts_anew_with_each_collection_and_never_falls_below_zero);
	TAP_RUN(the_bit_is_set_exactly_when_the_count_exceeds_the_threshold);
	TAP_RUN(what_comes_and_goes_asks_for_nothing);
	TAP_RUN(with_several_pages_the_bit_is_late_by_a_quarter_of_the_threshold_for_each_at_most);
	TAP_RUN(a_threshold_beyond_the_reach_of_a_page_is_noticed_with_its_last_block);
	TAP_RUN(zero_switches_the_bit_off_and_a_threshold_that_is_exceeded_already_sets_it);
	TAP_RUN(enabling_settles_and_disabling_forgets_the_threshold);
	return tap_end();
}
