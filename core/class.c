// core/class.c: making classes and changing their attributes. How they die: core/class_death.c.
//
// A change never edits a table: it builds a new `own`, and from the `own` tables of the chain of bases a new `all` for the class
// and for every class that inherits from it; then it exchanges them, all at once. The world is stopped meanwhile, so that
// readers need neither lock nor order, and a change that finds no memory throws away what it has built.
//
// I1  A change that fails has changed nothing.
// Any attached thread.
#include "class.h"
#include "error.h"
#include "object.h"
#include "str.h"
#include "tuple.h"
#include "utf8.h"

#include <string.h>

static const size_t NAME_SIZE = sizeof((struct tally_type *)0)->name;

// ---- tables ----

static uint32_t count_of(const struct tally_table *table) { return table ? table->count : 0; }

static bool has(const struct tally_table *table, struct tally_object *name, uint64_t hash)
{
	return tally_table_find(table, name, hash) != NULL;
}

// Room for `entries`. Leaf code: it may be called with the world stopped. NULL: no memory.
static struct tally_table *try_table(size_t entries)
{
	unsigned log2 = tally_table_log2_for(entries);
	if (log2 > TALLY_TABLE_LOG2_MAX) return NULL;
	void *memory = tally_heap_new(tally_self.heap, tally_table_bytes(log2), TALLY_LAYOUT_RAW);
	return memory ? tally_table_init(memory, log2) : NULL;
}

// Nearer classes come later, and slots before anything of the same name.
static void put(struct tally_table *table, const struct tally_entry *entry, struct tally_object *value)
{
	struct tally_entry *there = tally_table_find(table, entry->key, entry->hash);
	if (!there) tally_table_append(table, entry->hash, entry->key, value);
	else if (tally_entry_is_slot(value) || !tally_entry_is_slot(there->value)) there->value = value;
}

static void put_class(struct tally_table *table, const struct tally_class *type)
{
	uint32_t first = type->base ? type->base->slots : 0;
	for (uint32_t i = 0; i < count_of(type->own); i++) {
		const struct tally_entry *entry = &tally_table_entries(type->own)[i];
		put(table, entry, entry->value);
	}
	for (uint32_t i = 0; i < count_of(type->names); i++)
		put(table, &tally_table_entries(type->names)[i], tally_slot_entry(first + i));
}

// A new `all`. NULL: no memory. Leaf code.
static struct tally_table *answers(const struct tally_class *type)
{
	const struct tally_class *chain[TALLY_BASES_MAX + 1];
	size_t length = 0, entries = 0;
	for (; type; type = type->base) {
		chain[length++] = type;
		entries += count_of(type->own) + count_of(type->names);
	}
	struct tally_table *table = try_table(entries);
	while (table && length > 0) put_class(table, chain[--length]);
	return table;
}

// ---- changing attributes; the world is stopped ----

struct change {
	struct tally_class *type;
	struct tally_object *name, *value; // value NULL: remove
	uint64_t hash;
	struct tally_table *former; // `own` as it was
	bool fits;
};

// `own` after the change. The references move to it. NULL: no memory.
static struct tally_table *changed(const struct change *change)
{
	const struct tally_table *own = change->type->own;
	struct tally_table *table = try_table(count_of(own) + 1);
	if (!table) return NULL;
	for (uint32_t i = 0; i < count_of(own); i++) {
		struct tally_entry entry = tally_table_entries(own)[i];
		if (entry.hash == change->hash && tally_table_same_key(entry.key, change->name)) entry.value = change->value;
		if (entry.value) tally_table_append(table, entry.hash, entry.key, entry.value);
	}
	if (change->value && !has(own, change->name, change->hash))
		tally_table_append(table, change->hash, change->name, change->value);
	return table;
}

static void prepare(struct tally_class *type, void *context)
{
	struct change *change = context;
	if (!change->fits || type->is_closed || !tally_class_is_base(change->type, type)) return;
	type->fresh = answers(type);
	change->fits = type->fresh != NULL;
}

static void exchange(struct tally_class *type, void *context)
{
	struct change *change = context;
	struct tally_table *useless = type->fresh;
	if (!useless) return;
	if (change->fits) {
		useless = type->all;
		type->all = type->fresh;
	}
	type->fresh = NULL;
	if (useless) tally_heap_free_stopped(useless);
}

static void each_affected(void (*act)(struct tally_class *type, void *context), struct change *change)
{
	if (tally_load(&change->type->heirs, relaxed)) tally_types_each_class(act, change);
	else act(change->type, change);
}

// True: done, and `former` is the table that was replaced.
static bool change_stopped(struct change *change)
{
	struct tally_table *own = changed(change);
	change->fits = own != NULL;
	if (!own) return false;
	change->former = change->type->own;
	change->type->own = own;
	each_affected(prepare, change);
	each_affected(exchange, change);
	if (change->fits) return true;
	change->type->own = change->former;
	tally_heap_free_stopped(own);
	return false;
}

static bool try_change(struct change *change)
{
	variant_world_stop();
	bool done = change_stopped(change);
	variant_world_start();
	tally_bury();
	return done;
}

// The references that the change has taken out of the class, and the one to the name that it did not need.
static void drop_former(const struct change *change, const struct tally_entry *replaced)
{
	if (replaced->key) variant_decref(change->value ? change->name : replaced->key);
	if (replaced->value) variant_decref(replaced->value);
	tally_raw_free(change->former);
}

static bool change_or_relieve(struct change *change)
{
	if (try_change(change)) return true;
	size_t bytes = tally_table_bytes(tally_table_log2_for(count_of(change->type->all) + 1));
	if (tally_heap_relieve() && try_change(change)) return true;
	return tally_heap_ask(bytes) && try_change(change);
}

int tally_class_change(struct tally_class *type, struct tally_object *name, uint64_t hash, struct tally_object *value,
                       const char *operation)
{
	struct change change = {.type = type, .name = name, .value = value, .hash = hash};
	if (type->is_closed)
		return tally_error_raise(TALLY_ERROR_TYPE, operation, "the class '%s' has been collected", type->type.name);
	if (!value && !has(type->own, name, hash)) return 0;
	if (value) {
		variant_incref(name);
		variant_incref(value);
	}
	if (change_or_relieve(&change)) {
		struct tally_entry replaced = {.key = NULL};
		struct tally_entry *entry = tally_table_find(change.former, name, hash);
		if (entry) replaced = *entry;
		drop_former(&change, &replaced);
		return value || replaced.key ? 1 : 0;
	}
	if (value) {
		variant_decref(name);
		variant_decref(value);
	}
	return tally_error_memory(operation, tally_table_bytes(tally_table_log2_for(count_of(type->all) + 1)));
}

// ---- making ----

static int malformed(const char *what)
{
	return tally_error_raise(TALLY_ERROR_VALUE, "class_new", "malformed spec: %s", what);
}

static int check_base(const tally_class_spec *spec)
{
	const struct tally_class *base = (const struct tally_class *)spec->base;
	if (!base) return 0;
	if (!tally_object_is_class(spec->base)) return tally_error_type("class_new", "a class as the base", spec->base);
	if (base->is_closed)
		return tally_error_raise(TALLY_ERROR_TYPE, "class_new", "the base '%s' has been collected", base->type.name);
	unsigned length = 0;
	for (const struct tally_class *type = base; type; type = type->base) length++;
	if (length > TALLY_BASES_MAX) return malformed("more than 100 bases in a row");
	return base->slots + spec->slot_count > TALLY_SLOTS_MAX ? malformed("more than 1,000 slots") : 0;
}

static int read_spec(const tally_class_spec *given, tally_class_spec *spec)
{
	*spec = (tally_class_spec){.size = sizeof *spec};
	if (!given) return malformed("it is NULL");
	if (given->size < sizeof given->size || given->size > sizeof *spec) return malformed("its size is not sizeof(tally_class_spec)");
	memcpy(spec, given, given->size);
	if (!spec->name || !spec->name[0]) return malformed("it has no name");
	if (strlen(spec->name) >= NAME_SIZE) return malformed("its name is over 63 bytes");
	if (spec->slot_count && !spec->slots) return malformed("its slots are NULL");
	if (spec->slot_count > TALLY_SLOTS_MAX) return malformed("more than 1,000 slots");
	return check_base(spec);
}

static void inherit(struct tally_hooks *hooks, const tally_class_spec *spec)
{
	if (spec->init) hooks->init = spec->init, hooks->init_context = spec->context;
	if (spec->finalize) hooks->finalize = spec->finalize, hooks->finalize_context = spec->context;
	if (spec->equal) {
		hooks->equal = spec->equal, hooks->equal_context = spec->context;
		hooks->hash = NULL; // it would contradict the new equality
	}
	if (spec->hash) hooks->hash = spec->hash, hooks->hash_context = spec->context;
	if (spec->call) hooks->call = spec->call, hooks->call_context = spec->context;
	if (spec->repr) hooks->repr = spec->repr, hooks->repr_context = spec->context;
}

// A class without slots and attributes, in nobody's table.
static struct tally_class *make(const tally_class_spec *spec)
{
	struct tally_class *type = (struct tally_class *)tally_object_new(TALLY_TYPE_TYPE, sizeof *type, TALLY_LAYOUT_CLASS);
	if (!type) return tally_error_null(tally_error_memory("class_new", sizeof *type));
	memset((char *)type + sizeof(struct tally_object), 0, sizeof *type - sizeof(struct tally_object));
	memcpy(type->type.name, spec->name, strlen(spec->name) + 1);
	type->type.is_class = true;
	type->base = (struct tally_class *)spec->base;
	type->has_table = !spec->has_slots && !spec->slot_count;
	if (type->base) {
		variant_incref(&type->base->type.header);
		tally_fetch_add(&type->base->heirs, 1, relaxed);
		type->has_table |= type->base->has_table;
		type->has_weakrefs = type->base->has_weakrefs;
		type->hooks = type->base->hooks;
	}
	type->has_weakrefs |= spec->has_weakrefs || type->has_table;
	inherit(&type->hooks, spec);
	return type;
}

static int add_name(struct tally_class *type, const char *text)
{
	bool ascii;
	uint64_t hash;
	if (!text) return malformed("the name of a slot is NULL");
	if (tally_utf8_check(text, strlen(text), &ascii) < strlen(text)) return malformed("the name of a slot is no UTF-8");
	struct tally_object *name = tally_str_copy("class_new", text, strlen(text));
	if (!name || tally_object_hash(name, &hash, "class_new")) return -1;
	struct tally_object *inherited = type->base ? tally_class_find(type->base, name, hash) : NULL;
	if (has(type->names, name, hash) || (inherited && tally_entry_is_slot(inherited))) {
		tally_error_raise(TALLY_ERROR_VALUE, "class_new", "malformed spec: the slot '%s' is there already", text);
		variant_decref(name);
		return -1;
	}
	tally_table_append(type->names, hash, name, NULL);
	return 0;
}

static int no_table(size_t entries) { return tally_error_memory("class_new", tally_table_bytes(tally_table_log2_for(entries))); }

static int add_names(struct tally_class *type, const tally_class_spec *spec)
{
	if (!spec->slot_count) return 0;
	unsigned log2 = tally_table_log2_for(spec->slot_count);
	void *memory = tally_raw_new(tally_table_bytes(log2));
	if (!memory) return no_table(spec->slot_count);
	type->names = tally_table_init(memory, log2);
	for (size_t i = 0; i < spec->slot_count; i++)
		if (add_name(type, spec->slots[i])) return -1;
	return 0;
}

// From here on others can see the class; there is no point until it is handed out.
static int enter(struct tally_class *type)
{
	type->all = answers(type);
	if (!type->all && tally_heap_ask(tally_table_bytes(TALLY_TABLE_LOG2_MIN))) type->all = answers(type);
	if (!type->all) return no_table(count_of(type->names));
	if (!tally_type_enter(&type->type)) return tally_type_table_full("class_new");
	variant_incref(&type->type.header);
	type->is_listed = true;
	return 0;
}

tally_object *tally_class_new(const tally_class_spec *given)
{
	tally_class_spec spec;
	if (!tally_enter_new("class_new")) return NULL;
	if (read_spec(given, &spec)) return NULL;
	struct tally_class *type = make(&spec);
	if (!type) return NULL;
	if (!add_names(type, &spec)) {
		type->slots = (type->base ? type->base->slots : 0) + count_of(type->names);
		tally_instance_describe(type);
		if (!enter(type)) {
			type->release = spec.release;
			type->context = spec.context;
			return &type->type.header;
		}
	}
	variant_decref(&type->type.header);
	return NULL;
}

// ---- what a class is asked ----

static struct tally_class *class_of(const char *operation, tally_object *object)
{
	if (object && tally_object_is_class(object)) return (struct tally_class *)object;
	return tally_error_null(tally_error_type(operation, "a class", object));
}

tally_object *tally_class_base(tally_object *object)
{
	if (!tally_enter("class_base")) return NULL;
	struct tally_class *type = class_of("class_base", object);
	if (!type || !type->base) return NULL;
	variant_incref(&type->base->type.header);
	return &type->base->type.header;
}

const char *tally_class_name(tally_object *object)
{
	if (!tally_enter("class_name")) return NULL;
	if (object && object->type == TALLY_TYPE_TYPE) return ((struct tally_type *)object)->name;
	return tally_error_null(tally_error_type("class_name", "a type", object));
}

bool tally_is_class(const tally_object *object) { return object && tally_object_is_class(object); }

// ---- isinstance ----

// 1, 0; -1: `type` is no type.
static int is_of(tally_object *object, tally_object *type)
{
	if (!type || type->type != TALLY_TYPE_TYPE) return tally_error_type("isinstance", "a type or a tuple of types", type);
	struct tally_type *own = tally_type(object), *wanted = (struct tally_type *)type;
	if (own == wanted) return 1;
	return own->is_class && wanted->is_class && tally_class_is_base((struct tally_class *)wanted, (struct tally_class *)own);
}

static int is_of_any(tally_object *object, struct tally_tuple *types)
{
	for (size_t i = 0; i < types->size; i++) {
		int result = is_of(object, types->items[i]);
		if (result) return result;
	}
	return 0;
}

int tally_isinstance(tally_object *object, tally_object *type)
{
	if (!tally_enter("isinstance")) return -1;
	if (!object) return tally_error_type("isinstance", "an object", object);
	if (type && type->type == TALLY_TYPE_TUPLE) return is_of_any(object, (struct tally_tuple *)type);
	return is_of(object, type);
}

// ---- instances by calling it ----

// Runs the host's `init`. 0, or -1 with the error set.
static int init(struct tally_class *type, tally_object *self, tally_object *const *arguments, size_t count)
{
	if (type->hooks.init) return type->hooks.init(self, arguments, count, type->hooks.init_context);
	if (!count) return 0;
	return tally_error_raise(TALLY_ERROR_TYPE, "call", "'%s' takes no arguments (%zu given)", type->type.name, count);
}

struct tally_object *tally_class_call(struct tally_object *object, struct tally_object *const *arguments, size_t count)
{
	struct tally_class *type = class_of("call", object);
	tally_object *self = type ? tally_instance_make(type, "call") : NULL;
	if (!self || !init(type, self, arguments, count)) return self;
	variant_decref(self);
	return NULL;
}

size_t tally_class_owned(struct tally_object *object)
{
	const struct tally_class *type = (struct tally_class *)object;
	size_t bytes = 0;
	if (!type->type.is_class) return 0;
	const struct tally_table *tables[] = {type->own, type->all, type->names};
	for (size_t i = 0; i < 3; i++)
		if (tables[i]) bytes += tally_page_of(tables[i])->block_size;
	return bytes;
}
