// tests/article_cycles.c: published examples about cycles: how they are made, that counts do not free them, that the
// collector does, and how many objects it says; and how not to make one. Which example is whose: docs/articles.md.
#include "articles.h"

// ---- two that refer to each other ----

// Both are dropped, live on by their counts, and are found by a collection.
static void check_cycle_of_two(tally_object *a, tally_object *b)
{
	CHECK_EQ(tally_refcount(a), 2);
	CHECK_EQ(tally_refcount(b), 2);
	uint64_t before = tracked_objects();
	tally_decref(a);
	tally_decref(b);
	CHECK_EQ(tally_refcount(a), 1);
	CHECK_EQ(tally_refcount(b), 1);
	CHECK_EQ(tracked_objects(), before);
	print("Collected %d unreachable objects\n", (int)tally_gc_collect(2));
	CHECK_PRINTED("Collected 2 unreachable objects\n");
	CHECK_EQ(tracked_objects(), before - 2);
}

static int init_parent_and_child(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context, (void)arguments;
	CHECK_EQ(count, 0);
	set_attr(self, "parent", tally_none());
	set_attr(self, "child", tally_none());
	return 0;
}

static void a_parent_and_its_child(void)
{
	tally_object *type = CLASS(.name = "Node", .init = init_parent_and_child), *a = make(type, NULL), *b = make(type, NULL);
	set_attr(a, "child", b);
	set_attr(b, "parent", a);
	check_cycle_of_two(a, b);
	tally_decref(type);
}

static int init_ref(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context, (void)arguments, (void)count;
	set_attr(self, "ref", tally_none());
	return 0;
}

static void two_nodes_with_a_ref(void)
{
	tally_object *type = CLASS(.name = "Node", .init = init_ref), *a = make(type, NULL), *b = make(type, NULL);
	set_attr(a, "ref", b);
	set_attr(b, "ref", a);
	check_cycle_of_two(a, b);
	tally_decref(type);
}

// Of a class without anything; and the attributes are the other way about in the article that only mentions this one.
static void two_nodes_of_an_empty_class(void)
{
	static const char *const names[][2] = {{"ref", "ref"}, {"b", "a"}};
	tally_object *type = CLASS(.name = "Node");
	for (int i = 0; i < 2; i++) {
		tally_object *a = instance(type), *b = instance(type);
		set_attr(a, names[i][0], b);
		set_attr(b, names[i][1], a);
		check_cycle_of_two(a, b);
	}
	tally_decref(type);
}

static void two_lists_in_each_other(void)
{
	tally_object *a = must(tally_list_new()), *b = must(tally_list_new());
	push(a, b);
	push(b, a);
	print("ref count of a: %u\nref count of b: %u\n", tally_refcount(a), tally_refcount(b));
	CHECK_PRINTED("ref count of a: 2\nref count of b: 2\n");
	check_cycle_of_two(a, b);
}

static void a_list_made_of_another_that_gets_it(void)
{
	tally_object *a = must(tally_list_new()), *b = must(tally_list_from(&a, 1));
	push(a, b);
	check_cycle_of_two(a, b);
}

static void two_dicts_in_each_other(void)
{
	tally_object *a = must(tally_dict_new()), *b = must(tally_dict_new()), *key_a = text("a"), *key_b = text("b");
	put(a, key_b, b);
	put(b, key_a, a);
	DROP(key_a, key_b);
	CHECK_EQ(fixture_live_objects(), 4);
	check_cycle_of_two(a, b);
	CHECK_EQ(fixture_live_objects(), 0); // the keys have gone with them
}

// ---- trees whose children refer back ----

static int init_tree_node(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	int status = init_value(self, arguments, count, context);
	set_own(self, "children", must(tally_list_new()));
	set_attr(self, "parent", tally_none());
	return status;
}

static void adopt(tally_object *parent, tally_object *child, tally_object *way_back)
{
	tally_object *children = attr(parent, "children");
	set_attr(child, "parent", way_back);
	push(children, child);
	tally_decref(children);
}

static tally_object *add_child(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 2);
	adopt(arguments[0], arguments[1], arguments[0]);
	return tally_none();
}

static tally_object *add_weakly(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	CHECK_EQ(count, 2);
	tally_object *way_back = weakref(arguments[0], NULL);
	adopt(arguments[0], arguments[1], way_back);
	tally_decref(way_back);
	return tally_none();
}

static tally_object *tree_class(const char *name, tally_function_call how_to_add)
{
	tally_object *type = CLASS(.name = name, .init = init_tree_node);
	set_method(type, "add_child", how_to_add);
	return type;
}

// Each of the two has a list of children, which goes with it.
static void a_root_and_its_child_are_found_with_their_lists(void)
{
	tally_object *type = tree_class("TreeNode", add_child), *root = make_named(type, "root"), *child = make_named(type, "child");
	do_call(root, "add_child", child);
	CHECK_EQ(tally_refcount(root), 2);
	CHECK_EQ(tally_refcount(child), 2);
	uint64_t before = fixture_live_objects();
	DROP(root, child);
	CHECK_EQ(fixture_live_objects(), before);
	CHECK_EQ(tally_refcount(root), 1);
	CHECK_EQ(tally_refcount(child), 1);
	CHECK_COLLECT(2, 4);
	tally_decref(type);
}

static void a_node_that_gets_many_children_is_found_with_all_of_them(void)
{
	tally_object *type = tree_class("Node", add_child), *root = make_named(type, "0");
	for (int i = 1; i <= 10; i++) {
		tally_object *child = make_named(type, "child");
		do_call(root, "add_child", child);
		tally_decref(child);
	}
	CHECK_EQ(tally_refcount(root), 11);
	CHECK_COLLECT(2, 0);
	tally_decref(root);
	CHECK_COLLECT(2, 22);
	tally_decref(type);
}

static int init_owner(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context, (void)arguments, (void)count;
	set_attr(self, "owner", self);
	return 0;
}

static void an_object_that_owns_itself_is_a_cycle_of_one(void)
{
	tally_object *type = CLASS(.name = "Config", .init = init_owner), *config = make(type, NULL);
	CHECK_EQ(tally_refcount(config), 2);
	tally_decref(config);
	CHECK_EQ(tally_refcount(config), 1);
	CHECK_COLLECT(2, 1);
	tally_decref(type);
}

// ---- no cycle at all ----

static void with_a_weak_way_back_a_tree_goes_with_its_root_by_counts_alone(void)
{
	tally_object *type = tree_class("TreeNode", add_weakly), *root = make_named(type, "root");
	uint64_t before = fixture_live_objects();
	tally_object *child = make_named(type, "child"), *watch = weakref(child, NULL);
	do_call(root, "add_child", child);
	CHECK_EQ(tally_refcount(root), 1);
	CHECK_EQ(tally_refcount(child), 2);
	tally_decref(child);
	CHECK(leads_to(watch, child));
	tally_decref(root);
	CHECK_DEAD(watch);
	CHECK_COLLECT(2, 0);
	tally_decref(watch);
	CHECK(fixture_live_objects() < before);
	tally_decref(type);
}

// The property: self._parent_ref() if self._parent_ref else None
static tally_object *parent_of(tally_object *child)
{
	tally_object *way_back = attr(child, "parent"), *parent = NULL;
	if (tally_is_weakref(way_back)) tally_weakref_get(way_back, &parent);
	tally_decref(way_back);
	return parent ? parent : tally_none();
}

static void a_child_finds_its_parent_while_that_lives_and_none_afterwards(void)
{
	tally_object *type = tree_class("TreeNode", add_weakly);
	tally_object *parent = make_named(type, "parent"), *child = make_named(type, "child"), *found;
	CHECK_PTR(parent_of(child), tally_none());
	do_call(parent, "add_child", child);
	found = parent_of(child);
	CHECK_PTR(found, parent);
	tally_decref(found);
	tally_decref(parent);
	CHECK_PTR(parent_of(child), tally_none());
	CHECK_EQ(tally_refcount(child), 1);
	CHECK_COLLECT(2, 0);
	DROP(child, type);
}

// get_parent is a method of a class of children of its own here.
static tally_object *get_parent(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	return parent_of(arguments[0]);
}

static tally_object *child_class(void)
{
	tally_object *type = CLASS(.name = "Child");
	set_attr(type, "parent", tally_none());
	set_method(type, "get_parent", get_parent);
	return type;
}

static void get_parent_gives_the_parent_and_then_none(void)
{
	tally_object *parents = tree_class("Parent", add_weakly), *children = child_class();
	tally_object *parent = make_named(parents, "p"), *child = instance(children);
	do_call(parent, "add_child", child);
	tally_object *found = call_attr(child, "get_parent", NULL, 0);
	CHECK_PTR(found, parent);
	tally_decref(found);
	CHECK_EQ(tally_refcount(parent), 1);
	tally_decref(parent);
	CHECK_PTR(call_attr(child, "get_parent", NULL, 0), tally_none());
	DROP(child, children, parents);
}

// ---- caches that hold what refers to them ----

static void a_cache_of_objects_that_refer_to_the_cache_is_a_cycle(void)
{
	tally_object *type = CLASS(.name = "Item"), *item = instance(type), *cache = must(tally_dict_new());
	tally_object *id = integer((int64_t)(uintptr_t)item);
	put(cache, id, item);
	set_attr(item, "cache", cache);
	DROP(id, item, cache);
	CHECK_COLLECT(2, 2);
	tally_decref(type);
}

static void a_cache_of_what_is_needed_of_them_is_none(void)
{
	tally_object *type = CLASS(.name = "Item"), *item = instance(type), *cache = must(tally_dict_new());
	tally_object *watch = weakref(item, NULL), *key = text("key"), *value;
	set_attr(item, "cache", cache);
	set_attr(item, "key", key);
	set_int(item, "value", 7);
	value = attr(item, "value");
	put(cache, key, value);
	DROP(key, value, item);
	CHECK_DEAD(watch);
	CHECK_EQ(tally_refcount(cache), 1);
	CHECK_EQ(length_of(cache), 1);
	DROP(watch, cache);
	CHECK_COLLECT(2, 0);
	tally_decref(type);
}

int main(void)
{
	articles_begin(60);
	TAP_RUN(a_parent_and_its_child);
	TAP_RUN(two_nodes_with_a_ref);
	TAP_RUN(two_nodes_of_an_empty_class);
	TAP_RUN(two_lists_in_each_other);
	TAP_RUN(a_list_made_of_another_that_gets_it);
	TAP_RUN(two_dicts_in_each_other);
	TAP_RUN(a_root_and_its_child_are_found_with_their_lists);
	TAP_RUN(a_node_that_gets_many_children_is_found_with_all_of_them);
	TAP_RUN(an_object_that_owns_itself_is_a_cycle_of_one);
	TAP_RUN(with_a_weak_way_back_a_tree_goes_with_its_root_by_counts_alone);
	TAP_RUN(a_child_finds_its_parent_while_that_lives_and_none_afterwards);
	TAP_RUN(get_parent_gives_the_parent_and_then_none);
	TAP_RUN(a_cache_of_objects_that_refer_to_the_cache_is_a_cycle);
	TAP_RUN(a_cache_of_what_is_needed_of_them_is_none);
	return tap_end();
}
