// tests/heap.c: the heap as a host sees it: blocks of every size, exact counters, the walk, frees by other threads,
// pages that change hands, the limit and its hook, arenas of the host's own, trims.
#include "fixture.h"
#include "turns.h"

#include <sys/mman.h>

enum { MIB = 1 << 20 };

static tally_heap_stats stats(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats;
}

static void append(tally_object *list, tally_object *object)
{
	if (tally_list_append(list, object)) tap_bail_out(tally_error_message());
	tally_decref(object);
}

static tally_object *list_of_integers(int count)
{
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < count; i++) append(list, counted(i));
	return list;
}

// ---- the walk, collected ----

static struct {
	tally_heap_block *blocks; // in the order of the walk; sorted by look()
	size_t count, room, stop_at;
	unsigned disordered;
} walk;

static int collect(const tally_heap_block *block, void *context)
{
	(void)context;
	if (walk.count == walk.room) {
		walk.room = walk.room ? walk.room * 2 : 1024;
		walk.blocks = realloc(walk.blocks, walk.room * sizeof *walk.blocks);
		if (!walk.blocks) tap_bail_out("no memory");
	}
	if (walk.count) {
		uintptr_t last = (uintptr_t)walk.blocks[walk.count - 1].address, next = (uintptr_t)block->address;
		walk.disordered += last >> 26 == next >> 26 && last >= next; // in one arena
	}
	walk.blocks[walk.count++] = *block;
	return walk.count == walk.stop_at ? 42 : 0;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t left = (uintptr_t)((const tally_heap_block *)a)->address;
	uintptr_t right = (uintptr_t)((const tally_heap_block *)b)->address;
	return left < right ? -1 : left > right;
}

// Walks, and checks what must hold whatever lives: order, no block twice, no two that overlap.
static void look(void)
{
	walk.count = walk.stop_at = 0;
	walk.disordered = 0;
	CHECK_EQ(tally_heap_walk(collect, NULL), 0);
	CHECK_EQ(walk.disordered, 0);
	qsort(walk.blocks, walk.count, sizeof *walk.blocks, by_address);
	for (size_t i = 1; i < walk.count; i++) {
		const char *end = (const char *)walk.blocks[i - 1].address + walk.blocks[i - 1].size;
		if (!CHECK((uintptr_t)end <= (uintptr_t)walk.blocks[i].address)) return;
	}
}

static const tally_heap_block *block_at(const void *address)
{
	tally_heap_block key = {.address = address};
	return bsearch(&key, walk.blocks, walk.count, sizeof key, by_address);
}

static void check_block(tally_object *object, const char *type_name)
{
	const tally_heap_block *block = block_at(object);
	if (!CHECK(block)) return;
	CHECK_STR(block->type_name, type_name);
	CHECK_EQ(block->references, tally_refcount(object));
}

// The walk says what the counters say, to the byte. Returns the number of raw buffers.
static size_t check_walk_matches_stats(void)
{
	size_t raw = 0, immortal = 0;
	uint64_t bytes = 0;
	tally_heap_stats counted = stats();
	look();
	for (size_t i = 0; i < walk.count; i++) {
		raw += !walk.blocks[i].type_name;
		immortal += walk.blocks[i].type_name && walk.blocks[i].references == UINT32_MAX;
		bytes += walk.blocks[i].size;
	}
	CHECK_EQ(walk.count - raw - immortal, counted.live_objects);
	CHECK_EQ(immortal, counted.immortal_objects);
	CHECK_EQ(bytes, counted.live_bytes);
	CHECK(counted.live_bytes <= counted.page_bytes);
	CHECK(counted.page_bytes < counted.arena_bytes);
	CHECK_EQ(counted.arena_bytes % (64 * MIB), 0);
	CHECK(counted.arenas * (64 * MIB) <= counted.arena_bytes);
	return raw;
}

// ---- sizes ----

static char *filler;
static tally_object **nones; // as many references to none as the largest array holds

enum { LARGEST = (SANITIZED ? 66 : 130) * MIB };

static void fill(void)
{
	filler = malloc(LARGEST);
	nones = malloc(LARGEST);
	if (!filler || !nones) tap_bail_out("no memory");
	memset(filler, 'x', LARGEST);
}

static void check_string(size_t size, const tally_heap_stats *before)
{
	size_t length = 0;
	tally_object *object = must(tally_str_new(filler, size));
	const char *bytes = tally_str_utf8(object, &length);
	tally_heap_stats with = stats();
	CHECK_EQ(length, size);
	CHECK(bytes[size] == 0 && memcmp(bytes, filler, size) == 0);
	CHECK_EQ(with.live_objects, 1);
	CHECK(with.live_bytes - before->live_bytes > size);
	CHECK(with.live_bytes - before->live_bytes < size + size / 4 + (1 << 16));
	tally_decref(object);
	tally_heap_stats after = stats();
	CHECK_EQ(after.live_objects, 0);
	CHECK_EQ(after.live_bytes, before->live_bytes);
}

static void a_string_of_each_size_up_to_nine_thousand_bytes_lives_and_dies(void)
{
	tally_heap_stats before = stats();
	size_t step = SANITIZED ? 7 : 1;
	for (size_t size = 0; size < 9000; size += step) check_string(size, &before);
}

static void strings_around_each_power_of_two_up_to_beyond_an_arena_live_and_die(void)
{
	tally_heap_stats before = stats();
	for (size_t power = 1 << 13; power <= LARGEST / 2; power *= 2)
		for (size_t size = power - 40; size <= power + 8; size += power < MIB && !SANITIZED ? 4 : 24) check_string(size, &before);
	check_string(LARGEST - 1, &before);
	CHECK_EQ(stats().arenas, 1); // those that were of a string's own have gone
}

static void check_array(size_t size)
{
	size_t length = 0;
	tally_object *list = must(tally_list_from(nones, size)), *tuple = must(tally_tuple_new(nones, size));
	CHECK_EQ(tally_list_size(list, &length), 0);
	CHECK_EQ(length, size);
	CHECK_EQ(tally_tuple_size(tuple, &length), 0);
	CHECK_EQ(length, size);
	if (size) {
		CHECK_PTR(tally_list_get(list, -1), nones[0]);
		CHECK_PTR(tally_tuple_get(tuple, -1), nones[0]);
	}
	CHECK_EQ(stats().live_objects, size ? 2 : 1); // the empty tuple is immortal
	CHECK(stats().live_bytes >= 2 * size * sizeof nones[0]);
	CHECK_EQ(check_walk_matches_stats(), size > 0);
	tally_decref(list);
	tally_decref(tuple);
}

static void lists_and_tuples_of_every_magnitude_live_and_die(void)
{
	size_t most = LARGEST / sizeof nones[0] / (SANITIZED ? 8 : 1); // each element is an access that a sanitizer looks at
	for (size_t i = 0; i < most; i++) nones[i] = tally_none();
	tally_heap_stats before = stats();
	for (size_t size = 0; size < most; size += 1 + size / (SANITIZED ? 1 : 3)) check_array(size);
	check_array(most);
	CHECK_EQ(stats().live_bytes, before.live_bytes);
}

// ---- the walk ----

enum { KEPT = 3000 };

static void the_walk_finds_every_block_once_and_agrees_with_the_counters(void)
{
	static tally_object *kept[KEPT];
	static const char *const names[] = {"int", "float", "str", "list", "dict", "tuple", "probe", "str"};
	tally_object *type = fixture_probe_type();
	for (int i = 0; i < KEPT; i++) {
		tally_object *made[] = {
			counted(i),
			must(tally_float_new(i)),
			must(tally_str_new(filler, (size_t)i)),
			list_of_integers(i % 50),
			must(tally_dict_new()),
			must(tally_tuple_new(kept, (size_t)i % 20 < (size_t)i ? (size_t)i % 20 : 0)),
			probe(type, i),
			must(tally_str_new(filler, (size_t)(i % 10 == 7 ? 100000 : 20))),
		};
		CHECK_EQ(tally_dict_set(made[4], made[0], made[2]), 0);
		kept[i] = made[i % 8];
		for (int each = 0; each < 8; each++) // the others leave holes
			if (each != i % 8) tally_decref(made[each]);
	}
	size_t raw = check_walk_matches_stats(), buffers = 0;
	for (int i = 0; i < KEPT; i++) {
		check_block(kept[i], names[i % 8]);
		buffers += i % 8 == 4 || (i % 8 == 3 && i % 50 > 0);
	}
	CHECK_EQ(raw, buffers);
	for (int i = KEPT; i > 0; i--) tally_decref(kept[i - 1]);
	CHECK_EQ(check_walk_matches_stats(), 0);
}

static void the_walk_shows_immortal_objects_and_the_counts_of_the_others(void)
{
	tally_object *object = counted(1), *immortal = counted(2);
	uint64_t before = stats().immortal_objects;
	CHECK_EQ(tally_immortalize(immortal), 0);
	CHECK_EQ(stats().immortal_objects, before + 1);
	CHECK_EQ(stats().live_objects, 1);
	for (int i = 0; i < 5; i++) tally_incref(object);
	look();
	check_block(object, "int");
	CHECK_EQ(block_at(object)->references, 6);
	CHECK_EQ(block_at(immortal)->references, UINT32_MAX);
	CHECK_STR(block_at(tally_none())->type_name, "none");
	for (int i = 0; i < 6; i++) tally_decref(object);
}

static void a_visitor_ends_the_walk_with_its_own_result(void)
{
	tally_object *list = list_of_integers(100);
	for (size_t stop_at = 1; stop_at < 100; stop_at += 7) {
		walk.count = 0;
		walk.stop_at = stop_at;
		CHECK_EQ(tally_heap_walk(collect, NULL), 42);
		CHECK_EQ(walk.count, stop_at);
	}
	CHECK_EQ(stats().live_objects, 101); // the world runs again
	tally_decref(list);
}

static void the_counters_are_exact_after_each_step(void)
{
	enum { SLOTS = 200 };
	tally_object *slots[SLOTS] = {NULL};
	uint64_t state = fixture_seed(0), expected = 0, bytes = stats().live_bytes;
	for (int step = tap_scale(4000); step > 0; step--) {
		unsigned slot = below(&state, SLOTS), size = below(&state, 10) ? below(&state, 300) : below(&state, 30000);
		if (slots[slot]) {
			size_t held = 0;
			if (tally_is_list(slots[slot])) tally_list_size(slots[slot], &held);
			tally_decref(slots[slot]);
			slots[slot] = NULL;
			expected -= 1 + held;
		} else if (below(&state, 3)) {
			slots[slot] = must(tally_str_new(filler, size));
			expected++;
		} else {
			slots[slot] = list_of_integers((int)size / 10);
			expected += 1 + size / 10;
		}
		if (!CHECK_EQ(stats().live_objects, expected)) break;
		if (step % 100 == 0) check_walk_matches_stats();
	}
	for (int i = 0; i < SLOTS; i++) tally_decref(slots[i]);
	CHECK_EQ(stats().live_bytes, bytes);
}

static void a_struct_of_another_size_is_refused(void)
{
	tally_heap_stats wrong = {.size = sizeof wrong - 1, .live_objects = 7};
	CHECK_EQ(tally_heap_stats_get(&wrong), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
	CHECK_EQ(wrong.live_objects, 7);
	tally_error_clear();
}

// ---- frees by other threads ----

enum { REMOTE = 20000 };
static tally_object *remote[REMOTE];
static stage at;

static void make_remote(void)
{
	for (int i = 0; i < REMOTE; i++) remote[i] = i % 3 ? must(tally_str_new(filler, (size_t)i % 9000)) : list_of_integers(3);
}

static void drop_remote(void)
{
	for (int i = 0; i < REMOTE; i++) tally_decref(remote[i]);
}

// Who owns the objects: makes them at stage 0; is in a blocking region, at run points, or gone while they are dropped.
enum { BLOCKED, AT_RUN_POINTS, GONE };

static void *own(void *how)
{
	tally_token token = attached();
	make_remote();
	reach(&at, 1);
	if (*(int *)how == BLOCKED) await(&at, 2);
	if (*(int *)how == AT_RUN_POINTS) await_at_run_points(&at, 2);
	if (*(int *)how != GONE) CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void check_remote(int how)
{
	tally_heap_stats before = stats();
	reach(&at, 0);
	pthread_t owner = spawn(own, &how);
	await(&at, 1);
	if (how == GONE) finish(owner);
	CHECK_EQ(stats().live_objects, (REMOTE + 2) / 3 * 4 + REMOTE - (REMOTE + 2) / 3);
	drop_remote();
	if (how != AT_RUN_POINTS) { // at once, by the thread that dropped the last reference
		CHECK_EQ(stats().live_objects, 0);
		CHECK_EQ(stats().live_bytes, before.live_bytes);
	}
	reach(&at, 2);
	if (how != GONE) finish(owner);
	CHECK_EQ(stats().live_objects, 0);
	CHECK_EQ(stats().live_bytes, before.live_bytes);
	check_walk_matches_stats();
}

static void blocks_of_a_blocked_thread_are_freed_by_others_at_once(void) { check_remote(BLOCKED); }

static void blocks_of_a_thread_at_run_points_are_freed_by_others(void) { check_remote(AT_RUN_POINTS); }

static void blocks_of_a_thread_that_has_gone_are_freed_by_others_at_once(void) { check_remote(GONE); }

static void drop_all(void *unused, unsigned number)
{
	(void)unused;
	(void)number;
	drop_remote();
}

static void what_others_freed_is_allocated_again_by_the_owner(void)
{
	make_remote();
	run_threads(1, drop_all, NULL);
	uint64_t pages = stats().page_bytes;
	for (int i = tap_scale(20); i > 0; i--) {
		make_remote();
		run_threads(1, drop_all, NULL);
	}
	CHECK(stats().page_bytes <= pages + pages / 10);
}

static void exchange(void *lists, unsigned number)
{
	uint64_t state = fixture_seed(number);
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_object *list = ((tally_object **)lists)[below(&state, 4)];
		tally_object *object = must(tally_str_new(filler, below(&state, 20) ? below(&state, 100) : below(&state, 20000)));
		CHECK_EQ(tally_list_append(list, object), 0);
		tally_decref(object);
		if (i % 2) continue;
		tally_decref(tally_list_pop(list, 0)); // most likely another thread's
		tally_decref(tally_list_pop(list, -1));
		tally_error_clear(); // it may have been empty
	}
}

static void threads_that_exchange_objects_leave_nothing_behind(void)
{
	tally_object *lists[4];
	uint64_t bytes = stats().live_bytes;
	for (int i = 0; i < 4; i++) lists[i] = must(tally_list_new());
	run_threads(4, exchange, lists);
	check_walk_matches_stats();
	for (int i = 0; i < 4; i++) tally_decref(lists[i]);
	CHECK_EQ(stats().live_bytes, bytes);
}

static void *churn(void *done)
{
	tally_token token = attached();
	uint64_t state = fixture_seed((unsigned)pthread_self());
	while (!has_reached(done, 1)) {
		tally_object *list = list_of_integers((int)below(&state, 100));
		append(list, must(tally_str_new(filler, below(&state, 40000))));
		tally_decref(list);
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void the_heap_can_be_walked_and_trimmed_while_others_allocate(void)
{
	pthread_t others[3];
	static stage done;
	reach(&done, 0);
	for (int i = 0; i < 3; i++) others[i] = spawn(churn, &done);
	for (int i = tap_scale(100); i > 0; i--) {
		look();
		CHECK_EQ(tally_heap_trim(NULL), 0);
		tally_blocking_begin();
		sched_yield();
		tally_blocking_end();
	}
	reach(&done, 1);
	for (int i = 0; i < 3; i++) finish(others[i]);
	check_walk_matches_stats();
}

// ---- pages that change hands ----

static tally_object *estate;

static void *live_a_generation(void *unused)
{
	(void)unused;
	tally_token token = attached();
	tally_object *mine = must(tally_list_new());
	estate = must(tally_list_new());
	for (int i = 0; i < 2000; i++) append(i % 2 ? mine : estate, must(tally_str_new(filler, (size_t)(i * 7 % 1000))));
	tally_decref(mine);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void two_hundred_generations_of_threads_live_on_the_same_pages(void)
{
	uint64_t pages = 0;
	for (int generation = 0; generation < 200; generation++) {
		finish(spawn(live_a_generation, NULL));
		if (generation == 5) pages = stats().page_bytes;
		tally_decref(estate);
	}
	CHECK(stats().page_bytes <= pages);
	CHECK_EQ(stats().live_objects, 0);
}

static void an_heir_goes_on_where_a_thread_left_off_even_if_much_of_it_lives(void)
{
	tally_object *estates[20];
	uint64_t first = 0;
	for (int i = 0; i < 20; i++) {
		finish(spawn(live_a_generation, NULL));
		estates[i] = estate;
		if (i == 0) first = stats().page_bytes; // some page of nearly every class
	}
	CHECK(stats().page_bytes <= first + stats().live_bytes * 5 / 4);
	for (int i = 0; i < 20; i++) tally_decref(estates[i]);
}

static void a_trim_gives_the_pages_that_hold_nothing_back(void)
{
	size_t released = 0;
	tally_object *kept = counted(1), *list = must(tally_list_new());
	CHECK_EQ(tally_heap_trim(NULL), 0);
	tally_heap_stats before = stats();
	for (int i = 0; i < 20000; i++) append(list, must(tally_str_new(filler, (size_t)i)));
	uint64_t full = stats().page_bytes;
	CHECK(full > 100 * MIB);
	CHECK(stats().arenas > 1);
	tally_decref(list);
	CHECK_EQ(tally_heap_trim(&released), 0);
	CHECK(released > 100 * MIB);
	CHECK(stats().page_bytes <= before.page_bytes);
	CHECK_EQ(stats().arenas, 1);
	check_walk_matches_stats();
	CHECK_EQ(value_of(kept), COUNTED + 1);
	tally_decref(kept);
	CHECK_EQ(tally_heap_trim(&released), 0);
	CHECK_EQ(tally_heap_trim(&released), 0);
	CHECK_EQ(released, 0); // there is nothing left to give
	tally_decref(list_of_integers(100000));
}

// ---- faults on demand ----

static void *allocate_undisturbed(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < 100; i++) tally_decref(counted(i));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void the_nth_allocation_of_the_thread_fails_and_nobody_elses(void)
{
	if (tally_heap_fail(0, false)) {
		CHECK_EQ(tally_error_code(), TALLY_ERROR_UNSUPPORTED);
		CHECK_EQ(tally_heap_attempts(), 0);
		tally_error_clear();
		return;
	}
	for (uint64_t n = 1; n < 10; n++)
		for (int all = 0; all < 2; all++) {
			CHECK_EQ(tally_heap_fail(n, all), 0);
			CHECK_EQ(tally_heap_attempts(), 0);
			for (uint64_t i = 1; i < 20; i++) {
				tally_object *object = tally_int_new(COUNTED + 1);
				CHECK_EQ(object == NULL, all ? i >= n : i == n);
				CHECK_EQ(tally_heap_attempts(), i);
				tally_decref(object);
			}
			if (all) finish(spawn(allocate_undisturbed, NULL));
			CHECK_EQ(tally_heap_fail(0, false), 0);
			tally_decref(counted(1));
		}
	tally_error_clear();
}

// ---- the limit ----

static void start(const tally_config *config)
{
	if (tally_init(config) || tally_thread_attach(&fixture_token)) tap_bail_out(tally_error_message());
	tally_error_clear();
}

static bool try_append(tally_object *list, size_t size)
{
	tally_heap_stats before = stats();
	tally_object *object = tally_str_new(filler, size);
	bool done = object && tally_list_append(list, object) == 0;
	tally_decref(object);
	if (done) return true;
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK_EQ(stats().live_objects, before.live_objects);
	CHECK_EQ(stats().live_bytes, before.live_bytes);
	return false;
}

// Appends strings of `size` bytes until there is no memory; checks that each failure changed nothing. Returns how many. A
// call that fails may find pages that hold nothing but are another class's; the next one gets them.
static size_t fill_up(tally_object *list, size_t size)
{
	size_t count = 0;
	while (try_append(list, size) || try_append(list, size)) count++;
	return count;
}

static void check_strings(tally_object *list, size_t size, size_t count)
{
	size_t length = 0;
	CHECK_EQ(tally_list_size(list, &length), 0);
	CHECK_EQ(length, count);
	for (size_t i = 0; i < count; i++) {
		tally_object *object = must(tally_list_get(list, (ptrdiff_t)i));
		const char *bytes = tally_str_utf8(object, &length);
		if (length != size || memcmp(bytes, filler, size)) CHECK(!"the string is as it was");
		tally_decref(object);
	}
}

static void check_limit(size_t limit, size_t size)
{
	char at_limit[64];
	unsigned long long wanted = 0, in_use = 0;
	tally_config config = {.size = sizeof config, .memory_limit = limit};
	start(&config);
	tally_object *list = must(tally_list_new());
	size_t count = fill_up(list, size);
	snprintf(at_limit, sizeof at_limit, "limit %zu)", limit);
	CHECK(strstr(tally_error_message(), at_limit));
	CHECK_EQ(sscanf(tally_error_message(), "%*[a-z_]: out of memory for %llu bytes (%llu in use", &wanted, &in_use), 2);
	CHECK(wanted >= size);
	CHECK(in_use <= limit && in_use > limit / 4);
	CHECK(stats().page_bytes <= limit);
	CHECK(stats().live_bytes > limit / 4);
	check_strings(list, size, count);

	CHECK_EQ(tally_heap_limit_set(2 * limit), 0);
	size_t more = fill_up(list, size);
	CHECK(more > count / 2);
	CHECK(stats().page_bytes > limit);
	CHECK(stats().page_bytes <= 2 * limit);
	check_strings(list, size, count + more);

	uint64_t pages = stats().page_bytes;
	CHECK_EQ(tally_heap_limit_set(limit), 0); // below what is in use: frees nothing
	CHECK_EQ(stats().page_bytes, pages);
	check_strings(list, size, count + more);
	fill_up(list, size);
	CHECK(stats().page_bytes <= pages);
	CHECK_EQ(tally_heap_limit_set(0), 0);
	while (stats().page_bytes <= 2 * limit) append(list, must(tally_str_new(filler, size)));
	tally_decref(list);
	tally_error_clear();
	fixture_stop();
}

static void at_the_limit_calls_fail_with_the_numbers_and_nothing_is_lost(void)
{
	check_limit(4 * MIB, 10);
	check_limit(8 * MIB, 1000);
	check_limit(16 * MIB, 8100);
	check_limit(32 * MIB, 100000);
	check_limit(64 * MIB, 5 * MIB);
}

static void what_was_freed_can_be_had_again_under_the_limit(void)
{
	tally_config config = {.size = sizeof config, .memory_limit = 4 * MIB};
	start(&config);
	tally_object *list = must(tally_list_new());
	size_t count = fill_up(list, 10);
	CHECK_EQ(tally_list_clear(list), 0);
	for (size_t size = 100; size < 3 * MIB; size *= 2) { // in other sizes, too: the first try may only ask for relief
		tally_error_clear();
		tally_object *object = tally_str_new(filler, size);
		if (!object) object = tally_str_new(filler, size);
		if (!CHECK(object)) tap_note("%zu bytes: %s", size, tally_error_message());
		tally_decref(object);
	}
	size_t again = fill_up(list, 10);
	again += fill_up(list, 10);
	CHECK(again >= count - count / 10);
	tally_decref(list);
	tally_error_clear();
	fixture_stop();
}

static void *fill_and_leave(void *unused)
{
	(void)unused;
	tally_token token = attached();
	tally_object *list = must(tally_list_new());
	fill_up(list, 1000);
	tally_decref(list);
	tally_error_clear();
	reach(&at, 1);
	await(&at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void empty_pages_of_another_thread_do_not_count_against_the_limit_for_long(void)
{
	tally_config config = {.size = sizeof config, .memory_limit = 3 * MIB};
	start(&config);
	reach(&at, 0);
	pthread_t other = spawn(fill_and_leave, NULL);
	await(&at, 1);
	tally_object *object = tally_str_new(filler, 2 * MIB);
	if (!object) object = tally_str_new(filler, 2 * MIB);
	CHECK(object);
	tally_decref(object);
	reach(&at, 2);
	finish(other);
	tally_error_clear();
	fixture_stop();
}

static void fill_up_with_others(void *list, unsigned number)
{
	for (int i = 0; i < 20; i++) {
		tally_object *object;
		while ((object = tally_str_new(filler, 100 * (number + 1))) && tally_list_append(list, object) == 0) tally_decref(object);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_decref(object);
		tally_decref(tally_list_pop(list, 0));
	}
	tally_error_clear();
}

static void threads_that_reach_the_limit_together_lose_nothing(void)
{
	tally_config config = {.size = sizeof config, .memory_limit = 8 * MIB};
	start(&config);
	tally_object *list = must(tally_list_new());
	run_threads(4, fill_up_with_others, list);
	CHECK(stats().page_bytes <= 8 * MIB);
	check_walk_matches_stats();
	tally_decref(list);
	fixture_stop();
}

// ---- the hook ----

static struct {
	unsigned calls, yes; // answers yes that often
	size_t wanted, raise_to;
	void *context;
} hook;

static bool on_memory(size_t wanted, void *context)
{
	hook.calls++;
	hook.wanted = wanted;
	hook.context = context;
	if (hook.raise_to) tally_heap_limit_set(hook.raise_to);
	return hook.calls <= hook.yes;
}

static void start_with_hook(unsigned yes, size_t raise_to)
{
	tally_config config = {.size = sizeof config, .memory_limit = 4 * MIB, .on_memory = on_memory, .context = &hook};
	hook.calls = 0;
	hook.yes = yes;
	hook.raise_to = raise_to;
	start(&config);
}

static void the_hook_is_told_what_is_wanted_and_may_refuse(void)
{
	start_with_hook(0, 0);
	CHECK(!tally_str_new(filler, 5 * MIB));
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK_EQ(hook.calls, 1);
	CHECK(hook.wanted > 5 * MIB && hook.wanted < 6 * MIB);
	CHECK_PTR(hook.context, &hook);
	tally_error_clear();
	fixture_stop();
}

static void a_hook_that_says_yes_and_has_done_nothing_is_not_asked_again_by_the_call(void)
{
	start_with_hook(UINT32_MAX, 0);
	CHECK(!tally_str_new(filler, 5 * MIB));
	CHECK_EQ(hook.calls, 1);
	tally_error_clear();
	fixture_stop();
}

static void a_hook_that_raises_the_limit_saves_the_call(void)
{
	start_with_hook(UINT32_MAX, 64 * MIB);
	tally_object *list = must(tally_list_new());
	for (int i = 0; i < 5000; i++) append(list, must(tally_str_new(filler, 5000)));
	CHECK_EQ(hook.calls, 1);
	CHECK(stats().page_bytes > 4 * MIB);
	CHECK_NO_ERROR();
	tally_decref(list);
	fixture_stop();
}

static void a_hook_that_raises_the_limit_and_says_no_saves_the_next_call(void)
{
	start_with_hook(0, 64 * MIB);
	tally_decref(tally_str_new(filler, 5 * MIB));
	tally_error_clear();
	tally_object *object = tally_str_new(filler, 5 * MIB);
	CHECK(object);
	CHECK_EQ(hook.calls, 1);
	tally_decref(object);
	fixture_stop();
}

static void the_hook_is_not_asked_while_pages_that_hold_nothing_can_help(void)
{
	start_with_hook(0, 0);
	tally_object *list = must(tally_list_new());
	while (stats().page_bytes < 3 * MIB) append(list, counted(1));
	tally_decref(list);
	tally_object *object = tally_str_new(filler, 2 * MIB);
	CHECK(object);
	CHECK_EQ(hook.calls, 0);
	tally_decref(object);
	tally_error_clear();
	fixture_stop();
}

// ---- arenas of the host's own ----

enum { ARENAS = 64 };
static struct {
	struct {
		char *base, *arena;
		size_t span, size;
	} given[ARENAS];
	unsigned calls, fail_at; // the call that fails; 0: none
	bool fail_all;           // and all later ones
	unsigned alive, wrong;
} arenas;

static void *give_arena(size_t size, size_t alignment, void *context)
{
	unsigned place = 0;
	arenas.calls++;
	arenas.wrong += context != &arenas || alignment != 64 * MIB || size == 0 || size % alignment;
	if (arenas.calls == arenas.fail_at || (arenas.fail_all && arenas.calls > arenas.fail_at)) return NULL;
	while (place < ARENAS && arenas.given[place].base) place++;
	if (place == ARENAS) return NULL;
	size_t span = size + alignment;
	char *base = mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED) return NULL;
	char *arena = (char *)(((uintptr_t)base + alignment - 1) & ~(alignment - 1));
	arenas.given[place].base = base;
	arenas.given[place].arena = arena;
	arenas.given[place].span = span;
	arenas.given[place].size = size;
	arenas.alive++;
	return arena;
}

static void take_arena_back(void *arena, size_t size, void *context)
{
	for (unsigned i = 0; i < ARENAS; i++) {
		if (!arenas.given[i].base || arenas.given[i].arena != arena) continue;
		arenas.wrong += context != &arenas || arenas.given[i].size != size;
		munmap(arenas.given[i].base, arenas.given[i].span);
		arenas.given[i].base = NULL;
		arenas.alive--;
		return;
	}
	arenas.wrong++; // never given, or given back twice
}

static const tally_config own_arenas = {
	.size = sizeof own_arenas,
	.arena_alloc = give_arena,
	.arena_free = take_arena_back,
	.context = &arenas,
};

static void the_hosts_arenas_are_aligned_and_all_come_back(void)
{
	arenas.calls = arenas.fail_at = 0;
	for (int round = 0; round < 3; round++) {
		start(&own_arenas);
		tally_object *list = must(tally_list_new());
		for (int i = 0; i < 6; i++) append(list, must(tally_str_new(filler, i % 2 ? LARGEST - 1 : 40 * MIB)));
		CHECK_EQ(arenas.alive, stats().arenas);
		CHECK(arenas.alive > 5);
		check_walk_matches_stats();
		tally_decref(list);
		CHECK_EQ(tally_heap_trim(NULL), 0);
		CHECK_EQ(arenas.alive, 1);
		fixture_stop();
		CHECK_EQ(arenas.alive, 0);
		CHECK_EQ(arenas.wrong, 0);
	}
}

static void the_hosts_arenas_come_back_even_when_objects_are_left(void)
{
	uint64_t leaked = 0;
	start(&own_arenas);
	must(tally_str_new(filler, LARGEST - 1));
	list_of_integers(100);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 102);
	CHECK_EQ(arenas.alive, 0);
	CHECK_EQ(arenas.wrong, 0);
}

// A start, and four strings that need an arena each. Returns how many calls failed; 5: the start.
static unsigned use_four_arenas(void)
{
	tally_object *strings[4];
	unsigned failed = 0;
	if (tally_init(&own_arenas)) {
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		return 5;
	}
	fixture_token = attached();
	for (int i = 0; i < 4; i++) {
		tally_error_clear();
		strings[i] = tally_str_new(filler, 40 * MIB);
		failed += !strings[i];
		CHECK_EQ(tally_error_code(), strings[i] ? TALLY_ERROR_NONE : TALLY_ERROR_MEMORY);
		if (!strings[i]) CHECK(strstr(tally_error_message(), "no limit)"));
	}
	CHECK_EQ(stats().live_objects, 4 - failed);
	check_walk_matches_stats();
	tally_decref(list_of_integers(1000)); // what fits the arenas that are there is not affected
	for (int i = 0; i < 4; i++) tally_decref(strings[i]);
	tally_error_clear();
	fixture_stop();
	return failed;
}

static unsigned fail_an_arena(unsigned n, bool all)
{
	arenas.calls = 0;
	arenas.fail_at = n;
	arenas.fail_all = all;
	unsigned failed = use_four_arenas();
	CHECK_EQ(arenas.alive, 0);
	CHECK_EQ(arenas.wrong, 0);
	arenas.fail_at = arenas.fail_all = 0;
	return failed;
}

static void the_start_or_a_call_fails_when_an_arena_cannot_be_had_whichever_it_is(void)
{
	CHECK_EQ(fail_an_arena(1, true), 5);
	for (unsigned n = 2; n <= 4; n++) CHECK_EQ(fail_an_arena(n, true), 5 - n); // the first string fits the first arena
	CHECK_EQ(fail_an_arena(5, true), 0);
	for (unsigned n = 1; n <= 5; n++) CHECK(fail_an_arena(n, false) <= 1 || n == 1); // tried again, perhaps
}

int main(void)
{
	fixture_begin(120);
	fill();
	TAP_RUN(a_string_of_each_size_up_to_nine_thousand_bytes_lives_and_dies);
	TAP_RUN(strings_around_each_power_of_two_up_to_beyond_an_arena_live_and_die);
	TAP_RUN(lists_and_tuples_of_every_magnitude_live_and_die);
	TAP_RUN(the_walk_finds_every_block_once_and_agrees_with_the_counters);
	TAP_RUN(the_walk_shows_immortal_objects_and_the_counts_of_the_others);
	TAP_RUN(a_visitor_ends_the_walk_with_its_own_result);
	TAP_RUN(the_counters_are_exact_after_each_step);
	TAP_RUN(a_struct_of_another_size_is_refused);
	TAP_RUN(blocks_of_a_blocked_thread_are_freed_by_others_at_once);
	TAP_RUN(blocks_of_a_thread_at_run_points_are_freed_by_others);
	TAP_RUN(blocks_of_a_thread_that_has_gone_are_freed_by_others_at_once);
	TAP_RUN(what_others_freed_is_allocated_again_by_the_owner);
	TAP_RUN(threads_that_exchange_objects_leave_nothing_behind);
	TAP_RUN(the_heap_can_be_walked_and_trimmed_while_others_allocate);
	TAP_RUN(two_hundred_generations_of_threads_live_on_the_same_pages);
	TAP_RUN(an_heir_goes_on_where_a_thread_left_off_even_if_much_of_it_lives);
	TAP_RUN(a_trim_gives_the_pages_that_hold_nothing_back);
	TAP_RUN(the_nth_allocation_of_the_thread_fails_and_nobody_elses);
	tap_before_each(NULL); // from here on each test starts a runtime with a configuration of its own
	tap_after_each(NULL);
	TAP_RUN(at_the_limit_calls_fail_with_the_numbers_and_nothing_is_lost);
	TAP_RUN(what_was_freed_can_be_had_again_under_the_limit);
	TAP_RUN(empty_pages_of_another_thread_do_not_count_against_the_limit_for_long);
	TAP_RUN(threads_that_reach_the_limit_together_lose_nothing);
	TAP_RUN(the_hook_is_told_what_is_wanted_and_may_refuse);
	TAP_RUN(a_hook_that_says_yes_and_has_done_nothing_is_not_asked_again_by_the_call);
	TAP_RUN(a_hook_that_raises_the_limit_saves_the_call);
	TAP_RUN(a_hook_that_raises_the_limit_and_says_no_saves_the_next_call);
	TAP_RUN(the_hook_is_not_asked_while_pages_that_hold_nothing_can_help);
	TAP_RUN(the_hosts_arenas_are_aligned_and_all_come_back);
	TAP_RUN(the_hosts_arenas_come_back_even_when_objects_are_left);
	TAP_RUN(the_start_or_a_call_fails_when_an_arena_cannot_be_had_whichever_it_is);
	free(filler);
	free(nones);
	free(walk.blocks);
	return tap_end();
}
