// tests/gil/lock.c: the global lock: its switch interval, hand-overs that are forced, nobody who waits for ever, sections
// that keep it.
//
// Times are printed; what is checked are counts, and bounds so wide that only a lost request or wake-up breaks them.
#include "fixture.h"
#include "lock.h"
#include "thread.h"
#include "turns.h"

#include <sys/syscall.h>

enum { DEFAULT_INTERVAL = 5000000 };

static stage at;
static tally_object *list, *truth; // what the list holds is immortal: reading it is one call and no other

static void make_list(void)
{
	truth = tally_bool(true);
	list = must(tally_list_from(&truth, 1));
	reach(&at, 0);
}

static void read_list(void)
{
	if (tally_list_get(list, 0) != truth) tap_bail_out("the list has changed");
}

static bool is_asked(void) { return tally_load(&gil_request, relaxed) & TALLY_STOP; }

// ---- the interval ----

static void set_the_interval(void) { CHECK_EQ(tally_switch_interval_set(250000), 0); }

static void the_interval_can_be_read_and_set_by_any_thread(void)
{
	uint64_t ns = 0;
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	CHECK_EQ(tally_switch_interval_get(&ns), 0);
	CHECK_EQ(ns, DEFAULT_INTERVAL);
	run_unattached(set_the_interval);
	CHECK_EQ(tally_switch_interval_get(&ns), 0);
	CHECK_EQ(ns, 250000);
	CHECK_EQ(tally_switch_interval_set(UINT64_C(3600000000000)), 0);
	CHECK_EQ(tally_switch_interval_get(&ns), 0);
	CHECK_EQ(ns, 3600000000000);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
}

static void an_interval_of_0_is_refused(void)
{
	uint64_t ns = 0;
	CHECK_EQ(tally_switch_interval_set(0), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "switch_interval_set: interval 0, expected at least 1 ns");
	CHECK_EQ(tally_switch_interval_get(&ns), 0);
	CHECK_EQ(ns, DEFAULT_INTERVAL);
}

static void check_interval_of_next_start(const tally_config *config, uint64_t expected)
{
	uint64_t ns = 0;
	CHECK_EQ(tally_init(config), 0);
	CHECK_EQ(tally_switch_interval_get(&ns), 0);
	CHECK_EQ(ns, expected);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), NULL), 0);
}

static void what_is_set_before_a_start_stays_unless_the_configuration_says_otherwise(void)
{
	tally_config silent = {.size = sizeof silent}, telling = {.size = sizeof telling, .switch_interval = 123456};
	tally_config early = {.size = offsetof(tally_config, switch_interval), .switch_interval = 9}; // of an older host
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), NULL), 0);
	CHECK_EQ(tally_switch_interval_set(777777), 0); // between two runtimes
	check_interval_of_next_start(NULL, 777777);
	check_interval_of_next_start(&silent, 777777);
	check_interval_of_next_start(&early, 777777);
	check_interval_of_next_start(&telling, 123456);
	check_interval_of_next_start(NULL, 123456);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	fixture_start();
	check_interval_of_next_start(&telling, DEFAULT_INTERVAL); // a second user's configuration is ignored
}

// ---- one who holds, one who waits ----

static atomic_ullong waited;    // ns, of the last attach
static _Atomic pid_t waiter_id; // of the thread that attaches

static void *attach_and_measure(void *unused)
{
	(void)unused;
	atomic_store(&waiter_id, (pid_t)syscall(SYS_gettid));
	uint64_t before = now_ns();
	tally_token token = attached();
	atomic_store(&waited, now_ns() - before);
	reach(&at, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return left < right ? -1 : left > right;
}

static void a_thread_that_only_reads_a_list_yields_within_the_interval(void)
{
	enum { TIMES = 40 };
	uint64_t took[TIMES];
	make_list();
	for (int i = 0; i < TIMES; i++) {
		reach(&at, 0);
		pthread_t waiter = spawn(attach_and_measure, NULL);
		while (!has_reached(&at, 1)) read_list(); // never detaches, never blocks
		finish(waiter);
		took[i] = atomic_load(&waited);
	}
	qsort(took, TIMES, sizeof took[0], by_size);
	tap_note("interval 5 ms; waited in ms: p50 %.2f, max %.2f", (double)took[TIMES / 2] / 1e6,
	         (double)took[TIMES - 1] / 1e6);
	CHECK(took[TIMES - 1] < patience_ns(100) / 1000000000 * DEFAULT_INTERVAL);
	CHECK(took[0] >= DEFAULT_INTERVAL); // and nobody is asked before it has passed
	tally_decref(list);
}

// The lock is all that the thread can sleep for.
static void await_sleeping_waiter(void)
{
	char path[64], line[512], state = 0;
	while (atomic_load(&waiter_id) == 0) sched_yield();
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)atomic_load(&waiter_id));
	while (state != 'S') {
		sched_yield();
		FILE *file = fopen(path, "r");
		if (!file || !fgets(line, sizeof line, file)) tap_bail_out("no /proc");
		fclose(file);
		const char *end_of_name = strrchr(line, ')');
		if (end_of_name) state = end_of_name[2];
	}
}

static void a_shorter_interval_is_waited_for_even_by_those_who_wait_already(void)
{
	make_list();
	CHECK_EQ(tally_switch_interval_set(UINT64_C(3600000000000)), 0);
	atomic_store(&waiter_id, 0);
	pthread_t waiter = spawn(attach_and_measure, NULL);
	await_sleeping_waiter();
	for (int i = 0; i < 1000; i++) read_list();
	CHECK(!has_reached(&at, 1));
	CHECK_EQ(tally_switch_interval_set(1000000), 0);
	while (!has_reached(&at, 1)) read_list();
	finish(waiter);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	tally_decref(list);
}

static void nobody_is_asked_for_the_lock_while_nobody_waits(void)
{
	make_list();
	CHECK_EQ(tally_switch_interval_set(1000), 0);
	for (int i = 0; i < 100000; i++) {
		read_list();
		if (tally_load(&gil_request, relaxed)) CHECK_EQ(tally_load(&gil_request, relaxed), 0);
	}
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	tally_decref(list);
}

static void a_section_is_not_interrupted_however_long_it_is(void)
{
	tally_critical section;
	make_list();
	CHECK_EQ(tally_switch_interval_set(10000), 0);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	pthread_t waiter = spawn(attach_and_measure, NULL);
	while (!is_asked()) read_list(); // it has waited long enough to ask
	for (int i = 0; i < 10000; i++) read_list();
	CHECK(!has_reached(&at, 1));
	CHECK_EQ(tally_critical_end(&section), 0);
	while (!has_reached(&at, 1)) read_list();
	finish(waiter);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	tally_decref(list);
}

static atomic_uint had_it; // how often a thread other than the test's got the lock

static void *have_it_once(void *unused)
{
	(void)unused;
	tally_token token = attached();
	atomic_fetch_add(&had_it, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void what_is_asked_for_in_a_section_is_handed_over_at_the_first_point_after_it(void)
{
	tally_critical outer, inner;
	make_list();
	atomic_store(&had_it, 0);
	CHECK_EQ(tally_switch_interval_set(10000), 0);
	CHECK_EQ(tally_critical_begin(&outer, list), 0);
	pthread_t waiter = spawn(have_it_once, NULL);
	while (!is_asked()) read_list();
	CHECK_EQ(tally_critical_begin(&inner, truth), 0);
	read_list();
	CHECK_EQ(tally_critical_end(&inner), 0);
	CHECK_EQ(tally_safepoint(), 0);
	tally_decref(counted(1));
	CHECK_EQ(tally_critical_end(&outer), 0); // no point by itself
	CHECK_EQ(atomic_load(&had_it), 0);
	read_list();
	CHECK_EQ(atomic_load(&had_it), 1);
	finish(waiter);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	tally_decref(list);
}

static void a_region_in_a_section_lets_others_in(void)
{
	tally_critical section;
	make_list();
	atomic_store(&had_it, 0);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	finish(spawn(have_it_once, NULL)); // waits in a region
	CHECK_EQ(atomic_load(&had_it), 1);
	CHECK_PTR(tally_self.poll, &tally_poll_quiet); // the section keeps the lock again
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_PTR(tally_self.poll, &gil_request);
	tally_decref(list);
}

static void increment_in_sections(void *numbers, unsigned number)
{
	(void)number;
	for (int i = tap_scale(100000); i > 0; i--) {
		tally_critical section;
		CHECK_EQ(tally_critical_begin(&section, numbers), 0);
		tally_object *next = counted(take_counted(tally_list_get(numbers, 0)) + 1);
		CHECK_EQ(tally_list_set(numbers, 0, next), 0);
		tally_decref(next);
		CHECK_EQ(tally_critical_end(&section), 0);
	}
}

static void increments_by_get_and_set_in_sections_sum_exactly(void)
{
	static const uint64_t intervals[] = {1, 1000, 50000};
	for (size_t i = 0; i < sizeof intervals / sizeof intervals[0]; i++) {
		tally_object *zero = counted(0), *numbers = must(tally_list_from(&zero, 1));
		CHECK_EQ(tally_switch_interval_set(intervals[i]), 0);
		run_threads(4, increment_in_sections, numbers);
		CHECK_EQ(take_counted(tally_list_get(numbers, 0)), 4 * tap_scale(100000));
		tally_decref(numbers);
		tally_decref(zero);
	}
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
}

// ---- every call is a point ----

static void *have_it_often(void *unused)
{
	(void)unused;
	while (!has_reached(&at, 1)) have_it_once(NULL);
	return NULL;
}

static void make_and_drop(void) { tally_decref(counted(1)); }
static void pass_safepoint(void) { CHECK_EQ(tally_safepoint(), 0); }

static void ask_for_size(void)
{
	size_t size;
	CHECK_EQ(tally_list_size(list, &size), 0);
}

static void make_a_wrong_call(void)
{
	CHECK_EQ(tally_list_clear(truth), -1);
	tally_error_clear();
}

static void pass_region(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
}

static void pass_section(void)
{
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
}

static void whoever_is_asked_hands_over_at_its_next_call_whatever_that_is(void)
{
	static void (*const calls[])(void) = {read_list,         make_and_drop, pass_safepoint, ask_for_size,
	                                      make_a_wrong_call, pass_region,   pass_section};
	enum { CALLS = sizeof calls / sizeof calls[0] };
	make_list();
	CHECK_EQ(tally_switch_interval_set(50000), 0);
	pthread_t other = spawn(have_it_often, NULL);
	for (unsigned i = 0; i < CALLS * tap_scale(20u); i++) {
		while (!is_asked()) sched_yield();
		unsigned before = atomic_load(&had_it);
		calls[i % CALLS]();
		if (!CHECK(atomic_load(&had_it) > before)) tap_note("call %u of the list", i % CALLS);
	}
	reach(&at, 1);
	finish(other);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	tally_decref(list);
}

// ---- hand-overs ----

// Plain: whoever holds the lock writes them, so the thread sanitizer sees whether the lock is one.
static struct {
	unsigned last, changes, wanted;
	unsigned since[8], late; // the change of each one's last turn; how many turns came late
	uint64_t rounds[8];
	unsigned asked, unforced; // how often the holder was asked, and how often it went on without anybody else's turn
} turns;

static void note_turn(unsigned number)
{
	if (turns.last != number) {
		turns.changes++;
		turns.late += turns.changes - turns.since[number] > 16; // with eight threads, nearly twice round
		turns.since[number] = turns.changes;
	}
	turns.last = number;
	turns.rounds[number]++;
}

static uint64_t rounds_of_others(unsigned number)
{
	uint64_t rounds = 0;
	for (unsigned i = 0; i < 8; i++) rounds += i == number ? 0 : turns.rounds[i];
	return rounds;
}

// Whoever gets the lock notes a turn before its next point.
static void compute(void *unused, unsigned number)
{
	(void)unused;
	note_turn(number);
	while (turns.changes < turns.wanted) {
		bool asked = is_asked();
		uint64_t others = rounds_of_others(number);
		read_list();
		turns.asked += asked;
		turns.unforced += asked && rounds_of_others(number) == others;
		note_turn(number);
	}
}

static uint64_t run_computing(unsigned threads, unsigned changes, uint64_t interval)
{
	uint64_t sum = 0;
	make_list();
	memset(&turns, 0, sizeof turns);
	turns.wanted = changes;
	turns.last = threads;
	CHECK_EQ(tally_switch_interval_set(interval), 0);
	run_threads(threads, compute, NULL);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	CHECK(turns.asked > 0);
	CHECK_EQ(turns.unforced, 0);
	for (unsigned i = 0; i < threads; i++) sum += turns.rounds[i];
	tally_decref(list);
	return sum;
}

static void two_computing_threads_alternate_and_share_the_time(void)
{
	uint64_t sum = run_computing(2, tap_scale(400u), 200000);
	tap_note("%u changes of holder; shares: %.0f %% and %.0f %%", turns.changes, 100.0 * (double)turns.rounds[0] / (double)sum,
	         100.0 * (double)turns.rounds[1] / (double)sum);
	CHECK(turns.rounds[0] >= sum / 10);
	CHECK(turns.rounds[1] >= sum / 10);
}

static void of_eight_computing_threads_none_is_left_out(void)
{
	uint64_t sum = run_computing(8, tap_scale(1600u), 200000), least = sum;
	for (int i = 0; i < 8; i++)
		if (turns.rounds[i] < least) least = turns.rounds[i];
	tap_note("%u changes of holder, 8 threads; the smallest share: %.1f %%", turns.changes, 100.0 * (double)least / (double)sum);
	CHECK(least >= sum / 100);
}

// In the order in which they came they have one turn in eight each; a thread that loses its processor on its way to the queue may
// miss one or two. Woken in no order every ninth turn would come that late.
static void of_many_that_wait_the_one_that_has_waited_longest_comes_next(void)
{
	run_computing(8, tap_scale(1600u), 200000);
	tap_note("%u of %u turns came late", turns.late, turns.changes);
	CHECK(turns.late <= turns.changes / (turns.changes < 1000 ? 8 : 12)); // of few, with a sanitizer, chance makes more
}

static void whoever_is_asked_goes_on_only_after_somebody_else(void)
{
	run_computing(2, tap_scale(1000u), 1000); // asked nearly all the time
	run_computing(4, tap_scale(1000u), 1000);
	run_computing(8, tap_scale(1000u), 1);
}

static stage greedy; // 1: the greedy one is at it

static void go_in_and_out(void *unused, unsigned number)
{
	(void)unused;
	if (number == 0) { // gives the lock up and takes it again at once, all the time
		while (!has_reached(&at, 1)) {
			CHECK_EQ(tally_blocking_begin(), 0);
			CHECK_EQ(tally_blocking_end(), 0);
			note_turn(number);
			reach(&greedy, 1);
		}
		return;
	}
	await(&greedy, 1);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(tally_blocking_begin(), 0);
		sched_yield();
		CHECK_EQ(tally_blocking_end(), 0);
		note_turn(number);
	}
	reach(&at, 1);
}

static void a_thread_that_takes_the_lock_again_at_once_does_not_keep_another_out(void)
{
	make_list();
	memset(&turns, 0, sizeof turns);
	reach(&greedy, 0);
	CHECK_EQ(tally_switch_interval_set(200000), 0);
	run_threads(2, go_in_and_out, NULL);
	CHECK_EQ(turns.rounds[1], 100);
	tap_note("100 turns of the one, %llu of the greedy one", (unsigned long long)turns.rounds[0]);
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
	tally_decref(list);
}

// Regions in no time, far enough apart for the waiter to wake up in vain at the beginning of each: its interval must go on
// all the same. In a section the regions alone let go of the lock. The two run on processors of their own, if there are
// two, since a waiter that displaces the holder in the middle of a region gets the lock unasked.
static struct {
	bool in_section;
	atomic_uint begun;
	uint64_t longest; // wait, ns
	uint64_t meanwhile[500]; // regions begun during each wait
	unsigned waits;
} busy;

static void *keep_with_short_regions(void *unused)
{
	(void)unused;
	tally_critical section;
	stay_on_processor(0);
	tally_token token = attached();
	if (busy.in_section) CHECK_EQ(tally_critical_begin(&section, list), 0);
	while (!has_reached(&at, 1)) {
		for (uint64_t start = now_ns(); now_ns() - start < DEFAULT_INTERVAL / 10;) read_list();
		bool asked = is_asked();
		unsigned before = atomic_load(&had_it);
		atomic_fetch_add(&busy.begun, 1);
		CHECK_EQ(tally_blocking_begin(), 0);
		CHECK_EQ(tally_blocking_end(), 0);
		turns.asked += asked;
		turns.unforced += asked && atomic_load(&had_it) == before;
	}
	if (busy.in_section) CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *wait_beside_short_regions(void *unused)
{
	(void)unused;
	stay_on_processor(1);
	for (unsigned i = 0; i < busy.waits; i++) {
		unsigned seen = atomic_load(&busy.begun);
		while (atomic_load(&busy.begun) == seen) sched_yield(); // the other has had the lock again
		seen = atomic_load(&busy.begun);
		uint64_t start = now_ns();
		tally_token token = attached();
		uint64_t took = now_ns() - start;
		busy.meanwhile[i] = atomic_load(&busy.begun) - seen;
		if (took > busy.longest) busy.longest = took;
		atomic_fetch_add(&had_it, 1);
		CHECK_EQ(tally_thread_detach(token), 0);
	}
	return NULL;
}

static void check_short_regions(bool in_section)
{
	make_list();
	memset(&turns, 0, sizeof turns);
	busy.in_section = in_section;
	busy.longest = 0;
	busy.waits = tap_scale(50u) < 500 ? tap_scale(50u) : 500;
	CHECK_EQ(tally_blocking_begin(), 0); // this thread is not to wait for the lock as well
	pthread_t keeper = spawn(keep_with_short_regions, NULL);
	pthread_join(spawn(wait_beside_short_regions, NULL), NULL);
	reach(&at, 1);
	pthread_join(keeper, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	qsort(busy.meanwhile, busy.waits, sizeof busy.meanwhile[0], by_size);
	unsigned median = (unsigned)busy.meanwhile[busy.waits / 2], most = (unsigned)busy.meanwhile[busy.waits - 1];
	tap_note("interval 5 ms, a region each 0.5 ms%s: waited %.2f ms at most; meanwhile regions: p50 %u, max %u",
	         in_section ? " in a section" : "", (double)busy.longest / 1e6, median, most);
	tap_note("asked %u times, the other took the lock again before the waiter %u times", turns.asked, turns.unforced);
	CHECK(busy.longest < patience_ns(100) / 1000000000 * DEFAULT_INTERVAL);
	CHECK(median <= 50); // five intervals
	CHECK_EQ(turns.unforced, 0);
	tally_decref(list);
}

static void a_waiter_beside_short_regions_gets_the_lock_when_its_interval_has_passed(void)
{
	check_short_regions(false);
	check_short_regions(true);
}

// ---- wake-ups ----

static void attach_and_detach(void *unused, unsigned number)
{
	(void)unused;
	CHECK_EQ(tally_blocking_begin(), 0);
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_token token = attached();
		note_turn(number);
		CHECK_EQ(tally_thread_detach(token), 0);
	}
	CHECK_EQ(tally_blocking_end(), 0);
}

// With the interval so long that nobody asks, each hand-over is a wake-up by a drop; a lost one would be seen by the
// watchdog alone.
static void no_wake_up_is_lost_among_eight_threads_that_attach_and_detach(void)
{
	static const uint64_t intervals[] = {UINT64_C(3600000000000), DEFAULT_INTERVAL, 1000};
	for (int i = 0; i < 3; i++) {
		uint64_t sum = 0;
		memset(&turns, 0, sizeof turns);
		CHECK_EQ(tally_switch_interval_set(intervals[i]), 0);
		run_threads(8, attach_and_detach, NULL);
		for (int thread = 0; thread < 8; thread++) sum += turns.rounds[thread];
		CHECK_EQ(sum, 8 * tap_scale(20000));
	}
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
}

// Holders that compute, that come and go, and that end, at once.
static void *come_once(void *number)
{
	tally_token token = attached();
	note_turn((unsigned)(uintptr_t)number);
	if ((uintptr_t)number % 2) CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void threads_that_end_hand_the_lock_on(void)
{
	memset(&turns, 0, sizeof turns);
	CHECK_EQ(tally_switch_interval_set(1000), 0);
	for (int i = tap_scale(500); i > 0; i--) {
		pthread_t threads[8];
		for (uintptr_t number = 0; number < 8; number++) threads[number] = spawn(come_once, (void *)number);
		for (int number = 0; number < 8; number++) finish(threads[number]);
	}
	for (int number = 0; number < 8; number++) CHECK_EQ(turns.rounds[number], tap_scale(500));
	CHECK_EQ(tally_switch_interval_set(DEFAULT_INTERVAL), 0);
}

int main(void)
{
	fixture_begin(90);
	TAP_RUN(the_interval_can_be_read_and_set_by_any_thread);
	TAP_RUN(an_interval_of_0_is_refused);
	TAP_RUN(what_is_set_before_a_start_stays_unless_the_configuration_says_otherwise);
	TAP_RUN(a_thread_that_only_reads_a_list_yields_within_the_interval);
	TAP_RUN(a_shorter_interval_is_waited_for_even_by_those_who_wait_already);
	TAP_RUN(nobody_is_asked_for_the_lock_while_nobody_waits);
	TAP_RUN(a_section_is_not_interrupted_however_long_it_is);
	TAP_RUN(what_is_asked_for_in_a_section_is_handed_over_at_the_first_point_after_it);
	TAP_RUN(a_region_in_a_section_lets_others_in);
	TAP_RUN(increments_by_get_and_set_in_sections_sum_exactly);
	TAP_RUN(whoever_is_asked_hands_over_at_its_next_call_whatever_that_is);
	TAP_RUN(two_computing_threads_alternate_and_share_the_time);
	TAP_RUN(of_eight_computing_threads_none_is_left_out);
	TAP_RUN(of_many_that_wait_the_one_that_has_waited_longest_comes_next);
	TAP_RUN(whoever_is_asked_goes_on_only_after_somebody_else);
	TAP_RUN(a_thread_that_takes_the_lock_again_at_once_does_not_keep_another_out);
	TAP_RUN(a_waiter_beside_short_regions_gets_the_lock_when_its_interval_has_passed);
	TAP_RUN(no_wake_up_is_lost_among_eight_threads_that_attach_and_detach);
	TAP_RUN(threads_that_end_hand_the_lock_on);
	return tap_end();
}
