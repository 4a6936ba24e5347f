// biased/hot.h: noting a few of the counts that threads make on objects that are not theirs (hot.c).
//
// A thread counts down, in its own record, to its next look; only there is anything shared touched. While nothing is
// sampled it looks now and then whether that has changed, so a start is noticed within HOT_IDLE foreign counts.
#ifndef TALLY_BIASED_HOT_H
#define TALLY_BIASED_HOT_H

#include "thread.h"

enum { HOT_IDLE = 256 };

void hot_look(struct tally_object *object);

// The calling thread counts the object, which lives, atomically.
static inline void hot_count(struct tally_object *object)
{
	if (tally_unlikely(--tally_self.hot_left < 0)) hot_look(object);
}

// The runtime starts, or ends: nothing is sampled, nothing noted.
void hot_reset(void);

#endif
