// tests/litmus/model.h: the counting protocol (docs/counting.md) as small C11 functions, for the programs of this
// folder, which GenMC runs in every execution that a weak memory model allows. The real code is biased/counts.c,
// biased/page_queue.c, gcstw/slot.c and gcstw/stop.c; functions and fields have the names that they have there.
//
// How a fault shows. `payload`, `freed`, `queue_next` and the like are plain memory, so that an access to them which
// the protocol does not order is a race, and GenMC reports it. What must hold is asserted: nothing is used after its
// death, nobody dies twice, and at the end nothing is left over.
//
// How faults are planted. Each order that matters has a name (orders.h) and can be weakened from the command line, as
// by -DZERO=relaxed; each step that can be got wrong has a -DFAULT_... of its own, explained where it is taken. A
// program that passes with its fault proves nothing: tests/litmus/run makes sure that all of them fail.
//
// What is simplified. A page holds one object and is queued without queued bits, unless BITS or more OBJECTS_PER_PAGE
// ask for the whole of it. Pages and blocks are numbered from 1 where 0 ends a list. Threads that must wait are cut off
// by __VERIFIER_assume, except in attach_wait.c.
#ifndef TALLY_LITMUS_MODEL_H
#define TALLY_LITMUS_MODEL_H

#include "orders.h"
#include "verbs.h"

// ---- words ------------------------------------------------------------------------------------------------------

enum { PLAIN, WEAK, QUEUED, MERGED, STATE = 3, ONE = 4 };                      // `shared`
enum { DETACHED, ATTACHED, CLAIMED, ROLE = 3, STOP = 4, WAITER = 8, PAGE = 16 }; // slot word
#define TAG(slot) ((uint32_t)(slot) << 16)
#define LOCAL_COUNT 0xFFFFu
#define IMMORTAL 0xFFFFu
#ifndef LOCAL_MAX
#define LOCAL_MAX LOCAL_COUNT
#define SPILL 0x8000u
#endif
#ifndef SATURATED
#define SATURATED (1 << 28)
#endif
#ifndef OBJECTS
#define OBJECTS 1
#endif
#ifndef OBJECTS_PER_PAGE
#define OBJECTS_PER_PAGE 1
#elif !defined BITS
#define BITS
#endif
#ifndef WORDS // of queued bits in a page
#define WORDS 1
#endif
#define PER_WORD ((OBJECTS_PER_PAGE + WORDS - 1) / WORDS)
#define PAGES ((OBJECTS + OBJECTS_PER_PAGE - 1) / OBJECTS_PER_PAGE)
#ifndef SLOTS
#define SLOTS 1
#endif
enum { REMOTE = 1 << WORDS }; // in a summary, above the bits of the words

struct object {
	_Atomic uint32_t local;  // tag | count; written by the role's holder alone
	_Atomic uint32_t shared; // signed count | state
	int payload;             // plain, like the rest: LIVE while references exist
	int freed, finalized;
	uint32_t next;           // a freed block's link
};
struct page {
	uint32_t queue_next; // number of the next page in the list; whoever made `summary` non-zero writes it
	_Atomic uint32_t summary, bits[WORDS], remote;
	uint32_t free;       // blocks that its owner can allocate; the role's holder alone
	int used;            // blocks allocated or on the remote list; the role's holder alone
	int released;        // plain: whoever touches the page later than it should races with this
};
enum { DEAD, LIVE };

static struct object object[OBJECTS];
static struct page page[PAGES];           // those of slot 1, numbered from 1 in lists
static _Atomic uint32_t slot[SLOTS + 1];  // by tag; slot 0 is nobody's
static _Atomic int running;               // who is still to stop, once the stopper has added its number
static _Thread_local uint32_t self;       // the running thread's tag, shifted

static inline int32_t shared_count(uint32_t shared) { return (int32_t)shared >> 2; }
static inline bool shared_is_saturated(uint32_t shared) { return shared_count(shared) >= SATURATED; }

#ifndef FAULT_NO_QUEUED
static inline bool shared_must_queue(uint32_t shared) { return shared <= WEAK; }
static inline uint32_t shared_after_drop(uint32_t shared) { return shared_must_queue(shared) ? QUEUED : shared - ONE; }
#else // subtracts below 0, and queues then, instead of leaving the reference to the queue
static inline bool shared_must_queue(uint32_t shared) { return (shared & STATE) < MERGED && shared_count(shared) <= 0; }
static inline uint32_t shared_after_drop(uint32_t shared) { return shared - ONE; }
#endif

static inline uint32_t shared_after_merge(uint32_t shared, uint32_t local, uint32_t minus)
{
	if (shared_is_saturated(shared)) return shared | MERGED;
	return (shared + ((local & LOCAL_COUNT) - minus) * ONE) | MERGED;
}

// ---- life and death ---------------------------------------------------------------------------------------------

static inline void init_object(struct object *o, unsigned tag, unsigned local, uint32_t shared)
{
	o->payload = LIVE;
	o->freed = 0;
	tally_store(&o->local, TAG(tag) | local, relaxed);
	tally_store(&o->shared, shared, INIT);
}

static inline void use(const struct object *o) { assert(o->payload == LIVE && !o->freed); }

#ifdef OWN_DESTROY
static inline void destroy(struct object *o);
#else
static inline void destroy(struct object *o)
{
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
}
#endif

// Destroys what somebody has brought to MERGED(0).
static inline void die_merged(struct object *o)
{
	(void)tally_load(&o->shared, LAST);
	destroy(o);
}

static inline void bury(uint32_t dead)
{
	for (int i = 0; i < OBJECTS; i++)
		if (dead >> i & 1) die_merged(&object[i]);
}

// ---- merging and draining: the caller holds the role ------------------------------------------------------------

// Moves the local count to `shared`, less `minus`. True: dead. Merging again does no harm: there is no local count
// then.
static inline bool biased_merge(struct object *o, uint32_t minus)
{
	uint32_t local = tally_load(&o->local, relaxed), merged;
#ifndef FAULT_LATE_LOCAL // clears `local` when others may have freed the block already
	tally_store(&o->local, 0, relaxed);
#endif
	uint32_t shared = tally_load(&o->shared, relaxed);
	do merged = shared_after_merge(shared, local, minus);
	while (!tally_cas(&o->shared, &shared, merged, MERGE));
#ifdef FAULT_LATE_LOCAL
	use(o);
	tally_store(&o->local, 0, relaxed);
#endif
	return merged == MERGED;
}

// What the drain of a page does with each drop; the set of those that died of it.
#ifdef OWN_DRAIN
static inline uint32_t drain_object(unsigned i);
#else
static inline uint32_t drain_object(unsigned i) { return biased_merge(&object[i], 1) ? 1u << i : 0; }
#endif

static inline void give_back(struct page *p, uint32_t number)
{
	object[number - 1].next = p->free;
	p->free = number;
	p->used--;
}

static inline void page_take_remote(struct page *p)
{
	uint32_t number = tally_exchange(&p->remote, 0, COLLECT);
	for (uint32_t next; number; number = next) {
		next = object[number - 1].next;
		give_back(p, number);
	}
#ifdef RELEASE_EMPTY // as the real code does at once with pages of blocks that have no counts
	if (p->used == 0) p->released = 1;
#endif
}

static inline uint32_t merge_word(struct page *p, unsigned word)
{
	uint32_t dead = 0, bits = tally_exchange(&p->bits[word], 0, BITS_TAKE);
	unsigned first = (unsigned)(p - page) * OBJECTS_PER_PAGE + word * PER_WORD;
	for (unsigned i = 0; i < PER_WORD; i++)
		if (bits >> i & 1) dead |= drain_object(first + i);
	return dead;
}

static inline uint32_t page_drain(unsigned number)
{
	struct page *p = &page[number - 1];
#ifndef BITS
	return drain_object((unsigned)(p - page));
#else
	uint32_t dead = 0;
#ifdef FAULT_WORDS_FIRST // a bit set between the looks is announced by a summary that is then wiped out
	for (unsigned i = 0; i < WORDS; i++) dead |= merge_word(p, i);
#endif
#ifdef FAULT_COLLECT_FIRST // a block pushed between the looks is announced by a summary that is then wiped out
	page_take_remote(p);
#endif
	uint32_t summary = tally_exchange(&p->summary, 0, SUM_TAKE); // from here on a dropper links the page again
#ifndef FAULT_WORDS_FIRST
	for (unsigned i = 0; i < WORDS; i++)
		if (summary >> i & 1) dead |= merge_word(p, i);
#endif
#ifndef FAULT_COLLECT_FIRST
	if (summary & REMOTE) page_take_remote(p);
#endif
	return dead;
#endif
}

static inline uint32_t drain_list(uint32_t number)
{
	uint32_t dead = 0;
	for (uint32_t next; number; number = next) {
#ifndef FAULT_NEXT_LATE // the page may be in a list again by then
		next = page[number - 1].queue_next;
		dead |= page_drain(number);
#else
		dead |= page_drain(number);
		next = page[number - 1].queue_next;
#endif
	}
	return dead;
}

// ---- the slot's word --------------------------------------------------------------------------------------------

static inline void wake_attacher(_Atomic uint32_t *s);

// Whoever brings `running` to 0 wakes the stopper, which waits by an assumption here.
static inline void count_down(void) { tally_fetch_sub(&running, 1, STOPPING); }

// Takes and drains what is queued; the dead are for the caller to bury. Role held.
static inline uint32_t slot_take(_Atomic uint32_t *s)
{
	uint32_t dead = 0, word = tally_load(s, relaxed);
	while (word >= PAGE) {
		if (!tally_cas(s, &word, word % PAGE, TAKE)) continue;
		dead |= drain_list(word / PAGE);
		word %= PAGE;
	}
	return dead;
}

// Gives the attached thread's role back, with the list to a stopper, else only when the list is empty. False: it is
// not.
static inline bool slot_try_leave(_Atomic uint32_t *s)
{
	uint32_t word = tally_load(s, relaxed);
	for (;;) {
		bool stop = word & STOP;
		if (!stop && word >= PAGE) return false;
#ifdef FAULT_LEAVE_STORE // loses a page that was pushed since the look, or a STOP
		tally_store(s, DETACHED, LEAVE);
		return true;
#endif
		uint32_t next = stop ? (word & ~(uint32_t)(STOP | ROLE)) | CLAIMED : DETACHED;
		if (!tally_cas(s, &word, next, LEAVE)) continue;
		if (stop) count_down();
		return true;
	}
}

static inline void detach(_Atomic uint32_t *s)
{
	while (!slot_try_leave(s)) bury(slot_take(s));
}

static inline bool slot_try_claim(_Atomic uint32_t *s)
{
#ifdef FAULT_CLAIM_STORE // two may believe that they have it
	if (tally_load(s, relaxed) != DETACHED) return false;
	tally_store(s, CLAIMED, relaxed);
	return true;
#else
	uint32_t word = DETACHED;
	return tally_cas(s, &word, CLAIMED, CLAIM);
#endif
}

// Ends a claim. Whoever pushed a page meanwhile relies on the claimer, so that the list is drained first. The dead are
// for the caller to bury, who holds nothing any more then.
static inline uint32_t slot_release(_Atomic uint32_t *s)
{
	uint32_t dead = 0, word = tally_load(s, relaxed);
	for (;;) {
#ifdef FAULT_RELEASE_BLIND // loses what was pushed
		tally_store(s, DETACHED, RELEASE);
		return dead;
#endif
		if (word >= PAGE) {
			dead |= slot_take(s);
			word = tally_load(s, relaxed);
			continue;
		}
		bool stop = word & STOP;
#ifdef FAULT_STOP_DROPS_WAITER // nobody will wake who waits
		uint32_t next = stop ? CLAIMED : DETACHED;
#else
		uint32_t next = stop ? word & ~(uint32_t)STOP : DETACHED; // the stopper keeps the WAITER waiting
#endif
		if (!tally_cas(s, &word, next, RELEASE)) continue;
		if (stop) count_down();
		else if (word & WAITER) wake_attacher(s);
		return dead;
	}
}

#ifndef OWN_WAIT
static inline void wake_attacher(_Atomic uint32_t *s) { (void)s; }

// Waits while the slot is claimed.
static inline void slot_attach(_Atomic uint32_t *s)
{
#ifdef FAULT_ATTACH_STORE // does not wait
	tally_store(s, ATTACHED, release);
#else
	uint32_t word = DETACHED;
	bool attached = tally_cas(s, &word, ATTACHED, ATTACH);
	__VERIFIER_assume(attached);
#endif
}

// What a thread does in between: stops when asked to, and takes what is queued.
static inline void run_point(_Atomic uint32_t *s)
{
	if (tally_load(s, relaxed) & STOP) {
		slot_try_leave(s); // asked to stop, it cannot fail
		slot_attach(s);
	}
	bury(slot_take(s));
}
#endif

// Brings a page to whoever holds the role, or does the owner's work when nobody does.
static inline void slot_push(_Atomic uint32_t *s, unsigned number)
{
	uint32_t word = tally_load(s, relaxed);
	for (;;) {
		if (word != DETACHED) {
			page[number - 1].queue_next = word / PAGE;
			if (tally_cas(s, &word, number * PAGE | word % PAGE, PUSH)) return;
		} else if (slot_try_claim(s)) {
			uint32_t dead = page_drain(number);
			bury(dead | slot_release(s));
			return;
		} else {
			word = tally_load(s, relaxed);
		}
	}
}

#ifdef BITS
static inline void announce(struct page *p, uint32_t what)
{
	assert(!p->released);
	if (tally_fetch_or(&p->summary, what, SUM_SET) == 0) slot_push(&slot[1], (unsigned)(p - page) + 1);
}
#endif

static inline void page_queue_push(struct object *o)
{
	unsigned i = (unsigned)(o - object);
	struct page *p = &page[i / OBJECTS_PER_PAGE];
#ifdef BITS
	unsigned word = i % OBJECTS_PER_PAGE / PER_WORD, bit = i % OBJECTS_PER_PAGE % PER_WORD;
#ifdef FAULT_SUMMARY_FIRST // announces a bit that is not there yet
	announce(p, 1u << word);
	tally_fetch_or(&p->bits[word], 1u << bit, BIT);
#else
	tally_fetch_or(&p->bits[word], 1u << bit, BIT);
	announce(p, 1u << word);
#endif
#else
	slot_push(&slot[1], (unsigned)(p - page) + 1);
#endif
}

#ifdef BITS
// A dead block goes back to a page of somebody else's. Whoever finds the list empty has to announce it, and nobody else
// touches the page after the push: a page whose last block is collected has no visitors.
static inline void free_remote(uint32_t number)
{
	struct page *p = &page[(number - 1) / OBJECTS_PER_PAGE];
	assert(!p->released);
#ifdef FAULT_ANNOUNCE_FIRST // announces a block that is not there yet
	if (tally_load(&p->remote, relaxed) == 0) announce(p, REMOTE);
#endif
	uint32_t head = tally_load(&p->remote, relaxed);
	do object[number - 1].next = head;
	while (!tally_cas(&p->remote, &head, number, FREE));
#ifdef FAULT_ANNOUNCE_ALWAYS // touches a page that may have been released since
	announce(p, REMOTE);
#elif !defined FAULT_ANNOUNCE_FIRST
	if (head == 0) announce(p, REMOTE);
#endif
}
#endif

// ---- counting ---------------------------------------------------------------------------------------------------

// The owner is away: merges in its place, one reference less, whatever has become of the object meanwhile.
static inline bool claim_and_merge(struct object *o)
{
#ifdef QUEUE_FIRST // leaves all claims to the queue
	return false;
#endif
	if (!slot_try_claim(&slot[1])) return false;
	uint32_t dead = drain_object((unsigned)(o - object));
	bury(dead | slot_release(&slot[1]));
	return true;
}

// A drop by somebody who does not hold the role.
static inline void drop_shared(struct object *o)
{
	uint32_t shared = tally_load(&o->shared, relaxed), next;
	if (shared_must_queue(shared) && claim_and_merge(o)) return;
	do {
#ifndef FAULT_SATURATED_DROPS // takes back what has not been counted
		if (shared_is_saturated(shared)) return;
#endif
		next = shared_after_drop(shared);
	} while (!tally_cas(&o->shared, &shared, next, DEC));
	if (shared_must_queue(shared)) page_queue_push(o);
	else if (next == MERGED) die_merged(o);
}

static inline void spill(struct object *o, uint32_t local)
{
	if (!shared_is_saturated(tally_load(&o->shared, relaxed))) tally_fetch_add(&o->shared, SPILL * ONE, relaxed);
	tally_store(&o->local, local - SPILL + 1, relaxed);
}

static inline void incref(struct object *o)
{
	uint32_t local = tally_load(&o->local, relaxed), mine = local ^ self;
	if (mine < LOCAL_MAX) {
		tally_store(&o->local, local + 1, relaxed);
		return;
	}
#ifndef FAULT_NO_IMMORTAL // counts the immortal like others
	if (local >> 16 == IMMORTAL) return;
#endif
	if (mine <= LOCAL_COUNT) {
		spill(o, local);
		return;
	}
	bool counts = !shared_is_saturated(tally_fetch_add(&o->shared, ONE, relaxed));
#ifdef FAULT_NO_BACKOFF // a saturated count grows for ever
	counts = true;
#endif
	if (!counts) tally_fetch_sub(&o->shared, ONE, relaxed);
}

// The owner's count reached 0: only a whole word of PLAIN(0) says that nobody else can have a reference.
static inline void drop_mine(struct object *o)
{
	uint32_t shared = tally_load(&o->shared, ZERO);
#ifdef FAULT_ZERO_COUNT // looks at the count and not at the state
	shared &= ~(uint32_t)STATE;
#endif
	if (shared == PLAIN) {
		tally_store(&o->local, 0, relaxed); // nobody could tell it from the owner's 1: all others look at `shared`
		destroy(o);
	} else if (biased_merge(o, 1)) {
		die_merged(o);
	}
}

static inline void decref(struct object *o)
{
	uint32_t local = tally_load(&o->local, relaxed), mine = local ^ self;
	if (mine - 2 < 0xFFFE) {
		tally_store(&o->local, local - 1, relaxed);
		return;
	}
#ifndef FAULT_NO_IMMORTAL
	if (local >> 16 == IMMORTAL) return;
#endif
	assert(mine != 0); // a live object of the running thread has a local count
	if (mine == 1) drop_mine(o);
	else drop_shared(o);
}

// True: the owner's reference is the only one, and the object may be changed in place.
static inline bool is_unique(struct object *o)
{
	if (tally_load(&o->local, relaxed) != (self | 1)) return false;
	return tally_load(&o->shared, UNIQUE) == PLAIN;
}

// The object may be dead, its block another's: only the header is touched.
static inline bool try_incref(struct object *o)
{
	uint32_t local = tally_load(&o->local, relaxed), mine = local ^ self;
	if (mine - 1 < LOCAL_COUNT - 1) {
		tally_store(&o->local, local + 1, relaxed);
		return true;
	}
	if (local >> 16 == IMMORTAL) return true;
	uint32_t shared = tally_load(&o->shared, relaxed);
	do {
#ifndef FAULT_TRY_PLAIN // revives what its owner frees without a second look
		if (shared == PLAIN) return false;
#endif
#ifndef FAULT_TRY_MERGED // revives what somebody is about to destroy
		if (shared == MERGED) return false;
#endif
		if (shared_is_saturated(shared)) {
			(void)tally_load(&o->shared, TRY_SATURATED);
			return true;
		}
	} while (!tally_cas(&o->shared, &shared, shared + ONE, TRY));
	return true;
}

// The caller holds a reference; from here on the owner cannot free without a read-modify-write.
static inline void mark_weak(struct object *o)
{
	uint32_t shared = tally_load(&o->shared, relaxed);
	while ((shared & STATE) == PLAIN && !tally_cas(&o->shared, &shared, shared | WEAK, relaxed)) {}
}

// ---- threads ----------------------------------------------------------------------------------------------------

// Runs up to three functions at once and waits for all.
static inline void run_threads(void *(*first)(void *), void *(*second)(void *), void *(*third)(void *))
{
	pthread_t a, b, c;
	pthread_create(&a, NULL, first, NULL);
	pthread_create(&b, NULL, second, NULL);
	if (third) pthread_create(&c, NULL, third, NULL);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	if (third) pthread_join(c, NULL);
}

#endif
