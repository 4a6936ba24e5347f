// core/int.c: integers of 64 bits. Their equality with floats and booleans, and their hash, are in core/number.c.
//
// Immutable, so no lock: any attached thread.
#include "error.h"
#include "number.h"

#include <tally/number.h>

tally_object *tally_int_of(const char *operation, int64_t value)
{
	if (tally_int_is_small(value)) return &tally_int_small(value)->header;
	struct tally_int *made = (struct tally_int *)tally_object_new(TALLY_TYPE_INT, sizeof *made, TALLY_LAYOUT_LEAF);
	if (!made) return tally_error_null(tally_error_memory(operation, sizeof *made));
	made->value = value;
	return &made->header;
}

static __attribute__((noinline)) tally_object *new_slow(int64_t value)
{
	return tally_enter_new("int_new") ? tally_int_of("int_new", value) : NULL;
}

tally_object *tally_int_new(int64_t value)
{
	if (tally_int_is_small(value)) return new_slow(value);
	struct tally_int *made = tally_object_new_quick(TALLY_TYPE_INT, sizeof *made, TALLY_LAYOUT_LEAF);
	if (tally_unlikely(!made)) return new_slow(value);
	made->value = value;
	return &made->header;
}

bool tally_is_int(const tally_object *object) { return object && object->type == TALLY_TYPE_INT; }

int tally_int_value(tally_object *object, int64_t *value)
{
	if (!tally_enter("int_value")) return -1;
	if (!object || (object->type != TALLY_TYPE_INT && object->type != TALLY_TYPE_BOOL))
		return tally_error_type("int_value", "an int or a bool", object);
	*value = ((struct tally_int *)object)->value;
	return 0;
}

const struct tally_type tally_int_type = {
	.name = "int",
	.index = TALLY_TYPE_INT,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_int),
	.hash = tally_number_hash,
	.repr = tally_number_repr,
};
