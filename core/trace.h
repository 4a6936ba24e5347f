// core/trace.h: the references of an object, by its layout.
//
// The layout is the page's, so whoever walks a page decides once and reads no type. A visitor is called for every reference
// that the object owns, each exactly once; a NULL (a tombstone of a dict, a host's empty field) is passed on, and the visitor
// tests for it. Inlined into each walk with its visitor; host types call it through a pointer.
// World stopped, or the object is the caller's alone.
#ifndef TALLY_CORE_TRACE_H
#define TALLY_CORE_TRACE_H

#include "class.h"
#include "dict.h"
#include "list.h"
#include "tuple.h"
#include "type.h"

#define TALLY_INLINED static inline __attribute__((always_inline))

TALLY_INLINED void tally_trace_array(struct tally_object **items, size_t size, tally_visit_fn visit, void *context)
{
	for (size_t i = 0; i < size; i++) visit(items[i], context);
}

TALLY_INLINED void tally_trace_table(struct tally_table *table, tally_visit_fn visit, void *context)
{
	if (!table) return;
	struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = 0; i < table->count; i++) {
		visit(entries[i].key, context);
		visit(entries[i].value, context);
	}
}

// References inline from offset 16 (TALLY_LAYOUT_SLOTS); what stands behind them is no reference.
static inline struct tally_object **tally_slots(struct tally_object *object) { return (struct tally_object **)(void *)(object + 1); }

TALLY_INLINED void tally_trace_instance(struct tally_instance *instance, tally_visit_fn visit, void *context)
{
	tally_trace_table(instance->own.table, visit, context);
	visit(instance->dict, context);
	tally_trace_array(instance->slots, instance->own.header.aux, visit, context);
}

// `all` borrows what it has.
TALLY_INLINED void tally_trace_class(struct tally_class *type, tally_visit_fn visit, void *context)
{
	visit((struct tally_object *)type->base, context);
	tally_trace_table(type->own, visit, context);
	tally_trace_table(type->names, visit, context);
}

TALLY_INLINED void tally_trace_host(struct tally_object *object, tally_visit_fn visit, void *context)
{
	const struct tally_type *type = tally_type(object);
	type->host.traverse((char *)object + type->payload, visit, context, type->host.context);
}

// `layout` is a tracked one.
TALLY_INLINED void tally_trace(struct tally_object *object, unsigned layout, tally_visit_fn visit, void *context)
{
	if (layout == TALLY_LAYOUT_POINTERS) {
		struct tally_tuple *tuple = (struct tally_tuple *)object;
		tally_trace_array(tuple->items, tuple->size, visit, context);
	} else if (layout == TALLY_LAYOUT_ARRAY) {
		struct tally_list *list = (struct tally_list *)object;
		tally_trace_array(list->items, list->size, visit, context);
	} else if (layout == TALLY_LAYOUT_ENTRIES) {
		tally_trace_table(((struct tally_dict *)object)->table, visit, context);
	} else if (layout == TALLY_LAYOUT_SLOTS) {
		tally_trace_array(tally_slots(object), object->aux, visit, context);
	} else if (layout == TALLY_LAYOUT_INSTANCE) {
		tally_trace_instance((struct tally_instance *)object, visit, context);
	} else if (layout == TALLY_LAYOUT_CLASS) {
		tally_trace_class((struct tally_class *)object, visit, context);
	} else {
		tally_trace_host(object, visit, context);
	}
}

// ---- tuples through which no cycle can go ----

static inline bool tally_is_untracked(const struct tally_object *object)
{
	return tally_load(&object->gc, relaxed) & TALLY_GC_UNTRACKED;
}

static inline bool tally_is_atom(const struct tally_object *object)
{
	return !tally_layout_is_tracked(tally_page_of(object)->layout) || tally_is_untracked(object);
}

// A tuple is immutable: one that holds atoms only will always, and the collector passes it over from now on.
static inline void tally_untrack_if_atoms(struct tally_tuple *tuple)
{
	for (size_t i = 0; i < tuple->size; i++)
		if (!tally_is_atom(tuple->items[i])) return;
	tally_fetch_or(&tuple->header.gc, TALLY_GC_UNTRACKED, relaxed);
}

// ---- what a mark follows ----

// The references and the type, which an object does not count but keeps alive. Done once for each object that lives.
TALLY_INLINED void tally_trace_living(struct tally_object *object, unsigned layout, tally_visit_fn visit, void *context)
{
	tally_trace(object, layout, visit, context);
	if (layout == TALLY_LAYOUT_SLOTS || layout == TALLY_LAYOUT_INSTANCE) visit(&tally_type(object)->header, context);
	if (layout == TALLY_LAYOUT_POINTERS) tally_untrack_if_atoms((struct tally_tuple *)object);
}

// The raw buffer that an object of that layout owns, or NULL. (Classes own several and are never emptied by layout.)
static inline void *tally_trace_buffer(struct tally_object *object, unsigned layout)
{
	if (layout == TALLY_LAYOUT_ARRAY) return ((struct tally_list *)object)->items;
	if (layout == TALLY_LAYOUT_INSTANCE) return ((struct tally_instance *)object)->own.table;
	return layout == TALLY_LAYOUT_ENTRIES ? ((struct tally_dict *)object)->table : NULL;
}

#endif
