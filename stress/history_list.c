// stress/history_list.c: the operations of lists that are promised to be atomic: the calls, and what each means for a sequence
// of numbers.
//
// index, contains, count and remove are not among them: they look at one element after the other. Nor is sort, during which the
// list is empty to everybody.
#include "history.h"

#include <string.h>

// ---- what they mean ----

static int32_t *at(struct history_state *state, int32_t index, struct history_outcome *outcome)
{
	int64_t place = index < 0 ? (int64_t)state->size + index : index;
	if (place >= 0 && place < state->size) return &state->items[place];
	outcome->status = -TALLY_ERROR_INDEX;
	return NULL;
}

static uint32_t clamp(const struct history_state *state, int32_t index)
{
	int64_t place = index < 0 ? (int64_t)state->size + index : index;
	return place < 0 ? 0 : place > state->size ? state->size : (uint32_t)place;
}

static void open_gap(struct history_state *state, uint32_t place, uint32_t size)
{
	memmove(&state->items[place + size], &state->items[place], (state->size - place) * sizeof state->items[0]);
	state->size += size;
}

static void close_gap(struct history_state *state, uint32_t place, uint32_t size)
{
	state->size -= size;
	memmove(&state->items[place], &state->items[place + size], (state->size - place) * sizeof state->items[0]);
}

static void give(struct history_outcome *outcome, int32_t number) { outcome->numbers[outcome->count++] = number; }

static void model_items(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	for (uint32_t i = 0; i < state->size; i++) give(outcome, state->items[i]);
}

static void model_size(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	give(outcome, (int32_t)state->size);
}

static void model_get(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	const int32_t *item = at(state, numbers[0], outcome);
	if (item) give(outcome, *item);
}

static void model_set(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *item = at(state, numbers[0], outcome);
	if (item) *item = numbers[1];
}

static void model_append(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)outcome;
	state->items[state->size++] = numbers[0];
}

static void model_insert(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	uint32_t place = clamp(state, numbers[0]);
	(void)outcome;
	open_gap(state, place, 1);
	state->items[place] = numbers[1];
}

static void model_pop(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *item = at(state, numbers[0], outcome);
	if (!item) return;
	give(outcome, *item);
	close_gap(state, (uint32_t)(item - state->items), 1);
}

static void model_pop_last(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	model_pop(state, (const int32_t[]){-1}, outcome);
}

static void model_pop_first(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers;
	model_pop(state, (const int32_t[]){0}, outcome);
}

static void model_swap(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	int32_t *a = at(state, numbers[0], outcome), *b = a ? at(state, numbers[1], outcome) : NULL;
	if (!b) return;
	int32_t number = *a;
	*a = *b;
	*b = number;
}

static void model_extend(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	model_append(state, &numbers[0], outcome);
	model_append(state, &numbers[1], outcome);
}

static void model_reverse(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	struct history_state former = *state;
	(void)numbers, (void)outcome;
	for (uint32_t i = 0; i < state->size; i++) state->items[i] = former.items[state->size - 1 - i];
}

static void model_clear(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	(void)numbers, (void)outcome;
	state->size = 0;
}

// list[a:b] = [value, value]
static void model_set_slice(struct history_state *state, const int32_t *numbers, struct history_outcome *outcome)
{
	uint32_t start = clamp(state, numbers[0]), stop = clamp(state, numbers[1]);
	(void)outcome;
	if (stop > start) close_gap(state, start, stop - start);
	open_gap(state, start, 2);
	state->items[start] = numbers[2];
	state->items[start + 1] = numbers[3];
}

// ---- the calls ----

static void give_object(struct history_raw *raw, tally_object *object)
{
	raw->given[0] = object;
	raw->status = object ? 0 : -1;
}

static void call_slice(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_list_slice(list, TALLY_SLICE_NONE, TALLY_SLICE_NONE, 1));
}

static void call_copy(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_list_of(list));
}

static void call_size(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	size_t size = 0;
	(void)objects, (void)numbers;
	raw->status = tally_list_size(list, &size);
	raw->number = (int64_t)size;
	raw->has_number = true;
}

static void call_get(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects;
	give_object(raw, tally_list_get(list, numbers[0]));
}

static void call_set(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	raw->status = tally_list_set(list, numbers[0], objects[1]);
}

static void call_append(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_list_append(list, objects[0]);
}

static void call_insert(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	raw->status = tally_list_insert(list, numbers[0], objects[1]);
}

static void call_pop(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects;
	give_object(raw, tally_list_pop(list, numbers[0]));
}

static void call_pop_last(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_list_pop(list, -1));
}

static void call_pop_first(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	give_object(raw, tally_list_pop(list, 0));
}

static void call_swap(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects;
	raw->status = tally_list_swap(list, numbers[0], numbers[1]);
}

static void call_extend(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)numbers;
	raw->status = tally_list_extend(list, objects, 2);
}

static void call_reverse(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	raw->status = tally_list_reverse(list);
}

static void call_clear(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects, (void)numbers;
	raw->status = tally_list_clear(list);
}

static void call_set_slice(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	raw->status = tally_list_set_slice(list, numbers[0], numbers[1], objects + 2, 2);
}

// ---- the kind ----

// Those that stand here twice come twice as often.
static const struct history_operation operations[] = {
	{"slice", "", 0, call_slice, model_items},
	{"list_of", "", 0, call_copy, model_items},
	{"size", "", 0, call_size, model_size},
	{"get", "p", 0, call_get, model_get},
	{"get", "p", 0, call_get, model_get},
	{"get", "p", 0, call_get, model_get},
	{"set", "pv", 0, call_set, model_set},
	{"set", "pv", 0, call_set, model_set},
	{"append", "v", 1, call_append, model_append},
	{"append", "v", 1, call_append, model_append},
	{"insert", "pv", 1, call_insert, model_insert},
	{"pop", "p", 0, call_pop, model_pop},
	{"pop_last", "", 0, call_pop_last, model_pop_last},
	{"pop_first", "", 0, call_pop_first, model_pop_first},
	{"swap", "pp", 0, call_swap, model_swap},
	{"extend", "vv", 2, call_extend, model_extend},
	{"set_slice", "ppvv", 2, call_set_slice, model_set_slice},
	{"reverse", "", 0, call_reverse, model_reverse},
	{"clear", "", 0, call_clear, model_clear},
};

static int add(tally_object *list, tally_object *key, tally_object *value)
{
	(void)key;
	return tally_list_append(list, value);
}

const struct history_kind history_list = {
	.name = "a list",
	.operations = operations,
	.count = sizeof operations / sizeof operations[0],
	.has_values = true,
	.make = tally_list_new,
	.add = add,
};
