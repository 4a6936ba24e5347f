// tests/biased/role.c: what a thread has while it holds its slot's role, and what it has not otherwise: its tag, claims,
// sections, points (the invariants of gcstw/world.c, gcstw/slot.h, core/thread.h, biased/section.c).
#include "fixture.h"
#include "slot.h"
#include "turns.h"
#include "variant.h"

// ---- a runtime whose memory hook may look around in the middle of a call ----

static void (*in_the_middle)(void); // called once, when a page is wanted at the limit

static bool on_memory(size_t wanted, void *context)
{
	void (*act)(void) = in_the_middle;
	(void)wanted;
	(void)context;
	in_the_middle = NULL;
	if (!act) return false;
	act();
	return tally_heap_limit_set(0) == 0;
}

static void start(void)
{
	tally_config config = {.size = sizeof config, .on_memory = on_memory};
	if (tally_init(&config) || tally_thread_attach(&fixture_token)) tap_bail_out(tally_error_message());
}

// ---- the tag ----

static void check_has_role(void)
{
	CHECK_EQ(tally_self.tag_word, (uint32_t)tally_self.slot->tag << 16);
	CHECK_PTR(tally_self.poll, &tally_self.slot->word);
	CHECK_EQ(tally_load(&tally_self.slot->word, relaxed) & SLOT_ROLE, 1);
}

static void check_has_no_role(void)
{
	CHECK_EQ(tally_self.tag_word, TALLY_NOBODY);
	CHECK_PTR(tally_self.poll, &tally_poll_unattached);
	CHECK(tally_load(tally_self.poll, relaxed) & TALLY_STOP);
}

static void *attach_and_detach(void *unused)
{
	(void)unused;
	check_has_no_role();
	for (int i = 0; i < 2; i++) {
		tally_token token = attached(), inner;
		check_has_role();
		CHECK_EQ(tally_safepoint(), 0);
		check_has_role();
		CHECK_EQ(tally_blocking_begin(), 0);
		check_has_no_role();
		CHECK_EQ(tally_thread_attach(&inner), 0);
		check_has_role();
		CHECK_EQ(tally_thread_detach(inner), 0);
		check_has_no_role();
		CHECK_EQ(tally_blocking_end(), 0);
		check_has_role();
		CHECK_EQ(tally_thread_detach(token), 0);
		check_has_no_role();
	}
	return NULL;
}

static void the_tag_is_there_while_the_thread_is_attached_and_no_longer(void)
{
	for (int i = 0; i < 20; i++) finish(spawn(attach_and_detach, NULL));
	check_has_role();
	variant_world_stop();
	variant_world_start();
	check_has_role();
	tally_object *object = counted(1);
	CHECK_EQ(tally_load(&object->local, relaxed), tally_self.tag_word | 1);
	tally_decref(object);
}

static void a_slot_that_nobody_holds_is_the_word_0(void)
{
	const struct tally_slot *slot = tally_self.slot;
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_load(&slot->word, relaxed), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_load(&slot->word, relaxed), 1);
}

// ---- claims ----

static stage at;
static tally_object *left[4], *type_of_left;
static struct tally_slot *owner;
static atomic_uint dead;

static void look_at_the_owners_slot(void *payload, void *context)
{
	(void)payload;
	(void)context;
	CHECK_EQ(tally_load(&owner->word, relaxed), SLOT_DETACHED);
	atomic_fetch_add(&dead, 1);
}

static void *own_and_block(void *unused)
{
	(void)unused;
	tally_token token = attached();
	owner = tally_self.slot;
	for (int i = 0; i < 4; i++) left[i] = must(tally_host_new(type_of_left));
	tally_incref(left[3]);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_claim_is_given_back_before_anybody_is_destroyed(void)
{
	tally_host_type description = {.size = sizeof description, .name = "left", .dealloc = look_at_the_owners_slot};
	type_of_left = must(tally_host_type_new(&description));
	atomic_store(&dead, 0);
	reach(&at, 0);
	pthread_t thread = spawn(own_and_block, NULL);
	await(&at, 1);
	for (unsigned i = 0; i < 4; i++) {
		tally_decref(left[i]);
		CHECK_EQ(tally_load(&owner->word, relaxed), SLOT_DETACHED);
		CHECK_EQ(atomic_load(&dead), i < 3 ? i + 1 : 3);
	}
	tally_decref(left[3]);
	CHECK_EQ(atomic_load(&dead), 4);
	reach(&at, 2);
	finish(thread);
}

// ---- no point in the middle of a call ----

static void *ask_to_stop(void *unused)
{
	(void)unused;
	tally_token token = attached();
	variant_world_stop();
	reach(&at, 1);
	variant_world_start();
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static pthread_t stopper;

static void have_a_stop_asked_for(void)
{
	stopper = spawn(ask_to_stop, NULL);
	while (!(tally_load(tally_self.poll, relaxed) & TALLY_STOP)) sched_yield();
}

// The next page that is wanted finds none, and then a stop is asked for.
static void arm(void)
{
	reach(&at, 0);
	in_the_middle = have_a_stop_asked_for;
	CHECK_EQ(tally_heap_limit_set(1), 0);
}

// Of the operation that has just returned: the stop was asked for in the middle of it.
static bool was_asked(void)
{
	if (in_the_middle) return false;
	CHECK(!has_reached(&at, 1)); // it went on, and the world did not stop
	CHECK_EQ(tally_safepoint(), 0);
	finish(stopper);
	CHECK(has_reached(&at, 1));
	return true;
}

static void an_operation_that_allocates_is_no_point_after_its_entry(void)
{
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new()), *items[3000];
	for (int i = 0; i < 3000; i++) items[i] = counted(i);
	static const char bytes[20000];

	arm();
	do CHECK_EQ(tally_list_append(list, items[0]), 0);
	while (!was_asked());
	arm();
	CHECK_EQ(tally_list_extend(list, items, 3000), 0);
	CHECK(was_asked());
	arm();
	int keys = 0;
	do CHECK_EQ(tally_dict_set(dict, items[keys++], items[0]), 0);
	while (!was_asked() && CHECK(keys < 3000));
	arm();
	tally_object *string = must(tally_str_new(bytes, sizeof bytes));
	CHECK(was_asked());
	arm();
	tally_object *tuple = must(tally_tuple_new(items, 3000));
	CHECK(was_asked());
	tally_object *made[] = {list, dict, string, tuple};
	for (int i = 0; i < 4; i++) tally_decref(made[i]);
	for (int i = 0; i < 3000; i++) tally_decref(items[i]);
}

// ---- sections ----

static void a_section_knows_how_its_object_is_held(void)
{
	tally_object *list = must(tally_list_new()), *other = must(tally_list_new());
	tally_critical outer, again, inner;
	CHECK_EQ(tally_critical_begin(&outer, list), 0);
	CHECK(outer.hold == TALLY_HOLD_LIGHT || outer.hold == TALLY_HOLD_HEAVY);
	CHECK_EQ(tally_critical_begin(&again, list), 0);
	CHECK_EQ(again.hold, TALLY_HOLD_NESTED);
	CHECK_EQ(tally_critical_begin(&inner, other), 0);
	CHECK(inner.hold == TALLY_HOLD_LIGHT || inner.hold == TALLY_HOLD_HEAVY);

	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(outer.hold, TALLY_HOLD_NONE);
	CHECK_EQ(again.hold, TALLY_HOLD_NONE);
	CHECK_EQ(inner.hold, TALLY_HOLD_NONE);
	for (int i = 0; i < 2; i++) {
		uint8_t lock = tally_load(&(i ? list : other)->lock, relaxed);
		CHECK(lock == LOCK_FREE || lock == LOCK_HFREE);
	}
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK(inner.hold == TALLY_HOLD_LIGHT || inner.hold == TALLY_HOLD_HEAVY); // the innermost at once
	CHECK_EQ(again.hold, TALLY_HOLD_NONE);
	CHECK_EQ(outer.hold, TALLY_HOLD_NONE);

	CHECK_EQ(tally_critical_end(&inner), 0);
	CHECK_EQ(again.hold, TALLY_HOLD_NESTED); // those over one object together
	CHECK(outer.hold == TALLY_HOLD_LIGHT || outer.hold == TALLY_HOLD_HEAVY);
	CHECK_EQ(tally_critical_end(&again), 0);
	CHECK(tally_load(&list->lock, relaxed) == LOCK_LIGHT || tally_load(&list->lock, relaxed) == LOCK_HELD);
	CHECK_EQ(tally_critical_end(&outer), 0);
	tally_decref(list);
	tally_decref(other);
}

int main(void)
{
	tap_begin();
	tap_watchdog(60);
	tap_before_each(start);
	tap_after_each(fixture_stop);
	TAP_RUN(the_tag_is_there_while_the_thread_is_attached_and_no_longer);
	TAP_RUN(a_slot_that_nobody_holds_is_the_word_0);
	TAP_RUN(a_claim_is_given_back_before_anybody_is_destroyed);
	TAP_RUN(an_operation_that_allocates_is_no_point_after_its_entry);
	TAP_RUN(a_section_knows_how_its_object_is_held);
	return tap_end();
}
