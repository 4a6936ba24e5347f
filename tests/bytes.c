// tests/bytes.c: bytes: what they keep, their parts, how they compare, and the way to text and back.
#include "results.h"

static tally_object *bytes_of(const char *bytes, size_t size) { return must(tally_bytes_new(bytes, size)); }

#define CHECK_BYTES(object, literal) check_bytes((object), BYTES(literal), __LINE__)
// Takes over the reference.
static void check_bytes(tally_object *object, const char *expected, size_t size, int line)
{
	size_t found = 99;
	const char *data = object ? tally_bytes_data(object, &found) : NULL;
	bool good = CHECK(data) && CHECK(tally_is_bytes(object)) && CHECK_EQ(found, size) && CHECK(memcmp(data, expected, size) == 0) &&
	            CHECK_EQ(data[size], 0);
	if (!good) tap_note("line %d: %s", line, tally_error_message());
	tally_decref(object);
}

static void any_bytes_are_kept_with_a_nul_after_them(void)
{
	CHECK_BYTES(tally_bytes_new("word", 4), "word");
	CHECK_BYTES(tally_bytes_new("wordy", 4), "word");
	CHECK_BYTES(tally_bytes_new("a\0\xFF\x80", 4), "a\0\xFF\x80");
	CHECK_BYTES(tally_bytes_new("", 0), "");
	CHECK_BYTES(tally_bytes_new(NULL, 0), "");
	char all[1000];
	for (size_t i = 0; i < sizeof all; i++) all[i] = (char)i;
	for (size_t size = 0; size < sizeof all; size += 13) check_bytes(tally_bytes_new(all, size), all, size, __LINE__);
}

static void impossible_arguments_are_refused(void)
{
	tally_object *bytes = bytes_of("abc", 3);
	CHECK_NULL(tally_bytes_new(NULL, 3), TALLY_ERROR_VALUE, "bytes_new: 3 bytes at NULL");
	CHECK(!tally_bytes_new("x", SIZE_MAX));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_OVERFLOW);
	CHECK(!tally_bytes_repeat(bytes, SIZE_MAX));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_OVERFLOW);
	CHECK(!tally_bytes_repeat(bytes, SIZE_MAX / 4));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_OVERFLOW);
	tally_error_clear();
	tally_decref(bytes);
}

// ---- parts ----

static void a_byte_is_read_by_its_index(void)
{
	tally_object *bytes = bytes_of("a\0\xFF", 3);
	uint8_t byte = 42;
	CHECK_EQ(tally_bytes_get(bytes, 0, &byte), 0);
	CHECK_EQ(byte, 'a');
	CHECK_EQ(tally_bytes_get(bytes, -1, &byte), 0);
	CHECK_EQ(byte, 0xFF);
	CHECK_EQ(tally_bytes_get(bytes, -2, &byte), 0);
	CHECK_EQ(byte, 0);
	CHECK_MINUS(tally_bytes_get(bytes, 3, &byte), TALLY_ERROR_INDEX, "bytes_get: index 3 out of range for 3 elements");
	CHECK_MINUS(tally_bytes_get(bytes, -4, &byte), TALLY_ERROR_INDEX, "bytes_get: index -4 out of range for 3 elements");
	CHECK_MINUS(tally_bytes_get(bytes, PTRDIFF_MIN, &byte), TALLY_ERROR_INDEX,
	            "bytes_get: index -9223372036854775808 out of range for 3 elements");
	CHECK_EQ(byte, 0);
	tally_decref(bytes);
}

static void a_slice_has_the_bytes_that_it_steps_on(void)
{
	tally_object *bytes = bytes_of("abcdef", 6), *empty = bytes_of("", 0);
	CHECK_BYTES(tally_bytes_slice(bytes, 1, 4, 1), "bcd");
	CHECK_BYTES(tally_bytes_slice(bytes, -2, TALLY_SLICE_NONE, 1), "ef");
	CHECK_BYTES(tally_bytes_slice(bytes, 4, 1, 1), "");
	CHECK_BYTES(tally_bytes_slice(bytes, TALLY_SLICE_NONE, TALLY_SLICE_NONE, 2), "ace");
	CHECK_BYTES(tally_bytes_slice(bytes, TALLY_SLICE_NONE, TALLY_SLICE_NONE, -1), "fedcba");
	CHECK_BYTES(tally_bytes_slice(bytes, 4, 0, -3), "eb");
	CHECK_BYTES(tally_bytes_slice(bytes, 0, 4, -1), "");
	CHECK_BYTES(tally_bytes_slice(bytes, -100, 100, 100), "a");
	CHECK_BYTES(tally_bytes_slice(bytes, TALLY_SLICE_NONE, TALLY_SLICE_NONE, PTRDIFF_MIN), "f");
	CHECK_BYTES(tally_bytes_slice(empty, TALLY_SLICE_NONE, TALLY_SLICE_NONE, -1), "");
	CHECK_NULL(tally_bytes_slice(bytes, 0, 1, 0), TALLY_ERROR_VALUE, "bytes_slice: the step is 0");
	tally_object *whole = tally_bytes_slice(bytes, 0, 6, 1);
	CHECK_PTR(whole, bytes);
	tally_object *all[] = {bytes, empty, whole};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static int found_at(const char *whole, size_t size, const char *part, size_t part_size, size_t from)
{
	tally_object *bytes = bytes_of(whole, size), *sought = bytes_of(part, part_size);
	size_t index = 99;
	int found = tally_bytes_find(bytes, sought, from, &index);
	if (found == 0) CHECK_EQ(index, 99);
	tally_decref(bytes);
	tally_decref(sought);
	return found == 1 ? (int)index : found - 1;
}

static void a_part_is_found_where_it_first_begins(void)
{
	CHECK_EQ(found_at(BYTES("banana"), BYTES("an"), 0), 1);
	CHECK_EQ(found_at(BYTES("banana"), BYTES("an"), 2), 3);
	CHECK_EQ(found_at(BYTES("banana"), BYTES("an"), 4), -1);
	CHECK_EQ(found_at(BYTES("banana"), BYTES(""), 6), 6);
	CHECK_EQ(found_at(BYTES("banana"), BYTES(""), 7), -1);
	CHECK_EQ(found_at(BYTES(""), BYTES(""), 0), 0);
	CHECK_EQ(found_at(BYTES(""), BYTES("x"), 0), -1);
	CHECK_EQ(found_at(BYTES("a\0\xFF\0"), BYTES("\xFF\0"), 0), 2);
	CHECK_EQ(found_at(BYTES("banana"), BYTES("a"), SIZE_MAX), -1);
}

// ---- composition ----

static void concat_and_repeat_make_longer_ones(void)
{
	tally_object *a = bytes_of("a\0", 2), *b = bytes_of("\xFF", 1), *empty = bytes_of("", 0);
	CHECK_BYTES(tally_bytes_concat(a, b), "a\0\xFF");
	CHECK_BYTES(tally_bytes_concat(a, empty), "a\0");
	CHECK_BYTES(tally_bytes_concat(empty, b), "\xFF");
	CHECK_BYTES(tally_bytes_concat(empty, empty), "");
	CHECK_BYTES(tally_bytes_repeat(a, 0), "");
	CHECK_BYTES(tally_bytes_repeat(a, 1), "a\0");
	CHECK_BYTES(tally_bytes_repeat(a, 3), "a\0a\0a\0");
	CHECK_BYTES(tally_bytes_repeat(b, 7), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
	CHECK_BYTES(tally_bytes_repeat(empty, SIZE_MAX), "");
	tally_object *all[] = {a, b, empty};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void bytes_become_text_and_text_bytes(void)
{
	tally_object *bytes = bytes_of("caf\xC3\xA9\0", 6), *bad = bytes_of("ab\xFF", 3), *string = text("caf\xC3\xA9");
	CHECK_TEXT(tally_bytes_decode(bytes), "caf\xC3\xA9\0");
	CHECK_BYTES(tally_bytes_encode(string), "caf\xC3\xA9");
	CHECK_NULL(tally_bytes_decode(bad), TALLY_ERROR_VALUE, "bytes_decode: no UTF-8 at offset 2 (byte 0xFF)");
	tally_object *all[] = {bytes, bad, string};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- comparison ----

static void bytes_are_equal_and_ordered_by_content(void)
{
	static const struct {
		const char *bytes;
		size_t size;
	} in_order[] = {{"", 0}, {"\0", 1}, {"\0\0", 2}, {"a", 1}, {"a\0", 2}, {"aa", 2}, {"ab", 2}, {"b", 1}, {"\x80", 1}, {"\xFF", 1}};
	enum { COUNT = sizeof in_order / sizeof in_order[0] };
	for (int i = 0; i < COUNT; i++) {
		for (int j = 0; j < COUNT; j++) {
			tally_object *a = bytes_of(in_order[i].bytes, in_order[i].size), *b = bytes_of(in_order[j].bytes, in_order[j].size);
			uint64_t left = 0, right = 0;
			CHECK_EQ(tally_equal(a, b), i == j);
			CHECK_EQ(tally_compare(a, b, TALLY_LT), i < j);
			CHECK_EQ(tally_compare(a, b, TALLY_LE), i <= j);
			CHECK_EQ(tally_compare(a, b, TALLY_GT), i > j);
			CHECK_EQ(tally_compare(a, b, TALLY_GE), i >= j);
			CHECK_EQ(tally_hash(a, &left), 0);
			CHECK_EQ(tally_hash(b, &right), 0);
			CHECK_EQ(left == right, i == j);
			tally_decref(a);
			tally_decref(b);
		}
	}
}

static void bytes_and_text_are_never_equal_nor_ordered(void)
{
	tally_object *bytes = bytes_of("text", 4), *string = text("text"), *dict = must(tally_dict_new()), *found = NULL;
	CHECK_EQ(tally_equal(bytes, string), 0);
	CHECK_EQ(tally_equal(string, bytes), 0);
	CHECK_MINUS(tally_compare(bytes, string, TALLY_LT), TALLY_ERROR_TYPE, "compare: a 'bytes' and a 'str' have no order");
	CHECK_EQ(tally_dict_set(dict, bytes, bytes), 0);
	CHECK_EQ(tally_dict_set(dict, string, string), 0);
	CHECK_EQ(tally_dict_get(dict, bytes, &found), 1);
	CHECK_PTR(found, bytes);
	tally_object *all[] = {bytes, string, dict, found};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void bytes_are_shown_between_quotes(void)
{
	CHECK_SHOWN(bytes_of(BYTES("")), "b''");
	CHECK_SHOWN(bytes_of(BYTES("plain")), "b'plain'");
	CHECK_SHOWN(bytes_of(BYTES("it's")), "b\"it's\"");
	CHECK_SHOWN(bytes_of(BYTES("both ' and \"")), "b'both \\' and \"'");
	CHECK_SHOWN(bytes_of(BYTES("\t\n\r\\\0\x1F\x7F\x80\xFF ~")), "b'\\t\\n\\r\\\\\\x00\\x1f\\x7f\\x80\\xff ~'");
	CHECK_SHOWN(bytes_of(BYTES("\xC3\xA9")), "b'\\xc3\\xa9'");
}

// ---- errors ----

static void every_function_names_what_is_no_bytes_object(void)
{
	tally_object *string = text("text"), *bytes = bytes_of("abc", 3);
	size_t out = 99;
	uint8_t byte = 42;
	CHECK_NULL(tally_bytes_data(string, &out), TALLY_ERROR_TYPE, "bytes_data: expected a bytes object, got a 'str'");
	CHECK_MINUS(tally_bytes_get(string, 0, &byte), TALLY_ERROR_TYPE, "bytes_get: expected a bytes object, got a 'str'");
	CHECK_MINUS(tally_bytes_get(NULL, 0, &byte), TALLY_ERROR_TYPE, "bytes_get: expected a bytes object, got NULL");
	CHECK_NULL(tally_bytes_slice(string, 0, 1, 1), TALLY_ERROR_TYPE, "bytes_slice: expected a bytes object, got a 'str'");
	CHECK_NULL(tally_bytes_concat(string, bytes), TALLY_ERROR_TYPE, "bytes_concat: expected a bytes object, got a 'str'");
	CHECK_NULL(tally_bytes_concat(bytes, string), TALLY_ERROR_TYPE, "bytes_concat: expected a bytes object, got a 'str'");
	CHECK_NULL(tally_bytes_repeat(string, 2), TALLY_ERROR_TYPE, "bytes_repeat: expected a bytes object, got a 'str'");
	CHECK_MINUS(tally_bytes_find(string, bytes, 0, &out), TALLY_ERROR_TYPE, "bytes_find: expected a bytes object, got a 'str'");
	CHECK_MINUS(tally_bytes_find(bytes, NULL, 0, &out), TALLY_ERROR_TYPE, "bytes_find: expected a bytes object, got NULL");
	CHECK_NULL(tally_bytes_decode(string), TALLY_ERROR_TYPE, "bytes_decode: expected a bytes object, got a 'str'");
	CHECK_NULL(tally_bytes_encode(bytes), TALLY_ERROR_TYPE, "bytes_encode: expected a str, got a 'bytes'");
	CHECK_EQ(out, 99);
	CHECK_EQ(byte, 42);
	CHECK(!tally_is_bytes(string) && !tally_is_bytes(NULL));
	tally_decref(string);
	tally_decref(bytes);
}

static tally_object *make_new(void *bytes) { return tally_bytes_new(bytes, 3); }
static tally_object *make_slice(void *bytes) { return tally_bytes_slice(bytes, 0, 2, 1); }
static tally_object *make_back(void *bytes) { return tally_bytes_slice(bytes, TALLY_SLICE_NONE, TALLY_SLICE_NONE, -1); }
static tally_object *make_concat(void *bytes) { return tally_bytes_concat(bytes, bytes); }
static tally_object *make_repeat(void *bytes) { return tally_bytes_repeat(bytes, 5); }
static tally_object *make_text(void *bytes) { return tally_bytes_decode(bytes); }
static tally_object *make_bytes(void *string) { return tally_bytes_encode(string); }

static void an_operation_without_memory_leaves_nothing_behind(void)
{
	tally_object *bytes = bytes_of("abc", 3), *string = text("text");
	tally_object *(*const operations[])(void *) = {make_slice, make_back, make_concat, make_repeat, make_text};
	for (int i = 0; i < 5; i++) CHECK_EQ(check_each_failure(operations[i], bytes), 1);
	CHECK_EQ(check_each_failure(make_new, (char[]){"abc"}), 1);
	CHECK_EQ(check_each_failure(make_bytes, string), 1);
	CHECK_EQ(tally_refcount(bytes), 1);
	tally_decref(bytes);
	tally_decref(string);
}

// ---- threads ----

struct shared_bytes {
	tally_object *bytes;
	uint64_t hashes[4];
};

static void hash_it(void *context, unsigned number)
{
	struct shared_bytes *shared = context;
	CHECK_EQ(tally_hash(shared->bytes, &shared->hashes[number]), 0);
}

static void threads_that_hash_one_object_at_once_agree(void)
{
	for (unsigned round = 0; round < tap_scale(50u); round++) {
		struct shared_bytes shared = {.bytes = bytes_of(BYTES("hashed by four"))};
		uint64_t again = 0;
		run_threads(4, hash_it, &shared);
		for (int i = 1; i < 4; i++) CHECK_EQ(shared.hashes[i], shared.hashes[0]);
		CHECK_EQ(tally_hash(shared.bytes, &again), 0);
		CHECK_EQ(again, shared.hashes[0]);
		tally_decref(shared.bytes);
	}
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(any_bytes_are_kept_with_a_nul_after_them);
	TAP_RUN(impossible_arguments_are_refused);
	TAP_RUN(a_byte_is_read_by_its_index);
	TAP_RUN(a_slice_has_the_bytes_that_it_steps_on);
	TAP_RUN(a_part_is_found_where_it_first_begins);
	TAP_RUN(concat_and_repeat_make_longer_ones);
	TAP_RUN(bytes_become_text_and_text_bytes);
	TAP_RUN(bytes_are_equal_and_ordered_by_content);
	TAP_RUN(bytes_and_text_are_never_equal_nor_ordered);
	TAP_RUN(bytes_are_shown_between_quotes);
	TAP_RUN(every_function_names_what_is_no_bytes_object);
	if (has_faults()) TAP_RUN(an_operation_without_memory_leaves_nothing_behind);
	else tap_skip("an_operation_without_memory_leaves_nothing_behind", "this build has no faults on demand (assertions are off)");
	TAP_RUN(threads_that_hash_one_object_at_once_agree);
	return tap_end();
}
