// core/due.c: thresholds, modes and switches of automatic collection (core/due.h).
//
// What hosts set is words of their own, relaxed: a reader may see one of two changes made together. What the trigger looks at is
// derived from them after each change and each collection: young.c knows one number of objects and one of bytes. A latch makes
// whoever derives last see all changes before.
#include "due.h"
#include "error.h"
#include "heap.h"
#include "object.h"

#include <tally/gc.h>

enum { GENERATIONS = TALLY_GC_GENERATIONS, OLDEST = GENERATIONS - 1 };
enum { CROWDED = 8 }; // thresholds

static const uint32_t default_threshold[GENERATIONS] = {TALLY_TUNED(700, 7), TALLY_TUNED(10, 2), TALLY_TUNED(10, 2)};
static const uint64_t default_bytes = (uint64_t)64 << 20, default_budget = 30000;

static struct {
	struct tally_latch latch; // for telling the trigger; leaf code under it
	_Atomic uint32_t enabled, suspended, mode;
	_Atomic uint32_t threshold[GENERATIONS];
	_Atomic uint64_t bytes, budget;
	_Atomic uint64_t younger[GENERATIONS]; // collections of the generation below since the last of this one; [0] is unused
	_Atomic uint64_t last_bytes; // pages in use after the last collection, when its garbage had gone
	_Atomic uint64_t old_total;  // objects that the last full collection left alive; written while the world stands
	_Atomic uint64_t old_bytes;  // pages in use then, as above
	uint64_t old_growth; // objects that have become old since; by whoever collects
} due = {.latch = TALLY_LATCH_INIT};

// ---- what the trigger knows ----

static bool is_on(void) { return tally_load(&due.enabled, relaxed) && !tally_load(&due.suspended, relaxed); }

static uint64_t objects_wanted(void)
{
	uint64_t threshold = tally_load(&due.threshold[0], relaxed), quarter = tally_load(&due.old_total, relaxed) / 4;
	if (tally_load(&due.mode, relaxed) == TALLY_GC_FULL && threshold && quarter > threshold) threshold = quarter;
	return threshold < INT32_MAX ? threshold : INT32_MAX;
}

// How far the pages may grow; UINT64_MAX: as far as they like.
static uint64_t byte_limit(void)
{
	uint64_t bytes = tally_load(&due.bytes, relaxed), last = tally_load(&due.last_bytes, relaxed);
	uint64_t quarter = tally_load(&due.old_bytes, relaxed) / 4;
	if (!bytes) return UINT64_MAX;
	if (tally_load(&due.mode, relaxed) == TALLY_GC_FULL && quarter > bytes) bytes = quarter;
	return bytes < UINT64_MAX - last ? last + bytes : UINT64_MAX;
}

static void tell(void)
{
	tally_latch_take(&due.latch);
	tally_young_set_threshold(is_on() ? (uint32_t)objects_wanted() : 0);
	tally_young_set_byte_limit(byte_limit());
	tally_latch_drop(&due.latch);
}

// The calling thread sees a change at once, others when they next need a page.
static void tell_now(void)
{
	tell();
	if (tally_self.state == TALLY_ATTACHED) tally_young_rewatch(tally_self.heap);
}

// ---- which ----

bool tally_due_now(void) { return tally_young_is_due(); }

bool tally_due_is_crowded(void)
{
	return tally_young_count() > CROWDED * (uint64_t)tally_load(&due.threshold[0], relaxed);
}

static bool is_over(int generation)
{
	return tally_load(&due.younger[generation], relaxed) > tally_load(&due.threshold[generation], relaxed);
}

static bool has_grown(void)
{
	uint64_t bytes = tally_load(&due.bytes, relaxed), now = tally_pages_bytes();
	uint64_t old = tally_load(&due.old_bytes, relaxed), before = old + old / 4;
	return bytes && now > before && now - before > bytes;
}

int tally_due_generation(void)
{
	if (tally_load(&due.mode, relaxed) == TALLY_GC_FULL) return OLDEST;
	if (is_over(OLDEST) && due.old_growth > tally_load(&due.old_total, relaxed) / 4) return OLDEST;
	if (has_grown()) return OLDEST;
	return is_over(1) ? 1 : 0;
}

// ---- what has happened ----

void tally_due_collected(int generation, size_t living)
{
	for (int i = 0; i <= generation; i++) tally_store(&due.younger[i], 0, relaxed);
	if (generation < OLDEST) tally_fetch_add(&due.younger[generation + 1], 1, relaxed);
	if (generation == OLDEST - 1) due.old_growth += living;
	if (generation == OLDEST) {
		tally_store(&due.old_total, living, relaxed);
		due.old_growth = 0;
		tally_store(&due.old_bytes, tally_pages_bytes(), relaxed);
	}
	tally_store(&due.last_bytes, tally_pages_bytes(), relaxed);
	tally_young_reset_count();
	tell();
}

static void lower(_Atomic uint64_t *bytes, uint64_t now)
{
	if (now < tally_load(bytes, relaxed)) tally_store(bytes, now, relaxed);
}

// What has just gone was in both when they were noted.
void tally_due_disposed(void)
{
	uint64_t now = tally_pages_bytes();
	lower(&due.last_bytes, now);
	lower(&due.old_bytes, now);
	tell();
}

void tally_due_frozen(void)
{
	for (int i = 0; i < GENERATIONS; i++) tally_store(&due.younger[i], 0, relaxed);
	tally_store(&due.old_total, 0, relaxed);
	due.old_growth = 0;
	tally_young_reset_count();
	tell();
}

void tally_due_unfrozen(size_t unfrozen) { due.old_growth += unfrozen; }

void tally_due_failed(void)
{
	tally_store(&due.last_bytes, tally_pages_bytes(), relaxed);
	tally_young_reset_count();
	tell();
}

// ---- switches ----

void tally_gc_enable(void)
{
	tally_store(&due.enabled, 1, relaxed);
	tell_now();
}

void tally_gc_disable(void)
{
	tally_store(&due.enabled, 0, relaxed);
	tell_now();
}

bool tally_gc_is_enabled(void) { return tally_load(&due.enabled, relaxed); }

void tally_gc_suspend(void)
{
	tally_fetch_add(&due.suspended, 1, relaxed);
	tell_now();
}

int tally_gc_resume(void)
{
	uint32_t depth = tally_load(&due.suspended, relaxed);
	do {
		if (!depth) return tally_error_raise(TALLY_ERROR_VALUE, "gc_resume", "automatic collection is not suspended");
	} while (!tally_cas(&due.suspended, &depth, depth - 1, relaxed));
	tell_now();
	return 0;
}

bool tally_gc_is_suspended(void) { return tally_load(&due.suspended, relaxed); }

void tally_gc_set_threshold(const uint32_t threshold[GENERATIONS])
{
	for (int i = 0; i < GENERATIONS; i++) tally_store(&due.threshold[i], threshold[i], relaxed);
	tell_now();
}

void tally_gc_get_threshold(uint32_t threshold[GENERATIONS])
{
	for (int i = 0; i < GENERATIONS; i++) threshold[i] = tally_load(&due.threshold[i], relaxed);
}

void tally_gc_set_byte_threshold(uint64_t bytes)
{
	tally_store(&due.bytes, bytes, relaxed);
	tell_now();
}

uint64_t tally_gc_get_byte_threshold(void) { return tally_load(&due.bytes, relaxed); }

int tally_gc_set_mode(enum tally_gc_mode mode)
{
	if (mode != TALLY_GC_GENERATIONAL && mode != TALLY_GC_FULL)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_set_mode", "mode %d, expected TALLY_GC_GENERATIONAL or TALLY_GC_FULL",
		                         (int)mode);
	tally_store(&due.mode, (uint32_t)mode, relaxed);
	tell_now();
	return 0;
}

enum tally_gc_mode tally_gc_get_mode(void) { return (enum tally_gc_mode)tally_load(&due.mode, relaxed); }

void tally_gc_set_budget(uint64_t objects) { tally_store(&due.budget, objects, relaxed); }

uint64_t tally_gc_get_budget(void) { return tally_load(&due.budget, relaxed); }

int tally_gc_get_count(uint64_t count[GENERATIONS])
{
	if (!tally_enter("gc_get_count")) return -1;
	tally_young_rewatch(tally_self.heap);
	count[0] = tally_young_count();
	for (int i = 1; i < GENERATIONS; i++) count[i] = tally_load(&due.younger[i], relaxed);
	return 0;
}

void tally_due_init(void)
{
	for (int i = 0; i < GENERATIONS; i++) {
		tally_store(&due.threshold[i], default_threshold[i], relaxed);
		tally_store(&due.younger[i], 0, relaxed);
	}
	tally_store(&due.suspended, 0, relaxed);
	tally_store(&due.mode, TALLY_GC_GENERATIONAL, relaxed);
	tally_store(&due.old_total, 0, relaxed);
	tally_store(&due.old_bytes, 0, relaxed);
	tally_store(&due.last_bytes, 0, relaxed);
	due.old_growth = 0;
	tally_store(&due.bytes, default_bytes, relaxed);
	tally_store(&due.budget, default_budget, relaxed);
	tally_young_reset_count();
	tally_gc_enable();
}
