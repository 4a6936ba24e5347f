// core/list_search.c: what compares the elements of a list: index, contains, count, remove, equality and order.
//
// Comparing may run the host's code, so an element is compared with a reference to it and without the lock; what was found
// is looked at again before it is relied on. Where both sides are plain (tally_object_is_plain) the comparison is leaf work,
// and the search goes through them under the lock.
//
// I1  No code of the host's runs under the lock.
// I2  What remove takes out is the object that was compared, at the place where it was found.
// Any attached thread; two lists are never locked at once.
#include "list.h"
#include "order.h"

#include <tally/list.h>

// ---- searching ----

// Where a search stands.
struct search {
	struct tally_list *list;
	struct tally_object *value;
	const char *operation;
	size_t place;
	struct tally_object *found; // at `place`, perhaps no longer; a reference of the search's
};

// The first element from `place` on that equals the value, or that cannot be compared under the lock. False: none.
static bool skip_unequal(struct search *search, bool is_plain)
{
	struct tally_list *list = search->list;
	for (; search->place < list->size; search->place++) {
		struct tally_object *item = list->items[search->place];
		if (item == search->value || !is_plain || !tally_object_is_plain(item)) return true;
		if (tally_object_equal(item, search->value, search->operation)) return true;
	}
	return false;
}

// Takes a reference to that element. False: there is none.
static bool look(struct search *search)
{
	bool is_plain = tally_object_is_plain(search->value);
	enum tally_hold hold = variant_lock_take(&search->list->header);
	bool is_there = skip_unequal(search, is_plain);
	if (is_there) {
		search->found = search->list->items[search->place];
		variant_incref(search->found);
	}
	variant_lock_drop(&search->list->header, hold);
	return is_there;
}

// The next element equal to the value, from `place` on. 1 with a reference in `found`; 0; -1 with the error set.
static int find(struct search *search)
{
	for (; look(search); search->place++) {
		int same = tally_object_equal(search->found, search->value, search->operation);
		if (same == 1) return 1;
		variant_decref(search->found);
		if (same < 0) return -1;
	}
	return 0;
}

// The opening of the operations.
static bool begin(struct search *search, const char *operation, tally_object *list, tally_object *value)
{
	*search = (struct search){.list = tally_list_enter_with(operation, list, value, "value"), value, operation, 0, NULL};
	return search->list != NULL;
}

int tally_list_index(tally_object *object, tally_object *value, size_t *index)
{
	struct search search;
	if (!begin(&search, "list_index", object, value)) return -1;
	int found = find(&search);
	if (found != 1) return found;
	*index = search.place;
	variant_decref(search.found);
	return 1;
}

int tally_list_contains(tally_object *object, tally_object *value)
{
	struct search search;
	if (!begin(&search, "list_contains", object, value)) return -1;
	int found = find(&search);
	if (found == 1) variant_decref(search.found);
	return found;
}

int tally_list_count(tally_object *object, tally_object *value, size_t *count)
{
	struct search search;
	size_t times = 0;
	int found;
	if (!begin(&search, "list_count", object, value)) return -1;
	for (; (found = find(&search)) == 1; search.place++) {
		variant_decref(search.found);
		times++;
	}
	if (found == 0) *count = times;
	return found;
}

// ---- removing ----

// Takes out what was found, unless it has gone from its place.
static bool take_out(struct search *search)
{
	struct tally_list *list = search->list;
	struct tally_list_room room = {.replaced = NULL};
	enum tally_hold hold = variant_lock_take(&list->header);
	bool is_there = search->place < list->size && list->items[search->place] == search->found;
	if (is_there) tally_list_take_out(list, search->place, hold, &room);
	variant_lock_drop(&list->header, hold);
	tally_list_leave_room(list, &room);
	return is_there;
}

// When it has gone, the search goes on at the same place: what stood behind may have moved there.
int tally_list_remove(tally_object *object, tally_object *value)
{
	struct search search;
	int found;
	if (!begin(&search, "list_remove", object, value)) return -1;
	while ((found = find(&search)) == 1) {
		bool is_out = take_out(&search);
		variant_decref(search.found);
		if (!is_out) continue;
		tally_give_up(object, search.found); // the list's
		return 1;
	}
	return found;
}

// ---- equality and order ----

// The first elements that differ.
struct difference {
	struct tally_object *left, *right; // new references; NULL beyond the end
};

static void drop(const struct difference *difference)
{
	if (difference->left) variant_decref(difference->left);
	if (difference->right) variant_decref(difference->right);
}

// 1 with the references; 0: there is none; -1. Each element is read by itself: of lists that change meanwhile the answer may
// belong to no single moment.
static int find_difference(struct tally_object *a, struct tally_object *b, struct difference *found, const char *operation)
{
	for (size_t i = 0;; i++) {
		*found = (struct difference){tally_list_at((struct tally_list *)a, i), tally_list_at((struct tally_list *)b, i)};
		if (!found->left || !found->right) return found->left || found->right;
		int same = tally_object_equal(found->left, found->right, operation);
		if (same == 0) return 1;
		drop(found);
		if (same < 0) return -1;
	}
}

int tally_list_equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	struct difference found;
	if (a == b) return 1;
	if (tally_list_length((struct tally_list *)a) != tally_list_length((struct tally_list *)b)) return 0;
	if (!tally_nest(operation)) return -1;
	int differ = find_difference(a, b, &found, operation);
	tally_unnest();
	if (differ == 1) drop(&found);
	return differ < 0 ? -1 : !differ;
}

static int compare_first_difference(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison,
                                    const char *operation)
{
	struct difference found;
	int result = find_difference(a, b, &found, operation);
	if (result < 0) return -1;
	if (result == 0) return tally_order_holds(0, comparison);
	if (found.left && found.right) result = tally_object_compare(found.left, found.right, comparison, operation);
	else result = tally_order_holds(found.left ? 1 : -1, comparison); // the shorter one comes first
	drop(&found);
	return result;
}

int tally_list_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	if (!tally_nest(operation)) return -1;
	int result = compare_first_difference(a, b, comparison, operation);
	tally_unnest();
	return result;
}
