// core/finalize.h: the finalize handles of the runtime as its start and its end see them (core/finalize.c).
// The calling thread is attached, except for tally_finalize_open, and holds no lock.
#ifndef TALLY_CORE_FINALIZE_H
#define TALLY_CORE_FINALIZE_H

// From now on handles can be made: the runtime starts, or a shutdown that had begun has failed. No other thread is there.
void tally_finalize_open(void);

// The runtime ends, no other thread being there: calls what is to be called at the end, the newest first, including what
// is made meanwhile; then no handle can be made any more, and the rest are dropped without being called. Runs user code.
void tally_finalize_close(void);

#endif
