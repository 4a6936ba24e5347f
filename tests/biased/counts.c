// tests/biased/counts.c: the count words of real objects: each row of the table in biased/count_word.h, by an owner that
// is attached, away or gone, and by other threads; limits; what is immortal; what is dead (I1 of core/header.h).
//
// The owner is the thread of the test. It stays attached, at no point, while others act (`abroad`), or is in a blocking
// region (`abroad_while_away`), so that each step stands alone and its words can be read.
#include "fixture.h"
#include "page_queue.h"
#include "poison.h"
#include "turns.h"
#include "variant.h"

#include <sys/mman.h>

#define PLAIN(n) ((uint32_t)(n) * COUNT_ONE + COUNT_PLAIN)
#define WEAK(n) ((uint32_t)(n) * COUNT_ONE + COUNT_WEAK)
#define QUEUED(n) ((uint32_t)(n) * COUNT_ONE + COUNT_QUEUED)
#define MERGED(n) ((uint32_t)(n) * COUNT_ONE + COUNT_MERGED)

static uint32_t local(tally_object *object) { return tally_load(&object->local, relaxed); }
static uint32_t shared(tally_object *object) { return tally_load(&object->shared, relaxed); }
static uint32_t mine(uint32_t count) { return tally_self.tag_word | count; }

#define CHECK_WORDS(object, local_word, shared_word)                                                                   \
	(CHECK_EQ(local(object), (local_word)), CHECK_EQ(shared(object), (shared_word)))

static void set_words(tally_object *object, uint32_t local_word, uint32_t shared_word)
{
	tally_store(&object->local, local_word, relaxed);
	tally_store(&object->shared, shared_word, relaxed);
}

// ---- objects that look at their own header when they die ----

static tally_object *watcher_type;
static _Atomic uint32_t last_shared; // of the last that died

static void watcher_dies(void *payload, void *context)
{
	tally_object *self = (tally_object *)payload - 1;
	(void)context;
	last_shared = shared(self);
	CHECK_EQ(local_tag(local(self)), 0); // nobody's
	CHECK(!variant_is_alive(self));
	CHECK(!variant_try_incref(self));
	atomic_fetch_add(&fixture_dead, 1);
}

static tally_object *watcher(void)
{
	if (!watcher_type) {
		tally_host_type description = {.size = sizeof description, .name = "watcher", .payload_size = 8, .dealloc = watcher_dies};
		watcher_type = must(tally_host_type_new(&description));
		atomic_store(&fixture_dead, 0);
	}
	return must(tally_host_new(watcher_type));
}

static void begin(void)
{
	watcher_type = NULL;
	fixture_start();
}

#define CHECK_DEAD(number) CHECK_EQ(atomic_load(&fixture_dead), (number))

// ---- other threads ----

struct act {
	void (*run)(tally_object *object);
	tally_object *object;
};

static void *act_attached(void *argument)
{
	struct act *act = argument;
	tally_token token = attached();
	act->run(act->object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void abroad(void (*run)(tally_object *object), tally_object *object)
{
	struct act act = {run, object};
	pthread_join(spawn(act_attached, &act), NULL);
}

static void abroad_while_away(void (*run)(tally_object *object), tally_object *object)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	abroad(run, object);
	CHECK_EQ(tally_blocking_end(), 0);
}

static void take(tally_object *object) { tally_incref(object); }
static void drop(tally_object *object) { tally_decref(object); }
static void mark_weak(tally_object *object) { biased_mark_weak(object); }
static void try(tally_object *object) { CHECK(variant_try_incref(object)); }
static void try_in_vain(tally_object *object)
{
	uint32_t before = shared(object);
	CHECK(!variant_try_incref(object));
	CHECK_EQ(shared(object), before);
}

static bool is_queued(tally_object *object)
{
	struct tally_page *page = tally_page_of(object);
	unsigned index = tally_block_index(page, object);
	bool bit = tally_load(&tally_page_queued(page)[index / 64], relaxed) >> index % 64 & 1;
	bool summary = tally_load(&page->summary, relaxed) >> index / 64 & 1;
	CHECK_EQ(bit, summary);
	return bit;
}

// ---- the arithmetic, alone ----

static void the_tests_of_the_local_word_are_one_comparison_each(void)
{
	static const uint32_t tags[] = {1, 2, 0x7FFF, 0x8000, 0xFFFC};
	for (size_t i = 0; i < 5; i++) {
		uint32_t self = tags[i] << 16;
		for (uint32_t count = 0; count <= 0xFFFF; count++) {
			bool right = local_has_room(self | count, self) == (count < LOCAL_FULL);
			right = right && local_keeps_one(self | count, self) == (count >= 2);
			right = right && local_is_mine(self | count, self) && local_count(self | count) == count;
			for (uint32_t other = 0; other <= 0xFFFF; other += 0x3FFF) { // merged, somebody's, immortal
				uint32_t word = other << 16 | count;
				if (other == tags[i]) continue;
				right = right && !local_has_room(word, self) && !local_keeps_one(word, self) && !local_is_mine(word, self);
			}
			if (!CHECK(right)) return;
		}
		CHECK(!local_has_room(LOCAL_IMMORTAL, self) && !local_keeps_one(LOCAL_IMMORTAL, self));
	}
	for (uint32_t count = 0; count <= 0xFFFF; count++) // an unattached thread owns nothing
		CHECK(!local_has_room(mine(count), TALLY_NOBODY) && !local_keeps_one(mine(count), TALLY_NOBODY));
	CHECK(local_is_immortal(LOCAL_IMMORTAL) && !local_is_immortal(TALLY_NOBODY | 0xFFFF));
	CHECK(LOCAL_SPILL < LOCAL_FULL && LOCAL_FULL <= 0xFFFF);
}

static void the_shared_word_counts_below_zero_and_up_to_saturation(void)
{
	for (int32_t count = -65535; count <= 65535; count++)
		for (uint32_t state = 0; state < 4; state++) {
			uint32_t word = (uint32_t)count * COUNT_ONE + state;
			bool right = shared_count(word) == count && shared_state(word) == state && !shared_is_saturated(word);
			right = right && shared_is_dead(word) == (count == 0 && (state == COUNT_PLAIN || state == COUNT_MERGED));
			right = right && shared_must_queue(word) == (count == 0 && state <= COUNT_WEAK);
			for (uint32_t owned = 0; owned < 3; owned++)
				right = right && shared_after_merge(word, owned, 1) == MERGED(count + (int32_t)owned - 1);
			if (!CHECK(right)) return;
		}
	for (uint32_t over = 0; over < 100000; over += 977) {
		uint32_t word = PLAIN((uint32_t)SHARED_SATURATED + over);
		CHECK(shared_is_saturated(word));
		CHECK_EQ(shared_after_merge(word, 5, 1), word | COUNT_MERGED);
	}
	CHECK(!shared_is_saturated(PLAIN(SHARED_SATURATED - 1)));
}

// ---- plain ----

static void a_new_object_is_its_owners_with_one_local_reference(void)
{
	tally_object *object = watcher();
	CHECK_WORDS(object, mine(1), PLAIN(0));
	tally_incref(object);
	CHECK_WORDS(object, mine(2), PLAIN(0));
	tally_decref(object);
	CHECK_WORDS(object, mine(1), PLAIN(0));
	tally_decref(object);
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, PLAIN(0)); // dead without a write
}

static void others_increment_and_decrement_plain_n(void)
{
	tally_object *object = watcher();
	for (int n = 1; n <= 3; n++) {
		abroad(take, object);
		CHECK_WORDS(object, mine(1), PLAIN(n));
	}
	CHECK_EQ(tally_refcount(object), 4);
	for (int n = 2; n >= 0; n--) {
		abroad(drop, object);
		CHECK_WORDS(object, mine(1), PLAIN(n));
	}
	CHECK(tally_is_unique(object));
	tally_decref(object);
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, PLAIN(0));
}

static void others_try_in_vain_at_plain_0_and_succeed_above(void)
{
	tally_object *object = watcher();
	abroad(try_in_vain, object);
	CHECK_WORDS(object, mine(1), PLAIN(0));
	abroad(take, object);
	abroad(try, object);
	CHECK_WORDS(object, mine(1), PLAIN(2));
	abroad(drop, object);
	abroad(drop, object);
	CHECK(variant_try_incref(object)); // the owner may
	CHECK_WORDS(object, mine(2), PLAIN(0));
	tally_decref(object);
	tally_decref(object);
	CHECK_DEAD(1);
}

static void a_foreign_drop_at_plain_0_queues_and_subtracts_nothing(void)
{
	tally_object *object = watcher();
	tally_incref(object); // for the other
	abroad(drop, object);
	CHECK_WORDS(object, mine(2), QUEUED(0));
	CHECK(is_queued(object));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_WORDS(object, 0, MERGED(1));
	CHECK(!is_queued(object));
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0));
}

static void the_last_reference_dropped_abroad_destroys_once_at_the_owners_next_run_point(void)
{
	tally_object *object = watcher();
	abroad(drop, object);
	CHECK_DEAD(0);
	CHECK_WORDS(object, mine(1), QUEUED(0));
	size_t length;
	CHECK_EQ(tally_len(object, &length), -1); // a stop point destroys nothing
	tally_error_clear();
	CHECK_DEAD(0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0));
	for (int i = 0; i < 10; i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(1);
}

static void the_owners_last_drop_at_plain_n_merges(void)
{
	tally_object *object = watcher();
	abroad(take, object);
	abroad(take, object);
	tally_decref(object);
	CHECK_WORDS(object, 0, MERGED(2));
	CHECK_DEAD(0);
	abroad(drop, object);
	CHECK_WORDS(object, 0, MERGED(1));
	abroad(drop, object); // destroyed abroad, at once
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0));
}

// ---- weak ----

static void the_first_weak_reference_marks_and_later_ones_change_nothing(void)
{
	tally_object *object = watcher();
	abroad(take, object);
	abroad(mark_weak, object);
	CHECK_WORDS(object, mine(1), WEAK(1));
	biased_mark_weak(object);
	CHECK_WORDS(object, mine(1), WEAK(1));
	abroad(take, object);
	CHECK_WORDS(object, mine(1), WEAK(2));
	abroad(drop, object);
	abroad(drop, object);
	CHECK_WORDS(object, mine(1), WEAK(0));
	CHECK_EQ(tally_refcount(object), 1);
	CHECK(!tally_is_unique(object)); // not provably: a weak reference may be pinned at any time
	abroad(try, object); // at weak 0 a pin is possible: hence the mark
	CHECK_WORDS(object, mine(1), WEAK(1));
	abroad(drop, object);
	tally_decref(object);
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0)); // its owner died by merging
}

static void a_foreign_drop_at_weak_0_queues(void)
{
	tally_object *object = watcher();
	tally_incref(object);
	biased_mark_weak(object);
	abroad(drop, object);
	CHECK_WORDS(object, mine(2), QUEUED(0));
	biased_mark_weak(object);
	CHECK_WORDS(object, mine(2), QUEUED(0));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_WORDS(object, 0, MERGED(1));
	biased_mark_weak(object);
	CHECK_WORDS(object, 0, MERGED(1));
	tally_decref(object);
	CHECK_DEAD(1);
}

static void the_owners_last_drop_at_weak_n_merges(void)
{
	tally_object *object = watcher();
	biased_mark_weak(object);
	abroad(try, object);
	tally_decref(object);
	CHECK_WORDS(object, 0, MERGED(1));
	CHECK_DEAD(0);
	abroad(drop, object);
	CHECK_DEAD(1);
}

// ---- queued ----

static void queued_n_goes_up_and_below_zero(void)
{
	tally_object *object = watcher();
	for (int i = 0; i < 3; i++) tally_incref(object); // 4: three for others
	abroad(drop, object);
	CHECK_WORDS(object, mine(4), QUEUED(0));
	abroad(drop, object);
	abroad(drop, object);
	CHECK_WORDS(object, mine(4), QUEUED(-2));
	CHECK_EQ(tally_refcount(object), 2); // below zero counts
	abroad(take, object);
	CHECK_WORDS(object, mine(4), QUEUED(-1));
	abroad(try, object);
	CHECK_WORDS(object, mine(4), QUEUED(0));
	abroad(try, object);
	abroad(take, object);
	CHECK_WORDS(object, mine(4), QUEUED(2));
	tally_incref(object); // the owner counts in its own word all the time
	CHECK(variant_try_incref(object));
	CHECK_WORDS(object, mine(6), QUEUED(2));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_WORDS(object, 0, MERGED(7)); // 6 + 2 - the queue's own
	for (int i = 0; i < 7; i++) {
		CHECK_DEAD(0);
		tally_decref(object);
	}
	CHECK_DEAD(1);
}

static void the_owners_last_drop_while_queued_merges_and_the_drain_destroys(void)
{
	tally_object *object = watcher();
	tally_incref(object);
	abroad(drop, object);
	tally_decref(object); // 1 left, which is the queue's
	CHECK_WORDS(object, mine(1), QUEUED(0));
	CHECK_DEAD(0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(1);

	object = watcher();
	abroad(drop, object);
	CHECK_WORDS(object, mine(1), QUEUED(0));
	abroad(take, object); // somebody found it elsewhere before the owner came round
	abroad(take, object);
	CHECK_WORDS(object, mine(1), QUEUED(2));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_WORDS(object, 0, MERGED(2));
	abroad(drop, object);
	abroad(drop, object);
	CHECK_DEAD(2);
}

static void take_and_keep(tally_object *object)
{
	for (int i = 0; i < 3; i++) tally_incref(object);
}

static void an_owner_that_gives_up_its_local_count_while_queued_merges_by_itself(void)
{
	tally_object *object = watcher();
	tally_incref(object);
	abroad(drop, object); // queued 0, local 2
	abroad(take_and_keep, object); // three more, which are the owner's to drop
	for (int i = 0; i < 2; i++) tally_decref(object);
	CHECK_WORDS(object, 0, MERGED(3)); // one of them is the queue's
	CHECK(is_queued(object));
	tally_decref(object);
	tally_decref(object);
	CHECK_WORDS(object, 0, MERGED(1));
	CHECK_DEAD(0);
	CHECK_EQ(tally_safepoint(), 0); // merges again, idempotently, and drops the queue's
	CHECK_DEAD(1);
}

static void a_stop_of_the_world_drains_what_is_queued(void)
{
	tally_object *object = watcher();
	tally_incref(object);
	abroad(drop, object);
	variant_world_stop();
	CHECK_WORDS(object, 0, MERGED(1));
	variant_world_start();
	tally_decref(object);
	CHECK_DEAD(1);
}

// ---- claims ----

static void a_foreign_drop_while_the_owner_is_away_merges_at_once(void)
{
	tally_object *object = watcher();
	tally_incref(object);
	abroad_while_away(drop, object);
	CHECK_WORDS(object, 0, MERGED(1));
	CHECK(!is_queued(object));
	tally_decref(object);
	CHECK_DEAD(1);
}

static void drop_and_expect_death(tally_object *object)
{
	tally_decref(object);
	CHECK_DEAD(1);
}

static void the_last_reference_dropped_while_the_owner_is_away_destroys_at_once(void)
{
	abroad_while_away(drop_and_expect_death, watcher());
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0));
}

static void a_drop_above_0_claims_nothing(void)
{
	tally_object *object = watcher();
	abroad(take, object);
	abroad_while_away(drop, object);
	CHECK_WORDS(object, mine(1), PLAIN(0));
	biased_mark_weak(object);
	abroad_while_away(drop, object);
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0));
}

// ---- merged ----

static void merged_n_is_counted_by_anybody_the_former_owner_too(void)
{
	tally_object *object = watcher();
	abroad(take, object);
	tally_decref(object);
	CHECK_WORDS(object, 0, MERGED(1));
	tally_incref(object);
	CHECK_WORDS(object, 0, MERGED(2));
	CHECK(variant_try_incref(object));
	abroad(try, object);
	abroad(take, object);
	CHECK_WORDS(object, 0, MERGED(5));
	CHECK_EQ(tally_refcount(object), 5);
	CHECK(!tally_is_unique(object));
	for (int n = 4; n >= 1; n--) {
		if (n % 2) tally_decref(object);
		else abroad(drop, object);
		CHECK_WORDS(object, 0, MERGED(n));
	}
	tally_decref(object); // by the former owner: at once as well
	CHECK_DEAD(1);
	CHECK_EQ(last_shared, MERGED(0));
}

// ---- spill and saturation ----

static void a_full_local_count_spills_half_of_itself(void)
{
	tally_object *object = watcher();
	for (uint32_t count = 1; count < LOCAL_FULL; count++) tally_incref(object);
	CHECK_WORDS(object, mine(LOCAL_FULL), PLAIN(0));
	tally_incref(object);
	CHECK_WORDS(object, mine(LOCAL_FULL - LOCAL_SPILL + 1), PLAIN(LOCAL_SPILL));
	CHECK_EQ(tally_refcount(object), LOCAL_FULL + 1);
	for (uint32_t count = LOCAL_FULL - LOCAL_SPILL + 1; count < LOCAL_FULL; count++) CHECK(variant_try_incref(object));
	CHECK_WORDS(object, mine(LOCAL_FULL), PLAIN(LOCAL_SPILL));
	CHECK(variant_try_incref(object));
	CHECK_WORDS(object, mine(LOCAL_FULL - LOCAL_SPILL + 1), PLAIN(2 * LOCAL_SPILL));
	uint32_t references = tally_refcount(object);
	CHECK_EQ(references, LOCAL_FULL + LOCAL_SPILL + 1);
	for (; references > 1; references--) tally_decref(object);
	CHECK_DEAD(0);
	tally_decref(object);
	CHECK_DEAD(1);
}

static void hammer(tally_object *object)
{
	for (int i = 0; i < 20000; i++) {
		tally_incref(object);
		CHECK(variant_try_incref(object));
		tally_decref(object);
		tally_decref(object);
		tally_decref(object); // more than it took
	}
}

static void check_saturated(tally_object *object, unsigned state)
{
	CHECK(shared_is_saturated(shared(object)));
	CHECK(shared_count(shared(object)) < SHARED_SATURATED + (1 << 16));
	CHECK_EQ(shared_state(shared(object)), state);
	CHECK_EQ(tally_refcount(object), UINT32_MAX);
	CHECK_DEAD(0);
}

static void a_saturated_count_never_wraps_and_never_frees(void)
{
	static const unsigned states[] = {COUNT_PLAIN, COUNT_WEAK, COUNT_MERGED};
	pthread_t threads[4];
	for (int i = 0; i < 3; i++) {
		tally_object *object = watcher();
		struct act act = {hammer, object};
		set_words(object, states[i] == COUNT_MERGED ? 0 : mine(1), PLAIN(SHARED_SATURATED - 1) | states[i]);
		CHECK(tally_refcount(object) < UINT32_MAX);
		abroad(take, object);
		check_saturated(object, states[i]);
		abroad(take, object);
		abroad(drop, object);
		abroad(try, object);
		CHECK_EQ(shared_count(shared(object)), SHARED_SATURATED); // neither up nor down
		for (int thread = 0; thread < 4; thread++) threads[thread] = spawn(act_attached, &act);
		for (int thread = 0; thread < 4; thread++) pthread_join(threads[thread], NULL);
		check_saturated(object, states[i]);
		for (uint32_t count = 0; count < 2 * LOCAL_FULL; count++) tally_incref(object); // spills are left out
		check_saturated(object, states[i]);
		while (local_count(local(object)) > 0) tally_decref(object); // the owner gives up all it has
		check_saturated(object, COUNT_MERGED);
		CHECK_EQ(local(object), 0);
		hammer(object);
		check_saturated(object, COUNT_MERGED);
		set_words(object, 0, MERGED(1)); // an end by hand, for the test's own sake
		tally_decref(object);
		CHECK_DEAD(1);
		atomic_store(&fixture_dead, 0);
	}
}

// ---- immortal ----

static void hammer_a_little(tally_object *object)
{
	for (int i = 0; i < 1000; i++) {
		tally_incref(object);
		tally_decref(object);
		tally_decref(object);
		CHECK(variant_try_incref(object));
		CHECK_EQ(tally_refcount(object), UINT32_MAX);
		CHECK(!tally_is_unique(object));
	}
}

static void an_immortal_objects_header_is_never_written(void)
{
	tally_object *objects[] = {tally_none(), tally_bool(true), text("immortal"), must(tally_list_new()), watcher(), watcher_type};
	for (int i = 2; i < 5; i++) CHECK_EQ(tally_immortalize(objects[i]), 0);
	for (int i = 0; i < 6; i++) {
		unsigned char before[sizeof(struct tally_object)];
		memcpy(before, objects[i], sizeof before);
		CHECK_EQ(local(objects[i]), LOCAL_IMMORTAL);
		abroad(hammer_a_little, objects[i]);
		abroad_while_away(hammer_a_little, objects[i]);
		hammer_a_little(objects[i]);
		CHECK_EQ(tally_immortalize(objects[i]), 0);
		CHECK_EQ(memcmp(before, objects[i], sizeof before), 0);
	}
	CHECK_DEAD(0);
}

// The header lies in a page of its own, which nobody can write meanwhile: a write would end the program.
static void four_threads_that_count_an_immortal_object_write_nothing_even_for_a_moment(void)
{
	tally_host_type description = {.size = sizeof description, .name = "large", .payload_size = 2 * TALLY_PAGE_SIZE};
	tally_object *object = must(tally_host_new(must(tally_host_type_new(&description))));
	struct act act = {hammer_a_little, object};
	pthread_t threads[4];
	CHECK_EQ(tally_immortalize(object), 0);
	if (!CHECK_PTR(tally_page_of(object)->base, object)) return;
	CHECK_EQ(mprotect(object, TALLY_PAGE_SIZE, PROT_READ), 0);
	for (int i = 0; i < 4; i++) threads[i] = spawn(act_attached, &act);
	hammer_a_little(object);
	for (int i = 0; i < 4; i++) finish(threads[i]);
	CHECK_EQ(tally_immortalize(object), 0);
	CHECK_EQ(mprotect(object, TALLY_PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	CHECK_EQ(local(object), LOCAL_IMMORTAL);
}

static void an_object_becomes_immortal_in_every_state(void)
{
	tally_object *plain = watcher(), *queued = watcher(), *merged = watcher();
	tally_incref(queued);
	abroad(take, merged);
	tally_decref(merged);
	abroad(drop, queued);
	CHECK_WORDS(queued, mine(2), QUEUED(0));
	CHECK_WORDS(merged, 0, MERGED(1));
	tally_object *objects[] = {plain, queued, merged};
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_immortalize(objects[i]), 0);
		CHECK_WORDS(objects[i], LOCAL_IMMORTAL, PLAIN(0));
		CHECK(!is_queued(objects[i]));
	}
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(0);
}

// ---- the dead: I1 of core/header.h ----

static void a_freed_block_is_dead_to_everybody_until_it_has_a_header_again(void)
{
	tally_object *object = counted(1), *merged = counted(2), *remote = counted(3), *held = counted(4);
	abroad(take, merged);
	tally_decref(merged);
	tally_decref(merged);
	CHECK(!variant_try_incref(merged));
	abroad(try_in_vain, merged);
	tally_decref(object);
	CHECK(!variant_try_incref(object));
	abroad(try_in_vain, object);
	abroad(take, remote);
	tally_decref(remote);
	CHECK_WORDS(remote, 0, MERGED(1));
	abroad(drop, remote); // freed abroad: on its page's remote list now
	CHECK_EQ(tally_load(&tally_page_of(remote)->remote, relaxed) >> 16, 1);
	CHECK(!variant_try_incref(remote));
	abroad(try_in_vain, remote);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK(!variant_try_incref(remote));
	tally_decref(held);
}

static void an_object_is_dead_to_everybody_while_it_waits_for_its_destruction(void)
{
	tally_critical section;
	tally_object *guard = must(tally_list_new()), *owned = watcher(), *merged = watcher(), *weak = watcher();
	abroad(take, merged);
	tally_decref(merged);
	biased_mark_weak(weak);
	CHECK_EQ(tally_critical_begin(&section, guard), 0);
	tally_decref(owned);
	tally_decref(merged);
	tally_decref(weak);
	tally_object *dying[] = {owned, merged, weak};
	for (int i = 0; i < 3; i++) {
		CHECK(!variant_is_alive(dying[i]));
		CHECK(!variant_try_incref(dying[i]));
		abroad(try_in_vain, dying[i]);
	}
	CHECK_DEAD(0);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_DEAD(3);
	tally_decref(guard);
}

static void victim_dies(void *payload, void *context)
{
	tally_object *self = (tally_object *)payload - 1;
	(void)context;
	abroad(try_in_vain, self);
	CHECK(!variant_try_incref(self));
	atomic_fetch_add(&fixture_dead, 1);
}

static void an_object_is_dead_to_others_while_its_destructor_runs(void)
{
	tally_host_type description = {.size = sizeof description, .name = "victim", .payload_size = 8, .dealloc = victim_dies};
	tally_object *victim = must(tally_host_type_new(&description)), *victims[4];
	atomic_store(&fixture_dead, 0);
	for (int i = 0; i < 4; i++) victims[i] = must(tally_host_new(victim));
	abroad(take, victims[1]);
	tally_decref(victims[1]); // merged
	biased_mark_weak(victims[2]);
	abroad(drop, victims[3]); // queued
	for (int i = 0; i < 3; i++) tally_decref(victims[i]);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(4);
}

// What others see between the two steps of an owner's last drop.
static void an_object_whose_owner_has_counted_to_0_is_dead_to_that_owner_and_to_others_if_shared_is(void)
{
	tally_object *object = watcher();
	set_words(object, mine(0), PLAIN(0));
	try_in_vain(object);
	abroad(try_in_vain, object);
	set_words(object, mine(0), PLAIN(1)); // somebody else has a reference: the object will be merged and live on
	try_in_vain(object);
	abroad(try, object);
	CHECK_WORDS(object, mine(0), PLAIN(2));
	set_words(object, mine(0), WEAK(0));
	try_in_vain(object);
	abroad(try, object);
	CHECK_WORDS(object, mine(0), WEAK(1));
	set_words(object, mine(1), PLAIN(0));
	tally_decref(object);
	CHECK_DEAD(1);
}

static struct tally_page *searched;

static void try_all_that_were_never_used(tally_object *unused)
{
	unsigned revived = 0;
	(void)unused;
	for (char *block = searched->bump; block < searched->end; block += searched->block_size) {
		tally_object *never = (tally_object *)(void *)block;
		tally_show(never, sizeof *never);
		revived += variant_try_incref(never) || variant_is_alive(never) || local(never) || shared(never);
		tally_hide(never, sizeof *never);
	}
	CHECK_EQ(revived, 0);
}

static tally_object *foreign;

static void make_foreign(tally_object *unused)
{
	(void)unused;
	foreign = counted(77);
}

static void check_never_used(tally_object *object)
{
	searched = tally_page_of(object);
	CHECK((size_t)(searched->end - searched->bump) > 100 * searched->block_size);
	try_all_that_were_never_used(NULL);
	abroad(try_all_that_were_never_used, NULL);
}

// In pages of this thread and of another; tests/page.c has those that held something else before.
static void a_block_that_was_never_used_is_dead_to_everybody(void)
{
	tally_object *own = counted(7);
	check_never_used(own);
	abroad(make_foreign, NULL);
	CHECK(tally_page_of(foreign)->owner != tally_self.slot->tag);
	check_never_used(foreign);
	tally_decref(foreign);
	tally_decref(own);
}

// ---- many at once ----

enum { MANY = 5000 };
static tally_object *many[MANY];

static void drop_many(tally_object *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++) tally_decref(many[i]);
}

// Two others drop two references each; the owner keeps none, or one, and comes to run points all the time or never.
static void check_many(bool run_points, uint32_t kept)
{
	pthread_t threads[2];
	struct act act = {drop_many, NULL};
	for (int i = 0; i < MANY; i++) {
		many[i] = watcher();
		for (uint32_t each = 0; each < 1 + kept; each++) tally_incref(many[i]);
	}
	atomic_store(&fixture_dead, 0);
	for (int i = 0; i < 2; i++) threads[i] = spawn(act_attached, &act);
	for (int i = 0; run_points && i < 10000; i++) CHECK_EQ(tally_safepoint(), 0);
	for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
	if (!run_points) CHECK_DEAD(0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(kept ? 0 : MANY);
	for (int i = 0; kept && i < MANY; i++) {
		CHECK_WORDS(many[i], 0, MERGED(kept));
		for (uint32_t each = 0; each < kept; each++) tally_decref(many[i]);
	}
	CHECK_DEAD(MANY);
	for (int i = 0; i < 10; i++) CHECK_EQ(tally_safepoint(), 0);
	CHECK_DEAD(MANY);
}

static void objects_dropped_by_two_others_die_once_whenever_the_owner_looks(void)
{
	check_many(false, 0);
	check_many(false, 1);
	for (int i = tap_scale(20); i > 0; i--) {
		check_many(true, 0);
		check_many(true, 2);
	}
}

int main(void)
{
	fixture_begin(60);
	tap_before_each(begin);
	TAP_RUN(the_tests_of_the_local_word_are_one_comparison_each);
	TAP_RUN(the_shared_word_counts_below_zero_and_up_to_saturation);
	TAP_RUN(a_new_object_is_its_owners_with_one_local_reference);
	TAP_RUN(others_increment_and_decrement_plain_n);
	TAP_RUN(others_try_in_vain_at_plain_0_and_succeed_above);
	TAP_RUN(a_foreign_drop_at_plain_0_queues_and_subtracts_nothing);
	TAP_RUN(the_last_reference_dropped_abroad_destroys_once_at_the_owners_next_run_point);
	TAP_RUN(the_owners_last_drop_at_plain_n_merges);
	TAP_RUN(the_first_weak_reference_marks_and_later_ones_change_nothing);
	TAP_RUN(a_foreign_drop_at_weak_0_queues);
	TAP_RUN(the_owners_last_drop_at_weak_n_merges);
	TAP_RUN(queued_n_goes_up_and_below_zero);
	TAP_RUN(the_owners_last_drop_while_queued_merges_and_the_drain_destroys);
	TAP_RUN(an_owner_that_gives_up_its_local_count_while_queued_merges_by_itself);
	TAP_RUN(a_stop_of_the_world_drains_what_is_queued);
	TAP_RUN(a_foreign_drop_while_the_owner_is_away_merges_at_once);
	TAP_RUN(the_last_reference_dropped_while_the_owner_is_away_destroys_at_once);
	TAP_RUN(a_drop_above_0_claims_nothing);
	TAP_RUN(merged_n_is_counted_by_anybody_the_former_owner_too);
	TAP_RUN(a_full_local_count_spills_half_of_itself);
	TAP_RUN(a_saturated_count_never_wraps_and_never_frees);
	TAP_RUN(an_immortal_objects_header_is_never_written);
	TAP_RUN(four_threads_that_count_an_immortal_object_write_nothing_even_for_a_moment);
	TAP_RUN(an_object_becomes_immortal_in_every_state);
	TAP_RUN(a_freed_block_is_dead_to_everybody_until_it_has_a_header_again);
	TAP_RUN(an_object_is_dead_to_everybody_while_it_waits_for_its_destruction);
	TAP_RUN(an_object_is_dead_to_others_while_its_destructor_runs);
	TAP_RUN(an_object_whose_owner_has_counted_to_0_is_dead_to_that_owner_and_to_others_if_shared_is);
	TAP_RUN(a_block_that_was_never_used_is_dead_to_everybody);
	TAP_RUN(objects_dropped_by_two_others_die_once_whenever_the_owner_looks);
	return tap_end();
}
