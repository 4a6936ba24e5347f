// tally/class.h: classes made at run time, their instances, and the attributes of both.
//
// An instance has its attributes in a table of its own, or, when its class and all the classes that this one inherits from
// name their slots, in a compact struct without a table. An attribute is a reference under a name, which is a str.
//
// A class is an object. Its instances do not count it; it dies in a full collection that finds neither references to it nor
// instances (docs/classes.md). Reading an attribute of a class takes no lock; changing one stops the world for a moment.
#ifndef TALLY_CLASS_H
#define TALLY_CLASS_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a class offers. Zero in what is not needed; a hook that is NULL is inherited. Hooks are called without any lock held;
// each may use the library, sets the thread's error when it fails, and must return.
typedef struct tally_class_spec {
	size_t size;         // sizeof(tally_class_spec): lets the struct grow
	const char *name;    // copied; 1 to 63 bytes
	tally_object *base;  // the class to inherit from; NULL: none. Only classes made here can be one
	const char *const *slots; // names of the slots that it adds, `slot_count` of them, copied; NULL with slot_count 0
	size_t slot_count;
	bool has_slots;      // its instances have no table (also true when slot_count is not 0): an unknown attribute is an error
	void *context;       // passed to the hooks that this class gives
	void (*release)(void *context); // called when the class has died; NULL: nothing to do

	// Called by tally_call(class, ...) on the new instance, with the arguments. 0; -1: the call fails. A class without one takes
	// no arguments.
	int (*init)(tally_object *self, tally_object *const *arguments, size_t count, void *context);
	// As tally_host_type.finalize: once in an instance's life, before anything of it is given up; it may resurrect it. An error
	// that it leaves goes to the unraisable hook (tally/error.h).
	void (*finalize)(tally_object *self, void *context);
	// 0 with the hash in *hash; -1. A class that gives `equal` without `hash` has instances that are not hashable.
	int (*hash)(tally_object *self, uint64_t *hash, void *context);
	// 1 equal, 0 not, -1 error. `other` may be anything. Asked on the left operand, else on the right one.
	int (*equal)(tally_object *self, tally_object *other, void *context);
	tally_object *(*call)(tally_object *self, tally_object *const *arguments, size_t count, void *context);
	// A new str.
	tally_object *(*repr)(tally_object *self, void *context);
	bool has_weakrefs; // instances can be referred to weakly (tally/weakref.h), for 8 bytes each. Inherited; those with a table always can
} tally_class_spec;

// A new class. NULL with TALLY_ERROR_VALUE (malformed; a slot named twice, or named by a base; more than 1,000 slots;
// more than 100 bases in a row), TALLY_ERROR_TYPE (the base is no class), TALLY_ERROR_OVERFLOW (65,535 types are alive),
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD; `release` is not called then. Run point.
TALLY_API tally_object *tally_class_new(const tally_class_spec *spec);
// Its base, a new reference; NULL without an error when it has none, with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API tally_object *tally_class_base(tally_object *type);
// The name of a class or of any other type, as tally_type_name gives it for its instances; valid as long as the type lives.
// NULL with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API const char *tally_class_name(tally_object *type);

// A new instance without attributes; `init` is not called. NULL with TALLY_ERROR_TYPE (no class, or one that a collection has
// found dead already), TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Run point.
TALLY_API tally_object *tally_instance_new(tally_object *type);

// ---- attributes; `object` is an instance or a class, `name` a str ----
// Every function: -1 or NULL with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.

// 1 with a new reference in *value, 0 absent (*value is NULL). Of an instance: its own attribute, else its class's or that of
// the nearest base that has it; a function found in a class comes as a bound method (-1 with TALLY_ERROR_MEMORY). A slot, set or
// not, hides what the classes have under its name. Of a class: its own or inherited.
TALLY_API int tally_attr_get(tally_object *object, tally_object *name, tally_object **value);
// 0; -1 with TALLY_ERROR_ATTRIBUTE (an instance with slots has no such slot; a class whose instances have a slot of that name),
// TALLY_ERROR_VALUE (`value` is NULL), TALLY_ERROR_MEMORY. Of a class: in the class (TALLY_ERROR_TYPE: it has been collected).
TALLY_API int tally_attr_set(tally_object *object, tally_object *name, tally_object *value);
// Removes an own attribute: 1; 0 there is none; -1, of a class only, with TALLY_ERROR_ATTRIBUTE, TALLY_ERROR_TYPE (as above),
// TALLY_ERROR_MEMORY.
TALLY_API int tally_attr_delete(tally_object *object, tally_object *name);
// Calls a method: what tally_call of the attribute does, without a bound method in between. NULL also with
// TALLY_ERROR_ATTRIBUTE (absent) and what tally_call fails with.
TALLY_API tally_object *tally_attr_call(tally_object *object, tally_object *name, tally_object *const *arguments, size_t count);
// The instance's attributes as a dict, a new reference. It is made when first asked for and then is where they live: both see
// every change. NULL with TALLY_ERROR_TYPE (also: an instance with slots has none), TALLY_ERROR_MEMORY.
TALLY_API tally_object *tally_attr_dict(tally_object *instance);
// A list of the names of the own attributes, in the order of insertion, or of slots. NULL with TALLY_ERROR_MEMORY.
TALLY_API tally_object *tally_attr_names(tally_object *object);

// Attached thread, no point, cannot fail.
TALLY_API bool tally_is_class(const tally_object *object);
TALLY_API bool tally_is_instance(const tally_object *object);

#ifdef __cplusplus
}
#endif

#endif
