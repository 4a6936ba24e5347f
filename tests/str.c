// tests/str.c: strings: what they keep, what they refuse, how they compare.
#include "fixture.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static void check_text(tally_object *string, const char *bytes, size_t size, size_t length)
{
	size_t found = 99, points = 99;
	const char *utf8 = tally_str_utf8(string, &found);
	if (!CHECK(utf8)) return;
	CHECK_EQ(found, size);
	CHECK(memcmp(utf8, bytes, size) == 0);
	CHECK_EQ(utf8[size], 0);
	CHECK_EQ(tally_str_length(string, &points), 0);
	CHECK_EQ(points, length);
	CHECK_PTR(tally_str_utf8(string, NULL), utf8);
	tally_decref(string);
}

static void a_string_keeps_its_bytes_with_a_nul_after_them(void)
{
	check_text(tally_str_new("word", 4), "word", 4, 4);
	check_text(tally_str_new("wordy", 4), "word", 4, 4);
	check_text(tally_str_new("a\0b", 3), "a\0b", 3, 3);
	check_text(tally_str_from("caf\xC3\xA9"), "caf\xC3\xA9", 5, 4);
	check_text(tally_str_from_bytes("\xF0\x9F\x98\x80!", 5, NULL), "\xF0\x9F\x98\x80!", 5, 2);
}

static void the_empty_string_can_be_made_in_every_way(void)
{
	check_text(tally_str_new("", 0), "", 0, 0);
	check_text(tally_str_new(NULL, 0), "", 0, 0);
	check_text(tally_str_from(""), "", 0, 0);
	check_text(tally_str_from_bytes(NULL, 0, NULL), "", 0, 0);
}

static void strings_of_every_length_to_ten_thousand_are_kept(void)
{
	static char bytes[10001];
	const size_t step = tap_scale(100) < 100 ? 37 : 1;
	for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)('a' + i % 26);
	for (size_t size = 0; size < sizeof bytes; size += step)
		check_text(tally_str_new(bytes, size), bytes, size, size);
}

static void a_string_of_megabytes_is_kept(void)
{
	const size_t size = 3000001;
	char *bytes = malloc(size);
	memset(bytes, 'x', size);
	memcpy(bytes + size - 2, "\xC3\xA9", 2);
	check_text(tally_str_new(bytes, size), bytes, size, size - 1);
	free(bytes);
}

static void the_offset_of_the_first_bad_byte_is_named(void)
{
	CHECK(!tally_str_new("ab\xFFz", 4));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_new: no UTF-8 at offset 2 (byte 0xFF)");
	CHECK(!tally_str_new("\xC3\xA9\xC3", 3));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_new: no UTF-8 at offset 2 (byte 0xC3)");
	CHECK(!tally_str_from("0123456789\x80"));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_from: no UTF-8 at offset 10 (byte 0x80)");
	CHECK(!tally_str_from("\xED\xA0\x80"));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_from: no UTF-8 at offset 0 (byte 0xED)");
}

static void impossible_arguments_are_refused(void)
{
	CHECK(!tally_str_new(NULL, 3));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_new: 3 bytes at NULL");
	CHECK(!tally_str_from(NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_from: the text is NULL");
	CHECK(!tally_str_from_bytes(NULL, 1, NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "str_from_bytes: 1 bytes at NULL");
	CHECK(!tally_str_new("x", SIZE_MAX));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "str_new: 18446744073709551615 bytes are more than a string can have");
	CHECK(!tally_str_from_bytes("x", SIZE_MAX / 2, NULL));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "str_from_bytes: 9223372036854775807 bytes are more than a string can have");
}

static void bytes_that_are_no_text_become_replacement_characters(void)
{
	size_t replaced = 99;
	check_text(tally_str_from_bytes("ab", 2, &replaced), "ab", 2, 2);
	CHECK_EQ(replaced, 0);
	check_text(tally_str_from_bytes("a\xFF\xFE" "b", 4, &replaced), "a" REPLACEMENT REPLACEMENT "b", 8, 4);
	CHECK_EQ(replaced, 2);
	check_text(tally_str_from_bytes("\xE2\x82", 2, &replaced), REPLACEMENT, 3, 1);
	CHECK_EQ(replaced, 1);
	check_text(tally_str_from_bytes("\xE2\x82", 2, NULL), REPLACEMENT, 3, 1);
	CHECK_NO_ERROR();
}

static void strings_are_equal_by_content(void)
{
	static const char *const words[] = {"", "a", "b", "aa", "ab", "caf\xC3\xA9", "cafe"};
	const size_t count = sizeof words / sizeof words[0];
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			tally_object *a = text(words[i]), *b = text(words[j]);
			uint64_t left = 0, right = 0;
			CHECK_EQ(tally_equal(a, b), i == j);
			CHECK_EQ(tally_hash(a, &left), 0);
			CHECK_EQ(tally_hash(b, &right), 0);
			CHECK_EQ(left == right, i == j);
			tally_decref(a);
			tally_decref(b);
		}
	}
}

static void a_string_that_holds_a_nul_is_compared_to_its_end(void)
{
	tally_object *a = must(tally_str_new("a\0b", 3)), *b = must(tally_str_new("a\0c", 3));
	CHECK_EQ(tally_equal(a, b), 0);
	tally_decref(a);
	tally_decref(b);
}

// By code points, which in UTF-8 are ordered as their bytes are.
static void strings_are_ordered_by_code_points(void)
{
	static const struct {
		const char *bytes;
		size_t size;
	} in_order[] = {{"", 0}, {"\0", 1}, {"A", 1}, {"a", 1}, {"a\0", 2}, {"aa", 2}, {"ab", 2}, {"b", 1}, {"\x7F", 1}, {"\xC2\x80", 2},
	                {"\xC3\xA9", 2}, {"\xE2\x82\xAC", 3}, {"\xEF\xBF\xBD", 3}, {"\xF0\x90\x80\x80", 4}, {"\xF4\x8F\xBF\xBF", 4}};
	enum { COUNT = sizeof in_order / sizeof in_order[0] };
	for (int i = 0; i < COUNT; i++) {
		for (int j = 0; j < COUNT; j++) {
			tally_object *a = must(tally_str_new(in_order[i].bytes, in_order[i].size));
			tally_object *b = must(tally_str_new(in_order[j].bytes, in_order[j].size));
			CHECK_EQ(tally_compare(a, b, TALLY_LT), i < j);
			CHECK_EQ(tally_compare(a, b, TALLY_LE), i <= j);
			CHECK_EQ(tally_compare(a, b, TALLY_EQ), i == j);
			CHECK_EQ(tally_compare(a, b, TALLY_NE), i != j);
			CHECK_EQ(tally_compare(a, b, TALLY_GT), i > j);
			CHECK_EQ(tally_compare(a, b, TALLY_GE), i >= j);
			tally_decref(a);
			tally_decref(b);
		}
	}
}

static uint64_t hash_under_seed(uint64_t seed)
{
	tally_config config = {.size = sizeof config, .hash_seed = seed};
	uint64_t hash = 0;
	fixture_stop();
	if (tally_init(&config) || tally_thread_attach(&fixture_token)) tap_bail_out(tally_error_message());
	tally_object *string = text("the same text");
	CHECK_EQ(tally_hash(string, &hash), 0);
	tally_decref(string);
	return hash;
}

static void the_hash_depends_on_the_seed_and_on_nothing_else(void)
{
	uint64_t one = hash_under_seed(1), two = hash_under_seed(2);
	CHECK(one != two);
	CHECK_EQ(hash_under_seed(1), one);
}

static void what_is_no_string_says_so(void)
{
	tally_object *number = integer(1);
	size_t size = 99;
	CHECK(!tally_str_utf8(number, &size));
	CHECK_ERROR(TALLY_ERROR_TYPE, "str_utf8: expected a str, got a 'int'");
	CHECK(!tally_str_utf8(NULL, &size));
	CHECK_ERROR(TALLY_ERROR_TYPE, "str_utf8: expected a str, got NULL");
	CHECK_EQ(tally_str_length(number, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "str_length: expected a str, got a 'int'");
	CHECK_EQ(size, 99);
	CHECK(!tally_is_str(number));
	tally_decref(number);
}

struct shared_string {
	tally_object *string;
	uint64_t hashes[4];
};

static void hash_it(void *context, unsigned number)
{
	struct shared_string *shared = context;
	CHECK_EQ(tally_hash(shared->string, &shared->hashes[number]), 0);
}

static void threads_that_hash_one_string_at_once_agree(void)
{
	for (unsigned round = 0; round < tap_scale(50u); round++) {
		struct shared_string shared = {.string = text("hashed by four")};
		run_threads(4, hash_it, &shared);
		for (int i = 1; i < 4; i++) CHECK_EQ(shared.hashes[i], shared.hashes[0]);
		tally_decref(shared.string);
	}
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_string_keeps_its_bytes_with_a_nul_after_them);
	TAP_RUN(the_empty_string_can_be_made_in_every_way);
	TAP_RUN(strings_of_every_length_to_ten_thousand_are_kept);
	TAP_RUN(a_string_of_megabytes_is_kept);
	TAP_RUN(the_offset_of_the_first_bad_byte_is_named);
	TAP_RUN(impossible_arguments_are_refused);
	TAP_RUN(bytes_that_are_no_text_become_replacement_characters);
	TAP_RUN(strings_are_equal_by_content);
	TAP_RUN(a_string_that_holds_a_nul_is_compared_to_its_end);
	TAP_RUN(strings_are_ordered_by_code_points);
	TAP_RUN(the_hash_depends_on_the_seed_and_on_nothing_else);
	TAP_RUN(what_is_no_string_says_so);
	TAP_RUN(threads_that_hash_one_string_at_once_agree);
	return tap_end();
}
