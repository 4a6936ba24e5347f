// core/list_slice.c: lists made of other lists, tuples and iterables, and parts of lists that are replaced.
//
// A new list is its maker's alone, so it is filled under the source's lock only, and what it needs is allocated there: a
// slice is as of one moment. Two lists are never locked at once: of two sources each is as of a moment of its own.
//
// I1  An operation that fails has changed nothing, but for extending by an iterator: what came before the failure stays.
// I2  Elements that a change takes out are given up after the unlock.
// Any attached thread.
#include "list.h"
#include "gather.h"
#include "items.h"
#include "iter.h"
#include "slice.h"
#include "tuple.h"

#include <tally/list.h>

#include <string.h>

enum { ITEM = TALLY_LIST_ITEM, FEW = 16 };

// Gives up a list that could not be completed, after the error has been set.
static tally_object *abandon(struct tally_list *made, int raised)
{
	variant_decref(&made->header);
	return tally_error_null(raised);
}

// ---- parts ----

static void store_slice(struct tally_list *made, const struct tally_list *from, const struct tally_slice *slice)
{
	for (size_t i = 0; i < slice->count; i++)
		tally_list_store(made, &from->items[slice->start + i * (size_t)slice->step], 1);
}

tally_object *tally_list_slice(tally_object *object, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	if (!tally_enter_new("list_slice")) return NULL;
	struct tally_list *list = tally_list_check("list_slice", object), *made;
	struct tally_list_room room;
	if (!list || tally_slice_check("list_slice", step) || !(made = tally_list_make("list_slice", 0))) return NULL;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_slice slice = tally_slice_of(list->size, start, stop, step);
	room.wanted = slice.count;
	bool fits = slice.count == 0 || tally_list_move(made, slice.count, &room);
	if (fits) store_slice(made, list, &slice);
	variant_lock_drop(object, hold);
	return fits ? &made->header : abandon(made, tally_list_no_room("list_slice", &room));
}

// Appends the elements of `from`, as of one moment, to `made`, which is the caller's alone; leaves room for `more`.
static bool append_all(struct tally_list *made, struct tally_list *from, size_t more, struct tally_list_room *room)
{
	enum tally_hold hold = variant_lock_take(&from->header);
	size_t wanted = (size_t)made->size + from->size + more;
	room->replaced = NULL;
	room->wanted = wanted;
	bool fits = wanted <= TALLY_LIST_LIMIT && (wanted <= made->capacity || tally_list_move(made, wanted, room));
	if (fits) tally_list_store(made, from->items, from->size);
	variant_lock_drop(&from->header, hold);
	if (fits) tally_raw_free(room->replaced);
	return fits;
}

tally_object *tally_list_concat(tally_object *a, tally_object *b)
{
	if (!tally_enter_new("list_concat")) return NULL;
	struct tally_list *left = tally_list_check("list_concat", a), *right, *made;
	struct tally_list_room room;
	if (!left || !(right = tally_list_check("list_concat", b)) || !(made = tally_list_make("list_concat", 0))) return NULL;
	bool fits = append_all(made, left, tally_list_length(right), &room) && append_all(made, right, 0, &room);
	return fits ? &made->header : abandon(made, tally_list_no_room("list_concat", &room));
}

// The elements once, with room for all of them.
static bool begin_repeat(struct tally_list *made, struct tally_list *from, size_t times, struct tally_list_room *room)
{
	enum tally_hold hold = variant_lock_take(&from->header);
	size_t size = from->size;
	room->wanted = size <= TALLY_LIST_LIMIT / times ? size * times : SIZE_MAX;
	bool fits = size == 0 || (room->wanted <= TALLY_LIST_LIMIT && tally_list_move(made, room->wanted, room));
	if (fits) tally_list_store(made, from->items, size);
	variant_lock_drop(&from->header, hold);
	return fits;
}

tally_object *tally_list_repeat(tally_object *object, size_t times)
{
	if (!tally_enter_new("list_repeat")) return NULL;
	struct tally_list *list = tally_list_check("list_repeat", object), *made;
	struct tally_list_room room;
	if (!list || !(made = tally_list_make("list_repeat", 0))) return NULL;
	if (times == 0) return &made->header;
	if (!begin_repeat(made, list, times, &room)) return abandon(made, tally_list_no_room("list_repeat", &room));
	size_t size = made->size;
	for (size_t i = 1; i < times && size; i++) tally_list_store(made, made->items, size);
	return &made->header;
}

// ---- of what can be iterated ----

struct appending {
	struct tally_list *list;
	const char *operation;
};

static int append_one(struct tally_object *item, void *context)
{
	const struct appending *appending = context;
	return tally_list_add(appending->list, item, appending->operation);
}

static int append_each(struct tally_list *list, tally_object *items, const char *operation)
{
	struct appending appending = {list, operation};
	return tally_object_each(items, append_one, &appending, operation);
}

static bool is_sequence(const tally_object *items)
{
	return items && (items->type == TALLY_TYPE_LIST || items->type == TALLY_TYPE_TUPLE);
}

// Appends the elements of a tuple or a list at once; it may be the list itself.
static int append_sequence(struct tally_list *list, tally_object *items, const char *operation)
{
	struct tally_gathered gathered;
	struct tally_list_room room;
	if (tally_gather_items(&gathered, items, operation)) return -1;
	enum tally_hold hold = variant_lock_take(&list->header);
	bool fits = tally_list_make_room(list, gathered.size, &room);
	if (fits) tally_list_store(list, gathered.items, gathered.size);
	variant_lock_drop(&list->header, hold);
	if (fits) tally_list_leave_room(list, &room);
	tally_gather_end(&gathered);
	return fits ? 0 : tally_list_no_room(operation, &room);
}

int tally_list_extend_from(tally_object *object, tally_object *items)
{
	static const char operation[] = "list_extend_from";
	if (!tally_enter_run(operation)) return -1;
	struct tally_list *list = tally_list_check(operation, object);
	if (!list) return -1;
	return is_sequence(items) ? append_sequence(list, items, operation) : append_each(list, items, operation);
}

static int fill(struct tally_list *made, tally_object *items)
{
	struct tally_list_room room;
	if (!items || items->type != TALLY_TYPE_LIST)
		return is_sequence(items) ? append_sequence(made, items, "list_of") : append_each(made, items, "list_of");
	return append_all(made, (struct tally_list *)items, 0, &room) ? 0 : tally_list_no_room("list_of", &room);
}

tally_object *tally_list_of(tally_object *items)
{
	if (!tally_enter_run("list_of")) return NULL;
	struct tally_list *made = tally_list_make("list_of", 0);
	if (!made) return NULL;
	return fill(made, items) ? abandon(made, -1) : &made->header;
}

// ---- replacing ----

// Elements that have been taken out.
struct removed {
	struct tally_object **items; // `few`, a raw buffer, the list's former array, or NULL
	size_t size;
	struct tally_object *few[FEW];
};

// Copies them out. False: no memory.
static bool copy_out(struct removed *removed, struct tally_object *const *items)
{
	removed->items = removed->size <= FEW ? removed->few : tally_raw_new(removed->size * ITEM);
	if (removed->items && removed->size) memcpy(removed->items, items, removed->size * ITEM);
	return removed->items != NULL;
}

// All of them, with their array: needs no memory.
static bool take_all(struct removed *removed, struct tally_list *list)
{
	removed->items = list->items;
	tally_list_detach(list);
	return true;
}

static void give_up(const struct tally_list *list, struct removed *removed)
{
	bool outer = tally_bury_later();
	for (size_t i = removed->size; i > 0; i--) tally_give_up(&list->header, removed->items[i - 1]);
	if (removed->items != removed->few) tally_give_up_raw(&list->header, removed->items);
	tally_bury_again(outer);
}

// The lock is held, and there is room.
static void put_in(struct tally_list *list, const struct tally_slice *slice, tally_object *const *items, size_t size)
{
	size_t behind = list->size - slice->start - slice->count, total = slice->start + size + behind;
	for (size_t i = 0; i < size; i++) variant_incref(items[i]);
	if (size != slice->count) tally_list_shift(list, slice->start + size, slice->start + slice->count, behind);
	for (size_t i = 0; i < size; i++) tally_place_set(&list->items[slice->start + i], items[i]);
	if (total < list->size) tally_list_cut(list, total);
	else tally_list_resize(list, total);
}

// The lock is held. False: no memory; nothing has changed.
static bool replace(struct tally_list *list, const struct tally_slice *slice, tally_object *const *items, size_t size,
                    struct removed *removed, struct tally_list_room *room)
{
	removed->size = slice->count;
	room->replaced = NULL;
	room->wanted = slice->count;
	if (slice->count == list->size && size == 0) return take_all(removed, list);
	if (!copy_out(removed, list->items ? list->items + slice->start : NULL)) return false;
	if (size > slice->count && !tally_list_make_room(list, size - slice->count, room)) return false;
	put_in(list, slice, items, size);
	if (size < slice->count) tally_list_shrink(list, room);
	return true;
}

int tally_list_set_slice(tally_object *object, ptrdiff_t start, ptrdiff_t stop, tally_object *const *items, size_t size)
{
	static const char operation[] = "list_set_slice";
	struct tally_list *list = tally_list_enter(operation, object);
	struct tally_list_room room = {.wanted = size};
	struct removed removed;
	if (!list) return -1;
	if (size > TALLY_LIST_LIMIT) return tally_list_no_room(operation, &room);
	if (tally_items_check(operation, items, size)) return -1;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_slice slice = tally_slice_of(list->size, start, stop, 1);
	tally_list_move_begin(list);
	bool done = replace(list, &slice, items, size, &removed, &room);
	tally_list_move_end(list, hold);
	variant_lock_drop(object, hold);
	if (done) tally_list_leave_room(list, &room);
	else removed.size = 0;
	give_up(list, &removed);
	return done ? 0 : tally_list_no_room(operation, &room);
}
