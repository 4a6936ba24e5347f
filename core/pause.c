// core/pause.c: how long the collector's stops took (core/pause.h), and the public figures of them: for the collections of each
// generation, and for all.
//
// A duration falls into a bucket by its highest bit and the four below it, so a percentile read from the buckets is at most a
// sixteenth too high. The writer is whoever has stopped the world, one at a time; readers take the same latch.
//
// I1  The sum of a histogram's buckets is the number of stops recorded since the last reset.
// I2  What is recorded of all collections is the sum of what is recorded of each generation.
#include "pause.h"
#include "error.h"
#include "os.h"
#include "variant.h"

#include <string.h>
#include <tally/gc.h>

enum { FINE = 16, BUCKETS = 60 * FINE + FINE };

struct histogram {
	uint32_t bucket[BUCKETS];
	uint64_t max, total;
};

enum { ALL = TALLY_GC_GENERATIONS, RECORDS };

static struct tally_latch latch = TALLY_LATCH_INIT;
static struct record { // guarded by the latch
	uint64_t count;
	struct histogram pause, to_safepoint;
} records[RECORDS]; // of each generation, and of all

static uint64_t asked, stopped; // by the one who stops the world

static unsigned bucket_of(uint64_t ns)
{
	if (ns < FINE) return (unsigned)ns;
	unsigned power = 63 - (unsigned)__builtin_clzll(ns); // at least 4
	return (power - 3) * FINE + (unsigned)(ns >> (power - 4) & (FINE - 1));
}

// The largest duration that falls into the bucket.
static uint64_t bucket_top(unsigned bucket)
{
	if (bucket < FINE) return bucket;
	unsigned power = bucket / FINE + 3;
	return ((uint64_t)1 << power) + ((uint64_t)(bucket % FINE + 1) << (power - 4)) - 1;
}

static void add(struct histogram *histogram, uint64_t ns)
{
	histogram->bucket[bucket_of(ns)]++;
	histogram->total += ns;
	if (ns > histogram->max) histogram->max = ns;
}

// The smallest bound that `share` hundredths of the durations do not exceed.
static uint64_t percentile(const struct histogram *histogram, uint64_t count, unsigned share)
{
	uint64_t wanted = (count * share + 99) / 100, seen = 0;
	for (unsigned bucket = 0; count && bucket < BUCKETS; bucket++) {
		seen += histogram->bucket[bucket];
		if (seen >= wanted) return bucket_top(bucket) < histogram->max ? bucket_top(bucket) : histogram->max;
	}
	return 0;
}

static tally_gc_durations summary(const struct histogram *histogram, uint64_t count)
{
	return (tally_gc_durations){.p50 = percentile(histogram, count, 50),
	                            .p99 = percentile(histogram, count, 99),
	                            .max = histogram->max,
	                            .total = histogram->total};
}

void tally_pause_begin(void)
{
	uint64_t now = tally_clock();
	variant_world_stop();
	stopped = tally_clock();
	asked = variant_world_waits ? now : stopped;
}

// One that has more stops than there is room for adds the rest to the last.
static void note(struct tally_gc_collection *collection, uint64_t to_safepoint, uint64_t pause)
{
	if (collection->stops < TALLY_GC_STOPS) collection->stops++;
	collection->to_safepoint[collection->stops - 1] += to_safepoint;
	collection->pause[collection->stops - 1] += pause;
}

static void add_stop(struct record *record, uint64_t to_safepoint, uint64_t pause)
{
	record->count++;
	add(&record->to_safepoint, to_safepoint);
	add(&record->pause, pause);
}

void tally_pause_end(struct tally_gc_collection *collection)
{
	uint64_t to_safepoint = stopped - asked, pause = tally_clock() - stopped;
	variant_world_start();
	note(collection, to_safepoint, pause);
	tally_latch_take(&latch);
	add_stop(&records[collection->generation], to_safepoint, pause);
	add_stop(&records[ALL], to_safepoint, pause);
	tally_latch_drop(&latch);
}

static int get(const char *operation, const struct record *record, tally_gc_pauses *pauses)
{
	if (pauses->size != sizeof *pauses)
		return tally_error_raise(TALLY_ERROR_VALUE, operation, "size is %zu, expected sizeof(tally_gc_pauses), %zu",
		                         pauses->size, sizeof *pauses);
	tally_latch_take(&latch);
	pauses->count = record->count;
	pauses->pause = summary(&record->pause, record->count);
	pauses->to_safepoint = summary(&record->to_safepoint, record->count);
	tally_latch_drop(&latch);
	return 0;
}

int tally_gc_get_pauses(tally_gc_pauses *pauses) { return get("gc_get_pauses", &records[ALL], pauses); }

int tally_gc_get_pauses_of(int generation, tally_gc_pauses *pauses)
{
	if (generation < 0 || generation >= ALL)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_get_pauses_of", "generation %d, expected 0, 1 or 2", generation);
	return get("gc_get_pauses_of", &records[generation], pauses);
}

void tally_gc_reset_pauses(void)
{
	tally_latch_take(&latch);
	memset(records, 0, sizeof records);
	tally_latch_drop(&latch);
}
