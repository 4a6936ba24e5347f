// core/hash.h: the arithmetic that hashes share. Pure functions; which values must have equal hashes is each type's
// business (core/number.c for numbers, the one case in which different types meet).
#ifndef TALLY_CORE_HASH_H
#define TALLY_CORE_HASH_H

#include "header.h"

// Spreads every bit of `x` over all 64. Reversible: different numbers stay different.
static inline uint64_t tally_hash_mix(uint64_t x)
{
	x = (x ^ x >> 32) * 0x9FB21C651E98DF25u;
	x = (x ^ x >> 35) * 0xD6E8FEB86659FD93u;
	return x ^ x >> 32;
}

// By address, for what equals only itself: a type's `hash`.
static inline int tally_hash_identity(struct tally_object *object, uint64_t *hash, const char *operation)
{
	(void)operation;
	*hash = tally_hash_mix((uintptr_t)object);
	return 0;
}

#endif
