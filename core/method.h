// core/method.h: a bound method from the inside.
//
// I1  Both references are there, written once, before anybody else can see the method: reading needs no lock.
#ifndef TALLY_CORE_METHOD_H
#define TALLY_CORE_METHOD_H

#include "header.h"

enum { TALLY_METHOD_SLOTS = 2 };

struct tally_method {
	struct tally_object header;
	struct tally_object *function; // anything callable
	struct tally_object *self;
	struct tally_object *anchor; // core/weakref.h
};

static_assert(offsetof(struct tally_method, function) == 16, "TALLY_LAYOUT_SLOTS");

// For use within the library once a run point has been passed; as tally_object_new it may stop the world when memory is
// short. `function` is callable. NULL: no memory; no error is set.
struct tally_object *tally_method_make(struct tally_object *function, struct tally_object *self);

#endif
