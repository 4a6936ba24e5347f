// gcstw/stop.h: the registry of slots, and stopping and starting the world.
// What core sees of it is groups 3 and 4 of core/variant.h, in gcstw/world.c.
#ifndef TALLY_GCSTW_STOP_H
#define TALLY_GCSTW_STOP_H

#include "slot.h"

// A slot for the calling thread, which is not attached: one that a thread left behind, else a new one. NULL: no memory,
// or no tag left.
struct tally_slot *tally_slot_get(void);

// The calling thread has detached for good and leaves its slot, with its tag and pages, to the next one.
void tally_slot_leave_behind(struct tally_slot *slot);

// Claims every slot; `own` has been left already. Returns with the registry's latch held. One stopper at a time: others
// wait for the latch, detached.
void tally_slots_stop(void);

// Gives every slot back and lets go of the latch.
void tally_slots_start(void);

// Waits, detached and for a bounded time, until every thread that waited for the last start is in; and then as long again, so
// that whoever came last has had as much of the time as the first. Anybody may stop the world meanwhile.
void tally_slots_let_in(void);

// When the last stop began, by tally_clock. Any thread.
uint64_t tally_slots_stopping_since(void);

// World stopped, or nobody attached.
void tally_slots_each(void (*visit)(struct tally_slot *slot, void *context), void *context);

// World stopped: those that threads have left behind.
void tally_slots_each_orphan(void (*visit)(struct tally_slot *slot, void *context), void *context);

// Frees the slots; nobody is attached.
void tally_slots_fini(void);

#endif
