// core/type.h: the table of types. An object's header holds a 16-bit index into it.
//
// Types are objects themselves (type index TALLY_TYPE_TYPE); instances do not count them. Built-in types have fixed indexes;
// host types and classes get a free one. Built-in and host types are immortal until tally_fini; classes can die (core/class.h),
// and their index is used again.
//
// I1  tally_types[i] is set before the first object with index i exists and stays until the last one's block is free.
#ifndef TALLY_CORE_TYPE_H
#define TALLY_CORE_TYPE_H

#include "header.h"
#include <tally/host.h>
#include <tally/object.h>

struct tally_text;
struct tally_class;

enum {
	TALLY_TYPE_FREE = 0, // no object: a free block
	TALLY_TYPE_TYPE,
	TALLY_TYPE_NONE,
	TALLY_TYPE_BOOL,
	TALLY_TYPE_INT,
	TALLY_TYPE_FLOAT,
	TALLY_TYPE_STR,
	TALLY_TYPE_BYTES,
	TALLY_TYPE_TUPLE,
	TALLY_TYPE_LIST,
	TALLY_TYPE_DICT,
	TALLY_TYPE_SET,
	TALLY_TYPE_FROZENSET,
	TALLY_TYPE_ITERATOR,
	TALLY_TYPE_FUNCTION,
	TALLY_TYPE_METHOD,
	TALLY_TYPE_CELL,
	TALLY_TYPE_CAPSULE,
	TALLY_TYPE_WEAKREF,
	TALLY_TYPE_WEAK_METHOD,
	TALLY_TYPE_FINALIZE,
	TALLY_TYPE_WEAK_VALUE_DICT,
	TALLY_TYPE_WEAK_KEY_DICT,
	TALLY_TYPE_WEAK_SET,
	TALLY_TYPE_HOST, // the first host type or class
	TALLY_TYPES = 65536,
};

// How the collector finds the references of an object (core/trace.h); objects of one layout share pages (core/page.h).
enum tally_layout {
	TALLY_LAYOUT_RAW,      // no object: bytes or arrays that a container owns
	TALLY_LAYOUT_LEAF,     // objects without references, as far as the library knows: none, numbers, strings, types, host
	                       // types without a traverse
	// from here on: what the collector tracks
	TALLY_LAYOUT_POINTERS, // references inline from offset 24, their number at 16: tuple
	TALLY_LAYOUT_ARRAY,    // pointer to references at 24, their number (32 bits) at 16: list
	TALLY_LAYOUT_ENTRIES,  // pointer to a table of entries at 24: dict, set, frozenset
	TALLY_LAYOUT_SLOTS,    // header.aux references, each perhaps NULL, inline from offset 16: instance with slots, function,
	                       // method, cell, iterator
	TALLY_LAYOUT_INSTANCE, // a table of attributes, a dict instead of it, slots: struct tally_instance (core/class.h)
	TALLY_LAYOUT_CLASS,    // struct tally_class
	TALLY_LAYOUT_CALLBACK, // only the type knows: host types with a traverse
	TALLY_LAYOUTS,
};

// The callbacks of a host type (tally/host.h).
struct tally_host_calls {
	void (*dealloc)(void *payload, void *context);
	void (*traverse)(void *payload, tally_visit_fn visit, void *visit_context, void *context);
	void (*clear)(void *payload, void *context);
	void (*finalize)(tally_object *self, void *payload, void *context);
	void *context;
};

static inline bool tally_layout_is_tracked(unsigned layout) { return layout > TALLY_LAYOUT_LEAF; }

// What a type does; NULL where it does not. Functions that can fail return -1 (NULL) with the error set, and name `operation`
// in it, the public function that was called. Those that call others of the kind for what the object contains count the level
// (tally_nest, core/thread.h). None is called with an object's lock held; all but `length` and `owned` may run the host's code.
struct tally_type {
	struct tally_object header;
	char name[64];
	uint16_t index;
	uint8_t layout;
	bool is_class;       // made by tally_class_new: part of a struct tally_class (core/class.h)
	_Atomic uint8_t is_needed; // the collector's: see tally_class_need. Relaxed: set any number of times, read by the one who waits for all
	uint16_t payload;    // host types: where the payload begins
	uint16_t aux;        // classes: what header.aux of an instance is, the number of its slots
	size_t weak; // where its objects have the field of their anchor (core/weakref.h); 0: they cannot be referred to weakly
	struct tally_object *anchor; // the type's own
	size_t size; // bytes of an object, header included; 0: varies
	// Gives up what the object refers to and its raw buffers; the block itself is freed by core/death.c. Runs with no
	// lock held; drops of the last references in it do not recurse. Needs no memory, cannot fail.
	void (*destroy)(struct tally_object *object);
	int (*hash)(struct tally_object *object, uint64_t *hash, const char *operation);
	// 1, 0, -1. `b` has the same type, or another of the same family; with `equal_to_any` it may be anything.
	int (*equal)(struct tally_object *a, struct tally_object *b, const char *operation);
	bool equal_to_any;
	int (*length)(struct tally_object *object, size_t *length); // cannot fail
	// LT, LE, GT, GE: 1, 0, -1; `b` as for `equal`, without the any.
	int (*compare)(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation);
	int (*repr)(struct tally_object *object, struct tally_text *text); // writes; NULL: the type's name and the address
	struct tally_object *(*call)(struct tally_object *object, struct tally_object *const *arguments, size_t count);
	size_t (*owned)(struct tally_object *object); // bytes of the raw buffers that it owns; NULL: none
	// Gives up the references through which a cycle can go and leaves the object usable. NULL: no cycle begins here, or the
	// host has not said how to break it. As for `destroy`: no lock held, cannot fail.
	void (*clear)(struct tally_object *object);
	// Runs the host's finalizer on an object that is whole; it may keep a reference.
	void (*finalize)(struct tally_object *object);
	struct tally_host_calls host; // host types
};

extern struct tally_type *tally_types[TALLY_TYPES];

static inline struct tally_type *tally_type(const struct tally_object *object) { return tally_types[object->type]; }

// The built-in types, one description each, in the file of the type.
extern const struct tally_type tally_none_type, tally_bool_type, tally_int_type, tally_float_type, tally_str_type,
        tally_bytes_type, tally_tuple_type, tally_list_type, tally_dict_type, tally_set_type, tally_frozenset_type,
        tally_iterator_type, tally_function_type, tally_method_type, tally_cell_type, tally_capsule_type, tally_weakref_type,
        tally_weak_method_type, tally_finalize_type, tally_weak_value_dict_type, tally_weak_key_dict_type, tally_weak_set_type;

int tally_types_init(void); // makes the built-in types' objects and the singletons; 0, or -1 with the error set
void tally_types_fini(void);
// Makes a type object at the next free index (copies `description`), which the caller makes immortal. NULL with the error set.
struct tally_type *tally_type_add(const struct tally_type *description, const char *operation);
// Gives a type object a place in the table, and `index`. False: the table is full. Takes it back out: no object has that index
// any more.
bool tally_type_enter(struct tally_type *type);
void tally_type_leave(struct tally_type *type);
int tally_type_table_full(const char *operation); // sets the error; -1
// The name of a type that was seen at that index; NULL: it has died. Any thread; `type` may be the address of what is gone.
const char *tally_type_name_at(unsigned index, const struct tally_type *type);
// World stopped: calls `visit` for every class.
void tally_types_each_class(void (*visit)(struct tally_class *type, void *context), void *context);

extern uint64_t tally_hash_seed; // of the runtime (core/runtime.c); seeds the hash of strings

// tally_hash and tally_equal for use within the library: no point; the error names `operation`. For the second an object
// always equals itself, even a NaN: that is how containers compare their elements.
int tally_object_hash(struct tally_object *object, uint64_t *hash, const char *operation);
int tally_object_equal(struct tally_object *a, struct tally_object *b, const char *operation);
// The same for tally_compare (for EQ and NE an object equals itself) and tally_repr (core/repr.c).
int tally_object_compare(struct tally_object *a, struct tally_object *b, enum tally_comparison comparison, const char *operation);
int tally_object_repr(struct tally_object *object, struct tally_text *text);

// Whether comparing `a`, a key, with other keys runs no code of the host's and looks into no other object: numbers, str, bytes,
// and what equals only itself. (A type that equals anything has is_plain false, and so have tuples.)
bool tally_object_is_plain(const struct tally_object *object);

#endif
