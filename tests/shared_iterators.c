// tests/shared_iterators.c: one iterator that ten threads advance, while its container stays as it is or others change it.
//
// Elements are numbered, so that it is known which came, how often, and whether it was ever there. tests/iter.c has one iterator
// over each kind of container that nobody changes.
#include "sequences.h"

enum { THREADS = 10, MOST = 1 << 16, SWITCH_NS = 20000 };

// What the threads of a test share. Thread 0 changes the container, the others advance the iterator.
struct shared {
	tally_object *container, *iterator;
	unsigned size;   // elements at first
	unsigned fresh;  // thread 0 only: numbers that it may put in, from `size` on
	size_t largest;  // the container never has more elements
	atomic_uint at_end; // threads that have come to the end
	atomic_uint given[MOST]; // how often each number came
};

static struct shared *new_shared(unsigned size, unsigned fresh)
{
	static struct shared shared;
	memset(&shared, 0, sizeof shared);
	shared.size = size;
	shared.fresh = fresh;
	shared.largest = size + fresh;
	return &shared;
}

static unsigned elements(void) { return tap_scale(8000u) < MOST / 4 ? tap_scale(8000u) : MOST / 4; }

static void end(const struct shared *shared)
{
	CHECK_NO_ERROR();
	CHECK_EQ(tally_refcount(shared->container), 1); // the iterator has let go of it
	tally_decref(shared->iterator);
	tally_decref(shared->container);
}

// An int that nobody else has ever made.
static tally_object *take_fresh(struct shared *shared, unsigned i) { return counted(shared->size + i); }

static void check_hint(const struct shared *shared)
{
	size_t hint = SIZE_MAX;
	CHECK_EQ(tally_length_hint(shared->iterator, &hint), 0);
	CHECK(hint <= shared->largest);
}

// Advances to the end, and notes what came.
static void advance(struct shared *shared)
{
	tally_object *item;
	int status;
	for (;;) {
		check_hint(shared);
		status = tally_next(shared->iterator, &item);
		if (status != 1) break;
		int64_t number = take_counted(item);
		if (!CHECK(number >= 0 && number < (int64_t)(shared->size + shared->fresh))) return;
		atomic_fetch_add(&shared->given[number], 1);
	}
	CHECK_EQ(status, 0);
	CHECK(!item);
	check_hint(shared);
	atomic_fetch_add(&shared->at_end, 1);
}

static bool all_are_at_end(struct shared *shared) { return atomic_load(&shared->at_end) == THREADS - 1; }

// How many of the numbers from `first` to `last` came a number of times that is not between `least` and `most`.
static unsigned others_than(const struct shared *shared, unsigned first, unsigned last, unsigned least, unsigned most)
{
	unsigned others = 0;
	for (unsigned i = first; i < last; i++) {
		unsigned times = atomic_load(&shared->given[i]);
		others += times < least || times > most;
	}
	return others;
}

// ---- lists ----

static void append_or_advance(void *context, unsigned number)
{
	struct shared *shared = context;
	if (number) advance(shared);
	for (unsigned i = 0; number == 0 && i < shared->fresh; i++) push(shared->container, take_fresh(shared, i));
}

static void of_a_list_that_grows_each_old_element_comes_once_and_each_new_one_at_most_once(void)
{
	struct shared *shared = new_shared(elements(), elements());
	shared->container = count_up(shared->size);
	shared->iterator = must(tally_iter(shared->container));
	run_threads(THREADS, append_or_advance, shared);
	CHECK_EQ(others_than(shared, 0, shared->size, 1, 1), 0);
	CHECK_EQ(others_than(shared, shared->size, shared->size + shared->fresh, 0, 1), 0);
	end(shared);
}

static void backwards_a_list_that_grows_gives_each_old_element_once_and_no_new_one(void)
{
	struct shared *shared = new_shared(elements(), elements());
	shared->container = count_up(shared->size);
	shared->iterator = must(tally_iter_reversed(shared->container));
	run_threads(THREADS, append_or_advance, shared);
	CHECK_EQ(others_than(shared, 0, shared->size, 1, 1), 0);
	CHECK_EQ(others_than(shared, shared->size, shared->size + shared->fresh, 0, 0), 0);
	end(shared);
}

// The last element goes and a fresh one comes: each number has one place all its life.
static void exchange_last_or_advance(void *context, unsigned number)
{
	struct shared *shared = context;
	if (number) advance(shared);
	for (unsigned i = 0; number == 0 && i < shared->fresh; i++) {
		if (i % 3) tally_decref(must(tally_list_pop(shared->container, -1)));
		push(shared->container, take_fresh(shared, i));
	}
}

static void no_element_comes_twice_from_a_list_whose_end_changes(void)
{
	tally_object *(*const make[])(tally_object *) = {tally_iter, tally_iter_reversed};
	for (int back = 0; back < 2; back++) {
		struct shared *shared = new_shared(elements(), elements());
		shared->container = count_up(shared->size);
		shared->iterator = must(make[back](shared->container));
		run_threads(THREADS, exchange_last_or_advance, shared);
		CHECK_EQ(others_than(shared, 0, shared->size + shared->fresh, 0, 1), 0);
		CHECK_EQ(others_than(shared, 0, shared->size - 1, 1, 1), 0); // those are never last
		end(shared);
	}
}

static void refill(struct shared *shared)
{
	tally_object *items[50];
	for (unsigned i = 0; i < 50; i++) items[i] = take_fresh(shared, i);
	CHECK_EQ(tally_list_set_slice(shared->container, 0, 25, items, 50), 0);
	CHECK_EQ(tally_list_reverse(shared->container), 0);
	CHECK_EQ(tally_list_insert(shared->container, 0, items[7]), 0);
	CHECK_EQ(tally_list_clear(shared->container), 0);
	CHECK_EQ(tally_list_extend(shared->container, items, 50), 0);
	for (unsigned i = 0; i < 50; i++) tally_decref(items[i]);
}

static void refill_or_advance(void *context, unsigned number)
{
	struct shared *shared = context;
	if (number) advance(shared);
	while (number == 0 && !all_are_at_end(shared)) refill(shared);
}

static void a_list_that_is_cleared_and_refilled_gives_nothing_but_what_was_in_it(void)
{
	tally_object *(*const make[])(tally_object *) = {tally_iter, tally_iter_reversed};
	for (unsigned i = 0; i < tap_scale(60u); i++) {
		struct shared *shared = new_shared(100, 50);
		shared->container = count_up(shared->size);
		shared->iterator = must(make[i % 2](shared->container));
		run_threads(THREADS, refill_or_advance, shared);
		end(shared);
	}
}

static void append_for_ever_or_stay_at_the_end(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *item, *value = counted(0);
	if (number) advance(shared);
	for (unsigned i = 0; number && i < tap_scale(200u); i++) {
		CHECK_EQ(tally_next(shared->iterator, &item), 0);
		CHECK(!item);
	}
	while (number == 0 && !all_are_at_end(shared)) {
		// So slowly that the others come to an end.
		CHECK_EQ(tally_list_append(shared->container, value), 0);
		CHECK_EQ(tally_blocking_begin(), 0);
		CHECK_EQ(tally_blocking_end(), 0);
	}
	for (unsigned i = 0; number == 0 && i < tap_scale(200u); i++) CHECK_EQ(tally_list_append(shared->container, value), 0);
	tally_decref(value);
}

static void at_its_end_an_iterator_stays_whatever_is_appended(void)
{
	struct shared *shared = new_shared(elements(), 0);
	shared->container = count_up(shared->size);
	shared->iterator = must(tally_iter(shared->container));
	shared->largest = SIZE_MAX - 1;
	run_threads(THREADS, append_for_ever_or_stay_at_the_end, shared);
	CHECK_EQ(others_than(shared, 1, shared->size, 1, 1), 0);
	end(shared);
}

// ---- dicts and sets ----

static tally_object *dict_of(unsigned size)
{
	tally_object *dict = must(tally_dict_new());
	for (unsigned i = 0; i < size; i++) {
		tally_object *key = counted(i);
		CHECK_EQ(tally_dict_set(dict, key, key), 0);
		tally_decref(key);
	}
	return dict;
}

static void change_key(tally_object *container, tally_object *key, unsigned how)
{
	if (tally_is_set(container)) CHECK((how ? tally_set_add(container, key) : tally_set_discard(container, key)) >= 0);
	else if (how) CHECK_EQ(tally_dict_set(container, key, key), 0);
	else CHECK(tally_dict_pop(container, key, NULL) >= 0);
}

// Keys come, and go a little later. Those that were there at first stay.
static void change_keys_or_advance(void *context, unsigned number)
{
	struct shared *shared = context;
	if (number) advance(shared);
	for (unsigned i = 0; number == 0 && !all_are_at_end(shared); i++) {
		tally_object *key = take_fresh(shared, i % shared->fresh);
		change_key(shared->container, key, i / shared->fresh % 2 == 0);
		tally_decref(key);
	}
}

static void a_dict_or_set_whose_keys_come_and_go_gives_nothing_but_keys_that_were_in_it(void)
{
	for (unsigned i = 0; i < tap_scale(12u); i++) {
		struct shared *shared = new_shared(elements() / 4, 300);
		shared->container = dict_of(shared->size);
		if (i % 3 == 2) {
			tally_object *set = must(tally_set_new(shared->container));
			tally_decref(shared->container);
			shared->container = set;
		}
		shared->iterator = must(i % 3 == 1 ? tally_iter_reversed(shared->container) : tally_iter(shared->container));
		run_threads(THREADS, change_keys_or_advance, shared);
		end(shared);
	}
}

// Nothing is removed, and there is room: keys keep their places.
static void set_values_or_advance(void *context, unsigned number)
{
	struct shared *shared = context;
	if (number) advance(shared);
	for (unsigned i = 0; number == 0 && !all_are_at_end(shared); i++) {
		tally_object *key = counted(i % shared->size), *value = counted(i);
		CHECK_EQ(tally_dict_set(shared->container, key, value), 0);
		tally_decref(value);
		tally_decref(key);
	}
}

static void a_dict_whose_values_change_gives_each_key_once(void)
{
	struct shared *shared = new_shared(elements(), 0);
	shared->container = dict_of(shared->size);
	shared->iterator = must(tally_iter(shared->container));
	run_threads(THREADS, set_values_or_advance, shared);
	CHECK_EQ(others_than(shared, 0, shared->size, 1, 1), 0);
	end(shared);
}

// ---- what goes through an iterator on its own ----

static tally_object *gather(unsigned number, tally_object *iterator)
{
	tally_object *list;
	switch (number % 4) {
	case 0: return tally_list_of(iterator);
	case 1: return tally_tuple_from(iterator);
	case 2: return tally_set_new(iterator);
	default: list = tally_list_new(); CHECK_EQ(tally_list_extend_from(list, iterator), 0); return list;
	}
}

static void gather_part(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *gathered = must(gather(number, shared->iterator)), *iterator = must(tally_iter(gathered)), *item;
	while (tally_next(iterator, &item) == 1) atomic_fetch_add(&shared->given[take_counted(item)], 1);
	tally_decref(iterator);
	tally_decref(gathered);
}

static void lists_tuples_and_sets_made_of_one_iterator_share_its_elements(void)
{
	for (int back = 0; back < 2; back++) {
		struct shared *shared = new_shared(elements(), 0);
		shared->container = count_up(shared->size);
		shared->iterator = must(back ? tally_iter_reversed(shared->container) : tally_iter(shared->container));
		run_threads(THREADS, gather_part, shared);
		CHECK_EQ(others_than(shared, 0, shared->size, 1, 1), 0);
		end(shared);
	}
}

int main(void)
{
	fixture_begin(60);
	tally_switch_interval_set(SWITCH_NS); // `gil` only
	tally_error_clear();
	TAP_RUN(of_a_list_that_grows_each_old_element_comes_once_and_each_new_one_at_most_once);
	TAP_RUN(backwards_a_list_that_grows_gives_each_old_element_once_and_no_new_one);
	TAP_RUN(no_element_comes_twice_from_a_list_whose_end_changes);
	TAP_RUN(a_list_that_is_cleared_and_refilled_gives_nothing_but_what_was_in_it);
	TAP_RUN(at_its_end_an_iterator_stays_whatever_is_appended);
	TAP_RUN(a_dict_or_set_whose_keys_come_and_go_gives_nothing_but_keys_that_were_in_it);
	TAP_RUN(a_dict_whose_values_change_gives_each_key_once);
	TAP_RUN(lists_tuples_and_sets_made_of_one_iterator_share_its_elements);
	return tap_end();
}
