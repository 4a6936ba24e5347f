// stress/collect.c: the benchmark of the collector: one process, one measurement, a few lines `figure value`.
//
// script/collect starts many of these, one program for each build, beside stress/collect.py, which does the same work
// with Python's lists; docs/collect.md says what each row is. Nothing but lists is collected. Automatic
// collection is off unless the row is about it, so that each collection is one that was asked for.
//
//     seq, stride, rand N    N live lists, each with one reference, and one more that holds them all; full collections,
//                            by one thread and, where there is help, with that of a second one
//     tree DEPTH             a dropped binary tree whose nodes refer to their parents
//     young OLD NEW          collections of NEW new lists, half of them garbage in rings, while OLD old ones live
//     alloc OLD PAIRS        pairs of lists made while OLD old ones live, with automatic collection
//     check                  all of these, small, for a test
//
// A measurement that is not of what it says ends with status 1: the number of objects collected must be the number of
// those that became garbage, and nothing may be alive at the end.
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tally/tally.h>
#include <tally/gc.h>

enum {
	FULL_REPETITIONS = 5,
	TREE_REPETITIONS = 3,
	YOUNG_REPETITIONS = 100,
	WARM_UP = 1,     // repetitions before those that are measured
	RING = 5,        // lists in a ring; as many are kept for each ring
	WINDOW = 100000, // pairs that live at a time
	STRIDE = 7919,   // a prime
	STRIDE_START = 13,
};

static const uint64_t fini_timeout_ns = UINT64_C(10000000000);

// ---- what must hold ----

static _Noreturn void fail(const char *operation)
{
	const char *message = tally_error_message();
	fprintf(stderr, "tally-collect-%s: %s: %s\n", tally_variant(), operation,
	        *message ? message : "failed without a message");
	exit(1);
}

static tally_object *need(tally_object *object, const char *operation)
{
	if (!object) fail(operation);
	return object;
}

static void check(int result, const char *operation)
{
	if (result < 0) fail(operation);
}

static void *need_memory(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory) {
		fprintf(stderr, "tally-collect-%s: no memory for %zu times %zu bytes\n", tally_variant(), count, size);
		exit(1);
	}
	return memory;
}

static void expect(const char *what, uint64_t found, uint64_t wanted)
{
	if (found == wanted) return;
	fprintf(stderr, "tally-collect-%s: %s: %" PRIu64 " found, %" PRIu64 " expected\n", tally_variant(), what, found,
	        wanted);
	exit(1);
}

// ---- figures ----

static double now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;
	return (a > b) - (a < b);
}

// The smallest number that at least `percent` of them do not exceed. Sorts them.
static double percentile(double *numbers, size_t count, unsigned percent)
{
	qsort(numbers, count, sizeof *numbers, by_size);
	return numbers[(count * percent + 99) / 100 - 1];
}

static void print(const char *figure, double value) { printf("%s %.3f\n", figure, value); }

// ---- random numbers: the same in each run ----

static uint64_t random_state;

static size_t draw_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state >> 11) % limit;
}

// ---- the life of the runtime ----

static tally_token token;

static void start(void)
{
	random_state = UINT64_C(88172645463325252);
	check(tally_init(NULL), "tally_init");
	check(tally_thread_attach(&token), "tally_thread_attach");
	tally_gc_disable();
}

static void stop(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	check(tally_heap_stats_get(&stats), "tally_heap_stats_get");
	expect("objects alive at the end", stats.live_objects, 0);
	check(tally_thread_detach(token), "tally_thread_detach");
	uint64_t leaked = 0;
	check(tally_fini(fini_timeout_ns, &leaked), "tally_fini");
	expect("objects leaked", leaked, 0);
}

// ---- collections ----

// Collects, checks how much that was, and returns how long it took, in ns.
static double collect(int generation, uint64_t garbage)
{
	double before = now_ns();
	int64_t collected = tally_gc_collect(generation);
	double spent = now_ns() - before;
	if (collected < 0) fail("tally_gc_collect");
	expect("objects collected", (uint64_t)collected, garbage);
	return spent;
}

static tally_gc_pauses pauses_so_far(void)
{
	tally_gc_pauses pauses = {.size = sizeof pauses};
	check(tally_gc_get_pauses(&pauses), "tally_gc_get_pauses");
	return pauses;
}

static uint64_t collected_so_far(void)
{
	uint64_t collected = 0;
	for (int generation = 0; generation < TALLY_GC_GENERATIONS; generation++) {
		tally_gc_stats stats = {.size = sizeof stats};
		check(tally_gc_get_stats(generation, &stats), "tally_gc_get_stats");
		collected += stats.collected;
	}
	return collected;
}

// ---- lists ----

static tally_object *make_list(tally_object *first, tally_object *second)
{
	tally_object *items[] = {first, second};
	return need(tally_list_from(items, second ? 2 : 1), "tally_list_from");
}

static void set(tally_object *list, size_t index, tally_object *value)
{
	check(tally_list_set(list, (ptrdiff_t)index, value), "tally_list_set");
}

// Gives the reference of the caller to the list.
static void give(tally_object *list, size_t index, tally_object *value)
{
	set(list, index, value);
	tally_decref(value);
}

static tally_object *make_nones(size_t size)
{
	tally_object **items = need_memory(size, sizeof *items);
	for (size_t i = 0; i < size; i++) items[i] = tally_none();
	tally_object *list = need(tally_list_from(items, size), "tally_list_from");
	free(items);
	return list;
}

// ---- live lists ----

struct graph {
	size_t size;
	tally_object **lists; // in the order in which they were made; the holder owns them
	tally_object *holder;
};

enum shape { SEQ, STRIDED, RANDOM };

// The numbers below `size` in random order; the caller frees them.
static size_t *make_permutation(size_t size)
{
	size_t *numbers = need_memory(size, sizeof *numbers);
	for (size_t i = 0; i < size; i++) numbers[i] = i;
	for (size_t i = size - 1; i > 0; i--) {
		size_t j = draw_below(i + 1), number = numbers[i];
		numbers[i] = numbers[j];
		numbers[j] = number;
	}
	return numbers;
}

// Each list refers to one list and one refers to it: all lie in cycles, and become garbage with the holder.
static void link_lists(const struct graph *graph, enum shape shape)
{
	size_t size = graph->size, *random = shape == RANDOM ? make_permutation(size) : NULL;
	for (size_t i = 0; i < size; i++) {
		size_t next = shape == SEQ       ? (i + 1) % size
		              : shape == STRIDED ? (i * STRIDE + STRIDE_START) % size
		                                 : random[i];
		set(graph->lists[i], 0, graph->lists[next]);
	}
	free(random);
}

static struct graph make_graph(size_t size, enum shape shape)
{
	struct graph graph = {.size = size, .lists = need_memory(size, sizeof *graph.lists)};
	for (size_t i = 0; i < size; i++) graph.lists[i] = make_list(tally_none(), NULL);
	link_lists(&graph, shape);
	graph.holder = need(tally_list_from(graph.lists, size), "tally_list_from");
	for (size_t i = 0; i < size; i++) tally_decref(graph.lists[i]);
	return graph;
}

static void drop_graph(struct graph *graph)
{
	tally_decref(graph->holder);
	free(graph->lists);
}

static tally_object *draw_list(const struct graph *graph) { return graph->lists[draw_below(graph->size)]; }

// ---- full collections of live lists ----

static void time_full(const char *figure, size_t size)
{
	double spent[FULL_REPETITIONS];
	for (int i = 0; i < WARM_UP; i++) collect(2, 0);
	for (int i = 0; i < FULL_REPETITIONS; i++) spent[i] = collect(2, 0) / (double)size;
	print(figure, percentile(spent, FULL_REPETITIONS, 50));
}

// A thread that does nothing but come to points: in the builds without a lock it stands still at one, and helps.
static atomic_bool is_there, is_over;

static void *stand_by(void *unused)
{
	tally_token own;
	(void)unused;
	if (tally_thread_attach(&own)) fail("tally_thread_attach");
	atomic_store(&is_there, true);
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) tally_safepoint();
	tally_thread_detach(own);
	return NULL;
}

static void time_full_with_help(size_t size)
{
	pthread_t helper;
	atomic_store(&is_over, false);
	if (pthread_create(&helper, NULL, stand_by, NULL)) fail("pthread_create");
	while (!atomic_load(&is_there)) sched_yield();
	time_full("full-helped", size);
	atomic_store(&is_over, true);
	tally_blocking_begin();
	pthread_join(helper, NULL);
	tally_blocking_end();
}

static void run_full(size_t size, enum shape shape)
{
	struct graph graph = make_graph(size, shape);
	time_full("full", size);
	if (strcmp(tally_variant(), "gil")) time_full_with_help(size); // there the others just wait for the lock
	drop_graph(&graph);
	collect(2, size);
}

static void run_seq(const size_t *numbers) { run_full(numbers[0], SEQ); }
static void run_stride(const size_t *numbers) { run_full(numbers[0], STRIDED); }
static void run_rand(const size_t *numbers) { run_full(numbers[0], RANDOM); }

// ---- a tree with parent pointers ----

// A node is a list of its children, or none twice, and its parent.
static tally_object *make_tree(size_t depth, tally_object *parent)
{
	tally_object *items[] = {tally_none(), tally_none(), parent};
	tally_object *node = need(tally_list_from(items, 3), "tally_list_from");
	if (depth == 0) return node;
	give(node, 0, make_tree(depth - 1, node));
	give(node, 1, make_tree(depth - 1, node));
	return node;
}

static void run_tree(const size_t *numbers)
{
	double built[TREE_REPETITIONS], collected[TREE_REPETITIONS];
	size_t depth = numbers[0], nodes = ((size_t)2 << depth) - 1;
	for (int i = -WARM_UP; i < TREE_REPETITIONS; i++) {
		double before = now_ns();
		tally_object *tree = make_tree(depth, tally_none());
		double spent_building = now_ns() - before;
		tally_decref(tree);
		double spent_collecting = collect(2, nodes);
		if (i < 0) continue;
		built[i] = spent_building / (double)nodes;
		collected[i] = spent_collecting / (double)nodes;
	}
	print("build", percentile(built, TREE_REPETITIONS, 50));
	print("collect", percentile(collected, TREE_REPETITIONS, 50));
}

// ---- young collections ----

// Every list refers to an old one, too, wherever that is. The caller's references are gone when it returns: garbage.
static void make_ring(const struct graph *old)
{
	tally_object *first = make_list(tally_none(), draw_list(old)), *last = tally_incref(first);
	for (int i = 1; i < RING; i++) {
		tally_object *list = make_list(last, draw_list(old));
		tally_decref(last);
		last = list;
	}
	give(first, 0, last);
	tally_decref(first);
}

// Half of the new lists are garbage; the others take the places of those that were kept last time, which die.
static void make_young(const struct graph *old, tally_object *kept, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		if (i % RING == 0) make_ring(old);
		give(kept, i, make_list(draw_list(old), NULL));
	}
}

static void run_young(const size_t *numbers)
{
	double paused[YOUNG_REPETITIONS], whole[YOUNG_REPETITIONS];
	size_t size = numbers[1];
	struct graph old = make_graph(numbers[0], RANDOM);
	tally_object *kept = make_nones(size / 2);
	collect(2, 0);
	for (int i = -WARM_UP; i < YOUNG_REPETITIONS; i++) {
		make_young(&old, kept, size);
		tally_gc_reset_pauses();
		double spent = collect(0, size / 2) / 1e3;
		if (i < 0) continue;
		paused[i] = (double)pauses_so_far().pause.total / 1e3;
		whole[i] = spent;
	}
	tally_decref(kept);
	drop_graph(&old);
	collect(2, old.size);
	print("pause-median", percentile(paused, YOUNG_REPETITIONS, 50));
	print("pause-p99", percentile(paused, YOUNG_REPETITIONS, 99));
	print("whole-median", percentile(whole, YOUNG_REPETITIONS, 50));
}

// ---- allocation with automatic collection ----

// Two lists that refer to each other, in the window's place, where another pair was: that is garbage now.
static void make_pair(tally_object *window, size_t place)
{
	tally_object *one = make_list(tally_none(), NULL);
	give(one, 0, make_list(one, NULL));
	give(window, place, one);
}

// Returns the time that the longest took, in ns, with whatever collection happened in it.
static double make_pairs(tally_object *window, size_t pairs)
{
	double longest = 0, before = now_ns();
	for (size_t i = 0; i < pairs; i++) {
		make_pair(window, i % WINDOW);
		double after = now_ns();
		if (after - before > longest) longest = after - before;
		before = after;
	}
	return longest;
}

static void run_alloc(const size_t *numbers)
{
	struct graph old = make_graph(numbers[0], RANDOM);
	tally_object *window = make_nones(WINDOW);
	collect(2, 0);
	uint64_t collected = collected_so_far();
	tally_gc_reset_pauses();
	tally_gc_enable();
	double longest = make_pairs(window, numbers[1]);
	tally_gc_disable();
	tally_gc_pauses pauses = pauses_so_far();
	tally_decref(window);
	drop_graph(&old);
	if (tally_gc_collect(2) < 0) fail("tally_gc_collect");
	expect("objects collected in all", collected_so_far() - collected, 2 * numbers[1] + old.size);
	print("pauses", (double)pauses.count);
	print("pause-p99", (double)pauses.pause.p99 / 1e3);
	print("pause-max", (double)pauses.pause.max / 1e3);
	print("longest", longest / 1e3);
}

// ---- the command line ----

struct row {
	const char *name;
	void (*run)(const size_t *numbers);
	size_t least[2], most[2]; // of its numbers; 0: it has only one
	size_t small[2];          // for `check`
};

static const struct row rows[] = {
	{"seq", run_seq, {1}, {100000000}, {1000}},
	{"stride", run_stride, {1}, {100000000}, {1000}},
	{"rand", run_rand, {1}, {100000000}, {1000}},
	{"tree", run_tree, {0}, {26}, {9}},
	{"young", run_young, {1, 10}, {100000000, 100000000}, {2000, 500}},
	{"alloc", run_alloc, {1, 1}, {100000000, 1000000000}, {2000, 50000}},
};

static const size_t row_count = sizeof rows / sizeof rows[0];

static _Noreturn void refuse(const char *given, const char *expected)
{
	fprintf(stderr, "tally-collect-%s: '%s' given, %s expected\n", tally_variant(), given, expected);
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

static void run_row(const struct row *row, const size_t *numbers)
{
	start();
	row->run(numbers);
	stop();
}

static int check_all(void)
{
	for (size_t i = 0; i < row_count; i++) run_row(&rows[i], rows[i].small);
	return 0;
}

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].name, name) == 0) return &rows[i];
	}
	refuse(name, "seq, stride, rand, tree, young, alloc or check");
}

int main(int count, char **arguments)
{
	if (count < 2) refuse("nothing", "a row and its numbers");
	if (strcmp(arguments[1], "check") == 0) return check_all();
	const struct row *row = find_row(arguments[1]);
	int wanted = row->most[1] ? 2 : 1;
	if (count != 2 + wanted) refuse(arguments[1], wanted == 1 ? "one number after it" : "two numbers after it");
	size_t numbers[2] = {0};
	for (int i = 0; i < wanted; i++) numbers[i] = parse_number(arguments[2 + i], row->least[i], row->most[i]);
	if (row->run == run_stride && numbers[0] % STRIDE == 0) refuse(arguments[2], "no multiple of the stride 7919");
	if (row->run == run_young && numbers[1] % (2 * RING)) refuse(arguments[3], "a multiple of 10");
	run_row(row, numbers);
	return fflush(stdout) == 0 ? 0 : 1;
}
