// core/utf8.h: well-formed UTF-8: checking it, counting and finding its code points, repairing what is not. Pure functions.
//
// Well-formed is what table 3-7 of Unicode 15 (section 3.9) lists: no overlong form, no surrogate, nothing beyond
// U+10FFFF. Repair puts one U+FFFD in the place of each maximal subpart: the longest start of a well-formed sequence
// that stands there, or else one byte.
//
// I1  Every function reads exactly the `size` bytes it is given; none needs a NUL at their end.
// I2  tally_utf8_repair writes exactly the bytes that tally_utf8_repaired_size announced.
// I3  What repair writes is well-formed, and well-formed input is copied as it is.
#ifndef TALLY_CORE_UTF8_H
#define TALLY_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The length of the well-formed start of `bytes`: `size` when all of it is, else the offset of the first bad byte.
// *ascii: whether that start is ASCII.
size_t tally_utf8_check(const char *bytes, size_t size, bool *ascii);

// The number of code points in `size` bytes of well-formed text.
size_t tally_utf8_count(const char *bytes, size_t size);

// Where code point number `point` of well-formed text begins: its offset, or `size` when there are not as many.
size_t tally_utf8_offset(const char *bytes, size_t size, size_t point);

// The code point at the start of well-formed text, which is not empty; its length in bytes into *length.
uint32_t tally_utf8_decode(const char *bytes, unsigned *length);

// How many bytes the repaired text has, and how many parts get replaced. SIZE_MAX: more than a size_t holds.
size_t tally_utf8_repaired_size(const char *bytes, size_t size, size_t *replaced);

// Writes the repaired text.
void tally_utf8_repair(char *repaired, const char *bytes, size_t size);

#endif
