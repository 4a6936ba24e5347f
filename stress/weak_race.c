// stress/weak_race.c: upgrades of weak references against last drops, as often as one likes, with books that must balance.
//
//     tally-weak-race-<variant> [-n OBJECTS] [-t THREADS] [-s SEED] [--plant stale|lost|leak]
//
// Every other thread is a maker: it makes objects with weak references, puts one of these into a list or a dict that all know,
// without any lock, and drops the object a moment later. The others are takers: they upgrade what they find there, again and again
// until the object is gone, and use what they get; they keep some of it in a list, from which anybody drops it, so that the last
// drop may be anybody's; and they drop weak references. Some objects are part of a cycle, and some are brought back once by
// their finalizers.
//
// What must be, or the program says so and ends with status 1:
//   upgrades   give the object for which the weak reference was made, whole, or nothing; what somebody holds is always found. Each
//              object has a number, which stands beside its weak reference, and a stamp, which its destruction changes
//   callbacks  of a weak reference that lives until its object is dead: exactly once; of one that was dropped before: never; of
//              one that somebody may drop: at most once. While its object is neither destroyed nor to be had. Those that fail are
//              reported
//   objects    each is destroyed once, those with a finalizer finalized once; in the end the heap holds nothing
// At the end one line with the figures, and status 1 if anything was wrong. Status 2: wrong usage.
#include "pin.h"
#include "weak_race.h"

#include <getopt.h>
#include <pthread.h>
#include <time.h>

enum { THREADS_MAX = 64 };

static struct {
	unsigned threads;
	uint64_t objects;
} options = {.threads = 4, .objects = 10000000};

struct books books;
struct shared shared;
_Thread_local struct figures mine;
_Thread_local uint64_t random_state = 1;

static struct figures sum;
static pthread_mutex_t sum_lock = PTHREAD_MUTEX_INITIALIZER;
static struct maker *makers[THREADS_MAX];
static cpu_set_t allowed; // to the whole process

static void hand_in(void)
{
	const uint64_t *from = (const uint64_t *)&mine;
	uint64_t *to = (uint64_t *)&sum;
	pthread_mutex_lock(&sum_lock);
	for (size_t i = 0; i < sizeof sum / sizeof *to; i++) to[i] += from[i];
	pthread_mutex_unlock(&sum_lock);
	mine = (struct figures){0};
}

// ---- threads ----

// With two processors one has the makers, the other the takers, so that these two always run at once.
static void *run(void *argument)
{
	unsigned index = (unsigned)(uintptr_t)argument;
	tally_token token;
	pin_to(&allowed, index);
	random_state = seed_of(index);
	check(tally_thread_attach(&token));
	if (index % 2 == 0) {
		makers[index] = new_maker(index);
		while (atomic_fetch_add(&shared.begun, 1) < options.objects) make(makers[index]);
		drop_own(makers[index]);
		atomic_fetch_sub(&shared.makers, 1);
	} else {
		while (length_of(shared.pinned) == 0) check(tally_safepoint());
		upgrade_pinned();
		while (atomic_load(&shared.makers)) take();
	}
	check(tally_thread_detach(token));
	hand_in();
	return NULL;
}

// Seconds.
static double run_all(void)
{
	pthread_t threads[THREADS_MAX];
	struct timespec begin, end;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (sched_getaffinity(0, sizeof allowed, &allowed)) CPU_ZERO(&allowed);
	atomic_store(&shared.makers, (options.threads + 1) / 2);
	check(tally_blocking_begin());
	for (unsigned i = 0; i < options.threads; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i)) die("no thread");
	for (unsigned i = 0; i < options.threads; i++) pthread_join(threads[i], NULL);
	check(tally_blocking_end());
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

// ---- the beginning and the end ----

static void set_up(void)
{
	make_types();
	shared.list = need(tally_list_new());
	shared.dict = need(tally_dict_new());
	shared.pinned = need(tally_list_new());
	shared.held = need(tally_list_new());
	for (int i = 0; i < PLACES; i++) {
		check(tally_list_append(shared.list, tally_none()));
		shared.keys[i] = new_int(i);
	}
	tally_gc_set_threshold((const uint32_t[]){500, 5, 5});
	tally_unraisable_set(note_report, NULL);
}

static void drop_held(void)
{
	while (length_of(shared.held)) drop_a_held_one();
}

// Each round lets those go whom the finalizers of the one before brought back.
static void close_shared(void)
{
	for (int round = 0; round < 4; round++) {
		check(tally_gc_collect(2) < 0 ? -1 : 0);
		drop_held();
	}
	tally_decref(shared.list);
	tally_decref(shared.dict);
	tally_decref(shared.held);
	for (int i = 0; i < PLACES; i++) tally_decref(shared.keys[i]);
	for (unsigned i = 0; i < options.threads; i += 2) {
		tally_decref(makers[i]->pinned);
		end_maker(makers[i]);
	}
	tally_decref(shared.pinned);
	check(tally_gc_collect(2) < 0 ? -1 : 0);
}

static void judge(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	check(tally_heap_stats_get(&stats));
	balance("objects that live on", (long long)stats.live_objects, 0);
	balance("objects made and destroyed", (long long)sum.made, (long long)sum.destroyed);
	balance("those with a finalizer, and finalized", (long long)sum.phoenixes, (long long)sum.finalized);
	balance("callbacks that must be called once, and calls", (long long)sum.kept, (long long)sum.called[KEPT]);
	balance("callbacks that failed, and reports", (long long)sum.raised, (long long)sum.reported);
	if (sum.called[PUBLISHED] > sum.published) complain("more calls than callbacks that may be called once");
	if (!sum.certain) complain("no thread has found what another one holds");
}

static void print_figures(double seconds)
{
	printf("%s: %s; %u threads; ", tally_variant(), atomic_load(&books.complaints) ? "FAILED" : "all is right", options.threads);
	printf("%" PRIu64 " objects in %.1f s, %.2f million a second; ", sum.made, seconds, (double)sum.made / seconds / 1e6);
	printf("%" PRIu64 " upgrades, %.2f million a second: ", sum.upgrades, (double)sum.upgrades / seconds / 1e6);
	printf("%" PRIu64 " found, %" PRIu64 " absent, ", sum.found, sum.upgrades - sum.found);
	printf("%" PRIu64 " of them just found before; ", sum.lost_sight);
	printf("%" PRIu64 " callbacks of %" PRIu64 " that must be called, ", sum.called[KEPT], sum.kept);
	printf("%" PRIu64 " of %" PRIu64 " that may, %" PRIu64 " failed; ", sum.called[PUBLISHED], sum.published, sum.raised);
	printf("%" PRIu64 " weak references dropped before; ", sum.silent + sum.dropped);
	printf("%" PRIu64 " objects brought back; %" PRIu64 " stalls\n", sum.brought_back, sum.stalls);
}

static void race(void)
{
	tally_token token;
	uint64_t leaked = 0;
	check(tally_init(&(tally_config){.size = sizeof(tally_config), .switch_interval = 100000}));
	check(tally_thread_attach(&token));
	set_up();
	double seconds = run_all();
	close_shared();
	hand_in();
	judge();
	check(tally_thread_detach(token));
	check(tally_fini(UINT64_C(10000000000), &leaked));
	balance("objects left to the shutdown", (long long)leaked, 0);
	print_figures(seconds);
}

// ---- options ----

_Noreturn static void refuse(void)
{
	fprintf(stderr, "usage: tally-weak-race-%s [-n OBJECTS] [-t THREADS (2 to %d)] [-s SEED] [--plant stale|lost|leak]\n",
	        tally_variant(), THREADS_MAX);
	exit(2);
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
	uint64_t value;
	if (!parse_number(text, least, most, &value)) refuse();
	return value;
}

static void read_options(int count, char **arguments)
{
	static const struct option long_options[] = {{"plant", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	int option;
	books.seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	while ((option = getopt_long(count, arguments, "n:t:s:", long_options, NULL)) != -1) {
		switch (option) {
		case 'n': options.objects = number(optarg, 1, UINT64_C(1000000000000)); break;
		case 't': options.threads = (unsigned)number(optarg, 2, THREADS_MAX); break;
		case 's': books.seed = number(optarg, 0, UINT64_MAX); break;
		case 'p': books.plant = optarg; break;
		default: refuse();
		}
	}
	bool is_known = !books.plant || !strcmp(books.plant, "stale") || !strcmp(books.plant, "lost") || !strcmp(books.plant, "leak");
	if (optind < count || !is_known) refuse();
}

int main(int count, char **arguments)
{
	read_options(count, arguments);
	printf("%s: seed %" PRIu64 "\n", tally_variant(), books.seed);
	fflush(stdout);
	race();
	return atomic_load(&books.complaints) ? 1 : 0;
}
