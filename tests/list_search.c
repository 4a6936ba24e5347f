// tests/list_search.c: what compares the elements of lists: index, contains, count, remove, equality and order; with objects
// whose equality fails or changes the list meanwhile.
#include "sequences.h"

// ---- searching ----

// Where the value is said to be; -1: nowhere. All four agree.
static int64_t find(tally_object *list, tally_object *value, size_t times)
{
	size_t index = 77, count = 77;
	int found = tally_list_index(list, value, &index);
	CHECK_EQ(found, times > 0);
	CHECK_EQ(index == 77, times == 0);
	CHECK_EQ(tally_list_contains(list, value), times > 0);
	CHECK_EQ(tally_list_count(list, value, &count), 0);
	CHECK_EQ(count, times);
	return found == 1 ? (int64_t)index : -1;
}

static void elements_are_found_by_equality(void)
{
	tally_object *items[] = {counted(1), text("word"), must(tally_float_new(COUNTED + 1)), must(tally_list_new()), text("word"),
	                         must(tally_tuple_new(NULL, 0))};
	tally_object *list = must(tally_list_from(items, 6)), *word = text("word"), *absent = text("sword");
	tally_object *empty = must(tally_list_new()), *other = counted(2);
	CHECK_EQ(find(list, items[2], 2), 0);
	CHECK_EQ(find(list, items[0], 2), 0);
	CHECK_EQ(find(list, word, 2), 1);
	CHECK_EQ(find(list, empty, 1), 3);
	CHECK_EQ(find(list, items[5], 1), 5);
	CHECK_EQ(find(list, absent, 0), -1);
	CHECK_EQ(find(list, other, 0), -1);
	CHECK_EQ(find(list, tally_none(), 0), -1);
	CHECK_EQ(find(empty, word, 0), -1);
	CHECK_EQ(tally_refcount(word), 1);
	CHECK_EQ(tally_refcount(items[1]), 2);
	tally_object *all[] = {list, word, absent, empty, other};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
	for (int i = 0; i < 6; i++) tally_decref(items[i]);
}

static void a_nan_is_found_as_the_same_object_only(void)
{
	tally_object *nan = must(tally_float_new(0.0 / 0.0)), *other = must(tally_float_new(0.0 / 0.0));
	tally_object *list = must(tally_list_from((tally_object *[]){other, nan, nan}, 3));
	CHECK_EQ(find(list, nan, 2), 1);
	CHECK_EQ(find(list, other, 1), 0);
	tally_decref(list);
	tally_decref(nan);
	tally_decref(other);
}

static void remove_takes_the_first_equal_one_out(void)
{
	tally_object *list = LIST(3, 1, 2, 1), *one = counted(1), *four = counted(4);
	CHECK_EQ(tally_list_remove(list, one), 1);
	CHECK_LIST(list, 3, 2, 1);
	CHECK_EQ(tally_list_remove(list, one), 1);
	CHECK_LIST(list, 3, 2);
	CHECK_EQ(tally_list_remove(list, one), 0);
	CHECK_EQ(tally_list_remove(list, four), 0);
	CHECK_NO_ERROR();
	CHECK_LIST(list, 3, 2);
	tally_decref(list);
	tally_decref(one);
	tally_decref(four);
}

static void what_is_removed_dies_and_the_array_shrinks(void)
{
	tally_object *type = fixture_probe_type(), *list = must(tally_list_new()), *items[200];
	for (int i = 0; i < 200; i++) CHECK_EQ(tally_list_append(list, items[i] = probe(type, i)), 0);
	size_t full = 0, bytes = 0;
	CHECK_EQ(tally_sizeof(list, &full), 0);
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(tally_list_remove(list, items[i]), 1);
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
	CHECK_EQ(size_of(list), 0);
	CHECK_EQ(tally_sizeof(list, &bytes), 0);
	CHECK(bytes < full / 2);
	check_died_in_order(200);
	tally_decref(list);
}

static void a_list_may_contain_itself(void)
{
	tally_object *list = must(tally_list_new()), *other = must(tally_list_new());
	size_t index = 77;
	CHECK_EQ(tally_list_append(list, list), 0);
	CHECK_EQ(tally_list_append(other, other), 0);
	CHECK_EQ(find(list, list, 1), 0);
	CHECK_EQ(tally_list_index(list, other, &index), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "list_index: nested deeper than 1000 levels");
	CHECK_EQ(tally_compare(list, other, TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "compare: nested deeper than 1000 levels");
	CHECK_EQ(tally_compare(list, list, TALLY_LE), 1);
	CHECK_EQ(tally_list_remove(list, other), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "list_remove: nested deeper than 1000 levels");
	CHECK_EQ(size_of(list), 1);
	CHECK_EQ(tally_list_remove(list, list), 1);
	CHECK_EQ(tally_list_clear(other), 0);
	tally_decref(list);
	tally_decref(other);
}

static void what_is_no_list_and_no_value_says_so(void)
{
	tally_object *list = count_up(1), *number = tally_none();
	size_t size = 77;
	CHECK_EQ(tally_list_index(number, number, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_index: expected a list, got a 'none'");
	CHECK_EQ(tally_list_contains(number, number), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_contains: expected a list, got a 'none'");
	CHECK_EQ(tally_list_count(NULL, number, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_count: expected a list, got NULL");
	CHECK_EQ(tally_list_remove(number, number), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_remove: expected a list, got a 'none'");
	CHECK_EQ(tally_list_index(list, NULL, &size), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_index: the value is NULL");
	CHECK_EQ(tally_list_contains(list, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_contains: the value is NULL");
	CHECK_EQ(tally_list_count(list, NULL, &size), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_count: the value is NULL");
	CHECK_EQ(tally_list_remove(list, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_remove: the value is NULL");
	CHECK_EQ(size, 77);
	CHECK_LIST(list, 0);
	tally_decref(list);
}

// ---- equality of the host's ----

enum { HOOKED = 6 };

static struct {
	tally_object *list, *items[HOOKED], *extra;
	int calls, fails_at, acts_at; // counted from 1; 0: never
	void (*act)(void);
	tally_object *equals; // the one that equals the value
} scene;

static int play(tally_object *self, tally_object *other)
{
	(void)other;
	++scene.calls;
	if (scene.calls == scene.fails_at) return hook_fails();
	if (scene.calls == scene.acts_at) scene.act();
	return self == scene.equals;
}

// A list of six objects with an equality of their own, and a value that asks it.
static void begin(void (*act)(void), int acts_at)
{
	memset(&scene, 0, sizeof scene);
	tally_object *type = hook_class(play);
	for (int i = 0; i < HOOKED; i++) scene.items[i] = must(tally_instance_new(type));
	scene.list = must(tally_list_from(scene.items, HOOKED));
	scene.extra = must(tally_instance_new(type));
	scene.act = act;
	scene.acts_at = acts_at;
	tally_decref(type);
}

static void end(void)
{
	tally_decref(scene.list);
	tally_decref(scene.extra);
	for (int i = 0; i < HOOKED; i++) {
		CHECK_EQ(tally_refcount(scene.items[i]), 1);
		tally_decref(scene.items[i]);
	}
	hook_collect();
}

static void an_error_in_any_comparison_is_passed_on_and_nothing_is_lost(void)
{
	tally_object *value = counted(5);
	size_t index = 77, count = 77;
	for (int i = 1; i <= HOOKED; i++) {
		begin(NULL, 0);
		scene.fails_at = i;
		CHECK_EQ(tally_list_index(scene.list, value, &index), -1);
		CHECK_HOOK_FAILED();
		scene.calls = 0;
		CHECK_EQ(tally_list_contains(scene.list, value), -1);
		CHECK_HOOK_FAILED();
		scene.calls = 0;
		CHECK_EQ(tally_list_count(scene.list, value, &count), -1);
		CHECK_HOOK_FAILED();
		scene.calls = 0;
		CHECK_EQ(tally_list_remove(scene.list, value), -1);
		CHECK_HOOK_FAILED();
		CHECK_EQ(scene.calls, i);
		CHECK_EQ(index, 77);
		CHECK_EQ(count, 77);
		CHECK_EQ(size_of(scene.list), HOOKED);
		for (int k = 0; k < HOOKED; k++) CHECK_EQ(tally_refcount(scene.items[k]), 2);
		end();
	}
	tally_decref(value);
}

static void an_error_in_any_comparison_of_two_lists_is_passed_on(void)
{
	for (int i = 1; i <= HOOKED; i++) {
		begin(NULL, 0);
		tally_object *others = must(tally_list_new());
		for (int k = 0; k < HOOKED; k++) push(others, counted(k));
		scene.fails_at = 1;
		for (int k = 0; k < i - 1; k++) CHECK_EQ(tally_list_set(others, k, scene.items[k]), 0); // equal without being asked
		CHECK_EQ(tally_equal(scene.list, others), -1);
		CHECK_HOOK_FAILED();
		scene.calls = 0;
		CHECK_EQ(tally_compare(scene.list, others, TALLY_LT), -1);
		CHECK_HOOK_FAILED();
		tally_decref(others);
		end();
	}
}

static void clear_all(void) { CHECK_EQ(tally_list_clear(scene.list), 0); }

static void put_in_front(void) { CHECK_EQ(tally_list_insert(scene.list, 0, scene.extra), 0); }

static void take_first(void) { tally_decref(tally_list_pop(scene.list, 0)); }

static void replace_all(void)
{
	for (int i = 0; i < HOOKED; i++) CHECK_EQ(tally_list_set(scene.list, i, scene.extra), 0);
}

static void grow(void)
{
	for (int i = 0; i < 500; i++) CHECK_EQ(tally_list_append(scene.list, tally_none()), 0);
}

static void a_comparison_may_change_the_list_that_is_searched(void)
{
	static void (*const acts[])(void) = {clear_all, put_in_front, take_first, replace_all, grow};
	tally_object *value = counted(5);
	for (size_t act = 0; act < sizeof acts / sizeof acts[0]; act++) {
		for (int at = 1; at <= HOOKED; at++) {
			size_t index, count;
			begin(acts[act], at);
			CHECK(tally_list_index(scene.list, value, &index) == 0);
			end();
			begin(acts[act], at);
			CHECK_EQ(tally_list_contains(scene.list, value), 0);
			end();
			begin(acts[act], at);
			CHECK_EQ(tally_list_count(scene.list, value, &count), 0);
			CHECK_EQ(count, 0);
			end();
			begin(acts[act], at);
			CHECK_EQ(tally_list_remove(scene.list, value), 0);
			end();
		}
	}
	tally_decref(value);
}

// The third one equals the value; its comparison puts another one in front of it.
static void remove_takes_out_what_was_compared_wherever_it_is_by_then(void)
{
	tally_object *value = counted(5);
	begin(put_in_front, 3);
	scene.equals = scene.items[2];
	CHECK_EQ(tally_list_remove(scene.list, value), 1);
	CHECK_EQ(size_of(scene.list), HOOKED);
	CHECK_EQ(tally_refcount(scene.items[2]), 1);
	tally_object *first = tally_list_get(scene.list, 0);
	CHECK_PTR(first, scene.extra);
	tally_decref(first);
	end();
	begin(take_first, 3);
	scene.equals = scene.items[2];
	CHECK_EQ(tally_list_remove(scene.list, value), 0); // it has moved to where the search has been
	CHECK_EQ(size_of(scene.list), HOOKED - 1);
	CHECK_EQ(tally_refcount(scene.items[2]), 2);
	end();
	begin(replace_all, 3);
	scene.equals = scene.items[2];
	CHECK_EQ(tally_list_remove(scene.list, value), 0);
	CHECK_EQ(size_of(scene.list), HOOKED);
	CHECK_EQ(tally_refcount(scene.extra), HOOKED + 1);
	end();
	begin(clear_all, 3);
	scene.equals = scene.items[2];
	CHECK_EQ(tally_list_remove(scene.list, value), 0);
	CHECK_EQ(size_of(scene.list), 0);
	end();
	tally_decref(value);
}

static void take_third(void) { tally_decref(tally_list_pop(scene.list, 2)); }

// The third one, which equals the value, takes itself out when it is compared; the fourth one equals it, too.
static void what_moves_to_the_place_of_one_that_has_gone_is_not_missed(void)
{
	tally_object *value = counted(5);
	begin(take_third, 3);
	scene.equals = scene.items[2];
	CHECK_EQ(tally_list_set(scene.list, 3, value), 0);
	CHECK_EQ(tally_list_remove(scene.list, value), 1);
	CHECK_EQ(size_of(scene.list), HOOKED - 2);
	CHECK_EQ(tally_refcount(value), 1);
	end();
	tally_decref(value);
}

static void lists_may_change_while_they_are_compared(void)
{
	static void (*const acts[])(void) = {clear_all, put_in_front, take_first, replace_all, grow};
	for (size_t act = 0; act < sizeof acts / sizeof acts[0]; act++) {
		for (int at = 1; at <= HOOKED; at++) {
			begin(acts[act], at);
			tally_object *others = count_up(HOOKED);
			CHECK(tally_equal(scene.list, others) >= 0);
			tally_error_clear();
			tally_decref(others);
			end();
		}
	}
}

// ---- order ----

static void check_order(tally_object *a, tally_object *b, int sign)
{
	CHECK_EQ(tally_compare(a, b, TALLY_LT), sign < 0);
	CHECK_EQ(tally_compare(a, b, TALLY_LE), sign <= 0);
	CHECK_EQ(tally_compare(a, b, TALLY_EQ), sign == 0);
	CHECK_EQ(tally_compare(a, b, TALLY_NE), sign != 0);
	CHECK_EQ(tally_compare(a, b, TALLY_GT), sign > 0);
	CHECK_EQ(tally_compare(a, b, TALLY_GE), sign >= 0);
}

static void lists_are_ordered_at_the_first_element_that_differs(void)
{
	tally_object *lists[] = {must(tally_list_new()), LIST(1), LIST(1, 1), LIST(1, 1, 7), LIST(1, 2), LIST(2), LIST(2, 0, 0)};
	const int most = sizeof lists / sizeof lists[0];
	for (int i = 0; i < most; i++)
		for (int k = 0; k < most; k++) check_order(lists[i], lists[k], (i > k) - (i < k));
	tally_object *same = LIST(1, 2);
	check_order(lists[4], same, 0);
	tally_decref(same);
	for (int i = 0; i < most; i++) tally_decref(lists[i]);
}

static void only_elements_that_differ_need_an_order(void)
{
	tally_object *word = text("a"), *one = counted(1), *two = counted(2);
	tally_object *a = must(tally_list_from((tally_object *[]){tally_none(), one, word}, 3));
	tally_object *b = must(tally_list_from((tally_object *[]){tally_none(), two, one}, 3));
	tally_object *c = must(tally_list_from((tally_object *[]){word, two}, 2)), *tuple = must(tally_tuple_new(&one, 1));
	check_order(a, b, -1);
	CHECK_EQ(tally_compare(a, c, TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "compare: a 'none' and a 'str' have no order");
	CHECK_EQ(tally_compare(a, tuple, TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "compare: a 'list' and a 'tuple' have no order");
	CHECK_EQ(tally_compare(a, tuple, TALLY_EQ), 0);
	tally_object *nan = must(tally_float_new(0.0 / 0.0)), *other = must(tally_float_new(0.0 / 0.0));
	tally_object *d = must(tally_list_from((tally_object *[]){nan, one}, 2));
	tally_object *e = must(tally_list_from((tally_object *[]){nan, two}, 2)), *f = must(tally_list_from(&other, 1));
	check_order(d, e, -1);
	CHECK_EQ(tally_compare(d, f, TALLY_LT), 0);
	CHECK_EQ(tally_compare(d, f, TALLY_GE), 0);
	tally_object *all[] = {word, one, two, a, b, c, tuple, nan, other, d, e, f};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) tally_decref(all[i]);
}

// ---- threads ----

enum { THREADS = 4, VALUES = 50 };
static atomic_uint removed_each[VALUES];

static void remove_everything(void *list, unsigned number)
{
	for (int round = tap_scale(40); round > 0; round--)
		for (int64_t i = 0; i < VALUES; i++) {
			tally_object *value = counted((i + number * 13) % VALUES);
			int removed = tally_list_remove(list, value);
			CHECK(removed >= 0);
			if (removed == 1) {
				atomic_fetch_add(&removed_each[take_counted(tally_incref(value))], 1);
				if (round > 1) CHECK_EQ(tally_list_insert(list, (ptrdiff_t)(i % 7), value), 0);
			}
			size_t count;
			CHECK_EQ(tally_list_count(list, value, &count), 0);
			CHECK(tally_list_contains(list, value) >= 0);
			tally_decref(value);
		}
}

static void elements_that_threads_remove_and_put_back_are_neither_lost_nor_doubled(void)
{
	tally_object *list = count_up(VALUES), *seen = must(tally_list_new());
	for (int i = 0; i < VALUES; i++) atomic_store(&removed_each[i], 0);
	run_threads(THREADS, remove_everything, list);
	CHECK(size_of(list) <= VALUES);
	for (size_t i = 0; i < size_of(list); i++) {
		tally_object *item = must(tally_list_get(list, (ptrdiff_t)i));
		CHECK_EQ(tally_list_contains(seen, item), 0);
		push(seen, item);
	}
	tally_decref(list);
	tally_decref(seen);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(elements_are_found_by_equality);
	TAP_RUN(a_nan_is_found_as_the_same_object_only);
	TAP_RUN(remove_takes_the_first_equal_one_out);
	TAP_RUN(what_is_removed_dies_and_the_array_shrinks);
	TAP_RUN(a_list_may_contain_itself);
	TAP_RUN(what_is_no_list_and_no_value_says_so);
	TAP_RUN(an_error_in_any_comparison_is_passed_on_and_nothing_is_lost);
	TAP_RUN(an_error_in_any_comparison_of_two_lists_is_passed_on);
	TAP_RUN(a_comparison_may_change_the_list_that_is_searched);
	TAP_RUN(remove_takes_out_what_was_compared_wherever_it_is_by_then);
	TAP_RUN(what_moves_to_the_place_of_one_that_has_gone_is_not_missed);
	TAP_RUN(lists_may_change_while_they_are_compared);
	TAP_RUN(lists_are_ordered_at_the_first_element_that_differs);
	TAP_RUN(only_elements_that_differ_need_an_order);
	TAP_RUN(elements_that_threads_remove_and_put_back_are_neither_lost_nor_doubled);
	return tap_end();
}
