// stress/worker_blocks.c: see worker_blocks.h.
#include "worker_blocks.h"

#include "digest.h"

static void note(struct observation *observation, uint64_t seen)
{
	if (observation->blocks++ == 0) {
		observation->first = seen;
	}
	observation->differing += seen != observation->first;
}

void blocks_repeat(struct member *member, block_fn block)
{
	bool planted = member->run->plant == PLANT_DIGEST && member->index == 0;
	do {
		note(&member->seen, block(member));
	} while (team_goes_on(member->run));
	member->seen.differing += planted;
}

uint64_t blocks_digest(const struct run *run, uint64_t last)
{
	uint64_t first = run->members[0].seen.first;
	uint64_t differing = 0;
	for (unsigned i = 0; i < run->threads; i++) {
		const struct observation *seen = &run->members[i].seen;
		differing += seen->first == first ? seen->differing : seen->blocks;
	}
	return digest_number(digest_number(digest_number(DIGEST_START, first), differing), last);
}
