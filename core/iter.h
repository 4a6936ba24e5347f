// core/iter.h: iteration for use within the library: of anything that tally_iter takes, without a point.
//
// Whoever calls has passed a run point of its own (tally_enter_run, tally_enter_new), since an iterator is an object, and holds
// no lock: a callable and the equality of what it gives are the host's code. Errors name `operation`.
//
//     struct tally_object *iterator = tally_object_iter(items, "set_update"), *item;
//     int status = -1;
//     if (iterator) {
//             while ((status = tally_object_next(iterator, &item, "set_update")) == 1) { ... variant_decref(item); }
//             variant_decref(iterator);
//     }
//
// Whoever needs all elements at once, and knows that they stay, takes them with core/gather.h.
#ifndef TALLY_CORE_ITER_H
#define TALLY_CORE_ITER_H

#include "gather.h"
#include "header.h"

// A new reference to an iterator over `object`; to `object` itself when it is one. NULL with the error set.
struct tally_object *tally_object_iter(struct tally_object *object, const char *operation);

// 1 with a new reference in *item; 0 at the end, -1 with the error set (*item is NULL). `iterator` is one.
int tally_object_next(struct tally_object *iterator, struct tally_object **item, const char *operation);

// Calls `visit` with each element of `items`, whose reference stays the callee's only for the call, until it returns something
// else than 0, which is then the result; 0 at the end; -1 also with an error of the iteration. `visit` may run the host's code.
int tally_object_each(struct tally_object *items, int (*visit)(struct tally_object *item, void *context), void *context,
                      const char *operation);

#endif
