// tests/finalize_handle.c: finalize handles: at death, by hand, detached, at the end of the runtime; the invariants of
// core/finalize.c. The numbers are those of the catalogue of behaviours, section J.
#include "callables.h"
#include "duel.h"

#include <tally/gc.h>

// ---- helpers ----

enum { NOTED = 64 };
static tally_object *thing_type; // what it makes can be referred to weakly, and dies by its count
static int noted[NOTED];         // the numbers with which `note` was called, in order
static atomic_uint calls;        // how often

// Automatic collection is off: what dies here without being asked to dies by its count.
static void start(void)
{
	tally_host_type description = {.size = sizeof description, .name = "thing", .payload_size = 8, .flags = TALLY_HOST_WEAKREF};
	fixture_start();
	tally_gc_disable();
	thing_type = must(tally_host_type_new(&description));
	atomic_store(&calls, 0);
}

static tally_object *thing(void) { return must(tally_host_new(thing_type)); }

static void drop_all(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...) drop_all((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

// Called with one int, a small one. Gives it back.
static tally_object *note(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 1);
	unsigned place = atomic_fetch_add(&calls, 1);
	if (place < NOTED) noted[place] = (int)value_of(arguments[0]);
	return tally_incref(arguments[0]);
}

// A handle of `object` that calls with that number.
static tally_object *handle_of(tally_object *object, tally_function_call call, void *context, int number)
{
	tally_object *callable = function("call", call, context), *argument = integer(number);
	tally_object *handle = must(tally_finalize_new(object, callable, &argument, 1));
	DROP(callable, argument);
	return handle;
}

static tally_object *noting(tally_object *object, int number) { return handle_of(object, note, NULL, number); }

static void check_noted(unsigned count, const int *numbers)
{
	if (!CHECK_EQ(atomic_load(&calls), count)) return;
	for (unsigned i = 0; i < count; i++) CHECK_EQ(noted[i], numbers[i]);
}
#define CHECK_NOTED(...)                                                                                               \
	check_noted(sizeof((const int[]){__VA_ARGS__}) / sizeof(int), (const int[]){__VA_ARGS__})

// Nothing can be had from it any more.
static void check_over(tally_object *handle)
{
	tally_object *found = handle;
	CHECK_EQ(tally_finalize_is_alive(handle), 0);
	CHECK_EQ(tally_finalize_call(handle, &found), 0);
	CHECK_PTR(found, NULL);
	CHECK_EQ(tally_finalize_call(handle, NULL), 0);
	found = handle;
	CHECK_EQ(tally_finalize_peek(handle, &found), 0);
	CHECK_PTR(found, NULL);
	found = handle;
	CHECK_EQ(tally_finalize_detach(handle, &found), 0);
	CHECK_PTR(found, NULL);
}

// `parts`, whose reference is given up, are these three, the last one a tuple of the one argument.
static void check_parts(tally_object *parts, tally_object *object, tally_object *callable, tally_object *argument)
{
	size_t size = 0;
	CHECK_EQ(tally_tuple_size(parts, &size), 0);
	if (!CHECK_EQ(size, 3)) return;
	tally_object *part[3];
	for (int i = 0; i < 3; i++) part[i] = tally_tuple_get(parts, i);
	CHECK_PTR(part[0], object);
	CHECK_PTR(part[1], callable);
	CHECK_EQ(tally_tuple_size(part[2], &size), 0);
	CHECK_EQ(size, 1);
	tally_object *first = tally_tuple_get(part[2], 0);
	CHECK_PTR(first, argument);
	DROP(first, part[0], part[1], part[2], parts);
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

// Two objects, the instance and its class, that only a collection frees.
static tally_object *node_in_a_cycle(void)
{
	tally_object *made = node();
	set(made, "self", made);
	return made;
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

static void listen(void)
{
	memset(&told, 0, sizeof told);
	tally_unraisable_set(be_told, &told);
}

static tally_object *fail(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	note(context, captured, arguments, count);
	tally_error_set(TALLY_ERROR_KEY, "no such key");
	return NULL;
}

// ---- by hand ----

static void a_handle_is_called_by_hand_once(void) // 184
{
	tally_object *object = thing(), *callable = function("note", note, NULL), *argument = counted(7), *parts = NULL, *result = NULL;
	tally_object *handle = must(tally_finalize_new(object, callable, &argument, 1));
	CHECK(tally_is_finalize(handle));
	CHECK(!tally_is_finalize(object));
	CHECK(!tally_is_finalize(NULL));
	CHECK_STR(tally_type_name(handle), "finalize");
	CHECK_EQ(tally_finalize_is_alive(handle), 1);
	CHECK_EQ(tally_finalize_peek(handle, &parts), 1);
	check_parts(parts, object, callable, argument);
	CHECK_EQ(tally_finalize_is_alive(handle), 1);
	CHECK_EQ(tally_finalize_call(handle, &result), 1);
	CHECK_PTR(result, argument);
	check_over(handle);
	CHECK_NOTED(COUNTED + 7);
	CHECK_EQ(tally_refcount(callable), 1);
	CHECK_EQ(tally_refcount(argument), 2);
	CHECK_EQ(tally_refcount(handle), 1);
	DROP(object);
	CHECK_EQ(calls, 1);
	DROP(callable, argument, result, handle);
}

static void a_detached_handle_gives_back_what_it_had_and_is_never_called(void) // 185
{
	tally_object *object = thing(), *callable = function("note", note, NULL), *argument = counted(7), *parts = NULL;
	tally_object *handle = must(tally_finalize_new(object, callable, &argument, 1));
	CHECK_EQ(tally_finalize_detach(handle, &parts), 1);
	check_parts(parts, object, callable, argument);
	check_over(handle);
	CHECK_EQ(tally_refcount(callable), 1);
	CHECK_EQ(tally_refcount(argument), 1);
	CHECK_EQ(tally_refcount(handle), 1);
	DROP(object);
	CHECK_EQ(calls, 0);
	DROP(callable, argument, handle);
}

static void the_result_of_a_call_may_be_refused(void)
{
	tally_object *object = thing(), *handle = noting(object, COUNTED);
	CHECK_EQ(tally_finalize_call(handle, NULL), 1);
	CHECK_EQ(calls, 1);
	DROP(handle, object);
}

static void an_error_of_a_call_by_hand_is_the_callers(void)
{
	tally_object *object = thing(), *handle = handle_of(object, fail, NULL, 1), *result = handle;
	listen();
	CHECK_EQ(tally_finalize_call(handle, &result), -1);
	CHECK_ERROR(TALLY_ERROR_KEY, "no such key");
	CHECK_PTR(result, NULL);
	CHECK_EQ(told.count, 0);
	check_over(handle);
	DROP(handle, object);
	CHECK_EQ(calls, 1);
}

static void what_is_wrong_is_refused(void) // 187
{
	tally_object *object = thing(), *number = counted(1), *f = function("f", give_none, NULL), *gap[] = {number, NULL}, *found = f;
	uint64_t before = fixture_live_objects();
	bool at_exit = false;
	CHECK_PTR(tally_finalize_new(NULL, f, NULL, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_new: expected an object, got NULL");
	CHECK_PTR(tally_finalize_new(number, f, NULL, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_new: cannot create weak reference to 'int' object");
	CHECK_PTR(tally_finalize_new(object, NULL, NULL, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_new: expected a callable object, got NULL");
	CHECK_PTR(tally_finalize_new(object, number, NULL, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_new: expected a callable object, got a 'int'");
	CHECK_PTR(tally_finalize_new(object, f, gap, 2), NULL);
	CHECK_ERROR(TALLY_ERROR_VALUE, "finalize_new: argument 1 is NULL");
	CHECK_PTR(tally_finalize_new(object, f, NULL, 2), NULL);
	CHECK_ERROR(TALLY_ERROR_VALUE, "finalize_new: 2 arguments at NULL");
	CHECK_EQ(tally_finalize_is_alive(f), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_is_alive: expected a finalize handle, got a 'function'");
	CHECK_EQ(tally_finalize_call(NULL, &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_call: expected a finalize handle, got NULL");
	CHECK_EQ(tally_finalize_peek(f, &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_peek: expected a finalize handle, got a 'function'");
	CHECK_EQ(tally_finalize_detach(f, &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_detach: expected a finalize handle, got a 'function'");
	CHECK_EQ(tally_finalize_set_at_exit(f, true), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_set_at_exit: expected a finalize handle, got a 'function'");
	CHECK_EQ(tally_finalize_get_at_exit(f, &at_exit), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "finalize_get_at_exit: expected a finalize handle, got a 'function'");
	CHECK_EQ(fixture_live_objects(), before);
	DROP(object, number, f);
}

static void ask_unattached(void)
{
	bool at_exit;
	tally_object *found = thing_type;
	CHECK_PTR(tally_finalize_new(NULL, NULL, NULL, 0), NULL);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	tally_error_clear();
	int asked[] = {tally_finalize_is_alive(NULL), tally_finalize_call(NULL, &found), tally_finalize_peek(NULL, &found),
	               tally_finalize_detach(NULL, &found), tally_finalize_set_at_exit(NULL, true),
	               tally_finalize_get_at_exit(NULL, &at_exit)};
	for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) CHECK_EQ(asked[i], -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK_PTR(found, NULL);
}

static void a_thread_that_is_not_attached_is_told_so(void) { run_unattached(ask_unattached); }

static void a_handle_can_be_shown_and_equals_itself_only(void)
{
	tally_object *object = thing(), *handle = noting(object, 1), *other = noting(object, 1), *shown = must(tally_repr(handle));
	char expected[100];
	uint64_t hash;
	snprintf(expected, sizeof expected, "<finalize at %p: thing at %p>", (void *)handle, (void *)object);
	CHECK_STR(tally_str_utf8(shown, NULL), expected);
	CHECK_EQ(tally_equal(handle, handle), 1);
	CHECK_EQ(tally_equal(handle, other), 0);
	CHECK_EQ(tally_hash(handle, &hash), 0);
	DROP(object, shown);
	shown = must(tally_repr(handle));
	snprintf(expected, sizeof expected, "<finalize at %p: dead>", (void *)handle);
	CHECK_STR(tally_str_utf8(shown, NULL), expected);
	DROP(shown, handle, other);
}

// ---- death ----

static void the_death_of_the_object_calls_with_the_arguments(void) // 186
{
	tally_object *object = thing(), *numbers[] = {counted(1), counted(2), counted(3)};
	tally_object *callable = function("add up", add_up, NULL), *handle = noting(object, 5);
	tally_object *sum = must(tally_finalize_new(object, callable, numbers, 3)), *result = NULL;
	CHECK_EQ(tally_finalize_call(sum, &result), 1);
	CHECK_EQ(take_value(result), 3 * COUNTED + 6);
	DROP(sum, callable, numbers[0], numbers[1], numbers[2]);
	DROP(object);
	CHECK_NOTED(5);
	check_over(handle);
	CHECK_EQ(calls, 1);
	DROP(handle);
}

static void the_newest_is_called_first(void)
{
	tally_object *object = thing(), *handle[5];
	for (int i = 0; i < 5; i++) handle[i] = noting(object, i);
	CHECK_EQ(tally_finalize_call(handle[2], NULL), 1);
	DROP(object);
	CHECK_NOTED(2, 4, 3, 1, 0);
	drop_all(handle, 5);
}

static void count_release(void *context) { ++*(int *)context; }

static void a_handle_that_nobody_has_is_called_and_then_all_of_it_is_freed(void) // 189
{
	int released = 0;
	uint64_t before = fixture_live_objects();
	tally_function_spec spec = function_spec("note", note, &released);
	spec.release = count_release;
	tally_object *object = thing(), *callable = must(tally_function_new(&spec)), *argument = counted(3);
	DROP(must(tally_finalize_new(object, callable, &argument, 1)));
	DROP(callable, argument);
	CHECK_EQ(released, 0);
	CHECK_EQ(tally_gc_collect(2), 0); // the library keeps it all
	DROP(object);
	CHECK_NOTED(COUNTED + 3);
	CHECK_EQ(released, 1);
	CHECK_EQ(fixture_live_objects(), before);
}

static void what_is_called_or_detached_is_freed_at_once(void)
{
	tally_object *object = thing(), *handle, *parts = NULL;
	DROP(must(tally_weakref_new(object, NULL)));
	uint64_t before = fixture_live_objects();
	handle = noting(object, COUNTED);
	CHECK_EQ(tally_finalize_call(handle, NULL), 1);
	DROP(handle);
	CHECK_EQ(fixture_live_objects(), before);
	handle = noting(object, COUNTED);
	CHECK_EQ(tally_finalize_detach(handle, &parts), 1);
	DROP(handle, parts);
	CHECK_EQ(fixture_live_objects(), before);
	DROP(object);
}

static void an_error_at_death_is_reported_and_disturbs_nobody(void)
{
	tally_object *object = thing(), *last = noting(object, 1), *callable = function("fail", fail, NULL), *argument = integer(2);
	tally_object *handle = must(tally_finalize_new(object, callable, &argument, 1)), *first = noting(object, 3);
	listen();
	tally_error_set(TALLY_ERROR_VALUE, "what was there before");
	DROP(object);
	CHECK_ERROR(TALLY_ERROR_VALUE, "what was there before");
	CHECK_NOTED(3, 2, 1);
	CHECK_EQ(told.count, 1);
	CHECK_EQ(told.code, TALLY_ERROR_KEY);
	CHECK_STR(told.message, "no such key");
	CHECK_STR(told.operation, "finalize");
	CHECK_PTR(told.source, callable);
	tally_unraisable_set(NULL, NULL);
	DROP(last, handle, first, callable, argument);
}

// While `note_over` is called its handle is over, and the object is gone.
static tally_object *note_over(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object **handle = context;
	check_over(*handle);
	tally_decref(*handle);
	*handle = NULL;
	return note(NULL, captured, arguments, count);
}

static void in_the_call_the_handle_is_over_and_may_be_given_up(void)
{
	tally_object *object = thing(), *handle;
	handle = handle_of(object, note_over, &handle, 1);
	DROP(object);
	CHECK_NOTED(1);
	CHECK_PTR(handle, NULL);
}

// A callback of a weak reference, newer than the handle, is called first: then the object is dead, and the handle not called yet.
static tally_object *ask_between(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	check_over(*(tally_object **)context);
	CHECK_EQ(calls, 0);
	return tally_none();
}

static void once_the_object_is_dead_the_handle_is_left_to_that(void)
{
	tally_object *handle, *object = thing(), *callback = function("ask", ask_between, &handle);
	handle = noting(object, 1);
	tally_object *ref = must(tally_weakref_new(object, callback));
	DROP(object);
	CHECK_NOTED(1);
	DROP(ref, callback, handle);
}

// Called with a number above 0 it makes a handle of the object before, with the number before.
static tally_object *make_another(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object **objects = context;
	int number = (int)value_of(arguments[0]);
	if (number > 0) DROP(handle_of(objects[number - 1], make_another, objects, number - 1));
	return note(NULL, captured, arguments, count);
}

static void a_callable_may_make_further_handles(void)
{
	tally_object *objects[4];
	for (int i = 0; i < 4; i++) objects[i] = thing();
	DROP(handle_of(objects[3], make_another, objects, 3));
	for (int i = 3; i >= 0; i--) DROP(objects[i]);
	CHECK_NOTED(3, 2, 1, 0);
}

// Who has got hold of the weak references that belong to handles keeps nothing of them but themselves.
static void weak_references_to_the_object_include_its_handles(void)
{
	tally_object *object = thing(), *one = noting(object, 1), *two = noting(object, 2), *three = noting(object, 3), *parts = NULL;
	size_t count = 0;
	CHECK_EQ(tally_weakref_count(object, &count), 0);
	CHECK_EQ(count, 3);
	tally_object *refs = must(tally_weakref_list(object));
	CHECK_EQ(tally_list_size(refs, &count), 0);
	CHECK_EQ(count, 3);
	CHECK_EQ(tally_finalize_detach(one, &parts), 1);
	CHECK_EQ(tally_finalize_call(two, NULL), 1);
	CHECK_EQ(tally_refcount(one), 1);
	CHECK_EQ(tally_refcount(two), 1);
	DROP(parts, object);
	CHECK_NOTED(2, 3);
	CHECK_EQ(tally_refcount(three), 1);
	DROP(one, two, three, refs);
}

// ---- the collector ----

static void the_death_may_come_by_the_collector(void)
{
	tally_object *object = node_in_a_cycle(), *handle = noting(object, 1);
	DROP(noting(object, 2));
	DROP(object);
	CHECK_EQ(tally_finalize_is_alive(handle), 1);
	CHECK_EQ(tally_gc_collect(2), 2);
	CHECK_NOTED(2, 1);
	check_over(handle);
	DROP(handle);
}

// As the contract says: then the library keeps the object.
static void one_whose_arguments_refer_to_the_object_keeps_it(void)
{
	tally_object *object = thing(), *callable = function("give", give_none, NULL), *parts = NULL;
	tally_object *handle = must(tally_finalize_new(object, callable, &object, 1));
	DROP(object, callable);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(tally_finalize_is_alive(handle), 1);
	CHECK_EQ(tally_finalize_detach(handle, &parts), 1);
	DROP(parts, handle);
}

static void a_cycle_through_the_arguments_of_a_handle_lives_until_it_is_over(void)
{
	tally_object *object = thing(), *list = must(tally_list_new()), *callable = function("give", give_none, NULL);
	tally_object *handle = must(tally_finalize_new(object, callable, &list, 1));
	CHECK_EQ(tally_list_append(list, handle), 0);
	CHECK_EQ(tally_list_append(list, list), 0);
	DROP(handle, list, callable);
	CHECK_EQ(tally_gc_collect(2), 0);
	DROP(object);
	CHECK_EQ(tally_gc_collect(2), 2); // the list and the handle, which the list has
}

static void handles_live_through_collections(void)
{
	tally_object *object = thing();
	for (int i = 0; i < 20; i++) DROP(noting(object, i));
	for (int generation = 0; generation < 3; generation++) CHECK_EQ(tally_gc_collect(generation), 0);
	DROP(object);
	CHECK_EQ(calls, 20);
	for (int i = 0; i < 20; i++) CHECK_EQ(noted[i], 19 - i);
}

static int resurrections;
static tally_object *resurrected;

static void resurrect(tally_object *self, void *context)
{
	(void)context;
	resurrections++;
	resurrected = tally_incref(self);
}

static void an_object_that_its_finalizer_brings_back_is_not_dead_yet(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Phoenix", .finalize = resurrect};
	tally_object *type = must(tally_class_new(&spec)), *object = must(tally_instance_new(type)), *handle = noting(object, 1);
	resurrections = 0;
	DROP(type, object);
	CHECK_EQ(resurrections, 1);
	CHECK_EQ(calls, 0);
	CHECK_EQ(tally_finalize_is_alive(handle), 1);
	DROP(resurrected);
	CHECK_NOTED(1);
	DROP(handle);
	CHECK_EQ(tally_gc_collect(2), 1); // the class
}

// ---- memory ----

// Whether the n-th allocation came.
static bool make_failing(uint64_t n, bool all)
{
	uint64_t before = fixture_live_objects();
	tally_object *object = thing(), *callable = function("note", note, NULL), *argument = counted(1);
	CHECK_EQ(tally_heap_fail(n, all), 0);
	tally_object *handle = tally_finalize_new(object, callable, &argument, 1);
	bool came = tally_heap_attempts() >= n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(handle == NULL, came);
	if (!handle) CHECK(strncmp(tally_error_message(), "finalize_new: out of memory", 27) == 0);
	tally_error_clear();
	CHECK_EQ(tally_refcount(callable), handle ? 2 : 1);
	CHECK_EQ(tally_refcount(argument), handle ? 2 : 1);
	atomic_store(&calls, 0);
	DROP(object);
	CHECK_EQ(calls, handle != NULL);
	DROP(callable, argument);
	tally_decref(handle);
	CHECK_EQ(fixture_live_objects(), before);
	return came;
}

static void making_one_fails_at_each_of_its_allocations_and_leaves_nothing(void)
{
	uint64_t n;
	if (!faults_are_offered()) return;
	for (n = 1; make_failing(n, false); n++) CHECK(make_failing(n, true));
	CHECK_EQ(n - 1, 4); // the tuple, the handle, the watcher, the anchor
}

static void without_memory_peek_and_detach_leave_the_handle_as_it_is(void)
{
	tally_object *object = thing(), *callable = function("note", note, NULL), *argument = counted(1), *parts = callable;
	tally_object *handle = must(tally_finalize_new(object, callable, &argument, 1));
	if (faults_are_offered()) {
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK_EQ(tally_finalize_peek(handle, &parts), -1);
		CHECK_PTR(parts, NULL);
		CHECK(strncmp(tally_error_message(), "finalize_peek: out of memory", 28) == 0);
		CHECK_EQ(tally_finalize_detach(handle, &parts), -1);
		CHECK_PTR(parts, NULL);
		CHECK(strncmp(tally_error_message(), "finalize_detach: out of memory", 30) == 0);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		tally_error_clear();
	}
	CHECK_EQ(tally_finalize_is_alive(handle), 1);
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_EQ(tally_refcount(callable), 2);
	CHECK_EQ(tally_finalize_detach(handle, &parts), 1);
	check_parts(parts, object, callable, argument);
	DROP(handle, object, callable, argument);
	CHECK_EQ(calls, 0);
}

static void death_and_calls_need_no_memory(void)
{
	tally_object *object = thing(), *one = noting(object, 1), *two = noting(object, 2);
	if (faults_are_offered()) CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_finalize_call(one, NULL), 1);
	DROP(object, one, two);
	if (faults_are_offered()) CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_NOTED(1, 2);
}

// ---- the end ----

static struct {
	tally_object *objects[8], *handles[8]; // that something at the end gives up
} scene;

static void forget_scene(void) { memset(&scene, 0, sizeof scene); }

static void give_up_scene(void)
{
	for (int i = 0; i < 8; i++) {
		DROP(scene.objects[i], scene.handles[i]);
		scene.objects[i] = scene.handles[i] = NULL;
	}
}

// The thread is attached until then; nothing is left afterwards but what is said here.
static void end_leaving(uint64_t left)
{
	uint64_t leaked = 99;
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, left);
}

// The next runtime knows nothing of the last one's handles and its end.
static void begin_again(void)
{
	start();
	tally_object *object = thing();
	DROP(noting(object, 99), object);
	CHECK_NOTED(99);
}

// A handle of an object of its own, both in the scene.
static tally_object *cast(int place, tally_function_call call, void *context, int number)
{
	scene.objects[place] = thing();
	return scene.handles[place] = handle_of(scene.objects[place], call, context, number);
}

// What is first made and last called.
static tally_object *end_scene(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	give_up_scene();
	return note(context, captured, arguments, count);
}

static void begin_scene(void)
{
	forget_scene();
	cast(0, end_scene, NULL, 0);
}

// Everything works.
static tally_object *work(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *made = node_in_a_cycle(), *name = text("name"), *interned = must(tally_str_intern(name)), *handle = noting(made, 50);
	DROP(made, name, interned);
	CHECK_EQ(tally_gc_collect(2), 2);
	check_over(handle);
	DROP(handle);
	return note(context, captured, arguments, count);
}

static void at_the_end_the_newest_is_called_first_and_everything_works(void)
{
	begin_scene();
	cast(1, note, NULL, 1);
	cast(2, work, NULL, 2);
	cast(3, note, NULL, 3);
	DROP(scene.handles[3]); // the library keeps it
	scene.handles[3] = NULL;
	end_leaving(0);
	CHECK_NOTED(3, 50, 2, 1, 0);
	begin_again();
}

static void whether_it_is_called_at_the_end_can_be_changed(void)
{
	bool at_exit = false;
	begin_scene();
	for (int i = 1; i < 5; i++) cast(i, note, NULL, i);
	CHECK_EQ(tally_finalize_get_at_exit(scene.handles[1], &at_exit), 0);
	CHECK(at_exit);
	for (int i = 1; i < 4; i++) CHECK_EQ(tally_finalize_set_at_exit(scene.handles[i], false), 0);
	CHECK_EQ(tally_finalize_get_at_exit(scene.handles[1], &at_exit), 0);
	CHECK(!at_exit);
	CHECK_EQ(tally_finalize_set_at_exit(scene.handles[2], true), 0);
	tally_decref(scene.objects[3]); // a death calls it all the same
	scene.objects[3] = NULL;
	tally_object *parts = NULL;
	CHECK_EQ(tally_finalize_detach(scene.handles[1], &parts), 1);
	DROP(parts);
	end_leaving(0);
	CHECK_NOTED(3, 4, 2, 0);
	begin_again();
}

// Nor does the death of the object call it: the last collection comes afterwards.
static void one_that_is_not_for_the_end_is_dropped_uncalled(void)
{
	int released = 0;
	tally_function_spec spec = function_spec("note", note, NULL);
	spec.release = count_release;
	spec.context = &released;
	tally_object *object = node_in_a_cycle(), *callable = must(tally_function_new(&spec)), *argument = integer(1);
	tally_object *handle = must(tally_finalize_new(object, callable, &argument, 1));
	CHECK_EQ(tally_finalize_set_at_exit(handle, false), 0);
	DROP(handle, object, callable);
	end_leaving(0);
	CHECK_EQ(calls, 0);
	CHECK_EQ(released, 1);
	begin_again();
}

static void the_object_of_one_that_is_not_for_the_end_may_outlive_it(void)
{
	tally_object *object = thing(), *handle = noting(object, 1);
	CHECK_EQ(tally_finalize_set_at_exit(handle, false), 0);
	DROP(handle);
	end_leaving(2); // the object and its anchor
	CHECK_EQ(calls, 0);
	begin_again();
}

// The newer one has the last reference to the object of the older one: the death comes when nothing is called any more.
static void when_the_rest_are_dropped_deaths_call_none_of_them(void)
{
	tally_object *inner = thing(), *outer = node_in_a_cycle(), *callable = function("note", note, NULL);
	tally_object *older = noting(inner, 1), *newer = must(tally_finalize_new(outer, callable, &inner, 1));
	CHECK_EQ(tally_finalize_set_at_exit(older, false), 0);
	CHECK_EQ(tally_finalize_set_at_exit(newer, false), 0);
	DROP(inner, outer, callable, older, newer);
	end_leaving(0);
	CHECK_EQ(calls, 0);
	begin_again();
}

// Makes handles 10 and 11 of the object of the scene's beginning.
static tally_object *make_two(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	DROP(noting(scene.objects[0], 10), noting(scene.objects[0], 11));
	return note(context, captured, arguments, count);
}

static void what_is_made_at_the_end_is_called_next(void)
{
	begin_scene();
	cast(1, note, NULL, 1);
	cast(2, make_two, NULL, 2);
	end_leaving(0);
	CHECK_NOTED(2, 11, 10, 1, 0);
	begin_again();
}

static void an_error_at_the_end_is_reported_and_the_rest_goes_on(void)
{
	begin_scene();
	cast(1, fail, NULL, 1);
	cast(2, fail, NULL, 2);
	listen();
	end_leaving(0);
	CHECK_NOTED(2, 1, 0);
	CHECK_EQ(told.count, 2);
	CHECK_EQ(told.code, TALLY_ERROR_KEY);
	CHECK_STR(told.operation, "finalize");
	begin_again();
}

// Does what it is told to handle 1, 2 and 3, and drops object 4.
static tally_object *meddle(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *parts = NULL;
	CHECK_EQ(tally_finalize_detach(scene.handles[1], &parts), 1);
	CHECK_EQ(tally_finalize_call(scene.handles[2], NULL), 1);
	CHECK_EQ(tally_finalize_set_at_exit(scene.handles[3], false), 0);
	CHECK_EQ(tally_finalize_set_at_exit(scene.handles[6], true), 0); // newer than this one
	DROP(parts, scene.objects[4]);
	scene.objects[4] = NULL;
	return note(context, captured, arguments, count);
}

static void at_the_end_handles_may_be_called_detached_changed_and_their_objects_die(void)
{
	begin_scene();
	for (int i = 1; i < 5; i++) cast(i, note, NULL, i);
	cast(5, meddle, NULL, 5);
	cast(6, note, NULL, 6);
	CHECK_EQ(tally_finalize_set_at_exit(scene.handles[6], false), 0);
	end_leaving(0);
	CHECK_NOTED(2, 4, 5, 6, 3, 0); // 3: its object dies with the scene, before the list is closed
	begin_again();
}

static unsigned refusals;

static void try_late(tally_object *self, void *context)
{
	tally_object *callable = function("note", note, NULL);
	(void)context;
	CHECK_PTR(tally_finalize_new(self, callable, NULL, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "finalize_new: the runtime is ending");
	DROP(callable);
	refusals++;
}

static void once_the_end_is_over_none_can_be_made(void) // 191
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Late", .finalize = try_late};
	tally_object *type = must(tally_class_new(&spec)), *object = must(tally_instance_new(type));
	set(object, "self", object);
	refusals = 0;
	DROP(noting(object, 1), type, object);
	end_leaving(0); // calls, then collects
	CHECK_NOTED(1);
	CHECK_EQ(refusals, 1);
	begin_again();
}

static void cast_elsewhere(void *context, unsigned number)
{
	(void)context;
	cast((int)number + 1, note, NULL, 1);
}

static void handles_of_threads_that_have_ended_are_called_at_the_end(void)
{
	begin_scene();
	run_threads(4, cast_elsewhere, NULL);
	tally_decref(scene.objects[1]); // its death calls it here
	scene.objects[1] = NULL;
	CHECK_NOTED(1);
	end_leaving(0);
	CHECK_NOTED(1, 1, 1, 1, 0);
	begin_again();
}

// ---- an end that does not come ----

static stage visitor_is_in, visitor_may_go;

static void *visit(void *unused)
{
	tally_token token = attached();
	(void)unused;
	reach(&visitor_is_in, 1);
	await(&visitor_may_go, 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_shutdown_that_gives_up_calls_nothing_and_leaves_all_as_it_was(void)
{
	begin_scene();
	reach(&visitor_is_in, 0);
	reach(&visitor_may_go, 0);
	cast(1, note, NULL, 1);
	pthread_t visitor = spawn(visit, NULL);
	await(&visitor_is_in, 1);
	CHECK_EQ(tally_fini(0, NULL), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TIMEOUT);
	tally_error_clear();
	CHECK_EQ(tally_thread_attach(&fixture_token), 0);
	CHECK_EQ(calls, 0);
	CHECK_EQ(tally_finalize_is_alive(scene.handles[1]), 1);
	cast(2, note, NULL, 2);
	reach(&visitor_may_go, 1);
	finish(visitor);
	end_leaving(0);
	CHECK_NOTED(2, 1, 0);
	begin_again();
}

// ---- threads ----

enum { ROUNDS = 5000 }; // of five races

// With one lock for all there is less to be seen, and it takes longer.
static unsigned rounds(void) { return tap_scale((unsigned)(is_gil() ? ROUNDS / 50 : ROUNDS)); }

enum deed { DIE, CALL, DETACH };

static struct {
	enum deed deeds[2]; // of the two threads
	tally_object *object, *handle;
	unsigned called, detached; // by hand, by each in turn
	unsigned wins[2];
	bool won[2];
} race;

static tally_object *count_call(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	atomic_fetch_add(&calls, 1);
	return tally_none();
}

static bool has_won(enum deed deed)
{
	tally_object *parts = NULL;
	if (deed == CALL) return tally_finalize_call(race.handle, NULL) == 1;
	if (deed == DETACH && tally_finalize_detach(race.handle, &parts) == 1) {
		tally_object *object = must(tally_tuple_get(parts, 0));
		CHECK(tally_refcount(object) >= 2);
		DROP(object, parts);
		return true;
	}
	if (deed == DIE) DROP(race.object);
	return false;
}

// The callable was taken once, and was called unless it was detached.
static void judge(unsigned calls_before)
{
	unsigned called = atomic_load(&calls) - calls_before, detached = 0, by_hand = 0;
	for (int i = 0; i < 2; i++) {
		detached += race.won[i] && race.deeds[i] == DETACH;
		by_hand += race.won[i] && race.deeds[i] == CALL;
		race.wins[i] += race.won[i];
	}
	CHECK_EQ(called + detached, 1);
	CHECK(by_hand <= called);
	if (race.deeds[0] != DIE) CHECK_EQ(by_hand, called);
}

static void fight(void *context, unsigned number)
{
	(void)context;
	duel_enter(number);
	for (unsigned round = 0; round < rounds(); round++) {
		unsigned before = atomic_load(&calls);
		if (number == 0) race.object = thing();
		duel_wait(number);
		if (number == round % 2) race.handle = handle_of(race.object, count_call, NULL, 1);
		duel_wait(number);
		duel_meet(number);
		race.won[number] = has_won(race.deeds[number]);
		duel_wait(number);
		duel_wait(number); // what one has dropped for the other has died: both were at a run point
		if (number == 0) judge(before);
		if (number == 0 && race.deeds[0] != DIE) DROP(race.object);
		if (number == round % 2) DROP(race.handle);
	}
}

static void run_race(enum deed first, enum deed second)
{
	memset(&race, 0, sizeof race);
	race.deeds[0] = first;
	race.deeds[1] = second;
	duel_begin();
	run_threads(2, fight, NULL);
	tap_note("of %u the first won %u, the second %u", rounds(), first == DIE ? rounds() - race.wins[1] : race.wins[0], race.wins[1]);
}

static void of_a_death_and_a_call_one_takes_the_callable(void) { run_race(DIE, CALL); }
static void of_a_death_and_a_detach_one_takes_the_callable(void) { run_race(DIE, DETACH); }
static void of_a_call_and_a_detach_one_takes_the_callable(void) { run_race(CALL, DETACH); }
static void of_two_calls_one_takes_the_callable(void) { run_race(CALL, CALL); }
static void of_two_detaches_one_takes_the_callable(void) { run_race(DETACH, DETACH); }

// Threads that make handles, put them where others find them, and do something to those that they find.
enum { PLACES = 8, OWN = 4, CROWD = 4, STEPS = 5000 };
static _Atomic(tally_object *) places[PLACES];
static atomic_uint made, detached;

static void deal_with(tally_object *handle, unsigned choice)
{
	tally_object *parts = NULL;
	bool at_exit;
	if (choice == 0) CHECK(tally_finalize_call(handle, NULL) >= 0);
	if (choice == 1 && tally_finalize_detach(handle, &parts) == 1) atomic_fetch_add(&detached, 1);
	if (choice == 2) CHECK(tally_finalize_peek(handle, &parts) >= 0);
	if (choice == 3) CHECK(tally_finalize_is_alive(handle) >= 0);
	if (choice == 4) CHECK_EQ(tally_finalize_set_at_exit(handle, false), 0);
	if (choice == 5) CHECK_EQ(tally_finalize_get_at_exit(handle, &at_exit), 0);
	tally_decref(parts);
	tally_decref(handle);
}

static void bustle(void *context, unsigned number)
{
	uint64_t state = fixture_seed(number);
	tally_object *own[OWN] = {NULL};
	(void)context;
	for (unsigned i = 0; i < tap_scale((unsigned)STEPS); i++) {
		unsigned place = below(&state, OWN);
		tally_decref(own[place]);
		own[place] = thing();
		tally_object *handle = handle_of(own[place], count_call, NULL, 1);
		atomic_fetch_add(&made, 1);
		tally_object *found = atomic_exchange(&places[below(&state, PLACES)], handle);
		if (found) deal_with(found, below(&state, 7));
		if (below(&state, 500) == 0) CHECK(tally_gc_collect((int)below(&state, 3)) >= 0);
	}
	drop_all(own, OWN);
}

static void threads_make_call_detach_and_drop_at_once_and_each_is_over_once(void)
{
	atomic_store(&made, 0);
	atomic_store(&detached, 0);
	run_threads(CROWD, bustle, NULL);
	for (int i = 0; i < PLACES; i++) tally_decref(atomic_exchange(&places[i], NULL));
	fixture_settle();
	CHECK_EQ(made, tap_scale((unsigned)STEPS) * CROWD);
	CHECK_EQ(atomic_load(&calls) + atomic_load(&detached), atomic_load(&made));
}

int main(void)
{
	tap_begin();
	tap_watchdog(120);
	tap_before_each(start);
	tap_after_each(fixture_stop);
	TAP_RUN(a_handle_is_called_by_hand_once);
	TAP_RUN(a_detached_handle_gives_back_what_it_had_and_is_never_called);
	TAP_RUN(the_result_of_a_call_may_be_refused);
	TAP_RUN(an_error_of_a_call_by_hand_is_the_callers);
	TAP_RUN(what_is_wrong_is_refused);
	TAP_RUN(a_thread_that_is_not_attached_is_told_so);
	TAP_RUN(a_handle_can_be_shown_and_equals_itself_only);
	TAP_RUN(the_death_of_the_object_calls_with_the_arguments);
	TAP_RUN(the_newest_is_called_first);
	TAP_RUN(a_handle_that_nobody_has_is_called_and_then_all_of_it_is_freed);
	TAP_RUN(what_is_called_or_detached_is_freed_at_once);
	TAP_RUN(an_error_at_death_is_reported_and_disturbs_nobody);
	TAP_RUN(in_the_call_the_handle_is_over_and_may_be_given_up);
	TAP_RUN(once_the_object_is_dead_the_handle_is_left_to_that);
	TAP_RUN(a_callable_may_make_further_handles);
	TAP_RUN(weak_references_to_the_object_include_its_handles);
	TAP_RUN(the_death_may_come_by_the_collector);
	TAP_RUN(one_whose_arguments_refer_to_the_object_keeps_it);
	TAP_RUN(a_cycle_through_the_arguments_of_a_handle_lives_until_it_is_over);
	TAP_RUN(handles_live_through_collections);
	TAP_RUN(an_object_that_its_finalizer_brings_back_is_not_dead_yet);
	TAP_RUN(making_one_fails_at_each_of_its_allocations_and_leaves_nothing);
	TAP_RUN(without_memory_peek_and_detach_leave_the_handle_as_it_is);
	TAP_RUN(death_and_calls_need_no_memory);
	TAP_RUN(at_the_end_the_newest_is_called_first_and_everything_works);
	TAP_RUN(whether_it_is_called_at_the_end_can_be_changed);
	TAP_RUN(one_that_is_not_for_the_end_is_dropped_uncalled);
	TAP_RUN(the_object_of_one_that_is_not_for_the_end_may_outlive_it);
	TAP_RUN(when_the_rest_are_dropped_deaths_call_none_of_them);
	TAP_RUN(what_is_made_at_the_end_is_called_next);
	TAP_RUN(an_error_at_the_end_is_reported_and_the_rest_goes_on);
	TAP_RUN(at_the_end_handles_may_be_called_detached_changed_and_their_objects_die);
	TAP_RUN(once_the_end_is_over_none_can_be_made);
	TAP_RUN(handles_of_threads_that_have_ended_are_called_at_the_end);
	TAP_RUN(a_shutdown_that_gives_up_calls_nothing_and_leaves_all_as_it_was);
	TAP_RUN(of_a_death_and_a_call_one_takes_the_callable);
	TAP_RUN(of_a_death_and_a_detach_one_takes_the_callable);
	TAP_RUN(of_a_call_and_a_detach_one_takes_the_callable);
	TAP_RUN(of_two_calls_one_takes_the_callable);
	TAP_RUN(of_two_detaches_one_takes_the_callable);
	TAP_RUN(threads_make_call_detach_and_drop_at_once_and_each_is_over_once);
	return tap_end();
}
