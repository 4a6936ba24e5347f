// tests/biased/adopt.c: pages whose thread has gone, when no other thread takes over its slot: the trim moves them to the
// heap of its caller, and what lives on them has no owner from then on.
#include "fixture.h"
#include "object.h"

enum { KEPT = 64, BETWEEN = 500 }; // a page of 64 KiB holds some 2,700 floats

static tally_object *kept[KEPT], *immortal;
static pthread_barrier_t all_are_there;

// Two of these at once, so that two slots exist; both threads end, and one slot is left behind for good.
static void *leave_objects(void *mine)
{
	tally_token token;
	CHECK_EQ(tally_thread_attach(&token), 0);
	pthread_barrier_wait(&all_are_there);
	for (int i = 0; mine && i < KEPT; i++) {
		kept[i] = tally_float_new(i);
		tally_incref(kept[i]);
		for (int j = 0; j < BETWEEN; j++) tally_decref(tally_float_new(0));
	}
	if (mine) tally_immortalize(immortal = tally_float_new(-1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static uint64_t page_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.page_bytes;
}

static void let_threads_come_and_go(void)
{
	pthread_t threads[2];
	pthread_barrier_init(&all_are_there, NULL, 2);
	for (uintptr_t i = 0; i < 2; i++) pthread_create(&threads[i], NULL, leave_objects, (void *)i);
	CHECK_EQ(tally_blocking_begin(), 0);
	for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	pthread_barrier_destroy(&all_are_there);
}

static void drop_kept(void)
{
	for (int i = 0; i < KEPT; i++) tally_decref(kept[i]), tally_decref(kept[i]);
}

static void a_trim_adopts_the_pages_of_threads_that_have_gone(void)
{
	let_threads_come_and_go();
	uint16_t former = tally_page_of(kept[0])->owner;
	CHECK(former != tally_self.heap->tag);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	for (int i = 0; i < KEPT; i++) {
		double value = -1;
		CHECK_EQ(tally_page_of(kept[i])->owner, tally_self.heap->tag);
		CHECK_EQ(tally_load(&kept[i]->local, relaxed), 0); // merged
		CHECK_EQ(tally_refcount(kept[i]), 2);
		CHECK_EQ(tally_float_value(kept[i], &value), 0);
		CHECK(value == i);
	}
	CHECK_EQ(tally_refcount(immortal), UINT32_MAX);

	uint64_t before = page_bytes();
	tally_object *numbers[BETWEEN];
	for (int i = 0; i < BETWEEN; i++) {
		numbers[i] = tally_float_new(i); // in the gaps between the kept
		CHECK_EQ(tally_page_of(numbers[i])->owner, tally_self.heap->tag);
	}
	CHECK_EQ(page_bytes(), before);
	for (int i = 0; i < BETWEEN; i++) tally_decref(numbers[i]);
	drop_kept();
}

static void an_heir_of_an_emptied_slot_starts_anew(void)
{
	let_threads_come_and_go();
	CHECK_EQ(tally_heap_trim(NULL), 0);
	drop_kept();
	let_threads_come_and_go(); // both slots again, without a page
	drop_kept();
	CHECK_EQ(tally_heap_trim(NULL), 0);
}

static void what_nobody_uses_any_more_goes_back_to_the_arenas(void)
{
	CHECK_EQ(tally_heap_trim(NULL), 0);
	uint64_t before = page_bytes();
	let_threads_come_and_go();
	drop_kept();
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(page_bytes(), before + TALLY_PAGE_SIZE); // the page of the one that is immortal
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_trim_adopts_the_pages_of_threads_that_have_gone);
	TAP_RUN(what_nobody_uses_any_more_goes_back_to_the_arenas);
	TAP_RUN(an_heir_of_an_emptied_slot_starts_anew);
	return tap_end();
}
