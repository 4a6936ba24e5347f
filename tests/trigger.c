// tests/trigger.c: when core/young.c asks for a collection, from the inside: the bit in the thread's `pending`.
//
// Blocks are taken from the heap directly, of a tracked layout and with dead counts: no run point comes between, so the bit
// stays as it was set.
#include "fixture.h"
#include "heap.h"
#include "variant.h"

#include <tally/gc.h>

enum { SIZE = 40, SLOTS = TALLY_PAGE_SIZE / SIZE };

static struct tally_heap *heap(void) { return tally_self.heap; }

static void *block_of(size_t size)
{
	void *block = tally_heap_new(heap(), size, TALLY_LAYOUT_POINTERS);
	if (!block) tap_bail_out("no memory");
	return block;
}

static bool is_asked_for(void) { return tally_self.pending & TALLY_PENDING_COLLECT; }

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
	uint64_t before = tally_young_count();
	CHECK_EQ(tally_safepoint(), 0); // finds that it is not called for any more
	CHECK(!is_asked_for());
	CHECK_EQ(tally_young_count(), before);
	free_all(blocks, 101);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(the_bit_is_set_exactly_when_the_count_exceeds_the_threshold);
	TAP_RUN(what_comes_and_goes_asks_for_nothing);
	TAP_RUN(with_several_pages_the_bit_is_late_by_a_quarter_of_the_threshold_for_each_at_most);
	TAP_RUN(a_threshold_beyond_the_reach_of_a_page_is_noticed_with_its_last_block);
	TAP_RUN(zero_switches_the_bit_off_and_a_threshold_that_is_exceeded_already_sets_it);
	TAP_RUN(enabling_settles_and_disabling_forgets_the_threshold);
	return tap_end();
}
