// core/thread.c: attaching and detaching, blocking regions, points, and the list of threads that a shutdown reads.
//
// A thread is known from its first attach on: it has a slot of the variant, which it keeps across detaches (that makes
// attaching again cheap) and loses when the runtime is started anew (`generation`), and a member on the list of threads,
// which is memory of its own: the list must not lead into the storage of a thread that is gone. Both go when the OS
// thread ends, by a pthread key's destructor.
//
// I1  `busy` is 1 from before a thread looks whether the runtime is closing until after it has left; the closer sets
//     `closing` first and looks at every `busy` afterwards. So either the thread sees the closing or the closer sees the
//     thread. The same holds for a thread that ends and `down`.
// I2  A thread that goes away at a run point has buried its dying first, unless a section or a destructor forbids it.
// I3  While the door is closed nobody comes in but the thread that starts or ends the runtime (`insider`).
#include "arena.h"
#include "error.h"
#include "gc.h"
#include "object.h"
#include "os.h"
#include "runtime.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const _Atomic uint64_t tally_poll_unattached = TALLY_STOP;
const _Atomic uint64_t tally_poll_quiet = 0;

_Thread_local struct tally_thread tally_self = {.tag_word = TALLY_NOBODY, .poll = &tally_poll_unattached};

static struct {
	struct tally_latch latch;
	struct tally_member *first;
	pthread_key_t key;
	bool has_key;
	_Atomic uint32_t closing;    // new attaches are refused
	_Atomic uint32_t down;       // nothing of the runtime may be touched
	_Atomic uint32_t generation; // of the runtime; 0: never started
	_Atomic uint32_t departures; // counts threads that stopped being busy while closing: what the closer sleeps on
} threads = {.latch = TALLY_LATCH_INIT, .closing = 1, .down = 1};

// ---- busy, closing, down ----

static void set_busy(struct tally_member *member)
{
	// order: seq_cst busy before closing or down is read; pairs with close_door, count_busy, try_go_down.
	// Else: the closer misses a thread that misses the closing.
	tally_store(&member->busy, 1, seq_cst);
}

static void clear_busy(struct tally_member *member)
{
	// order: seq_cst all uses of the runtime before it; pairs with close_door, count_busy.
	// Else: the runtime is torn down under this thread's last steps, or its closer sleeps on.
	tally_store(&member->busy, 0, seq_cst);
	// order: seq_cst closing is read after busy is cleared; pairs with close_door. Else: as above.
	if (!tally_load(&threads.closing, seq_cst)) return;
	// order: release the cleared busy with its announcement; pairs with tally_threads_close. Else: the closer sees the new
	// number and the old busy, and sleeps on.
	tally_fetch_add(&threads.departures, 1, release);
	tally_wake(&threads.departures, 1);
}

// The thread that starts or ends the runtime goes in and out while the door is closed.
static bool is_open(void)
{
	// order: seq_cst read after busy is set, and all of the start seen; pairs with tally_threads_open, close_door.
	// Else: as in set_busy, or an attacher uses half a runtime.
	return tally_self.insider || !tally_load(&threads.closing, seq_cst);
}

static bool is_down(void)
{
	// order: seq_cst read after busy is set; pairs with try_go_down. Else: as in set_busy.
	return tally_load(&threads.down, seq_cst);
}

// ---- the list of threads ----

static void list_member(struct tally_member *member)
{
	tally_latch_take(&threads.latch);
	member->previous = NULL;
	member->next = threads.first;
	if (threads.first) threads.first->previous = member;
	threads.first = member;
	memcpy(member->name, tally_self.name, sizeof member->name);
	tally_latch_drop(&threads.latch);
}

static void unlist_member(struct tally_member *member)
{
	tally_latch_take(&threads.latch);
	if (member->previous) member->previous->next = member->next;
	else threads.first = member->next;
	if (member->next) member->next->previous = member->previous;
	tally_latch_drop(&threads.latch);
}

// A member is listed only when the end of its thread is sure to take it off again.
static int become_member(struct tally_thread *self)
{
	if (self->member) return 0;
	struct tally_member *member = tally_record_new(sizeof *member);
	if (!member) return -1;
	if (pthread_setspecific(threads.key, self)) {
		tally_record_free(member);
		return -1;
	}
	member->tid = (int)gettid();
	self->member = member;
	list_member(member);
	return 0;
}

static void forget_member(struct tally_thread *self)
{
	unlist_member(self->member);
	tally_record_free(self->member);
	self->member = NULL;
	self->generation = 0;
}

// What a report looks at while the latch is held; the slot stays as long as it is shown here.
static void show_slot(struct tally_slot *slot)
{
	tally_latch_take(&threads.latch);
	tally_self.member->slot = slot;
	tally_latch_drop(&threads.latch);
}

static void hide_all_slots(void)
{
	tally_latch_take(&threads.latch);
	for (struct tally_member *member = threads.first; member; member = member->next) member->slot = NULL;
	tally_latch_drop(&threads.latch);
}

// The closer looks for busy threads, under the latch, after it has set `down` and before anything is torn down. So
// whoever sees the runtime up here can look at slots until it drops the latch. Relaxed: the latch orders it.
bool tally_threads_hold(void)
{
	tally_latch_take(&threads.latch);
	if (!tally_load(&threads.down, relaxed)) return true;
	tally_latch_drop(&threads.latch);
	return false;
}

void tally_threads_let_go(void) { tally_latch_drop(&threads.latch); }

void tally_threads_each_held(void (*visit)(const struct tally_member *member, void *context), void *context)
{
	for (struct tally_member *member = threads.first; member; member = member->next)
		if (tally_load(&member->busy, relaxed)) visit(member, context);
}

void tally_threads_each_busy(void (*visit)(const struct tally_member *member, void *context), void *context)
{
	if (!tally_threads_hold()) return;
	tally_threads_each_held(visit, context);
	tally_threads_let_go();
}

// ---- known threads ----

// A section left open by a thread that ended inside it cannot be ended: its record was on the stack. What it held stays
// locked; the dying of the section are buried. (In a blocking region it was suspended, and held nothing.)
static void abandon_sections(struct tally_thread *self)
{
	self->burying = false;
	self->section = NULL;
	self->depth = 0;
}

static void end_thread(void *unused)
{
	(void)unused;
	struct tally_thread *self = &tally_self;
	if (!self->member) return;
	if (self->state != TALLY_DETACHED) {
		abandon_sections(self);
		if (self->state == TALLY_BLOCKING) variant_thread_attach();
		tally_read_abandon();
		tally_bury();
		variant_thread_detach();
		self->state = TALLY_DETACHED;
	}
	set_busy(self->member); // no teardown while the slot is given up
	show_slot(NULL);
	if (!is_down() && self->generation == tally_load(&threads.generation, relaxed)) variant_thread_leave();
	clear_busy(self->member);
	forget_member(self);
}

// Gives the calling thread a slot of this start of the runtime. 0, or -1 without memory.
static int enroll(struct tally_thread *self)
{
	uint32_t generation = tally_load(&threads.generation, relaxed);
	if (self->generation == generation) return 0;
	self->slot = NULL; // of an earlier start: gone with it
	self->heap = NULL;
	self->pending = 0;
	if (variant_thread_enroll()) return -1;
	show_slot(self->slot);
	self->generation = generation;
	return 0;
}

static int refuse(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_CLOSING, operation, "the runtime is not running");
}

static int no_room(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_MEMORY, operation, "no memory or no tag left for one more thread");
}

// Makes the calling thread, which is detached, a busy user of the runtime.
static int join_in(const char *operation)
{
	struct tally_thread *self = &tally_self;
	if (!is_open()) return refuse(operation);
	if (become_member(self)) return no_room(operation);
	set_busy(self->member);
	bool open = is_open();
	if (open && !enroll(self)) return 0;
	clear_busy(self->member);
	return open ? no_room(operation) : refuse(operation);
}

// ---- attach, detach ----

static void attach(void)
{
	variant_thread_attach();
	tally_self.state = TALLY_ATTACHED;
}

static void detach(enum tally_thread_state next)
{
	int kept = errno;
	variant_thread_detach();
	errno = kept;
	tally_self.state = next;
	if (next == TALLY_DETACHED) clear_busy(tally_self.member);
}

// A token is the state that the attach found and the depth at which it did, so that only the innermost one fits.
enum { TOKEN_STATE = 3, TOKEN_DEPTH = 4 };

int tally_thread_attach(tally_token *token)
{
	enum tally_thread_state found = tally_self.state;
	if (found == TALLY_DETACHED && join_in("thread_attach")) return -1;
	token->previous = tally_self.depth++ * TOKEN_DEPTH | (uint32_t)found;
	if (found == TALLY_ATTACHED) return 0;
	int kept = errno;
	attach();
	errno = kept;
	return 0;
}

int tally_thread_detach(tally_token token)
{
	if (tally_self.state != TALLY_ATTACHED) return tally_error_thread("thread_detach");
	uint32_t previous = token.previous % TOKEN_DEPTH;
	if (previous == TOKEN_STATE || token.previous / TOKEN_DEPTH + 1 != tally_self.depth)
		return tally_error_raise(TALLY_ERROR_THREAD, "thread_detach", "not the token of the innermost attach");
	if (tally_in_section() && previous == TALLY_DETACHED)
		return tally_error_raise(TALLY_ERROR_THREAD, "thread_detach", "a %s section is still open",
		                         tally_self.section ? "critical" : "read");
	tally_self.depth--;
	if (previous == TALLY_ATTACHED) return 0;
	tally_enter_run("thread_detach");
	detach((enum tally_thread_state)previous);
	return 0;
}

int tally_blocking_begin(void)
{
	if (!tally_enter_run("blocking_begin")) return -1;
	detach(TALLY_BLOCKING);
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

void tally_thread_go_quietly(void)
{
	bool outer = tally_bury_later();
	detach(TALLY_BLOCKING);
	tally_self.burying = outer;
}

bool tally_thread_is_attached(void) { return tally_self.state == TALLY_ATTACHED; }

void tally_thread_set_name(const char *name)
{
	tally_latch_take(&threads.latch);
	snprintf(tally_self.name, sizeof tally_self.name, "%s", name ? name : "");
	if (tally_self.member) memcpy(tally_self.member->name, tally_self.name, sizeof tally_self.name);
	tally_latch_drop(&threads.latch);
}

// ---- points ----

bool tally_enter_slow(const char *operation)
{
	if (tally_self.state != TALLY_ATTACHED) {
		tally_error_thread(operation);
		return false;
	}
	int kept = errno;
	variant_stop_point();
	errno = kept;
	return true;
}

bool tally_enter_run_slow(const char *operation)
{
	if (tally_self.state != TALLY_ATTACHED) {
		tally_error_thread(operation);
		return false;
	}
	int kept = errno;
	variant_run_point();
	tally_bury();
	bool untidy = tally_self.pending & (TALLY_PENDING_TRIM | TALLY_PENDING_RELIEF);
	if (untidy && !tally_in_section() && !tally_self.burying) tally_heap_tidy();
	bool is_crowded = tally_self.pending & TALLY_PENDING_COLLECT;
	if (is_crowded && !tally_in_section() && !tally_self.burying) tally_gc_run_point();
	errno = kept;
	return true;
}

bool tally_enter_new_slow(const char *operation)
{
	bool only_queued = !(tally_load(tally_self.poll, relaxed) & TALLY_ASKED) && !tally_self.pending;
	return only_queued && tally_may_pass_queued() ? true : tally_enter_run_slow(operation);
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

int tally_threads_prepare(void)
{
	if (!threads.has_key) {
		if (pthread_key_create(&threads.key, end_thread)) return -1;
		threads.has_key = true;
	}
	tally_fetch_add(&threads.generation, 1, relaxed);
	hide_all_slots(); // of the runtime before: they are gone
	return 0;
}

void tally_threads_open(void)
{
	tally_store(&threads.down, 0, relaxed);
	// order: seq_cst the runtime as it was set up; pairs with is_open. Else: an attacher uses half a runtime.
	tally_store(&threads.closing, 0, seq_cst);
}

static void close_door(void)
{
	// order: seq_cst closing is set before busy is read; pairs with set_busy, clear_busy, is_open. Else: see set_busy.
	tally_store(&threads.closing, 1, seq_cst);
}

static size_t count_busy(char *names, size_t size)
{
	size_t busy = 0, used = 0;
	names[0] = 0;
	tally_latch_take(&threads.latch);
	for (struct tally_member *member = threads.first; member; member = member->next) {
		// order: seq_cst busy is read after closing or down was set; pairs with set_busy, clear_busy. Else: see set_busy.
		if (member == tally_self.member || !tally_load(&member->busy, seq_cst)) continue;
		int n = snprintf(names + used, size - used, "%s%s", busy ? ", " : "", member->name[0] ? member->name : "unnamed");
		used = n > 0 && used + (size_t)n < size ? used + (size_t)n : size - 1;
		busy++;
	}
	tally_latch_drop(&threads.latch);
	return busy;
}

// A thread that ends may be giving up its slot right now: it is busy then.
static bool try_go_down(char *names, size_t size)
{
	// order: seq_cst down is set before busy is read once more; pairs with set_busy, is_down. Else: a thread that ends
	// touches a slot that is gone.
	tally_store(&threads.down, 1, seq_cst);
	if (!count_busy(names, size)) return true;
	tally_store(&threads.down, 0, relaxed);
	return false;
}

size_t tally_threads_close(uint64_t timeout_ns, char *names, size_t size)
{
	close_door();
	uint64_t start = tally_clock();
	for (;;) {
		// order: acquire the busy that was cleared before this number; pairs with clear_busy. Else: as there.
		uint32_t seen = tally_load(&threads.departures, acquire);
		size_t busy = count_busy(names, size);
		if (!busy && try_go_down(names, size)) return 0;
		uint64_t waited = tally_clock() - start;
		if (busy && waited >= timeout_ns) {
			tally_threads_open();
			return busy;
		}
		if (busy) tally_wait(&threads.departures, seen, timeout_ns - waited);
	}
}

uint64_t tally_threads_dying(void)
{
	uint64_t dying = 0;
	tally_latch_take(&threads.latch);
	for (struct tally_member *member = threads.first; member; member = member->next) dying += tally_load(&member->dying, relaxed);
	tally_latch_drop(&threads.latch);
	return dying;
}

void tally_thread_withdraw(void)
{
	tally_self.depth = 0;
	if (tally_self.state == TALLY_ATTACHED) {
		tally_read_abandon();
		while (tally_self.section) tally_critical_end(tally_self.section);
		tally_safepoint();
		detach(TALLY_DETACHED);
	} else if (tally_self.state == TALLY_BLOCKING) {
		tally_self.section = NULL; // suspended: nothing is held, nothing borrowed
		tally_self.reading = NULL;
		tally_self.state = TALLY_DETACHED;
		clear_busy(tally_self.member);
	}
}

int tally_thread_act_inside(int (*act)(void), const char *operation)
{
	tally_self.insider = true;
	int result = join_in(operation);
	if (!result) {
		attach();
		result = act();
		tally_safepoint();
		detach(TALLY_DETACHED);
	}
	tally_self.insider = false;
	return result;
}
