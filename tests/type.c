// tests/type.c: the table of types, through the public interface.
#include "fixture.h"

static void every_built_in_type_has_its_name(void)
{
	tally_object *number = counted(1), *real = must(tally_float_new(1.5)), *string = text("s");
	tally_object *tuple = must(tally_tuple_new(NULL, 0)), *list = must(tally_list_new());
	tally_object *dict = must(tally_dict_new());
	CHECK_STR(tally_type_name(tally_none()), "none");
	CHECK_STR(tally_type_name(tally_bool(true)), "bool");
	CHECK_STR(tally_type_name(number), "int");
	CHECK_STR(tally_type_name(real), "float");
	CHECK_STR(tally_type_name(string), "str");
	CHECK_STR(tally_type_name(tuple), "tuple");
	CHECK_STR(tally_type_name(list), "list");
	CHECK_STR(tally_type_name(dict), "dict");
	CHECK_STR(tally_type_name(tally_type_of(list)), "type");
	tally_object *all[] = {number, real, string, tuple, list, dict};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) tally_decref(all[i]);
}

static void objects_of_one_type_share_its_object(void)
{
	tally_object *one = counted(1), *two = counted(2), *list = must(tally_list_new());
	CHECK_PTR(tally_type_of(one), tally_type_of(two));
	CHECK(tally_type_of(one) != tally_type_of(list));
	CHECK_PTR(tally_type_of(tally_type_of(one)), tally_type_of(tally_type_of(list)));
	CHECK_PTR(tally_type_of(tally_type_of(tally_type_of(one))), tally_type_of(tally_type_of(one)));
	tally_decref(one);
	tally_decref(two);
	tally_decref(list);
}

static void types_are_immortal(void)
{
	tally_object *type = tally_type_of(tally_none());
	CHECK_EQ(tally_refcount(type), UINT32_MAX);
	for (int i = 0; i < 100; i++) tally_decref(type);
	CHECK_EQ(tally_refcount(type), UINT32_MAX);
	CHECK_STR(tally_type_name(tally_none()), "none");
}

static void types_are_hashable_and_equal_by_identity(void)
{
	tally_object *type = tally_type_of(tally_none()), *other = tally_type_of(type);
	uint64_t hash = 0, again = 1;
	CHECK_EQ(tally_hash(type, &hash), 0);
	CHECK_EQ(tally_hash(type, &again), 0);
	CHECK_EQ(hash, again);
	CHECK_EQ(tally_equal(type, type), 1);
	CHECK_EQ(tally_equal(type, other), 0);
}

enum { BUILT_IN = 23 }; // types

static void none_and_the_types_stay_out_of_the_live_count(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	CHECK_EQ(stats.live_objects, 0);
	CHECK_EQ(stats.immortal_objects, BUILT_IN + 4 + 262); // and none, two booleans, the empty tuple; the ints from -5 to 256
}

static tally_object *new_type(void)
{
	tally_host_type description = {.size = sizeof description, .name = "one of many", .payload_size = 8};
	return tally_host_type_new(&description);
}

// The header keeps 16 bits for the type; index 0 is no type, the first ones are built in.
static void fill_the_table(void)
{
	unsigned made = 0;
	while (made < 70000 && new_type()) made++;
	CHECK_EQ(made, 65535 - BUILT_IN);
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "host_type_new: there are 65535 types already");
}

static void the_type_after_the_last_is_an_error_and_leaves_nothing_behind(void)
{
	tally_heap_stats before = {.size = sizeof before}, after = {.size = sizeof after};
	fill_the_table();
	CHECK_EQ(tally_heap_stats_get(&before), 0);
	CHECK(!new_type());
	tally_error_clear();
	CHECK_EQ(tally_heap_stats_get(&after), 0);
	CHECK_EQ(after.live_bytes, before.live_bytes);
	CHECK_EQ(after.immortal_objects, before.immortal_objects);
	tally_object *none = tally_none();
	CHECK_STR(tally_type_name(none), "none");
}

static void a_new_start_has_the_whole_table_again(void)
{
	fill_the_table();
	fixture_stop();
	fixture_start();
	fill_the_table();
}

enum { TYPES_EACH = 2000 };

static void make_types(void *seen, unsigned number)
{
	tally_object **types = seen;
	for (unsigned i = 0; i < TYPES_EACH; i++) types[number * TYPES_EACH + i] = new_type();
}

static void threads_that_add_types_at_once_get_different_ones(void)
{
	static tally_object *types[4 * TYPES_EACH];
	tally_object *all = must(tally_dict_new());
	run_threads(4, make_types, types);
	for (unsigned i = 0; i < 4 * TYPES_EACH; i++) {
		if (!CHECK(types[i])) continue;
		tally_object *object = must(tally_host_new(types[i]));
		CHECK_PTR(tally_type_of(object), types[i]);
		CHECK_EQ(tally_dict_contains(all, types[i]), 0);
		CHECK_EQ(tally_dict_set(all, types[i], object), 0);
		tally_decref(object);
	}
	tally_decref(all);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(every_built_in_type_has_its_name);
	TAP_RUN(objects_of_one_type_share_its_object);
	TAP_RUN(types_are_immortal);
	TAP_RUN(types_are_hashable_and_equal_by_identity);
	TAP_RUN(none_and_the_types_stay_out_of_the_live_count);
	TAP_RUN(the_type_after_the_last_is_an_error_and_leaves_nothing_behind);
	TAP_RUN(a_new_start_has_the_whole_table_again);
	TAP_RUN(threads_that_add_types_at_once_get_different_ones);
	return tap_end();
}
