// tests/read.c: read sections: what the getters find and refuse, what stays valid for how long, whoever changes the container
// meanwhile, and when it dies.
//
// In every build. In `gil` a section keeps all other threads out, so there they change nothing while it lasts; what this thread
// changes itself must not be noticed by what it has borrowed in any build.
#include "classes.h"
#include "turns.h"

static tally_object *numbers(int count, int64_t first)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < count; i++) push_own(list, counted(first + i));
	return list;
}

// A dict of the numbers 0 to count - 1 by their names, and a list of the keys.
static tally_object *names(int count)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < count; i++) {
		char name[32];
		snprintf(name, sizeof name, "name %d", i);
		push_own(list, text(name));
	}
	return list;
}

static tally_object *dict_of(tally_object *keys, int count)
{
	tally_object *dict = must(tally_dict_new());
	for (int i = 0; i < count; i++) {
		tally_object *key = tally_list_get(keys, i), *value = counted(i);
		put(dict, key, value);
		tally_decref(key);
		tally_decref(value);
	}
	return dict;
}

static void begin(tally_read *section, tally_object *container) { CHECK_EQ(tally_read_begin(section, container), 0); }
static void end(tally_read *section) { CHECK_EQ(tally_read_end(section), 0); }

static int64_t borrowed_value(tally_object *borrowed) { return borrowed ? value_of(borrowed) - COUNTED : INT64_MIN; }

// ---- the getters ----

static void check_sequence(tally_object *container)
{
	tally_read section;
	tally_object *items[8] = {NULL};
	begin(&section, container);
	uint32_t references = tally_refcount(tally_read_item(&section, 0));
	CHECK_EQ(tally_read_size(&section), 5);
	for (ptrdiff_t i = 0; i < 5; i++) {
		CHECK_EQ(borrowed_value(tally_read_item(&section, i)), i);
		CHECK_EQ(borrowed_value(tally_read_item(&section, i - 5)), i);
	}
	CHECK_PTR(tally_read_item(&section, 5), NULL);
	CHECK_ERROR(TALLY_ERROR_INDEX, "read_item: index 5 out of range for 5 elements");
	CHECK_PTR(tally_read_item(&section, -6), NULL);
	CHECK_ERROR(TALLY_ERROR_INDEX, "read_item: index -6 out of range for 5 elements");
	CHECK_PTR(tally_read_item(&section, PTRDIFF_MIN), NULL);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
	tally_error_clear();
	CHECK_EQ(tally_read_items(&section, 0, items, 8), 5);
	for (int i = 0; i < 5; i++) CHECK_EQ(borrowed_value(items[i]), i);
	CHECK_EQ(tally_read_items(&section, 1, items, 3), 3);
	for (int i = 0; i < 3; i++) CHECK_EQ(borrowed_value(items[i]), i + 1);
	CHECK_EQ(tally_read_items(&section, 5, items, 8), 0);
	CHECK_EQ(tally_read_items(&section, SIZE_MAX, items, 8), 0);
	CHECK_EQ(tally_read_items(&section, 0, NULL, 0), 0);
	CHECK_NO_ERROR();
	tally_read_items(&section, 0, items, 1);
	CHECK_EQ(tally_refcount(items[0]), references); // nothing has been counted
	end(&section);
}

static void lists_and_tuples_show_their_elements(void)
{
	tally_object *list = numbers(5, 0), *tuple = must(tally_tuple_from(list)), *empty = must(tally_list_new());
	check_sequence(tuple);
	tally_decref(tuple);
	check_sequence(list);
	tally_decref(list);
	tally_read section;
	begin(&section, empty);
	CHECK_EQ(tally_read_size(&section), 0);
	CHECK_PTR(tally_read_item(&section, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_INDEX, "read_item: index 0 out of range for 0 elements");
	end(&section);
	tally_decref(empty);
}

static void dicts_show_values_keys_and_entries(void)
{
	enum { COUNT = 100 };
	tally_object *keys = names(COUNT), *dict = dict_of(keys, COUNT), *other = text("no name"), *value;
	tally_read section;
	begin(&section, dict);
	CHECK_EQ(tally_read_size(&section), COUNT);
	for (int i = 0; i < COUNT; i++) {
		tally_object *key = tally_list_get(keys, i), *equal = must(tally_str_from(tally_str_utf8(key, NULL)));
		CHECK_EQ(tally_read_get(&section, key, &value), 1);
		CHECK_EQ(borrowed_value(value), i);
		CHECK_EQ(tally_read_get(&section, equal, &value), 1);
		CHECK_EQ(borrowed_value(value), i);
		CHECK_EQ(tally_read_contains(&section, equal), 1);
		tally_decref(key);
		tally_decref(equal);
	}
	value = other;
	CHECK_EQ(tally_read_get(&section, other, &value), 0);
	CHECK_PTR(value, NULL);
	CHECK_EQ(tally_read_contains(&section, other), 0);
	size_t position = 0;
	int64_t seen = 0;
	tally_object *key;
	while (tally_read_next(&section, &position, &key, &value) == 1) {
		char expected[32];
		snprintf(expected, sizeof expected, "name %d", (int)seen);
		CHECK_STR(tally_str_utf8(key, NULL), expected);
		CHECK_EQ(borrowed_value(value), seen++);
	}
	CHECK_EQ(seen, COUNT);
	CHECK_PTR(key, NULL);
	CHECK_PTR(value, NULL);
	position = 0;
	CHECK_EQ(tally_read_next(&section, &position, NULL, NULL), 1);
	CHECK_EQ(tally_read_next(&section, &position, NULL, &value), 1);
	CHECK_EQ(borrowed_value(value), 1);
	end(&section);
	tally_decref(other);
	tally_decref(dict);
	tally_decref(keys);
}

static void check_set(tally_object *set)
{
	tally_read section;
	tally_object *key, *value = set;
	size_t position = 0;
	int seen = 0;
	begin(&section, set);
	CHECK_EQ(tally_read_size(&section), 9);
	for (int i = 0; i < 12; i++) {
		tally_object *number = counted(i);
		CHECK_EQ(tally_read_contains(&section, number), i < 9);
		tally_decref(number);
	}
	for (; tally_read_next(&section, &position, &key, &value) == 1; seen++) {
		CHECK(borrowed_value(key) >= 0 && borrowed_value(key) < 9);
		CHECK_PTR(value, NULL);
	}
	CHECK_EQ(seen, 9);
	end(&section);
}

static void sets_show_their_elements(void)
{
	tally_object *list = numbers(9, 0), *set = must(tally_set_new(list)), *frozen = must(tally_frozenset_new(list));
	check_set(set);
	check_set(frozen);
	tally_decref(set);
	tally_decref(frozen);
	tally_decref(list);
}

static void empty_dicts_and_sets_show_nothing(void)
{
	tally_object *containers[] = {must(tally_dict_new()), must(tally_set_new(NULL)), must(tally_frozenset_new(NULL))};
	for (int i = 0; i < 3; i++) {
		tally_read section;
		size_t position = 0;
		begin(&section, containers[i]);
		CHECK_EQ(tally_read_size(&section), 0);
		CHECK_EQ(tally_read_contains(&section, tally_none()), 0);
		CHECK_EQ(tally_read_next(&section, &position, NULL, NULL), 0);
		end(&section);
		tally_decref(containers[i]);
	}
}

// ---- what they refuse ----

static void a_section_is_opened_on_five_kinds_of_objects_only(void)
{
	tally_read section;
	tally_object *others[] = {NULL, text("a str"), integer(7), must(tally_bytes_new("b", 1)), must(tally_type_of(tally_none()))};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		CHECK_EQ(tally_read_begin(&section, others[i]), -1);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
		tally_error_clear();
	}
	CHECK_EQ(tally_read_begin(&section, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_begin: expected a list, tuple, dict, set or frozenset, got NULL");
	for (size_t i = 1; i < 4; i++) tally_decref(others[i]);
}

static void each_getter_wants_its_kind_of_container(void)
{
	tally_object *list = numbers(1, 0), *dict = must(tally_dict_new()), *set = must(tally_set_new(NULL)), *value = list;
	size_t position = 0;
	tally_read section;
	begin(&section, list);
	CHECK_EQ(tally_read_get(&section, list, &value), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_get: expected a section over a dict, got a 'list'");
	CHECK_PTR(value, NULL);
	CHECK_EQ(tally_read_contains(&section, list), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_contains: expected a section over a dict or a set, got a 'list'");
	CHECK_EQ(tally_read_next(&section, &position, NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_next: expected a section over a dict or a set, got a 'list'");
	end(&section);
	begin(&section, set);
	CHECK_EQ(tally_read_get(&section, tally_none(), &value), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_get: expected a section over a dict, got a 'set'");
	end(&section);
	begin(&section, dict);
	CHECK_PTR(tally_read_item(&section, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_item: expected a section over a list or a tuple, got a 'dict'");
	CHECK_EQ(tally_read_items(&section, 0, &value, 1), 0);
	CHECK_ERROR(TALLY_ERROR_TYPE, "read_items: expected a section over a list or a tuple, got a 'dict'");
	end(&section);
	tally_decref(list);
	tally_decref(dict);
	tally_decref(set);
}

static void keys_must_be_there_and_hashable(void)
{
	tally_object *list = numbers(1, 0), *dict = must(tally_dict_new()), *pair = must(tally_tuple_new(&list, 1)), *value = list;
	tally_read section;
	begin(&section, dict);
	CHECK_EQ(tally_read_get(&section, NULL, &value), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
	CHECK_PTR(value, NULL);
	CHECK_EQ(tally_read_contains(&section, NULL), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
	CHECK_EQ(tally_read_get(&section, list, &value), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	CHECK_EQ(tally_read_contains(&section, pair), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	tally_error_clear();
	end(&section);
	tally_decref(pair);
	tally_decref(dict);
	tally_decref(list);
}

static void sections_end_in_the_opposite_order_on_the_thread_that_began_them(void)
{
	tally_object *list = numbers(2, 0), *dict = must(tally_dict_new());
	tally_read outer, inner, again;
	CHECK_EQ(tally_read_end(&outer), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "read_end: not the innermost read section of this thread");
	begin(&outer, list);
	begin(&inner, dict);
	begin(&again, list);
	CHECK_EQ(tally_read_end(&inner), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "read_end: not the innermost read section of this thread");
	CHECK_EQ(tally_read_end(NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "read_end: not the innermost read section of this thread");
	CHECK_PTR(tally_read_item(&again, 1), tally_read_item(&outer, 1));
	end(&again);
	CHECK_EQ(tally_read_size(&inner), 0);
	end(&inner);
	CHECK_EQ(tally_read_size(&outer), 2);
	end(&outer);
	CHECK_EQ(tally_read_end(&outer), -1);
	tally_error_clear();
	tally_decref(list);
	tally_decref(dict);
}

static void begin_unattached(void)
{
	tally_read section;
	CHECK_EQ(tally_read_begin(&section, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "read_begin: the thread is not attached");
	CHECK_EQ(tally_read_end(&section), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "read_end: the thread is not attached");
}

static void a_thread_in_a_section_neither_collects_nor_detaches(void)
{
	tally_object *list = list_in_itself();
	tally_read section;
	tally_token token;
	run_unattached(begin_unattached);
	begin(&section, list);
	CHECK_EQ(tally_gc_collect(2), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_collect: a read section of this thread is open");
	CHECK_EQ(tally_thread_detach(fixture_token), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "thread_detach: a read section is still open");
	CHECK_EQ(tally_thread_attach(&token), 0); // an inner stay may end
	CHECK_EQ(tally_thread_detach(token), 0);
	end(&section);
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 1);
}

// ---- keys whose equality is the host's ----

static struct {
	tally_object *dict, *removed;
	int compared, mode;
} host;

static int hash_host(tally_object *self, uint64_t *hash, void *context)
{
	(void)self;
	(void)context;
	*hash = 42;
	return 0;
}

// Mode 1: an error. Mode 2: takes everything out of the dict meanwhile.
static int equal_host(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	host.compared++;
	if (host.mode == 1) {
		tally_error_set(TALLY_ERROR_VALUE, "no answer");
		return -1;
	}
	if (host.mode == 2) CHECK_EQ(tally_dict_clear(host.dict), 0);
	(void)self;
	return tally_is_instance(other);
}

static void the_equality_of_classes_is_asked_and_may_use_the_library(void)
{
	tally_object *type = CLASS(.name = "key", .hash = hash_host, .equal = equal_host);
	tally_object *stored = instance(type), *key = instance(type), *probes = fixture_probe_type(), *thing = probe(probes, 0), *value;
	tally_read section;
	host.dict = must(tally_dict_new());
	put(host.dict, stored, thing);
	tally_decref(thing);
	tally_decref(stored);
	begin(&section, host.dict);
	host.compared = host.mode = 0;
	CHECK_EQ(tally_read_get(&section, key, &value), 1);
	CHECK_EQ(host.compared, 1);
	CHECK_PTR(value, thing);
	host.mode = 1;
	CHECK_EQ(tally_read_get(&section, key, &value), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
	CHECK_PTR(value, NULL);
	tally_error_clear();
	CHECK_EQ(tally_read_contains(&section, key), -1);
	tally_error_clear();
	host.mode = 2;
	CHECK_EQ(tally_read_get(&section, key, &value), 0);
	CHECK_PTR(value, NULL);
	CHECK_EQ(tally_refcount(thing), 1);
	CHECK_EQ(atomic_load(&fixture_dead), 0); // it had been borrowed above
	end(&section);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	tally_decref(host.dict);
	tally_decref(key);
	tally_decref(type);
	tally_decref(probes);
}

// ---- what this thread changes itself ----

enum { PROBES = 12 };

static tally_object *list_of_probes(tally_object *type)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < PROBES; i++) push_own(list, probe(type, i));
	return list;
}

static void check_borrowed(tally_object *const *borrowed, tally_object *type)
{
	for (int i = 0; i < PROBES; i++) {
		CHECK(tally_refcount(borrowed[i]) > 0);
		CHECK_EQ(*(int *)tally_host_payload(borrowed[i], type), i);
	}
	CHECK_EQ(atomic_load(&fixture_dead), 0);
}

static void what_a_list_gives_up_inside_lives_until_the_outermost_section_ends(void)
{
	tally_object *type = fixture_probe_type(), *list = list_of_probes(type), *borrowed[PROBES], *other = must(tally_list_new());
	tally_read outer, inner;
	begin(&outer, other);
	begin(&inner, list);
	CHECK_EQ(tally_read_items(&inner, 0, borrowed, PROBES), PROBES);
	CHECK_EQ(tally_list_set(list, 0, tally_none()), 0);
	tally_decref(tally_list_pop(list, 1));
	CHECK_EQ(tally_list_set_slice(list, 1, 4, NULL, 0), 0); // 1, 2, 3
	CHECK_EQ(tally_list_remove(list, borrowed[5]), 1);
	CHECK_EQ(tally_list_reverse(list), 0);
	check_borrowed(borrowed, type);
	CHECK_EQ(tally_list_clear(list), 0);
	check_borrowed(borrowed, type);
	CHECK_EQ(tally_safepoint(), 0);
	check_borrowed(borrowed, type);
	end(&inner);
	check_borrowed(borrowed, type);
	end(&outer);
	CHECK_EQ(atomic_load(&fixture_dead), PROBES);
	tally_decref(list);
	tally_decref(other);
	tally_decref(type);
}

static void what_is_popped_and_dropped_inside_stays_borrowed(void)
{
	tally_object *type = fixture_probe_type(), *list = list_of_probes(type), *borrowed[PROBES];
	tally_read section;
	begin(&section, list);
	CHECK_EQ(tally_read_items(&section, 0, borrowed, PROBES), PROBES);
	for (int i = 0; i < PROBES; i++) tally_decref(tally_list_pop(list, i % 2 ? 0 : -1));
	check_borrowed(borrowed, type);
	end(&section);
	CHECK_EQ(atomic_load(&fixture_dead), PROBES);
	tally_decref(list);
	tally_decref(type);
}

static void what_dicts_and_sets_give_up_inside_lives_until_the_section_ends(void)
{
	tally_object *type = fixture_probe_type(), *keys = names(PROBES), *dict = must(tally_dict_new()), *set = must(tally_set_new(NULL));
	tally_object *borrowed[PROBES], *key, *value;
	tally_read section, second;
	for (int i = 0; i < PROBES; i++) {
		tally_object *thing = probe(type, i);
		key = tally_list_get(keys, i);
		if (i < PROBES / 2) put(dict, key, thing);
		else CHECK_EQ(tally_set_add(set, thing), 1);
		borrowed[i] = thing;
		tally_decref(key);
		tally_decref(thing);
	}
	begin(&section, dict);
	begin(&second, set);
	for (int i = 0; i < PROBES / 2; i++) {
		key = tally_list_get(keys, i);
		CHECK_EQ(tally_read_get(&section, key, &value), 1);
		CHECK_PTR(value, borrowed[i]);
		tally_decref(key);
	}
	key = tally_list_get(keys, 0);
	CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
	tally_decref(key);
	key = tally_list_get(keys, 1);
	CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
	tally_decref(key);
	key = tally_list_get(keys, 2);
	CHECK_EQ(tally_dict_pop(dict, key, &value), 1);
	tally_decref(value);
	tally_decref(key);
	CHECK_EQ(tally_dict_popitem(dict, &key, &value), 1);
	tally_decref(key);
	tally_decref(value);
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_EQ(tally_set_discard(set, borrowed[PROBES / 2]), 1);
	CHECK_EQ(tally_set_pop(set, &value), 1);
	tally_decref(value);
	CHECK_EQ(tally_set_subtract_update(set, set), 0);
	check_borrowed(borrowed, type);
	end(&second);
	check_borrowed(borrowed, type);
	end(&section);
	CHECK_EQ(atomic_load(&fixture_dead), PROBES);
	tally_decref(dict);
	tally_decref(set);
	tally_decref(keys);
	tally_decref(type);
}

static void what_this_thread_drops_inside_is_destroyed_at_the_end_of_the_outermost_section(void)
{
	tally_object *type = fixture_probe_type(), *list = must(tally_list_new()), *thing = probe(type, 0);
	tally_read outer, inner;
	begin(&outer, list);
	begin(&inner, list);
	tally_decref(thing);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	end(&inner);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	end(&outer);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	tally_decref(list);
	tally_decref(type);
}

static void without_a_section_what_a_container_gives_up_dies_at_once_though_there_have_been_some(void)
{
	tally_object *type = fixture_probe_type(), *list = list_of_probes(type);
	tally_read section;
	begin(&section, list);
	end(&section);
	for (int i = PROBES; i > 0; i--) {
		CHECK_EQ(tally_list_set(list, i - 1, tally_none()), 0);
		CHECK_EQ(atomic_load(&fixture_dead), PROBES - i + 1);
	}
	tally_decref(list);
	tally_decref(type);
}

static void an_int_that_is_borrowed_does_not_change_when_something_is_added_to_it(void)
{
	tally_object *keys = names(1), *dict = dict_of(keys, 1), *key = tally_list_get(keys, 0), *value, *now;
	tally_read section;
	int64_t sum;
	CHECK_EQ(tally_dict_add(dict, key, 5, &sum), 0);
	begin(&section, dict);
	CHECK_EQ(tally_read_get(&section, key, &value), 1);
	CHECK_EQ(tally_dict_add(dict, key, 10, &sum), 0);
	CHECK_EQ(sum, COUNTED + 15);
	CHECK_EQ(borrowed_value(value), 5);
	CHECK_EQ(tally_read_get(&section, key, &now), 1);
	CHECK_EQ(borrowed_value(now), 15);
	end(&section);
	tally_decref(key);
	tally_decref(keys);
	tally_decref(dict);
}

static void a_borrowed_object_may_be_kept_by_a_reference(void)
{
	tally_object *type = fixture_probe_type(), *list = list_of_probes(type), *kept;
	tally_read section;
	begin(&section, list);
	kept = tally_incref(tally_read_item(&section, 3));
	CHECK_EQ(tally_list_clear(list), 0);
	end(&section);
	CHECK_EQ(atomic_load(&fixture_dead), PROBES - 1);
	CHECK_EQ(tally_refcount(kept), 1);
	tally_decref(kept);
	CHECK_EQ(atomic_load(&fixture_dead), PROBES);
	tally_decref(list);
	tally_decref(type);
}

// ---- what others change ----

struct scene {
	tally_object *container, *keys, *type;
	stage at;
	atomic_bool is_over;
	atomic_int changes;
};

// Takes everything out in every way, puts other things in, and collects.
static void *change_all(void *argument)
{
	struct scene *scene = argument;
	tally_token token = attached();
	await(&scene->at, 1);
	tally_object *list = scene->container;
	CHECK_EQ(tally_list_set(list, 0, tally_none()), 0);
	CHECK_EQ(tally_list_set_slice(list, 0, 3, NULL, 0), 0);
	CHECK_EQ(tally_list_clear(list), 0);
	for (int i = 0; i < 1000; i++) push_own(list, node_new(scene->type, 1000 + i));
	CHECK_EQ(tally_list_clear(list), 0);
	if (!is_gil()) CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	reach(&scene->at, 2);
	return NULL;
}

// All finalizers run once, and none while the object is borrowed.
static void what_is_borrowed_outlives_whatever_others_do(void)
{
	struct scene scene = {.type = node_type(NODE_WHOLE), .container = must(tally_list_new())};
	tally_object *borrowed[PROBES];
	tally_read section;
	for (int i = 0; i < PROBES; i++) push_own(scene.container, node_new(scene.type, i));
	pthread_t other = spawn(change_all, &scene);
	begin(&section, scene.container);
	CHECK_EQ(tally_read_items(&section, 0, borrowed, PROBES), PROBES);
	reach(&scene.at, 1);
	if (is_gil())
		for (int i = 0; i < 1000; i++) CHECK_EQ(tally_safepoint(), 0); // nobody gets in
	else await_at_run_points(&scene.at, 2);
	for (int i = 0; i < PROBES; i++) {
		CHECK(tally_refcount(borrowed[i]) > 0);
		CHECK_EQ(node_of(borrowed[i])->id, i);
		CHECK_EQ(atomic_load(&node_seen[i].finalize), 0);
		CHECK_EQ(atomic_load(&node_seen[i].dealloc), 0);
	}
	CHECK_EQ(tally_read_size(&section), is_gil() ? PROBES : 0);
	end(&section);
	finish(other);
	while (atomic_load(&node_total.dealloc) < 1000 + PROBES) CHECK_EQ(tally_safepoint(), 0);
	for (int i = 0; i < PROBES; i++) {
		CHECK_EQ(atomic_load(&node_seen[i].finalize), 1);
		CHECK_EQ(atomic_load(&node_seen[i].dealloc), 1);
	}
	tally_decref(scene.container);
	tally_decref(scene.type);
}

static void *try_to_set(void *argument)
{
	struct scene *scene = argument;
	reach(&scene->at, 1);
	tally_token token = attached();
	CHECK_EQ(tally_list_set(scene->container, 0, tally_none()), 0);
	reach(&scene->at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void in_gil_other_threads_wait_for_the_end(void)
{
	struct scene scene = {.container = numbers(1, 0)};
	tally_read section;
	CHECK_EQ(tally_switch_interval_set(1000), 0);
	begin(&section, scene.container);
	pthread_t other = spawn(try_to_set, &scene);
	while (!has_reached(&scene.at, 1)) sched_yield();
	for (int i = 0; i < tap_scale(100000); i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK(!has_reached(&scene.at, 2));
	CHECK_EQ(borrowed_value(tally_read_item(&section, 0)), 0);
	end(&section);
	await(&scene.at, 2);
	finish(other);
	tally_decref(scene.container);
}

// What was borrowed before is given up; the section goes on with what is there then.
static void a_blocking_region_suspends_the_section(void)
{
	tally_object *type = fixture_probe_type(), *thing = probe(type, 0);
	struct scene scene = {.container = must(tally_list_from(&thing, 1))};
	tally_read section;
	tally_decref(thing);
	begin(&section, scene.container);
	CHECK_PTR(tally_read_item(&section, 0), thing);
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_t other = spawn(try_to_set, &scene);
	pthread_join(other, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_PTR(tally_read_item(&section, 0), tally_none());
	end(&section);
	while (atomic_load(&fixture_dead) < 1) CHECK_EQ(tally_safepoint(), 0);
	tally_decref(scene.container);
	tally_decref(type);
}

// ---- scans beside changes ----

enum { MOST = 200 };

static void *grow_and_shrink(void *argument)
{
	struct scene *scene = argument;
	tally_token token = attached();
	uint64_t random = fixture_seed(2);
	tally_object *container = scene->container;
	while (!atomic_load(&scene->is_over)) {
		unsigned what = below(&random, 20);
		tally_object *number = counted(below(&random, MOST));
		if (tally_is_list(container)) {
			if (what == 0) CHECK_EQ(tally_list_clear(container), 0);
			else if (what < 4) CHECK_EQ(tally_list_set_slice(container, -1, PTRDIFF_MAX, NULL, 0), 0);
			else if (what < 8) tally_decref(tally_list_pop(container, -1)), tally_error_clear();
			else if (what == 8) CHECK_EQ(tally_list_reverse(container), 0);
			else if (what == 9) CHECK_EQ(tally_list_insert(container, 0, number), 0);
			else CHECK_EQ(tally_list_append(container, number), 0);
		} else if (tally_is_dict(container)) {
			if (what == 0) CHECK_EQ(tally_dict_clear(container), 0);
			else if (what < 8) CHECK(tally_dict_pop(container, number, NULL) >= 0);
			else CHECK_EQ(tally_dict_set(container, number, number), 0);
		} else {
			if (what == 0) CHECK_EQ(tally_set_clear(container), 0);
			else if (what < 8) CHECK(tally_set_discard(container, number) >= 0);
			else CHECK(tally_set_add(container, number) >= 0);
		}
		tally_decref(number);
		atomic_fetch_add(&scene->changes, 1);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static bool is_known(tally_object *borrowed)
{
	int64_t value;
	return tally_refcount(borrowed) > 0 && tally_int_value(borrowed, &value) == 0 && value >= COUNTED && value < COUNTED + MOST;
}

static void scan_list(const tally_read *section)
{
	tally_object *items[64];
	for (size_t start = 0, count; (count = tally_read_items(section, start, items, 64)); start += count)
		for (size_t i = 0; i < count; i++)
			if (!CHECK(is_known(items[i]))) return;
	for (ptrdiff_t i = 0; i < 20; i++) {
		tally_object *item = tally_read_item(section, i - 10);
		if (item) CHECK(is_known(item));
		else CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
		tally_error_clear();
	}
}

static void scan_keyed(const tally_read *section, tally_object *wanted, bool is_dict)
{
	tally_object *key, *value;
	size_t position = 0;
	while (tally_read_next(section, &position, &key, &value) == 1) {
		if (!CHECK(is_known(key))) return;
		if (is_dict) CHECK_EQ(borrowed_value(value), borrowed_value(key));
		else CHECK_PTR(value, NULL);
	}
	CHECK(tally_read_contains(section, wanted) >= 0);
	if (!is_dict) return;
	int found = tally_read_get(section, wanted, &value);
	CHECK_EQ(found, value ? 1 : 0);
	if (value) CHECK_EQ(tally_equal(value, wanted), 1);
}

static void scan_beside_changes(tally_object *container)
{
	struct scene scene = {.container = container};
	tally_object *wanted = counted(7);
	pthread_t other = spawn(grow_and_shrink, &scene);
	if (is_gil()) CHECK_EQ(tally_switch_interval_set(1000), 0);
	while (atomic_load(&scene.changes) < tap_scale(20000)) {
		tally_read section;
		begin(&section, container);
		if (tally_is_list(container)) scan_list(&section);
		else scan_keyed(&section, wanted, tally_is_dict(container));
		end(&section);
		CHECK_EQ(tally_safepoint(), 0);
	}
	atomic_store(&scene.is_over, true);
	finish(other);
	tally_decref(wanted);
	tally_decref(container);
	CHECK_EQ(tally_gc_collect(2), 0); // keys of the last changes may wait for more to come
}

static void a_scan_of_a_list_never_invents_an_element(void) { scan_beside_changes(must(tally_list_new())); }
static void a_scan_of_a_dict_never_invents_an_entry(void) { scan_beside_changes(must(tally_dict_new())); }
static void a_scan_of_a_set_never_invents_an_element(void) { scan_beside_changes(must(tally_set_new(NULL))); }

// ---- sections left open ----

static void *end_inside(void *argument)
{
	struct scene *scene = argument;
	static tally_read section; // not on the stack, which is gone when the thread's end is noticed
	attached();
	begin(&section, scene->container);
	CHECK(tally_read_item(&section, 0) != NULL);
	CHECK_EQ(tally_list_clear(scene->container), 0);
	return NULL;
}

static void a_section_of_a_thread_that_ends_inside_it_ends_with_it(void)
{
	tally_object *type = fixture_probe_type();
	struct scene scene = {.container = list_of_probes(type)};
	finish(spawn(end_inside, &scene));
	while (atomic_load(&fixture_dead) < PROBES) CHECK_EQ(tally_safepoint(), 0);
	tally_decref(scene.container);
	tally_decref(type);
}

int main(void)
{
	classes_begin(200);
	TAP_RUN(lists_and_tuples_show_their_elements);
	TAP_RUN(dicts_show_values_keys_and_entries);
	TAP_RUN(sets_show_their_elements);
	TAP_RUN(empty_dicts_and_sets_show_nothing);
	TAP_RUN(a_section_is_opened_on_five_kinds_of_objects_only);
	TAP_RUN(each_getter_wants_its_kind_of_container);
	TAP_RUN(keys_must_be_there_and_hashable);
	TAP_RUN(sections_end_in_the_opposite_order_on_the_thread_that_began_them);
	TAP_RUN(a_thread_in_a_section_neither_collects_nor_detaches);
	TAP_RUN(the_equality_of_classes_is_asked_and_may_use_the_library);
	TAP_RUN(what_a_list_gives_up_inside_lives_until_the_outermost_section_ends);
	TAP_RUN(what_is_popped_and_dropped_inside_stays_borrowed);
	TAP_RUN(what_dicts_and_sets_give_up_inside_lives_until_the_section_ends);
	TAP_RUN(what_this_thread_drops_inside_is_destroyed_at_the_end_of_the_outermost_section);
	TAP_RUN(without_a_section_what_a_container_gives_up_dies_at_once_though_there_have_been_some);
	TAP_RUN(an_int_that_is_borrowed_does_not_change_when_something_is_added_to_it);
	TAP_RUN(a_borrowed_object_may_be_kept_by_a_reference);
	TAP_RUN(what_is_borrowed_outlives_whatever_others_do);
	if (is_gil()) TAP_RUN(in_gil_other_threads_wait_for_the_end);
	TAP_RUN(a_blocking_region_suspends_the_section);
	TAP_RUN(a_scan_of_a_list_never_invents_an_element);
	TAP_RUN(a_scan_of_a_dict_never_invents_an_entry);
	TAP_RUN(a_scan_of_a_set_never_invents_an_element);
	TAP_RUN(a_section_of_a_thread_that_ends_inside_it_ends_with_it);
	return tap_end();
}
