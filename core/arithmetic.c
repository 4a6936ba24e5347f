// core/arithmetic.c: arithmetic on numbers, by Python's rules (tally/number.h).
//
// Two operands are brought to one kind: both ints, or both doubles when one of them is a float. Ints are computed in 64 bits and
// checked; floats as IEEE 754 has it, but for a division by zero, which is an error. A quotient rounded down leaves a remainder
// that has the sign of the divisor: a == floor_divide(a, b) * b + remainder(a, b).
//
// Pure but for the object that is made: any attached thread.
#include "decimal.h"
#include "error.h"
#include "number.h"
#include "remainder.h"

#include <tally/number.h>

#include <inttypes.h>
#include <math.h>
#include <string.h>

// The operands, brought to one kind.
struct operands {
	const char *operation;
	bool are_floats;
	int64_t a, b;
	double x, y;
};

static bool is_float(const struct tally_object *number) { return number->type == TALLY_TYPE_FLOAT; }

static int64_t int_of(const struct tally_object *number) { return ((const struct tally_int *)number)->value; }

static double float_of(const struct tally_object *number)
{
	return is_float(number) ? ((const struct tally_float *)number)->value : (double)int_of(number);
}

static int check(const char *operation, const struct tally_object *number)
{
	return number && tally_number_is(number) ? 0 : tally_error_type(operation, "a float, an int or a bool", number);
}

// The opening of every operation on two numbers. 0, or -1 with the error set.
static int begin(struct operands *operands, const char *operation, const struct tally_object *a, const struct tally_object *b)
{
	if (!tally_enter_new(operation) || check(operation, a) || check(operation, b)) return -1;
	*operands = (struct operands){.operation = operation, .are_floats = is_float(a) || is_float(b)};
	if (operands->are_floats) operands->x = float_of(a), operands->y = float_of(b);
	else operands->a = int_of(a), operands->b = int_of(b);
	return 0;
}

static tally_object *overflow(const struct operands *operands, char sign)
{
	return tally_error_null(tally_error_raise(TALLY_ERROR_OVERFLOW, operands->operation,
	                                          "%" PRId64 " %c %" PRId64 " does not fit in 64 bits", operands->a, sign, operands->b));
}

static bool divides_by_zero(const struct operands *operands)
{
	bool is_zero = operands->are_floats ? operands->y == 0 : operands->b == 0;
	if (is_zero) tally_error_raise(TALLY_ERROR_VALUE, operands->operation, "division by zero");
	return is_zero;
}

// ---- sums and products ----

tally_object *tally_number_add(tally_object *a, tally_object *b)
{
	struct operands o;
	int64_t sum;
	if (begin(&o, "number_add", a, b)) return NULL;
	if (o.are_floats) return tally_float_of(o.operation, o.x + o.y);
	return __builtin_add_overflow(o.a, o.b, &sum) ? overflow(&o, '+') : tally_int_of(o.operation, sum);
}

tally_object *tally_number_subtract(tally_object *a, tally_object *b)
{
	struct operands o;
	int64_t difference;
	if (begin(&o, "number_subtract", a, b)) return NULL;
	if (o.are_floats) return tally_float_of(o.operation, o.x - o.y);
	return __builtin_sub_overflow(o.a, o.b, &difference) ? overflow(&o, '-') : tally_int_of(o.operation, difference);
}

tally_object *tally_number_multiply(tally_object *a, tally_object *b)
{
	struct operands o;
	int64_t product;
	if (begin(&o, "number_multiply", a, b)) return NULL;
	if (o.are_floats) return tally_float_of(o.operation, o.x * o.y);
	return __builtin_mul_overflow(o.a, o.b, &product) ? overflow(&o, '*') : tally_int_of(o.operation, product);
}

// ---- the quotient ----

__extension__ typedef unsigned __int128 wide;

static uint64_t magnitude(int64_t value) { return value < 0 ? 0 - (uint64_t)value : (uint64_t)value; }

static int bits_of(uint64_t value) { return 64 - __builtin_clzll(value); }

// a / b, neither of them 0, rounded once: from a quotient of at least 56 bits, of which the last one also says whether anything
// was left over.
static double divide_magnitudes(uint64_t a, uint64_t b)
{
	int shift = 56 + bits_of(b) - bits_of(a);
	if (shift < 0) shift = 0;
	wide numerator = (wide)a << shift;
	uint64_t quotient = (uint64_t)(numerator / b);
	quotient |= numerator % b != 0;
	return ldexp((double)quotient, -shift);
}

// The double nearest to the quotient, also where the operands themselves are no doubles.
static double divide_ints(int64_t a, int64_t b)
{
	const int64_t exact = (int64_t)1 << 53;
	if (a >= -exact && a <= exact && b >= -exact && b <= exact) return (double)a / (double)b;
	if (!a) return 0.0 / (double)b; // with its sign
	double quotient = divide_magnitudes(magnitude(a), magnitude(b));
	return (a < 0) == (b < 0) ? quotient : -quotient;
}

tally_object *tally_number_divide(tally_object *a, tally_object *b)
{
	struct operands o;
	if (begin(&o, "number_divide", a, b) || divides_by_zero(&o)) return NULL;
	return tally_float_of(o.operation, o.are_floats ? o.x / o.y : divide_ints(o.a, o.b));
}

// ---- the quotient rounded down, and what it leaves ----

// `b` is neither 0 nor -1. Cut off towards 0, a quotient is one too large where the remainder has the other sign than `b`.
static bool is_one_too_large(int64_t left, int64_t b) { return left && (left < 0) != (b < 0); }

static int64_t int_floor(int64_t a, int64_t b) { return a / b - is_one_too_large(a % b, b); }

static int64_t int_remainder(int64_t a, int64_t b)
{
	int64_t left = a % b;
	return is_one_too_large(left, b) ? left + b : left;
}

// A remainder of 0 has the sign of `y`.
static double float_remainder(double x, double y)
{
	double left = tally_cut_remainder(x, y);
	if (left == 0) return tally_with_sign_of(0, y);
	return (left < 0) != (y < 0) ? left + y : left;
}

// What x is without its remainder is a multiple of y, so the quotient is whole but for rounding, and is taken to the nearest whole
// number. A quotient of 0 has the sign that it has before it is rounded down.
static double float_floor(double x, double y)
{
	double left = tally_cut_remainder(x, y), quotient = (x - left) / y;
	if (left != 0 && (left < 0) != (y < 0)) quotient -= 1;
	if (quotient == 0) return tally_with_sign_of(0, x / y);
	double below = tally_round_down(quotient);
	return quotient - below > 0.5 ? below + 1 : below;
}

tally_object *tally_number_floor_divide(tally_object *a, tally_object *b)
{
	struct operands o;
	if (begin(&o, "number_floor_divide", a, b) || divides_by_zero(&o)) return NULL;
	if (o.are_floats) return tally_float_of(o.operation, float_floor(o.x, o.y));
	if (o.b != -1) return tally_int_of(o.operation, int_floor(o.a, o.b));
	return o.a == INT64_MIN ? overflow(&o, '/') : tally_int_of(o.operation, -o.a);
}

tally_object *tally_number_remainder(tally_object *a, tally_object *b)
{
	struct operands o;
	if (begin(&o, "number_remainder", a, b) || divides_by_zero(&o)) return NULL;
	if (o.are_floats) return tally_float_of(o.operation, float_remainder(o.x, o.y));
	return tally_int_of(o.operation, o.b == -1 ? 0 : int_remainder(o.a, o.b));
}

// ---- one number ----

static int begin_one(const char *operation, const struct tally_object *number)
{
	return tally_enter_new(operation) ? check(operation, number) : -1;
}

static tally_object *negate_int(const char *operation, int64_t value)
{
	if (value != INT64_MIN) return tally_int_of(operation, -value);
	return tally_error_null(
	        tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "-(%" PRId64 ") does not fit in 64 bits", value));
}

tally_object *tally_number_negate(tally_object *number)
{
	if (begin_one("number_negate", number)) return NULL;
	return is_float(number) ? tally_float_of("number_negate", -float_of(number)) : negate_int("number_negate", int_of(number));
}

tally_object *tally_number_absolute(tally_object *number)
{
	if (begin_one("number_absolute", number)) return NULL;
	if (is_float(number)) return tally_float_of("number_absolute", fabs(float_of(number)));
	int64_t value = int_of(number);
	return value < 0 ? negate_int("number_absolute", value) : tally_int_of("number_absolute", value);
}

static tally_object *cut_off(double value)
{
	if (value != value) return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "int_from", "a NaN is no int"));
	if (value >= -0x1p63 && value < 0x1p63) return tally_int_of("int_from", (int64_t)value);
	char shown[TALLY_DECIMAL_SIZE];
	tally_decimal_write(shown, value);
	return tally_error_null(tally_error_raise(TALLY_ERROR_OVERFLOW, "int_from", "%s does not fit in 64 bits", shown));
}

tally_object *tally_int_from(tally_object *number)
{
	if (begin_one("int_from", number)) return NULL;
	return is_float(number) ? cut_off(float_of(number)) : tally_int_of("int_from", int_of(number));
}

// ---- truth ----

int tally_truth(tally_object *object)
{
	size_t length;
	if (!tally_enter("truth")) return -1;
	if (!object) return tally_error_type("truth", "an object", object);
	if (tally_number_is(object)) return is_float(object) ? float_of(object) != 0 : int_of(object) != 0;
	if (object->type == TALLY_TYPE_NONE) return 0;
	if (!tally_type(object)->length) return 1;
	tally_type(object)->length(object, &length); // cannot fail
	return length != 0;
}
