// tests/callables.h: what the tests of callables share: native functions made in one line.
#ifndef TALLY_TESTS_CALLABLES_H
#define TALLY_TESTS_CALLABLES_H

#include "fixture.h"

static inline tally_function_spec function_spec(const char *name, tally_function_call call, void *context)
{
	return (tally_function_spec){
		.size = sizeof(tally_function_spec),
		.name = name,
		.call = call,
		.context = context,
		.most = SIZE_MAX,
	};
}

// A function that takes any number of arguments.
static inline tally_object *function(const char *name, tally_function_call call, void *context)
{
	tally_function_spec spec = function_spec(name, call, context);
	return must(tally_function_new(&spec));
}

// ---- functions to call ----

static inline tally_object *give_none(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	return tally_none();
}

// The arguments, as a tuple.
static inline tally_object *give_arguments(void *context, tally_object *const *captured, tally_object *const *arguments,
                                           size_t count)
{
	(void)context, (void)captured;
	return tally_tuple_new(arguments, count);
}

// The sum of the arguments, which are ints.
static inline tally_object *add_up(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	int64_t sum = 0, value;
	(void)context, (void)captured;
	for (size_t i = 0; i < count; i++) {
		if (tally_int_value(arguments[i], &value)) return NULL;
		sum += value;
	}
	return tally_int_new(sum);
}

// ---- calling ----

// Calls with the ints first, first + 1, ...
enum { MOST_NUMBERS = 100 };
static inline tally_object *call_with_numbers(tally_object *callable, int64_t first, size_t count)
{
	tally_object *numbers[MOST_NUMBERS] = {0};
	for (size_t i = 0; i < count; i++) numbers[i] = integer(first + (int64_t)i);
	tally_object *result = tally_call(callable, numbers, count);
	for (size_t i = 0; i < count; i++) tally_decref(numbers[i]);
	return result;
}

// `tuple`, whose reference is given up, holds the ints first, first + 1, ..., `size` of them.
static inline void check_numbers(tally_object *tuple, int64_t first, size_t size)
{
	size_t found = SIZE_MAX;
	if (!CHECK(tuple)) {
		tap_note("%s", tally_error_message());
		return;
	}
	CHECK_EQ(tally_tuple_size(tuple, &found), 0);
	if (CHECK_EQ(found, size))
		for (size_t i = 0; i < size; i++) CHECK_EQ(take_value(tally_tuple_get(tuple, (ptrdiff_t)i)), first + (int64_t)i);
	tally_decref(tuple);
}

// ---- each allocation fails in its turn ----

// Whether faults can be asked for.
static inline bool faults_are_offered(void)
{
	bool offered = tally_heap_fail(0, false) == 0;
	if (!offered) tally_error_clear();
	return offered;
}

// Calls `play` with its n-th allocation failing, for n = 1, 2, ..., until one run needs fewer. `play` returns whether
// it has succeeded, which must be so exactly in the last run. In every run it leaves nothing behind.
static inline void fail_each_allocation(bool (*play)(void), const char *operation)
{
	char expected[80];
	snprintf(expected, sizeof expected, "%s: out of memory for ", operation);
	if (!faults_are_offered()) return;
	bool done = false;
	for (uint64_t n = 1; n < 100 && !done; n++) {
		uint64_t before = fixture_live_objects(), raw = fixture_raw_buffers();
		CHECK_EQ(tally_heap_fail(n, false), 0);
		bool success = play();
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!CHECK(success ? done || fixture_gives_up_later() : !done)) tap_note("allocation %llu", (unsigned long long)n);
		if (!success) {
			CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
			if (!CHECK(strncmp(tally_error_message(), expected, strlen(expected)) == 0))
				tap_note("expected %s, got %s", expected, tally_error_message());
			tally_error_clear();
		}
		CHECK_EQ(fixture_live_objects(), before);
		CHECK_EQ(fixture_raw_buffers(), raw);
	}
	CHECK(done);
}

#endif
