// tests/class_death.c: classes that die: when, together with whom, what keeps them, what finalizers and destructors may do
// meanwhile, and what becomes of their places in the table of types. What several threads add to it: class_threads.c.
#include "classes.h"
#include "turns.h"

#include <errno.h>

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...) drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

static struct kind *kind_of_last(void) { return &kinds[atomic_load(&kind_count) - 1]; }

// ---- what finalizers do, and where they may put what they bring back ----

static void (*on_finalize)(tally_object *self, struct kind *kind);

static void finalize_it(tally_object *self, void *context)
{
	struct kind *kind = context;
	atomic_fetch_add(&kind->finalized, 1);
	if (on_finalize) on_finalize(self, kind);
}

static int finalized(const struct kind *kind) { return atomic_load(&kind->finalized); }

enum { SAVED = 1024 };
static struct {
	tally_object *object[SAVED];
	int count;
} saved;

static void save(tally_object *object)
{
	if (saved.count == SAVED) tap_bail_out("too many are saved");
	saved.object[saved.count++] = tally_incref(object);
}

static void drop_saved(void)
{
	while (saved.count > 0) tally_decref(saved.object[--saved.count]);
}

static void save_self(tally_object *self, struct kind *kind)
{
	(void)kind;
	save(self);
}

static void start(void)
{
	classes_start();
	on_finalize = NULL;
	saved.count = 0;
}

// A class with a finalizer, a method, and an attribute that says so.
static tally_object *finalized_class(struct kind *kind)
{
	tally_object *type = CLASS(.name = "mortal", .finalize = finalize_it, .context = kind);
	set_own(type, "method", packer());
	set_int(type, "mark", 1000);
	return type;
}

// That the instance's class is whole and serves.
static void check_works(tally_object *self)
{
	tally_object *type = must(tally_type_of(self)), *called = call_attr(self, "method", NULL, 0);
	tally_object *other = tally_instance_new(type);
	CHECK_STR(tally_type_name(self), "mortal");
	CHECK_EQ(attr_int(self, "mark"), 1000);
	CHECK(called);
	if (CHECK(other)) {
		set_int(other, "x", 2000);
		CHECK_EQ(attr_int(other, "x"), 2000);
		CHECK_EQ(tally_isinstance(other, type), 1);
		CHECK_EQ(delete_attr(other, "x"), 1);
	}
	set_int(type, "mark", 1000);
	void (*former)(tally_object *, struct kind *) = on_finalize;
	on_finalize = NULL; // `other` just goes
	DROP(other, called, type);
	on_finalize = former;
}

// ---- when a class dies ----

static void a_class_dies_in_a_full_collection_and_not_before(void)
{
	tally_object *type = CLASS(.name = "thing");
	CHECK_COLLECT(2, 0);
	tally_decref(type);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	CHECK_COLLECT(1, 0);
	CHECK_EQ(is_released(kind_of_last()), 0);
	CHECK_EQ(fixture_live_objects(), 1);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(is_released(kind_of_last()), 1);
	CHECK_EQ(fixture_live_objects(), 0);
	CHECK_COLLECT(2, 0);
}

static void a_class_that_was_never_young_enough_dies_too(void)
{
	tally_object *type = CLASS(.name = "thing");
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	tally_decref(type);
	CHECK_COLLECT(2, 1);
}

static void a_class_to_which_somebody_refers_does_not_die(void)
{
	tally_object *type = CLASS(.name = "thing"), *list = must(tally_list_new());
	tally_decref(instance(type));
	push_own(list, type);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	tally_object *self = must(tally_instance_new(type));
	CHECK_EQ(is_released(kind_of_last()), 0);
	DROP(list, self);
	CHECK_COLLECT(2, 1);
}

static void a_class_lives_as_long_as_an_instance(void)
{
	static const char *const slots[] = {"x"};
	for (int i = 0; i < 3; i++) {
		tally_object *type = CLASS(.name = "thing", .has_slots = i > 0, .slots = i == 2 ? slots : NULL,
		        .slot_count = i == 2);
		tally_object *self;
		set_int(type, "mark", 1000);
		self = only_instance(type);
		for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
		CHECK_COLLECT(2, 0);
		CHECK_STR(tally_type_name(self), "thing");
		CHECK_EQ(attr_int(self, "mark"), 1000);
		CHECK_EQ(is_released(kind_of_last()), 0);
		tally_decref(self);
		CHECK_EQ(is_released(kind_of_last()), 0);
		CHECK_COLLECT(0, 0);
		CHECK_COLLECT(2, 1);
		CHECK_EQ(is_released(kind_of_last()), 1);
	}
}

// Everything that can be the only one to refer to an instance.
static tally_object *in_a_list(tally_object *self) { return must(tally_list_from(&self, 1)); }
static tally_object *in_a_tuple(tally_object *self) { return must(tally_tuple_new(&self, 1)); }
static tally_object *in_a_cell(tally_object *self) { return must(tally_cell_new(self)); }
static tally_object *in_a_method(tally_object *self)
{
	tally_object *pack_it = packer(), *method = must(tally_method_new(pack_it, self));
	tally_decref(pack_it);
	return method;
}
static tally_object *in_a_dict(tally_object *self)
{
	tally_object *dict = must(tally_dict_new());
	put(dict, self, self);
	return dict;
}
static tally_object *in_a_set(tally_object *self)
{
	tally_object *set = must(tally_set_new(NULL));
	CHECK_EQ(tally_set_add(set, self), 1);
	return set;
}
static tally_object *in_a_closure(tally_object *self)
{
	tally_function_spec spec = {.size = sizeof spec, .name = "f", .call = pack, .most = 1, .captured = &self,
	        .captures = 1};
	return must(tally_function_new(&spec));
}
static tally_object *in_a_node(tally_object *self)
{
	tally_object *node = node_new(node_type(NODE_PLAIN), 1);
	node_link(node, 0, self);
	return node;
}
static tally_object *in_a_blind_node(tally_object *self)
{
	tally_object *node = node_new(node_type(NODE_DEALLOC), 1);
	node_link(node, 0, self);
	return node;
}
static tally_object *in_an_instance(tally_object *self)
{
	tally_object *other = only_instance(CLASS(.name = "other"));
	set_attr(other, "x", self);
	return other;
}
static tally_object *in_a_class(tally_object *self)
{
	tally_object *other = CLASS(.name = "other");
	set_attr(other, "x", self);
	return other;
}
static tally_object *in_a_cycle(tally_object *self)
{
	tally_object *list = list_in_itself();
	push(list, self);
	return list;
}

static void a_class_lives_wherever_its_last_instance_is(void)
{
	static tally_object *(*const places[])(tally_object *) = {in_a_list, in_a_tuple, in_a_cell, in_a_method,
	        in_a_dict, in_a_set,
	        in_a_closure, in_a_node, in_a_blind_node, in_an_instance, in_a_class, in_a_cycle};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct kind *kind = kind_new();
		tally_object *self = only_instance(finalized_class(kind)), *holder = places[i](self);
		tally_decref(self);
		for (int generation = 2; generation >= 0; generation--) CHECK_COLLECT(generation, 0);
		if (!CHECK_EQ(finalized(kind) + is_released(kind), 0)) tap_note("place %zu", i);
		check_works(self);
		tally_decref(holder);
		CHECK(tally_gc_collect(2) > 0);
		if (!CHECK_EQ(is_released(kind), 1)) tap_note("place %zu", i);
	}
}

static void an_instance_in_a_list_that_is_older_keeps_its_class_in_young_collections(void)
{
	tally_object *list = must(tally_list_new());
	CHECK_COLLECT(2, 0);
	tally_object *type = CLASS(.name = "thing"), *values = must(tally_list_new());
	push_own(values, integer(1000));
	set_own(type, "values", values);
	push_own(list, only_instance(type));
	for (int generation = 0; generation < 3; generation++) {
		CHECK_COLLECT(generation, 0);
		tally_object *self = must(tally_list_get(list, 0)), *found = attr(self, "values");
		CHECK_EQ(take_value(tally_list_get(found, 0)), 1000);
		DROP(found, self);
	}
	tally_decref(list);
	CHECK_COLLECT(2, 2);
}

// What only a class refers to, which nobody refers to, in collections that do not ask whether the class is in use.
static void young_collections_leave_the_attributes_of_a_dropped_class(void)
{
	tally_object *probes = fixture_probe_type(), *type = CLASS(.name = "thing"), *list = list_in_itself();
	push_own(list, probe(probes, 0));
	set_own(type, "x", list);
	tally_decref(type);
	CHECK_COLLECT(0, 0);
	CHECK_COLLECT(1, 0);
	check_died_in_order(0);
	CHECK_COLLECT(2, 2);
	check_died_in_order(1);
}

static int references; // to save

static void save_class_often(tally_object *self, struct kind *kind)
{
	(void)kind;
	tally_object *type = must(tally_type_of(self));
	for (int i = 0; i < references; i++) save(type);
	tally_decref(type);
}

// The collector keeps small counts in a byte.
static void a_class_with_about_256_references_is_counted_right(void)
{
	for (references = 253; references < 260; references++) {
		struct kind *kind = kind_new();
		tally_object *type = finalized_class(kind), *self = instance(type);
		for (int i = 1; i < references; i++) tally_incref(type);
		CHECK_COLLECT(2, 0);
		check_works(self);
		for (int i = 0; i < references; i++) tally_decref(type);
		set_attr(self, "me", self);
		on_finalize = save_class_often;
		tally_decref(self);
		CHECK_COLLECT(2, 1);
		on_finalize = NULL;
		if (!CHECK_EQ(is_released(kind), 0)) tap_note("%d references", references);
		drop_saved();
		CHECK_COLLECT(2, 2);
	}
}

static void a_base_lives_as_long_as_what_inherits_from_it(void)
{
	struct kind *first = kind_new(), *second = kind_new();
	tally_object *base = finalized_class(first);
	tally_object *sub = CLASS(.name = "mortal", .base = base, .context = second), *self;
	tally_decref(base);
	CHECK_COLLECT(2, 0);
	self = only_instance(sub);
	CHECK_COLLECT(2, 0);
	check_works(self);
	int before = finalized(first); // the other instance that check_works makes
	tally_decref(self);
	CHECK_EQ(finalized(first), before + 1);
	CHECK_EQ(is_released(first) + is_released(second), 0);
	CHECK_COLLECT(2, 3); // both, and a method
	CHECK_EQ(is_released(first), 1);
	CHECK_EQ(is_released(second), 1);
}

static void a_class_can_die_and_leave_its_base(void)
{
	tally_object *base = CLASS(.name = "base"), *sub;
	struct kind *first = kind_of_last();
	for (int i = 0; i < 5; i++) {
		sub = CLASS(.name = "sub", .base = base);
		set_int(base, "x", 1000 + i); // reaches sub as well
		CHECK_EQ(attr_int(sub, "x"), 1000 + i);
		tally_decref(sub);
		CHECK_COLLECT(2, 1);
		CHECK_EQ(is_released(kind_of_last()), 1);
		CHECK_EQ(is_released(first), 0);
		set_int(base, "x", 2000 + i); // sub is not there any more
		CHECK_EQ(attr_int(base, "x"), 2000 + i);
	}
	tally_decref(base);
}

static void a_row_of_classes_dies_together(void)
{
	tally_object *type = CLASS(.name = "top");
	for (int i = 0; i < 100; i++) {
		tally_object *next = CLASS(.name = "next", .base = type);
		tally_decref(type);
		type = next;
	}
	tally_object *self = only_instance(type);
	CHECK_COLLECT(2, 0);
	tally_decref(self);
	CHECK_COLLECT(2, 101);
}

static void release_is_called_once_and_after_the_last_instance(void)
{
	struct kind *kind = kind_new();
	tally_object *type = finalized_class(kind), *selves[10];
	for (int i = 0; i < 10; i++) selves[i] = instance(type);
	tally_decref(type);
	for (int i = 0; i < 10; i++) {
		CHECK_COLLECT(2, 0);
		CHECK_EQ(is_released(kind), 0);
		tally_decref(selves[i]);
	}
	CHECK_EQ(finalized(kind), 10);
	CHECK_COLLECT(2, 2); // with the method
	CHECK_EQ(is_released(kind), 1);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	CHECK_EQ(is_released(kind), 1);
}

// ---- garbage in which classes take part ----

static void a_class_with_an_attribute_that_is_itself_is_collected(void)
{
	tally_object *type = CLASS(.name = "thing");
	set_attr(type, "me", type);
	tally_decref(type);
	CHECK_COLLECT(1, 0);
	CHECK_COLLECT(2, 1);
}

static void a_class_in_an_object_that_it_refers_to_is_collected(void)
{
	static tally_object *(*const places[])(tally_object *) = {in_a_list, in_a_tuple, in_a_cell, in_a_dict,
	        in_a_set, in_a_node};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		tally_object *type = CLASS(.name = "thing");
		set_own(type, "holder", places[i](type));
		tally_decref(type);
		if (!CHECK_EQ(tally_gc_collect(2), 2)) tap_note("place %zu", i);
		CHECK_EQ(is_released(kind_of_last()), 1);
	}
}

static void an_instance_that_refers_to_itself_is_collected_and_its_class_with_it(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing"));
	tally_gc_stats before = stats_of(2);
	set_attr(self, "me", self);
	tally_decref(self);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(is_released(kind_of_last()), 1);
	CHECK_EQ(stats_of(2).collected - before.collected, 2);
	CHECK_EQ(stats_of(2).uncollectable, 0);
}

static void an_instance_that_keeps_its_own_method_is_collected(void)
{
	static const char *const slots[] = {"mine"};
	tally_object *open = CLASS(.name = "open");
	tally_object *slotted = CLASS(.name = "slotted", .slots = slots, .slot_count = 1);
	tally_object *types[] = {open, slotted};
	for (int i = 0; i < 2; i++) {
		tally_object *self = instance(types[i]);
		set_own(types[i], "method", packer());
		set_own(self, "mine", attr(self, "method"));
		tally_decref(self);
		CHECK_COLLECT(1, 2); // the instance and the method
	}
	DROP(open, slotted);
}

static void a_class_whose_attribute_is_its_own_instance_is_collected(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type);
	set_own(type, "one", self);
	tally_decref(type);
	CHECK_COLLECT(1, 0);
	CHECK_COLLECT(2, 2);
}

static void an_instance_that_refers_to_its_class_is_collected(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type);
	set_attr(self, "class", type);
	set_own(type, "one", self);
	tally_decref(type);
	CHECK_COLLECT(2, 2);
}

static void a_class_in_what_its_own_method_captures_is_collected(void)
{
	tally_object *type = CLASS(.name = "thing");
	set_own(type, "method", in_a_closure(type));
	tally_decref(type);
	CHECK(tally_gc_collect(2) >= 2);
	CHECK_EQ(is_released(kind_of_last()), 1);
}

static void cycles_through_slots_are_collected_with_and_without_a_table(void)
{
	static const char *const slots[] = {"a", "b", "c"};
	tally_object *base = CLASS(.name = "base");
	tally_object *both = CLASS(.name = "both", .base = base, .slots = slots, .slot_count = 3);
	tally_object *slotted = CLASS(.name = "slotted", .slots = slots, .slot_count = 3), *types[] = {both, slotted};
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 3; j++) {
			tally_object *self = instance(types[i]);
			set_attr(self, slots[j], self);
			tally_decref(self);
			CHECK_COLLECT(j % 2, 1);
		}
	}
	DROP(both, base, slotted);
}

static void a_class_to_which_its_own_garbage_refers_hundreds_of_times_is_collected(void)
{
	for (int count = 253; count < 260; count++) {
		tally_object *type = CLASS(.name = "thing"), *list = must(tally_list_new());
		for (int i = 0; i < count; i++) push(list, type);
		set_own(type, "list", list);
		CHECK_COLLECT(2, 0);
		tally_decref(type);
		if (!CHECK_EQ(tally_gc_collect(2), 2)) tap_note("%d references", count);
	}
}

static void two_classes_that_refer_to_each_other_are_collected(void)
{
	tally_object *a = CLASS(.name = "a"), *b = CLASS(.name = "b");
	set_attr(a, "other", b);
	set_own(b, "other", instance(a));
	set_own(a, "another", instance(b));
	DROP(a, b);
	CHECK_COLLECT(2, 4);
}

// The edge from an instance to its class is no reference, so what the class refers to must be found by the mark all
// the same.
static void what_the_class_of_a_living_instance_refers_to_lives(void)
{
	tally_object *probes = fixture_probe_type(), *base = CLASS(.name = "base");
	tally_object *type = CLASS(.name = "thing", .base = base), *list = list_in_itself();
	push_own(list, probe(probes, 0));
	set_own(base, "x", list);
	set_own(type, "y", only_instance(CLASS(.name = "other")));
	struct kind *other = kind_of_last();
	tally_decref(base);
	tally_object *self = only_instance(type), *cycle = list_in_itself();
	push_own(cycle, self);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	CHECK_EQ(is_released(other), 0);
	check_died_in_order(0);
	tally_decref(cycle);
	CHECK_COLLECT(2, 7); // two lists, two instances, three classes
	check_died_in_order(1);
}

static void a_thousand_classes_with_instances_in_cycles_die_together(void)
{
	enum { COUNT = 1000 };
	tally_object *chain = NULL;
	for (int i = 0; i < COUNT; i++) {
		tally_object *self = only_instance(CLASS(.name = "thing"));
		set_attr(self, "me", self);
		if (chain) set_attr(self, "next", chain);
		tally_decref(chain);
		chain = self;
	}
	CHECK_COLLECT(2, 0);
	tally_decref(chain);
	CHECK_COLLECT(2, 2 * COUNT);
	for (int i = 0; i < COUNT; i++)
		if (!CHECK_EQ(is_released(&kinds[i]), 1)) break;
}

static void classes_that_stand_in_the_same_place_have_attributes_of_their_own(void)
{
	tally_object *name = text("x");
	for (int i = 0; i < 200; i++) {
		tally_object *type = CLASS(.name = "thing"), *self = instance(type), *value = NULL;
		if (!CHECK_EQ(tally_attr_get(self, name, &value), 0)) tap_note("class %d", i);
		tally_decref(value);
		set_int(type, "x", 1000 + i);
		CHECK_EQ(tally_attr_get(self, name, &value), 1);
		CHECK_EQ(take_value(value), 1000 + i);
		DROP(self, type);
		if (i % 3 == 0) CHECK(tally_gc_collect(2) > 0);
	}
	tally_decref(name);
}

// ---- finalizers of instances ----

static void a_finalizer_of_an_instance_runs_once_when_the_last_reference_goes(void)
{
	struct kind *kind = kind_new();
	tally_object *type = finalized_class(kind), *self = instance(type);
	tally_incref(self);
	tally_decref(self);
	CHECK_EQ(finalized(kind), 0);
	CHECK(!tally_gc_is_finalized(self));
	tally_decref(self);
	CHECK_EQ(finalized(kind), 1);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(finalized(kind), 1);
	tally_decref(type);
}

static void the_nearest_finalizer_runs_and_no_other(void)
{
	struct kind *first = kind_new(), *second = kind_new(), *third = kind_new();
	tally_object *base = CLASS(.name = "base", .finalize = finalize_it, .context = first);
	tally_object *sub = CLASS(.name = "sub", .base = base, .context = second);
	tally_object *over = CLASS(.name = "over", .base = sub, .finalize = finalize_it, .context = third);
	tally_decref(instance(sub));
	CHECK_EQ(finalized(first), 1);
	tally_decref(instance(over));
	CHECK_EQ(finalized(third), 1);
	CHECK_EQ(finalized(first) + finalized(second), 1);
	DROP(over, sub, base);
}

static void an_instance_that_its_finalizer_brings_back_lives_and_is_not_finalized_again(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(finalized_class(kind));
	on_finalize = save_self;
	tally_decref(self);
	CHECK_EQ(saved.count, 1);
	CHECK_PTR(saved.object[0], self);
	CHECK(tally_gc_is_finalized(self));
	CHECK_EQ(tally_refcount(self), 1);
	CHECK_COLLECT(2, 0);
	check_works(self);
	int before = finalized(kind);
	drop_saved();
	CHECK_EQ(finalized(kind), before);
	CHECK_EQ(is_released(kind), 0);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(is_released(kind), 1);
}

static void an_instance_in_a_cycle_is_finalized_once_by_the_collector(void)
{
	static const char *const slots[] = {"me"};
	for (int i = 0; i < 2; i++) {
		struct kind *kind = kind_new();
		tally_object *type = CLASS(.name = "mortal", .finalize = finalize_it, .context = kind,
		        .slots = i ? slots : NULL, .slot_count = (size_t)i);
		tally_object *self = only_instance(type);
		set_attr(self, "me", self);
		tally_decref(self);
		CHECK_EQ(finalized(kind), 0);
		CHECK_COLLECT(2, 2);
		CHECK_EQ(finalized(kind), 1);
		CHECK_EQ(is_released(kind), 1);
		CHECK_COLLECT(2, 0);
	}
}

static void an_instance_that_the_collector_found_may_be_brought_back_and_keeps_its_class(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(finalized_class(kind));
	uint64_t collected = stats_of(2).collected;
	set_attr(self, "me", self);
	on_finalize = save_self;
	tally_decref(self);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(stats_of(2).collected, collected);
	CHECK_EQ(finalized(kind), 1);
	CHECK_EQ(is_released(kind), 0);
	CHECK_EQ(saved.count, 1);
	check_works(self);
	CHECK_COLLECT(2, 0);
	int before = finalized(kind);
	drop_saved();
	CHECK_COLLECT(2, 3); // instance, class, method
	CHECK_EQ(finalized(kind), before);
	CHECK_EQ(is_released(kind), 1);
}

// A ring of instances by their attribute "next"; the first is returned. `types` gives the class of each.
static tally_object *ring(tally_object *const *types, int length)
{
	tally_object *first = instance(types[0]), *last = first;
	for (int i = 1; i < length; i++) {
		tally_object *self = instance(types[i]);
		set_own(last, "next", self);
		last = self;
	}
	set_attr(last, "next", first);
	return first;
}

static void see_neighbours(tally_object *self, struct kind *kind)
{
	tally_object *other = attr(self, "next");
	(void)kind;
	for (int i = 0; CHECK(other) && i < 2; i++) {
		tally_object *next = attr(other, "next");
		CHECK_EQ(attr_int(other, "mark"), 1000);
		tally_decref(other);
		other = next;
	}
	CHECK_PTR(other, self); // the third of three is where it began
	tally_decref(other);
}

static void finalizers_of_a_ring_see_one_another_intact(void)
{
	struct kind *kind = kind_new();
	tally_object *type = finalized_class(kind), *types[] = {type, type, type};
	on_finalize = see_neighbours;
	tally_decref(ring(types, 3));
	CHECK_COLLECT(2, 3);
	CHECK_EQ(finalized(kind), 3);
	tally_decref(ring(types, 3));
	tally_decref(type);
	CHECK_COLLECT(2, 5); // now with class and method
	CHECK_EQ(finalized(kind), 6);
}

static void a_ring_whose_finalizers_bring_all_back_lives_whole(void)
{
	struct kind *kind = kind_new();
	tally_object *type = finalized_class(kind), *types[] = {type, type, type};
	on_finalize = save_self;
	tally_decref(ring(types, 3));
	tally_decref(type);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(finalized(kind), 3);
	CHECK_EQ(saved.count, 3);
	for (int i = 0; i < 3; i++) see_neighbours(saved.object[i], kind), check_works(saved.object[i]);
	int before = finalized(kind);
	drop_saved();
	CHECK_COLLECT(2, 5);
	CHECK_EQ(finalized(kind), before);
	CHECK_EQ(is_released(kind), 1);
}

static struct kind *rescuers, *cutters;

static void rescue_or_cut(tally_object *self, struct kind *kind)
{
	if (kind == rescuers) save(self);
	if (kind == cutters) CHECK_EQ(delete_attr(self, "next"), 1);
}

static void a_ring_of_rescuers_and_cutters_and_plain_ones_is_finalized_once(void)
{
	rescuers = kind_new();
	cutters = kind_new();
	struct kind *plain = kind_new();
	tally_object *rescuer = finalized_class(rescuers), *cutter = finalized_class(cutters);
	tally_object *other = finalized_class(plain);
	tally_object *types[] = {rescuer, rescuer, other, other, cutter, cutter};
	on_finalize = rescue_or_cut;
	tally_decref(ring(types, 6));
	DROP(rescuer, cutter, other);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(finalized(rescuers), 2);
	CHECK_EQ(finalized(cutters), 2);
	CHECK_EQ(finalized(plain), 2);
	CHECK_EQ(saved.count, 2);
	CHECK_EQ(is_released(rescuers), 0);
	for (int i = 0; i < 2; i++) check_works(saved.object[i]);
	int before = finalized(rescuers);
	drop_saved();
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(finalized(rescuers), before);
	CHECK_EQ(finalized(cutters) + finalized(plain), 4);
	CHECK_EQ(is_released(rescuers) + is_released(cutters) + is_released(plain), 3);
}

static int whole; // instances that are whole, as their finalizers see them

static void see_all_whole(tally_object *self, struct kind *kind)
{
	int seen = 0;
	(void)kind;
	for (tally_object *at = tally_incref(self), *next; at && seen < 20; at = next) {
		next = attr(at, "next");
		tally_object *held = attr(at, "held");
		seen += held != NULL;
		DROP(held, at);
		if (next == self) {
			tally_decref(next);
			break;
		}
	}
	whole += seen == 10;
}

static void all_finalizers_run_before_anything_is_cleared(void)
{
	struct kind *kind = kind_new();
	tally_object *type = finalized_class(kind), *types[10], *first;
	for (int i = 0; i < 10; i++) types[i] = type;
	first = ring(types, 10);
	for (tally_object *at = tally_incref(first), *next; at; at = next) {
		set_own(at, "held", must(tally_list_new()));
		next = attr(at, "next");
		tally_decref(at);
		if (next == first) break;
	}
	whole = 0;
	on_finalize = see_all_whole;
	tally_decref(first); // the loop's last reference to it
	tally_decref(first);
	tally_decref(type);
	CHECK_COLLECT(2, 22); // ten, what they hold, class and method
	CHECK_EQ(whole, 10);
}

static void fail_and_set(tally_object *self, struct kind *kind)
{
	(void)self;
	(void)kind;
	tally_error_set(TALLY_ERROR_KEY, "of the finalizer");
	errno = EIO;
}

static void a_finalizer_leaves_the_error_of_the_thread_as_it_was(void)
{
	struct kind *kind = kind_new();
	tally_object *type = finalized_class(kind), *self = instance(type);
	on_finalize = fail_and_set;
	errno = 0;
	tally_decref(instance(type));
	CHECK_NO_ERROR();
	set_attr(self, "me", self);
	tally_error_set(TALLY_ERROR_INDEX, "of the host");
	tally_decref(instance(type));
	tally_decref(self);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(errno, 0);
	CHECK_ERROR(TALLY_ERROR_INDEX, "of the host");
	CHECK_EQ(finalized(kind), 3);
	tally_decref(type);
}

// ---- what finalizers do to classes that would die ----

static void save_new_one(tally_object *self, struct kind *kind)
{
	tally_object *type = must(tally_type_of(self));
	if (finalized(kind) == 1) {
		tally_object *other = tally_instance_new(type);
		if (CHECK(other)) save(other);
		tally_decref(other);
	}
	tally_decref(type);
}

static void a_finalizer_that_makes_another_instance_keeps_the_class(void)
{
	for (int i = 0; i < 2; i++) {
		struct kind *kind = kind_new();
		tally_object *self = only_instance(finalized_class(kind));
		if (i) set_attr(self, "me", self);
		on_finalize = save_new_one;
		tally_decref(self);
		CHECK_COLLECT(2, i);
		CHECK_EQ(finalized(kind), 1);
		CHECK_EQ(saved.count, 1);
		CHECK_EQ(is_released(kind), 0);
		check_works(saved.object[0]);
		CHECK_COLLECT(2, 0);
		drop_saved();
		CHECK_COLLECT(2, 2);
		CHECK_EQ(is_released(kind), 1);
	}
}

static void make_and_drop(tally_object *self, struct kind *kind)
{
	tally_object *type = must(tally_type_of(self));
	if (finalized(kind) == 1) {
		tally_object *other = must(tally_instance_new(type));
		set_attr(other, "me", other);
		DROP(other, instance(type));
	}
	tally_decref(type);
}

static void a_finalizer_that_leaves_garbage_of_its_class_puts_the_death_off(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(finalized_class(kind));
	set_attr(self, "me", self);
	on_finalize = make_and_drop;
	tally_decref(self);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(is_released(kind), 0);
	CHECK_COLLECT(2, 3); // the one in a cycle, the class, its method
	CHECK_EQ(finalized(kind), 3);
	CHECK_EQ(is_released(kind), 1);
}

static void save_class(tally_object *self, struct kind *kind)
{
	(void)kind;
	tally_object *type = must(tally_type_of(self));
	save(type);
	tally_decref(type);
}

static void a_finalizer_may_bring_back_the_class_alone(void)
{
	for (int i = 0; i < 2; i++) {
		struct kind *kind = kind_new();
		tally_object *self = only_instance(finalized_class(kind));
		if (i) set_attr(self, "me", self);
		on_finalize = save_class;
		tally_decref(self);
		CHECK_COLLECT(2, i);
		CHECK_EQ(is_released(kind), 0);
		on_finalize = NULL;
		if (!CHECK_EQ(saved.count, 1)) return;
		tally_object *other = must(tally_instance_new(saved.object[0]));
		check_works(other);
		CHECK_COLLECT(2, 0);
		tally_decref(other);
		drop_saved();
		CHECK_COLLECT(2, 2);
		CHECK_EQ(is_released(kind), 1);
	}
}

static void save_subclass(tally_object *self, struct kind *kind)
{
	(void)kind;
	tally_object *type = must(tally_type_of(self)), *sub = CLASS(.name = "mortal", .base = type);
	on_finalize = NULL;
	save(sub);
	DROP(type, sub);
}

static void a_finalizer_may_make_a_class_that_inherits_from_the_dying_one(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(finalized_class(kind));
	set_attr(self, "me", self);
	on_finalize = save_subclass;
	tally_decref(self);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(is_released(kind), 0);
	tally_object *other = must(tally_instance_new(saved.object[0]));
	check_works(other);
	tally_decref(other);
	CHECK_COLLECT(2, 0);
	drop_saved();
	CHECK_COLLECT(2, 3);
	CHECK_EQ(is_released(kind), 1);
}

static void save_method(tally_object *self, struct kind *kind)
{
	(void)kind;
	tally_object *method = attr(self, "method");
	save(method);
	tally_decref(method);
}

static void a_method_that_a_finalizer_saves_keeps_instance_and_class(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(finalized_class(kind));
	set_attr(self, "me", self);
	on_finalize = save_method;
	tally_decref(self);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(is_released(kind), 0);
	tally_decref(must(tally_call(saved.object[0], NULL, 0)));
	check_works(self);
	drop_saved();
	CHECK_COLLECT(2, 3);
	CHECK_EQ(is_released(kind), 1);
}

static void save_dict(tally_object *self, struct kind *kind)
{
	(void)kind;
	tally_object *dict = must(tally_attr_dict(self));
	save(dict);
	tally_decref(dict);
}

static void a_dict_that_a_finalizer_saves_brings_back_what_is_in_it(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(finalized_class(kind)), *key = text("me"), *found = NULL;
	set_attr(self, "me", self);
	on_finalize = save_dict;
	tally_decref(self);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(saved.count, 1);
	CHECK_EQ(tally_dict_get(saved.object[0], key, &found), 1);
	CHECK_PTR(found, self);
	check_works(found);
	DROP(found, key);
	drop_saved();
	CHECK_COLLECT(2, 4); // instance, dict, class, method
	CHECK_EQ(is_released(kind), 1);
}

static void of_two_classes_found_dead_one_may_come_back(void)
{
	struct kind *mine = kind_new(), *others = kind_new();
	tally_object *self = only_instance(finalized_class(mine)), *other = only_instance(finalized_class(others));
	set_attr(self, "other", other);
	set_attr(other, "other", self);
	set_attr(self, "me", self);
	on_finalize = save_class;
	DROP(self, other);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(finalized(mine) + finalized(others), 2);
	CHECK_EQ(saved.count, 2);
	CHECK_EQ(is_released(mine) + is_released(others), 0);
	tally_decref(saved.object[--saved.count]);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(is_released(mine) + is_released(others), 1);
	drop_saved();
	CHECK_COLLECT(2, 2);
}

static void collect_in_a_finalizer(tally_object *self, struct kind *kind)
{
	on_finalize = NULL; // check_works makes another one, which is to go in peace
	CHECK(tally_gc_collect(2) >= 0);
	check_works(self);
	CHECK_EQ(is_released(kind), 0);
}

static void a_collection_in_a_finalizer_leaves_the_class_of_the_instance(void)
{
	for (int i = 0; i < 2; i++) {
		struct kind *kind = kind_new();
		tally_object *self = only_instance(finalized_class(kind));
		if (i) set_attr(self, "me", self);
		on_finalize = collect_in_a_finalizer;
		tally_decref(self);
		CHECK_COLLECT(2, i ? 3 : 2);
		CHECK_EQ(is_released(kind), 1);
	}
}

// ---- destructors that run while a class dies, or could ----

// A host object with one reference, whose dealloc calls this before it lets go of it.
static void (*on_dealloc)(tally_object *held);
static int deallocs;

static void ward_dies(void *payload, void *context)
{
	tally_object **held = payload;
	(void)context;
	deallocs++;
	if (on_dealloc) on_dealloc(*held);
	tally_decref(*held);
	*held = NULL;
}

static void ward_clears(void *payload, void *context)
{
	tally_object **held = payload, *former = *held;
	(void)context;
	*held = NULL;
	tally_decref(former);
}

static void ward_is_traversed(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(*(tally_object **)payload, visit_context);
}

enum { BLIND = 1, WITHOUT_CLEAR = 2 };

static tally_object *ward_type(int flags)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "ward",
		.payload_size = sizeof(tally_object *),
		.dealloc = ward_dies,
		.traverse = flags & BLIND ? NULL : ward_is_traversed,
		.clear = flags & (BLIND | WITHOUT_CLEAR) ? NULL : ward_clears,
	};
	deallocs = 0;
	on_dealloc = NULL;
	return must(tally_host_type_new(&description));
}

static tally_object **held_by(tally_object *ward)
{
	tally_object *type = must(tally_type_of(ward)), **held = tally_host_payload(ward, type);
	tally_decref(type);
	return held;
}

static tally_object *ward_of(tally_object *type, tally_object *held)
{
	tally_object *ward = must(tally_host_new(type));
	*held_by(ward) = tally_incref(held);
	return ward;
}

static struct kind *watched;

static void collect_now(tally_object *held)
{
	(void)held;
	CHECK_COLLECT(2, 1); // the class: its last instance is gone already
}

static void a_destructor_of_what_an_instance_held_may_collect_the_class(void)
{
	static const char *const slots[] = {"a", "b", "c"};
	for (int i = 0; i < 4; i++) {
		tally_object *wards = ward_type(BLIND), *probes = fixture_probe_type();
		watched = kind_new();
		tally_object *type = CLASS(.name = "mortal", .slots = i % 2 ? slots : NULL,
		        .slot_count = i % 2 ? 3 : 0, .context = watched,
		                           .finalize = i / 2 ? finalize_it : NULL);
		tally_object *self = only_instance(type);
		set_own(self, "a", probe(probes, 0));
		set_own(self, "b", ward_of(wards, tally_none()));
		set_own(self, "c", probe(probes, 1));
		on_dealloc = collect_now;
		tally_decref(self);
		CHECK_EQ(deallocs, 1);
		check_died_in_order(2);
		CHECK_EQ(is_released(watched), 1);
		CHECK_COLLECT(2, 0);
	}
}

static tally_object *waiting; // dropped by a destructor: it waits until that has ended

static int count_by_name(const tally_heap_block *block, void *count)
{
	if (block->type_name && strcmp(block->type_name, "mortal") == 0) ++*(int *)count;
	return 0;
}

static void drop_and_collect(tally_object *held)
{
	int count = 0;
	(void)held;
	tally_decref(waiting);
	CHECK_EQ(finalized(watched), 0);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	CHECK_EQ(is_released(watched), 0);
	CHECK_EQ(tally_heap_walk(count_by_name, &count), 0);
	CHECK_EQ(count, 1);
}

static void see_mark(tally_object *self, struct kind *kind)
{
	(void)kind;
	CHECK_EQ(attr_int(self, "mark"), 1000);
	CHECK_EQ(attr_int(self, "own"), 2000);
}

static void an_instance_that_waits_to_be_destroyed_keeps_its_class(void)
{
	static const char *const slots[] = {"own"};
	for (int i = 0; i < 2; i++) {
		tally_object *wards = ward_type(BLIND), *ward = ward_of(wards, tally_none());
		watched = kind_new();
		tally_object *type = CLASS(.name = "mortal", .finalize = finalize_it, .context = watched,
		        .slots = i ? slots : NULL, .slot_count = (size_t)i);
		set_int(type, "mark", 1000);
		waiting = only_instance(type);
		set_int(waiting, "own", 2000);
		on_finalize = see_mark;
		on_dealloc = drop_and_collect;
		tally_decref(ward);
		CHECK_EQ(finalized(watched), 1);
		CHECK_EQ(is_released(watched), 0);
		CHECK_COLLECT(2, 1);
		CHECK_EQ(is_released(watched), 1);
	}
}

static void an_instance_without_a_finalizer_that_waits_to_be_destroyed_keeps_its_class(void)
{
	tally_object *wards = ward_type(BLIND), *ward = ward_of(wards, tally_none()), *probes = fixture_probe_type();
	watched = kind_new();
	waiting = only_instance(CLASS(.name = "mortal", .context = watched));
	set_own(waiting, "x", probe(probes, 0));
	on_dealloc = drop_and_collect;
	tally_decref(ward);
	check_died_in_order(1);
	CHECK_EQ(is_released(watched), 0);
	CHECK_COLLECT(2, 1);
}

// A reference to what the collector has found dead and has begun to clear: whatever is asked of it must be safe.
static void try_everything(tally_object *type)
{
	tally_object *name = text("x"), *value = NULL, *names = tally_attr_names(type);
	tally_object *base = tally_class_base(type), *other;
	CHECK_STR(tally_class_name(type), "mortal");
	CHECK(tally_is_class(type));
	CHECK(tally_attr_get(type, name, &value) >= 0);
	tally_decref(value);
	if (tally_attr_set(type, name, name)) CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
	if (tally_attr_delete(type, name) < 0) CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
	other = tally_repr(type);
	CHECK(other);
	DROP(name, names, base, other);
	CHECK_PTR(tally_instance_new(type), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
	CHECK_PTR(tally_call(type, NULL, 0), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
}

static tally_object *try_class_below(tally_object *base)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "mortal", .base = base};
	return tally_class_new(&spec);
}

static void try_and_save(tally_object *held)
{
	try_everything(held);
	save(held);
}

static void a_class_that_a_destructor_brings_back_too_late_is_safe_to_use(void)
{
	for (int i = 0; i < 2; i++) {
		tally_object *wards = ward_type(WITHOUT_CLEAR);
		struct kind *kind = kind_new();
		tally_object *type = CLASS(.name = "mortal", .context = kind), *ward = ward_of(wards, type);
		tally_object *self = instance(type);
		set_own(i ? self : type, "ward", ward);
		set_attr(self, "me", self);
		set_int(type, "mark", 1000);
		on_dealloc = try_and_save;
		DROP(self, type);
		CHECK(tally_gc_collect(2) > 0);
		CHECK_EQ(deallocs, 1);
		if (!CHECK_EQ(saved.count, 1)) return;
		for (int round = 0; round < 2; round++) {
			try_everything(saved.object[0]);
			CHECK(tally_gc_collect(2) >= 0);
			CHECK_EQ(is_released(kind), 0);
		}
		CHECK_PTR(try_class_below(saved.object[0]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
		drop_saved();
		CHECK(tally_gc_collect(2) >= 0);
		CHECK_EQ(is_released(kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

static void try_instance(tally_object *self)
{
	tally_object *name = text("x"), *value = NULL, *type = must(tally_type_of(self)), *shown;
	CHECK_STR(tally_type_name(self), "mortal");
	CHECK(tally_attr_get(self, name, &value) >= 0);
	tally_decref(value);
	if (tally_attr_set(self, name, name)) CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "mortal");
	if (!tally_attr_set(self, name, self)) CHECK(tally_attr_delete(self, name) >= 0);
	tally_error_clear();
	value = tally_attr_call(self, name, NULL, 0);
	CHECK_PTR(value, NULL);
	tally_error_clear();
	shown = tally_repr(self);
	CHECK(shown);
	CHECK_EQ(tally_isinstance(self, type), 1);
	DROP(name, type, shown, tally_attr_names(self));
}

static void try_instance_and_save(tally_object *held)
{
	try_instance(held);
	save(held);
}

static void an_instance_that_a_destructor_brings_back_too_late_keeps_its_class_in_memory(void)
{
	static const char *const slots[] = {"x", "ward"};
	for (int i = 0; i < 4; i++) {
		tally_object *wards = ward_type(WITHOUT_CLEAR);
		struct kind *kind = kind_new();
		tally_object *type = CLASS(.name = "mortal", .context = kind, .slots = i % 2 ? slots : NULL,
		        .slot_count = i % 2 ? 2 : 0,
		                           .finalize = i / 2 ? finalize_it : NULL);
		tally_object *self = only_instance(type);
		set_own(self, "ward", ward_of(wards, self));
		on_dealloc = try_instance_and_save;
		tally_decref(self);
		CHECK(tally_gc_collect(2) > 0);
		CHECK_EQ(deallocs, 1);
		if (!CHECK_EQ(saved.count, 1)) return;
		for (int round = 0; round < 2; round++) {
			try_instance(saved.object[0]);
			CHECK(tally_gc_collect(2) >= 0);
			CHECK_EQ(is_released(kind), 0);
		}
		drop_saved();
		CHECK(tally_gc_collect(2) >= 0);
		CHECK_EQ(is_released(kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

static tally_object *show_and_count(tally_object *self, void *context)
{
	struct kind *kind = context;
	(void)self;
	CHECK_EQ(is_released(kind), 0);
	atomic_fetch_add(&kind->shown, 1);
	return tally_str_from("<it>");
}

// What its class inherits goes on serving it: the base's hook, and the context of that.
static void an_instance_that_is_brought_back_too_late_keeps_the_bases_of_its_class(void)
{
	tally_object *wards = ward_type(WITHOUT_CLEAR);
	struct kind *first = kind_new(), *second = kind_new();
	tally_object *base = CLASS(.name = "base", .context = first, .repr = show_and_count);
	tally_object *sub = CLASS(.name = "mortal", .base = base, .context = second);
	tally_object *self = only_instance(sub);
	set_own(self, "ward", ward_of(wards, self));
	tally_decref(base);
	on_dealloc = save;
	tally_decref(self);
	CHECK(tally_gc_collect(2) > 0);
	if (!CHECK_EQ(saved.count, 1)) return;
	for (int i = 0; i < 3; i++) {
		try_instance(saved.object[0]);
		CHECK_EQ(is_released(first) + is_released(second), 0);
		CHECK(tally_gc_collect(2) >= 0);
	}
	CHECK_EQ(atomic_load(&first->shown), 3);
	drop_saved();
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(is_released(first) + is_released(second), 2);
}

// Several remain, and go one by one: by count, in full collections, in both ways by turns.
static void the_last_of_the_instances_that_remain_takes_the_class_along(void)
{
	for (int way = 0; way < 3; way++) {
		tally_object *wards = ward_type(WITHOUT_CLEAR), *chain = NULL;
		struct kind *kind = kind_new();
		tally_object *type = CLASS(.name = "mortal", .context = kind);
		for (int i = 0; i < 5; i++) {
			tally_object *self = instance(type);
			set_own(self, "ward", ward_of(wards, self));
			if (chain) set_attr(self, "next", chain);
			tally_decref(chain);
			chain = self;
		}
		on_dealloc = save;
		DROP(chain, type);
		CHECK(tally_gc_collect(2) > 0);
		CHECK_EQ(saved.count, 5);
		while (saved.count > 0) {
			tally_object *self = saved.object[--saved.count];
			bool by_count = way == 0 || (way == 2 && saved.count % 2);
			CHECK_EQ(is_released(kind), 0);
			CHECK_STR(tally_type_name(self), "mortal");
			if (!by_count) set_attr(self, "me", self);
			tally_decref(self);
			if (!by_count) CHECK(tally_gc_collect(2) > 0);
		}
		CHECK_EQ(is_released(kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

// The destructor of something that the class refers to makes an instance, when the class has been found dead.
static tally_object *doomed_class; // borrowed

static void make_one_late(tally_object *held)
{
	tally_object *self = tally_instance_new(doomed_class);
	(void)held;
	if (self) save(self);
	else CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
	tally_decref(self);
}

static void an_instance_made_by_a_destructor_of_the_dying_is_safe_to_use(void)
{
	for (int i = 0; i < 6; i++) {
		tally_object *wards = ward_type(BLIND), *self = NULL;
		struct kind *kind = kind_new();
		doomed_class = CLASS(.name = "mortal", .context = kind, .finalize = finalize_it);
		if (i % 3) self = instance(doomed_class), set_attr(self, "me", self);
		set_own(i % 3 == 1 ? self : doomed_class, "ward", ward_of(wards, tally_none()));
		on_dealloc = make_one_late;
		DROP(self, doomed_class);
		CHECK(tally_gc_collect(2) > 0);
		CHECK_EQ(deallocs, 1);
		int before = finalized(kind), late = saved.count;
		CHECK_EQ(before, i % 3 > 0);
		for (int j = 0; j < late; j++) try_instance(saved.object[j]);
		if (late) CHECK_EQ(is_released(kind), 0);
		CHECK(tally_gc_collect(2) >= 0);
		for (int j = 0; j < late; j++) try_instance(saved.object[j]);
		for (int j = 0; i / 3 && j < late; j++) set_attr(saved.object[j], "me", saved.object[j]);
		drop_saved();
		CHECK(tally_gc_collect(2) >= 0);
		CHECK_EQ(finalized(kind), before + late);
		CHECK_EQ(is_released(kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

static void save_new_class(tally_object *held)
{
	(void)held;
	tally_object *type = CLASS(.name = "new");
	set_int(type, "mark", 1000);
	save(type);
	tally_decref(type);
}

// The last instance of a class that was found dead before is garbage: it takes the class along in the middle of the
// collection that finds both. What is made then may get the class's memory and must be none of the collection's business.
static void a_class_made_where_a_dead_one_has_just_been_is_nobody_elses(void)
{
	struct kind *kind = kind_new();
	tally_object *self = only_instance(CLASS(.name = "mortal", .context = kind));
	tally_object *stubborn = ward_type(WITHOUT_CLEAR), *wards = ward_type(0);
	set_own(self, "ward", ward_of(stubborn, self));
	on_dealloc = save;
	tally_decref(self);
	CHECK_COLLECT(2, 3);
	if (!CHECK_EQ(saved.count, 1)) return;
	set_own(self, "ward", ward_of(wards, self)); // on a page behind the others, so it goes after them
	on_dealloc = save_new_class;
	drop_saved();
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(is_released(kind), 1);
	if (!CHECK_EQ(saved.count, 1)) return;
	for (int i = 0; i < 2; i++) {
		tally_object *other = tally_instance_new(saved.object[0]);
		if (CHECK(other)) CHECK_EQ(attr_int(other, "mark"), 1000);
		tally_decref(other);
		CHECK_COLLECT(2, 0);
	}
	drop_saved();
	CHECK_COLLECT(2, 1);
}

// What a host's `clear` does with the class that its object refers to: of the first before the class itself is cleared,
// of the second after that.
static tally_object *living_base, *mark_name; // the name lives on, so that what stands under it would be found
static int clears, way;

static void meddle(tally_object *type)
{
	tally_object *other = NULL, *name = text("other");
	if (way == 0 && tally_attr_set(type, name, name)) CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
	if (way == 1) set_own(living_base, "late", must(tally_list_new()));
	if (way == 2) other = try_class_below(type);
	if (way == 3) other = tally_instance_new(type);
	if (way > 1 && !other) CHECK_FAILED(TALLY_ERROR_TYPE, "mortal");
	if (other) save(other);
	DROP(other, name);
}

static void check_mark(tally_object *object)
{
	tally_object *value = NULL;
	CHECK(tally_attr_get(object, mark_name, &value) >= 0);
	if (value) CHECK_EQ(value_of(value), 1000);
	tally_decref(value);
}

static void keeper_clears(void *payload, void *context)
{
	tally_object **held = payload, *type = *held, *others[20];
	(void)context;
	*held = NULL;
	if (!type) return;
	if (clears++ == 0) {
		meddle(type);
	} else {
		for (int i = 0; i < 20; i++) others[i] = integer(7000 + i); // where the value of the attribute has been
		check_mark(type);
		for (int i = 0; i < saved.count; i++) check_mark(saved.object[i]);
		drop(others, 20);
	}
	tally_decref(type);
}

// Pages, and so what is cleared, go in the order in which they were made; objects of one size share theirs.
static tally_object *keeper_new(size_t size)
{
	tally_host_type description = {.size = sizeof description, .name = "keeper", .payload_size = size,
	        .traverse = ward_is_traversed, .clear = keeper_clears};
	return must(tally_host_new(must(tally_host_type_new(&description))));
}

static void what_a_host_does_to_a_dead_class_before_it_is_cleared_leaves_nothing_behind(void)
{
	tally_object *front = keeper_new(16);
	living_base = CLASS(.name = "base");
	tally_object *behind = keeper_new(400);
	mark_name = text("mark");
	for (way = 0; way < 4; way++) {
		tally_object *first = keeper_new(16), *value = integer(1000);
		tally_object *type = CLASS(.name = "mortal", .base = living_base), *second = keeper_new(400);
		struct kind *kind = kind_of_last();
		CHECK_EQ(tally_attr_set(type, mark_name, value), 0);
		set_attr(type, "first", first);
		set_attr(type, "second", second);
		*held_by(first) = tally_incref(type);
		*held_by(second) = tally_incref(type);
		clears = 0;
		DROP(first, second, type, value);
		CHECK_COLLECT(2, 3);
		CHECK_EQ(clears, 2);
		if (saved.count) check_mark(saved.object[0]);
		drop_saved();
		CHECK(tally_gc_collect(2) >= 0);
		CHECK_EQ(is_released(kind), 1);
	}
	DROP(mark_name, front, behind, living_base);
}

static int64_t found_inside;

static void collect_garbage_inside(tally_object *held)
{
	tally_object *self = held; // of a class that nobody else refers to
	set_attr(self, "me", self);
	*held_by(waiting) = NULL;
	tally_decref(self);
	found_inside = tally_gc_collect(2);
}

static void garbage_found_by_a_collection_inside_a_destructor_waits_and_its_class_with_it(void)
{
	for (int i = 0; i < 2; i++) {
		tally_object *wards = ward_type(BLIND);
		struct kind *kind = kind_new();
		tally_object *self = only_instance(CLASS(.name = "mortal", .context = kind,
		        .finalize = i ? finalize_it : NULL));
		waiting = ward_of(wards, self);
		tally_decref(self);
		on_dealloc = collect_garbage_inside;
		tally_decref(waiting);
		CHECK_EQ(found_inside, 2);
		CHECK_EQ(finalized(kind), i);
		CHECK_EQ(is_released(kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

static void an_uncollectable_host_object_keeps_an_instance_and_its_class_safe(void)
{
	for (int i = 0; i < 2; i++) {
		tally_object *nodes = node_type(NODE_DEALLOC | NODE_TRAVERSE), *node = node_new(nodes, 1);
		struct kind *kind = kind_new();
		tally_object *type = CLASS(.name = "mortal", .context = kind, .finalize = i ? finalize_it : NULL);
		tally_object *self = only_instance(type);
		set_int(self, "x", 1000);
		set_attr(self, "node", node);
		node_link(node, 0, node);
		node_link(node, 1, self);
		DROP(node, self);
		for (int round = 0; round < 3; round++) {
			CHECK(tally_gc_collect(2) >= 0);
			CHECK_EQ(is_released(kind), 0);
			try_instance(node_of(node)->link[1]);
		}
		CHECK(stats_of(2).uncollectable > 0);
		CHECK_EQ(tally_list_clear(tally_gc_garbage()), 0);
		node_link(node, 0, NULL); // the host breaks the cycle after all
		CHECK(tally_gc_collect(2) >= 0);
		CHECK_EQ(is_released(kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
		nodes_forget();
	}
}

static void an_uncollectable_host_object_keeps_a_class_safe(void)
{
	tally_object *nodes = node_type(NODE_DEALLOC | NODE_TRAVERSE), *node = node_new(nodes, 1);
	tally_object *type = CLASS(.name = "mortal");
	struct kind *kind = kind_of_last();
	set_attr(type, "node", node);
	node_link(node, 0, node);
	node_link(node, 1, type);
	DROP(node, type);
	for (int round = 0; round < 3; round++) {
		CHECK(tally_gc_collect(2) >= 0);
		try_everything(node_of(node)->link[1]);
	}
	CHECK_EQ(is_released(kind), 0);
	CHECK_EQ(tally_list_clear(tally_gc_garbage()), 0);
	node_link(node, 0, NULL);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(is_released(kind), 1);
}

static void count_findings(const tally_check_finding *finding, void *context)
{
	(void)context;
	tap_note("kind %d, %s, %llu", (int)finding->kind, finding->type_name, (unsigned long long)finding->count);
}

// Classes and instances are the library's own, and it tells the truth about them, garbage or not, dead or not.
static void the_check_of_references_finds_nothing_in_classes_and_instances(void)
{
	static const char *const slots[] = {"a"};
	tally_object *wards = ward_type(WITHOUT_CLEAR), *base = CLASS(.name = "base");
	tally_object *type = CLASS(.name = "mortal", .base = base);
	tally_object *slotted = CLASS(.name = "slotted", .slots = slots, .slot_count = 1);
	tally_object *self = instance(type), *compact = instance(slotted);
	set_own(type, "method", packer());
	set_attr(self, "compact", compact);
	set_attr(compact, "a", self);
	tally_decref(must(tally_attr_dict(self)));
	CHECK_EQ(tally_check_references(count_findings, NULL), 0);
	DROP(base, type, slotted, compact);
	CHECK_EQ(tally_check_references(count_findings, NULL), 0);
	set_own(self, "ward", ward_of(wards, self));
	tally_decref(self);
	CHECK_EQ(tally_check_references(count_findings, NULL), 0);
	on_dealloc = save;
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(saved.count, 1);
	CHECK_EQ(tally_check_references(count_findings, NULL), 0);
	drop_saved();
}

// ---- release ----

static void release_stirs(void *context)
{
	kind_is_released(context);
	tally_object *type = CLASS(.name = "late"), *self = instance(type);
	set_attr(self, "me", self);
	CHECK(tally_gc_collect(2) >= 0);
	DROP(self, type);
	tally_error_set(TALLY_ERROR_KEY, "of release");
	errno = EIO;
}

static void release_may_use_the_library_and_leaves_the_error_as_it_was(void)
{
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "thing", .context = kind, .release = release_stirs);
	atomic_store(&kind->made, 1);
	tally_decref(type);
	errno = 0;
	tally_error_set(TALLY_ERROR_INDEX, "of the host");
	CHECK_COLLECT(2, 1);
	CHECK_EQ(errno, 0);
	CHECK_ERROR(TALLY_ERROR_INDEX, "of the host");
	CHECK_EQ(is_released(kind), 1);
	CHECK_COLLECT(2, 2);
}

static void restart(uint64_t expected_leaks)
{
	uint64_t leaked = UINT64_MAX;
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, expected_leaks);
	fixture_start();
	tally_gc_disable();
}

static void the_end_of_the_runtime_releases_what_nobody_refers_to(void)
{
	struct kind *kinds_of[] = {kind_new(), kind_new()};
	tally_decref(finalized_class(kinds_of[0]));
	tally_object *self = only_instance(finalized_class(kinds_of[1]));
	set_attr(self, "me", self);
	tally_decref(self);
	restart(0);
	for (int i = 0; i < 2; i++) CHECK_EQ(is_released(kinds_of[i]), 1);
	CHECK_EQ(finalized(kinds_of[1]), 1);
}

static void the_end_of_the_runtime_counts_what_is_still_referred_to(void)
{
	struct kind *kept = kind_new(), *kept_by_instance = kind_new();
	CLASS(.name = "kept", .context = kept);
	only_instance(CLASS(.name = "other", .context = kept_by_instance));
	restart(3);
	CHECK_EQ(is_released(kept) + is_released(kept_by_instance), 0);
	atomic_store(&kept->made, 0);
	atomic_store(&kept_by_instance->made, 0);
	tally_object *type = CLASS(.name = "next"), *self = instance(type); // the table of types is as new
	CHECK_STR(tally_type_name(self), "next");
	DROP(self, type);
}

static void an_immortal_instance_keeps_its_class(void)
{
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "thing", .context = kind), *self = instance(type);
	set_int(type, "mark", 1000);
	CHECK_EQ(tally_immortalize(self), 0);
	DROP(self, type);
	for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
	CHECK_COLLECT(2, 0);
	CHECK_STR(tally_type_name(self), "thing");
	CHECK_EQ(attr_int(self, "mark"), 1000);
	CHECK_EQ(is_released(kind), 0);
	tally_object *again = must(tally_type_of(self));
	tally_decref(again);
	restart(3); // the class, and its attribute with the name; the instance is immortal
	atomic_store(&kind->made, 0);
}

static void an_immortal_class_never_dies(void)
{
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "thing", .context = kind);
	CHECK_EQ(tally_immortalize(type), 0);
	tally_decref(type);
	atomic_store(&kind->made, 0);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	tally_object *self = must(tally_instance_new(type));
	CHECK_STR(tally_type_name(self), "thing");
	tally_decref(self);
	restart(0);
}

// ---- places in the table of types ----

static int many_released;

static void release_one_of_many(void *context)
{
	(void)context;
	many_released++;
}

static tally_object *try_class(tally_object *base)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "one of many", .base = base, .release = release_one_of_many};
	return tally_class_new(&spec);
}

static void more_classes_can_be_made_than_there_are_places_when_the_old_ones_die(void)
{
	enum { BATCH = 5000, BATCHES = 14 };
	many_released = 0;
	for (int batch = 0; batch < BATCHES; batch++) {
		for (int i = 0; i < BATCH; i++) {
			tally_object *type = try_class(NULL);
			if (!CHECK(type)) return;
			if (i % 100 == 0) {
				tally_object *self = instance(type);
				set_int(type, "number", 1000 + i);
				CHECK_EQ(attr_int(self, "number"), 1000 + i);
				tally_decref(self);
			}
			tally_decref(type);
		}
		CHECK_COLLECT(2, BATCH);
		CHECK_EQ(many_released, (batch + 1) * BATCH);
	}
	CHECK_EQ(fixture_live_objects(), 0);
}

// When all places are taken the error says so, and everything else goes on.
static void check_no_place(void)
{
	tally_host_type description = {.size = sizeof description, .name = "host", .payload_size = 8};
	uint64_t before = fixture_live_objects();
	CHECK_PTR(try_class(NULL), NULL);
	CHECK_PART(tally_error_message(), "65535");
	CHECK_FAILED(TALLY_ERROR_OVERFLOW, "class_new");
	CHECK_PTR(tally_host_type_new(&description), NULL);
	CHECK_PART(tally_error_message(), "65535");
	CHECK_FAILED(TALLY_ERROR_OVERFLOW, "host_type_new");
	CHECK_EQ(fixture_live_objects(), before);
	CHECK_EQ(many_released, 0);
}

enum { PLACES = 65535 };
static tally_object *all_types[PLACES];

static int take_all_places(void)
{
	int count = 0;
	many_released = 0;
	while (count < PLACES && (all_types[count] = try_class(NULL))) count++;
	CHECK(count > PLACES - 100 && count < PLACES);
	tally_error_clear();
	return count;
}

static void with_all_places_taken_no_class_is_made_and_everything_goes_on(void)
{
	int count = take_all_places();
	check_no_place();
	tally_object **middle = &all_types[count / 2], *self = instance(all_types[count - 1]);
	tally_object *first = instance(all_types[0]);
	set_int(all_types[0], "x", 1000);
	set_int(self, "x", 2000);
	CHECK_EQ(attr_int(first, "x") + attr_int(self, "x"), 3000);
	CHECK_COLLECT(2, 0);
	check_no_place();
	tally_decref(*middle);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(many_released, 1);
	*middle = must(try_class(all_types[0]));
	many_released = 0;
	check_no_place();
	DROP(self, first);
	drop(all_types, (size_t)count);
	CHECK_COLLECT(2, count);
	CHECK_EQ(many_released, count);
}

static void host_types_and_classes_work_in_places_that_classes_have_left(void)
{
	int count = take_all_places();
	drop(all_types, (size_t)count);
	CHECK_COLLECT(2, count);
	for (int i = 0; i < 40; i++) {
		tally_object *hosts = node_type(NODE_WHOLE), *node = node_new(hosts, i);
		tally_object *type = CLASS(.name = "thing"), *self = instance(type);
		node_link(node, 0, self);
		set_attr(self, "node", node);
		CHECK_STR(tally_type_name(node), "node");
		CHECK(!tally_is_instance(node) && !tally_is_class(hosts) && tally_is_instance(self));
		DROP(node, self, type);
		CHECK_COLLECT(2, 3);
		CHECK_EQ(node_seen[i].dealloc, 1);
		CHECK_EQ(node_seen[i].finalize, 1);
	}
}

// ---- collections that come by themselves, and those that find no memory ----

static void classes_die_in_automatic_collections_too(void)
{
	enum { ROUNDS = 4000 };
	struct kind *kind = kind_new();
	tally_object *last = NULL;
	set_thresholds(20, 1, 1);
	tally_gc_enable();
	for (int i = 0; i < ROUNDS; i++) {
		tally_object *type = CLASS(.name = "mortal", .context = kind, .finalize = finalize_it);
		tally_object *self = instance(type);
		set_int(type, "number", 1000 + i);
		set_attr(self, "me", self);
		if (i % 3) set_attr(self, "class", type);
		CHECK_EQ(attr_int(self, "number"), 1000 + i);
		if (i % 50 == 0) tally_decref(last), last = tally_incref(self);
		DROP(self, type);
	}
	CHECK(is_released(kind) > ROUNDS / 2);
	CHECK_STR(tally_type_name(last), "mortal");
	CHECK_EQ(attr_int(last, "number"), 1000 + ROUNDS - 50);
	tally_gc_disable();
	tally_decref(last);
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(is_released(kind), ROUNDS);
	CHECK_EQ(finalized(kind), ROUNDS);
}

static struct kind *kinds_of_garbage[3];

// Three classes: one with a finalized instance in a cycle, one with a plain one, one alone; the first two know one another.
static void make_garbage(void)
{
	for (int i = 0; i < 3; i++) kinds_of_garbage[i] = kind_new();
	tally_object *a = finalized_class(kinds_of_garbage[0]);
	tally_object *b = CLASS(.name = "mortal", .context = kinds_of_garbage[1]);
	tally_object *c = CLASS(.name = "mortal", .context = kinds_of_garbage[2]), *one = instance(a), *two = instance(b);
	set_attr(one, "two", two);
	set_attr(two, "one", one);
	set_attr(a, "b", b);
	set_attr(b, "a", a);
	DROP(a, b, c, one, two);
}

static int released_of_garbage(void)
{
	int count = 0;
	for (int i = 0; i < 3; i++) count += is_released(kinds_of_garbage[i]);
	return count;
}

static void a_collection_of_classes_that_finds_no_memory_loses_nothing(void)
{
	for (int all = 0; all < 2; all++) {
		bool came = true;
		for (uint64_t n = 1; came && n < 100; n++) {
			make_garbage();
			CHECK_EQ(tally_heap_fail(n, all), 0);
			int64_t found = tally_gc_collect(2);
			came = tally_heap_attempts() >= n;
			CHECK_EQ(tally_heap_fail(0, false), 0);
			if (found < 0) {
				CHECK_FAILED(TALLY_ERROR_MEMORY, "gc_collect");
				CHECK_EQ(released_of_garbage(), 0);
			}
			if (!came) CHECK_EQ(found, 6);
			CHECK(tally_gc_collect(2) >= 0);
			CHECK_EQ(released_of_garbage(), 3);
			CHECK_EQ(finalized(kinds_of_garbage[0]), 1);
			CHECK_EQ(fixture_live_objects(), 0);
		}
		CHECK(!came);
	}
}

int main(void)
{
	classes_begin(180);
	bool has_faults = tally_heap_fail(0, false) == 0;
	tap_before_each(start);
	TAP_RUN(a_class_dies_in_a_full_collection_and_not_before);
	TAP_RUN(a_class_that_was_never_young_enough_dies_too);
	TAP_RUN(a_class_to_which_somebody_refers_does_not_die);
	TAP_RUN(a_class_lives_as_long_as_an_instance);
	TAP_RUN(a_class_lives_wherever_its_last_instance_is);
	TAP_RUN(an_instance_in_a_list_that_is_older_keeps_its_class_in_young_collections);
	TAP_RUN(young_collections_leave_the_attributes_of_a_dropped_class);
	TAP_RUN(a_class_with_about_256_references_is_counted_right);
	TAP_RUN(a_base_lives_as_long_as_what_inherits_from_it);
	TAP_RUN(a_class_can_die_and_leave_its_base);
	TAP_RUN(a_row_of_classes_dies_together);
	TAP_RUN(release_is_called_once_and_after_the_last_instance);
	TAP_RUN(a_class_with_an_attribute_that_is_itself_is_collected);
	TAP_RUN(a_class_in_an_object_that_it_refers_to_is_collected);
	TAP_RUN(an_instance_that_refers_to_itself_is_collected_and_its_class_with_it);
	TAP_RUN(an_instance_that_keeps_its_own_method_is_collected);
	TAP_RUN(a_class_whose_attribute_is_its_own_instance_is_collected);
	TAP_RUN(an_instance_that_refers_to_its_class_is_collected);
	TAP_RUN(a_class_in_what_its_own_method_captures_is_collected);
	TAP_RUN(cycles_through_slots_are_collected_with_and_without_a_table);
	TAP_RUN(a_class_to_which_its_own_garbage_refers_hundreds_of_times_is_collected);
	TAP_RUN(two_classes_that_refer_to_each_other_are_collected);
	TAP_RUN(what_the_class_of_a_living_instance_refers_to_lives);
	TAP_RUN(a_thousand_classes_with_instances_in_cycles_die_together);
	TAP_RUN(classes_that_stand_in_the_same_place_have_attributes_of_their_own);
	TAP_RUN(a_finalizer_of_an_instance_runs_once_when_the_last_reference_goes);
	TAP_RUN(the_nearest_finalizer_runs_and_no_other);
	TAP_RUN(an_instance_that_its_finalizer_brings_back_lives_and_is_not_finalized_again);
	TAP_RUN(an_instance_in_a_cycle_is_finalized_once_by_the_collector);
	TAP_RUN(an_instance_that_the_collector_found_may_be_brought_back_and_keeps_its_class);
	TAP_RUN(finalizers_of_a_ring_see_one_another_intact);
	TAP_RUN(a_ring_whose_finalizers_bring_all_back_lives_whole);
	TAP_RUN(a_ring_of_rescuers_and_cutters_and_plain_ones_is_finalized_once);
	TAP_RUN(all_finalizers_run_before_anything_is_cleared);
	TAP_RUN(a_finalizer_leaves_the_error_of_the_thread_as_it_was);
	TAP_RUN(a_finalizer_that_makes_another_instance_keeps_the_class);
	TAP_RUN(a_finalizer_that_leaves_garbage_of_its_class_puts_the_death_off);
	TAP_RUN(a_finalizer_may_bring_back_the_class_alone);
	TAP_RUN(a_finalizer_may_make_a_class_that_inherits_from_the_dying_one);
	TAP_RUN(a_method_that_a_finalizer_saves_keeps_instance_and_class);
	TAP_RUN(a_dict_that_a_finalizer_saves_brings_back_what_is_in_it);
	TAP_RUN(of_two_classes_found_dead_one_may_come_back);
	TAP_RUN(a_collection_in_a_finalizer_leaves_the_class_of_the_instance);
	TAP_RUN(a_destructor_of_what_an_instance_held_may_collect_the_class);
	TAP_RUN(an_instance_that_waits_to_be_destroyed_keeps_its_class);
	TAP_RUN(an_instance_without_a_finalizer_that_waits_to_be_destroyed_keeps_its_class);
	TAP_RUN(a_class_that_a_destructor_brings_back_too_late_is_safe_to_use);
	TAP_RUN(an_instance_that_a_destructor_brings_back_too_late_keeps_its_class_in_memory);
	TAP_RUN(an_instance_that_is_brought_back_too_late_keeps_the_bases_of_its_class);
	TAP_RUN(the_last_of_the_instances_that_remain_takes_the_class_along);
	TAP_RUN(an_instance_made_by_a_destructor_of_the_dying_is_safe_to_use);
	TAP_RUN(a_class_made_where_a_dead_one_has_just_been_is_nobody_elses);
	TAP_RUN(what_a_host_does_to_a_dead_class_before_it_is_cleared_leaves_nothing_behind);
	TAP_RUN(garbage_found_by_a_collection_inside_a_destructor_waits_and_its_class_with_it);
	TAP_RUN(an_uncollectable_host_object_keeps_an_instance_and_its_class_safe);
	TAP_RUN(an_uncollectable_host_object_keeps_a_class_safe);
	TAP_RUN(the_check_of_references_finds_nothing_in_classes_and_instances);
	TAP_RUN(release_may_use_the_library_and_leaves_the_error_as_it_was);
	TAP_RUN(the_end_of_the_runtime_releases_what_nobody_refers_to);
	TAP_RUN(the_end_of_the_runtime_counts_what_is_still_referred_to);
	TAP_RUN(an_immortal_instance_keeps_its_class);
	TAP_RUN(an_immortal_class_never_dies);
	TAP_RUN(more_classes_can_be_made_than_there_are_places_when_the_old_ones_die);
	TAP_RUN(with_all_places_taken_no_class_is_made_and_everything_goes_on);
	TAP_RUN(host_types_and_classes_work_in_places_that_classes_have_left);
	TAP_RUN(classes_die_in_automatic_collections_too);
	if (has_faults) TAP_RUN(a_collection_of_classes_that_finds_no_memory_loses_nothing);
	else tap_skip("a_collection_of_classes_that_finds_no_memory_loses_nothing",
	        "this build has no faults on demand (assertions are off)");
	return tap_end();
}
