// biased/start.c: what the variants without a global lock set up for the whole life of the runtime: the buckets and the
// barrier of the light lock. Slots are made as threads come.
#include "hot.h"
#include "reclaim.h"
#include "spread.h"
#include "stop.h"
#include "variant.h"

int variant_init(const tally_config *config)
{
	(void)config; // its switch interval is the gil build's
	light_lock_init();
	tally_reclaim_init();
	hot_reset();
	return 0;
}

void variant_fini(void)
{
	hot_reset();
	spread_fini();
	tally_slots_fini();
	tally_reclaim_fini();
}
