// core/reader.h: reading a pointer that another thread may be changing, and taking a reference to what it leads to.
//
// The place is read, the object pinned (variant_try_incref touches nothing but its header, which stays a header until the next
// stop point), and the place read once more: if it still leads there the reference is the one that the place had; if not, what
// has been pinned may be another object in the same block, and is given back. A writer clears or overwrites a place before it
// drops the reference that the place had, so the second look cannot miss that. The reader needs no second look at what it owns:
// nobody else can have freed it. docs/reading.md has the proof and the models.
//
// Writers hold the lock and use tally_place_set, so that readers never see half a pointer; they may read plainly.
// Any attached thread that variant_may_read the container.
#ifndef TALLY_CORE_READER_H
#define TALLY_CORE_READER_H

#include "variant.h"

typedef struct tally_object *_Atomic tally_place;

#define tally_as_place(place) ((tally_place *)(void *)(place))

static inline struct tally_object *tally_place_read(struct tally_object *const *place)
{
	// order: acquire the object as it was when it was put there; pairs with tally_place_set, install. Else: it is read before it was made.
	return tally_load(tally_as_place((uintptr_t)place), acquire);
}

static inline void tally_place_set(struct tally_object **place, struct tally_object *object)
{
	// order: release the object as it is; pairs with tally_place_read. Else: it is read before it was made.
	tally_store(tally_as_place(place), object, release);
}

// What is done in a critical section is seen at its end. So whoever reads without the lock asks before and after: 0 while nobody
// but the owner has had the lock, else how often that has changed; odd in a section.
static inline unsigned tally_sections(const struct tally_object *object)
{
	if (!variant_is_shared(object)) return 0;
	// order: acquire the object as the last section left it; pairs with reopen. Else: half of what a section does is seen.
	return tally_load(&object->moving, acquire);
}

// No section was open, nor has been since.
static inline bool tally_is_outside(const struct tally_object *object, unsigned sections)
{
	return !(sections & 1) && tally_likely(tally_sections(object) == sections);
}

#endif
