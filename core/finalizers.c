// core/finalizers.c: the queue of objects whose finalizers do not run inline (core/finalizers.h).
// How the queue is kept.
#include "finalizers.h"
#include "error.h"

#include <tally/finalizer.h>

void tally_finalizers_open(void) {}

bool tally_finalizers_end_thread(uint64_t timeout_ns)
{
	(void)timeout_ns;
	return true;
}

void tally_finalizers_resume_thread(void) {}
void tally_finalizers_close(void) {}

bool tally_finalizers_defer(void) { return false; }

void tally_finalizers_put(struct tally_object *object) { (void)object; }

int tally_finalizer_set_mode(enum tally_finalizer_mode mode)
{
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "finalizer_set_mode", "mode %d: not built yet", (int)mode);
}

enum tally_finalizer_mode tally_finalizer_get_mode(void) { return TALLY_FINALIZER_INLINE; }

int64_t tally_finalizers_run(size_t most)
{
	(void)most;
	return 0;
}

size_t tally_finalizers_pending(void) { return 0; }

int tally_finalizers_wait(uint64_t timeout_ns)
{
	(void)timeout_ns;
	return 0;
}
