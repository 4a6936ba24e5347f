// core/str.c: strings: immutable UTF-8, checked when they are made, so that nobody who reads one need look again.
//
// The hash is computed when first asked for (a string that is only carried about never pays) and kept. Two threads that
// ask at once compute the same. The length in code points is the size when the text is ASCII, else it is counted.
//
// Immutable, so no lock: any attached thread.
#include "str.h"
#include "error.h"
#include "object.h"
#include "order.h"
#include "quote.h"
#include "utf8.h"

#include <tally/str.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline struct tally_str *str_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? tally_str_check(operation, object) : NULL;
}

static int too_large(const char *operation, size_t size)
{
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "%zu bytes are more than a string can have", size);
}

struct tally_str *tally_str_make(const char *operation, size_t size, bool ascii)
{
	if (tally_unlikely(size > TALLY_STR_LIMIT)) return tally_error_null(too_large(operation, size));
	const size_t end = size & ~(sizeof(uint64_t) - 1), bytes = sizeof(struct tally_str) + end + sizeof(uint64_t);
	struct tally_str *made = (struct tally_str *)tally_object_new(TALLY_TYPE_STR, bytes, TALLY_LAYOUT_LEAF);
	if (!made) return tally_error_null(tally_error_memory(operation, bytes));
	made->header.aux = ascii ? TALLY_STR_ASCII : 0;
	tally_store(&made->hash, 0, relaxed);
	made->size = size;
	memset(made->bytes + end, 0, sizeof(uint64_t));
	return made;
}

tally_object *tally_str_copy_as(const char *operation, const char *bytes, size_t size, bool ascii)
{
	struct tally_str *made = tally_str_make(operation, size, ascii);
	if (!made) return NULL;
	if (size) memcpy(made->bytes, bytes, size);
	return &made->header;
}

tally_object *tally_str_copy(const char *operation, const char *utf8, size_t size)
{
	bool ascii;
	size_t good = tally_utf8_check(utf8, size, &ascii);
	TALLY_ASSERT(good == size);
	(void)good;
	return tally_str_copy_as(operation, utf8, size, ascii);
}

void tally_str_settle(struct tally_str *made)
{
	bool ascii;
	tally_utf8_check(made->bytes, made->size, &ascii);
	made->header.aux = ascii ? TALLY_STR_ASCII : 0;
}

// Whether `bytes` can be text at all. 0, or -1 with the error set.
static int look(const char *operation, const char *bytes, size_t size)
{
	if (!bytes && size) return tally_error_raise(TALLY_ERROR_VALUE, operation, "%zu bytes at NULL", size);
	return size <= TALLY_STR_LIMIT ? 0 : too_large(operation, size);
}

tally_object *tally_str_build(const char *operation, const char *utf8, size_t size)
{
	bool ascii;
	if (look(operation, utf8, size)) return NULL;
	size_t good = tally_utf8_check(utf8, size, &ascii);
	if (tally_likely(good == size)) return tally_str_copy_as(operation, utf8, size, ascii);
	unsigned bad = (unsigned char)utf8[good];
	return tally_error_null(
	        tally_error_raise(TALLY_ERROR_VALUE, operation, "no UTF-8 at offset %zu (byte 0x%02X)", good, bad));
}

tally_object *tally_str_new(const char *utf8, size_t size)
{
	if (!tally_enter_new("str_new")) return NULL;
	return tally_str_build("str_new", utf8, size);
}

tally_object *tally_str_from(const char *utf8)
{
	if (!tally_enter_new("str_from")) return NULL;
	if (!utf8) return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "str_from", "the text is NULL"));
	return tally_str_build("str_from", utf8, strlen(utf8));
}

static tally_object *repair(const char *bytes, size_t size, size_t *replaced)
{
	size_t parts, repaired = tally_utf8_repaired_size(bytes, size, &parts);
	if (look("str_from_bytes", bytes, repaired)) return NULL;
	struct tally_str *made = tally_str_make("str_from_bytes", repaired, false);
	if (!made) return NULL;
	tally_utf8_repair(made->bytes, bytes, size);
	if (replaced) *replaced = parts;
	return &made->header;
}

tally_object *tally_str_from_bytes(const char *bytes, size_t size, size_t *replaced)
{
	bool ascii;
	if (!tally_enter_new("str_from_bytes")) return NULL;
	if (look("str_from_bytes", bytes, size)) return NULL;
	if (tally_unlikely(tally_utf8_check(bytes, size, &ascii) < size)) return repair(bytes, size, replaced);
	if (replaced) *replaced = 0;
	return tally_str_copy_as("str_from_bytes", bytes, size, ascii);
}

const char *tally_str_utf8(tally_object *object, size_t *size)
{
	struct tally_str *str = str_of("str_utf8", object);
	if (!str) return NULL;
	if (size) *size = str->size;
	return str->bytes;
}

bool tally_is_str(const tally_object *object) { return object && object->type == TALLY_TYPE_STR; }

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	struct tally_str *str = (struct tally_str *)object;
	(void)operation;
	*result = tally_load(&str->hash, relaxed);
	if (tally_likely(*result != 0)) return 0;
	*result = XXH3_64bits_withSeed(str->bytes, str->size, tally_hash_seed);
	if (*result == 0) *result = 1; // 0 says "not computed"
	tally_store(&str->hash, *result, relaxed);
	return 0;
}

static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	(void)operation;
	return tally_str_same((struct tally_str *)a, (struct tally_str *)b);
}

static int compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	const struct tally_str *left = (struct tally_str *)a, *right = (struct tally_str *)b;
	(void)operation;
	return tally_order_holds(tally_order_bytes(left->bytes, left->size, right->bytes, right->size), comparison);
}

size_t tally_str_points(const struct tally_str *str)
{
	return tally_str_is_ascii(str) ? str->size : tally_utf8_count(str->bytes, str->size);
}

static int length(struct tally_object *object, size_t *result)
{
	*result = tally_str_points((struct tally_str *)object);
	return 0;
}

int tally_str_length(tally_object *object, size_t *result)
{
	struct tally_str *str = str_of("str_length", object);
	return str ? length(&str->header, result) : -1;
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	const struct tally_str *str = (struct tally_str *)object;
	return tally_quote_str(text, str->bytes, str->size);
}

const struct tally_type tally_str_type = {
	.name = "str",
	.index = TALLY_TYPE_STR,
	.layout = TALLY_LAYOUT_LEAF,
	.hash = hash,
	.equal = equal,
	.length = length,
	.compare = compare,
	.repr = repr,
};
