// tests/weak_method.c: weak methods: what they lead to, their callback, equality, hash; the invariants of core/weak_method.c.
// The numbers are those of the catalogue of behaviours, section G.
#include "callables.h"
#include "duel.h"

#include <tally/gc.h>

// ---- helpers ----

static tally_object *thing_type; // what it makes can be referred to weakly, and dies by its count
static atomic_uint calls;        // of `note`
static tally_object *called_with;

// Automatic collection is off: what dies here without being asked to dies by its count.
static void start(void)
{
	tally_host_type description = {.size = sizeof description, .name = "thing", .payload_size = 8, .flags = TALLY_HOST_WEAKREF};
	fixture_start();
	tally_gc_disable();
	thing_type = must(tally_host_type_new(&description));
	atomic_store(&calls, 0);
	called_with = NULL;
}

static tally_object *thing(void) { return must(tally_host_new(thing_type)); }

static tally_object *note(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 1);
	called_with = arguments[0];
	atomic_fetch_add(&calls, 1);
	return tally_none();
}

static tally_object *noter(void) { return function("note", note, NULL); }

static tally_object *weak_method(tally_object *callable, tally_object *self, tally_object *callback)
{
	tally_object *method = must(tally_method_new(callable, self)), *weak = must(tally_weak_method_new(method, callback));
	tally_decref(method);
	return weak;
}

// Whether there is a method of these two.
static bool leads_to(tally_object *weak, tally_object *callable, tally_object *self)
{
	tally_object *method = weak;
	if (!CHECK_EQ(tally_weak_method_get(weak, &method), 1)) return false;
	tally_object *found_callable = tally_method_function(method), *found_self = tally_method_self(method);
	bool leads = found_callable == callable && found_self == self;
	tally_decref(found_callable);
	tally_decref(found_self);
	tally_decref(method);
	return leads;
}

static bool is_dead(tally_object *weak)
{
	tally_object *method = weak;
	int status = tally_weak_method_get(weak, &method);
	CHECK(status >= 0);
	if (status == 1) tally_decref(method);
	return status == 0 && !method;
}

static void drop_all(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...) drop_all((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

// ---- what it leads to ----

static void it_makes_the_bound_method_anew_whenever_it_is_asked(void) // 131
{
	tally_object *give = function("give", give_arguments, NULL), *self = thing(), *weak = weak_method(give, self, NULL), *method;
	CHECK(tally_is_weak_method(weak));
	CHECK(!tally_is_weak_method(give));
	CHECK(!tally_is_weak_method(NULL));
	CHECK_STR(tally_type_name(weak), "weak_method");
	CHECK(leads_to(weak, give, self));
	CHECK(leads_to(weak, give, self));
	CHECK_EQ(tally_weak_method_get(weak, &method), 1);
	tally_object *result = must(tally_call(method, NULL, 0)), *first = must(tally_tuple_get(result, 0));
	CHECK_PTR(first, self);
	DROP(first, result, method);
	CHECK_EQ(tally_refcount(self), 1);
	CHECK_EQ(tally_refcount(give), 1);
	DROP(weak, give, self);
}

static void it_is_dead_when_the_object_is(void) // 132
{
	tally_object *give = function("give", give_none, NULL), *self = thing();
	tally_object *weak = weak_method(give, self, NULL), *told = weak_method(give, self, give);
	tally_decref(self);
	CHECK(is_dead(weak));
	CHECK(is_dead(told));
	DROP(weak, told, give);
}

static void it_is_dead_when_the_class_has_lost_the_function(void) // 133
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Node"};
	tally_object *type = must(tally_class_new(&spec)), *self = must(tally_instance_new(type)), *name = text("step"), *method = NULL;
	tally_object *step = function("step", give_none, NULL), *callback = noter();
	CHECK_EQ(tally_attr_set(type, name, step), 0);
	CHECK_EQ(tally_attr_get(self, name, &method), 1);
	tally_object *weak = must(tally_weak_method_new(method, NULL)), *told = must(tally_weak_method_new(method, callback));
	DROP(method);
	CHECK(leads_to(weak, step, self));
	tally_decref(step);
	CHECK(!is_dead(weak));
	CHECK_EQ(tally_attr_delete(type, name), 1);
	fixture_settle();
	CHECK(is_dead(weak));
	CHECK(is_dead(told));
	CHECK_EQ(calls, 1);
	CHECK_EQ(tally_refcount(self), 1);
	DROP(weak, told, callback, name, self, type);
	CHECK_EQ(tally_gc_collect(2), 1); // the class
}

static void a_method_that_somebody_has_keeps_it_alive(void)
{
	tally_object *give = function("give", give_none, NULL), *self = thing();
	tally_object *method = must(tally_method_new(give, self)), *weak = must(tally_weak_method_new(method, NULL));
	DROP(give, self);
	CHECK(leads_to(weak, give, self));
	DROP(method);
	CHECK(is_dead(weak));
	DROP(weak);
}

static void the_object_may_be_the_function(void)
{
	tally_object *both = function("both", give_none, NULL), *callback = noter(), *weak = weak_method(both, both, callback);
	CHECK(leads_to(weak, both, both));
	tally_decref(both);
	CHECK(is_dead(weak));
	CHECK_EQ(calls, 1);
	DROP(weak, callback);
}

// ---- the callback ----

static void the_callback_is_called_once_when_the_object_dies_first(void) // 134
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *callback = noter();
	tally_object *weak = weak_method(give, self, callback);
	CHECK_EQ(tally_refcount(callback), 2);
	tally_decref(self);
	CHECK_EQ(calls, 1);
	CHECK_PTR(called_with, weak);
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(give);
	CHECK_EQ(calls, 1);
	DROP(weak, callback);
}

static void the_callback_is_called_once_when_the_function_dies_first(void) // 135
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *callback = noter();
	tally_object *weak = weak_method(give, self, callback);
	tally_decref(give);
	CHECK_EQ(calls, 1);
	CHECK_PTR(called_with, weak);
	CHECK(is_dead(weak));
	tally_decref(self);
	CHECK_EQ(calls, 1);
	DROP(weak, callback);
}

static void one_that_died_before_is_not_called(void)
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *callback = noter();
	DROP(weak_method(give, self, callback));
	CHECK_EQ(tally_refcount(callback), 1);
	DROP(self, give);
	CHECK_EQ(calls, 0);
	DROP(callback);
}

// A watcher that somebody has got hold of outlives its weak method, and calls nobody.
static void a_watcher_that_outlives_its_weak_method_calls_nobody(void)
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *callback = noter();
	tally_object *weak = weak_method(give, self, callback), *refs = must(tally_weakref_list(self)), *found = weak;
	size_t size = 0, count = 0;
	CHECK_EQ(tally_list_size(refs, &size), 0);
	CHECK_EQ(tally_weakref_count(self, &count), 0);
	CHECK_EQ(size, 1);
	CHECK_EQ(count, 1);
	tally_object *watcher = must(tally_list_get(refs, 0));
	CHECK_EQ(tally_weakref_callback(watcher, &found), 0);
	DROP(weak, self, give);
	CHECK_EQ(calls, 0);
	DROP(watcher, refs, callback);
}

static tally_object *give_up_the_weak_method(void *context, tally_object *const *captured, tally_object *const *arguments,
                                             size_t count)
{
	tally_object **place = context;
	(void)captured, (void)count;
	atomic_fetch_add(&calls, 1);
	CHECK_PTR(arguments[0], *place);
	CHECK(is_dead(*place));
	tally_decref(*place);
	return tally_none();
}

static void the_callback_may_give_up_the_weak_method(void)
{
	tally_object *weak, *give = function("give", give_none, NULL), *self = thing();
	tally_object *callback = function("give up", give_up_the_weak_method, &weak);
	weak = weak_method(give, self, callback);
	DROP(callback, self);
	CHECK_EQ(calls, 1);
	DROP(give);
}

static struct {
	unsigned count;
	enum tally_error_code code;
	char message[80], operation[80];
	tally_object *source;
} told;

static void be_told(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	CHECK_PTR(context, &told);
	told.count++;
	told.code = code;
	told.source = source;
	snprintf(told.message, sizeof told.message, "%s", message);
	snprintf(told.operation, sizeof told.operation, "%s", operation);
}

static tally_object *fail(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	atomic_fetch_add(&calls, 1);
	tally_error_set(TALLY_ERROR_KEY, "no such key");
	return NULL;
}

static void the_error_of_a_callback_is_reported_and_disturbs_nobody(void)
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *failing = function("fail", fail, NULL);
	tally_object *callback = noter(), *before = weak_method(give, self, callback), *weak = weak_method(give, self, failing);
	memset(&told, 0, sizeof told);
	tally_unraisable_set(be_told, &told);
	tally_error_set(TALLY_ERROR_VALUE, "what was there before");
	tally_decref(self);
	CHECK_ERROR(TALLY_ERROR_VALUE, "what was there before");
	CHECK_EQ(calls, 2);
	CHECK_EQ(told.count, 1);
	CHECK_EQ(told.code, TALLY_ERROR_KEY);
	CHECK_STR(told.message, "no such key");
	CHECK_STR(told.operation, "weak_method callback");
	CHECK_PTR(told.source, failing);
	tally_unraisable_set(NULL, NULL);
	DROP(before, weak, callback, failing, give);
}

// ---- life ----

// 136: with the collector off.
static void it_dies_by_its_count(void)
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *callback = noter();
	tally_object *held[] = {weak_method(give, self, NULL), weak_method(give, self, callback)};
	uint64_t before = fixture_live_objects();
	DROP(weak_method(give, self, NULL));
	CHECK_EQ(fixture_live_objects(), before);
	DROP(weak_method(give, self, callback));
	CHECK_EQ(fixture_live_objects(), before);
	drop_all(held, 2);
	DROP(callback, self);
	CHECK_EQ(fixture_live_objects(), 1 + 1); // the function and its anchor
	DROP(give);
}

static tally_object *node(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Node"};
	tally_object *type = must(tally_class_new(&spec)), *made = must(tally_instance_new(type));
	tally_decref(type);
	return made;
}

static void set(tally_object *object, const char *name, tally_object *value)
{
	tally_object *key = text(name);
	CHECK_EQ(tally_attr_set(object, key, value), 0);
	tally_decref(key);
}

static void the_collector_tells_a_weak_method_that_lives(void)
{
	tally_object *give = function("give", give_none, NULL), *self = node(), *callback = noter();
	tally_object *weak = weak_method(give, self, callback), *plain = weak_method(give, self, NULL);
	set(self, "self", self);
	tally_decref(self);
	CHECK(!is_dead(weak));
	CHECK_EQ(tally_gc_collect(2), 2); // and the class
	CHECK_EQ(calls, 1);
	CHECK_PTR(called_with, weak);
	CHECK(is_dead(weak));
	CHECK(is_dead(plain));
	DROP(weak, plain, callback, give);
	CHECK_EQ(calls, 1);
}

// The object has the weak method, and the callback has the object.
static void one_that_is_garbage_with_its_object_and_its_callback_is_not_called(void)
{
	tally_object *give = function("give", give_none, NULL), *self = node();
	tally_function_spec spec = function_spec("note", note, NULL);
	spec.captured = &self;
	spec.captures = 1;
	tally_object *callback = must(tally_function_new(&spec)), *weak = weak_method(give, self, callback);
	set(self, "weak", weak);
	DROP(weak, callback, self);
	CHECK(tally_gc_collect(2) >= 4);
	DROP(give);
	CHECK_EQ(calls, 0);
}

// The weak method is garbage by itself, through its callback; what it leads to lives.
static void one_that_is_garbage_through_its_callback_goes_and_is_not_called(void)
{
	tally_object *give = function("give", give_none, NULL), *self = thing(), *cell = must(tally_cell_new(NULL));
	tally_function_spec spec = function_spec("note", note, NULL);
	spec.captured = &cell;
	spec.captures = 1;
	tally_object *callback = must(tally_function_new(&spec)), *weak = weak_method(give, self, callback);
	CHECK_EQ(tally_cell_set(cell, weak), 0);
	DROP(weak, callback, cell);
	CHECK(tally_gc_collect(2) >= 3);
	DROP(self, give);
	CHECK_EQ(calls, 0);
}

// A host object that refers to something, and does not say how to break a cycle.
static void holder_dies(void *payload, void *context)
{
	(void)context;
	tally_decref(*(tally_object **)payload);
}

static void holder_is_traversed(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(*(tally_object **)payload, visit_context);
}

// Nothing else in the cycle can be changed.
static void a_cycle_through_the_callback_is_broken_at_the_weak_method(void)
{
	tally_host_type description = {.size = sizeof description, .name = "holder", .payload_size = sizeof(tally_object *),
	                               .dealloc = holder_dies, .traverse = holder_is_traversed};
	tally_object *type = must(tally_host_type_new(&description)), *holder = must(tally_host_new(type));
	tally_object *give = function("give", give_none, NULL), *self = thing();
	tally_function_spec spec = function_spec("note", note, NULL);
	spec.captured = &holder;
	spec.captures = 1;
	tally_object *callback = must(tally_function_new(&spec)), *weak = weak_method(give, self, callback);
	*(tally_object **)tally_host_payload(holder, type) = weak;
	DROP(callback, holder);
	CHECK(tally_gc_collect(2) >= 4);
	DROP(self, give);
	CHECK_EQ(calls, 0);
}

// The object and the weak method are garbage, but somebody has one of the watchers.
static void a_watcher_that_is_alive_does_not_call_for_garbage(void)
{
	tally_object *give = function("give", give_none, NULL), *self = node(), *callback = noter();
	tally_object *weak = weak_method(give, self, callback), *refs = must(tally_weakref_list(self));
	set(self, "self", self);
	set(self, "weak", weak);
	DROP(weak, self);
	CHECK(tally_gc_collect(2) >= 3);
	CHECK_EQ(calls, 0);
	DROP(refs, callback, give);
}

// ---- equality, hash ----

static int equal_to_instances(tally_object *self, tally_object *other, void *context)
{
	(void)self, (void)context;
	return tally_is_instance(other);
}

static int always_42(tally_object *self, uint64_t *hash, void *context)
{
	(void)self, (void)context;
	*hash = 42;
	return 0;
}

// Two instances that are equal.
static void twins(tally_object *pair[2])
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Twin", .equal = equal_to_instances, .hash = always_42};
	tally_object *type = must(tally_class_new(&spec));
	for (int i = 0; i < 2; i++) pair[i] = must(tally_instance_new(type));
	tally_decref(type);
}

static void equal_are_those_of_equal_objects_and_one_function(void) // 137
{
	tally_object *f = function("f", give_none, NULL), *g = function("g", give_none, NULL), *twin[2], *other = thing();
	twins(twin);
	tally_object *one = weak_method(f, twin[0], NULL), *same = weak_method(f, twin[0], f), *equal = weak_method(f, twin[1], NULL);
	tally_object *of_g = weak_method(g, twin[0], NULL), *of_other = weak_method(f, other, NULL);
	CHECK_EQ(tally_equal(one, one), 1);
	CHECK_EQ(tally_equal(one, same), 1);
	CHECK_EQ(tally_equal(one, equal), 1);
	CHECK_EQ(tally_equal(one, of_g), 0);
	CHECK_EQ(tally_equal(one, of_other), 0);
	CHECK_EQ(tally_equal(one, f), 0);
	tally_decref(twin[0]);
	CHECK_EQ(tally_equal(one, same), 0);
	CHECK_EQ(tally_equal(one, equal), 0);
	CHECK_EQ(tally_equal(equal, one), 0);
	CHECK_EQ(tally_equal(one, one), 1);
	DROP(one, same, equal, of_g, of_other, twin[1], other, f, g);
	CHECK_EQ(tally_gc_collect(2), 1);
}

static void the_hash_is_kept_from_the_first_time_it_was_asked_for(void) // 138
{
	tally_object *f = function("f", give_none, NULL), *g = function("g", give_none, NULL), *twin[2];
	uint64_t hash = 0, again = 1, other = 2;
	twins(twin);
	tally_object *one = weak_method(f, twin[0], NULL), *equal = weak_method(f, twin[1], NULL), *of_g = weak_method(g, twin[0], NULL);
	tally_object *never = weak_method(f, twin[0], NULL);
	CHECK_EQ(tally_hash(one, &hash), 0);
	CHECK_EQ(tally_hash(equal, &again), 0);
	CHECK_EQ(hash, again);
	CHECK_EQ(tally_hash(of_g, &other), 0);
	CHECK(other != hash);
	tally_decref(twin[0]);
	CHECK_EQ(tally_hash(one, &again), 0);
	CHECK_EQ(hash, again);
	CHECK_EQ(tally_hash(never, &again), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: the object or the function of the weak method is dead, and its hash was never asked for");
	DROP(one, equal, of_g, never, twin[1], f, g);
	CHECK_EQ(tally_gc_collect(2), 1);
}

static int refuse_hash(tally_object *self, uint64_t *hash, void *context)
{
	(void)self, (void)hash, (void)context;
	tally_error_set(TALLY_ERROR_VALUE, "no hash today");
	return -1;
}

static int refuse_equal(tally_object *self, tally_object *other, void *context)
{
	(void)self, (void)other, (void)context;
	tally_error_set(TALLY_ERROR_VALUE, "who knows");
	return -1;
}

static void errors_of_the_objects_hash_and_equality_are_passed_on(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Odd", .equal = refuse_equal, .hash = refuse_hash};
	tally_object *f = function("f", give_none, NULL), *type = must(tally_class_new(&spec)), *self = must(tally_instance_new(type));
	tally_object *twin = must(tally_instance_new(type)), *one = weak_method(f, self, NULL), *two = weak_method(f, twin, NULL);
	uint64_t hash;
	CHECK_EQ(tally_hash(one, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "no hash today");
	CHECK_EQ(tally_equal(one, two), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "who knows");
	DROP(one, two, self, twin, f, type);
	CHECK_EQ(tally_gc_collect(2), 1);
}

static void they_are_keys_have_no_order_and_can_be_shown(void)
{
	tally_object *f = function("f", give_none, NULL), *self = thing(), *one = weak_method(f, self, NULL), *two = weak_method(f, self, f);
	tally_object *dict = must(tally_dict_new()), *found = NULL;
	char expected[100];
	CHECK_EQ(tally_dict_set(dict, one, f), 0);
	CHECK_EQ(tally_dict_get(dict, two, &found), 1);
	CHECK_PTR(found, f);
	CHECK_EQ(tally_compare(one, two, TALLY_LT), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "compare: a 'weak_method' and a 'weak_method' have no order");
	tally_object *shown = must(tally_repr(one));
	snprintf(expected, sizeof expected, "<weak_method at %p: f of thing at %p>", (void *)one, (void *)self);
	CHECK_STR(tally_str_utf8(shown, NULL), expected);
	DROP(shown, found, dict, self);
	shown = must(tally_repr(one));
	snprintf(expected, sizeof expected, "<weak_method at %p: dead>", (void *)one);
	CHECK_STR(tally_str_utf8(shown, NULL), expected);
	DROP(shown, one, two, f);
}

// ---- errors ----

static void refuse(tally_object *method, tally_object *callback, const char *message)
{
	CHECK_PTR(tally_weak_method_new(method, callback), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, message);
}

static void what_cannot_be_one_is_refused(void)
{
	tally_object *f = function("f", give_none, NULL), *self = thing(), *number = counted(1), *found = f;
	tally_object *good = must(tally_method_new(f, self)), *bad = must(tally_method_new(f, number));
	uint64_t before = fixture_live_objects();
	refuse(NULL, NULL, "weak_method_new: expected a method, got NULL");
	refuse(f, NULL, "weak_method_new: expected a method, got a 'function'");
	refuse(good, number, "weak_method_new: expected a callable object, got a 'int'");
	refuse(bad, NULL, "weak_method_new: cannot create weak reference to 'int' object");
	refuse(bad, f, "weak_method_new: cannot create weak reference to 'int' object");
	CHECK_EQ(tally_weak_method_get(f, &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_method_get: expected a weak_method, got a 'function'");
	CHECK_PTR(found, NULL);
	CHECK_EQ(tally_weak_method_get(NULL, &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weak_method_get: expected a weak_method, got NULL");
	CHECK_EQ(fixture_live_objects(), before);
	DROP(good, bad, number, self, f);
}

static void ask_unattached(void)
{
	tally_object *found = thing_type;
	CHECK_PTR(tally_weak_method_new(NULL, NULL), NULL);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK_EQ(tally_weak_method_get(NULL, &found), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK_PTR(found, NULL);
}

static void a_thread_that_is_not_attached_is_told_so(void) { run_unattached(ask_unattached); }

// Whether the n-th allocation came. The objects are fresh: they have no anchors yet.
static bool make_failing(uint64_t n, bool all, bool has_callback)
{
	uint64_t before = fixture_live_objects();
	tally_object *f = function("f", give_none, NULL), *self = thing(), *callback = noter(), *method = must(tally_method_new(f, self));
	CHECK_EQ(tally_heap_fail(n, all), 0);
	tally_object *weak = tally_weak_method_new(method, has_callback ? callback : NULL);
	bool came = tally_heap_attempts() >= n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(weak == NULL, came);
	if (weak) CHECK(leads_to(weak, f, self));
	else CHECK(strncmp(tally_error_message(), "weak_method_new: out of memory", 30) == 0);
	tally_error_clear();
	CHECK_EQ(tally_refcount(f), 2);
	CHECK_EQ(tally_refcount(self), 2);
	CHECK_EQ(tally_refcount(callback), weak && has_callback ? 2 : 1);
	DROP(method, f, self);
	CHECK_EQ(calls, weak && has_callback);
	atomic_store(&calls, 0);
	DROP(callback);
	tally_decref(weak);
	CHECK_EQ(fixture_live_objects(), before);
	return came;
}

static void making_one_fails_at_each_of_its_allocations_and_leaves_nothing(void)
{
	uint64_t n, made[2];
	if (!faults_are_offered()) return;
	for (int has_callback = 0; has_callback < 2; has_callback++) {
		for (n = 1; make_failing(n, false, has_callback); n++) CHECK(make_failing(n, true, has_callback));
		made[has_callback] = n - 1;
	}
	CHECK_EQ(made[0], 3); // itself, two anchors
	CHECK_EQ(made[1], 6); // and its own, two watchers
}

static void without_memory_it_gives_no_method_and_lives(void)
{
	tally_object *f = function("f", give_none, NULL), *self = thing(), *weak = weak_method(f, self, NULL), *found = f;
	if (faults_are_offered()) {
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK_EQ(tally_weak_method_get(weak, &found), -1);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		CHECK(strncmp(tally_error_message(), "weak_method_get: out of memory", 30) == 0);
		tally_error_clear();
		CHECK_PTR(found, NULL);
	}
	CHECK_EQ(tally_refcount(f), 1);
	CHECK_EQ(tally_refcount(self), 1);
	CHECK(leads_to(weak, f, self));
	DROP(f, self, weak);
}

// The last references go, and the callback is called, though nothing can be allocated.
static void death_and_callback_need_no_memory(void)
{
	tally_object *f = function("f", give_none, NULL), *self = thing(), *callback = noter(), *weak = weak_method(f, self, callback);
	if (faults_are_offered()) CHECK_EQ(tally_heap_fail(1, true), 0);
	DROP(self);
	CHECK_EQ(calls, 1);
	DROP(f, weak, callback);
	if (faults_are_offered()) CHECK_EQ(tally_heap_fail(0, false), 0);
}

// ---- threads ----

enum { ROUNDS = 10000 };

// With one lock for all there is less to be seen, and it takes longer.
static unsigned rounds(void) { return tap_scale((unsigned)(is_gil() ? ROUNDS / 50 : ROUNDS)); }

static struct {
	tally_object *object[2]; // made by the thread of that number; the second one is a function
	tally_object *weak, *callback;
	unsigned upgraded;
} race;

static void run_race(void (*run)(void *context, unsigned number))
{
	memset(&race, 0, sizeof race);
	race.callback = noter();
	duel_begin();
	run_threads(2, run, NULL);
	DROP(race.callback);
}

// Each thread makes one of the two, and they take turns at the weak method; then both go on at once.
static void prepare(unsigned number, unsigned round)
{
	race.object[number] = number ? function("f", give_none, NULL) : thing();
	duel_wait(number);
	if (number == round % 2) race.weak = weak_method(race.object[1], race.object[0], race.callback);
	duel_wait(number);
	duel_meet(number);
}

// Each thread drops what it has made.
static void both_die(void *context, unsigned number)
{
	(void)context;
	duel_enter(number);
	for (unsigned round = 1; round <= rounds(); round++) {
		prepare(number, round);
		tally_decref(race.object[number]);
		duel_wait(number);
		if (number == 1) continue;
		if (!CHECK_EQ(atomic_load(&calls), round)) atomic_store(&calls, round);
		CHECK_PTR(called_with, race.weak);
		CHECK(is_dead(race.weak));
		tally_decref(race.weak);
	}
}

static void object_and_function_die_at_once_and_one_of_the_two_calls(void) { run_race(both_die); }

// The first thread drops the object, the second one the weak method.
static void one_is_dropped(void *context, unsigned number)
{
	(void)context;
	duel_enter(number);
	for (unsigned round = 1; round <= rounds(); round++) {
		prepare(number, round);
		tally_decref(number ? race.weak : race.object[0]);
		duel_wait(number);
		if (number == 0) CHECK(atomic_load(&calls) <= round);
		else tally_decref(race.object[1]);
	}
}

static void a_weak_method_is_dropped_while_its_object_dies(void)
{
	run_race(one_is_dropped);
	tap_note("%u of %u were called", atomic_load(&calls), rounds());
}

// Asks for the method; whoever gets it has its object whole.
static void ask(void)
{
	tally_object *method = NULL;
	if (tally_weak_method_get(race.weak, &method) != 1) return;
	tally_object *self = must(tally_method_self(method));
	CHECK(tally_refcount(self) >= 2);
	race.upgraded++;
	DROP(self, method);
}

// The first thread drops the object, the second one asks for the method.
static void one_is_asked(void *context, unsigned number)
{
	(void)context;
	duel_enter(number);
	for (unsigned round = 1; round <= rounds(); round++) {
		prepare(number, round);
		if (number) ask();
		else tally_decref(race.object[0]);
		duel_wait(number);
		if (number) tally_decref(race.object[1]);
		duel_wait(number);
		if (number) continue;
		CHECK(is_dead(race.weak));
		if (!CHECK_EQ(atomic_load(&calls), round)) atomic_store(&calls, round);
		tally_decref(race.weak);
	}
}

static void a_thread_that_asks_while_the_object_dies_gets_it_whole_or_not_at_all(void)
{
	run_race(one_is_asked);
	tap_note("%u of %u were in time", race.upgraded, rounds());
}

int main(void)
{
	tap_begin();
	tap_watchdog(120);
	tap_before_each(start);
	tap_after_each(fixture_stop);
	TAP_RUN(it_makes_the_bound_method_anew_whenever_it_is_asked);
	TAP_RUN(it_is_dead_when_the_object_is);
	TAP_RUN(it_is_dead_when_the_class_has_lost_the_function);
	TAP_RUN(a_method_that_somebody_has_keeps_it_alive);
	TAP_RUN(the_object_may_be_the_function);
	TAP_RUN(the_callback_is_called_once_when_the_object_dies_first);
	TAP_RUN(the_callback_is_called_once_when_the_function_dies_first);
	TAP_RUN(one_that_died_before_is_not_called);
	TAP_RUN(a_watcher_that_outlives_its_weak_method_calls_nobody);
	TAP_RUN(the_callback_may_give_up_the_weak_method);
	TAP_RUN(the_error_of_a_callback_is_reported_and_disturbs_nobody);
	TAP_RUN(it_dies_by_its_count);
	TAP_RUN(the_collector_tells_a_weak_method_that_lives);
	TAP_RUN(one_that_is_garbage_with_its_object_and_its_callback_is_not_called);
	TAP_RUN(one_that_is_garbage_through_its_callback_goes_and_is_not_called);
	TAP_RUN(a_cycle_through_the_callback_is_broken_at_the_weak_method);
	TAP_RUN(a_watcher_that_is_alive_does_not_call_for_garbage);
	TAP_RUN(equal_are_those_of_equal_objects_and_one_function);
	TAP_RUN(the_hash_is_kept_from_the_first_time_it_was_asked_for);
	TAP_RUN(errors_of_the_objects_hash_and_equality_are_passed_on);
	TAP_RUN(they_are_keys_have_no_order_and_can_be_shown);
	TAP_RUN(what_cannot_be_one_is_refused);
	TAP_RUN(a_thread_that_is_not_attached_is_told_so);
	TAP_RUN(making_one_fails_at_each_of_its_allocations_and_leaves_nothing);
	TAP_RUN(without_memory_it_gives_no_method_and_lives);
	TAP_RUN(death_and_callback_need_no_memory);
	TAP_RUN(object_and_function_die_at_once_and_one_of_the_two_calls);
	TAP_RUN(a_weak_method_is_dropped_while_its_object_dies);
	TAP_RUN(a_thread_that_asks_while_the_object_dies_gets_it_whole_or_not_at_all);
	return tap_end();
}
