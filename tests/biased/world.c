// tests/biased/world.c: stopping and starting the world: who stops and how soon, who waits, who is not waited for, and
// what holds while it stands still (the invariants of gcstw/stop.c).
#include "fixture.h"
#include "stop.h"
#include "turns.h"
#include "variant.h"

#include <errno.h>
#include <inttypes.h>

static tally_object *list; // of one int

static void make_list(void)
{
	tally_object *number = counted(1);
	list = must(tally_list_from(&number, 1));
	tally_decref(number);
}

// ---- how soon ----

static stage at;
static atomic_uint reads;

static void *read_the_list(void *unused)
{
	(void)unused;
	tally_token token = attached();
	while (!has_reached(&at, 2)) {
		tally_decref(tally_list_get(list, 0));
		atomic_fetch_add(&reads, 1);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void print_quantiles(const char *of_what, uint64_t *took, unsigned count)
{
	qsort(took, count, sizeof took[0], by_size);
	tap_note("%s in microseconds: p50 %.1f, p99 %.1f, max %.1f", of_what, (double)took[count / 2] / 1e3,
	         (double)took[count * 99 / 100] / 1e3, (double)took[count - 1] / 1e3);
}

// What is bounded is how long the reader goes on, in time of its own: on a machine with more to do than processors the
// stopper also waits until the reader gets one.
static void a_thread_that_only_reads_a_list_stops_within_a_millisecond(void)
{
	enum { STOPS = 500 };
	static uint64_t went_on[STOPS], took[STOPS];
	clockid_t of_reader;
	make_list();
	reach(&at, 0);
	pthread_t reader = spawn(read_the_list, NULL);
	if (pthread_getcpuclockid(reader, &of_reader)) tap_bail_out("no clock of a thread's time");
	for (int i = 0; i < STOPS; i++) {
		for (unsigned seen = atomic_load(&reads); atomic_load(&reads) - seen < 100;) sched_yield(); // it runs
		uint64_t before = now_ns(), before_of_reader = read_clock(of_reader);
		variant_world_stop();
		went_on[i] = read_clock(of_reader) - before_of_reader;
		took[i] = now_ns() - before;
		variant_world_start();
	}
	reach(&at, 2);
	finish(reader);
	print_quantiles("the stopper waited", took, STOPS);
	print_quantiles("the reader went on for", went_on, STOPS);
	CHECK(went_on[STOPS / 2] < patience_ns(1) / 1000);
	CHECK(took[STOPS - 1] < patience_ns(10));
	tally_decref(list);
}

// ---- what holds while it is stopped ----

static void check_slot(struct tally_slot *slot, void *count)
{
	uint64_t word = tally_load(&slot->word, relaxed) & ~(uint64_t)SLOT_WAITER;
	CHECK_EQ(word, SLOT_CLAIMED); // I1: claimed, no page queued, nobody asked any more
	++*(unsigned *)count;
}

enum { WORKERS = 3, STOPPERS = 3 };
static uint64_t counters[WORKERS]; // plain: written between points, read by whoever has stopped the world
static atomic_int stopped_by;

static void work(unsigned number)
{
	for (unsigned turn = 0; !has_reached(&at, STOPPERS); turn++) {
		counters[number]++;
		tally_decref(tally_list_get(list, 0));
		counters[number]++;
		CHECK_EQ(tally_list_append(list, list), 0);
		counters[number]++;
		tally_decref(tally_list_pop(list, -1));
		if (turn % 16) continue;
		CHECK_EQ(tally_blocking_begin(), 0);
		CHECK_EQ(tally_blocking_end(), 0);
	}
}

static void stop_and_look(void)
{
	for (int i = tap_scale(3000); i > 0; i--) {
		uint64_t sums[2] = {0, 0};
		unsigned slots = 0;
		variant_world_stop();
		CHECK_EQ(atomic_fetch_add(&stopped_by, 1), 0); // one at a time
		CHECK_EQ(tally_load(&slot_running, relaxed), 0); // I2
		tally_slots_each(check_slot, &slots);
		CHECK(slots >= 2); // its own, and the test's
		for (int look = 0; look < 2; look++) {
			for (int worker = 0; worker < WORKERS; worker++) sums[look] += counters[worker];
			if (i % 16 == 0) sched_yield();
		}
		CHECK_EQ(sums[0], sums[1]);
		atomic_fetch_sub(&stopped_by, 1);
		variant_world_start();
	}
	atomic_fetch_add(&at, 1);
}

static void work_or_stop(void *unused, unsigned number)
{
	(void)unused;
	if (number < WORKERS) work(number);
	else stop_and_look();
}

static void stoppers_take_turns_and_nothing_moves_while_one_of_them_looks(void)
{
	make_list();
	reach(&at, 0);
	run_threads(WORKERS + STOPPERS, work_or_stop, NULL);
	tally_decref(list);
}

static tally_object *tallied[WORKERS + 1]; // each worker owns one, this test's thread the last

static void count_or_look(void *unused, unsigned number)
{
	(void)unused;
	if (number < WORKERS) {
		tallied[number] = counted(-1 - (int)number);
		atomic_fetch_add(&at, 1);
		await(&at, WORKERS);
		while (!has_reached(&at, WORKERS + 1)) {
			for (int i = 0; i <= WORKERS; i++) tally_incref(tallied[i]), tally_incref(tallied[i]);
			for (int i = 0; i <= WORKERS; i++) variant_decref(tallied[i]), variant_decref(tallied[i]); // no points
			CHECK_EQ(tally_safepoint(), 0);
		}
		return;
	}
	await(&at, WORKERS);
	for (int i = tap_scale(3000); i > 0; i--) {
		unsigned wrong = 0;
		variant_world_stop();
		for (int each = 0; each <= WORKERS; each++) wrong += tally_refcount(tallied[each]) != 1;
		CHECK_EQ(wrong, 0);
		variant_world_start();
	}
	atomic_fetch_add(&at, 1);
}

static void whoever_stops_the_world_sees_every_count_as_it_stands_between_operations(void)
{
	tallied[WORKERS] = counted(-100);
	reach(&at, 0);
	run_threads(WORKERS + 1, count_or_look, NULL);
	for (int i = 0; i <= WORKERS; i++) tally_decref(tallied[i]);
}

static tally_object *left[1000];

static void *own_and_pass_stop_points(void *type)
{
	tally_token token = attached();
	for (int i = 0; i < 1000; i++) left[i] = probe(type, i);
	reach(&at, 1);
	await_at_stop_points(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_stop_takes_what_is_queued_and_the_stopper_destroys_it_afterwards(void)
{
	tally_object *type = fixture_probe_type();
	reach(&at, 0);
	pthread_t owner = spawn(own_and_pass_stop_points, type);
	await(&at, 1);
	for (int i = 0; i < 1000; i++) tally_decref(left[i]);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	variant_world_stop();
	CHECK_EQ(tally_threads_dying(), 1000);
	CHECK_EQ(atomic_load(&fixture_dead), 0); // user code does not run in a stopped world
	variant_world_start();
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 1000);
	reach(&at, 2);
	finish(owner);
}

static void look_at_the_callers_own_slot(void)
{
	unsigned slots = 0;
	variant_world_stop();
	tally_slots_each(check_slot, &slots);
	CHECK(slots >= 1);
	variant_world_start();
	CHECK_EQ(tally_load(&tally_self.slot->word, relaxed), SLOT_ATTACHED);
}

static void the_stopper_gives_its_own_slot_up_and_takes_it_again(void)
{
	for (int i = 0; i < 1000; i++) look_at_the_callers_own_slot();
	tally_object *object = counted(1);
	CHECK(tally_is_unique(object));
	tally_decref(object);
}

// ---- who comes while it is stopped ----

static void *come_for_the_first_time(void *unused)
{
	(void)unused;
	reach(&at, 1);
	tally_token token = attached();
	reach(&at, 2);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static struct tally_slot *_Atomic slot_of_comer;

static uint64_t word_of_comer(void) { return tally_load(&atomic_load(&slot_of_comer)->word, relaxed); }

static void *come_again(void *unused)
{
	(void)unused;
	CHECK_EQ(tally_thread_detach(attached()), 0);
	atomic_store(&slot_of_comer, tally_self.slot);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	tally_token token = attached();
	reach(&at, 3);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *come_back_from_a_region(void *unused)
{
	(void)unused;
	tally_token token = attached();
	atomic_store(&slot_of_comer, tally_self.slot);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	reach(&at, 3);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// While the world stands still the thread does not get beyond `stage_inside`.
static void check_stays_outside(unsigned stage_inside)
{
	for (int i = 0; i < 2000; i++) sched_yield();
	CHECK(!has_reached(&at, stage_inside));
}

static void a_thread_that_attaches_for_the_first_time_waits_for_the_start(void)
{
	reach(&at, 0);
	variant_world_stop();
	pthread_t thread = spawn(come_for_the_first_time, NULL);
	while (!has_reached(&at, 1)) sched_yield();
	check_stays_outside(2);
	variant_world_start();
	await(&at, 2);
	finish(thread);
}

static void check_known_thread_waits(void *(*come)(void *))
{
	for (int i = tap_scale(50); i > 0; i--) {
		reach(&at, 0);
		pthread_t thread = spawn(come, NULL);
		await(&at, 1);
		variant_world_stop();
		reach(&at, 2);
		while (!(word_of_comer() & SLOT_WAITER)) sched_yield(); // it is there, and sleeps or is about to
		if (i == 1) check_stays_outside(3);
		CHECK(!has_reached(&at, 3));
		CHECK_EQ(word_of_comer(), SLOT_CLAIMED | SLOT_WAITER);
		variant_world_start();
		await(&at, 3);
		finish(thread);
		CHECK_EQ(word_of_comer(), SLOT_DETACHED); // no mark is left behind
	}
}

static void a_thread_that_attaches_again_waits_for_the_start(void) { check_known_thread_waits(come_again); }

static void a_thread_that_comes_back_from_a_region_waits_for_the_start(void)
{
	check_known_thread_waits(come_back_from_a_region);
}

// ---- who waits for the start, and is let in before the next stop ----

// Each is asleep when the world starts. With the processors taken up by others some may be too late for a gate of bounded patience.
static unsigned count_let_in(unsigned rounds, void (*let_in)(void))
{
	unsigned were_in = 0;
	for (unsigned i = 0; i < rounds; i++) {
		reach(&at, 0);
		pthread_t thread = spawn(come_back_from_a_region, NULL);
		await(&at, 1);
		variant_world_stop();
		reach(&at, 2);
		while (!(word_of_comer() & SLOT_WAITER)) sched_yield();
		variant_world_start();
		let_in();
		variant_world_stop();
		were_in += has_reached(&at, 3); // it has gone on, as far as its next point
		variant_world_start();
		await(&at, 3);
		finish(thread);
		CHECK_EQ(tally_load(&slot_called, relaxed) & ~SLOT_GATE, 0);
	}
	return were_in;
}

static void collect_the_young(void) { CHECK_EQ(tally_gc_collect(0), 0); }

static void whoever_waited_for_the_start_is_let_in_before_the_next_stop(void)
{
	unsigned rounds = tap_scale(50u), were_in = count_let_in(rounds, variant_world_let_in);
	tap_note("%u of %u were let in", were_in, rounds);
	CHECK(were_in > rounds / 2);
}

static void a_collection_that_follows_a_stop_at_once_lets_in_who_waited(void)
{
	unsigned rounds = tap_scale(50u), were_in = count_let_in(rounds, collect_the_young);
	tap_note("%u of %u were let in", were_in, rounds);
	CHECK(were_in > rounds / 2);
}

enum { GETS_ON = 20000 };

// Number 0 collects, the others count from its tenth collection on until all have got on.
static void collect_or_read(void *rounds, unsigned number)
{
	uint64_t *mine = (uint64_t *)rounds + number;
	while (!number && !has_reached(&at, 2)) {
		CHECK(tally_gc_collect(2) >= 0);
		if (++*mine == 10) reach(&at, 1);
	}
	while (!has_reached(&at, 2)) {
		tally_decref(tally_list_get(list, 0));
		if (has_reached(&at, 1) && ++*mine == GETS_ON && atomic_fetch_add(&reads, 1) == 2) reach(&at, 2);
	}
}

// However often one collects, the others get on.
static void every_thread_gets_on_while_one_collects_without_end(void)
{
	uint64_t rounds[4] = {0, 0, 0, 0};
	tally_object *many = must(tally_list_new());
	for (int i = 0; i < 20000; i++) { // so that the others fall asleep
		tally_object *one = must(tally_list_new());
		CHECK_EQ(tally_list_append(many, one), 0);
		tally_decref(one);
	}
	make_list();
	reach(&at, 0);
	atomic_store(&reads, 0);
	run_threads(4, collect_or_read, rounds);
	tap_note("%" PRIu64 " collections; rounds %" PRIu64 ", %" PRIu64 ", %" PRIu64, rounds[0], rounds[1], rounds[2], rounds[3]);
	for (int i = 1; i < 4; i++) CHECK(rounds[i] >= GETS_ON);
	tally_decref(many);
	tally_decref(list);
}

// ---- who goes while it is stopped, or being stopped ----

static void *end_when_asked(void *in_region)
{
	attached();
	tally_decref(counted(1));
	if (in_region) tally_blocking_begin();
	reach(&at, 1);
	if (in_region) {
		while (!has_reached(&at, 2)) sched_yield();
	} else {
		while (!(tally_load(tally_self.poll, relaxed) & TALLY_STOP)) sched_yield(); // asked to stop; it comes to no point
	}
	return NULL;
}

static void a_thread_that_ends_when_it_is_asked_to_stop_has_stopped(void)
{
	for (int i = tap_scale(200); i > 0; i--) {
		unsigned slots = 0;
		reach(&at, 0);
		pthread_t thread = spawn(end_when_asked, NULL);
		await(&at, 1);
		variant_world_stop();
		tally_slots_each(check_slot, &slots);
		variant_world_start();
		finish(thread);
	}
}

static void a_thread_may_end_while_the_world_is_stopped(void)
{
	for (int i = tap_scale(200); i > 0; i--) {
		reach(&at, 0);
		pthread_t thread = spawn(end_when_asked, &at);
		await(&at, 1);
		variant_world_stop();
		reach(&at, 2);
		if (i % 2) sched_yield();
		variant_world_start();
		finish(thread);
	}
}

static void *end_detached(void *unused)
{
	(void)unused;
	CHECK_EQ(tally_thread_detach(attached()), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	return NULL; // leaves its slot behind
}

static void a_thread_that_leaves_its_slot_behind_waits_for_the_start(void)
{
	for (int i = tap_scale(50); i > 0; i--) {
		reach(&at, 0);
		pthread_t thread = spawn(end_detached, NULL);
		await(&at, 1);
		variant_world_stop();
		reach(&at, 2);
		for (int yields = 0; yields < 200; yields++) sched_yield();
		CHECK_EQ(pthread_tryjoin_np(thread, NULL), EBUSY); // I1 of gcstw/stop.c: no slot changes hands now
		variant_world_start();
		finish(thread);
	}
}

static void *stay_in_a_region(void *unused)
{
	(void)unused;
	tally_token token = attached();
	tally_object *object = counted(1);
	CHECK_EQ(tally_blocking_begin(), 0);
	atomic_fetch_add(&at, 1);
	while (!has_reached(&at, 100)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK(tally_is_unique(object));
	tally_decref(object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void nobody_waits_for_threads_in_regions(void)
{
	pthread_t threads[8];
	reach(&at, 0);
	for (int i = 0; i < 8; i++) threads[i] = spawn(stay_in_a_region, NULL);
	await(&at, 8);
	for (int i = 0; i < 1000; i++) look_at_the_callers_own_slot(); // none of them does anything meanwhile
	reach(&at, 100);
	for (int i = 0; i < 8; i++) finish(threads[i]);
}

static void *hold_a_section(void *unused)
{
	(void)unused;
	tally_critical section;
	tally_token token = attached();
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	reach(&at, 1);
	await_at_run_points(&at, 2);
	tally_decref(tally_list_pop(list, -1));
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_thread_stands_still_inside_its_section_with_the_object_locked(void)
{
	make_list();
	reach(&at, 0);
	pthread_t thread = spawn(hold_a_section, NULL);
	await(&at, 1);
	for (int i = tap_scale(100); i > 0; i--) {
		variant_world_stop();
		CHECK(tally_load(&list->lock, relaxed) != LOCK_FREE);
		CHECK(tally_load(&list->lock, relaxed) != LOCK_HFREE);
		variant_world_start();
	}
	reach(&at, 2);
	finish(thread);
	size_t size = 0;
	CHECK_EQ(tally_list_size(list, &size), 0);
	CHECK_EQ(size, 1);
	tally_decref(list);
}

static stage waited;

static void *look_into_the_held_list(void *unused)
{
	(void)unused;
	size_t size = 0;
	tally_token token = attached();
	atomic_store(&slot_of_comer, tally_self.slot);
	CHECK_EQ(tally_list_size(list, &size), 0); // sleeps until the section ends
	CHECK_EQ(size, 1); // with two elements it would have come between the section's calls
	reach(&waited, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void nobody_waits_for_a_thread_that_waits_for_a_lock_nor_does_a_stop_let_it_in(void)
{
	make_list();
	reach(&at, 0);
	reach(&waited, 0);
	atomic_store(&slot_of_comer, NULL);
	pthread_t holder = spawn(hold_a_section, NULL);
	await(&at, 1);
	pthread_t waiter = spawn(look_into_the_held_list, NULL);
	while (!atomic_load(&slot_of_comer) || word_of_comer() != SLOT_DETACHED) sched_yield(); // it sleeps
	for (int i = tap_scale(100); i > 0; i--) {
		variant_world_stop();
		CHECK_EQ(word_of_comer(), SLOT_CLAIMED);
		variant_world_start();
		CHECK_EQ(word_of_comer(), SLOT_DETACHED);
	}
	CHECK(!has_reached(&waited, 1));
	reach(&at, 2);
	finish(holder);
	finish(waiter);
	CHECK(has_reached(&waited, 1));
	tally_decref(list);
}

// ---- everything at once ----

enum { BOXES = 8 };
static _Atomic(tally_object *) boxes[BOXES];
static tally_object *probe_type_of_test;
static atomic_uint made;

static void mix(void *unused, unsigned number)
{
	uint64_t state = fixture_seed(number);
	(void)unused;
	for (int i = tap_scale(30000); i > 0; i--) {
		tally_object *object = probe(probe_type_of_test, 0);
		atomic_fetch_add(&made, 1);
		tally_decref(atomic_exchange(&boxes[below(&state, BOXES)], object));
		switch (below(&state, 64)) {
		case 0: variant_world_stop(); variant_world_start(); break;
		case 1: tally_blocking_begin(); tally_blocking_end(); break;
		case 2: tally_thread_detach(attached()); break;
		case 3: tally_immortalize(tally_none()); break;
		case 4: tally_heap_trim(NULL); break;
		}
	}
}

static void stops_claims_drops_and_trims_mix_and_every_object_dies_once(void)
{
	probe_type_of_test = fixture_probe_type();
	atomic_store(&made, 0);
	run_threads(4, mix, NULL);
	for (int i = 0; i < BOXES; i++) tally_decref(atomic_exchange(&boxes[i], NULL));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(atomic_load(&fixture_dead), atomic_load(&made));
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_thread_that_only_reads_a_list_stops_within_a_millisecond);
	TAP_RUN(stoppers_take_turns_and_nothing_moves_while_one_of_them_looks);
	TAP_RUN(whoever_stops_the_world_sees_every_count_as_it_stands_between_operations);
	TAP_RUN(a_stop_takes_what_is_queued_and_the_stopper_destroys_it_afterwards);
	TAP_RUN(the_stopper_gives_its_own_slot_up_and_takes_it_again);
	TAP_RUN(a_thread_that_attaches_for_the_first_time_waits_for_the_start);
	TAP_RUN(a_thread_that_attaches_again_waits_for_the_start);
	TAP_RUN(a_thread_that_comes_back_from_a_region_waits_for_the_start);
	TAP_RUN(whoever_waited_for_the_start_is_let_in_before_the_next_stop);
	TAP_RUN(a_collection_that_follows_a_stop_at_once_lets_in_who_waited);
	TAP_RUN(every_thread_gets_on_while_one_collects_without_end);
	TAP_RUN(a_thread_that_ends_when_it_is_asked_to_stop_has_stopped);
	TAP_RUN(a_thread_may_end_while_the_world_is_stopped);
	TAP_RUN(a_thread_that_leaves_its_slot_behind_waits_for_the_start);
	TAP_RUN(nobody_waits_for_threads_in_regions);
	TAP_RUN(a_thread_stands_still_inside_its_section_with_the_object_locked);
	TAP_RUN(nobody_waits_for_a_thread_that_waits_for_a_lock_nor_does_a_stop_let_it_in);
	TAP_RUN(stops_claims_drops_and_trims_mix_and_every_object_dies_once);
	return tap_end();
}
