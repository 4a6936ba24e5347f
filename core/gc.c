// core/gc.c: the cycle collector: a collection, step by step. The steps have files of their own:
//
//     due.c           when, and of which generation
//     young.c         which pages hold young objects; the counts that ask for a collection
//     candidates.c    numbers the blocks of those pages; the arrays of a collection
//     trial.c         trial deletion: subtract, mark: what is left is trash
//     trash.c         trash with callbacks: set aside, finalized, looked at again, cleared
//     sweep.c         survivors grow older; plain trash is freed
//     garbage.c       what cannot be collected, or is not to be
//     pause.c         the stops, timed
//     gc_callbacks.c  the host is told
//     history.c       what each collection was like
//
// A collection: stop; number, subtract, mark; set aside, promote, free; start; dispose of what was set aside and has died.
// One at a time: whoever comes while one has the world stopped, or is about to, leaves at once. Once the world goes again the
// next one may begin, on another thread: what is being disposed of is held, so it looks alive to all others.
//
// I1  A collection that finds no memory has changed nothing (but spread objects that nobody refers to have died, as they would
//     have without cycles: that takes no memory).
// I2  A collection begins at a run point of its thread, with no section open, never inside another collection.
// I3  The thread's error and errno are the same after a collection as before.
#include "gc.h"
#include "callback.h"
#include "due.h"
#include "garbage.h"
#include "gc_callbacks.h"
#include "history.h"
#include "intern.h"
#include "object.h"
#include "os.h"
#include "pause.h"
#include "sweep.h"
#include "trash.h"
#include "trial.h"

#include <limits.h>
#include <string.h>
#include <tally/gc.h>

enum { GENERATIONS = TALLY_GC_GENERATIONS, OLDEST = GENERATIONS - 1, ROUNDS_AT_THE_END = 16 };

enum { PATIENCE = 2000000 }; // ns that a thread waits for another's collection when far too many objects wait

static struct {
	_Atomic uint32_t busy;    // somebody is about to stop the world for a collection, or has
	_Atomic uint32_t waiting; // threads that wait for the end of that
	// relaxed, each for itself
	_Atomic uint64_t number; // of the collection that began last
	_Atomic uint64_t collections[GENERATIONS], collected[GENERATIONS], uncollectable[GENERATIONS], failed[GENERATIONS];
} gc;

// ---- one at a time ----

static bool try_begin(void)
{
	uint32_t idle = 0;
	if (tally_self.collecting) return false; // a callback of this very collection asks
	// order: acquire what the last collection left; pairs with end. Else: what core/due.c notes is stale.
	return tally_cas(&gc.busy, &idle, 1, acquire);
}

// Before the start, after which this thread may not run for a while, and then runs the host's callbacks.
static void end(void)
{
	// order: release what this collection leaves; pairs with try_begin. Else: as there.
	tally_store(&gc.busy, 0, release);
	if (tally_load(&gc.waiting, relaxed)) tally_wake(&gc.busy, INT_MAX);
}

// Somebody else is collecting. When that thread is displaced before it has stopped the world the others could allocate for a
// whole time slice, so who finds far too many young objects lets it have the processor. A wake that is missed costs PATIENCE.
static void make_way(void)
{
	if (tally_self.collecting || !tally_due_is_crowded()) return;
	tally_fetch_add(&gc.waiting, 1, relaxed);
	tally_blocking_begin();
	tally_wait(&gc.busy, 1, PATIENCE);
	tally_blocking_end();
	tally_fetch_sub(&gc.waiting, 1, relaxed);
}

// ---- a collection ----

static void relist(struct tally_heap *heap, void *unused)
{
	(void)unused;
	tally_young_reset(heap);
}

static int find_trash(struct tally_candidates *set, const struct tally_gc_collection *collection)
{
	bool has_budget = collection->is_automatic && collection->generation < OLDEST;
	if (tally_candidates_within(set, collection->generation, has_budget ? tally_gc_get_budget() : 0)) return -1;
	tally_trial_subtract(set, collection->generation);
	return tally_trial_mark(set);
}

// The part for which the world stands still. 0; -1: no memory.
static int collect_stopped(struct tally_gc_collection *collection, struct tally_trash *trash)
{
	struct tally_candidates set;
	int generation = collection->generation;
	size_t dead = generation == OLDEST ? variant_bury_spread_stopped() : 0;
	int status = find_trash(&set, collection);
	if (!status) status = tally_trash_set_aside(trash, &set);
	if (status) {
		tally_candidates_release(&set);
		return -1;
	}
	size_t living = tally_sweep_promote(&set, generation);
	collection->visited = set.visited;
	collection->promoted = set.passed_over;
	collection->collected = dead + tally_sweep_free(&set);
	collection->bytes = set.bytes;
	if (generation == OLDEST) tally_intern_purge_stopped(); // the trash has dropped its names
	if (generation == OLDEST) tally_heap_reclaim_stopped();
	tally_due_collected(generation, living - trash->count); // what comes back of it is a rare error
	variant_heaps(relist, NULL);
	return 0;
}

static void note(const struct tally_gc_collection *collection)
{
	int generation = collection->generation;
	tally_fetch_add(collection->has_failed ? &gc.failed[generation] : &gc.collections[generation], 1, relaxed);
	tally_fetch_add(&gc.collected[generation], collection->collected, relaxed);
	tally_fetch_add(&gc.uncollectable[generation], collection->uncollectable, relaxed);
	tally_history_add(collection);
}

static void examine(struct tally_gc_collection *collection, unsigned debug)
{
	struct tally_trash trash = {.debug = debug};
	tally_pause_begin();
	collection->has_failed = collect_stopped(collection, &trash) < 0;
	end();
	tally_pause_end(collection);
	tally_trash_dispose(&trash, collection);
	if (collection->generation == OLDEST && trash.count) variant_reclaim(); // what has been cleared counts as gone
	tally_due_disposed();
}

// try_begin has succeeded. Returns what was found, or -1: no memory.
static int64_t collect(int generation, bool is_automatic)
{
	struct tally_callback before = tally_callback_begin();
	struct tally_gc_collection collection = {.generation = generation, .is_automatic = is_automatic, .start = tally_clock()};
	collection.number = tally_fetch_add(&gc.number, 1, relaxed) + 1;
	tally_self.collecting = true;
	unsigned debug = tally_garbage_begin(&collection);
	tally_gc_callbacks_call(TALLY_GC_START, &collection);
	examine(&collection, debug);
	collection.duration = tally_clock() - collection.start;
	note(&collection);
	tally_garbage_end(&collection, debug);
	tally_gc_callbacks_call(TALLY_GC_STOP, &collection);
	tally_self.collecting = false;
	tally_callback_end(&before);
	return collection.has_failed ? -1 : (int64_t)collection.collected;
}

void tally_gc_run_point(void)
{
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_COLLECT;
	if (!tally_due_now()) return;
	if (!try_begin()) make_way();
	else if (!tally_due_now()) end(); // somebody else has just collected, or switched it off
	else if (collect(tally_due_generation(), true) < 0) tally_due_failed(); // not again before as much has been made
}

// ---- on demand ----

static int refuse(int generation)
{
	if (generation < 0 || generation > OLDEST)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_collect", "generation %d, expected 0, 1 or 2", generation);
	if (tally_in_section())
		return tally_error_raise(TALLY_ERROR_THREAD, "gc_collect", "a %s section of this thread is open",
		                         tally_self.section ? "critical" : "read");
	return 0;
}

// The call's run point does not collect: the result would not have what that finds.
static bool enter(void)
{
	uint32_t due = tally_self.pending & TALLY_PENDING_COLLECT;
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_COLLECT;
	bool is_in = tally_enter_run("gc_collect");
	tally_self.pending |= due;
	return is_in;
}

int64_t tally_gc_collect(int generation)
{
	if (!enter() || refuse(generation)) return -1;
	variant_world_let_in();
	if (generation == OLDEST) variant_reclaim();
	if (!try_begin()) return 0;
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_COLLECT;
	int64_t found = collect(generation, false);
	if (found >= 0) return found;
	return tally_error_raise(TALLY_ERROR_MEMORY, "gc_collect", "no memory to examine generation %d; nothing has changed",
	                         generation);
}

// True: something was found and has gone.
static bool collect_some(void)
{
	uint64_t before = tally_load(&gc.uncollectable[OLDEST], relaxed);
	int64_t found = tally_gc_collect(OLDEST);
	return found > (int64_t)(tally_load(&gc.uncollectable[OLDEST], relaxed) - before);
}

// From here on there is one thread: what one spread object kept another from is decided by counts again.
static void gather_spread(void)
{
	variant_world_stop();
	variant_gather_all_stopped();
	variant_world_start();
	tally_bury();
}

void tally_gc_collect_all(void)
{
	gather_spread();
	for (int i = 0; i < ROUNDS_AT_THE_END && collect_some(); i++)
		;
}

// ---- figures ----

int tally_gc_get_stats(int generation, tally_gc_stats *stats)
{
	if (generation < 0 || generation > OLDEST)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_get_stats", "generation %d, expected 0, 1 or 2", generation);
	if (stats->size != sizeof *stats)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_get_stats", "size is %zu, expected sizeof(tally_gc_stats), %zu",
		                         stats->size, sizeof *stats);
	stats->collections = tally_load(&gc.collections[generation], relaxed);
	stats->collected = tally_load(&gc.collected[generation], relaxed);
	stats->uncollectable = tally_load(&gc.uncollectable[generation], relaxed);
	stats->failed = tally_load(&gc.failed[generation], relaxed);
	return 0;
}

// ---- the life of the runtime ----

void tally_gc_init(void)
{
	memset(&gc, 0, sizeof gc);
	tally_gc_reset_pauses();
	tally_history_init();
	tally_gc_callbacks_init();
	tally_garbage_init();
	tally_due_init();
}

void tally_gc_fini(void)
{
	tally_gc_callbacks_fini();
	tally_history_fini();
	tally_candidates_fini();
}
