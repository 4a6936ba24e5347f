// core/gc.c: the cycle collector: when, which generation, in what order. The steps have files of their own:
//
//     young.c        which pages hold young objects; the count that asks for a collection
//     candidates.c   numbers the blocks of those pages; the arrays of a collection
//     trial.c        trial deletion: subtract, mark: what is left is trash
//     trash.c        trash with callbacks: set aside, finalized, looked at again, cleared
//     sweep.c        survivors grow older; plain trash is freed
//     pause.c        the stops, timed
//
// A collection: stop; number, subtract, mark; set aside, promote, free; start; dispose of what was set aside and has died.
// One at a time: whoever comes while one has the world stopped, or is about to, leaves at once. Once the world goes again the
// next one may begin, on another thread: what is being disposed of is held, so it looks alive to all others.
//
// I1  A collection that finds no memory has changed nothing (but spread objects that nobody refers to have died, as they would
//     have without cycles: that takes no memory).
// I2  A collection begins at a run point of its thread, with no section open, never inside another collection.
#include "gc.h"
#include "error.h"
#include "intern.h"
#include "object.h"
#include "pause.h"
#include "sweep.h"
#include "trash.h"
#include "trial.h"

#include <limits.h>
#include <string.h>
#include <tally/gc.h>

enum { GENERATIONS = TALLY_GC_GENERATIONS, OLDEST = GENERATIONS - 1, ROUNDS_AT_THE_END = 16 };

static const uint32_t default_threshold[GENERATIONS] = {TALLY_TUNED(700, 7), TALLY_TUNED(10, 2), TALLY_TUNED(10, 2)};

enum { CROWDED = 8, PATIENCE = 2000000 }; // thresholds, from which on a thread waits for a collection; ns that it does

static struct {
	_Atomic uint32_t busy;    // somebody is about to stop the world for a collection, or has
	_Atomic uint32_t waiting; // threads that wait for the end of that
	_Atomic uint32_t enabled;
	// relaxed, each for itself: a reader may see one of two changes made together
	_Atomic uint32_t threshold[GENERATIONS];
	_Atomic uint64_t younger[GENERATIONS]; // collections of the generation below since the last of this one; [0] is unused
	_Atomic uint64_t collections[GENERATIONS], collected[GENERATIONS], uncollectable[GENERATIONS], failed[GENERATIONS];
	// by whoever is busy
	uint64_t old_total;  // objects that the last full collection left alive
	uint64_t old_growth; // objects that have become old since
} gc;

// ---- one at a time ----

static bool try_begin(void)
{
	uint32_t idle = 0;
	if (tally_self.collecting) return false; // a callback of this very collection asks
	// order: acquire what the last collection left; pairs with end. Else: old_total is stale.
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
	uint64_t crowd = CROWDED * (uint64_t)tally_load(&gc.threshold[0], relaxed);
	if (tally_self.collecting || tally_young_count() <= crowd) return;
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

static void count_collection(int generation, size_t living)
{
	for (int i = 0; i <= generation; i++) tally_store(&gc.younger[i], 0, relaxed);
	if (generation < OLDEST) tally_fetch_add(&gc.younger[generation + 1], 1, relaxed);
	if (generation == OLDEST) gc.old_total = living, gc.old_growth = 0;
	if (generation == OLDEST - 1) gc.old_growth += living;
	tally_young_reset_count();
	variant_heaps(relist, NULL);
}

static int find_trash(struct tally_candidates *set, int generation)
{
	if (tally_candidates_of_generation(set, generation)) return -1;
	tally_trial_subtract(set, generation);
	return tally_trial_mark(set);
}

// The part for which the world stands still. -1: no memory.
static int64_t collect_stopped(int generation, struct tally_trash *trash)
{
	struct tally_candidates set;
	size_t freed = 0, dead = generation == OLDEST ? variant_bury_spread_stopped() : 0;
	int status = find_trash(&set, generation);
	if (!status) status = tally_trash_set_aside(trash, &set);
	if (!status) {
		size_t living = tally_sweep_promote(&set, generation);
		freed = tally_sweep_free(&set);
		if (generation == OLDEST) tally_intern_purge_stopped(); // the trash has dropped its names
		if (generation == OLDEST) tally_heap_reclaim_stopped();
		count_collection(generation, living - trash->count); // what comes back of it is a rare error
	} else {
		tally_candidates_release(&set);
	}
	return status ? -1 : (int64_t)(freed + dead);
}

static void note(int generation, uint64_t found, uint64_t uncollectable)
{
	tally_fetch_add(&gc.collections[generation], 1, relaxed);
	tally_fetch_add(&gc.collected[generation], found, relaxed);
	tally_fetch_add(&gc.uncollectable[generation], uncollectable, relaxed);
}

// try_begin has succeeded. Returns what was found, or -1: no memory.
static int64_t collect(int generation)
{
	struct tally_trash trash = {.count = 0};
	tally_pause_begin();
	int64_t freed = collect_stopped(generation, &trash);
	end();
	tally_pause_end();
	tally_self.collecting = true;
	struct tally_trash_result result = tally_trash_dispose(&trash);
	tally_self.collecting = false;
	if (freed < 0) {
		tally_fetch_add(&gc.failed[generation], 1, relaxed);
		return -1;
	}
	uint64_t found = (uint64_t)freed + result.unreachable;
	note(generation, found, result.uncollectable);
	return (int64_t)found;
}

// ---- automatic ----

static bool is_over(int generation)
{
	return tally_load(&gc.younger[generation], relaxed) > tally_load(&gc.threshold[generation], relaxed);
}

static int due_generation(void)
{
	if (is_over(2) && gc.old_growth > gc.old_total / 4) return 2;
	return is_over(1) ? 1 : 0;
}

void tally_gc_run_point(void)
{
	tally_self.pending &= ~(uint32_t)TALLY_PENDING_COLLECT;
	if (!tally_young_is_due()) return;
	if (!try_begin()) make_way();
	else if (collect(due_generation()) < 0) tally_young_reset_count(); // not again before as many have been made
}

// ---- on demand ----

int64_t tally_gc_collect(int generation)
{
	if (!tally_enter_run("gc_collect")) return -1;
	if (generation < 0 || generation > OLDEST)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_collect", "generation %d, expected 0, 1 or 2", generation);
	if (tally_in_section())
		return tally_error_raise(TALLY_ERROR_THREAD, "gc_collect", "a %s section of this thread is open",
		                         tally_self.section ? "critical" : "read");
	if (generation == OLDEST) variant_reclaim();
	if (!try_begin()) return 0;
	int64_t found = collect(generation);
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

// ---- controls ----

// young.c knows one number: the threshold, or 0 for never.
static void tell_threshold(void)
{
	bool enabled = tally_load(&gc.enabled, relaxed);
	tally_young_set_threshold(enabled ? tally_load(&gc.threshold[0], relaxed) : 0);
	if (tally_self.state == TALLY_ATTACHED) tally_young_rewatch(tally_self.heap);
}

void tally_gc_enable(void)
{
	tally_store(&gc.enabled, 1, relaxed);
	tell_threshold();
}

void tally_gc_disable(void)
{
	tally_store(&gc.enabled, 0, relaxed);
	tell_threshold();
}

bool tally_gc_is_enabled(void) { return tally_load(&gc.enabled, relaxed); }

void tally_gc_set_threshold(const uint32_t threshold[GENERATIONS])
{
	for (int i = 0; i < GENERATIONS; i++) tally_store(&gc.threshold[i], threshold[i], relaxed);
	tell_threshold();
}

void tally_gc_get_threshold(uint32_t threshold[GENERATIONS])
{
	for (int i = 0; i < GENERATIONS; i++) threshold[i] = tally_load(&gc.threshold[i], relaxed);
}

// ---- figures ----

int tally_gc_get_count(uint64_t count[GENERATIONS])
{
	if (!tally_enter("gc_get_count")) return -1;
	tally_young_rewatch(tally_self.heap);
	count[0] = tally_young_count();
	for (int i = 1; i < GENERATIONS; i++) count[i] = tally_load(&gc.younger[i], relaxed);
	return 0;
}

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

bool tally_gc_is_tracked(const tally_object *object)
{
	if (!object || !tally_layout_is_tracked(tally_page_of(object)->layout)) return false;
	return !(tally_load(&object->gc, relaxed) & TALLY_GC_UNTRACKED);
}

bool tally_gc_is_finalized(const tally_object *object)
{
	return object && tally_load(&object->gc, relaxed) & TALLY_GC_FINALIZED;
}

// ---- the life of the runtime ----

void tally_gc_init(void)
{
	memset(&gc, 0, sizeof gc);
	for (int i = 0; i < GENERATIONS; i++) tally_store(&gc.threshold[i], default_threshold[i], relaxed);
	tally_gc_reset_pauses();
	tally_young_reset_count();
	tally_gc_enable();
}

void tally_gc_fini(void) { tally_candidates_fini(); }
