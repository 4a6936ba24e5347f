// tally/number.h: none, booleans, 64-bit integers, floats.
//
// none, true and false are immortal: the "new" reference that their functions return need not be dropped.
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

// What an object is. Attached thread, no point, cannot fail.
TALLY_API bool tally_is_none(const tally_object *object);
TALLY_API bool tally_is_bool(const tally_object *object);
TALLY_API bool tally_is_int(const tally_object *object);
TALLY_API bool tally_is_float(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
