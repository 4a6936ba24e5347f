// core/variant.h: everything that a variant owes the core, in six groups. The whole difference between the builds is
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

// ---- 1. counts -------------------------------------------------------------------------------------------------
// `object` is never NULL. The calling thread is attached.

// Gives a new object its first reference, the caller's. Publishes the header to whoever try-increments it later.
static inline void variant_count_init(struct tally_object *object);
static inline void variant_incref(struct tally_object *object);
// The last reference calls tally_object_die.
static inline void variant_decref(struct tally_object *object);
// One more reference unless the object is dead; only its header is touched. The block must still be an object's.
static inline bool variant_try_incref(struct tally_object *object);
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
// World stopped: false for a free block or a dying object.
static inline bool variant_is_alive(const struct tally_object *object);

// ---- 2. locks and sections -------------------------------------------------------------------------------------
// The lock of one mutable object. What stands between take and drop is leaf code: no point, no decref, no user code,
// no second lock (I1 of core/thread.h). TALLY_HOLD_NESTED: the caller's own critical section holds it already.

enum tally_hold { TALLY_HOLD_NONE, TALLY_HOLD_LIGHT, TALLY_HOLD_HEAVY, TALLY_HOLD_NESTED };

static inline enum tally_hold variant_lock_take(struct tally_object *object);
static inline void variant_lock_drop(struct tally_object *object, enum tally_hold hold);

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
// Puts what others have queued for this thread, which is attached, on its list of the dying. Does not stop.
void variant_take_queued(void);

// ---- 4. stop and start -----------------------------------------------------------------------------------------
// Between the two every other thread stands still outside any operation, and the caller may read and write all counts,
// pages and heaps; it must not run user code. The caller is attached, holds no lock, and does not nest them.

void variant_world_stop(void);
void variant_world_start(void);

// ---- 5. heap ---------------------------------------------------------------------------------------------------

// Starts and ends what the variant keeps for the whole runtime. 0 or -1.
int variant_init(const struct tally_config *config);
void variant_fini(void);
// World stopped: calls `visit` for the heap of every thread, and of those that have gone.
void variant_heaps(void (*visit)(struct tally_heap *heap, void *context), void *context);
// World stopped: the same for the heaps of threads that have gone, and of those only.
void variant_orphans(void (*visit)(struct tally_heap *heap, void *context), void *context);
// World stopped: the page is about to change its heap: from now on none of its objects has an owner.
void variant_page_orphaned(struct tally_page *page);
// The calling thread freed a block of a page that belongs to another's heap.
void variant_free_remote(struct tally_page *page, void *block);

// ---- 6. lock controls ------------------------------------------------------------------------------------------
// False: not offered by this variant.

bool variant_switch_interval_set(uint64_t ns);
bool variant_switch_interval_get(uint64_t *ns);

extern const char variant_name[];

// What the bodies call back: core/object.h has the contracts.
void tally_object_die(struct tally_object *object);
void tally_object_doom(struct tally_object *object);
void tally_bury(void);
extern _Atomic uint64_t tally_immortals;

#include "variant_inline.h" // gil/, biased/ or biased/atomic/

#endif
