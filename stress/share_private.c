// stress/share_private.c: the benchmark of sharing on Tally: the rows in which each thread works on objects of its own, one
// row for each call of the library that programs make in loops. See stress/share.c.
//
// They show what the absence of a global lock costs a program that shares nothing: the same loops, linked with `gil` and with
// `biased`. An operation is one call and the drop of what it gave, unless its row in docs/share.md says otherwise.
#include "share_tally.h"

enum { FEW = 10, SOME = 100 }; // sizes of short lists and of what is extended by; both divide ITEMS

#define EACH_GROUP(i, size)                                                                                            \
	for (size_t group = 0; group < operations; group += (size))                                                    \
		for (size_t i = 0; i < (size); i++)

// ---- making and dropping ----

static void count(const struct lane *lane, size_t operations)
{
	tally_object *object = lane->place->items[0];
	for (size_t i = 0; i < operations; i++)
		tally_decref(tally_incref(object));
}

static void new_float(const struct lane *lane, size_t operations)
{
	(void)lane;
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_float_new(0.5)));
}

static void new_int(const struct lane *lane, size_t operations)
{
	(void)lane;
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_int_new((int64_t)(FIRST_INT + i))));
}

static void new_str(const struct lane *lane, size_t operations)
{
	(void)lane;
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_str_new("key-00007", 9)));
}

static void new_tuple(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_tuple_new(lane->place->items, 2)));
}

static void new_list(const struct lane *lane, size_t operations)
{
	(void)lane;
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_list_new()));
}

static void new_list_from(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_list_from(lane->place->items, FEW)));
}

static void new_dict(const struct lane *lane, size_t operations)
{
	(void)lane;
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_dict_new()));
}

static void new_set(const struct lane *lane, size_t operations)
{
	(void)lane;
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_set_new(NULL)));
}

static void make_one_slot(struct place *place) { place->type = make_class("OneSlot", 1); }
static void make_table(struct place *place) { place->type = make_class("Table", 0); }
static void drop_type(struct place *place) { tally_decref(place->type); }

static void new_instance(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_call(lane->place->type, NULL, 0)));
}

// ---- lists ----

static void prepare_list(struct place *place)
{
	make_items(place);
	make_list(place);
}

static void prepare_immortal_list(struct place *place)
{
	make_immortal_items(place);
	make_list(place);
}

static void prepare_few(struct place *place)
{
	make_items(place);
	place->object = need(tally_list_from(place->items, FEW));
}

static void prepare_empty_list(struct place *place)
{
	make_items(place);
	place->object = need(tally_list_new());
}

static void finish_object(struct place *place)
{
	drop_object(place);
	drop_items(place);
}

static void list_append(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	{
		check(tally_list_append(lane->place->object, lane->place->items[i]));
		if (i == ITEMS - 1) check(tally_list_clear(lane->place->object));
	}
}

static void list_get(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) tally_decref(need(tally_list_get(lane->place->object, (ptrdiff_t)i)));
}

static void list_set(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	check(tally_list_set(lane->place->object, (ptrdiff_t)i, lane->place->items[ITEMS - 1 - i]));
}

// Every element is popped and appended once more.
static void list_pop(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		tally_object *popped = need(tally_list_pop(lane->place->object, -1));
		check(tally_list_append(lane->place->object, lane->place->items[0]));
		tally_decref(popped);
	}
}

static void list_insert(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		check(tally_list_insert(lane->place->object, FEW / 2, lane->place->items[0]));
		tally_decref(need(tally_list_pop(lane->place->object, FEW / 2)));
	}
}

static void list_extend(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, SOME)
	{
		check(tally_list_extend(lane->place->object, lane->place->items, FEW));
		if (i == SOME - 1) check(tally_list_clear(lane->place->object));
	}
}

static void list_size(const struct lane *lane, size_t operations)
{
	size_t size;
	for (size_t i = 0; i < operations; i++)
		check(tally_list_size(lane->place->object, &size));
}

static void list_iterate(const struct lane *lane, size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		tally_object *iterator = need(tally_iter(lane->place->object)), *item;
		while (tally_next(iterator, &item) == 1)
			tally_decref(item);
		tally_decref(iterator);
	}
}

static void list_contains(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		check(tally_list_contains(lane->place->object, lane->place->items[FEW - 1]));
}

static void list_slice(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_list_slice(lane->place->object, 0, TALLY_SLICE_NONE, 1)));
}

// ---- dicts ----

static void prepare_equal(struct place *place)
{
	make_items(place);
	make_equal_keys(place);
	make_dict(place);
}

static void prepare_immortal_values(struct place *place)
{
	make_immortal_items(place);
	make_equal_keys(place);
	make_dict(place);
}

static void prepare_same(struct place *place)
{
	make_items(place);
	make_same_keys(place);
	make_dict(place);
}

static void prepare_ints(struct place *place)
{
	make_items(place);
	make_int_keys(place);
	make_dict(place);
}

// Empty: keys are inserted, or values made that are ints, to be added to.
static void prepare_empty_dict(struct place *place)
{
	prepare_equal(place);
	check(tally_dict_clear(place->object));
}

static void finish_keyed(struct place *place)
{
	drop_keys(place);
	finish_object(place);
}

static void dict_get(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) take_value(lane->place, lane->place->lookups[i]);
}

static void dict_set(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_dict_set(lane->place->object, lane->place->lookups[i], lane->place->items[i]));
}

static void dict_insert(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	{
		check(tally_dict_set(lane->place->object, lane->place->lookups[i], lane->place->items[i]));
		if (i == ITEMS - 1) check(tally_dict_clear(lane->place->object));
	}
}

static void dict_contains(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_dict_contains(lane->place->object, lane->place->lookups[i]));
}

static void dict_add(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_dict_add(lane->place->object, lane->place->lookups[i], 1, NULL));
}

static void dict_setdefault(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	tally_decref(need(tally_dict_setdefault(lane->place->object, lane->place->lookups[i], lane->place->items[i])));
}

// Every key is removed, and set once more.
static void dict_pop(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	{
		tally_object *value;
		if (tally_dict_pop(lane->place->object, lane->place->lookups[i], &value) != 1)
			fail("a key is not found");
		check(tally_dict_set(lane->place->object, lane->place->keys[shuffled(i)], value));
		tally_decref(value);
	}
}

static void dict_next(const struct lane *lane, size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		tally_object *key, *value;
		size_t position = 0;
		while (tally_dict_next(lane->place->object, &position, &key, &value) == 1) {
			tally_decref(key);
			tally_decref(value);
		}
	}
}

static void dict_size(const struct lane *lane, size_t operations)
{
	size_t size;
	for (size_t i = 0; i < operations; i++)
		check(tally_dict_size(lane->place->object, &size));
}

// ---- sets ----

static void prepare_set(struct place *place)
{
	make_items(place);
	make_equal_keys(place);
	place->object = need(tally_set_new(NULL));
	for (size_t i = 0; i < ITEMS; i++)
		check(tally_set_add(place->object, place->keys[i]));
}

static void set_add(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_set_add(lane->place->object, lane->place->lookups[i]));
}

static void set_insert(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	{
		check(tally_set_add(lane->place->object, lane->place->lookups[i]));
		if (i == ITEMS - 1) check(tally_set_clear(lane->place->object));
	}
}

static void set_contains(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_set_contains(lane->place->object, lane->place->lookups[i]));
}

// Every element is removed, and added once more.
static void set_discard(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	{
		if (tally_set_discard(lane->place->object, lane->place->lookups[i]) != 1)
			fail("an element is not found");
		check(tally_set_add(lane->place->object, lane->place->keys[shuffled(i)]));
	}
}

// ---- attributes, cells, tuples ----

static void attr_get(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) take_attribute(lane->place, lane->place->lookups[i]);
}

static void attr_set(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_attr_set(lane->place->object, lane->place->lookups[i], lane->place->items[i]));
}

static tally_object *return_argument(void *context, tally_object *const *captured, tally_object *const *arguments,
                                     size_t size)
{
	return (void)context, (void)captured, tally_incref(arguments[size - 1]);
}

static void prepare_method(struct place *place)
{
	tally_function_spec spec = {
		.size = sizeof spec, .name = "method", .call = return_argument, .least = 2, .most = 2};
	make_table_instance(place);
	tally_object *function = need(tally_function_new(&spec)), *name = need(tally_str_from("method"));
	check(tally_attr_set(place->type, name, function));
	tally_decref(function);
	tally_decref(place->name);
	place->name = need(tally_str_intern(name));
	tally_decref(name);
}

static void attr_call(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	tally_decref(need(tally_attr_call(lane->place->object, lane->place->name, &lane->place->items[i], 1)));
}

static void prepare_cell(struct place *place)
{
	make_items(place);
	place->object = need(tally_cell_new(place->items[0]));
}

static void cell_get(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		tally_object *value;
		if (tally_cell_get(lane->place->object, &value) != 1) fail("a cell is empty");
		tally_decref(value);
	}
}

static void cell_set(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_cell_set(lane->place->object, lane->place->items[i]));
}

static void prepare_tuple(struct place *place)
{
	make_items(place);
	place->object = need(tally_tuple_new(place->items, ITEMS));
}

static void tuple_get(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) tally_decref(need(tally_tuple_get(lane->place->object, (ptrdiff_t)i)));
}

// ---- strs ----

static void prepare_texts(struct place *place) { make_equal_keys(place); }

static void str_equal(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS)
	{
		if (tally_equal(lane->place->lookups[i], lane->place->keys[shuffled(i)]) != 1)
			fail("equal texts are not");
	}
}

static void str_concat(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) tally_decref(need(tally_str_concat(lane->place->keys[i], lane->place->lookups[i])));
}

static void str_contains(const struct lane *lane, size_t operations)
{
	EACH_GROUP(i, ITEMS) check(tally_str_contains(lane->place->lookups[i], lane->place->keys[i]));
}

const struct row private_rows[] = {
	{"incref-decref", PRIVATE, make_items, count, drop_items},
	{"incref-decref-immortal", PRIVATE, make_immortal_items, count, drop_items},
	{"new-float", PRIVATE, NULL, new_float, NULL},
	{"new-int", PRIVATE, NULL, new_int, NULL},
	{"new-str", PRIVATE, NULL, new_str, NULL},
	{"new-tuple", PRIVATE, make_items, new_tuple, drop_items},
	{"new-list", PRIVATE, NULL, new_list, NULL},
	{"new-list-from", PRIVATE, make_items, new_list_from, drop_items},
	{"new-dict", PRIVATE, NULL, new_dict, NULL},
	{"new-set", PRIVATE, NULL, new_set, NULL},
	{"new-slot", PRIVATE, make_one_slot, new_instance, drop_type},
	{"new-table", PRIVATE, make_table, new_instance, drop_type},
	{"list-append", PRIVATE, prepare_empty_list, list_append, finish_object},
	{"list-get", PRIVATE, prepare_list, list_get, finish_object},
	{"list-get-immortal", PRIVATE, prepare_immortal_list, list_get, finish_object},
	{"list-set", PRIVATE, prepare_list, list_set, finish_object},
	{"list-pop", PRIVATE, prepare_list, list_pop, finish_object},
	{"list-insert", PRIVATE, prepare_few, list_insert, finish_object},
	{"list-extend", PRIVATE, prepare_empty_list, list_extend, finish_object},
	{"list-size", PRIVATE, prepare_list, list_size, finish_object},
	{"list-iterate", PRIVATE, prepare_list, list_iterate, finish_object},
	{"list-contains", PRIVATE, prepare_few, list_contains, finish_object},
	{"list-slice", PRIVATE, prepare_few, list_slice, finish_object},
	{"dict-get", PRIVATE, prepare_equal, dict_get, finish_keyed},
	{"dict-get-same", PRIVATE, prepare_same, dict_get, finish_keyed},
	{"dict-get-immortal", PRIVATE, prepare_immortal_values, dict_get, finish_keyed},
	{"dict-get-int", PRIVATE, prepare_ints, dict_get, finish_keyed},
	{"dict-set", PRIVATE, prepare_equal, dict_set, finish_keyed},
	{"dict-set-same", PRIVATE, prepare_same, dict_set, finish_keyed},
	{"dict-set-int", PRIVATE, prepare_ints, dict_set, finish_keyed},
	{"dict-insert", PRIVATE, prepare_empty_dict, dict_insert, finish_keyed},
	{"dict-contains", PRIVATE, prepare_equal, dict_contains, finish_keyed},
	{"dict-add", PRIVATE, prepare_empty_dict, dict_add, finish_keyed},
	{"dict-setdefault", PRIVATE, prepare_equal, dict_setdefault, finish_keyed},
	{"dict-pop", PRIVATE, prepare_equal, dict_pop, finish_keyed},
	{"dict-next", PRIVATE, prepare_equal, dict_next, finish_keyed},
	{"dict-size", PRIVATE, prepare_equal, dict_size, finish_keyed},
	{"set-add", PRIVATE, prepare_set, set_add, finish_keyed},
	{"set-insert", PRIVATE, prepare_set, set_insert, finish_keyed},
	{"set-contains", PRIVATE, prepare_set, set_contains, finish_keyed},
	{"set-discard", PRIVATE, prepare_set, set_discard, finish_keyed},
	{"attr-get-slots", PRIVATE, make_slots_instance, attr_get, drop_instance},
	{"attr-get-table", PRIVATE, make_table_instance, attr_get, drop_instance},
	{"attr-set-slots", PRIVATE, make_slots_instance, attr_set, drop_instance},
	{"attr-set-table", PRIVATE, make_table_instance, attr_set, drop_instance},
	{"attr-call", PRIVATE, prepare_method, attr_call, drop_instance},
	{"cell-get", PRIVATE, prepare_cell, cell_get, finish_object},
	{"cell-set", PRIVATE, prepare_cell, cell_set, finish_object},
	{"tuple-get", PRIVATE, prepare_tuple, tuple_get, finish_object},
	{"str-equal", PRIVATE, prepare_texts, str_equal, drop_keys},
	{"str-concat", PRIVATE, prepare_texts, str_concat, drop_keys},
	{"str-contains", PRIVATE, prepare_texts, str_contains, drop_keys},
};

const size_t private_row_count = sizeof private_rows / sizeof private_rows[0];
