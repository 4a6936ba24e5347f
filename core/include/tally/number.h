// tally/number.h: none, booleans, 64-bit integers, floats, and arithmetic.
//
// none, true, false and the ints from -5 to 256 are immortal: one object each, and the "new" reference to it need not be
// dropped. Arithmetic follows Python's rules on 64 bits: what does not fit is an error, nothing wraps.
#ifndef TALLY_NUMBER_H
#define TALLY_NUMBER_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// The one none; the two booleans. Attached thread; no point; cannot fail once the runtime runs.
TALLY_API tally_object *tally_none(void);
TALLY_API tally_object *tally_bool(bool value);

// New numbers. NULL with TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run points.
TALLY_API tally_object *tally_int_new(int64_t value);
TALLY_API tally_object *tally_float_new(double value);

// The value of an int or bool (as_int), or of a float, int or bool (as_float: the nearest double).
// 0; -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD; *value is then untouched.
TALLY_API int tally_int_value(tally_object *object, int64_t *value);
TALLY_API int tally_float_value(tally_object *object, double *value);
TALLY_API int tally_bool_value(tally_object *object, bool *value);

// ---- arithmetic ----
// On ints, floats and booleans (which count as 0 and 1); a float on either side makes the result a float. NULL with
// TALLY_ERROR_TYPE (no number), TALLY_ERROR_OVERFLOW (an int beyond 64 bits), TALLY_ERROR_VALUE (division by zero),
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run points.
TALLY_API tally_object *tally_number_add(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_number_subtract(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_number_multiply(tally_object *a, tally_object *b);
// The quotient, always a float.
TALLY_API tally_object *tally_number_divide(tally_object *a, tally_object *b);
// The quotient rounded towards minus infinity, and what it leaves, which has the sign of `b`.
TALLY_API tally_object *tally_number_floor_divide(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_number_remainder(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_number_negate(tally_object *number);
TALLY_API tally_object *tally_number_absolute(tally_object *number);

// ---- conversion; text: tally/str.h ----
// A float, int or bool as an int, its fraction cut off. NULL with TALLY_ERROR_TYPE, TALLY_ERROR_VALUE (NaN),
// TALLY_ERROR_OVERFLOW (an infinity, or beyond 64 bits), TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_int_from(tally_object *number);
// 1 true, 0 false: zero, none, an empty str, bytes or container are false, all else is true. -1 with TALLY_ERROR_TYPE
// (NULL), TALLY_ERROR_THREAD.
TALLY_API int tally_truth(tally_object *object);

// What an object is. Attached thread, no point, cannot fail.
TALLY_API bool tally_is_none(const tally_object *object);
TALLY_API bool tally_is_bool(const tally_object *object);
TALLY_API bool tally_is_int(const tally_object *object);
TALLY_API bool tally_is_float(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
