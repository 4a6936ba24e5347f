// tests/article_finalizers.c: published examples about __del__ and about what to use in its place: when it runs, and in
// cycles; what articles warn of (the order, the shutdown, bringing back) and what holds here; scopes that clean up. Which
// example is whose: docs/articles.md.
#include "articles.h"

// ---- Created, Freed ----

static void print_name(const char *what, tally_object *self)
{
	tally_object *name = attr(self, "name");
	print("%s: %s\n", what, name ? tally_str_utf8(name, NULL) : "?");
	tally_decref(name);
}

static int init_resource(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context;
	CHECK_EQ(count, 1);
	set_attr(self, "name", arguments[0]);
	print_name("Created", self);
	return 0;
}

static void free_resource(tally_object *self, void *context)
{
	(void)context;
	print_name("Freed", self);
}

static tally_object *resource_class(void)
{
	return CLASS(.name = "Resource", .init = init_resource, .finalize = free_resource);
}

static void a_resource_says_when_it_is_created_and_when_it_is_freed(void)
{
	tally_object *type = resource_class(), *r = make_named(type, "database_connection");
	CHECK_PRINTED("Created: database_connection\n");
	tally_decref(r);
	CHECK_PRINTED("Freed: database_connection\n");
	tally_decref(type);
}

static void with_a_second_name_it_is_not_freed_by_the_first_del(void)
{
	tally_object *type = resource_class(), *r = make_named(type, "db"), *other = tally_incref(r);
	CHECK_PRINTED("Created: db\n");
	tally_decref(r);
	CHECK_PRINTED("");
	tally_decref(other);
	CHECK_PRINTED("Freed: db\n");
	tally_decref(type);
}

// ---- cycles with finalizers ----

static void link_both(tally_object *a, tally_object *b)
{
	set_attr(a, "other", b);
	set_attr(b, "other", a);
}

// Before Python 3.4 such a cycle was never freed and went to gc.garbage.
static void a_cycle_with_finalizers_is_collected_and_leaves_no_garbage(void)
{
	tally_object *type = resource_class(), *a = make_named(type, "a"), *b = make_named(type, "b");
	link_both(a, b);
	CHECK_PRINTED("Created: a\nCreated: b\n");
	DROP(a, b);
	CHECK_PRINTED("");
	CHECK_COLLECT(2, 2);
	CHECK(strcmp(printed, "Freed: a\nFreed: b\n") == 0 || strcmp(printed, "Freed: b\nFreed: a\n") == 0);
	printed[0] = '\0';
	CHECK_EQ(length_of(must(tally_gc_garbage())), 0);
	CHECK_EQ(stats_of(2).uncollectable, 0);
	CHECK_COLLECT(2, 0);
	CHECK_PRINTED("");
	tally_decref(type);
}

static void print_both_names(tally_object *self, void *context)
{
	(void)context;
	tally_object *other = attr(self, "other");
	print_name("self", self);
	if (CHECK(other)) print_name("other", other);
	tally_decref(other);
}

// The warning is that what a finalizer depends on may be gone. Here, as since PEP 442, all finalizers run before anything is
// taken apart: the order is nobody's, but each finds its neighbours whole.
static void a_finalizer_in_a_cycle_finds_what_it_depends_on_whole(void)
{
	tally_object *type = CLASS(.name = "Resource", .init = init_resource, .finalize = print_both_names);
	tally_object *a = make_named(type, "a"), *b = make_named(type, "b");
	link_both(a, b);
	printed[0] = '\0';
	DROP(a, b);
	CHECK_COLLECT(2, 2);
	CHECK_EQ(strlen(printed), strlen("self: a\nother: b\nself: b\nother: a\n"));
	CHECK_PART(printed, "self: a\nother: b\n");
	CHECK_PART(printed, "self: b\nother: a\n");
	tally_decref(type);
}

static void many_that_go_together_are_each_freed_once(void)
{
	tally_object *type = resource_class(), *list = list_in_itself();
	for (int i = 0; i < 26; i++) {
		char name[] = {(char)('a' + i), '\0'};
		push_own(list, make_named(type, name));
	}
	printed[0] = '\0';
	tally_decref(list);
	CHECK_COLLECT(2, 27);
	for (int i = 0; i < 26; i++) {
		char line[] = {'F', 'r', 'e', 'e', 'd', ':', ' ', (char)('a' + i), '\n', '\0'};
		const char *first = strstr(printed, line);
		if (CHECK(first)) CHECK_PTR(strstr(first + 1, line), NULL);
	}
	CHECK_EQ(strlen(printed), 26 * strlen("Freed: a\n"));
	tally_decref(type);
}

// ---- bringing back ----

static tally_object *saved;

static void save(tally_object *self, void *context)
{
	free_resource(self, context);
	saved = tally_incref(self);
}

static void who_comes_back_is_freed_later_without_a_second_word(void)
{
	tally_object *type = CLASS(.name = "Resource", .init = init_resource, .finalize = save), *r = make_named(type, "r");
	CHECK(!tally_gc_is_finalized(r));
	tally_decref(r);
	CHECK_PRINTED("Created: r\nFreed: r\n");
	if (!CHECK_PTR(saved, r)) return;
	CHECK(tally_gc_is_finalized(saved));
	CHECK_EQ(tally_refcount(saved), 1);
	tally_object *watch = weakref(saved, NULL);
	tally_decref(saved);
	CHECK_PRINTED("");
	CHECK_DEAD(watch);
	DROP(watch, type);
}

// ---- the end of the runtime ----

static tally_object *journal; // a global that the finalizers use

static void write_journal(tally_object *self, void *context)
{
	(void)context;
	tally_object *name = attr(self, "name");
	CHECK_EQ(tally_list_append(journal, name), 0);
	tally_decref(name);
	print("%zu entries\n", length_of(journal));
}

// The warning is that globals are None by then. Here they are the host's own references, and the finalizers of what is left
// in cycles run before anything is torn down.
static void finalizers_at_the_end_of_the_runtime_run_and_find_their_globals(void)
{
	uint64_t leaked = 0;
	tally_object *type = CLASS(.name = "Resource", .init = init_resource, .finalize = write_journal);
	tally_object *a = make_named(type, "a"), *b = make_named(type, "b");
	journal = must(tally_list_new());
	link_both(a, b);
	printed[0] = '\0';
	DROP(a, b, type);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_PRINTED("1 entries\n2 entries\n");
	CHECK_EQ(leaked, 3); // the journal, to which this test refers, and the two names in it
	fixture_start();
}

// ---- with ----

static tally_object *enter(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	print("Acquiring resource\n");
	return tally_incref(arguments[0]);
}

static tally_object *leave(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	print("Releasing resource\n");
	return tally_bool(false);
}

static tally_object *managed_class(void)
{
	tally_object *type = CLASS(.name = "Resource");
	set_method(type, "__enter__", enter);
	set_method(type, "__exit__", leave);
	return type;
}

static void exit_resource(tally_object **resource)
{
	do_call(*resource, "__exit__", NULL);
	tally_decref(*resource);
}

// A variable `name` that is entered here and left with its scope.
#define WITH(manager, name) TALLY_AUTO(exit_resource) tally_object *name = must(call_attr((manager), "__enter__", NULL, 0))

static void with_a_resource_it_is_acquired_used_and_released(void)
{
	TALLY_AUTO_DECREF tally_object *type = managed_class(), *manager = instance(type);
	{
		WITH(manager, r);
		CHECK_PTR(r, manager);
		print("Using resource\n");
	}
	CHECK_PRINTED("Acquiring resource\nUsing resource\nReleasing resource\n");
	CHECK_EQ(tally_refcount(manager), 1);
}

static int use_and_fail(tally_object *manager)
{
	WITH(manager, r);
	print("Using resource\n");
	tally_object *key = text("absent");
	tally_object *result = tally_attr_call(r, key, NULL, 0);
	tally_decref(key);
	if (!result) return -1;
	print("not reached\n");
	return 0;
}

static void an_error_in_the_middle_releases_it_too_and_is_still_there(void)
{
	TALLY_AUTO_DECREF tally_object *type = managed_class(), *manager = instance(type);
	CHECK_EQ(use_and_fail(manager), -1);
	CHECK_PRINTED("Acquiring resource\nUsing resource\nReleasing resource\n");
	CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "absent");
	CHECK_EQ(tally_refcount(manager), 1);
}

static void print_scope(const char *const *name) { print("end of %s\n", *name); }

static void scopes_are_left_from_the_inside_out(void)
{
	for (int i = 0; i < 2; i++) {
		TALLY_AUTO(print_scope) const char *outer = "outer";
		TALLY_AUTO(print_scope) const char *inner = "inner";
		print("%s and %s\n", outer, inner);
		if (i == 0) continue;
		break;
	}
	CHECK_PRINTED("outer and inner\nend of inner\nend of outer\nouter and inner\nend of inner\nend of outer\n");
}

static tally_object *make_pair(bool fails)
{
	TALLY_AUTO_DECREF tally_object *pair = must(tally_list_new());
	push_own(pair, counted(1));
	if (fails) return NULL;
	push_own(pair, counted(2));
	return TALLY_KEEP(pair);
}

static void what_a_function_keeps_is_its_callers(void)
{
	uint64_t before = fixture_live_objects();
	CHECK_PTR(make_pair(true), NULL);
	CHECK_EQ(fixture_live_objects(), before);
	tally_object *pair = make_pair(false);
	CHECK_EQ(length_of(pair), 2);
	CHECK_EQ(tally_refcount(pair), 1);
	tally_decref(pair);
	CHECK_EQ(fixture_live_objects(), before);
}

int main(void)
{
	articles_begin(60);
	TAP_RUN(a_resource_says_when_it_is_created_and_when_it_is_freed);
	TAP_RUN(with_a_second_name_it_is_not_freed_by_the_first_del);
	TAP_RUN(a_cycle_with_finalizers_is_collected_and_leaves_no_garbage);
	TAP_RUN(a_finalizer_in_a_cycle_finds_what_it_depends_on_whole);
	TAP_RUN(many_that_go_together_are_each_freed_once);
	TAP_RUN(who_comes_back_is_freed_later_without_a_second_word);
	TAP_RUN(finalizers_at_the_end_of_the_runtime_run_and_find_their_globals);
	TAP_RUN(with_a_resource_it_is_acquired_used_and_released);
	TAP_RUN(an_error_in_the_middle_releases_it_too_and_is_still_there);
	TAP_RUN(scopes_are_left_from_the_inside_out);
	TAP_RUN(what_a_function_keeps_is_its_callers);
	return tap_end();
}
