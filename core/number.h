// core/number.h: ints, floats and booleans from the inside, and what equality means between them.
//
// I1  Numbers are immutable to whoever can see them. (core/dict.c changes an int in place when its entry holds the only
//     reference, under the dict's lock: nobody can see it then.)
// I2  A bool has the layout of an int, with the value 0 or 1.
// I3  tally_number_equal(a, b) implies equal hashes, whatever the types of a and b (tests/number.c: every pair).
// I4  tally_small_ints holds an immortal int for each value from TALLY_SMALL_LEAST to TALLY_SMALL_MOST, and there is no other int
//     with that value for anybody to see.
#ifndef TALLY_CORE_NUMBER_H
#define TALLY_CORE_NUMBER_H

#include "object.h"

struct tally_int {
	struct tally_object header;
	int64_t value;
};

struct tally_float {
	struct tally_object header;
	double value;
};

static inline bool tally_number_is(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_INT || object->type == TALLY_TYPE_FLOAT || object->type == TALLY_TYPE_BOOL;
}

// ---- making ints ----

enum { TALLY_SMALL_LEAST = -5, TALLY_SMALL_MOST = 256, TALLY_SMALLS = TALLY_SMALL_MOST - TALLY_SMALL_LEAST + 1 };
extern struct tally_int *tally_small_ints[TALLY_SMALLS]; // written while the runtime starts and ends (core/singleton.c)

static inline bool tally_int_is_small(int64_t value) { return (uint64_t)value - (uint64_t)TALLY_SMALL_LEAST < TALLY_SMALLS; }

// The value is small. Dropping the "new" reference does nothing.
static inline struct tally_int *tally_int_small(int64_t value) { return tally_small_ints[value - TALLY_SMALL_LEAST]; }

// An int that is nobody else's yet, whatever its value: for who changes the value before others can see it, to one that is not
// small. Leaf code. NULL: no memory; no error is set.
static inline struct tally_int *tally_int_try_make(int64_t value)
{
	struct tally_int *made = (struct tally_int *)tally_object_try_new(TALLY_TYPE_INT, sizeof *made, TALLY_LAYOUT_LEAF);
	if (tally_likely(made != NULL)) made->value = value;
	return made;
}

// The int of that value, a new one unless it is small. Leaf code. NULL as above.
static inline struct tally_int *tally_int_try_of(int64_t value)
{
	return tally_int_is_small(value) ? tally_int_small(value) : tally_int_try_make(value);
}

// The same, and a float, for constructors that have passed their run point: NULL with the error set, which names `operation`.
struct tally_object *tally_int_of(const char *operation, int64_t value);
struct tally_object *tally_float_of(const char *operation, double value);

// ---- what numbers share ----

// Both are numbers: 1 or 0. By value and exactly: 2^53 + 1 does not equal the nearest double. A NaN equals nothing.
int tally_number_equal(const struct tally_object *a, const struct tally_object *b);

// LT, LE, GT, GE: 1 or 0, as exactly; with a NaN 0.
int tally_number_compare(const struct tally_object *a, const struct tally_object *b, enum tally_comparison comparison);

// A type's `hash` and `repr`, for all three.
int tally_number_hash(struct tally_object *number, uint64_t *hash, const char *operation);
int tally_number_repr(struct tally_object *number, struct tally_text *text);

// The singletons: none, the booleans, the small ints (core/singleton.c). 0, or -1 with the error set.
int tally_singletons_init(void);
void tally_singletons_fini(void);

#endif
