// tally/weakdict.h: dicts that refer weakly to their values, or to their keys: an entry is gone when the object is.
//
// A weak value dict maps any keys to objects that can be referred to weakly (tally/weakref.h): a cache that does not keep what it
// finds alive. A weak key dict maps such objects to any values: facts about objects that end with them. The functions that follow take
// either. What tally/dict.h says of keys, equality, threads and errors holds here, too; and:
// - The entry of an object that dies is removed before the drop that killed it returns, by whoever dropped; until then others see
//   it as absent, while the size may still count it. An entry that has been stored under the key meanwhile stays.
// - An object of a type that cannot be referred to weakly, given where one is wanted, is TALLY_ERROR_TYPE: as a value or a key to be
//   stored, and as the key of a weak key dict in every function (but tally_weak_dict_contains, which answers 0).
// - Dead and not yet removed entries are in no list, copy or iteration.
// - The dict itself can be referred to weakly. Type names: "weak_value_dict" and "weak_key_dict". Neither is hashable. One equals another
//   of its kind, or a dict, that has the same keys with equal values.
// Every function: NULL or -1 with TALLY_ERROR_TYPE when `dict` is no weak dict, TALLY_ERROR_THREAD, TALLY_ERROR_DEPTH, the error of a
// key's hash or equality, TALLY_ERROR_VALUE (a key or value that is NULL); those that store or make something also TALLY_ERROR_MEMORY.
// Then nothing has changed, but for what is said.
#ifndef TALLY_WEAKDICT_H
#define TALLY_WEAKDICT_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- making; run points ----
// Of what `from` gives: a dict, a weak dict of either kind, or anything that tally_iter takes and that gives tuples (key, value);
// NULL: empty.
TALLY_API tally_object *tally_weak_value_dict_new(tally_object *from);
TALLY_API tally_object *tally_weak_key_dict_new(tally_object *from);
// The same kind, keys and values.
TALLY_API tally_object *tally_weak_dict_copy(tally_object *dict);

// ---- reading ----
TALLY_API int tally_weak_dict_size(tally_object *dict, size_t *size);
// 1 with a new reference in *value, 0 absent or dead (*value is NULL), -1 error (*value is NULL).
TALLY_API int tally_weak_dict_get(tally_object *dict, tally_object *key, tally_object **value);
// 1 there and alive, 0 not, -1 error.
TALLY_API int tally_weak_dict_contains(tally_object *dict, tally_object *key);
// A list of the keys, of the values, of (key, value) tuples, as of one moment, of those that are alive then; of the weak
// references to the objects. Run points.
TALLY_API tally_object *tally_weak_dict_keys(tally_object *dict);
TALLY_API tally_object *tally_weak_dict_values(tally_object *dict);
TALLY_API tally_object *tally_weak_dict_items(tally_object *dict);
TALLY_API tally_object *tally_weak_dict_refs(tally_object *dict);
// Iteration as tally_dict_next: 1 with new references in *key and *value (either may be NULL), 0 at the end, -1 error. Deaths during
// an iteration end nothing and skip nobody else. (tally_iter of a weak dict gives its keys in the same way.)
TALLY_API int tally_weak_dict_next(tally_object *dict, size_t *position, tally_object **key, tally_object **value);

// ---- changing; what stores something is a run point ----
TALLY_API int tally_weak_dict_set(tally_object *dict, tally_object *key, tally_object *value);
// The value that the key has afterwards: the one that was there and is alive, else `value`, stored now. Atomic: of several threads that
// do this for one key all get the same object, as long as it lives.
TALLY_API tally_object *tally_weak_dict_setdefault(tally_object *dict, tally_object *key, tally_object *value);
// Removes the key; its value, a new reference, into *value unless that is NULL. 1 removed, 0 absent or dead, -1 error.
TALLY_API int tally_weak_dict_pop(tally_object *dict, tally_object *key, tally_object **value);
// Removes the entry that was inserted last of those alive: 1 with new references in *key and *value (either may be NULL), 0 there is
// none.
TALLY_API int tally_weak_dict_popitem(tally_object *dict, tally_object **key, tally_object **value);
// Sets every key of `from`, which is what tally_weak_value_dict_new takes, to its value there, one by one: each is atomic, the whole
// is not. On an error those before it have been set.
TALLY_API int tally_weak_dict_update(tally_object *dict, tally_object *from);
TALLY_API int tally_weak_dict_clear(tally_object *dict);
// A new weak dict with the entries of `a`, then those of `b`, whose values win. At least one of the two is a weak dict, and the result
// is of its kind (of that of `a` if both are); the other may be a dict. Run point.
TALLY_API tally_object *tally_weak_dict_union(tally_object *a, tally_object *b);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_weak_value_dict(const tally_object *object);
TALLY_API bool tally_is_weak_key_dict(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
