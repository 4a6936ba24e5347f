// tests/recipe_expiring.c: the cache of docs/examples/expiring_cache.c, on a clock of the test's own.
#include "classes.h"
#include "expiring_cache.h"

#include <sched.h>

static atomic_llong now; // the time of the caches here

static int64_t test_clock(void *context)
{
	CHECK_PTR(context, &now);
	return atomic_load(&now);
}

static tally_object *cache_new(void) { return must(expiring_cache_new(test_clock, &now)); }

static void put_value(tally_object *cache, int64_t key, tally_object *value, int64_t life)
{
	tally_object *number = integer(key);
	if (!CHECK_EQ(expiring_cache_put(cache, number, value, life), 0)) tap_note("%s", tally_error_message());
	tally_decref(number);
}

static void put_number(tally_object *cache, int64_t key, int64_t value, int64_t life)
{
	tally_object *number = counted(value);
	put_value(cache, key, number, life);
	tally_decref(number);
}

enum { ABSENT = -1 };

static int64_t get_number(tally_object *cache, int64_t key)
{
	tally_object *number = integer(key), *value = number;
	int found = expiring_cache_get(cache, number, &value);
	CHECK_EQ(found, value != NULL);
	tally_decref(number);
	return found == 1 ? take_counted(value) : ABSENT;
}

static size_t size_now(tally_object *cache)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(expiring_cache_size(cache, &size), 0);
	return size;
}

// ---- time ----

static void an_entry_is_there_until_its_time_is_over(void)
{
	tally_object *cache = cache_new();
	put_number(cache, 1, 10, 5);
	put_number(cache, 2, 20, 6);
	atomic_store(&now, 104);
	CHECK_EQ(get_number(cache, 1), 10);
	atomic_store(&now, 105);
	CHECK_EQ(size_now(cache), 2);
	CHECK_EQ(get_number(cache, 1), ABSENT);
	CHECK_EQ(size_now(cache), 1); // who came across it has removed it
	CHECK_EQ(get_number(cache, 2), 20);
	CHECK_EQ(get_number(cache, 3), ABSENT);
	tally_decref(cache);
}

static void to_store_anew_begins_a_new_life(void)
{
	tally_object *cache = cache_new();
	put_number(cache, 1, 10, 5);
	atomic_store(&now, 104);
	put_number(cache, 1, 11, 5);
	atomic_store(&now, 108);
	CHECK_EQ(get_number(cache, 1), 11);
	put_number(cache, 1, 12, 1); // a shorter one, too
	atomic_store(&now, 109);
	CHECK_EQ(get_number(cache, 1), ABSENT);
	put_number(cache, 1, 13, INT64_MAX); // for ever
	atomic_store(&now, INT64_MAX - 1);
	CHECK_EQ(get_number(cache, 1), 13);
	tally_decref(cache);
}

static void the_systems_clock_serves_when_none_is_given(void)
{
	tally_object *cache = must(expiring_cache_new(NULL, NULL));
	put_number(cache, 1, 10, INT64_C(3600000000000));
	put_number(cache, 2, 20, 1);
	uint64_t end;
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	end = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec + 2;
	do clock_gettime(CLOCK_MONOTONIC, &time);
	while ((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec < end);
	CHECK_EQ(get_number(cache, 1), 10);
	CHECK_EQ(get_number(cache, 2), ABSENT);
	tally_decref(cache);
}

// ---- removal ----

static void a_sweep_removes_what_has_expired_and_nothing_else(void)
{
	tally_object *cache = cache_new();
	size_t removed = 0;
	for (int i = 0; i < 10; i++) put_number(cache, i, i, i % 2 ? 10 : 1000);
	CHECK_EQ(expiring_cache_sweep(cache, &removed), 0);
	CHECK_EQ(removed, 0);
	atomic_store(&now, 110);
	CHECK_EQ(expiring_cache_sweep(cache, &removed), 0);
	CHECK_EQ(removed, 5);
	CHECK_EQ(size_now(cache), 5);
	for (int i = 0; i < 10; i++) CHECK_EQ(get_number(cache, i), i % 2 ? ABSENT : i);
	CHECK_EQ(expiring_cache_sweep(cache, NULL), 0);
	tally_decref(cache);
}

static void what_nobody_asks_for_does_not_pile_up(void)
{
	tally_object *cache = cache_new();
	for (int i = 0; i < tap_scale(20000); i++) {
		put_number(cache, i, i, 10);
		atomic_fetch_add(&now, 1);
		CHECK(size_now(cache) <= 20);
	}
	tally_decref(cache);
}

static void what_is_removed_dies_at_once(void)
{
	tally_object *type = fixture_probe_type(), *cache = cache_new(), *key = integer(1);
	for (int i = 0; i < 4; i++) {
		tally_object *value = probe(type, i);
		put_value(cache, i < 2 ? 0 : i, value, 10); // 1 replaces 0
		tally_decref(value);
	}
	check_died_in_order(1);
	atomic_store(&now, 110);
	CHECK_EQ(get_number(cache, 0), ABSENT);
	check_died_in_order(2);
	CHECK_EQ(expiring_cache_sweep(cache, NULL), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 4);
	put_number(cache, 1, 1, 10);
	CHECK_EQ(expiring_cache_remove(cache, key), 1);
	CHECK_EQ(expiring_cache_remove(cache, key), 0);
	tally_decref(key);
	tally_decref(cache);
}

// A value that stores a fresh entry under its key when it dies, which is while the expired one is being removed.
static tally_object *cache_of_refill;

static void refill(void *payload, void *context)
{
	(void)payload, (void)context;
	if (cache_of_refill) put_number(cache_of_refill, 1, 77, 10);
}

static void a_value_that_stores_when_it_dies_stores(void)
{
	tally_host_type description = {.size = sizeof description, .name = "refill", .dealloc = refill};
	tally_object *type = must(tally_host_type_new(&description)), *value = must(tally_host_new(type));
	cache_of_refill = cache_new();
	put_value(cache_of_refill, 1, value, 10);
	tally_decref(value);
	atomic_store(&now, 110);
	CHECK_EQ(get_number(cache_of_refill, 1), ABSENT);
	CHECK_EQ(get_number(cache_of_refill, 1), 77);
	tally_object *cache = cache_of_refill;
	cache_of_refill = NULL;
	tally_decref(cache);
}

// The clock is asked before the pair is looked at: one that stores a fresh entry shows who removes what it has not seen.
static tally_object *cache_of_clock;
static bool clock_stores;

static int64_t storing_clock(void *context)
{
	(void)context;
	bool stores = clock_stores;
	clock_stores = false;
	if (stores) put_number(cache_of_clock, 1, 88, 1000);
	return atomic_load(&now);
}

static void a_clock_may_use_the_cache(void)
{
	cache_of_clock = must(expiring_cache_new(storing_clock, NULL));
	put_number(cache_of_clock, 1, 1, 10);
	atomic_store(&now, 110);
	clock_stores = true;
	CHECK_EQ(get_number(cache_of_clock, 1), 88);
	tally_decref(cache_of_clock);
}

// A key that stores a fresh entry under itself when it is compared for the n-th time from now on.
static tally_object *cache_of_key;
static int comparisons_left;

static int hash_as_one(tally_object *self, uint64_t *hash, void *context)
{
	(void)self, (void)context;
	*hash = 1;
	return 0;
}

static int store_and_compare(tally_object *self, tally_object *other, void *context)
{
	(void)other, (void)context;
	tally_object *fresh = counted(99);
	if (--comparisons_left == 0) CHECK_EQ(expiring_cache_put(cache_of_key, self, fresh, 1000), 0);
	tally_decref(fresh);
	return 1;
}

// The first comparison finds the expired entry, the second one looks whether it is still there.
static void what_is_stored_between_a_look_up_and_its_removal_stays(void)
{
	tally_object *type = CLASS(.name = "key", .hash = hash_as_one, .equal = store_and_compare);
	tally_object *keys[] = {instance(type), instance(type)}, *value = counted(1), *found = NULL;
	cache_of_key = cache_new();
	CHECK_EQ(expiring_cache_put(cache_of_key, keys[0], value, 10), 0);
	tally_decref(value);
	atomic_store(&now, 110);
	comparisons_left = 2;
	CHECK_EQ(expiring_cache_get(cache_of_key, keys[1], &found), 0);
	CHECK(comparisons_left <= 0);
	CHECK_EQ(expiring_cache_get(cache_of_key, keys[1], &found), 1);
	CHECK_EQ(take_counted(found), 99);
	tally_object *all[] = {keys[0], keys[1], type, cache_of_key};
	for (int i = 0; i < 4; i++) tally_decref(all[i]);
}

// A key that, when it is compared for the third time, which is for its removal, waits for what another thread then stores. In
// vain, since the entry is held from the second look on.
static atomic_bool other_may_store, other_has_stored;

static int wait_and_compare(tally_object *self, tally_object *other, void *context)
{
	(void)self, (void)other, (void)context;
	if (--comparisons_left) return 1;
	atomic_store(&other_may_store, true);
	for (int i = 0; i < 20000 && !atomic_load(&other_has_stored); i++) {
		tally_safepoint();
		sched_yield();
	}
	CHECK(!atomic_load(&other_has_stored));
	return 1;
}

static void look_up_or_store(void *context, unsigned number)
{
	tally_object **keys = context, *found = NULL, *fresh = counted(99);
	if (number == 0) CHECK_EQ(expiring_cache_get(cache_of_key, keys[1], &found), 0);
	else {
		tally_blocking_begin();
		while (!atomic_load(&other_may_store)) sched_yield();
		tally_blocking_end();
		CHECK_EQ(expiring_cache_put(cache_of_key, keys[0], fresh, 1000), 0);
		atomic_store(&other_has_stored, true);
	}
	tally_decref(fresh);
}

static void nobody_stores_while_an_expired_entry_is_being_removed(void)
{
	tally_object *type = CLASS(.name = "key", .hash = hash_as_one, .equal = wait_and_compare), *value = counted(1);
	tally_object *keys[] = {instance(type), instance(type)};
	atomic_store(&other_may_store, false);
	atomic_store(&other_has_stored, false);
	cache_of_key = cache_new();
	CHECK_EQ(expiring_cache_put(cache_of_key, keys[0], value, 10), 0);
	atomic_store(&now, 110);
	comparisons_left = 3;
	run_threads(2, look_up_or_store, keys);
	CHECK(atomic_load(&other_has_stored));
	tally_object *found = NULL;
	CHECK_EQ(expiring_cache_get(cache_of_key, keys[0], &found), 1);
	CHECK_EQ(take_counted(found), 99);
	tally_object *all[] = {keys[0], keys[1], type, value, cache_of_key};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

// ---- errors ----

static void what_is_no_life_no_key_or_no_cache_is_refused(void)
{
	tally_object *cache = cache_new(), *list = must(tally_list_new()), *value = cache;
	size_t number = 5;
	CHECK_EQ(expiring_cache_put(cache, tally_none(), list, 0), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "expiring_cache_put: a life of 0");
	CHECK_EQ(expiring_cache_put(cache, tally_none(), list, -7), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "expiring_cache_put: a life of -7");
	CHECK_EQ(expiring_cache_put(cache, list, list, 1), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(expiring_cache_put(cache, tally_none(), NULL, 1), -1);
	CHECK_FAILED(TALLY_ERROR_VALUE, "NULL");
	CHECK_EQ(expiring_cache_get(cache, list, &value), -1);
	CHECK(!value);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(size_now(cache), 0);
	CHECK_EQ(expiring_cache_get(list, list, &value), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(expiring_cache_sweep(NULL, &number), -1);
	CHECK_EQ(number, 0);
	CHECK_FAILED(TALLY_ERROR_TYPE, "NULL");
	tally_decref(list);
	tally_decref(cache);
}

static tally_object *cache_without_memory;

static void without_memory_nothing_has_changed(void)
{
	bool done = tally_heap_fail(0, false) != 0;
	int64_t there = 0;
	tally_error_clear();
	cache_without_memory = cache_new();
	put_number(cache_without_memory, 1, there, 1000);
	tally_object *key = integer(1), *value = counted(1);
	for (uint64_t n = 1; n < 100 && !done; n++) {
		CHECK_EQ(tally_heap_fail(n, false), 0);
		tally_object *cache = expiring_cache_new(test_clock, &now);
		int status = expiring_cache_put(cache_without_memory, key, value, 1000);
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK(done ? cache && status == 0 : !cache || status < 0 || fixture_gives_up_later());
		if (status < 0) CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		tally_decref(cache);
		if (status == 0) there = 1;
		CHECK_EQ(get_number(cache_without_memory, 1), there);
		there = 0;
		put_number(cache_without_memory, 1, 0, 1000);
	}
	CHECK(done);
	tally_decref(key);
	tally_decref(value);
	tally_decref(cache_without_memory);
}

// ---- the collector ----

static void a_cache_that_has_itself_is_collected(void)
{
	tally_object *cache = cache_new();
	put_value(cache, 1, cache, 10);
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	tally_decref(cache);
	CHECK(fixture_live_objects() > 0);
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- threads ----

enum { TEAM = 6, KEYS_OF_TEAM = 16 };

// The value of a key says until when it may be seen.
static void check_life(tally_object *cache, int64_t key, int64_t before)
{
	int64_t end = get_number(cache, key);
	if (end != ABSENT) CHECK(end > before);
}

static void use_as_team(void *cache, unsigned number)
{
	uint64_t state = fixture_seed(number);
	for (int i = 0; i < tap_scale(3000); i++) {
		int64_t key = below(&state, KEYS_OF_TEAM), time = atomic_load(&now);
		unsigned choice = below(&state, 16);
		if (choice < 3) put_number(cache, key, time + 100, 1 + below(&state, 20));
		else if (choice == 3) CHECK_EQ(expiring_cache_sweep(cache, NULL), 0);
		else if (choice == 4) atomic_fetch_add(&now, 1);
		else get_number(cache, key);
	}
}

static void threads_store_look_up_and_sweep(void)
{
	tally_object *cache = cache_new();
	run_threads(TEAM, use_as_team, cache);
	atomic_fetch_add(&now, 1000);
	for (int64_t key = 0; key < KEYS_OF_TEAM; key++) check_life(cache, key, INT64_MAX);
	CHECK_EQ(size_now(cache), 0);
	tally_decref(cache);
}

// Each thread stores its key for a life that has no end while the others come across the expired entry that it replaces: who
// removes an entry must not remove a fresh one.
static void store_and_look(void *cache, unsigned number)
{
	for (int i = 0; i < tap_scale(30000); i++) {
		if (number == 0) {
			put_number(cache, 1, 1, 1);
			atomic_fetch_add(&now, 1);
			put_number(cache, 1, 2, INT64_MAX);
			CHECK_EQ(get_number(cache, 1), 2);
		} else if (number == 1 && i % 16 == 0) CHECK_EQ(expiring_cache_sweep(cache, NULL), 0);
		else get_number(cache, 1);
	}
}

static void a_fresh_entry_is_not_removed_for_the_expired_one(void)
{
	tally_object *cache = cache_new();
	run_threads(4, store_and_look, cache);
	tally_decref(cache);
}

static void start(void)
{
	classes_start();
	atomic_store(&now, 100);
	if (expiring_cache_init()) tap_bail_out(tally_error_message());
}

int main(void)
{
	classes_begin(60);
	tap_before_each(start);
	TAP_RUN(an_entry_is_there_until_its_time_is_over);
	TAP_RUN(to_store_anew_begins_a_new_life);
	TAP_RUN(the_systems_clock_serves_when_none_is_given);
	TAP_RUN(a_sweep_removes_what_has_expired_and_nothing_else);
	TAP_RUN(what_nobody_asks_for_does_not_pile_up);
	TAP_RUN(what_is_removed_dies_at_once);
	TAP_RUN(a_value_that_stores_when_it_dies_stores);
	TAP_RUN(a_clock_may_use_the_cache);
	TAP_RUN(what_is_stored_between_a_look_up_and_its_removal_stays);
	TAP_RUN(nobody_stores_while_an_expired_entry_is_being_removed);
	TAP_RUN(what_is_no_life_no_key_or_no_cache_is_refused);
	TAP_RUN(without_memory_nothing_has_changed);
	TAP_RUN(a_cache_that_has_itself_is_collected);
	TAP_RUN(threads_store_look_up_and_sweep);
	TAP_RUN(a_fresh_entry_is_not_removed_for_the_expired_one);
	return tap_end();
}
