// tests/dicts.h: what the tests of dicts and sets share: dicts of ints by ints, their keys in order, what is shown of objects.
#ifndef TALLY_TESTS_DICTS_H
#define TALLY_TESTS_DICTS_H

#include "fixture.h"

static inline size_t size_of(tally_object *dict)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_dict_size(dict, &size), 0);
	return size;
}

static inline void set_int(tally_object *dict, int64_t key, int64_t value)
{
	tally_object *name = integer(key), *number = integer(value);
	CHECK_EQ(tally_dict_set(dict, name, number), 0);
	tally_decref(name);
	tally_decref(number);
}

// The int at an int key; INT64_MIN when there is none.
static inline int64_t int_at(tally_object *dict, int64_t key)
{
	tally_object *name = integer(key), *value = name;
	int found = tally_dict_get(dict, name, &value);
	CHECK(found == 1 || (found == 0 && !value));
	tally_decref(name);
	return take_value(value);
}

static inline int pop_int(tally_object *dict, int64_t key)
{
	tally_object *name = integer(key);
	int removed = tally_dict_pop(dict, name, NULL);
	tally_decref(name);
	return removed;
}

// A dict of the keys 0 to size - 1, each with ten times itself.
static inline tally_object *count_up(int64_t size)
{
	tally_object *dict = must(tally_dict_new());
	for (int64_t i = 0; i < size; i++) set_int(dict, i, i * 10);
	return dict;
}

#define CHECK_KEYS(dict, ...)                                                                                          \
	check_keys((dict), (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

// Checks that iteration gives exactly these keys in this order.
static inline void check_keys(tally_object *dict, const int64_t *keys, size_t size)
{
	tally_object *key;
	size_t position = 0, seen = 0;
	while (tally_dict_next(dict, &position, &key, NULL) == 1) {
		int64_t found = take_value(key);
		if (seen < size) CHECK_EQ(found, keys[seen]);
		seen++;
	}
	CHECK_EQ(seen, size);
	CHECK_EQ(size_of(dict), size);
}

// The object's repr is exactly this.
#define CHECK_SHOWS(object, expected) check_shows((object), (expected), __FILE__, __LINE__)

static inline void check_shows(tally_object *object, const char *expected, const char *file, int line)
{
	tally_object *shown = must(tally_repr(object));
	tap_check_str(tally_str_utf8(shown, NULL), expected, file, line, "repr", "expected");
	tally_decref(shown);
}

#endif
