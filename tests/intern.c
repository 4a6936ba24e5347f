// tests/intern.c: interned strings: one object for equal texts, let go by full collections when nobody else has them.
#include "results.h"

#include <tally/gc.h>

static tally_object *numbered(int64_t number)
{
	char name[32];
	snprintf(name, sizeof name, "name %lld", (long long)number);
	return text(name);
}

// Interns a new string of that text.
static tally_object *interned(int64_t number)
{
	tally_object *string = numbered(number), *kept = tally_str_intern(string);
	CHECK(kept);
	tally_decref(string);
	return kept;
}

// At the end of a test: nothing may be left of the table.
static void collect_names(void) { CHECK(tally_gc_collect(2) >= 0); }

static void equal_texts_become_one_object(void)
{
	tally_object *first = text("name"), *second = text("name"), *other = text("other"), *empty = text("");
	tally_object *a = tally_str_intern(first), *b = tally_str_intern(second), *c = tally_str_intern(other), *d = tally_str_intern(empty);
	CHECK_PTR(a, first);
	CHECK_PTR(b, first);
	CHECK_PTR(c, other);
	CHECK_PTR(d, empty);
	CHECK_EQ(tally_refcount(first), 4); // the table's, a and b
	CHECK_EQ(tally_refcount(second), 1);
	tally_object *nul = text_of(BYTES("name\0")), *e = tally_str_intern(nul);
	CHECK_PTR(e, nul);
	tally_object *all[] = {first, second, other, empty, a, b, c, d, nul, e};
	for (int i = 0; i < 10; i++) tally_decref(all[i]);
	CHECK_EQ(fixture_live_objects(), 4);
	collect_names();
}

static void a_full_collection_lets_go_of_what_nobody_else_has(void)
{
	enum { COUNT = 300 };
	tally_object *names[COUNT];
	for (int i = 0; i < COUNT; i++) names[i] = interned(i);
	for (int i = 1; i < COUNT; i++) tally_decref(names[i]);
	CHECK_EQ(fixture_live_objects(), COUNT);
	CHECK_EQ(tally_gc_collect(0), 0);
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_EQ(fixture_live_objects(), COUNT); // only a full one does
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(fixture_live_objects(), 1);
	tally_object *again = interned(0);
	CHECK_PTR(again, names[0]);
	tally_decref(again);
	tally_decref(names[0]);
	collect_names();
	CHECK_EQ(fixture_live_objects(), 0);
	CHECK_EQ(fixture_raw_buffers(), 0); // an empty table has no memory
}

static void names_that_only_trash_had_go_with_it(void)
{
	tally_object *list = must(tally_list_new()), *name = interned(1);
	CHECK_EQ(tally_list_append(list, list), 0);
	CHECK_EQ(tally_list_append(list, name), 0);
	tally_decref(name);
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

// Many more than the first table has places for: it grows, and loses nothing and nobody.
static void any_number_of_names_can_be_interned(void)
{
	const int64_t count = tap_scale(20000);
	tally_object **names = malloc((size_t)count * sizeof *names);
	for (int64_t i = 0; i < count; i++) names[i] = interned(i);
	for (int64_t i = 0; i < count; i++) {
		tally_object *again = interned(i);
		if (!CHECK_PTR(again, names[i])) break;
		tally_decref(again);
	}
	for (int64_t i = 0; i < count; i += 2) tally_decref(names[i]);
	collect_names();
	CHECK_EQ(fixture_live_objects(), count / 2);
	for (int64_t i = 1; i < count; i += 2) {
		tally_object *again = interned(i);
		if (!CHECK_PTR(again, names[i])) break;
		tally_decref(again);
		tally_decref(names[i]);
	}
	free(names);
	collect_names();
}

// Names that come and go: the table finds out before it grows, so it does not.
static void names_that_nobody_keeps_do_not_make_the_table_grow(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	const int64_t count = tap_scale(200000);
	uint64_t most = 0;
	tally_gc_disable();
	for (int64_t i = 0; i < count; i++) {
		tally_decref(interned(i));
		if (i % 500) continue;
		CHECK_EQ(tally_heap_stats_get(&stats), 0);
		if (stats.live_objects > most) most = stats.live_objects;
	}
	tally_gc_enable();
	CHECK(most < 4000);
	collect_names();
}

static void an_immortal_name_stays(void)
{
	tally_object *name = interned(1);
	CHECK_EQ(tally_immortalize(name), 0);
	collect_names();
	tally_object *again = interned(1);
	CHECK_PTR(again, name);
	CHECK_EQ(fixture_live_objects(), 0); // as immortal objects are
	uint64_t leaked = 99;
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 0);
	fixture_start();
}

static void a_runtime_that_ends_takes_the_table_along(void)
{
	for (int round = 0; round < 3; round++) {
		uint64_t leaked = 99;
		for (int i = 0; i < 100; i++) tally_decref(interned(i));
		CHECK_EQ(tally_thread_detach(fixture_token), 0);
		CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
		CHECK_EQ(leaked, 0);
		fixture_start();
	}
}

static void what_the_host_still_has_at_the_end_is_a_leak(void)
{
	uint64_t leaked = 99;
	interned(1);
	tally_decref(interned(2));
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 1);
	fixture_start();
}

// ---- errors ----

static void what_is_no_string_says_so(void)
{
	tally_object *number = counted(1);
	CHECK_NULL(tally_str_intern(number), TALLY_ERROR_TYPE, "str_intern: expected a str, got a 'int'");
	CHECK_NULL(tally_str_intern(NULL), TALLY_ERROR_TYPE, "str_intern: expected a str, got NULL");
	tally_decref(number);
}

// Every allocation of a table fails once: nothing is interned then, and the string is the caller's alone.
static void a_table_for_which_there_is_no_memory_stays_as_it_was(void)
{
	const int64_t count = tap_scale(3000);
	int failed = 0;
	if (tally_heap_fail(0, false)) { // this build has no faults on demand
		tally_error_clear();
		return;
	}
	tally_object **names = malloc((size_t)count * sizeof *names);
	for (int64_t i = 0; i < count; i++) {
		tally_object *string = numbered(i);
		CHECK_EQ(tally_heap_fail(1, true), 0);
		names[i] = tally_str_intern(string);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!names[i]) {
			CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
			CHECK_EQ(tally_refcount(string), 1);
			failed++;
			tally_error_clear();
			names[i] = tally_str_intern(string);
		}
		CHECK_PTR(names[i], string);
		tally_decref(string);
	}
	CHECK(failed >= 3);
	for (int64_t i = 0; i < count; i++) {
		tally_object *again = interned(i);
		CHECK_PTR(again, names[i]);
		tally_decref(again);
		tally_decref(names[i]);
	}
	free(names);
	collect_names();
}

// ---- threads ----

enum { THREADS = 4, NAMES = 400 };

struct table {
	tally_object *names[THREADS][NAMES];
};

static void intern_all(void *context, unsigned number)
{
	struct table *table = context;
	for (int i = 0; i < NAMES; i++) {
		int name = number % 2 ? i : NAMES - 1 - i;
		table->names[number][name] = interned(name);
	}
}

static void threads_that_intern_the_same_texts_get_the_same_objects(void)
{
	for (unsigned round = 0; round < tap_scale(20u); round++) {
		struct table table;
		run_threads(THREADS, intern_all, &table);
		for (int i = 0; i < NAMES; i++) {
			for (int each = 0; each < THREADS; each++) {
				CHECK_PTR(table.names[each][i], table.names[0][i]);
				if (each) tally_decref(table.names[each][i]);
			}
			CHECK_EQ(tally_refcount(table.names[0][i]), 2);
			tally_decref(table.names[0][i]);
		}
		if (round % 2) collect_names();
	}
	collect_names();
}

// Holds a few names while others come and go, tables grow, shrink and are purged, and collections run: whoever has a name has the
// one that everybody gets.
static void intern_and_drop(void *context, unsigned number)
{
	uint64_t state = fixture_seed(number + 1);
	tally_object *held[8] = {NULL};
	int64_t which[8] = {0};
	(void)context;
	for (int64_t i = tap_scale(INT64_C(30000)); i > 0; i--) {
		unsigned place = below(&state, 8);
		if (held[place]) {
			tally_object *again = interned(which[place]);
			if (!CHECK_PTR(again, held[place])) break;
			tally_decref(again);
			tally_decref(held[place]);
		}
		which[place] = below(&state, 4) ? below(&state, 3000) : below(&state, 20);
		held[place] = interned(which[place]);
		if (below(&state, 2000) == 0) CHECK(tally_gc_collect(2) >= 0);
	}
	for (int i = 0; i < 8; i++) tally_decref(held[i]);
}

static void a_name_that_somebody_has_is_the_one_that_all_get(void)
{
	run_threads(THREADS, intern_and_drop, NULL);
	collect_names();
	CHECK_EQ(fixture_live_objects(), 0);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(equal_texts_become_one_object);
	TAP_RUN(a_full_collection_lets_go_of_what_nobody_else_has);
	TAP_RUN(names_that_only_trash_had_go_with_it);
	TAP_RUN(any_number_of_names_can_be_interned);
	TAP_RUN(names_that_nobody_keeps_do_not_make_the_table_grow);
	TAP_RUN(an_immortal_name_stays);
	TAP_RUN(a_runtime_that_ends_takes_the_table_along);
	TAP_RUN(what_the_host_still_has_at_the_end_is_a_leak);
	TAP_RUN(what_is_no_string_says_so);
	TAP_RUN(a_table_for_which_there_is_no_memory_stays_as_it_was);
	TAP_RUN(threads_that_intern_the_same_texts_get_the_same_objects);
	TAP_RUN(a_name_that_somebody_has_is_the_one_that_all_get);
	return tap_end();
}
