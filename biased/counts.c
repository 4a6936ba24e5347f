// biased/counts.c: the slow half of biased counting: foreign counts, merging, the last reference. What is spread is counted in
// spread.h.
//
// Who may destroy: the owner, when its local count reaches 0 and `shared` is exactly plain 0 (no read-modify-write); or
// whoever brings the word to merged 0. Everything between is a merge: `local` moves into `shared`, once and for ever.
// A foreign drop that finds no count to take in `shared` queues the object by its page (page_queue.c), or claims the role
// of an owner who is away and merges at once. biased/count_word.h has the table of states.
//
// I1  merge writes `local` before it publishes merged: afterwards anybody may free the block.
// I2  merge is idempotent (a merged object has local 0), so a drain need not ask what became of the object.
// I3  From the look at a page's owner to the end of the drop the page stays with it: the reference that is dropped keeps
//     the object, and the world is not stopped in the middle of a drop.
#include "hot.h"
#include "page_queue.h"
#include "spread.h"
#include "stop.h"
#include "variant.h"

const char variant_name[] = "biased";

// `local` says that the object is immortal, or spread.
static inline void count_elsewhere(uint32_t local, uint64_t change)
{
	if (!local_is_immortal(local)) spread_count(local, change);
}

// ---- merging ----

bool biased_merge(struct tally_object *object, uint32_t minus)
{
	uint32_t local = local_count(tally_load(&object->local, relaxed));
	tally_store(&object->local, 0, relaxed);
	uint32_t shared = tally_load(&object->shared, relaxed), merged;
	do {
		merged = shared_after_merge(shared, local, minus);
		// order: release the owner's uses of the object; pairs with biased_acquire_last. Else: they race with a
		// destruction by another thread.
	} while (!tally_cas(&object->shared, &shared, merged, release));
	return merged == COUNT_MERGED;
}

void biased_acquire_last(struct tally_object *object)
{
	// order: acquire the uses of everybody who has dropped, through the chain of read-modify-writes; pairs with
	// drop_shared, queue_drop, biased_merge. Else: a use races with the destruction.
	(void)tally_load(&object->shared, acquire);
}

static void die_merged(struct tally_object *object)
{
	biased_acquire_last(object);
	tally_object_die(object);
}

// ---- dropping another's object ----

// The owner is away: merges in its place, one reference less, whatever became of the object meanwhile.
static bool claim_and_merge(struct tally_slot *slot, struct tally_object *object)
{
	if (!slot_try_claim(slot)) return false;
	bool dead = biased_merge(object, 1);
	slot_release(slot);
	if (dead) die_merged(object);
	tally_bury();
	return true;
}

// `shared` has no count to take: the owner must merge. False, and *shared seen anew, when that has changed.
static bool queue_drop(struct tally_object *object, uint32_t *shared)
{
	struct tally_slot *slot = tally_slots[tally_page_of(object)->owner];
	if (claim_and_merge(slot, object)) return true;
	// order: release this thread's uses of the object; pairs with biased_acquire_last. Else: they race with the
	// destruction.
	if (!tally_cas(&object->shared, shared, COUNT_QUEUED, release)) return false;
	page_queue_push(slot, object);
	tally_bury(); // when the owner was away, the object may be among this thread's dying now
	return true;
}

static __attribute__((noinline)) void drop_shared(struct tally_object *object)
{
	hot_count(object);
	uint32_t shared = tally_load(&object->shared, relaxed);
	while (!shared_is_saturated(shared)) {
		if (shared_must_queue(shared)) {
			if (queue_drop(object, &shared)) return;
			continue;
		}
		// order: release this thread's uses of the object; pairs with biased_acquire_last, variant_drop, variant_is_unique.
		// Else: they race with the destruction.
		if (!tally_cas(&object->shared, &shared, shared - COUNT_ONE, release)) continue;
		if (shared == (COUNT_MERGED | COUNT_ONE)) die_merged(object);
		return;
	}
}

// ---- dropping my own last local reference ----

bool biased_drop_is_last(struct tally_object *object)
{
	uint32_t local = tally_load(&object->local, relaxed), shared = tally_load(&object->shared, relaxed);
	if (local_is_immortal(local) || shared_is_saturated(shared)) return false;
	if (tally_unlikely(local_is_spread(local))) {
		spread_count(local, SPREAD_DROP);
		return false;
	}
	if (local_keeps_one(local, tally_self.tag_word)) {
		tally_store(&object->local, local - 1, relaxed);
		return false;
	}
	// Down to this one, or merged: a merge by the owner, less one, is the same as a drop of a merged object.
	if (!biased_merge(object, 1)) return false;
	biased_acquire_last(object);
	return true;
}

static __attribute__((noinline)) void merge_last(struct tally_object *object)
{
	if (biased_merge(object, 1)) die_merged(object); // variant_drop has seen that it is not plain 0
}

void biased_decref_slow(struct tally_object *object, uint32_t local)
{
	if (tally_unlikely(local_is_elsewhere(local))) {
		count_elsewhere(local, SPREAD_DROP);
		return;
	}
	TALLY_ASSERT(local != tally_self.tag_word); // a live object of mine has a local count
	if ((local ^ tally_self.tag_word) != 1) drop_shared(object);
	else merge_last(object);
}

// ---- counting up ----

// A local count that is full moves half of itself to `shared`; only the role's holder reads `local`, so the order of the
// two writes does not matter.
static void spill(struct tally_object *object, uint32_t local)
{
	if (!shared_is_saturated(tally_load(&object->shared, relaxed)))
		tally_fetch_add(&object->shared, LOCAL_SPILL * COUNT_ONE, relaxed);
	tally_store(&object->local, local - LOCAL_SPILL + 1, relaxed);
}

void biased_incref_slow(struct tally_object *object, uint32_t local)
{
	if (tally_unlikely(local_is_elsewhere(local))) {
		count_elsewhere(local, SPREAD_TAKE);
		return;
	}
	if (local_is_mine(local, tally_self.tag_word)) {
		spill(object, local);
		return;
	}
	if (shared_is_saturated(tally_fetch_add(&object->shared, COUNT_ONE, relaxed)))
		tally_fetch_sub(&object->shared, COUNT_ONE, relaxed);
	hot_count(object);
}

// A spread object lives until the next stop of the world at least, so it can be had whatever its count is.
bool biased_try_incref_slow(struct tally_object *object, uint32_t local)
{
	if (tally_unlikely(local_is_elsewhere(local))) {
		count_elsewhere(local, SPREAD_TAKE);
		return true;
	}
	if (local_is_mine(local, tally_self.tag_word)) {
		if (local_count(local) == 0) return false; // no live object of mine has that
		spill(object, local);
		return true;
	}
	uint32_t shared = tally_load(&object->shared, relaxed);
	while (!shared_is_dead(shared)) {
		uint32_t next = shared_is_saturated(shared) ? shared : shared + COUNT_ONE;
		// order: acquire the life that the header belongs to now; pairs with variant_count_init, variant_resurrect.
		// Else: a pin on the recycled object reads the old contents of the cell that led here.
		if (!tally_cas(&object->shared, &shared, next, acquire)) continue;
		hot_count(object);
		return true;
	}
	return false;
}

void biased_mark_weak(struct tally_object *object)
{
	if (local_is_elsewhere(tally_load(&object->local, relaxed))) return; // never written
	uint32_t shared = tally_load(&object->shared, relaxed);
	while (shared_state(shared) == COUNT_PLAIN && !tally_cas(&object->shared, &shared, shared | COUNT_WEAK, relaxed))
		;
}

// The container refers to the object, so it cannot die meanwhile. Marked, it can be had by try-increment from now on.
void biased_incref_locked(struct tally_object *object)
{
	variant_incref(object);
	if (!variant_owns(object)) biased_mark_weak(object);
}

// ---- losing the owner ----

void variant_page_orphaned(struct tally_page *page)
{
	if (page->layout == TALLY_LAYOUT_RAW) return;
	for (char *block = page->base; block < page->bump; block += page->block_size) {
		struct tally_object *object = (struct tally_object *)(void *)block;
		if (local_tag(tally_load(&object->local, relaxed)) == page->owner) biased_merge(object, 0);
	}
}

// ---- immortality ----

// Stopped, no drop is queued or half done, and nobody's plain count can be lost.
void variant_immortalize(struct tally_object *object)
{
	variant_world_stop();
	if (!local_is_immortal(tally_load(&object->local, relaxed))) {
		variant_gather_stopped(object);
		variant_immortal_init(object);
		tally_store(&object->shared, COUNT_PLAIN, relaxed);
	}
	variant_world_start();
	tally_bury();
}
