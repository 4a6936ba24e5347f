// core/float.c: floating-point numbers, doubles of C. Their equality with ints and booleans, and their hash, are in
// core/number.c.
//
// Immutable, so no lock: any attached thread.
#include "error.h"
#include "number.h"

#include <tally/number.h>

tally_object *tally_float_of(const char *operation, double value)
{
	struct tally_float *made =
	        (struct tally_float *)tally_object_new(TALLY_TYPE_FLOAT, sizeof *made, TALLY_LAYOUT_LEAF);
	if (!made) return tally_error_null(tally_error_memory(operation, sizeof *made));
	made->value = value;
	return &made->header;
}

static __attribute__((noinline)) tally_object *new_slow(double value)
{
	return tally_enter_new("float_new") ? tally_float_of("float_new", value) : NULL;
}

tally_object *tally_float_new(double value)
{
	struct tally_float *made = tally_object_new_quick(TALLY_TYPE_FLOAT, sizeof *made, TALLY_LAYOUT_LEAF);
	if (tally_unlikely(!made)) return new_slow(value);
	made->value = value;
	return &made->header;
}

bool tally_is_float(const tally_object *object) { return object && object->type == TALLY_TYPE_FLOAT; }

int tally_float_value(tally_object *object, double *value)
{
	if (!tally_enter("float_value")) return -1;
	if (!object || !tally_number_is(object))
		return tally_error_type("float_value", "a float, an int or a bool", object);
	if (object->type == TALLY_TYPE_FLOAT) *value = ((struct tally_float *)object)->value;
	else *value = (double)((struct tally_int *)object)->value;
	return 0;
}

const struct tally_type tally_float_type = {
	.name = "float",
	.index = TALLY_TYPE_FLOAT,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_float),
	.hash = tally_number_hash,
	.repr = tally_number_repr,
};
