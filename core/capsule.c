// core/capsule.c: capsules: a pointer of the host's, with a name that says what it is.
//
// Immutable, and no reference in it: a leaf, which the collector never looks at. So a capsule dies by its count alone,
// in a thread that drops, or after a collection that freed whoever held it, and its destructor runs like any host
// type's: this is how an object that the collector frees by its layout (core/sweep.c) holds what needs more than a
// drop.
//
// I1  The destructor runs once, when the capsule dies, with no object's lock and no latch held; it changes neither
//     the error of the thread nor `errno`.
// Any attached thread.
#include "capsule.h"
#include "callback.h"
#include "hash.h"
#include "object.h"
#include "repr.h"

#include <string.h>
#include <tally/callable.h>

static const size_t NAME_SIZE = 64; // with its end

const char *tally_capsule_name_fault(const char *name)
{
	if (!name || !name[0]) return "it has no name";
	return strlen(name) < NAME_SIZE ? NULL : "its name is over 63 bytes";
}

static size_t size_of(const char *name) { return sizeof(struct tally_capsule) + strlen(name) + 1; }

struct tally_capsule *tally_capsule_make(const char *name)
{
	struct tally_capsule *capsule =
	        (struct tally_capsule *)tally_object_new(TALLY_TYPE_CAPSULE, size_of(name), TALLY_LAYOUT_LEAF);
	if (!capsule) return NULL;
	capsule->pointer = NULL;
	capsule->destroy = NULL;
	strcpy(capsule->name, name);
	return capsule;
}

tally_object *tally_capsule_new(void *pointer, const char *name, void (*destroy)(void *pointer))
{
	if (!tally_enter_new("capsule_new")) return NULL;
	const char *fault = tally_capsule_name_fault(name);
	if (fault) return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "capsule_new", "%s", fault));
	if (!pointer) return tally_error_null(tally_error_raise(TALLY_ERROR_VALUE, "capsule_new", "the pointer is NULL"));
	struct tally_capsule *capsule = tally_capsule_make(name);
	if (!capsule) return tally_error_null(tally_error_memory("capsule_new", size_of(name)));
	capsule->pointer = pointer;
	capsule->destroy = destroy;
	return &capsule->header;
}

void *tally_capsule_pointer(tally_object *object, const char *name)
{
	struct tally_capsule *capsule = (struct tally_capsule *)object;
	if (!tally_enter("capsule_pointer")) return NULL;
	if (!tally_is_capsule(object)) return tally_error_null(tally_error_type("capsule_pointer", "a capsule", object));
	if (name && strcmp(name, capsule->name) == 0) return capsule->pointer;
	tally_error_raise(TALLY_ERROR_VALUE, "capsule_pointer", "the capsule's name is '%s', expected '%s'", capsule->name,
	                  name ? name : "");
	return NULL;
}

bool tally_is_capsule(const tally_object *object) { return object && object->type == TALLY_TYPE_CAPSULE; }

static void destroy(struct tally_object *object)
{
	struct tally_capsule *capsule = (struct tally_capsule *)object;
	if (!capsule->destroy) return;
	struct tally_callback before = tally_callback_begin();
	capsule->destroy(capsule->pointer);
	tally_callback_end(&before);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	return tally_repr_named(text, "capsule", ((struct tally_capsule *)object)->name, object);
}

const struct tally_type tally_capsule_type = {
	.name = "capsule",
	.index = TALLY_TYPE_CAPSULE,
	.layout = TALLY_LAYOUT_LEAF,
	.destroy = destroy,
	.hash = tally_hash_identity,
	.repr = repr,
};
