// core/list.h: a list from the inside: what core/list.c and its companions (core/list_slice.c, core/list_search.c,
// core/list_sort.c) change under the list's lock, others read with and without it (docs/reading.md), and the collector reads in a
// stopped world.
//
// Once there are readers without the lock (variant_is_shared), `size`, `items` and the places are written by the functions below,
// one at a time, and a change of several places is made while `moving` is odd: readers who meet that wait for the lock.
//
// I1  size <= capacity; items[0 .. size) are objects, each with one reference owned by the list.
// I2  `items` is NULL exactly when `capacity` is 0.
// I3  A size is written when the places before it have been, an array when at least as many of its places have been as the
//     size says: an array that is the list's before and after a look at the size has that many elements, or had.
// I4  With readers about: a place is emptied or overwritten before the reference that stood there is dropped, and emptied when the
//     list has become too short for it; an array that was taken out is not changed any more, and does not come back.
// I5  With readers about: a change that writes several places writes each of them once, and the size once, and `moving` is odd
//     meanwhile.
#ifndef TALLY_CORE_LIST_H
#define TALLY_CORE_LIST_H

#include "error.h"
#include "object.h"
#include "reader.h"
#include "retire.h"

#include <string.h>

struct tally_list {
	struct tally_object header;
	uint32_t size;               // written by tally_list_resize once the list is not its maker's alone, read plainly under the lock
	uint32_t capacity;           // elements that fit; for those who have the lock
	struct tally_object **items; // raw buffer; written by tally_list_publish, read plainly under the lock
};

static_assert(offsetof(struct tally_list, size) == 16, "TALLY_LAYOUT_ARRAY");
static_assert(offsetof(struct tally_list, items) == 24, "TALLY_LAYOUT_ARRAY");

enum { TALLY_LIST_IS_SORTED = 1 }; // in header.aux, guarded by the lock: a sort has its array, and will put it back

enum { TALLY_LIST_ITEM = sizeof(struct tally_object *) };
#define TALLY_LIST_LIMIT ((size_t)UINT32_MAX) // elements at most

// The list that `object` is, or NULL with the error set.
static inline struct tally_list *tally_list_check(const char *operation, tally_object *object)
{
	if (tally_likely(object && object->type == TALLY_TYPE_LIST)) return (struct tally_list *)object;
	return tally_error_null(tally_error_type(operation, "a list", object));
}

// The opening of public operations: a stop point, and the same.
static inline struct tally_list *tally_list_enter(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? tally_list_check(operation, object) : NULL;
}

// The same for operations that take a `value`, which must be there.
static inline struct tally_list *tally_list_enter_with(const char *operation, tally_object *object, tally_object *value,
                                                       const char *what)
{
	struct tally_list *list = tally_list_enter(operation, object);
	if (tally_likely(!list || value)) return list;
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, operation, "the %s is NULL", what));
}

// ---- for use within the library: no point, no lock held; errors name `operation` ----

// A new list without elements, with room for `capacity` of them (0: without an array); after a run point. NULL with the error
// set.
struct tally_list *tally_list_make(const char *operation, size_t capacity);
// 0, or -1 with the error set.
int tally_list_add(struct tally_list *list, struct tally_object *value, const char *operation);
// A new reference to the element at `place`, or NULL beyond the end.
struct tally_object *tally_list_at(struct tally_list *list, size_t place);
size_t tally_list_length(struct tally_list *list);
// Drops the references that the list had, from the last to the first, and gives up the array: those who die are destroyed from
// the first on.
void tally_list_give_up(const struct tally_list *list, struct tally_object **items, size_t size);

// ---- reading without the lock, where variant_may_read ----

static inline struct tally_object **tally_list_array(const struct tally_list *list)
{
	// order: acquire the places that were written before; pairs with tally_list_publish. Else: a place is read that has not been.
	return tally_load((struct tally_object **_Atomic *)(uintptr_t)&list->items, acquire);
}

static inline size_t tally_list_size_now(const struct tally_list *list)
{
	// order: acquire the places before the end; pairs with tally_list_resize. Else: a place is read that has not been written.
	return tally_load((_Atomic uint32_t *)(uintptr_t)&list->size, acquire);
}

static inline uint8_t tally_list_moves(const struct tally_list *list)
{
	// order: acquire the places as the last change left them; pairs with tally_list_move_end, reopen. Else: half a change is seen.
	return tally_load(&list->header.moving, acquire);
}

// What a reader goes by.
struct tally_list_sight {
	struct tally_object **items;
	uint8_t moving;
};

// Looks at the list. True: `place` is there, and may be read by tally_place_read (NULL: it has been emptied meanwhile).
static inline bool tally_list_see(const struct tally_list *list, size_t place, struct tally_list_sight *sight)
{
	sight->moving = tally_list_moves(list);
	sight->items = tally_list_array(list);
	size_t size = tally_list_size_now(list);
	return tally_likely(!(sight->moving & 1) && place < size) && tally_list_array(list) == sight->items;
}

// The array, and how many of its places may be read by tally_place_read (some, perhaps, have been emptied): for those who do not
// mind seeing half a change. Another round means that another thread has given the list another array.
static inline size_t tally_list_look(const struct tally_list *list, struct tally_object *const **items)
{
	struct tally_object **array;
	size_t size;
	do {
		array = tally_list_array(list);
		size = tally_list_size_now(list);
	} while (tally_unlikely(tally_list_array(list) != array));
	*items = array;
	return array ? size : 0;
}

// Whether what was read there after tally_list_see was the list's element at one moment since.
static inline bool tally_list_is_as_seen(const struct tally_list *list, size_t place, const struct tally_list_sight *sight)
{
	return tally_likely(place < tally_list_size_now(list) && tally_list_array(list) == sight->items) &&
	       tally_list_moves(list) == sight->moving;
}

// ---- writing what readers see; the lock is held, or the list is the caller's alone ----

static inline void tally_list_publish(struct tally_list *list, struct tally_object **items)
{
	// order: release the places that have been written; pairs with tally_list_array. Else: a place is read that has not been.
	tally_store((struct tally_object **_Atomic *)&list->items, items, release);
}

static inline void tally_list_resize(struct tally_list *list, size_t size)
{
	// order: release the places before the end; pairs with tally_list_size_now. Else: a place is read that has not been written.
	tally_store((_Atomic uint32_t *)&list->size, (uint32_t)size, release);
}

// The list has no elements and no array from now on.
static inline void tally_list_detach(struct tally_list *list)
{
	tally_list_resize(list, 0);
	tally_list_publish(list, NULL);
	list->capacity = 0;
}

// A change begins that readers must not see half of. Each writing of a place or a size that follows releases it.
static inline void tally_list_move_begin(struct tally_list *list)
{
	_Atomic uint8_t *moving = &list->header.moving;
	if (tally_likely(!variant_is_shared(&list->header)) || tally_load(moving, relaxed) & 1) return;
	tally_store(moving, (uint8_t)(tally_load(moving, relaxed) + 1), relaxed);
}

// It is complete; inside a critical section, when the section has ended: that says so itself (biased/section.c).
static inline void tally_list_move_end(struct tally_list *list, enum tally_hold hold)
{
	_Atomic uint8_t *moving = &list->header.moving;
	if (tally_likely(!variant_is_shared(&list->header)) || hold == TALLY_HOLD_NESTED) return;
	// order: release the places as they are now; pairs with tally_list_moves. Else: half the change is seen.
	if (tally_load(moving, relaxed) != TALLY_SHUT) tally_store(moving, tally_load(moving, relaxed) & (uint8_t)~1, release);
}

// Moves `count` elements from one place to another.
static inline void tally_list_shift(struct tally_list *list, size_t to, size_t from, size_t count)
{
	struct tally_object **items = list->items;
	if (tally_likely(!variant_is_shared(&list->header))) {
		if (count) memmove(items + to, items + from, count * sizeof *items);
	} else if (to < from) {
		for (size_t i = 0; i < count; i++) tally_place_set(&items[to + i], items[from + i]);
	} else {
		for (size_t i = count; i > 0; i--) tally_place_set(&items[to + i - 1], items[from + i - 1]);
	}
}

// The list becomes shorter: what stands behind has been moved, or belongs to the caller now.
static inline void tally_list_cut(struct tally_list *list, size_t size)
{
	size_t former = list->size;
	tally_list_resize(list, size);
	if (tally_likely(!variant_is_shared(&list->header))) return;
	for (; size < former; size++) tally_place_set(&list->items[size], NULL);
}

// ---- room; the lock is held ----

// What making room leaves to do once the lock is dropped.
struct tally_list_room {
	struct tally_object **replaced; // the former array, to be freed
	size_t wanted;                  // elements, when there was no room for them
};

// Moves the elements to an array for `capacity` of them, at least. False: no memory.
bool tally_list_move(struct tally_list *list, size_t capacity, struct tally_list_room *room);
bool tally_list_make_room_slow(struct tally_list *list, size_t more, struct tally_list_room *room);

// Makes room for `more` elements. False: no memory, or there cannot be so many; nothing has changed then.
static inline bool tally_list_make_room(struct tally_list *list, size_t more, struct tally_list_room *room)
{
	room->replaced = NULL;
	if (tally_likely(more <= list->capacity - list->size)) return true;
	return tally_list_make_room_slow(list, more, room);
}

// Without the lock: gives up the former array.
static inline void tally_list_leave_room(const struct tally_list *list, const struct tally_list_room *room)
{
	tally_give_up_raw(&list->header, room->replaced);
}

// Without the lock: sets the error that says why there was no room. Returns -1.
int tally_list_no_room(const char *operation, const struct tally_list_room *room);

// Gives back three quarters of an array that nobody uses; without memory it stays.
enum { TALLY_LIST_SHRINK_FROM = TALLY_TUNED(64, 8) };
static inline void tally_list_shrink(struct tally_list *list, struct tally_list_room *room)
{
	room->replaced = NULL;
	if (tally_likely(list->size > list->capacity / 4 || list->capacity < TALLY_LIST_SHRINK_FROM)) return;
	tally_list_move(list, list->size * 2, room);
}

// Appends objects for which there is room, with a reference to each.
static inline void tally_list_store(struct tally_list *list, struct tally_object *const *items, size_t size)
{
	struct tally_object **places = list->items + list->size;
	for (size_t i = 0; i < size; i++) {
		struct tally_object *item = items[i];
		variant_incref(item);
		tally_place_set(&places[i], item);
	}
	tally_list_resize(list, list->size + size);
}

// Takes the element at `place`, whose reference is the caller's now, out of the list.
static inline void tally_list_take_out(struct tally_list *list, size_t place, enum tally_hold hold, struct tally_list_room *room)
{
	size_t size = list->size - 1;
	if (place < size) tally_list_move_begin(list);
	tally_list_shift(list, place, place + 1, size - place);
	tally_list_cut(list, size);
	tally_list_move_end(list, hold);
	tally_list_shrink(list, room);
}

// ---- what the type does (core/type.h) ----

int tally_list_equal(struct tally_object *a, struct tally_object *b, const char *operation);
int tally_list_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation);

#endif
