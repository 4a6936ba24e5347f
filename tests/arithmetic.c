// tests/arithmetic.c: arithmetic on ints, floats and booleans; what Python 3.11 gives stands in the tables.
#include "results.h"

#include <math.h>

static tally_object *real(double value) { return must(tally_float_new(value)); }

typedef tally_object *operation(tally_object *a, tally_object *b);

// Gives up the operands.
static tally_object *apply(operation *operate, tally_object *a, tally_object *b)
{
	tally_object *result = operate(a, b);
	tally_decref(a);
	tally_decref(b);
	return result;
}

static int64_t with_ints(operation *operate, int64_t a, int64_t b)
{
	tally_object *result = apply(operate, integer(a), integer(b));
	if (!CHECK(tally_is_int(result))) tap_note("%lld and %lld: %s", (long long)a, (long long)b, tally_error_message());
	return take_value(result);
}

static bool is_same(double a, double b) { return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b)); }

// Takes over the reference.
static bool is_real(tally_object *object, double expected)
{
	double value = 42;
	bool good = CHECK(tally_is_float(object)) && CHECK_EQ(tally_float_value(object, &value), 0) && CHECK(is_same(value, expected));
	if (!good) tap_note("expected %a, got %a %s", expected, value, tally_error_message());
	tally_decref(object);
	return good;
}

// ---- sums and products ----

static void ints_are_added_subtracted_and_multiplied(void)
{
	CHECK_EQ(with_ints(tally_number_add, 2, 3), 5);
	CHECK_EQ(with_ints(tally_number_add, INT64_MAX, INT64_MIN), -1);
	CHECK_EQ(with_ints(tally_number_subtract, 2, 3), -1);
	CHECK_EQ(with_ints(tally_number_subtract, -1, INT64_MAX), INT64_MIN);
	CHECK_EQ(with_ints(tally_number_multiply, -4, 5), -20);
	CHECK_EQ(with_ints(tally_number_multiply, INT64_MIN / 2, 2), INT64_MIN);
}

static void what_does_not_fit_is_an_error_and_never_wraps(void)
{
	CHECK_NULL(apply(tally_number_add, integer(INT64_MAX), integer(1)), TALLY_ERROR_OVERFLOW,
	           "number_add: 9223372036854775807 + 1 does not fit in 64 bits");
	CHECK_NULL(apply(tally_number_add, integer(INT64_MIN), integer(-1)), TALLY_ERROR_OVERFLOW,
	           "number_add: -9223372036854775808 + -1 does not fit in 64 bits");
	CHECK_NULL(apply(tally_number_subtract, integer(0), integer(INT64_MIN)), TALLY_ERROR_OVERFLOW,
	           "number_subtract: 0 - -9223372036854775808 does not fit in 64 bits");
	CHECK_NULL(apply(tally_number_multiply, integer(INT64_MIN), integer(-1)), TALLY_ERROR_OVERFLOW,
	           "number_multiply: -9223372036854775808 * -1 does not fit in 64 bits");
	CHECK_NULL(apply(tally_number_multiply, integer(INT64_C(1) << 32), integer(INT64_C(1) << 31)), TALLY_ERROR_OVERFLOW,
	           "number_multiply: 4294967296 * 2147483648 does not fit in 64 bits");
	CHECK_NULL(apply(tally_number_floor_divide, integer(INT64_MIN), integer(-1)), TALLY_ERROR_OVERFLOW,
	           "number_floor_divide: -9223372036854775808 / -1 does not fit in 64 bits");
}

static void a_float_on_either_side_makes_the_result_a_float(void)
{
	is_real(apply(tally_number_add, integer(1), real(0.5)), 1.5);
	is_real(apply(tally_number_add, real(0.5), integer(1)), 1.5);
	is_real(apply(tally_number_subtract, integer(INT64_MAX), real(0)), 0x1p63);
	is_real(apply(tally_number_multiply, real(-0.0), integer(5)), -0.0);
	is_real(apply(tally_number_add, real(INFINITY), real(-INFINITY)), NAN);
	is_real(apply(tally_number_multiply, real(1e300), real(1e300)), INFINITY);
	is_real(apply(tally_number_floor_divide, integer(7), real(2)), 3);
	is_real(apply(tally_number_remainder, real(7.5), integer(2)), 1.5);
	is_real(apply(tally_number_divide, tally_bool(true), real(4)), 0.25);
}

static void booleans_count_as_0_and_1(void)
{
	operation *const operations[] = {tally_number_add, tally_number_subtract, tally_number_multiply, tally_number_floor_divide,
	                                 tally_number_remainder};
	const int64_t expected[] = {2, 0, 1, 1, 0};
	for (int i = 0; i < 5; i++) CHECK_EQ(take_value(apply(operations[i], tally_bool(true), tally_bool(true))), expected[i]);
	CHECK_EQ(take_value(tally_number_negate(tally_bool(true))), -1);
	CHECK_PTR(tally_number_absolute(tally_bool(true)), tally_int_new(1));
	CHECK_PTR(tally_int_from(tally_bool(false)), tally_int_new(0));
	CHECK_PTR(apply(tally_number_add, tally_bool(true), tally_bool(true)), tally_int_new(2));
}

// ---- quotients ----

// The double nearest to the quotient of two ints.
static const struct {
	int64_t a, b;
	double quotient;
} quotients[] = {
	{6, 3, 2}, {1, 4, 0.25}, {-7, 2, -3.5}, {0, -5, -0.0}, {0, INT64_MIN, -0.0}, {0, 5, 0.0}, {1, 3, 1.0 / 3},
	{INT64_MAX, 3, 0x1.5555555555555p+61},
	{INT64_MAX, INT64_MAX, 0x1.0000000000000p+0},
	{INT64_MIN, 3, -0x1.5555555555555p+61},
	{INT64_MIN, INT64_MAX, -0x1.0000000000000p+0},
	{INT64_MAX, INT64_MIN, -0x1.0000000000000p+0},
	{INT64_C(9007199254740993), 1, 0x1.0000000000000p+53},
	{INT64_C(9007199254740993), 3, 0x1.5555555555556p+51},
	{INT64_MAX, INT64_C(9007199254740993), 0x1.fffffffffffffp+9},
	{1, INT64_MAX, 0x1.0000000000000p-63},
	{3, INT64_MIN, -0x1.8000000000000p-62},
	{INT64_MIN, -1, 0x1.0000000000000p+63},
	{INT64_C(9223372036854775296), 1, 0x1.0000000000000p+63},
	{INT64_C(9223372036854775295), 1, 0x1.fffffffffffffp+62},
	{INT64_C(123456789012345678), INT64_C(987654321098765432), 0x1.ffffffb1b9669p-4},
	{INT64_MIN, INT64_MIN, 0x1.0000000000000p+0},
	{INT64_C(6004799503160661), INT64_C(9007199254740993), 0x1.5555555555554p-1},
	{INT64_C(9223372036854775295), 2, 0x1.fffffffffffffp+61},
	{INT64_C(6173109829086559037), INT64_C(4427824307294122576), 0x1.64e7e19d5d2b1p+0}, // just above the middle of two doubles
	{INT64_C(5962968753227453431), INT64_C(-29617653710790389), -0x1.92a9c3af2dae3p+7},
};

static void a_quotient_of_ints_is_the_nearest_float(void)
{
	for (size_t i = 0; i < sizeof quotients / sizeof quotients[0]; i++) {
		tally_object *result = apply(tally_number_divide, integer(quotients[i].a), integer(quotients[i].b));
		if (!is_real(result, quotients[i].quotient)) tap_note("row %zu", i);
	}
	is_real(apply(tally_number_divide, tally_bool(true), integer(8)), 0.125);
	is_real(apply(tally_number_divide, real(INFINITY), integer(-2)), -INFINITY);
}

// The quotient rounded down, and the remainder.
static const struct {
	int64_t a, b, quotient, remainder;
} int_rows[] = {
	{7, 2, 3, 1},
	{-7, 2, -4, 1},
	{7, -2, -4, -1},
	{-7, -2, 3, -1},
	{6, 3, 2, 0},
	{-6, 3, -2, 0},
	{6, -3, -2, 0},
	{0, 5, 0, 0},
	{0, -5, 0, 0},
	{1, 5, 0, 1},
	{-1, 5, -1, 4},
	{1, -5, -1, -4},
	{INT64_MAX, -2, INT64_C(-4611686018427387904), -1},
	{INT64_MIN, 2, INT64_C(-4611686018427387904), 0},
	{INT64_MIN, 3, INT64_C(-3074457345618258603), 1},
	{INT64_MIN, INT64_MIN, 1, 0},
	{INT64_MIN, INT64_MAX, -2, INT64_C(9223372036854775806)},
	{INT64_MAX, INT64_MIN, -1, -1},
	{INT64_MAX, INT64_MAX, 1, 0},
	{5, INT64_MAX, 0, 5},
	{-5, INT64_MAX, -1, INT64_C(9223372036854775802)},
	{5, INT64_MIN, -1, INT64_C(-9223372036854775803)},
	{INT64_MAX, -1, INT64_C(-9223372036854775807), 0},
	{INT64_MAX, 1, INT64_MAX, 0},
	{INT64_MIN, 1, INT64_MIN, 0},
};

static void ints_are_divided_towards_minus_infinity(void)
{
	for (size_t i = 0; i < sizeof int_rows / sizeof int_rows[0]; i++) {
		bool good = CHECK_EQ(with_ints(tally_number_floor_divide, int_rows[i].a, int_rows[i].b), int_rows[i].quotient);
		good = CHECK_EQ(with_ints(tally_number_remainder, int_rows[i].a, int_rows[i].b), int_rows[i].remainder) && good;
		if (!good) tap_note("row %zu", i);
	}
	CHECK_EQ(with_ints(tally_number_remainder, INT64_MIN, -1), 0);
	CHECK_EQ(with_ints(tally_number_remainder, 5, -1), 0);
}

static const struct {
	double a, b, quotient, remainder;
} float_rows[] = {
	{0x1.e000000000000p+2, 0x1p+1, 0x1.8000000000000p+1, 0x1.8000000000000p+0},
	{-0x1.e000000000000p+2, 0x1p+1, -0x1p+2, 0x1p-1},
	{0x1.e000000000000p+2, -0x1p+1, -0x1p+2, -0x1p-1},
	{-0x1.e000000000000p+2, -0x1p+1, 0x1.8000000000000p+1, -0x1.8000000000000p+0},
	{0x1p+0, 0x1.999999999999ap-4, 0x1.2000000000000p+3, 0x1.9999999999996p-4},
	{-0x1p+0, 0x1.999999999999ap-4, -0x1.4000000000000p+3, 0x1p-54},
	{0x1.3333333333333p-2, 0x1.999999999999ap-4, 0x1p+1, 0x1.9999999999998p-4},
	{0.0, 0x1.8000000000000p+1, 0.0, 0.0},
	{-0.0, 0x1.8000000000000p+1, -0.0, 0.0},
	{0.0, -0x1.8000000000000p+1, -0.0, -0.0},
	{0x1.8000000000000p+2, 0x1.8000000000000p+1, 0x1p+1, 0.0},
	{0x1.8000000000000p+2, -0x1.8000000000000p+1, -0x1p+1, -0.0},
	{-0x1.8000000000000p+2, 0x1.8000000000000p+1, -0x1p+1, 0.0},
	{0x1p+0, INFINITY, 0.0, 0x1p+0},
	{-0x1p+0, INFINITY, -0x1p+0, INFINITY},
	{0x1p+0, -INFINITY, -0x1p+0, -INFINITY},
	{-0x1p+0, -INFINITY, 0.0, -0x1p+0},
	{INFINITY, 0x1p+0, NAN, NAN},
	{INFINITY, INFINITY, NAN, NAN},
	{NAN, 0x1p+0, NAN, NAN},
	{0x1p+0, NAN, NAN, NAN},
	{0x1.1ccf385ebc8a0p+1023, 0x0.0000000000001p-1022, INFINITY, 0.0},
	{0x1.1ccf385ebc8a0p+1023, 0x1.8000000000000p+1, 0x1.7bbef5d3a60d5p+1021, 0x1p+1},
	{0x0.0000000000001p-1022, 0x1.1ccf385ebc8a0p+1023, 0.0, 0x0.0000000000001p-1022},
	{-0x0.0000000000001p-1022, 0x1.1ccf385ebc8a0p+1023, -0x1p+0, 0x1.1ccf385ebc8a0p+1023},
	{0x1.1c37937e08000p+53, 0x1.c000000000000p+2, 0x1.44d1cd2252490p+50, 0x1p+2},
	{0x1.7e43c8800759cp+996, 0x1.999999999999ap-4, 0x1.ddd4baa009303p+999, 0x1.d66e81bc37800p-14},
	{0x0.0000000000001p-1022, 0x0.0000000000001p-1022, 0x1p+0, 0.0},
	{0x1p-1, 0x1p+0, 0.0, 0x1p-1},
	{-0x1p-1, 0x1p+0, -0x1p+0, 0x1p-1},
	{0x1.d6f3454800000p+26, 0x1.0624dd2f1a9fcp-10, 0x1.cbe991a840000p+36, 0x1.0624b1084c210p-10},
	{0x1.0082c365e8494p+51, 0x1.2784f9acb8e7bp+2, 0x1.bc6a766cc8420p+48, 0x1.1561042512c4ap+2}, // x - remainder rounds down
	{0x1.26452689581b6p+53, 0x1.95f7fe869fcc1p+2, 0x1.7320bac987adcp+50, 0x1.3364703ded024p+0},
	{0x0.012688b70e62bp-1022, 0x0.00000000017b8p-1022, 0x1.8d5e649600000p+31, 0x0.0000000000343p-1022},
	{0x1.56e1fc2f8f359p-997, 0x0.000005472e49dp-1022, 0x1.03db0a8252820p+47, 0x0.000003d59cf23p-1022},
	{0x1.1fa182c40c60dp-1022, 0x0.0b8157268fdafp-1022, 0x1.8000000000000p+4, 0x0.0b8157268fda5p-1022},
	{0x1p-1022, 0x0.0000000000003p-1022, 0x1.5555555555554p+50, 0x0.0000000000001p-1022},
	{-0x1.c16c5c5253575p-1014, 0x0.0000000000007p-1022, -0x1.00d034c15431ep+58, 0x0.0000000000005p-1022},
	{0x1.8000000000000p-1021, 0x0.c000000000000p-1022, 0x1p+2, 0.0},
	{0x0.730d67819e8d2p-1022, 0x1.089ed476ecab0p-1022, 0.0, 0x0.730d67819e8d2p-1022},
};

static void floats_are_divided_towards_minus_infinity(void)
{
	for (size_t i = 0; i < sizeof float_rows / sizeof float_rows[0]; i++) {
		bool good = is_real(apply(tally_number_floor_divide, real(float_rows[i].a), real(float_rows[i].b)), float_rows[i].quotient);
		good = is_real(apply(tally_number_remainder, real(float_rows[i].a), real(float_rows[i].b)), float_rows[i].remainder) && good;
		if (!good) tap_note("row %zu", i);
	}
}

static uint64_t bits(uint64_t *state, unsigned most) { return fixture_random(state) >> (64 - 1 - below(state, most)); }

// a * 2^power and b, both exact as floats, and the remainder that ints give: doubled and reduced, power times.
static void remainders_of_floats_are_exact_however_far_apart_they_are(void)
{
	uint64_t state = fixture_seed(0);
	for (int i = tap_scale(5000); i > 0; i--) {
		uint64_t a = bits(&state, 53), b = bits(&state, 53) | 1, expected = a % b;
		int power = (int)below(&state, 900), scale = (int)below(&state, 1100) - 1050;
		for (int each = 0; each < power; each++) expected = expected * 2 % b;
		if (power + scale > 900) scale = 0;
		double x = ldexp((double)a, power + scale), y = ldexp((double)b, scale);
		if (scale < -1020) continue; // they would be rounded
		if (!is_real(apply(tally_number_remainder, real(x), real(y)), ldexp((double)expected, scale))) tap_note("%a %% %a", x, y);
	}
}

static void quotient_and_remainder_give_the_number_back(void)
{
	uint64_t state = fixture_seed(0);
	for (int i = tap_scale(20000); i > 0; i--) {
		int64_t a = (int64_t)fixture_random(&state) >> below(&state, 64), b = (int64_t)fixture_random(&state) >> below(&state, 64);
		if (b == 0 || b == -1) continue;
		int64_t quotient = with_ints(tally_number_floor_divide, a, b), remainder = with_ints(tally_number_remainder, a, b);
		CHECK(b > 0 ? remainder >= 0 && remainder < b : remainder <= 0 && remainder > b);
		CHECK_EQ((uint64_t)quotient * (uint64_t)b + (uint64_t)remainder, (uint64_t)a);
	}
}

static void division_by_zero_is_an_error_for_every_kind_of_number(void)
{
	CHECK_NULL(apply(tally_number_divide, integer(1), integer(0)), TALLY_ERROR_VALUE, "number_divide: division by zero");
	CHECK_NULL(apply(tally_number_divide, real(1), real(0)), TALLY_ERROR_VALUE, "number_divide: division by zero");
	CHECK_NULL(apply(tally_number_divide, integer(1), real(-0.0)), TALLY_ERROR_VALUE, "number_divide: division by zero");
	CHECK_NULL(apply(tally_number_divide, integer(1), tally_bool(false)), TALLY_ERROR_VALUE, "number_divide: division by zero");
	CHECK_NULL(apply(tally_number_floor_divide, integer(1), integer(0)), TALLY_ERROR_VALUE, "number_floor_divide: division by zero");
	CHECK_NULL(apply(tally_number_floor_divide, real(NAN), real(0)), TALLY_ERROR_VALUE, "number_floor_divide: division by zero");
	CHECK_NULL(apply(tally_number_remainder, integer(1), integer(0)), TALLY_ERROR_VALUE, "number_remainder: division by zero");
	CHECK_NULL(apply(tally_number_remainder, real(1), integer(0)), TALLY_ERROR_VALUE, "number_remainder: division by zero");
}

// ---- one number ----

static tally_object *of_one(tally_object *(*operate)(tally_object *), tally_object *number)
{
	tally_object *result = operate(number);
	tally_decref(number);
	return result;
}

static void numbers_are_negated_and_made_positive(void)
{
	CHECK_EQ(take_value(of_one(tally_number_negate, integer(5))), -5);
	CHECK_EQ(take_value(of_one(tally_number_negate, integer(-INT64_MAX))), INT64_MAX);
	CHECK_EQ(take_value(of_one(tally_number_absolute, integer(-5))), 5);
	CHECK_EQ(take_value(of_one(tally_number_absolute, integer(INT64_MAX))), INT64_MAX);
	is_real(of_one(tally_number_negate, real(0)), -0.0);
	is_real(of_one(tally_number_absolute, real(-0.0)), 0);
	is_real(of_one(tally_number_absolute, real(-INFINITY)), INFINITY);
	CHECK_NULL(of_one(tally_number_negate, integer(INT64_MIN)), TALLY_ERROR_OVERFLOW,
	           "number_negate: -(-9223372036854775808) does not fit in 64 bits");
	CHECK_NULL(of_one(tally_number_absolute, integer(INT64_MIN)), TALLY_ERROR_OVERFLOW,
	           "number_absolute: -(-9223372036854775808) does not fit in 64 bits");
}

static void a_float_as_an_int_loses_its_fraction(void)
{
	CHECK_EQ(take_value(of_one(tally_int_from, real(1.9))), 1);
	CHECK_EQ(take_value(of_one(tally_int_from, real(-1.9))), -1);
	CHECK_EQ(take_value(of_one(tally_int_from, real(-0.5))), 0);
	CHECK_EQ(take_value(of_one(tally_int_from, real(-0x1p63))), INT64_MIN);
	CHECK_EQ(take_value(of_one(tally_int_from, real(0x1.fffffffffffffp62))), INT64_C(0x7FFFFFFFFFFFFC00));
	CHECK_EQ(take_value(of_one(tally_int_from, integer(INT64_MIN))), INT64_MIN);
	CHECK_NULL(of_one(tally_int_from, real(0x1p63)), TALLY_ERROR_OVERFLOW, "int_from: 9.223372036854776e+18 does not fit in 64 bits");
	CHECK_NULL(of_one(tally_int_from, real(-INFINITY)), TALLY_ERROR_OVERFLOW, "int_from: -inf does not fit in 64 bits");
	CHECK_NULL(of_one(tally_int_from, real(NAN)), TALLY_ERROR_VALUE, "int_from: a NaN is no int");
}

// ---- truth ----

static int truth_of(tally_object *object)
{
	int truth = tally_truth(object);
	tally_decref(object);
	return truth;
}

static void nothing_and_what_is_empty_is_false(void)
{
	CHECK_EQ(truth_of(tally_none()), 0);
	CHECK_EQ(truth_of(tally_bool(false)), 0);
	CHECK_EQ(truth_of(tally_bool(true)), 1);
	CHECK_EQ(truth_of(integer(0)), 0);
	CHECK_EQ(truth_of(integer(-1)), 1);
	CHECK_EQ(truth_of(real(-0.0)), 0);
	CHECK_EQ(truth_of(real(5e-324)), 1);
	CHECK_EQ(truth_of(real(NAN)), 1);
	CHECK_EQ(truth_of(text("")), 0);
	CHECK_EQ(truth_of(text("0")), 1);
	CHECK_EQ(truth_of(must(tally_bytes_new("", 0))), 0);
	CHECK_EQ(truth_of(must(tally_bytes_new("\0", 1))), 1);
	CHECK_EQ(truth_of(must(tally_tuple_new(NULL, 0))), 0);
	CHECK_EQ(truth_of(must(tally_list_new())), 0);
	CHECK_EQ(truth_of(must(tally_dict_new())), 0);
	tally_object *none = tally_none();
	CHECK_EQ(truth_of(must(tally_tuple_new(&none, 1))), 1);
	CHECK_EQ(truth_of(must(tally_list_from(&none, 1))), 1);
	CHECK_EQ(truth_of(tally_type_of(none)), 1);
	CHECK_EQ(truth_of(probe(fixture_probe_type(), 1)), 1);
	CHECK_MINUS(tally_truth(NULL), TALLY_ERROR_TYPE, "truth: expected an object, got NULL");
}

// ---- errors ----

static void what_is_no_number_is_named(void)
{
	static const struct {
		operation *operate;
		const char *name;
	} rows[] = {{tally_number_add, "add"}, {tally_number_subtract, "subtract"}, {tally_number_multiply, "multiply"},
	            {tally_number_divide, "divide"}, {tally_number_floor_divide, "floor_divide"}, {tally_number_remainder, "remainder"}};
	tally_object *number = counted(1), *string = text("1");
	char message[100];
	for (int i = 0; i < 6; i++) {
		snprintf(message, sizeof message, "number_%s: expected a float, an int or a bool, got a 'str'", rows[i].name);
		CHECK_NULL(rows[i].operate(number, string), TALLY_ERROR_TYPE, message);
		CHECK_NULL(rows[i].operate(string, number), TALLY_ERROR_TYPE, message);
		snprintf(message, sizeof message, "number_%s: expected a float, an int or a bool, got NULL", rows[i].name);
		CHECK_NULL(rows[i].operate(number, NULL), TALLY_ERROR_TYPE, message);
	}
	CHECK_NULL(tally_number_negate(string), TALLY_ERROR_TYPE, "number_negate: expected a float, an int or a bool, got a 'str'");
	CHECK_NULL(tally_number_absolute(tally_none()), TALLY_ERROR_TYPE,
	           "number_absolute: expected a float, an int or a bool, got a 'none'");
	CHECK_NULL(tally_int_from(string), TALLY_ERROR_TYPE, "int_from: expected a float, an int or a bool, got a 'str'");
	CHECK_EQ(tally_refcount(number), 1);
	CHECK_EQ(tally_refcount(string), 1);
	tally_decref(number);
	tally_decref(string);
}

static tally_object *add_them(void *numbers) { return tally_number_add(((tally_object **)numbers)[0], ((tally_object **)numbers)[0]); }
static tally_object *divide_them(void *numbers) { return tally_number_divide(((tally_object **)numbers)[0], ((tally_object **)numbers)[1]); }
static tally_object *negate_it(void *numbers) { return tally_number_negate(((tally_object **)numbers)[0]); }
static tally_object *cut_it(void *numbers) { return tally_int_from(((tally_object **)numbers)[1]); }

static void an_operation_without_memory_leaves_nothing_behind(void)
{
	tally_object *numbers[] = {counted(1), real(1e10)};
	CHECK_EQ(check_each_failure(add_them, numbers), 1);
	CHECK_EQ(check_each_failure(divide_them, numbers), 1);
	CHECK_EQ(check_each_failure(negate_it, numbers), 1);
	CHECK_EQ(check_each_failure(cut_it, numbers), 1);
	tally_decref(numbers[0]);
	tally_decref(numbers[1]);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(ints_are_added_subtracted_and_multiplied);
	TAP_RUN(what_does_not_fit_is_an_error_and_never_wraps);
	TAP_RUN(a_float_on_either_side_makes_the_result_a_float);
	TAP_RUN(booleans_count_as_0_and_1);
	TAP_RUN(a_quotient_of_ints_is_the_nearest_float);
	TAP_RUN(ints_are_divided_towards_minus_infinity);
	TAP_RUN(floats_are_divided_towards_minus_infinity);
	TAP_RUN(remainders_of_floats_are_exact_however_far_apart_they_are);
	TAP_RUN(quotient_and_remainder_give_the_number_back);
	TAP_RUN(division_by_zero_is_an_error_for_every_kind_of_number);
	TAP_RUN(numbers_are_negated_and_made_positive);
	TAP_RUN(a_float_as_an_int_loses_its_fraction);
	TAP_RUN(nothing_and_what_is_empty_is_false);
	TAP_RUN(what_is_no_number_is_named);
	if (has_faults()) TAP_RUN(an_operation_without_memory_leaves_nothing_behind);
	else tap_skip("an_operation_without_memory_leaves_nothing_behind", "this build has no faults on demand (assertions are off)");
	return tap_end();
}
