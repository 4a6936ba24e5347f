// core/dict.c: dicts: hashable keys to values, in the order in which the keys were inserted.
//
// Every operation hashes its key, takes the dict's lock, searches or changes the table (core/dict_table.h), drops the
// lock, and then gives up what it unlinked. Keys are immutable and comparing them runs no code of the host, so all of
// it is leaf work. A table that is full is replaced: by a larger one or, when many of its entries are tombstones, by
// one of the same size or less. The new table is complete before the dict refers to it, and the old one is freed after
// the unlock.
//
// I1  An operation that fails has changed nothing.
// Any attached thread; two dicts are never locked at once (equality reads one entry at a time).
#include "dict.h"
#include "error.h"
#include "number.h"
#include "object.h"

#include <tally/container.h>

#include <inttypes.h>

enum {
	GROWTH = TALLY_TUNED(1, 64), // a full table gets room for its living entries, and for their number / this
	KEPT = 64,                   // an empty dict keeps a table of up to this capacity
};

static inline struct tally_dict *dict_of(const char *operation, tally_object *object)
{
	if (!tally_enter(operation)) return NULL;
	if (tally_likely(object && object->type == TALLY_TYPE_DICT)) return (struct tally_dict *)object;
	return tally_error_null(tally_error_type(operation, "a dict", object));
}

static inline int hash_key(const char *operation, tally_object *key, uint64_t *hash)
{
	if (!key) return tally_error_raise(TALLY_ERROR_VALUE, operation, "the key is NULL");
	if (key->type == TALLY_TYPE_STR && (*hash = tally_load(&((struct tally_str *)key)->hash, relaxed))) return 0;
	if (tally_likely(tally_object_hash(key, hash, 0) == 0)) return 0;
	return tally_object_hash_failed(operation, key);
}

// The opening of every operation on a key: the dict, or NULL with the error set.
static inline struct tally_dict *dict_and_hash(const char *operation, tally_object *object, tally_object *key,
                                               uint64_t *hash)
{
	struct tally_dict *dict = dict_of(operation, object);
	return dict && hash_key(operation, key, hash) == 0 ? dict : NULL;
}

static int no_value(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_VALUE, operation, "the value is NULL");
}

// ---- room ----

// What making room leaves to do once the lock is dropped.
struct room {
	struct tally_table *replaced; // the former table, to be freed
	unsigned log2;                // of the table that could not be had
};

static bool replace_table(struct tally_dict *dict, struct room *room)
{
	size_t more = dict->used / GROWTH;
	room->log2 = tally_table_log2_for(dict->used + (more ? more : 1));
	if (room->log2 > TALLY_TABLE_LOG2_MAX) return false;
	void *memory = tally_raw_new(tally_table_bytes(room->log2));
	if (!memory) return false;
	struct tally_table *table = tally_table_init(memory, room->log2);
	if (dict->table) tally_table_fill(table, dict->table);
	room->replaced = dict->table;
	dict->table = table;
	return true;
}

// Appends a key that is not there. Takes over the caller's reference to the value, unless it fails. The lock is held.
static bool insert(struct tally_dict *dict, uint64_t hash, tally_object *key, tally_object *value, struct room *room)
{
	const struct tally_table *table = dict->table;
	if ((!table || table->count == table->capacity) && !replace_table(dict, room)) return false;
	variant_incref(key);
	tally_table_append(dict->table, hash, key, value);
	dict->used++;
	return true;
}

static int no_room(const char *operation, const struct room *room)
{
	if (room->log2 <= TALLY_TABLE_LOG2_MAX) return tally_error_memory(operation, tally_table_bytes(room->log2));
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "a dict has at most %zu keys",
	                         (size_t)1 << (TALLY_TABLE_LOG2_MAX - 1));
}

// ---- making, reading ----

tally_object *tally_dict_new(void)
{
	if (!tally_enter_new("dict_new")) return NULL;
	struct tally_dict *dict =
	        (struct tally_dict *)tally_object_new(TALLY_TYPE_DICT, sizeof *dict, TALLY_LAYOUT_ENTRIES);
	if (!dict) return tally_error_null(tally_error_memory("dict_new", sizeof *dict));
	dict->used = dict->spare = 0;
	dict->table = NULL;
	return &dict->header;
}

static int length(struct tally_object *object, size_t *result)
{
	enum tally_hold hold = variant_lock_take(object);
	*result = ((struct tally_dict *)object)->used;
	variant_lock_drop(object, hold);
	return 0;
}

int tally_dict_size(tally_object *object, size_t *size)
{
	struct tally_dict *dict = dict_of("dict_size", object);
	return dict ? length(object, size) : -1;
}

bool tally_is_dict(const tally_object *object) { return object && object->type == TALLY_TYPE_DICT; }

// A new reference to the value of `key`, or NULL.
static inline tally_object *look_up(struct tally_dict *dict, tally_object *key, uint64_t hash)
{
	tally_object *value = NULL;
	enum tally_hold hold = variant_lock_take(&dict->header);
	struct tally_entry *entry = tally_table_find(dict->table, key, hash);
	if (entry) {
		value = entry->value;
		variant_incref(value);
	}
	variant_lock_drop(&dict->header, hold);
	return value;
}

int tally_dict_get(tally_object *object, tally_object *key, tally_object **value)
{
	uint64_t hash;
	struct tally_dict *dict = dict_and_hash("dict_get", object, key, &hash);
	*value = dict ? look_up(dict, key, hash) : NULL;
	return dict ? *value != NULL : -1;
}

int tally_dict_contains(tally_object *object, tally_object *key)
{
	uint64_t hash;
	struct tally_dict *dict = dict_and_hash("dict_contains", object, key, &hash);
	if (!dict) return -1;
	enum tally_hold hold = variant_lock_take(object);
	bool there = tally_table_find(dict->table, key, hash) != NULL;
	variant_lock_drop(object, hold);
	return there;
}

// ---- changing ----

int tally_dict_set(tally_object *object, tally_object *key, tally_object *value)
{
	uint64_t hash;
	struct tally_dict *dict = dict_and_hash("dict_set", object, key, &hash);
	struct room room = {.replaced = NULL};
	tally_object *former = NULL;
	if (!dict) return -1;
	if (!value) return no_value("dict_set");
	enum tally_hold hold = variant_lock_take(object);
	struct tally_entry *entry = tally_table_find(dict->table, key, hash);
	variant_incref(value);
	if (entry) {
		former = entry->value;
		entry->value = value;
	}
	bool stored = entry || insert(dict, hash, key, value, &room);
	variant_lock_drop(object, hold);
	tally_raw_free(room.replaced);
	if (former) variant_decref(former);
	if (stored) return 0;
	variant_decref(value);
	return no_room("dict_set", &room);
}

tally_object *tally_dict_setdefault(tally_object *object, tally_object *key, tally_object *value)
{
	uint64_t hash;
	struct tally_dict *dict = dict_and_hash("dict_setdefault", object, key, &hash);
	struct room room = {.replaced = NULL};
	tally_object *there = NULL;
	if (!dict) return NULL;
	if (!value) return tally_error_null(no_value("dict_setdefault"));
	enum tally_hold hold = variant_lock_take(object);
	struct tally_entry *entry = tally_table_find(dict->table, key, hash);
	if (entry) {
		there = entry->value;
	} else if (insert(dict, hash, key, value, &room)) {
		there = value;
		variant_incref(there); // the dict's; the caller's follows
	}
	if (there) variant_incref(there);
	variant_lock_drop(object, hold);
	tally_raw_free(room.replaced);
	return there ? there : tally_error_null(no_room("dict_setdefault", &room));
}

// ---- adding to an int ----

// Adds to the int of `entry`, which nobody but the entry refers to. False: it is no such int, or the sum does not fit.
static bool add_in_place(struct tally_entry *entry, int64_t n, int64_t *sum)
{
	if (!entry || entry->value->type != TALLY_TYPE_INT || !variant_is_unique(entry->value)) return false;
	struct tally_int *counter = (struct tally_int *)entry->value;
	if (tally_unlikely(__builtin_add_overflow(counter->value, n, sum))) return false;
	counter->value = *sum;
	return true;
}

// Replaces the int of `entry`, which others may see, by `fresh`, which holds the number to add and gets the sum. False: it
// is no int, or the sum does not fit; the entry is as it was.
static bool add_to(struct tally_entry *entry, struct tally_int *fresh)
{
	const struct tally_int *former = (struct tally_int *)entry->value;
	if (tally_unlikely(entry->value->type != TALLY_TYPE_INT)) return false;
	if (tally_unlikely(__builtin_add_overflow(former->value, fresh->value, &fresh->value))) return false;
	entry->value = &fresh->header;
	return true;
}

// Says why nothing was added to `former`, the value of the key (NULL: it had none).
static int not_added(const struct tally_object *former, int64_t n, const struct room *room)
{
	if (!former) return no_room("dict_add", room);
	if (former->type != TALLY_TYPE_INT) return tally_error_type("dict_add", "an int as the value", former);
	return tally_error_raise(TALLY_ERROR_OVERFLOW, "dict_add", "%" PRId64 " + %" PRId64 " does not fit in 64 bits",
	                         ((const struct tally_int *)former)->value, n);
}

int tally_dict_add(tally_object *object, tally_object *key, int64_t n, int64_t *sum)
{
	uint64_t hash;
	int64_t total;
	struct tally_dict *dict = dict_and_hash("dict_add", object, key, &hash);
	struct room room = {.replaced = NULL};
	if (!dict) return -1;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_entry *entry = tally_table_find(dict->table, key, hash);
	if (tally_likely(add_in_place(entry, n, &total))) {
		variant_lock_drop(object, hold);
		if (sum) *sum = total;
		return 0;
	}
	tally_object *former = entry ? entry->value : NULL;
	struct tally_int *fresh = tally_int_try_make(n);
	bool stored = fresh && (entry ? add_to(entry, fresh) : insert(dict, hash, key, &fresh->header, &room));
	total = fresh ? fresh->value : 0; // once stored and unlocked, it is anybody's to drop
	if (!stored && former) variant_incref(former);
	variant_lock_drop(object, hold);
	tally_raw_free(room.replaced);
	int result = 0;
	if (!fresh) result = tally_error_memory("dict_add", sizeof *fresh);
	else if (!stored) result = not_added(former, n, &room);
	else if (sum) *sum = total;
	if (fresh && !stored) variant_decref(&fresh->header);
	if (former) variant_decref(former);
	return result;
}

// ---- removing ----

// Takes the references out of `entry`, which becomes a tombstone. An empty dict lets go of a large table.
static struct tally_entry remove_entry(struct tally_dict *dict, struct tally_entry *entry, struct room *room)
{
	struct tally_entry removed = *entry;
	entry->key = entry->value = NULL;
	if (--dict->used == 0 && dict->table->capacity > KEPT) {
		room->replaced = dict->table;
		dict->table = NULL;
	}
	return removed;
}

int tally_dict_pop(tally_object *object, tally_object *key, tally_object **value)
{
	uint64_t hash;
	struct tally_dict *dict = dict_and_hash("dict_pop", object, key, &hash);
	struct room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	if (value) *value = NULL;
	if (!dict) return -1;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_entry *entry = tally_table_find(dict->table, key, hash);
	if (entry) removed = remove_entry(dict, entry, &room);
	variant_lock_drop(object, hold);
	if (!removed.key) return 0;
	tally_raw_free(room.replaced);
	if (value) *value = removed.value;
	else variant_decref(removed.value);
	variant_decref(removed.key);
	return 1;
}

// Drops the references from the last entry to the first: see tally_bury_later.
static void give_up(struct tally_table *table)
{
	if (!table) return;
	struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = table->count; i > 0; i--) {
		if (!entries[i - 1].key) continue;
		variant_decref(entries[i - 1].value);
		variant_decref(entries[i - 1].key);
	}
	tally_raw_free(table);
}

static void clear(struct tally_object *object)
{
	struct tally_dict *dict = (struct tally_dict *)object;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_table *table = dict->table;
	dict->table = NULL;
	dict->used = 0;
	variant_lock_drop(object, hold);
	bool outer = tally_bury_later();
	give_up(table);
	tally_bury_again(outer);
}

int tally_dict_clear(tally_object *object)
{
	if (!dict_of("dict_clear", object)) return -1;
	clear(object);
	return 0;
}

// ---- iteration ----

// New references to the next living entry from *position on. False: there is none.
static bool next_entry(struct tally_dict *dict, size_t *position, struct tally_entry *found)
{
	bool there = false;
	enum tally_hold hold = variant_lock_take(&dict->header);
	size_t count = dict->table ? dict->table->count : 0;
	for (; *position < count && !there; ++*position) {
		*found = tally_table_entries(dict->table)[*position];
		there = found->key != NULL;
	}
	if (there) {
		variant_incref(found->key);
		variant_incref(found->value);
	}
	variant_lock_drop(&dict->header, hold);
	return there;
}

static void hand_out(tally_object *object, tally_object **place)
{
	if (place) *place = object;
	else variant_decref(object);
}

int tally_dict_next(tally_object *object, size_t *position, tally_object **key, tally_object **value)
{
	struct tally_dict *dict = dict_of("dict_next", object);
	struct tally_entry found;
	if (!dict) return -1;
	if (!next_entry(dict, position, &found)) return 0;
	hand_out(found.key, key);
	hand_out(found.value, value);
	return 1;
}

// ---- the type ----

static void destroy(struct tally_object *object) { give_up(((struct tally_dict *)object)->table); }

// Whether `dict` has the key of `entry`, with an equal value.
static int has_equal(struct tally_dict *dict, const struct tally_entry *entry, unsigned depth)
{
	tally_object *value = look_up(dict, entry->key, entry->hash);
	if (!value) return 0;
	int same = tally_object_equal(value, entry->value, depth);
	variant_decref(value);
	return same;
}

// In any order. Each entry is read by itself: of dicts that change meanwhile the answer may belong to no single moment.
static int equal(struct tally_object *a, struct tally_object *b, unsigned depth)
{
	struct tally_entry entry;
	size_t left, right, position = 0;
	if (depth >= TALLY_DEPTH_LIMIT) return -1;
	if (a == b) return 1;
	length(a, &left);
	length(b, &right);
	if (left != right) return 0;
	while (next_entry((struct tally_dict *)a, &position, &entry)) {
		int same = has_equal((struct tally_dict *)b, &entry, depth + 1);
		variant_decref(entry.value);
		variant_decref(entry.key);
		if (same != 1) return same;
	}
	return 1;
}

const struct tally_type tally_dict_type = {
	.name = "dict",
	.index = TALLY_TYPE_DICT,
	.layout = TALLY_LAYOUT_ENTRIES,
	.size = sizeof(struct tally_dict),
	.destroy = destroy,
	.clear = clear,
	.equal = equal,
	.length = length,
};
