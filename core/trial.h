// core/trial.h: trial deletion: which candidates are garbage.
// The three steps of a collection's stopped part, in their order (core/trial.c tells how they work).
#ifndef TALLY_CORE_TRIAL_H
#define TALLY_CORE_TRIAL_H

#include "candidates.h"
#include "type.h"

// Blocks of the page's word, live or not, of that age (0, 1, 2) or younger.
uint64_t tally_trial_of_age(const struct tally_page *page, unsigned word, int generation);

// Which blocks of the numbered pages are candidates, and how often each is referred to from elsewhere.
// `generation`: every live block of that age or younger. What the set's budget does not do for counts as reachable, and so does what it
// refers to.
void tally_trial_subtract(struct tally_candidates *set, int generation);
// The members that the set has already, each of which is held once by the collector.
void tally_trial_subtract_members(struct tally_candidates *set);

// Marks what is referred to from elsewhere and all that this leads to; the rest is the set's trash. 0; -1: no memory to settle
// a doubtful case, and nothing has happened.
int tally_trial_mark(struct tally_candidates *set);
// The same for members that the collector holds. Where memory is short what is doubtful counts as reachable, for this time.
void tally_trial_mark_held(struct tally_candidates *set);
// Within the trash: marks what cannot be freed at once, since code of the host's has to run for it (host objects, classes,
// instances with a finalizer), and all that these lead to, and nothing else; `all`: all of it. False: there is none.
bool tally_trial_mark_special(struct tally_candidates *set, bool all);

#endif
