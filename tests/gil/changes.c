// tests/gil/changes.c: what the global lock knows of its holders: I2 and I3 of gil/lock.c.
//
// The source of the lock is included, so that its fields can be looked at; the library's own copy is not linked then.
#include "../../gil/lock.c"
#include "fixture.h"
#include "turns.h"

static void *have_the_lock_once(void *unused)
{
	(void)unused;
	CHECK_EQ(tally_thread_detach(attached()), 0);
	return NULL;
}

static void only_another_holder_is_a_change(void)
{
	for (int i = 0; i < 50; i++) {
		uint64_t before = gil.changes;
		for (int region = 0; region < 20; region++) {
			CHECK_EQ(tally_blocking_begin(), 0);
			CHECK_EQ(tally_blocking_end(), 0);
		}
		CHECK_EQ(gil.changes, before); // the same holder: no waiter's interval starts anew
		finish(spawn(have_the_lock_once, NULL));
		CHECK_EQ(gil.changes, before + 2); // there and back
		CHECK_PTR(gil.last_thread, &tally_self);
	}
}

// The second thread has the stack of the first one, and its thread-local storage at the same address.
static void a_thread_that_ends_is_no_last_holder_any_more(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	uint64_t before = gil.changes;
	for (int i = 0; i < 10; i++) {
		pthread_join(spawn(have_the_lock_once, NULL), NULL);
		CHECK_PTR(gil.last_thread, NULL);
	}
	CHECK_EQ(gil.changes, before + 10);
	CHECK_EQ(tally_blocking_end(), 0);
}

static void a_request_outlives_regions_and_ends_with_the_holder(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_load(&gil_request, relaxed), 0);
	tally_fetch_or(&gil_request, TALLY_STOP, relaxed); // as a waiter does who has lost its patience, and gone
	for (int region = 0; region < 5; region++) {
		CHECK_EQ(tally_blocking_begin(), 0);
		CHECK_EQ(tally_blocking_end(), 0);
		CHECK_EQ(tally_load(&gil_request, relaxed), TALLY_STOP);
	}
	finish(spawn(have_the_lock_once, NULL));
	CHECK_EQ(tally_load(&gil_request, relaxed), 0);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(only_another_holder_is_a_change);
	TAP_RUN(a_thread_that_ends_is_no_last_holder_any_more);
	TAP_RUN(a_request_outlives_regions_and_ends_with_the_holder);
	return tap_end();
}
