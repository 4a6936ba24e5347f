// tally/weakref.h: weak references: they lead to an object without keeping it alive.
//
// An object can be referred to weakly if it is an instance of a class (with slots only: if the class says so,
// tally_class_spec.has_weakrefs), a class or another type, a function, a bound method, a weak method, a weak dict or set, or of
// a host type with TALLY_HOST_WEAKREF. For any other the functions that would make a reference fail with TALLY_ERROR_TYPE: "cannot
// create weak reference to 'int' object".
//
// When the object dies all weak references to it are cleared, at once; then their callbacks are called, the newest first, each
// once, with the weak reference as the only argument; then the object gives up what it refers to. A weak reference that died
// before the object, or that the collector finds unreachable together with it, is not called. The object's finalizer has run
// by then when the last reference went (and if it brought the object back, nothing is cleared); the collector clears the weak
// references to all that it found unreachable before the first finalizer runs, and those that are unreachable themselves; they stay
// dead if a finalizer brings them or their objects back.
//
// Weak references are objects of type "weakref". Two that are alive are equal if their objects are; one that is dead equals
// itself only. The hash is the object's, kept from the first time that it was asked for. They have no order, and cannot
// themselves be referred to weakly.
//
// The first weak reference to an object leaves a record of 40 bytes with it until it dies, which is also the weak reference that
// those who ask for one without a callback share.
#ifndef TALLY_WEAKREF_H
#define TALLY_WEAKREF_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// A weak reference to `object`. With `callback` NULL: the one that all such calls for this object share. Else a new one that
// refers to `callback`, anything callable, and calls it when the object dies: on the thread on which it dies, with no lock held,
// the thread's error saved before and restored after; it may do anything. What it returns is dropped; when it fails that is
// reported (tally_unraisable_set) and stops nothing. NULL with TALLY_ERROR_TYPE (the object cannot be referred to weakly, or is NULL;
// `callback` cannot be called), TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_weakref_new(tally_object *object, tally_object *callback);

// 1 with a new reference to the object in *object; 0: it is dead (*object is NULL); -1 with TALLY_ERROR_TYPE (no weak reference),
// TALLY_ERROR_THREAD. Whoever gets the object has it whole: a thread that drops the last reference at the same time comes either
// before (0) or after (1, and the object lives on). While a finalizer decides, other threads may get 0 for an object that lives on;
// and 0 may come some time before the callbacks are called.
TALLY_API int tally_weakref_get(tally_object *weakref, tally_object **object);

// 1 with a new reference to its callback in *callback; 0: it has none, or its object is dead. -1 as above.
TALLY_API int tally_weakref_callback(tally_object *weakref, tally_object **callback);

// How many weak references to `object` there are, those of weak containers, weak methods and finalize handles included; 0 for what
// cannot have any. Exact while no other thread makes or drops one. -1 with TALLY_ERROR_TYPE (NULL), TALLY_ERROR_THREAD.
TALLY_API int tally_weakref_count(tally_object *object, size_t *count);

// A list of them, the shared one first, then the newest first. NULL with TALLY_ERROR_TYPE (NULL), TALLY_ERROR_MEMORY,
// TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_weakref_list(tally_object *object);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_weakref(const tally_object *object);

// ---- weak methods ----

// A weak reference to a bound method, which lives only as long as somebody has it: this refers weakly to what it binds, and is dead
// as soon as either the object or the function is. `callback`, NULL or anything callable, is called once, with the weak method, when
// the first of the two dies. Equal are two that are alive and whose objects are equal and functions the same; one that is
// dead equals itself only. The hash is kept from the first time that it was asked for. The type's name is "weak_method". NULL with
// TALLY_ERROR_TYPE (no bound method; its object or function cannot be referred to weakly; `callback`), TALLY_ERROR_MEMORY,
// TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_weak_method_new(tally_object *method, tally_object *callback);

// 1 with a new bound method in *method; 0: dead (*method is NULL); -1 with TALLY_ERROR_TYPE, TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD.
// Run point.
TALLY_API int tally_weak_method_get(tally_object *weak_method, tally_object **method);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_weak_method(const tally_object *object);

// ---- finalize handles ----

// Calls `callable` with these arguments when `object` dies, or, if it has not by then, at the end of the runtime (tally_fini: the
// newest first, while everything still works). The library keeps the handle, the callable and the arguments until one of the two
// has happened, or the handle has been called or detached; so they must not refer to the object, which then would never die. The
// handle is an object of type "finalize". Whatever comes first of the death, the end, a call and a detach takes the callable; all
// later ones find nothing. Errors of the callable go to tally_unraisable_set's hook unless somebody called it by hand. NULL with
// TALLY_ERROR_TYPE (the object cannot be referred to weakly, or is NULL; `callable` cannot be called), TALLY_ERROR_VALUE (an argument is
// NULL), TALLY_ERROR_MEMORY, TALLY_ERROR_CLOSING (the handles of the end have been called already), TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_finalize_new(tally_object *object, tally_object *callable, tally_object *const *arguments,
                                           size_t count);

// The rest: -1 or NULL with TALLY_ERROR_TYPE when `handle` is none, TALLY_ERROR_THREAD.

// 1: neither dead, called nor detached; 0.
TALLY_API int tally_finalize_is_alive(tally_object *handle);
// Calls it now: 1 with what it returned, a new reference, in *result (which may be NULL); 0: it is not alive; -1 also with the error
// of the callable. Run point.
TALLY_API int tally_finalize_call(tally_object *handle, tally_object **result);
// 1 with a new tuple (object, callable, arguments, itself a tuple) in *parts; 0: it is not alive (*parts is NULL); -1 also with
// TALLY_ERROR_MEMORY. Peek leaves the handle as it is; detach takes the callable out of it, so that it is called no more. Run points.
TALLY_API int tally_finalize_peek(tally_object *handle, tally_object **parts);
TALLY_API int tally_finalize_detach(tally_object *handle, tally_object **parts);
// Whether it is called at the end of the runtime, too: true unless told otherwise. 0.
TALLY_API int tally_finalize_set_at_exit(tally_object *handle, bool at_exit);
TALLY_API int tally_finalize_get_at_exit(tally_object *handle, bool *at_exit);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_finalize(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
