// stress/worker.h: what the parts of the worker share.
//
// The worker is one program, built once with each build of the library. A process of it runs one workload once, with
// a given number of threads, and prints one line of JSON; `compare` starts many of them and puts the lines side by
// side (docs/compare.md). Because a process does one thing, every failure of the library ends it: worker_die.
//
//     worker.c           options, the life of the runtime, the result line
//     worker_team.c      the threads: start together, stop together, the clock
//     worker_blocks.c    repeats a small piece of work until the time is up
//     worker_words.c     wordcount-shared, wordcount-private
//     worker_private.c   private-*: objects that one thread has for itself
//     worker_shared.c    shared-*: one object, all threads
//     worker_handoff.c   handoff, through the ring of worker_ring.c
//     worker_graph.c     graph: a cyclic structure built, dropped and collected
//     worker_cycles.c    cycles: small ones, left to the automatic collection
#ifndef STRESS_WORKER_H
#define STRESS_WORKER_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>

#include <tally/tally.h>

#define WORKER_MAX_THREADS 256

// A fault on purpose, so that a test can see `compare` notice it.
enum plant {
	PLANT_NONE,
	PLANT_DIGEST, // one thing that was done is not observed
	PLANT_LEAK,   // one object is never dropped
	PLANT_HANG,   // the process never ends
	PLANT_CRASH,  // it aborts
};

struct run;
struct member;

// Who calls what: `setup` and `teardown` the main thread, attached, before the threads start and after they are gone;
// the others every thread of the team, attached: `begin` before the clock starts, `work` while it runs, `end` after.
struct workload {
	const char *name;
	void (*setup)(struct run *run);
	void (*begin)(struct member *member);
	void (*work)(struct member *member);
	void (*end)(struct member *member);
	void (*teardown)(struct run *run); // must leave the observation in run->digest
	bool timed;                        // works until run->stop; else until all of its work is done
};

// What a member of a workload made of blocks has seen (worker_blocks.h).
struct observation {
	uint64_t first; // what its first block saw
	uint64_t blocks;
	uint64_t differing; // blocks that saw something else
};

// One thread of the team. On cache lines of its own: threads write their counters while others work.
struct member {
	alignas(128) struct run *run;
	unsigned index;
	pthread_t thread;
	void *own; // the workload's
	uint64_t ops;
	uint64_t replaced;
	struct observation seen;
	uint64_t finished_ns; // when `work` returned
	uint64_t cpu_ns;      // the thread's processor time in `work`
};

// The process's one run. Fields are written by the main thread before the team starts or after it is gone, unless
// they say otherwise.
struct run {
	const struct workload *workload;
	unsigned threads;
	uint64_t duration_ns;
	uint64_t seed;
	enum plant plant;
	const unsigned char *text;
	size_t text_size;
	const char *graph_path; // of a file as compare_graph.h describes it; NULL: graph_fd
	int graph_fd;

	struct member members[WORKER_MAX_THREADS];
	pthread_barrier_t barrier;
	_Atomic bool stop; // written by the main thread, read by all; relaxed: it guards nothing
	void *shared;      // the workload's

	uint64_t elapsed_ns;
	uint64_t merge_ns; // wordcount-private: the part of elapsed_ns after the counting; written by the first thread
	uint64_t page_bytes;
	tally_gc_pauses pauses; // of collections while the clock ran
	uint64_t nodes, edges;  // graph: of one build
	uint64_t words;
	uint64_t distinct;
	uint64_t digest;
};

// Ends the process with status 1 and a line on stderr that names the operation and the calling thread's error.
_Noreturn void worker_die(const char *operation);

// `object` unless it is NULL; then the process ends. And the same for functions that return a negative number.
tally_object *worker_need(tally_object *object, const char *operation);
void worker_check(int result, const char *operation);

// malloc of zeroed memory that ends the process when there is none.
void *worker_alloc(size_t count, size_t size);

// Maps an open file, or the one that `path` names if that is not NULL, to be read; ends the process with status 2 when
// it is empty or cannot be mapped.
const void *worker_map(const char *option, int fd, const char *path, size_t *size);

// A full collection, which must succeed.
void worker_collect(void);

// ---- worker_team.c ----
uint64_t team_clock_ns(void);
// Runs begin, work and end of the workload in run->threads threads. The calling thread must be attached; it waits in
// a blocking region.
void team_run(struct run *run);
// Waits, inside a blocking region, until every member has called it.
void team_meet(struct member *member);
static inline bool team_goes_on(const struct run *run)
{
	return !atomic_load_explicit(&run->stop, memory_order_relaxed);
}

// ---- the workloads; each table ends with a NULL name ----
extern const struct workload worker_words[];
extern const struct workload worker_private[];
extern const struct workload worker_shared[];
extern const struct workload worker_handoff[];
extern const struct workload worker_graph[];
extern const struct workload worker_cycles[];

#endif
