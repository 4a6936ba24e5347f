// biased/atomic/spread.c: spread and hot objects in the ablation: none. It shows what counting by one atomic word costs, so an
// object that was to be spread goes on being counted so; and since nobody owns an object, no count is foreign.
#include "spread.h"
#include "hot.h"
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

void tally_slot_fold(struct tally_slot *slot) { (void)slot; }

void spread_fini(void) {}

void variant_hot_start(uint32_t period) { (void)period; }

void variant_hot_stop(void) {}

size_t variant_hot_get(tally_hot *hottest, size_t most)
{
	(void)hottest;
	(void)most;
	return 0;
}

void hot_reset(void) {}
