// tests/article_counts.c: published examples about counts: what sys.getrefcount prints, less one; death at the last
// reference; what counts as a reference; objects of which there is one; slots. Which example is whose: docs/articles.md.
//
// Left out of the same articles, since they are not about this library: profiles of functions and lines (cProfile, pstats,
// line_profiler) and timings (timeit), which are about running Python code; tracemalloc, since allocations are not
// attributed to source lines here; an allocator's pools and free lists, which are docs/heap.md's business.
#include "articles.h"

// sys.getrefcount, as a function that is called: it borrows its argument, and so adds nothing.
static tally_object *getrefcount_of(void *context, tally_object *const *captured, tally_object *const *arguments,
                                    size_t count)
{
	(void)context, (void)captured, (void)count;
	return tally_int_new(tally_refcount(arguments[0]));
}

static int64_t getrefcount(tally_object *object)
{
	tally_object *function_object = function("getrefcount", getrefcount_of, 1, 1);
	int64_t count = take_value(tally_call(function_object, &object, 1));
	tally_decref(function_object);
	return count;
}

#define COUNT(object) ((int)getrefcount(object))

// ---- what getrefcount prints ----

static void an_alias_counts_and_its_end_does_and_the_last_one_frees_at_once(void)
{
	uint64_t before = fixture_live_objects();
	tally_object *a = list_of_numbers(3);
	print("%d", COUNT(a));
	tally_object *b = tally_incref(a);
	print(" %d", COUNT(a));
	tally_decref(b);
	print(" %d", COUNT(a));
	CHECK_PRINTED("1 2 1");
	CHECK_EQ(fixture_live_objects(), before + 1);
	tally_decref(a);
	CHECK_EQ(fixture_live_objects(), before);
}

// Three articles have this one, with the prints written differently.
static void two_names_for_an_empty_list_are_two_and_one_again(void)
{
	tally_object *x = must(tally_list_new());
	print("%d\n", COUNT(x));
	tally_object *y = tally_incref(x);
	print("%d\n", COUNT(x));
	tally_decref(y);
	print("%d\n", COUNT(x));
	CHECK_PRINTED("1\n2\n1\n");
	tally_decref(x);
}

static void a_list_of_three_in_one_variable_has_one(void)
{
	tally_object *x = list_of_numbers(3);
	print("%d\n", COUNT(x));
	CHECK_PRINTED("1\n");
	tally_decref(x);
}

// This article takes the argument off itself: these are its very numbers.
static void the_count_is_watched_through_three_names(void)
{
	tally_object *a = list_of_numbers(3);
	print("After creation: %d\n", COUNT(a));
	tally_object *b = tally_incref(a);
	print("After b = a: %d\n", COUNT(a));
	tally_object *c = tally_incref(a);
	print("After c = a: %d\n", COUNT(a));
	tally_decref(b);
	print("After del b: %d\n", COUNT(a));
	tally_decref(c);
	print("After del c: %d\n", COUNT(a));
	CHECK_PRINTED("After creation: 1\nAfter b = a: 2\nAfter c = a: 3\nAfter del b: 2\nAfter del c: 1\n");
	tally_decref(a);
}

// The diagram of two names that go one after the other: the destructor runs within the second drop.
static void the_destructor_runs_within_the_last_drop(void)
{
	tally_object *type = fixture_probe_type(), *x = must(tally_list_new());
	push_own(x, probe(type, 0));
	tally_object *y = tally_incref(x);
	CHECK_EQ(tally_refcount(x), 2);
	tally_decref(y);
	CHECK_EQ(tally_refcount(x), 1);
	check_died_in_order(0);
	tally_decref(x);
	check_died_in_order(1);
}

// ---- what counts ----

static tally_object *give_back(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	return tally_incref(arguments[0]);
}

static void a_variable_a_container_and_a_result_count_one_each(void)
{
	tally_object *object = must(tally_list_new()), *list = must(tally_list_new());
	tally_object *x = tally_incref(object);
	CHECK_EQ(tally_refcount(object), 2);
	push(list, object);
	CHECK_EQ(tally_refcount(object), 3);
	tally_object *identity = function("identity", give_back, 1, 1), *result = tally_call(identity, &object, 1);
	CHECK_PTR(result, object);
	CHECK_EQ(tally_refcount(object), 4);
	DROP(result, identity, x, list, object);
}

// Here an argument is borrowed, where Python counts it: that is the one taken off all of the numbers.
static void an_argument_counts_nothing(void)
{
	tally_object *object = must(tally_list_new());
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_EQ(getrefcount(object), 1);
	tally_decref(object);
}

static void use_in_a_scope(tally_object *object)
{
	TALLY_AUTO_DECREF tally_object *local = tally_incref(object);
	CHECK_EQ(tally_refcount(local), 2);
}

static void each_way_of_losing_a_reference_takes_one_off(void)
{
	tally_object *object = must(tally_list_new()), *list = must(tally_list_new()), *x = tally_incref(object);
	tally_decref(x); // deleted
	CHECK_EQ(tally_refcount(object), 1);
	use_in_a_scope(object); // a variable out of scope
	CHECK_EQ(tally_refcount(object), 1);
	x = tally_incref(object);
	tally_decref(x);
	x = text("something else"); // reassigned
	CHECK_EQ(tally_refcount(object), 1);
	for (int i = 0; i < 3; i++) push(list, object);
	CHECK_EQ(tally_refcount(object), 4);
	tally_decref(must(tally_list_pop(list, -1)));
	CHECK_EQ(tally_refcount(object), 3);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_refcount(object), 1);
	DROP(x, list, object);
}

// ---- who drops last ----

static void drop_it(void *object, unsigned number)
{
	(void)number;
	tally_decref(object);
	check_died_in_order(1);
}

// The articles have one thread. Here the last reference may go on another one: the object is gone when that drop returns, in all
// builds as long as its owner waits in a blocking region, as the owner does here.
static void the_last_reference_may_go_on_another_thread(void)
{
	tally_object *type = fixture_probe_type(), *a = must(tally_list_new());
	push_own(a, probe(type, 0));
	run_threads(1, drop_it, a);
	check_died_in_order(1);
}

static atomic_bool is_dropped;

static void *drop_beside_its_owner(void *object)
{
	tally_token token;
	if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
	tally_decref(object);
	atomic_store(&is_dropped, true);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// Where `biased` differs: an object goes home to an owner that is busy, and is gone when the owner has come to a run point. (In `gil`
// nobody is busy while another thread drops, and in `atomic` nobody owns anything.)
static void in_biased_it_is_gone_when_its_busy_owner_comes_to_a_run_point(void)
{
	if (strcmp(tally_variant(), "biased")) return;
	pthread_t thread;
	tally_object *type = fixture_probe_type(), *a = must(tally_list_new());
	push_own(a, probe(type, 0));
	atomic_store(&is_dropped, false);
	if (pthread_create(&thread, NULL, drop_beside_its_owner, a)) tap_bail_out("no thread");
	while (!atomic_load(&is_dropped))
		;
	check_died_in_order(0);
	CHECK_EQ(tally_safepoint(), 0);
	check_died_in_order(1);
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_join(thread, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
}

// ---- objects of which there is one ----

static void small_ints_and_the_singletons_are_the_same_object_each_time(void)
{
	for (int64_t i = -7; i <= 258; i++) {
		tally_object *a = integer(i), *b = integer(i);
		CHECK_EQ(tally_is(a, b), i >= -5 && i <= 256);
		CHECK_EQ(tally_refcount(a) == UINT32_MAX, i >= -5 && i <= 256);
		DROP(a, b);
	}
	CHECK(tally_is(tally_none(), tally_none()) && tally_is(tally_bool(true), tally_bool(true)));
	CHECK_EQ(tally_refcount(tally_none()), UINT32_MAX);
	CHECK_EQ(tally_refcount(tally_bool(false)), UINT32_MAX);
}

static void equal_strings_that_are_interned_are_one_object(void)
{
	tally_object *a = text("name"), *b = text("name");
	tally_object *interned = must(tally_str_intern(a)), *again = must(tally_str_intern(b));
	CHECK(tally_is(interned, again));
	DROP(interned, again, a, b);
}

// ---- slots ----

static const char *const name_and_email[] = {"name", "email"};

static int init_user(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context;
	CHECK_EQ(count, 2);
	for (size_t i = 0; i < count; i++) set_attr(self, name_and_email[i], arguments[i]);
	return 0;
}

static tally_object *make_user(tally_object *type)
{
	tally_object *arguments[] = {text("Ada"), text("ada@example.org")}, *user = must(tally_call(type, arguments, 2));
	DROP(arguments[0], arguments[1]);
	return user;
}

static size_t size_of(tally_object *object)
{
	size_t bytes = SIZE_MAX;
	CHECK_EQ(tally_sizeof(object, &bytes), 0);
	return bytes;
}

static void an_instance_with_slots_is_smaller_by_more_than_two_fifths_than_one_with_a_dict(void)
{
	tally_object *with_slots = CLASS(.name = "UserWithSlots", .slots = name_and_email, .slot_count = 2, .init = init_user);
	tally_object *regular = CLASS(.name = "User", .init = init_user);
	tally_object *slim = make_user(with_slots), *user = make_user(regular), *dict = must(tally_attr_dict(user));
	CHECK_STR(names_of(slim), "name email");
	CHECK_STR(names_of(user), "name email");
	tap_note("%zu bytes with slots, %zu and a dict of %zu without", size_of(slim), size_of(user), size_of(dict));
	CHECK(size_of(slim) * 10 < (size_of(user) + size_of(dict)) * 6);
	DROP(dict, slim, user, with_slots, regular);
}

static void an_instance_with_slots_has_no_dict_and_takes_no_other_attribute(void)
{
	tally_object *type = CLASS(.name = "UserWithSlots", .slots = name_and_email, .slot_count = 2, .init = init_user);
	tally_object *user = make_user(type), *key = text("phone");
	CHECK_PTR(tally_attr_dict(user), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "attr_dict");
	CHECK_EQ(tally_attr_set(user, key, key), -1);
	CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "phone");
	CHECK_STR(names_of(user), "name email");
	DROP(key, user, type);
}

int main(void)
{
	articles_begin(60);
	TAP_RUN(an_alias_counts_and_its_end_does_and_the_last_one_frees_at_once);
	TAP_RUN(two_names_for_an_empty_list_are_two_and_one_again);
	TAP_RUN(a_list_of_three_in_one_variable_has_one);
	TAP_RUN(the_count_is_watched_through_three_names);
	TAP_RUN(the_destructor_runs_within_the_last_drop);
	TAP_RUN(a_variable_a_container_and_a_result_count_one_each);
	TAP_RUN(an_argument_counts_nothing);
	TAP_RUN(each_way_of_losing_a_reference_takes_one_off);
	TAP_RUN(the_last_reference_may_go_on_another_thread);
	TAP_RUN(in_biased_it_is_gone_when_its_busy_owner_comes_to_a_run_point);
	TAP_RUN(small_ints_and_the_singletons_are_the_same_object_each_time);
	TAP_RUN(equal_strings_that_are_interned_are_one_object);
	TAP_RUN(an_instance_with_slots_is_smaller_by_more_than_two_fifths_than_one_with_a_dict);
	TAP_RUN(an_instance_with_slots_has_no_dict_and_takes_no_other_attribute);
	return tap_end();
}
