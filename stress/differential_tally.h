// stress/differential_tally.h: what the two halves of the Tally engine share.
#ifndef STRESS_DIFFERENTIAL_TALLY_H
#define STRESS_DIFFERENTIAL_TALLY_H

#include "differential.h"

#include <tally/tally.h>

extern bool engine_is_planted;

// The key function for a sort of `list`; borrowed; NULL: none.
tally_object *engine_key(enum key key, tally_object *list);

#endif
