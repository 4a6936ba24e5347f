// tests/weak_set.c: weak sets: what sets do, with elements that may die at any moment: by the last drop, by the collector, in the middle
// of an operation, on another thread. (In brackets: the numbers of the list of behaviours that Tally is built to.)
//
// An element is a letter: an instance with a number, which equals every letter with that number. Letters with equal tens have
// equal hashes, so that a search meets others first.
#include "classes.h"
#include "turns.h"

enum { LETTERS = 8 };

static struct {
	tally_object *type, *name;
	tally_object *of[LETTERS];                               // held by the test; NULL: let go
	void (*during)(tally_object *self, tally_object *other); // in each comparison, before the answer; NULL: nothing
	atomic_int compared;
	int fail_compare, fail_hash; // at that comparison; at each hash
} rules;

static int64_t number_of(tally_object *letter)
{
	tally_object *number = NULL;
	if (!tally_is_instance(letter) || tally_attr_get(letter, rules.name, &number) != 1) return -1;
	return take_value(number);
}

static int hash_letter(tally_object *self, uint64_t *hash, void *context)
{
	(void)context;
	*hash = (uint64_t)number_of(self) / 10;
	if (rules.fail_hash) tally_error_set(TALLY_ERROR_VALUE, "the hash of a letter");
	return rules.fail_hash ? -1 : 0;
}

static int compare_letter(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	int count = atomic_fetch_add(&rules.compared, 1) + 1;
	if (rules.during) rules.during(self, other);
	if (count == rules.fail_compare) tally_error_set(TALLY_ERROR_VALUE, "the equality of a letter");
	return count == rules.fail_compare ? -1 : number_of(self) == number_of(other);
}

static tally_object *show_letter(tally_object *self, void *context)
{
	char shown[2] = {(char)('a' + number_of(self)), '\0'};
	(void)context;
	return tally_str_from(shown);
}

static tally_object *letter(int64_t number)
{
	tally_object *made = instance(rules.type), *value = integer(number);
	CHECK_EQ(tally_attr_set(made, rules.name, value), 0);
	tally_decref(value);
	return made;
}

// What each test begins and ends with: a to h.
static void letters_begin(void)
{
	static const char *const slots[] = {"number"};
	memset(&rules, 0, sizeof rules);
	rules.name = text("number");
	rules.type = CLASS(.name = "letter", .slots = slots, .slot_count = 1, .has_weakrefs = true, .hash = hash_letter,
	                   .equal = compare_letter, .repr = show_letter);
	for (int i = 0; i < LETTERS; i++) rules.of[i] = letter(i);
}

static void let_go(int number)
{
	tally_object *gone = rules.of[number];
	rules.of[number] = NULL;
	tally_decref(gone);
}

static void letters_end(void)
{
	rules.during = NULL;
	for (int i = 0; i < LETTERS; i++) let_go(i);
	tally_decref(rules.type);
	tally_decref(rules.name);
}

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...)                                                                                                      \
	drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

// ---- sets of letters, written as bits ----

enum { ALL = (1 << LETTERS) - 1 };

static tally_object *empty(void) { return must(tally_weak_set_new(NULL)); }

static size_t size_of(tally_object *set)
{
	size_t size = SIZE_MAX, length = SIZE_MAX - 1;
	CHECK_EQ(tally_weak_set_size(set, &size), 0);
	CHECK_EQ(tally_len(set, &length), 0);
	CHECK_EQ(size, length);
	return size;
}

static tally_object *set_of(unsigned bits)
{
	tally_object *set = empty();
	for (int i = 0; i < LETTERS; i++)
		if (bits >> i & 1) CHECK_EQ(tally_weak_set_add(set, rules.of[i]), 1);
	return set;
}

// The numbers of those that an iteration finds, each of which is also contained and comes once.
static unsigned bits_of(tally_object *set)
{
	tally_object *element = NULL;
	size_t position = 0, count = 0;
	unsigned bits = 0;
	for (; tally_weak_set_next(set, &position, &element) == 1; count++) {
		CHECK_EQ(tally_weak_set_contains(set, element), 1);
		bits |= 1u << number_of(element);
		tally_decref(element);
	}
	CHECK_EQ(count, __builtin_popcount(bits));
	CHECK_EQ(tally_weak_set_next(set, &position, NULL), 0);
	return bits;
}

// The same of a set in which nothing is dying.
static unsigned all_of(tally_object *set)
{
	unsigned bits = bits_of(set);
	CHECK_EQ(size_of(set), __builtin_popcount(bits));
	return bits;
}

static unsigned take_bits(tally_object *set)
{
	unsigned bits = set ? all_of(set) : UINT32_MAX;
	tally_decref(set);
	return bits;
}

// What algebra takes.
enum form { WEAK_SET, SET, FROZENSET, LIST, TUPLE, KEYS, ITERATOR, FORMS };

static tally_object *list_of(unsigned bits)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < LETTERS; i++)
		if (bits >> i & 1) push(list, rules.of[i]);
	return list;
}

static tally_object *dict_of(unsigned bits)
{
	tally_object *dict = must(tally_dict_new());
	for (int i = 0; i < LETTERS; i++)
		if (bits >> i & 1) put(dict, rules.of[i], tally_none());
	return dict;
}

static tally_object *items_of(enum form form, unsigned bits)
{
	tally_object *list = list_of(bits), *items = NULL, *pairs[LETTERS];
	if (form == WEAK_SET) items = tally_weak_set_new(list);
	if (form == SET) items = tally_set_new(list);
	if (form == FROZENSET) items = tally_frozenset_new(list);
	if (form == LIST) items = tally_incref(list);
	if (form == KEYS) items = dict_of(bits);
	if (form == ITERATOR) items = tally_iter(list);
	if (form == TUPLE) {
		size_t count = 0;
		for (int i = 0; i < LETTERS; i++)
			if (bits >> i & 1) pairs[count++] = rules.of[i];
		items = tally_tuple_new(pairs, count);
	}
	tally_decref(list);
	return must(items);
}

// ---- algebra, to be tried in every form ----

static unsigned both(unsigned a, unsigned b) { return a | b; }
static unsigned common(unsigned a, unsigned b) { return a & b; }
static unsigned without(unsigned a, unsigned b) { return a & ~b; }
static unsigned either(unsigned a, unsigned b) { return a ^ b; }

static const struct operation {
	const char *makes, *changes; // what they are called
	tally_object *(*make)(tally_object *set, tally_object *items);
	int (*change)(tally_object *set, tally_object *items);
	unsigned (*model)(unsigned a, unsigned b);
} operations[] = {
	{"weak_set_union", "weak_set_update", tally_weak_set_union, tally_weak_set_update, both},
	{"weak_set_intersection", "weak_set_intersect_update", tally_weak_set_intersection, tally_weak_set_intersect_update, common},
	{"weak_set_difference", "weak_set_subtract_update", tally_weak_set_difference, tally_weak_set_subtract_update, without},
	{"weak_set_symmetric_difference", "weak_set_toggle_update", tally_weak_set_symmetric_difference, tally_weak_set_toggle_update,
         either},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

// ---- one operation at a time ----

static void a_new_weak_set_is_empty(void)
{
	letters_begin();
	tally_object *set = empty(), *element = set, *number = integer(1);
	size_t position = 0;
	CHECK(tally_is_weak_set(set) && !tally_is_set(set) && !tally_is_frozenset(set) && !tally_is_dict(set));
	CHECK(!tally_is_weak_set(NULL) && !tally_is_weak_set(number));
	CHECK_STR(tally_type_name(set), "weak_set");
	CHECK_EQ(size_of(set), 0);
	CHECK_EQ(tally_weak_set_contains(set, rules.of[0]), 0);
	CHECK_EQ(tally_weak_set_next(set, &position, &element), 0);
	CHECK_EQ(tally_weak_set_discard(set, rules.of[0]), 0);
	CHECK_EQ(tally_weak_set_pop(set, &element), 0);
	CHECK_PTR(element, NULL);
	CHECK_EQ(tally_weak_set_pop(set, NULL), 0);
	CHECK_EQ(tally_weak_set_clear(set), 0);
	CHECK_NO_ERROR();
	DROP(set, number);
	letters_end();
}

// [165, 166]
static void the_size_is_the_number_of_living_elements(void)
{
	letters_begin();
	tally_object *set = set_of(ALL);
	CHECK_EQ(size_of(set), LETTERS);
	CHECK_EQ(tally_refcount(rules.of[0]), 1);
	for (int i = 0; i < LETTERS; i++) {
		let_go(i);
		CHECK_EQ(size_of(set), LETTERS - 1 - i);
		CHECK_EQ(all_of(set), (unsigned)(ALL << (i + 1)) & ALL);
	}
	tally_decref(set);
	letters_end();
}

// [167]
static void what_is_alive_and_equal_is_contained_and_nothing_else(void)
{
	letters_begin();
	tally_object *set = set_of(0x0F), *twin = letter(2), *number = integer(1), *list = must(tally_list_new());
	CHECK_EQ(tally_weak_set_contains(set, rules.of[2]), 1);
	CHECK_EQ(tally_weak_set_contains(set, twin), 1);
	CHECK_EQ(tally_weak_set_contains(set, rules.of[5]), 0);
	CHECK_EQ(tally_weak_set_contains(set, number), 0);
	CHECK_EQ(tally_weak_set_contains(set, list), 0);
	let_go(2);
	CHECK_EQ(tally_weak_set_contains(set, twin), 0);
	CHECK_NO_ERROR();
	DROP(set, twin, number, list);
	letters_end();
}

// [175]
static void add_stores_no_reference_and_only_once(void)
{
	letters_begin();
	tally_object *set = empty(), *twin = letter(0);
	CHECK_EQ(tally_weak_set_add(set, rules.of[0]), 1);
	CHECK_EQ(tally_weak_set_add(set, rules.of[0]), 0);
	CHECK_EQ(tally_weak_set_add(set, twin), 0);
	CHECK_EQ(tally_refcount(rules.of[0]), 1);
	CHECK_EQ(all_of(set), 1);
	tally_object *temporary = letter(1);
	CHECK_EQ(tally_weak_set_add(set, temporary), 1);
	CHECK_EQ(all_of(set), 3);
	tally_decref(temporary);
	CHECK_EQ(all_of(set), 1);
	DROP(set, twin);
	letters_end();
}

// [176]
static void discard_removes_what_is_there(void)
{
	letters_begin();
	tally_object *set = set_of(7), *twin = letter(1);
	size_t count = 7;
	CHECK_EQ(tally_weak_set_discard(set, rules.of[0]), 1);
	CHECK_EQ(tally_weak_set_discard(set, rules.of[0]), 0);
	CHECK_EQ(tally_weak_set_discard(set, twin), 1);
	CHECK_EQ(tally_weak_set_discard(set, rules.of[5]), 0);
	CHECK_EQ(all_of(set), 4);
	fixture_settle();
	CHECK_EQ(tally_weakref_count(rules.of[0], &count), 0);
	CHECK_EQ(count, 0);
	CHECK_NO_ERROR();
	DROP(set, twin);
	letters_end();
}

// [177]
static void pop_gives_the_last_of_the_living_each_once(void)
{
	letters_begin();
	tally_object *set = set_of(ALL), *element = NULL;
	let_go(7);
	let_go(4);
	static const int order[] = {6, 5, 3, 2, 1, 0};
	for (size_t i = 0; i < 6; i++) {
		CHECK_EQ(tally_weak_set_pop(set, &element), 1);
		CHECK_PTR(element, rules.of[order[i]]);
		CHECK_EQ(tally_refcount(element), 2);
		CHECK_EQ(tally_weak_set_contains(set, element), 0);
		CHECK_EQ(size_of(set), 5 - i);
		tally_decref(element);
	}
	CHECK_EQ(tally_weak_set_pop(set, &element), 0);
	CHECK_PTR(element, NULL);
	CHECK_EQ(tally_weak_set_add(set, rules.of[0]), 1);
	CHECK_EQ(tally_weak_set_pop(set, NULL), 1);
	CHECK_EQ(tally_refcount(rules.of[0]), 1);
	tally_decref(set);
	letters_end();
}

static void clear_forgets_all(void)
{
	letters_begin();
	tally_object *set = set_of(ALL);
	size_t count = 7;
	CHECK_EQ(tally_weak_set_clear(set), 0);
	CHECK_EQ(all_of(set), 0);
	fixture_settle();
	CHECK_EQ(tally_weakref_count(rules.of[0], &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(tally_weak_set_add(set, rules.of[3]), 1);
	let_go(0);
	CHECK_EQ(all_of(set), 8);
	tally_decref(set);
	letters_end();
}

static void check_refused(const char *operation, tally_object *refused)
{
	char expected[120];
	snprintf(expected, sizeof expected, "%s: cannot create weak reference to '%s' object", operation, tally_type_name(refused));
	CHECK_ERROR(TALLY_ERROR_TYPE, expected);
}

// `items`: letter 2, and what is refused.
static void check_algebra_refuses(tally_object *items, tally_object *refused)
{
	for (int k = 0; k < OPERATIONS; k++) {
		tally_object *set = set_of(3);
		CHECK_PTR(operations[k].make(set, items), NULL);
		check_refused(operations[k].makes, refused);
		CHECK_EQ(all_of(set), 3);
		CHECK_EQ(operations[k].change(set, items), -1);
		check_refused(operations[k].changes, refused);
		CHECK_EQ(take_bits(set), k == 0 ? 7 : 3); // what stood in front of it has been added
	}
}

// [175, 176, 178]
static void what_cannot_be_referred_to_weakly_is_refused(void)
{
	letters_begin();
	tally_object *set = set_of(3), *refused[] = {integer(1), must(tally_list_new())};
	for (int i = 0; i < 2; i++) {
		tally_object *items = must(tally_list_from(&rules.of[2], 1));
		push(items, refused[i]);
		CHECK_EQ(tally_weak_set_add(set, refused[i]), -1);
		check_refused("weak_set_add", refused[i]);
		CHECK_EQ(tally_weak_set_discard(set, refused[i]), -1);
		check_refused("weak_set_discard", refused[i]);
		CHECK_PTR(tally_weak_set_new(items), NULL);
		check_refused("weak_set_new", refused[i]);
		check_algebra_refuses(items, refused[i]);
		CHECK_EQ(tally_weak_set_is_subset(set, items), 0);
		CHECK_EQ(tally_weak_set_is_superset(set, items), 0);
		CHECK_EQ(tally_weak_set_is_disjoint(set, items), 1);
		CHECK_NO_ERROR();
		DROP(items, refused[i]);
	}
	CHECK_EQ(take_bits(set), 3);
	letters_end();
}

static void what_is_no_weak_set_says_so(void)
{
	letters_begin();
	tally_object *set = must(tally_set_new(NULL)), *weak = set_of(3), *element = NULL, *number = integer(1);
	size_t size = 0, position = 0;
	tally_object *wrong[] = {set, number, NULL};
	static const char *const names[] = {"a 'set'", "a 'int'", "NULL"};
	for (int i = 0; i < 3; i++) {
		int status[] = {
			tally_weak_set_size(wrong[i], &size), tally_weak_set_contains(wrong[i], rules.of[0]),
			tally_weak_set_next(wrong[i], &position, &element), tally_weak_set_is_subset(wrong[i], weak),
			tally_weak_set_is_superset(wrong[i], weak), tally_weak_set_is_disjoint(wrong[i], weak),
			tally_weak_set_add(wrong[i], rules.of[0]), tally_weak_set_discard(wrong[i], rules.of[0]),
			tally_weak_set_pop(wrong[i], &element), tally_weak_set_clear(wrong[i]),
		};
		for (size_t k = 0; k < sizeof status / sizeof status[0]; k++) CHECK_EQ(status[k], -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "weak_set_clear: expected a weak_set, got");
		CHECK_PTR(tally_weak_set_copy(wrong[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, names[i]);
		for (int k = 0; k < OPERATIONS; k++) {
			CHECK_PTR(operations[k].make(wrong[i], weak), NULL);
			CHECK_FAILED(TALLY_ERROR_TYPE, "expected a weak_set, got");
			CHECK_EQ(operations[k].change(wrong[i], weak), -1);
			CHECK_FAILED(TALLY_ERROR_TYPE, "expected a weak_set, got");
		}
	}
	// nor is a weak set a set
	CHECK_EQ(tally_set_add(weak, rules.of[0]), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_add: expected a set, got a 'weak_set'");
	CHECK_EQ(tally_set_contains(weak, rules.of[0]), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_contains: expected a set or frozenset, got a 'weak_set'");
	CHECK_EQ(tally_set_size(weak, &size), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "expected a set or frozenset");
	DROP(set, weak, number);
	letters_end();
}

static void null_is_no_element_and_no_items(void)
{
	letters_begin();
	tally_object *set = set_of(3), *number = integer(1);
	CHECK_EQ(tally_weak_set_add(set, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_set_add: the element is NULL");
	CHECK_EQ(tally_weak_set_discard(set, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_set_discard: the element is NULL");
	CHECK_EQ(tally_weak_set_contains(set, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_set_contains: the element is NULL");
	tally_object *wrong[] = {NULL, number};
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < OPERATIONS; k++) {
			CHECK_PTR(operations[k].make(set, wrong[i]), NULL);
			CHECK_FAILED(TALLY_ERROR_TYPE, operations[k].makes);
			CHECK_EQ(operations[k].change(set, wrong[i]), -1);
			CHECK_FAILED(TALLY_ERROR_TYPE, operations[k].changes);
		}
		CHECK_EQ(tally_weak_set_is_subset(set, wrong[i]), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "weak_set_is_subset");
		CHECK_EQ(tally_weak_set_is_superset(set, wrong[i]), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "weak_set_is_superset");
		CHECK_EQ(tally_weak_set_is_disjoint(set, wrong[i]), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "weak_set_is_disjoint");
	}
	CHECK_PTR(tally_weak_set_new(number), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "weak_set_new");
	CHECK_EQ(all_of(set), 3);
	DROP(set, number);
	letters_end();
}

// [172]
static void a_weak_set_is_not_hashable_but_its_elements_may_have_any_hash(void)
{
	letters_begin();
	tally_object *set = set_of(3), *other = empty(), *type = CLASS(.name = "plain"), *plain = instance(type);
	tally_object *elements[] = {plain, type, function("pack", pack, 0, 1)};
	uint64_t hash;
	CHECK_EQ(tally_hash(set, &hash), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "hashable");
	CHECK_EQ(tally_weak_set_add(other, set), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "hashable");
	CHECK_EQ(size_of(other), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_weak_set_add(other, elements[i]), 1);
		CHECK_EQ(tally_weak_set_contains(other, elements[i]), 1);
	}
	DROP(plain, elements[2]);
	CHECK_EQ(size_of(other), 1);
	DROP(set, other, type);
	letters_end();
}

static void a_weak_set_can_be_referred_to_weakly_itself(void)
{
	letters_begin();
	tally_object *set = set_of(3), *ref = must(tally_weakref_new(set, NULL)), *found = NULL;
	CHECK_EQ(tally_weakref_get(ref, &found), 1);
	CHECK_PTR(found, set);
	DROP(found, set);
	CHECK_EQ(tally_weakref_get(ref, &found), 0);
	tally_decref(ref);
	letters_end();
}

static void it_shows_its_living_elements_and_knows_its_bytes(void)
{
	letters_begin();
	tally_object *set = set_of(7), *shown = must(tally_repr(set)), *none = empty();
	size_t bytes = 0, more = 0;
	CHECK_STR(tally_str_utf8(shown, NULL), "weak_set({a, b, c})");
	let_go(1);
	tally_object *later = must(tally_repr(set)), *nothing = must(tally_repr(none));
	CHECK_STR(tally_str_utf8(later, NULL), "weak_set({a, c})");
	CHECK_STR(tally_str_utf8(nothing, NULL), "weak_set()");
	CHECK_EQ(tally_sizeof(none, &bytes), 0);
	CHECK_EQ(tally_sizeof(set, &more), 0);
	CHECK(bytes > 0 && more > bytes);
	DROP(set, shown, none, later, nothing);
	letters_end();
}

// ---- algebra ----

// [168]
static void algebra_makes_weak_sets_of_what_sets_would_have(void)
{
	letters_begin();
	for (unsigned a = 0; a < 16; a++) {
		for (unsigned b = 0; b < 16; b++) {
			for (int form = 0; form < FORMS; form++) {
				const struct operation *operation = &operations[(a + b + (unsigned)form) % OPERATIONS];
				tally_object *set = set_of(a), *items = items_of((enum form)form, b), *made = operation->make(set, items);
				CHECK(tally_is_weak_set(made));
				if (!CHECK_EQ(take_bits(made), operation->model(a, b))) tap_note("%s of %u and %u, %d", operation->makes, a, b, form);
				CHECK_EQ(all_of(set), a);
				if (form == WEAK_SET) CHECK_EQ(all_of(items), b);
				DROP(set, items);
			}
		}
	}
	letters_end();
}

// [178]
static void updates_change_the_set_to_what_algebra_makes(void)
{
	letters_begin();
	for (unsigned a = 0; a < 16; a++) {
		for (unsigned b = 0; b < 16; b++) {
			for (int k = 0; k < OPERATIONS; k++) {
				enum form form = (enum form)((a + b + (unsigned)k) % FORMS);
				tally_object *set = set_of(a), *items = items_of(form, b);
				CHECK_EQ(operations[k].change(set, items), 0);
				if (!CHECK_EQ(all_of(set), operations[k].model(a, b))) tap_note("%s of %u and %u, %d", operations[k].changes, a, b, form);
				if (form == WEAK_SET) CHECK_EQ(all_of(items), b);
				DROP(set, items);
			}
		}
	}
	letters_end();
}

// [168]
static void what_algebra_made_shrinks_when_elements_die(void)
{
	letters_begin();
	tally_object *set = set_of(0x1F), *items = set_of(0x7C), *made[OPERATIONS], *copied = must(tally_weak_set_copy(set));
	for (int k = 0; k < OPERATIONS; k++) made[k] = must(operations[k].make(set, items));
	for (int i = 0; i < LETTERS; i++) {
		unsigned living = (ALL << (i + 1)) & ALL;
		let_go(i);
		for (int k = 0; k < OPERATIONS; k++) CHECK_EQ(all_of(made[k]), operations[k].model(0x1F, 0x7C) & living);
		CHECK_EQ(all_of(copied), 0x1F & living);
	}
	drop(made, OPERATIONS);
	DROP(set, items, copied);
	letters_end();
}

// [179]
static void in_place_with_itself(void)
{
	letters_begin();
	for (int k = 0; k < OPERATIONS; k++) {
		tally_object *set = set_of(7);
		CHECK_EQ(operations[k].change(set, set), 0);
		CHECK_EQ(all_of(set), operations[k].model(7, 7));
		CHECK_EQ(tally_weak_set_add(set, rules.of[5]), 1);
		let_go(0);
		CHECK_EQ(all_of(set), (operations[k].model(7, 7) & 6) | 32);
		tally_object *made = must(operations[k].make(set, set));
		CHECK_EQ(take_bits(made), operations[k].model(all_of(set), all_of(set)));
		tally_decref(set);
		rules.of[0] = letter(0);
	}
	letters_end();
}

// What an iteration gives twice counts once; what it gives and nobody keeps is compared while it is there.
static tally_object *make_twin(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	int *made = context;
	(void)captured, (void)arguments, (void)count;
	return *made == 4 ? tally_none() : letter((*made)++ / 2 + 1); // 1, 1, 2, 2
}

static void elements_that_only_the_items_keep_count_once(void)
{
	letters_begin();
	static const unsigned in_place[] = {3, 2, 1, 1}; // of 0 and 1: a new 2 does not stay
	for (int k = 0; k < OPERATIONS; k++) {
		for (int is_made = 0; is_made < 2; is_made++) {
			int made = 0;
			tally_function_spec spec = {.size = sizeof spec, .name = "twins", .call = make_twin, .context = &made};
			tally_object *callable = must(tally_function_new(&spec)), *items = must(tally_iter_call(callable, tally_none()));
			tally_object *set = set_of(3);
			if (is_made) CHECK_EQ(take_bits(operations[k].make(set, items)), in_place[k]);
			else CHECK_EQ(operations[k].change(set, items), 0);
			CHECK_EQ(all_of(set), is_made ? 3 : in_place[k]);
			CHECK_EQ(made, 4);
			DROP(set, items, callable);
		}
	}
	letters_end();
}

static void copies_and_new_ones_have_the_order_of_what_they_are_made_of(void)
{
	letters_begin();
	tally_object *set = empty();
	static const int order[] = {5, 2, 7, 0};
	for (int i = 0; i < 4; i++) CHECK_EQ(tally_weak_set_add(set, rules.of[order[i]]), 1);
	tally_object *made[] = {must(tally_weak_set_copy(set)), must(tally_weak_set_new(set)), must(tally_weak_set_union(set, set))};
	for (int k = 0; k < 3; k++) {
		tally_object *element = NULL;
		size_t position = 0;
		for (int i = 0; i < 4; i++) {
			CHECK_EQ(tally_weak_set_next(made[k], &position, &element), 1);
			CHECK_PTR(element, rules.of[order[i]]);
			tally_decref(element);
		}
		CHECK_EQ(tally_weak_set_add(made[k], rules.of[1]), 1); // its own
	}
	CHECK_EQ(size_of(set), 4);
	drop(made, 3);
	tally_decref(set);
	letters_end();
}

// ---- comparing ----

// [169]
static void weak_sets_are_ordered_by_inclusion(void)
{
	letters_begin();
	for (unsigned a = 0; a < 16; a++) {
		for (unsigned b = 0; b < 16; b++) {
			tally_object *set = set_of(a), *other = set_of(b);
			bool within = (a & ~b) == 0, around = (b & ~a) == 0;
			CHECK_EQ(tally_compare(set, other, TALLY_LE), within);
			CHECK_EQ(tally_compare(set, other, TALLY_GE), around);
			CHECK_EQ(tally_compare(set, other, TALLY_LT), within && a != b);
			CHECK_EQ(tally_compare(set, other, TALLY_GT), around && a != b);
			CHECK_EQ(tally_compare(set, other, TALLY_EQ), a == b);
			CHECK_EQ(tally_compare(set, other, TALLY_NE), a != b);
			CHECK_EQ(tally_equal(set, other), a == b);
			DROP(set, other);
		}
	}
	letters_end();
}

// [169, 170]
static void subsets_supersets_and_what_is_disjoint_in_every_form(void)
{
	letters_begin();
	for (unsigned a = 0; a < 16; a++) {
		for (unsigned b = 0; b < 16; b++) {
			enum form form = (enum form)((a * 3 + b) % FORMS);
			tally_object *set = set_of(a), *items[3];
			for (int i = 0; i < 3; i++) items[i] = items_of(form, b);
			CHECK_EQ(tally_weak_set_is_subset(set, items[0]), (a & ~b) == 0);
			CHECK_EQ(tally_weak_set_is_superset(set, items[1]), (b & ~a) == 0);
			CHECK_EQ(tally_weak_set_is_disjoint(set, items[2]), (a & b) == 0);
			drop(items, 3);
			tally_decref(set);
		}
	}
	tally_object *set = set_of(7);
	CHECK_EQ(tally_weak_set_is_subset(set, set), 1);
	CHECK_EQ(tally_weak_set_is_superset(set, set), 1);
	CHECK_EQ(tally_weak_set_is_disjoint(set, set), 0);
	tally_decref(set);
	letters_end();
}

// [180]
static void a_weak_set_equals_only_weak_sets_with_equal_elements(void)
{
	letters_begin();
	tally_object *set = set_of(3), *same = set_of(3), *twins[] = {letter(0), letter(1)}, *pair = must(tally_tuple_new(twins, 2));
	tally_object *equal = must(tally_weak_set_new(pair)), *others[4], *list = list_of(3);
	others[0] = must(tally_set_new(list));
	others[1] = must(tally_frozenset_new(list));
	others[2] = list;
	others[3] = pair;
	CHECK_EQ(tally_equal(set, same), 1);
	CHECK_EQ(tally_equal(set, equal), 1);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(tally_equal(set, others[i]), 0);
		CHECK_EQ(tally_equal(others[i], set), 0);
		CHECK_EQ(tally_compare(set, others[i], TALLY_NE), 1);
		CHECK_EQ(tally_compare(others[i], set, TALLY_NE), 1);
		CHECK_EQ(tally_compare(set, others[i], TALLY_LE), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "have no order");
		CHECK_EQ(tally_compare(others[i], set, TALLY_LE), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "have no order");
	}
	CHECK_EQ(tally_weak_set_discard(same, rules.of[0]), 1);
	CHECK_EQ(tally_equal(set, same), 0);
	CHECK_EQ(tally_equal(same, set), 0);
	DROP(others[0], others[1], others[2]); // they keep it alive
	let_go(0);
	CHECK_EQ(tally_equal(set, same), 1);
	CHECK_EQ(tally_equal(set, equal), 0);
	DROP(set, same, twins[0], twins[1], equal, pair);
	letters_end();
}

// ---- iteration ----

static void deaths_during_an_iteration_end_nothing_and_skip_nobody_else(void)
{
	letters_begin();
	for (int kind = 0; kind < 2; kind++) {
		tally_object *set = set_of(ALL), *iterator = must(tally_iter(set)), *element = NULL;
		unsigned seen = 0;
		size_t position = 0;
		while ((kind ? tally_next(iterator, &element) : tally_weak_set_next(set, &position, &element)) == 1) {
			int64_t number = number_of(element);
			seen |= 1u << number;
			tally_decref(element);
			if (number == 0) let_go(1);
			if (number == 2) let_go(0), let_go(2), let_go(4), let_go(5);
			if (number == 6) let_go(7);
		}
		CHECK_EQ(seen, 0x4D);
		CHECK_EQ(all_of(set), 0x48);
		DROP(set, iterator);
		for (int i = 0; i < LETTERS; i++)
			if (!rules.of[i]) rules.of[i] = letter(i);
	}
	letters_end();
}

static void an_iterator_keeps_its_element_alive_and_nothing_else(void)
{
	letters_begin();
	tally_object *set = set_of(3), *iterator = must(tally_iter(set)), *element = NULL, *second = NULL;
	CHECK_EQ(tally_next(iterator, &element), 1);
	let_go(0);
	let_go(1);
	CHECK_EQ(all_of(set), 1); // the one that has been handed out
	CHECK_EQ(tally_next(iterator, &second), 0);
	tally_decref(element);
	CHECK_EQ(all_of(set), 0);
	DROP(set, iterator);
	letters_end();
}

// ---- deaths ----

static void the_set_may_die_before_its_elements(void)
{
	letters_begin();
	tally_object *set = set_of(ALL);
	size_t count = 7;
	tally_decref(set);
	fixture_settle();
	for (int i = 0; i < LETTERS; i++) {
		CHECK_EQ(tally_weakref_count(rules.of[i], &count), 0);
		CHECK_EQ(count, 0);
	}
	letters_end(); // nobody is told
}

static void the_set_may_die_with_its_elements(void)
{
	letters_begin();
	tally_object *set = set_of(ALL), *list = list_of(ALL);
	for (int i = 0; i < LETTERS; i++) let_go(i);
	push_own(list, set);
	tally_decref(list);
	letters_end();
}

// The callback of a weak reference that is newer than the set's own comes first: the element is dead, and its entry still there.
static struct {
	tally_object *set, *twin;
	int called;
} scene;

static tally_object *look_at_the_dying(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *element = NULL;
	size_t position = 0, size = 0;
	(void)context, (void)captured, (void)arguments, (void)count;
	scene.called++;
	CHECK_EQ(tally_weak_set_size(scene.set, &size), 0);
	CHECK_EQ(size, 1);
	CHECK_EQ(tally_weak_set_contains(scene.set, scene.twin), 0);
	CHECK_EQ(tally_weak_set_next(scene.set, &position, &element), 0);
	CHECK_EQ(tally_weak_set_discard(scene.set, scene.twin), 0);
	CHECK_EQ(tally_weak_set_pop(scene.set, &element), 0);
	tally_object *none = empty(), *shown = must(tally_repr(scene.set)), *copied = must(tally_weak_set_copy(scene.set));
	CHECK_EQ(tally_equal(scene.set, none), 1);
	CHECK_EQ(tally_equal(none, scene.set), 1);
	CHECK_STR(tally_str_utf8(shown, NULL), "weak_set()");
	CHECK_EQ(size_of(copied), 0);
	DROP(none, shown, copied);
	CHECK_EQ(tally_weak_set_add(scene.set, scene.twin), 1); // now there are two entries
	CHECK_EQ(bits_of(scene.set), 1);
	return tally_none();
}

static void a_stale_watcher_never_removes_a_fresh_entry(void)
{
	letters_begin();
	scene.set = set_of(1);
	scene.twin = letter(0);
	scene.called = 0;
	tally_object *callback = function("look", look_at_the_dying, 1, 1), *ref = must(tally_weakref_new(rules.of[0], callback));
	let_go(0);
	CHECK_EQ(scene.called, 1);
	CHECK_EQ(all_of(scene.set), 1);
	CHECK_EQ(tally_weak_set_contains(scene.set, scene.twin), 1);
	tally_decref(scene.twin);
	CHECK_EQ(all_of(scene.set), 0);
	DROP(scene.set, callback, ref);
	letters_end();
}

static tally_object *pop_the_living(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *element = NULL;
	(void)context, (void)captured, (void)arguments, (void)count;
	scene.called++;
	CHECK_EQ(tally_weak_set_pop(scene.set, &element), 1);
	CHECK_PTR(element, rules.of[2]);
	tally_decref(element);
	CHECK_EQ(bits_of(scene.set), 1 << 1);
	return tally_none();
}

static void pop_passes_over_the_dying(void)
{
	letters_begin();
	scene.set = empty();
	scene.called = 0;
	for (int i = 1; i < 4; i++) CHECK_EQ(tally_weak_set_add(scene.set, rules.of[i]), 1);
	tally_object *callback = function("pop", pop_the_living, 1, 1), *ref = must(tally_weakref_new(rules.of[3], callback));
	let_go(3);
	CHECK_EQ(scene.called, 1);
	CHECK_EQ(all_of(scene.set), 1 << 1);
	DROP(scene.set, callback, ref);
	letters_end();
}

// [167] One of two equal elements dies: only what was in the set is gone from it.
static void of_two_equal_elements_the_one_that_was_added_counts(void)
{
	letters_begin();
	tally_object *set = empty(), *twin = letter(0);
	CHECK_EQ(tally_weak_set_add(set, rules.of[0]), 1);
	CHECK_EQ(tally_weak_set_add(set, twin), 0);
	tally_decref(twin);
	CHECK_EQ(all_of(set), 1);
	twin = letter(0);
	let_go(0);
	CHECK_EQ(all_of(set), 0);
	CHECK_EQ(tally_weak_set_contains(set, twin), 0);
	CHECK_EQ(tally_weak_set_add(set, twin), 1);
	CHECK_EQ(all_of(set), 1);
	DROP(set, twin);
	letters_end();
}

static tally_object *saved;
static void bring_back(tally_object *self, void *context)
{
	(void)context;
	if (!saved) saved = tally_incref(self);
}

static void an_element_that_its_finalizer_brings_back_is_still_there(void)
{
	letters_begin();
	tally_object *type = CLASS(.name = "phoenix", .finalize = bring_back), *element = instance(type), *set = empty();
	saved = NULL;
	CHECK_EQ(tally_weak_set_add(set, element), 1);
	tally_decref(element);
	CHECK_PTR(saved, element);
	CHECK_EQ(size_of(set), 1);
	CHECK_EQ(tally_weak_set_contains(set, element), 1);
	tally_decref(saved);
	CHECK_EQ(size_of(set), 0);
	DROP(set, type);
	letters_end();
}

// ---- the collector ----

static void what_the_collector_finds_is_gone_when_it_returns(void)
{
	letters_begin();
	tally_object *type = CLASS(.name = "ring"), *set = empty(), *held = instance(type);
	CHECK_EQ(tally_weak_set_add(set, held), 1);
	for (int i = 0; i < 20; i++) {
		tally_object *element = instance(type);
		set_attr(element, "self", element);
		CHECK_EQ(tally_weak_set_add(set, element), 1);
		tally_decref(element);
	}
	CHECK_EQ(size_of(set), 21);
	CHECK_COLLECT(2, 20);
	CHECK_EQ(size_of(set), 1);
	CHECK_EQ(tally_weak_set_contains(set, held), 1);
	DROP(set, held, type);
	letters_end();
}

static void a_weak_set_inside_a_cycle_goes_with_it(void)
{
	letters_begin();
	tally_object *type = CLASS(.name = "parent"), *outside = instance(type);
	for (int with_self = 0; with_self < 2; with_self++) {
		tally_object *parent = instance(type), *set = empty(), *child = instance(type), *ref = must(tally_weakref_new(set, NULL)), *found;
		size_t count = 7;
		set_attr(parent, "children", set);
		set_attr(parent, "child", child);
		set_attr(child, "parent", parent);
		if (with_self) CHECK_EQ(tally_weak_set_add(set, parent), 1);
		CHECK_EQ(tally_weak_set_add(set, child), 1);
		CHECK_EQ(tally_weak_set_add(set, outside), 1);
		DROP(parent, set, child);
		CHECK_EQ(tally_weakref_get(ref, &found), 1);
		CHECK_EQ(size_of(found), 2 + with_self);
		tally_decref(found);
		tally_gc_collect(2);
		CHECK_EQ(tally_weakref_get(ref, &found), 0);
		fixture_settle();
		CHECK_EQ(tally_weakref_count(outside, &count), 0);
		CHECK_EQ(count, 0);
		tally_decref(ref);
	}
	DROP(outside, type);
	letters_end();
}

// A parent that refers to its set, whose elements refer to the parent: no cycle, since the set holds nothing.
static void a_weak_set_makes_no_cycle(void)
{
	letters_begin();
	tally_object *type = CLASS(.name = "parent"), *parent = instance(type), *set = empty(), *child = instance(type);
	tally_object *ref = must(tally_weakref_new(parent, NULL)), *found = NULL;
	set_own(parent, "children", set);
	CHECK_EQ(tally_weak_set_add(set, child), 1);
	set_attr(child, "parent", parent);
	tally_decref(parent);
	tally_decref(child);
	CHECK_EQ(tally_weakref_get(ref, &found), 0); // at once
	DROP(ref, type);
	letters_end();
}

// ---- the host's hash and equality ----

static int victim;
static void a_letter_dies(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	if (victim < LETTERS && rules.of[victim]) let_go(victim);
}

// The set that the operation makes or changes while the victim dies in the first comparison. Gives up `set`.
static tally_object *apply(const struct operation *operation, bool in_place, tally_object *set, tally_object *items)
{
	tally_object *result = set;
	rules.during = a_letter_dies;
	if (in_place) CHECK_EQ(operation->change(set, items), 0);
	else result = must(operation->make(set, items));
	rules.during = NULL;
	if (!in_place) tally_decref(set);
	return result;
}

static void let_one_die_in(const struct operation *operation, enum form form, bool in_place)
{
	enum { A = 0x0F, B = 0x3C };
	tally_object *items = items_of(form, B), *set = apply(operation, in_place, set_of(A), items);
	unsigned gone = 1u << victim, before = all_of(set), aim = operation->model(A, B);
	tally_decref(items);
	unsigned after = take_bits(set); // the items may have kept it until now
	CHECK_EQ(before & ~gone, aim & ~gone);
	CHECK_EQ(after, rules.of[victim] ? aim : aim & ~gone);
	if (!rules.of[victim]) rules.of[victim] = letter(victim);
}

static void elements_may_die_in_the_middle_of_algebra(void)
{
	letters_begin();
	for (int k = 0; k < OPERATIONS * 2; k++)
		for (int form = 0; form < FORMS; form++)
			for (victim = 0; victim < 6; victim++) let_one_die_in(&operations[k / 2], (enum form)form, k % 2);
	letters_end();
}

// The same with items that are other objects: each has to be compared.
static void elements_may_die_in_the_middle_of_algebra_with_equals(void)
{
	letters_begin();
	for (int k = 0; k < OPERATIONS * 2; k++) {
		for (victim = 0; victim < 6; victim++) {
			tally_object *twins = must(tally_list_new());
			for (int i = 2; i < 6; i++) push_own(twins, letter(i));
			tally_object *set = apply(&operations[k / 2], k % 2, set_of(0x0F), twins);
			CHECK(!rules.of[victim]);
			CHECK_EQ(all_of(set) & 3 & ~(1u << victim), operations[k / 2].model(3, 0) & ~(1u << victim));
			DROP(set, twins);
			rules.of[victim] = letter(victim);
		}
	}
	letters_end();
}

static tally_object *changing;
static void the_set_is_used(tally_object *self, tally_object *other)
{
	(void)other;
	rules.during = NULL;
	CHECK(tally_weak_set_contains(changing, rules.of[7]) >= 0);
	CHECK(tally_weak_set_add(changing, rules.of[6]) >= 0);
	CHECK(tally_weak_set_discard(changing, self) >= 0);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK(tally_weak_set_pop(changing, NULL) >= 0);
}
static void the_set_is_cleared(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	rules.during = NULL;
	CHECK_EQ(tally_weak_set_clear(changing), 0);
}

static void an_equality_may_use_and_change_the_set(void)
{
	letters_begin();
	static void (*const hooks[])(tally_object *self, tally_object *other) = {the_set_is_used, the_set_is_cleared};
	for (int hook = 0; hook < 2; hook++) {
		tally_object *twin = letter(2), *items = must(tally_list_from(&twin, 1));
		for (int k = 0; k < OPERATIONS + 3; k++) {
			changing = set_of(0x1F);
			rules.during = hooks[hook];
			if (k < OPERATIONS) CHECK_EQ(operations[k].change(changing, items), 0);
			if (k == OPERATIONS) CHECK(tally_weak_set_add(changing, twin) >= 0);
			if (k == OPERATIONS + 1) CHECK(tally_weak_set_discard(changing, twin) >= 0);
			if (k == OPERATIONS + 2) CHECK(tally_weak_set_contains(changing, twin) >= 0);
			CHECK(!rules.during);
			rules.during = NULL;
			all_of(changing);
			tally_decref(changing);
		}
		DROP(twin, items);
	}
	CHECK_NO_ERROR();
	letters_end();
}

static tally_object *given[2];
static void what_was_given_is_dropped(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	rules.during = NULL;
	tally_decref(given[0]);
	tally_decref(given[1]);
}

static void hooks_may_drop_what_the_call_was_given(void)
{
	letters_begin();
	static int (*const calls[])(tally_object *set, tally_object *element) = {tally_weak_set_add, tally_weak_set_discard,
	                                                                       tally_weak_set_contains};
	for (int i = 0; i < 3; i++) {
		for (int number = 0; number < 10; number += 9) { // equal to one that is there, or not
			given[0] = set_of(3);
			given[1] = letter(number);
			rules.during = what_was_given_is_dropped;
			CHECK_EQ(calls[i](given[0], given[1]), number ? i == 0 : i != 0);
			CHECK(!rules.during);
		}
	}
	CHECK_NO_ERROR();
	letters_end();
}

static void an_error_of_the_hash_or_the_equality_comes_through(void)
{
	letters_begin();
	tally_object *set = set_of(3), *twin = letter(1), *items = must(tally_list_from(&twin, 1));
	for (int hash = 0; hash < 2; hash++) {
		for (int k = 0; k < 2 * OPERATIONS + 6; k++) {
			const struct operation *operation = &operations[k % OPERATIONS];
			int status = 0;
			atomic_store(&rules.compared, 0);
			rules.fail_hash = hash;
			rules.fail_compare = !hash;
			if (k < OPERATIONS) status = operation->make(set, items) ? 0 : -1;
			else if (k < 2 * OPERATIONS) status = operation->change(set, items);
			else if (k == 2 * OPERATIONS) status = tally_weak_set_add(set, twin);
			else if (k == 2 * OPERATIONS + 1) status = tally_weak_set_discard(set, twin);
			else if (k == 2 * OPERATIONS + 2) status = tally_weak_set_contains(set, twin);
			else if (k == 2 * OPERATIONS + 3) status = tally_weak_set_is_subset(set, items);
			else if (k == 2 * OPERATIONS + 4) status = tally_weak_set_is_superset(set, items);
			else status = tally_weak_set_is_disjoint(set, items);
			rules.fail_hash = rules.fail_compare = 0;
			if (!CHECK_EQ(status, -1)) tap_note("operation %d", k);
			CHECK_FAILED(TALLY_ERROR_VALUE, hash ? "the hash of a letter" : "the equality of a letter");
			CHECK_EQ(all_of(set), 3);
		}
	}
	DROP(set, twin, items);
	letters_end();
}

// ---- without memory ----

static bool faults_are_offered(void)
{
	bool offered = tally_heap_fail(0, false) == 0;
	if (!offered) tally_error_clear();
	return offered;
}

enum { STEPS = 2 * OPERATIONS + 9 };

// An operation of each kind. 0, or -1 with the error set; *result: what has been made, or NULL.
static int play(int step, tally_object *set, tally_object *items, tally_object **result)
{
	*result = NULL;
	if (step < OPERATIONS) return (*result = operations[step].make(set, items)) ? 0 : -1;
	if (step < 2 * OPERATIONS) return operations[step - OPERATIONS].change(set, items);
	switch (step - 2 * OPERATIONS) {
	case 0: return tally_weak_set_add(set, rules.of[7]) < 0 ? -1 : 0;
	case 1: return (*result = tally_weak_set_copy(set)) ? 0 : -1;
	case 2: return (*result = tally_weak_set_new(items)) ? 0 : -1;
	case 3: return tally_weak_set_is_subset(set, items) < 0 ? -1 : 0;
	case 4: return tally_weak_set_is_superset(set, items) < 0 ? -1 : 0;
	case 5: return tally_weak_set_is_disjoint(set, items) < 0 ? -1 : 0;
	case 6: return (*result = tally_iter(set)) ? 0 : -1;
	case 7: return (*result = tally_weak_set_new(NULL)) ? 0 : -1;
	default: return (*result = tally_repr(set)) ? 0 : -1;
	}
}

// Whether what the step has left behind is right. In place: an update is between what was and what is to be.
static void check_played(int step, int status, tally_object *set, unsigned a, unsigned b)
{
	unsigned after = all_of(set), aim = a;
	if (step >= OPERATIONS && step < 2 * OPERATIONS) aim = operations[step - OPERATIONS].model(a, b);
	if (step == 2 * OPERATIONS) aim = a | 1 << 7;
	if (status == 0) CHECK_EQ(after, aim);
	else CHECK_EQ((after ^ a) & ~(aim ^ a), 0);
	if (status && (step < OPERATIONS || step >= 2 * OPERATIONS)) CHECK_EQ(after, a);
}

static bool fail_at(uint64_t n, bool all, int step, enum form form)
{
	enum { A = 0x0F, B = 0x3C };
	tally_object *set = set_of(A), *items = items_of(form, B), *result;
	uint64_t before = fixture_live_objects(), raw = fixture_raw_buffers();
	CHECK_EQ(tally_heap_fail(n, all), 0);
	int status = play(step, set, items, &result);
	bool came = tally_heap_attempts() >= n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
	if (!CHECK(status == 0 ? !came || fixture_gives_up_later() : came)) tap_note("step %d, allocation %llu", step, (unsigned long long)n);
	if (status) CHECK_FAILED(TALLY_ERROR_MEMORY, "out of memory");
	check_played(step, status, set, A, B);
	if (status && (step < OPERATIONS || step >= 2 * OPERATIONS)) {
		CHECK_EQ(fixture_live_objects(), before);
		CHECK_EQ(fixture_raw_buffers(), raw);
	}
	DROP(set, items, result);
	return came;
}

static void what_finds_no_memory_is_not_made_and_nothing_is_lost(void)
{
	if (!faults_are_offered()) return;
	letters_begin();
	for (int i = 0; i < LETTERS; i++) tally_decref(must(tally_weakref_new(rules.of[i], NULL))); // leaves the anchor there
	uint64_t failed = 0;
	for (int step = 0; step < STEPS; step++) {
		for (int all = 0; all < 2; all++) {
			uint64_t n = 1;
			while (n < 200 && fail_at(n, all, step, (enum form)(step % FORMS))) n++;
			CHECK(n < 200);
			failed += n - 1;
		}
	}
	CHECK(failed > 100);
	tap_note("%llu allocations failed, each in its turn", (unsigned long long)failed);
	letters_end();
}

// With the anchors of the set and of the element to be made, too; and a table that has to grow.
static void an_element_that_cannot_be_added_is_not_there(void)
{
	if (!faults_are_offered()) return;
	letters_begin();
	tally_object *many[40], *set = empty();
	for (size_t i = 0; i < 40; i++) {
		many[i] = letter(10 * (int64_t)i);
		for (uint64_t n = 1;; n++) {
			CHECK_EQ(tally_heap_fail(n, false), 0);
			int added = tally_weak_set_add(set, many[i]);
			CHECK_EQ(tally_heap_fail(0, false), 0);
			CHECK_EQ(size_of(set), i + (added == 1));
			CHECK_EQ(tally_weak_set_contains(set, many[i]), added == 1);
			if (added == 1) break;
			CHECK_FAILED(TALLY_ERROR_MEMORY, "weak_set_add: out of memory");
			if (!CHECK(n < 20)) break;
		}
	}
	drop(many, 20);
	CHECK_EQ(size_of(set), 20);
	drop(many + 20, 20);
	CHECK_EQ(size_of(set), 0);
	tally_decref(set);
	letters_end();
}

static void what_needs_no_memory_works_without(void)
{
	if (!faults_are_offered()) return;
	letters_begin();
	tally_object *set = set_of(0x3F), *same = set_of(0x3F), *twin = letter(1);
	size_t position = 0;
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_weak_set_contains(set, twin), 1);
	CHECK_EQ(tally_weak_set_add(set, twin), 0);
	CHECK_EQ(tally_weak_set_discard(set, rules.of[7]), 0);
	CHECK_EQ(tally_equal(set, same), 1);
	CHECK_EQ(tally_compare(set, same, TALLY_LT), 0);
	CHECK_EQ(tally_weak_set_is_subset(set, same), 1);
	CHECK_EQ(tally_weak_set_next(set, &position, NULL), 1);
	let_go(0);
	CHECK_EQ(size_of(set), 5);
	CHECK_EQ(tally_weak_set_intersect_update(set, same), 0);
	CHECK_EQ(tally_weak_set_discard(set, twin), 1);
	CHECK_EQ(tally_weak_set_pop(set, NULL), 1);
	CHECK_EQ(tally_weak_set_subtract_update(set, same), 0);
	CHECK_EQ(size_of(set), 0);
	CHECK_EQ(tally_weak_set_clear(same), 0);
	for (int i = 1; i < LETTERS; i++) let_go(i);
	CHECK_NO_ERROR();
	CHECK_EQ(tally_heap_fail(0, false), 0);
	DROP(set, same, twin);
	letters_end();
}

// ---- many elements ----

static void many_elements_come_and_go(void)
{
	letters_begin();
	enum { MANY = 500 };
	static tally_object *held[MANY];
	tally_object *set = empty();
	uint64_t state = fixture_seed(0);
	size_t living = 0;
	memset(held, 0, sizeof held);
	for (int i = 0; i < tap_scale(20000); i++) {
		unsigned place = below(&state, MANY);
		if (held[place]) {
			tally_decref(held[place]);
			held[place] = NULL;
			living--;
		} else {
			held[place] = letter(place);
			CHECK_EQ(tally_weak_set_add(set, held[place]), 1);
			living++;
		}
		if (i % 64) continue;
		CHECK_EQ(size_of(set), living);
		unsigned other = below(&state, MANY);
		tally_object *twin = letter(other);
		CHECK_EQ(tally_weak_set_contains(set, twin), held[other] != NULL);
		tally_decref(twin);
	}
	for (int i = 0; i < MANY; i++) tally_decref(held[i]);
	CHECK_EQ(size_of(set), 0);
	tally_decref(set);
	letters_end();
}

// ---- threads ----

enum { THREADS = 4, ADDERS = 2, EQUALS = 1000, BOTH = 32 };

struct shared {
	tally_object *set, *other, *sets[BOTH];
	bool turned;
	tally_object *elements[ADDERS * EQUALS];
	atomic_uint added, popped;
	stage done;
};

// Each adds its own and others' equals, looks for them, takes them out or lets them die.
static void add_and_drop(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *own[8] = {0};
	uint64_t state = fixture_seed(number + 1);
	for (int i = 0; i < tap_scale(3000); i++) {
		unsigned place = below(&state, 8);
		tally_object *element = NULL;
		if (!own[place]) own[place] = letter(below(&state, 16));
		switch (below(&state, 6)) {
		case 0:
		case 1: CHECK(tally_weak_set_add(shared->set, own[place]) >= 0); break;
		case 2: CHECK(tally_weak_set_discard(shared->set, own[place]) >= 0); break;
		case 3:
			if (tally_weak_set_pop(shared->set, &element) == 1) CHECK(number_of(element) >= 0);
			tally_decref(element);
			break;
		case 4: CHECK(tally_weak_set_contains(shared->set, own[place]) >= 0); break;
		default:
			tally_decref(own[place]);
			own[place] = NULL;
		}
	}
	drop(own, 8);
}

static void four_threads_add_discard_pop_and_drop_and_the_set_is_empty(void)
{
	letters_begin();
	struct shared shared = {.set = empty()};
	run_threads(THREADS, add_and_drop, &shared);
	fixture_settle();
	CHECK_EQ(size_of(shared.set), 0);
	CHECK_NO_ERROR();
	tally_decref(shared.set);
	letters_end();
}

// Whoever comes later to an element finds it there, which takes less time: so they keep meeting.
static void add_equals(void *context, unsigned number)
{
	struct shared *shared = context;
	for (unsigned i = 0; i < EQUALS; i++)
		if (tally_weak_set_add(shared->set, shared->elements[number * EQUALS + i]) == 1) atomic_fetch_add(&shared->added, 1);
}

static void of_equal_elements_that_threads_add_one_gets_in(void)
{
	letters_begin();
	for (int round = 0; round < tap_scale(20); round++) {
		static struct shared shared;
		shared.set = empty();
		atomic_store(&shared.added, 0);
		for (int i = 0; i < ADDERS * EQUALS; i++) shared.elements[i] = letter(i % EQUALS);
		run_threads(ADDERS, add_equals, &shared);
		CHECK_EQ(atomic_load(&shared.added), EQUALS);
		CHECK_EQ(size_of(shared.set), EQUALS);
		drop(shared.elements, ADDERS * EQUALS);
		CHECK_EQ(size_of(shared.set), 0);
		tally_decref(shared.set);
	}
	letters_end();
}

static void pop_all(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *element = NULL;
	(void)number;
	while (tally_weak_set_pop(shared->set, &element) == 1) {
		atomic_fetch_add(&shared->popped, 1);
		tally_decref(element);
	}
}

static void each_element_is_popped_by_one_thread(void)
{
	letters_begin();
	for (int round = 0; round < tap_scale(30); round++) {
		struct shared shared = {.set = empty()};
		for (int i = 0; i < THREADS * 64; i++) {
			shared.elements[i] = letter(i);
			CHECK_EQ(tally_weak_set_add(shared.set, shared.elements[i]), 1);
		}
		run_threads(THREADS, pop_all, &shared);
		CHECK_EQ(atomic_load(&shared.popped), THREADS * 64);
		CHECK_EQ(size_of(shared.set), 0);
		drop(shared.elements, THREADS * 64);
		tally_decref(shared.set);
	}
	letters_end();
}

// Those of thread 0 let their elements die, one after the other; the others look, count and calculate.
static void let_die_or_calculate(void *context, unsigned number)
{
	struct shared *shared = context;
	for (int i = 0; number == 0 && i < THREADS * 64; i++) {
		tally_decref(shared->elements[i]);
		if (i % 16 == 0) tally_safepoint();
	}
	if (number == 0) reach(&shared->done, 1);
	for (int k = (int)number; number && !has_reached(&shared->done, 1); k++) {
		tally_object *made = must(operations[k % OPERATIONS].make(shared->set, shared->other)), *element = NULL;
		size_t position = 0;
		while (tally_weak_set_next(made, &position, &element) == 1) {
			CHECK(number_of(element) >= 0);
			tally_decref(element);
		}
		CHECK(tally_equal(made, shared->set) >= 0);
		CHECK(tally_compare(made, shared->other, TALLY_LE) >= 0);
		CHECK_EQ(operations[k % OPERATIONS].change(made, shared->set), 0);
		tally_decref(made);
	}
}

static void threads_calculate_with_sets_whose_elements_die(void)
{
	letters_begin();
	for (int round = 0; round < tap_scale(10); round++) {
		struct shared shared = {.set = empty(), .other = empty()};
		for (int i = 0; i < THREADS * 64; i++) {
			shared.elements[i] = letter(i);
			if (i % 3) CHECK_EQ(tally_weak_set_add(shared.set, shared.elements[i]), 1);
			if (i % 3 != 1) CHECK_EQ(tally_weak_set_add(shared.other, shared.elements[i]), 1);
		}
		run_threads(THREADS, let_die_or_calculate, &shared);
		fixture_settle();
		CHECK_EQ(size_of(shared.set), 0);
		CHECK_EQ(size_of(shared.other), 0);
		DROP(shared.set, shared.other);
	}
	CHECK_NO_ERROR();
	letters_end();
}

// Threads make sets of common elements and let them go, while the elements die elsewhere: neither waits for the other.
static void fill_and_forget(void *context, unsigned number)
{
	struct shared *shared = context;
	for (int round = 0; round < 8; round++) {
		tally_object *set = empty();
		for (unsigned i = number; i < 64; i++) CHECK(tally_weak_set_add(set, shared->elements[i]) >= 0);
		if (round % 2) tally_gc_collect(0);
		tally_decref(set);
	}
	for (unsigned i = number; i < 64; i += THREADS) CHECK(tally_weak_set_add(shared->set, shared->elements[i]) >= 0);
}

static void sets_and_elements_die_on_different_threads(void)
{
	letters_begin();
	for (int round = 0; round < tap_scale(20); round++) {
		struct shared shared = {.set = empty()};
		for (int i = 0; i < 64; i++) shared.elements[i] = letter(i);
		run_threads(THREADS, fill_and_forget, &shared);
		CHECK_EQ(size_of(shared.set), 64);
		drop(shared.elements, 64);
		fixture_settle();
		CHECK_EQ(size_of(shared.set), 0);
		tally_decref(shared.set);
	}
	letters_end();
}

// One gives up the sets, from the last to the first or the other way round, the other one the elements.
static void give_up_sets_or_elements(void *context, unsigned number)
{
	struct shared *shared = context;
	for (unsigned i = 0; i < BOTH; i++) tally_decref(number ? shared->elements[i] : shared->sets[shared->turned ? BOTH - 1 - i : i]);
}

static void sets_and_elements_die_at_the_same_time(void)
{
	letters_begin();
	for (int round = 0; round < tap_scale(20); round++) {
		static struct shared shared;
		shared.turned = round % 2;
		for (int i = 0; i < BOTH; i++) shared.elements[i] = letter(i);
		for (int i = 0; i < BOTH; i++) shared.sets[i] = must(tally_weak_set_new(NULL));
		for (int i = 0; i < BOTH * BOTH; i++) CHECK_EQ(tally_weak_set_add(shared.sets[i / BOTH], shared.elements[i % BOTH]), 1);
		run_threads(2, give_up_sets_or_elements, &shared);
	}
	letters_end();
}

int main(void)
{
	classes_begin(120);
	TAP_RUN(a_new_weak_set_is_empty);
	TAP_RUN(the_size_is_the_number_of_living_elements);
	TAP_RUN(what_is_alive_and_equal_is_contained_and_nothing_else);
	TAP_RUN(add_stores_no_reference_and_only_once);
	TAP_RUN(discard_removes_what_is_there);
	TAP_RUN(pop_gives_the_last_of_the_living_each_once);
	TAP_RUN(clear_forgets_all);
	TAP_RUN(what_cannot_be_referred_to_weakly_is_refused);
	TAP_RUN(what_is_no_weak_set_says_so);
	TAP_RUN(null_is_no_element_and_no_items);
	TAP_RUN(a_weak_set_is_not_hashable_but_its_elements_may_have_any_hash);
	TAP_RUN(a_weak_set_can_be_referred_to_weakly_itself);
	TAP_RUN(it_shows_its_living_elements_and_knows_its_bytes);
	TAP_RUN(algebra_makes_weak_sets_of_what_sets_would_have);
	TAP_RUN(updates_change_the_set_to_what_algebra_makes);
	TAP_RUN(what_algebra_made_shrinks_when_elements_die);
	TAP_RUN(in_place_with_itself);
	TAP_RUN(elements_that_only_the_items_keep_count_once);
	TAP_RUN(copies_and_new_ones_have_the_order_of_what_they_are_made_of);
	TAP_RUN(weak_sets_are_ordered_by_inclusion);
	TAP_RUN(subsets_supersets_and_what_is_disjoint_in_every_form);
	TAP_RUN(a_weak_set_equals_only_weak_sets_with_equal_elements);
	TAP_RUN(deaths_during_an_iteration_end_nothing_and_skip_nobody_else);
	TAP_RUN(an_iterator_keeps_its_element_alive_and_nothing_else);
	TAP_RUN(the_set_may_die_before_its_elements);
	TAP_RUN(the_set_may_die_with_its_elements);
	TAP_RUN(a_stale_watcher_never_removes_a_fresh_entry);
	TAP_RUN(pop_passes_over_the_dying);
	TAP_RUN(of_two_equal_elements_the_one_that_was_added_counts);
	TAP_RUN(an_element_that_its_finalizer_brings_back_is_still_there);
	TAP_RUN(what_the_collector_finds_is_gone_when_it_returns);
	TAP_RUN(a_weak_set_inside_a_cycle_goes_with_it);
	TAP_RUN(a_weak_set_makes_no_cycle);
	TAP_RUN(elements_may_die_in_the_middle_of_algebra);
	TAP_RUN(elements_may_die_in_the_middle_of_algebra_with_equals);
	TAP_RUN(an_equality_may_use_and_change_the_set);
	TAP_RUN(hooks_may_drop_what_the_call_was_given);
	TAP_RUN(an_error_of_the_hash_or_the_equality_comes_through);
	TAP_RUN(what_finds_no_memory_is_not_made_and_nothing_is_lost);
	TAP_RUN(an_element_that_cannot_be_added_is_not_there);
	TAP_RUN(what_needs_no_memory_works_without);
	TAP_RUN(many_elements_come_and_go);
	TAP_RUN(four_threads_add_discard_pop_and_drop_and_the_set_is_empty);
	TAP_RUN(of_equal_elements_that_threads_add_one_gets_in);
	TAP_RUN(each_element_is_popped_by_one_thread);
	TAP_RUN(threads_calculate_with_sets_whose_elements_die);
	TAP_RUN(sets_and_elements_die_on_different_threads);
	TAP_RUN(sets_and_elements_die_at_the_same_time);
	return tap_end();
}
