// tests/list_slice.c: lists made of other lists, tuples and iterables, and parts of lists that are replaced.
#include "sequences.h"

// ---- parts ----

static const ptrdiff_t bounds[] = {TALLY_SLICE_NONE, PTRDIFF_MIN + 1, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, PTRDIFF_MAX};
enum { BOUNDS = sizeof bounds / sizeof bounds[0] };

// Start and stop out of bounds by so much that a counting loop would not end are brought nearer.
static ptrdiff_t near(ptrdiff_t bound)
{
	if (bound == TALLY_SLICE_NONE) return bound;
	return bound < -50 ? -50 : bound > 50 ? 50 : bound;
}

static void check_slice(tally_object *list, size_t size, ptrdiff_t start, ptrdiff_t stop, ptrdiff_t step)
{
	size_t places[128], count = places_of(size, near(start), near(stop), step, places);
	tally_object *part = tally_list_slice(list, start, stop, step);
	bool right = CHECK(part) && CHECK_EQ(size_of(part), count);
	for (size_t i = 0; right && i < count; i++) right = CHECK_EQ(take_counted(tally_list_get(part, (ptrdiff_t)i)), places[i]);
	if (!right) tap_note("size %zu, [%td:%td:%td]", size, start, stop, step);
	tally_decref(part);
}

static void every_slice_is_the_one_that_counting_finds(void)
{
	static const ptrdiff_t steps[] = {-6, -3, -2, -1, 1, 2, 3, 6};
	for (size_t size = 0; size <= 5; size++) {
		tally_object *list = count_up((int64_t)size);
		for (int start = 0; start < BOUNDS; start++)
			for (int stop = 0; stop < BOUNDS; stop++)
				for (int step = 0; step < 8; step++) check_slice(list, size, bounds[start], bounds[stop], steps[step]);
		tally_decref(list);
	}
}

static void the_largest_steps_give_one_element(void)
{
	tally_object *list = count_up(3);
	TAKE_LIST(tally_list_slice(list, TALLY_SLICE_NONE, TALLY_SLICE_NONE, PTRDIFF_MAX), 0);
	TAKE_LIST(tally_list_slice(list, TALLY_SLICE_NONE, TALLY_SLICE_NONE, PTRDIFF_MIN), 2);
	CHECK(!tally_list_slice(list, 0, 3, 0));
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_slice: the step is 0");
	tally_decref(list);
}

static void a_slice_is_a_list_of_its_own_with_references_of_its_own(void)
{
	tally_object *item = counted(1), *list = must(tally_list_from((tally_object *[]){item, item}, 2));
	tally_object *part = must(tally_list_slice(list, TALLY_SLICE_NONE, TALLY_SLICE_NONE, 1));
	CHECK(part != list);
	CHECK_EQ(tally_refcount(item), 5);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_LIST(part, 1, 1);
	tally_decref(part);
	CHECK_EQ(tally_refcount(item), 1);
	tally_decref(list);
	tally_decref(item);
}

static void concat_and_repeat_make_new_lists(void)
{
	tally_object *a = LIST(0, 1), *b = LIST(2), *empty = must(tally_list_new());
	TAKE_LIST(tally_list_concat(a, b), 0, 1, 2);
	TAKE_LIST(tally_list_concat(b, a), 2, 0, 1);
	TAKE_LIST(tally_list_concat(a, a), 0, 1, 0, 1);
	TAKE_LIST(tally_list_concat(empty, a), 0, 1);
	TAKE_LIST(tally_list_concat(a, empty), 0, 1);
	take_list(tally_list_concat(empty, empty), NULL, 0);
	take_list(tally_list_repeat(a, 0), NULL, 0);
	TAKE_LIST(tally_list_repeat(a, 1), 0, 1);
	TAKE_LIST(tally_list_repeat(a, 3), 0, 1, 0, 1, 0, 1);
	take_list(tally_list_repeat(empty, SIZE_MAX), NULL, 0);
	tally_object *item = tally_list_get(b, 0), *many = must(tally_list_repeat(b, 1000));
	CHECK_EQ(tally_refcount(item), 1002);
	CHECK_EQ(size_of(many), 1000);
	CHECK_LIST(a, 0, 1);
	tally_object *all[] = {a, b, empty, item, many};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static void more_elements_than_a_list_can_have_are_refused(void)
{
	tally_object *list = count_up(3);
	CHECK(!tally_list_repeat(list, SIZE_MAX));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "list_repeat: a list has at most 4294967295 elements");
	CHECK(!tally_list_repeat(list, (size_t)UINT32_MAX / 3 + 1));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "list_repeat: a list has at most 4294967295 elements");
	CHECK(!tally_list_repeat(list, (size_t)UINT64_C(0xAAAAAAAAAAAAAAAB))); // three times that is 1, in 64 bits
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "list_repeat: a list has at most 4294967295 elements");
	CHECK_EQ(tally_list_set_slice(list, 0, 0, &list, SIZE_MAX), -1);
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "list_set_slice: a list has at most 4294967295 elements");
	CHECK_LIST(list, 0, 1, 2);
	tally_decref(list);
}

// ---- of what can be iterated ----

static void a_list_is_made_of_anything_that_can_be_gone_through(void)
{
	tally_object *list = LIST(4, 5), *items[] = {counted(4), counted(5)}, *tuple = must(tally_tuple_new(items, 2));
	tally_object *dict = must(tally_dict_new()), *empty = must(tally_tuple_new(NULL, 0)), *str = text("xy");
	for (int i = 0; i < 2; i++) CHECK_EQ(tally_dict_set(dict, items[i], tally_none()), 0);
	TAKE_LIST(tally_list_of(list), 4, 5);
	TAKE_LIST(tally_list_of(tuple), 4, 5);
	TAKE_LIST(tally_list_of(dict), 4, 5);
	take_list(tally_list_of(empty), NULL, 0);
	tally_object *iterator = must(tally_iter_reversed(list)), *letters = must(tally_list_of(str)), *y = text("y");
	TAKE_LIST(tally_list_of(iterator), 5, 4);
	take_list(tally_list_of(iterator), NULL, 0);
	CHECK_EQ(tally_list_contains(letters, y), 1);
	CHECK_EQ(size_of(letters), 2);
	for (int i = 0; i < 2; i++) CHECK_EQ(tally_refcount(items[i]), 3);
	tally_object *all[] = {items[0], items[1], list, tuple, dict, empty, str, iterator, letters, y};
	for (int i = 0; i < 10; i++) tally_decref(all[i]);
}

static void a_list_is_extended_by_anything_that_can_be_gone_through(void)
{
	tally_object *list = LIST(0), *other = LIST(1, 2), *items[] = {counted(3), counted(4)};
	tally_object *tuple = must(tally_tuple_new(items, 2)), *dict = must(tally_dict_new());
	for (int i = 0; i < 2; i++) CHECK_EQ(tally_dict_set(dict, items[i], tally_none()), 0);
	CHECK_EQ(tally_list_extend_from(list, other), 0);
	CHECK_EQ(tally_list_extend_from(list, tuple), 0);
	CHECK_LIST(list, 0, 1, 2, 3, 4);
	CHECK_EQ(tally_list_extend_from(list, list), 0);
	CHECK_LIST(list, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4);
	CHECK_EQ(tally_list_extend_from(other, dict), 0);
	CHECK_LIST(other, 1, 2, 3, 4);
	tally_object *iterator = must(tally_iter(dict));
	CHECK_EQ(tally_list_clear(other), 0);
	CHECK_EQ(tally_list_extend_from(other, iterator), 0);
	CHECK_EQ(tally_list_extend_from(other, iterator), 0);
	CHECK_LIST(other, 3, 4);
	tally_object *all[] = {items[0], items[1], list, other, tuple, dict, iterator};
	for (int i = 0; i < 7; i++) tally_decref(all[i]);
}

// Fails the third time.
static tally_object *give_two(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	int *calls = context;
	(void)captured, (void)arguments, (void)count;
	if (++*calls % 3) return integer(COUNTED + *calls);
	hook_fails();
	return NULL;
}

static void what_came_before_an_error_of_the_iteration_has_been_appended(void)
{
	int calls = 0;
	tally_object *callable = function("give_two", give_two, &calls), *list = LIST(9), *never = text("never");
	tally_object *iterator = must(tally_iter_call(callable, never));
	CHECK_EQ(tally_list_extend_from(list, iterator), -1);
	CHECK_HOOK_FAILED();
	CHECK_LIST(list, 9, 1, 2);
	CHECK(!tally_list_of(iterator));
	CHECK_HOOK_FAILED();
	CHECK(!tally_tuple_from(iterator));
	CHECK_HOOK_FAILED();
	CHECK_EQ(calls, 9);
	tally_object *all[] = {callable, list, never, iterator};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- replacing ----

enum { MOST = 60 };

// Replaces [start:stop] of a list of `size` ints by `more` others, and compares with what memory says.
static void check_set_slice(size_t size, ptrdiff_t start, ptrdiff_t stop, size_t more)
{
	tally_object *list = count_up((int64_t)size), *items[MOST];
	int64_t expected[3 * MOST];
	size_t places[3 * MOST], removed = places_of(size, near(start), near(stop), 1, places), count = 0;
	ptrdiff_t first = start == TALLY_SLICE_NONE ? 0 : start < 0 ? near(start) + (ptrdiff_t)size : near(start);
	size_t from = first < 0 ? 0 : (size_t)first > size ? size : (size_t)first;
	for (size_t i = 0; i < from; i++) expected[count++] = (int64_t)i;
	for (size_t i = 0; i < more; i++) expected[count++] = 1000 + (int64_t)i;
	for (size_t i = from + removed; i < size; i++) expected[count++] = (int64_t)i;
	for (size_t i = 0; i < more; i++) items[i] = counted(1000 + (int64_t)i);
	if (!CHECK_EQ(tally_list_set_slice(list, start, stop, items, more), 0)) tap_note("%s", tally_error_message());
	check_list(list, expected, count);
	for (size_t i = 0; i < more; i++) {
		CHECK_EQ(tally_refcount(items[i]), 2);
		tally_decref(items[i]);
	}
	tally_decref(list);
}

static void every_slice_can_be_replaced_by_more_or_fewer(void)
{
	for (size_t size = 0; size <= 4; size++)
		for (int start = 0; start < BOUNDS; start++)
			for (int stop = 0; stop < BOUNDS; stop++)
				for (size_t more = 0; more <= 3; more++) check_set_slice(size, bounds[start], bounds[stop], more);
}

static void large_slices_can_be_replaced(void)
{
	static const size_t many[] = {0, 1, 15, 16, 17, 40};
	for (int removed = 0; removed < 6; removed++)
		for (int more = 0; more < 6; more++)
			for (ptrdiff_t start = 0; start < 3; start++)
				check_set_slice(50, start, start + (ptrdiff_t)many[removed], many[more]);
	for (int more = 0; more < 6; more++) check_set_slice(50, 0, 50, many[more]);
}

static void what_is_replaced_dies_from_the_first_to_the_last(void)
{
	static const int sizes[] = {5, 30};
	tally_object *type = fixture_probe_type();
	for (int i = 0; i < 2; i++) {
		tally_object *list = must(tally_list_new()), *number = counted(1);
		atomic_store(&fixture_dead, 0);
		for (int k = 0; k < sizes[i]; k++) push(list, probe(type, k));
		push(list, tally_none());
		CHECK_EQ(tally_list_set_slice(list, 0, sizes[i], &number, 1), 0);
		check_died_in_order((unsigned)sizes[i]);
		CHECK_EQ(size_of(list), 2);
		tally_decref(list);
		tally_decref(number);
	}
}

// Elements of the list itself, which keep one another alive.
static void a_slice_may_be_replaced_by_elements_of_the_list(void)
{
	tally_object *list = LIST(0, 1, 2, 3), *items[] = {tally_list_get(list, 3), tally_list_get(list, 0), list};
	for (int i = 0; i < 2; i++) tally_decref(items[i]); // the list's references are enough
	CHECK_EQ(tally_list_set_slice(list, 0, 4, items, 3), 0);
	CHECK_EQ(tally_list_remove(list, list), 1);
	CHECK_LIST(list, 3, 0);
	tally_decref(list);
}

static void an_emptied_list_gives_its_array_back(void)
{
	tally_object *list = count_up(1000);
	size_t full = 0, bytes = 0;
	CHECK_EQ(tally_sizeof(list, &full), 0);
	CHECK(full >= 8000);
	CHECK_EQ(tally_list_set_slice(list, 10, TALLY_SLICE_NONE, NULL, 0), 0);
	CHECK_EQ(tally_sizeof(list, &bytes), 0);
	CHECK(bytes < 500);
	CHECK_LIST(list, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
	CHECK_EQ(tally_list_set_slice(list, TALLY_SLICE_NONE, TALLY_SLICE_NONE, NULL, 0), 0);
	CHECK_EQ(size_of(list), 0);
	CHECK_EQ(tally_sizeof(list, &bytes), 0);
	CHECK(bytes <= 32);
	tally_decref(list);
}

static void wrong_arguments_are_refused(void)
{
	tally_object *list = count_up(2), *none = tally_none(), *items[] = {none, NULL};
	CHECK(!tally_list_slice(none, 0, 1, 1));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_slice: expected a list, got a 'none'");
	CHECK(!tally_list_concat(none, list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_concat: expected a list, got a 'none'");
	CHECK(!tally_list_concat(list, NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_concat: expected a list, got NULL");
	CHECK(!tally_list_repeat(none, 2));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_repeat: expected a list, got a 'none'");
	CHECK(!tally_list_of(none));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_of: expected a str, bytes, tuple, list, dict, set or iterator, got a 'none'");
	CHECK(!tally_list_of(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_of: expected a str, bytes, tuple, list, dict, set or iterator, got NULL");
	CHECK_EQ(tally_list_extend_from(none, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_extend_from: expected a list, got a 'none'");
	CHECK_EQ(tally_list_extend_from(list, none), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE,
	            "list_extend_from: expected a str, bytes, tuple, list, dict, set or iterator, got a 'none'");
	CHECK_EQ(tally_list_set_slice(none, 0, 1, items, 1), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_set_slice: expected a list, got a 'none'");
	CHECK_EQ(tally_list_set_slice(list, 0, 1, items, 2), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_set_slice: element 1 is NULL");
	CHECK_EQ(tally_list_set_slice(list, 0, 1, NULL, 2), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_set_slice: 2 elements at NULL");
	CHECK_LIST(list, 0, 1);
	tally_decref(list);
}

// ---- without memory ----

static tally_object *scene_list, *scene_items, *scene_many[MOST];

static bool take_new(tally_object *made)
{
	tally_decref(made);
	return made != NULL;
}

static bool play_slice(void) { return take_new(tally_list_slice(scene_list, 1, 30, 2)); }
static bool play_concat(void) { return take_new(tally_list_concat(scene_list, scene_list)); }
static bool play_repeat(void) { return take_new(tally_list_repeat(scene_list, 3)); }
static bool play_of_list(void) { return take_new(tally_list_of(scene_list)); }
static bool play_of_others(void) { return take_new(tally_list_of(scene_items)); }

// What cannot be made room for leaves the list as it was.
static bool play_set_slice(void)
{
	size_t before = size_of(scene_list);
	bool done = tally_list_set_slice(scene_list, 1, 31, scene_many, MOST) == 0;
	CHECK_EQ(size_of(scene_list), done ? before - 30 + MOST : before);
	return done;
}

static bool play_extend_from_itself(void)
{
	size_t before = size_of(scene_list);
	bool done = tally_list_extend_from(scene_list, scene_list) == 0;
	CHECK_EQ(size_of(scene_list), done ? 2 * before : before);
	return done;
}

// Puts back what the plays that succeeded have changed: one, or more where giving up the former array takes memory, too.
static void restore(void) { CHECK_EQ(tally_list_set_slice(scene_list, 0, PTRDIFF_MAX, scene_many, 40), 0); }

static void without_memory_nothing_is_made_and_nothing_changes(void)
{
	for (int i = 0; i < MOST; i++) scene_many[i] = counted(i);
	scene_list = must(tally_list_from(scene_many, 40));
	scene_items = must(tally_tuple_new(scene_many, 40));
	fail_each_allocation(play_slice, "list_slice");
	fail_each_allocation(play_concat, "list_concat");
	fail_each_allocation(play_repeat, "list_repeat");
	fail_each_allocation(play_of_list, "list_of");
	fail_each_allocation(play_of_others, "list_of");
	fail_each_allocation(play_set_slice, "list_set_slice");
	restore();
	fail_each_allocation(play_extend_from_itself, "list_extend_from");
	restore();
	tally_decref(scene_items);
	scene_items = must(tally_dict_new());
	for (int i = 0; i < MOST; i++) CHECK_EQ(tally_dict_set(scene_items, scene_many[i], tally_none()), 0);
	fail_each_allocation(play_of_others, "list_of");
	tally_decref(scene_items);
	tally_decref(scene_list);
	for (int i = 0; i < MOST; i++) {
		CHECK_EQ(tally_refcount(scene_many[i]), 1);
		tally_decref(scene_many[i]);
	}
}

static void emptying_a_list_needs_no_memory(void)
{
	if (!faults_are_offered()) return;
	tally_object *list = count_up(100);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_list_set_slice(list, 90, 100, NULL, 0), 0);
	CHECK_EQ(size_of(list), 90);
	CHECK_EQ(tally_list_set_slice(list, 0, 90, NULL, 0), 0);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(size_of(list), 0);
	tally_decref(list);
}

// ---- threads ----

enum { THREADS = 4 };

static void check_elements(tally_object *list, size_t most)
{
	size_t size = size_of(list);
	CHECK(size <= most);
	for (size_t i = 0; i < size; i++) {
		int64_t value = take_counted(tally_list_get(list, (ptrdiff_t)i));
		CHECK(value >= 0 && value < 40);
	}
}

static void use_slices(void *lists, unsigned number)
{
	tally_object **list = lists, *own[5], *part;
	uint64_t state = fixture_seed(number);
	for (int i = 0; i < 5; i++) own[i] = counted((int64_t)number * 10 + i);
	for (int i = tap_scale(3000); i > 0; i--) {
		tally_object *from = list[below(&state, 2)], *to = list[below(&state, 2)];
		ptrdiff_t start = (ptrdiff_t)below(&state, 20) - 10, stop = (ptrdiff_t)below(&state, 20) - 10;
		switch (below(&state, 6)) {
		case 0:
			part = must(tally_list_slice(from, start, stop, i % 2 ? 1 : -1));
			check_elements(part, 400);
			tally_decref(part);
			break;
		case 1:
			part = must(tally_list_concat(from, to));
			check_elements(part, 800);
			tally_decref(part);
			break;
		case 2: CHECK_EQ(tally_list_extend_from(to, from), 0); break;
		case 3: CHECK_EQ(tally_list_reverse(from), 0); break;
		default: CHECK_EQ(tally_list_set_slice(to, start, stop, own, below(&state, 6)), 0); break;
		}
		if (size_of(to) > 100) CHECK_EQ(tally_list_set_slice(to, 5, TALLY_SLICE_NONE, own, 5), 0);
	}
	for (int i = 0; i < 5; i++) tally_decref(own[i]);
}

// Two lists extend one another: locks taken two at a time would deadlock.
static void threads_may_cut_join_and_replace_the_same_two_lists(void)
{
	tally_object *lists[] = {count_up(10), count_up(10)};
	run_threads(THREADS, use_slices, lists);
	for (int i = 0; i < 2; i++) {
		check_elements(lists[i], 100000);
		tally_decref(lists[i]);
	}
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(every_slice_is_the_one_that_counting_finds);
	TAP_RUN(the_largest_steps_give_one_element);
	TAP_RUN(a_slice_is_a_list_of_its_own_with_references_of_its_own);
	TAP_RUN(concat_and_repeat_make_new_lists);
	TAP_RUN(more_elements_than_a_list_can_have_are_refused);
	TAP_RUN(a_list_is_made_of_anything_that_can_be_gone_through);
	TAP_RUN(a_list_is_extended_by_anything_that_can_be_gone_through);
	TAP_RUN(what_came_before_an_error_of_the_iteration_has_been_appended);
	TAP_RUN(every_slice_can_be_replaced_by_more_or_fewer);
	TAP_RUN(large_slices_can_be_replaced);
	TAP_RUN(what_is_replaced_dies_from_the_first_to_the_last);
	TAP_RUN(a_slice_may_be_replaced_by_elements_of_the_list);
	TAP_RUN(an_emptied_list_gives_its_array_back);
	TAP_RUN(wrong_arguments_are_refused);
	TAP_RUN(without_memory_nothing_is_made_and_nothing_changes);
	TAP_RUN(emptying_a_list_needs_no_memory);
	TAP_RUN(threads_may_cut_join_and_replace_the_same_two_lists);
	return tap_end();
}
