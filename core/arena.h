// core/arena.h: starting and ending the pool of arenas. What heaps take from it is declared in core/page.h, beside the
// descriptors that it fills in.
#ifndef TALLY_CORE_ARENA_H
#define TALLY_CORE_ARENA_H

#include <tally/runtime.h>

// The runtime starts: nothing is mapped yet. `config` is whole (runtime.c has filled in what the host left out).
void tally_arenas_init(const tally_config *config);

// The runtime ends: gives every arena back, whatever is in it.
void tally_arenas_fini(void);

#endif
