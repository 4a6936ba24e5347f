// tests/dict_table.c: the tables of dicts from the inside: the invariants of core/dict_table.h, and what a dict knows of
// its table (core/dict.h).
#include "fixture.h"

#include "keyed.h"

// ---- a table by itself ----

// Keys without a dict: strings, since that is what a table by itself can find.
enum { MOST_KEYS = 1 << 17 };
static struct tally_object *keys[MOST_KEYS];

static uint64_t hash_of(struct tally_object *key)
{
	uint64_t hash = 0;
	CHECK_EQ(tally_object_hash(key, &hash, "test"), 0);
	return hash;
}

static void make_keys(unsigned count)
{
	for (unsigned i = 0; i < count; i++) keys[i] = counted(i);
}

static void drop_keys(unsigned count)
{
	for (unsigned i = 0; i < count; i++) tally_decref(keys[i]);
}

static struct tally_table *new_table(unsigned log2)
{
	void *memory = malloc(tally_table_bytes(log2)); // exactly as much: a sanitizer sees what lies beyond it
	if (!memory) tap_bail_out("no memory");
	memset(memory, 0x5A, tally_table_bytes(log2));
	return tally_table_init(memory, log2);
}

static bool is_at(const struct tally_table *table, unsigned key, unsigned number)
{
	return tally_table_find(table, keys[key], hash_of(keys[key])) == tally_table_entries(table) + number;
}

static void check_size(unsigned log2)
{
	struct tally_table *table = new_table(log2);
	unsigned slots = 1u << log2, entries = slots / 2, wrong = 0;
	CHECK_EQ(table->capacity, entries);
	CHECK_EQ(table->mask, slots - 1);
	CHECK_EQ(table->count, 0);
	char *end = (char *)(tally_table_entries(table) + table->capacity);
	CHECK_EQ(end - (char *)table, tally_table_bytes(log2));
	for (unsigned slot = 0; slot < slots; slot++) wrong += tally_table_slot(table, slot) != TALLY_TABLE_VACANT;
	for (unsigned i = 0; i < entries; i++) {
		wrong += tally_table_find(table, keys[i], hash_of(keys[i])) != NULL;
		tally_table_append(table, hash_of(keys[i]), keys[i], keys[i]);
		wrong += table->count != i + 1;
	}
	for (unsigned i = 0; i < entries; i++) wrong += !is_at(table, i, i);
	CHECK_EQ(wrong, 0);
	unsigned taken = 0;
	for (unsigned slot = 0; slot < slots; slot++) taken += tally_table_slot(table, slot) != TALLY_TABLE_VACANT;
	CHECK_EQ(taken, entries);
	free(table);
}

static void a_table_of_every_size_has_twice_as_many_slots_as_entries(void)
{
	make_keys(MOST_KEYS);
	for (unsigned log2 = TALLY_TABLE_LOG2_MIN; (2u << log2) <= 2 * MOST_KEYS; log2++) check_size(log2);
	drop_keys(MOST_KEYS);
}

static void the_size_for_a_number_of_entries_is_the_smallest_that_holds_them(void)
{
	for (size_t entries = 1; entries < 5000; entries++) {
		unsigned log2 = tally_table_log2_for(entries);
		size_t holds = (size_t)1 << (log2 - 1);
		if (!CHECK(holds >= entries && (log2 == TALLY_TABLE_LOG2_MIN || holds / 2 < entries))) return;
	}
	CHECK_EQ(tally_table_log2_for((size_t)1 << (TALLY_TABLE_LOG2_MAX - 1)), TALLY_TABLE_LOG2_MAX);
	CHECK(tally_table_log2_for(((size_t)1 << (TALLY_TABLE_LOG2_MAX - 1)) + 1) > TALLY_TABLE_LOG2_MAX);
	CHECK(tally_table_log2_for(SIZE_MAX) > TALLY_TABLE_LOG2_MAX);
}

static void bury(struct tally_table *table, unsigned number) { tally_table_bury(tally_table_entries(table) + number); }

// The half of it that a dict must keep is checked below, on whole dicts.
static void an_entry_keeps_its_number_for_the_life_of_its_table(void)
{
	static uint32_t slots[256];
	make_keys(128);
	struct tally_table *table = new_table(8);
	for (unsigned i = 0; i < 128; i++) {
		if (i % 3 == 2) bury(table, i - 1); // a tombstone, which is not filled again
		for (unsigned slot = 0; slot < 256; slot++) slots[slot] = tally_table_slot(table, slot);
		tally_table_append(table, hash_of(keys[i]), keys[i], keys[i]);
		unsigned changed = 0;
		for (unsigned slot = 0; slot < 256; slot++)
			if (slots[slot] != tally_table_slot(table, slot)) {
				CHECK_EQ(slots[slot], TALLY_TABLE_VACANT);
				CHECK_EQ(tally_table_slot(table, slot), i);
				changed++;
			}
		CHECK_EQ(changed, 1);
		CHECK_EQ(table->count, i + 1);
	}
	for (unsigned i = 0; i < 128; i++) {
		bool buried = i % 3 == 1 && i + 1 < 128;
		CHECK(buried ? !tally_table_find(table, keys[i], hash_of(keys[i])) : is_at(table, i, i));
	}
	free(table);
	drop_keys(128);
}

static unsigned slots_taken(const struct tally_table *table)
{
	unsigned taken = 0;
	for (unsigned slot = 0; slot <= table->mask; slot++) taken += tally_table_slot(table, slot) != TALLY_TABLE_VACANT;
	return taken;
}

static void a_key_that_comes_and_goes_takes_one_slot(void)
{
	enum { OTHERS = 16 };
	make_keys(OTHERS + 1);
	struct tally_table *table = new_table(8);
	tally_object *key = keys[OTHERS];
	for (unsigned i = 0; i < OTHERS; i++) CHECK(!tally_table_insert(table, hash_of(keys[i]), keys[i], NULL));
	for (unsigned i = 0; table->count < table->capacity; i++) {
		CHECK_EQ(tally_table_insert(table, hash_of(key), key, NULL), i > 0);
		CHECK_EQ(slots_taken(table), OTHERS + 1);
		CHECK_PTR(tally_table_find(table, key, hash_of(key)), tally_table_entries(table) + table->count - 1);
		bury(table, table->count - 1);
		CHECK(!tally_table_find(table, key, hash_of(key)));
	}
	for (unsigned i = 0; i < OTHERS; i++) CHECK(is_at(table, i, i));
	free(table);
	drop_keys(OTHERS + 1);
}

static void a_table_filled_from_another_is_complete(void)
{
	make_keys(128);
	for (unsigned step = 1; step < 10; step++) {
		struct tally_table *from = new_table(8), *to = new_table(9);
		for (unsigned i = 0; i < 128; i++) tally_table_append(from, hash_of(keys[i]), keys[i], keys[127 - i]);
		unsigned living = 0;
		for (unsigned i = 0; i < 128; i++)
			if (i % step) bury(from, i);
		tally_table_fill(to, from);
		for (unsigned i = 0; i < 128; i++) {
			if (i % step) continue;
			CHECK(is_at(to, i, living)); // in order, without the tombstones
			CHECK_PTR(tally_table_entries(to)[living].value, keys[127 - i]);
			CHECK(is_at(from, i, i)); // as it was
			living++;
		}
		CHECK_EQ(to->count, living);
		CHECK_EQ(from->count, 128);
		free(from);
		free(to);
	}
	drop_keys(128);
}

static void check_last(struct tally_table *table)
{
	struct tally_entry *last = NULL;
	for (uint32_t i = 0; i < table->count; i++)
		if (tally_table_entries(table)[i].key) last = tally_table_entries(table) + i;
	CHECK_PTR(tally_table_last(table), last);
}

static void the_last_living_entry_is_found_whatever_has_been_buried(void)
{
	uint64_t state = fixture_seed(0);
	make_keys(128);
	for (int round = tap_scale(200); round > 0; round--) {
		struct tally_table *table = new_table(8);
		check_last(table);
		while (table->count < table->capacity) {
			struct tally_object *key = keys[table->count];
			unsigned victim = table->count ? below(&state, table->count) : 0;
			struct tally_entry *last = tally_table_last(table);
			if (below(&state, 2))
				tally_table_append(table, hash_of(key), key, NULL);
			else if (last && below(&state, 2))
				tally_table_bury(last);
			else if (last && tally_table_entries(table)[victim].key)
				bury(table, victim);
			check_last(table);
		}
		free(table);
	}
	drop_keys(128);
}

// Each look passes the tombstones of the looks before it at once: else this would take 2^32 steps.
static void entries_taken_from_the_end_cost_the_same_each(void)
{
	make_keys(MOST_KEYS);
	struct tally_table *table = new_table(18);
	struct tally_entry *last;
	size_t taken = 0;
	for (unsigned i = 0; i < MOST_KEYS; i++) tally_table_append(table, hash_of(keys[i]), keys[i], NULL);
	for (; (last = tally_table_last(table)); taken++) tally_table_bury(last);
	CHECK_EQ(taken, MOST_KEYS);
	free(table);
	drop_keys(MOST_KEYS);
}

// ---- dicts ----

static struct tally_dict *inside(tally_object *dict) { return (struct tally_dict *)dict; }

// Whether a tombstone says the truth about those before it.
static bool is_true(const struct tally_entry *entries, uint32_t number)
{
	uint64_t first = entries[number].hash ? entries[number].hash - 1 : number;
	if (first > number) return false;
	for (uint32_t i = (uint32_t)first; i < number; i++)
		if (entries[i].key) return false;
	return true;
}

// Everything that core/dict.h and core/dict_table.h say of a dict between two operations.
static bool is_sound(tally_object *dict)
{
	const struct tally_table *table = inside(dict)->table;
	uint32_t living = 0, wrong = 0;
	if (!table) return inside(dict)->used == 0;
	const struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = 0; i < table->count; i++) {
		living += entries[i].key != NULL;
		wrong += !entries[i].key != !entries[i].value;
		wrong += !entries[i].key && !is_true(entries, i);
		wrong += entries[i].key && tally_table_find(table, entries[i].key, entries[i].hash) != &entries[i];
	}
	wrong += table->count > table->capacity || table->capacity * 2 != table->mask + 1;
	return living == inside(dict)->used && !wrong;
}

// What a table held, and how many the dict had had, to be compared with what it holds while the dict has not got another one.
struct memory {
	const struct tally_table *table;
	uint32_t replacements, count;
	struct tally_object *key[1024];
};

static void remember(struct memory *memory, tally_object *dict)
{
	memory->table = inside(dict)->table;
	memory->replacements = inside(dict)->replacements;
	memory->count = memory->table ? memory->table->count : 0;
	for (uint32_t i = 0; i < memory->count && i < 1024; i++)
		memory->key[i] = tally_table_entries(memory->table)[i].key;
}

// An entry is what it was, or a tombstone; none has come but at the end.
static bool has_only_grown(const struct memory *memory, tally_object *dict)
{
	const struct tally_table *table = inside(dict)->table;
	if (table != memory->table || inside(dict)->replacements != memory->replacements)
		return inside(dict)->replacements != memory->replacements;
	if (!table) return true;
	if (table->count < memory->count || table->count > memory->count + 1) return false;
	for (uint32_t i = 0; i < memory->count && i < 1024; i++) {
		const struct tally_object *key = tally_table_entries(table)[i].key;
		if (key && key != memory->key[i]) return false;
	}
	return true;
}

enum { SOME = 200 };

static void change(tally_object *dict, uint64_t *state)
{
	tally_object *key = keys[below(state, SOME)], *value = integer(1000), *got = NULL;
	switch (below(state, 8)) {
	case 0:
	case 1:
		CHECK_EQ(tally_dict_set(dict, key, value), 0);
		break;
	case 2:
		tally_decref(must(tally_dict_setdefault(dict, key, value)));
		break;
	case 3:
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		break;
	case 4:
	case 5:
		CHECK(tally_dict_pop(dict, key, &got) >= 0);
		break;
	case 6:
		CHECK(tally_dict_popitem(dict, &got, NULL) >= 0);
		break;
	default:
		if (below(state, 50) == 0) CHECK_EQ(tally_dict_clear(dict), 0);
	}
	tally_decref(value);
	tally_decref(got);
}

// All keys, then fewer and fewer, until none is left.
static void fill_and_empty(tally_object *dict)
{
	for (int i = 0; i < SOME; i++) CHECK_EQ(tally_dict_set(dict, keys[i], tally_none()), 0);
	for (int i = 0; i < SOME; i++) {
		CHECK_EQ(tally_dict_pop(dict, keys[i * 7 % SOME], NULL), 1);
		if (!CHECK(is_sound(dict))) break;
	}
	CHECK_EQ(inside(dict)->used, 0);
}

static void a_dict_knows_its_table_after_every_operation(void)
{
	static struct memory memory;
	tally_object *dict = must(tally_dict_new());
	uint64_t state = fixture_seed(0);
	make_keys(SOME);
	for (int i = tap_scale(20000); i > 0; i--) {
		remember(&memory, dict);
		change(dict, &state);
		if (!CHECK(is_sound(dict)) || !CHECK(has_only_grown(&memory, dict))) break;
		if (i % 1000 == 0) fill_and_empty(dict);
	}
	tally_decref(dict);
	drop_keys(SOME);
}

static void a_dict_keeps_its_table_when_another_cannot_be_had(void)
{
	tally_object *dict = must(tally_dict_new());
	static struct memory memory;
	if (tally_heap_fail(0, false)) { // this build has no faults on demand
		tally_error_clear();
		tally_decref(dict);
		return;
	}
	make_keys(SOME);
	for (int i = 0; i < SOME; i++) {
		remember(&memory, dict);
		CHECK_EQ(tally_heap_fail(1, true), 0);
		int result = tally_dict_set(dict, keys[i], keys[i]);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!memory.table || memory.count == memory.table->capacity) {
			CHECK_EQ(result, -1);
			tally_error_clear();
			CHECK_PTR(inside(dict)->table, memory.table);
			CHECK_EQ(memory.table ? memory.table->count : 0, memory.count);
			CHECK_EQ(tally_dict_set(dict, keys[i], keys[i]), 0);
		}
		CHECK(is_sound(dict));
	}
	tally_decref(dict);
	drop_keys(SOME);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_table_of_every_size_has_twice_as_many_slots_as_entries);
	TAP_RUN(the_size_for_a_number_of_entries_is_the_smallest_that_holds_them);
	TAP_RUN(an_entry_keeps_its_number_for_the_life_of_its_table);
	TAP_RUN(a_key_that_comes_and_goes_takes_one_slot);
	TAP_RUN(a_table_filled_from_another_is_complete);
	TAP_RUN(the_last_living_entry_is_found_whatever_has_been_buried);
	TAP_RUN(entries_taken_from_the_end_cost_the_same_each);
	TAP_RUN(a_dict_knows_its_table_after_every_operation);
	TAP_RUN(a_dict_keeps_its_table_when_another_cannot_be_had);
	return tap_end();
}
