// core/runtime.c: starting and shutting down the one runtime of the process, counted by its users.
//
// The start: arenas, the variant, the built-in types (made by the calling thread behind a closed door), then the door is
// opened. The shutdown goes the other way. `users` and the phase are guarded by one latch, which nobody holds while
// waiting: a shutdown that waits for threads leaves it and marks the phase instead.
#include "arena.h"
#include "error.h"
#include "object.h"
#include "os.h"
#include "runtime.h"

#include <string.h>
#include <tally/heap.h>

enum { NAMES = 160 };

uint64_t tally_hash_seed;

static struct {
	struct tally_latch latch;
	unsigned users;
	bool changing; // a start or a shutdown is under way
} runtime = {.latch = TALLY_LATCH_INIT};

const char *tally_variant(void) { return variant_name; }

const char *tally_version(void) { return TALLY_VERSION; }

// ---- start ----

static int check_config(const tally_config *given, tally_config *config)
{
	*config = (tally_config){.size = sizeof *config};
	if (given) {
		if (given->size < sizeof given->size || given->size > sizeof *config)
			return tally_error_raise(TALLY_ERROR_VALUE, "init", "config.size is %zu, expected sizeof(tally_config), %zu",
			                         given->size, sizeof *config);
		memcpy(config, given, given->size);
	}
	if (!config->arena_alloc != !config->arena_free)
		return tally_error_raise(TALLY_ERROR_VALUE, "init", "config.arena_alloc and arena_free go together, got one");
	return 0;
}

static int start(const tally_config *config)
{
	tally_hash_seed = config->hash_seed ? config->hash_seed : tally_random();
	tally_store(&tally_immortals, 0, relaxed);
	tally_arenas_init(config);
	if (variant_init(config)) return tally_error_memory("init", sizeof(struct tally_heap));
	int result = tally_threads_prepare();
	if (result) tally_error_raise(TALLY_ERROR_MEMORY, "init", "no thread-specific key left");
	else result = tally_thread_act_inside(tally_types_init, "init");
	if (!result) {
		tally_threads_open();
		return 0;
	}
	variant_fini();
	tally_arenas_fini();
	return -1;
}

int tally_init(const tally_config *given)
{
	tally_config config;
	if (check_config(given, &config)) return -1;
	tally_latch_take(&runtime.latch);
	bool busy = runtime.changing, first = !busy && runtime.users == 0;
	if (first) runtime.changing = true;
	else if (!busy) runtime.users++;
	tally_latch_drop(&runtime.latch);
	if (busy) return tally_error_raise(TALLY_ERROR_CLOSING, "init", "a start or a shutdown is under way");
	if (!first) return 0;

	int result = start(&config);
	tally_latch_take(&runtime.latch);
	runtime.users = result ? 0 : 1;
	runtime.changing = false;
	tally_latch_drop(&runtime.latch);
	return result;
}

// ---- shutdown ----

static uint64_t left_over;

static int count_left(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	if (tally_heap_stats_get(&stats)) return -1;
	left_over = stats.live_objects;
	return 0;
}

static int stop(uint64_t timeout_ns, uint64_t *leaked)
{
	char names[NAMES];
	tally_thread_withdraw();
	size_t busy = tally_threads_close(timeout_ns, names, sizeof names);
	if (busy)
		return tally_error_raise(TALLY_ERROR_TIMEOUT, "fini", "%zu thread%s still attached or in a blocking region: %s", busy,
		                         busy == 1 ? "" : "s", names);
	if (tally_thread_act_inside(count_left, "fini")) {
		tally_threads_open();
		return -1;
	}
	if (leaked) *leaked = left_over;
	tally_types_fini();
	variant_fini();
	tally_arenas_fini();
	return 0;
}

int tally_fini(uint64_t timeout_ns, uint64_t *leaked)
{
	tally_latch_take(&runtime.latch);
	bool busy = runtime.changing, running = runtime.users > 0, last = !busy && runtime.users == 1;
	if (last) runtime.changing = true;
	else if (!busy && running) runtime.users--;
	tally_latch_drop(&runtime.latch);
	if (busy || !running)
		return tally_error_raise(TALLY_ERROR_CLOSING, "fini", running || busy ? "a start or a shutdown is under way"
		                                                                     : "the runtime is not running");
	if (!last) return 0;

	int result = stop(timeout_ns, leaked);
	tally_latch_take(&runtime.latch);
	runtime.users = result ? 1 : 0;
	runtime.changing = false;
	tally_latch_drop(&runtime.latch);
	return result;
}
