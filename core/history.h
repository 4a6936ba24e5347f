// core/history.h: the record of the last collections (tally/gcwatch.h).
//
// Collections are added as they end; readers go on from where they were. A place in the record is a count: how many have
// been added since the runtime started, so it says by itself what a reader has missed.
#ifndef TALLY_CORE_HISTORY_H
#define TALLY_CORE_HISTORY_H

#include <tally/gcwatch.h>

void tally_history_init(void); // the runtime starts: nothing is recorded
// It ends: whoever waits for a collection is told; no collection is running. What is recorded stays until the next start.
void tally_history_fini(void);

// The collection has ended. Any attached thread, several at a time; leaf code.
void tally_history_add(const struct tally_gc_collection *collection);

#endif
