// core/weak_keyed.c: what weak dicts and weak sets have in common (core/weak_keyed.h): watchers that take their entry along, the
// search by a key that is referred to weakly, iteration.
//
// The search compares addresses first, under the lock: a watcher whose `referent` is the wanted object has found it, since a dead object
// stands in no `referent`. Only when other objects of the same hash are there are they compared as core/keyed.c compares keys that
// need the host's code: one after the other, held, with the lock let go; and what was equal must still be alive under the lock.
#include "weak_keyed.h"
#include "error.h"
#include "hash.h"

struct tally_weak_keyed *tally_weak_keyed_make(unsigned type, const char *operation)
{
	struct tally_weak_keyed *made =
		(struct tally_weak_keyed *)tally_object_new(type, sizeof *made, TALLY_LAYOUT_ENTRIES);
	if (!made) return tally_error_null(tally_error_memory(operation, sizeof *made));
	made->own.used = made->own.replacements = 0;
	made->own.table = NULL;
	made->anchor = NULL;
	return made;
}

struct tally_entry *tally_weak_keyed_entry(struct tally_weak_keyed *container, const struct tally_watcher *watcher,
                                           uint64_t hash)
{
	const struct tally_table *table = container->own.table;
	size_t slot = table ? hash & table->mask : 0;
	struct tally_entry *entry;
	while ((entry = table ? tally_table_match(table, hash, &slot) : NULL))
		if (entry->key == &watcher->ref.header || entry->value == &watcher->ref.header) break;
	return entry;
}

// ---- finding by a key that is referred to weakly ----

struct search {
	struct tally_weak_keyed *container;
	struct tally_object *object;
	uint64_t hash;
	const char *operation;
	size_t slot; // where it goes on
	struct tally_found found;
};

static struct tally_weakref *key_of(const struct tally_entry *entry) { return (struct tally_weakref *)entry->key; }

static void begin(struct search *search)
{
	const struct tally_table *table = search->container->own.table;
	search->slot = table ? search->hash & table->mask : 0;
}

// Goes on to the next entry of that hash. NULL: there is none.
static struct tally_entry *next_of_hash(struct search *search)
{
	const struct tally_table *table = search->container->own.table;
	return table ? tally_table_match(table, search->hash, &search->slot) : NULL;
}

// The entry of the object itself; else NULL, and *others says whether objects of that hash are there. It compares addresses only:
// a watcher's object that has died is nobody's address any more.
static struct tally_entry *find_same(struct search *search, bool *others)
{
	struct tally_entry *entry;
	*others = false;
	begin(search);
	while ((entry = next_of_hash(search))) {
		struct tally_object *referent = tally_place_read(&key_of(entry)->referent);
		if (referent == search->object) break;
		*others |= referent != NULL;
	}
	return entry;
}

static void pin(struct search *search)
{
	if (search->found.state == TALLY_FIND_PINNED) return;
	variant_incref(&search->container->own.header);
	variant_incref(search->object);
	search->found.state = TALLY_FIND_PINNED;
}

static struct tally_found fail(struct search *search)
{
	tally_keyed_leave(&search->container->own, search->object, &search->found);
	search->found.state = TALLY_FIND_FAILED;
	return search->found;
}

static void lock(struct search *search) { search->found.hold = variant_lock_take(&search->container->own.header); }
static void unlock(struct search *search) { variant_lock_drop(&search->container->own.header, search->found.hold); }

// Whether it lives and equals the wanted one; -1. The caller has a reference to it.
static int equals(struct tally_weakref *stored, struct search *search)
{
	struct tally_object *referent = tally_weakref_upgrade(stored);
	int same = referent ? tally_object_equal(referent, search->object, search->operation) : 0;
	if (referent) variant_decref(referent);
	return same;
}

// Compares without the lock; takes it again, unless the comparison fails. True in *is_valid: the search stands where it stood.
static int compare_unlocked(struct search *search, struct tally_entry *entry, bool *is_valid)
{
	struct tally_weakref *stored = key_of(entry);
	uint32_t replacements = search->container->own.replacements;
	variant_incref(&stored->header);
	pin(search);
	unlock(search);
	int same = equals(stored, search);
	variant_decref(&stored->header);
	if (same < 0) return same;
	lock(search);
	*is_valid = search->container->own.replacements == replacements && entry->key;
	return same && *is_valid ? tally_weak_keyed_is_alive(key_of(entry)) : same;
}

static struct tally_found give_up(struct search *search)
{
	unlock(search);
	tally_error_raise(TALLY_ERROR_VALUE, search->operation,
	                  "the %s was changed during each of %d comparisons of its keys",
	                  tally_type(&search->container->own.header)->name, TALLY_KEYED_ATTEMPTS);
	return fail(search);
}

// The same by equality, which may be the host's. The lock is held.
static struct tally_found find_equal(struct search *search)
{
	bool is_valid;
	begin(search);
	for (unsigned attempts = 0; (search->found.entry = next_of_hash(search));) {
		int same = compare_unlocked(search, search->found.entry, &is_valid);
		if (same < 0) return fail(search);
		if (is_valid && same) break;
		if (is_valid) continue;
		if (++attempts == TALLY_KEYED_ATTEMPTS) return give_up(search);
		begin(search);
	}
	return search->found;
}

static struct tally_found find(struct search *search)
{
	bool others;
	lock(search);
	search->found.entry = find_same(search, &others);
	return search->found.entry || !others ? search->found : find_equal(search);
}

struct tally_found tally_weak_keyed_find_hashed(struct tally_weak_keyed *container, struct tally_object *object,
                                                uint64_t hash, const char *operation)
{
	struct search search = {container, object, hash, operation, .found = {.state = TALLY_FIND_DONE}};
	return find(&search);
}

struct tally_found tally_weak_keyed_find(struct tally_weak_keyed *container, struct tally_object *object, uint64_t *hash,
                                         const char *operation)
{
	struct search search = {container, object, 0, operation, .found = {.state = TALLY_FIND_DONE}};
	if (tally_type(object)->hash != tally_hash_identity) pin(&search); // it may be the host's code
	if (tally_object_hash(object, &search.hash, operation)) return fail(&search);
	*hash = search.hash;
	return find(&search);
}

// ---- iteration ----

// Leaf code. False with an object in *key: as tally_weak_keyed_upgrade.
static bool take_key(const struct tally_weak_keyed *container, const struct tally_entry *entry, struct tally_object **key)
{
	if (tally_weak_keyed_by_key(container)) return tally_weak_keyed_upgrade(key_of(entry), key);
	bool is_alive = tally_weak_keyed_is_alive((struct tally_weakref *)entry->value);
	*key = is_alive ? entry->key : NULL;
	if (is_alive) variant_incref(entry->key);
	return is_alive;
}

// The same for the next entry; *key is NULL when there is none.
static bool next_key(struct tally_weak_keyed *container, size_t *position, struct tally_object **key)
{
	bool is_alive = false;
	*key = NULL;
	enum tally_hold hold = variant_lock_take(&container->own.header);
	const struct tally_table *table = container->own.table;
	for (; table && *position < table->count && !*key; ++*position)
		if (tally_table_entries(table)[*position].key)
			is_alive = take_key(container, &tally_table_entries(table)[*position], key);
	variant_lock_drop(&container->own.header, hold);
	return is_alive;
}

struct tally_object *tally_weak_keyed_next(struct tally_weak_keyed *container, size_t *position)
{
	struct tally_object *key;
	while (!next_key(container, position, &key) && key) tally_unpin(key);
	return key;
}

// ---- watchers ----

static void remove_entry(struct tally_weak_keyed *container, const struct tally_watcher *watcher)
{
	struct tally_room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	enum tally_hold hold = variant_lock_take(&container->own.header);
	struct tally_entry *entry = tally_weak_keyed_entry(container, watcher, watcher->note);
	if (entry) removed = tally_keyed_remove(&container->own, entry, &room);
	variant_lock_drop(&container->own.header, hold);
	tally_keyed_give_up(&container->own, room.replaced, removed.value, removed.key);
}

// The object of a watcher has died.
static void leave(struct tally_watcher *watcher)
{
	struct tally_object *anchor = tally_watcher_take(watcher, 1);
	struct tally_object *container = anchor ? tally_weakref_upgrade((struct tally_weakref *)anchor) : NULL;
	if (container) {
		remove_entry((struct tally_weak_keyed *)container, watcher);
		variant_decref(container);
	}
	if (anchor) variant_decref(anchor);
}

struct tally_watcher *tally_weak_keyed_watch(struct tally_weak_keyed *container, struct tally_object *object, uint64_t hash,
                                             const char *operation)
{
	if (tally_unlikely(!tally_weakref_allows(object))) return tally_error_null(tally_weakref_refuse(operation, object));
	struct tally_weakref *anchor = tally_weakref_anchor(&container->own.header, operation);
	struct tally_watcher *watcher = anchor ? tally_watcher_new(object, leave, NULL, &anchor->header, operation) : NULL;
	if (watcher) watcher->note = hash; // the caller has the object: nothing acts yet
	return watcher;
}
