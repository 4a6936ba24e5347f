// core/list.c: lists: an array of references that grows, in a raw buffer of its own. Making, reading, changing in place;
// slices are in core/list_slice.c, what compares elements in core/list_search.c, sorting in core/list_sort.c.
//
// A change takes the list's lock, does leaf work and drops it; what it unlinked (an element, an array that was replaced) is given
// up after that. The caller's reference keeps the list alive across the drop. An array is never grown in place: the new one is
// filled first, then takes the old one's place. An element or the size is read without the lock, if that can be done at the first
// attempt (docs/reading.md), else with it; so whatever is an error has been found out with the lock held.
//
// I1  An operation that fails has changed nothing.
// Any attached thread; two lists are never locked at once.
#include "list.h"
#include "items.h"
#include "text.h"

#include <tally/list.h>

#include <string.h>

enum {
	ITEM = TALLY_LIST_ITEM,
	GROWTH = TALLY_TUNED(2, 64), // an array grows by its size divided by this
};

static inline struct tally_list *list_for(const char *operation, tally_object *object, tally_object *value)
{
	return tally_list_enter_with(operation, object, value, "element");
}

// ---- room ----

static size_t capacity_of(const void *array) { return tally_page_of(array)->block_size / ITEM; }

bool tally_list_move(struct tally_list *list, size_t capacity, struct tally_list_room *room)
{
	struct tally_object **items = tally_raw_new(capacity * ITEM);
	if (!items) return false;
	if (list->size) memcpy(items, list->items, list->size * (size_t)ITEM);
	size_t fits = capacity_of(items);
	room->replaced = list->items;
	tally_list_publish(list, items);
	list->capacity = (uint32_t)(fits < TALLY_LIST_LIMIT ? fits : TALLY_LIST_LIMIT);
	return true;
}

bool tally_list_make_room_slow(struct tally_list *list, size_t more, struct tally_list_room *room)
{
	if (more > TALLY_LIST_LIMIT - list->size) {
		room->wanted = SIZE_MAX;
		return false;
	}
	room->wanted = list->size + more;
	size_t roomy = room->wanted + room->wanted / GROWTH;
	return tally_list_move(list, roomy < TALLY_LIST_LIMIT ? roomy : TALLY_LIST_LIMIT, room);
}

int tally_list_no_room(const char *operation, const struct tally_list_room *room)
{
	if (room->wanted <= TALLY_LIST_LIMIT) return tally_error_memory(operation, room->wanted * ITEM);
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "a list has at most %zu elements", TALLY_LIST_LIMIT);
}

// ---- making ----

struct tally_list *tally_list_make(const char *operation, size_t capacity)
{
	struct tally_list_room room = {.wanted = capacity};
	if (capacity > TALLY_LIST_LIMIT) return tally_error_null(tally_list_no_room(operation, &room));
	struct tally_list *list =
	        (struct tally_list *)tally_object_new(TALLY_TYPE_LIST, sizeof *list, TALLY_LAYOUT_ARRAY);
	if (!list) return tally_error_null(tally_error_memory(operation, sizeof *list));
	list->size = list->capacity = 0;
	list->items = NULL;
	if (capacity == 0 || tally_list_move(list, capacity, &room)) return list;
	variant_decref(&list->header);
	return tally_error_null(tally_list_no_room(operation, &room));
}

static __attribute__((noinline)) tally_object *new_slow(void)
{
	if (!tally_enter_new("list_new")) return NULL;
	struct tally_list *made = tally_list_make("list_new", 0);
	return made ? &made->header : NULL;
}

tally_object *tally_list_new(void)
{
	struct tally_list *list = tally_object_new_quick(TALLY_TYPE_LIST, sizeof *list, TALLY_LAYOUT_ARRAY);
	if (tally_unlikely(!list)) return new_slow();
	list->size = list->capacity = 0;
	list->items = NULL;
	return &list->header;
}

// Copies objects, with a reference to each, up to the first that is NULL. Returns how many those are.
static inline size_t copy(struct tally_object **places, tally_object *const *items, size_t size)
{
	size_t i = 0;
	for (; i < size; i++) {
		struct tally_object *item = items[i];
		if (tally_unlikely(!item)) break;
		variant_incref(item);
		tally_place_set(&places[i], item);
	}
	return i;
}

// Without a lock: takes the references back. (The caller's own keep the objects.) Says why.
static __attribute__((noinline)) int take_back(const char *operation, tally_object *const *items, size_t count, size_t size)
{
	for (size_t i = count; i > 0; i--) variant_decref(items[i - 1]);
	return tally_items_check(operation, items, size);
}

static __attribute__((noinline)) tally_object *from_nothing(struct tally_list *made, tally_object *const *items, size_t there,
                                                               size_t size)
{
	take_back("list_from", items, there, size);
	variant_decref(&made->header);
	return NULL;
}

tally_object *tally_list_from(tally_object *const *items, size_t size)
{
	if (!tally_enter_new("list_from")) return NULL;
	struct tally_list_room room = {.wanted = size};
	if (size > TALLY_LIST_LIMIT) return tally_error_null(tally_list_no_room("list_from", &room));
	if (!items && size) return tally_error_null(tally_items_check("list_from", items, size));
	struct tally_list *made = tally_list_make("list_from", size);
	if (!made) return NULL;
	size_t there = copy(made->items, items, size);
	if (tally_unlikely(there < size)) return from_nothing(made, items, there, size);
	made->size = (uint32_t)size;
	return &made->header;
}

// ---- reading ----

static __attribute__((noinline)) size_t count_locked(struct tally_list *list)
{
	enum tally_hold hold = variant_lock_take(&list->header);
	size_t size = list->size;
	variant_lock_drop(&list->header, hold);
	return size;
}

static __attribute__((noinline)) size_t count_shared(struct tally_list *list)
{
	uint8_t moving = tally_list_moves(list);
	size_t size = tally_list_size_now(list);
	return tally_likely(!(moving & 1) && tally_list_moves(list) == moving) ? size : count_locked(list);
}

// An owner who is still alone after the look needs no other.
static inline size_t count(struct tally_list *list)
{
	if (tally_unlikely(!variant_may_read(&list->header))) return count_locked(list);
	size_t size = tally_list_size_now(list);
	return tally_likely(!variant_is_shared(&list->header)) ? size : count_shared(list);
}

size_t tally_list_length(struct tally_list *list) { return count(list); }

int tally_list_size(tally_object *object, size_t *size)
{
	struct tally_list *list = tally_list_enter("list_size", object);
	if (!list) return -1;
	*size = count(list);
	return 0;
}

// tally_unpin, which happens too seldom to be inlined.
static __attribute__((noinline)) void unpin(struct tally_object *object)
{
	tally_unpin(object);
}

// Whether `item`, which was read in that place and has been pinned since, was the list's element there.
static inline bool is_still_at(const struct tally_list *list, size_t place, const struct tally_list_sight *sight,
                               const struct tally_object *item)
{
	bool is_there = tally_place_read(&sight->items[place]) == item; // before the rest is looked at again
	return tally_likely(is_there) && tally_list_is_as_seen(list, place, sight);
}

// The element at `place`, or NULL: that must be asked with the lock held.
static struct tally_object *read(struct tally_list *list, size_t place)
{
	struct tally_list_sight sight;
	if (!variant_may_read(&list->header) || !tally_list_see(list, place, &sight)) return NULL;
	struct tally_object *item = tally_place_read(&sight.items[place]);
	if (!item || (!variant_incref_own(item) && !variant_try_incref(item))) return NULL;
	if (is_still_at(list, place, &sight, item)) return item;
	unpin(item);
	return NULL;
}

// A negative index says something about two places at once, the element's and the end: without the lock these may be of two moments.
static struct tally_object *read_at(struct tally_list *list, ptrdiff_t index)
{
	return index < 0 ? NULL : read(list, (size_t)index);
}

static __attribute__((noinline)) tally_object *get_locked(struct tally_list *list, ptrdiff_t index)
{
	tally_object *item = NULL;
	size_t place;
	enum tally_hold hold = variant_lock_take(&list->header);
	size_t size = list->size;
	if (tally_likely(tally_items_find(index, size, &place))) {
		item = list->items[place];
		variant_incref_locked(item);
	}
	variant_lock_drop(&list->header, hold);
	return item ? item : tally_error_null(tally_error_index("list_get", index, size));
}

// get, set and append have a short form, which needs no stack frame: no point asks for anything, the list is free, its element is
// counted in place. What is not so goes on in a function of its own, or takes the usual way from the entry on.
static inline bool is_quiet_list(const tally_object *object)
{
	return tally_likely(!(tally_load(tally_self.poll, relaxed) & TALLY_ASKED) && object && object->type == TALLY_TYPE_LIST);
}

static __attribute__((noinline)) tally_object *get_usually(tally_object *object, ptrdiff_t index)
{
	struct tally_list *list = tally_list_enter("list_get", object);
	if (!list) return NULL;
	tally_object *item = read_at(list, index);
	return tally_likely(item != NULL) ? item : get_locked(list, index);
}

// The element of a list that was the thread's alone is not its own, or immortal.
static __attribute__((noinline)) tally_object *get_pinned(tally_object *object, tally_object *item, ptrdiff_t index)
{
	if (!variant_try_incref(item)) return get_locked((struct tally_list *)object, index);
	if (tally_likely(!variant_is_shared(object))) return item; // nobody else has changed the list before that
	unpin(item);
	return get_locked((struct tally_list *)object, index);
}

static __attribute__((noinline)) tally_object *get_again(struct tally_list *list, ptrdiff_t index, struct tally_object *pinned)
{
	unpin(pinned);
	return get_locked(list, index);
}

static __attribute__((noinline)) tally_object *get_foreign(struct tally_list *list, ptrdiff_t index, struct tally_object *item,
                                                           struct tally_list_sight sight)
{
	if (tally_unlikely(!item || !variant_try_incref(item))) return get_locked(list, index);
	return is_still_at(list, (size_t)index, &sight, item) ? item : get_again(list, index, item);
}

// As `read`, but in functions that save no registers. The list may be read, and the index is from the start, or it is locked.
static __attribute__((noinline)) tally_object *get_shared(tally_object *object, ptrdiff_t index)
{
	struct tally_list *list = (struct tally_list *)object;
	struct tally_list_sight sight;
	if (tally_unlikely(index < 0 || !tally_list_see(list, (size_t)index, &sight))) return get_locked(list, index);
	struct tally_object *item = tally_place_read(&sight.items[index]);
	if (tally_unlikely(!item || !variant_incref_own(item))) return get_foreign(list, index, item, sight);
	return is_still_at(list, (size_t)index, &sight, item) ? item : get_again(list, index, item);
}

// The short form is for the owner of a list that nobody else has changed yet: what has been read is all of one moment if that is
// still so afterwards. It is asked before the place is read, too, which may lie outside of the array otherwise.
tally_object *tally_list_get(tally_object *object, ptrdiff_t index)
{
	size_t place;
	if (tally_unlikely(!is_quiet_list(object) || !variant_may_read(object))) return get_usually(object, index);
	const struct tally_list *list = (struct tally_list *)object;
	size_t size = tally_list_size_now(list);
	struct tally_object **items = tally_list_array(list);
	if (tally_unlikely(!tally_items_find(index, size, &place) || variant_is_shared(object))) return get_shared(object, index);
	struct tally_object *item = tally_place_read(&items[place]);
	if (tally_unlikely(variant_is_shared(object))) return get_shared(object, index);
	return tally_likely(variant_incref_own(item)) ? item : get_pinned(object, item, index);
}

static __attribute__((noinline)) struct tally_object *at_locked(struct tally_list *list, size_t place)
{
	struct tally_object *item = NULL;
	enum tally_hold hold = variant_lock_take(&list->header);
	if (place < list->size) {
		item = list->items[place];
		variant_incref_locked(item);
	}
	variant_lock_drop(&list->header, hold);
	return item;
}

struct tally_object *tally_list_at(struct tally_list *list, size_t place)
{
	struct tally_object *item = read(list, place);
	return tally_likely(item != NULL) ? item : at_locked(list, place);
}

bool tally_is_list(const tally_object *object) { return object && object->type == TALLY_TYPE_LIST; }

// ---- changing one element ----

// Returns what stood there.
static inline struct tally_object *put(struct tally_list *list, size_t place, struct tally_object *value)
{
	struct tally_object *former = list->items[place];
	tally_place_set(&list->items[place], value);
	return former;
}

static __attribute__((noinline)) int set_usually(tally_object *object, ptrdiff_t index, tally_object *value)
{
	struct tally_list *list = list_for("list_set", object, value);
	tally_object *former = NULL;
	size_t place;
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	size_t size = list->size;
	if (tally_likely(tally_items_find(index, size, &place))) {
		variant_incref(value);
		former = put(list, place, value);
	}
	variant_lock_drop(object, hold);
	if (!former) return tally_error_index("list_set", index, size);
	tally_give_up(object, former);
	return 0;
}

static __attribute__((noinline)) int drop_former(const tally_object *object, tally_object *former)
{
	tally_give_up(object, former);
	return 0;
}

static __attribute__((noinline)) int wake_and_drop(tally_object *object, tally_object *former)
{
	variant_lock_wake(object);
	return drop_former(object, former);
}

// The list is locked by the quick way.
static __attribute__((noinline)) int set_counted(struct tally_list *list, size_t place, tally_object *value)
{
	variant_incref(value);
	tally_object *former = put(list, place, value);
	variant_lock_drop(&list->header, TALLY_HOLD_LIGHT);
	return drop_former(&list->header, former);
}

static __attribute__((noinline)) int set_nothing(tally_object *object, ptrdiff_t index, tally_object *value)
{
	variant_lock_drop(object, TALLY_HOLD_LIGHT);
	return set_usually(object, index, value);
}

int tally_list_set(tally_object *object, ptrdiff_t index, tally_object *value)
{
	size_t place;
	if (tally_unlikely(!is_quiet_list(object) || !value || !variant_lock_take_quick(object)))
		return set_usually(object, index, value);
	struct tally_list *list = (struct tally_list *)object;
	if (tally_unlikely(!tally_items_find(index, list->size, &place))) return set_nothing(object, index, value);
	if (tally_unlikely(!variant_incref_quick(value))) return set_counted(list, place, value);
	tally_object *former = put(list, place, value);
	if (tally_unlikely(!variant_lock_drop_quick(object))) return wake_and_drop(object, former);
	return tally_likely(!variant_lends(object) && variant_decref_quick(former)) ? 0 : drop_former(object, former);
}

// There is room.
static inline void push(struct tally_list *list, struct tally_object *value)
{
	tally_place_set(&list->items[list->size], value);
	tally_list_resize(list, list->size + 1);
}

static inline int append(struct tally_list *list, struct tally_object *value, const char *operation)
{
	struct tally_list_room room;
	enum tally_hold hold = variant_lock_take(&list->header);
	bool fits = tally_list_make_room(list, 1, &room);
	if (tally_likely(fits)) {
		variant_incref(value);
		push(list, value);
	}
	variant_lock_drop(&list->header, hold);
	if (tally_unlikely(!fits)) return tally_list_no_room(operation, &room);
	tally_list_leave_room(list, &room);
	return 0;
}

static __attribute__((noinline)) int append_usually(tally_object *object, tally_object *value)
{
	struct tally_list *list = list_for("list_append", object, value);
	return list ? append(list, value, "list_append") : -1;
}

static __attribute__((noinline)) int appended_and_wake(tally_object *object)
{
	variant_lock_wake(object);
	return 0;
}

// The list is locked by the quick way.
static __attribute__((noinline)) int append_counted(struct tally_list *list, tally_object *value)
{
	bool has_room = list->size < list->capacity;
	if (has_room) {
		variant_incref(value);
		push(list, value);
	}
	variant_lock_drop(&list->header, TALLY_HOLD_LIGHT);
	return has_room ? 0 : append_usually(&list->header, value);
}

int tally_list_append(tally_object *object, tally_object *value)
{
	if (tally_unlikely(!is_quiet_list(object) || !value || !variant_lock_take_quick(object))) return append_usually(object, value);
	struct tally_list *list = (struct tally_list *)object;
	if (tally_unlikely(list->size == list->capacity || !variant_incref_quick(value))) return append_counted(list, value);
	push(list, value);
	return tally_likely(variant_lock_drop_quick(object)) ? 0 : appended_and_wake(object);
}

int tally_list_add(struct tally_list *list, struct tally_object *value, const char *operation)
{
	return append(list, value, operation);
}

static size_t clamp(ptrdiff_t index, size_t size)
{
	if (index >= 0) return (size_t)index < size ? (size_t)index : size;
	size_t back = (size_t)0 - (size_t)index;
	return back < size ? size - back : 0;
}

// There is room.
static void put_between(struct tally_list *list, size_t place, struct tally_object *value, enum tally_hold hold)
{
	tally_list_move_begin(list);
	tally_list_shift(list, place + 1, place, list->size - place);
	tally_place_set(&list->items[place], value);
	tally_list_resize(list, list->size + 1);
	tally_list_move_end(list, hold);
}

int tally_list_insert(tally_object *object, ptrdiff_t index, tally_object *value)
{
	struct tally_list *list = list_for("list_insert", object, value);
	struct tally_list_room room;
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	bool fits = tally_list_make_room(list, 1, &room);
	if (fits) {
		variant_incref(value);
		put_between(list, clamp(index, list->size), value, hold);
	}
	variant_lock_drop(object, hold);
	if (!fits) return tally_list_no_room("list_insert", &room);
	tally_list_leave_room(list, &room);
	return 0;
}

// The list's reference becomes the caller's; where somebody may have borrowed the element (tally/share.h) it stays for as long.
static inline void hand_out(const tally_object *object, tally_object *item)
{
	if (tally_likely(!item || !variant_lends(object))) return;
	variant_incref(item);
	variant_retire(item);
}

tally_object *tally_list_pop(tally_object *object, ptrdiff_t index)
{
	struct tally_list *list = tally_list_enter("list_pop", object);
	struct tally_list_room room = {.replaced = NULL};
	tally_object *item = NULL;
	size_t place;
	if (!list) return NULL;
	enum tally_hold hold = variant_lock_take(object);
	size_t size = list->size;
	if (tally_likely(tally_items_find(index, size, &place))) {
		item = list->items[place];
		tally_list_take_out(list, place, hold, &room);
	}
	variant_lock_drop(object, hold);
	tally_list_leave_room(list, &room);
	hand_out(object, item);
	return item ? item : tally_error_null(tally_error_index("list_pop", index, size));
}

static inline void swap(struct tally_list *list, size_t left, size_t right)
{
	if (left != right) tally_place_set(&list->items[right], put(list, left, list->items[right]));
}

// Exchanges the elements at two places, of which there may be none. Returns which index is outside, or NULL.
static const ptrdiff_t *exchange(struct tally_list *list, const ptrdiff_t *a, const ptrdiff_t *b, enum tally_hold hold)
{
	size_t left, right;
	if (!tally_items_find(*a, list->size, &left)) return a;
	if (!tally_items_find(*b, list->size, &right)) return b;
	tally_list_move_begin(list);
	swap(list, left, right);
	tally_list_move_end(list, hold);
	return NULL;
}

int tally_list_swap(tally_object *object, ptrdiff_t a, ptrdiff_t b)
{
	struct tally_list *list = tally_list_enter("list_swap", object);
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	size_t size = list->size;
	const ptrdiff_t *outside = exchange(list, &a, &b, hold);
	variant_lock_drop(object, hold);
	return outside ? tally_error_index("list_swap", *outside, size) : 0;
}

// ---- changing many ----

// There is room. Returns how many have been copied: not all if there is a NULL. Readers may have an eye on a place behind the end,
// so with readers about they are looked through first.
static inline size_t append_each(struct tally_list *list, tally_object *const *items, size_t size)
{
	if (variant_is_shared(&list->header))
		for (size_t i = 0; i < size; i++)
			if (tally_unlikely(!items[i])) return 0;
	size_t there = copy(list->items + list->size, items, size);
	if (tally_likely(there == size)) tally_list_resize(list, list->size + size);
	return there;
}

int tally_list_extend(tally_object *object, tally_object *const *items, size_t size)
{
	struct tally_list *list = tally_list_enter("list_extend", object);
	struct tally_list_room room = {.wanted = size};
	if (!list) return -1;
	if (size > TALLY_LIST_LIMIT) return tally_list_no_room("list_extend", &room);
	if (!items && size) return tally_items_check("list_extend", items, size);
	enum tally_hold hold = variant_lock_take(object);
	bool fits = tally_list_make_room(list, size, &room);
	size_t there = fits ? append_each(list, items, size) : 0;
	variant_lock_drop(object, hold);
	if (!fits) return tally_list_no_room("list_extend", &room);
	tally_list_leave_room(list, &room);
	return tally_likely(there == size) ? 0 : take_back("list_extend", items, there, size);
}

int tally_list_reverse(tally_object *object)
{
	struct tally_list *list = tally_list_enter("list_reverse", object);
	if (!list) return -1;
	enum tally_hold hold = variant_lock_take(object);
	tally_list_move_begin(list);
	for (size_t i = 0, k = list->size; i + 1 < k; i++) swap(list, i, --k);
	tally_list_move_end(list, hold);
	variant_lock_drop(object, hold);
	return 0;
}

void tally_list_give_up(const struct tally_list *list, struct tally_object **items, size_t size)
{
	for (size_t i = size; i > 0; i--) tally_give_up(&list->header, items[i - 1]);
	tally_give_up_raw(&list->header, items);
}

static void clear(struct tally_object *object)
{
	struct tally_list *list = (struct tally_list *)object;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_object **items = list->items;
	size_t size = list->size;
	tally_list_detach(list);
	variant_lock_drop(object, hold);
	bool outer = tally_bury_later();
	tally_list_give_up(list, items, size);
	tally_bury_again(outer);
}

int tally_list_clear(tally_object *object)
{
	if (!tally_list_enter("list_clear", object)) return -1;
	clear(object);
	return 0;
}

// ---- the type ----

// Nobody has a reference, so nobody reads.
static void destroy(struct tally_object *object)
{
	struct tally_list *list = (struct tally_list *)object;
	for (size_t i = list->size; i > 0; i--) variant_decref(list->items[i - 1]);
	tally_raw_free(list->items);
}

static int length(struct tally_object *object, size_t *result)
{
	*result = tally_list_length((struct tally_list *)object);
	return 0;
}

static size_t owned(struct tally_object *object)
{
	enum tally_hold hold = variant_lock_take(object);
	const void *items = ((struct tally_list *)object)->items;
	size_t bytes = items ? tally_page_of(items)->block_size : 0;
	variant_lock_drop(object, hold);
	return bytes;
}

static int write_item(struct tally_object *item, bool first, struct tally_text *text)
{
	if (!first && tally_text_add_string(text, ", ")) return -1;
	return tally_object_repr(item, text);
}

// Each element is read by itself, since what shows it may be the host's code.
static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_object *item;
	if (tally_text_add_string(text, "[")) return -1;
	for (size_t i = 0; (item = tally_list_at((struct tally_list *)object, i)); i++) {
		int status = write_item(item, i == 0, text);
		variant_decref(item);
		if (status) return status;
	}
	return tally_text_add_string(text, "]");
}

const struct tally_type tally_list_type = {
	.name = "list",
	.index = TALLY_TYPE_LIST,
	.layout = TALLY_LAYOUT_ARRAY,
	.size = sizeof(struct tally_list),
	.destroy = destroy,
	.clear = clear,
	.equal = tally_list_equal,
	.compare = tally_list_compare,
	.repr = repr,
	.length = length,
	.owned = owned,
};
