// core/header.h: the sixteen bytes at the head of every object, in every variant.
//
//   byte  0              4               8            10      12      13      14      15
//         | local (32)   | shared (32)   | type (16)  | aux   | lock  | gc    | flags | moving |
//
// What the two count words mean is the variant's (gil/, biased/, biased/atomic/); core goes through core/variant.h.
// An object that is **dying** waits on its thread's list of the dying (core/death.c): `local` holds its type index,
// `shared` a value at which every try-increment fails, and bytes 8 to 15 the link. A **free** block looks the same with
// type index 0: its count words say dead, and the link is the heap's.
//
// I1  A block whose count words say dead is never brought back by a try-increment.
// I2  `type` is written before the first reference exists and never changes while one does.
// I3  While the object lives, `lock`, `gc`, `flags` and `moving` are written by atomic operations only, `aux` by the one who builds
//     it or holds its lock.
#ifndef TALLY_CORE_HEADER_H
#define TALLY_CORE_HEADER_H

#include "atomics.h"
#include "check.h"
#include <tally/base.h>

enum {
	TALLY_GC_FINALIZER = 1, // it has a finalizer that has not been called yet
	TALLY_GC_FINALIZED = 2, // its finalizer has been called, or is about to be
	TALLY_GC_TRASH = 4,     // found unreachable, and being disposed of: its death is counted
	TALLY_GC_UNTRACKED = 8, // a tuple through which no cycle can go: the collector passes it over
	TALLY_GC_REFERRED = 16, // is, or was, referred to weakly (core/weakref.h)
	TALLY_GC_WATCHER = 32,  // a weak reference that is on a list
	TALLY_GC_HASHED = 64,   // a weak reference that knows its object's hash
	TALLY_GC_QUEUED = 128,  // waits for its finalizer, but there was no memory to note that (core/finalizers.h)
};

enum { TALLY_SHUT = 0xFF }; // `moving` for good: readers go by the lock

struct tally_object {
	_Atomic uint32_t local;
	_Atomic uint32_t shared;
	union {
		struct {
			uint16_t type;         // index into tally_types; 0: none
			uint16_t aux;          // the type's own use
			_Atomic uint8_t lock;  // biased/light_lock.c
			_Atomic uint8_t gc;    // TALLY_GC_...; relaxed, HASHED excepted: who acts on a bit is ordered after who set it
			_Atomic uint8_t flags; // biased/light_lock.h
			_Atomic uint8_t moving; // odd: readers without the lock are to wait (biased/section.c, core/list.h); written under it
		};
		struct tally_object *next; // dying, or a free block
	};
};

static_assert(sizeof(struct tally_object) == 16, "the header is sixteen bytes in every variant");
static_assert(offsetof(struct tally_object, next) == 8, "the link lies over the type, never over the counts");

#endif
