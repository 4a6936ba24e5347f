// tests/hot.c: the report of the objects that threads other than their owners count most, by samples.
//
// Only `biased` has owners; in the other builds sampling can be started and stopped, and nothing is ever noted.
#include "fixture.h"
#include "turns.h"

enum { PLACES = 256, SOON = 300 }; // counts within which a thread notices that sampling has begun

static bool has_owners(void) { return strcmp(tally_variant(), "biased") == 0; }

static tally_hot report[PLACES + 1];

static size_t ask(void)
{
	memset(report, 0x55, sizeof report);
	return tally_hot_get(report, PLACES);
}

static const tally_hot *find(const tally_object *object)
{
	for (size_t i = 0, count = ask(); i < count; i++)
		if (report[i].address == object) return &report[i];
	return NULL;
}

static void begin(uint32_t period) { CHECK_EQ(tally_hot_start(period), 0); }
static void end(void) { CHECK_EQ(tally_hot_stop(), 0); }

// ---- what others count ----

static struct {
	tally_object *object[4];
	int pairs[4];
} work;

static void count(void *unused, unsigned number)
{
	(void)unused;
	(void)number;
	for (int i = 0; i < 4 && work.object[i]; i++)
		for (int pair = 0; pair < work.pairs[i]; pair++) {
			tally_incref(work.object[i]);
			tally_decref(work.object[i]);
		}
}

static void make_work(void)
{
	static const int pairs[] = {1000, 8000, 500, 4000};
	for (int i = 0; i < 4; i++) {
		work.object[i] = i % 2 ? counted(i) : text("some text");
		work.pairs[i] = pairs[i];
	}
}

static void drop_work(void)
{
	for (int i = 0; i < 4; i++) {
		tally_decref(work.object[i]);
		work.object[i] = NULL;
	}
}

static void the_hottest_comes_first(void)
{
	static const int order[] = {1, 3, 0, 2};
	make_work();
	begin(10);
	for (int i = 0; i < 3; i++) run_threads(1, count, NULL); // one at a time: a sample that finds another under way is lost
	end();
	size_t number = ask();
	if (has_owners()) CHECK(number >= 4);
	else CHECK_EQ(number, 0);
	for (size_t i = 0; i < 4 && number >= 4; i++) {
		CHECK_PTR(report[i].address, work.object[order[i]]);
		CHECK_STR(report[i].type_name, order[i] % 2 ? "int" : "str");
		double expected = 3 * 2 * work.pairs[order[i]] / 10.0;
		if (!CHECK(report[i].samples > expected * 0.5 && report[i].samples < expected * 1.5))
			tap_note("%d: %g expected, %llu samples", (int)i, expected, (unsigned long long)report[i].samples);
	}
	drop_work();
}

static void with_period_1_every_foreign_count_is_noted(void)
{
	make_work();
	begin(1);
	work.pairs[0] = SOON; // to notice the start
	run_threads(1, count, NULL);
	for (int i = 1; i < 4 && has_owners(); i++) {
		const tally_hot *found = find(work.object[i]);
		if (CHECK(found != NULL)) CHECK_EQ(found->samples, 2 * work.pairs[i]);
	}
	end();
	drop_work();
}

static void the_owner_is_not_noted(void)
{
	make_work();
	begin(1);
	count(NULL, 0); // this thread made them
	for (int i = 0; i < 70000; i++) tally_incref(work.object[1]); // more than its part of the header holds
	CHECK_EQ(ask(), 0);
	end();
	for (int i = 0; i < 70000; i++) tally_decref(work.object[1]);
	drop_work();
}

static void what_is_spread_or_immortal_is_not_noted(void)
{
	make_work();
	CHECK_EQ(tally_spread(work.object[1]), 0);
	CHECK_EQ(tally_immortalize(work.object[3]), 0);
	begin(1);
	run_threads(2, count, NULL);
	CHECK(!find(work.object[1]));
	CHECK(!find(work.object[3]));
	end();
	drop_work();
	CHECK(tally_gc_collect(2) >= 0);
}

// ---- start, stop, period ----

static void what_was_noted_stays_until_the_next_start(void)
{
	make_work();
	begin(1);
	run_threads(1, count, NULL);
	end();
	size_t number = ask();
	uint64_t samples = number ? report[0].samples : 0;
	run_threads(1, count, NULL); // not sampled
	CHECK_EQ(ask(), number);
	if (number) CHECK_EQ(report[0].samples, samples);
	CHECK_EQ(has_owners(), number > 0);
	begin(1000000);
	CHECK_EQ(ask(), 0);
	end();
	drop_work();
}

static void another_period_counts_from_the_next_look_on(void)
{
	make_work();
	begin(UINT32_MAX);
	run_threads(1, count, NULL);
	begin(1); // nothing is forgotten
	CHECK(ask() <= 1);
	run_threads(1, count, NULL);
	end();
	CHECK_EQ(find(work.object[1]) != NULL, has_owners());
	drop_work();
}

static void a_report_may_be_shorter_than_what_there_is(void)
{
	make_work();
	begin(1);
	run_threads(1, count, NULL);
	end();
	size_t number = ask();
	const void *first = report[0].address;
	memset(report, 0x55, sizeof report);
	CHECK_EQ(tally_hot_get(NULL, 0), number);
	CHECK_EQ(tally_hot_get(report, 1), number);
	if (number) CHECK_PTR(report[0].address, first);
	CHECK_EQ(report[1].samples, UINT64_C(0x5555555555555555));
	drop_work();
}

static void a_period_of_0_is_an_error(void)
{
	CHECK_EQ(tally_hot_start(0), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "hot_start: period 0, expected at least 1");
}

static void start_from_outside(void) { begin(5), end(), CHECK_EQ(ask(), 0); }

static void a_thread_need_not_be_attached(void) { run_unattached(start_from_outside); }

static void without_a_runtime_there_is_nothing_to_sample(void)
{
	make_work();
	begin(1);
	run_threads(1, count, NULL);
	drop_work();
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), NULL), 0);
	CHECK_EQ(tally_hot_start(1), -1);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "hot_start: the runtime is not running");
	CHECK_EQ(tally_hot_stop(), -1);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "hot_stop: the runtime is not running");
	CHECK_EQ(ask(), 0);
	fixture_start();
	CHECK_EQ(ask(), 0);
	make_work();
	run_threads(1, count, NULL); // the next runtime begins without sampling
	CHECK_EQ(ask(), 0);
	drop_work();
}

// ---- the dead ----

static void drop_all(void *list, unsigned number)
{
	(void)number;
	CHECK_EQ(tally_list_clear(list), 0);
}

// More than the table holds, all dead when the report is made.
static void objects_that_have_died_are_only_addresses(void)
{
	begin(1);
	make_work();
	work.pairs[0] = SOON;
	run_threads(1, count, NULL);
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 2000; i++) {
		tally_object *object = counted(i);
		CHECK_EQ(tally_list_append(list, object), 0);
		tally_decref(object);
	}
	run_threads(2, drop_all, list);
	tally_decref(list);
	CHECK_EQ(tally_safepoint(), 0);
	size_t number = ask();
	CHECK(number <= PLACES);
	CHECK_EQ(number > 4, has_owners());
	for (size_t i = 1; i < number; i++) CHECK(report[i].samples <= report[i - 1].samples);
	if (has_owners()) CHECK_PTR(report[0].address, work.object[1]); // what is hot stays
	end();
	drop_work();
}

static void classes_that_have_died_have_no_name(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "thing"};
	tally_object *type = must(tally_class_new(&spec)), *thing = must(tally_call(type, NULL, 0));
	work.object[0] = thing;
	work.pairs[0] = 1000;
	begin(1);
	run_threads(1, count, NULL);
	end();
	const tally_hot *found = find(thing);
	CHECK_EQ(found != NULL, has_owners());
	if (found) CHECK_STR(found->type_name, "thing");
	tally_decref(thing);
	tally_decref(type);
	CHECK(tally_gc_collect(2) >= 0);
	found = find(thing);
	if (found) CHECK_STR(found->type_name, NULL);
	work.object[0] = NULL;
}

// ---- all at once ----

static atomic_int done;

static void count_and_ask(void *unused, unsigned number)
{
	if (number > 1) {
		for (int round = 0; round < 3; round++) count(unused, number);
		atomic_fetch_add(&done, 1);
		return;
	}
	while (atomic_load(&done) < 3) {
		if (number) begin(1 + (uint32_t)atomic_load(&done));
		tally_hot own[8];
		size_t seen = tally_hot_get(own, 8);
		for (size_t i = 0; i < seen && i < 8; i++)
			if (strcmp(own[i].type_name, "int") && strcmp(own[i].type_name, "str")) CHECK(false);
		tally_safepoint();
	}
}

static void threads_may_count_ask_and_start_at_the_same_time(void)
{
	make_work();
	atomic_store(&done, 0);
	run_threads(5, count_and_ask, NULL);
	end();
	drop_work();
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(the_hottest_comes_first);
	TAP_RUN(with_period_1_every_foreign_count_is_noted);
	TAP_RUN(the_owner_is_not_noted);
	TAP_RUN(what_is_spread_or_immortal_is_not_noted);
	TAP_RUN(what_was_noted_stays_until_the_next_start);
	TAP_RUN(another_period_counts_from_the_next_look_on);
	TAP_RUN(a_report_may_be_shorter_than_what_there_is);
	TAP_RUN(a_period_of_0_is_an_error);
	TAP_RUN(a_thread_need_not_be_attached);
	TAP_RUN(without_a_runtime_there_is_nothing_to_sample);
	TAP_RUN(objects_that_have_died_are_only_addresses);
	TAP_RUN(classes_that_have_died_have_no_name);
	TAP_RUN(threads_may_count_ask_and_start_at_the_same_time);
	return tap_end();
}
