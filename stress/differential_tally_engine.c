// stress/differential_tally_engine.c: Tally as an engine of the differential test: its life, and what its objects are.
//
// One thread. Automatic collection is on, as it is for a host.
#include "differential_tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *engine_name(void) { return tally_variant(); }

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tally-differential-%s: %s: %s\n", tally_variant(), what, tally_error_message());
	exit(1);
}

// ---- key functions ----

static struct {
	tally_object *function[KEYS];
	tally_object *list; // that is being sorted
	unsigned calls;     // in this sort
} keys;

static tally_object *key_length(tally_object *object)
{
	size_t length;
	return tally_len(object, &length) ? NULL : tally_int_new((int64_t)length);
}

static tally_object *key_fails(tally_object *object)
{
	if (keys.calls < 3) return tally_incref(object);
	tally_error_set(TALLY_ERROR_VALUE, "the key function fails");
	return NULL;
}

static tally_object *key_changes_list(tally_object *object)
{
	if (keys.calls == 1 && tally_list_append(keys.list, object)) return NULL;
	return tally_incref(object);
}

static tally_object *call_key(void *context, tally_object *const *captured, tally_object *const *arguments,
                              size_t count)
{
	(void)captured, (void)count;
	keys.calls++;
	switch ((enum key)(uintptr_t)context) {
	case KEY_NEGATED: return tally_number_negate(arguments[0]);
	case KEY_LENGTH: return key_length(arguments[0]);
	case KEY_TEXT: return tally_str_of(arguments[0]);
	case KEY_FAILS: return key_fails(arguments[0]);
	case KEY_CHANGES_LIST: return key_changes_list(arguments[0]);
	default: return tally_incref(arguments[0]);
	}
}

tally_object *engine_key(enum key key, tally_object *list)
{
	keys.calls = 0;
	keys.list = list;
	return keys.function[key];
}

static void make_key(enum key key)
{
	const tally_function_spec spec = {
		.size = sizeof spec,
		.name = "key",
		.call = call_key,
		.context = (void *)(uintptr_t)key,
		.least = 1,
		.most = 1,
	};
	keys.function[key] = tally_function_new(&spec);
	if (!keys.function[key]) die("tally_function_new");
}

// ---- its life ----

bool engine_is_planted;
static tally_token token;

void engine_start(uint64_t seed, bool plant)
{
	const tally_config config = {.size = sizeof config, .hash_seed = seed};
	engine_is_planted = plant;
	if (tally_init(&config)) die("tally_init");
	if (tally_thread_attach(&token)) die("tally_thread_attach");
	for (enum key key = KEY_SAME; key < KEYS; key++) make_key(key);
}

// A full collection frees cycles, and with that the last references to some interned strings; the next one finds those.
bool engine_stop(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	uint64_t leaked = 0;
	for (enum key key = KEY_SAME; key < KEYS; key++) tally_decref(keys.function[key]);
	for (int i = 0; i < 2; i++) {
		if (tally_gc_collect(2) < 0) die("tally_gc_collect");
	}
	if (tally_heap_stats_get(&stats)) die("tally_heap_stats_get");
	if (tally_thread_detach(token)) die("tally_thread_detach");
	if (tally_fini(UINT64_C(10000000000), &leaked)) die("tally_fini");
	if (stats.live_objects == 0 && leaked == 0) return true;
	fprintf(stderr, "tally-differential-%s: %" PRIu64 " objects were left over, %" PRIu64 " leaked\n",
	        tally_variant(), (uint64_t)stats.live_objects, leaked);
	return false;
}

// ---- what objects are ----

reference engine_keep(reference object) { return tally_incref(object); }
void engine_drop(reference object) { tally_decref(object); }
reference engine_none(void) { return tally_none(); }

enum kind engine_kind(reference object)
{
	if (tally_is_none(object)) return NONE;
	if (tally_is_bool(object)) return BOOL;
	if (tally_is_int(object)) return INT;
	if (tally_is_float(object)) return FLOAT;
	if (tally_is_str(object)) return STR;
	if (tally_is_bytes(object)) return BYTES;
	if (tally_is_tuple(object)) return TUPLE;
	if (tally_is_list(object)) return LIST;
	if (tally_is_dict(object)) return DICT;
	if (tally_is_frozenset(object)) return FROZENSET;
	return tally_is_set(object) ? SET : OTHER;
}

int64_t engine_int(reference object)
{
	int64_t value = 0;
	if (tally_int_value(object, &value)) die("tally_int_value");
	return value;
}

double engine_float(reference object)
{
	double value = 0;
	if (tally_float_value(object, &value)) die("tally_float_value");
	return value;
}

const char *engine_bytes(reference object, size_t *size)
{
	const char *bytes = tally_is_str(object) ? tally_str_utf8(object, size) : tally_bytes_data(object, size);
	if (!bytes) die("the bytes of an object");
	return bytes;
}

static void list_entries(tally_object *dict, reference *elements, size_t count)
{
	size_t position = 0;
	for (size_t i = 0; i < count; i += 2) {
		if (tally_dict_next(dict, &position, (tally_object **)&elements[i],
		                    (tally_object **)&elements[i + 1]) != 1)
			die("tally_dict_next");
	}
}

static void list_members(tally_object *set, reference *elements, size_t count)
{
	size_t position = 0;
	for (size_t i = 0; i < count; i++) {
		if (tally_set_next(set, &position, (tally_object **)&elements[i]) != 1) die("tally_set_next");
	}
}

static void list_items(tally_object *sequence, reference *elements, size_t count)
{
	tally_object *(*get)(tally_object *, ptrdiff_t) = tally_is_list(sequence) ? tally_list_get : tally_tuple_get;
	for (size_t i = 0; i < count; i++) {
		elements[i] = get(sequence, (ptrdiff_t)i);
		if (!elements[i]) die("an element");
	}
}

size_t engine_elements(reference container, reference *elements, size_t room)
{
	size_t count;
	if (tally_len(container, &count)) die("tally_len");
	bool is_dict = tally_is_dict(container);
	if (is_dict) count *= 2;
	if (count > room) return count;
	if (is_dict) list_entries(container, elements, count);
	else if (tally_is_set(container)) list_members(container, elements, count);
	else list_items(container, elements, count);
	return count;
}
