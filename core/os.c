// core/os.c: the clock, records, randomness, and sleeping on a word (the waiting verbs of core/atomics.h).
//
// Waiting is Linux's futex (futex(2)), private to the process. A waiter may wake for no reason; every caller looks at
// its word again, so nothing here orders memory.
#include "os.h"
#include "heap.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS = 1000000000, LINE = 64 };

uint64_t tally_clock(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

void tally_wait(const _Atomic uint32_t *p, uint32_t seen, uint64_t timeout_ns)
{
	struct timespec limit = {(time_t)(timeout_ns / NS), (long)(timeout_ns % NS)};
	syscall(SYS_futex, p, FUTEX_WAIT_PRIVATE, seen, timeout_ns == TALLY_FOREVER ? NULL : &limit, NULL, 0);
}

void tally_wake(const _Atomic uint32_t *p, int count)
{
	syscall(SYS_futex, p, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void *tally_record_new(size_t size)
{
	if (TALLY_ASSERTIONS && tally_heap_fault()) return NULL;
	size = (size + LINE - 1) & ~(size_t)(LINE - 1);
	void *record = aligned_alloc(LINE, size);
	return record ? memset(record, 0, size) : NULL;
}

void tally_record_free(void *record) { free(record); }

void *tally_span_new(size_t size)
{
	void *span = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return span == MAP_FAILED ? NULL : span;
}

void tally_span_free(void *span, size_t size)
{
	if (span) munmap(span, size);
}

unsigned tally_processors(void)
{
	cpu_set_t allowed;
	CPU_ZERO(&allowed);
	int number = sched_getaffinity(0, sizeof allowed, &allowed) ? 1 : CPU_COUNT(&allowed);
	return number > 0 ? (unsigned)number : 1;
}

uint64_t tally_random(void)
{
	uint64_t value;
	if (getrandom(&value, sizeof value, GRND_NONBLOCK) != (ssize_t)sizeof value) return tally_clock();
	return value;
}
