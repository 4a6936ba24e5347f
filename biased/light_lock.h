// biased/light_lock.h: the lock that every mutable object carries: one compare-and-swap to take, a plain store to drop.
//
//   lock    0 FREE   1 LIGHT (held, dropped by a store)   2 HFREE   3 HELD (dropped by an exchange)   +4 PARKED, with 2, 3
//   flags   1 CONTENDED: a dropper by store must look for sleepers   2 SETTLED: every holder by then has seen CONTENDED
//           4 SHARED: others than the owner have held it, and may read without it   8 LENT: read sections have been opened
//
// The store that drops cannot learn of a waiter, so a waiter that gives up spinning sets CONTENDED, makes every thread's
// earlier stores and later looks fall on either side of a barrier (membarrier(2), once in the life of a contended object),
// and then sleeps; a dropper looks at the flag after its store. After that the object is taken as HELD.
//
// I1  FREE and LIGHT: never contended, or CONTENDED and no drop has got to making HFREE of it. HFREE and HELD: contended
//     (or there is no fast kind), dropped by exchange; from them no way leads back.
// I2  What stands between take and drop is leaf code, except in a critical section, which its thread's waits suspend.
// I3  A sleeper is linked in its object's bucket with PARKED set in the lock, or the holder is LIGHT and CONTENDED is
//     set, or somebody has dropped the lock and is about to look into the bucket.
// I4  Whoever takes the lock and is not the object's owner sets SHARED before it does anything else; nobody clears it. So a
//     holder that finds it unset is the owner, and alone: nobody else reads.
#ifndef TALLY_BIASED_LIGHT_LOCK_H
#define TALLY_BIASED_LIGHT_LOCK_H

// Included by the variants' variant_inline.h, in the middle of core/variant.h: include that one.

enum { LOCK_FREE = 0, LOCK_LIGHT = 1, LOCK_HFREE = 2, LOCK_HELD = 3, LOCK_PARKED = 4, LOCK_NEVER = 0xFF };
enum { LOCK_CONTENDED = 1, LOCK_SETTLED = 2, LOCK_SHARED = 4, LOCK_LENT = 8 };
// A hold that its drop must look at more closely: the thread waited, and its sections are to be resumed.
enum { LOCK_HOLD_RESUME = 8 };

// The state from which a lock is taken LIGHT, chosen at start: LOCK_FREE; where the system has no membarrier one in which no
// lock ever is, and then every taking is HELD.
extern uint8_t light_lock_from;

void light_lock_init(void);
enum tally_hold light_lock_take_slow(struct tally_object *object);
void light_lock_drop_slow(struct tally_object *object, enum tally_hold hold);
// The flag was seen after a drop by store: wakes a sleeper, if there is one.
void light_lock_drop_contended(struct tally_object *object);

// The lock is held: I4.
static inline void light_lock_mark(struct tally_object *object)
{
	if (tally_likely(variant_owns(object)) || tally_load(&object->flags, relaxed) & LOCK_SHARED) return;
	// order: release that the lock is held by whoever tells of readers; pairs with variant_may_read. Else: a reader goes on
	// while the owner, who has not seen the flag, frees an array under it.
	tally_fetch_or(&object->flags, LOCK_SHARED, release);
}

// Takes the lock if it is free and has never been contended for: one attempt, and no call. The look before it spares those who
// hold the lock by a section, or will have to wait for it, a read-modify-write that must fail.
static inline bool light_lock_take_light(struct tally_object *object)
{
	uint8_t seen = tally_load(&object->lock, relaxed);
	if (tally_unlikely(seen != light_lock_from)) return false;
	// order: acquire what the last holder wrote; pairs with light_lock_drop_light, drop_held. Else: half a change
	// is seen.
	if (tally_unlikely(!tally_cas(&object->lock, &seen, LOCK_LIGHT, acquire))) return false;
	light_lock_mark(object);
	return true;
}

// The innermost section of the calling thread stands over the object, and holds it.
static inline bool light_lock_is_innermost(const struct tally_object *object)
{
	const tally_critical *section = tally_self.section;
	return section && section->hold != TALLY_HOLD_NONE && (section->object == object || section->other == object);
}

// Drops what was taken so. False: there may be a sleeper, and the caller still has to call light_lock_drop_contended.
static inline bool light_lock_drop_light(struct tally_object *object)
{
	// order: release the section, and by the barrier the look that follows; pairs with light_lock_take_light, try_take,
	// hand_over, settle. Else: half a change is seen, or a sleeper is not.
	tally_store(&object->lock, LOCK_FREE, release);
	atomic_signal_fence(memory_order_seq_cst); // the light half of the barrier; settle has the heavy one
	return tally_likely(!(tally_load(&object->flags, relaxed) & LOCK_CONTENDED));
}

static inline enum tally_hold light_lock_take(struct tally_object *object)
{
	if (tally_likely(light_lock_take_light(object))) return TALLY_HOLD_LIGHT;
	return light_lock_is_innermost(object) ? TALLY_HOLD_NESTED : light_lock_take_slow(object);
}

static inline void light_lock_drop(struct tally_object *object, enum tally_hold hold)
{
	if (tally_likely(hold == TALLY_HOLD_LIGHT)) {
		if (!light_lock_drop_light(object)) light_lock_drop_contended(object);
	} else if (hold != TALLY_HOLD_NESTED) {
		light_lock_drop_slow(object, hold);
	}
}

#endif
