// core/str_parts.c: the parts of a string: by index, by content, between separators.
//
// Parts are found as bytes: no code point's bytes occur inside another's, so where the bytes of a part stand the part stands.
// Indexes are turned into offsets and back; in ASCII they are the same, else that is a count over the bytes.
//
// I1  Whatever part is made is well-formed: cuts are made between code points only.
// Immutable, so no lock: any attached thread.
#include "str.h"
#include "heap.h"
#include "items.h"
#include "list.h"
#include "object.h"
#include "slice.h"
#include "utf8.h"

#include <tally/str.h>

static inline struct tally_str *str_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? tally_str_check(operation, object) : NULL;
}

// The same for operations that make something.
static inline struct tally_str *str_for(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? tally_str_check(operation, object) : NULL;
}

static size_t offset_of(const struct tally_str *str, size_t point)
{
	if (tally_str_is_ascii(str)) return point < str->size ? point : str->size;
	return tally_utf8_offset(str->bytes, str->size, point);
}

static tally_object *same(struct tally_str *str)
{
	variant_incref(&str->header);
	return &str->header;
}

static tally_object *part(const char *operation, const struct tally_str *str, size_t start, size_t size)
{
	if (tally_str_is_ascii(str)) return tally_str_copy_as(operation, str->bytes + start, size, true);
	return tally_str_copy(operation, str->bytes + start, size);
}

// ---- by index ----

static size_t length_at(const struct tally_str *str, size_t offset)
{
	unsigned length = 1;
	if (!tally_str_is_ascii(str)) tally_utf8_decode(str->bytes + offset, &length);
	return length;
}

tally_object *tally_str_get(tally_object *object, ptrdiff_t index)
{
	const struct tally_str *str = str_for("str_get", object);
	size_t place;
	if (!str) return NULL;
	size_t points = tally_str_points(str);
	if (!tally_items_find(index, points, &place)) return tally_error_null(tally_error_index("str_get", index, points));
	size_t offset = offset_of(str, place);
	return part("str_get", str, offset, length_at(str, offset));
}

// The offset that is `step` code points further on; the string reaches that far.
static size_t walk(const struct tally_str *str, size_t offset, ptrdiff_t step)
{
	if (tally_str_is_ascii(str)) return offset + (size_t)step;
	if (step > 0) return offset + tally_utf8_offset(str->bytes + offset, str->size - offset, (size_t)step);
	for (size_t points = 0 - (size_t)step; points > 0; points--)
		while (((unsigned char)str->bytes[--offset] & 0xC0) == 0x80) {}
	return offset;
}

// Goes through the code points of the slice: copies them to `to`, unless that is NULL. Returns how many bytes they are.
static size_t pick(const struct tally_str *str, const struct tally_slice *slice, char *to)
{
	size_t size = 0, offset = slice->count ? offset_of(str, slice->start) : 0;
	for (size_t i = 0; i < slice->count; i++) {
		if (i) offset = walk(str, offset, slice->step);
		size_t length = length_at(str, offset);
		if (to) memcpy(to + size, str->bytes + offset, length);
		size += length;
	}
	return size;
}

static tally_object *take_with_steps(const struct tally_str *str, const struct tally_slice *slice)
{
	bool ascii = tally_str_is_ascii(str);
	struct tally_str *made = tally_str_make("str_slice", ascii ? slice->count : pick(str, slice, NULL), ascii);
	if (!made) return NULL;
	pick(str, slice, made->bytes);
	if (!ascii) tally_str_settle(made);
	return &made->header;
}

static tally_object *take_stretch(const struct tally_str *str, const struct tally_slice *slice)
{
	size_t start = offset_of(str, slice->start), size = slice->count;
	if (!tally_str_is_ascii(str)) size = tally_utf8_offset(str->bytes + start, str->size - start, slice->count);
	return part("str_slice", str, start, size);
}

tally_object *tally_str_slice(tally_object *object, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	struct tally_str *str = str_for("str_slice", object);
	if (!str || tally_slice_check("str_slice", step)) return NULL;
	size_t points = tally_str_points(str);
	struct tally_slice slice = tally_slice_of(points, start, stop, step);
	if (step != 1) return take_with_steps(str, &slice);
	return slice.count == points ? same(str) : take_stretch(str, &slice);
}

// ---- by content ----

// Where `sought` begins at or after `offset`; NULL: nowhere.
static const char *look_for(const struct tally_str *str, const struct tally_str *sought, size_t offset)
{
	return memmem(str->bytes + offset, str->size - offset, sought->bytes, sought->size);
}

// The two strings that an operation looks at. 0, or -1 with the error set.
static int both(const char *operation, tally_object *a, tally_object *b, struct tally_str **str, struct tally_str **sought)
{
	*str = str_of(operation, a);
	*sought = *str ? tally_str_check(operation, b) : NULL;
	return *sought ? 0 : -1;
}

int tally_str_find(tally_object *object, tally_object *wanted, size_t from, size_t *index)
{
	struct tally_str *str, *sought;
	if (both("str_find", object, wanted, &str, &sought)) return -1;
	if (from > tally_str_points(str)) return 0;
	size_t start = offset_of(str, from);
	const char *found = look_for(str, sought, start);
	if (!found) return 0;
	size_t between = (size_t)(found - str->bytes) - start;
	*index = from + (tally_str_is_ascii(str) ? between : tally_utf8_count(str->bytes + start, between));
	return 1;
}

int tally_str_contains(tally_object *object, tally_object *wanted)
{
	struct tally_str *str, *sought;
	if (both("str_contains", object, wanted, &str, &sought)) return -1;
	return look_for(str, sought, 0) != NULL;
}

int tally_str_starts_with(tally_object *object, tally_object *wanted)
{
	struct tally_str *str, *sought;
	if (both("str_starts_with", object, wanted, &str, &sought)) return -1;
	return sought->size <= str->size && memcmp(str->bytes, sought->bytes, sought->size) == 0;
}

int tally_str_ends_with(tally_object *object, tally_object *wanted)
{
	struct tally_str *str, *sought;
	if (both("str_ends_with", object, wanted, &str, &sought)) return -1;
	return sought->size <= str->size && memcmp(str->bytes + str->size - sought->size, sought->bytes, sought->size) == 0;
}

size_t tally_str_occurrences(const struct tally_str *str, const struct tally_str *sought)
{
	size_t count = 0;
	if (!sought->size) return tally_str_points(str) + 1;
	for (const char *at = str->bytes; (at = look_for(str, sought, (size_t)(at - str->bytes))); at += sought->size) count++;
	return count;
}

int tally_str_count(tally_object *object, tally_object *wanted, size_t *count)
{
	struct tally_str *str, *sought;
	if (both("str_count", object, wanted, &str, &sought)) return -1;
	*count = tally_str_occurrences(str, sought);
	return 0;
}

// ---- between separators ----

static void give_up(struct tally_object **parts, size_t count)
{
	while (count > 0) variant_decref(parts[--count]);
	tally_raw_free(parts);
}

// Fills `parts` with the text in front of each of `count` separators, and behind the last one. Returns how many could be made.
static size_t cut(const struct tally_str *str, const struct tally_str *separator, struct tally_object **parts, size_t count)
{
	size_t start = 0, stop = 0;
	for (size_t i = 0; i <= count; i++, start = stop + separator->size) {
		stop = i < count ? (size_t)(look_for(str, separator, start) - str->bytes) : str->size;
		parts[i] = part("str_split", str, start, stop - start);
		if (!parts[i]) return i;
	}
	return count + 1;
}

// A list that takes over the array and its references. NULL with the error set; then it has not.
static tally_object *list_around(struct tally_object **parts, size_t count)
{
	struct tally_list *list = (struct tally_list *)tally_object_new(TALLY_TYPE_LIST, sizeof *list, TALLY_LAYOUT_ARRAY);
	if (!list) return tally_error_null(tally_error_memory("str_split", sizeof *list));
	size_t fits = tally_page_of(parts)->block_size / sizeof *parts;
	list->size = (uint32_t)count;
	list->capacity = (uint32_t)(fits < UINT32_MAX ? fits : UINT32_MAX);
	list->items = parts;
	return &list->header;
}

static tally_object *split(const struct tally_str *str, const struct tally_str *separator, size_t count)
{
	if (count >= UINT32_MAX)
		return tally_error_null(tally_error_raise(TALLY_ERROR_OVERFLOW, "str_split", "more parts than a list can hold"));
	size_t bytes = (count + 1) * sizeof(struct tally_object *);
	struct tally_object **parts = tally_raw_new(bytes);
	if (!parts) return tally_error_null(tally_error_memory("str_split", bytes));
	size_t made = cut(str, separator, parts, count);
	tally_object *list = made > count ? list_around(parts, made) : NULL;
	if (!list) give_up(parts, made);
	return list;
}

tally_object *tally_str_split(tally_object *object, tally_object *separator)
{
	struct tally_str *str = str_for("str_split", object), *sought = str ? tally_str_check("str_split", separator) : NULL;
	if (!sought) return NULL;
	if (sought->size) return split(str, sought, tally_str_occurrences(str, sought));
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "str_split", "the separator is empty"));
}
