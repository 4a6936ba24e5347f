// core/walk.c: looking at the whole heap with the world stopped: exact counters, the walk over all blocks, the trim.
//
// A block is free when it lies beyond its page's bump pointer or on its free or remote list, else allocated: a walk marks
// the free ones of a page in a bitmap on the stack and reports the rest. No list links, no bit an object.
//
// I1  Everything that a thread's slot has queued has been drained by the stop, so what is dead and still allocated is on
//     the list of the dying of some thread, or being destroyed by one; each counts its own.
#include "arena.h"
#include "error.h"
#include "object.h"

#include <string.h>
#include <tally/heap.h>

// ---- counting ----

struct totals {
	uint64_t objects, tracked, bytes;
};

static int count_page(struct tally_page *page, void *context)
{
	struct totals *totals = context;
	tally_page_fold(page);
	uint64_t blocks = (uint64_t)page->used - (tally_load(&page->remote, relaxed) >> 16);
	totals->bytes += blocks * page->block_size;
	if (page->layout != TALLY_LAYOUT_RAW) totals->objects += blocks;
	if (tally_layout_is_tracked(page->layout)) totals->tracked += blocks;
	return 0;
}

int tally_heap_stats_get(tally_heap_stats *stats)
{
	if (!tally_enter_run("heap_stats_get")) return -1;
	if (stats->size != sizeof *stats)
		return tally_error_raise(TALLY_ERROR_VALUE, "heap_stats_get", "size is %zu, expected sizeof(tally_heap_stats), %zu",
		                         stats->size, sizeof *stats);
	struct totals totals = {0};
	variant_reclaim(); // what only waits for readers who have gone on is not alive
	variant_world_stop();
	tally_pages_each(count_page, &totals);
	stats->immortal_objects = tally_load(&tally_immortals, relaxed);
	stats->live_objects = totals.objects - stats->immortal_objects - tally_threads_dying();
	stats->live_bytes = totals.bytes;
	stats->tracked_objects = totals.tracked;
	tally_pages_stats(&stats->page_bytes, &stats->arena_bytes, &stats->arenas);
	variant_world_start();
	tally_bury();
	return 0;
}

// ---- walking ----

struct walk {
	int (*visit)(const tally_heap_block *block, void *context);
	void *context;
};

static void mark(uint64_t *bits, unsigned index) { bits[index / 64] |= (uint64_t)1 << index % 64; }

static void mark_free(const struct tally_page *page, uint64_t *bits)
{
	for (struct tally_object *block = page->free; block; block = block->next) mark(bits, tally_block_index(page, block));
	uint32_t list = tally_load(&page->remote, relaxed);
	while (list >> 16) {
		struct tally_object *block = (struct tally_object *)(void *)(page->base + (list & 0xFFFF));
		mark(bits, tally_block_index(page, block));
		list = (uint32_t)(uintptr_t)block->next;
	}
}

static tally_heap_block describe(const struct tally_page *page, struct tally_object *object)
{
	tally_heap_block block = {.address = object, .size = page->block_size};
	if (page->layout == TALLY_LAYOUT_RAW) return block;
	if (variant_is_alive(object)) {
		block.type_name = tally_type(object)->name;
		block.references = variant_refcount(object);
	} else {
		block.type_name = tally_types[tally_load(&object->local, relaxed)]->name; // dying
	}
	return block;
}

static int walk_page(struct tally_page *page, void *context)
{
	struct walk *walk = context;
	uint64_t free[TALLY_PAGE_SIZE / TALLY_BLOCK_MIN / 64] = {0};
	tally_page_fold(page);
	mark_free(page, free);
	unsigned end = page->state == TALLY_PAGE_LARGE ? 1 : (unsigned)((size_t)(page->bump - page->base) / page->block_size);
	if (page->used == 0) end = 0; // also: never formatted
	for (unsigned i = 0; i < end; i++) {
		if (free[i / 64] >> i % 64 & 1) continue;
		tally_heap_block block = describe(page, tally_block_at(page, i));
		int result = walk->visit(&block, walk->context);
		if (result) return result;
	}
	return 0;
}

int tally_heap_walk(int (*visit)(const tally_heap_block *block, void *context), void *context)
{
	if (!tally_enter_run("heap_walk")) return -1;
	struct walk walk = {visit, context};
	variant_reclaim();
	variant_world_stop();
	int result = tally_pages_each(walk_page, &walk);
	variant_world_start();
	tally_bury();
	return result;
}

// ---- giving pages back ----

static void give_empty(struct tally_heap *heap, void *unused)
{
	(void)unused;
	tally_heap_give_empty(heap);
}

// World stopped: nobody is between setting a bit in a page and linking it, so the empty pages are nobody's any more.
static void give_all_empty(void)
{
	variant_heaps(give_empty, NULL);
	tally_self.pending &= ~(uint32_t)(TALLY_PENDING_TRIM | TALLY_PENDING_RELIEF);
}

void tally_heap_reclaim_stopped(void)
{
	variant_reclaim_stopped();
	tally_heap_adopt(tally_self.heap);
	give_all_empty();
}

void tally_heap_reclaim(void)
{
	variant_world_stop();
	tally_heap_reclaim_stopped();
	variant_world_start();
	tally_bury();
}

int tally_heap_trim(size_t *released)
{
	if (!tally_enter_run("heap_trim")) return -1;
	variant_world_stop();
	tally_heap_reclaim_stopped();
	size_t bytes = tally_pages_trim();
	variant_world_start();
	tally_bury();
	if (released) *released = bytes;
	return 0;
}

void tally_heap_tidy(void)
{
	variant_world_stop();
	variant_reclaim_stopped();
	give_all_empty();
	variant_world_start();
	tally_bury();
}

// ---- the limit, and faults on demand ----

int tally_heap_limit_set(size_t bytes)
{
	if (tally_pages_limit_set(bytes)) return 0;
	return tally_error_raise(TALLY_ERROR_CLOSING, "heap_limit_set", "the runtime is not running");
}

int tally_heap_fail(uint64_t n, bool all)
{
	if (!TALLY_ASSERTIONS)
		return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "heap_fail", "this build has no fault injection (assertions are off)");
	tally_self.allocations = 0;
	tally_self.fail_at = n;
	tally_self.fail_all = all;
	return 0;
}

uint64_t tally_heap_attempts(void) { return tally_self.allocations; }
