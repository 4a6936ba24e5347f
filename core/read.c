// core/read.c: read sections (tally/share.h): borrowing from one container instead of counting.
//
// The first section over a container marks it (variant_lend): from then on all writers retire the references that they take out of
// it, and nothing that was seen inside a section goes before its end. So the getters do not pin what they find: they follow
// the pointers, without a lock and without writing anything that threads share. What a getter itself needs of arrays and tables
// lasts until the thread's next stop point, and getters have none.
//
// In `gil` a section is the lock held: the thread polls a word that never asks.
//
// I1  Inside a section, `reading` leads to its record; the sections of a thread end in the opposite order of their beginnings.
// Any attached thread, each with sections of its own.
#include "error.h"
#include "keyed.h"
#include "list.h"
#include "object.h"
#include "reader.h"
#include "tuple.h"

#include <tally/share.h>

// ---- beginning and end ----

static bool is_readable(const tally_object *object)
{
	return object && object->type >= TALLY_TYPE_TUPLE && object->type <= TALLY_TYPE_FROZENSET;
}

int tally_read_begin(tally_read *section, tally_object *container)
{
	if (!tally_enter("read_begin")) return -1;
	if (!is_readable(container)) return tally_error_type("read_begin", "a list, tuple, dict, set or frozenset", container);
	if (container->type != TALLY_TYPE_TUPLE) variant_lend(container);
	*section = (tally_read){.container = container, .outer = tally_self.reading};
	tally_self.reading = section;
	if (!section->outer) variant_reading_begin();
	return 0;
}

static void end(tally_read *section)
{
	tally_self.reading = section->outer;
	if (section->outer) return;
	variant_reading_end();
	tally_bury();
}

int tally_read_end(tally_read *section)
{
	if (tally_self.state != TALLY_ATTACHED) return tally_error_thread("read_end");
	if (!section || tally_self.reading != section)
		return tally_error_raise(TALLY_ERROR_VALUE, "read_end", "not the innermost read section of this thread");
	end(section);
	return 0;
}

void tally_read_abandon(void)
{
	if (!tally_self.reading) return;
	tally_self.reading = NULL;
	variant_reading_end();
}

// ---- elements of lists and tuples ----

// The places of a list or a tuple that may be read now, and how many.
struct span {
	struct tally_object *const *items;
	size_t size;
};

static int span_of(const tally_object *container, struct span *span, const char *operation)
{
	if (container->type == TALLY_TYPE_LIST) {
		span->size = tally_list_look((const struct tally_list *)container, &span->items);
	} else if (container->type == TALLY_TYPE_TUPLE) {
		*span = (struct span){((const struct tally_tuple *)container)->items, ((const struct tally_tuple *)container)->size};
	} else {
		return tally_error_type(operation, "a section over a list or a tuple", container);
	}
	return 0;
}

static tally_object *no_item(ptrdiff_t index, size_t size)
{
	return tally_error_null(tally_error_index("read_item", index, size));
}

tally_object *tally_read_item(const tally_read *section, ptrdiff_t index)
{
	struct span span = {NULL, 0};
	if (tally_unlikely(span_of(section->container, &span, "read_item"))) return NULL;
	size_t place = index < 0 ? span.size + (size_t)index : (size_t)index;
	if (tally_unlikely(place >= span.size)) return no_item(index, span.size);
	tally_object *item = tally_place_read(&span.items[place]);
	return tally_likely(item != NULL) ? item : no_item(index, place); // it has just been taken out
}

size_t tally_read_items(const tally_read *section, size_t start, tally_object **items, size_t most)
{
	struct span span = {NULL, 0};
	size_t count = 0;
	if (span_of(section->container, &span, "read_items")) return 0;
	while (count < most && start + count < span.size && (items[count] = tally_place_read(&span.items[start + count]))) count++;
	return count;
}

size_t tally_read_size(const tally_read *section)
{
	struct span span = {NULL, 0};
	const tally_object *container = section->container;
	if (container->type <= TALLY_TYPE_LIST) return span_of(container, &span, "read_size") ? 0 : span.size;
	return tally_load((_Atomic uint32_t *)(void *)(uintptr_t)&((const struct tally_dict *)container)->used, relaxed);
}

// ---- keys of dicts and sets ----

// Its equality may be the host's code.
static __attribute__((noinline)) int find_locked(struct tally_dict *keyed, tally_object *key, tally_object **place, const char *operation)
{
	uint64_t hash;
	struct tally_found found = tally_keyed_find(keyed, key, &hash, operation);
	if (tally_unlikely(found.state == TALLY_FIND_FAILED)) return -1;
	*place = !found.entry ? NULL : found.entry->value ? found.entry->value : found.entry->key;
	tally_keyed_end(keyed, key, &found);
	return *place != NULL;
}

// Whether the key is there, and its value, or in a set the element, borrowed.
static int find(const tally_object *container, tally_object *key, tally_object **place, const char *operation)
{
	struct tally_dict *keyed = (struct tally_dict *)(uintptr_t)container;
	uint64_t hash = tally_keyed_known_hash(key);
	*place = NULL;
	if (tally_unlikely(!hash && !tally_keyed_hash_plain(key, &hash))) return find_locked(keyed, key, place, operation);
	struct tally_look look = tally_keyed_look(keyed, key, hash);
	if (tally_unlikely(look.entry == TALLY_LOOK_UNSURE)) return find_locked(keyed, key, place, operation);
	if (!look.entry) return 0;
	*place = tally_place_read(container->type == TALLY_TYPE_DICT ? &look.entry->value : &look.entry->key);
	return *place != NULL;
}

int tally_read_get(const tally_read *section, tally_object *key, tally_object **value)
{
	if (tally_likely(section->container->type == TALLY_TYPE_DICT)) return find(section->container, key, value, "read_get");
	*value = NULL;
	return tally_error_type("read_get", "a section over a dict", section->container);
}

int tally_read_contains(const tally_read *section, tally_object *key)
{
	if (tally_unlikely(section->container->type < TALLY_TYPE_DICT))
		return tally_error_type("read_contains", "a section over a dict or a set", section->container);
	tally_object *found;
	return find(section->container, key, &found, "read_contains");
}

// ---- one after the other ----

static int hand_out(tally_object *key, tally_object *value, tally_object **key_place, tally_object **value_place)
{
	if (key_place) *key_place = key;
	if (value_place) *value_place = value;
	return key != NULL;
}

int tally_read_next(const tally_read *section, size_t *position, tally_object **key, tally_object **value)
{
	const tally_object *container = section->container;
	if (tally_unlikely(container->type < TALLY_TYPE_DICT))
		return tally_error_type("read_next", "a section over a dict or a set", container);
	const struct tally_table *table = tally_dict_table((const struct tally_dict *)container);
	uint32_t count = table ? tally_table_count(table) : 0;
	while (*position < count) {
		const struct tally_entry *entry = &tally_table_entries(table)[(*position)++];
		tally_object *found = tally_place_read(&entry->key), *its = tally_place_read(&entry->value);
		if (found && (its || container->type != TALLY_TYPE_DICT)) return hand_out(found, its, key, value);
	}
	return hand_out(NULL, NULL, key, value);
}

// ---- what waits ----

int tally_retired_get(tally_retired_stats *stats)
{
	if (stats->size != sizeof *stats)
		return tally_error_raise(TALLY_ERROR_VALUE, "retired_get", "size is %zu, expected sizeof(tally_retired_stats), %zu",
		                         stats->size, sizeof *stats);
	*stats = (tally_retired_stats){.size = sizeof *stats};
	if (!tally_threads_hold()) return tally_error_raise(TALLY_ERROR_CLOSING, "retired_get", "the runtime is not running");
	variant_retired(stats);
	tally_threads_let_go();
	return 0;
}
