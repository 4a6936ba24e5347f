// tests/biased/limbo.c: limbos and epochs from the inside: when the epoch goes on, who is asked to go on and when, whose limbo is
// polled by whom.
//
// The test's own thread looks at the words of the slots. Other threads stand where a test wants them: attached without making a
// call, away, or in a read section.
#include "epoch.h"
#include "fixture.h"
#include "heap.h"
#include "reclaim.h"
#include "slot.h"
#include "turns.h"
#include "variant.h"

static struct tally_slot *my_slot(void) { return tally_self.slot; }

static bool is_asked(const struct tally_slot *slot) { return tally_load(&slot->word, relaxed) & SLOT_REFRESH; }

static uint64_t waiting(void)
{
	tally_retired_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_retired_get(&stats), 0);
	return stats.number;
}

static void *raw(size_t size)
{
	void *made = tally_raw_new(size);
	if (!made) tap_bail_out("no memory");
	return made;
}

// ---- a thread that stands where it is told to ----

struct stander {
	pthread_t thread;
	stage at;
	struct tally_slot *slot;
	void *given; // what it retires before it stands; NULL: nothing
	tally_object *read; // what it has a section on; NULL: none
	bool is_away;
};

static void *stand(void *argument)
{
	struct stander *stander = argument;
	tally_read section;
	tally_token token = attached();
	stander->slot = tally_self.slot;
	if (stander->given) variant_retire_raw(stander->given);
	if (stander->read) CHECK_EQ(tally_read_begin(&section, stander->read), 0);
	if (stander->is_away && stander->read) tally_thread_step_aside();
	else if (stander->is_away) variant_thread_detach();
	for (unsigned turn = 1;; turn++) {
		reach(&stander->at, 2 * turn - 1);
		while (!has_reached(&stander->at, 2 * turn)) sched_yield();
		if (has_reached(&stander->at, 1000)) break;
		CHECK_EQ(tally_safepoint(), 0); // one call
	}
	if (stander->is_away && stander->read) tally_thread_step_back();
	else if (stander->is_away) variant_thread_attach();
	if (stander->read) CHECK_EQ(tally_read_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// The test's thread stays attached and makes no call.
static void place(struct stander *stander)
{
	stander->thread = spawn(stand, stander);
	while (!has_reached(&stander->at, 1)) sched_yield();
}

static void let_call(struct stander *stander)
{
	unsigned now = atomic_load(&stander->at);
	reach(&stander->at, now + 1);
	while (!has_reached(&stander->at, now + 2)) sched_yield();
}

static void dismiss(struct stander *stander)
{
	reach(&stander->at, 1000);
	finish(stander->thread);
}

// ---- epochs ----

static void the_epoch_goes_on_when_all_who_are_inside_have_seen_it(void)
{
	static ck_epoch_record_t records[2];
	ck_stack_t ready = CK_STACK_INITIALIZER;
	uint32_t age;
	memset(records, 0, sizeof records);
	for (int i = 0; i < 2; i++) {
		epoch_register(&records[i]);
		epoch_enter(&records[i]);
	}
	uint32_t stamp = epoch_stamp();
	for (int i = 0; i < 5; i++) epoch_renew(&records[0]), epoch_poll(&records[0], &ready);
	CHECK(!epoch_has_passed(stamp));
	CHECK_EQ(epoch_stamp(), stamp + 1); // the second has seen `stamp`, and no later one
	CHECK(epoch_lags(&records[1], &age));
	CHECK_EQ(age, 1);
	CHECK(!epoch_lags(&records[0], &age));
	epoch_renew(&records[1]);
	CHECK(!epoch_lags(&records[1], &age));
	tally_slot_refresh(my_slot()); // this thread's own record is inside, too
	epoch_poll(&records[0], &ready);
	CHECK(epoch_has_passed(stamp));
	epoch_leave(&records[1]);
	CHECK(!epoch_is_inside(&records[1]));
	epoch_leave(&records[0]);
	for (int i = 0; i < 5; i++) tally_slot_refresh(my_slot()); // those who are outside hold nobody up
	CHECK(!epoch_lags(&records[1], &age));
}

static void what_is_retired_is_ready_two_epochs_later(void)
{
	static ck_epoch_record_t record, other;
	static ck_epoch_entry_t entry;
	ck_stack_t ready = CK_STACK_INITIALIZER;
	memset(&record, 0, sizeof record);
	memset(&other, 0, sizeof other);
	epoch_register(&record);
	epoch_register(&other);
	epoch_enter(&record);
	epoch_enter(&other);
	uint32_t stamp = epoch_stamp();
	epoch_retire(&record, &entry);
	for (int i = 0; i < 5; i++) {
		epoch_renew(&record);
		epoch_poll(&record, &ready);
		CHECK(CK_STACK_ISEMPTY(&ready));
	}
	epoch_renew(&other);
	epoch_leave(&other);
	tally_slot_refresh(my_slot());
	epoch_renew(&record);
	epoch_poll(&record, &ready);
	CHECK(epoch_has_passed(stamp) || epoch_stamp() == stamp + 1);
	CHECK(!CK_STACK_ISEMPTY(&ready));
	epoch_leave(&record);
}

static void a_flush_takes_what_is_not_ready(void)
{
	static ck_epoch_record_t record;
	static ck_epoch_entry_t entries[3];
	ck_stack_t ready = CK_STACK_INITIALIZER;
	unsigned count = 0;
	memset(&record, 0, sizeof record);
	epoch_register(&record);
	epoch_enter(&record);
	for (int i = 0; i < 3; i++) epoch_retire(&record, &entries[i]);
	epoch_flush(&record, &ready);
	while (ck_stack_pop_npsc(&ready)) count++;
	CHECK_EQ(count, 3);
	CHECK_EQ(record.n_pending, 0);
	epoch_leave(&record);
}

// ---- thresholds ----

enum { ENOUGH = TALLY_TUNED(64, 2), ENOUGH_BYTES = TALLY_TUNED(1 << 18, 1 << 10) };

static void a_thread_asks_itself_when_there_are_enough_retirements(void)
{
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= ENOUGH; i++) {
			CHECK(!is_asked(my_slot()));
			variant_retire_raw(raw(16));
			CHECK_EQ(waiting(), i);
		}
		CHECK(is_asked(my_slot()));
		CHECK_EQ(tally_safepoint(), 0);
		CHECK(!is_asked(my_slot()));
		CHECK_EQ(waiting(), 0); // alone, it need not wait for anybody
	}
}

static void a_thread_asks_itself_when_there_are_enough_bytes(void)
{
	variant_retire_raw(raw(ENOUGH_BYTES / 2 + 1 > 512 ? 512 : ENOUGH_BYTES / 4));
	CHECK(!is_asked(my_slot()));
	variant_retire_raw(raw(ENOUGH_BYTES));
	CHECK(is_asked(my_slot()));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(waiting(), 0);
}

static void a_page_of_a_large_object_asks_at_once(void)
{
	tally_object *items[2000];
	for (int i = 0; i < 2000; i++) items[i] = tally_none();
	tally_object *tuple = must(tally_tuple_new(items, 2000));
	struct tally_page *page = tally_page_of(tuple);
	tally_decref(tuple);
	CHECK_EQ(page->state, TALLY_PAGE_RETIRED);
	CHECK(is_asked(my_slot()));
	CHECK_EQ(waiting(), 1);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(page->state, TALLY_PAGE_UNUSED);
	CHECK_EQ(waiting(), 0);
}

// ---- who is asked ----

static void those_who_lag_are_asked_and_nobody_else(void)
{
	struct stander quiet = {0}, away = {.is_away = true};
	place(&quiet);
	place(&away);
	variant_retire_raw(raw(ENOUGH_BYTES));
	CHECK(!is_asked(quiet.slot)); // the retirer is to look first
	CHECK_EQ(tally_safepoint(), 0);
	CHECK(is_asked(quiet.slot));
	CHECK_EQ(tally_load(&away.slot->word, relaxed), SLOT_DETACHED);
	CHECK(!is_asked(my_slot()));
	CHECK_EQ(waiting(), 1);
	for (int i = 0; i < 5; i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(waiting(), 1);
	let_call(&quiet);
	CHECK(!is_asked(quiet.slot));
	CHECK(is_asked(my_slot())); // it has lagged, and tells those who wait
	while (waiting()) {
		CHECK_EQ(tally_safepoint(), 0);
		if (is_asked(quiet.slot)) let_call(&quiet);
	}
	CHECK(!is_asked(my_slot()));
	dismiss(&quiet);
	dismiss(&away);
}

static void with_nothing_waiting_nobody_asks_anybody(void)
{
	struct stander quiet = {0};
	place(&quiet);
	for (int i = 0; i < 10; i++) {
		tally_slot_refresh(my_slot());
		CHECK(!is_asked(quiet.slot) && !is_asked(my_slot()));
		let_call(&quiet);
	}
	uint32_t stamp = epoch_stamp();
	tally_slot_refresh(my_slot());
	CHECK_EQ(epoch_stamp(), stamp); // nor does the epoch go on
	dismiss(&quiet);
}

static void what_somebody_left_who_is_away_is_given_up_by_another(void)
{
	struct stander away = {.given = raw(100), .is_away = true};
	place(&away);
	CHECK_EQ(waiting(), 1);
	CHECK_EQ(tally_load(&away.slot->word, relaxed), SLOT_DETACHED);
	CHECK(is_asked(my_slot())); // it went with something, since this thread made no call
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(waiting(), 0);
	CHECK_EQ(tally_load(&away.slot->word, relaxed), SLOT_DETACHED);
	dismiss(&away);
}

// ---- read sections ----

static void the_record_of_a_thread_in_a_section_is_never_renewed(void)
{
	tally_object *list = must(tally_list_new());
	struct stander reader = {.read = list};
	place(&reader);
	uint32_t stamp = epoch_stamp();
	variant_retire_raw(raw(ENOUGH_BYTES));
	for (int i = 0; i < 5; i++) {
		tally_slot_refresh(my_slot());
		let_call(&reader); // it comes to a stop point, and goes on as before
		CHECK(!is_asked(reader.slot) || i == 0);
	}
	CHECK(!epoch_has_passed(stamp));
	CHECK_EQ(waiting(), 1);
	dismiss(&reader);
	while (waiting()) CHECK_EQ(tally_safepoint(), 0);
	CHECK(epoch_has_passed(stamp));
	tally_decref(list);
}

static void a_thread_that_waits_for_a_lock_in_a_section_is_away_but_stays_inside(void)
{
	tally_object *list = must(tally_list_new());
	struct stander reader = {.read = list, .given = raw(100), .is_away = true};
	place(&reader);
	CHECK_EQ(tally_load(&reader.slot->word, relaxed), SLOT_DETACHED);
	uint32_t stamp = epoch_stamp();
	for (int i = 0; i < 5; i++) tally_slot_refresh(my_slot());
	CHECK(!epoch_has_passed(stamp));
	CHECK_EQ(waiting(), 1); // I2: nor is its limbo polled
	CHECK_EQ(tally_load(&reader.slot->word, relaxed), SLOT_DETACHED);
	dismiss(&reader);
	while (waiting()) CHECK_EQ(tally_safepoint(), 0);
	tally_decref(list);
}

// ---- a stopped world ----

static void i3_nothing_raw_and_no_page_survives_a_reclaim_in_a_stopped_world(void)
{
	tally_object *list = must(tally_list_new()), *items[2000];
	struct stander away = {.given = raw(100), .is_away = true};
	for (int i = 0; i < 2000; i++) items[i] = tally_none();
	place(&away);
	tally_object *tuple = must(tally_tuple_new(items, 2000));
	variant_retire_raw(raw(50));
	tally_decref(tuple);
	CHECK(waiting() >= 1);
	variant_world_stop();
	variant_reclaim_stopped();
	variant_world_start();
	CHECK_EQ(waiting(), 0);
	dismiss(&away);
	tally_decref(list);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(the_epoch_goes_on_when_all_who_are_inside_have_seen_it);
	TAP_RUN(what_is_retired_is_ready_two_epochs_later);
	TAP_RUN(a_flush_takes_what_is_not_ready);
	TAP_RUN(a_thread_asks_itself_when_there_are_enough_retirements);
	TAP_RUN(a_thread_asks_itself_when_there_are_enough_bytes);
	TAP_RUN(a_page_of_a_large_object_asks_at_once);
	TAP_RUN(those_who_lag_are_asked_and_nobody_else);
	TAP_RUN(with_nothing_waiting_nobody_asks_anybody);
	TAP_RUN(what_somebody_left_who_is_away_is_given_up_by_another);
	TAP_RUN(the_record_of_a_thread_in_a_section_is_never_renewed);
	TAP_RUN(a_thread_that_waits_for_a_lock_in_a_section_is_away_but_stays_inside);
	TAP_RUN(i3_nothing_raw_and_no_page_survives_a_reclaim_in_a_stopped_world);
	return tap_end();
}
