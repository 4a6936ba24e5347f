// tests/finalize.c: finalizers and what follows them: once each, before anything is given up, by count and by the
// collector; resurrection of one and of many; clear and dealloc afterwards; what a finalizer may do.
#include "nodes.h"
#include "turns.h"

#include <errno.h>

#define CHECK_COLLECT(generation, garbage) CHECK_EQ(tally_gc_collect(generation), (garbage))

static size_t length_of(tally_object *object)
{
	size_t length = SIZE_MAX;
	CHECK_EQ(tally_len(object, &length), 0);
	return length;
}

// ---- where a finalizer may put what it brings back ----

enum { SAVED = 1024 };
static struct {
	tally_object *object[SAVED];
	int count;
} saved;

static void begin_saving(void) { saved.count = 0; }

static void save(tally_object *object) { saved.object[saved.count++] = tally_incref(object); }

static void save_self(tally_object *self, struct node *node)
{
	(void)node;
	save(self);
}

static void drop_saved(void)
{
	while (saved.count > 0) tally_decref(saved.object[--saved.count]);
}

// Each of the first `count` nodes has had its finalizer called so often, and its dealloc.
static void check_calls(int count, unsigned finalized, unsigned dead)
{
	for (int i = 0; i < count; i++) {
		if (!CHECK_EQ(node_seen[i].finalize, finalized)) tap_note("node %d", i);
		if (!CHECK_EQ(node_seen[i].dealloc, dead)) tap_note("node %d", i);
	}
}

// ---- by count ----

static void a_finalizer_runs_once_when_the_last_reference_goes(void)
{
	static const unsigned kinds[] = {NODE_DEALLOC | NODE_FINALIZE, NODE_WHOLE};
	for (int i = 0; i < 2; i++) {
		tally_object *object = node_new(node_type(kinds[i]), i);
		tally_incref(object);
		tally_decref(object);
		CHECK(!tally_gc_is_finalized(object));
		CHECK_EQ(node_seen[i].finalize, 0);
		tally_decref(object);
		CHECK_EQ(node_seen[i].finalize, 1);
		CHECK_EQ(node_seen[i].dealloc, 1);
		CHECK_COLLECT(2, 0);
	}
	check_calls(2, 1, 1);
}

static void see_alive(tally_object *self, struct node *node)
{
	CHECK_EQ(node_total.dealloc + node_total.clear, 0);
	CHECK_STR(tally_type_name(self), "node");
	CHECK_PTR(node_of(self), node);
	CHECK_EQ(tally_refcount(self), 1);
	tally_incref(self);
	tally_decref(self);
	CHECK_EQ(length_of(node->link[0]), 2);
	CHECK_EQ(take_counted(tally_list_get(node->link[0], 1)), 7);
}

static void a_finalizer_sees_its_object_and_what_it_refers_to_intact(void)
{
	tally_object *node = node_new(node_type(NODE_WHOLE), 0), *list = must(tally_list_new());
	node_on_finalize = see_alive;
	push_own(list, counted(6));
	push_own(list, counted(7));
	node_link(node, 0, list);
	tally_decref(list);
	tally_decref(node);
	check_calls(1, 1, 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_type_with_nothing_but_a_finalizer_has_it_called(void)
{
	tally_decref(node_new(node_type(NODE_FINALIZE), 3));
	CHECK_EQ(node_seen[3].finalize, 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void an_object_that_its_finalizer_brought_back_lives_and_is_not_finalized_again(void)
{
	static const unsigned kinds[] = {NODE_DEALLOC | NODE_FINALIZE, NODE_WHOLE};
	begin_saving();
	node_on_finalize = save_self;
	for (int i = 0; i < 2; i++) {
		tally_object *node = node_new(node_type(kinds[i]), i);
		tally_decref(node);
		CHECK_EQ(node_seen[i].dealloc, 0);
		CHECK_EQ(saved.count, 1);
		CHECK_PTR(saved.object[0], node);
		CHECK(tally_gc_is_finalized(node));
		CHECK_EQ(tally_refcount(node), 1);
		CHECK_EQ(node_of(node)->id, i);
		CHECK_COLLECT(2, 0);
		drop_saved();
		CHECK_EQ(saved.count, 0);
		check_calls(i + 1, 1, 1);
	}
}

static tally_object *keeper; // a live list, in which finalizers keep things

static void keep_in_list(tally_object *self, struct node *node)
{
	(void)node;
	push(keeper, self);
}

static void a_finalizer_may_bring_its_object_back_into_a_container(void)
{
	tally_object *type = node_type(NODE_WHOLE), *list = must(tally_list_new());
	keeper = must(tally_list_new());
	node_on_finalize = keep_in_list;
	for (int i = 0; i < 10; i++) push_own(list, node_new(type, i));
	tally_decref(list);
	check_calls(10, 1, 0);
	CHECK_EQ(length_of(keeper), 10);
	tally_decref(keeper);
	check_calls(10, 1, 1);
}

static void numbers_and_containers_are_never_finalized(void)
{
	tally_object *objects[] = {counted(1), text("x"), must(tally_list_new()), must(tally_dict_new()), tally_none(),
	                           node_new(node_type(NODE_PLAIN), 0)};
	for (int i = 0; i < 6; i++) {
		CHECK(!tally_gc_is_finalized(objects[i]));
		tally_decref(objects[i]);
	}
}

static int order[SAVED], ordered; // numbers of nodes, in the order of something

static void note_order(tally_object *self, struct node *node)
{
	(void)self;
	order[ordered++] = node->id;
	for (int i = 0; i < NODE_LINKS; i++)
		if (node->link[i]) CHECK(!tally_gc_is_finalized(node->link[i]));
}

static void a_parent_is_finalized_before_its_children(void)
{
	tally_object *type = node_type(NODE_WHOLE), *root = node_new(type, 0);
	ordered = 0;
	node_on_finalize = note_order;
	for (int i = 0; i < NODE_LINKS; i++) {
		tally_object *child = node_new(type, 1 + i * 2), *grandchild = node_new(type, 2 + i * 2);
		node_link(child, 0, grandchild);
		node_link(root, i, child);
		tally_decref(grandchild);
		tally_decref(child);
	}
	tally_decref(root);
	CHECK_EQ(ordered, 9);
	for (int i = 0; i < ordered; i++) CHECK_EQ(order[i], i);
	check_calls(9, 1, 1);
}

static void *drop_a_chain(void *first)
{
	tally_token token = attached();
	tally_decref(first);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_chain_of_half_a_million_is_finalized_on_a_small_stack(void)
{
	const int length = tap_scale(500000);
	tally_object *type = node_type(NODE_WHOLE), *first = node_new(type, NODE_IDS);
	for (int i = 1; i < length; i++) {
		tally_object *node = node_new(type, NODE_IDS);
		node_link(node, 0, first);
		tally_decref(first);
		first = node;
	}
	pthread_attr_t attributes;
	pthread_t thread;
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, SANITIZED ? 256 * 1024 : 64 * 1024)) tap_bail_out("no stack of that size");
	if (pthread_create(&thread, &attributes, drop_a_chain, first)) tap_bail_out("no thread");
	pthread_attr_destroy(&attributes);
	finish(thread);
	tally_safepoint();
	CHECK_EQ(node_total.finalize, length);
	CHECK_EQ(node_total.dealloc, length);
}

static void inside_a_section_a_finalizer_waits_for_its_end(void)
{
	tally_object *node = node_new(node_type(NODE_WHOLE), 0), *list = must(tally_list_new());
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	tally_decref(node);
	CHECK_EQ(node_total.finalize, 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	check_calls(1, 1, 1);
	tally_decref(list);
}

// ---- by the collector ----

static void the_node_of_a_cycle_is_finalized_once(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	tally_decref(ring_of_nodes(type, 0, 1));
	CHECK_EQ(node_total.finalize, 0);
	CHECK_COLLECT(2, 1);
	check_calls(1, 1, 1);
	CHECK_COLLECT(2, 0);
	check_calls(1, 1, 1);
}

static tally_object *ring[SAVED];
static int ring_size;

// The ring from the finalizer's view: nobody is cleared or dead, all links stand.
static void see_the_ring_intact(tally_object *self, struct node *node)
{
	CHECK_EQ(node_total.clear + node_total.dealloc, 0);
	CHECK_PTR(self, ring[node->id]);
	for (int i = 0; i < ring_size; i++) {
		CHECK_EQ(node_of(ring[i])->id, i);
		CHECK_PTR(node_of(ring[i])->link[0], ring[(i + 1) % ring_size]);
	}
}

// A ring whose nodes are in `ring`, and referred to by nobody else.
static void make_ring(tally_object *type, int size)
{
	tally_decref(ring[0] = ring_of_nodes(type, 0, size));
	for (int i = 1; i < size; i++) ring[i] = node_of(ring[i - 1])->link[0];
	ring_size = size;
}

static void every_finalizer_runs_before_anything_is_cleared(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	static const int sizes[] = {1, 2, 3, 10, 100};
	for (int i = 0; i < 5; i++) {
		nodes_forget();
		node_on_finalize = see_the_ring_intact;
		make_ring(type, sizes[i]);
		CHECK_COLLECT(i % 3, sizes[i]);
		check_calls(sizes[i], 1, 1);
	}
}

static void see_nobody_dead(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	CHECK_EQ(node_total.dealloc, 0);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
}

// Nor does any destructor, not even of what no finalizer can reach.
static void no_destructor_runs_before_the_last_finalizer(void)
{
	tally_object *type = node_type(NODE_WHOLE), *probe_type = fixture_probe_type(), *old = must(tally_list_new());
	push_own(old, probe(probe_type, 0));
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	node_on_finalize = see_nobody_dead;
	for (int i = 0; i < 10; i++) {
		tally_object *list = list_in_itself();
		push_own(list, probe(probe_type, i + 1));
		if (i == 5) push_own(list, old);
		tally_decref(list);
		tally_decref(ring_of_nodes(type, i * 2, 2));
	}
	CHECK_COLLECT(0, 30);
	check_calls(20, 1, 1);
	CHECK_EQ(atomic_load(&fixture_dead), 11);
}

// What hangs off the nodes, of every kind, is whole when the finalizers run.
static void see_containers(tally_object *self, struct node *node)
{
	tally_object *value = NULL, *item;
	(void)self;
	CHECK_EQ(length_of(node->link[1]), 2);
	item = tally_list_get(node->link[1], 1);
	CHECK(item && tally_is_tuple(item));
	CHECK_EQ(take_counted(tally_tuple_get(item, 0)), 11);
	tally_decref(item);
	CHECK_EQ(tally_dict_get(node->link[2], tally_none(), &value), 1);
	CHECK_STR(tally_str_utf8(value, NULL), "value");
	tally_decref(value);
}

static tally_object *node_with_containers(tally_object *type, int id)
{
	tally_object *node = node_new(type, id), *list = must(tally_list_new()), *dict = must(tally_dict_new());
	tally_object *number = counted(11), *string = text("value");
	push(list, node);
	push_own(list, must(tally_tuple_new(&number, 1)));
	put(dict, tally_none(), string);
	node_link(node, 0, node);
	node_link(node, 1, list);
	node_link(node, 2, dict);
	tally_object *dropped[] = {number, string, list, dict};
	for (int i = 0; i < 4; i++) tally_decref(dropped[i]);
	return node;
}

static void the_containers_of_garbage_are_intact_in_its_finalizers(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	node_on_finalize = see_containers;
	for (int i = 0; i < 50; i++) tally_decref(node_with_containers(type, i));
	CHECK_COLLECT(0, 200);
	check_calls(50, 1, 1);
}

static void see_containers_and_save(tally_object *self, struct node *node)
{
	see_containers(self, node);
	if (node->id % 2) save(self);
}

static void the_containers_of_what_came_back_are_intact_afterwards(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_saving();
	node_on_finalize = see_containers_and_save;
	for (int i = 0; i < 50; i++) tally_decref(node_with_containers(type, i));
	CHECK_COLLECT(0, 100);
	CHECK_EQ(saved.count, 25);
	for (int i = 0; i < saved.count; i++) {
		see_containers(saved.object[i], node_of(saved.object[i]));
		CHECK_EQ(tally_refcount(saved.object[i]), 3);
	}
	drop_saved();
	CHECK_COLLECT(2, 75); // each tuple holds a number only: it is not tracked any more
	check_calls(50, 1, 1);
}

// A node that is no part of a cycle, at the end of one of lists.
static void what_hangs_off_a_cycle_of_lists_is_finalized(void)
{
	tally_object *type = node_type(NODE_WHOLE), *list = ring_of_lists(3), *inner = must(tally_list_new());
	tally_object *node = node_new(type, 0), *leaf = node_new(node_type(NODE_DEALLOC | NODE_FINALIZE), 1);
	push_own(inner, node);
	push_own(inner, leaf);
	push_own(list, inner);
	tally_decref(list);
	CHECK_COLLECT(2, 5);
	check_calls(2, 1, 1);
}

static void an_old_object_that_only_young_garbage_held_is_finalized(void)
{
	tally_object *type = node_type(NODE_WHOLE), *old = node_new(type, 0);
	begin_saving();
	CHECK_COLLECT(2, 0);
	node_on_finalize = save_self;
	tally_object *young = list_in_itself();
	push_own(young, old);
	tally_decref(young);
	CHECK_COLLECT(0, 1);
	check_calls(1, 1, 0);
	CHECK_EQ(tally_refcount(old), 1);
	drop_saved();
	check_calls(1, 1, 1);
}

// ---- resurrection by the collector ----

static void a_cycle_that_comes_back_is_not_counted_and_not_finalized_again(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_saving();
	node_on_finalize = save_self;
	tally_decref(ring_of_nodes(type, 0, 1));
	CHECK_COLLECT(2, 0);
	check_calls(1, 1, 0);
	CHECK_EQ(stats_of(2).collected, 0);
	CHECK_EQ(stats_of(2).uncollectable, 0);
	CHECK_EQ(saved.count, 1);
	CHECK(tally_gc_is_finalized(saved.object[0]));
	CHECK_EQ(tally_refcount(saved.object[0]), 2);
	CHECK_COLLECT(2, 0);
	drop_saved();
	CHECK_COLLECT(2, 1);
	CHECK_EQ(saved.count, 0);
	check_calls(1, 1, 1);
}

static void a_ring_in_which_all_come_back_lives_on(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_saving();
	node_on_finalize = save_self;
	make_ring(type, 3);
	CHECK_COLLECT(2, 0);
	check_calls(3, 1, 0);
	CHECK_EQ(saved.count, 3);
	CHECK_EQ(node_total.clear, 0);
	for (int i = 0; i < 3; i++) CHECK_PTR(node_of(ring[i])->link[0], ring[(i + 1) % 3]);
	drop_saved();
	CHECK_COLLECT(2, 3);
	check_calls(3, 1, 1);
}

static void save_number_3(tally_object *self, struct node *node)
{
	if (node->id == 3) save(self);
}

static void whoever_comes_back_brings_all_that_it_leads_to(void)
{
	tally_object *type = node_type(NODE_WHOLE), *outside = node_new(type, 100);
	begin_saving();
	node_on_finalize = save_number_3;
	make_ring(type, 10);
	node_link(outside, 0, ring[5]); // leads to the ring, which does not lead to it
	node_link(outside, 1, outside);
	tally_decref(outside);
	CHECK_COLLECT(2, 1);
	check_calls(10, 1, 0);
	CHECK_EQ(node_seen[100].finalize, 1);
	CHECK_EQ(node_seen[100].dealloc, 1);
	CHECK_EQ(node_total.clear <= 1, true);
	for (int i = 0; i < 10; i++) {
		CHECK_PTR(node_of(ring[i])->link[0], ring[(i + 1) % 10]);
		CHECK_EQ(tally_refcount(ring[i]), 1 + (i == 3));
	}
	drop_saved();
	CHECK_COLLECT(2, 10);
	check_calls(10, 1, 1);
}

static void save_next(tally_object *self, struct node *node)
{
	(void)self;
	if (node->id == 0) save(node->link[0]);
}

static void a_finalizer_may_bring_another_object_back(void)
{
	tally_object *type = node_type(NODE_WHOLE), *chain[5];
	begin_saving();
	node_on_finalize = save_next;
	for (int i = 0; i < 5; i++) chain[i] = node_new(type, i);
	for (int i = 0; i < 4; i++) node_link(chain[i], 0, chain[i + 1]);
	node_link(chain[0], 1, chain[0]);
	for (int i = 0; i < 5; i++) tally_decref(chain[i]);
	CHECK_COLLECT(2, 1); // the first; the others hang off the second
	CHECK_EQ(node_seen[0].dealloc, 1);
	CHECK_EQ(node_total.dealloc, 1);
	CHECK_EQ(node_total.finalize, 5);
	drop_saved();
	check_calls(5, 1, 1);
}

// Three kinds of finalizer in one ring that is linked both ways: nothing, coming back, cutting its own links.
static void mixed_finalizer(tally_object *self, struct node *node)
{
	if (node->id % 3 == 0) save(self);
	if (node->id % 3 == 2) node_unlink(node);
}

static void in_a_ring_of_three_kinds_of_finalizers_all_live_if_some_come_back(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_saving();
	node_on_finalize = mixed_finalizer;
	for (int i = 0; i < 6; i++) ring[i] = node_new(type, i);
	for (int i = 0; i < 6; i++) {
		node_link(ring[i], 0, ring[(i + 1) % 6]);
		node_link(ring[i], 1, ring[(i + 5) % 6]);
	}
	for (int i = 0; i < 6; i++) tally_decref(ring[i]);
	CHECK_COLLECT(2, 0);
	check_calls(6, 1, 0);
	CHECK_EQ(saved.count, 2);
	drop_saved();
	CHECK_COLLECT(2, 6);
	check_calls(6, 1, 1);
}

static void save_every_third(tally_object *self, struct node *node)
{
	if (node->id % 3 == 0) save(self);
}

static void of_a_thousand_cycles_exactly_those_that_came_back_live(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_saving();
	node_on_finalize = save_every_third;
	for (int i = 0; i < 999; i++) {
		tally_object *node = ring_of_nodes(type, i, 1), *list = must(tally_list_new());
		push(list, node);
		node_link(node, 1, list);
		tally_decref(list);
		tally_decref(node);
	}
	drop_lists_in_themselves(500);
	CHECK_COLLECT(0, 666 * 2 + 500);
	CHECK_EQ(saved.count, 333);
	for (int i = 0; i < 999; i++) {
		CHECK_EQ(node_seen[i].finalize, 1);
		CHECK_EQ(node_seen[i].dealloc, i % 3 != 0);
	}
	CHECK_COLLECT(2, 0);
	drop_saved();
	CHECK_COLLECT(2, 333 * 2);
	check_calls(999, 1, 1);
}

// Into a list that it makes, and into an old one.
static void keep_in_new_list(tally_object *self, struct node *node)
{
	tally_object *list = must(tally_list_new());
	push(list, self);
	if (node->id % 2) push_own(keeper, list);
	else push(keeper, self), tally_decref(list);
}

static void what_finalizers_store_in_new_and_in_old_containers_lives(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	keeper = must(tally_list_new());
	for (int i = 0; i < 3; i++) CHECK_COLLECT(2, 0);
	node_on_finalize = keep_in_new_list;
	for (int i = 0; i < 20; i++) tally_decref(ring_of_nodes(type, i, 1));
	CHECK_COLLECT(0, 0);
	check_calls(20, 1, 0);
	CHECK_EQ(length_of(keeper), 20);
	tally_decref(keeper);
	CHECK_COLLECT(2, 20);
	check_calls(20, 1, 1);
}

// ---- what a finalizer may do ----

static void cut_links(tally_object *self, struct node *node)
{
	(void)self;
	node_unlink(node);
}

static void finalizers_may_drop_the_last_references_to_other_garbage(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	node_on_finalize = cut_links;
	for (int generation = 0; generation < 3; generation++) {
		nodes_forget();
		node_on_finalize = cut_links;
		tally_decref(ring_of_nodes(type, 0, 100));
		CHECK_COLLECT(generation, 100);
		check_calls(100, 1, 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
}

// Each empties its list, which held the last references to ten others, and fills the places with new objects.
static void replace_garbage(tally_object *self, struct node *node)
{
	(void)self;
	if (!node->link[1]) return;
	CHECK_EQ(tally_list_clear(node->link[1]), 0);
	for (int i = 0; i < 20; i++) {
		tally_object *list = must(tally_list_new());
		push_own(list, counted(node->id));
		push_own(keeper, list);
	}
}

static void what_takes_the_place_of_garbage_is_not_taken_for_it(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	keeper = must(tally_list_new());
	node_on_finalize = replace_garbage;
	for (int i = 0; i < 50; i++) {
		tally_object *node = ring_of_nodes(type, i, 1), *list = must(tally_list_new());
		for (int k = 0; k < 10; k++) push_own(list, k % 2 ? must(tally_list_new()) : node_new(type, 1000 + i));
		node_link(node, 1, list);
		tally_decref(list);
		tally_decref(node);
	}
	CHECK_COLLECT(0, 50 * 12);
	check_calls(50, 1, 1);
	CHECK_EQ(node_total.dealloc, 50 * 6);
	CHECK_EQ(node_total.finalize, 50 * 6);
	CHECK_EQ(length_of(keeper), 1000);
	for (ptrdiff_t i = 0; i < 1000; i++) {
		tally_object *list = must(tally_list_get(keeper, i));
		CHECK_EQ(length_of(list), 1);
		CHECK(take_counted(tally_list_get(list, 0)) < 50);
		tally_decref(list);
	}
	tally_decref(keeper);
}

static int64_t collected_inside; // by collections that finalizers asked for
static uint64_t collections_inside; // of any kind, while finalizers ran

static void allocate_and_collect(tally_object *self, struct node *node)
{
	uint64_t before = collections();
	(void)self;
	(void)node;
	drop_lists_in_themselves(200);
	for (int i = 0; i < 3; i++) {
		int64_t found = tally_gc_collect(i);
		CHECK(found >= 0);
		collected_inside += found;
	}
	collections_inside += collections() - before;
	CHECK_NO_ERROR();
}

static void a_collection_inside_a_finalizer_of_the_collectors_returns_0(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	collected_inside = 0;
	collections_inside = 0;
	node_on_finalize = allocate_and_collect;
	set_thresholds(1, 1, 1);
	tally_gc_enable();
	for (int i = 0; i < 5; i++) tally_decref(ring_of_nodes(type, i, 1));
	tally_gc_collect(2); // unless they are gone already
	tally_gc_disable();
	check_calls(5, 1, 1);
	CHECK_EQ(collected_inside, 0);
	CHECK_EQ(collections_inside, 0);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_finalizer_by_count_may_allocate_and_collect(void)
{
	tally_object *type = node_type(NODE_WHOLE), *leaf = node_type(NODE_DEALLOC | NODE_FINALIZE);
	collected_inside = 0;
	node_on_finalize = allocate_and_collect;
	set_thresholds(1, 1, 1);
	tally_gc_enable();
	for (int i = 0; i < 10; i++) tally_decref(node_new(i % 2 ? leaf : type, i));
	tally_gc_disable();
	check_calls(10, 1, 1);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void fail_at_something(tally_object *self, struct node *node)
{
	(void)node;
	CHECK_NO_ERROR(); // whatever the thread had
	CHECK(!tally_list_get(self, 0));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	errno = EIO;
}

static void errors_in_finalizers_do_not_reach_the_thread(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	node_on_finalize = fail_at_something;
	tally_error_set(TALLY_ERROR_KEY, "mine");
	tally_decref(ring_of_nodes(type, 0, 5));
	tally_object *single = node_new(type, 5);
	errno = EDOM;
	tally_decref(single);
	CHECK_EQ(errno, EDOM);
	CHECK_COLLECT(2, 5);
	CHECK_EQ(errno, EDOM);
	CHECK_ERROR(TALLY_ERROR_KEY, "mine");
	check_calls(6, 1, 1);
}

static void errors_and_errno_survive_an_automatic_collection_with_finalizers(void)
{
	tally_object *type = node_type(NODE_WHOLE), *kept = must(tally_list_new());
	node_on_finalize = fail_at_something;
	tally_error_set(TALLY_ERROR_KEY, "mine");
	tally_decref(ring_of_nodes(type, 0, 5));
	set_thresholds(10, 1, 1);
	tally_gc_enable();
	while (node_total.dealloc < 5 && length_of(kept) < 10000) {
		errno = EDOM;
		push_own(kept, must(tally_list_new()));
		if (!CHECK_EQ(errno, EDOM)) break;
	}
	tally_gc_disable();
	CHECK_ERROR(TALLY_ERROR_KEY, "mine");
	check_calls(5, 1, 1);
	tally_decref(kept);
}

static void make_new_cycle(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	drop_lists_in_themselves(3);
}

static void new_cycles_that_finalizers_make_are_found_by_the_next_collection(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	node_on_finalize = make_new_cycle;
	tally_decref(ring_of_nodes(type, 0, 10));
	CHECK_COLLECT(2, 10);
	check_calls(10, 1, 1);
	CHECK_EQ(fixture_live_objects(), 30);
	CHECK_COLLECT(0, 30); // they are young
}

static void make_cycle_with_self(tally_object *self, struct node *node)
{
	tally_object *list = list_in_itself();
	if (node->id == 0) push(list, self);
	tally_decref(list);
}

static void garbage_that_a_new_cycle_refers_to_waits_for_the_next_collection(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	node_on_finalize = make_cycle_with_self;
	tally_decref(ring_of_nodes(type, 0, 4));
	CHECK_COLLECT(2, 0);
	check_calls(4, 1, 0);
	CHECK_COLLECT(2, 4 + 4);
	check_calls(4, 1, 1);
}

// The world goes on while finalizers run: another thread works, and its collections return 0.
static struct {
	stage at;
	int64_t found;
	pthread_t finalizer;
} meeting;

static void meet_another_thread(tally_object *self, struct node *node)
{
	(void)self;
	meeting.finalizer = pthread_self();
	if (node->id > 0) return;
	reach(&meeting.at, 1);
	await(&meeting.at, 2);
}

static void *work_meanwhile(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&meeting.at, 1);
	tally_object *list = ring_of_lists(20);
	for (int i = 0; i < 1000; i++) push_own(list, counted(i));
	drop_lists_in_themselves(100);
	meeting.found = tally_gc_collect(2);
	CHECK_EQ(length_of(list), 1001);
	tally_decref(list);
	reach(&meeting.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void other_threads_go_on_and_collect_while_finalizers_run(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	reach(&meeting.at, 0);
	node_on_finalize = meet_another_thread;
	pthread_t worker = spawn(work_meanwhile, NULL);
	tally_decref(ring_of_nodes(type, 0, 5));
	CHECK_COLLECT(2, 5);
	finish(worker);
	CHECK_EQ(meeting.found, 100);
	check_calls(5, 1, 1);
	CHECK_COLLECT(2, 20);
}

static void *make_many_meanwhile(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&meeting.at, 1);
	for (int i = 0; i < 50; i++) drop_lists_in_themselves(500);
	reach(&meeting.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// However full the heap is: a finalizer may wait for what another thread does.
static void a_thread_that_makes_much_does_not_wait_for_finalizers(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	reach(&meeting.at, 0);
	node_on_finalize = meet_another_thread;
	pthread_t worker = spawn(make_many_meanwhile, NULL);
	tally_decref(ring_of_nodes(type, 0, 5));
	set_thresholds(10, 2, 2);
	tally_gc_enable();
	tally_gc_collect(2);
	finish(worker);
	tally_gc_disable();
	check_calls(5, 1, 1);
	CHECK(tally_gc_collect(2) >= 0);
}

// Two collections of two threads, whose finalizers run at the same time; garbage of the second refers to garbage of the
// first.
static struct {
	stage at;
	tally_object *type, *of_first;
	int64_t found_by_second;
	bool second_waits; // for the end of the first collection, in its finalizer
} overlap;

static void finalize_in_two_collections(tally_object *self, struct node *node)
{
	if (node->id == 0) {
		overlap.of_first = tally_incref(self);
		reach(&overlap.at, 1);
		await(&overlap.at, 2);
	} else if (overlap.second_waits) {
		reach(&overlap.at, 2);
		await(&overlap.at, 3);
	}
}

static void *be_the_second(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&overlap.at, 1);
	tally_object *node = ring_of_nodes(overlap.type, 1, 1);
	node_link(node, 1, overlap.of_first);
	tally_decref(overlap.of_first);
	tally_decref(node);
	overlap.found_by_second = tally_gc_collect(2);
	if (!overlap.second_waits) reach(&overlap.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void begin_overlap(bool second_waits)
{
	reach(&overlap.at, 0);
	nodes_forget();
	overlap.second_waits = second_waits;
	node_on_finalize = finalize_in_two_collections;
	tally_decref(ring_of_nodes(overlap.type, 0, 1));
}

static void a_collection_may_begin_and_end_while_the_finalizers_of_another_run(void)
{
	overlap.type = node_type(NODE_WHOLE);
	begin_overlap(false);
	pthread_t second = spawn(be_the_second, NULL);
	CHECK_COLLECT(2, 1);
	finish(second);
	CHECK_EQ(overlap.found_by_second, 1);
	check_calls(2, 1, 1);
}

static void garbage_of_one_collection_keeps_that_of_another_to_which_it_refers(void)
{
	overlap.type = node_type(NODE_WHOLE);
	begin_overlap(true);
	pthread_t second = spawn(be_the_second, NULL);
	CHECK_COLLECT(2, 0); // what the second refers to has come back, for all that the first can see
	check_calls(1, 1, 0);
	reach(&overlap.at, 3);
	finish(second);
	CHECK_EQ(overlap.found_by_second, 1);
	CHECK_EQ(node_seen[1].dealloc, 1);
	CHECK_COLLECT(2, 1);
	check_calls(2, 1, 1);
}

static void drop_rings(void *type, unsigned number)
{
	for (int i = 0; i < 10; i++) tally_decref(ring_of_nodes(type, (int)number * 100 + i * 5, 5));
}

static void note_thread(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	CHECK(pthread_equal(pthread_self(), meeting.finalizer));
}

static void finalizers_run_on_the_thread_that_collects(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	meeting.finalizer = pthread_self();
	node_on_finalize = note_thread;
	run_threads(4, drop_rings, type);
	CHECK_EQ(node_total.finalize, 0);
	CHECK_COLLECT(2, 200);
	CHECK_EQ(node_total.finalize, 200);
	CHECK_EQ(node_total.dealloc, 200);
}

static void drop_an_object_of_another_thread(void *object, unsigned number)
{
	(void)number;
	tally_decref(object);
}

static void an_object_that_another_thread_drops_may_come_back(void)
{
	tally_object *type = node_type(NODE_WHOLE), *leaf = node_type(NODE_DEALLOC | NODE_FINALIZE);
	begin_saving();
	node_on_finalize = save_self;
	for (int i = 0; i < 2; i++) {
		run_threads(1, drop_an_object_of_another_thread, node_new(i ? leaf : type, i));
		CHECK_EQ(saved.count, i + 1);
		CHECK_EQ(node_seen[i].dealloc, 0);
		CHECK_EQ(tally_refcount(saved.object[i]), 1);
	}
	tally_incref(saved.object[0]);
	tally_decref(saved.object[0]);
	drop_saved();
	check_calls(2, 1, 1);
}

// Hands its object to another thread, which may drop it before or after the finalizer has ended.
static struct {
	stage at;
	tally_object *object;
	bool waits; // the finalizer waits for the drop
} handed;

static void hand_over(tally_object *self, struct node *node)
{
	(void)node;
	handed.object = tally_incref(self);
	reach(&handed.at, 1);
	if (handed.waits) await(&handed.at, 2);
}

static void *drop_what_was_handed(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&handed.at, 1);
	tally_incref(handed.object);
	tally_decref(handed.object);
	tally_decref(handed.object);
	reach(&handed.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void an_object_handed_to_another_thread_by_its_finalizer_dies_once(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	const int rounds = tap_scale(200);
	node_on_finalize = hand_over;
	for (int i = 0; i < rounds; i++) {
		reach(&handed.at, 0);
		handed.waits = i % 2;
		pthread_t dropper = spawn(drop_what_was_handed, NULL);
		tally_object *node = node_new(type, i);
		if (i % 4 < 2) node_link(node, 0, node);
		tally_decref(node);
		if (i % 4 < 2) CHECK(tally_gc_collect(0) >= 0);
		finish(dropper);
		tally_gc_collect(2);
		tally_safepoint();
		CHECK_EQ(node_seen[i].finalize, 1);
		CHECK_EQ(node_seen[i].dealloc, 1);
	}
}

// ---- clear and dealloc ----

static int step, finalize_step, clear_step, dealloc_step;

static void step_finalize(tally_object *self, void *payload, void *context)
{
	(void)self;
	(void)payload;
	(void)context;
	finalize_step = ++step;
}

static void step_clear(void *payload, void *context)
{
	(void)context;
	clear_step = ++step;
	node_unlink(payload);
}

static void step_dealloc(void *payload, void *context)
{
	(void)context;
	dealloc_step = ++step;
	node_unlink(payload);
}

static tally_object *step_type(bool has_dealloc)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "step",
		.payload_size = sizeof(struct node),
		.dealloc = has_dealloc ? step_dealloc : NULL,
		.traverse = node_is_traversed,
		.clear = step_clear,
		.finalize = step_finalize,
		.context = node_seen,
	};
	step = finalize_step = clear_step = dealloc_step = 0;
	return must(tally_host_type_new(&description));
}

static void garbage_is_finalized_then_cleared_then_deallocated(void)
{
	tally_object *node = node_new(step_type(true), 0);
	node_link(node, 0, node);
	tally_decref(node);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(finalize_step, 1);
	CHECK_EQ(clear_step, 2);
	CHECK_EQ(dealloc_step, 3);
	CHECK_EQ(step, 3);
}

static void an_object_with_a_dealloc_is_not_cleared_when_its_count_ends(void)
{
	tally_decref(node_new(step_type(true), 0));
	CHECK_EQ(finalize_step, 1);
	CHECK_EQ(dealloc_step, 2);
	CHECK_EQ(clear_step, 0);
}

static void clear_is_what_an_object_without_a_dealloc_dies_by(void)
{
	tally_object *type = step_type(false), *probe_type = fixture_probe_type(), *node = node_new(type, 0);
	tally_object *child = probe(probe_type, 0);
	node_link(node, 0, child);
	tally_decref(child);
	tally_decref(node);
	CHECK_EQ(finalize_step, 1);
	CHECK_EQ(clear_step, 2);
	CHECK_EQ(step, 2);
	check_died_in_order(1);
}

static void a_cycle_without_dealloc_is_cleared_and_gone(void)
{
	tally_object *type = node_type(NODE_TRAVERSE | NODE_CLEAR), *probe_type = fixture_probe_type();
	for (int i = 0; i < 10; i++) {
		tally_object *nodes = ring_of_nodes(type, i * 3, 3), *child = probe(probe_type, i);
		node_link(nodes, 2, child);
		tally_decref(child);
		tally_decref(nodes);
	}
	CHECK_COLLECT(2, 30);
	for (int i = 0; i < 30; i++) CHECK(node_seen[i].clear >= 1);
	CHECK_EQ(atomic_load(&fixture_dead), 10);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- types that do not say how to break their cycles ----

static void check_garbage(size_t wanted)
{
	size_t count = 0;
	CHECK_EQ(tally_len(tally_gc_garbage(), &count), 0);
	CHECK_EQ(count, wanted);
}

static void empty_garbage(void) { CHECK_EQ(tally_list_clear(tally_gc_garbage()), 0); }

// What the collector could not do.
static void break_by_hand(tally_object *object)
{
	tally_incref(object);
	node_unlink(node_of(object));
	tally_decref(object);
}

static void a_cycle_of_a_type_without_clear_is_uncollectable(void)
{
	tally_object *type = node_type(NODE_DEALLOC | NODE_TRAVERSE | NODE_FINALIZE);
	make_ring(type, 5);
	CHECK_COLLECT(2, 5);
	CHECK_EQ(stats_of(2).collected, 5);
	CHECK_EQ(stats_of(2).uncollectable, 5);
	check_calls(5, 1, 0);
	CHECK_EQ(fixture_live_objects(), 5);
	for (int i = 0; i < 3; i++) CHECK_COLLECT(i, 0); // the garbage list has them
	check_calls(5, 1, 0);
	for (int i = 0; i < 5; i++) CHECK_EQ(tally_refcount(ring[i]), 2);
	check_garbage(5);
	empty_garbage();
	break_by_hand(ring[2]); // the rest follows
	check_calls(5, 1, 1);
	CHECK_COLLECT(2, 0);
}

static void a_cycle_that_somebody_can_clear_is_collected_whoever_else_cannot(void)
{
	tally_object *without = node_type(NODE_DEALLOC | NODE_TRAVERSE), *with = node_type(NODE_WHOLE);
	tally_object *nodes = ring_of_nodes(without, 0, 5), *other = node_new(with, 5), *list = must(tally_list_new());
	node_link(other, 0, nodes);
	node_link(nodes, 1, other); // two cycles, one through a node that can be cleared, one of those that cannot
	tally_object *first = ring_of_nodes(without, 10, 1);
	push(list, first);
	node_link(first, 0, list); // this one is broken by the list
	tally_object *dropped[] = {nodes, other, first, list};
	for (int i = 0; i < 4; i++) tally_decref(dropped[i]);
	CHECK_COLLECT(2, 8);
	CHECK_EQ(stats_of(2).uncollectable, 6); // the ring, and the node that it still refers to
	CHECK_EQ(node_seen[10].dealloc, 1);
	CHECK_EQ(node_seen[0].dealloc, 0);
	check_garbage(6);
	empty_garbage();
	break_by_hand(nodes);
	check_calls(1, 0, 1);
	CHECK_EQ(node_seen[5].dealloc, 1);
}

static void what_hangs_off_an_uncollectable_cycle_stays_with_it(void)
{
	tally_object *type = node_type(NODE_DEALLOC | NODE_TRAVERSE), *list = must(tally_list_new());
	make_ring(type, 1);
	push_own(list, counted(5));
	node_link(ring[0], 1, list);
	tally_decref(list);
	int64_t found = tally_gc_collect(2); // the list is cleared, and stays
	CHECK_EQ(found, 2);
	CHECK(stats_of(2).uncollectable >= 1);
	CHECK(tally_is_list(node_of(ring[0])->link[1]));
	check_garbage((size_t)stats_of(2).uncollectable);
	empty_garbage();
	break_by_hand(ring[0]);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- the end of the runtime ----

static void garbage_at_the_end_of_the_runtime_is_finalized_and_no_leak(void)
{
	uint64_t leaked = 77;
	tally_object *type = node_type(NODE_WHOLE);
	for (int i = 0; i < 10; i++) tally_decref(ring_of_nodes(type, i * 5, 5));
	drop_lists_in_themselves(10);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 0);
	check_calls(50, 1, 1);
	nodes_start();
}

// ---- without memory ----

static void finalizers_by_count_need_no_memory(void)
{
	if (tally_heap_fail(0, false)) {
		tally_error_clear();
		return;
	}
	tally_object *type = node_type(NODE_WHOLE), *list = must(tally_list_new());
	begin_saving();
	node_on_finalize = save_every_third;
	for (int i = 0; i < 99; i++) push_own(list, node_new(type, i));
	CHECK_EQ(tally_heap_fail(1, true), 0);
	tally_decref(list);
	CHECK_EQ(tally_heap_attempts(), 0);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(saved.count, 33);
	CHECK_EQ(node_total.finalize, 99);
	CHECK_EQ(node_total.dealloc, 66);
	drop_saved();
	check_calls(99, 1, 1);
}

int main(void)
{
	nodes_begin(120);
	TAP_RUN(a_finalizer_runs_once_when_the_last_reference_goes);
	TAP_RUN(a_finalizer_sees_its_object_and_what_it_refers_to_intact);
	TAP_RUN(a_type_with_nothing_but_a_finalizer_has_it_called);
	TAP_RUN(an_object_that_its_finalizer_brought_back_lives_and_is_not_finalized_again);
	TAP_RUN(a_finalizer_may_bring_its_object_back_into_a_container);
	TAP_RUN(numbers_and_containers_are_never_finalized);
	TAP_RUN(a_parent_is_finalized_before_its_children);
	TAP_RUN(a_chain_of_half_a_million_is_finalized_on_a_small_stack);
	TAP_RUN(inside_a_section_a_finalizer_waits_for_its_end);
	TAP_RUN(the_node_of_a_cycle_is_finalized_once);
	TAP_RUN(every_finalizer_runs_before_anything_is_cleared);
	TAP_RUN(no_destructor_runs_before_the_last_finalizer);
	TAP_RUN(the_containers_of_garbage_are_intact_in_its_finalizers);
	TAP_RUN(the_containers_of_what_came_back_are_intact_afterwards);
	TAP_RUN(what_hangs_off_a_cycle_of_lists_is_finalized);
	TAP_RUN(an_old_object_that_only_young_garbage_held_is_finalized);
	TAP_RUN(a_cycle_that_comes_back_is_not_counted_and_not_finalized_again);
	TAP_RUN(a_ring_in_which_all_come_back_lives_on);
	TAP_RUN(whoever_comes_back_brings_all_that_it_leads_to);
	TAP_RUN(a_finalizer_may_bring_another_object_back);
	TAP_RUN(in_a_ring_of_three_kinds_of_finalizers_all_live_if_some_come_back);
	TAP_RUN(of_a_thousand_cycles_exactly_those_that_came_back_live);
	TAP_RUN(what_finalizers_store_in_new_and_in_old_containers_lives);
	TAP_RUN(finalizers_may_drop_the_last_references_to_other_garbage);
	TAP_RUN(what_takes_the_place_of_garbage_is_not_taken_for_it);
	TAP_RUN(a_collection_inside_a_finalizer_of_the_collectors_returns_0);
	TAP_RUN(a_finalizer_by_count_may_allocate_and_collect);
	TAP_RUN(errors_in_finalizers_do_not_reach_the_thread);
	TAP_RUN(errors_and_errno_survive_an_automatic_collection_with_finalizers);
	TAP_RUN(new_cycles_that_finalizers_make_are_found_by_the_next_collection);
	TAP_RUN(garbage_that_a_new_cycle_refers_to_waits_for_the_next_collection);
	TAP_RUN(other_threads_go_on_and_collect_while_finalizers_run);
	TAP_RUN(a_thread_that_makes_much_does_not_wait_for_finalizers);
	TAP_RUN(a_collection_may_begin_and_end_while_the_finalizers_of_another_run);
	TAP_RUN(garbage_of_one_collection_keeps_that_of_another_to_which_it_refers);
	TAP_RUN(finalizers_run_on_the_thread_that_collects);
	TAP_RUN(an_object_that_another_thread_drops_may_come_back);
	TAP_RUN(an_object_handed_to_another_thread_by_its_finalizer_dies_once);
	TAP_RUN(garbage_is_finalized_then_cleared_then_deallocated);
	TAP_RUN(an_object_with_a_dealloc_is_not_cleared_when_its_count_ends);
	TAP_RUN(clear_is_what_an_object_without_a_dealloc_dies_by);
	TAP_RUN(a_cycle_without_dealloc_is_cleared_and_gone);
	TAP_RUN(a_cycle_of_a_type_without_clear_is_uncollectable);
	TAP_RUN(a_cycle_that_somebody_can_clear_is_collected_whoever_else_cannot);
	TAP_RUN(what_hangs_off_an_uncollectable_cycle_stays_with_it);
	TAP_RUN(garbage_at_the_end_of_the_runtime_is_finalized_and_no_leak);
	TAP_RUN(finalizers_by_count_need_no_memory);
	return tap_end();
}
