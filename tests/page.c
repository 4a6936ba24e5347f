// tests/page.c: pages and heaps from the inside: the arithmetic of blocks, the states of a page, and the invariants that
// core/page.h, core/heap.h and core/heap.c number.
//
// Blocks are taken and freed directly, mostly raw ones, which need no header: no public call comes between, so nothing
// but the test changes the heap of this thread.
#include "fixture.h"
#include "heap.h"
#include "turns.h"
#include "variant.h"

enum { FIRST_CLASS = TALLY_BLOCK_MIN / 8, FIRST_OBJECT_CLASS = 3, MOST_BLOCKS = TALLY_PAGE_SIZE / TALLY_BLOCK_MIN };

static struct tally_heap *heap(void) { return tally_self.heap; }

static void *new_block(size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new(heap(), size, layout);
	if (!block) tap_bail_out("no memory");
	return block;
}

static struct tally_page *current(enum tally_layout layout, unsigned class) { return heap()->current[layout][class]; }

// ---- what holds of every heap at every time ----

static unsigned list_length(const struct tally_object *list, const struct tally_page *page, unsigned char *seen)
{
	unsigned length = 0;
	for (; list; list = list->next, length++) {
		unsigned index = tally_block_index(page, list);
		if (!CHECK(index < page->slots) || !CHECK(!seen[index]++)) break;
		if (!CHECK((const char *)list < page->bump)) break;
	}
	return length;
}

// I1 of core/heap.h and I2 of core/page.h, as far as lists show: what is neither free nor beyond `bump` is in use.
static void check_page(const struct tally_page *page)
{
	unsigned char seen[MOST_BLOCKS] = {0};
	unsigned handed_out = (unsigned)((size_t)(page->bump - page->base) / page->block_size);
	CHECK_EQ(page->owner, heap()->tag);
	CHECK_PTR(page->base + page->slots * page->block_size, page->end);
	CHECK(page->bump <= page->end);
	CHECK_EQ(list_length(page->free, page, seen) + (unsigned)page->used, handed_out);
	CHECK(page->used >= (int)(tally_load(&page->remote, relaxed) >> 16));
	if (page->spare > TALLY_SPARE_SHUT) { // I5: counted as used, so on no list
		CHECK(page->state == TALLY_PAGE_CURRENT && !page->has_aged);
		CHECK(!seen[tally_block_index(page, page->spare)] && (char *)page->spare < page->bump);
	}
}

// I1 and I2 of core/heap.c.
static void check_heap(void)
{
	unsigned empties = 0;
	for (unsigned layout = 0; layout < TALLY_LAYOUTS; layout++)
		for (unsigned class = FIRST_CLASS; class < TALLY_CLASSES; class++) {
			struct tally_page *page = current(layout, class), *previous = NULL;
			if (page != &tally_no_page) {
				CHECK_EQ(page->state, TALLY_PAGE_CURRENT);
				CHECK_EQ(page->wake, -1);
				CHECK(page->layout == layout && page->class == class);
				check_page(page);
			}
			for (page = heap()->available[layout][class]; page; previous = page, page = page->next) {
				CHECK_EQ(page->state, TALLY_PAGE_AVAILABLE); // so it is on no other list, and not current
				CHECK_EQ(page->wake, 0);
				CHECK(page->layout == layout && page->class == class);
				CHECK_PTR(page->previous, previous);
				CHECK(page->used > 0 && page->free);
				check_page(page);
			}
		}
	for (struct tally_page *page = heap()->empty, *previous = NULL; page; previous = page, page = page->next, empties++) {
		CHECK_EQ(page->state, TALLY_PAGE_EMPTY);
		CHECK_EQ(page->used, 0);
		CHECK_PTR(page->previous, previous);
		CHECK_EQ(page->owner, heap()->tag);
	}
	CHECK_EQ(empties, heap()->empties);
	CHECK_EQ(tally_no_page.used, 0);
	CHECK(!tally_no_page.free && !tally_no_page.bump);
}

// ---- a page filled and emptied ----

// A page of blocks of one class, all of them taken, and one block of the page after it, so that the first is retired.
struct filled {
	struct tally_page *page;
	void *blocks[MOST_BLOCKS], *after;
	unsigned count;
};

static void fill(struct filled *filled, enum tally_layout layout, unsigned class)
{
	size_t size = tally_class_size(class);
	void *first = new_block(size, layout);
	filled->page = tally_page_of(first);
	filled->count = 0;
	void *block = first;
	for (; tally_page_of(block) == filled->page; block = new_block(size, layout)) filled->blocks[filled->count++] = block;
	filled->after = block;
}

// The class's current page may hold room for a block or none: starts at a page that holds nothing else.
static void start_fresh(void)
{
	CHECK_EQ(tally_heap_trim(NULL), 0);
	check_heap();
}

// ---- arithmetic ----

static void check_arithmetic(enum tally_layout layout, unsigned class)
{
	size_t size = tally_class_size(class);
	void *block = new_block(size, layout);
	struct tally_page *page = tally_page_of(block);
	CHECK_EQ(page->block_size, size);
	CHECK_EQ(page->slots, TALLY_PAGE_SIZE / size);
	CHECK_EQ((uintptr_t)page->base % TALLY_PAGE_SIZE, 0);
	CHECK_PTR(page, current(layout, class));
	for (unsigned i = 0; i < page->slots; i++) {
		char *address = tally_block_at(page, i);
		bool same = tally_block_index(page, address) == i && tally_block_index(page, address + size - 1) == i;
		same = same && tally_page_of(address) == page && tally_page_of(address + size - 1) == page;
		same = same && tally_arena_of(address) == tally_arena_of(page);
		if (!CHECK(same)) return;
	}
	if (layout != TALLY_LAYOUT_RAW) CHECK(page->slots <= TALLY_BIT_WORDS * 64);
	tally_heap_free(block);
}

static void an_address_and_its_index_lead_to_one_another_in_pages_of_every_class(void)
{
	for (unsigned class = FIRST_CLASS; class < TALLY_CLASSES; class++) {
		check_arithmetic(TALLY_LAYOUT_RAW, class);
		if (class >= FIRST_OBJECT_CLASS) check_arithmetic(TALLY_LAYOUT_CALLBACK, class);
	}
	check_heap();
}

static void a_large_block_is_found_by_its_first_address(void)
{
	static const size_t sizes[] = {TALLY_MEDIUM_MAX + 1, TALLY_PAGE_SIZE, TALLY_PAGE_SIZE + 1, 5000000, TALLY_ARENA_SIZE};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char *block = new_block(sizes[i], TALLY_LAYOUT_LEAF);
		struct tally_page *page = tally_page_of(block);
		CHECK_PTR(page->base, block);
		CHECK_EQ(tally_block_index(page, block), 0);
		CHECK_EQ(page->state, TALLY_PAGE_LARGE);
		CHECK_EQ(page->run, (sizes[i] + TALLY_PAGE_SIZE - 1) / TALLY_PAGE_SIZE);
		CHECK_EQ(page->block_size, (size_t)page->run * TALLY_PAGE_SIZE);
		CHECK_EQ(page->used, 1);
		CHECK_EQ(page->wake, 0);
		CHECK_EQ(page->owner, heap()->tag);
		CHECK(!variant_is_alive((struct tally_object *)(void *)block)); // I2 of core/heap.h
		block[0] = block[sizes[i] - 1] = 1;
		memset(block, 0, 8);
		tally_heap_free(block);
		CHECK_EQ(tally_safepoint(), 0); // until then somebody may look at it
		if (sizes[i] < TALLY_ARENA_SIZE) CHECK_EQ(page->state, TALLY_PAGE_UNUSED);
	}
}

// A thread that reads without a lock may have seen the object, and looks at the counts in its header.
static void a_large_block_of_an_object_keeps_its_dead_header_until_all_threads_have_gone_on(void)
{
	char *block = new_block(3 * TALLY_PAGE_SIZE, TALLY_LAYOUT_LEAF);
	struct tally_page *page = tally_page_of(block);
	tally_heap_free(block);
	CHECK_EQ(page->state, variant_world_waits ? TALLY_PAGE_RETIRED : TALLY_PAGE_UNUSED);
	CHECK(!variant_is_alive((struct tally_object *)(void *)block));
	void *next = new_block(3 * TALLY_PAGE_SIZE, TALLY_LAYOUT_RAW);
	CHECK((next == block) == !variant_world_waits);
	tally_heap_free(next);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK(page->state != TALLY_PAGE_RETIRED);
	check_heap();
}

static void each_page_has_queue_bits_of_its_own_which_are_clear(void)
{
	void *blocks[100];
	for (int i = 0; i < 100; i++) blocks[i] = new_block(TALLY_MEDIUM_MAX, TALLY_LAYOUT_RAW);
	for (int i = 0; i < 100; i++) {
		struct tally_page *page = tally_page_of(blocks[i]);
		for (int word = 0; word < TALLY_BIT_WORDS; word++) CHECK_EQ(tally_page_queued(page)[word], 0);
		CHECK_EQ(tally_page_queued(page) - tally_page_queued(page - 1), TALLY_BIT_WORDS);
	}
	for (int i = 0; i < 100; i++) tally_heap_free(blocks[i]);
}

// ---- the spare block ----

enum { LEAF = 496 }; // bytes of a block in these tests, which nothing else has; its words are all zero, which says dead

static void *quick_block(void) { return tally_heap_new_quick(heap(), LEAF, TALLY_LAYOUT_LEAF); }

static void i5_the_block_that_died_last_is_the_next_to_be_allocated(void)
{
	start_fresh();
	void *first = new_block(LEAF, TALLY_LAYOUT_LEAF), *second = new_block(LEAF, TALLY_LAYOUT_LEAF);
	struct tally_page *page = tally_page_of(first);
	CHECK_PTR(page->spare, NULL);
	for (int i = 0; i < 3; i++) { // it comes and goes, and nothing else of the page changes
		tally_heap_free_object(first);
		CHECK_PTR(page->spare, first);
		CHECK_EQ(page->used, 2);
		CHECK_PTR(page->free, NULL);
		check_heap();
		CHECK_PTR(quick_block(), first);
		CHECK_PTR(page->spare, NULL);
	}
	tally_heap_free_object(first);
	tally_heap_free_object(second); // the place is taken
	CHECK_PTR(page->free, second);
	CHECK_EQ(page->used, 1);
	check_heap();
	CHECK_PTR(quick_block(), first);
	CHECK_PTR(quick_block(), second);
	tally_heap_free_object(first);
	CHECK(new_block(LEAF, TALLY_LAYOUT_LEAF) != first); // the usual way does not look there
	tally_page_fold(page);
	CHECK_PTR(page->free, first);
	CHECK_PTR(page->spare, NULL);
	CHECK_EQ(page->used, 2);
	tally_page_fold(page);
	CHECK_EQ(page->used, 2);
	tally_heap_free(second);
	tally_heap_free(page->base + 2 * LEAF);
	check_heap();
}

static void i5_a_page_that_is_full_or_has_aged_keeps_no_spare_block(void)
{
	static struct filled filled;
	start_fresh();
	void *block = new_block(LEAF, TALLY_LAYOUT_LEAF);
	struct tally_page *page = tally_page_of(block);
	tally_heap_free_object(block);
	fill(&filled, TALLY_LAYOUT_LEAF, LEAF / 8); // by the usual way: the spare block is what is left
	CHECK_EQ(filled.count, page->slots - 1u);
	CHECK_EQ(page->state, TALLY_PAGE_FULL);
	CHECK_PTR(page->spare, TALLY_SPARE_SHUT);
	CHECK_EQ(page->used, page->slots - 1);
	CHECK_PTR(page->free, block);
	for (unsigned i = 0; i < filled.count; i++) tally_heap_free_object(filled.blocks[i]);
	CHECK_EQ(page->state, TALLY_PAGE_EMPTY);
	check_heap();
	page = tally_page_of(filled.after);
	tally_page_age(page);
	struct tally_arena *arena = tally_arena_of(page);
	arena->old[tally_page_index(page)][0] = 1;
	tally_heap_free_object(filled.after);
	CHECK_PTR(page->spare, TALLY_SPARE_SHUT);
	CHECK_PTR(page->free, filled.after);
	CHECK_EQ(arena->old[tally_page_index(page)][0], 0); // what is allocated there next is young
	CHECK_PTR(quick_block(), filled.after);
	tally_heap_free_object(filled.after);
	check_heap();
}

static void a_page_whose_spare_block_is_all_that_is_left_can_go(void)
{
	start_fresh();
	uint64_t before = fixture_live_objects();
	tally_object *object = must(tally_list_new());
	struct tally_page *page = tally_page_of(object);
	tally_decref(object);
	CHECK_PTR(page->spare, object);
	CHECK_EQ(fixture_live_objects(), before);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(page->state, TALLY_PAGE_UNUSED);
	check_heap();
}

// ---- states ----

static void a_page_is_current_until_a_block_is_wanted_that_it_has_not(void)
{
	start_fresh();
	unsigned class = tally_class_of(1000);
	void *blocks[MOST_BLOCKS];
	struct tally_page *page = NULL;
	for (unsigned i = 0; !page || i < page->slots; i++) {
		blocks[i] = new_block(1000, TALLY_LAYOUT_RAW);
		page = tally_page_of(blocks[i]);
		CHECK_EQ(page->state, TALLY_PAGE_CURRENT);
		CHECK_EQ(page->used, (int)i + 1);
	}
	CHECK(page->bump == page->end && !page->free);
	void *next = new_block(1000, TALLY_LAYOUT_RAW);
	CHECK_EQ(page->state, TALLY_PAGE_FULL);
	CHECK(tally_page_of(next) != page);
	CHECK_PTR(current(TALLY_LAYOUT_RAW, class), tally_page_of(next));
	for (unsigned i = 0; i < page->slots; i++) tally_heap_free(blocks[i]);
	tally_heap_free(next);
	check_heap();
}

static void a_current_page_stays_current_whatever_is_freed_in_it(void)
{
	start_fresh();
	void *blocks[20];
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++) blocks[i] = new_block(2000, TALLY_LAYOUT_RAW);
		struct tally_page *page = tally_page_of(blocks[0]);
		for (int i = 0; i < 20; i++) tally_heap_free(blocks[i]);
		CHECK_EQ(page->state, TALLY_PAGE_CURRENT);
		CHECK_EQ(page->used, 0);
		CHECK(page->free);
	}
	check_heap();
}

// The rule of an eighth: wherever in the page the free blocks are.
static void check_full_to_available_to_empty(enum tally_layout layout, unsigned class, unsigned stride)
{
	static struct filled filled;
	fill(&filled, layout, class);
	struct tally_page *page = filled.page;
	unsigned slots = page->slots, eighth = (slots + 7) / 8;
	if (!CHECK_EQ(filled.count, slots)) return;
	CHECK_EQ(page->state, TALLY_PAGE_FULL);
	CHECK_EQ(page->wake, (int)(slots - eighth));
	for (unsigned freed = 1, i = 0; freed <= slots; freed++, i = (i + stride) % slots) {
		tally_heap_free(filled.blocks[i]);
		unsigned expected = freed < eighth ? TALLY_PAGE_FULL : freed < slots ? TALLY_PAGE_AVAILABLE : TALLY_PAGE_EMPTY;
		if (!CHECK_EQ(page->state, expected)) break;
		CHECK_EQ(page->used, (int)(slots - freed));
	}
	tally_heap_free(filled.after);
}

static unsigned coprime(unsigned wanted, unsigned n)
{
	for (;; wanted++) {
		unsigned a = wanted, b = n;
		while (b) {
			unsigned rest = a % b;
			a = b;
			b = rest;
		}
		if (a == 1) return wanted;
	}
}

static void a_full_page_is_available_when_an_eighth_of_it_is_free_and_empty_when_all_is(void)
{
	for (unsigned class = FIRST_CLASS; class < TALLY_CLASSES; class++) {
		unsigned slots = (unsigned)(TALLY_PAGE_SIZE / tally_class_size(class));
		start_fresh();
		check_full_to_available_to_empty(TALLY_LAYOUT_RAW, class, 1);
		check_heap();
		start_fresh();
		check_full_to_available_to_empty(TALLY_LAYOUT_RAW, class, coprime(slots / 3 + 1, slots));
		check_heap();
	}
}

static void an_available_page_is_current_again_before_a_new_one_is_taken(void)
{
	static struct filled filled;
	start_fresh();
	unsigned class = tally_class_of(500);
	fill(&filled, TALLY_LAYOUT_RAW, class);
	struct tally_page *page = filled.page;
	unsigned eighth = (page->slots + 7u) / 8;
	for (unsigned i = 0; i < eighth; i++) tally_heap_free(filled.blocks[i]);
	CHECK_PTR(heap()->available[TALLY_LAYOUT_RAW][class], page);
	check_heap();
	void *others[MOST_BLOCKS];
	unsigned count = 0;
	do others[count] = new_block(500, TALLY_LAYOUT_RAW);
	while (tally_page_of(others[count++]) != page);
	CHECK_EQ(page->state, TALLY_PAGE_CURRENT);
	CHECK(!heap()->available[TALLY_LAYOUT_RAW][class]);
	check_heap();
	for (unsigned i = 0; i < count; i++) tally_heap_free(others[i]);
	for (unsigned i = eighth; i < page->slots; i++) tally_heap_free(filled.blocks[i]);
	tally_heap_free(filled.after);
	check_heap();
}

// Whoever finds that it has to wait asks for the end of it; a thread that is alone has gone on at its next point.
static void ripen(const struct tally_page *page)
{
	bool waits = variant_world_waits && page->layout != TALLY_LAYOUT_RAW;
	if (waits) CHECK(!variant_has_passed(page->stamp));
	CHECK_EQ(tally_safepoint(), 0);
	if (waits) CHECK(variant_has_passed(page->stamp));
}

static void an_empty_page_serves_any_class_and_layout_of_its_heap(void)
{
	static struct filled filled;
	static const enum tally_layout layouts[] = {TALLY_LAYOUT_RAW, TALLY_LAYOUT_LEAF, TALLY_LAYOUT_CALLBACK, TALLY_LAYOUT_RAW};
	static const size_t sizes[] = {40, 48, 8000, 16};
	start_fresh();
	fill(&filled, TALLY_LAYOUT_RAW, tally_class_of(100));
	for (unsigned i = 0; i < filled.count; i++) tally_heap_free(filled.blocks[i]);
	CHECK_PTR(heap()->empty, filled.page);
	for (int i = 0; i < 4; i++) {
		static struct filled next;
		CHECK_EQ(heap()->empties, 1);
		fill(&next, layouts[i], tally_class_of(sizes[i]));
		CHECK_PTR(next.page, filled.page);
		CHECK_EQ(next.page->block_size, tally_class_size(tally_class_of(sizes[i])));
		CHECK_EQ(next.page->layout, layouts[i]);
		CHECK_EQ(heap()->empties, 0);
		for (unsigned each = 0; each < next.count; each++) tally_heap_free(next.blocks[each]);
		tally_heap_free(next.after);
		check_heap();
		ripen(next.page);
	}
	tally_heap_free(filled.after);
}

// What its blocks have in front stays a header, so nobody who looks there is misled.
static void an_empty_page_of_objects_serves_their_size_at_once_and_others_when_all_threads_have_gone_on(void)
{
	static struct filled filled, next;
	start_fresh();
	fill(&filled, TALLY_LAYOUT_CALLBACK, tally_class_of(100));
	for (unsigned i = 0; i < filled.count; i++) tally_heap_free(filled.blocks[i]);
	CHECK_PTR(heap()->empty, filled.page);
	fill(&next, TALLY_LAYOUT_LEAF, tally_class_of(100));
	CHECK_PTR(next.page, filled.page);
	for (unsigned i = 0; i < next.count; i++) tally_heap_free(next.blocks[i]);
	tally_heap_free(next.after);
	void *raw = new_block(3000, TALLY_LAYOUT_RAW);
	CHECK((tally_page_of(raw) == filled.page) == !variant_world_waits);
	if (variant_world_waits) {
		CHECK_EQ(filled.page->state, TALLY_PAGE_EMPTY);
		ripen(filled.page);
		void *other = new_block(5000, TALLY_LAYOUT_RAW);
		CHECK_PTR(tally_page_of(other), filled.page);
		tally_heap_free(other);
	}
	tally_heap_free(raw);
	tally_heap_free(filled.after);
	check_heap();
}

static void a_trim_takes_empty_and_unused_current_pages_from_the_heap_and_no_others(void)
{
	static struct filled filled;
	uint64_t before, after, bytes, number;
	start_fresh();
	tally_pages_stats(&before, &bytes, &number);
	fill(&filled, TALLY_LAYOUT_RAW, tally_class_of(3000));
	struct tally_page *page = filled.page, *next = tally_page_of(filled.after);
	tally_pages_stats(&after, &bytes, &number);
	CHECK_EQ(after, before + 2 * TALLY_PAGE_SIZE);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(page->state, TALLY_PAGE_FULL);
	CHECK_EQ(next->state, TALLY_PAGE_CURRENT);
	tally_heap_free(filled.after);
	for (unsigned i = 1; i < filled.count; i++) tally_heap_free(filled.blocks[i]);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(page->state, TALLY_PAGE_AVAILABLE);
	CHECK_EQ(next->state, TALLY_PAGE_UNUSED);
	tally_heap_free(filled.blocks[0]);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(page->state, TALLY_PAGE_UNUSED);
	tally_pages_stats(&after, &bytes, &number);
	CHECK_EQ(after, before);
	check_heap();
}

static void a_heap_with_many_empty_pages_gives_them_back_at_its_next_run_point(void)
{
	enum { MANY = TALLY_TUNED(70, 70) };
	static void *blocks[MANY * 8 + 8];
	unsigned count = 0;
	start_fresh();
	for (; count < MANY * 8 + 8; count++) blocks[count] = new_block(8192, TALLY_LAYOUT_RAW);
	while (count) tally_heap_free(blocks[--count]);
	CHECK(heap()->empties >= MANY);
	check_heap();
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(heap()->empties, 0);
	check_heap();
}

// ---- invariants, by name ----

// I1 of core/heap.h: allocated, on a list, or beyond bump. Every block that is in use is known to the test here.
static void i1_a_block_is_allocated_or_free_or_beyond_bump_and_never_two_of_them(void)
{
	enum { BLOCKS = 3000 };
	static char *blocks[BLOCKS];
	static size_t sizes[BLOCKS];
	uint64_t state = fixture_seed(0);
	for (int step = tap_scale(100000); step > 0; step--) {
		unsigned place = below(&state, BLOCKS);
		if (blocks[place]) {
			CHECK(blocks[place][0] == (char)place && blocks[place][sizes[place] - 1] == (char)place);
			tally_heap_free(blocks[place]);
			blocks[place] = NULL;
		} else {
			sizes[place] = 1 + below(&state, below(&state, 100) ? 600 : 9000);
			blocks[place] = new_block(sizes[place], TALLY_LAYOUT_RAW);
			memset(blocks[place], (char)place, sizes[place]); // whoever else has it will see this
		}
		if (step % 1000 == 0) check_heap();
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i]) tally_heap_free(blocks[i]);
	memset(blocks, 0, sizeof blocks);
	check_heap();
}

// Every block of an object page that is not allocated: try-increments must fail on it.
static void check_dead(struct tally_page *page, const unsigned char *allocated)
{
	for (unsigned i = 0; i < page->slots; i++) {
		struct tally_object *block = tally_block_at(page, i);
		if (allocated[i]) continue;
		tally_show(block, sizeof *block);
		bool dead = !variant_is_alive(block) && !variant_try_incref(block);
		if (!CHECK(dead)) return;
	}
}

// One of the objects that are there as long as the runtime runs.
static bool is_singleton(const tally_object *block)
{
	bool found = block == tally_none() || block == tally_bool(true) || block == tally_bool(false);
	found |= block == tally_tuple_new(NULL, 0);
	for (int64_t value = -5; value <= 256; value++) found |= block == tally_int_new(value);
	return found;
}

static void i2_blocks_of_object_pages_are_dead_while_they_are_not_allocated(void)
{
	static struct filled filled;
	static unsigned char allocated[MOST_BLOCKS];
	start_fresh();
	for (int round = 0; round < 4; round++) { // the page serves raw bytes, then objects of several sizes
		size_t size = round == 0 ? 40 : round == 1 ? 56 : round == 2 ? 40 : 32;
		fill(&filled, TALLY_LAYOUT_RAW, tally_class_of(size));
		for (unsigned i = 0; i < filled.count; i++) memset(filled.blocks[i], 0xA5, size);
		memset(filled.after, 0xA5, size);
		for (unsigned i = 0; i < filled.count; i++) tally_heap_free(filled.blocks[i]);
		tally_heap_free(filled.after);
		if (round % 2) CHECK_EQ(tally_heap_trim(NULL), 0); // it comes back from the arena as it was
		tally_object *objects[3] = {counted(1), counted(2), counted(3)};
		for (int i = 0; i < 3; i++) {
			struct tally_page *page = tally_page_of(objects[i]);
			memset(allocated, 0, sizeof allocated);
			for (unsigned slot = 0; slot < page->slots; slot++) {
				struct tally_object *block = tally_block_at(page, slot);
				for (int each = 0; each < 3; each++) allocated[slot] |= block == objects[each];
				allocated[slot] |= is_singleton(block);
			}
			check_dead(page, allocated);
		}
		for (int i = 0; i < 3; i++) tally_decref(objects[i]);
		void *block = new_block(size, TALLY_LAYOUT_CALLBACK); // on the page that was raw
		struct tally_page *page = tally_page_of(block);
		memset(allocated, 0, sizeof allocated);
		check_dead(page, allocated);
		tally_heap_free(block);
		check_dead(page, allocated);
		CHECK_EQ(tally_heap_trim(NULL), 0);
	}
}

static stage at;

static void *ask_to_stop(void *unused)
{
	tally_token token = attached(); // in `gil` this alone asks the other to hand the lock over
	(void)unused;
	variant_world_stop();
	reach(&at, 1);
	variant_world_start();
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void i3_taking_and_freeing_blocks_is_no_point(void)
{
	static void *blocks[20000];
	reach(&at, 0);
	pthread_t stopper = spawn(ask_to_stop, NULL);
	while (!(tally_load(tally_self.poll, relaxed) & TALLY_STOP)) sched_yield();
	for (unsigned i = 0; i < 20000; i++) blocks[i] = new_block(1 + i % 9000, TALLY_LAYOUT_RAW);
	for (unsigned i = 0; i < 20000; i++) tally_heap_free(blocks[i]);
	CHECK(!has_reached(&at, 1));
	CHECK_EQ(tally_safepoint(), 0);
	await_at_run_points(&at, 1);
	finish(stopper);
}

// ---- blocks freed by others; in `gil` there is one heap, so nobody is another ----

static struct filled shared;

static void *free_shared(void *unused)
{
	tally_token token = attached();
	(void)unused;
	for (unsigned i = 0; i < shared.count; i++) {
		tally_heap_free(shared.blocks[i]);
		if (i == 0) reach(&at, 1);
		if (i == 0) await(&at, 2);
	}
	reach(&at, 3);
	await(&at, 4);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// The invariants of core/page.h, seen on one page whose owner is attached and comes to no run point.
static void i1_to_i4_the_remote_list_is_announced_once_and_its_page_stays_until_it_is_drained(void)
{
	start_fresh();
	fill(&shared, TALLY_LAYOUT_RAW, tally_class_of(700));
	struct tally_page *page = shared.page;
	int slots = page->slots;
	reach(&at, 0);
	pthread_t other = spawn(free_shared, NULL);
	while (!has_reached(&at, 1)) sched_yield(); // attached, and at no point of any kind
	CHECK_EQ(tally_load(&page->summary, relaxed), TALLY_SUMMARY_REMOTE); // I3: announced
	CHECK(tally_load(tally_self.poll, relaxed) & ~(uint64_t)127);        // I4: on its way to its owner
	CHECK_EQ(tally_load(&page->remote, relaxed) >> 16, 1);
	CHECK_EQ(page->used, slots); // I2
	reach(&at, 2);
	while (!has_reached(&at, 3)) sched_yield();
	CHECK_EQ(tally_load(&page->remote, relaxed) >> 16, (unsigned)slots);
	CHECK_EQ(page->used, slots);
	CHECK_EQ(page->state, TALLY_PAGE_FULL); // I4: holds nothing, and is not given away
	CHECK(!page->free);                     // I1: the other thread did not touch the owner's fields
	size_t length;
	CHECK_EQ(tally_len(tally_none(), &length), -1); // a stop point takes nothing
	tally_error_clear();
	CHECK_EQ(tally_load(&page->remote, relaxed) >> 16, (unsigned)slots);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(tally_load(&page->summary, relaxed), 0);
	CHECK_EQ(tally_load(&page->remote, relaxed), 0);
	CHECK_EQ(page->used, 0);
	CHECK_EQ(page->state, TALLY_PAGE_EMPTY);
	reach(&at, 4);
	finish(other);
	tally_heap_free(shared.after);
	check_heap();
}

static void *look_at_my_heap(void *tag)
{
	tally_token token = attached();
	tally_object *object = counted(1);
	CHECK_EQ(tally_page_of(object)->owner, heap()->tag);
	CHECK(heap()->tag != *(uint16_t *)tag);
	check_heap();
	tally_decref(object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void i1_each_thread_allocates_from_pages_of_its_own_slot(void)
{
	uint16_t tag = heap()->tag;
	finish(spawn(look_at_my_heap, &tag));
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_address_and_its_index_lead_to_one_another_in_pages_of_every_class);
	TAP_RUN(a_large_block_is_found_by_its_first_address);
	TAP_RUN(a_large_block_of_an_object_keeps_its_dead_header_until_all_threads_have_gone_on);
	TAP_RUN(each_page_has_queue_bits_of_its_own_which_are_clear);
	TAP_RUN(i5_the_block_that_died_last_is_the_next_to_be_allocated);
	TAP_RUN(i5_a_page_that_is_full_or_has_aged_keeps_no_spare_block);
	TAP_RUN(a_page_whose_spare_block_is_all_that_is_left_can_go);
	TAP_RUN(a_page_is_current_until_a_block_is_wanted_that_it_has_not);
	TAP_RUN(a_current_page_stays_current_whatever_is_freed_in_it);
	TAP_RUN(a_full_page_is_available_when_an_eighth_of_it_is_free_and_empty_when_all_is);
	TAP_RUN(an_available_page_is_current_again_before_a_new_one_is_taken);
	TAP_RUN(an_empty_page_serves_any_class_and_layout_of_its_heap);
	TAP_RUN(an_empty_page_of_objects_serves_their_size_at_once_and_others_when_all_threads_have_gone_on);
	TAP_RUN(a_trim_takes_empty_and_unused_current_pages_from_the_heap_and_no_others);
	TAP_RUN(a_heap_with_many_empty_pages_gives_them_back_at_its_next_run_point);
	TAP_RUN(i1_a_block_is_allocated_or_free_or_beyond_bump_and_never_two_of_them);
	TAP_RUN(i2_blocks_of_object_pages_are_dead_while_they_are_not_allocated);
	TAP_RUN(i3_taking_and_freeing_blocks_is_no_point);
	if (is_gil()) {
		tap_skip("i1_to_i4_the_remote_list_is_announced_once_and_its_page_stays_until_it_is_drained", "one heap");
		tap_skip("i1_each_thread_allocates_from_pages_of_its_own_slot", "one heap");
	} else {
		TAP_RUN(i1_to_i4_the_remote_list_is_announced_once_and_its_page_stays_until_it_is_drained);
		TAP_RUN(i1_each_thread_allocates_from_pages_of_its_own_slot);
	}
	return tap_end();
}
