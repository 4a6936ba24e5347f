// tests/schedule/limbo.h: the double of reclamation (limbo.c).
#ifndef TALLY_LIMBO_H
#define TALLY_LIMBO_H

#include "stage.h"

// Called by stage_reset.
void limbo_reset(void);
// Frees a raw buffer of the stage, after filling it with bad bytes.
void limbo_free(void *raw);

#endif
