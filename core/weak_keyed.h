// core/weak_keyed.h: what weak dicts and weak sets have in common: a table, as that of a dict (core/keyed.h), of entries that leave by
// themselves when what they refer to dies.
//
// For each entry there is a watcher (core/weakref.h) of the object: the value of a weak value dict, the key of a weak key dict,
// the element of a weak set. It stands in the table in the object's place, and knows the way back: `slot[1]` is the anchor of the
// container, so it keeps neither alive; `note` is the hash under which the entry stands; `slot[0]` is free for the kind's own use. When
// the object dies the watcher looks for the entry that it stands in itself, by identity, under the container's lock: so it compares
// no keys, runs nothing of the host's, and cannot remove an entry that has been stored since.
//
// I1  A watcher leaves at most one entry, its own.
// I2  Every living entry of a container has a watcher of that container in its place, and each watcher stands in one entry at most.
// Any attached thread.
#ifndef TALLY_CORE_WEAK_KEYED_H
#define TALLY_CORE_WEAK_KEYED_H

#include "keyed.h"
#include "weakref.h"

struct tally_weak_keyed {
	struct tally_dict own;       // header and table, as a dict has them
	struct tally_object *anchor; // the container's own (core/weakref.h)
};

// An empty container of that type; after a run point. NULL with the error set.
struct tally_weak_keyed *tally_weak_keyed_make(unsigned type, const char *operation);

// A watcher of `object` for an entry of `container` with that hash, in no entry yet. After a run point; may stop the world when memory
// is short. NULL with the error set (type: the object cannot be referred to weakly; memory).
struct tally_watcher *tally_weak_keyed_watch(struct tally_weak_keyed *container, struct tally_object *object, uint64_t hash,
                                             const char *operation);

// Whether its watchers are the keys of its table, or else the values.
static inline bool tally_weak_keyed_by_key(const struct tally_weak_keyed *container)
{
	return container->own.header.type != TALLY_TYPE_WEAK_VALUE_DICT;
}

// The entry in which `watcher` stands, as key or as value, under that hash; NULL: in none. The container's lock is held.
struct tally_entry *tally_weak_keyed_entry(struct tally_weak_keyed *container, const struct tally_watcher *watcher, uint64_t hash);

// Of a container whose keys are its watchers: the entry of `object`, or of one that lives and equals it, and the hash of `object`. As
// tally_keyed_find, and ends with tally_keyed_end(&container->own, object, &found); but needs neither an anchor nor memory. (What
// cannot be referred to weakly is simply not there.) An entry whose object has died is not found. The second knows the hash.
struct tally_found tally_weak_keyed_find(struct tally_weak_keyed *container, struct tally_object *object, uint64_t *hash,
                                         const char *operation);
struct tally_found tally_weak_keyed_find_hashed(struct tally_weak_keyed *container, struct tally_object *object, uint64_t hash,
                                                const char *operation);

// A new reference to the key, or to the object that the key watches, of the next entry from *position on that is alive; for iterators.
// NULL: there is none.
struct tally_object *tally_weak_keyed_next(struct tally_weak_keyed *container, size_t *position);

// An upgrade under the container's lock. False with an object in *object: that was pinned by mistake, and is to be given back
// (tally_unpin) when the lock has been dropped. Leaf code.
static inline bool tally_weak_keyed_upgrade(struct tally_weakref *ref, struct tally_object **object)
{
	struct tally_object *seen = tally_place_read(&ref->referent);
	*object = seen && variant_try_incref(seen) ? seen : NULL;
	return *object && tally_likely(tally_place_read(&ref->referent) == seen);
}

// Whether that would succeed, for those who do not need the object; out of date as soon as another thread drops it. Leaf code.
static inline bool tally_weak_keyed_is_alive(const struct tally_weakref *ref)
{
	struct tally_object *seen = tally_place_read(&ref->referent);
	return seen && variant_is_alive(seen) && tally_likely(tally_place_read(&ref->referent) == seen);
}

#endif
