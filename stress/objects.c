// stress/objects.c: the benchmark of the object model: one process, one measurement, a few lines `figure value`.
//
// script/objects starts many of these: one program for each build, and one that does the same with CPython's objects
// through its C API (stress/objects_tally.c, stress/objects_python.c: the rows). Here is what they share: the command line
// and the measuring. docs/objects.md says what each row is.
//
//     ROW OPERATIONS PASSES    a pass is that many operations; `ns`: nanoseconds an operation, of the fastest pass
//     bytes                    lines `KIND SAID TAKEN`: what an object occupies
//     check                    every row and the bytes, small, for a test: lines `ROW figure value`
//     list                     the names of the rows
//     version                  whose objects these are
//
// The loops are on either side's own ground, so that no call through a pointer is in them; they have one shape.
#include "objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHECK_PASSES = 2, CHECK_OPERATIONS = 2 * ITEMS };

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "tally-objects-%s: failed: %s\n", side_name(), what);
	exit(1);
}

const char *key_text(size_t i, char text[KEY_SIZE])
{
	snprintf(text, KEY_SIZE, "key-%05zu", i % 100000);
	return text;
}

// ---- measuring ----

static double now_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

// A function of its own, by whose name callgrind knows what to count: --toggle-collect=measured_pass.
void measured_pass(const struct row *row, size_t operations);
__attribute__((noinline)) void measured_pass(const struct row *row, size_t operations)
{
	row->pass(operations);
	__asm__ volatile(""); // no tail call: the function must be seen to return
}

static double time_pass(const struct row *row, size_t operations)
{
	double before = now_ns();
	measured_pass(row, operations);
	return (now_ns() - before) / (double)operations;
}

// Of the fastest pass: what slows others down is not the row's.
static double measure(const struct row *row, size_t operations, size_t passes)
{
	double best = 0;
	if (row->prepare) row->prepare();
	row->pass(operations); // so that memory, caches and branches know it
	for (size_t i = 0; i < passes; i++) {
		double spent = time_pass(row, operations);
		if (i == 0 || spent < best) best = spent;
	}
	if (row->finish) row->finish();
	return best;
}

// ---- the command line ----

static _Noreturn void refuse(const char *given, const char *expected)
{
	fprintf(stderr, "tally-objects-%s: '%s' given, %s expected\n", side_name(), given, expected);
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
	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].name, name) == 0) return &rows[i];
	}
	refuse(name, "a row");
}

static void run_row(const char *name, const char *operations, const char *passes)
{
	const struct row *row = find_row(name);
	size_t count = parse_number(operations, ITEMS, 1000000000);
	if (count % ITEMS) refuse(operations, "a multiple of 1000");
	side_start();
	printf("ns %.3f\n", measure(row, count, parse_number(passes, 1, 1000)));
	side_stop();
}

static void show_bytes(const char *kind, double said, double taken) { printf("%s %.2f %.2f\n", kind, said, taken); }

static void run_bytes(void) { side_measure_bytes(show_bytes); }

// The bytes come first: the allocators that count them must know every block.
static void check_all(void)
{
	run_bytes();
	for (size_t i = 0; i < row_count; i++) {
		side_start();
		printf("%s ns %.3f\n", rows[i].name, measure(&rows[i], CHECK_OPERATIONS, CHECK_PASSES));
		side_stop();
	}
}

static void list_rows(void)
{
	for (size_t i = 0; i < row_count; i++) puts(rows[i].name);
}

int main(int count, char **arguments)
{
	const char *first = count > 1 ? arguments[1] : "nothing";
	if (count == 2 && strcmp(first, "bytes") == 0)
		run_bytes();
	else if (count == 2 && strcmp(first, "check") == 0)
		check_all();
	else if (count == 2 && strcmp(first, "list") == 0)
		list_rows();
	else if (count == 2 && strcmp(first, "version") == 0)
		puts(side_version());
	else if (count == 4)
		run_row(first, arguments[2], arguments[3]);
	else
		refuse(first, "a row, its operations and passes; or bytes, check, list, version");
	return fflush(stdout) == 0 ? 0 : 1;
}
