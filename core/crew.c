// core/crew.c: who takes part in a collection (core/crew.h).
//
// Help pays off from some ten thousand candidates on: a thread must be woken, and has tables of its own to clear. Those tables
// are cut from the collection's memory (core/candidates.c), which gives them up first when memory is short.
#include "crew.h"
#include "variant.h"

static struct tally_crew crew;

void tally_crew_begin(struct tally_candidates *set)
{
	set->crew = &crew;
	crew.set = set;
	crew.size = set->shares;
	for (unsigned i = 0; i < crew.size; i++) {
		struct tally_crew_share *share = &crew.share[i];
		share->residue = i ? set->other_residue + (i - 1) * set->words * 64 : set->residue;
		share->marked = i ? set->other_marked + (i - 1) * set->words : set->marked;
		share->has_residues = share->has_heavy = false;
		share->visited = share->passed_over = 0;
		share->runs = 0;
	}
}

void tally_crew_work(struct tally_crew *workers, void (*work)(void *crew, unsigned index))
{
	tally_store(&workers->cursor, 0, relaxed);
	variant_world_help(work, workers, workers->size);
}
