// core/str.h: a string from the inside: its bytes follow the header, so that a string is one block.
//
// I1  Everything but `hash` is written once, before anybody else can see the string: reading needs no lock.
// I2  `bytes` is well-formed UTF-8; TALLY_STR_ASCII is set exactly when all of it is ASCII.
// I3  After the text come one to eight NULs, up to a multiple of eight bytes: strings compare by words, without a tail.
// I4  `hash` is 0 until somebody asks, then the one value that everybody computes; relaxed, since it publishes nothing.
#ifndef TALLY_CORE_STR_H
#define TALLY_CORE_STR_H

#include "header.h"

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

#endif
