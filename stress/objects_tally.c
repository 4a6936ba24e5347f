// stress/objects_tally.c: the rows of the benchmark of the object model, on Tally: see stress/objects.c.
//
// Linked with each build. Each loop stands beside one of the same name in stress/objects_python.c. Results are checked as a
// host would check them. Automatic collection is on, as it is unless asked otherwise.
#include "objects.h"

#include <stdio.h>

#include <tally/tally.h>
#include <tally/gc.h>
#include <tally/heap.h>

static const uint64_t fini_timeout_ns = UINT64_C(10000000000);

static tally_token token;
static tally_object *items[ITEMS];   // floats, each with a count of its own
static tally_object *keys[ITEMS];    // in the dict
static tally_object *lookups[ITEMS]; // equal to them, in another order
static tally_object *list, *dict;

static tally_object *need(tally_object *object)
{
	if (!object) fail(tally_error_message());
	return object;
}

static void check(int result)
{
	if (result < 0) fail(tally_error_message());
}

static void give_up(tally_object **objects, size_t count)
{
	while (count > 0) tally_decref(objects[--count]);
}

// ---- the life of the runtime ----

void side_start(void)
{
	check(tally_init(&(tally_config){.size = sizeof(tally_config), .hash_seed = HASH_SEED}));
	check(tally_thread_attach(&token));
	for (size_t i = 0; i < ITEMS; i++) items[i] = need(tally_float_new((double)i));
}

static tally_heap_stats heap_now(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	check(tally_heap_stats_get(&stats));
	return stats;
}

void side_stop(void)
{
	uint64_t leaked = 0;
	give_up(items, ITEMS);
	// Classes die in a full collection, and the interned names of their attributes in the next.
	for (int i = 0; i < 2; i++) check(tally_gc_collect(2) < 0 ? -1 : 0);
	if (heap_now().live_objects) fail("objects are alive at the end");
	check(tally_thread_detach(token));
	check(tally_fini(fini_timeout_ns, &leaked));
	if (leaked) fail("objects have leaked");
}

// ---- allocate and drop ----

static void new_tuple(size_t operations)
{
	for (size_t i = 0; i < operations; i++) tally_decref(need(tally_tuple_new(items, 2)));
}

static void new_list(size_t operations)
{
	for (size_t i = 0; i < operations; i++) tally_decref(need(tally_list_new()));
}

static void new_float(size_t operations)
{
	for (size_t i = 0; i < operations; i++) tally_decref(need(tally_float_new(0.5)));
}

static void new_dict(size_t operations)
{
	for (size_t i = 0; i < operations; i++) tally_decref(need(tally_dict_new()));
}

static void new_lists(size_t operations)
{
	tally_object *alive[ITEMS];
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) alive[i] = need(tally_list_new());
		for (size_t i = 0; i < ITEMS; i++) tally_decref(alive[i]);
	}
}

// ---- lists ----

static void make_empty_list(void) { list = need(tally_list_new()); }
static void make_list(void) { list = need(tally_list_from(items, ITEMS)); }
static void drop_list(void) { tally_decref(list); }

static void list_append(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(tally_list_append(list, items[i]));
		check(tally_list_clear(list));
	}
}

static void list_get(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) tally_decref(need(tally_list_get(list, (ptrdiff_t)i)));
	}
}

static void list_set(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(tally_list_set(list, (ptrdiff_t)i, items[ITEMS - 1 - i]));
	}
}

static void list_extend(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i += PORTION) check(tally_list_extend(list, items + i, PORTION));
		check(tally_list_clear(list));
	}
}

static void list_build(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i += PORTION) tally_decref(need(tally_list_from(items + i, PORTION)));
	}
}

// ---- dicts ----

static tally_object *make_text(size_t i)
{
	char text[KEY_SIZE];
	return need(tally_str_from(key_text(i, text)));
}

static tally_object *make_int(size_t i) { return need(tally_int_new((int64_t)(FIRST_INT + i))); }

static void fill_dict(void)
{
	dict = need(tally_dict_new());
	for (size_t i = 0; i < ITEMS; i++) check(tally_dict_set(dict, keys[i], items[i]));
}

static void make_equal(void)
{
	for (size_t i = 0; i < ITEMS; i++) keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = make_text(shuffled(i));
	fill_dict();
}

static void make_identical(void)
{
	for (size_t i = 0; i < ITEMS; i++) keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = tally_incref(keys[shuffled(i)]);
	fill_dict();
}

static void make_ints(void)
{
	for (size_t i = 0; i < ITEMS; i++) keys[i] = make_int(i);
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = make_int(shuffled(i));
	fill_dict();
}

static void make_empty_dict(void)
{
	make_equal();
	check(tally_dict_clear(dict));
}

static void drop_dict(void)
{
	tally_decref(dict);
	give_up(lookups, ITEMS);
	give_up(keys, ITEMS);
}

static inline void get(tally_object *key)
{
	tally_object *value;
	if (tally_dict_get(dict, key, &value) != 1) fail("a key is not found");
	tally_decref(value);
}

static void dict_get(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) get(lookups[i]);
	}
}

static void dict_set(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(tally_dict_set(dict, lookups[i], items[i]));
	}
}

static void dict_mixed(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i += 10) {
			for (size_t j = i; j < i + 9; j++) get(lookups[j]);
			check(tally_dict_set(dict, lookups[i + 9], items[i]));
		}
	}
}

static void dict_insert(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(tally_dict_set(dict, lookups[i], items[i]));
		check(tally_dict_clear(dict));
	}
}

// ---- instances ----

static tally_object *one_slot, *slots, *table; // classes
static tally_object *instance, *method_name, *name;

static tally_object *return_argument(void *context, tally_object *const *captured, tally_object *const *arguments,
                                     size_t count)
{
	return (void)context, (void)captured, tally_incref(arguments[count - 1]);
}

static void give_method(tally_object *type)
{
	tally_function_spec spec = {
		.size = sizeof spec, .name = "method", .call = return_argument, .least = 2, .most = 2};
	tally_object *function = need(tally_function_new(&spec));
	check(tally_attr_set(type, method_name, function));
	tally_decref(function);
}

static tally_object *make_name(const char *text)
{
	tally_object *fresh = need(tally_str_from(text)), *interned = need(tally_str_intern(fresh));
	tally_decref(fresh);
	return interned;
}

static tally_object *make_class(const char *text, size_t slot_count)
{
	static const char *const names[] = {"a", "b", "c"};
	tally_class_spec spec = {
		.size = sizeof spec, .name = text, .slots = slot_count ? names : NULL, .slot_count = slot_count};
	return need(tally_class_new(&spec));
}

static void make_classes(void)
{
	one_slot = make_class("OneSlot", 1);
	slots = make_class("Slots", 3);
	table = make_class("Table", 0);
	name = make_name("a");
	method_name = make_name("method");
	give_method(slots);
	give_method(table);
}

static void drop_classes(void)
{
	tally_object *all[] = {one_slot, slots, table, name, method_name};
	give_up(all, sizeof all / sizeof all[0]);
}

static tally_object *make_one_slot(size_t i) { return (void)i, tally_call(one_slot, NULL, 0); }

static tally_object *make_with_table(size_t i)
{
	tally_object *made = need(tally_call(table, NULL, 0));
	check(tally_attr_set(made, name, items[i % ITEMS]));
	return made;
}

static void new_slot(size_t operations)
{
	for (size_t i = 0; i < operations; i++) tally_decref(need(tally_call(one_slot, NULL, 0)));
}

static void new_slot_set(size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		tally_object *made = need(tally_call(one_slot, NULL, 0));
		check(tally_attr_set(made, name, items[0]));
		tally_decref(made);
	}
}

static void new_table(size_t operations)
{
	for (size_t i = 0; i < operations; i++) tally_decref(need(tally_call(table, NULL, 0)));
}

static void new_table_set(size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		tally_object *made = need(tally_call(table, NULL, 0));
		check(tally_attr_set(made, name, items[0]));
		tally_decref(made);
	}
}

// The names of three attributes in turn, and an instance that has them.
static void make_instance(tally_object *type)
{
	static const char *const texts[] = {"a", "b", "c"};
	instance = need(tally_call(type, NULL, 0));
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = make_name(texts[i % 3]);
	for (size_t i = 0; i < 3; i++) check(tally_attr_set(instance, lookups[i], items[i]));
}

static void make_slots_instance(void)
{
	make_classes();
	make_instance(slots);
}

static void make_table_instance(void)
{
	make_classes();
	make_instance(table);
}

static void drop_instance(void)
{
	give_up(lookups, ITEMS);
	tally_decref(instance);
	drop_classes();
}

static void attr_get(size_t operations)
{
	tally_object *value;
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) {
			if (tally_attr_get(instance, lookups[i], &value) != 1) fail("an attribute is not found");
			tally_decref(value);
		}
	}
}

static void attr_set(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(tally_attr_set(instance, lookups[i], items[i]));
	}
}

static void attr_call(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++)
			tally_decref(need(tally_attr_call(instance, method_name, &items[i], 1)));
	}
}

// ---- bytes ----

static tally_object *make_pair(size_t i) { return tally_tuple_new(items + i % (ITEMS - 1), 2); }
static tally_object *make_new_list(size_t i) { return (void)i, tally_list_new(); }
static tally_object *make_new_dict(size_t i) { return (void)i, tally_dict_new(); }
static tally_object *make_new_set(size_t i) { return (void)i, tally_set_new(NULL); }
static tally_object *make_float(size_t i) { return tally_float_new((double)i); }

static tally_object *make_str(size_t i)
{
	char text[KEY_SIZE];
	snprintf(text, sizeof text, "%010zu", i);
	return tally_str_from(text);
}

struct kind {
	const char *name;
	tally_object *(*make)(size_t i);
};

static const struct kind kinds[] = {
	{"list", make_new_list},
	{"tuple2", make_pair},
	{"float", make_float},
	{"dict", make_new_dict},
	{"slots1", make_one_slot},
	{"table1", make_with_table},
	{"int", make_int},
	{"str10", make_str},
	{"set", make_new_set},
};

static void measure_kind(const struct kind *kind, void (*show)(const char *, double, double))
{
	tally_object *alive[ALIVE];
	size_t said;
	uint64_t before = heap_now().live_bytes;
	for (size_t i = 0; i < ALIVE; i++) alive[i] = need(kind->make(i));
	double taken = (double)(heap_now().live_bytes - before) / ALIVE;
	check(tally_sizeof(alive[0], &said));
	give_up(alive, ALIVE);
	show(kind->name, (double)said, taken);
}

void side_measure_bytes(void (*show)(const char *kind, double said, double taken))
{
	side_start();
	make_classes();
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) measure_kind(&kinds[i], show);
	drop_classes();
	side_stop();
}

// ---- the rows ----

const char *side_name(void) { return tally_variant(); }
const char *side_version(void) { return tally_version(); }

const struct row rows[] = {
	{"new-tuple", NULL, new_tuple, NULL},
	{"new-list", NULL, new_list, NULL},
	{"new-float", NULL, new_float, NULL},
	{"new-dict", NULL, new_dict, NULL},
	{"new-lists", NULL, new_lists, NULL},
	{"new-slot", make_classes, new_slot, drop_classes},
	{"new-slot-set", make_classes, new_slot_set, drop_classes},
	{"new-table", make_classes, new_table, drop_classes},
	{"new-table-set", make_classes, new_table_set, drop_classes},
	{"list-append", make_empty_list, list_append, drop_list},
	{"list-get", make_list, list_get, drop_list},
	{"list-set", make_list, list_set, drop_list},
	{"list-extend", make_empty_list, list_extend, drop_list},
	{"list-build", NULL, list_build, NULL},
	{"dict-get", make_equal, dict_get, drop_dict},
	{"dict-set", make_equal, dict_set, drop_dict},
	{"dict-mixed", make_equal, dict_mixed, drop_dict},
	{"dict-insert", make_empty_dict, dict_insert, drop_dict},
	{"dict-get-same", make_identical, dict_get, drop_dict},
	{"dict-set-same", make_identical, dict_set, drop_dict},
	{"dict-get-int", make_ints, dict_get, drop_dict},
	{"dict-set-int", make_ints, dict_set, drop_dict},
	{"attr-get-table", make_table_instance, attr_get, drop_instance},
	{"attr-set-table", make_table_instance, attr_set, drop_instance},
	{"attr-get-slots", make_slots_instance, attr_get, drop_instance},
	{"attr-set-slots", make_slots_instance, attr_set, drop_instance},
	{"attr-call-table", make_table_instance, attr_call, drop_instance},
	{"attr-call-slots", make_slots_instance, attr_call, drop_instance},
};

const size_t row_count = sizeof rows / sizeof rows[0];
