// core/utf8.c: checking, counting, finding and repairing UTF-8 (core/utf8.h).
//
// Text is mostly ASCII, so runs of it are passed eight bytes at a time, and what is all ASCII never gets further. The
// rest goes through `step`, which alone knows table 3-7: the first byte of a sequence gives its length and the range of
// the second byte, in which overlong forms, surrogates and numbers that are too large show.
//
// Pure functions: any thread, no runtime needed.
#include "utf8.h"

#include <stdint.h>
#include <string.h>

typedef unsigned char byte;

static const uint64_t HIGH_BITS = 0x8080808080808080u, LOW_BITS = 0x0101010101010101u;
static const char REPLACEMENT[3] = {'\xEF', '\xBF', '\xBD'}; // U+FFFD

static inline uint64_t load8(const byte *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

static inline uint32_t load4(const byte *p)
{
	uint32_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

// The high bits of at most seven bytes, brought together by loads that may overlap.
static inline uint32_t short_high_bits(const byte *p, size_t size)
{
	if (size >= 4) return (load4(p) | load4(p + size - 4)) & (uint32_t)HIGH_BITS;
	if (size == 0) return 0;
	return (uint32_t)(p[0] | p[size / 2] | p[size - 1]) & 0x80;
}

// The length of the ASCII start of `p`, which may come out up to seven bytes short.
static inline size_t pass_ascii(const byte *p, size_t size)
{
	size_t i = 0;
	while (size - i >= 8 && !(load8(p + i) & HIGH_BITS)) i += 8;
	if (size - i < 8 && !short_high_bits(p + i, size - i)) return size;
	return i;
}

// What a lead byte asks for: the length of its sequence (0: it leads none) and the bounds of the second byte.
struct lead {
	byte length, low, high;
};

static struct lead lead_of(byte first)
{
	if (first < 0x80) return (struct lead){1, 0, 0};
	if (first < 0xC2 || first > 0xF4) return (struct lead){0, 0, 0};
	if (first < 0xE0) return (struct lead){2, 0x80, 0xBF};
	if (first == 0xE0) return (struct lead){3, 0xA0, 0xBF}; // below: overlong
	if (first == 0xED) return (struct lead){3, 0x80, 0x9F}; // above: surrogates
	if (first < 0xF0) return (struct lead){3, 0x80, 0xBF};
	if (first == 0xF0) return (struct lead){4, 0x90, 0xBF}; // below: overlong
	if (first == 0xF4) return (struct lead){4, 0x80, 0x8F}; // above: beyond U+10FFFF
	return (struct lead){4, 0x80, 0xBF};
}

// The length of the well-formed sequence at `p` or, with *good false, of the maximal subpart there. `size` is not 0.
static size_t step(const byte *p, size_t size, bool *good)
{
	struct lead lead = lead_of(p[0]);
	size_t i = 1;
	*good = true;
	if (lead.length == 1) return 1;
	*good = false;
	if (lead.length == 0 || size < 2 || p[1] < lead.low || p[1] > lead.high) return 1;
	while (++i < lead.length)
		if (i >= size || (p[i] & 0xC0) != 0x80) return i;
	*good = true;
	return i;
}

// The same as tally_utf8_check from `at` on; the text before is ASCII.
static __attribute__((noinline)) size_t check_slow(const byte *p, size_t at, size_t size, bool *ascii)
{
	*ascii = true;
	while (at < size) {
		bool good;
		size_t length = step(p + at, size - at, &good);
		if (!good) return at;
		if (length > 1) *ascii = false;
		at += length;
		at += pass_ascii(p + at, size - at);
	}
	return size;
}

size_t tally_utf8_check(const char *bytes, size_t size, bool *ascii)
{
	size_t at = pass_ascii((const byte *)bytes, size);
	*ascii = true;
	return at == size ? size : check_slow((const byte *)bytes, at, size, ascii);
}

// Every code point has one byte that is not of the form 10xxxxxx.
static inline bool continues(byte b) { return (b & 0xC0) == 0x80; }

// How many of eight bytes are of that form.
static inline size_t continuations_in(uint64_t word)
{
	return (size_t)__builtin_popcountll((word >> 7) & ~(word >> 6) & LOW_BITS);
}

size_t tally_utf8_count(const char *bytes, size_t size)
{
	const byte *p = (const byte *)bytes;
	size_t i = 0, continuations = 0;
	for (; size - i >= 8; i += 8) continuations += continuations_in(load8(p + i));
	for (; i < size; i++) continuations += continues(p[i]);
	return size - continuations;
}

size_t tally_utf8_offset(const char *bytes, size_t size, size_t point)
{
	const byte *p = (const byte *)bytes;
	size_t i = 0, begun;
	for (; size - i >= 8 && (begun = 8 - continuations_in(load8(p + i))) <= point; i += 8) point -= begun;
	for (; i < size; i++)
		if (!continues(p[i]) && point-- == 0) return i;
	return size;
}

uint32_t tally_utf8_decode(const char *bytes, unsigned *length)
{
	const byte *p = (const byte *)bytes;
	*length = lead_of(p[0]).length;
	if (*length == 1) return p[0];
	uint32_t point = p[0] & (0x7Fu >> *length);
	for (unsigned i = 1; i < *length; i++) point = point << 6 | (p[i] & 0x3F);
	return point;
}

size_t tally_utf8_repaired_size(const char *bytes, size_t size, size_t *replaced)
{
	const byte *p = (const byte *)bytes;
	size_t total = 0;
	*replaced = 0;
	for (size_t at = 0, length; at < size; at += length) {
		bool good;
		length = step(p + at, size - at, &good);
		if (!good) (*replaced)++;
		if (__builtin_add_overflow(total, good ? length : sizeof REPLACEMENT, &total)) return SIZE_MAX;
	}
	return total;
}

void tally_utf8_repair(char *repaired, const char *bytes, size_t size)
{
	for (size_t at = 0, length; at < size; at += length) {
		bool good;
		length = step((const byte *)bytes + at, size - at, &good);
		size_t written = good ? length : sizeof REPLACEMENT;
		memcpy(repaired, good ? bytes + at : REPLACEMENT, written);
		repaired += written;
	}
}
