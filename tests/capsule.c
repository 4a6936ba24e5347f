// tests/capsule.c: capsules: the pointer, the name, the destructor; I1 of core/capsule.c.
#include "callables.h"

#include <errno.h>
#include <tally/gc.h>

static struct {
	atomic_int calls;
	pthread_t thread;
	void *pointer;
} seen;

static void see(void *pointer)
{
	seen.pointer = pointer;
	seen.thread = pthread_self();
	atomic_fetch_add(&seen.calls, 1);
}

static int thing;

static tally_object *capsule_of_thing(void)
{
	atomic_store(&seen.calls, 0);
	return must(tally_capsule_new(&thing, "a thing", see));
}

static void a_capsule_gives_its_pointer_for_its_name(void)
{
	char name[] = "a thing";
	tally_object *capsule = must(tally_capsule_new(&thing, name, NULL));
	memset(name, 'x', sizeof name - 1); // the name was copied
	CHECK_PTR(tally_capsule_pointer(capsule, "a thing"), &thing);
	CHECK(tally_is_capsule(capsule));
	CHECK(!tally_is_capsule(tally_none()));
	CHECK(!tally_is_capsule(NULL));
	CHECK_STR(tally_type_name(capsule), "capsule");
	tally_decref(capsule);
}

static void a_capsule_equals_itself_only_and_is_hashable(void)
{
	tally_object *one = must(tally_capsule_new(&thing, "x", NULL)), *two = must(tally_capsule_new(&thing, "x", NULL));
	uint64_t hash = 0, again = 1;
	CHECK_EQ(tally_equal(one, one), 1);
	CHECK_EQ(tally_equal(one, two), 0);
	CHECK_EQ(tally_hash(one, &hash), 0);
	CHECK_EQ(tally_hash(one, &again), 0);
	CHECK_EQ(hash, again);
	CHECK(!tally_gc_is_tracked(one));
	tally_decref(one);
	tally_decref(two);
}

static void the_destructor_is_called_once_with_the_pointer(void)
{
	tally_object *capsule = capsule_of_thing();
	tally_decref(tally_incref(capsule));
	CHECK_EQ(atomic_load(&seen.calls), 0);
	tally_decref(capsule);
	CHECK_EQ(atomic_load(&seen.calls), 1);
	CHECK_PTR(seen.pointer, &thing);
}

static void drop(void *object, unsigned number)
{
	(void)number;
	tally_decref(object);
}

// The thread that made it is away, so nobody else can do it.
static void the_destructor_runs_on_the_thread_that_drops(void)
{
	tally_object *capsule = capsule_of_thing();
	run_threads(1, drop, capsule);
	CHECK_EQ(atomic_load(&seen.calls), 1);
	CHECK(!pthread_equal(seen.thread, pthread_self()));
}

static void fail_in_every_way(void *pointer)
{
	(void)pointer;
	errno = EIO;
	tally_error_set(TALLY_ERROR_KEY, "an error of the destructor");
	atomic_fetch_add(&seen.calls, 1);
}

static void the_destructor_does_not_disturb_the_error_of_the_thread(void)
{
	tally_object *capsule = must(tally_capsule_new(&thing, "x", fail_in_every_way));
	atomic_store(&seen.calls, 0);
	tally_error_set(TALLY_ERROR_INDEX, "the caller's own error");
	errno = EAGAIN;
	tally_decref(capsule);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(atomic_load(&seen.calls), 1);
	CHECK_ERROR(TALLY_ERROR_INDEX, "the caller's own error");
}

static void use_objects(void *pointer)
{
	tally_object *list = pointer;
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	CHECK_EQ(tally_safepoint(), 0);
	tally_decref(must(tally_capsule_new(&thing, "another", see)));
	tally_decref(list);
}

static void the_destructor_may_use_objects(void)
{
	atomic_store(&seen.calls, 0);
	tally_object *list = must(tally_list_new());
	tally_object *capsule = must(tally_capsule_new(tally_incref(list), "a list", use_objects));
	tally_decref(capsule);
	size_t size = 0;
	CHECK_EQ(tally_list_size(list, &size), 0);
	CHECK_EQ(size, 1);
	CHECK_EQ(tally_refcount(list), 1);
	CHECK_EQ(atomic_load(&seen.calls), 1);
	tally_decref(list);
}

static void a_capsule_that_garbage_refers_to_is_destroyed_by_the_collection(void)
{
	tally_object *list = must(tally_list_new()), *capsule = capsule_of_thing();
	CHECK_EQ(tally_list_append(list, list), 0);
	CHECK_EQ(tally_list_append(list, capsule), 0);
	tally_decref(capsule);
	tally_decref(list);
	CHECK_EQ(atomic_load(&seen.calls), 0);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(atomic_load(&seen.calls), 1);
}

static void what_is_no_capsule_of_that_name_is_refused(void)
{
	tally_object *capsule = must(tally_capsule_new(&thing, "a thing", NULL));
	CHECK(!tally_capsule_pointer(capsule, "a thin"));
	CHECK_ERROR(TALLY_ERROR_VALUE, "capsule_pointer: the capsule's name is 'a thing', expected 'a thin'");
	CHECK(!tally_capsule_pointer(capsule, NULL));
	CHECK_ERROR(TALLY_ERROR_VALUE, "capsule_pointer: the capsule's name is 'a thing', expected ''");
	CHECK(!tally_capsule_pointer(tally_none(), "a thing"));
	CHECK_ERROR(TALLY_ERROR_TYPE, "capsule_pointer: expected a capsule, got a 'none'");
	CHECK(!tally_capsule_pointer(NULL, "a thing"));
	CHECK_ERROR(TALLY_ERROR_TYPE, "capsule_pointer: expected a capsule, got NULL");
	tally_decref(capsule);
}

static void a_capsule_needs_a_pointer_and_a_name(void)
{
	atomic_store(&seen.calls, 0);
	CHECK(!tally_capsule_new(NULL, "a thing", see));
	CHECK_ERROR(TALLY_ERROR_VALUE, "capsule_new: the pointer is NULL");
	CHECK(!tally_capsule_new(&thing, NULL, see));
	CHECK_ERROR(TALLY_ERROR_VALUE, "capsule_new: it has no name");
	CHECK(!tally_capsule_new(&thing, "", see));
	CHECK_ERROR(TALLY_ERROR_VALUE, "capsule_new: it has no name");
	CHECK(!tally_capsule_new(&thing, "0123456789012345678901234567890123456789012345678901234567890123", see));
	CHECK_ERROR(TALLY_ERROR_VALUE, "capsule_new: its name is over 63 bytes");
	CHECK_EQ(atomic_load(&seen.calls), 0);
}

static bool make_capsule(void)
{
	atomic_store(&seen.calls, 0);
	tally_object *capsule = tally_capsule_new(&thing, "a thing", see);
	tally_decref(capsule);
	CHECK_EQ(atomic_load(&seen.calls), capsule != NULL);
	return capsule;
}

static void a_capsule_that_could_not_be_made_destroys_nothing(void) { fail_each_allocation(make_capsule, "capsule_new"); }

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_capsule_gives_its_pointer_for_its_name);
	TAP_RUN(a_capsule_equals_itself_only_and_is_hashable);
	TAP_RUN(the_destructor_is_called_once_with_the_pointer);
	TAP_RUN(the_destructor_runs_on_the_thread_that_drops);
	TAP_RUN(the_destructor_does_not_disturb_the_error_of_the_thread);
	TAP_RUN(the_destructor_may_use_objects);
	TAP_RUN(a_capsule_that_garbage_refers_to_is_destroyed_by_the_collection);
	TAP_RUN(what_is_no_capsule_of_that_name_is_refused);
	TAP_RUN(a_capsule_needs_a_pointer_and_a_name);
	TAP_RUN(a_capsule_that_could_not_be_made_destroys_nothing);
	return tap_end();
}
