// gil/lock.h: the global lock: take, drop, hand over.
// Any thread; none of it needs memory or can fail.
#ifndef TALLY_GIL_LOCK_H
#define TALLY_GIL_LOCK_H

#include "thread.h"

// Polled by the holder at every point: TALLY_STOP is set while a waiter asks for the lock.
extern _Atomic uint64_t gil_request;

// Waits for the lock; asks the holder for it each time the switch interval has passed without a change of holder.
void gil_take(void);

// Gives it back. Returns at once.
void gil_drop(void);

// Gives it to a waiter and takes it again after at least one other thread has had it.
void gil_hand_over(void);

// The calling thread has ended its last read section: drops what it may have lent (gil/reclaim.c).
void gil_drop_lent(void);

// The calling thread, which does not have the lock, ends.
void gil_forget(void);

// How the thread of this member stands to the lock (core/variant.h).
struct tally_standing gil_standing(const struct tally_member *member);

void gil_interval_set(uint64_t ns);
uint64_t gil_interval_get(void);

#endif
