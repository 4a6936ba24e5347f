// core/size_class.h: the arithmetic of block sizes. Pure functions, no state.
//
// Small blocks go in steps of 8 bytes up to 512 (a 24-byte number is a 24-byte block), medium ones in four steps a
// doubling up to 8 KiB, so that at most a fifth is lost; larger requests get pages of their own.
//
// I1  tally_class_size(tally_class_of(n)) >= n, and no smaller class has that (tests/size_class.c tries every n).
#ifndef TALLY_CORE_SIZE_CLASS_H
#define TALLY_CORE_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
	TALLY_SMALL_MAX = 512,
	TALLY_MEDIUM_MAX = 8192,
	TALLY_BLOCK_MIN = 16,
	TALLY_SMALL_CLASSES = TALLY_SMALL_MAX / 8 + 1, // class 0 and 1 stay empty
	TALLY_CLASSES = TALLY_SMALL_CLASSES + 16,
};

// `size` from 1 to TALLY_MEDIUM_MAX.
static inline unsigned tally_class_of(size_t size)
{
	if (size <= TALLY_BLOCK_MIN) return TALLY_BLOCK_MIN / 8;
	if (size <= TALLY_SMALL_MAX) return (unsigned)((size + 7) / 8);
	unsigned power = 63 - (unsigned)__builtin_clzll(size - 1); // 2^power < size <= 2^(power + 1)
	unsigned quarter = (unsigned)((size - 1) >> (power - 2)) & 3;
	return TALLY_SMALL_CLASSES + (power - 9) * 4 + quarter;
}

static inline size_t tally_class_size(unsigned class)
{
	if (class < TALLY_SMALL_CLASSES) return (size_t)class * 8;
	unsigned power = 9 + (class - TALLY_SMALL_CLASSES) / 4, quarter = (class - TALLY_SMALL_CLASSES) % 4;
	return ((size_t)1 << power) + (((size_t)1 << power) / 4) * (quarter + 1);
}

#endif
