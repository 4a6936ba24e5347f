// tests/litmus/merge_queue.c: three references, all counted in `local`. The owner takes what is queued and drops one;
// two others drop theirs, one of them after counting once more in `shared`. One drop becomes QUEUED and is carried out
// by whoever drains it; the rest is subtracted. With BITS the queue is that of the real code, bit by bit.
//
// At stake: PUSH and TAKE, by which the drainer sees the page's link and the object as its dropper left it; DEC and
// LAST.
#include "model.h"

static void *owner(void *unused)
{
	self = TAG(1);
	use(&object[0]);
	run_point(&slot[1]);
	decref(&object[0]);
	return unused;
}

static void *dropper(void *unused)
{
	self = TAG(2);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

static void *counter(void *unused)
{
	self = TAG(3);
	incref(&object[0]);
	decref(&object[0]);
	use(&object[0]);
	decref(&object[0]);
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 3, PLAIN);
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(owner, dropper, counter);
	run_point(&slot[1]); // the owner's next one
	assert(object[0].freed && slot[1] == ATTACHED);
	return 0;
}
