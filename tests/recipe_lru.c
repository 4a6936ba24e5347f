// tests/recipe_lru.c: the cache of docs/examples/lru_cache.c: what it forgets, counts and keeps; threads; callables that use the cache.
#include "classes.h"
#include "guarded.h"
#include "lru_cache.h"

static tally_object *cache_of(size_t bound) { return must(lru_cache_new(bound)); }

static void put_into(tally_object *cache, int64_t key, int64_t value)
{
	tally_object *both[] = {integer(key), counted(value)};
	if (!CHECK_EQ(lru_cache_put(cache, both[0], both[1]), 0)) tap_note("%s", tally_error_message());
	tally_decref(both[0]);
	tally_decref(both[1]);
}

enum { ABSENT = -1 };

static int64_t get(tally_object *cache, int64_t key)
{
	tally_object *number = integer(key), *value = number;
	int found = lru_cache_get(cache, number, &value);
	CHECK_EQ(found, value != NULL);
	tally_decref(number);
	return found == 1 ? take_counted(value) : ABSENT;
}

static struct lru_cache_stats stats_now(tally_object *cache)
{
	struct lru_cache_stats stats = {0};
	CHECK_EQ(lru_cache_get_stats(cache, &stats), 0);
	return stats;
}

static void check_stats(tally_object *cache, uint64_t hits, uint64_t misses, uint64_t evictions, size_t size)
{
	struct lru_cache_stats stats = stats_now(cache);
	CHECK_EQ(stats.hits, hits);
	CHECK_EQ(stats.misses, misses);
	CHECK_EQ(stats.evictions, evictions);
	CHECK_EQ(stats.size, size);
}

// ---- what is forgotten ----

static void what_was_used_least_recently_is_forgotten_first(void)
{
	tally_object *cache = cache_of(3);
	for (int i = 0; i < 3; i++) put_into(cache, i, i);
	CHECK_EQ(get(cache, 0), 0); // now 1 is the oldest
	put_into(cache, 3, 3);
	CHECK_EQ(get(cache, 1), ABSENT);
	put_into(cache, 2, 22); // to store is to use; now 0 is the oldest
	put_into(cache, 4, 4);
	CHECK_EQ(get(cache, 0), ABSENT);
	CHECK_EQ(get(cache, 2), 22);
	CHECK_EQ(get(cache, 3), 3);
	CHECK_EQ(get(cache, 4), 4);
	check_stats(cache, 4, 2, 2, 3);
	CHECK_EQ(stats_now(cache).bound, 3);
	tally_decref(cache);
}

// What a cache is to do, done by moving everything: keys, the oldest first, and their values.
enum { KEYS_OF_MODEL = 40 };
struct model {
	int64_t keys[KEYS_OF_MODEL + 1], values[KEYS_OF_MODEL + 1];
	unsigned size, bound;
};

static int64_t take_from_model(struct model *model, int64_t key)
{
	for (unsigned i = 0; i < model->size; i++) {
		if (model->keys[i] != key) continue;
		int64_t value = model->values[i];
		model->size--;
		for (; i < model->size; i++) model->keys[i] = model->keys[i + 1], model->values[i] = model->values[i + 1];
		return value;
	}
	return ABSENT;
}

static void put_into_model(struct model *model, int64_t key, int64_t value)
{
	take_from_model(model, key);
	model->keys[model->size] = key;
	model->values[model->size++] = value;
	if (model->size > model->bound) take_from_model(model, model->keys[0]);
}

static void play_beside_model(unsigned bound, uint64_t *state)
{
	tally_object *cache = cache_of(bound);
	struct model model = {.bound = bound};
	for (int i = 0; i < tap_scale(3000); i++) {
		int64_t key = below(state, KEYS_OF_MODEL), value = below(state, 1000), there;
		switch (below(state, 8)) {
		case 0:
			there = take_from_model(&model, key);
			tally_object *number = integer(key);
			CHECK_EQ(lru_cache_remove(cache, number), there != ABSENT);
			tally_decref(number);
			break;
		case 1:
			if (below(state, 16)) break;
			CHECK_EQ(lru_cache_clear(cache), 0);
			model.size = 0;
			break;
		case 2: case 3: case 4:
			put_into(cache, key, value);
			put_into_model(&model, key, value);
			break;
		default:
			there = take_from_model(&model, key);
			if (there != ABSENT) put_into_model(&model, key, there);
			CHECK_EQ(get(cache, key), there);
		}
		CHECK_EQ(stats_now(cache).size, model.size);
	}
	tally_decref(cache);
}

static void it_forgets_what_a_simple_model_forgets(void)
{
	uint64_t state = fixture_seed(0);
	const unsigned bounds[] = {0, 1, 2, 3, 7, 16, 39, 40};
	for (int i = 0; i < 8; i++) play_beside_model(bounds[i], &state);
}

static void without_a_bound_nothing_is_forgotten(void)
{
	tally_object *cache = cache_of(SIZE_MAX);
	for (int i = 0; i < 1000; i++) put_into(cache, i, i);
	for (int i = 0; i < 1000; i++) CHECK_EQ(get(cache, i), i);
	check_stats(cache, 1000, 0, 0, 1000);
	tally_decref(cache);
}

// The program's time limit is the judge: a search that passes what was there before would take minutes.
static void to_find_and_to_forget_cost_the_same_in_a_large_cache(void)
{
	const int bound = tap_scale(200000);
	tally_object *cache = cache_of((size_t)bound);
	for (int i = 0; i < 4 * bound; i++) {
		put_into(cache, i, i);
		if (i % 4 == 0 && i >= bound / 2) CHECK_EQ(get(cache, i - bound / 2), i - bound / 2);
	}
	CHECK_EQ(stats_now(cache).evictions, 3 * bound);
	for (int i = 0; i < 4 * bound; i++) get(cache, 4 * bound - 1 - i % 2);
	CHECK(stats_now(cache).hits >= 4 * (uint64_t)bound);
	tally_decref(cache);
}

static void what_is_forgotten_replaced_or_removed_dies_at_once(void)
{
	tally_object *type = fixture_probe_type(), *cache = cache_of(2);
	for (int i = 0; i < 4; i++) {
		tally_object *value = probe(type, i), *key = integer(i == 3 ? 2 : i);
		CHECK_EQ(lru_cache_put(cache, key, value), 0);
		tally_decref(key);
		tally_decref(value);
		if (i == 2) check_died_in_order(1);
	}
	CHECK_EQ(atomic_load(&fixture_dead), 2);
	CHECK_EQ(fixture_deaths[1], 2);
	CHECK_EQ(lru_cache_clear(cache), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 4);
	check_stats(cache, 0, 0, 0, 0);
	tally_decref(cache);
}

// ---- get or call ----

struct maker {
	tally_object *cache;
	int calls;
	enum { MAKE, FAIL, CLEAR, RECUR } what;
};

// What is dropped within a critical section dies after it.
static void check_nothing_is_held(void)
{
	tally_decref(probe(fixture_probe_type(), 0));
	CHECK_EQ(atomic_load(&fixture_dead), 1);
}

// Twice the key.
static tally_object *make_value(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct maker *maker = context;
	(void)captured;
	maker->calls++;
	CHECK_EQ(count, 1);
	check_nothing_is_held();
	if (maker->what == CLEAR) CHECK_EQ(lru_cache_clear(maker->cache), 0);
	if (maker->what == FAIL) tally_error_set(TALLY_ERROR_KEY, "no such thing");
	return maker->what == FAIL ? NULL : tally_number_add(arguments[0], arguments[0]);
}

static tally_object *maker_function(struct maker *maker, tally_function_call call)
{
	tally_function_spec spec = {.size = sizeof spec, .name = "make", .call = call, .context = maker, .least = 1, .most = 1};
	return must(tally_function_new(&spec));
}

static int64_t call(tally_object *cache, int64_t key, tally_object *callable)
{
	tally_object *number = integer(key), *value = lru_cache_call(cache, number, callable);
	tally_decref(number);
	return take_value(value);
}

static void a_value_is_computed_once(void)
{
	struct maker maker = {.cache = cache_of(8)};
	tally_object *callable = maker_function(&maker, make_value);
	CHECK_EQ(call(maker.cache, 21, callable), 42);
	CHECK_EQ(call(maker.cache, 21, callable), 42);
	CHECK_EQ(maker.calls, 1);
	check_stats(maker.cache, 1, 1, 0, 1);
	tally_decref(callable);
	tally_decref(maker.cache);
}

static void a_callable_that_fails_stores_nothing_and_its_error_is_the_callers(void)
{
	struct maker maker = {.cache = cache_of(8), .what = FAIL};
	tally_object *callable = maker_function(&maker, make_value);
	CHECK(!lru_cache_call(maker.cache, tally_none(), callable));
	CHECK_ERROR(TALLY_ERROR_KEY, "no such thing");
	CHECK(!lru_cache_call(maker.cache, tally_none(), tally_none()));
	CHECK_FAILED(TALLY_ERROR_TYPE, "none");
	check_stats(maker.cache, 0, 2, 0, 0);
	tally_decref(callable);
	tally_decref(maker.cache);
}

static void a_callable_may_clear_the_cache(void)
{
	struct maker maker = {.cache = cache_of(8), .what = CLEAR};
	tally_object *callable = maker_function(&maker, make_value);
	for (int i = 0; i < 20; i++) CHECK_EQ(call(maker.cache, i, callable), 2 * i);
	CHECK_EQ(maker.calls, 20);
	check_stats(maker.cache, 0, 0, 0, 1);
	tally_decref(callable);
	tally_decref(maker.cache);
}

// Of n: the sum of what it gives for n - 1 and n - 2; for 0 and 1 these themselves.
static tally_object *fibonacci(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct maker *maker = context;
	(void)captured, (void)count;
	int64_t n = value_of(arguments[0]);
	if (n < 2) return integer(n);
	maker->calls++;
	tally_object *callable = maker_function(maker, fibonacci);
	int64_t sum = call(maker->cache, n - 1, callable) + call(maker->cache, n - 2, callable);
	tally_decref(callable);
	return integer(sum);
}

static void a_callable_may_ask_the_cache_for_other_keys(void)
{
	struct maker maker = {.cache = cache_of(4)};
	tally_object *callable = maker_function(&maker, fibonacci);
	CHECK_EQ(call(maker.cache, 60, callable), INT64_C(1548008755920));
	CHECK_EQ(maker.calls, 59);
	tally_decref(callable);
	tally_decref(maker.cache);
}

// Stores another value for its key before it returns its own, as a thread that was faster would.
static tally_object *lose_the_race(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct maker *maker = context;
	(void)captured, (void)count;
	tally_object *first = integer(1000);
	CHECK_EQ(lru_cache_put(maker->cache, arguments[0], first), 0);
	tally_decref(first);
	return integer(2000);
}

static void whoever_finishes_first_stores_and_the_others_get_that(void)
{
	struct maker maker = {.cache = cache_of(4)};
	tally_object *callable = maker_function(&maker, lose_the_race);
	CHECK_EQ(call(maker.cache, 5, callable), 1000);
	check_stats(maker.cache, 0, 1, 0, 1);
	CHECK_EQ(call(maker.cache, 5, callable), 1000);
	check_stats(maker.cache, 1, 1, 0, 1);
	tally_decref(callable);
	tally_decref(maker.cache);
}

// ---- errors ----

static void what_is_no_key_or_no_cache_is_refused_and_nothing_is_counted(void)
{
	tally_object *cache = cache_of(4), *list = must(tally_list_new()), *value = cache;
	CHECK_EQ(lru_cache_get(cache, list, &value), -1);
	CHECK(!value);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(lru_cache_put(cache, list, list), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK_EQ(lru_cache_put(cache, tally_none(), NULL), -1);
	CHECK_FAILED(TALLY_ERROR_VALUE, "NULL");
	CHECK_EQ(lru_cache_remove(cache, list), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	check_stats(cache, 0, 0, 0, 0);
	CHECK_EQ(lru_cache_get(list, list, &value), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "list");
	CHECK(!lru_cache_call(NULL, list, list));
	CHECK_FAILED(TALLY_ERROR_TYPE, "NULL");
	tally_decref(list);
	tally_decref(cache);
}

static void without_memory_nothing_has_changed(void)
{
	bool done = tally_heap_fail(0, false) != 0;
	tally_object *old = counted(1), *value = counted(2), *keys[] = {integer(0), integer(1), integer(2)};
	tally_error_clear();
	for (uint64_t n = 1; n < 100 && !done; n++) {
		tally_object *cache = cache_of(2);
		for (int i = 0; i < 2; i++) CHECK_EQ(lru_cache_put(cache, keys[i], old), 0);
		CHECK_EQ(tally_heap_fail(n, false), 0);
		int replaced = lru_cache_put(cache, keys[1], value), added = lru_cache_put(cache, keys[2], value);
		tally_object *other = lru_cache_new(2);
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!done && !fixture_gives_up_later()) CHECK(replaced < 0 || added < 0 || !other);
		if (replaced < 0 || added < 0 || !other) CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		CHECK_EQ(get(cache, 0), added ? 1 : ABSENT);
		CHECK_EQ(get(cache, 1), replaced ? 1 : 2);
		CHECK_EQ(get(cache, 2), added ? ABSENT : 2);
		CHECK_EQ(stats_now(cache).size, 2);
		tally_decref(other);
		tally_decref(cache);
	}
	CHECK(done);
	tally_object *all[] = {old, value, keys[0], keys[1], keys[2]};
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
}

// ---- keys with code of the host's ----

static tally_object *cache_of_hooks;

static int hash_as_one(tally_object *self, uint64_t *hash, void *context)
{
	(void)self, (void)context;
	*hash = 1;
	return 0;
}

static int clear_and_compare(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	if (cache_of_hooks) lru_cache_clear(cache_of_hooks);
	return tally_is(self, other);
}

static void a_key_whose_equality_clears_the_cache_does_no_harm(void)
{
	tally_object *type = CLASS(.name = "key", .hash = hash_as_one, .equal = clear_and_compare), *keys[8], *value = NULL;
	cache_of_hooks = cache_of(4);
	for (int i = 0; i < 8; i++) keys[i] = instance(type);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(lru_cache_put(cache_of_hooks, keys[i % 8], tally_none()), 0);
		CHECK(lru_cache_get(cache_of_hooks, keys[i * 3 % 8], &value) >= 0);
		CHECK(stats_now(cache_of_hooks).size <= 4);
	}
	for (int i = 0; i < 8; i++) tally_decref(keys[i]);
	tally_object *cache = cache_of_hooks;
	cache_of_hooks = NULL;
	tally_decref(cache);
	tally_decref(type);
}

// ---- the collector ----

// As an entry of its own, and after others have been forgotten.
static void a_cache_that_has_itself_is_collected(void)
{
	tally_object *cache = cache_of(2), *other = cache_of(2), *key = integer(1);
	CHECK_EQ(lru_cache_put(cache, key, cache), 0);
	put_into(other, 0, 0);
	CHECK_EQ(lru_cache_put(other, key, other), 0);
	put_into(other, 2, 2);
	CHECK_EQ(get(other, 0), ABSENT);
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	tally_decref(other);
	tally_decref(cache);
	CHECK(fixture_live_objects() > 0);
	CHECK(tally_gc_collect(2) > 0);
	tally_decref(key);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- threads ----

static void get_one(void *cache) { get(cache, 1); }
static void put_one(void *cache) { put_into(cache, 1, 1); }
static void remove_one(void *cache) { lru_cache_remove(cache, tally_none()); }
static void clear_it(void *cache) { CHECK_EQ(lru_cache_clear(cache), 0); }
static void inspect_it(void *cache) { stats_now(cache); }

static tally_object *give_key(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	return tally_incref(arguments[0]);
}

static void call_for_none(void *cache)
{
	tally_object *callable = function("key", give_key, 1, 1);
	CHECK_PTR(lru_cache_call(cache, tally_none(), callable), tally_none());
	tally_decref(callable);
}

static void each_call_waits_for_a_section_over_the_cache(void)
{
	void (*const calls[])(void *) = {get_one, put_one, remove_one, call_for_none, inspect_it, clear_it};
	tally_object *cache = cache_of(4);
	for (int i = 0; i < 6; i++) check_waits_for(cache, calls[i], cache);
	tally_decref(cache);
}

enum { TEAM = 10, KEYS_OF_TEAM = 24 };

struct team {
	tally_object *cache;
	size_t bound;
	bool clears; // from within the callable, too
};

static tally_object *compute(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	struct team *team = context;
	(void)captured, (void)count;
	if (team->clears && value_of(arguments[0]) % 5 == 0) CHECK_EQ(lru_cache_clear(team->cache), 0);
	return counted(value_of(arguments[0]));
}

static void use_as_team(void *context, unsigned number)
{
	struct team *team = context;
	tally_function_spec spec = {.size = sizeof spec, .name = "compute", .call = compute, .context = team, .least = 1, .most = 1};
	tally_object *callable = must(tally_function_new(&spec));
	uint64_t state = fixture_seed(number);
	for (int i = 0; i < tap_scale(2000); i++) {
		int64_t key = below(&state, KEYS_OF_TEAM);
		unsigned choice = below(&state, 64);
		if (choice == 0) CHECK_EQ(lru_cache_clear(team->cache), 0);
		else if (choice < 8) CHECK(stats_now(team->cache).size <= team->bound);
		else if (choice < 12) put_into(team->cache, key, key);
		else if (choice < 16) {
			tally_object *number_of_key = integer(key);
			CHECK(lru_cache_remove(team->cache, number_of_key) >= 0);
			tally_decref(number_of_key);
		} else if (choice < 20) {
			int64_t found = get(team->cache, key);
			CHECK(found == key || found == ABSENT);
		} else CHECK_EQ(call(team->cache, key, callable), COUNTED + key);
	}
	tally_decref(callable);
}

static void play_team(size_t bound, bool clears)
{
	struct team team = {.cache = cache_of(bound), .bound = bound, .clears = clears};
	run_threads(TEAM, use_as_team, &team);
	for (int64_t key = 0; key < KEYS_OF_TEAM; key++) {
		int64_t found = get(team.cache, key);
		CHECK(found == key || found == ABSENT);
	}
	tally_decref(team.cache);
}

static void ten_threads_use_clear_and_inspect_a_bounded_cache(void) { play_team(8, false); }
static void ten_threads_use_clear_and_inspect_an_unbounded_cache(void) { play_team(SIZE_MAX, false); }
static void ten_threads_use_a_cache_that_the_callable_clears(void)
{
	play_team(8, true);
	play_team(SIZE_MAX, true);
}

static void count_as_team(void *context, unsigned number)
{
	uint64_t state = fixture_seed(number);
	for (int i = 0; i < tap_scale(2000); i++) {
		int64_t key = below(&state, 4);
		if (get(context, key) == ABSENT) put_into(context, key, key);
	}
}

// The sum of hits and misses says that no look-up was lost, and the size that no entry was.
static void what_threads_count_adds_up(void)
{
	tally_object *cache = cache_of(4);
	run_threads(4, count_as_team, cache);
	struct lru_cache_stats stats = stats_now(cache);
	CHECK_EQ(stats.hits + stats.misses, 4 * tap_scale(2000));
	CHECK_EQ(stats.evictions, 0);
	CHECK_EQ(stats.size, 4);
	tally_decref(cache);
}

static void start(void)
{
	classes_start();
	if (lru_cache_init()) tap_bail_out(tally_error_message());
}

int main(void)
{
	classes_begin(120);
	tap_before_each(start);
	TAP_RUN(what_was_used_least_recently_is_forgotten_first);
	TAP_RUN(it_forgets_what_a_simple_model_forgets);
	TAP_RUN(without_a_bound_nothing_is_forgotten);
	TAP_RUN(to_find_and_to_forget_cost_the_same_in_a_large_cache);
	TAP_RUN(what_is_forgotten_replaced_or_removed_dies_at_once);
	TAP_RUN(a_value_is_computed_once);
	TAP_RUN(a_callable_that_fails_stores_nothing_and_its_error_is_the_callers);
	TAP_RUN(a_callable_may_clear_the_cache);
	TAP_RUN(a_callable_may_ask_the_cache_for_other_keys);
	TAP_RUN(whoever_finishes_first_stores_and_the_others_get_that);
	TAP_RUN(what_is_no_key_or_no_cache_is_refused_and_nothing_is_counted);
	TAP_RUN(without_memory_nothing_has_changed);
	TAP_RUN(a_key_whose_equality_clears_the_cache_does_no_harm);
	TAP_RUN(a_cache_that_has_itself_is_collected);
	TAP_RUN(each_call_waits_for_a_section_over_the_cache);
	TAP_RUN(ten_threads_use_clear_and_inspect_a_bounded_cache);
	TAP_RUN(ten_threads_use_clear_and_inspect_an_unbounded_cache);
	TAP_RUN(ten_threads_use_a_cache_that_the_callable_clears);
	TAP_RUN(what_threads_count_adds_up);
	return tap_end();
}
