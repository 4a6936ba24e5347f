// tests/litmus/spill.c: the ends of the counts. A full local count spills half of itself into `shared` while another
// thread drops; an immortal object is written by nobody. With SATURATE the shared count reaches its limit: from then on
// references are made and dropped without being counted, and the object is never freed, whatever the merges do.
// The limits are small here: 3 for a local count, of which 2 are spilled; 3 for saturation.
//
// At stake: no order, but that a saturated count is neither dropped nor raised, and that no path writes an immortal.
#define OBJECTS 2
#define LOCAL_MAX 3u
#define SPILL 2u
#ifdef SATURATE
#define SATURATED 3
#endif
#include "model.h"

static struct object *const mortal = &object[0], *const immortal = &object[1];

static void *owner(void *unused)
{
	self = TAG(1);
#ifdef SATURATE
	use(mortal);
#else
	incref(mortal);
	incref(mortal); // spills
	decref(mortal);
	decref(mortal);
#endif
	decref(mortal);
	incref(immortal);
	decref(immortal);
	return unused;
}

static void *other(void *unused)
{
	self = TAG(2);
#ifdef SATURATE
	for (int i = 0; i < 3; i++) incref(mortal);
	for (int i = 0; i < 3; i++) decref(mortal);
#endif
	use(mortal);
	decref(mortal);
	incref(immortal);
	decref(immortal);
	decref(immortal);
	return unused;
}

int main(void)
{
#ifdef SATURATE
	init_object(mortal, 1, 1, PLAIN | ONE);
#else
	init_object(mortal, 1, 2, PLAIN);
#endif
	init_object(immortal, IMMORTAL, LOCAL_COUNT, PLAIN);
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(owner, other, NULL);
	run_point(&slot[1]);
#ifdef SATURATE
	assert(!mortal->freed && shared_is_saturated(mortal->shared) && shared_count(mortal->shared) <= SATURATED);
#else
	assert(mortal->freed);
#endif
	assert(immortal->local == UINT32_MAX && immortal->shared == PLAIN);
	return 0;
}
