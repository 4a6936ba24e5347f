// tests/thread.c: attaching, detaching, blocking regions, points, and threads that end in every state.
//
// What a thread owes the runtime at its start and shutdown is in tests/runtime.c.
#include "fixture.h"
#include "turns.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>

// ---- attach and detach ----

static void attaching_nests_and_each_token_restores_what_its_attach_found(void)
{
	tally_token second, third, fourth;
	CHECK(tally_thread_is_attached());
	CHECK_EQ(tally_thread_attach(&second), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK(!tally_thread_is_attached());
	CHECK_EQ(tally_thread_attach(&third), 0);
	CHECK(tally_thread_is_attached());
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_thread_attach(&fourth), 0);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(fourth), 0);
	CHECK(!tally_thread_is_attached());
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK(tally_thread_is_attached());
	CHECK_EQ(tally_thread_detach(third), 0);
	CHECK(!tally_thread_is_attached());
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(second), 0);
	CHECK(tally_thread_is_attached());
}

static void a_detached_thread_attaches_again_and_owns_what_it_made(void)
{
	tally_token token;
	tally_object *object = counted(5);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(tally_thread_detach(fixture_token), 0);
		CHECK(!tally_thread_is_attached());
		CHECK_EQ(tally_thread_attach(&token), 0);
		CHECK_EQ(token.previous, fixture_token.previous);
	}
	CHECK_EQ(tally_refcount(object), 1);
	CHECK(tally_is_unique(object));
	tally_decref(object);
}

static void a_value_that_is_no_token_is_refused_and_changes_nothing(void)
{
	static const uint32_t values[] = {3, 4, 255, 0x7FFFFFFF, 0x80000000, UINT32_MAX};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		CHECK_EQ(tally_thread_detach((tally_token){.previous = values[i]}), -1);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
		CHECK(tally_thread_is_attached());
		tally_error_clear();
	}
	tally_decref(counted(1));
}

static void *detach_the_outer_token_first(void *unused)
{
	(void)unused;
	tally_token outer = attached(), inner = attached();
	CHECK_EQ(tally_thread_detach(outer), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK(tally_thread_is_attached());
	tally_error_clear();
	CHECK_EQ(tally_thread_detach(inner), 0);
	CHECK(tally_thread_is_attached());
	if (tally_thread_is_attached()) CHECK_EQ(tally_thread_detach(outer), 0);
	return NULL;
}

static void a_token_that_is_not_the_innermost_attachs_is_refused(void)
{
	finish(spawn(detach_the_outer_token_first, NULL));
}

static void *detach_across_a_region(void *unused)
{
	(void)unused;
	tally_token outer = attached();
	CHECK_EQ(tally_blocking_begin(), 0);
	tally_token inner = attached();
	CHECK_EQ(tally_thread_detach(outer), -1); // would leave a region that was never ended
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	if (tally_thread_is_attached()) CHECK_EQ(tally_thread_detach(inner), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	if (tally_thread_is_attached()) CHECK_EQ(tally_thread_detach(outer), 0);
	return NULL;
}

static void a_token_from_outside_the_region_is_refused_inside_it(void) { finish(spawn(detach_across_a_region, NULL)); }

static void a_token_of_a_region_is_refused_where_no_region_was_interrupted(void)
{
	tally_token inner;
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_thread_attach(&inner), 0);
	CHECK_EQ(tally_thread_detach(inner), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(inner), -1); // used a second time
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	CHECK(tally_thread_is_attached());
	if (!tally_thread_is_attached()) tally_blocking_end();
}

static void a_second_detach_is_refused(void)
{
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_thread_detach(fixture_token), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "thread_detach: the thread is not attached");
	CHECK_EQ(tally_thread_attach(&fixture_token), 0);
}

static void regions_begin_attached_and_end_once(void)
{
	CHECK_EQ(tally_blocking_end(), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "blocking_end: the thread is attached, expected in a blocking region");
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_begin(), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "blocking_begin: the thread is in a blocking region, expected attached");
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_blocking_end(), -1);
	CHECK(tally_thread_is_attached());
	tally_error_clear();
}

// ---- use by a thread that is not attached ----

// What the calls below are made with; made by an attached thread, read by one that is not.
static struct {
	tally_object *text, *number, *fraction, *truth, *tuple, *list, *dict, *type, *host;
	tally_critical section;
} given;

static void make_given(void)
{
	tally_host_type description = {.size = sizeof description, .name = "given", .payload_size = 8};
	given.text = text("key");
	given.number = counted(7);
	given.fraction = must(tally_float_new(0.5));
	given.truth = tally_bool(true);
	given.tuple = must(tally_tuple_new(&given.number, 1));
	given.list = must(tally_list_from(&given.number, 1));
	given.dict = must(tally_dict_new());
	CHECK_EQ(tally_dict_set(given.dict, given.text, given.number), 0);
	given.type = must(tally_host_type_new(&description));
	given.host = must(tally_host_new(given.type));
}

static void check_given_and_drop_it(void)
{
	size_t size = 0;
	tally_object *value = NULL;
	CHECK_EQ(tally_list_size(given.list, &size), 0);
	CHECK_EQ(size, 1);
	CHECK_EQ(take_counted(tally_list_get(given.list, 0)), 7);
	CHECK_EQ(tally_dict_size(given.dict, &size), 0);
	CHECK_EQ(size, 1);
	CHECK_EQ(tally_dict_get(given.dict, given.text, &value), 1);
	CHECK_EQ(take_counted(value), 7);
	CHECK_EQ(tally_refcount(given.number), 4);
	CHECK_EQ(tally_refcount(given.text), 2);
	CHECK_EQ(tally_refcount(given.list), 1);
	CHECK_EQ(tally_refcount(given.host), 1);
	tally_decref(given.dict);
	tally_decref(given.list);
	tally_decref(given.tuple);
	tally_decref(given.text);
	tally_decref(given.number);
	tally_decref(given.fraction);
	tally_decref(given.host);
}

static int never(const tally_heap_block *block, void *context)
{
	(void)block;
	(void)context;
	return 1;
}

static tally_host_type described = {.size = sizeof described, .name = "x", .payload_size = 8};
static tally_heap_stats stats = {.size = sizeof stats, .live_objects = 77};
static tally_object *value = (tally_object *)1;
static int64_t number = 77;
static double fraction = 77;
static bool truth = true;
static size_t size = 77;
static uint64_t hash = 77;

// Each public call that needs an attached thread; true: it failed as its declaration says.
#define CALLS(CALL)                                                                                                    \
	CALL(tuple_new, !tally_tuple_new(&given.number, 1))                                                            \
	CALL(tuple_size, tally_tuple_size(given.tuple, &size) == -1)                                                   \
	CALL(tuple_get, !tally_tuple_get(given.tuple, 0))                                                              \
	CALL(list_new, !tally_list_new())                                                                              \
	CALL(list_from, !tally_list_from(&given.number, 1))                                                            \
	CALL(list_size, tally_list_size(given.list, &size) == -1)                                                      \
	CALL(list_get, !tally_list_get(given.list, 0))                                                                 \
	CALL(list_set, tally_list_set(given.list, 0, given.text) == -1)                                                \
	CALL(list_append, tally_list_append(given.list, given.text) == -1)                                             \
	CALL(list_insert, tally_list_insert(given.list, 0, given.text) == -1)                                          \
	CALL(list_extend, tally_list_extend(given.list, &given.text, 1) == -1)                                         \
	CALL(list_pop, !tally_list_pop(given.list, 0))                                                                 \
	CALL(list_clear, tally_list_clear(given.list) == -1)                                                           \
	CALL(dict_new, !tally_dict_new())                                                                              \
	CALL(dict_size, tally_dict_size(given.dict, &size) == -1)                                                      \
	CALL(dict_get, tally_dict_get(given.dict, given.text, &value) == -1 && !value)                                 \
	CALL(dict_contains, tally_dict_contains(given.dict, given.text) == -1)                                         \
	CALL(dict_set, tally_dict_set(given.dict, given.number, given.text) == -1)                                     \
	CALL(dict_setdefault, !tally_dict_setdefault(given.dict, given.number, given.text))                            \
	CALL(dict_add, tally_dict_add(given.dict, given.text, 1, &number) == -1)                                       \
	CALL(dict_pop, tally_dict_pop(given.dict, given.text, &value) == -1 && !value)                                 \
	CALL(dict_clear, tally_dict_clear(given.dict) == -1)                                                           \
	CALL(dict_next, tally_dict_next(given.dict, &(size_t){0}, NULL, NULL) == -1)                                   \
	CALL(heap_stats_get, tally_heap_stats_get(&stats) == -1)                                                       \
	CALL(heap_walk, tally_heap_walk(never, NULL) == -1)                                                            \
	CALL(heap_trim, tally_heap_trim(&size) == -1)                                                                  \
	CALL(host_type_new, !tally_host_type_new(&described))                                                          \
	CALL(host_new, !tally_host_new(given.type))                                                                    \
	CALL(host_payload, !tally_host_payload(given.host, given.type))                                                \
	CALL(int_new, !tally_int_new(1))                                                                               \
	CALL(float_new, !tally_float_new(1))                                                                           \
	CALL(int_value, tally_int_value(given.number, &number) == -1)                                                  \
	CALL(float_value, tally_float_value(given.fraction, &fraction) == -1)                                          \
	CALL(bool_value, tally_bool_value(given.truth, &truth) == -1)                                                  \
	CALL(immortalize, tally_immortalize(given.text) == -1)                                                         \
	CALL(type_of, !tally_type_of(given.text))                                                                      \
	CALL(hash, tally_hash(given.text, &hash) == -1)                                                                \
	CALL(equal, tally_equal(given.text, given.text) == -1)                                                         \
	CALL(len, tally_len(given.list, &size) == -1)                                                                  \
	CALL(str_new, !tally_str_new("x", 1))                                                                          \
	CALL(str_from, !tally_str_from("x"))                                                                           \
	CALL(str_from_bytes, !tally_str_from_bytes("x", 1, &size))                                                     \
	CALL(str_utf8, !tally_str_utf8(given.text, &size))                                                             \
	CALL(str_length, tally_str_length(given.text, &size) == -1)                                                    \
	CALL(thread_detach, tally_thread_detach(fixture_token) == -1)                                                  \
	CALL(blocking_begin, tally_blocking_begin() == -1)                                                             \
	CALL(safepoint, tally_safepoint() == -1)                                                                       \
	CALL(critical_begin, tally_critical_begin(&given.section, given.list) == -1)                                   \
	CALL(critical_end, tally_critical_end(&given.section) == -1)

// Each call twice: with an error standing it must set its own, too.
#define CHECK_REFUSED(name, call)                                                                                      \
	tally_error_clear();                                                                                           \
	CHECK(call);                                                                                                   \
	CHECK_ERROR(TALLY_ERROR_THREAD, #name ": " REASON);

#define REASON "the thread is not attached"
static void use_everything_unattached(void)
{
	CALLS(CHECK_REFUSED)
	CHECK_REFUSED(blocking_end, tally_blocking_end() == -1)
}
#undef REASON

#define REASON "the thread is in a blocking region, expected attached"
static void use_everything_in_a_region(void) { CALLS(CHECK_REFUSED) }
#undef REASON

static void check_results_untouched(void)
{
	CHECK_EQ(number, 77);
	CHECK(fraction == 77);
	CHECK(truth);
	CHECK_EQ(size, 77);
	CHECK_EQ(hash, 77);
	CHECK_EQ(stats.live_objects, 77);
}

static void every_call_of_a_thread_that_never_attached_is_refused_by_name_and_changes_nothing(void)
{
	make_given();
	run_unattached(use_everything_unattached);
	check_results_untouched();
	check_given_and_drop_it();
}

static void attach_and_detach(void)
{
	tally_thread_detach(attached());
	use_everything_unattached();
}

static void every_call_of_a_thread_that_has_detached_is_refused(void)
{
	make_given();
	run_unattached(attach_and_detach);
	check_given_and_drop_it();
}

static void every_call_in_a_blocking_region_is_refused_and_changes_nothing(void)
{
	make_given();
	CHECK_EQ(tally_blocking_begin(), 0);
	use_everything_in_a_region();
	CHECK_EQ(tally_blocking_end(), 0);
	check_results_untouched();
	check_given_and_drop_it();
}

static void check_what_needs_no_attaching(void)
{
	CHECK(!tally_thread_is_attached());
	tally_thread_set_name("stranger");
	tally_thread_set_name(NULL);
	tally_error_set(TALLY_ERROR_KEY, "mine");
	CHECK_ERROR(TALLY_ERROR_KEY, "mine");
	CHECK_STR(tally_version(), "0.1.0");
	CHECK(tally_variant()[0]);
}

static void what_needs_no_attaching_works_without(void)
{
	tally_error_set(TALLY_ERROR_VALUE, "the other thread's");
	run_unattached(check_what_needs_no_attaching);
	CHECK_ERROR(TALLY_ERROR_VALUE, "the other thread's");
}

static void only_the_build_with_a_lock_has_an_interval(void)
{
	uint64_t ns = 77;
	CHECK_EQ(tally_switch_interval_set(0), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
	tally_error_clear();
	int expected = is_gil() ? 0 : -1;
	CHECK_EQ(tally_switch_interval_get(&ns), expected);
	CHECK_EQ(tally_switch_interval_set(5000000), expected);
	CHECK_EQ(tally_error_code(), is_gil() ? TALLY_ERROR_NONE : TALLY_ERROR_UNSUPPORTED);
	tally_error_clear();
	if (!is_gil()) CHECK_EQ(ns, 77);
}

// ---- errno ----

static void a_blocking_region_preserves_errno(void)
{
	errno = 1234;
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(errno, 1234);
	errno = 4321;
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(errno, 4321);
}

// Whoever waits for the stopped world, in a system call, is interrupted there.
static int interrupt(const tally_heap_block *block, void *thread)
{
	(void)block;
	for (int i = 0; i < 50; i++) {
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
		sched_yield();
	}
	return 1;
}

static stage walks;

static void *stop_the_world_and_interrupt(void *thread)
{
	tally_token token = attached();
	for (int i = tap_scale(200); i > 0; i--) tally_heap_walk(interrupt, thread);
	reach(&walks, 1);
	tally_thread_detach(token);
	return NULL;
}

static void ignore(int signal_number) { (void)signal_number; }

static void a_blocking_region_preserves_errno_even_if_it_has_to_wait(void)
{
	struct sigaction action = {.sa_handler = ignore}, former;
	pthread_t self = pthread_self();
	unsigned wrong = 0;
	sigaction(SIGUSR1, &action, &former);
	reach(&walks, 0);
	pthread_t stopper = spawn(stop_the_world_and_interrupt, &self);
	while (!has_reached(&walks, 1)) {
		errno = 1234;
		tally_blocking_begin();
		wrong += errno != 1234;
		errno = 4321;
		tally_blocking_end();
		wrong += errno != 4321;
	}
	finish(stopper);
	sigaction(SIGUSR1, &former, NULL);
	CHECK_EQ(wrong, 0);
}

// ---- threads that end ----

static tally_object *left; // by a thread that ended; the test drops it

static void *end_attached(void *unused)
{
	(void)unused;
	attached();
	attached();
	left = counted(1);
	return NULL;
}

static void *end_in_a_region(void *unused)
{
	(void)unused;
	attached();
	left = counted(2);
	tally_blocking_begin();
	return NULL;
}

static void *end_attached_inside_a_region(void *unused)
{
	(void)unused;
	attached();
	tally_blocking_begin();
	attached();
	left = counted(3);
	return NULL;
}

// Nobody waits for a thread that has ended: a stop of the world comes through, and its objects can be dropped.
static void check_ended(void *(*run)(void *), int64_t expected)
{
	finish(spawn(run, NULL));
	CHECK_EQ(fixture_live_objects(), 1);
	CHECK_EQ(take_counted(left), expected);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_thread_that_ends_attached_is_detached(void) { check_ended(end_attached, 1); }

static void a_thread_that_ends_in_a_blocking_region_is_detached(void) { check_ended(end_in_a_region, 2); }

static void a_thread_that_ends_attached_inside_a_region_is_detached(void)
{
	check_ended(end_attached_inside_a_region, 3);
}

static tally_object *type; // of probes

static void *end_with_deaths_pending(void *in_region)
{
	static tally_critical section;
	attached();
	tally_object *first = probe(type, 0), *second = probe(type, 1);
	tally_critical_begin(&section, left);
	tally_decref(first); // dies when the section ends, or else with its thread
	tally_decref(second);
	if (in_region) tally_blocking_begin();
	return NULL;
}

static void check_ended_in_section(void *in_region)
{
	type = fixture_probe_type();
	left = counted(4);
	finish(spawn(end_with_deaths_pending, in_region));
	CHECK_EQ(atomic_load(&fixture_dead), 2);
	CHECK_EQ(fixture_live_objects(), 1);
	tally_decref(left);
}

static void what_waited_for_the_end_of_a_section_dies_with_its_thread(void) { check_ended_in_section(NULL); }

static void what_waited_for_the_end_of_a_section_dies_with_its_thread_in_a_region(void)
{
	check_ended_in_section(&type);
}

// ---- attaching while a thread ends ----

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define HAS_TSAN 1
#endif
#ifndef HAS_TSAN
#define HAS_TSAN 0
#endif

static pthread_key_t key;
static stage rounds;

// Comes once a round of destructors, as often as the system makes one.
static void use_objects_while_ending(void *again)
{
	static _Thread_local uintptr_t round;
	tally_token token;
	atomic_fetch_add(&rounds, 1);
	if (++round < (uintptr_t)again) pthread_setspecific(key, again);
	CHECK_EQ(tally_thread_attach(&token), 0);
	tally_object *object = tally_int_new(COUNTED + 1);
	CHECK(object);
	tally_decref(object);
	CHECK_EQ(tally_thread_detach(token), 0);
}

static void *end_with_a_destructor(void *wanted_rounds)
{
	pthread_setspecific(key, wanted_rounds);
	tally_thread_detach(attached());
	return NULL;
}

// The stack of the first thread serves the others, too: a trace that it left would be met there.
static void check_destructors_attach(unsigned wanted_rounds)
{
	reach(&rounds, 0);
	pthread_key_create(&key, use_objects_while_ending); // after the library's: it comes later in each round
	for (int i = 0; i < 3; i++) finish(spawn(end_with_a_destructor, (void *)(uintptr_t)wanted_rounds));
	pthread_key_delete(key);
	CHECK_EQ(atomic_load(&rounds), 3 * wanted_rounds);
}

static void a_destructor_of_thread_specific_memory_may_attach(void) { check_destructors_attach(1); }

static void a_destructor_may_attach_in_the_last_round_too(void)
{
	check_destructors_attach(PTHREAD_DESTRUCTOR_ITERATIONS);
	for (int i = 0; i < 3; i++) check_ended(end_attached, 1);
}

// ---- many threads ----

static void *come_and_go(void *list)
{
	tally_token token = attached();
	tally_object *number_ = counted(1);
	CHECK_EQ(tally_list_append(list, number_), 0);
	tally_decref(number_);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void two_hundred_threads_come_and_go_in_turn(void)
{
	tally_object *list = must(tally_list_new());
	size_t count = 0;
	for (int i = 0; i < 200; i++) finish(spawn(come_and_go, list));
	CHECK_EQ(tally_list_size(list, &count), 0);
	CHECK_EQ(count, 200);
	CHECK_EQ(fixture_live_objects(), 201);
	tally_decref(list);
}

enum { AT_ONCE = 64 };
static pthread_barrier_t everybody;

static void *be_there_with_all_others(void *list)
{
	tally_token token = attached();
	tally_object *number_ = counted(1);
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_barrier_wait(&everybody); // now all of them are known
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_list_append(list, number_), 0);
	tally_decref(number_);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void sixty_four_threads_are_attached_at_once(void)
{
	pthread_t threads[AT_ONCE];
	tally_object *list = must(tally_list_new());
	size_t count = 0;
	pthread_barrier_init(&everybody, NULL, AT_ONCE);
	for (int i = 0; i < AT_ONCE; i++) threads[i] = spawn(be_there_with_all_others, list);
	for (int i = 0; i < AT_ONCE; i++) finish(threads[i]);
	pthread_barrier_destroy(&everybody);
	CHECK_EQ(tally_list_size(list, &count), 0);
	CHECK_EQ(count, AT_ONCE);
	tally_decref(list);
}

enum { LEGACY = 500 };
static tally_object *legacy[LEGACY];

static void *leave_a_legacy(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (int i = 0; i < LEGACY; i++) legacy[i] = i % 2 ? probe(type, 0) : must(tally_list_from(&type, 1));
	tally_thread_detach(token);
	return NULL;
}

static void *drop_the_legacy(void *first)
{
	tally_token token = attached();
	for (uintptr_t i = (uintptr_t)first; i < LEGACY; i += 2) tally_decref(legacy[i]);
	tally_thread_detach(token);
	return NULL;
}

static void objects_outlive_their_thread_and_others_drop_them(void)
{
	type = fixture_probe_type();
	finish(spawn(leave_a_legacy, NULL));
	CHECK_EQ(fixture_live_objects(), LEGACY);
	pthread_t even = spawn(drop_the_legacy, (void *)0), odd = spawn(drop_the_legacy, (void *)1);
	finish(even);
	finish(odd);
	CHECK_EQ(atomic_load(&fixture_dead), LEGACY / 2);
	CHECK_EQ(fixture_live_objects(), 0);
}

// ---- points and memory ----

static void *stay_in_a_region(void *done)
{
	tally_token token = attached();
	tally_blocking_begin();
	reach(done, 1);
	while (!has_reached(done, 2)) sched_yield();
	tally_blocking_end();
	tally_thread_detach(token);
	return NULL;
}

static void nobody_waits_for_a_thread_in_a_blocking_region(void)
{
	static stage at;
	reach(&at, 0);
	pthread_t thread = spawn(stay_in_a_region, &at);
	await(&at, 1);
	for (int i = 0; i < 100; i++) CHECK_EQ(fixture_live_objects(), 0);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	reach(&at, 2);
	finish(thread);
}

static void *attach_without_memory(void *unused)
{
	(void)unused;
	tally_token token;
	bool refused = false;
	if (tally_heap_fail(1, true)) return NULL;
	if (tally_thread_attach(&token)) {
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		CHECK(!tally_thread_is_attached());
		refused = true;
	}
	tally_heap_fail(0, false);
	if (refused) CHECK_EQ(tally_thread_attach(&token), 0);
	tally_decref(counted(1));
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_thread_that_found_no_memory_to_attach_can_try_again(void)
{
	finish(spawn(attach_without_memory, NULL));
}

static void *fail_to_attach(void *unused)
{
	(void)unused;
	tally_token token;
	tally_heap_fail(1, true);
	if (tally_thread_attach(&token) == 0) tally_thread_detach(token);
	tally_heap_fail(0, false);
	return NULL;
}

static void threads_that_ended_after_a_failed_attach_leave_no_trace(void)
{
	for (int i = 0; i < 8; i++) finish(spawn(fail_to_attach, NULL));
	for (int i = 0; i < 3; i++) check_ended(end_attached, 1);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(attaching_nests_and_each_token_restores_what_its_attach_found);
	TAP_RUN(a_detached_thread_attaches_again_and_owns_what_it_made);
	TAP_RUN(a_value_that_is_no_token_is_refused_and_changes_nothing);
	TAP_RUN(a_token_that_is_not_the_innermost_attachs_is_refused);
	TAP_RUN(a_token_from_outside_the_region_is_refused_inside_it);
	TAP_RUN(a_token_of_a_region_is_refused_where_no_region_was_interrupted);
	TAP_RUN(a_second_detach_is_refused);
	TAP_RUN(regions_begin_attached_and_end_once);
	TAP_RUN(every_call_of_a_thread_that_never_attached_is_refused_by_name_and_changes_nothing);
	TAP_RUN(every_call_of_a_thread_that_has_detached_is_refused);
	TAP_RUN(every_call_in_a_blocking_region_is_refused_and_changes_nothing);
	TAP_RUN(what_needs_no_attaching_works_without);
	TAP_RUN(only_the_build_with_a_lock_has_an_interval);
	TAP_RUN(a_blocking_region_preserves_errno);
	TAP_RUN(a_blocking_region_preserves_errno_even_if_it_has_to_wait);
	TAP_RUN(a_thread_that_ends_attached_is_detached);
	TAP_RUN(a_thread_that_ends_in_a_blocking_region_is_detached);
	TAP_RUN(a_thread_that_ends_attached_inside_a_region_is_detached);
	TAP_RUN(what_waited_for_the_end_of_a_section_dies_with_its_thread);
	TAP_RUN(what_waited_for_the_end_of_a_section_dies_with_its_thread_in_a_region);
	TAP_RUN(a_destructor_of_thread_specific_memory_may_attach);
	TAP_RUN(two_hundred_threads_come_and_go_in_turn);
	TAP_RUN(sixty_four_threads_are_attached_at_once);
	TAP_RUN(objects_outlive_their_thread_and_others_drop_them);
	TAP_RUN(nobody_waits_for_a_thread_in_a_blocking_region);
	TAP_RUN(a_thread_that_found_no_memory_to_attach_can_try_again);
	TAP_RUN(threads_that_ended_after_a_failed_attach_leave_no_trace);
	if (HAS_TSAN) tap_skip("a_destructor_may_attach_in_the_last_round_too", "ThreadSanitizer lets go of a thread before that round ends");
	else TAP_RUN(a_destructor_may_attach_in_the_last_round_too);
	return tap_end();
}
