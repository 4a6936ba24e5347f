// stress/history_keyed.c: the operations of dicts, sets and attributes that are promised to be atomic: the calls, and what each
// means for keys in their order. A dict and the attributes of an instance mean the same; a set's elements are keys with no value.
//
// The number of a key and its value stand side by side in a state; in a set each key stands alone.
#include "history.h"

#include <string.h>

// ---- what they mean ----

static void give(struct history_outcome *outcome, int32_t number) { outcome->numbers[outcome->count++] = number; }

// Where the key stands, of keys that stand `width` apart; NULL: nowhere.
static int32_t *find(struct history_state *state, int32_t key, uint32_t width)
{
	for (uint32_t i = 0; i < state->size; i += width)
		if (state->items[i] == key) return &state->items[i];
	return NULL;
}

static int32_t *find_value(struct history_state *state, int32_t key)
{
	int32_t *place = find(state, key, 2);
	return place ? place + 1 : NULL;
}

static void put(struct history_state *state, int32_t key, int32_t value)
{
	state->items[state->size++] = key;
	state->items[state->size++] = value;
}

static void remove_at(struct history_state *state, int32_t *place, uint32_t width)
{
	state->size -= width;
	memmove(place, place + width, (size_t)(&state->items[state->size] - place) * sizeof *place);
}

static void model_items(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	for (uint32_t i = 0; i < state->size; i++) give(outcome, state->items[i]);
}

static void model_keys(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	for (uint32_t i = 0; i < state->size; i += 2) give(outcome, state->items[i]);
}

static void model_values(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	for (uint32_t i = 0; i < state->size; i += 2) give(outcome, state->items[i + 1]);
}

static void model_size(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	give(outcome, (int32_t)state->size / 2);
}

static void model_get(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	const int32_t *value = find_value(state, numbers[0]);
	outcome->status = value != NULL;
	if (value) give(outcome, *value);
}

static void model_contains(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	outcome->status = find_value(state, numbers[0]) != NULL;
}

static void model_set(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *value = find_value(state, numbers[0]);
	(void)outcome;
	if (value) *value = numbers[1];
	else put(state, numbers[0], numbers[1]);
}

static void model_setdefault(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	const int32_t *value = find_value(state, numbers[0]);
	give(outcome, value ? *value : numbers[1]);
	if (!value) put(state, numbers[0], numbers[1]);
}

static void model_add(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *value = find_value(state, numbers[0]);
	give(outcome, numbers[1] + (value ? *value : 0));
	if (value) *value += numbers[1];
	else put(state, numbers[0], numbers[1]);
}

static void model_pop(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *place = find(state, numbers[0], 2);
	outcome->status = place != NULL;
	if (!place) return;
	give(outcome, place[1]);
	remove_at(state, place, 2);
}

static void model_delete(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	model_pop(state, numbers, outcome);
	outcome->count = 0;
}

static void model_popitem(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	outcome->status = state->size > 0;
	if (!state->size) return;
	state->size -= 2;
	give(outcome, state->items[state->size]);
	give(outcome, state->items[state->size + 1]);
}

static void model_clear(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers, (void)outcome;
	state->size = 0;
}

static void model_set_size(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	give(outcome, (int32_t)state->size);
}

static void model_set_contains(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	outcome->status = find(state, numbers[0], 1) != NULL;
}

static void model_set_add(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	outcome->status = !find(state, numbers[0], 1);
	if (outcome->status) state->items[state->size++] = numbers[0];
}

static void model_discard(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *place = find(state, numbers[0], 1);
	outcome->status = place != NULL;
	if (place) remove_at(state, place, 1);
}

static void model_set_pop(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	outcome->status = state->size > 0;
	if (state->size) give(outcome, state->items[--state->size]);
}

// ---- the calls on a dict ----

static void give_object(struct history_raw *raw, tally_object *object)
{
	raw->given[0] = object;
	raw->status = object ? 0 : -1;
}

static void give_number(struct history_raw *raw, int status, int64_t number)
{
	raw->status = status;
	raw->number = number;
	raw->has_number = true;
}

static void call_items(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_dict_items(dict));
}

static void call_keys(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_dict_keys(dict));
}

static void call_values(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_dict_values(dict));
}

// The copy is nobody else's: what is in it may be looked at later.
static void call_copy(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_dict_copy(dict));
}

static void call_size(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	size_t size = 0;
	(void)objects, (void)numbers;
	int status = tally_dict_size(dict, &size);
	give_number(raw, status, (int64_t)size);
}

static void call_get(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_dict_get(dict, objects[0], &raw->given[0]);
}

static void call_contains(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_dict_contains(dict, objects[0]);
}

static void call_set(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_dict_set(dict, objects[0], objects[1]);
}

static void call_setdefault(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	give_object(raw, tally_dict_setdefault(dict, objects[0], objects[1]));
}

static void call_add(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	int64_t sum = 0;
	int status = tally_dict_add(dict, objects[0], numbers[1], &sum);
	give_number(raw, status, sum);
}

static void call_pop(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_dict_pop(dict, objects[0], &raw->given[0]);
}

static void call_popitem(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	raw->status = tally_dict_popitem(dict, &raw->given[0], &raw->given[1]);
}

static void call_clear(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	raw->status = tally_dict_clear(dict);
}

static const struct history_operation dict_operations[] = {
	{"items", "", 0, call_items, model_items},
	{"copy", "", 0, call_copy, model_items},
	{"keys", "", 0, call_keys, model_keys},
	{"values", "", 0, call_values, model_values},
	{"size", "", 0, call_size, model_size},
	{"get", "k", 0, call_get, model_get},
	{"get", "k", 0, call_get, model_get},
	{"get", "k", 0, call_get, model_get},
	{"contains", "k", 0, call_contains, model_contains},
	{"set", "kv", 0, call_set, model_set},
	{"set", "kv", 0, call_set, model_set},
	{"setdefault", "kv", 0, call_setdefault, model_setdefault},
	{"add", "kn", 0, call_add, model_add},
	{"add", "kn", 0, call_add, model_add},
	{"pop", "k", 0, call_pop, model_pop},
	{"pop", "k", 0, call_pop, model_pop},
	{"popitem", "", 0, call_popitem, model_popitem},
	{"clear", "", 0, call_clear, model_clear},
};

const struct history_kind history_dict = {
	.name = "a dict",
	.operations = dict_operations,
	.count = sizeof dict_operations / sizeof dict_operations[0],
	.has_keys = true,
	.has_values = true,
	.make = tally_dict_new,
	.add = tally_dict_set,
};

// ---- the calls on a set ----

static void call_set_copy(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_set_copy(set));
}

static void call_set_size(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	size_t size = 0;
	(void)objects, (void)numbers;
	int status = tally_set_size(set, &size);
	give_number(raw, status, (int64_t)size);
}

static void call_set_contains(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_set_contains(set, objects[0]);
}

static void call_set_add(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_set_add(set, objects[0]);
}

static void call_discard(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_set_discard(set, objects[0]);
}

static void call_set_pop(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	raw->status = tally_set_pop(set, &raw->given[0]);
}

static void call_set_clear(tally_object *set, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	raw->status = tally_set_clear(set);
}

static const struct history_operation set_operations[] = {
	{"copy", "", 0, call_set_copy, model_items},
	{"size", "", 0, call_set_size, model_set_size},
	{"contains", "k", 0, call_set_contains, model_set_contains},
	{"contains", "k", 0, call_set_contains, model_set_contains},
	{"contains", "k", 0, call_set_contains, model_set_contains},
	{"add", "k", 0, call_set_add, model_set_add},
	{"add", "k", 0, call_set_add, model_set_add},
	{"add", "k", 0, call_set_add, model_set_add},
	{"discard", "k", 0, call_discard, model_discard},
	{"discard", "k", 0, call_discard, model_discard},
	{"pop", "", 0, call_set_pop, model_set_pop},
	{"clear", "", 0, call_set_clear, model_clear},
};

static tally_object *make_set(void) { return tally_set_new(NULL); }

static int add_to_set(tally_object *set, tally_object *key, tally_object *value)
{
	(void)value;
	return tally_set_add(set, key) < 0 ? -1 : 0;
}

const struct history_kind history_set = {
	.name = "a set",
	.operations = set_operations,
	.count = sizeof set_operations / sizeof set_operations[0],
	.has_keys = true,
	.make = make_set,
	.add = add_to_set,
};

// ---- the calls on an instance ----

tally_object *history_class;

// By way of its dict, into which the attributes move when somebody first asks for it: two calls, but what the first one gives is
// the same for ever.
static void call_attributes(tally_object *instance, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	tally_object *dict = tally_attr_dict(instance);
	give_object(raw, dict ? tally_dict_items(dict) : NULL);
	tally_decref(dict);
}

static void call_names(tally_object *instance, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_attr_names(instance));
}

static void call_attr_get(tally_object *instance, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_attr_get(instance, objects[0], &raw->given[0]);
}

static void call_attr_set(tally_object *instance, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_attr_set(instance, objects[0], objects[1]);
}

static void call_attr_delete(tally_object *instance, tally_object *const *objects, const int32_t *numbers,
                             struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_attr_delete(instance, objects[0]);
}

static const struct history_operation attribute_operations[] = {
	{"attributes", "", 0, call_attributes, model_items},
	{"names", "", 0, call_names, model_keys},
	{"names", "", 0, call_names, model_keys},
	{"get", "k", 0, call_attr_get, model_get},
	{"get", "k", 0, call_attr_get, model_get},
	{"get", "k", 0, call_attr_get, model_get},
	{"get", "k", 0, call_attr_get, model_get},
	{"set", "kv", 0, call_attr_set, model_set},
	{"set", "kv", 0, call_attr_set, model_set},
	{"set", "kv", 0, call_attr_set, model_set},
	{"set", "kv", 0, call_attr_set, model_set},
	{"delete", "k", 0, call_attr_delete, model_delete},
	{"delete", "k", 0, call_attr_delete, model_delete},
};

static tally_object *make_instance(void) { return tally_instance_new(history_class); }

const struct history_kind history_attributes = {
	.name = "an instance",
	.operations = attribute_operations,
	.count = sizeof attribute_operations / sizeof attribute_operations[0],
	.has_keys = true,
	.has_values = true,
	.make = make_instance,
	.add = tally_attr_set,
};
