// core/death.c: what happens when the last reference goes.
//
// A death never recurses. While one object's `destroy` gives up its references, those that die join the thread's list
// of the dying, linked through bytes 8 to 15 of their headers (their types wait in `local`, their `gc` in the link's lowest
// bits), and are destroyed one by one after it: last in, first out, so the order is the same in every build. The
// list needs no memory, so a death cannot fail.
//
// Before its first destruction an object whose type has a finalizer comes back to life with one reference, and the finalizer
// runs; if somebody has taken another one by its end, the object lives on (PEP 442). Where finalizers do not run inline the queue gets
// that reference (core/finalizers.h).
//
// I1  At most one `destroy` of a thread runs at the bottom of the stack; nested deaths only join the list.
// I2  While a critical section is open nobody is destroyed: user code never runs with an object's lock held. The end of
//     the outermost section buries.
// I3  The thread's error is the same after a burial as before it (host.c saves it around user code).
// I4  A finalizer runs once in an object's life: TALLY_GC_FINALIZED is set before it is called, here or by the collector.
#include "death.h"
#include "finalizers.h"
#include "tuple.h"
#include "weakref.h"

_Atomic uint64_t tally_immortals;

// Dead, but its block is still allocated: core/walk.c subtracts these.
static void count_dying(int change)
{
	_Atomic uint32_t *dying = &tally_self.member->dying;
	tally_store(dying, tally_load(dying, relaxed) + (uint32_t)change, relaxed);
}

enum { KEPT_SHIFT = 56 }; // of `gc` in the link: the addresses of user space have fewer bits

static void set_link(struct tally_object *object, const struct tally_object *next, uint8_t gc)
{
	object->next = (struct tally_object *)((uintptr_t)next | (uintptr_t)gc << KEPT_SHIFT);
}

static uint8_t kept_gc(const struct tally_object *object) { return (uint8_t)((uintptr_t)object->next >> KEPT_SHIFT); }

// What follows it on the list.
static struct tally_object *next_dying(const struct tally_object *object)
{
	return (struct tally_object *)((uintptr_t)object->next & (((uintptr_t)1 << KEPT_SHIFT) - 1));
}

static void link_dying(struct tally_object *object)
{
	set_link(object, tally_self.dying, tally_load(&object->gc, relaxed));
	tally_self.dying = object;
	count_dying(1);
}

// Takes an object off the list and gives it its type back.
static struct tally_object *take_dying(void)
{
	struct tally_object *object = tally_self.dying;
	uint8_t kept = kept_gc(object);
	tally_self.dying = next_dying(object);
	object->next = NULL;
	object->type = (uint16_t)tally_load(&object->local, relaxed);
	object->aux = tally_type(object)->aux; // its finalizer may bring it back
	tally_store(&object->gc, kept, relaxed);
	count_dying(-1);
	return object;
}

struct tally_object *tally_dying_put_off(void)
{
	struct tally_object *dead = tally_self.dying;
	tally_self.dying = NULL;
	return dead;
}

void tally_dying_put_back(struct tally_object *dead)
{
	if (!dead) return;
	struct tally_object *last = dead;
	while (next_dying(last)) last = next_dying(last);
	set_link(last, tally_self.dying, kept_gc(last));
	tally_self.dying = dead;
	tally_self.pending |= TALLY_PENDING_BURY;
}

void tally_object_finalize(struct tally_object *object)
{
	tally_fetch_and(&object->gc, (uint8_t)~TALLY_GC_FINALIZER, relaxed);
	tally_fetch_or(&object->gc, TALLY_GC_FINALIZED, relaxed);
	tally_type(object)->finalize(object);
}

// For objects with one of these bits in `gc`. True: the finalizer has run and somebody has a reference now; the object must not be
// touched any more.
static __attribute__((noinline)) bool lives_on(struct tally_object *object)
{
	if (tally_load(&object->gc, relaxed) & TALLY_GC_FINALIZER) {
		variant_resurrect(object);
		tally_young_return(object);
		if (tally_finalizers_defer()) {
			tally_finalizers_put(object);
			return true;
		}
		tally_object_finalize(object);
		if (!variant_resurrect_end(object)) return true;
	}
	if (tally_load(&object->gc, relaxed) & TALLY_GC_TRASH) tally_self.trash_destroyed++;
	return false;
}

// All that the `destroy` of these types does is to drop references and to free buffers: none of the host's code runs in it, and
// nobody stops the world.
static bool is_quiet(const struct tally_type *type)
{
	return type->layout >= TALLY_LAYOUT_POINTERS && type->layout <= TALLY_LAYOUT_INSTANCE;
}

static void destroy_aloud(struct tally_object *object, const struct tally_type *type)
{
	variant_count_kill(object, object->type); // a walk that meets it knows that it is dying, and of what type
	count_dying(1);
	if (tally_unlikely(tally_load(&object->gc, relaxed) & TALLY_GC_REFERRED)) tally_weakref_bury(object);
	if (type->destroy) type->destroy(object);
	count_dying(-1);
}

static bool can_be_quiet(const struct tally_object *object, const struct tally_type *type)
{
	return (!type->destroy || is_quiet(type)) && !(tally_load(&object->gc, relaxed) & TALLY_GC_REFERRED);
}

static void destroy(struct tally_object *object)
{
	if (tally_unlikely(tally_load(&object->gc, relaxed) & (TALLY_GC_FINALIZER | TALLY_GC_TRASH)) && lives_on(object)) return;
	const struct tally_type *type = tally_type(object);
	if (!can_be_quiet(object, type)) destroy_aloud(object, type);
	else if (type->destroy) type->destroy(object);
	variant_count_kill(object, TALLY_TYPE_FREE);
	tally_heap_free_object(object);
}

void tally_object_doom(struct tally_object *object)
{
	variant_count_kill(object, object->type);
	link_dying(object);
	tally_self.pending |= TALLY_PENDING_BURY;
}

void tally_bury(void)
{
	if (!tally_self.dying || tally_self.burying || tally_in_section()) return;
	tally_self.burying = true;
	while (tally_self.dying) destroy(take_dying());
	tally_self.burying = false;
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_BURY;
}

// Whoever destroys takes, now and then, what other threads have queued: a thread may do nothing else.
static void take_queued(void)
{
	if (tally_likely(!variant_has_queued()) || tally_may_pass_queued()) return;
	variant_take_queued();
	tally_bury();
}

__attribute__((noinline)) void tally_object_free_slow(struct tally_object *object)
{
	tally_heap_free_object(object);
	take_queued();
}

static __attribute__((noinline)) void die_at_length(struct tally_object *object)
{
	if (tally_self.burying || tally_in_section()) {
		tally_object_doom(object);
		return;
	}
	tally_self.burying = true;
	destroy(object);
	tally_self.burying = false;
	tally_bury();
	take_queued();
}

// The tuple has given up all but the first `left` of its elements.
static __attribute__((noinline)) void die_with_the_rest(struct tally_tuple *tuple, size_t left)
{
	tuple->size = left;
	die_at_length(&tuple->header);
}

// As long as no element dies with the tuple, or must be dropped in some longer way, nothing need be put on a list. Elements are
// given up in the order of the tuple's `destroy`.
static void die_as_tuple(struct tally_tuple *tuple)
{
	for (size_t left = tuple->size; left > 0; left--) {
		if (tally_unlikely(!variant_decref_quick(tuple->items[left - 1]))) {
			die_with_the_rest(tuple, left);
			return;
		}
	}
	tally_object_free(&tuple->header);
}

static __attribute__((noinline)) void die_quietly(struct tally_object *object)
{
	tally_self.burying = true;
	tally_type(object)->destroy(object);
	tally_self.burying = false;
	tally_object_free(object);
	if (tally_unlikely(tally_self.dying != NULL)) tally_bury();
}

void tally_object_die_slow(struct tally_object *object)
{
	if (tally_unlikely(tally_self.burying || tally_in_section() || tally_object_dies_aloud(object))) die_at_length(object);
	else if (tally_likely(object->type == TALLY_TYPE_TUPLE)) die_as_tuple((struct tally_tuple *)object);
	else if (tally_likely(is_quiet(tally_type(object)))) die_quietly(object);
	else die_at_length(object);
}

void tally_object_die(struct tally_object *object) { tally_object_die_here(object); }
