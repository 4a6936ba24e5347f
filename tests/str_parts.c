// tests/str_parts.c: the parts of strings: by index and slice, found, counted, and between separators.
#include "results.h"

// One, two, three and four bytes.
#define MIXED "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z"
static const char *const mixed_points[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "z"};

static size_t length_of(tally_object *string)
{
	size_t length = 99;
	CHECK_EQ(tally_str_length(string, &length), 0);
	return length;
}

// ---- by index ----

static void get_gives_the_code_point_at_an_index(void)
{
	tally_object *plain = text("word"), *mixed = text(MIXED);
	CHECK_TEXT(tally_str_get(plain, 0), "w");
	CHECK_TEXT(tally_str_get(plain, 3), "d");
	CHECK_TEXT(tally_str_get(plain, -1), "d");
	CHECK_TEXT(tally_str_get(plain, -4), "w");
	for (int i = 0; i < 5; i++) {
		tally_object *front = tally_str_get(mixed, i), *back = tally_str_get(mixed, i - 5);
		CHECK_STR(tally_str_utf8(front, NULL), mixed_points[i]);
		CHECK_STR(tally_str_utf8(back, NULL), mixed_points[i]);
		CHECK_EQ(length_of(front), 1);
		tally_decref(front);
		tally_decref(back);
	}
	tally_object *nul = text_of(BYTES("a\0b"));
	CHECK_TEXT(tally_str_get(nul, 1), "\0");
	tally_object *all[] = {plain, mixed, nul};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void an_index_outside_is_an_error(void)
{
	tally_object *plain = text("word"), *mixed = text(MIXED), *empty = text("");
	CHECK_NULL(tally_str_get(plain, 4), TALLY_ERROR_INDEX, "str_get: index 4 out of range for 4 elements");
	CHECK_NULL(tally_str_get(mixed, 5), TALLY_ERROR_INDEX, "str_get: index 5 out of range for 5 elements");
	CHECK_NULL(tally_str_get(mixed, -6), TALLY_ERROR_INDEX, "str_get: index -6 out of range for 5 elements");
	CHECK_NULL(tally_str_get(empty, 0), TALLY_ERROR_INDEX, "str_get: index 0 out of range for 0 elements");
	CHECK_NULL(tally_str_get(plain, PTRDIFF_MIN), TALLY_ERROR_INDEX,
	           "str_get: index -9223372036854775808 out of range for 4 elements");
	CHECK_NULL(tally_str_get(plain, PTRDIFF_MAX), TALLY_ERROR_INDEX,
	           "str_get: index 9223372036854775807 out of range for 4 elements");
	tally_object *all[] = {plain, mixed, empty};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// Long texts, whose code points are found eight bytes at a time.
static void every_code_point_of_a_long_text_is_found(void)
{
	char bytes[400];
	size_t starts[120], count = 0, size = 0;
	for (; count < 120; count++) {
		starts[count] = size;
		size += (size_t)sprintf(bytes + size, "%s", mixed_points[count * 7 % 11 % 5]);
	}
	tally_object *string = text_of(bytes, size);
	CHECK_EQ(length_of(string), count);
	for (size_t i = 0; i < count; i++) {
		size_t stop = i + 1 < count ? starts[i + 1] : size, found = 0;
		tally_object *point = tally_str_get(string, (ptrdiff_t)i);
		const char *utf8 = tally_str_utf8(point, &found);
		CHECK_EQ(found, stop - starts[i]);
		CHECK(memcmp(utf8, bytes + starts[i], found) == 0);
		tally_decref(point);
	}
	tally_decref(string);
}

// ---- slices ----

// One end of a slice as the definition has it: counted from the end when negative, then brought to the ends of a step's range.
static ptrdiff_t resolve(ptrdiff_t index, ptrdiff_t size, ptrdiff_t low, ptrdiff_t high)
{
	if (index < 0) index += size;
	return index < low ? low : index > high ? high : index;
}

// Writes the slice of `points`, by stepping through the indexes. Returns its size in bytes.
static size_t expect_slice(char *expected, const char *const *points, ptrdiff_t size, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	bool back = step < 0;
	ptrdiff_t low = back ? -1 : 0, high = back ? size - 1 : size;
	ptrdiff_t first = start == TALLY_SLICE_NONE ? (back ? high : 0) : resolve(start, size, low, high);
	ptrdiff_t end = stop == TALLY_SLICE_NONE ? (back ? -1 : size) : resolve(stop, size, low, high);
	size_t written = 0;
	for (ptrdiff_t i = first; back ? i > end : i < end; i += step) {
		memcpy(expected + written, points[i], strlen(points[i]));
		written += strlen(points[i]);
	}
	return written;
}

static void check_slices(const char *const *points, ptrdiff_t size)
{
	char whole[64] = "", expected[64];
	for (ptrdiff_t i = 0; i < size; i++) strcat(whole, points[i]);
	tally_object *string = text(whole);
	for (ptrdiff_t start = -7; start <= 8; start++) {
		for (ptrdiff_t stop = -7; stop <= 8; stop++) {
			for (ptrdiff_t step = -6; step <= 6; step++) {
				ptrdiff_t from = start == 8 ? TALLY_SLICE_NONE : start, to = stop == 8 ? TALLY_SLICE_NONE : stop;
				if (!step) continue;
				size_t wanted = expect_slice(expected, points, size, from, to, step), found = 99;
				tally_object *slice = tally_str_slice(string, from, to, step);
				const char *utf8 = tally_str_utf8(slice, &found);
				bool good = CHECK_EQ(found, wanted) && CHECK(memcmp(utf8, expected, wanted) == 0);
				if (!good) tap_note("%s [%td:%td:%td]", whole, from, to, step);
				tally_decref(slice);
			}
		}
	}
	tally_decref(string);
}

static void every_slice_of_short_texts_is_what_the_definition_says(void)
{
	static const char *const plain_points[] = {"a", "b", "c", "d", "e", "f"};
	for (ptrdiff_t size = 0; size <= 6; size++) check_slices(plain_points, size);
	for (ptrdiff_t size = 0; size <= 5; size++) check_slices(mixed_points, size);
}

static void slices_with_extreme_ends_and_steps_stay_inside(void)
{
	tally_object *mixed = text(MIXED);
	CHECK_TEXT(tally_str_slice(mixed, PTRDIFF_MIN + 1, PTRDIFF_MAX, 1), MIXED);
	CHECK_TEXT(tally_str_slice(mixed, TALLY_SLICE_NONE, TALLY_SLICE_NONE, PTRDIFF_MAX), "a");
	CHECK_TEXT(tally_str_slice(mixed, TALLY_SLICE_NONE, TALLY_SLICE_NONE, PTRDIFF_MIN), "z");
	CHECK_TEXT(tally_str_slice(mixed, TALLY_SLICE_NONE, TALLY_SLICE_NONE, -1), "z\xF0\x9F\x98\x80\xE2\x82\xAC\xC3\xA9" "a");
	CHECK_TEXT(tally_str_slice(mixed, PTRDIFF_MAX, PTRDIFF_MIN + 1, -2), "z\xE2\x82\xAC" "a");
	CHECK_NULL(tally_str_slice(mixed, 0, 1, 0), TALLY_ERROR_VALUE, "str_slice: the step is 0");
	tally_decref(mixed);
}

// ---- by content ----

// What finding, containing and counting say: index -1 for nowhere.
#define CHECK_FOUND(whole, sought, from, index)                                                                               \
	check_found(BYTES(whole), BYTES(sought), (from), (index), __LINE__)
static void check_found(const char *whole, size_t size, const char *sought, size_t sought_size, size_t from, int expected, int line)
{
	tally_object *string = text_of(whole, size), *part = text_of(sought, sought_size);
	size_t index = 99;
	bool good = CHECK_EQ(tally_str_find(string, part, from, &index), expected >= 0);
	good = good && CHECK_EQ(index, expected < 0 ? 99 : expected);
	if (from == 0) good = good && CHECK_EQ(tally_str_contains(string, part), expected >= 0);
	if (!good) tap_note("line %d", line);
	tally_decref(string);
	tally_decref(part);
}

static void a_part_is_found_where_it_first_begins(void)
{
	CHECK_FOUND("banana", "an", 0, 1);
	CHECK_FOUND("banana", "an", 1, 1);
	CHECK_FOUND("banana", "an", 2, 3);
	CHECK_FOUND("banana", "an", 4, -1);
	CHECK_FOUND("banana", "banana", 0, 0);
	CHECK_FOUND("banana", "bananas", 0, -1);
	CHECK_FOUND("banana", "x", 0, -1);
	CHECK_FOUND("banana", "a", 6, -1);
	CHECK_FOUND("banana", "a", 7, -1);
	CHECK_FOUND("banana", "a", SIZE_MAX, -1);
	CHECK_FOUND("a\0b\0c", "\0c", 0, 3);
	CHECK_FOUND(MIXED, "z", 0, 4);
	CHECK_FOUND(MIXED, "\xE2\x82\xAC", 0, 2);
	CHECK_FOUND(MIXED, "\xE2\x82\xAC", 2, 2);
	CHECK_FOUND(MIXED, "\xE2\x82\xAC", 3, -1);
	CHECK_FOUND(MIXED MIXED, "\xC3\xA9", 2, 6);
	CHECK_FOUND(MIXED, "\xE2\x82\xAD", 0, -1);
}

static void an_empty_part_is_found_everywhere_up_to_the_end(void)
{
	CHECK_FOUND("", "", 0, 0);
	CHECK_FOUND("", "", 1, -1);
	CHECK_FOUND("ab", "", 0, 0);
	CHECK_FOUND("ab", "", 2, 2);
	CHECK_FOUND("ab", "", 3, -1);
	CHECK_FOUND(MIXED, "", 5, 5);
	CHECK_FOUND(MIXED, "", 6, -1);
	CHECK_FOUND("", "a", 0, -1);
}

#define CHECK_COUNTED(whole, sought, count) check_counted(BYTES(whole), BYTES(sought), (count), __LINE__)
static void check_counted(const char *whole, size_t size, const char *sought, size_t sought_size, size_t expected, int line)
{
	tally_object *string = text_of(whole, size), *part = text_of(sought, sought_size);
	size_t count = 99;
	if (!CHECK_EQ(tally_str_count(string, part, &count), 0) || !CHECK_EQ(count, expected)) tap_note("line %d", line);
	tally_decref(string);
	tally_decref(part);
}

static void occurrences_are_counted_without_overlap(void)
{
	CHECK_COUNTED("banana", "an", 2);
	CHECK_COUNTED("banana", "ana", 1);
	CHECK_COUNTED("aaaaa", "aa", 2);
	CHECK_COUNTED("banana", "x", 0);
	CHECK_COUNTED("", "x", 0);
	CHECK_COUNTED("", "", 1);
	CHECK_COUNTED("abc", "", 4);
	CHECK_COUNTED(MIXED, "", 6);
	CHECK_COUNTED(MIXED MIXED, "\xC3\xA9", 2);
	CHECK_COUNTED("a\0b\0", "\0", 2);
}

#define CHECK_ENDS(whole, sought, starts, ends) check_ends(BYTES(whole), BYTES(sought), (starts), (ends), __LINE__)
static void check_ends(const char *whole, size_t size, const char *sought, size_t sought_size, int starts, int ends, int line)
{
	tally_object *string = text_of(whole, size), *part = text_of(sought, sought_size);
	bool good = CHECK_EQ(tally_str_starts_with(string, part), starts) && CHECK_EQ(tally_str_ends_with(string, part), ends);
	if (!good) tap_note("line %d", line);
	tally_decref(string);
	tally_decref(part);
}

static void a_string_starts_and_ends_with_its_parts(void)
{
	CHECK_ENDS("banana", "ban", 1, 0);
	CHECK_ENDS("banana", "ana", 0, 1);
	CHECK_ENDS("banana", "banana", 1, 1);
	CHECK_ENDS("banana", "bananas", 0, 0);
	CHECK_ENDS("banana", "", 1, 1);
	CHECK_ENDS("", "", 1, 1);
	CHECK_ENDS("", "a", 0, 0);
	CHECK_ENDS(MIXED, "a\xC3\xA9", 1, 0);
	CHECK_ENDS(MIXED, "\xF0\x9F\x98\x80z", 0, 1);
	CHECK_ENDS("\0a\0", "\0", 1, 1);
}

// ---- split ----

#define CHECK_SPLIT(whole, separator, shown)                                                                                  \
	check_split(BYTES(whole), BYTES(separator), (shown), __LINE__)
static void check_split(const char *whole, size_t size, const char *separator, size_t separator_size, const char *shown, int line)
{
	tally_object *string = text_of(whole, size), *between = text_of(separator, separator_size);
	check_shown(tally_str_split(string, between), shown, line);
	tally_decref(string);
	tally_decref(between);
}

static void a_text_is_split_at_each_separator(void)
{
	CHECK_SPLIT("a,b,c", ",", "['a', 'b', 'c']");
	CHECK_SPLIT("abc", ",", "['abc']");
	CHECK_SPLIT("", ",", "['']");
	CHECK_SPLIT(",", ",", "['', '']");
	CHECK_SPLIT(",a,,b,", ",", "['', 'a', '', 'b', '']");
	CHECK_SPLIT("a, b, c", ", ", "['a', 'b', 'c']");
	CHECK_SPLIT("aaaaa", "aa", "['', '', 'a']");
	CHECK_SPLIT(MIXED, "\xE2\x82\xAC", "['a\xC3\xA9', '\xF0\x9F\x98\x80z']");
	CHECK_SPLIT("a\0b", "\0", "['a', 'b']");
}

static void a_list_of_parts_can_be_used_like_any_other(void)
{
	tally_object *string = text("one two three four five"), *space = text(" "), *list = tally_str_split(string, space);
	size_t size = 0;
	CHECK_EQ(tally_list_size(list, &size), 0);
	CHECK_EQ(size, 5);
	for (int i = 0; i < 100; i++) CHECK_EQ(tally_list_append(list, string), 0);
	CHECK_TEXT(tally_list_pop(list, 0), "one");
	CHECK_TEXT(tally_list_get(list, 3), "five");
	CHECK_EQ(tally_list_clear(list), 0);
	tally_object *all[] = {string, space, list};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- errors ----

static void every_function_names_what_is_no_string(void)
{
	tally_object *string = text("text"), *number = counted(1);
	size_t out = 99;
	CHECK_NULL(tally_str_get(number, 0), TALLY_ERROR_TYPE, "str_get: expected a str, got a 'int'");
	CHECK_NULL(tally_str_get(NULL, 0), TALLY_ERROR_TYPE, "str_get: expected a str, got NULL");
	CHECK_NULL(tally_str_slice(number, 0, 1, 1), TALLY_ERROR_TYPE, "str_slice: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_find(number, string, 0, &out), TALLY_ERROR_TYPE, "str_find: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_find(string, number, 0, &out), TALLY_ERROR_TYPE, "str_find: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_find(string, NULL, 0, &out), TALLY_ERROR_TYPE, "str_find: expected a str, got NULL");
	CHECK_MINUS(tally_str_contains(number, string), TALLY_ERROR_TYPE, "str_contains: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_contains(string, number), TALLY_ERROR_TYPE, "str_contains: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_starts_with(number, string), TALLY_ERROR_TYPE, "str_starts_with: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_starts_with(string, NULL), TALLY_ERROR_TYPE, "str_starts_with: expected a str, got NULL");
	CHECK_MINUS(tally_str_ends_with(number, string), TALLY_ERROR_TYPE, "str_ends_with: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_ends_with(string, number), TALLY_ERROR_TYPE, "str_ends_with: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_count(number, string, &out), TALLY_ERROR_TYPE, "str_count: expected a str, got a 'int'");
	CHECK_MINUS(tally_str_count(string, number, &out), TALLY_ERROR_TYPE, "str_count: expected a str, got a 'int'");
	CHECK_NULL(tally_str_split(number, string), TALLY_ERROR_TYPE, "str_split: expected a str, got a 'int'");
	CHECK_NULL(tally_str_split(string, number), TALLY_ERROR_TYPE, "str_split: expected a str, got a 'int'");
	CHECK_EQ(out, 99);
	CHECK_EQ(tally_refcount(string), 1);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(string);
	tally_decref(number);
}

static void an_empty_separator_is_refused(void)
{
	tally_object *string = text("text"), *empty = text("");
	CHECK_NULL(tally_str_split(string, empty), TALLY_ERROR_VALUE, "str_split: the separator is empty");
	tally_decref(string);
	tally_decref(empty);
}

struct pair {
	tally_object *string, *other;
};

static tally_object *get_one(void *pair) { return tally_str_get(((struct pair *)pair)->string, 1); }
static tally_object *slice_some(void *pair) { return tally_str_slice(((struct pair *)pair)->string, 1, 5, 1); }
static tally_object *slice_back(void *pair)
{
	return tally_str_slice(((struct pair *)pair)->string, TALLY_SLICE_NONE, TALLY_SLICE_NONE, -1);
}
static tally_object *split_all(void *pair) { return tally_str_split(((struct pair *)pair)->string, ((struct pair *)pair)->other); }

static void an_operation_without_memory_leaves_nothing_behind(void)
{
	struct pair pair = {text("one, two, three, " MIXED), text(", ")};
	CHECK_EQ(check_each_failure(get_one, &pair), 1);
	CHECK_EQ(check_each_failure(slice_some, &pair), 1);
	CHECK_EQ(check_each_failure(slice_back, &pair), 1);
	CHECK(check_each_failure(split_all, &pair) >= 1);
	CHECK_EQ(tally_refcount(pair.string), 1);
	tally_decref(pair.string);
	tally_decref(pair.other);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(get_gives_the_code_point_at_an_index);
	TAP_RUN(an_index_outside_is_an_error);
	TAP_RUN(every_code_point_of_a_long_text_is_found);
	TAP_RUN(every_slice_of_short_texts_is_what_the_definition_says);
	TAP_RUN(slices_with_extreme_ends_and_steps_stay_inside);
	TAP_RUN(a_part_is_found_where_it_first_begins);
	TAP_RUN(an_empty_part_is_found_everywhere_up_to_the_end);
	TAP_RUN(occurrences_are_counted_without_overlap);
	TAP_RUN(a_string_starts_and_ends_with_its_parts);
	TAP_RUN(a_text_is_split_at_each_separator);
	TAP_RUN(a_list_of_parts_can_be_used_like_any_other);
	TAP_RUN(every_function_names_what_is_no_string);
	TAP_RUN(an_empty_separator_is_refused);
	if (has_faults()) TAP_RUN(an_operation_without_memory_leaves_nothing_behind);
	else tap_skip("an_operation_without_memory_leaves_nothing_behind", "this build has no faults on demand (assertions are off)");
	return tap_end();
}
