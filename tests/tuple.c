// tests/tuple.c: tuples: what they hold, what they refuse, how they compare and die.
#include "fixture.h"

static tally_object *tuple_of(unsigned size, tally_object *const *items) { return must(tally_tuple_new(items, size)); }

static void a_tuple_holds_a_reference_to_each_element(void)
{
	tally_object *items[] = {integer(10), integer(11), integer(12)}, *tuple = tuple_of(3, items);
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

static void the_empty_tuple_needs_no_array(void)
{
	tally_object *tuple = tuple_of(0, NULL);
	size_t size = 99;
	CHECK_EQ(tally_tuple_size(tuple, &size), 0);
	CHECK_EQ(size, 0);
	tally_decref(tuple);
}

static void a_negative_index_counts_from_the_end(void)
{
	tally_object *items[] = {integer(10), integer(11)}, *tuple = tuple_of(2, items);
	CHECK_EQ(take_value(tally_tuple_get(tuple, -1)), 11);
	CHECK_EQ(take_value(tally_tuple_get(tuple, -2)), 10);
	tally_decref(tuple);
	tally_decref(items[0]);
	tally_decref(items[1]);
}

static void an_index_outside_is_an_error(void)
{
	tally_object *item = integer(1), *tuple = tuple_of(1, &item);
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
	tally_object *items[] = {integer(1), NULL};
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
	CHECK_EQ(size, 99);
	CHECK(!tally_is_tuple(list));
	tally_decref(list);
}

static void tuples_of_every_size_hold_their_elements(void)
{
	static tally_object *items[5000];
	const size_t most = tap_scale(5000) < 5000 ? 1100 : 5000;
	for (size_t i = 0; i < most; i++) items[i] = integer((int64_t)i);
	for (size_t size = 1; size <= most; size += 1 + size / 16) {
		tally_object *tuple = must(tally_tuple_new(items, size));
		CHECK_EQ(take_value(tally_tuple_get(tuple, 0)), 0);
		CHECK_EQ(take_value(tally_tuple_get(tuple, -1)), size - 1);
		CHECK_EQ(take_value(tally_tuple_get(tuple, (ptrdiff_t)size / 2)), size / 2);
		tally_decref(tuple);
	}
	for (size_t i = 0; i < most; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

static void tuples_are_equal_element_by_element_and_hash_alike(void)
{
	tally_object *one = integer(1), *real = must(tally_float_new(1)), *two = integer(2);
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
	tally_object *word = text("word"), *same_word = text("word"), *number = integer(3), *found = NULL;
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

static void read_everything(void *tuple, unsigned number)
{
	(void)number;
	for (int i = tap_scale(2000); i > 0; i--) {
		uint64_t hash;
		size_t size = 0;
		CHECK_EQ(tally_tuple_size(tuple, &size), 0);
		for (size_t each = 0; each < size; each++) CHECK_EQ(take_value(tally_tuple_get(tuple, (ptrdiff_t)each)), each);
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
	tally_object *items[] = {integer(0), integer(1), integer(2)}, *tuple = tuple_of(3, items);
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
	TAP_RUN(the_empty_tuple_needs_no_array);
	TAP_RUN(a_negative_index_counts_from_the_end);
	TAP_RUN(an_index_outside_is_an_error);
	TAP_RUN(null_elements_and_impossible_sizes_are_refused);
	TAP_RUN(what_is_no_tuple_says_so);
	TAP_RUN(tuples_of_every_size_hold_their_elements);
	TAP_RUN(tuples_are_equal_element_by_element_and_hash_alike);
	TAP_RUN(tuples_are_keys_by_content);
	TAP_RUN(elements_die_from_the_first_to_the_last);
	TAP_RUN(four_threads_read_one_tuple_without_a_lock);
	return tap_end();
}
