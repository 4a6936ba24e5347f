// tests/budget.c: what an automatic collection of generation 0 or 1 examines with a budget, and what becomes of the rest.
//
// Ages are looked at in the tables of the arenas. A random graph is compared with a plain search: what can be reached from the
// test's references must never die, whatever has been passed over, and what cannot must be gone after a full collection.
#include "nodes.h"
#include "candidates.h"
#include "heap.h"
#include "trial.h"
#include "variant.h"

#include <tally/gcwatch.h>

enum { FEW = 1, NEVER = 1000000000 };

static uint64_t cursor;

// ---- collections ----

static struct tally_gc_collection last_one(void)
{
	struct tally_gc_collection collection = {.number = 0};
	while (tally_gc_history_read(&cursor, &collection, 1, NULL))
		;
	return collection;
}

// Garbage, until a collection would be due.
static void make_it_due(void)
{
	for (tally_young_rewatch(tally_self.heap); tally_young_count() <= FEW; tally_young_rewatch(tally_self.heap))
		drop_lists_in_themselves(1);
}

// Lets the young be collected automatically, or the middle-aged with them; returns what that was like.
static struct tally_gc_collection collect_within(uint64_t budget, int generation)
{
	tally_gc_set_budget(budget);
	tally_gc_set_byte_threshold(0);
	set_thresholds(FEW, generation ? 0 : NEVER, NEVER);
	uint64_t before = collections();
	tally_gc_enable();
	tally_safepoint();
	tally_gc_disable();
	CHECK_EQ(collections(), before + 1);
	struct tally_gc_collection collection = last_one();
	CHECK(collection.is_automatic);
	CHECK_EQ(collection.generation, generation);
	if (budget) CHECK(collection.visited <= budget);
	return collection;
}

static void start(void)
{
	nodes_start();
	cursor = 0;
}

// ---- ages ----

static bool has_bit(uint64_t (*table)[TALLY_BIT_WORDS], const struct tally_object *object)
{
	const struct tally_page *page = tally_page_of(object);
	unsigned index = tally_block_index(page, object);
	return table[tally_page_index(page)][index / 64] >> index % 64 & 1;
}

static int age_of(const struct tally_object *object)
{
	struct tally_arena *arena = tally_arena_of(object);
	return has_bit(arena->old, object) ? 2 : has_bit(arena->middle, object) ? 1 : 0;
}

struct ages {
	uint64_t living[TALLY_GC_GENERATIONS]; // of each age
	uint64_t aged_free;                    // blocks that are free and not young
};

static int add_page(struct tally_page *page, void *context)
{
	struct ages *ages = context;
	if (!tally_page_takes_part(page)) return 0;
	for (unsigned i = 0; i < tally_page_filled(page); i++) {
		const struct tally_object *object = tally_block_at(page, i);
		int age = age_of(object);
		if (variant_count_stopped(object)) ages->living[age]++;
		else ages->aged_free += age > 0;
	}
	return 0;
}

static struct ages all_ages(void)
{
	struct ages ages = {.aged_free = 0};
	variant_world_stop();
	tally_pages_each(add_page, &ages);
	variant_world_start();
	return ages;
}

// ---- bounds ----

// Half of them are garbage.
static tally_object *make_lists(unsigned count)
{
	tally_object *holder = must(tally_list_new());
	for (unsigned i = 0; i < count / 2; i++) {
		push_own(holder, list_in_itself());
		tally_decref(list_in_itself());
	}
	return holder;
}

static void no_more_objects_are_examined_than_the_budget_allows(void)
{
	static const uint64_t budgets[] = {1, 2, 63, 64, 65, 1000, 1638, 3000};
	for (unsigned i = 0; i < sizeof budgets / sizeof *budgets; i++) {
		unsigned count = 10 * (unsigned)budgets[i];
		tally_object *holder = make_lists(count);
		struct tally_gc_collection collection = collect_within(budgets[i], 0);
		CHECK(collection.visited <= budgets[i]);
		CHECK(collection.visited >= budgets[i] / 2 || collection.promoted > 0);
		CHECK_EQ(collection.visited + collection.promoted, count + 1);
		tally_decref(holder);
		CHECK_EQ(tally_gc_collect(2) + (int64_t)collection.collected, count);
	}
}

static void no_more_references_are_followed_than_the_budget_allows(void)
{
	tally_object *items[10], *holder = must(tally_list_new());
	for (unsigned i = 0; i < 10; i++) items[i] = tally_none();
	for (unsigned i = 0; i < 2000; i++) {
		tally_object *list = must(tally_list_from(items, 9));
		push(list, list);
		push_own(holder, list);
	}
	struct tally_gc_collection collection = collect_within(1000, 0);
	CHECK_EQ(collection.visited, 100);
	CHECK_EQ(collection.promoted, 1901);
	tally_decref(holder);
	CHECK_EQ(tally_gc_collect(0), 0);
	CHECK_EQ(tally_gc_collect(1), 2000); // all are there now
}

static void a_budget_that_does_for_all_changes_nothing(void)
{
	tally_object *holder = make_lists(5000);
	struct tally_gc_collection collection = collect_within(30000, 0);
	CHECK_EQ(collection.visited, 5001);
	CHECK_EQ(collection.promoted, 0);
	CHECK_EQ(collection.collected, 2500);
	CHECK(collection.bytes >= 2500 * 40);
	tally_decref(holder);
	CHECK_EQ(tally_gc_collect(2), 2500);
}

static void none_is_no_bound(void)
{
	tally_object *holder = make_lists(50000);
	struct tally_gc_collection collection = collect_within(0, 0);
	CHECK_EQ(collection.visited, 50001);
	CHECK_EQ(collection.collected, 25000);
	tally_decref(holder);
	CHECK_EQ(tally_gc_collect(2), 25000);
}

static void what_is_asked_for_is_not_bounded(void)
{
	tally_object *holder = make_lists(5000);
	tally_gc_set_budget(10);
	for (int generation = 0; generation < 3; generation++) {
		CHECK_EQ(tally_gc_collect(generation), generation ? 0 : 2500);
		struct tally_gc_collection collection = last_one();
		CHECK(!collection.is_automatic);
		CHECK_EQ(collection.visited, generation ? 2501 : 5001);
		CHECK_EQ(collection.promoted, 0);
	}
	tally_decref(holder);
	CHECK_EQ(tally_gc_collect(2), 2500);
}

static void a_huge_list_is_passed_over_and_what_it_holds_lives(void)
{
	enum { ITEMS = 100000 };
	tally_object *huge = must(tally_list_new());
	for (unsigned i = 0; i < ITEMS; i++) push(huge, tally_none());
	for (unsigned i = 0; i < 100; i++) push_own(huge, list_in_itself());
	struct tally_gc_collection collection = collect_within(1000, 0);
	CHECK_EQ(collection.visited, 100);
	CHECK_EQ(collection.promoted, 1);
	CHECK_EQ(collection.collected, 0);
	CHECK_EQ(age_of(huge), 1);
	tally_decref(huge);
	CHECK_EQ(tally_gc_collect(2), 100);
}

// What is over the budget costs nothing: its pages are not numbered, and what it refers to is not looked at.
static void pages_over_the_budget_get_no_number_and_huge_lists_are_not_scanned(void)
{
	struct tally_candidates set;
	tally_object *huge = must(tally_list_new());
	for (unsigned i = 0; i < 20000; i++) push_own(huge, must(tally_list_new()));
	variant_world_stop();
	CHECK_EQ(tally_candidates_within(&set, 0, 100), 0);
	CHECK_EQ(set.pages, 1);
	tally_trial_subtract(&set, 0);
	uint32_t number = tally_candidate_number(huge); // the first of its page
	CHECK(number > 0 && tally_candidate_has(set.member, number));
	CHECK(tally_candidate_has(set.marked, number) && tally_candidate_has(set.scanned, number));
	CHECK_EQ(set.visited, 100);
	tally_candidates_release(&set);
	variant_world_start();
	tally_decref(huge);
}

// Nodes tell what they refer to only when they are asked.
static void what_hosts_refer_to_counts_too(void)
{
	enum { NODES = 1000 };
	tally_object *type = node_type(NODE_PLAIN), *holder = must(tally_list_new());
	for (int i = 0; i < NODES; i++) {
		tally_object *node = node_new(type, i);
		node_link(node, 0, node);
		push_own(holder, node);
	}
	tally_decref(type);
	struct tally_gc_collection collection = collect_within(400, 0); // four references each, NULL or not
	CHECK(collection.visited <= 400 / NODE_LINKS + 1);
	CHECK_EQ(collection.visited + collection.promoted, NODES + 1);
	tally_decref(holder);
	CHECK_EQ(tally_gc_collect(2), NODES);
}

// ---- ages ----

static void what_is_passed_over_is_older_and_nothing_that_is_free(void)
{
	enum { COUNT = 20000 };
	static tally_object *lists[COUNT];
	for (unsigned i = 0; i < COUNT; i++) lists[i] = must(tally_list_new());
	for (unsigned i = COUNT / 2; i < COUNT; i++) { // half of the pages are full, the others have holes
		if (i % 3) continue;
		tally_decref(lists[i]);
		lists[i] = NULL;
	}
	struct tally_gc_collection collection = collect_within(100, 0);
	struct ages ages = all_ages();
	CHECK_EQ(ages.aged_free, 0);
	CHECK_EQ(ages.living[0], 0);
	CHECK_EQ(ages.living[1], collection.visited + collection.promoted);
	tally_object *young = list_in_itself();
	CHECK_EQ(age_of(young), 0);
	tally_decref(young);
	CHECK_EQ(tally_gc_collect(0), 1);
	push_own(lists[0], list_in_itself());
	collection = collect_within(100, 1);
	ages = all_ages();
	CHECK(collection.promoted > 0);
	CHECK_EQ(ages.aged_free, 0);
	CHECK_EQ(ages.living[0] + ages.living[1], 0);
	for (unsigned i = 0; i < COUNT; i++) tally_decref(lists[i]);
	CHECK_EQ(tally_gc_collect(2), 1);
}

// Large blocks have pages of their own.
static void pages_of_one_block_are_passed_over(void)
{
	static tally_object *items[20000];
	tally_object *large[20];
	for (unsigned i = 0; i < sizeof items / sizeof *items; i++) items[i] = tally_none();
	items[0] = must(tally_list_new()); // else nothing would track the tuples
	for (unsigned i = 0; i < 20; i++) large[i] = must(tally_tuple_new(items, sizeof items / sizeof *items));
	struct tally_gc_collection collection = collect_within(10, 0);
	CHECK_EQ(collection.promoted, 20 + (collection.visited == 0));
	for (unsigned i = 0; i < 20; i++) CHECK_EQ(age_of(large[i]), 1);
	for (unsigned i = 0; i < 20; i++) tally_decref(large[i]);
	tally_decref(items[0]);
}

// Each collection takes what has been passed over with the generation where it is now, and all of it goes at last.
static void garbage_over_the_budget_goes_with_the_next_generation(void)
{
	drop_lists_in_themselves(10000);
	CHECK_EQ(collect_within(1000, 0).collected, 1000);
	drop_lists_in_themselves(1);
	CHECK_EQ(tally_gc_collect(0), 1);
	drop_lists_in_themselves(2);
	CHECK_EQ(collect_within(1000, 0).collected, 2); // the young count has begun anew, and so has generation 0
	drop_lists_in_themselves(2);
	struct tally_gc_collection collection = collect_within(1000, 1);
	CHECK_EQ(collection.collected, 1000);
	CHECK_EQ(collection.promoted, 10000 - 2000 + 2);
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_EQ(tally_gc_collect(2), 8002);
}

// ---- random graphs ----

enum { BOXES = 3000, LINKS = 6, NOBODY = -1 };

static struct {
	struct {
		tally_object *object;
		bool is_dict, is_held, is_reached;
		int links, to[LINKS];
	} box[BOXES];
	int boxes, stack[BOXES], depth;
	tally_object *tag_type;
	uint64_t random;
	int died[BOXES];
} world;

static unsigned roll(unsigned limit) { return below(&world.random, limit); }

static void tag_dies(void *payload, void *context)
{
	(void)context;
	world.died[*(int *)payload]++;
}

static tally_object *new_tag(int id)
{
	tally_object *tag = must(tally_host_new(world.tag_type));
	*(int *)tally_host_payload(tag, world.tag_type) = id;
	return tag;
}

static void store(int box, int key, tally_object *object)
{
	if (!world.box[box].is_dict) {
		push(world.box[box].object, object);
		return;
	}
	tally_object *number = integer(key);
	put(world.box[box].object, number, object);
	tally_decref(number);
}

static void new_box(void)
{
	if (world.boxes == BOXES) return;
	int id = world.boxes++;
	world.box[id].is_dict = roll(3) == 0;
	world.box[id].object = world.box[id].is_dict ? must(tally_dict_new()) : must(tally_list_new());
	world.box[id].is_held = true;
	tally_object *tag = new_tag(id);
	store(id, -1, tag);
	tally_decref(tag);
}

static void reach(int id)
{
	if (world.box[id].is_reached) return;
	world.box[id].is_reached = true;
	world.stack[world.depth++] = id;
}

static void reach_all(void)
{
	for (int i = 0; i < world.boxes; i++) world.box[i].is_reached = false;
	for (int i = 0; i < world.boxes; i++)
		if (world.box[i].is_held) reach(i);
	while (world.depth) {
		int id = world.stack[--world.depth];
		for (int i = 0; i < world.box[id].links; i++) reach(world.box[id].to[i]);
	}
}

// One that the test can reach, or NOBODY; `reach_all` has been called since the last drop.
static int pick(void)
{
	for (int tries = 0; tries < 20 && world.boxes; tries++) {
		int id = (int)roll((unsigned)world.boxes);
		if (world.box[id].is_reached || world.box[id].is_held) return id;
	}
	return NOBODY;
}

static void link_two(void)
{
	int from = pick(), to = pick();
	if (from == NOBODY || to == NOBODY || world.box[from].links == LINKS) return;
	world.box[from].to[world.box[from].links] = to;
	store(from, world.box[from].links++, world.box[to].object);
}

static void change_hold(void)
{
	int id = pick();
	if (id == NOBODY) return;
	if (world.box[id].is_held) tally_decref(world.box[id].object);
	else tally_incref(world.box[id].object);
	world.box[id].is_held = !world.box[id].is_held;
	reach_all();
}

static bool nothing_reachable_has_died(void)
{
	for (int id = 0; id < world.boxes; id++)
		if (!CHECK_EQ(world.died[id] && world.box[id].is_reached, 0)) return false;
	return true;
}

static bool everything_else_has(void)
{
	for (int id = 0; id < world.boxes; id++)
		if (!CHECK_EQ(world.died[id], !world.box[id].is_reached)) return false;
	return true;
}

static void collect_some(void)
{
	int generation = (int)roll(2);
	if (generation) CHECK(tally_gc_collect(0) >= 0); // or it is not the turn of generation 1
	make_it_due();
	collect_within(roll(2) ? 1 + roll(60) : 1 + roll(2000), generation);
}

static bool step(void)
{
	unsigned chance = roll(100);
	if (chance < 40) new_box();
	else if (chance < 85) link_two();
	else if (chance < 97) change_hold();
	else if (chance < 99) collect_some();
	else CHECK(tally_gc_collect(2) >= 0);
	reach_all();
	return nothing_reachable_has_died() && (chance < 99 || everything_else_has());
}

static void let_go_of_all(void)
{
	for (int id = 0; id < world.boxes; id++)
		if (world.box[id].is_held) tally_decref(world.box[id].object);
	CHECK(tally_gc_collect(2) >= 0);
	for (int id = 0; id < world.boxes; id++) CHECK_EQ(world.died[id], 1);
}

static void random_graph(uint64_t seed)
{
	memset(&world, 0, sizeof world);
	world.random = seed;
	tally_host_type tag = {.size = sizeof tag, .name = "tag", .payload_size = sizeof(int), .dealloc = tag_dies};
	world.tag_type = must(tally_host_type_new(&tag));
	for (int i = 0; i < 1500 && step(); i++)
		;
	CHECK_EQ(all_ages().aged_free, 0);
	let_go_of_all();
	tally_decref(world.tag_type);
}

static void random_graphs_lose_nothing_and_keep_nothing(void)
{
	uint64_t seed = fixture_seed(0);
	for (int i = 0; i < tap_scale(20); i++) random_graph(seed + (uint64_t)i);
}

int main(void)
{
	nodes_begin(120);
	tap_before_each(start);
	TAP_RUN(no_more_objects_are_examined_than_the_budget_allows);
	TAP_RUN(no_more_references_are_followed_than_the_budget_allows);
	TAP_RUN(a_budget_that_does_for_all_changes_nothing);
	TAP_RUN(none_is_no_bound);
	TAP_RUN(what_is_asked_for_is_not_bounded);
	TAP_RUN(a_huge_list_is_passed_over_and_what_it_holds_lives);
	TAP_RUN(pages_over_the_budget_get_no_number_and_huge_lists_are_not_scanned);
	TAP_RUN(what_hosts_refer_to_counts_too);
	TAP_RUN(what_is_passed_over_is_older_and_nothing_that_is_free);
	TAP_RUN(pages_of_one_block_are_passed_over);
	TAP_RUN(garbage_over_the_budget_goes_with_the_next_generation);
	TAP_RUN(random_graphs_lose_nothing_and_keep_nothing);
	return tap_end();
}
