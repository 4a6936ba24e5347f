// core/unraisable.c: the hook for errors that no caller waits for (core/unraisable.h).
//
// The hook and its context change together, under a latch that is not held during the call.
#include "unraisable.h"
#include "callback.h"
#include "object.h"
#include "os.h"

static struct {
	struct tally_latch latch;
	tally_unraisable_fn call;
	void *context;
} hook = {.latch = TALLY_LATCH_INIT};

void tally_unraisable_set(tally_unraisable_fn call, void *context)
{
	tally_latch_take(&hook.latch);
	hook.call = call;
	hook.context = context;
	tally_latch_drop(&hook.latch);
}

void tally_unraisable_reset(void) { tally_unraisable_set(NULL, NULL); }

void tally_unraisable_report(const char *operation, struct tally_object *source)
{
	struct tally_error_saved error;
	tally_latch_take(&hook.latch);
	tally_unraisable_fn call = hook.call;
	void *context = hook.context;
	tally_latch_drop(&hook.latch);
	tally_error_save(&error);
	tally_error_clear();
	if (call) call(error.code, error.code ? error.message : "", operation, source, context);
	tally_error_clear();
}

void tally_unraisable_call(const char *operation, struct tally_object *callable, struct tally_object *const *arguments, size_t count)
{
	struct tally_callback before = tally_callback_begin();
	tally_error_clear();
	struct tally_object *result = tally_object_call(callable, arguments, count);
	if (result) variant_decref(result);
	else tally_unraisable_report(operation, callable);
	tally_callback_end(&before);
}
