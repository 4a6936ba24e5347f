// tests/article_leaks.c: published examples about leaks: caches without a bound, listeners that nobody unregisters, host
// types that do not tell the collector what they refer to, closures that keep what they captured; and how leaks are found:
// gc.garbage, objects before and after, instances by type. Which example is whose: docs/articles.md.
//
// One article compares snapshots of tracemalloc. Lines of source are not known here; what the heap holds of each type is,
// and comparing that is what is done in its place.
#include "articles.h"

// ---- 1: a cache that only grows ----

static tally_object *cache; // the module's _cache

static tally_object *expensive_computation(tally_object *key)
{
	tally_object *result = must(tally_list_new());
	push(result, key);
	return result;
}

static tally_object *get_data(int64_t number)
{
	tally_object *key = counted(number), *data;
	CHECK(tally_dict_get(cache, key, &data) >= 0);
	if (!data) {
		data = expensive_computation(key);
		put(cache, key, data);
	}
	tally_decref(key);
	return data;
}

static void a_cache_without_a_bound_keeps_everything_and_nothing_of_it_is_garbage(void)
{
	cache = must(tally_dict_new());
	for (int round = 0; round < 2; round++)
		for (int64_t key = 0; key < 1000; key++) tally_decref(get_data(key));
	CHECK_EQ(length_of(cache), 1000);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tracked_objects(), 1001);
	tally_object *again = get_data(7);
	CHECK_EQ(tally_refcount(again), 2);
	DROP(again, cache);
	CHECK_EQ(tracked_objects(), 0); // by counts: there was no cycle
}

// The simplest eviction there is. docs/examples/lru_cache.h forgets what was used least recently; recipe_lru.c tests it.
static void a_cache_with_a_bound_keeps_no_more_than_that(void)
{
	cache = must(tally_dict_new());
	for (int64_t key = 0; key < 1000; key++) {
		if (length_of(cache) == 10) CHECK_EQ(tally_dict_clear(cache), 0);
		tally_decref(get_data(key));
		CHECK(length_of(cache) <= 10);
	}
	CHECK(tracked_objects() <= 11);
	tally_decref(cache);
}

static void a_cache_with_weak_values_keeps_nothing(void)
{
	tally_object *values = must(tally_weak_value_dict_new(NULL)), *type = CLASS(.name = "Data");
	size_t size = SIZE_MAX;
	for (int64_t i = 0; i < 1000; i++) {
		tally_object *key = counted(i), *data = instance(type);
		CHECK_EQ(tally_weak_dict_set(values, key, data), 0);
		DROP(key, data);
	}
	CHECK_EQ(tally_weak_dict_size(values, &size), 0);
	CHECK_EQ(size, 0);
	DROP(values, type);
}

// ---- 2: listeners ----

static int init_bus(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context, (void)arguments, (void)count;
	set_own(self, "listeners", must(tally_list_new()));
	return 0;
}

static tally_object *subscribe(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 2);
	tally_object *listeners = attr(arguments[0], "listeners");
	push(listeners, arguments[1]);
	tally_decref(listeners);
	return tally_none();
}

static tally_object *unsubscribe(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 2);
	tally_object *listeners = attr(arguments[0], "listeners");
	CHECK_EQ(tally_list_remove(listeners, arguments[1]), 1);
	tally_decref(listeners);
	return tally_none();
}

static tally_object *new_bus(void)
{
	tally_object *type = CLASS(.name = "EventBus", .init = init_bus);
	set_method(type, "subscribe", subscribe);
	set_method(type, "unsubscribe", unsubscribe);
	tally_object *bus = make(type, NULL);
	tally_decref(type);
	return bus;
}

static tally_object *on_event(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	return tally_none();
}

static int init_widget(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context;
	CHECK_EQ(count, 1);
	tally_object *method = attr(self, "on_event");
	do_call(arguments[0], "subscribe", method);
	tally_decref(method);
	return 0;
}

static tally_object *widget_class(void)
{
	tally_object *type = CLASS(.name = "Widget", .init = init_widget);
	set_method(type, "on_event", on_event);
	return type;
}

static void a_widget_whose_method_listens_is_kept_by_the_bus(void)
{
	tally_object *bus = new_bus(), *type = widget_class(), *widget = make(type, bus), *watch = weakref(widget, NULL);
	CHECK_EQ(tally_refcount(widget), 2); // the other one is the bound method's
	tally_decref(widget);
	CHECK_COLLECT(2, 0);
	CHECK(leads_to(watch, widget));
	for (int i = 0; i < 99; i++) tally_decref(make(type, bus));
	tally_object *listeners = attr(bus, "listeners");
	CHECK_EQ(length_of(listeners), 100);
	DROP(listeners, bus);
	CHECK_DEAD(watch);
	DROP(watch, type);
}

static void a_widget_that_unsubscribes_is_free_to_go(void)
{
	tally_object *bus = new_bus(), *type = widget_class(), *widget = make(type, bus), *watch = weakref(widget, NULL);
	tally_object *method = attr(widget, "on_event"); // another bound method, and equal
	do_call(bus, "unsubscribe", method);
	DROP(method, widget);
	CHECK_DEAD(watch);
	DROP(watch, type, bus);
}

static void a_bus_of_weak_methods_keeps_no_widget(void)
{
	tally_object *type = CLASS(.name = "Widget"), *widget = instance(type), *bus = new_bus(), *found;
	set_method(type, "on_event", on_event);
	tally_object *method = attr(widget, "on_event"), *weak = must(tally_weak_method_new(method, NULL));
	do_call(bus, "subscribe", weak);
	tally_decref(method);
	CHECK_EQ(tally_refcount(widget), 1);
	CHECK_EQ(tally_weak_method_get(weak, &found), 1);
	tally_decref(must(tally_call(found, NULL, 0)));
	DROP(found, widget);
	CHECK_EQ(tally_weak_method_get(weak, &found), 0);
	DROP(weak, bus, type);
}

// ---- 3: cycles through types of the host ----

// As an extension that does not take part: nobody ever finds the cycle, nor is it in a list of all objects.
static void a_cycle_of_a_host_type_without_a_traverse_is_never_collected(void)
{
	tally_object *type = node_type(NODE_DEALLOC), *first = ring_of_nodes(type, 1, 2);
	tally_object *second = tally_incref(node_of(first)->link[0]);
	tally_decref(first);
	tally_decref(second);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	CHECK_EQ(fixture_live_objects(), 2);
	CHECK(!tally_gc_is_tracked(first));
	tally_incref(first); // it is alive; now the cycle is broken by hand
	node_unlink(node_of(second));
	tally_decref(first);
	CHECK_EQ(node_total.dealloc, 2);
}

static void one_that_takes_part_is_collected(void)
{
	tally_object *type = node_type(NODE_PLAIN);
	tally_decref(ring_of_nodes(type, 1, 2));
	CHECK_COLLECT(2, 2);
	CHECK_EQ(node_total.dealloc, 2);
	CHECK_EQ(length_of(must(tally_gc_garbage())), 0);
}

// With a traverse and no clear it is found and cannot be broken: that is what gc.garbage is for.
static void one_that_can_be_found_and_not_broken_goes_to_the_garbage_list(void)
{
	tally_object *type = node_type(NODE_DEALLOC | NODE_TRAVERSE), *garbage = must(tally_gc_garbage());
	tally_decref(ring_of_nodes(type, 1, 2));
	CHECK_EQ(length_of(garbage), 0);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(stats_of(2).uncollectable, 2);
	CHECK_EQ(length_of(garbage), 2);
	tally_object *first = must(tally_list_get(garbage, 0));
	node_unlink(node_of(first));
	tally_decref(first);
	CHECK_EQ(tally_list_clear(garbage), 0);
	CHECK_EQ(node_total.dealloc, 2);
}

// ---- 4: closures ----

static tally_object *registry;

static tally_object *length_of_captured(void *context, tally_object *const *captured, tally_object *const *arguments,
                                        size_t count)
{
	(void)context, (void)arguments, (void)count;
	return tally_int_new((int64_t)length_of(captured[0]));
}

static const char *process_large_dataset(tally_object *probe_type)
{
	TALLY_AUTO_DECREF tally_object *data = list_of_numbers(1000);
	push_own(data, probe(probe_type, 0));
	TALLY_AUTO_DECREF tally_object *callback = callable(length_of_captured, NULL, data);
	CHECK_EQ(tally_refcount(data), 2);
	push(registry, callback);
	return "done";
}

static void a_closure_in_a_registry_keeps_what_it_captured(void)
{
	tally_object *probe_type = fixture_probe_type();
	registry = must(tally_list_new());
	CHECK_STR(process_large_dataset(probe_type), "done");
	CHECK_COLLECT(2, 0);
	check_died_in_order(0);
	tally_object *callback = must(tally_list_get(registry, 0));
	CHECK_EQ(take_value(tally_call(callback, NULL, 0)), 1001);
	tally_decref(callback);
	CHECK_EQ(tally_list_clear(registry), 0);
	check_died_in_order(1);
	tally_decref(registry);
}

// ---- finding leaks ----

static void usually_the_garbage_list_is_empty(void)
{
	tally_decref(ring_of_lists(4));
	CHECK(tally_gc_collect(2) >= 0);
	print("%zu", length_of(must(tally_gc_garbage())));
	CHECK_PRINTED("0");
}

static size_t count_objects(void)
{
	CHECK(tally_gc_collect(2) >= 0);
	tally_object *objects = must(tally_gc_get_objects(TALLY_GC_ALL));
	size_t count = length_of(objects);
	tally_decref(objects);
	return count;
}

static void leave_cycles(void)
{
	for (int i = 0; i < 10; i++) tally_decref(ring_of_lists(3));
}

static void leak_ten_lists(void)
{
	for (int i = 0; i < 10; i++) push_own(cache, must(tally_list_new()));
}

static void find_leaks(void (*operation)(void))
{
	size_t before = count_objects();
	operation();
	size_t after = count_objects();
	print("Objects before: %zu\nObjects after: %zu\nDifference: %d\n", before, after, (int)(after - before));
}

static void objects_are_counted_before_and_after_what_may_leak(void)
{
	cache = must(tally_list_new());
	find_leaks(leave_cycles);
	CHECK_PRINTED("Objects before: 1\nObjects after: 1\nDifference: 0\n");
	find_leaks(leak_ten_lists);
	CHECK_PRINTED("Objects before: 1\nObjects after: 11\nDifference: 10\n");
	find_leaks(leak_ten_lists);
	CHECK_PRINTED("Objects before: 11\nObjects after: 21\nDifference: 10\n");
	tally_decref(cache);
	CHECK_EQ(count_objects(), 0);
}

static size_t instances_in_memory(tally_object *type)
{
	tally_object *objects = must(tally_gc_get_objects(TALLY_GC_ALL));
	size_t count = count_of_type(objects, type);
	tally_decref(objects);
	return count;
}

static void dicts_in_memory_are_found_by_their_type(void)
{
	tally_object *dicts[4], *list = must(tally_list_new());
	for (int i = 0; i < 4; i++) dicts[i] = must(tally_dict_new());
	tally_object *type = must(tally_type_of(dicts[0]));
	print("Number of dicts in memory: %zu\n", instances_in_memory(type));
	tally_decref(dicts[3]);
	print("Number of dicts in memory: %zu\n", instances_in_memory(type));
	CHECK_PRINTED("Number of dicts in memory: 4\nNumber of dicts in memory: 3\n");
	DROP(type, list, dicts[0], dicts[1], dicts[2]);
}

static void instances_of_a_class_are_found_by_it(void)
{
	tally_object *type = CLASS(.name = "MyClass"), *other = CLASS(.name = "Other", .base = type);
	tally_object *obj1 = instance(type), *obj2 = instance(type);
	print("MyClass instances: %zu\n", instances_in_memory(type));
	tally_object *third = instance(other);
	print("MyClass instances: %zu, %zu of them of Other\n", instances_in_memory(type), instances_in_memory(other));
	DROP(obj1, obj2, third);
	print("MyClass instances: %zu\n", instances_in_memory(type));
	CHECK_PRINTED("MyClass instances: 2\nMyClass instances: 3, 1 of them of Other\nMyClass instances: 0\n");
	DROP(type, other);
}

// ---- in place of snapshots of allocations ----

enum { TYPES = 200 };

// What the heap holds of a type; 0, 0: nothing.
static tally_gc_type_count held_of(tally_object *type)
{
	static tally_gc_type_count counts[TYPES];
	int64_t types = tally_gc_count_types(counts, TYPES);
	CHECK(types > 0 && types <= TYPES);
	for (int64_t i = 0; i < types && i < TYPES; i++)
		if (counts[i].type == type) return counts[i];
	return (tally_gc_type_count){.type = type};
}

static void what_has_grown_between_two_moments_is_seen_by_type(void)
{
	tally_object *type = CLASS(.name = "Session"), *kept = must(tally_list_new());
	tally_gc_type_count before = held_of(type);
	for (int i = 0; i < 100; i++) push_own(kept, instance(type));
	tally_gc_type_count after = held_of(type);
	CHECK_EQ(after.objects - before.objects, 100);
	CHECK(after.bytes - before.bytes >= 100 * 24);
	tally_decref(kept);
	CHECK_EQ(held_of(type).objects, before.objects);
	tally_decref(type);
}

int main(void)
{
	articles_begin(60);
	TAP_RUN(a_cache_without_a_bound_keeps_everything_and_nothing_of_it_is_garbage);
	TAP_RUN(a_cache_with_a_bound_keeps_no_more_than_that);
	TAP_RUN(a_cache_with_weak_values_keeps_nothing);
	TAP_RUN(a_widget_whose_method_listens_is_kept_by_the_bus);
	TAP_RUN(a_widget_that_unsubscribes_is_free_to_go);
	TAP_RUN(a_bus_of_weak_methods_keeps_no_widget);
	TAP_RUN(a_cycle_of_a_host_type_without_a_traverse_is_never_collected);
	TAP_RUN(one_that_takes_part_is_collected);
	TAP_RUN(one_that_can_be_found_and_not_broken_goes_to_the_garbage_list);
	TAP_RUN(a_closure_in_a_registry_keeps_what_it_captured);
	TAP_RUN(usually_the_garbage_list_is_empty);
	TAP_RUN(objects_are_counted_before_and_after_what_may_leak);
	TAP_RUN(dicts_in_memory_are_found_by_their_type);
	TAP_RUN(instances_of_a_class_are_found_by_it);
	TAP_RUN(what_has_grown_between_two_moments_is_seen_by_type);
	return tap_end();
}
