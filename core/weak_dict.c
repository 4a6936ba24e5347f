// core/weak_dict.c: weak value dicts and weak key dicts (tally/weakdict.h).
//
// Both are tables with a watcher in each entry (core/weak_keyed.h): the first maps keys to watchers of values, the second watchers of
// keys to values. A search finds the entry and leaves the dict locked; whether the entry's object lives is asked, and a
// reference to it taken, under the same lock, so that every call has its one moment. An entry whose object is dead is as good as none:
// it is overwritten, or left to its watcher, which removes it by identity or finds that it is gone.
//
// To get from a weak value dict by a plain key takes no lock where the thread may read (core/keyed.h): it finds the watcher as a dict
// finds a value, and upgrades it.
//
// I1  An operation that fails has changed nothing.
// I2  A watcher is made before the search whose lock it is stored under, since making one may stop the world.
// I3  What the host's code may drop during a search, the dict, the key and the value, is held by whoever needs it afterwards.
// Any attached thread; two dicts are never locked at once.
#include "error.h"
#include "iter.h"
#include "list.h"
#include "text.h"
#include "tuple.h"
#include "weak_keyed.h"

#include <tally/dict.h>
#include <tally/weakdict.h>

// ---- entry ----

bool tally_is_weak_value_dict(const tally_object *object) { return object && object->type == TALLY_TYPE_WEAK_VALUE_DICT; }
bool tally_is_weak_key_dict(const tally_object *object) { return object && object->type == TALLY_TYPE_WEAK_KEY_DICT; }

static bool is_weak_dict(const tally_object *object)
{
	return tally_is_weak_value_dict(object) || tally_is_weak_key_dict(object);
}

static struct tally_weak_keyed *checked(const char *operation, tally_object *object)
{
	if (tally_likely(is_weak_dict(object))) return (struct tally_weak_keyed *)object;
	return tally_error_null(tally_error_type(operation, "a weak dict", object));
}

static struct tally_weak_keyed *dict_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? checked(operation, object) : NULL;
}

// The same for operations that make something.
static struct tally_weak_keyed *dict_to_make_from(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? checked(operation, object) : NULL;
}

static bool is_there(const tally_object *object, const char *what, const char *operation)
{
	if (tally_likely(object != NULL)) return true;
	tally_error_raise(TALLY_ERROR_VALUE, operation, "the %s is NULL", what);
	return false;
}

static bool may_refer(const tally_object *object, const char *operation)
{
	if (tally_likely(tally_weakref_allows(object))) return true;
	tally_weakref_refuse(operation, object);
	return false;
}

static bool by_key(const struct tally_weak_keyed *dict) { return tally_weak_keyed_by_key(dict); }

// Whether something can be looked up, or stored, under that key.
static bool takes_key(const struct tally_weak_keyed *dict, const tally_object *key, const char *operation)
{
	return is_there(key, "key", operation) && (!by_key(dict) || may_refer(key, operation));
}

static bool takes(const struct tally_weak_keyed *dict, const tally_object *key, const tally_object *value,
                  const char *operation)
{
	if (!takes_key(dict, key, operation) || !is_there(value, "value", operation)) return false;
	return by_key(dict) || may_refer(value, operation);
}

static void drop(tally_object *object)
{
	if (object) variant_decref(object);
}

// ---- what stands in an entry ----

enum part { KEYS = 1, VALUES = 2, REFS = 4, BOTH = KEYS | VALUES };

// What has been taken out of an entry under the lock. When it is not alive either may have been pinned by mistake.
struct taken {
	tally_object *key, *value; // new references, or NULL
	bool is_alive;
};

static struct tally_weakref *ref_of(const struct tally_weak_keyed *dict, const struct tally_entry *entry)
{
	return (struct tally_weakref *)(by_key(dict) ? entry->key : entry->value);
}

// New references to what is wanted of KEYS and VALUES, if the entry's object lives. Leaf code.
static struct taken take(const struct tally_weak_keyed *dict, const struct tally_entry *entry, unsigned wanted)
{
	struct taken taken = {.key = NULL};
	struct tally_weakref *ref = ref_of(dict, entry);
	if (!(wanted & (by_key(dict) ? KEYS : VALUES))) taken.is_alive = tally_weak_keyed_is_alive(ref);
	else taken.is_alive = tally_weak_keyed_upgrade(ref, by_key(dict) ? &taken.key : &taken.value);
	if (!taken.is_alive) return taken;
	if (!by_key(dict) && wanted & KEYS) variant_incref(taken.key = entry->key);
	if (by_key(dict) && wanted & VALUES) variant_incref_locked(taken.value = entry->value);
	return taken;
}

// Gives back what was pinned by mistake; nothing is locked. False: nothing was.
static bool drop_mistaken(const struct taken *taken)
{
	tally_object *mistaken = taken->is_alive ? NULL : taken->key ? taken->key : taken->value;
	if (tally_likely(!mistaken)) return false;
	tally_unpin(mistaken);
	return true;
}

static void hand_out(tally_object *object, tally_object **place)
{
	if (place) *place = object;
	else drop(object);
}

// ---- looking ----

static struct tally_found find(struct tally_weak_keyed *dict, tally_object *key, uint64_t *hash, const char *operation)
{
	if (by_key(dict)) return tally_weak_keyed_find(dict, key, hash, operation);
	return tally_keyed_find(&dict->own, key, hash, operation);
}

// 1 with a new reference in *value, unless that is NULL; 0, -1.
static int get_locked(struct tally_weak_keyed *dict, tally_object *key, tally_object **value, const char *operation)
{
	uint64_t hash;
	struct taken taken = {.key = NULL};
	struct tally_found found = find(dict, key, &hash, operation);
	if (found.state == TALLY_FIND_FAILED) return -1;
	if (found.entry) taken = take(dict, found.entry, value ? VALUES : 0);
	tally_keyed_end(&dict->own, key, &found);
	if (!drop_mistaken(&taken) && value) *value = taken.value;
	return taken.is_alive;
}

// The value that a watcher leads to, whose reference is given up. TALLY_UNDECIDED: it is dead, but by now another may stand in its place.
static int upgrade_own(tally_object *watcher, tally_object **value)
{
	struct tally_weakref *ref = (struct tally_weakref *)watcher;
	bool is_alive = value ? (*value = tally_weakref_upgrade(ref)) != NULL : tally_weak_keyed_is_alive(ref);
	variant_decref(watcher);
	return is_alive ? 1 : TALLY_UNDECIDED;
}

// Without the lock, if that can be. As get_locked, or TALLY_UNDECIDED.
static int try_get(struct tally_weak_keyed *dict, tally_object *key, tally_object **value)
{
	uint64_t hash = tally_keyed_known_hash(key);
	tally_object *watcher;
	if (by_key(dict) || (!hash && !tally_keyed_hash_plain(key, &hash))) return TALLY_UNDECIDED;
	int there = tally_keyed_try_get(&dict->own, key, hash, &watcher);
	return there == 1 ? upgrade_own(watcher, value) : there;
}

static int get(struct tally_weak_keyed *dict, tally_object *key, tally_object **value, const char *operation)
{
	if (value) *value = NULL;
	int there = try_get(dict, key, value);
	return tally_likely(there != TALLY_UNDECIDED) ? there : get_locked(dict, key, value, operation);
}

int tally_weak_dict_get(tally_object *object, tally_object *key, tally_object **value)
{
	struct tally_weak_keyed *dict = dict_of("weak_dict_get", object);
	*value = NULL;
	return dict && takes_key(dict, key, "weak_dict_get") ? get(dict, key, value, "weak_dict_get") : -1;
}

int tally_weak_dict_contains(tally_object *object, tally_object *key)
{
	static const char operation[] = "weak_dict_contains";
	struct tally_weak_keyed *dict = dict_of(operation, object);
	if (!dict || !is_there(key, "key", operation)) return -1;
	if (by_key(dict) && !tally_weakref_allows(key)) return 0;
	return get(dict, key, NULL, operation);
}

int tally_weak_dict_size(tally_object *object, size_t *size)
{
	return dict_of("weak_dict_size", object) ? tally_keyed_length(object, size) : -1;
}

// ---- storing ----

// Ends a search: the key has that value now. `new_key` and `new_value` are what stands in the table; the caller's reference to the
// second is taken over.
static int store(struct tally_weak_keyed *dict, tally_object *key, uint64_t hash, tally_object *new_key,
                 tally_object *new_value, const struct tally_found *found, const char *operation)
{
	struct tally_room room = {.replaced = NULL};
	tally_object *former = NULL;
	bool stored = true;
	if (found->entry) {
		former = found->entry->value;
		tally_place_set(&found->entry->value, new_value);
	} else {
		stored = tally_keyed_insert(&dict->own, hash, new_key, new_value, &room);
	}
	tally_keyed_unlock(&dict->own, found);
	tally_keyed_give_up(&dict->own, room.replaced, former, NULL);
	tally_keyed_leave(&dict->own, key, found);
	if (stored) return 0;
	variant_decref(new_value);
	return tally_keyed_no_room(&room, operation);
}

// Ends a search in the same way: `watcher`, the caller's reference to which is taken over, is one of the value or of the key. (Only of a
// key that is there already there may be none.)
static int store_watched(struct tally_weak_keyed *dict, tally_object *key, tally_object *value, uint64_t hash,
                         struct tally_watcher *watcher, const struct tally_found *found, const char *operation)
{
	tally_object *watched = watcher ? &watcher->ref.header : NULL;
	if (watcher) watcher->note = hash; // nobody has put it to use yet
	if (!by_key(dict)) return store(dict, key, hash, key, watched, found, operation);
	variant_incref(value);
	int status = store(dict, key, hash, watched, value, found, operation);
	drop(watched);
	return status;
}

static struct tally_watcher *watch(struct tally_weak_keyed *dict, tally_object *key, tally_object *value,
                                   const char *operation)
{
	return tally_weak_keyed_watch(dict, by_key(dict) ? key : value, 0, operation);
}

static void drop_watcher(struct tally_watcher *watcher) { drop(watcher ? &watcher->ref.header : NULL); }

// The caller holds all three.
static int set_held(struct tally_weak_keyed *dict, tally_object *key, tally_object *value, const char *operation)
{
	struct tally_watcher *watcher = NULL;
	uint64_t hash;
	if (!by_key(dict) && !(watcher = watch(dict, key, value, operation))) return -1;
	for (;;) {
		struct tally_found found = find(dict, key, &hash, operation);
		if (found.state == TALLY_FIND_FAILED) break;
		if (watcher || found.entry) return store_watched(dict, key, value, hash, watcher, &found, operation);
		tally_keyed_end(&dict->own, key, &found);
		if (!(watcher = watch(dict, key, value, operation))) break;
	}
	drop_watcher(watcher);
	return -1;
}

static void hold_all(struct tally_weak_keyed *dict, tally_object *key, tally_object *value)
{
	variant_incref(&dict->own.header);
	variant_incref(key);
	variant_incref(value);
}

static void drop_all(struct tally_weak_keyed *dict, tally_object *key, tally_object *value)
{
	variant_decref(value);
	variant_decref(key);
	variant_decref(&dict->own.header);
}

static int set(struct tally_weak_keyed *dict, tally_object *key, tally_object *value, const char *operation)
{
	if (!takes(dict, key, value, operation)) return -1;
	hold_all(dict, key, value);
	int status = set_held(dict, key, value, operation);
	drop_all(dict, key, value);
	return status;
}

int tally_weak_dict_set(tally_object *object, tally_object *key, tally_object *value)
{
	struct tally_weak_keyed *dict = dict_to_make_from("weak_dict_set", object);
	return dict ? set(dict, key, value, "weak_dict_set") : -1;
}

// The value of a key that is there and alive; else what stands there is dead: to be overwritten, if it is a value's, or left alone.
static struct taken take_there(struct tally_weak_keyed *dict, struct tally_found *found)
{
	struct taken taken = {.key = NULL};
	if (found->entry) taken = take(dict, found->entry, VALUES);
	if (!taken.is_alive && by_key(dict)) found->entry = NULL;
	return taken;
}

// As tally_weak_dict_setdefault: 1 with the value that was there, a new reference, in *there; 0: `value` has been stored; -1. The caller
// holds all three.
static int default_held(struct tally_weak_keyed *dict, tally_object *key, tally_object *value, tally_object **there,
                        const char *operation)
{
	struct tally_watcher *watcher = NULL;
	uint64_t hash;
	for (;;) {
		struct tally_found found = find(dict, key, &hash, operation);
		if (found.state == TALLY_FIND_FAILED) break;
		struct taken taken = take_there(dict, &found);
		bool ends = !taken.is_alive && watcher;
		int status = ends ? store_watched(dict, key, value, hash, watcher, &found, operation) : taken.is_alive;
		if (!ends) tally_keyed_end(&dict->own, key, &found);
		drop_mistaken(&taken);
		if (ends) return status;
		if (!taken.is_alive && (watcher = watch(dict, key, value, operation))) continue;
		if (!taken.is_alive) break;
		*there = taken.value;
		drop_watcher(watcher);
		return 1;
	}
	drop_watcher(watcher);
	return -1;
}

tally_object *tally_weak_dict_setdefault(tally_object *object, tally_object *key, tally_object *value)
{
	static const char operation[] = "weak_dict_setdefault";
	struct tally_weak_keyed *dict = dict_to_make_from(operation, object);
	tally_object *there = NULL;
	if (!dict || !takes(dict, key, value, operation)) return NULL;
	hold_all(dict, key, value);
	int status = get(dict, key, &there, operation);
	if (status == 0) status = default_held(dict, key, value, &there, operation);
	if (status == 0) variant_incref(there = value);
	drop_all(dict, key, value);
	return there;
}

// ---- removing ----

// Under the lock. Takes the entry out if its object lives.
static struct taken take_out(struct tally_weak_keyed *dict, struct tally_entry *entry, unsigned wanted,
                             struct tally_entry *removed, struct tally_room *room)
{
	struct taken taken = take(dict, entry, wanted);
	if (taken.is_alive) *removed = tally_keyed_remove(&dict->own, entry, room);
	return taken;
}

int tally_weak_dict_pop(tally_object *object, tally_object *key, tally_object **value)
{
	static const char operation[] = "weak_dict_pop";
	struct tally_weak_keyed *dict = dict_of(operation, object);
	struct tally_entry removed = {.key = NULL};
	struct tally_room room = {.replaced = NULL};
	struct taken taken = {.key = NULL};
	uint64_t hash;
	if (value) *value = NULL;
	if (!dict || !takes_key(dict, key, operation)) return -1;
	struct tally_found found = find(dict, key, &hash, operation);
	if (found.state == TALLY_FIND_FAILED) return -1;
	if (found.entry) taken = take_out(dict, found.entry, VALUES, &removed, &room);
	tally_keyed_unlock(&dict->own, &found);
	tally_keyed_give_up(&dict->own, room.replaced, removed.value, removed.key);
	tally_keyed_leave(&dict->own, key, &found);
	if (!drop_mistaken(&taken)) hand_out(taken.value, value);
	return taken.is_alive;
}

// Under the lock: takes out the last entry that is alive; stops at a mistake.
static struct taken take_last(struct tally_weak_keyed *dict, struct tally_entry *removed, struct tally_room *room)
{
	struct taken taken = {.key = NULL};
	struct tally_entry *last = dict->own.table ? tally_table_last(dict->own.table) : NULL;
	if (!last) return taken;
	struct tally_entry *const entries = tally_table_entries(dict->own.table);
	for (size_t left = (size_t)(last - entries) + 1; left > 0 && !taken.is_alive && !taken.key && !taken.value; left--)
		if (entries[left - 1].key) taken = take_out(dict, &entries[left - 1], BOTH, removed, room);
	return taken;
}

static struct taken pop_last(struct tally_weak_keyed *dict)
{
	struct tally_entry removed = {.key = NULL};
	struct tally_room room = {.replaced = NULL};
	enum tally_hold hold = variant_lock_take(&dict->own.header);
	struct taken taken = take_last(dict, &removed, &room);
	variant_lock_drop(&dict->own.header, hold);
	tally_keyed_give_up(&dict->own, room.replaced, removed.value, removed.key);
	return taken;
}

int tally_weak_dict_popitem(tally_object *object, tally_object **key, tally_object **value)
{
	struct tally_weak_keyed *dict = dict_of("weak_dict_popitem", object);
	struct taken taken;
	if (key) *key = NULL;
	if (value) *value = NULL;
	if (!dict) return -1;
	do taken = pop_last(dict);
	while (drop_mistaken(&taken));
	hand_out(taken.key, key);
	hand_out(taken.value, value);
	return taken.is_alive;
}

int tally_weak_dict_clear(tally_object *object)
{
	if (!dict_of("weak_dict_clear", object)) return -1;
	tally_keyed_clear(object);
	return 0;
}

// ---- one after the other ----

static struct taken take_next(struct tally_weak_keyed *dict, size_t *position, unsigned wanted)
{
	struct taken taken = {.key = NULL};
	enum tally_hold hold = variant_lock_take(&dict->own.header);
	const struct tally_table *table = dict->own.table;
	for (; table && *position < table->count && !taken.is_alive && !taken.key && !taken.value; ++*position) {
		const struct tally_entry *entry = &tally_table_entries(table)[*position];
		if (entry->key) taken = take(dict, entry, wanted);
	}
	variant_lock_drop(&dict->own.header, hold);
	return taken;
}

// The next entry that is alive. False: there is none.
static bool next(struct tally_weak_keyed *dict, size_t *position, unsigned wanted, struct taken *taken)
{
	do *taken = take_next(dict, position, wanted);
	while (drop_mistaken(taken));
	return taken->is_alive;
}

int tally_weak_dict_next(tally_object *object, size_t *position, tally_object **key, tally_object **value)
{
	struct tally_weak_keyed *dict = dict_of("weak_dict_next", object);
	struct taken taken;
	if (!dict) return -1;
	if (!next(dict, position, (key ? KEYS : 0) | (value ? VALUES : 0), &taken)) return 0;
	if (key) *key = taken.key;
	if (value) *value = taken.value;
	return 1;
}

// ---- all at once ----

// References in a raw buffer: from the front what is wanted of each entry, from the back what was pinned by mistake.
struct parts {
	tally_object **items;
	size_t size, mistakes, room;
};

static void add_part(struct parts *parts, tally_object *object)
{
	if (object) parts->items[parts->size++] = object;
}

static tally_object *hold_ref(const struct tally_weak_keyed *dict, const struct tally_entry *entry)
{
	struct tally_weakref *ref = ref_of(dict, entry);
	variant_incref(&ref->header);
	return &ref->header;
}

static void copy_part(const struct tally_weak_keyed *dict, const struct tally_entry *entry, unsigned wanted,
                      struct parts *parts)
{
	struct taken taken = take(dict, entry, wanted);
	tally_object *mistaken = taken.key ? taken.key : taken.value;
	if (tally_likely(taken.is_alive)) {
		add_part(parts, taken.key);
		add_part(parts, taken.value);
		if (wanted & REFS) add_part(parts, hold_ref(dict, entry));
	} else if (mistaken) {
		parts->items[parts->room - ++parts->mistakes] = mistaken;
	}
}

static void copy_parts(struct tally_weak_keyed *dict, unsigned wanted, struct parts *parts)
{
	const struct tally_entry *entries = tally_table_entries(dict->own.table);
	for (uint32_t i = 0; i < dict->own.table->count; i++)
		if (entries[i].key) copy_part(dict, &entries[i], wanted, parts);
}

static void drop_mistakes(struct parts *parts)
{
	for (; parts->mistakes > 0; parts->mistakes--) tally_unpin(parts->items[parts->room - parts->mistakes]);
}

static void drop_parts(struct parts *parts)
{
	while (parts->size > 0) variant_decref(parts->items[--parts->size]);
	tally_raw_free(parts->items);
}

// What is wanted of the entries that are alive, as of one moment. 0, or -1 with the error set.
static int take_parts(struct tally_weak_keyed *dict, unsigned wanted, struct parts *parts, const char *operation)
{
	*parts = (struct parts){.size = 0};
	enum tally_hold hold = variant_lock_take(&dict->own.header);
	size_t room = (size_t)dict->own.used * (wanted == BOTH ? 2 : 1);
	if (room) parts->items = tally_raw_new(room * sizeof parts->items[0]);
	parts->room = parts->items ? room : 0;
	if (parts->items) copy_parts(dict, wanted, parts);
	variant_lock_drop(&dict->own.header, hold);
	drop_mistakes(parts);
	return room && !parts->items ? tally_error_memory(operation, room * sizeof parts->items[0]) : 0;
}

// A tuple that takes over both references; NULL, and it has not: the error is set.
static tally_object *pair(tally_object *key, tally_object *value, const char *operation)
{
	struct tally_tuple *tuple = tally_tuple_make(operation, 2);
	if (!tuple) return NULL;
	tuple->items[0] = key;
	tuple->items[1] = value;
	return &tuple->header;
}

// Turns keys and values into pairs, in place. -1: the rest has been dropped, as the pairs are to be.
static int make_pairs(struct parts *parts, const char *operation)
{
	size_t made = 0, left = parts->size;
	tally_object **items = parts->items;
	for (tally_object *tuple; 2 * made < left; items[made++] = tuple)
		if (!(tuple = pair(items[2 * made], items[2 * made + 1], operation))) break;
	bool complete = 2 * made == left;
	for (parts->size = made; left > 2 * made; left--) variant_decref(items[left - 1]);
	return complete ? 0 : -1;
}

static tally_object *list_of(tally_object *object, unsigned wanted, const char *operation)
{
	struct tally_weak_keyed *dict = dict_to_make_from(operation, object);
	struct tally_list *list = dict ? tally_list_make(operation, 0) : NULL;
	struct parts parts;
	if (!list) return NULL;
	int status = take_parts(dict, wanted, &parts, operation);
	if (status == 0 && wanted == BOTH && (status = make_pairs(&parts, operation))) drop_parts(&parts);
	if (status) {
		variant_decref(&list->header);
		return NULL;
	}
	list->items = parts.items;
	list->size = (uint32_t)parts.size;
	list->capacity = (uint32_t)parts.room;
	return &list->header;
}

tally_object *tally_weak_dict_keys(tally_object *dict) { return list_of(dict, KEYS, "weak_dict_keys"); }
tally_object *tally_weak_dict_values(tally_object *dict) { return list_of(dict, VALUES, "weak_dict_values"); }
tally_object *tally_weak_dict_items(tally_object *dict) { return list_of(dict, BOTH, "weak_dict_items"); }
tally_object *tally_weak_dict_refs(tally_object *dict) { return list_of(dict, REFS, "weak_dict_refs"); }

// ---- from others ----

static int set_from_weak(struct tally_weak_keyed *dict, struct tally_weak_keyed *from, const char *operation)
{
	struct taken taken;
	size_t position = 0;
	int status = 0;
	while (status == 0 && next(from, &position, BOTH, &taken)) {
		status = set(dict, taken.key, taken.value, operation);
		variant_decref(taken.value);
		variant_decref(taken.key);
	}
	return status;
}

static int set_from_dict(struct tally_weak_keyed *dict, struct tally_dict *from, const char *operation)
{
	struct tally_entry entry;
	size_t position = 0;
	int status = 0;
	while (status == 0 && tally_keyed_next(from, &position, &entry)) {
		status = set(dict, entry.key, entry.value, operation);
		variant_decref(entry.value);
		variant_decref(entry.key);
	}
	return status;
}

struct update {
	struct tally_weak_keyed *dict;
	const char *operation;
};

static int set_pair(tally_object *item, void *context)
{
	const struct update *update = context;
	const struct tally_tuple *tuple = (struct tally_tuple *)item;
	if (item->type != TALLY_TYPE_TUPLE) return tally_error_type(update->operation, "tuples (key, value)", item);
	if (tuple->size == 2) return set(update->dict, tuple->items[0], tuple->items[1], update->operation);
	return tally_error_raise(TALLY_ERROR_VALUE, update->operation, "a tuple of %zu elements, expected (key, value)",
	                         tuple->size);
}

static int set_from_items(struct tally_weak_keyed *dict, tally_object *from, const char *operation)
{
	struct update update = {dict, operation};
	return tally_object_each(from, set_pair, &update, operation);
}

// `from` is not NULL. The host's code, which runs meanwhile, may drop both.
static int update(struct tally_weak_keyed *dict, tally_object *from, const char *operation)
{
	int status;
	if (from == &dict->own.header) return 0;
	variant_incref(&dict->own.header);
	variant_incref(from);
	if (is_weak_dict(from)) status = set_from_weak(dict, (struct tally_weak_keyed *)from, operation);
	else if (tally_is_dict(from)) status = set_from_dict(dict, (struct tally_dict *)from, operation);
	else status = set_from_items(dict, from, operation);
	variant_decref(from);
	variant_decref(&dict->own.header);
	return status;
}

int tally_weak_dict_update(tally_object *object, tally_object *from)
{
	static const char operation[] = "weak_dict_update";
	struct tally_weak_keyed *dict = dict_to_make_from(operation, object);
	if (!dict) return -1;
	return from ? update(dict, from, operation) : tally_error_type(operation, "a dict, a weak dict or pairs", from);
}

// ---- making ----

// Of what `first` and `second` give, each of which may be NULL.
static tally_object *make(unsigned type, tally_object *first, tally_object *second, const char *operation)
{
	struct tally_weak_keyed *made = tally_weak_keyed_make(type, operation);
	if (!made) return NULL;
	if ((!first || !update(made, first, operation)) && (!second || !update(made, second, operation)))
		return &made->own.header;
	variant_decref(&made->own.header);
	return NULL;
}

tally_object *tally_weak_value_dict_new(tally_object *from)
{
	static const char operation[] = "weak_value_dict_new";
	return tally_enter_new(operation) ? make(TALLY_TYPE_WEAK_VALUE_DICT, from, NULL, operation) : NULL;
}

tally_object *tally_weak_key_dict_new(tally_object *from)
{
	static const char operation[] = "weak_key_dict_new";
	return tally_enter_new(operation) ? make(TALLY_TYPE_WEAK_KEY_DICT, from, NULL, operation) : NULL;
}

// Stores keys and values that another dict had, one after the other.
static int set_parts(struct tally_weak_keyed *dict, const struct parts *parts, const char *operation)
{
	int status = 0;
	for (size_t i = 0; i < parts->size && status == 0; i += 2)
		status = set(dict, parts->items[i], parts->items[i + 1], operation);
	return status;
}

static tally_object *copy(struct tally_weak_keyed *dict, const char *operation)
{
	struct parts parts;
	struct tally_weak_keyed *made = tally_weak_keyed_make(dict->own.header.type, operation);
	if (!made) return NULL;
	int status = take_parts(dict, BOTH, &parts, operation);
	if (status == 0) {
		status = set_parts(made, &parts, operation);
		drop_parts(&parts);
	}
	if (status == 0) return &made->own.header;
	variant_decref(&made->own.header);
	return NULL;
}

tally_object *tally_weak_dict_copy(tally_object *object)
{
	struct tally_weak_keyed *dict = dict_to_make_from("weak_dict_copy", object);
	return dict ? copy(dict, "weak_dict_copy") : NULL;
}

static bool is_any_dict(const tally_object *object) { return is_weak_dict(object) || tally_is_dict(object); }

tally_object *tally_weak_dict_union(tally_object *a, tally_object *b)
{
	static const char operation[] = "weak_dict_union";
	if (!tally_enter_new(operation)) return NULL;
	if (!is_any_dict(a)) return tally_error_null(tally_error_type(operation, "a dict or weak dict", a));
	if (!is_any_dict(b)) return tally_error_null(tally_error_type(operation, "a dict or weak dict", b));
	if (!is_weak_dict(a) && !is_weak_dict(b))
		return tally_error_null(tally_error_type(operation, "at least one weak dict", b));
	return make(is_weak_dict(a) ? a->type : b->type, a, b, operation);
}

// ---- equality ----

static int get_strong(struct tally_dict *dict, tally_object *key, tally_object **value, const char *operation)
{
	uint64_t hash;
	*value = NULL;
	struct tally_found found = tally_keyed_find(dict, key, &hash, operation);
	if (found.state == TALLY_FIND_FAILED) return -1;
	if (found.entry) variant_incref_locked(*value = found.entry->value);
	tally_keyed_end(dict, key, &found);
	return *value != NULL;
}

// Whether `other`, a dict or weak dict, has the key with an equal value; -1.
static int has_equal(tally_object *other, const struct taken *entry, const char *operation)
{
	tally_object *value;
	int same = is_weak_dict(other) ? get((struct tally_weak_keyed *)other, entry->key, &value, operation)
	                               : get_strong((struct tally_dict *)other, entry->key, &value, operation);
	if (same == 1) same = tally_object_equal(entry->value, value, operation);
	drop(value);
	return same;
}

// How many are alive.
static size_t count_living(struct tally_weak_keyed *dict)
{
	size_t count = 0;
	enum tally_hold hold = variant_lock_take(&dict->own.header);
	const struct tally_table *table = dict->own.table;
	for (uint32_t i = 0; table && i < table->count; i++) {
		const struct tally_entry *entry = &tally_table_entries(table)[i];
		count += entry->key && tally_weak_keyed_is_alive(ref_of(dict, entry));
	}
	variant_lock_drop(&dict->own.header, hold);
	return count;
}

static size_t size_of(tally_object *other)
{
	size_t size;
	if (is_weak_dict(other)) return count_living((struct tally_weak_keyed *)other);
	tally_keyed_length(other, &size);
	return size;
}

// Entry by entry: of dicts that change meanwhile the answer may belong to no single moment.
static int equal_entries(struct tally_weak_keyed *dict, tally_object *other, const char *operation)
{
	struct taken entry;
	size_t position = 0, seen = 0;
	int same = 1;
	while (same == 1 && next(dict, &position, BOTH, &entry)) {
		same = has_equal(other, &entry, operation);
		seen++;
		variant_decref(entry.value);
		variant_decref(entry.key);
	}
	return same == 1 ? size_of(other) == seen : same;
}

// `a` is a weak dict, `b` anything.
static int equal(tally_object *a, tally_object *b, const char *operation)
{
	if (a == b || (b->type != a->type && !tally_is_dict(b))) return a == b;
	if (!tally_nest(operation)) return -1;
	variant_incref(a); // what is compared may be the host's code, which drops them
	variant_incref(b);
	int same = equal_entries((struct tally_weak_keyed *)a, b, operation);
	variant_decref(b);
	variant_decref(a);
	tally_unnest();
	return same;
}

// ---- the types ----

static int write_entry(const struct taken *entry, bool first, struct tally_text *text)
{
	if (!first && tally_text_add_string(text, ", ")) return -1;
	if (tally_object_repr(entry->key, text) || tally_text_add_string(text, ": ")) return -1;
	return tally_object_repr(entry->value, text);
}

static int write_entries(struct tally_weak_keyed *dict, struct tally_text *text)
{
	struct taken entry;
	size_t position = 0;
	int status = 0;
	for (bool first = true; status == 0 && next(dict, &position, BOTH, &entry); first = false) {
		status = write_entry(&entry, first, text);
		variant_decref(entry.value);
		variant_decref(entry.key);
	}
	return status;
}

static int repr(tally_object *object, struct tally_text *text)
{
	if (tally_text_add_string(text, tally_type(object)->name) || tally_text_add_string(text, "({")) return -1;
	if (write_entries((struct tally_weak_keyed *)object, text)) return -1;
	return tally_text_add_string(text, "})");
}

#define WEAK_DICT_TYPE(its_name, its_index)                                                                            \
	{                                                                                                              \
		.name = its_name, .index = its_index, .layout = TALLY_LAYOUT_ENTRIES,                                  \
		.weak = offsetof(struct tally_weak_keyed, anchor), .size = sizeof(struct tally_weak_keyed),            \
		.destroy = tally_keyed_destroy, .clear = tally_keyed_clear, .equal = equal, .equal_to_any = true,      \
		.repr = repr, .length = tally_keyed_length, .owned = tally_keyed_owned,                                \
	}

const struct tally_type tally_weak_value_dict_type = WEAK_DICT_TYPE("weak_value_dict", TALLY_TYPE_WEAK_VALUE_DICT);
const struct tally_type tally_weak_key_dict_type = WEAK_DICT_TYPE("weak_key_dict", TALLY_TYPE_WEAK_KEY_DICT);
