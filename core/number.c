// core/number.c: when two numbers are equal, and the hash that follows from it; how they are ordered, and shown.
//
// Every number that is a whole one within 64 bits is reduced to that integer, a float too, and hashed and compared as
// such; so 1, 1.0 and true meet, and no comparison goes through a rounded conversion. What is left are floats that
// equal no int: fractions, infinities, numbers from 2^63 on, NaN.
//
// Pure functions on immutable objects: any attached thread.
#include "number.h"
#include "decimal.h"
#include "hash.h"
#include "order.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

static const uint64_t NAN_HASH = 0x5CA1AB1E0DDBA11u;

static double float_of(const struct tally_object *object) { return ((const struct tally_float *)object)->value; }

static bool is_float(const struct tally_object *object) { return object->type == TALLY_TYPE_FLOAT; }

// False unless `value` is a whole number within 64 bits.
static bool whole(double value, int64_t *result)
{
	if (!(value >= -0x1p63 && value < 0x1p63)) return false;
	*result = (int64_t)value;
	return (double)*result == value;
}

static bool reduce(const struct tally_object *number, int64_t *result)
{
	if (is_float(number)) return whole(float_of(number), result);
	*result = ((const struct tally_int *)number)->value;
	return true;
}

int tally_number_equal(const struct tally_object *a, const struct tally_object *b)
{
	int64_t left, right;
	if (is_float(a) && is_float(b)) return float_of(a) == float_of(b);
	return reduce(a, &left) && reduce(b, &right) && left == right;
}

// The sign of left - right, or 2: not ordered.
static int order_floats(double left, double right)
{
	return left < right ? -1 : left > right ? 1 : left == right ? 0 : 2;
}

static int order_ints(int64_t left, int64_t right) { return (left > right) - (left < right); }

// An int and a float that is no whole number within 64 bits: they are never equal. Where rounding the int could deceive there are
// no fractions, and the one float that an int rounds to without being equal is 2^63.
static int order_mixed(int64_t left, double right)
{
	int sign = order_floats((double)left, right);
	return sign ? sign : -1;
}

static int order(const struct tally_object *a, const struct tally_object *b)
{
	int64_t left, right;
	if (is_float(a) && is_float(b)) return order_floats(float_of(a), float_of(b));
	bool is_left = reduce(a, &left), is_right = reduce(b, &right);
	if (is_left && is_right) return order_ints(left, right);
	if (is_left) return order_mixed(left, float_of(b));
	int reversed = order_mixed(right, float_of(a));
	return reversed == 2 ? 2 : -reversed;
}

int tally_number_compare(const struct tally_object *a, const struct tally_object *b, enum tally_comparison comparison)
{
	int sign = order(a, b);
	return sign == 2 ? 0 : tally_order_holds(sign, comparison);
}

static uint64_t hash_float(double value)
{
	uint64_t bits;
	if (value != value) return NAN_HASH; // one for all: they differ in bits that nobody sees
	memcpy(&bits, &value, sizeof bits);
	return tally_hash_mix(~bits); // the smallest floats have the bits of small ints
}

int tally_number_hash(struct tally_object *number, uint64_t *hash, const char *operation)
{
	int64_t value;
	(void)operation;
	*hash = reduce(number, &value) ? tally_hash_mix((uint64_t)value) : hash_float(float_of(number));
	return 0;
}

static int show_float(double value, struct tally_text *text)
{
	char decimal[TALLY_DECIMAL_SIZE];
	return tally_text_add(text, decimal, tally_decimal_write(decimal, value));
}

int tally_number_repr(struct tally_object *number, struct tally_text *text)
{
	if (is_float(number)) return show_float(float_of(number), text);
	int64_t value = ((struct tally_int *)number)->value;
	if (number->type == TALLY_TYPE_BOOL) return tally_text_add_string(text, value ? "True" : "False");
	return tally_text_format(text, "%" PRId64, value);
}
