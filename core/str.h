// core/str.h: a string from the inside: its bytes follow the header, so that a string is one block.
//
// I1  Everything but `hash` is written once, before anybody else can see the string: reading needs no lock.
// I2  `bytes` is well-formed UTF-8 and has a NUL after it; TALLY_STR_ASCII is set exactly when all of it is ASCII.
// I3  `hash` is 0 until somebody asks, then the one value that everybody computes; relaxed, since it publishes nothing.
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

static inline bool tally_str_same(const struct tally_str *a, const struct tally_str *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

#endif
