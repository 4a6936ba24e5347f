// core/number.c: when two numbers are equal, and the hash that follows from it.
//
// Every number that is a whole one within 64 bits is reduced to that integer, a float too, and hashed and compared as
// such; so 1, 1.0 and true meet, and no comparison goes through a rounded conversion. What is left are floats that
// equal no int: fractions, infinities, numbers from 2^63 on, NaN.
//
// Pure functions on immutable objects: any attached thread.
#include "number.h"
#include "hash.h"

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

static uint64_t hash_float(double value)
{
	uint64_t bits;
	if (value != value) return NAN_HASH; // one for all: they differ in bits that nobody sees
	memcpy(&bits, &value, sizeof bits);
	return tally_hash_mix(~bits); // the smallest floats have the bits of small ints
}

int tally_number_hash(struct tally_object *number, uint64_t *hash, unsigned depth)
{
	int64_t value;
	(void)depth;
	*hash = reduce(number, &value) ? tally_hash_mix((uint64_t)value) : hash_float(float_of(number));
	return 0;
}
