// tests/report.c: tally_threads_report, and the hook that is told who is in the way of a wait that lasts too long.
//
// A report is a glimpse, so a test asks again until the thread has come to where it will stay; the watchdog is for the
// one that never does. The deadlock that a report is for is in tests/wait.c.
#include "fixture.h"
#include "turns.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { REPORT = 16384, LINE = 256 };
#define ANYWHERE "" // every line has it

static stage at;
static stage there; // 1: the other thread is where it stays until the test lets it go on
static tally_object *list;

// ---- lines ----

// The line of the thread with that name, "" if there is none.
static const char *line_in(const char *report, const char *name, char *line)
{
	size_t length = strlen(name);
	line[0] = 0;
	for (const char *next = report; *next; next += strcspn(next, "\n"), next += *next == '\n')
		if (!strncmp(next, name, length) && !strncmp(next + length, " (thread ", 9))
			snprintf(line, LINE, "%.*s", (int)strcspn(next, "\n"), next);
	return line;
}

static const char *line_of(const char *name, char *line)
{
	static _Thread_local char report[REPORT];
	int length = tally_threads_report(report, sizeof report);
	CHECK(length >= 0 && (size_t)length == strlen(report));
	return line_in(report, name, line);
}

static int count_in(const char *report, const char *words)
{
	int count = 0;
	for (; (report = strstr(report, words)); report++) count++;
	return count;
}

static int lines_of(const char *report) { return count_in(report, "\n"); }

// Asks until the line of the thread says both.
static void await_line(const char *name, const char *stance, const char *wait)
{
	char line[LINE];
	bool attached_before = tally_thread_is_attached();
	if (attached_before) tally_blocking_begin();
	do {
		sched_yield();
		line_of(name, line);
	} while (!line[0] || !strstr(line, stance) || !strstr(line, wait));
	if (attached_before) tally_blocking_end();
}

// ---- how threads stand ----

static pthread_t start(void *(*run)(void *), const char *name) { return spawn(run, (void *)(uintptr_t)name); }

static _Atomic pid_t number; // of the thread, once it is in its region

static void *stay_in_a_region(void *name)
{
	tally_thread_set_name(name);
	tally_token token = attached();
	CHECK_EQ(tally_blocking_begin(), 0);
	atomic_store(&number, (pid_t)syscall(SYS_gettid));
	while (!has_reached(&at, 1)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	tally_thread_detach(token);
	return NULL;
}

static pthread_t start_in_a_region(const char *name)
{
	atomic_store(&number, 0);
	pthread_t thread = start(stay_in_a_region, name);
	CHECK_EQ(tally_blocking_begin(), 0);
	while (!atomic_load(&number)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	return thread;
}

static void a_line_has_the_name_and_the_number_of_its_thread(void)
{
	char line[LINE], expected[LINE];
	reach(&at, 0);
	pthread_t thread = start_in_a_region("worker");
	snprintf(expected, sizeof expected, "worker (thread %d): is in a blocking region; ", (int)atomic_load(&number));
	CHECK(strstr(line_of("worker", line), expected) == line);
	reach(&at, 1);
	finish(thread);
	CHECK_STR(line_of("worker", line), "");
}

static void *change_the_name(void *unused)
{
	char line[LINE];
	(void)unused;
	tally_token token = attached();
	CHECK(line_of("unnamed", line)[0]);
	tally_thread_set_name("first");
	CHECK(line_of("first", line)[0]);
	tally_thread_set_name("second");
	CHECK(line_of("second", line)[0]);
	CHECK_STR(line_of("first", line), "");
	tally_thread_set_name(NULL);
	CHECK(line_of("unnamed", line)[0]);
	tally_thread_detach(token);
	CHECK_STR(line_of("unnamed", line), "");
	return NULL;
}

static void a_thread_without_a_name_is_called_unnamed(void)
{
	tally_thread_set_name("the test");
	finish(spawn(change_the_name, NULL));
}

// Attached, with no point until `at` is 1.
static void *come_to_no_point(void *name)
{
	tally_thread_set_name(name);
	tally_token token = attached();
	while (!has_reached(&at, 1)) sched_yield();
	tally_thread_detach(token);
	return NULL;
}

static void await_runner(void) { await_line("runner", is_gil() ? ": has had the lock for " : ": is attached; ", "; runs"); }

static void *stop_the_world(void *name)
{
	tally_heap_stats stats = {.size = sizeof stats};
	tally_thread_set_name(name);
	tally_token token = attached();
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	tally_thread_detach(token);
	return NULL;
}

static void an_attached_thread_is_shown_so_and_in_gil_as_the_holder_of_the_lock(void)
{
	reach(&at, 0);
	pthread_t runner = start(come_to_no_point, "runner");
	CHECK_EQ(tally_blocking_begin(), 0);
	await_runner();
	reach(&at, 1);
	CHECK_EQ(tally_blocking_end(), 0);
	finish(runner);
}

// The report is asked for while a stop hangs: that is what it is for.
static void a_stop_that_hangs_is_shown_with_who_is_in_the_way(void)
{
	reach(&at, 0);
	pthread_t runner = start(come_to_no_point, "runner");
	CHECK_EQ(tally_blocking_begin(), 0);
	await_runner();
	pthread_t stopper = start(stop_the_world, "stopper");
	await_line("stopper", is_gil() ? ": waits for the lock; " : ": began to stop the world ", "condition");
	await_line("runner", is_gil() ? ": has had the lock for " : " ms ago and has not come to a point; ", "; runs");
	pthread_t second = start(stop_the_world, "second"); // needs a slot, which it cannot get in the middle of a stop
	await_line("second", is_gil() ? ": waits for the lock; " : ": waits for the world to start; ", "condition");
	reach(&at, 1);
	pthread_join(runner, NULL);
	pthread_join(stopper, NULL);
	pthread_join(second, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
}

static int hold_the_world(const tally_heap_block *block, void *context)
{
	(void)block;
	(void)context;
	reach(&there, 1);
	while (!has_reached(&at, 3)) sched_yield();
	return 1;
}

static void *keep_the_world_stopped(void *name)
{
	tally_thread_set_name(name);
	tally_token token = attached();
	await(&at, 1);
	tally_object *object = counted(7);
	tally_heap_walk(hold_the_world, NULL);
	tally_decref(object);
	tally_thread_detach(token);
	return NULL;
}

static void *come_back_late(void *name)
{
	tally_thread_set_name(name);
	tally_token token = attached();
	await(&at, 2);
	tally_thread_detach(token);
	return NULL;
}

static void a_thread_that_comes_back_to_a_stopped_world_waits_for_its_start(void)
{
	reach(&at, 0);
	reach(&there, 0);
	pthread_t stopper = start(keep_the_world_stopped, "stopper"), late = start(come_back_late, "late");
	CHECK_EQ(tally_blocking_begin(), 0);
	await_line("late", "is in a blocking region", ANYWHERE);
	reach(&at, 1);
	await(&there, 1);
	await_line("stopper", is_gil() ? ": has had the lock for " : ": began to stop the world ", "; runs");
	reach(&at, 2);
	await_line("late", is_gil() ? ": waits for the lock; " : ": waits for the world to start; ", "condition");
	reach(&at, 3);
	pthread_join(stopper, NULL);
	pthread_join(late, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
}

static tally_token restart(const tally_config *config)
{
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), NULL), 0);
	if (tally_init(config)) tap_bail_out(tally_error_message());
	return attached();
}

static void *attach_in_two_runtimes(void *name)
{
	tally_thread_set_name(name);
	tally_thread_detach(attached());
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	tally_thread_detach(attached());
	return NULL;
}

static void what_a_thread_had_in_an_earlier_runtime_is_not_looked_at(void)
{
	reach(&at, 0);
	reach(&there, 0);
	pthread_t old = start(attach_in_two_runtimes, "old");
	await(&at, 1);
	fixture_token = restart(NULL);
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_t stopper = start(keep_the_world_stopped, "stopper");
	await(&there, 1);
	await_line("stopper", is_gil() ? ": has had the lock for " : ": began to stop the world ", "; runs");
	reach(&at, 2);
	await_line("old", is_gil() ? ": waits for the lock; " : ": waits for the world to start; ", "condition");
	reach(&at, 3);
	pthread_join(stopper, NULL);
	pthread_join(old, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
}

static void *ask_once(void *length)
{
	*(int *)length = tally_threads_report(NULL, 0);
	return NULL;
}

static atomic_int length_during_the_start;

// The start makes the types, so the arena for them is wanted while it is under way.
static void *give_an_arena_and_ask(size_t size, size_t alignment, void *context)
{
	int length = -1;
	(void)context;
	pthread_join(spawn(ask_once, &length), NULL);
	atomic_store(&length_during_the_start, length);
	return memset(aligned_alloc(alignment, size), 0, size);
}

static void take_an_arena_back(void *arena, size_t size, void *context)
{
	(void)size;
	(void)context;
	free(arena);
}

static void in_the_middle_of_a_start_there_is_nothing_to_tell(void)
{
	tally_config config = {.size = sizeof config, .arena_alloc = give_an_arena_and_ask, .arena_free = take_an_arena_back};
	atomic_store(&length_during_the_start, -2);
	fixture_token = restart(&config);
	CHECK_EQ(atomic_load(&length_during_the_start), 0);
}

static void *hold_the_list(void *name)
{
	tally_critical section;
	tally_thread_set_name(name);
	tally_token token = attached();
	tally_critical_begin(&section, list);
	reach(&there, 1);
	while (!has_reached(&at, 1)) tally_safepoint();
	tally_critical_end(&section);
	tally_thread_detach(token);
	return NULL;
}

static void *append_to_the_list(void *name)
{
	tally_thread_set_name(name);
	tally_token token = attached();
	tally_list_append(list, list);
	tally_thread_detach(token);
	return NULL;
}

static void a_thread_that_waits_for_an_object_is_shown_so(void)
{
	list = must(tally_list_new());
	reach(&at, 0);
	reach(&there, 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_t holder = start(hold_the_list, "holder");
	await(&there, 1);
	pthread_t waiter = start(append_to_the_list, "waiter");
	await_line("waiter", is_gil() ? ": waits for the lock; " : ": waits for an object's lock; ", "condition");
	reach(&at, 1);
	pthread_join(holder, NULL);
	pthread_join(waiter, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_list_clear(list), 0);
	tally_decref(list);
}

// ---- what threads wait for ----

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static bool ready; // guarded by mutex
static int ends[2];

static void wait_for_mutex(void)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
}

static void wait_for_condition(void)
{
	pthread_mutex_lock(&mutex);
	while (!ready) pthread_cond_wait(&condition, &mutex);
	pthread_mutex_unlock(&mutex);
}

static void wait_for_semaphore(void)
{
	while (sem_wait(&semaphore))
		;
}

static void wait_for_pipe(void)
{
	char byte;
	if (read(ends[0], &byte, 1) != 1) tap_bail_out("nothing read");
}

static void wait_in_poll(void)
{
	struct pollfd file = {.fd = ends[0], .events = POLLIN};
	poll(&file, 1, -1);
	wait_for_pipe();
}

static void compute(void)
{
	while (!has_reached(&at, 1)) sched_yield();
}

static void *wait_in_a_region(void *wait)
{
	tally_thread_set_name("waiter");
	tally_token token = attached();
	tally_blocking_begin();
	(*(void (**)(void))wait)();
	tally_blocking_end();
	tally_thread_detach(token);
	return NULL;
}

static pthread_t start_waiter(void (**wait)(void))
{
	reach(&at, 0);
	return spawn(wait_in_a_region, wait);
}

// Until the address is that of the object, or lies inside it. (On its way to where it stays a thread may wait for
// others.)
static void await_address(const void *object, size_t size)
{
	char line[LINE];
	unsigned long long address = 0;
	do {
		await_line("waiter", "is in a blocking region; ", "waits for a lock, condition or join at 0x");
		const char *found = strstr(line_of("waiter", line), " at 0x");
		if (!found || sscanf(found, " at %llx", &address) != 1) address = 0;
	} while (address - (uintptr_t)object >= size);
}

static void a_wait_for_a_lock_a_condition_or_a_semaphore_shows_where_it_is(void)
{
	void (*waits[])(void) = {wait_for_mutex, wait_for_condition, wait_for_semaphore};
	pthread_mutex_lock(&mutex);
	pthread_t waiter = start_waiter(&waits[0]);
	await_address(&mutex, 1);
	pthread_mutex_unlock(&mutex);
	finish(waiter);

	waiter = start_waiter(&waits[1]);
	await_address(&condition, sizeof condition);
	pthread_mutex_lock(&mutex);
	ready = true;
	pthread_cond_signal(&condition);
	pthread_mutex_unlock(&mutex);
	finish(waiter);

	sem_init(&semaphore, 0, 0);
	waiter = start_waiter(&waits[2]);
	await_address(&semaphore, sizeof semaphore);
	sem_post(&semaphore);
	finish(waiter);
}

static void a_call_of_the_system_is_named_with_its_file_and_computing_is_running(void)
{
	void (*waits[])(void) = {wait_for_pipe, wait_in_poll, compute};
	char wait[64];
	if (pipe(ends)) tap_bail_out("no pipe");
	snprintf(wait, sizeof wait, "; waits in read of file descriptor %d", ends[0]);
	pthread_t waiter = start_waiter(&waits[0]);
	await_line("waiter", "is in a blocking region", wait);
	CHECK_EQ(write(ends[1], "", 1), 1);
	finish(waiter);

	waiter = start_waiter(&waits[1]);
	await_line("waiter", "is in a blocking region", "; waits in poll");
	CHECK_EQ(write(ends[1], "", 1), 1);
	finish(waiter);

	waiter = start_waiter(&waits[2]);
	await_line("waiter", "is in a blocking region", "; runs");
	reach(&at, 1);
	finish(waiter);
	close(ends[0]);
	close(ends[1]);
}

static void what_cannot_be_read_is_left_out(void)
{
	char line[LINE];
	struct rlimit former, none;
	reach(&at, 0);
	pthread_t thread = start_in_a_region("worker");
	getrlimit(RLIMIT_NOFILE, &former);
	none = former;
	none.rlim_cur = 0; // no file can be opened
	setrlimit(RLIMIT_NOFILE, &none);
	line_of("worker", line);
	setrlimit(RLIMIT_NOFILE, &former);
	CHECK(strstr(line, ": is in a blocking region; waits for what cannot be found out"));
	reach(&at, 1);
	finish(thread);
}

// ---- the text ----

static void check_sizes(void)
{
	char whole[REPORT], part[REPORT];
	int length = tally_threads_report(whole, sizeof whole);
	CHECK_EQ(strlen(whole), length);
	CHECK_EQ(lines_of(whole), 2);
	CHECK_EQ(tally_threads_report(NULL, 0), length);
	for (int size = 1; size <= length + 2; size++) {
		memset(part, '#', sizeof part);
		CHECK_EQ(tally_threads_report(part, (size_t)size), length);
		size_t written = size <= length ? (size_t)size - 1 : (size_t)length;
		CHECK_EQ(memcmp(part, whole, written), 0);
		CHECK_EQ(part[written], 0);
		CHECK_EQ(part[size], '#');
	}
}

static void a_report_is_cut_like_that_of_snprintf(void)
{
	void (*wait)(void) = wait_for_mutex;
	errno = 1234;
	pthread_mutex_lock(&mutex);
	pthread_t waiter = start_waiter(&wait);
	await_address(&mutex, 1);
	errno = 1234;
	CHECK_EQ(tally_blocking_begin(), 0);
	check_sizes(); // from a region: then no line shows a time
	CHECK_EQ(errno, 1234);
	CHECK_EQ(tally_blocking_end(), 0);
	pthread_mutex_unlock(&mutex);
	finish(waiter);
}

static void ask(void)
{
	char line[LINE];
	CHECK(line_of("the test", line)[0]);
}

static void any_thread_may_ask(void)
{
	char line[LINE];
	tally_thread_set_name("the test");
	run_unattached(ask);
	CHECK(strstr(line_of("the test", line), "; asks for this report"));
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK(strstr(line_of("the test", line), ": is in a blocking region; asks for this report"));
	CHECK_EQ(tally_blocking_end(), 0);
}

static void without_a_runtime_there_is_nothing_to_tell(void)
{
	char report[16] = "?";
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_threads_report(report, sizeof report), 0);
	CHECK_STR(report, "");
	CHECK_EQ(tally_fini(UINT64_C(10000000000), NULL), 0);
	memset(report, '?', sizeof report);
	CHECK_EQ(tally_threads_report(report, sizeof report), 0);
	CHECK_STR(report, "");
	fixture_start();
}

// ---- while everything moves ----

static void *ask_again_and_again(void *reports)
{
	char report[REPORT];
	while (!has_reached(&at, 1)) {
		int length = tally_threads_report(report, sizeof report);
		CHECK(length >= 0 && report[length] == 0);
		++*(unsigned *)reports;
	}
	return NULL;
}

static void *come_and_go(void *unused)
{
	(void)unused;
	tally_thread_set_name("coming and going");
	tally_token token = attached();
	tally_decref(counted(1));
	tally_blocking_begin();
	tally_blocking_end();
	fixture_live_objects();
	tally_thread_detach(token);
	return NULL;
}

static void threads_and_runtimes_come_and_go_while_reports_are_made(void)
{
	unsigned reports = 0;
	reach(&at, 0);
	pthread_t asker = spawn(ask_again_and_again, &reports);
	for (int round = tap_scale(100); round > 0; round--) {
		pthread_t threads[4];
		for (int i = 0; i < 4; i++) threads[i] = spawn(come_and_go, NULL);
		for (int i = 0; i < 4; i++) finish(threads[i]);
		fixture_token = restart(NULL);
	}
	reach(&at, 1);
	finish(asker);
	tap_note("%u reports", reports);
}

// ---- the hook ----

enum { KEPT = 4 };
static struct {
	atomic_uint calls;
	unsigned enough;      // calls after which `at` is reached
	char reports[KEPT][REPORT];
	bool was_attached, made_a_list;
	enum tally_error_code error;
	int length;
} told;

static void tell(const char *report, void *context)
{
	unsigned call = atomic_load(&told.calls);
	CHECK_PTR(context, &told);
	if (call < KEPT) snprintf(told.reports[call], REPORT, "%s", report);
	told.was_attached = tally_thread_is_attached();
	told.made_a_list = tally_list_new() != NULL;
	told.error = tally_error_code();
	told.length = tally_threads_report(NULL, 0);
	tally_error_clear();
	atomic_store(&told.calls, call + 1);
	if (call + 1 >= told.enough) reach(&at, 1);
}

static void start_told(uint64_t stall_ns, unsigned enough)
{
	tally_config config = {.size = sizeof config, .stall_ns = stall_ns, .on_stall = tell, .context = &told};
	fixture_token = restart(&config);
	tally_thread_set_name("the test");
	memset(&told, 0, sizeof told);
	told.enough = enough;
	reach(&at, 0);
}

// Stops the world, which takes the lock in `gil`, while the runner comes to no point.
static void wait_for_runner(pthread_t runner)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	await_runner();
	CHECK_EQ(tally_blocking_end(), 0);
	fixture_live_objects();
	finish(runner);
}

static unsigned long long ms_waited(const char *report)
{
	char expected[LINE];
	unsigned long long ms = 0;
	const char *found = strstr(report, " ms; in the way:\n");
	snprintf(expected, sizeof expected, "the test (thread %d) has waited for %s for ", (int)syscall(SYS_gettid),
	         is_gil() ? "the lock" : "the world to stop");
	CHECK(strstr(report, expected) == report);
	if (CHECK(found)) CHECK_EQ(sscanf(report + strlen(expected), "%llu", &ms), 1);
	return ms;
}

static void the_host_is_told_who_is_in_the_way_again_and_again_each_time_after_twice_the_time(void)
{
	char line[LINE];
	start_told(20000000, 3);
	reach(&at, 0);
	pthread_t runner = start(come_to_no_point, "runner");
	wait_for_runner(runner);
	CHECK(atomic_load(&told.calls) >= 3);
	unsigned long long least = 20;
	for (int i = 0; i < 3; i++) {
		unsigned long long ms = ms_waited(told.reports[i]);
		CHECK(ms >= least);
		CHECK_EQ(lines_of(told.reports[i]), 2);
		line_in(told.reports[i], "runner", line);
		CHECK(strstr(line, is_gil() ? ": has had the lock for " : " ms ago and has not come to a point; "));
		CHECK(strstr(line, "; runs"));
		least = 2 * ms;
	}
	tap_note("%s", line);
}

static void in_the_hook_the_thread_is_not_attached_and_may_ask_for_a_report(void)
{
	start_told(20000000, 1);
	wait_for_runner(start(come_to_no_point, "runner"));
	CHECK(atomic_load(&told.calls) >= 1);
	CHECK(!told.was_attached);
	CHECK(!told.made_a_list);
	CHECK_EQ(told.error, TALLY_ERROR_THREAD);
	CHECK(told.length > 0);
	CHECK(tally_thread_is_attached());
	tally_decref(counted(1));
}

static void a_second_is_the_time_when_none_is_given(void)
{
	start_told(0, 1);
	wait_for_runner(start(come_to_no_point, "runner"));
	CHECK(ms_waited(told.reports[0]) >= 1000);
}

static void *run_on_for_long(void *name)
{
	tally_thread_set_name(name);
	tally_token token = attached();
	while (!has_reached(&at, 1)) sched_yield();
	for (uint64_t start_ns = now_ns(); now_ns() - start_ns < 100000000;)
		;
	tally_thread_detach(token);
	return NULL;
}

static void wait_for_long(void)
{
	reach(&at, 0);
	pthread_t runner = start(run_on_for_long, "runner");
	CHECK_EQ(tally_blocking_begin(), 0);
	await_runner();
	reach(&at, 1);
	CHECK_EQ(tally_blocking_end(), 0);
	fixture_live_objects();
	finish(runner);
}

static void who_does_not_want_to_be_told_is_not_told(void)
{
	start_told(UINT64_MAX, 1);
	wait_for_long();
	CHECK_EQ(atomic_load(&told.calls), 0);
	fixture_token = restart(NULL); // no hook at all
	wait_for_long();
}

static void threads_in_regions_are_not_in_the_way(void)
{
	char line[LINE];
	start_told(20000000, 1);
	pthread_t idle = start_in_a_region("idle");
	wait_for_runner(start(come_to_no_point, "runner"));
	CHECK(line_in(told.reports[0], "runner", line)[0]);
	CHECK_STR(line_in(told.reports[0], "idle", line), "");
	finish(idle);
}

enum { MANY = 48 };

static void what_does_not_fit_into_the_report_of_the_hook_is_left_out(void)
{
	pthread_t runners[MANY];
	start_told(20000000, 1);
	CHECK_EQ(tally_blocking_begin(), 0);
	for (int i = 0; i < MANY; i++) runners[i] = start(come_to_no_point, "one of many with a long name .");
	for (char report[REPORT]; tally_threads_report(report, sizeof report), count_in(report, ": is attached; ") < MANY;) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	fixture_live_objects();
	for (int i = 0; i < MANY; i++) finish(runners[i]);
	size_t length = strlen(told.reports[0]);
	CHECK(length > 1000);
	CHECK_STR(told.reports[0] + length - 4, "...\n");
}

int main(void)
{
	fixture_begin(90);
	TAP_RUN(a_line_has_the_name_and_the_number_of_its_thread);
	TAP_RUN(a_thread_without_a_name_is_called_unnamed);
	TAP_RUN(an_attached_thread_is_shown_so_and_in_gil_as_the_holder_of_the_lock);
	TAP_RUN(a_stop_that_hangs_is_shown_with_who_is_in_the_way);
	TAP_RUN(a_thread_that_comes_back_to_a_stopped_world_waits_for_its_start);
	TAP_RUN(a_thread_that_waits_for_an_object_is_shown_so);
	TAP_RUN(what_a_thread_had_in_an_earlier_runtime_is_not_looked_at);
	TAP_RUN(a_wait_for_a_lock_a_condition_or_a_semaphore_shows_where_it_is);
	TAP_RUN(a_call_of_the_system_is_named_with_its_file_and_computing_is_running);
	TAP_RUN(what_cannot_be_read_is_left_out);
	TAP_RUN(a_report_is_cut_like_that_of_snprintf);
	TAP_RUN(any_thread_may_ask);
	TAP_RUN(without_a_runtime_there_is_nothing_to_tell);
	TAP_RUN(in_the_middle_of_a_start_there_is_nothing_to_tell);
	TAP_RUN(threads_and_runtimes_come_and_go_while_reports_are_made);
	TAP_RUN(the_host_is_told_who_is_in_the_way_again_and_again_each_time_after_twice_the_time);
	TAP_RUN(in_the_hook_the_thread_is_not_attached_and_may_ask_for_a_report);
	TAP_RUN(a_second_is_the_time_when_none_is_given);
	TAP_RUN(who_does_not_want_to_be_told_is_not_told);
	TAP_RUN(threads_in_regions_are_not_in_the_way);
	if (is_gil()) tap_skip("what_does_not_fit_into_the_report_of_the_hook_is_left_out", "one thread has the lock");
	else TAP_RUN(what_does_not_fit_into_the_report_of_the_hook_is_left_out);
	return tap_end();
}
