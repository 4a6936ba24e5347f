// core/due.h: when a collection is due, and of which generation.
//
// Two things ask for one: more young objects than threshold[0] (core/young.h counts them), and pages that have grown by the byte
// threshold since the last one (core/arena.c counts them). Which generation it is depends on how many collections of the
// younger ones there have been, and on how much has become old since everything was last examined; so the work of all full
// collections together is proportional to what has been allocated. In the mode TALLY_GC_FULL there are no generations.
//
// I1  While automatic collection is disabled or suspended, or threshold[0] is 0, none is due.
#ifndef TALLY_CORE_DUE_H
#define TALLY_CORE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void tally_due_init(void); // the runtime starts

// The calling thread is attached. A glimpse.
bool tally_due_now(void);
// Far more objects wait than a collection is due for: who comes second had better let the first one work.
bool tally_due_is_crowded(void);
// By whoever is about to collect.
int tally_due_generation(void);

// World stopped: a collection of `generation` has left `living` of the objects that it examined alive.
void tally_due_collected(int generation, size_t living);
// The same collection has disposed of its garbage. Any attached thread.
void tally_due_disposed(void);
// World stopped: nothing, or `unfrozen` more, is in the oldest generation now.
void tally_due_frozen(void);
void tally_due_unfrozen(size_t unfrozen);
// A collection has failed: the next one is due when as much has been made once more. Any thread.
void tally_due_failed(void);

#endif
