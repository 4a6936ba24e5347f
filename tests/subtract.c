// tests/subtract.c: the first pass of trial deletion: who is a candidate, and its residue: I1 of core/subtract.c.
//
// The source is included, so that its parts can be called.
#include "nodes.h"

#include "../core/subtract.c"

static struct tally_candidates set;

static void stop(int generation)
{
	variant_world_stop();
	if (tally_candidates_of_generation(&set, generation)) tap_bail_out("no memory");
}

static void go(void)
{
	tally_candidates_release(&set);
	variant_world_start();
}

static bool is_member(tally_object *object) { return tally_candidate_has(set.member, tally_candidate_number(object)); }
static unsigned residue(tally_object *object) { return set.residue[tally_candidate_number(object)]; }

static unsigned count_members(void)
{
	unsigned count = 0;
	for (uint64_t word = 1; word < set.words; word++) count += (unsigned)__builtin_popcountll(set.member[word]);
	return count;
}

static void take(tally_object *object, unsigned references)
{
	for (unsigned i = 0; i < references; i++) tally_incref(object);
}

static void give_up(tally_object *object, unsigned references)
{
	for (unsigned i = 0; i < references; i++) tally_decref(object);
}

// A tuple, a list, a dict and a node that refer to one another; all four layouts.
struct quartet {
	tally_object *tuple, *list, *dict, *node;
};

static struct quartet quartet(void)
{
	struct quartet new = {.list = must(tally_list_new()), .dict = must(tally_dict_new()), .node = node_new(node_type(NODE_PLAIN), 1)};
	tally_object *key = text("key"), *gone = text("gone");
	new.tuple = must(tally_tuple_new((tally_object *[]){new.list, new.dict, new.list}, 3));
	push(new.list, new.dict), push(new.list, new.list), push(new.list, tally_none());
	put(new.dict, key, new.node), put(new.dict, gone, new.list), put(new.dict, new.node, new.tuple);
	CHECK_EQ(tally_dict_pop(new.dict, gone, NULL), 1);
	node_link(new.node, 1, new.tuple), node_link(new.node, 3, new.node);
	tally_decref(key);
	tally_decref(gone);
	return new;
}

static void i1_the_residue_is_the_number_of_references_from_outside(void)
{
	struct quartet four = quartet();
	tally_object *all[] = {four.tuple, four.list, four.dict, four.node};
	for (unsigned i = 0; i < 4; i++) take(all[i], i * 60);
	stop(0);
	tally_trial_subtract(&set, 0);
	CHECK_EQ(count_members(), 4);
	for (unsigned i = 0; i < 4; i++) {
		CHECK(is_member(all[i]));
		CHECK_EQ(residue(all[i]), 1 + i * 60);
	}
	CHECK(!set.has_heavy);
	go();
	for (unsigned i = 0; i < 4; i++) give_up(all[i], 1 + i * 60);
	stop(0);
	tally_trial_subtract(&set, 0);
	for (unsigned i = 0; i < 4; i++) CHECK_EQ(residue(all[i]), 0);
	go();
	CHECK_EQ(tally_gc_collect(2), 4);
}

// A count of more than 255 makes a residue that wraps, and the set knows of it.
static void heavy_objects_are_noted(void)
{
	static const unsigned counts[] = {1, 254, 255, 256, 257, 1000};
	for (unsigned i = 0; i < 6; i++) {
		tally_object *list = must(tally_list_new());
		take(list, counts[i] - 1);
		stop(0);
		tally_trial_subtract(&set, 0);
		CHECK_EQ(residue(list), counts[i] % 256);
		CHECK_EQ(set.has_heavy, counts[i] > 255);
		go();
		give_up(list, counts[i]);
	}
}

static void only_members_are_looked_at_when_the_set_has_them_already(void)
{
	tally_object *all[10];
	for (unsigned i = 0; i < 10; i++) all[i] = list_in_itself();
	stop(0);
	go();
	variant_world_stop();
	tally_candidates_of_objects(&set, all + 3, 4);
	tally_trial_subtract_members(&set);
	CHECK_EQ(count_members(), 4);
	for (unsigned i = 0; i < 10; i++) {
		CHECK_EQ(is_member(all[i]), i >= 3 && i < 7);
		CHECK_EQ(residue(all[i]), 0); // this test's reference is what the collector's would be
	}
	go();
	for (unsigned i = 0; i < 10; i++) tally_decref(all[i]);
	CHECK_EQ(tally_gc_collect(2), 10);
}

static void members_are_the_living_of_the_generation_and_younger(void)
{
	static const char *const expected[] = {"nny", "nyy", "yyy"}; // young last; whom each generation examines
	tally_object *aged[3];
	aged[0] = must(tally_list_new());
	CHECK_EQ(tally_gc_collect(1), 0);
	aged[1] = must(tally_list_new());
	CHECK_EQ(tally_gc_collect(0), 0);
	aged[2] = must(tally_list_new());
	tally_decref(must(tally_list_new())); // dead, between the living
	for (int generation = 0; generation < 3; generation++) {
		stop(generation);
		tally_trial_subtract(&set, generation);
		for (unsigned i = 0; i < 3; i++) CHECK_EQ(is_member(aged[i]), expected[i][generation] == 'y');
		CHECK_EQ(count_members(), 1 + generation);
		go();
	}
	for (unsigned i = 0; i < 3; i++) tally_decref(aged[i]);
}

// On full pages and on one that is not: what lies beyond the last block is no block, whatever it holds.
static void every_block_that_lives_is_a_member_and_nothing_beyond(void)
{
	enum { MOST = 5000 };
	static tally_object *all[MOST];
	tally_object *items[7] = {tally_none(), tally_none(), tally_none(), tally_none(), tally_none(), tally_none(), tally_none()};
	for (unsigned size = 0; size <= 7; size++) {
		for (unsigned i = 0; i < MOST; i++) all[i] = must(size ? tally_tuple_new(items, size) : tally_list_new());
		stop(0);
		tally_trial_subtract(&set, 0);
		CHECK_EQ(count_members(), MOST);
		for (unsigned i = 0; i < MOST; i++)
			if (!CHECK(is_member(all[i]) && residue(all[i]) == 1)) break;
		go();
		for (unsigned i = 0; i < MOST; i++) tally_decref(all[i]);
	}
}

int main(void)
{
	nodes_begin(60);
	TAP_RUN(i1_the_residue_is_the_number_of_references_from_outside);
	TAP_RUN(heavy_objects_are_noted);
	TAP_RUN(only_members_are_looked_at_when_the_set_has_them_already);
	TAP_RUN(every_block_that_lives_is_a_member_and_nothing_beyond);
	TAP_RUN(members_are_the_living_of_the_generation_and_younger);
	return tap_end();
}
