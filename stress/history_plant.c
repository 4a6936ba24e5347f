// stress/history_plant.c: operations that are not atomic, made of those that are: the search must find them out.
//
// Each does in a quiet moment what its name says. The last one is a reader with a memory of its own.
#include "history.h"

// ---- a list ----

// The end is not where it was any more.
static void append(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	size_t size = 0;
	(void)numbers;
	raw->status = tally_list_size(list, &size);
	history_pause();
	if (!raw->status) raw->status = tally_list_set_slice(list, (ptrdiff_t)size, (ptrdiff_t)size, objects, 1);
}

static void swap(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	tally_object *a = tally_list_get(list, numbers[0]), *b = a ? tally_list_get(list, numbers[1]) : NULL;
	(void)objects;
	history_pause();
	raw->status = !b || tally_list_set(list, numbers[0], b) || tally_list_set(list, numbers[1], a) ? -1 : 0;
	tally_decref(a);
	tally_decref(b);
}

static _Thread_local struct {
	const tally_object *list;
	int32_t index;
	int64_t number;
} remembered;

// What stood there when this thread last looked.
static void get(tally_object *list, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	(void)objects;
	if (remembered.list == list && remembered.index == numbers[0]) {
		raw->given[0] = tally_int_new(remembered.number);
		return;
	}
	raw->given[0] = tally_list_get(list, numbers[0]);
	raw->status = raw->given[0] ? 0 : -1;
	remembered.list = raw->given[0] && !tally_int_value(raw->given[0], &remembered.number) ? list : NULL;
	remembered.index = numbers[0];
}

// ---- a dict ----

static void setdefault(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	int found = tally_dict_get(dict, objects[0], &raw->given[0]);
	(void)numbers;
	history_pause();
	raw->status = found < 0 || (!found && tally_dict_set(dict, objects[0], objects[1])) ? -1 : 0;
	if (!found && !raw->status) raw->given[0] = tally_incref(objects[1]);
}

static void add(tally_object *dict, tally_object *const *objects, const int32_t *numbers, struct history_raw *raw)
{
	tally_object *value, *sum;
	raw->status = tally_dict_get(dict, objects[0], &value);
	if (value) tally_int_value(value, &raw->number);
	tally_decref(value);
	history_pause();
	raw->has_number = true;
	sum = tally_int_new(raw->number += numbers[1]);
	raw->status = tally_dict_set(dict, objects[0], sum);
	tally_decref(sum);
}

#define PLANT(kind, operation) {#operation, &kind, operation}

const struct history_plant history_plants[] = {
	PLANT(history_list, append),     PLANT(history_list, swap),  PLANT(history_list, get),
	PLANT(history_dict, setdefault), PLANT(history_dict, add),
};
const unsigned history_plant_count = sizeof history_plants / sizeof history_plants[0];
