// tests/set.c: sets and frozensets: each operation by itself, algebra, order, equality, hash, errors, deaths, random operations
// against a simple model, several threads. Elements whose equality is the host's: keyed.c.
#include "callables.h"
#include "dicts.h"

// ---- sets of small numbers, written as bits ----

enum { BITS = 20 };

static tally_object *fill(tally_object *set, uint64_t bits)
{
	for (int i = 0; i < 64; i++) {
		if (!(bits >> i & 1)) continue;
		tally_object *number = integer(i);
		CHECK_EQ(tally_set_add(set, number), 1);
		tally_decref(number);
	}
	return set;
}

static tally_object *set_of(uint64_t bits) { return fill(must(tally_set_new(NULL)), bits); }

static tally_object *frozen(tally_object *items)
{
	tally_object *made = must(tally_frozenset_new(items));
	CHECK(tally_is_frozenset(made));
	tally_decref(items);
	return made;
}

static tally_object *frozenset_of(uint64_t bits) { return frozen(set_of(bits)); }

static size_t length_of(tally_object *set)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_set_size(set, &size), 0);
	return size;
}

static uint64_t bits_of(tally_object *set)
{
	tally_object *element = NULL;
	uint64_t bits = 0;
	size_t position = 0, count = 0;
	for (; tally_set_next(set, &position, &element) == 1; count++) bits |= (uint64_t)1 << take_value(element);
	CHECK_EQ(count, length_of(set));
	CHECK_EQ(count, __builtin_popcountll(bits));
	return bits;
}

static uint64_t take_bits(tally_object *set)
{
	uint64_t bits = set ? bits_of(set) : UINT64_MAX;
	tally_decref(set);
	return bits;
}

static tally_object *list_of(uint64_t bits)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 64; i++) {
		tally_object *number = integer(i);
		if (bits >> i & 1) CHECK_EQ(tally_list_append(list, number), 0);
		tally_decref(number);
	}
	return list;
}

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...)                                                                                                      \
	drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

// ---- one operation at a time ----

static void a_new_set_is_empty(void)
{
	tally_object *sets[] = {must(tally_set_new(NULL)), must(tally_frozenset_new(NULL))}, *element = sets[0],
		     *key = text("key");
	for (int i = 0; i < 2; i++) {
		size_t position = 0, length = 7;
		CHECK(tally_is_set(sets[i]) && !tally_is_dict(sets[i]));
		CHECK_EQ(tally_is_frozenset(sets[i]), i == 1);
		CHECK_STR(tally_type_name(sets[i]), i ? "frozenset" : "set");
		CHECK_EQ(length_of(sets[i]), 0);
		CHECK_EQ(tally_len(sets[i], &length), 0);
		CHECK_EQ(length, 0);
		CHECK_EQ(tally_set_contains(sets[i], key), 0);
		CHECK_EQ(tally_set_next(sets[i], &position, &element), 0);
	}
	CHECK_EQ(tally_set_discard(sets[0], key), 0);
	CHECK_EQ(tally_set_pop(sets[0], &element), 0);
	CHECK(!element);
	CHECK(!tally_is_set(NULL) && !tally_is_frozenset(NULL) && !tally_is_set(key));
	CHECK_NO_ERROR();
	DROP(sets[0], sets[1], key);
}

static void add_stores_a_reference_once(void)
{
	tally_object *set = must(tally_set_new(NULL)), *first = counted(1), *same = must(tally_float_new(COUNTED + 1));
	CHECK_EQ(tally_set_add(set, first), 1);
	CHECK_EQ(tally_set_add(set, first), 0);
	CHECK_EQ(tally_set_add(set, same), 0);
	CHECK_EQ(tally_refcount(first), 2);
	CHECK_EQ(tally_refcount(same), 1);
	CHECK_EQ(length_of(set), 1);
	CHECK_EQ(tally_set_contains(set, same), 1);
	CHECK_EQ(tally_set_discard(set, same), 1);
	fixture_settle();
	CHECK_EQ(tally_refcount(first), 1);
	CHECK_EQ(tally_set_discard(set, same), 0);
	CHECK_EQ(length_of(set), 0);
	DROP(set, first, same);
}

static void elements_come_in_the_order_in_which_they_were_added(void)
{
	tally_object *set = must(tally_set_new(NULL)), *element = NULL;
	static const int64_t order[] = {7, 3, 9, 1, 1000000, 5};
	size_t position = 0;
	for (int i = 0; i < 6; i++) {
		tally_object *number = integer(order[i]);
		CHECK_EQ(tally_set_add(set, number), 1);
		tally_decref(number);
	}
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(tally_set_next(set, &position, &element), 1);
		CHECK_EQ(take_value(element), order[i]);
	}
	CHECK_EQ(tally_set_next(set, &position, NULL), 0);
	position = 0;
	CHECK_EQ(tally_set_next(set, &position, NULL), 1);
	for (int i = 5; i >= 0; i--) {
		CHECK_EQ(tally_set_pop(set, &element), 1);
		fixture_settle();
		CHECK_EQ(tally_refcount(element), order[i] == 1000000 ? 1 : UINT32_MAX);
		CHECK_EQ(take_value(element), order[i]);
	}
	CHECK_EQ(tally_set_add(set, tally_none()), 1);
	CHECK_EQ(tally_set_pop(set, NULL), 1);
	CHECK_EQ(tally_set_pop(set, NULL), 0);
	tally_decref(set);
}

static void many_elements_come_and_go(void)
{
	tally_object *set = must(tally_set_new(NULL));
	for (int64_t i = 0; i < 3000; i++) {
		tally_object *number = integer(i);
		CHECK_EQ(tally_set_add(set, number), 1);
		tally_decref(number);
	}
	for (int64_t i = 0; i < 3000; i++) {
		tally_object *number = integer(i);
		if (i % 3) CHECK_EQ(tally_set_discard(set, number), 1);
		CHECK_EQ(tally_set_contains(set, number), i % 3 == 0);
		tally_decref(number);
	}
	CHECK_EQ(length_of(set), 1000);
	CHECK_EQ(tally_set_clear(set), 0);
	CHECK_EQ(length_of(set), 0);
	CHECK_EQ(take_bits(fill(set, 7)), 7);
}

// ---- making, of anything that gives elements ----

static void a_set_is_made_of_anything_that_can_be_iterated(void)
{
	tally_object *list = list_of(0x2D), *items[5] = {list}, *word = text("abba"), *dict = count_up(3);
	for (int frozen_too = 0; frozen_too < 2; frozen_too++) {
		tally_object *(*const maker)(tally_object *) = frozen_too ? tally_frozenset_new : tally_set_new;
		items[1] = must(tally_set_new(list));
		items[2] = must(tally_frozenset_new(list));
		items[3] = must(tally_iter(list));
		items[4] = must(tally_tuple_from(list));
		for (int i = 0; i < 5; i++) {
			CHECK_EQ(take_bits(maker(items[i])), 0x2D);
			if (i) tally_decref(items[i]);
		}
		CHECK_EQ(take_bits(maker(dict)), 7);
		tally_object *letters = must(maker(word));
		CHECK_SHOWS(letters, frozen_too ? "frozenset({'a', 'b'})" : "{'a', 'b'}");
		tally_decref(letters);
	}
	DROP(list, word, dict);
}

static void a_frozenset_of_a_frozenset_is_itself_and_so_is_its_copy(void)
{
	tally_object *frozenset = frozenset_of(6), *set = set_of(6);
	tally_object *made[] = {must(tally_frozenset_new(frozenset)), must(tally_set_copy(frozenset)),
	                        must(tally_set_copy(set)), must(tally_set_new(frozenset)),
	                        must(tally_frozenset_new(set))};
	CHECK_PTR(made[0], frozenset);
	CHECK_PTR(made[1], frozenset);
	CHECK(made[2] != set);
	CHECK_STR(tally_type_name(made[2]), "set");
	CHECK_STR(tally_type_name(made[3]), "set");
	CHECK_STR(tally_type_name(made[4]), "frozenset");
	fill(made[2], 1);
	CHECK_EQ(bits_of(set), 6);
	for (int i = 0; i < 5; i++) CHECK_EQ(take_bits(made[i]), i == 2 ? 7 : 6);
	DROP(frozenset, set);
}

// ---- algebra ----

// What each operation makes of a and b.
static uint64_t unite(uint64_t a, uint64_t b) { return a | b; }
static uint64_t intersect(uint64_t a, uint64_t b) { return a & b; }
static uint64_t subtract(uint64_t a, uint64_t b) { return a & ~b; }
static uint64_t toggle(uint64_t a, uint64_t b) { return a ^ b; }

static const struct algebra {
	const char *name, *update_name;
	uint64_t (*expected)(uint64_t a, uint64_t b);
	tally_object *(*make)(tally_object *set, tally_object *items);
	int (*update)(tally_object *set, tally_object *items);
} algebra[] = {
	{"set_union", "set_update", unite, tally_set_union, tally_set_update},
	{"set_intersection", "set_intersect_update", intersect, tally_set_intersection, tally_set_intersect_update},
	{"set_difference", "set_subtract_update", subtract, tally_set_difference, tally_set_subtract_update},
	{"set_symmetric_difference", "set_toggle_update", toggle, tally_set_symmetric_difference,
         tally_set_toggle_update},
};

// The elements in `bits` in one of the shapes that can be iterated; a list and an iterator have some of them twice.
enum { SHAPES = 6 };
static tally_object *shape_of(uint64_t bits, unsigned shape)
{
	tally_object *list = list_of(bits), *made;
	size_t size = 0;
	CHECK_EQ(tally_list_size(list, &size), 0);
	for (size_t i = 0; i < size; i += 2) {
		tally_object *again = must(tally_list_get(list, (ptrdiff_t)i));
		CHECK_EQ(tally_list_append(list, again), 0);
		tally_decref(again);
	}
	switch (shape) {
	case 0:
		made = tally_set_new(list);
		break;
	case 1:
		made = tally_frozenset_new(list);
		break;
	case 2:
		made = tally_incref(list);
		break;
	case 3:
		made = tally_tuple_from(list);
		break;
	case 4:
		made = tally_iter(list);
		break;
	default:
		made = must(tally_dict_new());
		for (size_t i = 0; i < size; i++) set_int(made, take_value(tally_list_get(list, (ptrdiff_t)i)), 0);
	}
	tally_decref(list);
	return must(made);
}

static void check_algebra(uint64_t a, uint64_t b, unsigned shape, bool is_frozen)
{
	for (int i = 0; i < 4; i++) {
		tally_object *set = is_frozen ? frozenset_of(a) : set_of(a), *items = shape_of(b, shape);
		tally_object *made = must(algebra[i].make(set, items));
		CHECK_STR(tally_type_name(made), is_frozen ? "frozenset" : "set");
		CHECK(is_frozen || made != set);
		bool right = CHECK_EQ(take_bits(made), algebra[i].expected(a, b));
		right = CHECK_EQ(bits_of(set), a) && right;
		tally_decref(items);
		items = shape_of(b, shape);
		if (!is_frozen) {
			CHECK_EQ(algebra[i].update(set, items), 0);
			right = CHECK_EQ(bits_of(set), algebra[i].expected(a, b)) && right;
		}
		if (!right)
			tap_note("%s of %llx and %llx in shape %u", algebra[i].name, (unsigned long long)a,
			         (unsigned long long)b, shape);
		CHECK_NO_ERROR();
		DROP(set, items);
	}
}

static void algebra_agrees_with_bits(void)
{
	static const uint64_t some[] = {0, 1, 6, 0xF, 0xF0, 0xFF, 0x55, 0xFFFFF};
	for (unsigned shape = 0; shape < SHAPES; shape++)
		for (int i = 0; i < 8; i++)
			for (int k = 0; k < 8; k++) check_algebra(some[i], some[k], shape, (i + k) % 2);
}

static void random_algebra_agrees_with_bits(void)
{
	uint64_t state = fixture_seed(0);
	for (int i = tap_scale(3000); i > 0; i--) {
		uint64_t a = fixture_random(&state) >> (64 - BITS), b = fixture_random(&state) >> (64 - BITS);
		if (below(&state, 4) == 0) b &= fixture_random(&state) & fixture_random(&state);
		check_algebra(a, b, below(&state, SHAPES), below(&state, 2));
	}
}

static void a_set_with_itself_is_right_too(void)
{
	static const uint64_t expected[] = {0x2D, 0x2D, 0, 0};
	for (int i = 0; i < 4; i++) {
		tally_object *set = set_of(0x2D), *frozenset = frozenset_of(0x2D);
		CHECK_EQ(take_bits(algebra[i].make(set, set)), expected[i]);
		CHECK_EQ(take_bits(algebra[i].make(frozenset, frozenset)), expected[i]);
		CHECK_EQ(bits_of(set), 0x2D);
		CHECK_EQ(algebra[i].update(set, set), 0);
		CHECK_EQ(bits_of(set), expected[i]);
		DROP(set, frozenset);
	}
}

static void a_set_with_an_iterator_over_itself_ends(void)
{
	for (int i = 0; i < 4; i++) {
		tally_object *set = set_of(0x2D), *iterator = must(tally_iter(set));
		CHECK_EQ(algebra[i].update(set, iterator), 0);
		CHECK_EQ(bits_of(set), i < 2 ? 0x2D : 0);
		DROP(iterator, set);
	}
}

static void order_after_algebra_is_that_of_the_set_then_that_of_the_items(void)
{
	tally_object *set = must(tally_set_new(NULL)), *items = must(tally_list_new());
	for (int i = 0; i < 4; i++) {
		tally_object *left = integer(5 - i), *right = integer(i * 2);
		CHECK_EQ(tally_set_add(set, left), 1);        // 5 4 3 2
		CHECK_EQ(tally_list_append(items, right), 0); // 0 2 4 6
		DROP(left, right);
	}
	static const char *const shown[] = {"{5, 4, 3, 2, 0, 6}", "{2, 4}", "{5, 3}", "{5, 3, 0, 6}"};
	for (int i = 0; i < 4; i++) {
		tally_object *made = must(algebra[i].make(set, items));
		CHECK_SHOWS(made, shown[i]);
		tally_decref(made);
	}
	DROP(set, items);
}

// ---- questions ----

static void subsets_and_disjoint_sets_are_told(void)
{
	static const struct {
		uint64_t a, b;
		int subset, disjoint;
	} cases[] = {{0, 0, 1, 1}, {0, 5, 1, 1}, {5, 0, 0, 1},  {5, 5, 1, 0},
	             {5, 7, 1, 0}, {7, 5, 0, 0}, {5, 10, 0, 1}, {3, 0xF0, 0, 1}};
	for (int i = 0; i < 8; i++) {
		tally_object *left[] = {set_of(cases[i].a), frozenset_of(cases[i].a)},
			     *right[] = {set_of(cases[i].b), frozenset_of(cases[i].b)};
		for (int k = 0; k < 4; k++) CHECK_EQ(tally_set_is_subset(left[k / 2], right[k % 2]), cases[i].subset);
		for (unsigned shape = 0; shape < SHAPES; shape++) {
			tally_object *items = shape_of(cases[i].b, shape);
			CHECK_EQ(tally_set_is_disjoint(left[shape % 2], items), cases[i].disjoint);
			tally_decref(items);
		}
		DROP(left[0], left[1], right[0], right[1]);
	}
	tally_object *set = set_of(1), *empty = set_of(0);
	CHECK_EQ(tally_set_is_disjoint(set, set), 0);
	CHECK_EQ(tally_set_is_disjoint(empty, empty), 1);
	CHECK_EQ(tally_set_is_subset(set, set), 1);
	DROP(set, empty);
}

static void sets_are_equal_and_ordered_by_inclusion(void)
{
	static const uint64_t some[] = {0, 1, 2, 3, 7, 12, 15};
	for (int i = 0; i < 7; i++)
		for (int k = 0; k < 7; k++)
			for (int types = 0; types < 4; types++) {
				uint64_t a = some[i], b = some[k];
				tally_object *left = types & 1 ? frozenset_of(a) : set_of(a),
					     *right = types & 2 ? frozenset_of(b) : set_of(b);
				bool within = !(a & ~b), around = !(b & ~a);
				CHECK_EQ(tally_equal(left, right), a == b);
				CHECK_EQ(tally_compare(left, right, TALLY_EQ), a == b);
				CHECK_EQ(tally_compare(left, right, TALLY_NE), a != b);
				CHECK_EQ(tally_compare(left, right, TALLY_LE), within);
				CHECK_EQ(tally_compare(left, right, TALLY_LT), within && a != b);
				CHECK_EQ(tally_compare(left, right, TALLY_GE), around);
				CHECK_EQ(tally_compare(left, right, TALLY_GT), around && a != b);
				DROP(left, right);
			}
	tally_object *set = set_of(3), *dict = count_up(2), *list = list_of(3);
	CHECK_EQ(tally_equal(set, dict), 0);
	CHECK_EQ(tally_equal(list, set), 0);
	CHECK_EQ(tally_compare(set, set, TALLY_LE), 1);
	CHECK_EQ(tally_compare(set, set, TALLY_LT), 0);
	CHECK_EQ(tally_compare(set, list, TALLY_LE), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "compare: a 'set' and a 'list' have no order");
	DROP(set, dict, list);
}

static uint64_t hash_of(tally_object *object)
{
	uint64_t hash = 0;
	CHECK_EQ(tally_hash(object, &hash), 0);
	return hash;
}

static void equal_frozensets_have_equal_hashes_whatever_their_history(void)
{
	uint64_t state = fixture_seed(0), hashes[4] = {0};
	for (int round = tap_scale(300); round > 0; round--) {
		tally_object *up = must(tally_set_new(NULL)), *down = must(tally_set_new(NULL));
		uint64_t bits = fixture_random(&state) >> (64 - BITS);
		for (int i = 0; i < BITS; i++) {
			tally_object *low = integer(i), *high = must(tally_float_new(BITS - 1 - i));
			if (bits >> i & 1) CHECK_EQ(tally_set_add(up, low), 1);
			CHECK_EQ(tally_set_add(down, high), 1);
			DROP(low, high);
		}
		for (int i = 0; i < BITS; i++) {
			tally_object *number = integer(i);
			if (!(bits >> i & 1)) CHECK_EQ(tally_set_discard(down, number), 1);
			tally_decref(number);
		}
		up = frozen(up);
		down = frozen(down);
		CHECK_EQ(tally_equal(up, down), 1);
		CHECK_EQ(hash_of(up), hash_of(down));
		DROP(up, down);
	}
	static const uint64_t some[] = {0, 1, 2, 3};
	for (int i = 0; i < 4; i++) {
		tally_object *set = frozenset_of(some[i]);
		hashes[i] = hash_of(set);
		for (int k = 0; k < i; k++) CHECK(hashes[k] != hashes[i]);
		tally_decref(set);
	}
}

// Elements of elements: the eight frozensets of up to three numbers, in a dict, as Python's documentation builds numbers.
static void a_frozenset_is_a_key_and_an_element(void)
{
	tally_object *dict = must(tally_dict_new()), *set = must(tally_set_new(NULL)), *value = NULL;
	for (int i = 0; i < 8; i++) {
		tally_object *key = frozenset_of((uint64_t)i), *number = integer(i);
		CHECK_EQ(tally_dict_set(dict, key, number), 0);
		CHECK_EQ(tally_set_add(set, key), 1);
		DROP(key, number);
	}
	for (int i = 0; i < 8; i++) {
		tally_object *key = frozenset_of((uint64_t)i);
		CHECK_EQ(tally_dict_get(dict, key, &value), 1);
		CHECK_EQ(take_value(value), i);
		CHECK_EQ(tally_set_contains(set, key), 1);
		CHECK_EQ(tally_set_add(set, key), 0);
		tally_decref(key);
	}
	CHECK_EQ(length_of(set), 8);
	DROP(dict, set);
}

static void sets_are_shown_as_python_shows_them(void)
{
	tally_object *set = must(tally_set_new(NULL)), *frozenset = must(tally_frozenset_new(NULL)), *word = text("a");
	CHECK_SHOWS(set, "set()");
	CHECK_SHOWS(frozenset, "frozenset()");
	CHECK_EQ(tally_set_add(set, frozenset), 1);
	CHECK_EQ(tally_set_add(set, word), 1);
	CHECK_EQ(tally_set_add(set, tally_none()), 1);
	CHECK_SHOWS(set, "{frozenset(), 'a', None}");
	DROP(frozenset);
	frozenset = must(tally_frozenset_new(set));
	CHECK_SHOWS(frozenset, "frozenset({frozenset(), 'a', None})");
	DROP(set, frozenset, word);
}

static void the_size_of_a_set_counts_its_table(void)
{
	tally_object *set = set_of(0), *filled = set_of(0xFFFFF);
	size_t empty = 0, size = 0;
	CHECK_EQ(tally_sizeof(set, &empty), 0);
	CHECK_EQ(empty, 32);
	CHECK_EQ(tally_sizeof(filled, &size), 0);
	CHECK(size > 32 + 20 * 24 && size < 2000);
	DROP(set, filled);
}

// ---- errors ----

static void what_is_no_set_says_so(void)
{
	tally_object *dict = count_up(1), *frozenset = frozenset_of(3), *set = set_of(3), *out = set;
	size_t size = 99;
	CHECK_EQ(tally_set_size(dict, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_size: expected a set or frozenset, got a 'dict'");
	CHECK_EQ(tally_set_contains(NULL, dict), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_contains: expected a set or frozenset, got NULL");
	CHECK_EQ(tally_set_next(dict, &size, &out), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_next: expected a set or frozenset, got a 'dict'");
	CHECK_EQ(tally_set_is_subset(set, dict), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_is_subset: expected a set or frozenset, got a 'dict'");
	CHECK_EQ(tally_set_is_subset(dict, set), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_is_subset: expected a set or frozenset, got a 'dict'");
	CHECK_EQ(tally_set_is_disjoint(dict, set), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_is_disjoint: expected a set or frozenset, got a 'dict'");
	CHECK_EQ(tally_set_add(frozenset, dict), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_add: expected a set, got a 'frozenset'");
	CHECK_EQ(tally_set_discard(frozenset, dict), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_discard: expected a set, got a 'frozenset'");
	CHECK_EQ(tally_set_pop(frozenset, &out), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_pop: expected a set, got a 'frozenset'");
	CHECK(!out);
	CHECK_EQ(tally_set_clear(frozenset), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_clear: expected a set, got a 'frozenset'");
	CHECK(!tally_set_copy(dict));
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_copy: expected a set or frozenset, got a 'dict'");
	for (int i = 0; i < 4; i++) {
		char message[100];
		CHECK_EQ(algebra[i].update(frozenset, set), -1);
		snprintf(message, sizeof message, "%s: expected a set, got a 'frozenset'", algebra[i].update_name);
		CHECK_ERROR(TALLY_ERROR_TYPE, message);
		CHECK(!algebra[i].make(dict, set));
		snprintf(message, sizeof message, "%s: expected a set or frozenset, got a 'dict'", algebra[i].name);
		CHECK_ERROR(TALLY_ERROR_TYPE, message);
	}
	CHECK_EQ(bits_of(frozenset), 3);
	DROP(dict, frozenset, set);
}

// Elements 1 and 2, then what is no element.
static void what_is_no_element_is_refused(void)
{
	tally_object *set = set_of(3), *list = list_of(6), *inner = must(tally_list_new()),
		     *tuple = must(tally_tuple_new(&inner, 1));
	CHECK_EQ(tally_set_add(set, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "set_add: the element is NULL");
	CHECK_EQ(tally_set_contains(set, tuple), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_contains: expected a hashable object, got a 'list'");
	CHECK_EQ(tally_set_discard(set, set), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_discard: expected a hashable object, got a 'set'");
	CHECK_EQ(tally_list_append(list, tuple), 0);
	CHECK(!tally_set_new(list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_new: expected a hashable object, got a 'list'");
	CHECK(!tally_frozenset_new(list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "frozenset_new: expected a hashable object, got a 'list'");
	for (int i = 0; i < 4; i++) {
		char message[100];
		CHECK(!algebra[i].make(set, list));
		snprintf(message, sizeof message, "%s: expected a hashable object, got a 'list'", algebra[i].name);
		CHECK_ERROR(TALLY_ERROR_TYPE, message);
		CHECK_EQ(bits_of(set), 3);
	}
	CHECK_EQ(tally_set_intersect_update(set, list), -1);
	tally_error_clear();
	CHECK_EQ(tally_set_toggle_update(set, list), -1);
	tally_error_clear();
	CHECK_EQ(bits_of(set), 3);
	CHECK_EQ(tally_set_update(set, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_update: expected a hashable object, got a 'list'");
	CHECK_EQ(bits_of(set), 7); // the steps before it have been done
	CHECK_EQ(tally_set_subtract_update(set, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "set_subtract_update: expected a hashable object, got a 'list'");
	CHECK_EQ(bits_of(set), 1);
	DROP(set, list, tuple, inner);
}

static void what_cannot_be_iterated_is_refused(void)
{
	tally_object *set = set_of(3), *number = integer(5);
	static const char *const wanted = "expected a str, bytes, tuple, list, dict, set or iterator, got ";
	char message[128];
	for (int i = 0; i < 2; i++) {
		tally_object *items = i ? NULL : number;
		const char *got = i ? "NULL" : "a 'int'";
		for (int k = 0; k < 4; k++) {
			CHECK(!algebra[k].make(set, items));
			snprintf(message, sizeof message, "%s: %s%s", algebra[k].name, wanted, got);
			CHECK_ERROR(TALLY_ERROR_TYPE, message);
			CHECK_EQ(algebra[k].update(set, items), -1);
			snprintf(message, sizeof message, "%s: %s%s", algebra[k].update_name, wanted, got);
			CHECK_ERROR(TALLY_ERROR_TYPE, message);
		}
		CHECK_EQ(tally_set_is_disjoint(set, items), -1);
		snprintf(message, sizeof message, "set_is_disjoint: %s%s", wanted, got);
		CHECK_ERROR(TALLY_ERROR_TYPE, message);
	}
	CHECK(!tally_set_new(number));
	snprintf(message, sizeof message, "set_new: %sa 'int'", wanted);
	CHECK_ERROR(TALLY_ERROR_TYPE, message);
	CHECK_EQ(bits_of(set), 3);
	DROP(set, number);
}

// Gives 1, 2, and then fails.
static tally_object *give_two(void *context, tally_object *const *captured, tally_object *const *arguments,
                              size_t count)
{
	int *given = context;
	(void)captured, (void)arguments, (void)count;
	if (++*given <= 2) return tally_int_new(*given);
	tally_error_set(TALLY_ERROR_KEY, "nothing more to give");
	return NULL;
}

static void an_error_of_the_iteration_comes_through(void)
{
	int given = 0;
	tally_object *set = set_of(3), *source = function("give_two", give_two, &given);
	for (int i = 0; i < 10; i++) {
		tally_object *items = must(tally_iter_call(source, tally_none()));
		given = 0;
		if (i < 4)
			CHECK(!algebra[i].make(set, items));
		else if (i < 8)
			CHECK_EQ(algebra[i - 4].update(set, items), -1);
		else
			CHECK(!(i == 8 ? tally_set_new : tally_frozenset_new)(items));
		CHECK_ERROR(TALLY_ERROR_KEY, "nothing more to give");
		CHECK_EQ(bits_of(set), i < 4   ? 3
		                       : i < 6 ? 7
		                               : 1); // only updates and subtractions take steps before the error
		tally_decref(items);
	}
	DROP(set, source);
}

static void use_unattached(void)
{
	CHECK(!tally_set_new(NULL) && !tally_frozenset_new(NULL) && !tally_set_copy(NULL));
	CHECK_ERROR(TALLY_ERROR_THREAD, "set_copy: the thread is not attached");
	for (int i = 0; i < 4; i++) {
		CHECK(!algebra[i].make(NULL, NULL));
		CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
		CHECK_EQ(algebra[i].update(NULL, NULL), -1);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
		tally_error_clear();
	}
	CHECK_EQ(tally_set_add(NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "set_add: the thread is not attached");
}

static void a_thread_that_is_not_attached_is_refused(void) { run_unattached(use_unattached); }

static void sets_that_nest_too_deep_are_not_compared_or_shown(void)
{
	tally_object *a = frozenset_of(1), *b = frozenset_of(1);
	for (int i = 0; i < 1000; i++) {
		tally_object *items[] = {must(tally_tuple_new(&a, 1)), must(tally_tuple_new(&b, 1))};
		DROP(a, b);
		a = must(tally_frozenset_new(items[0]));
		b = must(tally_frozenset_new(items[1]));
		DROP(items[0], items[1]);
	}
	CHECK_EQ(tally_equal(a, b), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "equal: nested deeper than 1000 levels");
	CHECK_EQ(tally_compare(a, b, TALLY_LE), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "compare: nested deeper than 1000 levels");
	CHECK(!tally_repr(a));
	CHECK_ERROR(TALLY_ERROR_DEPTH, "repr: nested deeper than 1000 levels");
	CHECK_EQ(hash_of(a), hash_of(b)); // asks nobody
	DROP(a, b);
}

// ---- without memory ----

static tally_object *left, *right;

static bool succeeds(tally_object *made)
{
	tally_decref(made);
	return made != NULL;
}

static bool make_set(void) { return succeeds(tally_set_new(left)); }
static bool make_from_list(void) { return succeeds(tally_set_new(right)); }
static bool make_frozenset(void) { return succeeds(tally_frozenset_new(right)); }
static bool make_copy(void) { return succeeds(tally_set_copy(left)); }
static bool make_union(void) { return succeeds(tally_set_union(left, right)); }
static bool make_intersection(void) { return succeeds(tally_set_intersection(left, right)); }
static bool make_difference(void) { return succeeds(tally_set_difference(left, right)); }
static bool make_symmetric(void) { return succeeds(tally_set_symmetric_difference(left, right)); }
static bool ask_disjoint(void) { return tally_set_is_disjoint(left, right) >= 0; }
static bool keep_common(void) { return tally_set_intersect_update(left, right) == 0; }

static void what_finds_no_memory_is_not_made_and_nothing_is_lost(void)
{
	left = set_of(0xFFF);
	right = list_of(0xFF0);
	fail_each_allocation(make_set, "set_new");
	fail_each_allocation(make_from_list, "set_new");
	fail_each_allocation(make_frozenset, "frozenset_new");
	fail_each_allocation(make_copy, "set_copy");
	fail_each_allocation(make_union, "set_union");
	fail_each_allocation(make_intersection, "set_intersection");
	fail_each_allocation(make_difference, "set_difference");
	fail_each_allocation(make_symmetric, "set_symmetric_difference");
	fail_each_allocation(ask_disjoint, "set_is_disjoint");
	CHECK_EQ(bits_of(left), 0xFFF);
	fail_each_allocation(keep_common, "set_intersect_update");
	CHECK_EQ(bits_of(left), faults_are_offered() ? 0xFF0 : 0xFFF);
	DROP(left, right);
}

static void an_element_for_which_there_is_no_memory_is_not_added(void)
{
	tally_object *set = must(tally_set_new(NULL));
	if (!faults_are_offered()) {
		tally_decref(set);
		return;
	}
	for (int i = 0; i < 40; i++) {
		tally_object *number = counted(i);
		CHECK_EQ(tally_heap_fail(1, true), 0);
		int added = tally_set_add(set, number);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (added < 0) {
			CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
			tally_error_clear();
			CHECK_EQ(length_of(set), i);
			CHECK_EQ(tally_refcount(number), 1);
			CHECK_EQ(tally_set_add(set, number), 1);
		}
		tally_decref(number);
	}
	CHECK_EQ(length_of(set), 40);
	tally_decref(set);
}

// ---- deaths and garbage ----

static void elements_die_in_the_order_in_which_they_were_added(void)
{
	tally_object *type = fixture_probe_type(), *set = must(tally_set_new(NULL));
	for (int i = 0; i < 5; i++) {
		tally_object *element = probe(type, i);
		CHECK_EQ(tally_set_add(set, element), 1);
		tally_decref(element);
	}
	tally_object *copy = must(tally_set_copy(set));
	CHECK_EQ(tally_set_clear(set), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	tally_decref(copy);
	check_died_in_order(5);
	tally_decref(set);
}

// A cycle through a set goes through something else that can be changed: here an attribute of an instance.
static void a_cycle_through_a_set_is_collected(void)
{
	const tally_class_spec spec = {.size = sizeof spec, .name = "thing"};
	tally_object *type = must(tally_class_new(&spec)), *name = text("holder");
	for (int i = 0; i < 4; i++) {
		tally_object *self = must(tally_instance_new(type)), *items = must(tally_tuple_new(&self, 1));
		tally_object *set = must((i % 2 ? tally_frozenset_new : tally_set_new)(items));
		CHECK_EQ(tally_attr_set(self, name, set), 0);
		DROP(self, items, set);
	}
	CHECK_EQ(tally_gc_collect(2), 8);
	DROP(type, name);
	CHECK(tally_gc_collect(2) >= 0);
}

// ---- against a model ----

static void random_changes_agree_with_bits(void)
{
	tally_object *set = must(tally_set_new(NULL)), *element = NULL;
	uint64_t state = fixture_seed(0), bits = 0;
	for (int i = tap_scale(30000); i > 0; i--) {
		unsigned number = below(&state, 64), kind = below(&state, 10);
		uint64_t bit = (uint64_t)1 << number, others = fixture_random(&state) & fixture_random(&state);
		tally_object *key = integer(number), *items = kind < 4 && below(&state, 20) == 0
		                                                      ? shape_of(others, below(&state, SHAPES))
		                                                      : NULL;
		if (items) {
			CHECK_EQ(algebra[kind].update(set, items), 0);
			bits = algebra[kind].expected(bits, others);
		} else if (kind < 5) {
			CHECK_EQ(tally_set_add(set, key), !(bits & bit));
			bits |= bit;
		} else if (kind < 8) {
			CHECK_EQ(tally_set_discard(set, key), (bits & bit) != 0);
			bits &= ~bit;
		} else if (kind == 8) {
			CHECK_EQ(tally_set_contains(set, key), (bits & bit) != 0);
		} else {
			CHECK_EQ(tally_set_pop(set, &element), bits != 0);
			if (element) bits &= ~((uint64_t)1 << take_value(element));
		}
		if (!CHECK_EQ(bits_of(set), bits)) break;
		tally_decref(key);
		tally_decref(items);
	}
	tally_decref(set);
}

// ---- threads ----

enum { THREADS = 4 };
static int64_t rounds;
static atomic_ullong added;

static void add_all(void *set, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < rounds; i++) {
		tally_object *element = integer(below(&state, 2000));
		int status = tally_set_add(set, element);
		CHECK(status >= 0);
		atomic_fetch_add(&added, (unsigned)status);
		tally_decref(element);
	}
}

static void an_element_that_four_threads_add_is_added_once(void)
{
	tally_object *set = must(tally_set_new(NULL));
	rounds = tap_scale(20000);
	atomic_store(&added, 0);
	run_threads(THREADS, add_all, set);
	CHECK_EQ(length_of(set), atomic_load(&added));
	tally_decref(set);
}

static void change_somehow(void *sets, unsigned number)
{
	tally_object **both = sets;
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < rounds; i++) {
		tally_object *mine = both[below(&state, 2)], *other = both[below(&state, 2)],
			     *element = integer(COUNTED + below(&state, 50)), *made = NULL;
		unsigned kind = below(&state, 24);
		if (kind < 4)
			CHECK_EQ(algebra[kind].update(mine, other), 0);
		else if (kind < 8)
			made = must(algebra[kind - 4].make(mine, other));
		else if (kind == 8)
			CHECK(tally_compare(mine, other, TALLY_LE) >= 0);
		else if (kind == 9)
			CHECK(tally_set_pop(mine, &made) >= 0);
		else if (kind == 10)
			made = must(tally_frozenset_new(mine));
		else if (kind == 11)
			CHECK(tally_set_is_disjoint(mine, other) >= 0);
		else if (kind < 20)
			CHECK(tally_set_add(mine, element) >= 0);
		else
			CHECK(tally_set_discard(mine, element) >= 0);
		DROP(made, element);
	}
}

static void any_mix_of_operations_by_four_threads_loses_and_invents_nothing(void)
{
	tally_object *sets[] = {must(tally_set_new(NULL)), must(tally_set_new(NULL))}, *element = NULL;
	rounds = tap_scale(4000);
	run_threads(THREADS, change_somehow, sets);
	for (int i = 0; i < 2; i++) {
		size_t position = 0, seen = 0;
		uint64_t bits = 0;
		for (; tally_set_next(sets[i], &position, &element) == 1; seen++)
			bits |= (uint64_t)1 << take_counted(element);
		CHECK_EQ(seen, length_of(sets[i]));
		CHECK_EQ(seen, __builtin_popcountll(bits));
		tally_decref(sets[i]);
	}
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_new_set_is_empty);
	TAP_RUN(add_stores_a_reference_once);
	TAP_RUN(elements_come_in_the_order_in_which_they_were_added);
	TAP_RUN(many_elements_come_and_go);
	TAP_RUN(a_set_is_made_of_anything_that_can_be_iterated);
	TAP_RUN(a_frozenset_of_a_frozenset_is_itself_and_so_is_its_copy);
	TAP_RUN(algebra_agrees_with_bits);
	TAP_RUN(random_algebra_agrees_with_bits);
	TAP_RUN(a_set_with_itself_is_right_too);
	TAP_RUN(a_set_with_an_iterator_over_itself_ends);
	TAP_RUN(order_after_algebra_is_that_of_the_set_then_that_of_the_items);
	TAP_RUN(subsets_and_disjoint_sets_are_told);
	TAP_RUN(sets_are_equal_and_ordered_by_inclusion);
	TAP_RUN(equal_frozensets_have_equal_hashes_whatever_their_history);
	TAP_RUN(a_frozenset_is_a_key_and_an_element);
	TAP_RUN(sets_are_shown_as_python_shows_them);
	TAP_RUN(the_size_of_a_set_counts_its_table);
	TAP_RUN(what_is_no_set_says_so);
	TAP_RUN(what_is_no_element_is_refused);
	TAP_RUN(what_cannot_be_iterated_is_refused);
	TAP_RUN(an_error_of_the_iteration_comes_through);
	TAP_RUN(a_thread_that_is_not_attached_is_refused);
	TAP_RUN(sets_that_nest_too_deep_are_not_compared_or_shown);
	TAP_RUN(what_finds_no_memory_is_not_made_and_nothing_is_lost);
	TAP_RUN(an_element_for_which_there_is_no_memory_is_not_added);
	TAP_RUN(elements_die_in_the_order_in_which_they_were_added);
	TAP_RUN(a_cycle_through_a_set_is_collected);
	TAP_RUN(random_changes_agree_with_bits);
	TAP_RUN(an_element_that_four_threads_add_is_added_once);
	TAP_RUN(any_mix_of_operations_by_four_threads_loses_and_invents_nothing);
	return tap_end();
}
