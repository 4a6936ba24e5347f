// stress/differential_python.c: the differential test's operations on CPython, through its C API.
//
// An operation is what a Python programmer would write, and here and there a little more, where Tally differs by
// design: docs/differential.md names each such place. Before an operation runs, arguments for which Tally wants a
// certain type are looked at by the letters of differential_operations.h, and a wrong one is a type error here, too.
#include "differential_python.h"

#include <stdlib.h>
#include <string.h>

// ---- answers ----

static enum fault fault_of_error(void)
{
	static const struct {
		PyObject **type;
		enum fault fault;
	} faults[] = {
		{&PyExc_TypeError, TYPE_FAULT},         {&PyExc_ValueError, VALUE_FAULT},
		{&PyExc_IndexError, INDEX_FAULT},       {&PyExc_ZeroDivisionError, VALUE_FAULT},
		{&PyExc_OverflowError, OVERFLOW_FAULT}, {&PyExc_MemoryError, OVERFLOW_FAULT},
		{&PyExc_RecursionError, DEPTH_FAULT},
	};
	if (!PyErr_Occurred()) return MISSING_FAULT;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (PyErr_ExceptionMatches(*faults[i].type)) return faults[i].fault;
	}
	return OTHER_FAULT;
}

static void fail(struct answer *answer)
{
	answer->fault = fault_of_error();
	if (answer->fault >= OTHER_FAULT) PyErr_Print();
	PyErr_Clear();
}

static void fail_as(struct answer *answer, enum fault fault) { answer->fault = fault; }

// An int beyond 64 bits is an error in Tally.
static bool is_too_large(PyObject *made)
{
	int overflow = 0;
	if (PyLong_CheckExact(made)) PyLong_AsLongLongAndOverflow(made, &overflow);
	return overflow != 0;
}

static void give(struct answer *answer, PyObject *made)
{
	if (!made) {
		fail(answer);
	} else if (is_too_large(made)) {
		Py_DECREF(made);
		fail_as(answer, OVERFLOW_FAULT);
	} else {
		answer->made[0] = made;
	}
}

static void give_number(struct answer *answer, int64_t number)
{
	answer->numbered = true;
	answer->number = number;
}

// A negative one says that there is an error.
static void give_status(struct answer *answer, int64_t number)
{
	if (number < 0) fail(answer);
	else give_number(answer, number);
}

// The truth of a result, which is given up.
static void give_truth(struct answer *answer, PyObject *result)
{
	give_status(answer, result ? PyObject_IsTrue(result) : -1);
	Py_XDECREF(result);
}

// The number that a method returned, which is given up; `absent` instead of a value error.
static void give_place(struct answer *answer, PyObject *result, bool value_error_is_absent)
{
	if (!result && value_error_is_absent && PyErr_ExceptionMatches(PyExc_ValueError)) {
		PyErr_Clear();
		give_number(answer, -1);
	} else if (!result) {
		fail(answer);
	} else {
		give_number(answer, PyLong_AsLongLong(result));
	}
	Py_XDECREF(result);
}

// 0 when a method returned anything at all.
static void give_done(struct answer *answer, PyObject *result)
{
	give_status(answer, result ? 0 : -1);
	Py_XDECREF(result);
}

#define DO(name) static void name(const struct call *call, struct answer *answer)
// The arguments, for calls that take them in this order.
#define A ((PyObject *)call->object[0])
#define B ((PyObject *)call->object[1])
#define C ((PyObject *)call->object[2])
#define I ((Py_ssize_t)call->number[0])
#define J ((Py_ssize_t)call->number[1])
#define K ((Py_ssize_t)call->number[2])

#define METHOD(object, name, ...) PyObject_CallMethod(object, name, __VA_ARGS__)

// ---- parts ----

static PyObject *bound(Py_ssize_t index) { return index == LEFT_OUT ? Py_NewRef(Py_None) : PyLong_FromSsize_t(index); }

static PyObject *slice_of(PyObject *start, PyObject *stop, PyObject *step)
{
	PyObject *slice = start && stop && step ? PySlice_New(start, stop, step) : NULL;
	Py_XDECREF(start);
	Py_XDECREF(stop);
	Py_XDECREF(step);
	return slice;
}

static void slice(const struct call *call, struct answer *answer)
{
	PyObject *range = slice_of(bound(I), bound(J), PyLong_FromSsize_t(K));
	give(answer, range ? PyObject_GetItem(A, range) : NULL);
	Py_XDECREF(range);
}

static PyObject *item(PyObject *object, Py_ssize_t index)
{
	PyObject *number = PyLong_FromSsize_t(index), *found = number ? PyObject_GetItem(object, number) : NULL;
	Py_XDECREF(number);
	return found;
}

static void get(const struct call *call, struct answer *answer) { give(answer, item(A, I)); }
static void concat(const struct call *call, struct answer *answer) { give(answer, PySequence_Concat(A, B)); }
static void repeat(const struct call *call, struct answer *answer) { give(answer, PySequence_Repeat(A, I)); }
static void find_index(const struct call *call, struct answer *answer)
{
	give_place(answer, METHOD(A, "index", "(O)", B), true);
}
static void count_equal(const struct call *call, struct answer *answer)
{
	give_place(answer, METHOD(A, "count", "(O)", B), false);
}
static void find_from(const struct call *call, struct answer *answer)
{
	give_place(answer, METHOD(A, "find", "(On)", B, I), false);
}
static void contains(const struct call *call, struct answer *answer) { give_status(answer, PySequence_Contains(A, B)); }
static void size(const struct call *call, struct answer *answer) { give_status(answer, PyObject_Size(A)); }

// ---- makers ----

static PyObject *list_of_items(const struct call *call)
{
	PyObject *list = PyList_New((Py_ssize_t)call->count);
	for (size_t i = 0; list && i < call->count; i++)
		PyList_SET_ITEM(list, (Py_ssize_t)i, Py_NewRef((PyObject *)call->items[i]));
	return list;
}

// What `make` makes of the items, in a list.
static void make_of_items(const struct call *call, struct answer *answer, PyObject *(*make)(PyObject *items))
{
	PyObject *list = list_of_items(call);
	give(answer, list ? make(list) : NULL);
	Py_XDECREF(list);
}

DO(bool_new) { give(answer, PyBool_FromLong(call->number[0] != 0)); }
DO(int_new) { give(answer, PyLong_FromLongLong(call->number[0])); }
DO(float_new) { give(answer, PyFloat_FromDouble(call->real)); }
DO(str_new) { give(answer, PyUnicode_DecodeUTF8(call->bytes, (Py_ssize_t)call->size, "strict")); }
DO(str_from_bytes) { give(answer, PyUnicode_DecodeUTF8(PyBytes_AS_STRING(A), PyBytes_GET_SIZE(A), "replace")); }
DO(bytes_new) { give(answer, PyBytes_FromStringAndSize(call->bytes, (Py_ssize_t)call->size)); }
DO(tuple_new) { make_of_items(call, answer, PySequence_Tuple); }
DO(tuple_from) { give(answer, PySequence_Tuple(A)); }
DO(list_new) { (void)call, give(answer, PyList_New(0)); }
DO(list_from) { give(answer, list_of_items(call)); }
DO(list_of) { give(answer, PySequence_List(A)); }
DO(dict_new) { (void)call, give(answer, PyDict_New()); }
DO(set_new) { give(answer, PySet_New(A)); }
DO(set_empty) { (void)call, give(answer, PySet_New(NULL)); }
DO(set_of) { make_of_items(call, answer, PySet_New); }
DO(frozenset_new) { give(answer, PyFrozenSet_New(A)); }
DO(frozenset_of) { make_of_items(call, answer, PyFrozenSet_New); }

// ---- numbers ----

DO(number_add) { give(answer, PyNumber_Add(A, B)); }
DO(number_subtract) { give(answer, PyNumber_Subtract(A, B)); }
DO(number_multiply) { give(answer, PyNumber_Multiply(A, B)); }
DO(number_divide) { give(answer, PyNumber_TrueDivide(A, B)); }
DO(number_floor_divide) { give(answer, PyNumber_FloorDivide(A, B)); }
DO(number_remainder) { give(answer, PyNumber_Remainder(A, B)); }
DO(number_negate) { give(answer, PyNumber_Negative(A)); }
DO(number_absolute) { give(answer, PyNumber_Absolute(A)); }
DO(int_from) { give(answer, PyNumber_Long(A)); }

DO(int_value)
{
	if (PyLong_Check(A)) give_number(answer, PyLong_AsLongLong(A));
	else fail_as(answer, TYPE_FAULT);
}

DO(float_value)
{
	double value = PyFloat_AsDouble(A);
	int64_t bits;
	if (PyErr_Occurred()) {
		fail(answer);
		return;
	}
	if (value != value) value = 0; // a NaN's sign is nobody's business
	memcpy(&bits, &value, sizeof bits);
	give_number(answer, bits);
}

DO(bool_value)
{
	if (PyBool_Check(A)) give_number(answer, A == Py_True);
	else fail_as(answer, TYPE_FAULT);
}

// ---- str ----

DO(str_length) { size(call, answer); }
DO(str_get) { get(call, answer); }
DO(str_slice) { slice(call, answer); }
DO(str_find) { find_from(call, answer); }
DO(str_contains) { contains(call, answer); }
DO(str_starts_with) { give_truth(answer, METHOD(A, "startswith", "(O)", B)); }
DO(str_ends_with) { give_truth(answer, METHOD(A, "endswith", "(O)", B)); }
DO(str_count) { count_equal(call, answer); }
DO(str_concat) { concat(call, answer); }
DO(str_repeat) { repeat(call, answer); }
DO(str_join) { give(answer, PyUnicode_Join(A, B)); }
DO(str_split) { give(answer, PyUnicode_Split(A, B, -1)); }
DO(str_replace) { give(answer, PyUnicode_Replace(A, B, C, -1)); }

// Tally knows the digits and the white space of ASCII only.
DO(str_to_int)
{
	if (PyUnicode_IS_ASCII(A)) give(answer, PyLong_FromUnicodeObject(A, (int)I));
	else fail_as(answer, VALUE_FAULT);
}

DO(str_to_float)
{
	if (PyUnicode_IS_ASCII(A)) give(answer, PyFloat_FromString(A));
	else fail_as(answer, VALUE_FAULT);
}

DO(str_intern)
{
	PyObject *a = Py_NewRef(A), *b = Py_NewRef(B);
	PyUnicode_InternInPlace(&a);
	PyUnicode_InternInPlace(&b);
	give_number(answer, a == b);
	Py_DECREF(a);
	Py_DECREF(b);
}

// ---- bytes ----

DO(bytes_get) { give_place(answer, item(A, I), false); }
DO(bytes_slice) { slice(call, answer); }
DO(bytes_concat) { concat(call, answer); }
DO(bytes_repeat) { repeat(call, answer); }
DO(bytes_find) { find_from(call, answer); }
DO(bytes_decode) { give(answer, PyUnicode_DecodeUTF8(PyBytes_AS_STRING(A), PyBytes_GET_SIZE(A), "strict")); }
DO(bytes_encode) { give(answer, PyUnicode_AsUTF8String(A)); }

// ---- tuple ----

DO(tuple_size) { size(call, answer); }
DO(tuple_get) { get(call, answer); }
DO(tuple_slice) { slice(call, answer); }
DO(tuple_concat) { concat(call, answer); }
DO(tuple_repeat) { repeat(call, answer); }
DO(tuple_index) { find_index(call, answer); }
DO(tuple_count) { count_equal(call, answer); }

// ---- list ----

DO(list_size) { size(call, answer); }
DO(list_get) { get(call, answer); }
DO(list_slice) { slice(call, answer); }
DO(list_concat) { concat(call, answer); }
DO(list_repeat) { repeat(call, answer); }
DO(list_index) { find_index(call, answer); }
DO(list_contains) { contains(call, answer); }
DO(list_count) { count_equal(call, answer); }
DO(list_append) { give_status(answer, PyList_Append(A, B)); }
DO(list_insert) { give_status(answer, PyList_Insert(A, I, B)); }
DO(list_extend_from) { give_done(answer, METHOD(A, "extend", "(O)", B)); }
DO(list_pop) { give(answer, METHOD(A, "pop", "(n)", I)); }
DO(list_reverse) { give_status(answer, PyList_Reverse(A)); }
DO(list_clear) { give_status(answer, PyList_SetSlice(A, 0, PY_SSIZE_T_MAX, NULL)); }

DO(list_set)
{
	PyObject *number = PyLong_FromSsize_t(I);
	give_status(answer, number ? PyObject_SetItem(A, number, B) : -1);
	Py_XDECREF(number);
}

static void set_slice(PyObject *list, PyObject *range, const struct call *call, struct answer *answer)
{
	PyObject *items = list_of_items(call);
	give_status(answer, range && items ? PyObject_SetItem(list, range, items) : -1);
	Py_XDECREF(items);
	Py_XDECREF(range);
}

DO(list_extend) { set_slice(A, slice_of(bound(PY_SSIZE_T_MAX), bound(LEFT_OUT), Py_NewRef(Py_None)), call, answer); }
DO(list_set_slice) { set_slice(A, slice_of(bound(I), bound(J), Py_NewRef(Py_None)), call, answer); }

DO(list_remove)
{
	PyObject *result = METHOD(A, "remove", "(O)", B);
	if (!result && PyErr_ExceptionMatches(PyExc_ValueError)) {
		PyErr_Clear();
		give_number(answer, 0);
		return;
	}
	give_status(answer, result ? 1 : -1);
	Py_XDECREF(result);
}

// Nothing happens unless both are there.
DO(list_swap)
{
	PyObject *a = item(A, I), *b = a ? item(A, J) : NULL;
	give_status(answer, b ? 0 : -1);
	if (b) {
		Py_ssize_t length = PyList_GET_SIZE(A);
		PyList_SetItem(A, I < 0 ? I + length : I, Py_NewRef(b));
		PyList_SetItem(A, J < 0 ? J + length : J, Py_NewRef(a));
	}
	Py_XDECREF(a);
	Py_XDECREF(b);
}

DO(list_sort)
{
	PyObject *key = engine_key((enum key)I, A), *sort = PyObject_GetAttrString(A, "sort"), *none = PyTuple_New(0);
	PyObject *named = Py_BuildValue("{sOsi}", "key", key ? key : Py_None, "reverse", (int)J);
	give_done(answer, sort && none && named ? PyObject_Call(sort, none, named) : NULL);
	Py_XDECREF(sort);
	Py_XDECREF(none);
	Py_XDECREF(named);
}

// ---- dict ----

DO(dict_copy) { give(answer, PyDict_Copy(A)); }
DO(dict_size) { size(call, answer); }
DO(dict_contains) { contains(call, answer); }
DO(dict_keys) { give(answer, PyDict_Keys(A)); }
DO(dict_values) { give(answer, PyDict_Values(A)); }
DO(dict_items) { give(answer, PyDict_Items(A)); }
DO(dict_set) { give_status(answer, PyDict_SetItem(A, B, C)); }
DO(dict_setdefault) { give(answer, Py_XNewRef(PyDict_SetDefault(A, B, C))); }
DO(dict_update) { give_status(answer, PyDict_Update(A, B)); }

DO(dict_clear)
{
	PyDict_Clear(A);
	give_number(answer, 0);
}

// 1 with the value, 0 absent.
static void give_found(struct answer *answer, PyObject *value)
{
	if (!value && PyErr_Occurred()) {
		fail(answer);
		return;
	}
	give_number(answer, value != NULL);
	answer->made[0] = value;
}

DO(dict_get) { give_found(answer, Py_XNewRef(PyDict_GetItemWithError(A, B))); }

static bool is_hashable(PyObject *object, struct answer *answer)
{
	if (PyObject_Hash(object) != -1) return true;
	fail(answer);
	return false;
}

// An empty dict does not look at the key.
DO(dict_pop)
{
	if (!is_hashable(B, answer)) return;
	PyObject *absent = PyList_New(0), *value = METHOD(A, "pop", "(OO)", B, absent);
	if (value == absent) Py_CLEAR(value);
	Py_DECREF(absent);
	give_found(answer, value);
}

DO(dict_popitem)
{
	PyObject *entry = PyDict_GET_SIZE(A) ? METHOD(A, "popitem", NULL) : NULL;
	give_found(answer, entry);
	if (!entry) return;
	answer->made[0] = Py_NewRef(PyTuple_GET_ITEM(entry, 0));
	answer->made[1] = Py_NewRef(PyTuple_GET_ITEM(entry, 1));
	Py_DECREF(entry);
}

static void set_sum(const struct call *call, struct answer *answer, PyObject *sum)
{
	if (!sum) {
		fail(answer);
	} else if (is_too_large(sum)) {
		fail_as(answer, OVERFLOW_FAULT);
	} else {
		give_status(answer, PyDict_SetItem(A, B, sum));
		answer->number = PyLong_AsLongLong(sum);
	}
}

// A value that is not an int is a type error, a bool, too.
DO(dict_add)
{
	PyObject *value = PyDict_GetItemWithError(A, B), *number, *sum;
	if (PyErr_Occurred()) {
		fail(answer);
	} else if (value && !PyLong_CheckExact(value)) {
		fail_as(answer, TYPE_FAULT);
	} else {
		number = PyLong_FromLongLong(call->number[0]);
		sum = number && value ? PyNumber_Add(value, number) : Py_XNewRef(number);
		set_sum(call, answer, sum);
		Py_XDECREF(number);
		Py_XDECREF(sum);
	}
}

DO(dict_walk)
{
	PyObject *list = PyList_New(0), *key, *value;
	Py_ssize_t position = 0;
	while (PyDict_Next(A, &position, &key, &value)) {
		PyList_Append(list, key);
		PyList_Append(list, value);
	}
	give(answer, list);
	give_number(answer, 0);
}

// ---- set, frozenset ----

DO(set_size) { size(call, answer); }
DO(set_copy) { give(answer, METHOD(A, "copy", NULL)); }
DO(set_walk) { give_number(answer, 0), answer->made[0] = PySet_New(A); }
DO(set_is_subset) { give_truth(answer, METHOD(A, "issubset", "(O)", B)); }
DO(set_is_disjoint) { give_truth(answer, METHOD(A, "isdisjoint", "(O)", B)); }
DO(set_update) { give_done(answer, METHOD(A, "update", "(O)", B)); }
DO(set_subtract_update) { give_done(answer, METHOD(A, "difference_update", "(O)", B)); }
DO(set_toggle_update) { give_done(answer, METHOD(A, "symmetric_difference_update", "(O)", B)); }
DO(set_clear) { give_status(answer, PySet_Clear(A)); }
DO(set_union) { give(answer, METHOD(A, "union", "(O)", B)); }
DO(set_difference) { give(answer, METHOD(A, "difference", "(O)", B)); }
DO(set_symmetric_difference) { give(answer, METHOD(A, "symmetric_difference", "(O)", B)); }

// Python takes a set for an equal frozenset when it looks an element up; here it is what it is, not hashable.
DO(set_contains)
{
	if (is_hashable(B, answer)) contains(call, answer);
}

DO(set_discard)
{
	if (is_hashable(B, answer)) give_status(answer, PySet_Discard(A, B));
}

// Python stops looking once it has found all: it may not notice what is not hashable.
DO(set_intersection)
{
	PyObject *others = PySet_New(B);
	give(answer, others ? METHOD(A, "intersection", "(O)", B) : NULL);
	Py_XDECREF(others);
}

// Of equal elements Python's in-place intersection keeps now these, now those, Tally's the ones that were there.
DO(set_intersect_update)
{
	PyObject *others = METHOD(A, "difference", "(O)", B);
	give_done(answer, others ? METHOD(A, "difference_update", "(O)", others) : NULL);
	Py_XDECREF(others);
}

DO(set_add)
{
	Py_ssize_t before = PySet_GET_SIZE(A);
	int status = PySet_Add(A, B);
	give_status(answer, status < 0 ? -1 : PySet_GET_SIZE(A) - before);
}

DO(set_drain)
{
	PyObject *drained = PySet_New(NULL);
	int64_t count = 0;
	for (PyObject *element; PySet_GET_SIZE(A) > 0 && (element = PySet_Pop(A)); count++) {
		PySet_Add(drained, element);
		Py_DECREF(element);
	}
	give(answer, drained);
	give_number(answer, count);
}

// ---- any object ----

static int compare_as(PyObject *a, PyObject *b, int relation)
{
	PyObject *result = PyObject_RichCompare(a, b, relation);
	int truth = result ? PyObject_IsTrue(result) : -1;
	Py_XDECREF(result);
	return truth;
}

DO(equal) { give_status(answer, compare_as(A, B, Py_EQ)); }
DO(compare) { give_status(answer, compare_as(A, B, (int)I)); }
DO(compare_numbers) { compare(call, answer); }
DO(compare_strs) { compare(call, answer); }
DO(compare_tuples) { compare(call, answer); }
DO(compare_lists) { compare(call, answer); }
DO(compare_dicts) { compare(call, answer); }
DO(compare_sets) { compare(call, answer); }
DO(len) { size(call, answer); }
DO(truth) { give_status(answer, PyObject_IsTrue(A)); }
DO(is_type) { give_number(answer, Py_TYPE(A) == Py_TYPE(B)); }

DO(hash)
{
	if (is_hashable(A, answer)) give_number(answer, PyObject_Hash(A) == PyObject_Hash(A));
}

DO(hash_alike)
{
	if (!is_hashable(A, answer) || !is_hashable(B, answer)) return;
	int status = compare_as(A, B, Py_EQ);
	give_status(answer, status == 1 && PyObject_Hash(A) != PyObject_Hash(B) ? 2 : status);
}

DO(hash_alike_numbers) { hash_alike(call, answer); }
DO(hash_alike_tuples) { hash_alike(call, answer); }
DO(hash_alike_sets) { hash_alike(call, answer); }

static void give_text(struct answer *answer, PyObject *text, PyObject *object)
{
	if (!text || !has_unordered(object)) {
		give(answer, text);
		return;
	}
	give_number(answer, sum_of_text(text));
	Py_DECREF(text);
}

DO(repr) { give_text(answer, PyObject_Repr(A), A); }
DO(str_of) { give_text(answer, PyObject_Str(A), A); }

DO(is)
{
	bool changes = PyList_Check(A) || PyDict_Check(A) || PySet_CheckExact(A);
	give_number(answer, changes && A == B);
}

static void give_all(struct answer *answer, PyObject *iterator)
{
	PyObject *list = iterator ? PySequence_List(iterator) : NULL;
	give(answer, list);
	if (list) give_number(answer, 0);
	Py_XDECREF(iterator);
}

DO(iterate) { give_all(answer, PyObject_GetIter(A)); }
DO(iterate_reversed) { give_all(answer, PyObject_CallOneArg((PyObject *)&PyReversed_Type, A)); }

DO(iterate_some)
{
	PyObject *iterator = PyObject_GetIter(A);
	for (int64_t left = I & 7; left > 0 && iterator; left--) Py_XDECREF(PyIter_Next(iterator));
	give_status(answer, iterator ? PyObject_LengthHint(iterator, 0) : -1);
	Py_XDECREF(iterator);
}

static void change(PyObject *list, int64_t how)
{
	switch (how & 3) {
	case 0: PyList_Append(list, Py_None); break;
	case 1: PyList_Insert(list, 0, Py_None); break;
	case 2: PyList_SetSlice(list, 0, PY_SSIZE_T_MAX, NULL); break;
	default: PyList_SetSlice(list, 0, 1, NULL);
	}
}

DO(iterate_changing)
{
	if (!PyList_Check(A)) {
		fail_as(answer, TYPE_FAULT);
		return;
	}
	PyObject *iterator = K ? PyObject_CallOneArg((PyObject *)&PyReversed_Type, A) : PyObject_GetIter(A);
	PyObject *list = PyList_New(0), *element;
	Py_ssize_t hint = 0;
	int64_t left = I & 7;
	while ((element = PyIter_Next(iterator))) {
		PyList_Append(list, element);
		Py_DECREF(element);
		if (left-- > 0) continue;
		if (left == -1) change(A, J);
		if (left == -1) hint = PyObject_LengthHint(iterator, 0);
	}
	give(answer, list);
	give_number(answer, hint);
	Py_DECREF(iterator);
}

// ---- nesting ----

static PyObject *nest(bool in_tuples, int levels)
{
	PyObject *inner = Py_NewRef(Py_None);
	for (int i = 0; i < levels; i++) {
		PyObject *outer = in_tuples ? PyTuple_New(1) : PyList_New(1);
		if (in_tuples) PyTuple_SET_ITEM(outer, 0, inner);
		else PyList_SET_ITEM(outer, 0, inner);
		inner = outer;
	}
	return inner;
}

// Python's hash knows no limit, and since 3.12 the others have a larger one.
static bool is_too_deep(bool in_tuples, bool is_deep, int64_t what)
{
	return is_deep && (what == 2 ? in_tuples : PY_VERSION_HEX >= 0x030c0000);
}

DO(tower)
{
	if (is_too_deep(I, J, K & 3)) {
		fail_as(answer, DEPTH_FAULT);
		return;
	}
	PyObject *a = nest(I, J ? 3000 : 300), *b = nest(I, J ? 3000 : 300), *text;
	switch (K & 3) {
	case 0: give_status(answer, compare_as(a, b, Py_EQ)); break;
	case 1: give_status(answer, compare_as(a, b, Py_LT)); break;
	case 2:
		if (is_hashable(a, answer)) give_number(answer, 0);
		break;
	default:
		text = PyObject_Repr(a);
		give_status(answer, text ? PyObject_Size(text) : -1);
		Py_XDECREF(text);
	}
	Py_DECREF(a);
	Py_DECREF(b);
}

static PyObject *make_ring(int64_t lists)
{
	PyObject *first = PyList_New(0), *dict = PyDict_New(), *inner = Py_NewRef(first);
	for (int64_t i = 0; i < lists; i++) {
		PyObject *outer = PyList_New(1);
		PyList_SET_ITEM(outer, 0, inner);
		inner = outer;
	}
	PyDict_SetItem(dict, Py_None, inner);
	PyList_Append(first, dict);
	Py_DECREF(dict);
	Py_DECREF(inner);
	return first;
}

DO(ring)
{
	PyObject *a = make_ring(I & 3), *b = make_ring(I & 3);
	switch (J & 3) {
	case 0: give_status(answer, compare_as(a, b, Py_EQ)); break;
	case 1: give_status(answer, compare_as(a, b, Py_LT)); break;
	case 2: give_status(answer, compare_as(a, a, Py_EQ)); break;
	default: give(answer, PyObject_Repr(a));
	}
	Py_DECREF(a);
	Py_DECREF(b);
}

// ---- types first ----

static const engine_function functions[OPERATIONS] = {
#define OPERATION(name, arguments, weight) name,
#include "differential_operations.h"
#undef OPERATION
};

static bool is_of_type(char letter, enum kind kind)
{
	switch (letter) {
	case 'n': return kind == BOOL || kind == INT || kind == FLOAT;
	case 'u': return kind == STR;
	case 'b': return kind == BYTES;
	case 't': return kind == TUPLE;
	case 'l':
	case 'o': return kind == LIST;
	case 'd': return kind == DICT;
	case 's': return kind == SET;
	case 'z': return kind == FROZENSET;
	case 'f': return kind == SET || kind == FROZENSET;
	default: return true;
	}
}

// From `equal` on the operations take anything, whatever they mostly get.
static void check_types_first(enum operation operation, const struct call *call, struct answer *answer)
{
	size_t objects = 0;
	for (const char *letter = operation_arguments[operation]; *letter && operation < equal_operation; letter++) {
		if (!strchr("nubtldszfvmhiqo", *letter)) continue;
		if (!is_of_type(*letter, engine_kind(call->object[objects++]))) {
			fail_as(answer, TYPE_FAULT);
			return;
		}
	}
	functions[operation](call, answer);
}

#define OPERATION(name, arguments, weight)                                                                             \
	static void checked_##name(const struct call *call, struct answer *answer)                                     \
	{                                                                                                              \
		check_types_first(name##_operation, call, answer);                                                     \
	}
#include "differential_operations.h"
#undef OPERATION

const engine_function engine_functions[OPERATIONS] = {
#define OPERATION(name, arguments, weight) checked_##name,
#include "differential_operations.h"
#undef OPERATION
};
