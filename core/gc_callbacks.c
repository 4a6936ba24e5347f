// core/gc_callbacks.c: the host's callbacks around collections (core/gc_callbacks.h).
//
// A list in the order in which they were added, under a latch that is not held during calls. Who calls one stands in it
// with a visit, a record on its own stack; a callback that is removed stays in the list until nobody stands in it, so
// whoever does finds the next one from there. Each has a number of its order (`born`), and a collection calls those that
// were there when it began: its thread keeps the first number that came later.
//
// A removal waits for the visits of other threads. A thread stands in one callback at most, since no collection begins
// inside of another, and a callback is removed once; so who waits for whom is a chain, and a removal that would close it to
// a ring does not wait.
//
// I1  A callback that is in the list and removed has visits; one that is out of the list has none.
// I2  Of the START and the STOP of a collection a callback hears both, or the first alone if it was removed in between, or
//     neither.
// I3  No two threads wait for one another here, nor any number of them in a ring.
// Any thread; the latch is a leaf.
#include "gc_callbacks.h"
#include "callback.h"
#include "os.h"
#include "thread.h"
#include "unraisable.h"

#include <limits.h>

struct callback {
	tally_gc_callback_fn call;
	void *context;
	uint64_t born;
	// guarded by the latch, like all below
	_Atomic uint32_t visits; // who stands in it; a removal sleeps on it. Relaxed: the latch orders
	int id;
	bool is_removed;
	bool is_awaited; // whoever has removed it waits for the visits, and frees it
	struct callback *next;
};

// A thread that stands in a callback. On its stack.
struct visit {
	const struct tally_thread *thread;
	struct callback *callback;
	struct callback *awaits; // the one that this thread has removed and waits for
	struct visit *next;
};

static struct {
	struct tally_latch latch;
	_Atomic uint32_t count; // in the list; relaxed: who misses one that has just been added begins before it
	bool is_open;           // guarded by the latch, like all below
	int last_id;            // goes on when the runtime starts anew, so that an old id is nobody's
	uint64_t last_born;
	struct callback *first;
	struct visit *visits;
} callbacks = {.latch = TALLY_LATCH_INIT};

// The collection of this thread calls those that were born before; 0: none.
static _Thread_local uint64_t limit __attribute__((tls_model("initial-exec")));

// ---- the list; the latch is held ----

static struct callback **end_of_list(void)
{
	struct callback **place = &callbacks.first;
	while (*place) place = &(*place)->next;
	return place;
}

static struct callback *find(int id)
{
	struct callback *callback = callbacks.first;
	while (callback && (callback->id != id || callback->is_removed)) callback = callback->next;
	return callback;
}

// Numbers go round, in a process that adds that many.
static int free_id(void)
{
	do callbacks.last_id = callbacks.last_id == INT_MAX ? 1 : callbacks.last_id + 1;
	while (find(callbacks.last_id));
	return callbacks.last_id;
}

static void enlist(struct callback *callback)
{
	callback->id = free_id();
	callback->born = ++callbacks.last_born;
	*end_of_list() = callback;
	tally_fetch_add(&callbacks.count, 1, relaxed);
}

static void unlist(struct callback *callback)
{
	struct callback **place = &callbacks.first;
	while (*place != callback) place = &(*place)->next;
	*place = callback->next;
	tally_fetch_sub(&callbacks.count, 1, relaxed);
}

// ---- calling ----

// The first from here on that the collection of this thread calls. NULL: no more.
static struct callback *to_be_called(struct callback *callback)
{
	while (callback && callback->is_removed) callback = callback->next;
	return callback && callback->born < limit ? callback : NULL;
}

static void enter(struct visit *visit, struct callback *callback)
{
	*visit = (struct visit){.thread = &tally_self, .callback = callback, .next = callbacks.visits};
	callbacks.visits = visit;
	tally_fetch_add(&callback->visits, 1, relaxed);
}

static void take_off(const struct visit *visit)
{
	struct visit **place = &callbacks.visits;
	while (*place != visit) place = &(*place)->next;
	*place = visit->next;
}

// Returns the callback after it, as of now. The last to leave one that was removed takes it out of the list.
static struct callback *leave(const struct visit *visit)
{
	struct callback *callback = visit->callback, *next = callback->next;
	take_off(visit);
	uint32_t left = tally_fetch_sub(&callback->visits, 1, relaxed) - 1;
	if (left == 0 && callback->is_removed) unlist(callback);
	if (callback->is_awaited) tally_wake(&callback->visits, 1);
	else if (left == 0 && callback->is_removed) tally_record_free(callback);
	return next;
}

static void call(const struct callback *callback, enum tally_gc_phase phase, const tally_gc_collection *collection)
{
	struct tally_callback before = tally_callback_begin();
	tally_error_clear();
	callback->call(phase, collection, callback->context);
	if (tally_error_code()) tally_unraisable_report("gc callback", NULL);
	tally_callback_end(&before);
}

static void call_all(enum tally_gc_phase phase, const tally_gc_collection *collection)
{
	struct visit visit;
	tally_latch_take(&callbacks.latch);
	for (struct callback *next = to_be_called(callbacks.first); next; next = to_be_called(next)) {
		enter(&visit, next);
		tally_latch_drop(&callbacks.latch);
		call(visit.callback, phase, collection);
		tally_latch_take(&callbacks.latch);
		next = leave(&visit);
	}
	tally_latch_drop(&callbacks.latch);
}

static uint64_t next_born(void)
{
	tally_latch_take(&callbacks.latch);
	uint64_t next = callbacks.last_born + 1;
	tally_latch_drop(&callbacks.latch);
	return next;
}

void tally_gc_callbacks_call(enum tally_gc_phase phase, const struct tally_gc_collection *collection)
{
	if (phase == TALLY_GC_START) limit = tally_load(&callbacks.count, relaxed) ? next_born() : 0;
	if (limit) call_all(phase, collection);
}

// ---- adding ----

static int refuse(struct callback *callback)
{
	tally_record_free(callback);
	return tally_error_raise(TALLY_ERROR_CLOSING, "gc_callback_add", "the runtime is not running");
}

int tally_gc_callback_add(tally_gc_callback_fn function, void *context)
{
	struct callback *callback = tally_record_new(sizeof *callback);
	if (!callback) return tally_error_memory("gc_callback_add", sizeof *callback);
	callback->call = function;
	callback->context = context;
	tally_latch_take(&callbacks.latch);
	bool is_open = callbacks.is_open;
	if (is_open) enlist(callback);
	int id = callback->id; // by now it may be anybody's to remove
	tally_latch_drop(&callbacks.latch);
	return is_open ? id : refuse(callback);
}

// ---- removing; the latch is held ----

static struct visit *visit_of_this_thread(void)
{
	struct visit *visit = callbacks.visits;
	while (visit && visit->thread != &tally_self) visit = visit->next;
	return visit;
}

// Somebody who stands in the callback waits, for others who wait or by himself, for this thread to leave the one it stands
// in. A ring that is closed already cannot be met: there is none (I3).
static bool waits_for_this_thread(const struct callback *callback, const struct callback *own)
{
	for (const struct visit *visit = callbacks.visits; visit; visit = visit->next)
		if (visit->callback == callback && visit->awaits &&
		    (visit->awaits == own || waits_for_this_thread(visit->awaits, own)))
			return true;
	return false;
}

// In a blocking region if the thread is attached; nobody is destroyed on the way there.
static void sleep_on(const _Atomic uint32_t *visits, uint32_t seen)
{
	int kept = errno;
	bool attached = tally_self.state == TALLY_ATTACHED;
	tally_latch_drop(&callbacks.latch);
	if (attached) tally_thread_go_quietly();
	tally_wait(visits, seen, TALLY_FOREVER);
	if (attached) tally_blocking_end();
	tally_latch_take(&callbacks.latch);
	errno = kept;
}

// Until there are no visits but `own` ones.
static void await_others(struct callback *callback, struct visit *own, uint32_t own_visits)
{
	uint32_t seen;
	callback->is_awaited = true;
	if (own) own->awaits = callback;
	while ((seen = tally_load(&callback->visits, relaxed)) > own_visits) sleep_on(&callback->visits, seen);
	if (own) own->awaits = NULL;
	callback->is_awaited = false;
}

// 0, or 1: others stand in it, and must not be waited for.
static int remove_callback(struct callback *callback)
{
	struct visit *own = visit_of_this_thread();
	uint32_t own_visits = own && own->callback == callback;
	callback->is_removed = true;
	if (!tally_load(&callback->visits, relaxed)) unlist(callback);
	else if (own && waits_for_this_thread(callback, own->callback)) return 1;
	else await_others(callback, own, own_visits);
	if (!own_visits) tally_record_free(callback);
	return 0;
}

int tally_gc_callback_remove(int id)
{
	tally_latch_take(&callbacks.latch);
	struct callback *callback = find(id);
	int result = callback ? remove_callback(callback) : -1;
	tally_latch_drop(&callbacks.latch);
	if (!callback) return tally_error_raise(TALLY_ERROR_KEY, "gc_callback_remove", "there is no callback %d", id);
	return result;
}

// ---- the life of the runtime ----

// Nobody stands in one: those that were removed are out of the list.
static void forget_all(bool is_open)
{
	tally_latch_take(&callbacks.latch);
	callbacks.is_open = is_open;
	for (struct callback *callback; (callback = callbacks.first);) {
		unlist(callback);
		tally_record_free(callback);
	}
	tally_latch_drop(&callbacks.latch);
}

void tally_gc_callbacks_init(void) { forget_all(true); }

void tally_gc_callbacks_fini(void) { forget_all(false); }
