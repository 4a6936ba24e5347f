// core/list.h: a list from the inside: what core/list.c and its companions (core/list_slice.c, core/list_search.c,
// core/list_sort.c) guard with the list's lock, and the collector reads in a stopped world.
//
// I1  size <= capacity; items[0 .. size) are objects, each with one reference owned by the list.
// I2  `items` is NULL exactly when `capacity` is 0.
#ifndef TALLY_CORE_LIST_H
#define TALLY_CORE_LIST_H

#include "error.h"
#include "object.h"

struct tally_list {
	struct tally_object header;
	uint32_t size;
	uint32_t capacity;           // elements that fit
	struct tally_object **items; // raw buffer
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
// Without the lock, by a thread that may read: the array, and how many of its places may be looked at (some perhaps NULL).
static inline size_t tally_list_look(const struct tally_list *list, struct tally_object *const **items)
{
	*items = (struct tally_object *const *)(void *)tally_load((void *_Atomic *)(void *)(uintptr_t)&list->items, acquire);
	if (!*items) return 0;
	size_t size = tally_load((_Atomic uint32_t *)(void *)(uintptr_t)&list->size, acquire);
	size_t fits = tally_page_of(*items)->block_size / TALLY_LIST_ITEM;
	return size < fits ? size : fits;
}
// Drops the references, from the last to the first, and frees the array: those who die are destroyed from the first on.
void tally_list_give_up(struct tally_object **items, size_t size);

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
		places[i] = item;
	}
	list->size += (uint32_t)size;
}

// ---- what the type does (core/type.h) ----

int tally_list_equal(struct tally_object *a, struct tally_object *b, const char *operation);
int tally_list_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation);

#endif
