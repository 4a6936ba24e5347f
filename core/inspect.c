// core/inspect.c: looking at the objects of the heap (tally/inspect.h).
// Walks over the heap, the world stopped.
#include "error.h"
#include "object.h"
#include "trace.h"

#include <tally/inspect.h>

bool tally_gc_is_tracked(const tally_object *object)
{
	if (!object || !tally_layout_is_tracked(tally_page_of(object)->layout)) return false;
	return !(tally_load(&object->gc, relaxed) & TALLY_GC_UNTRACKED);
}

bool tally_gc_is_finalized(const tally_object *object)
{
	return object && tally_load(&object->gc, relaxed) & TALLY_GC_FINALIZED;
}

tally_object *tally_gc_get_objects(int generation)
{
	tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_get_objects", "generation %d: not built yet", generation);
	return NULL;
}

tally_object *tally_gc_get_referrers(tally_object *const *objects, size_t count)
{
	(void)objects;
	tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_get_referrers", "%zu objects: not built yet", count);
	return NULL;
}

tally_object *tally_gc_get_referents(tally_object *const *objects, size_t count)
{
	(void)objects;
	tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_get_referents", "%zu objects: not built yet", count);
	return NULL;
}

int64_t tally_gc_count_types(tally_gc_type_count *counts, size_t room)
{
	(void)counts;
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_count_types", "room for %zu: not built yet", room);
}
