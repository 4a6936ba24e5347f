// core/gc_callbacks.c: the host's callbacks around collections (core/gc_callbacks.h).
// A list of them, called in order.
#include "gc_callbacks.h"
#include "error.h"

void tally_gc_callbacks_init(void) {}
void tally_gc_callbacks_fini(void) {}

void tally_gc_callbacks_call(enum tally_gc_phase phase, const struct tally_gc_collection *collection)
{
	(void)phase;
	(void)collection;
}

int tally_gc_callback_add(tally_gc_callback_fn call, void *context)
{
	(void)call;
	(void)context;
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_callback_add", "not built yet");
}

int tally_gc_callback_remove(int id)
{
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "gc_callback_remove", "callback %d: not built yet", id);
}
