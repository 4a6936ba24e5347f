// tests/litmus/resurrection.c: whoever drops the last reference runs the finalizer, which saves the object in a global.
// A second thread takes it from there and drops it, a third one upgrades a weak reference. It is finalized once and
// destroyed once. The dropper is not the owner and the object merged; with BY_OWNER it is the owner, who resurrects
// without a read-modify-write. A resurrection needs nothing else: no merge, no second state.
//
// At stake: RESURRECT, by which an upgrader sees what the finalizer did; and that its caller leaves the object alone.
#define OWN_DESTROY
#include "model.h"

#ifndef RESURRECT // the store that gives a dying object its temporary reference
#define RESURRECT release
#endif
enum { EMPTY, FULL };
static _Atomic int referent, saved;

static void revive(struct object *o)
{
	uint32_t local = tally_load(&o->local, relaxed);
	if (local) tally_store(&o->local, local + 1, relaxed); // on its owner's thread; `shared` stays PLAIN(0)
	else tally_store(&o->shared, MERGED | ONE, RESURRECT); // nobody else writes a MERGED(0)
}

static void finalize(struct object *o)
{
	o->finalized++; // before anybody can get at the object again
	revive(o);
	incref(o);
	tally_store(&saved, FULL, release);
	decref(o);
#ifdef FAULT_TOUCH_AFTER // the object is somebody else's now
	use(o);
#endif
}

static void destroy(struct object *o)
{
	if (!o->finalized) {
		finalize(o);
		return;
	}
	tally_store(&referent, EMPTY, relaxed);
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
}

static void *dropper(void *unused)
{
#ifdef BY_OWNER
	self = TAG(1);
#else
	self = TAG(2);
#endif
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

static void *upgrader(void *unused)
{
	self = TAG(3);
	if (tally_load(&referent, acquire) == EMPTY || !try_incref(&object[0])) return unused;
	if (tally_load(&referent, acquire) == FULL) {
		use(&object[0]);
		assert(object[0].finalized <= 1);
	}
	decref(&object[0]);
	return unused;
}

static void drop_saved(void)
{
	if (tally_exchange(&saved, EMPTY, acquire) == EMPTY) return;
	use(&object[0]);
	decref(&object[0]);
}

static void *taker(void *unused)
{
	self = TAG(4);
	drop_saved();
	return unused;
}

int main(void)
{
#ifdef BY_OWNER
	init_object(&object[0], 1, 1, PLAIN);
#else
	init_object(&object[0], 0, 0, MERGED | ONE);
#endif
	tally_store(&slot[1], ATTACHED, relaxed);
	tally_store(&referent, FULL, release);
	run_threads(dropper, upgrader, taker);
	self = TAG(1);
	run_point(&slot[1]);
	drop_saved();
	run_point(&slot[1]);
	assert(object[0].freed && object[0].finalized == 1);
	return 0;
}
