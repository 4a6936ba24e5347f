// tests/repr.c: objects as text: what all types share; cycles, levels; I1 and I2 of core/repr.c. How numbers, strings
// and containers look is tested with each type.
#include "callables.h"

#include <tally/class.h>
#include <tally/gc.h>

// The text of `object`, which must be `expected`.
static void check_repr(tally_object *object, const char *expected)
{
	tally_object *shown = tally_repr(object);
	if (!CHECK(shown)) tap_note("%s", tally_error_message());
	else CHECK_STR(tally_str_utf8(shown, NULL), expected);
	tally_decref(shown);
}

// The same with the address of `at` in the place of %p, perhaps that of `again` in the place of a second one.
static void check_repr_at(tally_object *object, const char *format, const void *at, const void *again)
{
	char expected[256];
	snprintf(expected, sizeof expected, format, at, again);
	check_repr(object, expected);
}

static tally_object *host_object(const char *name)
{
	tally_host_type description = {.size = sizeof description, .name = name};
	return must(tally_host_new(must(tally_host_type_new(&description))));
}

// ---- how they look ----

static void an_object_that_says_nothing_is_shown_by_type_and_address(void)
{
	tally_object *object = host_object("gadget");
	check_repr_at(object, "<gadget at %p>", object, NULL);
	tally_decref(object);
}

static void types_are_shown_by_name(void)
{
	tally_object *object = host_object("gadget"), *list = must(tally_list_new());
	check_repr(tally_type_of(object), "<type 'gadget'>");
	check_repr(tally_type_of(list), "<type 'list'>");
	check_repr(tally_type_of(tally_type_of(list)), "<type 'type'>");
	tally_decref(object);
	tally_decref(list);
}

static void functions_and_capsules_are_shown_by_name_and_address(void)
{
	int thing = 0;
	tally_object *add = function("add", add_up, NULL), *bound = must(tally_function_bind(add, NULL, 0));
	tally_object *capsule = must(tally_capsule_new(&thing, "a thing", NULL));
	check_repr_at(add, "<function add at %p>", add, NULL);
	check_repr_at(bound, "<function add at %p>", bound, NULL);
	check_repr_at(capsule, "<capsule a thing at %p>", capsule, NULL);
	tally_object *all[] = {add, bound, capsule};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void a_method_shows_what_it_binds(void)
{
	tally_object *add = function("add", add_up, NULL), *self = host_object("gadget");
	tally_object *method = must(tally_method_new(add, self));
	tally_object *outer = must(tally_method_new(method, self));
	check_repr_at(method, "<method add of <gadget at %p>>", self, NULL);
	check_repr_at(outer, "<method method of <gadget at %p>>", self, NULL);
	tally_object *all[] = {add, self, method, outer};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void a_cell_shows_the_type_of_what_is_inside(void)
{
	tally_object *cell = must(tally_cell_new(NULL)), *list = must(tally_list_new());
	check_repr_at(cell, "<cell at %p: empty>", cell, NULL);
	CHECK_EQ(tally_cell_set(cell, list), 0);
	check_repr_at(cell, "<cell at %p: list at %p>", cell, list);
	CHECK_EQ(tally_cell_set(cell, cell), 0);
	check_repr_at(cell, "<cell at %p: cell at %p>", cell, cell);
	CHECK_EQ(tally_cell_set(cell, NULL), 0);
	tally_decref(cell);
	tally_decref(list);
}

static void names_that_are_no_text_are_repaired(void)
{
	tally_object *object = host_object("ga\xFFget"), *broken = function("\xC3\xC3", give_none, NULL);
	check_repr_at(object, "<ga\xEF\xBF\xBDget at %p>", object, NULL);
	check_repr(tally_type_of(object), "<type 'ga\xEF\xBF\xBDget'>");
	check_repr_at(broken, "<function \xEF\xBF\xBD\xEF\xBF\xBD at %p>", broken, NULL);
	char longest[64];
	memset(longest, 0xFF, 63), longest[63] = 0;
	tally_object *worst = host_object(longest), *shown = must(tally_repr(worst));
	size_t length = 0;
	CHECK_EQ(tally_str_length(shown, &length), 0);
	CHECK(length > 63 + 6);
	tally_object *all[] = {object, broken, worst, shown};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- what contains itself ----

static void containers_show_themselves_as_dots_where_they_come_round(void)
{
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new()), *key = text("k");
	CHECK_EQ(tally_list_append(list, list), 0);
	check_repr(list, "[[...]]");
	CHECK_EQ(tally_dict_set(dict, key, dict), 0);
	check_repr(dict, "{'k': {...}}");
	CHECK_EQ(tally_list_append(list, dict), 0);
	CHECK_EQ(tally_dict_set(dict, key, list), 0);
	check_repr(list, "[[...], {'k': [...]}]");
	check_repr(dict, "{'k': [[...], {...}]}");
	CHECK_EQ(tally_list_clear(list), 0);
	tally_object *tuple = must(tally_tuple_new(&list, 1));
	CHECK_EQ(tally_list_append(list, tuple), 0);
	check_repr(tuple, "([(...)],)");
	check_repr(list, "[([...],)]");
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_dict_clear(dict), 0);
	tally_object *all[] = {list, dict, key, tuple};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void what_stands_twice_is_shown_twice(void)
{
	tally_object *list = must(tally_list_new()), *pair[] = {list, list}, *tuple = must(tally_tuple_new(pair, 2));
	check_repr(tuple, "([], [])");
	tally_decref(tuple);
	tally_decref(list);
}

static void a_method_in_its_own_list_comes_round_as_the_list(void)
{
	tally_object *add = function("add", add_up, NULL), *list = must(tally_list_new());
	tally_object *method = must(tally_method_new(add, list));
	CHECK_EQ(tally_list_append(list, method), 0);
	check_repr(list, "[<method add of [...]>]");
	check_repr_at(method, "<method add of [<method at %p>]>", method, NULL);
	CHECK_EQ(tally_list_clear(list), 0);
	tally_object *all[] = {add, list, method};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- levels ----

enum { LEVELS = 1000 };

// `levels` methods, one the self of the next.
static tally_object *nest_methods(int levels)
{
	tally_object *f = function("f", give_none, NULL), *nested = tally_none();
	for (int i = 0; i < levels; i++) {
		tally_object *method = must(tally_method_new(f, nested));
		tally_decref(nested);
		nested = method;
	}
	tally_decref(f);
	return nested;
}

static tally_object *nest_lists(int levels)
{
	tally_object *nested = must(tally_list_new());
	for (int i = 1; i < levels; i++) {
		tally_object *list = must(tally_list_from(&nested, 1));
		tally_decref(nested);
		nested = list;
	}
	return nested;
}

static void check_levels(tally_object *(*nest)(int levels), size_t bytes)
{
	tally_object *deepest = nest(LEVELS), *too_deep = nest(LEVELS + 1), *shown = tally_repr(deepest);
	size_t size = 0;
	if (CHECK(shown)) CHECK(tally_str_utf8(shown, &size));
	CHECK_EQ(size, bytes);
	tally_decref(shown);
	CHECK(!tally_repr(too_deep));
	CHECK_ERROR(TALLY_ERROR_DEPTH, "repr: nested deeper than 1000 levels");
	shown = tally_repr(deepest); // nothing is left of the failure
	CHECK(shown);
	tally_object *all[] = {deepest, too_deep, shown};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void a_thousand_levels_are_shown_and_no_more(void)
{
	check_levels(nest_methods, (sizeof "<method f of >" - 1) * LEVELS + 4);
	check_levels(nest_lists, 2 * LEVELS);
}

// ---- hooks of classes ----

// Shows the attribute "inner" between braces.
static tally_object *show_inner(tally_object *self, void *context)
{
	tally_object *name = text("inner"), *inner;
	(void)context;
	CHECK_EQ(tally_attr_get(self, name, &inner), 1);
	tally_decref(name);
	tally_object *inside = tally_repr(inner);
	tally_decref(inner);
	if (!inside) return NULL;
	size_t size;
	const char *utf8 = tally_str_utf8(inside, &size);
	char *braced = malloc(size + 3); // not on the stack, of which there are a thousand levels
	snprintf(braced, size + 3, "{%s}", utf8);
	tally_object *shown = text(braced);
	free(braced);
	tally_decref(inside);
	return shown;
}

static tally_object *shower_class(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Shower", .repr = show_inner};
	return must(tally_class_new(&spec));
}

static tally_object *shower(tally_object *type, tally_object *inner)
{
	tally_object *instance = must(tally_instance_new(type)), *name = text("inner");
	CHECK_EQ(tally_attr_set(instance, name, inner), 0);
	tally_decref(name);
	return instance;
}

static void forget_class(tally_object *type)
{
	tally_decref(type);
	tally_gc_collect(2);
}

static void classes_are_shown_by_name_and_their_instances_by_the_hook(void)
{
	tally_object *type = shower_class(), *instance = shower(type, type);
	check_repr(type, "<class 'Shower'>");
	check_repr(instance, "{<class 'Shower'>}");
	tally_decref(instance);
	forget_class(type);
}

static void an_instance_whose_hook_comes_round_is_shown_by_type_and_address(void)
{
	tally_object *type = shower_class(), *list = must(tally_list_new()), *instance = shower(type, list);
	CHECK_EQ(tally_list_append(list, instance), 0);
	check_repr(list, "[{[...]}]");
	check_repr_at(instance, "{[<Shower at %p>]}", instance, NULL);
	CHECK_EQ(tally_list_clear(list), 0);
	tally_decref(list);
	tally_decref(instance);
	forget_class(type);
}

static tally_object *nest_showers(int levels)
{
	tally_object *type = shower_class(), *nested = tally_none();
	for (int i = 0; i < levels; i++) {
		tally_object *instance = shower(type, nested);
		tally_decref(nested);
		nested = instance;
	}
	tally_decref(type);
	return nested;
}

static void levels_of_hooks_that_call_the_library_count(void)
{
	check_levels(nest_showers, 2 * LEVELS + 4);
	tally_gc_collect(2);
}

static tally_object *fail_to_show(tally_object *self, void *context)
{
	(void)self;
	if (context) tally_error_set(TALLY_ERROR_KEY, "%s", (const char *)context);
	return context ? NULL : tally_none();
}

static void a_hook_that_fails_or_gives_no_text_fails_the_whole(void)
{
	static char message[] = "not today";
	tally_class_spec spec = {.size = sizeof spec, .name = "Failing", .repr = fail_to_show, .context = message};
	tally_object *type = must(tally_class_new(&spec)), *instance = must(tally_instance_new(type));
	tally_object *list = must(tally_list_from(&instance, 1));
	CHECK(!tally_repr(list));
	CHECK_ERROR(TALLY_ERROR_KEY, "not today");
	spec.context = NULL;
	tally_object *odd_type = must(tally_class_new(&spec)), *odd = must(tally_instance_new(odd_type));
	CHECK(!tally_repr(odd));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	tally_error_clear();
	tally_object *all[] = {list, instance, odd, odd_type};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
	forget_class(type);
}

// ---- errors ----

static void nothing_is_shown_of_nothing(void)
{
	CHECK(!tally_repr(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "repr: expected an object, got NULL");
}

static tally_object *to_show;

static bool show_it(void)
{
	tally_object *shown = tally_repr(to_show);
	tally_decref(shown);
	return shown;
}

static void without_memory_nothing_is_shown_and_nothing_lost(void)
{
	to_show = nest_methods(40); // a few growths of the text
	fail_each_allocation(show_it, "repr");
	tally_decref(to_show);
	to_show = must(tally_cell_new(tally_none()));
	fail_each_allocation(show_it, "repr");
	tally_decref(to_show);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_object_that_says_nothing_is_shown_by_type_and_address);
	TAP_RUN(types_are_shown_by_name);
	TAP_RUN(functions_and_capsules_are_shown_by_name_and_address);
	TAP_RUN(a_method_shows_what_it_binds);
	TAP_RUN(a_cell_shows_the_type_of_what_is_inside);
	TAP_RUN(names_that_are_no_text_are_repaired);
	TAP_RUN(containers_show_themselves_as_dots_where_they_come_round);
	TAP_RUN(what_stands_twice_is_shown_twice);
	TAP_RUN(a_method_in_its_own_list_comes_round_as_the_list);
	TAP_RUN(a_thousand_levels_are_shown_and_no_more);
	TAP_RUN(classes_are_shown_by_name_and_their_instances_by_the_hook);
	TAP_RUN(an_instance_whose_hook_comes_round_is_shown_by_type_and_address);
	TAP_RUN(levels_of_hooks_that_call_the_library_count);
	TAP_RUN(a_hook_that_fails_or_gives_no_text_fails_the_whole);
	TAP_RUN(nothing_is_shown_of_nothing);
	TAP_RUN(without_memory_nothing_is_shown_and_nothing_lost);
	return tap_end();
}
