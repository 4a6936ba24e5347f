// tests/biased/stopped.c: what the collector does to count words: variant_count_stopped, _hold_, _drop_ and _void_stopped, and
// what finalizers need, variant_resurrect and its end; over the states of biased/count_word.h.
//
// Nothing is queued in a stopped world, so those states come up with resurrection only, which happens while others count.
#include "fixture.h"
#include "page_queue.h"
#include "turns.h"
#include "variant.h"

static uint32_t local(tally_object *object) { return tally_load(&object->local, relaxed); }
static uint32_t shared(tally_object *object) { return tally_load(&object->shared, relaxed); }

#define CHECK_WORDS(object, local_word, shared_word)                                                                   \
	(CHECK_EQ(local(object), (local_word)), CHECK_EQ(shared(object), (shared_word)))

static void set_words(tally_object *object, uint32_t local_word, uint32_t shared_word)
{
	tally_store(&object->local, local_word, relaxed);
	tally_store(&object->shared, shared_word, relaxed);
}

static uint32_t words(int64_t count, unsigned state) { return (uint32_t)count * COUNT_ONE + state; }

// ---- two objects: one of this thread's, one of a thread that is away ----

static tally_object *mine, *others;
static uint32_t my_tag, others_tag;
static stage at;

static void *make_and_stay_away(void *unused)
{
	tally_token token = attached();
	(void)unused;
	others = counted(1 << 30);
	others_tag = tally_self.tag_word;
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	while (!has_reached(&at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static pthread_t other;

static void begin(void)
{
	fixture_start();
	reach(&at, 0);
	mine = counted(1 << 29);
	my_tag = tally_self.tag_word;
	other = spawn(make_and_stay_away, NULL);
	await(&at, 1);
	CHECK(others_tag != my_tag && local(others) == (others_tag | 1) && local(mine) == (my_tag | 1));
}

static void end(void)
{
	set_words(mine, 0, words(1, COUNT_MERGED));
	set_words(others, 0, words(1, COUNT_MERGED));
	tally_decref(mine);
	tally_decref(others);
	reach(&at, 2);
	finish(other);
	CHECK_EQ(tally_safepoint(), 0);
	fixture_stop();
}

// ---- every state of a live object ----

struct state {
	tally_object *object;
	uint32_t local, shared;
	uint32_t references; // UINT32_MAX: saturated
};

static uint32_t after_merge(const struct state *state, int64_t change)
{
	if (state->references == UINT32_MAX) return state->shared | COUNT_MERGED;
	return words(state->references + change, COUNT_MERGED);
}

static void try_states(void (*check)(const struct state *state), tally_object *object, uint32_t tag, unsigned kind)
{
	static const uint32_t owned[] = {1, 2, 3, LOCAL_FULL - LOCAL_SPILL + 1, LOCAL_FULL - 1, LOCAL_FULL};
	static const uint32_t counts[] = {0, 1, 2, 3, LOCAL_SPILL, 3 * LOCAL_SPILL, 1000000};
	static const uint32_t saturated[] = {SHARED_SATURATED, SHARED_SATURATED + 1, SHARED_SATURATED + 70000};
	for (unsigned i = 0; i < 6; i++) {
		uint32_t locals = kind == COUNT_MERGED ? 0 : owned[i], word = kind == COUNT_MERGED ? 0 : tag | locals;
		for (unsigned k = kind == COUNT_MERGED; k < 7; k++)
			check(&(struct state){object, word, words(counts[k], kind), locals + counts[k]});
		for (unsigned k = 0; k < 3; k++) check(&(struct state){object, word, words(saturated[k], kind), UINT32_MAX});
	}
}

static void try_all_states(void (*check)(const struct state *state))
{
	static const unsigned kinds[] = {COUNT_PLAIN, COUNT_WEAK, COUNT_MERGED};
	variant_world_stop();
	for (unsigned i = 0; i < 3; i++) {
		try_states(check, mine, my_tag, kinds[i]);
		try_states(check, others, others_tag, kinds[i]);
	}
	variant_world_start();
}

static void check_count(const struct state *state)
{
	set_words(state->object, state->local, state->shared);
	CHECK_EQ(variant_count_stopped(state->object), state->references);
	CHECK_WORDS(state->object, state->local, state->shared);
}

static void the_count_is_that_of_both_words(void)
{
	try_all_states(check_count);
	static const uint32_t marks[] = {TALLY_TYPE_FREE, TALLY_TYPE_LIST, TALLY_TYPE_HOST + 5, TALLY_TYPES - 1};
	for (unsigned i = 0; i < 4; i++) { // free, or dying: a type
		set_words(mine, marks[i], COUNT_PLAIN);
		CHECK_EQ(variant_count_stopped(mine), 0);
		set_words(mine, marks[i], COUNT_MERGED);
		CHECK_EQ(variant_count_stopped(mine), 0);
	}
	CHECK_EQ(variant_count_stopped(tally_none()), UINT32_MAX);
}

static void check_hold(const struct state *state)
{
	set_words(state->object, state->local, state->shared);
	variant_hold_stopped(state->object);
	CHECK_WORDS(state->object, 0, after_merge(state, +1));
	CHECK_EQ(variant_count_stopped(state->object), state->references == UINT32_MAX ? UINT32_MAX : state->references + 1);
	variant_hold_stopped(state->object);
	if (state->references != UINT32_MAX) CHECK_WORDS(state->object, 0, after_merge(state, +2));
}

static void what_is_held_has_one_reference_more_and_no_owner(void)
{
	try_all_states(check_hold);
	set_words(mine, my_tag | 2, words(1, COUNT_PLAIN));
	variant_hold_stopped(mine);
	for (uint32_t left = 4; left > 1; left--) {
		CHECK_EQ(tally_refcount(mine), left);
		tally_decref(mine);
	}
	CHECK_WORDS(mine, 0, words(1, COUNT_MERGED));
}

static void check_drop(const struct state *state)
{
	uint32_t locals = local_count(state->local);
	set_words(state->object, state->local, state->shared);
	CHECK_EQ(variant_drop_stopped(state->object), state->references == 1);
	if (locals > 1) CHECK_WORDS(state->object, state->local - 1, state->shared); // the owner keeps it
	else CHECK_WORDS(state->object, 0, after_merge(state, -1));
	uint32_t left = state->references == UINT32_MAX ? UINT32_MAX : state->references - 1;
	CHECK_EQ(variant_count_stopped(state->object), left);
	CHECK_EQ(variant_is_alive(state->object), left > 0);
}

static void a_drop_takes_one_reference_and_tells_of_the_last(void) { try_all_states(check_drop); }

// One by one, down to the last: each drop but the last says no.
static void drops_one_by_one_end_with_the_last(void)
{
	static const uint32_t owned[] = {1, 2, 3, 7}, counts[] = {0, 1, 5};
	variant_world_stop();
	for (unsigned i = 0; i < 4; i++)
		for (unsigned k = 0; k < 3; k++) {
			set_words(others, others_tag | owned[i], words(counts[k], COUNT_PLAIN));
			for (uint32_t left = owned[i] + counts[k]; left > 0; left--) CHECK_EQ(variant_drop_stopped(others), left == 1);
			CHECK_WORDS(others, 0, COUNT_MERGED);
			CHECK(!variant_try_incref(others));
		}
	variant_world_start();
}

static void check_void(const struct state *state)
{
	set_words(state->object, state->local, state->shared);
	variant_void_stopped(state->object);
	CHECK_WORDS(state->object, 0, COUNT_PLAIN); // what a fresh block says
	CHECK(variant_count_stopped(state->object) == 0 && !variant_is_alive(state->object) && !variant_try_incref(state->object));
}

static void what_is_void_is_free_whatever_it_was(void) { try_all_states(check_void); }

static void an_immortal_object_is_left_alone(void)
{
	tally_object *immortals[] = {tally_none(), tally_bool(true), text("immortal")};
	CHECK_EQ(tally_immortalize(immortals[2]), 0);
	variant_world_stop();
	for (unsigned i = 0; i < 3; i++) {
		uint32_t before = shared(immortals[i]);
		variant_hold_stopped(immortals[i]);
		CHECK(!variant_drop_stopped(immortals[i]));
		CHECK(!variant_drop_stopped(immortals[i]));
		CHECK(!variant_resurrect_end(immortals[i]));
		CHECK_WORDS(immortals[i], LOCAL_IMMORTAL, before);
	}
	variant_world_start();
}

// ---- resurrection ----

// Dead words as core/death.c finds them: just dropped by the owner, merged, or taken off the list of the dying.
static void the_dead_come_back_with_one_reference(void)
{
	const uint32_t dead_locals[] = {my_tag, 0, TALLY_TYPE_INT};
	for (unsigned i = 0; i < 3; i++) {
		set_words(mine, dead_locals[i], COUNT_PLAIN);
		variant_resurrect(mine);
		CHECK_WORDS(mine, my_tag | 1, COUNT_PLAIN);
		CHECK(variant_is_alive(mine) && variant_count_stopped(mine) == 1);
		CHECK(variant_resurrect_end(mine));
		CHECK(variant_count_stopped(mine) == 0 && !variant_try_incref(mine));
		if (i == 0) continue; // under its owner's tag it is not merged
		set_words(mine, dead_locals[i], COUNT_MERGED);
		variant_resurrect(mine);
		CHECK_WORDS(mine, 0, words(1, COUNT_MERGED));
		CHECK(variant_is_alive(mine) && variant_count_stopped(mine) == 1);
		CHECK(variant_try_incref(mine)); // a weak reference finds it again
		CHECK(!variant_resurrect_end(mine));
		CHECK(variant_resurrect_end(mine));
		CHECK(variant_count_stopped(mine) == 0 && !variant_try_incref(mine));
	}
}

// The end is the drop of one reference by this thread, of an object that is its own or nobody's.
static void check_end(const struct state *state)
{
	if (state->object != mine) return;
	uint32_t locals = local_count(state->local);
	set_words(mine, state->local, state->shared);
	CHECK_EQ(variant_resurrect_end(mine), state->references == 1);
	if (state->references == UINT32_MAX) CHECK_WORDS(mine, state->local, state->shared);
	else if (locals > 1) CHECK_WORDS(mine, state->local - 1, state->shared);
	else CHECK_WORDS(mine, 0, after_merge(state, -1));
}

static void the_end_takes_that_reference_back_and_tells_of_the_last(void) { try_all_states(check_end); }

static void drop(void) // abroad
{
	tally_token token = attached();
	tally_decref(mine);
	CHECK_EQ(tally_thread_detach(token), 0);
}

static void *run_drop(void *unused)
{
	(void)unused;
	drop();
	return NULL;
}

// Others have been given references and have dropped them meanwhile: the queue has one of the object's.
static void what_is_queued_by_its_end_lives_until_the_queue_is_drained(void)
{
	set_words(mine, my_tag, COUNT_PLAIN);
	variant_resurrect(mine);
	tally_incref(mine); // for the other
	tally_incref(mine); // for the test
	pthread_join(spawn(run_drop, NULL), NULL);
	CHECK_WORDS(mine, my_tag | 3, words(0, COUNT_QUEUED));
	CHECK(!variant_resurrect_end(mine));
	CHECK_WORDS(mine, my_tag | 2, words(0, COUNT_QUEUED));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_WORDS(mine, 0, words(1, COUNT_MERGED));
	set_words(mine, my_tag | 1, words(1, COUNT_QUEUED)); // and when the owner has no other
	CHECK(!variant_resurrect_end(mine));
	CHECK_WORDS(mine, 0, words(1, COUNT_MERGED));
}

int main(void)
{
	fixture_begin(60);
	tap_before_each(begin);
	tap_after_each(end);
	TAP_RUN(the_count_is_that_of_both_words);
	TAP_RUN(what_is_held_has_one_reference_more_and_no_owner);
	TAP_RUN(a_drop_takes_one_reference_and_tells_of_the_last);
	TAP_RUN(drops_one_by_one_end_with_the_last);
	TAP_RUN(what_is_void_is_free_whatever_it_was);
	TAP_RUN(an_immortal_object_is_left_alone);
	TAP_RUN(the_dead_come_back_with_one_reference);
	TAP_RUN(the_end_takes_that_reference_back_and_tells_of_the_last);
	TAP_RUN(what_is_queued_by_its_end_lives_until_the_queue_is_drained);
	return tap_end();
}
