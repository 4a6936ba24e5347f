// core/remainder.h: the remainder of floats, exactly, and rounding down: what C has in libm, which the library does not link.
//
// A division of mantissas bit by bit: exact, whatever the exponents. Doubles are IEEE 754's. Pure functions.
#ifndef TALLY_CORE_REMAINDER_H
#define TALLY_CORE_REMAINDER_H

#include <stdint.h>
#include <string.h>

// A finite float other than 0 is mantissa * 2^exponent, with 53 bits in the mantissa.
struct tally_double_parts {
	uint64_t mantissa;
	int exponent; // as the bits have it; below 1 where the float is subnormal
};

enum { TALLY_MANTISSA_BITS = 52 };
#define TALLY_MANTISSA (((uint64_t)1 << TALLY_MANTISSA_BITS) - 1)
#define TALLY_SIGN ((uint64_t)1 << 63)

static inline uint64_t tally_double_bits(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static inline double tally_double_of(uint64_t bits)
{
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static inline struct tally_double_parts tally_double_parts_of(double x)
{
	uint64_t bits = tally_double_bits(x) & ~TALLY_SIGN, mantissa = bits & TALLY_MANTISSA;
	int exponent = (int)(bits >> TALLY_MANTISSA_BITS);
	if (exponent) return (struct tally_double_parts){mantissa | (TALLY_MANTISSA + 1), exponent};
	int shift = __builtin_clzll(mantissa) - (63 - TALLY_MANTISSA_BITS);
	return (struct tally_double_parts){mantissa << shift, 1 - shift};
}

static inline double tally_double_put_together(struct tally_double_parts parts, uint64_t sign)
{
	if (!parts.mantissa) return tally_double_of(sign);
	int shift = __builtin_clzll(parts.mantissa) - (63 - TALLY_MANTISSA_BITS);
	parts.mantissa <<= shift;
	parts.exponent -= shift;
	if (parts.exponent < 1) return tally_double_of(sign | parts.mantissa >> (1 - parts.exponent)); // exact: both were multiples of it
	return tally_double_of(sign | (uint64_t)parts.exponent << TALLY_MANTISSA_BITS | (parts.mantissa & TALLY_MANTISSA));
}

// x - n * y for the whole n towards 0, exactly, by long division; the sign is that of x. `y` is not 0.
static inline double tally_cut_remainder(double x, double y)
{
	const double infinity = __builtin_inf();
	if (x != x || y != y || x == infinity || x == -infinity) return __builtin_nan("");
	if (x == 0 || y == infinity || y == -infinity) return x;
	struct tally_double_parts left = tally_double_parts_of(x), by = tally_double_parts_of(y);
	if (left.exponent < by.exponent) return x;
	for (;; left.mantissa <<= 1, left.exponent--) {
		if (left.mantissa >= by.mantissa) left.mantissa -= by.mantissa;
		if (left.exponent == by.exponent) return tally_double_put_together(left, tally_double_bits(x) & TALLY_SIGN);
	}
}

static inline double tally_with_sign_of(double x, double sign) { return tally_double_of((tally_double_bits(x) & ~TALLY_SIGN) | (tally_double_bits(sign) & TALLY_SIGN)); }

// From 2^52 on, and for infinities and NaN, there is nothing to round.
static inline double tally_round_down(double x)
{
	if (!(x > -0x1p52 && x < 0x1p52)) return x;
	double cut = (double)(int64_t)x;
	return cut > x ? cut - 1 : cut;
}

#endif
