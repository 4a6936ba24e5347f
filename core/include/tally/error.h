// tally/error.h: the calling thread's error.
//
// Each thread has one error: a code and a message that names the operation, what was given and what was expected. It
// is set by the call that failed and stays until the next failure of that thread, tally_error_clear, or the thread's
// end. Success does not clear it. None of these functions needs the thread to be attached; none can fail.
#ifndef TALLY_ERROR_H
#define TALLY_ERROR_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum tally_error_code {
	TALLY_ERROR_NONE = 0,
	TALLY_ERROR_TYPE,        // an object of the wrong type
	TALLY_ERROR_VALUE,       // the right type, an unusable value (bad UTF-8, a malformed option)
	TALLY_ERROR_INDEX,       // an index outside the container
	TALLY_ERROR_KEY,         // an absent key where one is required
	TALLY_ERROR_OVERFLOW,    // a number or a size that does not fit
	TALLY_ERROR_MEMORY,      // the memory limit, or the system has no more
	TALLY_ERROR_THREAD,      // the thread is not attached, or not in the state that the call needs
	TALLY_ERROR_CLOSING,     // the runtime is not running: not started, shutting down, or shut down
	TALLY_ERROR_TIMEOUT,     // what was waited for did not happen in time
	TALLY_ERROR_UNSUPPORTED, // this build does not offer it
	TALLY_ERROR_DEPTH,       // nesting deeper than 1,000 levels
	TALLY_ERROR_ATTRIBUTE,   // an attribute that the object does not have, or cannot have
};

// The code of the calling thread's error; TALLY_ERROR_NONE when there is none.
TALLY_API enum tally_error_code tally_error_code(void);

// Its message, "" when there is none. The text is the thread's own and valid until its next failure or its end.
TALLY_API const char *tally_error_message(void);

// Forgets it.
TALLY_API void tally_error_clear(void);

// Sets it, for hosts that report through the same channel. The text is cut at 255 bytes.
TALLY_API void tally_error_set(enum tally_error_code code, const char *format, ...) TALLY_PRINTF(2, 3);

// Told of the errors that no caller waits for, since the library called the host's code when an object died: a callback of a weak
// reference or weak method, the callable of a finalize handle; or a finalizer, which has left an error set at its return (that of a
// call that failed and was meant to, too: it is to be cleared with tally_error_clear). `operation` says which ("weakref callback",
// "finalize", "finalizer"), `source` is what was called, or the object that was finalized; both and `message` are valid during
// the call. On the thread on which it happened, attached, with no lock held; it may use the library, and must return. What
// has failed stops nothing else.
typedef void (*tally_unraisable_fn)(enum tally_error_code code, const char *message, const char *operation, tally_object *source,
                                    void *context);

// Sets the hook that is told from now on; NULL: nobody is. Forgotten when the runtime ends. Any thread, any state. Cannot fail.
TALLY_API void tally_unraisable_set(tally_unraisable_fn hook, void *context);

#ifdef __cplusplus
}
#endif

#endif
