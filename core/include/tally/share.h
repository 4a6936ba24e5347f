// tally/share.h: what makes shared objects cheap to read: read sections, objects that are spread, the report of the hottest ones,
// and what waits to be freed until nobody can be reading it any more.
//
// Every operation of this library is safe on an object that other threads use (docs/promises.md has what is atomic). What a
// shared object costs is the counting: a reference taken by many threads moves one line of memory between their processors. Here
// are three ways to count less: borrow instead of counting (a read section), count per thread (tally_spread), do not count at
// all (tally_immortalize, tally/object.h).
#ifndef TALLY_SHARE_H
#define TALLY_SHARE_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- read sections -------------------------------------------------------------------------------------------------
// A read section is opened on one list, tuple, dict, set or frozenset. What its getters return is **borrowed**: valid until the
// section ends without being counted, whatever anybody does to the container meanwhile. Other threads go on changing it (in
// `gil` they wait until the section ends: it is the lock held); a getter shows the container as it is at the moment of the
// call, which may be in the middle of another thread's change of many elements, or of its critical section. While any section
// is open, what a container that has had one gives up waits until the sections that may have seen it have ended; so
// sections should be short. Objects whose last reference this thread drops inside are destroyed when the outermost section
// ends. Sections nest, on the same container or others, last begun first ended. The struct is the caller's (on its stack) and
// must stay where it is; the caller keeps the container alive.
//
// A blocking region inside a section suspends it: what was borrowed before is not valid after it. No cycles are collected by
// a thread inside a section, and it cannot detach for good.

typedef struct tally_read {
	tally_object *container;
	struct tally_read *outer;
	uint64_t spare[2];
} tally_read;

// 0; -1 with TALLY_ERROR_THREAD when the thread is not attached, TALLY_ERROR_TYPE for an object of another kind. A stop point.
TALLY_API int tally_read_begin(tally_read *section, tally_object *container);

// Ends the innermost read section of this thread. What waited for it is destroyed. 0; -1 with TALLY_ERROR_THREAD,
// TALLY_ERROR_VALUE when `section` is not it.
TALLY_API int tally_read_end(tally_read *section);

// The getters are no points, and take `section`, which is open, on the thread that opened it.

// The number of elements or keys now.
TALLY_API size_t tally_read_size(const tally_read *section);

// The element of a list or a tuple at `index` (negative: from the end), borrowed; NULL with TALLY_ERROR_INDEX when there is none,
// TALLY_ERROR_TYPE for a container of another kind.
TALLY_API tally_object *tally_read_item(const tally_read *section, ptrdiff_t index);

// Up to `most` elements of a list or a tuple from `start` on, borrowed, into `items`. Returns how many: fewer than `most` when
// the container ends there, and 0 with TALLY_ERROR_TYPE for a container of another kind. For scans: one call for many elements.
TALLY_API size_t tally_read_items(const tally_read *section, size_t start, tally_object **items, size_t most);

// The value of `key` in a dict, borrowed, in *value; *value is NULL when there is none. 1 found, 0 absent, -1 with
// TALLY_ERROR_TYPE (an unhashable key, a container of another kind), TALLY_ERROR_VALUE (NULL), or what the key's hash or
// equality raised (those of classes are the host's code, which may use the library).
TALLY_API int tally_read_get(const tally_read *section, tally_object *key, tally_object **value);

// Whether a dict has the key, or a set the element; with the results and errors of tally_read_get.
TALLY_API int tally_read_contains(const tally_read *section, tally_object *key);

// The next entry from *position on (at first 0), borrowed: a dict's key and value; a set's element in *key, and *value NULL.
// Either place may be NULL. 1; 0 at the end; -1 with TALLY_ERROR_TYPE for a container of another kind. A change meanwhile may
// cause an entry to be skipped or repeated, never one that was not there.
TALLY_API int tally_read_next(const tally_read *section, size_t *position, tally_object **key, tally_object **value);

// ---- spread objects ------------------------------------------------------------------------------------------------

// From now on each thread counts its references to `object` for itself, exactly: threads that count it never touch the same
// memory. The counts are added up in a full collection, which alone destroys a spread object (when nobody has a reference, or
// nothing but unreachable objects has). In `gil`, where threads never count at the same time, it does nothing and the object
// dies as ever. Stops the world. At most 65,535 objects are spread at a time. The caller has a reference and keeps it. 0, also
// for an object that is spread or immortal already; -1 with TALLY_ERROR_THREAD, TALLY_ERROR_TYPE (NULL), TALLY_ERROR_MEMORY,
// TALLY_ERROR_OVERFLOW (no place left).
TALLY_API int tally_spread(tally_object *object);
// Any attached thread. False for NULL, and always in `gil`.
TALLY_API bool tally_is_spread(const tally_object *object);

// ---- the hottest objects -------------------------------------------------------------------------------------------
// Counts by threads that are not the owner of an object (in `biased`; in `gil` there are none) can be sampled: of each
// thread's foreign counts every `period`-th, with a little chance, is noted. What is noted most is worth being spread,
// immortalized or read in sections.

typedef struct tally_hot {
	const void *address;   // of the object, which may be dead by now: not to be used as one
	const char *type_name; // of its type when it was noted last
	uint64_t samples;
} tally_hot;

// Starts sampling, with nothing noted, or changes the period. 0; -1 with TALLY_ERROR_VALUE (period 0), TALLY_ERROR_CLOSING. Any
// thread.
TALLY_API int tally_hot_start(uint32_t period);
// Ends it; what was noted stays until the next start. 0; -1 with TALLY_ERROR_CLOSING. Any thread.
TALLY_API int tally_hot_stop(void);
// Up to `most` objects into `hottest`, the hottest first. Returns how many there are. Any thread. The names of types that have
// died since are NULL.
TALLY_API size_t tally_hot_get(tally_hot *hottest, size_t most);

// ---- what waits to be freed ----------------------------------------------------------------------------------------

typedef struct tally_retired_stats {
	size_t size;           // in: sizeof(tally_retired_stats), lets the struct grow
	uint64_t bytes;        // of arrays, tables and pages given up that some thread might still be reading; part of page_bytes
	uint64_t number;       // of those, and of references given up by containers under read sections
	uint64_t lost;         // since the process began: references for which there was no memory to note them; they are kept for ever
	int holder;            // the kernel's number of the thread that holds them up longest; 0: none does
	bool holder_reads;     // it is in a read section; else it is attached and makes no calls
	char holder_name[32];
} tally_retired_stats;

// A glimpse: the threads go on meanwhile. In `gil`, where nobody reads while another changes, only what this thread's read
// section holds up. 0; -1 with TALLY_ERROR_VALUE (size), TALLY_ERROR_CLOSING while the runtime is not running. Any thread.
TALLY_API int tally_retired_get(tally_retired_stats *stats);

#ifdef __cplusplus
}
#endif

#endif
