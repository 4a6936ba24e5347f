// gil/variant_inline.h: the bodies of core/variant.h for the build with one global lock.
//
// The count is `local`, plain: whoever is attached holds the lock, so nobody else touches it. `shared` only tells the
// dead from the living. An object's own lock is the global one, which the caller holds already.
//
//   local   1 ...... 0x7FFFFFFF | 0x80000000 ...... 0xFFFFFFFF
//           references          | immortal, never written (a count that gets here stays)
//           0: dead, the last reference gone, or a free block
//   shared  0: alive, or local 0 | GIL_DEAD: dying (local: type index) or free (local: 0)
//
// I1  Only the holder of the lock reads or writes a header.
#ifndef TALLY_GIL_VARIANT_INLINE_H
#define TALLY_GIL_VARIANT_INLINE_H

enum { GIL_DEAD = 3 };

static inline void variant_count_init(struct tally_object *object)
{
	tally_store(&object->local, 1, relaxed);
	tally_store(&object->shared, 0, relaxed);
}

static inline void variant_immortal_init(struct tally_object *object)
{
	tally_store(&object->local, UINT32_MAX, relaxed);
	tally_fetch_add(&tally_immortals, 1, relaxed);
}

static inline void variant_incref(struct tally_object *object)
{
	uint32_t count = tally_load(&object->local, relaxed);
	if (tally_likely((int32_t)count >= 0)) tally_store(&object->local, count + 1, relaxed);
}

static inline bool variant_drop(struct tally_object *object)
{
	int32_t count = (int32_t)tally_load(&object->local, relaxed);
	if (tally_likely(count > 1)) {
		tally_store(&object->local, (uint32_t)count - 1, relaxed);
		return false;
	}
	if (count < 1) return false; // immortal; or dropped too often: a dead object is not to die again
	tally_store(&object->local, 0, relaxed);
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

static inline bool variant_decref_quick(struct tally_object *object)
{
	int32_t count = (int32_t)tally_load(&object->local, relaxed);
	if (tally_unlikely(count <= 1)) return count < 0;
	tally_store(&object->local, (uint32_t)count - 1, relaxed);
	return true;
}

static inline bool variant_is_alive(const struct tally_object *object)
{
	return tally_load(&object->shared, relaxed) != GIL_DEAD && tally_load(&object->local, relaxed) != 0;
}

static inline bool variant_try_incref(struct tally_object *object)
{
	if (!variant_is_alive(object)) return false;
	variant_incref(object);
	return true;
}

static inline void variant_mark_weak(struct tally_object *object) { (void)object; }

static inline uint32_t variant_refcount(const struct tally_object *object)
{
	uint32_t count = tally_load(&object->local, relaxed);
	return (int32_t)count < 0 ? UINT32_MAX : count;
}

static inline bool variant_is_unique(const struct tally_object *object)
{
	return tally_load(&object->local, relaxed) == 1;
}

static inline void variant_count_kill(struct tally_object *object, unsigned mark)
{
	tally_store(&object->local, mark, relaxed);
	tally_store(&object->shared, GIL_DEAD, relaxed);
}

static inline void variant_resurrect(struct tally_object *object) { variant_count_init(object); }

static inline bool variant_resurrect_end(struct tally_object *object)
{
	uint32_t count = tally_load(&object->local, relaxed);
	if ((int32_t)count < 0) return false;
	tally_store(&object->local, count - 1, relaxed);
	return count == 1;
}

static inline uint32_t variant_count_stopped(const struct tally_object *object)
{
	return variant_is_alive(object) ? variant_refcount(object) : 0;
}

static inline uint32_t variant_few_stopped(const struct tally_object *object)
{
	uint32_t count = tally_load(&object->local, relaxed);
	return count - 1 < UINT8_MAX && tally_load(&object->shared, relaxed) == 0 ? count : 0;
}

static inline void variant_hold_stopped(struct tally_object *object) { variant_incref(object); }

static inline bool variant_drop_stopped(struct tally_object *object) { return variant_resurrect_end(object); }

static inline void variant_void_stopped(struct tally_object *object) { variant_count_kill(object, 0); }

static inline bool variant_has_queued(void) { return false; }

static inline enum tally_hold variant_lock_take(struct tally_object *object)
{
	(void)object;
	return TALLY_HOLD_NESTED;
}

static inline void variant_lock_drop(struct tally_object *object, enum tally_hold hold)
{
	(void)object;
	(void)hold;
}

static inline bool variant_lock_take_quick(struct tally_object *object)
{
	(void)object;
	return true;
}

static inline bool variant_lock_drop_quick(struct tally_object *object)
{
	(void)object;
	return true;
}

static inline void variant_lock_wake(struct tally_object *object) { (void)object; }

static inline bool variant_may_read(const struct tally_object *object)
{
	(void)object;
	return true;
}

static inline bool variant_is_shared(const struct tally_object *object)
{
	(void)object;
	return false;
}

static inline bool variant_is_locked(const struct tally_object *object)
{
	(void)object;
	return false;
}

static inline void variant_share(struct tally_object *object) { (void)object; }

// What the thread gives up while it is in a read section of its own might have been lent.
static inline bool variant_lends(const struct tally_object *object)
{
	(void)object;
	return tally_unlikely(tally_self.reading != NULL);
}

static inline bool variant_incref_own(struct tally_object *object)
{
	variant_incref(object);
	return true;
}

// What can be referred to weakly says that it is dead before anybody else's code runs.
static inline bool variant_incref_living(struct tally_object *object)
{
	if (tally_load(&object->shared, relaxed) == GIL_DEAD) return false;
	variant_incref(object);
	return true;
}

static inline void variant_incref_locked(struct tally_object *object) { variant_incref(object); }

#endif
