// tests/dict.c: dicts: each operation by itself, order, tombstones, growth, deaths, and several threads on one dict.
#include "fixture.h"

static size_t size_of(tally_object *dict)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_dict_size(dict, &size), 0);
	return size;
}

static void set_int(tally_object *dict, int64_t key, int64_t value)
{
	tally_object *name = integer(key), *number = integer(value);
	CHECK_EQ(tally_dict_set(dict, name, number), 0);
	tally_decref(name);
	tally_decref(number);
}

// The int at an int key; INT64_MIN when there is none.
static int64_t int_at(tally_object *dict, int64_t key)
{
	tally_object *name = integer(key), *value = name;
	int found = tally_dict_get(dict, name, &value);
	CHECK(found == 1 || (found == 0 && !value));
	tally_decref(name);
	return take_value(value);
}

static int pop_int(tally_object *dict, int64_t key)
{
	tally_object *name = integer(key);
	int removed = tally_dict_pop(dict, name, NULL);
	tally_decref(name);
	return removed;
}

// A dict of the keys 0 to size - 1, each with ten times itself.
static tally_object *count_up(int64_t size)
{
	tally_object *dict = must(tally_dict_new());
	for (int64_t i = 0; i < size; i++) set_int(dict, i, i * 10);
	return dict;
}

#define CHECK_KEYS(dict, ...)                                                                                          \
	check_keys((dict), (const int64_t[]){__VA_ARGS__}, sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))

// Checks that iteration gives exactly these keys in this order.
static void check_keys(tally_object *dict, const int64_t *keys, size_t size)
{
	tally_object *key;
	size_t position = 0, seen = 0;
	while (tally_dict_next(dict, &position, &key, NULL) == 1) {
		int64_t found = take_value(key);
		if (seen < size) CHECK_EQ(found, keys[seen]);
		seen++;
	}
	CHECK_EQ(seen, size);
	CHECK_EQ(size_of(dict), size);
}

// ---- one operation at a time ----

static void a_new_dict_is_empty(void)
{
	tally_object *dict = tally_dict_new(), *key = text("key"), *value = key;
	size_t position = 0;
	if (!CHECK(dict)) return;
	CHECK(tally_is_dict(dict));
	CHECK(!tally_is_list(dict));
	CHECK_EQ(size_of(dict), 0);
	CHECK_EQ(tally_dict_get(dict, key, &value), 0);
	CHECK(!value);
	CHECK_EQ(tally_dict_contains(dict, key), 0);
	CHECK_EQ(tally_dict_pop(dict, key, NULL), 0);
	CHECK_EQ(tally_dict_next(dict, &position, &key, &value), 0);
	CHECK_NO_ERROR();
	tally_decref(dict);
	tally_decref(key);
}

static void set_stores_a_reference_to_key_and_value(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *value = integer(1), *found = NULL;
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(tally_refcount(key), 2);
	CHECK_EQ(tally_refcount(value), 2);
	CHECK_EQ(size_of(dict), 1);
	CHECK_EQ(tally_dict_contains(dict, key), 1);
	CHECK_EQ(tally_dict_get(dict, key, &found), 1);
	CHECK_PTR(found, value);
	CHECK_EQ(tally_refcount(value), 3);
	tally_decref(found);
	tally_decref(dict);
	CHECK_EQ(tally_refcount(key), 1);
	CHECK_EQ(tally_refcount(value), 1);
	tally_decref(key);
	tally_decref(value);
}

static void set_again_replaces_the_value_and_keeps_key_and_place(void)
{
	tally_object *type = fixture_probe_type(), *first = probe(type, 0), *second = probe(type, 1);
	tally_object *dict = count_up(3), *key = integer(1), *same_key = must(tally_float_new(1));
	CHECK_EQ(tally_dict_set(dict, key, first), 0);
	tally_decref(first);
	CHECK_EQ(tally_dict_set(dict, same_key, second), 0);
	check_died_in_order(1);
	CHECK_EQ(tally_refcount(second), 2);
	CHECK_EQ(tally_refcount(key), 1);
	CHECK_EQ(tally_refcount(same_key), 1);
	CHECK_KEYS(dict, 0, 1, 2);
	tally_decref(dict);
	tally_decref(second);
	tally_decref(key);
	tally_decref(same_key);
}

static void setdefault_stores_only_what_is_absent(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *first = integer(1), *second = integer(2);
	tally_object *got = tally_dict_setdefault(dict, key, first);
	CHECK_PTR(got, first);
	CHECK_EQ(tally_refcount(first), 3);
	tally_decref(got);
	got = tally_dict_setdefault(dict, key, second);
	CHECK_PTR(got, first);
	CHECK_EQ(tally_refcount(second), 1);
	CHECK_EQ(tally_refcount(key), 2);
	tally_object *all[] = {got, dict, key, first, second};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static void add_counts_from_nothing(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("word");
	int64_t sum = 0;
	CHECK_EQ(tally_dict_add(dict, key, 5, &sum), 0);
	CHECK_EQ(sum, 5);
	CHECK_EQ(tally_dict_add(dict, key, -7, &sum), 0);
	CHECK_EQ(sum, -2);
	CHECK_EQ(tally_dict_add(dict, key, 0, NULL), 0);
	CHECK_EQ(size_of(dict), 1);
	CHECK_EQ(tally_refcount(key), 2);
	tally_decref(dict);
	tally_decref(key);
}

static void add_leaves_the_int_that_somebody_holds_as_it_is(void)
{
	tally_object *dict = count_up(3), *key = integer(2), *held = NULL;
	CHECK_EQ(tally_dict_get(dict, key, &held), 1);
	CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
	CHECK_EQ(value_of(held), 20);
	CHECK_EQ(tally_refcount(held), 1);
	CHECK_EQ(int_at(dict, 2), 21);
	tally_decref(held);
	tally_decref(key);
	tally_decref(dict);
}

static void pop_hands_over_the_value_of_the_dict(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *value = integer(1), *popped = NULL;
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(tally_dict_pop(dict, key, &popped), 1);
	CHECK_PTR(popped, value);
	CHECK_EQ(tally_refcount(value), 2);
	CHECK_EQ(tally_refcount(key), 1);
	CHECK_EQ(size_of(dict), 0);
	CHECK_EQ(tally_dict_pop(dict, key, &popped), 0);
	CHECK(!popped);
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
	CHECK_EQ(tally_refcount(value), 2);
	tally_object *all[] = {dict, key, value, value};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void clear_leaves_an_empty_dict_that_can_be_used_again(void)
{
	tally_object *dict = count_up(100);
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_EQ(size_of(dict), 0);
	CHECK_EQ(int_at(dict, 5), INT64_MIN);
	CHECK_EQ(tally_dict_clear(dict), 0);
	set_int(dict, 7, 70);
	CHECK_KEYS(dict, 7);
	tally_decref(dict);
}

static void next_gives_new_references_or_none_at_all(void)
{
	tally_object *dict = count_up(1), *key = NULL, *value = NULL;
	size_t position = 0;
	CHECK_EQ(tally_dict_next(dict, &position, &key, &value), 1);
	CHECK_EQ(tally_refcount(key), 2);
	CHECK_EQ(tally_refcount(value), 2);
	CHECK_EQ(take_value(key), 0);
	CHECK_EQ(tally_dict_next(dict, &position, &key, NULL), 0);
	position = 0;
	CHECK_EQ(tally_dict_next(dict, &position, NULL, NULL), 1);
	CHECK_EQ(tally_refcount(value), 2);
	position = 1000;
	CHECK_EQ(tally_dict_next(dict, &position, NULL, NULL), 0);
	tally_decref(value);
	tally_decref(dict);
}

// ---- order ----

static void keys_come_in_the_order_of_their_insertion(void)
{
	tally_object *dict = must(tally_dict_new());
	const int64_t keys[] = {5, 3, 9, 1, 7};
	for (int i = 0; i < 5; i++) set_int(dict, keys[i], i);
	CHECK_KEYS(dict, 5, 3, 9, 1, 7);
	CHECK_EQ(pop_int(dict, 9), 1);
	CHECK_KEYS(dict, 5, 3, 1, 7);
	set_int(dict, 9, 0);
	set_int(dict, 5, 0);
	CHECK_KEYS(dict, 5, 3, 1, 7, 9);
	tally_decref(dict);
}

static void every_key_can_be_popped_while_iterating(void)
{
	const int64_t size = 1000;
	tally_object *dict = count_up(size), *key;
	size_t position = 0;
	int64_t expected = 0;
	while (tally_dict_next(dict, &position, &key, NULL) == 1) {
		CHECK_EQ(value_of(key), expected++);
		CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
		tally_decref(key);
	}
	CHECK_EQ(expected, size);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

static void order_survives_tombstones_and_new_tables(void)
{
	const int64_t size = tap_scale(3000);
	tally_object *dict = count_up(size);
	for (int64_t i = 0; i < size; i++)
		if (i % 3) CHECK_EQ(pop_int(dict, i), 1);
	for (int64_t i = 0; i < size; i++) set_int(dict, size + i, 0);
	tally_object *key;
	size_t position = 0;
	for (int64_t i = 0; i < size; i += 3) {
		if (!CHECK_EQ(tally_dict_next(dict, &position, &key, NULL), 1)) break;
		CHECK_EQ(take_value(key), i);
	}
	for (int64_t i = 0; i < size; i++) {
		if (!CHECK_EQ(tally_dict_next(dict, &position, &key, NULL), 1)) break;
		CHECK_EQ(take_value(key), size + i);
	}
	CHECK_EQ(tally_dict_next(dict, &position, &key, NULL), 0);
	tally_decref(dict);
}

// ---- growth ----

static uint64_t live_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.live_bytes;
}

static void check_found(tally_object *dict, int64_t size)
{
	CHECK_EQ(size_of(dict), size);
	for (int64_t i = 0; i < size; i++)
		if (!CHECK_EQ(int_at(dict, i), i * 10)) break;
	CHECK_EQ(int_at(dict, size), INT64_MIN);
	CHECK_EQ(int_at(dict, -1), INT64_MIN);
}

// The slots of the index have one byte up to 128 keys, two up to 32,768, then four.
static void keys_are_found_in_dicts_of_every_width(void)
{
	const int64_t sizes[] = {128, 129, 20000, 32768, 32769, 40000 + tap_scale(60000)};
	tally_object *dict = must(tally_dict_new());
	for (int64_t i = 0, stage = 0; stage < 6; stage++) {
		for (; i < sizes[stage]; i++) set_int(dict, i, i * 10);
		check_found(dict, sizes[stage]);
	}
	tally_decref(dict);
}

static void every_size_to_a_thousand_can_be_filled_and_emptied(void)
{
	for (int64_t size = 0; size < 1000; size += 1 + size / 32) {
		tally_object *dict = count_up(size);
		for (int64_t i = 0; i < size; i++) CHECK_EQ(int_at(dict, i), i * 10);
		CHECK_EQ(int_at(dict, size), INT64_MIN);
		for (int64_t i = size; i > 0; i--) CHECK_EQ(pop_int(dict, i - 1), 1);
		CHECK_EQ(size_of(dict), 0);
		tally_decref(dict);
	}
}

static int measure_raw(const tally_heap_block *block, void *bytes)
{
	if (!block->type_name) *(size_t *)bytes += block->size;
	return 0;
}

// Entries of 24 bytes, two slots for each; a block may be a fifth larger than what was asked for.
static void a_table_has_room_for_at_most_twice_its_keys(void)
{
	for (int64_t size = 16; size < 146; size++) {
		tally_object *dict = count_up(size);
		size_t bytes = 0, room = 2 * (size_t)size;
		CHECK_EQ(tally_heap_walk(measure_raw, &bytes), 0);
		CHECK(bytes > 0);
		CHECK(bytes <= (room * (24 + 2 * 2) + 16) * 5 / 4);
		tally_decref(dict);
	}
}

static void a_few_keys_that_come_and_go_do_not_make_a_dict_grow(void)
{
	tally_object *dict = count_up(8);
	uint64_t before = live_bytes();
	for (int64_t i = 0; i < 10000; i++) {
		set_int(dict, i + 8, 0);
		CHECK_EQ(pop_int(dict, i), 1);
	}
	CHECK_EQ(size_of(dict), 8);
	CHECK(live_bytes() < before + 2000);
	tally_decref(dict);
}

static void a_dict_that_was_emptied_by_pops_gives_its_table_back(void)
{
	tally_object *dict = count_up(5000);
	for (int64_t i = 0; i < 5000; i++) CHECK_EQ(pop_int(dict, i), 1);
	CHECK(live_bytes() < 20000);
	set_int(dict, 1, 2);
	CHECK_KEYS(dict, 1);
	tally_decref(dict);
}

// ---- errors ----

static void an_unhashable_key_is_refused_by_name(void)
{
	tally_object *dict = count_up(1), *list = must(tally_list_new()), *tuple = must(tally_tuple_new(&dict, 1));
	tally_object *value = tally_none(), *out = value;
	CHECK_EQ(tally_dict_set(dict, list, value), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_set: expected a hashable object, got a 'list'");
	CHECK_EQ(tally_dict_get(dict, tuple, &out), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_get: expected a hashable object, got a 'dict'");
	CHECK(!out);
	CHECK_EQ(tally_dict_contains(dict, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_contains: expected a hashable object, got a 'list'");
	CHECK(!tally_dict_setdefault(dict, list, value));
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_setdefault: expected a hashable object, got a 'list'");
	CHECK_EQ(tally_dict_add(dict, list, 1, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_add: expected a hashable object, got a 'list'");
	CHECK_EQ(tally_dict_pop(dict, list, &out), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_pop: expected a hashable object, got a 'list'");
	CHECK(!out);
	CHECK_KEYS(dict, 0);
	CHECK_EQ(tally_refcount(list), 1);
	tally_decref(tuple);
	tally_decref(list);
	tally_decref(dict);
}

static void null_keys_and_values_are_refused(void)
{
	tally_object *dict = count_up(1), *key = text("key"), *out = key;
	CHECK_EQ(tally_dict_set(dict, NULL, key), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_set: the key is NULL");
	CHECK_EQ(tally_dict_set(dict, key, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_set: the value is NULL");
	CHECK_EQ(tally_dict_get(dict, NULL, &out), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_get: the key is NULL");
	CHECK_EQ(tally_dict_contains(dict, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_contains: the key is NULL");
	CHECK(!tally_dict_setdefault(dict, NULL, key));
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_setdefault: the key is NULL");
	CHECK(!tally_dict_setdefault(dict, key, NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_setdefault: the value is NULL");
	CHECK_EQ(tally_dict_add(dict, NULL, 1, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_add: the key is NULL");
	CHECK_EQ(tally_dict_pop(dict, NULL, &out), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "dict_pop: the key is NULL");
	CHECK_KEYS(dict, 0);
	CHECK_EQ(tally_refcount(key), 1);
	tally_decref(dict);
	tally_decref(key);
}

static void add_refuses_what_is_no_int_and_what_does_not_fit(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *most = integer(INT64_MAX), *found = NULL;
	int64_t sum = 42;
	CHECK_EQ(tally_dict_set(dict, key, tally_bool(true)), 0);
	CHECK_EQ(tally_dict_add(dict, key, 1, &sum), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_add: expected an int as the value, got a 'bool'");
	CHECK_EQ(tally_dict_set(dict, key, key), 0);
	CHECK_EQ(tally_dict_add(dict, key, 1, &sum), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_add: expected an int as the value, got a 'str'");
	CHECK_EQ(tally_refcount(key), 3);
	CHECK_EQ(tally_dict_set(dict, key, most), 0);
	CHECK_EQ(tally_dict_add(dict, key, 1, &sum), -1);
	CHECK_ERROR(TALLY_ERROR_OVERFLOW, "dict_add: 9223372036854775807 + 1 does not fit in 64 bits");
	CHECK_EQ(sum, 42);
	CHECK_EQ(tally_dict_get(dict, key, &found), 1);
	CHECK_PTR(found, most);
	CHECK_EQ(tally_refcount(most), 3);
	tally_object *all[] = {found, dict, key, most};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void what_is_no_dict_says_so(void)
{
	tally_object *list = must(tally_list_new()), *item = tally_none(), *out = item;
	size_t size = 99;
	CHECK_EQ(tally_dict_size(list, &size), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_size: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_get(list, item, &out), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_get: expected a dict, got a 'list'");
	CHECK(!out);
	CHECK_EQ(tally_dict_contains(list, item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_contains: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_set(NULL, item, item), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_set: expected a dict, got NULL");
	CHECK(!tally_dict_setdefault(list, item, item));
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_setdefault: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_add(item, item, 1, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_add: expected a dict, got a 'none'");
	CHECK_EQ(tally_dict_pop(list, item, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_pop: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_clear(list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_clear: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_next(list, &size, NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_next: expected a dict, got a 'list'");
	CHECK_EQ(size, 99);
	tally_decref(list);
}

// ---- equality ----

static void dicts_are_equal_by_their_entries_in_any_order(void)
{
	tally_object *a = count_up(50), *b = must(tally_dict_new()), *nested = count_up(3), *same = count_up(3);
	for (int64_t i = 50; i > 0; i--) set_int(b, i - 1, (i - 1) * 10);
	CHECK_EQ(tally_equal(a, b), 1);
	CHECK_EQ(tally_equal(a, a), 1);
	set_int(b, 7, 71);
	CHECK_EQ(tally_equal(a, b), 0);
	CHECK_EQ(pop_int(b, 7), 1);
	CHECK_EQ(tally_equal(a, b), 0);
	CHECK_EQ(tally_equal(b, a), 0);
	set_int(b, 99, 70);
	CHECK_EQ(tally_equal(a, b), 0);
	CHECK_EQ(tally_dict_set(a, tally_none(), nested), 0);
	CHECK_EQ(tally_dict_clear(b), 0);
	for (int64_t i = 0; i < 50; i++) set_int(b, i, i * 10);
	CHECK_EQ(tally_dict_set(b, tally_none(), same), 0);
	CHECK_EQ(tally_equal(a, b), 1);
	CHECK_EQ(tally_refcount(nested), 2);
	tally_object *all[] = {a, b, nested, same};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- deaths ----

// A dict with the even probes as keys and the odd ones as values.
static tally_object *dict_of_probes(int entries)
{
	tally_object *type = fixture_probe_type(), *dict = must(tally_dict_new());
	for (int i = 0; i < entries; i++) {
		tally_object *key = probe(type, i * 2), *value = probe(type, i * 2 + 1);
		CHECK_EQ(tally_dict_set(dict, key, value), 0);
		tally_decref(key);
		tally_decref(value);
	}
	return dict;
}

static void keys_and_values_die_in_the_order_of_insertion(void)
{
	tally_object *dict = dict_of_probes(5);
	check_died_in_order(0);
	tally_decref(dict);
	check_died_in_order(10);
}

static void cleared_keys_and_values_die_in_the_order_of_insertion(void)
{
	tally_object *dict = dict_of_probes(5);
	CHECK_EQ(tally_dict_clear(dict), 0);
	check_died_in_order(10);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

// Stores a key into the dict that held it.
static void set_in_the_dict(void *payload, void *context)
{
	tally_object *dict = *(tally_object **)payload;
	(void)context;
	CHECK_EQ(tally_dict_add(dict, tally_none(), 1, NULL), 0);
	tally_decref(dict);
}

static void a_destructor_may_use_the_dict_that_dropped_it(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "returner",
		.payload_size = sizeof(tally_object *),
		.dealloc = set_in_the_dict,
	};
	tally_object *type = must(tally_host_type_new(&description)), *dict = must(tally_dict_new()), *found = NULL;
	for (int64_t i = 0; i < 10; i++) {
		tally_object *key = integer(i), *object = must(tally_host_new(type));
		*(tally_object **)tally_host_payload(object, type) = tally_incref(dict);
		CHECK_EQ(tally_dict_set(dict, key, object), 0);
		tally_decref(key);
		tally_decref(object);
	}
	set_int(dict, 4, 0);
	CHECK_EQ(pop_int(dict, 5), 1);
	CHECK_EQ(tally_dict_get(dict, tally_none(), &found), 1);
	CHECK_EQ(take_value(found), 2);
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_EQ(tally_dict_get(dict, tally_none(), &found), 1);
	CHECK_EQ(take_value(found), 8);
	CHECK_EQ(tally_refcount(dict), 1);
	tally_decref(dict);
}

// ---- against a model ----

enum { MODEL_KEYS = 300 };

// The keys in order of insertion, and the value of each; -1: absent.
struct model {
	int64_t order[MODEL_KEYS], values[MODEL_KEYS];
	size_t size;
};

static void model_set(struct model *model, int64_t key, int64_t value)
{
	if (model->values[key] < 0) model->order[model->size++] = key;
	model->values[key] = value;
}

static int model_pop(struct model *model, int64_t key)
{
	size_t place = 0;
	if (model->values[key] < 0) return 0;
	while (model->order[place] != key) place++;
	memmove(model->order + place, model->order + place + 1, (--model->size - place) * sizeof key);
	model->values[key] = -1;
	return 1;
}

// The same key in the shape of an int, a float or, for 0 and 1, a bool.
static tally_object *key_in_some_shape(int64_t key, uint64_t *state)
{
	unsigned choice = below(state, 4);
	if (choice == 0) return must(tally_float_new((double)key));
	if (choice == 1 && key < 2) return tally_bool(key);
	return integer(key);
}

static void change_both(tally_object *dict, struct model *model, uint64_t *state, int64_t value)
{
	unsigned choice = below(state, 1000);
	int64_t index = below(state, MODEL_KEYS), sum = -1;
	tally_object *key = key_in_some_shape(index, state), *number = integer(value), *found = NULL;
	if (choice < 2) {
		CHECK_EQ(tally_dict_clear(dict), 0);
		for (int i = 0; i < MODEL_KEYS; i++) model->values[i] = -1;
		model->size = 0;
	} else if (choice < 300) {
		CHECK_EQ(tally_dict_set(dict, key, number), 0);
		model_set(model, index, value);
	} else if (choice < 450) {
		int64_t expected = model->values[index] < 0 ? 3 : model->values[index] + 3;
		CHECK_EQ(tally_dict_add(dict, key, 3, &sum), 0);
		CHECK_EQ(sum, expected);
		model_set(model, index, expected);
	} else if (choice < 600) {
		found = tally_dict_setdefault(dict, key, number);
		if (model->values[index] < 0) model_set(model, index, value);
		CHECK_EQ(take_value(found), model->values[index]);
	} else {
		int64_t expected = model->values[index];
		CHECK_EQ(tally_dict_pop(dict, key, &found), model_pop(model, index));
		if (found) CHECK_EQ(take_value(found), expected);
	}
	tally_decref(key);
	tally_decref(number);
}

static void check_model(tally_object *dict, const struct model *model)
{
	tally_object *key, *value;
	size_t position = 0, seen = 0;
	while (tally_dict_next(dict, &position, &key, &value) == 1 && seen < model->size) {
		double expected = (double)model->order[seen], found = -1;
		CHECK_EQ(tally_float_value(key, &found), 0);
		CHECK(found == expected);
		CHECK_EQ(take_value(value), model->values[model->order[seen++]]);
		tally_decref(key);
	}
	CHECK_EQ(seen, model->size);
	CHECK_EQ(size_of(dict), model->size);
	for (int64_t i = 0; i < MODEL_KEYS; i++) {
		int64_t found = int_at(dict, i);
		CHECK_EQ(found, model->values[i] < 0 ? INT64_MIN : model->values[i]);
	}
}

static void random_operations_agree_with_a_simple_model(void)
{
	tally_object *dict = must(tally_dict_new());
	struct model model = {.size = 0};
	uint64_t state = fixture_seed(0);
	const int64_t rounds = tap_scale(100000);
	for (int i = 0; i < MODEL_KEYS; i++) model.values[i] = -1;
	for (int64_t round = 0; round < rounds; round++) {
		change_both(dict, &model, &state, round);
		if (round % 1000 == 0) check_model(dict, &model);
	}
	check_model(dict, &model);
	tally_decref(dict);
}

// ---- threads ----

enum { THREADS = 4, WORDS = 50 };

static int64_t additions_each;

static tally_object *word(unsigned number)
{
	char name[16];
	snprintf(name, sizeof name, "word %u", number);
	return text(name);
}

static void add_to_words(void *dict, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < additions_each; i++) {
		tally_object *key = word(below(&state, WORDS));
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		tally_decref(key);
	}
}

static void additions_by_four_threads_sum_exactly(void)
{
	tally_object *dict = must(tally_dict_new()), *value;
	size_t position = 0;
	int64_t total = 0;
	additions_each = tap_scale(50000);
	run_threads(THREADS, add_to_words, dict);
	while (tally_dict_next(dict, &position, NULL, &value) == 1) total += take_value(value);
	CHECK_EQ(total, THREADS * additions_each);
	CHECK(size_of(dict) <= WORDS);
	tally_decref(dict);
}

// Adds, and holds the sum that somebody has reached for a while: it does not change under its holder.
static void add_and_hold(void *dict, unsigned number)
{
	tally_object *key = text("shared");
	int64_t last = 0;
	(void)number;
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_object *held = NULL;
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		if (!CHECK_EQ(tally_dict_get(dict, key, &held), 1)) break;
		int64_t value = value_of(held);
		CHECK(value > last);
		CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
		if (!CHECK_EQ(value_of(held), value)) break;
		tally_decref(held);
		last = value;
	}
	tally_decref(key);
}

static void additions_leave_the_ints_that_other_threads_hold(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("shared");
	CHECK_EQ(tally_dict_add(dict, key, 0, NULL), 0);
	run_threads(4, add_and_hold, dict);
	int64_t sum = 0;
	CHECK_EQ(tally_dict_add(dict, key, 0, &sum), 0);
	CHECK_EQ(sum, 4 * 2 * (int64_t)tap_scale(20000));
	tally_decref(dict);
	tally_decref(key);
}

static void set_own_keys(void *dict, unsigned number)
{
	for (int64_t i = 0; i < additions_each; i++) set_int(dict, i * THREADS + number, i);
}

static void all_keys_of_four_threads_arrive(void)
{
	tally_object *dict = must(tally_dict_new());
	additions_each = tap_scale(10000);
	run_threads(THREADS, set_own_keys, dict);
	CHECK_EQ(size_of(dict), THREADS * additions_each);
	for (int64_t i = 0; i < THREADS * additions_each; i++)
		if (!CHECK_EQ(int_at(dict, i), i / THREADS)) break;
	tally_decref(dict);
}

struct race {
	tally_object *dict, *winners[THREADS];
};

static void set_the_default(void *context, unsigned number)
{
	struct race *race = context;
	tally_object *mine = integer(number);
	race->winners[number] = tally_dict_setdefault(race->dict, tally_none(), mine);
	tally_decref(mine);
}

static void threads_that_race_for_a_default_all_get_the_same(void)
{
	for (unsigned round = 0; round < tap_scale(50u); round++) {
		struct race race = {.dict = must(tally_dict_new())};
		run_threads(THREADS, set_the_default, &race);
		for (int i = 0; i < THREADS; i++) {
			CHECK_PTR(race.winners[i], race.winners[0]);
			if (i) tally_decref(race.winners[i]);
		}
		tally_decref(race.winners[0]);
		tally_decref(race.dict);
	}
}

static void use_it_somehow(tally_object *dict, uint64_t *state)
{
	tally_object *key = word(below(state, WORDS)), *found = NULL;
	size_t position = below(state, 60);
	switch (below(state, 40)) {
	case 0: CHECK_EQ(tally_dict_clear(dict), 0); break;
	case 1:
	case 2: CHECK(tally_dict_contains(dict, key) >= 0); break;
	case 3:
	case 4:
	case 5:
	case 6: CHECK(tally_dict_next(dict, &position, &found, NULL) >= 0); break;
	case 7:
	case 8:
	case 9: found = tally_dict_setdefault(dict, key, key); break;
	default:
		if (below(state, 2)) CHECK_EQ(tally_dict_set(dict, key, key), 0);
		else if (below(state, 2)) CHECK(tally_dict_get(dict, key, &found) >= 0);
		else CHECK(tally_dict_pop(dict, key, below(state, 2) ? &found : NULL) >= 0);
	}
	if (found) {
		CHECK(tally_is_str(found));
		tally_decref(found);
	}
	tally_decref(key);
}

static void use_it_often(void *dict, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	for (int64_t i = 0; i < additions_each; i++) use_it_somehow(dict, &state);
}

static void any_mix_of_operations_by_four_threads_loses_and_invents_nothing(void)
{
	tally_object *dict = must(tally_dict_new()), *key, *value;
	size_t position = 0, seen = 0;
	additions_each = tap_scale(50000);
	run_threads(THREADS, use_it_often, dict);
	for (; tally_dict_next(dict, &position, &key, &value) == 1; seen++) {
		CHECK_EQ(tally_equal(key, value), 1);
		tally_decref(key);
		tally_decref(value);
	}
	CHECK_EQ(size_of(dict), seen);
	tally_decref(dict);
}

static void compare_often(void *dicts, unsigned number)
{
	tally_object **dict = dicts;
	for (int64_t i = 0; i < additions_each; i++) {
		if (number < 2) CHECK(tally_equal(dict[number], dict[1 - number]) >= 0);
		else set_int(dict[i % 2], i % 20, i % 3);
	}
}

// Two threads compare the same two dicts in opposite directions: locks taken two at a time would deadlock.
static void dicts_can_be_compared_both_ways_while_others_change_them(void)
{
	tally_object *dicts[] = {count_up(20), count_up(20)};
	additions_each = tap_scale(2000);
	run_threads(THREADS, compare_often, dicts);
	tally_decref(dicts[0]);
	tally_decref(dicts[1]);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_new_dict_is_empty);
	TAP_RUN(set_stores_a_reference_to_key_and_value);
	TAP_RUN(set_again_replaces_the_value_and_keeps_key_and_place);
	TAP_RUN(setdefault_stores_only_what_is_absent);
	TAP_RUN(add_counts_from_nothing);
	TAP_RUN(add_leaves_the_int_that_somebody_holds_as_it_is);
	TAP_RUN(pop_hands_over_the_value_of_the_dict);
	TAP_RUN(clear_leaves_an_empty_dict_that_can_be_used_again);
	TAP_RUN(next_gives_new_references_or_none_at_all);
	TAP_RUN(keys_come_in_the_order_of_their_insertion);
	TAP_RUN(every_key_can_be_popped_while_iterating);
	TAP_RUN(order_survives_tombstones_and_new_tables);
	TAP_RUN(keys_are_found_in_dicts_of_every_width);
	TAP_RUN(every_size_to_a_thousand_can_be_filled_and_emptied);
	TAP_RUN(a_table_has_room_for_at_most_twice_its_keys);
	TAP_RUN(a_few_keys_that_come_and_go_do_not_make_a_dict_grow);
	TAP_RUN(a_dict_that_was_emptied_by_pops_gives_its_table_back);
	TAP_RUN(an_unhashable_key_is_refused_by_name);
	TAP_RUN(null_keys_and_values_are_refused);
	TAP_RUN(add_refuses_what_is_no_int_and_what_does_not_fit);
	TAP_RUN(what_is_no_dict_says_so);
	TAP_RUN(dicts_are_equal_by_their_entries_in_any_order);
	TAP_RUN(keys_and_values_die_in_the_order_of_insertion);
	TAP_RUN(cleared_keys_and_values_die_in_the_order_of_insertion);
	TAP_RUN(a_destructor_may_use_the_dict_that_dropped_it);
	TAP_RUN(random_operations_agree_with_a_simple_model);
	TAP_RUN(additions_by_four_threads_sum_exactly);
	TAP_RUN(additions_leave_the_ints_that_other_threads_hold);
	TAP_RUN(all_keys_of_four_threads_arrive);
	TAP_RUN(threads_that_race_for_a_default_all_get_the_same);
	TAP_RUN(any_mix_of_operations_by_four_threads_loses_and_invents_nothing);
	TAP_RUN(dicts_can_be_compared_both_ways_while_others_change_them);
	return tap_end();
}
