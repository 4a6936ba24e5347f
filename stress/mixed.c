// stress/mixed.c: everything at once, for as long as one likes, with books that must balance.
//
//     tally-mixed-<variant> [-d SECONDS] [-t THREADS] [-s SEED] [--plant lost|leak]
//
// What it imitates: a server whose threads come and go. They make objects of every kind, share them in a list and a dict,
// hand them to each other, tie them into cycles and drop those, count in shared dicts, take critical sections, wait in
// blocking regions, ask for collections, figures and trims, while the collector runs at small thresholds and finalizers bring
// a part of the garbage back.
//
// How loss and leaks show without a sanitizer:
//   tokens     ints that are handed over in shared lists: the sum of those put in is the sum of those taken out
//   counters   what is added to a shared dict is what it holds in the end; so is what is counted by get and set in a section
//   rings      each thread keeps rings of numbered nodes that nobody else knows, and reads them again and again
//   nodes      each is numbered at its birth and crossed out at its death: made, finalized and destroyed once each
//   the heap   after a last collection holds no object and no buffer
// At the end one line with the figures; status 1, and a line for each book that does not balance, when one does not. Status
// 2: wrong usage. A thread that makes no progress for a minute ends the program with status 3: a deadlock.
//
// I1  A node's mark is MARK from its birth to its dealloc. Whoever finds another one has found a lost object.
#include "books.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/tally.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 64, LINKS = 3, RINGS = 8, CHANNELS = 4, WORDS = 32, CHANNEL_MAX = 200, REVIVED_MAX = 500 };
enum { MARK = 0x7A11D00D, CROSSED_OUT = 0x0DEAD000 };

static struct {
	unsigned seconds, threads;
} options = {.seconds = 5, .threads = 8};

// ---- the books ----

struct books books;

static struct {
	atomic_llong nodes_made, nodes_dead, phoenixes_made, phoenixes_finalized;
	atomic_llong tokens_in, tokens_out, sum_in, sum_out;
	atomic_llong counted, counted_in_sections;
	atomic_llong lives, steps, resurrections, collected;
} book;

// ---- what is shared ----

static struct {
	tally_object *channel[CHANNELS]; // lists of tokens
	tally_object *pool;              // a list of containers that all change, and that refer to each other
	tally_object *words;             // a dict of counters
	tally_object *revived;           // a list of what finalizers brought back
	tally_object *total;             // a list of one int, changed in critical sections
	tally_object *node_type, *phoenix_type;
} shared;

// ---- nodes ----

struct node {
	uint32_t mark;
	uint32_t number; // in its ring
	atomic_uint finalized;
	tally_object *link[LINKS];
};

static void unlink_all(struct node *node)
{
	for (int i = 0; i < LINKS; i++) {
		tally_object *referent = node->link[i];
		node->link[i] = NULL;
		tally_decref(referent);
	}
}

static void node_dies(void *payload, void *context)
{
	struct node *node = payload;
	(void)context;
	if (node->mark != MARK) complain("a node dies whose mark is %x", (unsigned)node->mark);
	node->mark = CROSSED_OUT;
	unlink_all(node);
	atomic_fetch_add(&book.nodes_dead, 1);
}

static void clear_node(void *payload, void *context)
{
	(void)context;
	unlink_all(payload);
}

static void visit_node(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct node *node = payload;
	(void)context;
	for (int i = 0; i < LINKS; i++) visit(node->link[i], visit_context);
}

// Every other one comes back to life, in a place where any thread may find it, unless too many wait there.
static void finalize_phoenix(tally_object *self, void *payload, void *context)
{
	struct node *node = payload;
	(void)context;
	if (node->mark != MARK) complain("a finalizer finds the mark %x", (unsigned)node->mark);
	if (atomic_fetch_add(&node->finalized, 1)) complain("a node is finalized twice");
	atomic_fetch_add(&book.phoenixes_finalized, 1);
	if (node->number % 2 || length_of(shared.revived) > REVIVED_MAX) return;
	check(tally_list_append(shared.revived, self));
	atomic_fetch_add(&book.resurrections, 1);
}

static tally_object *make_type(const char *name, bool is_finalized)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = name,
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = visit_node,
		.clear = clear_node,
		.finalize = is_finalized ? finalize_phoenix : NULL,
	};
	return need(tally_host_type_new(&description));
}

static struct node *node_of(tally_object *object)
{
	struct node *node = tally_host_payload(object, tally_type_of(object));
	if (!node) die("no payload");
	if (node->mark != MARK) complain("a node has the mark %x", (unsigned)node->mark);
	return node;
}

static tally_object *new_node(bool is_phoenix, uint32_t number)
{
	tally_object *object = need(tally_host_new(is_phoenix ? shared.phoenix_type : shared.node_type));
	struct node *node = tally_host_payload(object, is_phoenix ? shared.phoenix_type : shared.node_type);
	node->mark = MARK;
	node->number = number;
	atomic_fetch_add(&book.nodes_made, 1);
	if (is_phoenix) atomic_fetch_add(&book.phoenixes_made, 1);
	return object;
}

// ---- a thread's life ----

struct life {
	uint64_t random;
	tally_object *ring[RINGS]; // the first of the ring's lists
	uint32_t size[RINGS];
};

// list -> node -> list -> node ... -> the first list. The nodes are numbered.
static tally_object *new_ring(uint32_t size, bool of_phoenixes)
{
	tally_object *first = need(tally_list_new()), *last = first;
	for (uint32_t i = 0; i < size; i++) {
		tally_object *node = new_node(of_phoenixes, i);
		node_of(node)->link[0] = i == size - 1 ? tally_incref(first) : need(tally_list_new());
		tally_object *next = node_of(node)->link[0];
		push_own(last, node);
		last = next;
	}
	return first;
}

static void read_ring(tally_object *first, uint32_t size)
{
	tally_object *list = first;
	for (uint32_t i = 0; i < size; i++) {
		tally_object *node = need(tally_list_get(list, 0));
		if (node_of(node)->number != i) complain("node %u of a ring has the number %u", i, node_of(node)->number);
		list = node_of(node)->link[0];
		tally_decref(node);
	}
	if (list != first) complain("a ring does not end where it began");
}

static void renew_ring(struct life *life)
{
	unsigned i = below(&life->random, RINGS);
	if (life->ring[i]) read_ring(life->ring[i], life->size[i]);
	tally_decref(life->ring[i]);
	life->size[i] = 1 + below(&life->random, 20);
	life->ring[i] = new_ring(life->size[i], below(&life->random, 4) == 0);
}

static void read_a_ring(struct life *life)
{
	unsigned i = below(&life->random, RINGS);
	if (life->ring[i]) read_ring(life->ring[i], life->size[i]);
}

static void put_token(struct life *life)
{
	tally_object *channel = shared.channel[below(&life->random, CHANNELS)];
	int64_t value = (int64_t)below(&life->random, 1000000);
	if (length_of(channel) > CHANNEL_MAX) return;
	atomic_fetch_add(&book.tokens_in, 1);
	atomic_fetch_add(&book.sum_in, value);
	if (plants("lost")) return;
	push_own(channel, new_int(value));
}

static bool take_token_from(tally_object *channel)
{
	tally_object *token = try_pop(channel);
	if (!token) return false;
	atomic_fetch_add(&book.tokens_out, 1);
	atomic_fetch_add(&book.sum_out, take_value(token));
	return true;
}

static void take_token(struct life *life) { take_token_from(shared.channel[below(&life->random, CHANNELS)]); }

static tally_object *container(struct life *life)
{
	return need(tally_list_get(shared.pool, below(&life->random, CHANNELS)));
}

// A tuple, dict, list or node that refers to a shared container goes into another one.
static tally_object *new_member(struct life *life, tally_object *other)
{
	tally_object *member;
	switch (below(&life->random, 5)) {
	case 0: return need(tally_tuple_new((tally_object *[]){other, tally_none(), other}, 3));
	case 1: return need(tally_list_from(&other, 1));
	case 2: return need(tally_str_from("a leaf"));
	case 3:
		member = need(tally_dict_new());
		check(tally_dict_set(member, tally_none(), other));
		return member;
	default:
		member = new_node(below(&life->random, 3) == 0, below(&life->random, 100));
		node_of(member)->link[1] = tally_incref(other);
		return member;
	}
}

static void weave(struct life *life)
{
	tally_object *into = container(life), *other = container(life);
	push_own(into, new_member(life, other));
	tally_decref(other);
	tally_decref(into);
}

static void unravel(struct life *life)
{
	tally_object *from = container(life);
	if (below(&life->random, 6) == 0) check(tally_list_clear(from));
	else tally_decref(try_pop(from));
	tally_decref(from);
}

static void replace_container(struct life *life)
{
	unsigned place = below(&life->random, CHANNELS);
	tally_object *former = need(tally_list_get(shared.pool, place)), *list = need(tally_list_new());
	check(tally_list_clear(former)); // else whatever refers to it keeps what has gathered there
	check(tally_list_append(list, former));
	check(tally_list_append(former, former)); // garbage for the collector as soon as nobody else refers to it
	check(tally_list_set(shared.pool, place, list));
	tally_decref(former);
	tally_decref(list);
}

static void drop_garbage(struct life *life)
{
	tally_object *ring = new_ring(1 + below(&life->random, 6), below(&life->random, 2));
	if (plants("leak")) tally_incref(ring);
	tally_decref(ring);
}

static void count_word(struct life *life)
{
	tally_object *word = new_int(1000 + (int64_t)below(&life->random, WORDS)); // counted: small ints are immortal
	int64_t n = 1 + (int64_t)below(&life->random, 5);
	check(tally_dict_add(shared.words, word, n, NULL));
	atomic_fetch_add(&book.counted, n);
	tally_decref(word);
}

static void count_in_section(struct life *life)
{
	tally_critical section;
	(void)life;
	check(tally_critical_begin(&section, shared.total));
	tally_object *sum = new_int(take_value(need(tally_list_get(shared.total, 0))) + 1);
	check(tally_list_set(shared.total, 0, sum));
	check(tally_critical_end(&section));
	tally_decref(sum);
	atomic_fetch_add(&book.counted_in_sections, 1);
}

// What is dropped in a section dies at its end; it may hold a ring, and be the last to do so.
static void drop_in_section(struct life *life)
{
	tally_critical section;
	tally_object *list = need(tally_list_new()), *over = container(life);
	push_own(list, new_ring(3, true));
	check(tally_critical_begin(&section, over));
	tally_decref(list);
	if (below(&life->random, 4) == 0) {
		check(tally_blocking_begin()); // suspends it
		check(tally_blocking_end());
	}
	check(tally_critical_end(&section));
	tally_decref(over);
}

static void wait_in_region(struct life *life)
{
	struct timespec moment = {.tv_nsec = (long)below(&life->random, 200000)};
	check(tally_blocking_begin());
	nanosleep(&moment, NULL);
	check(tally_blocking_end());
}

static void welcome_the_revived(struct life *life)
{
	tally_object *object = try_pop(shared.revived);
	if (!object) return;
	node_of(object); // has its mark
	if (below(&life->random, 2)) {
		tally_object *into = container(life);
		check(tally_list_append(into, object));
		tally_decref(into);
	}
	tally_decref(object);
}

static void collect(struct life *life)
{
	int64_t found = tally_gc_collect((int)below(&life->random, 3));
	if (found < 0) die("tally_gc_collect");
	atomic_fetch_add(&book.collected, found);
}

static void look_at_the_heap(struct life *life)
{
	tally_heap_stats stats = {.size = sizeof stats};
	check(tally_heap_stats_get(&stats));
	if (stats.tracked_objects > stats.live_objects + stats.immortal_objects + 100000)
		complain("%" PRIu64 " tracked objects of %" PRIu64, stats.tracked_objects, stats.live_objects);
	if (below(&life->random, 4) == 0) check(tally_heap_trim(NULL));
}

static void change_thresholds(struct life *life)
{
	uint32_t first = 50 + below(&life->random, 1000), second = 1 + below(&life->random, 10);
	tally_gc_set_threshold((const uint32_t[]){first, second, 1 + below(&life->random, 10)});
}

static const struct {
	unsigned weight;
	void (*run)(struct life *life);
} acts[] = {
	{80, renew_ring},           {120, read_a_ring},    {150, put_token},     {150, take_token},
	{120, weave},               {90, unravel},         {15, replace_container}, {100, drop_garbage},
	{80, count_word},           {60, count_in_section}, {20, drop_in_section}, {5, wait_in_region},
	{40, welcome_the_revived},  {2, collect},          {2, look_at_the_heap}, {1, change_thresholds},
};
enum { ACTS = sizeof acts / sizeof acts[0] };

static void act(struct life *life)
{
	unsigned sum = 0, drawn;
	for (int i = 0; i < ACTS; i++) sum += acts[i].weight;
	drawn = below(&life->random, sum);
	for (int i = 0; i < ACTS; i++) {
		if (drawn < acts[i].weight) {
			acts[i].run(life);
			return;
		}
		drawn -= acts[i].weight;
	}
}

static void end_life(struct life *life)
{
	for (int i = 0; i < RINGS; i++) {
		if (life->ring[i]) read_ring(life->ring[i], life->size[i]);
		tally_decref(life->ring[i]);
	}
}

// ---- threads ----

// A seat is taken by one thread after another until the time is up.
struct seat {
	pthread_t thread;
	unsigned number;
	uint64_t random;
	atomic_ullong steps;
	unsigned idle; // seconds for which the watcher has seen no step
	unsigned long long seen;
};

static struct seat seats[THREADS_MAX];
static atomic_bool is_over;

static void *live(void *argument)
{
	struct seat *seat = argument;
	struct life life = {.random = next_random(&seat->random) | 1};
	unsigned steps = 100 + below(&life.random, 20000);
	tally_token token;
	check(tally_thread_attach(&token));
	for (unsigned i = 0; i < steps && !atomic_load(&is_over); i++) {
		act(&life);
		atomic_fetch_add(&seat->steps, 1);
	}
	end_life(&life);
	check(tally_thread_detach(token));
	atomic_fetch_add(&book.lives, 1);
	return NULL;
}

static void *keep_seat_taken(void *argument)
{
	struct seat *seat = argument;
	pthread_t thread;
	while (!atomic_load(&is_over)) {
		if (pthread_create(&thread, NULL, live, seat)) die("no thread");
		pthread_join(thread, NULL);
	}
	return NULL;
}

static void start_seats(void)
{
	for (unsigned i = 0; i < options.threads; i++) {
		seats[i].number = i;
		seats[i].random = seed_of(i);
		if (pthread_create(&seats[i].thread, NULL, keep_seat_taken, &seats[i])) die("no thread");
	}
}

enum { PATIENCE = 60 };

static void watch_seat(struct seat *seat)
{
	unsigned long long steps = atomic_load(&seat->steps);
	seat->idle = steps == seat->seen ? seat->idle + 1 : 0;
	seat->seen = steps;
	if (seat->idle < PATIENCE) return;
	fprintf(stderr, "tally-mixed-%s: the thread in seat %u has made no step for %d s\n", tally_variant(), seat->number,
	        PATIENCE);
	_exit(3);
}

static void *watch(void *unused)
{
	const struct timespec second = {.tv_sec = 1};
	(void)unused;
	for (;;) {
		nanosleep(&second, NULL);
		for (unsigned i = 0; i < options.threads; i++) watch_seat(&seats[i]);
	}
	return NULL;
}

static void run_for(unsigned seconds)
{
	pthread_t watcher;
	struct timespec left = {.tv_sec = (time_t)seconds};
	if (pthread_create(&watcher, NULL, watch, NULL)) die("no thread");
	pthread_detach(watcher);
	start_seats();
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	atomic_store(&is_over, true);
	for (unsigned i = 0; i < options.threads; i++) {
		pthread_join(seats[i].thread, NULL);
		atomic_fetch_add(&book.steps, (long long)atomic_load(&seats[i].steps));
	}
}

// ---- the beginning and the end ----

static void set_up(void)
{
	shared.node_type = make_type("node", false);
	shared.phoenix_type = make_type("phoenix", true);
	shared.pool = need(tally_list_new());
	shared.words = need(tally_dict_new());
	shared.revived = need(tally_list_new());
	shared.total = need(tally_list_new());
	push_own(shared.total, new_int(0));
	for (int i = 0; i < CHANNELS; i++) {
		shared.channel[i] = need(tally_list_new());
		push_own(shared.pool, need(tally_list_new()));
	}
	tally_gc_set_threshold((const uint32_t[]){200, 5, 5});
}

static int64_t sum_of_words(void)
{
	tally_object *count;
	size_t position = 0;
	int64_t sum = 0;
	while (tally_dict_next(shared.words, &position, NULL, &count) > 0) sum += take_value(count);
	return sum;
}

static void close_shared(void)
{
	for (int i = 0; i < CHANNELS; i++) {
		while (take_token_from(shared.channel[i]))
			;
		tally_decref(shared.channel[i]);
	}
	balance("tokens handed over", atomic_load(&book.tokens_in), atomic_load(&book.tokens_out));
	balance("their sum", atomic_load(&book.sum_in), atomic_load(&book.sum_out));
	balance("words counted", atomic_load(&book.counted), sum_of_words());
	int64_t total = take_value(need(tally_list_get(shared.total, 0)));
	balance("counted in sections", atomic_load(&book.counted_in_sections), total);
	tally_decref(shared.words);
	tally_decref(shared.total);
	tally_decref(shared.pool);
}

// Each round lets those go whom the finalizers of the one before brought back.
static void collect_the_rest(void)
{
	for (int round = 0; round < 4; round++) {
		tally_object *object;
		check(tally_gc_collect(2) < 0 ? -1 : 0);
		while ((object = try_pop(shared.revived))) tally_decref(object);
	}
	tally_decref(shared.revived);
}

static int count_block(const tally_heap_block *block, void *count)
{
	(void)block;
	++*(uint64_t *)count;
	return 0;
}

static void judge_the_heap(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	uint64_t blocks = 0;
	check(tally_heap_stats_get(&stats));
	check(tally_heap_walk(count_block, &blocks));
	balance("objects that live on", (long long)stats.live_objects, 0);
	balance("blocks of the heap but for immortal objects", (long long)(blocks - stats.immortal_objects), 0);
	balance("nodes made and destroyed", atomic_load(&book.nodes_made), atomic_load(&book.nodes_dead));
	balance("phoenixes made and finalized", atomic_load(&book.phoenixes_made), atomic_load(&book.phoenixes_finalized));
}

static void print_figures(void)
{
	uint64_t collections[3], found = 0;
	for (int i = 0; i < 3; i++) {
		tally_gc_stats stats = {.size = sizeof stats};
		check(tally_gc_get_stats(i, &stats));
		collections[i] = stats.collections;
		found += stats.collected;
		balance("collections that failed", (long long)stats.failed, 0);
		balance("what could not be collected", (long long)stats.uncollectable, 0);
	}
	printf("%s: %s; %u threads at a time, %lld in all; %lld steps, %lld nodes, %lld brought back; %" PRIu64 " + %" PRIu64
	       " + %" PRIu64 " collections found %" PRIu64 "\n",
	       tally_variant(), atomic_load(&books.complaints) ? "FAILED" : "the books balance", options.threads,
	       atomic_load(&book.lives), atomic_load(&book.steps), atomic_load(&book.nodes_made),
	       atomic_load(&book.resurrections), collections[0], collections[1], collections[2], found);
}

static void run_all(void)
{
	tally_token token;
	uint64_t leaked = 0;
	check(tally_init(NULL));
	check(tally_thread_attach(&token));
	set_up();
	check(tally_blocking_begin());
	run_for(options.seconds);
	check(tally_blocking_end());
	close_shared();
	collect_the_rest();
	judge_the_heap();
	print_figures();
	check(tally_thread_detach(token));
	check(tally_fini(UINT64_C(10000000000), &leaked));
	balance("objects left to the shutdown", (long long)leaked, 0);
}

// ---- options ----

_Noreturn static void refuse(void)
{
	fprintf(stderr, "usage: tally-mixed-%s [-d SECONDS] [-t THREADS (1 to %d)] [-s SEED] [--plant lost|leak]\n",
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
	while ((option = getopt_long(count, arguments, "d:t:s:", long_options, NULL)) != -1) {
		switch (option) {
		case 'd': options.seconds = (unsigned)number(optarg, 1, 1000000); break;
		case 't': options.threads = (unsigned)number(optarg, 1, THREADS_MAX); break;
		case 's': books.seed = number(optarg, 0, UINT64_MAX); break;
		case 'p': books.plant = optarg; break;
		default: refuse();
		}
	}
	bool is_known = !books.plant || !strcmp(books.plant, "lost") || !strcmp(books.plant, "leak");
	if (optind < count || !is_known) refuse();
}

int main(int count, char **arguments)
{
	read_options(count, arguments);
	printf("%s: seed %" PRIu64 "\n", tally_variant(), books.seed);
	fflush(stdout);
	run_all();
	return atomic_load(&books.complaints) ? 1 : 0;
}
