// tests/gc_garbage.c: the garbage list and the debug flags (core/garbage.h), objects that cannot be collected (core/uncollectable.h),
// the warning at shutdown, and all of that with hooks that misbehave, with two threads, and without memory.
//
// The numbers are those of the behaviours that are to be observable: C 44 and 45.
#include "turns.h"
#include "weakrefs.h"

#include <tally/gcwatch.h>
#include <tally/inspect.h>

enum { STUCK = NODE_DEALLOC | NODE_TRAVERSE }; // the flags of nodes that cannot be cleared

// ---- helpers ----

static tally_object *garbage(void) { return must(tally_gc_garbage()); }

#define CHECK_GARBAGE(count) CHECK_EQ(length_of(garbage()), (count))

static size_t times_in(tally_object *list, const tally_object *object)
{
	size_t times = 0;
	for (ptrdiff_t i = 0; i < (ptrdiff_t)length_of(list); i++) {
		tally_object *item = must(tally_list_get(list, i));
		times += item == object;
		tally_decref(item);
	}
	return times;
}

static tally_object *node_types[3]; // of nodes that can be cleared, cannot, cannot and have a finalizer

static void make_node_types(void)
{
	node_types[0] = node_type(NODE_WHOLE);
	node_types[1] = node_type(STUCK);
	node_types[2] = node_type(STUCK | NODE_FINALIZE);
}

static bool is_node(tally_object *object) { return strcmp(tally_type_name(object), "node") == 0; }

// What the collector could not do: breaks the cycles of all that is in the list, and empties it.
static void break_garbage(void)
{
	tally_object *list = garbage(), *all = must(tally_list_slice(list, 0, PTRDIFF_MAX, 1));
	CHECK_EQ(tally_list_clear(list), 0);
	for (ptrdiff_t i = 0; i < (ptrdiff_t)length_of(all); i++) {
		tally_object *item = must(tally_list_get(all, i));
		if (is_node(item)) node_unlink(node_of(item));
		tally_decref(item);
	}
	tally_decref(all);
	while (tally_gc_collect(2) > 0)
		;
	CHECK_GARBAGE(0);
}

// The inspection of the heap shows it, once: it is not being disposed of.
static bool is_in_heap(const tally_object *object)
{
	tally_object *all = tally_gc_get_objects(TALLY_GC_ALL);
	if (!all) {
		CHECK_EQ(tally_error_code(), TALLY_ERROR_UNSUPPORTED);
		tally_error_clear();
		return true;
	}
	bool found = times_in(all, object) == 1;
	tally_decref(all);
	return found;
}

// ---- what the hook is told ----

static struct {
	unsigned begun, done, given_up, collectable, uncollectable, other;
	tally_object *hook_saw; // the last object, borrowed; an address only
	char last[200];
} told;

static void (*hook_does)(const char *line, tally_object *object);

static bool begins(const char *line, const char *words) { return strncmp(line, words, strlen(words)) == 0; }

static void note_line(const char *line, tally_object *object, void *context)
{
	CHECK_PTR(context, &told);
	CHECK_NO_ERROR();
	CHECK(tally_thread_is_attached());
	CHECK(!strchr(line, '\n'));
	if (begins(line, "gc: collecting generation ")) told.begun++;
	else if (begins(line, "gc: done, ")) told.done++;
	else if (begins(line, "gc: given up")) told.given_up++;
	else if (begins(line, "gc: collectable <")) told.collectable++;
	else if (begins(line, "gc: uncollectable <")) told.uncollectable++;
	else told.other++;
	told.hook_saw = object;
	snprintf(told.last, sizeof told.last, "%s", line);
	if (hook_does) hook_does(line, object);
}

static void debug(unsigned flags)
{
	CHECK_EQ(tally_gc_set_debug(flags, note_line, &told), 0);
}

static void begin_debug(unsigned flags)
{
	memset(&told, 0, sizeof told);
	hook_does = NULL;
	make_node_types();
	debug(flags);
}

static void end_debug(void)
{
	hook_does = NULL;
	CHECK_EQ(tally_gc_set_debug(0, NULL, NULL), 0);
}

// ---- the list itself ----

static void ask_unattached(void)
{
	CHECK_PTR(tally_gc_garbage(), NULL);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	tally_error_clear();
}

static void the_garbage_list_is_the_same_each_time_and_immortal(void)
{
	run_unattached(ask_unattached);
	tally_object *list = garbage();
	CHECK(tally_is_list(list));
	CHECK_PTR(garbage(), list);
	CHECK_EQ(tally_refcount(list), UINT32_MAX);
	CHECK_EQ(fixture_live_objects(), 0);
	tally_decref(list); // needs no drop, and none does harm
	CHECK_PTR(garbage(), list);
	CHECK_GARBAGE(0);
	push_own(list, counted(1)); // an ordinary list
	CHECK_COLLECT(2, 0);
	CHECK_GARBAGE(1);
	CHECK_EQ(tally_list_clear(list), 0);
}

static tally_object *lists_seen[FIXTURE_THREADS];

static void ask_for_list(void *unused, unsigned number)
{
	(void)unused;
	lists_seen[number] = tally_gc_garbage();
}

static void threads_that_ask_at_once_get_one_list(void)
{
	const int rounds = tap_scale(50);
	for (int round = 0; round < rounds; round++) {
		run_threads(4, ask_for_list, NULL);
		for (int i = 0; i < 4; i++) CHECK_PTR(lists_seen[i], garbage());
		CHECK_EQ(fixture_live_objects(), 0);
		fixture_stop();
		nodes_start();
	}
}

// ---- flags ----

static void flags_that_do_not_exist_are_refused(void)
{
	static const unsigned bad[] = {8, 16, 64, 0x80000000u, 39 | 8, ~0u};
	begin_debug(TALLY_GC_DEBUG_LEAK);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(tally_gc_set_debug(bad[i], NULL, NULL), -1);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
		CHECK(begins(tally_error_message(), "gc_set_debug: "));
		tally_error_clear();
		CHECK_EQ(tally_gc_get_debug(), TALLY_GC_DEBUG_LEAK);
	}
	CHECK_EQ(TALLY_GC_DEBUG_LEAK, 38);
	fixture_stop(); // forgotten with the runtime
	nodes_start();
	CHECK_EQ(tally_gc_get_debug(), 0);
	drop_lists_in_themselves(2);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(told.collectable + told.begun, 0);
}

static void the_hook_is_told_of_each_collection(void)
{
	begin_debug(TALLY_GC_DEBUG_STATS);
	for (int i = 0; i < 6; i++) {
		drop_lists_in_themselves(3);
		CHECK_COLLECT(i % 3, 3);
		CHECK_EQ(told.begun, i + 1);
		CHECK_EQ(told.done, i + 1);
		CHECK(strstr(told.last, "3 unreachable"));
		CHECK(strstr(told.last, "0 uncollectable"));
	}
	set_thresholds(10, 10, 10);
	tally_gc_enable();
	drop_lists_in_themselves(100);
	tally_gc_disable();
	CHECK_EQ(told.begun, collections());
	CHECK_EQ(told.done, told.begun);
	CHECK_EQ(told.collectable + told.uncollectable + told.other, 0);
	end_debug();
	CHECK(tally_gc_collect(2) >= 0);
}

static void a_failed_collection_begins_and_is_given_up(void)
{
	if (tally_heap_fail(0, false)) {
		tally_error_clear();
		return;
	}
	begin_debug(TALLY_GC_DEBUG_STATS | TALLY_GC_DEBUG_LEAK);
	drop_lists_in_themselves(30000);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_COLLECT(2, -1);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	tally_error_clear();
	CHECK_EQ(told.begun, 1);
	CHECK_EQ(told.given_up, 1);
	CHECK_EQ(told.done + told.collectable + told.uncollectable, 0);
	CHECK_GARBAGE(0);
	end_debug();
	CHECK_COLLECT(2, 30000);
}

// ---- everything set aside ----

// Cycles through each kind of container, `kinds` of them; some hold another by something that cannot be cleared.
enum { CYCLES = 10 };
static void drop_cycles_of_every_kind(void)
{
	tally_object *list = list_in_itself(), *iterator = must(tally_iter(list));
	push_own(list, iterator);
	tally_object *dict = must(tally_dict_new()), *key = counted(7);
	put(dict, key, dict);
	tally_object *inner = must(tally_list_new()), *tuple = must(tally_tuple_new(&inner, 1));
	push(inner, tuple);
	tally_object *self = only_instance(CLASS(.name = "table")), *set = must(tally_set_new(NULL));
	set_attr(self, "self", self);
	CHECK_EQ(tally_set_add(set, self), 1);
	set_attr(self, "set", set);
	static const char *const names[] = {"next"};
	tally_object *slots = only_instance(CLASS(.name = "slots", .slots = names, .slot_count = 1));
	set_attr(slots, "next", slots);
	tally_object *cell = must(tally_cell_new(NULL)), *closure = callable(fail_always, NULL, cell);
	CHECK_EQ(tally_cell_set(cell, closure), 0);
	tally_object *type = CLASS(.name = "own"), *of_it = instance(type);
	set_attr(type, "first", of_it);
	tally_object *node = ring_of_nodes(node_types[0], 0, 2), *bag = must(tally_list_new());
	push(bag, bag);
	push_own(bag, weakref(self, closure));
	DROP(list, dict, key, inner, tuple, self, set, slots, cell, closure, type, of_it, node, bag);
}

enum { OF_EVERY_KIND = 18 };

// Each is told of once, and freed all the same: whatever is in a cycle can be cleared.
static void what_is_collectable_is_told_and_freed(void)
{
	begin_debug(0);
	for (int round = 0; round < 4; round++) {
		debug(round % 2 ? TALLY_GC_DEBUG_COLLECTABLE : 0);
		unsigned before = told.collectable;
		drop_cycles_of_every_kind();
		int64_t found = tally_gc_collect(2);
		CHECK(found >= OF_EVERY_KIND);
		CHECK_EQ(told.collectable - before, round % 2 ? (uint64_t)found : 0);
		CHECK_EQ(stats_of(2).uncollectable, 0);
		CHECK_EQ(fixture_live_objects(), 0);
		CHECK_GARBAGE(0);
	}
	CHECK_EQ(node_seen[0].finalize, 4);
	CHECK_EQ(node_seen[0].dealloc, 4);
	end_debug();
}

// C 44
static void with_save_all_a_list_in_itself_is_saved_whole(void)
{
	begin_debug(TALLY_GC_DEBUG_SAVEALL);
	tally_object *list = list_in_itself();
	push_own(list, counted(5));
	tally_decref(list);
	CHECK_COLLECT(2, 1);
	CHECK_GARBAGE(1);
	CHECK_EQ(times_in(garbage(), list), 1);
	CHECK_EQ(length_of(list), 2);
	CHECK(is_in_heap(list));
	CHECK_EQ(stats_of(2).collected, 1);
	CHECK_EQ(stats_of(2).uncollectable, 0);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(i, 0);
	CHECK_GARBAGE(1);
	end_debug();
	CHECK_EQ(tally_list_clear(garbage()), 0);
	CHECK_COLLECT(2, 1);
}

static void save_all_saves_every_kind_and_what_is_let_go_later_goes(void)
{
	begin_debug(TALLY_GC_DEBUG_SAVEALL);
	for (int round = 0; round < 3; round++) {
		debug(TALLY_GC_DEBUG_SAVEALL | TALLY_GC_DEBUG_UNCOLLECTABLE);
		drop_cycles_of_every_kind();
		int64_t found = tally_gc_collect(2);
		CHECK(found >= OF_EVERY_KIND);
		CHECK_GARBAGE((uint64_t)found);
		CHECK_EQ(node_seen[0].finalize, round + 1);
		CHECK_EQ(node_seen[0].dealloc, round);
		for (ptrdiff_t i = 0; i < found; i++) {
			tally_object *item = must(tally_list_get(garbage(), i)), *shown = tally_repr(item);
			CHECK(shown);
			CHECK_EQ(times_in(garbage(), item), 1);
			DROP(item, shown);
		}
		CHECK_COLLECT(2, 0);
		debug(0);
		CHECK_EQ(tally_list_clear(garbage()), 0);
		CHECK(tally_gc_collect(2) >= OF_EVERY_KIND - 4); // what was in no cycle of its own has gone by its count
		while (tally_gc_collect(2) > 0)
			;
		CHECK_EQ(fixture_live_objects(), 0);
		CHECK_EQ(node_seen[0].finalize, round + 1); // once in its life
		CHECK_EQ(node_seen[0].dealloc, round + 1);
	}
	CHECK_EQ(told.uncollectable, 0);
	end_debug();
}

static void what_is_saved_has_lost_its_weak_references_and_can_get_new_ones(void)
{
	struct calls calls;
	begin_debug(TALLY_GC_DEBUG_SAVEALL);
	tally_object *self = only_instance(CLASS(.name = "saved")), *callback = recorder(&calls), *ref = weakref(self, callback);
	set_attr(self, "self", self);
	tally_decref(self);
	CHECK(tally_gc_collect(2) >= 1);
	CHECK_DEAD(ref);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_EQ(times_in(garbage(), self), 1);
	tally_object *fresh = weakref(self, callback);
	CHECK(leads_to(fresh, self));
	end_debug();
	CHECK_EQ(tally_list_clear(garbage()), 0);
	CHECK(tally_gc_collect(2) >= 1);
	CHECK_DEAD(fresh);
	CHECK_EQ(count_of(&calls), 2);
	DROP(callback, ref, fresh);
}

static tally_object *kept_by_finalizer;

static void keep_the_first(tally_object *self, struct node *node)
{
	if (node->id == 0) kept_by_finalizer = tally_incref(self);
}

static void what_a_finalizer_brings_back_is_neither_saved_nor_told(void)
{
	begin_debug(TALLY_GC_DEBUG_LEAK);
	node_on_finalize = keep_the_first;
	tally_decref(ring_of_nodes(node_types[0], 0, 3));
	tally_decref(ring_of_nodes(node_types[0], 10, 4));
	CHECK_COLLECT(2, 4);
	CHECK_GARBAGE(4);
	CHECK_EQ(told.collectable, 4);
	end_debug();
	CHECK_EQ(tally_list_clear(garbage()), 0);
	CHECK_COLLECT(2, 4);
	tally_decref(kept_by_finalizer);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(node_total.finalize, 7);
	CHECK_EQ(node_total.dealloc, 7);
}

// ---- what cannot be collected ----

static tally_object *clique(tally_object *type, int first_id)
{
	tally_object *node[NODE_LINKS + 1];
	for (int i = 0; i <= NODE_LINKS; i++) node[i] = node_new(type, first_id + i);
	for (int i = 0; i <= NODE_LINKS; i++)
		for (int k = 0; k < NODE_LINKS; k++) node_link(node[i], k, node[(i + k + 1) % (NODE_LINKS + 1)]);
	for (int i = 1; i <= NODE_LINKS; i++) tally_decref(node[i]);
	return node[0];
}

// Two rings, of which the first leads to the second.
static tally_object *bridge(tally_object *type, int first_id)
{
	tally_object *first = ring_of_nodes(type, first_id, 3), *second = ring_of_nodes(type, first_id + 3, 4);
	node_link(first, 1, second);
	tally_decref(second);
	return first;
}

// A ring that leads to a chain, which ends in a ring that can be cleared, and leads nowhere else.
static tally_object *ring_with_tail(tally_object *type, int first_id)
{
	tally_object *ring = ring_of_nodes(type, first_id, 2), *last = tally_incref(ring);
	for (int i = 0; i < 5; i++) {
		tally_object *node = node_new(type, first_id + 2 + i);
		node_link(last, 1, node);
		tally_decref(last);
		last = node;
	}
	tally_decref(last);
	return ring;
}

// A ring that goes through a tuple: no piece of it says how to break it.
static tally_object *ring_through_tuple(tally_object *type, int first_id)
{
	tally_object *node = node_new(type, first_id), *tuple = must(tally_tuple_new(&node, 1));
	node_link(node, 0, tuple);
	tally_decref(tuple);
	return node;
}

// One that all the others refer to, more often than a byte can count.
static tally_object *star(tally_object *type, int first_id)
{
	tally_object *hub = node_new(type, first_id);
	for (int i = 0; i < 99; i++) {
		tally_object *node = node_new(type, first_id + 1 + i);
		for (int k = 0; k < 3; k++) node_link(node, k, hub);
		node_link(node, 3, i ? node_of(hub)->link[0] : hub);
		node_link(hub, 0, node);
		tally_decref(node);
	}
	return hub;
}

struct shape {
	tally_object *(*make)(tally_object *type, int first_id);
	size_t stuck;
};

static tally_object *loop(tally_object *type, int first_id) { return ring_of_nodes(type, first_id, 1); }
static tally_object *ring_of_50(tally_object *type, int first_id) { return ring_of_nodes(type, first_id, 50); }

static const struct shape shapes[] = {
	{loop, 1}, {ring_of_50, 50}, {clique, 5}, {bridge, 7}, {ring_with_tail, 7}, {ring_through_tuple, 2}, {star, 100},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void whatever_its_shape_it_goes_to_the_list_each_object_once(void)
{
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	for (int kind = 1; kind < 3; kind++)
		for (int i = 0; i < SHAPES; i++) {
			unsigned before = told.uncollectable;
			uint64_t stuck = stats_of(2).uncollectable;
			nodes_forget();
			tally_decref(shapes[i].make(node_types[kind], 0));
			CHECK_COLLECT(2, shapes[i].stuck);
			CHECK_GARBAGE(shapes[i].stuck);
			CHECK_EQ(told.uncollectable - before, shapes[i].stuck);
			CHECK_EQ(stats_of(2).uncollectable - stuck, shapes[i].stuck);
			for (int k = 0; k < 3; k++) CHECK_COLLECT(k, 0);
			CHECK_GARBAGE(shapes[i].stuck);
			tally_object *last = must(tally_list_get(garbage(), -1));
			CHECK(is_in_heap(last));
			tally_decref(last);
			CHECK_EQ(node_total.dealloc, 0);
			uint64_t finalized = node_total.finalize;
			break_garbage();
			CHECK_EQ(fixture_live_objects(), 0);
			CHECK_EQ(node_total.finalize, finalized);
			if (kind == 2) CHECK_EQ(node_total.finalize, node_total.dealloc);
		}
	CHECK_EQ(told.collectable, 0);
	end_debug();
}

static void all_shapes_at_once(void)
{
	size_t all = 0;
	begin_debug(TALLY_GC_DEBUG_LEAK & ~TALLY_GC_DEBUG_SAVEALL);
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < SHAPES; i++) {
			tally_decref(shapes[i].make(node_types[1 + round % 2], NODE_IDS));
			all += shapes[i].stuck;
		}
	tally_object *freed = ring_of_nodes(node_types[0], 0, 30);
	tally_decref(freed);
	drop_lists_in_themselves(10);
	CHECK_COLLECT(2, all + 40);
	CHECK_GARBAGE(all);
	CHECK_EQ(told.uncollectable, all);
	CHECK_EQ(node_total.dealloc, 30);
	CHECK_EQ(stats_of(2).uncollectable, all);
	break_garbage();
	end_debug();
}

// What is left in no list is found again, and put there again.
static void what_the_host_takes_out_and_does_not_break_comes_back(void)
{
	begin_debug(0);
	tally_decref(bridge(node_types[2], 0));
	for (int i = 1; i <= 3; i++) {
		CHECK_COLLECT(2, 7);
		CHECK_GARBAGE(7);
		CHECK_EQ(stats_of(2).uncollectable, 7 * i);
		CHECK_EQ(tally_list_clear(garbage()), 0);
		CHECK_EQ(fixture_live_objects(), 7);
	}
	CHECK_EQ(node_total.finalize, 7);
	CHECK_COLLECT(2, 7);
	break_garbage();
	CHECK_EQ(node_total.dealloc, 7);
}

// Young collections find them, too.
static void each_generation_finds_its_own(void)
{
	begin_debug(0);
	for (int generation = 0; generation < 3; generation++) {
		tally_object *ring = ring_of_nodes(node_types[1], 0, 5);
		for (int i = 0; i < generation; i++) CHECK_COLLECT(i, 0);
		tally_decref(ring);
		CHECK_COLLECT(generation, 5);
		CHECK_EQ(stats_of(generation).uncollectable, 5);
		CHECK_GARBAGE(5);
		break_garbage();
	}
}

// ---- classes ----

// An instance that hangs off what cannot be collected, and nobody else has its class.
static void an_instance_in_the_list_has_a_class_that_works(void)
{
	begin_debug(0);
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "lost", .context = kind);
	set_int(type, "seven", 7);
	tally_object *self = only_instance(type), *node = loop(node_types[1], 0);
	node_link(node, 1, self);
	set_int(self, "own", 3);
	tally_decref(self);
	tally_decref(node);
	CHECK(tally_gc_collect(2) >= 2);
	CHECK_EQ(times_in(garbage(), node), 1);
	CHECK_EQ(times_in(garbage(), self), 1);
	CHECK_EQ(is_released(kind), 0);
	CHECK_STR(tally_type_name(self), "lost");
	tally_object *shown = tally_repr(self), *value = NULL;
	CHECK(shown);
	get_attr(self, "own", &value); // it has been cleared
	tally_decref(value);
	get_attr(self, "seven", &value); // so has its class
	tally_decref(value);
	tally_error_clear();
	tally_decref(shown);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(times_in(garbage(), self), 1);
	break_garbage();
	CHECK_EQ(is_released(kind), 1);
}

// The class itself is in the cycle, by an attribute.
static void a_class_in_such_a_cycle_is_what_breaks_it(void)
{
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "breaker", .context = kind), *self = instance(type), *node = node_new(node_types[1], 0);
	set_attr(type, "node", node);
	node_link(node, 0, self);
	node_link(node, 1, type);
	DROP(type, self, node);
	CHECK(tally_gc_collect(2) >= 3);
	CHECK_GARBAGE(0);
	CHECK_EQ(told.uncollectable, 0);
	CHECK_EQ(is_released(kind), 1);
	CHECK_EQ(node_total.dealloc, 1);
	end_debug();
}

static void a_class_that_an_uncollectable_object_holds_stays_with_it(void)
{
	begin_debug(0);
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "held", .context = kind), *node = loop(node_types[1], 0);
	node_link(node, 1, type);
	DROP(type, node);
	CHECK(tally_gc_collect(2) >= 1);
	CHECK_EQ(is_released(kind), 0);
	CHECK_EQ(times_in(garbage(), node), 1);
	CHECK_STR(tally_class_name(type), "held");
	break_garbage();
	CHECK_EQ(is_released(kind), 1);
}

static void saved_classes_and_instances_live_until_they_are_let_go(void)
{
	begin_debug(TALLY_GC_DEBUG_SAVEALL);
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "saved", .context = kind), *self = instance(type);
	set_attr(type, "instance", self);
	set_int(type, "seven", 7);
	DROP(type, self);
	CHECK(tally_gc_collect(2) >= 2);
	CHECK_EQ(times_in(garbage(), type), 1);
	CHECK_EQ(times_in(garbage(), self), 1);
	CHECK_EQ(attr_int(self, "seven"), 7); // nothing has been cleared
	tally_object *another = instance(type); // nor closed
	tally_decref(another);
	CHECK_EQ(is_released(kind), 0);
	end_debug();
	CHECK_EQ(tally_list_clear(garbage()), 0);
	CHECK(tally_gc_collect(2) >= 2);
	while (tally_gc_collect(2) > 0)
		;
	CHECK_EQ(is_released(kind), 1);
}

// ---- hooks ----

static void fail_in_hook(const char *line, tally_object *object)
{
	(void)line, (void)object;
	tally_error_set(TALLY_ERROR_KEY, "the hook fails");
}

static void a_hook_that_fails_is_reported_and_stops_nothing(void)
{
	begin_debug(TALLY_GC_DEBUG_STATS | TALLY_GC_DEBUG_COLLECTABLE | TALLY_GC_DEBUG_UNCOLLECTABLE);
	hook_does = fail_in_hook;
	listen_to_failures();
	drop_lists_in_themselves(3);
	tally_decref(loop(node_types[1], 0));
	tally_error_set(TALLY_ERROR_INDEX, "mine");
	CHECK_COLLECT(2, 4);
	CHECK_ERROR(TALLY_ERROR_INDEX, "mine");
	CHECK_EQ(reports.count, 1 + 4 + 1 + 1);
	CHECK_STR(reports.operation, "gc debug hook");
	CHECK_STR(reports.message, "the hook fails");
	CHECK_EQ(reports.code, TALLY_ERROR_KEY);
	tally_unraisable_set(NULL, NULL);
	end_debug();
	break_garbage();
}

// Everything that the library offers, as far as it can be used on what it is told of.
static void use_the_library(const char *line, tally_object *object)
{
	(void)line;
	CHECK_COLLECT(2, 0); // inside a collection
	if (told.collectable < 20) drop_lists_in_themselves(3);
	if (!object) return;
	tally_object *shown = tally_repr(object), *item = tally_incref(object), *held = must(tally_list_from(&item, 1));
	CHECK(shown);
	DROP(shown, item, held);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(fixture_live_objects() > 0, true);
}

static void a_hook_may_use_the_library(void)
{
	for (int saves = 0; saves < 2; saves++) {
		begin_debug(TALLY_GC_DEBUG_STATS | (saves ? TALLY_GC_DEBUG_LEAK : TALLY_GC_DEBUG_LEAK & ~TALLY_GC_DEBUG_SAVEALL));
		hook_does = use_the_library;
		set_thresholds(1, 1, 1);
		tally_gc_enable();
		drop_cycles_of_every_kind();
		tally_decref(loop(node_types[1], 100));
		CHECK(tally_gc_collect(2) >= 1);
		tally_gc_disable();
		end_debug();
		if (!saves) CHECK_EQ(told.uncollectable, 1);
		CHECK(told.collectable > OF_EVERY_KIND);
		break_garbage();
	}
}

static void change_flags(const char *line, tally_object *object)
{
	(void)line, (void)object;
	debug(told.collectable % 2 ? 0 : TALLY_GC_DEBUG_LEAK | TALLY_GC_DEBUG_STATS);
}

static void switch_off(const char *line, tally_object *object)
{
	(void)line, (void)object;
	CHECK_EQ(tally_gc_set_debug(0, NULL, NULL), 0);
}

static void a_hook_may_change_flags_and_hook(void)
{
	begin_debug(TALLY_GC_DEBUG_STATS | TALLY_GC_DEBUG_COLLECTABLE);
	hook_does = change_flags;
	drop_cycles_of_every_kind();
	tally_decref(loop(node_types[1], 100));
	CHECK(tally_gc_collect(2) >= 1);
	hook_does = switch_off;
	debug(TALLY_GC_DEBUG_COLLECTABLE);
	unsigned before = told.collectable;
	drop_lists_in_themselves(5);
	CHECK_COLLECT(2, 5);
	CHECK(told.collectable == before + 1 || told.collectable == before + 5);
	CHECK_EQ(tally_gc_get_debug(), 0);
	end_debug();
	break_garbage();
}

static void ask_for_less(const char *line, tally_object *object)
{
	(void)object;
	if (begins(line, "gc: collecting")) debug(TALLY_GC_DEBUG_SAVEALL);
}

// A collection goes by the flags as they were when it began, to its end.
static void flags_that_change_during_a_collection_count_for_the_next(void)
{
	begin_debug(TALLY_GC_DEBUG_STATS | TALLY_GC_DEBUG_COLLECTABLE);
	hook_does = ask_for_less;
	drop_lists_in_themselves(3);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(told.begun, 1);
	CHECK_EQ(told.done, 1);
	CHECK_EQ(told.collectable, 3);
	CHECK_EQ(fixture_live_objects(), 0);
	drop_lists_in_themselves(3);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(told.begun, 1);
	CHECK_GARBAGE(3);
	end_debug();
	break_garbage();
}

static void empty_list(const char *line, tally_object *object)
{
	(void)line, (void)object;
	CHECK_EQ(tally_list_clear(garbage()), 0);
}

static void a_hook_may_empty_the_list(void)
{
	begin_debug(TALLY_GC_DEBUG_LEAK);
	for (int saves = 0; saves < 2; saves++) {
		debug(saves ? TALLY_GC_DEBUG_LEAK : TALLY_GC_DEBUG_UNCOLLECTABLE);
		hook_does = empty_list;
		tally_decref(bridge(node_types[1], 0));
		CHECK_COLLECT(2, 7);
		hook_does = NULL;
		debug(0);
		if (!saves) CHECK_GARBAGE(0);
		CHECK_EQ(fixture_live_objects(), 7);
		if (!saves) CHECK_COLLECT(2, 7);
		CHECK_GARBAGE(7);
		break_garbage();
	}
	end_debug();
}

static void break_what_it_is_told_of(const char *line, tally_object *object)
{
	if (begins(line, "gc: uncollectable <") && is_node(object)) node_unlink(node_of(object));
}

static void a_hook_may_break_what_cannot_be_collected(void)
{
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	hook_does = break_what_it_is_told_of;
	tally_decref(clique(node_types[1], 0));
	CHECK_COLLECT(2, 5);
	end_debug();
	CHECK_EQ(tally_list_clear(garbage()), 0);
	CHECK_EQ(node_total.dealloc, 5);
}

// ---- what comes back too late ----

// A node that can be cleared, and gives its link 3 away when it is.
static tally_object *given_away;
static void give_away(void *payload, void *context)
{
	struct node *node = payload;
	(void)context;
	if (node->link[3] && !given_away) given_away = tally_incref(node->link[3]);
	node_unlink(node);
}

static tally_object *giver_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "giver",
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = node_is_traversed,
		.clear = give_away,
		.context = node_seen,
	};
	given_away = NULL;
	return must(tally_host_type_new(&description));
}

// A giver, and the node that it gives away, in a cycle.
static void drop_giver(tally_object *type, tally_object *of_node)
{
	tally_object *giver = node_new(type, NODE_IDS), *node = node_new(of_node, 50);
	node_link(giver, 3, node);
	node_link(node, 0, giver);
	DROP(giver, node);
}

// Drops what has come back while another collection counts the deaths of its trash: it is none of that.
static void drop_given_away(void *payload, void *context)
{
	tally_object *object = given_away;
	given_away = NULL;
	tally_decref(object);
	node_clears(payload, context);
}

static void check_deaths_are_told_apart(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "dropper",
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = node_is_traversed,
		.clear = drop_given_away,
		.context = node_seen,
	};
	tally_object *dropper = ring_of_nodes(must(tally_host_type_new(&description)), NODE_IDS, 1);
	tally_decref(loop(node_types[1], 60));
	tally_decref(dropper);
	CHECK_COLLECT(2, 2);
	CHECK_PTR(given_away, NULL);
	CHECK_EQ(node_seen[50].dealloc, 1);
	CHECK_GARBAGE(1);
	break_garbage();
}

static void what_a_clear_gives_away_lives_and_is_not_uncollectable(void)
{
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	tally_object *type = giver_type();
	drop_giver(type, node_types[0]);
	CHECK_COLLECT(2, 2);
	CHECK(given_away != NULL);
	CHECK_EQ(told.uncollectable, 0);
	CHECK_GARBAGE(0);
	CHECK(is_in_heap(given_away));
	check_deaths_are_told_apart();
	end_debug();
}

static void collect_in_dealloc(void *payload, void *context)
{
	(void)payload, (void)context;
	CHECK_COLLECT(2, 2);
}

static tally_object *collector_type(void)
{
	tally_host_type description = {
		.size = sizeof description, .name = "collector", .payload_size = 8, .dealloc = collect_in_dealloc};
	return must(tally_host_type_new(&description));
}

// The same found by a collection that a destructor asks for: what dies in it waits for the end of the destructor.
static void what_comes_back_in_a_collection_of_a_destructor_is_like_any_other(void)
{
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	tally_object *type = giver_type(), *collector = must(tally_host_new(collector_type()));
	drop_giver(type, node_types[0]);
	tally_decref(collector);
	if (!CHECK(given_away != NULL)) return;
	CHECK(is_in_heap(given_away));
	CHECK_GARBAGE(0);
	check_deaths_are_told_apart();
	end_debug();
}

static void what_a_destructor_finds_uncollectable_goes_to_the_list_in_the_end(void)
{
	begin_debug(0);
	tally_object *collector = must(tally_host_new(collector_type()));
	tally_decref(ring_of_nodes(node_types[1], 0, 2));
	tally_decref(collector);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_GARBAGE(2);
	break_garbage();
	CHECK_EQ(node_total.dealloc, 2);
}

// ---- threads ----

enum { RINGS_EACH = 60, WORKERS = 3 };

static void make_stuck_and_collect(void *unused, unsigned number)
{
	const int rounds = tap_scale((int)RINGS_EACH);
	(void)unused;
	for (int i = 0; i < rounds; i++) {
		tally_decref(ring_of_nodes(node_types[1 + i % 2], NODE_IDS, 3));
		tally_decref(ring_of_nodes(node_types[0], NODE_IDS, 3));
		tally_decref(list_in_itself());
		tally_gc_collect((i + (int)number) % 3);
	}
}

static void several_threads_find_each_uncollectable_object_once(void)
{
	begin_debug(0);
	run_threads(WORKERS, make_stuck_and_collect, NULL);
	while (tally_gc_collect(2) > 0)
		;
	uint64_t rings = (uint64_t)tap_scale((int)RINGS_EACH) * WORKERS, stuck = 0;
	CHECK_GARBAGE(rings * 3);
	for (int i = 0; i < 3; i++) stuck += stats_of(i).uncollectable;
	CHECK(stuck >= rings * 3);
	tally_object *list = garbage();
	for (ptrdiff_t i = 0; i < (ptrdiff_t)length_of(list); i += 17) {
		tally_object *item = must(tally_list_get(list, i));
		CHECK_EQ(times_in(list, item), 1);
		tally_decref(item);
	}
	break_garbage();
	CHECK_EQ(node_total.dealloc, rings * 6);
}

static void several_threads_save_each_object_once(void)
{
	begin_debug(TALLY_GC_DEBUG_SAVEALL);
	CHECK_EQ(tally_gc_set_debug(TALLY_GC_DEBUG_SAVEALL, NULL, NULL), 0);
	run_threads(WORKERS, make_stuck_and_collect, NULL);
	while (tally_gc_collect(2) > 0)
		;
	uint64_t rings = (uint64_t)tap_scale((int)RINGS_EACH) * WORKERS;
	CHECK_GARBAGE(rings * 7);
	CHECK_EQ(node_total.dealloc, 0);
	end_debug();
	break_garbage();
	CHECK_EQ(node_total.dealloc, rings * 6);
}

static stage switching;

static void switch_flags(void)
{
	for (unsigned i = 0; !has_reached(&switching, 1); i++)
		tally_gc_set_debug(i % 2 ? TALLY_GC_DEBUG_SAVEALL : i % 3 ? TALLY_GC_DEBUG_UNCOLLECTABLE : 0, NULL, NULL);
}

static void *switch_flags_main(void *unused)
{
	(void)unused;
	switch_flags();
	return NULL;
}

// Whatever the flags are at any moment: nothing is lost, nothing freed twice.
static void flags_may_change_at_any_moment(void)
{
	begin_debug(0);
	reach(&switching, 0);
	pthread_t thread = spawn(switch_flags_main, NULL);
	run_threads(WORKERS, make_stuck_and_collect, NULL);
	reach(&switching, 1);
	finish(thread);
	end_debug();
	while (tally_gc_collect(2) > 0)
		;
	break_garbage();
	CHECK_EQ(node_total.dealloc, (uint64_t)tap_scale((int)RINGS_EACH) * WORKERS * 6);
}

// The host empties the list while collections fill it.
static void *empty_main(void *unused)
{
	tally_token token = attached();
	(void)unused;
	while (!has_reached(&switching, 1)) {
		tally_object *item = tally_list_pop(tally_gc_garbage(), -1);
		if (item && is_node(item)) node_unlink(node_of(item));
		if (!item) tally_error_clear();
		tally_decref(item);
		tally_safepoint();
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void the_list_may_be_emptied_while_it_is_filled(void)
{
	begin_debug(0);
	reach(&switching, 0);
	garbage();
	pthread_t thread = spawn(empty_main, NULL);
	run_threads(WORKERS, make_stuck_and_collect, NULL);
	reach(&switching, 1);
	finish(thread);
	while (tally_gc_collect(2) > 0)
		;
	break_garbage();
	CHECK_EQ(node_total.dealloc, (uint64_t)tap_scale((int)RINGS_EACH) * WORKERS * 6);
}

// ---- memory that cannot be had ----

static void the_list_without_memory(void)
{
	if (!faults_are_offered()) return;
	for (uint64_t n = 1; n < 10; n++) {
		CHECK_EQ(tally_heap_fail(n, true), 0);
		tally_object *list = tally_gc_garbage();
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (list) break;
		CHECK(n < 5);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
	}
	CHECK_GARBAGE(0);
}

// Two rings that cannot be cleared, one that can, a giver: 3 + 3 + 3 + 2.
static void drop_some_of_each(tally_object *type)
{
	tally_decref(ring_of_nodes(node_types[1], 0, 3));
	tally_decref(ring_of_nodes(node_types[2], 10, 3));
	tally_decref(ring_of_nodes(node_types[0], 20, 3));
	drop_giver(type, node_types[0]);
}

// With the n-th allocation failing. Returns whether it came to that.
static bool collect_failing(unsigned flags, uint64_t n, bool all)
{
	tally_object *type = giver_type();
	nodes_forget();
	drop_some_of_each(type);
	CHECK_EQ(tally_gc_set_debug(flags, NULL, NULL), 0);
	CHECK_EQ(tally_heap_fail(n, all), 0);
	tally_gc_collect(2);
	bool came = tally_heap_attempts() >= n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
	tally_error_clear();
	CHECK_EQ(tally_gc_set_debug(0, NULL, NULL), 0);
	while (tally_gc_collect(2) > 0)
		;
	break_garbage(); // a giver that was saved is cleared only now
	if (given_away) CHECK(is_in_heap(given_away));
	if (given_away) check_deaths_are_told_apart();
	while (tally_gc_collect(2) > 0)
		;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(node_seen[i].dealloc, 1);
		CHECK_EQ(node_seen[10 + i].dealloc, 1);
		CHECK_EQ(node_seen[10 + i].finalize, 1);
		CHECK_EQ(node_seen[20 + i].dealloc, 1);
		CHECK_EQ(node_seen[20 + i].finalize, 1);
	}
	CHECK_EQ(node_seen[50].dealloc, 1);
	if (!CHECK_EQ(fixture_live_objects(), 0)) tap_note("flags %u, allocation %llu", flags, (unsigned long long)n);
	return came;
}

static void whatever_allocation_fails_nothing_is_lost_and_nothing_freed_twice(void)
{
	static const unsigned flags[] = {0, TALLY_GC_DEBUG_SAVEALL, TALLY_GC_DEBUG_COLLECTABLE, TALLY_GC_DEBUG_LEAK};
	if (!faults_are_offered()) return;
	begin_debug(0);
	for (int i = 0; i < 4; i++)
		for (int all = 0; all < 2; all++) {
			uint64_t n = 1;
			fixture_stop(); // without the list, and without memory of earlier collections
			nodes_start();
			make_node_types();
			while (n < 200 && collect_failing(flags[i], n, all)) n++;
			CHECK(n > 1 && n < 200);
			tap_note("flags %u: %llu allocations failed, each in its turn", flags[i], (unsigned long long)n - 1);
		}
}

// ---- shutdown ----

static unsigned messages; // from "fini"
static char message[256];
static void (*fini_does)(void);

static void note_end(enum tally_error_code code, const char *text_of_it, const char *operation, tally_object *source, void *context)
{
	(void)code;
	(void)context;
	if (strcmp(operation, "fini")) return;
	CHECK_PTR(source, NULL);
	messages++;
	snprintf(message, sizeof message, "%s", text_of_it);
	if (fini_does) fini_does();
}

// Ends the runtime, which must leave so many objects, and starts a new one.
static void check_end(uint64_t wanted, unsigned wanted_messages)
{
	uint64_t leaked = 77;
	messages = 0;
	message[0] = '\0';
	tally_unraisable_set(note_end, NULL);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, wanted);
	CHECK_EQ(messages, wanted_messages);
	fini_does = NULL;
	nodes_start();
}

// C 45
static void uncollectable_objects_at_shutdown_are_told_of_once(void)
{
	static const char *const words[] = {"fini: 1 uncollectable object at", "fini: 5 uncollectable objects at"};
	for (int i = 0; i < 2; i++) {
		begin_debug(0);
		tally_decref(ring_of_nodes(node_types[1], 0, i ? 5 : 1));
		if (i) CHECK_COLLECT(2, 5); // known before, or found by the end
		check_end(i ? 5 : 1, 1);
		if (!CHECK(begins(message, words[i]))) tap_note("%s", message);
		CHECK_EQ(told.uncollectable, 0);
	}
}

static void with_the_flag_each_is_told_of_at_shutdown(void)
{
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	tally_decref(ring_of_nodes(node_types[1], 0, 5));
	CHECK_COLLECT(2, 5);
	CHECK_EQ(told.uncollectable, 5);
	check_end(5, 1);
	CHECK_EQ(told.uncollectable, 10);
	begin_debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	tally_decref(ring_of_nodes(node_types[1], 0, 5));
	check_end(5, 1);
	CHECK(told.uncollectable == 10); // by the collection, and by the end
}

static void with_save_all_there_is_no_warning_and_no_leak(void)
{
	begin_debug(TALLY_GC_DEBUG_SAVEALL);
	drop_cycles_of_every_kind();
	CHECK(tally_gc_collect(2) >= OF_EVERY_KIND);
	drop_cycles_of_every_kind();
	check_end(0, 0);
	CHECK_EQ(told.uncollectable, 0);
	begin_debug(TALLY_GC_DEBUG_LEAK);
	tally_decref(ring_of_nodes(node_types[1], 0, 5));
	check_end(5, 0);
}

static void an_end_without_uncollectable_objects_says_nothing(void)
{
	begin_debug(TALLY_GC_DEBUG_LEAK & ~TALLY_GC_DEBUG_SAVEALL);
	garbage();
	drop_cycles_of_every_kind();
	tally_decref(ring_of_nodes(node_types[1], 0, 5));
	CHECK(tally_gc_collect(2) >= OF_EVERY_KIND);
	break_garbage();
	check_end(0, 0);
}

static void take_all_and_break(void) { break_garbage(); }

static void what_the_host_breaks_when_it_is_warned_is_no_leak(void)
{
	begin_debug(0);
	tally_decref(clique(node_types[2], 0));
	fini_does = take_all_and_break;
	check_end(0, 1);
}

// The hook takes what it is told of out of the list: it is told of the others all the same.
static void take_out_and_break(const char *line, tally_object *object)
{
	tally_object *list = garbage();
	if (!begins(line, "gc: uncollectable <")) return;
	for (ptrdiff_t i = 0; i < (ptrdiff_t)length_of(list); i++) {
		tally_object *item = must(tally_list_get(list, i));
		bool found = item == object;
		tally_decref(item);
		if (!found) continue;
		node_unlink(node_of(object));
		tally_decref(tally_list_pop(list, i));
		return;
	}
}

static void a_hook_that_takes_out_what_it_is_told_of_is_told_of_all(void)
{
	begin_debug(0);
	for (int i = 0; i < 6; i++) tally_decref(loop(node_types[1], i));
	CHECK_COLLECT(2, 6);
	debug(TALLY_GC_DEBUG_UNCOLLECTABLE);
	hook_does = take_out_and_break;
	check_end(0, 1);
	CHECK_EQ(told.uncollectable, 6);
	CHECK_EQ(node_total.dealloc, 0); // of the new runtime
	hook_does = NULL;
}

static void collect_again(void)
{
	CHECK(tally_gc_collect(2) >= 0);
	drop_lists_in_themselves(100);
	tally_decref(loop(node_types[1], NODE_IDS));
	CHECK_EQ(tally_gc_collect(2), 101);
}

static void a_hook_that_collects_at_the_end_does_no_harm(void)
{
	begin_debug(0);
	tally_decref(loop(node_types[1], 0));
	fini_does = collect_again;
	check_end(2, 1);
}

// ---- one after the other ----

static void a_new_runtime_has_an_empty_list(void)
{
	for (int i = 0; i < 5; i++) {
		begin_debug(i % 2 ? TALLY_GC_DEBUG_SAVEALL : 0);
		tally_decref(ring_of_nodes(node_types[1], 0, 4));
		CHECK_COLLECT(2, 4);
		CHECK_GARBAGE(4);
		check_end(4, i % 2 ? 0 : 1);
		CHECK_GARBAGE(0);
		CHECK_EQ(tally_gc_get_debug(), 0);
		CHECK_EQ(stats_of(2).uncollectable, 0);
	}
}

int main(void)
{
	classes_begin(240);
	TAP_RUN(the_garbage_list_is_the_same_each_time_and_immortal);
	TAP_RUN(threads_that_ask_at_once_get_one_list);
	TAP_RUN(flags_that_do_not_exist_are_refused);
	TAP_RUN(the_hook_is_told_of_each_collection);
	TAP_RUN(a_failed_collection_begins_and_is_given_up);
	TAP_RUN(what_is_collectable_is_told_and_freed);
	TAP_RUN(with_save_all_a_list_in_itself_is_saved_whole);
	TAP_RUN(save_all_saves_every_kind_and_what_is_let_go_later_goes);
	TAP_RUN(what_is_saved_has_lost_its_weak_references_and_can_get_new_ones);
	TAP_RUN(what_a_finalizer_brings_back_is_neither_saved_nor_told);
	TAP_RUN(whatever_its_shape_it_goes_to_the_list_each_object_once);
	TAP_RUN(all_shapes_at_once);
	TAP_RUN(what_the_host_takes_out_and_does_not_break_comes_back);
	TAP_RUN(each_generation_finds_its_own);
	TAP_RUN(an_instance_in_the_list_has_a_class_that_works);
	TAP_RUN(a_class_in_such_a_cycle_is_what_breaks_it);
	TAP_RUN(a_class_that_an_uncollectable_object_holds_stays_with_it);
	TAP_RUN(saved_classes_and_instances_live_until_they_are_let_go);
	TAP_RUN(a_hook_that_fails_is_reported_and_stops_nothing);
	TAP_RUN(a_hook_may_use_the_library);
	TAP_RUN(a_hook_may_change_flags_and_hook);
	TAP_RUN(flags_that_change_during_a_collection_count_for_the_next);
	TAP_RUN(a_hook_may_empty_the_list);
	TAP_RUN(a_hook_may_break_what_cannot_be_collected);
	TAP_RUN(what_a_clear_gives_away_lives_and_is_not_uncollectable);
	TAP_RUN(what_comes_back_in_a_collection_of_a_destructor_is_like_any_other);
	TAP_RUN(what_a_destructor_finds_uncollectable_goes_to_the_list_in_the_end);
	TAP_RUN(several_threads_find_each_uncollectable_object_once);
	TAP_RUN(several_threads_save_each_object_once);
	TAP_RUN(flags_may_change_at_any_moment);
	TAP_RUN(the_list_may_be_emptied_while_it_is_filled);
	TAP_RUN(the_list_without_memory);
	TAP_RUN(whatever_allocation_fails_nothing_is_lost_and_nothing_freed_twice);
	TAP_RUN(uncollectable_objects_at_shutdown_are_told_of_once);
	TAP_RUN(with_the_flag_each_is_told_of_at_shutdown);
	TAP_RUN(with_save_all_there_is_no_warning_and_no_leak);
	TAP_RUN(an_end_without_uncollectable_objects_says_nothing);
	TAP_RUN(what_the_host_breaks_when_it_is_warned_is_no_leak);
	TAP_RUN(a_hook_that_takes_out_what_it_is_told_of_is_told_of_all);
	TAP_RUN(a_hook_that_collects_at_the_end_does_no_harm);
	TAP_RUN(a_new_runtime_has_an_empty_list);
	return tap_end();
}
