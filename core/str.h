// core/str.h: a string from the inside: its bytes follow the header, so that a string is one block.
//
// I1  Everything but `hash` is written once, before anybody else can see the string: reading needs no lock.
// I2  `bytes` is well-formed UTF-8; TALLY_STR_ASCII is set exactly when all of it is ASCII.
// I3  After the text come one to eight NULs, up to a multiple of eight bytes: strings compare by words, without a tail.
// I4  `hash` is 0 until somebody asks, then the one value that everybody computes; relaxed, since it publishes nothing.
#ifndef TALLY_CORE_STR_H
#define TALLY_CORE_STR_H

#include "error.h"
#include "type.h"

#include <string.h>

enum { TALLY_STR_ASCII = 1 }; // in header.aux

struct tally_str {
	struct tally_object header;
	_Atomic uint64_t hash;
	size_t size;
	char bytes[];
};

static inline uint64_t tally_str_word(const struct tally_str *str, size_t offset)
{
	uint64_t word;
	memcpy(&word, str->bytes + offset, sizeof word);
	return word;
}

static inline bool tally_str_same(const struct tally_str *a, const struct tally_str *b)
{
	if (a->size != b->size) return false;
	for (size_t i = 0; i <= a->size; i += sizeof(uint64_t))
		if (tally_str_word(a, i) != tally_str_word(b, i)) return false;
	return true;
}

// Bytes of text at most: no sum with it overflows.
#define TALLY_STR_LIMIT ((size_t)PTRDIFF_MAX - sizeof(struct tally_str) - sizeof(uint64_t))

static inline bool tally_str_is_ascii(const struct tally_str *str) { return str->header.aux & TALLY_STR_ASCII; }

// The argument of an operation as a string. NULL with the error set.
static inline struct tally_str *tally_str_check(const char *operation, struct tally_object *object)
{
	if (tally_likely(object && object->type == TALLY_TYPE_STR)) return (struct tally_str *)object;
	return (struct tally_str *)tally_error_null(tally_error_type(operation, "a str", object));
}

size_t tally_str_points(const struct tally_str *str); // the length in code points
// How often `sought` occurs without overlapping; an empty one once more than there are code points.
size_t tally_str_occurrences(const struct tally_str *str, const struct tally_str *sought);

// Fills `size` bytes with `unit` over and over; `size` is a multiple of unit_size. What is there already is copied, more each time.
static inline void tally_str_fill(char *to, size_t size, const char *unit, size_t unit_size)
{
	if (!size) return;
	memcpy(to, unit, unit_size);
	for (size_t filled = unit_size, more; filled < size; filled += more) {
		more = filled < size - filled ? filled : size - filled;
		memcpy(to + filled, to, more);
	}
}

// Constructors, for use within the library once a run point has been passed; as tally_object_new they may stop the world when
// memory is short. NULL with the error set, which names `operation`.

// The bytes are still to be written, but for the NULs at their end. `size` is TALLY_STR_LIMIT at most (OVERFLOW else).
struct tally_str *tally_str_make(const char *operation, size_t size, bool ascii);
// A copy of `size` bytes of well-formed UTF-8; finds out itself whether they are ASCII.
struct tally_object *tally_str_copy(const char *operation, const char *utf8, size_t size);
// The same where the caller knows, exactly.
struct tally_object *tally_str_copy_as(const char *operation, const char *utf8, size_t size, bool ascii);

// A copy of any bytes; VALUE when they are no UTF-8.
struct tally_object *tally_str_build(const char *operation, const char *utf8, size_t size);
// What has been written turns out to be ASCII, or not: I2, for who could not tell before.
void tally_str_settle(struct tally_str *made);

#endif
