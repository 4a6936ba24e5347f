// core/function.h: a function from the inside.
//
// I1  Everything is written once, before anybody else can see the function: reading needs no lock.
// I2  `call` is NULL exactly for a function that binds arguments: `captured` is then the callable, which binds none
//     itself unless it is a method, and the arguments.
#ifndef TALLY_CORE_FUNCTION_H
#define TALLY_CORE_FUNCTION_H

#include "tuple.h"
#include "type.h"

#include <tally/callable.h>

enum { TALLY_FUNCTION_SLOTS = 2 };

struct tally_function {
	struct tally_object header;
	struct tally_tuple *captured;  // NULL: nothing
	struct tally_object *releaser; // a capsule that holds `context` and its release; NULL: there is none
	tally_function_call call;
	void *context;
	size_t least, most;
	struct tally_object *anchor; // core/weakref.h
	char name[];
};

static_assert(offsetof(struct tally_function, captured) == 16, "TALLY_LAYOUT_SLOTS");

static inline bool tally_function_is_native(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_FUNCTION && ((const struct tally_function *)object)->call;
}

// What to call it in a text: a function's name, else the type's.
static inline const char *tally_function_name(const struct tally_object *callable)
{
	if (callable->type == TALLY_TYPE_FUNCTION) return ((const struct tally_function *)callable)->name;
	return tally_type(callable)->name;
}

#endif
