// core/set.c: sets and frozensets: tables of keys without values (core/keyed.h), and the algebra on top of them.
//
// Whatever gives elements is gone through one by one (`each`): the elements of a dict or set with the hashes that its table
// has, those of anything else by an iterator, and hashed here. A step does to a set what one element means for it, in one hold
// of the set's lock. Where the elements must be looked up, too, what is no dict or set is made into a set first.
//
// The hash of a frozenset is a sum over the hashes in its table, the same in any order. It is computed each time: it asks no
// element, runs no code of the host's and cannot fail.
//
// I1  The table of a frozenset does not change once the frozenset has been returned: it is built by its constructor alone.
// I2  An operation that makes a set and fails has changed nothing; one that changes a set fails between two elements.
// Any attached thread; two sets are never locked at once.
#include "set.h"
#include "error.h"
#include "hash.h"
#include "iter.h"
#include "keyed.h"
#include "object.h"
#include "text.h"

#include <tally/set.h>

// ---- arguments ----

static inline struct tally_dict *readable(const char *operation, tally_object *object)
{
	if (tally_likely(object && tally_object_is_set(object))) return (struct tally_dict *)object;
	return tally_error_null(tally_error_type(operation, "a set or frozenset", object));
}

static inline struct tally_dict *changeable(const char *operation, tally_object *object)
{
	if (tally_likely(object && object->type == TALLY_TYPE_SET)) return (struct tally_dict *)object;
	return tally_error_null(tally_error_type(operation, "a set", object));
}

static inline struct tally_dict *set_of(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? readable(operation, object) : NULL;
}

static inline struct tally_dict *set_to_change(const char *operation, tally_object *object)
{
	return tally_enter(operation) ? changeable(operation, object) : NULL;
}

// The same for operations that make objects, an iterator perhaps.
static struct tally_dict *set_to_make_from(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? readable(operation, object) : NULL;
}

static struct tally_dict *set_to_update(const char *operation, tally_object *object)
{
	return tally_enter_new(operation) ? changeable(operation, object) : NULL;
}

static bool has_table(const struct tally_object *object)
{
	return object && (object->type == TALLY_TYPE_DICT || tally_object_is_set(object));
}

static tally_object *hold(tally_object *object)
{
	if (object) variant_incref(object);
	return object;
}

static void drop(tally_object *object)
{
	if (object) variant_decref(object);
}

static size_t size_of(struct tally_dict *set)
{
	size_t size;
	tally_keyed_length(&set->header, &size);
	return size;
}

// ---- one after the other ----

struct walk {
	const char *operation;
	// What to do with an element. 0: go on; else the result of the walk.
	int (*step)(const struct walk *walk, tally_object *element, uint64_t hash);
	struct tally_dict *set;   // that it is done to
	struct tally_dict *other; // that elements are looked up in
	bool wanted;              // whether they are to be there
};

static int add_step(const struct walk *walk, tally_object *element, uint64_t hash);

static int step_hashed(struct tally_object *element, void *context)
{
	const struct walk *walk = context;
	uint64_t hash;
	return tally_object_hash(element, &hash, walk->operation) ? -1 : walk->step(walk, element, hash);
}

static int add_each_of_table(struct tally_dict *items, const struct walk *walk);

static int each_of_table(struct tally_dict *items, const struct walk *walk)
{
	if (walk->step == add_step) return add_each_of_table(items, walk);
	struct tally_entry entry;
	size_t position = 0;
	int status = 0;
	while (status == 0 && tally_keyed_next(items, &position, &entry)) {
		status = walk->step(walk, entry.key, entry.hash);
		drop(entry.value);
		variant_decref(entry.key);
	}
	return status;
}

// Keeps what it uses: steps run code of the host's, which may drop it. 0, -1, or what a step returned.
static int each(tally_object *items, struct walk walk)
{
	tally_object *kept[] = {items, walk.set ? &walk.set->header : NULL, walk.other ? &walk.other->header : NULL};
	for (int i = 0; i < 3; i++) hold(kept[i]);
	int status = has_table(items) ? each_of_table((struct tally_dict *)items, &walk)
	                              : tally_object_each(items, step_hashed, &walk, walk.operation);
	for (int i = 3; i > 0; i--) drop(kept[i - 1]);
	return status;
}

static int add_step(const struct walk *walk, tally_object *element, uint64_t hash)
{
	struct tally_found found = tally_keyed_find_hashed(walk->set, element, hash, walk->operation);
	return tally_set_store(walk->set, element, element, hash, &found, walk->operation) < 0 ? -1 : 0;
}

// Many in one hold of the set's lock; one that must be compared by code of the host's, or for which there is no room, alone.
static int add_some(const struct walk *walk, struct tally_entry *entries, size_t count)
{
	int status = 0;
	for (size_t i = 0; i < count; i++) {
		drop(entries[i].value);
		entries[i].value = NULL;
	}
	for (size_t added = 0; added < count && status == 0;) {
		added += tally_keyed_store_some(walk->set, entries + added, count - added);
		if (added == count) break;
		status = add_step(walk, entries[added].key, entries[added].hash);
		added++;
	}
	tally_keyed_drop_some(walk->set, entries, count);
	return status;
}

static int add_each_of_table(struct tally_dict *items, const struct walk *walk)
{
	struct tally_entry entries[TALLY_KEYED_BATCH];
	size_t position = 0, count;
	int status = 0;
	while (status == 0 && (count = tally_keyed_next_some(items, &position, entries))) status = add_some(walk, entries, count);
	return status;
}

static int discard_step(const struct walk *walk, tally_object *element, uint64_t hash)
{
	struct tally_found found = tally_keyed_find_hashed(walk->set, element, hash, walk->operation);
	return tally_set_remove(walk->set, element, &found) < 0 ? -1 : 0;
}

static int toggle_step(const struct walk *walk, tally_object *element, uint64_t hash)
{
	struct tally_found found = tally_keyed_find_hashed(walk->set, element, hash, walk->operation);
	int status = found.entry ? tally_set_remove(walk->set, element, &found)
	                         : tally_set_store(walk->set, element, element, hash, &found, walk->operation);
	return status < 0 ? -1 : 0;
}

// Adds what is in the other one, or what is not.
static int filter_step(const struct walk *walk, tally_object *element, uint64_t hash)
{
	int there = tally_keyed_contains_hashed(walk->other, element, hash, walk->operation);
	return there < 0 ? -1 : there == walk->wanted ? add_step(walk, element, hash) : 0;
}

static int keep_step(const struct walk *walk, tally_object *element, uint64_t hash)
{
	int there = tally_keyed_contains_hashed(walk->other, element, hash, walk->operation);
	return there < 0 ? -1 : there ? 0 : discard_step(walk, element, hash);
}

// Ends the walk at the first element that is not as wanted.
static int test_step(const struct walk *walk, tally_object *element, uint64_t hash)
{
	int there = tally_keyed_contains_hashed(walk->other, element, hash, walk->operation);
	return there < 0 ? -1 : there != walk->wanted;
}

// ---- making ----

static struct tally_dict *make(unsigned type, const char *operation)
{
	struct tally_dict *set = (struct tally_dict *)tally_object_new(type, sizeof *set, TALLY_LAYOUT_ENTRIES);
	if (!set) return tally_error_null(tally_error_memory(operation, sizeof *set));
	set->used = set->replacements = 0;
	set->table = NULL;
	return set;
}

struct tally_dict *tally_set_make(const char *operation) { return make(TALLY_TYPE_SET, operation); }

// The set, unless what was to fill it has failed.
static tally_object *finish(struct tally_dict *set, int status)
{
	if (status == 0) return &set->header;
	variant_decref(&set->header);
	return NULL;
}

static tally_object *copy(struct tally_dict *set, unsigned type, const char *operation)
{
	struct tally_dict *made = make(type, operation);
	return made ? finish(made, tally_keyed_copy(made, set, operation)) : NULL;
}

static tally_object *make_of(unsigned type, tally_object *items, const char *operation)
{
	if (items && tally_object_is_set(items)) return copy((struct tally_dict *)items, type, operation);
	struct tally_dict *made = make(type, operation);
	if (!made || !items) return made ? &made->header : NULL;
	return finish(made, each(items, (struct walk){operation, add_step, .set = made}));
}

// `items` themselves when they can be looked up, else a set of them; a new reference. NULL with the error set.
static struct tally_dict *searchable(tally_object *items, const char *operation)
{
	if (!items) return (struct tally_dict *)tally_object_iter(items, operation); // which says what is wrong
	if (!has_table(items)) return (struct tally_dict *)make_of(TALLY_TYPE_SET, items, operation);
	return (struct tally_dict *)hold(items);
}

tally_object *tally_set_new(tally_object *items)
{
	return tally_enter_new("set_new") ? make_of(TALLY_TYPE_SET, items, "set_new") : NULL;
}

tally_object *tally_frozenset_new(tally_object *items)
{
	if (!tally_enter_new("frozenset_new")) return NULL;
	if (items && items->type == TALLY_TYPE_FROZENSET) return hold(items);
	return make_of(TALLY_TYPE_FROZENSET, items, "frozenset_new");
}

tally_object *tally_set_copy(tally_object *object)
{
	struct tally_dict *set = set_to_make_from("set_copy", object);
	if (!set) return NULL;
	return object->type == TALLY_TYPE_FROZENSET ? hold(object) : copy(set, TALLY_TYPE_SET, "set_copy");
}

bool tally_is_set(const tally_object *object) { return object && tally_object_is_set(object); }

bool tally_is_frozenset(const tally_object *object) { return object && object->type == TALLY_TYPE_FROZENSET; }

// ---- reading ----

int tally_set_size(tally_object *object, size_t *size)
{
	return set_of("set_size", object) ? tally_keyed_length(object, size) : -1;
}

int tally_set_contains(tally_object *object, tally_object *element)
{
	struct tally_dict *set = set_of("set_contains", object);
	return set ? tally_keyed_contains(set, element, "set_contains") : -1;
}

static void hand_out(tally_object *element, tally_object **place)
{
	if (place)
		*place = element;
	else
		variant_decref(element);
}

int tally_set_next(tally_object *object, size_t *position, tally_object **element)
{
	struct tally_dict *set = set_of("set_next", object);
	struct tally_entry found;
	if (!set) return -1;
	if (!tally_keyed_next(set, position, &found)) return 0;
	hand_out(found.key, element);
	return 1;
}

// Whether all elements of `a` are in `b`: 1, 0, -1.
static int is_subset(struct tally_dict *a, struct tally_dict *b, const char *operation)
{
	if (a == b) return 1;
	if (size_of(a) > size_of(b)) return 0;
	int status = each(&a->header, (struct walk){operation, test_step, .other = b, .wanted = true});
	return status < 0 ? -1 : !status;
}

int tally_set_is_subset(tally_object *object, tally_object *other)
{
	struct tally_dict *set = set_of("set_is_subset", object);
	struct tally_dict *larger = set ? readable("set_is_subset", other) : NULL;
	return larger ? is_subset(set, larger, "set_is_subset") : -1;
}

// Swaps a set with items that are a larger set: then fewer elements are looked up.
static void look_up_fewer(struct tally_dict **set, tally_object **items)
{
	if (!*items || !tally_object_is_set(*items) || size_of((struct tally_dict *)*items) <= size_of(*set)) return;
	tally_object *former = &(*set)->header;
	*set = (struct tally_dict *)*items;
	*items = former;
}

int tally_set_is_disjoint(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_make_from("set_is_disjoint", object);
	if (!set) return -1;
	look_up_fewer(&set, &items);
	int status = each(items, (struct walk){"set_is_disjoint", test_step, .other = set, .wanted = false});
	return status < 0 ? -1 : !status;
}

// ---- changing ----

int tally_set_put(struct tally_dict *set, tally_object *element, const char *operation)
{
	uint64_t hash;
	struct tally_found found = tally_keyed_find(set, element, &hash, operation);
	return tally_set_store(set, element, element, hash, &found, operation);
}

int tally_set_add(tally_object *object, tally_object *element)
{
	struct tally_dict *set = set_to_change("set_add", object);
	return set ? tally_set_put(set, element, "set_add") : -1;
}

int tally_set_discard(tally_object *object, tally_object *element)
{
	struct tally_dict *set = set_to_change("set_discard", object);
	uint64_t hash;
	if (!set) return -1;
	struct tally_found found = tally_keyed_find(set, element, &hash, "set_discard");
	return tally_set_remove(set, element, &found);
}

int tally_set_pop(tally_object *object, tally_object **element)
{
	struct tally_dict *set = set_to_change("set_pop", object);
	if (element) *element = NULL;
	return set ? tally_keyed_pop(set, element, NULL) : -1;
}

int tally_set_clear(tally_object *object)
{
	if (!set_to_change("set_clear", object)) return -1;
	tally_keyed_clear(object);
	return 0;
}

static int is_with_itself(struct tally_dict *set, const tally_object *items) { return &set->header == items; }

int tally_set_update(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_update("set_update", object);
	if (!set || is_with_itself(set, items)) return set ? 0 : -1;
	return each(items, (struct walk){"set_update", add_step, .set = set});
}

int tally_set_subtract_update(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_update("set_subtract_update", object);
	if (!set) return -1;
	if (!is_with_itself(set, items))
		return each(items, (struct walk){"set_subtract_update", discard_step, .set = set});
	tally_keyed_clear(object);
	return 0;
}

int tally_set_intersect_update(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_update("set_intersect_update", object);
	if (!set || is_with_itself(set, items)) return set ? 0 : -1;
	struct tally_dict *other = searchable(items, "set_intersect_update");
	if (!other) return -1;
	int status = each(object, (struct walk){"set_intersect_update", keep_step, .set = set, .other = other});
	variant_decref(&other->header);
	return status;
}

// Each element of `items` counts once: what may have it twice is made into a set first.
static int toggle(struct tally_dict *set, tally_object *items, const char *operation)
{
	struct tally_dict *other = searchable(items, operation);
	if (!other) return -1;
	int status = each(&other->header, (struct walk){operation, toggle_step, .set = set});
	variant_decref(&other->header);
	return status;
}

int tally_set_toggle_update(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_update("set_toggle_update", object);
	if (!set) return -1;
	if (!is_with_itself(set, items)) return toggle(set, items, "set_toggle_update");
	tally_keyed_clear(object);
	return 0;
}

// ---- algebra ----

tally_object *tally_set_union(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_make_from("set_union", object);
	tally_object *made = set ? copy(set, object->type, "set_union") : NULL;
	if (!made) return NULL;
	return finish((struct tally_dict *)made,
	              each(items, (struct walk){"set_union", add_step, .set = (struct tally_dict *)made}));
}

tally_object *tally_set_intersection(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_make_from("set_intersection", object);
	struct tally_dict *made = set ? make(object->type, "set_intersection") : NULL;
	if (!made) return NULL;
	look_up_fewer(&set, &items);
	return finish(made, each(items, (struct walk){"set_intersection", filter_step, made, set, true}));
}

tally_object *tally_set_difference(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_make_from("set_difference", object);
	struct tally_dict *other = set ? searchable(items, "set_difference") : NULL;
	struct tally_dict *made = other ? make(object->type, "set_difference") : NULL;
	int status = made ? each(object, (struct walk){"set_difference", filter_step, made, other, false}) : -1;
	drop(other ? &other->header : NULL);
	return made ? finish(made, status) : NULL;
}

tally_object *tally_set_symmetric_difference(tally_object *object, tally_object *items)
{
	struct tally_dict *set = set_to_make_from("set_symmetric_difference", object);
	tally_object *made = set ? copy(set, object->type, "set_symmetric_difference") : NULL;
	if (!made) return NULL;
	return finish((struct tally_dict *)made, toggle((struct tally_dict *)made, items, "set_symmetric_difference"));
}

// ---- the types ----

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	const struct tally_table *table = ((struct tally_dict *)object)->table;
	const struct tally_entry *entries = table ? tally_table_entries(table) : NULL;
	uint64_t sum = ((struct tally_dict *)object)->used;
	(void)operation;
	for (uint32_t i = 0; table && i < table->count; i++)
		if (entries[i].key)
			sum += tally_hash_mix(entries[i].hash + 1); // mixed, so that sums of numbers do not meet
	*result = tally_hash_mix(sum);
	return 0;
}

// In one moment each size and each element: of sets that change meanwhile the answer may belong to no single moment.
static int equal(struct tally_object *a, struct tally_object *b, const char *operation)
{
	if (size_of((struct tally_dict *)a) != size_of((struct tally_dict *)b)) return 0;
	if (!tally_nest(operation)) return -1;
	int same = is_subset((struct tally_dict *)a, (struct tally_dict *)b, operation);
	tally_unnest();
	return same;
}

static int compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison,
                   const char *operation)
{
	bool turned = comparison == TALLY_GT || comparison == TALLY_GE,
	     proper = comparison == TALLY_LT || comparison == TALLY_GT;
	struct tally_dict *less = (struct tally_dict *)(turned ? b : a), *more = (struct tally_dict *)(turned ? a : b);
	if (proper && size_of(less) >= size_of(more)) return 0;
	if (!tally_nest(operation)) return -1;
	int status = is_subset(less, more, operation);
	tally_unnest();
	return status;
}

static int write_element(tally_object *element, const char *before, struct tally_text *text)
{
	int status = tally_text_add_string(text, before);
	if (status == 0) status = tally_object_repr(element, text);
	variant_decref(element);
	return status;
}

// Each element is read by itself, since what shows it may be the host's code.
static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_dict *set = (struct tally_dict *)object;
	bool is_frozen = object->type == TALLY_TYPE_FROZENSET;
	struct tally_entry entry;
	size_t position = 0;
	const char *before = is_frozen ? "frozenset({" : "{";
	if (!tally_keyed_next(set, &position, &entry))
		return tally_text_add_string(text, is_frozen ? "frozenset()" : "set()");
	do {
		if (write_element(entry.key, before, text)) return -1;
		before = ", ";
	} while (tally_keyed_next(set, &position, &entry));
	return tally_text_add_string(text, is_frozen ? "})" : "}");
}

const struct tally_type tally_set_type = {
	.name = "set",
	.index = TALLY_TYPE_SET,
	.layout = TALLY_LAYOUT_ENTRIES,
	.size = sizeof(struct tally_dict),
	.destroy = tally_keyed_destroy,
	.clear = tally_keyed_clear,
	.equal = equal,
	.compare = compare,
	.repr = repr,
	.length = tally_keyed_length,
	.owned = tally_keyed_owned,
};

// Has no `clear`: it does not change, and a cycle through it goes through something that does.
const struct tally_type tally_frozenset_type = {
	.name = "frozenset",
	.index = TALLY_TYPE_FROZENSET,
	.layout = TALLY_LAYOUT_ENTRIES,
	.size = sizeof(struct tally_dict),
	.destroy = tally_keyed_destroy,
	.hash = hash,
	.equal = equal,
	.compare = compare,
	.repr = repr,
	.length = tally_keyed_length,
	.owned = tally_keyed_owned,
};
