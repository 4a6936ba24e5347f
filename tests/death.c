// tests/death.c: the last reference: when its object dies, in which order, on which thread, how deep, and what a
// destructor may do. The same in every build.
#include "fixture.h"
#include "turns.h"

#include <errno.h>

static size_t size_of(tally_object *list)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &size), 0);
	return size;
}

static void append(tally_object *list, tally_object *object)
{
	if (tally_list_append(list, object)) tap_bail_out(tally_error_message());
	tally_decref(object);
}

// A list, tuple or dict of `count` probes whose ids start at `first`.
static tally_object *list_of_probes(tally_object *type, int first, int count)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < count; i++) append(list, probe(type, first + i));
	return list;
}

static tally_object *tuple_of_probes(tally_object *type, int first, int count)
{
	tally_object *items[FIXTURE_DEATHS] = {NULL};
	for (int i = 0; i < count; i++) items[i] = probe(type, first + i);
	tally_object *tuple = must(tally_tuple_new(items, (size_t)count));
	for (int i = 0; i < count; i++) tally_decref(items[i]);
	return tuple;
}

// Probes as keys, too: key, value, key, value ...
static tally_object *dict_of_probes(tally_object *type, int first, int count)
{
	tally_object *dict = must(tally_dict_new());
	for (int i = 0; i < count; i += 2) {
		tally_object *key = probe(type, first + i), *value = probe(type, first + i + 1);
		CHECK_EQ(tally_dict_set(dict, key, value), 0);
		tally_decref(key);
		tally_decref(value);
	}
	return dict;
}

// ---- order ----

static void a_list_destroys_its_elements_from_the_first_to_the_last(void)
{
	tally_decref(list_of_probes(fixture_probe_type(), 0, 20));
	check_died_in_order(20);
}

static void a_tuple_destroys_its_elements_from_the_first_to_the_last(void)
{
	tally_decref(tuple_of_probes(fixture_probe_type(), 0, 20));
	check_died_in_order(20);
}

static void a_dict_destroys_its_entries_from_the_first_to_the_last_key_before_value(void)
{
	tally_decref(dict_of_probes(fixture_probe_type(), 0, 20));
	check_died_in_order(20);
}

static void clearing_destroys_in_the_same_order_as_dropping(void)
{
	tally_object *type = fixture_probe_type(), *list = list_of_probes(type, 0, 10), *dict = dict_of_probes(type, 10, 10);
	CHECK_EQ(tally_list_clear(list), 0);
	check_died_in_order(10);
	CHECK_EQ(tally_dict_clear(dict), 0);
	check_died_in_order(20);
	tally_decref(list);
	tally_decref(dict);
}

static void what_an_element_held_dies_before_the_next_element(void)
{
	tally_object *type = fixture_probe_type(), *list = must(tally_list_new()), *inner = must(tally_list_new());
	append(list, probe(type, 0));
	append(list, list_of_probes(type, 1, 3));
	append(inner, tuple_of_probes(type, 4, 2));
	append(inner, dict_of_probes(type, 6, 4));
	append(list, inner);
	append(list, probe(type, 10));
	tally_decref(list);
	check_died_in_order(11);
}

static void an_element_that_others_hold_is_skipped_and_dies_with_them(void)
{
	tally_object *type = fixture_probe_type(), *list = list_of_probes(type, 0, 2), *kept = probe(type, 4);
	CHECK_EQ(tally_list_append(list, kept), 0);
	append(list, probe(type, 2));
	append(list, probe(type, 3));
	tally_decref(list);
	check_died_in_order(4);
	CHECK_EQ(tally_refcount(kept), 1);
	tally_decref(kept);
	check_died_in_order(5);
}

static void an_element_that_occurs_twice_dies_once_at_its_first_place(void)
{
	tally_object *type = fixture_probe_type(), *list = must(tally_list_new()), *twice = probe(type, 0);
	CHECK_EQ(tally_list_append(list, twice), 0);
	append(list, probe(type, 1));
	append(list, twice);
	append(list, probe(type, 2));
	tally_decref(list);
	check_died_in_order(3);
}

static void an_object_dies_before_the_drop_of_its_last_reference_returns(void)
{
	tally_object *type = fixture_probe_type(), *list = must(tally_list_new()), *dict = must(tally_dict_new());
	tally_object *key = counted(1);
	unsigned dead = 0;
	append(list, probe(type, 0));
	CHECK_EQ(tally_list_set(list, 0, key), 0);
	CHECK_EQ(atomic_load(&fixture_dead), ++dead);
	for (int i = 0; i < 2; i++) {
		tally_object *object = probe(type, i);
		CHECK_EQ(tally_dict_set(dict, key, object), 0);
		tally_decref(object);
		CHECK_EQ(atomic_load(&fixture_dead), dead);
		if (i == 0) CHECK_EQ(tally_dict_set(dict, key, key), 0);
		else CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
		CHECK_EQ(atomic_load(&fixture_dead), ++dead);
	}
	tally_decref(key);
	tally_decref(dict);
	tally_decref(list);
}

// ---- host objects that hold others ----

enum { CHILDREN = 4 };
struct parent {
	int id;
	tally_object *child[CHILDREN];
};

// Records its death; then gives up its children from the last to the first, as the library's containers do.
static void parent_dies(void *payload, void *context)
{
	struct parent *parent = payload;
	fixture_probe_dies(&parent->id, context);
	for (int i = CHILDREN; i > 0; i--) tally_decref(parent->child[i - 1]);
}

static tally_object *parent_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "parent",
		.payload_size = sizeof(struct parent),
		.dealloc = parent_dies,
	};
	atomic_store(&fixture_dead, 0);
	return must(tally_host_type_new(&description));
}

static struct parent *parent_of(tally_object *object, tally_object *type) { return tally_host_payload(object, type); }

// A tree numbered in preorder.
static tally_object *tree(tally_object *type, int depth, int *next)
{
	tally_object *object = must(tally_host_new(type));
	parent_of(object, type)->id = (*next)++;
	for (int i = 0; depth > 0 && i < CHILDREN; i++) parent_of(object, type)->child[i] = tree(type, depth - 1, next);
	return object;
}

static void a_tree_dies_in_preorder(void)
{
	int count = 0;
	tally_decref(tree(parent_type(), 2, &count));
	CHECK_EQ(count, 1 + CHILDREN + CHILDREN * CHILDREN);
	check_died_in_order((unsigned)count);
}

static void drop_tree(void *object, unsigned number)
{
	(void)number;
	tally_decref(object);
}

static void a_tree_dies_in_preorder_on_another_thread_too(void)
{
	int count = 0;
	run_threads(1, drop_tree, tree(parent_type(), 2, &count)); // its owner is in a blocking region meanwhile
	check_died_in_order((unsigned)count);
}

// ---- depth ----

static size_t links(void) { return tap_scale((size_t)1000000); }

// Where the stack of the running destructors begins and ends.
static uintptr_t shallowest, deepest;

static void link_dies(void *payload, void *context)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	(void)context;
	if (!shallowest || here > shallowest) shallowest = here;
	if (!deepest || here < deepest) deepest = here;
	atomic_fetch_add(&fixture_dead, 1);
	tally_decref(*(tally_object **)payload);
}

static tally_object *chain_of_hosts(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "link",
		.payload_size = sizeof(tally_object *),
		.dealloc = link_dies,
	};
	tally_object *type = must(tally_host_type_new(&description)), *chain = NULL;
	atomic_store(&fixture_dead, 0);
	shallowest = deepest = 0;
	for (size_t i = 0; i < links(); i++) {
		tally_object *object = must(tally_host_new(type));
		*(tally_object **)tally_host_payload(object, type) = chain;
		chain = object;
	}
	return chain;
}

static tally_object *chain_of_lists(void)
{
	tally_object *chain = must(tally_list_new());
	for (size_t i = 1; i < links(); i++) {
		tally_object *list = must(tally_list_new());
		append(list, chain);
		chain = list;
	}
	return chain;
}

static tally_object *chain_of_tuples_and_dicts(void)
{
	tally_object *chain = tally_none(), *key = counted(1);
	for (size_t i = 0; i < links() / 2; i++) {
		tally_object *dict = must(tally_dict_new());
		CHECK_EQ(tally_dict_set(dict, key, chain), 0);
		tally_decref(chain);
		chain = must(tally_tuple_new(&dict, 1));
		tally_decref(dict);
	}
	tally_decref(key);
	return chain;
}

static tally_object *(*make_chain)(void);

static void *make_and_drop(void *given)
{
	tally_token token = attached();
	tally_decref(given ? given : make_chain());
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// On a stack on which a recursion would not get far.
static void on_a_small_stack(void *given)
{
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	size_t small = SANITIZED ? 256 * 1024 : (size_t)sysconf(_SC_THREAD_STACK_MIN);
	if (pthread_attr_setstacksize(&attributes, small)) tap_bail_out("no stack of that size");
	if (pthread_create(&thread, &attributes, make_and_drop, given)) tap_bail_out("no thread");
	pthread_attr_destroy(&attributes);
	finish(thread);
}

static void check_chain(tally_object *(*make)(void))
{
	make_chain = make;
	on_a_small_stack(NULL);
	CHECK_EQ(fixture_live_objects(), 0);
	on_a_small_stack(make()); // by a thread that owns none of it
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_chain_of_a_million_host_objects_dies_on_a_small_stack(void)
{
	check_chain(chain_of_hosts);
	CHECK_EQ(atomic_load(&fixture_dead), links());
}

static void destructors_of_a_chain_all_run_at_the_same_depth(void)
{
	tally_decref(chain_of_hosts());
	CHECK_EQ(atomic_load(&fixture_dead), links());
	CHECK(shallowest - deepest < 1024);
}

static void a_chain_of_a_million_lists_dies_on_a_small_stack(void) { check_chain(chain_of_lists); }

static void a_chain_of_half_a_million_tuples_and_dicts_dies_on_a_small_stack(void)
{
	check_chain(chain_of_tuples_and_dicts);
}

// ---- what a destructor may do ----

// Host objects whose destructor is the test's own.
static void (*act)(void *payload);
static void act_dies(void *payload, void *context)
{
	(void)context;
	atomic_fetch_add(&fixture_dead, 1);
	act(payload);
}

static tally_object *actor_type;

static void make_actor_type(void (*what)(void *payload))
{
	tally_host_type description = {.size = sizeof description, .name = "actor", .payload_size = 16, .dealloc = act_dies};
	act = what;
	atomic_store(&fixture_dead, 0);
	actor_type = must(tally_host_type_new(&description));
}

static tally_object *actor(tally_object *held)
{
	tally_object *object = must(tally_host_new(actor_type));
	*(tally_object **)tally_host_payload(object, actor_type) = held;
	return object;
}

static void build_and_drop(void *payload)
{
	(void)payload;
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new());
	for (int i = 0; i < 100; i++) append(list, counted(i));
	CHECK_EQ(tally_dict_set(dict, tally_none(), list), 0);
	CHECK_EQ(size_of(list), 100);
	tally_decref(list);
	tally_decref(dict);
}

static void a_destructor_may_allocate_and_drop(void)
{
	make_actor_type(build_and_drop);
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 10; i++) append(list, actor(NULL));
	tally_decref(list);
	CHECK_EQ(atomic_load(&fixture_dead), 10);
}

static void replace_myself(void *payload)
{
	(void)payload;
	if (atomic_load(&fixture_dead) < 1000) tally_decref(actor(NULL));
}

static void a_destructor_may_make_an_object_that_dies_and_makes_another(void)
{
	make_actor_type(replace_myself);
	tally_decref(actor(NULL));
	CHECK_EQ(atomic_load(&fixture_dead), 1000);
}

static void append_to_held(void *payload)
{
	tally_object *list = *(tally_object **)payload;
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	if (size_of(list) % 2) tally_decref(tally_list_pop(list, 0));
}

static void a_destructor_may_change_the_list_that_gives_its_object_up(void)
{
	make_actor_type(append_to_held);
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 9; i++) append(list, actor(list));
	CHECK_EQ(tally_list_clear(list), 0); // each of them finds the list empty of the others
	CHECK_EQ(atomic_load(&fixture_dead), 9);
	for (int i = 0; i < 9; i++) append(list, actor(list));
	for (int i = 0; i < 9; i++) {
		CHECK_EQ(tally_list_set(list, (ptrdiff_t)size_of(list) - 1, tally_none()), 0);
		tally_decref(tally_list_pop(list, -1));
	}
	while (size_of(list)) tally_decref(tally_list_pop(list, -1));
	CHECK_EQ(atomic_load(&fixture_dead), 18);
	tally_decref(list);
}

static void set_in_held(void *payload)
{
	tally_object *dict = *(tally_object **)payload, *key = counted(1000 + (int64_t)atomic_load(&fixture_dead));
	CHECK_EQ(tally_dict_set(dict, key, tally_none()), 0);
	tally_decref(key);
}

static void a_destructor_may_change_the_dict_that_gives_its_object_up(void)
{
	make_actor_type(set_in_held);
	tally_object *dict = must(tally_dict_new());
	size_t size = 0;
	for (int i = 0; i < 9; i++) {
		tally_object *key = counted(i), *value = actor(dict);
		CHECK_EQ(tally_dict_set(dict, key, value), 0);
		tally_decref(key);
		tally_decref(value);
	}
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 9);
	CHECK_EQ(tally_dict_size(dict, &size), 0);
	CHECK_EQ(size, 9);
	tally_decref(dict);
}

static void give_up_held(void *payload) { tally_decref(*(tally_object **)payload); }

static void a_destructor_may_drop_the_last_reference_to_the_container_that_gave_it_up(void)
{
	make_actor_type(give_up_held);
	tally_object *list = must(tally_list_new());
	append(list, actor(list)); // the actor holds the test's reference
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void come_back(void *payload)
{
	tally_token outer, inner;
	(void)payload;
	CHECK(tally_thread_is_attached());
	CHECK_EQ(tally_thread_attach(&outer), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK(!tally_thread_is_attached());
	CHECK_EQ(tally_thread_attach(&inner), 0);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(inner), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(outer), 0);
	CHECK_EQ(tally_safepoint(), 0);
}

static void a_destructor_may_attach_and_wait(void)
{
	make_actor_type(come_back);
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 10; i++) append(list, actor(NULL));
	tally_decref(list);
	CHECK_EQ(atomic_load(&fixture_dead), 10);
}

// The destructor waits for another thread, which drops what this one owns, last references among it.
static struct {
	stage at;
	tally_object *objects[100];
} handed;

static void wait_for_dropper(void *payload)
{
	if (!*(tally_object **)payload) return;
	reach(&handed.at, 1);
	await(&handed.at, 2);
}

static void *drop_handed(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&handed.at, 1);
	for (int i = 0; i < 100; i++) tally_decref(handed.objects[i]);
	CHECK_EQ(atomic_load(&fixture_dead), 101); // the waiting one among them
	reach(&handed.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void others_may_drop_objects_of_a_thread_that_waits_in_a_destructor(void)
{
	make_actor_type(wait_for_dropper);
	reach(&handed.at, 0);
	for (int i = 0; i < 100; i++) handed.objects[i] = actor(NULL);
	tally_object *list = must(tally_list_new());
	append(list, actor(list));
	append(list, actor(NULL)); // dies after the wait
	pthread_t dropper = spawn(drop_handed, NULL);
	tally_decref(list);
	CHECK_EQ(atomic_load(&fixture_dead), 102);
	finish(dropper);
}

static void fail_at_something(void *payload)
{
	(void)payload;
	CHECK(!tally_list_get(tally_none(), 0));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	errno = EDOM;
}

static void the_error_of_the_thread_and_errno_survive_destructors(void)
{
	make_actor_type(fail_at_something);
	tally_decref(actor(NULL));
	CHECK_NO_ERROR();
	tally_error_set(TALLY_ERROR_KEY, "no %s here", "key");
	errno = ERANGE;
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 5; i++) append(list, actor(NULL));
	tally_decref(list);
	CHECK_EQ(atomic_load(&fixture_dead), 6);
	CHECK_EQ(errno, ERANGE);
	CHECK_ERROR(TALLY_ERROR_KEY, "no key here");
}

static void look_at_stats(void *payload)
{
	tally_heap_stats stats = {.size = sizeof stats};
	(void)payload;
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	CHECK_EQ(stats.live_objects, 0);
}

static void what_is_dying_is_not_counted_as_alive(void)
{
	make_actor_type(look_at_stats);
	tally_object *list = must(tally_list_new());
	append(list, actor(NULL));
	append(list, actor(NULL));
	tally_decref(list);
	CHECK_EQ(atomic_load(&fixture_dead), 2);
}

// ---- without memory ----

static bool no_more_memory(void)
{
	bool works = tally_heap_fail(1, true) == 0;
	if (!works) tally_error_clear(); // a build without fault injection: the same with memory
	return works;
}

static void destruction_needs_no_memory(void)
{
	int count = 0;
	tally_object *type = parent_type(), *objects[] = {
		list_of_probes(fixture_probe_type(), 0, 50),
		tree(type, 4, &count),
		chain_of_lists(),
		chain_of_tuples_and_dicts(),
	};
	if (no_more_memory()) CHECK(!tally_int_new(COUNTED + 1));
	uint64_t attempts = tally_heap_attempts();
	tally_error_clear();
	for (int i = 0; i < 4; i++) tally_decref(objects[i]);
	CHECK_EQ(tally_heap_attempts(), attempts); // not even an attempt
	CHECK_NO_ERROR();
	tally_heap_fail(0, false);
	tally_error_clear();
}

static void drop_without_memory(void *objects, unsigned number)
{
	(void)number;
	no_more_memory();
	for (int i = 0; i < 3; i++) tally_decref(((tally_object **)objects)[i]);
	tally_heap_fail(0, false);
	tally_error_clear();
}

static void drops_by_another_thread_need_no_memory(void)
{
	int count = 0;
	tally_object *objects[] = {tree(parent_type(), 5, &count), chain_of_lists(), chain_of_tuples_and_dicts()};
	atomic_store(&fixture_dead, 0);
	run_threads(1, drop_without_memory, objects);
	CHECK_EQ(atomic_load(&fixture_dead), count);
	CHECK_EQ(fixture_live_objects(), 0);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(a_list_destroys_its_elements_from_the_first_to_the_last);
	TAP_RUN(a_tuple_destroys_its_elements_from_the_first_to_the_last);
	TAP_RUN(a_dict_destroys_its_entries_from_the_first_to_the_last_key_before_value);
	TAP_RUN(clearing_destroys_in_the_same_order_as_dropping);
	TAP_RUN(what_an_element_held_dies_before_the_next_element);
	TAP_RUN(an_element_that_others_hold_is_skipped_and_dies_with_them);
	TAP_RUN(an_element_that_occurs_twice_dies_once_at_its_first_place);
	TAP_RUN(an_object_dies_before_the_drop_of_its_last_reference_returns);
	TAP_RUN(a_tree_dies_in_preorder);
	TAP_RUN(a_tree_dies_in_preorder_on_another_thread_too);
	TAP_RUN(a_chain_of_a_million_host_objects_dies_on_a_small_stack);
	TAP_RUN(destructors_of_a_chain_all_run_at_the_same_depth);
	TAP_RUN(a_chain_of_a_million_lists_dies_on_a_small_stack);
	TAP_RUN(a_chain_of_half_a_million_tuples_and_dicts_dies_on_a_small_stack);
	TAP_RUN(a_destructor_may_allocate_and_drop);
	TAP_RUN(a_destructor_may_make_an_object_that_dies_and_makes_another);
	TAP_RUN(a_destructor_may_change_the_list_that_gives_its_object_up);
	TAP_RUN(a_destructor_may_change_the_dict_that_gives_its_object_up);
	TAP_RUN(a_destructor_may_drop_the_last_reference_to_the_container_that_gave_it_up);
	TAP_RUN(a_destructor_may_attach_and_wait);
	TAP_RUN(others_may_drop_objects_of_a_thread_that_waits_in_a_destructor);
	TAP_RUN(the_error_of_the_thread_and_errno_survive_destructors);
	TAP_RUN(what_is_dying_is_not_counted_as_alive);
	TAP_RUN(destruction_needs_no_memory);
	TAP_RUN(drops_by_another_thread_need_no_memory);
	return tap_end();
}
