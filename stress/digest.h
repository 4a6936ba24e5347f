// stress/digest.h: FNV-1a with 64 bits, the digest by which the builds' results are compared.
//
// Chosen because anybody can recompute it in ten lines of any language; nothing here resists an adversary.
#ifndef STRESS_DIGEST_H
#define STRESS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < size; i++) {
		digest = (digest ^ at[i]) * UINT64_C(0x100000001b3);
	}
	return digest;
}

// The number's eight bytes, least significant first on every machine.
static inline uint64_t digest_number(uint64_t digest, uint64_t number)
{
	for (int shift = 0; shift < 64; shift += 8) {
		unsigned char byte = (unsigned char)(number >> shift);
		digest = digest_bytes(digest, &byte, 1);
	}
	return digest;
}

#endif
