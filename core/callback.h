// core/callback.h: what user code that the library calls for reasons of its own must not disturb: destructors, finalizers,
// releases. Whoever dropped the last reference may be about to report an error, or to look at `errno`.
//
// The thread that makes the call, around it.
#ifndef TALLY_CORE_CALLBACK_H
#define TALLY_CORE_CALLBACK_H

#include "error.h"

#include <errno.h>

struct tally_callback {
	struct tally_error_saved error;
	int number; // errno
};

static inline struct tally_callback tally_callback_begin(void)
{
	struct tally_callback before = {.number = errno};
	tally_error_save(&before.error);
	return before;
}

static inline void tally_callback_end(const struct tally_callback *before)
{
	tally_error_restore(&before->error);
	errno = before->number;
}

#endif
