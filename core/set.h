// core/set.h: sets and frozensets from the inside: a struct tally_dict whose entries have no values, and what core/keyed.h
// does with it. The table of a frozenset never changes once others can see the frozenset.
#ifndef TALLY_CORE_SET_H
#define TALLY_CORE_SET_H

#include "dict.h"

static inline bool tally_object_is_set(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_SET || object->type == TALLY_TYPE_FROZENSET;
}

#endif
