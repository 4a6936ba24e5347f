// stress/collecting.c: what the benchmarks of the collector have in common (stress/collecting.h).
#include "collecting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { STRIDE_START = 13 };

static const uint64_t fini_timeout_ns = UINT64_C(10000000000);

// ---- what must hold ----

void fail(const char *operation)
{
	const char *message = tally_error_message();
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, operation, *message ? message : "failed without a message");
	exit(1);
}

void *need_memory(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (memory) return memory;
	fprintf(stderr, "%s: no memory for %zu times %zu bytes\n", program_invocation_short_name, count, size);
	exit(1);
}

void expect(const char *what, uint64_t found, uint64_t wanted)
{
	if (found == wanted) return;
	fprintf(stderr, "%s: %s: %" PRIu64 " found, %" PRIu64 " expected\n", program_invocation_short_name, what, found, wanted);
	exit(1);
}

void expect_at_least(const char *what, uint64_t found, uint64_t wanted)
{
	if (found >= wanted) return;
	fprintf(stderr, "%s: %s: %" PRIu64 " found, at least %" PRIu64 " expected\n", program_invocation_short_name, what, found,
	        wanted);
	exit(1);
}

// ---- figures ----

double now_ns(void)
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

double percentile(double *numbers, size_t count, unsigned percent)
{
	qsort(numbers, count, sizeof *numbers, by_size);
	return numbers[(count * percent + 99) / 100 - 1];
}

void print_figure(const char *figure, double value) { printf("%s %.3f\n", figure, value); }

// ---- random numbers ----

static uint64_t random_state;

size_t draw_below(size_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (size_t)(random_state >> 11) % limit;
}

// ---- the life of the runtime ----

static tally_token token;

void begin_runtime(void)
{
	random_state = UINT64_C(88172645463325252);
	check(tally_init(NULL), "tally_init");
	check(tally_thread_attach(&token), "tally_thread_attach");
	tally_gc_disable();
}

void end_runtime(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	check(tally_heap_stats_get(&stats), "tally_heap_stats_get");
	expect("objects alive at the end", stats.live_objects, 0);
	check(tally_thread_detach(token), "tally_thread_detach");
	uint64_t leaked = 0;
	check(tally_fini(fini_timeout_ns, &leaked), "tally_fini");
	expect("objects leaked", leaked, 0);
}

// ---- what has been collected ----

tally_gc_stats stats_of(int generation)
{
	tally_gc_stats stats = {.size = sizeof stats};
	check(tally_gc_get_stats(generation, &stats), "tally_gc_get_stats");
	return stats;
}

uint64_t collected_so_far(void)
{
	uint64_t collected = 0;
	for (int generation = 0; generation < TALLY_GC_GENERATIONS; generation++) collected += stats_of(generation).collected;
	return collected;
}

// ---- lists ----

tally_object *make_list(tally_object *first, tally_object *second)
{
	tally_object *items[] = {first, second};
	return need(tally_list_from(items, second ? 2 : 1), "tally_list_from");
}

static void set(tally_object *list, size_t index, tally_object *value)
{
	check(tally_list_set(list, (ptrdiff_t)index, value), "tally_list_set");
}

void give(tally_object *list, size_t index, tally_object *value)
{
	set(list, index, value);
	tally_decref(value);
}

tally_object *make_nones(size_t size)
{
	tally_object **items = need_memory(size, sizeof *items);
	for (size_t i = 0; i < size; i++) items[i] = tally_none();
	tally_object *list = need(tally_list_from(items, size), "tally_list_from");
	free(items);
	return list;
}

tally_object *make_pair(void)
{
	tally_object *one = make_list(tally_none(), NULL);
	give(one, 0, make_list(one, NULL));
	return one;
}

// ---- live lists ----

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

struct graph make_graph(size_t size, enum shape shape)
{
	struct graph graph = {.size = size, .lists = need_memory(size, sizeof *graph.lists)};
	for (size_t i = 0; i < size; i++) graph.lists[i] = make_list(tally_none(), NULL);
	link_lists(&graph, shape);
	graph.holder = need(tally_list_from(graph.lists, size), "tally_list_from");
	for (size_t i = 0; i < size; i++) tally_decref(graph.lists[i]);
	return graph;
}

void drop_graph(struct graph *graph)
{
	tally_decref(graph->holder);
	free(graph->lists);
}

tally_object *draw_list(const struct graph *graph) { return graph->lists[draw_below(graph->size)]; }

// ---- the command line ----

void refuse(const char *given, const char *expected)
{
	fprintf(stderr, "%s: '%s' given, %s expected\n", program_invocation_short_name, given, expected);
	exit(2);
}

size_t parse_number(const char *given, size_t least, size_t most)
{
	char *end = NULL, expected[80];
	unsigned long long number = strtoull(given, &end, 10);
	if (*given >= '0' && *given <= '9' && !*end && number >= least && number <= most) return (size_t)number;
	snprintf(expected, sizeof expected, "a number from %zu to %zu", least, most);
	refuse(given, expected);
}
