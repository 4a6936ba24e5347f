// core/tuple.c: tuples: a fixed number of references inline, immutable.
//
// Equal and hashable by their elements, so both recurse; a tuple may hold lists, is not hashable then, and its equality
// is theirs. Immutable, so no lock: any attached thread.
//
// I1  A tuple is complete before it is returned, so a tuple never contains itself except through a list or a dict.
#include "tuple.h"
#include "error.h"
#include "hash.h"
#include "items.h"
#include "object.h"

#include <tally/container.h>

// So that the size of a tuple in bytes does not overflow.
static const size_t SIZE_LIMIT = (PTRDIFF_MAX - sizeof(struct tally_tuple)) / sizeof(void *);

static inline struct tally_tuple *tuple_of(const char *operation, tally_object *object)
{
	if (!tally_enter(operation)) return NULL;
	if (tally_likely(object && object->type == TALLY_TYPE_TUPLE)) return (struct tally_tuple *)object;
	return tally_error_null(tally_error_type(operation, "a tuple", object));
}

tally_object *tally_tuple_new(tally_object *const *items, size_t size)
{
	if (!tally_enter_new("tuple_new")) return NULL;
	if (size > SIZE_LIMIT)
		return tally_error_null(tally_error_raise(TALLY_ERROR_OVERFLOW, "tuple_new",
		                                          "%zu elements are more than a tuple can have", size));
	if (tally_items_check("tuple_new", items, size)) return NULL;
	const size_t bytes = sizeof(struct tally_tuple) + size * sizeof items[0];
	struct tally_tuple *tuple =
	        (struct tally_tuple *)tally_object_new(TALLY_TYPE_TUPLE, bytes, TALLY_LAYOUT_POINTERS);
	if (!tuple) return tally_error_null(tally_error_memory("tuple_new", bytes));
	tuple->size = size;
	for (size_t i = 0; i < size; i++) {
		variant_incref(items[i]);
		tuple->items[i] = items[i];
	}
	return &tuple->header;
}

int tally_tuple_size(tally_object *object, size_t *size)
{
	struct tally_tuple *tuple = tuple_of("tuple_size", object);
	if (!tuple) return -1;
	*size = tuple->size;
	return 0;
}

tally_object *tally_tuple_get(tally_object *object, ptrdiff_t index)
{
	struct tally_tuple *tuple = tuple_of("tuple_get", object);
	size_t place;
	if (!tuple) return NULL;
	if (!tally_items_find(index, tuple->size, &place))
		return tally_error_null(tally_error_index("tuple_get", index, tuple->size));
	variant_incref(tuple->items[place]);
	return tuple->items[place];
}

bool tally_is_tuple(const tally_object *object) { return object && object->type == TALLY_TYPE_TUPLE; }

static int hash(struct tally_object *object, uint64_t *result, unsigned depth)
{
	struct tally_tuple *tuple = (struct tally_tuple *)object;
	uint64_t sum = tally_hash_mix(tuple->size), element;
	if (depth >= TALLY_DEPTH_LIMIT) return -1;
	for (size_t i = 0; i < tuple->size; i++) {
		if (tally_object_hash(tuple->items[i], &element, depth + 1)) return -1;
		sum = tally_hash_mix(sum + element); // mixed in between, so that the order counts
	}
	*result = sum;
	return 0;
}

static int equal(struct tally_object *a, struct tally_object *b, unsigned depth)
{
	struct tally_tuple *left = (struct tally_tuple *)a, *right = (struct tally_tuple *)b;
	if (depth >= TALLY_DEPTH_LIMIT) return -1;
	if (left->size != right->size) return 0;
	for (size_t i = 0; i < left->size; i++) {
		int same = tally_object_equal(left->items[i], right->items[i], depth + 1);
		if (same != 1) return same;
	}
	return 1;
}

static int length(struct tally_object *object, size_t *result)
{
	*result = ((struct tally_tuple *)object)->size;
	return 0;
}

static void destroy(struct tally_object *object)
{
	struct tally_tuple *tuple = (struct tally_tuple *)object;
	for (size_t i = tuple->size; i > 0; i--) variant_decref(tuple->items[i - 1]);
}

const struct tally_type tally_tuple_type = {
	.name = "tuple",
	.index = TALLY_TYPE_TUPLE,
	.layout = TALLY_LAYOUT_POINTERS,
	.destroy = destroy,
	.hash = hash,
	.equal = equal,
	.length = length,
};
