// tally/base.h: what every other public header needs: linkage, the object type, statuses.
//
// Conventions of the whole interface, stated once:
//
// References.  A function that returns a tally_object * returns a new reference that the caller owns and drops with
//              tally_decref. Arguments are borrowed: no function takes over ("steals") a reference of its caller.
// Errors.      A function that can fail returns NULL or a negative number and sets the calling thread's error
//              (tally/error.h); nothing that it was given has then changed. Look-ups are three-valued: 1 found,
//              0 absent (not an error), -1 error.
// Threads.     Unless a declaration says otherwise the calling thread must be attached (tally/thread.h); the call is
//              a stop point: it may wait at its entry for a collection or, in the `gil` build, hand the lock over.
//              Called by a thread that is not attached, it fails with TALLY_ERROR_THREAD.
// Output.      The library never prints, exits, aborts, raises a signal or jumps.
#ifndef TALLY_BASE_H
#define TALLY_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define TALLY_API __attribute__((visibility("default")))
#define TALLY_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TALLY_API
#define TALLY_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Any object: none, a number, a string, a container, a host object, a type. Its fields are the library's own.
typedef struct tally_object tally_object;

// A start or stop that is left out, in calls that take a slice [start:stop:step]: the end at which the step begins or
// arrives. Others count from the end when negative, and are brought to the nearest end when outside.
#define TALLY_SLICE_NONE PTRDIFF_MIN

#ifdef __cplusplus
}
#endif

#endif
