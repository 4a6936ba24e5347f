// tests/deferred.h: what the tests of deferred finalizers share: the modes, and a thread of finalizers that holds still.
//
//     for (int i = 0; i < MODES; i++) {
//             begin_mode(deferred[i]);
//             ... // objects die, and wait in the queue
//             let_run();
//             ... // their finalizers have run, and all that follows from it
//             end_mode();
//     }
//
// In the mode with a thread a plug holds it up: an object whose finalizer waits until let_run. So what waits in the queue stands
// still in both modes, and a test may look at it.
#ifndef TALLY_TESTS_DEFERRED_H
#define TALLY_TESTS_DEFERRED_H

#include "turns.h"
#include "weakrefs.h"

enum { MODES = 2 };
static const enum tally_finalizer_mode deferred[MODES] = {TALLY_FINALIZER_ON_DEMAND, TALLY_FINALIZER_THREAD};

static const char *mode_name(enum tally_finalizer_mode mode)
{
	static const char *const names[] = {"inline", "on demand", "on a thread"};
	return names[mode];
}

static inline void set_mode(enum tally_finalizer_mode mode)
{
	if (tally_finalizer_set_mode(mode)) tap_bail_out(tally_error_message());
}

// ---- the plug ----

static struct {
	stage at; // 1: the thread is in it; 2: it is to go on
	tally_object *type;
	bool is_in;
} plug;

static inline void wait_in_plug(tally_object *self, void *payload, void *context)
{
	(void)self;
	(void)payload;
	(void)context;
	reach(&plug.at, 1);
	await(&plug.at, 2);
}

static inline void put_plug_in(void)
{
	reach(&plug.at, 0);
	tally_decref(must(tally_host_new(plug.type)));
	await(&plug.at, 1);
	plug.is_in = true;
}

static inline void pull_plug(void)
{
	if (plug.is_in) reach(&plug.at, 2);
	plug.is_in = false;
}

// ---- the modes ----

static inline void begin_mode(enum tally_finalizer_mode mode)
{
	tally_host_type description = {.size = sizeof description, .name = "plug", .payload_size = 8, .finalize = wait_in_plug};
	nodes_forget();
	plug.type = must(tally_host_type_new(&description));
	tap_note("%s", mode_name(mode));
	set_mode(mode);
	if (mode == TALLY_FINALIZER_THREAD) put_plug_in();
}

static inline void wait_for_an_empty_queue(void)
{
	tally_blocking_begin();
	while (tally_finalizers_pending() > 0) sched_yield();
	tally_blocking_end();
}

// Finalizes all that is in the queue, and what it leads to.
static inline void let_run(void)
{
	bool on_thread = tally_finalizer_get_mode() == TALLY_FINALIZER_THREAD, more;
	do {
		if (on_thread) {
			pull_plug();
			wait_for_an_empty_queue();
			set_mode(TALLY_FINALIZER_ON_DEMAND); // waits for the last finalizer, and ends the thread
		} else {
			CHECK(tally_finalizers_run(SIZE_MAX) >= 0);
		}
		fixture_settle(); // what this thread owns is dropped by it
		more = tally_finalizers_pending() > 0; // nobody has one in hand
		if (on_thread) set_mode(TALLY_FINALIZER_THREAD);
	} while (more);
	if (on_thread) put_plug_in();
}

static inline void end_mode(void)
{
	pull_plug();
	set_mode(TALLY_FINALIZER_INLINE);
	CHECK(tally_finalizers_run(SIZE_MAX) >= 0);
	fixture_settle();
	CHECK_EQ(tally_finalizers_pending(), 0);
}

#define CHECK_PENDING(number) CHECK_EQ(tally_finalizers_pending(), (number))

// ---- what finalizers do, and what was called ----

enum { SAVED = 1024 };
static struct {
	tally_object *object[SAVED];
	int count;
} saved;

static inline void begin_saving(void) { saved.count = 0; }

static inline void save(tally_object *object) { saved.object[saved.count++] = tally_incref(object); }

static inline void save_self(tally_object *self, struct node *node)
{
	(void)node;
	save(self);
}

static inline void drop_saved(void)
{
	while (saved.count > 0) tally_decref(saved.object[--saved.count]);
	tally_safepoint();
}

// Each of the first `count` nodes has had its finalizer called so often, and its dealloc.
static inline void check_calls(int count, unsigned finalized, unsigned dead)
{
	for (int i = 0; i < count; i++) {
		if (!CHECK_EQ(node_seen[i].finalize, finalized)) tap_note("node %d", i);
		if (!CHECK_EQ(node_seen[i].dealloc, dead)) tap_note("node %d", i);
	}
}

// The same, whatever thread drops what: each of `count` in all has had its finalizer called once, and is dead.
static inline void check_totals(unsigned count)
{
	CHECK_EQ(node_total.finalize, count);
	CHECK_EQ(node_total.dealloc, count);
}

// A node type that can be referred to weakly.
static inline tally_object *weak_node_type(bool tracked)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "node",
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = tracked ? node_is_traversed : NULL,
		.clear = tracked ? node_clears : NULL,
		.finalize = node_is_finalized,
		.context = node_seen,
		.flags = TALLY_HOST_WEAKREF,
	};
	return must(tally_host_type_new(&description));
}

#endif
