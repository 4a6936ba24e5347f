// stress/share_shared.c: the benchmark of sharing on Tally: the rows in which several threads use the same objects. See
// stress/share.c.
//
// Most of the loops stand beside one of the same name in stress/share_python.c.
#include "share_tally.h"

#include <tally/share.h>

enum { SCAN = 50 }; // elements that one call of tally_read_items takes; divides ITEMS

// ---- shared lists ----

static void prepare_list(struct place *place)
{
	make_items(place);
	make_list(place);
}

static void prepare_immortal_list(struct place *place)
{
	make_immortal_items(place);
	make_list(place);
}

static void prepare_empty_list(struct place *place)
{
	make_items(place);
	place->object = need(tally_list_new());
}

static void finish_object(struct place *place)
{
	drop_object(place);
	drop_items(place);
}

static void list_get(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) tally_decref(need(tally_list_get(lane->place->object, (ptrdiff_t)i)));
}

static void list_set(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i)
	check(tally_list_set(lane->place->object, (ptrdiff_t)i, lane->place->items[ITEMS - 1 - i]));
}

static void list_append(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i)
	{
		check(tally_list_append(lane->place->object, lane->place->items[i]));
		if (i == ITEMS - 1) check(tally_list_clear(lane->place->object));
	}
}

// ---- shared dicts ----

static void prepare_dict(struct place *place)
{
	make_items(place);
	make_equal_keys(place);
	make_dict(place);
}

static void prepare_immortal_dict(struct place *place)
{
	make_immortal_items(place);
	make_equal_keys(place);
	make_dict(place);
}

static void finish_dict(struct place *place)
{
	drop_keys(place);
	finish_object(place);
}

static void dict_get(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) take_value(lane->place, lane->place->lookups[i]);
}

static void dict_contains(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) check(tally_dict_contains(lane->place->object, lane->place->lookups[i]));
}

static void dict_mixed(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i)
	{
		if (i % 10 == 9)
			check(tally_dict_set(lane->place->object, lane->place->lookups[i], lane->place->items[i]));
		else
			take_value(lane->place, lane->place->lookups[i]);
	}
}

static void dict_add_same(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) check(tally_dict_add(lane->place->object, lane->place->lookups[i], 1, NULL));
}

// Every thread has its own keys.
static void dict_add_own(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i)
	{
		size_t own = (i / lane->count * lane->count + lane->index) % ITEMS;
		check(tally_dict_add(lane->place->object, lane->place->lookups[own], 1, NULL));
	}
}

// ---- shared instances ----

static void attr_get(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) take_attribute(lane->place, lane->place->lookups[i]);
}

// ---- the count of one object ----

static void prepare_plain(struct place *place) { place->object = need(tally_float_new(0.5)); }
static void prepare_immortal(struct place *place) { place->object = need(tally_int_new(7)); }

static void prepare_spread(struct place *place)
{
	prepare_plain(place);
	check(tally_spread(place->object));
}

static void count(const struct lane *lane, size_t operations)
{
	tally_object *object = lane->place->object;
	for (size_t i = 0; i < operations; i++)
		tally_decref(tally_incref(object));
}

// ---- in read sections: one for each pass over the items ----

static inline void look_at(const tally_object *object)
{
	if (!object) fail("an element is not there");
}

static void read_item(const struct lane *lane, size_t operations)
{
	tally_read section;
	for (size_t done = 0; done < operations; done += ITEMS) {
		check(tally_read_begin(&section, lane->place->object));
		for (size_t i = 0; i < ITEMS; i++)
			look_at(tally_read_item(&section, (ptrdiff_t)i));
		check(tally_read_end(&section));
	}
}

static void read_items(const struct lane *lane, size_t operations)
{
	tally_read section;
	tally_object *some[SCAN];
	for (size_t done = 0; done < operations; done += ITEMS) {
		check(tally_read_begin(&section, lane->place->object));
		for (size_t i = 0; i < ITEMS; i += SCAN) {
			if (tally_read_items(&section, i, some, SCAN) != SCAN) fail("elements are not there");
			for (size_t j = 0; j < SCAN; j++)
				look_at(some[j]);
		}
		check(tally_read_end(&section));
	}
}

static void read_get(const struct lane *lane, size_t operations)
{
	tally_read section;
	tally_object *value;
	for (size_t done = 0; done < operations; done += ITEMS) {
		check(tally_read_begin(&section, lane->place->object));
		for (size_t i = 0; i < ITEMS; i++) {
			if (tally_read_get(&section, lane->place->lookups[i], &value) != 1) fail("a key is not found");
			look_at(value);
		}
		check(tally_read_end(&section));
	}
}

static const struct row shared_rows[] = {
	{"shared-list-get", SHARED, prepare_list, list_get, finish_object},
	{"shared-list-get-in-step", IN_STEP, prepare_list, list_get, finish_object},
	{"shared-list-get-immortal", SHARED, prepare_immortal_list, list_get, finish_object},
	{"shared-list-set", SHARED, prepare_list, list_set, finish_object},
	{"shared-list-append", SHARED, prepare_empty_list, list_append, finish_object},
	{"shared-dict-get", SHARED, prepare_dict, dict_get, finish_dict},
	{"shared-dict-get-in-step", IN_STEP, prepare_dict, dict_get, finish_dict},
	{"shared-dict-get-immortal", SHARED, prepare_immortal_dict, dict_get, finish_dict},
	{"shared-dict-contains", SHARED, prepare_dict, dict_contains, finish_dict},
	{"shared-dict-mixed", SHARED, prepare_dict, dict_mixed, finish_dict},
	{"shared-dict-add-same", SHARED, prepare_immortal_dict, dict_add_same, finish_dict},
	{"shared-dict-add-own", SHARED, prepare_immortal_dict, dict_add_own, finish_dict},
	{"shared-attr-get-slots", SHARED, make_slots_instance, attr_get, drop_instance},
	{"shared-attr-get-table", SHARED, make_table_instance, attr_get, drop_instance},
	{"shared-count", SHARED, prepare_plain, count, drop_object},
	{"shared-count-immortal", SHARED, prepare_immortal, count, drop_object},
	{"shared-count-spread", SHARED, prepare_spread, count, drop_object},
	{"shared-read-item", SHARED, prepare_list, read_item, finish_object},
	{"shared-read-items", SHARED, prepare_list, read_items, finish_object},
	{"shared-read-get", SHARED, prepare_dict, read_get, finish_dict},
};

const struct row *side_row(size_t i)
{
	const size_t shared_row_count = sizeof shared_rows / sizeof shared_rows[0];
	if (i < private_row_count) return &private_rows[i];
	i -= private_row_count;
	return i < shared_row_count ? &shared_rows[i] : NULL;
}
