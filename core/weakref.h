// core/weakref.h: weak references from the inside. docs/weakrefs.md has the protocol, its proof and its models.
//
// An object that is referred to weakly has an **anchor**, made for the first weak reference and kept until the object dies or the
// collector clears it: its field for that (tally_type.weak) owns it. The anchor is the weak reference without a callback, which
// everybody shares, and the head of a list of **watchers**: those that have something to do when the object dies, which is to call
// the host's callback, to take an entry out of a weak dict, and so on. Each watcher owns a reference to the anchor, so the
// anchor's lock, which guards the list, outlives everybody who may need it.
//
//   object.weak ==> anchor  -> watcher -> watcher          ==> owns
//         ^...........:...........:..........:             ..> `referent`, not counted
//
// An upgrade reads `referent`, takes a reference by try-increment, and looks at `referent` once more: who destroys the object
// clears `referent` before the block is free, and until the upgrader's next stop point the block remains an object's. No lock, and on
// the thread that owns the object no read-modify-write. The object is marked (variant_mark_weak) before the first weak reference
// exists: from then on its owner's last drop and others' try-increments meet in one word.
//
// I1  `referent` goes from the object to NULL, once: when the object is dead or found unreachable, before its block is free and
//     before any of its callbacks runs; or when the watcher itself is found unreachable. (What comes back to life after that is
//     referred to by new weak references only.)
// I2  A watcher is in its anchor's list exactly while its `referent` is set. Both change under the anchor's lock, or in a stopped
//     world, `referent` first when one watcher leaves. Who finds `referent` NULL (acquire) knows that nobody will touch the watcher any
//     more but those who count it; who destroys the object and finds the list empty (acquire) need not take the lock.
// I3  `act` is called once for each watcher that was alive when its referent died, by the one who cleared it, who has a reference to it,
//     with no lock held. It is not called for a watcher that the collector finds unreachable.
//     Its slots are guarded by its own lock.
// I4  The bit TALLY_GC_REFERRED of an object is set before it has an anchor; whoever destroys it sees that.
// Any attached thread, unless a function says otherwise.
#ifndef TALLY_CORE_WEAKREF_H
#define TALLY_CORE_WEAKREF_H

#include "object.h"
#include "reader.h"

#include <tally/weakref.h>

struct tally_watcher;

struct tally_weakref {
	struct tally_object header; // aux: how many of `slot` the collector follows
	union {
		struct tally_object *slot[2]; // of a watcher: what it needs to act, owned; each may be NULL
		struct {
			struct tally_watcher *first; // of an anchor: the newest watcher
			uint64_t anchor_hash;        // of an anchor; see TALLY_GC_HASHED
		};
	};
	struct tally_object *referent; // a place (core/reader.h); NULL: gone
};

struct tally_watcher {
	struct tally_weakref ref;
	uint64_t hash; // see TALLY_GC_HASHED
	struct tally_weakref *anchor; // owned; NULL: found unreachable
	struct tally_watcher *next, *previous; // newest first; once cleared, `next` is the list of those who are to act
	void (*act)(struct tally_watcher *watcher); // the referent has died; any code may run; cannot fail
	uint64_t note; // for `act`; whoever makes the watcher may set it
};

static_assert(offsetof(struct tally_weakref, slot) == 16, "TALLY_LAYOUT_SLOTS");
enum { TALLY_WATCHER_SLOTS = 2 };

// (`aux` does not survive the list of the dying, `gc` does.)
static inline bool tally_weakref_is_watcher(const struct tally_weakref *ref)
{
	return tally_load(&ref->header.gc, relaxed) & TALLY_GC_WATCHER;
}

// Whether the objects of that type can be referred to weakly; else NULL with the error set.
bool tally_weakref_allows(const struct tally_object *object);
int tally_weakref_refuse(const char *operation, const struct tally_object *object);

// The object's anchor: a borrowed reference, valid while the caller has the object. It is made when there is none: a run point has
// been passed, and as tally_object_new this may stop the world when memory is short. NULL with the error set (type, memory).
struct tally_weakref *tally_weakref_anchor(struct tally_object *object, const char *operation);

// A new watcher of `object` with new references to `first` and `second` (either may be NULL) in its slots, and in the list from now on.
// As above. Between a call and the next point nobody but the object's destroyer can call `act`.
struct tally_watcher *tally_watcher_new(struct tally_object *object, void (*act)(struct tally_watcher *watcher),
                                        struct tally_object *first, struct tally_object *second, const char *operation);

// Takes it out of the list for good, as if it had died: `act` will not be called, unless that has begun.
void tally_watcher_silence(struct tally_watcher *watcher);

// Takes what is in the slot out of it, with its reference; NULL: nothing (any more). One of several who do that at once gets it.
struct tally_object *tally_watcher_take(struct tally_watcher *watcher, unsigned slot);

// A new reference to the object, or NULL: it is dead. No point, leaf code but for tally_unpin.
static inline struct tally_object *tally_weakref_upgrade(struct tally_weakref *ref)
{
	struct tally_object *seen = tally_place_read(&ref->referent);
	if (!seen || !variant_try_incref(seen)) return NULL;
	if (tally_likely(tally_place_read(&ref->referent) == seen)) return seen;
	tally_unpin(seen);
	return NULL;
}

// Whether it is dead already. What it says of the living may be out of date.
static inline bool tally_weakref_is_dead(const struct tally_weakref *ref) { return !tally_place_read(&ref->referent); }

// The object has just become immortal, and its anchor with it.
void tally_weakref_immortalize(struct tally_object *object);

// ---- death ----

// Those who are to act, newest first for each object; NULL: none.
struct tally_watchers {
	struct tally_watcher *first, **end;
};
static inline void tally_watchers_init(struct tally_watchers *list) { *list = (struct tally_watchers){NULL, &list->first}; }

// The object is dead, and the calling thread is destroying it; its count words say so. Clears, then lets the watchers act.
void tally_weakref_bury(struct tally_object *object);

// World stopped. The object has been found unreachable: clears, and adds the watchers that are alive to the list, each held.
void tally_weakref_clear_stopped(struct tally_object *object, struct tally_watchers *list);
// World stopped: tally_watcher_silence.
void tally_watcher_silence_stopped(struct tally_watcher *watcher);
// The world goes: lets each act, and gives its reference back.
void tally_watchers_act(struct tally_watchers *list);

#endif
