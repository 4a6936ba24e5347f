// core/retire.h: how an operation gives up what it has unlinked from a container, once the lock is dropped.
//
// Nobody reads a container without its lock but its owner, until a second thread has used it: before that everything is given up
// at once. From then on an array or a table may have readers, and waits until they have gone on (variant_retire_raw); so does a
// key of a dict or set that a reader compares in place. References are given up at once, since a reader takes one of its own
// before it uses anything (core/reader.h); except by containers that lend (tally/share.h), whose readers do not.
//
// The container is kept alive by the caller's reference. No lock is held.
#ifndef TALLY_CORE_RETIRE_H
#define TALLY_CORE_RETIRE_H

#include "heap.h"
#include "variant.h"

static inline void tally_give_up(const struct tally_object *container, struct tally_object *object)
{
	if (tally_unlikely(variant_lends(container))) variant_retire(object);
	else variant_decref(object);
}

// Readers compare keys of these types where they stand.
static inline bool tally_key_is_read_in_place(const struct tally_object *key)
{
	return key->type == TALLY_TYPE_STR || key->type == TALLY_TYPE_BYTES || (key->type >= TALLY_TYPE_BOOL && key->type <= TALLY_TYPE_FLOAT);
}

static inline void tally_give_up_raw(const struct tally_object *container, void *raw)
{
	if (tally_likely(!raw)) return;
	if (tally_unlikely(variant_is_shared(container))) variant_retire_raw(raw);
	else tally_raw_free(raw);
}

#endif
