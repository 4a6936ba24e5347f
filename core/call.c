// core/call.c: calling what can be called (tally/callable.h), whatever its type.
//
// A call holds nothing: the caller's reference keeps the callable alive until it returns, a callable owns what it
// binds, and what functions and methods refer to never changes. (Who calls something that user code could take out of
// its place meanwhile, a function found in a class, a list's element, takes a reference first.)
//
// I1  A call that fails has set the error; one that says nothing gets an error that names it.
// I2  Calls nest TALLY_DEPTH_LIMIT levels deep on a thread's stack, whatever host code stands in between. What is
//     bound in front of a function is not a level of its own.
// Any attached thread, no object's lock held: user code runs.
#include "call.h"
#include "error.h"
#include "function.h"
#include "object.h"

#include <string.h>
#include <tally/callable.h>

enum { FEW = 16 }; // arguments that go in an array on the stack

static struct tally_object *not_callable(const struct tally_object *object)
{
	return tally_error_null(tally_error_type("call", "a callable object", object));
}

struct tally_object *tally_object_call(struct tally_object *callable, struct tally_object *const *arguments, size_t count)
{
	const struct tally_type *type = tally_type(callable);
	if (tally_unlikely(!type->call)) return not_callable(callable);
	if (!tally_nest("call")) return NULL;
	uint32_t mark = tally_self.failures;
	struct tally_object *result = type->call(callable, arguments, count);
	tally_unnest();
	if (tally_likely(result != NULL) || tally_error_is_set_since(mark)) return result;
	const char *name = tally_type(callable)->name;
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "call", "a '%s' returned NULL without an error", name));
}

// ---- with something in front ----

// A function that binds nothing calls nothing further by itself: no level.
static struct tally_object *call_on(struct tally_object *callable, struct tally_object *const *arguments, size_t count)
{
	if (tally_function_is_native(callable)) return tally_function_type.call(callable, arguments, count);
	return tally_object_call(callable, arguments, count);
}

struct tally_object *tally_call_bound(struct tally_object *callable, struct tally_object *const *bound, size_t bound_count,
                                      struct tally_object *const *arguments, size_t count)
{
	struct tally_object *few[FEW], **all = few;
	size_t total = bound_count + count, bytes = total * sizeof all[0];
	if (total > FEW && !(all = tally_raw_new(bytes))) return tally_error_null(tally_error_memory("call", bytes));
	memcpy(all, bound, bound_count * sizeof all[0]);
	if (count) memcpy(all + bound_count, arguments, count * sizeof all[0]);
	struct tally_object *result = call_on(callable, all, total);
	if (all != few) tally_raw_free(all);
	return result;
}

struct tally_object *tally_object_call_method(struct tally_object *callable, struct tally_object *self,
                                              struct tally_object *const *arguments, size_t count)
{
	if (!tally_nest("call")) return NULL;
	struct tally_object *result = tally_call_bound(callable, &self, 1, arguments, count);
	tally_unnest();
	return result;
}

// ---- from outside ----

int tally_call_check(const char *operation, struct tally_object *const *arguments, size_t count)
{
	if (!arguments && count) return tally_error_raise(TALLY_ERROR_VALUE, operation, "%zu arguments at NULL", count);
	for (size_t i = 0; i < count; i++)
		if (!arguments[i]) return tally_error_raise(TALLY_ERROR_VALUE, operation, "argument %zu is NULL", i);
	return 0;
}

tally_object *tally_call(tally_object *callable, tally_object *const *arguments, size_t count)
{
	if (!tally_enter_run("call")) return NULL;
	if (!callable) return not_callable(callable);
	if (tally_call_check("call", arguments, count)) return NULL;
	return tally_object_call(callable, arguments, count);
}

bool tally_is_callable(const tally_object *object) { return object && tally_type(object)->call; }
