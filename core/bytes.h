// core/bytes.h: a bytes object from the inside: its bytes follow the header, so that it is one block.
//
// I1  Everything but `hash` is written once, before anybody else can see the object: reading needs no lock.
// I2  A NUL follows the bytes.
// I3  `hash` is 0 until somebody asks, then the one value that everybody computes; relaxed, since it publishes nothing.
#ifndef TALLY_CORE_BYTES_H
#define TALLY_CORE_BYTES_H

#include "header.h"

struct tally_bytes {
	struct tally_object header;
	_Atomic uint64_t hash;
	size_t size;
	char bytes[];
};

// For constructors that have passed their run point; as tally_object_new it may stop the world when memory is short. The bytes
// are still to be written, but for the NUL. NULL with the error set.
struct tally_bytes *tally_bytes_make(const char *operation, size_t size);

#endif
