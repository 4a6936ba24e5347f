// core/unraisable.h: errors of the host's code that nobody waits for: callbacks that the library calls because an object has died.
//
// They go to the hook that the host has set (tally_unraisable_set), else nowhere.
// Any attached thread; no lock held.
#ifndef TALLY_CORE_UNRAISABLE_H
#define TALLY_CORE_UNRAISABLE_H

#include "header.h"

// The thread's error, which `source` has left, goes to the hook; `operation` is what the library was doing. The error is cleared.
void tally_unraisable_report(const char *operation, struct tally_object *source);

// Calls `callable` with references of the caller's, drops what it gives, and reports its error. The thread's error and errno are
// as before.
void tally_unraisable_call(const char *operation, struct tally_object *callable, struct tally_object *const *arguments, size_t count);

// The runtime starts or has ended: there is no hook.
void tally_unraisable_reset(void);

#endif
