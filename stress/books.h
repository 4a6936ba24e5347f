// stress/books.h: what the programs with books that must balance have in common (stress/mixed.c, stress/weak_race*.c): complaints,
// planted faults, random numbers, and small steps on objects that cannot fail.
//
// Any thread, attached where objects are in it. A complaint does not end the program; its status tells at the end.
#ifndef TALLY_STRESS_BOOKS_H
#define TALLY_STRESS_BOOKS_H

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tally/tally.h>
#include <unistd.h>

struct books {
	atomic_uint complaints;
	const char *plant; // the fault that is asked for, or NULL
	uint64_t seed;
};
extern struct books books;

__attribute__((format(printf, 1, 2))) static inline void complain(const char *format, ...)
{
	char line[300];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (atomic_fetch_add(&books.complaints, 1) < 20) fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

_Noreturn static inline void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, tally_error_message());
	_exit(1);
}

static inline tally_object *need(tally_object *object)
{
	if (!object) die("an object could not be had");
	return object;
}

static inline void check(int result)
{
	if (result < 0) die("a call failed");
}

static inline void balance(const char *what, long long here, long long there)
{
	if (here != there) complain("%s: %lld on one side, %lld on the other", what, here, there);
}

// The faults that --plant makes, once in a run each.
static inline bool plants(const char *what)
{
	static atomic_flag done = ATOMIC_FLAG_INIT;
	return books.plant && strcmp(books.plant, what) == 0 && !atomic_flag_test_and_set(&done);
}

static inline bool parse_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;
	errno = 0;
	*number = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *number >= least && *number <= most;
}

// ---- random numbers ----

static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline unsigned below(uint64_t *state, unsigned limit) { return (unsigned)(next_random(state) >> 33) % limit; }

static inline uint64_t seed_of(unsigned number) { return (books.seed + number) * UINT64_C(0x9E3779B97F4A7C15) | 1; }

// ---- small steps ----

static inline void push_own(tally_object *list, tally_object *object)
{
	check(tally_list_append(list, object));
	tally_decref(object);
}

static inline tally_object *new_int(int64_t value) { return need(tally_int_new(value)); }

static inline int64_t take_value(tally_object *object)
{
	int64_t value = 0;
	check(tally_int_value(object, &value));
	tally_decref(object);
	return value;
}

// The last element, or NULL when there is none.
static inline tally_object *try_pop(tally_object *list)
{
	tally_object *object = tally_list_pop(list, -1);
	if (!object) tally_error_clear();
	return object;
}

static inline size_t length_of(tally_object *object)
{
	size_t length = 0;
	check(tally_len(object, &length));
	return length;
}

#endif
