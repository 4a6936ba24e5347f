// gcstw/help.h: threads that wait for the start of a stopped world help the stopper with its work.
//
// The stopper's side is variant_world_help (core/variant.h). This is the other one: slot_attach calls it for a thread that
// finds its slot claimed, on whatever way it came there: from a stop point, a blocking region, a wait for a lock.
#ifndef TALLY_GCSTW_HELP_H
#define TALLY_GCSTW_HELP_H

#include <stdbool.h>
#include <stdint.h>

// Makes one call of the job that is open, if there is one with a ticket left and this thread has not helped with it: *last
// is the job that it helped with last, 0 at first. False: there was nothing to do. The calling thread holds no role.
bool help_try(uint32_t *last);

// tally_wait without a limit, for a thread that can be woken to help.
void help_sleep(const _Atomic uint32_t *p, uint32_t seen);

// As new. No thread is attached or about to be.
void help_reset(void);

#endif
