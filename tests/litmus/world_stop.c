// tests/litmus/world_stop.c: a collector stops two slots and then holds both roles: nobody is inside, and `local` plus
// `shared` is what the threads know that they hold. Meanwhile one thread detaches, comes back, and goes; another one
// drops, which claims the first one's slot or leaves a page in it; a claim that ends under STOP goes to the collector.
// The number of those who must stop is added after they have been told, so that some may have stopped before. With
// POINT the first thread stops at a point instead of going away; with STOPS=2 the world is stopped twice.
//
// At stake: STOPPING and STOPPED, LEAVE and RELEASE, without which the collector reads stale counts; that a claim is
// waited for; and that nobody attaches in a stopped world.
#define SLOTS 2
#include "model.h"

#ifndef STOPS
#define STOPS 1
#endif

static int held[SLOTS + 1]; // references that each thread knows it holds; plain: an unordered look at them is a race

static void *mutator(void *unused)
{
	self = TAG(1);
	held[1]++;
	incref(&object[0]);
#ifdef POINT
	run_point(&slot[1]);
#else
	detach(&slot[1]);
	slot_attach(&slot[1]);
#endif
	held[1]--;
	decref(&object[0]);
	detach(&slot[1]);
	return unused;
}

static void *dropper(void *unused)
{
	self = TAG(2);
	held[2]--;
	decref(&object[0]);
	detach(&slot[2]);
	return unused;
}

// True: the slot is claimed now. False: whoever holds it has been asked to hand it over.
static bool claim_or_ask(_Atomic uint32_t *s)
{
	uint32_t word = tally_load(s, relaxed);
	for (;;) {
		if (word == DETACHED) {
			if (slot_try_claim(s)) return true;
			word = tally_load(s, relaxed);
			continue;
		}
#ifdef FAULT_CLAIMED_IS_STOPPED // a dropper's claim is taken for the end of all work in that slot
		if ((word & ROLE) == CLAIMED) return true;
#endif
		if (tally_cas(s, &word, word | STOP, relaxed)) return false;
	}
}

static void world_stop(void)
{
	int asked = 0;
	for (int i = 1; i <= SLOTS; i++) asked += !claim_or_ask(&slot[i]);
	if (tally_fetch_add(&running, asked, STOPPED) + asked == 0) return;
	__VERIFIER_assume(tally_load(&running, STOPPED) == 0);
}

static void collect(void)
{
	uint32_t dead = 0;
	for (int i = 1; i <= SLOTS; i++) {
		dead |= slot_take(&slot[i]);
		assert((slot[i] & ROLE) == CLAIMED && !(slot[i] & STOP));
	}
	uint32_t local = tally_load(&object[0].local, relaxed), shared = tally_load(&object[0].shared, relaxed);
	assert(!dead && (int32_t)(local & LOCAL_COUNT) + shared_count(shared) == held[1] + held[2]);
}

static void world_start(void)
{
	uint32_t dead = 0;
	for (int i = 1; i <= SLOTS; i++) dead |= slot_release(&slot[i]);
	bury(dead);
}

static void *collector(void *unused)
{
	for (int i = 0; i < STOPS; i++) {
		world_stop();
		collect();
		world_start();
	}
	return unused;
}

int main(void)
{
	init_object(&object[0], 1, 2, PLAIN);
	held[1] = held[2] = 1;
	tally_store(&slot[1], ATTACHED, relaxed);
	tally_store(&slot[2], ATTACHED, relaxed);
	run_threads(mutator, dropper, collector);
	assert(slot[1] == DETACHED && slot[2] == DETACHED && running == 0);
	assert(!object[0].freed && held[1] + held[2] == 1);
	self = TAG(1);
	slot_attach(&slot[1]);
	decref(&object[0]);
	detach(&slot[1]);
	assert(object[0].freed);
	return 0;
}
