// stress/history.h: recorded histories: what several threads did to one object, when, and what each call gave; and whether
// that can be explained by one call after the other.
//
// A call is promised to be atomic (docs/promises.md) when it may be thought of as done at one moment between its start and
// its end. A history in which some order of such moments explains every outcome is linearizable: Herlihy and Wing,
// "Linearizability: a correctness condition for concurrent objects", TOPLAS 12(3), 1990.
//
// Objects are told by numbers. A fresh element is a number that nobody else puts in: a small one, of which there is one immortal
// object, or BIG and more, which is counted and belongs to the thread that made it. A key is KEY and more; which type of object
// stands for it is drawn for each round.
#ifndef TALLY_STRESS_HISTORY_H
#define TALLY_STRESS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tally/tally.h>

enum {
	HISTORY_THREADS = 4,
	HISTORY_STEPS = 6,
	HISTORY_CALLS = HISTORY_THREADS * HISTORY_STEPS + 1, // the last one: what was there in the end
	HISTORY_ARGUMENTS = 4,
	HISTORY_NUMBERS = 36, // an object never holds more
	HISTORY_BIG = 1000000,
	HISTORY_KEY = 7000,
	HISTORY_KEYS = 4,
	HISTORY_STRANGE = INT32_MIN, // an object that nobody put in
};

// The elements of a list or a set in their order; of a dict or an instance, keys and values in turn.
struct history_state {
	uint32_t size;
	int32_t items[HISTORY_NUMBERS];
};

// What a call returned: 0 or 1; or less the code of its error; and the numbers that it gave.
struct history_outcome {
	int32_t status;
	uint32_t count;
	int32_t numbers[HISTORY_NUMBERS];
};

// What a call gave, before it is looked at more closely: new references; a number, when there is one.
struct history_raw {
	int status; // negative: the thread's error says why
	bool has_number;
	int64_t number;
	tally_object *given[2];
};

typedef void (*history_perform)(tally_object *object, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw);

struct history_operation {
	const char *name;
	// A letter for each argument: p place, v fresh element, k key, n a number to be added.
	const char *arguments;
	unsigned growth; // so many numbers more at most
	history_perform call;
	// What it does when nobody else is there.
	void (*model)(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome);
};

// The kinds of objects. The first operation of each shows everything that is there.
struct history_kind {
	const char *name;
	const struct history_operation *operations;
	unsigned count;
	bool has_keys; // its numbers are keys and values in turn; a set's are keys
	bool has_values;
	tally_object *(*make)(void);
	int (*add)(tally_object *object, tally_object *key, tally_object *value); // for the beginning of a round
};
extern const struct history_kind history_list, history_dict, history_set, history_attributes;

// The class of the instances whose attributes are used. NULL until it is made.
extern tally_object *history_class;

struct history_call {
	const struct history_operation *operation;
	int32_t numbers[HISTORY_ARGUMENTS];
	unsigned thread;
	uint64_t start, end;
	struct history_outcome outcome;
};

struct history {
	const struct history_kind *kind;
	struct history_state before;
	struct history_call calls[HISTORY_CALLS];
	unsigned count;
};

// ---- stress/history_search.c ----

enum history_verdict { HISTORY_EXPLAINED, HISTORY_UNEXPLAINED, HISTORY_UNDECIDED };

// Looks for an order. Not to be called by two threads at once.
enum history_verdict history_judge(const struct history *history);
bool history_same_outcome(const struct history_outcome *a, const struct history_outcome *b);
// How many of its calls overlap one of another thread.
unsigned history_overlaps(const struct history *history);
void history_print(const struct history *history);

// ---- stress/history_cases.c ----

// Histories written by hand, and random ones that are judged by trying all orders as well. How many were judged wrongly.
unsigned history_check_judge(uint64_t seed);

// ---- stress/history_plant.c ----

// A call that is not atomic, to be made where the operation of that name is meant.
struct history_plant {
	const char *name;
	const struct history_kind *kind;
	history_perform call;
};
extern const struct history_plant history_plants[];
extern const unsigned history_plant_count;

// ---- stress/history_round.c ----

struct history_options {
	double seconds;
	uint64_t seed;
	uint64_t round; // UINT64_MAX: all; else this one, again and again
	const struct history_plant *plant;
	bool is_quiet; // a history that cannot be explained is not printed
};

struct history_figures {
	uint64_t rounds, calls, overlaps, undecided, unexplained;
	uint64_t seed, round; // of the one that could not be explained
};

// Rounds until the time is over or one cannot be explained. The calling thread is attached.
struct history_figures history_run(const struct history_options *options);
// Somewhere in a call or between two: nothing, a moment, or a chance for others.
void history_pause(void);

// ---- chance ----

static inline uint64_t history_mix(uint64_t seed, uint64_t number)
{
	uint64_t x = seed + (number + 1) * UINT64_C(0x9E3779B97F4A7C15); // splitmix64
	x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
	return x ^ x >> 31;
}

static inline unsigned history_below(uint64_t *state, unsigned limit)
{
	*state = history_mix(*state, 0);
	return (unsigned)(*state >> 33) % limit;
}

#endif
