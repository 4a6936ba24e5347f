// gcstw/slot.c: the transitions of the slot word (gcstw/slot.h has its picture and its invariants).
//
// Pushing, seeing the role and signalling are one compare-and-swap on one word. A state beside a queue would be a Dekker
// pattern with sequentially consistent operations on both sides; here it cannot arise: whoever fails to give back an
// empty list drains it, and whoever finds the owner away does the owner's work.
#include "slot.h"
#include "help.h"
#include "variant.h"

#include <limits.h>

enum {
	SPIN = TALLY_SPINS(3000), // some tens of microseconds: as long as a young collection stops the world (docs/stopping.md)
	SPIN_AGAIN = TALLY_SPINS(400), // some ten microseconds: whoever has helped or was woken looks for the next job so long
};

struct tally_slot *tally_slots[SLOT_TAGS];
_Atomic uint32_t slot_running;
_Atomic uint32_t slot_called;
unsigned slot_processors;

// ---- attach ----

// Whoever brings the number to 0 wakes those at the gate.
void slot_count_in(void)
{
	if (tally_fetch_sub(&slot_called, 1, relaxed) != (SLOT_GATE | 1)) return;
	tally_fetch_and(&slot_called, ~SLOT_GATE, relaxed);
	tally_wake(&slot_called, INT_MAX);
}

static void come_in(struct tally_slot *slot)
{
	if (tally_exchange(&slot->waits, 0, relaxed) == SLOT_CALLED) slot_count_in();
}

// More threads have yet to stop than can run: they need this one's processor. (While the stopper still asks the number is
// below 0.)
static bool is_in_the_way(void) { return (int32_t)tally_load(&slot_running, relaxed) >= (int32_t)slot_processors; }

static void wait_for_release(struct tally_slot *slot, uint64_t word)
{
	if (!(word & SLOT_WAITER)) {
		uint64_t marked = word | SLOT_WAITER;
		if (!tally_cas(&slot->word, &word, marked, relaxed)) return;
		word = marked;
	}
	help_sleep(tally_low_half(&slot->word), (uint32_t)word);
}

// False: somebody holds the role; *word is what was seen.
static bool try_attach(struct tally_slot *slot, uint64_t *word)
{
	*word = SLOT_DETACHED;
	// order: acquire the counts and pages as the last holder of the role left them; pairs with slot_try_leave,
	// slot_release. Else: the thread counts plainly on an object that a claimer has merged.
	return tally_cas(&slot->word, word, SLOT_ATTACHED, acquire);
}

// Waits for the end of a claim, or of a stopped world, in which there may be something to help with.
static __attribute__((noinline)) void attach_slow(struct tally_slot *slot, uint64_t word)
{
	uint32_t last_job = 0;
	int spins = is_in_the_way() ? 0 : SPIN;
	tally_store(&slot->waits, SLOT_WAITS, relaxed);
	do {
		if (help_try(&last_job)) {
			spins = SPIN_AGAIN;
		} else if (spins-- > 0) {
			tally_spin_pause();
		} else {
			wait_for_release(slot, word);
			spins = SPIN_AGAIN;
		}
	} while (!try_attach(slot, &word));
	come_in(slot);
}

void slot_attach(struct tally_slot *slot)
{
	uint64_t word;
	if (!try_attach(slot, &word)) attach_slow(slot, word);
}

// ---- leave ----

static void count_down(void)
{
	// order: release this thread's writes to the stopper; pairs with wait_until_stopped.
	// Else: the stopper reads stale counts.
	if (tally_fetch_sub(&slot_running, 1, release) == 1) tally_wake(&slot_running, 1);
}

bool slot_try_leave(struct tally_slot *slot)
{
	uint64_t word = tally_load(&slot->word, relaxed);
	for (;;) {
		bool stop = word & SLOT_STOP;
		if (!stop && slot_list(word)) return false;
		uint64_t next = stop ? slot_with_role(word, SLOT_CLAIMED) & ~(uint64_t)(SLOT_STOP | SLOT_REFRESH) : SLOT_DETACHED;
		// order: release the counts and pages to the next holder of the role; pairs with try_attach, slot_try_claim.
		// Else: a claimer reads a stale local count.
		if (!tally_cas(&slot->word, &word, next, release)) continue;
		if (stop) count_down();
		return true;
	}
}

// ---- drain ----

static void drain_list(struct tally_slot *slot, struct tally_page *page)
{
	while (page) {
		struct tally_page *next = page->queue_next; // before the summary is emptied: then it may be linked anew
		tally_page_drain(&slot->heap, page);
		page = next;
	}
}

void slot_take(struct tally_slot *slot)
{
	uint64_t word = tally_load(&slot->word, relaxed);
	while (slot_list(word)) {
		// order: acquire the links and the drops of the pages taken; pairs with slot_push.
		// Else: a link, or an object as its dropper saw it, is missed.
		if (!tally_cas(&slot->word, &word, slot_flags(word), acquire)) continue;
		drain_list(slot, slot_list(word));
		word = slot_flags(word);
	}
}

// ---- push, claim, release ----

bool slot_try_claim(struct tally_slot *slot)
{
	uint64_t word = tally_load(&slot->word, relaxed);
	if (word != SLOT_DETACHED) return false; // a look first: the owner, if it is there, polls this line
	// order: acquire the counts and pages as the owner left them; pairs with slot_try_leave, slot_release.
	// Else: a merge adds a stale local count.
	return tally_cas(&slot->word, &word, SLOT_CLAIMED, acquire);
}

void slot_release(struct tally_slot *slot)
{
	for (;;) {
		slot_take(slot);
		uint64_t word = tally_load(&slot->word, relaxed);
		if (slot_list(word)) continue;
		bool stop = word & SLOT_STOP;
		uint64_t next = stop ? word & ~(uint64_t)SLOT_STOP : SLOT_DETACHED; // the stopper keeps the WAITER waiting
		// order: release the counts and pages to the next holder of the role; pairs with try_attach, slot_try_claim.
		// Else: the owner returns and uses a stale tag.
		if (!tally_cas(&slot->word, &word, next, release)) continue;
		if (stop) count_down();
		else if (word & SLOT_WAITER) tally_wake(tally_low_half(&slot->word), 1);
		return;
	}
}

void slot_push(struct tally_slot *slot, struct tally_page *page)
{
	uint64_t word = tally_load(&slot->word, relaxed);
	for (;;)
		if (word == SLOT_DETACHED) { // nobody is there to tell: do it in the owner's place
			if (!slot_try_claim(slot)) {
				word = tally_load(&slot->word, relaxed);
				continue;
			}
			tally_page_drain(&slot->heap, page);
			slot_release(slot);
			return;
		} else {
			page->queue_next = slot_list(word);
			// order: release the page's link and the drops in it; pairs with slot_take. Else: the drainer misses them.
			if (tally_cas(&slot->word, &word, slot_with_list(word, page), release)) return;
		}
}
