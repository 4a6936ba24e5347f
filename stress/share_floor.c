// stress/share_floor.c: the benchmark of sharing without objects: what the machine takes for the counting alone. See
// stress/share.c.
//
// Counters of 32 bits, one up and one down by atomic read-modify-writes: 1,000 of them in blocks that lie as the elements of
// the other sides' lists do, taken in the order of a list or in that of the look-ups in a dict; each on a line of its own;
// and one alone. An exact count that all threads keep in the same way cannot be cheaper.
#include "share.h"

#include <stdatomic.h>
#include <stdint.h>

// As a float of Tally's: its shared count is at the fourth byte.
struct block {
	_Atomic uint32_t local, shared;
	double rest[2];
};

struct place {
	struct block blocks[ITEMS];
	_Alignas(64) struct {
		_Alignas(64) _Atomic uint32_t shared;
	} padded[ITEMS];
};

static struct place places[MOST_THREADS];

const char *side_name(void) { return "floor"; }
const char *side_version(void) { return "C11"; }
struct place *side_place(size_t i) { return &places[i]; }
void side_start(void) {}
void side_enter(void) {}
void side_leave(void) {}
void side_pause(void) {}
void side_resume(void) {}

void side_stop(void)
{
	for (size_t i = 0; i < ITEMS; i++) {
		if (places[0].blocks[i].shared || places[0].padded[i].shared) fail("a count is not what it was");
	}
}

static inline void up_and_down(_Atomic uint32_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(counter, 1, memory_order_release);
}

static void in_order(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) up_and_down(&lane->place->blocks[i].shared);
}

static void in_shuffled_order(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) up_and_down(&lane->place->blocks[shuffled(i)].shared);
}

static void in_lines(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) up_and_down(&lane->place->padded[i].shared);
}

static void one(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		up_and_down(&lane->place->blocks[0].shared);
}

static const struct row all_rows[] = {
	{"floor-list", SHARED, NULL, in_order, NULL},
	{"floor-dict", SHARED, NULL, in_shuffled_order, NULL},
	{"floor-list-in-step", IN_STEP, NULL, in_order, NULL},
	{"floor-dict-in-step", IN_STEP, NULL, in_shuffled_order, NULL},
	{"floor-lines", SHARED, NULL, in_lines, NULL},
	{"floor-one", SHARED, NULL, one, NULL},
};

const struct row *side_row(size_t i) { return i < sizeof all_rows / sizeof all_rows[0] ? &all_rows[i] : NULL; }
