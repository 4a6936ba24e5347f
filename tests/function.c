// tests/function.c: native functions: what they capture, what they bind, what is released; I1 and I2 of core/function.c.
#include "callables.h"

#include <tally/gc.h>

// ---- capturing ----

static tally_object *give_captured(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)arguments, (void)count;
	return tally_tuple_new(captured, 3);
}

static void a_function_refers_to_what_it_captures(void)
{
	tally_object *captured[] = {integer(700), integer(701), integer(702)};
	tally_function_spec spec = function_spec("closure", give_captured, NULL);
	spec.captured = captured;
	spec.captures = 3;
	tally_object *closure = must(tally_function_new(&spec));
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_refcount(captured[i]), 2);
		tally_decref(captured[i]);
	}
	check_numbers(tally_call(closure, NULL, 0), 700, 3);
	tally_decref(closure);
	CHECK_EQ(fixture_live_objects(), 0);
}

static tally_object *check_context(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)arguments;
	CHECK(!captured);
	++*(int *)context;
	return tally_int_new((int64_t)count);
}

static void the_context_comes_along_and_nothing_captured_is_null(void)
{
	int calls = 0;
	tally_object *counting = function("counting", check_context, &calls);
	CHECK_EQ(take_value(call_with_numbers(counting, 0, 5)), 5);
	CHECK_EQ(take_value(tally_call(counting, NULL, 0)), 0);
	CHECK_EQ(calls, 2);
	tally_decref(counting);
}

static void a_function_is_a_function_by_identity(void)
{
	tally_object *one = function("f", give_none, NULL), *two = function("f", give_none, NULL);
	uint64_t hash = 0, again = 1;
	CHECK(tally_is_function(one));
	CHECK(!tally_is_function(tally_none()));
	CHECK(!tally_is_function(NULL));
	CHECK_STR(tally_type_name(one), "function");
	CHECK_EQ(tally_equal(one, one), 1);
	CHECK_EQ(tally_equal(one, two), 0);
	CHECK_EQ(tally_hash(one, &hash), 0);
	CHECK_EQ(tally_hash(one, &again), 0);
	CHECK_EQ(hash, again);
	tally_decref(one);
	tally_decref(two);
}

static void a_specification_may_end_after_its_last_field_that_is_not_zero(void)
{
	tally_function_spec spec = function_spec("short", give_captured, NULL);
	spec.size = offsetof(tally_function_spec, release);
	spec.least = 7; // lies outside of what its size announces, and so does `most`
	spec.call = give_none;
	tally_object *made = must(tally_function_new(&spec));
	CHECK(tally_call(made, NULL, 0));
	CHECK(!tally_call(made, &made, 1));
	CHECK_ERROR(TALLY_ERROR_TYPE, "call: short takes 0 arguments, got 1");
	tally_decref(made);
}

// ---- releasing ----

static atomic_int released;
static int died_before_release;

static void release(void *context)
{
	CHECK_PTR(context, &released);
	died_before_release = (int)atomic_load(&fixture_dead);
	atomic_fetch_add(&released, 1);
}

static tally_function_spec releasing_spec(tally_object *const *captured, size_t captures)
{
	tally_function_spec spec = function_spec("releasing", give_none, &released);
	spec.release = release;
	spec.captured = captured;
	spec.captures = captures;
	atomic_store(&released, 0);
	died_before_release = -1;
	return spec;
}

static void release_is_called_once_when_the_function_and_what_it_captured_have_died(void)
{
	tally_object *captured = probe(fixture_probe_type(), 0);
	tally_function_spec spec = releasing_spec(&captured, 1);
	tally_object *made = must(tally_function_new(&spec));
	tally_decref(captured);
	tally_decref(tally_incref(made));
	CHECK_EQ(atomic_load(&released), 0);
	tally_decref(made);
	CHECK_EQ(atomic_load(&released), 1);
	CHECK_EQ(died_before_release, 1);
}

static void a_function_in_a_cycle_is_collected_and_released(void)
{
	tally_object *cell = must(tally_cell_new(NULL));
	tally_function_spec spec = releasing_spec(&cell, 1);
	tally_object *made = must(tally_function_new(&spec));
	CHECK_EQ(tally_cell_set(cell, made), 0);
	tally_decref(made);
	tally_decref(cell);
	CHECK_EQ(atomic_load(&released), 0);
	CHECK_EQ(tally_gc_collect(2), 3); // the function, what it captures, the cell
	CHECK_EQ(atomic_load(&released), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static bool make_releasing(void)
{
	tally_object *captured[] = {tally_none(), tally_none()};
	tally_function_spec spec = releasing_spec(captured, 2);
	tally_object *made = tally_function_new(&spec);
	tally_decref(made);
	CHECK_EQ(atomic_load(&released), made != NULL);
	return made;
}

static void a_function_that_could_not_be_made_releases_nothing(void)
{
	fail_each_allocation(make_releasing, "function_new");
	tally_function_spec spec = releasing_spec(NULL, 0);
	spec.name = NULL;
	CHECK(!tally_function_new(&spec));
	CHECK_EQ(atomic_load(&released), 0);
	tally_error_clear();
}

// ---- how many arguments ----

static void check_count(size_t least, size_t most, size_t given, const char *message)
{
	tally_function_spec spec = function_spec("counted", give_none, NULL);
	spec.least = least;
	spec.most = most;
	tally_object *made = must(tally_function_new(&spec)), *result = call_with_numbers(made, 0, given);
	if (!message && !CHECK(result)) tap_note("%s", tally_error_message());
	if (message) {
		CHECK(!result);
		CHECK_ERROR(TALLY_ERROR_TYPE, message);
	}
	tally_decref(made);
}

static void a_function_takes_as_many_arguments_as_it_says(void)
{
	check_count(0, 0, 0, NULL);
	check_count(2, 2, 2, NULL);
	check_count(1, 3, 1, NULL);
	check_count(1, 3, 3, NULL);
	check_count(2, SIZE_MAX, 50, NULL);
	check_count(0, 0, 1, "call: counted takes 0 arguments, got 1");
	check_count(1, 1, 0, "call: counted takes 1 argument, got 0");
	check_count(2, 2, 3, "call: counted takes 2 arguments, got 3");
	check_count(1, 3, 0, "call: counted takes 1 to 3 arguments, got 0");
	check_count(1, 3, 4, "call: counted takes 1 to 3 arguments, got 4");
	check_count(2, SIZE_MAX, 1, "call: counted takes at least 2 arguments, got 1");
}

static void bound_arguments_count(void)
{
	tally_function_spec spec = function_spec("pair", give_arguments, NULL);
	spec.least = spec.most = 2;
	tally_object *pair = must(tally_function_new(&spec)), *first = integer(5);
	tally_object *bound = must(tally_function_bind(pair, &first, 1));
	check_numbers(call_with_numbers(bound, 6, 1), 5, 2);
	CHECK(!call_with_numbers(bound, 6, 2));
	CHECK_ERROR(TALLY_ERROR_TYPE, "call: pair takes 2 arguments, got 3");
	tally_object *all[] = {pair, first, bound};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- binding ----

// Binds the ints first, first + 1, ..., and gives `callable` up.
static tally_object *bind_numbers(tally_object *callable, int64_t first, size_t count)
{
	tally_object *numbers[MOST_NUMBERS] = {0};
	for (size_t i = 0; i < count; i++) numbers[i] = integer(first + (int64_t)i);
	tally_object *bound = must(tally_function_bind(callable, numbers, count));
	for (size_t i = 0; i < count; i++) tally_decref(numbers[i]);
	tally_decref(callable);
	return bound;
}

static void bound_arguments_come_first_whatever_their_number(void)
{
	for (size_t bound = 0; bound <= 40; bound++)
		for (size_t count = 0; count <= 40; count += 1 + count / 4) {
			tally_object *give = bind_numbers(function("give", give_arguments, NULL), 1000, bound);
			check_numbers(call_with_numbers(give, 1000 + (int64_t)bound, count), 1000, bound + count);
			tally_decref(give);
		}
}

static void binding_twice_binds_both_and_holds_nothing_in_between(void)
{
	tally_object *give = function("give", give_arguments, NULL);
	tally_object *middle = bind_numbers(tally_incref(give), 300, 2), *outer = bind_numbers(tally_incref(middle), 302, 3);
	CHECK_EQ(tally_refcount(middle), 1);
	CHECK_EQ(tally_refcount(give), 3);
	tally_decref(middle);
	check_numbers(call_with_numbers(outer, 305, 2), 300, 7);
	tally_decref(outer);
	CHECK_EQ(tally_refcount(give), 1);
	tally_decref(give);
}

// A thousand bindings, one after the other, are no thousand levels.
static void a_function_bound_a_thousand_times_is_called_in_one_step(void)
{
	tally_object *bound = function("add", add_up, NULL), *one = integer(1);
	for (int i = 0; i < 2000; i++) {
		tally_object *next = must(tally_function_bind(bound, &one, 1));
		tally_decref(bound);
		bound = next;
	}
	CHECK_EQ(take_value(tally_call(bound, NULL, 0)), 2000);
	tally_decref(bound);
	tally_decref(one);
}

static void a_bound_method_can_be_bound_and_a_bound_function_be_a_method(void)
{
	tally_object *self = integer(400), *method = must(tally_method_new(function("give", give_arguments, NULL), self));
	tally_object *give = must(tally_method_function(method));
	tally_decref(give); // the reference of this test's own
	tally_object *bound = bind_numbers(method, 401, 2);
	check_numbers(call_with_numbers(bound, 403, 1), 400, 4);
	tally_object *outer_self = integer(403), *outer = must(tally_method_new(bound, outer_self));
	check_numbers(call_with_numbers(outer, 404, 1), 400, 5);
	tally_decref(give);
	tally_object *all[] = {self, bound, outer_self, outer};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static tally_object *bound_to_many;

static bool call_with_many(void)
{
	tally_object *result = tally_call(bound_to_many, NULL, 0);
	return result == tally_none();
}

static void up_to_sixteen_arguments_are_put_together_without_memory(void)
{
	bound_to_many = bind_numbers(function("give", give_none, NULL), 0, 17);
	fail_each_allocation(call_with_many, "call");
	tally_decref(bound_to_many);
	bound_to_many = bind_numbers(function("give", give_none, NULL), 0, 16);
	if (faults_are_offered()) {
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK(call_with_many()); // sixteen need none
		CHECK_EQ(tally_heap_fail(0, false), 0);
	}
	tally_decref(bound_to_many);
}

static tally_object *to_bind;

static bool bind_one(void)
{
	tally_object *bound = tally_function_bind(to_bind, &to_bind, 1);
	tally_decref(bound);
	return bound;
}

static void a_binding_that_fails_changes_nothing(void)
{
	to_bind = function("give", give_none, NULL);
	fail_each_allocation(bind_one, "function_bind");
	CHECK_EQ(tally_refcount(to_bind), 1);
	tally_decref(to_bind);
}

// ---- errors ----

static void check_malformed(tally_function_spec spec, const char *message)
{
	CHECK(!tally_function_new(&spec));
	CHECK_ERROR(TALLY_ERROR_VALUE, message);
}

static void a_malformed_specification_is_refused(void)
{
	tally_object *captured[] = {tally_none(), NULL};
	const tally_function_spec good = function_spec("good", give_none, NULL);
	tally_function_spec bad = good;
	CHECK(!tally_function_new(NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "function_new: malformed specification: it is NULL");
	bad.size = sizeof bad + 1;
	check_malformed(bad, "function_new: malformed specification: its size is not sizeof(tally_function_spec)");
	bad.size = 4;
	check_malformed(bad, "function_new: malformed specification: its size is not sizeof(tally_function_spec)");
	bad = good, bad.name = NULL;
	check_malformed(bad, "function_new: malformed specification: it has no name");
	bad.name = "";
	check_malformed(bad, "function_new: malformed specification: it has no name");
	bad.name = "0123456789012345678901234567890123456789012345678901234567890123";
	check_malformed(bad, "function_new: malformed specification: its name is over 63 bytes");
	bad = good, bad.call = NULL;
	check_malformed(bad, "function_new: malformed specification: it has nothing to call");
	bad = good, bad.least = 3, bad.most = 2;
	check_malformed(bad, "function_new: malformed specification: it takes fewer arguments at most than at least");
	bad = good, bad.captures = 2;
	check_malformed(bad, "function_new: 2 elements at NULL");
	bad.captured = captured;
	check_malformed(bad, "function_new: element 1 is NULL");
	bad.captures = SIZE_MAX / 2;
	check_malformed(bad, "function_new: malformed specification: it captures too much");
}

static void what_cannot_be_bound_says_so(void)
{
	tally_object *give = function("give", give_none, NULL), *arguments[] = {give, NULL};
	CHECK(!tally_function_bind(tally_none(), NULL, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "function_bind: expected a callable object, got a 'none'");
	CHECK(!tally_function_bind(NULL, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "function_bind: expected a callable object, got NULL");
	CHECK(!tally_function_bind(give, NULL, 1));
	CHECK_ERROR(TALLY_ERROR_VALUE, "function_bind: 1 elements at NULL");
	CHECK(!tally_function_bind(give, arguments, 2));
	CHECK_ERROR(TALLY_ERROR_VALUE, "function_bind: element 1 is NULL");
	CHECK_EQ(tally_refcount(give), 1);
	tally_decref(give);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_function_refers_to_what_it_captures);
	TAP_RUN(the_context_comes_along_and_nothing_captured_is_null);
	TAP_RUN(a_function_is_a_function_by_identity);
	TAP_RUN(a_specification_may_end_after_its_last_field_that_is_not_zero);
	TAP_RUN(release_is_called_once_when_the_function_and_what_it_captured_have_died);
	TAP_RUN(a_function_in_a_cycle_is_collected_and_released);
	TAP_RUN(a_function_that_could_not_be_made_releases_nothing);
	TAP_RUN(a_function_takes_as_many_arguments_as_it_says);
	TAP_RUN(bound_arguments_count);
	TAP_RUN(bound_arguments_come_first_whatever_their_number);
	TAP_RUN(binding_twice_binds_both_and_holds_nothing_in_between);
	TAP_RUN(a_function_bound_a_thousand_times_is_called_in_one_step);
	TAP_RUN(a_bound_method_can_be_bound_and_a_bound_function_be_a_method);
	TAP_RUN(up_to_sixteen_arguments_are_put_together_without_memory);
	TAP_RUN(a_binding_that_fails_changes_nothing);
	TAP_RUN(a_malformed_specification_is_refused);
	TAP_RUN(what_cannot_be_bound_says_so);
	return tap_end();
}
