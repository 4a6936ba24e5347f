// tests/pause.c: the histograms of the collector's stops: I1 and I2 of core/pause.c, and how exact its percentiles are.
//
// The source is included, so that durations can be recorded that nobody has to wait for.
#include "../core/pause.c"
#include "fixture.h"

#include <tally/gc.h>

static struct histogram histogram; // too large for a stack

static void every_duration_falls_into_a_bucket_whose_top_is_at_most_a_sixteenth_above_it(void)
{
	uint64_t state = fixture_seed(0);
	for (int step = tap_scale(200000); step > 0; step--) {
		uint64_t ns = fixture_random(&state) >> below(&state, 64);
		if (!CHECK(bucket_of(ns) < BUCKETS)) return;
		uint64_t top = bucket_top(bucket_of(ns));
		if (!CHECK(top >= ns && top - ns <= ns / 16)) return;
	}
}

// No duration lies between two buckets, and none in both.
static void buckets_follow_one_another_without_gaps(void)
{
	CHECK_EQ(bucket_of(0), 0);
	for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
		if (!CHECK_EQ(bucket_of(bucket_top(bucket)), bucket)) return;
		if (bucket + 1 < BUCKETS && !CHECK_EQ(bucket_of(bucket_top(bucket) + 1), bucket + 1)) return;
	}
	CHECK_EQ(bucket_top(BUCKETS - 1), UINT64_MAX);
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

enum { MOST = 1000 };

// The smallest of the sorted durations that `share` hundredths of them do not exceed.
static uint64_t exact(const uint64_t *sorted, unsigned count, unsigned share)
{
	for (unsigned i = 0; i < count; i++)
		if ((i + 1) * 100 >= count * share) return sorted[i];
	return 0;
}

static void a_percentile_is_at_most_a_sixteenth_above_the_true_one(void)
{
	static uint64_t durations[MOST];
	uint64_t state = fixture_seed(1);
	for (int round = tap_scale(300); round > 0; round--) {
		unsigned count = 1 + below(&state, below(&state, 2) ? 10 : MOST), width = below(&state, 40);
		memset(&histogram, 0, sizeof histogram);
		for (unsigned i = 0; i < count; i++) {
			durations[i] = fixture_random(&state) >> (24 + below(&state, width + 1));
			add(&histogram, durations[i]);
		}
		qsort(durations, count, sizeof durations[0], by_size);
		for (unsigned share = 1; share <= 100; share++) {
			uint64_t is = percentile(&histogram, count, share), right = exact(durations, count, share);
			if (!CHECK(is >= right && is - right <= right / 16)) return;
		}
		CHECK_EQ(histogram.max, durations[count - 1]);
		CHECK_EQ(percentile(&histogram, count, 100), durations[count - 1]); // never above the longest
	}
}

static void nothing_recorded_is_zero_everywhere(void)
{
	memset(&histogram, 0, sizeof histogram);
	tally_gc_durations none = summary(&histogram, 0);
	CHECK(none.p50 == 0 && none.p99 == 0 && none.max == 0 && none.total == 0);
}

static void the_summary_has_the_median_the_hundredth_and_the_sum(void)
{
	memset(&histogram, 0, sizeof histogram);
	for (uint64_t ns = 1; ns <= 15; ns++) add(&histogram, ns); // exact below 16
	tally_gc_durations short_ones = summary(&histogram, 15);
	CHECK_EQ(short_ones.p50, 8);
	CHECK_EQ(short_ones.p99, 15);
	CHECK_EQ(short_ones.max, 15);
	CHECK_EQ(short_ones.total, 120);
	for (int i = 0; i < 985; i++) add(&histogram, 1000000);
	tally_gc_durations all = summary(&histogram, 1000);
	CHECK_EQ(all.p50, 1000000);
	CHECK_EQ(all.max, 1000000);
	CHECK_EQ(all.total, 120 + UINT64_C(985000000));
}

static uint64_t buckets_of(const struct histogram *of)
{
	uint64_t sum = 0;
	for (unsigned bucket = 0; bucket < BUCKETS; bucket++) sum += of->bucket[bucket];
	return sum;
}

static void i1_the_buckets_hold_each_stop_once(void)
{
	tally_gc_pauses pauses = {.size = sizeof pauses};
	tally_gc_reset_pauses();
	for (unsigned stops = 1; stops <= 50; stops++) {
		tally_pause_begin();
		tally_pause_end(&(struct tally_gc_collection){0});
		CHECK_EQ(buckets_of(&records[ALL].pause), stops);
		CHECK_EQ(buckets_of(&records[ALL].to_safepoint), stops);
		CHECK_EQ(tally_gc_get_pauses(&pauses), 0);
		CHECK_EQ(pauses.count, stops);
	}
	CHECK(pauses.pause.total >= pauses.pause.max);
	CHECK(pauses.pause.p50 <= pauses.pause.p99 && pauses.pause.p99 <= pauses.pause.max);
	CHECK_EQ(pauses.pause.total, records[ALL].pause.total);
	tally_gc_reset_pauses();
	CHECK_EQ(buckets_of(&records[ALL].pause) + buckets_of(&records[ALL].to_safepoint), 0);
	CHECK_EQ(tally_gc_get_pauses(&pauses), 0);
	CHECK(pauses.count == 0 && pauses.pause.max == 0 && pauses.pause.total == 0 && pauses.to_safepoint.total == 0);
}

// The parts of a stop: the request, the moment at which all stand still, the restart.
static void a_stop_is_measured_from_its_parts(void)
{
	tally_gc_pauses pauses = {.size = sizeof pauses};
	tally_gc_reset_pauses();
	uint64_t before = tally_clock();
	tally_pause_begin();
	uint64_t standing = tally_clock();
	while (tally_clock() - standing < 3000000)
		;
	uint64_t going = tally_clock();
	tally_pause_end(&(struct tally_gc_collection){0});
	uint64_t after = tally_clock();
	CHECK_EQ(tally_gc_get_pauses(&pauses), 0);
	CHECK(pauses.pause.total >= going - standing && pauses.pause.total <= after - before);
	CHECK(pauses.to_safepoint.total <= standing - before);
	CHECK(pauses.pause.total + pauses.to_safepoint.total <= after - before);
	CHECK(pauses.pause.max == pauses.pause.total && pauses.pause.p50 == pauses.pause.max);
	if (!variant_world_waits) CHECK_EQ(pauses.to_safepoint.total, 0);
	else CHECK(pauses.to_safepoint.total > 0);
}

// ---- by generation ----

static tally_gc_pauses pauses_of(int generation)
{
	tally_gc_pauses pauses = {.size = sizeof pauses};
	CHECK_EQ(tally_gc_get_pauses_of(generation, &pauses), 0);
	return pauses;
}

static void stop_for(int generation, unsigned times)
{
	tally_gc_collection collection = {.generation = generation};
	for (; times > 0; times--) {
		tally_pause_begin();
		tally_pause_end(&collection);
	}
}

static void i2_what_is_recorded_of_all_is_the_sum_of_the_generations(void)
{
	tally_gc_pauses all = {.size = sizeof all};
	uint64_t pause = 0, to_safepoint = 0, longest = 0;
	tally_gc_reset_pauses();
	for (int generation = 0; generation < ALL; generation++) stop_for(generation, 10 * (unsigned)generation + 3);
	CHECK_EQ(tally_gc_get_pauses(&all), 0);
	for (int generation = 0; generation < ALL; generation++) {
		tally_gc_pauses one = pauses_of(generation);
		CHECK_EQ(one.count, 10 * generation + 3);
		CHECK(one.pause.p50 <= one.pause.p99 && one.pause.p99 <= one.pause.max && one.pause.max <= one.pause.total);
		pause += one.pause.total;
		to_safepoint += one.to_safepoint.total;
		if (one.pause.max > longest) longest = one.pause.max;
	}
	CHECK_EQ(all.count, 39);
	CHECK_EQ(all.pause.total, pause);
	CHECK_EQ(all.pause.max, longest);
	CHECK_EQ(all.to_safepoint.total, to_safepoint);
	for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
		uint32_t sum = 0;
		for (int generation = 0; generation < ALL; generation++) sum += records[generation].pause.bucket[bucket];
		if (!CHECK_EQ(records[ALL].pause.bucket[bucket], sum)) return;
	}
}

static void a_collection_counts_for_the_generation_that_was_asked_for_alone(void)
{
	tally_gc_disable();
	tally_gc_reset_pauses();
	for (int generation = 0; generation < ALL; generation++)
		for (int i = 0; i <= generation; i++) CHECK_EQ(tally_gc_collect(generation), 0);
	for (int generation = 0; generation < ALL; generation++) CHECK_EQ(pauses_of(generation).count, generation + 1);
}

static void a_reset_forgets_all_generations(void)
{
	for (int generation = 0; generation < ALL; generation++) stop_for(generation, 2);
	tally_gc_reset_pauses();
	for (int generation = 0; generation < ALL; generation++) {
		tally_gc_pauses none = pauses_of(generation);
		CHECK(none.count == 0 && none.pause.max == 0 && none.pause.total == 0 && none.to_safepoint.total == 0);
	}
	stop_for(1, 1);
	CHECK_EQ(pauses_of(0).count, 0);
	CHECK_EQ(pauses_of(1).count, 1);
}

static void a_wrong_generation_or_size_is_refused_and_named(void)
{
	tally_gc_pauses pauses = {.size = sizeof pauses, .count = 7};
	CHECK_EQ(tally_gc_get_pauses_of(-1, &pauses), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "gc_get_pauses_of: generation -1, expected 0, 1 or 2");
	CHECK_EQ(tally_gc_get_pauses_of(3, &pauses), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "gc_get_pauses_of: generation 3, expected 0, 1 or 2");
	CHECK_EQ(pauses.count, 7);
	char of[128], all[128];
	snprintf(of, sizeof of, "gc_get_pauses_of: size is 8, expected sizeof(tally_gc_pauses), %zu", sizeof pauses);
	snprintf(all, sizeof all, "gc_get_pauses: size is 8, expected sizeof(tally_gc_pauses), %zu", sizeof pauses);
	pauses.size = 8;
	CHECK_EQ(tally_gc_get_pauses_of(0, &pauses), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, of);
	CHECK_EQ(tally_gc_get_pauses(&pauses), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, all);
}

static void stops_for_which_a_collection_has_no_room_are_added_to_its_last(void)
{
	tally_gc_collection collection = {.generation = 1};
	uint64_t before = 0;
	tally_gc_reset_pauses();
	for (unsigned stop = 1; stop <= TALLY_GC_STOPS + 3; stop++) {
		before = collection.pause[TALLY_GC_STOPS - 1];
		tally_pause_begin();
		tally_pause_end(&collection);
		CHECK_EQ(collection.stops, stop < TALLY_GC_STOPS ? stop : TALLY_GC_STOPS);
		if (stop >= TALLY_GC_STOPS) CHECK(collection.pause[TALLY_GC_STOPS - 1] >= before);
	}
	uint64_t sum = 0;
	for (int stop = 0; stop < TALLY_GC_STOPS; stop++) sum += collection.pause[stop];
	CHECK_EQ(pauses_of(1).count, TALLY_GC_STOPS + 3);
	CHECK_EQ(pauses_of(1).pause.total, sum);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(every_duration_falls_into_a_bucket_whose_top_is_at_most_a_sixteenth_above_it);
	TAP_RUN(buckets_follow_one_another_without_gaps);
	TAP_RUN(a_percentile_is_at_most_a_sixteenth_above_the_true_one);
	TAP_RUN(nothing_recorded_is_zero_everywhere);
	TAP_RUN(the_summary_has_the_median_the_hundredth_and_the_sum);
	TAP_RUN(i1_the_buckets_hold_each_stop_once);
	TAP_RUN(a_stop_is_measured_from_its_parts);
	TAP_RUN(i2_what_is_recorded_of_all_is_the_sum_of_the_generations);
	TAP_RUN(a_collection_counts_for_the_generation_that_was_asked_for_alone);
	TAP_RUN(a_reset_forgets_all_generations);
	TAP_RUN(a_wrong_generation_or_size_is_refused_and_named);
	TAP_RUN(stops_for_which_a_collection_has_no_room_are_added_to_its_last);
	return tap_end();
}
