// core/repr.c: objects as text for people: what every type shares.
//
// A type writes itself into the text, and calls tally_object_repr for what it contains. What is being shown on this
// thread's stack is a list of records on that stack, so that an object which contains itself, however far inside, is
// shown as [...] where it comes round. The list has at most as many records as there are levels.
//
// Other threads may change a container while it is shown: each type shows what it found at some moment.
//
// I1  The record of an object is on the list exactly while its type's `repr` runs.
// I2  What is shown is well-formed UTF-8, whatever names the host has given.
// Any attached thread, no object's lock held: hooks of classes run.
#include "repr.h"
#include "error.h"
#include "object.h"
#include "utf8.h"

#include <string.h>

// An object that is being shown.
struct tally_nested {
	const struct tally_object *object;
	struct tally_nested *outer;
};

enum { NAME = 64, REPAIRED = 3 * NAME }; // U+FFFD has three bytes

int tally_repr_name(struct tally_text *text, const char *name)
{
	char repaired[REPAIRED];
	size_t size = strlen(name), replaced;
	TALLY_ASSERT(size < NAME);
	size_t wanted = tally_utf8_repaired_size(name, size, &replaced);
	tally_utf8_repair(repaired, name, size);
	return tally_text_add(text, repaired, wanted);
}

int tally_repr_named(struct tally_text *text, const char *kind, const char *name, const struct tally_object *object)
{
	if (tally_text_format(text, "<%s ", kind) || tally_repr_name(text, name)) return -1;
	return tally_text_format(text, " at %p>", (const void *)object);
}

// ---- types without a `repr` ----

static int show_type(const struct tally_type *type, struct tally_text *text)
{
	if (tally_text_add_string(text, type->is_class ? "<class '" : "<type '") || tally_repr_name(text, type->name)) return -1;
	return tally_text_add_string(text, "'>");
}

static int show_address(const struct tally_object *object, struct tally_text *text)
{
	if (object->type == TALLY_TYPE_TYPE) return show_type((const struct tally_type *)object, text);
	if (tally_text_add_string(text, "<") || tally_repr_name(text, tally_type(object)->name)) return -1;
	return tally_text_format(text, " at %p>", (const void *)object);
}

// ---- what contains itself ----

static bool is_being_shown(const struct tally_object *object)
{
	for (const struct tally_nested *shown = tally_self.shown; shown; shown = shown->outer)
		if (shown->object == object) return true;
	return false;
}

static int show_again(const struct tally_object *object, struct tally_text *text)
{
	switch (object->type) {
	case TALLY_TYPE_LIST: return tally_text_add_string(text, "[...]");
	case TALLY_TYPE_TUPLE: return tally_text_add_string(text, "(...)");
	case TALLY_TYPE_DICT: return tally_text_add_string(text, "{...}");
	case TALLY_TYPE_SET: return tally_text_add_string(text, "set(...)");
	case TALLY_TYPE_FROZENSET: return tally_text_add_string(text, "frozenset(...)");
	default: return show_address(object, text);
	}
}

static int show_inside(struct tally_object *object, const struct tally_type *type, struct tally_text *text)
{
	if (!tally_nest(text->operation)) return -1;
	struct tally_nested shown = {object, tally_self.shown};
	tally_self.shown = &shown;
	int status = type->repr(object, text);
	tally_self.shown = shown.outer;
	tally_unnest();
	return status;
}

int tally_object_repr(struct tally_object *object, struct tally_text *text)
{
	const struct tally_type *type = tally_type(object);
	if (!type->repr) return show_address(object, text);
	if (type->layout == TALLY_LAYOUT_LEAF) return type->repr(object, text); // it contains nothing
	if (is_being_shown(object)) return show_again(object, text);
	return show_inside(object, type, text);
}

tally_object *tally_repr(tally_object *object)
{
	if (!tally_enter_run("repr")) return NULL;
	if (!object) return tally_error_null(tally_error_type("repr", "an object", object));
	struct tally_text text = tally_text_begin("repr");
	if (!tally_object_repr(object, &text)) return tally_text_to_str(&text);
	tally_text_end(&text);
	return NULL;
}
