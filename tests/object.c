// tests/object.c: counting, hashing, comparing and measuring objects of any type.
#include "fixture.h"

// ---- counts ----

static void incref_returns_its_argument_and_counts(void)
{
	tally_object *object = counted(1);
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_PTR(tally_incref(object), object);
	CHECK_EQ(tally_refcount(object), 2);
	tally_decref(object);
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
}

static void null_can_be_counted(void)
{
	CHECK(!tally_incref(NULL));
	tally_decref(NULL);
	CHECK_NO_ERROR();
}

static void the_last_decref_destroys_at_once(void)
{
	tally_object *object = probe(fixture_probe_type(), 0);
	tally_incref(object);
	tally_decref(object);
	check_died_in_order(0);
	tally_decref(object);
	check_died_in_order(1);
}

static void a_new_object_is_unique_until_it_is_shared(void)
{
	tally_object *object = counted(1);
	CHECK(tally_is_unique(object));
	tally_incref(object);
	CHECK(!tally_is_unique(object));
	tally_decref(object);
	CHECK(tally_is_unique(object));
	tally_decref(object);
}

static void an_immortalized_object_is_counted_no_more(void)
{
	tally_object *object = probe(fixture_probe_type(), 0);
	CHECK_EQ(tally_immortalize(object), 0);
	CHECK_EQ(tally_refcount(object), UINT32_MAX);
	CHECK(!tally_is_unique(object));
	for (int i = 0; i < 10; i++) tally_decref(object);
	CHECK_EQ(tally_refcount(object), UINT32_MAX);
	CHECK_EQ(tally_immortalize(object), 0);
	check_died_in_order(0);
	CHECK_EQ(tally_immortalize(NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "immortalize: expected an object, got NULL");
}

static void the_singletons_are_immortal(void)
{
	CHECK_EQ(tally_refcount(tally_none()), UINT32_MAX);
	CHECK_EQ(tally_refcount(tally_bool(true)), UINT32_MAX);
	for (int i = 0; i < 10; i++) tally_decref(tally_none());
	CHECK(tally_is_none(tally_none()));
}

// ---- hash ----

static uint64_t hash_of(tally_object *object)
{
	uint64_t hash = 0;
	CHECK_EQ(tally_hash(object, &hash), 0);
	return hash;
}

static void a_hash_stays_the_same(void)
{
	tally_object *items[] = {counted(7), text("seven"), probe(fixture_probe_type(), 7)};
	tally_object *tuple = must(tally_tuple_new(items, 3));
	for (int i = 0; i < 3; i++) CHECK_EQ(hash_of(items[i]), hash_of(items[i]));
	CHECK_EQ(hash_of(tuple), hash_of(tuple));
	CHECK_EQ(hash_of(tally_none()), hash_of(tally_none()));
	for (int i = 0; i < 3; i++) tally_decref(items[i]);
	tally_decref(tuple);
}

static void lists_and_dicts_are_not_hashable(void)
{
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new());
	uint64_t hash = 5;
	CHECK_EQ(tally_hash(list, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: expected a hashable object, got a 'list'");
	CHECK_EQ(tally_hash(dict, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: expected a hashable object, got a 'dict'");
	CHECK_EQ(tally_hash(NULL, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: expected a hashable object, got NULL");
	CHECK_EQ(hash, 5);
	tally_decref(list);
	tally_decref(dict);
}

static void the_unhashable_object_inside_a_tuple_is_named(void)
{
	tally_object *items[] = {counted(1), must(tally_dict_new())};
	tally_object *inner = must(tally_tuple_new(items, 2)), *outer = must(tally_tuple_new(&inner, 1));
	uint64_t hash = 5;
	CHECK_EQ(tally_hash(outer, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: expected a hashable object, got a 'dict'");
	CHECK_EQ(hash, 5);
	tally_decref(items[0]);
	tally_decref(items[1]);
	tally_decref(inner);
	tally_decref(outer);
}

static tally_object *tuple_around(tally_object *object)
{
	tally_object *tuple = must(tally_tuple_new(&object, 1));
	tally_decref(object);
	return tuple;
}

static tally_object *nested_tuple(unsigned levels, tally_object *innermost)
{
	tally_object *object = innermost;
	for (unsigned i = 0; i < levels; i++) object = tuple_around(object);
	return object;
}

static void a_thousand_levels_can_be_hashed_and_no_more(void)
{
	tally_object *deepest = nested_tuple(1000, counted(1)), *deeper = tuple_around(tally_incref(deepest));
	uint64_t hash = 5;
	CHECK_EQ(tally_hash(deepest, &hash), 0);
	hash = 5;
	CHECK_EQ(tally_hash(deeper, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "hash: nested deeper than 1000 levels");
	CHECK_EQ(hash, 5);
	tally_decref(deepest);
	tally_decref(deeper);
}

static void what_is_wrong_first_in_a_deep_tuple_is_reported(void)
{
	tally_object *unhashable = nested_tuple(999, must(tally_list_new())), *too_deep = nested_tuple(5000, text("x"));
	uint64_t hash;
	CHECK_EQ(tally_hash(unhashable, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: expected a hashable object, got a 'list'");
	CHECK_EQ(tally_hash(too_deep, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "hash: nested deeper than 1000 levels");
	tally_decref(unhashable);
	tally_decref(too_deep);
}

// ---- equality ----

static void objects_of_different_types_are_unequal(void)
{
	tally_object *objects[] = {
		tally_none(),
		counted(1),
		text("1"),
		must(tally_tuple_new(NULL, 0)),
		must(tally_list_new()),
		must(tally_dict_new()),
	};
	const int count = sizeof objects / sizeof objects[0];
	for (int i = 0; i < count; i++)
		for (int j = 0; j < count; j++) CHECK_EQ(tally_equal(objects[i], objects[j]), i == j);
	for (int i = 0; i < count; i++) tally_decref(objects[i]);
}

static void host_objects_equal_only_themselves(void)
{
	tally_object *type = fixture_probe_type(), *a = probe(type, 1), *b = probe(type, 1);
	CHECK_EQ(tally_equal(a, a), 1);
	CHECK_EQ(tally_equal(a, b), 0);
	tally_decref(a);
	tally_decref(b);
}

static void comparing_with_null_is_an_error(void)
{
	CHECK_EQ(tally_equal(tally_none(), NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "equal: expected two objects, got NULL");
	CHECK_EQ(tally_equal(NULL, tally_none()), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "equal: expected two objects, got NULL");
}

static tally_object *list_around(tally_object *object)
{
	tally_object *list = must(tally_list_from(&object, 1));
	tally_decref(object);
	return list;
}

static tally_object *dict_around(tally_object *object)
{
	tally_object *dict = must(tally_dict_new());
	CHECK_EQ(tally_dict_set(dict, tally_none(), object), 0);
	tally_decref(object);
	return dict;
}

static void check_depth_of_equality(tally_object *(*around)(tally_object *))
{
	tally_object *a = counted(1), *b = counted(1);
	for (int i = 0; i < 1000; i++) {
		a = around(a);
		b = around(b);
	}
	CHECK_EQ(tally_equal(a, b), 1);
	a = around(a);
	b = around(b);
	CHECK_EQ(tally_equal(a, b), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "equal: nested deeper than 1000 levels");
	CHECK_EQ(tally_equal(a, a), 1);
	CHECK_EQ(tally_refcount(a), 1);
	tally_decref(a);
	tally_decref(b);
}

static void a_thousand_levels_can_be_compared_and_no_more(void)
{
	check_depth_of_equality(tuple_around);
	check_depth_of_equality(list_around);
	check_depth_of_equality(dict_around);
}

static void lists_that_contain_themselves_are_too_deep_to_compare(void)
{
	tally_object *a = must(tally_list_new()), *b = must(tally_list_new());
	CHECK_EQ(tally_list_append(a, a), 0);
	CHECK_EQ(tally_list_append(b, b), 0);
	CHECK_EQ(tally_equal(a, b), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "equal: nested deeper than 1000 levels");
	CHECK_EQ(tally_equal(a, a), 1);
	CHECK_EQ(tally_refcount(a), 2);
	CHECK_EQ(tally_list_clear(a), 0);
	CHECK_EQ(tally_list_clear(b), 0);
	tally_decref(a);
	tally_decref(b);
}

// ---- length ----

static void length_counts_code_points_elements_and_keys(void)
{
	tally_object *string = text("h\xC3\xA9!"), *items[] = {string, string};
	tally_object *tuple = must(tally_tuple_new(items, 2)), *list = must(tally_list_from(items, 1));
	tally_object *dict = must(tally_dict_new());
	size_t length = 9;
	CHECK_EQ(tally_len(string, &length), 0);
	CHECK_EQ(length, 3);
	CHECK_EQ(tally_len(tuple, &length), 0);
	CHECK_EQ(length, 2);
	CHECK_EQ(tally_len(list, &length), 0);
	CHECK_EQ(length, 1);
	CHECK_EQ(tally_len(dict, &length), 0);
	CHECK_EQ(length, 0);
	tally_decref(dict);
	tally_decref(list);
	tally_decref(tuple);
	tally_decref(string);
}

static void what_has_no_length_says_so(void)
{
	tally_object *number = counted(1);
	size_t length = 9;
	CHECK_EQ(tally_len(number, &length), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "len: expected a str, bytes, tuple, list, dict or set, got a 'int'");
	CHECK_EQ(tally_len(tally_none(), &length), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "len: expected a str, bytes, tuple, list, dict or set, got a 'none'");
	CHECK_EQ(tally_len(NULL, &length), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "len: expected a str, bytes, tuple, list, dict or set, got NULL");
	CHECK_EQ(length, 9);
	tally_decref(number);
}

static void the_type_of_null_is_an_error(void)
{
	CHECK(!tally_type_of(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "type_of: expected an object, got NULL");
}

static void null_is_of_no_type(void)
{
	CHECK(!tally_is_none(NULL));
	CHECK(!tally_is_bool(NULL));
	CHECK(!tally_is_int(NULL));
	CHECK(!tally_is_float(NULL));
	CHECK(!tally_is_str(NULL));
	CHECK(!tally_is_tuple(NULL));
	CHECK(!tally_is_list(NULL));
	CHECK(!tally_is_dict(NULL));
}

// ---- threads ----

#define CHECK_REFUSED(operation, call)                                                                                 \
	(CHECK(call), CHECK_ERROR(TALLY_ERROR_THREAD, operation ": the thread is not attached"))

static tally_object *list_of_another_thread, *dict_of_another_thread, *tuple_of_another_thread, *type_of_another_thread;

static void call_everything(void)
{
	tally_object *list = list_of_another_thread, *dict = dict_of_another_thread, *tuple = tuple_of_another_thread;
	tally_object *type = type_of_another_thread, *out = NULL;
	tally_host_type description = {.size = sizeof description, .name = "x"};
	uint64_t hash;
	size_t size = 0;
	int64_t number;
	double real;
	bool truth;
	CHECK_REFUSED("immortalize", tally_immortalize(list) == -1);
	CHECK_REFUSED("type_of", !tally_type_of(list));
	CHECK_REFUSED("hash", tally_hash(list, &hash) == -1);
	CHECK_REFUSED("equal", tally_equal(list, list) == -1);
	CHECK_REFUSED("len", tally_len(list, &size) == -1);
	CHECK_REFUSED("int_new", !tally_int_new(1));
	CHECK_REFUSED("float_new", !tally_float_new(1));
	CHECK_REFUSED("int_value", tally_int_value(list, &number) == -1);
	CHECK_REFUSED("float_value", tally_float_value(list, &real) == -1);
	CHECK_REFUSED("bool_value", tally_bool_value(list, &truth) == -1);
	CHECK_REFUSED("str_new", !tally_str_new("", 0));
	CHECK_REFUSED("str_from", !tally_str_from(""));
	CHECK_REFUSED("str_from_bytes", !tally_str_from_bytes("", 0, NULL));
	CHECK_REFUSED("str_utf8", !tally_str_utf8(list, &size));
	CHECK_REFUSED("str_length", tally_str_length(list, &size) == -1);
	CHECK_REFUSED("tuple_new", !tally_tuple_new(NULL, 0));
	CHECK_REFUSED("tuple_size", tally_tuple_size(tuple, &size) == -1);
	CHECK_REFUSED("tuple_get", !tally_tuple_get(tuple, 0));
	CHECK_REFUSED("tuple_from", !tally_tuple_from(tuple));
	CHECK_REFUSED("tuple_slice", !tally_tuple_slice(tuple, 0, 1, 1));
	CHECK_REFUSED("tuple_concat", !tally_tuple_concat(tuple, tuple));
	CHECK_REFUSED("tuple_repeat", !tally_tuple_repeat(tuple, 2));
	CHECK_REFUSED("tuple_index", tally_tuple_index(tuple, list, &size) == -1);
	CHECK_REFUSED("tuple_count", tally_tuple_count(tuple, list, &size) == -1);
	CHECK_REFUSED("iter", !tally_iter(list));
	CHECK_REFUSED("iter_reversed", !tally_iter_reversed(list));
	CHECK_REFUSED("iter_call", !tally_iter_call(list, list));
	CHECK_REFUSED("next", tally_next(list, &out) == -1);
	CHECK_REFUSED("length_hint", tally_length_hint(list, &size) == -1);
	CHECK_REFUSED("list_new", !tally_list_new());
	CHECK_REFUSED("list_from", !tally_list_from(NULL, 0));
	CHECK_REFUSED("list_size", tally_list_size(list, &size) == -1);
	CHECK_REFUSED("list_get", !tally_list_get(list, 0));
	CHECK_REFUSED("list_set", tally_list_set(list, 0, list) == -1);
	CHECK_REFUSED("list_append", tally_list_append(list, list) == -1);
	CHECK_REFUSED("list_insert", tally_list_insert(list, 0, list) == -1);
	CHECK_REFUSED("list_extend", tally_list_extend(list, &list, 1) == -1);
	CHECK_REFUSED("list_pop", !tally_list_pop(list, 0));
	CHECK_REFUSED("list_clear", tally_list_clear(list) == -1);
	CHECK_REFUSED("list_of", !tally_list_of(list));
	CHECK_REFUSED("list_slice", !tally_list_slice(list, 0, 1, 1));
	CHECK_REFUSED("list_concat", !tally_list_concat(list, list));
	CHECK_REFUSED("list_repeat", !tally_list_repeat(list, 2));
	CHECK_REFUSED("list_index", tally_list_index(list, tuple, &size) == -1);
	CHECK_REFUSED("list_contains", tally_list_contains(list, tuple) == -1);
	CHECK_REFUSED("list_count", tally_list_count(list, tuple, &size) == -1);
	CHECK_REFUSED("list_extend_from", tally_list_extend_from(list, tuple) == -1);
	CHECK_REFUSED("list_remove", tally_list_remove(list, tuple) == -1);
	CHECK_REFUSED("list_reverse", tally_list_reverse(list) == -1);
	CHECK_REFUSED("list_swap", tally_list_swap(list, 0, 0) == -1);
	CHECK_REFUSED("list_set_slice", tally_list_set_slice(list, 0, 1, NULL, 0) == -1);
	CHECK_REFUSED("list_sort", tally_list_sort(list, NULL, false) == -1);
	CHECK_REFUSED("dict_new", !tally_dict_new());
	CHECK_REFUSED("dict_size", tally_dict_size(dict, &size) == -1);
	CHECK_REFUSED("dict_get", tally_dict_get(dict, tuple, &out) == -1);
	CHECK_REFUSED("dict_contains", tally_dict_contains(dict, tuple) == -1);
	CHECK_REFUSED("dict_set", tally_dict_set(dict, tuple, tuple) == -1);
	CHECK_REFUSED("dict_setdefault", !tally_dict_setdefault(dict, tuple, tuple));
	CHECK_REFUSED("dict_add", tally_dict_add(dict, tuple, 1, &number) == -1);
	CHECK_REFUSED("dict_pop", tally_dict_pop(dict, tuple, &out) == -1);
	CHECK_REFUSED("dict_clear", tally_dict_clear(dict) == -1);
	CHECK_REFUSED("dict_next", tally_dict_next(dict, &size, &out, &out) == -1);
	CHECK_REFUSED("host_type_new", !tally_host_type_new(&description));
	CHECK_REFUSED("host_new", !tally_host_new(type));
	CHECK_REFUSED("host_payload", !tally_host_payload(list, type));
}

static void every_function_refuses_a_thread_that_is_not_attached(void)
{
	tally_object *list = list_of_another_thread = must(tally_list_new());
	tally_object *dict = dict_of_another_thread = must(tally_dict_new());
	tally_object *none = tally_none(), *tuple = tuple_of_another_thread = must(tally_tuple_new(&none, 1));
	size_t size = 9;
	type_of_another_thread = fixture_probe_type();
	run_unattached(call_everything);
	CHECK_EQ(tally_list_size(list, &size), 0);
	CHECK_EQ(size, 0);
	CHECK_EQ(tally_dict_size(dict, &size), 0);
	CHECK_EQ(size, 0);
	CHECK_EQ(tally_refcount(list), 1);
	CHECK_EQ(tally_refcount(tuple), 1);
	tally_decref(list);
	tally_decref(dict);
	tally_decref(tuple);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(incref_returns_its_argument_and_counts);
	TAP_RUN(null_can_be_counted);
	TAP_RUN(the_last_decref_destroys_at_once);
	TAP_RUN(a_new_object_is_unique_until_it_is_shared);
	TAP_RUN(an_immortalized_object_is_counted_no_more);
	TAP_RUN(the_singletons_are_immortal);
	TAP_RUN(a_hash_stays_the_same);
	TAP_RUN(lists_and_dicts_are_not_hashable);
	TAP_RUN(the_unhashable_object_inside_a_tuple_is_named);
	TAP_RUN(a_thousand_levels_can_be_hashed_and_no_more);
	TAP_RUN(what_is_wrong_first_in_a_deep_tuple_is_reported);
	TAP_RUN(objects_of_different_types_are_unequal);
	TAP_RUN(host_objects_equal_only_themselves);
	TAP_RUN(comparing_with_null_is_an_error);
	TAP_RUN(a_thousand_levels_can_be_compared_and_no_more);
	TAP_RUN(lists_that_contain_themselves_are_too_deep_to_compare);
	TAP_RUN(length_counts_code_points_elements_and_keys);
	TAP_RUN(what_has_no_length_says_so);
	TAP_RUN(the_type_of_null_is_an_error);
	TAP_RUN(null_is_of_no_type);
	TAP_RUN(every_function_refuses_a_thread_that_is_not_attached);
	return tap_end();
}
