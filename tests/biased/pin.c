// tests/biased/pin.c: try-increments by a reader that may come too late, while the owner recycles the block under it:
// whatever is pinned is an object with a type (I2 of core/header.h). tests/schedule/counts.c has the protocol itself.
#include "fixture.h"
#include "object.h"
#include "turns.h"
#include "variant.h"

static _Atomic(tally_object *) cell;
static stage at;
static atomic_uint pinned;

static void *pin_what_is_there(void *unused)
{
	(void)unused;
	tally_token token = attached();
	unsigned wrong = 0, count = 0;
	while (!has_reached(&at, 1)) {
		tally_safepoint();
		tally_object *object = atomic_load(&cell);
		if (!object || !variant_try_incref(object)) continue;
		unsigned type = object->type;
		wrong += type != TALLY_TYPE_INT && type != TALLY_TYPE_FLOAT;
		for (volatile int i = 0; i < 50; i++) continue;
		wrong += object->type != type || !variant_is_alive(object);
		variant_decref(object);
		count++;
	}
	CHECK_EQ(wrong, 0);
	atomic_store(&pinned, count);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void whatever_is_pinned_has_its_type_and_keeps_it(void)
{
	tally_object *keeper = counted(0); // so that the page stays, whatever is in it
	reach(&at, 0);
	pthread_t reader = spawn(pin_what_is_there, NULL);
	for (int i = tap_scale(300000); i > 0; i--) {
		tally_object *object = i % 2 ? counted(i) : must(tally_float_new(i)); // blocks of one size: the same one, often
		biased_mark_weak(object); // pinned by others from now on, at their own risk
		atomic_store(&cell, object);
		if (i % 8 == 0) sched_yield();
		tally_decref(object);
	}
	reach(&at, 1);
	finish(reader);
	tap_note("%u times pinned", atomic_load(&pinned));
	atomic_store(&cell, NULL);
	tally_decref(keeper);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(whatever_is_pinned_has_its_type_and_keeps_it);
	return tap_end();
}
