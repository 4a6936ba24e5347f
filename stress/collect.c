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
#include "collecting.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	FULL_REPETITIONS = 5,
	TREE_REPETITIONS = 3,
	YOUNG_REPETITIONS = 100,
	WARM_UP = 1,     // repetitions before those that are measured
	RING = 5,        // lists in a ring; as many are kept for each ring
	WINDOW = 100000, // pairs that live at a time
};

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

// ---- full collections of live lists ----

static void time_full(const char *figure, size_t size)
{
	double spent[FULL_REPETITIONS];
	for (int i = 0; i < WARM_UP; i++) collect(2, 0);
	for (int i = 0; i < FULL_REPETITIONS; i++) spent[i] = collect(2, 0) / (double)size;
	print_figure(figure, percentile(spent, FULL_REPETITIONS, 50));
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
	print_figure("build", percentile(built, TREE_REPETITIONS, 50));
	print_figure("collect", percentile(collected, TREE_REPETITIONS, 50));
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
	print_figure("pause-median", percentile(paused, YOUNG_REPETITIONS, 50));
	print_figure("pause-p99", percentile(paused, YOUNG_REPETITIONS, 99));
	print_figure("whole-median", percentile(whole, YOUNG_REPETITIONS, 50));
}

// ---- allocation with automatic collection ----

// Returns the time that the longest took, in ns, with whatever collection happened in it.
static double make_pairs(tally_object *window, size_t pairs)
{
	double longest = 0, before = now_ns();
	for (size_t i = 0; i < pairs; i++) {
		give(window, i % WINDOW, make_pair()); // the pair that was there is garbage now
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
	print_figure("pauses", (double)pauses.count);
	print_figure("pause-median", (double)pauses.pause.p50 / 1e3);
	print_figure("pause-p99", (double)pauses.pause.p99 / 1e3);
	print_figure("pause-max", (double)pauses.pause.max / 1e3);
	print_figure("longest", longest / 1e3);
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

static void run_row(const struct row *row, const size_t *numbers)
{
	begin_runtime();
	row->run(numbers);
	end_runtime();
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
