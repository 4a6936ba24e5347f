// core/repr.h: what the types' `repr` share. Each adds to a text: 0, or -1 with the error set.
//
// Any attached thread.
#ifndef TALLY_CORE_REPR_H
#define TALLY_CORE_REPR_H

#include "text.h"

// A name that the host gave, as UTF-8 whatever it is.
int tally_repr_name(struct tally_text *text, const char *name);

// <KIND NAME at ADDRESS>
int tally_repr_named(struct tally_text *text, const char *kind, const char *name, const struct tally_object *object);

#endif
