// core/young.c: young pages and the trigger (core/young.h).
//
// The count is one word for all threads, written once in a few hundred allocations. Its readers act on it at the next run
// point, so no order is needed.
#include "young.h"
#include "heap.h"
#include "thread.h"

static _Atomic int64_t count;
static _Atomic uint32_t limit; // the threshold; 0: never
static _Atomic uint64_t byte_limit; // of pages in use

static int64_t settle(struct tally_page *page)
{
	tally_page_fold(page);
	int32_t change = page->used - page->counted;
	page->counted = page->used;
	if (!change) return tally_load(&count, relaxed);
	int64_t now = tally_fetch_add(&count, change, relaxed) + change;
	if (now >= 0) return now;
	tally_store(&count, 0, relaxed);
	return 0;
}

void tally_young_settle(struct tally_page *page)
{
	if (tally_layout_is_tracked(page->layout)) settle(page);
}

// How many allocations may pass before the page is to settle again: a part of what is left, since there are other pages.
static int32_t allowance(int64_t now)
{
	int64_t threshold = tally_load(&limit, relaxed), part = threshold / 4, left = threshold - now;
	if (!threshold || part > INT16_MAX) return INT16_MAX;
	return (int32_t)(left >= 0 && left < part ? left : part);
}

static void watch(struct tally_page *page, int64_t now)
{
	page->watch = page->used + allowance(now);
	if (tally_young_is_due()) tally_self.pending |= TALLY_PENDING_COLLECT;
}

static void list(const struct tally_page *page)
{
	unsigned index = tally_page_index(page);
	tally_fetch_or(&tally_arena_of(page)->has_young[index / 64], (uint64_t)1 << index % 64, relaxed);
}

void tally_young_return(const struct tally_object *object)
{
	const struct tally_page *page = tally_page_of(object);
	if (tally_layout_is_tracked(page->layout)) list(page);
}

void tally_young_list(struct tally_page *page)
{
	if (!tally_layout_is_tracked(page->layout)) {
		page->watch = INT32_MAX;
		return;
	}
	list(page);
	tally_young_watched(page);
}

void tally_young_watched(struct tally_page *page) { watch(page, settle(page)); }

static void each_current(struct tally_heap *heap, void (*visit)(struct tally_page *page))
{
	for (unsigned layout = 0; layout < TALLY_LAYOUTS; layout++)
		for (unsigned class = 0; tally_layout_is_tracked(layout) && class < TALLY_CLASSES; class++)
			if (heap->current[layout][class] != &tally_no_page) visit(heap->current[layout][class]);
}

void tally_young_rewatch(struct tally_heap *heap) { each_current(heap, tally_young_watched); }

// What is in the page has been collected, or is of age now.
static void list_anew(struct tally_page *page)
{
	tally_page_fold(page);
	page->counted = page->used;
	tally_young_list(page);
}

void tally_young_reset(struct tally_heap *heap) { each_current(heap, list_anew); }

void tally_young_reset_count(void) { tally_store(&count, 0, relaxed); }

uint64_t tally_young_count(void)
{
	int64_t now = tally_load(&count, relaxed); // below 0 for a moment, while it is being set right
	return now > 0 ? (uint64_t)now : 0;
}

bool tally_young_is_due(void)
{
	uint32_t threshold = tally_load(&limit, relaxed);
	if (!threshold) return false;
	return tally_load(&count, relaxed) >= threshold || tally_pages_bytes() > tally_load(&byte_limit, relaxed);
}

void tally_young_set_threshold(uint32_t threshold) { tally_store(&limit, threshold, relaxed); }

void tally_young_set_byte_limit(uint64_t bytes) { tally_store(&byte_limit, bytes, relaxed); }

void tally_young_paged(void)
{
	if (tally_young_is_due()) tally_self.pending |= TALLY_PENDING_COLLECT;
}
