// core/history.c: the record of the last collections (core/history.h).
// A ring.
#include "history.h"
#include "error.h"

void tally_history_init(void) {}
void tally_history_fini(void) {}

void tally_history_add(const struct tally_gc_collection *collection) { (void)collection; }

size_t tally_gc_history_read(uint64_t *cursor, tally_gc_collection *collections, size_t room, uint64_t *missed)
{
	(void)cursor;
	(void)collections;
	(void)room;
	if (missed) *missed = 0;
	return 0;
}

int tally_gc_history_wait(uint64_t cursor, uint64_t timeout_ns)
{
	(void)cursor;
	(void)timeout_ns;
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_history_wait", "not built yet");
}
