// tests/recipe_bus.c: the bus of docs/examples/event_bus.c: who is called, in what order, who leaves no trace; threads.
#include "classes.h"
#include "event_bus.h"
#include "guarded.h"

// ---- listeners: each notes what it was told in a text of letters ----

static char heard[256];

static void hear(char letter)
{
	size_t used = strlen(heard);
	if (used + 1 < sizeof heard) heard[used] = letter, heard[used + 1] = '\0';
}

#define CHECK_HEARD(expected) (CHECK_STR(heard, (expected)), heard[0] = '\0')

// What is dropped within a critical section dies after it.
static void check_nothing_is_held(void)
{
	tally_decref(probe(fixture_probe_type(), 0));
	CHECK_EQ(atomic_load(&fixture_dead), 1);
}

// Its context is its letter.
static tally_object *note_letter(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	check_nothing_is_held();
	hear(*(const char *)context);
	return tally_none();
}

static tally_object *fail(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	hear(*(const char *)context);
	tally_error_set(TALLY_ERROR_KEY, "listener %s", (const char *)context);
	return NULL;
}

static tally_object *listener_of(tally_function_call call, const char *letter)
{
	tally_function_spec spec = {.size = sizeof spec, .name = "listener", .call = call, .context = (void *)(uintptr_t)letter, .most = SIZE_MAX};
	return must(tally_function_new(&spec));
}

static tally_object *listener(const char *letter) { return listener_of(note_letter, letter); }

// ---- the bus ----

static tally_object *bus, *topic; // of each test

static tally_object *subscribe(tally_object *to, tally_object *callable) { return must(event_bus_subscribe(bus, to, callable)); }

// And drops the subscription, which ends nothing.
static void just_subscribe(tally_object *callable) { tally_decref(subscribe(topic, callable)); }

static void publish(int failures)
{
	int status = event_bus_publish(bus, topic, NULL, 0);
	if (!CHECK_EQ(status, failures)) tap_note("%s", tally_error_message());
}

static size_t listeners(void)
{
	size_t count = SIZE_MAX;
	CHECK_EQ(event_bus_count(bus, topic, &count), 0);
	return count;
}

static size_t topics(void)
{
	tally_object *list = must(event_bus_topics(bus));
	size_t count = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &count), 0);
	tally_decref(list);
	return count;
}

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}

#define DROP(...)                                                                                                      \
	drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(tally_object *))

// ---- publishing ----

static void listeners_are_called_in_the_order_of_subscription(void)
{
	tally_object *a = listener("a"), *b = listener("b"), *c = listener("c");
	just_subscribe(b);
	just_subscribe(a);
	just_subscribe(c);
	just_subscribe(b); // twice subscribed, twice called
	publish(0);
	CHECK_HEARD("bacb");
	CHECK_EQ(listeners(), 4);
	DROP(a, b, c);
}

static tally_object *sum_up(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	for (size_t i = 0; i < count; i++) *(int64_t *)context += value_of(arguments[i]);
	return tally_none();
}

static void they_get_the_arguments_of_their_topic_only(void)
{
	int64_t sum = 0, other_sum = 0;
	tally_function_spec spec = {.size = sizeof spec, .name = "sum", .call = sum_up, .context = &sum, .most = SIZE_MAX};
	tally_object *one = must(tally_function_new(&spec)), *other = text("other"), *numbers[] = {integer(20), integer(22)};
	spec.context = &other_sum;
	tally_object *two = must(tally_function_new(&spec));
	just_subscribe(one);
	tally_decref(subscribe(other, two));
	CHECK_EQ(event_bus_publish(bus, topic, numbers, 2), 0);
	CHECK_EQ(sum, 42);
	CHECK_EQ(other_sum, 0);
	CHECK_EQ(event_bus_publish(bus, other, numbers, 1), 0);
	CHECK_EQ(other_sum, 20);
	CHECK_EQ(topics(), 2);
	DROP(one, two, other);
	CHECK_EQ(topics(), 0);
}

struct failures {
	int count;
	char last[64];
	tally_object *source;
};

static void note_failure(tally_object *self, tally_object *at, tally_object *source, void *context)
{
	struct failures *failures = context;
	CHECK_PTR(at, topic);
	CHECK(self);
	failures->count++;
	failures->source = source;
	snprintf(failures->last, sizeof failures->last, "%s", tally_error_message());
}

static void one_that_fails_is_told_and_keeps_nobody_from_being_called(void)
{
	struct failures failures = {0};
	tally_object *a = listener("a"), *x = listener_of(fail, "x"), *y = listener_of(fail, "y"), *b = listener("b");
	tally_decref(bus);
	bus = must(event_bus_new(note_failure, &failures));
	just_subscribe(a);
	just_subscribe(x);
	just_subscribe(y);
	just_subscribe(b);
	publish(2);
	CHECK_HEARD("axyb");
	CHECK_EQ(failures.count, 2);
	CHECK_STR(failures.last, "listener y");
	CHECK_PTR(failures.source, y);
	CHECK_ERROR(TALLY_ERROR_KEY, "listener y");
	CHECK_EQ(listeners(), 4); // a failure ends no subscription
	DROP(a, b, x, y);
}

static void without_somebody_to_tell_failures_are_counted(void)
{
	tally_object *x = listener_of(fail, "x"), *a = listener("a");
	just_subscribe(x);
	just_subscribe(a);
	publish(1);
	CHECK_HEARD("xa");
	CHECK_ERROR(TALLY_ERROR_KEY, "listener x");
	DROP(x, a);
}

// ---- the end of a subscription ----

static void to_unsubscribe_ends_one_subscription_once(void)
{
	tally_object *a = listener("a"), *first = subscribe(topic, a), *second = subscribe(topic, a);
	CHECK_EQ(event_bus_unsubscribe(first), 1);
	CHECK_EQ(event_bus_unsubscribe(first), 0);
	publish(0);
	CHECK_HEARD("a");
	CHECK_EQ(topics(), 1);
	CHECK_EQ(event_bus_unsubscribe(second), 1);
	CHECK_EQ(topics(), 0);
	publish(0);
	CHECK_HEARD("");
	DROP(a, first, second);
}

static void a_dead_listener_leaves_no_trace(void)
{
	tally_object *lasting = listener("l"), *other = text("other");
	tally_decref(subscribe(other, lasting)); // the first subscription leaves a weak reference to the bus
	uint64_t before = fixture_live_objects();
	for (int i = 0; i < 100; i++) {
		tally_object *a = listener("a");
		just_subscribe(a);
		CHECK_EQ(listeners(), 1);
		tally_decref(a);
		CHECK_EQ(listeners(), 0);
		CHECK_EQ(topics(), 1);
	}
	publish(0);
	CHECK_HEARD("");
	CHECK_EQ(fixture_live_objects(), before);
	DROP(lasting, other);
	CHECK_EQ(topics(), 0);
}

static void a_subscription_outlives_its_listener_and_its_bus(void)
{
	tally_object *a = listener("a"), *b = listener("b"), *of_a = subscribe(topic, a), *of_b = subscribe(topic, b);
	tally_decref(a);
	CHECK_EQ(event_bus_unsubscribe(of_a), 0);
	tally_decref(bus);
	bus = NULL;
	CHECK_EQ(event_bus_unsubscribe(of_b), 0);
	DROP(b, of_a, of_b);
}

static void a_listener_that_the_collector_finds_leaves_no_trace(void)
{
	tally_object *a = listener("a"), *type = CLASS(.name = "widget"), *widget = instance(type);
	set_attr(widget, "self", widget);
	set_attr(widget, "callable", a);
	just_subscribe(a);
	DROP(a, widget);
	CHECK_EQ(listeners(), 1);
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(topics(), 0);
	tally_decref(type);
}

static void a_bus_and_its_listeners_in_one_cycle_are_collected(void)
{
	tally_object *type = CLASS(.name = "widget"), *widget = instance(type), *a = listener("a");
	set_attr(widget, "bus", bus);
	set_attr(widget, "callable", a);
	set_attr(widget, "self", widget);
	just_subscribe(a);
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	DROP(a, widget, bus);
	bus = NULL;
	CHECK(tally_gc_collect(2) > 0);
	tally_decref(type);
}

// ---- bound methods ----

static tally_object *note_self(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 1);
	hear((char)attr_int(arguments[0], "letter"));
	return tally_none();
}

static tally_object *widget_with(tally_object *type, char letter)
{
	tally_object *widget = instance(type);
	set_int(widget, "letter", letter);
	return widget;
}

// As a widget does for itself: the bound method is dropped at once.
static void subscribe_method(tally_object *widget)
{
	tally_object *method = must(attr(widget, "on_event"));
	CHECK(tally_is_method(method));
	just_subscribe(method);
	tally_decref(method);
}

static tally_object *widget_class(void)
{
	tally_object *type = CLASS(.name = "widget");
	set_own(type, "on_event", function("on_event", note_self, 1, SIZE_MAX));
	return type;
}

static void a_bound_method_listens_as_long_as_its_object_lives(void)
{
	tally_object *type = widget_class(), *one = widget_with(type, 'p'), *two = widget_with(type, 'q');
	subscribe_method(one);
	subscribe_method(two);
	CHECK_EQ(tally_refcount(one), 1); // not kept alive
	publish(0);
	CHECK_HEARD("pq");
	tally_decref(one);
	CHECK_EQ(listeners(), 1);
	publish(0);
	CHECK_HEARD("q");
	tally_decref(two);
	CHECK_EQ(topics(), 0);
	tally_decref(type);
}

static void a_method_of_a_collected_object_leaves_no_trace(void)
{
	tally_object *type = widget_class(), *widget = widget_with(type, 'p');
	set_attr(widget, "self", widget);
	subscribe_method(widget);
	tally_decref(widget);
	publish(0);
	CHECK_HEARD("p");
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(topics(), 0);
	publish(0);
	CHECK_HEARD("");
	tally_decref(type);
}

// ---- listeners that use the bus ----

struct plan {
	tally_object *other; // listener to subscribe, or subscription to end
	tally_object **owned; // a reference to drop
	int depth;
};

static tally_object *subscribe_other(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	hear('s');
	just_subscribe(((struct plan *)context)->other);
	return tally_none();
}

static tally_object *end_other(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	hear('e');
	CHECK_EQ(event_bus_unsubscribe(((struct plan *)context)->other), 1);
	return tally_none();
}

static tally_object *drop_other(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object **owned = ((struct plan *)context)->owned, *dropped = *owned;
	(void)captured, (void)arguments, (void)count;
	hear('d');
	*owned = NULL;
	tally_decref(dropped);
	return tally_none();
}

static tally_object *publish_again(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct plan *plan = context;
	(void)captured, (void)arguments, (void)count;
	hear('p');
	if (plan->depth-- > 0) publish(0);
	return tally_none();
}

static tally_object *planned(tally_function_call call, struct plan *plan)
{
	tally_function_spec spec = {.size = sizeof spec, .name = "planned", .call = call, .context = plan, .most = SIZE_MAX};
	return must(tally_function_new(&spec));
}

static void who_is_subscribed_by_a_listener_is_called_the_next_time(void)
{
	tally_object *a = listener("a");
	struct plan plan = {.other = a};
	tally_object *s = planned(subscribe_other, &plan);
	just_subscribe(s);
	publish(0);
	CHECK_HEARD("s");
	publish(0);
	CHECK_HEARD("sa");
	DROP(a, s);
}

static void who_is_unsubscribed_or_dies_before_its_turn_is_not_called(void)
{
	struct plan ends = {0}, drops = {0};
	tally_object *a = listener("a"), *b = listener("b"), *c = listener("c"), *e = planned(end_other, &ends);
	tally_object *d = planned(drop_other, &drops);
	just_subscribe(e);
	just_subscribe(d);
	ends.other = subscribe(topic, a);
	drops.owned = &b;
	just_subscribe(b);
	just_subscribe(c);
	publish(0);
	CHECK_HEARD("edc");
	CHECK_EQ(listeners(), 3);
	DROP(a, c, d, e, ends.other);
}

static void a_listener_may_end_its_own_subscription(void)
{
	struct plan plan = {0};
	tally_object *e = planned(end_other, &plan), *a = listener("a");
	plan.other = subscribe(topic, e);
	just_subscribe(a);
	publish(0);
	CHECK_HEARD("ea");
	publish(0);
	CHECK_HEARD("a");
	DROP(e, a, plan.other);
}

static void a_listener_may_publish(void)
{
	struct plan plan = {.depth = 2};
	tally_object *p = planned(publish_again, &plan), *a = listener("a");
	just_subscribe(p);
	just_subscribe(a);
	publish(0);
	CHECK_HEARD("pppaaa");
	DROP(p, a);
}

// ---- errors ----

static void what_is_no_bus_no_topic_or_no_listener_is_refused(void)
{
	tally_object *a = listener("a"), *list = must(tally_list_new());
	size_t count;
	CHECK(!event_bus_subscribe(bus, list, a));
	CHECK_ERROR(TALLY_ERROR_TYPE, "event_bus: the topic is no str");
	CHECK(!event_bus_subscribe(bus, topic, list));
	CHECK_ERROR(TALLY_ERROR_TYPE, "event_bus_subscribe: the listener cannot be called");
	CHECK(!event_bus_subscribe(bus, topic, NULL));
	CHECK_ERROR(TALLY_ERROR_TYPE, "event_bus_subscribe: the listener cannot be called");
	CHECK(!event_bus_subscribe(list, topic, a));
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(event_bus_publish(list, topic, NULL, 0), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(event_bus_publish(bus, NULL, NULL, 0), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "event_bus: the topic is no str");
	CHECK_EQ(event_bus_count(NULL, topic, &count), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "NULL");
	CHECK(!event_bus_topics(list));
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(topics(), 0);
	DROP(a, list);
}

static void without_memory_nobody_is_subscribed(void)
{
	tally_object *a = listener("a"), *b = listener("b"), *self = text("b");
	tally_object *method = must(tally_method_new(b, self));
	bool done = tally_heap_fail(0, false) != 0;
	tally_error_clear();
	for (uint64_t n = 1; n < 200 && !done; n++) {
		CHECK_EQ(tally_heap_fail(n, false), 0);
		tally_object *subscription = event_bus_subscribe(bus, topic, a);
		tally_object *made = event_bus_new(NULL, NULL);
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!done && !fixture_gives_up_later()) CHECK(!subscription || !made);
		if (!subscription || !made) CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		CHECK_EQ(listeners(), subscription ? 1 : 0);
		CHECK_EQ(topics(), subscription ? 1 : 0);
		publish(0);
		CHECK_HEARD(subscription ? "a" : "");
		if (subscription) CHECK_EQ(event_bus_unsubscribe(subscription), 1);
		DROP(subscription, made);
	}
	CHECK(done);
	DROP(a, b, method, self);
}

// ---- threads ----

static void subscribe_it(void *callable) { just_subscribe(callable); }
static void publish_none(void *unused) { (void)unused, publish(0); }
static void count_listeners(void *unused) { (void)unused, listeners(); }
static void list_topics(void *unused) { (void)unused, topics(); }
static void unsubscribe_it(void *subscription) { CHECK_EQ(event_bus_unsubscribe(subscription), 1); }

static void each_call_waits_for_a_section_over_the_bus(void)
{
	tally_object *a = listener("a"), *subscription = subscribe(topic, a);
	check_waits_for(bus, subscribe_it, a);
	check_waits_for(bus, publish_none, NULL);
	check_waits_for(bus, count_listeners, NULL);
	check_waits_for(bus, list_topics, NULL);
	check_waits_for(bus, unsubscribe_it, subscription);
	CHECK_HEARD("aa");
	DROP(subscription, a);
}

enum { TEAM = 6, TOPICS_OF_TEAM = 3 };

struct team {
	tally_object *topics[TOPICS_OF_TEAM], *type;
	atomic_uint calls;
};

static tally_object *count_call(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	atomic_fetch_add((atomic_uint *)context, 1);
	return tally_none();
}

// Listeners are made, subscribed, and dropped or unsubscribed, while all publish.
static void use_as_team(void *context, unsigned number)
{
	struct team *team = context;
	uint64_t state = fixture_seed(number);
	for (int i = 0; i < tap_scale(500); i++) {
		tally_object *at = team->topics[below(&state, TOPICS_OF_TEAM)], *callable, *object = NULL;
		tally_function_spec spec = {.size = sizeof spec, .name = "count", .call = count_call, .context = &team->calls, .most = SIZE_MAX};
		callable = must(tally_function_new(&spec));
		if (below(&state, 2)) {
			tally_object *plain = callable;
			object = instance(team->type);
			set_attr(object, "count", plain);
			callable = must(tally_method_new(plain, object));
			set_attr(object, "kept", callable); // a cycle: this one is the collector's
			tally_decref(plain);
			if (below(&state, 2)) CHECK_EQ(delete_attr(object, "kept"), 1);
		}
		tally_object *subscription = must(event_bus_subscribe(bus, at, callable));
		unsigned before = atomic_load(&team->calls);
		CHECK_EQ(event_bus_publish(bus, at, NULL, 0), 0);
		CHECK(atomic_load(&team->calls) > before); // its own at least
		if (below(&state, 2)) CHECK_EQ(event_bus_unsubscribe(subscription), 1);
		DROP(callable, object, subscription);
	}
}

static void threads_subscribe_publish_and_go(void)
{
	struct team team = {.type = CLASS(.name = "widget")};
	const char *names[TOPICS_OF_TEAM] = {"red", "green", "blue"};
	for (int i = 0; i < TOPICS_OF_TEAM; i++) team.topics[i] = text(names[i]);
	run_threads(TEAM, use_as_team, &team);
	tally_gc_collect(2);
	CHECK_EQ(topics(), 0);
	drop(team.topics, TOPICS_OF_TEAM);
	tally_decref(team.type);
}

// All listen on one topic whose last listener goes again and again: nobody may be subscribed to a table that has just been given up.
static void come_and_go(void *context, unsigned number)
{
	atomic_uint *calls = context;
	(void)number;
	for (int i = 0; i < tap_scale(10000); i++) {
		tally_function_spec spec = {.size = sizeof spec, .name = "count", .call = count_call, .context = calls, .most = SIZE_MAX};
		tally_object *callable = must(tally_function_new(&spec));
		just_subscribe(callable);
		CHECK(listeners() >= 1);
		tally_decref(callable);
	}
}

static void a_topic_that_comes_and_goes_loses_nobody(void)
{
	atomic_uint calls = 0;
	run_threads(4, come_and_go, &calls);
	CHECK_EQ(topics(), 0);
}

// ---- the fixture ----

static void start(void)
{
	classes_start();
	if (event_bus_init()) tap_bail_out(tally_error_message());
	heard[0] = '\0';
	bus = must(event_bus_new(NULL, NULL));
	topic = text("news");
}

static void stop(void)
{
	DROP(bus, topic);
	classes_stop();
}

int main(void)
{
	classes_begin(60);
	tap_before_each(start);
	tap_after_each(stop);
	TAP_RUN(listeners_are_called_in_the_order_of_subscription);
	TAP_RUN(they_get_the_arguments_of_their_topic_only);
	TAP_RUN(one_that_fails_is_told_and_keeps_nobody_from_being_called);
	TAP_RUN(without_somebody_to_tell_failures_are_counted);
	TAP_RUN(to_unsubscribe_ends_one_subscription_once);
	TAP_RUN(a_dead_listener_leaves_no_trace);
	TAP_RUN(a_subscription_outlives_its_listener_and_its_bus);
	TAP_RUN(a_listener_that_the_collector_finds_leaves_no_trace);
	TAP_RUN(a_bus_and_its_listeners_in_one_cycle_are_collected);
	TAP_RUN(a_bound_method_listens_as_long_as_its_object_lives);
	TAP_RUN(a_method_of_a_collected_object_leaves_no_trace);
	TAP_RUN(who_is_subscribed_by_a_listener_is_called_the_next_time);
	TAP_RUN(who_is_unsubscribed_or_dies_before_its_turn_is_not_called);
	TAP_RUN(a_listener_may_end_its_own_subscription);
	TAP_RUN(a_listener_may_publish);
	TAP_RUN(what_is_no_bus_no_topic_or_no_listener_is_refused);
	TAP_RUN(without_memory_nobody_is_subscribed);
	TAP_RUN(each_call_waits_for_a_section_over_the_bus);
	TAP_RUN(threads_subscribe_publish_and_go);
	TAP_RUN(a_topic_that_comes_and_goes_loses_nobody);
	return tap_end();
}
