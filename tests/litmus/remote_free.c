// tests/litmus/remote_free.c: blocks without counts are freed by threads that do not own their page. Each push goes to
// the page's remote list; whoever found that list empty sets REMOTE in the summary and, if that was 0, links the page
// or claims the slot, as a dropper does. The list is taken only by a drain that found REMOTE. So when the drainer has
// collected the last block nobody can still be about to touch the page, and it is released at once. The owner takes
// what is there, allocates, and goes; with HEIR another thread takes over its slot and its pages then.
//
// At stake: FREE and COLLECT; SUM_SET and SUM_TAKE; that an announcement is neither early, nor missing, nor made twice;
// and that nobody takes the list outside a drain, which would release a page that is still to be announced.
#define BITS
#define RELEASE_EMPTY
#define OBJECTS 3
#define OBJECTS_PER_PAGE 3
#include "model.h"

static _Atomic int orphaned;

static void *free_one(void *unused)
{
	object[0].payload = DEAD; // the last use by its user
	free_remote(1);
	return unused;
}

static void *free_another(void *unused)
{
	object[1].payload = DEAD;
	free_remote(2);
#ifdef HEIR
	free_one(unused);
#endif
	return unused;
}

// The caller holds the role. What it allocates it gives back at once.
static void allocate(void)
{
	struct page *p = &page[0];
#ifdef FAULT_COLLECT_UNANNOUNCED // takes the remote list without a drain that found REMOTE
	page_take_remote(p);
#endif
	uint32_t number = p->free;
	if (!number || p->released) return;
	assert(object[number - 1].payload == DEAD);
	p->free = object[number - 1].next;
	object[number - 1].payload = LIVE;
	object[number - 1].payload = DEAD;
	object[number - 1].next = p->free;
	p->free = number;
}

static void *owner(void *unused)
{
	run_point(&slot[1]);
	allocate();
	detach(&slot[1]);
	tally_store(&orphaned, 1, relaxed);
	return unused;
}

#ifdef HEIR
static void *heir(void *unused)
{
	__VERIFIER_assume(tally_load(&orphaned, relaxed));
	slot_attach(&slot[1]);
	allocate();
	detach(&slot[1]);
	return unused;
}
#endif

int main(void)
{
	page[0].used = 2;
	page[0].free = 3; // was never handed out
	object[0].payload = object[1].payload = LIVE;
	tally_store(&slot[1], ATTACHED, relaxed);
#ifdef HEIR
	run_threads(owner, free_another, heir);
#else
	run_threads(owner, free_one, free_another);
#endif
	assert(slot[1] == DETACHED && page[0].remote == 0 && page[0].summary == 0);
	assert(page[0].used == 0 && page[0].released);
	return 0;
}
