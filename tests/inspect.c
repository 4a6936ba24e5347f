// tests/inspect.c: what the host is shown of the heap (tally/inspect.h): objects by generation, who refers to whom, counts by type.
// A number in brackets is that of the behaviour in the list that Tally is compared with.
#include "classes.h"

#include <tally/inspect.h>

enum { MANY = 2000 };

// ---- lists of objects ----

static size_t size_of(tally_object *list)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &size), 0);
	return size;
}

// How often the very object is in the list.
static unsigned times_in(tally_object *list, const tally_object *object)
{
	unsigned times = 0;
	for (size_t i = 0; i < size_of(list); i++) {
		tally_object *item = must(tally_list_get(list, (ptrdiff_t)i));
		times += item == object;
		tally_decref(item);
	}
	return times;
}

// The same of a list that is given up.
static unsigned times_in_own(tally_object *list, const tally_object *object)
{
	unsigned times = times_in(must(list), object);
	tally_decref(list);
	return times;
}

static size_t take_size(tally_object *list)
{
	size_t size = size_of(must(list));
	tally_decref(list);
	return size;
}

static unsigned times_among(int generation, const tally_object *object)
{
	return times_in_own(tally_gc_get_objects(generation), object);
}

// The generation in which the object is listed; -1: in none; -2: in more than one.
static int generation_of(const tally_object *object)
{
	int found = -1;
	for (int generation = 0; generation < 3; generation++)
		if (times_among(generation, object)) found = found == -1 ? generation : -2;
	return found;
}

static tally_object *referrers_of(tally_object *object) { return must(tally_gc_get_referrers(&object, 1)); }
static tally_object *referents_of(tally_object *object) { return must(tally_gc_get_referents(&object, 1)); }

static tally_object *pair(tally_object *a, tally_object *b)
{
	return must(tally_tuple_new((tally_object *[]){a, b}, 2));
}

static tally_object *list_of(tally_object *a, tally_object *b)
{
	return must(tally_list_from((tally_object *[]){a, b}, 2));
}

// ---- tracking [21 to 24] ----

static bool gives_up_tracked(tally_object *object)
{
	bool is_tracked = tally_gc_is_tracked(must(object));
	tally_decref(object);
	return is_tracked;
}

static void atoms_are_not_tracked(void) // [21]
{
	int number = 0;
	CHECK(!gives_up_tracked(tally_int_new(7)));
	CHECK(!gives_up_tracked(tally_int_new(1000000)));
	CHECK(!gives_up_tracked(tally_float_new(0.5)));
	CHECK(!gives_up_tracked(tally_none()));
	CHECK(!gives_up_tracked(tally_bool(true)));
	CHECK(!gives_up_tracked(text("text")));
	CHECK(!gives_up_tracked(tally_bytes_new("bytes", 5)));
	CHECK(!gives_up_tracked(tally_capsule_new(&number, "number", NULL)));
	tally_object *list = must(tally_list_new()), *probes = fixture_probe_type();
	CHECK(!gives_up_tracked(tally_type_of(list)));
	CHECK(!gives_up_tracked(tally_host_new(probes)));
	tally_decref(list);
}

static void containers_classes_and_instances_are_tracked(void) // [22, 23]
{
	tally_object *type = CLASS(.name = "open"), *bare = CLASS(.name = "bare", .has_slots = true);
	CHECK(tally_gc_is_tracked(type));
	CHECK(gives_up_tracked(tally_instance_new(type)));
	CHECK(gives_up_tracked(tally_instance_new(bare)));
	CHECK(gives_up_tracked(tally_list_new()));
	CHECK(gives_up_tracked(tally_dict_new()));
	CHECK(gives_up_tracked(tally_set_new(NULL)));
	tally_decref(type), tally_decref(bare);
}

static void a_tuple_of_atoms_is_not_listed_after_a_collection(void) // [24]
{
	tally_object *number = counted(1), *list = must(tally_list_new());
	tally_object *atoms = pair(number, number), *mixed = pair(number, list);
	CHECK_EQ(times_among(TALLY_GC_ALL, atoms), 1);
	CHECK_COLLECT(2, 0);
	CHECK(!tally_gc_is_tracked(atoms));
	CHECK(tally_gc_is_tracked(mixed));
	CHECK_EQ(times_among(TALLY_GC_ALL, atoms), 0);
	CHECK_EQ(times_among(TALLY_GC_ALL, mixed), 1);
	CHECK_EQ(times_in_own(referrers_of(number), atoms), 0);
	CHECK_EQ(times_in_own(referrers_of(number), mixed), 1);
	CHECK_EQ(take_size(referents_of(atoms)), 2); // it still says what it holds
	tally_decref(atoms), tally_decref(mixed), tally_decref(list), tally_decref(number);
}

// ---- referents ----

static void referents_are_all_that_an_object_refers_to(void) // [25]
{
	tally_object *one = counted(1), *three = counted(3), *five = counted(5), *seven = counted(7);
	tally_object *both[] = {pair(one, three), list_of(three, five)}, *dict = must(tally_dict_new());
	put(dict, one, three);
	put(dict, five, seven);
	tally_object *found = must(tally_gc_get_referents(both, 2));
	CHECK_EQ(size_of(found), 4);
	CHECK_EQ(times_in(found, one), 1);
	CHECK_EQ(times_in(found, three), 2);
	CHECK_EQ(times_in(found, five), 1);
	CHECK_EQ(tally_refcount(three), 6);
	tally_decref(found);
	CHECK_EQ(tally_refcount(three), 4);
	found = referents_of(dict);
	CHECK_EQ(size_of(found), 4);
	CHECK_EQ(times_in(found, one) + times_in(found, three) + times_in(found, five) + times_in(found, seven), 4);
	tally_decref(found);
	found = must(tally_gc_get_referents((tally_object *[]){both[0], both[0], both[1]}, 3));
	CHECK_EQ(size_of(found), 6);
	CHECK_EQ(value_of(one), COUNTED + 1);
	tally_decref(found), tally_decref(both[0]), tally_decref(both[1]), tally_decref(dict);
	tally_decref(one), tally_decref(three), tally_decref(five), tally_decref(seven);
}

static void what_has_no_references_adds_nothing(void) // [26]
{
	int number = 0;
	tally_object *probes = fixture_probe_type(), *list = must(tally_list_new());
	tally_object *objects[] = {tally_none(),  counted(1),       text("text"), must(tally_capsule_new(&number, "number", NULL)),
	                           probe(probes, 0), must(tally_tuple_new(NULL, 0)), list, must(tally_dict_new())};
	const size_t count = sizeof objects / sizeof objects[0];
	CHECK_EQ(take_size(tally_gc_get_referents(objects, count)), 0);
	CHECK_EQ(take_size(tally_gc_get_referents(NULL, 0)), 0);
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}

static void an_instance_refers_to_its_class_and_its_attributes(void)
{
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "thing", .base = base), *value = must(tally_list_new());
	tally_object *self = instance(type);
	set_attr(self, "value", value);
	tally_object *found = referents_of(self);
	CHECK_EQ(times_in(found, type), 1);
	CHECK_EQ(times_in(found, value), 1);
	tally_decref(found);
	CHECK_EQ(times_in_own(referents_of(type), base), 1);
	CHECK_EQ(times_in_own(referrers_of(type), self), 1);
	CHECK_EQ(times_in_own(referrers_of(base), type), 1);
	CHECK_EQ(times_in_own(referrers_of(value), self), 1);
	tally_object *dict = must(tally_attr_dict(self)); // the attributes move there
	CHECK_EQ(times_in_own(referents_of(self), dict), 1);
	CHECK_EQ(times_in_own(referrers_of(value), dict), 1);
	CHECK_EQ(times_in_own(referrers_of(value), self), 0);
	tally_decref(dict), tally_decref(self), tally_decref(value), tally_decref(type), tally_decref(base);
}

static void a_host_object_refers_to_what_its_traverse_visits(void)
{
	tally_object *type = node_type(NODE_PLAIN), *a = node_new(type, 1), *b = node_new(type, 2);
	node_link(a, 0, b);
	node_link(a, 3, b);
	CHECK_EQ(times_in_own(referents_of(a), b), 2);
	CHECK_EQ(take_size(referents_of(b)), 0);
	CHECK_EQ(times_in_own(referrers_of(b), a), 1);
	tally_decref(a), tally_decref(b);
}

// ---- objects ----

static void a_list_in_itself_is_listed(void) // [27]
{
	tally_object *list = list_in_itself(), *found = must(tally_gc_get_objects(TALLY_GC_ALL));
	CHECK_EQ(times_in(found, list), 1);
	CHECK_EQ(times_in(found, found), 0);
	CHECK_EQ(tally_refcount(list), 3);
	tally_decref(found);
	CHECK_EQ(tally_refcount(list), 2);
	tally_decref(list);
	CHECK_COLLECT(2, 1);
}

static void an_object_is_listed_in_its_generation_and_in_no_other(void) // [28, 34]
{
	tally_object *list = must(tally_list_new());
	uint64_t count[3];
	CHECK_EQ(generation_of(list), 0);
	CHECK_COLLECT(0, 0);
	CHECK_EQ(generation_of(list), 1);
	CHECK_COLLECT(1, 0);
	CHECK_EQ(generation_of(list), 2);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(generation_of(list), 2);
	tally_object *later = must(tally_list_new());
	CHECK_COLLECT(2, 0);
	CHECK_EQ(generation_of(later), 2);
	CHECK_COLLECT(0, 0);
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK_EQ(count[1], 1);
	CHECK_EQ(count[2], 0);
	tally_decref(list), tally_decref(later);
}

static void all_are_those_of_the_three_generations(void) // [29]
{
	tally_object *lists[3];
	for (int i = 0; i < 3; i++) {
		lists[i] = ring_of_lists(10 + (size_t)i);
		if (i < 2) CHECK_COLLECT(i == 0 ? 2 : 0, 0);
	}
	size_t size[3], all = take_size(tally_gc_get_objects(TALLY_GC_ALL));
	for (int i = 0; i < 3; i++) size[i] = take_size(tally_gc_get_objects(i));
	CHECK_EQ(size[0] + size[1] + size[2], all);
	CHECK_EQ(size[0], 12);
	CHECK_EQ(size[1], 11);
	CHECK_EQ(size[2], 10);
	for (int i = 0; i < 3; i++) tally_decref(lists[i]);
	CHECK_COLLECT(2, 33);
}

static void other_generations_are_refused(void) // [29, 43]
{
	const struct {
		int generation;
		const char *message;
	} cases[] = {{1000, "gc_get_objects: generation 1000, expected 0, 1, 2 or TALLY_GC_ALL"},
	             {-1000, "gc_get_objects: generation -1000, expected 0, 1, 2 or TALLY_GC_ALL"},
	             {3, "gc_get_objects: generation 3, expected 0, 1, 2 or TALLY_GC_ALL"},
	             {-2, "gc_get_objects: generation -2, expected 0, 1, 2 or TALLY_GC_ALL"}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		CHECK_PTR(tally_gc_get_objects(cases[i].generation), NULL);
		CHECK_ERROR(TALLY_ERROR_VALUE, cases[i].message);
	}
}

static void large_objects_and_many_small_ones_are_listed_once_each(void)
{
	tally_object *number = counted(1), *all = must(tally_list_new());
	tally_object **items = calloc(20000, sizeof items[0]);
	for (int i = 0; i < 20000; i++) items[i] = number;
	for (int i = 0; i < MANY; i++) push_own(all, i % 100 ? must(tally_list_new()) : must(tally_tuple_new(items, 20000)));
	CHECK_EQ(take_size(tally_gc_get_objects(0)), MANY + 1);
	CHECK_COLLECT(0, 0); // from here on the large tuples are untracked
	CHECK_EQ(take_size(tally_gc_get_objects(1)), MANY + 1 - MANY / 100);
	free(items);
	tally_decref(all), tally_decref(number);
}

static void what_is_listed_lives_as_long_as_the_list(void)
{
	tally_object *probes = fixture_probe_type(), *list = must(tally_list_new());
	push_own(list, probe(probes, 0));
	tally_object *found = must(tally_gc_get_objects(0));
	tally_decref(list);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(times_in(found, list), 1);
	tally_decref(found);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
}

static void immortal_and_spread_objects_are_listed_and_stay_what_they_are(void) // [38]
{
	tally_object *immortal = must(tally_list_new()), *spread = must(tally_list_new());
	push_own(immortal, tally_incref(spread));
	CHECK_EQ(tally_immortalize(immortal), 0);
	CHECK_EQ(tally_spread(spread), 0);
	bool is_spread = tally_is_spread(spread);
	CHECK_EQ(times_among(TALLY_GC_ALL, immortal), 1);
	CHECK_EQ(times_among(TALLY_GC_ALL, spread), 1);
	tally_object *found = must(tally_gc_get_objects(TALLY_GC_ALL));
	CHECK_EQ(tally_refcount(spread), 3);
	CHECK_EQ(tally_is_spread(spread), is_spread);
	tally_decref(found);
	CHECK_EQ(tally_refcount(spread), 2);
	CHECK_EQ(tally_refcount(immortal), UINT32_MAX);
	CHECK_EQ(times_in_own(referrers_of(spread), immortal), 1);
	CHECK_EQ(times_in_own(referents_of(immortal), spread), 1);
	tally_decref(spread);
	CHECK_EQ(tally_list_clear(immortal), 0);
	CHECK_COLLECT(2, is_spread); // a spread object dies in a collection only
}

// ---- referrers ----

static void referrers_are_those_who_refer_directly_each_once(void) // [31]
{
	tally_object *target = must(tally_list_new()), *other = counted(2), *apart = must(tally_list_new());
	tally_object *twice = list_of(target, target), *both = list_of(target, other), *value = must(tally_dict_new());
	tally_object *outer = list_of(twice, twice), *garbage = list_in_itself();
	put(value, other, target);
	push(garbage, target);
	tally_decref(garbage);
	tally_object *found = referrers_of(target);
	CHECK_EQ(size_of(found), 4);
	CHECK_EQ(times_in(found, twice), 1);
	CHECK_EQ(times_in(found, both), 1);
	CHECK_EQ(times_in(found, value), 1);
	CHECK_EQ(times_in(found, garbage), 1); // nobody has looked for it yet
	tally_decref(found);
	found = must(tally_gc_get_referrers((tally_object *[]){other, target, other, apart}, 4));
	CHECK_EQ(size_of(found), 4);
	CHECK_EQ(times_in(found, both), 1);
	CHECK_EQ(times_in(found, value), 1);
	tally_decref(found);
	CHECK_EQ(times_in_own(referrers_of(twice), outer), 1);
	CHECK_EQ(take_size(referrers_of(apart)), 0);
	CHECK_EQ(take_size(tally_gc_get_referrers(NULL, 0)), 0);
	tally_decref(outer), tally_decref(twice), tally_decref(both), tally_decref(value);
	CHECK_COLLECT(2, 1);
	tally_decref(target), tally_decref(other), tally_decref(apart);
}

// A graph of lists and what is in it, as a table.
enum { NODES = 40 };

static void check_referrers(tally_object **nodes, bool refers[NODES][NODES], tally_object **targets, const bool *is_target, size_t count)
{
	tally_object *found = must(tally_gc_get_referrers(targets, count));
	size_t expected = 0;
	for (size_t i = 0; i < NODES; i++) {
		bool is_one = false;
		for (size_t j = 0; j < NODES; j++) is_one |= is_target[j] && refers[i][j];
		expected += is_one;
		CHECK_EQ(times_in(found, nodes[i]), is_one);
	}
	CHECK_EQ(size_of(found), expected);
	tally_decref(found);
}

static void in_random_graphs_referrers_are_those_whose_referents_say_so(void)
{
	uint64_t random = fixture_seed(0);
	for (int round = 0; round < tap_scale(20); round++) {
		tally_object *nodes[NODES], *targets[NODES];
		bool refers[NODES][NODES] = {{false}}, is_target[NODES] = {false};
		for (int i = 0; i < NODES; i++) nodes[i] = must(tally_list_new());
		for (int i = 0; i < 2 * NODES; i++) {
			unsigned from = below(&random, NODES), to = below(&random, NODES);
			push(nodes[from], nodes[to]);
			refers[from][to] = true;
		}
		if (round % 2) tally_gc_collect(round % 3);
		size_t count = below(&random, 6);
		for (size_t i = 0; i < count; i++) {
			unsigned target = below(&random, NODES);
			targets[i] = nodes[target];
			is_target[target] = true;
		}
		check_referrers(nodes, refers, targets, is_target, count);
		for (int i = 0; i < NODES; i++) CHECK_EQ(tally_list_clear(nodes[i]), 0);
		for (int i = 0; i < NODES; i++) tally_decref(nodes[i]);
	}
}

// A collection would take the objects asked about for candidates of its own.
static void what_has_been_asked_does_not_mislead_the_next_collection(void)
{
	enum { LISTS = 1000 };
	tally_object *lists[LISTS], *numbers[LISTS];
	for (int i = 0; i < LISTS; i++) {
		numbers[i] = counted(i);
		lists[i] = must(tally_list_from(&numbers[i], 1));
	}
	CHECK_EQ(take_size(tally_gc_get_referrers(numbers, LISTS)), LISTS);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(take_size(tally_gc_get_referrers(lists, LISTS)), 0);
	for (int i = 0; i < LISTS; i++) push(lists[i], lists[(i + 1) % LISTS]);
	CHECK_COLLECT(0, 0);
	for (int i = 0; i < LISTS; i++) tally_decref(lists[i]), tally_decref(numbers[i]);
	CHECK_COLLECT(2, LISTS);
}

// ---- what is passed over ----

static tally_object *seen, *seen_referents;

static void look_around(tally_object *self, struct node *node)
{
	(void)node;
	tally_decref(seen), tally_decref(seen_referents);
	seen = tally_gc_get_objects(TALLY_GC_ALL);
	seen_referents = tally_gc_get_referents(&self, 1);
	CHECK_EQ(take_size(tally_gc_get_referrers(&self, 1)), 1); // `seen_referents` refers to it; who is trash does not count
}

static void what_a_collection_disposes_of_is_left_out(void)
{
	tally_object *type = node_type(NODE_WHOLE), *live = must(tally_list_new()), *first = node_new(type, 0);
	node_link(first, 0, first);
	node_link(first, 1, live);
	node_on_finalize = look_around;
	tally_decref(first);
	CHECK_COLLECT(2, 0); // `seen_referents` has brought it back
	CHECK_EQ(node_seen[0].finalize, 1);
	CHECK_EQ(times_in(seen, live), 1);
	CHECK_EQ(times_in(seen, first), 0);
	CHECK_EQ(times_in(seen_referents, first), 1);
	CHECK_EQ(times_in(seen_referents, live), 1);
	CHECK_EQ(times_among(TALLY_GC_ALL, first), 1); // it is none of the collector's business any more
	tally_decref(seen), tally_decref(seen_referents);
	seen = seen_referents = NULL;
	CHECK_COLLECT(2, 1);
	tally_decref(live);
}

static void look_back(void *payload, void *context)
{
	(void)context;
	*(size_t *)payload = 0;
	seen = tally_gc_get_objects(TALLY_GC_ALL);
}

static void traverse_nothing(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)payload;
	(void)context;
	visit(NULL, visit_context);
}

static void an_object_that_is_being_destroyed_is_left_out(void)
{
	tally_host_type description = {.size = sizeof description, .name = "looker", .payload_size = sizeof(size_t),
	                               .dealloc = look_back, .traverse = traverse_nothing};
	tally_object *type = must(tally_host_type_new(&description)), *looker = must(tally_host_new(type)), *list = must(tally_list_new());
	CHECK_EQ(times_among(0, looker), 1);
	tally_decref(looker);
	CHECK_EQ(times_in(seen, looker), 0);
	CHECK_EQ(times_in(seen, list), 1);
	tally_decref(seen), tally_decref(list);
	seen = NULL;
}

// ---- is_finalized [32], counts [33, 35] ----

static tally_object *saved;

static void save(tally_object *self, struct node *node)
{
	(void)node;
	saved = tally_incref(self);
}

static void an_object_says_whether_its_finalizer_has_run(void) // [32]
{
	tally_object *number = counted(1), *type = node_type(NODE_WHOLE), *node = node_new(type, 0);
	CHECK(!tally_gc_is_finalized(number));
	CHECK(!tally_gc_is_finalized(node));
	node_on_finalize = save;
	tally_decref(node);
	CHECK_PTR(saved, node);
	CHECK(tally_gc_is_finalized(saved));
	tally_decref(saved), tally_decref(number);
}

static void counts_and_statistics_follow_what_is_done(void) // [33, 35]
{
	uint64_t count[3], after[3];
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK(count[0] < 5);
	CHECK_EQ(count[1], 0);
	CHECK_EQ(count[2], 0);
	tally_object *list = must(tally_list_new());
	CHECK_EQ(tally_gc_get_count(after), 0);
	CHECK_EQ(after[0], count[0] + 1);
	uint64_t before[3] = {stats_of(0).collections, stats_of(1).collections, stats_of(2).collections};
	CHECK_COLLECT(0, 0);
	CHECK_EQ(stats_of(0).collections, before[0] + 1);
	CHECK_EQ(stats_of(1).collections, before[1]);
	CHECK_EQ(stats_of(2).collections, before[2]);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(stats_of(0).collections, before[0] + 1);
	CHECK_EQ(stats_of(2).collections, before[2] + 1);
	tally_decref(list);
}

// ---- counts by type ----

enum { TYPES = 100 };

static const tally_gc_type_count *count_of(const tally_gc_type_count *counts, int64_t types, const tally_object *type)
{
	for (int64_t i = 0; i < types; i++)
		if (counts[i].type == type) return &counts[i];
	static const tally_gc_type_count none;
	return &none;
}

static uint64_t all_objects(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.live_objects + stats.immortal_objects;
}

static void the_counts_by_type_add_up(void)
{
	tally_object *type = CLASS(.name = "thing"), *things[3], *lists = must(tally_list_new()), *nodes = node_type(NODE_PLAIN);
	for (int i = 0; i < 3; i++) things[i] = instance(type), set_int(things[i], "value", i);
	for (int i = 0; i < MANY; i++) push_own(lists, i % 2 ? must(tally_list_new()) : node_new(nodes, i));
	tally_gc_type_count counts[TYPES];
	int64_t types = tally_gc_count_types(counts, TYPES);
	if (!CHECK(types > 0 && types <= TYPES)) return;
	uint64_t objects = 0;
	for (int64_t i = 0; i < types; i++) {
		objects += counts[i].objects;
		if (i) CHECK(counts[i].bytes <= counts[i - 1].bytes);
	}
	CHECK_EQ(objects, all_objects());
	CHECK_EQ(count_of(counts, types, type)->objects, 3);
	CHECK_EQ(count_of(counts, types, nodes)->objects, MANY / 2);
	size_t bytes = 0, expected = 0;
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_sizeof(things[i], &bytes), 0), expected += bytes;
	CHECK_EQ(count_of(counts, types, type)->bytes, expected);
	tally_object *list_type = must(tally_type_of(lists));
	CHECK_EQ(count_of(counts, types, list_type)->objects, MANY / 2 + 1);
	CHECK_EQ(tally_sizeof(lists, &expected), 0);
	tally_object *empty = must(tally_list_new());
	CHECK_EQ(tally_sizeof(empty, &bytes), 0);
	CHECK_EQ(count_of(counts, types, list_type)->bytes, expected + MANY / 2 * bytes);
	tally_decref(empty), tally_decref(lists), tally_decref(list_type);
	for (int i = 0; i < 3; i++) tally_decref(things[i]);
	tally_decref(type);
}

static void where_there_is_little_room_those_with_most_bytes_are_counted(void)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < MANY; i++) push_own(list, must(tally_dict_new()));
	tally_gc_type_count counts[TYPES], few[2] = {{.objects = 7}, {.objects = 7}};
	int64_t types = tally_gc_count_types(counts, TYPES);
	CHECK_EQ(tally_gc_count_types(few, 1), types);
	CHECK_PTR(few[0].type, counts[0].type);
	CHECK_EQ(few[0].objects, counts[0].objects);
	CHECK_EQ(few[1].objects, 7);
	CHECK_EQ(tally_gc_count_types(NULL, 0), types);
	CHECK_STR(tally_type_name(counts[0].type), "type");
	tally_object *dict = must(tally_list_get(list, 0)), *dicts = must(tally_type_of(dict));
	CHECK_EQ(count_of(counts, types, dicts)->objects, MANY);
	for (int64_t i = 1; i < types; i++) CHECK(counts[i].bytes <= counts[0].bytes);
	tally_decref(dict), tally_decref(dicts), tally_decref(list);
}

static void the_buffers_of_every_kind_of_container_are_counted(void)
{
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "thing", .base = base);
	tally_object *containers[] = {must(tally_list_new()), must(tally_dict_new()), must(tally_set_new(NULL)), instance(type),
	                              must(tally_weak_value_dict_new(NULL)), must(tally_weak_set_new(NULL))};
	const size_t count = sizeof containers / sizeof containers[0];
	for (int i = 0; i < 50; i++) {
		char name[20];
		tally_object *number = counted(i);
		push(containers[0], number);
		put(containers[1], number, number);
		CHECK_EQ(tally_set_add(containers[2], number), 1);
		snprintf(name, sizeof name, "name%d", i);
		set_attr(containers[3], name, number);
		CHECK_EQ(tally_weak_dict_set(containers[4], number, type), 0);
		tally_decref(number);
	}
	CHECK_EQ(tally_weak_set_add(containers[5], type), 1);
	set_int(type, "attribute", 1);
	tally_gc_type_count counts[TYPES];
	int64_t types = tally_gc_count_types(counts, TYPES);
	for (size_t i = 0; i < count; i++) {
		size_t bytes = 0;
		tally_object *of = must(tally_type_of(containers[i]));
		CHECK_EQ(tally_sizeof(containers[i], &bytes), 0);
		if (!CHECK_EQ(count_of(counts, types, of)->bytes, bytes)) tap_note("%s", tally_type_name(containers[i]));
		CHECK_EQ(count_of(counts, types, of)->objects, 1);
		tally_decref(of);
	}
	for (size_t i = 0; i < count; i++) tally_decref(containers[count - 1 - i]);
	tally_decref(type), tally_decref(base);
}

// ---- failing ----

static void in_a_section_nobody_looks(void)
{
	tally_object *list = must(tally_list_new());
	tally_critical critical;
	tally_read reading;
	CHECK_EQ(tally_critical_begin(&critical, list), 0);
	CHECK_PTR(tally_gc_get_objects(0), NULL);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_get_objects: a critical section of this thread is open");
	CHECK_PTR(tally_gc_get_referrers(&list, 1), NULL);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_get_referrers: a critical section of this thread is open");
	CHECK_EQ(tally_critical_end(&critical), 0);
	CHECK_EQ(tally_read_begin(&reading, list), 0);
	CHECK_PTR(tally_gc_get_referents(&list, 1), NULL);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_get_referents: a read section of this thread is open");
	CHECK_EQ(tally_gc_count_types(NULL, 0), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "gc_count_types: a read section of this thread is open");
	CHECK_EQ(tally_read_end(&reading), 0);
	tally_decref(list);
}

static void what_is_no_object_is_refused(void)
{
	tally_object *list = must(tally_list_new());
	CHECK_PTR(tally_gc_get_referents((tally_object *[]){list, NULL}, 2), NULL);
	CHECK_ERROR(TALLY_ERROR_VALUE, "gc_get_referents: element 1 is NULL");
	CHECK_PTR(tally_gc_get_referrers(NULL, 3), NULL);
	CHECK_ERROR(TALLY_ERROR_VALUE, "gc_get_referrers: 3 elements at NULL");
	CHECK_EQ(tally_refcount(list), 1);
	tally_decref(list);
}

static tally_object *stage[3]; // what the plays look at

static bool gives(tally_object *list)
{
	tally_decref(list);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_refcount(stage[i]), i == 0 ? 1 : 2);
	return list != NULL;
}

static bool play_objects(void) { return gives(tally_gc_get_objects(TALLY_GC_ALL)); }
static bool play_referrers(void) { return gives(tally_gc_get_referrers(stage, 3)); }
static bool play_referents(void) { return gives(tally_gc_get_referents(stage, 3)); }
static bool play_types(void) { return tally_gc_count_types(NULL, 0) > 0; }

// With the n-th allocation failing, for n = 1, 2, ..., until there are fewer.
static void fail_each(bool (*play)(void), const char *message)
{
	bool done = tally_heap_fail(0, false) != 0; // this build has no faults on demand
	tally_error_clear();
	for (uint64_t n = 1; n < 20 && !done; n++) {
		uint64_t before = fixture_live_objects(), raw = fixture_raw_buffers();
		CHECK_EQ(tally_heap_fail(n, false), 0);
		bool success = play();
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK_EQ(success, done);
		if (!success) CHECK_FAILED(TALLY_ERROR_MEMORY, message);
		CHECK_EQ(fixture_live_objects(), before);
		CHECK_EQ(fixture_raw_buffers(), raw);
	}
	CHECK(done);
}

static void without_memory_everything_stays_as_it_was(void)
{
	stage[1] = must(tally_list_new());
	stage[2] = must(tally_dict_new());
	stage[0] = list_of(stage[1], stage[2]);
	fail_each(play_objects, "gc_get_objects: out of memory for ");
	fail_each(play_referrers, "gc_get_referrers: out of memory for ");
	fail_each(play_referents, "gc_get_referents: out of memory for ");
	fail_each(play_types, "gc_count_types: out of memory for ");
	CHECK_COLLECT(2, 0);
	for (int i = 0; i < 3; i++) tally_decref(stage[i]);
}

int main(void)
{
	classes_begin(60);
	TAP_RUN(atoms_are_not_tracked);
	TAP_RUN(containers_classes_and_instances_are_tracked);
	TAP_RUN(a_tuple_of_atoms_is_not_listed_after_a_collection);
	TAP_RUN(referents_are_all_that_an_object_refers_to);
	TAP_RUN(what_has_no_references_adds_nothing);
	TAP_RUN(an_instance_refers_to_its_class_and_its_attributes);
	TAP_RUN(a_host_object_refers_to_what_its_traverse_visits);
	TAP_RUN(a_list_in_itself_is_listed);
	TAP_RUN(an_object_is_listed_in_its_generation_and_in_no_other);
	TAP_RUN(all_are_those_of_the_three_generations);
	TAP_RUN(other_generations_are_refused);
	TAP_RUN(large_objects_and_many_small_ones_are_listed_once_each);
	TAP_RUN(what_is_listed_lives_as_long_as_the_list);
	TAP_RUN(immortal_and_spread_objects_are_listed_and_stay_what_they_are);
	TAP_RUN(referrers_are_those_who_refer_directly_each_once);
	TAP_RUN(in_random_graphs_referrers_are_those_whose_referents_say_so);
	TAP_RUN(what_has_been_asked_does_not_mislead_the_next_collection);
	TAP_RUN(what_a_collection_disposes_of_is_left_out);
	TAP_RUN(an_object_that_is_being_destroyed_is_left_out);
	TAP_RUN(an_object_says_whether_its_finalizer_has_run);
	TAP_RUN(counts_and_statistics_follow_what_is_done);
	TAP_RUN(the_counts_by_type_add_up);
	TAP_RUN(where_there_is_little_room_those_with_most_bytes_are_counted);
	TAP_RUN(the_buffers_of_every_kind_of_container_are_counted);
	TAP_RUN(in_a_section_nobody_looks);
	TAP_RUN(what_is_no_object_is_refused);
	TAP_RUN(without_memory_everything_stays_as_it_was);
	return tap_end();
}
