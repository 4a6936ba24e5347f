// core/uncollectable.c: finding uncollectable objects (core/uncollectable.h).
//
// Of objects that nobody has a reference to only the addresses are known, and something else may stand there by now. So all pages are
// walked for live objects that are marked as trash and stand at one of the addresses. They are held, and looked at once more as
// candidates (core/trial.h): what is reachable has been brought back too late, by a clear or a destructor, and is none of
// the collector's business any more; the rest is in cycles through types that cannot be cleared.
//
// It is rare, so it may take as long as a full collection. It works in the list of the trash and needs no other memory to find
// and unmark them all.
//
// I1  Afterwards none of the trash that lives is marked, classes excepted, which are about to go.
#include "uncollectable.h"
#include "garbage.h"
#include "object.h"
#include "pause.h"
#include "trial.h"

#include <stdlib.h>
#include <tally/gc.h>

enum { SURVIVED = 4 }; // one more flag in an address: objects stand at multiples of eight

static uintptr_t address_of(uintptr_t entry) { return entry & ~(uintptr_t)(TALLY_TRASH_FLAGS | SURVIVED); }

static int by_address(const void *left, const void *right)
{
	uintptr_t a = address_of(*(const uintptr_t *)left), b = address_of(*(const uintptr_t *)right);
	return (a > b) - (a < b);
}

static uintptr_t *find(const struct tally_trash *trash, const struct tally_object *object)
{
	uintptr_t address = (uintptr_t)object;
	return bsearch(&address, trash->object, trash->count, sizeof address, by_address);
}

// ---- the world stopped ----

static void look_at(struct tally_trash *trash, struct tally_object *object)
{
	if (!variant_is_alive(object) || !(tally_load(&object->gc, relaxed) & TALLY_GC_TRASH)) return;
	uintptr_t *entry = find(trash, object);
	if (!entry || *entry & TALLY_TRASH_FLAGS) return;
	variant_hold_stopped(object);
	tally_fetch_and(&object->gc, (uint8_t)~TALLY_GC_TRASH, relaxed);
	*entry |= SURVIVED;
}

static int look_at_page(struct tally_page *page, void *context)
{
	if (!tally_layout_is_tracked(page->layout) || page->used == 0) return 0;
	for (unsigned i = 0; i < tally_page_filled(page); i++) look_at(context, tally_block_at(page, i));
	return 0;
}

static void swap(uintptr_t *a, uintptr_t *b)
{
	uintptr_t old = *a;
	*a = *b;
	*b = old;
}

// Brings the survivors to the front, in order, their flags off. Returns how many they are.
static size_t gather(struct tally_trash *trash)
{
	size_t count = 0;
	for (size_t i = 0; i < trash->count; i++) {
		if (!(trash->object[i] & SURVIVED)) continue;
		trash->object[i] &= ~(uintptr_t)SURVIVED;
		swap(&trash->object[count++], &trash->object[i]);
	}
	return count;
}

// Of the first `count` brings those to the front that only one another refer to. Returns how many they are; 0 without memory.
static size_t find_stuck(struct tally_object **object, size_t count)
{
	struct tally_candidates set;
	size_t stuck = 0;
	if (!tally_candidates_of_objects(&set, object, count)) {
		tally_trial_subtract_members(&set);
		tally_trial_mark_held(&set);
		for (size_t i = 0; i < count; i++)
			if (tally_candidate_has(set.trash, tally_candidate_number(object[i])))
				swap((uintptr_t *)&object[stuck++], (uintptr_t *)&object[i]);
	}
	tally_candidates_release(&set);
	return stuck;
}

// ---- the world going ----

void tally_uncollectable_keep(struct tally_trash *trash, struct tally_gc_collection *collection)
{
	struct tally_object **object = (struct tally_object **)trash->object;
	qsort(object, trash->count, sizeof *object, by_address);
	tally_pause_begin();
	tally_pages_each(look_at_page, trash);
	size_t count = gather(trash), stuck = find_stuck(object, count);
	tally_pause_end(collection);
	if (!tally_garbage_put(object, stuck)) stuck = 0;
	for (size_t i = 0; trash->debug & TALLY_GC_DEBUG_UNCOLLECTABLE && i < stuck; i++)
		tally_garbage_tell("uncollectable", object[i]);
	for (size_t i = 0; i < count; i++) variant_decref(object[i]);
	collection->uncollectable += stuck;
}
