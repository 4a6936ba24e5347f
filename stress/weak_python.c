// stress/weak_python.c: the benchmark of weak references on CPython's. See stress/share.c.
//
// Each loop stands beside one of the same name in stress/weak_tally.c and leaves behind what that one leaves: a new reference
// where Tally's call gives one. docs/weak.md lists the calls. Each thread lets the lock change hands between two looks at the
// clock, as in stress/share_python.c.
#include "share_python.h"

static size_t called; // how often the callback has been; under the lock

// ---- what the rows work on ----

static PyObject *note_call(PyObject *self, PyObject *ref)
{
	(void)self, (void)ref;
	called++;
	Py_RETURN_NONE;
}

static PyMethodDef callback_method = {"note_call", note_call, METH_O, NULL};

static void make_class_and_callback(struct place *place)
{
	place->type = evaluate("class Slot: __slots__ = ('a', '__weakref__')\n", "Slot");
	place->callback = need(PyCFunction_New(&callback_method, NULL));
}

static void drop_class_and_callback(struct place *place)
{
	Py_DECREF(place->callback);
	Py_DECREF(place->type);
}

static inline PyObject *make_object(const struct place *place) { return need(PyObject_CallNoArgs(place->type)); }

static void make_one(struct place *place)
{
	make_class_and_callback(place);
	place->object = make_object(place);
}

static void drop_one(struct place *place)
{
	Py_XDECREF(place->object);
	drop_class_and_callback(place);
}

static void make_one_and_ref(struct place *place)
{
	make_one(place);
	place->ref = need(PyWeakref_NewRef(place->object, NULL));
}

static void drop_one_and_ref(struct place *place)
{
	Py_DECREF(place->ref);
	drop_one(place);
}

static void make_dead(struct place *place)
{
	make_one_and_ref(place);
	Py_CLEAR(place->object);
}

static void make_many(struct place *place)
{
	make_class_and_callback(place);
	for (size_t i = 0; i < ITEMS; i++) {
		place->items[i] = make_object(place);
		place->keys[i] = need(PyWeakref_NewRef(place->items[i], NULL));
	}
}

static void drop_many(struct place *place)
{
	give_up(place->keys, ITEMS);
	give_up(place->items, ITEMS);
	drop_class_and_callback(place);
}

static PyObject *make_weak_dict(void)
{
	PyObject *type = evaluate("from weakref import WeakValueDictionary\n", "WeakValueDictionary");
	PyObject *dict = need(PyObject_CallNoArgs(type));
	Py_DECREF(type);
	return dict;
}

static void make_values(struct place *place)
{
	make_class_and_callback(place);
	for (size_t i = 0; i < ITEMS; i++)
		place->keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++)
		place->lookups[i] = make_text(shuffled(i));
	place->object = make_weak_dict();
	for (size_t i = 0; i < ITEMS; i++) {
		place->items[i] = make_object(place);
		check(PyObject_SetItem(place->object, place->keys[i], place->items[i]));
	}
}

static void drop_values(struct place *place)
{
	Py_DECREF(place->object);
	give_up(place->items, ITEMS);
	give_up(place->lookups, ITEMS);
	give_up(place->keys, ITEMS);
	drop_class_and_callback(place);
}

// ---- making and dropping ----

static void object(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++)
		Py_DECREF(make_object(lane->place));
}

static void object_ref(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++) {
		PyObject *made = make_object(lane->place);
		Py_DECREF(need(PyWeakref_NewRef(made, NULL)));
		Py_DECREF(made);
	}
}

static void object_callback(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	size_t before = called;
	for (size_t i = 0; i < operations; i++) {
		PyObject *made = make_object(lane->place), *ref = need(PyWeakref_NewRef(made, lane->place->callback));
		Py_DECREF(made);
		Py_DECREF(ref);
	}
	if (called - before < operations) fail("not every callback has been called");
}

static void ref(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++)
		Py_DECREF(need(PyWeakref_NewRef(lane->place->object, NULL)));
}

static void ref_callback(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++)
		Py_DECREF(need(PyWeakref_NewRef(lane->place->object, lane->place->callback)));
}

// ---- upgrading ----

// Without the lock a borrowed object may be gone before it is counted.
static inline PyObject *upgraded(PyObject *ref)
{
	PyObject *found;
#if PY_VERSION_HEX >= 0x030D0000
	check(PyWeakref_GetRef(ref, &found));
#else
	found = need(PyWeakref_GetObject(ref));
	found = found == Py_None ? NULL : Py_NewRef(found);
#endif
	return found;
}

static inline void upgrade(PyObject *ref)
{
	PyObject *found = upgraded(ref);
	if (!found) fail("a live object is not found");
	Py_DECREF(found);
}

static void get(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++)
		upgrade(lane->place->ref);
}

static void get_dead(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++) {
		if (upgraded(lane->place->ref)) fail("a dead object is found");
	}
}

static void get_many(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) upgrade(lane->place->keys[i]);
}

static void get_own(const struct lane *lane, size_t operations)
{
	size_t own = ITEMS / lane->count, first = lane->index * own;
	hand_over_if_asked();
	for (size_t i = 0; i < operations; i++)
		upgrade(lane->place->keys[first + i % own]);
}

static void value_get(const struct lane *lane, size_t operations)
{
	hand_over_if_asked();
	EACH_OPERATION(lane, i) Py_DECREF(need(PyObject_GetItem(lane->place->object, lane->place->lookups[i])));
}

static const struct row all_rows[] = {
	{"object", PRIVATE, make_class_and_callback, object, drop_class_and_callback},
	{"object-ref", PRIVATE, make_class_and_callback, object_ref, drop_class_and_callback},
	{"object-callback", PRIVATE, make_class_and_callback, object_callback, drop_class_and_callback},
	{"ref", PRIVATE, make_one, ref, drop_one},
	{"ref-callback", PRIVATE, make_one, ref_callback, drop_one},
	{"get", PRIVATE, make_one_and_ref, get, drop_one_and_ref},
	{"get-many", PRIVATE, make_many, get_many, drop_many},
	{"get-dead", PRIVATE, make_dead, get_dead, drop_one_and_ref},
	{"value-get", PRIVATE, make_values, value_get, drop_values},
	{"shared-get", SHARED, make_one_and_ref, get, drop_one_and_ref},
	{"shared-get-many", SHARED, make_many, get_many, drop_many},
	{"shared-get-own", SHARED, make_many, get_own, drop_many},
	{"shared-ref", SHARED, make_one, ref, drop_one},
	{"shared-ref-callback", SHARED, make_one, ref_callback, drop_one},
	{"shared-value-get", SHARED, make_values, value_get, drop_values},
};

const struct row *side_row(size_t i) { return i < sizeof all_rows / sizeof all_rows[0] ? &all_rows[i] : NULL; }
