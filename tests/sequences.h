// tests/sequences.h: what the tests of lists, tuples and iterators share: lists of ints that are counted, slices as a table
// of places, objects whose equality is the test's own.
#ifndef TALLY_TESTS_SEQUENCES_H
#define TALLY_TESTS_SEQUENCES_H

#include "callables.h"

// ---- lists of ints ----

static inline size_t size_of(tally_object *list)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &size), 0);
	return size;
}

// Gives the reference to `item` up.
static inline void push(tally_object *list, tally_object *item)
{
	CHECK_EQ(tally_list_append(list, item), 0);
	tally_decref(item);
}

// A list of the ints that stand for these.
static inline tally_object *list_of(const int64_t *values, size_t size)
{
	tally_object *list = must(tally_list_new());
	for (size_t i = 0; i < size; i++) push(list, counted(values[i]));
	return list;
}
#define LIST(...) list_of((const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

// A list of ints that stand for 0 to size - 1.
static inline tally_object *count_up(int64_t size)
{
	tally_object *list = must(tally_list_new());
	for (int64_t i = 0; i < size; i++) push(list, counted(i));
	return list;
}

// Checks that the list is exactly the ints that stand for these.
#define CHECK_LIST(list, ...)                                                                                          \
	check_list((list), (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

static inline void check_list(tally_object *list, const int64_t *values, size_t size)
{
	if (!CHECK_EQ(size_of(list), size)) return;
	for (size_t i = 0; i < size; i++) CHECK_EQ(take_counted(tally_list_get(list, (ptrdiff_t)i)), values[i]);
}

// The same, and gives the list up.
#define TAKE_LIST(list, ...)                                                                                           \
	take_list((list), (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

static inline void take_list(tally_object *list, const int64_t *values, size_t size)
{
	if (!CHECK(list)) return;
	check_list(list, values, size);
	tally_decref(list);
}

// ---- slices ----

// The places that [start:stop:step] means among `size`, one after the other, as somebody would count them who knows nothing of
// arithmetic. Returns how many.
static inline size_t places_of(size_t size, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step, size_t *places)
{
	ptrdiff_t length = (ptrdiff_t)size, at = start < 0 ? start + length : start, end = stop < 0 ? stop + length : stop;
	size_t count = 0;
	if (start == TALLY_SLICE_NONE) at = step > 0 ? 0 : length - 1;
	if (stop == TALLY_SLICE_NONE) end = step > 0 ? length : -1;
	else if (step < 0 && end < -1) end = -1;
	if (step > 0 && at < 0) at = 0;
	if (step < 0 && at >= length) at = length - 1;
	for (; step > 0 ? at < end : at > end; at += step)
		if (at >= 0 && at < length) places[count++] = (size_t)at;
	return count;
}

// ---- objects whose equality is the test's own ----

static int (*hook_on_equal)(tally_object *self, tally_object *other);

static inline int hook_equal(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	return hook_on_equal ? hook_on_equal(self, other) : tally_is(self, other);
}

// A class of such objects. Whoever has dropped it and all of them calls hook_collect.
static inline tally_object *hook_class(int (*on_equal)(tally_object *self, tally_object *other))
{
	tally_class_spec spec = {.size = sizeof spec, .name = "hooked", .equal = hook_equal};
	hook_on_equal = on_equal;
	return must(tally_class_new(&spec));
}

static inline void hook_collect(void)
{
	hook_on_equal = NULL;
	CHECK(tally_gc_collect(2) >= 0);
	CHECK(tally_gc_collect(2) >= 0);
}

// Sets an error of the test's own, by calling what is not callable. Returns -1.
static inline int hook_fails(void)
{
	CHECK(!tally_call(tally_none(), NULL, 0));
	return -1;
}
#define CHECK_HOOK_FAILED() CHECK_ERROR(TALLY_ERROR_TYPE, "call: expected a callable object, got a 'none'")

#endif
