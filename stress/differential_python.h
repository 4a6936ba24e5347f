// stress/differential_python.h: what the two halves of the CPython engine share.
#ifndef STRESS_DIFFERENTIAL_PYTHON_H
#define STRESS_DIFFERENTIAL_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "differential.h"

// The key function for a sort of `list`; borrowed; NULL: none.
PyObject *engine_key(enum key key, PyObject *list);

#endif
