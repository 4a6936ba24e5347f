// core/pause.h: stopping the world with a watch in hand.
//
// A collection stops the world through these two, so that docs and figures speak of one thing: the time to safepoint (from
// the request to the moment at which every other thread stands still) and the pause (from there to the restart). They are
// recorded in histograms that need no memory of their own, one of each generation and one of all: sixteen buckets a
// doubling. Other stops are not recorded.
#ifndef TALLY_CORE_PAUSE_H
#define TALLY_CORE_PAUSE_H

#include <tally/gcwatch.h>

// As variant_world_stop and variant_world_start, of core/variant.h; recorded as a pause of the collector, and noted in the
// collection that it belongs to.
void tally_pause_begin(void);
void tally_pause_end(struct tally_gc_collection *collection);

#endif
