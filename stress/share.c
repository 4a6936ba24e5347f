// stress/share.c: the benchmark of sharing: one process, one row, a few lines `figure value`.
//
// script/share starts many of these: one program for each build, one in CPython through its C API, and one that has only
// counters. Here is what they share: the command line, the threads, the clock. docs/share.md says what each row is.
//
//     ROW THREADS WINDOWS MICROSECONDS   measures
//     count ROW OPERATIONS WHO           for callgrind: that many operations by thread WHO (0: the owner), after as many by all
//     check                              every row, small, for a test: lines `ROW figure value`
//     list                               the rows, each with `private` or `shared`
//     version                            whose objects these are
//
// The first thread is the one of `main`; it owns what the rows make, and starts the windows. In a window some of the threads do
// operations, all of them from the same moment on, until the time is over. A window is clean if none of them was late or
// had to leave its processor to another program meanwhile, as far as the kernel tells; there is one processor for each
// where there are enough. Windows of the owner alone, of the second alone (of shared rows) and of all of them take turns,
// so that what is compared was measured at nearly the same moment.
//
//     fastest   the owner alone: nanoseconds an operation, in the fastest window
//     owner     the same, the median of the clean windows; `other`: the second thread alone
//     all       all threads at once: nanoseconds an operation **and thread**: the time, times the threads, by all operations
//     scale     how many times the operations of the owner alone all of them do in the same time: the median of the pairs
//     clean     the part of the windows that were
#include "pin.h"
#include "share.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { MOST_WINDOWS = 1000, ATTEMPTS = 4, CHECK_WINDOWS = 2, CHECK_MICROSECONDS = 200, LATE_NS = 100000 };
enum who { OWNER, OTHER, ALL, KINDS };

void fail(const char *what)
{
	fprintf(stderr, "%s: failed: %s\n", program_invocation_short_name, what);
	fflush(stdout);
	_Exit(1); // the other threads go on
}

const char *key_text(size_t i, char text[KEY_SIZE])
{
	snprintf(text, KEY_SIZE, "key-%05zu", i % 100000);
	return text;
}

// ---- the threads ----

enum order { PREPARE, WARM, WINDOW, COUNT, FINISH, LEAVE };

struct worker {
	pthread_t thread;
	struct lane lane;
	sem_t begin, end;
	enum order order;
	// of the last window
	double operations, lasted;
	bool clean;
};

static struct {
	const struct row *row;
	size_t threads;
	uint64_t window_ns;
	size_t operations; // of WARM and COUNT
	struct worker workers[MOST_THREADS];
	cpu_set_t allowed; // to the whole process; none: not known
	// of a window: how many take part, and how many have come; when it ends, 0 until all have
	size_t members;
	_Atomic size_t arrived;
	_Atomic uint64_t deadline;
} team;

static uint64_t now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static long displacements(void)
{
	struct rusage usage;
	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

static uint64_t wait_for_all(void)
{
	uint64_t deadline;
	if (atomic_fetch_add(&team.arrived, 1) + 1 == team.members)
		atomic_store(&team.deadline, now_ns() + team.window_ns);
	for (unsigned spins = 0; !(deadline = atomic_load(&team.deadline)); spins++) {
		if (spins % 4096 == 4095) sched_yield();
	}
	return deadline;
}

// A function of its own, by whose name callgrind knows what to count: --toggle-collect=measured_pass.
void measured_pass(const struct lane *lane, size_t operations);
__attribute__((noinline)) void measured_pass(const struct lane *lane, size_t operations)
{
	team.row->pass(lane, operations);
	__asm__ volatile(""); // no tail call: the function must be seen to return
}

static void run_window(struct worker *worker)
{
	uint64_t deadline = wait_for_all(), begin = deadline - team.window_ns, now = now_ns();
	long before = displacements();
	double operations = 0;
	worker->clean = now < begin + LATE_NS;
	side_resume();
	while ((now = now_ns()) < deadline) {
		measured_pass(&worker->lane, PORTION);
		operations += PORTION;
	}
	side_pause();
	worker->operations = operations;
	worker->lasted = (double)(now - begin);
	worker->clean = worker->clean && displacements() == before;
}

static void run_pass(struct worker *worker, void (*pass)(const struct lane *lane, size_t operations))
{
	side_resume();
	pass(&worker->lane, team.operations);
	side_pause();
}

static void run_with_place(void (*function)(struct place *place), struct worker *worker)
{
	if (!function || (team.row->kind != PRIVATE && worker->lane.index)) return;
	side_resume();
	function(worker->lane.place);
	side_pause();
}

static void obey(struct worker *worker)
{
	switch (worker->order) {
	case PREPARE: run_with_place(team.row->prepare, worker); break;
	case WARM: run_pass(worker, team.row->pass); break;
	case WINDOW: run_window(worker); break;
	case COUNT: run_pass(worker, measured_pass); break;
	case FINISH: run_with_place(team.row->finish, worker); break;
	case LEAVE: break;
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	pin_to(&team.allowed, worker->lane.index);
	side_enter();
	side_pause();
	do {
		sem_post(&worker->end);
		while (sem_wait(&worker->begin)) {}
		obey(worker);
	} while (worker->order != LEAVE);
	side_resume();
	side_leave();
	return NULL;
}

static void end_order(struct worker *worker)
{
	while (sem_wait(&worker->end)) {}
}

// Workers from `first` on, `count` of them. The owner is this thread.
static void give_order(enum order order, size_t first, size_t count)
{
	struct worker *workers = team.workers;
	for (size_t i = first; i < first + count; i++) {
		workers[i].order = order;
		if (i) sem_post(&workers[i].begin);
	}
	if (first == 0) obey(&workers[0]);
	for (size_t i = first ? first : 1; i < first + count; i++)
		end_order(&workers[i]);
}

// Threads that share go through the items in orders of their own, unless the row wants to see what happens otherwise: one comes
// up to the other, has to wait for it at each item, and stays behind it. No step has a common divisor with ITEMS.
static struct lane lane_of(size_t i)
{
	static const size_t steps[MOST_THREADS] = {1, ITEMS - 1, 3, ITEMS - 3, 7, ITEMS - 7, 9, ITEMS - 9};
	if (team.row->kind == PRIVATE) return (struct lane){side_place(i), i, team.threads, 0, 1};
	size_t step = team.row->kind == IN_STEP ? 1 : steps[i];
	return (struct lane){side_place(0), i, team.threads, i * ITEMS / team.threads, step};
}

static void start_worker(size_t i)
{
	struct worker *worker = &team.workers[i];
	*worker = (struct worker){.lane = lane_of(i)};
	if (i == 0) return;
	sem_init(&worker->begin, 0, 0);
	sem_init(&worker->end, 0, 0);
	if (pthread_create(&worker->thread, NULL, work, worker)) fail("a thread cannot be started");
	end_order(worker);
}

// The runtime has started, and the calling thread uses it, but waits as all of them do between two orders.
static void start_team(const struct row *row, size_t threads)
{
	team.row = row;
	team.threads = threads;
	pin_to(&team.allowed, 0);
	side_start();
	side_pause();
	for (size_t i = 0; i < threads; i++)
		start_worker(i);
	for (size_t i = 0; i < threads; i++)
		give_order(PREPARE, i, 1);
}

static void stop_team(void)
{
	for (size_t i = team.threads; i-- > 0;)
		give_order(FINISH, i, 1);
	for (size_t i = 1; i < team.threads; i++) {
		team.workers[i].order = LEAVE;
		sem_post(&team.workers[i].begin);
		pthread_join(team.workers[i].thread, NULL);
	}
	side_resume();
	side_stop();
}

// So that memory, caches and branches know the row, and the objects that they are shared.
static void warm(size_t operations)
{
	team.operations = operations;
	for (size_t i = 0; i < team.threads; i++)
		give_order(WARM, i, 1);
}

// ---- measuring ----

struct figures {
	double fastest, median[KINDS], scale, clean;
	bool has[KINDS];
};

struct values {
	double clean[MOST_WINDOWS * ATTEMPTS], any[MOST_WINDOWS * ATTEMPTS];
	size_t clean_count, any_count;
};

static struct values values[KINDS], scales;

static void add_value(struct values *to, double value, bool clean)
{
	to->any[to->any_count++] = value;
	if (clean) to->clean[to->clean_count++] = value;
}

static int compare(const void *a, const void *b)
{
	double first = *(const double *)a, second = *(const double *)b;
	return (first > second) - (first < second);
}

static double median(double *of, size_t count)
{
	if (count == 0) return 0;
	qsort(of, count, sizeof *of, compare);
	return count % 2 ? of[count / 2] : (of[count / 2 - 1] + of[count / 2]) / 2;
}

// Of the clean ones, if there are any.
static double median_of(struct values *of)
{
	return of->clean_count ? median(of->clean, of->clean_count) : median(of->any, of->any_count);
}

// Nanoseconds an operation and thread; *clean: whether the window was.
static double measure_window(enum who who, bool *clean)
{
	size_t first = who == OTHER ? 1 : 0, count = who == ALL ? team.threads : 1;
	double rate = 0;
	team.members = count;
	atomic_store(&team.arrived, 0);
	atomic_store(&team.deadline, 0);
	give_order(WINDOW, first, count);
	*clean = true;
	for (size_t i = first; i < first + count; i++) {
		rate += team.workers[i].operations / team.workers[i].lasted;
		*clean = *clean && team.workers[i].clean;
	}
	return rate > 0 ? (double)count / rate : 0; // 0: nobody came to anything
}

static void measure_turn(bool has_other)
{
	bool clean[KINDS] = {false};
	double ns[KINDS] = {0};
	for (enum who who = OWNER; who < KINDS; who++) {
		if (who == OTHER ? !has_other : who == ALL && team.threads == 1) continue;
		ns[who] = measure_window(who, &clean[who]);
		if (ns[who] > 0) add_value(&values[who], ns[who], clean[who]);
	}
	if (ns[ALL] > 0) add_value(&scales, (double)team.threads * ns[OWNER] / ns[ALL], clean[OWNER] && clean[ALL]);
}

static double fastest_of(const struct values *of)
{
	double fastest = of->any_count ? of->any[0] : 0;
	for (size_t i = 1; i < of->any_count; i++) {
		if (of->any[i] < fastest) fastest = of->any[i];
	}
	return fastest;
}

// Turns until there are enough with clean windows, or too many.
static struct figures measure(size_t windows)
{
	struct values *decisive = team.threads > 1 ? &scales : &values[OWNER];
	struct figures figures = {0};
	bool has_other = team.row->kind != PRIVATE && team.threads > 1;
	for (enum who who = OWNER; who < KINDS; who++)
		values[who].clean_count = values[who].any_count = 0;
	scales.clean_count = scales.any_count = 0;
	size_t turns = 0;
	while (turns < ATTEMPTS * windows && decisive->clean_count < windows) {
		measure_turn(has_other);
		turns++;
	}
	figures.fastest = fastest_of(&values[OWNER]);
	for (enum who who = OWNER; who < KINDS; who++)
		figures.median[who] = median_of(&values[who]);
	figures.scale = median_of(&scales);
	figures.clean = (double)decisive->clean_count / (double)turns;
	return figures;
}

// ---- the command line ----

static _Noreturn void refuse(const char *given, const char *expected)
{
	fprintf(stderr, "%s: '%s' given, %s expected\n", program_invocation_short_name, given, expected);
	exit(2);
}

static size_t parse_number(const char *given, size_t least, size_t most)
{
	char *end = NULL, expected[80];
	unsigned long long number = strtoull(given, &end, 10);
	if (*given >= '0' && *given <= '9' && !*end && number >= least && number <= most) return (size_t)number;
	snprintf(expected, sizeof expected, "a number from %zu to %zu", least, most);
	refuse(given, expected);
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; side_row(i); i++) {
		if (strcmp(side_row(i)->name, name) == 0) return side_row(i);
	}
	refuse(name, "a row");
}

static void measure_row(const struct row *row, size_t threads, size_t windows, size_t microseconds, const char *before)
{
	static const char *const names[] = {"owner", "other", "all"};
	start_team(row, threads);
	warm(microseconds < CHECK_MICROSECONDS * 2 ? ITEMS : 20 * ITEMS);
	team.window_ns = microseconds * UINT64_C(1000);
	struct figures figures = measure(windows);
	stop_team();
	printf("%sfastest %.3f\n", before, figures.fastest);
	for (enum who who = OWNER; who < KINDS; who++) {
		if (figures.median[who] > 0) printf("%s%s %.3f\n", before, names[who], figures.median[who]);
	}
	if (threads > 1) printf("%sscale %.3f\n", before, figures.scale);
	printf("%sclean %.2f\n", before, figures.clean);
}

static void count_row(const struct row *row, size_t operations, size_t who)
{
	if (operations % ITEMS) refuse("count", "a multiple of 1000");
	start_team(row, row->kind == PRIVATE ? 1 : 2);
	if (who >= team.threads) refuse("count", "thread 0, or of a shared row 1");
	warm(operations);
	warm(operations); // what is marked as shared by the second thread is used again by the first
	give_order(COUNT, who, 1);
	stop_team();
}

static void check_all(void)
{
	char before[64];
	for (size_t i = 0; side_row(i); i++) {
		snprintf(before, sizeof before, "%s ", side_row(i)->name);
		measure_row(side_row(i), 2, CHECK_WINDOWS, CHECK_MICROSECONDS, before);
	}
}

static void list_rows(void)
{
	for (size_t i = 0; side_row(i); i++)
		printf("%s %s\n", side_row(i)->kind == PRIVATE ? "private" : "shared", side_row(i)->name);
}

int main(int count, char **arguments)
{
	const char *first = count > 1 ? arguments[1] : "nothing";
	if (sched_getaffinity(0, sizeof team.allowed, &team.allowed)) CPU_ZERO(&team.allowed);
	if (count == 2 && strcmp(first, "check") == 0)
		check_all();
	else if (count == 2 && strcmp(first, "list") == 0)
		list_rows();
	else if (count == 2 && strcmp(first, "version") == 0)
		puts(side_version());
	else if (count == 5 && strcmp(first, "count") == 0)
		count_row(find_row(arguments[2]), parse_number(arguments[3], ITEMS, 1000000000),
		          parse_number(arguments[4], 0, 1));
	else if (count == 5)
		measure_row(find_row(first), parse_number(arguments[2], 1, MOST_THREADS),
		            parse_number(arguments[3], 1, MOST_WINDOWS), parse_number(arguments[4], 10, 1000000), "");
	else
		refuse(first, "a row, threads, windows and microseconds; or count, check, list, version");
	return fflush(stdout) == 0 ? 0 : 1;
}
