// core/tuple.h: a tuple from the inside.
//
// I1  `size` and `items` are written once, before anybody else can see the tuple: reading them needs no lock.
// I2  Every element is an object, and the tuple owns a reference to it.
#ifndef TALLY_CORE_TUPLE_H
#define TALLY_CORE_TUPLE_H

#include "header.h"

struct tally_tuple {
	struct tally_object header;
	size_t size;
	struct tally_object *items[];
};

static_assert(offsetof(struct tally_tuple, size) == 16, "TALLY_LAYOUT_POINTERS");
static_assert(offsetof(struct tally_tuple, items) == 24, "TALLY_LAYOUT_POINTERS");

#endif
