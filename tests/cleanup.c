// tests/cleanup.c: what is undone when a scope ends (tally/cleanup.h), by whatever way it is left.
#include "cleanup_uses.h"
#include "nodes.h"
#include "turns.h"

static void forget_log(void) { cleanup_log[0] = 0; }

// Python's example of a context manager.
static void a_resource_is_released_where_its_use_ends(void)
{
	forget_log();
	use_resource();
	CHECK_STR(cleanup_log, "Acquiring resource\nUsing resource\nReleasing resource\n");
}

static void a_scope_is_cleaned_up_by_whatever_way_it_is_left(void)
{
	static const char *const logs[] = {
		"inner\nouter\n",               // break
		"inner\nouter\ninner\nouter\n", // continue
		"inner\nouter\n",               // return
		"inner\nouter\n",               // goto
		"end\ninner\nbetween\nouter\n", // its end
	};
	for (int way = 0; way < 5; way++) {
		forget_log();
		CHECK_EQ(leave_scope_by(way), way);
		CHECK_STR(cleanup_log, logs[way]);
	}
}

static void references_are_dropped_and_what_is_kept_is_the_callers(void)
{
	size_t size = 0;
	CHECK(!make_pair(true));
	CHECK_EQ(fixture_live_objects(), 0);
	tally_object *pair = must(make_pair(false));
	CHECK_EQ(tally_refcount(pair), 1);
	CHECK_EQ(tally_list_size(pair, &size), 0);
	CHECK_EQ(size, 2);
	CHECK_EQ(fixture_live_objects(), 3);
	tally_decref(pair);
}

// At once: the finalizer has run when the next line does.
static void what_a_scope_drops_dies_at_its_end(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	{
		TALLY_AUTO_DECREF tally_object *node = node_new(type, 0);
		CHECK_EQ(tally_refcount(node), 1);
		CHECK_EQ(node_seen[0].finalize, 0);
	}
	CHECK_EQ(node_seen[0].finalize, 1);
	CHECK_EQ(node_seen[0].dealloc, 1);
}

static tally_object *fail_with_references(void)
{
	TALLY_AUTO_DECREF tally_object *list = must(tally_list_new());
	TALLY_AUTO_CRITICAL(list);
	return tally_list_get(list, 5);
}

static void an_error_is_still_there_when_the_scope_has_been_left(void)
{
	CHECK(!fail_with_references());
	CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
	tally_error_clear();
}

static void collection_is_suspended_until_the_end_of_the_scope(void)
{
	CHECK(!tally_gc_is_suspended());
	CHECK(is_suspended_inside());
	CHECK(!tally_gc_is_suspended());
	CHECK_EQ(tally_gc_resume(), -1);
	tally_error_clear();
}

// ---- sections ----

static struct {
	stage at;
	tally_object *list;
} contest;

static void *append_meanwhile(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&contest.at, 1);
	tally_object *item = integer(77777);
	reach(&contest.at, 2);
	push_own(contest.list, item);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// It is about to append, and cannot. (In `gil` it does not get so far.)
static void let_the_other_one_try(void)
{
	reach(&contest.at, 1);
	if (is_gil()) return;
	while (!has_reached(&contest.at, 2)) sched_yield();
	for (int i = 0; i < 100; i++) sched_yield();
}

static void a_section_lasts_until_the_end_of_the_scope(void)
{
	size_t size = 0;
	tally_object *item = integer(55555);
	contest.list = must(tally_list_new());
	reach(&contest.at, 0);
	pthread_t other = spawn(append_meanwhile, NULL);
	CHECK(append_in_section(contest.list, item, let_the_other_one_try));
	finish(other);
	CHECK_EQ(tally_list_size(contest.list, &size), 0);
	CHECK_EQ(size, 3);
	for (ptrdiff_t i = 0; i < 3; i++) CHECK_EQ(take_value(tally_list_get(contest.list, i)), i < 2 ? 55555 : 77777);
	CHECK_EQ(size_in_sections(contest.list, contest.list), 6);
	tally_object *lists[] = {contest.list, item};
	for (int i = 0; i < 2; i++) tally_decref(lists[i]);
}

static void a_section_that_cannot_begin_is_not_ended(void)
{
	tally_object *list = must(tally_list_new());
	tally_critical outer;
	CHECK(!append_in_section(NULL, list, NULL));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE);
	tally_error_clear();
	CHECK_EQ(tally_critical_begin(&outer, list), 0);
	CHECK(!append_in_section(NULL, list, NULL));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_TYPE); // and not that of an end
	CHECK_EQ(tally_critical_end(&outer), 0);
	tally_error_clear();
	tally_decref(list);
}

// ---- attached, or in a region ----

static void be_attached_for_a_scope(void)
{
	CHECK(!tally_thread_is_attached());
	for (int i = 0; i < 3; i++) CHECK(make_list_attached());
	CHECK(!tally_thread_is_attached());
	CHECK(!is_attached_in_region(NULL));
}

static void a_thread_is_attached_until_the_end_of_the_scope(void)
{
	CHECK(make_list_attached());
	CHECK(tally_thread_is_attached());
	run_unattached(be_attached_for_a_scope);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK(make_list_attached());
	CHECK(!tally_thread_is_attached());
	CHECK_EQ(tally_blocking_end(), 0);
}

static void a_thread_that_cannot_be_attached_is_not_detached(void)
{
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_MAX, NULL), 0);
	CHECK(!make_list_attached());
	CHECK_EQ(tally_error_code(), TALLY_ERROR_CLOSING);
	tally_error_clear();
	nodes_start();
}

static void see_nobody_attached(void) { CHECK(!tally_thread_is_attached()); }

static void a_region_lasts_until_the_end_of_the_scope(void)
{
	CHECK(!is_attached_in_region(see_nobody_attached));
	CHECK(tally_thread_is_attached());
}

int main(void)
{
	nodes_begin(60);
	TAP_RUN(a_resource_is_released_where_its_use_ends);
	TAP_RUN(a_scope_is_cleaned_up_by_whatever_way_it_is_left);
	TAP_RUN(references_are_dropped_and_what_is_kept_is_the_callers);
	TAP_RUN(what_a_scope_drops_dies_at_its_end);
	TAP_RUN(an_error_is_still_there_when_the_scope_has_been_left);
	TAP_RUN(collection_is_suspended_until_the_end_of_the_scope);
	TAP_RUN(a_section_lasts_until_the_end_of_the_scope);
	TAP_RUN(a_section_that_cannot_begin_is_not_ended);
	TAP_RUN(a_thread_is_attached_until_the_end_of_the_scope);
	TAP_RUN(a_thread_that_cannot_be_attached_is_not_detached);
	TAP_RUN(a_region_lasts_until_the_end_of_the_scope);
	return tap_end();
}
