// core/decimal.h: doubles as decimal text and back, whatever the locale. Pure: any thread, no runtime needed.
//
// I1  What tally_decimal_write wrote, tally_decimal_read reads as the same number (NaNs as a NaN).
// I2  No shorter text would: that is the one with the fewest digits and, among those, the one nearest to the number.
#ifndef TALLY_CORE_DECIMAL_H
#define TALLY_CORE_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

enum { TALLY_DECIMAL_SIZE = 40 }; // bytes that a text takes at most, with its NUL

// As Python shows a float: "1.0", "0.0001", "1e-05", "1e+16", "-0.0", "inf", "nan". Returns the length.
size_t tally_decimal_write(char *text, double value);

// The nearest double to `text`: a sign or none, digits with an optional fraction and exponent; nothing else may stand in front
// of whatever follows. An infinity from beyond the largest double on. False: no memory.
bool tally_decimal_read(const char *text, double *value);

#endif
