// core/singleton.c: none, true, false, the small ints and the empty tuple: one immortal object each, from tally_init to
// tally_fini.
//
// They are objects of the heap like any other, so that a page's descriptor is found from every object's address without
// a test. The pointers are written while the runtime starts and read by any attached thread.
#include "error.h"
#include "hash.h"
#include "number.h"
#include "text.h"
#include "tuple.h"

#include <tally/number.h>

struct tally_int *tally_small_ints[TALLY_SMALLS];
struct tally_object *tally_tuple_empty;

static struct tally_object *none, *booleans[2];

static struct tally_object *make(unsigned type, int64_t value)
{
	struct tally_int *made = (struct tally_int *)tally_object_new(type, sizeof *made, TALLY_LAYOUT_LEAF);
	if (!made) return NULL;
	made->value = value;
	variant_immortal_init(&made->header);
	return &made->header;
}

// Without references it is a leaf, whatever other tuples are.
static struct tally_object *make_empty_tuple(void)
{
	struct tally_tuple *made = (struct tally_tuple *)tally_object_new(TALLY_TYPE_TUPLE, sizeof *made, TALLY_LAYOUT_LEAF);
	if (!made) return NULL;
	made->size = 0;
	variant_immortal_init(&made->header);
	return &made->header;
}

static bool make_small_ints(void)
{
	for (int i = 0; i < TALLY_SMALLS; i++) {
		tally_small_ints[i] = (struct tally_int *)make(TALLY_TYPE_INT, TALLY_SMALL_LEAST + i);
		if (!tally_small_ints[i]) return false;
	}
	return true;
}

int tally_singletons_init(void)
{
	none = make(TALLY_TYPE_NONE, 0);
	booleans[0] = make(TALLY_TYPE_BOOL, 0);
	booleans[1] = make(TALLY_TYPE_BOOL, 1);
	tally_tuple_empty = make_empty_tuple();
	bool complete = none && booleans[0] && booleans[1] && tally_tuple_empty && make_small_ints();
	return complete ? 0 : tally_error_memory("init", sizeof(struct tally_int));
}

void tally_singletons_fini(void)
{
	none = booleans[0] = booleans[1] = tally_tuple_empty = NULL;
	for (int i = 0; i < TALLY_SMALLS; i++) tally_small_ints[i] = NULL;
}

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

static int show_none(struct tally_object *object, struct tally_text *text)
{
	(void)object;
	return tally_text_add_string(text, "None");
}

const struct tally_type tally_none_type = {
	.name = "none",
	.index = TALLY_TYPE_NONE,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_int),
	.hash = tally_hash_identity,
	.repr = show_none,
};

const struct tally_type tally_bool_type = {
	.name = "bool",
	.index = TALLY_TYPE_BOOL,
	.layout = TALLY_LAYOUT_LEAF,
	.size = sizeof(struct tally_int),
	.hash = tally_number_hash,
	.repr = tally_number_repr,
};
