// core/runtime.h: what a start and a shutdown ask of the threads (core/thread.c), in the order of their use.
// The calling thread holds no lock of the library.
#ifndef TALLY_CORE_RUNTIME_H
#define TALLY_CORE_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

// A new start begins, behind the closed door. 0; -1: the system has no thread-specific key left.
int tally_threads_prepare(void);

// Runs `act` as an attached thread while the door is closed. Returns its result, or -1 with the error set.
int tally_thread_act_inside(int (*act)(void), const char *operation);

// From now on threads may attach.
void tally_threads_open(void);

// The calling thread is detached afterwards, whatever it was; its sections have ended.
void tally_thread_withdraw(void);

// Refuses new attaches and waits until no other thread is attached or in a region. Returns 0 and leaves the door closed,
// or, after `timeout_ns`, how many threads still are, with their names, and the door open again.
size_t tally_threads_close(uint64_t timeout_ns, char *names, size_t size);

#endif
