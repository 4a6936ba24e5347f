// biased/hot.c: which objects are counted most by threads that do not own them: samples in a small table.
//
// The table is open: an object stands in one of the REACH places from the one that its address says on; when all of them are
// taken, whoever has the fewest samples there makes way. So what is hot stays, and what is met once comes and goes.
//
// The table has a latch, which a thread that counts only tries: a sample that finds it taken is lost. Of an object only the
// address is kept, and which type it had; the type's name is looked up when somebody asks, in the table of types.
//
// I1  Nothing is noted after a stop or before a start: the period is looked at once more under the latch.
// I2  No address in the table is ever followed.
// Looking: attached threads. Starting, stopping, asking: any thread.
#include "hot.h"
#include "hash.h"
#include "object.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 256, REACH = 8 };

struct place {
	const void *address; // NULL: free
	const struct tally_type *type;
	unsigned index; // of the type
	uint64_t samples;
};

static struct {
	struct tally_latch latch;
	_Atomic uint32_t period; // 0: nothing is sampled. Relaxed: threads follow when they next look; written under the latch
	struct place place[PLACES]; // guarded by the latch
} hot = {.latch = TALLY_LATCH_INIT};

// ---- noting ----

// Where the object stands, or is to stand.
static struct place *find(const void *address)
{
	uint64_t first = tally_hash_mix((uintptr_t)address);
	struct place *least = NULL;
	for (unsigned i = 0; i < REACH; i++) {
		struct place *place = &hot.place[(first + i) % PLACES];
		if (place->address == address) return place;
		if (!least || place->samples < least->samples) least = place;
	}
	return least;
}

static void note(const struct tally_object *object)
{
	if (!tally_latch_try(&hot.latch)) return;
	if (tally_load(&hot.period, relaxed)) {
		struct place *place = find(object);
		uint64_t before = place->address == object ? place->samples : 0;
		*place = (struct place){object, tally_type(object), object->type, before + 1};
	}
	tally_latch_drop(&hot.latch);
}

// The distance to the next sample: the period, up to an eighth more or less, so that no pattern of counts is met in step.
static uint32_t next_distance(uint32_t period)
{
	uint32_t width = period / 8;
	tally_self.hot_chance = tally_self.hot_chance * 1664525 + 1013904223;
	uint64_t chance = tally_self.hot_chance ^ (uint32_t)((uintptr_t)&tally_self >> 6);
	uint64_t distance = period - width + (chance * (2 * (uint64_t)width + 1) >> 32);
	return distance < UINT32_MAX ? (uint32_t)distance : UINT32_MAX;
}

// Counts before the next look, of the distance that is left; this one is the first of them.
static void wait_for_next(uint32_t distance)
{
	uint32_t step = distance < HOT_IDLE ? distance : HOT_IDLE;
	tally_self.hot_left = (int32_t)step - 1;
	tally_self.hot_rest = distance - step;
}

__attribute__((noinline)) void hot_look(struct tally_object *object)
{
	uint32_t period = tally_load(&hot.period, relaxed), rest = tally_self.hot_rest;
	if (!period) {
		wait_for_next(HOT_IDLE);
	} else if (rest) {
		wait_for_next(rest < period ? rest : period); // it may have become shorter
	} else {
		note(object);
		wait_for_next(next_distance(period));
	}
}

// ---- starting, stopping ----

static void set_period(uint32_t period) { tally_store(&hot.period, period, relaxed); }

void variant_hot_start(uint32_t period)
{
	tally_latch_take(&hot.latch);
	if (!tally_load(&hot.period, relaxed)) memset(hot.place, 0, sizeof hot.place);
	set_period(period);
	tally_latch_drop(&hot.latch);
}

void variant_hot_stop(void)
{
	tally_latch_take(&hot.latch);
	set_period(0);
	tally_latch_drop(&hot.latch);
}

void hot_reset(void)
{
	tally_latch_take(&hot.latch);
	set_period(0);
	memset(hot.place, 0, sizeof hot.place);
	tally_latch_drop(&hot.latch);
}

// ---- the report ----

static size_t copy_places(struct place *places)
{
	size_t count = 0;
	tally_latch_take(&hot.latch);
	for (unsigned i = 0; i < PLACES; i++)
		if (hot.place[i].address) places[count++] = hot.place[i];
	tally_latch_drop(&hot.latch);
	return count;
}

// The hottest first; by address where they are equal, so that the order does not depend on the sort.
static int by_heat(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	if (left->samples != right->samples) return left->samples > right->samples ? -1 : 1;
	return left->address < right->address ? -1 : left->address > right->address;
}

size_t variant_hot_get(tally_hot *hottest, size_t most)
{
	struct place places[PLACES];
	size_t count = copy_places(places);
	qsort(places, count, sizeof places[0], by_heat);
	for (size_t i = 0; i < count && i < most; i++)
		hottest[i] = (tally_hot){places[i].address, tally_type_name_at(places[i].index, places[i].type), places[i].samples};
	return count;
}
