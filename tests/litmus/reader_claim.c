// tests/litmus/reader_claim.c: pins and claims at once. The owner is away, comes back and goes; a writer that is not
// the owner empties a cell and drops its reference, which is counted in the owner's `local` and so needs the owner's
// role; a reader pins what the cell held. The last reference may be the writer's, the reader's or the queue's.
//
// At stake: DEC and LAST, whoever comes last; that a merged 0 stays dead; and that a thread does not leave over a page.
#include "model.h"

enum { EMPTY, FULL };
static _Atomic int cell;

static void *owner(void *unused)
{
	self = TAG(1);
	slot_attach(&slot[1]);
	detach(&slot[1]);
	return unused;
}

static void *writer(void *unused)
{
	self = TAG(2);
	tally_store(&cell, EMPTY, relaxed);
	decref(&object[0]);
	return unused;
}

static void *reader(void *unused)
{
	self = TAG(3);
	if (tally_load(&cell, acquire) == EMPTY || !try_incref(&object[0])) return unused;
	if (tally_load(&cell, acquire) == FULL) use(&object[0]);
	decref(&object[0]);
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 1, WEAK);
	tally_store(&cell, FULL, release);
	run_threads(owner, writer, reader);
	assert(object[0].freed && slot[1] == DETACHED);
	return 0;
}
