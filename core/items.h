// core/items.h: what tuples and lists ask of their arguments: elements that are there, an index that lies inside.
// Pure but for the error that they set: any thread, before the container's lock is taken or under it.
#ifndef TALLY_CORE_ITEMS_H
#define TALLY_CORE_ITEMS_H

#include "error.h"

// Looks for a NULL among the `size` objects at `items`. 0, or -1 with the error set.
static inline int tally_items_check(const char *operation, tally_object *const *items, size_t size)
{
	if (!items && size) return tally_error_raise(TALLY_ERROR_VALUE, operation, "%zu elements at NULL", size);
	for (size_t i = 0; i < size; i++)
		if (!items[i]) return tally_error_raise(TALLY_ERROR_VALUE, operation, "element %zu is NULL", i);
	return 0;
}

// The place that `index` means among `size` elements, counted from the end when negative. False: there is none.
static inline bool tally_items_find(ptrdiff_t index, size_t size, size_t *place)
{
	*place = index < 0 ? size + (size_t)index : (size_t)index;
	return *place < size; // a negative index beyond the start has wrapped to a huge place
}

#endif
