// core/trace.h: the references of an object, by its layout.
//
// The layout is the page's, so whoever walks a page decides once and reads no type. A visitor is called for every reference
// that the object owns, each exactly once; a NULL (a tombstone of a dict, a host's empty field) is passed on, and the visitor
// tests for it. Inlined into each walk with its visitor; host types call it through a pointer.
// World stopped, or the object is the caller's alone.
#ifndef TALLY_CORE_TRACE_H
#define TALLY_CORE_TRACE_H

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

TALLY_INLINED void tally_trace_host(struct tally_object *object, tally_visit_fn visit, void *context)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	host->traverse(object + 1, visit, context, host->context);
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
	} else {
		tally_trace_host(object, visit, context);
	}
}

// The raw buffer that an object of that layout owns, or NULL.
static inline void *tally_trace_buffer(struct tally_object *object, unsigned layout)
{
	if (layout == TALLY_LAYOUT_ARRAY) return ((struct tally_list *)object)->items;
	return layout == TALLY_LAYOUT_ENTRIES ? ((struct tally_dict *)object)->table : NULL;
}

#endif
