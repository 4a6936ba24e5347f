// stress/share_tally.h: what the rows on Tally have in common (stress/share_private.c, stress/share_shared.c, stress/weak_tally.c):
// the place, and the checks of results, as a host would make them.
#ifndef TALLY_STRESS_SHARE_TALLY_H
#define TALLY_STRESS_SHARE_TALLY_H

#include "share.h"

#include <tally/tally.h>

struct place {
	tally_object *items[ITEMS];   // of a list, values of a dict: floats, each with a count of its own
	tally_object *keys[ITEMS];    // in the dict or set
	tally_object *lookups[ITEMS]; // what is looked up, in another order
	tally_object *object;         // the list, dict, set, instance ... that the row is about
	tally_object *name, *type;
	tally_object *ref, *callback; // of the rows on weak references
};

extern const struct row private_rows[];
extern const size_t private_row_count;

static inline tally_object *need(tally_object *object)
{
	if (!object) fail(tally_error_message());
	return object;
}

static inline void check(int result)
{
	if (result < 0) fail(tally_error_message());
}

static inline void give_up(tally_object **objects, size_t count)
{
	while (count > 0)
		tally_decref(objects[--count]);
}

void make_items(struct place *place);          // floats
void make_immortal_items(struct place *place); // ints that are kept ready-made
void drop_items(struct place *place);
// Texts, `lookups` equal to them but not the same, or the same; or ints.
void make_equal_keys(struct place *place);
void make_same_keys(struct place *place);
void make_int_keys(struct place *place);
void drop_keys(struct place *place);
// Of `items`; keys as they are.
void make_list(struct place *place);
void make_dict(struct place *place);
void drop_object(struct place *place);
// `type`, an instance in `object`, and in `lookups` the names of its three attributes in turn.
void make_slots_instance(struct place *place);
void make_table_instance(struct place *place);
void drop_instance(struct place *place);
tally_object *make_class(const char *name, size_t slot_count);

static inline void take_value(const struct place *place, tally_object *key)
{
	tally_object *value;
	if (tally_dict_get(place->object, key, &value) != 1) fail("a key is not found");
	tally_decref(value);
}

static inline void take_attribute(const struct place *place, tally_object *name)
{
	tally_object *value;
	if (tally_attr_get(place->object, name, &value) != 1) fail("an attribute is not found");
	tally_decref(value);
}

#endif
