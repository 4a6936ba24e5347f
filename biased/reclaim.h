// biased/reclaim.h: the life of what reclaim.c keeps for the whole runtime. What the core asks of it is group 5 of
// core/variant.h, what gcstw asks is in gcstw/slot.h.
#ifndef TALLY_BIASED_RECLAIM_H
#define TALLY_BIASED_RECLAIM_H

#include "epoch.h"
#include "variant.h"

// Before any slot is made; after the last one has gone.
void tally_reclaim_init(void);
void tally_reclaim_fini(void);

#endif
