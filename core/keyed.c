// core/keyed.c: what dicts and sets have in common (core/keyed.h): the search with equality that is the host's, room, removal,
// copies, ends.
//
// A table that is full is replaced: by a larger one or, when many of its entries are tombstones, by one of the same size or
// less. The new table is complete before the object refers to it, and the old one is given up after the unlock. (The counter of
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

// ---- looking without the lock ----

// The entry has a key with the hash of `key`, which is plain. 1, 0 or TALLY_UNDECIDED.
static int compare_in_place(const struct tally_dict *object, struct tally_look look, struct tally_object *key)
{
	struct tally_object *stored = tally_place_read(&look.entry->key);
	if (!stored || tally_likely(stored == key)) return stored != NULL;
	return tally_keyed_is_mixed(object) ? TALLY_UNDECIDED : tally_keyed_compare(stored, key);
}

struct tally_look tally_keyed_look(const struct tally_dict *object, struct tally_object *key, uint64_t hash)
{
	struct tally_look look = {tally_dict_table(object), NULL};
	if (!look.table) return look;
	struct tally_entry *const entries = tally_table_entries(look.table);
	const uint32_t mask = look.table->mask;
	for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
		uint32_t number = tally_index_slot(look.table + 1, mask, slot);
		if (number == TALLY_TABLE_VACANT) return (struct tally_look){look.table, NULL};
		look.entry = &entries[number];
		if (tally_entry_hash(look.entry) != hash) continue;
		int same = compare_in_place(object, look, key);
		if (same == 1) return look;
		if (same) return (struct tally_look){look.table, TALLY_LOOK_UNSURE};
	}
}

int tally_keyed_take_slow(const struct tally_dict *object, struct tally_look look, unsigned sections, struct tally_object **value)
{
	struct tally_object *seen = *value;
	*value = NULL;
	if (!variant_try_incref(seen)) return TALLY_UNDECIDED;
	if (tally_keyed_has_still(object, look, sections, seen)) {
		*value = seen;
		return 1;
	}
	tally_unpin(seen);
	return TALLY_UNDECIDED;
}

int tally_keyed_try_get(const struct tally_dict *dict, struct tally_object *key, uint64_t hash, struct tally_object **value)
{
	*value = NULL;
	if (tally_unlikely(!variant_may_read(&dict->header))) return TALLY_UNDECIDED;
	unsigned sections = tally_sections(&dict->header);
	struct tally_look look = tally_keyed_look(dict, key, hash);
	if (tally_unlikely(look.entry == TALLY_LOOK_UNSURE)) return TALLY_UNDECIDED;
	if (look.entry) return tally_keyed_take(dict, look, sections, value);
	return tally_is_outside(&dict->header, sections) ? 0 : TALLY_UNDECIDED;
}

// A frozenset never changes: nobody needs its lock.
static bool may_look(const struct tally_dict *object)
{
	return tally_likely(variant_may_read(&object->header)) || object->header.type == TALLY_TYPE_FROZENSET;
}

// Whether the key is there: 1, 0 or TALLY_UNDECIDED. An entry of a dict counts while it has a value, one of a set has its key.
static int look_for(const struct tally_dict *object, struct tally_object *key, uint64_t hash)
{
	if (tally_unlikely(!may_look(object))) return TALLY_UNDECIDED;
	unsigned sections = tally_sections(&object->header);
	struct tally_look look = tally_keyed_look(object, key, hash);
	if (tally_unlikely(look.entry == TALLY_LOOK_UNSURE)) return TALLY_UNDECIDED;
	bool there = look.entry && (object->header.type != TALLY_TYPE_DICT || tally_place_read(&look.entry->value));
	return tally_is_outside(&object->header, sections) ? there : TALLY_UNDECIDED;
}

int tally_keyed_contains(struct tally_dict *object, struct tally_object *key, const char *operation)
{
	uint64_t hash = tally_keyed_known_hash(key);
	if (tally_likely(hash || tally_keyed_hash_plain(key, &hash))) {
		int there = look_for(object, key, hash);
		if (tally_likely(there != TALLY_UNDECIDED)) return there;
	}
	struct tally_found found = tally_keyed_find(object, key, &hash, operation);
	return tally_keyed_end_look(object, key, &found);
}

int tally_keyed_contains_hashed(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                const char *operation)
{
	if (tally_key_is_read_in_place(key)) {
		int there = look_for(object, key, hash);
		if (tally_likely(there != TALLY_UNDECIDED)) return there;
	}
	struct tally_found found = tally_keyed_find_hashed(object, key, hash, operation);
	return tally_keyed_end_look(object, key, &found);
}

// ---- changing ----

void tally_keyed_set_table(struct tally_dict *object, struct tally_table *table)
{
	// order: release the table as it was built; pairs with tally_dict_table. Else: a reader searches half a table.
	tally_store((struct tally_table *_Atomic *)&object->table, table, release);
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

// ---- giving up ----

// What is to be known of the object is asked first: what dies here may take it along.
void tally_keyed_give_up_slow(const struct tally_dict *object, void *table, struct tally_object *value, struct tally_object *key)
{
	bool is_shared = variant_is_shared(&object->header), lends = variant_lends(&object->header);
	if (table && is_shared) variant_retire_raw(table);
	else tally_raw_free(table);
	if (value && lends) variant_retire(value);
	else if (value) variant_decref(value);
	if (key && (lends || tally_key_is_read_in_place(key))) variant_retire(key);
	else if (key) variant_decref(key);
}

// The caller gets a reference of its own where a reader may still need the one that was there.
static struct tally_object *share_out(struct tally_object *object, bool is_read, struct tally_object **place)
{
	if (!place || !object) return object;
	*place = object;
	if (!is_read) return NULL;
	variant_incref(object);
	return object;
}

void tally_keyed_hand_out(const struct tally_dict *object, struct tally_table *table, const struct tally_entry *removed,
                          struct tally_object **key, struct tally_object **value)
{
	bool lends = variant_lends(&object->header);
	struct tally_object *left = share_out(removed->value, lends, value);
	tally_keyed_give_up(object, table, left, share_out(removed->key, lends || variant_is_shared(&object->header), key));
}

// ---- the whole ----

// Without the lock: the entry at `position`, if the owner is alone with the object, and both references are to be had at once.
static bool read_own(struct tally_dict *object, size_t position, struct tally_entry *found)
{
	if (tally_unlikely(!variant_may_read(&object->header))) return false;
	const struct tally_table *table = tally_dict_table(object);
	if (tally_unlikely(!table || position >= tally_table_count(table))) return false;
	const struct tally_entry *entry = &tally_table_entries(table)[position];
	*found = (struct tally_entry){tally_entry_hash(entry), tally_place_read(&entry->key), tally_place_read(&entry->value)};
	if (tally_unlikely(!found->key || !found->value || variant_is_shared(&object->header))) return false;
	if (tally_unlikely(!variant_incref_own(found->key))) return false;
	if (tally_likely(variant_incref_own(found->value))) return true;
	variant_decref(found->key); // the dict's is another
	return false;
}

static __attribute__((noinline)) bool next_locked(struct tally_dict *object, size_t *position, struct tally_entry *found)
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
		if (found->value) variant_incref_locked(found->value);
	}
	variant_lock_drop(&object->header, hold);
	return there;
}

bool tally_keyed_next(struct tally_dict *object, size_t *position, struct tally_entry *found)
{
	if (tally_unlikely(!read_own(object, *position, found))) return next_locked(object, position, found);
	++*position;
	return true;
}

size_t tally_keyed_next_some(struct tally_dict *object, size_t *position, struct tally_entry *entries)
{
	size_t some = 0;
	enum tally_hold hold = variant_lock_take(&object->header);
	size_t count = object->table ? object->table->count : 0;
	for (; *position < count && some < TALLY_KEYED_BATCH; ++*position) {
		entries[some] = tally_table_entries(object->table)[*position];
		if (!entries[some].key) continue;
		variant_incref(entries[some].key);
		if (entries[some].value) variant_incref(entries[some].value);
		some++;
	}
	variant_lock_drop(&object->header, hold);
	return some;
}

// Whether there is room for one more entry. One table at most is replaced in a hold.
static bool has_room(struct tally_dict *object, struct tally_room *room)
{
	if (object->table && object->table->count < object->table->capacity) return true;
	return !room->replaced && tally_keyed_replace(object, room);
}

// The lock is held. False: not here, and nothing has been done.
static bool store_one(struct tally_dict *object, struct tally_entry *entry, struct tally_room *room)
{
	struct search search = {.object = object, .key = entry->key, .hash = entry->hash};
	begin(&search);
	int same = seek(&search);
	if (same == TALLY_UNDECIDED || (!same && !has_room(object, room))) return false;
	if (!same) {
		tally_keyed_expect(object, entry->key);
		if (tally_table_insert(object->table, entry->hash, entry->key, entry->value)) object->replacements++;
		tally_keyed_set_used(object, object->used + 1);
		entry->key = entry->value = NULL;
	} else if (entry->value) {
		struct tally_object *former = search.found.entry->value;
		tally_place_set(&search.found.entry->value, entry->value);
		entry->value = former;
	}
	return true;
}

size_t tally_keyed_store_some(struct tally_dict *object, struct tally_entry *entries, size_t count)
{
	struct tally_room room = {.replaced = NULL};
	size_t stored = 0;
	enum tally_hold hold = variant_lock_take(&object->header);
	while (stored < count && store_one(object, &entries[stored], &room)) stored++;
	variant_lock_drop(&object->header, hold);
	tally_keyed_give_up(object, room.replaced, NULL, NULL);
	return stored;
}

void tally_keyed_drop_some(const struct tally_dict *object, struct tally_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (entries[i].value) tally_keyed_give_up(object, NULL, entries[i].value, NULL);
		if (entries[i].key) variant_decref(entries[i].key);
	}
}

bool tally_keyed_pop(struct tally_dict *object, struct tally_object **key, struct tally_object **value)
{
	struct tally_room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	enum tally_hold hold = variant_lock_take(&object->header);
	struct tally_entry *last = object->table ? tally_table_last(object->table) : NULL;
	if (last) removed = tally_keyed_remove(object, last, &room);
	variant_lock_drop(&object->header, hold);
	if (last) tally_keyed_hand_out(object, room.replaced, &removed, key, value);
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
		copy->header.aux = object->header.aux;
	}
	variant_lock_drop(&object->header, hold);
	if (used && !table) return tally_error_memory(operation, tally_table_bytes(log2));
	copy->used = used;
	tally_keyed_set_table(copy, table);
	return 0;
}

// ---- what their types do ----

void tally_keyed_give_up_table(const struct tally_dict *object, struct tally_table *table)
{
	if (!table) return;
	struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = table->count; i > 0; i--) tally_keyed_give_up(object, NULL, entries[i - 1].value, entries[i - 1].key);
	tally_give_up_raw(&object->header, table);
}

static void drop(struct tally_object *object)
{
	if (object) variant_decref(object);
}

// Nobody reads any more.
void tally_keyed_destroy(struct tally_object *object)
{
	struct tally_table *table = ((struct tally_dict *)object)->table;
	if (!table) return;
	struct tally_entry *entries = tally_table_entries(table);
	for (uint32_t i = table->count; i > 0; i--) {
		drop(entries[i - 1].value);
		drop(entries[i - 1].key);
	}
	tally_raw_free(table);
}

void tally_keyed_clear(struct tally_object *object)
{
	struct tally_dict *keyed = (struct tally_dict *)object;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_table *table = keyed->table;
	tally_keyed_set_table(keyed, NULL);
	tally_keyed_set_used(keyed, 0);
	variant_lock_drop(object, hold);
	bool outer = tally_bury_later();
	tally_keyed_give_up_table(keyed, table);
	tally_bury_again(outer);
}

// The holder of the lock counts after it has inserted or removed, so others ask under it. An owner who is alone need not.
int tally_keyed_length(struct tally_object *object, size_t *length)
{
	if (variant_may_read(object) && !variant_is_shared(object)) {
		*length = tally_load((_Atomic uint32_t *)&((struct tally_dict *)object)->used, relaxed);
		return 0;
	}
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
