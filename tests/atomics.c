// tests/atomics.c: the verbs of core/atomics.h: what an exchange leaves behind, sleeping and waking; and which words of
// a header take them.
#include "header.h"
#include "os.h"
#include "tap.h"
#include "turns.h"

static void a_compare_and_swap_that_fails_says_what_it_saw_and_writes_nothing(void)
{
	_Atomic uint32_t word = 7;
	uint32_t expected = 8;
	CHECK(!tally_cas(&word, &expected, 9, release));
	CHECK_EQ(expected, 7);
	CHECK_EQ(tally_load(&word, relaxed), 7);
	CHECK(tally_cas(&word, &expected, 9, release)); // so a loop may go on with what it was told
	CHECK_EQ(expected, 7);
	CHECK_EQ(tally_load(&word, relaxed), 9);
}

// A weak exchange might fail here; then a slot that nobody holds might not be claimed, and a drop would be lost.
static void a_compare_and_swap_that_can_succeed_does(void)
{
	_Atomic uint64_t word = 0;
	unsigned failed = 0;
	for (uint64_t i = 0; i < 1000000; i++) {
		uint64_t expected = i;
		failed += !tally_cas(&word, &expected, i + 1, acquire);
	}
	CHECK_EQ(failed, 0);
}

static void the_other_verbs_say_what_was_there_before(void)
{
	_Atomic uint32_t word = 12;
	CHECK_EQ(tally_exchange(&word, 5, acquire), 12);
	CHECK_EQ(tally_fetch_add(&word, 3, relaxed), 5);
	CHECK_EQ(tally_fetch_sub(&word, 2, release), 8);
	CHECK_EQ(tally_fetch_or(&word, 9, acq_rel), 6);
	CHECK_EQ(tally_fetch_and(&word, 3, relaxed), 15);
	CHECK_EQ(tally_load(&word, seq_cst), 3);
	tally_store(&word, 1, release);
	CHECK_EQ(tally_load(&word, acquire), 1);
}

static void who_waits_for_what_has_changed_already_does_not_sleep(void)
{
	_Atomic uint32_t word = 1;
	tally_wait(&word, 2, TALLY_FOREVER);
	CHECK_EQ(tally_load(&word, relaxed), 1);
}

static void a_wait_ends_when_its_time_is_up(void)
{
	_Atomic uint32_t word = 1;
	uint64_t before = tally_clock();
	tally_wait(&word, 1, 20000000);
	uint64_t waited = tally_clock() - before;
	CHECK(waited < patience_ns(10));
}

static _Atomic uint64_t wide;
static stage at;

static void *wait_for_the_low_half(void *unused)
{
	(void)unused;
	reach(&at, 1);
	for (;;) {
		uint64_t word = tally_load(&wide, acquire);
		if ((uint32_t)word != 5) break;
		tally_wait(tally_low_half(&wide), 5, TALLY_FOREVER);
	}
	return NULL;
}

static void a_thread_that_sleeps_on_the_low_half_of_a_word_is_woken(void)
{
	for (int i = tap_scale(200); i > 0; i--) {
		reach(&at, 0);
		tally_store(&wide, (uint64_t)i << 32 | 5, relaxed);
		pthread_t sleeper = spawn(wait_for_the_low_half, NULL);
		if (i % 2) await(&at, 1);
		tally_store(&wide, (uint64_t)i << 32 | 6, release);
		tally_wake(tally_low_half(&wide), 1);
		pthread_join(sleeper, NULL);
	}
}

// Every access to such a word is atomic, whatever it looks like; what order it needs is tests/check_orders' business.
static void the_words_of_a_header_that_threads_share_are_atomic(void)
{
	struct tally_object object = {.local = 0};
	CHECK(_Generic(&object.local, _Atomic uint32_t *: true, default: false));
	CHECK(_Generic(&object.shared, _Atomic uint32_t *: true, default: false));
	CHECK(_Generic(&object.lock, _Atomic uint8_t *: true, default: false));
	CHECK(_Generic(&object.flags, _Atomic uint8_t *: true, default: false));
	CHECK(atomic_is_lock_free(&object.local) && atomic_is_lock_free(&object.lock));
}

// A builder may set one while holders of the lock write another: none shares a word with its neighbour.
static void the_bytes_of_a_header_can_be_written_one_by_one(void)
{
	struct tally_object object = {.local = 0};
	object.gc = 0xFF;
	object.aux = 0xFFFF;
	tally_store(&object.lock, 1, relaxed);
	tally_store(&object.flags, 2, relaxed);
	CHECK_EQ(object.type, 0);
	CHECK_EQ(object.gc, 0xFF);
	CHECK_EQ(object.aux, 0xFFFF);
	CHECK_EQ(tally_load(&object.lock, relaxed), 1);
	CHECK_EQ(tally_load(&object.flags, relaxed), 2);
	CHECK_EQ(tally_load(&object.local, relaxed), 0);
	CHECK_EQ(tally_load(&object.shared, relaxed), 0);
}

int main(void)
{
	tap_begin();
	tap_watchdog(60);
	TAP_RUN(a_compare_and_swap_that_fails_says_what_it_saw_and_writes_nothing);
	TAP_RUN(a_compare_and_swap_that_can_succeed_does);
	TAP_RUN(the_other_verbs_say_what_was_there_before);
	TAP_RUN(who_waits_for_what_has_changed_already_does_not_sleep);
	TAP_RUN(a_wait_ends_when_its_time_is_up);
	TAP_RUN(a_thread_that_sleeps_on_the_low_half_of_a_word_is_woken);
	TAP_RUN(the_words_of_a_header_that_threads_share_are_atomic);
	TAP_RUN(the_bytes_of_a_header_can_be_written_one_by_one);
	return tap_end();
}
