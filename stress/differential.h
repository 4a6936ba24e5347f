// stress/differential.h: what the driver of the differential test and its engines share.
//
// The driver draws a sequence of operations on a pool of objects from a seed, and an engine performs them: Tally
// (differential_tally*.c, linked with each build) or CPython (differential_python*.c). Everything that can be observed
// goes into a digest, so that two programs that were given the same seed must print the same lines.
// docs/differential.md says where the two differ by design, and who makes them equal.
//
//     differential.c            the command line, the digest, the trace
//     differential_generate.c   the pool; which operation comes next, with which arguments
//     differential_chance.c     random numbers and texts
//     differential_text.c       an object as a text that is the same for each engine
//     differential_operations.h the operations
#ifndef STRESS_DIFFERENTIAL_H
#define STRESS_DIFFERENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// An object of the engine.
typedef void *reference;

enum kind { NONE, BOOL, INT, FLOAT, STR, BYTES, TUPLE, LIST, DICT, SET, FROZENSET, OTHER };

// Why an operation failed. MISSING: it said that it failed and set no error.
enum fault { NO_FAULT, TYPE_FAULT, VALUE_FAULT, INDEX_FAULT, OVERFLOW_FAULT, DEPTH_FAULT, OTHER_FAULT, MISSING_FAULT };

// What a sort is given as its key function.
enum key { NO_KEY, KEY_SAME, KEY_NEGATED, KEY_LENGTH, KEY_TEXT, KEY_FAILS, KEY_CHANGES_LIST, KEYS };

// A start or stop of a slice that is left out.
#define LEFT_OUT PTRDIFF_MIN

enum operation {
#define OPERATION(name, arguments, weight) name##_operation,
#include "differential_operations.h"
#undef OPERATION
	OPERATIONS
};

struct call {
	reference object[3];
	int64_t number[3];
	double real;
	const char *bytes; // `size` of them
	size_t size;
	reference *items; // `count` of them
	size_t count;
};

struct answer {
	enum fault fault;
	reference made[2]; // new references, or NULL
	bool numbered;     // `number` has been answered
	int64_t number;
};

// ---- what an engine offers ----

typedef void (*engine_function)(const struct call *call, struct answer *answer);
extern const engine_function engine_functions[OPERATIONS];

// `plant`: makes one operation wrong, for a test of the test.
void engine_start(uint64_t seed, bool plant);
// False, with a line on stderr: something was still alive.
bool engine_stop(void);
const char *engine_name(void);

reference engine_keep(reference object); // one more reference; returns it
void engine_drop(reference object);      // NULL is allowed
reference engine_none(void);
enum kind engine_kind(reference object);
int64_t engine_int(reference object); // of a bool, too
double engine_float(reference object);
const char *engine_bytes(reference object, size_t *size); // of a str its UTF-8
// New references to the elements (of a dict: key, value, key, value ...) in `elements`, and their number; nothing but
// the number when it is above `room`.
size_t engine_elements(reference container, reference *elements, size_t room);

// ---- differential_text.c ----

struct text {
	char *bytes; // followed by a NUL once anything has been added
	size_t size, capacity;
};

// The text of an object: sets are sorted, what an object contains that contains itself is `^` and the number of levels
// up.
void text_add_object(struct text *text, reference object);
// The texts of a list's elements, sorted.
void text_add_sorted(struct text *text, reference list);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_quoted(struct text *text, const char *bytes, size_t size);
// The object is nested so deep, or so much can be reached from it (in each way that leads there), that operations on it
// would take long.
bool is_heavy(reference object);
// A set with more than one element can be reached from it, and so its repr has no order that engines share.
bool has_unordered(reference object);
// A sum over the text of a str that does not depend on the order of its bytes.
int64_t sum_of_text(reference str);
// No NaN and no set can be reached from it, and it does not contain itself: its elements have a total order or one kind
// of error.
bool is_sortable(reference object);

// ---- differential_generate.c ----

enum { ITEMS = 100 };

struct short_text {
	char bytes[32];
	size_t size;
};

// An operation with its arguments, to which it has references of its own.
struct step {
	enum operation operation;
	struct call call;
	reference items[ITEMS];
	struct short_text text;
};

extern const char *const operation_names[OPERATIONS], *const operation_arguments[OPERATIONS];

void pool_start(uint64_t seed, const bool *without);
void pool_stop(void);
void pool_add_text(struct text *text);
void step_draw(struct step *step);
void step_end(struct step *step, struct answer *answer); // results go to the pool

#endif
