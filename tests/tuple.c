// tests/tuple.c: tuples: what they hold, what they refuse, how they compare and die.
#include "sequences.h"

static tally_object *tuple_of(unsigned size, tally_object *const *items) { return must(tally_tuple_new(items, size)); }

static void a_tuple_holds_a_reference_to_each_element(void)
{
	tally_object *items[] = {counted(10), counted(11), counted(12)}, *tuple = tuple_of(3, items);
	size_t size = 99;
	CHECK(tally_is_tuple(tuple));
	CHECK_EQ(tally_tuple_size(tuple, &size), 0);
	CHECK_EQ(size, 3);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_refcount(items[i]), 2);
	for (int i = 0; i < 3; i++) {
		tally_object *got = tally_tuple_get(tuple, i);
		CHECK_PTR(got, items[i]);
		CHECK_EQ(tally_refcount(got), 3);
		tally_decref(got);
	}
	tally_decref(tuple);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

static void there_is_one_empty_tuple_immortal_and_untracked(void)
{
	tally_object *tuple = tuple_of(0, NULL), *one = tuple_of(1, &tuple), *list = must(tally_list_new());
	tally_object *same[] = {tally_tuple_from(list), tally_tuple_slice(one, 1, 1, 1), tally_tuple_repeat(one, 0),
	                        tally_tuple_repeat(tuple, SIZE_MAX), tally_tuple_concat(tuple, tuple)};
	size_t size = 99;
	CHECK_EQ(tally_tuple_size(tuple, &size), 0);
	CHECK_EQ(size, 0);
	CHECK(tally_is_tuple(tuple));
	CHECK_EQ(tally_refcount(tuple), UINT32_MAX);
	CHECK(!tally_gc_is_tracked(tuple));
	CHECK(tally_gc_is_tracked(one));
	for (int i = 0; i < 5; i++) {
		CHECK_PTR(same[i], tuple);
		tally_decref(same[i]);
	}
	tally_decref(one);
	tally_decref(list);
	tally_decref(tuple);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_negative_index_counts_from_the_end(void)
{
	tally_object *items[] = {counted(10), counted(11)}, *tuple = tuple_of(2, items);
	CHECK_EQ(take_counted(tally_tuple_get(tuple, -1)), 11);
	CHECK_EQ(take_counted(tally_tuple_get(tuple, -2)), 10);
	tally_decref(tuple);
	tally_decref(items[0]);
	tally_decref(items[1]);
}

static void an_index_outside_is_an_error(void)
{
	tally_object *item = counted(1), *tuple = tuple_of(1, &item);
	CHECK(!tally_tuple_get(tuple, 1));
	CHECK_ERROR(TALLY_ERROR_INDEX, "tuple_get: index 1 out of range for 1 element");
	CHECK(!tally_tuple_get(tuple, -2));
	CHECK_ERROR(TALLY_ERROR_INDEX, "tuple_get: index -2 out of range for 1 element");
	CHECK(!tally_tuple_get(tuple, PTRDIFF_MIN));
	CHECK_ERROR(TALLY_ERROR_INDEX, "tuple_get: index -9223372036854775808 out of range for 1 element");
	CHECK(!tally_tuple_get(tuple, PTRDIFF_MAX));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
	tally_decref(tuple);
	tally_decref(item);
}

static void null_elements_and_impossible_sizes_are_refused(void)
{
	tally_object *items[] = {counted(1), NULL};
	CHECK(!tally_tuple_new(items, 2));
	CHECK_ERROR(TALLY_ERROR_VALUE, "tuple_new: element 1 is NULL");
	CHECK(!tally_tuple_new(NULL, 2));
	CHECK_ERROR(TALLY_ERROR_VALUE, "tuple_new: 2 elements at NULL");
	CHECK(!tally_tuple_new(items, SIZE_MAX));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "tuple_new: 18446744073709551615 elements are more than a tuple can have");
	CHECK_EQ(tally_refcount(items[0]), 1);
	tally_decref(items[0]);
}

static void what_is_no_tuple_says_so(void)
{
	tally_object *list = must(tally_list_new());
	size_t size = 99;
	CHECK_EQ(tally_tuple_size(list, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_size: expected a tuple, got a 'list'");
	CHECK(!tally_tuple_get(list, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_get: expected a tuple, got a 'list'");
	CHECK(!tally_tuple_get(NULL, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_get: expected a tuple, got NULL");
	CHECK(!tally_tuple_slice(list, 0, 1, 1));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_slice: expected a tuple, got a 'list'");
	tally_object *empty = tuple_of(0, NULL);
	CHECK(!tally_tuple_concat(empty, list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_concat: expected a tuple, got a 'list'");
	CHECK(!tally_tuple_concat(list, empty));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_concat: expected a tuple, got a 'list'");
	CHECK(!tally_tuple_repeat(NULL, 1));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_repeat: expected a tuple, got NULL");
	CHECK(!tally_tuple_from(tally_none()));
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_from: expected a str, bytes, tuple, list, dict, set or iterator, got a 'none'");
	CHECK_EQ(tally_tuple_index(list, list, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_index: expected a tuple, got a 'list'");
	CHECK_EQ(tally_tuple_count(list, list, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "tuple_count: expected a tuple, got a 'list'");
	CHECK_EQ(size, 99);
	CHECK(!tally_is_tuple(list));
	tally_decref(list);
}

static void tuples_of_every_size_hold_their_elements(void)
{
	static tally_object *items[5000];
	const size_t most = tap_scale(5000) < 5000 ? 1100 : 5000;
	for (size_t i = 0; i < most; i++) items[i] = counted((int64_t)i);
	for (size_t size = 1; size <= most; size += 1 + size / 16) {
		tally_object *tuple = must(tally_tuple_new(items, size));
		CHECK_EQ(take_counted(tally_tuple_get(tuple, 0)), 0);
		CHECK_EQ(take_counted(tally_tuple_get(tuple, -1)), size - 1);
		CHECK_EQ(take_counted(tally_tuple_get(tuple, (ptrdiff_t)size / 2)), size / 2);
		tally_decref(tuple);
	}
	for (size_t i = 0; i < most; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

static void tuples_are_equal_element_by_element_and_hash_alike(void)
{
	tally_object *one = counted(1), *real = must(tally_float_new(COUNTED + 1)), *two = counted(2);
	tally_object *a = tuple_of(2, (tally_object *[]){one, two}), *b = tuple_of(2, (tally_object *[]){real, two});
	tally_object *swapped = tuple_of(2, (tally_object *[]){two, one}), *shorter = tuple_of(1, &one);
	tally_object *longer = tuple_of(3, (tally_object *[]){one, two, two}), *list = must(tally_list_from(&one, 1));
	tally_object *others[] = {swapped, shorter, longer, list};
	uint64_t left = 0, right = 1;
	CHECK_EQ(tally_equal(a, b), 1);
	CHECK_EQ(tally_hash(a, &left), 0);
	CHECK_EQ(tally_hash(b, &right), 0);
	CHECK_EQ(left, right);
	for (int i = 0; i < 4; i++) CHECK_EQ(tally_equal(a, others[i]), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_hash(others[i], &right), 0);
		CHECK(left != right);
	}
	tally_object *all[] = {one, real, two, a, b, swapped, shorter, longer, list};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) tally_decref(all[i]);
}

static void tuples_are_keys_by_content(void)
{
	tally_object *word = text("word"), *same_word = text("word"), *number = counted(3), *found = NULL;
	tally_object *key = tuple_of(2, (tally_object *[]){word, number});
	tally_object *same_key = tuple_of(2, (tally_object *[]){same_word, number}), *dict = must(tally_dict_new());
	CHECK_EQ(tally_dict_set(dict, key, number), 0);
	CHECK_EQ(tally_dict_get(dict, same_key, &found), 1);
	CHECK_PTR(found, number);
	tally_object *all[] = {word, same_word, number, found, key, same_key, dict};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) tally_decref(all[i]);
}

static void elements_die_from_the_first_to_the_last(void)
{
	tally_object *type = fixture_probe_type(), *items[5];
	for (int i = 0; i < 5; i++) items[i] = probe(type, i);
	tally_object *tuple = tuple_of(5, items);
	for (int i = 0; i < 5; i++) tally_decref(items[i]);
	check_died_in_order(0);
	tally_decref(tuple);
	check_died_in_order(5);
}

// ---- made of others ----

// Checks that the tuple is exactly the ints that stand for these; gives it up.
#define TAKE_TUPLE(tuple, ...)                                                                                         \
	take_tuple((tuple), (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

static void take_tuple(tally_object *tuple, const int64_t *values, size_t size)
{
	size_t found = SIZE_MAX;
	if (!CHECK(tuple)) return;
	CHECK_EQ(tally_tuple_size(tuple, &found), 0);
	if (CHECK_EQ(found, size))
		for (size_t i = 0; i < size; i++) CHECK_EQ(take_counted(tally_tuple_get(tuple, (ptrdiff_t)i)), values[i]);
	tally_decref(tuple);
}

static tally_object *count_up_tuple(int64_t size)
{
	tally_object *list = count_up(size), *tuple = must(tally_tuple_from(list));
	tally_decref(list);
	return tuple;
}

static void a_tuple_is_made_of_anything_that_can_be_gone_through(void)
{
	tally_object *list = LIST(4, 5), *tuple = count_up_tuple(2), *dict = must(tally_dict_new()), *key = counted(7);
	CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
	TAKE_TUPLE(tally_tuple_from(list), 4, 5);
	TAKE_TUPLE(tally_tuple_from(dict), 7);
	tally_object *same = tally_tuple_from(tuple), *iterator = must(tally_iter_reversed(list));
	CHECK_PTR(same, tuple);
	CHECK_EQ(tally_refcount(tuple), 2);
	TAKE_TUPLE(tally_tuple_from(iterator), 5, 4);
	tally_object *many = count_up_tuple(1000);
	CHECK_EQ(take_counted(tally_tuple_get(many, 999)), 999);
	CHECK_EQ(tally_refcount(key), 2);
	tally_object *all[] = {list, tuple, dict, key, same, iterator, many};
	for (int i = 0; i < 7; i++) tally_decref(all[i]);
}

static void check_slice(tally_object *tuple, size_t size, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	size_t places[32], count = places_of(size, start, stop, step, places);
	int64_t values[32];
	for (size_t i = 0; i < count; i++) values[i] = (int64_t)places[i];
	take_tuple(tally_tuple_slice(tuple, start, stop, step), values, count);
}

static void every_slice_is_the_one_that_counting_finds(void)
{
	for (size_t size = 0; size <= 4; size++) {
		tally_object *tuple = count_up_tuple((int64_t)size);
		for (ptrdiff_t start = -7; start <= 6; start++)
			for (ptrdiff_t stop = -7; stop <= 6; stop++)
				for (ptrdiff_t step = -5; step <= 5; step++)
					if (step)
						check_slice(tuple, size, start < -6 ? TALLY_SLICE_NONE : start,
						            stop < -6 ? TALLY_SLICE_NONE : stop, step);
		tally_decref(tuple);
	}
}

static void a_slice_of_everything_is_the_tuple_itself(void)
{
	tally_object *tuple = count_up_tuple(3), *same = tally_tuple_slice(tuple, -3, 5, 1), *once = tally_tuple_repeat(tuple, 1);
	CHECK_PTR(same, tuple);
	CHECK_PTR(once, tuple);
	CHECK_EQ(tally_refcount(tuple), 3);
	CHECK(!tally_tuple_slice(tuple, 0, 1, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "tuple_slice: the step is 0");
	tally_decref(tuple);
	tally_decref(same);
	tally_decref(once);
}

static void tuples_are_joined_and_repeated(void)
{
	tally_object *a = count_up_tuple(2), *b = count_up_tuple(1), *empty = tuple_of(0, NULL);
	TAKE_TUPLE(tally_tuple_concat(a, b), 0, 1, 0);
	TAKE_TUPLE(tally_tuple_concat(a, empty), 0, 1);
	TAKE_TUPLE(tally_tuple_concat(empty, b), 0);
	TAKE_TUPLE(tally_tuple_repeat(a, 3), 0, 1, 0, 1, 0, 1);
	CHECK(!tally_tuple_repeat(a, SIZE_MAX / 2 + 1));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "tuple_repeat: 18446744073709551615 elements are more than a tuple can have");
	CHECK(!tally_tuple_repeat(b, (size_t)PTRDIFF_MAX / 8));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "tuple_repeat: 1152921504606846975 elements are more than a tuple can have");
	tally_object *all[] = {a, b, empty};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- searching and order ----

static int hook_calls, hook_fails_at;

static int equal_never(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	return ++hook_calls == hook_fails_at ? hook_fails() : 0;
}

static void elements_are_found_by_equality(void)
{
	tally_object *items[] = {counted(1), text("word"), must(tally_float_new(COUNTED + 1))}, *tuple = tuple_of(3, items);
	tally_object *word = text("word"), *one = counted(1);
	size_t index = 77, count = 77;
	CHECK_EQ(tally_tuple_index(tuple, word, &index), 1);
	CHECK_EQ(index, 1);
	CHECK_EQ(tally_tuple_index(tuple, items[2], &index), 1);
	CHECK_EQ(index, 0);
	CHECK_EQ(tally_tuple_count(tuple, one, &count), 0);
	CHECK_EQ(count, 2);
	CHECK_EQ(tally_tuple_index(tuple, tally_none(), &index), 0);
	CHECK_EQ(index, 0);
	CHECK_EQ(tally_tuple_count(tuple, tally_none(), &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(tally_tuple_index(tuple, NULL, &index), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "tuple_index: the value is NULL");
	CHECK_EQ(tally_tuple_count(tuple, NULL, &index), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "tuple_count: the value is NULL");
	tally_object *all[] = {items[0], items[1], items[2], tuple, word, one};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
}

static void an_error_of_a_comparison_is_passed_on(void)
{
	tally_object *type = hook_class(equal_never), *items[4], *other = count_up_tuple(4);
	for (int i = 0; i < 4; i++) items[i] = must(tally_instance_new(type));
	tally_object *tuple = tuple_of(4, items);
	size_t size = 77;
	for (hook_fails_at = 1; hook_fails_at <= 4; hook_fails_at++) {
		hook_calls = 0;
		CHECK_EQ(tally_tuple_index(tuple, tally_none(), &size), -1);
		CHECK_HOOK_FAILED();
		hook_calls = 0;
		CHECK_EQ(tally_tuple_count(tuple, tally_none(), &size), -1);
		CHECK_HOOK_FAILED();
		CHECK_EQ(hook_calls, hook_fails_at);
	}
	hook_fails_at = 1;
	hook_calls = 0;
	CHECK_EQ(tally_equal(tuple, other), -1);
	CHECK_HOOK_FAILED();
	hook_calls = 0;
	CHECK_EQ(tally_compare(tuple, other, TALLY_GE), -1);
	CHECK_HOOK_FAILED();
	CHECK_EQ(size, 77);
	tally_object *all[] = {type, other, tuple, items[0], items[1], items[2], items[3]};
	for (int i = 0; i < 7; i++) tally_decref(all[i]);
	hook_collect();
}

static void check_order(tally_object *a, tally_object *b, int sign)
{
	CHECK_EQ(tally_compare(a, b, TALLY_LT), sign < 0);
	CHECK_EQ(tally_compare(a, b, TALLY_LE), sign <= 0);
	CHECK_EQ(tally_compare(a, b, TALLY_EQ), sign == 0);
	CHECK_EQ(tally_compare(a, b, TALLY_NE), sign != 0);
	CHECK_EQ(tally_compare(a, b, TALLY_GT), sign > 0);
	CHECK_EQ(tally_compare(a, b, TALLY_GE), sign >= 0);
}

static void tuples_are_ordered_at_the_first_element_that_differs(void)
{
	tally_object *one = counted(1), *two = counted(2), *word = text("a");
	tally_object *tuples[] = {tuple_of(0, NULL), tuple_of(1, &one), tuple_of(2, (tally_object *[]){one, one}),
	                          tuple_of(2, (tally_object *[]){one, two}), tuple_of(1, &two)};
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 5; k++) check_order(tuples[i], tuples[k], (i > k) - (i < k));
	tally_object *mixed = tuple_of(2, (tally_object *[]){one, word}), *list = must(tally_list_from(&one, 1));
	CHECK_EQ(tally_compare(mixed, tuples[2], TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "compare: a 'str' and a 'int' have no order");
	check_order(mixed, tuples[1], 1);
	CHECK_EQ(tally_compare(tuples[1], list, TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "compare: a 'tuple' and a 'list' have no order");
	tally_object *all[] = {one, two, word, mixed, list, tuples[0], tuples[1], tuples[2], tuples[3], tuples[4]};
	for (int i = 0; i < 10; i++) tally_decref(all[i]);
}

static void too_deep_is_an_error(void)
{
	tally_object *a = tuple_of(0, NULL), *b = must(tally_list_new());
	for (int i = 0; i < 1100; i++) {
		tally_object *outer = tuple_of(1, &a), *other = tuple_of(1, &b);
		tally_decref(a);
		tally_decref(b);
		a = outer;
		b = other;
	}
	CHECK_EQ(tally_compare(a, b, TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "compare: nested deeper than 1000 levels");
	CHECK_EQ(tally_equal(a, b), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "equal: nested deeper than 1000 levels");
	tally_decref(a);
	tally_decref(b);
}

static void check_repr(tally_object *object, const char *expected)
{
	tally_object *str = must(tally_repr(object));
	CHECK_STR(tally_str_utf8(str, NULL), expected);
	tally_decref(str);
}

static void a_tuple_shows_its_elements_and_a_single_one_has_a_comma(void)
{
	tally_object *one = integer(1), *empty = tuple_of(0, NULL), *single = tuple_of(1, &one);
	tally_object *more = tuple_of(3, (tally_object *[]){one, single, empty}), *list = must(tally_list_from(&more, 1));
	check_repr(empty, "()");
	check_repr(single, "(1,)");
	check_repr(more, "(1, (1,), ())");
	tally_object *around = tuple_of(1, &list);
	CHECK_EQ(tally_list_set(list, 0, around), 0);
	check_repr(around, "([(...)],)");
	CHECK_EQ(tally_list_clear(list), 0);
	tally_object *all[] = {one, empty, single, more, list, around};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
}

// ---- without memory ----

static tally_object *scene_tuple, *scene_list;

static bool take_new(tally_object *made)
{
	tally_decref(made);
	return made != NULL;
}

static bool play_new(void) { return take_new(tally_tuple_new(&scene_list, 1)); }
static bool play_from(void) { return take_new(tally_tuple_from(scene_list)); }
static bool play_from_iterator(void)
{
	tally_object *iterator = tally_iter(scene_list), *made = iterator ? tally_tuple_from(iterator) : NULL;
	bool is_made = iterator != NULL;
	tally_decref(iterator);
	return take_new(made) && is_made;
}
static bool play_slice(void) { return take_new(tally_tuple_slice(scene_tuple, 0, 100, 2)); }
static bool play_concat(void) { return take_new(tally_tuple_concat(scene_tuple, scene_tuple)); }
static bool play_repeat(void) { return take_new(tally_tuple_repeat(scene_tuple, 2)); }

// Each refers to what was there before, so a reference too many would show.
static void without_memory_nothing_is_made_and_nothing_lost(void)
{
	tally_object *item = counted(1), *items[50];
	for (int i = 0; i < 50; i++) items[i] = item;
	scene_tuple = tuple_of(50, items);
	scene_list = must(tally_list_of(scene_tuple));
	fail_each_allocation(play_new, "tuple_new");
	fail_each_allocation(play_from, "tuple_from");
	fail_each_allocation(play_slice, "tuple_slice");
	fail_each_allocation(play_concat, "tuple_concat");
	fail_each_allocation(play_repeat, "tuple_repeat");
	CHECK_EQ(tally_refcount(item), 101);
	if (faults_are_offered()) {
		for (uint64_t n = 1; n < 8; n++) {
			CHECK_EQ(tally_heap_fail(n, true), 0);
			play_from_iterator();
			CHECK_EQ(tally_heap_fail(0, false), 0);
			CHECK_EQ(tally_refcount(item), 101);
		}
	}
	tally_error_clear();
	tally_decref(scene_tuple);
	tally_decref(scene_list);
	tally_decref(item);
}

// ---- threads ----

static void read_everything(void *tuple, unsigned number)
{
	(void)number;
	for (int i = tap_scale(2000); i > 0; i--) {
		uint64_t hash;
		size_t size = 0;
		CHECK_EQ(tally_tuple_size(tuple, &size), 0);
		for (size_t each = 0; each < size; each++) CHECK_EQ(take_counted(tally_tuple_get(tuple, (ptrdiff_t)each)), each);
		CHECK_EQ(tally_hash(tuple, &hash), 0);
		tally_object *items[] = {must(tally_tuple_get(tuple, 0)), must(tally_tuple_get(tuple, 1)),
		                         must(tally_tuple_get(tuple, 2))};
		tally_object *same = tuple_of(3, items);
		CHECK_EQ(tally_equal(tuple, same), 1);
		CHECK_EQ(tally_equal(same, tuple), 1);
		tally_decref(same);
		for (int each = 0; each < 3; each++) tally_decref(items[each]);
	}
}

// Nothing guards it, so the thread sanitizer would see any write.
static void four_threads_read_one_tuple_without_a_lock(void)
{
	tally_object *items[] = {counted(0), counted(1), counted(2)}, *tuple = tuple_of(3, items);
	run_threads(4, read_everything, tuple);
	CHECK_EQ(tally_refcount(tuple), 1);
	tally_decref(tuple);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_tuple_holds_a_reference_to_each_element);
	TAP_RUN(there_is_one_empty_tuple_immortal_and_untracked);
	TAP_RUN(a_negative_index_counts_from_the_end);
	TAP_RUN(an_index_outside_is_an_error);
	TAP_RUN(null_elements_and_impossible_sizes_are_refused);
	TAP_RUN(what_is_no_tuple_says_so);
	TAP_RUN(tuples_of_every_size_hold_their_elements);
	TAP_RUN(tuples_are_equal_element_by_element_and_hash_alike);
	TAP_RUN(tuples_are_keys_by_content);
	TAP_RUN(elements_die_from_the_first_to_the_last);
	TAP_RUN(a_tuple_is_made_of_anything_that_can_be_gone_through);
	TAP_RUN(every_slice_is_the_one_that_counting_finds);
	TAP_RUN(a_slice_of_everything_is_the_tuple_itself);
	TAP_RUN(tuples_are_joined_and_repeated);
	TAP_RUN(elements_are_found_by_equality);
	TAP_RUN(an_error_of_a_comparison_is_passed_on);
	TAP_RUN(tuples_are_ordered_at_the_first_element_that_differs);
	TAP_RUN(too_deep_is_an_error);
	TAP_RUN(a_tuple_shows_its_elements_and_a_single_one_has_a_comma);
	TAP_RUN(without_memory_nothing_is_made_and_nothing_lost);
	TAP_RUN(four_threads_read_one_tuple_without_a_lock);
	return tap_end();
}
