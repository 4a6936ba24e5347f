// tests/str_number.c: numbers from text and text from anything, in whatever locale.
#include "results.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static tally_object *to_int(const char *utf8, int base)
{
	tally_object *string = text(utf8), *number = tally_str_to_int(string, base);
	tally_decref(string);
	return number;
}

static tally_object *to_float(const char *utf8)
{
	tally_object *string = text(utf8), *number = tally_str_to_float(string);
	tally_decref(string);
	return number;
}

static double float_of(const char *utf8)
{
	tally_object *number = to_float(utf8);
	double value = 42;
	if (!CHECK(number) || tally_float_value(number, &value)) tap_note("'%s': %s", utf8, tally_error_message());
	tally_decref(number);
	return value;
}

// ---- ints ----

static void an_int_is_read_in_every_base(void)
{
	static const struct {
		const char *text;
		int base;
		int64_t value;
	} cases[] = {
		{"0", 10, 0}, {"7", 10, 7}, {"-7", 10, -7}, {"+7", 10, 7}, {"007", 10, 7}, {"-0", 10, 0},
		{" \t\n\v\f\r42\r\n ", 10, 42}, {"1_000_000", 10, 1000000}, {"ff", 16, 255}, {"FF", 16, 255}, {"0xff", 16, 255},
		{"-0XfF", 16, -255}, {"0x_f", 16, 15}, {"0b1", 16, 0xB1}, {"0b101", 2, 5}, {"101", 2, 5}, {"0o17", 8, 15}, {"17", 8, 15},
		{"z", 36, 35}, {"Zz", 36, 35 * 36 + 35}, {"0x1F", 0, 31}, {"0o17", 0, 15}, {"0B11", 0, 3}, {"-0x10", 0, -16},
		{"12", 0, 12}, {"0", 0, 0}, {"00", 0, 0}, {"0_0", 0, 0}, {"0x_1", 0, 1},
		{"9223372036854775807", 10, INT64_MAX}, {"-9223372036854775808", 10, INT64_MIN},
		{"0x7fffffffffffffff", 0, INT64_MAX}, {"-0x8000000000000000", 16, INT64_MIN},
		{"000000000000000000000000000000001", 10, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tally_object *number = to_int(cases[i].text, cases[i].base);
		if (!CHECK(number) || !CHECK_EQ(take_value(number), cases[i].value)) tap_note("'%s' in base %d: %s", cases[i].text, cases[i].base, tally_error_message());
	}
}

static void text_that_is_no_int_is_refused(void)
{
	static const struct {
		const char *text;
		int base;
	} cases[] = {
		{"", 10}, {" ", 10}, {"-", 10}, {"+-1", 10}, {"--1", 10}, {"- 1", 10}, {"1 2", 10}, {"1a", 10}, {"a", 10}, {"1.0", 10},
		{"_1", 10}, {"1_", 10}, {"1__2", 10}, {"0x10", 10}, {"0x", 16}, {"0x", 0}, {"0x_", 16}, {"0x__1", 16}, {"0b2", 2},
		{"2", 2}, {"8", 8}, {"g", 16}, {"010", 0}, {"-01", 0}, {"0_1", 0}, {"0x10", 8}, {"0b1", 8}, {"1e5", 10}, {"inf", 10},
		{"\xC2\xA0" "1", 10}, {"\xD9\xA1", 10}, {"1-", 10},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tally_object *number = to_int(cases[i].text, cases[i].base);
		if (!CHECK(!number)) tap_note("'%s' in base %d", cases[i].text, cases[i].base);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
		tally_error_clear();
		tally_decref(number);
	}
}

static void the_malformed_text_is_quoted_in_part(void)
{
	CHECK_NULL(to_int("abc", 10), TALLY_ERROR_VALUE, "str_to_int: expected the text of an int, got 'abc'");
	CHECK_NULL(to_int("", 10), TALLY_ERROR_VALUE, "str_to_int: expected the text of an int, got ''");
	CHECK_NULL(to_float("1.2.3"), TALLY_ERROR_VALUE, "str_to_float: expected the text of a float, got '1.2.3'");
	// sixty bytes at most, and none of a character that does not fit
	CHECK_NULL(to_int("12345678901234567890123456789012345678901234567890123456789\xE2\x82\xAC", 10), TALLY_ERROR_VALUE,
	           "str_to_int: expected the text of an int, got '12345678901234567890123456789012345678901234567890123456789...'");
	tally_object *nul = text_of(BYTES("1\0002"));
	CHECK_NULL(tally_str_to_int(nul, 10), TALLY_ERROR_VALUE, "str_to_int: expected the text of an int, got '1'");
	CHECK_NULL(tally_str_to_float(nul), TALLY_ERROR_VALUE, "str_to_float: expected the text of a float, got '1'");
	tally_decref(nul);
}

static void an_int_beyond_64_bits_and_an_impossible_base_are_refused(void)
{
	static const char *const large[] = {"9223372036854775808", "-9223372036854775809", "18446744073709551616", "0x8000000000000000",
	                                    "99999999999999999999999999999999999999999"};
	for (int i = 0; i < 5; i++)
		CHECK_NULL(to_int(large[i], 0), TALLY_ERROR_OVERFLOW, "str_to_int: the number does not fit in 64 bits");
	CHECK_NULL(to_int("099999999999999999999", 0), TALLY_ERROR_VALUE,
	           "str_to_int: expected the text of an int, got '099999999999999999999'");
	CHECK_NULL(to_int("018446744073709551616", 0), TALLY_ERROR_VALUE,
	           "str_to_int: expected the text of an int, got '018446744073709551616'"); // 2^64, which wraps to 0
	CHECK_NULL(to_int("1", 1), TALLY_ERROR_VALUE, "str_to_int: base 1, expected 0 or 2 to 36");
	CHECK_NULL(to_int("1", 37), TALLY_ERROR_VALUE, "str_to_int: base 37, expected 0 or 2 to 36");
	CHECK_NULL(to_int("1", -1), TALLY_ERROR_VALUE, "str_to_int: base -1, expected 0 or 2 to 36");
}

// ---- floats ----

static void a_float_is_the_nearest_double(void)
{
	CHECK(float_of("1") == 1);
	CHECK(float_of("1.5") == 1.5);
	CHECK(float_of("1.") == 1);
	CHECK(float_of(".5") == 0.5);
	CHECK(float_of("-1.25e2") == -125);
	CHECK(float_of("+1E-2") == 0.01);
	CHECK(float_of("1e+2") == 100);
	CHECK(float_of(" \n0.1\t") == 0.1);
	CHECK(float_of("1_000.000_1") == 1000.0001);
	CHECK(float_of("1_0e1_0") == 10e10);
	CHECK(float_of("9007199254740993") == 0x1p53);
	CHECK(float_of("9007199254740993.0000000000000000000000000000001") == 0x1p53 + 2);
	CHECK(float_of("1.7976931348623157e308") == DBL_MAX);
	CHECK(float_of("5e-324") == 0x1p-1074);
	CHECK(float_of("2e-324") == 0);
	CHECK(float_of("1e400") == INFINITY);
	CHECK(float_of("-1e400") == -INFINITY);
	CHECK(signbit(float_of("-0")) && float_of("-0") == 0);
}

static void infinities_and_nans_are_read_in_any_case(void)
{
	CHECK(float_of("inf") == INFINITY);
	CHECK(float_of("Infinity") == INFINITY);
	CHECK(float_of("-INF") == -INFINITY);
	CHECK(float_of("+iNfInItY") == INFINITY);
	CHECK(isnan(float_of("nan")));
	CHECK(isnan(float_of("-NaN")));
}

static void text_that_is_no_float_is_refused(void)
{
	static const char *const cases[] = {"", " ", ".", "-", "e5", "1e", "1e+", "1e5.0", "1..2", "1 2", "0x10", "0x1p3", "1_", "_1",
	                                    "1__0", "1_.5", "1._5", "1e_5", "1e5_", "infin", "infinityx", "nan(1)", "nano", "1,5", "1f",
	                                    "- 1", "--1", "\xE2\x88\x9E"};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tally_object *number = to_float(cases[i]);
		if (!CHECK(!number)) tap_note("'%s'", cases[i]);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
		tally_error_clear();
		tally_decref(number);
	}
}

// A locale that has a comma for the decimal point, if this machine has one.
static const char *comma_locale(void)
{
	static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8", "de_DE", "fr_FR", "nl_NL.UTF-8",
	                                    "it_IT.UTF-8", "es_ES.UTF-8", "pt_BR.UTF-8", "ru_RU.UTF-8"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (setlocale(LC_ALL, names[i]) && strcmp(localeconv()->decimal_point, ",") == 0) return names[i];
	return NULL;
}

static void the_locale_changes_nothing(void)
{
	const char *name = comma_locale();
	tap_note("%s", name ? name : "no locale with a decimal comma here: only the one of the environment is tried");
	if (!name) setlocale(LC_ALL, "");
	CHECK(float_of("1.5") == 1.5);
	CHECK(float_of("1_0.25") == 10.25);
	CHECK(!to_float("1,5"));
	tally_error_clear();
	CHECK_SHOWN(must(tally_float_new(0.1)), "0.1");
	CHECK_SHOWN(must(tally_float_new(1.5e300)), "1.5e+300");
	CHECK_SHOWN(must(tally_float_new(5e-324)), "5e-324");
	setlocale(LC_ALL, "C");
}

// ---- anything as text ----

static void a_string_as_text_is_itself_and_all_else_as_it_is_shown(void)
{
	tally_object *string = text("it's"), *same = tally_str_of(string), *list = must(tally_list_from(&string, 1));
	tally_object *real = must(tally_float_new(0.1)), *number = counted(0), *least = integer(INT64_MIN);
	CHECK_PTR(same, string);
	CHECK_TEXT(tally_str_of(list), "[\"it's\"]");
	CHECK_TEXT(tally_str_of(real), "0.1");
	CHECK_TEXT(tally_str_of(number), "1000000");
	CHECK_TEXT(tally_str_of(least), "-9223372036854775808");
	CHECK_TEXT(tally_str_of(tally_none()), "None");
	CHECK_TEXT(tally_str_of(tally_bool(true)), "True");
	CHECK_TEXT(tally_str_of(tally_bool(false)), "False");
	CHECK_NULL(tally_str_of(NULL), TALLY_ERROR_TYPE, "str_of: expected an object, got NULL");
	tally_object *all[] = {string, same, list, real, number, least};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
}

static void numbers_survive_the_way_through_text(void)
{
	uint64_t state = fixture_seed(0);
	for (int i = tap_scale(20000); i > 0; i--) {
		uint64_t bits = fixture_random(&state);
		double value;
		memcpy(&value, &bits, sizeof value);
		tally_object *numbers[] = {must(tally_float_new(value)), integer((int64_t)bits)};
		tally_object *texts[] = {tally_str_of(numbers[0]), tally_str_of(numbers[1])};
		tally_object *back[] = {tally_str_to_float(texts[0]), tally_str_to_int(texts[1], 10)};
		CHECK_EQ(tally_equal(numbers[0], back[0]), !isnan(value));
		CHECK_EQ(tally_equal(numbers[1], back[1]), 1);
		for (int each = 0; each < 2; each++) tally_decref(numbers[each]), tally_decref(texts[each]), tally_decref(back[each]);
	}
}

// ---- errors ----

static void what_is_no_string_says_so(void)
{
	tally_object *number = counted(1);
	CHECK_NULL(tally_str_to_int(number, 10), TALLY_ERROR_TYPE, "str_to_int: expected a str, got a 'int'");
	CHECK_NULL(tally_str_to_int(NULL, 10), TALLY_ERROR_TYPE, "str_to_int: expected a str, got NULL");
	CHECK_NULL(tally_str_to_float(number), TALLY_ERROR_TYPE, "str_to_float: expected a str, got a 'int'");
	tally_decref(number);
}

static tally_object *read_int(void *string) { return tally_str_to_int(string, 0); }
static tally_object *read_float(void *string) { return tally_str_to_float(string); }
static tally_object *show_it(void *object) { return tally_str_of(object); }

static void an_operation_without_memory_leaves_nothing_behind(void)
{
	tally_object *string = text("1_000_000"), *list = must(tally_list_from(&string, 1));
	CHECK_EQ(check_each_failure(read_int, string), 1);
	CHECK_EQ(check_each_failure(read_float, string), 2);
	CHECK(check_each_failure(show_it, list) >= 1);
	tally_decref(string);
	tally_decref(list);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_int_is_read_in_every_base);
	TAP_RUN(text_that_is_no_int_is_refused);
	TAP_RUN(the_malformed_text_is_quoted_in_part);
	TAP_RUN(an_int_beyond_64_bits_and_an_impossible_base_are_refused);
	TAP_RUN(a_float_is_the_nearest_double);
	TAP_RUN(infinities_and_nans_are_read_in_any_case);
	TAP_RUN(text_that_is_no_float_is_refused);
	TAP_RUN(the_locale_changes_nothing);
	TAP_RUN(a_string_as_text_is_itself_and_all_else_as_it_is_shown);
	TAP_RUN(numbers_survive_the_way_through_text);
	TAP_RUN(what_is_no_string_says_so);
	if (has_faults()) TAP_RUN(an_operation_without_memory_leaves_nothing_behind);
	else tap_skip("an_operation_without_memory_leaves_nothing_behind", "this build has no faults on demand (assertions are off)");
	return tap_end();
}
