// core/runtime.h: what a start and a shutdown ask of the threads (core/thread.c), in the order of the start.
// The calling thread holds no lock of the library.
#ifndef TALLY_CORE_RUNTIME_H
#define TALLY_CORE_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

// Opens the runtime for attaching. 0; -1: the system has no thread-specific key left.
int tally_threads_open(void);

// Refuses new attaches and waits until no other thread is attached or in a region. Returns how many still are after
// `timeout_ns` (then the runtime is open again) and their names.
size_t tally_threads_wait(uint64_t timeout_ns, char *names, size_t size);

// Lets the calling thread, which is detached, count as a user of the runtime and have a slot. 0, or -1 with the error set.
int tally_thread_join_in(const char *operation);

#endif
