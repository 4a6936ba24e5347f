// core/os.h: the few things that are asked of the system: the clock, memory for the library's own records.
//
// Records (slots, mostly) live outside the heap, so that a slot exists before its heap; they are few and small.
#ifndef TALLY_CORE_OS_H
#define TALLY_CORE_OS_H

#include <stddef.h>
#include <stdint.h>

uint64_t tally_clock(void); // monotonic, ns

// Zeroed memory for a record, aligned at a cache line. NULL: no memory. Counts as an allocation for tally_heap_fail.
void *tally_record_new(size_t size);
void tally_record_free(void *record);

// Zeroed memory of any size, from the system. NULL: no memory. Freeing NULL is allowed.
void *tally_span_new(size_t size);
void tally_span_free(void *span, size_t size);

unsigned tally_processors(void); // that this process may use; at least 1

uint64_t tally_random(void); // from the system; the clock where it has none

#endif
