// tally/object.h: what every object has: a count, a type, a hash, equality.
#ifndef TALLY_OBJECT_H
#define TALLY_OBJECT_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// One more reference; returns `object`, for chaining. NULL is allowed. The thread must be attached; not a stop
// point; cannot fail. A count that reaches its limit makes the object immortal, it never wraps.
TALLY_API tally_object *tally_incref(tally_object *object);

// One reference less; the last one destroys the object before the call returns (docs/counting.md lists the few
// exceptions). NULL is allowed. The thread must be attached; when something is destroyed, destructors of what
// other threads dropped may run too. A stop point. Needs no memory; cannot fail.
TALLY_API void tally_decref(tally_object *object);

// The number of references now; exact only while no other thread counts the object. UINT32_MAX: immortal.
// Attached thread, no point, cannot fail.
TALLY_API uint32_t tally_refcount(const tally_object *object);

// True when the caller's reference is provably the only one. Attached thread, no point, cannot fail.
TALLY_API bool tally_is_unique(const tally_object *object);

// Makes the object immortal: counted no more, destroyed only by tally_fini. 0; -1 with TALLY_ERROR_THREAD.
TALLY_API int tally_immortalize(tally_object *object);

// The name of its type: "none", "bool", "int", "float", "str", "tuple", "list", "dict", "type", or a host type's.
// Valid until tally_fini. Attached thread, no point, cannot fail.
TALLY_API const char *tally_type_name(const tally_object *object);

// The type itself, an object. A new reference (types are immortal: dropping it is allowed, not needed).
// NULL with TALLY_ERROR_THREAD.
TALLY_API tally_object *tally_type_of(const tally_object *object);

// The hash of a hashable object into *hash: equal objects have equal hashes (1, 1.0 and true are equal).
// 0; -1 with TALLY_ERROR_TYPE (list, dict, or a tuple that holds one), TALLY_ERROR_DEPTH, TALLY_ERROR_THREAD.
TALLY_API int tally_hash(tally_object *object, uint64_t *hash);

// 1 equal, 0 not. Numbers compare by value across int, float and bool; strings by content; tuples, lists and dicts
// element by element; everything else by identity. -1 with TALLY_ERROR_DEPTH, TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD.
TALLY_API int tally_equal(tally_object *a, tally_object *b);

// The number of elements of a tuple, list or dict, or of code points of a str, into *length.
// 0; -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_len(tally_object *object, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
