// core/decimal.c: doubles as decimal text and back (core/decimal.h).
//
// The C library rounds right in both directions, so the shortest text is found by asking it: 15 digits always survive the way
// through a double, so when the 15 digits of a number give it back, they are its shortest text but for zeros at the end;
// else 16 may do, else 17 do. Near zero, where doubles have fewer digits, every length is tried. At a power of two the doubles
// below lie closer together than those above, and it may be the text just above the nearest one that reads back.
//
// The C library writes and reads the decimal point of the locale. Reading is done in the "C" locale; of what it writes only the
// digits and the exponent are taken.
#include "decimal.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SURE = 15, MOST = 17, FIXED_FROM = -4, FIXED_BELOW = 16 };

// The number 0.DIGITS * 10^point, or with one digit in front: D.IGITS * 10^(point - 1).
struct decimal {
	char digits[MOST + 1];
	int count;
	int point;
};

bool tally_decimal_read(const char *text, double *value)
{
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!plain) return false;
	*value = strtod_l(text, NULL, plain);
	freelocale(plain);
	return true;
}

// ---- digits ----

// The nearest number of `count` digits to `value`, which is finite and above 0.
static void round_to(struct decimal *decimal, double value, int count)
{
	char text[64];
	const char *at = text;
	snprintf(text, sizeof text, "%.*e", count - 1, value);
	for (decimal->count = 0; *at != 'e'; at++) // whatever the decimal point is
		if (*at >= '0' && *at <= '9' && decimal->count < MOST) decimal->digits[decimal->count++] = *at;
	decimal->point = atoi(at + 1) + 1;
}

// One more in the last place. False: it has nines only (and the next number fewer digits).
static bool count_up(struct decimal *decimal)
{
	int i = decimal->count - 1;
	while (i >= 0 && decimal->digits[i] == '9') decimal->digits[i--] = '0';
	if (i >= 0) decimal->digits[i]++;
	return i >= 0;
}

static bool reads_as(const struct decimal *decimal, double value)
{
	char text[64];
	double found;
	snprintf(text, sizeof text, "%.*se%d", decimal->count, decimal->digits, decimal->point - decimal->count);
	return tally_decimal_read(text, &found) && found == value;
}

static bool fits(struct decimal *decimal, double value, int count)
{
	round_to(decimal, value, count);
	if (reads_as(decimal, value)) return true;
	return count_up(decimal) && reads_as(decimal, value);
}

static void shorten(struct decimal *decimal)
{
	while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0') decimal->count--;
}

static void find_shortest(struct decimal *decimal, double value)
{
	int count = value < DBL_MIN ? 1 : SURE;
	while (count < MOST && !fits(decimal, value, count)) count++;
	if (count == MOST) round_to(decimal, value, MOST);
	shorten(decimal);
}

// ---- text ----

static char *put(char *text, const char *bytes, int size)
{
	memcpy(text, bytes, (size_t)size);
	return text + size;
}

static char *put_zeros(char *text, int count)
{
	if (count <= 0) return text;
	memset(text, '0', (size_t)count);
	return text + count;
}

// With the decimal point where it belongs, and a digit at least on both sides of it.
static char *put_fixed(char *text, const struct decimal *decimal)
{
	int before = decimal->point < 0 ? 0 : decimal->point > decimal->count ? decimal->count : decimal->point;
	text = before ? put(text, decimal->digits, before) : put(text, "0", 1);
	text = put_zeros(text, decimal->point - decimal->count);
	text = put(text, ".", 1);
	if (before == decimal->count) return put(text, "0", 1);
	text = put_zeros(text, -decimal->point);
	return put(text, decimal->digits + before, decimal->count - before);
}

static char *put_with_exponent(char *text, const struct decimal *decimal)
{
	int exponent = decimal->point - 1;
	text = put(text, decimal->digits, 1);
	if (decimal->count > 1) text = put(put(text, ".", 1), decimal->digits + 1, decimal->count - 1);
	return text + sprintf(text, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static char *put_number(char *text, double value)
{
	struct decimal decimal = {.digits = "0", .count = 1, .point = 1};
	if (value > 0) find_shortest(&decimal, value);
	bool is_fixed = decimal.point - 1 >= FIXED_FROM && decimal.point - 1 < FIXED_BELOW;
	return is_fixed ? put_fixed(text, &decimal) : put_with_exponent(text, &decimal);
}

size_t tally_decimal_write(char *text, double value)
{
	char *at = text;
	if (isnan(value)) {
		at = put(at, "nan", 3);
	} else {
		if (signbit(value)) at = put(at, "-", 1);
		at = isinf(value) ? put(at, "inf", 3) : put_number(at, fabs(value));
	}
	*at = 0;
	return (size_t)(at - text);
}
