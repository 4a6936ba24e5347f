// tests/list_sort.c: sorting lists: order and stability, key functions, errors at every point, changes meanwhile.
#include "sequences.h"

#include <sched.h>

static void sort(tally_object *list, bool reverse)
{
	if (!CHECK_EQ(tally_list_sort(list, NULL, reverse), 0)) tap_note("%s", tally_error_message());
}

// ---- order ----

static int compare_values(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
	return (left > right) - (left < right);
}

// Sorts both ways and compares with the C library.
static void check_sort(const int64_t *values, size_t size)
{
	static int64_t sorted[3000];
	tally_object *list = list_of(values, size), *other = list_of(values, size);
	memcpy(sorted, values, size * sizeof values[0]);
	qsort(sorted, size, sizeof sorted[0], compare_values);
	sort(list, false);
	take_list(list, sorted, size);
	for (size_t i = 0; i < size / 2; i++) {
		int64_t value = sorted[i];
		sorted[i] = sorted[size - 1 - i];
		sorted[size - 1 - i] = value;
	}
	sort(other, true);
	take_list(other, sorted, size);
}

static void ints_of_every_pattern_are_sorted(void)
{
	static int64_t values[3000];
	uint64_t state = fixture_seed(0);
	for (size_t size = 0; size <= 3000; size += 1 + size / 8) {
		for (unsigned range = 2; range < 100000; range *= 30) {
			for (size_t i = 0; i < size; i++) values[i] = below(&state, range);
			check_sort(values, size);
		}
		for (size_t i = 0; i < size; i++) values[i] = (int64_t)i;
		check_sort(values, size);
		for (size_t i = 0; i < size; i++) values[i] = (int64_t)(size - i);
		check_sort(values, size);
		for (size_t i = 0; i < size; i++) values[i] = (int64_t)(size - i) / 2;
		check_sort(values, size);
		for (size_t i = 0; i < size; i++) values[i] = (int64_t)(i < size / 10 * 9 ? i : below(&state, 3000));
		check_sort(values, size);
		for (size_t i = 0; i < size; i++) values[i] = (int64_t)(i % 100);
		check_sort(values, size);
	}
}

// Every order of a few: what is mixed, merged and inserted in every way.
static void every_permutation_of_seven_is_sorted(void)
{
	int64_t values[7];
	for (int code = 0; code < 5040; code++) {
		int left = code;
		for (int i = 0; i < 7; i++) values[i] = -1;
		for (int i = 0, place; i < 7; left /= 7 - i, i++) {
			int skip = left % (7 - i);
			for (place = 0; values[place] >= 0 || skip-- > 0; place++) {}
			values[place] = i;
		}
		tally_object *list = list_of(values, 7);
		sort(list, code % 2);
		if (code % 2) TAKE_LIST(list, 6, 5, 4, 3, 2, 1, 0);
		else TAKE_LIST(list, 0, 1, 2, 3, 4, 5, 6);
	}
}

static void extreme_ints_keep_their_order(void)
{
	tally_object *list = must(tally_list_new());
	push(list, integer(INT64_MAX));
	push(list, integer(0));
	push(list, integer(INT64_MIN));
	push(list, integer(-1));
	sort(list, false);
	CHECK_EQ(take_value(tally_list_get(list, 0)), INT64_MIN);
	CHECK_EQ(take_value(tally_list_get(list, 1)), -1);
	CHECK_EQ(take_value(tally_list_get(list, 2)), 0);
	CHECK_EQ(take_value(tally_list_get(list, 3)), INT64_MAX);
	tally_decref(list);
}

// Sorts random picks of these, which are given in their order, and checks it. Gives them up.
static void check_kind(tally_object *const *ordered, unsigned count)
{
	uint64_t state = fixture_seed(1);
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 200; i++) CHECK_EQ(tally_list_append(list, ordered[below(&state, count)]), 0);
	for (int reverse = 0; reverse < 2; reverse++) {
		sort(list, reverse);
		for (ptrdiff_t i = 1; i < 200; i++) {
			tally_object *before = tally_list_get(list, i - 1), *after = tally_list_get(list, i);
			if (!CHECK_EQ(tally_compare(before, after, reverse ? TALLY_GE : TALLY_LE), 1)) i = 200;
			tally_decref(before);
			tally_decref(after);
		}
	}
	tally_decref(list);
	for (unsigned i = 0; i < count; i++) {
		CHECK_EQ(tally_refcount(ordered[i]) == 1 || tally_refcount(ordered[i]) == UINT32_MAX, true);
		tally_decref(ordered[i]);
	}
}

static tally_object *pair(tally_object *a, tally_object *b)
{
	tally_object *made = must(tally_tuple_new((tally_object *[]){a, b}, 2));
	tally_decref(a);
	tally_decref(b);
	return made;
}

static void floats_strs_and_mixtures_are_sorted(void)
{
	check_kind((tally_object *[]){must(tally_float_new(-1.0 / 0.0)), must(tally_float_new(-2.5)), must(tally_float_new(-0.0)),
	                              must(tally_float_new(0.5)), must(tally_float_new(1e300))}, 5);
	check_kind((tally_object *[]){text(""), text("a"), text("aa"), text("ab"), text("b"), text("\xC3\xA4"), text("\xEF\xBF\xBD"),
	                              text("\xF0\x9D\x84\x9E")}, 8);
	check_kind((tally_object *[]){integer(-1), tally_bool(false), must(tally_float_new(0.5)), integer(1), counted(2)}, 5);
	check_kind((tally_object *[]){pair(integer(1), text("b")), pair(integer(2), text("a")), pair(integer(2), text("b"))}, 3);
	tally_object *one = counted(1), *bytes[] = {must(tally_bytes_new("", 0)), must(tally_bytes_new("\0", 1)),
	                                            must(tally_bytes_new("\xFF", 1))};
	check_kind(bytes, 3);
	check_kind((tally_object *[]){must(tally_list_new()), must(tally_list_from(&one, 1))}, 2);
	tally_decref(one);
}

static void a_nan_among_floats_loses_nothing(void)
{
	tally_object *list = must(tally_list_new()), *nan = must(tally_float_new(0.0 / 0.0));
	for (int i = 0; i < 100; i++) push(list, i % 7 ? must(tally_float_new(100 - i)) : tally_incref(nan));
	sort(list, false);
	sort(list, true);
	CHECK_EQ(size_of(list), 100);
	CHECK_EQ(tally_refcount(nan), 16);
	tally_decref(list);
	tally_decref(nan);
}

// ---- keys ----

static int key_calls;

// The int divided by ten.
static tally_object *tens(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	int64_t value = 0;
	(void)context, (void)captured;
	CHECK_EQ(count, 1);
	key_calls++;
	if (tally_int_value(arguments[0], &value)) return NULL;
	return integer((value - COUNTED) / 10);
}

// The same as something that has no fast comparison.
static tally_object *tens_in_a_tuple(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *number = tens(context, captured, arguments, count), *tuple = number ? tally_tuple_new(&number, 1) : NULL;
	tally_decref(number);
	return tuple;
}

static void equal_keys_keep_the_order_both_ways(void)
{
	tally_object *keys[] = {function("tens", tens, NULL), function("tens", tens_in_a_tuple, NULL)};
	for (int i = 0; i < 2; i++) {
		tally_object *list = LIST(31, 12, 39, 11, 30, 22, 10, 32, 21);
		CHECK_EQ(tally_list_sort(list, keys[i], false), 0);
		CHECK_LIST(list, 12, 11, 10, 22, 21, 31, 39, 30, 32);
		CHECK_EQ(tally_list_sort(list, keys[i], true), 0);
		CHECK_LIST(list, 31, 39, 30, 32, 22, 21, 12, 11, 10);
		tally_decref(list);
		tally_decref(keys[i]);
	}
}

static void large_sorts_are_stable(void)
{
	enum { SIZE = 2000 };
	uint64_t state = fixture_seed(2);
	tally_object *keys[] = {function("tens", tens, NULL), function("tens", tens_in_a_tuple, NULL)};
	for (int way = 0; way < 4; way++) {
		tally_object *list = must(tally_list_new());
		for (int i = 0; i < SIZE; i++) push(list, counted((int64_t)below(&state, 50) * 10));
		tally_object *before = must(tally_list_of(list));
		CHECK_EQ(tally_list_sort(list, keys[way % 2], way / 2), 0);
		size_t last = 0;
		int64_t last_value = 0;
		for (ptrdiff_t i = 0; i < SIZE; i++) {
			tally_object *item = tally_list_get(list, i);
			int64_t value = take_counted(tally_incref(item));
			size_t place = 0;
			tally_object *other = NULL;
			if (value != last_value) last = 0;
			for (place = last; other != item && place < SIZE; place++) {
				tally_decref(other);
				other = tally_list_get(before, (ptrdiff_t)place);
			}
			if (!CHECK(other == item)) i = SIZE; // it stood behind the last one with its key
			last = place;
			last_value = value;
			tally_decref(other);
			tally_decref(item);
		}
		tally_decref(before);
		tally_decref(list);
	}
	for (int i = 0; i < 2; i++) tally_decref(keys[i]);
}

static void the_key_function_is_called_once_for_each_element_in_order(void)
{
	tally_object *key = function("tens", tens, NULL), *list = count_up(100), *one = count_up(1), *empty = must(tally_list_new());
	key_calls = 0;
	CHECK_EQ(tally_list_sort(list, key, true), 0);
	CHECK_EQ(key_calls, 100);
	CHECK_EQ(tally_list_sort(one, key, true), 0);
	CHECK_EQ(key_calls, 101);
	CHECK_EQ(tally_list_sort(empty, key, true), 0);
	CHECK_EQ(key_calls, 101);
	tally_object *all[] = {key, list, one, empty};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- errors ----

static void what_has_no_order_says_so_and_all_elements_are_back(void)
{
	tally_object *list = LIST(3, 1, 2), *none = tally_none();
	CHECK_EQ(tally_list_insert(list, 1, none), 0);
	CHECK_EQ(tally_list_sort(list, NULL, false), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_sort: a 'none' and a 'int' have no order");
	CHECK_EQ(size_of(list), 4);
	CHECK_EQ(tally_list_remove(list, none), 1);
	sort(list, false);
	CHECK_LIST(list, 1, 2, 3);
	CHECK_EQ(tally_list_sort(none, NULL, false), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_sort: expected a list, got a 'none'");
	CHECK_EQ(tally_list_sort(list, none, false), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_sort: expected a callable key, got a 'none'");
	CHECK_LIST(list, 1, 2, 3);
	tally_decref(list);
}

enum { ELEMENTS = 40 };

static struct {
	int calls, fails_at;
	tally_object *list, *items[ELEMENTS], *added;
	void (*act)(tally_object *list);
} scene;

// A list of tuples, each of an object with an equality of its own and an int: comparing two of them asks the hook.
static void begin(int (*on_equal)(tally_object *self, tally_object *other))
{
	uint64_t state = fixture_seed(3);
	memset(&scene, 0, sizeof scene);
	tally_object *type = hook_class(on_equal);
	scene.list = must(tally_list_new());
	for (int i = 0; i < ELEMENTS; i++) {
		scene.items[i] = pair(must(tally_instance_new(type)), counted((int64_t)below(&state, 1000)));
		CHECK_EQ(tally_list_append(scene.list, scene.items[i]), 0);
	}
	scene.added = counted(77);
	tally_decref(type);
}

// The list holds each element once.
static void check_complete(void)
{
	CHECK_EQ(size_of(scene.list), ELEMENTS);
	for (int i = 0; i < ELEMENTS; i++) {
		bool there = false;
		CHECK_EQ(tally_refcount(scene.items[i]), 2);
		for (ptrdiff_t k = 0; k < ELEMENTS && !there; k++) {
			tally_object *item = tally_list_get(scene.list, k);
			there = item == scene.items[i];
			tally_decref(item);
		}
		CHECK(there);
	}
	CHECK_EQ(tally_refcount(scene.added), 1);
}

static void end(void)
{
	check_complete();
	tally_decref(scene.list);
	for (int i = 0; i < ELEMENTS; i++) tally_decref(scene.items[i]);
	tally_decref(scene.added);
	hook_collect();
}

static int equal_unless_it_fails(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	return ++scene.calls == scene.fails_at ? hook_fails() : 1;
}

static void a_comparison_may_fail_at_every_point(void)
{
	int needed = 0;
	for (int fails_at = 1; fails_at <= needed + 1; fails_at++) {
		begin(equal_unless_it_fails);
		scene.fails_at = fails_at;
		int status = tally_list_sort(scene.list, NULL, fails_at % 2);
		if (status) CHECK_HOOK_FAILED();
		CHECK_EQ(status, scene.calls < fails_at ? 0 : -1);
		if (status) needed = fails_at;
		check_complete();
		end();
	}
	CHECK(needed > 100);
}

static tally_object *key_that_fails(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	if (++scene.calls != scene.fails_at) return tally_tuple_get(arguments[0], 1);
	hook_fails();
	return NULL;
}

static void the_key_function_may_fail_for_every_element(void)
{
	for (int fails_at = 1; fails_at <= ELEMENTS + 1; fails_at++) {
		begin(NULL);
		tally_object *key = function("key", key_that_fails, NULL);
		scene.fails_at = fails_at;
		CHECK_EQ(tally_list_sort(scene.list, key, false), fails_at <= ELEMENTS ? -1 : 0);
		if (fails_at <= ELEMENTS) CHECK_HOOK_FAILED();
		tally_decref(key);
		end();
	}
}

// ---- changes meanwhile ----

static void add(tally_object *list)
{
	CHECK_EQ(size_of(list), scene.calls > 1);
	if (scene.calls == 1) CHECK_EQ(tally_list_append(list, scene.added), 0);
}

static void add_much(tally_object *list)
{
	for (int i = 0; i < 100; i++) CHECK_EQ(tally_list_append(list, scene.added), 0);
}

static void add_and_clear(tally_object *list)
{
	CHECK_EQ(tally_list_append(list, scene.added), 0);
	CHECK_EQ(tally_list_clear(list), 0);
}

static void look_only(tally_object *list)
{
	CHECK_EQ(size_of(list), 0);
	CHECK(!tally_list_pop(list, -1));
	tally_error_clear();
	CHECK_EQ(tally_list_reverse(list), 0);
	CHECK_EQ(tally_list_contains(list, scene.added), 0);
}

static void sort_it_again(tally_object *list) { CHECK_EQ(tally_list_sort(list, NULL, true), 0); }

static tally_object *key_that_acts(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	scene.calls++;
	scene.act(scene.list);
	return tally_tuple_get(arguments[0], 1);
}

static int equal_and_act(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	scene.calls++;
	scene.act(scene.list);
	return 1;
}

static void check_is_sorted(void)
{
	for (ptrdiff_t i = 1; i < ELEMENTS; i++) {
		tally_object *before = tally_list_get(scene.list, i - 1), *after = tally_list_get(scene.list, i);
		int64_t left = take_counted(tally_tuple_get(before, 1)), right = take_counted(tally_tuple_get(after, 1));
		CHECK(left <= right);
		tally_decref(before);
		tally_decref(after);
	}
}

static void check_sort_with(void (*act)(tally_object *list), bool is_noticed, bool by_key)
{
	begin(by_key ? NULL : equal_and_act);
	tally_object *key = by_key ? function("key", key_that_acts, NULL) : NULL;
	scene.act = act;
	CHECK_EQ(tally_list_sort(scene.list, key, false), is_noticed ? -1 : 0);
	if (is_noticed) CHECK_ERROR(TALLY_ERROR_VALUE, "list_sort: the list was changed while it was sorted");
	CHECK_NO_ERROR();
	CHECK(scene.calls >= ELEMENTS);
	check_is_sorted();
	tally_decref(key);
	end();
}

static void what_is_put_into_the_list_meanwhile_is_lost_and_the_sort_says_so(void)
{
	for (int by_key = 0; by_key < 2; by_key++) {
		check_sort_with(add, true, by_key);
		check_sort_with(add_much, true, by_key);
		check_sort_with(add_and_clear, false, by_key);
		check_sort_with(look_only, false, by_key);
		check_sort_with(sort_it_again, false, by_key);
	}
}

static void an_error_is_worth_more_than_a_change(void)
{
	begin(NULL);
	tally_object *key = function("key", key_that_fails, NULL);
	scene.fails_at = 1;
	CHECK_EQ(tally_list_sort(scene.list, key, false), -1);
	CHECK_HOOK_FAILED();
	tally_decref(key);
	end();
}

static tally_object *key_that_sorts_another(void *context, tally_object *const *captured, tally_object *const *arguments,
                                            size_t count)
{
	tally_object *other = LIST(3, 1, 2);
	(void)context, (void)captured, (void)count;
	sort(other, false);
	TAKE_LIST(other, 1, 2, 3);
	return tally_incref(arguments[0]);
}

static void sorts_nest(void)
{
	tally_object *list = LIST(5, 4, 6), *key = function("key", key_that_sorts_another, NULL);
	CHECK_EQ(tally_list_sort(list, key, true), 0);
	CHECK_LIST(list, 6, 5, 4);
	tally_decref(key);
	tally_decref(list);
}

// ---- memory ----

static bool play_sort(void)
{
	bool done = tally_list_sort(scene.list, NULL, false) == 0;
	for (ptrdiff_t i = 0; i < ELEMENTS && !done; i++) {
		tally_object *item = tally_list_get(scene.list, i);
		CHECK_PTR(item, scene.items[i]);
		tally_decref(item);
	}
	return done;
}

static void without_memory_the_list_is_as_it_was(void)
{
	begin(equal_unless_it_fails);
	fail_each_allocation(play_sort, "list_sort");
	end();
}

static void a_sorted_list_keeps_its_array_and_owns_nothing_more(void)
{
	tally_object *list = count_up(1000), *key = function("tens", tens, NULL);
	size_t before = 0, after = 1;
	uint64_t objects = fixture_live_objects(), raw = fixture_raw_buffers();
	CHECK_EQ(tally_sizeof(list, &before), 0);
	CHECK_EQ(tally_list_sort(list, key, true), 0);
	CHECK_EQ(tally_sizeof(list, &after), 0);
	CHECK_EQ(before, after);
	CHECK_EQ(fixture_live_objects(), objects);
	CHECK_EQ(fixture_raw_buffers(), raw);
	tally_decref(key);
	tally_decref(list);
}

// ---- threads ----

static void sort_or_change(void *list, unsigned number)
{
	for (int64_t i = tap_scale(300); i > 0; i--) {
		int status = number < 2 ? tally_list_sort(list, NULL, i % 2) : tally_list_reverse(list);
		if (status) CHECK_ERROR(TALLY_ERROR_VALUE, "list_sort: the list was changed while it was sorted");
		if (number == 3) push(list, counted(i % 100));
		size_t size;
		CHECK_EQ(tally_list_size(list, &size), 0);
	}
}

static void threads_may_sort_and_change_one_list(void)
{
	enum { SIZE = 400 };
	tally_object *list = must(tally_list_new()), *marks[SIZE];
	for (int i = 0; i < SIZE; i++) CHECK_EQ(tally_list_append(list, marks[i] = counted(i * 7 % SIZE)), 0);
	run_threads(4, sort_or_change, list);
	sort(list, false);
	for (int i = 0; i < SIZE; i++) {
		CHECK_EQ(tally_refcount(marks[i]), 2); // nothing that was there before is lost
		tally_decref(marks[i]);
	}
	tally_decref(list);
}

// The second thread finds in the list what the first one has put there. Putting that back later would lose what the first one
// has brought back.
static atomic_bool is_begun, has_found, has_ended;

static void wait_until(atomic_bool *a, atomic_bool *b)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	while (!atomic_load(a) && !atomic_load(b)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
}

static tally_object *first_key(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	if (++scene.calls == 1) {
		add_much(scene.list);
		atomic_store(&is_begun, true);
		wait_until(&has_found, &has_ended);
	}
	return tally_tuple_get(arguments[0], 1);
}

static tally_object *second_key(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	atomic_store(&has_found, true);
	wait_until(&has_ended, &has_ended);
	return tally_incref(arguments[0]);
}

static void sort_at_the_same_time(void *context, unsigned number)
{
	tally_object *key = function("key", number ? second_key : first_key, NULL);
	(void)context;
	if (number) {
		wait_until(&is_begun, &is_begun);
		CHECK_EQ(tally_list_sort(scene.list, key, false), 0);
	} else {
		CHECK_EQ(tally_list_sort(scene.list, key, false), -1);
		CHECK_ERROR(TALLY_ERROR_VALUE, "list_sort: the list was changed while it was sorted");
	}
	atomic_store(&has_ended, true);
	tally_decref(key);
}

static void of_two_sorts_at_once_the_second_finds_nothing(void)
{
	begin(NULL);
	atomic_store(&is_begun, false);
	atomic_store(&has_found, false);
	atomic_store(&has_ended, false);
	run_threads(2, sort_at_the_same_time, NULL);
	check_is_sorted();
	end();
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(ints_of_every_pattern_are_sorted);
	TAP_RUN(every_permutation_of_seven_is_sorted);
	TAP_RUN(extreme_ints_keep_their_order);
	TAP_RUN(floats_strs_and_mixtures_are_sorted);
	TAP_RUN(a_nan_among_floats_loses_nothing);
	TAP_RUN(equal_keys_keep_the_order_both_ways);
	TAP_RUN(large_sorts_are_stable);
	TAP_RUN(the_key_function_is_called_once_for_each_element_in_order);
	TAP_RUN(what_has_no_order_says_so_and_all_elements_are_back);
	TAP_RUN(a_comparison_may_fail_at_every_point);
	TAP_RUN(the_key_function_may_fail_for_every_element);
	TAP_RUN(what_is_put_into_the_list_meanwhile_is_lost_and_the_sort_says_so);
	TAP_RUN(an_error_is_worth_more_than_a_change);
	TAP_RUN(sorts_nest);
	TAP_RUN(without_memory_the_list_is_as_it_was);
	TAP_RUN(a_sorted_list_keeps_its_array_and_owns_nothing_more);
	TAP_RUN(threads_may_sort_and_change_one_list);
	TAP_RUN(of_two_sorts_at_once_the_second_finds_nothing);
	return tap_end();
}
