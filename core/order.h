// core/order.h: what LT, LE, GT and GE ask of an order that has been found, and the order of bytes. Pure.
//
// UTF-8 keeps the order of code points, so what orders bytes orders strings, too.
#ifndef TALLY_CORE_ORDER_H
#define TALLY_CORE_ORDER_H

#include <string.h>
#include <tally/object.h>

// `sign`: below, at or above 0 as the left one is below, equal to or above the right one.
static inline int tally_order_holds(int sign, enum tally_comparison comparison)
{
	switch (comparison) {
	case TALLY_LT: return sign < 0;
	case TALLY_LE: return sign <= 0;
	case TALLY_GT: return sign > 0;
	default: return sign >= 0;
	}
}

static inline int tally_order_bytes(const void *left, size_t left_size, const void *right, size_t right_size)
{
	size_t shorter = left_size < right_size ? left_size : right_size;
	int sign = shorter ? memcmp(left, right, shorter) : 0;
	return sign ? sign : (left_size > right_size) - (left_size < right_size);
}

#endif
