// core/variant.h: everything that a variant owes the core, in eight groups. The whole difference between the builds is
// behind these functions: core has no variant conditional, and a missing or wrong function is a compile error.
//
// The bodies come from variant_inline.h, which only the variants have (gil/, biased/, biased/atomic/): the include path
// decides. What is declared here without `static inline` is in the variant's own .c files.
#ifndef TALLY_CORE_VARIANT_H
#define TALLY_CORE_VARIANT_H

#include "header.h"
#include "page.h"
#include "thread.h"
#include <tally/runtime.h>
#include <tally/share.h>

// ---- 1. counts -------------------------------------------------------------------------------------------------
// `object` is never NULL. The calling thread is attached.

// Gives a new object its first reference, the caller's. Publishes the header to whoever try-increments it later.
static inline void variant_count_init(struct tally_object *object);
static inline void variant_incref(struct tally_object *object);
// The last reference calls tally_object_die.
static inline void variant_decref(struct tally_object *object);
// The same, but true: that was the last one, its count words say that the block is free, and the caller is to call
// tally_object_die. (False when that has been called already, too.)
static inline bool variant_drop(struct tally_object *object);
// Where they are short and call nothing, for loops that should save no registers. False: not here, nothing has been done. A
// quick decref never takes the last reference.
static inline bool variant_incref_quick(struct tally_object *object);
static inline bool variant_decref_quick(struct tally_object *object);
// One more reference unless the object is dead; only its header is touched. The block must still be an object's.
static inline bool variant_try_incref(struct tally_object *object);
// The caller has a reference: from now on variant_try_incref by any thread succeeds as long as the object lives.
static inline void variant_mark_weak(struct tally_object *object);
// References now; UINT32_MAX: immortal. Exact while nobody else counts.
static inline uint32_t variant_refcount(const struct tally_object *object);
static inline bool variant_is_unique(const struct tally_object *object);
// The caller holds a reference, which becomes one of the immortal's. May stop the world.
void variant_immortalize(struct tally_object *object);
// For an object that nobody else has seen yet.
static inline void variant_immortal_init(struct tally_object *object);
// The object is dead and its last reference gone: from now on its count words say so, and `local` holds `mark`, the
// type index of a dying object or 0 for a free block.
static inline void variant_count_kill(struct tally_object *object, unsigned mark);
// False for a free block or a dying object. World stopped; else a glimpse of what may be dying at this moment.
static inline bool variant_is_alive(const struct tally_object *object);
// The object is dead and the calling thread is to destroy it: it lives again, with one reference, for its finalizer.
static inline void variant_resurrect(struct tally_object *object);
// Takes that reference back. True: it is dead once more, and the caller's to destroy. False: others have references, and the
// caller must not touch it any more.
static inline bool variant_resurrect_end(struct tally_object *object);

// For the collector, the world being stopped.

// References; 0: a free block or a dying object; UINT32_MAX: immortal.
static inline uint32_t variant_count_stopped(const struct tally_object *object);
// The same by the fewest steps: only if they are 1 to 255, else 0, and perhaps 0 although they are.
static inline uint32_t variant_few_stopped(const struct tally_object *object);
// One reference more; from now on the object has no owner, so that whoever drops the last one destroys it.
static inline void variant_hold_stopped(struct tally_object *object);
// One reference less. True: that was the last one; nothing has been destroyed.
static inline bool variant_drop_stopped(struct tally_object *object);
// The count words say that the block is free, whatever they said before.
static inline void variant_void_stopped(struct tally_object *object);

// ---- 2. locks and sections -------------------------------------------------------------------------------------
// The lock of one mutable object. What stands between take and drop is leaf code: no point, no decref, no user code,
// no second lock (I1 of core/thread.h). TALLY_HOLD_NESTED: the caller's own critical section holds it already.

enum tally_hold { TALLY_HOLD_NONE, TALLY_HOLD_LIGHT, TALLY_HOLD_HEAVY, TALLY_HOLD_NESTED };

static inline enum tally_hold variant_lock_take(struct tally_object *object);
static inline void variant_lock_drop(struct tally_object *object, enum tally_hold hold);
// Whether somebody has it now. For a thread that has another lock, under which the holder would have worked.
static inline bool variant_is_locked(const struct tally_object *object);
// For operations that should save no registers: take makes one attempt and calls nothing (false: nothing has been done). After it
// either variant_lock_drop with TALLY_HOLD_LIGHT, or drop_quick: false, and the caller owes variant_lock_wake.
static inline bool variant_lock_take_quick(struct tally_object *object);
static inline bool variant_lock_drop_quick(struct tally_object *object);
static inline void variant_lock_wake(struct tally_object *object);

// Called with the new record already on (begin) or still on (end) the thread's list of sections.
void variant_section_begin(tally_critical *section);
void variant_section_end(tally_critical *section);

// ---- 3. threads and points -------------------------------------------------------------------------------------

// Gets the calling thread a slot (sets slot, heap). 0; -1: no memory or no tag left.
int variant_thread_enroll(void);
// The thread ends; its slot can be taken over by another. The thread is detached.
void variant_thread_leave(void);
// Detached -> attached: sets poll, tag_word, heap; waits where it must.
void variant_thread_attach(void);
// Attached -> detached. What others queued for this thread has been put on its list of the dying.
void variant_thread_detach(void);
// The calling thread is attached and its polled word asks for something. Stop: wait; run: also take what is queued.
void variant_stop_point(void);
void variant_run_point(void);
// Others have queued something for this thread.
static inline bool variant_has_queued(void);
// Puts what others have queued for this thread, which is attached, on its list of the dying. Does not stop.
void variant_take_queued(void);
// How a busy member of the list of threads stands. A glimpse: the thread goes on meanwhile. The list's latch is held; takes
// nothing that is held during a stop of the world, and waits for nobody.
struct tally_standing variant_thread_standing(const struct tally_member *member);

// ---- 4. stop and start -----------------------------------------------------------------------------------------
// Between the two every other thread stands still outside any operation, and the caller may read and write all counts,
// pages and heaps; it must not run user code. The caller is attached, holds no lock, and does not nest them.

void variant_world_stop(void);
void variant_world_start(void);
// Before a stop that may follow the last one at once: lets those threads in, for a bounded time, that have waited for the start
// and are still on their way. The caller is attached, at a run point, with no section open; others may stop the world meanwhile.
void variant_world_let_in(void);
// World stopped by the calling thread: calls work(context, 0) on this thread and work(context, i), 0 < i < most, on threads
// that stand still meanwhile, as far as there are any that come in time; returns when every call that began has returned.
// Each index is used at most once, each thread too. `work` touches only what context gives it: not tally_self, no counts, no
// heap, nothing that waits; calls do not wait for one another, since the others may never be made.
void variant_world_help(void (*work)(void *context, unsigned index), void *context, unsigned most);
// How many calls variant_world_help may lead to, at most: 1 when nobody can help.
unsigned variant_world_helpers(void);
// Whether a stop waits for other threads at all.
extern const bool variant_world_waits;

// ---- 5. reading without the lock -------------------------------------------------------------------------------
// An attached thread may follow a container's pointers without its lock (core/reader.h): what it can meet there stays memory of
// its kind until its next stop point. Writers take the lock, store pointer by pointer once there are readers, and give up what
// they have unlinked by the functions of core/retire.h. In `gil` nobody writes while another reads, and all of this is nothing.

// Whether the calling thread may read the object's memory now: it is the owner, or every writer knows of readers.
static inline bool variant_may_read(const struct tally_object *object);
// Whether threads other than the owner may be reading; never false again. Asked while the lock is held, or by the same
// operation after it.
static inline bool variant_is_shared(const struct tally_object *object);
// From now on it is, though nobody else has the object yet.
static inline void variant_share(struct tally_object *object);
// Whether read sections have been opened on the object, and whether that makes a difference; else as above.
static inline bool variant_lends(const struct tally_object *object);
// One more reference, if it is certain without a second look that the object has not died since the pointer to it was read. False:
// nothing has been done, and variant_try_incref may do, after which the pointer must be looked at once more.
static inline bool variant_incref_own(struct tally_object *object);
// The same through a weak reference, so that the object may be dead: it is not, for certain.
static inline bool variant_incref_living(struct tally_object *object);
// A reference to what a container refers to, whose lock is held: from now on readers can have one without the lock.
static inline void variant_incref_locked(struct tally_object *object);
// Takes over a reference, or a raw buffer, to be given up when all threads that might read it have passed a stop point or gone
// away, and all read sections that were open have ended. A reference to what is not read in place (core/retire.h) is dropped at once
// when no section is open. No lock is held. May run destructors.
void variant_retire(struct tally_object *reference);
void variant_retire_raw(void *raw);
// A large page of objects whose block is free; the role of its slot is held. As above.
void variant_retire_page(struct tally_page *page);
// A stamp for a page in which nothing is left; and whether all threads that might still look at its headers have gone on since.
uint64_t variant_stamp(void);
bool variant_has_passed(uint64_t stamp);
// Gives up what can be, in a world that the calling thread has stopped; and the same by a stop of its own, at a run point, if there
// is anything. References are dropped after the start.
void variant_reclaim_stopped(void);
void variant_reclaim(void);
// What waits to be given up; *stats is zero but for its size. The list of threads is held (tally_threads_hold).
void variant_retired(struct tally_retired_stats *stats);

// The first section of the thread begins, the last one has ended; and the object's first (its writers know of it from now on).
void variant_reading_begin(void);
void variant_reading_end(void);
void variant_lend(struct tally_object *object);

// ---- 6. heap ---------------------------------------------------------------------------------------------------

// Starts and ends what the variant keeps for the whole runtime. 0 or -1.
int variant_init(const struct tally_config *config);
void variant_fini(void);
// World stopped: calls `visit` for the heap of every thread, and of those that have gone.
void variant_heaps(void (*visit)(struct tally_heap *heap, void *context), void *context);
// World stopped: the same for the heaps of threads that have gone, and of those only.
void variant_orphans(void (*visit)(struct tally_heap *heap, void *context), void *context);
// World stopped: the page is about to change its heap: from now on none of its objects has an owner.
void variant_page_orphaned(struct tally_page *page);
// World stopped: the heap that the page belongs to.
struct tally_heap *variant_heap_of(const struct tally_page *page);
// The calling thread freed a block of a page that belongs to another's heap.
void variant_free_remote(struct tally_page *page, void *block);

// ---- 7. lock controls ------------------------------------------------------------------------------------------
// False: not offered by this variant.

bool variant_switch_interval_set(uint64_t ns);
bool variant_switch_interval_get(uint64_t *ns);

// ---- 8. spread objects, hot objects ----------------------------------------------------------------------------
// tally/share.h; docs/hot.md. Where threads never count at the same time there is nothing to spread, and nothing is hot.

// What tally_spread does, whose name is `operation`; the thread is attached, at a stop point. Stops the world. 0; -1 with the
// error set.
int variant_spread(struct tally_object *object, const char *operation);
bool variant_is_spread(const struct tally_object *object);
// World stopped: spread objects that nobody refers to are spread no more and join the calling thread's dying. Returns how many.
size_t variant_bury_spread_stopped(void);
// World stopped: the object, or every object, is spread no more. Of all, those that nobody refers to join the dying.
void variant_gather_stopped(struct tally_object *object);
void variant_gather_all_stopped(void);

// What tally_hot_start, tally_hot_stop and tally_hot_get do. Any thread, attached or not, while the runtime runs.
void variant_hot_start(uint32_t period);
void variant_hot_stop(void);
size_t variant_hot_get(tally_hot *hottest, size_t most);

extern const char variant_name[];

// What the bodies call back: core/object.h has the contracts.
void tally_object_die(struct tally_object *object);
void tally_object_doom(struct tally_object *object);
void tally_bury(void);
extern _Atomic uint64_t tally_immortals;

#include "variant_inline.h" // gil/, biased/ or biased/atomic/

#endif
