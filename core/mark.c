// core/mark.c: marking by one thread: a queue of words.
//
// A queue of words (64 blocks each) instead of a stack of objects: each word is in it at most once, so it cannot overflow;
// blocks are scanned in the order of addresses; and a word waits while marks gather in it. A word with many blocks to scan is
// scanned at once; those with few are collected in a batch, whose blocks are asked for first.
//
// I1  `scanned` is a part of `marked`; after tally_mark_drain they are equal.
// I2  A word is in the queue exactly when its byte in `queued` is set; when a mark begins no byte is.
// World stopped.
#include "mark.h"
#include "crew.h"
#include "scan.h"

#include <string.h>

static inline void mark(tally_object *referent, void *context)
{
	if (referent) tally_mark_number(context, tally_candidate_number(referent));
}

static inline uint32_t dequeue(struct tally_candidates *set)
{
	uint32_t word = set->queue[set->head];
	if (++set->head == set->words) set->head = 0;
	set->queued[word] = 0;
	return word;
}

static void scan_next(struct tally_candidates *set, struct tally_batch *batch)
{
	uint32_t number = dequeue(set);
	uint64_t grey = set->marked[number] & ~set->scanned[number];
	set->scanned[number] |= grey;
	if (tally_count_bits(grey) >= TALLY_DENSE) tally_scan_word(tally_word_of(set, number), grey, mark, set);
	else tally_batch_add(batch, tally_word_of(set, number), grey);
}

void tally_mark_drain(struct tally_candidates *set)
{
	struct tally_batch batch = {.size = 0};
	while (set->head != set->tail || batch.size) {
		if (set->head != set->tail) scan_next(set, &batch);
		if (batch.size > TALLY_BATCH_ROOM || set->head == set->tail) tally_batch_scan(&batch, mark, set);
	}
}

static uint64_t queue_length(const struct tally_candidates *set)
{
	return set->tail >= set->head ? set->tail - set->head : set->words - set->head + set->tail;
}

bool tally_mark_drain_up_to(struct tally_candidates *set, uint64_t length)
{
	struct tally_batch batch = {.size = 0};
	while (set->head != set->tail && queue_length(set) < length) {
		scan_next(set, &batch);
		tally_batch_scan(&batch, mark, set);
	}
	bool is_long = set->head != set->tail;
	while (set->head != set->tail) dequeue(set);
	return is_long;
}

// ---- roots ----

// Bit i: byte i of the eight, in the order of their addresses, is not 0.
static uint64_t nonzero(uint64_t x)
{
	const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	x = (((x & low) + low) | x) & ~low;
	return (x >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

// The bytes of both, added up each for itself.
static uint64_t add_bytes(uint64_t a, uint64_t b)
{
	const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
	return ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
}

static inline uint64_t eight_bytes(const uint8_t *bytes)
{
	uint64_t x;
	memcpy(&x, bytes, 8);
	return x;
}

static uint64_t sum_of_shares(const struct tally_crew *crew, uint64_t first)
{
	uint64_t sum = eight_bytes(&crew->share[0].residue[first]);
	for (unsigned i = 1; i < crew->size; i++)
		if (crew->share[i].has_residues) sum = add_bytes(sum, eight_bytes(&crew->share[i].residue[first]));
	return sum;
}

uint64_t tally_mark_nonzero(const struct tally_candidates *set, uint32_t word)
{
	uint64_t bits = 0, first = word * (uint64_t)64;
	if (set->crew->size == 1)
		for (unsigned i = 0; i < 8; i++) bits |= nonzero(eight_bytes(&set->residue[first + i * 8])) << i * 8;
	else
		for (unsigned i = 0; i < 8; i++) bits |= nonzero(sum_of_shares(set->crew, first + i * 8)) << i * 8;
	return bits;
}

static void find_roots(struct tally_candidates *set)
{
	for (uint32_t word = 1; word < set->words; word++) {
		uint64_t members = set->member[word], roots = 0;
		if (members) roots = (set->marked[word] | tally_mark_nonzero(set, word)) & members;
		set->marked[word] = roots | ~members;
		set->scanned[word] |= ~members;
		if (roots) tally_mark_queue(set, word);
	}
}

// Who did not come to subtract will not come to mark.
static bool has_help(const struct tally_crew *crew)
{
	for (unsigned i = 1; i < crew->size; i++)
		if (crew->share[i].has_residues) return true;
	return false;
}

void tally_mark_from_roots(struct tally_candidates *set)
{
	if (has_help(set->crew)) {
		tally_mark_shared(set);
		return;
	}
	find_roots(set);
	tally_mark_drain(set);
}
