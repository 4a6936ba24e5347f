// tests/text.c: the growing text: what is added is there, failures leave it as it was, it becomes a str.
#include "results.h"
#include "heap.h"
#include "str.h"
#include "text.h"

static bool is_sound(const struct tally_text *text)
{
	return text->size <= text->capacity && !text->bytes == (text->capacity == 0) &&
	       (!text->bytes || text->capacity <= tally_page_of(text->bytes)->block_size);
}

static void pieces_of_every_size_are_put_together(void)
{
	char expected[40000], piece[300];
	size_t size = 0;
	struct tally_text text = tally_text_begin("test");
	CHECK(is_sound(&text));
	for (size_t length = 0; length < 250; length++) {
		memset(piece, 'a' + (int)(length % 26), length);
		memcpy(expected + size, piece, length);
		size += length;
		CHECK_EQ(tally_text_add(&text, piece, length), 0);
		CHECK(is_sound(&text));
	}
	CHECK_EQ(text.size, size);
	check_text(tally_text_to_str(&text), expected, size, __LINE__);
	CHECK(!text.bytes);
}

static void strings_and_formatted_pieces_can_be_added(void)
{
	struct tally_text text = tally_text_begin("test");
	char longest[256];
	memset(longest, '7', 255);
	longest[255] = 0;
	CHECK_EQ(tally_text_add_string(&text, "a"), 0);
	CHECK_EQ(tally_text_add_string(&text, ""), 0);
	CHECK_EQ(tally_text_format(&text, "%d-%s", -5, "\xE2\x82\xAC"), 0);
	CHECK_EQ(tally_text_add(&text, "\0", 1), 0);
	CHECK_EQ(text.size, 8);
	CHECK_EQ(tally_text_format(&text, "%s", longest), 0);
	CHECK_EQ(text.size, 263);
	tally_object *made = tally_text_to_str(&text);
	tally_object *start = tally_str_slice(made, 0, 6, 1);
	CHECK_TEXT(start, "a-5-\xE2\x82\xAC\0");
	tally_decref(made);
}

static void a_text_without_anything_becomes_the_empty_string(void)
{
	struct tally_text text = tally_text_begin("test"), other = tally_text_begin("test");
	CHECK_TEXT(tally_text_to_str(&text), "");
	CHECK_EQ(tally_text_add(&other, "", 0), 0);
	CHECK(!other.bytes);
	tally_text_end(&other);
}

static void a_text_can_be_ended_at_any_time(void)
{
	struct tally_text text = tally_text_begin("test");
	tally_text_end(&text);
	CHECK_EQ(tally_text_add(&text, "abc", 3), 0);
	tally_text_end(&text);
	CHECK(!text.bytes && !text.size && !text.capacity);
}

static void more_than_a_string_can_hold_is_refused(void)
{
	struct tally_text text = tally_text_begin("test");
	CHECK_EQ(tally_text_add(&text, "abc", 3), 0);
	CHECK_MINUS(tally_text_add(&text, "abc", SIZE_MAX), TALLY_ERROR_OVERFLOW, "test: the text is larger than a string can be");
	CHECK_MINUS(tally_text_add(&text, "abc", TALLY_STR_LIMIT - 2), TALLY_ERROR_OVERFLOW,
	            "test: the text is larger than a string can be");
	CHECK_TEXT(tally_text_to_str(&text), "abc");
}

static void a_piece_for_which_there_is_no_memory_changes_nothing(void)
{
	struct tally_text text = tally_text_begin("test");
	if (tally_heap_fail(0, false)) { // this build has no faults on demand
		tally_error_clear();
		return;
	}
	for (size_t added = 0; added < 1000; added++) {
		struct tally_text before = text;
		CHECK_EQ(tally_heap_fail(1, true), 0);
		int status = tally_text_add(&text, "x", 1);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK_EQ(status, before.size == before.capacity ? -1 : 0);
		if (!status) continue;
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		CHECK(memcmp(&before, &text, sizeof text) == 0);
		CHECK_EQ(tally_text_add(&text, "x", 1), 0);
	}
	CHECK_EQ(text.size, 1000);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK(!tally_text_to_str(&text));
	CHECK_EQ(tally_heap_fail(0, false), 0);
	tally_error_clear();
	CHECK(!text.bytes); // ended all the same
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(pieces_of_every_size_are_put_together);
	TAP_RUN(strings_and_formatted_pieces_can_be_added);
	TAP_RUN(a_text_without_anything_becomes_the_empty_string);
	TAP_RUN(a_text_can_be_ended_at_any_time);
	TAP_RUN(more_than_a_string_can_hold_is_refused);
	TAP_RUN(a_piece_for_which_there_is_no_memory_changes_nothing);
	return tap_end();
}
