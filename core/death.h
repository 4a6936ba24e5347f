// core/death.h: the commonest deaths, for inlining: of objects that have nothing to give up.
//
// They are leaves (their type has no `destroy`), and lists, dicts and sets that have never held anything, or nothing any more:
// those whose layout (core/type.h) has a buffer, and there is none. Nothing can die with such an object, and none of the host's
// code runs, so it need not wait for a destructor or a section to end: its block is free at once.
// Any attached thread.
#ifndef TALLY_CORE_DEATH_H
#define TALLY_CORE_DEATH_H

#include "dict.h"
#include "list.h"
#include "object.h"

// tally_object_die for objects of every kind; and for those that are known to have nothing to give up.
void tally_object_die_slow(struct tally_object *object);
void tally_object_free_slow(struct tally_object *object);

// It has a finalizer to run, weak references to be cleared, or its death is counted.
static inline bool tally_object_dies_aloud(const struct tally_object *object)
{
	return tally_load(&object->gc, relaxed) & (TALLY_GC_FINALIZER | TALLY_GC_TRASH | TALLY_GC_REFERRED);
}

// The buffer of a list, a dict or a set stands in the same place.
static_assert(offsetof(struct tally_list, items) == offsetof(struct tally_dict, table), "TALLY_LAYOUT_ARRAY, TALLY_LAYOUT_ENTRIES");

static inline bool tally_object_is_hollow(const struct tally_object *object)
{
	const struct tally_type *type = tally_type(object);
	if (tally_likely(!type->destroy)) return true;
	if (type->layout < TALLY_LAYOUT_ARRAY || type->layout > TALLY_LAYOUT_ENTRIES) return false;
	return !((const struct tally_list *)object)->items;
}

static inline void tally_object_free(struct tally_object *object)
{
	if (tally_unlikely(variant_has_queued())) tally_object_free_slow(object);
	else tally_heap_free_object(object);
}

// tally_object_die, inlined.
static inline void tally_object_die_here(struct tally_object *object)
{
	if (tally_unlikely(!tally_object_is_hollow(object) || tally_object_dies_aloud(object))) tally_object_die_slow(object);
	else tally_object_free(object);
}

#endif
