// tests/size_class.c: the arithmetic of block sizes: every size that a class serves is tried (I1 of core/size_class.h).
#include "size_class.h"
#include "page.h"
#include "tap.h"

static void each_size_gets_the_smallest_class_that_fits(void)
{
	for (size_t size = 1; size <= TALLY_MEDIUM_MAX; size++) {
		unsigned class = tally_class_of(size);
		if (!CHECK(class < TALLY_CLASSES)) return;
		if (!CHECK(tally_class_size(class) >= size)) return;
		for (unsigned smaller = TALLY_BLOCK_MIN / 8; smaller < class; smaller++)
			if (!CHECK(tally_class_size(smaller) < size)) return;
	}
}

static void a_larger_size_never_gets_a_smaller_class(void)
{
	for (size_t size = 2; size <= TALLY_MEDIUM_MAX; size++) {
		unsigned step = tally_class_of(size) - tally_class_of(size - 1);
		if (!CHECK(step <= 1)) return; // no class is left out either
	}
	CHECK_EQ(tally_class_of(1), TALLY_BLOCK_MIN / 8);
	CHECK_EQ(tally_class_of(TALLY_MEDIUM_MAX), TALLY_CLASSES - 1);
}

static void class_sizes_grow_from_the_smallest_block_to_the_largest(void)
{
	CHECK_EQ(tally_class_size(TALLY_BLOCK_MIN / 8), TALLY_BLOCK_MIN);
	CHECK_EQ(tally_class_size(TALLY_CLASSES - 1), TALLY_MEDIUM_MAX);
	for (unsigned class = TALLY_BLOCK_MIN / 8 + 1; class < TALLY_CLASSES; class++)
		CHECK(tally_class_size(class) > tally_class_size(class - 1));
}

static void a_class_serves_its_own_size_and_not_one_byte_more(void)
{
	for (unsigned class = TALLY_BLOCK_MIN / 8; class < TALLY_CLASSES; class++) {
		CHECK_EQ(tally_class_of(tally_class_size(class)), class);
		if (class + 1 < TALLY_CLASSES) CHECK_EQ(tally_class_of(tally_class_size(class) + 1), class + 1);
	}
}

static void a_small_block_wastes_less_than_eight_bytes_and_a_medium_one_less_than_a_fifth(void)
{
	for (size_t size = TALLY_BLOCK_MIN; size <= TALLY_MEDIUM_MAX; size++) {
		size_t block = tally_class_size(tally_class_of(size)), waste = block - size;
		if (!CHECK(size <= TALLY_SMALL_MAX ? waste < 8 : waste * 5 < block)) return;
	}
}

// core/host.c relies on it for payloads, the containers for their arrays.
static void a_block_is_aligned_as_its_size_allows(void)
{
	for (unsigned class = TALLY_BLOCK_MIN / 8; class < TALLY_CLASSES; class++) {
		size_t size = tally_class_size(class);
		CHECK_EQ(size % 8, 0);
		if (size > TALLY_SMALL_MAX) CHECK_EQ(size % 16, 0);
	}
	for (size_t size = 16; size <= TALLY_MEDIUM_MAX; size += 16) CHECK_EQ(tally_class_size(tally_class_of(size)) % 16, 0);
}

static void the_bits_of_a_page_are_enough_for_its_objects(void)
{
	CHECK(TALLY_PAGE_SIZE / tally_class_size(tally_class_of(24)) <= TALLY_BIT_WORDS * 64);
	CHECK(TALLY_BIT_WORDS < 63); // the summary has a bit for each word, and one for the remote list
}

int main(void)
{
	tap_begin();
	TAP_RUN(each_size_gets_the_smallest_class_that_fits);
	TAP_RUN(a_larger_size_never_gets_a_smaller_class);
	TAP_RUN(class_sizes_grow_from_the_smallest_block_to_the_largest);
	TAP_RUN(a_class_serves_its_own_size_and_not_one_byte_more);
	TAP_RUN(a_small_block_wastes_less_than_eight_bytes_and_a_medium_one_less_than_a_fifth);
	TAP_RUN(a_block_is_aligned_as_its_size_allows);
	TAP_RUN(the_bits_of_a_page_are_enough_for_its_objects);
	return tap_end();
}
