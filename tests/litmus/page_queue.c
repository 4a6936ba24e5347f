// tests/litmus/page_queue.c: the queue of drops, which needs no memory and so cannot fail: a bit for the block, a bit
// in the page's summary for the bit's word, and the page itself linked into the slot's word by whoever made the
// summary non-zero. Two threads drop, or with FREER one drops and one frees a block of the same page, whose remote
// list goes by the same summary. The owner takes what is there once and goes for good: late drops claim. Every drop is
// drained once, every freed block collected once, and with what came before it in sight.
//
// There are two words of bits; the drops fall into different words, or with SAME_WORD into one; with TWO_PAGES one
// thread drops in a second page, too.
//
// At stake: BIT and BITS_TAKE; SUM_SET and SUM_TAKE, both halves, without which a page is linked while its link is
// still read, or a bit is not there yet; PUSH and TAKE; and the order of the steps on both sides.
#define BITS
#define OWN_DRAIN
#define WORDS 2
#define OBJECTS_PER_PAGE 4
#define OBJECTS 8
#include "model.h"

#ifdef SAME_WORD
enum { FIRST = 0, SECOND = 1, ELSEWHERE = 4 };
#else
enum { FIRST = 0, SECOND = 2, ELSEWHERE = 4 };
#endif

// `payload` is what a dropper did to the object before; here a drop does not count, it is only to arrive.
static int drained[OBJECTS];

static uint32_t drain_object(unsigned i)
{
	assert(object[i].payload == LIVE);
	drained[i]++;
	return 0;
}

static void drop(unsigned i)
{
	object[i].payload = LIVE;
	page_queue_push(&object[i]);
}

static void *owner(void *unused)
{
	detach(&slot[1]);
	return unused;
}

static void *first(void *unused)
{
	drop(FIRST);
#ifdef TWO_PAGES
	drop(ELSEWHERE);
#endif
	return unused;
}

static void *second(void *unused)
{
#ifdef FREER
	object[SECOND].payload = DEAD;
	free_remote(SECOND + 1);
#else
	drop(SECOND);
#endif
	return unused;
}

int main(void)
{
	page[0].used = 1;
	tally_store(&slot[1], ATTACHED, relaxed);
	run_threads(owner, first, second);
	assert(slot[1] == DETACHED && drained[FIRST] == 1);
#ifdef FREER
	assert(page[0].used == 0 && page[0].free == SECOND + 1);
#else
	assert(drained[SECOND] == 1);
#endif
#ifdef TWO_PAGES
	assert(drained[ELSEWHERE] == 1);
#endif
	return 0;
}
