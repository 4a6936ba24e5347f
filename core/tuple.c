// core/tuple.c: tuples: a fixed number of references inline, immutable.
//
// Equal, ordered and hashable by their elements, so all three recurse; a tuple may hold lists, is not hashable then, and its
// equality is theirs. Immutable, so no lock: any attached thread. Comparing elements may run the host's code, which cannot take
// them away: the caller's reference keeps the tuple, and the tuple keeps them.
//
// I1  A tuple is complete before it is returned, so a tuple never contains itself except through a list or a dict.
#include "tuple.h"
#include "error.h"
#include "gather.h"
#include "hash.h"
#include "items.h"
#include "object.h"
#include "order.h"
#include "slice.h"
#include "text.h"

#include <tally/tuple.h>

// So that the size of a tuple in bytes does not overflow.
static const size_t SIZE_LIMIT = (PTRDIFF_MAX - sizeof(struct tally_tuple)) / sizeof(void *);

static inline struct tally_tuple *check(const char *operation, tally_object *object)
{
	if (tally_likely(object && object->type == TALLY_TYPE_TUPLE)) return (struct tally_tuple *)object;
	return tally_error_null(tally_error_type(operation, "a tuple", object));
}

static inline struct tally_tuple *tuple_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? check(operation, object) : NULL;
}

// ---- making ----

static void *too_large(const char *operation, size_t size)
{
	return tally_error_null(
	        tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "%zu elements are more than a tuple can have", size));
}

// Inlined into both: tuples are made often.
static inline __attribute__((always_inline)) struct tally_tuple *make(const char *operation, size_t size)
{
	const size_t bytes = sizeof(struct tally_tuple) + size * sizeof(struct tally_object *);
	struct tally_tuple *tuple =
	        (struct tally_tuple *)tally_object_new(TALLY_TYPE_TUPLE, bytes, TALLY_LAYOUT_POINTERS);
	if (!tuple) return tally_error_null(tally_error_memory(operation, bytes));
	tuple->size = size;
	return tuple;
}

struct tally_tuple *tally_tuple_make(const char *operation, size_t size)
{
	return size <= SIZE_LIMIT ? make(operation, size) : too_large(operation, size);
}

static inline void fill(struct tally_object **places, tally_object *const *items, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		variant_incref(items[i]);
		places[i] = items[i];
	}
}

struct tally_object *tally_tuple_of(const char *operation, struct tally_object *const *items, size_t size)
{
	if (size == 0) return tally_tuple_empty;
	struct tally_tuple *tuple = tally_tuple_make(operation, size);
	if (!tuple) return NULL;
	fill(tuple->items, items, size);
	return &tuple->header;
}

static __attribute__((noinline)) tally_object *new_slow(tally_object *const *items, size_t size)
{
	if (!tally_enter_new("tuple_new")) return NULL;
	if (size > SIZE_LIMIT) return too_large("tuple_new", size);
	if (tally_items_check("tuple_new", items, size)) return NULL;
	return tally_tuple_of("tuple_new", items, size);
}

// The rest of a tuple of which the first `done` elements are there; or none, when one of them is missing.
static __attribute__((noinline)) tally_object *fill_rest(struct tally_tuple *tuple, tally_object *const *items, size_t done)
{
	if (tally_unlikely(tally_items_check("tuple_new", items, tuple->size))) {
		tuple->size = done;
		variant_decref(&tuple->header);
		return NULL;
	}
	fill(tuple->items + done, items + done, tuple->size - done);
	return &tuple->header;
}

enum { FEW = 32 }; // elements for which it is worth while to go over them once only

tally_object *tally_tuple_new(tally_object *const *items, size_t size)
{
	if (tally_unlikely(size - 1 >= FEW || !items)) return new_slow(items, size);
	const size_t bytes = sizeof(struct tally_tuple) + size * sizeof items[0];
	struct tally_tuple *tuple = tally_object_new_quick(TALLY_TYPE_TUPLE, bytes, TALLY_LAYOUT_POINTERS);
	if (tally_unlikely(!tuple)) return new_slow(items, size);
	tuple->size = size;
	for (size_t i = 0; i < size; i++) {
		struct tally_object *item = items[i];
		if (tally_unlikely(!item || !variant_incref_quick(item))) return fill_rest(tuple, items, i);
		tuple->items[i] = item;
	}
	return &tuple->header;
}

static tally_object *same(tally_object *tuple)
{
	variant_incref(tuple);
	return tuple;
}

tally_object *tally_tuple_from(tally_object *items)
{
	struct tally_gathered gathered;
	if (!tally_enter_run("tuple_from")) return NULL;
	if (tally_is_tuple(items)) return same(items);
	if (tally_gather(&gathered, items, "tuple_from")) return NULL;
	struct tally_object *made = tally_tuple_of("tuple_from", gathered.items, gathered.size);
	tally_gather_end(&gathered);
	return made;
}

tally_object *tally_tuple_slice(tally_object *object, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	if (!tally_enter_new("tuple_slice")) return NULL;
	struct tally_tuple *tuple = check("tuple_slice", object), *made;
	if (!tuple || tally_slice_check("tuple_slice", step)) return NULL;
	struct tally_slice slice = tally_slice_of(tuple->size, start, stop, step);
	if (slice.count == 0) return tally_tuple_empty;
	if (slice.count == tuple->size && step == 1) return same(object);
	if (!(made = tally_tuple_make("tuple_slice", slice.count))) return NULL;
	for (size_t i = 0; i < slice.count; i++) fill(&made->items[i], &tuple->items[slice.start + i * (size_t)step], 1);
	return &made->header;
}

tally_object *tally_tuple_concat(tally_object *a, tally_object *b)
{
	if (!tally_enter_new("tuple_concat")) return NULL;
	struct tally_tuple *left = check("tuple_concat", a), *right, *made;
	if (!left || !(right = check("tuple_concat", b))) return NULL;
	if (left->size == 0) return same(b);
	if (right->size == 0) return same(a);
	if (!(made = tally_tuple_make("tuple_concat", left->size + right->size))) return NULL;
	fill(made->items, left->items, left->size);
	fill(made->items + left->size, right->items, right->size);
	return &made->header;
}

tally_object *tally_tuple_repeat(tally_object *object, size_t times)
{
	if (!tally_enter_new("tuple_repeat")) return NULL;
	struct tally_tuple *tuple = check("tuple_repeat", object), *made;
	size_t size;
	if (!tuple) return NULL;
	if (times == 0 || tuple->size == 0) return tally_tuple_empty;
	if (times == 1) return same(object);
	if (__builtin_mul_overflow(tuple->size, times, &size)) size = SIZE_MAX;
	if (!(made = tally_tuple_make("tuple_repeat", size))) return NULL;
	for (size_t i = 0; i < size; i += tuple->size) fill(made->items + i, tuple->items, tuple->size);
	return &made->header;
}

// ---- reading ----

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

// ---- searching ----

static struct tally_tuple *tuple_and_value(const char *operation, tally_object *object, tally_object *value)
{
	struct tally_tuple *tuple = tuple_of(operation, object);
	if (!tuple || value) return tuple;
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, operation, "the value is NULL"));
}

int tally_tuple_index(tally_object *object, tally_object *value, size_t *index)
{
	struct tally_tuple *tuple = tuple_and_value("tuple_index", object, value);
	if (!tuple) return -1;
	for (size_t i = 0; i < tuple->size; i++) {
		int same_value = tally_object_equal(tuple->items[i], value, "tuple_index");
		if (same_value == 1) *index = i;
		if (same_value != 0) return same_value;
	}
	return 0;
}

int tally_tuple_count(tally_object *object, tally_object *value, size_t *count)
{
	struct tally_tuple *tuple = tuple_and_value("tuple_count", object, value);
	size_t times = 0;
	if (!tuple) return -1;
	for (size_t i = 0; i < tuple->size; i++) {
		int same_value = tally_object_equal(tuple->items[i], value, "tuple_count");
		if (same_value < 0) return -1;
		times += (size_t)same_value;
	}
	*count = times;
	return 0;
}

// ---- hash, equality, order ----

static int hash_elements(struct tally_tuple *tuple, uint64_t *result, const char *operation)
{
	uint64_t sum = tally_hash_mix(tuple->size), element;
	for (size_t i = 0; i < tuple->size; i++) {
		if (tally_object_hash(tuple->items[i], &element, operation)) return -1;
		sum = tally_hash_mix(sum + element); // mixed in between, so that the order counts
	}
	*result = sum;
	return 0;
}

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	if (!tally_nest(operation)) return -1;
	int status = hash_elements((struct tally_tuple *)object, result, operation);
	tally_unnest();
	return status;
}

// The place of the first elements that differ, or the size of the shorter tuple. 0, or -1 with the error set.
static int find_difference(struct tally_tuple *left, struct tally_tuple *right, size_t *place, const char *operation)
{
	size_t size = left->size < right->size ? left->size : right->size;
	for (*place = 0; *place < size; ++*place) {
		int is_same = tally_object_equal(left->items[*place], right->items[*place], operation);
		if (is_same != 1) return is_same;
	}
	return 0;
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	struct tally_tuple *left = (struct tally_tuple *)a, *right = (struct tally_tuple *)b;
	size_t place;
	if (left->size != right->size) return 0;
	if (!tally_nest(operation)) return -1;
	int status = find_difference(left, right, &place, operation);
	tally_unnest();
	return status ? status : place == left->size;
}

static int compare_elements(struct tally_tuple *left, struct tally_tuple *right, enum tally_comparison comparison,
                            const char *operation)
{
	size_t place;
	if (find_difference(left, right, &place, operation)) return -1;
	if (place == left->size || place == right->size) // the shorter one is where the longer one begins, and comes first
		return tally_order_holds((left->size > right->size) - (left->size < right->size), comparison);
	return tally_object_compare(left->items[place], right->items[place], comparison, operation);
}

static int compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	if (!tally_nest(operation)) return -1;
	int result = compare_elements((struct tally_tuple *)a, (struct tally_tuple *)b, comparison, operation);
	tally_unnest();
	return result;
}

// ---- the type ----

static int length(struct tally_object *object, size_t *result)
{
	*result = ((struct tally_tuple *)object)->size;
	return 0;
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_tuple *tuple = (struct tally_tuple *)object;
	if (tally_text_add_string(text, "(")) return -1;
	for (size_t i = 0; i < tuple->size; i++) {
		if (i > 0 && tally_text_add_string(text, ", ")) return -1;
		if (tally_object_repr(tuple->items[i], text)) return -1;
	}
	return tally_text_add_string(text, tuple->size == 1 ? ",)" : ")");
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
	.compare = compare,
	.repr = repr,
	.length = length,
};
