// tests/cleanup_uses.h: functions that use each macro of tally/cleanup.h, in the part of C that is C++ as well: tests/cleanup.c
// calls them, and tests/check_exports has them compiled as C++17.
#ifndef TALLY_TESTS_CLEANUP_USES_H
#define TALLY_TESTS_CLEANUP_USES_H

#include <stdio.h>
#include <string.h>
#include <tally/tally.h>

static char cleanup_log[1024]; // what has happened, line after line

static inline void cleanup_print(const char *line)
{
	size_t used = strlen(cleanup_log);
	snprintf(cleanup_log + used, sizeof cleanup_log - used, "%s\n", line);
}

// ---- with Resource() as resource ----

struct cleanup_resource {
	const char *name;
};

static inline struct cleanup_resource cleanup_acquire(const char *name)
{
	struct cleanup_resource resource = {name};
	cleanup_print("Acquiring resource");
	return resource;
}

static inline void cleanup_release(const struct cleanup_resource *resource)
{
	cleanup_print(resource->name[0] ? resource->name : "Releasing resource");
}

static inline void use_resource(void)
{
	TALLY_AUTO(cleanup_release) struct cleanup_resource resource = cleanup_acquire("");
	cleanup_print("Using resource");
	if (!resource.name[0]) return;
	cleanup_print("not reached");
}

// Returns the number of the way that was taken.
static inline int leave_scope_by(int way)
{
	for (int i = 0; i < 2; i++) {
		TALLY_AUTO(cleanup_release) struct cleanup_resource outer = {"outer"};
		{
			TALLY_AUTO(cleanup_release) struct cleanup_resource inner = {"inner"};
			if (way == 0) break;
			if (way == 1) continue;
			if (way == 2) return way;
			if (way == 3) goto out;
			cleanup_print(inner.name[0] ? "end" : "");
		}
		cleanup_print(outer.name[0] ? "between" : "");
		break;
	}
out:
	return way;
}

// ---- references ----

// A list of two lists; NULL when `fails`, in the middle of it.
static inline tally_object *make_pair(bool fails)
{
	TALLY_AUTO_DECREF tally_object *pair = tally_list_new();
	TALLY_AUTO_DECREF tally_object *first = tally_list_new(), *second = fails ? NULL : tally_list_new();
	if (!pair || !first || tally_list_append(pair, first)) return NULL;
	if (!second || tally_list_append(pair, second)) return NULL;
	return TALLY_KEEP(pair);
}

// ---- sections and states ----

static inline bool is_suspended_inside(void)
{
	TALLY_AUTO_GC_SUSPENDED;
	{
		TALLY_AUTO_GC_SUSPENDED;
	}
	return tally_gc_is_suspended();
}

// Whether the section began.
static inline bool append_in_section(tally_object *list, tally_object *item, void (*meanwhile)(void))
{
	TALLY_AUTO_CRITICAL_AS(section, list);
	if (!section) return false;
	if (tally_list_append(list, item)) return false;
	if (meanwhile) meanwhile();
	return tally_list_append(list, item) == 0;
}

static inline size_t size_in_sections(tally_object *a, tally_object *b)
{
	size_t sizes[2] = {0, 0};
	TALLY_AUTO_CRITICAL(a);
	TALLY_AUTO_CRITICAL(b);
	if (tally_list_size(a, &sizes[0]) || tally_list_size(b, &sizes[1])) return 0;
	return sizes[0] + sizes[1];
}

static inline bool make_list_attached(void)
{
	TALLY_AUTO_ATTACHED_AS(token);
	if (!token) return false;
	TALLY_AUTO_DECREF tally_object *list = tally_list_new(); // goes before the thread is detached
	return list != NULL && tally_thread_is_attached();
}

static inline bool is_attached_in_region(void (*meanwhile)(void))
{
	TALLY_AUTO_BLOCKING;
	if (meanwhile) meanwhile();
	return tally_thread_is_attached();
}

#endif
