// core/object.h: making objects, and what happens to them at the end.
//
// The life of an object: tally_object_new gives a block of its class and layout a header with one reference; the
// variant counts; whoever takes the last reference calls tally_object_die (core/death.c), which runs the type's
// `destroy` now or, when one is running already or a critical section is open, as soon as that has ended.
#ifndef TALLY_CORE_OBJECT_H
#define TALLY_CORE_OBJECT_H

#include "heap.h"
#include "thread.h"
#include "type.h"
#include "variant.h"

// Gives a block its header, with one reference.
static inline struct tally_object *tally_object_init(void *block, unsigned type)
{
	struct tally_object *object = block;
	object->next = NULL; // clears lock, gc and flags with the link
	object->type = (uint16_t)type;
	variant_count_init(object);
	return object;
}

// A new object of `size` bytes, header included, with one reference, which the caller owns. The payload is whatever the
// block held before: fill every field before the next call that allocates. NULL: no memory; no error is set. Leaf code
// (but for the host's memory hook): may be called with an object locked.
static inline struct tally_object *tally_object_try_new(unsigned type, size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new_quick(tally_self.heap, size, layout);
	if (tally_unlikely(!block) && !(block = tally_heap_new_anyhow(size, layout))) return NULL;
	return tally_object_init(block, type);
}

// The same for constructors: when memory is short it first stops the world and takes back what the heaps of all threads
// do not use. Nothing is half made and nothing locked.
static inline struct tally_object *tally_object_new(unsigned type, size_t size, enum tally_layout layout)
{
	void *block = tally_heap_new_quick(tally_self.heap, size, layout);
	if (tally_unlikely(!block) && !(block = tally_heap_new_patiently(size, layout))) return NULL;
	return tally_object_init(block, type);
}

// A public constructor's first try, its run point included: an object, or NULL, and the constructor goes the usual way, from
// its entry on, in a function of its own, which is not inlined. Then this one needs no stack frame and saves no registers.
static inline void *tally_object_new_quick(unsigned type, size_t size, enum tally_layout layout)
{
	if (tally_unlikely(!tally_is_undisturbed())) return NULL;
	void *block = tally_heap_new_quick(tally_self.heap, size, layout);
	return tally_likely(block != NULL) ? tally_object_init(block, type) : NULL;
}

// Steals the last reference to `object`: its count has reached zero and nobody else can reach it. Destroys it now
// unless a destructor or a critical section of this thread is in progress. Needs no memory; never recurses.
void tally_object_die(struct tally_object *object);

// The same without destroying: puts it on the thread's list of the dying. The caller will call tally_bury.
void tally_object_doom(struct tally_object *object);

// Marks the object as finalized and runs its type's finalizer, on an object that is whole and to which the caller has a
// reference. User code.
void tally_object_finalize(struct tally_object *object);

// Bytes of its block and of the buffers that belong to it alone.
size_t tally_object_bytes(struct tally_object *object);

// Takes the dying off the thread's list, for as long as the caller wants them to wait; and puts them back.
struct tally_object *tally_dying_put_off(void);
void tally_dying_put_back(struct tally_object *dead);

// Destroys the dying, until none is left; nothing while a destructor or a section is in progress. Runs user code.
void tally_bury(void);

// Between the two, what dies waits, and what was given up last is then destroyed first: a container that gives up its
// elements from the last to the first sees them destroyed from the first to the last, wherever it does so.
static inline bool tally_bury_later(void)
{
	bool outer = tally_self.burying;
	tally_self.burying = true;
	return outer;
}
static inline void tally_bury_again(bool outer)
{
	tally_self.burying = outer;
	tally_bury();
}

// Gives back a reference that a reader has taken by mistake (core/reader.h). Reading runs no destructors: who dies of it waits for the
// next run point.
static inline void tally_unpin(struct tally_object *object)
{
	bool outer = tally_bury_later();
	variant_decref(object);
	tally_self.burying = outer;
}

// tally_call for use within the library: no point. Runs user code; the caller has a reference to `callable` and to each argument.
struct tally_object *tally_object_call(struct tally_object *callable, struct tally_object *const *arguments, size_t count);
// The same with `self` in front of the arguments; needs no memory for up to 15 of them.
struct tally_object *tally_object_call_method(struct tally_object *callable, struct tally_object *self,
                                              struct tally_object *const *arguments, size_t count);

#endif
