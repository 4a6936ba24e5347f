// tests/litmus/slot_reuse.c: a thread drops what it holds and ends; a new thread takes over its slot, and with it the
// tag, and counts plainly on an object that it did not make. A dropper is anywhere between "the owner is away" and the
// end of its claim all the while. No generation is needed: the slot's word decides who comes first.
//
// At stake: RELEASE and ATTACH. An heir that missed what a claimer did would count plainly on an object that is merged.
#define OBJECTS 2
#include "model.h"

static _Atomic int orphaned; // stands for the list of orphans, which orders nothing: the slot's word does

static void *leaver(void *unused)
{
	self = TAG(1);
	use(&object[1]);
	decref(&object[1]);
	detach(&slot[1]);
	tally_store(&orphaned, 1, relaxed);
	return unused;
}

static void *heir(void *unused)
{
	self = TAG(1);
	__VERIFIER_assume(tally_load(&orphaned, relaxed));
	slot_attach(&slot[1]);
	use(&object[0]);
	incref(&object[0]);
	decref(&object[0]);
	decref(&object[0]);
	detach(&slot[1]);
	return unused;
}

static void *dropper(void *unused)
{
	self = TAG(2);
	for (int i = 0; i < 2; i++) {
		use(&object[i]);
		decref(&object[i]);
	}
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 2, PLAIN); // the heir's and the dropper's
	init_object(&object[1], 1, 2, PLAIN); // the leaver's and the dropper's
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(leaver, heir, dropper);
	assert(object[0].freed && object[1].freed && slot[1] == DETACHED);
	return 0;
}
