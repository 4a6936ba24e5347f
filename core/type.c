// core/type.c: the table of types (core/type.h): the built-in ones at their fixed indexes, host types after them.
//
// I1  `next` only grows while the runtime runs; it and the table's entries are written under the latch or while the
//     runtime starts. Readers need no latch: whoever has an object has seen its type's entry written (I1 of type.h).
#include "object.h"
#include "error.h"
#include "hash.h"
#include "number.h"

#include <string.h>

struct tally_type *tally_types[TALLY_TYPES];

static struct tally_latch latch = TALLY_LATCH_INIT;
static unsigned next; // the next free index; guarded by `latch`

static const struct tally_type type_type = {
	.name = "type",
	.index = TALLY_TYPE_TYPE,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_type),
	.hash = tally_hash_identity,
};

static const struct tally_type *const built_in[] = {
	&type_type,      &tally_none_type,  &tally_bool_type, &tally_int_type,  &tally_float_type,
	&tally_str_type, &tally_tuple_type, &tally_list_type, &tally_dict_type,
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

// Puts the type in the table, for ever. False: the table is full.
static bool enter(struct tally_type *type)
{
	tally_latch_take(&latch);
	bool fits = next < TALLY_TYPES;
	if (fits) {
		type->index = (uint16_t)next;
		tally_types[next++] = type;
	}
	tally_latch_drop(&latch);
	if (fits) variant_immortal_init(&type->header);
	return fits;
}

struct tally_type *tally_type_add(const struct tally_type *description, const char *operation)
{
	struct tally_type *type = copy(description);
	if (!type) return tally_error_null(tally_error_memory(operation, sizeof *type));
	if (enter(type)) return type;
	variant_decref(&type->header);
	return tally_error_null(
	        tally_error_raise(TALLY_ERROR_OVERFLOW, operation, "there are %d types already", TALLY_TYPES - 1));
}

static int add_built_in(void)
{
	next = TALLY_TYPE_TYPE;
	for (unsigned i = 0; i < TALLY_TYPE_HOST - 1; i++) {
		TALLY_ASSERT(built_in[i]->index == next);
		if (!tally_type_add(built_in[i], "init")) return -1;
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
	memset(tally_types, 0, next * sizeof tally_types[0]);
	next = 0;
}
