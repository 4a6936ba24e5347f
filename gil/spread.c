// gil/spread.c: spread and hot objects where threads never count at the same time: there is nothing to do. Whoever holds the lock
// counts plainly, so an object that was to be spread is counted as before, and nobody counts what is another's.
#include "variant.h"

int variant_spread(struct tally_object *object, const char *operation)
{
	(void)object;
	(void)operation;
	return 0;
}

bool variant_is_spread(const struct tally_object *object)
{
	(void)object;
	return false;
}

size_t variant_bury_spread_stopped(void) { return 0; }

void variant_gather_stopped(struct tally_object *object) { (void)object; }

void variant_gather_all_stopped(void) {}

void variant_hot_start(uint32_t period) { (void)period; }

void variant_hot_stop(void) {}

size_t variant_hot_get(tally_hot *hottest, size_t most)
{
	(void)hottest;
	(void)most;
	return 0;
}
