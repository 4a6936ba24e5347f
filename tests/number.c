// tests/number.c: none, booleans, ints and floats, and when two numbers are equal.
#include "fixture.h"

#include <math.h>

static void an_int_keeps_its_value(void)
{
	const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(1) << 53};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		tally_object *number = must(tally_int_new(values[i]));
		CHECK(tally_is_int(number));
		CHECK(!tally_is_bool(number) && !tally_is_float(number) && !tally_is_none(number));
		CHECK_EQ(take_value(number), values[i]);
	}
}

static void a_float_keeps_its_value(void)
{
	const double values[] = {0.0, -0.0, 1.5, -1e300, INFINITY, NAN, 5e-324};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		tally_object *number = must(tally_float_new(values[i]));
		double value = 42;
		CHECK(tally_is_float(number));
		CHECK(!tally_is_bool(number) && !tally_is_int(number) && !tally_is_none(number));
		CHECK_EQ(tally_float_value(number, &value), 0);
		CHECK(memcmp(&value, &values[i], sizeof value) == 0);
		tally_decref(number);
	}
}

static void there_is_one_object_for_each_small_int(void)
{
	for (int64_t value = -5; value <= 256; value++) {
		tally_object *first = tally_int_new(value), *second = tally_int_new(value);
		CHECK(first);
		CHECK_PTR(first, second);
		CHECK_EQ(value_of(first), value);
		CHECK_EQ(tally_refcount(first), UINT32_MAX);
		for (int i = 0; i < 3; i++) tally_decref(first); // need not be dropped, but may be
	}
	const int64_t others[] = {-6, 257, INT64_MIN, INT64_MAX};
	for (int i = 0; i < 4; i++) {
		tally_object *first = integer(others[i]), *second = integer(others[i]);
		CHECK(first != second);
		CHECK_EQ(tally_refcount(first), 1);
		tally_decref(first);
		tally_decref(second);
	}
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_small_int_needs_no_memory(void)
{
	if (tally_heap_fail(1, true)) { // this build has no faults on demand
		tally_error_clear();
		return;
	}
	CHECK(tally_int_new(256));
	CHECK(!tally_int_new(257));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	tally_error_clear();
}

static void there_is_one_none_and_one_of_each_boolean(void)
{
	CHECK(tally_is_none(tally_none()));
	CHECK_PTR(tally_none(), tally_none());
	CHECK_PTR(tally_bool(true), tally_bool(true));
	CHECK_PTR(tally_bool(false), tally_bool(false));
	CHECK(tally_bool(true) != tally_bool(false));
	CHECK(tally_is_bool(tally_bool(true)) && !tally_is_int(tally_bool(true)));
}

static void a_boolean_has_a_value_as_each_kind_of_number(void)
{
	for (int i = 0; i <= 1; i++) {
		bool truth = !i;
		double real = 42;
		CHECK_EQ(tally_bool_value(tally_bool(i), &truth), 0);
		CHECK_EQ(truth, i);
		CHECK_EQ(value_of(tally_bool(i)), i);
		CHECK_EQ(tally_float_value(tally_bool(i), &real), 0);
		CHECK(real == i);
	}
}

static void an_int_as_a_float_is_the_nearest_double(void)
{
	tally_object *number = integer(INT64_MAX);
	double real = 0;
	CHECK_EQ(tally_float_value(number, &real), 0);
	CHECK(real == 0x1p63);
	tally_decref(number);
}

static void a_value_of_the_wrong_type_is_an_error_and_writes_nothing(void)
{
	tally_object *real = must(tally_float_new(1)), *number = integer(1), *string = text("1");
	int64_t integral = 42;
	double value = 42;
	bool truth = true;
	CHECK_EQ(tally_int_value(real, &integral), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "int_value: expected an int or a bool, got a 'float'");
	CHECK_EQ(tally_int_value(NULL, &integral), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "int_value: expected an int or a bool, got NULL");
	CHECK_EQ(tally_float_value(string, &value), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "float_value: expected a float, an int or a bool, got a 'str'");
	CHECK_EQ(tally_float_value(NULL, &value), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "float_value: expected a float, an int or a bool, got NULL");
	CHECK_EQ(tally_bool_value(number, &truth), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "bool_value: expected a bool, got a 'int'");
	CHECK_EQ(tally_bool_value(NULL, &truth), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "bool_value: expected a bool, got NULL");
	CHECK_EQ(integral, 42);
	CHECK(value == 42);
	CHECK(truth);
	tally_decref(real);
	tally_decref(number);
	tally_decref(string);
}

// ---- equality and hashes ----

// One row a number: those of one class are equal, of different classes unequal. Class 0 equals nothing.
enum { WHOLE, REAL, TRUTH };

static const struct {
	int class, kind;
	int64_t whole;
	double real;
} matrix[] = {
	{1, WHOLE, 0, 0},
	{1, REAL, 0, 0.0},
	{1, REAL, 0, -0.0},
	{1, TRUTH, 0, 0},
	{2, WHOLE, 1, 0},
	{2, REAL, 0, 1.0},
	{2, TRUTH, 1, 0},
	{3, WHOLE, -1, 0},
	{3, REAL, 0, -1.0},
	{4, REAL, 0, 0.5},
	{5, WHOLE, INT64_C(1) << 53, 0},
	{5, REAL, 0, 0x1p53},
	{6, WHOLE, (INT64_C(1) << 53) + 1, 0}, // its nearest double is 2^53
	{7, WHOLE, (INT64_C(1) << 53) + 2, 0},
	{7, REAL, 0, 0x1p53 + 2},
	{8, WHOLE, INT64_MAX, 0}, // its nearest double is 2^63
	{9, REAL, 0, 0x1p63},
	{10, WHOLE, INT64_MIN, 0},
	{10, REAL, 0, -0x1p63},
	{11, REAL, 0, -0x1.0000000000001p63},
	{12, REAL, 0, 0x1p64},
	{13, REAL, 0, INFINITY},
	{14, REAL, 0, -INFINITY},
	{15, REAL, 0, 5e-324},
	{16, WHOLE, INT64_MAX - 1023, 0},
	{16, REAL, 0, 0x1.fffffffffffffp62},
	{17, REAL, 0, 1e300},
	{0, REAL, 0, NAN},
	{0, REAL, 0, -NAN},
};
enum { NUMBERS = sizeof matrix / sizeof matrix[0] };

static tally_object *number_at(int row)
{
	if (matrix[row].kind == TRUTH) return tally_bool(matrix[row].whole);
	if (matrix[row].kind == WHOLE) return integer(matrix[row].whole);
	return must(tally_float_new(matrix[row].real));
}

static void numbers_are_equal_by_value_whatever_their_types(void)
{
	for (int i = 0; i < NUMBERS; i++) {
		for (int j = 0; j < NUMBERS; j++) {
			tally_object *a = number_at(i), *b = number_at(j);
			int expected = matrix[i].class && matrix[i].class == matrix[j].class;
			if (!CHECK_EQ(tally_equal(a, b), expected)) tap_note("rows %d and %d", i, j);
			tally_decref(a);
			tally_decref(b);
		}
	}
}

static void equal_numbers_have_equal_hashes_and_others_different_ones(void)
{
	uint64_t hashes[NUMBERS];
	for (int i = 0; i < NUMBERS; i++) {
		tally_object *number = number_at(i);
		CHECK_EQ(tally_hash(number, &hashes[i]), 0);
		tally_decref(number);
	}
	for (int i = 0; i < NUMBERS; i++)
		for (int j = 0; j < NUMBERS; j++)
			if (!CHECK_EQ(hashes[i] == hashes[j], matrix[i].class == matrix[j].class))
				tap_note("rows %d and %d", i, j);
}

// Exact for ints and floats alike.
static long double exact_at(int row)
{
	return matrix[row].kind == REAL ? (long double)matrix[row].real : (long double)matrix[row].whole;
}

static void numbers_are_ordered_by_value_whatever_their_types(void)
{
	for (int i = 0; i < NUMBERS; i++) {
		for (int j = 0; j < NUMBERS; j++) {
			tally_object *a = number_at(i), *b = number_at(j);
			long double x = exact_at(i), y = exact_at(j);
			bool good = CHECK_EQ(tally_compare(a, b, TALLY_LT), x < y) && CHECK_EQ(tally_compare(a, b, TALLY_LE), x <= y) &&
			            CHECK_EQ(tally_compare(a, b, TALLY_EQ), x == y) && CHECK_EQ(tally_compare(a, b, TALLY_NE), x != y) &&
			            CHECK_EQ(tally_compare(a, b, TALLY_GT), x > y) && CHECK_EQ(tally_compare(a, b, TALLY_GE), x >= y);
			if (!good) tap_note("rows %d and %d", i, j);
			tally_decref(a);
			tally_decref(b);
		}
	}
}

static void a_nan_does_not_even_equal_itself(void)
{
	tally_object *number = must(tally_float_new(NAN));
	CHECK_EQ(tally_equal(number, number), 0);
	tally_decref(number);
}

static void inside_containers_a_nan_equals_itself(void)
{
	tally_object *nan = must(tally_float_new(NAN)), *other = must(tally_float_new(NAN));
	tally_object *a = must(tally_tuple_new(&nan, 1)), *b = must(tally_tuple_new(&nan, 1));
	tally_object *c = must(tally_tuple_new(&other, 1)), *dict = must(tally_dict_new());
	CHECK_EQ(tally_equal(a, b), 1);
	CHECK_EQ(tally_equal(a, c), 0);
	CHECK_EQ(tally_dict_set(dict, nan, nan), 0);
	CHECK_EQ(tally_dict_contains(dict, nan), 1);
	CHECK_EQ(tally_dict_contains(dict, other), 0);
	tally_object *all[] = {nan, other, a, b, c, dict};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) tally_decref(all[i]);
}

static void a_dict_finds_a_number_by_an_equal_one_of_another_type(void)
{
	tally_object *dict = must(tally_dict_new()), *one = integer(1), *real = must(tally_float_new(1)), *found = NULL;
	CHECK_EQ(tally_dict_set(dict, one, one), 0);
	CHECK_EQ(tally_dict_get(dict, real, &found), 1);
	CHECK_PTR(found, one);
	tally_decref(found);
	CHECK_EQ(tally_dict_get(dict, tally_bool(true), &found), 1);
	CHECK_PTR(found, one);
	tally_decref(found);
	CHECK_EQ(tally_dict_contains(dict, tally_bool(false)), 0);
	tally_decref(dict);
	tally_decref(one);
	tally_decref(real);
}

static void numbers_do_not_equal_other_things(void)
{
	tally_object *number = integer(0), *string = text("0");
	CHECK_EQ(tally_equal(number, string), 0);
	CHECK_EQ(tally_equal(number, tally_none()), 0);
	tally_decref(number);
	tally_decref(string);
}

// The hash must spread numbers that differ in few bits, or the index of a dict, which takes its low bits, would not.
static void hashes_of_near_numbers_differ_in_their_low_bits(void)
{
	unsigned used[256] = {0}, most = 0;
	for (int64_t i = 0; i < 256 * 16; i++) {
		tally_object *number = integer(i << 40);
		uint64_t hash = 0;
		CHECK_EQ(tally_hash(number, &hash), 0);
		if (++used[hash & 255] > most) most = used[hash & 255];
		tally_decref(number);
	}
	CHECK(most < 48); // 16 expected; more than 48 would come less than once in 10^9 tries
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_int_keeps_its_value);
	TAP_RUN(a_float_keeps_its_value);
	TAP_RUN(there_is_one_object_for_each_small_int);
	TAP_RUN(a_small_int_needs_no_memory);
	TAP_RUN(there_is_one_none_and_one_of_each_boolean);
	TAP_RUN(a_boolean_has_a_value_as_each_kind_of_number);
	TAP_RUN(an_int_as_a_float_is_the_nearest_double);
	TAP_RUN(a_value_of_the_wrong_type_is_an_error_and_writes_nothing);
	TAP_RUN(numbers_are_equal_by_value_whatever_their_types);
	TAP_RUN(equal_numbers_have_equal_hashes_and_others_different_ones);
	TAP_RUN(numbers_are_ordered_by_value_whatever_their_types);
	TAP_RUN(a_nan_does_not_even_equal_itself);
	TAP_RUN(inside_containers_a_nan_equals_itself);
	TAP_RUN(a_dict_finds_a_number_by_an_equal_one_of_another_type);
	TAP_RUN(numbers_do_not_equal_other_things);
	TAP_RUN(hashes_of_near_numbers_differ_in_their_low_bits);
	return tap_end();
}
