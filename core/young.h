// core/young.h: what is young, and when there is enough of it.
//
// The collector's generation 0 is found by pages: a page of a tracked layout is listed (a bit in its arena's head) from the
// moment at which it becomes current until the next collection, which lists the current ones again. Every object made since
// the last collection is in a listed page, and no object carries a link or a bit for it.
//
// The trigger is the number of tracked objects made less those dropped since the last collection. Each page knows how many of
// its blocks have been counted (`counted`); it settles the difference when it changes its state, and when an allocation finds
// `used` at `watch`, which is set so low that the threshold is not missed. So allocation pays one comparison, and a page
// whose blocks come and go tells nobody.
//
// I1  A block allocated since the last collection, of a tracked layout, lies in a listed page.
// I2  count = the sum of all that pages have settled since the last collection, but never below 0: drops of older objects do
//     not pay for new ones.
// The holder of the role of the page's slot; tally_young_reset in a stopped world.
#ifndef TALLY_CORE_YOUNG_H
#define TALLY_CORE_YOUNG_H

#include "page.h"
#include "type.h"

struct tally_heap;

// The page has become current, or large: it is listed, and watched.
void tally_young_list(struct tally_page *page);
// An allocation has found `used` at `watch` or above it, and will add one.
void tally_young_watched(struct tally_page *page);
// Settles what the page has not told yet. Pages of layouts that are not tracked have nothing to tell.
void tally_young_settle(struct tally_page *page);

// The object was dead when the last collection looked, and lives again: its page is listed. Any thread that holds it.
void tally_young_return(const struct tally_object *object);

// World stopped, a collection has been: nothing is young but what the heap's current pages will hold from now on.
void tally_young_reset(struct tally_heap *heap);
void tally_young_reset_count(void);

// The calling thread's heap settles, and watches by the threshold as it is now.
void tally_young_rewatch(struct tally_heap *heap);

// Objects made less objects dropped. Relaxed: a trigger, not a measure.
uint64_t tally_young_count(void);
// One more would be, or is, more than the threshold; or the pages in use exceed the limit.
bool tally_young_is_due(void);
// Collect automatically when the count exceeds this; 0: never.
void tally_young_set_threshold(uint32_t threshold);
// Whatever the count, collect when more bytes of pages than that are in use; UINT64_MAX: never.
void tally_young_set_byte_limit(uint64_t bytes);
// More pages are in use. Any attached thread.
void tally_young_paged(void);

#endif
