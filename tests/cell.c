// tests/cell.c: cells: what is inside, by one thread and by several; I1 of core/cell.c.
#include "callables.h"

#include <tally/gc.h>

static void a_cell_holds_what_was_put_in_last(void)
{
	tally_object *one = must(tally_list_new()), *two = must(tally_list_new());
	tally_object *cell = must(tally_cell_new(one)), *found = NULL;
	CHECK_EQ(tally_refcount(one), 2);
	CHECK_EQ(tally_cell_get(cell, &found), 1);
	CHECK_PTR(found, one);
	tally_decref(found);
	CHECK_EQ(tally_cell_set(cell, two), 0);
	CHECK_EQ(tally_refcount(one), 1);
	CHECK_EQ(tally_cell_get(cell, &found), 1);
	CHECK_PTR(found, two);
	tally_object *all[] = {found, cell, one, two};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

static void a_cell_may_be_empty(void)
{
	tally_object *cell = must(tally_cell_new(NULL)), *found = cell, *list = must(tally_list_new());
	CHECK_EQ(tally_cell_get(cell, &found), 0);
	CHECK(!found);
	CHECK_EQ(tally_cell_set(cell, list), 0);
	CHECK_EQ(tally_cell_set(cell, NULL), 0);
	CHECK_EQ(tally_refcount(list), 1);
	CHECK_EQ(tally_cell_get(cell, &found), 0);
	CHECK_EQ(tally_cell_set(cell, NULL), 0);
	tally_decref(cell);
	tally_decref(list);
}

static void a_cell_equals_itself_only_and_is_hashable(void)
{
	tally_object *one = must(tally_cell_new(tally_none())), *two = must(tally_cell_new(tally_none()));
	uint64_t hash = 0, again = 1;
	CHECK(tally_is_cell(one));
	CHECK(!tally_is_cell(tally_none()));
	CHECK(!tally_is_cell(NULL));
	CHECK_STR(tally_type_name(one), "cell");
	CHECK_EQ(tally_equal(one, one), 1);
	CHECK_EQ(tally_equal(one, two), 0);
	CHECK_EQ(tally_hash(one, &hash), 0);
	CHECK_EQ(tally_hash(one, &again), 0);
	CHECK_EQ(hash, again);
	tally_decref(one);
	tally_decref(two);
}

static void what_is_no_cell_is_refused(void)
{
	tally_object *found = NULL;
	CHECK_EQ(tally_cell_get(tally_none(), &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "cell_get: expected a cell, got a 'none'");
	CHECK_EQ(tally_cell_set(NULL, tally_none()), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "cell_set: expected a cell, got NULL");
}

static bool make_cell(void)
{
	tally_object *cell = tally_cell_new(tally_none());
	tally_decref(cell);
	return cell;
}

static void without_memory_there_is_no_cell_and_what_is_there_works(void)
{
	tally_object *cell = must(tally_cell_new(NULL)), *list = must(tally_list_new()), *found = NULL;
	fail_each_allocation(make_cell, "cell_new");
	if (faults_are_offered()) {
		CHECK_EQ(tally_heap_fail(1, true), 0);
		CHECK_EQ(tally_cell_set(cell, list), 0);
		CHECK_EQ(tally_cell_get(cell, &found), 1);
		CHECK_EQ(tally_heap_fail(0, false), 0);
	}
	tally_object *all[] = {cell, list, found};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

// ---- giving up ----

static tally_object *cell_of_refill;

static void refill(void *payload, void *context)
{
	tally_object *found = NULL, *other = integer(1234);
	(void)payload;
	++*(int *)context;
	CHECK_EQ(tally_cell_get(cell_of_refill, &found), 0);
	CHECK_EQ(tally_cell_set(cell_of_refill, other), 0);
	tally_decref(other);
}

static void what_was_inside_dies_when_the_cell_is_free_again(void)
{
	int calls = 0;
	tally_object *found = NULL;
	tally_host_type description = {.size = sizeof description, .name = "refill", .dealloc = refill, .context = &calls};
	tally_object *last = must(tally_host_new(must(tally_host_type_new(&description))));
	cell_of_refill = must(tally_cell_new(last));
	tally_decref(last);
	CHECK_EQ(tally_cell_set(cell_of_refill, NULL), 0);
	CHECK_EQ(calls, 1);
	CHECK_EQ(tally_cell_get(cell_of_refill, &found), 1);
	CHECK_EQ(take_value(found), 1234);
	tally_decref(cell_of_refill);
}

static void a_chain_of_a_million_cells_dies_and_one_in_a_cycle_is_collected(void)
{
	const int length = tap_scale(1000000);
	tally_object *chain = must(tally_cell_new(NULL)), *itself = must(tally_cell_new(NULL));
	for (int i = 0; i < length; i++) {
		tally_object *next = must(tally_cell_new(chain));
		tally_decref(chain);
		chain = next;
	}
	tally_decref(chain);
	CHECK_EQ(fixture_live_objects(), 1);
	CHECK_EQ(tally_cell_set(itself, itself), 0);
	tally_decref(itself);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

// The collector has to break this cycle by clearing: a host object's code is to run.
static void a_cell_in_a_cycle_with_a_host_object_is_cleared(void)
{
	tally_object *type = fixture_probe_type(), *cell = must(tally_cell_new(NULL)), *list = must(tally_list_new());
	tally_object *member = probe(type, 0);
	CHECK_EQ(tally_list_append(list, cell), 0);
	CHECK_EQ(tally_list_append(list, member), 0);
	CHECK_EQ(tally_cell_set(cell, list), 0);
	tally_object *all[] = {cell, list, member};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	CHECK_EQ(tally_gc_collect(2), 2);
	check_died_in_order(1);
}

struct holder {
	tally_object *held;
};

static void visit_held(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct holder *)payload)->held, visit_context);
}

static void drop_held(void *payload, void *context)
{
	struct holder *holder = payload;
	tally_object *held = holder->held;
	(void)context;
	holder->held = NULL;
	tally_decref(held);
}

// The holder does not say how to break it, so the cell must.
static void a_cycle_that_only_the_cell_can_break_is_broken(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "holder",
		.payload_size = sizeof(struct holder),
		.dealloc = drop_held,
		.traverse = visit_held,
	};
	tally_object *type = must(tally_host_type_new(&description)), *holder = must(tally_host_new(type));
	tally_object *cell = must(tally_cell_new(holder));
	((struct holder *)tally_host_payload(holder, type))->held = cell;
	tally_decref(holder);
	CHECK_EQ(tally_gc_collect(2), 2);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- threads ----

static tally_object *shared_cell;

enum { VALUES = 8 };
static tally_object *shared_values[VALUES];

static bool is_a_value(tally_object *object)
{
	for (int i = 0; i < VALUES; i++)
		if (object == shared_values[i]) return true;
	return false;
}

static void read_write_compare_and_show(void *unused, unsigned number)
{
	uint64_t random = fixture_seed(number);
	tally_object *found, *shown;
	(void)unused;
	for (int i = 0; i < tap_scale(20000); i++) switch (below(&random, 5)) {
		case 0: CHECK_EQ(tally_cell_set(shared_cell, shared_values[below(&random, VALUES)]), 0); break;
		case 1: CHECK_EQ(tally_cell_set(shared_cell, NULL), 0); break;
		case 2: CHECK_EQ(tally_equal(shared_cell, number ? shared_cell : shared_values[0]), number != 0); break;
		case 3:
			shown = must(tally_repr(shared_cell));
			CHECK(strncmp(tally_str_utf8(shown, NULL), "<cell at 0x", 11) == 0);
			tally_decref(shown);
			break;
		default:
			if (tally_cell_get(shared_cell, &found) == 1) CHECK(is_a_value(found));
			tally_decref(found);
			break;
		}
}

static void two_threads_read_write_compare_and_show_one_cell(void)
{
	shared_cell = must(tally_cell_new(NULL));
	for (int i = 0; i < VALUES; i++) shared_values[i] = must(tally_list_new());
	run_threads(2, read_write_compare_and_show, NULL);
	CHECK_EQ(tally_cell_set(shared_cell, NULL), 0);
	tally_safepoint();
	for (int i = 0; i < VALUES; i++) {
		CHECK_EQ(tally_refcount(shared_values[i]), 1);
		tally_decref(shared_values[i]);
	}
	tally_decref(shared_cell);
}

// Each thread stores fresh objects only: every one of them dies exactly once.
static void store_fresh_ones(void *type, unsigned number)
{
	for (int i = 0; i < tap_scale(5000); i++) {
		tally_object *fresh = probe(type, (int)number);
		CHECK_EQ(tally_cell_set(shared_cell, fresh), 0);
		tally_decref(fresh);
	}
}

static void what_threads_put_in_one_after_the_other_dies_once(void)
{
	tally_object *type = fixture_probe_type();
	shared_cell = must(tally_cell_new(NULL));
	run_threads(4, store_fresh_ones, type);
	tally_decref(shared_cell);
	tally_safepoint();
	CHECK_EQ(atomic_load(&fixture_dead), 4 * tap_scale(5000));
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_cell_holds_what_was_put_in_last);
	TAP_RUN(a_cell_may_be_empty);
	TAP_RUN(a_cell_equals_itself_only_and_is_hashable);
	TAP_RUN(what_is_no_cell_is_refused);
	TAP_RUN(without_memory_there_is_no_cell_and_what_is_there_works);
	TAP_RUN(what_was_inside_dies_when_the_cell_is_free_again);
	TAP_RUN(a_chain_of_a_million_cells_dies_and_one_in_a_cycle_is_collected);
	TAP_RUN(a_cell_in_a_cycle_with_a_host_object_is_cleared);
	TAP_RUN(a_cycle_that_only_the_cell_can_break_is_broken);
	TAP_RUN(two_threads_read_write_compare_and_show_one_cell);
	TAP_RUN(what_threads_put_in_one_after_the_other_dies_once);
	return tap_end();
}
