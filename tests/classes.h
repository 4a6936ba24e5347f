// tests/classes.h: what the tests of classes share: classes whose death is seen, their attributes under C names, methods.
//
// A class made by CLASS(.name = "point", .base = base) has a `kind` as its context unless the test gives one; its hooks may
// count in it. After a test everything is collected, and each kind whose class was made has been released, exactly once.
#ifndef TALLY_TESTS_CLASSES_H
#define TALLY_TESTS_CLASSES_H

#include "nodes.h"

#include <stddef.h>

#define CHECK_COLLECT(generation, garbage) CHECK_EQ(tally_gc_collect(generation), (garbage))

enum { KINDS = 4096 };

struct kind {
	atomic_int made, released;
	atomic_int begun, finalized, hashed, compared, called, shown; // for hooks
};
static struct kind kinds[KINDS];
static atomic_int kind_count;

static inline struct kind *kind_new(void)
{
	int number = atomic_fetch_add(&kind_count, 1);
	if (number >= KINDS) tap_bail_out("too many kinds");
	return &kinds[number];
}

static inline void kind_is_released(void *context) { atomic_fetch_add(&((struct kind *)context)->released, 1); }

static inline int is_released(const struct kind *kind) { return atomic_load(&kind->released); }

// ---- classes and instances ----

#define CLASS(...) class_of((tally_class_spec){__VA_ARGS__})

static inline tally_object *class_of(tally_class_spec spec)
{
	spec.size = sizeof spec;
	if (!spec.name) spec.name = "thing";
	if (!spec.context) spec.context = kind_new();
	if (!spec.release) spec.release = kind_is_released;
	tally_object *type = must(tally_class_new(&spec));
	if (spec.release == kind_is_released) atomic_fetch_add(&((struct kind *)spec.context)->made, 1);
	return type;
}

static inline tally_object *instance(tally_object *type) { return must(tally_instance_new(type)); }

// An instance, and nobody else who refers to its class.
static inline tally_object *only_instance(tally_object *type)
{
	tally_object *self = instance(type);
	tally_decref(type);
	return self;
}

// ---- attributes ----

static inline void set_attr(tally_object *object, const char *name, tally_object *value)
{
	tally_object *key = text(name);
	if (!CHECK_EQ(tally_attr_set(object, key, value), 0)) tap_note("%s: %s", name, tally_error_message());
	tally_decref(key);
}

// The same, and gives the caller's reference up.
static inline void set_own(tally_object *object, const char *name, tally_object *value)
{
	set_attr(object, name, value);
	tally_decref(value);
}

static inline void set_int(tally_object *object, const char *name, int64_t value) { set_own(object, name, integer(value)); }

static inline int get_attr(tally_object *object, const char *name, tally_object **value)
{
	tally_object *key = text(name);
	int found = tally_attr_get(object, key, value);
	tally_decref(key);
	return found;
}

// A new reference, or NULL: absent.
static inline tally_object *attr(tally_object *object, const char *name)
{
	tally_object *value = NULL;
	int found = get_attr(object, name, &value);
	if (!CHECK_EQ(found, value ? 1 : 0)) tap_note("%s: %s", name, tally_error_message());
	return value;
}

// The int that the attribute is; INT64_MIN: absent.
static inline int64_t attr_int(tally_object *object, const char *name) { return take_value(attr(object, name)); }

#define CHECK_ABSENT(object, name) CHECK_PTR(attr((object), (name)), NULL)

static inline int delete_attr(tally_object *object, const char *name)
{
	tally_object *key = text(name);
	int deleted = tally_attr_delete(object, key);
	tally_decref(key);
	return deleted;
}

static inline tally_object *call_attr(tally_object *object, const char *name, tally_object *const *arguments, size_t count)
{
	tally_object *key = text(name), *result = tally_attr_call(object, key, arguments, count);
	tally_decref(key);
	return result;
}

// The names of the own attributes, one after the other.
static inline const char *names_of(tally_object *object)
{
	static char joined[1024];
	tally_object *names = must(tally_attr_names(object));
	size_t count = 0;
	joined[0] = '\0';
	CHECK_EQ(tally_list_size(names, &count), 0);
	for (size_t i = 0; i < count; i++) {
		tally_object *name = must(tally_list_get(names, (ptrdiff_t)i));
		size_t used = strlen(joined);
		snprintf(joined + used, sizeof joined - used, "%s%s", i ? " " : "", tally_str_utf8(name, NULL));
		tally_decref(name);
	}
	tally_decref(names);
	return joined;
}

// ---- functions ----

static inline tally_object *function(const char *name, tally_function_call call, size_t least, size_t most)
{
	tally_function_spec spec = {.size = sizeof spec, .name = name, .call = call, .least = least, .most = most};
	return must(tally_function_new(&spec));
}

// A tuple of its arguments.
static inline tally_object *pack(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context;
	(void)captured;
	return tally_tuple_new(arguments, count);
}

static inline tally_object *packer(void) { return function("pack", pack, 0, SIZE_MAX); }

// ---- texts ----

static inline bool has_part(const char *whole, const char *part) { return strstr(whole, part) != NULL; }

#define CHECK_PART(whole, part)                                                                                        \
	do {                                                                                                           \
		const char *seen_ = (whole);                                                                           \
		if (!CHECK(has_part(seen_, (part)))) tap_note("%s is not in: %s", (part), seen_);                      \
	} while (0)

// The thread's error is of this code, and its message names the part; forgets it.
#define CHECK_FAILED(code, part)                                                                                       \
	do {                                                                                                           \
		CHECK_EQ(tally_error_code(), (code));                                                                  \
		CHECK_PART(tally_error_message(), (part));                                                             \
		tally_error_clear();                                                                                   \
	} while (0)

// ---- the fixture ----

static inline void classes_start(void)
{
	nodes_start();
	memset(kinds, 0, sizeof kinds);
	atomic_store(&kind_count, 0);
}

// What a test has left behind is two things deep at most: garbage, and what that had kept alive.
static inline void classes_stop(void)
{
	for (int i = 0; i < 3; i++) tally_gc_collect(2);
	for (int i = 0; i < atomic_load(&kind_count); i++)
		if (!CHECK_EQ(is_released(&kinds[i]), atomic_load(&kinds[i].made))) tap_note("kind %d", i);
	fixture_stop();
}

static inline void classes_begin(unsigned seconds)
{
	tap_begin();
	tap_watchdog(seconds);
	tap_before_each(classes_start);
	tap_after_each(classes_stop);
}

#endif
