// tally/container.h: tuples, lists, dicts.
//
// Lists and dicts may be used by any number of threads at once: each call on one of them is atomic. A compound of
// calls is not, unless it stands in a critical section (tally/thread.h). Destructors of elements that a call removes
// run after the call has let go of the container.
// Every function: -1 or NULL with TALLY_ERROR_TYPE when the container has the wrong type, TALLY_ERROR_THREAD when the
// thread is not attached; those that store also TALLY_ERROR_MEMORY, and then nothing has changed. An element must
// not be NULL (TALLY_ERROR_VALUE). The index of a tuple or list counts from its end when negative.
#ifndef TALLY_CONTAINER_H
#define TALLY_CONTAINER_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- tuple: fixed length, immutable ----
// `items` holds `size` objects (NULL allowed when size is 0). Run points.
TALLY_API tally_object *tally_tuple_new(tally_object *const *items, size_t size);
TALLY_API int tally_tuple_size(tally_object *tuple, size_t *size);
// NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_tuple_get(tally_object *tuple, ptrdiff_t index);
TALLY_API bool tally_is_tuple(const tally_object *object);

// ---- list ----
TALLY_API tally_object *tally_list_new(void);
TALLY_API tally_object *tally_list_from(tally_object *const *items, size_t size);
TALLY_API int tally_list_size(tally_object *list, size_t *size);
// NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_list_get(tally_object *list, ptrdiff_t index);
// 0; -1 with TALLY_ERROR_INDEX.
TALLY_API int tally_list_set(tally_object *list, ptrdiff_t index, tally_object *value);
TALLY_API int tally_list_append(tally_object *list, tally_object *value);
// Before the element at `index`; an index outside is brought to the nearest end.
TALLY_API int tally_list_insert(tally_object *list, ptrdiff_t index, tally_object *value);
// Appends `size` objects under one taking of the lock.
TALLY_API int tally_list_extend(tally_object *list, tally_object *const *items, size_t size);
// Removes the element at `index` and returns it. NULL with TALLY_ERROR_INDEX.
TALLY_API tally_object *tally_list_pop(tally_object *list, ptrdiff_t index);
TALLY_API int tally_list_clear(tally_object *list);
TALLY_API bool tally_is_list(const tally_object *object);

// ---- dict: insertion order, any hashable key (TALLY_ERROR_TYPE names an unhashable one) ----
TALLY_API tally_object *tally_dict_new(void);
TALLY_API int tally_dict_size(tally_object *dict, size_t *size);
// 1 with a new reference in *value, 0 absent (*value is NULL), -1 error (*value is NULL).
TALLY_API int tally_dict_get(tally_object *dict, tally_object *key, tally_object **value);
// 1 there, 0 not, -1 error.
TALLY_API int tally_dict_contains(tally_object *dict, tally_object *key);
TALLY_API int tally_dict_set(tally_object *dict, tally_object *key, tally_object *value);
// The value that the key has afterwards: the one that was there, else `value`, stored now.
TALLY_API tally_object *tally_dict_setdefault(tally_object *dict, tally_object *key, tally_object *value);
// Adds `n` to the int stored at `key` (an absent key counts as 0), atomically; *sum, if not NULL, receives the result.
// -1 with TALLY_ERROR_TYPE when the value is no int, TALLY_ERROR_OVERFLOW; nothing has changed then.
TALLY_API int tally_dict_add(tally_object *dict, tally_object *key, int64_t n, int64_t *sum);
// Removes the key; its value, a new reference, into *value unless that is NULL. 1 removed, 0 absent, -1 error.
TALLY_API int tally_dict_pop(tally_object *dict, tally_object *key, tally_object **value);
TALLY_API int tally_dict_clear(tally_object *dict);
// Iteration in insertion order: *position starts at 0 and belongs to the callee in between. 1 with new references in
// *key and *value (either may be NULL), 0 at the end, -1 error. While other threads or the loop itself change the dict
// an entry may be skipped or seen twice; nothing that was never in it is seen.
TALLY_API int tally_dict_next(tally_object *dict, size_t *position, tally_object **key, tally_object **value);
TALLY_API bool tally_is_dict(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
