// core/call.h: calling with arguments in front of those of the call: what bound functions and bound methods do.
//
// Any attached thread, no object's lock held: user code runs.
#ifndef TALLY_CORE_CALL_H
#define TALLY_CORE_CALL_H

#include "header.h"

// Calls `callable` with the `bound` objects first, then the arguments; up to 16 of them together need no memory. The
// caller's level is the call's (tally_object_call has counted it): it counts once more only where the chain of what is
// bound goes on. NULL with the error set.
struct tally_object *tally_call_bound(struct tally_object *callable, struct tally_object *const *bound, size_t bound_count,
                                      struct tally_object *const *arguments, size_t count);

// Looks for a NULL among the arguments. 0, or -1 with the error set.
int tally_call_check(const char *operation, struct tally_object *const *arguments, size_t count);

#endif
