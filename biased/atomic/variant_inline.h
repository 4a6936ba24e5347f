// biased/atomic/variant_inline.h: the ablation: every count is one atomic word, whoever counts.
//
// Everything else (slots, pages, light locks) is the biased build's, so a comparison shows what the bias is worth and
// nothing else. Built for the compare command and the stress suites, never installed.
//
//   local   0, or the type index of a dying object; 0xFFFFFFFF: immortal
//   shared  references; 0: dead
//
// I1  A header with shared 0 is dead to everybody.
#ifndef TALLY_ATOMIC_VARIANT_INLINE_H
#define TALLY_ATOMIC_VARIANT_INLINE_H

#include "check.h"

static inline bool variant_owns(const struct tally_object *object)
{
	(void)object;
	return false;
}

#include "light_lock.h"

#define ATOMIC_SATURATED ((uint32_t)1 << 30) // never dropped again; the overshoot stays far from the wrap

static inline bool ablation_is_immortal(const struct tally_object *object)
{
	return tally_load(&object->local, relaxed) == UINT32_MAX;
}

static inline void variant_count_init(struct tally_object *object)
{
	tally_store(&object->local, 0, relaxed);
	// order: release the header as it is now; pairs with variant_try_incref. Else: a reader with a stale pointer pins the
	// recycled object and still sees its former life.
	tally_store(&object->shared, 1, release);
}

static inline void variant_immortal_init(struct tally_object *object)
{
	tally_store(&object->local, UINT32_MAX, relaxed);
	tally_store(&object->shared, 1, relaxed);
	tally_fetch_add(&tally_immortals, 1, relaxed);
}

static inline void variant_incref(struct tally_object *object)
{
	if (tally_unlikely(ablation_is_immortal(object))) return;
	if (tally_unlikely(tally_fetch_add(&object->shared, 1, relaxed) >= ATOMIC_SATURATED))
		tally_fetch_sub(&object->shared, 1, relaxed);
}

static inline bool variant_drop(struct tally_object *object)
{
	if (tally_unlikely(ablation_is_immortal(object))) return false;
	if (tally_unlikely(tally_load(&object->shared, relaxed) >= ATOMIC_SATURATED)) return false;
	// order: release this thread's uses of the object; pairs with variant_drop, variant_is_unique, variant_resurrect_end.
	// Else: they race with the destruction, or with a change in place.
	if (tally_likely(tally_fetch_sub(&object->shared, 1, release) != 1)) return false;
	// order: acquire the uses of everybody who has dropped; pairs with variant_drop. Else: a use races with the
	// destruction.
	(void)tally_load(&object->shared, acquire);
	return true;
}

static inline void variant_decref(struct tally_object *object)
{
	if (variant_drop(object)) tally_object_die(object);
}

static inline bool variant_incref_quick(struct tally_object *object)
{
	variant_incref(object);
	return true;
}

static inline bool variant_decref_quick(struct tally_object *object) { return ablation_is_immortal(object); }

static inline bool variant_try_incref(struct tally_object *object)
{
	if (ablation_is_immortal(object)) return true;
	uint32_t shared = tally_load(&object->shared, relaxed);
	do {
		if (shared == 0) return false;
		if (shared >= ATOMIC_SATURATED) return true;
		// order: acquire the life that the header belongs to now; pairs with variant_count_init, variant_resurrect.
		// Else: as there.
	} while (!tally_cas(&object->shared, &shared, shared + 1, acquire));
	return true;
}

static inline bool variant_is_alive(const struct tally_object *object) { return tally_load(&object->shared, relaxed) != 0; }

static inline void variant_mark_weak(struct tally_object *object) { (void)object; }

static inline uint32_t variant_refcount(const struct tally_object *object)
{
	uint32_t shared = tally_load(&object->shared, relaxed);
	return ablation_is_immortal(object) || shared >= ATOMIC_SATURATED ? UINT32_MAX : shared;
}

static inline bool variant_is_unique(const struct tally_object *object)
{
	// order: acquire the uses of whoever dropped before; pairs with variant_drop. Else: a change in place races with one.
	return !ablation_is_immortal(object) && tally_load(&object->shared, acquire) == 1;
}

static inline void variant_count_kill(struct tally_object *object, unsigned mark)
{
	tally_store(&object->local, mark, relaxed);
}

static inline void variant_resurrect(struct tally_object *object)
{
	tally_store(&object->local, 0, relaxed);
	// order: release what the finalizer will find; pairs with variant_try_incref. Else: who upgrades a weak reference sees the
	// object as before its death.
	tally_store(&object->shared, 1, release);
}

static inline bool variant_resurrect_end(struct tally_object *object)
{
	if (ablation_is_immortal(object) || tally_load(&object->shared, relaxed) >= ATOMIC_SATURATED) return false;
	// order: acq_rel this thread's uses, and those of everybody who has dropped; pairs with variant_drop. Else: a use races
	// with the destruction.
	return tally_fetch_sub(&object->shared, 1, acq_rel) == 1;
}

static inline uint32_t variant_count_stopped(const struct tally_object *object)
{
	return variant_is_alive(object) ? variant_refcount(object) : 0;
}

static inline uint32_t variant_few_stopped(const struct tally_object *object)
{
	uint32_t count = variant_count_stopped(object);
	return count <= UINT8_MAX ? count : 0;
}

static inline void variant_hold_stopped(struct tally_object *object) { variant_incref(object); }

static inline bool variant_drop_stopped(struct tally_object *object) { return variant_resurrect_end(object); }

static inline void variant_void_stopped(struct tally_object *object)
{
	tally_store(&object->local, 0, relaxed);
	tally_store(&object->shared, 0, relaxed);
}

static inline bool variant_has_queued(void) { return tally_poll_has_queued(); }

static inline bool variant_incref_own(struct tally_object *object)
{
	(void)object;
	return false;
}

static inline bool variant_incref_living(struct tally_object *object) { return variant_incref_own(object); }

static inline void variant_incref_locked(struct tally_object *object) { variant_incref(object); }

static inline enum tally_hold variant_lock_take(struct tally_object *object) { return light_lock_take(object); }

static inline void variant_lock_drop(struct tally_object *object, enum tally_hold hold) { light_lock_drop(object, hold); }

static inline bool variant_lock_take_quick(struct tally_object *object) { return light_lock_take_light(object); }

static inline bool variant_lock_drop_quick(struct tally_object *object) { return light_lock_drop_light(object); }

static inline void variant_lock_wake(struct tally_object *object) { light_lock_drop_contended(object); }

#include "reading.h"

#endif
