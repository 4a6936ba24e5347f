// tally/runtime.h: the life of the runtime: configuration, start, shutdown.
//
// There is one runtime a process. tally_init is counted, so that two libraries in one process can both use it; the
// last tally_fini shuts it down, and after a complete shutdown it can be started anew.
#ifndef TALLY_RUNTIME_H
#define TALLY_RUNTIME_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Gives `size` bytes aligned at `alignment` (a power of two, 64 MiB), zeroed, or NULL. May be called by any thread, one at
// a time; must not call this library.
typedef void *(*tally_arena_alloc_fn)(size_t size, size_t alignment, void *context);
// Takes back what the former gave.
typedef void (*tally_arena_free_fn)(void *arena, size_t size, void *context);
// Told that `wanted` bytes could not be had; true: try once more (the host has raised the limit or freed something
// outside the library). Called in the middle of a call, perhaps with an object locked: of this library it may call
// tally_heap_limit_set and nothing else.
typedef bool (*tally_memory_hook_fn)(size_t wanted, void *context);
// Told that a thread has waited for long until all others come to a point, or for the lock of the `gil` build. `report`
// names, a line each as tally_threads_report has them (tally/thread.h), the threads that are in the way, and what they
// wait for; it is gone when the hook returns, and cut at 2,047 bytes. Called by the thread that waits, in the middle of a
// call and not attached (in `gil` by several at a time): of this library it may call tally_threads_report and nothing
// else, and it must not wait for other threads, nor take a lock inside of which they make calls of this library. The
// wait goes on when it returns.
typedef void (*tally_stall_hook_fn)(const char *report, void *context);

// How the runtime is set up. Zero everywhere but in `size` is the default.
typedef struct tally_config {
	size_t size;                     // sizeof(tally_config): lets the struct grow
	size_t memory_limit;             // bytes of heap pages in use, 0: no limit; settable later too
	tally_memory_hook_fn on_memory;  // out-of-memory hook
	tally_arena_alloc_fn arena_alloc; // custom arena allocator: both or neither
	tally_arena_free_fn arena_free;
	void *context;            // passed to the four hooks
	uint64_t switch_interval; // `gil` only: ns after which a waiter asks for the lock; 0: as it is, at first 5,000,000
	uint64_t hash_seed;       // seeds the hash of strings; 0: random
	uint64_t stall_ns;        // ns of a wait until on_stall is told, and again each time it has become twice as long;
	                          // 0: 1,000,000,000; UINT64_MAX: never
	tally_stall_hook_fn on_stall;
} tally_config;

// Starts the runtime, or counts one more user of it; `config` may be NULL and is ignored by all but the first.
// Returns 0; -1 with TALLY_ERROR_VALUE (a malformed config), TALLY_ERROR_MEMORY, or TALLY_ERROR_CLOSING while a
// shutdown runs. The calling thread need not be attached and is not attached by it.
TALLY_API int tally_init(const tally_config *config);

// Gives one use back. The last one refuses new attaches, waits up to `timeout_ns` until every other thread has
// detached or left its blocking region, calls the finalize handles that are left (tally/weakref.h; what they make is called, too,
// so one that always makes another keeps it from ending), collects all cycles (finalizers run), and frees everything. The calling
// thread may be attached; it is not afterwards. `*leaked`, if not NULL, receives the number of objects that were
// still alive (their memory is freed all the same, their destructors do not run). Returns 0; -1 with
// TALLY_ERROR_TIMEOUT, which names the threads and leaves the runtime running, or TALLY_ERROR_CLOSING when it is not
// running.
TALLY_API int tally_fini(uint64_t timeout_ns, uint64_t *leaked);

// "gil", "biased" or "atomic". Any thread, any time.
TALLY_API const char *tally_variant(void);

// The library's version, "major.minor.patch". Any thread, any time.
TALLY_API const char *tally_version(void);

#ifdef __cplusplus
}
#endif

#endif
