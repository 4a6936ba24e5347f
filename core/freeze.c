// core/freeze.c: the permanent generation (tally/gc.h).
// Both age bits set.
#include "error.h"

#include <tally/gc.h>

int tally_gc_freeze(void) { return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_freeze", "not built yet"); }
int tally_gc_unfreeze(void) { return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_unfreeze", "not built yet"); }
int64_t tally_gc_get_freeze_count(void)
{
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_get_freeze_count", "not built yet");
}
