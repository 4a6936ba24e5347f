// stress/differential_python_engine.c: CPython as an engine of the differential test: its life, and what its objects
// are.
//
// One interpreter without site, environment and files of the user, at the prefix for which it was built.
#include "differential_python.h"

#include <stdio.h>
#include <stdlib.h>

const char *engine_name(void) { return "python"; }

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tally-differential-python: %s\n", what);
	if (PyErr_Occurred()) PyErr_Print();
	exit(1);
}

// ---- key functions ----

static struct {
	PyObject *function[KEYS];
	PyObject *list; // that is being sorted
	unsigned calls; // in this sort
} keys;

static PyObject *key_fails(PyObject *object)
{
	if (keys.calls < 3) return Py_NewRef(object);
	PyErr_SetString(PyExc_ValueError, "the key function fails");
	return NULL;
}

static PyObject *key_changes_list(PyObject *object)
{
	if (keys.calls == 1 && PyList_Append(keys.list, object)) return NULL;
	return Py_NewRef(object);
}

static PyObject *key_length(PyObject *object)
{
	Py_ssize_t length = PyObject_Size(object);
	return length < 0 ? NULL : PyLong_FromSsize_t(length);
}

// -2^63 has no negation in 64 bits.
static PyObject *key_negated(PyObject *object)
{
	PyObject *negated = PyNumber_Negative(object);
	if (negated && PyLong_Check(negated) && PyLong_AsLongLong(negated) == -1 && PyErr_Occurred()) Py_CLEAR(negated);
	return negated;
}

static PyObject *call_key(PyObject *self, PyObject *object)
{
	keys.calls++;
	switch ((enum key)PyLong_AsLong(self)) {
	case KEY_NEGATED: return key_negated(object);
	case KEY_LENGTH: return key_length(object);
	case KEY_TEXT: return PyObject_Str(object);
	case KEY_FAILS: return key_fails(object);
	case KEY_CHANGES_LIST: return key_changes_list(object);
	default: return Py_NewRef(object);
	}
}

PyObject *engine_key(enum key key, PyObject *list)
{
	keys.calls = 0;
	keys.list = list;
	return keys.function[key];
}

static void make_key(enum key key)
{
	static PyMethodDef definition = {"key", call_key, METH_O, NULL};
	PyObject *number = PyLong_FromLong(key);
	keys.function[key] = number ? PyCFunction_New(&definition, number) : NULL;
	Py_XDECREF(number);
	if (!keys.function[key]) die("a key function cannot be made");
}

// ---- its life ----

static void start_interpreter(uint64_t seed)
{
	PyConfig config;
	PyConfig_InitIsolatedConfig(&config);
	config.site_import = 0;
	config.use_hash_seed = 1;
	config.hash_seed = (unsigned long)(seed & 0xffffffff);
	PyStatus status = PyConfig_SetBytesString(&config, &config.home, TALLY_PYTHON_HOME);
	if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status)) die(status.err_msg ? status.err_msg : "the interpreter does not start");
}

void engine_start(uint64_t seed, bool plant)
{
	if (plant) die("only the engines of Tally have a fault to plant");
	start_interpreter(seed);
	for (enum key key = KEY_SAME; key < KEYS; key++) make_key(key);
}

bool engine_stop(void)
{
	for (enum key key = KEY_SAME; key < KEYS; key++) Py_CLEAR(keys.function[key]);
	return Py_FinalizeEx() == 0;
}

// ---- what objects are ----

reference engine_keep(reference object) { return Py_NewRef(object); }
void engine_drop(reference object) { Py_XDECREF((PyObject *)object); }
reference engine_none(void) { return Py_None; }

enum kind engine_kind(reference object)
{
	if (object == Py_None) return NONE;
	if (PyBool_Check(object)) return BOOL;
	if (PyLong_CheckExact(object)) return INT;
	if (PyFloat_CheckExact(object)) return FLOAT;
	if (PyUnicode_CheckExact(object)) return STR;
	if (PyBytes_CheckExact(object)) return BYTES;
	if (PyTuple_CheckExact(object)) return TUPLE;
	if (PyList_CheckExact(object)) return LIST;
	if (PyDict_CheckExact(object)) return DICT;
	if (PyFrozenSet_CheckExact(object)) return FROZENSET;
	return PySet_CheckExact(object) ? SET : OTHER;
}

int64_t engine_int(reference object) { return PyLong_AsLongLong(object); }
double engine_float(reference object) { return PyFloat_AS_DOUBLE(object); }

const char *engine_bytes(reference object, size_t *size)
{
	Py_ssize_t length = 0;
	char *data = NULL;
	const char *bytes;
	if (PyUnicode_CheckExact(object)) bytes = PyUnicode_AsUTF8AndSize(object, &length);
	else bytes = PyBytes_AsStringAndSize(object, &data, &length) ? NULL : data;
	if (!bytes) die("the bytes of an object");
	*size = (size_t)length;
	return bytes;
}

static size_t list_entries(PyObject *dict, reference *elements, size_t room)
{
	PyObject *key, *value;
	Py_ssize_t position = 0;
	size_t count = (size_t)PyDict_GET_SIZE(dict) * 2;
	if (count > room) return count;
	for (size_t i = 0; PyDict_Next(dict, &position, &key, &value); i += 2) {
		elements[i] = Py_NewRef(key);
		elements[i + 1] = Py_NewRef(value);
	}
	return count;
}

static size_t list_members(PyObject *set, reference *elements, size_t room)
{
	size_t count = (size_t)PySet_GET_SIZE(set), listed = 0;
	if (count > room) return count;
	PyObject *iterator = PyObject_GetIter(set);
	if (!iterator) die("a set has no iterator");
	while (listed < count && (elements[listed] = PyIter_Next(iterator))) listed++;
	Py_DECREF(iterator);
	if (listed < count) die("a set has fewer elements than it says");
	return count;
}

static size_t list_items(PyObject *sequence, reference *elements, size_t room)
{
	size_t count = (size_t)Py_SIZE(sequence);
	PyObject **items = PyList_CheckExact(sequence) ? ((PyListObject *)sequence)->ob_item
	                                               : ((PyTupleObject *)sequence)->ob_item;
	if (count > room) return count;
	for (size_t i = 0; i < count; i++) elements[i] = Py_NewRef(items[i]);
	return count;
}

size_t engine_elements(reference container, reference *elements, size_t room)
{
	if (PyDict_CheckExact(container)) return list_entries(container, elements, room);
	if (PyAnySet_Check(container)) return list_members(container, elements, room);
	return list_items(container, elements, room);
}
