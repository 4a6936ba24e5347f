// biased/variant_inline.h: the bodies of core/variant.h for the build without a global lock.
//
// The owner counts plainly in `local` (load, xor with its tag, compare, store); everybody else atomically in `shared`.
// What is here is each operation's common case; the rest is in counts.c. A live object of mine has a local count of at
// least 1; its last drop leaves 0 without a tag.
//
// An object that is spread (spread.h) has no owner, and is counted per thread.
//
// I1  references = local count + shared count; the queue holds one of a queued object's. (Of a spread one: I1 of spread.c.)
// I2  `local` is written by the holder of the role of the slot whose tag it bears; tag 0 is merged for ever.
// I3  A fresh or freed header is dead to everybody: shared is exactly plain 0 or merged 0, and the tag is 0.
#ifndef TALLY_BIASED_VARIANT_INLINE_H
#define TALLY_BIASED_VARIANT_INLINE_H

#include "count_word.h"

// Whether the calling thread is the object's owner.
static inline bool variant_owns(const struct tally_object *object)
{
	return local_is_mine(tally_load(&object->local, relaxed), tally_self.tag_word);
}

#include "light_lock.h"

// The rest of incref, decref and try-incref; `local` is the word that was seen.
void biased_incref_slow(struct tally_object *object, uint32_t local);
void biased_decref_slow(struct tally_object *object, uint32_t local);
bool biased_try_incref_slow(struct tally_object *object, uint32_t local);

// Moves the owner's count into `shared`, less `minus`. The role of the object's slot is held, or it has no owner. True: that
// was the last reference; whoever destroys calls biased_acquire_last first.
bool biased_merge(struct tally_object *object, uint32_t minus);
void biased_acquire_last(struct tally_object *object);
// `local` says that the object is immortal, or spread: its references; and in a stopped world one less (true: that was the
// last one, and the object is merged now).
uint32_t spread_refcount(uint32_t local);
bool spread_drop_stopped(struct tally_object *object, uint32_t local);
// One reference less of an object that is the calling thread's or merged. True: the last.
bool biased_drop_is_last(struct tally_object *object);

// The calling thread's first weak mark on an object that it holds: from now on its owner dies by merging, so that
// try-increments by others can be trusted (table in count_word.h).
void biased_mark_weak(struct tally_object *object);
void biased_incref_locked(struct tally_object *object);

static inline void variant_count_init(struct tally_object *object)
{
	tally_store(&object->local, tally_self.tag_word | 1, relaxed);
	// order: release the header as it is now; pairs with biased_try_incref_slow. Else: a reader with a stale pointer pins
	// the recycled object and still sees its former life.
	tally_store(&object->shared, COUNT_PLAIN, release);
}

static inline void variant_immortal_init(struct tally_object *object)
{
	tally_store(&object->local, LOCAL_IMMORTAL, relaxed);
	tally_fetch_add(&tally_immortals, 1, relaxed);
}

static inline void variant_incref(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed);
	if (tally_likely(local_has_room(local, tally_self.tag_word))) tally_store(&object->local, local + 1, relaxed);
	else if (!local_is_immortal(local)) biased_incref_slow(object, local);
}

static inline bool variant_decref_quick(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed);
	if (tally_unlikely(!local_keeps_one(local, tally_self.tag_word))) return local_is_immortal(local);
	tally_store(&object->local, local - 1, relaxed);
	return true;
}

// My own last drop of an object that nobody else has, nor can get: no read-modify-write. A plain 0 stays what it is, whoever
// tries: only the owner could change it.
static inline bool variant_drop(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed), mine = local ^ tally_self.tag_word;
	if (tally_likely(local_keeps_one(local, tally_self.tag_word))) {
		tally_store(&object->local, local - 1, relaxed);
		return false;
	}
	// order: acquire the uses of the thread that brought it back to 0; pairs with drop_shared.
	// Else: I free under a use that came before.
	if (tally_likely(mine == 1 && tally_load(&object->shared, acquire) == COUNT_PLAIN)) { // the whole word, not the count
		tally_store(&object->local, 0, relaxed);
		return true;
	}
	if (!local_is_immortal(local)) biased_decref_slow(object, local);
	return false;
}

static inline void variant_decref(struct tally_object *object)
{
	if (variant_drop(object)) tally_object_die(object);
}

static inline bool variant_incref_quick(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed);
	if (tally_unlikely(!local_has_room(local, tally_self.tag_word))) return local_is_immortal(local);
	tally_store(&object->local, local + 1, relaxed);
	return true;
}

static inline bool variant_try_incref(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed), mine = local ^ tally_self.tag_word;
	if (tally_unlikely(mine - 1 >= LOCAL_FULL - 1)) return biased_try_incref_slow(object, local);
	tally_store(&object->local, local + 1, relaxed);
	return true;
}

static inline void variant_mark_weak(struct tally_object *object) { biased_mark_weak(object); }

static inline bool variant_is_alive(const struct tally_object *object)
{
	return local_tag(tally_load(&object->local, relaxed)) || !shared_is_dead(tally_load(&object->shared, relaxed));
}

static inline uint32_t variant_refcount(const struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed), shared = tally_load(&object->shared, relaxed);
	if (tally_unlikely(local_is_elsewhere(local))) return spread_refcount(local);
	if (shared_is_saturated(shared)) return UINT32_MAX;
	return local_count(local) + (uint32_t)shared_count(shared);
}

// Provably: the whole shared word must be 0, since any state says that others have had, or may get, a reference.
static inline bool variant_is_unique(const struct tally_object *object)
{
	if (tally_load(&object->local, relaxed) != (tally_self.tag_word | 1)) return false;
	// order: acquire the uses of whoever brought it back to 0; pairs with drop_shared.
	// Else: a change in place races with a use that came before it.
	return tally_load(&object->shared, acquire) == COUNT_PLAIN;
}

static inline void variant_count_kill(struct tally_object *object, unsigned mark)
{
	tally_store(&object->local, mark, relaxed); // tag 0; `shared` is at a dead value already, or nobody can see it
}

static inline void variant_resurrect(struct tally_object *object)
{
	if (tally_load(&object->shared, relaxed) == COUNT_PLAIN) { // its owner's last drop: this thread's
		tally_store(&object->local, tally_self.tag_word | 1, relaxed);
		return;
	}
	tally_store(&object->local, 0, relaxed);
	// order: release what the finalizer will find; pairs with biased_try_incref_slow. Else: who upgrades a weak reference sees
	// the object as before its death.
	tally_store(&object->shared, COUNT_MERGED | COUNT_ONE, release);
}

static inline bool variant_resurrect_end(struct tally_object *object) { return biased_drop_is_last(object); }

static inline uint32_t variant_count_stopped(const struct tally_object *object)
{
	return variant_is_alive(object) ? variant_refcount(object) : 0;
}

// Of an object that has an owner and that nobody else counts.
static inline uint32_t variant_few_stopped(const struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed), count = local_count(local);
	bool is_plain = tally_load(&object->shared, relaxed) == COUNT_PLAIN && local - 0x10000 < LOCAL_SPREAD - 0x10000;
	return is_plain && count <= UINT8_MAX ? count : 0;
}

static inline void variant_hold_stopped(struct tally_object *object)
{
	variant_gather_stopped(object);
	uint32_t local = tally_load(&object->local, relaxed), shared = tally_load(&object->shared, relaxed);
	if (local_is_immortal(local)) return;
	tally_store(&object->local, 0, relaxed);
	tally_store(&object->shared, shared_after_merge(shared, local_count(local) + 1, 0), relaxed);
}

static inline bool variant_drop_stopped(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed);
	if (tally_unlikely(local_is_elsewhere(local))) return spread_drop_stopped(object, local);
	if (tally_unlikely(local_count(local) < 2)) return biased_merge(object, 1);
	tally_store(&object->local, local - 1, relaxed);
	return false;
}

static inline void variant_void_stopped(struct tally_object *object)
{
	if (tally_unlikely(local_is_spread(tally_load(&object->local, relaxed)))) variant_gather_stopped(object);
	tally_store(&object->local, 0, relaxed);
	tally_store(&object->shared, COUNT_PLAIN, relaxed);
}

static inline bool variant_has_queued(void) { return tally_poll_has_queued(); }

// What reads as immortal was so when it stood in the place: no object becomes immortal while others are within calls.
static inline bool variant_incref_own(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed), mine = local ^ tally_self.tag_word;
	if (tally_unlikely(mine - 1 >= LOCAL_FULL - 1)) return local_is_immortal(local);
	tally_store(&object->local, local + 1, relaxed);
	return true;
}

static inline bool variant_incref_living(struct tally_object *object) { return variant_incref_own(object); }

static inline void variant_incref_locked(struct tally_object *object)
{
	if (!variant_incref_quick(object)) biased_incref_locked(object);
}

static inline enum tally_hold variant_lock_take(struct tally_object *object) { return light_lock_take(object); }

static inline void variant_lock_drop(struct tally_object *object, enum tally_hold hold) { light_lock_drop(object, hold); }

static inline bool variant_lock_take_quick(struct tally_object *object) { return light_lock_take_light(object); }

static inline bool variant_lock_drop_quick(struct tally_object *object) { return light_lock_drop_light(object); }

static inline void variant_lock_wake(struct tally_object *object) { light_lock_drop_contended(object); }

#include "reading.h"

#endif
