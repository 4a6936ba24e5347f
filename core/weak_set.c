// core/weak_set.c: weak sets: tables of watchers without values (core/weak_keyed.h), and the algebra on top of them.
//
// Algebra goes through elements one by one (`each`), and does to a weak set what one element means for it. What elements are to be
// looked up in is a weak set, or else is made into a set first, which keeps all of them alive until the operation has ended.
//
// The size counts elements that are dying and have not left yet, so it decides nothing here: who compares looks at each element.
//
// I1  Whoever works with an element has a reference to it: what was alive when its turn came is alive until its step is done.
// I2  The watcher of a new element is made before the search that decides whether it is stored: equal elements that are alive never
//     stand side by side, unless one of them was dying and its finalizer has brought it back.
// I3  An operation that makes a weak set and fails has changed nothing; one that changes one fails between two elements.
// Any attached thread; two sets are never locked at once.
#include "error.h"
#include "iter.h"
#include "set.h"
#include "text.h"
#include "weak_keyed.h"

#include <tally/weakset.h>

// ---- arguments ----

bool tally_is_weak_set(const tally_object *object) { return object && object->type == TALLY_TYPE_WEAK_SET; }

static struct tally_weak_keyed *weak_set(const char *operation, tally_object *object)
{
	if (tally_likely(tally_is_weak_set(object))) return (struct tally_weak_keyed *)object;
	return tally_error_null(tally_error_type(operation, "a weak_set", object));
}

static struct tally_weak_keyed *set_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? weak_set(operation, object) : NULL;
}

// The same for operations that make objects: anchors, watchers, sets.
static struct tally_weak_keyed *set_to_make_from(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? weak_set(operation, object) : NULL;
}

static void drop(tally_object *object)
{
	if (object) variant_decref(object);
}

static void hand_out(tally_object *element, tally_object **place)
{
	if (place)
		*place = element;
	else
		variant_decref(element);
}

// ---- one element: 1 it is there, or has been changed, 0 not, -1 with the error set ----

static int no_element(const char *operation) { return tally_error_raise(TALLY_ERROR_VALUE, operation, "the element is NULL"); }

static int contains(struct tally_weak_keyed *set, tally_object *element, const char *operation)
{
	uint64_t hash;
	if (!tally_weakref_allows(element)) return element ? 0 : no_element(operation);
	struct tally_found found = tally_weak_keyed_find(set, element, &hash, operation);
	return tally_keyed_end_look(&set->own, element, &found);
}

// What add and discard begin with.
static struct tally_found look(struct tally_weak_keyed *set, tally_object *element, uint64_t *hash, const char *operation)
{
	if (tally_likely(tally_weakref_allows(element))) return tally_weak_keyed_find(set, element, hash, operation);
	if (element) tally_weakref_refuse(operation, element);
	else no_element(operation);
	return (struct tally_found){.state = TALLY_FIND_FAILED};
}

// Another thread may have added it meanwhile.
static int add_absent(struct tally_weak_keyed *set, tally_object *element, uint64_t hash, const char *operation)
{
	struct tally_watcher *watcher = tally_weak_keyed_watch(set, element, hash, operation);
	if (!watcher) return -1;
	struct tally_found found = tally_weak_keyed_find_hashed(set, element, hash, operation);
	int status = tally_set_store(&set->own, element, &watcher->ref.header, hash, &found, operation);
	variant_decref(&watcher->ref.header);
	return status;
}

// The caller has references to both.
static int add(struct tally_weak_keyed *set, tally_object *element, const char *operation)
{
	uint64_t hash;
	struct tally_found found = look(set, element, &hash, operation);
	int there = tally_keyed_end_look(&set->own, element, &found);
	if (there) return there < 0 ? -1 : 0;
	return add_absent(set, element, hash, operation);
}

static int discard(struct tally_weak_keyed *set, tally_object *element, const char *operation)
{
	uint64_t hash;
	struct tally_found found = look(set, element, &hash, operation);
	return tally_set_remove(&set->own, element, &found);
}

// ---- one after the other ----

struct walk {
	const char *operation;
	// What to do with an element. 0: go on; else the result of the walk.
	int (*step)(const struct walk *walk, tally_object *element);
	struct tally_weak_keyed *set; // that it is done to
	struct tally_dict *other;     // that elements are looked up in, or put into: a set or a weak set
	bool wanted;                  // whether they are to be there; whether an element that no weak set can have is an error
};

static int visit(struct tally_object *element, void *context)
{
	const struct walk *walk = context;
	return walk->step(walk, element);
}

static int each_of_set(struct tally_weak_keyed *set, const struct walk *walk)
{
	tally_object *element;
	size_t position = 0;
	int status = 0;
	while (status == 0 && (element = tally_weak_keyed_next(set, &position))) {
		status = walk->step(walk, element);
		variant_decref(element);
	}
	return status;
}

// Keeps what it uses: steps run code of the host's, which may drop it. 0, -1, or what a step returned.
static int each(tally_object *items, struct walk walk)
{
	tally_object *kept[] = {items, walk.set ? &walk.set->own.header : NULL, walk.other ? &walk.other->header : NULL};
	for (int i = 0; i < 3; i++) tally_incref(kept[i]);
	int status = tally_is_weak_set(items) ? each_of_set((struct tally_weak_keyed *)items, &walk)
	                                      : tally_object_each(items, visit, &walk, walk.operation);
	for (int i = 3; i > 0; i--) drop(kept[i - 1]);
	return status;
}

static int add_step(const struct walk *walk, tally_object *element)
{
	return add(walk->set, element, walk->operation) < 0 ? -1 : 0;
}

static int discard_step(const struct walk *walk, tally_object *element)
{
	return discard(walk->set, element, walk->operation) < 0 ? -1 : 0;
}

static int toggle_step(const struct walk *walk, tally_object *element)
{
	int removed = discard(walk->set, element, walk->operation);
	if (removed) return removed < 0 ? -1 : 0;
	return add_step(walk, element);
}

static int put_step(const struct walk *walk, tally_object *element)
{
	if (!tally_weakref_allows(element)) return walk->wanted ? tally_weakref_refuse(walk->operation, element) : 0;
	return tally_set_put(walk->other, element, walk->operation) < 0 ? -1 : 0;
}

static int is_in_other(const struct walk *walk, tally_object *element)
{
	if (!tally_is_weak_set(&walk->other->header)) return tally_keyed_contains(walk->other, element, walk->operation);
	return contains((struct tally_weak_keyed *)walk->other, element, walk->operation);
}

// Adds what is in the other one, or what is not.
static int filter_step(const struct walk *walk, tally_object *element)
{
	int there = is_in_other(walk, element);
	return there < 0 ? -1 : there == walk->wanted ? add_step(walk, element) : 0;
}

static int keep_step(const struct walk *walk, tally_object *element)
{
	int there = is_in_other(walk, element);
	return there < 0 ? -1 : there ? 0 : discard_step(walk, element);
}

// Ends the walk at the first element that is not as wanted.
static int test_step(const struct walk *walk, tally_object *element)
{
	int there = is_in_other(walk, element);
	return there < 0 ? -1 : there != walk->wanted;
}

// Whether all elements of `items` are, or are not, in `other`: 1, 0, -1.
static int test_each(tally_object *items, struct tally_dict *other, bool wanted, const char *operation)
{
	int status = each(items, (struct walk){operation, test_step, .other = other, .wanted = wanted});
	return status < 0 ? -1 : !status;
}

// ---- making ----

// The set, unless what was to fill it has failed.
static void *finish(tally_object *set, int status)
{
	if (status == 0) return set;
	variant_decref(set);
	return NULL;
}

// `items` themselves when they are a weak set, else a set of them; a new reference. NULL with the error set.
static struct tally_dict *searchable(tally_object *items, bool is_strict, const char *operation)
{
	if (tally_is_weak_set(items)) return (struct tally_dict *)tally_incref(items);
	struct tally_dict *made = tally_set_make(operation);
	if (!made) return NULL;
	return finish(&made->header, each(items, (struct walk){operation, put_step, .other = made, .wanted = is_strict}));
}

// The elements that there are at one moment are those of a set of the watchers.
static struct tally_dict *watchers_of(struct tally_weak_keyed *set, const char *operation)
{
	struct tally_dict *made = tally_set_make(operation);
	return made ? finish(&made->header, tally_keyed_copy(made, &set->own, operation)) : NULL;
}

static int add_watched(const struct walk *walk, tally_object *watcher)
{
	tally_object *element = tally_weakref_upgrade((struct tally_weakref *)watcher);
	if (!element) return 0;
	int status = add_step(walk, element);
	variant_decref(element);
	return status;
}

static int copy_into(struct tally_weak_keyed *made, struct tally_weak_keyed *set, const char *operation)
{
	struct tally_dict *watchers = watchers_of(set, operation);
	if (!watchers) return -1;
	int status = each(&watchers->header, (struct walk){operation, add_watched, .set = made});
	variant_decref(&watchers->header);
	return status;
}

static struct tally_weak_keyed *make(const char *operation) { return tally_weak_keyed_make(TALLY_TYPE_WEAK_SET, operation); }

static struct tally_weak_keyed *copy(struct tally_weak_keyed *set, const char *operation)
{
	struct tally_weak_keyed *made = set ? make(operation) : NULL;
	return made ? finish(&made->own.header, copy_into(made, set, operation)) : NULL;
}

tally_object *tally_weak_set_new(tally_object *items)
{
	static const char operation[] = "weak_set_new";
	if (!tally_enter_new(operation)) return NULL;
	if (tally_is_weak_set(items)) return (tally_object *)copy((struct tally_weak_keyed *)items, operation);
	struct tally_weak_keyed *made = make(operation);
	if (!made || !items) return (tally_object *)made;
	return finish(&made->own.header, each(items, (struct walk){operation, add_step, .set = made}));
}

tally_object *tally_weak_set_copy(tally_object *object)
{
	return (tally_object *)copy(set_to_make_from("weak_set_copy", object), "weak_set_copy");
}

// ---- reading ----

int tally_weak_set_size(tally_object *object, size_t *size)
{
	return set_of("weak_set_size", object) ? tally_keyed_length(object, size) : -1;
}

int tally_weak_set_contains(tally_object *object, tally_object *element)
{
	struct tally_weak_keyed *set = set_of("weak_set_contains", object);
	return set ? contains(set, element, "weak_set_contains") : -1;
}

int tally_weak_set_next(tally_object *object, size_t *position, tally_object **element)
{
	struct tally_weak_keyed *set = set_of("weak_set_next", object);
	if (!set) return -1;
	tally_object *found = tally_weak_keyed_next(set, position);
	if (found) hand_out(found, element);
	return found != NULL;
}

int tally_weak_set_is_subset(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_is_subset", object);
	struct tally_dict *other = set ? searchable(items, false, "weak_set_is_subset") : NULL;
	int status = other ? test_each(object, other, true, "weak_set_is_subset") : -1;
	drop(other ? &other->header : NULL);
	return status;
}

int tally_weak_set_is_superset(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_is_superset", object);
	return set ? test_each(items, &set->own, true, "weak_set_is_superset") : -1;
}

int tally_weak_set_is_disjoint(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_is_disjoint", object);
	return set ? test_each(items, &set->own, false, "weak_set_is_disjoint") : -1;
}

// ---- changing ----

int tally_weak_set_add(tally_object *object, tally_object *element)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_add", object);
	if (!set) return -1;
	tally_incref(object);
	tally_incref(element);
	int status = add(set, element, "weak_set_add");
	drop(element);
	variant_decref(object);
	return status;
}

int tally_weak_set_discard(tally_object *object, tally_object *element)
{
	struct tally_weak_keyed *set = set_of("weak_set_discard", object);
	return set ? discard(set, element, "weak_set_discard") : -1;
}

// The last entry whose element can be had, and a new reference to that in *element. NULL: there is none, or what is in *element has been
// pinned by mistake. An element that is dying is passed over: its watcher removes it, or its finalizer brings it back.
static struct tally_entry *last_alive(struct tally_table *table, tally_object **element)
{
	struct tally_entry *entries = table ? tally_table_entries(table) : NULL, *last = table ? tally_table_last(table) : NULL;
	*element = NULL;
	for (size_t i = last ? (size_t)(last - entries) + 1 : 0; i > 0 && !*element; i--) {
		struct tally_weakref *watcher = (struct tally_weakref *)entries[i - 1].key;
		if (watcher && tally_weak_keyed_upgrade(watcher, element)) return &entries[i - 1];
	}
	return NULL;
}

static bool try_pop(struct tally_weak_keyed *set, tally_object **element)
{
	struct tally_found found = {.hold = variant_lock_take(&set->own.header)};
	found.entry = last_alive(set->own.table, element);
	return tally_set_remove(&set->own, NULL, &found);
}

static tally_object *pop(struct tally_weak_keyed *set)
{
	tally_object *element;
	while (!try_pop(set, &element) && element) tally_unpin(element);
	return element;
}

int tally_weak_set_pop(tally_object *object, tally_object **element)
{
	struct tally_weak_keyed *set = set_of("weak_set_pop", object);
	if (element) *element = NULL;
	tally_object *popped = set ? pop(set) : NULL;
	if (popped) hand_out(popped, element);
	return set ? popped != NULL : -1;
}

int tally_weak_set_clear(tally_object *object)
{
	if (!set_of("weak_set_clear", object)) return -1;
	tally_keyed_clear(object);
	return 0;
}

static bool is_with_itself(struct tally_weak_keyed *set, const tally_object *items) { return &set->own.header == items; }

int tally_weak_set_update(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_update", object);
	if (!set || is_with_itself(set, items)) return set ? 0 : -1;
	return each(items, (struct walk){"weak_set_update", add_step, .set = set});
}

int tally_weak_set_subtract_update(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_subtract_update", object);
	if (!set) return -1;
	if (!is_with_itself(set, items)) return each(items, (struct walk){"weak_set_subtract_update", discard_step, .set = set});
	tally_keyed_clear(object);
	return 0;
}

int tally_weak_set_intersect_update(tally_object *object, tally_object *items)
{
	static const char operation[] = "weak_set_intersect_update";
	struct tally_weak_keyed *set = set_to_make_from(operation, object);
	if (!set || is_with_itself(set, items)) return set ? 0 : -1;
	struct tally_dict *other = searchable(items, true, operation);
	int status = other ? each(object, (struct walk){operation, keep_step, set, other, true}) : -1;
	drop(other ? &other->header : NULL);
	return status;
}

// Each element of `items` counts once: what may have it twice is made into a set first.
static int toggle(struct tally_weak_keyed *set, tally_object *items, const char *operation)
{
	struct tally_dict *other = searchable(items, true, operation);
	int status = other ? each(&other->header, (struct walk){operation, toggle_step, .set = set}) : -1;
	drop(other ? &other->header : NULL);
	return status;
}

int tally_weak_set_toggle_update(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_toggle_update", object);
	if (!set) return -1;
	if (!is_with_itself(set, items)) return toggle(set, items, "weak_set_toggle_update");
	tally_keyed_clear(object);
	return 0;
}

// ---- algebra ----

tally_object *tally_weak_set_union(tally_object *object, tally_object *items)
{
	struct tally_weak_keyed *set = set_to_make_from("weak_set_union", object), *made = copy(set, "weak_set_union");
	return made ? finish(&made->own.header, each(items, (struct walk){"weak_set_union", add_step, .set = made})) : NULL;
}

// Those of the set that are among `items`, or that are not.
static tally_object *filter(tally_object *object, tally_object *items, bool wanted, const char *operation)
{
	struct tally_dict *other = set_to_make_from(operation, object) ? searchable(items, true, operation) : NULL;
	struct tally_weak_keyed *made = other ? make(operation) : NULL;
	int status = made ? each(object, (struct walk){operation, filter_step, made, other, wanted}) : -1;
	drop(other ? &other->header : NULL);
	return made ? finish(&made->own.header, status) : NULL;
}

tally_object *tally_weak_set_intersection(tally_object *object, tally_object *items)
{
	return filter(object, items, true, "weak_set_intersection");
}

tally_object *tally_weak_set_difference(tally_object *object, tally_object *items)
{
	return filter(object, items, false, "weak_set_difference");
}

tally_object *tally_weak_set_symmetric_difference(tally_object *object, tally_object *items)
{
	static const char operation[] = "weak_set_symmetric_difference";
	struct tally_weak_keyed *made = copy(set_to_make_from(operation, object), operation);
	return made ? finish(&made->own.header, toggle(made, items, operation)) : NULL;
}

// ---- the type ----

static int is_within(struct tally_object *a, struct tally_object *b, const char *operation)
{
	return a == b ? 1 : test_each(a, (struct tally_dict *)b, true, operation);
}

// The sizes tell nothing: they count the dying, too. Of weak sets that change meanwhile the answer may belong to no single moment.
static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	if (!tally_nest(operation)) return -1;
	int same = is_within(a, b, operation);
	if (same == 1) same = is_within(b, a, operation);
	tally_unnest();
	return same;
}

static int compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation)
{
	bool turned = comparison == TALLY_GT || comparison == TALLY_GE,
	     proper = comparison == TALLY_LT || comparison == TALLY_GT;
	struct tally_object *less = turned ? b : a, *more = turned ? a : b;
	if (!tally_nest(operation)) return -1;
	int status = is_within(less, more, operation), back = proper && status == 1 ? is_within(more, less, operation) : 0;
	tally_unnest();
	return back ? (back < 0 ? -1 : 0) : status;
}

static int write_element(tally_object *element, const char *before, struct tally_text *text)
{
	int status = tally_text_add_string(text, before);
	if (status == 0) status = tally_object_repr(element, text);
	variant_decref(element);
	return status;
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_weak_keyed *set = (struct tally_weak_keyed *)object;
	size_t position = 0;
	tally_object *element = tally_weak_keyed_next(set, &position);
	const char *before = "weak_set({";
	if (!element) return tally_text_add_string(text, "weak_set()");
	for (; element; element = tally_weak_keyed_next(set, &position), before = ", ")
		if (write_element(element, before, text)) return -1;
	return tally_text_add_string(text, "})");
}

const struct tally_type tally_weak_set_type = {
	.name = "weak_set",
	.index = TALLY_TYPE_WEAK_SET,
	.layout = TALLY_LAYOUT_ENTRIES,
	.size = sizeof(struct tally_weak_keyed),
	.weak = offsetof(struct tally_weak_keyed, anchor),
	.destroy = tally_keyed_destroy,
	.clear = tally_keyed_clear,
	.equal = equal,
	.compare = compare,
	.repr = repr,
	.length = tally_keyed_length,
	.owned = tally_keyed_owned,
};
