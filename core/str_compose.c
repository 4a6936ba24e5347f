// core/str_compose.c: strings made from others: one after the other, several times over, joined, with parts replaced.
//
// The size of the result is known before it is made, so there is one allocation and nothing to undo.
//
// Immutable, so no lock: any attached thread. tally_str_join runs the code of whatever it iterates over.
#include "gather.h"
#include "object.h"
#include "str.h"
#include "utf8.h"

#include <tally/str.h>

static tally_object *same(struct tally_str *str)
{
	variant_incref(&str->header);
	return &str->header;
}

static int too_large(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "the text is larger than a string can be");
}

static char *put(char *to, const struct tally_str *str)
{
	memcpy(to, str->bytes, str->size);
	return to + str->size;
}

// ---- concatenation ----

tally_object *tally_str_concat(tally_object *a, tally_object *b)
{
	if (!tally_enter_new("str_concat")) return NULL;
	struct tally_str *left = tally_str_check("str_concat", a), *right = left ? tally_str_check("str_concat", b) : NULL;
	if (!right) return NULL;
	if (!left->size || !right->size) return same(left->size ? left : right);
	bool ascii = tally_str_is_ascii(left) && tally_str_is_ascii(right);
	struct tally_str *made = tally_str_make("str_concat", left->size + right->size, ascii);
	if (!made) return NULL;
	put(put(made->bytes, left), right);
	return &made->header;
}

tally_object *tally_str_repeat(tally_object *object, size_t times)
{
	if (!tally_enter_new("str_repeat")) return NULL;
	struct tally_str *str = tally_str_check("str_repeat", object);
	size_t size;
	if (!str) return NULL;
	if (times == 1 || !str->size) return same(str);
	if (__builtin_mul_overflow(str->size, times, &size)) return tally_error_null(too_large("str_repeat"));
	struct tally_str *made = tally_str_make("str_repeat", size, !times || tally_str_is_ascii(str));
	if (!made) return NULL;
	tally_str_fill(made->bytes, size, str->bytes, str->size);
	return &made->header;
}

// ---- join ----

// Whether all are strings; how many bytes they are with the separators, and whether these are ASCII. 0, or -1 with the error set.
static int measure(const struct tally_str *separator, const struct tally_gathered *parts, size_t *size, bool *ascii)
{
	*size = 0;
	*ascii = parts->size < 2 || tally_str_is_ascii(separator);
	for (size_t i = 0; i < parts->size; i++) {
		const struct tally_str *str = (struct tally_str *)parts->items[i];
		if (str->header.type != TALLY_TYPE_STR)
			return tally_error_raise(TALLY_ERROR_TYPE, "str_join", "expected a str as element %zu, got a '%s'", i,
			                         tally_type(parts->items[i])->name);
		size_t more = str->size + (i ? separator->size : 0);
		if (__builtin_add_overflow(*size, more, size)) return too_large("str_join");
		*ascii = *ascii && tally_str_is_ascii(str);
	}
	return 0;
}

static tally_object *join(const struct tally_str *separator, const struct tally_gathered *parts)
{
	size_t size;
	bool ascii;
	if (measure(separator, parts, &size, &ascii)) return NULL;
	if (parts->size == 1) return same((struct tally_str *)parts->items[0]);
	struct tally_str *made = tally_str_make("str_join", size, ascii);
	if (!made) return NULL;
	char *to = made->bytes;
	for (size_t i = 0; i < parts->size; i++) to = put(i ? put(to, separator) : to, (struct tally_str *)parts->items[i]);
	return &made->header;
}

tally_object *tally_str_join(tally_object *separator, tally_object *items)
{
	struct tally_gathered parts;
	if (!tally_enter_run("str_join")) return NULL;
	struct tally_str *between = tally_str_check("str_join", separator);
	if (!between || tally_gather(&parts, items, "str_join")) return NULL;
	tally_object *joined = join(between, &parts);
	tally_gather_end(&parts);
	return joined;
}

// ---- replacement ----

// What the result has in bytes. False: more than a size_t holds.
static bool replaced_size(const struct tally_str *str, const struct tally_str *part, const struct tally_str *by, size_t count,
                          size_t *size)
{
	size_t added;
	if (__builtin_mul_overflow(by->size, count, &added)) return false;
	return !__builtin_add_overflow(str->size - part->size * count, added, size);
}

// An empty part stands in front of each code point and at the end.
static void put_between(char *to, const struct tally_str *str, const struct tally_str *by)
{
	unsigned length;
	for (size_t at = 0; at < str->size; at += length, to += length) {
		to = put(to, by);
		tally_utf8_decode(str->bytes + at, &length);
		memcpy(to, str->bytes + at, length);
	}
	put(to, by);
}

static void put_replaced(char *to, const struct tally_str *str, const struct tally_str *part, const struct tally_str *by,
                         size_t count)
{
	const char *at = str->bytes, *end = at + str->size;
	for (; count > 0; count--) {
		const char *found = memmem(at, (size_t)(end - at), part->bytes, part->size);
		memcpy(to, at, (size_t)(found - at));
		to = put(to + (found - at), by);
		at = found + part->size;
	}
	memcpy(to, at, (size_t)(end - at));
}

static tally_object *replace(struct tally_str *str, const struct tally_str *part, const struct tally_str *by)
{
	size_t count = tally_str_occurrences(str, part), size;
	if (!count) return same(str);
	if (!replaced_size(str, part, by, count, &size)) return tally_error_null(too_large("str_replace"));
	struct tally_str *made = tally_str_make("str_replace", size, true);
	if (!made) return NULL;
	if (part->size) put_replaced(made->bytes, str, part, by, count);
	else put_between(made->bytes, str, by);
	if (!tally_str_is_ascii(str) || !tally_str_is_ascii(by)) tally_str_settle(made);
	return &made->header;
}

tally_object *tally_str_replace(tally_object *object, tally_object *part, tally_object *by)
{
	if (!tally_enter_new("str_replace")) return NULL;
	struct tally_str *str = tally_str_check("str_replace", object);
	struct tally_str *sought = str ? tally_str_check("str_replace", part) : NULL;
	struct tally_str *other = sought ? tally_str_check("str_replace", by) : NULL;
	return other ? replace(str, sought, other) : NULL;
}
