// core/list.h: a list from the inside: what core/list.c guards with the list's lock, and the collector reads in a stopped
// world.
//
// I1  size <= capacity; items[0 .. size) are objects, each with one reference owned by the list.
// I2  `items` is NULL exactly when `capacity` is 0.
#ifndef TALLY_CORE_LIST_H
#define TALLY_CORE_LIST_H

#include "header.h"

struct tally_list {
	struct tally_object header;
	uint32_t size;
	uint32_t capacity;           // elements that fit
	struct tally_object **items; // raw buffer
};

static_assert(offsetof(struct tally_list, size) == 16, "TALLY_LAYOUT_ARRAY");
static_assert(offsetof(struct tally_list, items) == 24, "TALLY_LAYOUT_ARRAY");

#endif
