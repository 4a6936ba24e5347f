// core/runtime.c: starting and shutting down the one runtime of the process, counted by its users.
//
// The start: arenas, the variant, the built-in types (made by the calling thread behind a closed door), then the door is
// opened. The shutdown goes the other way. `users` and the phase are guarded by one latch, which nobody holds while
// waiting: whoever starts or stops the runtime marks the phase instead. A second user waits for a start to end, since
// libraries in one process do not know of one another, and is turned away by a shutdown.
#include "arena.h"
#include "error.h"
#include "finalize.h"
#include "finalizers.h"
#include "garbage.h"
#include "gc.h"
#include "intern.h"
#include "object.h"
#include "os.h"
#include "report.h"
#include "runtime.h"
#include "unraisable.h"

#include <limits.h>
#include <string.h>
#include <tally/heap.h>

enum { NAMES = 160 };

uint64_t tally_hash_seed;

enum phase { IDLE, STARTING, STOPPING };

static struct {
	struct tally_latch latch;
	unsigned users;
	_Atomic uint32_t phase; // written under the latch; a second user sleeps on it while the first one starts
} runtime = {.latch = TALLY_LATCH_INIT};

// The latch is held: waits until nobody is starting the runtime.
static enum phase wait_for_start(void)
{
	uint32_t phase;
	while ((phase = tally_load(&runtime.phase, relaxed)) == STARTING) {
		tally_latch_drop(&runtime.latch);
		tally_wait(&runtime.phase, STARTING, TALLY_FOREVER);
		tally_latch_take(&runtime.latch);
	}
	return (enum phase)phase;
}

static void end_phase(unsigned users)
{
	tally_latch_take(&runtime.latch);
	runtime.users = users;
	tally_store(&runtime.phase, IDLE, relaxed);
	tally_latch_drop(&runtime.latch);
	tally_wake(&runtime.phase, INT_MAX);
}

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

static int give_up(void)
{
	tally_gc_fini();
	tally_arenas_fini();
	return -1;
}

static int start(const tally_config *config)
{
	tally_hash_seed = config->hash_seed ? config->hash_seed : tally_random();
	tally_store(&tally_immortals, 0, relaxed);
	tally_arenas_init(config);
	tally_gc_init();
	tally_finalize_open();
	tally_finalizers_open();
	tally_report_init(config);
	if (variant_init(config)) {
		tally_error_memory("init", sizeof(struct tally_heap));
		return give_up();
	}
	int result = tally_threads_prepare();
	if (result) tally_error_raise(TALLY_ERROR_MEMORY, "init", "no thread-specific key left");
	else result = tally_thread_act_inside(tally_types_init, "init");
	if (!result) {
		tally_threads_open();
		return 0;
	}
	variant_fini();
	return give_up();
}

int tally_init(const tally_config *given)
{
	tally_config config;
	if (check_config(given, &config)) return -1;
	tally_latch_take(&runtime.latch);
	bool stopping = wait_for_start() == STOPPING, first = !stopping && runtime.users == 0;
	if (first) tally_store(&runtime.phase, STARTING, relaxed);
	else if (!stopping) runtime.users++;
	tally_latch_drop(&runtime.latch);
	if (stopping) return tally_error_raise(TALLY_ERROR_CLOSING, "init", "a shutdown is under way");
	if (!first) return 0;

	int result = start(&config);
	end_phase(result ? 0 : 1);
	return result;
}

// ---- shutdown ----

static uint64_t left_over;

static int count_left(void)
{
	tally_finalizers_close();
	tally_finalize_close();
	tally_gc_collect_all();
	if (tally_garbage_close()) tally_gc_collect_all();
	tally_intern_fini(); // after the last of the host's callbacks
	tally_heap_stats stats = {.size = sizeof stats};
	if (tally_heap_stats_get(&stats)) return -1;
	left_over = stats.live_objects;
	return 0;
}

static int stop(uint64_t timeout_ns, uint64_t *leaked)
{
	char names[NAMES];
	tally_thread_withdraw();
	if (!tally_finalizers_end_thread(timeout_ns))
		return tally_error_raise(TALLY_ERROR_TIMEOUT, "fini", "a finalizer is still running on the thread of finalizers");
	size_t busy = tally_threads_close(timeout_ns, names, sizeof names);
	if (busy) tally_finalizers_resume_thread();
	if (busy)
		return tally_error_raise(TALLY_ERROR_TIMEOUT, "fini", "%zu thread%s still attached or in a blocking region: %s", busy,
		                         busy == 1 ? "" : "s", names);
	if (tally_thread_act_inside(count_left, "fini")) {
		tally_finalize_open();
		tally_threads_open();
		tally_finalizers_resume_thread();
		return -1;
	}
	if (leaked) *leaked = left_over;
	tally_unraisable_reset();
	tally_gc_fini();
	tally_types_fini();
	variant_fini();
	tally_arenas_fini();
	return 0;
}

int tally_fini(uint64_t timeout_ns, uint64_t *leaked)
{
	tally_latch_take(&runtime.latch);
	bool stopping = wait_for_start() == STOPPING, running = runtime.users > 0, last = !stopping && runtime.users == 1;
	if (last) tally_store(&runtime.phase, STOPPING, relaxed);
	else if (!stopping && running) runtime.users--;
	tally_latch_drop(&runtime.latch);
	if (stopping) return tally_error_raise(TALLY_ERROR_CLOSING, "fini", "a shutdown is under way");
	if (!running) return tally_error_raise(TALLY_ERROR_CLOSING, "fini", "the runtime is not running");
	if (!last) return 0;

	int result = stop(timeout_ns, leaked);
	end_phase(result ? 1 : 0);
	return result;
}
