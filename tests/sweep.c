// tests/sweep.c: what becomes of candidates, from the inside: ages of blocks, freed trash, pages that are trash as a whole;
// I1 to I3 of core/sweep.c.
//
// A collection is taken apart: stopped, trial and sweep as core/gc.c calls them, and then a look at the blocks before the world
// goes on. Where the parts do not matter, tally_gc_collect does it.
#include "sweep.h"
#include "list.h"
#include "nodes.h"
#include "object.h"
#include "poison.h"
#include "trial.h"
#include "turns.h"

static struct tally_candidates set;

enum age { YOUNG, MIDDLE, OLD };

static bool has_bit(const uint64_t *bits, unsigned index) { return bits[index / 64] >> index % 64 & 1; }

static enum age age_of(const void *block)
{
	const struct tally_page *page = tally_page_of(block);
	const struct tally_arena *arena = tally_arena_of(block);
	unsigned number = tally_page_index(page), index = tally_block_index(page, block);
	bool is_middle = has_bit(arena->middle[number], index), is_old = has_bit(arena->old[number], index);
	CHECK(!(is_middle && is_old));
	CHECK(page->has_aged || !(is_middle || is_old));
	return is_old ? OLD : is_middle ? MIDDLE : YOUNG;
}

static bool holds_middle_aged(const void *block)
{
	return has_bit(tally_arena_of(block)->has_middle, tally_page_number(block));
}

static bool is_dead(const struct tally_object *block)
{
	tally_show(block, sizeof *block);
	return variant_count_stopped(block) == 0 && !variant_is_alive(block);
}

// Stops the world and finds the trash.
static void find(int generation)
{
	variant_world_stop();
	CHECK_EQ(tally_candidates_of_generation(&set, generation), 0);
	tally_trial_subtract(&set, generation);
	CHECK_EQ(tally_trial_mark(&set), 0);
}

static tally_object *list_of(tally_object *item)
{
	tally_object *list = must(tally_list_new());
	push(list, item);
	return list;
}

// ---- ages ----

static void survivors_grow_older_by_one_generation_and_the_collected_ones_together(void)
{
	static const enum age after[3][3] = {{MIDDLE, MIDDLE, OLD}, {OLD, OLD, OLD}, {OLD, OLD, OLD}};
	for (int generation = 0; generation < 3; generation++) {
		tally_object *old = must(tally_list_new()), *middle, *young;
		CHECK_EQ(tally_gc_collect(2), 0);
		middle = must(tally_list_new());
		CHECK_EQ(tally_gc_collect(0), 0);
		young = must(tally_list_new());
		CHECK(age_of(young) == YOUNG && age_of(middle) == MIDDLE && age_of(old) == OLD);
		CHECK(holds_middle_aged(middle));
		find(generation);
		CHECK_EQ(tally_sweep_promote(&set, generation), 1 + generation);
		CHECK_EQ(tally_sweep_free(&set), 0);
		variant_world_start();
		tally_object *all[] = {young, middle, old};
		for (unsigned i = 0; i < 3; i++) CHECK_EQ(age_of(all[i]), after[generation][i]);
		CHECK_EQ(holds_middle_aged(young), generation == 0);
		for (unsigned i = 0; i < 3; i++) tally_decref(all[i]);
	}
}

static void trash_and_the_dead_do_not_age_and_large_objects_do(void)
{
	tally_object *trash = list_in_itself(), *dead = must(tally_list_new()), *items[2000];
	for (unsigned i = 0; i < 2000; i++) items[i] = tally_none();
	tally_object *lives = items[0] = must(tally_list_new()), *large = must(tally_tuple_new(items, 2000));
	tally_decref(trash);
	tally_decref(dead);
	find(0);
	CHECK_EQ(tally_sweep_promote(&set, 0), 2);
	CHECK_EQ(age_of(trash), YOUNG);
	CHECK_EQ(age_of(dead), YOUNG);
	CHECK_EQ(age_of(large), MIDDLE);
	CHECK_EQ(age_of(lives), MIDDLE);
	CHECK_EQ(tally_sweep_free(&set), 1);
	variant_world_start();
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_EQ(age_of(large), OLD);
	tally_decref(large);
	tally_decref(lives);
}

// Nothing is young on a page that no longer exists: its successors start anew.
static void a_page_that_comes_back_from_its_arena_has_no_ages(void)
{
	tally_object *list = must(tally_list_new()), *place = list;
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(age_of(list), OLD);
	tally_decref(list);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	for (unsigned size = 0; size < 20; size++) { // some page of these is the former one
		tally_object *items[20] = {NULL};
		for (unsigned i = 0; i < size; i++) items[i] = tally_none();
		tally_object *tuple = must(tally_tuple_new(items, size)), *second = must(tally_tuple_new(items, size));
		CHECK(age_of(tuple) == YOUNG && (tuple == second || age_of(second) == YOUNG));
		tally_decref(tuple);
		tally_decref(second);
	}
	CHECK(place != NULL);
}

// ---- a freed block has no age ----

// The block that comes from the free list next is the one freed last: a new list in the same place is young.
static void check_reused(const tally_object *place)
{
	CHECK_EQ(age_of(place), YOUNG);
	tally_object *next = must(tally_list_new());
	CHECK_PTR(next, place);
	CHECK_EQ(age_of(next), YOUNG);
	push(next, next);
	tally_decref(next);
	CHECK_EQ(tally_gc_collect(0), 1); // it is found while it is young
}

static void a_block_that_its_owner_frees_is_young_again(void)
{
	for (int generation = 0; generation < 3; generation++) {
		tally_object *neighbour = must(tally_list_new()), *list = must(tally_list_new());
		CHECK_EQ(tally_gc_collect(generation), 0);
		enum age age = age_of(neighbour);
		CHECK(age != YOUNG && age_of(list) == age);
		tally_decref(list);
		CHECK_EQ(age_of(neighbour), age);
		check_reused(list);
		tally_decref(neighbour);
	}
}

static void *drop_abroad(void *list)
{
	tally_token token = attached();
	tally_decref(list);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_block_that_another_thread_frees_is_young_again(void)
{
	tally_object *neighbour = must(tally_list_new()), *list = must(tally_list_new());
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK(age_of(neighbour) == OLD && age_of(list) == OLD);
	finish(spawn(drop_abroad, list));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(age_of(neighbour), OLD);
	check_reused(list);
	tally_decref(neighbour);
}

static void a_block_that_the_collector_frees_is_young_again(void)
{
	tally_object *neighbour = must(tally_list_new()), *list = list_in_itself();
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(age_of(list), OLD);
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(age_of(neighbour), OLD);
	check_reused(list);
	tally_decref(neighbour);
}

static void a_page_that_was_trash_as_a_whole_has_no_ages(void)
{
	enum { LISTS = 3000 };
	static tally_object *lists[LISTS];
	for (unsigned i = 0; i < LISTS; i++) lists[i] = list_in_itself();
	CHECK_EQ(tally_gc_collect(2), 0);
	for (unsigned i = 0; i < LISTS; i++) CHECK_EQ(age_of(lists[i]), OLD);
	for (unsigned i = 0; i < LISTS; i++) tally_decref(lists[i]);
	CHECK_EQ(tally_gc_collect(2), LISTS);
	for (unsigned i = 0; i < LISTS; i++) CHECK_EQ(age_of((lists[i] = list_in_itself())), YOUNG);
	for (unsigned i = 0; i < LISTS; i++) tally_decref(lists[i]);
	CHECK_EQ(tally_gc_collect(0), LISTS);
}

// ---- what freed blocks say: I2 ----

static void check_all_dead(const struct tally_page *page)
{
	for (unsigned i = 0; i < page->slots; i++) {
		struct tally_object *block = tally_block_at(page, i);
		if (!CHECK(is_dead(block) && !variant_try_incref(block))) break;
	}
}

enum { FULL = TALLY_PAGE_SIZE / sizeof(struct tally_list) };

// Lists on pages of their own, the last of which is current; the first `kept` of each hundred live. Returns how many these are.
static unsigned check_pages(tally_object **lists, unsigned count, unsigned kept)
{
	for (unsigned i = 0; i < count; i++) lists[i] = list_in_itself();
	struct tally_page *first = tally_page_of(lists[0]), *last = tally_page_of(lists[count - 1]);
	for (unsigned i = 0; i < count; i++)
		if (i % 100 >= kept) tally_decref(lists[i]);
	unsigned living = count / 100 * kept + (count % 100 < kept ? count % 100 : kept);
	find(0);
	CHECK_EQ(tally_sweep_promote(&set, 0), living);
	CHECK_EQ(tally_sweep_free(&set), count - living);
	for (unsigned i = 0; i < count; i++)
		if (!CHECK_EQ(is_dead(lists[i]), i % 100 >= kept)) break;
	if (!living) check_all_dead(first), check_all_dead(last);
	CHECK_EQ(last->state, TALLY_PAGE_CURRENT);
	if (first != last) CHECK_EQ(first->state, kept == 0 ? TALLY_PAGE_EMPTY : kept < 80 ? TALLY_PAGE_AVAILABLE : TALLY_PAGE_FULL);
	if (!living) CHECK(first->used == 0 && first->bump == first->base && !first->free && !last->free);
	variant_world_start();
	return living;
}

// Each round finds the pages that the one before has left; every block of them can be had again.
static void i2_freed_blocks_are_dead_and_their_pages_usable(void)
{
	enum { MOST = 3 * FULL + 10 };
	static const unsigned counts[] = {1, 100, FULL, FULL + 1, MOST}, shares[] = {0, 1, 50, 0, 99, 0};
	static tally_object *lists[MOST];
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 6; k++) {
			CHECK_EQ(tally_heap_trim(NULL), 0);
			unsigned living = check_pages(lists, counts[i], shares[k]);
			for (unsigned each = 0; each < counts[i]; each++)
				if (each % 100 < shares[k]) tally_decref(lists[each]);
			CHECK_EQ(tally_gc_collect(2), living);
			CHECK_EQ(fixture_live_objects(), 0);
		}
}

static void a_large_object_in_trash_goes_back_with_what_it_holds(void)
{
	static const size_t sizes[] = {2000, 100000, 9000000}; // the last beyond an arena
	for (unsigned i = 0; i < 3; i++) {
		tally_object *list = must(tally_list_new()), **items = malloc(sizes[i] * sizeof *items), *other = list_of(list);
		for (size_t k = 0; k < sizes[i]; k++) items[k] = k % 2 ? list : other;
		push_own(list, must(tally_tuple_new(items, sizes[i])));
		free(items);
		tally_decref(other);
		tally_decref(list);
		CHECK_EQ(tally_gc_collect(0), 3);
	}
}

// ---- what trash refers to: I1 and I3 ----

static void i1_each_reference_to_something_else_is_dropped_once(void)
{
	tally_object *leaf = counted(1 << 30), *container = must(tally_list_new()), *type = node_type(NODE_PLAIN), *node = node_new(type, 1);
	tally_object *trash[3] = {list_in_itself(), must(tally_dict_new()), NULL}, *key = text("key"), *all[] = {leaf, container, node};
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 10 * (i + 1); k++) push(trash[0], all[i]);
	put(trash[1], key, leaf), put(trash[1], node, container), put(trash[1], leaf, trash[1]);
	trash[2] = must(tally_tuple_new((tally_object *[]){trash[0], node, container, container}, 4));
	push(trash[0], trash[2]);
	CHECK(tally_refcount(leaf) == 13 && tally_refcount(container) == 24 && tally_refcount(node) == 33);
	for (unsigned i = 0; i < 3; i++) tally_decref(trash[i]);
	find(0);
	tally_sweep_promote(&set, 0);
	CHECK_EQ(tally_sweep_free(&set), 3);
	for (unsigned i = 0; i < 3; i++) CHECK_EQ(variant_count_stopped(all[i]), 1);
	CHECK_EQ(variant_count_stopped(key), 1);
	variant_world_start();
	CHECK(!tally_self.dying);
	for (unsigned i = 0; i < 3; i++) tally_decref(all[i]);
	tally_decref(key);
}

// An old list and objects of the host's die of the death of young trash; so do leaves, whose blocks are free at once.
static void i3_leaves_die_at_once_and_whatever_has_more_to_give_up_joins_the_dying(void)
{
	tally_object *type = fixture_probe_type(), *inner = counted(1 << 30), *old = list_of(inner), *leaf = text("leaf");
	tally_decref(inner);
	CHECK_EQ(tally_gc_collect(2), 0);
	tally_object *host = probe(type, 0), *final = node_new(node_type(NODE_FINALIZE), 1), *trash = list_in_itself();
	push_own(trash, old), push_own(trash, leaf), push_own(trash, host), push_own(trash, final);
	struct tally_page *leaves = tally_page_of(leaf);
	int used = leaves->used;
	tally_decref(trash);
	find(0);
	tally_sweep_promote(&set, 0);
	CHECK_EQ(tally_sweep_free(&set), 1);
	CHECK(is_dead(trash) && is_dead(leaf) && is_dead(old) && is_dead(host) && is_dead(final) && !is_dead(inner));
	CHECK_EQ(tally_load(&leaf->local, relaxed), 0); // free
	CHECK_EQ(leaves->used, used - 1);
	CHECK_EQ(tally_load(&old->local, relaxed), TALLY_TYPE_LIST); // dying
	CHECK_PTR(tally_self.dying, final);
	CHECK_EQ(tally_threads_dying(), 3);
	variant_world_start();
	CHECK(atomic_load(&fixture_dead) == 0 && atomic_load(&node_total.finalize) == 0);
	tally_bury();
	check_died_in_order(1);
	CHECK_EQ(atomic_load(&node_total.finalize), 1);
	CHECK(is_dead(inner) && !tally_self.dying);
}

int main(void)
{
	nodes_begin(60);
	TAP_RUN(survivors_grow_older_by_one_generation_and_the_collected_ones_together);
	TAP_RUN(trash_and_the_dead_do_not_age_and_large_objects_do);
	TAP_RUN(a_page_that_comes_back_from_its_arena_has_no_ages);
	TAP_RUN(a_block_that_its_owner_frees_is_young_again);
	TAP_RUN(a_block_that_another_thread_frees_is_young_again);
	TAP_RUN(a_block_that_the_collector_frees_is_young_again);
	TAP_RUN(a_page_that_was_trash_as_a_whole_has_no_ages);
	TAP_RUN(i2_freed_blocks_are_dead_and_their_pages_usable);
	TAP_RUN(a_large_object_in_trash_goes_back_with_what_it_holds);
	TAP_RUN(i1_each_reference_to_something_else_is_dropped_once);
	TAP_RUN(i3_leaves_die_at_once_and_whatever_has_more_to_give_up_joins_the_dying);
	return tap_end();
}
