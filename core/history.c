// core/history.c: the record of the last collections (core/history.h).
//
// A ring under a latch. `added` counts what has ever been put in; the i-th is at i modulo the ring's size until it is
// overwritten. A cursor is such a count, too: what lies between it and the oldest that is left has been missed, and nothing
// is read twice.
//
// Who waits sleeps on `changes`, which goes up with each collection and at the end of the runtime. It belongs to one start
// of the runtime: one that sleeps through an end and the next start is told of the end.
//
// I1  Of all that is added a reader who goes on from its cursor gets each once, in the order of `added`, or it is counted
//     as missed.
// Any thread; the latch is a leaf.
#include "history.h"
#include "atomics.h"
#include "error.h"
#include "os.h"
#include "thread.h"

#include <errno.h>
#include <limits.h>

enum { RING = TALLY_GC_HISTORY };

static struct {
	struct tally_latch latch;
	// guarded by the latch
	_Atomic uint32_t changes; // relaxed: the latch orders
	uint32_t waiting;         // threads that sleep on it
	uint32_t starts;          // of the runtime
	bool is_open;
	uint64_t added;
	tally_gc_collection ring[RING];
} history = {.latch = TALLY_LATCH_INIT};

// ---- writing ----

// The latch is held. Returns whether anybody is to be woken.
static bool change(void)
{
	tally_fetch_add(&history.changes, 1, relaxed);
	return history.waiting;
}

void tally_history_add(const struct tally_gc_collection *collection)
{
	tally_latch_take(&history.latch);
	history.ring[history.added++ % RING] = *collection;
	bool wanted = change();
	tally_latch_drop(&history.latch);
	if (wanted) tally_wake(&history.changes, INT_MAX);
}

void tally_history_init(void)
{
	tally_latch_take(&history.latch);
	history.is_open = true;
	history.added = 0;
	history.starts++;
	tally_latch_drop(&history.latch);
}

void tally_history_fini(void)
{
	tally_latch_take(&history.latch);
	history.is_open = false;
	change();
	tally_latch_drop(&history.latch);
	tally_wake(&history.changes, INT_MAX);
}

// ---- reading; the latch is held ----

static uint64_t oldest(void) { return history.added > RING ? history.added - RING : 0; }

// One from an earlier runtime may be beyond the end; it begins anew.
static uint64_t place_of(uint64_t cursor) { return cursor <= history.added ? cursor : 0; }

static size_t copy(uint64_t from, tally_gc_collection *collections, size_t room)
{
	size_t count = history.added - from < room ? (size_t)(history.added - from) : room;
	for (size_t i = 0; i < count; i++) collections[i] = history.ring[(from + i) % RING];
	return count;
}

size_t tally_gc_history_read(uint64_t *cursor, tally_gc_collection *collections, size_t room, uint64_t *missed)
{
	tally_latch_take(&history.latch);
	uint64_t place = place_of(*cursor), first = place > oldest() ? place : oldest();
	size_t count = copy(first, collections, room);
	tally_latch_drop(&history.latch);
	*cursor = first + count;
	if (missed) *missed = first - place;
	return count;
}

// ---- waiting ----

// What the caller of tally_gc_history_wait is told now.
enum answer { CLOSED = -1, NOTHING, SOME };

static enum answer look(uint64_t cursor, uint32_t start)
{
	if (history.starts != start) return CLOSED;
	if (history.added > place_of(cursor)) return SOME;
	return history.is_open ? NOTHING : CLOSED;
}

// The latch is held, but not during the sleep. False: it is too late to sleep.
static bool sleep_until(uint64_t deadline)
{
	uint64_t now = tally_clock();
	uint32_t seen = tally_load(&history.changes, relaxed);
	if (now >= deadline) return false;
	history.waiting++;
	tally_latch_drop(&history.latch);
	tally_wait(&history.changes, seen, deadline == TALLY_FOREVER ? TALLY_FOREVER : deadline - now);
	tally_latch_take(&history.latch);
	history.waiting--;
	return true;
}

static uint64_t deadline_in(uint64_t timeout_ns)
{
	uint64_t now = tally_clock();
	return timeout_ns < TALLY_FOREVER - now ? now + timeout_ns : TALLY_FOREVER;
}

static enum answer await(uint64_t cursor, uint32_t start, uint64_t deadline)
{
	enum answer answer;
	tally_latch_take(&history.latch);
	while ((answer = look(cursor, start)) == NOTHING && sleep_until(deadline))
		;
	tally_latch_drop(&history.latch);
	return answer;
}

static enum answer await_away(uint64_t cursor, uint32_t start, uint64_t deadline)
{
	bool attached = tally_self.state == TALLY_ATTACHED;
	if (attached) tally_blocking_begin();
	enum answer answer = await(cursor, start, deadline);
	if (attached) tally_blocking_end();
	return answer;
}

static uint32_t this_start(void)
{
	tally_latch_take(&history.latch);
	uint32_t start = history.starts;
	tally_latch_drop(&history.latch);
	return start;
}

int tally_gc_history_wait(uint64_t cursor, uint64_t timeout_ns)
{
	if (tally_self.state == TALLY_ATTACHED && tally_in_section())
		return tally_error_raise(TALLY_ERROR_THREAD, "gc_history_wait", "a %s section of this thread is open",
		                         tally_self.section ? "critical" : "read");
	int kept = errno;
	uint32_t start = this_start();
	enum answer answer = await(cursor, start, 0);
	if (answer == NOTHING && timeout_ns) answer = await_away(cursor, start, deadline_in(timeout_ns));
	errno = kept;
	if (answer != CLOSED) return answer;
	return tally_error_raise(TALLY_ERROR_CLOSING, "gc_history_wait", "the runtime is not running");
}
