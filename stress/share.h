// stress/share.h: what the programs of the benchmarks of sharing and of weak references have in common: the list of rows, the
// sizes, what a side gives.
//
// stress/share.c has `main`, the threads and the clock. It is linked with stress/share_tally.c, stress/share_private.c and
// stress/share_shared.c into one program for each build, with stress/share_python.c into one that does the same in CPython, and with
// stress/share_floor.c into one that has no objects, only counters. docs/share.md says what each row is. The programs that measure
// weak references have their rows in stress/weak_*.c and its like (docs/weak.md).
#ifndef TALLY_STRESS_SHARE_H
#define TALLY_STRESS_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	ITEMS = 1000,        // elements of a list, keys of a dict; divides the operations of a pass
	PORTION = 4 * ITEMS, // operations between two looks at the clock
	MOST_THREADS = 8,
	KEY_SIZE = 16,    // bytes of a key's text, its end included
	FIRST_INT = 1000, // beyond the ints that are kept ready-made
	HASH_SEED = 1,    // of the hashes of str, so that counts of instructions repeat
};

// What the loops work on: each side has its own. One for each thread, or, in a shared row, one for all of them.
struct place;

struct lane {
	struct place *place;
	size_t index, count; // which thread of how many
	size_t first, step;  // how it goes through the ITEMS
};

enum kind {
	PRIVATE, // each thread has a place of its own
	SHARED,  // one place for all threads, made by the first, which owns what is in it
	IN_STEP, // the same, and they go through the items in the same order: after a while, together
};

struct row {
	const char *name;
	enum kind kind;
	void (*prepare)(struct place *place);
	void (*pass)(const struct lane *lane, size_t operations); // a multiple of ITEMS
	void (*finish)(struct place *place);
};

// In order, NULL after the last. A side leaves out what it has not got.
const struct row *side_row(size_t i);
const char *side_name(void); // "gil", "biased", "atomic", "python" or "floor"
const char *side_version(void);

// The runtime begins and ends, on the thread of `main`. `side_stop` checks that nothing is alive.
void side_start(void);
void side_stop(void);
// The calling thread begins and ends to use it; and between them, so that nobody waits for it, when it waits itself.
void side_enter(void);
void side_leave(void);
void side_pause(void);
void side_resume(void);
struct place *side_place(size_t i);

// Ends the program with status 1.
__attribute__((noreturn)) void fail(const char *what);

// The text of key number `i`: "key-00007".
const char *key_text(size_t i, char text[KEY_SIZE]);

// Which key the `i`-th look-up takes: all of them in turn, in an order that no prefetcher follows. 389 and ITEMS have no
// common divisor.
static inline size_t shuffled(size_t i) { return i * 389 % ITEMS; }

// The body once for each operation of a pass, `i` going through the items in the lane's order.
#define EACH_OPERATION(lane, i)                                                                                        \
	for (size_t done = 0; done < operations; done += ITEMS)                                                        \
		for (size_t left = ITEMS, i = (lane)->first; left > 0;                                                 \
		     left--, i += (lane)->step, i -= i < ITEMS ? 0 : ITEMS)

#ifdef __cplusplus
}
#endif

#endif
