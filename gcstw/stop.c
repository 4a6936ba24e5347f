// gcstw/stop.c: the registry of slots, and the stopped world: every slot claimed by one thread.
//
// The stopper claims the slots whose owners are away and asks the others, by STOP in their words, to hand theirs over at
// their next point. It does not count beforehand: it adds the number it asked to `slot_running` when it has asked them
// all, and each thread that stops subtracts one; whoever brings the sum to zero wakes the stopper. The latch is held from
// the stop to the start, so slots are neither made nor left behind meanwhile. A stopper that waits for long tells the
// host who is in the way (core/report.h), the latch still held: so a report does without it and looks at what is atomic.
//
// I1  While the world is stopped every slot is CLAIMED by the stopper, and no list holds a page.
// I2  slot_running is 0 between stops.
// I3  A thread that waits for the latch is not attached.
// I4  Nobody waits at the gate for longer than GATE, nor for a thread that has not been on its way since the last start.
#include "stop.h"
#include "help.h"
#include "os.h"
#include "report.h"
#include "variant.h"

enum {
	SPIN = TALLY_SPINS(400), // some ten microseconds: who computes stops within one, and to be woken takes fifty
	SPIN_AT_GATE = TALLY_SPINS(400), // as long as those who spin, too, take to come in
	GATE = 50000000, // ns: some ten time slices of the system, for those who wait for a processor
	WORTH_A_SLEEP = 20000, // ns
};

static struct {
	struct tally_latch latch;
	struct tally_slot *orphans; // left behind, last in first out
	unsigned made;              // slots 1 to `made` exist
	_Atomic uint64_t since;     // when the last stop began. Relaxed: for reports, which look without the latch
} registry = {.latch = TALLY_LATCH_INIT};

// ---- the registry ----

static struct tally_slot *take_orphan(void)
{
	struct tally_slot *slot = registry.orphans;
	if (slot) registry.orphans = slot->next_orphan;
	return slot;
}

static struct tally_slot *make_slot(void)
{
	if (registry.made + 1 >= SLOT_TAGS) return NULL;
	struct tally_slot *slot = tally_record_new(sizeof *slot);
	if (!slot) return NULL;
	if (!registry.made) slot_processors = tally_processors();
	slot->tag = (uint16_t)(registry.made + 1);
	if (!tally_slot_prepare(slot)) {
		tally_record_free(slot);
		return NULL;
	}
	registry.made++;
	tally_heap_init(&slot->heap, slot->tag);
	tally_slots[slot->tag] = slot;
	return slot;
}

// Threads that come and go. They are on their way as those are that wait for the start at a slot: a stopper that takes the latch
// again at once would keep them out for as long as it likes.
static void take_latch_as_comer(void)
{
	tally_fetch_add(&slot_called, 1, relaxed);
	tally_latch_take(&registry.latch);
}

static void drop_latch_as_comer(void)
{
	tally_latch_drop(&registry.latch);
	slot_count_in();
}

struct tally_slot *tally_slot_get(void)
{
	take_latch_as_comer();
	struct tally_slot *slot = take_orphan();
	if (!slot) slot = make_slot();
	drop_latch_as_comer();
	return slot;
}

void tally_slot_leave_behind(struct tally_slot *slot)
{
	take_latch_as_comer();
	tally_slot_fold(slot);
	slot->next_orphan = registry.orphans;
	registry.orphans = slot;
	drop_latch_as_comer();
}

void tally_slots_each(void (*visit)(struct tally_slot *slot, void *context), void *context)
{
	for (unsigned tag = 1; tag <= registry.made; tag++) visit(tally_slots[tag], context);
}

void tally_slots_each_orphan(void (*visit)(struct tally_slot *slot, void *context), void *context)
{
	for (struct tally_slot *slot = registry.orphans; slot; slot = slot->next_orphan) visit(slot, context);
}

void tally_slots_fini(void)
{
	for (unsigned tag = 1; tag <= registry.made; tag++) {
		tally_record_free(tally_slots[tag]);
		tally_slots[tag] = NULL;
	}
	registry.made = 0;
	registry.orphans = NULL;
	tally_store(&slot_running, 0, relaxed);
	tally_store(&slot_called, 0, relaxed);
	help_reset();
	registry.latch = (struct tally_latch)TALLY_LATCH_INIT;
}

// ---- stop and start ----

// True: the slot is claimed now. False: whoever holds it has been asked to hand it over.
static bool claim_or_ask(struct tally_slot *slot)
{
	uint64_t word = tally_load(&slot->word, relaxed);
	for (;;) {
		if (word == SLOT_DETACHED) {
			if (slot_try_claim(slot)) return true;
			word = tally_load(&slot->word, relaxed);
		} else if (tally_cas(&slot->word, &word, word | SLOT_STOP, relaxed)) {
			return false;
		}
	}
}

static void wait_until_stopped(uint32_t asked, uint64_t since)
{
	struct tally_patience patience = tally_patience_from(since);
	// order: acquire everything that the stopped threads wrote; pairs with count_down. Else: the stopper reads stale
	// counts.
	uint32_t left = tally_fetch_add(&slot_running, asked, acquire) + asked;
	for (int tries = 0; left; tries++) {
		if (tries < SPIN) tally_spin_pause();
		else tally_wait(&slot_running, left, tally_patience_left(&patience));
		// order: acquire, as above; pairs with count_down. Else: as above.
		left = tally_load(&slot_running, acquire);
		if (left && tries >= SPIN && !tally_patience_left(&patience)) tally_patience_report(&patience, "the world to stop");
	}
}

// Nobody else changes a list now, but a thread that waits to attach may still set WAITER.
static void take_stopped(struct tally_slot *slot, void *unused)
{
	(void)unused;
	slot_take(slot);
}

// For reports.
static void note(enum tally_stance stance) { tally_store(&tally_self.member->waits, stance, relaxed); }

uint64_t tally_slots_stopping_since(void) { return tally_load(&registry.since, relaxed); }

void tally_slots_stop(void)
{
	note(TALLY_WAITS_TO_STOP);
	tally_latch_take(&registry.latch);
	uint32_t asked = 0;
	uint64_t since = tally_clock();
	tally_store(&registry.since, since, relaxed);
	note(TALLY_STANDS_STOPPING);
	for (unsigned tag = 1; tag <= registry.made; tag++)
		if (!claim_or_ask(tally_slots[tag])) asked++;
	wait_until_stopped(asked, since);
	tally_slots_each(take_stopped, NULL);
}

// Only a thread that has no role writes `waits` beside this one, and only to say that it waits.
static void call_waiter(struct tally_slot *slot)
{
	if (tally_load(&slot->waits, relaxed) != SLOT_WAITS) return;
	tally_fetch_add(&slot_called, 1, relaxed);
	tally_store(&slot->waits, SLOT_CALLED, relaxed);
}

static void release(struct tally_slot *slot, void *unused)
{
	(void)unused;
	call_waiter(slot);
	slot_release(slot);
}

void tally_slots_start(void)
{
	tally_slots_each(release, NULL);
	tally_latch_drop(&registry.latch);
	note(TALLY_STANDS_AWAY);
}

// ---- the gate ----

static bool are_in(uint32_t called) { return !(called & ~SLOT_GATE); }

static void sleep_at_gate(uint32_t called, uint64_t ns)
{
	if (!(called & SLOT_GATE) && !tally_cas(&slot_called, &called, called | SLOT_GATE, relaxed)) return;
	tally_wait(&slot_called, called | SLOT_GATE, ns);
}

// Until all who were called are in, or `end`. Returns when that was.
static uint64_t wait_for_called(uint64_t end)
{
	uint32_t called = tally_load(&slot_called, relaxed);
	for (int tries = 0; !are_in(called) && tries < SPIN_AT_GATE; tries++) {
		tally_spin_pause();
		called = tally_load(&slot_called, relaxed);
	}
	uint64_t now = tally_clock();
	for (; !are_in(called) && now < end; now = tally_clock()) {
		sleep_at_gate(called, end - now);
		called = tally_load(&slot_called, relaxed);
	}
	return now;
}

// Nobody need wake this thread. A start, or who comes in after it, may make it look at the clock too early.
static void let_pass(uint64_t end)
{
	for (uint64_t now = tally_clock(); now < end; now = tally_clock())
		if (end - now < WORTH_A_SLEEP) tally_spin_pause();
		else tally_wait(&slot_called, tally_load(&slot_called, relaxed), end - now);
}

void tally_slots_let_in(void)
{
	uint64_t begin = tally_clock(), end = begin + GATE, in = wait_for_called(end), twice = in + (in - begin);
	let_pass(twice < end ? twice : end);
}
