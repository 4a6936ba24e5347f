// core/report.h: the wait that is reported when it lasts too long: who is in the way, and what each of them waits for.
//
// A thread that waits for others to come to a point, with nothing held that a report needs, bounds each of its sleeps
// by what is left of its patience. When nothing is left it reports, and has twice as much. Any thread, not attached.
#ifndef TALLY_CORE_REPORT_H
#define TALLY_CORE_REPORT_H

#include <stdint.h>
#include <tally/runtime.h>

struct tally_patience {
	uint64_t since; // tally_clock
	uint64_t end;   // the same; TALLY_FOREVER: nobody wants a report
};

// The runtime starts.
void tally_report_init(const tally_config *config);

// Of a wait that began at `since`.
struct tally_patience tally_patience_from(uint64_t since);

// ns; 0: at its end. TALLY_FOREVER, and no look at the clock, when nobody wants a report.
uint64_t tally_patience_left(const struct tally_patience *patience);

// Tells the host that the calling thread waits for `awaited`. Runs its hook: the caller holds no latch that
// tally_threads_report or a thread on its way to a point needs.
void tally_patience_report(struct tally_patience *patience, const char *awaited);

#endif
