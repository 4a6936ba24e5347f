// tests/tracking.c: what the collector tracks, and when it stops tracking a tuple.
//
// Which types are tracked, from when on, and that a tuple that survives a collection and holds atoms only is passed over from then
// on, without being lost to the counts.
#include "fixture.h"

// Takes over the reference.
static bool is_tracked(tally_object *object)
{
	bool tracked = tally_gc_is_tracked(must(object));
	tally_decref(object);
	return tracked;
}

static tally_object *nothing(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context;
	(void)captured;
	(void)arguments;
	(void)count;
	return tally_none();
}

static void atoms_are_not_tracked(void)
{
	CHECK(!tally_gc_is_tracked(tally_none()));
	CHECK(!tally_gc_is_tracked(tally_bool(true)));
	CHECK(!is_tracked(tally_int_new(1)));
	CHECK(!is_tracked(tally_int_new(1000000)));
	CHECK(!is_tracked(tally_float_new(1.5)));
	CHECK(!is_tracked(tally_str_from("text")));
	CHECK(!is_tracked(tally_bytes_new("bytes", 5)));
	CHECK(!is_tracked(tally_type_of(tally_none())));
	CHECK(!is_tracked(tally_tuple_new(NULL, 0)));
	CHECK(!is_tracked(tally_capsule_new(&fixture_token, "token", NULL)));
	CHECK(!tally_gc_is_tracked(NULL));
}

static void containers_classes_and_instances_are_tracked_from_the_start(void)
{
	tally_object *one = must(tally_int_new(1));
	tally_function_spec function = {.size = sizeof function, .name = "nothing", .call = nothing};
	tally_class_spec open = {.size = sizeof open, .name = "open"}, bare = {.size = sizeof bare, .name = "bare", .has_slots = true};
	CHECK(is_tracked(tally_tuple_new(&one, 1)));
	CHECK(is_tracked(tally_list_new()));
	CHECK(is_tracked(tally_dict_new()));
	CHECK(is_tracked(tally_set_new(NULL)));
	CHECK(is_tracked(tally_frozenset_new(NULL)));
	CHECK(is_tracked(tally_cell_new(NULL)));
	CHECK(is_tracked(tally_function_new(&function)));
	tally_object *types[] = {must(tally_class_new(&open)), must(tally_class_new(&bare))};
	for (int i = 0; i < 2; i++) {
		CHECK(tally_gc_is_tracked(types[i]));
		CHECK(is_tracked(tally_instance_new(types[i])));
		tally_decref(types[i]);
	}
	tally_decref(one);
	CHECK_EQ(tally_gc_collect(2), 2);
}

static tally_object *pair(tally_object *a, tally_object *b)
{
	return must(tally_tuple_new((tally_object *[]){a, b}, 2));
}

static void a_tuple_of_atoms_is_not_tracked_after_a_collection(void)
{
	for (int generation = 0; generation < 3; generation++) {
		tally_object *number = must(tally_int_new(1000)), *list = must(tally_list_new());
		tally_object *atoms = pair(number, number), *mixed = pair(number, list);
		CHECK(tally_gc_is_tracked(atoms));
		CHECK_EQ(tally_gc_collect(generation), 0);
		CHECK(!tally_gc_is_tracked(atoms));
		CHECK(tally_gc_is_tracked(mixed));
		CHECK(tally_gc_is_tracked(list));
		CHECK_EQ(tally_refcount(atoms), 1);
		CHECK_EQ(tally_refcount(number), 4);
		tally_decref(atoms), tally_decref(mixed), tally_decref(list), tally_decref(number);
	}
}

static void a_tuple_of_untracked_tuples_follows(void)
{
	tally_object *number = must(tally_int_new(1000)), *inner = pair(number, number), *outer = pair(inner, number);
	for (int i = 0; i < 2; i++) CHECK_EQ(tally_gc_collect(2), 0); // the outer one may have been looked at first
	CHECK(!tally_gc_is_tracked(inner));
	CHECK(!tally_gc_is_tracked(outer));
	tally_decref(outer), tally_decref(inner), tally_decref(number);
}

static void a_tuple_that_dies_in_its_first_collection_is_found_garbage(void)
{
	tally_object *number = must(tally_int_new(1000)), *list = must(tally_list_new()), *atoms = pair(number, number);
	CHECK_EQ(tally_list_append(list, list), 0);
	CHECK_EQ(tally_list_append(list, atoms), 0);
	tally_decref(atoms), tally_decref(list), tally_decref(number);
	CHECK_EQ(tally_gc_collect(2), 2);
}

// The collector does not find it, but what it empties drops it.
static void an_untracked_tuple_dies_with_the_garbage_that_holds_it(void)
{
	tally_object *number = must(tally_int_new(1000)), *list = must(tally_list_new()), *atoms = pair(number, number);
	CHECK_EQ(tally_list_append(list, list), 0);
	CHECK_EQ(tally_list_append(list, atoms), 0);
	tally_decref(atoms);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK(!tally_gc_is_tracked(atoms));
	CHECK_EQ(tally_refcount(number), 3);
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(number);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(atoms_are_not_tracked);
	TAP_RUN(containers_classes_and_instances_are_tracked_from_the_start);
	TAP_RUN(a_tuple_of_atoms_is_not_tracked_after_a_collection);
	TAP_RUN(a_tuple_of_untracked_tuples_follows);
	TAP_RUN(a_tuple_that_dies_in_its_first_collection_is_found_garbage);
	TAP_RUN(an_untracked_tuple_dies_with_the_garbage_that_holds_it);
	return tap_end();
}
