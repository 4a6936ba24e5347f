// core/type.h: the table of types. An object's header holds a 16-bit index into it.
//
// Types are objects themselves (type index TALLY_TYPE_TYPE), immortal until tally_fini; instances do not count them.
// Built-in types have fixed indexes; host types get the next free one.
//
// I1  tally_types[i] is set before the first object with index i exists and stays until tally_fini.
#ifndef TALLY_CORE_TYPE_H
#define TALLY_CORE_TYPE_H

#include "header.h"
#include <tally/host.h>

enum {
	TALLY_TYPE_FREE = 0, // no object: a free block
	TALLY_TYPE_TYPE,
	TALLY_TYPE_NONE,
	TALLY_TYPE_BOOL,
	TALLY_TYPE_INT,
	TALLY_TYPE_FLOAT,
	TALLY_TYPE_STR,
	TALLY_TYPE_TUPLE,
	TALLY_TYPE_LIST,
	TALLY_TYPE_DICT,
	TALLY_TYPE_HOST, // the first host type
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
	TALLY_LAYOUT_ENTRIES,  // pointer to a table of entries at 24: dict
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

// What a type does; NULL where it does not. `depth` counts the levels of nesting above the call. `hash` and `equal` set
// no error: -1 says that something in the object is not hashable, or that it nests deeper than TALLY_DEPTH_LIMIT.
struct tally_type {
	struct tally_object header;
	char name[64];
	uint16_t index;
	uint8_t layout;
	size_t size; // bytes of an object, header included; 0: varies
	// Gives up what the object refers to and its raw buffers; the block itself is freed by core/death.c. Runs with no
	// lock held; drops of the last references in it do not recurse. Needs no memory, cannot fail.
	void (*destroy)(struct tally_object *object);
	int (*hash)(struct tally_object *object, uint64_t *hash, unsigned depth);
	int (*equal)(struct tally_object *a, struct tally_object *b, unsigned depth); // b has the same type
	int (*length)(struct tally_object *object, size_t *length);
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
        tally_tuple_type, tally_list_type, tally_dict_type;

int tally_types_init(void); // makes the built-in types' objects and the singletons; 0, or -1 with the error set
void tally_types_fini(void);
// Makes a type object at the next free index (copies `description`). NULL with the error set.
struct tally_type *tally_type_add(const struct tally_type *description, const char *operation);

enum { TALLY_DEPTH_LIMIT = 1000 };

extern uint64_t tally_hash_seed; // of the runtime (core/runtime.c); seeds the hash of strings

// Depth-counted forms of tally_hash and tally_equal, for containers: no point, no error set on -1. For the second an
// object always equals itself, even a NaN: that is how containers compare their elements.
int tally_object_hash(struct tally_object *object, uint64_t *hash, unsigned depth);
int tally_object_equal(struct tally_object *a, struct tally_object *b, unsigned depth);
// Sets the error that says why tally_object_hash failed for `object`. Returns -1.
int tally_object_hash_failed(const char *operation, struct tally_object *object);

#endif
