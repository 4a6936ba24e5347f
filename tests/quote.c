// tests/quote.c: strings between quotes, as tally_repr shows them; what Python 3.11 gives stands in the table. (Bytes: tests/bytes.c.)
#include "results.h"

static const struct {
	const char *text;
	size_t size;
	const char *shown;
} rows[] = {
	{BYTES(""), "''"},
	{BYTES("plain"), "'plain'"},
	{BYTES("it's"), "\"it's\""},
	{BYTES("say \"hi\""), "'say \"hi\"'"},
	{BYTES("both ' and \""), "'both \\' and \"'"},
	{BYTES("\x09\x0A\x0D\\"), "'\\t\\n\\r\\\\'"},
	{BYTES("\x00\x01\x1F\x7F"), "'\\x00\\x01\\x1f\\x7f'"},
	{BYTES("caf\xC3\xA9"), "'caf\xC3\xA9'"},
	{BYTES("\xC2\x80\xC2\x9F\xC2\xA0\xC2\xA1\xC2\xAD\xC3\xBF"), "'\\x80\\x9f\\xa0\xC2\xA1\\xad\xC3\xBF'"},
	{BYTES("\xCC\x80"), "'\xCC\x80'"},
	{BYTES("\xE2\x80\x8B\xE2\x80\x8F\xE2\x80\x90\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAF\xE2\x80\xB0"), "'\\u200b\\u200f\xE2\x80\x90\\u2028\\u2029\\u202f\xE2\x80\xB0'"},
	{BYTES("\xE1\x9A\x80\xE3\x80\x80\xE3\x80\x81"), "'\\u1680\\u3000\xE3\x80\x81'"},
	{BYTES("\xEE\x80\x80\xEF\xA3\xBF\xEF\xA4\x80"), "'\\ue000\\uf8ff\xEF\xA4\x80'"},
	{BYTES("\xEF\xBB\xBF\xEF\xBF\xBD\xEF\xBF\xBE\xEF\xBF\xBF"), "'\\ufeff\xEF\xBF\xBD\\ufffe\\uffff'"},
	{BYTES("\xEF\xB7\x90\xEF\xB7\xAF\xEF\xB7\xB0"), "'\\ufdd0\\ufdef\xEF\xB7\xB0'"},
	{BYTES("\xF0\x9F\x98\x80\xF0\x9F\xBF\xBF"), "'\xF0\x9F\x98\x80\\U0001ffff'"},
	{BYTES("\xF3\xA0\x80\x81\xF3\xA0\x81\xBF\xF3\xA0\x84\x80"), "'\\U000e0001\\U000e007f\xF3\xA0\x84\x80'"},
	{BYTES("\xF3\xB0\x80\x80\xF4\x8F\xBF\xBF"), "'\\U000f0000\\U0010ffff'"},
	{BYTES("\xD8\x80\xD8\x85\xD8\x86\xD8\x9C\xDB\x9D\xDC\x8F\xE0\xA3\xA2"), "'\\u0600\\u0605\xD8\x86\\u061c\\u06dd\\u070f\\u08e2'"},
	{BYTES("\xF0\x91\x82\xBD\xF0\x9D\x85\xB3\xF0\x9D\x85\xBA\xF0\x9D\x85\xBB"), "'\\U000110bd\\U0001d173\\U0001d17a\xF0\x9D\x85\xBB'"},
	{BYTES("a'b\xE2\x82\xAC" "c\x0A" "d"), "\"a'b\xE2\x82\xAC" "c\\nd\""},
};

static void strings_are_quoted_as_python_quotes_them(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_shown(text_of(rows[i].text, rows[i].size), rows[i].shown, (int)i);
}

static void every_ascii_character_is_itself_or_has_an_escape(void)
{
	for (int byte = 0; byte < 0x80; byte++) {
		char character = (char)byte, expected[16];
		if (byte == '\t' || byte == '\n' || byte == '\r') snprintf(expected, sizeof expected, "'\\%c'", byte == '\t' ? 't' : byte == '\n' ? 'n' : 'r');
		else if (byte == '\\') strcpy(expected, "'\\\\'");
		else if (byte == '\'') strcpy(expected, "\"'\"");
		else if (byte < ' ' || byte == 0x7F) snprintf(expected, sizeof expected, "'\\x%02x'", (unsigned)byte);
		else snprintf(expected, sizeof expected, "'%c'", byte);
		check_shown(text_of(&character, 1), expected, byte);
	}
}

static void a_long_text_of_escapes_is_quoted_whole(void)
{
	tally_object *unit = text("x\n\xE2\x80\xA8"), *string = tally_str_repeat(unit, 1000), *shown = tally_repr(string);
	tally_object *escaped = text("x\\n\\u2028"), *whole = tally_str_repeat(escaped, 1000), *quote = text("'");
	tally_object *left = tally_str_concat(quote, whole), *expected = tally_str_concat(left, quote);
	CHECK_EQ(tally_equal(shown, expected), 1);
	tally_object *all[] = {unit, string, shown, escaped, whole, quote, left, expected};
	for (int i = 0; i < 8; i++) tally_decref(all[i]);
}

static tally_object *show(void *object) { return tally_repr(object); }

static void what_is_shown_without_memory_leaves_nothing_behind(void)
{
	tally_object *unit = text("it's \n"), *string = tally_str_repeat(unit, 200);
	CHECK(check_each_failure(show, unit) >= 2);
	CHECK(check_each_failure(show, string) >= 4);
	tally_decref(unit);
	tally_decref(string);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(strings_are_quoted_as_python_quotes_them);
	TAP_RUN(every_ascii_character_is_itself_or_has_an_escape);
	TAP_RUN(a_long_text_of_escapes_is_quoted_whole);
	if (has_faults()) TAP_RUN(what_is_shown_without_memory_leaves_nothing_behind);
	else tap_skip("what_is_shown_without_memory_leaves_nothing_behind", "this build has no faults on demand (assertions are off)");
	return tap_end();
}
