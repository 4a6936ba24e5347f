// core/method.c: bound methods: a callable with an object in front of its arguments.
//
// Two references that never change, so no lock; a cycle through a method goes through something else that can change.
//
// I1  Calling a method with up to 15 arguments needs no memory.
// Any attached thread.
#include "method.h"
#include "call.h"
#include "error.h"
#include "function.h"
#include "hash.h"
#include "object.h"
#include "repr.h"

struct tally_object *tally_method_make(struct tally_object *function, struct tally_object *self)
{
	struct tally_method *method =
	        (struct tally_method *)tally_object_new(TALLY_TYPE_METHOD, sizeof *method, TALLY_LAYOUT_SLOTS);
	if (!method) return NULL;
	variant_incref(function);
	variant_incref(self);
	method->function = function;
	method->self = self;
	method->anchor = NULL;
	method->header.aux = TALLY_METHOD_SLOTS;
	return &method->header;
}

tally_object *tally_method_new(tally_object *function, tally_object *self)
{
	if (!tally_enter_new("method_new")) return NULL;
	if (!tally_is_callable(function)) return tally_error_null(tally_error_type("method_new", "a callable object", function));
	if (!self) return tally_error_null(tally_error_type("method_new", "an object", self));
	struct tally_object *method = tally_method_make(function, self);
	return method ? method : tally_error_null(tally_error_memory("method_new", sizeof(struct tally_method)));
}

static struct tally_method *method_of(const char *operation, tally_object *object)
{
	if (!tally_enter(operation)) return NULL;
	if (tally_is_method(object)) return (struct tally_method *)object;
	return tally_error_null(tally_error_type(operation, "a method", object));
}

tally_object *tally_method_function(tally_object *object)
{
	struct tally_method *method = method_of("method_function", object);
	return method ? tally_incref(method->function) : NULL;
}

tally_object *tally_method_self(tally_object *object)
{
	struct tally_method *method = method_of("method_self", object);
	return method ? tally_incref(method->self) : NULL;
}

bool tally_is_method(const tally_object *object) { return object && object->type == TALLY_TYPE_METHOD; }

// ---- the type ----

static void destroy(struct tally_object *object)
{
	struct tally_method *method = (struct tally_method *)object;
	variant_decref(method->self);
	variant_decref(method->function);
}

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	struct tally_method *method = (struct tally_method *)object;
	(void)operation;
	*result = tally_hash_mix(tally_hash_mix((uintptr_t)method->function) + (uintptr_t)method->self);
	return 0;
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	struct tally_method *left = (struct tally_method *)a, *right = (struct tally_method *)b;
	(void)operation;
	return left->function == right->function && left->self == right->self;
}

static struct tally_object *call(struct tally_object *object, struct tally_object *const *arguments, size_t count)
{
	struct tally_method *method = (struct tally_method *)object;
	return tally_call_bound(method->function, &method->self, 1, arguments, count);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_method *method = (struct tally_method *)object;
	if (tally_text_add_string(text, "<method ") || tally_repr_name(text, tally_function_name(method->function))) return -1;
	if (tally_text_add_string(text, " of ") || tally_object_repr(method->self, text)) return -1;
	return tally_text_add_string(text, ">");
}

const struct tally_type tally_method_type = {
	.name = "method",
	.index = TALLY_TYPE_METHOD,
	.layout = TALLY_LAYOUT_SLOTS,
	.size = sizeof(struct tally_method),
	.weak = offsetof(struct tally_method, anchor),
	.destroy = destroy,
	.hash = hash,
	.equal = equal,
	.repr = repr,
	.call = call,
};
