// tests/biased/owner.c: an owner that is away pins nothing: its objects die at once, on the thread that drops their last
// references; an owner that is there destroys them at its next run point; an heir takes over what a thread left.
#include "fixture.h"
#include "turns.h"
#include "variant.h"

enum { OBJECTS = 100000 };

static tally_object *objects[OBJECTS];
static tally_object *type;
static pthread_t dropper;
static unsigned dead, elsewhere; // plain: destructors of these tests never run at the same time, but where it is said
static stage at;

static void thing_dies(void *payload, void *context)
{
	(void)context;
	dead++;
	elsewhere += !pthread_equal(pthread_self(), dropper);
	tally_decref(*(tally_object **)payload);
}

// Things with a payload of that size, the first eight bytes of which own a reference.
static void make_type(size_t payload)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "thing",
		.payload_size = payload,
		.dealloc = thing_dies,
	};
	type = must(tally_host_type_new(&description));
	dead = elsewhere = 0;
	dropper = pthread_self();
	reach(&at, 0);
}

static void make_objects(int count)
{
	for (int i = 0; i < count; i++) {
		objects[i] = must(tally_host_new(type));
		tally_object *held = i % 2 ? must(tally_list_from(&type, 1)) : counted(i);
		*(tally_object **)tally_host_payload(objects[i], type) = held;
	}
}

// ---- where an owner can be ----

static int count;

static void *own_and_block(void *unused)
{
	(void)unused;
	tally_token token = attached();
	make_objects(count);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *own_and_detach(void *unused)
{
	(void)unused;
	tally_token token = attached();
	make_objects(count);
	CHECK_EQ(tally_thread_detach(token), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	return NULL;
}

static void *own_and_block_in_a_section(void *unused)
{
	(void)unused;
	tally_critical section;
	tally_token token = attached();
	make_objects(count);
	CHECK_EQ(tally_critical_begin(&section, objects[0]), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *own_and_end(void *unused)
{
	(void)unused;
	tally_token token = attached();
	make_objects(count);
	CHECK_EQ(tally_thread_detach(token), 0);
	reach(&at, 1);
	return NULL;
}

static void *own_and_end_attached(void *unused)
{
	(void)unused;
	attached();
	make_objects(count);
	reach(&at, 1);
	return NULL;
}

// Each drop of a last reference has destroyed its object when it returns.
static void drop_objects(int from)
{
	unsigned late = 0;
	for (int i = from; i < count; i++) {
		tally_decref(objects[i]);
		late += dead != (unsigned)(i - from + 1);
	}
	CHECK_EQ(late, 0);
	CHECK_EQ(dead, count - from);
	CHECK_EQ(elsewhere, 0);
}

static void check_pins_nothing(void *(*own)(void *), int number, size_t payload, bool without_memory)
{
	make_type(payload);
	count = number;
	int from = own == own_and_block_in_a_section; // that one is kept alive by its holder
	pthread_t owner = spawn(own, NULL);
	await(&at, 1);
	if (own == own_and_end || own == own_and_end_attached) finish(owner);
	if (tally_heap_fail(without_memory, true)) tally_error_clear(); // not in this build
	drop_objects(from);
	CHECK_EQ(tally_heap_attempts(), 0); // nobody even asked for memory
	tally_heap_fail(0, false);
	tally_error_clear();
	CHECK_EQ(fixture_live_objects(), (uint64_t)from * 2);
	reach(&at, 2);
	if (own != own_and_end && own != own_and_end_attached) finish(owner);
	if (from) tally_decref(objects[0]);
}

static void a_hundred_thousand_objects_of_a_blocked_owner_die_at_once(void)
{
	check_pins_nothing(own_and_block, OBJECTS, 8, false);
	CHECK_EQ(dead, 100000);
}

static void a_hundred_thousand_objects_of_a_blocked_owner_die_at_once_without_memory(void)
{
	check_pins_nothing(own_and_block, OBJECTS, 8, true);
	CHECK_EQ(dead, 100000);
}

static void a_hundred_thousand_objects_of_an_owner_that_has_ended_die_at_once(void)
{
	check_pins_nothing(own_and_end, OBJECTS, 8, false);
	CHECK_EQ(dead, 100000);
	check_pins_nothing(own_and_end_attached, OBJECTS / 10, 8, false);
}

static void a_hundred_thousand_objects_of_an_owner_that_has_ended_die_at_once_without_memory(void)
{
	check_pins_nothing(own_and_end, OBJECTS, 8, true);
	CHECK_EQ(dead, 100000);
	check_pins_nothing(own_and_end_attached, OBJECTS / 10, 8, true);
}

static void objects_of_a_detached_owner_die_at_once(void) { check_pins_nothing(own_and_detach, OBJECTS / 10, 8, true); }

static void objects_of_an_owner_that_blocks_inside_a_section_die_at_once(void)
{
	check_pins_nothing(own_and_block_in_a_section, OBJECTS / 10, 8, true);
}

static void medium_and_large_objects_of_an_owner_that_is_away_die_at_once(void)
{
	check_pins_nothing(own_and_block, 2000, 5000, true);
	check_pins_nothing(own_and_block, 200, 100000, true);
	check_pins_nothing(own_and_end, 200, 100000, true);
}

static uint64_t trimmed_page_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_trim(NULL), 0);
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.page_bytes;
}

static void the_pages_of_a_blocked_owner_can_be_given_back(void)
{
	make_type(8);
	count = 20000;
	uint64_t before = trimmed_page_bytes();
	pthread_t owner = spawn(own_and_block, NULL);
	await(&at, 1);
	CHECK(trimmed_page_bytes() > before + 20000 * 32);
	drop_objects(0);
	CHECK_EQ(trimmed_page_bytes(), before);
	reach(&at, 2);
	finish(owner);
}

static void what_is_dropped_inside_a_section_dies_at_its_end(void)
{
	tally_critical section;
	make_type(8);
	count = 10000;
	pthread_t owner = spawn(own_and_block, NULL);
	await(&at, 1);
	tally_object *guard = must(tally_list_new());
	CHECK_EQ(tally_critical_begin(&section, guard), 0);
	for (int i = 0; i < count; i++) tally_decref(objects[i]);
	CHECK_EQ(dead, 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(dead, 10000);
	CHECK_EQ(elsewhere, 0);
	tally_decref(guard);
	reach(&at, 2);
	finish(owner);
}

// ---- an owner that is there ----

static void *drop_all_and_stay(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < count; i++) tally_decref(objects[i]);
	reach(&at, 1);
	await(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void an_owner_that_passes_stop_points_destroys_at_its_next_run_point(void)
{
	make_type(8);
	count = 10000;
	make_objects(count);
	tally_object *truth = tally_bool(true), *list = must(tally_list_from(&truth, 1));
	pthread_t other = spawn(drop_all_and_stay, NULL);
	await_at_stop_points(&at, 1);
	for (int i = 0; i < 1000; i++) CHECK_PTR(tally_list_get(list, 0), truth);
	CHECK_EQ(dead, 0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(dead, 10000);
	CHECK_EQ(elsewhere, 0); // on the owner's thread
	reach(&at, 2);
	finish(other);
	tally_decref(list);
}

static void check_run_point(void (*run_point)(void))
{
	make_type(8);
	count = 100;
	make_objects(count);
	pthread_t other = spawn(drop_all_and_stay, NULL);
	await_at_stop_points(&at, 1);
	CHECK_EQ(dead, 0);
	run_point();
	CHECK_EQ(dead, 100);
	reach(&at, 2);
	finish(other);
}

static void begin_a_region(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(dead, 100);
	CHECK_EQ(tally_blocking_end(), 0);
}

static void detach_and_return(void)
{
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(dead, 100);
	CHECK_EQ(tally_thread_attach(&fixture_token), 0);
}

// Constructors and drops let some of their kind pass, but not many.
enum { ENOUGH = 100 };
static tally_object *others[ENOUGH];

static void construct(void)
{
	for (int i = 0; i < ENOUGH; i++) others[i] = counted(i);
}

static void drop_others(void)
{
	for (int i = 0; i < ENOUGH; i++) tally_decref(others[i]);
}

static void each_kind_of_run_point_is_one(void)
{
	check_run_point(begin_a_region);
	check_run_point(detach_and_return);
	check_run_point(construct);
	check_run_point(drop_others); // leaves
	for (int i = 0; i < ENOUGH; i++) others[i] = must(tally_list_new());
	check_run_point(drop_others);
}

static tally_object *new_leaf(void) { return must(tally_float_new(0.5)); }

static void check_batch_of_drops(tally_object *(*make)(void))
{
	make_type(8);
	count = 100;
	for (int i = 0; i < TALLY_BATCH; i++) others[i] = make();
	make_objects(count);
	pthread_t other = spawn(drop_all_and_stay, NULL);
	await_at_stop_points(&at, 1);
	CHECK_EQ(dead, 0);
	for (int i = 0; i < TALLY_BATCH; i++) tally_decref(others[i]);
	CHECK_EQ(dead, 100);
	reach(&at, 2);
	finish(other);
}

static void a_thread_that_only_drops_destroys_what_is_queued_within_a_batch(void)
{
	check_batch_of_drops(tally_list_new);
	check_batch_of_drops(new_leaf);
}

static void *drop_first_half(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < OBJECTS / 2; i++) tally_decref(objects[i]);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static atomic_uint dead_anywhere;

static void thing_dies_anywhere(void *payload, void *context)
{
	(void)context;
	atomic_fetch_add(&dead_anywhere, 1);
	tally_decref(*(tally_object **)payload);
}

// Claims and the owner's returns meet all the time.
static void *come_and_go(void *unused)
{
	(void)unused;
	tally_token token = attached();
	make_objects(OBJECTS);
	reach(&at, 1);
	while (!has_reached(&at, 2)) {
		CHECK_EQ(tally_blocking_begin(), 0);
		CHECK_EQ(tally_blocking_end(), 0);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void an_owner_that_comes_and_goes_and_two_droppers_lose_nothing(void)
{
	tally_host_type description = {.size = sizeof description, .name = "x", .payload_size = 8, .dealloc = thing_dies_anywhere};
	make_type(8);
	type = must(tally_host_type_new(&description));
	atomic_store(&dead_anywhere, 0);
	pthread_t owner = spawn(come_and_go, NULL);
	await(&at, 1);
	pthread_t other = spawn(drop_first_half, NULL);
	for (int i = OBJECTS / 2; i < OBJECTS; i++) tally_decref(objects[i]);
	finish(other);
	reach(&at, 2);
	finish(owner);
	CHECK_EQ(atomic_load(&dead_anywhere), OBJECTS);
}

static void *own_for_two_and_block(void *unused)
{
	(void)unused;
	tally_token token = attached();
	make_objects(count);
	for (int i = 0; i < count; i++) tally_incref(objects[i]);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// Each object is dropped by two of four threads.
static void drop_a_share(void *unused, unsigned number)
{
	unsigned left_over = 0;
	(void)unused;
	if (tally_heap_fail(1, true)) tally_error_clear(); // not in this build
	for (unsigned i = 0; i < (unsigned)count; i++)
		if (i % 4 == number || (i + 1) % 4 == number) {
			tally_decref(objects[i]);
			left_over += tally_self.dying != NULL;
		}
	CHECK_EQ(left_over, 0); // of what a claimer found queued, either
	CHECK_EQ(tally_heap_attempts(), 0);
	tally_heap_fail(0, false);
	tally_error_clear();
}

// Whoever finds the claim of another dropper leaves the object to it: nothing is left for the owner.
static void four_droppers_of_a_blocked_owner_destroy_everything_without_it(void)
{
	tally_host_type description = {.size = sizeof description, .name = "x", .payload_size = 8, .dealloc = thing_dies_anywhere};
	make_type(8);
	type = must(tally_host_type_new(&description));
	atomic_store(&dead_anywhere, 0);
	count = OBJECTS;
	pthread_t owner = spawn(own_for_two_and_block, NULL);
	await(&at, 1);
	run_threads(4, drop_a_share, NULL);
	CHECK_EQ(atomic_load(&dead_anywhere), OBJECTS);
	CHECK_EQ(fixture_live_objects(), 0);
	reach(&at, 2);
	finish(owner);
}

// ---- heirs ----

static uint32_t tag_of_the_dead;

static void *leave_an_estate(void *unused)
{
	(void)unused;
	tally_token token = attached();
	count = 1000;
	make_objects(count);
	tag_of_the_dead = tally_self.tag_word;
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *inherit(void *unused)
{
	(void)unused;
	tally_token token = attached();
	CHECK_EQ(tally_self.tag_word, tag_of_the_dead); // the last slot left behind is the first taken
	for (int i = 0; i < count; i++) {
		CHECK_EQ(tally_load(&objects[i]->local, relaxed), tally_self.tag_word | 1);
		tally_incref(objects[i]); // as its owner: plainly
		CHECK_EQ(tally_load(&objects[i]->local, relaxed), tally_self.tag_word | 2);
		CHECK_EQ(tally_load(&objects[i]->shared, relaxed), COUNT_PLAIN);
		tally_decref(objects[i]);
		CHECK(tally_is_unique(objects[i]));
	}
	dropper = pthread_self();
	drop_objects(0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void an_heir_counts_and_drops_what_a_thread_left_as_its_own(void)
{
	make_type(8);
	finish(spawn(leave_an_estate, NULL));
	finish(spawn(inherit, NULL));
	CHECK_EQ(dead, 1000);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void *drop_estate(void *unused)
{
	(void)unused;
	tally_token token = attached();
	reach(&at, 1);
	await(&at, 2); // the heir is there now
	for (int i = 0; i < count; i++) tally_decref(objects[i]);
	reach(&at, 3);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *be_the_heir(void *unused)
{
	(void)unused;
	tally_token token = attached();
	CHECK_EQ(tally_self.tag_word, tag_of_the_dead);
	dropper = pthread_self();
	reach(&at, 2);
	await_at_stop_points(&at, 3);
	CHECK_EQ(dead, 0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(dead, 1000);
	CHECK_EQ(elsewhere, 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void what_others_drop_of_an_estate_comes_to_the_heir(void)
{
	make_type(8);
	pthread_t other = spawn(drop_estate, NULL); // has a slot before the estate is left
	await(&at, 1);
	finish(spawn(leave_an_estate, NULL));
	pthread_t heir = spawn(be_the_heir, NULL);
	finish(heir);
	finish(other);
	CHECK_EQ(fixture_live_objects(), 0);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_hundred_thousand_objects_of_a_blocked_owner_die_at_once);
	TAP_RUN(a_hundred_thousand_objects_of_a_blocked_owner_die_at_once_without_memory);
	TAP_RUN(a_hundred_thousand_objects_of_an_owner_that_has_ended_die_at_once);
	TAP_RUN(a_hundred_thousand_objects_of_an_owner_that_has_ended_die_at_once_without_memory);
	TAP_RUN(objects_of_a_detached_owner_die_at_once);
	TAP_RUN(objects_of_an_owner_that_blocks_inside_a_section_die_at_once);
	TAP_RUN(medium_and_large_objects_of_an_owner_that_is_away_die_at_once);
	TAP_RUN(the_pages_of_a_blocked_owner_can_be_given_back);
	TAP_RUN(what_is_dropped_inside_a_section_dies_at_its_end);
	TAP_RUN(an_owner_that_passes_stop_points_destroys_at_its_next_run_point);
	TAP_RUN(each_kind_of_run_point_is_one);
	TAP_RUN(a_thread_that_only_drops_destroys_what_is_queued_within_a_batch);
	TAP_RUN(an_owner_that_comes_and_goes_and_two_droppers_lose_nothing);
	TAP_RUN(four_droppers_of_a_blocked_owner_destroy_everything_without_it);
	TAP_RUN(an_heir_counts_and_drops_what_a_thread_left_as_its_own);
	TAP_RUN(what_others_drop_of_an_estate_comes_to_the_heir);
	return tap_end();
}
