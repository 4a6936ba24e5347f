// tests/gc_due.c: when a collection is due (core/due.h): thresholds at their ends, switches that nest and that threads race for,
// the byte threshold, both modes, that the total work is linear in what is allocated, and what an automatic collection must
// not disturb. That thresholds, disabling and sections do what they say in the usual case is in tests/gc.c.
#include "turns.h"
#include "weakrefs.h"

#include <errno.h>
#include <tally/cleanup.h>
#include <tally/gcwatch.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

// ---- helpers ----

static void on(uint32_t first, uint32_t second, uint32_t third)
{
	set_thresholds(first, second, third);
	tally_gc_enable();
}

static uint64_t page_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.page_bytes;
}

// How many collections making so many cyclic lists brings about.
static uint64_t collections_by(size_t lists)
{
	uint64_t before = collections();
	drop_lists_in_themselves(lists);
	return collections() - before;
}

static void all_off(void)
{
	tally_gc_disable();
	CHECK(tally_gc_collect(2) >= 0);
}

// ---- thresholds ----

static void the_largest_thresholds_are_never_reached(void)
{
	on(UINT32_MAX, UINT32_MAX, UINT32_MAX);
	CHECK_EQ(collections_by(tap_scale((size_t)100000)), 0);
	all_off();
}

static void a_generation_whose_threshold_is_0_is_taken_every_second_time(void)
{
	on(100, 0, UINT32_MAX);
	drop_lists_in_themselves(5000);
	uint64_t young = stats_of(0).collections, middle = stats_of(1).collections;
	CHECK(middle > 5);
	CHECK(young >= middle && young <= middle + 1);
	CHECK_EQ(stats_of(2).collections, 0);
	all_off();
}

static void a_generation_whose_threshold_is_the_largest_is_never_taken(void)
{
	on(50, UINT32_MAX, 0);
	drop_lists_in_themselves(10000);
	CHECK(stats_of(0).collections > 50);
	CHECK_EQ(stats_of(1).collections + stats_of(2).collections, 0);
	all_off();
}

// A threshold of 1: at nearly every constructor.
static void the_smallest_threshold_collects_all_the_time(void)
{
	on(1, 10, 10);
	CHECK(collections_by(1000) >= 300);
	CHECK(tracked_objects() < 100);
	all_off();
}

static void a_threshold_that_was_0_is_obeyed_when_it_is_set_again(void)
{
	on(0, 10, 10);
	CHECK_EQ(collections_by(3000), 0);
	set_thresholds(100, 10, 10);
	CHECK(collections_by(1000) > 0);
	set_thresholds(0, 0, 0);
	CHECK_EQ(collections_by(3000), 0);
	set_thresholds(UINT32_MAX, 10, 10);
	CHECK_EQ(collections_by(3000), 0);
	set_thresholds(100, 10, 10);
	CHECK(collections_by(1000) > 0);
	all_off();
}

// What a collection asked for has done counts for the automatic ones, too.
static void collections_that_were_asked_for_count(void)
{
	uint64_t count[3];
	set_thresholds(100, 3, 10);
	for (int i = 0; i < 4; i++) CHECK_COLLECT(0, 0);
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK_EQ(count[1], 4);
	tally_gc_enable();
	uint64_t middle = stats_of(1).collections;
	drop_lists_in_themselves(200);
	CHECK_EQ(stats_of(1).collections, middle + 1);
	all_off();
}

// ---- switches ----

static void suspends_nest(void)
{
	on(50, 10, 10);
	CHECK(!tally_gc_is_suspended());
	for (int i = 0; i < 3; i++) tally_gc_suspend();
	for (int i = 0; i < 3; i++) {
		CHECK(tally_gc_is_suspended());
		CHECK_EQ(collections_by(1000), 0);
		CHECK_EQ(tally_gc_resume(), 0);
	}
	CHECK(!tally_gc_is_suspended());
	CHECK(collections_by(1000) > 0);
	all_off();
}

static void a_resume_without_a_suspend_is_refused_and_changes_nothing(void)
{
	on(50, 10, 10);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_gc_resume(), -1);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
		CHECK(strncmp(tally_error_message(), "gc_resume: ", 11) == 0);
		tally_error_clear();
	}
	CHECK(collections_by(1000) > 0);
	tally_gc_suspend();
	CHECK_EQ(collections_by(1000), 0); // the refused ones were not saved up
	CHECK_EQ(tally_gc_resume(), 0);
	CHECK_EQ(tally_gc_resume(), -1);
	tally_error_clear();
	all_off();
}

static void suspending_and_disabling_leave_one_another_alone(void)
{
	on(50, 10, 10);
	tally_gc_suspend();
	CHECK(tally_gc_is_enabled());
	tally_gc_disable();
	CHECK_EQ(tally_gc_resume(), 0);
	CHECK(!tally_gc_is_enabled());
	CHECK_EQ(collections_by(1000), 0);
	tally_gc_suspend();
	tally_gc_enable();
	CHECK(tally_gc_is_suspended());
	CHECK_EQ(collections_by(1000), 0);
	set_thresholds(20, 2, 2); // no setting gets round it
	tally_gc_set_byte_threshold(64 * KIB);
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	CHECK_EQ(collections_by(1000), 0);
	CHECK(tally_gc_collect(2) > 0); // asked for, it works
	CHECK_EQ(tally_gc_resume(), 0);
	CHECK(collections_by(1000) > 0);
	all_off();
}

static void a_scope_suspends_until_it_ends(void)
{
	on(50, 10, 10);
	for (int i = 0; i < 3; i++) {
		TALLY_AUTO_GC_SUSPENDED;
		CHECK_EQ(collections_by(500), 0);
		if (i == 1) continue;
		TALLY_AUTO_GC_SUSPENDED;
		CHECK_EQ(collections_by(500), 0);
	}
	CHECK(!tally_gc_is_suspended());
	CHECK(collections_by(1000) > 0);
	all_off();
}

static void suspend_here(void) { tally_gc_suspend(); }
static void resume_here(void) { CHECK_EQ(tally_gc_resume(), 0); }

static void one_thread_may_resume_what_another_has_suspended(void)
{
	on(50, 10, 10);
	run_unattached(suspend_here);
	CHECK(tally_gc_is_suspended());
	CHECK_EQ(collections_by(1000), 0);
	tally_gc_suspend();
	run_unattached(resume_here);
	CHECK_EQ(collections_by(1000), 0);
	run_unattached(resume_here);
	drop_lists_in_themselves(20000); // others follow when they next need a page
	CHECK(collections_by(1000) > 0);
	all_off();
}

// Threads that are not even attached switch at once. What is published in the end must be what was set in the end.
enum { SWITCHERS = 3 };
static void switch_in_pairs(void *unused, unsigned number)
{
	(void)unused;
	for (int i = 0; i < 30; i++) {
		if (number % 2) tally_gc_suspend(), tally_gc_resume();
		else tally_gc_disable(), tally_gc_enable();
	}
}

static pthread_barrier_t switch_barrier;
static void *switch_unattached(void *number)
{
	pthread_barrier_wait(&switch_barrier);
	switch_in_pairs(NULL, (unsigned)(uintptr_t)number);
	return NULL;
}

static void switches_that_threads_race_for_are_obeyed_in_the_end(void)
{
	const int rounds = tap_scale(400);
	pthread_barrier_init(&switch_barrier, NULL, SWITCHERS);
	on(10, 10, 10);
	for (int round = 0; round < rounds; round++) {
		pthread_t thread[SWITCHERS - 1];
		bool pairs_only = round % 2;
		for (unsigned i = 0; i < SWITCHERS - 1; i++) thread[i] = spawn(switch_unattached, (void *)(uintptr_t)(pairs_only ? 1 : i + 1));
		pthread_barrier_wait(&switch_barrier);
		switch_in_pairs(NULL, 1);
		for (unsigned i = 0; i < SWITCHERS - 1; i++) finish(thread[i]);
		if (!CHECK(tally_gc_is_enabled()) || !CHECK(!tally_gc_is_suspended())) break;
		if (!CHECK(collections_by(5000) > 0)) break;
	}
	pthread_barrier_destroy(&switch_barrier);
	all_off();
}

static stage suspenders;
static void *resume_last(void *unused)
{
	(void)unused;
	reach(&suspenders, 1);
	CHECK_EQ(tally_gc_resume(), 0);
	return NULL;
}

// One resumes while another suspends: it is suspended then, whatever was read in between.
static void a_suspend_beside_a_resume_is_obeyed(void)
{
	const int rounds = tap_scale(400);
	on(10, 10, 10);
	for (int round = 0; round < rounds; round++) {
		tally_gc_suspend();
		reach(&suspenders, 0);
		pthread_t thread = spawn(resume_last, NULL);
		while (!has_reached(&suspenders, 1))
			;
		tally_gc_suspend();
		finish(thread);
		bool obeyed = CHECK(tally_gc_is_suspended()) && CHECK_EQ(collections_by(300), 0);
		CHECK_EQ(tally_gc_resume(), 0);
		CHECK(tally_gc_collect(2) >= 0);
		if (!obeyed) break;
	}
	all_off();
}

static void a_new_runtime_has_the_usual_switches(void)
{
	tally_gc_suspend();
	tally_gc_suspend();
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	tally_gc_set_byte_threshold(5);
	tally_gc_set_budget(7);
	fixture_stop();
	fixture_start();
	CHECK(!tally_gc_is_suspended());
	CHECK_EQ(tally_gc_get_mode(), TALLY_GC_GENERATIONAL);
	CHECK_EQ(tally_gc_get_byte_threshold(), 64 * MIB);
	CHECK_EQ(tally_gc_get_budget(), 30000);
	CHECK_EQ(tally_gc_resume(), -1);
	tally_error_clear();
	tally_gc_disable();
}

static void settings_of_every_kind(void)
{
	static const uint64_t values[] = {0, 1, 30000, UINT32_MAX, UINT64_MAX, 12345};
	for (int i = 0; i < 6; i++) {
		tally_gc_set_budget(values[i]);
		CHECK_EQ(tally_gc_get_budget(), values[i]);
		tally_gc_set_byte_threshold(values[i]);
		CHECK_EQ(tally_gc_get_byte_threshold(), values[i]);
	}
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	CHECK_EQ(tally_gc_get_mode(), TALLY_GC_FULL);
	for (int bad = -1; bad < 5; bad += 3) {
		CHECK_EQ(tally_gc_set_mode((enum tally_gc_mode)bad), -1);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
		tally_error_clear();
	}
	CHECK_EQ(tally_gc_get_mode(), TALLY_GC_FULL);
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_GENERATIONAL), 0);
}

static void settings_can_be_read_and_set_in_any_state(void)
{
	run_unattached(settings_of_every_kind);
	settings_of_every_kind();
	CHECK_EQ(tally_blocking_begin(), 0);
	settings_of_every_kind();
	CHECK_EQ(tally_blocking_end(), 0);
}

// No bound at all, and limits that overflow when they are added up.
static void the_largest_byte_threshold_is_never_reached(void)
{
	on(UINT32_MAX, 10, 10);
	tally_gc_set_byte_threshold(UINT64_MAX);
	CHECK_EQ(collections_by(tap_scale((size_t)50000)), 0);
	CHECK_EQ(tally_gc_collect(2), tap_scale((size_t)50000));
	CHECK_EQ(collections_by(tap_scale((size_t)50000)), 0);
	all_off();
}

// ---- bytes ----

enum { BIG = 32 * KIB }; // items: 256 KiB

static tally_object *big_list(void)
{
	static _Thread_local tally_object *items[BIG];
	for (int i = 0; i < BIG; i++) items[i] = tally_none();
	return must(tally_list_from(items, BIG));
}

static tally_object *big_cycle(void)
{
	tally_object *list = big_list();
	push(list, list);
	return list;
}

static tally_object *node_types[2];

// A host object in a cycle: it dies after the world has been started again.
static tally_object *big_cycle_of_the_hosts(void)
{
	tally_object *node = ring_of_nodes(node_types[0], NODE_IDS, 1), *list = big_list();
	node_link(node, 1, list);
	tally_decref(list);
	return node;
}

static tally_object *big_cycle_with_finalizer(void)
{
	tally_object *node = ring_of_nodes(node_types[1], NODE_IDS, 1), *list = big_list();
	node_link(node, 1, list);
	tally_decref(list);
	return node;
}

static void make_node_types(void)
{
	node_types[0] = node_type(NODE_PLAIN);
	node_types[1] = node_type(NODE_WHOLE);
}

// Makes so many, each living while `held` more are made. Returns the most bytes that pages took beyond those at the start.
static uint64_t churn(tally_object *(*make)(void), int count, int held)
{
	tally_object *ring[64] = {0};
	uint64_t start = page_bytes(), most = start;
	for (int i = 0; i < count; i++) {
		tally_object **place = &ring[held ? i % held : 0];
		tally_decref(*place);
		*place = make();
		if (!held) tally_decref(*place), *place = NULL;
		uint64_t now = page_bytes();
		if (now > most) most = now;
	}
	for (int i = 0; i < held; i++) tally_decref(ring[i]);
	return most - start;
}

static void a_few_cycles_with_huge_buffers_are_collected_before_the_threshold(void)
{
	on(700, 10, 10);
	tally_gc_set_byte_threshold(4 * MIB);
	uint64_t most = churn(big_cycle, tap_scale(400), 0); // 100 MiB
	CHECK(collections() > 0);
	CHECK(most < 12 * MIB);
	tap_note("%llu KiB at most, %llu collections", (unsigned long long)most / KIB, (unsigned long long)collections());
	all_off();
}

static void without_a_byte_threshold_they_wait(void)
{
	on(700, 10, 10);
	tally_gc_set_byte_threshold(0);
	churn(big_cycle, 40, 0);
	CHECK_EQ(collections(), 0);
	CHECK_COLLECT(2, 40);
	tally_gc_set_byte_threshold(4 * MIB); // from the last collection on
	churn(big_cycle, 8, 0);
	CHECK_EQ(collections(), 1);
	churn(big_cycle, 30, 0);
	CHECK(collections() > 1);
	all_off();
}

// Garbage with callbacks gives its pages back after the world has been started: the next limit must not include it.
static void memory_stays_bounded_when_huge_garbage_has_callbacks(void)
{
	make_node_types();
	for (int kind = 0; kind < 2; kind++) {
		on(700, 10, 10);
		tally_gc_set_byte_threshold(4 * MIB);
		uint64_t most = churn(kind ? big_cycle_with_finalizer : big_cycle_of_the_hosts, tap_scale(2000), 0);
		CHECK(most < 24 * MIB);
		tap_note("%llu KiB at most", (unsigned long long)most / KIB);
		all_off();
	}
}

// It is garbage only when it has become old: everything must be collected now and then. Where there is no lock buffers also wait
// for readers: they must not count as what a collection has left alive.
static void memory_stays_bounded_when_huge_garbage_is_old(void)
{
	make_node_types();
	tally_object *(*const make[])(void) = {big_cycle, big_cycle_of_the_hosts, big_cycle_with_finalizer};
	for (int kind = 0; kind < 3; kind++) {
		on(700, 10, 10);
		tally_gc_set_byte_threshold(4 * MIB);
		uint64_t most = churn(make[kind], tap_scale(1200), 40); // 10 MiB live
		CHECK(most < 48 * MIB);
		tap_note("%llu KiB at most", (unsigned long long)most / KIB);
		all_off();
	}
}

static void memory_stays_bounded_in_mode_full(void)
{
	make_node_types();
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	on(700, 10, 10);
	tally_gc_set_byte_threshold(4 * MIB);
	uint64_t most = churn(big_cycle_with_finalizer, tap_scale(1200), 40);
	CHECK(most < 48 * MIB);
	tap_note("%llu KiB at most", (unsigned long long)most / KIB);
	all_off();
}

static void churn_big(void *unused, unsigned number)
{
	(void)unused;
	(void)number;
	const int rounds = tap_scale(150);
	for (int i = 0; i < rounds; i++) tally_decref(big_cycle());
}

static void memory_stays_bounded_with_several_threads(void)
{
	uint64_t start = page_bytes();
	on(700, 10, 10);
	tally_gc_set_byte_threshold(4 * MIB);
	run_threads(4, churn_big, NULL);
	CHECK(collections() > 0);
	tally_gc_disable();
	CHECK(page_bytes() - start < 48 * MIB); // of 150
	all_off();
}

// Pages come and go without growing: nothing is due.
static void a_heap_that_does_not_grow_is_not_collected_for_its_bytes(void)
{
	on(100000, 10, 10);
	tally_gc_set_byte_threshold(4 * MIB);
	for (int i = 0; i < 400; i++) tally_decref(big_list());
	CHECK_EQ(collections(), 0);
	all_off();
}

// ---- the work of all collections together ----

static _Atomic uint64_t traversals;

static void count_traversal(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	atomic_fetch_add_explicit(&traversals, 1, memory_order_relaxed);
	visit(*(tally_object **)payload, visit_context);
}

static void drop_payload(void *payload, void *context)
{
	tally_object *object = *(tally_object **)payload;
	(void)context;
	*(tally_object **)payload = NULL;
	tally_decref(object);
}

static tally_object *counted_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "link",
		.payload_size = sizeof(tally_object *),
		.dealloc = drop_payload,
		.traverse = count_traversal,
		.clear = drop_payload,
	};
	atomic_store(&traversals, 0);
	return must(tally_host_type_new(&description));
}

// A heap of so many objects that live; every fourth is a host object that says when it is examined, the others are lists. Returns how
// often one of the former was traversed on average.
static double build_heap(size_t count)
{
	tally_object *type = counted_type(), *all = must(tally_list_new());
	uint64_t before = collections();
	for (size_t i = 0; i < count; i++) {
		tally_object *object = i % 4 ? must(tally_list_new()) : must(tally_host_new(type));
		push_own(all, object);
	}
	double work = (double)atomic_load(&traversals) / (double)(count / 4);
	tap_note("%zu objects: %llu collections, each object traversed %.1f times", count,
	         (unsigned long long)(collections() - before), work);
	tally_decref(all);
	CHECK(tally_gc_collect(2) >= 0);
	return work;
}

// Each object is examined a few times, however many there are; twice each time: subtract, mark. The numbers are the same each time, and
// go up by steps, so there are as many objects whatever the scale.
static void the_work_of_all_collections_is_linear(void)
{
	const size_t count = 100000;
	for (int mode = TALLY_GC_GENERATIONAL; mode <= TALLY_GC_FULL; mode++)
		for (int bytes = 0; bytes < 2; bytes++) {
			CHECK_EQ(tally_gc_set_mode((enum tally_gc_mode)mode), 0);
			tally_gc_set_byte_threshold(bytes ? 256 * KIB : 64 * MIB);
			on(700, bytes ? 2 : 10, bytes ? 2 : 10);
			build_heap(count / 8); // the memory of the collections is there then
			double half = build_heap(count / 2), whole = build_heap(count);
			CHECK(whole < 30);
			CHECK(whole < half * 1.4 + 2);
			CHECK(stats_of(2).collections > 1);
			all_off();
		}
}

// ---- mode full ----

static void in_mode_full_everything_is_examined_each_time(void)
{
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	on(100, 10, 10);
	drop_lists_in_themselves(5000);
	CHECK(stats_of(2).collections >= 30);
	CHECK_EQ(stats_of(0).collections + stats_of(1).collections, 0);
	all_off();
}

static void in_mode_full_a_quarter_must_have_been_added(void)
{
	const size_t live = 20000;
	tally_object *old = must(tally_list_new());
	for (size_t i = 0; i < live; i++) push_own(old, must(tally_list_new()));
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	CHECK_COLLECT(2, 0);
	on(100, 10, 10);
	CHECK_EQ(collections_by(live / 4 - 100), 0);
	CHECK_EQ(collections_by(500), 1);
	CHECK_EQ(stats_of(2).collections, 2);
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_GENERATIONAL), 0); // seen at once
	CHECK(collections_by(1000) >= 5);
	CHECK(stats_of(0).collections >= 5);
	CHECK_EQ(tally_gc_set_mode(TALLY_GC_FULL), 0);
	CHECK_EQ(collections_by(live / 8), 0);
	tally_gc_disable();
	tally_decref(old);
	all_off();
}

// ---- sections ----

static uint64_t collections_in_section;

static void nothing_is_due_inside_sections_of_either_kind(void)
{
	tally_object *list = must(tally_list_new());
	tally_critical critical;
	tally_read reading;
	on(10, 2, 2);
	tally_gc_set_byte_threshold(64 * KIB);
	CHECK_EQ(tally_critical_begin(&critical, list), 0);
	collections_in_section = collections_by(3000);
	tally_safepoint();
	CHECK_EQ(collections_in_section, 0);
	CHECK_EQ(tally_critical_end(&critical), 0);
	CHECK(collections_by(100) > 0);
	uint64_t before = collections();
	CHECK_EQ(tally_read_begin(&reading, list), 0);
	for (int i = 0; i < 3000; i++) tally_decref(list_in_itself());
	tally_safepoint();
	CHECK_EQ(collections(), before);
	CHECK_EQ(tally_read_end(&reading), 0);
	CHECK(collections_by(100) > 0);
	tally_decref(list);
	all_off();
}

// ---- threads ----

enum { MAKERS = 8, EACH = 2000 };
static _Atomic uint64_t most_tracked;

static void make_cycles(void *unused, unsigned number)
{
	const int rounds = tap_scale(200);
	(void)unused;
	for (int i = 0; i < rounds; i++) {
		drop_lists_in_themselves(EACH / 10);
		if (number) continue;
		uint64_t now = tracked_objects();
		if (now > atomic_load(&most_tracked)) atomic_store(&most_tracked, now);
	}
}

// The count is kept by page and told in parts: what it may run over is bounded by the number of threads.
static void many_threads_pass_the_threshold_by_a_bounded_number(void)
{
	atomic_store(&most_tracked, 0);
	on(EACH, 10, 10);
	run_threads(MAKERS, make_cycles, NULL);
	tap_note("at most %llu tracked objects with threshold %d and %d threads", (unsigned long long)atomic_load(&most_tracked),
	         EACH, MAKERS);
	CHECK(atomic_load(&most_tracked) < (8 + MAKERS) * EACH);
	CHECK(collections() > 0);
	all_off();
}

static void make_kept(void *kept, unsigned number)
{
	(void)number;
	const int rounds = tap_scale(4000);
	for (int i = 0; i < rounds; i++) push_own(kept, must(tally_list_new()));
}

// Each thread makes less than the threshold, all together more.
static void what_several_threads_make_is_added_up(void)
{
	tally_object *kept = must(tally_list_new());
	on(tap_scale(6000u), 10, 10);
	run_threads(4, make_kept, kept);
	drop_lists_in_themselves(500);
	CHECK(collections() >= 1);
	CHECK(collections() <= 8);
	tally_gc_disable();
	tally_decref(kept);
	all_off();
}

// ---- what an automatic collection must not disturb ----

static atomic_uint unraisable_calls;

static void spoil(void)
{
	tally_error_set(TALLY_ERROR_INDEX, "left behind");
	errno = ENOSYS;
}

static void spoil_and_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	(void)code, (void)message, (void)operation, (void)source, (void)context;
	atomic_fetch_add(&unraisable_calls, 1);
	spoil();
}

static void spoil_in_finalizer(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	spoil();
}

static void spoil_in_hook(const char *line, tally_object *object, void *context)
{
	(void)line, (void)object, (void)context;
	spoil();
}

static void spoil_in_callback(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	(void)phase, (void)collection, (void)context;
	spoil();
}

static tally_object *spoil_when_told(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	spoil();
	return NULL;
}

// A cycle in which everything that the host can hang in is hung in.
static tally_object *spoiling_cycle(tally_object *type, tally_object *callback, tally_object *refs)
{
	tally_object *node = ring_of_nodes(type, NODE_IDS, 2), *self = only_instance(CLASS(.name = "spoiler"));
	set_attr(self, "self", self);
	set_attr(self, "node", node);
	push_own(refs, weakref(self, callback));
	tally_decref(self);
	return node;
}

static void errors_and_errno_are_as_before_whatever_runs(void)
{
	tally_object *type = node_type(NODE_WHOLE), *callback = callable(spoil_when_told, NULL, NULL), *refs = must(tally_list_new());
	atomic_store(&unraisable_calls, 0);
	tally_unraisable_set(spoil_and_report, NULL);
	CHECK_EQ(tally_gc_set_debug(TALLY_GC_DEBUG_STATS | TALLY_GC_DEBUG_COLLECTABLE | TALLY_GC_DEBUG_UNCOLLECTABLE, spoil_in_hook, NULL), 0);
	int id = tally_gc_callback_add(spoil_in_callback, NULL);
	tally_error_clear();
	node_on_finalize = spoil_in_finalizer;
	for (int round = 0; round < 40; round++) {
		bool has_error = round % 2;
		for (int i = 0; i < 5; i++) tally_decref(spoiling_cycle(type, callback, refs));
		uint64_t before = collections();
		if (has_error) tally_error_set(TALLY_ERROR_KEY, "mine");
		else tally_error_clear();
		errno = ERANGE;
		on(1, 1, 1);
		while (collections() == before) tally_safepoint();
		CHECK_EQ(errno, ERANGE);
		tally_gc_disable();
		if (has_error) CHECK_ERROR(TALLY_ERROR_KEY, "mine");
		else CHECK_NO_ERROR();
		CHECK_EQ(errno, ERANGE);
	}
	CHECK(atomic_load(&unraisable_calls) > 80);
	CHECK_EQ(node_total.finalize, 400);
	if (id > 0) CHECK_EQ(tally_gc_callback_remove(id), 0);
	CHECK_EQ(tally_gc_set_debug(0, NULL, NULL), 0);
	tally_unraisable_set(NULL, NULL);
	DROP(callback, refs);
	all_off();
}

// A collection without memory is not tried again at each point: the next one waits until as much has been made.
static void a_failed_collection_is_not_tried_again_at_once(void)
{
	if (tally_heap_fail(0, false)) {
		tally_error_clear();
		return;
	}
	tally_object *kept = must(tally_list_new());
	for (int i = 0; i < 20000; i++) push_own(kept, must(tally_list_new())); // the memory of earlier collections does not do
	on(1000, 10, 10);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	for (int i = 0; i < 100; i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(stats_of(0).failed + stats_of(1).failed + stats_of(2).failed, 1);
	CHECK_EQ(collections(), 0);
	CHECK_EQ(collections_by(500), 0);
	CHECK(collections_by(1000) > 0);
	tally_gc_disable();
	tally_decref(kept);
	all_off();
}

int main(void)
{
	classes_begin(240);
	TAP_RUN(the_largest_thresholds_are_never_reached);
	TAP_RUN(a_generation_whose_threshold_is_0_is_taken_every_second_time);
	TAP_RUN(a_generation_whose_threshold_is_the_largest_is_never_taken);
	TAP_RUN(the_smallest_threshold_collects_all_the_time);
	TAP_RUN(a_threshold_that_was_0_is_obeyed_when_it_is_set_again);
	TAP_RUN(collections_that_were_asked_for_count);
	TAP_RUN(suspends_nest);
	TAP_RUN(a_resume_without_a_suspend_is_refused_and_changes_nothing);
	TAP_RUN(suspending_and_disabling_leave_one_another_alone);
	TAP_RUN(a_scope_suspends_until_it_ends);
	TAP_RUN(one_thread_may_resume_what_another_has_suspended);
	TAP_RUN(switches_that_threads_race_for_are_obeyed_in_the_end);
	TAP_RUN(a_suspend_beside_a_resume_is_obeyed);
	TAP_RUN(a_new_runtime_has_the_usual_switches);
	TAP_RUN(settings_can_be_read_and_set_in_any_state);
	TAP_RUN(the_largest_byte_threshold_is_never_reached);
	TAP_RUN(a_few_cycles_with_huge_buffers_are_collected_before_the_threshold);
	TAP_RUN(without_a_byte_threshold_they_wait);
	TAP_RUN(memory_stays_bounded_when_huge_garbage_has_callbacks);
	TAP_RUN(memory_stays_bounded_when_huge_garbage_is_old);
	TAP_RUN(memory_stays_bounded_in_mode_full);
	TAP_RUN(memory_stays_bounded_with_several_threads);
	TAP_RUN(a_heap_that_does_not_grow_is_not_collected_for_its_bytes);
	TAP_RUN(the_work_of_all_collections_is_linear);
	TAP_RUN(in_mode_full_everything_is_examined_each_time);
	TAP_RUN(in_mode_full_a_quarter_must_have_been_added);
	TAP_RUN(nothing_is_due_inside_sections_of_either_kind);
	TAP_RUN(many_threads_pass_the_threshold_by_a_bounded_number);
	TAP_RUN(what_several_threads_make_is_added_up);
	TAP_RUN(errors_and_errno_are_as_before_whatever_runs);
	TAP_RUN(a_failed_collection_is_not_tried_again_at_once);
	return tap_end();
}
