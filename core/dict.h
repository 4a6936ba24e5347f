// core/dict.h: a dict or a set from the inside: what the object's lock guards (core/keyed.h), and the collector reads in a
// stopped world. The table is core/dict_table.h's. Attached threads that may read the object without its lock (core/reader.h)
// read `table`, and nothing else.
//
// I1  `used` is the number of living entries of `table`; `table` is NULL only when that is 0.
// I2  Every living entry owns a reference to its key and, in a dict, one to its value; in a set the value is NULL.
#ifndef TALLY_CORE_DICT_H
#define TALLY_CORE_DICT_H

#include "dict_table.h"

struct tally_dict {
	struct tally_object header;
	uint32_t used;
	uint32_t replacements; // how often `table` has been replaced, or a slot of it used again
	struct tally_table *table; // raw buffer
};

static_assert(offsetof(struct tally_dict, used) == 16, "TALLY_LAYOUT_ENTRIES");
static_assert(offsetof(struct tally_dict, table) == 24, "TALLY_LAYOUT_ENTRIES");

// For readers without the lock; its holder may read plainly.
static inline struct tally_table *tally_dict_table(const struct tally_dict *object)
{
	// order: acquire the table as it was built; pairs with tally_keyed_set_table. Else: a reader searches half a table.
	return tally_load((struct tally_table *_Atomic const *)&object->table, acquire);
}

// An empty dict. No point. NULL with the error set.
struct tally_object *tally_dict_make(const char *operation);
// A list of the keys as of one moment. No point. NULL with the error set.
struct tally_object *tally_dict_list_keys(struct tally_dict *dict, const char *operation);

#endif
