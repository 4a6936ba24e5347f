// tally/heap.h: what the heap holds: exact counters, the limit, a walk, faults on demand.
#ifndef TALLY_HEAP_H
#define TALLY_HEAP_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tally_heap_stats {
	size_t size;              // in: sizeof(tally_heap_stats), lets the struct grow
	uint64_t live_objects;    // objects that the host can still have references to, immortal ones not counted
	uint64_t immortal_objects; // singletons, types, what was immortalized
	uint64_t live_bytes;      // bytes of the blocks of all objects and of their raw buffers
	uint64_t page_bytes;      // bytes of pages in use: what the memory limit limits
	uint64_t arena_bytes;     // address space taken from the system
	uint64_t arenas;
	uint64_t tracked_objects; // of all objects, those that the collector examines; any that are just dying included
} tally_heap_stats;

// Exact: the world is stopped while it counts. 0; -1 with TALLY_ERROR_THREAD, TALLY_ERROR_VALUE (size).
TALLY_API int tally_heap_stats_get(tally_heap_stats *stats);

// Sets the memory limit in bytes of pages in use, 0: none. A limit below what is in use stops growth, frees nothing.
// 0; -1 with TALLY_ERROR_CLOSING. Any thread.
TALLY_API int tally_heap_limit_set(size_t bytes);

// One allocated block, as the walk sees it.
typedef struct tally_heap_block {
	const void *address;
	size_t size;             // of the block: the request rounded up to its size class
	const char *type_name;   // of an object; NULL: a raw buffer of a container
	uint32_t references;     // of an object; UINT32_MAX: immortal
} tally_heap_block;

// Calls `visit` for every allocated block, each once, in the order of addresses within an arena, with the world
// stopped: `visit` must not use the library. Objects under destruction are included. A non-zero result of `visit`
// ends the walk and is returned. -1 with TALLY_ERROR_THREAD; else 0.
TALLY_API int tally_heap_walk(int (*visit)(const tally_heap_block *block, void *context), void *context);

// Gives the system back the pages that hold nothing; *released (may be NULL) receives the bytes. Stops the world.
// 0; -1 with TALLY_ERROR_THREAD. A run point.
TALLY_API int tally_heap_trim(size_t *released);

// Makes the n-th allocation of the calling thread from now on fail (1: the next), and all later ones too when `all`;
// 0 ends it. For tests of a host's own error paths. TALLY_ERROR_UNSUPPORTED in builds without assertions.
TALLY_API int tally_heap_fail(uint64_t n, bool all);

// How many allocations the calling thread has attempted since the last tally_heap_fail. 0 without assertions.
TALLY_API uint64_t tally_heap_attempts(void);

#ifdef __cplusplus
}
#endif

#endif
