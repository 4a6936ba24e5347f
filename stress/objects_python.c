// stress/objects_python.c: the rows of the benchmark of the object model, on CPython's objects through its C API: see
// stress/objects.c.
//
// Each loop stands beside one of the same name in stress/objects_tally.c and leaves behind what that one leaves: new
// references where Tally's calls give them. Where the API has several ways, this takes the one that costs least
// (docs/objects.md lists the choices). The cyclic collector is on, as it is unless asked otherwise. Built where pkg-config
// knows python3-embed.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "objects.h"

static PyObject *items[ITEMS];   // floats, each with a count of its own
static PyObject *keys[ITEMS];    // in the dict
static PyObject *lookups[ITEMS]; // equal to them, in another order
static PyObject *list, *dict;

static PyObject *need(PyObject *object)
{
	if (object) return object;
	PyErr_Print();
	fail("a call of CPython's");
}

static void check(int result)
{
	if (result >= 0) return;
	PyErr_Print();
	fail("a call of CPython's");
}

static void give_up(PyObject **objects, size_t count)
{
	while (count > 0) Py_DECREF(objects[--count]);
}

// ---- the life of the runtime ----

static void start_python(void)
{
	PyConfig config;
	PyConfig_InitIsolatedConfig(&config);
	config.site_import = 0;
	config.use_hash_seed = 1;
	config.hash_seed = HASH_SEED;
	PyStatus status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status)) fail(status.err_msg ? status.err_msg : "Python does not start");
}

void side_start(void)
{
	start_python();
	for (size_t i = 0; i < ITEMS; i++) items[i] = need(PyFloat_FromDouble((double)i));
}

void side_stop(void)
{
	give_up(items, ITEMS);
	if (Py_FinalizeEx()) fail("Python does not end");
}

// ---- allocate and drop ----

static inline PyObject *make_tuple(PyObject *first, PyObject *second)
{
	PyObject *tuple = need(PyTuple_New(2));
	PyTuple_SET_ITEM(tuple, 0, Py_NewRef(first));
	PyTuple_SET_ITEM(tuple, 1, Py_NewRef(second));
	return tuple;
}

static void new_tuple(size_t operations)
{
	for (size_t i = 0; i < operations; i++) Py_DECREF(make_tuple(items[0], items[1]));
}

static void new_list(size_t operations)
{
	for (size_t i = 0; i < operations; i++) Py_DECREF(need(PyList_New(0)));
}

static void new_float(size_t operations)
{
	for (size_t i = 0; i < operations; i++) Py_DECREF(need(PyFloat_FromDouble(0.5)));
}

static void new_dict(size_t operations)
{
	for (size_t i = 0; i < operations; i++) Py_DECREF(need(PyDict_New()));
}

static void new_lists(size_t operations)
{
	PyObject *alive[ITEMS];
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) alive[i] = need(PyList_New(0));
		for (size_t i = 0; i < ITEMS; i++) Py_DECREF(alive[i]);
	}
}

// ---- lists ----

static PyObject *list_of(PyObject **objects, size_t size)
{
	PyObject *made = need(PyList_New((Py_ssize_t)size));
	for (size_t i = 0; i < size; i++) PyList_SET_ITEM(made, (Py_ssize_t)i, Py_NewRef(objects[i]));
	return made;
}

static void clear_list(void) { check(PyList_SetSlice(list, 0, PY_SSIZE_T_MAX, NULL)); }

static void make_empty_list(void) { list = need(PyList_New(0)); }
static void make_list(void) { list = list_of(items, ITEMS); }
static void drop_list(void) { Py_DECREF(list); }

static void list_append(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(PyList_Append(list, items[i]));
		clear_list();
	}
}

static void list_get(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) {
			PyObject *item = need(PyList_GetItem(list, (Py_ssize_t)i)); // borrowed
			Py_INCREF(item);
			Py_DECREF(item);
		}
	}
}

static void list_set(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) // which steals
			check(PyList_SetItem(list, (Py_ssize_t)i, Py_NewRef(items[ITEMS - 1 - i])));
	}
}

// What is appended is a list in place of an array: there is no call that takes an array.
static PyObject *portions[ITEMS / PORTION];

static void make_portions(void)
{
	make_empty_list();
	for (size_t i = 0; i < ITEMS / PORTION; i++) portions[i] = list_of(items + i * PORTION, PORTION);
}

static void drop_portions(void)
{
	give_up(portions, ITEMS / PORTION);
	drop_list();
}

static void list_extend(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS / PORTION; i++)
			check(PyList_SetSlice(list, PyList_GET_SIZE(list), PY_SSIZE_T_MAX, portions[i]));
		clear_list();
	}
}

static void list_build(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i += PORTION) Py_DECREF(list_of(items + i, PORTION));
	}
}

// ---- dicts ----

static PyObject *make_text(size_t i)
{
	char text[KEY_SIZE];
	return need(PyUnicode_FromString(key_text(i, text)));
}

static PyObject *make_int(size_t i) { return need(PyLong_FromSize_t(FIRST_INT + i)); }

static void fill_dict(void)
{
	dict = need(PyDict_New());
	for (size_t i = 0; i < ITEMS; i++) check(PyDict_SetItem(dict, keys[i], items[i]));
}

static void make_equal(void)
{
	for (size_t i = 0; i < ITEMS; i++) keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = make_text(shuffled(i));
	fill_dict();
}

static void make_identical(void)
{
	for (size_t i = 0; i < ITEMS; i++) keys[i] = make_text(i);
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = Py_NewRef(keys[shuffled(i)]);
	fill_dict();
}

static void make_ints(void)
{
	for (size_t i = 0; i < ITEMS; i++) keys[i] = make_int(i);
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = make_int(shuffled(i));
	fill_dict();
}

static void make_empty_dict(void)
{
	make_equal();
	PyDict_Clear(dict);
}

static void drop_dict(void)
{
	Py_DECREF(dict);
	give_up(lookups, ITEMS);
	give_up(keys, ITEMS);
}

static inline void get(PyObject *key)
{
	PyObject *value = PyDict_GetItemWithError(dict, key); // borrowed
	if (!value) fail("a key is not found");
	Py_INCREF(value);
	Py_DECREF(value);
}

static void dict_get(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) get(lookups[i]);
	}
}

static void dict_set(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(PyDict_SetItem(dict, lookups[i], items[i]));
	}
}

static void dict_mixed(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i += 10) {
			for (size_t j = i; j < i + 9; j++) get(lookups[j]);
			check(PyDict_SetItem(dict, lookups[i + 9], items[i]));
		}
	}
}

static void dict_insert(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(PyDict_SetItem(dict, lookups[i], items[i]));
		PyDict_Clear(dict);
	}
}

// ---- instances ----

static PyObject *one_slot, *slots, *table; // classes
static PyObject *instance, *method_name, *name;

static const char classes[] = "class OneSlot: __slots__ = ('a',)\n"
			      "class Slots: __slots__ = ('a', 'b', 'c')\n"
			      "class Table: pass\n";

static PyObject *return_argument(PyObject *self, PyObject *argument) { return (void)self, Py_NewRef(argument); }
static PyMethodDef method = {"method", return_argument, METH_O, NULL};

static void give_method(PyObject *type)
{
	PyObject *descriptor = need(PyDescr_NewMethod((PyTypeObject *)type, &method));
	check(PyObject_SetAttr(type, method_name, descriptor));
	Py_DECREF(descriptor);
}

static PyObject *make_name(const char *text) { return need(PyUnicode_InternFromString(text)); }

static void make_classes(void)
{
	PyObject *space = need(PyModule_GetDict(need(PyImport_AddModule("__main__")))); // borrowed
	Py_DECREF(need(PyRun_String(classes, Py_file_input, space, space)));
	one_slot = Py_NewRef(need(PyDict_GetItemString(space, "OneSlot")));
	slots = Py_NewRef(need(PyDict_GetItemString(space, "Slots")));
	table = Py_NewRef(need(PyDict_GetItemString(space, "Table")));
	name = make_name("a");
	method_name = make_name("method");
	give_method(slots);
	give_method(table);
}

static void drop_classes(void)
{
	PyObject *all[] = {one_slot, slots, table, name, method_name};
	give_up(all, sizeof all / sizeof all[0]);
}

static PyObject *make_one_slot(size_t i)
{
	PyObject *made = PyObject_CallNoArgs(one_slot);
	return (void)i, made;
}

static PyObject *make_with_table(size_t i)
{
	PyObject *made = need(PyObject_CallNoArgs(table));
	check(PyObject_SetAttr(made, name, items[i % ITEMS]));
	return made;
}

static void new_slot(size_t operations)
{
	for (size_t i = 0; i < operations; i++) Py_DECREF(need(PyObject_CallNoArgs(one_slot)));
}

static void new_slot_set(size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		PyObject *made = need(PyObject_CallNoArgs(one_slot));
		check(PyObject_SetAttr(made, name, items[0]));
		Py_DECREF(made);
	}
}

static void new_table(size_t operations)
{
	for (size_t i = 0; i < operations; i++) Py_DECREF(need(PyObject_CallNoArgs(table)));
}

static void new_table_set(size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		PyObject *made = need(PyObject_CallNoArgs(table));
		check(PyObject_SetAttr(made, name, items[0]));
		Py_DECREF(made);
	}
}

// The names of three attributes in turn, and an instance that has them.
static void make_instance(PyObject *type)
{
	static const char *const texts[] = {"a", "b", "c"};
	instance = need(PyObject_CallNoArgs(type));
	for (size_t i = 0; i < ITEMS; i++) lookups[i] = make_name(texts[i % 3]);
	for (size_t i = 0; i < 3; i++) check(PyObject_SetAttr(instance, lookups[i], items[i]));
}

static void make_slots_instance(void)
{
	make_classes();
	make_instance(slots);
}

static void make_table_instance(void)
{
	make_classes();
	make_instance(table);
}

static void drop_instance(void)
{
	give_up(lookups, ITEMS);
	Py_DECREF(instance);
	drop_classes();
}

static void attr_get(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) Py_DECREF(need(PyObject_GetAttr(instance, lookups[i])));
	}
}

static void attr_set(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++) check(PyObject_SetAttr(instance, lookups[i], items[i]));
	}
}

static void attr_call(size_t operations)
{
	for (size_t done = 0; done < operations; done += ITEMS) {
		for (size_t i = 0; i < ITEMS; i++)
			Py_DECREF(need(PyObject_CallMethodOneArg(instance, method_name, items[i])));
	}
}

// ---- bytes ----

// Allocators around CPython's own, which put the size before each block: what is alive is counted, each block as pymalloc
// rounds it, to 16 bytes.
enum { BEFORE = 16, GRAIN = 16 };
static PyMemAllocatorEx inner[2]; // of PYMEM_DOMAIN_MEM and PYMEM_DOMAIN_OBJ
static size_t live_bytes;

static size_t rounded(size_t size) { return (size + GRAIN - 1) / GRAIN * GRAIN; }

static void *note(size_t *block, size_t size)
{
	if (!block) return NULL;
	*block = size;
	live_bytes += rounded(size);
	return (char *)block + BEFORE;
}

static size_t *forget(void *pointer)
{
	size_t *block = (size_t *)(void *)((char *)pointer - BEFORE);
	live_bytes -= rounded(*block);
	return block;
}

static void *count_malloc(void *context, size_t size)
{
	PyMemAllocatorEx *own = context;
	return note(own->malloc(own->ctx, size + BEFORE), size);
}

static void *count_calloc(void *context, size_t count, size_t size)
{
	PyMemAllocatorEx *own = context;
	if (size && count > (PY_SSIZE_T_MAX - BEFORE) / size) return NULL;
	return note(own->calloc(own->ctx, 1, count * size + BEFORE), count * size);
}

static void *count_realloc(void *context, void *pointer, size_t size)
{
	PyMemAllocatorEx *own = context;
	if (!pointer) return count_malloc(context, size);
	size_t *block = forget(pointer), former = *block;
	void *moved = note(own->realloc(own->ctx, block, size + BEFORE), size);
	if (!moved) live_bytes += rounded(former);
	return moved;
}

static void count_free(void *context, void *pointer)
{
	PyMemAllocatorEx *own = context;
	if (pointer) own->free(own->ctx, forget(pointer));
}

static void count_bytes(PyMemAllocatorDomain domain, PyMemAllocatorEx *own)
{
	PyMemAllocatorEx outer = {own, count_malloc, count_calloc, count_realloc, count_free};
	PyMem_GetAllocator(domain, own);
	PyMem_SetAllocator(domain, &outer);
}

static PyObject *make_pair(size_t i) { return make_tuple(items[i % ITEMS], items[0]); }
static PyObject *make_new_list(size_t i) { return (void)i, PyList_New(0); }
static PyObject *make_new_dict(size_t i) { return (void)i, PyDict_New(); }
static PyObject *make_new_set(size_t i) { return (void)i, PySet_New(NULL); }
static PyObject *make_float(size_t i) { return PyFloat_FromDouble((double)i); }
static PyObject *make_str(size_t i) { return PyUnicode_FromFormat("%010zu", i); }

struct kind {
	const char *name;
	PyObject *(*make)(size_t i);
};

static const struct kind kinds[] = {
	{"list", make_new_list},
	{"tuple2", make_pair},
	{"float", make_float},
	{"dict", make_new_dict},
	{"slots1", make_one_slot},
	{"table1", make_with_table},
	{"int", make_int},
	{"str10", make_str},
	{"set", make_new_set},
};

// sys.getsizeof, which counts the collector's header, too.
static double said_of(PyObject *object)
{
	PyObject *size = need(PyObject_CallOneArg(need(PySys_GetObject("getsizeof")), object));
	double said = PyLong_AsDouble(size);
	Py_DECREF(size);
	return said;
}

// As many before those that are counted: they empty the free lists.
static void measure_kind(const struct kind *kind, void (*show)(const char *, double, double))
{
	PyObject *alive[2 * ALIVE];
	for (size_t i = 0; i < ALIVE; i++) alive[i] = need(kind->make(i));
	size_t before = live_bytes;
	for (size_t i = ALIVE; i < 2 * ALIVE; i++) alive[i] = need(kind->make(i));
	double taken = (double)(live_bytes - before) / ALIVE;
	double said = said_of(alive[0]);
	give_up(alive, 2 * ALIVE);
	show(kind->name, said, taken);
}

void side_measure_bytes(void (*show)(const char *kind, double said, double taken))
{
	count_bytes(PYMEM_DOMAIN_MEM, &inner[0]);
	count_bytes(PYMEM_DOMAIN_OBJ, &inner[1]);
	side_start();
	make_classes();
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) measure_kind(&kinds[i], show);
	drop_classes();
	side_stop();
}

// ---- the rows ----

const char *side_name(void) { return "python"; }
const char *side_version(void) { return Py_GetVersion(); }

const struct row rows[] = {
	{"new-tuple", NULL, new_tuple, NULL},
	{"new-list", NULL, new_list, NULL},
	{"new-float", NULL, new_float, NULL},
	{"new-dict", NULL, new_dict, NULL},
	{"new-lists", NULL, new_lists, NULL},
	{"new-slot", make_classes, new_slot, drop_classes},
	{"new-slot-set", make_classes, new_slot_set, drop_classes},
	{"new-table", make_classes, new_table, drop_classes},
	{"new-table-set", make_classes, new_table_set, drop_classes},
	{"list-append", make_empty_list, list_append, drop_list},
	{"list-get", make_list, list_get, drop_list},
	{"list-set", make_list, list_set, drop_list},
	{"list-extend", make_portions, list_extend, drop_portions},
	{"list-build", NULL, list_build, NULL},
	{"dict-get", make_equal, dict_get, drop_dict},
	{"dict-set", make_equal, dict_set, drop_dict},
	{"dict-mixed", make_equal, dict_mixed, drop_dict},
	{"dict-insert", make_empty_dict, dict_insert, drop_dict},
	{"dict-get-same", make_identical, dict_get, drop_dict},
	{"dict-set-same", make_identical, dict_set, drop_dict},
	{"dict-get-int", make_ints, dict_get, drop_dict},
	{"dict-set-int", make_ints, dict_set, drop_dict},
	{"attr-get-table", make_table_instance, attr_get, drop_instance},
	{"attr-set-table", make_table_instance, attr_set, drop_instance},
	{"attr-get-slots", make_slots_instance, attr_get, drop_instance},
	{"attr-set-slots", make_slots_instance, attr_set, drop_instance},
	{"attr-call-table", make_table_instance, attr_call, drop_instance},
	{"attr-call-slots", make_slots_instance, attr_call, drop_instance},
};

const size_t row_count = sizeof rows / sizeof rows[0];
