// tests/articles.h: what the tests of other people's examples share: a place to print to, classes with methods, a fixture.
//
// Articles that explain Python's memory show small programs and what they print. Each program that is about counts, cycles,
// weak references, finalizers or the collector is written here in C, as near to its text as C lets it, and prints the same.
// docs/articles.md says which test has which example. Two things differ throughout:
// - sys.getrefcount(x) counts its own argument. A C function borrows its arguments, so the number is one less.
// - `del x` is a tally_decref by whoever has the variable, and a new name for an object is a tally_incref.
//
// Automatic collection is suspended, not disabled: an example says when it wants a collection, and finds the settings of a
// new runtime.
#ifndef TALLY_TESTS_ARTICLES_H
#define TALLY_TESTS_ARTICLES_H

#include "weakrefs.h"

#include <stdarg.h>

// ---- print ----

static char printed[4096];

__attribute__((format(printf, 1, 2))) static inline void print(const char *format, ...)
{
	size_t used = strlen(printed);
	va_list values;
	va_start(values, format);
	vsnprintf(printed + used, sizeof printed - used, format, values);
	va_end(values);
}

// All that has been printed is this; forgets it.
#define CHECK_PRINTED(expected) (CHECK_STR(printed, (expected)), printed[0] = '\0')

// What Python's print shows of a bool.
static inline const char *shown(bool value) { return value ? "True" : "False"; }

// ---- classes ----

static inline void set_method(tally_object *type, const char *name, tally_function_call call)
{
	set_own(type, name, function(name, call, 0, SIZE_MAX));
}

// A call whose result is none, or is not wanted.
static inline void do_call(tally_object *object, const char *name, tally_object *argument)
{
	tally_object *result = call_attr(object, name, &argument, argument != NULL);
	if (!CHECK(result)) tap_note("%s: %s", name, tally_error_message());
	tally_decref(result);
}

// type(argument)
static inline tally_object *make(tally_object *type, tally_object *argument)
{
	return must(tally_call(type, &argument, argument != NULL));
}

static inline tally_object *make_named(tally_object *type, const char *name)
{
	tally_object *argument = text(name), *made = make(type, argument);
	tally_decref(argument);
	return made;
}

// self.value = value, for those whose __init__ does that
static inline int init_value(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context;
	if (count != 1) return tally_error_set(TALLY_ERROR_TYPE, "wanted: a value"), -1;
	set_attr(self, "value", arguments[0]);
	return 0;
}

static inline tally_object *list_of_numbers(int64_t size)
{
	tally_object *list = must(tally_list_new());
	for (int64_t i = 1; i <= size; i++) push_own(list, integer(i));
	return list;
}

// Of the list `objects`, how many are of the type or of a class that inherits from it.
static inline size_t count_of_type(tally_object *objects, tally_object *type)
{
	size_t count = 0;
	for (size_t i = 0; i < length_of(objects); i++) {
		tally_object *object = must(tally_list_get(objects, (ptrdiff_t)i));
		count += tally_isinstance(object, type) == 1;
		tally_decref(object);
	}
	return count;
}

static inline bool holds(tally_object *objects, const tally_object *wanted)
{
	bool found = false;
	for (size_t i = 0; i < length_of(objects) && !found; i++) {
		tally_object *object = must(tally_list_get(objects, (ptrdiff_t)i));
		found = tally_is(object, wanted);
		tally_decref(object);
	}
	return found;
}

// ---- the fixture ----

static inline void articles_start(void)
{
	fixture_start();
	nodes_forget();
	memset(kinds, 0, sizeof kinds);
	atomic_store(&kind_count, 0);
	printed[0] = '\0';
	tally_gc_suspend();
}

static inline void articles_begin(unsigned seconds)
{
	tap_begin();
	tap_watchdog(seconds);
	tap_before_each(articles_start);
	tap_after_each(classes_stop);
}

#endif
