// core/finalize.c: finalize handles: what is called when an object dies, or else at the end of the runtime.
//
// The living handles stand in a list, the newest first, which has a reference to each. A handle has what it is to call and
// a watcher of the object (core/weakref.h), and the watcher has the handle: it is the list that holds them both, and since
// the collector does not see it, all that a living handle has is alive.
//
// Whoever comes first of the object's death, a call, a detach and the end takes everything out of the handle, and the
// handle off the list, in one step under the latch; only after that is anything called or dropped. A handle whose object
// is dead and whose watcher has not acted yet is left to that: the death came first.
//
// At the end callables may make further handles, which are called, too: one that always makes another keeps the runtime
// from ending. Once none is left to be called the list is closed: no handle is made any more, and no death calls one.
//
// I1  A handle is on the list exactly while it has its watcher, its callable and its arguments. Both change together,
//     under the latch, once each way; so of all who want to take the callable one gets it.
// I2  Under the latch nothing is called, dropped, upgraded or allocated, and there is no point: a stop never finds it held.
// I3  What has been taken is called once or dropped, and then nothing of the library refers to the handle.
// I4  Of the handles that are to be called at the end none stands before `end_from`.
// Any attached thread.
#include "finalize.h"
#include "call.h"
#include "error.h"
#include "hash.h"
#include "object.h"
#include "repr.h"
#include "tuple.h"
#include "unraisable.h"
#include "weakref.h"

#include <tally/callable.h>

enum { SLOTS = 3 };

struct finalize {
	struct tally_object header;
	// Guarded by the latch; owned, all three or none.
	struct tally_watcher *watcher; // NULL: not alive, or not yet
	struct tally_object *callable;
	struct tally_tuple *arguments;
	// Guarded by the latch.
	struct finalize *next, *previous; // on the list, from the newest on
	bool at_exit;
};

static_assert(offsetof(struct finalize, watcher) == 16, "TALLY_LAYOUT_SLOTS");

static struct {
	struct tally_latch latch;
	struct finalize *first;    // guarded by the latch, like the rest
	struct finalize *end_from; // where the end looks on
	bool is_closed;
} living = {.latch = TALLY_LATCH_INIT};

static void drop(struct tally_object *object)
{
	if (object) variant_decref(object);
}

// ---- the list; the latch is held ----

static void link_handle(struct finalize *handle)
{
	handle->previous = NULL;
	handle->next = living.first;
	if (handle->next) handle->next->previous = handle;
	living.first = living.end_from = handle;
}

static void unlink_handle(struct finalize *handle)
{
	if (living.end_from == handle) living.end_from = handle->next;
	if (handle->next) handle->next->previous = handle->previous;
	if (handle->previous) handle->previous->next = handle->next;
	else living.first = handle->next;
	handle->next = handle->previous = NULL;
}

static bool is_alive(const struct finalize *handle)
{
	return handle->watcher && !tally_weakref_is_dead(&handle->watcher->ref);
}

// ---- taking ----

// What was in a handle, and the reference that the list had to it.
struct taken {
	struct finalize *handle;
	struct tally_watcher *watcher;
	struct tally_object *callable;
	struct tally_tuple *arguments;
};

// The latch is held; the handle is on the list.
static struct taken take(struct finalize *handle)
{
	struct taken taken = {handle, handle->watcher, handle->callable, handle->arguments};
	handle->watcher = NULL;
	handle->callable = NULL;
	handle->arguments = NULL;
	unlink_handle(handle);
	return taken;
}

// The caller has a reference to the handle. False: it is not alive.
static bool try_take(struct finalize *handle, struct taken *taken)
{
	tally_latch_take(&living.latch);
	bool can_take = is_alive(handle);
	if (can_take) *taken = take(handle);
	tally_latch_drop(&living.latch);
	return can_take;
}

// Parts the handle from the list and the watcher, which is not to act any more.
static void let_go(const struct taken *taken)
{
	tally_watcher_silence(taken->watcher);
	drop(tally_watcher_take(taken->watcher, 0)); // the handle
	variant_decref(&taken->watcher->ref.header);
	variant_decref(&taken->handle->header);
}

static void drop_call(const struct taken *taken)
{
	variant_decref(&taken->arguments->header);
	variant_decref(taken->callable);
}

static void call_and_report(const struct taken *taken)
{
	tally_unraisable_call("finalize", taken->callable, taken->arguments->items, taken->arguments->size);
}

// Of a handle's watcher, which gives up its reference to it: the object has died.
static void object_dies(struct tally_watcher *watcher)
{
	struct finalize *handle = (struct finalize *)tally_watcher_take(watcher, 0);
	struct taken taken;
	if (!handle) return;
	tally_latch_take(&living.latch);
	bool is_first = handle->watcher != NULL, calls = is_first && !living.is_closed;
	if (is_first) taken = take(handle);
	tally_latch_drop(&living.latch);
	if (is_first) {
		let_go(&taken);
		if (calls) call_and_report(&taken);
		drop_call(&taken);
	}
	variant_decref(&handle->header);
}

// ---- the start and the end ----

void tally_finalize_open(void)
{
	tally_latch_take(&living.latch);
	living.is_closed = false;
	tally_latch_drop(&living.latch);
}

// The newest that is to be called at the end. False: there is none, and the list is closed.
static bool take_at_exit(struct taken *taken)
{
	tally_latch_take(&living.latch);
	while (living.end_from && !living.end_from->at_exit) living.end_from = living.end_from->next;
	bool found = living.end_from != NULL;
	if (found) *taken = take(living.end_from);
	else living.is_closed = true;
	tally_latch_drop(&living.latch);
	return found;
}

static bool take_newest(struct taken *taken)
{
	tally_latch_take(&living.latch);
	bool found = living.first != NULL;
	if (found) *taken = take(living.first);
	tally_latch_drop(&living.latch);
	return found;
}

void tally_finalize_close(void)
{
	struct taken taken;
	while (take_at_exit(&taken)) {
		let_go(&taken);
		call_and_report(&taken);
		drop_call(&taken);
	}
	while (take_newest(&taken)) {
		let_go(&taken);
		drop_call(&taken);
	}
}

// ---- making ----

static int check(const struct tally_object *object, const struct tally_object *callable, struct tally_object *const *arguments,
                 size_t count)
{
	if (!tally_weakref_allows(object)) return tally_weakref_refuse("finalize_new", object);
	if (!tally_is_callable(callable)) return tally_error_type("finalize_new", "a callable object", callable);
	return tally_call_check("finalize_new", arguments, count);
}

static bool is_closed(void)
{
	tally_latch_take(&living.latch);
	bool closed = living.is_closed;
	tally_latch_drop(&living.latch);
	return closed;
}

// Not on the list yet. NULL with the error set.
static struct finalize *make(struct tally_object *callable, struct tally_object *const *arguments, size_t count)
{
	struct tally_object *tuple = tally_tuple_of("finalize_new", arguments, count);
	if (!tuple) return NULL;
	struct finalize *handle = (struct finalize *)tally_object_new(TALLY_TYPE_FINALIZE, sizeof *handle, TALLY_LAYOUT_SLOTS);
	if (!handle) {
		variant_decref(tuple);
		return tally_error_null(tally_error_memory("finalize_new", sizeof *handle));
	}
	variant_incref(callable);
	handle->watcher = NULL;
	handle->callable = callable;
	handle->arguments = (struct tally_tuple *)tuple;
	handle->next = handle->previous = NULL;
	handle->at_exit = true;
	handle->header.aux = SLOTS;
	return handle;
}

// With a reference for the list.
static void enlist(struct finalize *handle, struct tally_watcher *watcher)
{
	variant_incref(&handle->header);
	tally_latch_take(&living.latch);
	handle->watcher = watcher;
	link_handle(handle);
	tally_latch_drop(&living.latch);
}

tally_object *tally_finalize_new(tally_object *object, tally_object *callable, tally_object *const *arguments, size_t count)
{
	if (!tally_enter_new("finalize_new")) return NULL;
	if (check(object, callable, arguments, count)) return NULL;
	if (is_closed()) // who closes is alone, so this cannot change before the handle is on the list
		return tally_error_null(tally_error_raise(TALLY_ERROR_CLOSING, "finalize_new", "the runtime is ending"));
	struct finalize *handle = make(callable, arguments, count);
	if (!handle) return NULL;
	struct tally_watcher *watcher = tally_watcher_new(object, object_dies, &handle->header, NULL, "finalize_new");
	if (watcher) {
		enlist(handle, watcher);
		return &handle->header;
	}
	variant_decref(&handle->header);
	return NULL;
}

// ---- what a handle is asked ----

bool tally_is_finalize(const tally_object *object) { return object && object->type == TALLY_TYPE_FINALIZE; }

static struct finalize *check_handle(const char *operation, tally_object *object)
{
	if (tally_likely(tally_is_finalize(object))) return (struct finalize *)object;
	return tally_error_null(tally_error_type(operation, "a finalize handle", object));
}

static struct finalize *handle_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? check_handle(operation, object) : NULL;
}

int tally_finalize_is_alive(tally_object *object)
{
	struct finalize *handle = handle_of("finalize_is_alive", object);
	if (!handle) return -1;
	tally_latch_take(&living.latch);
	bool alive = is_alive(handle);
	tally_latch_drop(&living.latch);
	return alive;
}

int tally_finalize_call(tally_object *object, tally_object **result)
{
	struct taken taken;
	if (result) *result = NULL;
	if (!tally_enter_run("finalize_call")) return -1;
	struct finalize *handle = check_handle("finalize_call", object);
	if (!handle) return -1;
	if (!try_take(handle, &taken)) return 0;
	let_go(&taken);
	struct tally_object *returned = tally_object_call(taken.callable, taken.arguments->items, taken.arguments->size);
	drop_call(&taken);
	if (result) *result = returned;
	else drop(returned);
	return returned ? 1 : -1;
}

enum { PARTS = 3 };

// New references to the parts of the handle and to its watcher. False: it is not alive.
static bool copy(struct finalize *handle, struct taken *copied)
{
	tally_latch_take(&living.latch);
	bool alive = handle->watcher != NULL;
	if (alive) {
		*copied = (struct taken){handle, handle->watcher, handle->callable, handle->arguments};
		variant_incref(&copied->watcher->ref.header);
		variant_incref(copied->callable);
		variant_incref(&copied->arguments->header);
	}
	tally_latch_drop(&living.latch);
	return alive;
}

// A tuple of the parts. 1; 0: the handle is not alive; -1 with the error set. After a run point.
static int look(const char *operation, struct finalize *handle, struct tally_object **parts)
{
	struct taken copied;
	if (!copy(handle, &copied)) return 0;
	struct tally_object *part[PARTS] = {tally_weakref_upgrade(&copied.watcher->ref), copied.callable, &copied.arguments->header};
	*parts = part[0] ? tally_tuple_of(operation, part, PARTS) : NULL;
	variant_decref(&copied.watcher->ref.header);
	drop_call(&copied);
	if (!part[0]) return 0;
	variant_decref(part[0]);
	return *parts ? 1 : -1;
}

int tally_finalize_peek(tally_object *object, tally_object **parts)
{
	*parts = NULL;
	if (!tally_enter_new("finalize_peek")) return -1;
	struct finalize *handle = check_handle("finalize_peek", object);
	return handle ? look("finalize_peek", handle, parts) : -1;
}

// The tuple is made first, so that nothing can fail once the callable has been taken.
int tally_finalize_detach(tally_object *object, tally_object **parts)
{
	struct taken taken;
	*parts = NULL;
	if (!tally_enter_new("finalize_detach")) return -1;
	struct finalize *handle = check_handle("finalize_detach", object);
	int status = handle ? look("finalize_detach", handle, parts) : -1;
	if (status != 1) return status;
	if (try_take(handle, &taken)) {
		let_go(&taken);
		drop_call(&taken);
		return 1;
	}
	struct tally_object *late = *parts;
	*parts = NULL;
	variant_decref(late);
	return 0;
}

int tally_finalize_set_at_exit(tally_object *object, bool at_exit)
{
	struct finalize *handle = handle_of("finalize_set_at_exit", object);
	if (!handle) return -1;
	tally_latch_take(&living.latch);
	handle->at_exit = at_exit;
	living.end_from = living.first; // it may stand before where the end has got to
	tally_latch_drop(&living.latch);
	return 0;
}

int tally_finalize_get_at_exit(tally_object *object, bool *at_exit)
{
	struct finalize *handle = handle_of("finalize_get_at_exit", object);
	if (!handle) return -1;
	tally_latch_take(&living.latch);
	*at_exit = handle->at_exit;
	tally_latch_drop(&living.latch);
	return 0;
}

// ---- the type ----

// One that was never on the list still has its call; every other has nothing.
static void destroy(struct tally_object *object)
{
	struct finalize *handle = (struct finalize *)object;
	if (handle->arguments) variant_decref(&handle->arguments->header);
	drop(handle->callable);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct taken copied;
	struct finalize *handle = (struct finalize *)object;
	struct tally_object *referent = NULL;
	if (copy(handle, &copied)) {
		referent = tally_weakref_upgrade(&copied.watcher->ref);
		variant_decref(&copied.watcher->ref.header);
		drop_call(&copied);
	}
	if (!referent) return tally_text_format(text, "<finalize at %p: dead>", (void *)object);
	int status = tally_text_format(text, "<finalize at %p: ", (void *)object);
	if (!status) status = tally_repr_name(text, tally_type(referent)->name);
	if (!status) status = tally_text_format(text, " at %p>", (void *)referent);
	variant_decref(referent);
	return status;
}

const struct tally_type tally_finalize_type = {
	.name = "finalize",
	.index = TALLY_TYPE_FINALIZE,
	.layout = TALLY_LAYOUT_SLOTS,
	.size = sizeof(struct finalize),
	.destroy = destroy,
	.hash = tally_hash_identity,
	.repr = repr,
};
