// tests/dict_readers.c: threads that read dicts, sets, attributes and cells while others change them, without the lock where a
// build has such reads (core/keyed.h, core/attr.c, core/cell.c).
//
// A value says which key it belongs to and how new it is. So a reader knows a value that never was there for the key, and one
// that is older than what it has seen there before: each key has one writer, whose values get newer. Values are ints or tuples
// that nobody but the container keeps: replaced ones die at once, and their blocks become the next ones. Keys are looked up by
// the very objects that the container has, or by equal strings of each reader's own.
#include "fixture.h"

#include <sched.h>

enum {
	KEYS = 48,
	READERS = 2,
	WRITERS = 2,
	ROUNDS = 25000, // changes by each writer
	NEWEST_BITS = 32,
};

static tally_object *keys[KEYS];
static atomic_uint writers_left, readers_there;

static tally_object *key_text(unsigned key)
{
	char name[32];
	snprintf(name, sizeof name, "the key of the number %u", key);
	return text(name);
}

static void begin(void)
{
	for (unsigned i = 0; i < KEYS; i++) keys[i] = key_text(i);
}

// Writers wait until there are readers.
static void await_readers(void)
{
	while (atomic_load(&readers_there) < READERS) {
		tally_safepoint();
		sched_yield();
	}
}

static void run_all(void (*run)(void *context, unsigned number), void *context)
{
	atomic_store(&writers_left, WRITERS);
	atomic_store(&readers_there, 0);
	run_threads(WRITERS + READERS, run, context);
}

static void end(void)
{
	for (unsigned i = 0; i < KEYS; i++) tally_decref(keys[i]);
	CHECK(tally_gc_collect(2) >= 0); // a class goes with a collection
}

// ---- values ----

static int64_t code_of(unsigned key, unsigned version) { return ((int64_t)(key + 1) << NEWEST_BITS) + version + 1; }

static tally_object *made_int(unsigned key, unsigned version) { return integer(code_of(key, version)); }

static tally_object *made_tuple(unsigned key, unsigned version)
{
	tally_object *items[] = {integer(key + COUNTED), integer((int64_t)version + COUNTED)};
	tally_object *pair = must(tally_tuple_new(items, 2));
	tally_decref(items[0]);
	tally_decref(items[1]);
	return pair;
}

static int64_t item_of(tally_object *pair, ptrdiff_t index) { return take_counted(tally_tuple_get(pair, index)); }

// The code of a value of either kind.
static int64_t code_in(tally_object *value)
{
	return tally_is_int(value) ? value_of(value) : code_of((unsigned)item_of(value, 0), (unsigned)item_of(value, 1));
}

// Small ones, which are pinned without being counted: 0 for what nobody is to see, else 1.
static tally_object *made_small(unsigned key, unsigned version)
{
	(void)key;
	return integer(version % 2 == 0);
}

// ---- readers ----

struct scene {
	tally_object *container;
	tally_object *(*make)(unsigned key, unsigned version);
	// Looks a key up. 1 with a new reference in *value, 0, -1.
	int (*get)(tally_object *container, tally_object *key, tally_object **value);
	// The version'th change of a key.
	void (*change)(const struct scene *scene, unsigned key, unsigned version);
	bool is_always_there;
	bool has_sections; // what is seen is 1
};

struct reader {
	tally_object *own[KEYS]; // equal to the keys
	int64_t last[KEYS];      // the newest that has been seen of each
	tally_object *held;      // what was read last
	int64_t held_code;
	uint64_t random;
	unsigned wrong;
};

static void check(struct reader *reader, bool is_right)
{
	if (!is_right && reader->wrong++ == 0) CHECK(is_right);
}

static void check_code(struct reader *reader, unsigned key, int64_t code)
{
	check(reader, code >> NEWEST_BITS == key + 1 && code >= reader->last[key]);
	reader->last[key] = code;
}

// What a reader has got stays what it is.
static void let_go(struct reader *reader)
{
	if (reader->held) check(reader, code_in(reader->held) == reader->held_code);
	tally_decref(reader->held);
	reader->held = NULL;
}

static void look(struct reader *reader, const struct scene *scene)
{
	unsigned key = below(&reader->random, KEYS);
	tally_object *value = NULL;
	int there = scene->get(scene->container, below(&reader->random, 2) ? keys[key] : reader->own[key], &value);
	check(reader, there == 1 ? value != NULL : there == 0 && !value && !scene->is_always_there);
	let_go(reader);
	if (!value) return;
	reader->held = value;
	reader->held_code = code_in(value);
	if (scene->has_sections) check(reader, reader->held_code == 1);
	else check_code(reader, key, reader->held_code);
}

static void read_on(const struct scene *scene, unsigned number)
{
	struct reader reader = {.random = fixture_seed(number)};
	for (unsigned i = 0; i < KEYS; i++) reader.own[i] = key_text(i);
	atomic_fetch_add(&readers_there, 1);
	do
		for (int i = 0; i < 100; i++) look(&reader, scene);
	while (atomic_load(&writers_left));
	let_go(&reader);
	for (unsigned i = 0; i < KEYS; i++) tally_decref(reader.own[i]);
	CHECK_EQ(reader.wrong, 0);
	CHECK_NO_ERROR();
}

// ---- writers ----

// Changes the keys that are this writer's.
static void write_on(const struct scene *scene, unsigned number)
{
	uint64_t random = fixture_seed(number);
	unsigned rounds = tap_scale(ROUNDS);
	await_readers();
	for (unsigned version = 1; version <= rounds; version++)
		scene->change(scene, below(&random, KEYS / WRITERS) * WRITERS + number, version);
	atomic_fetch_sub(&writers_left, 1);
	CHECK_NO_ERROR();
}

static void take_part(void *context, unsigned number)
{
	if (number < WRITERS) write_on(context, number);
	else read_on(context, number);
}

static void play(struct scene scene)
{
	run_all(take_part, &scene);
	tally_decref(scene.container);
}

static void set(const struct scene *scene, unsigned key, unsigned version)
{
	tally_object *value = scene->make(key, version);
	CHECK_EQ(tally_dict_set(scene->container, keys[key], value), 0);
	tally_decref(value);
}

static tally_object *full_dict(tally_object *(*make)(unsigned key, unsigned version))
{
	struct scene scene = {.container = must(tally_dict_new()), .make = make};
	for (unsigned i = 0; i < KEYS; i++) set(&scene, i, 0);
	return scene.container;
}

// ---- dicts ----

static void a_value_that_is_replaced_is_seen_whole_or_not_at_all(void)
{
	begin();
	play((struct scene){full_dict(made_int), made_int, tally_dict_get, set, true, false});
	play((struct scene){full_dict(made_tuple), made_tuple, tally_dict_get, set, true, false});
	end();
}

// One who finds a key in a table must find it in those that follow.
static void grow(const struct scene *scene, unsigned key, unsigned version)
{
	tally_object *fresh = counted((int64_t)version * KEYS + key);
	CHECK_EQ(tally_dict_set(scene->container, fresh, fresh), 0);
	if (version % 8 == 0) set(scene, key, version);
	tally_decref(fresh);
}

static void keys_that_stay_are_found_while_the_dict_grows(void)
{
	begin();
	play((struct scene){full_dict(made_tuple), made_tuple, tally_dict_get, grow, true, false});
	end();
}

static void shrink_and_grow(const struct scene *scene, unsigned key, unsigned version)
{
	tally_object *fresh = counted((int64_t)(version % 64) * KEYS + key);
	if (version / 64 % 2) CHECK(tally_dict_pop(scene->container, fresh, NULL) >= 0);
	else CHECK_EQ(tally_dict_set(scene->container, fresh, fresh), 0);
	tally_decref(fresh);
	if (version % 4 == 0) set(scene, key, version);
}

static void keys_that_stay_are_found_while_tables_come_and_go(void)
{
	begin();
	play((struct scene){full_dict(made_int), made_int, tally_dict_get, shrink_and_grow, true, false});
	end();
}

// What is popped dies at once, and so does the key, when it is one that the writer has made for this.
static void pop_and_insert(const struct scene *scene, unsigned key, unsigned version)
{
	tally_object *own = version % 3 ? key_text(key) : tally_incref(keys[key]), *popped = NULL, *value = scene->make(key, version);
	CHECK(tally_dict_pop(scene->container, own, version % 2 ? &popped : NULL) >= 0);
	tally_decref(popped);
	CHECK_EQ(tally_dict_set(scene->container, own, value), 0);
	tally_decref(value);
	tally_decref(own);
}

static void what_is_popped_and_inserted_anew_is_never_mixed_up(void)
{
	begin();
	play((struct scene){full_dict(made_int), made_int, tally_dict_get, pop_and_insert, false, false});
	play((struct scene){full_dict(made_tuple), made_tuple, tally_dict_get, pop_and_insert, false, false});
	end();
}

static void clear_and_fill(const struct scene *scene, unsigned key, unsigned version)
{
	if (version % 32 == 0) CHECK_EQ(tally_dict_clear(scene->container), 0);
	else if (version % 4 == 0) CHECK(tally_dict_popitem(scene->container, NULL, NULL) >= 0);
	else set(scene, key, version);
}

static void what_is_cleared_away_is_never_mixed_up(void)
{
	begin();
	play((struct scene){full_dict(made_tuple), made_tuple, tally_dict_get, clear_and_fill, false, false});
	end();
}

// Many keys at once, from a dict of the writer's own.
static void update(const struct scene *scene, unsigned key, unsigned version)
{
	if (version % 8) return;
	struct scene source = {.container = must(tally_dict_new()), .make = scene->make};
	for (unsigned i = key % WRITERS; i < KEYS; i += WRITERS) set(&source, i, version);
	CHECK_EQ(tally_dict_update(scene->container, source.container), 0);
	tally_decref(source.container);
}

static void an_update_is_seen_key_by_key(void)
{
	begin();
	play((struct scene){full_dict(made_tuple), made_tuple, tally_dict_get, update, true, false});
	end();
}

static tally_object *counter(unsigned key, unsigned version)
{
	(void)version;
	return integer(code_of(key, 0));
}

static void count(const struct scene *scene, unsigned key, unsigned version)
{
	(void)version;
	for (int i = 0; i < 10; i++) CHECK_EQ(tally_dict_add(scene->container, keys[key], 1, NULL), 0);
}

static void a_counter_that_is_read_only_goes_up_and_what_has_been_read_stays(void)
{
	begin();
	play((struct scene){full_dict(counter), counter, tally_dict_get, count, true, false});
	end();
}

// Two changes, in a critical section.
static void set_twice(const struct scene *scene, unsigned key, unsigned version)
{
	for (unsigned i = 1; i <= 2; i++) {
		tally_object *value = scene->make(key, 2 * version + i);
		CHECK_EQ((tally_is_dict(scene->container) ? tally_dict_set : tally_attr_set)(scene->container, keys[key], value), 0);
		tally_decref(value);
	}
}

static void change_twice(const struct scene *scene, unsigned key, unsigned version)
{
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, scene->container), 0);
	set_twice(scene, key, version);
	CHECK_EQ(tally_critical_end(&section), 0);
}

// In a section over the instance alone the thread might wait for the dict, and the section let go meanwhile.
static void change_twice_in_a_dict(const struct scene *scene, unsigned key, unsigned version)
{
	tally_critical section;
	tally_object *dict = must(tally_attr_dict(scene->container));
	CHECK_EQ(tally_critical_begin_two(&section, scene->container, dict), 0);
	set_twice(scene, key, version);
	CHECK_EQ(tally_critical_end(&section), 0);
	tally_decref(dict);
}

static void what_is_done_in_a_section_is_seen_at_its_end(void)
{
	begin();
	play((struct scene){full_dict(made_small), made_small, tally_dict_get, change_twice, true, true});
	end();
}

// ---- sets ----

static int find_code(tally_object *container, tally_object *key, tally_object **value)
{
	(void)value;
	int there = tally_set_contains(container, key);
	return there < 0 ? -1 : 0;
}

static void add_and_discard(const struct scene *scene, unsigned key, unsigned version)
{
	tally_object *own = version % 3 ? key_text(key) : tally_incref(keys[key]);
	CHECK((version % 2 ? tally_set_add : tally_set_discard)(scene->container, own) >= 0);
	if (version % 512 == 0) CHECK_EQ(tally_set_clear(scene->container), 0);
	if (version % 16 == 0) CHECK(tally_set_pop(scene->container, NULL) >= 0);
	tally_decref(own);
}

static void a_set_is_asked_while_its_elements_come_and_go(void)
{
	begin();
	play((struct scene){must(tally_set_new(NULL)), NULL, find_code, add_and_discard, false, false});
	end();
}

// 1 when exactly the even ones of the keys that nobody changes are there.
struct halves {
	tally_object *set;
	atomic_uint wrong;
};

static void ask_for_halves(struct halves *halves, unsigned number)
{
	tally_object *own[KEYS];
	for (unsigned i = 0; i < KEYS; i++) own[i] = number % 2 ? key_text(i) : tally_incref(keys[i]);
	atomic_fetch_add(&readers_there, 1);
	do
		for (unsigned i = 0; i < KEYS; i++)
			if (tally_set_contains(halves->set, own[i]) != (i % 2 == 0)) atomic_fetch_add(&halves->wrong, 1);
	while (atomic_load(&writers_left));
	for (unsigned i = 0; i < KEYS; i++) tally_decref(own[i]);
}

static void add_others(struct halves *halves, unsigned number)
{
	await_readers();
	for (unsigned i = 0; i < (unsigned)tap_scale(ROUNDS); i++) {
		tally_object *other = counted((int64_t)(i % 500) * WRITERS + number);
		CHECK((i / 500 % 2 ? tally_set_discard : tally_set_add)(halves->set, other) >= 0);
		tally_decref(other);
	}
	atomic_fetch_sub(&writers_left, 1);
}

static void ask_or_add(void *context, unsigned number)
{
	if (number < WRITERS) add_others(context, number);
	else ask_for_halves(context, number);
}

static void elements_that_stay_are_found_and_others_are_not(void)
{
	begin();
	struct halves halves = {.set = must(tally_set_new(NULL))};
	for (unsigned i = 0; i < KEYS; i += 2) CHECK_EQ(tally_set_add(halves.set, keys[i]), 1);
	run_all(ask_or_add, &halves);
	CHECK_EQ(atomic_load(&halves.wrong), 0);
	tally_decref(halves.set);
	end();
}

// ---- attributes and cells ----

static void set_attribute(const struct scene *scene, unsigned key, unsigned version)
{
	tally_object *value = scene->make(key, version);
	if (version % 5 == 0 && !scene->is_always_there) CHECK(tally_attr_delete(scene->container, keys[key]) >= 0);
	else CHECK_EQ(tally_attr_set(scene->container, keys[key], value), 0);
	tally_decref(value);
}

// In the middle of it all the table becomes a dict.
static void set_attribute_then_in_a_dict(const struct scene *scene, unsigned key, unsigned version)
{
	if (version == (unsigned)tap_scale(ROUNDS) / 2) tally_decref(must(tally_attr_dict(scene->container)));
	set_attribute(scene, key, version);
}

static tally_object *instance_of(const char *const *slots, size_t slot_count)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "thing", .slots = slots, .slot_count = slot_count};
	tally_object *type = must(tally_class_new(&spec)), *instance = must(tally_instance_new(type));
	tally_decref(type);
	return instance;
}

static void fill_attributes(tally_object *instance, tally_object *(*make)(unsigned key, unsigned version))
{
	struct scene scene = {.container = instance, .make = make, .is_always_there = true};
	for (unsigned i = 0; i < KEYS; i++) set_attribute(&scene, i, 0);
}

static void attributes_in_a_table_are_read_while_they_change(void)
{
	begin();
	tally_object *instance = instance_of(NULL, 0);
	fill_attributes(instance, made_tuple);
	play((struct scene){tally_incref(instance), made_tuple, tally_attr_get, set_attribute, true, false});
	for (unsigned i = 0; i < KEYS; i++) CHECK_EQ(tally_attr_delete(instance, keys[i]), 1);
	play((struct scene){instance, made_int, tally_attr_get, set_attribute, false, false});
	end();
}

static void attributes_are_read_while_the_table_becomes_a_dict(void)
{
	begin();
	tally_object *instance = instance_of(NULL, 0);
	fill_attributes(instance, made_tuple);
	play((struct scene){instance, made_tuple, tally_attr_get, set_attribute_then_in_a_dict, true, false});
	end();
}

static void attributes_in_slots_are_read_while_they_change(void)
{
	const char *names[KEYS];
	begin();
	for (unsigned i = 0; i < KEYS; i++) names[i] = tally_str_utf8(keys[i], NULL);
	play((struct scene){instance_of(names, KEYS), made_tuple, tally_attr_get, set_attribute, false, false});
	end();
}

static void attributes_that_change_in_a_section_are_seen_at_its_end(void)
{
	begin();
	tally_object *instance = instance_of(NULL, 0);
	fill_attributes(instance, made_small);
	play((struct scene){tally_incref(instance), made_small, tally_attr_get, change_twice, true, true});
	for (unsigned i = 0; i < KEYS; i++) CHECK_EQ(tally_attr_delete(instance, keys[i]), 1);
	tally_decref(must(tally_attr_dict(instance)));
	play((struct scene){instance, made_small, tally_attr_get, change_twice_in_a_dict, false, true});
	end();
}

static int get_from_cell(tally_object *tuple, tally_object *key, tally_object **value)
{
	(void)key;
	tally_object *cell = tally_tuple_get(tuple, 0);
	int there = tally_cell_get(cell, value);
	tally_decref(cell);
	return there;
}

static void put_in_cell(const struct scene *scene, unsigned key, unsigned version)
{
	if (key % WRITERS) return;
	tally_object *cell = tally_tuple_get(scene->container, 0), *value = scene->make(0, version);
	CHECK_EQ(tally_cell_set(cell, version % 7 ? value : NULL), 0);
	tally_decref(cell);
	tally_decref(value);
}

// Whatever key they ask for: the cell has the first one's.
static int get_first_from_cell(tally_object *tuple, tally_object *key, tally_object **value)
{
	if (key != keys[0]) return *value = NULL, 0;
	return get_from_cell(tuple, key, value);
}

static void a_cell_is_read_while_it_changes(void)
{
	begin();
	tally_object *cell = must(tally_cell_new(NULL)), *tuple = must(tally_tuple_new(&cell, 1));
	tally_decref(cell);
	play((struct scene){tuple, made_tuple, get_first_from_cell, put_in_cell, false, false});
	end();
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_value_that_is_replaced_is_seen_whole_or_not_at_all);
	TAP_RUN(keys_that_stay_are_found_while_the_dict_grows);
	TAP_RUN(keys_that_stay_are_found_while_tables_come_and_go);
	TAP_RUN(what_is_popped_and_inserted_anew_is_never_mixed_up);
	TAP_RUN(what_is_cleared_away_is_never_mixed_up);
	TAP_RUN(an_update_is_seen_key_by_key);
	TAP_RUN(a_counter_that_is_read_only_goes_up_and_what_has_been_read_stays);
	TAP_RUN(what_is_done_in_a_section_is_seen_at_its_end);
	TAP_RUN(a_set_is_asked_while_its_elements_come_and_go);
	TAP_RUN(elements_that_stay_are_found_and_others_are_not);
	TAP_RUN(attributes_in_a_table_are_read_while_they_change);
	TAP_RUN(attributes_are_read_while_the_table_becomes_a_dict);
	TAP_RUN(attributes_in_slots_are_read_while_they_change);
	TAP_RUN(attributes_that_change_in_a_section_are_seen_at_its_end);
	TAP_RUN(a_cell_is_read_while_it_changes);
	return tap_end();
}
