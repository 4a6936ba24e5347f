// tests/method.c: bound methods: what they put in front, when they are equal; I1 of core/method.c.
#include "callables.h"

static void a_method_puts_itself_in_front(void)
{
	for (size_t count = 0; count < 40; count++) {
		tally_object *give = function("give", give_arguments, NULL), *self = integer(500);
		tally_object *method = must(tally_method_new(give, self));
		tally_decref(give);
		tally_decref(self);
		check_numbers(call_with_numbers(method, 501, count), 500, count + 1);
		tally_decref(method);
	}
}

static void a_method_gives_back_what_it_binds(void)
{
	tally_object *give = function("give", give_none, NULL), *self = must(tally_list_new());
	tally_object *method = must(tally_method_new(give, self));
	tally_object *function_again = tally_method_function(method), *self_again = tally_method_self(method);
	CHECK_PTR(function_again, give);
	CHECK_PTR(self_again, self);
	CHECK_EQ(tally_refcount(give), 3);
	CHECK_EQ(tally_refcount(self), 3);
	CHECK(tally_is_method(method));
	CHECK(!tally_is_method(give));
	CHECK(!tally_is_method(NULL));
	CHECK_STR(tally_type_name(method), "method");
	tally_object *all[] = {method, function_again, self_again};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	CHECK_EQ(tally_refcount(give), 1);
	CHECK_EQ(tally_refcount(self), 1);
	tally_decref(give);
	tally_decref(self);
}

static void methods_are_equal_when_they_bind_the_same_objects(void)
{
	tally_object *f = function("f", give_none, NULL), *g = function("g", give_none, NULL);
	tally_object *list = must(tally_list_new()), *equal_list = must(tally_list_new());
	tally_object *method = must(tally_method_new(f, list)), *same = must(tally_method_new(f, list));
	tally_object *other_self = must(tally_method_new(f, equal_list)), *other_function = must(tally_method_new(g, list));
	uint64_t hash, same_hash;
	CHECK_EQ(tally_equal(method, same), 1);
	CHECK_EQ(tally_equal(method, other_self), 0); // though the lists are equal
	CHECK_EQ(tally_equal(method, other_function), 0);
	CHECK_EQ(tally_equal(method, f), 0);
	CHECK_EQ(tally_hash(method, &hash), 0); // of a list, which has none
	CHECK_EQ(tally_hash(same, &same_hash), 0);
	CHECK_EQ(hash, same_hash);
	tally_object *dict = must(tally_dict_new()), *found = NULL;
	CHECK_EQ(tally_dict_set(dict, method, tally_none()), 0);
	CHECK_EQ(tally_dict_get(dict, same, &found), 1);
	CHECK_EQ(tally_dict_contains(dict, other_self), 0);
	tally_object *all[] = {dict, method, same, other_self, other_function, f, g, list, equal_list};
	for (int i = 0; i < 9; i++) tally_decref(all[i]);
}

static void up_to_fifteen_arguments_need_no_memory(void)
{
	tally_object *give = function("give", give_none, NULL);
	tally_object *method = must(tally_method_new(give, tally_none())), *none[16];
	if (faults_are_offered()) {
		for (int i = 0; i < 16; i++) none[i] = tally_none();
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK(tally_call(method, none, 15));
		CHECK(!tally_call(method, none, 16));
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		CHECK(strncmp(tally_error_message(), "call: out of memory for 136 bytes", 33) == 0);
		tally_error_clear();
	}
	tally_decref(method);
	tally_decref(give);
}

static tally_object *to_make;

static bool make_method(void)
{
	tally_object *method = tally_method_new(to_make, to_make);
	tally_decref(method);
	return method;
}

static void without_memory_there_is_no_method(void)
{
	to_make = function("give", give_none, NULL);
	fail_each_allocation(make_method, "method_new");
	CHECK_EQ(tally_refcount(to_make), 1);
	tally_decref(to_make);
}

static void a_method_binds_something_callable_to_something(void)
{
	tally_object *give = function("give", give_none, NULL);
	CHECK(!tally_method_new(tally_none(), give));
	CHECK_ERROR(TALLY_ERROR_TYPE, "method_new: expected a callable object, got a 'none'");
	CHECK(!tally_method_new(NULL, give));
	CHECK_ERROR(TALLY_ERROR_TYPE, "method_new: expected a callable object, got NULL");
	CHECK(!tally_method_new(give, NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "method_new: expected an object, got NULL");
	CHECK(!tally_method_self(give));
	CHECK_ERROR(TALLY_ERROR_TYPE, "method_self: expected a method, got a 'function'");
	CHECK(!tally_method_function(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "method_function: expected a method, got NULL");
	CHECK_EQ(tally_refcount(give), 1);
	tally_decref(give);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_method_puts_itself_in_front);
	TAP_RUN(a_method_gives_back_what_it_binds);
	TAP_RUN(methods_are_equal_when_they_bind_the_same_objects);
	TAP_RUN(up_to_fifteen_arguments_need_no_memory);
	TAP_RUN(without_memory_there_is_no_method);
	TAP_RUN(a_method_binds_something_callable_to_something);
	return tap_end();
}
