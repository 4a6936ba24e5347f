// stress/weak_tally.c: the benchmark of weak references on Tally: its rows. See stress/share.c, and docs/weak.md for what each row
// is.
//
// Linked with each build. Each loop stands beside one of the same name in stress/weak_python.c, stress/weak_peer.cc and
// stress/weak_peer.rs, which leave out what they have not got. Results are checked as a host would check them.
#include "share_tally.h"

#include <tally/weakdict.h>

static _Thread_local size_t called; // how often the callback has been

// ---- what the rows work on ----

static tally_object *note_call(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)arguments, (void)count;
	called++;
	return tally_incref(tally_none());
}

static void make_class_and_callback(struct place *place)
{
	static const char *const slots[] = {"a"};
	tally_class_spec class = {.size = sizeof class, .name = "Slot", .slots = slots, .slot_count = 1, .has_weakrefs = true};
	tally_function_spec function = {
		.size = sizeof function, .name = "note_call", .call = note_call, .least = 1, .most = 1};
	place->type = need(tally_class_new(&class));
	place->callback = need(tally_function_new(&function));
}

static void drop_class_and_callback(struct place *place)
{
	tally_decref(place->callback);
	tally_decref(place->type);
}

static inline tally_object *make_object(const struct place *place) { return need(tally_call(place->type, NULL, 0)); }

static void make_one(struct place *place)
{
	make_class_and_callback(place);
	place->object = make_object(place);
}

static void drop_one(struct place *place)
{
	tally_decref(place->object);
	drop_class_and_callback(place);
}

static void make_one_and_ref(struct place *place)
{
	make_one(place);
	place->ref = need(tally_weakref_new(place->object, NULL));
}

static void drop_one_and_ref(struct place *place)
{
	tally_decref(place->ref);
	drop_one(place);
}

static void make_dead(struct place *place)
{
	make_one_and_ref(place);
	tally_decref(place->object);
	place->object = NULL;
}

// `keys` are weak references to the `items`.
static void make_many(struct place *place)
{
	make_class_and_callback(place);
	for (size_t i = 0; i < ITEMS; i++) {
		place->items[i] = make_object(place);
		place->keys[i] = need(tally_weakref_new(place->items[i], NULL));
	}
}

static void drop_many(struct place *place)
{
	give_up(place->keys, ITEMS);
	give_up(place->items, ITEMS);
	drop_class_and_callback(place);
}

static void make_values(struct place *place)
{
	make_class_and_callback(place);
	make_equal_keys(place);
	place->object = need(tally_weak_value_dict_new(NULL));
	for (size_t i = 0; i < ITEMS; i++) {
		place->items[i] = make_object(place);
		check(tally_weak_dict_set(place->object, place->keys[i], place->items[i]));
	}
}

static void drop_values(struct place *place)
{
	drop_object(place);
	drop_items(place);
	drop_keys(place);
	drop_class_and_callback(place);
}

// ---- making and dropping ----

static void object(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(make_object(lane->place));
}

static void object_ref(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		tally_object *made = make_object(lane->place);
		tally_decref(need(tally_weakref_new(made, NULL)));
		tally_decref(made);
	}
}

static void object_callback(const struct lane *lane, size_t operations)
{
	called = 0;
	for (size_t i = 0; i < operations; i++) {
		tally_object *made = make_object(lane->place), *ref = need(tally_weakref_new(made, lane->place->callback));
		tally_decref(made);
		tally_decref(ref);
	}
	if (called != operations) fail("not every callback has been called once");
}

static void ref(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_weakref_new(lane->place->object, NULL)));
}

static void ref_callback(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		tally_decref(need(tally_weakref_new(lane->place->object, lane->place->callback)));
}

// ---- upgrading ----

static inline void upgrade(tally_object *ref)
{
	tally_object *found;
	if (tally_weakref_get(ref, &found) != 1) fail("a live object is not found");
	tally_decref(found);
}

static void get(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++)
		upgrade(lane->place->ref);
}

static void get_dead(const struct lane *lane, size_t operations)
{
	tally_object *found;
	for (size_t i = 0; i < operations; i++) {
		if (tally_weakref_get(lane->place->ref, &found) != 0) fail("a dead object is found");
	}
}

static void get_many(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) upgrade(lane->place->keys[i]);
}

// Every thread has objects of its own among those of the first.
static void get_own(const struct lane *lane, size_t operations)
{
	size_t own = ITEMS / lane->count, first = lane->index * own;
	for (size_t i = 0; i < operations; i++)
		upgrade(lane->place->keys[first + i % own]);
}

static void value_get(const struct lane *lane, size_t operations)
{
	tally_object *found;
	EACH_OPERATION(lane, i)
	{
		if (tally_weak_dict_get(lane->place->object, lane->place->lookups[i], &found) != 1) fail("a key is not found");
		tally_decref(found);
	}
}

static const struct row all_rows[] = {
	{"object", PRIVATE, make_class_and_callback, object, drop_class_and_callback},
	{"object-ref", PRIVATE, make_class_and_callback, object_ref, drop_class_and_callback},
	{"object-callback", PRIVATE, make_class_and_callback, object_callback, drop_class_and_callback},
	{"ref", PRIVATE, make_one, ref, drop_one},
	{"ref-callback", PRIVATE, make_one, ref_callback, drop_one},
	{"get", PRIVATE, make_one_and_ref, get, drop_one_and_ref},
	{"get-many", PRIVATE, make_many, get_many, drop_many},
	{"get-dead", PRIVATE, make_dead, get_dead, drop_one_and_ref},
	{"value-get", PRIVATE, make_values, value_get, drop_values},
	{"shared-get", SHARED, make_one_and_ref, get, drop_one_and_ref},
	{"shared-get-many", SHARED, make_many, get_many, drop_many},
	{"shared-get-own", SHARED, make_many, get_own, drop_many},
	{"shared-ref", SHARED, make_one, ref, drop_one},
	{"shared-ref-callback", SHARED, make_one, ref_callback, drop_one},
	{"shared-value-get", SHARED, make_values, value_get, drop_values},
};

const struct row *side_row(size_t i) { return i < sizeof all_rows / sizeof all_rows[0] ? &all_rows[i] : NULL; }
