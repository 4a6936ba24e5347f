// tests/litmus/unique_change.c: the owner changes an object in place when nobody else can have a reference to it, while
// another thread, which had one, uses the object and drops it. The owner's question is one acquire load, and must see
// the whole of `shared` at plain 0: a count of 0 under any other state says that somebody may still come.
//
// At stake: UNIQUE and DEC.
#include "model.h"

static void *owner(void *unused)
{
	self = TAG(1);
	if (is_unique(&object[0])) object[0].payload = LIVE; // races with whoever still reads it
	decref(&object[0]);
	return unused;
}

static void *other(void *unused)
{
	self = TAG(2);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 1, PLAIN | ONE);
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(owner, other, NULL);
	assert(object[0].freed);
	return 0;
}
