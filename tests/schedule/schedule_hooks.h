// tests/schedule/schedule_hooks.h: what core/atomics.h puts in place of bare memory and of the kernel's waits in a
// build with TALLY_SCHEDULED defined, so that the exhaustive scheduler (scheduler.h) decides who goes next before each
// access to shared memory. The code under test is the real one; only this file differs from the other builds.
//
// I1  Every hook is called before the access that it announces. The caller performs the access, with a real C11 atomic,
//     and runs on without interruption up to its next hook.
// I2  Outside fibers (in a scenario's init and check) no hook switches: an access is just performed.
// I3  All orders are the same here: what runs is sequentially consistent. Weak orders are tests/litmus/'s subject.
#ifndef TALLY_SCHEDULE_HOOKS_H
#define TALLY_SCHEDULE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A switch point: the caller is about to read, or to write (a read-modify-write writes, even when it turns out to
// fail), what `address` points to: the type of the pointer says how many bytes, at most 8. The function and the line
// are shown when a schedule is replayed.
#define tally_scheduled_access(address, writes) \
	tally_scheduled_access_at((address), sizeof *(address), (writes), __func__, __LINE__)
void tally_scheduled_access_at(const volatile void *address, size_t size, bool writes, const char *function, int line);

// The calling fiber's stand-in for thread-local storage, or that of init and check: TALLY_SCHEDULED_SELF_BYTES of it,
// aligned to a cache line, zero before each init.
#ifndef TALLY_SCHEDULED_SELF_BYTES
#define TALLY_SCHEDULED_SELF_BYTES 8192
#endif
void *tally_scheduled_self(void);

// As core/atomics.h says. To look at *p and to fall asleep is one step. Sleepers are woken in order of arrival. A
// timeout strikes only when nothing else can run, so that a lost wake-up of a wait without one shows as a deadlock.
void tally_wait(const _Atomic uint32_t *p, uint32_t seen, uint64_t timeout_ns);
void tally_wake(const _Atomic uint32_t *p, int count);

// A latch: whoever wants a held one cannot be chosen until it is dropped.
struct tally_latch {
	int holder; // 0: free, else the number of the fiber that holds it, plus 1
};
#define TALLY_LATCH_INIT {0}
void tally_latch_take(struct tally_latch *latch);
void tally_latch_drop(struct tally_latch *latch);

// The first pause lets the caller pass; the next one sleeps until another fiber has changed memory that the caller has
// touched since: another round of the loop could not see anything new before. When nothing else can run the loop does
// get more rounds, so that a spin with a limit ends; but to give up is explored in full only for a limit of 1, which is
// what the hard build (TALLY_HARD) has.
void tally_spin_pause(void);

#endif
