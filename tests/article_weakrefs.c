// tests/article_weakrefs.c: published examples about weak references: they lead to an object while it lives, and count
// nothing; caches and observers made of them; what cannot be referred to weakly. (Parents and children: article_cycles.c.
// Weak methods, which one article advises against leaks: article_leaks.c.) Which example is whose: docs/articles.md.
#include "articles.h"

// ---- weak() ----

// Prints what print(weak()) would.
static void print_target(tally_object *weak)
{
	tally_object *object = NULL, *text_of_it;
	CHECK(tally_weakref_get(weak, &object) >= 0);
	text_of_it = must(tally_repr(object ? object : tally_none()));
	print("%s", tally_str_utf8(text_of_it, NULL));
	DROP(text_of_it, object);
}

static int init_name(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context;
	CHECK_EQ(count, 1);
	set_attr(self, "name", arguments[0]);
	return 0;
}

static tally_object *show_class(tally_object *self, void *context)
{
	char line[80];
	(void)context;
	snprintf(line, sizeof line, "<%s object>", tally_type_name(self));
	return tally_str_from(line);
}

static void a_resource_is_found_until_its_only_strong_reference_goes(void)
{
	tally_object *type = CLASS(.name = "Resource", .init = init_name, .repr = show_class);
	tally_object *r = make_named(type, "db-connection"), *weak = weakref(r, NULL);
	CHECK_EQ(tally_refcount(r), 1);
	print_target(weak);
	CHECK_PRINTED("<Resource object>");
	CHECK_EQ(tally_refcount(r), 1);
	tally_decref(r);
	print_target(weak);
	CHECK_PRINTED("None");
	DROP(weak, type);
}

// Where a second strong reference is, as `weak = r` would make one, the object does not go.
static void a_normal_reference_keeps_the_resource(void)
{
	tally_object *type = CLASS(.name = "Resource", .init = init_name);
	tally_object *r = make_named(type, "db-connection"), *strong = tally_incref(r), *weak = weakref(r, NULL);
	CHECK_EQ(tally_refcount(r), 2);
	tally_decref(r);
	CHECK(leads_to(weak, strong));
	DROP(strong, weak, type);
}

static void a_node_with_a_value_is_printed_and_then_none(void)
{
	tally_object *type = CLASS(.name = "Node", .init = init_value, .repr = show_class), *value = integer(42);
	tally_object *n = make(type, value), *ref = weakref(n, NULL), *found = NULL;
	print_target(ref);
	CHECK_EQ(tally_weakref_get(ref, &found), 1);
	print(" %d ", (int)attr_int(found, "value"));
	DROP(found, n);
	print_target(ref);
	CHECK_PRINTED("<Node object> 42 None");
	DROP(ref, value, type);
}

static void a_node_of_an_empty_class_is_there_and_then_none(void)
{
	tally_object *type = CLASS(.name = "Node"), *n = instance(type), *ref = weakref(n, NULL);
	print_target(ref);
	CHECK_PART(printed, "Node");
	printed[0] = '\0';
	tally_decref(n);
	print_target(ref);
	CHECK_PRINTED("None");
	DROP(ref, type);
}

// ---- a cache that keeps nothing ----

static struct {
	tally_object *values, *type;
} cache;

static tally_object *load_expensive_resource(tally_object *key)
{
	print("load ");
	return make(cache.type, key);
}

static tally_object *get_resource(const char *name)
{
	tally_object *key = text(name), *resource;
	CHECK(tally_weak_dict_get(cache.values, key, &resource) >= 0);
	if (!resource) {
		resource = load_expensive_resource(key);
		CHECK_EQ(tally_weak_dict_set(cache.values, key, resource), 0);
	}
	tally_decref(key);
	return resource;
}

static size_t entries(void)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_weak_dict_size(cache.values, &size), 0);
	return size;
}

static void a_weak_value_dict_gives_what_is_in_use_and_forgets_the_rest(void)
{
	cache.values = must(tally_weak_value_dict_new(NULL));
	cache.type = CLASS(.name = "Resource", .init = init_name);
	tally_object *first = get_resource("logo"), *second = get_resource("logo"), *other = get_resource("font");
	CHECK_PRINTED("load load ");
	CHECK_PTR(first, second);
	CHECK_EQ(entries(), 2);
	tally_decref(other);
	CHECK_EQ(entries(), 1);
	tally_decref(second);
	CHECK_EQ(tally_refcount(first), 1);
	CHECK_EQ(entries(), 1);
	tally_decref(first);
	CHECK_EQ(entries(), 0);
	tally_decref(get_resource("logo"));
	CHECK_PRINTED("load ");
	DROP(cache.values, cache.type);
}

// ---- an event bus with a weak set ----

static int init_bus(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context, (void)arguments;
	CHECK_EQ(count, 0);
	set_own(self, "_listeners", must(tally_weak_set_new(NULL)));
	return 0;
}

static tally_object *subscribe(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 2);
	tally_object *listeners = attr(arguments[0], "_listeners");
	int added = tally_weak_set_add(listeners, arguments[1]);
	tally_decref(listeners);
	return added < 0 ? NULL : tally_none();
}

static size_t listeners_of(tally_object *bus)
{
	size_t size = SIZE_MAX;
	tally_object *listeners = attr(bus, "_listeners");
	CHECK_EQ(tally_weak_set_size(listeners, &size), 0);
	tally_decref(listeners);
	return size;
}

static void a_listener_of_a_bus_with_a_weak_set_goes_when_nobody_else_has_it(void)
{
	tally_object *type = CLASS(.name = "EventBus", .init = init_bus), *listener_type = CLASS(.name = "Listener");
	set_method(type, "subscribe", subscribe);
	tally_object *bus = make(type, NULL), *stays = instance(listener_type), *goes = instance(listener_type);
	do_call(bus, "subscribe", stays);
	do_call(bus, "subscribe", goes);
	CHECK_EQ(tally_refcount(goes), 1);
	CHECK_EQ(listeners_of(bus), 2);
	tally_decref(goes);
	CHECK_EQ(listeners_of(bus), 1);
	tally_decref(stays);
	CHECK_EQ(listeners_of(bus), 0);
	DROP(bus, type, listener_type);
}

// ---- what cannot be referred to weakly ----

static void check_refused(tally_object *object, const char *message)
{
	CHECK_PTR(tally_weakref_new(object, NULL), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, message);
	tally_decref(object);
}

static void an_int_a_str_and_a_tuple_are_refused(void)
{
	check_refused(integer(42), "cannot create weak reference to 'int' object");
	check_refused(text("some text"), "cannot create weak reference to 'str' object");
	check_refused(must(tally_tuple_new(NULL, 0)), "cannot create weak reference to 'tuple' object");
}

static void an_instance_can_be_referred_to_unless_its_slots_leave_that_out(void)
{
	static const char *const name[] = {"name"};
	tally_object *regular = CLASS(.name = "Regular");
	tally_object *without = CLASS(.name = "Slim", .slots = name, .slot_count = 1);
	tally_object *with = CLASS(.name = "Watched", .slots = name, .slot_count = 1, .has_weakrefs = true);
	check_refused(instance(without), "cannot create weak reference to 'Slim' object");
	tally_object *types[] = {regular, with};
	for (int i = 0; i < 2; i++) {
		tally_object *object = instance(types[i]), *ref = weakref(object, NULL);
		CHECK(leads_to(ref, object));
		tally_decref(object);
		CHECK_DEAD(ref);
		tally_decref(ref);
	}
	DROP(regular, without, with);
}

int main(void)
{
	articles_begin(60);
	TAP_RUN(a_resource_is_found_until_its_only_strong_reference_goes);
	TAP_RUN(a_normal_reference_keeps_the_resource);
	TAP_RUN(a_node_with_a_value_is_printed_and_then_none);
	TAP_RUN(a_node_of_an_empty_class_is_there_and_then_none);
	TAP_RUN(a_weak_value_dict_gives_what_is_in_use_and_forgets_the_rest);
	TAP_RUN(a_listener_of_a_bus_with_a_weak_set_goes_when_nobody_else_has_it);
	TAP_RUN(an_int_a_str_and_a_tuple_are_refused);
	TAP_RUN(an_instance_can_be_referred_to_unless_its_slots_leave_that_out);
	return tap_end();
}
