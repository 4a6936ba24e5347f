// core/thread.c: attaching and detaching, blocking regions, points, and the list of threads that a shutdown reads.
//
// A thread is known from its first attach on: it has a slot of the variant, which it keeps across detaches (that makes
// attaching again cheap), and a place on the list of threads. Both go when the OS thread ends (a pthread key's
// destructor) or when the runtime has been started anew since (`generation`).
//
// I1  `busy` is 1 from before a thread looks whether the runtime is closing until after it has left; the closer sets
//     `closing` first and looks at every `busy` afterwards. So either the thread sees the closing or the closer sees the
//     thread.
// I2  A burial happens before the thread gives its role back: others may claim the role only with nothing dying in it.
#include "arena.h"
#include "error.h"
#include "object.h"
#include "os.h"
#include "runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const _Atomic uint64_t tally_poll_unattached = TALLY_STOP;
const _Atomic uint64_t tally_poll_quiet = 0;

_Thread_local struct tally_thread tally_self = {.tag_word = TALLY_NOBODY, .poll = &tally_poll_unattached};

static struct {
	struct tally_latch latch;
	struct tally_thread *first;
	pthread_key_t key;
	bool has_key;
	_Atomic uint32_t closing;
	_Atomic uint32_t generation; // of the runtime; 0: never started
	_Atomic uint32_t departures; // counts threads that stopped being busy while closing: what the closer sleeps on
} threads = {.latch = TALLY_LATCH_INIT, .closing = 1};

// ---- the list of threads ----

static void list_thread(struct tally_thread *self)
{
	tally_latch_take(&threads.latch);
	self->previous = NULL;
	self->next = threads.first;
	if (threads.first) threads.first->previous = self;
	threads.first = self;
	self->registered = true;
	tally_latch_drop(&threads.latch);
}

static void unlist_thread(struct tally_thread *self)
{
	tally_latch_take(&threads.latch);
	if (self->previous) self->previous->next = self->next;
	else threads.first = self->next;
	if (self->next) self->next->previous = self->previous;
	self->registered = false;
	tally_latch_drop(&threads.latch);
}

static void set_busy(struct tally_thread *self)
{
	// order: seq_cst busy before closing is read; pairs with tally_threads_wait, count_busy.
	// Else: the closer misses a thread that misses the closing.
	tally_store(&self->busy, 1, seq_cst);
}

static void clear_busy(struct tally_thread *self)
{
	// order: seq_cst all uses of the runtime before it; pairs with tally_threads_wait, count_busy.
	// Else: the runtime is torn down under this thread's last steps, or its closer sleeps on.
	tally_store(&self->busy, 0, seq_cst);
	// order: seq_cst closing is read after busy is cleared; pairs with tally_threads_wait. Else: as above.
	if (!tally_load(&threads.closing, seq_cst)) return;
	tally_fetch_add(&threads.departures, 1, relaxed);
	tally_wake(&threads.departures, 1);
}

static bool is_open(void)
{
	// order: seq_cst read after busy is set, and all of the start seen; pairs with tally_threads_open,
	// tally_threads_wait. Else: as in set_busy.
	return !tally_load(&threads.closing, seq_cst);
}

// ---- known threads ----

static void end_thread(void *unused)
{
	(void)unused;
	struct tally_thread *self = &tally_self;
	if (!self->registered) return;
	if (self->state != TALLY_DETACHED) {
		self->section = NULL; // left open by a thread that ended inside it: its record is gone, its object stays locked
		if (self->state == TALLY_ATTACHED) variant_thread_detach();
		self->state = TALLY_DETACHED;
	}
	set_busy(self); // no shutdown while the slot is given up
	if (is_open() && self->generation == tally_load(&threads.generation, relaxed)) variant_thread_leave();
	clear_busy(self);
	unlist_thread(self);
	self->generation = 0;
}

// Makes the calling thread known to this start of the runtime. 0, or -1 without memory.
static int enroll(struct tally_thread *self)
{
	uint32_t generation = tally_load(&threads.generation, relaxed);
	if (self->generation == generation) return 0;
	self->slot = NULL; // of an earlier start: gone with it
	self->heap = NULL;
	if (variant_thread_enroll()) return -1;
	self->generation = generation;
	return pthread_setspecific(threads.key, self) ? -1 : 0;
}

int tally_thread_join_in(const char *operation)
{
	struct tally_thread *self = &tally_self;
	if (!self->registered) list_thread(self);
	set_busy(self);
	if (!is_open()) {
		clear_busy(self);
		return tally_error_raise(TALLY_ERROR_CLOSING, operation, "the runtime is not running");
	}
	if (enroll(self)) {
		clear_busy(self);
		return tally_error_raise(TALLY_ERROR_MEMORY, operation, "no memory or no tag left for one more thread");
	}
	return 0;
}

// ---- attach, detach ----

static void attach(void)
{
	variant_thread_attach();
	tally_self.state = TALLY_ATTACHED;
}

static void detach(enum tally_thread_state next)
{
	variant_thread_detach();
	tally_self.state = next;
	if (next == TALLY_DETACHED) clear_busy(&tally_self);
}

int tally_thread_attach(tally_token *token)
{
	enum tally_thread_state found = tally_self.state;
	if (found == TALLY_DETACHED && tally_thread_join_in("thread_attach")) return -1;
	token->previous = (uint32_t)found;
	if (found != TALLY_ATTACHED) attach();
	return 0;
}

int tally_thread_detach(tally_token token)
{
	if (!tally_enter_run("thread_detach")) return -1;
	if (token.previous > TALLY_BLOCKING)
		return tally_error_raise(TALLY_ERROR_THREAD, "thread_detach", "not a token of an attach: %u", token.previous);
	if (token.previous == TALLY_ATTACHED) return 0;
	if (tally_self.section && token.previous == TALLY_DETACHED)
		return tally_error_raise(TALLY_ERROR_THREAD, "thread_detach", "a critical section is still open");
	detach((enum tally_thread_state)token.previous);
	return 0;
}

int tally_blocking_begin(void)
{
	if (!tally_enter_run("blocking_begin")) return -1;
	int kept = errno;
	detach(TALLY_BLOCKING);
	errno = kept;
	return 0;
}

int tally_blocking_end(void)
{
	if (tally_self.state != TALLY_BLOCKING) return tally_error_thread("blocking_end");
	int kept = errno;
	attach();
	errno = kept;
	return 0;
}

bool tally_thread_is_attached(void) { return tally_self.state == TALLY_ATTACHED; }

void tally_thread_set_name(const char *name)
{
	tally_latch_take(&threads.latch);
	snprintf(tally_self.name, sizeof tally_self.name, "%s", name ? name : "");
	tally_latch_drop(&threads.latch);
}

// ---- points ----

bool tally_enter_slow(const char *operation)
{
	if (tally_self.state != TALLY_ATTACHED) {
		tally_error_thread(operation);
		return false;
	}
	variant_stop_point();
	return true;
}

bool tally_enter_run_slow(const char *operation)
{
	if (tally_self.state != TALLY_ATTACHED) {
		tally_error_thread(operation);
		return false;
	}
	variant_run_point();
	tally_bury();
	if (tally_self.pending & TALLY_PENDING_TRIM && !tally_self.section && !tally_self.burying) tally_heap_tidy();
	return true;
}

int tally_safepoint(void) { return tally_enter_run("safepoint") ? 0 : -1; }

// ---- controls of the lock ----

int tally_switch_interval_set(uint64_t ns)
{
	if (!ns) return tally_error_raise(TALLY_ERROR_VALUE, "switch_interval_set", "interval 0, expected at least 1 ns");
	if (variant_switch_interval_set(ns)) return 0;
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "switch_interval_set", "the %s build has no lock to switch", variant_name);
}

int tally_switch_interval_get(uint64_t *ns)
{
	if (variant_switch_interval_get(ns)) return 0;
	return tally_error_raise(TALLY_ERROR_UNSUPPORTED, "switch_interval_get", "the %s build has no lock to switch", variant_name);
}

// ---- for the start and the end of the runtime ----

int tally_threads_open(void)
{
	if (!threads.has_key) {
		if (pthread_key_create(&threads.key, end_thread)) return -1;
		threads.has_key = true;
	}
	tally_fetch_add(&threads.generation, 1, relaxed);
	// order: seq_cst the runtime as it was set up; pairs with is_open. Else: an attacher uses half a runtime.
	tally_store(&threads.closing, 0, seq_cst);
	return 0;
}

static size_t count_busy(char *names, size_t size)
{
	size_t busy = 0, used = 0;
	if (size) names[0] = 0;
	tally_latch_take(&threads.latch);
	for (struct tally_thread *thread = threads.first; thread; thread = thread->next) {
		// order: seq_cst busy is read after closing was set; pairs with set_busy, clear_busy. Else: see set_busy.
		if (thread == &tally_self || !tally_load(&thread->busy, seq_cst)) continue;
		int n = snprintf(names + used, size - used, "%s%s", busy ? ", " : "", thread->name[0] ? thread->name : "unnamed");
		used = n > 0 && used + (size_t)n < size ? used + (size_t)n : size - 1;
		busy++;
	}
	tally_latch_drop(&threads.latch);
	return busy;
}

size_t tally_threads_wait(uint64_t timeout_ns, char *names, size_t size)
{
	// order: seq_cst closing is set before busy is read; pairs with set_busy, clear_busy, is_open. Else: see set_busy.
	tally_store(&threads.closing, 1, seq_cst);
	uint64_t start = tally_clock();
	for (;;) {
		uint32_t seen = tally_load(&threads.departures, relaxed);
		size_t busy = count_busy(names, size);
		uint64_t waited = tally_clock() - start;
		if (!busy) return 0;
		if (waited >= timeout_ns) {
			// order: seq_cst as in tally_threads_open; pairs with is_open. Else: as there.
			tally_store(&threads.closing, 0, seq_cst);
			return busy;
		}
		tally_wait(&threads.departures, seen, timeout_ns - waited);
	}
}
