// tests/schedule/stage.h: the stage on which the real code of the counting protocol plays: slots, three pages, objects.
//
// A scenario's init calls stage_reset, makes slots and objects, and says which fiber is which thread. The fibers then call
// the real functions (variant_incref, variant_decref, variant_thread_detach ...). What is not under test is doubled in
// stage.c: arenas, the types' table, records. Each object's payload is plain memory that only a holder of a reference may
// touch: stage_use checks that it is alive, the destructor that it dies once.
#ifndef TALLY_STAGE_H
#define TALLY_STAGE_H

#include "scheduler.h"
#include "stop.h"
#include "variant.h"

enum { STAGE_OBJECTS = 4, STAGE_PAGES = 3 }; // the last page has no objects: it is for what a scenario makes

struct stage_object {
	struct tally_object header;
	uint64_t destroyed; // times; plain
};

// Everything as new: no slots, no objects. First thing in init.
void stage_reset(void);

// `fiber` is a thread without a slot so far.
void stage_stranger(int fiber);

// Makes the next slot (tags 1, 2 ...) and gives it to `fiber`, attached or away.
void stage_thread(int fiber, bool attached);

// Object `i` (0 ...) in page `i / 2` of the slot with `tag`, with these count words.
void stage_object(unsigned i, unsigned tag, uint32_t local, uint32_t shared);
struct tally_object *stage_get(unsigned i);

// The calling fiber holds a reference: the object must be alive.
void stage_use(unsigned i);
// How often it has been destroyed. In check, or where nobody else can destroy it.
uint64_t stage_destroyed(unsigned i);

// The page of objects 2 * i and 2 * i + 1.
struct tally_page *stage_page(unsigned page);

// What the clock goes on at each look, ns; 0 after stage_reset.
extern uint64_t stage_clock_step;

// ---- tables of scenarios ----
// Casts of two, and those of three that allow it, are explored whole (SCENARIO). The others are explored up to a number of
// preemptions, switches away from a thread that could have gone on (BOUNDED); one more with TALLY_LONG in the environment.

#define SCENARIO(title, count, ...) \
	{.name = #title, .init = title##_init, .fibers = count, .fiber = {__VA_ARGS__}, .check = title##_check}
#define BOUNDED(title, most, count, ...)                                                                               \
	{.name = #title, .init = title##_init, .fibers = count, .fiber = {__VA_ARGS__}, .check = title##_check,       \
	 .bounded = true, .preemptions = most}

// The main program: without arguments every scenario is a TAP test; with a name that one runs, says what it found, and the
// status is 1 when that is a failure.
int stage_main(struct schedule_scenario *scenarios, unsigned number, int count, char **arguments);

#endif
