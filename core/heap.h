// core/heap.h: a thread's heap: where blocks come from and go back to.
//
// Allocation takes the free list, else the bump pointer, of the page that is current for (layout, class): one load, one
// test, one store. Everything rarer is in heap.c, and none of it is a point (I1 of core/thread.h). A free by the heap's
// own thread goes on the page's free list; by anybody else through variant_free_remote.
//
// An object that dies leaves its block in its page's `spare`, and the next allocation takes it from there: what comes and goes
// touches neither the free list nor `used`. docs/heap.md has what that is worth.
//
// I1  Every block is either allocated, on its page's free list or remote list, its `spare`, or at or beyond its page's `bump`.
// I2  A free block's first eight bytes are zero-like count words in object pages: try-increments fail on it.
// I3  Taking and freeing blocks neither stops nor collects nor takes an object's lock; of the host's code it calls the
//     memory hook and the arena allocator only. What stops the world says so at its declaration.
#ifndef TALLY_CORE_HEAP_H
#define TALLY_CORE_HEAP_H

#include "page.h"
#include "poison.h"
#include "thread.h"
#include "type.h"
#include "young.h"

struct tally_heap {
	struct tally_page *current[TALLY_LAYOUTS][TALLY_CLASSES]; // never NULL: tally_no_page stands for none
	struct tally_page *available[TALLY_LAYOUTS][TALLY_CLASSES];
	struct tally_page *empty; // pages that hold nothing, linked by `next`
	struct tally_page *kept; // a run for large raw buffers that holds none, for the next one; NULL: none
	uint32_t empties;
	uint16_t tag;
	bool is_orphan; // while pages are being adopted: its thread has gone
	bool is_bare;   // it has no page: they have all been adopted
};

extern struct tally_page tally_no_page; // full for ever; nobody writes it

void tally_heap_init(struct tally_heap *heap, uint16_t tag);
void *tally_heap_new_slow(struct tally_heap *heap, size_t size, enum tally_layout layout);
bool tally_heap_fault(void); // counts an attempt; true: this allocation is to fail (builds with assertions)
// The page reached `wake` by a free.
void tally_page_woken(struct tally_heap *heap, struct tally_page *page);

// A block of at least `size` bytes (not 0); an object's block carries dead count words until it gets a header.
// Any attached thread, on its own heap. NULL: no memory; no error is set.
static inline void *tally_heap_new(struct tally_heap *heap, size_t size, enum tally_layout layout)
{
	if (TALLY_ASSERTIONS && tally_heap_fault()) return NULL;
	if (tally_unlikely(size > TALLY_MEDIUM_MAX)) return tally_heap_new_slow(heap, size, layout);
	struct tally_page *page = heap->current[layout][tally_class_of(size)];
	bool is_watched = tally_layout_is_tracked(layout);
	if (is_watched && tally_unlikely(page->used >= page->watch)) return tally_heap_new_slow(heap, size, layout);
	struct tally_object *block = page->free;
	if (tally_likely(block != NULL)) {
		page->free = block->next;
	} else {
		if (tally_unlikely(page->bump >= page->end)) return tally_heap_new_slow(heap, size, layout);
		block = (struct tally_object *)(void *)page->bump;
		page->bump += page->block_size;
	}
	page->used++;
	tally_show(block, size);
	return block;
}

// The same for an object of up to TALLY_SMALL_MAX bytes, by the two quickest ways; inlined without the rest. NULL: neither led to
// a block, which says nothing about memory.
static inline void *tally_heap_new_quick(struct tally_heap *heap, size_t size, enum tally_layout layout)
{
	if (TALLY_ASSERTIONS && tally_self.fail_at) return NULL; // tally_heap_new counts the attempt
	if (tally_unlikely(size > TALLY_SMALL_MAX)) return NULL;
	struct tally_page *page = heap->current[layout][(size + 7) / 8];
	struct tally_object *block = page->spare;
	if (tally_likely(block > TALLY_SPARE_SHUT)) {
		page->spare = NULL;
	} else {
		if (tally_layout_is_tracked(layout) && tally_unlikely(page->used >= page->watch)) return NULL;
		block = page->free;
		if (tally_unlikely(!block)) return NULL;
		page->free = block->next;
		page->used++;
	}
	if (TALLY_ASSERTIONS) tally_self.allocations++;
	tally_show(block, size);
	return block;
}

// The rest of tally_object_try_new and of tally_object_new: does what can be done when memory is short.
void *tally_heap_new_anyhow(size_t size, enum tally_layout layout);
void *tally_heap_new_patiently(size_t size, enum tally_layout layout);

// Takes back a block whose count words say dead, or a raw one. Any attached thread, any page; cannot fail.
void tally_heap_free(void *block);

// In builds with the address sanitizer: the rest of a free block is nobody's; its counts and its link stay in use.
static inline void tally_heap_hide(const struct tally_page *page, void *block)
{
	tally_show(block, sizeof(struct tally_object));
	tally_hide((char *)block + sizeof(struct tally_object), page->block_size - sizeof(struct tally_object));
}

// The same for an object's block; the commonest case inlined: the page is this thread's, current, and has no spare block.
static inline void tally_heap_free_object(void *block)
{
	struct tally_page *page = tally_page_of(block);
	if (tally_unlikely(page->owner != tally_self.heap->tag || page->spare)) {
		tally_heap_free(block);
		return;
	}
	tally_heap_hide(page, block);
	page->spare = block;
}

// The owner, or a stopped world: the spare block joins the others, and `used` is exact.
void tally_page_fold(struct tally_page *page);
// World stopped: some of the page's blocks have a bit in `old` or `middle` from now on.
void tally_page_age(struct tally_page *page);

// World stopped: the same for any page, whoever's it is.
void tally_heap_free_stopped(void *block);
// World stopped: every block of the page is free now; the blocks carry dead count words.
void tally_page_reset(struct tally_page *page);

// World stopped: hands the heap's empty pages to the arenas.
void tally_heap_give_empty(struct tally_heap *heap);
// World stopped: moves the pages of all threads that have gone to `to`. Their objects lose their owner first
// (docs/counting.md, 4); free blocks become available to `to`. One walk over the pages, and none when there is nothing to move.
void tally_heap_adopt(struct tally_heap *to);
// For constructors, when an allocation has failed and nothing is half made: gives all empty pages back and adopts those of
// threads that have gone, which stops the world. True: there were some, and the allocation may be tried once more. False for
// faults on demand.
bool tally_heap_relieve(void);
// When an allocation of `size` bytes has failed for good: asks the host's hook. True: try once more. Leaf code but for the
// hook. False for faults on demand.
bool tally_heap_ask(size_t size);
// Run point, TALLY_PENDING_TRIM or _RELIEF set: stops the world, gives up what waits (variant_reclaim_stopped), and gives every heap's
// empty pages back.
void tally_heap_tidy(void);
// The same, and adopts the pages of threads that have gone. And its part for whoever has stopped the world already.
void tally_heap_reclaim(void);
void tally_heap_reclaim_stopped(void);

// Role of the page's slot held: takes back what others freed, after a drain found TALLY_SUMMARY_REMOTE.
void tally_page_take_remote(struct tally_heap *heap, struct tally_page *page);

// Adds a block to the list of those freed by others; any thread. True: the list was empty, and the caller must set
// TALLY_SUMMARY_REMOTE (I3 of core/page.h).
bool tally_page_put_remote(struct tally_page *page, void *block);

// ---- raw buffers: bytes and arrays that a container owns; at least 16-byte blocks ----
void *tally_raw_new(size_t size); // NULL: no memory; no error is set
static inline void tally_raw_free(void *raw)
{
	if (raw) tally_heap_free(raw);
}

#endif
