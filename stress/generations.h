// stress/generations.h: the threads of the benchmark of the collector's modes and pauses (stress/generations.c).
//
// A team of workers makes pairs of lists that refer to each other, and drops most of them at once; of each KEEP_EVERY one is kept for a
// while. A litterer leaves pairs to the collector; a tidy worker breaks them, and leaves no garbage. What a worker keeps is
// its own: no two threads use an object. All begin at one moment and end when the thread of `main`, which is in a blocking region or
// collects meanwhile, says so. At the end each looks whether all that it has kept is still whole.
#ifndef TALLY_STRESS_GENERATIONS_H
#define TALLY_STRESS_GENERATIONS_H

#include <stddef.h>
#include <stdint.h>

#include <tally/tally.h>

enum {
	MOST_WORKERS = 256,
	KEEP_EVERY = 8, // pairs of which one is kept
	KEPT = 500,     // pairs that a worker keeps at a time
};

struct worker;

// What a worker does with a pair that it gives up.
void litter(struct worker *worker, tally_object *pair);
void tidy(struct worker *worker, tally_object *pair);

// What there is to do: so many workers for so long, and what the thread of `main` does meanwhile.
struct shift {
	size_t workers, milliseconds;
	void (*give_up)(struct worker *worker, tally_object *pair);
	double (*meanwhile)(double until, void *context); // attached, until that time, in ns, is over; returns when it was
	void (*at_end)(void *context);                    // when all have stopped and none has dropped what it keeps
	void *context;
};

struct progress {
	size_t workers;
	double ns;            // from the common beginning to the end of the last one, or of what `main` did meanwhile
	uint64_t pairs;       // made by all
	uint64_t least, most; // by one worker
	uint64_t garbage;     // lists that only the collector frees
};

struct progress run_shift(const struct shift *shift);

// For `meanwhile`: does nothing, and nobody waits for this thread.
double be_away(double until, void *unused);

#endif
