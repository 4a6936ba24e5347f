// stress/differential_tally.c: the differential test's operations on Tally, through its public interface.
//
// An operation is one call, as far as that is possible; what it answers is what the call said. The other half of the
// engine, differential_tally_engine.c, says what objects are.
#include "differential.h"
#include "differential_tally.h"

#include <stdlib.h>
#include <string.h>

// ---- answers ----

static enum fault fault_of(enum tally_error_code code)
{
	switch (code) {
	case TALLY_ERROR_TYPE: return TYPE_FAULT;
	case TALLY_ERROR_VALUE: return VALUE_FAULT;
	case TALLY_ERROR_INDEX: return INDEX_FAULT;
	case TALLY_ERROR_MEMORY: // only of what is larger than any memory
	case TALLY_ERROR_OVERFLOW: return OVERFLOW_FAULT;
	case TALLY_ERROR_DEPTH: return DEPTH_FAULT;
	case TALLY_ERROR_NONE: return MISSING_FAULT;
	default: return OTHER_FAULT;
	}
}

static void fail(struct answer *answer)
{
	answer->fault = *tally_error_message() ? fault_of(tally_error_code()) : MISSING_FAULT;
	tally_error_clear();
}

static void give(struct answer *answer, tally_object *made)
{
	answer->made[0] = made;
	if (!made) fail(answer);
}

static void give_number(struct answer *answer, int status, int64_t number)
{
	if (status < 0) {
		fail(answer);
		return;
	}
	answer->numbered = true;
	answer->number = number;
}

static void give_status(struct answer *answer, int status) { give_number(answer, status, status); }
static void give_size(struct answer *answer, int status, size_t size) { give_number(answer, status, (int64_t)size); }

// Where it was found; -1: nowhere.
static void give_place(struct answer *answer, int status, size_t place)
{
	give_number(answer, status, status ? (int64_t)place : -1);
}

#define DO(name) static void name(const struct call *call, struct answer *answer)
// The arguments, for calls that take them in this order.
#define A call->object[0]
#define B call->object[1]
#define C call->object[2]
#define I (ptrdiff_t)call->number[0]
#define J (ptrdiff_t)call->number[1]
#define K (ptrdiff_t)call->number[2]
#define N (size_t)call->number[0]
#define ITEMS (tally_object *const *)call->items, call->count

// ---- makers ----

DO(bool_new) { give(answer, tally_bool(call->number[0])); }
DO(int_new) { give(answer, tally_int_new(call->number[0])); }
DO(float_new) { give(answer, tally_float_new(call->real)); }
DO(str_new) { give(answer, tally_str_new(call->bytes, call->size)); }
DO(bytes_new) { give(answer, tally_bytes_new(call->bytes, call->size)); }
DO(tuple_new) { give(answer, tally_tuple_new(ITEMS)); }
DO(tuple_from) { give(answer, tally_tuple_from(A)); }
DO(list_new) { (void)call, give(answer, tally_list_new()); }
DO(list_from) { give(answer, tally_list_from(ITEMS)); }
DO(list_of) { give(answer, tally_list_of(A)); }
DO(dict_new) { (void)call, give(answer, tally_dict_new()); }
DO(set_new) { give(answer, tally_set_new(A)); }
DO(set_empty) { (void)call, give(answer, tally_set_new(NULL)); }
DO(frozenset_new) { give(answer, tally_frozenset_new(A)); }

DO(str_from_bytes)
{
	size_t size;
	const char *bytes = tally_bytes_data(A, &size);
	give(answer, bytes ? tally_str_from_bytes(bytes, size, NULL) : NULL);
}

static void make_set(const struct call *call, struct answer *answer, tally_object *(*make)(tally_object *items))
{
	tally_object *list = tally_list_from(ITEMS);
	give(answer, list ? make(list) : NULL);
	tally_decref(list);
}

DO(set_of) { make_set(call, answer, tally_set_new); }
DO(frozenset_of) { make_set(call, answer, tally_frozenset_new); }

// ---- numbers ----

DO(number_add) { give(answer, tally_number_add(A, B)); }
DO(number_subtract) { give(answer, tally_number_subtract(A, B)); }
DO(number_multiply) { give(answer, tally_number_multiply(A, B)); }
DO(number_divide) { give(answer, tally_number_divide(A, B)); }
DO(number_floor_divide) { give(answer, tally_number_floor_divide(A, B)); }
DO(number_remainder) { give(answer, tally_number_remainder(A, B)); }
DO(number_negate) { give(answer, tally_number_negate(A)); }
DO(number_absolute) { give(answer, tally_number_absolute(A)); }
DO(int_from) { give(answer, tally_int_from(A)); }

DO(int_value)
{
	int64_t value = 0;
	int status = tally_int_value(A, &value);
	give_number(answer, status, value);
}

DO(float_value)
{
	double value = 0;
	int64_t bits;
	int status = tally_float_value(A, &value);
	if (value != value) value = 0; // a NaN's sign is nobody's business
	memcpy(&bits, &value, sizeof bits);
	give_number(answer, status, bits);
}

DO(bool_value)
{
	bool value = false;
	int status = tally_bool_value(A, &value);
	give_number(answer, status, value);
}

// ---- str ----

DO(str_get) { give(answer, tally_str_get(A, I)); }
DO(str_slice) { give(answer, tally_str_slice(A, I, J, K)); }
DO(str_contains) { give_status(answer, tally_str_contains(A, B)); }
DO(str_starts_with) { give_status(answer, tally_str_starts_with(A, B)); }
DO(str_ends_with) { give_status(answer, tally_str_ends_with(A, B)); }
DO(str_concat) { give(answer, tally_str_concat(A, B)); }
DO(str_repeat) { give(answer, tally_str_repeat(A, N)); }
DO(str_join) { give(answer, tally_str_join(A, B)); }
DO(str_split) { give(answer, tally_str_split(A, B)); }
DO(str_replace) { give(answer, tally_str_replace(A, B, C)); }
DO(str_to_int) { give(answer, tally_str_to_int(A, (int)I)); }
DO(str_to_float) { give(answer, tally_str_to_float(A)); }

DO(str_length)
{
	size_t length = 0;
	int status = tally_str_length(A, &length);
	give_size(answer, status, length);
}

DO(str_find)
{
	size_t place = 0;
	int status = tally_str_find(A, B, N, &place);
	give_place(answer, status, place);
}

DO(str_count)
{
	size_t count = 0;
	int status = tally_str_count(A, B, &count);
	give_size(answer, status, count);
}

// Whether both come out as one object.
DO(str_intern)
{
	tally_object *a = tally_str_intern(A), *b = a ? tally_str_intern(B) : NULL;
	give_number(answer, a && b ? 0 : -1, tally_is(a, b));
	tally_decref(a);
	tally_decref(b);
}

// ---- bytes ----

DO(bytes_slice) { give(answer, tally_bytes_slice(A, I, J, K)); }
DO(bytes_concat) { give(answer, tally_bytes_concat(A, B)); }
DO(bytes_repeat) { give(answer, tally_bytes_repeat(A, N)); }
DO(bytes_decode) { give(answer, tally_bytes_decode(A)); }
DO(bytes_encode) { give(answer, tally_bytes_encode(A)); }

DO(bytes_get)
{
	uint8_t byte = 0;
	int status = tally_bytes_get(A, I, &byte);
	give_number(answer, status, byte);
}

DO(bytes_find)
{
	size_t place = 0;
	int status = tally_bytes_find(A, B, N, &place);
	give_place(answer, status, place);
}

// ---- tuple ----

DO(tuple_get) { give(answer, tally_tuple_get(A, I)); }
DO(tuple_slice) { give(answer, tally_tuple_slice(A, I, J, K)); }
DO(tuple_concat) { give(answer, tally_tuple_concat(A, B)); }
DO(tuple_repeat) { give(answer, tally_tuple_repeat(A, N)); }

DO(tuple_size)
{
	size_t size = 0;
	int status = tally_tuple_size(A, &size);
	give_size(answer, status, size);
}

DO(tuple_index)
{
	size_t place = 0;
	int status = tally_tuple_index(A, B, &place);
	give_place(answer, status, place);
}

DO(tuple_count)
{
	size_t count = 0;
	int status = tally_tuple_count(A, B, &count);
	give_size(answer, status, count);
}

// ---- list ----

DO(list_get) { give(answer, tally_list_get(A, I)); }
DO(list_slice) { give(answer, tally_list_slice(A, I, J, K)); }
DO(list_concat) { give(answer, tally_list_concat(A, B)); }
DO(list_repeat) { give(answer, tally_list_repeat(A, N)); }
DO(list_contains) { give_status(answer, tally_list_contains(A, B)); }
DO(list_set) { give_status(answer, tally_list_set(A, I, B)); }
DO(list_append) { give_status(answer, tally_list_append(A, B)); }
DO(list_insert) { give_status(answer, tally_list_insert(A, I, B)); }
DO(list_extend) { give_status(answer, tally_list_extend(A, ITEMS)); }
DO(list_extend_from) { give_status(answer, tally_list_extend_from(A, B)); }
DO(list_pop) { give(answer, tally_list_pop(A, I)); }
DO(list_remove) { give_status(answer, tally_list_remove(A, B)); }
DO(list_swap) { give_status(answer, tally_list_swap(A, I, J)); }
DO(list_set_slice) { give_status(answer, tally_list_set_slice(A, I, J, ITEMS)); }
DO(list_clear) { give_status(answer, tally_list_clear(A)); }

DO(list_size)
{
	size_t size = 0;
	int status = tally_list_size(A, &size);
	give_size(answer, status, size);
}

DO(list_index)
{
	size_t place = 0;
	int status = tally_list_index(A, B, &place);
	give_place(answer, status, place);
}

DO(list_count)
{
	size_t count = 0;
	int status = tally_list_count(A, B, &count);
	give_size(answer, status, count);
}

// The planted fault: lists of seven stay as they are.
DO(list_reverse)
{
	size_t size = 0;
	if (engine_is_planted && tally_is_list(A)) tally_list_size(A, &size);
	give_status(answer, size == 7 ? 0 : tally_list_reverse(A));
}

DO(list_sort)
{
	tally_object *key = engine_key((enum key)call->number[0], A);
	give_status(answer, tally_list_sort(A, key, call->number[1]));
}

// ---- dict ----

DO(dict_copy) { give(answer, tally_dict_copy(A)); }
DO(dict_contains) { give_status(answer, tally_dict_contains(A, B)); }
DO(dict_keys) { give(answer, tally_dict_keys(A)); }
DO(dict_values) { give(answer, tally_dict_values(A)); }
DO(dict_items) { give(answer, tally_dict_items(A)); }
DO(dict_set) { give_status(answer, tally_dict_set(A, B, C)); }
DO(dict_setdefault) { give(answer, tally_dict_setdefault(A, B, C)); }
DO(dict_update) { give_status(answer, tally_dict_update(A, B)); }
DO(dict_clear) { give_status(answer, tally_dict_clear(A)); }

DO(dict_size)
{
	size_t size = 0;
	int status = tally_dict_size(A, &size);
	give_size(answer, status, size);
}

static void give_found(struct answer *answer, int status, tally_object *value)
{
	give_status(answer, status);
	answer->made[0] = value;
}

DO(dict_get)
{
	tally_object *value = NULL;
	int status = tally_dict_get(A, B, &value);
	give_found(answer, status, value);
}

DO(dict_pop)
{
	tally_object *value = NULL;
	int status = tally_dict_pop(A, B, &value);
	give_found(answer, status, value);
}

DO(dict_popitem)
{
	tally_object *key = NULL, *value = NULL;
	int status = tally_dict_popitem(A, &key, &value);
	give_found(answer, status, key);
	answer->made[1] = value;
}

DO(dict_add)
{
	int64_t sum = 0;
	int status = tally_dict_add(A, B, call->number[0], &sum);
	give_number(answer, status, sum);
}

// A list of keys and values in turn.
DO(dict_walk)
{
	tally_object *list = tally_list_new(), *entry[2];
	size_t position = 0;
	int status;
	while ((status = tally_dict_next(A, &position, &entry[0], &entry[1])) == 1) {
		tally_list_extend(list, entry, 2);
		tally_decref(entry[0]);
		tally_decref(entry[1]);
	}
	give_found(answer, status, status ? NULL : list);
	if (status) tally_decref(list);
}

// ---- set, frozenset ----

DO(set_contains) { give_status(answer, tally_set_contains(A, B)); }
DO(set_is_subset) { give_status(answer, tally_set_is_subset(A, B)); }
DO(set_is_disjoint) { give_status(answer, tally_set_is_disjoint(A, B)); }
DO(set_add) { give_status(answer, tally_set_add(A, B)); }
DO(set_discard) { give_status(answer, tally_set_discard(A, B)); }
DO(set_update) { give_status(answer, tally_set_update(A, B)); }
DO(set_intersect_update) { give_status(answer, tally_set_intersect_update(A, B)); }
DO(set_subtract_update) { give_status(answer, tally_set_subtract_update(A, B)); }
DO(set_toggle_update) { give_status(answer, tally_set_toggle_update(A, B)); }
DO(set_clear) { give_status(answer, tally_set_clear(A)); }
DO(set_copy) { give(answer, tally_set_copy(A)); }
DO(set_union) { give(answer, tally_set_union(A, B)); }
DO(set_intersection) { give(answer, tally_set_intersection(A, B)); }
DO(set_difference) { give(answer, tally_set_difference(A, B)); }
DO(set_symmetric_difference) { give(answer, tally_set_symmetric_difference(A, B)); }

DO(set_size)
{
	size_t size = 0;
	int status = tally_set_size(A, &size);
	give_size(answer, status, size);
}

// A set with the same elements.
DO(set_walk)
{
	tally_object *set = tally_set_new(NULL), *element;
	size_t position = 0;
	int status;
	while ((status = tally_set_next(A, &position, &element)) == 1) {
		tally_set_add(set, element);
		tally_decref(element);
	}
	give_found(answer, status, status ? NULL : set);
	if (status) tally_decref(set);
}

// How many elements can be popped, and a set of them.
DO(set_drain)
{
	tally_object *set = tally_set_new(NULL), *element = NULL;
	int64_t count = 0;
	int status;
	while ((status = tally_set_pop(A, &element)) == 1) {
		tally_set_add(set, element);
		tally_decref(element);
		count++;
	}
	give_number(answer, status, count);
	if (status) tally_decref(set);
	else answer->made[0] = set;
}

// ---- any object ----

DO(equal) { give_status(answer, tally_equal(A, B)); }
DO(compare) { give_status(answer, tally_compare(A, B, (enum tally_comparison)call->number[0])); }
DO(compare_numbers) { compare(call, answer); }
DO(compare_strs) { compare(call, answer); }
DO(compare_tuples) { compare(call, answer); }
DO(compare_lists) { compare(call, answer); }
DO(compare_dicts) { compare(call, answer); }
DO(compare_sets) { compare(call, answer); }
DO(truth) { give_status(answer, tally_truth(A)); }
DO(is_type) { give_status(answer, tally_isinstance(A, tally_type_of(B))); }

// 1: it is the same each time.
DO(hash)
{
	uint64_t first = 0, second = 0;
	int status = tally_hash(A, &first);
	if (!status) status = tally_hash(A, &second);
	give_number(answer, status, first == second);
}

// Whether both are equal; 2: they are, with different hashes.
DO(hash_alike)
{
	uint64_t first = 0, second = 0;
	int status = tally_hash(A, &first);
	if (!status) status = tally_hash(B, &second);
	if (!status) status = tally_equal(A, B);
	give_number(answer, status, status == 1 && first != second ? 2 : status);
}

DO(hash_alike_numbers) { hash_alike(call, answer); }
DO(hash_alike_tuples) { hash_alike(call, answer); }
DO(hash_alike_sets) { hash_alike(call, answer); }

DO(len)
{
	size_t length = 0;
	int status = tally_len(A, &length);
	give_size(answer, status, length);
}

// Where the order of a set is in it, only a sum over its characters.
static void give_text(struct answer *answer, tally_object *text, tally_object *object)
{
	if (!text || !has_unordered(object)) {
		give(answer, text);
		return;
	}
	give_number(answer, 0, sum_of_text(text));
	tally_decref(text);
}

DO(repr) { give_text(answer, tally_repr(A), A); }
DO(str_of) { give_text(answer, tally_str_of(A), A); }

// Of what cannot change, whether two are one is nobody's business.
DO(is)
{
	bool changes = tally_is_list(A) || tally_is_dict(A) || (tally_is_set(A) && !tally_is_frozenset(A));
	give_number(answer, 0, changes && tally_is(A, B));
}

// A list of all that the iterator gives; it is given up.
static void give_all(struct answer *answer, tally_object *iterator)
{
	tally_object *list = iterator ? tally_list_new() : NULL, *item;
	int status = -1;
	while (iterator && (status = tally_next(iterator, &item)) == 1) {
		tally_list_append(list, item);
		tally_decref(item);
	}
	if (status == 0 && tally_next(iterator, &item) != 0) status = -1; // it stays at the end
	give_found(answer, status, status ? NULL : list);
	if (status) tally_decref(list);
	tally_decref(iterator);
}

DO(iterate) { give_all(answer, tally_iter(A)); }
DO(iterate_reversed) { give_all(answer, tally_iter_reversed(A)); }

// How many are left after so many.
DO(iterate_some)
{
	tally_object *iterator = tally_iter(A), *item;
	size_t hint = 0;
	int status = iterator ? 0 : -1;
	for (int64_t left = call->number[0] & 7; left > 0 && status >= 0; left--) {
		status = tally_next(iterator, &item);
		tally_decref(item);
	}
	if (status >= 0) status = tally_length_hint(iterator, &hint);
	give_size(answer, status, hint);
	tally_decref(iterator);
}

static void change(tally_object *list, int64_t how)
{
	switch (how & 3) {
	case 0: tally_list_append(list, tally_none()); break;
	case 1: tally_list_insert(list, 0, tally_none()); break;
	case 2: tally_list_clear(list); break;
	default: tally_decref(tally_list_pop(list, 0)); tally_error_clear();
	}
}

// What is given when the list changes after so many, and how many were thought to be left then.
static void walk_changing(const struct call *call, struct answer *answer, tally_object *iterator, tally_object *list)
{
	size_t hint = 0;
	int64_t left = call->number[0] & 7;
	int status;
	for (tally_object *item; (status = tally_next(iterator, &item)) == 1;) {
		tally_list_append(list, item);
		tally_decref(item);
		if (left-- > 0) continue;
		if (left == -1) change(A, call->number[1]);
		if (left == -1 && tally_length_hint(iterator, &hint)) break;
	}
	give_size(answer, status, hint);
	if (status == 0) answer->made[0] = tally_incref(list);
}

DO(iterate_changing)
{
	if (!tally_is_list(A)) {
		answer->fault = TYPE_FAULT;
		return;
	}
	tally_object *iterator = call->number[2] ? tally_iter_reversed(A) : tally_iter(A), *list = tally_list_new();
	walk_changing(call, answer, iterator, list);
	tally_decref(list);
	tally_decref(iterator);
}

// ---- nesting ----

static tally_object *nest(bool in_tuples, int levels)
{
	tally_object *inner = tally_none();
	for (int i = 0; i < levels; i++) {
		tally_object *outer = in_tuples ? tally_tuple_new(&inner, 1) : tally_list_from(&inner, 1);
		tally_decref(inner);
		inner = outer;
	}
	return inner;
}

// Two equal ones, of 300 levels or of 3,000.
DO(tower)
{
	int levels = call->number[1] ? 3000 : 300;
	tally_object *a = nest(call->number[0], levels), *b = nest(call->number[0], levels), *text;
	uint64_t hash;
	size_t length = 0;
	switch (call->number[2] & 3) {
	case 0: give_status(answer, tally_equal(a, b)); break;
	case 1: give_status(answer, tally_compare(a, b, TALLY_LT)); break;
	case 2: give_status(answer, tally_hash(a, &hash)); break;
	default:
		text = tally_repr(a);
		if (text) tally_str_length(text, &length);
		give_size(answer, text ? 0 : -1, length);
		tally_decref(text);
	}
	tally_decref(a);
	tally_decref(b);
}

// Lists and a dict, each in the next one, the last one in the first, which is returned.
static tally_object *make_ring(int64_t lists)
{
	tally_object *first = tally_list_new(), *dict = tally_dict_new(), *inner = tally_incref(first);
	for (int64_t i = 0; i < lists; i++) {
		tally_object *outer = tally_list_from(&inner, 1);
		tally_decref(inner);
		inner = outer;
	}
	tally_dict_set(dict, tally_none(), inner);
	tally_list_append(first, dict);
	tally_decref(dict);
	tally_decref(inner);
	return first;
}

// Two equal ones, which no comparison can find out.
DO(ring)
{
	tally_object *a = make_ring(call->number[0] & 3), *b = make_ring(call->number[0] & 3);
	switch (call->number[1] & 3) {
	case 0: give_status(answer, tally_equal(a, b)); break;
	case 1: give_status(answer, tally_compare(a, b, TALLY_LT)); break;
	case 2: give_status(answer, tally_equal(a, a)); break;
	default: give(answer, tally_repr(a));
	}
	tally_decref(a);
	tally_decref(b);
}

const engine_function engine_functions[OPERATIONS] = {
#define OPERATION(name, arguments, weight) name,
#include "differential_operations.h"
#undef OPERATION
};
