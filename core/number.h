// core/number.h: ints, floats and booleans from the inside, and what equality means between them.
//
// I1  Numbers are immutable to whoever can see them. (core/dict.c changes an int in place when its entry holds the only
//     reference, under the dict's lock: nobody can see it then.)
// I2  A bool has the layout of an int, with the value 0 or 1.
// I3  tally_number_equal(a, b) implies equal hashes, whatever the types of a and b (tests/number.c: every pair).
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

// A new int; leaf code. NULL: no memory; no error is set.
static inline struct tally_int *tally_int_try_make(int64_t value)
{
	struct tally_int *made = (struct tally_int *)tally_object_try_new(TALLY_TYPE_INT, sizeof *made, TALLY_LAYOUT_LEAF);
	if (tally_likely(made != NULL)) made->value = value;
	return made;
}

// Both are numbers: 1 or 0. By value and exactly: 2^53 + 1 does not equal the nearest double. A NaN equals nothing.
int tally_number_equal(const struct tally_object *a, const struct tally_object *b);

// A type's `hash`, for all three.
int tally_number_hash(struct tally_object *number, uint64_t *hash, unsigned depth);

// The singletons: tally_none, tally_bool (core/singleton.c). 0, or -1 with the error set.
int tally_singletons_init(void);
void tally_singletons_fini(void);

#endif
