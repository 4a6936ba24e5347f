// core/trial.c: trial deletion (Bacon and Rajan, ECOOP 2001, synchronous): pretend that the references between candidates were
// gone; what is still counted is referred to from elsewhere and lives, with everything that it leads to. The rest is garbage.
//
// References from elsewhere, from the host's stacks, from older generations, need not be found: they are in the counts. So no
// write barrier, and a young collection costs what the young objects cost.
//
// subtract.c     the counts less the references between candidates: the residues, of 8 bits. They wrap, which is exact for
//                objects with fewer than 256 references.
// mark.c         marks from the roots on, with a queue; mark_shared.c does it with several threads
// here           the recount: an object with 256 references or more whose residue is 0 and which nothing has marked may be
//                referred to 256 times from elsewhere. For these few the references are counted once more, in 32 bits.
//
// I1  At the end `trash` is exactly the members that nothing from elsewhere leads to.
// World stopped.
#include "trial.h"
#include "heap.h"
#include "mark.h"
#include "os.h"
#include "trace.h"
#include "variant.h"

// ---- recount ----

struct recount {
	struct tally_candidates *set;
	const uint64_t *doubtful;
	uint32_t *count; // references from elsewhere, by number
};

static void subtract_exactly(tally_object *referent, void *context)
{
	struct recount *recount = context;
	uint32_t number = referent ? tally_candidate_number(referent) : 0;
	if (tally_candidate_has(recount->doubtful, number)) --recount->count[number];
}

// Calls `act` for each member in `bits`, a bit table of the set.
TALLY_INLINED void each_of(struct tally_candidates *set, const uint64_t *bits,
                           void (*act)(struct tally_object *object, uint32_t number, unsigned layout, void *context),
                           void *context)
{
	for (uint32_t word = 1; word < set->words; word++) {
		const struct tally_page *page = set->page[set->page_of[word]];
		for (uint64_t rest = bits[word]; rest; rest &= rest - 1) {
			uint32_t number = word * 64 + (uint32_t)__builtin_ctzll(rest);
			act(tally_candidate_at(page, number), number, page->layout, context);
		}
	}
}

static void copy_count(struct tally_object *object, uint32_t number, unsigned layout, void *context)
{
	struct recount *recount = context;
	uint32_t uncounted = layout == TALLY_LAYOUT_CLASS && recount->set->asks_classes ? tally_class_uncounted(object) : 0;
	recount->count[number] = variant_count_stopped(object) - uncounted;
}

static void subtract_references(struct tally_object *object, uint32_t number, unsigned layout, void *context)
{
	(void)number;
	tally_trace(object, layout, subtract_exactly, context);
}

static void mark_if_counted(struct tally_object *object, uint32_t number, unsigned layout, void *context)
{
	struct recount *recount = context;
	(void)object;
	(void)layout;
	if (recount->count[number] > recount->set->held) tally_mark_number(recount->set, number);
}

static void note_heavy(struct tally_object *object, uint32_t number, unsigned layout, void *context)
{
	bool *is_doubtful = context;
	(void)number;
	(void)layout;
	*is_doubtful |= variant_count_stopped(object) > UINT8_MAX;
}

static void find_doubtful(struct tally_object *object, uint32_t number, unsigned layout, void *context)
{
	uint64_t *doubtful = context;
	(void)layout;
	if (variant_count_stopped(object) > UINT8_MAX) doubtful[number / 64] |= (uint64_t)1 << number % 64;
}

// Marks the trash with 256 references or more that is referred to from elsewhere after all. -1: no memory.
static int recount(struct tally_candidates *set)
{
	bool is_doubtful = false;
	each_of(set, set->trash, note_heavy, &is_doubtful);
	if (!is_doubtful) return 0;
	size_t size = set->words * (8 + 64 * sizeof(uint32_t));
	uint64_t *doubtful = TALLY_ASSERTIONS && tally_heap_fault() ? NULL : tally_span_new(size);
	if (!doubtful) return -1;
	struct recount recount = {set, doubtful, (uint32_t *)(doubtful + set->words)};
	each_of(set, set->trash, find_doubtful, doubtful);
	each_of(set, doubtful, copy_count, &recount);
	each_of(set, set->trash, subtract_references, &recount); // no other member refers to what is not marked
	each_of(set, doubtful, mark_if_counted, &recount);
	tally_mark_drain(set);
	tally_span_free(doubtful, size);
	return 0;
}

static void find_trash(struct tally_candidates *set)
{
	for (uint32_t word = 1; word < set->words; word++) set->trash[word] = set->member[word] & ~set->marked[word];
}

int tally_trial_mark(struct tally_candidates *set)
{
	tally_mark_from_roots(set);
	if (set->asks_classes) tally_class_mark_needed(set);
	find_trash(set);
	if (!set->has_heavy) return 0;
	int status = recount(set);
	find_trash(set);
	return status;
}

static void mark_if_heavy(struct tally_object *object, uint32_t number, unsigned layout, void *context)
{
	(void)layout;
	if (variant_count_stopped(object) > UINT8_MAX) tally_mark_number(context, number);
}

void tally_trial_mark_held(struct tally_candidates *set)
{
	if (!tally_trial_mark(set)) return;
	each_of(set, set->trash, mark_if_heavy, set);
	tally_mark_drain(set);
	find_trash(set);
}

// Those of the trash in the word that cannot simply be emptied: host objects, classes, what has a finalizer to run, what is referred to
// weakly, and weak references that are on a list.
static uint64_t special(const struct tally_candidates *set, uint32_t word, uint64_t trash)
{
	const struct tally_page *page = set->page[set->page_of[word]];
	uint64_t found = 0;
	if (page->layout == TALLY_LAYOUT_CALLBACK || page->layout == TALLY_LAYOUT_CLASS) return trash;
	if (page->layout == TALLY_LAYOUT_POINTERS || page->layout == TALLY_LAYOUT_ARRAY) return 0;
	for (uint64_t rest = trash; rest; rest &= rest - 1) {
		const struct tally_object *object = tally_candidate_at(page, word * 64 + (uint32_t)__builtin_ctzll(rest));
		if (tally_load(&object->gc, relaxed) & (TALLY_GC_FINALIZER | TALLY_GC_REFERRED | TALLY_GC_WATCHER)) found |= rest & -rest;
	}
	return found;
}

bool tally_trial_mark_special(struct tally_candidates *set, bool all)
{
	for (uint32_t word = 1; word < set->words; word++) {
		uint64_t trash = set->trash[word];
		uint64_t from = all ? trash : trash ? special(set, word, trash) : 0;
		set->scanned[word] = ~trash;
		set->marked[word] = from | ~trash;
		if (from) tally_mark_queue(set, word);
	}
	bool any = set->head != set->tail;
	tally_mark_drain(set);
	return any;
}
