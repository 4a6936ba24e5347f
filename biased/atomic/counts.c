// biased/atomic/counts.c: the rest of the ablation: the last reference, immortality, and a page queue for freed blocks only.
//
// Nothing waits for an owner here, since an object has none; pages still do, so a slot's list carries those that others
// freed blocks of.
#include "slot.h"
#include "variant.h"

const char variant_name[] = "atomic";

void variant_immortalize(struct tally_object *object)
{
	variant_world_stop();
	if (!ablation_is_immortal(object)) variant_immortal_init(object);
	variant_world_start();
	tally_bury();
}

void variant_page_orphaned(struct tally_page *page) { (void)page; }

void tally_page_drain(struct tally_heap *heap, struct tally_page *page)
{
	// order: acq_rel the link was read before the page can be listed again, and the freed blocks come after; pairs with
	// variant_free_remote. Else: as there.
	if (tally_exchange(&page->summary, 0, acq_rel) & TALLY_SUMMARY_REMOTE) tally_page_take_remote(heap, page);
}
