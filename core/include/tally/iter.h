// tally/iter.h: iterators: one element of a container after the other.
//
// An iterator refers to what it goes through and may be used by several threads: each element is then given to one of them.
// While the container changes, an element may be skipped or given twice; nothing that was never in it is given, and nothing
// fails. Once an iterator has come to the end it lets go of its container and stays at the end.
#ifndef TALLY_ITER_H
#define TALLY_ITER_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// An iterator over the elements of a tuple, list, set or frozenset, the keys of a dict, the code points of a str (each a str),
// the bytes of a bytes object (each an int); an iterator gives itself. NULL with TALLY_ERROR_TYPE, TALLY_ERROR_MEMORY,
// TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_iter(tally_object *object);
// The same from the last to the first: tuple, list, dict, str, bytes.
TALLY_API tally_object *tally_iter_reversed(tally_object *object);
// Calls `callable` without arguments for each element, until it gives one equal to `end`. NULL with TALLY_ERROR_TYPE.
TALLY_API tally_object *tally_iter_call(tally_object *callable, tally_object *end);

// 1 with a new reference in *item; 0 at the end (*item is NULL); -1 with TALLY_ERROR_TYPE when it is no iterator,
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD, the error of a callable (*item is NULL). Run point.
TALLY_API int tally_next(tally_object *iterator, tally_object **item);

// How many elements are left if nothing changes, into *hint; 0 when nobody knows. -1 with TALLY_ERROR_TYPE,
// TALLY_ERROR_THREAD.
TALLY_API int tally_length_hint(tally_object *iterator, size_t *hint);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_iterator(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
