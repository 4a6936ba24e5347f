// core/instance.c: instances of classes: making them, what their types do, how they end. Their attributes: core/attr.c.
//
// An instance whose class and bases all name their slots is a header and the slots, which the collector sees as
// TALLY_LAYOUT_SLOTS; any other has a table, or the dict that has taken it over, and perhaps slots behind (core/class.h). The
// hooks of a class are found in its `hooks`, inherited ones included, each with the context of the class that gave it.
//
// I1  Every field is written before the instance is handed out; header.aux is the number of slots.
// I2  A hook runs with no object's lock held. A finalizer does not change the thread's error, nor its errno.
// Any attached thread.
#include "callback.h"
#include "class.h"
#include "error.h"
#include "hash.h"
#include "keyed.h"
#include "object.h"
#include "retire.h"
#include "text.h"
#include "str.h"
#include "trace.h"
#include "unraisable.h"

#include <string.h>

// ---- making ----

static enum tally_layout layout_of(const struct tally_class *type)
{
	return type->has_table ? TALLY_LAYOUT_INSTANCE : TALLY_LAYOUT_SLOTS;
}

// No object is smaller than 24 bytes (TALLY_BIT_WORDS).
static size_t size_of(const struct tally_class *type)
{
	size_t slots = type->slots * sizeof(struct tally_object *);
	if (type->has_table) return sizeof(struct tally_instance) + slots;
	if (type->has_weakrefs) slots += sizeof(struct tally_object *);
	return sizeof(struct tally_object) + (slots ? slots : sizeof(struct tally_object *));
}

// The field of the anchor; 0: there is none.
static size_t anchor_at(const struct tally_class *type)
{
	if (type->has_table) return offsetof(struct tally_instance, anchor);
	return type->has_weakrefs ? size_of(type) - sizeof(struct tally_object *) : 0;
}

static __attribute__((noinline)) struct tally_object *no_instance(struct tally_class *type, const char *operation)
{
	if (!type->is_closed) return tally_error_null(tally_error_memory(operation, type->type.size));
	return tally_error_null(tally_error_raise(TALLY_ERROR_TYPE, operation, "the class '%s' has been collected", type->type.name));
}

// A loop: most are a few words, for which a call of memset costs more. The empty statement hides from the compiler that it is one.
static inline void clear_fields(struct tally_object *object, size_t size)
{
	uint64_t *word = (uint64_t *)(void *)(object + 1), *end = (uint64_t *)(void *)((char *)object + size);
	for (; word < end; word++) {
		*word = 0;
		__asm__("" : "+r"(word));
	}
}

struct tally_object *tally_instance_make(struct tally_class *type, const char *operation)
{
	if (tally_unlikely(type->is_closed)) return no_instance(type, operation);
	const size_t size = type->type.size;
	struct tally_object *object = tally_object_new(type->type.index, size, layout_of(type));
	if (tally_unlikely(!object)) return no_instance(type, operation);
	clear_fields(object, size);
	object->aux = type->type.aux;
	if (type->hooks.finalize) tally_store(&object->gc, TALLY_GC_FINALIZER, relaxed);
	return object;
}

tally_object *tally_instance_new(tally_object *type)
{
	if (!tally_enter_new("instance_new")) return NULL;
	if (tally_unlikely(!type || !tally_object_is_class(type))) return tally_error_null(tally_error_type("instance_new", "a class", type));
	return tally_instance_make((struct tally_class *)type, "instance_new");
}

bool tally_is_instance(const tally_object *object) { return object && tally_object_is_instance(object); }

// ---- ends ----

static void drop(struct tally_object *object)
{
	if (object) variant_decref(object);
}

static void drop_slots(struct tally_object **slots, unsigned count)
{
	while (count > 0) drop(slots[--count]);
}

static void note_end(struct tally_object *object)
{
	struct tally_class *type = tally_instance_class(object);
	if (tally_unlikely(type->is_counted)) tally_class_lost_one(type);
}

static void destroy_slots(struct tally_object *object, unsigned count)
{
	drop_slots(tally_slots(object), count);
	note_end(object);
}

static void destroy_instance(struct tally_instance *instance, unsigned count)
{
	drop_slots(instance->slots, count);
	drop(instance->dict);
	tally_keyed_destroy(&instance->own.header);
	note_end(&instance->own.header);
}

static void destroy(struct tally_object *object)
{
	const struct tally_class *type = tally_instance_class(object);
	if (type->has_table) destroy_instance((struct tally_instance *)object, type->slots);
	else destroy_slots(object, type->slots);
}

// Takes the slots out one by one, with the lock dropped in between: user code runs.
static void clear_slots(struct tally_object *object, struct tally_object **slots)
{
	for (unsigned i = object->aux; i > 0; i--) {
		enum tally_hold hold = variant_lock_take(object);
		struct tally_object *former = slots[i - 1];
		tally_place_set(&slots[i - 1], NULL);
		variant_lock_drop(object, hold);
		if (former) tally_give_up(object, former);
	}
}

static void clear_instance(struct tally_instance *instance)
{
	struct tally_object *object = &instance->own.header;
	enum tally_hold hold = variant_lock_take(object);
	struct tally_table *table = instance->own.table;
	struct tally_object *dict = instance->dict;
	tally_keyed_set_table(&instance->own, NULL);
	tally_keyed_set_used(&instance->own, 0);
	tally_place_set(&instance->dict, NULL);
	variant_lock_drop(object, hold);
	clear_slots(object, instance->slots);
	if (dict) tally_give_up(object, dict);
	tally_keyed_give_up_table(&instance->own, table);
}

static void clear(struct tally_object *object)
{
	bool outer = tally_bury_later();
	if (tally_instance_class(object)->has_table) clear_instance((struct tally_instance *)object);
	else clear_slots(object, tally_slots(object));
	tally_bury_again(outer);
}

// ---- hooks ----

static void finalize(struct tally_object *object)
{
	const struct tally_hooks *hooks = &tally_instance_class(object)->hooks;
	struct tally_callback before = tally_callback_begin();
	tally_error_clear();
	hooks->finalize(object, hooks->finalize_context);
	if (tally_error_code()) tally_unraisable_report("finalizer", object);
	tally_callback_end(&before);
}

static int hash(struct tally_object *object, uint64_t *result, const char *operation)
{
	const struct tally_hooks *hooks = &tally_instance_class(object)->hooks;
	if (!tally_nest(operation)) return -1;
	int status = hooks->hash(object, result, hooks->hash_context);
	tally_unnest();
	return status ? -1 : 0;
}

static int equal(struct tally_object *object, struct tally_object *other, const char *operation)
{
	const struct tally_hooks *hooks = &tally_instance_class(object)->hooks;
	if (!tally_nest(operation)) return -1;
	int same = hooks->equal(object, other, hooks->equal_context);
	tally_unnest();
	return same < 0 ? -1 : same != 0;
}

static struct tally_object *call(struct tally_object *object, struct tally_object *const *arguments, size_t count)
{
	const struct tally_hooks *hooks = &tally_instance_class(object)->hooks;
	return hooks->call(object, arguments, count, hooks->call_context);
}

static int add_shown(struct tally_object *shown, const char *name, struct tally_text *text)
{
	if (!shown) return -1;
	if (shown->type != TALLY_TYPE_STR)
		return tally_error_raise(TALLY_ERROR_TYPE, text->operation, "the repr of '%s' gave a '%s', expected a str", name,
		                         tally_type(shown)->name);
	return tally_text_add(text, ((struct tally_str *)shown)->bytes, ((struct tally_str *)shown)->size);
}

static int repr(struct tally_object *object, struct tally_text *text)
{
	const struct tally_class *type = tally_instance_class(object);
	struct tally_object *shown = type->hooks.repr(object, type->hooks.repr_context);
	int status = add_shown(shown, type->type.name, text);
	drop(shown);
	return status;
}

static size_t owned(struct tally_object *object)
{
	if (!tally_instance_class(object)->has_table) return 0;
	return tally_keyed_owned(object);
}

void tally_instance_describe(struct tally_class *class)
{
	struct tally_type *type = &class->type;
	const struct tally_hooks *hooks = &class->hooks;
	type->layout = (uint8_t)layout_of(class);
	type->size = size_of(class);
	type->destroy = destroy;
	type->clear = clear;
	type->owned = owned;
	type->weak = anchor_at(class);
	type->aux = (uint16_t)class->slots;
	type->finalize = hooks->finalize ? finalize : NULL;
	type->hash = hooks->hash ? hash : hooks->equal ? NULL : tally_hash_identity;
	type->equal = hooks->equal ? equal : NULL;
	type->equal_to_any = hooks->equal != NULL;
	type->call = hooks->call ? call : NULL;
	type->repr = hooks->repr ? repr : NULL;
}
