// core/gc_callbacks.h: the host's callbacks around collections (tally/gcwatch.h).
//
// Called before the world is stopped, and when what was found has gone. A callback that hears of the start of a collection
// hears of its end, unless it has been removed in between; one that was added in between hears of neither.
#ifndef TALLY_CORE_GC_CALLBACKS_H
#define TALLY_CORE_GC_CALLBACKS_H

#include <tally/gcwatch.h>

void tally_gc_callbacks_init(void); // the runtime starts: there are none
void tally_gc_callbacks_fini(void); // it ends: all are forgotten; no collection is running

// Tells all of them. The thread that collects, attached, nothing locked, tally_self.collecting set; START and STOP of a
// collection by one thread, in turns. Runs the host's code; the thread's error and errno are as before.
void tally_gc_callbacks_call(enum tally_gc_phase phase, const struct tally_gc_collection *collection);

#endif
