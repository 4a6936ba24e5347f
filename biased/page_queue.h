// biased/page_queue.h: drops that wait for their object's owner, queued by page.
// The queue needs no memory and cannot fail; docs/counting.md has the reasons.
#ifndef TALLY_BIASED_PAGE_QUEUE_H
#define TALLY_BIASED_PAGE_QUEUE_H

#include "slot.h"

// Queues `object`, which the caller has just brought to `queued`, for the holder of the role of `slot`, its owner.
// Needs no memory, cannot fail. When the owner is away the object may be among the calling thread's dying afterwards.
void page_queue_push(struct tally_slot *slot, struct tally_object *object);

#endif
