// core/object.c: what every object has: a count, a type, a hash, equality, perhaps a length.
//
// The counting functions go straight to the variant: they are exempt from stop points, but for a drop. The others look at
// the type and call what it offers.
//
// I1  Nothing here holds a lock across a call into a type.
#include "object.h"
#include "weakref.h"
#include "death.h"
#include "error.h"
#include "number.h"

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
	if (tally_unlikely(tally_load(tally_self.poll, relaxed) & TALLY_ASKED)) stop_and_drop(object);
	else if (variant_drop(object)) tally_object_die_here(object);
}

uint32_t tally_refcount(const tally_object *object) { return variant_refcount(object); }

bool tally_is_unique(const tally_object *object) { return variant_is_unique(object); }

int tally_immortalize(tally_object *object)
{
	if (!tally_enter("immortalize")) return -1;
	if (!object) return tally_error_type("immortalize", "an object", object);
	variant_immortalize(object);
	tally_weakref_immortalize(object);
	return 0;
}

bool tally_is(const tally_object *a, const tally_object *b) { return a == b; }

const char *tally_type_name(const tally_object *object) { return tally_type(object)->name; }

tally_object *tally_type_of(const tally_object *object)
{
	if (!tally_enter("type_of")) return NULL;
	if (!object) return tally_error_null(tally_error_type("type_of", "an object", object));
	struct tally_object *type = &tally_type(object)->header;
	variant_incref(type);
	return type;
}

// ---- hash ----

bool tally_nest_failed(const char *operation)
{
	tally_unnest();
	tally_error_raise(TALLY_ERROR_DEPTH, operation, "nested deeper than %d levels", TALLY_DEPTH_LIMIT);
	return false;
}

int tally_object_hash(struct tally_object *object, uint64_t *hash, const char *operation)
{
	const struct tally_type *type = tally_type(object);
	if (tally_likely(type->hash != NULL)) return type->hash(object, hash, operation);
	return tally_error_type(operation, "a hashable object", object);
}

int tally_hash(tally_object *object, uint64_t *hash)
{
	uint64_t result;
	if (!tally_enter("hash")) return -1;
	if (!object) return tally_error_type("hash", "a hashable object", object);
	if (tally_object_hash(object, &result, "hash")) return -1;
	*hash = result;
	return 0;
}

// ---- equality ----

static bool is_set(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_SET || object->type == TALLY_TYPE_FROZENSET;
}

// Types whose objects can equal, and be ordered with, those of another.
static bool is_related(const struct tally_object *a, const struct tally_object *b)
{
	return a->type == b->type || (is_set(a) && is_set(b));
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	if (tally_number_is(a) && tally_number_is(b)) return tally_number_equal(a, b);
	const struct tally_type *left = tally_type(a), *right = tally_type(b);
	if (left->equal && (left->equal_to_any || is_related(a, b))) return left->equal(a, b, operation);
	if (right->equal_to_any) return right->equal(b, a, operation);
	return a == b;
}

int tally_object_equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	return a == b ? 1 : equal(a, b, operation);
}

bool tally_object_is_plain(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_STR || object->type == TALLY_TYPE_BYTES || tally_number_is(object) || !tally_type(object)->equal;
}

int tally_equal(tally_object *a, tally_object *b)
{
	if (!tally_enter("equal")) return -1;
	if (!a || !b) return tally_error_type("equal", "two objects", NULL);
	return equal(a, b, "equal");
}

// ---- order ----

static int unordered(struct tally_object *a, struct tally_object *b, const char *operation)
{
	return tally_error_raise(TALLY_ERROR_TYPE, operation, "a '%s' and a '%s' have no order", tally_type(a)->name, tally_type(b)->name);
}

int tally_object_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	int same;
	if (comparison == TALLY_EQ) return tally_object_equal(a, b, operation);
	if (comparison == TALLY_NE) return (same = tally_object_equal(a, b, operation)) < 0 ? same : !same;
	if (tally_number_is(a) && tally_number_is(b)) return tally_number_compare(a, b, comparison);
	const struct tally_type *type = tally_type(a);
	return type->compare && is_related(a, b) ? type->compare(a, b, comparison, operation) : unordered(a, b, operation);
}

int tally_compare(tally_object *a, tally_object *b, enum tally_comparison comparison)
{
	if (!tally_enter("compare")) return -1;
	if (!a || !b) return tally_error_type("compare", "two objects", NULL);
	if ((unsigned)comparison > TALLY_GE)
		return tally_error_raise(TALLY_ERROR_VALUE, "compare", "comparison %d, expected TALLY_LT to TALLY_GE", (int)comparison);
	if (comparison == TALLY_EQ) return equal(a, b, "compare");
	if (comparison == TALLY_NE) {
		int same = equal(a, b, "compare");
		return same < 0 ? same : !same;
	}
	return tally_object_compare(a, b, comparison, "compare");
}

// ---- length ----

int tally_len(tally_object *object, size_t *length)
{
	if (!tally_enter("len")) return -1;
	if (object && tally_type(object)->length) return tally_type(object)->length(object, length);
	return tally_error_type("len", "a str, bytes, tuple, list, dict or set", object);
}

// ---- size ----

size_t tally_object_bytes(struct tally_object *object)
{
	const struct tally_type *type = tally_type(object);
	return tally_page_of(object)->block_size + (type->owned ? type->owned(object) : 0);
}

int tally_sizeof(tally_object *object, size_t *bytes)
{
	if (!tally_enter("sizeof")) return -1;
	if (!object) return tally_error_type("sizeof", "an object", object);
	*bytes = tally_object_bytes(object);
	return 0;
}
