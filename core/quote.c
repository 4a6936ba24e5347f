// core/quote.c: strings and bytes between quotes (core/quote.h).
//
// Text is copied in stretches that need no escape. Not printable are controls, spaces but the plain one and ends of lines, what
// only steers how its surroundings are shown, private use, and noncharacters. For every code point that is assigned that is what
// Python says; it escapes those that are not, too, as of its version of Unicode.
#include "quote.h"
#include "utf8.h"

#include <inttypes.h>
#include <string.h>

// In ascending order; the last two code points of each plane are left out.
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{0x0000, 0x001F},   {0x007F, 0x00A0},   {0x00AD, 0x00AD},   {0x0600, 0x0605},   {0x061C, 0x061C},   {0x06DD, 0x06DD},
	{0x070F, 0x070F},   {0x0890, 0x0891},   {0x08E2, 0x08E2},   {0x1680, 0x1680},   {0x180E, 0x180E},   {0x2000, 0x200F},
	{0x2028, 0x202F},   {0x205F, 0x206F},   {0x3000, 0x3000},   {0xE000, 0xF8FF},   {0xFDD0, 0xFDEF},   {0xFEFF, 0xFEFF},
	{0xFFF9, 0xFFFB},   {0x110BD, 0x110BD}, {0x110CD, 0x110CD}, {0x13430, 0x13438}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
	{0xE0001, 0xE007F}, {0xF0000, 0x10FFFF},
};

static bool is_printable(uint32_t point)
{
	const size_t ranges = sizeof unprintable / sizeof unprintable[0];
	size_t i = 0;
	if ((point & 0xFFFE) == 0xFFFE) return false;
	while (i < ranges && point > unprintable[i].last) i++;
	return i == ranges || point < unprintable[i].first;
}

static char quote_for(const char *bytes, size_t size)
{
	if (!size || !memchr(bytes, '\'', size)) return '\'';
	return memchr(bytes, '"', size) ? '\'' : '"';
}

static int add_number(struct tally_text *text, uint32_t point)
{
	if (point < 0x100) return tally_text_format(text, "\\x%02" PRIx32, point);
	return tally_text_format(text, point < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, point);
}

static int escape(struct tally_text *text, uint32_t point)
{
	switch (point) {
	case '\t': return tally_text_add_string(text, "\\t");
	case '\n': return tally_text_add_string(text, "\\n");
	case '\r': return tally_text_add_string(text, "\\r");
	case '\\':
	case '\'':
	case '"': return tally_text_format(text, "\\%c", (int)point);
	default: return add_number(text, point);
	}
}

static inline bool is_plain_byte(unsigned char byte, char quote)
{
	return byte >= ' ' && byte < 0x7F && byte != '\\' && byte != (unsigned char)quote;
}

// The length of the character at `bytes` when it stands for itself, else 0 and *point to be escaped.
static inline unsigned plain_length(const char *bytes, char quote, bool is_utf8, uint32_t *point, unsigned *length)
{
	*length = 1;
	*point = (unsigned char)*bytes;
	if (tally_likely(is_plain_byte((unsigned char)*bytes, quote))) return 1;
	if (*point < 0x80 || !is_utf8) return 0;
	*point = tally_utf8_decode(bytes, length);
	return is_printable(*point) ? *length : 0;
}

static int add_inside(struct tally_text *text, const char *bytes, size_t size, char quote, bool is_utf8)
{
	size_t from = 0; // of the stretch that has not been copied
	uint32_t point;
	unsigned length;
	for (size_t at = 0; at < size; at += length) {
		if (plain_length(bytes + at, quote, is_utf8, &point, &length)) continue;
		if (tally_text_add(text, bytes + from, at - from) || escape(text, point)) return -1;
		from = at + length;
	}
	return tally_text_add(text, bytes + from, size - from);
}

static int add_quoted(struct tally_text *text, const char *bytes, size_t size, bool is_utf8)
{
	char quote = quote_for(bytes, size);
	if (tally_text_add(text, &quote, 1) || add_inside(text, bytes, size, quote, is_utf8)) return -1;
	return tally_text_add(text, &quote, 1);
}

int tally_quote_str(struct tally_text *text, const char *utf8, size_t size) { return add_quoted(text, utf8, size, true); }

int tally_quote_bytes(struct tally_text *text, const char *bytes, size_t size)
{
	return tally_text_add(text, "b", 1) ? -1 : add_quoted(text, bytes, size, false);
}
