// core/host.c: types of the host: an object whose payload is a C struct, zeroed, after the header.
//
// The library knows nothing of the payload: the host guards it, and its dealloc gives up what it refers to. The payload
// is aligned at 16 because the header has sixteen bytes and the size of every host object is a multiple of sixteen.
//
// I1  dealloc (without one: clear) runs once for each object that dies, with no object's lock and no latch held, and sees the
//     payload as the host left it.
// I2  No callback changes the error of the thread, or the `errno`, that the dropping code may be about to report.
// Any attached thread.
#include "error.h"
#include "hash.h"
#include "object.h"

#include <tally/host.h>

#include <errno.h>
#include <string.h>

static const size_t ALIGNMENT = 16, SIZE_LIMIT = PTRDIFF_MAX / 2;
static const size_t NAME_SIZE = sizeof((struct tally_type *)0)->name;

static void *payload_of(struct tally_object *object) { return object + 1; }

// What a callback must not disturb.
struct before {
	struct tally_error_saved error;
	int number;
};

static struct before save(void)
{
	struct before before = {.number = errno};
	tally_error_save(&before.error);
	return before;
}

static void restore(const struct before *before)
{
	tally_error_restore(&before->error);
	errno = before->number;
}

static void clear(struct tally_object *object)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	struct before before = save();
	host->clear(payload_of(object), host->context);
	restore(&before);
}

static void destroy(struct tally_object *object)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	struct before before = save();
	host->dealloc(payload_of(object), host->context);
	restore(&before);
}

static void finalize(struct tally_object *object)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	struct before before = save();
	host->finalize(object, payload_of(object), host->context);
	restore(&before);
}

// ---- types ----

static int malformed(const char *what)
{
	return tally_error_raise(TALLY_ERROR_VALUE, "host_type_new", "malformed description: %s", what);
}

// Copies what the host knows of a description; fields added since are zero. 0, or -1 with the error set.
static int read_description(const tally_host_type *given, tally_host_type *description)
{
	*description = (tally_host_type){.size = sizeof *description};
	if (!given) return malformed("it is NULL");
	if (given->size < sizeof given->size || given->size > sizeof *description)
		return malformed("its size is not sizeof(tally_host_type)");
	memcpy(description, given, given->size);
	if (!description->name || !description->name[0]) return malformed("it has no name");
	if (strlen(description->name) >= NAME_SIZE) return malformed("its name is over 63 bytes");
	if (description->payload_size > SIZE_LIMIT) return malformed("its payload is too large");
	return 0;
}

// At least one unit of payload: no object is smaller than 24 bytes (TALLY_BIT_WORDS).
static size_t object_size(size_t payload)
{
	size_t units = payload ? (payload + ALIGNMENT - 1) / ALIGNMENT : 1;
	return sizeof(struct tally_object) + units * ALIGNMENT;
}

tally_object *tally_host_type_new(const tally_host_type *given)
{
	tally_host_type description;
	if (!tally_enter("host_type_new")) return NULL;
	if (read_description(given, &description)) return NULL;
	struct tally_type type = {
		.layout = description.traverse ? TALLY_LAYOUT_CALLBACK : TALLY_LAYOUT_LEAF,
		.size = object_size(description.payload_size),
		.destroy = description.dealloc ? destroy : description.clear ? clear : NULL,
		.hash = tally_hash_identity,
		.clear = description.clear ? clear : NULL,
		.finalize = description.finalize ? finalize : NULL,
		.host = {description.dealloc, description.traverse, description.clear, description.finalize, description.context},
	};
	memcpy(type.name, description.name, strlen(description.name) + 1);
	struct tally_type *added = tally_type_add(&type, "host_type_new");
	return added ? &added->header : NULL;
}

// ---- objects ----

static const struct tally_type *host_type_of(const char *operation, tally_object *type)
{
	const struct tally_type *host = (const struct tally_type *)type;
	if (type && type->type == TALLY_TYPE_TYPE && host->index >= TALLY_TYPE_HOST) return host;
	return tally_error_null(tally_error_type(operation, "a host type", type));
}

tally_object *tally_host_new(tally_object *type)
{
	if (!tally_enter_new("host_new")) return NULL;
	const struct tally_type *host = host_type_of("host_new", type);
	if (!host) return NULL;
	struct tally_object *object = tally_object_new(host->index, host->size, (enum tally_layout)host->layout);
	if (!object) return tally_error_null(tally_error_memory("host_new", host->size));
	memset(payload_of(object), 0, host->size - sizeof *object);
	if (host->finalize) tally_store(&object->gc, TALLY_GC_FINALIZER, relaxed);
	return object;
}

void *tally_host_payload(tally_object *object, tally_object *type)
{
	if (!tally_enter("host_payload")) return NULL;
	const struct tally_type *host = host_type_of("host_payload", type);
	if (!host) return NULL;
	if (object && object->type == host->index) return payload_of(object);
	return tally_error_null(tally_error_type("host_payload", host->name, object));
}
