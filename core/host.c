// core/host.c: types of the host: an object whose payload is a C struct, zeroed, after the header.
//
// The library knows nothing of the payload: the host guards it, and its dealloc gives up what it refers to. The payload
// is aligned at 16 because the header has sixteen bytes and the size of every host object is a multiple of sixteen. One
// that is to be aligned at more begins that much after the header's start, in a block whose size is a multiple of it:
// blocks stand in their page at multiples of their size, and pages at multiples of 64 KiB.
//
// I1  dealloc (without one: clear) runs once for each object that dies, with no object's lock and no latch held,
//     and sees the payload as the host left it.
// I2  No callback changes the error of the thread, or the `errno`, that the dropping code may be about to report.
// I3  A payload lies within its object's block, at the alignment that was asked for.
// Any attached thread.
#include "callback.h"
#include "hash.h"
#include "object.h"
#include "unraisable.h"

#include <tally/host.h>

#include <string.h>

enum { ALIGNMENT = 16, ALIGNMENT_LIMIT = 4096, FLAGS = TALLY_HOST_WEAKREF | TALLY_HOST_UNTRACKED };
static const size_t SIZE_LIMIT = PTRDIFF_MAX / 2;
static const size_t NAME_SIZE = sizeof((struct tally_type *)0)->name;

static void *payload_of(struct tally_object *object) { return (char *)object + tally_type(object)->payload; }

static void clear(struct tally_object *object)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	struct tally_callback before = tally_callback_begin();
	host->clear(payload_of(object), host->context);
	tally_callback_end(&before);
}

static void destroy(struct tally_object *object)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	struct tally_callback before = tally_callback_begin();
	host->dealloc(payload_of(object), host->context);
	tally_callback_end(&before);
}

static void finalize(struct tally_object *object)
{
	const struct tally_host_calls *host = &tally_type(object)->host;
	struct tally_callback before = tally_callback_begin();
	tally_error_clear();
	host->finalize(object, payload_of(object), host->context);
	if (tally_error_code()) tally_unraisable_report("finalizer", object);
	tally_callback_end(&before);
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
	if (description->flags & ~(unsigned)FLAGS) return malformed("it has unknown flags");
	size_t alignment = description->alignment;
	if (alignment & (alignment - 1)) return malformed("its alignment is no power of two");
	if (alignment > ALIGNMENT_LIMIT) return malformed("its alignment is over 4096");
	if (alignment < ALIGNMENT) description->alignment = ALIGNMENT;
	return 0;
}

// At least one unit of payload: no object is smaller than 24 bytes (TALLY_BIT_WORDS). And with two units at least the
// block is a multiple of the alignment, too: from 512 bytes on classes go in quarters of a power of two
// (core/size_class.h), which divide the alignment or are divided by it.
static size_t object_size(size_t payload, size_t alignment)
{
	size_t units = payload ? (payload + alignment - 1) / alignment : 1;
	return alignment + units * alignment;
}

// Behind the payload, where there is room; else in another unit.
static void add_anchor(struct tally_type *type, const tally_host_type *description)
{
	const size_t field = sizeof(struct tally_object *);
	type->weak = (type->payload + description->payload_size + field - 1) / field * field;
	if (type->weak + field > type->size) type->size += description->alignment;
}

static enum tally_layout layout_of(const tally_host_type *description)
{
	bool is_tracked = description->traverse && !(description->flags & TALLY_HOST_UNTRACKED);
	return is_tracked ? TALLY_LAYOUT_CALLBACK : TALLY_LAYOUT_LEAF;
}

tally_object *tally_host_type_new(const tally_host_type *given)
{
	tally_host_type description;
	if (!tally_enter("host_type_new")) return NULL;
	if (read_description(given, &description)) return NULL;
	struct tally_type type = {
		.layout = (uint8_t)layout_of(&description),
		.size = object_size(description.payload_size, description.alignment),
		.payload = (uint16_t)description.alignment,
		.destroy = description.dealloc ? destroy : description.clear ? clear : NULL,
		.hash = tally_hash_identity,
		.clear = description.clear ? clear : NULL,
		.finalize = description.finalize ? finalize : NULL,
		.host = {description.dealloc, description.traverse, description.clear, description.finalize, description.context},
	};
	memcpy(type.name, description.name, strlen(description.name) + 1);
	if (description.flags & TALLY_HOST_WEAKREF) add_anchor(&type, &description);
	struct tally_type *added = tally_type_add(&type, "host_type_new");
	if (!added) return NULL;
	variant_immortalize(&added->header); // stops the world: readers rely on it (variant_incref_own)
	return &added->header;
}

// ---- objects ----

static const struct tally_type *host_type_of(const char *operation, tally_object *type)
{
	const struct tally_type *host = (const struct tally_type *)type;
	if (type && type->type == TALLY_TYPE_TYPE && host->index >= TALLY_TYPE_HOST && !host->is_class) return host;
	return tally_error_null(tally_error_type(operation, "a host type", type));
}

tally_object *tally_host_new(tally_object *type)
{
	if (!tally_enter_new("host_new")) return NULL;
	const struct tally_type *host = host_type_of("host_new", type);
	if (!host) return NULL;
	struct tally_object *object = tally_object_new(host->index, host->size, (enum tally_layout)host->layout);
	if (!object) return tally_error_null(tally_error_memory("host_new", host->size));
	memset(payload_of(object), 0, host->size - host->payload);
	if (host->finalize) tally_store(&object->gc, TALLY_GC_FINALIZER, relaxed);
	return object;
}

void *tally_host_payload(tally_object *object, tally_object *type)
{
	if (!tally_enter("host_payload")) return NULL;
	const struct tally_type *host = host_type_of("host_payload", type);
	if (!host) return NULL;
	if (object && object->type == host->index) return (char *)object + host->payload;
	return tally_error_null(tally_error_type("host_payload", host->name, object));
}
