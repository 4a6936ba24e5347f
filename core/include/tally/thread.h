// tally/thread.h: attaching threads, points, blocking regions, critical sections, the switch interval.
//
// A thread uses objects while it is attached. Two kinds of point keep a program of many threads going:
// a **stop point** may only wait (for a stopped world, or to hand the lock of the `gil` build over); every public
// call that needs an attached thread is one, at its entry. A **run point** may also run destructors of objects whose
// last reference another thread dropped, and collect (tally/gc.h): tally_safepoint, constructors at their entry (at
// the latest every 32nd, so that drops come back in batches), the beginning of a blocking region,
// tally_thread_detach, and those that say so. A tally_decref that destroys something runs such destructors, too
// (likewise), but does not collect.
#ifndef TALLY_THREAD_H
#define TALLY_THREAD_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// What an attach found, for the detach that undoes it. Opaque.
typedef struct tally_token {
	uint32_t previous;
} tally_token;

// Attaches the calling thread; on success `*token` says what detach must restore. Nests: attaching an attached
// thread is cheap and changes nothing; attaching inside a blocking region interrupts the region until the detach.
// Any thread of the process may attach; one that ends without detaching is detached then.
// Returns 0; -1 with TALLY_ERROR_CLOSING when the runtime is not running or is shutting down, or
// TALLY_ERROR_MEMORY (also: more than 65,532 threads attached at once).
TALLY_API int tally_thread_attach(tally_token *token);

// Restores what the matching attach found. Detaching for good is a run point at which objects that other threads
// gave up are destroyed. A mismatched token or an unattached thread: -1 with TALLY_ERROR_THREAD; else 0.
TALLY_API int tally_thread_detach(tally_token token);

// Names the calling thread in reports; cut at 31 bytes. No state needed, cannot fail.
TALLY_API void tally_thread_set_name(const char *name);

// Writes a line for each thread that is attached or in a blocking region: its name, its number in the kernel, how it
// stands to the others (attached, in a region, asked to stop and not come to a point, has the lock, waits ...) and what
// it does or waits for as the system knows it. A wait for a lock, a condition or a thread's end shows the address of the
// object waited for, or one inside it. For people to read: the wording may change. A glimpse: the threads go on
// meanwhile. Like snprintf it writes at most `size` bytes with the NUL, and returns the length that the whole text has;
// `text` may be NULL when `size` is 0. The text is empty while the runtime is not running. Any thread, any state, also
// while a stop of the world hangs; not from a signal handler. Cannot fail.
TALLY_API int tally_threads_report(char *text, size_t size);

// True while the calling thread is attached and outside blocking regions. No state needed.
TALLY_API bool tally_thread_is_attached(void);

// Begins a region in which the thread may wait or compute for long without touching objects: nobody waits for it,
// its objects' last references may be dropped by others and are freed at once. Suspends critical sections.
// A run point. -1 with TALLY_ERROR_THREAD when the thread is not attached; else 0.
TALLY_API int tally_blocking_begin(void);

// Ends it; may wait for a stopped world, or for the lock. -1 with TALLY_ERROR_THREAD outside a region; else 0.
TALLY_API int tally_blocking_end(void);

// A run point and nothing else, for loops that make no other call. -1 with TALLY_ERROR_THREAD; else 0.
TALLY_API int tally_safepoint(void);

// A critical section over one object: until it ends, no other thread's operation and no other section sees or
// changes that object, while the operations of this thread on it take no lock. Sections nest, last begun first
// ended. A section is suspended (the object is free for others, what was read must be read again) while its thread
// waits: in a blocking region, or inside an operation or section on another object that a third thread holds. After such
// a wait the innermost section holds again at once, an outer one over another object when it has become the innermost.
// Objects whose last reference is dropped inside are destroyed when the outermost section ends. The struct is the
// caller's (on its stack) and must stay where it is; `object` must be kept alive by the caller.
typedef struct tally_critical {
	tally_object *object, *other; // `other`: NULL unless the section is over two
	struct tally_critical *outer;
	uint32_t hold, other_hold;
} tally_critical;

// -1 with TALLY_ERROR_THREAD when the thread is not attached, TALLY_ERROR_TYPE when `object` is NULL; else 0. A stop point.
TALLY_API int tally_critical_begin(tally_critical *section, tally_object *object);

// The same over two objects at once, whatever their order here or in other threads' sections: they are held together, and
// suspended together. Both may be the same. For operations on both that nobody is to see half done: a section over one inside
// a section over the other holds both only as long as it has not had to wait.
TALLY_API int tally_critical_begin_two(tally_critical *section, tally_object *a, tally_object *b);

// Ends the innermost section. -1 with TALLY_ERROR_VALUE when `section` is not it; else 0.
TALLY_API int tally_critical_end(tally_critical *section);

// The switch interval of the `gil` build in ns: how long a waiter waits before it asks the holder for the lock.
// 0 is a value error. In the other builds: -1 with TALLY_ERROR_UNSUPPORTED. No state needed.
TALLY_API int tally_switch_interval_set(uint64_t ns);
TALLY_API int tally_switch_interval_get(uint64_t *ns);

#ifdef __cplusplus
}
#endif

#endif
