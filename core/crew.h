// core/crew.h: a collection's passes done by several threads: the one that collects and those that stand still.
//
// A pass is a function that takes pieces of the work from a common cursor until none is left; it is run by whoever comes
// (variant_world_help of core/variant.h), and is complete when all who came have returned, be it the collecting thread alone.
// What the passes write without looking at one another (residues, marks) each participant has for itself, by index.
//
// I1  The collecting thread's share, the first, is the set's own arrays.
// I2  A share whose index nobody has used in `subtract` has no residues.
// World stopped.
#ifndef TALLY_CORE_CREW_H
#define TALLY_CORE_CREW_H

#include "candidates.h"

enum { TALLY_CREW_MOST = 4 };

// A long run of references, put off to be shared out.
struct tally_crew_run {
	struct tally_object **items;
	size_t size;
};

enum { TALLY_CREW_RUNS = 64, TALLY_CREW_LONG = 4096 };

struct tally_crew_share {
	_Alignas(64) uint8_t *residue;
	uint64_t *marked;
	bool has_residues, has_heavy;
	uint64_t visited, passed_over; // objects
	uint64_t grey; // blocks found to be scanned yet
	unsigned runs;
	struct tally_crew_run run[TALLY_CREW_RUNS];
};

struct tally_crew {
	struct tally_candidates *set;
	int generation;
	unsigned size; // shares that there are; 1: nobody helps
	_Alignas(64) _Atomic uint64_t cursor; // relaxed: it hands out numbers, the pass itself is what orders
	struct tally_crew_share share[TALLY_CREW_MOST];
};

// Sets up the crew of this collection, set->crew; there is one at a time.
void tally_crew_begin(struct tally_candidates *set);

// Runs a pass to its end.
void tally_crew_work(struct tally_crew *crew, void (*work)(void *crew, unsigned index));

// Takes the next `at_once` of `all` pieces. False: none is left.
static inline bool tally_crew_take(struct tally_crew *crew, uint64_t all, uint32_t at_once, uint32_t *from, uint32_t *to)
{
	uint64_t next = tally_fetch_add(&crew->cursor, at_once, relaxed);
	if (next >= all) return false;
	*from = (uint32_t)next;
	*to = (uint32_t)(all - next < at_once ? all : next + at_once);
	return true;
}

#endif
