// tests/list_array.c: the array of a list from the inside: I1 and I2 of core/list.h.
//
// The source of the list is included, so that its struct can be looked into; the library's own copy is not linked then.
#include "../core/list.c"
#include "fixture.h"

enum { ITEMS = 50 };
static tally_object *items[ITEMS];

static bool is_sound(tally_object *object)
{
	const struct tally_list *list = (struct tally_list *)object;
	bool fits = list->size <= list->capacity && !list->items == (list->capacity == 0);
	if (fits && list->items) fits = list->capacity * ITEM <= tally_page_of(list->items)->block_size;
	for (size_t i = 0; fits && i < list->size; i++) fits = list->items[i] && list->items[i]->type == TALLY_TYPE_INT;
	return fits;
}

// A reference of the list's for each place.
static bool owns_its_elements(tally_object *object)
{
	const struct tally_list *list = (struct tally_list *)object;
	uint32_t places[ITEMS] = {0};
	for (size_t i = 0; i < list->size; i++)
		for (unsigned each = 0; each < ITEMS; each++) places[each] += list->items[i] == items[each];
	for (unsigned each = 0; each < ITEMS; each++)
		if (tally_refcount(items[each]) != 1 + places[each]) return false;
	return true;
}

static void change(tally_object *list, uint64_t *state)
{
	tally_object *item = items[below(state, ITEMS)];
	ptrdiff_t index = (ptrdiff_t)below(state, 40) - 20;
	switch (below(state, 10)) {
	case 0:
	case 1: CHECK_EQ(tally_list_append(list, item), 0); break;
	case 2: CHECK_EQ(tally_list_insert(list, index, item), 0); break;
	case 3: CHECK_EQ(tally_list_extend(list, items, below(state, ITEMS)), 0); break;
	case 4: tally_list_set(list, index, item); break; // outside, perhaps
	case 5:
		if (below(state, 20) == 0) CHECK_EQ(tally_list_clear(list), 0);
		break;
	default:
		for (unsigned i = below(state, 10); i > 0; i--) tally_decref(tally_list_pop(list, index));
	}
	tally_error_clear();
}

static void a_list_knows_its_array_after_every_operation(void)
{
	uint64_t state = fixture_seed(0);
	for (int i = 0; i < ITEMS; i++) items[i] = counted(i);
	for (unsigned size = 0; size < ITEMS; size += 7) {
		tally_object *list = must(tally_list_from(items, size));
		CHECK(is_sound(list));
		for (int i = tap_scale(3000); i > 0; i--) {
			change(list, &state);
			if (!CHECK(is_sound(list))) break;
			if (i % 64 == 0 && !CHECK(owns_its_elements(list))) break;
		}
		tally_decref(list);
	}
	for (int i = 0; i < ITEMS; i++) tally_decref(items[i]);
}

// An array is never grown in place: the former one is given up only when the new one is there.
static void a_list_keeps_its_array_when_another_cannot_be_had(void)
{
	tally_object *object = must(tally_list_new()), *item = counted(1);
	const struct tally_list *list = (struct tally_list *)object;
	if (tally_heap_fail(0, false)) { // this build has no faults on demand
		tally_error_clear();
	} else {
		for (int i = 0; i < 300; i++) {
			struct tally_list before = *list;
			CHECK_EQ(tally_heap_fail(1, true), 0);
			int result = tally_list_append(object, item);
			CHECK_EQ(tally_heap_fail(0, false), 0);
			CHECK_EQ(result, before.size == before.capacity ? -1 : 0);
			CHECK_PTR(list->items, before.items);
			CHECK_EQ(list->capacity, before.capacity);
			CHECK(is_sound(object));
			if (result) CHECK_EQ(tally_list_append(object, item), 0);
			tally_error_clear();
		}
	}
	tally_decref(object);
	tally_decref(item);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(a_list_knows_its_array_after_every_operation);
	TAP_RUN(a_list_keeps_its_array_when_another_cannot_be_had);
	return tap_end();
}
