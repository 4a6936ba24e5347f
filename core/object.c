// core/object.c: what every object has: a count, a type, a hash, equality, perhaps a length.
//
// The counting functions go straight to the variant: they are exempt from stop points, but for a drop. The others look at
// the type and call what it offers. Hashing and comparing recurse, at most TALLY_DEPTH_LIMIT levels deep.
//
// I1  Nothing here holds a lock across a call into a type.
#include "object.h"
#include "error.h"
#include "number.h"
#include "tuple.h"

#include <tally/object.h>

tally_object *tally_incref(tally_object *object)
{
	if (tally_likely(object != NULL)) variant_incref(object);
	return object;
}

// A thread that does nothing but drop must stop, too.
static __attribute__((noinline)) void stop_and_drop(tally_object *object)
{
	if (tally_self.state == TALLY_ATTACHED) tally_enter_slow("decref");
	variant_decref(object);
}

void tally_decref(tally_object *object)
{
	if (tally_unlikely(!object)) return;
	if (tally_unlikely(tally_load(tally_self.poll, relaxed) & TALLY_STOP)) stop_and_drop(object);
	else variant_decref(object);
}

uint32_t tally_refcount(const tally_object *object) { return variant_refcount(object); }

bool tally_is_unique(const tally_object *object) { return variant_is_unique(object); }

int tally_immortalize(tally_object *object)
{
	if (!tally_enter("immortalize")) return -1;
	if (!object) return tally_error_type("immortalize", "an object", object);
	variant_immortalize(object);
	return 0;
}

const char *tally_type_name(const tally_object *object) { return tally_type(object)->name; }

tally_object *tally_type_of(const tally_object *object)
{
	if (!tally_enter("type_of")) return NULL;
	if (!object) return tally_error_null(tally_error_type("type_of", "an object", object));
	return &tally_type(object)->header;
}

// ---- hash ----

int tally_object_hash(struct tally_object *object, uint64_t *hash, unsigned depth)
{
	const struct tally_type *type = tally_type(object);
	return type->hash ? type->hash(object, hash, depth) : -1;
}

static struct tally_object *first_unhashable(struct tally_object *object, unsigned depth)
{
	struct tally_tuple *tuple = (struct tally_tuple *)object;
	uint64_t hash;
	for (size_t i = 0; i < tuple->size; i++)
		if (tally_object_hash(tuple->items[i], &hash, depth)) return tuple->items[i];
	return NULL;
}

int tally_object_hash_failed(const char *operation, struct tally_object *object)
{
	unsigned depth = 0;
	while (object->type == TALLY_TYPE_TUPLE && depth < TALLY_DEPTH_LIMIT)
		object = first_unhashable(object, ++depth);
	if (!tally_type(object)->hash) return tally_error_type(operation, "a hashable object", object);
	return tally_error_raise(TALLY_ERROR_DEPTH, operation, "nested deeper than %d levels", TALLY_DEPTH_LIMIT);
}

int tally_hash(tally_object *object, uint64_t *hash)
{
	uint64_t result;
	if (!tally_enter("hash")) return -1;
	if (!object) return tally_error_type("hash", "a hashable object", object);
	if (tally_object_hash(object, &result, 0)) return tally_object_hash_failed("hash", object);
	*hash = result;
	return 0;
}

// ---- equality ----

static int compare(struct tally_object *a, struct tally_object *b, unsigned depth)
{
	if (tally_number_is(a) && tally_number_is(b)) return tally_number_equal(a, b);
	if (a->type != b->type) return 0;
	const struct tally_type *type = tally_type(a);
	return type->equal ? type->equal(a, b, depth) : a == b;
}

int tally_object_equal(struct tally_object *a, struct tally_object *b, unsigned depth)
{
	return a == b ? 1 : compare(a, b, depth);
}

int tally_equal(tally_object *a, tally_object *b)
{
	if (!tally_enter("equal")) return -1;
	if (!a || !b) return tally_error_type("equal", "two objects", NULL);
	int equal = compare(a, b, 0);
	if (equal >= 0) return equal;
	return tally_error_raise(TALLY_ERROR_DEPTH, "equal", "nested deeper than %d levels", TALLY_DEPTH_LIMIT);
}

// ---- length ----

int tally_len(tally_object *object, size_t *length)
{
	if (!tally_enter("len")) return -1;
	if (object && tally_type(object)->length) return tally_type(object)->length(object, length);
	return tally_error_type("len", "a str, tuple, list or dict", object);
}
