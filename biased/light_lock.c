// biased/light_lock.c: the light lock under contention: spinning, settling, sleeping, waking (light_lock.h has the picture).
//
// Sleepers wait on a word of their own, linked by the lock's address in one of a few buckets. Before it sleeps a thread
// suspends its critical sections and leaves its slot's role: nobody waits for a thread that waits for a lock. The fast
// path's asymmetry costs two traps, both here: a waiter that finds CONTENDED but not SETTLED must not skip its own barrier,
// and a drop that wakes one of several sleepers must leave PARKED behind for the rest. A woken sleeper competes for the
// lock with whoever comes by, which is faster; one that has waited for a millisecond is given the lock instead: a HELD lock
// as it is, so that nobody can come in between; a LIGHT one if nobody was faster, which happens to an object once.
//
// I1  A bucket's list is guarded by its latch; so is every step from "the lock is taken" to "this thread is linked".
// I2  HEAVY runs after CONTENDED is set and before SETTLED is: whoever sees SETTLED may sleep beside a LIGHT holder.
#include "os.h"
#include "slot.h"
#include "variant.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SPIN = TALLY_SPINS(100), BUCKETS = 64 };

uint8_t light_lock_from = LOCK_NEVER;

struct sleeper {
	struct sleeper *next;
	struct tally_object *object;
	uint64_t since;         // when its thread first gave up spinning for this lock
	_Atomic uint32_t woken; // ASLEEP, or how it was woken
};
enum { ASLEEP, WOKEN, OWNER }; // OWNER: the lock was handed over, HELD
enum { PATIENCE = 1000000 };   // ns: whoever has waited longer is not sent to compete again

static struct bucket {
	_Alignas(64) struct tally_latch latch;
	struct sleeper *first, **last; // first come, first woken
} buckets[BUCKETS];

// ---- the heavy half of the barrier ----

#ifndef TALLY_SCHEDULED
static long membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

static bool heavy_works(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

// Every thread's stores before now are seen by its loads after now: docs/locking.md. A system that forbids the call after
// it worked at the start gets the same from a stopped world.
static void heavy(void)
{
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0) return;
	variant_world_stop();
	variant_world_start();
}
#else // the scheduler's interleavings are sequentially consistent
static bool heavy_works(void) { return true; }
static void heavy(void) {}
#endif

static void settle(struct tally_object *object)
{
	// order: acquire the barrier of whoever settled it; pairs with settle. Else: this thread sleeps beside a LIGHT holder
	// that has not seen CONTENDED, and nobody wakes it.
	if (tally_load(&object->flags, acquire) & LOCK_SETTLED) return;
	// order: seq_cst the flag before the barrier; pairs with light_lock_drop_light. Else: as above.
	tally_fetch_or(&object->flags, LOCK_CONTENDED, seq_cst);
	heavy();
	// order: release the barrier has been; pairs with settle. Else: as above.
	tally_fetch_or(&object->flags, LOCK_SETTLED, release);
}

void light_lock_init(void)
{
	light_lock_from = heavy_works() ? LOCK_FREE : LOCK_NEVER;
	for (unsigned i = 0; i < BUCKETS; i++) {
		buckets[i].latch = (struct tally_latch)TALLY_LATCH_INIT;
		buckets[i].first = NULL;
		buckets[i].last = &buckets[i].first;
	}
}

// ---- sleepers ----

static struct bucket *bucket_of(const struct tally_object *object) { return &buckets[(uintptr_t)object >> 4 & (BUCKETS - 1)]; }

static void link_sleeper(struct bucket *bucket, struct sleeper *sleeper)
{
	*bucket->last = sleeper;
	bucket->last = &sleeper->next;
}

static struct sleeper *first_sleeper(const struct bucket *bucket, const struct tally_object *object)
{
	struct sleeper *sleeper = bucket->first;
	while (sleeper && sleeper->object != object) sleeper = sleeper->next;
	return sleeper;
}

// Others sleep for the same object.
static bool has_followers(const struct sleeper *sleeper)
{
	const struct sleeper *next = sleeper->next;
	while (next && next->object != sleeper->object) next = next->next;
	return next;
}

static void unlink_sleeper(struct bucket *bucket, const struct sleeper *sleeper)
{
	struct sleeper **link = &bucket->first;
	while (*link != sleeper) link = &(*link)->next;
	*link = sleeper->next;
	if (!*link) bucket->last = link;
}

// The first sleeper of the object, unlinked, or NULL; *more: others remain.
static struct sleeper *unlink_first(struct bucket *bucket, const struct tally_object *object, bool *more)
{
	struct sleeper *first = first_sleeper(bucket, object);
	*more = first && has_followers(first);
	if (first) unlink_sleeper(bucket, first);
	return first;
}

// It has waited too long to be sent to compete for the lock again.
static bool is_impatient(const struct sleeper *sleeper) { return tally_clock() - sleeper->since >= PATIENCE; }

static void wake(struct sleeper *sleeper, uint32_t how)
{
	_Atomic uint32_t *woken = &sleeper->woken; // the record is gone as soon as its thread sees the store
	// order: release the sleeper's unlinking, and with OWNER all sections before; pairs with sleep_until_woken.
	// Else: its record is reused while linked, or it sees half a change.
	tally_store(woken, how, release);
	tally_wake(woken, 1);
}

static uint32_t sleep_until_woken(struct sleeper *sleeper)
{
	tally_thread_step_aside();
	uint32_t how;
	// order: acquire the unlinking and the sections before; pairs with wake. Else: as there.
	while ((how = tally_load(&sleeper->woken, acquire)) == ASLEEP) tally_wait(&sleeper->woken, ASLEEP, TALLY_FOREVER);
	tally_thread_step_back();
	return how;
}

// ---- take ----

static bool is_in_my_section(const struct tally_object *object)
{
	for (const tally_critical *section = tally_self.section; section; section = section->outer)
		if (section->hold != TALLY_HOLD_NONE && (section->object == object || section->other == object)) return true;
	return false;
}

// Takes the lock if it is free: LIGHT where it is in the state `from`.
static enum tally_hold try_take(struct tally_object *object, uint8_t from)
{
	uint8_t seen = tally_load(&object->lock, relaxed);
	for (;;) {
		uint8_t kind = seen & (uint8_t)~LOCK_PARKED;
		if (kind != LOCK_FREE && kind != LOCK_HFREE) return TALLY_HOLD_NONE;
		bool lightly = seen == from;
		uint8_t next = lightly ? LOCK_LIGHT : (uint8_t)(LOCK_HELD | (seen & LOCK_PARKED));
		// order: acquire what the last holder wrote; pairs with light_lock_drop_light, drop_held. Else: half a
		// change is seen.
		if (tally_cas(&object->lock, &seen, next, acquire)) return lightly ? TALLY_HOLD_LIGHT : TALLY_HOLD_HEAVY;
	}
}

// Bucket latch held. True: whoever drops the lock next will look for sleepers.
static bool will_be_woken(struct tally_object *object)
{
	uint8_t seen = LOCK_HELD;
	return tally_cas(&object->lock, &seen, LOCK_HELD | LOCK_PARKED, relaxed) || seen == LOCK_LIGHT || seen & LOCK_PARKED;
}

// Takes the lock, or sleeps once; *slept is set then.
static enum tally_hold take_or_sleep(struct tally_object *object, uint64_t since, bool *slept)
{
	struct bucket *bucket = bucket_of(object);
	struct sleeper sleeper = {.object = object, .since = since};
	tally_latch_take(&bucket->latch);
	enum tally_hold hold;
	do hold = try_take(object, LOCK_NEVER);
	while (hold == TALLY_HOLD_NONE && !will_be_woken(object));
	if (hold == TALLY_HOLD_NONE) link_sleeper(bucket, &sleeper);
	tally_latch_drop(&bucket->latch);
	if (hold != TALLY_HOLD_NONE) return hold;
	*slept = true;
	return sleep_until_woken(&sleeper) == OWNER ? TALLY_HOLD_HEAVY : TALLY_HOLD_NONE;
}

static enum tally_hold spin(struct tally_object *object)
{
	for (int i = 0; i < SPIN; i++) {
		enum tally_hold hold = try_take(object, light_lock_from);
		if (hold != TALLY_HOLD_NONE) return hold;
		tally_spin_pause();
	}
	return TALLY_HOLD_NONE;
}

// The long way, for an object that somebody holds.
static enum tally_hold wait_for(struct tally_object *object)
{
	enum tally_hold hold;
	int kept = errno;
	uint64_t since = tally_clock();
	bool slept = false;
	if (light_lock_from == LOCK_FREE) settle(object);
	for (;;) {
		hold = take_or_sleep(object, since, &slept);
		if (hold == TALLY_HOLD_NONE) hold = spin(object);
		if (hold == TALLY_HOLD_NONE) continue;
		errno = kept;
		return slept ? (enum tally_hold)(hold | LOCK_HOLD_RESUME) : hold;
	}
}

enum tally_hold light_lock_take_slow(struct tally_object *object)
{
	if (is_in_my_section(object)) return TALLY_HOLD_NESTED;
	enum tally_hold hold = spin(object);
	if (hold == TALLY_HOLD_NONE) hold = wait_for(object);
	light_lock_mark(object);
	return hold;
}

// ---- drop ----

// Bucket latch held, one sleeper unlinked: whoever drops the lock next must learn of those who remain. A LIGHT holder
// will, by the flag; everybody else by PARKED.
static void mark_rest(struct tally_object *object, bool more)
{
	uint8_t seen = tally_load(&object->lock, relaxed);
	for (;;) {
		if (seen == LOCK_LIGHT) return;
		uint8_t next = (uint8_t)((seen == LOCK_FREE ? LOCK_HFREE : seen) | (more ? LOCK_PARKED : 0));
		if (next == seen || tally_cas(&object->lock, &seen, next, relaxed)) return;
	}
}

// Bucket latch held: takes the lock, which this thread has dropped, for an impatient sleeper. False: it is patient yet, or
// somebody else has the lock already.
static bool hand_over(struct tally_object *object, const struct sleeper *sleeper, bool more)
{
	if (!is_impatient(sleeper)) return false;
	uint8_t next = (uint8_t)(LOCK_HELD | (more ? LOCK_PARKED : 0));
	uint8_t seen = tally_load(&object->lock, relaxed);
	while (seen == LOCK_FREE || seen == LOCK_HFREE)
		// order: acquire the sections of those who held it since; pairs with light_lock_drop_light, drop_held.
		// Else: the sleeper sees half a change.
		if (tally_cas(&object->lock, &seen, next, acquire)) return true;
	return false;
}

// The lock has been dropped, and somebody may sleep for it.
void light_lock_drop_contended(struct tally_object *object)
{
	struct bucket *bucket = bucket_of(object);
	bool more;
	tally_latch_take(&bucket->latch);
	struct sleeper *first = unlink_first(bucket, object, &more);
	bool handed = first && hand_over(object, first, more);
	if (!handed) mark_rest(object, more);
	tally_latch_drop(&bucket->latch);
	if (first) wake(first, handed ? OWNER : WOKEN);
}

// The lock is HELD by this thread: the first sleeper, if it is impatient, has it from now on. Nobody but who has the latch writes a
// HELD lock, and the sleeper learns by its wake: relaxed. False: nothing has been done.
static bool pass_on(struct tally_object *object)
{
	struct bucket *bucket = bucket_of(object);
	tally_latch_take(&bucket->latch);
	struct sleeper *first = first_sleeper(bucket, object);
	bool impatient = first && is_impatient(first);
	if (impatient) {
		tally_store(&object->lock, (uint8_t)(LOCK_HELD | (has_followers(first) ? LOCK_PARKED : 0)), relaxed);
		unlink_sleeper(bucket, first);
	}
	tally_latch_drop(&bucket->latch);
	if (impatient) wake(first, OWNER);
	return impatient;
}

static void drop_held(struct tally_object *object)
{
	if (tally_load(&object->lock, relaxed) & LOCK_PARKED && pass_on(object)) return;
	// order: release the section; pairs with light_lock_take_light, try_take, hand_over. Else: half a change is seen.
	if (tally_exchange(&object->lock, LOCK_HFREE, release) & LOCK_PARKED) light_lock_drop_contended(object);
}

void light_lock_drop_slow(struct tally_object *object, enum tally_hold hold)
{
	unsigned kind = (unsigned)hold & ~(unsigned)LOCK_HOLD_RESUME;
	if (kind == TALLY_HOLD_LIGHT) light_lock_drop(object, TALLY_HOLD_LIGHT);
	else if (kind == TALLY_HOLD_HEAVY) drop_held(object);
	if (hold & LOCK_HOLD_RESUME) tally_sections_resume();
}
