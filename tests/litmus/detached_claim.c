// tests/litmus/detached_claim.c: an owner detaches, comes back, drops, and goes for good, while two droppers find its
// slot detached and claim it, or find it held and leave a page to whoever holds it. At the end nothing waits for a
// thread that is away: both objects are dead, the slot is detached, its list empty.
//
// At stake: LEAVE and RELEASE, which leave the counts to the next holder of the role, CLAIM and ATTACH, which take
// them over; that each of these steps is one compare-and-swap; and the state QUEUED. OBJECTS_PER_PAGE=2 puts both
// objects into one page, with its bits and its summary.
#define OBJECTS 2
#include "model.h"

static void *owner(void *unused)
{
	self = TAG(1);
	detach(&slot[1]);
	slot_attach(&slot[1]);
	use(&object[1]);
	decref(&object[1]);
	detach(&slot[1]);
	return unused;
}

static void *first(void *unused)
{
	self = TAG(2);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

static void *second(void *unused)
{
	self = TAG(3);
	use(&object[1]);
	decref(&object[1]);
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 1, PLAIN); // the first dropper's
	init_object(&object[1], 1, 2, PLAIN); // the owner's and the second dropper's
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(owner, first, second);
	assert(object[0].freed && object[1].freed && slot[1] == DETACHED);
	return 0;
}
