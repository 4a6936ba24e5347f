// core/set.h: sets and frozensets from the inside: a struct tally_dict whose entries have no values, and what core/keyed.h
// does with it. The table of a frozenset never changes once others can see the frozenset.
#ifndef TALLY_CORE_SET_H
#define TALLY_CORE_SET_H

#include "keyed.h"

static inline bool tally_object_is_set(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_SET || object->type == TALLY_TYPE_FROZENSET;
}

// ---- for use within the library; no point ----

// An empty set. NULL with the error set.
struct tally_dict *tally_set_make(const char *operation);
// 1 added, 0 it was there already, -1 with the error set. Runs the host's code.
int tally_set_put(struct tally_dict *set, struct tally_object *element, const char *operation);

// The ends of a search for `sought` (core/keyed.h) in a set, or in a weak set, where what is stored is another object: 1 changed, 0 not,
// -1 with the error set.
static inline int tally_set_store(struct tally_dict *set, struct tally_object *sought, struct tally_object *stored, uint64_t hash,
                                  const struct tally_found *found, const char *operation)
{
	struct tally_room room = {.replaced = NULL};
	if (found->state == TALLY_FIND_FAILED) return -1;
	bool was_there = found->entry != NULL;
	bool has_room = was_there || tally_keyed_insert(set, hash, stored, NULL, &room);
	tally_keyed_unlock(set, found);
	tally_keyed_give_up(set, room.replaced, NULL, NULL);
	tally_keyed_leave(set, sought, found);
	return has_room ? !was_there : tally_keyed_no_room(&room, operation);
}

static inline int tally_set_remove(struct tally_dict *set, struct tally_object *sought, const struct tally_found *found)
{
	struct tally_room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	if (found->state == TALLY_FIND_FAILED) return -1;
	if (found->entry) removed = tally_keyed_remove(set, found->entry, &room);
	tally_keyed_unlock(set, found);
	tally_keyed_give_up(set, room.replaced, NULL, removed.key);
	tally_keyed_leave(set, sought, found);
	return removed.key != NULL;
}

#endif
