// core/bytes.c: bytes: immutable sequences of bytes.
//
// What holds for strings holds here, too: one block, a NUL at the end, a hash that is computed when first asked for and kept. But
// bytes are never text: they equal no str, whatever is in them.
//
// Immutable, so no lock: any attached thread.
#include "bytes.h"
#include "error.h"
#include "items.h"
#include "object.h"
#include "order.h"
#include "quote.h"
#include "slice.h"
#include "str.h"
#include "utf8.h"

#include <tally/bytes.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// So that no sum with it overflows.
static const size_t SIZE_LIMIT = PTRDIFF_MAX - sizeof(struct tally_bytes) - 1;

static inline struct tally_bytes *check(const char *operation, tally_object *object)
{
	if (tally_likely(object && object->type == TALLY_TYPE_BYTES)) return (struct tally_bytes *)object;
	return tally_error_null(tally_error_type(operation, "a bytes object", object));
}

static inline struct tally_bytes *bytes_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? check(operation, object) : NULL;
}

// The same for operations that make something.
static inline struct tally_bytes *bytes_for(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? check(operation, object) : NULL;
}

// ---- making ----

static void *too_large(const char *operation)
{
	return tally_error_null(
	        tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "a bytes object has at most %zu bytes", SIZE_LIMIT));
}

struct tally_bytes *tally_bytes_make(const char *operation, size_t size)
{
	if (size > SIZE_LIMIT) return too_large(operation);
	size_t wanted = sizeof(struct tally_bytes) + size + 1;
	struct tally_bytes *made = (struct tally_bytes *)tally_object_new(TALLY_TYPE_BYTES, wanted, TALLY_LAYOUT_LEAF);
	if (!made) return tally_error_null(tally_error_memory(operation, wanted));
	tally_store(&made->hash, 0, relaxed);
	made->size = size;
	made->bytes[size] = 0;
	return made;
}

static tally_object *copy(const char *operation, const void *bytes, size_t size)
{
	struct tally_bytes *made = tally_bytes_make(operation, size);
	if (!made) return NULL;
	if (size) memcpy(made->bytes, bytes, size);
	return &made->header;
}

tally_object *tally_bytes_new(const void *bytes, size_t size)
{
	if (!tally_enter_new("bytes_new")) return NULL;
	if (bytes || !size) return copy("bytes_new", bytes, size);
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "bytes_new", "%zu bytes at NULL", size));
}

tally_object *tally_bytes_encode(tally_object *object)
{
	if (!tally_enter_new("bytes_encode")) return NULL;
	const struct tally_str *str = tally_str_check("bytes_encode", object);
	return str ? copy("bytes_encode", str->bytes, str->size) : NULL;
}

tally_object *tally_bytes_decode(tally_object *object)
{
	const struct tally_bytes *bytes = bytes_for("bytes_decode", object);
	return bytes ? tally_str_build("bytes_decode", bytes->bytes, bytes->size) : NULL;
}

static tally_object *same(struct tally_bytes *bytes)
{
	variant_incref(&bytes->header);
	return &bytes->header;
}

tally_object *tally_bytes_concat(tally_object *a, tally_object *b)
{
	struct tally_bytes *left = bytes_for("bytes_concat", a), *right = left ? check("bytes_concat", b) : NULL;
	if (!right) return NULL;
	if (!left->size || !right->size) return same(left->size ? left : right);
	struct tally_bytes *made = tally_bytes_make("bytes_concat", left->size + right->size);
	if (!made) return NULL;
	memcpy(made->bytes, left->bytes, left->size);
	memcpy(made->bytes + left->size, right->bytes, right->size);
	return &made->header;
}

tally_object *tally_bytes_repeat(tally_object *object, size_t times)
{
	struct tally_bytes *bytes = bytes_for("bytes_repeat", object);
	size_t size;
	if (!bytes) return NULL;
	if (times == 1) return same(bytes);
	if (__builtin_mul_overflow(bytes->size, times, &size)) return too_large("bytes_repeat");
	struct tally_bytes *made = tally_bytes_make("bytes_repeat", size);
	if (!made) return NULL;
	tally_str_fill(made->bytes, size, bytes->bytes, bytes->size);
	return &made->header;
}

// ---- reading ----

const char *tally_bytes_data(tally_object *object, size_t *size)
{
	const struct tally_bytes *bytes = bytes_of("bytes_data", object);
	if (!bytes) return NULL;
	if (size) *size = bytes->size;
	return bytes->bytes;
}

int tally_bytes_get(tally_object *object, ptrdiff_t index, uint8_t *byte)
{
	const struct tally_bytes *bytes = bytes_of("bytes_get", object);
	size_t place;
	if (!bytes) return -1;
	if (!tally_items_find(index, bytes->size, &place)) return tally_error_index("bytes_get", index, bytes->size);
	*byte = (uint8_t)bytes->bytes[place];
	return 0;
}

tally_object *tally_bytes_slice(tally_object *object, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	struct tally_bytes *bytes = bytes_for("bytes_slice", object);
	if (!bytes || tally_slice_check("bytes_slice", step)) return NULL;
	struct tally_slice slice = tally_slice_of(bytes->size, start, stop, step);
	if (step == 1) return slice.count == bytes->size ? same(bytes) : copy("bytes_slice", bytes->bytes + slice.start, slice.count);
	struct tally_bytes *made = tally_bytes_make("bytes_slice", slice.count);
	if (!made) return NULL;
	for (size_t i = 0, at = slice.start; i < slice.count; i++, at += (size_t)step) made->bytes[i] = bytes->bytes[at];
	return &made->header;
}

int tally_bytes_find(tally_object *object, tally_object *part, size_t from, size_t *index)
{
	const struct tally_bytes *bytes = bytes_of("bytes_find", object), *sought = bytes ? check("bytes_find", part) : NULL;
	if (!sought) return -1;
	if (from > bytes->size) return 0;
	const char *found = memmem(bytes->bytes + from, bytes->size - from, sought->bytes, sought->size);
	if (found) *index = (size_t)(found - bytes->bytes);
	return found != NULL;
}

bool tally_is_bytes(const tally_object *object) { return object && object->type == TALLY_TYPE_BYTES; }

// ---- the type ----

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	struct tally_bytes *bytes = (struct tally_bytes *)object;
	(void)operation;
	*result = tally_load(&bytes->hash, relaxed);
	if (tally_likely(*result != 0)) return 0;
	*result = XXH3_64bits_withSeed(bytes->bytes, bytes->size, tally_hash_seed);
	if (*result == 0) *result = 1; // 0 says "not computed"
	tally_store(&bytes->hash, *result, relaxed);
	return 0;
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	const struct tally_bytes *left = (struct tally_bytes *)a, *right = (struct tally_bytes *)b;
	(void)operation;
	return left->size == right->size && memcmp(left->bytes, right->bytes, left->size) == 0;
}

static int compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	const struct tally_bytes *left = (struct tally_bytes *)a, *right = (struct tally_bytes *)b;
	(void)operation;
	return tally_order_holds(tally_order_bytes(left->bytes, left->size, right->bytes, right->size), comparison);
}

static int length(struct tally_object *object, size_t *result)
{
	*result = ((struct tally_bytes *)object)->size;
	return 0;
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	const struct tally_bytes *bytes = (struct tally_bytes *)object;
	return tally_quote_bytes(text, bytes->bytes, bytes->size);
}

const struct tally_type tally_bytes_type = {
	.name = "bytes",
	.index = TALLY_TYPE_BYTES,
	.layout = TALLY_LAYOUT_LEAF,
	.hash = hash,
	.equal = equal,
	.length = length,
	.compare = compare,
	.repr = repr,
};
