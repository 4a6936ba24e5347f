// core/slice.h: which elements a slice [start:stop:step] means, as Python computes it.
// Pure, but for the error of a step of 0: any thread.
#ifndef TALLY_CORE_SLICE_H
#define TALLY_CORE_SLICE_H

#include "error.h"

struct tally_slice {
	size_t start, count; // the first element, and how many; without elements: the place between, if the step is 1
	ptrdiff_t step;
};

// A start or stop brought to 0 .. size, or, for a step backwards, to -1 .. size - 1.
static inline ptrdiff_t tally_slice_bound(ptrdiff_t index, ptrdiff_t size, bool backwards, ptrdiff_t left_out)
{
	if (index == TALLY_SLICE_NONE) return left_out;
	if (index < 0) index += size;
	ptrdiff_t low = backwards ? -1 : 0, high = backwards ? size - 1 : size;
	return index < low ? low : index > high ? high : index;
}

// `step` is not 0; `size` fits in a ptrdiff_t.
static inline struct tally_slice tally_slice_of(size_t size, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	ptrdiff_t length = (ptrdiff_t)size;
	bool backwards = step < 0;
	ptrdiff_t first = tally_slice_bound(start, length, backwards, backwards ? length - 1 : 0);
	ptrdiff_t end = tally_slice_bound(stop, length, backwards, backwards ? -1 : length);
	size_t span = backwards ? (first > end ? (size_t)(first - end) : 0) : (end > first ? (size_t)(end - first) : 0);
	size_t stride = backwards ? (size_t)0 - (size_t)step : (size_t)step;
	return (struct tally_slice){(size_t)first, span / stride + (span % stride != 0), step};
}

// 0, or -1 with the error set when `step` is 0.
static inline int tally_slice_check(const char *operation, ptrdiff_t step)
{
	return step ? 0 : tally_error_raise(TALLY_ERROR_VALUE, operation, "the step is 0");
}

#endif
