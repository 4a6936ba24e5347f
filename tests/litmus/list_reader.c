// tests/litmus/list_reader.c: an element is read from a list without the lock, while its owner changes the list under it
// (core/list.c: read; core/list.h: the functions that write; core/reader.h). The reader looks at `moving`, the array, the size, the
// array again, the place; takes a reference; and looks at the place, the size, the array and `moving` once more. Then the
// reference is the list's own one's equal: the element is alive and whole, and was the list's at one moment since the call
// began. Where anything differs it gives back what it has taken, and would take the lock (which ends the run here, but for SWAP).
//
// An element that dies is made anew in the same block at once, as something that is not in the list. An array that has been
// replaced waits for the readers (its `gone` stays 0): the reader comes to no stop point in between (epoch.c has that part).
//
// That the size and `moving` are looked at twice is more than what is shown here needs: a place that the list has no more is
// empty, and whoever has seen a part of a change sees at his next call that it is under way.
//
// What the owner does: overwrites the element; with GROW replaces the array by a larger one, appends, and then overwrites in the
// new one; with CUT takes the only element out and appends another one; with SWAP exchanges two, and the reader reads both, one
// after the other, with the lock where it must. With FRESH the element that it puts there is an immortal one, made just before; with
// ABA the one that has been made in the dead one's block comes into the same place. PLACE is where the reader looks (0).
#define OWN_DESTROY
#define OBJECTS 2
#include "model.h"

#ifndef PLACE
#define PLACE 0
#endif
#ifndef SET // tally_place_set
#define SET release
#endif
#ifndef READ // tally_place_read
#define READ acquire
#endif
#ifndef AGAIN // the second look at the place, and at the size and the array
#define AGAIN acquire
#endif
#ifndef PUBLISH // tally_list_publish
#define PUBLISH release
#endif
#ifndef ARRAY // tally_list_array
#define ARRAY acquire
#endif
#ifndef RESIZE // tally_list_resize
#define RESIZE release
#endif
#ifndef SIZE // tally_list_size_now
#define SIZE acquire
#endif
#ifndef MOVE_END // tally_list_move_end
#define MOVE_END release
#endif
#ifndef MOVES // tally_list_moves
#define MOVES acquire
#endif

enum { NOTHING, A, B, UNWRITTEN = 9 }; // in a place: an object's number and 1
enum { SECOND_LIFE = 2, OTHER_DATA = 0x5A5A };

static _Atomic int items, size, moving, lock;
static _Atomic int place[2][2] = {{UNWRITTEN, UNWRITTEN}, {UNWRITTEN, UNWRITTEN}};
static int gone[2];        // plain: the array has been freed
static bool was_reused;    // the owner's
static _Thread_local bool was_last;

static int capacity(int array) { return array == 0 ? (PLACE == 0 ? 2 : 1) : 2; }

static void take_lock(void)
{
	int seen = 0;
	bool mine = tally_cas(&lock, &seen, 1, acquire);
	__VERIFIER_assume(mine);
}
static void drop_lock(void) { tally_store(&lock, 0, release); }

// ---- elements ----

static void destroy(struct object *o)
{
	assert(!o->freed);
	o->freed = 1;
	o->payload = DEAD;
	was_last = true;
}

static void make_another(struct object *o)
{
#ifdef FAULT_POISON // the free block's words do not say that it is dead
	tally_store(&o->shared, WEAK + ONE, relaxed);
#endif
#ifdef FAULT_OTHER_PAGE // the page is something else's, while there are readers who take the words for a header
	tally_store(&o->shared, OTHER_DATA * ONE, relaxed);
	was_reused = true;
	return;
#endif
	tally_store(&o->local, TAG(1) | 1, relaxed);
#ifdef FAULT_INIT_EARLY // what is not whole yet can be found where the old one was
	tally_store(&o->shared, WEAK, INIT);
	tally_store(&place[tally_load(&items, relaxed)][0], A, relaxed);
#else
	tally_store(&o->shared, PLAIN, INIT);
#endif
	o->payload = SECOND_LIFE;
	o->freed = 0;
	mark_weak(o);
}

// The owner drops what it has taken out, and allocates.
static void give_up(int element)
{
	was_last = false;
	decref(&object[element - 1]);
	if (was_last) make_another(&object[element - 1]);
}

// ---- the list, by its owner: the lock is held ----

static void move_begin(void)
{
#ifndef FAULT_NO_MOVING
	tally_store(&moving, tally_load(&moving, relaxed) + 1, relaxed);
#endif
}

static void move_end(void)
{
#ifndef FAULT_NO_MOVING
	tally_store(&moving, tally_load(&moving, relaxed) & ~1, MOVE_END);
#endif
}

static void place_set(int array, int where, int element) { tally_store(&place[array][where], element, SET); }

static int overwrite(int array, int where, int element)
{
	int former = tally_load(&place[array][where], relaxed);
#ifdef FAULT_DROP_FIRST // the place still leads there when the reference is gone
	give_up(former);
	place_set(array, where, element);
	return NOTHING;
#else
	place_set(array, where, element);
	return former;
#endif
}

static void grow(void)
{
	tally_store(&place[1][0], tally_load(&place[0][0], relaxed), relaxed);
	tally_store(&items, 1, PUBLISH);
#ifdef FAULT_FREE_ARRAY // a reader is still in it
	gone[0] = 1;
#endif
}

static void append(int array, int where, int element)
{
#ifdef FAULT_SIZE_FIRST
	tally_store(&size, where + 1, RESIZE);
	place_set(array, where, element);
#else
	place_set(array, where, element);
	tally_store(&size, where + 1, RESIZE);
#endif
}

static void *writer(void *unused)
{
	int former = NOTHING;
	self = TAG(1);
#ifdef FRESH
	init_object(&object[1], IMMORTAL, 1, PLAIN);
#endif
	take_lock();
#if defined GROW
	grow();
	append(1, 1, B);
	former = overwrite(1, 0, B);
	incref(&object[1]);
#elif defined CUT
	former = tally_load(&place[0][0], relaxed);
	tally_store(&size, 0, RESIZE);
#ifndef FAULT_LEAVE_PLACE // the size looks as before when another one has been appended
	place_set(0, 0, NOTHING);
#endif
#elif defined SWAP
	move_begin();
	place_set(0, 0, B);
	place_set(0, 1, A);
	move_end();
#else
	former = overwrite(0, 0, B);
#endif
	drop_lock();
	if (former) give_up(former);
#ifdef ABA
	if (was_last) { // and has been made anew
		take_lock();
		incref(&object[0]);
		overwrite(0, 0, A);
		drop_lock();
	}
#endif
#ifdef CUT
	take_lock();
	append(0, 0, B);
	drop_lock();
#endif
	return unused;
}

// ---- the reader ----

static bool is_as_seen(int where, int array, int moves)
{
	(void)array;
	if (where >= tally_load(&size, AGAIN)) return false;
#ifndef FAULT_NO_ARRAY_LOOK // the place may be one of an array that the list has no more
	if (tally_load(&items, AGAIN) != array) return false;
#endif
	return tally_load(&moving, MOVES) == moves;
}

// NOTHING: that must be asked with the lock held.
static int read_element(int where)
{
	int moves = tally_load(&moving, MOVES), array = tally_load(&items, ARRAY), elements = tally_load(&size, SIZE);
	if (moves & 1 || where >= elements) return NOTHING;
#ifndef FAULT_TORN // the size is another array's
	if (tally_load(&items, ARRAY) != array) return NOTHING;
#endif
	assert(where < capacity(array));
	assert(!gone[array]);
	int element = tally_load(&place[array][where], READ);
	if (element == NOTHING) return NOTHING;
	assert(element != UNWRITTEN);
	struct object *o = &object[element - 1];
	if (!try_incref(o)) return NOTHING;
#ifdef FAULT_USE_FIRST // what is pinned may be half made
	assert(o->payload != UNWRITTEN);
#endif
	bool is_there = true;
#ifndef FAULT_NO_PLACE_LOOK // what is pinned may be another object in the same block
	is_there = tally_load(&place[array][where], AGAIN) == element;
#endif
	if (is_there && is_as_seen(where, array, moves)) return element;
	decref(o);
	return NOTHING;
}

#ifdef SWAP
static int read_or_lock(int where)
{
	int element = read_element(where);
	if (element) return element;
	take_lock();
	element = tally_load(&place[0][where], relaxed);
	drop_lock();
	return element;
}
#endif

static void *reader(void *unused)
{
	self = TAG(2);
#ifdef SWAP // what was in the first place after the exchange is not in the second
	int first = read_or_lock(0), second = read_or_lock(1);
	assert(!(first == B && second == B));
#else
	int element = read_element(PLACE);
	if (!element) return unused;
#ifdef ABA
	assert(object[element - 1].payload != DEAD);
#else
	assert(object[element - 1].payload == LIVE);
#endif
	decref(&object[element - 1]);
#endif
	return unused;
}

int main(void)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
#ifdef SWAP
		init_object(&object[i], IMMORTAL, 1, PLAIN);
#else
		init_object(&object[i], 1, 1, WEAK);
#endif
	}
	tally_store(&slot[1], ATTACHED, relaxed);
	tally_store(&place[0][0], A, relaxed);
	tally_store(&size, 1, relaxed);
#ifdef SWAP
	tally_store(&place[0][1], B, relaxed);
	tally_store(&size, 2, relaxed);
#endif
	run_threads(writer, reader, NULL);
	self = TAG(1);
	run_point(&slot[1]);
	assert(!was_reused || object[0].shared == OTHER_DATA * ONE);
	return 0;
}
