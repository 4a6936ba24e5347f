// core/dict.h: a dict from the inside: what core/dict.c guards with the dict's lock, and the collector reads in a stopped
// world. The table is core/dict_table.h's.
//
// I1  `used` is the number of living entries of `table`; `table` is NULL only when that is 0.
// I2  Every living entry owns a reference to its key and one to its value.
#ifndef TALLY_CORE_DICT_H
#define TALLY_CORE_DICT_H

#include "dict_table.h"

struct tally_dict {
	struct tally_object header;
	uint32_t used;
	uint32_t spare;
	struct tally_table *table; // raw buffer
};

static_assert(offsetof(struct tally_dict, used) == 16, "TALLY_LAYOUT_ENTRIES");
static_assert(offsetof(struct tally_dict, table) == 24, "TALLY_LAYOUT_ENTRIES");

#endif
