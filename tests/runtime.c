// tests/runtime.c: starting and shutting down: counted users, what a shutdown waits for, what it says when it gives up,
// and threads that come too early, too late, or that live through several runtimes.
#include "turns.h"

static const uint64_t LONG = UINT64_C(20000000000);

static void start(void)
{
	if (tally_init(NULL)) tap_bail_out(tally_error_message());
	tally_error_clear();
}

static void stop(void)
{
	uint64_t leaked = 1;
	CHECK_EQ(tally_fini(LONG, &leaked), 0);
	CHECK_EQ(leaked, 0);
}

static void check_error(enum tally_error_code code, const char *part)
{
	CHECK_EQ(tally_error_code(), code);
	if (!CHECK(strstr(tally_error_message(), part))) tap_note("in \"%s\", wanted \"%s\"", tally_error_message(), part);
	tally_error_clear();
}

static uint64_t live_objects(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.live_objects;
}

// ---- before the start, after the end ----

static void nothing_works_while_the_runtime_does_not_run(void)
{
	tally_token token;
	tally_heap_stats stats = {.size = sizeof stats};
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tally_thread_attach(&token), -1);
		check_error(TALLY_ERROR_CLOSING, "thread_attach: ");
		CHECK_EQ(tally_fini(0, NULL), -1);
		check_error(TALLY_ERROR_CLOSING, "fini: the runtime is not running");
		CHECK(!tally_int_new(1000 + 1));
		check_error(TALLY_ERROR_THREAD, "int_new: ");
		CHECK_EQ(tally_heap_stats_get(&stats), -1);
		check_error(TALLY_ERROR_THREAD, "heap_stats_get: ");
		CHECK(!tally_thread_is_attached());
		start();
		stop();
	}
}

static void the_limit_can_be_set_only_while_the_runtime_runs(void)
{
	CHECK_EQ(tally_heap_limit_set(1 << 20), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_CLOSING);
	tally_error_clear();
	start();
	CHECK_EQ(tally_heap_limit_set(0), 0);
	stop();
}

static void *fail_to_attach(void *unused)
{
	(void)unused;
	tally_token token;
	CHECK_EQ(tally_thread_attach(&token), -1);
	return NULL;
}

static void *use_an_object(void *unused)
{
	(void)unused;
	tally_token token;
	if (!CHECK_EQ(tally_thread_attach(&token), 0)) return NULL;
	tally_decref(tally_int_new(1000 + 1));
	return NULL; // attached: its end detaches it
}

// On one stack after the other: a trace that a thread left would be met by the next one.
static void threads_that_came_too_early_and_ended_leave_no_trace(void)
{
	for (int i = 0; i < 4; i++) finish(spawn(fail_to_attach, NULL));
	start();
	for (int i = 0; i < 4; i++) finish(spawn(use_an_object, NULL));
	stop();
}

// ---- configuration ----

static void *no_arena(size_t size, size_t alignment, void *context)
{
	(void)size;
	(void)alignment;
	(void)context;
	return NULL;
}

static void a_malformed_configuration_is_refused(void)
{
	tally_config config = {.size = 0};
	CHECK_EQ(tally_init(&config), -1);
	check_error(TALLY_ERROR_VALUE, "init: config.size is 0");
	config.size = sizeof config + 8;
	CHECK_EQ(tally_init(&config), -1);
	check_error(TALLY_ERROR_VALUE, "init: config.size is ");
	config = (tally_config){.size = sizeof config, .arena_alloc = no_arena};
	CHECK_EQ(tally_init(&config), -1);
	check_error(TALLY_ERROR_VALUE, "arena_alloc and arena_free");
	CHECK_EQ(tally_fini(0, NULL), -1); // none of them has started anything
	check_error(TALLY_ERROR_CLOSING, "fini: ");
}

static void a_shorter_configuration_of_an_older_host_is_accepted(void)
{
	tally_config config = {.size = offsetof(tally_config, on_memory), .memory_limit = 1 << 20};
	CHECK_EQ(tally_init(&config), 0);
	stop();
}

static void the_seed_decides_the_hash_of_a_string(void)
{
	uint64_t hashes[3];
	tally_config config = {.size = sizeof config};
	for (int i = 0; i < 3; i++) {
		config.hash_seed = i < 2 ? 42 : 43;
		CHECK_EQ(tally_init(&config), 0);
		tally_token token = attached();
		tally_object *text = tally_str_from("seeded");
		CHECK_EQ(tally_hash(text, &hashes[i]), 0);
		tally_decref(text);
		CHECK_EQ(tally_thread_detach(token), 0);
		stop();
	}
	CHECK_EQ(hashes[0], hashes[1]);
	CHECK(hashes[1] != hashes[2]);
}

// ---- users ----

static void a_start_is_counted_and_the_last_user_shuts_down(void)
{
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_init(NULL), 0);
	tally_token token = attached();
	tally_object *object = tally_int_new(1000 + 3);
	CHECK_EQ(tally_thread_detach(token), 0);
	for (int i = 0; i < 2; i++) CHECK_EQ(tally_fini(0, NULL), 0);
	token = attached();
	CHECK_EQ(tally_refcount(object), 1);
	tally_decref(object);
	CHECK_EQ(tally_thread_detach(token), 0);
	stop();
	CHECK_EQ(tally_thread_attach(&token), -1);
	tally_error_clear();
}

// Waits in the middle of the start for whoever comes meanwhile, but not for ever: it may have to wait for the starter.
static stage middle; // 1: the start is in the middle; 2: the other has done what it came for

static void *slow_arena(size_t size, size_t alignment, void *context)
{
	(void)context;
	void *arena = aligned_alloc(alignment, size);
	if (arena) memset(arena, 0, size);
	if (has_reached(&middle, 1)) return arena;
	reach(&middle, 1);
	for (int i = 0; i < 10000 && !has_reached(&middle, 2); i++) sched_yield();
	return arena;
}

static void free_arena(void *arena, size_t size, void *context)
{
	(void)size;
	(void)context;
	free(arena);
}

static const tally_config slow = {.size = sizeof slow, .arena_alloc = slow_arena, .arena_free = free_arena};

static int second_result;

static void *be_the_second_user(void *unused)
{
	(void)unused;
	while (!has_reached(&middle, 1)) sched_yield();
	second_result = tally_init(NULL);
	if (second_result == 0) {
		tally_token token = attached();
		CHECK(tally_is_none(tally_none()));
		CHECK_EQ(tally_thread_detach(token), 0);
	}
	reach(&middle, 2);
	return NULL;
}

// Libraries in one process do not know of one another; only a shutdown may turn a start away.
static void a_user_who_comes_in_the_middle_of_a_start_is_counted(void)
{
	reach(&middle, 0);
	pthread_t second = spawn(be_the_second_user, NULL);
	CHECK_EQ(tally_init(&slow), 0);
	finish(second);
	CHECK_EQ(second_result, 0);
	if (second_result == 0) CHECK_EQ(tally_fini(0, NULL), 0);
	stop();
}

static pthread_barrier_t together;

static void *stop_too(void *result)
{
	pthread_barrier_wait(&together);
	*(int *)result = tally_fini(LONG, NULL);
	return NULL;
}

static void of_two_that_shut_down_at_once_each_gives_back_one_use(void)
{
	for (int round = tap_scale(100); round > 0; round--) {
		int results[2] = {9, 9};
		pthread_t threads[2];
		unsigned users = 1 + (unsigned)round % 2;
		for (unsigned i = 0; i < users; i++) start();
		pthread_barrier_init(&together, NULL, 2);
		for (int i = 0; i < 2; i++) threads[i] = spawn(stop_too, &results[i]);
		for (int i = 0; i < 2; i++) finish(threads[i]);
		pthread_barrier_destroy(&together);
		CHECK_EQ(results[0] + results[1], users == 1 ? -1 : 0);
		CHECK_EQ(tally_fini(0, NULL), -1);
		tally_error_clear();
	}
}

// ---- who may shut down ----

static void the_one_who_shuts_down_is_detached_whatever_it_was_in(void)
{
	tally_token token;
	tally_critical section;
	for (int state = 0; state < 7; state++) {
		uint64_t leaked = 9, kept = 0;
		start();
		if (state > 0) token = attached();
		if (state == 2) tally_thread_attach(&token);
		if (state >= 4) {
			tally_object *guard = tally_list_new();
			kept = 1;
			CHECK_EQ(tally_critical_begin(&section, guard), 0);
			if (state >= 5) tally_decref(tally_list_new()); // dies when the section ends, or else with the section
		}
		if (state == 3 || state == 6) tally_blocking_begin();
		CHECK_EQ(tally_fini(LONG, &leaked), 0);
		CHECK_EQ(leaked, kept);
		CHECK(!tally_thread_is_attached());
		CHECK_EQ(tally_safepoint(), -1);
		tally_error_clear();
	}
	start(); // what waited then is not met now
	token = attached();
	CHECK_EQ(tally_safepoint(), 0);
	tally_decref(tally_list_new());
	CHECK_EQ(live_objects(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	stop();
}

static atomic_uint deallocated;

static void count(void *payload, void *context)
{
	(void)payload;
	(void)context;
	atomic_fetch_add(&deallocated, 1);
}

static void what_is_alive_at_the_end_is_counted_and_not_destroyed(void)
{
	for (unsigned kept = 0; kept < 4; kept++) {
		uint64_t leaked = 99;
		start();
		tally_token token = attached();
		tally_host_type description = {.size = sizeof description, .name = "kept", .payload_size = 8, .dealloc = count};
		tally_object *type = tally_host_type_new(&description), *immortal = tally_host_new(type);
		atomic_store(&deallocated, 0);
		for (unsigned i = 0; i < kept; i++) CHECK(tally_host_new(type));
		tally_decref(tally_host_new(type));
		CHECK_EQ(tally_immortalize(immortal), 0);
		CHECK_EQ(atomic_load(&deallocated), 1);
		CHECK_EQ(tally_thread_detach(token), 0);
		CHECK_EQ(tally_fini(LONG, &leaked), 0);
		CHECK_EQ(leaked, kept);
		CHECK_EQ(atomic_load(&deallocated), 1);
	}
}

static void it_can_be_started_again_and_again(void)
{
	for (int i = tap_scale(100); i > 0; i--) {
		start();
		tally_token token = attached();
		tally_object *list = tally_list_new();
		for (int item = 0; item < 100; item++) {
			tally_object *number = tally_int_new(1000 + item);
			tally_list_append(list, number);
			tally_decref(number);
		}
		CHECK_EQ(live_objects(), 101);
		tally_decref(list);
		CHECK_EQ(live_objects(), 0);
		CHECK_EQ(tally_thread_detach(token), 0);
		stop();
	}
}

// ---- what a shutdown waits for ----

// A thread that is there, and what it does when it is told to go on.
struct guest {
	stage at; // 1: there, 2: told to go
	const char *name;
	bool in_region;
	tally_object *object;
};

static void *visit(void *argument)
{
	struct guest *guest = argument;
	tally_thread_set_name(guest->name);
	tally_token token = attached();
	guest->object = tally_list_new();
	if (guest->in_region) tally_blocking_begin();
	reach(&guest->at, 1);
	while (!has_reached(&guest->at, 2)) {
		if (!guest->in_region) tally_safepoint();
		sched_yield();
	}
	if (guest->in_region) tally_blocking_end();
	tally_token inner;
	CHECK_EQ(tally_thread_attach(&inner), 0); // a shutdown under way does not disturb who is there
	tally_decref(tally_int_new(1000 + 1));
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(inner), 0);
	tally_decref(guest->object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static pthread_t invite(struct guest *guest)
{
	pthread_t thread = spawn(visit, guest);
	await(&guest->at, 1);
	return thread;
}

struct shutdown {
	int result;
	uint64_t leaked;
};

static void *shut_down(void *argument)
{
	struct shutdown *shutdown = argument;
	shutdown->result = tally_fini(LONG, &shutdown->leaked);
	return NULL;
}

// Until a shutdown has begun attaching works; from then on it does not.
static void wait_until_attaching_is_refused(void)
{
	tally_token token;
	while (tally_thread_attach(&token) == 0) {
		CHECK_EQ(tally_thread_detach(token), 0);
		sched_yield();
	}
	check_error(TALLY_ERROR_CLOSING, "thread_attach: ");
}

static void check_waits_for(bool in_region)
{
	struct guest guest = {.in_region = in_region};
	struct shutdown shutdown = {9, 99};
	start();
	pthread_t visitor = invite(&guest), closer = spawn(shut_down, &shutdown);
	wait_until_attaching_is_refused();
	CHECK_EQ(tally_init(NULL), -1);
	check_error(TALLY_ERROR_CLOSING, "init: ");
	CHECK_EQ(tally_fini(0, NULL), -1);
	check_error(TALLY_ERROR_CLOSING, "fini: ");
	reach(&guest.at, 2);
	finish(visitor);
	finish(closer);
	CHECK_EQ(shutdown.result, 0);
	CHECK_EQ(shutdown.leaked, 0); // the guest has dropped its object before it went
}

static void a_shutdown_refuses_newcomers_and_waits_for_an_attached_thread(void) { check_waits_for(false); }

static void a_shutdown_waits_for_a_thread_in_a_blocking_region(void) { check_waits_for(true); }

static void a_shutdown_that_gives_up_names_the_threads_and_leaves_the_runtime_running(void)
{
	struct guest guests[] = {{.name = "alpha", .in_region = true}, {.name = "beta", .in_region = true}, {.in_region = true}};
	pthread_t visitors[3];
	uint64_t leaked = 99;
	start();
	tally_token token = attached();
	tally_thread_set_name("the closer");
	for (int i = 0; i < 3; i++) {
		visitors[i] = invite(&guests[i]);
		tally_error_clear();
	}
	for (uint64_t timeout = 0; timeout <= 2000000; timeout += 1000000) {
		CHECK_EQ(tally_fini(timeout, &leaked), -1);
		CHECK(strstr(tally_error_message(), "alpha"));
		CHECK(strstr(tally_error_message(), "beta"));
		CHECK(strstr(tally_error_message(), "unnamed"));
		CHECK(!strstr(tally_error_message(), "closer"));
		check_error(TALLY_ERROR_TIMEOUT, "fini: 3 threads");
		CHECK(!tally_thread_is_attached());
		CHECK_EQ(leaked, 99);
		token = attached();
		CHECK_EQ(live_objects(), 3);
		CHECK_EQ(tally_thread_detach(token), 0);
	}
	for (int i = 0; i < 3; i++) {
		reach(&guests[i].at, 2);
		finish(visitors[i]);
	}
	stop();
}

static void one_name_is_cut_at_31_bytes_and_many_do_not_overflow_the_message(void)
{
	enum { MANY = 20 };
	static struct guest guests[MANY];
	pthread_t visitors[MANY];
	start();
	for (int i = 0; i < MANY; i++) {
		guests[i] = (struct guest){.name = "a-name-of-more-than-31-bytes-is-cut-here", .in_region = true};
		visitors[i] = invite(&guests[i]);
	}
	CHECK_EQ(tally_fini(0, NULL), -1);
	CHECK(strlen(tally_error_message()) < 256);
	CHECK(strstr(tally_error_message(), "a-name-of-more-than-31-bytes-is"));
	CHECK(!strstr(tally_error_message(), "a-name-of-more-than-31-bytes-is-"));
	check_error(TALLY_ERROR_TIMEOUT, "fini: 20 threads");
	for (int i = 0; i < MANY; i++) {
		reach(&guests[i].at, 2);
		finish(visitors[i]);
	}
	stop();
}

static stage deaf_at;
static atomic_bool deaf_gave_up;

// Attached, at no point of any kind: a host's thread that waits for something without a blocking region.
static void *hold_on_without_points(void *unused)
{
	(void)unused;
	tally_thread_set_name("deaf");
	tally_token token = attached();
	reach(&deaf_at, 1);
	uint64_t limit = now_ns() + patience_ns(5);
	while (!has_reached(&deaf_at, 2) && !atomic_load(&deaf_gave_up)) {
		if (now_ns() > limit) atomic_store(&deaf_gave_up, true);
		sched_yield();
	}
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_shutdown_gives_up_on_a_thread_that_comes_to_no_point(void)
{
	start();
	reach(&deaf_at, 0);
	atomic_store(&deaf_gave_up, false);
	pthread_t thread = spawn(hold_on_without_points, NULL);
	while (!has_reached(&deaf_at, 1)) sched_yield();
	int result = tally_fini(1000000, NULL);
	CHECK(!atomic_load(&deaf_gave_up)); // the shutdown came back first
	CHECK_EQ(result, -1);
	if (result) check_error(TALLY_ERROR_TIMEOUT, "deaf");
	reach(&deaf_at, 2);
	finish(thread);
	if (result) stop();
}

// ---- threads that live longer than a runtime ----

static struct {
	stage at;       // odd: the runtime runs; even: it does not, or not for this thread
	stage answered; // the last `at` that the thread has acted upon
} old = {0, 0};

static void *live_through_runtimes(void *unused)
{
	(void)unused;
	for (unsigned i = 1; i <= 8; i++) {
		while (!has_reached(&old.at, i)) sched_yield();
		tally_token token;
		if (i % 2) {
			CHECK_EQ(tally_thread_attach(&token), 0);
			tally_object *list = tally_list_new(), *number = tally_int_new(1000 + i);
			CHECK_EQ(tally_list_append(list, number), 0);
			CHECK_EQ(tally_refcount(number), 2);
			tally_decref(list);
			CHECK_EQ(tally_refcount(number), 1);
			tally_decref(number);
			CHECK_EQ(tally_thread_detach(token), 0);
		} else {
			CHECK_EQ(tally_thread_attach(&token), -1);
			tally_error_clear();
		}
		reach(&old.answered, i);
	}
	return NULL;
}

static void a_thread_that_outlives_a_runtime_attaches_to_the_next_one(void)
{
	pthread_t thread = spawn(live_through_runtimes, NULL);
	for (unsigned i = 1; i <= 8; i++) {
		if (i % 2) start();
		else stop();
		reach(&old.at, i);
		while (!has_reached(&old.answered, i)) sched_yield();
	}
	start(); // it ends while another runtime runs, which it has never met
	finish(thread);
	stop();
}

static void *attach_once_and_wait(void *at)
{
	tally_thread_detach(attached());
	reach(at, 1);
	while (!has_reached(at, 2)) sched_yield();
	return NULL;
}

static void a_thread_that_ends_between_two_runtimes_leaves_no_trace(void)
{
	stage at;
	for (int i = 0; i < 3; i++) {
		reach(&at, 0);
		start();
		pthread_t thread = spawn(attach_once_and_wait, &at);
		while (!has_reached(&at, 1)) sched_yield();
		stop();
		reach(&at, 2);
		finish(thread);
		start();
		finish(spawn(use_an_object, NULL));
		stop();
	}
}

// ---- a start is whole before anybody uses it ----

static struct {
	int result;
	bool has_none;
} early;

static void *attach_early(void *unused)
{
	(void)unused;
	tally_token token;
	while (!has_reached(&middle, 1)) sched_yield();
	early.result = tally_thread_attach(&token);
	if (early.result == 0) {
		early.has_none = tally_is_none(tally_none());
		if (early.has_none) tally_decref(tally_int_new(1000 + 1));
		tally_thread_detach(token);
	}
	reach(&middle, 2);
	return NULL;
}

static void a_thread_that_attaches_during_a_start_finds_it_whole_or_is_refused(void)
{
	reach(&middle, 0);
	early.has_none = false;
	pthread_t thread = spawn(attach_early, NULL);
	CHECK_EQ(tally_init(&slow), 0);
	finish(thread);
	CHECK(early.result == -1 || early.has_none);
	stop();
}

// ---- a start that fails ----

static void a_start_without_an_arena_fails_with_an_error_and_can_be_repeated(void)
{
	tally_config config = {.size = sizeof config, .arena_alloc = no_arena, .arena_free = free_arena};
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(tally_init(&config), -1);
		check_error(TALLY_ERROR_MEMORY, "init: ");
		CHECK_EQ(tally_fini(0, NULL), -1);
		check_error(TALLY_ERROR_CLOSING, "fini: ");
		start();
		stop();
	}
}

static void a_start_fails_at_each_of_its_allocations_and_succeeds_after_the_last(void)
{
	uint64_t n = 1;
	if (tally_heap_fail(0, false)) { // no fault injection in this build
		tally_error_clear();
		return;
	}
	for (; n < 1000; n++) {
		tally_heap_fail(n, false);
		int result = tally_init(NULL);
		tally_heap_fail(0, false);
		if (result == 0) break;
		check_error(TALLY_ERROR_MEMORY, "init: ");
	}
	CHECK(n > 10);
	CHECK(n < 1000);
	stop();
}

int main(void)
{
	tap_begin();
	tap_watchdog(90);
	TAP_RUN(nothing_works_while_the_runtime_does_not_run);
	TAP_RUN(the_limit_can_be_set_only_while_the_runtime_runs);
	TAP_RUN(threads_that_came_too_early_and_ended_leave_no_trace);
	TAP_RUN(a_malformed_configuration_is_refused);
	TAP_RUN(a_shorter_configuration_of_an_older_host_is_accepted);
	TAP_RUN(the_seed_decides_the_hash_of_a_string);
	TAP_RUN(a_start_is_counted_and_the_last_user_shuts_down);
	TAP_RUN(a_user_who_comes_in_the_middle_of_a_start_is_counted);
	TAP_RUN(of_two_that_shut_down_at_once_each_gives_back_one_use);
	TAP_RUN(the_one_who_shuts_down_is_detached_whatever_it_was_in);
	TAP_RUN(what_is_alive_at_the_end_is_counted_and_not_destroyed);
	TAP_RUN(it_can_be_started_again_and_again);
	TAP_RUN(a_shutdown_refuses_newcomers_and_waits_for_an_attached_thread);
	TAP_RUN(a_shutdown_waits_for_a_thread_in_a_blocking_region);
	TAP_RUN(a_shutdown_that_gives_up_names_the_threads_and_leaves_the_runtime_running);
	TAP_RUN(one_name_is_cut_at_31_bytes_and_many_do_not_overflow_the_message);
	TAP_RUN(a_shutdown_gives_up_on_a_thread_that_comes_to_no_point);
	TAP_RUN(a_thread_that_outlives_a_runtime_attaches_to_the_next_one);
	TAP_RUN(a_thread_that_ends_between_two_runtimes_leaves_no_trace);
	TAP_RUN(a_thread_that_attaches_during_a_start_finds_it_whole_or_is_refused);
	TAP_RUN(a_start_without_an_arena_fails_with_an_error_and_can_be_repeated);
	TAP_RUN(a_start_fails_at_each_of_its_allocations_and_succeeds_after_the_last);
	return tap_end();
}
