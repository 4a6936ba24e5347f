// tally/callable.h: what can be called: native functions, closures, bound methods, classes; and cells and capsules.
#ifndef TALLY_CALLABLE_H
#define TALLY_CALLABLE_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Calls a function, a bound method, a class (tally/class.h) or an instance of a class that offers `call`, with `count`
// arguments (NULL allowed when count is 0). Its result, a new reference; NULL with the error that it set, TALLY_ERROR_TYPE
// (not callable), TALLY_ERROR_VALUE (an argument is NULL), TALLY_ERROR_DEPTH (calls nested deeper than 1,000 levels),
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_call(tally_object *callable, tally_object *const *arguments, size_t count);
// 1 or 0. Attached thread, no point, cannot fail.
TALLY_API bool tally_is_callable(const tally_object *object);

// ---- functions ----
// `captured` are the objects given when the function was made; `arguments` those that were bound, then those of the
// call. The result is a new reference; NULL says that the function has set the thread's error (one that has not is
// told: TALLY_ERROR_VALUE). The arrays are valid until it returns, and their objects live as long; an empty one may be
// NULL. The function may use the library, is called without any lock held, and must return.
typedef tally_object *(*tally_function_call)(void *context, tally_object *const *captured, tally_object *const *arguments,
                                             size_t count);

typedef struct tally_function_spec {
	size_t size;      // sizeof(tally_function_spec): lets the struct grow
	const char *name; // copied; 1 to 63 bytes
	tally_function_call call;
	void *context;                   // passed to `call`
	// Called when the function and what it captured have died, as a capsule's `destroy` is; NULL: nothing to do.
	void (*release)(void *context);
	size_t least, most;              // arguments, bound ones included; most = SIZE_MAX: any number
	tally_object *const *captured;   // `captures` objects to which the function refers
	size_t captures;
} tally_function_spec;

// NULL with TALLY_ERROR_VALUE (malformed), TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD; `release` is not called then. Run point.
// Calling it with too few or too many arguments is a TALLY_ERROR_TYPE that names it.
TALLY_API tally_object *tally_function_new(const tally_function_spec *spec);

// A function that calls `callable` with these arguments in front of its own. NULL with TALLY_ERROR_TYPE (not callable),
// TALLY_ERROR_VALUE (an argument is NULL), TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_function_bind(tally_object *callable, tally_object *const *arguments, size_t count);

// ---- bound methods ----
// A callable with `self` in front of its arguments. Two are equal when their function and their self are the same
// objects. NULL with TALLY_ERROR_TYPE (`function` is not callable, or `self` NULL), TALLY_ERROR_MEMORY,
// TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_method_new(tally_object *function, tally_object *self);
// New references; NULL with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API tally_object *tally_method_function(tally_object *method);
TALLY_API tally_object *tally_method_self(tally_object *method);

// ---- cells: one changeable reference, for variables that closures share ----
// `value` may be NULL: an empty cell. NULL with TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_cell_new(tally_object *value);
// 1 with a new reference in *value, 0 empty (*value is NULL), -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_cell_get(tally_object *cell, tally_object **value);
// `value` may be NULL: empties it. 0; -1 with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API int tally_cell_set(tally_object *cell, tally_object *value);

// ---- capsules: a pointer of the host's ----
// `name` is copied (1 to 63 bytes) and says what the pointer is; `destroy`, if not NULL, is called with the pointer
// when the capsule dies, on the thread that dropped it (or that collects); it may use the library, and the thread's
// error and `errno` are saved before and restored after. NULL with TALLY_ERROR_VALUE (no name, or pointer NULL),
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD; `destroy` is not called then. Run point.
TALLY_API tally_object *tally_capsule_new(void *pointer, const char *name, void (*destroy)(void *pointer));
// The pointer of a capsule of that name. NULL with TALLY_ERROR_TYPE (no capsule), TALLY_ERROR_VALUE (another name),
// TALLY_ERROR_THREAD.
TALLY_API void *tally_capsule_pointer(tally_object *capsule, const char *name);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_function(const tally_object *object);
TALLY_API bool tally_is_method(const tally_object *object);
TALLY_API bool tally_is_cell(const tally_object *object);
TALLY_API bool tally_is_capsule(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
