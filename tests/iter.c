// tests/iter.c: iterators: what they give, of what and in which order, their ends, and several threads on one.
#include "sequences.h"

static tally_object *dict_of(int64_t size)
{
	tally_object *dict = must(tally_dict_new());
	for (int64_t i = 0; i < size; i++) {
		tally_object *key = counted(i);
		CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
		tally_decref(key);
	}
	return dict;
}

static tally_object *remove_key(tally_object *dict, int64_t value)
{
	tally_object *key = counted(value);
	CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
	tally_decref(key);
	return dict;
}

static size_t hint_of(tally_object *iterator)
{
	size_t hint = 77;
	CHECK_EQ(tally_length_hint(iterator, &hint), 0);
	return hint;
}

// What the next int stands for; INT64_MIN at the end.
static int64_t next_counted(tally_object *iterator)
{
	tally_object *item = iterator;
	int status = tally_next(iterator, &item);
	CHECK_EQ(status, item != NULL);
	return status == 1 ? take_counted(item) : INT64_MIN;
}

static void check_end(tally_object *iterator)
{
	CHECK_EQ(hint_of(iterator), 0);
	for (int i = 0; i < 3; i++) CHECK_EQ(next_counted(iterator), INT64_MIN);
	CHECK_EQ(hint_of(iterator), 0);
	CHECK_NO_ERROR();
}

// Checks that the iterator gives the ints that stand for these, then ends; and that the hints were right. Drops it.
#define CHECK_GIVES(iterator, ...)                                                                                     \
	check_gives((iterator), (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

static void check_gives(tally_object *iterator, const int64_t *values, size_t size)
{
	if (!CHECK(iterator)) return;
	CHECK(tally_is_iterator(iterator));
	for (size_t i = 0; i < size; i++) {
		CHECK_EQ(hint_of(iterator), size - i);
		CHECK_EQ(next_counted(iterator), values[i]);
	}
	check_end(iterator);
	tally_decref(iterator);
}

// ---- what is gone through ----

static void a_list_is_gone_through_both_ways(void)
{
	tally_object *list = count_up(4), *empty = must(tally_list_new());
	CHECK_GIVES(tally_iter(list), 0, 1, 2, 3);
	CHECK_GIVES(tally_iter_reversed(list), 3, 2, 1, 0);
	check_gives(tally_iter(empty), NULL, 0);
	check_gives(tally_iter_reversed(empty), NULL, 0);
	CHECK_EQ(tally_refcount(list), 1);
	tally_decref(list);
	tally_decref(empty);
}

static void a_tuple_is_gone_through_both_ways(void)
{
	tally_object *items[] = {counted(5), counted(6), counted(5)}, *tuple = must(tally_tuple_new(items, 3));
	tally_object *empty = must(tally_tuple_new(NULL, 0));
	CHECK_GIVES(tally_iter(tuple), 5, 6, 5);
	CHECK_GIVES(tally_iter_reversed(tuple), 5, 6, 5);
	check_gives(tally_iter(empty), NULL, 0);
	check_gives(tally_iter_reversed(empty), NULL, 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_refcount(items[i]), 2);
		tally_decref(items[i]);
	}
	tally_decref(tuple);
	tally_decref(empty);
}

static void the_keys_of_a_dict_come_in_order_without_those_removed(void)
{
	tally_object *dict = remove_key(remove_key(remove_key(dict_of(7), 0), 3), 6), *empty = remove_key(dict_of(1), 0);
	tally_object *fresh = must(tally_dict_new());
	CHECK_GIVES(tally_iter(dict), 1, 2, 4, 5);
	CHECK_GIVES(tally_iter_reversed(dict), 5, 4, 2, 1);
	check_gives(tally_iter(empty), NULL, 0);
	check_gives(tally_iter_reversed(empty), NULL, 0);
	check_gives(tally_iter(fresh), NULL, 0);
	check_gives(tally_iter_reversed(fresh), NULL, 0);
	tally_decref(dict);
	tally_decref(empty);
	tally_decref(fresh);
}

static void check_gives_texts(tally_object *iterator, const char *const *texts, size_t size)
{
	tally_object *item;
	for (size_t i = 0; i < size; i++) {
		size_t length = 0;
		CHECK_EQ(hint_of(iterator), size - i);
		if (!CHECK_EQ(tally_next(iterator, &item), 1)) break;
		CHECK_STR(tally_str_utf8(item, NULL), texts[i]);
		CHECK_EQ(tally_str_length(item, &length), 0);
		CHECK_EQ(length, 1);
		tally_object *same = text(texts[i]);
		CHECK_EQ(tally_equal(item, same), 1);
		tally_decref(same);
		tally_decref(item);
	}
	check_end(iterator);
	tally_decref(iterator);
}

static void a_str_is_gone_through_by_code_points(void)
{
	static const char *const forwards[] = {"a", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9D\x84\x9E", "z"};
	static const char *const backwards[] = {"z", "\xF0\x9D\x84\x9E", "\xE2\x82\xAC", "\xC3\xA4", "a"};
	tally_object *str = text("a\xC3\xA4\xE2\x82\xAC\xF0\x9D\x84\x9Ez"), *empty = text(""), *zero = must(tally_str_new("\0", 1));
	check_gives_texts(must(tally_iter(str)), forwards, 5);
	check_gives_texts(must(tally_iter_reversed(str)), backwards, 5);
	check_gives_texts(must(tally_iter(empty)), NULL, 0);
	check_gives_texts(must(tally_iter_reversed(empty)), NULL, 0);
	tally_object *iterator = must(tally_iter(zero)), *item;
	CHECK_EQ(tally_next(iterator, &item), 1);
	CHECK_EQ(tally_equal(item, zero), 1);
	tally_decref(item);
	check_end(iterator);
	tally_object *all[] = {str, empty, zero, iterator};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void the_bytes_of_a_bytes_object_come_as_ints(void)
{
	tally_object *bytes = must(tally_bytes_new("\x00\xFF\x41", 3)), *empty = must(tally_bytes_new(NULL, 0));
	static const int64_t values[] = {0, 255, 65};
	for (int back = 0; back < 2; back++) {
		tally_object *iterator = must(back ? tally_iter_reversed(bytes) : tally_iter(bytes)), *item;
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(hint_of(iterator), 3 - i);
			CHECK_EQ(tally_next(iterator, &item), 1);
			CHECK_EQ(take_value(item), values[back ? 2 - i : i]);
		}
		check_end(iterator);
		tally_decref(iterator);
	}
	check_gives(tally_iter(empty), NULL, 0);
	check_gives(tally_iter_reversed(empty), NULL, 0);
	tally_decref(bytes);
	tally_decref(empty);
}

static void the_elements_of_a_set_come_in_order(void)
{
	tally_object *list = LIST(3, 1, 2, 1), *set = must(tally_set_new(list)), *frozen = must(tally_frozenset_new(list));
	tally_object *one = counted(1), *empty = must(tally_set_new(NULL));
	CHECK_GIVES(tally_iter(set), 3, 1, 2);
	CHECK_GIVES(tally_iter(frozen), 3, 1, 2);
	CHECK_EQ(tally_set_discard(set, one), 1);
	CHECK_GIVES(tally_iter(set), 3, 2);
	check_gives(tally_iter(empty), NULL, 0);
	CHECK(!tally_iter_reversed(set));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter_reversed: expected a str, bytes, tuple, list or dict, got a 'set'");
	tally_object *all[] = {list, set, frozen, one, empty};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static void an_iterator_gives_itself(void)
{
	tally_object *list = count_up(2), *iterator = must(tally_iter(list)), *same = tally_iter(iterator);
	CHECK_PTR(same, iterator);
	CHECK_EQ(tally_refcount(iterator), 2);
	CHECK_EQ(next_counted(same), 0);
	CHECK_EQ(next_counted(iterator), 1);
	tally_decref(same);
	tally_decref(iterator);
	tally_decref(list);
}

// ---- the end ----

static void at_the_end_it_lets_go_of_its_container_and_stays_there(void)
{
	tally_object *list = count_up(1), *iterator = must(tally_iter(list)), *back = must(tally_iter_reversed(list));
	CHECK_EQ(tally_refcount(list), 3);
	CHECK_EQ(next_counted(iterator), 0);
	CHECK_EQ(next_counted(back), 0);
	CHECK_EQ(tally_refcount(list), 3);
	CHECK_EQ(next_counted(iterator), INT64_MIN);
	CHECK_EQ(next_counted(back), INT64_MIN);
	CHECK_EQ(tally_refcount(list), 1);
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	check_end(iterator);
	check_end(back);
	tally_decref(iterator);
	tally_decref(back);
	tally_decref(list);
}

static void a_dropped_iterator_drops_its_container(void)
{
	tally_object *type = fixture_probe_type(), *item = probe(type, 0), *list = must(tally_list_from(&item, 1));
	tally_object *iterator = must(tally_iter(list));
	tally_decref(item);
	tally_decref(list);
	check_died_in_order(0);
	tally_decref(iterator);
	check_died_in_order(1);
}

static void an_iterator_in_its_own_list_is_garbage(void)
{
	tally_object *list = count_up(3), *iterator = must(tally_iter(list));
	CHECK_EQ(tally_list_append(list, iterator), 0);
	CHECK(tally_gc_is_tracked(iterator));
	CHECK_EQ(next_counted(iterator), 0);
	tally_decref(iterator);
	tally_decref(list);
	CHECK_EQ(fixture_live_objects(), 2 + 2 + 1);
	CHECK_EQ(tally_gc_collect(2), 2);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- calling until an answer comes ----

static struct {
	int calls, fails_at;
	tally_object *iterator;
} scene;

// 1, 2, 3 ...
static tally_object *count(void *context, tally_object *const *captured, tally_object *const *arguments, size_t number)
{
	(void)context, (void)captured, (void)arguments;
	CHECK_EQ(number, 0);
	if (++scene.calls != scene.fails_at) return counted(scene.calls);
	hook_fails();
	return NULL;
}

static void a_callable_is_called_until_it_gives_the_end(void)
{
	tally_object *callable = function("count", count, NULL), *end = must(tally_float_new(COUNTED + 4));
	tally_object *iterator = must(tally_iter_call(callable, end));
	memset(&scene, 0, sizeof scene);
	CHECK_EQ(tally_refcount(callable), 2);
	for (int i = 1; i < 4; i++) {
		CHECK_EQ(hint_of(iterator), 0);
		CHECK_EQ(next_counted(iterator), i);
	}
	check_end(iterator);
	CHECK_EQ(scene.calls, 4);
	CHECK_EQ(tally_refcount(callable), 1);
	CHECK_EQ(tally_refcount(end), 1);
	tally_decref(iterator);
	tally_decref(callable);
	tally_decref(end);
}

static void an_error_of_a_callable_is_passed_on_and_the_next_call_goes_on(void)
{
	tally_object *callable = function("count", count, NULL), *end = counted(4);
	tally_object *iterator = must(tally_iter_call(callable, end)), *item = end;
	memset(&scene, 0, sizeof scene);
	scene.fails_at = 2;
	CHECK_EQ(next_counted(iterator), 1);
	CHECK_EQ(tally_next(iterator, &item), -1);
	CHECK(!item);
	CHECK_HOOK_FAILED();
	CHECK_EQ(next_counted(iterator), 3);
	check_end(iterator);
	tally_object *all[] = {iterator, callable, end};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static int equal_fails(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	return ++scene.calls == scene.fails_at ? hook_fails() : 0;
}

static void an_error_of_the_ends_equality_is_passed_on(void)
{
	tally_object *type = hook_class(equal_fails), *end = must(tally_instance_new(type)), *item;
	tally_object *callable = function("none", give_none, NULL), *iterator = must(tally_iter_call(callable, end));
	memset(&scene, 0, sizeof scene);
	scene.fails_at = 2;
	CHECK_EQ(tally_next(iterator, &item), 1);
	CHECK_PTR(item, tally_none());
	CHECK_EQ(tally_next(iterator, &item), -1);
	CHECK_HOOK_FAILED();
	CHECK_EQ(tally_next(iterator, &item), 1);
	tally_object *all[] = {type, end, callable, iterator};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
	hook_collect();
}

// Goes through to the end from inside.
static tally_object *use_it_up(void *context, tally_object *const *captured, tally_object *const *arguments, size_t number)
{
	tally_object *item = NULL;
	int call = ++scene.calls;
	(void)context, (void)captured, (void)arguments, (void)number;
	if (call < 3) CHECK_EQ(tally_next(scene.iterator, &item), call == 1);
	tally_decref(item);
	return counted(call);
}

static void a_callable_may_use_its_own_iterator(void)
{
	tally_object *callable = function("use_it_up", use_it_up, NULL), *end = counted(3);
	memset(&scene, 0, sizeof scene);
	scene.iterator = must(tally_iter_call(callable, end));
	CHECK_EQ(next_counted(scene.iterator), 1);
	CHECK_EQ(scene.calls, 3);
	check_end(scene.iterator);
	tally_object *all[] = {callable, end, scene.iterator};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void an_iterator_that_its_callable_holds_is_garbage(void)
{
	tally_object *list = must(tally_list_new()), *end = counted(1);
	tally_function_spec spec = function_spec("holder", give_none, NULL);
	spec.captured = &list;
	spec.captures = 1;
	tally_object *callable = must(tally_function_new(&spec));
	push(list, must(tally_iter_call(callable, end)));
	tally_decref(callable);
	tally_decref(list);
	tally_decref(end);
	CHECK(tally_gc_collect(2) >= 3);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- changes meanwhile ----

static void a_list_that_grows_meanwhile_is_gone_through_to_its_new_end(void)
{
	tally_object *list = count_up(2), *iterator = must(tally_iter(list)), *back = must(tally_iter_reversed(list));
	tally_object *more = counted(7);
	CHECK_EQ(next_counted(iterator), 0);
	CHECK_EQ(tally_list_append(list, more), 0);
	CHECK_EQ(hint_of(iterator), 2);
	CHECK_GIVES(iterator, 1, 7);
	CHECK_GIVES(back, 1, 0);
	tally_decref(more);
	tally_decref(list);
}

static void a_list_that_shrinks_meanwhile_ends_early(void)
{
	tally_object *list = count_up(5), *iterator = must(tally_iter(list)), *back = must(tally_iter_reversed(list));
	CHECK_EQ(next_counted(iterator), 0);
	CHECK_EQ(next_counted(iterator), 1);
	for (int i = 0; i < 3; i++) tally_decref(tally_list_pop(list, -1));
	check_end(iterator);
	CHECK_EQ(hint_of(back), 0);
	check_end(back);
	tally_decref(iterator);
	tally_decref(back);
	tally_decref(list);
}

static void keys_may_come_and_go_meanwhile(void)
{
	tally_object *dict = dict_of(6), *iterator = must(tally_iter(dict)), *back = must(tally_iter_reversed(dict));
	tally_object *more = counted(6);
	CHECK_EQ(next_counted(iterator), 0);
	CHECK_EQ(next_counted(back), 5);
	remove_key(remove_key(dict, 1), 4);
	CHECK_EQ(tally_dict_set(dict, more, more), 0);
	CHECK_GIVES(iterator, 2, 3, 5, 6);
	CHECK_GIVES(back, 3, 2, 0);
	CHECK_EQ(tally_dict_clear(dict), 0);
	tally_decref(more);
	tally_decref(dict);
}

static void a_dict_that_is_cleared_meanwhile_ends(void)
{
	tally_object *dict = dict_of(100), *iterator = must(tally_iter(dict)), *back = must(tally_iter_reversed(dict));
	CHECK_EQ(next_counted(iterator), 0);
	CHECK_EQ(next_counted(back), 99);
	CHECK_EQ(tally_dict_clear(dict), 0);
	check_end(iterator);
	check_end(back);
	tally_decref(iterator);
	tally_decref(back);
	tally_decref(dict);
}

// ---- errors ----

static void what_cannot_be_gone_through_says_so(void)
{
	tally_object *number = counted(1), *item = number;
	size_t hint = 77;
	CHECK(!tally_iter(number));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter: expected a str, bytes, tuple, list, dict, set or iterator, got a 'int'");
	CHECK(!tally_iter(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter: expected a str, bytes, tuple, list, dict, set or iterator, got NULL");
	CHECK(!tally_iter_reversed(number));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter_reversed: expected a str, bytes, tuple, list or dict, got a 'int'");
	CHECK(!tally_iter_call(number, number));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter_call: expected a callable object, got a 'int'");
	CHECK(!tally_iter_call(NULL, number));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter_call: expected a callable object, got NULL");
	CHECK_EQ(tally_next(number, &item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "next: expected an iterator, got a 'int'");
	CHECK(!item);
	CHECK_EQ(tally_next(NULL, &item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "next: expected an iterator, got NULL");
	CHECK_EQ(tally_length_hint(number, &hint), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "length_hint: expected an iterator, got a 'int'");
	CHECK_EQ(hint, 77);
	CHECK(!tally_is_iterator(number));
	CHECK(!tally_is_iterator(NULL));
	tally_object *list = count_up(1), *iterator = must(tally_iter(list));
	CHECK(!tally_iter_reversed(iterator));
	CHECK_ERROR(TALLY_ERROR_TYPE, "iter_reversed: expected a str, bytes, tuple, list or dict, got a 'iterator'");
	tally_decref(iterator);
	tally_decref(list);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(number);
}

static void an_element_that_cannot_be_made_is_given_the_next_time(void)
{
	if (tally_heap_fail(0, false)) { // this build has no faults on demand
		tally_error_clear();
		return;
	}
	tally_object *str = text("xyz"), *iterator = must(tally_iter(str)), *item = str;
	static const char *const texts[] = {"y", "z"};
	CHECK_EQ(tally_next(iterator, &item), 1);
	tally_decref(item);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_next(iterator, &item), -1);
	CHECK(!item);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK(!tally_iter(str));
	CHECK(strncmp(tally_error_message(), "iter: out of memory for ", 24) == 0);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	tally_error_clear();
	check_gives_texts(iterator, texts, 2);
	CHECK_EQ(tally_refcount(str), 1);
	tally_decref(str);
}

static bool play_iter(void)
{
	tally_object *iterator = tally_iter(scene.iterator);
	tally_decref(iterator);
	return iterator != NULL;
}

static bool play_reversed(void)
{
	tally_object *iterator = tally_iter_reversed(scene.iterator);
	tally_decref(iterator);
	return iterator != NULL;
}

static void without_memory_no_iterator_is_made(void)
{
	tally_object *sources[] = {count_up(3), dict_of(3), text("abc"), must(tally_bytes_new("x", 1))};
	for (int i = 0; i < 4; i++) {
		scene.iterator = sources[i];
		fail_each_allocation(play_iter, "iter");
		fail_each_allocation(play_reversed, "iter_reversed");
		CHECK_EQ(tally_refcount(sources[i]), 1);
		tally_decref(sources[i]);
	}
}

// ---- threads ----

enum { THREADS = 8 };

struct shared {
	tally_object *iterator;
	atomic_uint given[20000];
	size_t size;
};

static void take_ints(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *item;
	(void)number;
	for (;;) {
		size_t hint = SIZE_MAX;
		CHECK_EQ(tally_length_hint(shared->iterator, &hint), 0);
		CHECK(hint <= shared->size);
		int status = tally_next(shared->iterator, &item);
		CHECK(status >= 0);
		if (status != 1) break;
		int64_t value = take_counted(item);
		if (CHECK(value >= 0 && (size_t)value < shared->size)) atomic_fetch_add(&shared->given[value], 1);
	}
	check_end(shared->iterator);
}

// Gives up both arguments. Nothing changes meanwhile, so each element comes exactly once.
static void share(unsigned threads, tally_object *container, tally_object *iterator, size_t size)
{
	static struct shared shared;
	memset(&shared, 0, sizeof shared);
	shared.iterator = iterator;
	shared.size = size;
	run_threads(threads, take_ints, &shared);
	for (size_t i = 0; i < size; i++)
		if (!CHECK_EQ(atomic_load(&shared.given[i]), 1)) break;
	CHECK_EQ(tally_refcount(container), 1);
	tally_decref(iterator);
	tally_decref(container);
}

static void eight_threads_on_one_iterator_get_each_element_once(void)
{
	const int64_t size = tap_scale(8000) < 20000 ? tap_scale(8000) : 20000;
	tally_object *list = count_up(size), *dict = dict_of(size), *number = counted(0);
	share(THREADS, list, must(tally_iter(list)), (size_t)size);
	share(THREADS, dict, must(tally_iter(dict)), (size_t)size);
	dict = dict_of(size);
	share(THREADS, dict, must(tally_iter_reversed(dict)), (size_t)size);
	tally_object *tuple = must(tally_tuple_new(&number, 1));
	share(THREADS, tuple, must(tally_iter(tuple)), 1);
	tally_object *numbers = count_up(size), *set = must(tally_set_new(numbers));
	tally_decref(numbers);
	share(THREADS, set, must(tally_iter(set)), (size_t)size);
	tally_decref(number);
}

static void ten_threads_on_one_reverse_iterator_see_hints_within_the_size(void)
{
	const int64_t size = tap_scale(8000) < 20000 ? tap_scale(8000) : 20000;
	tally_object *list = count_up(size);
	share(10, list, must(tally_iter_reversed(list)), (size_t)size);
}

static void take_letters(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *item;
	(void)number;
	while (tally_next(shared->iterator, &item) == 1) {
		atomic_fetch_add(&shared->given[(unsigned char)tally_str_utf8(item, NULL)[0]], 1);
		tally_decref(item);
	}
	CHECK_NO_ERROR();
}

static void eight_threads_on_one_str_get_each_code_point_once(void)
{
	static struct shared shared;
	static char letters[5201];
	for (size_t i = 0; i < 5200; i++) letters[i] = (char)('a' + i % 26);
	tally_object *str = text(letters);
	for (int back = 0; back < 2; back++) {
		memset(&shared, 0, sizeof shared);
		shared.iterator = must(back ? tally_iter_reversed(str) : tally_iter(str));
		run_threads(THREADS, take_letters, &shared);
		for (size_t i = 'a'; i <= 'z'; i++) CHECK_EQ(atomic_load(&shared.given[i]), 200);
		tally_decref(shared.iterator);
	}
	tally_decref(str);
}

struct changing {
	tally_object *list, *dict, *iterators[4];
	unsigned rounds;
};

static void change_or_go_through(void *context, unsigned number)
{
	struct changing *changing = context;
	tally_object *item;
	for (unsigned i = 0; i < changing->rounds; i++) {
		tally_object *value = integer(COUNTED + i % 50);
		if (number == 0) {
			CHECK_EQ(tally_list_append(changing->list, value), 0);
			CHECK_EQ(tally_dict_set(changing->dict, value, value), 0);
		} else if (number == 1) {
			tally_decref(tally_list_pop(changing->list, 0));
			CHECK(tally_dict_pop(changing->dict, value, NULL) >= 0);
		} else {
			int status = tally_next(changing->iterators[i % 4], &item);
			CHECK(status == 0 || (status == 1 && tally_is_int(item)));
			tally_decref(item);
			CHECK(hint_of(changing->iterators[i % 4]) <= 100000);
		}
		tally_error_clear();
		tally_decref(value);
	}
}

static atomic_int answers;

static tally_object *answer(void *context, tally_object *const *captured, tally_object *const *arguments, size_t number)
{
	(void)context, (void)captured, (void)arguments, (void)number;
	int given = atomic_fetch_add(&answers, 1);
	return counted(given < 1000 ? given : 1000);
}

static void eight_threads_on_one_callable_get_each_answer_once(void)
{
	tally_object *end = counted(1000), *callable = function("answer", answer, NULL);
	atomic_store(&answers, 0);
	share(THREADS, callable, must(tally_iter_call(callable, end)), 1000);
	tally_decref(end);
}

static void containers_may_change_under_iterators_that_threads_share(void)
{
	struct changing changing = {.list = count_up(100), .dict = dict_of(30), .rounds = tap_scale(20000u)};
	changing.iterators[0] = must(tally_iter(changing.list));
	changing.iterators[1] = must(tally_iter_reversed(changing.list));
	changing.iterators[2] = must(tally_iter(changing.dict));
	changing.iterators[3] = must(tally_iter_reversed(changing.dict));
	run_threads(5, change_or_go_through, &changing);
	for (int i = 0; i < 4; i++) tally_decref(changing.iterators[i]);
	tally_decref(changing.list);
	tally_decref(changing.dict);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_list_is_gone_through_both_ways);
	TAP_RUN(a_tuple_is_gone_through_both_ways);
	TAP_RUN(the_keys_of_a_dict_come_in_order_without_those_removed);
	TAP_RUN(a_str_is_gone_through_by_code_points);
	TAP_RUN(the_bytes_of_a_bytes_object_come_as_ints);
	TAP_RUN(the_elements_of_a_set_come_in_order);
	TAP_RUN(an_iterator_gives_itself);
	TAP_RUN(at_the_end_it_lets_go_of_its_container_and_stays_there);
	TAP_RUN(a_dropped_iterator_drops_its_container);
	TAP_RUN(an_iterator_in_its_own_list_is_garbage);
	TAP_RUN(a_callable_is_called_until_it_gives_the_end);
	TAP_RUN(an_error_of_a_callable_is_passed_on_and_the_next_call_goes_on);
	TAP_RUN(an_error_of_the_ends_equality_is_passed_on);
	TAP_RUN(a_callable_may_use_its_own_iterator);
	TAP_RUN(an_iterator_that_its_callable_holds_is_garbage);
	TAP_RUN(a_list_that_grows_meanwhile_is_gone_through_to_its_new_end);
	TAP_RUN(a_list_that_shrinks_meanwhile_ends_early);
	TAP_RUN(keys_may_come_and_go_meanwhile);
	TAP_RUN(a_dict_that_is_cleared_meanwhile_ends);
	TAP_RUN(what_cannot_be_gone_through_says_so);
	TAP_RUN(an_element_that_cannot_be_made_is_given_the_next_time);
	TAP_RUN(without_memory_no_iterator_is_made);
	TAP_RUN(eight_threads_on_one_iterator_get_each_element_once);
	TAP_RUN(ten_threads_on_one_reverse_iterator_see_hints_within_the_size);
	TAP_RUN(eight_threads_on_one_str_get_each_code_point_once);
	TAP_RUN(eight_threads_on_one_callable_get_each_answer_once);
	TAP_RUN(containers_may_change_under_iterators_that_threads_share);
	return tap_end();
}
