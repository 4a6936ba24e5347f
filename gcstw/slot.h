// gcstw/slot.h: the slot: what owns objects and pages, and the one word that says who may act for it.
//
// Ownership belongs to a slot, not to a thread. Whoever holds a slot's **role** may touch the owner's half of its
// objects' counts and its pages: the attached thread; a thread that dropped a reference and claimed the role of an
// owner who is away; or the one that stopped the world. Exit is detaching for good; taking over what a thread left
// behind is attaching to its slot; stopping the world is claiming every slot.
//
//   word   63                       7     4         3        2      1  0
//          | first page of the list | REFRESH | WAITER | STOP | role |     role: 0 detached, 1 attached, 2 claimed
//
//   DETACHED --attach--> ATTACHED --leave, list empty--> DETACHED --claim--> CLAIMED --release, list empty--> DETACHED
//   DETACHED --stop--> CLAIMED (by the stopper) --start, list empty--> DETACHED
//   ATTACHED|STOP --leave--> CLAIMED, and CLAIMED|STOP --release--> CLAIMED: handed to the stopper, running--
//
// I1  DETACHED is the one value 0: list empty, no STOP, no WAITER. So claiming is one compare-and-swap.
// I2  A page is linked by whoever made its summary non-zero, and by nobody else until a drain has emptied the summary.
// I3  A claimer is attached to its own slot, waits for nothing and runs no destructor while it holds a claim; claims do
//     not nest. So a stopped world has no drop half done.
// I4  WAITER is set by the one thread that waits to attach, with CLAIMED only; whoever ends CLAIMED clears it and wakes.
// I5  REFRESH is set with ATTACHED only, by anybody; the thread clears it at its next stop point, or by leaving.
// I6  slot_called is the number of threads on their way: those whose slots are CALLED (a start has given them back, and they
//     have not come in since), and those that want the registry's latch.
// docs/counting.md has the whole protocol, docs/memory-order.md the pairs of orders.
#ifndef TALLY_GCSTW_SLOT_H
#define TALLY_GCSTW_SLOT_H

#include "heap.h"

enum {
	SLOT_DETACHED = 0,
	SLOT_ATTACHED = 1,
	SLOT_CLAIMED = 2,
	SLOT_ROLE = TALLY_ROLE,
	SLOT_STOP = TALLY_STOP,
	SLOT_WAITER = 8,
	SLOT_REFRESH = TALLY_REFRESH,
	SLOT_FLAGS = TALLY_POLL_FLAGS, // everything that is not the list
	SLOT_TAGS = 0xFFFD, // tags 1 to 0xFFFC; 0: merged, 0xFFFD: spread, 0xFFFE: nobody, 0xFFFF: immortal
};

struct tally_slot {
	_Alignas(64) _Atomic uint64_t word; // RMW by everybody; polled by its thread with one relaxed load
	_Atomic uint32_t waits;             // see below. Relaxed: the word orders it
	struct tally_slot *next_orphan;     // guarded by the registry's latch
	uint16_t tag;
	struct tally_limbo *limbo; // what its thread has given up and others may still read (biased/reclaim.c)
	struct spread_counts *spread; // of spread objects, by its threads (biased/spread.h); NULL: none yet
	struct tally_heap heap;    // whoever holds the role
};

static inline struct tally_page *slot_list(uint64_t word) { return (struct tally_page *)(word & ~(uint64_t)SLOT_FLAGS); }
static inline uint64_t slot_flags(uint64_t word) { return word & SLOT_FLAGS; }
static inline uint64_t slot_with_list(uint64_t word, struct tally_page *first)
{
	return (uint64_t)(uintptr_t)first | slot_flags(word);
}
static inline uint64_t slot_with_role(uint64_t word, unsigned role) { return (word & ~(uint64_t)SLOT_ROLE) | role; }

extern struct tally_slot *tally_slots[SLOT_TAGS]; // by tag; entries never change while the runtime runs

// The calling thread takes its role; waits while it is claimed, and may help whoever has stopped the world (gcstw/help.c).
void slot_attach(struct tally_slot *slot);

// Gives the attached thread's role back, to the stopper when one asks. False, and nothing done, when pages are queued and
// no stop asks: the caller takes them first.
bool slot_try_leave(struct tally_slot *slot);

// Takes the queued pages and drains them; the dead join the calling thread's dying. Role held.
void slot_take(struct tally_slot *slot);

// Queues a page whose summary the caller made non-zero; claims the role when the owner is away, and drains it. The dead
// join the calling thread's dying. Cannot fail, needs no memory.
void slot_push(struct tally_slot *slot, struct tally_page *page);

// Claims the role of an owner who is away. False: somebody holds it.
bool slot_try_claim(struct tally_slot *slot);

// Gives a claim back; what was queued meanwhile is drained first.
void slot_release(struct tally_slot *slot);

// Threads that have been asked to stop and have not yet, once the stopper has added their number (gcstw/stop.c).
extern _Atomic uint32_t slot_running;

// `waits`: 0; WAITS, by the thread before it waits for its role; CALLED, by a start that finds WAITS, before it gives the slot
// back; 0 again, by the thread once it is in. A start that comes while the thread is still on its way counts it no second time.
enum { SLOT_WAITS = 1, SLOT_CALLED = 2 };

// Threads on their way (I6), and SLOT_GATE: somebody sleeps until there are none (tally_slots_let_in).
#define SLOT_GATE 0x80000000u
extern _Atomic uint32_t slot_called;

// One less is on its way.
void slot_count_in(void);

// How many threads can run at a time. Written with the first slot.
extern unsigned slot_processors;

// For a thread that must wait in the middle of a call: suspends its sections and leaves its role, without destroying
// anything; and takes the role again, the sections staying suspended (biased/light_lock.c resumes them).
void tally_thread_step_aside(void);
void tally_thread_step_back(void);

// ---- what a variant with slots owes gcstw ----

// Role of the page's slot held, the page off the list: empties its summary, merges what was queued (the dead join the
// calling thread's dying) and takes back what others freed. The page may be gone afterwards.
void tally_page_drain(struct tally_heap *heap, struct tally_page *page);

// A new slot gets what it needs to give things up safely; the registry's latch is held. False: no memory.
bool tally_slot_prepare(struct tally_slot *slot);
// The calling thread has taken the role, and may follow pointers of containers from now on; or gives it back, and holds none;
// or gives it back for a while in the middle of its work, and holds none but what a read section has borrowed.
void tally_slot_entered(struct tally_slot *slot);
void tally_slot_settle(struct tally_slot *slot); // before it leaves: gives up what it can. Runs user code
void tally_slot_leaving(struct tally_slot *slot);
void tally_slot_pausing(struct tally_slot *slot);
// At a stop point, REFRESH being set: clears it, and goes on to the present epoch.
void tally_slot_refresh(struct tally_slot *slot);
// At a run point: drops the references whose time has come.
void tally_retired_drop(void);

// The calling thread is about to leave its role, or has taken it again: its critical sections let go of their objects,
// and the innermost one takes its object again.
void tally_sections_suspend(void);
void tally_sections_resume(void);

// The slot's thread has gone; the registry's latch is held, so nobody has stopped the world. What its threads have counted of
// spread objects is moved to where it does not depend on the slot.
void tally_slot_fold(struct tally_slot *slot);

#endif
