// core/function.c: native functions: a C function with the objects that it captures, and functions that bind arguments.
//
// A function is immutable, so no lock. It only refers: a cycle through it goes through something else that can change
// (a cell, a list, a dict, an instance), and is broken there. The collector frees functions by their layout, without
// `destroy`: what is to be done for the host when one has died is in a capsule.
//
// I1  `release` is called once, when the function has died and has given up what it captured; not when the making
//     failed.
// I2  Binding twice makes one function that binds both, so a call never goes through a chain of bindings.
// Any attached thread.
#include "function.h"
#include "call.h"
#include "capsule.h"
#include "error.h"
#include "hash.h"
#include "items.h"
#include "object.h"
#include "repr.h"

#include <stdio.h>
#include <string.h>

// So that the size of a tuple in bytes does not overflow.
static const size_t CAPTURES_LIMIT = PTRDIFF_MAX / sizeof(void *) / 2;

// ---- making ----

// A tuple of `first`, unless that is NULL, and what the two arrays hold. NULL with the error set.
static struct tally_tuple *pack(const char *operation, tally_object *first, tally_object *const *a, size_t a_size,
                                tally_object *const *b, size_t b_size)
{
	size_t size = (first != NULL) + a_size + b_size, bytes = sizeof(struct tally_tuple) + size * sizeof(void *);
	struct tally_tuple *tuple = (struct tally_tuple *)tally_object_new(TALLY_TYPE_TUPLE, bytes, TALLY_LAYOUT_POINTERS);
	if (!tuple) return tally_error_null(tally_error_memory(operation, bytes));
	tally_object **next = tuple->items;
	tuple->size = size;
	if (first) *next++ = first;
	for (size_t i = 0; i < a_size; i++) *next++ = a[i];
	for (size_t i = 0; i < b_size; i++) *next++ = b[i];
	for (size_t i = 0; i < size; i++) variant_incref(tuple->items[i]);
	return tuple;
}

static size_t size_of(const char *name) { return sizeof(struct tally_function) + strlen(name) + 1; }

// A function that has nothing yet but its name. NULL with the error set.
static struct tally_function *make(const char *operation, const char *name)
{
	size_t bytes = size_of(name);
	struct tally_function *function =
	        (struct tally_function *)tally_object_new(TALLY_TYPE_FUNCTION, bytes, TALLY_LAYOUT_SLOTS);
	if (!function) return tally_error_null(tally_error_memory(operation, bytes));
	memset((char *)function + sizeof function->header, 0, bytes - sizeof function->header);
	function->header.aux = TALLY_FUNCTION_SLOTS;
	strcpy(function->name, name);
	return function;
}

static int malformed(const char *what)
{
	return tally_error_raise(TALLY_ERROR_VALUE, "function_new", "malformed specification: %s", what);
}

// Copies what the host knows of a specification; fields added since are zero. 0, or -1 with the error set.
static int read_spec(const tally_function_spec *given, tally_function_spec *spec)
{
	*spec = (tally_function_spec){.size = sizeof *spec};
	if (!given) return malformed("it is NULL");
	if (given->size < sizeof given->size || given->size > sizeof *spec)
		return malformed("its size is not sizeof(tally_function_spec)");
	memcpy(spec, given, given->size);
	const char *fault = tally_capsule_name_fault(spec->name);
	if (fault) return malformed(fault);
	if (!spec->call) return malformed("it has nothing to call");
	if (spec->least > spec->most) return malformed("it takes fewer arguments at most than at least");
	if (spec->captures > CAPTURES_LIMIT) return malformed("it captures too much");
	return tally_items_check("function_new", spec->captured, spec->captures);
}

// What calls the release of `spec` when it dies, but not before `arm`.
static int make_releaser(const tally_function_spec *spec, struct tally_capsule **releaser)
{
	*releaser = NULL;
	if (!spec->release) return 0;
	*releaser = tally_capsule_make(spec->name);
	return *releaser ? 0 : tally_error_memory("function_new", sizeof **releaser);
}

static void arm(struct tally_capsule *releaser, const tally_function_spec *spec)
{
	releaser->pointer = spec->context;
	releaser->destroy = spec->release;
}

static struct tally_function *make_native(const tally_function_spec *spec, struct tally_capsule *releaser)
{
	struct tally_tuple *captured = NULL;
	if (spec->captures && !(captured = pack("function_new", NULL, spec->captured, spec->captures, NULL, 0))) return NULL;
	struct tally_function *function = make("function_new", spec->name);
	if (!function) {
		if (captured) variant_decref(&captured->header);
		return NULL;
	}
	function->captured = captured;
	if (releaser) function->releaser = &releaser->header;
	function->call = spec->call;
	function->context = spec->context;
	function->least = spec->least;
	function->most = spec->most;
	return function;
}

tally_object *tally_function_new(const tally_function_spec *given)
{
	tally_function_spec spec;
	struct tally_capsule *releaser;
	if (!tally_enter_new("function_new")) return NULL;
	if (read_spec(given, &spec) || make_releaser(&spec, &releaser)) return NULL;
	struct tally_function *function = make_native(&spec, releaser);
	if (function && releaser) arm(releaser, &spec);
	if (function) return &function->header;
	if (releaser) variant_decref(&releaser->header);
	return NULL;
}

// ---- binding ----

// What `callable` binds already, if it is a function that does.
static struct tally_tuple *bindings_of(tally_object *callable)
{
	bool binds = callable->type == TALLY_TYPE_FUNCTION && !tally_function_is_native(callable);
	return binds ? ((struct tally_function *)callable)->captured : NULL;
}

tally_object *tally_function_bind(tally_object *callable, tally_object *const *arguments, size_t count)
{
	if (!tally_enter_new("function_bind")) return NULL;
	if (!tally_is_callable(callable)) return tally_error_null(tally_error_type("function_bind", "a callable object", callable));
	if (tally_items_check("function_bind", arguments, count)) return NULL;
	struct tally_tuple *former = bindings_of(callable), *captured;
	captured = former ? pack("function_bind", NULL, former->items, former->size, arguments, count)
	                  : pack("function_bind", callable, arguments, count, NULL, 0);
	if (!captured) return NULL;
	struct tally_function *function = make("function_bind", tally_function_name(captured->items[0]));
	if (function) {
		function->captured = captured;
		return &function->header;
	}
	variant_decref(&captured->header);
	return NULL;
}

// ---- calling ----

static void *wrong_count(const struct tally_function *function, size_t count)
{
	char wanted[64] = "";
	if (function->least == function->most)
		snprintf(wanted, sizeof wanted, "%zu argument%s", function->least, function->least == 1 ? "" : "s");
	else if (function->most == SIZE_MAX)
		snprintf(wanted, sizeof wanted, "at least %zu argument%s", function->least, function->least == 1 ? "" : "s");
	else
		snprintf(wanted, sizeof wanted, "%zu to %zu arguments", function->least, function->most);
	return tally_error_null(tally_error_raise(TALLY_ERROR_TYPE, "call", "%s takes %s, got %zu", function->name, wanted, count));
}

static struct tally_object *call_native(struct tally_function *function, struct tally_object *const *arguments, size_t count)
{
	if (tally_unlikely(count < function->least || count > function->most)) return wrong_count(function, count);
	struct tally_object *const *captured = function->captured ? function->captured->items : NULL;
	uint32_t mark = tally_self.failures;
	struct tally_object *result = function->call(function->context, captured, arguments, count);
	if (tally_likely(result != NULL) || tally_error_is_set_since(mark)) return result;
	return tally_error_null(
	        tally_error_raise(TALLY_ERROR_VALUE, "call", "%s returned NULL without an error", function->name));
}

static struct tally_object *call(struct tally_object *object, struct tally_object *const *arguments, size_t count)
{
	struct tally_function *function = (struct tally_function *)object;
	if (tally_likely(function->call != NULL)) return call_native(function, arguments, count);
	struct tally_tuple *bound = function->captured;
	return tally_call_bound(bound->items[0], bound->items + 1, bound->size - 1, arguments, count);
}

bool tally_is_function(const tally_object *object) { return object && object->type == TALLY_TYPE_FUNCTION; }

// ---- the type ----

static void destroy(struct tally_object *object)
{
	struct tally_function *function = (struct tally_function *)object;
	if (function->releaser) variant_decref(function->releaser);
	if (function->captured) variant_decref(&function->captured->header);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	return tally_repr_named(text, "function", ((struct tally_function *)object)->name, object);
}

const struct tally_type tally_function_type = {
	.name = "function",
	.index = TALLY_TYPE_FUNCTION,
	.layout = TALLY_LAYOUT_SLOTS,
	.weak = offsetof(struct tally_function, anchor),
	.destroy = destroy,
	.hash = tally_hash_identity,
	.repr = repr,
	.call = call,
};
