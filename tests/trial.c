// tests/trial.c: trial deletion as a whole, on graphs made by hand and at random: I1 of core/trial.c.
//
// A graph is made with automatic collection off; then the world is stopped, trial deletion runs, nothing is freed, and the world
// goes on. tests/subtract.c, tests/mark.c and tests/mark_shared.c look at its passes.
#include "nodes.h"
#include "trial.h"
#include "variant.h"

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

static bool is_trash(tally_object *object) { return tally_candidate_has(set.trash, tally_candidate_number(object)); }
static unsigned residue(tally_object *object) { return set.residue[tally_candidate_number(object)]; }

static unsigned count_bits(const uint64_t *bits)
{
	unsigned count = 0;
	for (uint64_t word = 1; word < set.words; word++) count += (unsigned)__builtin_popcountll(bits[word]);
	return count;
}

// The queue is empty, and all that is not marked is trash.
static void check_mark_has_ended(void)
{
	CHECK_EQ(set.head, set.tail);
	for (uint64_t word = 0; word < set.words; word++) {
		if (!CHECK_EQ(set.scanned[word], set.marked[word]) || !CHECK_EQ(set.queued[word], 0)) break;
		if (word && !CHECK_EQ(set.trash[word], set.member[word] & ~set.marked[word])) break;
	}
}

static void mark_all(void)
{
	CHECK_EQ(tally_trial_mark(&set), 0);
	check_mark_has_ended();
}

static void judge(int generation)
{
	stop(generation);
	tally_trial_subtract(&set, generation);
	mark_all();
}

static tally_object *list_of(tally_object *a, tally_object *b)
{
	tally_object *list = must(tally_list_new());
	if (a) push(list, a);
	if (b) push(list, b);
	return list;
}

static void take(tally_object *object, unsigned references)
{
	for (unsigned i = 0; i < references; i++) tally_incref(object);
}

static void give_up(tally_object *object, unsigned references)
{
	for (unsigned i = 0; i < references; i++) tally_decref(object);
}

// ---- graphs at random, beside a plain search ----

enum { OBJECTS = 1200, EDGES = 3 * OBJECTS };
static tally_object *object[OBJECTS];
static unsigned outside[OBJECTS], from[EDGES], to[EDGES], edges;
static bool lives[OBJECTS];

static void note(unsigned a, unsigned b) { from[edges] = a, to[edges++] = b; }

static void connect(unsigned a, unsigned b)
{
	unsigned layout = tally_page_of(object[a])->layout, link = 1 + edges % (NODE_LINKS - 1);
	if (layout == TALLY_LAYOUT_POINTERS || edges == EDGES) return;
	if (layout == TALLY_LAYOUT_CALLBACK && node_of(object[a])->link[link]) return;
	tally_object *key = counted(edges);
	if (layout == TALLY_LAYOUT_ARRAY) push(object[a], object[b]);
	else if (layout == TALLY_LAYOUT_ENTRIES) put(object[a], key, object[b]);
	else node_link(object[a], (int)link, object[b]);
	tally_decref(key);
	note(a, b);
}

// Every object is part of a cycle of its own, so that none dies before the mark; a tuple's goes through the list before it.
static void make_graph(uint64_t *state, unsigned share)
{
	tally_object *type = node_type(NODE_PLAIN);
	edges = 0;
	for (unsigned i = 0; i < OBJECTS; i++) {
		unsigned kind = i % 4;
		object[i] = kind == 0   ? must(tally_list_new())
		            : kind == 1 ? must(tally_tuple_new(&object[i - 1], 1))
		            : kind == 2 ? must(tally_dict_new())
		                        : node_new(type, (int)i);
		if (kind == 1) note(i, i - 1), connect(i - 1, i);
		else if (kind == 3) node_link(object[i], 0, object[i]), note(i, i);
		else connect(i, i);
	}
	for (unsigned i = below(state, EDGES); i > 0; i--) connect(below(state, OBJECTS), below(state, OBJECTS));
	for (unsigned i = 0; i < OBJECTS; i++) {
		outside[i] = below(state, 100) < share ? 1 + below(state, 3) : 0;
		lives[i] = outside[i] > 0;
		take(object[i], outside[i]);
		tally_decref(object[i]);
	}
	for (bool any = true; any;) {
		any = false;
		for (unsigned i = 0; i < edges; i++)
			if (lives[from[i]] && !lives[to[i]]) lives[to[i]] = any = true;
	}
}

static void graphs_at_random_are_judged_as_a_plain_search_judges_them(void)
{
	static const unsigned shares[] = {0, 1, 2, 5, 20, 60, 95, 100}; // in percent: sparse words, then dense ones
	uint64_t state = fixture_seed(1);
	for (int round = tap_scale(80); round > 0; round--) {
		unsigned trash = 0;
		make_graph(&state, shares[round % 8]);
		judge(0);
		for (unsigned i = 0; i < OBJECTS; i++) {
			if (!CHECK_EQ(residue(object[i]), outside[i]) || !CHECK_EQ(is_trash(object[i]), !lives[i])) break;
			trash += !lives[i];
		}
		CHECK_EQ(count_bits(set.trash), trash);
		go();
		for (unsigned i = 0; i < OBJECTS; i++) give_up(object[i], outside[i]);
		CHECK_EQ(tally_gc_collect(2), OBJECTS);
	}
}

static void an_immortal_object_is_a_root(void)
{
	tally_object *held = list_in_itself(), *immortal = list_of(held, NULL), *cycle = list_in_itself();
	for (unsigned i = 0; i < 255; i++) push(cycle, immortal); // as if none were from elsewhere
	CHECK_EQ(tally_immortalize(immortal), 0);
	tally_decref(held);
	tally_decref(cycle);
	stop(0);
	tally_trial_subtract(&set, 0);
	CHECK_EQ(residue(immortal), 0);
	if (tally_heap_fail(1, true)) tally_error_clear(); // this build has no faults on demand
	mark_all();                                        // there is no doubt, so no memory is needed
	if (tally_heap_fail(0, false)) tally_error_clear();
	CHECK(!is_trash(immortal) && !is_trash(held) && is_trash(cycle));
	go();
	CHECK_EQ(tally_list_clear(immortal), 0);
	CHECK_EQ(tally_gc_collect(2), 2);
}

// ---- recount ----

// `inside` references to an object from one that is trash, `outside` from elsewhere; it refers to one more.
static void check_heavy(unsigned inside, unsigned from_outside)
{
	tally_object *held = must(tally_list_new()), *heavy = list_of(held, NULL), *holder = list_in_itself();
	for (unsigned i = 0; i < inside; i++) push(holder, heavy);
	push(heavy, heavy);
	take(heavy, from_outside);
	give_up(heavy, 1), give_up(held, 1), give_up(holder, 1);
	judge(0);
	CHECK_EQ(residue(heavy), from_outside % 256);
	CHECK_EQ(set.has_heavy, inside + from_outside + 1 > 255);
	CHECK_EQ(is_trash(heavy), from_outside == 0);
	CHECK_EQ(is_trash(held), from_outside == 0);
	CHECK(is_trash(holder));
	go();
	give_up(heavy, from_outside);
	CHECK_EQ(tally_gc_collect(2), 3);
}

static void any_number_of_references_is_judged_right(void)
{
	static const unsigned counts[] = {0, 1, 254, 255, 256, 257, 511, 512, 513, 65535, 65536, 65537};
	for (unsigned i = 0; i < 12; i++)
		for (unsigned k = 0; k < 12; k++) check_heavy(counts[i], counts[k]);
}

static void without_memory_for_a_recount_the_mark_fails_or_spares_what_is_held(void)
{
	tally_object *heavy = list_in_itself(), *held = list_of(heavy, heavy), *light = list_in_itself();
	for (unsigned i = 0; i < 300; i++) push(heavy, heavy);
	push(held, held);
	give_up(heavy, 1), give_up(held, 1), give_up(light, 1);
	if (tally_heap_fail(0, false)) {
		tally_error_clear(); // this build has no faults on demand
		CHECK_EQ(tally_gc_collect(0), 3);
		return;
	}
	stop(0);
	tally_trial_subtract(&set, 0);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_trial_mark(&set), -1);
	tally_trial_mark_held(&set);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	check_mark_has_ended();
	CHECK(!is_trash(heavy) && is_trash(held) && is_trash(light));
	go();
	CHECK_EQ(tally_gc_collect(0), 3);
}

// ---- members that the collector holds, and trash that calls back ----

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

static void a_reference_of_the_collectors_own_does_not_count(void)
{
	struct quartet four = quartet();
	tally_object *all[] = {four.tuple, four.list, four.dict, four.node};
	for (unsigned i = 0; i < 300; i++) push(four.list, four.node); // doubtful: it is counted anew
	for (unsigned i = 0; i < 4; i++) tally_decref(all[i]);
	for (unsigned back = 0; back <= 4; back++) { // one that somebody has brought back, and at last none
		judge(0);
		CHECK_EQ(count_bits(set.trash), 4);
		go();
		variant_world_stop();
		for (unsigned i = 0; i < 4; i++) variant_hold_stopped(all[i]);
		if (back < 4) variant_hold_stopped(all[back]);
		tally_candidates_of_objects(&set, all, 4);
		tally_trial_subtract_members(&set);
		tally_trial_mark_held(&set);
		check_mark_has_ended();
		for (unsigned i = 0; i < 4; i++) {
			CHECK_EQ(residue(all[i]), i == back);
			CHECK_EQ(is_trash(all[i]), back == 4); // they all refer to one another
		}
		go();
		for (unsigned i = 0; i < 4; i++) tally_decref(all[i]);
		if (back < 4) tally_decref(all[back]);
	}
	CHECK_EQ(tally_gc_collect(2), 4);
}

static void trash_that_calls_back_is_marked_with_all_that_it_leads_to(void)
{
	tally_object *type = node_type(NODE_PLAIN), *node = node_new(type, 1), *alive = list_in_itself();
	tally_object *beyond = list_of(alive, NULL), *within = list_of(beyond, NULL), *before = list_of(node, alive);
	node_link(node, 0, within), node_link(node, 1, node);
	push(before, before);
	tally_decref(node), tally_decref(beyond), tally_decref(within), tally_decref(before);
	judge(0);
	CHECK_EQ(count_bits(set.trash), 4);
	CHECK(tally_trial_mark_special(&set, false));
	tally_object *all[] = {node, within, beyond, before, alive};
	for (unsigned i = 0; i < 4; i++) {
		CHECK(is_trash(all[i]));
		CHECK_EQ(tally_candidate_has(set.marked, tally_candidate_number(all[i])), i < 3);
	}
	CHECK(!is_trash(alive));
	go();
	CHECK_EQ(tally_gc_collect(2), 4);
	tally_decref(list_in_itself());
	judge(0);
	CHECK_EQ(count_bits(set.trash), 1);
	CHECK(!tally_trial_mark_special(&set, false)); // there is none
	go();
	CHECK_EQ(tally_gc_collect(2), 1);
	tally_decref(alive);
	CHECK_EQ(tally_gc_collect(2), 1);
}

int main(void)
{
	nodes_begin(60);
	TAP_RUN(graphs_at_random_are_judged_as_a_plain_search_judges_them);
	TAP_RUN(an_immortal_object_is_a_root);
	TAP_RUN(any_number_of_references_is_judged_right);
	TAP_RUN(without_memory_for_a_recount_the_mark_fails_or_spares_what_is_held);
	TAP_RUN(a_reference_of_the_collectors_own_does_not_count);
	TAP_RUN(trash_that_calls_back_is_marked_with_all_that_it_leads_to);
	return tap_end();
}
