// core/dict.c: dicts: hashable keys to values, in the order in which the keys were inserted.
//
// To get a value takes no lock where the thread may read the dict; what is in doubt is left to the lock. Any other operation on a
// key finds its entry, which leaves the dict locked (core/keyed.h), changes or reads it, unlocks, and then gives up what it unlinked. Lists of keys, values and items, and copies, are taken in one hold of the lock, memory for them
// included, so that they are of one moment; what they are put into is made before or after it.
//
// I1  An operation that fails has changed nothing.
// Any attached thread; two dicts are never locked at once (equality and updates read one entry at a time).
#include "error.h"
#include "hash.h"
#include "keyed.h"
#include "list.h"
#include "number.h"
#include "object.h"
#include "text.h"
#include "tuple.h"

#include <tally/dict.h>

#include <inttypes.h>

static inline struct tally_dict *checked(const char *operation, tally_object *object)
{
	if (tally_likely(object && object->type == TALLY_TYPE_DICT)) return (struct tally_dict *)object;
	return tally_error_null(tally_error_type(operation, "a dict", object));
}

static inline struct tally_dict *dict_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? checked(operation, object) : NULL;
}

// The same for operations that make something.
static struct tally_dict *dict_to_make_from(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? checked(operation, object) : NULL;
}

// The same for operations that store `value`.
static inline struct tally_dict *dict_for(const char *operation, tally_object *object, tally_object *value)
{
	struct tally_dict *dict = dict_of(operation, object);
	if (tally_likely(!dict || value)) return dict;
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, operation, "the value is NULL"));
}

// ---- making ----

static inline struct tally_object *make_empty(struct tally_dict *dict)
{
	dict->used = dict->replacements = 0;
	dict->table = NULL;
	return &dict->header;
}

struct tally_object *tally_dict_make(const char *operation)
{
	struct tally_dict *dict =
	        (struct tally_dict *)tally_object_new(TALLY_TYPE_DICT, sizeof *dict, TALLY_LAYOUT_ENTRIES);
	if (!dict) return tally_error_null(tally_error_memory(operation, sizeof *dict));
	return make_empty(dict);
}

static __attribute__((noinline)) tally_object *new_slow(void)
{
	return tally_enter_new("dict_new") ? tally_dict_make("dict_new") : NULL;
}

tally_object *tally_dict_new(void)
{
	struct tally_dict *dict = tally_object_new_quick(TALLY_TYPE_DICT, sizeof *dict, TALLY_LAYOUT_ENTRIES);
	return tally_likely(dict != NULL) ? make_empty(dict) : new_slow();
}

tally_object *tally_dict_copy(tally_object *object)
{
	struct tally_dict *dict = dict_to_make_from("dict_copy", object);
	tally_object *copy = dict ? tally_dict_make("dict_copy") : NULL;
	if (!copy || tally_keyed_copy((struct tally_dict *)copy, dict, "dict_copy") == 0) return copy;
	variant_decref(copy);
	return NULL;
}

// ---- reading ----

int tally_dict_size(tally_object *object, size_t *size)
{
	return dict_of("dict_size", object) ? tally_keyed_length(object, size) : -1;
}

bool tally_is_dict(const tally_object *object) { return object && object->type == TALLY_TYPE_DICT; }

// Ends a search: a new reference to the value that it found, or NULL.
static inline tally_object *take_found(struct tally_dict *dict, tally_object *key, const struct tally_found *found)
{
	tally_object *value = NULL;
	if (found->entry) {
		value = found->entry->value;
		variant_incref_locked(value);
	}
	tally_keyed_end(dict, key, found);
	return value;
}

// As tally_dict_get, under the lock.
static int get_locked(struct tally_dict *dict, tally_object *key, tally_object **value)
{
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, key, &hash, "dict_get");
	*value = found.state == TALLY_FIND_FAILED ? NULL : take_found(dict, key, &found);
	return found.state == TALLY_FIND_FAILED ? -1 : *value != NULL;
}

// Any key, any dict, any doubt.
static __attribute__((noinline)) int get_any(tally_object *object, tally_object *key, tally_object **value)
{
	struct tally_dict *dict = dict_of("dict_get", object);
	uint64_t hash = tally_keyed_known_hash(key);
	*value = NULL;
	if (!dict) return -1;
	if (!hash && !tally_keyed_hash_plain(key, &hash)) return get_locked(dict, key, value);
	int there = tally_keyed_try_get(dict, key, hash, value);
	return tally_likely(there != TALLY_UNDECIDED) ? there : get_locked(dict, key, value);
}

// The commonest cases in functions that save no registers and call nothing. They have done nothing when they go another way.
// `sections` is from before the look, which goes by the rules of tally_keyed_look.

// The value is another thread's, or is there no more.
static __attribute__((noinline)) int give_other(struct tally_dict *dict, tally_object *key, tally_object **value,
                                                struct tally_look look, unsigned sections)
{
	tally_object *seen = tally_place_read(&look.entry->value);
	if (tally_unlikely(!seen || !variant_try_incref(seen))) return get_any(&dict->header, key, value);
	*value = seen;
	if (tally_likely(tally_keyed_has_still(dict, look, sections, seen))) return 1;
	tally_unpin(seen);
	return get_any(&dict->header, key, value);
}

// Ends them: the entry has the key.
static inline int give(struct tally_dict *dict, tally_object *key, tally_object **value, struct tally_look look, unsigned sections)
{
	tally_object *found = tally_place_read(&look.entry->value);
	if (tally_unlikely(!tally_is_outside(&dict->header, sections))) return get_any(&dict->header, key, value);
	if (tally_unlikely(!found || !variant_incref_own(found))) return give_other(dict, key, value, look, sections);
	*value = found;
	return 1;
}

static inline int give_none(struct tally_dict *dict, tally_object *key, tally_object **value, unsigned sections)
{
	if (tally_unlikely(!tally_is_outside(&dict->header, sections))) return get_any(&dict->header, key, value);
	*value = NULL;
	return 0;
}

// Whether the entry's key can be compared where it stands, and is of that type.
static inline bool is_a(unsigned type, const struct tally_dict *dict, const tally_object *stored)
{
	return tally_likely(stored && !tally_keyed_is_mixed(dict)) && stored->type == type;
}

// An entry with the hash of the key, which is a str, as its own may be.
static __attribute__((noinline)) int get_equal(struct tally_dict *dict, tally_object *key, tally_object **value,
                                               struct tally_look look, unsigned sections)
{
	const tally_object *stored = tally_place_read(&look.entry->key);
	if (tally_unlikely(!is_a(TALLY_TYPE_STR, dict, stored))) return get_any(&dict->header, key, value);
	if (tally_unlikely(!tally_str_same((const struct tally_str *)stored, (const struct tally_str *)key)))
		return get_any(&dict->header, key, value);
	return give(dict, key, value, look, sections);
}

// The same for an int. Those of one hash are of one value (tally_hash_mix).
static inline int get_int(struct tally_dict *dict, tally_object *key, tally_object **value, struct tally_look look, unsigned sections)
{
	const tally_object *stored = tally_place_read(&look.entry->key);
	if (tally_unlikely(!is_a(TALLY_TYPE_INT, dict, stored))) return get_any(&dict->header, key, value);
	return give(dict, key, value, look, sections);
}

typedef int continue_get(struct tally_dict *dict, tally_object *key, tally_object **value, struct tally_look look, unsigned sections);

// Looks for the first entry of that hash, which has the key itself, or goes on with `other`.
TALLY_INLINED int get_quick(tally_object *object, tally_object *key, uint64_t hash, tally_object **value, continue_get *other)
{
	struct tally_dict *dict = (struct tally_dict *)object;
	if (tally_unlikely(tally_load(tally_self.poll, relaxed) & TALLY_ASKED)) return get_any(object, key, value);
	if (tally_unlikely(!object || object->type != TALLY_TYPE_DICT || !variant_may_read(object))) return get_any(object, key, value);
	const unsigned sections = tally_sections(object);
	struct tally_look look = {.table = tally_dict_table(dict)};
	if (tally_unlikely(!look.table)) return get_any(object, key, value);
	struct tally_entry *const entries = tally_table_entries(look.table);
	const uint32_t mask = look.table->mask;
	for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
		uint32_t number = tally_index_slot(look.table + 1, mask, slot);
		if (tally_unlikely(number == TALLY_TABLE_VACANT)) return give_none(dict, key, value, sections);
		look.entry = &entries[number];
		if (tally_unlikely(tally_entry_hash(look.entry) != hash)) continue;
		if (tally_place_read(&look.entry->key) != key) return other(dict, key, value, look, sections);
		return give(dict, key, value, look, sections);
	}
}

static __attribute__((noinline)) int get_other(tally_object *object, tally_object *key, tally_object **value)
{
	if (tally_unlikely(!key || key->type != TALLY_TYPE_INT)) return get_any(object, key, value);
	return get_quick(object, key, tally_hash_mix((uint64_t)((struct tally_int *)key)->value), value, get_int);
}

int tally_dict_get(tally_object *object, tally_object *key, tally_object **value)
{
	const uint64_t hash = tally_keyed_known_hash(key);
	return tally_likely(hash) ? get_quick(object, key, hash, value, get_equal) : get_other(object, key, value);
}

int tally_dict_contains(tally_object *object, tally_object *key)
{
	struct tally_dict *dict = dict_of("dict_contains", object);
	return dict ? tally_keyed_contains(dict, key, "dict_contains") : -1;
}

// ---- changing ----

// Ends a search: its key has that value now. Takes over the caller's reference to it.
static inline int store(struct tally_dict *dict, tally_object *key, uint64_t hash, tally_object *value,
                        const struct tally_found *found, const char *operation)
{
	struct tally_room room = {.replaced = NULL};
	tally_object *former = NULL;
	struct tally_entry *entry = found->entry;
	if (entry) {
		former = entry->value;
		tally_place_set(&entry->value, value);
	}
	bool stored = entry || tally_keyed_insert(dict, hash, key, value, &room);
	tally_keyed_unlock(dict, found);
	tally_keyed_give_up(dict, room.replaced, former, NULL);
	tally_keyed_leave(dict, key, found);
	if (stored) return 0;
	variant_decref(value);
	return tally_keyed_no_room(&room, operation);
}

int tally_dict_set(tally_object *object, tally_object *key, tally_object *value)
{
	struct tally_dict *dict = dict_for("dict_set", object, value);
	if (!dict) return -1;
	variant_incref(value); // before the search, which may run code of the host's
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, key, &hash, "dict_set");
	if (tally_likely(found.state != TALLY_FIND_FAILED)) return store(dict, key, hash, value, &found, "dict_set");
	variant_decref(value);
	return -1;
}

// Ends a search: the value that its key has now, a new reference, or NULL with the error set.
static tally_object *store_default(struct tally_dict *dict, tally_object *key, uint64_t hash, tally_object *value,
                                   const struct tally_found *found)
{
	struct tally_room room = {.replaced = NULL};
	tally_object *there = found->entry ? found->entry->value : NULL;
	if (!there && tally_keyed_insert(dict, hash, key, value, &room)) {
		there = value;
		variant_incref(there); // the dict's; the caller's follows
	}
	if (there) variant_incref_locked(there);
	tally_keyed_unlock(dict, found);
	tally_keyed_give_up(dict, room.replaced, NULL, NULL);
	tally_keyed_leave(dict, key, found);
	return there ? there : tally_error_null(tally_keyed_no_room(&room, "dict_setdefault"));
}

tally_object *tally_dict_setdefault(tally_object *object, tally_object *key, tally_object *value)
{
	struct tally_dict *dict = dict_for("dict_setdefault", object, value);
	if (!dict) return NULL;
	variant_incref(value); // the search may run code of the host's, which drops it
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, key, &hash, "dict_setdefault");
	tally_object *there = found.state == TALLY_FIND_FAILED ? NULL : store_default(dict, key, hash, value, &found);
	variant_decref(value);
	return there;
}

// ---- adding to an int ----

// Adds to the int of `entry`, which nobody but the entry refers to, nor can have borrowed. False: it is no such int, or the sum does
// not fit, or is a small one, of which there is one object only.
static bool add_in_place(const struct tally_dict *dict, struct tally_entry *entry, int64_t n, int64_t *sum)
{
	if (!entry || entry->value->type != TALLY_TYPE_INT || !variant_is_unique(entry->value)) return false;
	if (variant_is_shared(&dict->header) || variant_lends(&dict->header)) return false; // a reader's later reference would not order the change
	struct tally_int *counter = (struct tally_int *)entry->value;
	if (tally_unlikely(__builtin_add_overflow(counter->value, n, sum) || tally_int_is_small(*sum))) return false;
	counter->value = *sum;
	return true;
}

// What `former`, the value of the key (NULL: it had none), and n are together. False: it is no int, or the sum does not fit.
static bool add_to(const struct tally_object *former, int64_t n, int64_t *sum)
{
	*sum = n;
	if (!former) return true;
	if (tally_unlikely(former->type != TALLY_TYPE_INT)) return false;
	return !__builtin_add_overflow(((const struct tally_int *)former)->value, n, sum);
}

// Takes over the caller's reference to the sum, unless it fails. The lock is held.
static bool store_sum(struct tally_dict *dict, tally_object *key, uint64_t hash, struct tally_entry *entry,
                      struct tally_int *sum, struct tally_room *room)
{
	if (!entry) return tally_keyed_insert(dict, hash, key, &sum->header, room);
	tally_place_set(&entry->value, &sum->header);
	return true;
}

// Says why nothing was added to `former`, the value of the key (NULL: it had none).
static int not_added(const struct tally_object *former, int64_t n, const struct tally_room *room)
{
	if (!former) return tally_keyed_no_room(room, "dict_add");
	if (former->type != TALLY_TYPE_INT) return tally_error_type("dict_add", "an int as the value", former);
	return tally_error_raise(TALLY_ERROR_OVERFLOW, "dict_add", "%" PRId64 " + %" PRId64 " does not fit in 64 bits",
	                         ((const struct tally_int *)former)->value, n);
}

// Ends a search where the int is not changed in place.
static int add_slow(struct tally_dict *dict, tally_object *key, uint64_t hash, struct tally_found found, int64_t n,
                    int64_t *sum)
{
	struct tally_room room = {.replaced = NULL};
	int64_t total;
	if (found.state == TALLY_FIND_FAILED) return -1;
	tally_object *former = found.entry ? found.entry->value : NULL;
	bool fits = add_to(former, n, &total);
	struct tally_int *fresh = fits ? tally_int_try_of(total) : NULL;
	bool stored = fresh && store_sum(dict, key, hash, found.entry, fresh, &room);
	if (!stored && former) variant_incref(former);
	tally_keyed_unlock(dict, &found);
	int result = 0;
	if (fits && !fresh)
		result = tally_error_memory("dict_add", sizeof *fresh);
	else if (!stored)
		result = not_added(former, n, &room);
	else if (sum)
		*sum = total;
	tally_keyed_give_up(dict, room.replaced, stored ? former : NULL, NULL);
	tally_keyed_leave(dict, key, &found);
	if (fresh && !stored) variant_decref(&fresh->header);
	if (former && !stored) variant_decref(former);
	return result;
}

int tally_dict_add(tally_object *object, tally_object *key, int64_t n, int64_t *sum)
{
	struct tally_dict *dict = dict_of("dict_add", object);
	uint64_t hash;
	int64_t total;
	if (!dict) return -1;
	struct tally_found found = tally_keyed_find(dict, key, &hash, "dict_add");
	if (tally_unlikely(found.state != TALLY_FIND_DONE || !add_in_place(dict, found.entry, n, &total)))
		return add_slow(dict, key, hash, found, n, sum);
	tally_keyed_end(dict, key, &found);
	if (sum) *sum = total;
	return 0;
}

// ---- removing ----

int tally_dict_pop(tally_object *object, tally_object *key, tally_object **value)
{
	struct tally_dict *dict = dict_of("dict_pop", object);
	struct tally_room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	if (value) *value = NULL;
	if (!dict) return -1;
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, key, &hash, "dict_pop");
	if (tally_unlikely(found.state == TALLY_FIND_FAILED)) return -1;
	if (found.entry) removed = tally_keyed_remove(dict, found.entry, &room);
	tally_keyed_unlock(dict, &found);
	if (found.entry) tally_keyed_hand_out(dict, room.replaced, &removed, NULL, value);
	tally_keyed_leave(dict, key, &found);
	return found.entry != NULL;
}

int tally_dict_popitem(tally_object *object, tally_object **key, tally_object **value)
{
	struct tally_dict *dict = dict_of("dict_popitem", object);
	if (key) *key = NULL;
	if (value) *value = NULL;
	return dict ? tally_keyed_pop(dict, key, value) : -1;
}

int tally_dict_clear(tally_object *object)
{
	if (!dict_of("dict_clear", object)) return -1;
	tally_keyed_clear(object);
	return 0;
}

// ---- one after the other ----

static void hand_out(tally_object *object, tally_object **place)
{
	if (place)
		*place = object;
	else
		variant_decref(object);
}

static void drop_entry(const struct tally_entry *entry)
{
	variant_decref(entry->value);
	variant_decref(entry->key);
}

int tally_dict_next(tally_object *object, size_t *position, tally_object **key, tally_object **value)
{
	struct tally_dict *dict = dict_of("dict_next", object);
	struct tally_entry found;
	if (!dict) return -1;
	if (!tally_keyed_next(dict, position, &found)) return 0;
	hand_out(found.key, key);
	hand_out(found.value, value);
	return 1;
}

static int set_entry(struct tally_dict *dict, const struct tally_entry *entry)
{
	struct tally_found found = tally_keyed_find_hashed(dict, entry->key, entry->hash, "dict_update");
	if (found.state == TALLY_FIND_FAILED) return -1;
	variant_incref(entry->value);
	return store(dict, entry->key, entry->hash, entry->value, &found, "dict_update");
}

// Many in one hold of the lock; one whose key must be compared by code of the host's, or for which there is no room, alone.
static int set_some(struct tally_dict *dict, struct tally_entry *entries, size_t count)
{
	int status = 0;
	for (size_t set = 0; set < count && status == 0;) {
		set += tally_keyed_store_some(dict, entries + set, count - set);
		if (set < count) status = set_entry(dict, &entries[set++]);
	}
	tally_keyed_drop_some(dict, entries, count);
	return status;
}

static int set_entries(struct tally_dict *dict, struct tally_dict *from)
{
	struct tally_entry entries[TALLY_KEYED_BATCH];
	size_t position = 0, count;
	int status = 0;
	while (status == 0 && (count = tally_keyed_next_some(from, &position, entries))) status = set_some(dict, entries, count);
	return status;
}

int tally_dict_update(tally_object *object, tally_object *from)
{
	struct tally_dict *dict = dict_of("dict_update", object), *source = dict ? checked("dict_update", from) : NULL;
	if (!source || dict == source) return source ? 0 : -1;
	variant_incref(object); // the equality of keys is code of the host's, which may drop both
	variant_incref(from);
	int status = set_entries(dict, source);
	variant_decref(from);
	variant_decref(object);
	return status;
}

// ---- all at once ----

enum part { KEYS = 1, VALUES = 2, BOTH = KEYS | VALUES };

// References to keys, to values, or to each key and its value, in a raw buffer; NULL when there are none.
struct parts {
	struct tally_object **items;
	size_t size;
};

static tally_object *hold(tally_object *object)
{
	variant_incref(object);
	return object;
}

static void copy_parts(const struct tally_table *table, enum part which, struct parts *parts)
{
	const struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = 0; i < table->count; i++) {
		if (!entries[i].key) continue;
		if (which & KEYS) parts->items[parts->size++] = hold(entries[i].key);
		if (which & VALUES) parts->items[parts->size++] = hold(entries[i].value);
	}
}

static int take_parts(struct tally_dict *dict, enum part which, struct parts *parts, const char *operation)
{
	*parts = (struct parts){.size = 0};
	enum tally_hold hold = variant_lock_take(&dict->header);
	size_t bytes = (size_t)dict->used * (which == BOTH ? 2 : 1) * sizeof parts->items[0];
	if (bytes) parts->items = tally_raw_new(bytes);
	if (parts->items) copy_parts(dict->table, which, parts);
	variant_lock_drop(&dict->header, hold);
	return bytes && !parts->items ? tally_error_memory(operation, bytes) : 0;
}

static void drop_parts(struct parts *parts)
{
	while (parts->size > 0) variant_decref(parts->items[--parts->size]);
	tally_raw_free(parts->items);
}

static int take_keys(struct tally_dict *dict, struct parts *parts, const char *operation)
{
	return take_parts(dict, KEYS, parts, operation);
}

static int take_values(struct tally_dict *dict, struct parts *parts, const char *operation)
{
	return take_parts(dict, VALUES, parts, operation);
}

// A new list of what `take` gives. Nothing for no dict.
static tally_object *list_of(struct tally_dict *dict,
                             int (*take)(struct tally_dict *dict, struct parts *parts, const char *operation),
                             const char *operation)
{
	struct tally_list *list = dict ? tally_list_make(operation, 0) : NULL;
	struct parts parts;
	if (!list) return NULL;
	if (take(dict, &parts, operation)) {
		variant_decref(&list->header);
		return NULL;
	}
	list->items = parts.items;
	list->size = list->capacity = (uint32_t)parts.size;
	return &list->header;
}

tally_object *tally_dict_keys(tally_object *object)
{
	return list_of(dict_to_make_from("dict_keys", object), take_keys, "dict_keys");
}

struct tally_object *tally_dict_list_keys(struct tally_dict *dict, const char *operation)
{
	return list_of(dict, take_keys, operation);
}

tally_object *tally_dict_values(tally_object *object)
{
	return list_of(dict_to_make_from("dict_values", object), take_values, "dict_values");
}

// A tuple that takes over both references; NULL, and it has not: the error is set.
static tally_object *pair(tally_object *key, tally_object *value)
{
	const size_t bytes = sizeof(struct tally_tuple) + 2 * sizeof key;
	struct tally_tuple *tuple =
		(struct tally_tuple *)tally_object_new(TALLY_TYPE_TUPLE, bytes, TALLY_LAYOUT_POINTERS);
	if (!tuple) return tally_error_null(tally_error_memory("dict_items", bytes));
	tuple->size = 2;
	tuple->items[0] = key;
	tuple->items[1] = value;
	return &tuple->header;
}

// Turns keys and values into pairs, for which there is room, and frees their buffer. -1: some are left out, and dropped.
static int make_pairs(struct parts *parts, struct parts *pairs)
{
	size_t at = 0;
	for (; at < parts->size; at += 2) {
		tally_object *made = pair(parts->items[at], parts->items[at + 1]);
		if (!made) break;
		pairs->items[pairs->size++] = made;
	}
	bool complete = at == parts->size;
	while (parts->size > at) variant_decref(parts->items[--parts->size]);
	tally_raw_free(parts->items);
	return complete ? 0 : -1;
}

static int take_pairs(struct tally_dict *dict, struct parts *pairs, const char *operation)
{
	struct parts parts;
	*pairs = (struct parts){.size = 0};
	if (take_parts(dict, BOTH, &parts, operation)) return -1;
	const size_t bytes = parts.size / 2 * sizeof pairs->items[0];
	if (!bytes) return 0;
	pairs->items = tally_raw_new(bytes);
	if (pairs->items && make_pairs(&parts, pairs) == 0) return 0;
	if (!pairs->items) {
		drop_parts(&parts);
		return tally_error_memory(operation, bytes);
	}
	drop_parts(pairs);
	return -1;
}

tally_object *tally_dict_items(tally_object *object)
{
	return list_of(dict_to_make_from("dict_items", object), take_pairs, "dict_items");
}

// ---- the type ----

// 1: `dict` has the key of `entry`, with an equal value; 0, -1.
static int has_equal(struct tally_dict *dict, const struct tally_entry *entry, const char *operation)
{
	struct tally_found found = tally_keyed_find_hashed(dict, entry->key, entry->hash, operation);
	if (found.state == TALLY_FIND_FAILED) return -1;
	tally_object *value = take_found(dict, entry->key, &found);
	if (!value) return 0;
	int same = tally_object_equal(entry->value, value, operation); // the left operand's equality is asked first
	variant_decref(value);
	return same;
}

static int equal_entries(struct tally_dict *a, struct tally_dict *b, const char *operation)
{
	struct tally_entry entry;
	size_t position = 0;
	int same = 1;
	while (same == 1 && tally_keyed_next(a, &position, &entry)) {
		same = has_equal(b, &entry, operation);
		drop_entry(&entry);
	}
	return same;
}

// Keeps both: the equality of keys and values is code of the host's, which may drop them.
static int compare(struct tally_object *a, struct tally_object *b, const char *operation)
{
	variant_incref(a);
	variant_incref(b);
	int same = equal_entries((struct tally_dict *)a, (struct tally_dict *)b, operation);
	variant_decref(b);
	variant_decref(a);
	return same;
}

// In any order. Each entry is read by itself: of dicts that change meanwhile the answer may belong to no single moment.
static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	size_t left, right;
	if (a == b) return 1;
	tally_keyed_length(a, &left);
	tally_keyed_length(b, &right);
	if (left != right) return 0;
	if (!tally_nest(operation)) return -1;
	int same = compare(a, b, operation);
	tally_unnest();
	return same;
}

static int write_entry(const struct tally_entry *entry, bool first, struct tally_text *text)
{
	if (!first && tally_text_add_string(text, ", ")) return -1;
	if (tally_object_repr(entry->key, text) || tally_text_add_string(text, ": ")) return -1;
	return tally_object_repr(entry->value, text);
}

// Each entry is read by itself, since what shows it may be the host's code.
static int write_entries(struct tally_dict *dict, struct tally_text *text)
{
	struct tally_entry entry;
	size_t position = 0;
	int status = 0;
	for (bool first = true; status == 0 && tally_keyed_next(dict, &position, &entry); first = false) {
		status = write_entry(&entry, first, text);
		drop_entry(&entry);
	}
	return status;
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	if (tally_text_add_string(text, "{") || write_entries((struct tally_dict *)object, text)) return -1;
	return tally_text_add_string(text, "}");
}

const struct tally_type tally_dict_type = {
	.name = "dict",
	.index = TALLY_TYPE_DICT,
	.layout = TALLY_LAYOUT_ENTRIES,
	.size = sizeof(struct tally_dict),
	.destroy = tally_keyed_destroy,
	.clear = tally_keyed_clear,
	.equal = equal,
	.repr = repr,
	.length = tally_keyed_length,
	.owned = tally_keyed_owned,
};
