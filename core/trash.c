// core/trash.c: weak references to trash, finalizers, resurrection, clearing (core/trash.h).
//
// The second look is the first one over again, with the list as candidates and one reference of each not counted. It needs no
// barrier: whatever a finalizer stored is in the counts, and an object that it made lies on a page that takes no part.
//
// An object that is alive after everything has been cleared and let go is uncollectable: its cycle goes through types that do
// not say how to break it. That there are some is found by counting deaths: trash is marked, and its deaths are counted by
// this thread, which is the one on which they happen. Which they are is then found by uncollectable.c.
//
// What has died while the world stood, for want of references from plain trash, waits until the finalizers have run, too.
#include "trash.h"
#include "class.h"
#include "finalizers.h"
#include "garbage.h"
#include "object.h"
#include "os.h"
#include "pause.h"
#include "trial.h"
#include "uncollectable.h"

#include <tally/gc.h>

// ---- setting aside, the world stopped ----

static size_t count_set_aside(const struct tally_candidates *set)
{
	size_t count = 0;
	for (uint32_t word = 1; word < set->words; word++)
		count += tally_count_bits(set->trash[word] & set->marked[word]);
	return count;
}

static bool has_gc(const struct tally_object *object, uint8_t bits) { return tally_load(&object->gc, relaxed) & bits; }

static void take(struct tally_trash *trash, struct tally_object *object)
{
	bool is_class = tally_object_is_class(object);
	variant_hold_stopped(object);
	tally_fetch_or(&object->gc, TALLY_GC_TRASH, relaxed);
	trash->object[trash->count++] = (uintptr_t)object | (is_class ? TALLY_TRASH_CLASS : 0);
	trash->has_classes |= is_class;
	trash->has_weak |= has_gc(object, TALLY_GC_REFERRED | TALLY_GC_WATCHER);
}

// What is marked of the trash goes to the list.
static void move(struct tally_trash *trash, struct tally_candidates *set)
{
	for (uint32_t word = 1; word < set->words; word++) {
		uint64_t bits = set->trash[word] & set->marked[word];
		set->trash[word] &= ~bits;
		for (; bits; bits &= bits - 1)
			take(trash, tally_candidate_at(set->page[set->page_of[word]], word * 64 + (uint32_t)__builtin_ctzll(bits)));
	}
}

static struct tally_object *object_at(const struct tally_trash *trash, size_t i)
{
	return (struct tally_object *)(trash->object[i] & ~(uintptr_t)TALLY_TRASH_FLAGS);
}

static bool came_back(const struct tally_trash *trash, size_t i) { return trash->object[i] & TALLY_TRASH_CAME_BACK; }

// Weak references that are trash are taken off their lists first: they are not told.
static void clear_weak(struct tally_trash *trash)
{
	for (size_t i = 0; i < trash->count; i++)
		if (!came_back(trash, i) && has_gc(object_at(trash, i), TALLY_GC_WATCHER))
			tally_watcher_silence_stopped((struct tally_watcher *)object_at(trash, i));
	for (size_t i = 0; i < trash->count; i++)
		if (!came_back(trash, i) && has_gc(object_at(trash, i), TALLY_GC_REFERRED))
			tally_weakref_clear_stopped(object_at(trash, i), &trash->watchers);
}

int tally_trash_set_aside(struct tally_trash *trash, struct tally_candidates *set)
{
	tally_watchers_init(&trash->watchers);
	if (!tally_trial_mark_special(set, tally_garbage_wants_all(trash->debug))) return 0; // nothing of the host's
	trash->object = tally_record_new(count_set_aside(set) * sizeof trash->object[0]);
	if (!trash->object) return -1;
	move(trash, set);
	if (trash->has_weak) clear_weak(trash);
	return 0;
}

// ---- afterwards, the world going ----

static void finalize(struct tally_object *object)
{
	if (tally_finalizers_defer()) {
		variant_incref(object);
		tally_finalizers_put(object);
	} else {
		tally_object_finalize(object);
	}
}

// True: there was at least one.
static bool finalize_all(const struct tally_trash *trash)
{
	bool any = false;
	for (size_t i = 0; i < trash->count; i++) {
		struct tally_object *object = object_at(trash, i);
		if (!has_gc(object, TALLY_GC_FINALIZER)) continue;
		finalize(object);
		any = true;
	}
	return any;
}

static void bring_back(struct tally_trash *trash, size_t i)
{
	tally_fetch_and(&object_at(trash, i)->gc, (uint8_t)~TALLY_GC_TRASH, relaxed);
	trash->object[i] |= TALLY_TRASH_CAME_BACK;
}

static void look_again_stopped(struct tally_trash *trash, struct tally_candidates *set)
{
	// Without memory everything counts as reachable, for this time: a later collection finds it again, and calls no finalizer.
	bool can_tell = !tally_candidates_of_objects(set, (struct tally_object *const *)trash->object, trash->count);
	if (can_tell) {
		tally_trial_subtract_members(set);
		if (trash->has_classes) tally_class_note_outsiders(set);
		tally_trial_mark_held(set);
	}
	for (size_t i = 0; i < trash->count; i++) {
		bool is_trash = can_tell && tally_candidate_has(set->trash, tally_candidate_number(object_at(trash, i)));
		if (is_trash) variant_gather_stopped(object_at(trash, i)); // its finalizer may have spread it
		else bring_back(trash, i);
	}
	clear_weak(trash); // a finalizer may have made some
}

// Finds what is reachable again.
static void look_again(struct tally_trash *trash, struct tally_gc_collection *collection)
{
	struct tally_candidates set;
	tally_pause_begin();
	look_again_stopped(trash, &set);
	tally_candidates_release(&set);
	tally_pause_end(collection);
}

static bool is_dead_class(const struct tally_trash *trash, size_t i)
{
	return (trash->object[i] & TALLY_TRASH_FLAGS) == TALLY_TRASH_CLASS;
}

// Before anything is cleared.
static void close_classes(const struct tally_trash *trash, struct tally_gc_collection *collection)
{
	tally_pause_begin();
	for (size_t i = 0; i < trash->count; i++)
		if (is_dead_class(trash, i)) tally_class_close((struct tally_class *)object_at(trash, i));
	tally_pause_end(collection);
}

static void clear_all(const struct tally_trash *trash)
{
	for (size_t i = 0; i < trash->count; i++) {
		struct tally_object *object = object_at(trash, i);
		if (!came_back(trash, i) && tally_type(object)->clear) tally_type(object)->clear(object);
	}
}

// Dead classes stay held until they are buried.
static void let_go(const struct tally_trash *trash)
{
	for (size_t i = 0; i < trash->count; i++)
		if (!is_dead_class(trash, i)) variant_decref(object_at(trash, i));
}

// The classes among the trash, which are held by the table of types, too, go for good.
static void bury_classes(const struct tally_trash *trash)
{
	size_t count = 0;
	struct tally_class **types = (struct tally_class **)trash->object; // the list has served its purpose
	for (size_t i = 0; i < trash->count; i++)
		if (is_dead_class(trash, i)) types[count++] = (struct tally_class *)object_at(trash, i);
	if (count) tally_class_bury(types, count);
}

// ---- the end of it ----

// Adds up what did not come back.
static size_t count_dead(const struct tally_trash *trash, uint64_t *bytes)
{
	size_t count = 0;
	for (size_t i = 0; i < trash->count; i++) {
		if (came_back(trash, i)) continue;
		*bytes += tally_object_bytes(object_at(trash, i));
		count++;
	}
	return count;
}

static void tell_collectable(const struct tally_trash *trash)
{
	for (size_t i = 0; i < trash->count; i++)
		if (!came_back(trash, i)) tally_garbage_tell("collectable", object_at(trash, i));
}

// Instead of clearing it. Where memory is short it is left to a later collection.
static void save_all(struct tally_trash *trash)
{
	for (size_t i = 0; i < trash->count; i++) {
		struct tally_object *object = object_at(trash, i);
		if (came_back(trash, i)) continue;
		tally_fetch_and(&object->gc, (uint8_t)~TALLY_GC_TRASH, relaxed);
		tally_garbage_put(&object, 1);
	}
	for (size_t i = 0; i < trash->count; i++) variant_decref(object_at(trash, i));
}

static void unmark_all(const struct tally_trash *trash)
{
	for (size_t i = 0; i < trash->count; i++)
		if (!came_back(trash, i)) tally_fetch_and(&object_at(trash, i)->gc, (uint8_t)~TALLY_GC_TRASH, relaxed);
}

static size_t count_dead_classes(const struct tally_trash *trash)
{
	size_t count = 0;
	for (size_t i = 0; trash->has_classes && i < trash->count; i++) count += is_dead_class(trash, i);
	return count;
}

static void clear_and_let_go(struct tally_trash *trash, size_t dead, struct tally_gc_collection *collection)
{
	uint64_t before = tally_self.trash_destroyed;
	bool can_tell = !tally_self.burying; // else they wait to be destroyed until this collection is over
	if (trash->has_classes) close_classes(trash, collection);
	clear_all(trash);
	if (!can_tell) unmark_all(trash);
	let_go(trash);
	uint64_t gone = tally_self.trash_destroyed - before + count_dead_classes(trash);
	if (can_tell && gone < dead) tally_uncollectable_keep(trash, collection);
	if (trash->has_classes) bury_classes(trash);
}

static void finish(struct tally_trash *trash, struct tally_gc_collection *collection)
{
	size_t dead = count_dead(trash, &collection->bytes);
	collection->collected += dead;
	if (trash->debug & TALLY_GC_DEBUG_COLLECTABLE) tell_collectable(trash);
	if (trash->debug & TALLY_GC_DEBUG_SAVEALL) save_all(trash);
	else clear_and_let_go(trash, dead, collection);
}

void tally_trash_dispose(struct tally_trash *trash, struct tally_gc_collection *collection)
{
	if (trash->count) {
		struct tally_object *dead = tally_dying_put_off();
		tally_watchers_act(&trash->watchers);
		if (finalize_all(trash)) look_again(trash, collection);
		tally_watchers_act(&trash->watchers);
		tally_dying_put_back(dead);
		finish(trash, collection);
		tally_record_free(trash->object);
	}
	tally_bury();
}
