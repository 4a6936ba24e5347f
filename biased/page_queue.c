// biased/page_queue.c: the queue of drops that needs no memory and so cannot fail.
//
// A queued object may be alive, its payload in use, all sixteen bytes of its header taken: there is no room for a link in
// it. So a drop sets the object's bit in its page, then the bit of that word in the page's summary, and whoever makes the
// summary non-zero links the page into its owner's slot. A batch of drops in one page is one list entry, one signal, and a
// scan in the order of addresses.
//
// I1  An object's bit is set at most once in its life: queued leads only to merged.
// I2  The queue holds one reference of each object whose bit is set, so the object outlives its wait.
// I3  A drain empties the summary first, then the words that it named. A dropper may set its summary bit after a drainer
//     took its block's bit: then the page is listed with nothing in it, which is harmless.
#include "page_queue.h"
#include "variant.h"

void page_queue_push(struct tally_slot *slot, struct tally_object *object)
{
	struct tally_page *page = tally_page_of(object);
	unsigned index = tally_block_index(page, object), word = index / 64;
	// order: release this thread's drop of the object; pairs with tally_page_drain. Else: it is lost to the drainer when
	// two droppers share a word.
	tally_fetch_or(&tally_page_queued(page)[word], (uint64_t)1 << index % 64, release);
	// order: acq_rel the bit before its summary, and the page's link after its last drainer; pairs with
	// tally_page_drain. Else: the link is overwritten while it is read, or a drop is never found.
	if (tally_fetch_or(&page->summary, (uint64_t)1 << word, acq_rel) == 0) slot_push(slot, page);
}

static void merge_word(struct tally_page *page, unsigned word, uint64_t bits)
{
	for (; bits; bits &= bits - 1) {
		struct tally_object *object = tally_block_at(page, word * 64 + (unsigned)__builtin_ctzll(bits));
		if (!biased_merge(object, 1)) continue;
		biased_acquire_last(object);
		tally_object_doom(object);
	}
}

void tally_page_drain(struct tally_heap *heap, struct tally_page *page)
{
	// order: acq_rel the link was read before the page can be listed again, and the bits come after; pairs with
	// page_queue_push, variant_free_remote. Else: as there.
	uint64_t summary = tally_exchange(&page->summary, 0, acq_rel);
	for (uint64_t words = summary & ~TALLY_SUMMARY_REMOTE; words; words &= words - 1) {
		unsigned word = (unsigned)__builtin_ctzll(words);
		// order: acquire the drops behind the bits; pairs with page_queue_push. Else: as there.
		merge_word(page, word, tally_exchange(&tally_page_queued(page)[word], 0, acquire));
	}
	if (summary & TALLY_SUMMARY_REMOTE) tally_page_take_remote(heap, page); // last: the page may go with it
}
