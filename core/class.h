// core/class.h: classes and their instances from the inside. docs/classes.md has the reasons.
//
// A class is a type that was made at run time: an object of layout CLASS with a place in the table of types, which has one
// reference to it. Its attributes stand twice: `own` has those of the class itself and owns them; `all` is the answer to every
// look-up, own and inherited attributes and slots, nearest first. `all` borrows: what it refers to is owned by `own`, or by the
// base, which the class keeps alive.
//
// An instance has its attributes in slots inline (layout SLOTS; its anchor, if it can have one, behind them), or in a table, and slots
// behind it (layout INSTANCE). A table
// starts like a dict, so that it can become one: when the host asks for it the table moves to a dict of its own.
//
// I1  `own`, `all` change in a stopped world only, both at once: who is between the entry and the return of a public call reads
//     them without a lock. (A closed class has no `all`, and nobody looks into `own`.)
// I2  Every class is in the table of types from before its first instance exists until after its last one is freed.
// I3  `all` of a class has, for each name, the slot of that name, else the attribute of the nearest of the class and its bases.
// I4  An instance has `dict` or a table, never both; `dict` is set once and stays until the instance is cleared.
#ifndef TALLY_CORE_CLASS_H
#define TALLY_CORE_CLASS_H

#include "dict.h"
#include "type.h"
#include <tally/class.h>

enum { TALLY_SLOTS_MAX = 1000, TALLY_BASES_MAX = 100 };

// A hook and the context of the class that gave it, inherited together.
struct tally_hooks {
	int (*init)(struct tally_object *self, struct tally_object *const *arguments, size_t count, void *context);
	void (*finalize)(struct tally_object *self, void *context);
	int (*hash)(struct tally_object *self, uint64_t *hash, void *context);
	int (*equal)(struct tally_object *self, struct tally_object *other, void *context);
	struct tally_object *(*call)(struct tally_object *self, struct tally_object *const *arguments, size_t count, void *context);
	struct tally_object *(*repr)(struct tally_object *self, void *context);
	void *init_context, *finalize_context, *hash_context, *equal_context, *call_context, *repr_context;
};

struct tally_class {
	struct tally_type type;
	struct tally_class *base;         // owned; NULL: none, or cleared
	struct tally_table *names;        // of the slots that this class adds, with value NULL; raw buffer
	struct tally_table *own, *all;    // raw buffers; NULL: empty
	struct tally_table *fresh;        // what `all` is about to become; only while the world is stopped
	struct tally_hooks hooks;
	void (*release)(void *context);
	void *context;
	_Atomic uint32_t heirs;           // classes that inherit from it directly; relaxed: read in a stopped world
	uint32_t slots;                   // of an instance, inherited ones first
	bool has_table;                   // instances have a table
	bool has_weakrefs;                // instances can be referred to weakly
	bool is_listed;                   // the table of types has its reference; changed where nobody else looks
	bool is_closed;                   // found dead: no instances, heirs, attributes any more. Written in a stopped world
	bool is_counted;                  // `remaining` is right. The same
	bool is_leaving;                  // tally_class_bury's
	_Atomic uint64_t remaining;       // instances not freed yet
};

struct tally_instance {
	struct tally_dict own;        // header and table, as a dict has them
	struct tally_object *dict;    // owned; NULL: nobody has asked for it
	struct tally_object *anchor;  // core/weakref.h
	struct tally_object *slots[]; // header.aux of them
};

static inline bool tally_object_is_class(const struct tally_object *object)
{
	return object->type == TALLY_TYPE_TYPE && ((const struct tally_type *)object)->is_class;
}

static inline struct tally_class *tally_instance_class(const struct tally_object *instance)
{
	return (struct tally_class *)tally_types[instance->type];
}

static inline bool tally_object_is_instance(const struct tally_object *object) { return tally_types[object->type]->is_class; }

// ---- values of `all`: an attribute, or the number of a slot ----

static inline struct tally_object *tally_slot_entry(uint32_t number) { return (struct tally_object *)((uintptr_t)number << 1 | 1); }
static inline bool tally_entry_is_slot(const struct tally_object *value) { return (uintptr_t)value & 1; }
static inline uint32_t tally_entry_slot(const struct tally_object *value) { return (uint32_t)((uintptr_t)value >> 1); }

// The entry of `name`, a str, or NULL. No point until the caller is done with it.
static inline struct tally_object *tally_class_find(const struct tally_class *type, struct tally_object *name, uint64_t hash)
{
	struct tally_entry *entry = tally_table_find(type->all, name, hash);
	return entry ? entry->value : NULL;
}

// Sets (`value` NULL: removes) an attribute of the class itself. 1; 0: removing, there was none; -1 with the error set. Stops
// the world.
int tally_class_change(struct tally_class *type, struct tally_object *name, uint64_t hash, struct tally_object *value,
                       const char *operation);

// What a class does as an object; the only types that die are classes (core/class.c, core/class_death.c).
void tally_class_destroy(struct tally_object *object);
void tally_class_clear(struct tally_object *object); // after tally_class_close
struct tally_object *tally_class_call(struct tally_object *object, struct tally_object *const *arguments, size_t count);
size_t tally_class_owned(struct tally_object *object);

// ---- the life of instances ----

struct tally_object *tally_instance_make(struct tally_class *type, const char *operation); // attached; no point
// What an instance's type does (core/instance.c).
void tally_instance_describe(struct tally_class *type);
// An instance of a class whose remains are counted is about to be freed: the last one takes the class with it.
void tally_class_lost_one(struct tally_class *type);
static inline bool tally_class_is_base(const struct tally_class *base, const struct tally_class *type)
{
	while (type && type != base) type = type->base;
	return type != NULL;
}

// ---- the collector and classes that die (core/class_death.c); the world is stopped unless they say otherwise ----

// An object that is dying, or that takes no part in the collection, has that type: the next mark begins there, too.
static inline void tally_class_need(uint32_t type)
{
	if (type < TALLY_TYPES && tally_types[type]) tally_store(&tally_types[type]->is_needed, 1, relaxed);
}

// References that do not count when a full collection asks whether the class is in use.
static inline uint32_t tally_class_uncounted(const struct tally_object *object) { return ((const struct tally_class *)object)->is_listed; }

struct tally_candidates;
// Marks the classes that are needed; the mark goes on from them.
void tally_class_mark_needed(struct tally_candidates *set);
// Instances, alive or dying, that are not among the members need their classes.
void tally_class_note_outsiders(struct tally_candidates *set);
// World stopped: the class, which is unreachable with all that inherits from it, is closed. It answers no name any more, since
// `all` borrows what clearing its bases gives up.
void tally_class_close(struct tally_class *type);
// The world goes: takes over the collector's reference to each of these classes, which are closed and cleared. They go now, or with
// the last of their instances.
void tally_class_bury(struct tally_class *const *types, size_t count);

#endif
