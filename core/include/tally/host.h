// tally/host.h: types of the host: objects whose payload is a C struct.
#ifndef TALLY_HOST_H
#define TALLY_HOST_H

#include <tally/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Called by a traverse for each reference; NULL is allowed.
typedef void (*tally_visit_fn)(tally_object *referent, void *visit_context);

// What a host type supports (tally_host_type.flags).
enum {
	TALLY_HOST_WEAKREF = 1,   // its objects can be referred to weakly (tally/weakref.h), for 8 bytes each unless padding has room
	TALLY_HOST_UNTRACKED = 2, // its objects cannot be part of a cycle: the collector leaves them out, even with a traverse
};

// Describes a host type. Zero in what is not needed. The callbacks must return: a thread must not end in one of them.
typedef struct tally_host_type {
	size_t size;         // sizeof(tally_host_type): lets the struct grow
	const char *name;    // copied; 1 to 63 bytes
	size_t payload_size; // bytes; the payload is zeroed, and aligned as `alignment` says
	// Called once when an object dies, on whichever thread dropped its last reference: drop here the references that
	// the payload owns and free what it holds. It may use objects. It must not keep `payload`. The thread's error is
	// saved before and restored after.
	void (*dealloc)(void *payload, void *context);
	void *context; // passed to all of them
	// Calls visit(referent, visit_context) for every reference that the payload owns, each exactly once, and for nothing
	// else. With it the collector examines the type's objects; without it a cycle through them is never freed. Called with
	// the world stopped, perhaps by several threads for different objects: it must only read, and must not use the library.
	// So a payload must own what its fields refer to whenever its thread comes to a point (incref first, then store), and a
	// thread in a blocking region, which runs on meanwhile, must not change such fields.
	void (*traverse)(void *payload, tally_visit_fn visit, void *visit_context, void *context);
	// Breaks cycles: takes the references out of the payload (set the field to NULL, then drop what was there) and leaves
	// it valid, since others may still use the object. Called by the collector on unreachable objects, and when the object
	// dies if there is no dealloc; perhaps more than once. The thread's error is saved and restored.
	void (*clear)(void *payload, void *context);
	// Called once in the object's life, before anything of it is given up: when its last reference goes, or when the
	// collector finds it unreachable; `self` and all that it refers to are intact. It may bring the object back to life by
	// taking a reference. On the thread that dropped or that collects, unless tally/finalizer.h says otherwise. The thread's
	// error is saved before, cleared, and restored after; one that the finalizer leaves goes to the unraisable hook
	// (tally/error.h) and stops nothing.
	void (*finalize)(tally_object *self, void *payload, void *context);
	unsigned flags;   // TALLY_HOST_...
	size_t alignment; // of the payload: a power of two up to 4,096; 0: 16
} tally_host_type;

// A new type; a type object, immortal until tally_fini. NULL with TALLY_ERROR_VALUE (malformed description),
// TALLY_ERROR_OVERFLOW (more than 65,535 types), TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. Stops the world for a moment.
TALLY_API tally_object *tally_host_type_new(const tally_host_type *description);

// A new object of that type, payload zeroed. NULL with TALLY_ERROR_TYPE when `type` is no host type,
// TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD. A run point.
TALLY_API tally_object *tally_host_new(tally_object *type);

// The payload of an object of exactly that type, valid as long as the object lives. The library does not lock it:
// guard it with a critical section over the object. NULL with TALLY_ERROR_TYPE, TALLY_ERROR_THREAD.
TALLY_API void *tally_host_payload(tally_object *object, tally_object *type);

#ifdef __cplusplus
}
#endif

#endif
