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
#include "stop.h"
#include "help.h"
#include "os.h"
#include "report.h"
#include "variant.h"

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

struct tally_slot *tally_slot_get(void)
{
	tally_latch_take(&registry.latch);
	struct tally_slot *slot = take_orphan();
	if (!slot) slot = make_slot();
	tally_latch_drop(&registry.latch);
	return slot;
}

void tally_slot_leave_behind(struct tally_slot *slot)
{
	tally_latch_take(&registry.latch);
	tally_slot_fold(slot);
	slot->next_orphan = registry.orphans;
	registry.orphans = slot;
	tally_latch_drop(&registry.latch);
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
	while (left) {
		tally_wait(&slot_running, left, tally_patience_left(&patience));
		// order: acquire, as above; pairs with count_down. Else: as above.
		left = tally_load(&slot_running, acquire);
		if (left && !tally_patience_left(&patience)) tally_patience_report(&patience, "the world to stop");
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

static void release(struct tally_slot *slot, void *unused)
{
	(void)unused;
	slot_release(slot);
}

void tally_slots_start(void)
{
	tally_slots_each(release, NULL);
	tally_latch_drop(&registry.latch);
	note(TALLY_STANDS_AWAY);
}
