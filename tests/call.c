// tests/call.c: calling: results, errors, levels; I1 and I2 of core/call.c.
#include "callables.h"

#include <tally/class.h>
#include <tally/gc.h>

// ---- results ----

static void a_call_gives_what_the_function_returns(void)
{
	tally_object *add = function("add", add_up, NULL);
	CHECK_EQ(take_value(call_with_numbers(add, 1, 4)), 10);
	CHECK_EQ(take_value(tally_call(add, NULL, 0)), 0);
	CHECK_EQ(tally_refcount(add), 1);
	tally_decref(add);
}

static void arguments_are_borrowed_and_the_result_is_the_callers(void)
{
	tally_object *give = function("give", give_arguments, NULL), *argument = must(tally_list_new());
	tally_object *tuple = must(tally_call(give, &argument, 1));
	CHECK_EQ(tally_refcount(argument), 2);
	CHECK_EQ(tally_refcount(tuple), 1);
	tally_decref(tuple);
	CHECK_EQ(tally_refcount(argument), 1);
	tally_decref(argument);
	tally_decref(give);
}

static void functions_and_methods_can_be_called_and_most_things_cannot(void)
{
	tally_object *give = function("give", give_none, NULL), *method = must(tally_method_new(give, tally_none()));
	tally_object *list = must(tally_list_new()), *cell = must(tally_cell_new(NULL));
	CHECK(tally_is_callable(give));
	CHECK(tally_is_callable(method));
	CHECK(!tally_is_callable(list));
	CHECK(!tally_is_callable(cell));
	CHECK(!tally_is_callable(tally_none()));
	CHECK(!tally_is_callable(NULL));
	tally_object *all[] = {give, method, list, cell};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void call_many_times(void *add, unsigned number)
{
	for (int i = 0; i < tap_scale(2000); i++) CHECK_EQ(take_value(call_with_numbers(add, number, 3)), 3 * number + 3);
}

static void threads_call_one_function_at_once(void)
{
	tally_object *add = function("add", add_up, NULL);
	run_threads(4, call_many_times, add);
	tally_safepoint();
	CHECK_EQ(tally_refcount(add), 1);
	tally_decref(add);
}

static tally_object *leave(void *list, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)arguments, (void)count;
	CHECK_EQ(tally_list_clear(list), 0);
	return tally_incref(captured[0]);
}

// The caller's reference is the last one while the function runs.
static void a_function_may_take_itself_out_of_everything(void)
{
	tally_object *list = must(tally_list_new()), *captured = must(tally_list_new());
	tally_function_spec spec = function_spec("leave", leave, list);
	spec.captured = &captured;
	spec.captures = 1;
	tally_object *itself = must(tally_function_new(&spec));
	CHECK_EQ(tally_list_append(list, itself), 0);
	tally_object *result = tally_call(itself, NULL, 0);
	CHECK_PTR(result, captured);
	CHECK_EQ(tally_refcount(itself), 1);
	tally_object *all[] = {itself, result, captured, list};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- errors ----

static void what_cannot_be_called_says_so(void)
{
	tally_object *list = must(tally_list_new());
	CHECK(!tally_call(list, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "call: expected a callable object, got a 'list'");
	CHECK(!tally_call(NULL, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "call: expected a callable object, got NULL");
	tally_decref(list);
}

static void arguments_must_be_there(void)
{
	tally_object *give = function("give", give_none, NULL), *arguments[] = {give, tally_none(), NULL, give};
	CHECK(!tally_call(give, NULL, 2));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: 2 arguments at NULL");
	CHECK(!tally_call(give, arguments, 4));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: argument 2 is NULL");
	CHECK_EQ(tally_refcount(give), 1);
	tally_decref(give);
}

static tally_object *fail(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	if (context) tally_error_set(TALLY_ERROR_KEY, "%s", (const char *)context);
	return NULL;
}

static void the_error_of_the_function_is_the_callers(void)
{
	static char message[] = "no such thing";
	tally_object *failing = function("failing", fail, message);
	CHECK(!tally_call(failing, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_KEY, "no such thing");
	tally_decref(failing);
}

static void a_function_that_fails_without_an_error_gets_one(void)
{
	tally_object *silent = function("silent", fail, NULL);
	CHECK(!tally_call(silent, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: silent returned NULL without an error");
	tally_error_set(TALLY_ERROR_INDEX, "an older error");
	CHECK(!tally_call(silent, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: silent returned NULL without an error");
	tally_object *method = must(tally_method_new(silent, tally_none()));
	tally_object *bound = must(tally_function_bind(method, NULL, 0));
	CHECK(!tally_call(bound, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: silent returned NULL without an error");
	tally_object *all[] = {silent, method, bound};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static tally_object *fail_and_forget(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	tally_error_set(TALLY_ERROR_KEY, "never mind");
	tally_error_clear();
	return NULL;
}

static void fail_inside(void *payload, void *context)
{
	(void)payload, (void)context;
	tally_error_set(TALLY_ERROR_KEY, "of a destructor");
}

static tally_object *drop_what_fails(void *type, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	tally_decref(must(tally_host_new(type)));
	return NULL;
}

static void an_error_that_was_forgotten_or_is_a_destructors_is_none(void)
{
	tally_host_type description = {.size = sizeof description, .name = "failing", .dealloc = fail_inside};
	tally_object *forgetting = function("forgetting", fail_and_forget, NULL);
	tally_object *dropping = function("dropping", drop_what_fails, must(tally_host_type_new(&description)));
	tally_error_set(TALLY_ERROR_INDEX, "an older error");
	CHECK(!tally_call(dropping, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: dropping returned NULL without an error");
	CHECK(!tally_call(forgetting, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: forgetting returned NULL without an error");
	tally_decref(forgetting);
	tally_decref(dropping);
}

static tally_object *unattached_function;

static void call_unattached(void)
{
	CHECK(!tally_call(unattached_function, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_THREAD, "call: the thread is not attached");
}

static void a_thread_that_is_not_attached_calls_nothing(void)
{
	unattached_function = function("give", give_none, NULL);
	run_unattached(call_unattached);
	tally_decref(unattached_function);
}

static tally_object *say_nothing(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)self, (void)arguments, (void)count, (void)context;
	return NULL;
}

static void an_instance_that_fails_without_an_error_gets_one(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Silent", .call = say_nothing};
	tally_object *type = must(tally_class_new(&spec)), *instance = must(tally_instance_new(type));
	CHECK(tally_is_callable(instance));
	tally_error_set(TALLY_ERROR_INDEX, "an older error");
	CHECK(!tally_call(instance, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "call: a 'Silent' returned NULL without an error");
	tally_decref(instance);
	tally_decref(type);
	tally_gc_collect(2);
}

// ---- levels ----

enum { LEVELS = 1000 };

// Calls `next`, the first argument or else the first captured, until `left` is 0.
struct descent {
	int left, deepest;
	tally_object *next;
};

static tally_object *descend(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct descent *descent = context;
	(void)captured, (void)arguments, (void)count;
	descent->deepest++;
	if (--descent->left == 0) return tally_none();
	return tally_call(descent->next, NULL, 0);
}

// `levels` calls, one in another.
static void check_descent(struct descent *descent)
{
	*descent = (struct descent){LEVELS, 0, descent->next};
	CHECK(tally_call(descent->next, NULL, 0));
	CHECK_EQ(descent->deepest, LEVELS);
	*descent = (struct descent){LEVELS + 1, 0, descent->next};
	CHECK(!tally_call(descent->next, NULL, 0));
	CHECK_EQ(descent->deepest, LEVELS);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "call: nested deeper than 1000 levels");
	*descent = (struct descent){LEVELS, 0, descent->next}; // nothing is left of it
	CHECK(tally_call(descent->next, NULL, 0));
}

static void calls_nest_a_thousand_levels_and_no_more(void)
{
	struct descent descent;
	descent.next = function("descend", descend, &descent);
	check_descent(&descent);
	tally_decref(descent.next);
}

static void a_bound_method_and_bound_arguments_are_no_levels_of_their_own(void)
{
	struct descent descent;
	tally_object *plain = function("descend", descend, &descent), *self = must(tally_list_new());
	descent.next = must(tally_method_new(plain, self));
	check_descent(&descent);
	tally_decref(descent.next);
	descent.next = must(tally_function_bind(plain, &self, 1));
	check_descent(&descent);
	tally_object *all[] = {descent.next, self, plain};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// A method of a method of a method ... each is a level, or the stack would end.
static void a_chain_of_methods_is_as_deep_as_calls_may_be(void)
{
	tally_object *chain = function("give", give_none, NULL);
	for (int i = 0; i < LEVELS; i++) {
		tally_object *method = must(tally_method_new(chain, tally_none()));
		tally_decref(chain);
		chain = method;
	}
	CHECK(tally_call(chain, NULL, 0));
	tally_object *one_more = must(tally_method_new(chain, tally_none()));
	CHECK(!tally_call(one_more, NULL, 0));
	CHECK_ERROR(TALLY_ERROR_DEPTH, "call: nested deeper than 1000 levels");
	tally_decref(one_more);
	tally_decref(chain);
}

// The levels are the thread's, whatever they are of: so many of calls leave so many for others.
static tally_object *show_below(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	int *left = context;
	(void)captured;
	if (--*left == 0) return tally_repr(arguments[1]);
	return tally_call(arguments[0], arguments, count);
}

static void levels_of_calls_and_of_repr_add_up(void)
{
	int left;
	tally_object *show = function("show", show_below, &left), *nested = must(tally_method_new(show, tally_none()));
	tally_object *arguments[] = {show, nested};
	left = LEVELS - 1;
	tally_object *shown = must(tally_call(show, arguments, 2)); // the method is one level
	tally_decref(shown);
	left = LEVELS;
	CHECK(!tally_call(show, arguments, 2));
	CHECK_ERROR(TALLY_ERROR_DEPTH, "repr: nested deeper than 1000 levels");
	tally_decref(nested);
	tally_decref(show);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_call_gives_what_the_function_returns);
	TAP_RUN(arguments_are_borrowed_and_the_result_is_the_callers);
	TAP_RUN(functions_and_methods_can_be_called_and_most_things_cannot);
	TAP_RUN(threads_call_one_function_at_once);
	TAP_RUN(a_function_may_take_itself_out_of_everything);
	TAP_RUN(what_cannot_be_called_says_so);
	TAP_RUN(arguments_must_be_there);
	TAP_RUN(the_error_of_the_function_is_the_callers);
	TAP_RUN(a_function_that_fails_without_an_error_gets_one);
	TAP_RUN(an_instance_that_fails_without_an_error_gets_one);
	TAP_RUN(an_error_that_was_forgotten_or_is_a_destructors_is_none);
	TAP_RUN(a_thread_that_is_not_attached_calls_nothing);
	TAP_RUN(calls_nest_a_thousand_levels_and_no_more);
	TAP_RUN(a_bound_method_and_bound_arguments_are_no_levels_of_their_own);
	TAP_RUN(a_chain_of_methods_is_as_deep_as_calls_may_be);
	TAP_RUN(levels_of_calls_and_of_repr_add_up);
	return tap_end();
}
