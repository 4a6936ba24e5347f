// tests/litmus/weak_upgrade.c: a weak reference is upgraded while the owner and another thread drop the last two strong
// ones; the death empties the weak reference. The other's reference is counted in `local`, or with SHARED in `shared`;
// with OTHER_MARKS it is also the other thread, and not the owner, who makes the first weak reference.
//
// At stake: that an owner whose object may be weakly referenced dies by merging, however low the count; MERGE.
#define OWN_DESTROY
#include "model.h"

enum { EMPTY, FULL };
static _Atomic int referent;

static void destroy(struct object *o)
{
	tally_store(&referent, EMPTY, relaxed);
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
}

static void make_weak_reference(void)
{
	mark_weak(&object[0]);
	tally_store(&referent, FULL, release);
}

static void *owner(void *unused)
{
	self = TAG(1);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

static void *other(void *unused)
{
	self = TAG(2);
	use(&object[0]);
#ifdef OTHER_MARKS
	make_weak_reference();
#endif
	decref(&object[0]);
	return unused;
}

static void *upgrader(void *unused)
{
	self = TAG(3);
	if (tally_load(&referent, acquire) == EMPTY || !try_incref(&object[0])) return unused;
	if (tally_load(&referent, acquire) == FULL) use(&object[0]);
	decref(&object[0]);
	return unused;
}

int main(void)
{
#ifdef SHARED
	init_object(&object[0], 1, 1, PLAIN | ONE);
#else
	init_object(&object[0], 1, 2, PLAIN);
#endif
	tally_store(&slot[1], ATTACHED, relaxed);
#ifndef OTHER_MARKS
	make_weak_reference();
#endif
	run_threads(owner, other, upgrader);
	self = TAG(1);
	run_point(&slot[1]);
	assert(object[0].freed);
	return 0;
}
