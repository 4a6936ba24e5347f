// tests/mark.c: marking by one thread: its queue, step by step, and the arithmetic of its roots: I1 and I2 of core/mark.c.
//
// The source is included, so that each step can be taken alone. The other passes are the library's.
#include "nodes.h"
#include "trial.h"
#include "variant.h"

#include "../core/mark.c"

static struct tally_candidates set;

static void stop(int generation)
{
	variant_world_stop();
	if (tally_candidates_of_generation(&set, generation)) tap_bail_out("no memory");
}

static void go(void)
{
	tally_candidates_release(&set);
	variant_world_start();
}

// ---- the queue ----

// Walks the queue: each word that is in it has its byte, no word is in it twice, and no other has its byte.
static void check_queue(void)
{
	uint64_t queued = 0, places = 0;
	for (uint64_t word = 0; word < set.words; word++) queued += set.queued[word];
	for (uint64_t at = set.head; at != set.tail; at = at + 1 == set.words ? 0 : at + 1) {
		CHECK(set.queued[set.queue[at]]);
		for (uint64_t other = set.head; other != at; other = other + 1 == set.words ? 0 : other + 1)
			CHECK(set.queue[other] != set.queue[at]);
		places++;
	}
	CHECK_EQ(places, queued);
	for (uint64_t word = 0; word < set.words; word++) // nothing that is still to be scanned has been forgotten
		if (!set.queued[word]) CHECK_EQ(set.marked[word], set.scanned[word]);
}

static void i2_a_word_is_in_the_queue_once_while_its_byte_is_set(void)
{
	enum { LISTS = 64 * 20 };
	static tally_object *lists[LISTS];
	uint64_t state = fixture_seed(0);
	for (unsigned i = 0; i < LISTS; i++) lists[i] = list_in_itself();
	for (unsigned i = 0; i < LISTS * 3; i++) push(lists[below(&state, LISTS)], lists[below(&state, LISTS)]);
	for (unsigned i = 1; i < LISTS; i++) tally_decref(lists[i]);
	stop(0);
	tally_trial_subtract(&set, 0);
	find_roots(&set);
	check_queue();
	struct tally_batch batch = {.size = 0};
	for (unsigned round = 0; round < 5 * LISTS; round++) { // many times around the ring
		tally_mark_number(&set, tally_candidate_number(lists[below(&state, LISTS)]));
		check_queue();
		if (round % 3 == 0 || set.head == set.tail) continue;
		scan_next(&set, &batch);
		check_queue();
		if (round % 7 == 0 || batch.size > TALLY_BATCH_ROOM) tally_batch_scan(&batch, mark, &set);
		check_queue();
	}
	tally_batch_scan(&batch, mark, &set);
	tally_mark_drain(&set);
	CHECK_EQ(set.head, set.tail);
	check_queue();
	go();
	tally_decref(lists[0]);
	CHECK_EQ(tally_gc_collect(2), LISTS);
}

// The first in the queue are those with roots; everything else is marked from the start, and not scanned for it.
static void the_mark_begins_with_members_that_have_a_residue(void)
{
	tally_object *held = must(tally_list_new()), *lists[200];
	for (unsigned i = 0; i < 200; i++) {
		lists[i] = list_in_itself();
		if (i % 3 == 0) push(held, lists[i]);
		if (i % 3) tally_decref(lists[i]);
	}
	for (unsigned i = 0; i < 200; i += 3) tally_decref(lists[i]); // `held` refers to it: a candidate's reference, no residue
	stop(0);
	tally_trial_subtract(&set, 0);
	find_roots(&set);
	check_queue();
	unsigned roots = 0;
	for (uint32_t word = 1; word < set.words; word++) {
		CHECK_EQ(set.scanned[word], ~set.member[word]);
		roots += (unsigned)__builtin_popcountll(set.marked[word] & set.member[word]);
	}
	CHECK_EQ(roots, 1);
	tally_mark_drain(&set);
	for (unsigned i = 0; i < 200; i++)
		CHECK_EQ(tally_candidate_has(set.marked, tally_candidate_number(lists[i])), i % 3 == 0);
	check_queue();
	go();
	tally_decref(held);
	CHECK_EQ(tally_gc_collect(2), 200);
}

static unsigned count_grey(void)
{
	unsigned count = 0;
	for (uint32_t word = 1; word < set.words; word++)
		count += (unsigned)__builtin_popcountll(set.marked[word] & ~set.scanned[word]);
	return count;
}

// A list of many, and a ring in which one leads to the next: both hang on one reference from elsewhere.
static void a_drain_gives_up_when_the_queue_is_long_and_nothing_is_lost_by_it(void)
{
	enum { MANY = 4000 };
	static tally_object *lists[MANY];
	tally_object *ring = ring_of_lists(MANY), *wide = must(tally_list_new());
	for (unsigned i = 0; i < MANY; i++) push_own(wide, (lists[i] = must(tally_list_new())));
	stop(0);
	tally_trial_subtract(&set, 0);
	find_roots(&set);
	CHECK_EQ(count_grey(), 2);
	CHECK(tally_mark_drain_up_to(&set, 10));
	CHECK_EQ(set.head, set.tail);
	for (uint64_t word = 0; word < set.words; word++) CHECK_EQ(set.queued[word], 0);
	CHECK(count_grey() > 0);
	for (unsigned i = 0; i < MANY; i++) CHECK(tally_candidate_has(set.marked, tally_candidate_number(lists[i])));
	for (uint32_t word = 1; word < set.words; word++)
		if (set.marked[word] & ~set.scanned[word]) tally_mark_queue(&set, word);
	CHECK(!tally_mark_drain_up_to(&set, set.words)); // never so long
	CHECK_EQ(count_grey(), 0);
	for (uint32_t word = 1; word < set.words; word++) CHECK_EQ(set.marked[word], UINT64_MAX);
	check_queue();
	find_roots(&set);
	tally_mark_drain(&set); // the same at once
	for (uint32_t word = 1; word < set.words; word++) CHECK_EQ(set.marked[word], UINT64_MAX);
	check_queue();
	go();
	tally_decref(ring);
	tally_decref(wide);
	CHECK_EQ(tally_gc_collect(2), MANY);
}

// ---- the arithmetic of residues, eight at a time ----

static uint64_t eight(const uint8_t *bytes)
{
	uint64_t x;
	memcpy(&x, bytes, 8);
	return x;
}

static void the_bits_of_what_is_not_zero_are_in_the_order_of_addresses(void)
{
	static const uint8_t values[] = {1, 2, 0x7F, 0x80, 0x81, 0xFE, 0xFF};
	for (unsigned bits = 0; bits < 256; bits++)
		for (unsigned value = 0; value < 7; value++) {
			uint8_t bytes[8];
			for (unsigned i = 0; i < 8; i++) bytes[i] = bits >> i & 1 ? values[(value + i) % 7] : 0;
			if (!CHECK_EQ(nonzero(eight(bytes)), bits)) return;
		}
}

static void bytes_are_added_up_each_for_itself(void)
{
	uint64_t state = fixture_seed(1);
	for (int step = tap_scale(100000); step > 0; step--) {
		uint64_t a = fixture_random(&state), b = step % 2 ? fixture_random(&state) : ~a + (uint64_t)step;
		uint8_t left[8], right[8], sum[8];
		memcpy(left, &a, 8), memcpy(right, &b, 8);
		for (unsigned i = 0; i < 8; i++) sum[i] = (uint8_t)(left[i] + right[i]);
		if (!CHECK_EQ(add_bytes(a, b), eight(sum))) return;
	}
}

int main(void)
{
	nodes_begin(60);
	TAP_RUN(i2_a_word_is_in_the_queue_once_while_its_byte_is_set);
	TAP_RUN(the_mark_begins_with_members_that_have_a_residue);
	TAP_RUN(a_drain_gives_up_when_the_queue_is_long_and_nothing_is_lost_by_it);
	TAP_RUN(the_bits_of_what_is_not_zero_are_in_the_order_of_addresses);
	TAP_RUN(bytes_are_added_up_each_for_itself);
	return tap_end();
}
