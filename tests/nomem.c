// tests/nomem.c: every allocation of a scenario fails once, alone and with all later ones, and nothing is lost.
//
// The scenario takes every path that allocates: each constructor, and each growth of each container. A step that fails
// must say TALLY_ERROR_MEMORY under its own name and leave its container as it was; then the scenario ends, gives up
// what it holds (with memory still refused, in the second kind of run), and no object may be left.
#include "fixture.h"

static struct {
	tally_object *held[256];
	size_t count;
	const char *operation; // of the step that failed; NULL: none has
} scene;

// Whether a step succeeded; if not, checks what it says.
static bool succeeds(const char *operation, bool success)
{
	char expected[64];
	if (success) return true;
	snprintf(expected, sizeof expected, "%s: out of memory for ", operation);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	if (!CHECK(strncmp(tally_error_message(), expected, strlen(expected)) == 0))
		tap_note("expected %s, got %s", expected, tally_error_message());
	tally_error_clear();
	scene.operation = operation;
	return false;
}

// Holds a new object until the end of the scenario.
static bool keep(const char *operation, tally_object **place, tally_object *object)
{
	*place = object;
	if (!succeeds(operation, object != NULL)) return false;
	scene.held[scene.count++] = object;
	return true;
}

static void give_up_all(void)
{
	while (scene.count > 0) tally_decref(scene.held[--scene.count]);
}

// ---- the steps ----

enum { ELEMENTS = 40, BLOCK = 30, KEYS = 60 };

static bool make_leaves(tally_object **number, tally_object **string)
{
	tally_object *other;
	size_t replaced = 77;
	if (!keep("int_new", number, tally_int_new(COUNTED + 1))) return false;
	if (!keep("float_new", &other, tally_float_new(1.5))) return false;
	if (!keep("str_new", string, tally_str_new("some text", 9))) return false;
	if (!keep("str_from", &other, tally_str_from("some text"))) return false;
	if (!keep("str_from_bytes", &other, tally_str_from_bytes("some text", 9, NULL))) return false;
	if (keep("str_from_bytes", &other, tally_str_from_bytes("no \xFF text", 9, &replaced)))
		return CHECK_EQ(replaced, 1);
	CHECK_EQ(replaced, 77);
	return false;
}

static bool make_tuples(tally_object *item)
{
	tally_object *items[] = {item, item, item}, *tuple;
	uint32_t before = tally_refcount(item);
	if (keep("tuple_new", &tuple, tally_tuple_new(items, 3))) return CHECK_EQ(tally_refcount(item), before + 3);
	CHECK_EQ(tally_refcount(item), before);
	return false;
}

static bool is_list_of(tally_object *list, size_t size)
{
	size_t found = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &found), 0);
	return CHECK_EQ(found, size);
}

// After each step that may grow the list: it has one element more if the step succeeded, else it is as it was.
static bool list_step(const char *operation, tally_object *list, size_t more, int result)
{
	static size_t before;
	if (!operation) return CHECK_EQ(tally_list_size(list, &before), 0);
	if (succeeds(operation, result == 0)) before += more;
	return is_list_of(list, before) && result == 0;
}

static bool grow_lists(tally_object *item)
{
	tally_object *items[BLOCK], *list, *copied;
	for (size_t i = 0; i < BLOCK; i++) items[i] = item;
	uint32_t before = tally_refcount(item);
	bool made = keep("list_from", &copied, tally_list_from(items, BLOCK));
	CHECK_EQ(tally_refcount(item), made ? before + BLOCK : before);
	if (!made || !keep("list_new", &list, tally_list_new())) return false;
	list_step(NULL, list, 0, 0);
	for (int i = 0; i < ELEMENTS; i++) {
		if (!list_step("list_append", list, 1, tally_list_append(list, item))) return false;
		if (!list_step("list_insert", list, 1, tally_list_insert(list, i, item))) return false;
		if (i % 8) continue;
		if (!list_step("list_extend", list, BLOCK, tally_list_extend(list, items, BLOCK))) return false;
	}
	return true;
}

// Shrinking needs memory, but does without when there is none: pop cannot fail.
static bool shrink_list(tally_object *item)
{
	tally_object *list;
	if (!keep("list_new", &list, tally_list_new())) return false;
	for (int i = 0; i < 200; i++)
		if (!succeeds("list_append", tally_list_append(list, item) == 0)) return false;
	for (size_t i = 200; i > 0; i--) {
		tally_object *popped = tally_list_pop(list, -1);
		if (!CHECK(popped)) return false;
		tally_decref(popped);
		if (!is_list_of(list, i - 1)) return false;
	}
	return true;
}

static bool is_dict_of(tally_object *dict, size_t size)
{
	tally_object *key;
	size_t position = 0, found = SIZE_MAX;
	CHECK_EQ(tally_dict_size(dict, &found), 0);
	for (size_t i = 0; i < found; i++) {
		if (!CHECK_EQ(tally_dict_next(dict, &position, &key, NULL), 1)) return false;
		CHECK_EQ(tally_dict_contains(dict, key), 1);
		tally_decref(key);
	}
	return CHECK_EQ(found, size);
}

// Stores one more key in one of the three ways that may grow a dict.
static bool add_key(tally_object *dict, tally_object *key, size_t number)
{
	tally_object *value = NULL;
	bool stored;
	uint32_t before = tally_refcount(key);
	if (number % 3 == 0) stored = succeeds("dict_set", tally_dict_set(dict, key, key) == 0);
	else if (number % 3 == 1) stored = succeeds("dict_add", tally_dict_add(dict, key, COUNTED, NULL) == 0);
	else stored = succeeds("dict_setdefault", (value = tally_dict_setdefault(dict, key, key)) != NULL);
	tally_decref(value);
	if (!stored) CHECK_EQ(tally_refcount(key), before);
	return is_dict_of(dict, stored ? number + 1 : number) && stored;
}

static bool grow_dict(void)
{
	tally_object *dict, *key;
	if (!keep("dict_new", &dict, tally_dict_new())) return false;
	for (size_t i = 0; i < KEYS; i++) {
		if (!keep("int_new", &key, tally_int_new(COUNTED + (int64_t)i))) return false;
		if (!add_key(dict, key, i)) return false;
	}
	return true;
}

// Tombstones make a table that is full get a new one of the same size.
static bool compact_dict(tally_object *value)
{
	tally_object *dict, *key;
	if (!keep("dict_new", &dict, tally_dict_new())) return false;
	for (int64_t i = 0; i < KEYS; i++) {
		if (!keep("int_new", &key, tally_int_new(COUNTED + i))) return false;
		bool stored = succeeds("dict_set", tally_dict_set(dict, key, value) == 0);
		is_dict_of(dict, (i > 0) + stored);
		if (!stored) return false;
		if (i > 0 && !CHECK_EQ(tally_dict_pop(dict, scene.held[scene.count - 2], NULL), 1)) return false;
	}
	return is_dict_of(dict, 1);
}

static bool add_to_int(void)
{
	tally_object *dict, *key;
	int64_t sum = 0;
	if (!keep("dict_new", &dict, tally_dict_new())) return false;
	if (!keep("str_from", &key, tally_str_from("word"))) return false;
	if (!succeeds("dict_add", tally_dict_add(dict, key, COUNTED + 5, NULL) == 0)) return is_dict_of(dict, 0) && false;
	if (succeeds("dict_add", tally_dict_add(dict, key, 2, &sum) == 0)) return CHECK_EQ(sum, COUNTED + 7);
	tally_object *value = NULL;
	CHECK_EQ(tally_dict_get(dict, key, &value), 1);
	CHECK_EQ(take_counted(value), 5);
	return false;
}

static bool make_host_objects(tally_object *probe_type)
{
	tally_host_type description = {.size = sizeof description, .name = "gadget", .payload_size = 10000};
	tally_object *object, *type = tally_host_type_new(&description);
	if (!succeeds("host_type_new", type != NULL)) return false;
	if (!keep("host_new", &object, tally_host_new(type))) return false;
	return keep("host_new", &object, tally_host_new(probe_type));
}

static void play(tally_object *probe_type)
{
	tally_object *number, *string;
	(void)(make_leaves(&number, &string) && make_tuples(string) && grow_lists(string) && shrink_list(number) &&
	       grow_dict() && compact_dict(string) && add_to_int() && make_host_objects(probe_type));
}

// ---- the runs ----

// Plays the scenario once with its n-th allocation failing. Returns whether that allocation came.
static bool play_failing(uint64_t n, bool all, tally_object *probe_type)
{
	scene.operation = NULL;
	CHECK_EQ(tally_heap_fail(n, all), 0);
	play(probe_type);
	bool came = tally_heap_attempts() >= n;
	give_up_all(); // needs no memory
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(fixture_live_objects(), 0);
	CHECK_EQ(fixture_raw_buffers(), 0);
	if (scene.operation && !CHECK(came)) tap_note("%s failed without reason", scene.operation);
	return came;
}

static void fail_everywhere(bool all)
{
	tally_object *probe_type = fixture_probe_type();
	uint64_t n = 1;
	while (play_failing(n, all, probe_type)) n++;
	CHECK(n > 150);
	tap_note("%llu allocations failed, each in its turn", (unsigned long long)n - 1);
}

static void one_failing_allocation_is_reported_and_loses_nothing(void) { fail_everywhere(false); }

static void from_some_allocation_on_all_may_fail_and_nothing_is_lost(void) { fail_everywhere(true); }

static void what_needs_no_memory_works_without(void)
{
	tally_object *items[] = {text("a"), text("b"), text("c")}, *tuple = must(tally_tuple_new(items, 3));
	tally_object *list = must(tally_list_from(items, 3)), *other = must(tally_list_from(items, 3));
	tally_object *dict = must(tally_dict_new()), *found = NULL;
	uint64_t hash;
	size_t length, position = 0;
	CHECK_EQ(tally_dict_set(dict, items[0], items[1]), 0);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_hash(tuple, &hash), 0);
	CHECK_EQ(tally_equal(list, other), 1);
	CHECK_EQ(tally_len(items[0], &length), 0);
	tally_decref(tally_list_get(list, 0));
	CHECK_EQ(tally_list_set(list, 0, dict), 0);
	tally_decref(tally_list_pop(list, 1));
	CHECK_EQ(tally_dict_get(dict, items[0], &found), 1);
	tally_decref(found);
	CHECK_EQ(tally_dict_set(dict, items[0], items[2]), 0);
	CHECK_EQ(tally_dict_next(dict, &position, NULL, NULL), 1);
	CHECK_EQ(tally_dict_pop(dict, items[0], NULL), 1);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_NO_ERROR();
	tally_object *all[] = {items[0], items[1], items[2], tuple, list, other, dict};
	for (int i = 0; i < 7; i++) tally_decref(all[i]);
	CHECK_EQ(tally_heap_fail(0, false), 0);
}

static bool faults_are_offered(void)
{
	fixture_start();
	bool offered = tally_heap_fail(0, false) == 0;
	fixture_stop();
	return offered;
}

int main(void)
{
	tap_begin();
	if (!faults_are_offered()) tap_skip_all("this build has no faults on demand (assertions are off)");
	tap_watchdog(120);
	tap_before_each(fixture_start);
	tap_after_each(fixture_stop);
	TAP_RUN(one_failing_allocation_is_reported_and_loses_nothing);
	TAP_RUN(from_some_allocation_on_all_may_fail_and_nothing_is_lost);
	TAP_RUN(what_needs_no_memory_works_without);
	return tap_end();
}
