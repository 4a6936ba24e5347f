// tally/list.h: lists: any number of elements, in an order that the host gives them.
//
// Any number of threads may use a list at once: each call is atomic, unless it says otherwise. A compound of calls is not,
// unless it stands in a critical section (tally/thread.h). Destructors of elements that a call removes run after the call
// has let go of the list.
// Every function: NULL or -1 with TALLY_ERROR_TYPE when the list is none, TALLY_ERROR_THREAD; those that store or make
// something also TALLY_ERROR_MEMORY, and then nothing has changed. An element must not be NULL (TALLY_ERROR_VALUE). An index
// counts from the end when negative.
#ifndef TALLY_LIST_H
#define TALLY_LIST_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- making; run points ----
TALLY_API tally_object *tally_list_new(void);
// Of `size` objects at `items`, which may be NULL when size is 0.
TALLY_API tally_object *tally_list_from(tally_object *const *items, size_t size);
// Of what `items` gives (anything tally_iter takes); NULL also with an error of the iteration.
TALLY_API tally_object *tally_list_of(tally_object *items);

// ---- reading ----
TALLY_API int tally_list_size(tally_object *list, size_t *size);
// NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_list_get(tally_object *list, ptrdiff_t index);
// A new list, list[start:stop:step], as TALLY_SLICE_NONE (tally/base.h) says. NULL with TALLY_ERROR_VALUE when step is 0.
TALLY_API tally_object *tally_list_slice(tally_object *list, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step);
// The elements of both, each list as of one moment, one after the other; and those of one `times` times over: new lists.
TALLY_API tally_object *tally_list_concat(tally_object *a, tally_object *b);
TALLY_API tally_object *tally_list_repeat(tally_object *list, size_t times);
// Where the first element equal to `value` stands, in *index: 1; 0 nowhere; -1 also with an error of the comparison. Elements
// are compared one by one, without the list being locked: in a list that changes meanwhile one may be missed.
TALLY_API int tally_list_index(tally_object *list, tally_object *value, size_t *index);
TALLY_API int tally_list_contains(tally_object *list, tally_object *value);
// How many elements equal `value`, into *count; compares as tally_list_index does.
TALLY_API int tally_list_count(tally_object *list, tally_object *value, size_t *count);

// ---- changing ----
// 0; -1 with TALLY_ERROR_INDEX.
TALLY_API int tally_list_set(tally_object *list, ptrdiff_t index, tally_object *value);
TALLY_API int tally_list_append(tally_object *list, tally_object *value);
// Before the element at `index`; an index outside is brought to the nearest end.
TALLY_API int tally_list_insert(tally_object *list, ptrdiff_t index, tally_object *value);
// Appends `size` objects under one taking of the lock.
TALLY_API int tally_list_extend(tally_object *list, tally_object *const *items, size_t size);
// Appends what `items` gives (anything tally_iter takes, the list itself included): a tuple's or a list's elements at once,
// others as they come; -1 also with an error of the iteration, and then what had come before it has been appended.
TALLY_API int tally_list_extend_from(tally_object *list, tally_object *items);
// Removes the element at `index` and returns it. NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_list_pop(tally_object *list, ptrdiff_t index);
// Removes the first element equal to `value`: 1; 0 there is none; -1 also with an error of the comparison. Compares as
// tally_list_index does; what is removed is what was compared, and where it has gone meanwhile the search goes on.
TALLY_API int tally_list_remove(tally_object *list, tally_object *value);
TALLY_API int tally_list_reverse(tally_object *list);
// Exchanges two elements. -1 with TALLY_ERROR_INDEX.
TALLY_API int tally_list_swap(tally_object *list, ptrdiff_t a, ptrdiff_t b);
// Replaces list[start:stop] by `size` objects, as many or not; with size 0 it deletes them.
TALLY_API int tally_list_set_slice(tally_object *list, ptrdiff_t start, ptrdiff_t stop, tally_object *const *items, size_t size);
// Stable, ascending (tally_compare), by the values that calling `key` with each element gives (NULL: by the elements);
// `reverse`: descending, and still stable. While it runs the list is empty to everybody, the key function and the comparisons
// included (to sort it once more does nothing); what they put into it is lost, and the call fails with TALLY_ERROR_VALUE once the
// sorted elements are back.
// -1 also with an error of the key function or of a comparison: the elements are all back, in some order.
TALLY_API int tally_list_sort(tally_object *list, tally_object *key, bool reverse);
TALLY_API int tally_list_clear(tally_object *list);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_list(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
