// stress/generations_team.c: the workers of stress/generations.h.
//
// Workers meet three times, the thread of `main` among them: when all are ready, when all have stopped, and when the figures have been
// read. They wait in blocking regions, so that nobody waits for them. They are not pinned: the system deals out the processors.
#include "generations.h"
#include "collecting.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static pthread_barrier_t meeting;
static atomic_bool is_over;
static const struct shift *current;

// On cache lines of its own: it counts while others work.
static struct worker {
	alignas(128) pthread_t thread;
	uint64_t pairs;   // made
	uint64_t garbage; // lists that it has left to the collector
	double began, ended;
	tally_object *kept[KEPT];
} workers[MOST_WORKERS];

// Returns when that was, which may be long before this thread's turn among the others comes.
static double meet(void)
{
	tally_blocking_begin();
	pthread_barrier_wait(&meeting);
	double met = now_ns();
	tally_blocking_end();
	return met;
}

// ---- a worker ----

void litter(struct worker *worker, tally_object *pair)
{
	worker->garbage += 2;
	tally_decref(pair);
}

void tidy(struct worker *worker, tally_object *pair)
{
	(void)worker;
	give(pair, 0, tally_none());
	tally_decref(pair);
}

// In the place of one that was kept before.
static void keep(struct worker *worker, tally_object *pair)
{
	tally_object **place = &worker->kept[worker->pairs / KEEP_EVERY % KEPT], *old = *place;
	*place = pair;
	if (old) current->give_up(worker, old);
}

static void work(struct worker *worker)
{
	tally_object *pair = make_pair();
	if (worker->pairs % KEEP_EVERY) current->give_up(worker, pair);
	else keep(worker, pair);
	worker->pairs++;
}

static tally_object *take_first(tally_object *list) { return need(tally_list_get(list, 0), "tally_list_get"); }

static bool is_whole(tally_object *pair)
{
	tally_object *other = take_first(pair), *first = take_first(other);
	bool whole = first == pair && other != pair;
	tally_decref(first);
	tally_decref(other);
	return whole;
}

static void drop_kept(struct worker *worker)
{
	uint64_t made = (worker->pairs + KEEP_EVERY - 1) / KEEP_EVERY, wanted = made < KEPT ? made : KEPT, whole = 0;
	for (uint64_t i = 0; i < wanted; i++) {
		whole += is_whole(worker->kept[i]);
		litter(worker, worker->kept[i]);
	}
	expect("pairs that were kept and are whole", whole, wanted);
}

static void *be_worker(void *argument)
{
	struct worker *worker = argument;
	tally_token token;
	check(tally_thread_attach(&token), "tally_thread_attach");
	worker->began = meet();
	while (!atomic_load_explicit(&is_over, memory_order_relaxed)) work(worker);
	worker->ended = now_ns();
	meet();
	meet();
	drop_kept(worker);
	check(tally_thread_detach(token), "tally_thread_detach");
	return NULL;
}

// ---- all of them ----

// Collections that have begun end before their workers do.
static double end_work(void)
{
	tally_gc_disable();
	atomic_store(&is_over, true);
	return now_ns();
}

double be_away(double until, void *unused)
{
	(void)unused;
	int64_t ns = (int64_t)until;
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
	tally_blocking_begin();
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL))
		;
	double ended = end_work(); // before this thread has to wait for its turn among the others
	tally_blocking_end();
	return ended;
}

static void start_workers(size_t count)
{
	atomic_store(&is_over, false);
	if (pthread_barrier_init(&meeting, NULL, (unsigned)count + 1)) fail("pthread_barrier_init");
	for (size_t i = 0; i < count; i++) {
		workers[i] = (struct worker){.pairs = 0};
		if (pthread_create(&workers[i].thread, NULL, be_worker, &workers[i])) fail("pthread_create");
	}
}

static void join_workers(size_t count)
{
	tally_blocking_begin();
	for (size_t i = 0; i < count; i++) pthread_join(workers[i].thread, NULL);
	tally_blocking_end();
	pthread_barrier_destroy(&meeting);
}

static double earlier(double a, double b) { return a < b ? a : b; }
static double later(double a, double b) { return a > b ? a : b; }

// Whoever comes out of the meeting last may have been displaced there: the first one began it.
static struct progress progress_of(size_t count, double began, double ended)
{
	struct progress progress = {.workers = count, .least = UINT64_MAX};
	for (size_t i = 0; i < count; i++) {
		const struct worker *worker = &workers[i];
		progress.pairs += worker->pairs;
		if (worker->pairs < progress.least) progress.least = worker->pairs;
		if (worker->pairs > progress.most) progress.most = worker->pairs;
		began = earlier(began, worker->began);
		ended = later(ended, worker->ended);
	}
	progress.ns = ended - began;
	return progress;
}

struct progress run_shift(const struct shift *shift)
{
	current = shift;
	start_workers(shift->workers);
	double began = meet(), ended = shift->meanwhile(began + (double)shift->milliseconds * 1e6, shift->context);
	end_work();
	meet();
	struct progress progress = progress_of(shift->workers, began, ended);
	shift->at_end(shift->context);
	meet();
	join_workers(shift->workers);
	for (size_t i = 0; i < shift->workers; i++) progress.garbage += workers[i].garbage;
	return progress;
}
