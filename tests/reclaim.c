// tests/reclaim.c: what waits to be freed because others might still be reading it: that it does not wait for long, whoever holds it
// up, however its thread goes away, and without memory; and what the report says of it (tally_retired_get).
//
// In every build. In `gil` nothing of this waits, and the tests find that; those in which a thread stays attached without
// making a call need a build in which that does not keep the others out, and run there only.
#include "fixture.h"
#include "turns.h"

enum {
	LITTLE = 1 << 18,   // bytes that a thread may leave waiting when nothing reminds it of them
	ELEMENTS = 100000,  // of a list whose array is more than that
};

static tally_retired_stats retired(void)
{
	tally_retired_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_retired_get(&stats), 0);
	return stats;
}

static uint64_t page_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.page_bytes;
}

// Comes to run points until no more than that waits: a watchdog strikes if it does not come to that.
static void await_retired(uint64_t bytes)
{
	while (retired().bytes > bytes) {
		CHECK_EQ(tally_safepoint(), 0);
		sched_yield();
	}
}

static void await_nothing_retired(void)
{
	while (retired().number > 0) {
		CHECK_EQ(tally_safepoint(), 0);
		sched_yield();
	}
}

// ---- containers that a second thread has used ----

static void touch_list(void *list, unsigned number)
{
	size_t size;
	(void)number;
	CHECK_EQ(tally_list_size(list, &size), 0);
	tally_decref(tally_list_get(list, 0));
	tally_error_clear();
}

static tally_object *shared_list(void)
{
	tally_object *list = must(tally_list_new());
	run_threads(1, touch_list, list);
	return list;
}

static void touch_dict(void *dict, unsigned number)
{
	(void)number;
	CHECK(tally_dict_contains(dict, tally_none()) >= 0);
}

static tally_object *shared_dict(void)
{
	tally_object *dict = must(tally_dict_new());
	run_threads(1, touch_dict, dict);
	return dict;
}

static void append_many(tally_object *list, int count)
{
	for (int i = 0; i < count; i++) CHECK_EQ(tally_list_append(list, tally_none()), 0);
}

// Gives up an array of more than LITTLE bytes; the list is empty afterwards.
static void retire_array(tally_object *list)
{
	append_many(list, ELEMENTS);
	CHECK_EQ(tally_list_clear(list), 0);
}

static void set_number(tally_object *dict, int64_t key)
{
	tally_object *number = counted(key);
	CHECK_EQ(tally_dict_set(dict, number, tally_none()), 0);
	tally_decref(number);
}

// ---- growth, and a reader who never leaves ----

static atomic_bool is_over;

struct reader {
	tally_object *container;
	stage at;
	int tid;
	pthread_t thread;
};

static void *read_list(void *argument)
{
	struct reader *reader = argument;
	tally_token token = attached();
	uint64_t random = fixture_seed(1);
	reach(&reader->at, 1);
	while (!atomic_load(&is_over)) {
		size_t size = 0;
		CHECK_EQ(tally_list_size(reader->container, &size), 0);
		tally_object *item = size ? tally_list_get(reader->container, (ptrdiff_t)below(&random, (unsigned)size)) : NULL;
		CHECK(!item || item == tally_none());
		tally_decref(item);
		tally_error_clear(); // it may have become shorter
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *read_dict(void *argument)
{
	struct reader *reader = argument;
	tally_token token = attached();
	tally_object *key = counted(3);
	reach(&reader->at, 1);
	while (!atomic_load(&is_over)) {
		tally_object *value = NULL;
		CHECK(tally_dict_get(reader->container, key, &value) >= 0);
		CHECK(!value || value == tally_none());
		tally_decref(value);
	}
	tally_decref(key);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void start_reader(struct reader *reader, tally_object *container, void *(*run)(void *))
{
	atomic_store(&is_over, false);
	*reader = (struct reader){.container = container};
	reader->thread = spawn(run, reader);
	await(&reader->at, 1);
}

static void stop_reader(struct reader *reader)
{
	atomic_store(&is_over, true);
	finish(reader->thread);
}

static void old_arrays_of_a_list_that_grows_for_ever_go_while_a_reader_never_leaves(void)
{
	struct reader reader;
	tally_object *list = shared_list();
	uint64_t most = 0, largest = 0;
	start_reader(&reader, list, read_list);
	for (int i = 0; i < tap_scale(1000000); i++) {
		CHECK_EQ(tally_list_append(list, tally_none()), 0);
		if (i % 64) continue;
		uint64_t bytes = retired().bytes;
		if (bytes > most) most = bytes;
		if (bytes > LITTLE) await_retired(LITTLE); // both make calls, and none is about retiring
		largest = (uint64_t)i * sizeof(void *);
	}
	CHECK(is_gil() ? most == 0 : most > 0);
	CHECK(most < 4 * largest + 4 * LITTLE);
	for (int i = 0; i < tap_scale(40); i++) { // and again and again, with an array of the same size
		append_many(list, ELEMENTS);
		CHECK_EQ(tally_list_clear(list), 0);
		await_retired(LITTLE);
	}
	stop_reader(&reader);
	tally_decref(list);
	await_nothing_retired();
	tap_note("at most %llu bytes waited", (unsigned long long)most);
}

static void old_tables_of_a_dict_that_grows_go_while_a_reader_never_leaves(void)
{
	struct reader reader;
	tally_object *dict = shared_dict();
	start_reader(&reader, dict, read_dict);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < tap_scale(50000); i++) {
			set_number(dict, i);
			if (i % 64 == 0) await_retired(LITTLE);
		}
		CHECK_EQ(tally_dict_clear(dict), 0); // its keys wait, too
		await_retired(LITTLE);
	}
	stop_reader(&reader);
	tally_decref(dict);
	CHECK_EQ(tally_gc_collect(2), 0); // also for what is too little to be thought of
	CHECK_EQ(retired().number, 0);
}

// ---- who holds them up ----

// Attached from stage 1 on, and makes no call before stage 2.
static void *stay_quiet(void *argument)
{
	struct reader *reader = argument;
	tally_thread_set_name("the quiet one");
	tally_token token = attached();
	reader->tid = (int)gettid();
	reach(&reader->at, 1);
	while (!has_reached(&reader->at, 2)) sched_yield();
	await_at_stop_points(&reader->at, 3);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_thread_that_makes_no_calls_is_named_and_all_goes_when_it_makes_one(void)
{
	struct reader reader;
	tally_object *list = shared_list();
	CHECK_EQ(retired().holder, 0);
	start_reader(&reader, NULL, stay_quiet);
	for (int i = 0; i < 3; i++) {
		retire_array(list);
		CHECK_EQ(tally_safepoint(), 0);
	}
	tally_retired_stats stats = retired();
	CHECK(stats.bytes >= 3 * ELEMENTS * sizeof(void *));
	CHECK(stats.number >= 3);
	CHECK_EQ(stats.holder, reader.tid);
	CHECK_STR(stats.holder_name, "the quiet one");
	CHECK(!stats.holder_reads);
	reach(&reader.at, 2);
	await_nothing_retired();
	CHECK_EQ(retired().holder, 0);
	CHECK_STR(retired().holder_name, "");
	reach(&reader.at, 3);
	finish(reader.thread);
	tally_decref(list);
}

static void *call_often(void *argument)
{
	struct reader *reader = argument;
	tally_token token = attached();
	reach(&reader->at, 1);
	await_at_stop_points(&reader->at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void among_several_threads_it_is_the_one_that_makes_no_calls(void)
{
	struct reader quiet, busy[2];
	tally_object *list = shared_list();
	start_reader(&busy[0], NULL, call_often);
	start_reader(&quiet, NULL, stay_quiet);
	start_reader(&busy[1], NULL, call_often);
	retire_array(list);
	while (retired().holder != quiet.tid) { // until the busy ones have made a call
		CHECK_EQ(tally_safepoint(), 0);
		sched_yield();
	}
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(tally_safepoint(), 0);
		CHECK_EQ(retired().holder, quiet.tid);
	}
	reach(&quiet.at, 3);
	finish(quiet.thread);
	await_nothing_retired();
	for (int i = 0; i < 2; i++) {
		reach(&busy[i].at, 2);
		finish(busy[i].thread);
	}
	tally_decref(list);
}

// In a read section from stage 1 to stage 2, and makes calls inside.
static void *read_long(void *argument)
{
	struct reader *reader = argument;
	tally_read section;
	tally_token token = attached();
	tally_thread_set_name("the reader");
	reader->tid = (int)gettid();
	CHECK_EQ(tally_read_begin(&section, reader->container), 0);
	tally_object *borrowed = tally_read_item(&section, 0);
	reach(&reader->at, 1);
	await_at_run_points(&reader->at, 2);
	CHECK_EQ(tally_refcount(borrowed), 1);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(tally_read_end(&section), 0);
	await_at_run_points(&reader->at, 3);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_thread_in_a_read_section_is_named_as_a_reader(void)
{
	struct reader reader;
	tally_object *type = fixture_probe_type(), *thing = probe(type, 0), *list = must(tally_list_from(&thing, 1));
	tally_decref(thing);
	start_reader(&reader, list, read_long);
	CHECK_EQ(tally_list_clear(list), 0);
	retire_array(list);
	for (int i = 0; i < 100; i++) CHECK_EQ(tally_safepoint(), 0);
	tally_retired_stats stats = retired();
	CHECK(stats.number >= 2);
	CHECK_EQ(stats.holder, reader.tid);
	CHECK(stats.holder_reads);
	CHECK_STR(stats.holder_name, "the reader");
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(retired().bytes, 0); // at a stop nobody is looking into a container; but what is borrowed is borrowed
	CHECK_EQ(retired().number, 1);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	reach(&reader.at, 2);
	await_nothing_retired();
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	reach(&reader.at, 3);
	finish(reader.thread);
	tally_decref(list);
	tally_decref(type);
}

// ---- threads that go away ----

struct writer {
	tally_object *list;
	stage at;
	bool ends; // else it goes into a blocking region
};

static void *retire_and_go(void *argument)
{
	struct writer *writer = argument;
	tally_token token = attached();
	retire_array(writer->list);
	if (!writer->ends) {
		CHECK_EQ(tally_blocking_begin(), 0);
		reach(&writer->at, 1);
		while (!has_reached(&writer->at, 2)) sched_yield();
		CHECK_EQ(tally_blocking_end(), 0);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	reach(&writer->at, 3);
	return NULL;
}

// The test's thread is attached and makes no call while the writer goes, so that it takes what it has retired with it.
static void leave_behind(struct writer *writer, bool ends, pthread_t *thread)
{
	*writer = (struct writer){.list = shared_list(), .ends = ends};
	*thread = spawn(retire_and_go, writer);
	while (!has_reached(&writer->at, ends ? 3 : 1)) sched_yield();
	CHECK(retired().bytes > LITTLE);
}

static void let_come_back(struct writer *writer, pthread_t thread)
{
	reach(&writer->at, writer->ends ? 3 : 2);
	finish(thread);
	tally_decref(writer->list);
}

static void what_a_thread_in_a_blocking_region_has_left_goes_by_what_another_does(void)
{
	struct writer writer;
	pthread_t thread;
	leave_behind(&writer, false, &thread);
	await_nothing_retired();
	let_come_back(&writer, thread);
}

static void what_a_thread_in_a_blocking_region_has_left_goes_in_a_collection(void)
{
	struct writer writer;
	pthread_t thread;
	leave_behind(&writer, false, &thread);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(retired().number, 0);
	let_come_back(&writer, thread);
}

static void what_a_thread_leaves_that_ends_goes_by_what_another_does(void)
{
	struct writer writer;
	pthread_t thread;
	leave_behind(&writer, true, &thread);
	await_nothing_retired();
	let_come_back(&writer, thread);
}

// Attached without a call until the end of the thread, which forgets to detach: nobody is left to think of what waits for it.
static void *end_quietly(void *argument)
{
	struct reader *reader = argument;
	attached();
	reach(&reader->at, 1);
	while (!has_reached(&reader->at, 2)) sched_yield();
	return NULL;
}

static void a_shutdown_takes_what_is_left(void)
{
	struct reader reader;
	uint64_t leaked = 1;
	tally_object *list = shared_list(), *dict = shared_dict();
	start_reader(&reader, NULL, end_quietly);
	retire_array(list);
	tally_object *key = text("a key that others may be comparing");
	CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
	tally_decref(key);
	CHECK_EQ(tally_dict_clear(dict), 0);
	tally_decref(dict);
	tally_decref(list);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK(retired().number >= 2);
	reach(&reader.at, 2);
	finish(reader.thread);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 0);
	fixture_start();
}

// ---- large objects ----

static tally_object *large_str(void)
{
	static char letters[100000];
	memset(letters, 'a', sizeof letters - 1);
	return text(letters);
}

static tally_object *large_tuple(void)
{
	static tally_object *items[5000];
	for (int i = 0; i < 5000; i++) items[i] = tally_none();
	return must(tally_tuple_new(items, 5000));
}

static void *read_and_drop(void *argument)
{
	struct reader *reader = argument;
	tally_token token = attached();
	reach(&reader->at, 1);
	while (!atomic_load(&is_over)) { // often it has the last reference
		tally_object *item = tally_list_get(reader->container, 0);
		CHECK(tally_is_str(item) || tally_is_tuple(item));
		tally_decref(item);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void pages_of_large_objects_go_back_whoever_drops_them_beside_a_reader(void)
{
	struct reader reader;
	enum { MUCH = 8 << 20 };
	tally_object *first = large_str(), *list = must(tally_list_from(&first, 1));
	tally_decref(first);
	start_reader(&reader, list, read_and_drop);
	uint64_t before = page_bytes(), most = 0;
	for (int i = 0; i < tap_scale(2000); i++) {
		tally_object *next = i % 2 ? large_str() : large_tuple();
		CHECK_EQ(tally_list_set(list, 0, next), 0);
		tally_decref(next);
		if (retired().bytes > MUCH / 2) await_retired(MUCH / 4);
		uint64_t now = i % 100 ? 0 : page_bytes();
		if (now > most) most = now;
	}
	CHECK(most < before + MUCH);
	stop_reader(&reader);
	CHECK_EQ(tally_list_clear(list), 0);
	await_nothing_retired();
	CHECK(page_bytes() < before);
	tally_decref(list);
}

static void *make_large_and_block(void *argument)
{
	struct reader *reader = argument;
	tally_token token = attached();
	for (int i = 0; i < 100; i++) {
		tally_object *object = i % 2 ? large_str() : large_tuple();
		CHECK_EQ(tally_list_append(reader->container, object), 0);
		tally_decref(object);
	}
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&reader->at, 1);
	while (!atomic_load(&is_over)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void pages_of_large_objects_of_a_thread_that_is_away_go_back(void)
{
	struct reader reader;
	tally_object *list = must(tally_list_new());
	uint64_t before = page_bytes();
	start_reader(&reader, list, make_large_and_block);
	CHECK(page_bytes() > before + 140 * 65536);
	CHECK_EQ(tally_list_clear(list), 0);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(retired().bytes, 0);
	CHECK(page_bytes() < before + 80 * 65536); // the list's array may have had pages of many sizes
	stop_reader(&reader);
	tally_decref(list);
}

static void one_thread_alone_has_the_page_of_a_large_object_back_at_its_next_point(void)
{
	uint64_t before = page_bytes();
	for (int i = 0; i < tap_scale(500); i++) {
		tally_object *object = large_tuple();
		tally_decref(object);
		CHECK_EQ(tally_safepoint(), 0);
		CHECK_EQ(retired().bytes, 0);
	}
	CHECK(page_bytes() <= before + (1 << 17));
}

// ---- pages of small objects ----

static void pages_whose_objects_have_died_serve_other_sizes(void)
{
	enum { SIZES = 8, ROUNDS = 20, PAGES = 3 * SIZES };
	static char bytes[8000];
	static tally_object *objects[4096];
	uint64_t before = page_bytes();
	for (int round = 0; round < ROUNDS; round++)
		for (size_t size = 200; size < sizeof bytes; size += sizeof bytes / SIZES) {
			size_t count = 2 * 65536 / size;
			for (size_t i = 0; i < count; i++) objects[i] = must(tally_bytes_new(bytes, size));
			for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
			CHECK_EQ(tally_safepoint(), 0);
			CHECK_EQ(tally_safepoint(), 0);
		}
	CHECK(page_bytes() < before + ((uint64_t)PAGES << 16));
}

// ---- without memory ----

// Too little to be thought of before there is more of it: only the constructor's want of memory brings it back.
static void what_is_retired_makes_room_under_the_limit(void)
{
	enum { FEW = 16000 };
	static char bytes[FEW * sizeof(void *) - 4096];
	tally_object *list = shared_list();
	append_many(list, FEW);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(tally_heap_limit_set(page_bytes()), 0);
	CHECK_EQ(tally_list_clear(list), 0);
	if (!is_gil()) CHECK(retired().bytes >= sizeof bytes);
	tally_object *object = tally_bytes_new(bytes, sizeof bytes);
	CHECK(object != NULL);
	CHECK_NO_ERROR();
	CHECK_EQ(tally_heap_limit_set(0), 0);
	tally_decref(object);
	tally_decref(list);
	await_nothing_retired();
}

// Takes out everything with the n-th allocation of each operation failing, and, if asked, all later ones.
static void take_out_without_memory(uint64_t n, bool all)
{
	uint64_t before = fixture_live_objects();
	tally_object *list = shared_list(), *dict = shared_dict();
	tally_object *type = fixture_probe_type();
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof name, "key %d", i);
		tally_object *key = text(name), *thing = probe(type, i);
		CHECK_EQ(tally_dict_set(dict, key, thing), 0);
		CHECK_EQ(tally_list_append(list, thing), 0);
		tally_decref(key);
		tally_decref(thing);
	}
	CHECK_EQ(tally_heap_fail(n, all), 0);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_heap_fail(n, all), 0);
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 20);
	tally_decref(list);
	tally_decref(dict);
	tally_decref(type);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(retired().number, 0);
	CHECK_EQ(fixture_live_objects(), before);
	CHECK_EQ(fixture_raw_buffers(), 0);
	CHECK_NO_ERROR();
}

static void what_cannot_be_kept_for_want_of_memory_goes_in_a_stopped_world(void)
{
	for (uint64_t n = 1; n < 24; n++) {
		take_out_without_memory(n, false);
		take_out_without_memory(n, true);
	}
}

// The same beside a reader, who is not to see anything that has gone.
static void nothing_goes_too_early_for_want_of_memory(void)
{
	struct reader reader;
	tally_object *list = shared_list();
	append_many(list, 100);
	start_reader(&reader, list, read_list);
	for (int i = 0; i < tap_scale(3000); i++) {
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK_EQ(tally_list_clear(list), 0);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		append_many(list, 100);
	}
	stop_reader(&reader);
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 0);
}

// ---- the report ----

static void a_thread_s_own_section_is_named_too(void)
{
	tally_object *number = counted(1), *list = must(tally_list_from(&number, 1));
	tally_read section;
	tally_decref(number);
	tally_thread_set_name("myself");
	CHECK_EQ(tally_read_begin(&section, list), 0);
	number = tally_read_item(&section, 0);
	CHECK_EQ(tally_list_clear(list), 0);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(value_of(number), COUNTED + 1);
	tally_retired_stats stats = retired();
	CHECK(stats.number >= 1);
	if (is_gil()) { // in the others nobody has had to wait for it so far
		CHECK_EQ(stats.holder, (int)gettid());
		CHECK(stats.holder_reads);
		CHECK_STR(stats.holder_name, "myself");
	}
	CHECK_EQ(tally_read_end(&section), 0);
	tally_thread_set_name(NULL);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(retired().number, 0);
	CHECK_EQ(retired().holder, 0);
	tally_decref(list);
}

static void the_report_wants_its_size_and_a_runtime(void)
{
	tally_retired_stats stats = {.size = sizeof stats - 1, .number = 7};
	char expected[128];
	snprintf(expected, sizeof expected, "retired_get: size is %zu, expected sizeof(tally_retired_stats), %zu", sizeof stats - 1,
	         sizeof stats);
	CHECK_EQ(tally_retired_get(&stats), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, expected);
	CHECK_EQ(stats.number, 7);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	stats = (tally_retired_stats){.size = sizeof stats, .number = 7, .holder = 7, .holder_reads = true, .holder_name = "x"};
	CHECK_EQ(tally_retired_get(&stats), 0); // a thread need not be attached
	CHECK(stats.number == 0 && stats.bytes == 0 && stats.holder == 0 && !stats.holder_reads);
	CHECK_STR(stats.holder_name, "");
	CHECK_EQ(tally_fini(0, NULL), 0);
	CHECK_EQ(tally_retired_get(&stats), -1);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "retired_get: the runtime is not running");
	fixture_start();
}

static void run_with_quiet_threads(void)
{
	TAP_RUN(a_thread_that_makes_no_calls_is_named_and_all_goes_when_it_makes_one);
	TAP_RUN(among_several_threads_it_is_the_one_that_makes_no_calls);
	TAP_RUN(a_thread_in_a_read_section_is_named_as_a_reader);
	TAP_RUN(what_a_thread_in_a_blocking_region_has_left_goes_by_what_another_does);
	TAP_RUN(what_a_thread_in_a_blocking_region_has_left_goes_in_a_collection);
	TAP_RUN(what_a_thread_leaves_that_ends_goes_by_what_another_does);
	TAP_RUN(a_shutdown_takes_what_is_left);
}

static void run_with_faults(void)
{
	TAP_RUN(what_cannot_be_kept_for_want_of_memory_goes_in_a_stopped_world);
	TAP_RUN(nothing_goes_too_early_for_want_of_memory);
}

static bool has_faults(void)
{
	bool has = tally_heap_fail(0, false) == 0;
	tally_error_clear();
	return has;
}

int main(void)
{
	fixture_begin(240);
	TAP_RUN(old_arrays_of_a_list_that_grows_for_ever_go_while_a_reader_never_leaves);
	TAP_RUN(old_tables_of_a_dict_that_grows_go_while_a_reader_never_leaves);
	if (is_gil()) tap_skip("threads that are attached and make no calls", "they would keep all others out");
	else run_with_quiet_threads();
	TAP_RUN(pages_of_large_objects_go_back_whoever_drops_them_beside_a_reader);
	TAP_RUN(pages_of_large_objects_of_a_thread_that_is_away_go_back);
	TAP_RUN(one_thread_alone_has_the_page_of_a_large_object_back_at_its_next_point);
	TAP_RUN(pages_whose_objects_have_died_serve_other_sizes);
	TAP_RUN(what_is_retired_makes_room_under_the_limit);
	if (has_faults()) run_with_faults();
	else tap_skip("retiring without memory", "no faults on demand in this build");
	TAP_RUN(a_thread_s_own_section_is_named_too);
	TAP_RUN(the_report_wants_its_size_and_a_runtime);
	return tap_end();
}
