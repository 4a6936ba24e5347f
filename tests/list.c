// tests/list.c: lists: each operation by itself, growth, deaths, and several threads on one list.
#include "sequences.h"

// ---- one operation at a time ----

static void a_new_list_is_empty(void)
{
	tally_object *list = tally_list_new();
	if (!CHECK(list)) return;
	CHECK(tally_is_list(list));
	CHECK(!tally_is_tuple(list));
	CHECK_EQ(size_of(list), 0);
	CHECK(!tally_list_get(list, 0));
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_get: index 0 out of range for 0 elements");
	tally_decref(list);
}

static void append_adds_at_the_end_and_holds_a_reference(void)
{
	tally_object *list = count_up(2), *number = counted(9);
	CHECK_EQ(tally_list_append(list, number), 0);
	CHECK_EQ(tally_refcount(number), 2);
	CHECK_LIST(list, 0, 1, 9);
	CHECK_EQ(tally_refcount(number), 2);
	tally_decref(list);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(number);
}

static void a_list_made_from_an_array_holds_its_objects(void)
{
	tally_object *items[] = {counted(3), counted(1), counted(2)};
	tally_object *list = tally_list_from(items, 3), *empty = tally_list_from(NULL, 0);
	CHECK_LIST(list, 3, 1, 2);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_refcount(items[i]), 2);
	CHECK_EQ(size_of(empty), 0);
	CHECK_EQ(tally_list_append(empty, items[0]), 0);
	tally_decref(list);
	tally_decref(empty);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

static void get_gives_a_new_reference(void)
{
	tally_object *number = counted(1), *list = must(tally_list_from(&number, 1)), *got = tally_list_get(list, 0);
	CHECK_PTR(got, number);
	CHECK_EQ(tally_refcount(number), 3);
	tally_decref(got);
	tally_decref(list);
	tally_decref(number);
}

static void negative_indexes_count_from_the_end(void)
{
	tally_object *list = count_up(4), *number = counted(9);
	CHECK_EQ(take_counted(tally_list_get(list, -1)), 3);
	CHECK_EQ(take_counted(tally_list_get(list, -4)), 0);
	CHECK_EQ(tally_list_set(list, -2, number), 0);
	CHECK_LIST(list, 0, 1, 9, 3);
	CHECK_EQ(take_counted(tally_list_pop(list, -3)), 1);
	CHECK_LIST(list, 0, 9, 3);
	tally_decref(list);
	tally_decref(number);
}

static void set_replaces_one_element_and_drops_the_former(void)
{
	tally_object *type = fixture_probe_type(), *former = probe(type, 0), *next = probe(type, 1);
	tally_object *list = must(tally_list_from(&former, 1));
	tally_decref(former);
	CHECK_EQ(tally_list_set(list, 0, next), 0);
	check_died_in_order(1);
	CHECK_EQ(tally_refcount(next), 2);
	CHECK_EQ(size_of(list), 1);
	CHECK_EQ(tally_list_set(list, 0, next), 0);
	CHECK_EQ(tally_refcount(next), 2);
	tally_decref(list);
	tally_decref(next);
	check_died_in_order(2);
}

static void insert_goes_before_the_index_brought_to_the_nearest_end(void)
{
	static const struct {
		ptrdiff_t index;
		int64_t result[4];
	} cases[] = {
		{0, {9, 0, 1, 2}},           {1, {0, 9, 1, 2}},           {3, {0, 1, 2, 9}},  {4, {0, 1, 2, 9}},
		{PTRDIFF_MAX, {0, 1, 2, 9}}, {-1, {0, 1, 9, 2}},          {-3, {9, 0, 1, 2}}, {-4, {9, 0, 1, 2}},
		{PTRDIFF_MIN, {9, 0, 1, 2}},
	};
	tally_object *number = counted(9);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		tally_object *list = count_up(3);
		CHECK_EQ(tally_list_insert(list, cases[i].index, number), 0);
		check_list(list, cases[i].result, 4);
		CHECK_EQ(tally_refcount(number), 2);
		tally_decref(list);
	}
	tally_decref(number);
}

static void extend_appends_a_whole_array(void)
{
	tally_object *list = count_up(2), *items[] = {counted(7), counted(8), counted(7)};
	CHECK_EQ(tally_list_extend(list, items, 3), 0);
	CHECK_LIST(list, 0, 1, 7, 8, 7);
	CHECK_EQ(tally_list_extend(list, NULL, 0), 0);
	CHECK_EQ(size_of(list), 5);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_refcount(items[i]), 2);
	tally_decref(list);
	for (int i = 0; i < 3; i++) tally_decref(items[i]);
}

static void pop_hands_over_the_reference_of_the_list(void)
{
	tally_object *items[] = {counted(0), counted(1), counted(2)}, *list = must(tally_list_from(items, 3));
	tally_object *popped = tally_list_pop(list, 0);
	CHECK_PTR(popped, items[0]);
	CHECK_EQ(tally_refcount(popped), 2);
	tally_decref(popped);
	CHECK_LIST(list, 1, 2);
	CHECK_EQ(take_counted(tally_list_pop(list, -1)), 2);
	CHECK_EQ(take_counted(tally_list_pop(list, 0)), 1);
	CHECK_EQ(size_of(list), 0);
	CHECK(!tally_list_pop(list, -1));
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_pop: index -1 out of range for 0 elements");
	tally_decref(list);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

static void clear_leaves_an_empty_list_that_can_be_used_again(void)
{
	tally_object *list = count_up(100), *number = counted(5);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(size_of(list), 0);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_list_append(list, number), 0);
	CHECK_LIST(list, 5);
	tally_decref(list);
	tally_decref(number);
}

static void reverse_and_swap_exchange_elements(void)
{
	for (int64_t size = 0; size <= 5; size++) {
		tally_object *list = count_up(size);
		CHECK_EQ(tally_list_reverse(list), 0);
		for (int64_t i = 0; i < size; i++) CHECK_EQ(take_counted(tally_list_get(list, i)), size - 1 - i);
		CHECK_EQ(size_of(list), size);
		tally_decref(list);
	}
	tally_object *list = count_up(3);
	CHECK_EQ(tally_list_swap(list, 0, -1), 0);
	CHECK_LIST(list, 2, 1, 0);
	CHECK_EQ(tally_list_swap(list, 1, 1), 0);
	CHECK_EQ(tally_list_swap(list, -3, 1), 0);
	CHECK_LIST(list, 1, 2, 0);
	CHECK_EQ(tally_list_swap(list, 3, 0), -1);
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_swap: index 3 out of range for 3 elements");
	CHECK_EQ(tally_list_swap(list, 0, -4), -1);
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_swap: index -4 out of range for 3 elements");
	CHECK_LIST(list, 1, 2, 0);
	tally_decref(list);
}

static void the_size_in_bytes_is_that_of_the_object_and_of_its_array(void)
{
	tally_object *list = must(tally_list_new());
	size_t empty = 0, full = 0;
	CHECK_EQ(tally_sizeof(list, &empty), 0);
	CHECK(empty >= 32 && empty <= 48);
	for (int i = 0; i < 100; i++) push(list, counted(i));
	CHECK_EQ(tally_sizeof(list, &full), 0);
	CHECK(full >= empty + 800 && full <= empty + 1600);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_sizeof(list, &full), 0);
	CHECK_EQ(full, empty);
	tally_decref(list);
}

static void check_repr(tally_object *object, const char *expected)
{
	tally_object *str = must(tally_repr(object));
	CHECK_STR(tally_str_utf8(str, NULL), expected);
	tally_decref(str);
}

static void a_list_shows_its_elements_and_itself_as_dots(void)
{
	tally_object *list = must(tally_list_new()), *one = integer(1);
	check_repr(list, "[]");
	CHECK_EQ(tally_list_append(list, one), 0);
	check_repr(list, "[1]");
	CHECK_EQ(tally_list_append(list, list), 0);
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	check_repr(list, "[1, [...], None]");
	CHECK_EQ(tally_list_clear(list), 0);
	tally_decref(list);
	tally_decref(one);
}

// ---- errors ----

static void an_index_outside_is_an_error_and_changes_nothing(void)
{
	tally_object *list = count_up(3), *number = counted(9);
	CHECK(!tally_list_get(list, 7));
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_get: index 7 out of range for 3 elements");
	CHECK(!tally_list_get(list, -4));
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_get: index -4 out of range for 3 elements");
	CHECK(!tally_list_get(list, PTRDIFF_MIN));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
	CHECK_EQ(tally_list_set(list, 3, number), -1);
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_set: index 3 out of range for 3 elements");
	CHECK(!tally_list_pop(list, 3));
	CHECK_ERROR(TALLY_ERROR_INDEX, "list_pop: index 3 out of range for 3 elements");
	CHECK_LIST(list, 0, 1, 2);
	CHECK_EQ(tally_refcount(number), 1);
	tally_decref(list);
	tally_decref(number);
}

static void null_elements_are_refused(void)
{
	tally_object *list = count_up(1), *items[] = {counted(1), NULL};
	CHECK_EQ(tally_list_append(list, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_append: the element is NULL");
	CHECK_EQ(tally_list_set(list, 0, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_set: the element is NULL");
	CHECK_EQ(tally_list_insert(list, 0, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_insert: the element is NULL");
	CHECK_EQ(tally_list_extend(list, items, 2), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_extend: element 1 is NULL");
	CHECK_EQ(tally_list_extend(list, NULL, 2), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_extend: 2 elements at NULL");
	CHECK(!tally_list_from(items, 2));
	CHECK_ERROR(TALLY_ERROR_VALUE, "list_from: element 1 is NULL");
	CHECK_LIST(list, 0);
	CHECK_EQ(tally_refcount(items[0]), 1);
	tally_decref(list);
	tally_decref(items[0]);
}

static void more_elements_than_a_list_can_have_are_refused(void)
{
	tally_object *list = count_up(1), *item = counted(1);
	CHECK(!tally_list_from(&item, SIZE_MAX));
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "list_from: a list has at most 4294967295 elements");
	CHECK_EQ(tally_list_extend(list, &item, (size_t)UINT32_MAX + 1), -1);
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "list_extend: a list has at most 4294967295 elements");
	CHECK_LIST(list, 0);
	tally_decref(list);
	tally_decref(item);
}

static void what_is_no_list_says_so(void)
{
	tally_object *dict = must(tally_dict_new()), *item = tally_none();
	size_t size = 99;
	CHECK_EQ(tally_list_size(dict, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_size: expected a list, got a 'dict'");
	CHECK_EQ(size, 99);
	CHECK(!tally_list_get(dict, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_get: expected a list, got a 'dict'");
	CHECK_EQ(tally_list_set(dict, 0, item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_set: expected a list, got a 'dict'");
	CHECK_EQ(tally_list_append(NULL, item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_append: expected a list, got NULL");
	CHECK_EQ(tally_list_insert(item, 0, item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_insert: expected a list, got a 'none'");
	CHECK_EQ(tally_list_extend(dict, &item, 1), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_extend: expected a list, got a 'dict'");
	CHECK(!tally_list_pop(dict, 0));
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_pop: expected a list, got a 'dict'");
	CHECK_EQ(tally_list_clear(dict), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_clear: expected a list, got a 'dict'");
	CHECK_EQ(tally_list_reverse(dict), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_reverse: expected a list, got a 'dict'");
	CHECK_EQ(tally_list_swap(dict, 0, 0), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "list_swap: expected a list, got a 'dict'");
	tally_decref(dict);
}

// ---- growth ----

static void a_list_grows_one_by_one_to_a_hundred_thousand_and_back(void)
{
	const int64_t most = tap_scale(100000);
	tally_object *list = count_up(most);
	CHECK_EQ(size_of(list), most);
	for (int64_t i = 0; i < most; i += 1 + i / 8) CHECK_EQ(take_counted(tally_list_get(list, i)), i);
	for (int64_t i = most; i > 0; i--) CHECK_EQ(take_counted(tally_list_pop(list, -1)), i - 1);
	CHECK_EQ(size_of(list), 0);
	tally_decref(list);
}

static uint64_t live_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.live_bytes;
}

static void a_list_that_was_emptied_by_pops_gives_its_array_back(void)
{
	const uint64_t element = 24, place = 8;
	tally_object *list = count_up(20000);
	uint64_t full = live_bytes();
	for (int i = 0; i < 18000; i++) tally_decref(tally_list_pop(list, -1));
	CHECK(live_bytes() < full - 18000 * element - 10000 * place);
	for (int i = 0; i < 2000; i++) tally_decref(tally_list_pop(list, -1));
	CHECK(live_bytes() < full - 20000 * element - 19000 * place);
	tally_decref(list);
}

static void extend_and_from_make_room_for_every_size(void)
{
	static tally_object *items[3000];
	const size_t most = tap_scale(3000) < 3000 ? 600 : 3000;
	for (size_t i = 0; i < most; i++) items[i] = counted((int64_t)i);
	for (size_t size = 1; size <= most; size += 1 + size / 16) {
		tally_object *list = must(tally_list_from(items, size));
		CHECK_EQ(tally_list_extend(list, items, size), 0);
		CHECK_EQ(size_of(list), size * 2);
		CHECK_EQ(take_counted(tally_list_get(list, (ptrdiff_t)size - 1)), size - 1);
		CHECK_EQ(take_counted(tally_list_get(list, (ptrdiff_t)size)), 0);
		CHECK_EQ(take_counted(tally_list_get(list, -1)), size - 1);
		tally_decref(list);
	}
	for (size_t i = 0; i < most; i++) {
		CHECK_EQ(tally_refcount(items[i]), 1);
		tally_decref(items[i]);
	}
}

enum { MODEL_MOST = 600 };

struct model {
	int64_t values[MODEL_MOST];
	size_t size;
};

static void model_insert(struct model *model, size_t place, int64_t value)
{
	memmove(model->values + place + 1, model->values + place, (model->size++ - place) * sizeof value);
	model->values[place] = value;
}

static void model_remove(struct model *model, size_t place)
{
	memmove(model->values + place, model->values + place + 1, (--model->size - place) * sizeof model->values[0]);
}

static void change_both(tally_object *list, struct model *model, uint64_t *state, int64_t value)
{
	unsigned choice = below(state, 100);
	ptrdiff_t index = model->size ? (ptrdiff_t)below(state, (unsigned)model->size) : 0;
	ptrdiff_t given = fixture_random(state) >> 63 ? index : index - (ptrdiff_t)model->size;
	tally_object *number = counted(value);
	if (choice < 1) {
		CHECK_EQ(tally_list_clear(list), 0);
		model->size = 0;
	} else if (choice < 30 && model->size < MODEL_MOST) {
		CHECK_EQ(tally_list_append(list, number), 0);
		model_insert(model, model->size, value);
	} else if (choice < 55 && model->size && model->size < MODEL_MOST) {
		CHECK_EQ(tally_list_insert(list, given, number), 0);
		model_insert(model, (size_t)index, value);
	} else if (choice < 75 && model->size) {
		CHECK_EQ(tally_list_set(list, given, number), 0);
		model->values[index] = value;
	} else if (model->size) {
		CHECK_EQ(take_counted(tally_list_pop(list, given)), model->values[index]);
		model_remove(model, (size_t)index);
	}
	tally_decref(number);
}

static void random_operations_agree_with_a_plain_array(void)
{
	tally_object *list = must(tally_list_new());
	struct model model = {.size = 0};
	uint64_t state = fixture_seed(0);
	const int64_t rounds = tap_scale(100000);
	for (int64_t round = 0; round < rounds; round++) {
		change_both(list, &model, &state, round);
		if (round % 1000 == 0) check_list(list, model.values, model.size);
	}
	check_list(list, model.values, model.size);
	tally_decref(list);
}

// ---- equality ----

static void lists_are_equal_element_by_element(void)
{
	tally_object *a = count_up(3), *b = count_up(3), *c = count_up(4), *real = must(tally_float_new(COUNTED + 2));
	CHECK_EQ(tally_equal(a, b), 1);
	CHECK_EQ(tally_equal(a, a), 1);
	CHECK_EQ(tally_equal(a, c), 0);
	CHECK_EQ(tally_list_set(b, 2, real), 0);
	CHECK_EQ(tally_equal(a, b), 1);
	CHECK_EQ(tally_list_set(b, 2, tally_none()), 0);
	CHECK_EQ(tally_equal(a, b), 0);
	CHECK_EQ(tally_refcount(real), 1);
	tally_object *all[] = {a, b, c, real};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- deaths ----

static tally_object *list_of_probes(tally_object *type, int count)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < count; i++) {
		tally_object *object = probe(type, i);
		CHECK_EQ(tally_list_append(list, object), 0);
		tally_decref(object);
	}
	return list;
}

static void elements_die_from_the_first_to_the_last(void)
{
	tally_object *list = list_of_probes(fixture_probe_type(), 6);
	check_died_in_order(0);
	tally_decref(list);
	check_died_in_order(6);
}

static void cleared_elements_die_from_the_first_to_the_last(void)
{
	tally_object *list = list_of_probes(fixture_probe_type(), 6);
	CHECK_EQ(tally_list_clear(list), 0);
	check_died_in_order(6);
	CHECK_EQ(size_of(list), 0);
	tally_decref(list);
}

static void elements_cleared_in_a_critical_section_die_in_order_at_its_end(void)
{
	tally_object *list = list_of_probes(fixture_probe_type(), 6);
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_list_clear(list), 0);
	check_died_in_order(0);
	CHECK_EQ(tally_critical_end(&section), 0);
	check_died_in_order(6);
	tally_decref(list);
}

static void what_is_inside_dies_before_the_next_element(void)
{
	tally_object *type = fixture_probe_type(), *outer = must(tally_list_new());
	for (int i = 0; i < 3; i++) {
		tally_object *inner = must(tally_list_new());
		for (int k = 0; k < 2; k++) {
			tally_object *object = probe(type, i * 2 + k);
			CHECK_EQ(tally_list_append(inner, object), 0);
			tally_decref(object);
		}
		CHECK_EQ(tally_list_append(outer, inner), 0);
		tally_decref(inner);
	}
	tally_decref(outer);
	check_died_in_order(6);
}

// Appends to the list that it was an element of.
struct returner {
	tally_object *list;
};

static void append_to_the_list(void *payload, void *context)
{
	struct returner *returner = payload;
	(void)context;
	CHECK_EQ(tally_list_append(returner->list, tally_none()), 0);
	tally_decref(returner->list);
}

static void a_destructor_may_use_the_list_that_dropped_it(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "returner",
		.payload_size = sizeof(struct returner),
		.dealloc = append_to_the_list,
	};
	tally_object *type = must(tally_host_type_new(&description)), *list = must(tally_list_new());
	for (int i = 0; i < 10; i++) {
		tally_object *object = must(tally_host_new(type));
		((struct returner *)tally_host_payload(object, type))->list = tally_incref(list);
		CHECK_EQ(tally_list_append(list, object), 0);
		tally_decref(object);
	}
	CHECK_EQ(tally_list_set(list, 4, tally_none()), 0);
	CHECK_EQ(size_of(list), 11);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(size_of(list), 9);
	CHECK_EQ(tally_refcount(list), 1);
	tally_decref(list);
}

static void *drop_on_a_small_stack(void *list)
{
	tally_token token;
	if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
	tally_decref(list);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_million_nested_lists_die_on_a_stack_of_64_kib(void)
{
	const unsigned levels = tap_scale(1000000u);
	tally_object *list = must(tally_list_new());
	for (unsigned i = 1; i < levels; i++) {
		tally_object *outer = must(tally_list_from(&list, 1));
		tally_decref(list);
		list = outer;
	}
	CHECK_EQ(fixture_live_objects(), levels);
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	CHECK_EQ(tally_blocking_begin(), 0);
	if (pthread_create(&thread, &attributes, drop_on_a_small_stack, list)) tap_bail_out("no thread");
	pthread_join(thread, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	pthread_attr_destroy(&attributes);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- threads ----

enum { THREADS = 4 };

static int64_t appends_each;

static void append_own_numbers(void *list, unsigned number)
{
	for (int64_t i = 0; i < appends_each; i++) {
		tally_object *value = counted(number * appends_each + i);
		CHECK_EQ(tally_list_append(list, value), 0);
		tally_decref(value);
	}
}

static void all_appends_of_four_threads_arrive_in_the_order_of_each(void)
{
	tally_object *list = must(tally_list_new());
	int64_t next[THREADS] = {0};
	appends_each = tap_scale(20000);
	run_threads(THREADS, append_own_numbers, list);
	CHECK_EQ(size_of(list), THREADS * appends_each);
	for (int64_t i = 0; i < THREADS * appends_each; i++) {
		int64_t value = take_counted(tally_list_get(list, i)), thread = value / appends_each;
		if (!CHECK_EQ(value % appends_each, next[thread])) break;
		next[thread]++;
	}
	tally_decref(list);
}

static void take_all(void *lists, unsigned number)
{
	tally_object **list = lists;
	(void)number;
	for (;;) {
		tally_object *item = tally_list_pop(list[0], 0);
		if (!item) break;
		CHECK_EQ(tally_list_append(list[1], item), 0);
		tally_decref(item);
	}
	CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
}

static void each_element_is_popped_by_one_thread_only(void)
{
	const int64_t size = tap_scale(5000);
	tally_object *lists[] = {count_up(size), must(tally_list_new())};
	run_threads(THREADS, take_all, lists);
	CHECK_EQ(size_of(lists[0]), 0);
	CHECK_EQ(size_of(lists[1]), size);
	char *seen = calloc((size_t)size, 1);
	for (int64_t i = 0; i < size; i++) {
		int64_t value = take_counted(tally_list_get(lists[1], i));
		if (CHECK(value >= 0 && value < size)) seen[value]++;
	}
	for (int64_t i = 0; i < size; i++) CHECK_EQ(seen[i], 1);
	free(seen);
	tally_decref(lists[0]);
	tally_decref(lists[1]);
}

static void use_it_somehow(tally_object *list, uint64_t *state)
{
	static const char *const words[] = {"one", "two", "three", "four"};
	tally_object *word = text(words[below(state, 4)]), *items[] = {word, tally_none(), word};
	ptrdiff_t index = (ptrdiff_t)below(state, 64) - 32;
	switch (below(state, 20)) {
	case 0: CHECK_EQ(tally_list_clear(list), 0); break;
	case 16: CHECK_EQ(tally_list_reverse(list), 0); break;
	case 17: tally_list_swap(list, index, -1); break; // outside, perhaps
	case 18: CHECK(tally_list_remove(list, word) >= 0); break;
	case 1: CHECK_EQ(tally_list_extend(list, items, 3), 0); break;
	case 2:
	case 3: CHECK_EQ(tally_list_insert(list, index, word), 0); break;
	case 4:
	case 5: tally_list_set(list, index, word); break;
	case 6:
	case 7:
	case 8: tally_decref(tally_list_pop(list, index)); break;
	case 9:
	case 10:
	case 11: tally_decref(tally_list_get(list, index)); break;
	default: CHECK_EQ(tally_list_append(list, word), 0); break;
	}
	tally_decref(word);
}

static unsigned uses_each;

static void use_it_often(void *list, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	for (unsigned i = 0; i < uses_each; i++) use_it_somehow(list, &state);
}

static void any_mix_of_operations_by_four_threads_loses_and_invents_nothing(void)
{
	tally_object *list = must(tally_list_new());
	uses_each = tap_scale(50000u);
	run_threads(THREADS, use_it_often, list);
	for (size_t i = size_of(list); i > 0; i--) {
		tally_object *item = tally_list_get(list, (ptrdiff_t)i - 1);
		CHECK(tally_is_str(item) || tally_is_none(item));
		tally_decref(item);
	}
	tally_decref(list);
}

static void compare_often(void *lists, unsigned number)
{
	tally_object **list = lists;
	for (unsigned i = 0; i < uses_each; i++) {
		if (number < 2) CHECK(tally_equal(list[number], list[1 - number]) >= 0);
		else CHECK_EQ(tally_list_set(list[i % 2], (ptrdiff_t)i % 20, tally_bool(i % 3)), 0);
	}
}

// Two threads compare the same two lists in opposite directions: locks taken two at a time would deadlock.
static void lists_can_be_compared_both_ways_while_others_change_them(void)
{
	tally_object *lists[] = {count_up(20), count_up(20)};
	uses_each = tap_scale(2000u);
	run_threads(THREADS, compare_often, lists);
	tally_decref(lists[0]);
	tally_decref(lists[1]);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_new_list_is_empty);
	TAP_RUN(append_adds_at_the_end_and_holds_a_reference);
	TAP_RUN(a_list_made_from_an_array_holds_its_objects);
	TAP_RUN(get_gives_a_new_reference);
	TAP_RUN(negative_indexes_count_from_the_end);
	TAP_RUN(set_replaces_one_element_and_drops_the_former);
	TAP_RUN(insert_goes_before_the_index_brought_to_the_nearest_end);
	TAP_RUN(extend_appends_a_whole_array);
	TAP_RUN(pop_hands_over_the_reference_of_the_list);
	TAP_RUN(clear_leaves_an_empty_list_that_can_be_used_again);
	TAP_RUN(reverse_and_swap_exchange_elements);
	TAP_RUN(the_size_in_bytes_is_that_of_the_object_and_of_its_array);
	TAP_RUN(a_list_shows_its_elements_and_itself_as_dots);
	TAP_RUN(an_index_outside_is_an_error_and_changes_nothing);
	TAP_RUN(null_elements_are_refused);
	TAP_RUN(more_elements_than_a_list_can_have_are_refused);
	TAP_RUN(what_is_no_list_says_so);
	TAP_RUN(a_list_grows_one_by_one_to_a_hundred_thousand_and_back);
	TAP_RUN(a_list_that_was_emptied_by_pops_gives_its_array_back);
	TAP_RUN(extend_and_from_make_room_for_every_size);
	TAP_RUN(random_operations_agree_with_a_plain_array);
	TAP_RUN(lists_are_equal_element_by_element);
	TAP_RUN(elements_die_from_the_first_to_the_last);
	TAP_RUN(cleared_elements_die_from_the_first_to_the_last);
	TAP_RUN(elements_cleared_in_a_critical_section_die_in_order_at_its_end);
	TAP_RUN(what_is_inside_dies_before_the_next_element);
	TAP_RUN(a_destructor_may_use_the_list_that_dropped_it);
	TAP_RUN(a_million_nested_lists_die_on_a_stack_of_64_kib);
	TAP_RUN(all_appends_of_four_threads_arrive_in_the_order_of_each);
	TAP_RUN(each_element_is_popped_by_one_thread_only);
	TAP_RUN(any_mix_of_operations_by_four_threads_loses_and_invents_nothing);
	TAP_RUN(lists_can_be_compared_both_ways_while_others_change_them);
	return tap_end();
}
