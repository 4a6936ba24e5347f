// gcstw/world.c: what core/variant.h asks of a build whose threads run at the same time: attaching, points, the world.
//
// All of it is a few lines on the slot word. A thread that stops at a point inside a critical section keeps the object's
// lock while it stands still (the stopper takes no object lock); a thread that goes away for longer lets go of it.
//
// I1  A thread counts under its tag only while it holds the role: tag_word and poll are set when the role has been taken,
//     and from the moment that it is given back until it has been taken again the thread counts nothing.
#include "error.h"
#include "os.h"
#include "stop.h"
#include "variant.h"

// ---- enrolling and leaving ----

int variant_thread_enroll(void)
{
	tally_self.slot = tally_slot_get();
	if (!tally_self.slot) return -1;
	tally_self.heap = &tally_self.slot->heap;
	return 0;
}

void variant_thread_leave(void)
{
	if (tally_self.slot) tally_slot_leave_behind(tally_self.slot);
	tally_self.slot = NULL;
	tally_self.heap = NULL;
}

// ---- attaching and detaching ----

static void enter_role(void)
{
	struct tally_slot *slot = tally_self.slot;
	slot_attach(slot);
	tally_self.tag_word = (uint32_t)slot->tag << 16;
	tally_self.poll = &slot->word;
	tally_slot_entered(slot);
}

static void forget_role(void)
{
	tally_self.tag_word = TALLY_NOBODY;
	tally_self.poll = &tally_poll_unattached;
}

void variant_thread_attach(void)
{
	enter_role();
	tally_sections_resume();
}

void variant_thread_detach(void)
{
	tally_sections_suspend();
	for (;;) {
		tally_slot_settle(tally_self.slot);
		tally_bury(); // a destructor may count on what this thread owns: the role is still held
		uint32_t tag_word = tally_self.tag_word;
		tally_slot_leaving(tally_self.slot);
		forget_role();
		if (slot_try_leave(tally_self.slot)) return;
		tally_self.tag_word = tag_word;
		tally_self.poll = &tally_self.slot->word;
		tally_slot_entered(tally_self.slot);
		slot_take(tally_self.slot);
	}
}

void tally_thread_step_aside(void)
{
	tally_sections_suspend();
	tally_slot_pausing(tally_self.slot);
	while (!slot_try_leave(tally_self.slot)) slot_take(tally_self.slot); // the dead wait for the next run point
	forget_role();
	tally_store(&tally_self.member->waits, TALLY_WAITS_FOR_OBJECT, relaxed);
}

void tally_thread_step_back(void)
{
	tally_store(&tally_self.member->waits, TALLY_STANDS_AWAY, relaxed);
	enter_role();
}

// ---- seen from outside ----

struct tally_standing variant_thread_standing(const struct tally_member *member)
{
	uint32_t waits = tally_load(&member->waits, relaxed);
	uint64_t since = tally_slots_stopping_since();
	if (waits) return (struct tally_standing){(enum tally_stance)waits, since};
	if (!member->slot) return (struct tally_standing){TALLY_WAITS_FOR_START, since}; // for the registry, to get one
	uint64_t word = tally_load(&member->slot->word, relaxed);
	if (word & SLOT_WAITER) return (struct tally_standing){TALLY_WAITS_FOR_START, since};
	if ((word & SLOT_ROLE) != SLOT_ATTACHED) return (struct tally_standing){TALLY_STANDS_AWAY, since};
	return (struct tally_standing){word & SLOT_STOP ? TALLY_STANDS_ASKED : TALLY_STANDS_ATTACHED, since};
}

// ---- points ----

void variant_stop_point(void)
{
	struct tally_slot *slot = tally_self.slot;
	uint64_t word = tally_load(&slot->word, relaxed);
	if (word & SLOT_REFRESH) tally_slot_refresh(slot);
	if (!(word & SLOT_STOP)) return;
	tally_slot_pausing(slot);
	slot_try_leave(slot); // asked to stop, it cannot fail
	slot_attach(slot);
	tally_slot_entered(slot);
}

void variant_take_queued(void) { slot_take(tally_self.slot); }

void variant_run_point(void)
{
	variant_stop_point();
	variant_take_queued();
	tally_retired_drop();
}

// ---- the stopped world ----

const bool variant_world_waits = true;

static void step_out(void)
{
	tally_slot_pausing(tally_self.slot);
	while (!slot_try_leave(tally_self.slot)) slot_take(tally_self.slot);
}

static void step_in(void)
{
	slot_attach(tally_self.slot);
	tally_slot_entered(tally_self.slot);
}

void variant_world_let_in(void)
{
	if (!tally_load(&slot_called, relaxed)) return;
	step_out();
	tally_slots_let_in();
	step_in();
}

void variant_world_stop(void)
{
	step_out();
	tally_slots_stop();
	tally_self.is_stopper = true;
}

void variant_world_start(void)
{
	tally_self.is_stopper = false;
	tally_slots_start();
	step_in();
}

struct each_heap {
	void (*visit)(struct tally_heap *heap, void *context);
	void *context;
};

static void visit_heap(struct tally_slot *slot, void *context)
{
	struct each_heap *each = context;
	each->visit(&slot->heap, each->context);
}

void variant_heaps(void (*visit)(struct tally_heap *heap, void *context), void *context)
{
	struct each_heap each = {visit, context};
	tally_slots_each(visit_heap, &each);
}

void variant_orphans(void (*visit)(struct tally_heap *heap, void *context), void *context)
{
	struct each_heap each = {visit, context};
	tally_slots_each_orphan(visit_heap, &each);
}

static void count(struct tally_slot *slot, void *context)
{
	(void)slot;
	++*(unsigned *)context;
}

// Every thread that has not gone may stand still and help, but no more than there are processors.
unsigned variant_world_helpers(void)
{
	unsigned slots = 0, orphans = 0, processors = tally_processors();
	tally_slots_each(count, &slots);
	tally_slots_each_orphan(count, &orphans);
	return slots - orphans < processors ? slots - orphans : processors;
}

struct tally_heap *variant_heap_of(const struct tally_page *page) { return &tally_slots[page->owner]->heap; }

// ---- freeing another's block ----

void variant_free_remote(struct tally_page *page, void *block)
{
	struct tally_slot *slot = tally_slots[page->owner]; // before the block is given away: the page may go with it
	if (!tally_page_put_remote(page, block)) return;
	// order: acq_rel the block on the list before the bit, and the page's link after its last drainer; pairs with
	// tally_page_drain. Else: the drainer finds the bit and no block, or its link is overwritten under it.
	if (tally_fetch_or(&page->summary, TALLY_SUMMARY_REMOTE, acq_rel) == 0) slot_push(slot, page);
}

// ---- controls of a lock that these builds do not have ----

bool variant_switch_interval_set(uint64_t ns)
{
	(void)ns;
	return false;
}

bool variant_switch_interval_get(uint64_t *ns)
{
	(void)ns;
	return false;
}
