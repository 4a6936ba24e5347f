// docs/examples/event_bus.c: topics and weak listeners (docs/examples/event_bus.h).
//
// Each topic has a table, a dict from the numbers of its subscriptions to weak references to the listeners. The subscription is a
// function that knows the bus (weakly), the topic and the number, and takes the entry out when it is called. It is also what the weak
// reference calls when the listener dies: both ends of a subscription are one.
//
//   bus ==> topics ==> table ==> weak reference ..> listener         ==> owns
//    ^..................................||
//                                   subscription ==> number          ..> weak
//
// I1  A table of the dict of topics is not empty.
// I2  An entry is removed when its listener dies, and nothing then refers to the subscription but who got it.
// Tables are used in a critical section over the bus only. Their keys are ints and those of the dict of topics strs, so none of the host's
// code runs in it and nothing is waited for: it is never open to others half way.
#include "event_bus.h"

#include <stdatomic.h>

struct event_bus {
	tally_object *topics; // dict; set once, until the collector clears it
	atomic_llong numbers; // given to subscriptions; relaxed: they need only differ
	event_bus_failed failed;
	void *context;
};

static tally_object *bus_type;

static void visit_topics(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct event_bus *)payload)->topics, visit_context);
}

static void drop_topics(void *payload, void *context)
{
	struct event_bus *bus = payload;
	tally_object *topics = bus->topics;
	(void)context;
	bus->topics = NULL;
	tally_decref(topics);
}

int event_bus_init(void)
{
	const tally_host_type description = {
		.size = sizeof description,
		.name = "event_bus",
		.payload_size = sizeof(struct event_bus),
		.traverse = visit_topics,
		.clear = drop_topics,
		.flags = TALLY_HOST_WEAKREF,
	};
	bus_type = tally_host_type_new(&description);
	return bus_type ? 0 : -1;
}

tally_object *event_bus_new(event_bus_failed failed, void *context)
{
	tally_object *self = tally_host_new(bus_type);
	struct event_bus *bus = self ? tally_host_payload(self, bus_type) : NULL;
	if (!bus) return NULL;
	bus->failed = failed;
	bus->context = context;
	bus->topics = tally_dict_new();
	if (bus->topics) return self;
	tally_decref(self);
	return NULL;
}

static struct event_bus *bus_for(tally_object *self, tally_object *topic)
{
	struct event_bus *bus = tally_host_payload(self, bus_type);
	if (!bus || tally_is_str(topic)) return bus;
	tally_error_set(TALLY_ERROR_TYPE, "event_bus: the topic is no str");
	return NULL;
}

// ---- entries ----

// Into the topic's table, for which `fresh` serves if it has none.
static int add(tally_object *self, tally_object *topic, tally_object *fresh, tally_object *number, tally_object *weak)
{
	struct event_bus *bus = tally_host_payload(self, bus_type);
	tally_critical section;
	if (tally_critical_begin(&section, self)) return -1;
	tally_object *table = tally_dict_setdefault(bus->topics, topic, fresh);
	int status = table ? tally_dict_set(table, number, weak) : -1;
	if (status && table == fresh) tally_dict_pop(bus->topics, topic, NULL);
	tally_decref(table);
	tally_critical_end(&section);
	return status;
}

// 1 removed, 0 it was not there, -1.
static int take_out(tally_object *self, tally_object *topic, tally_object *number)
{
	struct event_bus *bus = tally_host_payload(self, bus_type);
	tally_object *table = NULL;
	tally_critical section;
	size_t left = 1;
	if (tally_critical_begin(&section, self)) return -1;
	int found = tally_dict_get(bus->topics, topic, &table);
	if (found == 1) found = tally_dict_pop(table, number, NULL);
	if (found == 1 && tally_dict_size(table, &left) == 0 && left == 0) tally_dict_pop(bus->topics, topic, NULL);
	tally_decref(table);
	tally_critical_end(&section);
	return found;
}

// ---- subscriptions ----

enum { BUS, TOPIC, NUMBER, CAPTURES };

// Whoever calls: the host, or the weak reference whose listener has died.
static tally_object *end_subscription(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *bus;
	(void)context, (void)arguments, (void)count;
	int found = tally_weakref_get(captured[BUS], &bus);
	if (found == 1) found = take_out(bus, captured[TOPIC], captured[NUMBER]);
	tally_decref(bus);
	return found < 0 ? NULL : tally_bool(found);
}

static tally_object *subscription_new(tally_object *bus, tally_object *topic, tally_object *number)
{
	tally_object *captured[CAPTURES] = {[BUS] = tally_weakref_new(bus, NULL), [TOPIC] = topic, [NUMBER] = number};
	const tally_function_spec spec = {
		.size = sizeof spec,
		.name = "subscription",
		.call = end_subscription,
		.most = 1,
		.captured = captured,
		.captures = CAPTURES,
	};
	tally_object *subscription = captured[BUS] ? tally_function_new(&spec) : NULL;
	tally_decref(captured[BUS]);
	return subscription;
}

static tally_object *refer_weakly(tally_object *listener, tally_object *subscription)
{
	return tally_is_method(listener) ? tally_weak_method_new(listener, subscription) : tally_weakref_new(listener, subscription);
}

tally_object *event_bus_subscribe(tally_object *self, tally_object *topic, tally_object *listener)
{
	struct event_bus *bus = bus_for(self, topic);
	if (!bus) return NULL;
	if (!tally_is_callable(listener)) {
		tally_error_set(TALLY_ERROR_TYPE, "event_bus_subscribe: the listener cannot be called");
		return NULL;
	}
	tally_object *number = tally_int_new(atomic_fetch_add_explicit(&bus->numbers, 1, memory_order_relaxed));
	tally_object *subscription = number ? subscription_new(self, topic, number) : NULL;
	tally_object *weak = subscription ? refer_weakly(listener, subscription) : NULL, *table = weak ? tally_dict_new() : NULL;
	bool added = table && add(self, topic, table, number, weak) == 0;
	tally_object *all[] = {number, weak, table, added ? NULL : subscription};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
	return added ? subscription : NULL;
}

int event_bus_unsubscribe(tally_object *subscription)
{
	tally_object *result = tally_call(subscription, NULL, 0);
	bool ended = false;
	int status = result ? tally_bool_value(result, &ended) : -1;
	tally_decref(result);
	return status ? -1 : ended;
}

// ---- publishing ----

// The topic's table in *table, NULL if it has none, and a list of its entries as tuples of number and weak reference.
static tally_object *entries_of(tally_object *self, tally_object *topic, tally_object **table)
{
	struct event_bus *bus = bus_for(self, topic);
	tally_critical section;
	tally_object *entries = NULL;
	*table = NULL;
	if (!bus || tally_critical_begin(&section, self)) return NULL;
	int found = tally_dict_get(bus->topics, topic, table);
	if (found >= 0) entries = found ? tally_dict_items(*table) : tally_list_new();
	tally_critical_end(&section);
	return entries;
}

static bool is_subscribed(tally_object *self, tally_object *table, tally_object *number)
{
	tally_critical section;
	if (tally_critical_begin(&section, self)) return false;
	int there = tally_dict_contains(table, number);
	tally_critical_end(&section);
	return there == 1;
}

// 0: called, or dead; -1: it has failed.
static int call_listener(tally_object *weak, tally_object *const *arguments, size_t count, tally_object **listener)
{
	int alive = tally_is_weak_method(weak) ? tally_weak_method_get(weak, listener) : tally_weakref_get(weak, listener);
	if (alive != 1) return alive;
	tally_object *result = tally_call(*listener, arguments, count);
	tally_decref(result);
	return result ? 0 : -1;
}

int event_bus_publish(tally_object *self, tally_object *topic, tally_object *const *arguments, size_t count)
{
	tally_object *table, *entries = entries_of(self, topic, &table), *entry;
	const struct event_bus *bus = entries ? tally_host_payload(self, bus_type) : NULL;
	size_t size = 0;
	int failures = bus ? 0 : -1;
	if (bus) tally_list_size(entries, &size);
	for (size_t i = 0; i < size && (entry = tally_list_get(entries, (ptrdiff_t)i)); i++) {
		tally_object *number = tally_tuple_get(entry, 0), *weak = tally_tuple_get(entry, 1), *listener = NULL;
		bool failed = is_subscribed(self, table, number) && call_listener(weak, arguments, count, &listener);
		if (failed && bus->failed) bus->failed(self, topic, listener, bus->context);
		failures += failed;
		tally_object *all[] = {number, weak, listener, entry};
		for (int j = 0; j < 4; j++) tally_decref(all[j]);
	}
	tally_decref(entries);
	tally_decref(table);
	return failures;
}

int event_bus_count(tally_object *self, tally_object *topic, size_t *count)
{
	const struct event_bus *bus = bus_for(self, topic);
	tally_object *table = NULL;
	tally_critical section;
	if (!bus || tally_critical_begin(&section, self)) return -1;
	int found = tally_dict_get(bus->topics, topic, &table);
	*count = 0;
	if (found == 1) tally_dict_size(table, count);
	tally_decref(table);
	tally_critical_end(&section);
	return found < 0 ? -1 : 0;
}

tally_object *event_bus_topics(tally_object *self)
{
	const struct event_bus *bus = tally_host_payload(self, bus_type);
	tally_critical section;
	if (!bus || tally_critical_begin(&section, self)) return NULL;
	tally_object *topics = tally_dict_keys(bus->topics);
	tally_critical_end(&section);
	return topics;
}
