// core/garbage.c: the garbage list and the debug hook (core/garbage.h).
//
// The list is made when something is to be put there, or the host asks for it; it is immortal, so that it counts neither as alive nor
// as a leak. Otherwise it is an ordinary list, which the host may empty or fill.
#include "garbage.h"
#include "atomics.h"
#include "error.h"
#include "object.h"
#include "unraisable.h"

#include <inttypes.h>
#include <stdio.h>
#include <tally/gc.h>
#include <tally/list.h>

enum { LINE = 160 };
enum { FLAGS = TALLY_GC_DEBUG_STATS | TALLY_GC_DEBUG_LEAK };
static_assert((TALLY_GC_DEBUG_COLLECTABLE | TALLY_GC_DEBUG_SAVEALL) == 34, "tally_garbage_wants_all");

static struct {
	struct tally_latch latch; // leaf code under it
	unsigned flags;           // guarded by the latch, like the next two
	tally_gc_debug_fn hook;
	void *context;
	struct tally_object *list; // guarded by the latch; immortal; NULL: none yet
	bool is_closed;            // written while there is one thread
} garbage = {.latch = TALLY_LATCH_INIT};

void tally_garbage_init(void)
{
	garbage.flags = 0;
	garbage.hook = NULL;
	garbage.list = NULL;
	garbage.is_closed = false;
}

// ---- flags and hook ----

int tally_gc_set_debug(unsigned flags, tally_gc_debug_fn hook, void *context)
{
	if (flags & ~(unsigned)FLAGS)
		return tally_error_raise(TALLY_ERROR_VALUE, "gc_set_debug", "flags %#x, expected some of %#x", flags, (unsigned)FLAGS);
	tally_latch_take(&garbage.latch);
	garbage.flags = flags;
	garbage.hook = hook;
	garbage.context = context;
	tally_latch_drop(&garbage.latch);
	return 0;
}

unsigned tally_gc_get_debug(void)
{
	tally_latch_take(&garbage.latch);
	unsigned flags = garbage.flags;
	tally_latch_drop(&garbage.latch);
	return flags;
}

static void tell_line(const char *line, struct tally_object *object)
{
	tally_latch_take(&garbage.latch);
	tally_gc_debug_fn hook = garbage.hook;
	void *context = garbage.context;
	tally_latch_drop(&garbage.latch);
	if (!hook) return;
	tally_error_clear();
	hook(line, object, context);
	if (tally_error_code()) tally_unraisable_report("gc debug hook", object);
}

void tally_garbage_tell(const char *what, struct tally_object *object)
{
	char line[LINE];
	snprintf(line, sizeof line, "gc: %s <%s %p>", what, tally_type(object)->name, (void *)object);
	tell_line(line, object);
}

unsigned tally_garbage_begin(const struct tally_gc_collection *collection)
{
	char line[LINE];
	unsigned debug = tally_gc_get_debug();
	if (!(debug & TALLY_GC_DEBUG_STATS)) return debug;
	snprintf(line, sizeof line, "gc: collecting generation %d, collection %" PRIu64 ", %s", collection->generation,
	         collection->number, collection->is_automatic ? "automatic" : "asked for");
	tell_line(line, NULL);
	return debug;
}

void tally_garbage_end(const struct tally_gc_collection *collection, unsigned debug)
{
	char line[LINE];
	if (!(debug & TALLY_GC_DEBUG_STATS)) return;
	if (collection->has_failed) snprintf(line, sizeof line, "gc: given up, no memory");
	else snprintf(line, sizeof line, "gc: done, %" PRIu64 " examined, %" PRIu64 " unreachable, %" PRIu64 " uncollectable, %.6f s elapsed",
	              collection->visited, collection->collected, collection->uncollectable, (double)collection->duration / 1e9);
	tell_line(line, NULL);
}

// ---- the list ----

// Takes `made`, if there is no list yet, and sets it to NULL. Returns the list there is.
static struct tally_object *settle(struct tally_object **made)
{
	tally_latch_take(&garbage.latch);
	if (!garbage.list && *made) {
		variant_immortal_init(*made);
		garbage.list = *made;
		*made = NULL;
	}
	struct tally_object *list = garbage.list;
	tally_latch_drop(&garbage.latch);
	return list;
}

// NULL: no memory, and the error is set.
static struct tally_object *get_list(void)
{
	struct tally_object *made = NULL, *list = settle(&made);
	if (list || !(made = tally_list_new())) return list;
	list = settle(&made);
	if (made) variant_decref(made);
	return list;
}

tally_object *tally_gc_garbage(void) { return tally_enter_run("gc_garbage") ? get_list() : NULL; }

bool tally_garbage_put(struct tally_object *const *objects, size_t count)
{
	if (garbage.is_closed) return true;
	struct tally_object *list = get_list();
	return list && !tally_list_extend(list, objects, count);
}

// ---- the end ----

// Of each that is in the list now, whatever the hook does to it. Without memory of none.
static void tell_each(struct tally_object *list)
{
	struct tally_object *copy = tally_list_slice(list, TALLY_SLICE_NONE, TALLY_SLICE_NONE, 1), *object;
	for (ptrdiff_t i = 0; copy && (object = tally_list_get(copy, i)); i++) {
		tally_garbage_tell("uncollectable", object);
		variant_decref(object);
	}
	if (copy) variant_decref(copy);
}

static void tell_left(struct tally_object *list, size_t count, unsigned flags)
{
	tally_error_raise(TALLY_ERROR_VALUE, "fini", "%zu uncollectable object%s at shutdown, in the garbage list", count,
	                  count == 1 ? "" : "s");
	tally_unraisable_report("fini", NULL);
	if (flags & TALLY_GC_DEBUG_UNCOLLECTABLE) tell_each(list);
}

bool tally_garbage_close(void)
{
	unsigned flags = tally_gc_get_debug();
	size_t count = 0;
	garbage.is_closed = true;
	if (garbage.list) tally_len(garbage.list, &count);
	if (count && !(flags & TALLY_GC_DEBUG_SAVEALL)) tell_left(garbage.list, count, flags);
	tally_gc_set_debug(0, NULL, NULL);
	if (garbage.list) tally_list_clear(garbage.list);
	tally_error_clear();
	return count;
}
