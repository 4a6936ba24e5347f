// stress/objects.h: what the programs of the benchmark of the object model share: the list of rows, the sizes, the texts of
// the keys.
//
// stress/objects.c has `main` and measures. It is linked with stress/objects_tally.c into one program for each build, and with
// stress/objects_python.c, which does the same through CPython's C API, into another. A side gives the functions below.
// One thread; docs/objects.md says what each row is.
#ifndef TALLY_STRESS_OBJECTS_H
#define TALLY_STRESS_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

enum {
	ITEMS = 1000,     // lists alive at a time; elements of a list; keys of a dict. Divides the operations of a pass
	PORTION = 100,    // elements that one call of extend or of build takes; divides ITEMS
	KEY_SIZE = 16,    // bytes of a key's text, its end included
	FIRST_INT = 1000, // the keys that are ints: beyond those that either side keeps ready-made
	ALIVE = 1000,     // objects of a kind alive at once when bytes are counted
	HASH_SEED = 1,    // of both sides' hashes of str, so that counts of instructions repeat
};

struct row {
	const char *name;
	void (*prepare)(void);           // makes what the row needs; NULL: nothing
	void (*pass)(size_t operations); // a multiple of ITEMS
	void (*finish)(void);            // gives it up; NULL: nothing
};

extern const struct row rows[];
extern const size_t row_count;
const char *side_name(void); // "gil", "biased" or "python"
const char *side_version(void);

// The runtime begins and ends. `side_stop` checks that nothing is alive that was not alive before.
void side_start(void);
void side_stop(void);

// Starts and stops the runtime by itself. For each kind of object that the table of bytes has, one call of `show`: what the
// runtime says of one of them, and what each of ALIVE of them took from the allocator, tables and arrays included.
void side_measure_bytes(void (*show)(const char *kind, double said, double taken));

// Ends the program with status 1.
_Noreturn void fail(const char *what);

// The text of key number `i`: "key-00007".
const char *key_text(size_t i, char text[KEY_SIZE]);

// Which key the `i`-th look-up takes: all of them in turn, in an order that no prefetcher follows. 389 and ITEMS have
// no common divisor.
static inline size_t shuffled(size_t i) { return i * 389 % ITEMS; }

#endif
