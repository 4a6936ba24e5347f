// core/sweep.h: what becomes of the candidates while the world still stands: the living grow older, and plain trash (objects
// whose types run no user code when they die) is freed without counting its references one by one.
#ifndef TALLY_CORE_SWEEP_H
#define TALLY_CORE_SWEEP_H

#include "candidates.h"

// The members that are no trash move to the next generation. Returns how many they are. World stopped.
size_t tally_sweep_promote(struct tally_candidates *set, int generation);

// Frees the set's trash, which holds no object whose type runs user code when it dies, and drops what it refers to outside of
// itself; what dies of that joins the calling thread's dying. Then releases the set: pages may be gone. Returns how many
// objects were freed; the set's `bytes` are what they and their buffers took. World stopped.
size_t tally_sweep_free(struct tally_candidates *set);

#endif
