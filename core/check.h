// core/check.h: checks of the library's own invariants, and the build constants that the hard build shrinks.
//
// TALLY_ASSERT is on in builds with -Dassertions=true only, which are for those who work on Tally: there a broken
// invariant traps at the place where it broke. A release build contains none of it and never ends the process.
// The hard build (-Dhard=true) gives bugs a chance: it changes constants, never code paths.
#ifndef TALLY_CORE_CHECK_H
#define TALLY_CORE_CHECK_H

#include <assert.h>

#ifndef TALLY_ASSERTIONS
#define TALLY_ASSERTIONS 0
#endif
#ifndef TALLY_HARD
#define TALLY_HARD 0
#endif

#define TALLY_ASSERT(condition)                                                                                       \
	do {                                                                                                          \
		if (TALLY_ASSERTIONS && !(condition)) __builtin_trap();                                               \
	} while (0)

// `normal` in every build but the hard one, where it is `hard`.
#define TALLY_TUNED(normal, hard) (TALLY_HARD ? (hard) : (normal))

// How often a loop tries before it sleeps. The exhaustive scheduler explores sleeping instead.
#ifdef TALLY_SCHEDULED
#define TALLY_SPINS(normal) 0
#else
#define TALLY_SPINS(normal) TALLY_TUNED(normal, 1)
#endif

#define tally_likely(condition) __builtin_expect(!!(condition), 1)
#define tally_unlikely(condition) __builtin_expect(!!(condition), 0)

#endif
