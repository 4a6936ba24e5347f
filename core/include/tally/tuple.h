// tally/tuple.h: tuples: a fixed number of elements, immutable.
//
// Every function: NULL or -1 with TALLY_ERROR_TYPE when the tuple is none, TALLY_ERROR_THREAD; those that make something are
// run points and can fail with TALLY_ERROR_MEMORY. An index counts from the end when negative.
#ifndef TALLY_TUPLE_H
#define TALLY_TUPLE_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// `items` holds `size` objects, none of them NULL (TALLY_ERROR_VALUE); it may be NULL when size is 0. The empty tuple is one
// immortal object.
TALLY_API tally_object *tally_tuple_new(tally_object *const *items, size_t size);
// The elements that `items` gives (anything tally_iter takes); NULL also with an error of the iteration.
TALLY_API tally_object *tally_tuple_from(tally_object *items);

TALLY_API int tally_tuple_size(tally_object *tuple, size_t *size);
// NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_tuple_get(tally_object *tuple, ptrdiff_t index);
// tuple[start:stop:step], as TALLY_SLICE_NONE (tally/base.h) says. NULL with TALLY_ERROR_VALUE when step is 0.
TALLY_API tally_object *tally_tuple_slice(tally_object *tuple, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step);
TALLY_API tally_object *tally_tuple_concat(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_tuple_repeat(tally_object *tuple, size_t times);
// Where the first element equal to `value` stands, in *index: 1; 0 nowhere; -1 also with an error of the comparison.
TALLY_API int tally_tuple_index(tally_object *tuple, tally_object *value, size_t *index);
// How many elements equal `value`, into *count. -1 also with an error of the comparison.
TALLY_API int tally_tuple_count(tally_object *tuple, tally_object *value, size_t *count);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_tuple(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
