// tally/finalizer.h: where and when finalizers run (those of host types, tally/host.h, and of classes, tally/class.h).
//
// Inline, as CPython does it, a finalizer runs on whatever thread dropped the last reference or collected, in the middle of whatever
// that thread was doing: it must not take locks that such a thread may hold. In the two other modes an object with a
// finalizer that reaches zero, or that the collector finds unreachable, is put into a queue with one reference, and so lives
// on with all that it refers to; its finalizer runs when the host pumps the queue, or on a thread of the library. Then that
// reference is dropped, and the object dies by its count or is found by the next collection, unless the finalizer has kept it.
// In each mode a finalizer runs once in an object's life (PEP 442).
//
// While an object waits in the queue tally_gc_is_finalized is false, and no collection counts it. Weak references lead to one that was
// dropped to zero until it really dies, so any thread may get it meanwhile; one that the collector found has lost them already.
// Deallocs, callbacks of weak references and finalize handles run inline in all modes: for an object that has been in the queue
// that is the thread that has run its finalizer, as a rule, for then it drops the last reference.
#ifndef TALLY_FINALIZER_H
#define TALLY_FINALIZER_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tally_finalizer_mode {
	TALLY_FINALIZER_INLINE,    // the default
	TALLY_FINALIZER_ON_DEMAND, // by tally_finalizers_run
	TALLY_FINALIZER_THREAD,    // by a thread of the library, named "tally finalizer", with 1 MiB of stack and all signals blocked
};

// Sets the mode for objects that are to be finalized from now on; those in the queue wait for tally_finalizers_run, or the thread. Ends
// the thread when it is no longer needed, after the finalizer that it is running; so does tally_fini, which then runs what is
// left in the queue inline, before anything is cleared. 0; -1 with TALLY_ERROR_VALUE (no such mode), TALLY_ERROR_MEMORY (no
// thread to be had; the mode is as it was), TALLY_ERROR_CLOSING, TALLY_ERROR_THREAD (called by a finalizer on that thread, or in a
// section). Any thread; a blocking region if it is attached. A new runtime begins with TALLY_FINALIZER_INLINE. (A tally_fini that
// fails has ended the thread and starts it anew; if it cannot be had any more the mode is TALLY_FINALIZER_ON_DEMAND.)
TALLY_API int tally_finalizer_set_mode(enum tally_finalizer_mode mode);
TALLY_API enum tally_finalizer_mode tally_finalizer_get_mode(void);

// Runs finalizers of the queue, the oldest first, `most` at most (SIZE_MAX: until it is empty). Several threads may; each finalizer
// runs once. Returns how many ran: 0 when a finalizer of the queue asks, which runs no others. -1 with TALLY_ERROR_THREAD (not
// attached, or in a section). A run point, and another one after each finalizer. Errors that finalizers leave go to the unraisable
// hook; the calling thread's error and errno are as before. Objects that died while there was no memory come out of turn.
TALLY_API int64_t tally_finalizers_run(size_t most);

// How many objects are in the queue. Any thread, any state; a glimpse.
TALLY_API size_t tally_finalizers_pending(void);

// Waits until there are some. 1: there are; 0: not within `timeout_ns`; -1 with TALLY_ERROR_THREAD (in a section), TALLY_ERROR_CLOSING
// (the runtime is not running, or a tally_fini has begun, which ends the wait).
// Any thread; one that is attached is in a blocking region meanwhile.
TALLY_API int tally_finalizers_wait(uint64_t timeout_ns);

#ifdef __cplusplus
}
#endif

#endif
