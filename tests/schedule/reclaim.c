// tests/schedule/reclaim.c: what waits until others have gone on: the real biased/reclaim.c and biased/epoch.c with ck_epoch itself,
// under the exhaustive scheduler. (Scenarios about containers have the double of limbo.c instead.)
//
// What every scenario looks for: nothing is given up while somebody who has read a pointer to it may use it, that is until its next
// stop point, or, what was borrowed in a read section, until the section's end; and nothing stays when nobody is left. Each call
// of ck is one step, so what happens inside of it is not explored: its own tests do that.
//
// tests/schedule/faults plants wrong steps in the sources and runs these scenarios again: each must be caught.
#include "count_word.h"
#include "limbo.h"
#include "reclaim.h"

void limbo_reset(void) { tally_reclaim_init(); }

void limbo_free(void *raw) { tally_raw_free(raw); }

void tally_threads_each_held(void (*visit)(const struct tally_member *member, void *context), void *context)
{
	(void)visit; // nobody asks for names
	(void)context;
}

static void leave(void) { variant_thread_detach(); }

static void come_to_points(int times)
{
	for (; times > 0; times--) variant_run_point();
}

// ---- two places that readers look at ----
// Behind each is a block of a page of its own: a raw buffer, or an object. A page counts what is in it.

enum { PLACES = 2 };
static _Atomic(void *) places[PLACES];

static unsigned object_in(unsigned place) { return 2 * place; }

static void set_stage(int threads)
{
	stage_reset();
	for (int i = 0; i < threads; i++) stage_thread(i, true);
	for (unsigned i = 0; i < PLACES; i++) {
		stage_object(object_in(i), (unsigned)threads, 1, COUNT_PLAIN); // the last thread's
		tally_store(&places[i], stage_get(object_in(i)), relaxed);
	}
}

static void use_raw(unsigned place, const void *found)
{
	if (!found) return;
	tally_scheduled_access(&stage_page(place)->used, false);
	SCHEDULE_ASSERT(stage_page(place)->used == 1);
}

static void *look(unsigned place) { return tally_load(&places[place], acquire); }

// Looks and uses what it has seen; a stop point; and the same once more.
static void look_twice(void)
{
	use_raw(0, look(0));
	variant_stop_point();
	use_raw(1, look(1));
}

// Two are enough for a poll, in the hard build.
static void retire_both(void)
{
	for (unsigned i = 0; i < PLACES; i++) {
		void *raw = tally_exchange(&places[i], NULL, acq_rel);
		variant_retire_raw(raw);
	}
}

static void all_is_given_up(void)
{
	for (unsigned i = 0; i < PLACES; i++) SCHEDULE_ASSERT(stage_page(i)->used == 0);
	tally_retired_stats stats = {0};
	variant_retired(&stats);
	SCHEDULE_ASSERT(stats.number == 0 && stats.bytes == 0);
}

// Nobody is attached: whoever comes finds nobody in the way.
static void nobody_holds_it_up(void)
{
	schedule_act_as(0);
	variant_thread_attach();
	tally_slot_refresh(tally_self.slot);
	come_to_points(1);
	all_is_given_up();
	leave();
}

// ---- reading: a reader and a retirer who meet at points only ----

static void reading_init(void) { set_stage(2); }
static void reading_reader(void)
{
	look_twice();
	variant_stop_point();
	look_twice();
	leave();
}
static void reading_retirer(void)
{
	retire_both();
	come_to_points(3);
	leave();
}
static void reading_check(void) { nobody_holds_it_up(); }

// ---- told: both stay attached. The one who was waited for tells the one who waits ----

static void told_init(void) { set_stage(2); }
static void told_reader(void) { look_twice(); }
static void told_retirer(void)
{
	retire_both();
	come_to_points(2);
}
static void told_check(void)
{
	for (int i = 0; i < 3; i++) {
		schedule_act_as(0);
		variant_stop_point();
		schedule_act_as(1);
		variant_run_point();
	}
	all_is_given_up();
}

// ---- reminding: the same, and the one who is waited for is asked while it goes on already ----

// Somebody has asked the walker before and does not wait any more.
static void reminding_init(void)
{
	set_stage(2);
	schedule_act_as(0);
	tally_fetch_or(&tally_self.slot->word, SLOT_REFRESH, relaxed);
}
static void reminding_walker(void) { come_to_points(2); }
static void reminding_check(void) { told_check(); }

// ---- returning: the reader goes and comes back ----

static void returning_init(void) { set_stage(2); }
static void returning_reader(void)
{
	use_raw(0, look(0));
	leave();
	variant_thread_attach();
	use_raw(0, look(0));
	use_raw(1, look(1));
	leave();
}
static void returning_check(void) { nobody_holds_it_up(); }

// ---- claiming: the retirer goes with what the reader may be using, comes back and goes for good; the reader takes it ----

static void claiming_init(void) { set_stage(2); }
static void claiming_reader(void)
{
	look_twice();
	come_to_points(2);
	leave();
}
static void claiming_retirer(void)
{
	retire_both();
	leave();
	variant_thread_attach();
	come_to_points(1);
	leave();
}
static void claiming_check(void) { nobody_holds_it_up(); }

// ---- meeting: the retirer comes back, and retires one more, while the other looks after what it has left ----

static void meeting_init(void)
{
	set_stage(2);
	stage_object(object_in(0) + 1, 2, 1, COUNT_PLAIN); // in the first place's page
}
static void meeting_other(void)
{
	tally_slot_refresh(tally_self.slot);
	leave();
}
static void meeting_retirer(void)
{
	retire_both();
	leave();
	variant_thread_attach();
	variant_retire_raw(stage_get(object_in(0) + 1));
	leave();
}
static void meeting_check(void) { nobody_holds_it_up(); }

// ---- stopping: a stopped world is a grace period for what is raw ----

static void stopping_init(void) { set_stage(2); }
static void stopping_retirer(void)
{
	retire_both();
	variant_world_stop();
	variant_reclaim_stopped();
	for (unsigned i = 0; i < PLACES; i++) SCHEDULE_ASSERT(stage_page(i)->used == 0);
	variant_world_start();
	leave();
}
static void stopping_check(void) { nobody_holds_it_up(); }

// ---- stamping: the retirer looks whether all have gone on since its stamp ----

static unsigned has_gone; // plain

static void stamping_init(void)
{
	set_stage(2);
	has_gone = 0;
}
static void stamping_reader(void)
{
	for (int i = 0; i < 2; i++) {
		const void *seen = look(0);
		tally_scheduled_access(&has_gone, false);
		SCHEDULE_ASSERT(!seen || !has_gone);
		variant_stop_point();
	}
	leave();
}
static void stamping_retirer(void)
{
	tally_store(&places[0], NULL, release);
	uint64_t stamp = variant_stamp();
	for (int i = 0; i < 3 && !has_gone; i++) {
		bool has_passed = variant_has_passed(stamp);
		tally_scheduled_access(&has_gone, true);
		has_gone = has_passed;
		variant_run_point();
	}
	leave();
}
static void stamping_check(void) {}

// ---- borrowing: a read section, and a writer who gives up what is in the place ----

static tally_read sections[SCHEDULE_FIBERS_MAX];

static void open_section(void)
{
	tally_self.reading = &sections[schedule_fiber()];
	variant_reading_begin();
}
static void close_section(void)
{
	tally_self.reading = NULL;
	variant_reading_end();
	tally_bury();
}

static void borrow(const void *found)
{
	if (found) stage_use(object_in(0));
}
static void borrowing_init(void) { set_stage(2); }
static void borrowing_reader(void)
{
	open_section();
	const void *borrowed = look(0);
	borrow(borrowed);
	variant_stop_point();
	borrow(borrowed);
	close_section();
	leave();
}
static void give_up_reference(void) { variant_retire(tally_exchange(&places[0], NULL, acq_rel)); }
static void borrowing_writer(void)
{
	give_up_reference();
	come_to_points(3);
	leave();
}
static void borrowing_check(void)
{
	schedule_act_as(0);
	variant_thread_attach();
	tally_slot_refresh(tally_self.slot);
	come_to_points(1);
	SCHEDULE_ASSERT(stage_destroyed(object_in(0)) == 1);
	leave();
}

// ---- waiting: the reader waits for an object's lock inside the section, and is away for that time ----

static void waiting_init(void) { set_stage(2); }
static void waiting_reader(void)
{
	open_section();
	const void *borrowed = look(0);
	tally_thread_step_aside();
	tally_thread_step_back();
	borrow(borrowed);
	close_section();
	leave();
}
static void waiting_check(void) { borrowing_check(); }

// ---- lent: what is borrowed outlives a stopped world ----

static void lent_init(void) { set_stage(2); }
static void lent_writer(void)
{
	give_up_reference();
	variant_world_stop();
	variant_reclaim_stopped();
	variant_world_start();
	come_to_points(1);
	leave();
}
static void lent_check(void) { borrowing_check(); }

// ---- the table ----

static struct schedule_scenario scenarios[] = {
        BOUNDED(reading, 3, 2, reading_reader, reading_retirer),
        BOUNDED(told, 3, 2, told_reader, told_retirer),
        BOUNDED(reminding, 3, 2, reminding_walker, told_retirer),
        BOUNDED(returning, 3, 2, returning_reader, reading_retirer),
        BOUNDED(claiming, 3, 2, claiming_reader, claiming_retirer),
        BOUNDED(meeting, 3, 2, meeting_other, meeting_retirer),
        BOUNDED(stopping, 3, 2, reading_reader, stopping_retirer),
        BOUNDED(stamping, 3, 2, stamping_reader, stamping_retirer),
        BOUNDED(borrowing, 3, 2, borrowing_reader, borrowing_writer),
        BOUNDED(waiting, 3, 2, waiting_reader, borrowing_writer),
        BOUNDED(lent, 3, 2, borrowing_reader, lent_writer),
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

int main(int count, char **arguments) { return stage_main(scenarios, SCENARIOS, count, arguments); }
