// core/tuple.h: a tuple from the inside.
//
// I1  `size` and `items` are written once, before anybody else can see the tuple: reading them needs no lock.
// I2  Every element is an object, and the tuple owns a reference to it.
// I3  There is one tuple without elements, tally_tuple_empty: immortal, and on a page that the collector does not look at.
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

extern struct tally_object *tally_tuple_empty; // written while the runtime starts and ends (core/singleton.c)

// Constructors for use within the library, after a run point. NULL with the error set, which names `operation`.

// A tuple whose elements, at least one, the caller writes at once, before anything else allocates.
struct tally_tuple *tally_tuple_make(const char *operation, size_t size);
// Of `size` objects, with a new reference to each.
struct tally_object *tally_tuple_of(const char *operation, struct tally_object *const *items, size_t size);

#endif
