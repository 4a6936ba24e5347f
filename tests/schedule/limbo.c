// tests/schedule/limbo.c: the double of biased/reclaim.c for scenarios about readers: what is retired goes when every thread that
// was attached at that moment has come to a stop point at which it was asked to go on, or has left.
//
// The contract of core/variant.h, group 5, and nothing more: no epochs. The real code, libck included, is explored by
// tests/schedule/reclaim.c. What is given up early by a wrong reader or writer shows as a use of freed memory: a raw buffer is
// filled with a bad byte when it goes.
#include "limbo.h"

#include <string.h>

enum { LIMBO = 16, BAD = 0xDB };

static struct {
	void *what;
	uint64_t awaited; // bit t: the thread with tag t has not gone on yet
	bool is_reference;
} limbo[LIMBO];
static uint64_t inside; // bit t: the thread with tag t may be reading

void limbo_reset(void)
{
	memset(limbo, 0, sizeof limbo);
	inside = 0;
}

static uint64_t bit_of(const struct tally_slot *slot) { return (uint64_t)1 << slot->tag; }

static void give_up(unsigned i)
{
	void *what = limbo[i].what;
	limbo[i].what = NULL;
	if (limbo[i].is_reference) variant_decref(what);
	else limbo_free(what);
}

void limbo_free(void *raw)
{
	memset(raw, BAD, tally_page_of(raw)->block_size);
	tally_raw_free(raw);
}

static void pass(uint64_t bit)
{
	for (unsigned i = 0; i < LIMBO; i++) {
		if (!limbo[i].what) continue;
		limbo[i].awaited &= ~bit;
		if (!limbo[i].awaited) give_up(i);
	}
}

static void ask_all(void)
{
	for (unsigned tag = 1; tally_slots[tag]; tag++)
		if (inside & bit_of(tally_slots[tag])) tally_fetch_or(&tally_slots[tag]->word, SLOT_REFRESH, relaxed);
}

static void retire(void *what, bool is_reference)
{
	for (unsigned i = 0; i < LIMBO; i++) {
		if (limbo[i].what) continue;
		limbo[i].what = what;
		limbo[i].awaited = inside;
		limbo[i].is_reference = is_reference;
		ask_all();
		return;
	}
	SCHEDULE_ASSERT(!"too much is retired at once");
}

void variant_retire(struct tally_object *reference) { retire(reference, true); }
void variant_retire_raw(void *raw) { retire(raw, false); }
void variant_retire_page(struct tally_page *page) { tally_pages_give(page); }
uint64_t variant_stamp(void) { return 0; }
bool variant_has_passed(uint64_t stamp) { return stamp == 0; }
void variant_reclaim_stopped(void) {}

bool tally_slot_prepare(struct tally_slot *slot)
{
	(void)slot;
	return true;
}

void tally_slot_entered(struct tally_slot *slot) { inside |= bit_of(slot); }

void tally_slot_leaving(struct tally_slot *slot)
{
	inside &= ~bit_of(slot);
	pass(bit_of(slot));
}

void tally_slot_pausing(struct tally_slot *slot)
{
	if (!tally_self.reading) tally_slot_leaving(slot);
}

void tally_slot_refresh(struct tally_slot *slot)
{
	tally_fetch_and(&slot->word, ~(uint64_t)SLOT_REFRESH, relaxed);
	if (!tally_self.reading) pass(bit_of(slot));
}

void tally_slot_settle(struct tally_slot *slot) { (void)slot; }
void tally_retired_drop(void) {}
