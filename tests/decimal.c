// tests/decimal.c: doubles as decimal text and back; what Python 3.11 shows stands in the table.
#include "decimal.h"
#include "tap.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_written(double value, const char *expected)
{
	char text[TALLY_DECIMAL_SIZE];
	size_t size = tally_decimal_write(text, value);
	if (!CHECK_STR(text, expected) || !CHECK_EQ(size, strlen(expected))) tap_note("%a", value);
}

static void doubles_are_written_as_python_shows_them(void)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
		{0, "0.0"}, {-0.0, "-0.0"}, {1, "1.0"}, {-1.5, "-1.5"}, {0.1, "0.1"}, {0.1 + 0.2, "0.30000000000000004"}, {100, "100.0"},
		{123456789, "123456789.0"}, {1e15, "1000000000000000.0"}, {9999999999999998, "9999999999999998.0"}, {1e16, "1e+16"},
		{1.5e16, "1.5e+16"}, {12345678901234567890.0, "1.2345678901234567e+19"}, {0.0001, "0.0001"}, {0.00012345, "0.00012345"},
		{0.00001, "1e-05"}, {1.5e-5, "1.5e-05"}, {1e-10, "1e-10"}, {1e100, "1e+100"}, {1e-100, "1e-100"},
		{DBL_MAX, "1.7976931348623157e+308"}, {DBL_MIN, "2.2250738585072014e-308"}, {0x1p-1074, "5e-324"}, {0x3p-1074, "1.5e-323"},
		{0x0.fffffffffffffp-1022, "2.225073858507201e-308"}, {1.0 / 3, "0.3333333333333333"}, {2.0 / 3, "0.6666666666666666"},
		{0x1p53, "9007199254740992.0"}, {0x1p54, "1.8014398509481984e+16"}, {5e22, "5e+22"}, {1e23, "1e+23"},
		{0x1p-44, "5.684341886080802e-14"}, {0x1p-1017, "7.120236347223045e-307"}, {0x1p-705, "5.940911144672375e-213"},
		{123456.789, "123456.789"}, {1.25, "1.25"}, {1e22, "1e+22"}, {0.5, "0.5"}, {4.35, "4.35"}, {INFINITY, "inf"},
		{-INFINITY, "-inf"}, {NAN, "nan"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) check_written(rows[i].value, rows[i].text);
}

// How many digits the text has, but for zeros in front and at the end.
static int digits_of(const char *text)
{
	int count = 0, zeros = 0;
	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9') continue;
		zeros = *text == '0' ? zeros + 1 : 0;
		if (count || *text != '0') count++;
	}
	return count ? count - zeros : 0;
}

// By trying all shorter lengths, the nearest text of each and the one just above.
static bool is_there_a_shorter_one(double value, int digits)
{
	char text[64];
	for (int shorter = 1; shorter < digits; shorter++) {
		snprintf(text, sizeof text, "%.*e", shorter - 1, value);
		if (strtod(text, NULL) == value) return true;
	}
	return false;
}

static void check_shortest(double value)
{
	char text[TALLY_DECIMAL_SIZE];
	double back = 42;
	tally_decimal_write(text, value);
	bool good = CHECK(tally_decimal_read(text, &back)) && CHECK(back == value) && CHECK(digits_of(text) <= 17) &&
	            CHECK(!is_there_a_shorter_one(fabs(value), digits_of(text)));
	if (!good) tap_note("%a: %s", value, text);
}

static void i1_and_i2_every_text_reads_back_and_no_shorter_one_would(void)
{
	uint64_t state = tap_seed() | 1;
	for (int i = tap_scale(20000); i > 0; i--) {
		double value;
		state ^= state << 13, state ^= state >> 7, state ^= state << 17;
		memcpy(&value, &state, sizeof value);
		if (isfinite(value)) check_shortest(value);
		check_shortest((double)(int64_t)state / 1000);
		check_shortest((double)(state >> 40) / 64);
	}
	for (int power = -1074; power < 1024; power++) check_shortest(ldexp(1, power));
}

// Sixteen digits would do for these powers of two, but not the nearest sixteen: Python shows them with sixteen.
static void near_a_power_of_two_the_text_above_may_be_shorter(void)
{
	check_written(0x1p-1007, "7.291122019556398e-304");
	check_written(0x1p-957, "8.209073602596753e-289");
	check_written(0x1p-921, "5.641232424577593e-278");
	check_written(0x1p-695, "6.083493012144512e-210");
}

static void what_stands_behind_a_number_is_not_read(void)
{
	double value = 42;
	CHECK(tally_decimal_read("1.5 x", &value) && value == 1.5);
	CHECK(tally_decimal_read("-2e3\n", &value) && value == -2000);
	CHECK(tally_decimal_read("1e999", &value) && value == INFINITY);
}

int main(void)
{
	tap_begin();
	TAP_RUN(doubles_are_written_as_python_shows_them);
	TAP_RUN(i1_and_i2_every_text_reads_back_and_no_shorter_one_would);
	TAP_RUN(near_a_power_of_two_the_text_above_may_be_shorter);
	TAP_RUN(what_stands_behind_a_number_is_not_read);
	return tap_end();
}
