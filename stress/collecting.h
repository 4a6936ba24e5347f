// stress/collecting.h: what the benchmarks of the collector have in common (stress/collect.c, stress/generations.c): the life of the
// runtime, lists, what must hold, figures, numbers of the command line.
//
// Each program is one process that makes one measurement and prints lines `figure value`. All of this is called by the thread of
// `main`, but for what makes lists, and what ends the program: any attached thread may.
#ifndef TALLY_STRESS_COLLECTING_H
#define TALLY_STRESS_COLLECTING_H

#include <stdint.h>
#include <stdlib.h>

#include <tally/tally.h>
#include <tally/gc.h>
#include <tally/gcwatch.h>

// ---- what must hold; each ends the program with status 1 where it does not ----

_Noreturn void fail(const char *operation);
void *need_memory(size_t count, size_t size); // zeroed
void expect(const char *what, uint64_t found, uint64_t wanted);
void expect_at_least(const char *what, uint64_t found, uint64_t wanted);

static inline tally_object *need(tally_object *object, const char *operation)
{
	if (!object) fail(operation);
	return object;
}

static inline void check(int result, const char *operation)
{
	if (result < 0) fail(operation);
}

// ---- the life of the runtime: with automatic collection off; at the end nothing is alive ----

void begin_runtime(void);
void end_runtime(void);

// ---- figures ----

double now_ns(void);
double percentile(double *numbers, size_t count, unsigned percent); // the smallest that so many do not exceed; sorts them
void print_figure(const char *figure, double value);

// ---- random numbers: the same in each run ----

size_t draw_below(size_t limit);

// ---- what has been collected ----

uint64_t collected_so_far(void); // in all generations
tally_gc_stats stats_of(int generation);

// ---- lists ----

// Gives the reference of the caller to the list.
void give(tally_object *list, size_t index, tally_object *value);
tally_object *make_nones(size_t size);
// Of `second`, too, unless it is NULL.
tally_object *make_list(tally_object *first, tally_object *second);
// Two lists of one element that refer to each other; the caller has the first.
tally_object *make_pair(void);

// ---- live lists ----

struct graph {
	size_t size;
	tally_object **lists; // in the order in which they were made; the holder owns them
	tally_object *holder;
};

enum shape { SEQ, STRIDED, RANDOM };
enum { STRIDE = 7919 }; // a prime; the size of a strided graph is no multiple of it

// Each list refers to one list and one refers to it: all lie in cycles, and become garbage with the holder.
struct graph make_graph(size_t size, enum shape shape);
void drop_graph(struct graph *graph);
tally_object *draw_list(const struct graph *graph);

// ---- the command line; what is refused ends the program with status 2 ----

_Noreturn void refuse(const char *given, const char *expected);
size_t parse_number(const char *given, size_t least, size_t most);

#endif
