// tests/litmus/weakref.c: weak references: an upgrade against the death of the object, whose block becomes another's; watchers
// against that death; the anchor's installation (core/weakref.c; core/weakref.h: tally_weakref_upgrade). The count words are
// model.h's; a watcher is a counted object itself.
//
// Object 0 is thread 1's and lies in its page. Whoever destroys it clears `referent` and then frees the block, at once or, when
// it is not thread 1, by the list of blocks that others have freed; thread 1 makes another object in it. So a look at `referent`
// after a successful try-increment cannot miss the clearing: the new object's count words came after it. READ and AGAIN, which
// core/reader.h has, are not needed here for that reason, and because a thread that knows the anchor knows the object.
//
// By default thread 1 drops the last reference, with OTHER thread 2, with BOTH each of them one, and thread 3 upgrades.
// WATCHER: thread 2 drops its watcher while thread 1 drops the object; the watcher acts, or is freed and never touched.
// UNLINK: thread 2 silences the only watcher, which thread 3 asks for the object: the destroyer takes no lock when the list is
// empty. NEIGHBOURS: two threads drop their watchers, which are neighbours on the list. INSTALL: two threads ask for the
// anchor, and a third one looks for it. HASH: a thread asks for the hash, which another one has kept.
#define OWN_DESTROY
#define OBJECTS 3
#define SLOTS 3
#include "model.h"

#ifndef READ // tally_weakref_upgrade: the first look
#define READ acquire
#endif
#ifndef AGAIN // and the second
#define AGAIN acquire
#endif
#ifndef CLEAR // clear_watcher
#define CLEAR release
#endif
#ifndef SILENCE // tally_watcher_silence: whether it is dead
#define SILENCE acquire
#endif
#ifndef SET_FIRST // unlink_watcher: the list is empty
#define SET_FIRST release
#endif
#ifndef FIRST // tally_weakref_bury: whether it is
#define FIRST acquire
#endif
#ifndef LOCK
#define LOCK acquire
#endif
#ifndef UNLOCK
#define UNLOCK release
#endif
#ifndef SENT // the block goes home: tally_page_put_remote
#define SENT release
#endif
#ifndef FETCHED // and is taken out of that list
#define FETCHED acquire
#endif
#ifndef INSTALLED // install: the exchange
#define INSTALLED release
#endif
#ifndef LOOK // anchor_of
#define LOOK acquire
#endif
#ifndef REREAD // install: the exchange has failed
#define REREAD acquire
#endif

#ifndef KEPT // hash: the bit that says that it is kept
#define KEPT release
#endif
#ifndef IS_KEPT // hash: whether it is
#define IS_KEPT acquire
#endif

enum { NOTHING, FULL };
enum { SECOND_LIFE = 2 };
enum { REFERENT, OLDER, NEWER }; // objects; the others are watchers

static struct watcher {
	_Atomic int referent;
	int next, previous, acts; // plain; numbers of watchers, NOTHING ends
} watcher[OBJECTS];
static _Atomic int referent, first, lock, home; // the anchor's; the list of freed blocks
static _Thread_local bool was_last;

static void take_lock(void)
{
	int seen = 0;
	bool mine = tally_cas(&lock, &seen, 1, LOCK);
#ifdef FAULT_NO_LOCK
	mine = true;
#endif
	__VERIFIER_assume(mine);
}
static void drop_lock(void) { tally_store(&lock, 0, UNLOCK); }

// ---- watchers ----

static void unlink_watcher(int i)
{
	int next = watcher[i].next, previous = watcher[i].previous;
#ifndef FAULT_UNLINK_FIRST // who finds the list empty frees what the watcher still leads to
	tally_store(&watcher[i].referent, NOTHING, CLEAR);
#endif
	watcher[i].next = watcher[i].previous = NOTHING;
	if (next) watcher[next].previous = previous;
	if (previous) watcher[previous].next = next;
	else tally_store(&first, next, SET_FIRST);
#ifdef FAULT_UNLINK_FIRST
	tally_store(&watcher[i].referent, NOTHING, CLEAR);
#endif
}

static void silence(int i)
{
	if (tally_load(&watcher[i].referent, SILENCE) == NOTHING) return;
	take_lock();
	if (tally_load(&watcher[i].referent, relaxed)) unlink_watcher(i);
	drop_lock();
}

static void free_block(struct object *o)
{
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
}

static void destroy_watcher(int i)
{
#ifndef FAULT_NO_SILENCE // stays on the list
	silence(i);
#endif
	watcher[i].next = watcher[i].previous = NOTHING;
	free_block(&object[i]);
}

static void clear_watcher(int i, bool is_alive)
{
#ifdef FAULT_TOUCH_AFTER // a dying one may be freed by then
	tally_store(&watcher[i].referent, NOTHING, CLEAR);
	watcher[i].previous = NOTHING;
#else
	watcher[i].previous = NOTHING;
	if (!is_alive) watcher[i].next = NOTHING;
	tally_store(&watcher[i].referent, NOTHING, CLEAR);
#endif
	(void)is_alive;
}

static bool hold(int i)
{
#ifdef FAULT_HOLD_DYING
	incref(&object[i]);
	return true;
#else
	return try_incref(&object[i]);
#endif
}

static void act(int i)
{
	use(&object[i]);
	watcher[i].acts++;
	assert(watcher[i].acts == 1);
	decref(&object[i]);
}

// There is one at most.
static void clear_watchers(void)
{
	take_lock();
	int i = tally_load(&first, relaxed);
	tally_store(&first, NOTHING, relaxed);
	bool is_alive = i && hold(i);
	if (i) clear_watcher(i, is_alive);
	drop_lock();
	if (is_alive) act(i);
}

// ---- the object ----

static void bury_weak(void)
{
	tally_store(&referent, NOTHING, release);
	if (tally_load(&first, FIRST)) clear_watchers();
}

static void destroy(struct object *o)
{
	if (o != &object[REFERENT]) {
		destroy_watcher((int)(o - object));
		return;
	}
#ifndef FAULT_CLEAR_LATE
	bury_weak();
#endif
	free_block(o);
	was_last = true;
	if (self != TAG(1)) tally_store(&home, FULL, SENT);
#ifdef FAULT_CLEAR_LATE // the block is another's already
	bury_weak();
#endif
}

// Thread 1 makes another object of what it has freed, or others have.
static void recycle(void)
{
	struct object *o = &object[REFERENT];
	if (!was_last && tally_load(&home, FETCHED) == NOTHING) return;
	tally_store(&o->local, TAG(1) | 1, relaxed);
	tally_store(&o->shared, PLAIN, INIT);
	o->payload = SECOND_LIFE;
	o->freed = 0;
	mark_weak(o);
}

static void upgrade(_Atomic int *place)
{
	if (tally_load(place, READ) == NOTHING || !try_incref(&object[REFERENT])) return;
#ifndef FAULT_NO_CHECK // what is pinned may be another object
	if (tally_load(place, AGAIN) == NOTHING) {
		decref(&object[REFERENT]);
		return;
	}
#endif
	assert(object[REFERENT].payload == LIVE);
	decref(&object[REFERENT]);
}

static void set_up(void)
{
	tally_store(&referent, FULL, relaxed);
	for (unsigned i = 1; i <= SLOTS; i++) tally_store(&slot[i], ATTACHED, relaxed);
}

static void link_new(int i, unsigned tag)
{
	int next = tally_load(&first, relaxed);
	init_object(&object[i], tag, 1, WEAK);
	tally_store(&watcher[i].referent, FULL, relaxed);
	watcher[i].next = next;
	if (next) watcher[next].previous = i;
	tally_store(&first, i, relaxed);
}

// ---- the threads ----

#if defined INSTALL
static int anchor[4]; // plain: what an anchor has, by the thread that made it
static _Atomic int place;

static void *look(void *unused)
{
	int there = tally_load(&place, LOOK);
	assert(!there || anchor[there] == FULL);
	return unused;
}

static void install(int mine)
{
	int there = NOTHING;
	anchor[mine] = FULL;
#ifdef FAULT_STORE // the other's is lost
	tally_store(&place, mine, INSTALLED);
	there = mine;
#else
	there = tally_cas(&place, &there, mine, INSTALLED) ? mine : tally_load(&place, REREAD);
#endif
	assert(anchor[there] == FULL);
	assert(tally_load(&place, relaxed) == there);
}

static void *one(void *unused)
{
	install(1);
	return unused;
}
static void *two(void *unused)
{
	install(2);
	return unused;
}
#define three look

#elif defined HASH
static _Atomic int kept_hash, is_kept;

static void *one(void *unused)
{
	tally_store(&kept_hash, FULL, relaxed);
	tally_fetch_or(&is_kept, 1, KEPT);
	return unused;
}
static void *two(void *unused)
{
	if (tally_load(&is_kept, IS_KEPT)) assert(tally_load(&kept_hash, relaxed) == FULL);
	return unused;
}
#define three NULL

#elif defined NEIGHBOURS
static void *one(void *unused)
{
	self = TAG(2);
	decref(&object[OLDER]);
	return unused;
}
static void *two(void *unused)
{
	self = TAG(3);
	decref(&object[NEWER]);
	return unused;
}
#define three NULL

#else
static void *one(void *unused)
{
	self = TAG(1);
#ifndef OTHER
	use(&object[REFERENT]);
	decref(&object[REFERENT]);
#endif
	run_point(&slot[1]);
	recycle();
	return unused;
}
static void *two(void *unused)
{
	self = TAG(2);
#if defined WATCHER
	use(&object[OLDER]);
	decref(&object[OLDER]);
#elif defined UNLINK
	silence(OLDER);
#elif defined OTHER || defined BOTH
	use(&object[REFERENT]);
	decref(&object[REFERENT]);
#endif
	return unused;
}
static void *upgrader(void *unused)
{
	self = TAG(3);
#ifdef UNLINK
	upgrade(&watcher[OLDER].referent);
#else
	upgrade(&referent);
#endif
	return unused;
}
#ifdef WATCHER
#define three NULL
#else
#define three upgrader
#endif
#endif

int main(void)
{
	set_up();
#ifdef OTHER // merged: thread 2 has the only reference
	init_object(&object[REFERENT], 0, 0, MERGED | ONE);
#elif defined BOTH
	init_object(&object[REFERENT], 1, 1, WEAK | ONE);
#else
	init_object(&object[REFERENT], 1, 1, WEAK);
#endif
#if defined WATCHER || defined UNLINK
	link_new(OLDER, 2);
#elif defined NEIGHBOURS
	link_new(OLDER, 2);
	link_new(NEWER, 3);
#endif
	run_threads(one, two, three);
#if defined WATCHER
	assert(object[OLDER].freed && tally_load(&first, relaxed) == NOTHING);
#elif defined NEIGHBOURS
	assert(object[OLDER].freed && object[NEWER].freed && tally_load(&first, relaxed) == NOTHING);
#endif
	return 0;
}
