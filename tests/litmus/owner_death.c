// tests/litmus/owner_death.c: the owner's last decref is decided by one acquire load and no read-modify-write, while
// another thread, which is counted in `shared`, uses the object, counts twice and drops. Whoever comes last destroys.
// The owner sees either PLAIN(0), and with it all that the other did, or a count, and merges.
//
// At stake: ZERO, by which the owner sees uses that ended before it looked; DEC and MERGE, which hand uses on to
// whoever destroys, and LAST, which takes them over; and that merge clears `local` before it publishes MERGED.
#include "model.h"

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
	incref(&object[0]);
	use(&object[0]);
	decref(&object[0]);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 1, PLAIN | ONE); // the owner's reference, and the other's
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(owner, other, NULL);
	assert(object[0].freed);
	return 0;
}
