// core/capsule.h: a capsule from the inside.
//
// I1  Everything is written before anybody else can see the capsule; reading needs no lock.
#ifndef TALLY_CORE_CAPSULE_H
#define TALLY_CORE_CAPSULE_H

#include "header.h"

struct tally_capsule {
	struct tally_object header;
	void *pointer;
	void (*destroy)(void *pointer); // NULL: nothing to do
	char name[];
};

// A capsule that does nothing yet when it dies: `pointer` and `destroy` are the caller's to set. NULL: no memory; no
// error is set. As tally_object_new.
struct tally_capsule *tally_capsule_make(const char *name);

// What is wrong with a name, which must have 1 to 63 bytes; NULL: nothing.
const char *tally_capsule_name_fault(const char *name);

#endif
