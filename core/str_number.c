// core/str_number.c: numbers from text, and anything as text.
//
// What is a number is decided here, byte by byte, so that neither the locale nor what the C library reads beyond decimal numbers
// has a say; the value of a decimal number is then the C library's business (core/decimal.h). White space is the ASCII kind.
//
// Any attached thread. tally_str_of runs hooks of classes.
#include "decimal.h"
#include "heap.h"
#include "number.h"
#include "object.h"
#include "str.h"
#include "text.h"

#include <tally/str.h>

#include <math.h>

enum { SHOWN = 60 }; // bytes of a malformed text that an error quotes

// A text from which characters are taken.
struct source {
	const char *at, *end;
};

static bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

static struct source strip(const struct tally_str *str)
{
	struct source source = {str->bytes, str->bytes + str->size};
	while (source.at < source.end && is_space(*source.at)) source.at++;
	while (source.at < source.end && is_space(source.end[-1])) source.end--;
	return source;
}

static bool is_at_end(const struct source *source) { return source->at == source->end; }

// Takes the character when it is next.
static bool take(struct source *source, char wanted)
{
	if (is_at_end(source) || *source->at != wanted) return false;
	source->at++;
	return true;
}

static char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte; }

// The same for a word in lower case, which may stand there in any case.
static bool take_word(struct source *source, const char *word)
{
	const char *at = source->at;
	for (; *word; word++, at++)
		if (at == source->end || lower(*at) != *word) return false;
	source->at = at;
	return true;
}

static bool take_sign(struct source *source)
{
	bool is_negative = take(source, '-');
	if (!is_negative) take(source, '+');
	return is_negative;
}

// The value of the next character as a digit of `base`; -1: it is none.
static int digit(const struct source *source, int base)
{
	if (is_at_end(source)) return -1;
	char byte = lower(*source->at);
	int value = byte >= '0' && byte <= '9' ? byte - '0' : byte >= 'a' && byte <= 'z' ? byte - 'a' + 10 : base;
	return value < base ? value : -1;
}

// As much of the text as an error quotes: whole characters, up to a NUL.
static int shown_size(const struct tally_str *str)
{
	size_t size = str->size < SHOWN ? str->size : SHOWN;
	while (size && size < str->size && ((unsigned char)str->bytes[size] & 0xC0) == 0x80) size--;
	return (int)size;
}

static tally_object *malformed(const char *operation, const char *what, const struct tally_str *str)
{
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, operation, "expected %s, got '%.*s%s'", what, shown_size(str),
	                                          str->bytes, str->size > SHOWN ? "..." : ""));
}

// ---- ints ----

// Takes 0x, 0o or 0b where it says, or repeats, what the base is; returns the base, 0 when it is still open: 10, but no number
// other than 0 may then begin with 0.
static int take_prefix(struct source *source, int base)
{
	static const struct {
		const char *prefix;
		int base;
	} prefixes[] = {{"0x", 16}, {"0o", 8}, {"0b", 2}};
	for (int i = 0; i < 3; i++) {
		if ((base && base != prefixes[i].base) || !take_word(source, prefixes[i].prefix)) continue;
		take(source, '_');
		return prefixes[i].base;
	}
	return base;
}

struct magnitude {
	uint64_t value;
	bool is_too_large;
};

static void add_digit(struct magnitude *magnitude, int base, int value)
{
	magnitude->is_too_large |= __builtin_mul_overflow(magnitude->value, (uint64_t)base, &magnitude->value);
	magnitude->is_too_large |= __builtin_add_overflow(magnitude->value, (uint64_t)value, &magnitude->value);
}

// Digits with single underscores between them, and nothing else. False: malformed.
static bool take_digits(struct source *source, int base, struct magnitude *magnitude)
{
	int value = digit(source, base);
	*magnitude = (struct magnitude){.value = 0};
	while (value >= 0) {
		add_digit(magnitude, base, value);
		source->at++;
		bool is_more = take(source, '_');
		value = digit(source, base);
		if (value < 0) return !is_more && is_at_end(source);
	}
	return false;
}

static bool take_int(struct source *source, int base, struct magnitude *magnitude)
{
	base = take_prefix(source, base);
	bool begins_with_zero = digit(source, 10) == 0;
	if (!take_digits(source, base ? base : 10, magnitude)) return false;
	return base || !begins_with_zero || (!magnitude->value && !magnitude->is_too_large);
}

static tally_object *make_int(const struct magnitude *magnitude, bool is_negative)
{
	const uint64_t most = (uint64_t)INT64_MAX + is_negative;
	if (magnitude->is_too_large || magnitude->value > most)
		return tally_error_null(tally_error_raise(TALLY_ERROR_OVERFLOW, "str_to_int", "the number does not fit in 64 bits"));
	return tally_int_of("str_to_int", (int64_t)(is_negative ? 0 - magnitude->value : magnitude->value));
}

tally_object *tally_str_to_int(tally_object *object, int base)
{
	struct magnitude magnitude;
	if (!tally_enter_new("str_to_int")) return NULL;
	const struct tally_str *str = tally_str_check("str_to_int", object);
	if (!str) return NULL;
	if (base < 0 || base == 1 || base > 36)
		return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "str_to_int", "base %d, expected 0 or 2 to 36", base));
	struct source source = strip(str);
	bool is_negative = take_sign(&source);
	if (take_int(&source, base, &magnitude)) return make_int(&magnitude, is_negative);
	return malformed("str_to_int", "the text of an int", str);
}

// ---- floats ----

// Passes digits with single underscores between them. Returns how many there are; *plain: whether no underscore was among them.
// An underscore that does not stand between digits stays, so that the text turns out malformed.
static size_t pass_digits(struct source *source, bool *plain)
{
	size_t count = 0;
	for (; digit(source, 10) >= 0; count++) {
		struct source next = {source->at + 1, source->end};
		bool is_more = take(&next, '_') && digit(&next, 10) >= 0;
		if (is_more) *plain = false;
		else next.at = source->at + 1;
		*source = next;
	}
	return count;
}

// Whether a decimal number stands there, and nothing else.
static bool pass_decimal(struct source source, bool *plain)
{
	*plain = true;
	size_t digits = pass_digits(&source, plain);
	if (take(&source, '.')) digits += pass_digits(&source, plain);
	if (!digits) return false;
	if (take_word(&source, "e")) {
		take_sign(&source);
		if (!pass_digits(&source, plain)) return false;
	}
	return is_at_end(&source);
}

static int no_memory(size_t bytes) { return tally_error_memory("str_to_float", bytes); }

static int read_without_underscores(const struct source *source, double *value)
{
	size_t size = 0, room = (size_t)(source->end - source->at) + 1;
	char *text = tally_raw_new(room);
	if (!text) return no_memory(room);
	for (const char *at = source->at; at < source->end; at++)
		if (*at != '_') text[size++] = *at;
	text[size] = 0;
	bool could = tally_decimal_read(text, value);
	tally_raw_free(text);
	return could ? 0 : no_memory(size);
}

// What stands behind the sign. 0; -1 with the error set.
static int take_float(struct source *source, const struct tally_str *str, double *value)
{
	bool plain;
	if (pass_decimal(*source, &plain)) {
		if (!plain) return read_without_underscores(source, value);
		return tally_decimal_read(source->at, value) ? 0 : no_memory(str->size);
	}
	bool is_infinity = take_word(source, "infinity") || take_word(source, "inf");
	*value = is_infinity ? INFINITY : NAN;
	if ((is_infinity || take_word(source, "nan")) && is_at_end(source)) return 0;
	malformed("str_to_float", "the text of a float", str);
	return -1;
}

tally_object *tally_str_to_float(tally_object *object)
{
	double value;
	if (!tally_enter_new("str_to_float")) return NULL;
	const struct tally_str *str = tally_str_check("str_to_float", object);
	if (!str) return NULL;
	struct source source = strip(str);
	bool is_negative = take_sign(&source);
	if (take_float(&source, str, &value)) return NULL;
	return tally_float_of("str_to_float", is_negative ? -value : value);
}

// ---- anything as text ----

tally_object *tally_str_of(tally_object *object)
{
	if (!tally_enter_run("str_of")) return NULL;
	if (!object) return tally_error_null(tally_error_type("str_of", "an object", object));
	if (object->type == TALLY_TYPE_STR) return tally_incref(object);
	struct tally_text text = tally_text_begin("str_of");
	if (!tally_object_repr(object, &text)) return tally_text_to_str(&text);
	tally_text_end(&text);
	return NULL;
}
