// tests/dict.c: dicts: each operation by itself, order, tombstones, growth, copies and lists, errors, equality, deaths. Against a
// model, and with several threads: dict_random.c. Keys whose equality is the host's: dict_keys.c.
#include "callables.h"
#include "dicts.h"

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
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *value = counted(1), *found = NULL;
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
	tally_object *dict = must(tally_dict_new()), *key = counted(1), *same_key = must(tally_float_new(COUNTED + 1));
	for (int64_t i = COUNTED; i < COUNTED + 3; i++) set_int(dict, i, i);
	CHECK_EQ(tally_dict_set(dict, key, first), 0);
	tally_decref(first);
	CHECK_EQ(tally_dict_set(dict, same_key, second), 0);
	check_died_in_order(1);
	CHECK_EQ(tally_refcount(second), 2);
	CHECK_EQ(tally_refcount(key), 1);
	CHECK_EQ(tally_refcount(same_key), 1);
	CHECK_KEYS(dict, COUNTED, COUNTED + 1, COUNTED + 2);
	tally_decref(dict);
	tally_decref(second);
	tally_decref(key);
	tally_decref(same_key);
}

static void setdefault_stores_only_what_is_absent(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *first = counted(1), *second = counted(2);
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
	tally_object *dict = count_up(300), *key = integer(200), *held = NULL;
	CHECK_EQ(tally_dict_get(dict, key, &held), 1);
	CHECK_EQ(tally_dict_add(dict, key, 1, NULL), 0);
	CHECK_EQ(value_of(held), 2000);
	CHECK_EQ(tally_refcount(held), 1);
	CHECK_EQ(int_at(dict, 200), 2001);
	tally_decref(held);
	tally_decref(key);
	tally_decref(dict);
}

// Of the ints from -5 to 256 there is one object each, whatever a sum comes from.
static void add_stores_the_one_object_of_a_small_sum(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *held = NULL;
	for (int64_t sum = -8; sum < 260; sum++) {
		CHECK_EQ(tally_dict_add(dict, key, sum == -8 ? -8 : 1, NULL), 0);
		CHECK_EQ(tally_dict_get(dict, key, &held), 1);
		CHECK_EQ(value_of(held), sum);
		if (sum >= -5 && sum <= 256)
			CHECK_PTR(held, tally_int_new(sum));
		else
			CHECK_EQ(tally_refcount(held), 2);
		tally_decref(held);
	}
	CHECK_EQ(tally_dict_add(dict, key, -200, NULL), 0);
	CHECK_EQ(tally_dict_get(dict, key, &held), 1);
	CHECK_PTR(held, tally_int_new(59));
	CHECK_EQ(value_of(held), 59);
	tally_decref(dict);
	tally_decref(key);
}

static void pop_hands_over_the_value_of_the_dict(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *value = counted(1), *popped = NULL;
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(tally_dict_pop(dict, key, &popped), 1);
	CHECK_PTR(popped, value);
	CHECK_EQ(tally_refcount(value), 2);
	fixture_settle();
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
	tally_object *dict = must(tally_dict_new()), *key = NULL, *value = NULL;
	size_t position = 0;
	set_int(dict, COUNTED, COUNTED);
	CHECK_EQ(tally_dict_next(dict, &position, &key, &value), 1);
	CHECK_EQ(tally_refcount(key), 2);
	CHECK_EQ(tally_refcount(value), 2);
	CHECK_EQ(take_counted(key), 0);
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
	fixture_settle();
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
		fixture_settle();
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

// ---- the last entry ----

static void popitem_takes_the_entry_that_was_inserted_last(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("key"), *value = counted(1), *popped_key = NULL,
		     *popped = NULL;
	set_int(dict, 5, 50);
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(tally_dict_popitem(dict, &popped_key, &popped), 1);
	CHECK_PTR(popped_key, key);
	CHECK_PTR(popped, value);
	fixture_settle();
	CHECK_EQ(tally_refcount(key), 2);
	CHECK_EQ(tally_refcount(value), 2);
	CHECK_KEYS(dict, 5);
	CHECK_EQ(tally_dict_popitem(dict, NULL, NULL), 1);
	CHECK_EQ(tally_dict_popitem(dict, &popped_key, &popped), 0);
	CHECK(!popped_key && !popped);
	CHECK_NO_ERROR();
	tally_object *all[] = {dict, key, key, value, value};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static int64_t pop_last(tally_object *dict)
{
	tally_object *key = NULL;
	int removed = tally_dict_popitem(dict, &key, NULL);
	CHECK_EQ(removed, key != NULL);
	return take_value(key);
}

static void popitem_passes_what_was_removed_before(void)
{
	tally_object *dict = count_up(100);
	for (int64_t i = 20; i < 90; i++) CHECK_EQ(pop_int(dict, i), 1);
	for (int64_t i = 99; i >= 90; i--) CHECK_EQ(pop_last(dict), i);
	CHECK_EQ(pop_last(dict), 19);
	set_int(dict, 1000, 0);
	CHECK_EQ(pop_last(dict), 1000);
	for (int64_t i = 18; i >= 0; i--) CHECK_EQ(pop_last(dict), i);
	CHECK_EQ(pop_last(dict), INT64_MIN);
	set_int(dict, 7, 0);
	CHECK_EQ(pop_last(dict), 7);
	tally_decref(dict);
}

// With a walk over all tombstones for each entry this would take minutes.
static void a_large_dict_is_emptied_from_its_end_in_no_time(void)
{
	tally_object *dict = count_up(300000);
	for (int64_t i = 300000; i > 0; i--)
		if (pop_last(dict) != i - 1) CHECK(false);
	CHECK_EQ(size_of(dict), 0);
	CHECK(live_bytes() < 20000);
	tally_decref(dict);
}

// ---- all at once ----

static void a_copy_has_the_same_entries_and_a_life_of_its_own(void)
{
	tally_object *dict = count_up(40), *key = text("key"), *value = counted(1);
	for (int64_t i = 3; i < 40; i++) CHECK_EQ(pop_int(dict, i), 1);
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	tally_object *copy = must(tally_dict_copy(dict));
	CHECK_EQ(tally_refcount(key), 3);
	CHECK_EQ(tally_refcount(value), 3);
	CHECK_EQ(tally_equal(dict, copy), 1);
	CHECK_EQ(tally_dict_pop(copy, key, NULL), 1);
	CHECK_KEYS(copy, 0, 1, 2);
	set_int(copy, 9, 9);
	CHECK_EQ(int_at(dict, 9), INT64_MIN);
	CHECK_EQ(tally_dict_contains(dict, key), 1);
	tally_object *all[] = {dict, copy, key, value};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void copies_and_lists_of_every_size_are_complete(void)
{
	tally_object *dict = must(tally_dict_new());
	for (int64_t size = 0; size < 300; size++) {
		tally_object *copy = must(tally_dict_copy(dict)), *keys = must(tally_dict_keys(dict));
		size_t length = 77;
		CHECK_EQ(tally_equal(dict, copy), 1);
		CHECK_EQ(tally_list_size(keys, &length), 0);
		CHECK_EQ(length, size);
		for (int64_t i = 0; i < size; i++)
			if (take_value(tally_list_get(keys, i)) != i) CHECK(false);
		tally_decref(copy);
		tally_decref(keys);
		set_int(dict, size, size);
	}
	tally_decref(dict);
}

static void keys_values_and_items_are_lists_in_the_order_of_insertion(void)
{
	tally_object *dict = must(tally_dict_new()), *removed = text("removed");
	CHECK_EQ(tally_dict_set(dict, removed, removed), 0);
	set_int(dict, COUNTED, COUNTED + 10);
	set_int(dict, 2, 20);
	CHECK_EQ(tally_dict_pop(dict, removed, NULL), 1);
	tally_object *keys = must(tally_dict_keys(dict)), *values = must(tally_dict_values(dict)),
		     *items = must(tally_dict_items(dict));
	CHECK_SHOWS(keys, "[1000000, 2]");
	CHECK_SHOWS(values, "[1000010, 20]");
	CHECK_SHOWS(items, "[(1000000, 1000010), (2, 20)]");
	tally_object *key = must(tally_list_get(keys, 0));
	CHECK_EQ(tally_refcount(key), 4); // the dict's, in both lists, and this one
	tally_decref(key);
	tally_object *all[] = {keys, values, items, dict, removed};
	for (int i = 0; i < 3; i++) { // they are lists like any other
		CHECK_EQ(tally_list_append(all[i], all[i]), 0);
		CHECK_EQ(tally_list_clear(all[i]), 0);
	}
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static void lists_of_an_empty_dict_are_empty(void)
{
	tally_object *dict = must(tally_dict_new());
	tally_object *(*const makers[])(tally_object *) = {tally_dict_keys, tally_dict_values, tally_dict_items,
	                                                   tally_dict_copy};
	for (int i = 0; i < 4; i++) {
		tally_object *made = must(makers[i](dict));
		CHECK_SHOWS(made, i < 3 ? "[]" : "{}");
		if (i < 3) CHECK_EQ(tally_list_append(made, dict), 0);
		tally_decref(made);
	}
	tally_decref(dict);
}

static void update_sets_every_key_and_keeps_the_places_of_those_that_were_there(void)
{
	tally_object *dict = count_up(4), *from = must(tally_dict_new());
	set_int(from, 9, 1);
	set_int(from, 2, 2);
	set_int(from, 8, 3);
	CHECK_EQ(pop_int(from, 8), 1);
	CHECK_EQ(tally_dict_update(dict, from), 0);
	CHECK_KEYS(dict, 0, 1, 2, 3, 9);
	CHECK_EQ(int_at(dict, 2), 2);
	CHECK_EQ(int_at(dict, 9), 1);
	CHECK_KEYS(from, 9, 2);
	CHECK_EQ(tally_dict_update(from, from), 0);
	CHECK_KEYS(from, 9, 2);
	CHECK_EQ(tally_dict_clear(from), 0);
	CHECK_EQ(tally_dict_update(dict, from), 0);
	CHECK_EQ(tally_dict_update(from, dict), 0);
	CHECK_EQ(tally_equal(from, dict), 1);
	tally_decref(from);
	tally_decref(dict);
}

// ---- text and size ----

static void a_dict_is_shown_as_python_shows_it(void)
{
	tally_object *dict = must(tally_dict_new()), *key = text("it's"), *list = must(tally_list_new());
	CHECK_SHOWS(dict, "{}");
	set_int(dict, 1, 10);
	CHECK_SHOWS(dict, "{1: 10}");
	CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
	CHECK_EQ(tally_list_append(list, dict), 0);
	CHECK_EQ(tally_dict_set(dict, tally_bool(false), list), 0);
	CHECK_SHOWS(dict, "{1: 10, \"it's\": None, False: [{...}]}");
	CHECK_SHOWS(list, "[{1: 10, \"it's\": None, False: [...]}]");
	CHECK_EQ(tally_dict_clear(dict), 0);
	tally_object *all[] = {dict, key, list};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void a_dict_that_nests_too_deep_cannot_be_shown_or_compared(void)
{
	tally_object *a = count_up(1), *b = count_up(1);
	for (int i = 0; i < 1000; i++) {
		tally_object *outer_a = must(tally_dict_new()), *outer_b = must(tally_dict_new()), *key = integer(0);
		CHECK_EQ(tally_dict_set(outer_a, key, a), 0);
		CHECK_EQ(tally_dict_set(outer_b, key, b), 0);
		tally_object *former[] = {a, b, key};
		for (int k = 0; k < 3; k++) tally_decref(former[k]);
		a = outer_a;
		b = outer_b;
	}
	CHECK(!tally_repr(a));
	CHECK_ERROR(TALLY_ERROR_DEPTH, "repr: nested deeper than 1000 levels");
	CHECK_EQ(tally_equal(a, b), -1);
	CHECK_ERROR(TALLY_ERROR_DEPTH, "equal: nested deeper than 1000 levels");
	tally_decref(a);
	tally_decref(b);
}

static void the_size_of_a_dict_counts_its_table(void)
{
	tally_object *dict = must(tally_dict_new());
	size_t empty = 0, filled = 0;
	CHECK_EQ(tally_sizeof(dict, &empty), 0);
	CHECK_EQ(empty, 32);
	for (int64_t i = 0; i < 100; i++) set_int(dict, i, 0);
	CHECK_EQ(tally_sizeof(dict, &filled), 0);
	CHECK(filled >= 32 + 128 * 26 && filled < 32 + 128 * 26 * 5 / 4);
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
	out = item;
	CHECK_EQ(tally_dict_popitem(list, &out, &out), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_popitem: expected a dict, got a 'list'");
	CHECK(!out);
	CHECK_EQ(tally_dict_update(list, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_update: expected a dict, got a 'list'");
	CHECK(!tally_dict_copy(list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_copy: expected a dict, got a 'list'");
	CHECK(!tally_dict_keys(NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_keys: expected a dict, got NULL");
	CHECK(!tally_dict_values(list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_values: expected a dict, got a 'list'");
	CHECK(!tally_dict_items(list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_items: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_next(list, &size, NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_next: expected a dict, got a 'list'");
	CHECK_EQ(size, 99);
	tally_decref(list);
}

static void update_takes_from_dicts_only(void)
{
	tally_object *dict = count_up(2), *list = must(tally_list_new());
	CHECK_EQ(tally_dict_update(dict, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_update: expected a dict, got a 'list'");
	CHECK_EQ(tally_dict_update(dict, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "dict_update: expected a dict, got NULL");
	CHECK_KEYS(dict, 0, 1);
	tally_decref(dict);
	tally_decref(list);
}

static void use_unattached(void)
{
	tally_object *out;
	CHECK_EQ(tally_dict_popitem(NULL, &out, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "dict_popitem: the thread is not attached");
	CHECK_EQ(tally_dict_update(NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "dict_update: the thread is not attached");
	CHECK(!tally_dict_copy(NULL) && !tally_dict_keys(NULL) && !tally_dict_values(NULL) && !tally_dict_items(NULL));
	CHECK_ERROR(TALLY_ERROR_THREAD, "dict_items: the thread is not attached");
}

static void a_thread_that_is_not_attached_is_refused(void) { run_unattached(use_unattached); }

// ---- without memory ----

static tally_object *many; // a dict of 100 entries

static bool make(tally_object *(*maker)(tally_object *), const char *shown)
{
	tally_object *made = maker(many);
	if (!made) return false;
	if (shown) CHECK_SHOWS(made, shown);
	tally_decref(made);
	return true;
}

static bool copy_many(void) { return make(tally_dict_copy, NULL); }
static bool list_keys(void) { return make(tally_dict_keys, NULL); }
static bool list_values(void) { return make(tally_dict_values, NULL); }
static bool list_items(void) { return make(tally_dict_items, NULL); }

// The keys before the one that failed have been set: this one fills what it needs first.
static bool update_nothing_new(void)
{
	tally_object *dict = tally_dict_copy(many);
	bool done = dict && tally_dict_update(dict, many) == 0;
	tally_decref(dict);
	return done;
}

static void what_finds_no_memory_is_not_made_and_nothing_is_lost(void)
{
	many = count_up(100);
	for (int64_t i = 0; i < 30; i++) CHECK_EQ(pop_int(many, i * 3), 1);
	fail_each_allocation(copy_many, "dict_copy");
	fail_each_allocation(list_keys, "dict_keys");
	fail_each_allocation(list_values, "dict_values");
	fail_each_allocation(list_items, "dict_items");
	fail_each_allocation(update_nothing_new, "dict_copy");
	CHECK_EQ(size_of(many), 70);
	tally_decref(many);
}

static void an_update_that_finds_no_memory_has_set_the_keys_before(void)
{
	tally_object *dict = must(tally_dict_new()), *from = count_up(100);
	if (!faults_are_offered()) {
		tally_decref(dict);
		tally_decref(from);
		return;
	}
	while (size_of(dict) < 100) {
		CHECK_EQ(tally_heap_fail(1, true), 0);
		int status = tally_dict_update(dict, from);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		size_t set = size_of(dict);
		CHECK_EQ(status, set < 100 ? -1 : 0);
		if (status) CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		for (size_t i = 0; i < set; i++) CHECK_EQ(int_at(dict, (int64_t)i), (int64_t)i * 10);
		set_int(dict, (int64_t)set, (int64_t)set * 10); // makes room
	}
	tally_decref(dict);
	tally_decref(from);
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

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_new_dict_is_empty);
	TAP_RUN(set_stores_a_reference_to_key_and_value);
	TAP_RUN(set_again_replaces_the_value_and_keeps_key_and_place);
	TAP_RUN(setdefault_stores_only_what_is_absent);
	TAP_RUN(add_counts_from_nothing);
	TAP_RUN(add_leaves_the_int_that_somebody_holds_as_it_is);
	TAP_RUN(add_stores_the_one_object_of_a_small_sum);
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
	TAP_RUN(popitem_takes_the_entry_that_was_inserted_last);
	TAP_RUN(popitem_passes_what_was_removed_before);
	TAP_RUN(a_large_dict_is_emptied_from_its_end_in_no_time);
	TAP_RUN(a_copy_has_the_same_entries_and_a_life_of_its_own);
	TAP_RUN(copies_and_lists_of_every_size_are_complete);
	TAP_RUN(keys_values_and_items_are_lists_in_the_order_of_insertion);
	TAP_RUN(lists_of_an_empty_dict_are_empty);
	TAP_RUN(update_sets_every_key_and_keeps_the_places_of_those_that_were_there);
	TAP_RUN(a_dict_is_shown_as_python_shows_it);
	TAP_RUN(a_dict_that_nests_too_deep_cannot_be_shown_or_compared);
	TAP_RUN(the_size_of_a_dict_counts_its_table);
	TAP_RUN(an_unhashable_key_is_refused_by_name);
	TAP_RUN(null_keys_and_values_are_refused);
	TAP_RUN(add_refuses_what_is_no_int_and_what_does_not_fit);
	TAP_RUN(what_is_no_dict_says_so);
	TAP_RUN(update_takes_from_dicts_only);
	TAP_RUN(a_thread_that_is_not_attached_is_refused);
	TAP_RUN(what_finds_no_memory_is_not_made_and_nothing_is_lost);
	TAP_RUN(an_update_that_finds_no_memory_has_set_the_keys_before);
	TAP_RUN(dicts_are_equal_by_their_entries_in_any_order);
	TAP_RUN(keys_and_values_die_in_the_order_of_insertion);
	TAP_RUN(cleared_keys_and_values_die_in_the_order_of_insertion);
	TAP_RUN(a_destructor_may_use_the_dict_that_dropped_it);
	return tap_end();
}
