// core/type.c: the table of types (core/type.h): the built-in ones at their fixed indexes, host types and classes after them.
//
// An index that a class has left is used again, but not before all others have had their turn: a mistake with an old index
// shows as an absent type rather than as another one.
//
// I1  The entries, `end`, `cursor` and `taken` are written under the latch or while the runtime starts. Readers need no latch:
//     whoever has an object has seen its type's entry written (I1 of type.h).
#include "object.h"
#include "class.h"
#include "error.h"
#include "hash.h"
#include "number.h"

#include <string.h>

struct tally_type *tally_types[TALLY_TYPES];

static struct tally_latch latch = TALLY_LATCH_INIT;
static unsigned end;    // beyond the highest index ever used
static unsigned cursor; // where the search for a free index goes on
static unsigned taken;  // entries in use

static const struct tally_type type_type = {
	.name = "type",
	.index = TALLY_TYPE_TYPE,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_type),
	.destroy = tally_class_destroy,
	.clear = tally_class_clear,
	.hash = tally_hash_identity,
	.call = tally_class_call,
	.owned = tally_class_owned,
	.weak = offsetof(struct tally_type, anchor),
};

static const struct tally_type *const built_in[] = {
	&type_type,      &tally_none_type,  &tally_bool_type, &tally_int_type,  &tally_float_type,
	&tally_str_type, &tally_bytes_type, &tally_tuple_type, &tally_list_type, &tally_dict_type, &tally_set_type,
	&tally_frozenset_type, &tally_iterator_type, &tally_function_type, &tally_method_type, &tally_cell_type, &tally_capsule_type,
	&tally_weakref_type, &tally_weak_method_type, &tally_finalize_type, &tally_weak_value_dict_type, &tally_weak_key_dict_type,
	&tally_weak_set_type,
};
static_assert(sizeof built_in / sizeof built_in[0] == TALLY_TYPE_HOST - 1, "one description for each built-in type");

// A type object with everything but its index.
static struct tally_type *copy(const struct tally_type *description)
{
	struct tally_type *type =
	        (struct tally_type *)tally_object_new(TALLY_TYPE_TYPE, sizeof *type, TALLY_LAYOUT_LEAF);
	if (!type) return NULL;
	const size_t head = sizeof(struct tally_object);
	memcpy((char *)type + head, (const char *)description + head, sizeof *type - head);
	return type;
}

static unsigned next_index(unsigned index) { return index + 1 < TALLY_TYPES ? index + 1 : TALLY_TYPE_TYPE; }

// There is a free one.
static unsigned take_index(void)
{
	while (tally_types[cursor]) cursor = next_index(cursor);
	unsigned index = cursor;
	cursor = next_index(cursor);
	if (end <= index) end = index + 1;
	return index;
}

bool tally_type_enter(struct tally_type *type)
{
	tally_latch_take(&latch);
	bool fits = taken < TALLY_TYPES - TALLY_TYPE_TYPE;
	if (fits) {
		type->index = (uint16_t)take_index();
		tally_types[type->index] = type;
		taken++;
	}
	tally_latch_drop(&latch);
	return fits;
}

void tally_type_leave(struct tally_type *type)
{
	tally_latch_take(&latch);
	tally_types[type->index] = NULL;
	taken--;
	tally_latch_drop(&latch);
}

const char *tally_type_name_at(unsigned index, const struct tally_type *type)
{
	tally_latch_take(&latch);
	bool is_there = tally_types[index] == type;
	tally_latch_drop(&latch);
	return is_there ? type->name : NULL;
}

int tally_type_table_full(const char *operation)
{
	return tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "there are %d types already", TALLY_TYPES - 1);
}

void tally_types_each_class(void (*visit)(struct tally_class *type, void *context), void *context)
{
	for (unsigned i = TALLY_TYPE_HOST; i < end; i++)
		if (tally_types[i] && tally_types[i]->is_class) visit((struct tally_class *)tally_types[i], context);
}

struct tally_type *tally_type_add(const struct tally_type *description, const char *operation)
{
	struct tally_type *type = copy(description);
	if (!type) return tally_error_null(tally_error_memory(operation, sizeof *type));
	if (tally_type_enter(type)) return type;
	variant_decref(&type->header);
	return tally_error_null(tally_type_table_full(operation));
}

static int add_built_in(void)
{
	cursor = TALLY_TYPE_TYPE;
	for (unsigned i = 0; i < TALLY_TYPE_HOST - 1; i++) {
		TALLY_ASSERT(built_in[i]->index == cursor);
		struct tally_type *type = tally_type_add(built_in[i], "init");
		if (!type) return -1;
		variant_immortal_init(&type->header); // nobody else is there yet
	}
	return 0;
}

int tally_types_init(void)
{
	if (!add_built_in() && !tally_singletons_init()) return 0;
	tally_types_fini();
	return -1;
}

void tally_types_fini(void)
{
	tally_singletons_fini();
	memset(tally_types, 0, end * sizeof tally_types[0]);
	end = cursor = taken = 0;
}
