// core/intern.c: interned strings: a hash table of strings, no two of them equal, with a reference to each.
//
// Whoever interns looks under the latch, and takes a reference there; so the count of a string that only the table refers to is 1
// and stays 1 in a stopped world, where alone such strings are let go: by each full collection, and by a table that is full
// before it grows. The table is open: a string stands at the place that its hash says or in the first free one behind
// it, and when one goes, those behind it move up. Memory is taken and given back without the latch, so the table may have changed
// meanwhile and everything is looked at again.
//
// I1  Every string in the table has its hash computed; no two are equal; each has a reference of the table's.
// I2  A quarter of the places, at least, is free; without strings there is no table.
// I3  A string stays in the table while anybody else refers to it.
// Any attached thread; the collector in a stopped world. The latch is a leaf: nothing else is taken under it.
#include "intern.h"
#include "object.h"
#include "str.h"

#include <string.h>
#include <tally/str.h>

enum {
	LEAST = TALLY_TUNED(64, 4),             // places of the first table
	WORTH_A_STOP = TALLY_TUNED(1024, 4),    // strings, from which on a full table is purged first
	WORTH_KEEPING = 4,                      // a purge that leaves this part of the strings' number free saves the growth
};

struct table {
	struct tally_str **places; // raw buffer; NULL: none
	size_t capacity, count;    // capacity: 0 or a power of two
};

static struct tally_latch latch = TALLY_LATCH_INIT;
static struct table strings; // guarded by `latch`; in a stopped world the stopper's

// ---- the table; the latch is held or the world stopped ----

static size_t home_of(const struct table *table, const struct tally_str *str)
{
	return (size_t)tally_load(&str->hash, relaxed) & (table->capacity - 1);
}

static size_t next_of(const struct table *table, size_t place) { return (place + 1) & (table->capacity - 1); }

static bool are_same(const struct tally_str *a, const struct tally_str *b)
{
	return tally_load(&a->hash, relaxed) == tally_load(&b->hash, relaxed) && tally_str_same(a, b);
}

// The place of the string equal to `str`, or the free one where it would stand. There is a table.
static size_t find(const struct table *table, const struct tally_str *str)
{
	size_t place = home_of(table, str);
	while (table->places[place] && !are_same(table->places[place], str)) place = next_of(table, place);
	return place;
}

static bool has_room(const struct table *table) { return table->count < table->capacity - table->capacity / 4; }

// Frees the place; strings that could not stand there because of it move up.
static void remove_at(struct table *table, size_t place)
{
	const size_t mask = table->capacity - 1;
	for (size_t next = next_of(table, place); table->places[next]; next = next_of(table, next)) {
		size_t home = home_of(table, table->places[next]);
		if (((next - home) & mask) < ((next - place) & mask)) continue; // it stands between its home and here
		table->places[place] = table->places[next];
		place = next;
	}
	table->places[place] = NULL;
	table->count--;
}

static void move_all(struct table *to, const struct table *from)
{
	for (size_t i = 0; i < from->capacity; i++)
		if (from->places[i]) to->places[find(to, from->places[i])] = from->places[i];
	to->count = from->count;
}

// ---- letting go ----

static void free_stopped(struct tally_str *str)
{
	variant_drop_stopped(&str->header);
	variant_void_stopped(&str->header);
	tally_heap_free_stopped(str);
}

void tally_intern_purge_stopped(void)
{
	for (size_t i = 0; i < strings.capacity; i++) {
		struct tally_str *str;
		while ((str = strings.places[i]) && variant_count_stopped(&str->header) == 1) {
			remove_at(&strings, i); // another one may stand there now
			free_stopped(str);
		}
	}
	if (strings.count || !strings.places) return;
	tally_heap_free_stopped(strings.places);
	strings = (struct table){.places = NULL};
}

static struct table take_table(void)
{
	tally_latch_take(&latch);
	struct table taken = strings;
	strings = (struct table){.places = NULL};
	tally_latch_drop(&latch);
	return taken;
}

void tally_intern_fini(void)
{
	struct table taken = take_table();
	for (size_t i = 0; i < taken.capacity; i++)
		if (taken.places[i]) variant_decref(&taken.places[i]->header);
	tally_raw_free(taken.places);
}

// ---- growing ----

static struct table look(void)
{
	tally_latch_take(&latch);
	struct table seen = strings;
	tally_latch_drop(&latch);
	return seen;
}

// Takes back what nobody uses. True: that is so much that the table need not grow.
static bool purge(const struct table *seen)
{
	if (seen->count < WORTH_A_STOP) return false;
	variant_world_stop();
	tally_intern_purge_stopped();
	bool is_enough = strings.count <= seen->count - seen->count / WORTH_KEEPING;
	variant_world_start();
	return is_enough;
}

// Puts the larger table in place, unless another thread has been faster. Returns what is to be freed.
static struct tally_str **install(struct table *larger)
{
	tally_latch_take(&latch);
	if (strings.capacity < larger->capacity) {
		struct table former = strings;
		move_all(larger, &former);
		strings = *larger;
		*larger = former;
	}
	tally_latch_drop(&latch);
	return larger->places;
}

static int grow(const struct table *seen)
{
	struct table larger = {.capacity = seen->capacity ? 2 * seen->capacity : LEAST};
	size_t bytes = larger.capacity * sizeof *larger.places;
	larger.places = tally_raw_new(bytes);
	if (!larger.places) return tally_error_memory("str_intern", bytes);
	memset(larger.places, 0, bytes);
	tally_raw_free(install(&larger));
	return 0;
}

// There was no room for another string: there may be some now. 0, or -1 with the error set.
static int make_room(void)
{
	struct table seen = look();
	return has_room(&seen) || purge(&seen) ? 0 : grow(&seen);
}

// ---- interning ----

// A new reference to the string of that text, which is `str` if there was none. NULL: no room.
static struct tally_str *try_intern(struct tally_str *str)
{
	tally_latch_take(&latch);
	size_t place = strings.places ? find(&strings, str) : 0;
	struct tally_str *there = strings.places ? strings.places[place] : NULL;
	if (!there && has_room(&strings)) {
		there = strings.places[place] = str;
		strings.count++;
		variant_incref(&str->header); // the table's; the caller's follows
	}
	if (there) variant_incref(&there->header);
	tally_latch_drop(&latch);
	return there;
}

tally_object *tally_str_intern(tally_object *object)
{
	uint64_t hash;
	if (!tally_enter_new("str_intern")) return NULL;
	struct tally_str *str = tally_str_check("str_intern", object), *there;
	if (!str) return NULL;
	tally_object_hash(object, &hash, "str_intern"); // cannot fail
	while (!(there = try_intern(str)))
		if (make_room()) return NULL;
	return &there->header;
}
