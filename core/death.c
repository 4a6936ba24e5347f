// core/death.c: what happens when the last reference goes.
//
// A death never recurses. While one object's `destroy` gives up its references, those that die join the thread's list
// of the dying, linked through bytes 8 to 15 of their headers (their types wait in `local`), and are destroyed one by
// one after it: last in, first out, so the order is the same in every build. The list needs no memory, so a death
// cannot fail.
//
// I1  At most one `destroy` of a thread runs at the bottom of the stack; nested deaths only join the list.
// I2  While a critical section is open nobody is destroyed: user code never runs with an object's lock held. The end of
//     the outermost section buries.
// I3  The thread's error is the same after a burial as before it (host.c saves it around user code).
#include "object.h"

_Atomic uint64_t tally_immortals;


// Dead, but its block is still allocated: core/walk.c subtracts these.
static void count_dying(int change)
{
	_Atomic uint32_t *dying = &tally_self.member->dying;
	tally_store(dying, tally_load(dying, relaxed) + (uint32_t)change, relaxed);
}

// Takes an object off the list and gives it its type back.
static struct tally_object *take_dying(void)
{
	struct tally_object *object = tally_self.dying;
	tally_self.dying = object->next;
	object->next = NULL;
	object->type = (uint16_t)tally_load(&object->local, relaxed);
	count_dying(-1);
	return object;
}

static void destroy(struct tally_object *object)
{
	void (*type_destroy)(struct tally_object *) = tally_type(object)->destroy;
	if (type_destroy) {
		variant_count_kill(object, object->type); // a walk that meets it knows that it is dying, and of what type
		count_dying(1);
		type_destroy(object);
		count_dying(-1);
	}
	variant_count_kill(object, TALLY_TYPE_FREE);
	tally_heap_free(object);
}

void tally_object_doom(struct tally_object *object)
{
	variant_count_kill(object, object->type);
	object->next = tally_self.dying;
	tally_self.dying = object;
	count_dying(1);
	tally_self.pending |= TALLY_PENDING_BURY;
}

void tally_bury(void)
{
	if (!tally_self.dying || tally_self.burying || tally_self.section) return;
	tally_self.burying = true;
	while (tally_self.dying) destroy(take_dying());
	tally_self.burying = false;
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_BURY;
}

// A type without `destroy` has nothing to give up and runs no code: its objects need not wait for anything.
static bool free_leaf(struct tally_object *object)
{
	if (tally_type(object)->destroy) return false;
	variant_count_kill(object, TALLY_TYPE_FREE);
	tally_heap_free(object);
	return true;
}

// Whoever destroys takes, now and then, what other threads have queued: a thread may do nothing else.
static void take_queued(void)
{
	if (tally_likely(!tally_poll_has_queued()) || tally_may_pass_queued()) return;
	variant_take_queued();
	tally_bury();
}

void tally_object_die(struct tally_object *object)
{
	if (free_leaf(object)) {
		take_queued();
	} else if (tally_self.burying || tally_self.section) {
		tally_object_doom(object);
	} else {
		tally_self.burying = true;
		destroy(object);
		tally_self.burying = false;
		tally_bury();
		take_queued();
	}
}
