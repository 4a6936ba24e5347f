// tests/gc_history.c: the record of the last collections (tally/gcwatch.h): what it holds, readers that are slow or late, waiting for
// the next one, and that the figures add up.
#include "nodes.h"
#include "turns.h"

#include <errno.h>
#include <tally/gcwatch.h>

enum { ROOM = TALLY_GC_HISTORY };
static tally_gc_collection records[ROOM];

static void collect(int generation) { CHECK(tally_gc_collect(generation) >= 0); }

static void collect_times(int times)
{
	for (int i = 0; i < times; i++) collect(i % 3);
}

// From the cursor on, into `records`; nothing has been missed.
static size_t read_all(uint64_t *cursor)
{
	uint64_t missed = 1;
	size_t count = tally_gc_history_read(cursor, records, ROOM, &missed);
	CHECK_EQ(missed, 0);
	return count;
}

// ---- what is recorded ----

static void a_runtime_begins_with_an_empty_record(void)
{
	uint64_t cursor = 0;
	CHECK_EQ(read_all(&cursor), 0);
	CHECK_EQ(cursor, 0);
	collect_times(3);
	fixture_stop();
	nodes_start();
	CHECK_EQ(read_all(&cursor), 0);
	CHECK_EQ(cursor, 0);
	collect(0);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(records[0].number, 1);
}

static void each_collection_is_recorded_with_what_it_did(void)
{
	uint64_t cursor = 0, before = now_ns();
	for (int generation = 0; generation <= 2; generation++) {
		drop_lists_in_themselves((size_t)generation + 5);
		CHECK_EQ(tally_gc_collect(generation), generation + 5);
	}
	uint64_t after = now_ns();
	CHECK_EQ(read_all(&cursor), 3);
	for (int i = 0; i < 3; i++) {
		const tally_gc_collection *one = &records[i];
		CHECK_EQ(one->number, i + 1);
		CHECK_EQ(one->generation, i);
		CHECK(!one->is_automatic && !one->has_failed);
		CHECK_EQ(one->collected, i + 5);
		CHECK(one->visited >= one->collected); // the trash at least
		CHECK(one->bytes >= one->collected * 16);
		CHECK_EQ(one->uncollectable + one->promoted, 0);
		CHECK_EQ(one->stops, 1);
		CHECK(one->start >= before && one->start + one->duration <= after);
		CHECK(one->pause[0] > 0 && one->to_safepoint[0] + one->pause[0] <= one->duration);
		CHECK_EQ(one->pause[1] + one->to_safepoint[1], 0);
		if (i) CHECK(one->start >= records[i - 1].start + records[i - 1].duration);
	}
}

static void automatic_collections_are_recorded_too(void)
{
	tally_object *kept = must(tally_list_new());
	uint64_t cursor = 0;
	set_thresholds(1000, 10, 10);
	tally_gc_enable();
	for (int i = 0; i < 10000 && !collections(); i++) push_own(kept, must(tally_list_new()));
	CHECK_EQ(read_all(&cursor), 1);
	CHECK(records[0].is_automatic);
	CHECK_EQ(records[0].generation, 0);
	tally_decref(kept);
}

static void a_collection_that_fails_is_recorded_as_failed(void)
{
	uint64_t cursor = 0;
	tally_object *list = list_in_itself();
	if (tally_heap_fail(1, true)) { // not offered by this build
		tally_error_clear();
	} else {
		CHECK_EQ(tally_gc_collect(2), -1);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		tally_error_clear();
		CHECK_EQ(read_all(&cursor), 1);
		CHECK(records[0].has_failed);
		CHECK_EQ(records[0].collected, 0);
		CHECK_EQ(records[0].number, 1);
	}
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK(!records[0].has_failed);
}

static void a_collection_that_runs_finalizers_has_two_stops(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	uint64_t cursor = 0;
	tally_decref(ring_of_nodes(type, 0, 5));
	collect(2);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(records[0].stops, 2);
	CHECK(records[0].pause[0] > 0 && records[0].pause[1] > 0 && records[0].pause[2] == 0);
	CHECK_EQ(records[0].collected, 5);
}

static void look_into_the_record(enum tally_gc_phase phase, const tally_gc_collection *collection, void *cursor)
{
	size_t count = read_all(cursor);
	CHECK_EQ(count, phase == TALLY_GC_STOP);
	if (count) CHECK(!memcmp(&records[0].number, &collection->number, sizeof collection->number));
	if (count) CHECK_EQ(records[0].duration, collection->duration);
}

static void a_callback_at_the_stop_finds_its_collection_in_the_record(void)
{
	uint64_t cursor = 0;
	int id = tally_gc_callback_add(look_into_the_record, &cursor);
	collect_times(5);
	CHECK_EQ(cursor, 5);
	CHECK_EQ(tally_gc_callback_remove(id), 0);
}

// ---- that it adds up ----

static void add_up(uint64_t *cursor, tally_gc_stats sums[3], uint64_t *stops, uint64_t *pause, uint64_t *to_safepoint)
{
	size_t count = read_all(cursor);
	for (size_t i = 0; i < count; i++) {
		const tally_gc_collection *one = &records[i];
		tally_gc_stats *sum = &sums[one->generation];
		*(one->has_failed ? &sum->failed : &sum->collections) += 1;
		sum->collected += one->collected;
		sum->uncollectable += one->uncollectable;
		*stops += one->stops;
		for (int stop = 0; stop < TALLY_GC_STOPS; stop++) {
			*pause += one->pause[stop];
			*to_safepoint += one->to_safepoint[stop];
		}
	}
}

static void make_trash(uint64_t *state)
{
	tally_object *type = node_type(below(state, 2) ? NODE_WHOLE : NODE_PLAIN);
	drop_lists_in_themselves(below(state, 20));
	if (below(state, 4) == 0) tally_decref(ring_of_nodes(type, 0, 1 + (int)below(state, 9)));
}

static void statistics_and_pauses_are_the_sums_of_the_record(void)
{
	uint64_t cursor = 0, stops = 0, pause = 0, to_safepoint = 0, state = fixture_seed(0);
	tally_gc_stats sums[3] = {{0}};
	for (int i = tap_scale(600); i > 0; i--) {
		make_trash(&state);
		bool fails = below(&state, 8) == 0 && tally_heap_fail(1, true) == 0;
		tally_gc_collect((int)below(&state, 3));
		if (fails) tally_heap_fail(0, false);
		tally_error_clear();
		if (below(&state, 50) == 0) add_up(&cursor, sums, &stops, &pause, &to_safepoint);
	}
	add_up(&cursor, sums, &stops, &pause, &to_safepoint);
	uint64_t of_each = 0;
	for (int generation = 0; generation < 3; generation++) {
		tally_gc_stats stats = stats_of(generation);
		tally_gc_pauses pauses = {.size = sizeof pauses};
		CHECK_EQ(tally_gc_get_pauses_of(generation, &pauses), 0);
		CHECK_EQ(stats.collections, sums[generation].collections);
		CHECK_EQ(stats.collected, sums[generation].collected);
		CHECK_EQ(stats.uncollectable, sums[generation].uncollectable);
		CHECK_EQ(stats.failed, sums[generation].failed);
		of_each += pauses.pause.total;
	}
	tally_gc_pauses pauses = {.size = sizeof pauses};
	CHECK_EQ(tally_gc_get_pauses(&pauses), 0);
	CHECK_EQ(pauses.count, stops);
	CHECK_EQ(pauses.pause.total, pause);
	CHECK_EQ(of_each, pause);
	CHECK_EQ(pauses.to_safepoint.total, to_safepoint);
	collect(2);
}

// A type without a clear: its cycles cannot be broken.
static void what_cannot_be_collected_is_in_the_record(void)
{
	tally_object *type = node_type(NODE_DEALLOC | NODE_TRAVERSE), *ring = ring_of_nodes(type, 0, 3);
	uint64_t cursor = 0;
	tally_decref(ring);
	CHECK_EQ(tally_gc_collect(2), 3);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(records[0].uncollectable, 3);
	CHECK_EQ(records[0].collected, 3);
	CHECK(records[0].stops >= 1 && records[0].stops <= TALLY_GC_STOPS);
	tally_object *garbage = must(tally_gc_garbage());
	size_t length = 0;
	CHECK_EQ(tally_len(garbage, &length), 0);
	CHECK_EQ(length, 3);
	for (ptrdiff_t i = 0; i < 3; i++) {
		tally_object *node = must(tally_list_get(garbage, i));
		node_unlink(node_of(node));
		tally_decref(node);
	}
	CHECK_EQ(tally_list_clear(garbage), 0);
}

// ---- cursors ----

static void a_reader_gets_each_collection_once_in_pieces_of_any_size(void)
{
	uint64_t cursor = 0, missed, last = 0, state = fixture_seed(1);
	for (int round = 0; round < 200; round++) {
		collect_times((int)below(&state, 8));
		size_t room = below(&state, 10), count = tally_gc_history_read(&cursor, records, room, &missed);
		CHECK(count <= room);
		CHECK_EQ(missed, 0);
		for (size_t i = 0; i < count; i++) CHECK_EQ(records[i].number, ++last);
		CHECK_EQ(cursor, last);
	}
	size_t rest = read_all(&cursor);
	CHECK_EQ(last + rest, collections());
	CHECK_EQ(read_all(&cursor), 0);
}

static void what_was_overwritten_is_counted_as_missed(void)
{
	uint64_t cursor = 0, late = 0, missed = 0;
	collect_times(3);
	CHECK_EQ(read_all(&cursor), 3);
	collect_times(TALLY_GC_HISTORY);
	uint64_t same = cursor;
	CHECK_EQ(read_all(&same), TALLY_GC_HISTORY); // just all
	collect_times(7);
	CHECK_EQ(tally_gc_history_read(&cursor, records, 10, &missed), 10);
	CHECK_EQ(missed, 7);
	CHECK_EQ(records[0].number, 11);
	CHECK_EQ(records[9].number, 20);
	CHECK_EQ(read_all(&cursor), TALLY_GC_HISTORY - 10);
	CHECK_EQ(records[0].number, 21);
	CHECK_EQ(tally_gc_history_read(&late, records, ROOM, &missed), ROOM);
	CHECK_EQ(missed, 10);
	CHECK_EQ(late, cursor);
	CHECK_EQ(late, TALLY_GC_HISTORY + 10);
}

static void a_read_without_room_copies_nothing_and_counts_what_is_missed(void)
{
	uint64_t cursor = 0, missed = 1;
	collect_times(5);
	CHECK_EQ(tally_gc_history_read(&cursor, NULL, 0, &missed), 0);
	CHECK_EQ(cursor, 0);
	CHECK_EQ(missed, 0);
	collect_times(TALLY_GC_HISTORY);
	CHECK_EQ(tally_gc_history_read(&cursor, NULL, 0, &missed), 0);
	CHECK_EQ(missed, 5);
	CHECK_EQ(cursor, 5);
	CHECK_EQ(read_all(&cursor), TALLY_GC_HISTORY);
	CHECK_EQ(tally_gc_history_read(&cursor, records, 1, NULL), 0);
}

static void a_cursor_beyond_the_end_begins_anew(void)
{
	uint64_t cursor = 1000;
	collect_times(2);
	CHECK_EQ(read_all(&cursor), 2);
	CHECK_EQ(cursor, 2);
	cursor = UINT64_MAX;
	CHECK_EQ(tally_gc_history_wait(cursor, 0), 1);
	CHECK_EQ(read_all(&cursor), 2);
}

// ---- the order of the ends ----

static stage at;

static void hold_up(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	reach(&at, 1);
	await(&at, 2);
}

static void *collect_slowly(void *unused)
{
	tally_token token = attached();
	(void)unused;
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_collection_that_goes_on_longer_is_recorded_after_a_later_one(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	uint64_t cursor = 0;
	reach(&at, 0);
	node_on_finalize = hold_up;
	tally_decref(ring_of_nodes(type, 0, 1));
	pthread_t thread = spawn(collect_slowly, NULL);
	await(&at, 1);
	collect(0);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(records[0].number, 2);
	CHECK_EQ(read_all(&cursor), 0);
	reach(&at, 2);
	finish(thread);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(records[0].number, 1);
	CHECK_EQ(records[0].stops, 2);
}

// ---- waiting ----

static void a_wait_for_what_is_there_returns_1_at_once(void)
{
	collect(0);
	CHECK_EQ(tally_gc_history_wait(0, 0), 1);
	CHECK_EQ(tally_gc_history_wait(0, UINT64_MAX), 1);
	CHECK_NO_ERROR();
}

static void a_wait_for_nothing_returns_0_after_its_time(void)
{
	collect(0);
	CHECK_EQ(tally_gc_history_wait(1, 0), 0);
	errno = EDOM;
	uint64_t before = now_ns();
	CHECK_EQ(tally_gc_history_wait(1, 3000000), 0);
	CHECK(now_ns() - before >= 3000000);
	CHECK_EQ(errno, EDOM);
	CHECK(tally_thread_is_attached());
	CHECK_NO_ERROR();
}

static struct {
	stage at;
	bool is_attached;
	uint64_t seen, timeout_ns;
	int result;
	enum tally_error_code code;
} waiter;

static void *wait_for_more(void *unused)
{
	tally_token token = {0};
	(void)unused;
	tally_thread_set_name("waiter");
	if (waiter.is_attached) token = attached();
	reach(&waiter.at, 1);
	while ((waiter.result = tally_gc_history_wait(waiter.seen, waiter.timeout_ns)) == 1) {
		tally_gc_collection one;
		while (tally_gc_history_read(&waiter.seen, &one, 1, NULL)) reach(&waiter.at, (unsigned)one.number + 1);
		if (waiter.is_attached && waiter.seen == 100) break;
	}
	waiter.code = tally_error_code();
	if (waiter.is_attached) CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static pthread_t start_waiter(bool is_attached)
{
	memset(&waiter, 0, sizeof waiter);
	waiter.is_attached = is_attached;
	waiter.timeout_ns = UINT64_MAX;
	pthread_t thread = spawn(wait_for_more, NULL);
	await(&waiter.at, 1);
	return thread;
}

// It sleeps, or is about to: either way it is not to miss any. An attached one holds up no collection.
static void a_waiter_is_woken_by_each_collection(void)
{
	pthread_t thread = start_waiter(true);
	for (unsigned i = 1; i <= 100; i++) {
		collect(0);
		if (i % 10) await(&waiter.at, i + 1);
	}
	finish(thread);
	CHECK_EQ(waiter.result, 1);
	CHECK_EQ(waiter.seen, 100);
}

static void a_waiter_that_is_not_attached_gets_all_and_is_told_of_the_end(void)
{
	pthread_t thread = start_waiter(false);
	collect_times(3);
	await(&waiter.at, 4);
	fixture_stop();
	finish(thread);
	CHECK_EQ(waiter.result, -1);
	CHECK_EQ(waiter.code, TALLY_ERROR_CLOSING);
	CHECK(waiter.seen > 3); // the end collects, too
	nodes_start();
}

static void after_the_end_the_record_can_be_read_and_then_nothing_is_waited_for(void)
{
	uint64_t cursor = 0;
	collect_times(3);
	fixture_stop();
	CHECK_EQ(tally_gc_history_wait(cursor, UINT64_MAX), 1);
	CHECK(read_all(&cursor) >= 3);
	CHECK_EQ(records[2].number, 3);
	CHECK_EQ(tally_gc_history_wait(cursor, UINT64_MAX), -1);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "gc_history_wait: the runtime is not running");
	CHECK_EQ(tally_gc_history_wait(cursor, 0), -1);
	tally_error_clear();
	nodes_start();
}

static void in_a_section_nobody_waits(void)
{
	tally_object *list = must(tally_list_new());
	tally_critical section;
	tally_read reading;
	collect(0);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_gc_history_wait(1, 0), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_history_wait: a critical section of this thread is open");
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_read_begin(&reading, list), 0);
	CHECK_EQ(tally_gc_history_wait(0, UINT64_MAX), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_history_wait: a read section of this thread is open");
	uint64_t cursor = 0;
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(tally_read_end(&reading), 0);
	tally_decref(list);
}

static void a_reader_and_a_waiter_need_no_memory(void)
{
	uint64_t cursor = 0;
	collect(0);
	bool offered = tally_heap_fail(1, true) == 0;
	CHECK_EQ(tally_gc_history_wait(0, 0), 1);
	CHECK_EQ(read_all(&cursor), 1);
	CHECK_EQ(tally_gc_history_wait(cursor, 1000), 0);
	if (offered) CHECK_EQ(tally_heap_fail(0, false), 0);
	tally_error_clear();
}

// ---- several threads ----

enum { COLLECTORS = 2, NUMBERS = 1 << 15 };
static atomic_uint running;

static void collect_often(void)
{
	for (int i = tap_scale(3000); i > 0; i--) {
		drop_lists_in_themselves(1);
		CHECK(tally_gc_collect(i % 64 ? 0 : 2) >= 0);
	}
	atomic_fetch_sub(&running, 1);
}

// Each collection comes once, or has been missed; and whole: what was written by one.
static uint64_t follow(size_t room, bool is_slow)
{
	static _Thread_local tally_gc_collection got[ROOM];
	static _Thread_local uint64_t seen[NUMBERS];
	uint64_t cursor = 0, missed = 0, lost = 0, count = 0;
	bool is_last;
	do {
		is_last = !atomic_load(&running);
		if (is_slow) collect(0);
		else CHECK(tally_gc_history_wait(cursor, 1000000) >= 0);
		size_t more = tally_gc_history_read(&cursor, got, room, &missed);
		for (size_t i = 0; i < more; i++) {
			CHECK(got[i].number > 0 && seen[got[i].number % NUMBERS] != got[i].number);
			CHECK(got[i].stops == 1 && got[i].pause[0] <= got[i].duration && got[i].generation % 2 == 0);
			seen[got[i].number % NUMBERS] = got[i].number;
		}
		count += more;
		lost += missed;
	} while (!is_last || tally_gc_history_wait(cursor, 0) == 1);
	CHECK_EQ(count + lost, cursor);
	return lost;
}

static void collect_or_read(void *context, unsigned number)
{
	(void)context;
	if (number < COLLECTORS) collect_often();
	else if (number == COLLECTORS) follow(ROOM, false);
	else follow(3, number % 2);
}

static void readers_of_any_speed_get_each_collection_once_or_count_it_as_missed(void)
{
	atomic_store(&running, COLLECTORS);
	run_threads(COLLECTORS + 2, collect_or_read, NULL);
	collect(2); // what those left that found somebody else collecting
	uint64_t cursor = 0, missed;
	size_t left = tally_gc_history_read(&cursor, records, ROOM, &missed);
	CHECK_EQ(missed + left, collections());
}

int main(void)
{
	fixture_begin(120);
	tap_before_each(nodes_start);
	TAP_RUN(a_runtime_begins_with_an_empty_record);
	TAP_RUN(each_collection_is_recorded_with_what_it_did);
	TAP_RUN(automatic_collections_are_recorded_too);
	TAP_RUN(a_collection_that_fails_is_recorded_as_failed);
	TAP_RUN(a_collection_that_runs_finalizers_has_two_stops);
	TAP_RUN(a_callback_at_the_stop_finds_its_collection_in_the_record);
	TAP_RUN(statistics_and_pauses_are_the_sums_of_the_record);
	TAP_RUN(what_cannot_be_collected_is_in_the_record);
	TAP_RUN(a_reader_gets_each_collection_once_in_pieces_of_any_size);
	TAP_RUN(what_was_overwritten_is_counted_as_missed);
	TAP_RUN(a_read_without_room_copies_nothing_and_counts_what_is_missed);
	TAP_RUN(a_cursor_beyond_the_end_begins_anew);
	TAP_RUN(a_collection_that_goes_on_longer_is_recorded_after_a_later_one);
	TAP_RUN(a_wait_for_what_is_there_returns_1_at_once);
	TAP_RUN(a_wait_for_nothing_returns_0_after_its_time);
	TAP_RUN(a_waiter_is_woken_by_each_collection);
	TAP_RUN(a_waiter_that_is_not_attached_gets_all_and_is_told_of_the_end);
	TAP_RUN(after_the_end_the_record_can_be_read_and_then_nothing_is_waited_for);
	TAP_RUN(in_a_section_nobody_waits);
	TAP_RUN(a_reader_and_a_waiter_need_no_memory);
	TAP_RUN(readers_of_any_speed_get_each_collection_once_or_count_it_as_missed);
	return tap_end();
}
