// tests/utf8.c: checking, counting and repairing UTF-8, against a slow decoder that computes instead of looking up, and
// against the examples of Unicode 15, section 3.9.
#include "tap.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

typedef unsigned char byte;

// ---- the slow decoder ----

// The length of the well-formed sequence at `p`, 0 when there is none.
static size_t sequence(const byte *p, size_t size)
{
	static const unsigned least[5] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	if (length < 2) return length;
	if (size < length) return 0;
	unsigned point = p[0] & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (p[i] >> 6 != 2) return 0;
		point = point << 6 | (p[i] & 0x3F);
	}
	bool surrogate = point >= 0xD800 && point < 0xE000;
	return point >= least[length] && point <= 0x10FFFF && !surrogate ? length : 0;
}

// Whether some well-formed sequence starts with these bytes: the extreme continuations tell.
static bool starts_sequence(const byte *p, size_t size)
{
	for (unsigned choice = 0; choice < 8; choice++) {
		byte whole[4] = {0};
		memcpy(whole, p, size);
		for (size_t i = size; i < 4; i++) whole[i] = choice >> (i - 1) & 1 ? 0xBF : 0x80;
		if (sequence(whole, 4) > size) return true;
	}
	return false;
}

static size_t maximal_subpart(const byte *p, size_t size)
{
	size_t length = 1;
	while (length < 3 && length < size && starts_sequence(p, length + 1)) length++;
	return length;
}

struct expected {
	size_t good, points, replaced, size;
	bool ascii;
	byte repaired[64];
};

static struct expected expect(const byte *p, size_t size)
{
	struct expected e = {.ascii = true};
	for (size_t at = 0, length; at < size; at += length) {
		length = sequence(p + at, size - at);
		if (length) {
			memcpy(e.repaired + e.size, p + at, length);
			e.size += length;
			if (!e.replaced) e.good = at + length;
			if (!e.replaced && length > 1) e.ascii = false;
		} else {
			length = maximal_subpart(p + at, size - at);
			memcpy(e.repaired + e.size, "\xEF\xBF\xBD", 3);
			e.size += 3;
			e.replaced++;
		}
		e.points++;
	}
	return e;
}

// Whether all functions agree with the slow decoder about these bytes.
static bool agrees(const byte *p, size_t size)
{
	struct expected e = expect(p, size);
	const char *bytes = (const char *)p;
	char repaired[65];
	size_t replaced = 99;
	bool ascii = !e.ascii;
	if (tally_utf8_check(bytes, size, &ascii) != e.good || ascii != e.ascii) return false;
	if (tally_utf8_repaired_size(bytes, size, &replaced) != e.size || replaced != e.replaced) return false;
	memset(repaired, 0x55, sizeof repaired);
	tally_utf8_repair(repaired, bytes, size);
	if (memcmp(repaired, e.repaired, e.size) != 0 || repaired[e.size] != 0x55) return false;
	if (tally_utf8_check(repaired, e.size, &ascii) != e.size) return false;
	return tally_utf8_count(repaired, e.size) == e.points;
}

// ---- tests ----

static void every_string_of_up_to_two_bytes_is_judged_right(void)
{
	unsigned wrong = !agrees((const byte *)"", 0);
	for (unsigned first = 0; first < 256; first++) {
		wrong += !agrees((byte[]){(byte)first}, 1);
		for (unsigned second = 0; second < 256; second++)
			wrong += !agrees((byte[]){(byte)first, (byte)second}, 2);
	}
	CHECK_EQ(wrong, 0);
}

// The bytes at which some range of table 3-7 begins or ends, and their neighbours.
static const byte edges[] = {0x00, 0x41, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
                             0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFE, 0xFF};

static void every_string_of_up_to_four_edge_bytes_is_judged_right(void)
{
	const unsigned edge_count = sizeof edges;
	unsigned wrong = 0;
	for (unsigned i = 0; i < edge_count * edge_count * edge_count * edge_count; i++) {
		byte bytes[4];
		for (unsigned rest = i, k = 0; k < 4; k++, rest /= edge_count) bytes[k] = edges[rest % edge_count];
		wrong += !agrees(bytes, 4);
		wrong += !agrees(bytes, 3);
	}
	CHECK_EQ(wrong, 0);
}

static void every_code_point_is_accepted_and_counted_once(void)
{
	unsigned wrong = 0;
	for (unsigned point = 0x80; point < 0x110000; point++) {
		byte bytes[4];
		size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
		unsigned rest = point;
		bool ascii, surrogate = point >= 0xD800 && point < 0xE000;
		for (size_t i = size - 1; i > 0; i--, rest >>= 6) bytes[i] = (byte)(0x80 | (rest & 0x3F));
		bytes[0] = (byte)((0xF00u >> size & 0xFF) | rest);
		wrong += (tally_utf8_check((char *)bytes, size, &ascii) == size) == surrogate;
		wrong += tally_utf8_count((char *)bytes, size) != 1;
	}
	CHECK_EQ(wrong, 0);
}

// Long enough for the steps of eight bytes, with a foreign byte at every place, ending at every place.
static void a_byte_that_is_not_ascii_is_found_at_every_place(void)
{
	unsigned wrong = 0;
	for (size_t size = 1; size <= 40; size++) {
		for (size_t at = 0; at < size; at++) {
			byte bytes[40];
			memset(bytes, 'a', sizeof bytes);
			bytes[at] = 0xFF;
			wrong += !agrees(bytes, size);
			bytes[at] = 0xC3;
			if (at + 1 < size) bytes[at + 1] = 0xA9;
			wrong += !agrees(bytes, size);
		}
	}
	CHECK_EQ(wrong, 0);
}

// Exactly as much memory as the text has: an address sanitizer sees a byte read beyond it.
static void nothing_beyond_the_text_is_read(void)
{
	static const char sample[] = "ascii, then \xC3\xA9 and \xE2\x82\xAC and \xF0\x9F\x98\x80 cut";
	unsigned wrong = 0;
	for (size_t from = 0; from < sizeof sample; from++) {
		for (size_t size = 1; from + size < sizeof sample; size++) {
			byte *exact = malloc(size);
			memcpy(exact, sample + from, size);
			wrong += !agrees(exact, size);
			free(exact);
		}
	}
	CHECK_EQ(wrong, 0);
}

static void random_bytes_are_judged_right(void)
{
	uint64_t state = tap_seed() | 1, rounds = tap_scale(UINT64_C(200000));
	unsigned wrong = 0;
	for (uint64_t round = 0; round < rounds; round++) {
		byte bytes[16];
		for (unsigned i = 0; i < sizeof bytes; i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			bytes[i] = state >> 63 ? edges[(state >> 40) % sizeof edges] : (byte)(state >> 32);
		}
		wrong += !agrees(bytes, 1 + round % sizeof bytes);
	}
	CHECK_EQ(wrong, 0);
}

static void check_repair(const char *bytes, size_t size, const char *expected, size_t replaced)
{
	char repaired[64] = {0};
	size_t parts = 0, repaired_size = tally_utf8_repaired_size(bytes, size, &parts);
	CHECK_EQ(repaired_size, strlen(expected));
	tally_utf8_repair(repaired, bytes, size);
	CHECK_STR(repaired, expected);
	CHECK_EQ(parts, replaced);
}

#define R "\xEF\xBF\xBD"

static void the_examples_of_the_standard_come_out_as_it_says(void)
{
	check_repair("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", 9, R R R R R R R R "A", 8); // overlong forms
	check_repair("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", 9, R R R R R R R R "A", 8); // surrogates
	check_repair("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", 9, R R R R R "A" R R "B", 7); // other ill-formed ones
	check_repair("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", 9, R R R R "A", 4); // truncated ones
	check_repair("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", 13, "a" R R R "b" R "c" R R "d", 6);
}

// ---- code points ----

static unsigned encode(char *bytes, uint32_t point)
{
	if (point < 0x80) return bytes[0] = (char)point, 1;
	unsigned length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (unsigned i = length - 1; i > 0; i--, point >>= 6) bytes[i] = (char)(0x80 | (point & 0x3F));
	bytes[0] = (char)(0xF00u >> length | point);
	return length;
}

static void every_code_point_is_decoded(void)
{
	for (uint32_t point = 0; point <= 0x10FFFF; point++) {
		char bytes[4];
		if (point >= 0xD800 && point < 0xE000) continue;
		unsigned length = encode(bytes, point), found = 0;
		if (!CHECK_EQ(tally_utf8_decode(bytes, &found), point) || !CHECK_EQ(found, length)) break;
	}
}

static void every_code_point_of_a_text_has_its_offset(void)
{
	static const uint32_t points[] = {'a', 0xE9, 0x20AC, 0x1F600};
	char bytes[200 * 4];
	uint64_t state = tap_seed() | 1;
	for (int round = tap_scale(300); round > 0; round--) {
		size_t offsets[201], size = 0, count = (size_t)(state >> 33) % 200;
		for (size_t i = 0; i < count; i++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
			offsets[i] = size;
			size += encode(bytes + size, points[state >> 40 & (round % 2 ? 3 : 1)]);
		}
		char *exact = malloc(size ? size : 1); // so that reading beyond it is seen
		memcpy(exact, bytes, size);
		for (size_t i = 0; i < count; i++) CHECK_EQ(tally_utf8_offset(exact, size, i), offsets[i]);
		CHECK_EQ(tally_utf8_offset(exact, size, count), size);
		CHECK_EQ(tally_utf8_offset(exact, size, count + 100), size);
		CHECK_EQ(tally_utf8_offset(exact, size, SIZE_MAX), size);
		CHECK_EQ(tally_utf8_count(exact, size), count);
		free(exact);
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	}
}

int main(void)
{
	tap_begin();
	tap_watchdog(60);
	TAP_RUN(every_string_of_up_to_two_bytes_is_judged_right);
	TAP_RUN(every_string_of_up_to_four_edge_bytes_is_judged_right);
	TAP_RUN(every_code_point_is_accepted_and_counted_once);
	TAP_RUN(a_byte_that_is_not_ascii_is_found_at_every_place);
	TAP_RUN(nothing_beyond_the_text_is_read);
	TAP_RUN(random_bytes_are_judged_right);
	TAP_RUN(the_examples_of_the_standard_come_out_as_it_says);
	TAP_RUN(every_code_point_is_decoded);
	TAP_RUN(every_code_point_of_a_text_has_its_offset);
	return tap_end();
}
