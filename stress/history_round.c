// stress/history_round.c: rounds: a few threads make a few calls each on one fresh object, at once, and what they saw is judged.
//
// A round has a program that follows from the seed and the round's number: the kind of object, what is in it at first, each
// thread's calls and arguments, and its pace. Threads make their arguments, and one of them the object, beforehand: so elements
// have different owners, as has the object. Threads meet at three gates; between the second and the third they do nothing but
// the calls. A stamp is taken from one counter before and after each call; in some rounds only before the first and after the
// last call of a thread, since stamps cost time and put the calls in order.
//
// In `gil` nobody waits attached, and the switch interval is as short as can be; in the others a thread waits at a gate either
// attached, coming to points, or in a blocking region.
//
// I1  Between the gates `laid_out` and `prepared`, and `prepared` and `done`, each thread writes its own calls only; else thread 0
//     alone writes, and the others wait for `laid_out`.
#include "history.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum { BATCH = 100, SPINS = 300 }; // so many rounds with the same threads; so many looks at a gate before others get a chance

// How the calls of a round follow one another.
enum pace { TIGHT, SPINNING, LEAVING, PACES };

// How threads wait at a gate. WATCHING and ATTACHED: they go on at once, and together.
enum waiting { SLEEPING, WATCHING, ATTACHED };

// Long ones take long to be compared.
enum key_type { KEY_SMALL, KEY_BIG, KEY_TUPLE, KEY_STR, KEY_LONG_STR, KEY_TYPES };
enum { LONG = 4000 };

// The calls of one thread, and what it brings along.
struct part {
	unsigned first, count; // of the calls of the history
	tally_object *arguments[HISTORY_STEPS][HISTORY_ARGUMENTS];
	struct history_raw raw[HISTORY_STEPS];
	int status[HISTORY_STEPS];
};

static struct {
	const struct history_options *options;
	uint64_t number;
	uint64_t chance; // thread 0's, while it lays the round out
	unsigned threads, maker;
	enum pace pace;
	enum key_type key_type;
	bool is_stamped; // each call is
	enum waiting start; // how they wait for it
	bool is_over;
	int32_t fresh; // the last number that was given out
	tally_object *object;
	struct history history;
	struct part parts[HISTORY_THREADS];
} current;

static struct {
	atomic_uint arrived, turn;
	pthread_mutex_t mutex; // for those that have spun for long, and sleep
	pthread_cond_t turned;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .turned = PTHREAD_COND_INITIALIZER};

static atomic_uint_fast64_t stamps;
static _Thread_local uint64_t pause_chance = 1;

_Noreturn static void fail(const char *what)
{
	fprintf(stderr, "tally-histories-%s: %s: %s\n", tally_variant(), what, tally_error_message());
	exit(3);
}

static tally_object *need(tally_object *object)
{
	if (!object) fail("an object could not be had");
	return object;
}

// ---- gates and pauses ----

static bool is_gil(void) { return strcmp(tally_variant(), "gil") == 0; }

static void spin_until(unsigned turn, bool attached)
{
	for (unsigned looks = 1; atomic_load(&gate.turn) != turn; looks++) {
		if (attached) tally_safepoint();
		if (looks % SPINS == 0) sched_yield();
	}
}

static void sleep_until(unsigned turn)
{
	for (unsigned looks = 0; atomic_load(&gate.turn) != turn && looks < SPINS; looks++) {}
	pthread_mutex_lock(&gate.mutex);
	while (atomic_load(&gate.turn) != turn) pthread_cond_wait(&gate.turned, &gate.mutex);
	pthread_mutex_unlock(&gate.mutex);
}

static void open_gate(unsigned turn)
{
	tally_blocking_begin(); // whoever has the mutex may not wait for `gil`
	pthread_mutex_lock(&gate.mutex);
	atomic_store(&gate.arrived, 0);
	atomic_store(&gate.turn, turn + 1);
	pthread_cond_broadcast(&gate.turned);
	pthread_mutex_unlock(&gate.mutex);
	tally_blocking_end();
}

static void meet(enum waiting waiting)
{
	unsigned turn = atomic_load(&gate.turn);
	if (atomic_fetch_add(&gate.arrived, 1) + 1 == current.threads) {
		open_gate(turn);
	} else if (waiting == ATTACHED) {
		spin_until(turn + 1, true);
	} else {
		tally_blocking_begin();
		if (waiting == WATCHING) spin_until(turn + 1, false);
		else sleep_until(turn + 1);
		tally_blocking_end();
	}
}

static void spin(unsigned most)
{
	for (volatile unsigned i = history_below(&pause_chance, most); i > 0;) i = i - 1;
}

static void leave(void)
{
	tally_blocking_begin();
	if (history_below(&pause_chance, 2)) sched_yield();
	tally_blocking_end();
}

void history_pause(void)
{
	if (current.pace == LEAVING && history_below(&pause_chance, 2)) leave();
	else if (current.pace == SPINNING) spin(is_gil() ? 20000 : 400);
}

// ---- the program ----

static int32_t fresh_number(void) { return ++current.fresh + (history_below(&current.chance, 3) ? HISTORY_BIG : 0); }

static int32_t draw_argument(char letter)
{
	switch (letter) {
	case 'p': return (int32_t)history_below(&current.chance, 8) - 3;
	case 'k': return HISTORY_KEY + (int32_t)history_below(&current.chance, HISTORY_KEYS);
	case 'n': return 1 + (int32_t)history_below(&current.chance, 3);
	default: return fresh_number();
	}
}

static void fill_before(struct history_state *before)
{
	before->size = 0;
	for (unsigned size = history_below(&current.chance, HISTORY_KEYS + 1); size > 0; size--) {
		if (current.history.kind->has_keys) before->items[before->size++] = HISTORY_KEY + (int32_t)size - 1;
		if (current.history.kind->has_values) before->items[before->size++] = fresh_number();
	}
}

static const struct history_operation *draw_operation(const struct history_kind *kind, unsigned *room)
{
	const struct history_plant *plant = current.options->plant;
	bool is_wanted = plant && history_below(&current.chance, 2);
	for (;;) {
		const struct history_operation *operation = &kind->operations[history_below(&current.chance, kind->count)];
		if (is_wanted && strcmp(operation->name, plant->name) != 0) continue;
		if (operation->growth > *room) {
			is_wanted = false;
			continue;
		}
		*room -= operation->growth;
		return operation;
	}
}

static void draw_calls(void)
{
	struct history *history = &current.history;
	unsigned steps = 2 + history_below(&current.chance, HISTORY_STEPS - 1);
	unsigned room = HISTORY_NUMBERS - history->before.size;
	history->count = 0;
	for (unsigned thread = 0; thread < current.threads; thread++) {
		current.parts[thread].first = history->count;
		current.parts[thread].count = steps;
		for (unsigned i = 0; i < steps; i++) {
			struct history_call *call = &history->calls[history->count++];
			*call = (struct history_call){.operation = draw_operation(history->kind, &room), .thread = thread};
			for (size_t k = 0; call->operation->arguments[k]; k++)
				call->numbers[k] = draw_argument(call->operation->arguments[k]);
		}
	}
}

static const struct history_kind *draw_kind(void)
{
	static const struct history_kind *const kinds[] = {&history_list, &history_list, &history_dict, &history_set,
	                                                   &history_attributes};
	unsigned kind = history_below(&current.chance, sizeof kinds / sizeof kinds[0]);
	return current.options->plant ? current.options->plant->kind : kinds[kind];
}

static void lay_out(void)
{
	current.chance = history_mix(current.options->seed, current.number);
	current.fresh = 0;
	current.history.kind = draw_kind();
	current.maker = history_below(&current.chance, current.threads);
	current.pace = (enum pace)history_below(&current.chance, PACES);
	current.key_type = (enum key_type)history_below(&current.chance, KEY_TYPES);
	if (current.history.kind == &history_attributes && current.key_type < KEY_STR) current.key_type = KEY_STR;
	current.is_stamped = history_below(&current.chance, 4) > 0;
	current.start = is_gil() ? SLEEPING : history_below(&current.chance, 2) ? ATTACHED : WATCHING;
	fill_before(&current.history.before);
	draw_calls();
	atomic_store_explicit(&stamps, 0, memory_order_relaxed);
}

// ---- objects and their numbers ----

static tally_object *make_str(int32_t key, size_t size)
{
	char text[LONG];
	memset(text, '-', size);
	text[snprintf(text, sizeof text, "%" PRId32, key)] = '-';
	return need(tally_str_new(text, size));
}

static tally_object *make_key(int32_t key)
{
	switch (current.key_type) {
	case KEY_SMALL: return need(tally_int_new(HISTORY_KEY - 1 - key)); // -1 to -4
	case KEY_BIG: return need(tally_int_new(key));
	case KEY_STR: return make_str(key, 8);
	case KEY_LONG_STR: return make_str(key, LONG);
	default: break;
	}
	tally_object *inner = need(tally_int_new(key)), *tuple = need(tally_tuple_new(&inner, 1));
	tally_decref(inner);
	return tuple;
}

static tally_object *make_argument(char letter, int32_t number)
{
	if (letter == 'k') return make_key(number);
	return letter == 'v' ? need(tally_int_new(number)) : NULL;
}

static void give(struct history_outcome *outcome, int64_t number)
{
	if (number < 0 && number >= -HISTORY_KEYS) number = HISTORY_KEY - 1 - number;
	if (number != (int32_t)number) number = HISTORY_STRANGE;
	if (outcome->count < HISTORY_NUMBERS) outcome->numbers[outcome->count++] = (int32_t)number;
	else outcome->status = HISTORY_STRANGE;
}

static void give_numbers_of(tally_object *object, struct history_outcome *outcome);

static void take_numbers_of(tally_object *object, struct history_outcome *outcome)
{
	if (object) give_numbers_of(object, outcome);
	tally_decref(object);
}

static void give_items(tally_object *object, struct history_outcome *outcome)
{
	tally_object *iterator = need(tally_iter(object)), *item, *value;
	while (tally_next(iterator, &item) == 1) {
		if (tally_is_dict(object) && tally_dict_get(object, item, &value) == 1) {
			give_numbers_of(item, outcome);
			give_numbers_of(value, outcome);
			tally_decref(value);
		} else {
			give_numbers_of(item, outcome);
		}
		tally_decref(item);
	}
	tally_decref(iterator);
}

static bool is_container(tally_object *object)
{
	return tally_is_list(object) || tally_is_tuple(object) || tally_is_dict(object) || tally_is_set(object);
}

// Of containers: of what is in them.
static void give_numbers_of(tally_object *object, struct history_outcome *outcome)
{
	int64_t number = INT64_MAX;
	if (tally_is_str(object)) give(outcome, strtoll(tally_str_utf8(object, NULL), NULL, 10));
	else if (tally_is_int(object)) give(outcome, tally_int_value(object, &number) ? INT64_MAX : number);
	else if (is_container(object)) give_items(object, outcome);
	else give(outcome, INT64_MAX);
}

static struct history_outcome outcome_of(const struct history_raw *raw, int status)
{
	struct history_outcome outcome = {.status = status};
	if (raw->has_number && status >= 0) give(&outcome, raw->number);
	for (int i = 0; i < 2; i++) take_numbers_of(raw->given[i], &outcome);
	return outcome;
}

// ---- a thread's part ----

static void make_object(void)
{
	const struct history_state *before = &current.history.before;
	const struct history_kind *kind = current.history.kind;
	current.object = need(kind->make());
	for (uint32_t i = 0; i < before->size;) {
		tally_object *key = kind->has_keys ? make_key(before->items[i++]) : NULL;
		tally_object *value = kind->has_values ? need(tally_int_new(before->items[i++])) : NULL;
		if (kind->add(current.object, key, value)) fail("an object could not be filled");
		tally_decref(key);
		tally_decref(value);
	}
}

static void prepare(unsigned thread)
{
	struct part *part = &current.parts[thread];
	for (unsigned i = 0; i < part->count; i++) {
		const struct history_call *call = &current.history.calls[part->first + i];
		const char *letters = call->operation->arguments;
		for (size_t k = 0; letters[k]; k++) part->arguments[i][k] = make_argument(letters[k], call->numbers[k]);
	}
	pause_chance = history_mix(current.options->seed + current.number, thread);
	if (thread == current.maker) make_object();
}

// Relaxed, so that a stamp puts nothing in order that the calls themselves do not.
static uint64_t stamp(void) { return atomic_fetch_add_explicit(&stamps, 1, memory_order_relaxed); }

static void perform(struct history_call *call, history_perform perform_call, tally_object **arguments,
                    struct history_raw *raw, int *status)
{
	*raw = (struct history_raw){.status = 0};
	if (current.is_stamped) call->start = stamp();
	perform_call(current.object, arguments, call->numbers, raw);
	if (current.is_stamped) call->end = stamp();
	*status = raw->status < 0 ? -(int)tally_error_code() : raw->status;
}

static history_perform way_of(const struct history_operation *operation)
{
	const struct history_plant *plant = current.options->plant;
	return plant && strcmp(plant->name, operation->name) == 0 ? plant->call : operation->call;
}

static void play(unsigned thread)
{
	struct part *part = &current.parts[thread];
	struct history_call *calls = &current.history.calls[part->first];
	uint64_t start = stamp();
	for (unsigned i = 0; i < part->count; i++) {
		history_pause();
		perform(&calls[i], way_of(calls[i].operation), part->arguments[i], &part->raw[i], &part->status[i]);
	}
	uint64_t end = stamp();
	for (unsigned i = 0; i < part->count && !current.is_stamped; i++) {
		calls[i].start = start;
		calls[i].end = end;
	}
}

static void look_closer(unsigned thread)
{
	struct part *part = &current.parts[thread];
	for (unsigned i = 0; i < part->count; i++) {
		current.history.calls[part->first + i].outcome = outcome_of(&part->raw[i], part->status[i]);
		for (unsigned k = 0; k < HISTORY_ARGUMENTS; k++) {
			tally_decref(part->arguments[i][k]);
			part->arguments[i][k] = NULL;
		}
	}
}

// False: there is no other current.
static bool take_part(unsigned thread)
{
	meet(SLEEPING); // laid out
	if (current.is_over) return false;
	prepare(thread);
	meet(current.start); // prepared
	play(thread);
	look_closer(thread);
	meet(SLEEPING); // done
	return true;
}

static void *run_thread(void *number)
{
	tally_token token;
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); // a wait for the lock of `gil` is as short as it was meant to be
	if (tally_thread_attach(&token)) fail("a thread could not be attached");
	while (take_part((unsigned)(uintptr_t)number)) {}
	if (tally_thread_detach(token)) fail("a thread could not be detached");
	return NULL;
}

// ---- all rounds ----

// What is there in the end is seen by a call of its own.
static void look_at_the_end(void)
{
	struct history *history = &current.history;
	struct history_call *last = &history->calls[history->count++];
	*last = (struct history_call){.operation = &history->kind->operations[0], .thread = HISTORY_THREADS};
	tally_object *none[HISTORY_ARGUMENTS] = {NULL};
	struct history_raw raw;
	int status;
	current.is_stamped = true;
	perform(last, last->operation->call, none, &raw, &status);
	last->outcome = outcome_of(&raw, status);
	tally_decref(current.object);
}

static void explain(struct history_figures *figures)
{
	enum history_verdict verdict;
	look_at_the_end();
	verdict = history_judge(&current.history);
	figures->rounds++;
	figures->calls += current.history.count - 1;
	figures->overlaps += history_overlaps(&current.history);
	figures->undecided += verdict == HISTORY_UNDECIDED;
	if (verdict != HISTORY_UNEXPLAINED) return;
	figures->unexplained++;
	figures->seed = current.options->seed;
	figures->round = current.number;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// The same for all rounds of a batch.
static unsigned threads_of(uint64_t number)
{
	return 2 + (unsigned)(history_mix(current.options->seed, ~(number / BATCH)) % (HISTORY_THREADS - 1));
}

// Some rounds with the same threads, of which the calling one is number 0. False: no more.
static bool run_batch(struct history_figures *figures, double end, uint64_t *next)
{
	pthread_t threads[HISTORY_THREADS];
	bool goes_on = true;
	current.is_over = false;
	current.threads = threads_of(current.options->round == UINT64_MAX ? *next : current.options->round);
	for (uintptr_t i = 1; i < current.threads; i++)
		if (pthread_create(&threads[i], NULL, run_thread, (void *)i)) fail("a thread could not be made");
	for (unsigned i = 0; i < BATCH && goes_on; i++) {
		current.number = current.options->round == UINT64_MAX ? (*next)++ : current.options->round;
		lay_out();
		take_part(0);
		explain(figures);
		goes_on = !figures->unexplained && now() < end;
	}
	current.is_over = true;
	take_part(0);
	tally_blocking_begin();
	for (unsigned i = 1; i < current.threads; i++) pthread_join(threads[i], NULL);
	tally_blocking_end();
	return goes_on;
}

struct history_figures history_run(const struct history_options *options)
{
	struct history_figures figures = {.rounds = 0};
	uint64_t next = 0;
	double end = now() + options->seconds;
	current.options = options;
	while (run_batch(&figures, end, &next)) {}
	if (figures.unexplained && !options->is_quiet) history_print(&current.history);
	return figures;
}
