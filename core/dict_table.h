// core/dict_table.h: the table of a dict: one raw buffer that knows everything needed to search it.
//
//   table   count, capacity, mask, offset | index: mask + 1 slots of 1, 2 or 4 bytes | entries: hash, key, value
//
// The entries stand in the order of insertion; the index maps a hash to an entry's number, by linear probing. It is at
// most half full, so that a search ends soon and always ends.
//
// I1  Entries are only ever appended, and `count` only grows: an entry that was deleted stays as a tombstone (key and value NULL) until
//     its dict gets a new table. So a number found in the index means the same for the whole life of the table. A slot that holds a
//     number never becomes vacant, and gets another number only when its entry is a tombstone: so a key that comes and goes does not
//     make its probe sequence longer each time, and no search that is under way loses a key that is there (docs/reading.md).
// I2  count <= capacity; capacity is half the number of slots.
// I3  A table is built in full before its dict refers to it.
// I4  The hash of tombstone i is 0, or j + 1 for a j <= i such that the entries from j to i are all tombstones.
// I5  The searches may run while the holder of the lock changes the table (docs/reading.md). An entry is whole before its number
//     stands in a slot, and its number before `count` counts it; it is emptied value first, then key, then hash. Of a table that
//     a dict has given up nothing changes any more.
// Pure: no locks, no counts, no memory of their own. Who changes a table holds the dict's lock, or is alone with the table; who
// searches it may also be an attached thread that may read the dict without its lock (core/reader.h).
#ifndef TALLY_CORE_DICT_TABLE_H
#define TALLY_CORE_DICT_TABLE_H

#include "reader.h"
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
// The same for a table that may have tombstones: the first one in the way gives its slot. True: that is so; a search that
// has let go of the lock may have passed that slot, and must begin again.
bool tally_table_insert(struct tally_table *table, uint64_t hash, struct tally_object *key, struct tally_object *value);
// Appends the living entries of `from`, in order.
void tally_table_fill(struct tally_table *table, const struct tally_table *from);
// The last living entry, or NULL. In constant time, on average, when such entries are buried one after the other.
struct tally_entry *tally_table_last(struct tally_table *table);

static inline struct tally_entry *tally_table_entries(const struct tally_table *table)
{
	return (struct tally_entry *)((uintptr_t)(table + 1) + (size_t)table->offset * 8);
}

// How many entries there are to be gone through.
static inline uint32_t tally_table_count(const struct tally_table *table)
{
	// order: acquire the entries; pairs with append_at. Else: one is read that is not written yet.
	return tally_load((const _Atomic uint32_t *)&table->count, acquire);
}

static inline uint64_t tally_entry_hash(const struct tally_entry *entry)
{
	// order: acquire that an entry without its hash is empty; pairs with tally_entry_rehash. Else: who misses a key so tells
	// another thread, which finds it still.
	return tally_load((const _Atomic uint64_t *)&entry->hash, acquire);
}

// The entry is a tombstone.
static inline void tally_entry_rehash(struct tally_entry *entry, uint64_t hash)
{
	// order: release that the entry is empty; pairs with tally_entry_hash. Else: as there.
	tally_store((_Atomic uint64_t *)&entry->hash, hash, release);
}

// Makes a tombstone of a living entry, whose references are the caller's now. Who finds no value in a dict, no key in a set, takes
// the key for removed.
static inline void tally_table_bury(struct tally_entry *entry)
{
	tally_place_set(&entry->value, NULL);
	tally_place_set(&entry->key, NULL);
	tally_entry_rehash(entry, 0);
}

// The number of the entry in a slot of an index, or TALLY_TABLE_VACANT. The width of a slot follows from how many there are.
static inline uint32_t tally_index_slot(const void *index, uint32_t mask, size_t slot)
{
	// order: acquire the entry of that number; pairs with set_slot. Else: a reader finds an entry that is not written yet.
	if (mask <= UINT8_MAX) {
		uint8_t number = tally_load((const _Atomic uint8_t *)index + slot, acquire);
		return number == UINT8_MAX ? TALLY_TABLE_VACANT : number;
	}
	if (mask <= UINT16_MAX) {
		// order: acquire as above; pairs with set_slot. Else: as above.
		uint16_t number = tally_load((const _Atomic uint16_t *)index + slot, acquire);
		return number == UINT16_MAX ? TALLY_TABLE_VACANT : number;
	}
	return tally_load((const _Atomic uint32_t *)index + slot, acquire);
}

static inline uint32_t tally_table_slot(const struct tally_table *table, size_t slot)
{
	return tally_index_slot(table + 1, table->mask, slot);
}

// The next living entry with that hash, from *slot of the probe sequence on, which is then the slot behind its own. NULL:
// there is none. A search begins at slot hash & mask.
static inline struct tally_entry *tally_table_match(const struct tally_table *table, uint64_t hash, size_t *slot)
{
	struct tally_entry *entries = tally_table_entries(table);
	for (size_t at = *slot;; at = (at + 1) & table->mask) {
		uint32_t number = tally_table_slot(table, at);
		if (number == TALLY_TABLE_VACANT) return NULL;
		struct tally_entry *entry = &entries[number];
		if (tally_entry_hash(entry) != hash || !tally_place_read(&entry->key)) continue;
		*slot = (at + 1) & table->mask;
		return entry;
	}
}

// Whether both are the same str; `b` is one.
static inline bool tally_table_same_key(const struct tally_object *a, const struct tally_object *b)
{
	return a == b ||
	       (a->type == TALLY_TYPE_STR && tally_str_same((const struct tally_str *)a, (const struct tally_str *)b));
}

// The entry of `key`, a str, among keys that are strs; NULL when it has none. `table` may be NULL: the empty one. For keys of
// any type: core/keyed.h.
static inline struct tally_entry *tally_table_find(const struct tally_table *table, const struct tally_object *key,
                                                   uint64_t hash)
{
	if (!table) return NULL;
	struct tally_entry *const entries = tally_table_entries(table);
	const uint32_t mask = table->mask;
	for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
		uint32_t number = tally_index_slot(table + 1, mask, slot);
		if (number == TALLY_TABLE_VACANT) return NULL;
		struct tally_entry *entry = &entries[number];
		if (tally_entry_hash(entry) != hash) continue;
		const struct tally_object *stored = tally_place_read(&entry->key);
		if (tally_likely(stored == key) || (stored && tally_table_same_key(stored, key))) return entry;
	}
}

#endif
