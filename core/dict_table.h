// core/dict_table.h: the table of a dict: one raw buffer that knows everything needed to search it.
//
//   table   count, capacity, mask, offset | index: mask + 1 slots of 1, 2 or 4 bytes | entries: hash, key, value
//
// The entries stand in the order of insertion; the index maps a hash to an entry's number, by linear probing. It is at
// most half full, so that a search ends soon and always ends.
//
// I1  Entries are only ever appended, `count` only grows, and a slot that holds a number keeps it: an entry that was
//     deleted stays as a tombstone (key and value NULL) until its dict gets a new table. So a number found in the index
//     means the same for the whole life of the table.
// I2  count <= capacity; capacity is half the number of slots.
// I3  A table is built in full before its dict refers to it.
// Pure: no locks, no counts, no memory of their own. The caller holds the dict's lock, or is alone with the table.
#ifndef TALLY_CORE_DICT_TABLE_H
#define TALLY_CORE_DICT_TABLE_H

#include "str.h"
#include "type.h"

struct tally_entry {
	uint64_t hash;
	struct tally_object *key, *value;
};

struct tally_table {
	uint32_t count;    // entries appended so far, tombstones included
	uint32_t capacity; // entries that fit
	uint32_t mask;     // number of slots, a power of two, minus one
	uint32_t offset;   // of the entries behind the index, in units of eight bytes
};

enum { TALLY_TABLE_LOG2_MIN = 3, TALLY_TABLE_LOG2_MAX = 31 };
#define TALLY_TABLE_VACANT UINT32_MAX

// The log2 of the smallest table with room for `entries`; beyond TALLY_TABLE_LOG2_MAX: none is large enough.
unsigned tally_table_log2_for(size_t entries);
// The bytes of a table.
size_t tally_table_bytes(unsigned log2);
// Makes an empty table of memory of that size.
struct tally_table *tally_table_init(void *memory, unsigned log2);
// Appends an entry whose key is not there, moving the references into the table; there is room for it.
void tally_table_append(struct tally_table *table, uint64_t hash, struct tally_object *key, struct tally_object *value);
// Appends the living entries of `from`, in order.
void tally_table_fill(struct tally_table *table, const struct tally_table *from);

static inline struct tally_entry *tally_table_entries(const struct tally_table *table)
{
	return (struct tally_entry *)((uintptr_t)(table + 1) + (size_t)table->offset * 8);
}

// The number of the entry in a slot, or TALLY_TABLE_VACANT. The width of a slot follows from how many there are.
static inline uint32_t tally_table_slot(const struct tally_table *table, size_t slot)
{
	const void *index = table + 1;
	if (table->mask <= UINT8_MAX) {
		uint8_t number = ((const uint8_t *)index)[slot];
		return number == UINT8_MAX ? TALLY_TABLE_VACANT : number;
	}
	if (table->mask <= UINT16_MAX) {
		uint16_t number = ((const uint16_t *)index)[slot];
		return number == UINT16_MAX ? TALLY_TABLE_VACANT : number;
	}
	return ((const uint32_t *)index)[slot];
}

// Keys whose hashes are equal: are they? Both have been hashed, so they are immutable and not nested too deeply.
static inline bool tally_table_same_key(struct tally_object *a, struct tally_object *b)
{
	if (a == b) return true;
	if (tally_likely(a->type == TALLY_TYPE_STR && b->type == TALLY_TYPE_STR))
		return tally_str_same((struct tally_str *)a, (struct tally_str *)b);
	return tally_object_equal(a, b, 0) == 1;
}

// The entry of `key`; NULL when it has none. `table` may be NULL: the empty one.
static inline struct tally_entry *tally_table_find(const struct tally_table *table, struct tally_object *key,
                                                   uint64_t hash)
{
	if (!table) return NULL;
	struct tally_entry *entries = tally_table_entries(table);
	for (size_t slot = hash & table->mask;; slot = (slot + 1) & table->mask) {
		uint32_t number = tally_table_slot(table, slot);
		if (number == TALLY_TABLE_VACANT) return NULL;
		struct tally_entry *entry = &entries[number];
		if (entry->hash == hash && entry->key && tally_table_same_key(entry->key, key)) return entry;
	}
}

#endif
