// core/finalizers.c: the queue of objects whose finalizers do not run inline, and the thread that runs them (core/finalizers.h).
//
// The queue is a chain of chunks of pointers. The first chunk is there from the start, so an empty queue always has room: what
// found none when memory was short is marked TALLY_GC_QUEUED, and is brought in by a walk over the heap once the queue has been
// emptied, a chunk at a time if memory is still short. (Those come out of turn.)
//
// One latch guards everything, and one word serves all who wait: for the queue to fill, for the thread to have started or
// left, for somebody's change of the mode. Whoever sleeps has looked under the latch, and is counted; whoever changes what
// a sleeper may be waiting for changes the word under the latch.
//
// The thread sleeps in a blocking region, and leaves from there, so that the end of an idle one waits for nobody.
//
// I1  An object in the queue has one reference of the queue's, and is there once: whoever takes it out has the reference, and calls the
//     finalizer. Each that was put in is taken out, whatever memory there was.
// I2  Under the latch nothing is called, dropped or allocated, and there is no point: a stop of the world never finds it held.
// I3  Nobody sleeps for something that is there already.
// I4  The thread is started, ended and joined by whoever has set `is_changing`, or by the shutdown, which waits for that.
// I5  The calling thread's error and errno are the same after finalizers have run as before.
// tally_finalizers_put: any attached thread. What starts and ends the thread: a thread that is not attached, or in a blocking region.
#include "finalizers.h"
#include "callback.h"
#include "candidates.h"
#include "object.h"
#include "os.h"
#include "runtime.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <tally/finalizer.h>

enum { ROOM = TALLY_TUNED(509, 3), STACK = 1 << 20 };

struct chunk {
	struct chunk *next;
	size_t first, last; // what is in it
	struct tally_object *object[ROOM];
};

enum life { NONE, STARTING, RUNNING, LEFT }; // LEFT: still to be joined

// All of it is guarded by the latch, except for what says otherwise.
static struct {
	struct tally_latch latch;
	struct chunk *head, *tail; // empty only if there is but one
	struct chunk *spare;       // NULL: none
	size_t lost;               // objects marked TALLY_GC_QUEUED, which are in no chunk
	_Atomic size_t pending;    // with those; read without the latch too. Relaxed: a glimpse
	_Atomic uint32_t mode;     // relaxed: an object that is just dying may go by the mode before
	enum tally_finalizer_mode wanted; // the host's; `mode` is INLINE once the runtime ends
	_Atomic uint32_t moves;    // what sleepers sleep on. Relaxed: they look under the latch
	unsigned sleepers;
	bool is_open;     // the mode may be changed
	bool is_changing; // somebody is changing it
	pthread_t thread; // of whoever has set is_changing
	enum life life;
	enum tally_error_code trouble; // that kept the thread from starting
	bool is_busy;     // it has not come, or is awake: a finalizer may be running
	bool is_to_leave;
} queue = {.latch = TALLY_LATCH_INIT};

static struct chunk own; // the first; never freed

static _Thread_local struct {
	bool runs;    // a finalizer of the queue is running further up this stack
	bool is_ours; // this is the library's thread
} here __attribute__((tls_model("initial-exec")));

static void set_mode(enum tally_finalizer_mode mode)
{
	queue.wanted = mode;
	tally_store(&queue.mode, mode, relaxed);
}

// ---- sleeping; the latch is held ----

static void wake_sleepers(void)
{
	tally_fetch_add(&queue.moves, 1, relaxed);
	if (queue.sleepers) tally_wake(&queue.moves, INT_MAX);
}

// Lets the latch go meanwhile. Returns when something has changed, or for no reason.
static void sleep_for(uint64_t ns)
{
	uint32_t seen = tally_load(&queue.moves, relaxed);
	queue.sleepers++;
	tally_latch_drop(&queue.latch);
	tally_wait(&queue.moves, seen, ns);
	tally_latch_take(&queue.latch);
	queue.sleepers--;
}

static uint64_t deadline_in(uint64_t ns)
{
	uint64_t now = tally_clock();
	return ns > TALLY_FOREVER - now ? TALLY_FOREVER : now + ns;
}

// Sleeps until then at most. False: it has passed.
static bool sleep_until(uint64_t deadline)
{
	uint64_t now = deadline == TALLY_FOREVER ? 0 : tally_clock();
	if (now >= deadline) return false;
	sleep_for(deadline == TALLY_FOREVER ? TALLY_FOREVER : deadline - now);
	return true;
}

// ---- in and out; the latch is held ----

static bool is_empty(void) { return tally_load(&queue.pending, relaxed) == 0; }

static void count_pending(size_t change)
{
	bool was_empty = is_empty();
	tally_store(&queue.pending, tally_load(&queue.pending, relaxed) + change, relaxed);
	if (was_empty) wake_sleepers();
}

// Takes over *fresh, if there is one and it is needed.
static bool make_room(struct chunk **fresh)
{
	if (queue.tail->last < ROOM) return true;
	struct chunk **from = queue.spare ? &queue.spare : fresh, *chunk = *from;
	if (!chunk) return false;
	*from = NULL;
	chunk->next = NULL;
	chunk->first = chunk->last = 0;
	queue.tail = queue.tail->next = chunk;
	return true;
}

static void push(struct tally_object *object) { queue.tail->object[queue.tail->last++] = object; }

// Keeps one chunk for later. Returns one that is to be freed, or NULL.
static struct chunk *put_away(struct chunk *chunk)
{
	struct chunk *former = queue.spare;
	if (former == &own) return chunk;
	queue.spare = chunk;
	return former;
}

// *over: a chunk that is to be freed.
static struct tally_object *pop(struct chunk **over)
{
	struct chunk *head = queue.head;
	if (head->first == head->last) return NULL;
	struct tally_object *object = head->object[head->first++];
	count_pending((size_t)-1);
	if (head->first < head->last) return object;
	if (head == queue.tail) {
		head->first = head->last = 0;
	} else {
		queue.head = head->next;
		*over = put_away(head);
	}
	return object;
}

// ---- putting in ----

// False: there is no memory. `brought_in`: one that was lost, and has been counted.
static bool append(struct tally_object *object, bool brought_in)
{
	struct chunk *fresh = NULL;
	tally_latch_take(&queue.latch);
	bool fits = make_room(&fresh);
	if (!fits) {
		tally_latch_drop(&queue.latch);
		fresh = tally_record_new(sizeof *fresh);
		tally_latch_take(&queue.latch);
		fits = make_room(&fresh);
	}
	if (fits) push(object);
	if (fits && brought_in) queue.lost--;
	if (fits && !brought_in) count_pending(1);
	tally_latch_drop(&queue.latch);
	tally_record_free(fresh);
	return fits;
}

static void lose(struct tally_object *object)
{
	tally_fetch_or(&object->gc, TALLY_GC_QUEUED, relaxed);
	tally_latch_take(&queue.latch);
	queue.lost++;
	count_pending(1);
	tally_latch_drop(&queue.latch);
}

void tally_finalizers_put(struct tally_object *object)
{
	if (!append(object, false)) lose(object);
}

bool tally_finalizers_defer(void) { return tally_load(&queue.mode, relaxed) != TALLY_FINALIZER_INLINE; }

size_t tally_finalizers_pending(void) { return tally_load(&queue.pending, relaxed); }

// The latch is held.
static bool must_leave(void) { return here.is_ours && queue.is_to_leave; }

// ---- finding what was lost ----

static bool is_lost(struct tally_object *object)
{
	return variant_is_alive(object) && tally_load(&object->gc, relaxed) & TALLY_GC_QUEUED;
}

static int bring_in(struct tally_page *page, void *unused)
{
	(void)unused;
	if (page->layout == TALLY_LAYOUT_RAW || page->used == 0) return 0;
	for (unsigned i = 0; i < tally_page_filled(page); i++) {
		struct tally_object *object = tally_block_at(page, i);
		if (!is_lost(object)) continue;
		if (!append(object, true)) return 1; // the rest next time
		tally_fetch_and(&object->gc, (uint8_t)~TALLY_GC_QUEUED, relaxed);
	}
	return 0;
}

static bool has_lost(void)
{
	tally_latch_take(&queue.latch);
	bool lost = queue.lost > 0 && !must_leave();
	tally_latch_drop(&queue.latch);
	return lost;
}

// The queue is, or was, empty. False: nothing is lost.
static bool find_lost(void)
{
	if (!has_lost()) return false;
	variant_world_stop();
	bool all = !tally_pages_each(bring_in, NULL);
	TALLY_ASSERT(!all || queue.lost == 0);
	variant_world_start();
	tally_bury();
	return true;
}

// ---- running ----

static struct tally_object *try_take(void)
{
	struct chunk *over = NULL;
	tally_latch_take(&queue.latch);
	struct tally_object *object = must_leave() ? NULL : pop(&over);
	tally_latch_drop(&queue.latch);
	tally_record_free(over);
	return object;
}

// The oldest, and the queue's reference to it. NULL: there is none; or the thread is to leave.
static struct tally_object *take(void)
{
	struct tally_object *object;
	while (!(object = try_take()) && find_lost())
		;
	return object;
}

static void finalize(struct tally_object *object)
{
	here.runs = true;
	tally_object_finalize(object);
	here.runs = false;
	variant_decref(object);
}

// The world may have to stop between two of them.
static int64_t run(size_t most)
{
	struct tally_callback before = tally_callback_begin();
	struct tally_object *object;
	int64_t ran = 0;
	for (; (size_t)ran < most && (object = take()); ran++) {
		finalize(object);
		tally_safepoint();
	}
	tally_callback_end(&before);
	return ran;
}

static int refuse_in_section(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_THREAD, operation, "a %s section of this thread is open",
	                         tally_self.section ? "critical" : "read");
}

int64_t tally_finalizers_run(size_t most)
{
	if (!tally_enter_run("finalizers_run")) return -1;
	if (tally_in_section()) return refuse_in_section("finalizers_run");
	return here.runs ? 0 : run(most);
}

// ---- waiting ----

// The thread goes into a blocking region, unless it is in one, or not attached. A run point.
static bool go_away(void) { return tally_self.state == TALLY_ATTACHED && tally_blocking_begin() == 0; }

static void come_back(bool was_away)
{
	if (was_away) tally_blocking_end();
}

// 1, 0, or -1: the runtime is not running, or ends.
static int wait_for_some(uint64_t timeout_ns)
{
	uint64_t deadline = deadline_in(timeout_ns);
	tally_latch_take(&queue.latch);
	while (queue.is_open && is_empty() && sleep_until(deadline))
		;
	int status = !queue.is_open ? -1 : !is_empty();
	tally_latch_drop(&queue.latch);
	return status;
}

static int refuse_closing(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_CLOSING, operation, "the runtime is not running, or is shutting down");
}

int tally_finalizers_wait(uint64_t timeout_ns)
{
	if (tally_in_section()) return refuse_in_section("finalizers_wait");
	bool away = go_away();
	int status = wait_for_some(timeout_ns);
	come_back(away);
	return status < 0 ? refuse_closing("finalizers_wait") : status;
}

// ---- the thread's life ----

// It has come, or could not. The latch is free.
static void arrive(enum tally_error_code trouble)
{
	tally_latch_take(&queue.latch);
	queue.trouble = trouble;
	queue.life = trouble ? LEFT : RUNNING;
	queue.is_busy = false; // it has nothing to destroy on its way to sleep
	if (trouble && queue.wanted == TALLY_FINALIZER_THREAD) set_mode(TALLY_FINALIZER_ON_DEMAND); // it was to come back
	wake_sleepers();
	tally_latch_drop(&queue.latch);
}

// In a blocking region. False: it is to leave.
static bool sleep_until_needed(void)
{
	tally_latch_take(&queue.latch);
	queue.is_busy = false;
	wake_sleepers();
	while (!queue.is_to_leave && is_empty()) sleep_for(TALLY_FOREVER);
	bool stays = queue.is_busy = !queue.is_to_leave;
	tally_latch_drop(&queue.latch);
	return stays;
}

static void leave(void)
{
	tally_thread_withdraw();
	tally_latch_take(&queue.latch);
	queue.life = LEFT;
	wake_sleepers();
	tally_latch_drop(&queue.latch);
}

static void *live(void *unused)
{
	tally_token token;
	(void)unused;
	here.is_ours = true;
	tally_thread_set_name("tally finalizer");
	pthread_setname_np(pthread_self(), "tally finalizer");
	if (tally_thread_attach(&token)) {
		arrive(tally_error_code());
		return NULL;
	}
	arrive(TALLY_ERROR_NONE);
	while (tally_blocking_begin() == 0 && sleep_until_needed()) {
		tally_blocking_end();
		run(SIZE_MAX);
	}
	leave();
	return NULL;
}

// With all signals blocked: they are the host's threads' business.
static int create(void)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	if (pthread_attr_init(&attributes)) return -1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int trouble = pthread_attr_setstacksize(&attributes, STACK);
	if (!trouble) trouble = pthread_create(&queue.thread, &attributes, live, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return trouble ? -1 : 0;
}

// ---- starting and ending it; the latch is held, and is let go meanwhile ----

// Waits until nobody changes the mode, and does so from now on. False: the time has passed, or the runtime is not running.
static bool begin_change(uint64_t deadline)
{
	while (queue.is_open && queue.is_changing && sleep_until(deadline))
		;
	if (!queue.is_open || queue.is_changing) return false;
	return queue.is_changing = true;
}

static void end_change(void)
{
	queue.is_changing = false;
	wake_sleepers();
}

// It has left, or was never there.
static void join(void)
{
	if (queue.life == NONE) return;
	tally_latch_drop(&queue.latch);
	pthread_join(queue.thread, NULL);
	tally_latch_take(&queue.latch);
	queue.life = NONE;
}

// Does not wait for it to arrive.
static int start(void)
{
	queue.life = STARTING;
	queue.is_busy = true;
	queue.is_to_leave = false;
	tally_latch_drop(&queue.latch);
	int status = create();
	tally_latch_take(&queue.latch);
	if (status) queue.life = NONE;
	return status;
}

static bool is_there(void) { return queue.life == STARTING || queue.life == RUNNING; }

static enum tally_error_code need_thread(void)
{
	if (is_there()) return TALLY_ERROR_NONE;
	join();
	if (start()) return TALLY_ERROR_MEMORY;
	while (queue.life == STARTING) sleep_for(TALLY_FOREVER);
	if (queue.life == RUNNING) return TALLY_ERROR_NONE;
	join();
	return queue.trouble;
}

// Once it sleeps, or is about to, it leaves for sure. False: it is busy when the time has passed, and stays.
static bool end(uint64_t deadline)
{
	queue.is_to_leave = true;
	wake_sleepers();
	while (is_there() && sleep_until(queue.is_busy ? deadline : TALLY_FOREVER))
		;
	if (is_there()) {
		queue.is_to_leave = false;
		return false;
	}
	join();
	return true;
}

// ---- the mode ----

enum tally_finalizer_mode tally_finalizer_get_mode(void) { return (enum tally_finalizer_mode)tally_load(&queue.mode, relaxed); }

static enum tally_error_code change(enum tally_finalizer_mode mode)
{
	tally_latch_take(&queue.latch);
	enum tally_error_code trouble = begin_change(TALLY_FOREVER) ? TALLY_ERROR_NONE : TALLY_ERROR_CLOSING;
	if (!trouble) {
		if (mode == TALLY_FINALIZER_THREAD) trouble = need_thread();
		if (!trouble) set_mode(mode);
		if (!trouble && mode != TALLY_FINALIZER_THREAD) end(TALLY_FOREVER);
		end_change();
	}
	tally_latch_drop(&queue.latch);
	return trouble;
}

int tally_finalizer_set_mode(enum tally_finalizer_mode mode)
{
	static const char operation[] = "finalizer_set_mode";
	if ((unsigned)mode > TALLY_FINALIZER_THREAD)
		return tally_error_raise(TALLY_ERROR_VALUE, operation, "mode %d, expected 0, 1 or 2", (int)mode);
	if (tally_in_section()) return refuse_in_section(operation);
	if (here.is_ours) return tally_error_raise(TALLY_ERROR_THREAD, operation, "called on the thread of finalizers");
	bool away = go_away();
	enum tally_error_code trouble = change(mode);
	come_back(away);
	if (!trouble) return 0;
	if (trouble == TALLY_ERROR_CLOSING) return refuse_closing(operation);
	return tally_error_raise(trouble, operation, "no thread to be had");
}

// ---- the runtime's start and end ----

void tally_finalizers_open(void)
{
	tally_latch_take(&queue.latch);
	queue.head = queue.tail = &own;
	set_mode(TALLY_FINALIZER_INLINE);
	queue.is_open = true;
	tally_latch_drop(&queue.latch);
}

bool tally_finalizers_end_thread(uint64_t timeout_ns)
{
	uint64_t deadline = deadline_in(timeout_ns);
	tally_latch_take(&queue.latch);
	bool ended = begin_change(deadline);
	if (ended) {
		queue.is_open = false;
		ended = end(deadline);
		queue.is_open = !ended;
		end_change();
	}
	tally_latch_drop(&queue.latch);
	return ended;
}

// The door is open. Who ends the runtime does not wait until the thread has arrived: the lock may not be had.
void tally_finalizers_resume_thread(void)
{
	tally_latch_take(&queue.latch);
	queue.is_open = queue.is_changing = true;
	set_mode(queue.wanted);
	if (queue.wanted == TALLY_FINALIZER_THREAD && start()) set_mode(TALLY_FINALIZER_ON_DEMAND);
	end_change();
	tally_latch_drop(&queue.latch);
}

static void forget_chunks(void)
{
	struct chunk *over[] = {queue.head, queue.spare};
	queue.head = queue.tail = &own;
	own.first = own.last = 0;
	queue.spare = NULL;
	for (int i = 0; i < 2; i++)
		if (over[i] != &own) tally_record_free(over[i]);
}

// Nobody else is there.
void tally_finalizers_close(void)
{
	tally_store(&queue.mode, TALLY_FINALIZER_INLINE, relaxed);
	run(SIZE_MAX);
	TALLY_ASSERT(is_empty());
	forget_chunks();
}
