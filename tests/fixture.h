// tests/fixture.h: what the tests of objects share: a runtime for each test, objects whose death is seen, threads.
//
//     int main(void)
//     {
//             fixture_begin(60);
//             TAP_RUN(a_new_list_is_empty);
//             return tap_end();
//     }
//
// Each test runs attached, on a runtime of its own, which must hold no object and no buffer when the test ends. Helpers
// that cannot do their work end the program: a test may rely on them.
#ifndef TALLY_TESTS_FIXTURE_H
#define TALLY_TESTS_FIXTURE_H

#include "tap.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/tally.h>

static tally_token fixture_token;

// ---- the runtime ----

// In this build every container counts as shared from its first use on. What such a one gives up waits, with a record for which
// there need not be memory: so an operation may succeed although an allocation has failed.
static inline bool fixture_gives_up_later(void) { return strcmp(tally_variant(), "atomic") == 0; }

// Gives up what other threads might still have been reading, if there is anything: they have all come to a stop then.
static inline void fixture_settle(void)
{
	tally_retired_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_retired_get(&stats), 0);
	if (stats.number) CHECK_EQ(tally_heap_trim(NULL), 0);
	tally_safepoint();
}

static inline uint64_t fixture_live_objects(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	fixture_settle();
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.live_objects;
}

static inline int fixture_count_raw(const tally_heap_block *block, void *count)
{
	if (!block->type_name) ++*(uint64_t *)count;
	return 0;
}

// The arrays and tables that containers own.
static inline uint64_t fixture_raw_buffers(void)
{
	uint64_t count = 0;
	CHECK_EQ(tally_heap_walk(fixture_count_raw, &count), 0);
	return count;
}

static inline void fixture_start(void)
{
	if (tally_init(NULL) || tally_thread_attach(&fixture_token)) tap_bail_out(tally_error_message());
	tally_error_clear();
}

static inline void fixture_stop(void)
{
	uint64_t leaked = 1;
	CHECK_EQ(fixture_live_objects(), 0);
	CHECK_EQ(fixture_raw_buffers(), 0);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 0);
}

static inline void fixture_begin(unsigned seconds)
{
	tap_begin();
	tap_watchdog(seconds);
	tap_before_each(fixture_start);
	tap_after_each(fixture_stop);
}

// ---- errors ----

// The calling thread's error is exactly this; forgets it.
#define CHECK_ERROR(code, message)                                                                                     \
	(CHECK_EQ(tally_error_code(), (code)), CHECK_STR(tally_error_message(), (message)), tally_error_clear())

#define CHECK_NO_ERROR() CHECK_STR(tally_error_message(), "")

// ---- objects ----

static inline tally_object *must(tally_object *object)
{
	if (!object) tap_bail_out(tally_error_message());
	return object;
}

static inline tally_object *integer(int64_t value) { return must(tally_int_new(value)); }

// An int that is counted: of a small one there is one immortal object. It stands for `value`, which may be small.
enum { COUNTED = 1000000 };
static inline tally_object *counted(int64_t value) { return integer(COUNTED + value); }

static inline tally_object *text(const char *utf8) { return must(tally_str_from(utf8)); }

static inline int64_t value_of(tally_object *object)
{
	int64_t value = INT64_MIN;
	CHECK_EQ(tally_int_value(object, &value), 0);
	return value;
}

// The int in `object`, whose reference is given up.
static inline int64_t take_value(tally_object *object)
{
	int64_t value = object ? value_of(object) : INT64_MIN;
	tally_decref(object);
	return value;
}

// The same for what such an int stands for.
static inline int64_t take_counted(tally_object *object) { return object ? take_value(object) - COUNTED : INT64_MIN; }

// ---- objects whose death is seen ----

enum { FIXTURE_DEATHS = 64 };
static int fixture_deaths[FIXTURE_DEATHS]; // the ids of probes, in the order of their deaths
static atomic_uint fixture_dead;           // how many died; only the first FIXTURE_DEATHS are in the list

static inline void fixture_probe_dies(void *payload, void *context)
{
	unsigned place = atomic_fetch_add(&fixture_dead, 1);
	(void)context;
	if (place < FIXTURE_DEATHS) fixture_deaths[place] = *(int *)payload;
}

// The type of probes; made once a test, by the thread that the test runs on.
static inline tally_object *fixture_probe_type(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "probe",
		.payload_size = sizeof(int),
		.dealloc = fixture_probe_dies,
	};
	atomic_store(&fixture_dead, 0);
	return must(tally_host_type_new(&description));
}

static inline tally_object *probe(tally_object *type, int id)
{
	tally_object *object = must(tally_host_new(type));
	*(int *)tally_host_payload(object, type) = id;
	return object;
}

// Checks that the probes with ids 0 to count - 1 have died, in this order.
static inline void check_died_in_order(unsigned count)
{
	CHECK_EQ(atomic_load(&fixture_dead), count);
	for (unsigned i = 0; i < count && i < FIXTURE_DEATHS; i++) CHECK_EQ(fixture_deaths[i], (int)i);
}

// ---- random numbers ----

// xorshift; *state must not be 0.
static inline uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline unsigned below(uint64_t *state, unsigned limit)
{
	return (unsigned)(fixture_random(state) >> 33) % limit;
}

static inline uint64_t fixture_seed(unsigned thread)
{
	return (tap_seed() + thread) * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

// ---- threads ----

enum { FIXTURE_THREADS = 16 };

struct fixture_thread {
	pthread_t thread;
	pthread_barrier_t *barrier;
	void (*run)(void *context, unsigned number);
	void *context;
	unsigned number;
};

static inline void *fixture_thread_main(void *argument)
{
	struct fixture_thread *self = argument;
	tally_token token;
	pthread_barrier_wait(self->barrier);
	if (tally_thread_attach(&token)) tap_bail_out(tally_error_message());
	self->run(self->context, self->number);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// Calls run(context, 0 .. count - 1) on `count` attached threads that start together; the caller waits, in a blocking
// region.
static inline void run_threads(unsigned count, void (*run)(void *context, unsigned number), void *context)
{
	struct fixture_thread threads[FIXTURE_THREADS];
	pthread_barrier_t barrier;
	pthread_barrier_init(&barrier, NULL, count);
	CHECK_EQ(tally_blocking_begin(), 0);
	for (unsigned i = 0; i < count; i++) {
		threads[i] = (struct fixture_thread){.barrier = &barrier, .run = run, .context = context, .number = i};
		if (pthread_create(&threads[i].thread, NULL, fixture_thread_main, &threads[i]))
			tap_bail_out("no thread");
	}
	for (unsigned i = 0; i < count; i++) pthread_join(threads[i].thread, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	pthread_barrier_destroy(&barrier);
}

// Runs `run` on a thread that is not attached, and waits for it in a blocking region.
static inline void *fixture_unattached_main(void *run)
{
	(*(void (**)(void))run)();
	return NULL;
}

static inline void run_unattached(void (*run)(void))
{
	pthread_t thread;
	CHECK_EQ(tally_blocking_begin(), 0);
	if (pthread_create(&thread, NULL, fixture_unattached_main, &run)) tap_bail_out("no thread");
	pthread_join(thread, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
}

#endif
