// tests/recipe_tree.c: the tree of docs/examples/tree.c: links, moves, deaths, threads.
#include "classes.h"
#include "guarded.h"
#include "tree.h"

static tally_object *node(tally_object *parent, int64_t value)
{
	tally_object *number = integer(value), *made = must(tree_node_new(parent, number));
	tally_decref(number);
	return made;
}

// A child that its parent alone keeps.
static tally_object *child(tally_object *parent, int64_t value)
{
	tally_object *made = node(parent, value);
	tally_decref(made);
	return made;
}

static int64_t value_in(tally_object *at) { return take_value(tree_value(at)); }

// The values of a list of nodes, one after the other. Gives the list up.
static const char *values_in(tally_object *list)
{
	static char joined[1024];
	size_t count = 0;
	joined[0] = '\0';
	if (!CHECK_EQ(tally_list_size(list, &count), 0)) return "";
	for (size_t i = 0; i < count && i < 100; i++) {
		tally_object *at = must(tally_list_get(list, (ptrdiff_t)i));
		size_t used = strlen(joined);
		snprintf(joined + used, sizeof joined - used, "%s%lld", i ? " " : "", (long long)value_in(at));
		tally_decref(at);
	}
	tally_decref(list);
	return joined;
}

#define CHECK_CHILDREN(at, expected) CHECK_STR(values_in(must(tree_children(at))), (expected))
#define CHECK_PATH(at, expected) CHECK_STR(values_in(must(tree_path(at))), (expected))

static void check_parent(tally_object *at, tally_object *expected)
{
	tally_object *parent = at;
	CHECK_EQ(tree_parent(at, &parent), expected != NULL);
	CHECK_PTR(parent, expected);
	tally_decref(parent);
}

// ---- links ----

static void a_node_knows_its_children_and_its_parent(void)
{
	tally_object *root = node(NULL, 0), *first = child(root, 1), *second = child(root, 2), *third = child(first, 3);
	CHECK_CHILDREN(root, "1 2");
	CHECK_CHILDREN(first, "3");
	CHECK_CHILDREN(third, "");
	check_parent(root, NULL);
	check_parent(second, root);
	check_parent(third, first);
	CHECK_PATH(third, "3 1 0");
	CHECK_PATH(root, "0");
	CHECK_EQ(value_in(third), 3);
	CHECK_EQ(tally_refcount(root), 1); // nobody below counts it
	tally_decref(root);
}

static void a_node_can_be_referred_to_weakly(void)
{
	tally_object *root = node(NULL, 0), *found = NULL;
	tally_object *weak = must(tally_weakref_new(child(root, 1), NULL));
	CHECK_EQ(tally_weakref_get(weak, &found), 1);
	CHECK_EQ(value_in(found), 1);
	tally_decref(found);
	tally_decref(root);
	CHECK_EQ(tally_weakref_get(weak, &found), 0);
	tally_decref(weak);
}

// ---- death ----

static void with_its_root_a_tree_is_gone_at_once_and_without_a_collection(void)
{
	tally_object *type = fixture_probe_type(), *root = node(NULL, 0);
	tally_object *rows[3] = {child(root, 1), child(root, 2), child(root, 3)};
	for (int i = 0; i < 30; i++) {
		tally_object *value = probe(type, i);
		tally_decref(must(tree_node_new(rows[i % 3], value)));
		tally_decref(value);
	}
	uint64_t before = collections();
	tally_decref(root);
	CHECK_EQ(atomic_load(&fixture_dead), 30);
	CHECK_EQ(fixture_live_objects(), 0);
	CHECK_EQ(collections(), before);
}

static void a_node_that_is_kept_keeps_what_is_below_and_has_no_parent_when_the_root_is_gone(void)
{
	tally_object *root = node(NULL, 0), *kept = node(child(root, 1), 2);
	child(kept, 3);
	CHECK_PATH(kept, "2 1 0");
	tally_decref(root);
	check_parent(kept, NULL);
	CHECK_PATH(kept, "2");
	CHECK_CHILDREN(kept, "3");
	tally_object *other = node(NULL, 10);
	CHECK_EQ(tree_move(kept, other), 0);
	CHECK_PATH(kept, "2 10");
	tally_decref(kept);
	tally_decref(other);
}

static void a_deep_tree_dies_whole(void)
{
	const int depth = tap_scale(100000);
	tally_object *root = node(NULL, 0), *last = root;
	for (int i = 1; i <= depth; i++) last = child(last, i); // each kept by the one above
	size_t length = 0;
	tally_object *path = must(tree_path(last));
	CHECK_EQ(tally_list_size(path, &length), 0);
	CHECK_EQ(length, depth + 1);
	tally_decref(path);
	tally_decref(root);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_tree_whose_value_has_it_is_collected(void)
{
	tally_object *list = must(tally_list_new()), *root = must(tree_node_new(NULL, list)), *leaf = child(root, 1);
	push(list, root);
	push(list, leaf);
	tally_object *weak = must(tally_weakref_new(leaf, NULL)), *found = NULL;
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	tally_decref(list);
	tally_decref(root);
	CHECK_EQ(tally_weakref_get(weak, &found), 1);
	tally_decref(found);
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(tally_weakref_get(weak, &found), 0);
	tally_decref(weak);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- moves ----

static void a_subtree_moves_as_one(void)
{
	tally_object *root = node(NULL, 0), *left = child(root, 1), *right = child(root, 2), *moved = child(left, 3);
	child(moved, 4);
	CHECK_EQ(tree_move(moved, right), 0);
	CHECK_CHILDREN(left, "");
	CHECK_CHILDREN(right, "3");
	CHECK_CHILDREN(moved, "4");
	CHECK_PATH(moved, "3 2 0");
	CHECK_EQ(tree_move(left, root), 0); // is there already: stays the first
	CHECK_CHILDREN(root, "1 2");
	tally_decref(root);
}

static void a_node_that_is_moved_out_is_a_root_of_whoever_has_it(void)
{
	tally_object *root = node(NULL, 0), *kept = node(root, 1);
	child(kept, 2);
	child(root, 3);
	CHECK_EQ(tree_move(kept, NULL), 0);
	check_parent(kept, NULL);
	CHECK_CHILDREN(root, "3");
	CHECK_EQ(tree_move(kept, NULL), 0);
	tally_decref(root);
	CHECK_CHILDREN(kept, "2");
	uint64_t before = fixture_live_objects();
	tally_object *lost = child(kept, 4);
	CHECK_EQ(tree_move(lost, NULL), 0); // nobody has it
	CHECK_EQ(fixture_live_objects(), before);
	CHECK_CHILDREN(kept, "2");
	tally_decref(kept);
}

static void a_move_that_would_make_a_cycle_is_refused(void)
{
	static const char refused[] = "tree_move: the new parent is the node itself, or below it";
	tally_object *root = node(NULL, 0), *middle = child(root, 1), *leaf = child(middle, 2);
	CHECK_EQ(tree_move(root, root), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, refused);
	CHECK_EQ(tree_move(root, leaf), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, refused);
	CHECK_EQ(tree_move(middle, leaf), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, refused);
	CHECK_PATH(leaf, "2 1 0");
	tally_decref(root);
}

// ---- errors ----

static void what_is_no_node_is_refused(void)
{
	tally_object *list = must(tally_list_new()), *root = node(NULL, 0), *found = list;
	CHECK(!tree_node_new(list, list));
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK(!tree_node_new(NULL, NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "tree_node_new: no value");
	CHECK_EQ(tree_parent(list, &found), -1);
	CHECK(!found);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK(!tree_value(NULL));
	CHECK_FAILED(TALLY_ERROR_TYPE, "NULL");
	CHECK(!tree_children(list));
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK(!tree_path(list));
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(tree_move(root, list), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(tree_move(list, root), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_CHILDREN(root, "");
	tally_decref(root);
	tally_decref(list);
}

static void without_memory_nothing_has_changed(void)
{
	bool done = tally_heap_fail(0, false) != 0;
	tally_error_clear();
	for (uint64_t n = 1; n < 100 && !done; n++) {
		tally_object *root = node(NULL, 0), *left = child(root, 1), *right = child(root, 2), *moved = child(left, 3);
		CHECK_EQ(tally_heap_fail(n, false), 0);
		int status = tree_move(moved, right);
		tally_object *added = tree_node_new(moved, tally_none());
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!done && !fixture_gives_up_later()) CHECK(status < 0 || !added);
		if (status < 0 || !added) CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		CHECK_PATH(moved, status ? "3 1 0" : "3 2 0");
		CHECK_CHILDREN(left, status ? "3" : "");
		CHECK_CHILDREN(right, status ? "" : "3");
		if (added) check_parent(added, moved);
		else CHECK_CHILDREN(moved, "");
		tally_decref(added);
		tally_decref(root);
		CHECK_EQ(fixture_live_objects(), 0);
	}
	CHECK(done);
}

// ---- threads ----

static void ask_for_parent(void *at) { check_parent(at, NULL); }
static void ask_for_children(void *at) { tally_decref(must(tree_children(at))); }
static void ask_for_path(void *at) { CHECK_PATH(at, "0"); }
static void make_a_root(void *at) { CHECK_EQ(tree_move(at, NULL), 0); }
static void make_a_child(void *at) { child(at, 1); }

static void each_call_waits_for_a_section_over_the_type(void)
{
	void (*const calls[])(void *) = {ask_for_parent, ask_for_children, ask_for_path, make_a_root, make_a_child};
	tally_object *root = node(NULL, 0), *type = tally_type_of(root);
	for (int i = 0; i < 5; i++) check_waits_for(type, calls[i], root);
	tally_decref(type);
	tally_decref(root);
}

static void move_first_below_second(void *nodes)
{
	tally_object **pair = nodes;
	CHECK_EQ(tree_move(pair[0], pair[1]), -1);
	CHECK_FAILED(TALLY_ERROR_VALUE, "below");
}

static void move_second_below_first(void *nodes)
{
	tally_object **pair = nodes;
	CHECK_EQ(tree_move(pair[1], pair[0]), 0);
}

static void a_move_looks_for_a_cycle_when_nobody_else_can_make_one(void)
{
	tally_object *nodes[] = {node(NULL, 0), node(NULL, 1)}, *type = tally_type_of(nodes[0]);
	check_waits_while(type, move_first_below_second, move_second_below_first, nodes);
	check_parent(nodes[1], nodes[0]);
	check_parent(nodes[0], NULL);
	for (int i = 0; i < 2; i++) tally_decref(nodes[i]);
	tally_decref(type);
}

enum { TEAM = 4, NODES = 12 };

struct forest {
	tally_object *nodes[NODES]; // held by the test
};

// Whatever others do, each path is of one moment: it starts here, ends, and has no node twice.
static void check_whole_path(tally_object *at)
{
	tally_object *path = must(tree_path(at)), *set = must(tally_set_new(path));
	size_t length = 0, different = 0;
	CHECK_EQ(tally_list_size(path, &length), 0);
	CHECK_EQ(tally_set_size(set, &different), 0);
	CHECK_EQ(length, different);
	CHECK(length >= 1 && length <= NODES);
	tally_decref(set);
	tally_decref(path);
}

static void move_as_team(void *context, unsigned number)
{
	struct forest *forest = context;
	uint64_t state = fixture_seed(number);
	for (int i = 0; i < tap_scale(3000); i++) {
		tally_object *one = forest->nodes[below(&state, NODES)], *other = forest->nodes[below(&state, NODES)];
		switch (below(&state, 8)) {
		case 0: check_whole_path(one); break;
		case 1: CHECK_EQ(tree_move(one, NULL), 0); break;
		case 2: tally_decref(must(tree_children(one))); break;
		default:
			if (tree_move(one, other)) CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
		}
	}
	tally_error_clear();
}

// Without a cycle all of it dies by its counts; and each is the child of the one that is its parent.
static void threads_that_move_nodes_make_no_cycle(void)
{
	struct forest forest;
	for (int i = 0; i < NODES; i++) forest.nodes[i] = node(NULL, i);
	run_threads(TEAM, move_as_team, &forest);
	size_t links = 0, roots = 0;
	for (int i = 0; i < NODES; i++) {
		tally_object *children = must(tree_children(forest.nodes[i])), *parent = NULL;
		size_t count = 0;
		CHECK_EQ(tally_list_size(children, &count), 0);
		for (size_t c = 0; c < count; c++) {
			tally_object *at = must(tally_list_get(children, (ptrdiff_t)c));
			check_parent(at, forest.nodes[i]);
			tally_decref(at);
		}
		links += count;
		roots += tree_parent(forest.nodes[i], &parent) == 0;
		tally_decref(parent);
		tally_decref(children);
	}
	CHECK_EQ(links + roots, NODES);
	for (int i = 0; i < NODES; i++) tally_decref(forest.nodes[i]);
	CHECK_EQ(fixture_live_objects(), 0);
}

// Two threads move one below the other at the same moment: one of them is refused.
struct pair {
	tally_object *node[2];
	atomic_int begun, done, moved;
};

static void wait_for(atomic_int *count, int least)
{
	tally_blocking_begin();
	while (atomic_load(count) < least) sched_yield();
	tally_blocking_end();
}

static void move_below_the_other(void *context, unsigned number)
{
	struct pair *pair = context;
	for (int round = 1; round <= tap_scale(2000); round++) {
		atomic_fetch_add(&pair->begun, 1);
		wait_for(&pair->begun, 2 * round);
		if (tree_move(pair->node[number], pair->node[1 - number]) == 0) atomic_fetch_add(&pair->moved, 1);
		atomic_fetch_add(&pair->done, 1);
		wait_for(&pair->done, 4 * round - 2);
		CHECK_EQ(atomic_load(&pair->moved), round);
		atomic_fetch_add(&pair->done, 1);
		wait_for(&pair->done, 4 * round);
		CHECK_EQ(tree_move(pair->node[number], NULL), 0);
	}
	tally_error_clear();
}

static void of_two_moves_below_one_another_one_is_refused(void)
{
	struct pair pair = {.node = {node(NULL, 0), node(NULL, 1)}};
	run_threads(2, move_below_the_other, &pair);
	for (int i = 0; i < 2; i++) tally_decref(pair.node[i]);
}

// One thread turns a chain of three round while the other reads its path, which never has a node twice.
struct chain {
	tally_object *leaf, *node[2];
	atomic_bool over;
};

static void turn_or_read(void *context, unsigned number)
{
	struct chain *chain = context;
	for (int i = 0; number == 0 && i < tap_scale(20000); i++) {
		CHECK_EQ(tree_move(chain->node[i % 2], NULL), 0);
		CHECK_EQ(tree_move(chain->node[1 - i % 2], chain->node[i % 2]), 0);
	}
	if (number == 0) atomic_store(&chain->over, true);
	while (!atomic_load(&chain->over)) {
		tally_object *path = must(tree_path(chain->leaf));
		size_t length = 0;
		CHECK_EQ(tally_list_size(path, &length), 0);
		CHECK(length == 2 || length == 3);
		tally_decref(path);
	}
}

static void a_path_is_of_one_moment(void)
{
	struct chain chain = {.node = {node(NULL, 0), node(NULL, 1)}};
	chain.leaf = node(chain.node[0], 2);
	run_threads(2, turn_or_read, &chain);
	tally_object *all[] = {chain.leaf, chain.node[0], chain.node[1]};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// One thread drops a root while others ask those below for it: they get it whole, or nothing.
struct family {
	tally_object *leaf[2], *root; // `root`: given to thread 0
};

static void drop_or_ask(void *context, unsigned number)
{
	struct family *family = context;
	if (number == 0) tally_decref(family->root);
	for (int i = 0; number > 0 && i < 20; i++) {
		tally_object *parent = NULL, *leaf = family->leaf[i % 2];
		if (tree_parent(leaf, &parent) == 1) {
			CHECK_EQ(value_in(parent), 0);
			tally_object *children = must(tree_children(parent));
			size_t count = 0;
			CHECK_EQ(tally_list_size(children, &count), 0);
			CHECK_EQ(count, 2);
			tally_decref(children);
		}
		tally_decref(parent);
	}
}

static void a_root_that_dies_while_others_ask_for_it_is_there_whole_or_not_at_all(void)
{
	for (int i = 0; i < tap_scale(300); i++) {
		struct family family = {.root = node(NULL, 0)};
		for (int c = 0; c < 2; c++) family.leaf[c] = node(family.root, c + 1);
		run_threads(3, drop_or_ask, &family);
		for (int c = 0; c < 2; c++) {
			check_parent(family.leaf[c], NULL);
			tally_decref(family.leaf[c]);
		}
	}
}

static void start(void)
{
	classes_start();
	if (tree_init()) tap_bail_out(tally_error_message());
}

int main(void)
{
	classes_begin(60);
	tap_before_each(start);
	TAP_RUN(a_node_knows_its_children_and_its_parent);
	TAP_RUN(a_node_can_be_referred_to_weakly);
	TAP_RUN(with_its_root_a_tree_is_gone_at_once_and_without_a_collection);
	TAP_RUN(a_node_that_is_kept_keeps_what_is_below_and_has_no_parent_when_the_root_is_gone);
	TAP_RUN(a_deep_tree_dies_whole);
	TAP_RUN(a_tree_whose_value_has_it_is_collected);
	TAP_RUN(a_subtree_moves_as_one);
	TAP_RUN(a_node_that_is_moved_out_is_a_root_of_whoever_has_it);
	TAP_RUN(a_move_that_would_make_a_cycle_is_refused);
	TAP_RUN(what_is_no_node_is_refused);
	TAP_RUN(without_memory_nothing_has_changed);
	TAP_RUN(each_call_waits_for_a_section_over_the_type);
	TAP_RUN(a_move_looks_for_a_cycle_when_nobody_else_can_make_one);
	TAP_RUN(threads_that_move_nodes_make_no_cycle);
	TAP_RUN(of_two_moves_below_one_another_one_is_refused);
	TAP_RUN(a_path_is_of_one_moment);
	TAP_RUN(a_root_that_dies_while_others_ask_for_it_is_there_whole_or_not_at_all);
	return tap_end();
}
