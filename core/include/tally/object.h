// tally/object.h: what every object has: a count, a type, a hash, equality, an order perhaps, a text.
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

// The name of its type: "none", "bool", "int", "float", "str", "bytes", "tuple", "list", "dict", "set", "frozenset",
// "iterator", "function", "method", "cell", "capsule", "weakref", "weak_method", "finalize", "weak_value_dict", "weak_key_dict",
// "weak_set", "type", or that of a host type or class. Valid until the type dies
// (a class's may: hold an instance or the class). Attached thread, no point, cannot fail.
TALLY_API const char *tally_type_name(const tally_object *object);

// The type itself, an object. A new reference (built-in and host types are immortal: dropping it is allowed, not needed).
// NULL with TALLY_ERROR_THREAD.
TALLY_API tally_object *tally_type_of(const tally_object *object);

// 1 when the object is of that type or of a class that inherits from it, 0 when not; `type` may be a tuple of types, one of which
// then suffices. -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_isinstance(tally_object *object, tally_object *type);

// Whether both are the same object. Any thread, cannot fail.
TALLY_API bool tally_is(const tally_object *a, const tally_object *b);

// The hash of a hashable object into *hash: equal objects have equal hashes (1, 1.0 and true are equal).
// 0; -1 with TALLY_ERROR_TYPE (list, dict, set, an instance with an equality of its own but no hash, a tuple that holds
// one of these), TALLY_ERROR_DEPTH, TALLY_ERROR_THREAD, the error of a class's hook.
TALLY_API int tally_hash(tally_object *object, uint64_t *hash);

// 1 equal, 0 not. Numbers compare by value across int, float and bool; str and bytes by content; tuples, lists, dicts and sets
// element by element; bound methods by what they bind; instances as their class says; everything else by identity. Within a
// container an object equals itself, even a NaN. -1 with TALLY_ERROR_DEPTH, TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD, the error
// of a class's hook.
TALLY_API int tally_equal(tally_object *a, tally_object *b);

// Whether `a` stands in that relation to `b`: 1 or 0. Ordered are numbers among themselves (with a NaN everything but NE is
// 0), str and bytes (by code points, by bytes), tuples and lists (at the first element that differs); sets are ordered by
// inclusion. EQ and NE as tally_equal. -1 with TALLY_ERROR_TYPE (not ordered), TALLY_ERROR_VALUE (no such operation),
// TALLY_ERROR_DEPTH, TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD, the error of a class's hook.
enum tally_comparison { TALLY_LT, TALLY_LE, TALLY_EQ, TALLY_NE, TALLY_GT, TALLY_GE };
TALLY_API int tally_compare(tally_object *a, tally_object *b, enum tally_comparison operation);

// The number of elements of a tuple, list, dict or set, of code points of a str, of bytes, into *length.
// 0; -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_len(tally_object *object, size_t *length);

// A text for people, a new str: of numbers and containers what Python would show, of other objects the type's name and the
// address. What contains itself is shown as [...], (...), {...} where it comes round. NULL with TALLY_ERROR_DEPTH,
// TALLY_ERROR_MEMORY, TALLY_ERROR_OVERFLOW, TALLY_ERROR_TYPE (a class's hook gave no str), TALLY_ERROR_THREAD, the error of a
// class's hook. Run point.
TALLY_API tally_object *tally_repr(tally_object *object);

// The bytes that the object occupies, header, arrays and tables included, what it refers to not, into *bytes.
// 0; -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_sizeof(tally_object *object, size_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
