// core/pause.h: stopping the world with a watch in hand.
//
// Everything in core that stops the world does it through these two, so that docs and figures speak of one thing: the time to
// safepoint (from the request to the moment at which every other thread stands still) and the pause (from there to the
// restart). Collections are recorded, in histograms that need no memory of their own: sixteen buckets a doubling.
#ifndef TALLY_CORE_PAUSE_H
#define TALLY_CORE_PAUSE_H

// As variant_world_stop and variant_world_start, of core/variant.h; recorded as a pause of the collector.
void tally_pause_begin(void);
void tally_pause_end(void);

#endif
