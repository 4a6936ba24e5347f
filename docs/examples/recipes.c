// docs/examples/recipes.c: the recipes in use: what docs/recipes.md shows of each, as a program that prints. tests/check_recipes
// compares the two.
#include "event_bus.h"
#include "expiring_cache.h"
#include "lru_cache.h"
#include "tree.h"

#include <stdio.h>
#include <stdlib.h>

// What cannot fail in a program as small as this one ends it when it does.
static tally_object *must(tally_object *object)
{
	if (object) return object;
	fprintf(stderr, "%s\n", tally_error_message());
	exit(1);
}

static tally_object *text(const char *utf8) { return must(tally_str_from(utf8)); }
static tally_object *number(int64_t value) { return must(tally_int_new(value)); }

static tally_object *function(const char *name, tally_function_call call, size_t most)
{
	const tally_function_spec spec = {.size = sizeof spec, .name = name, .call = call, .most = most};
	return must(tally_function_new(&spec));
}

// Prints the object, whose reference is given up.
static void print(const char *before, tally_object *object)
{
	tally_object *shown = must(tally_repr(object));
	printf("%s%s\n", before, tally_str_utf8(shown, NULL));
	tally_decref(shown);
	tally_decref(object);
}

static uint64_t live_objects(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	tally_heap_trim(NULL); // what other threads might have been reading is given up
	tally_heap_stats_get(&stats);
	return stats.live_objects;
}

// ---- a cache that keeps nothing alive ----

static tally_object *load_resource(tally_object *type, tally_object *key)
{
	print("  loading ", tally_incref(key));
	return tally_instance_new(type);
}

// The resource that is in use already under that key, else a new one. If two threads load at the same time both get the same one.
static tally_object *resource(tally_object *in_use, tally_object *type, tally_object *key)
{
	tally_object *there;
	if (tally_weak_dict_get(in_use, key, &there)) return there; // NULL: an error
	tally_object *loaded = load_resource(type, key);
	if (loaded) there = tally_weak_dict_setdefault(in_use, key, loaded);
	tally_decref(loaded);
	return there;
}

static void show_weak_value_dict(void)
{
	const tally_class_spec spec = {.size = sizeof spec, .name = "resource"};
	tally_object *type = must(tally_class_new(&spec)), *in_use = must(tally_weak_value_dict_new(NULL)), *key = text("logo");
	tally_object *first = must(resource(in_use, type, key)), *second = must(resource(in_use, type, key));
	printf("%s\n", tally_is(first, second) ? "the same one" : "two");
	tally_decref(first);
	tally_decref(second);
	size_t size;
	tally_weak_dict_size(in_use, &size);
	printf("%d in use\n", (int)size);
	tally_decref(must(resource(in_use, type, key)));
	tally_object *all[] = {key, in_use, type};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	tally_gc_collect(2); // classes are the collector's
}

// ---- a bounded cache ----

static tally_object *square(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	print("  computing the square of ", tally_incref(arguments[0]));
	return tally_number_multiply(arguments[0], arguments[0]);
}

static void show_lru_cache(void)
{
	tally_object *cache = must(lru_cache_new(2)), *compute = function("square", square, 1);
	const int64_t asked[] = {12, 13, 12, 14, 12, 13}; // 14 makes it forget 13, which has been used less recently than 12
	for (int i = 0; i < 6; i++) {
		tally_object *key = number(asked[i]);
		print("", must(lru_cache_call(cache, key, compute)));
		tally_decref(key);
	}
	struct lru_cache_stats stats;
	lru_cache_get_stats(cache, &stats);
	printf("%d hits, %d misses, %d evictions\n", (int)stats.hits, (int)stats.misses, (int)stats.evictions);
	tally_decref(compute);
	tally_decref(cache);
}

// ---- a cache with expiry ----

static int64_t seconds; // a clock that the example turns by hand

static int64_t read_seconds(void *context) { return *(int64_t *)context; }

static void show_expiring_cache(void)
{
	tally_object *cache = must(expiring_cache_new(read_seconds, &seconds)), *host = text("example.org"), *address;
	tally_object *found = text("192.0.2.7");
	expiring_cache_put(cache, host, found, 30);
	for (int i = 0; i < 3; i++, seconds += 15) {
		int there = expiring_cache_get(cache, host, &address);
		printf("after %d seconds: %s\n", (int)seconds, there == 1 ? tally_str_utf8(address, NULL) : "expired");
		tally_decref(address);
	}
	tally_object *all[] = {found, host, cache};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- an event bus ----

// A method of widgets.
static tally_object *on_saved(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	tally_object *key = text("name"), *name = NULL;
	if (tally_attr_get(arguments[0], key, &name) == 1) printf("  %s hears of ", tally_str_utf8(name, NULL));
	print("", tally_incref(arguments[1]));
	tally_decref(name);
	tally_decref(key);
	return tally_none();
}

static tally_object *widget_class(void)
{
	const tally_class_spec spec = {.size = sizeof spec, .name = "widget"};
	tally_object *type = must(tally_class_new(&spec)), *name = text("on_saved"), *method = function("on_saved", on_saved, 2);
	tally_attr_set(type, name, method);
	tally_decref(method);
	tally_decref(name);
	return type;
}

// A widget that listens; the subscription in *subscription.
static tally_object *widget_new(tally_object *type, const char *called, tally_object *bus, tally_object **subscription)
{
	tally_object *widget = must(tally_instance_new(type)), *key = text("name"), *name = text(called);
	tally_attr_set(widget, key, name);
	tally_object *method_name = text("on_saved"), *method = NULL, *topic = text("saved");
	tally_attr_get(widget, method_name, &method); // bound to this widget
	*subscription = must(event_bus_subscribe(bus, topic, method));
	tally_object *all[] = {topic, method, method_name, name, key};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
	return widget;
}

static void publish(tally_object *bus, const char *topic_name, const char *what)
{
	tally_object *topic = text(topic_name), *argument = text(what);
	size_t listeners = 0;
	event_bus_count(bus, topic, &listeners);
	printf("%s is saved, %d listen\n", what, (int)listeners);
	event_bus_publish(bus, topic, &argument, 1);
	tally_decref(argument);
	tally_decref(topic);
}

static void show_event_bus(void)
{
	tally_object *bus = must(event_bus_new(NULL, NULL)), *type = widget_class(), *first, *second;
	tally_object *title = widget_new(type, "title", bus, &first), *status = widget_new(type, "status", bus, &second);
	publish(bus, "saved", "a.txt");
	tally_decref(title); // nobody has told the bus; the widget is gone, and does not listen
	publish(bus, "saved", "b.txt");
	event_bus_unsubscribe(second);
	publish(bus, "saved", "c.txt");
	print("topics: ", must(event_bus_topics(bus)));
	tally_object *all[] = {first, second, status, type, bus};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
	tally_gc_collect(2); // classes are the collector's
}

// ---- a tree ----

static tally_object *node_below(tally_object *parent, const char *name)
{
	tally_object *value = text(name), *node = must(tree_node_new(parent, value));
	tally_decref(value);
	return node;
}

static void print_path(const char *before, tally_object *node)
{
	tally_object *path = must(tree_path(node));
	size_t length = 0;
	tally_list_size(path, &length);
	printf("%s", before);
	for (size_t i = 0; i < length; i++) {
		tally_object *at = tally_list_get(path, (ptrdiff_t)i), *name = tree_value(at);
		printf("%s%s", i ? " < " : "", tally_str_utf8(name, NULL));
		tally_decref(name);
		tally_decref(at);
	}
	printf("\n");
	tally_decref(path);
}

static void show_tree(void)
{
	uint64_t before = live_objects();
	tally_object *home = node_below(NULL, "home"), *docs = node_below(home, "docs"), *old = node_below(home, "old");
	tally_object *notes = node_below(docs, "notes"), *parent;
	print_path("", notes);
	tree_move(docs, old);
	print_path("", notes);
	if (tree_move(old, notes)) printf("%s\n", tally_error_message());
	tally_decref(docs);
	tally_decref(old);
	tally_decref(home); // and all of it but what somebody has
	printf("parent: %s\n", tree_parent(notes, &parent) == 1 ? "there" : "gone");
	print_path("", notes);
	tally_decref(notes);
	printf("%d objects left\n", (int)(live_objects() - before));
}

int main(void)
{
	tally_token token;
	if (tally_init(NULL) || tally_thread_attach(&token)) return 1;
	if (lru_cache_init() || expiring_cache_init() || event_bus_init() || tree_init()) return 1;
	printf("weak_value_dict\n");
	show_weak_value_dict();
	printf("lru_cache\n");
	show_lru_cache();
	printf("expiring_cache\n");
	show_expiring_cache();
	printf("event_bus\n");
	show_event_bus();
	printf("tree\n");
	show_tree();
	uint64_t leaked = live_objects();
	tally_thread_detach(token);
	return leaked || tally_fini(0, NULL) ? 1 : 0;
}
