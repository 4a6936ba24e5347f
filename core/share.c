// core/share.c: spread objects and the report of the hottest ones, as the host sees them (tally/share.h). What they are is the
// variant's: group 8 of core/variant.h; docs/hot.md has the reasons.
//
// Spreading: any attached thread. The report: any thread, in any state; the list of threads is held meanwhile, so that the
// runtime does not end.
#include "error.h"
#include "variant.h"

// ---- spread objects ----

int tally_spread(tally_object *object)
{
	if (!tally_enter("spread")) return -1;
	if (!object) return tally_error_type("spread", "an object", object);
	return variant_spread(object, "spread");
}

bool tally_is_spread(const tally_object *object) { return object && variant_is_spread(object); }

// ---- hot objects ----

static int refuse(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_CLOSING, operation, "the runtime is not running");
}

int tally_hot_start(uint32_t period)
{
	if (!period) return tally_error_raise(TALLY_ERROR_VALUE, "hot_start", "period 0, expected at least 1");
	if (!tally_threads_hold()) return refuse("hot_start");
	variant_hot_start(period);
	tally_threads_let_go();
	return 0;
}

int tally_hot_stop(void)
{
	if (!tally_threads_hold()) return refuse("hot_stop");
	variant_hot_stop();
	tally_threads_let_go();
	return 0;
}

size_t tally_hot_get(tally_hot *hottest, size_t most)
{
	if (!tally_threads_hold()) return 0;
	size_t count = variant_hot_get(hottest, most);
	tally_threads_let_go();
	return count;
}
