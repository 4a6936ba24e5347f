// tests/weak_dict.c: weak value dicts and weak key dicts: what they find, deaths at any moment, stale watchers, cycles, memory that
// cannot be had, threads. Numbers in brackets are those of the list of behaviours that the design begins with.
//
// A thing has a number, and equals and hashes by identity. A twin has one, too, and equals twins of the same number; twins with
// equal tens have equal hashes.
#include "classes.h"
#include "turns.h"

static struct {
	tally_object *things, *twins, *number; // two classes; the attribute's name
	void (*during)(tally_object *self, tally_object *other); // in each comparison of twins; NULL: nothing
	void (*finalizing)(tally_object *self);                  // in each finalizer of a thing
	bool fail_equal, fail_hash;
} rules;

// ---- helpers ----

static int64_t number_of(tally_object *object)
{
	tally_object *number = NULL;
	if (!tally_is_instance(object) || tally_attr_get(object, rules.number, &number) != 1) return INT64_MIN;
	return take_value(number);
}

static int hash_twin(tally_object *self, uint64_t *hash, void *context)
{
	(void)context;
	*hash = (uint64_t)(number_of(self) / 10);
	if (rules.fail_hash) tally_error_set(TALLY_ERROR_VALUE, "the hash of a twin");
	return rules.fail_hash ? -1 : 0;
}

static int compare_twins(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	if (rules.during) rules.during(self, other);
	if (rules.fail_equal) tally_error_set(TALLY_ERROR_VALUE, "the equality of a twin");
	return rules.fail_equal ? -1 : number_of(self) == number_of(other);
}

static void finalize_thing(tally_object *self, void *context)
{
	(void)context;
	if (rules.finalizing) rules.finalizing(self);
}

static void weak_start(void)
{
	classes_start();
	memset(&rules, 0, sizeof rules);
	rules.number = text("number");
	rules.things = CLASS(.name = "thing", .finalize = finalize_thing);
	rules.twins = CLASS(.name = "twin", .hash = hash_twin, .equal = compare_twins);
}

static void weak_stop(void)
{
	tally_object *all[] = {rules.things, rules.twins, rules.number};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	CHECK_NO_ERROR();
	rules.during = NULL;
	rules.finalizing = NULL;
	classes_stop();
}

static tally_object *numbered(tally_object *type, int64_t number)
{
	tally_object *made = instance(type), *value = integer(number);
	CHECK_EQ(tally_attr_set(made, rules.number, value), 0);
	tally_decref(value);
	return made;
}

static tally_object *thing(int64_t number) { return numbered(rules.things, number); }
static tally_object *twin(int64_t number) { return numbered(rules.twins, number); }

static tally_object *value_dict(void) { return must(tally_weak_value_dict_new(NULL)); }
static tally_object *key_dict(void) { return must(tally_weak_key_dict_new(NULL)); }

static size_t size_of(tally_object *dict)
{
	size_t size = SIZE_MAX;
	if (!CHECK_EQ(tally_len(dict, &size), 0)) tap_note("%s", tally_error_message());
	return size;
}

static void put_weak(tally_object *dict, tally_object *key, tally_object *value)
{
	if (!CHECK_EQ(tally_weak_dict_set(dict, key, value), 0)) tap_note("%s", tally_error_message());
}

// A new reference to the value, or NULL.
static tally_object *at(tally_object *dict, tally_object *key)
{
	tally_object *value = key;
	int found = tally_weak_dict_get(dict, key, &value);
	if (!CHECK_EQ(found, value ? 1 : 0)) tap_note("%s", tally_error_message());
	CHECK_EQ(tally_weak_dict_contains(dict, key), found);
	return value;
}

static bool has(tally_object *dict, tally_object *key, tally_object *value)
{
	tally_object *found = at(dict, key);
	tally_decref(found);
	return CHECK_PTR(found, value);
}

static bool has_at(tally_object *dict, int64_t number, tally_object *value)
{
	tally_object *key = integer(number);
	bool has_it = has(dict, key, value);
	tally_decref(key);
	return has_it;
}

static void set_at(tally_object *dict, int64_t number, tally_object *value)
{
	tally_object *key = integer(number);
	put_weak(dict, key, value);
	tally_decref(key);
}

static size_t refs_to(tally_object *object)
{
	size_t count = SIZE_MAX;
	CHECK_EQ(tally_weakref_count(object, &count), 0);
	return count;
}

enum { TEN = 10 };

static void make_things(tally_object **things)
{
	for (int i = 0; i < TEN; i++) things[i] = thing(i);
}

static void drop_things(tally_object **things)
{
	for (int i = 0; i < TEN; i++) {
		tally_decref(things[i]);
		things[i] = NULL;
	}
}

// Both kinds, with entries for ten things: number -> thing, and thing -> number.
static tally_object *values_of(tally_object **things)
{
	tally_object *dict = value_dict();
	for (int i = 0; i < TEN; i++) set_at(dict, i, things[i]);
	return dict;
}

static tally_object *keys_of(tally_object **things)
{
	tally_object *dict = key_dict();
	for (int i = 0; i < TEN; i++) {
		tally_object *number = integer(i);
		put_weak(dict, things[i], number);
		tally_decref(number);
	}
	return dict;
}

static tally_object *entries_of(bool by_key, tally_object **things) { return by_key ? keys_of(things) : values_of(things); }

// The number of an entry of such a dict, or INT64_MIN: key and value do not belong together.
static int64_t entry_number(tally_object *key, tally_object *value)
{
	bool by_key = tally_is_instance(key);
	int64_t number = value_of(by_key ? value : key);
	return number_of(by_key ? key : value) == number ? number : INT64_MIN;
}

// Which of the ten entries iteration meets, as bits; each once.
static unsigned met(tally_object *dict)
{
	tally_object *key, *value;
	size_t position = 0;
	unsigned seen = 0;
	while (tally_weak_dict_next(dict, &position, &key, &value) == 1) {
		int64_t number = entry_number(key, value);
		if (CHECK(number >= 0 && number < TEN)) {
			CHECK(!(seen & 1u << number));
			seen |= 1u << number;
		}
		tally_decref(key);
		tally_decref(value);
	}
	return seen;
}

enum { ALL = (1 << TEN) - 1 };

#define FOR_BOTH_KINDS(by_key) for (int by_key = 0; by_key < 2; by_key++)

// ---- finding [139, 140] ----

static void a_weak_value_dict_has_its_values_until_they_die(void) // 139
{
	tally_object *things[TEN];
	make_things(things);
	tally_object *dict = values_of(things);
	for (int i = 0; i < TEN; i++) {
		has_at(dict, i, things[i]);
		CHECK_EQ(refs_to(things[i]), 1);
		CHECK_EQ(tally_refcount(things[i]), 1);
	}
	has_at(dict, TEN, NULL);
	CHECK_EQ(size_of(dict), TEN);
	tally_object *copy = must(tally_weak_dict_copy(dict));
	CHECK(tally_is_weak_value_dict(copy));
	CHECK_EQ(tally_equal(dict, copy), 1);
	CHECK_EQ(met(copy), ALL);
	tally_decref(things[3]);
	things[3] = NULL;
	CHECK_EQ(size_of(dict), 9);
	CHECK_EQ(size_of(copy), 9);
	tally_decref(copy);
	has_at(dict, 3, NULL);
	drop_things(things);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

static void a_weak_key_dict_has_its_keys_until_they_die(void) // 140
{
	tally_object *things[TEN], *other = thing(0), *value;
	make_things(things);
	tally_object *dict = keys_of(things);
	for (int i = 0; i < TEN; i++) {
		CHECK_EQ(take_value(at(dict, things[i])), i);
		CHECK_EQ(refs_to(things[i]), 1);
	}
	has(dict, other, NULL);
	CHECK_EQ(refs_to(other), 0); // to look needs no anchor
	CHECK_EQ(size_of(dict), TEN);
	tally_object *copy = must(tally_weak_dict_copy(dict));
	CHECK(tally_is_weak_key_dict(copy));
	CHECK_EQ(tally_equal(dict, copy), 1);
	CHECK_EQ(met(copy), ALL);
	tally_decref(things[3]);
	things[3] = NULL;
	CHECK_EQ(size_of(dict), 9);
	CHECK_EQ(size_of(copy), 9);
	tally_decref(copy);
	drop_things(things);
	CHECK_EQ(size_of(dict), 0);
	CHECK_EQ(tally_weak_dict_get(dict, other, &value), 0);
	CHECK_PTR(value, NULL);
	tally_decref(other);
	tally_decref(dict);
}

static void a_strong_value_dies_with_its_weak_key(void)
{
	tally_object *probes = fixture_probe_type(), *value = probe(probes, 0), *key = thing(1), *dict = key_dict();
	put_weak(dict, key, value);
	tally_decref(value);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	tally_decref(key);
	check_died_in_order(1);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

static void a_strong_key_dies_with_its_weak_value(void)
{
	tally_object *probes = fixture_probe_type(), *key = probe(probes, 0), *value = thing(1), *dict = value_dict();
	put_weak(dict, key, value);
	tally_decref(key);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	tally_decref(value);
	check_died_in_order(1);
	tally_decref(dict);
}

static void one_object_may_be_the_value_of_many_keys(void)
{
	tally_object *value = thing(1), *one = value_dict(), *two = value_dict();
	for (int i = 0; i < 200; i++) set_at(i % 2 ? one : two, i, value);
	CHECK_EQ(refs_to(value), 200);
	tally_decref(value);
	CHECK_EQ(size_of(one) + size_of(two), 0);
	tally_decref(one);
	tally_decref(two);
}

// ---- iteration [141, 144, 146] ----

static void check_list_of_objects(tally_object *list, tally_object **things)
{
	size_t size = 0;
	CHECK_EQ(tally_list_size(list, &size), 0);
	if (CHECK_EQ(size, TEN))
		for (size_t i = 0; i < size; i++) {
			tally_object *item = must(tally_list_get(list, (ptrdiff_t)i));
			CHECK_PTR(item, things[i]);
			tally_decref(item);
		}
	tally_decref(list);
}

static void check_list_of_numbers(tally_object *list)
{
	for (int i = 0; i < TEN; i++) CHECK_EQ(take_value(tally_list_get(list, i)), i);
	tally_decref(list);
}

static void check_items(tally_object *items)
{
	for (int i = 0; i < TEN; i++) {
		tally_object *pair = must(tally_list_get(items, i));
		tally_object *key = must(tally_tuple_get(pair, 0)), *value = must(tally_tuple_get(pair, 1));
		CHECK_EQ(entry_number(key, value), i);
		tally_decref(key);
		tally_decref(value);
		tally_decref(pair);
	}
	tally_decref(items);
}

static void check_refs(tally_object *refs, tally_object **things)
{
	for (int i = 0; i < TEN; i++) {
		tally_object *ref = must(tally_list_get(refs, i)), *object = NULL;
		CHECK_EQ(tally_weakref_get(ref, &object), 1);
		CHECK_PTR(object, things[i]);
		tally_decref(object);
		tally_decref(ref);
	}
	tally_decref(refs);
}

static void iteration_and_lists_have_each_living_entry_once(void) // 141
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN];
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *keys = must(tally_weak_dict_keys(dict)),
			     *values = must(tally_weak_dict_values(dict));
		CHECK_EQ(met(dict), ALL);
		check_list_of_objects(by_key ? keys : values, things);
		check_list_of_numbers(by_key ? values : keys);
		check_items(must(tally_weak_dict_items(dict)));
		check_refs(must(tally_weak_dict_refs(dict)), things);
		CHECK_EQ(refs_to(things[0]), 1);
		drop_things(things);
		tally_decref(dict);
	}
}

static void lists_of_an_empty_dict_are_empty(void)
{
	tally_object *(*const lists[])(tally_object *) = {tally_weak_dict_keys, tally_weak_dict_values,
	                                                  tally_weak_dict_items, tally_weak_dict_refs};
	FOR_BOTH_KINDS(by_key) {
		tally_object *dict = by_key ? key_dict() : value_dict();
		for (int i = 0; i < 4; i++) {
			tally_object *list = must(lists[i](dict));
			CHECK_EQ(size_of(list), 0);
			tally_decref(list);
		}
		tally_decref(dict);
	}
}

// Goes through half of the dict by tally_weak_dict_next, lets entry number `victim` die, and goes on. Returns what was met.
static unsigned meet_while_one_dies(tally_object *dict, tally_object **things, int victim)
{
	tally_object *key, *value;
	size_t position = 0;
	unsigned seen = 0;
	for (int step = 0; tally_weak_dict_next(dict, &position, &key, &value) == 1; step++) {
		seen |= 1u << entry_number(key, value);
		tally_decref(key);
		tally_decref(value);
		if (step == TEN / 2) {
			tally_decref(things[victim]);
			things[victim] = NULL;
		}
	}
	return seen;
}

static void deaths_during_an_iteration_skip_nobody_else(void) // 144
{
	FOR_BOTH_KINDS(by_key) {
		for (int victim = 0; victim < TEN; victim++) {
			tally_object *things[TEN];
			make_things(things);
			tally_object *dict = entries_of(by_key, things);
			unsigned seen = meet_while_one_dies(dict, things, victim);
			CHECK_EQ(seen, victim > TEN / 2 ? ALL & ~(1u << victim) : (unsigned)ALL);
			CHECK_EQ(met(dict), ALL & ~(1u << victim));
			CHECK_EQ(size_of(dict), TEN - 1);
			drop_things(things);
			tally_decref(dict);
		}
	}
}

static void an_iterator_gives_the_keys_of_those_that_are_alive(void) // 144
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *key;
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *iterator = must(tally_iter(dict));
		int given = 0;
		for (; tally_next(iterator, &key) == 1; given++) {
			CHECK_EQ(by_key ? number_of(key) : value_of(key), given < 4 ? given : given + 3);
			tally_decref(key);
			for (int i = 4; given == 3 && i < 7; i++) {
				tally_decref(things[i]);
				things[i] = NULL;
			}
		}
		CHECK_EQ(given, TEN - 3);
		CHECK(!tally_iter_reversed(dict));
		CHECK_ERROR(
			TALLY_ERROR_TYPE,
			by_key ? "iter_reversed: expected a str, bytes, tuple, list or dict, got a 'weak_key_dict'"
			       : "iter_reversed: expected a str, bytes, tuple, list or dict, got a 'weak_value_dict'");
		tally_decref(iterator);
		drop_things(things);
		tally_decref(dict);
	}
}

static void the_size_is_exact_with_removals_of_every_kind_under_an_iterator(void) // 146
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *key, *value;
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *iterator = must(tally_iter(dict)), *number = integer(1);
		CHECK_EQ(tally_next(iterator, &key), 1);
		tally_decref(key);
		CHECK_EQ(tally_weak_dict_pop(dict, by_key ? things[1] : number, NULL), 1);
		CHECK_EQ(size_of(dict), 9);
		CHECK_EQ(tally_weak_dict_popitem(dict, &key, &value), 1);
		CHECK_EQ(entry_number(key, value), 9);
		tally_decref(key);
		tally_decref(value);
		CHECK_EQ(size_of(dict), 8);
		tally_decref(things[4]);
		things[4] = NULL;
		CHECK_EQ(size_of(dict), 7);
		tally_decref(things[1]); // its entry is gone already
		things[1] = NULL;
		CHECK_EQ(size_of(dict), 7);
		CHECK_EQ(tally_next(iterator, &key), 1);
		CHECK_EQ(by_key ? number_of(key) : value_of(key), 2);
		tally_decref(key);
		CHECK_EQ(tally_weak_dict_clear(dict), 0);
		CHECK_EQ(size_of(dict), 0);
		CHECK_EQ(tally_next(iterator, &key), 0);
		CHECK_EQ(refs_to(things[5]), 0);
		tally_decref(iterator);
		tally_decref(number);
		drop_things(things);
		CHECK_EQ(size_of(dict), 0);
		tally_decref(dict);
	}
}

// ---- making and updating [147, 151, 152] ----

// A dict, a weak dict of either kind, and a list of pairs, each with the ten entries.
enum { SOURCES = 3 };
static void make_sources(bool by_key, tally_object **things, tally_object **sources)
{
	tally_object *key, *value;
	size_t position = 0;
	sources[0] = entries_of(by_key, things);
	sources[1] = must(tally_dict_new());
	sources[2] = must(tally_weak_dict_items(sources[0]));
	while (tally_weak_dict_next(sources[0], &position, &key, &value) == 1) {
		put(sources[1], key, value);
		tally_decref(key);
		tally_decref(value);
	}
}

static void drop_sources(tally_object **sources)
{
	for (int i = 0; i < SOURCES; i++) tally_decref(sources[i]);
}

static tally_object *made_from(bool by_key, tally_object *from)
{
	return by_key ? tally_weak_key_dict_new(from) : tally_weak_value_dict_new(from);
}

static void it_is_made_and_updated_from_dicts_weak_dicts_and_pairs(void) // 147, 151
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *sources[SOURCES];
		make_things(things);
		make_sources(by_key, things, sources);
		for (int i = 0; i < SOURCES; i++) {
			tally_object *made = must(made_from(by_key, sources[i])), *updated = must(made_from(by_key, NULL));
			CHECK_EQ(met(made), ALL);
			CHECK_EQ(tally_weak_dict_update(updated, sources[i]), 0);
			CHECK_EQ(met(updated), ALL);
			CHECK_EQ(tally_equal(made, updated), 1);
			CHECK_EQ(tally_weak_dict_update(updated, updated), 0);
			CHECK_EQ(size_of(updated), TEN);
			tally_decref(made);
			tally_decref(updated);
		}
		drop_sources(sources);
		drop_things(things);
	}
}

static void each_kind_is_made_from_the_other(void) // 147
{
	tally_object *things[TEN], *pairs = key_dict();
	make_things(things);
	for (int i = 0; i + 1 < TEN; i++) put_weak(pairs, things[i], things[i + 1]);
	tally_object *values = must(tally_weak_value_dict_new(pairs)), *keys = must(tally_weak_key_dict_new(values));
	CHECK_EQ(size_of(values), TEN - 1);
	for (int i = 0; i + 1 < TEN; i++) {
		has(values, things[i], things[i + 1]);
		has(keys, things[i], things[i + 1]);
	}
	tally_object *all[] = {pairs, values, keys};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	drop_things(things);
}

static void what_is_no_pair_is_refused(void)
{
	tally_object *dict = value_dict(), *number = integer(7), *single = must(tally_tuple_new(&number, 1));
	tally_object *of_numbers = must(tally_list_from(&number, 1)), *of_singles = must(tally_list_from(&single, 1));
	CHECK_EQ(tally_weak_dict_update(dict, of_numbers), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_update: expected tuples (key, value), got a 'int'");
	CHECK_EQ(tally_weak_dict_update(dict, of_singles), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_update: a tuple of 1 elements, expected (key, value)");
	CHECK_EQ(tally_weak_dict_update(dict, number), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE,
	            "weak_dict_update: expected a str, bytes, tuple, list, dict, set or iterator, got a 'int'");
	CHECK_EQ(tally_weak_dict_update(dict, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_update: expected a dict, a weak dict or pairs, got NULL");
	CHECK(!tally_weak_key_dict_new(of_singles));
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_key_dict_new: a tuple of 1 elements, expected (key, value)");
	tally_object *all[] = {dict, number, single, of_numbers, of_singles};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static void an_update_that_fails_has_set_what_came_before(void)
{
	tally_object *dict = value_dict(), *from = must(tally_dict_new()), *value = thing(1), *keys[3];
	for (int i = 0; i < 3; i++) {
		keys[i] = integer(i);
		put(from, keys[i], i == 1 ? keys[i] : value);
	}
	CHECK_EQ(tally_weak_dict_update(dict, from), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_update: cannot create weak reference to 'int' object");
	CHECK_EQ(size_of(dict), 1);
	has_at(dict, 0, value);
	CHECK(!tally_weak_value_dict_new(from));
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_value_dict_new: cannot create weak reference to 'int' object");
	tally_object *all[] = {dict, from, value, keys[0], keys[1], keys[2]};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
}

static void unions_are_weak_and_the_second_wins(void) // 152
{
	tally_object *one = thing(1), *two = thing(2), *other = thing(3), *a = value_dict(), *b = value_dict();
	tally_object *strong = must(tally_dict_new()), *key = integer(1), *unions[3];
	set_at(a, 1, one);
	set_at(a, 2, two);
	set_at(b, 1, other);
	put(strong, key, other);
	unions[0] = must(tally_weak_dict_union(a, b));
	unions[1] = must(tally_weak_dict_union(a, strong));
	unions[2] = must(tally_weak_dict_union(strong, a));
	for (int i = 0; i < 3; i++) {
		CHECK(tally_is_weak_value_dict(unions[i]));
		CHECK_EQ(size_of(unions[i]), 2);
		has_at(unions[i], 1, i < 2 ? other : one);
		has_at(unions[i], 2, two);
	}
	has_at(a, 1, one);
	tally_decref(two);
	for (int i = 0; i < 3; i++) CHECK_EQ(size_of(unions[i]), 1);
	CHECK(!tally_weak_dict_union(strong, strong));
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_union: expected at least one weak dict, got a 'dict'");
	CHECK(!tally_weak_dict_union(a, key));
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_union: expected a dict or weak dict, got a 'int'");
	CHECK(!tally_weak_dict_union(NULL, a));
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_union: expected a dict or weak dict, got NULL");
	tally_object *all[] = {one, other, a, b, strong, key, unions[0], unions[1], unions[2]};
	for (int i = 0; i < 9; i++) tally_decref(all[i]);
}

static void a_union_is_of_the_kind_of_the_first(void) // 152
{
	tally_object *things[TEN], *strong = must(tally_dict_new()), *keys = key_dict(), *values = value_dict();
	make_things(things);
	put_weak(keys, things[0], things[1]);
	put_weak(values, things[2], things[3]);
	put(strong, things[4], things[5]);
	tally_object *unions[] = {must(tally_weak_dict_union(keys, values)), must(tally_weak_dict_union(values, keys)),
	                          must(tally_weak_dict_union(strong, keys))};
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_is_weak_key_dict(unions[i]), i != 1);
		CHECK_EQ(size_of(unions[i]), 2);
		has(unions[i], things[0], things[1]);
		tally_decref(unions[i]);
	}
	tally_object *all[] = {strong, keys, values};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	drop_things(things);
}

// ---- changing [149, 150, 153] ----

static void popitem_gives_each_pair_once_the_last_first(void) // 149
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *key, *value;
		make_things(things);
		tally_object *dict = entries_of(by_key, things);
		for (int i = TEN; i > 0; i--) {
			CHECK_EQ(tally_weak_dict_popitem(dict, &key, &value), 1);
			CHECK_EQ(entry_number(key, value), i - 1);
			CHECK_EQ(size_of(dict), i - 1);
			tally_decref(key);
			tally_decref(value);
			CHECK_EQ(refs_to(things[i - 1]), 0);
		}
		CHECK_EQ(tally_weak_dict_popitem(dict, &key, &value), 0);
		CHECK(!key && !value);
		CHECK_EQ(tally_weak_dict_popitem(dict, NULL, NULL), 0);
		drop_things(things);
		tally_decref(dict);
	}
}

static void setdefault_gives_what_is_there_or_stores(void) // 150
{
	tally_object *one = thing(1), *two = thing(2), *values = value_dict(), *keys = key_dict(), *key = integer(5);
	tally_object *given[] = {
		must(tally_weak_dict_setdefault(values, key, one)), must(tally_weak_dict_setdefault(values, key, two)),
		must(tally_weak_dict_setdefault(keys, one, key)), must(tally_weak_dict_setdefault(keys, one, two))};
	tally_object *expected[] = {one, one, key, key};
	for (int i = 0; i < 4; i++) {
		CHECK_PTR(given[i], expected[i]);
		tally_decref(given[i]);
	}
	CHECK_EQ(refs_to(two), 0);
	tally_decref(one);
	CHECK_EQ(size_of(values) + size_of(keys), 0);
	tally_object *again = must(tally_weak_dict_setdefault(values, key, two));
	CHECK_PTR(again, two);
	tally_object *all[] = {again, two, values, keys, key};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

static void pop_removes_exactly_that_entry(void) // 153
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *value = NULL, *number = integer(4);
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *key = by_key ? things[4] : number;
		CHECK_EQ(tally_weak_dict_pop(dict, key, &value), 1);
		CHECK_PTR(value, by_key ? number : things[4]);
		CHECK_EQ(met(dict), ALL & ~(1u << 4));
		tally_decref(value);
		CHECK_EQ(tally_weak_dict_pop(dict, key, &value), 0);
		CHECK_PTR(value, NULL);
		tally_decref(number);
		drop_things(things);
		tally_decref(dict);
	}
}

static void a_value_may_be_replaced_by_itself_or_another(void)
{
	tally_object *one = thing(1), *two = thing(2), *dict = value_dict();
	for (int i = 0; i < 3; i++) set_at(dict, 1, one);
	CHECK_EQ(refs_to(one), 1);
	set_at(dict, 1, two);
	CHECK_EQ(refs_to(one), 0);
	CHECK_EQ(size_of(dict), 1);
	has_at(dict, 1, two);
	tally_decref(one);
	CHECK_EQ(size_of(dict), 1);
	tally_decref(two);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

static void equal_keys_that_are_alive_are_one(void)
{
	tally_object *first = twin(11), *second = twin(11), *third = twin(12), *dict = key_dict(), *one = integer(1),
		     *two = integer(2);
	put_weak(dict, first, one);
	put_weak(dict, third, one);
	put_weak(dict, second, two);
	CHECK_EQ(size_of(dict), 2);
	has(dict, first, two);
	has(dict, second, two);
	has(dict, third, one);
	CHECK_EQ(refs_to(second), 0);
	tally_decref(first); // the entry goes with the key that it was made for
	CHECK_EQ(size_of(dict), 1);
	has(dict, second, NULL);
	tally_object *all[] = {second, third, dict, one, two};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

// ---- what is refused [154] ----

static void keys_that_cannot_be_referred_to_weakly_are_refused(void) // 154
{
	static const char words[] = ": cannot create weak reference to 'int' object";
	tally_object *dict = key_dict(), *number = integer(5), *value = number, *absent = thing(1);
	CHECK_EQ(tally_weak_dict_contains(dict, number), 0); // 140
	CHECK_NO_ERROR();
	CHECK_EQ(tally_weak_dict_get(dict, number, &value), -1);
	CHECK_PTR(value, NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, words);
	CHECK_EQ(tally_weak_dict_set(dict, number, number), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_set: cannot create weak reference to 'int' object");
	CHECK(!tally_weak_dict_setdefault(dict, number, number));
	CHECK_FAILED(TALLY_ERROR_TYPE, words);
	CHECK_EQ(tally_weak_dict_pop(dict, number, &value), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, words);
	CHECK_EQ(tally_weak_dict_get(dict, absent, &value), 0);
	CHECK_EQ(tally_weak_dict_pop(dict, absent, &value), 0);
	CHECK_NO_ERROR();
	tally_object *all[] = {dict, number, absent};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void values_that_cannot_be_referred_to_weakly_are_refused(void)
{
	tally_object *dict = value_dict(), *number = integer(5), *list = must(tally_list_new()), *there = thing(1);
	CHECK_EQ(tally_weak_dict_set(dict, number, number), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_set: cannot create weak reference to 'int' object");
	set_at(dict, 5, there);
	CHECK(!tally_weak_dict_setdefault(dict, number, list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_dict_setdefault: cannot create weak reference to 'list' object");
	CHECK_EQ(tally_weak_dict_set(dict, list, there), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "hashable");
	CHECK_EQ(size_of(dict), 1);
	CHECK_EQ(refs_to(there), 1);
	tally_object *all[] = {dict, number, list, there};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void what_is_missing_is_refused(void)
{
	tally_object *dict = value_dict(), *value = thing(1), *found = value, *number = integer(1);
	CHECK_EQ(tally_weak_dict_get(dict, NULL, &found), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_get: the key is NULL");
	CHECK_EQ(tally_weak_dict_contains(dict, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_contains: the key is NULL");
	CHECK_EQ(tally_weak_dict_set(dict, NULL, value), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_set: the key is NULL");
	CHECK_EQ(tally_weak_dict_set(dict, value, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_set: the value is NULL");
	CHECK(!tally_weak_dict_setdefault(dict, value, NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_setdefault: the value is NULL");
	CHECK_EQ(tally_weak_dict_pop(dict, NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "weak_dict_pop: the key is NULL");
	tally_object *all[] = {dict, value, number};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void what_is_no_weak_dict_is_refused_by_every_function(void)
{
	tally_object *wrong[] = {NULL, must(tally_dict_new())}, *key = integer(1), *value;
	size_t size, position = 0;
	for (int i = 0; i < 2; i++) {
		tally_object *dict = wrong[i];
		CHECK(!tally_weak_dict_copy(dict) && !tally_weak_dict_keys(dict) && !tally_weak_dict_values(dict));
		CHECK(!tally_weak_dict_items(dict) && !tally_weak_dict_refs(dict) &&
		      !tally_weak_dict_setdefault(dict, key, key));
		CHECK_EQ(tally_weak_dict_size(dict, &size), -1);
		CHECK_EQ(tally_weak_dict_get(dict, key, &value), -1);
		CHECK_EQ(tally_weak_dict_contains(dict, key), -1);
		CHECK_EQ(tally_weak_dict_next(dict, &position, NULL, NULL), -1);
		CHECK_EQ(tally_weak_dict_set(dict, key, key), -1);
		CHECK_EQ(tally_weak_dict_pop(dict, key, &value), -1);
		CHECK_EQ(tally_weak_dict_popitem(dict, NULL, NULL), -1);
		CHECK_EQ(tally_weak_dict_update(dict, key), -1);
		CHECK_EQ(tally_weak_dict_clear(dict), -1);
		CHECK_ERROR(TALLY_ERROR_TYPE, i ? "weak_dict_clear: expected a weak dict, got a 'dict'"
		                                : "weak_dict_clear: expected a weak dict, got NULL");
	}
	tally_decref(wrong[1]);
	tally_decref(key);
}

static tally_object *shared_dict;

static void call_unattached(void)
{
	size_t size;
	CHECK_EQ(tally_weak_dict_size(shared_dict, &size), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK(!tally_weak_value_dict_new(NULL) && !tally_weak_key_dict_new(NULL) &&
	      !tally_weak_dict_union(shared_dict, shared_dict));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
}

static void a_thread_that_is_not_attached_is_told_so(void)
{
	shared_dict = value_dict();
	run_unattached(call_unattached);
	tally_decref(shared_dict);
}

// ---- as a mapping [163] ----

static void it_is_a_mapping_of_its_own_type(void) // 163
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *dict = by_key ? key_dict() : value_dict(), *one = thing(1), *key = integer(1), *value;
		uint64_t hash;
		size_t bytes = 0, size = 1;
		CHECK_STR(tally_type_name(dict), by_key ? "weak_key_dict" : "weak_value_dict");
		CHECK_EQ(tally_is_weak_value_dict(dict), !by_key);
		CHECK_EQ(tally_is_weak_key_dict(dict), by_key);
		CHECK(!tally_is_dict(dict) && !tally_is_weak_key_dict(NULL) && !tally_is_weak_value_dict(key));
		CHECK_EQ(tally_weak_dict_size(dict, &size), 0);
		CHECK_EQ(size, 0);
		CHECK_EQ(tally_hash(dict, &hash), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "hashable");
		CHECK_EQ(tally_dict_get(dict, key, &value), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "expected a dict, got a 'weak_");
		CHECK_EQ(tally_dict_set(dict, key, one), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "expected a dict, got a 'weak_");
		CHECK_EQ(tally_sizeof(dict, &bytes), 0);
		CHECK_EQ(bytes, 40);
		put_weak(dict, by_key ? one : key, by_key ? key : one);
		CHECK_EQ(tally_sizeof(dict, &bytes), 0);
		CHECK(bytes > 40);
		tally_object *all[] = {dict, one, key};
		for (int i = 0; i < 3; i++) tally_decref(all[i]);
	}
}

static void it_equals_its_kind_and_dicts_with_the_same_entries(void) // 163
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *sources[SOURCES], *number = integer(3), *value = NULL;
		make_things(things);
		make_sources(by_key, things, sources);
		tally_object *same = must(made_from(by_key, sources[1])), *empty = must(made_from(!by_key, NULL));
		CHECK_EQ(tally_equal(same, sources[0]), 1);
		CHECK_EQ(tally_equal(same, same), 1);
		CHECK_EQ(tally_equal(same, sources[1]), 1);
		CHECK_EQ(tally_equal(sources[1], same), 1);
		CHECK_EQ(tally_compare(same, sources[1], TALLY_NE), 0);
		CHECK_EQ(tally_equal(same, sources[2]), 0);
		CHECK_EQ(tally_equal(same, number), 0);
		CHECK_EQ(tally_equal(number, same), 0);
		CHECK_EQ(tally_weak_dict_pop(same, by_key ? things[3] : number, &value), 1);
		CHECK_EQ(tally_equal(same, sources[1]), 0);
		CHECK_EQ(tally_equal(sources[1], same), 0);
		put_weak(same, by_key ? things[3] : number, things[4]);
		CHECK_EQ(tally_equal(same, sources[0]), 0);
		CHECK_EQ(tally_weak_dict_clear(same), 0);
		CHECK_EQ(tally_equal(same, empty), 0); // of the other kind
		tally_decref(empty);
		empty = must(tally_dict_new());
		CHECK_EQ(tally_equal(same, empty), 1);
		tally_object *all[] = {number, value, same, empty};
		for (int i = 0; i < 4; i++) tally_decref(all[i]);
		drop_sources(sources);
		drop_things(things);
	}
}

static void check_repr(tally_object *object, const char *expected)
{
	tally_object *shown = must(tally_repr(object));
	CHECK_STR(tally_str_utf8(shown, NULL), expected);
	tally_decref(shown);
}

static void it_shows_the_entries_that_are_alive(void) // 163
{
	tally_object *inner = value_dict(), *outer = value_dict(), *key = text("a"), *other = text("b"), *value = thing(1);
	check_repr(inner, "weak_value_dict({})");
	put_weak(outer, key, inner);
	check_repr(outer, "weak_value_dict({'a': weak_value_dict({})})");
	put_weak(outer, other, inner);
	check_repr(outer, "weak_value_dict({'a': weak_value_dict({}), 'b': weak_value_dict({})})");
	put_weak(outer, other, value);
	tally_decref(value);
	check_repr(outer, "weak_value_dict({'a': weak_value_dict({})})");
	tally_object *all[] = {inner, outer, key, other};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// ---- deaths of the dict [162] ----

static void a_dict_is_not_kept_by_its_entries(void) // 162
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN];
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *ref = must(tally_weakref_new(dict, NULL)), *gone;
		CHECK_EQ(tally_refcount(dict), 1);
		tally_decref(dict);
		CHECK_EQ(tally_weakref_get(ref, &gone), 0);
		for (int i = 0; i < TEN; i++) CHECK_EQ(refs_to(things[i]), 0);
		drop_things(things);
		tally_decref(ref);
	}
}

static void watchers_that_outlive_their_dict_do_nothing(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *object;
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *refs = must(tally_weak_dict_refs(dict)),
			     *ref = must(tally_list_get(refs, 0));
		tally_decref(dict);
		CHECK_EQ(tally_weakref_get(ref, &object), 1);
		CHECK_PTR(object, things[0]);
		tally_decref(object);
		drop_things(things);
		CHECK_EQ(tally_weakref_get(ref, &object), 0);
		tally_decref(ref);
		tally_decref(refs);
	}
}

// The context of a callback that acts before the dict's own watcher, since it is newer.
static struct {
	tally_object *dict, *key, *value;
	int calls;
} meanwhile;

static tally_object *drop_the_dict(void *context, tally_object *const *captured, tally_object *const *arguments,
                                   size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	meanwhile.calls++;
	tally_decref(meanwhile.dict);
	return tally_none();
}

static void a_dict_may_die_between_the_death_and_the_removal(void)
{
	tally_object *value = thing(1), *callback = function("drop", drop_the_dict, 1, 1);
	meanwhile.dict = value_dict();
	meanwhile.calls = 0;
	set_at(meanwhile.dict, 1, value);
	tally_object *ref = must(tally_weakref_new(value, callback));
	tally_decref(value);
	CHECK_EQ(meanwhile.calls, 1);
	tally_decref(ref);
	tally_decref(callback);
}

// ---- stale watchers ----

static tally_object *store_afresh(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	meanwhile.calls++;
	has(meanwhile.dict, meanwhile.key, NULL);
	CHECK_EQ(size_of(meanwhile.dict), 1); // its watcher has not acted yet
	put_weak(meanwhile.dict, meanwhile.key, meanwhile.value);
	return tally_none();
}

// The callback is newer than the dict's watcher, so the watcher acts when there is a fresh entry already.
static void check_fresh_entry(tally_object *dict, tally_object *dies, tally_object *key, tally_object *value)
{
	tally_object *callback = function("store", store_afresh, 1, 1), *ref = must(tally_weakref_new(dies, callback));
	meanwhile.dict = dict;
	meanwhile.key = key;
	meanwhile.value = value;
	meanwhile.calls = 0;
	tally_decref(dies);
	CHECK_EQ(meanwhile.calls, 1);
	CHECK_EQ(size_of(dict), 1);
	has(dict, key, value);
	tally_decref(ref);
	tally_decref(callback);
}

static void a_stale_watcher_does_not_remove_a_fresh_value(void)
{
	tally_object *dict = value_dict(), *old = thing(1), *fresh = thing(2), *key = integer(7);
	put_weak(dict, key, old);
	check_fresh_entry(dict, old, key, fresh);
	tally_decref(fresh);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
	tally_decref(key);
}

static void a_stale_watcher_does_not_remove_a_fresh_key(void)
{
	tally_object *dict = key_dict(), *old = twin(1), *fresh = twin(1), *one = integer(1), *two = integer(2);
	put_weak(dict, old, one);
	check_fresh_entry(dict, old, fresh, two);
	tally_decref(fresh);
	CHECK_EQ(size_of(dict), 0);
	tally_object *all[] = {dict, one, two};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// Somebody keeps the old watcher, which therefore stays in its object's list.
static void the_watcher_of_an_overwritten_value_removes_nothing(void)
{
	tally_object *dict = value_dict(), *old = thing(1), *fresh = thing(2), *object;
	set_at(dict, 1, old);
	tally_object *refs = must(tally_weak_dict_refs(dict)), *ref = must(tally_list_get(refs, 0));
	set_at(dict, 1, fresh);
	CHECK_EQ(tally_weakref_get(ref, &object), 1); // it goes on to lead to its object
	tally_decref(object);
	tally_decref(old);
	CHECK_EQ(size_of(dict), 1);
	has_at(dict, 1, fresh);
	tally_object *all[] = {ref, refs, fresh};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

// The same object again: there are two watchers of it, only one of which stands in the dict.
static void a_watcher_removes_its_own_entry_only(void)
{
	tally_object *dict = key_dict(), *key = thing(1), *number = integer(1);
	put_weak(dict, key, number);
	tally_object *refs = must(tally_weak_dict_refs(dict));
	CHECK_EQ(tally_weak_dict_pop(dict, key, NULL), 1);
	put_weak(dict, key, number);
	CHECK_EQ(refs_to(key), 2);
	CHECK_EQ(size_of(dict), 1);
	tally_decref(key);
	CHECK_EQ(size_of(dict), 0);
	tally_object *all[] = {dict, refs, number};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- the dead that have not been removed: in a critical section nobody is destroyed ----

static void the_dead_are_seen_by_nobody_before_they_are_removed(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *key = NULL, *value = NULL, *list = must(tally_list_new());
		tally_critical section;
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *copy;
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		for (int i = 1; i < TEN; i++) tally_decref(things[i]);
		CHECK_EQ(size_of(dict), TEN);
		CHECK_EQ(met(dict), 1);
		tally_object *lists[] = {tally_weak_dict_keys(dict), tally_weak_dict_values(dict),
		                         tally_weak_dict_items(dict), tally_weak_dict_refs(dict)};
		for (int i = 0; i < 4; i++) CHECK_EQ(size_of(lists[i]), 1);
		CHECK_EQ(size_of(copy = tally_weak_dict_copy(dict)), 1);
		CHECK_EQ(tally_equal(dict, copy), 1);
		CHECK_EQ(tally_equal(copy, dict), 1);
		CHECK_EQ(tally_weak_dict_popitem(dict, &key, &value), 1);
		CHECK_EQ(entry_number(key, value), 0);
		CHECK_EQ(size_of(dict), TEN - 1);
		CHECK_EQ(tally_weak_dict_popitem(dict, NULL, NULL), 0);
		CHECK_EQ(met(dict), 0);
		CHECK_EQ(tally_critical_end(&section), 0);
		CHECK_EQ(size_of(dict), 0);
		tally_object *all[] = {things[0], key, value, list, dict, copy, lists[0], lists[1], lists[2], lists[3]};
		for (int i = 0; i < 10; i++) tally_decref(all[i]);
	}
}

static void a_dead_value_is_absent_and_overwritten(void)
{
	tally_object *dict = value_dict(), *list = must(tally_list_new()), *keys[3], *fresh = thing(9), *value = fresh;
	tally_critical section;
	for (int i = 0; i < 3; i++) {
		tally_object *dies = thing(i);
		put_weak(dict, keys[i] = integer(i), dies);
		if (i == 0) CHECK_EQ(tally_critical_begin(&section, list), 0);
		tally_decref(dies);
	}
	for (int i = 0; i < 3; i++) has(dict, keys[i], NULL);
	CHECK_EQ(tally_weak_dict_pop(dict, keys[0], &value), 0);
	CHECK_PTR(value, NULL);
	put_weak(dict, keys[1], fresh);
	tally_object *stored = must(tally_weak_dict_setdefault(dict, keys[2], fresh));
	CHECK_PTR(stored, fresh);
	CHECK_EQ(size_of(dict), 3);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(size_of(dict), 2);
	has(dict, keys[1], fresh);
	has(dict, keys[2], fresh);
	tally_object *all[] = {stored, fresh, list, keys[0], keys[1], keys[2]};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

static void a_dead_key_is_absent_and_an_equal_one_gets_an_entry_of_its_own(void)
{
	tally_object *dict = key_dict(), *list = must(tally_list_new()), *old = twin(5), *fresh = twin(5),
		     *one = integer(1), *two = integer(2);
	tally_critical section;
	put_weak(dict, old, one);
	has(dict, fresh, one);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	tally_decref(old);
	has(dict, fresh, NULL);
	CHECK_EQ(tally_weak_dict_pop(dict, fresh, NULL), 0);
	tally_object *stored = must(tally_weak_dict_setdefault(dict, fresh, two));
	CHECK_PTR(stored, two);
	CHECK_EQ(size_of(dict), 2);
	has(dict, fresh, two);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(size_of(dict), 1);
	has(dict, fresh, two);
	tally_object *all[] = {dict, list, fresh, one, two, stored};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
}

// ---- what the host's code does meanwhile ----

static tally_object *victim; // dropped by the code below

static void drop_victim(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	tally_decref(victim);
	victim = NULL;
}

static void the_stored_key_may_die_while_it_is_compared(void)
{
	tally_object *dict = key_dict(), *wanted = twin(5), *number = integer(1);
	victim = twin(5);
	put_weak(dict, victim, number);
	rules.during = drop_victim;
	has(dict, wanted, NULL); // the comparison held it, and dropped it last
	CHECK_PTR(victim, NULL);
	CHECK_EQ(size_of(dict), 0);
	victim = twin(5);
	put_weak(dict, victim, number);
	put_weak(dict, wanted, number); // the entry that was found is gone: one of its own
	CHECK_EQ(size_of(dict), 1);
	has(dict, wanted, number);
	rules.during = NULL;
	tally_object *all[] = {dict, wanted, number};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// In a section it stays in the table: dead, and equal a moment ago.
static void a_key_that_died_in_its_comparison_is_not_found_in_a_section_either(void)
{
	tally_object *dict = key_dict(), *wanted = twin(5), *number = integer(1), *list = must(tally_list_new());
	tally_critical section;
	victim = twin(5);
	put_weak(dict, victim, number);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	rules.during = drop_victim;
	put_weak(dict, wanted, number);
	CHECK_PTR(victim, NULL);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(size_of(dict), 1);
	has(dict, wanted, number);
	tally_object *all[] = {dict, wanted, number, list};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void clear_the_dict(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	rules.during = NULL;
	CHECK_EQ(tally_weak_dict_clear(meanwhile.dict), 0);
}

static void an_equality_may_clear_the_dict(void)
{
	tally_object *first = twin(5), *second = twin(5), *number = integer(1);
	meanwhile.dict = key_dict();
	put_weak(meanwhile.dict, first, number);
	rules.during = clear_the_dict;
	put_weak(meanwhile.dict, second, number);
	CHECK_EQ(size_of(meanwhile.dict), 1);
	CHECK_EQ(refs_to(first), 0);
	CHECK_EQ(refs_to(second), 1);
	tally_decref(meanwhile.dict);
	meanwhile.dict = value_dict();
	put_weak(meanwhile.dict, first, second);
	rules.during = clear_the_dict;
	put_weak(meanwhile.dict, second, first);
	CHECK_EQ(size_of(meanwhile.dict), 1);
	has(meanwhile.dict, second, first);
	tally_object *all[] = {first, second, number, meanwhile.dict};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// At one of the comparisons of a setdefault somebody else stores a value under an equal key.
static int comparisons_left;

static void store_meanwhile(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	if (--comparisons_left) return;
	rules.during = NULL;
	put_weak(meanwhile.dict, meanwhile.key, meanwhile.value);
}

static void setdefault_gives_what_was_stored_during_its_search(void)
{
	FOR_BOTH_KINDS(by_key) {
		for (int count = 1; count <= 3; count++) {
			tally_object *first = twin(5), *wanted = twin(6), *value = thing(1);
			meanwhile.dict = by_key ? key_dict() : value_dict();
			meanwhile.key = twin(6);
			meanwhile.value = thing(2);
			put_weak(meanwhile.dict, first, first); // of the same hash: it is compared in each search
			comparisons_left = count;
			rules.during = store_meanwhile;
			tally_object *given = must(tally_weak_dict_setdefault(meanwhile.dict, wanted, value));
			CHECK_EQ(rules.during == NULL, true);
			CHECK_PTR(given, meanwhile.value);
			CHECK_EQ(refs_to(by_key ? wanted : value), 0);
			CHECK_EQ(size_of(meanwhile.dict), 2);
			tally_object *all[] = {first, wanted, value, given, meanwhile.dict, meanwhile.key, meanwhile.value};
			for (int i = 0; i < 7; i++) tally_decref(all[i]);
		}
	}
}

// The last references to the dict, to the key and to the value go while it searches.
static void drop_everything(tally_object *self, tally_object *other)
{
	(void)self, (void)other;
	rules.during = NULL;
	tally_decref(meanwhile.dict);
	tally_decref(meanwhile.key);
	tally_decref(meanwhile.value);
}

static void what_a_call_was_given_may_be_dropped_during_it(void)
{
	FOR_BOTH_KINDS(by_key) {
		for (int way = 0; way < 3; way++) {
			tally_object *first = twin(5);
			meanwhile.dict = by_key ? key_dict() : value_dict();
			meanwhile.key = twin(6);
			meanwhile.value = thing(1);
			put_weak(meanwhile.dict, first, first);
			rules.during = drop_everything;
			tally_object *given = NULL;
			if (way == 0) put_weak(meanwhile.dict, meanwhile.key, meanwhile.value);
			else if (way == 1)
				CHECK((given = tally_weak_dict_setdefault(meanwhile.dict, meanwhile.key,
				                                          meanwhile.value)) != NULL);
			else CHECK_EQ(tally_weak_dict_get(meanwhile.dict, meanwhile.key, &given), 0);
			tally_decref(given);
			tally_decref(first);
		}
	}
}

static void errors_of_keys_come_through_and_change_nothing(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *dict = by_key ? key_dict() : value_dict(), *first = twin(5), *second = twin(6),
			     *value = thing(1), *found;
		put_weak(dict, first, value);
		for (int at_hash = 0; at_hash < 2; at_hash++) {
			const char *message = at_hash ? "the hash of a twin" : "the equality of a twin";
			rules.fail_equal = !at_hash;
			rules.fail_hash = at_hash;
			CHECK_EQ(tally_weak_dict_set(dict, second, value), -1);
			CHECK_ERROR(TALLY_ERROR_VALUE, message);
			CHECK(!tally_weak_dict_setdefault(dict, second, value));
			CHECK_ERROR(TALLY_ERROR_VALUE, message);
			CHECK_EQ(tally_weak_dict_get(dict, second, &found), -1);
			CHECK_ERROR(TALLY_ERROR_VALUE, message);
			CHECK_EQ(tally_weak_dict_pop(dict, second, &found), -1);
			CHECK_ERROR(TALLY_ERROR_VALUE, message);
		}
		rules.fail_equal = rules.fail_hash = false;
		CHECK_EQ(size_of(dict), 1);
		has(dict, first, value);
		CHECK_EQ(refs_to(value), !by_key);
		CHECK_EQ(refs_to(second), 0);
		tally_object *all[] = {dict, first, second, value};
		for (int i = 0; i < 4; i++) tally_decref(all[i]);
	}
}

// A thing that is the key or value of an entry uses the dict when it is finalized.
static void use_the_dict(tally_object *self)
{
	if (self != meanwhile.key) return;
	meanwhile.calls++;
	CHECK_EQ(size_of(meanwhile.dict), 0);
	put_weak(meanwhile.dict, meanwhile.value, meanwhile.value);
}

static void what_leaves_with_the_dead_is_dropped_when_the_dict_is_free(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *dies = thing(1), *goes_along = thing(2), *stays = thing(3);
		meanwhile.dict = by_key ? key_dict() : value_dict();
		meanwhile.key = goes_along;
		meanwhile.value = stays;
		meanwhile.calls = 0;
		rules.finalizing = use_the_dict;
		put_weak(meanwhile.dict, by_key ? dies : goes_along, by_key ? goes_along : dies);
		tally_decref(goes_along);
		tally_decref(dies);
		CHECK_EQ(meanwhile.calls, 1);
		CHECK_EQ(size_of(meanwhile.dict), 1);
		tally_decref(meanwhile.dict);
		tally_decref(stays);
	}
}

static void bring_back(tally_object *self)
{
	if (number_of(self) == 1) meanwhile.value = tally_incref(self);
}

static void an_object_that_its_finalizer_brings_back_stays(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *object = thing(1), *other = integer(5), *dict = by_key ? key_dict() : value_dict(),
			     *key = by_key ? object : other;
		put_weak(dict, key, by_key ? other : object);
		rules.finalizing = bring_back;
		tally_decref(object);
		CHECK_PTR(meanwhile.value, object);
		CHECK_EQ(size_of(dict), 1);
		has(dict, key, by_key ? other : object);
		tally_decref(meanwhile.value); // for good
		CHECK_EQ(size_of(dict), 0);
		tally_decref(dict);
		tally_decref(other);
	}
}

// ---- the collector ----

static void an_entry_of_garbage_is_gone_when_the_collection_returns(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN];
		make_things(things);
		tally_object *dict = entries_of(by_key, things);
		for (int i = 0; i < TEN; i++) set_attr(things[i], "next", things[(i + 1) % TEN]);
		drop_things(things);
		CHECK_EQ(size_of(dict), TEN);
		CHECK_EQ(met(dict), ALL);
		CHECK_COLLECT(2, TEN);
		CHECK_EQ(size_of(dict), 0);
		tally_decref(dict);
	}
}

static void a_cycle_through_a_dict_is_collected(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *weak = thing(1), *strong = thing(2), *dict = by_key ? key_dict() : value_dict();
		tally_object *ref = must(tally_weakref_new(dict, NULL)), *gone;
		put_weak(dict, by_key ? weak : strong, by_key ? strong : weak);
		set_own(strong, "dict", dict); // the dict refers to it in turn
		tally_decref(strong);
		CHECK(tally_gc_collect(2) >= 2);
		CHECK_EQ(tally_weakref_get(ref, &gone), 0);
		CHECK_EQ(refs_to(weak), 0);
		tally_decref(weak);
		tally_decref(ref);
	}
}

static void a_cycle_of_a_dict_and_what_it_watches_is_collected(void)
{
	FOR_BOTH_KINDS(by_key) {
		tally_object *watched = thing(1), *number = integer(1), *dict = by_key ? key_dict() : value_dict();
		put_weak(dict, by_key ? watched : number, by_key ? number : watched);
		set_own(watched, "dict", dict);
		tally_decref(watched); // the dict only watches it: no cycle
		tally_decref(number);
		CHECK_COLLECT(2, 0);
		watched = thing(1);
		dict = by_key ? key_dict() : value_dict();
		set_attr(watched, "self", watched);
		put_weak(dict, by_key ? watched : rules.number, by_key ? rules.number : watched);
		set_own(watched, "dict", dict);
		tally_decref(watched);
		CHECK(tally_gc_collect(2) > 0);
	}
}

// As in Python: the value is the dict's, and the key the value's.
static void a_value_that_refers_to_its_weak_key_keeps_the_entry(void)
{
	tally_object *key = thing(1), *value = thing(2), *dict = key_dict();
	put_weak(dict, key, value);
	set_own(value, "key", key);
	tally_decref(value);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(size_of(dict), 1);
	CHECK_EQ(tally_weak_dict_clear(dict), 0);
	tally_decref(dict);
}

static void what_the_collector_cleared_is_gone_even_if_it_comes_back(void)
{
	tally_object *object = thing(1), *dict = value_dict();
	set_at(dict, 1, object);
	set_attr(object, "self", object);
	rules.finalizing = bring_back;
	meanwhile.value = NULL;
	tally_decref(object);
	CHECK_COLLECT(2, 0);
	CHECK_PTR(meanwhile.value, object);
	CHECK_EQ(size_of(dict), 0);
	set_at(dict, 1, object); // a fresh entry
	has_at(dict, 1, object);
	tally_decref(object);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(size_of(dict), 0);
	tally_decref(dict);
}

// ---- memory ----

// A dict with a few entries, made anew for each failure; and what is done with it.
static struct {
	bool by_key;
	size_t entries;
	tally_object *things[TEN], *dict, *made, *other, *key, *value, *from;
} scene;

static void scene_begin(void)
{
	make_things(scene.things);
	scene.dict = scene.by_key ? key_dict() : value_dict();
	for (size_t i = 0; i < scene.entries; i++) {
		tally_object *number = integer((int64_t)i);
		put_weak(scene.dict, scene.by_key ? scene.things[i] : number, scene.by_key ? number : scene.things[i]);
		tally_decref(number);
	}
	scene.made = thing(77);
	scene.other = integer(77);
	scene.key = scene.by_key ? scene.made : scene.other;
	scene.value = scene.by_key ? scene.other : scene.made;
	scene.from = must(tally_weak_dict_copy(scene.dict));
}

static void scene_end(void)
{
	tally_object *all[] = {scene.dict, scene.made, scene.other, scene.from};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
	drop_things(scene.things);
}

static bool play_set(void) { return tally_weak_dict_set(scene.dict, scene.key, scene.value) == 0; }

static bool play_made(tally_object *made)
{
	tally_decref(made);
	return made != NULL;
}

static bool play_default(void) { return play_made(tally_weak_dict_setdefault(scene.dict, scene.key, scene.value)); }
static bool play_copy(void) { return play_made(tally_weak_dict_copy(scene.dict)); }
static bool play_keys(void) { return play_made(tally_weak_dict_keys(scene.dict)); }
static bool play_values(void) { return play_made(tally_weak_dict_values(scene.dict)); }
static bool play_items(void) { return play_made(tally_weak_dict_items(scene.dict)); }
static bool play_refs(void) { return play_made(tally_weak_dict_refs(scene.dict)); }
static bool play_union(void) { return play_made(tally_weak_dict_union(scene.from, scene.dict)); }
static bool play_new(void) { return play_made(made_from(scene.by_key, scene.from)); }

static void check_failure(const char *operation)
{
	char expected[80];
	snprintf(expected, sizeof expected, "%s: out of memory for ", operation);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK_PART(tally_error_message(), expected);
	tally_error_clear();
}

static bool play_failing(bool (*play)(void), uint64_t n, bool all, bool *success)
{
	CHECK_EQ(tally_heap_fail(n, all), 0);
	*success = play();
	bool came = tally_heap_attempts() >= n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
	return came;
}

// Whether the n-th allocation came. Everything has been done, or nothing but for anchors, which are their objects'.
static bool play_once(bool (*play)(void), const char *operation, uint64_t n, bool all)
{
	uint64_t before = fixture_live_objects(), raw = fixture_raw_buffers();
	bool success, adds = play == play_set || play == play_default;
	scene_begin();
	bool came = play_failing(play, n, all, &success);
	if (!CHECK(success ? !came || fixture_gives_up_later() : came))
		tap_note("%s, allocation %llu", operation, (unsigned long long)n);
	if (!success) check_failure(operation);
	CHECK_EQ(size_of(scene.dict), scene.entries + (success && adds));
	CHECK_EQ(met(scene.from), (1u << scene.entries) - 1);
	CHECK_EQ(refs_to(scene.made), success && adds);
	CHECK_EQ(tally_refcount(scene.made), 1);
	scene_end();
	CHECK_EQ(fixture_live_objects(), before);
	CHECK_EQ(fixture_raw_buffers(), raw);
	return came;
}

static void fail_each(bool (*play)(void), const char *operation)
{
	for (int all = 0; all < 2; all++) {
		uint64_t n = 1;
		while (n < 200 && play_once(play, operation, n, all)) n++;
		CHECK(n > 1 && n < 200);
	}
}

static void fail_all_with(size_t entries)
{
	scene.entries = entries;
	fail_each(play_set, "weak_dict_set");
	fail_each(play_default, "weak_dict_setdefault");
	fail_each(play_copy, "weak_dict_copy");
	fail_each(play_keys, "weak_dict_keys");
	fail_each(play_values, "weak_dict_values");
	fail_each(play_items, "weak_dict_items");
	fail_each(play_refs, "weak_dict_refs");
	fail_each(play_union, "weak_dict_union");
	fail_each(play_new, scene.by_key ? "weak_key_dict_new" : "weak_value_dict_new");
}

static bool faults_are_offered(void)
{
	bool offered = tally_heap_fail(0, false) == 0;
	if (!offered) tally_error_clear();
	return offered;
}

static void an_operation_that_gets_no_memory_changes_nothing(void)
{
	if (!faults_are_offered()) return;
	FOR_BOTH_KINDS(by_key) {
		scene.by_key = by_key;
		fail_all_with(0);
		fail_all_with(4); // as many as the first table has room for
		fail_all_with(TEN);
	}
}

static void deaths_and_looks_need_no_memory(void)
{
	if (!faults_are_offered()) return;
	FOR_BOTH_KINDS(by_key) {
		tally_object *things[TEN], *key, *value, *one = twin(1), *same = twin(1);
		make_things(things);
		tally_object *dict = entries_of(by_key, things), *twins = key_dict();
		put_weak(twins, one, things[0]);
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK_EQ(met(dict), ALL);
		CHECK_EQ(tally_weak_dict_contains(dict, same), 0);
		has(twins, same, things[0]); // compared, without an anchor
		CHECK_EQ(tally_weak_dict_popitem(dict, &key, &value), 1);
		tally_decref(key);
		tally_decref(value);
		CHECK_EQ(tally_weak_dict_pop(twins, same, NULL), 1);
		drop_things(things);
		CHECK_EQ(size_of(dict), 0);
		CHECK_NO_ERROR();
		CHECK_EQ(tally_heap_fail(0, false), 0);
		tally_object *all[] = {dict, twins, one, same};
		for (int i = 0; i < 4; i++) tally_decref(all[i]);
	}
}

// ---- many ----

static void thousands_of_entries_come_and_go(void)
{
	enum { MANY = 3000 };
	static tally_object *things[MANY];
	tally_object *values = value_dict(), *keys = key_dict();
	uint64_t random = fixture_seed(0);
	size_t living = 0;
	for (int round = 0; round < 4 * MANY; round++) {
		unsigned i = below(&random, MANY);
		tally_object *number = integer(i);
		if (things[i]) {
			if (below(&random, 2)) has(values, number, things[i]);
			CHECK_EQ(take_value(at(keys, things[i])), (int64_t)i);
			tally_decref(things[i]);
			things[i] = NULL;
			living--;
		} else {
			has(values, number, NULL);
			put_weak(values, number, things[i] = thing(i));
			put_weak(keys, things[i], number);
			living++;
		}
		tally_decref(number);
		CHECK_EQ(size_of(values), living);
		CHECK_EQ(size_of(keys), living);
	}
	for (int i = 0; i < MANY; i++) {
		tally_decref(things[i]);
		things[i] = NULL;
	}
	CHECK_EQ(size_of(values) + size_of(keys), 0);
	tally_decref(values);
	tally_decref(keys);
}

// ---- threads ----

enum { THREADS = 4, KEYS = 8 };
#define ROUNDS tap_scale(4000u)

static tally_object *current; // the value that a dict is to have

// Drops that wait for their owners, who may have gone, have been done.
static void check_emptied(tally_object *dict)
{
	fixture_settle();
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(size_of(dict), 0);
}

static void ask_for_the_one(void *context, unsigned thread)
{
	tally_object *dict = context;
	uint64_t random = fixture_seed(thread);
	for (unsigned i = 0; i < ROUNDS; i++) {
		tally_object *key = integer(below(&random, KEYS)), *mine = thing(value_of(key)), *found = NULL;
		tally_object *one = must(tally_weak_dict_setdefault(dict, key, mine));
		tally_decref(mine);
		if (number_of(one) != value_of(key)) CHECK_EQ(number_of(one), value_of(key));
		for (int again = 0; again < 3; again++) {
			CHECK_EQ(tally_weak_dict_get(dict, key, &found), 1);
			if (found != one) CHECK_PTR(found, one); // it lives: everybody gets it
			tally_decref(found);
		}
		mine = thing(value_of(key));
		found = must(tally_weak_dict_setdefault(dict, key, mine));
		if (found != one) CHECK_PTR(found, one);
		tally_object *all[] = {found, mine, one, key};
		for (int j = 0; j < 4; j++) tally_decref(all[j]);
	}
}

static void threads_that_ask_for_a_default_get_the_one_that_lives(void)
{
	tally_object *dict = value_dict();
	run_threads(THREADS, ask_for_the_one, dict);
	check_emptied(dict);
	tally_decref(dict);
}

// Thread 0 overwrites the value of a key again and again, each time with the former one alive; the others look.
static atomic_bool is_over;

static void overwrite(tally_object *dict, tally_object *key)
{
	tally_object *former = NULL;
	for (unsigned i = 0; i < 25 * ROUNDS; i++) {
		tally_object *fresh = thing(i);
		put_weak(dict, key, fresh);
		tally_decref(former);
		former = fresh;
	}
	current = former;
	atomic_store(&is_over, true);
}

static void look_until_it_is_over(tally_object *dict, tally_object *key)
{
	while (!atomic_load(&is_over)) {
		tally_object *found;
		if (!CHECK_EQ(tally_weak_dict_get(dict, key, &found), 1)) break;
		tally_decref(found);
		if (!CHECK_EQ(tally_weak_dict_contains(dict, key), 1)) break;
	}
}

static void overwrite_or_look(void *context, unsigned thread)
{
	tally_object *key = integer(1);
	if (thread) look_until_it_is_over(context, key);
	else overwrite(context, key);
	tally_decref(key);
}

static void a_key_whose_value_is_overwritten_is_never_absent(void)
{
	tally_object *dict = value_dict(), *first = thing(0);
	atomic_store(&is_over, false);
	set_at(dict, 1, first);
	run_threads(THREADS, overwrite_or_look, dict);
	tally_decref(first);
	has_at(dict, 1, current);
	tally_decref(current);
	check_emptied(dict);
	tally_decref(dict);
}

// Whatever is found under a key has its number.
static void check_found(tally_object *key, tally_object *value)
{
	if (value && number_of(value) != value_of(key)) CHECK_EQ(number_of(value), value_of(key));
	tally_decref(value);
}

static void go_through(tally_object *dict)
{
	tally_object *key, *value;
	size_t position = 0;
	while (tally_weak_dict_next(dict, &position, &key, &value) == 1) {
		check_found(key, value);
		tally_decref(key);
	}
	tally_object *items = must(tally_weak_dict_items(dict)), *pair;
	for (ptrdiff_t left = (ptrdiff_t)size_of(items); left > 0; left--) {
		pair = must(tally_list_get(items, left - 1));
		key = must(tally_tuple_get(pair, 0));
		check_found(key, must(tally_tuple_get(pair, 1)));
		tally_decref(key);
		tally_decref(pair);
	}
	tally_decref(items);
}

static void do_anything(tally_object *dict, tally_object *key, uint64_t *random, tally_object **held)
{
	tally_object *value = thing(value_of(key)), *found = NULL, *other = NULL;
	switch (below(random, 8)) {
	case 0:
	case 1: put_weak(dict, key, value); break;
	case 2: check_found(key, tally_weak_dict_setdefault(dict, key, value)); break;
	case 3:
		if (tally_weak_dict_pop(dict, key, &found) == 1) check_found(key, found);
		break;
	case 4:
		if (tally_weak_dict_popitem(dict, &other, &found) == 1) check_found(other, found);
		tally_decref(other);
		break;
	case 5: go_through(dict); break;
	case 6:
		if (below(random, 20) == 0) CHECK_EQ(tally_weak_dict_clear(dict), 0);
		break;
	default:
		CHECK(tally_weak_dict_get(dict, key, &found) >= 0);
		check_found(key, found);
	}
	tally_decref(*held); // of the round before
	*held = value;
}

static void mix_values(void *context, unsigned thread)
{
	uint64_t random = fixture_seed(thread);
	tally_object *held[KEYS] = {NULL};
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned number = below(&random, KEYS);
		tally_object *key = integer(number);
		do_anything(context, key, &random, &held[number]);
		tally_decref(key);
	}
	for (int i = 0; i < KEYS; i++) tally_decref(held[i]);
}

static void any_mix_by_threads_on_a_weak_value_dict_finds_what_belongs_there(void)
{
	tally_object *dict = value_dict();
	run_threads(THREADS, mix_values, dict);
	check_emptied(dict);
	tally_decref(dict);
}

// Keys that equal those of other threads; the value is the key's number.
static void mix_keys(void *context, unsigned thread)
{
	tally_object *dict = context, *held[KEYS] = {NULL}, *found;
	uint64_t random = fixture_seed(thread);
	for (unsigned i = 0; i < ROUNDS / 2; i++) {
		unsigned number = below(&random, KEYS);
		tally_object *key = twin(number), *value = integer(number);
		int what = (int)below(&random, 5), status = 0;
		found = NULL;
		if (what < 2) put_weak(dict, key, value);
		else if (what == 2) CHECK((found = tally_weak_dict_setdefault(dict, key, value)) != NULL);
		else if (what == 3) status = tally_weak_dict_pop(dict, key, &found);
		else status = tally_weak_dict_get(dict, key, &found);
		if (status < 0) CHECK_EQ(status, 0);
		if (found && value_of(found) != number) CHECK_EQ(value_of(found), number);
		tally_object *all[] = {found, value, held[number]};
		for (int j = 0; j < 3; j++) tally_decref(all[j]);
		held[number] = key;
	}
	for (int i = 0; i < KEYS; i++) tally_decref(held[i]);
}

static void any_mix_by_threads_on_a_weak_key_dict_finds_what_belongs_there(void)
{
	tally_object *dict = key_dict();
	run_threads(THREADS, mix_keys, dict);
	check_emptied(dict);
	tally_decref(dict);
}

// A dict that one thread drops while others' objects die out of it.
static atomic_uint turn;
static tally_object *_Atomic dying_dict;

static void race_with_the_dict(void *context, unsigned thread)
{
	(void)context;
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		tally_object *mine = thing(thread), *key = integer(thread);
		if (thread == 0) atomic_store(&dying_dict, value_dict());
		atomic_fetch_add(&turn, 1);
		await(&turn, (4 * round + 1) * THREADS);
		put_weak(atomic_load(&dying_dict), key, mine);
		atomic_fetch_add(&turn, 1);
		await(&turn, (4 * round + 2) * THREADS);
		if (thread == 0) tally_decref(atomic_load(&dying_dict));
		tally_decref(mine);
		tally_decref(key);
		atomic_fetch_add(&turn, 2);
		await(&turn, (4 * round + 4) * THREADS);
	}
}

static void a_dict_and_what_it_watches_may_die_at_once_on_different_threads(void)
{
	atomic_store(&turn, 0);
	run_threads(THREADS, race_with_the_dict, NULL);
}

// ---- critical sections ----

static void count_in_sections(void *context, unsigned thread)
{
	tally_object *dict = context, *key = integer(1), *value;
	(void)thread;
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		tally_critical section;
		CHECK_EQ(tally_critical_begin(&section, dict), 0);
		CHECK_EQ(tally_weak_dict_get(dict, key, &value), 1);
		if (value != current) CHECK_PTR(value, current);
		tally_object *former = current;
		current = thing(number_of(value) + 1);
		put_weak(dict, key, current);
		CHECK_EQ(tally_critical_end(&section), 0);
		tally_decref(value);
		tally_decref(former);
	}
	tally_decref(key);
}

static void a_section_over_a_dict_keeps_others_out(void)
{
	tally_object *dict = value_dict();
	current = thing(0);
	set_at(dict, 1, current);
	run_threads(THREADS, count_in_sections, dict);
	CHECK_EQ(number_of(current), THREADS * (ROUNDS / 4));
	has_at(dict, 1, current);
	tally_decref(current);
	check_emptied(dict);
	tally_decref(dict);
}

// Thread 0 looks twice in each section; the others' objects come and die meanwhile.
static void look_twice_or_die(void *context, unsigned thread)
{
	tally_object *dict = context;
	for (unsigned i = 0; i < ROUNDS / 4; i++) {
		tally_critical section;
		if (thread) {
			tally_object *value = thing(thread);
			set_at(dict, thread, value);
			tally_decref(value);
			continue;
		}
		CHECK_EQ(tally_critical_begin(&section, dict), 0);
		size_t before = size_of(dict);
		for (int spin = 0; spin < 20; spin++) sched_yield();
		if (size_of(dict) != before) CHECK_EQ(size_of(dict), before);
		CHECK_EQ(tally_critical_end(&section), 0);
	}
}

static void a_removal_waits_for_the_end_of_a_section(void)
{
	tally_object *dict = value_dict();
	run_threads(THREADS, look_twice_or_die, dict);
	check_emptied(dict);
	tally_decref(dict);
}

int main(void)
{
	classes_begin(120);
	tap_before_each(weak_start);
	tap_after_each(weak_stop);
	TAP_RUN(a_weak_value_dict_has_its_values_until_they_die);
	TAP_RUN(a_weak_key_dict_has_its_keys_until_they_die);
	TAP_RUN(a_strong_value_dies_with_its_weak_key);
	TAP_RUN(a_strong_key_dies_with_its_weak_value);
	TAP_RUN(one_object_may_be_the_value_of_many_keys);
	TAP_RUN(iteration_and_lists_have_each_living_entry_once);
	TAP_RUN(lists_of_an_empty_dict_are_empty);
	TAP_RUN(deaths_during_an_iteration_skip_nobody_else);
	TAP_RUN(an_iterator_gives_the_keys_of_those_that_are_alive);
	TAP_RUN(the_size_is_exact_with_removals_of_every_kind_under_an_iterator);
	TAP_RUN(it_is_made_and_updated_from_dicts_weak_dicts_and_pairs);
	TAP_RUN(each_kind_is_made_from_the_other);
	TAP_RUN(what_is_no_pair_is_refused);
	TAP_RUN(an_update_that_fails_has_set_what_came_before);
	TAP_RUN(unions_are_weak_and_the_second_wins);
	TAP_RUN(a_union_is_of_the_kind_of_the_first);
	TAP_RUN(popitem_gives_each_pair_once_the_last_first);
	TAP_RUN(setdefault_gives_what_is_there_or_stores);
	TAP_RUN(pop_removes_exactly_that_entry);
	TAP_RUN(a_value_may_be_replaced_by_itself_or_another);
	TAP_RUN(equal_keys_that_are_alive_are_one);
	TAP_RUN(keys_that_cannot_be_referred_to_weakly_are_refused);
	TAP_RUN(values_that_cannot_be_referred_to_weakly_are_refused);
	TAP_RUN(what_is_missing_is_refused);
	TAP_RUN(what_is_no_weak_dict_is_refused_by_every_function);
	TAP_RUN(a_thread_that_is_not_attached_is_told_so);
	TAP_RUN(it_is_a_mapping_of_its_own_type);
	TAP_RUN(it_equals_its_kind_and_dicts_with_the_same_entries);
	TAP_RUN(it_shows_the_entries_that_are_alive);
	TAP_RUN(a_dict_is_not_kept_by_its_entries);
	TAP_RUN(watchers_that_outlive_their_dict_do_nothing);
	TAP_RUN(a_dict_may_die_between_the_death_and_the_removal);
	TAP_RUN(a_stale_watcher_does_not_remove_a_fresh_value);
	TAP_RUN(a_stale_watcher_does_not_remove_a_fresh_key);
	TAP_RUN(the_watcher_of_an_overwritten_value_removes_nothing);
	TAP_RUN(a_watcher_removes_its_own_entry_only);
	TAP_RUN(the_dead_are_seen_by_nobody_before_they_are_removed);
	TAP_RUN(a_dead_value_is_absent_and_overwritten);
	TAP_RUN(a_dead_key_is_absent_and_an_equal_one_gets_an_entry_of_its_own);
	TAP_RUN(the_stored_key_may_die_while_it_is_compared);
	TAP_RUN(a_key_that_died_in_its_comparison_is_not_found_in_a_section_either);
	TAP_RUN(an_equality_may_clear_the_dict);
	TAP_RUN(setdefault_gives_what_was_stored_during_its_search);
	TAP_RUN(what_a_call_was_given_may_be_dropped_during_it);
	TAP_RUN(errors_of_keys_come_through_and_change_nothing);
	TAP_RUN(what_leaves_with_the_dead_is_dropped_when_the_dict_is_free);
	TAP_RUN(an_object_that_its_finalizer_brings_back_stays);
	TAP_RUN(an_entry_of_garbage_is_gone_when_the_collection_returns);
	TAP_RUN(a_cycle_through_a_dict_is_collected);
	TAP_RUN(a_cycle_of_a_dict_and_what_it_watches_is_collected);
	TAP_RUN(a_value_that_refers_to_its_weak_key_keeps_the_entry);
	TAP_RUN(what_the_collector_cleared_is_gone_even_if_it_comes_back);
	TAP_RUN(an_operation_that_gets_no_memory_changes_nothing);
	TAP_RUN(deaths_and_looks_need_no_memory);
	TAP_RUN(thousands_of_entries_come_and_go);
	TAP_RUN(threads_that_ask_for_a_default_get_the_one_that_lives);
	TAP_RUN(a_key_whose_value_is_overwritten_is_never_absent);
	TAP_RUN(any_mix_by_threads_on_a_weak_value_dict_finds_what_belongs_there);
	TAP_RUN(any_mix_by_threads_on_a_weak_key_dict_finds_what_belongs_there);
	TAP_RUN(a_dict_and_what_it_watches_may_die_at_once_on_different_threads);
	TAP_RUN(a_section_over_a_dict_keeps_others_out);
	TAP_RUN(a_removal_waits_for_the_end_of_a_section);
	return tap_end();
}
