// core/uncollectable.c: finding uncollectable objects (core/uncollectable.h).
//
// Of objects that nobody has a reference to only the addresses are known, and something else may stand there by now. So all pages are
// walked for live objects that are marked as trash and stand at one of the addresses. They are held, and looked at once more as
// candidates (core/trial.h): what is reachable has been brought back too late, by a clear or a destructor, and is none of
// the collector's business any more; the rest is in cycles through types that cannot be cleared.
//
// It is rare, so it may take as long as a full collection.
#include "uncollectable.h"
#include "garbage.h"
#include "object.h"
#include "os.h"
#include "pause.h"
#include "trial.h"

#include <stdlib.h>
#include <tally/gc.h>

struct survivors {
	const uintptr_t *address; // in order
	size_t addresses;
	struct tally_object **object; // found alive, those of a page together; held
	size_t count, stuck;          // the first `stuck` are uncollectable
};

static int by_address(const void *left, const void *right)
{
	uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;
	return (a > b) - (a < b);
}

static bool is_survivor(const struct survivors *survivors, struct tally_object *object)
{
	uintptr_t address = (uintptr_t)object;
	if (!variant_is_alive(object) || !(tally_load(&object->gc, relaxed) & TALLY_GC_TRASH)) return false;
	return bsearch(&address, survivors->address, survivors->addresses, sizeof address, by_address);
}

static int find(struct tally_page *page, void *context)
{
	struct survivors *survivors = context;
	if (!tally_layout_is_tracked(page->layout) || page->used == 0) return 0;
	for (unsigned i = 0; i < tally_page_filled(page); i++) {
		struct tally_object *object = tally_block_at(page, i);
		if (!is_survivor(survivors, object)) continue;
		variant_hold_stopped(object);
		tally_fetch_and(&object->gc, (uint8_t)~TALLY_GC_TRASH, relaxed);
		survivors->object[survivors->count++] = object;
	}
	return 0;
}

static void move_up(struct survivors *survivors, size_t i)
{
	struct tally_object *object = survivors->object[i];
	survivors->object[i] = survivors->object[survivors->stuck];
	survivors->object[survivors->stuck++] = object;
}

// Without memory nobody is found to be stuck.
static void find_stuck(struct survivors *survivors)
{
	struct tally_candidates set;
	if (!tally_candidates_of_objects(&set, survivors->object, survivors->count)) {
		tally_trial_subtract_members(&set);
		tally_trial_mark_held(&set);
		for (size_t i = 0; i < survivors->count; i++)
			if (tally_candidate_has(set.trash, tally_candidate_number(survivors->object[i]))) move_up(survivors, i);
	}
	tally_candidates_release(&set);
}

void tally_uncollectable_keep(uintptr_t *address, size_t count, unsigned debug, struct tally_gc_collection *collection)
{
	struct survivors survivors = {.address = address, .addresses = count};
	if (!address || !(survivors.object = tally_record_new(count * sizeof *survivors.object))) return;
	qsort(address, count, sizeof *address, by_address);
	tally_pause_begin();
	tally_pages_each(find, &survivors);
	find_stuck(&survivors);
	tally_pause_end(collection);
	tally_garbage_put(survivors.object, survivors.stuck);
	for (size_t i = 0; debug & TALLY_GC_DEBUG_UNCOLLECTABLE && i < survivors.stuck; i++)
		tally_garbage_tell("uncollectable", survivors.object[i]);
	for (size_t i = 0; i < survivors.count; i++) variant_decref(survivors.object[i]);
	collection->uncollectable += survivors.stuck;
	tally_record_free(survivors.object);
}
