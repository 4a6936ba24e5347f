// biased/reading.h: who may read an object without its lock, in the builds without a global lock: two flags of the light lock.
//
// What makes it safe is the fourth invariant of biased/light_lock.h: a writer looks at SHARED after it has taken the lock. If it is
// unset the writer is the owner, no other thread reads, and what it unlinks is free at once; if it is set, what is unlinked waits
// (reclaim.h). tests/litmus/light_shared.c is the model.
#ifndef TALLY_BIASED_READING_H
#define TALLY_BIASED_READING_H

// Included by the variants' variant_inline.h, in the middle of core/variant.h: include that one.

static inline bool variant_may_read(const struct tally_object *object)
{
	// order: acquire that every later writer sees the flag; pairs with light_lock_mark. Else: the owner, who has not seen it,
	// frees an array under this reader.
	return tally_likely(variant_owns(object)) || tally_load(&object->flags, acquire) & LOCK_SHARED;
}

static inline bool variant_is_shared(const struct tally_object *object)
{
	return tally_load(&object->flags, relaxed) & LOCK_SHARED;
}

static inline bool variant_is_locked(const struct tally_object *object) { return tally_load(&object->lock, relaxed) & LOCK_LIGHT; }

static inline void variant_share(struct tally_object *object) { tally_fetch_or(&object->flags, LOCK_SHARED, relaxed); }

static inline bool variant_lends(const struct tally_object *object)
{
	return tally_load(&object->flags, relaxed) & LOCK_LENT;
}

#endif
