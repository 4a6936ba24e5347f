// core/dict_table.c: building tables: how large, an empty one, one entry more, the last one, the living entries of another.
// The search is inline in core/dict_table.h, which has the layout and the invariants.
//
// Pure functions on one raw buffer: any thread that holds the lock of the dict, or is alone with the table.
#include "dict_table.h"

#include <string.h>

unsigned tally_table_log2_for(size_t entries)
{
	unsigned log2 = TALLY_TABLE_LOG2_MIN;
	while (log2 <= TALLY_TABLE_LOG2_MAX && ((size_t)1 << (log2 - 1)) < entries) log2++;
	return log2;
}

static size_t index_bytes(unsigned log2) { return (size_t)1 << (log2 + (log2 > 8) + (log2 > 16)); }

size_t tally_table_bytes(unsigned log2)
{
	size_t entries = (size_t)1 << (log2 - 1);
	return sizeof(struct tally_table) + index_bytes(log2) + entries * sizeof(struct tally_entry);
}

struct tally_table *tally_table_init(void *memory, unsigned log2)
{
	struct tally_table *table = memory;
	*table = (struct tally_table){
		.capacity = (uint32_t)1 << (log2 - 1),
		.mask = (uint32_t)(((size_t)1 << log2) - 1),
		.offset = (uint32_t)(index_bytes(log2) / 8),
	};
	memset(table + 1, 0xFF, index_bytes(log2)); // vacant, whatever a slot's width
	return table;
}

static void set_slot(struct tally_table *table, size_t slot, uint32_t number)
{
	void *index = table + 1;
	// order: release the entry of that number; pairs with tally_index_slot. Else: a reader finds an entry that is not written yet.
	if (table->mask <= UINT8_MAX) tally_store((_Atomic uint8_t *)index + slot, (uint8_t)number, release);
	else if (table->mask <= UINT16_MAX) tally_store((_Atomic uint16_t *)index + slot, (uint16_t)number, release);
	else tally_store((_Atomic uint32_t *)index + slot, number, release);
}

static size_t vacant_slot(const struct tally_table *table, uint64_t hash)
{
	size_t slot = hash & table->mask;
	while (tally_table_slot(table, slot) != TALLY_TABLE_VACANT) slot = (slot + 1) & table->mask;
	return slot;
}

// The same, or one on the way there that leads to a tombstone.
static size_t usable_slot(const struct tally_table *table, uint64_t hash, bool *is_used)
{
	const struct tally_entry *entries = tally_table_entries(table);
	size_t slot = hash & table->mask;
	uint32_t number;
	while ((number = tally_table_slot(table, slot)) != TALLY_TABLE_VACANT && entries[number].key) slot = (slot + 1) & table->mask;
	*is_used = number != TALLY_TABLE_VACANT;
	return slot;
}

static void append_at(struct tally_table *table, size_t slot, struct tally_entry entry)
{
	TALLY_ASSERT(table->count < table->capacity);
	uint32_t number = table->count;
	tally_table_entries(table)[number] = entry;
	set_slot(table, slot, number);
	// order: release the entry; pairs with tally_table_count. Else: who goes through the entries reads one that is not written yet.
	tally_store((_Atomic uint32_t *)&table->count, number + 1, release);
}

void tally_table_append(struct tally_table *table, uint64_t hash, struct tally_object *key, struct tally_object *value)
{
	append_at(table, vacant_slot(table, hash), (struct tally_entry){.hash = hash, .key = key, .value = value});
}

bool tally_table_insert(struct tally_table *table, uint64_t hash, struct tally_object *key, struct tally_object *value)
{
	bool is_used;
	size_t slot = usable_slot(table, hash, &is_used);
	append_at(table, slot, (struct tally_entry){.hash = hash, .key = key, .value = value});
	return is_used;
}

void tally_table_fill(struct tally_table *table, const struct tally_table *from)
{
	const struct tally_entry *entries = tally_table_entries(from);
	for (uint32_t i = 0; i < from->count; i++)
		if (entries[i].key) tally_table_append(table, entries[i].hash, entries[i].key, entries[i].value);
}

struct tally_entry *tally_table_last(struct tally_table *table)
{
	struct tally_entry *entries = tally_table_entries(table);
	uint32_t end = table->count;
	while (end > 0 && !entries[end - 1].key) end = entries[end - 1].hash ? (uint32_t)entries[end - 1].hash - 1 : end - 1;
	if (end < table->count) tally_entry_rehash(&entries[table->count - 1], (uint64_t)end + 1); // the next search gets here at once
	return end > 0 ? &entries[end - 1] : NULL;
}
