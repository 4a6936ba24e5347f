// core/freeze.c: the permanent generation (core/freeze.h, tally/gc.h).
//
// To freeze is to set both age bits of every block that holds a live object, page by page: the heads of the arenas are written to, the
// objects are not. A freed block loses both bits (core/heap.c), so the next object in it is young.
//
// Why I2 of freeze.h holds, and so no class goes before its frozen instances. An instance does not count its class, and a frozen one
// is not there when a mark asks whom it needs (core/class_death.c). But the class is in the table of types, which has a reference to it,
// until no block of an instance is left (I1 of class_death.c): so it lives when the instance is frozen, is frozen at the same moment, and
// its block is not freed while the instance's is not. Both leave the permanent generation at the same moment, too, whether they live or are
// dying by then. An instance that is dying when all others are frozen, and comes back, is not frozen; its class may be. And what
// a collection has set aside as trash, class and instance, is frozen with the rest; the collection goes on by its list: it asks the whole heap
// who needs the class (tally_class_note_outsiders), whatever the ages, and what comes back comes back as frozen.
//
// Where nothing has been frozen collections pay for this with one test of a flag a page.
#include "freeze.h"
#include "due.h"
#include "inspect.h"
#include "object.h"

#include <tally/gc.h>

bool tally_has_frozen;

// ---- for collections ----

bool tally_page_is_frozen_slow(const struct tally_page *page)
{
	const struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page);
	int32_t frozen = 0;
	for (unsigned word = 0; word * 64 < tally_page_filled(page); word++)
		frozen += tally_count_bits(tally_frozen_blocks(arena, number, word));
	return frozen == page->used; // what has been freed by others is used, too, and has its bits
}

// ---- freezing ----

static void freeze_block(const struct tally_page *page, struct tally_object *object, void *context)
{
	if (!variant_is_alive(object)) return;
	struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page), index = tally_block_index(page, object);
	uint64_t bit = (uint64_t)1 << index % 64;
	arena->old[number][index / 64] |= bit;
	arena->middle[number][index / 64] |= bit;
	*(bool *)context = true;
}

static int freeze_page(struct tally_page *page, void *unused)
{
	bool any = false;
	(void)unused;
	if (!tally_layout_is_tracked(page->layout)) return 0;
	tally_inspect_blocks(page, freeze_block, &any);
	if (any) tally_page_age(page);
	return 0;
}

static void list_anew(struct tally_heap *heap, void *unused)
{
	(void)unused;
	tally_young_reset(heap);
}

int tally_gc_freeze(void)
{
	if (!tally_inspect_enter("gc_freeze")) return -1;
	variant_world_stop();
	tally_pages_each(freeze_page, NULL);
	tally_has_frozen = true;
	tally_pages_forget_young(true);
	tally_due_frozen();
	variant_heaps(list_anew, NULL);
	variant_world_start();
	tally_bury();
	return 0;
}

// ---- unfreezing ----

static int unfreeze_page(struct tally_page *page, void *context)
{
	size_t *unfrozen = context;
	if (!tally_layout_is_tracked(page->layout) || !page->has_aged) return 0;
	struct tally_arena *arena = tally_arena_of(page);
	unsigned number = tally_page_index(page);
	for (unsigned word = 0; word < TALLY_BIT_WORDS; word++) {
		uint64_t frozen = tally_frozen_blocks(arena, number, word);
		arena->middle[number][word] &= ~frozen;
		*unfrozen += tally_count_bits(frozen);
	}
	return 0;
}

int tally_gc_unfreeze(void)
{
	size_t unfrozen = 0;
	if (!tally_inspect_enter("gc_unfreeze")) return -1;
	variant_world_stop();
	if (tally_has_frozen) tally_pages_each(unfreeze_page, &unfrozen);
	tally_has_frozen = false;
	tally_due_unfrozen(unfrozen);
	variant_world_start();
	tally_bury();
	return 0;
}

// ---- counting ----

static void count_block(const struct tally_page *page, struct tally_object *object, void *context)
{
	unsigned index = tally_block_index(page, object);
	uint64_t frozen = tally_frozen_blocks(tally_arena_of(page), tally_page_index(page), index / 64);
	if (frozen >> index % 64 & 1 && tally_inspect_shows(object)) ++*(int64_t *)context;
}

static int count_page(struct tally_page *page, void *frozen)
{
	if (tally_layout_is_tracked(page->layout) && page->has_aged) tally_inspect_blocks(page, count_block, frozen);
	return 0;
}

int64_t tally_gc_get_freeze_count(void)
{
	int64_t frozen = 0;
	if (!tally_inspect_enter("gc_get_freeze_count")) return -1;
	variant_world_stop();
	if (tally_has_frozen) tally_pages_each(count_page, &frozen);
	variant_world_start();
	tally_bury();
	return frozen;
}
