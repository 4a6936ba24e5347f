// tests/schedule/scheduler.h: an exhaustive scheduler. It runs a scenario, a few fibers on one thread, once for every
// order in which their accesses to shared memory can fall, and says in which order one of them went wrong.
//
// The code under test reaches shared memory through the verbs of core/atomics.h, which a scheduled build routes here
// (schedule_hooks.h). Each execution starts afresh with `init`; the orders are searched depth first, by replay. Of the
// orders that differ only in steps that cannot influence each other one is run to its end (sleep sets): two steps
// depend on each other when they touch a common byte and at least one of them writes.
//
// I1  A scenario is deterministic: it starts from what `init` wrote and depends on nothing but the order of its steps.
// I2  An execution may be abandoned at any access, so fibers own nothing that `init` does not take back: storage comes
//     from static arrays, and it stays mapped until the execution is over.
// I3  What lies between two accesses of a fiber is one step. Plain memory that the protocol is meant to guard is shown
//     by calling tally_scheduled_access before touching it, else an order that would expose it may be left out.
//
// A failure names its schedule, such as `lost_update:0110`. TALLY_SCHEDULE=lost_update:0110 in the environment makes
// that scenario run this one execution and print each step.
#ifndef TALLY_SCHEDULER_H
#define TALLY_SCHEDULER_H

#include "schedule_hooks.h"

#include <stdbool.h>

enum {
	SCHEDULE_FIBERS_MAX = 6,
	SCHEDULE_STAGE = SCHEDULE_FIBERS_MAX, // where init and check run: not a fiber, but it has a self of its own
};

struct schedule_scenario {
	const char *name;		// without a colon
	void (*init)(void);		// before each execution: resets everything. May be NULL
	int fibers;
	void (*fiber[SCHEDULE_FIBERS_MAX])(void);
	void (*check)(void);		// after each complete execution. May be NULL

	long executions_max;		// stop after so many, abandoned ones included; 0: never
	bool every_order;		// no reduction: run every order, also the equivalent ones
	bool bounded;			// at most `preemptions` switches away from a fiber that could have gone on.
	int preemptions;		// Implies every_order: reduction and bound together would lose executions
};

struct schedule_result {
	long executions;		// run to their end, the failing one included
	long abandoned;			// cut short: equivalent to an execution that was run
	bool complete;			// nothing is left to explore
	char failure[256];		// empty when there was none
	const char *schedule;		// of the failure, "name:digits"; valid until the next exploration. Else NULL
};

// Explores until everything is explored, the limit is reached or something fails. True: no failure.
bool schedule_explore(const struct schedule_scenario *scenario, struct schedule_result *result);

// In a fiber, in init and check, and in doubles that the code under test calls: a false condition ends the execution.
#define SCHEDULE_ASSERT(condition) \
	((condition) ? (void)0 : schedule_fail("%s is false (%s, %s:%d)", #condition, __func__, __FILE__, __LINE__))
_Noreturn void schedule_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The number of the calling fiber, or SCHEDULE_STAGE.
int schedule_fiber(void);

// For init and check: tally_scheduled_self is that of `fiber` from here on, until the function returns. This is how a
// scenario attaches its threads before they start, and has them look once more when they have ended.
void schedule_act_as(int fiber);

// For init: what a replay and the report of a deadlock call what lies at `address`.
void schedule_label(const volatile void *address, const char *label);

#endif
