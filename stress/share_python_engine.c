// stress/share_python_engine.c: the benchmarks of sharing and of weak references in CPython, by threads that it did not start: the
// life of the runtime. See stress/share.c.
#include "share_python.h"

static struct place places[MOST_THREADS];
static PyObject *point; // the empty function
static _Thread_local PyGILState_STATE state;
static _Thread_local PyThreadState *paused;

const char *side_name(void) { return "python"; }
const char *side_version(void) { return Py_GetVersion(); }
struct place *side_place(size_t i) { return &places[i]; }

PyObject *evaluate(const char *statements, const char *name)
{
	PyObject *space = need(PyModule_GetDict(need(PyImport_AddModule("__main__")))); // borrowed
	Py_DECREF(need(PyRun_String(statements, Py_file_input, space, space)));
	return Py_NewRef(need(PyDict_GetItemString(space, name)));
}

PyObject *make_text(size_t i)
{
	char text[KEY_SIZE];
	return need(PyUnicode_FromString(key_text(i, text)));
}

void hand_over_if_asked(void) { Py_DECREF(need(PyObject_CallNoArgs(point))); }

void side_start(void)
{
	PyConfig config;
	PyConfig_InitIsolatedConfig(&config);
	config.site_import = 0;
	config.use_hash_seed = 1;
	config.hash_seed = HASH_SEED;
	PyStatus status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status)) fail(status.err_msg ? status.err_msg : "Python does not start");
	point = evaluate("def point(): pass\n", "point");
}

void side_stop(void)
{
	Py_DECREF(point);
	if (Py_FinalizeEx()) fail("Python does not end");
}

void side_enter(void) { state = PyGILState_Ensure(); }
void side_leave(void) { PyGILState_Release(state); }
void side_pause(void) { paused = PyEval_SaveThread(); }
void side_resume(void) { PyEval_RestoreThread(paused); }
