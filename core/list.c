// core/list.c: lists: an array of references that grows, in a raw buffer of its own.
//
// Every operation, reading included, takes the list's lock, does leaf work and drops it; what it unlinked (an element,
// an array that was replaced) is given up after that. The caller's reference keeps the list alive across the drop.
// An array is never grown in place: the new one is filled first, then takes the old one's place.
//
// I1  An operation that fails has changed nothing.
// Any attached thread; two lists are never locked at once (equality reads one element at a time).
#include "list.h"
#include "error.h"
#include "items.h"
#include "object.h"

#include <tally/container.h>

#include <string.h>

static const size_t SIZE_LIMIT = UINT32_MAX;
static const size_t ITEM = sizeof(struct tally_object *);

enum {
	GROWTH = TALLY_TUNED(2, 64), // an array grows by its size divided by this
	SHRINK_FROM = TALLY_TUNED(64, 8),
};

static inline struct tally_list *list_of(const char *operation, tally_object *object)
{
	if (!tally_enter(operation)) return NULL;
	if (tally_likely(object && object->type == TALLY_TYPE_LIST)) return (struct tally_list *)object;
	return tally_error_null(tally_error_type(operation, "a list", object));
}

// The same for operations that store `value`.
static inline struct tally_list *list_for(const char *operation, tally_object *object, tally_object *value)
{
	struct tally_list *list = list_of(operation, object);
	if (tally_likely(!list || value)) return list;
	return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, operation, "the element is NULL"));
}

// ---- room ----

// What making room leaves to do once the lock is dropped.
struct room {
	struct tally_object **replaced; // the former array, to be freed
	size_t wanted;                  // elements, when there was no room for them
};

static size_t capacity_of(const void *array) { return tally_page_of(array)->block_size / ITEM; }

// Moves the elements to an array for `capacity` of them, at least. False: no memory. The lock is held.
static bool move(struct tally_list *list, size_t capacity, struct room *room)
{
	struct tally_object **items = tally_raw_new(capacity * ITEM);
	if (!items) return false;
	if (list->size) memcpy(items, list->items, list->size * ITEM);
	size_t fits = capacity_of(items);
	room->replaced = list->items;
	list->items = items;
	list->capacity = (uint32_t)(fits < SIZE_LIMIT ? fits : SIZE_LIMIT);
	return true;
}

static bool make_room_slow(struct tally_list *list, size_t more, struct room *room)
{
	if (more > SIZE_LIMIT - list->size) {
		room->wanted = SIZE_MAX;
		return false;
	}
	room->wanted = list->size + more;
	size_t roomy = room->wanted + room->wanted / GROWTH;
	return move(list, roomy < SIZE_LIMIT ? roomy : SIZE_LIMIT, room);
}

// Makes room for `more` elements. The lock is held.
static inline bool make_room(struct tally_list *list, size_t more, struct room *room)
{
	room->replaced = NULL;
	if (tally_likely(more <= list->capacity - list->size)) return true;
	return make_room_slow(list, more, room);
}

static int no_room(const char *operation, const struct room *room)
{
	if (room->wanted <= SIZE_LIMIT) return tally_error_memory(operation, room->wanted * ITEM);
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "a list has at most %zu elements", SIZE_LIMIT);
}

// Gives back three quarters of an array that nobody uses; without memory it stays. The lock is held.
static inline void shrink(struct tally_list *list, struct room *room)
{
	room->replaced = NULL;
	if (tally_likely(list->size > list->capacity / 4 || list->capacity < SHRINK_FROM)) return;
	move(list, list->size * 2, room);
}

// ---- making ----

static tally_object *make(const char *operation)
{
	struct tally_list *list =
	        (struct tally_list *)tally_object_new(TALLY_TYPE_LIST, sizeof *list, TALLY_LAYOUT_ARRAY);
	if (!list) return tally_error_null(tally_error_memory(operation, sizeof *list));
	list->size = list->capacity = 0;
	list->items = NULL;
	return &list->header;
}

static void store(struct tally_list *list, tally_object *const *items, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		variant_incref(items[i]);
		list->items[list->size++] = items[i];
	}
}

tally_object *tally_list_new(void)
{
	if (!tally_enter_new("list_new")) return NULL;
	return make("list_new");
}

tally_object *tally_list_from(tally_object *const *items, size_t size)
{
	if (!tally_enter_new("list_from")) return NULL;
	struct room room = {.wanted = size};
	if (size > SIZE_LIMIT) return tally_error_null(no_room("list_from", &room));
	if (tally_items_check("list_from", items, size)) return NULL;
	tally_object *made = make("list_from");
	if (!made || size == 0) return made;
	if (move((struct tally_list *)made, size, &room)) {
		store((struct tally_list *)made, items, size);
		return made;
	}
	variant_decref(made);
	return tally_error_null(no_room("list_from", &room));
}

// ---- reading ----

int tally_list_size(tally_object *object, size_t *size)
{
	struct tally_list *list = list_of("list_size", object);
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	*size = list->size;
	variant_lock_drop(object, hold);
	return 0;
}

tally_object *tally_list_get(tally_object *object, ptrdiff_t index)
{
	struct tally_list *list = list_of("list_get", object);
	tally_object *item = NULL;
	size_t place;
	if (!list) return NULL;
	enum tally_hold hold = variant_lock_take(object);
	size_t size = list->size;
	if (tally_likely(tally_items_find(index, size, &place))) {
		item = list->items[place];
		variant_incref(item);
	}
	variant_lock_drop(object, hold);
	return item ? item : tally_error_null(tally_error_index("list_get", index, size));
}

bool tally_is_list(const tally_object *object) { return object && object->type == TALLY_TYPE_LIST; }

// ---- changing ----

int tally_list_set(tally_object *object, ptrdiff_t index, tally_object *value)
{
	struct tally_list *list = list_for("list_set", object, value);
	tally_object *former = NULL;
	size_t place;
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	size_t size = list->size;
	if (tally_likely(tally_items_find(index, size, &place))) {
		variant_incref(value);
		former = list->items[place];
		list->items[place] = value;
	}
	variant_lock_drop(object, hold);
	if (!former) return tally_error_index("list_set", index, size);
	variant_decref(former);
	return 0;
}

int tally_list_append(tally_object *object, tally_object *value)
{
	struct tally_list *list = list_for("list_append", object, value);
	struct room room;
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	bool fits = make_room(list, 1, &room);
	if (tally_likely(fits)) {
		variant_incref(value);
		list->items[list->size++] = value;
	}
	variant_lock_drop(object, hold);
	if (tally_unlikely(!fits)) return no_room("list_append", &room);
	tally_raw_free(room.replaced);
	return 0;
}

static size_t clamp(ptrdiff_t index, size_t size)
{
	if (index >= 0) return (size_t)index < size ? (size_t)index : size;
	size_t back = (size_t)0 - (size_t)index;
	return back < size ? size - back : 0;
}

int tally_list_insert(tally_object *object, ptrdiff_t index, tally_object *value)
{
	struct tally_list *list = list_for("list_insert", object, value);
	struct room room;
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	bool fits = make_room(list, 1, &room);
	if (fits) {
		size_t place = clamp(index, list->size);
		struct tally_object **at = &list->items[place];
		memmove(at + 1, at, (list->size - place) * ITEM);
		variant_incref(value);
		*at = value;
		list->size++;
	}
	variant_lock_drop(object, hold);
	if (!fits) return no_room("list_insert", &room);
	tally_raw_free(room.replaced);
	return 0;
}

int tally_list_extend(tally_object *object, tally_object *const *items, size_t size)
{
	struct tally_list *list = list_of("list_extend", object);
	struct room room = {.wanted = size};
	if (!list) return -1;
	if (size > SIZE_LIMIT) return no_room("list_extend", &room);
	if (tally_items_check("list_extend", items, size)) return -1;
	enum tally_hold hold = variant_lock_take(object);
	bool fits = make_room(list, size, &room);
	if (fits) store(list, items, size);
	variant_lock_drop(object, hold);
	if (!fits) return no_room("list_extend", &room);
	tally_raw_free(room.replaced);
	return 0;
}

tally_object *tally_list_pop(tally_object *object, ptrdiff_t index)
{
	struct tally_list *list = list_of("list_pop", object);
	struct room room = {.replaced = NULL};
	tally_object *item = NULL;
	size_t place;
	if (!list) return NULL;
	enum tally_hold hold = variant_lock_take(object);
	size_t size = list->size;
	if (tally_likely(tally_items_find(index, size, &place))) {
		struct tally_object **at = &list->items[place];
		item = *at;
		memmove(at, at + 1, (size - place - 1) * ITEM);
		list->size--;
		shrink(list, &room);
	}
	variant_lock_drop(object, hold);
	tally_raw_free(room.replaced);
	return item ? item : tally_error_null(tally_error_index("list_pop", index, size));
}

// Drops the references from the last to the first: see tally_bury_later.
static void give_up(struct tally_object **items, size_t size)
{
	for (size_t i = size; i > 0; i--) variant_decref(items[i - 1]);
	tally_raw_free(items);
}

static void clear(struct tally_object *object)
{
	struct tally_list *list = (struct tally_list *)object;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_object **items = list->items;
	size_t size = list->size;
	list->items = NULL;
	list->size = list->capacity = 0;
	variant_lock_drop(object, hold);
	bool outer = tally_bury_later();
	give_up(items, size);
	tally_bury_again(outer);
}

int tally_list_clear(tally_object *object)
{
	if (!list_of("list_clear", object)) return -1;
	clear(object);
	return 0;
}

// ---- the type ----

static void destroy(struct tally_object *object)
{
	struct tally_list *list = (struct tally_list *)object;
	give_up(list->items, list->size);
}

static int length(struct tally_object *object, size_t *result)
{
	enum tally_hold hold = variant_lock_take(object);
	*result = ((struct tally_list *)object)->size;
	variant_lock_drop(object, hold);
	return 0;
}

// A new reference, or NULL beyond the end.
static struct tally_object *item_at(struct tally_object *object, size_t place)
{
	struct tally_list *list = (struct tally_list *)object;
	struct tally_object *item = NULL;
	enum tally_hold hold = variant_lock_take(object);
	if (place < list->size) {
		item = list->items[place];
		variant_incref(item);
	}
	variant_lock_drop(object, hold);
	return item;
}

// Gives up both references; NULL equals only NULL.
static int compare(struct tally_object *a, struct tally_object *b, unsigned depth)
{
	int same = a && b ? tally_object_equal(a, b, depth) : a == b;
	if (a) variant_decref(a);
	if (b) variant_decref(b);
	return same;
}

// Each element is read by itself: of lists that change meanwhile the answer may belong to no single moment.
static int equal(struct tally_object *a, struct tally_object *b, unsigned depth)
{
	size_t left, right;
	if (depth >= TALLY_DEPTH_LIMIT) return -1;
	if (a == b) return 1;
	length(a, &left);
	length(b, &right);
	if (left != right) return 0;
	for (size_t i = 0; i <= left; i++) {
		int same = compare(item_at(a, i), item_at(b, i), depth + 1);
		if (same != 1) return same;
	}
	return 1;
}

const struct tally_type tally_list_type = {
	.name = "list",
	.index = TALLY_TYPE_LIST,
	.layout = TALLY_LAYOUT_ARRAY,
	.size = sizeof(struct tally_list),
	.destroy = destroy,
	.clear = clear,
	.equal = equal,
	.length = length,
};
