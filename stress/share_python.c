// stress/share_python.c: the benchmark of sharing on CPython's objects. See stress/share.c.
//
// Each loop stands beside one of the same name in stress/share_shared.c and leaves behind what that one leaves. A thread that
// only calls the C API never hands the lock over; so each calls, between two looks at the clock, an empty function of
// Python's, which does so when it is asked to, as any program in Python does.
#include "share_python.h"

static PyObject *one;

// ---- what the rows work on ----

static void make_items(struct place *to)
{
	for (size_t i = 0; i < ITEMS; i++)
		to->items[i] = need(PyFloat_FromDouble((double)i));
}

static void make_ready_items(struct place *to)
{
	one = need(PyLong_FromLong(1)); // one of those that are kept ready-made
	for (size_t i = 0; i < ITEMS; i++)
		to->items[i] = need(PyLong_FromSize_t(i % 100));
}

static void make_keys(struct place *to)
{
	for (size_t i = 0; i < ITEMS; i++)
		to->keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++)
		to->lookups[i] = make_text(shuffled(i));
}

static void make_list(struct place *to)
{
	to->object = need(PyList_New(ITEMS));
	for (size_t i = 0; i < ITEMS; i++)
		PyList_SET_ITEM(to->object, (Py_ssize_t)i, Py_NewRef(to->items[i]));
}

static void make_dict(struct place *to)
{
	make_keys(to);
	to->object = need(PyDict_New());
	for (size_t i = 0; i < ITEMS; i++)
		check(PyDict_SetItem(to->object, to->keys[i], to->items[i]));
}

static void finish_object(struct place *to)
{
	Py_DECREF(to->object);
	give_up(to->items, ITEMS);
}

static void finish_dict(struct place *to)
{
	give_up(to->lookups, ITEMS);
	give_up(to->keys, ITEMS);
	finish_object(to);
}

// ---- lists ----

static void prepare_list(struct place *to)
{
	make_items(to);
	make_list(to);
}

static void prepare_immortal_list(struct place *to)
{
	make_ready_items(to);
	make_list(to);
}

static void prepare_empty_list(struct place *to)
{
	make_items(to);
	to->object = need(PyList_New(0));
}

// Without the lock a borrowed element may be gone before it is counted.
static inline PyObject *item_of(PyObject *list, size_t i)
{
#if PY_VERSION_HEX >= 0x030D0000
	return need(PyList_GetItemRef(list, (Py_ssize_t)i));
#else
	return Py_NewRef(need(PyList_GetItem(list, (Py_ssize_t)i)));
#endif
}

static void list_get(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) Py_DECREF(item_of(lane->place->object, i));
}

static void list_set(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) // which steals
	check(PyList_SetItem(lane->place->object, (Py_ssize_t)i, Py_NewRef(lane->place->items[ITEMS - 1 - i])));
}

static void list_append(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i)
	{
		check(PyList_Append(lane->place->object, lane->place->items[i]));
		if (i == ITEMS - 1) check(PyList_SetSlice(lane->place->object, 0, PY_SSIZE_T_MAX, NULL));
	}
}

// ---- dicts ----

static void prepare_dict(struct place *to)
{
	make_items(to);
	make_dict(to);
}

static void prepare_immortal_dict(struct place *to)
{
	make_ready_items(to);
	make_dict(to);
}

static inline PyObject *value_of(PyObject *dict, PyObject *key)
{
	PyObject *value = NULL;
#if PY_VERSION_HEX >= 0x030D0000
	if (PyDict_GetItemRef(dict, key, &value) != 1) fail("a key is not found");
#else
	value = Py_XNewRef(PyDict_GetItemWithError(dict, key));
	if (!value) fail("a key is not found");
#endif
	return value;
}

static void dict_get(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) Py_DECREF(value_of(lane->place->object, lane->place->lookups[i]));
}

static void dict_contains(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) check(PyDict_Contains(lane->place->object, lane->place->lookups[i]));
}

static void dict_mixed(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i)
	{
		if (i % 10 == 9)
			check(PyDict_SetItem(lane->place->object, lane->place->lookups[i], lane->place->items[i]));
		else
			Py_DECREF(value_of(lane->place->object, lane->place->lookups[i]));
	}
}

// Under the lock this is one step for the other threads.
static void add(const struct lane *lane, size_t i)
{
	PyObject *key = lane->place->lookups[i], *value = value_of(lane->place->object, key);
	PyObject *sum = need(PyNumber_Add(value, one));
	check(PyDict_SetItem(lane->place->object, key, sum));
	Py_DECREF(sum);
	Py_DECREF(value);
}

static void dict_add_same(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) add(lane, i);
}

static void dict_add_own(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) add(lane, (i / lane->count * lane->count + lane->index) % ITEMS);
}

// ---- instances ----

static void make_instance(struct place *to)
{
	static const char *const texts[] = {"a", "b", "c"};
	make_items(to);
	to->object = need(PyObject_CallNoArgs(to->type));
	for (size_t i = 0; i < ITEMS; i++)
		to->lookups[i] = need(PyUnicode_InternFromString(texts[i % 3]));
	for (size_t i = 0; i < 3; i++)
		check(PyObject_SetAttr(to->object, to->lookups[i], to->items[i]));
}

static void make_slots_instance(struct place *to)
{
	to->type = evaluate("class Slots: __slots__ = ('a', 'b', 'c')\n", "Slots");
	make_instance(to);
}

static void make_table_instance(struct place *to)
{
	to->type = evaluate("class Table: pass\n", "Table");
	make_instance(to);
}

static void drop_instance(struct place *to)
{
	give_up(to->lookups, ITEMS);
	finish_object(to);
	Py_DECREF(to->type);
}

static void attr_get(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) Py_DECREF(need(PyObject_GetAttr(lane->place->object, lane->place->lookups[i])));
}

// ---- the count of one object ----

static void prepare_plain(struct place *to) { to->object = need(PyFloat_FromDouble(0.5)); }
static void prepare_immortal(struct place *to) { to->object = need(PyLong_FromLong(7)); }
static void drop_object(struct place *to) { Py_DECREF(to->object); }

static void count(const struct lane *lane, size_t operations)
{
	PyObject *volatile *object = &lane->place->object; // or the compiler sees that nothing is done
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++) {
		Py_INCREF(*object);
		Py_DECREF(*object);
	}
}

static const struct row all_rows[] = {
	{"shared-list-get", SHARED, prepare_list, list_get, finish_object},
	{"shared-list-get-in-step", IN_STEP, prepare_list, list_get, finish_object},
	{"shared-list-get-immortal", SHARED, prepare_immortal_list, list_get, finish_object},
	{"shared-list-set", SHARED, prepare_list, list_set, finish_object},
	{"shared-list-append", SHARED, prepare_empty_list, list_append, finish_object},
	{"shared-dict-get", SHARED, prepare_dict, dict_get, finish_dict},
	{"shared-dict-get-in-step", IN_STEP, prepare_dict, dict_get, finish_dict},
	{"shared-dict-get-immortal", SHARED, prepare_immortal_dict, dict_get, finish_dict},
	{"shared-dict-contains", SHARED, prepare_dict, dict_contains, finish_dict},
	{"shared-dict-mixed", SHARED, prepare_dict, dict_mixed, finish_dict},
	{"shared-dict-add-same", SHARED, prepare_immortal_dict, dict_add_same, finish_dict},
	{"shared-dict-add-own", SHARED, prepare_immortal_dict, dict_add_own, finish_dict},
	{"shared-attr-get-slots", SHARED, make_slots_instance, attr_get, drop_instance},
	{"shared-attr-get-table", SHARED, make_table_instance, attr_get, drop_instance},
	{"shared-count", SHARED, prepare_plain, count, drop_object},
	{"shared-count-immortal", SHARED, prepare_immortal, count, drop_object},
};

const struct row *side_row(size_t i) { return i < sizeof all_rows / sizeof all_rows[0] ? &all_rows[i] : NULL; }
