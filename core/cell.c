// core/cell.c: cells: one changeable reference, for variables that closures share.
//
// The cell's lock guards the reference; who may read the cell gets it without (core/reader.h). A cell equals itself only, so comparing and hashing it never look inside;
// showing it takes a reference to what is inside and shows its type and address, no more.
//
// I1  What was in the cell is given up after the lock has been dropped.
// Any attached thread.
#include "error.h"
#include "hash.h"
#include "object.h"
#include "reader.h"
#include "repr.h"
#include "retire.h"

#include <tally/callable.h>

enum { SLOTS = 1 };

struct cell {
	struct tally_object header;
	struct tally_object *value; // written under the cell's lock; NULL: empty
};

static_assert(offsetof(struct cell, value) == 16, "TALLY_LAYOUT_SLOTS");

tally_object *tally_cell_new(tally_object *value)
{
	if (!tally_enter_new("cell_new")) return NULL;
	struct cell *cell = (struct cell *)tally_object_new(TALLY_TYPE_CELL, sizeof *cell, TALLY_LAYOUT_SLOTS);
	if (!cell) return tally_error_null(tally_error_memory("cell_new", sizeof *cell));
	cell->value = tally_incref(value);
	cell->header.aux = SLOTS;
	return &cell->header;
}

static struct cell *cell_of(const char *operation, tally_object *object)
{
	if (!tally_enter(operation)) return NULL;
	if (tally_likely(tally_is_cell(object))) return (struct cell *)object;
	return tally_error_null(tally_error_type(operation, "a cell", object));
}

static struct tally_object *read_locked(struct cell *cell)
{
	enum tally_hold hold = variant_lock_take(&cell->header);
	struct tally_object *value = cell->value;
	if (value) variant_incref_locked(value);
	variant_lock_drop(&cell->header, hold);
	return value;
}

// What was seen without the lock is another thread's.
static __attribute__((noinline)) struct tally_object *read_slow(struct cell *cell, struct tally_object *seen, unsigned sections)
{
	if (!variant_try_incref(seen)) return read_locked(cell);
	if (tally_place_read(&cell->value) == seen && tally_is_outside(&cell->header, sections)) return seen;
	tally_unpin(seen);
	return read_locked(cell);
}

// What is inside, with a reference for the caller.
static struct tally_object *read(struct cell *cell)
{
	if (tally_unlikely(!variant_may_read(&cell->header))) return read_locked(cell);
	unsigned sections = tally_sections(&cell->header);
	struct tally_object *value = tally_place_read(&cell->value);
	if (tally_unlikely(!tally_is_outside(&cell->header, sections))) return read_locked(cell);
	return !value || tally_likely(variant_incref_own(value)) ? value : read_slow(cell, value, sections);
}

// Puts `value` in, with the caller's reference, and returns what was there, with the cell's.
static struct tally_object *replace(struct cell *cell, struct tally_object *value)
{
	enum tally_hold hold = variant_lock_take(&cell->header);
	struct tally_object *former = cell->value;
	tally_place_set(&cell->value, value);
	variant_lock_drop(&cell->header, hold);
	return former;
}

int tally_cell_get(tally_object *object, tally_object **value)
{
	struct cell *cell = cell_of("cell_get", object);
	if (!cell) return -1;
	*value = read(cell);
	return *value != NULL;
}

int tally_cell_set(tally_object *object, tally_object *value)
{
	struct cell *cell = cell_of("cell_set", object);
	if (!cell) return -1;
	struct tally_object *former = replace(cell, tally_incref(value));
	if (former) tally_give_up(object, former);
	return 0;
}

bool tally_is_cell(const tally_object *object) { return object && object->type == TALLY_TYPE_CELL; }

// ---- the type ----

static void clear(struct tally_object *object)
{
	struct tally_object *former = replace((struct cell *)object, NULL);
	if (former) tally_give_up(object, former);
}

static void destroy(struct tally_object *object)
{
	struct tally_object *value = ((struct cell *)object)->value;
	if (value) variant_decref(value);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	struct tally_object *value = read((struct cell *)object);
	if (!value) return tally_text_format(text, "<cell at %p: empty>", (void *)object);
	int status = tally_text_format(text, "<cell at %p: ", (void *)object);
	if (!status) status = tally_repr_name(text, tally_type(value)->name);
	if (!status) status = tally_text_format(text, " at %p>", (void *)value);
	variant_decref(value);
	return status;
}

const struct tally_type tally_cell_type = {
	.name = "cell",
	.index = TALLY_TYPE_CELL,
	.layout = TALLY_LAYOUT_SLOTS,
	.size = sizeof(struct cell),
	.destroy = destroy,
	.hash = tally_hash_identity,
	.repr = repr,
	.clear = clear,
};
