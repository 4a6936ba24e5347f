// core/gc.h: the collector as the rest of core sees it: started and ended with the runtime, called at run points.
// core/gc.c has the map of its files, docs/collector.md the whole story.
#ifndef TALLY_CORE_GC_H
#define TALLY_CORE_GC_H

void tally_gc_init(void); // the runtime starts: as if nothing had ever been collected
void tally_gc_fini(void); // it ends; no collection is running

// Run point, TALLY_PENDING_COLLECT set, no section open and no destructor running: collects, if that is still called for.
void tally_gc_run_point(void);

// The runtime shuts down, the calling thread being the last: collects until nothing is found any more.
void tally_gc_collect_all(void);

#endif
