// stress/share_tally.c: the benchmarks of sharing and of weak references on Tally: the life of the runtime, and what the rows work
// on. See stress/share.c.
//
// Linked with each build, and with stress/share_private.c and stress/share_shared.c or with stress/weak_tally.c, which have the
// rows. Results are checked as a host would check them. Automatic collection is on, as it is unless asked otherwise.
#include "share_tally.h"

#include <stdint.h>

#include <tally/gc.h>
#include <tally/heap.h>

static const uint64_t fini_timeout_ns = UINT64_C(10000000000);

static _Thread_local tally_token token;
static struct place places[MOST_THREADS];

const char *side_name(void) { return tally_variant(); }
const char *side_version(void) { return tally_version(); }
struct place *side_place(size_t i) { return &places[i]; }

// ---- the life of the runtime ----

void side_enter(void) { check(tally_thread_attach(&token)); }
void side_leave(void) { check(tally_thread_detach(token)); }
void side_pause(void) { check(tally_blocking_begin()); }
void side_resume(void) { check(tally_blocking_end()); }

void side_start(void)
{
	check(tally_init(&(tally_config){.size = sizeof(tally_config), .hash_seed = HASH_SEED}));
	side_enter();
}

void side_stop(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	uint64_t leaked = 0;
	// Classes and spread objects die in a full collection, and the interned names of attributes in the next.
	for (int i = 0; i < 2; i++)
		check(tally_gc_collect(2) < 0 ? -1 : 0);
	check(tally_heap_stats_get(&stats));
	if (stats.live_objects) fail("objects are alive at the end");
	side_leave();
	check(tally_fini(fini_timeout_ns, &leaked));
	if (leaked) fail("objects have leaked");
}

// ---- what the rows work on ----

void make_items(struct place *place)
{
	for (size_t i = 0; i < ITEMS; i++)
		place->items[i] = need(tally_float_new((double)i));
}

// Ints that are kept ready-made, and never counted.
void make_immortal_items(struct place *place)
{
	for (size_t i = 0; i < ITEMS; i++)
		place->items[i] = need(tally_int_new((int64_t)(i % 100)));
}

void drop_items(struct place *place) { give_up(place->items, ITEMS); }

static tally_object *make_text(size_t i)
{
	char text[KEY_SIZE];
	return need(tally_str_from(key_text(i, text)));
}

static tally_object *make_int(size_t i) { return need(tally_int_new((int64_t)(FIRST_INT + i))); }

void make_equal_keys(struct place *place)
{
	for (size_t i = 0; i < ITEMS; i++)
		place->keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++)
		place->lookups[i] = make_text(shuffled(i));
}

void make_same_keys(struct place *place)
{
	for (size_t i = 0; i < ITEMS; i++)
		place->keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++)
		place->lookups[i] = tally_incref(place->keys[shuffled(i)]);
}

void make_int_keys(struct place *place)
{
	for (size_t i = 0; i < ITEMS; i++)
		place->keys[i] = make_int(i);
	for (size_t i = 0; i < ITEMS; i++)
		place->lookups[i] = make_int(shuffled(i));
}

void drop_keys(struct place *place)
{
	give_up(place->lookups, ITEMS);
	give_up(place->keys, ITEMS);
}

void make_list(struct place *place) { place->object = need(tally_list_from(place->items, ITEMS)); }

void make_dict(struct place *place)
{
	place->object = need(tally_dict_new());
	for (size_t i = 0; i < ITEMS; i++)
		check(tally_dict_set(place->object, place->keys[i], place->items[i]));
}

void drop_object(struct place *place) { tally_decref(place->object); }

static tally_object *make_name(const char *text)
{
	tally_object *fresh = need(tally_str_from(text)), *interned = need(tally_str_intern(fresh));
	tally_decref(fresh);
	return interned;
}

tally_object *make_class(const char *name, size_t slot_count)
{
	static const char *const names[] = {"a", "b", "c"};
	tally_class_spec spec = {
		.size = sizeof spec, .name = name, .slots = slot_count ? names : NULL, .slot_count = slot_count};
	return need(tally_class_new(&spec));
}

static void make_instance(struct place *place)
{
	static const char *const texts[] = {"a", "b", "c"};
	make_items(place);
	place->name = make_name("a");
	place->object = need(tally_call(place->type, NULL, 0));
	for (size_t i = 0; i < ITEMS; i++)
		place->lookups[i] = make_name(texts[i % 3]);
	for (size_t i = 0; i < 3; i++)
		check(tally_attr_set(place->object, place->lookups[i], place->items[i]));
}

void make_slots_instance(struct place *place)
{
	place->type = make_class("Slots", 3);
	make_instance(place);
}

void make_table_instance(struct place *place)
{
	place->type = make_class("Table", 0);
	make_instance(place);
}

void drop_instance(struct place *place)
{
	give_up(place->lookups, ITEMS);
	tally_decref(place->object);
	tally_decref(place->name);
	tally_decref(place->type);
	drop_items(place);
}
