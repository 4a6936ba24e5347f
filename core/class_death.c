// core/class_death.c: how classes die.
//
// Instances do not count their class, so a class cannot die with its last reference. The table of types has a reference of its
// own to each; a full collection leaves that one out, and follows the edge from an instance to its class when it marks. What has
// no mark then has neither references nor instances that live. Objects under destruction are no candidates but need their class:
// they are noted while the heap is walked (tally_class_need).
//
// Trash classes are set aside with the instances that need them (core/trash.c): finalizers run, a second look finds what came
// back. The rest is cleared. A class that is found dead is closed; it goes at once if no block of an instance is left, else
// with the last of them, which counts down.
//
// I1  A class leaves the table of types only when none of its instances is allocated.
// I2  The table's reference is dropped exactly once: by tally_class_bury, or by who frees the last instance of a closed class.
#include "class.h"
#include "callback.h"
#include "candidates.h"
#include "mark.h"
#include "object.h"

// ---- the mark ----

static void mark_needed(struct tally_class *type, void *context)
{
	if (!tally_load(&type->type.is_needed, relaxed)) return;
	tally_store(&type->type.is_needed, 0, relaxed);
	uint32_t number = tally_candidate_number(&type->type.header);
	if (number) tally_mark_number(context, number);
}

void tally_class_mark_needed(struct tally_candidates *set)
{
	tally_types_each_class(mark_needed, set);
	tally_mark_drain(set);
}

static bool has_instances(const struct tally_page *page)
{
	return (page->layout == TALLY_LAYOUT_SLOTS || page->layout == TALLY_LAYOUT_INSTANCE) && page->used > 0;
}

// The type index of a block: of an object that lives or is dying; 0: of none.
static uint32_t type_of_block(const struct tally_object *object)
{
	return variant_is_alive(object) ? object->type : tally_load(&object->local, relaxed);
}

// Calls `visit` with the type of every block of the page that is not free.
static void each_block(struct tally_page *page, void (*visit)(struct tally_object *object, uint32_t type, void *context), void *context)
{
	for (unsigned i = 0; i < tally_page_filled(page); i++) {
		struct tally_object *object = tally_block_at(page, i);
		uint32_t type = type_of_block(object);
		if (type) visit(object, type, context);
	}
}

static void need_unless_member(struct tally_object *object, uint32_t type, void *context)
{
	const struct tally_candidates *set = context;
	if (!tally_candidate_has(set->member, tally_candidate_number(object))) tally_class_need(type);
}

static int note_page(struct tally_page *page, void *set)
{
	if (has_instances(page)) each_block(page, need_unless_member, set);
	return 0;
}

void tally_class_note_outsiders(struct tally_candidates *set) { tally_pages_each(note_page, set); }

// ---- burial ----

static void count_block(struct tally_object *object, uint32_t index, void *unused)
{
	struct tally_type *type = index < TALLY_TYPES ? tally_types[index] : NULL;
	(void)object;
	(void)unused;
	if (!type || !type->is_class || !((struct tally_class *)type)->is_counted) return;
	_Atomic uint64_t *remaining = &((struct tally_class *)type)->remaining;
	tally_store(remaining, tally_load(remaining, relaxed) + 1, relaxed);
}

static int count_page(struct tally_page *page, void *unused)
{
	if (has_instances(page)) each_block(page, count_block, unused);
	return 0;
}

static void forget_count(struct tally_class *type, void *unused)
{
	(void)unused;
	tally_store(&type->remaining, 0, relaxed);
}

// What is left of every closed class is counted anew. Those of which nothing is left lose their place.
static void count_stopped(struct tally_class *const *types, size_t count)
{
	for (size_t i = 0; i < count; i++) types[i]->is_counted = true;
	tally_types_each_class(forget_count, NULL);
	tally_pages_each(count_page, NULL);
	for (size_t i = 0; i < count; i++) {
		struct tally_class *type = types[i];
		type->is_leaving = type->is_listed && !tally_load(&type->remaining, relaxed);
		if (type->is_leaving) type->is_listed = false;
	}
}

void tally_class_bury(struct tally_class *const *types, size_t count)
{
	variant_world_stop();
	count_stopped(types, count);
	variant_world_start();
	for (size_t i = 0; i < count; i++) {
		if (types[i]->is_leaving) variant_decref(&types[i]->type.header);
		variant_decref(&types[i]->type.header);
	}
	tally_bury();
}

void tally_class_lost_one(struct tally_class *type)
{
	// order: acq_rel: what other threads did with their instances comes before the class goes; pairs with tally_class_lost_one. Else: the last
	// one frees the class while another still reads it.
	if (tally_fetch_sub(&type->remaining, 1, acq_rel) != 1) return;
	type->is_listed = false;
	variant_decref(&type->type.header);
}

// ---- what a class does as an object ----

void tally_class_close(struct tally_class *type)
{
	if (type->all) tally_heap_free_stopped(type->all);
	type->all = NULL;
	type->is_closed = true;
}

// Drops the references from the last entry to the first: see tally_bury_later.
static void give_up(struct tally_table *table)
{
	if (!table) return;
	struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = table->count; i > 0; i--) {
		if (entries[i - 1].value) variant_decref(entries[i - 1].value);
		variant_decref(entries[i - 1].key);
	}
	tally_raw_free(table);
}

void tally_class_clear(struct tally_object *object)
{
	struct tally_class *type = (struct tally_class *)object;
	if (!type->type.is_class) return;
	struct tally_table *own = type->own;
	type->own = NULL;
	bool outer = tally_bury_later();
	give_up(own);
	tally_bury_again(outer);
}

void tally_class_destroy(struct tally_object *object)
{
	struct tally_class *type = (struct tally_class *)object;
	if (!type->type.is_class) return;
	if (type->type.index) tally_type_leave(&type->type);
	tally_raw_free(type->all);
	give_up(type->own);
	give_up(type->names);
	if (type->base) {
		tally_fetch_sub(&type->base->heirs, 1, relaxed);
		variant_decref(&type->base->type.header);
	}
	if (!type->release) return;
	struct tally_callback before = tally_callback_begin();
	type->release(type->context);
	tally_callback_end(&before);
}
