// core/atomics.h: the verbs through which the library touches memory that threads share, and the ones by which a
// thread waits. Everything else in the tree uses these, never <stdatomic.h> directly.
//
// Why verbs: a build with TALLY_SCHEDULED defined sends each access and each wait through an exhaustive scheduler
// (tests/schedule/), so that the real code of a protocol is explored, not a copy of it. In every other build a verb
// is exactly the C11 operation that it names.
//
// I1  The order of an access stands at its site, as a word: relaxed, acquire, release, acq_rel or seq_cst.
// I2  There are no stand-alone fences: ThreadSanitizer cannot see them. The one asymmetric barrier is in biased/.
// I3  A failed compare-and-swap is relaxed and leaves what it saw in *expected.
#ifndef TALLY_CORE_ATOMICS_H
#define TALLY_CORE_ATOMICS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef TALLY_SCHEDULED
#include "schedule_hooks.h" // tests/schedule/: defines tally_scheduled_access and the waiting verbs
#define TALLY_ACCESS(address, writes) tally_scheduled_access((address), (writes))
#else
#define TALLY_ACCESS(address, writes) ((void)0)
#endif

#define tally_load(p, order) (TALLY_ACCESS((p), false), atomic_load_explicit((p), memory_order_##order))
#define tally_store(p, value, order)                                                                                  \
	(TALLY_ACCESS((p), true), atomic_store_explicit((p), (value), memory_order_##order))
#define tally_exchange(p, value, order)                                                                               \
	(TALLY_ACCESS((p), true), atomic_exchange_explicit((p), (value), memory_order_##order))
#define tally_cas(p, expected, desired, order)                                                                        \
	(TALLY_ACCESS((p), true), atomic_compare_exchange_strong_explicit((p), (expected), (desired),                 \
	                                                                  memory_order_##order, memory_order_relaxed))
#define tally_fetch_add(p, n, order) (TALLY_ACCESS((p), true), atomic_fetch_add_explicit((p), (n), memory_order_##order))
#define tally_fetch_sub(p, n, order) (TALLY_ACCESS((p), true), atomic_fetch_sub_explicit((p), (n), memory_order_##order))
#define tally_fetch_or(p, n, order) (TALLY_ACCESS((p), true), atomic_fetch_or_explicit((p), (n), memory_order_##order))
#define tally_fetch_and(p, n, order) (TALLY_ACCESS((p), true), atomic_fetch_and_explicit((p), (n), memory_order_##order))

// ---- waiting ---------------------------------------------------------------------------------------------------
// tally_wait sleeps while the 32 bits at `p` equal `seen` (the low half of a 64-bit word: tally_low_half), at most
// `timeout_ns` (TALLY_FOREVER: no limit). It may return for no reason: callers look again. It orders nothing.
// tally_wake wakes up to `count` threads that sleep on `p`.

#define TALLY_FOREVER UINT64_MAX

#ifndef TALLY_SCHEDULED
void tally_wait(const _Atomic uint32_t *p, uint32_t seen, uint64_t timeout_ns);
void tally_wake(const _Atomic uint32_t *p, int count);

// A latch guards a few lines of the library's own bookkeeping; nobody waits, allocates from a heap or calls out
// while holding one.
struct tally_latch {
	pthread_mutex_t mutex;
};
#define TALLY_LATCH_INIT {PTHREAD_MUTEX_INITIALIZER}

static inline void tally_latch_take(struct tally_latch *latch) { pthread_mutex_lock(&latch->mutex); }
// False: somebody holds it, and the caller does not wait.
static inline bool tally_latch_try(struct tally_latch *latch) { return pthread_mutex_trylock(&latch->mutex) == 0; }
static inline void tally_latch_drop(struct tally_latch *latch) { pthread_mutex_unlock(&latch->mutex); }

// Tells the processor that this thread spins.
static inline void tally_spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}
#endif

// The futex word inside a 64-bit word: its low 32 bits, wherever the byte order puts them.
static inline const _Atomic uint32_t *tally_low_half(const _Atomic uint64_t *p)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (const _Atomic uint32_t *)(const void *)p + 1;
#else
	return (const _Atomic uint32_t *)(const void *)p;
#endif
}

#endif
