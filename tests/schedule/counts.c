// tests/schedule/counts.c: the counting protocol, its real code, under the exhaustive scheduler: every interleaving of
// small casts. The scenarios have the casts of the GenMC programs in tests/litmus/, which add the weak memory orders.
// The stopped world has scenarios of its own: stop.c.
//
// tests/schedule/faults plants wrong steps in the sources and runs these scenarios again: each must be caught.
#include "count_word.h"
#include "stage.h"


static void drop(unsigned i) { variant_decref(stage_get(i)); }
static void use_and_drop(unsigned i) { stage_use(i), drop(i); }
static void all_dead(unsigned objects)
{
	for (unsigned i = 0; i < objects; i++) {
		SCHEDULE_ASSERT(stage_destroyed(i) == 1);
		SCHEDULE_ASSERT(shared_is_dead(tally_load(&stage_get(i)->shared, relaxed)));
		SCHEDULE_ASSERT(tally_load(&stage_get(i)->local, relaxed) == 0);
	}
}

// What every thread does at the end of its part: it leaves, and so takes what waits for it.
static void leave(void) { variant_thread_detach(); }

static bool slot_is_free(unsigned tag) { return tally_load(&tally_slots[tag]->word, relaxed) == SLOT_DETACHED; }

// ---- owner_death: the owner's last drop, decided by one load, against a thread that increments and hands its
// reference, counted in `local`, back to the owner ----

static _Atomic uint32_t handed_back;

static void owner_death_init(void)
{
	stage_reset();
	stage_thread(0, true);
	stage_thread(1, true);
	stage_object(0, 1, 2, COUNT_PLAIN);
	atomic_store(&handed_back, 0);
}
static void owner_death_owner(void)
{
	stage_use(0);
	if (tally_load(&handed_back, acquire)) drop(0);
	drop(0);
	leave();
}
static void owner_death_other(void)
{
	variant_incref(stage_get(0));
	tally_store(&handed_back, 1, release);
	use_and_drop(0);
	leave();
}
static void owner_death_check(void)
{
	if (stage_destroyed(0)) return;
	schedule_act_as(0); // the owner missed it: the reference is still the owner's
	variant_thread_attach();
	drop(0);
	all_dead(1);
}

// ---- merging: three references, all counted in `local`; two other threads drop theirs ----

static void merging_init(void)
{
	stage_reset();
	for (int i = 0; i < 3; i++) stage_thread(i, true);
	stage_object(0, 1, 3, COUNT_PLAIN);
}
static void merging_owner(void)
{
	stage_use(0);
	variant_run_point();
	drop(0);
	leave();
}
static void merging_other(void) { use_and_drop(0), leave(); }
static void merging_counter(void)
{
	variant_incref(stage_get(0));
	drop(0);
	use_and_drop(0);
	leave();
}
static void merging_check(void) { all_dead(1); }

// ---- claiming: an owner who goes away, comes back and goes for good, and two droppers ----

static void claiming_init(void)
{
	stage_reset();
	for (int i = 0; i < 3; i++) stage_thread(i, true);
	stage_object(0, 1, 1, COUNT_PLAIN); // the first dropper's
	stage_object(1, 1, 2, COUNT_PLAIN); // the owner's and the second dropper's
}
static void claiming_owner(void)
{
	leave();
	variant_thread_attach();
	use_and_drop(1);
	leave();
}
static void claiming_first(void) { use_and_drop(0); }
static void claiming_second(void) { use_and_drop(1); }
static void claiming_check(void)
{
	all_dead(2);
	SCHEDULE_ASSERT(slot_is_free(1));
}

static void claiming_alone_init(void)
{
	claiming_init();
	schedule_act_as(1);
	drop(0); // its dropper has been
	schedule_act_as(0);
}
static void claiming_alone_check(void) { claiming_check(); }

// ---- reuse: a thread ends, another one gets its slot and counts as the owner of what it never made ----

static void reuse_init(void)
{
	stage_reset();
	stage_thread(0, true);
	stage_thread(2, true);
	stage_stranger(1);
	stage_object(0, 1, 2, COUNT_PLAIN); // the heir's and the dropper's
	stage_object(1, 1, 2, COUNT_PLAIN); // the ending thread's and the dropper's
}
static void reuse_ending(void)
{
	use_and_drop(1);
	leave();
	variant_thread_leave();
}
static void reuse_heir(void)
{
	SCHEDULE_ASSERT(variant_thread_enroll() == 0);
	variant_thread_attach();
	stage_use(0);
	variant_incref(stage_get(0));
	drop(0);
	drop(0);
	leave();
}
static void reuse_dropper(void) { use_and_drop(0), use_and_drop(1), leave(); }
static void reuse_check(void) { all_dead(2); }

// ---- pinning: a reader try-increments what it may have lost; the owner recycles the block ----

static _Atomic(struct tally_object *) cell;
static uint32_t life; // which object lives in the block: 1, then 2

static void pinning_init(void)
{
	stage_reset();
	stage_thread(0, true);
	stage_thread(1, true);
	stage_object(0, 1, 1, COUNT_WEAK);
	atomic_store(&cell, stage_get(0));
	life = 1;
}
static void pinning_plain_init(void)
{
	pinning_init();
	stage_object(0, 1, 1, COUNT_PLAIN); // never marked: the owner dies without a read-modify-write
}
static void pinning_owner(void)
{
	tally_store(&cell, NULL, relaxed);
	drop(0);
	if (stage_destroyed(0)) { // by me: the block is recycled
		stage_object(0, 1, 0, COUNT_PLAIN);
		variant_count_init(stage_get(0));
		tally_scheduled_access(&life, true);
		life = 2;
		biased_mark_weak(stage_get(0));
		drop(0);
	}
	leave();
}
static void pinning_reader(void)
{
	struct tally_object *seen = tally_load(&cell, acquire);
	if (!seen || !variant_try_incref(seen)) return;
	if (tally_load(&cell, acquire) == seen) {
		stage_use(0);
		tally_scheduled_access(&life, false);
		SCHEDULE_ASSERT(life == 1);
	}
	drop(0);
}
static void pinning_check(void) { all_dead(1); }

// ---- upgrading: the owner and another thread drop the last two references, a third upgrades ----

static void upgrading_init(void)
{
	stage_reset();
	for (int i = 0; i < 3; i++) stage_thread(i, true);
	stage_object(0, 1, 1, COUNT_ONE | COUNT_WEAK);
}
static void upgrading_owner(void) { use_and_drop(0), leave(); }
static void upgrading_other(void) { use_and_drop(0), leave(); }
static void upgrading_upgrader(void)
{
	if (variant_try_incref(stage_get(0))) use_and_drop(0);
	leave();
}
static void upgrading_check(void) { all_dead(1); }

// ---- recycling: the one who destroys recycles at once; nobody may still write to the header ----

static void recycling_init(void)
{
	stage_reset();
	stage_thread(0, true);
	stage_thread(1, true);
	stage_object(0, 1, 1, COUNT_ONE);
}
static void recycling_owner(void) { use_and_drop(0); }
static void recycling_other(void)
{
	use_and_drop(0);
	if (!stage_destroyed(0)) return;
	variant_count_init(stage_get(0)); // as another object, mine
	tally_scheduled_access(&stage_get(0)->local, false);
	SCHEDULE_ASSERT(tally_load(&stage_get(0)->local, relaxed) == (tally_self.tag_word | 1));
}
static void recycling_check(void)
{
	uint32_t local = tally_load(&stage_get(0)->local, relaxed);
	SCHEDULE_ASSERT(local == (2u << 16 | 1) || stage_destroyed(0) == 1);
	if (stage_destroyed(0) && local) SCHEDULE_ASSERT(local == (2u << 16 | 1));
}

// ---- queueing: drops in two pages, in two words of the first and in one word of the second, against an owner who drains
// once and goes ----

static void queueing_init(void)
{
	stage_reset();
	for (int i = 0; i < 3; i++) stage_thread(i, true);
	for (unsigned i = 0; i < 4; i++) stage_object(i, 1, 1, COUNT_PLAIN);
}
static void queueing_owner(void)
{
	variant_run_point();
	tally_bury();
	leave();
}
static void queueing_first(void) { use_and_drop(0), use_and_drop(2); }
static void queueing_second(void) { use_and_drop(3), use_and_drop(1); }
static void queueing_check(void)
{
	all_dead(4);
	for (unsigned i = 0; i < STAGE_PAGES; i++) {
		SCHEDULE_ASSERT(tally_load(&stage_page(i)->summary, relaxed) == 0);
		for (unsigned word = 0; word < TALLY_BIT_WORDS; word++)
			SCHEDULE_ASSERT(tally_load(&tally_page_queued(stage_page(i))[word], relaxed) == 0);
	}
}

static void queueing_alone_init(void)
{
	queueing_init();
	schedule_act_as(2);
	drop(1), drop(3); // their dropper has been
	schedule_act_as(0);
}
static void queueing_alone_check(void) { queueing_check(); }

// ---- freeing: two threads free blocks of a third's page, which goes away and is taken over ----

static void freeing_init(void)
{
	stage_reset();
	for (int i = 0; i < 3; i++) stage_thread(i, true);
	for (unsigned i = 0; i < 2; i++) stage_object(i, 1, 0, COUNT_MERGED | COUNT_ONE);
}
static void freeing_owner(void)
{
	variant_run_point();
	leave();
}
static void freeing_first(void) { use_and_drop(0); }
static void freeing_second(void) { use_and_drop(1); }
static void freeing_check(void)
{
	all_dead(2);
	SCHEDULE_ASSERT(stage_page(0)->used == 0 && tally_load(&stage_page(0)->remote, relaxed) == 0);
	unsigned blocks = 0;
	for (struct tally_object *block = stage_page(0)->free; block; block = block->next) blocks++;
	SCHEDULE_ASSERT(blocks == 2);
}

// ---- limits: a full local count spills (at 7 here) against a foreign drop; immortals are never written ----

static void limits_init(void)
{
	stage_reset();
	stage_thread(0, true);
	stage_thread(1, true);
	stage_object(0, 1, LOCAL_FULL - 1, COUNT_PLAIN); // the owner's but for one, the other's
	stage_object(1, 0xFFFF, 0xFFFF, COUNT_PLAIN);
	stage_page(0)->owner = 1;
}
static void limits_owner(void)
{
	variant_incref(stage_get(0));
	variant_incref(stage_get(0)); // spills
	for (unsigned i = 0; i < LOCAL_FULL; i++) drop(0);
	variant_incref(stage_get(1)), drop(1);
	leave();
}
static void limits_other(void)
{
	use_and_drop(0);
	variant_incref(stage_get(1)), drop(1), drop(1);
	leave();
}
static void limits_check(void)
{
	all_dead(1);
	SCHEDULE_ASSERT(tally_load(&stage_get(1)->local, relaxed) == LOCAL_IMMORTAL);
	SCHEDULE_ASSERT(tally_load(&stage_get(1)->shared, relaxed) == COUNT_PLAIN);
}

// ---- saturating: a count at the limit stays there and its object never dies ----

static bool reached; // the limit

static void saturating_init(void)
{
	reached = false;
	stage_reset();
	stage_thread(0, true);
	stage_thread(1, true);
	stage_object(0, 1, 1, (uint32_t)(SHARED_SATURATED - 2) * COUNT_ONE);
}
static void saturating_owner(void)
{
	variant_incref(stage_get(0));
	drop(0), drop(0);
	leave();
}
static void saturating_other(void)
{
	for (unsigned i = 0; i < 3; i++) variant_incref(stage_get(0));
	reached = shared_is_saturated(tally_load(&stage_get(0)->shared, relaxed));
	for (unsigned i = 0; i < 3; i++) drop(0);
	leave();
}
static void saturating_check(void)
{
	uint32_t shared = tally_load(&stage_get(0)->shared, relaxed);
	SCHEDULE_ASSERT(!stage_destroyed(0) && shared_count(shared) <= SHARED_SATURATED + 2);
	SCHEDULE_ASSERT(!reached || shared_is_saturated(shared));
}

// ---- the table ----

static struct schedule_scenario scenarios[] = {
        SCENARIO(owner_death, 2, owner_death_owner, owner_death_other),
        SCENARIO(merging, 3, merging_owner, merging_other, merging_counter),
        BOUNDED(claiming, 3, 3, claiming_owner, claiming_first, claiming_second),
        SCENARIO(claiming_alone, 2, claiming_owner, claiming_second),
        BOUNDED(reuse, 3, 3, reuse_ending, reuse_heir, reuse_dropper),
        SCENARIO(pinning, 2, pinning_owner, pinning_reader),
        {.name = "pinning_plain", .init = pinning_plain_init, .fibers = 2, .fiber = {pinning_owner, pinning_reader},
         .check = pinning_check},
        SCENARIO(upgrading, 3, upgrading_owner, upgrading_other, upgrading_upgrader),
        SCENARIO(recycling, 2, recycling_owner, recycling_other),
        BOUNDED(queueing, 3, 3, queueing_owner, queueing_first, queueing_second),
        SCENARIO(queueing_alone, 2, queueing_owner, queueing_first),
        SCENARIO(freeing, 3, freeing_owner, freeing_first, freeing_second),
        SCENARIO(limits, 2, limits_owner, limits_other),
        SCENARIO(saturating, 2, saturating_owner, saturating_other),
};
enum { SCENARIOS = sizeof scenarios / sizeof scenarios[0] };

int main(int count, char **arguments) { return stage_main(scenarios, SCENARIOS, count, arguments); }
