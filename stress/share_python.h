// stress/share_python.h: what the rows on CPython have in common (stress/share_python.c, stress/weak_python.c): the place, the
// checks of results, and what lets the lock change hands.
//
// stress/share_python_engine.c has the life of the runtime. Built where pkg-config knows python3-embed.
#ifndef TALLY_STRESS_SHARE_PYTHON_H
#define TALLY_STRESS_SHARE_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "share.h"

struct place {
	PyObject *items[ITEMS];
	PyObject *keys[ITEMS];
	PyObject *lookups[ITEMS];
	PyObject *object;
	PyObject *type;
	PyObject *ref, *callback; // of the rows on weak references
};

static inline PyObject *need(PyObject *object)
{
	if (object) return object;
	PyErr_Print();
	fail("a call of CPython's");
}

static inline void check(int result)
{
	if (result >= 0) return;
	PyErr_Print();
	fail("a call of CPython's");
}

static inline void give_up(PyObject **objects, size_t count)
{
	while (count > 0)
		Py_DECREF(objects[--count]);
}

// A new reference to what the statements give that name.
PyObject *evaluate(const char *statements, const char *name);
PyObject *make_text(size_t i); // of key number i
void hand_over_if_asked(void);

#endif
