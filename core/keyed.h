// core/keyed.h: what dicts and sets have in common: a table of hashable keys, guarded by the object's lock. A set is a dict
// without values.
//
// Every operation on a key is three steps: find, which leaves the object locked; a change or a look under that lock; end. Keys
// that are plain (tally_object_is_plain) are compared under the lock. Where a stored key with an equal hash needs more, since
// its equality or that of something in it may be the host's code, the search takes a reference to it, lets go of the lock,
// compares, and takes the lock again. If the object has still the same table, in which no slot was used again, and the entry the same
// key, the search goes on where it stood: keys that came meanwhile lie further on. Else it begins again, at most 1,000 times.
//
// A look for a plain key needs no lock where the thread may read (core/reader.h): tally_keyed_look compares what can be compared
// where it stands, and leaves the rest, and whatever is in doubt, to those who hold the lock. docs/reading.md has the proof.
//
// I1  A search that found nothing and the insertion that follows it are one hold of the lock: equal keys never stand side by side.
// I2  No code of the host's runs under the lock.
// I3  A search that runs such code keeps a reference to the object and to the key until after the operation's last unlock.
// I4  `replacements` changes whenever the object gets another table, or none, or a key takes the slot of one that was removed.
// I5  What an operation has unlinked is given up after its unlock, by tally_keyed_give_up, and before its search ends (I3).
// Any attached thread; `object` is a dict, a set or a frozenset; `operation` is what errors name.
#ifndef TALLY_CORE_KEYED_H
#define TALLY_CORE_KEYED_H

#include "dict.h"
#include "object.h"
#include "retire.h"
#include "str.h"
#include "trace.h"

enum { TALLY_KEYED_ATTEMPTS = 1000 };

// ---- finding ----

enum tally_finding {
	TALLY_FIND_DONE,
	TALLY_FIND_PINNED, // the same; references to the object and the key are held (I3)
	TALLY_FIND_FAILED, // the error is set, nothing is locked or held
};

struct tally_found {
	struct tally_entry *entry; // NULL: the key is not there
	enum tally_hold hold;
	enum tally_finding state;
}; // (small enough to be returned in registers)

// The hash of a key of a type that is the library's own and whose objects refer to nothing; false: of any other, or NULL. Leaf.
bool tally_keyed_hash_plain(struct tally_object *key, uint64_t *hash);
// Keys whose hashes are equal: 1 or 0 when that can be said under the lock, else TALLY_UNDECIDED. Leaf.
enum { TALLY_UNDECIDED = -1 };
int tally_keyed_compare_plain(struct tally_object *a, struct tally_object *b);
// The rest of tally_keyed_find: for any key; and once the lock is held and a comparison undecided.
struct tally_found tally_keyed_find_any(struct tally_dict *object, struct tally_object *key, uint64_t *hash,
                                        const char *operation);
struct tally_found tally_keyed_find_on(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                       enum tally_hold hold, const char *operation);

// The entry of a key whose hash is known, for instance from another table.
struct tally_found tally_keyed_find_hashed(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                           const char *operation);

// 0 for keys that are no str, or have never been hashed.
static inline uint64_t tally_keyed_known_hash(const struct tally_object *key)
{
	return key && key->type == TALLY_TYPE_STR ? tally_load(&((const struct tally_str *)key)->hash, relaxed) : 0;
}

static inline int tally_keyed_compare(struct tally_object *a, struct tally_object *b)
{
	if (a == b) return 1;
	if (tally_likely(a->type == TALLY_TYPE_STR && b->type == TALLY_TYPE_STR))
		return tally_str_same((struct tally_str *)a, (struct tally_str *)b);
	return tally_keyed_compare_plain(a, b);
}

// The entry of `key`, which may be NULL (an error), and its hash. Unless it fails the object is locked, until tally_keyed_end.
TALLY_INLINED struct tally_found tally_keyed_find(struct tally_dict *object, struct tally_object *key, uint64_t *hash,
                                                  const char *operation)
{
	struct tally_found found = {.entry = NULL};
	uint64_t known = tally_keyed_known_hash(key);
	if (tally_unlikely(!known)) {
		uint64_t plain;
		if (!tally_keyed_hash_plain(key, &plain)) return tally_keyed_find_any(object, key, hash, operation);
		known = plain;
	}
	*hash = known;
	found.hold = variant_lock_take(&object->header);
	const struct tally_table *table = object->table;
	if (!table) return found;
	size_t slot = known & table->mask;
	while ((found.entry = tally_table_match(table, known, &slot))) {
		int same = tally_keyed_compare(found.entry->key, key);
		if (tally_likely(same == 1)) return found;
		if (tally_unlikely(same)) return tally_keyed_find_on(object, key, known, found.hold, operation);
	}
	return found;
}

void tally_keyed_unpin(struct tally_dict *object, struct tally_object *key);

// Unlocks. What the caller needs of the object after this it has a reference of its own to.
TALLY_INLINED void tally_keyed_end(struct tally_dict *object, struct tally_object *key, const struct tally_found *found)
{
	variant_lock_drop(&object->header, found->hold);
	if (tally_unlikely(found->state == TALLY_FIND_PINNED)) tally_keyed_unpin(object, key);
}

// The two halves of it, for operations that have something to give up in between.
TALLY_INLINED void tally_keyed_unlock(struct tally_dict *object, const struct tally_found *found)
{
	variant_lock_drop(&object->header, found->hold);
}
TALLY_INLINED void tally_keyed_leave(struct tally_dict *object, struct tally_object *key, const struct tally_found *found)
{
	if (tally_unlikely(found->state == TALLY_FIND_PINNED)) tally_keyed_unpin(object, key);
}

// What a search said, once it has been ended: 1 there, 0 not, -1 it failed.
static inline int tally_keyed_end_look(struct tally_dict *object, struct tally_object *key,
                                       const struct tally_found *found)
{
	if (found->state == TALLY_FIND_FAILED) return -1;
	bool there = found->entry != NULL;
	tally_keyed_end(object, key, found);
	return there;
}

// 1 there, 0 not, -1 with the error set.
int tally_keyed_contains(struct tally_dict *object, struct tally_object *key, const char *operation);
int tally_keyed_contains_hashed(struct tally_dict *object, struct tally_object *key, uint64_t hash,
                                const char *operation);

// ---- looking without the lock ----

struct tally_look {
	struct tally_table *table;
	struct tally_entry *entry; // NULL: the key is not there
};
#define TALLY_LOOK_UNSURE ((struct tally_entry *)(uintptr_t)1) // the lock decides

// The entry of a plain key (tally_keyed_hash_plain) in an object that the thread may read. What it finds has had the key since the
// call began. Whoever relies on it asks for critical sections before and after (core/reader.h). Leaf code.
struct tally_look tally_keyed_look(const struct tally_dict *object, struct tally_object *key, uint64_t hash);

// A stored key that is another object than the wanted one can be compared where it stands, unpinned, if keys of its type wait for
// readers when they are removed (core/retire.h). Of any other type it may have been freed by now, and its block be another object's
// that is just being made: then not even its type may be looked at. So an object that has ever had such a key says so, before an
// entry leads to it, and its other keys are left to the lock. (In the tables of instances, whose keys are strs, `aux` is the
// number of slots; a very large one costs them nothing but that.)
enum { TALLY_KEYED_MIXED = 0x8000 }; // in header.aux. Relaxed: who finds the entry sees it by the slot's order

static inline bool tally_keyed_is_mixed(const struct tally_dict *object)
{
	return tally_load((const _Atomic uint16_t *)&object->header.aux, relaxed) & TALLY_KEYED_MIXED;
}

// The lock is held, or the object is the caller's alone: `key` is about to be appended.
static inline void tally_keyed_expect(struct tally_dict *object, const struct tally_object *key)
{
	if (tally_unlikely(!tally_key_is_read_in_place(key)))
		tally_store((_Atomic uint16_t *)&object->header.aux, (uint16_t)(object->header.aux | TALLY_KEYED_MIXED), relaxed);
}

// The second look, once `seen`, which stood there as the value, has been pinned: whether it has been the value since.
static inline bool tally_keyed_has_still(const struct tally_dict *object, struct tally_look look, unsigned sections,
                                         const struct tally_object *seen)
{
	bool is_there = tally_place_read(&look.entry->value) == seen && tally_dict_table(object) == look.table;
	return tally_likely(is_there) && tally_is_outside(&object->header, sections);
}

// A new reference to the value of an entry that was found so; `sections` is from before the look. 1 with it in *value. Else *value is
// NULL; 0: the key has been removed; TALLY_UNDECIDED: the lock decides.
int tally_keyed_take_slow(const struct tally_dict *object, struct tally_look look, unsigned sections, struct tally_object **value);
static inline int tally_keyed_take(const struct tally_dict *object, struct tally_look look, unsigned sections,
                                   struct tally_object **value)
{
	struct tally_object *seen = tally_place_read(&look.entry->value);
	*value = NULL;
	if (tally_unlikely(!tally_is_outside(&object->header, sections))) return TALLY_UNDECIDED;
	*value = seen;
	if (!seen) return 0;
	return tally_likely(variant_incref_own(seen)) ? 1 : tally_keyed_take_slow(object, look, sections, value);
}

// The whole of it: the value of a plain key, if the thread may read the dict. As above.
int tally_keyed_try_get(const struct tally_dict *dict, struct tally_object *key, uint64_t hash, struct tally_object **value);

// ---- changing, under the lock ----

// What making room leaves to do once the lock is dropped.
struct tally_room {
	struct tally_table *replaced; // the former table, to be given up
	unsigned log2;                // of the table that could not be had
};

bool tally_keyed_replace(struct tally_dict *object, struct tally_room *room);

// Relaxed: an owner who is alone reads it without the lock.
static inline void tally_keyed_set_used(struct tally_dict *object, uint32_t used)
{
	tally_store((_Atomic uint32_t *)&object->used, used, relaxed);
}

// Appends a key that is not there. Takes over the caller's reference to the value, unless it fails.
static inline bool tally_keyed_insert(struct tally_dict *object, uint64_t hash, struct tally_object *key,
                                      struct tally_object *value, struct tally_room *room)
{
	const struct tally_table *table = object->table;
	if ((!table || table->count == table->capacity) && !tally_keyed_replace(object, room)) return false;
	variant_incref(key);
	tally_keyed_expect(object, key);
	if (tally_table_insert(object->table, hash, key, value)) object->replacements++;
	tally_keyed_set_used(object, object->used + 1);
	return true;
}

// Sets the error that says why a key could not be inserted. Returns -1. The lock is not held; the object may be gone.
int tally_keyed_no_room(const struct tally_room *room, const char *operation);

void tally_keyed_set_table(struct tally_dict *object, struct tally_table *table);

enum { TALLY_KEYED_KEPT = 64 }; // an empty object keeps a table of up to this capacity

// Takes the references out of `entry`, which becomes a tombstone. An empty object lets go of a large table.
static inline struct tally_entry tally_keyed_remove(struct tally_dict *object, struct tally_entry *entry,
                                                    struct tally_room *room)
{
	struct tally_entry removed = *entry;
	tally_table_bury(entry); // before the references in it are dropped
	tally_keyed_set_used(object, object->used - 1);
	if (object->used == 0 && object->table->capacity > TALLY_KEYED_KEPT) {
		room->replaced = object->table;
		tally_keyed_set_table(object, NULL);
	}
	return removed;
}

// ---- giving up; no lock is held ----

// A former table, a value, a key, each perhaps NULL, that have been unlinked from `object`, which the caller keeps alive up to here.
void tally_keyed_give_up_slow(const struct tally_dict *object, void *table, struct tally_object *value, struct tally_object *key);
static inline void tally_keyed_give_up(const struct tally_dict *object, struct tally_table *table, struct tally_object *value,
                                       struct tally_object *key)
{
	if (tally_unlikely(variant_is_shared(&object->header) || variant_lends(&object->header))) {
		tally_keyed_give_up_slow(object, table, value, key);
		return;
	}
	tally_raw_free(table);
	if (value) variant_decref(value);
	if (key) variant_decref(key);
}

// The same for a whole table, from the last entry to the first: see tally_bury_later.
void tally_keyed_give_up_table(const struct tally_dict *object, struct tally_table *table);
// The same for an entry that leaves with the caller: its references go to the places that are not NULL.
void tally_keyed_hand_out(const struct tally_dict *object, struct tally_table *table, const struct tally_entry *removed,
                          struct tally_object **key, struct tally_object **value);

// ---- the whole; no lock is held ----

// New references to the next living entry from *position on. False: there is none.
bool tally_keyed_next(struct tally_dict *object, size_t *position, struct tally_entry *found);

// For changes by many entries at once: as many as are read, or stored, in one hold of the lock.
enum { TALLY_KEYED_BATCH = TALLY_TUNED(64, 3) };
// The same for up to that many entries. Returns how many; 0: there are no more.
size_t tally_keyed_next_some(struct tally_dict *object, size_t *position, struct tally_entry *entries);
// Stores the first of `count` entries, as many as can be stored in one hold: keys that are not there move into the table with their
// values; one that is there gets the value, unless that is NULL. What `entries` is left with is the caller's to give up. Returns how
// many; the next one is to be stored alone, which says what is wrong with it, if anything.
size_t tally_keyed_store_some(struct tally_dict *object, struct tally_entry *entries, size_t count);
// Gives up what is left of them.
void tally_keyed_drop_some(const struct tally_dict *object, struct tally_entry *entries, size_t count);
// The last entry is removed; its references go to the places that are not NULL. False: there is none.
bool tally_keyed_pop(struct tally_dict *object, struct tally_object **key, struct tally_object **value);
// Gives `copy`, which is empty and nobody else's, the entries of `object`, as of one moment. 0, or -1 with the error set.
int tally_keyed_copy(struct tally_dict *copy, struct tally_dict *object, const char *operation);

// What their types do (core/type.h); tally_keyed_destroy also for the table of an instance.
void tally_keyed_destroy(struct tally_object *object);
void tally_keyed_clear(struct tally_object *object);
int tally_keyed_length(struct tally_object *object, size_t *length);
size_t tally_keyed_owned(struct tally_object *object);

#endif
