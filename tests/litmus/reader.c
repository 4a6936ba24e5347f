// tests/litmus/reader.c: a reader without a lock pins what a cell holds: it try-increments and then looks at the cell
// again. The writer, who owns the object, empties the cell, drops its reference, and when that was the last one makes
// another object in the same block; with ABA it puts that one into the same cell. The second look decides which object
// the reader has: the new one may be pinned, too, and is let go again.
//
// START is the state of `shared` at first: WEAK since readers are about, PLAIN for an object that no reader can have
// met (only try-incref's failure is at stake then). With SATURATED=2 the new object has so many references that none
// is counted any more, not even the reader's.
//
// At stake: INIT and TRY, by which a pin on the new object shows that the cell has changed; CHECK and SET.
#define OWN_DESTROY
#include "model.h"

#ifndef SET // the writer puts an object into the cell
#define SET release
#endif
#ifndef CHECK // the reader's second look at the cell
#define CHECK acquire
#endif
#ifndef START
#define START WEAK
#endif
enum { EMPTY, FULL };
enum { SECOND_LIFE = 2 };

static _Atomic int cell;
static _Thread_local bool was_last;

static void destroy(struct object *o)
{
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
	was_last = true;
}

static void make_another(struct object *o)
{
	tally_store(&o->local, TAG(1) | 1, relaxed);
	tally_store(&o->shared, PLAIN, INIT);
	o->payload = SECOND_LIFE; // what a constructor does, with a reader's pin on the header perhaps
	o->freed = 0;
	mark_weak(o);
}

static void *writer(void *unused)
{
	self = TAG(1);
	tally_store(&cell, EMPTY, relaxed);
	decref(&object[0]);
	if (!was_last) return unused;
	make_another(&object[0]);
#ifdef ABA
	incref(&object[0]);
	tally_store(&cell, FULL, SET);
#endif
#if SATURATED == 2
	tally_fetch_add(&object[0].shared, 2 * ONE, relaxed); // others' references
#endif
	decref(&object[0]);
	return unused;
}

static void *reader(void *unused)
{
	self = TAG(2);
	if (tally_load(&cell, acquire) == EMPTY || !try_incref(&object[0])) return unused;
#ifndef FAULT_NO_CHECK // trusts the pin alone
	if (tally_load(&cell, CHECK) == FULL)
#endif
	{
#ifdef ABA
		assert(object[0].payload != DEAD);
#else
		assert(object[0].payload == LIVE);
#endif
	}
	decref(&object[0]);
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 1, START);
	tally_store(&slot[1], ATTACHED, relaxed);
	tally_store(&cell, FULL, SET);
	run_threads(writer, reader, NULL);
	self = TAG(1);
	run_point(&slot[1]);
#ifdef ABA
	if (cell == FULL) decref(&object[0]);
	run_point(&slot[1]);
#endif
	assert(object[0].freed || shared_is_saturated(object[0].shared));
	return 0;
}
