// core/heap.c: the rarer half of a heap: retiring and choosing pages, freeing, large blocks, raw buffers.
//
// A page's way: current -> full -> (an eighth of it free again) available -> current; or, when nothing is left in it,
// empty, from where this heap may give it any class and layout. Empty pages go back to the arenas in a stopped world
// only (core/walk.c), since I1 of core/page.h lets a page change its heap nowhere else. docs/heap.md has the reasons.
//
// I1  A page is current for at most one (layout, class) and on at most one list.
// I2  `wake` follows the state: current -1 (never), full: an eighth free, available and large: 0, empty -1.
#include "heap.h"
#include "os.h"
#include "variant.h"

#include <string.h>

enum { TRIM_AT = TALLY_TUNED(64, 2) }; // empty pages before a heap asks for a trim

struct tally_page tally_no_page = {.state = TALLY_PAGE_FULL, .wake = -1, .spare = TALLY_SPARE_SHUT};

void tally_heap_init(struct tally_heap *heap, uint16_t tag)
{
	*heap = (struct tally_heap){.tag = tag};
	for (unsigned layout = 0; layout < TALLY_LAYOUTS; layout++)
		for (unsigned class = 0; class < TALLY_CLASSES; class++) heap->current[layout][class] = &tally_no_page;
}

bool tally_heap_fault(void)
{
	struct tally_thread *self = &tally_self;
	self->allocations++;
	return self->fail_at && (self->allocations == self->fail_at || (self->fail_all && self->allocations > self->fail_at));
}

// ---- the spare block ----

static inline void link_free(struct tally_page *page, void *block)
{
	struct tally_object *freed = block;
	freed->next = page->free;
	page->free = freed;
}

void tally_page_fold(struct tally_page *page)
{
	if (page->spare <= TALLY_SPARE_SHUT) return;
	link_free(page, page->spare);
	page->spare = NULL;
	page->used--;
}

static void shut_spare(struct tally_page *page)
{
	tally_page_fold(page);
	page->spare = TALLY_SPARE_SHUT;
}

void tally_page_age(struct tally_page *page)
{
	shut_spare(page);
	page->has_aged = true;
}

static void open_spare(struct tally_page *page)
{
	page->spare = page->state == TALLY_PAGE_CURRENT && !page->has_aged ? NULL : TALLY_SPARE_SHUT;
}

// ---- lists of pages ----

static void link_page(struct tally_page **head, struct tally_page *page)
{
	page->previous = NULL;
	page->next = *head;
	if (*head) (*head)->previous = page;
	*head = page;
}

static void unlink_page(struct tally_page **head, struct tally_page *page)
{
	if (page->previous) page->previous->next = page->next;
	else *head = page->next;
	if (page->next) page->next->previous = page->previous;
}

static void make_available(struct tally_heap *heap, struct tally_page *page)
{
	page->state = TALLY_PAGE_AVAILABLE;
	page->wake = 0;
	link_page(&heap->available[page->layout][page->class], page);
}

static void make_empty(struct tally_heap *heap, struct tally_page *page)
{
	page->state = TALLY_PAGE_EMPTY;
	page->wake = -1;
	if (page->layout != TALLY_LAYOUT_RAW) page->stamp = variant_stamp();
	link_page(&heap->empty, page);
	if (++heap->empties >= TRIM_AT) tally_self.pending |= TALLY_PENDING_TRIM;
}

// ---- the kept run ----
// An array that grows and is given up again and again would go to the arenas each time, and come back with memory that is in
// another processor's cache, if two threads do so. So a heap keeps its last run for raw buffers, unless that is large.

enum { KEPT_PAGES = 16 };

static bool give_kept(struct tally_heap *heap)
{
	struct tally_page *page = heap->kept;
	heap->kept = NULL;
	if (page) tally_pages_give(page);
	return page != NULL;
}

static void keep(struct tally_heap *heap, struct tally_page *page)
{
	give_kept(heap);
	if (page->run > KEPT_PAGES) tally_pages_give(page);
	else heap->kept = page;
}

static struct tally_page *take_kept(struct tally_heap *heap, size_t size)
{
	struct tally_page *page = heap->kept;
	size_t pages = (size + TALLY_PAGE_SIZE - 1) >> TALLY_PAGE_SHIFT;
	if (!page || pages > page->run || page->run - pages > pages / 4) return NULL;
	heap->kept = NULL;
	page->free = NULL;
	tally_show(page->base, (size_t)page->run << TALLY_PAGE_SHIFT);
	return page;
}

void tally_page_woken(struct tally_heap *heap, struct tally_page *page)
{
	tally_young_settle(page);
	if (page->state == TALLY_PAGE_LARGE) {
		if (page->layout == TALLY_LAYOUT_RAW) keep(heap, page);
		else variant_retire_page(page);
		return;
	}
	if (page->state == TALLY_PAGE_FULL) make_available(heap, page);
	if (page->used > 0) return;
	unlink_page(&heap->available[page->layout][page->class], page);
	make_empty(heap, page);
}

static void retire(struct tally_page *page)
{
	if (page == &tally_no_page) return;
	shut_spare(page);
	tally_young_settle(page);
	page->state = TALLY_PAGE_FULL;
	page->wake = page->slots - (page->slots + 7) / 8;
}

// ---- choosing the next page ----

// Blocks of objects must carry dead count words from the start. Memory fresh from the system does, and so does a page that
// held objects of the same size; any other is cleared.
static void clear_for_objects(struct tally_page *page, unsigned layout, unsigned class)
{
	tally_show(page->base, TALLY_PAGE_SIZE);
	bool alike = page->layout != TALLY_LAYOUT_RAW && page->class == class;
	if (layout != TALLY_LAYOUT_RAW && page->is_used && !alike) memset(page->base, 0, TALLY_PAGE_SIZE);
	page->is_used = true;
}

static void format(struct tally_page *page, uint16_t tag, unsigned layout, unsigned class)
{
	clear_for_objects(page, layout, class);
	page->block_size = tally_class_size(class);
	page->reciprocal = (uint32_t)((((uint64_t)1 << 32) + page->block_size - 1) / page->block_size);
	page->slots = (uint16_t)(TALLY_PAGE_SIZE / page->block_size);
	page->layout = (uint8_t)layout;
	page->class = (uint8_t)class;
	page->owner = tag;
	page->has_aged = false; // nothing is left of what was in it
	page->free = NULL;
	page->bump = page->base;
	page->end = page->base + page->slots * page->block_size;
	tally_hide(page->base, TALLY_PAGE_SIZE);
}

static struct tally_page *take_available(struct tally_heap *heap, unsigned layout, unsigned class)
{
	struct tally_page **head = &heap->available[layout][class], *page = *head;
	if (page) unlink_page(head, page);
	return page;
}

// Whether an empty page can be formatted so now. A reader without a lock may still hold the address of an object that was in it:
// where it looks there must be a header for a while (variant_stamp). Nobody holds one into a page of raw buffers.
static bool is_ripe(const struct tally_page *page, unsigned layout, unsigned class)
{
	if (page->layout == TALLY_LAYOUT_RAW) return true;
	return (layout != TALLY_LAYOUT_RAW && page->class == class) || variant_has_passed(page->stamp);
}

static struct tally_page *take_empty(struct tally_heap *heap, unsigned layout, unsigned class)
{
	struct tally_page *page = heap->empty;
	while (page && !is_ripe(page, layout, class)) page = page->next;
	if (!page) return NULL;
	unlink_page(&heap->empty, page);
	heap->empties--;
	return page;
}

static bool choose_page(struct tally_heap *heap, unsigned layout, unsigned class)
{
	struct tally_page *page = take_available(heap, layout, class);
	if (!page) {
		page = take_empty(heap, layout, class);
		if (!page) page = tally_pages_take(TALLY_PAGE_SIZE);
		if (!page) return false;
		format(page, heap->tag, layout, class);
		heap->is_bare = false;
	}
	page->state = TALLY_PAGE_CURRENT;
	page->wake = -1;
	open_spare(page);
	heap->current[layout][class] = page;
	tally_young_list(page);
	return true;
}

// ---- allocation ----

static void *new_large(struct tally_heap *heap, size_t size, enum tally_layout layout)
{
	struct tally_page *page = layout == TALLY_LAYOUT_RAW ? take_kept(heap, size) : NULL;
	if (!page) page = tally_pages_take(size);
	if (!page && give_kept(heap)) page = tally_pages_take(size);
	if (!page) return NULL;
	page->block_size = (size_t)page->run << TALLY_PAGE_SHIFT;
	page->slots = 1;
	page->layout = (uint8_t)layout;
	page->owner = heap->tag;
	heap->is_bare = false;
	page->state = TALLY_PAGE_LARGE;
	page->spare = TALLY_SPARE_SHUT;
	page->used = 1;
	page->bump = page->end = page->base + page->block_size;
	if (layout != TALLY_LAYOUT_RAW) memset(page->base, 0, sizeof(struct tally_object));
	tally_young_list(page);
	return page->base;
}

bool tally_heap_relieve(void)
{
	if (!(tally_self.pending & TALLY_PENDING_RELIEF)) return false;
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_RELIEF;
	if (tally_in_section() || tally_self.burying) return false;
	tally_heap_reclaim();
	return true;
}

bool tally_heap_ask(size_t size) { return tally_self.pending & TALLY_PENDING_RELIEF && tally_pages_ask(size); }

// Makes the class's current page one that has room. False: no memory.
static bool make_room(struct tally_heap *heap, unsigned layout, unsigned class)
{
	retire(heap->current[layout][class]);
	heap->current[layout][class] = &tally_no_page;
	return choose_page(heap, layout, class);
}

void *tally_heap_new_slow(struct tally_heap *heap, size_t size, enum tally_layout layout)
{
	if (size > TALLY_MEDIUM_MAX) return new_large(heap, size, layout);
	unsigned class = tally_class_of(size);
	struct tally_page *page = heap->current[layout][class];
	if (page->free || page->bump < page->end) tally_young_watched(page);
	else if (!make_room(heap, layout, class)) return NULL;
	page = heap->current[layout][class];
	struct tally_object *block = page->free;
	if (block) {
		page->free = block->next;
	} else {
		block = (struct tally_object *)(void *)page->bump;
		page->bump += page->block_size;
	}
	page->used++;
	tally_show(block, size);
	return block;
}

void *tally_heap_new_anyhow(size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new(tally_self.heap, size, layout);
	if (tally_unlikely(!block) && tally_heap_ask(size)) block = tally_heap_new(tally_self.heap, size, layout);
	return block;
}

void *tally_heap_new_patiently(size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new(tally_self.heap, size, layout);
	if (tally_unlikely(!block) && tally_heap_relieve()) block = tally_heap_new(tally_self.heap, size, layout);
	if (tally_unlikely(!block) && tally_heap_ask(size)) block = tally_heap_new(tally_self.heap, size, layout);
	return block;
}

// ---- freeing ----

// The block's next object is to be young.
static void forget_age(struct tally_page *page, const void *block)
{
	struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page), index = tally_block_index(page, block);
	uint64_t bit = (uint64_t)1 << index % 64;
	arena->old[number][index / 64] &= ~bit;
	arena->middle[number][index / 64] &= ~bit;
}

static inline void free_young(struct tally_heap *heap, struct tally_page *page, void *block)
{
	link_free(page, block);
	if (tally_unlikely(--page->used <= page->wake)) tally_page_woken(heap, page);
}

static __attribute__((noinline)) void free_aged(struct tally_heap *heap, struct tally_page *page, void *block)
{
	forget_age(page, block);
	free_young(heap, page, block);
}

static inline void free_local(struct tally_heap *heap, struct tally_page *page, void *block)
{
	if (tally_unlikely(page->has_aged)) free_aged(heap, page, block);
	else free_young(heap, page, block);
}

void tally_heap_free(void *block)
{
	struct tally_page *page = tally_page_of(block);
	struct tally_heap *heap = tally_self.heap;
	tally_heap_hide(page, block);
	if (tally_unlikely(page->owner != heap->tag)) variant_free_remote(page, block);
	else free_local(heap, page, block);
}

void tally_heap_free_stopped(void *block)
{
	struct tally_page *page = tally_page_of(block);
	tally_heap_hide(page, block);
	free_local(variant_heap_of(page), page, block);
}

void tally_page_reset(struct tally_page *page)
{
	struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page);
	memset(arena->old[number], 0, sizeof arena->old[number]);
	memset(arena->middle[number], 0, sizeof arena->middle[number]);
	page->has_aged = false;
	page->free = NULL;
	page->bump = page->base;
	page->used = 0;
	open_spare(page);
	tally_hide(page->base, TALLY_PAGE_SIZE);
	if (page->used <= page->wake) tally_page_woken(variant_heap_of(page), page);
}

// Blocks on a remote list are linked by the old value of the list's word, kept where a free block keeps its link.
void tally_page_take_remote(struct tally_heap *heap, struct tally_page *page)
{
	// order: acquire the freers' last uses of the blocks; pairs with tally_page_put_remote.
	// Else: the next owner of a block writes into it while its freer still reads.
	uint32_t list = tally_exchange(&page->remote, 0, acquire);
	unsigned taken = list >> 16;
	while (list >> 16) {
		struct tally_object *block = (struct tally_object *)(void *)(page->base + (list & 0xFFFF));
		list = (uint32_t)(uintptr_t)block->next;
		if (page->has_aged) forget_age(page, block);
		link_free(page, block);
	}
	page->used -= (int32_t)taken;
	if (page->used <= page->wake) tally_page_woken(heap, page);
}

bool tally_page_put_remote(struct tally_page *page, void *block)
{
	struct tally_object *freed = block;
	uint32_t offset = (uint32_t)((char *)block - page->base), list = tally_load(&page->remote, relaxed);
	do {
		freed->next = (struct tally_object *)(uintptr_t)list;
		// order: release this thread's last uses of the block; pairs with tally_page_take_remote.
		// Else: the next owner of the block writes into it while this thread still reads.
	} while (!tally_cas(&page->remote, &list, ((list >> 16) + 1) << 16 | offset, release));
	return list == 0;
}

// ---- giving pages back ----

static void release_current(struct tally_heap *heap, unsigned layout, unsigned class)
{
	struct tally_page *page = heap->current[layout][class];
	if (page == &tally_no_page) return;
	tally_page_fold(page);
	if (page->used > 0) return;
	shut_spare(page);
	tally_young_settle(page);
	heap->current[layout][class] = &tally_no_page;
	make_empty(heap, page);
}

void tally_heap_give_empty(struct tally_heap *heap)
{
	for (unsigned layout = 0; layout < TALLY_LAYOUTS; layout++)
		for (unsigned class = 0; class < TALLY_CLASSES; class++) release_current(heap, layout, class);
	give_kept(heap);
	for (struct tally_page *page; (page = heap->empty);) {
		unlink_page(&heap->empty, page);
		heap->empties--;
		tally_pages_give(page);
	}
}

// ---- adopting pages ----

static void mark_orphan(struct tally_heap *heap, void *context)
{
	bool *any = context;
	heap->is_orphan = !heap->is_bare;
	*any |= heap->is_orphan;
}

static int adopt_page(struct tally_page *page, void *context)
{
	struct tally_heap *to = context;
	if (!variant_heap_of(page)->is_orphan) return 0;
	variant_page_orphaned(page);
	page->owner = to->tag;
	to->is_bare = false;
	switch (page->state) {
	case TALLY_PAGE_CURRENT:
		retire(page);
		if (page->used == 0) make_empty(to, page);
		else if (page->free || page->bump < page->end) make_available(to, page);
		break;
	case TALLY_PAGE_AVAILABLE: make_available(to, page); break;
	case TALLY_PAGE_EMPTY: make_empty(to, page); break;
	default: break; // full, large and retired pages are on no list of the heap's
	}
	return 0;
}

static void make_bare(struct tally_heap *heap, void *unused)
{
	(void)unused;
	if (!heap->is_orphan) return;
	give_kept(heap);
	tally_heap_init(heap, heap->tag);
	heap->is_bare = true;
}

void tally_heap_adopt(struct tally_heap *to)
{
	bool any = false;
	variant_orphans(mark_orphan, &any);
	if (!any) return;
	tally_pages_each(adopt_page, to);
	variant_orphans(make_bare, NULL);
}

// ---- raw buffers ----

void *tally_raw_new(size_t size)
{
	if (!size) size = 1;
	void *raw = tally_heap_new(tally_self.heap, size, TALLY_LAYOUT_RAW);
	if (tally_unlikely(!raw) && tally_heap_ask(size)) raw = tally_heap_new(tally_self.heap, size, TALLY_LAYOUT_RAW);
	if (raw) tally_show(raw, tally_page_of(raw)->block_size); // its owner may use all that it got
	return raw;
}
