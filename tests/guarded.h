// tests/guarded.h: what the tests of recipes share: whether a call waits for a critical section that somebody else holds.
#ifndef TALLY_TESTS_GUARDED_H
#define TALLY_TESTS_GUARDED_H

#include "fixture.h"

#include <sched.h>

struct guarded_call {
	void (*call)(void *context);
	void *context;
	atomic_bool begun, over;
};

static inline void *guarded_main(void *argument)
{
	struct guarded_call *self = argument;
	tally_token token;
	atomic_store(&self->begun, true);
	if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
	self->call(self->context);
	atomic_store(&self->over, true);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// Another thread calls call(context) while this one is in a section over `guard`, and is given every chance to come to its end; it
// comes to it when the section has ended, before which this thread calls last(context). (In `gil` nobody else runs during a
// section, so there this shows less.)
static inline void check_waits_while(tally_object *guard, void (*call)(void *context), void (*last)(void *context), void *context)
{
	struct guarded_call other = {.call = call, .context = context};
	tally_critical section;
	pthread_t thread;
	CHECK_EQ(tally_critical_begin(&section, guard), 0);
	if (pthread_create(&thread, NULL, guarded_main, &other)) tap_bail_out("no thread");
	while (!atomic_load(&other.begun)) sched_yield();
	for (int i = 0; i < tap_scale(5000) && !atomic_load(&other.over); i++) {
		tally_safepoint();
		sched_yield();
	}
	CHECK(!atomic_load(&other.over));
	last(context);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_join(thread, NULL), 0);
	CHECK(atomic_load(&other.over));
}

static inline void guarded_nothing(void *context) { (void)context; }

static inline void check_waits_for(tally_object *guard, void (*call)(void *context), void *context)
{
	check_waits_while(guard, call, guarded_nothing, context);
}

#endif
