// tally/dict.h: dicts: keys to values, in the order in which the keys were inserted.
//
// A key is anything that tally_hash takes (TALLY_ERROR_TYPE names what it does not). A key is found when it is the same object as
// the stored one, or equal to it (tally_equal, the stored key on the left). So a key of a class with an equality of its own runs
// the host's code: without the dict being locked, and once more from the start when that entry or the dict's table was replaced
// meanwhile. That code may do anything, dropping the dict included.
// Any number of threads may use a dict at once: each call is atomic, unless it says otherwise. A compound of calls is not,
// unless it stands in a critical section (tally/thread.h). Destructors of what a call removes run after the call has let go
// of the dict.
// Every function: NULL or -1 with TALLY_ERROR_TYPE when the dict is none, TALLY_ERROR_THREAD, TALLY_ERROR_DEPTH, the error of a
// key's hash or equality, TALLY_ERROR_VALUE (a key or value that is NULL; a dict that other code changes during each of 1,000
// comparisons); those that store or make something also TALLY_ERROR_MEMORY. Then nothing has changed.
#ifndef TALLY_DICT_H
#define TALLY_DICT_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- making; run points ----
TALLY_API tally_object *tally_dict_new(void);
// The same keys and values, in the same order, as of one moment.
TALLY_API tally_object *tally_dict_copy(tally_object *dict);

// ---- reading ----
TALLY_API int tally_dict_size(tally_object *dict, size_t *size);
// 1 with a new reference in *value, 0 absent (*value is NULL), -1 error (*value is NULL).
TALLY_API int tally_dict_get(tally_object *dict, tally_object *key, tally_object **value);
// 1 there, 0 not, -1 error.
TALLY_API int tally_dict_contains(tally_object *dict, tally_object *key);
// A list of the keys, of the values, of (key, value) tuples, in order, as of one moment.
TALLY_API tally_object *tally_dict_keys(tally_object *dict);
TALLY_API tally_object *tally_dict_values(tally_object *dict);
TALLY_API tally_object *tally_dict_items(tally_object *dict);
// Iteration in insertion order: *position starts at 0 and belongs to the callee in between. 1 with new references in
// *key and *value (either may be NULL), 0 at the end, -1 error. While other threads or the loop itself change the dict
// an entry may be skipped or seen twice; nothing that was never in it is seen.
TALLY_API int tally_dict_next(tally_object *dict, size_t *position, tally_object **key, tally_object **value);

// ---- changing ----
TALLY_API int tally_dict_set(tally_object *dict, tally_object *key, tally_object *value);
// The value that the key has afterwards: the one that was there, else `value`, stored now.
TALLY_API tally_object *tally_dict_setdefault(tally_object *dict, tally_object *key, tally_object *value);
// Adds `n` to the int stored at `key` (an absent key counts as 0), atomically; *sum, if not NULL, receives the result.
// -1 with TALLY_ERROR_TYPE when the value is no int, TALLY_ERROR_OVERFLOW; nothing has changed then.
TALLY_API int tally_dict_add(tally_object *dict, tally_object *key, int64_t n, int64_t *sum);
// Removes the key; its value, a new reference, into *value unless that is NULL. 1 removed, 0 absent, -1 error.
TALLY_API int tally_dict_pop(tally_object *dict, tally_object *key, tally_object **value);
// Removes the entry that was inserted last: 1 with new references in *key and *value (either may be NULL), 0 the dict is empty.
TALLY_API int tally_dict_popitem(tally_object *dict, tally_object **key, tally_object **value);
// Sets every key of `from`, a dict, to its value there, key by key: each is atomic, the whole is not. On an error the keys
// before it have been set.
TALLY_API int tally_dict_update(tally_object *dict, tally_object *from);
TALLY_API int tally_dict_clear(tally_object *dict);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_dict(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
