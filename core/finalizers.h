// core/finalizers.h: the queue of objects whose finalizers do not run inline (tally/finalizer.h).
//
// death.c and trash.c ask tally_finalizers_defer for each object that is to be finalized. Where the answer is yes they put it into
// the queue and leave it alone; it lives on. The queue needs memory, a death may not fail: where there is none the object keeps the
// queue's reference all the same, with TALLY_GC_QUEUED, and whoever empties the queue next finds it by a walk over the heap.
#ifndef TALLY_CORE_FINALIZERS_H
#define TALLY_CORE_FINALIZERS_H

#include "header.h"

void tally_finalizers_open(void); // the runtime starts: inline, the queue is empty

// The runtime shuts down, the calling thread is not attached: ends the thread, if there is one. False: its finalizer has not returned
// within `timeout_ns`; nothing has changed.
bool tally_finalizers_end_thread(uint64_t timeout_ns);
// The shutdown could not go on: the thread runs again if the mode asks for one.
void tally_finalizers_resume_thread(void);
// The calling thread is the last: whatever is queued is finalized, and from now on finalizers run inline.
void tally_finalizers_close(void);

// Finalizers do not run inline now.
bool tally_finalizers_defer(void);
// Puts in an object whose finalizer has not run, and takes over one reference to it. Any attached thread, in the middle of a death; leaf
// code; cannot fail.
void tally_finalizers_put(struct tally_object *object);

#endif
