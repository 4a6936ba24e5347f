// stress/differential_chance.c: random numbers, indexes and texts, of the kinds at which operations go wrong.
//
// All from one sequence, which the seed begins.
#include "differential_chance.h"

#include <math.h>
#include <string.h>

// ---- chance ----

static uint64_t random_state;

void chance_start(uint64_t seed) { random_state = seed; }

uint64_t draw_number(void)
{
	uint64_t mixed = random_state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ (mixed >> 31);
}

size_t draw_below(size_t limit) { return (size_t)(draw_number() >> 11) % limit; }
bool one_in(size_t n) { return draw_below(n) == 0; }

// ---- the alphabet ----

// Quotes, white space, controls, letters that are not printed, marks, the first and last of each length: all of them
// assigned.
static const char *const characters[] = {
	"a", "a", "b", "b", "c", "A", " ", "'", "\"", "\\", "\n", "\t", "\x01", "\x7f", "\xc2\x80", "\xc2\xa0",
	"\xc2\xad", "\xc3\xa9", "\xc3\x9f", "\xcc\x81", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x80\x8b", "\xe2\x82\xac",
	"\xe3\x80\x80", "\xed\x9f\xbb", "\xee\x80\x80", "\xef\xbb\xbf", "\xef\xbf\xbd", "\xf0\x90\x80\x80",
	"\xf0\x9f\x98\x80", "\xf3\xa0\x84\x80", "\xf4\x8f\xbf\xbf", "0", "1", "9"};

static const size_t character_count = sizeof characters / sizeof *characters;

static bool starts_known(const char *at)
{
	for (size_t i = 0; i < character_count; i++) {
		if (strncmp(at, characters[i], strlen(characters[i])) == 0) return true;
	}
	return false;
}

bool is_known_text(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		if (byte >= 0xc0 && !starts_known(bytes + i)) return false;
	}
	return true;
}

// ---- numbers ----

static int64_t draw_extreme(void)
{
	static const int64_t extremes[] = {INT64_MAX, INT64_MIN + 1, INT64_MAX - 1, INT64_C(1) << 32,
	                                   -(INT64_C(1) << 32)};
	return extremes[draw_below(sizeof extremes / sizeof *extremes)];
}

int64_t draw_index(size_t size)
{
	if (one_in(60)) return one_in(5) ? INT64_MIN : draw_extreme();
	return (int64_t)draw_below(2 * size + 5) - (int64_t)size - 2;
}

int64_t draw_bound(size_t size)
{
	if (one_in(3)) return LEFT_OUT;
	return one_in(40) ? draw_extreme() : (int64_t)draw_below(2 * size + 7) - (int64_t)size - 3;
}

int64_t draw_stride(void)
{
	static const int64_t strides[] = {1, 1, 1, 1, 2, 2, 3, -1, -1, -2, -3, 7, -7, 0, INT64_MAX, INT64_MIN};
	return strides[draw_below(sizeof strides / sizeof *strides)];
}

int64_t draw_count(void) { return one_in(60) ? INT64_C(1) << 62 : (int64_t)draw_below(5); }

int64_t draw_int(void)
{
	switch (draw_below(10)) {
	case 0: return (int64_t)draw_below(2001) - 1000;
	case 1: return one_in(2) ? INT64_MIN + (int64_t)draw_below(3) : INT64_MAX - (int64_t)draw_below(3);
	case 2: return (INT64_C(1) << (40 + draw_below(23))) + (int64_t)draw_below(5) - 2;
	case 3: return (int64_t)draw_number();
	default: return (int64_t)draw_below(24) - 4;
	}
}

static double draw_any_float(void)
{
	uint64_t bits = draw_number();
	double value;
	memcpy(&value, &bits, sizeof value);
	return isnan(value) ? (double)NAN : value;
}

double draw_float(void)
{
	static const double corners[] = {
		0.0, -0.0, 1e16, 1e15, 1e-4, 1e-5, 0.1, 5e-324, 1.7976931348623157e308, 1e22, 9007199254740993.0};
	switch (draw_below(10)) {
	case 0: return one_in(3) ? (double)NAN : one_in(2) ? (double)INFINITY : -(double)INFINITY;
	case 1: return corners[draw_below(sizeof corners / sizeof *corners)];
	case 2: return draw_any_float();
	case 3: return (double)draw_int();
	case 4: return ((double)draw_below(2001) - 1000) / 8;
	case 6: return ldexp(1, (int)draw_below(2098) - 1074);
	case 5: return (double)(int64_t)draw_number() / 1e5;
	default: return (double)draw_below(24) - 4;
	}
}

// ---- texts ----

// What a number is written with; a part of the texts made of them is one.
static const char *const digits[] = {
	"0", "1", "2", "7", "9", "10", "12", "_", "-", "+", ".", "e", "E", "x", "0x", "0b1", "0o", "f", "z", " ", "\n",
	"inf", "nan", "1.5", "1e5", "9223372036854775807", "-9223372036854775808", "922337203685477580", "8", ".5",
	"1e308", "1e-320", "INFINITY", "\t"};

// Bytes of which many sequences are no UTF-8.
static const char *const fragments[] = {
	"a", "b", "\x80", "\xbf", "\xc2", "\xc0", "\xe0", "\xe2\x82", "\xed", "\xa0", "\xf0", "\xf0\x9f", "\xf4",
	"\x90", "\xf5", "\xff", "\xc3\xa9", "\xe2\x82\xac", "\x8f", "\x9f"};

static void add_pieces(struct short_text *text, const char *const *pieces, size_t count, size_t most)
{
	for (size_t left = draw_below(most + 1); left > 0; left--) {
		const char *piece = pieces[draw_below(count)];
		size_t size = strlen(piece);
		if (text->size + size > sizeof text->bytes) return;
		memcpy(text->bytes + text->size, piece, size);
		text->size += size;
	}
}

void draw_text(struct short_text *text)
{
	static const size_t digit_count = sizeof digits / sizeof *digits;
	*text = (struct short_text){0};
	switch (draw_below(12)) {
	case 0: add_pieces(text, fragments, sizeof fragments / sizeof *fragments, 6); break;
	case 1:
	case 2:
	case 3: add_pieces(text, digits, digit_count, 4); break;
	case 4:
	case 5:
	case 6: add_pieces(text, characters, 5, 4); break; // a few letters: some are parts of others
	case 7: text->size = 1; break;                // a NUL
	default: add_pieces(text, characters, character_count, 9); break;
	}
}
