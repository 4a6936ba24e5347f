// core/keyed.c: what dicts and sets have in common (core/keyed.h): the search with equality that is the host's, room, removal,
// copies, ends.
//
// A table that is full is replaced: by a larger one or, when many of its entries are tombstones, by one of the same size or
// less. The new table is complete before the object refers to it, and the old one is freed after the unlock. (The counter of
// replacements has 32 bits: for a change to go unseen there would have to be 2^32 of them during one comparison, the last of
// which puts a table where the first one stood.)
#include "keyed.h"
#include "error.h"
#include "hash.h"
#include "number.h"
#include "set.h"

enum {
	GROWTH = TALLY_TUNED(1, 64), // a full table gets room for its living entries, and for their number / this
};

// ---- finding ----

struct search {
	struct tally_dict *object;
	struct tally_object *key;
	uint64_t hash;
	const char *operation;
	size_t slot; // where it goes on
	struct tally_found found;
};

static void pin(struct search *search)
{
	if (search->found.state == TALLY_FIND_PINNED) return;
	variant_incref(&search->object->header);
	variant_incref(search->key);
	search->found.state = TALLY_FIND_PINNED;
}

void tally_keyed_unpin(struct tally_dict *object, struct tally_object *key)
{
	variant_decref(key);
	variant_decref(&object->header);
}

static struct tally_found fail(struct search *search)
{
	if (search->found.state == TALLY_FIND_PINNED) tally_keyed_unpin(search->object, search->key);
	search->found.state = TALLY_FIND_FAILED;
	return search->found;
}

static void lock(struct search *search) { search->found.hold = variant_lock_take(&search->object->header); }
static void unlock(struct search *search) { variant_lock_drop(&search->object->header, search->found.hold); }

static void begin(struct search *search)
{
	const struct tally_table *table = search->object->table;
	search->slot = table ? search->hash & table->mask : 0;
}

bool tally_keyed_hash_plain(struct tally_object *key, uint64_t *hash)
{
	if (tally_unlikely(!key)) return false;
	if (tally_likely(key->type == TALLY_TYPE_INT))
		*hash = tally_hash_mix((uint64_t)((struct tally_int *)key)->value);
	else if (tally_number_is(key))
		tally_number_hash(key, hash, "");
	else
		return (key->type == TALLY_TYPE_STR || key->type == TALLY_TYPE_BYTES) &&
		       tally_object_hash(key, hash, "") == 0;
	return true;
}

int tally_keyed_compare_plain(struct tally_object *a, struct tally_object *b)
{
	if (tally_likely(tally_number_is(a) && tally_number_is(b))) {
		if (a->type != TALLY_TYPE_INT || b->type != TALLY_TYPE_INT) return tally_number_equal(a, b);
		return ((struct tally_int *)a)->value == ((struct tally_int *)b)->value;
	}
	return tally_object_is_plain(a) && tally_object_is_plain(b) ? tally_object_equal(a, b, "") : TALLY_UNDECIDED;
}

// Goes on to an entry that has the key, or might have it. 1, 0 (there is none) or TALLY_UNDECIDED.
static int seek(struct search *search)
{
	const struct tally_table *table = search->object->table;
	struct tally_entry *entry;
	int same = 0;
	while (!same && (entry = table ? tally_table_match(table, search->hash, &search->slot) : NULL))
		same = tally_keyed_compare(entry->key, search->key);
	search->found.entry = same ? entry : NULL;
	return same;
}

// Compares without the lock; takes it again, unless the comparison fails. True in *is_valid: the search stands where it stood.
static int compare_unlocked(struct search *search, bool *is_valid)
{
	struct tally_dict *object = search->object;
	struct tally_object *stored = search->found.entry->key;
	uint32_t replacements = object->replacements;
	variant_incref(stored);
	pin(search);
	unlock(search);
	int same = tally_object_equal(stored, search->key, search->operation);
	variant_decref(stored);
	if (same < 0) return same;
	lock(search);
	*is_valid = object->replacements == replacements && search->found.entry->key;
	return same;
}

static struct tally_found give_up(struct search *search)
{
	unlock(search);
	tally_error_raise(TALLY_ERROR_VALUE, search->operation,
	                  "the %s was changed during each of %d comparisons of its keys",
	                  tally_type(&search->object->header)->name, TALLY_KEYED_ATTEMPTS);
	return fail(search);
}

// The lock is held.
static struct tally_found find(struct search *search)
{
	bool is_valid;
	begin(search);
	for (unsigned attempts = 0; seek(search) == TALLY_UNDECIDED;) {
		int same = compare_unlocked(search, &is_valid);
		if (same < 0) return fail(search);
		if (is_valid && same) break;
		if (is_valid) continue;
		if (++attempts == TALLY_KEYED_ATTEMPTS) return give_up(search);
		begin(search);
	}
	return search->found;
}

struct tally_found tally_keyed_find_on(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                       enum tally_hold hold, const char *operation)
{
	struct search search = {object, key, hash, operation, .found = {.hold = hold}};
	return find(&search);
}

struct tally_found tally_keyed_find_hashed(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                           const char *operation)
{
	struct search search = {object, key, hash, operation, .found = {.state = TALLY_FIND_DONE}};
	lock(&search);
	return find(&search);
}

static struct tally_found no_key(const struct tally_dict *object, const char *operation)
{
	tally_error_raise(TALLY_ERROR_VALUE, operation, "the %s is NULL",
	                  tally_object_is_set(&object->header) ? "element" : "key");
	return (struct tally_found){.state = TALLY_FIND_FAILED};
}

struct tally_found tally_keyed_find_any(struct tally_dict *object, struct tally_object *key, uint64_t *hash,
                                        const char *operation)
{
	if (!key) return no_key(object, operation);
	struct search search = {object, key, 0, operation, .found = {.state = TALLY_FIND_DONE}};
	if (tally_type(key)->hash != tally_hash_identity) pin(&search); // it may be the host's code, too
	if (tally_object_hash(key, &search.hash, operation)) return fail(&search);
	*hash = search.hash;
	lock(&search);
	return find(&search);
}

int tally_keyed_end_look_slow(struct tally_dict *object, struct tally_object *key, struct tally_found found)
{
	return tally_keyed_end_look(object, key, &found);
}

int tally_keyed_contains_hashed(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                const char *operation)
{
	return tally_keyed_end_look_slow(object, key, tally_keyed_find_hashed(object, key, hash, operation));
}

// ---- changing ----

void tally_keyed_set_table(struct tally_dict *object, struct tally_table *table)
{
	object->table = table;
	object->replacements++;
}

bool tally_keyed_replace(struct tally_dict *object, struct tally_room *room)
{
	size_t more = object->used / GROWTH;
	room->log2 = tally_table_log2_for(object->used + (more ? more : 1));
	if (room->log2 > TALLY_TABLE_LOG2_MAX) return false;
	void *memory = tally_raw_new(tally_table_bytes(room->log2));
	if (!memory) return false;
	struct tally_table *table = tally_table_init(memory, room->log2);
	if (object->table) tally_table_fill(table, object->table);
	room->replaced = object->table;
	tally_keyed_set_table(object, table);
	return true;
}

int tally_keyed_no_room(const struct tally_room *room, const char *operation)
{
	if (room->log2 <= TALLY_TABLE_LOG2_MAX) return tally_error_memory(operation, tally_table_bytes(room->log2));
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "a dict or set has at most %zu keys",
	                         (size_t)1 << (TALLY_TABLE_LOG2_MAX - 1));
}

// ---- the whole ----

bool tally_keyed_next(struct tally_dict *object, size_t *position, struct tally_entry *found)
{
	bool there = false;
	enum tally_hold hold = variant_lock_take(&object->header);
	size_t count = object->table ? object->table->count : 0;
	for (; *position < count && !there; ++*position) {
		*found = tally_table_entries(object->table)[*position];
		there = found->key != NULL;
	}
	if (there) {
		variant_incref(found->key);
		if (found->value) variant_incref(found->value);
	}
	variant_lock_drop(&object->header, hold);
	return there;
}

bool tally_keyed_pop(struct tally_dict *object, struct tally_entry *removed)
{
	struct tally_room room = {.replaced = NULL};
	enum tally_hold hold = variant_lock_take(&object->header);
	struct tally_entry *last = object->table ? tally_table_last(object->table) : NULL;
	if (last) *removed = tally_keyed_remove(object, last, &room);
	variant_lock_drop(&object->header, hold);
	tally_raw_free(room.replaced);
	return last != NULL;
}

static void count_references(const struct tally_table *table)
{
	const struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = 0; i < table->count; i++) {
		variant_incref(entries[i].key);
		if (entries[i].value) variant_incref(entries[i].value);
	}
}

int tally_keyed_copy(struct tally_dict *copy, struct tally_dict *object, const char *operation)
{
	struct tally_table *table = NULL;
	enum tally_hold hold = variant_lock_take(&object->header);
	uint32_t used = object->used;
	unsigned log2 = tally_table_log2_for(used);
	void *memory = used ? tally_raw_new(tally_table_bytes(log2)) : NULL;
	if (memory) {
		table = tally_table_init(memory, log2);
		tally_table_fill(table, object->table);
		count_references(table);
	}
	variant_lock_drop(&object->header, hold);
	if (used && !table) return tally_error_memory(operation, tally_table_bytes(log2));
	copy->used = used;
	tally_keyed_set_table(copy, table);
	return 0;
}

// ---- what their types do ----

static void drop(struct tally_object *object)
{
	if (object) variant_decref(object);
}

// Drops the references from the last entry to the first: see tally_bury_later.
static void give_up_table(struct tally_table *table)
{
	if (!table) return;
	struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = table->count; i > 0; i--) {
		drop(entries[i - 1].value);
		drop(entries[i - 1].key);
	}
	tally_raw_free(table);
}

void tally_keyed_destroy(struct tally_object *object) { give_up_table(((struct tally_dict *)object)->table); }

void tally_keyed_clear(struct tally_object *object)
{
	struct tally_dict *keyed = (struct tally_dict *)object;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_table *table = keyed->table;
	tally_keyed_set_table(keyed, NULL);
	keyed->used = 0;
	variant_lock_drop(object, hold);
	bool outer = tally_bury_later();
	give_up_table(table);
	tally_bury_again(outer);
}

int tally_keyed_length(struct tally_object *object, size_t *length)
{
	enum tally_hold hold = variant_lock_take(object);
	*length = ((struct tally_dict *)object)->used;
	variant_lock_drop(object, hold);
	return 0;
}

size_t tally_keyed_owned(struct tally_object *object)
{
	enum tally_hold hold = variant_lock_take(object);
	const struct tally_table *table = ((struct tally_dict *)object)->table;
	size_t bytes = table ? tally_page_of(table)->block_size : 0;
	variant_lock_drop(object, hold);
	return bytes;
}
