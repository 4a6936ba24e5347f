// tests/duel.h: two threads that act at about the same time, round after round, and wait for one another in between.
//
//     static void fight(void *context, unsigned number) // 0 or 1, by run_threads(2, fight, NULL) after duel_begin()
//     {
//             duel_enter(number);
//             for (unsigned round = 0; round < ROUNDS; round++) {
//                     ... // prepare
//                     duel_wait(number);
//                     duel_meet(number);
//                     ... // act
//                     duel_wait(number);
//                     ... // look
//             }
//     }
#ifndef TALLY_TESTS_DUEL_H
#define TALLY_TESTS_DUEL_H

#include "fixture.h"
#include "turns.h"

static struct {
	stage at[2];       // how many times each thread has come to wait
	unsigned steps[2]; // the same, for the thread itself
	uint64_t state[2]; // random numbers
} duel;

static inline void duel_begin(void) { memset(&duel, 0, sizeof duel); }

static inline void duel_enter(unsigned number)
{
	duel.state[number] = fixture_seed(number);
	if (!is_gil()) stay_on_processor(number);
}

// Until the other one has come to wait as often. In a blocking region.
static inline void duel_wait(unsigned number)
{
	reach(&duel.at[number], ++duel.steps[number]);
	await(&duel.at[!number], duel.steps[number]);
}

// The same, but attached and without sleeping, so that both go on at once, each after a moment which may be short or
// long. In `gil` one of the two has the lock, which the other one may need: there it is the moment only.
static inline void duel_meet(unsigned number)
{
	enum { PATIENCE = 2000, MAGNITUDES = 14 };
	if (!is_gil()) {
		reach(&duel.at[number], ++duel.steps[number]);
		for (unsigned i = 1; !has_reached(&duel.at[!number], duel.steps[number]); i++)
			if (i % PATIENCE == 0) sched_yield();
	}
	for (volatile unsigned i = below(&duel.state[number], 1u << below(&duel.state[number], MAGNITUDES)); i > 0; i--)
		;
}

#endif
