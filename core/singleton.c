// core/singleton.c: none, true and false: one immortal object each, from tally_init to tally_fini.
//
// They are objects of the heap like any other, so that a page's descriptor is found from every object's address without
// a test. The pointers are written while the runtime starts and read by any attached thread.
#include "error.h"
#include "hash.h"
#include "number.h"

#include <tally/number.h>

static struct tally_object *none, *booleans[2];

static struct tally_object *make(unsigned type, int64_t value)
{
	struct tally_int *made = (struct tally_int *)tally_object_new(type, sizeof *made, TALLY_LAYOUT_LEAF);
	if (!made) return NULL;
	made->value = value;
	variant_immortal_init(&made->header);
	return &made->header;
}

int tally_singletons_init(void)
{
	none = make(TALLY_TYPE_NONE, 0);
	booleans[0] = make(TALLY_TYPE_BOOL, 0);
	booleans[1] = make(TALLY_TYPE_BOOL, 1);
	return none && booleans[0] && booleans[1] ? 0 : tally_error_memory("init", sizeof(struct tally_int));
}

void tally_singletons_fini(void) { none = booleans[0] = booleans[1] = NULL; }

tally_object *tally_none(void) { return none; }

tally_object *tally_bool(bool value) { return booleans[value]; }

bool tally_is_none(const tally_object *object) { return object && object->type == TALLY_TYPE_NONE; }

bool tally_is_bool(const tally_object *object) { return object && object->type == TALLY_TYPE_BOOL; }

int tally_bool_value(tally_object *object, bool *value)
{
	if (!tally_enter("bool_value")) return -1;
	if (!object || object->type != TALLY_TYPE_BOOL) return tally_error_type("bool_value", "a bool", object);
	*value = ((struct tally_int *)object)->value != 0;
	return 0;
}

const struct tally_type tally_none_type = {
	.name = "none",
	.index = TALLY_TYPE_NONE,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_int),
	.hash = tally_hash_identity,
};

const struct tally_type tally_bool_type = {
	.name = "bool",
	.index = TALLY_TYPE_BOOL,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_int),
	.hash = tally_number_hash,
};
