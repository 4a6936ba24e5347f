// core/attr.c: attributes of instances and classes.
//
// A look-up on an instance asks its own table (or dict) first, then its class, once: `all` of the class knows slots, own and
// inherited attributes (core/class.h). Who may read an instance reads its slots and its table without the lock (core/reader.h),
// and what is in doubt under it; whoever changes it takes the lock. A class is guarded by nothing, since it changes in a stopped
// world only.
//
// The dict of an instance, once there is one, is borrowed for a look without the lock: it stays until the instance is cleared,
// and an instance that a caller refers to is not cleared meanwhile.
//
// I1  What is read from a class's tables is used or referred to before the next point.
// I2  Whoever sees that an instance has no table any more, its dict having taken it over, sees the dict.
// Any attached thread.
#include "call.h"
#include "class.h"
#include "error.h"
#include "keyed.h"
#include "list.h"
#include "method.h"
#include "object.h"
#include "retire.h"
#include "str.h"
#include "trace.h"

// ---- arguments ----

struct target {
	const char *operation;
	struct tally_object *object, *name;
	uint64_t hash;
};

static int expected(const char *operation, struct tally_object *object)
{
	return tally_error_type(operation, "an instance or a class", object);
}

// 0, or -1 with the error set.
static inline int look_at(struct target *target)
{
	const char *operation = target->operation;
	struct tally_object *object = target->object, *name = target->name;
	if (!tally_enter(operation)) return -1;
	if (tally_unlikely(!object || (!tally_object_is_instance(object) && !tally_object_is_class(object)))) return expected(operation, object);
	if (tally_unlikely(!name || name->type != TALLY_TYPE_STR)) return tally_error_type(operation, "a str as the name", name);
	target->hash = tally_load(&((struct tally_str *)name)->hash, relaxed);
	return tally_likely(target->hash != 0) ? 0 : tally_object_hash(name, &target->hash, operation);
}

static struct tally_object **slots_of(struct tally_object *object, const struct tally_class *type)
{
	return type->has_table ? ((struct tally_instance *)object)->slots : tally_slots(object);
}

static struct tally_object *hold(struct tally_object *object)
{
	if (object) variant_incref(object);
	return object;
}

// ---- reading ----

static struct tally_object *get_slot_locked(struct tally_object *object, struct tally_object **slot)
{
	enum tally_hold taken = variant_lock_take(object);
	struct tally_object *value = *slot;
	if (value) variant_incref_locked(value);
	variant_lock_drop(object, taken);
	return value;
}

// What stands in a slot is another thread's, perhaps.
static __attribute__((noinline)) struct tally_object *get_slot_slow(struct tally_object *object, struct tally_object **slot, unsigned sections)
{
	struct tally_object *seen = tally_place_read(slot);
	if (!seen || !variant_try_incref(seen)) return get_slot_locked(object, slot);
	if (tally_place_read(slot) == seen && tally_is_outside(object, sections)) return seen;
	tally_unpin(seen);
	return get_slot_locked(object, slot);
}

static inline struct tally_object *get_slot(struct tally_object *object, struct tally_object **slot)
{
	if (tally_unlikely(!variant_may_read(object))) return get_slot_locked(object, slot);
	unsigned sections = tally_sections(object);
	struct tally_object *value = tally_place_read(slot);
	if (tally_unlikely(!tally_is_outside(object, sections))) return get_slot_locked(object, slot);
	return !value || tally_likely(variant_incref_own(value)) ? value : get_slot_slow(object, slot, sections);
}

// What a section over the instance has done to its dict is seen at the section's end. While this thread has the dict's lock nobody
// changes it; so what it sees is of a moment outside of sections if the instance is not locked either. False: it was, and the caller
// waits for that lock and tries again.
static bool get_from_dict(const struct target *target, struct tally_dict *dict, bool is_mine, struct tally_object **value, int *status)
{
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, target->name, &hash, target->operation);
	*status = -1;
	if (found.state == TALLY_FIND_FAILED) return true;
	bool is_whole = is_mine || !variant_is_locked(target->object);
	if (is_whole && found.entry) variant_incref_locked(*value = found.entry->value);
	tally_keyed_end(dict, target->name, &found);
	*status = *value != NULL;
	return is_whole;
}

// 1 with the value, 0, -1. From the table, or from the dict that has taken it over. *value is NULL.
static int get_own_locked(const struct target *target, struct tally_object **value)
{
	struct tally_instance *instance = (struct tally_instance *)target->object;
	int status;
	bool is_whole;
	do {
		enum tally_hold taken = variant_lock_take(target->object);
		struct tally_object *dict = hold(instance->dict);
		struct tally_entry *entry = tally_table_find(instance->own.table, target->name, target->hash);
		if (entry) variant_incref_locked(*value = entry->value);
		variant_lock_drop(target->object, taken);
		if (tally_likely(!dict)) return *value != NULL;
		is_whole = get_from_dict(target, (struct tally_dict *)dict, taken == TALLY_HOLD_NESTED, value, &status);
		variant_decref(dict);
	} while (!is_whole);
	return status;
}

// 1, 0 or TALLY_UNDECIDED, as tally_keyed_take. A section over the instance counts as one over its dict.
static int look_in_dict(const struct target *target, const struct tally_object *dict, unsigned sections, struct tally_object **value)
{
	int there = tally_keyed_try_get((const struct tally_dict *)dict, target->name, target->hash, value);
	if (tally_likely(tally_is_outside(target->object, sections))) return there;
	if (*value) tally_unpin(*value);
	*value = NULL;
	return TALLY_UNDECIDED;
}

// The same. The table is read before the dict (I2).
static inline int look_at_own(const struct target *target, struct tally_object **value)
{
	struct tally_instance *instance = (struct tally_instance *)target->object;
	if (tally_unlikely(!variant_may_read(target->object))) return TALLY_UNDECIDED;
	unsigned sections = tally_sections(target->object);
	struct tally_look look = {.table = tally_dict_table(&instance->own)};
	struct tally_object *dict = tally_place_read(&instance->dict);
	if (tally_unlikely(dict != NULL)) return look_in_dict(target, dict, sections, value);
	look.entry = tally_table_find(look.table, target->name, target->hash);
	if (look.entry) return tally_keyed_take(&instance->own, look, sections, value);
	return tally_is_outside(target->object, sections) ? 0 : TALLY_UNDECIDED;
}

// 1 with the value, 0, -1. *value is NULL.
static inline int get_own(const struct target *target, struct tally_object **value)
{
	int there = look_at_own(target, value);
	return tally_likely(there != TALLY_UNDECIDED) ? there : get_own_locked(target, value);
}

static int bind(struct tally_object *function, struct tally_object *self, struct tally_object **value)
{
	variant_incref(function);
	*value = tally_method_make(function, self);
	variant_decref(function);
	return *value ? 1 : tally_error_memory("attr_get", sizeof(struct tally_method));
}

// What the class has, for the instance. 1, -1.
static inline int give(struct tally_object *inherited, struct tally_object *self, struct tally_object **value)
{
	if (inherited->type == TALLY_TYPE_FUNCTION) return bind(inherited, self, value);
	*value = hold(inherited);
	return 1;
}

// What the instance has itself; 0: *inherited is what its class has, borrowed, or NULL.
static inline int get_from_instance(const struct target *target, struct tally_object **value, struct tally_object **inherited)
{
	struct tally_class *type = tally_instance_class(target->object);
	*inherited = NULL;
	if (type->has_table) {
		int found = get_own(target, value);
		if (found) return found;
	}
	struct tally_object *entry = tally_class_find(type, target->name, target->hash);
	if (!entry || !tally_entry_is_slot(entry)) {
		*inherited = entry;
		return 0;
	}
	*value = get_slot(target->object, &slots_of(target->object, type)[tally_entry_slot(entry)]);
	return *value != NULL;
}

static int get_from_class(const struct target *target, struct tally_object **value)
{
	struct tally_object *entry = tally_class_find((struct tally_class *)target->object, target->name, target->hash);
	if (!entry || tally_entry_is_slot(entry)) return 0;
	*value = hold(entry);
	return 1;
}

int tally_attr_get(tally_object *object, tally_object *name, tally_object **value)
{
	struct target target = {"attr_get", object, name, 0};
	struct tally_object *inherited;
	*value = NULL;
	if (look_at(&target)) return -1;
	if (tally_unlikely(object->type == TALLY_TYPE_TYPE)) return get_from_class(&target, value);
	int found = get_from_instance(&target, value, &inherited);
	return found || !inherited ? found : give(inherited, object, value);
}

// ---- changing ----

static void set_slot(struct tally_object *object, struct tally_object **slot, struct tally_object *value)
{
	hold(value);
	enum tally_hold taken = variant_lock_take(object);
	struct tally_object *former = *slot;
	tally_place_set(slot, value);
	variant_lock_drop(object, taken);
	if (former) tally_give_up(object, former);
}

// What is left to do when the lock has been dropped.
struct left {
	struct tally_object *dict, *former; // the instance has a dict: nothing has been changed
	struct tally_room room;
};

// Sets under the lock of `keyed`, the instance's table or its dict. Takes over the reference to the value. False: no memory.
static bool put(struct tally_dict *keyed, struct tally_entry *entry, const struct target *target, struct tally_object *value,
                struct left *left)
{
	if (tally_unlikely(!entry)) return tally_keyed_insert(keyed, target->hash, target->name, value, &left->room);
	left->former = entry->value;
	tally_place_set(&entry->value, value);
	return true;
}

static int finish_set(const struct tally_dict *keyed, const struct target *target, struct tally_object *value, bool is_set,
                      const struct left *left)
{
	tally_keyed_give_up(keyed, left->room.replaced, left->former, NULL);
	if (tally_likely(is_set)) return 0;
	variant_decref(value);
	return tally_keyed_no_room(&left->room, target->operation);
}

static int set_in_dict(const struct target *target, struct tally_object *object, struct tally_object *value)
{
	struct tally_dict *dict = (struct tally_dict *)object;
	struct left left = {.dict = NULL};
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, target->name, &hash, target->operation);
	int status = -1;
	if (found.state != TALLY_FIND_FAILED) {
		variant_incref(value);
		bool is_set = put(dict, found.entry, target, value, &left);
		tally_keyed_end(dict, target->name, &found);
		status = finish_set(dict, target, value, is_set, &left);
	}
	variant_decref(object);
	return status;
}

static int set_own(const struct target *target, struct tally_object *value)
{
	struct tally_instance *instance = (struct tally_instance *)target->object;
	struct left left = {.dict = NULL};
	bool is_set = false;
	variant_incref(value);
	enum tally_hold taken = variant_lock_take(target->object);
	if (tally_unlikely(instance->dict != NULL)) left.dict = hold(instance->dict);
	else is_set = put(&instance->own, tally_table_find(instance->own.table, target->name, target->hash), target, value, &left);
	variant_lock_drop(target->object, taken);
	if (tally_likely(!left.dict)) return finish_set(&instance->own, target, value, is_set, &left);
	variant_decref(value);
	return set_in_dict(target, left.dict, value);
}

static int no_such(const char *operation, const struct tally_type *type, struct tally_object *name)
{
	return tally_error_raise(TALLY_ERROR_ATTRIBUTE, operation, "a '%s' has no slot '%.80s'", type->name, ((struct tally_str *)name)->bytes);
}

static int set_in_class(const struct target *target, struct tally_object *value, const char *operation)
{
	struct tally_class *type = (struct tally_class *)target->object;
	struct tally_object *entry = tally_class_find(type, target->name, target->hash);
	if (entry && tally_entry_is_slot(entry))
		return tally_error_raise(TALLY_ERROR_ATTRIBUTE, operation, "'%s' has a slot of the name '%.80s'", type->type.name,
		                         ((struct tally_str *)target->name)->bytes);
	return tally_class_change(type, target->name, target->hash, value, operation);
}

int tally_attr_set(tally_object *object, tally_object *name, tally_object *value)
{
	struct target target = {"attr_set", object, name, 0};
	if (look_at(&target)) return -1;
	if (!value) return tally_error_raise(TALLY_ERROR_VALUE, "attr_set", "the value is NULL");
	if (tally_unlikely(object->type == TALLY_TYPE_TYPE)) return set_in_class(&target, value, "attr_set") < 0 ? -1 : 0;
	struct tally_class *type = tally_instance_class(object);
	struct tally_object *entry = type->slots ? tally_class_find(type, name, target.hash) : NULL;
	if (entry && tally_entry_is_slot(entry)) set_slot(object, &slots_of(object, type)[tally_entry_slot(entry)], value);
	else if (type->has_table) return set_own(&target, value);
	else return no_such("attr_set", &type->type, name);
	return 0;
}

// ---- removing ----

// Drops what has been taken out. 1, or 0 when there was nothing.
static int finish_removal(const struct tally_dict *keyed, const struct tally_entry *removed, const struct tally_room *room)
{
	if (!removed->key) return 0;
	tally_keyed_give_up(keyed, room->replaced, removed->value, removed->key);
	return 1;
}

static int delete_from_dict(const struct target *target, struct tally_object *object)
{
	struct tally_dict *dict = (struct tally_dict *)object;
	struct tally_room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	uint64_t hash;
	struct tally_found found = tally_keyed_find(dict, target->name, &hash, target->operation);
	int status = -1;
	if (found.state != TALLY_FIND_FAILED) {
		if (found.entry) removed = tally_keyed_remove(dict, found.entry, &room);
		tally_keyed_end(dict, target->name, &found);
		status = finish_removal(dict, &removed, &room);
	}
	variant_decref(object);
	return status;
}

static int delete_own(const struct target *target)
{
	struct tally_instance *instance = (struct tally_instance *)target->object;
	struct tally_room room = {.replaced = NULL};
	struct tally_entry removed = {.key = NULL};
	enum tally_hold taken = variant_lock_take(target->object);
	struct tally_object *dict = hold(instance->dict);
	struct tally_entry *entry = tally_table_find(instance->own.table, target->name, target->hash);
	if (entry) removed = tally_keyed_remove(&instance->own, entry, &room);
	variant_lock_drop(target->object, taken);
	return dict ? delete_from_dict(target, dict) : finish_removal(&instance->own, &removed, &room);
}

static int delete_slot(struct tally_object *object, struct tally_object **slot)
{
	enum tally_hold taken = variant_lock_take(object);
	struct tally_object *former = *slot;
	tally_place_set(slot, NULL);
	variant_lock_drop(object, taken);
	if (!former) return 0;
	tally_give_up(object, former);
	return 1;
}

int tally_attr_delete(tally_object *object, tally_object *name)
{
	struct target target = {"attr_delete", object, name, 0};
	if (look_at(&target)) return -1;
	if (object->type == TALLY_TYPE_TYPE) return set_in_class(&target, NULL, "attr_delete");
	struct tally_class *type = tally_instance_class(object);
	struct tally_object *entry = type->slots ? tally_class_find(type, name, target.hash) : NULL;
	if (entry && tally_entry_is_slot(entry)) return delete_slot(object, &slots_of(object, type)[tally_entry_slot(entry)]);
	return type->has_table ? delete_own(&target) : 0;
}

// ---- calling ----

static struct tally_object *absent(const struct target *target)
{
	tally_error_raise(TALLY_ERROR_ATTRIBUTE, "attr_call", "a '%s' has no attribute '%.80s'", tally_type(target->object)->name,
	                  ((struct tally_str *)target->name)->bytes);
	return NULL;
}

static struct tally_object *call_and_drop(struct tally_object *callable, tally_object *const *arguments, size_t count)
{
	struct tally_object *result = tally_object_call(callable, arguments, count);
	variant_decref(callable);
	return result;
}

tally_object *tally_attr_call(tally_object *object, tally_object *name, tally_object *const *arguments, size_t count)
{
	struct target target = {"attr_call", object, name, 0};
	struct tally_object *value = NULL, *inherited = NULL;
	if (look_at(&target) || tally_call_check("attr_call", arguments, count)) return NULL;
	bool is_class = object->type == TALLY_TYPE_TYPE;
	int found = is_class ? get_from_class(&target, &value) : get_from_instance(&target, &value, &inherited);
	if (found > 0) return call_and_drop(value, arguments, count);
	if (!inherited) return found < 0 ? NULL : absent(&target);
	variant_incref(inherited);
	if (inherited->type != TALLY_TYPE_FUNCTION) return call_and_drop(inherited, arguments, count);
	struct tally_object *result = tally_object_call_method(inherited, object, arguments, count);
	variant_decref(inherited);
	return result;
}

// ---- all of them ----

// Gives `fresh`, which nobody else has, the table of the instance, whose lock is held; or, where others may be reading that table,
// a copy of it, since from now on it would change under another lock. False: no memory, and nothing has been done.
static bool hand_over(struct tally_instance *instance, struct tally_dict *fresh, struct tally_room *room)
{
	struct tally_table *table = instance->own.table;
	room->replaced = NULL;
	if (table && variant_is_shared(&instance->own.header)) {
		room->log2 = tally_table_log2_for(instance->own.used);
		table = tally_raw_new(tally_table_bytes(room->log2));
		if (!table) return false;
		tally_table_fill(tally_table_init(table, room->log2), instance->own.table);
		room->replaced = instance->own.table;
	}
	if (room->replaced) variant_share(&fresh->header); // its keys may be under comparison, in the former table
	fresh->used = instance->own.used;
	fresh->table = table;
	tally_place_set(&instance->dict, hold(&fresh->header)); // before the table goes (I2)
	tally_keyed_set_table(&instance->own, NULL);
	tally_keyed_set_used(&instance->own, 0);
	return true;
}

static struct tally_object *move_to_dict(struct tally_instance *instance, struct tally_dict *fresh)
{
	struct tally_room room = {.replaced = NULL};
	enum tally_hold taken = variant_lock_take(&instance->own.header);
	bool has_dict = instance->dict || hand_over(instance, fresh, &room);
	struct tally_object *dict = hold(instance->dict);
	variant_lock_drop(&instance->own.header, taken);
	tally_give_up_raw(&instance->own.header, room.replaced);
	return has_dict ? dict : tally_error_null(tally_keyed_no_room(&room, "attr_dict"));
}

tally_object *tally_attr_dict(tally_object *object)
{
	if (!tally_enter_new("attr_dict")) return NULL;
	if (!object || !tally_object_is_instance(object)) return tally_error_null(tally_error_type("attr_dict", "an instance", object));
	if (!tally_instance_class(object)->has_table)
		return tally_error_null(tally_error_raise(TALLY_ERROR_TYPE, "attr_dict", "a '%s' has slots and no dict", tally_type(object)->name));
	struct tally_object *fresh = tally_dict_make("attr_dict");
	if (!fresh) return NULL;
	struct tally_object *dict = move_to_dict((struct tally_instance *)object, (struct tally_dict *)fresh);
	variant_decref(fresh);
	return dict;
}

// ---- their names ----

struct names {
	struct tally_list *list; // nobody else's yet
	size_t needed;           // with those for which there was no room
};

static void add_name(struct names *names, struct tally_object *name)
{
	if (names->needed++ >= names->list->capacity) return;
	variant_incref(name);
	names->list->items[names->list->size++] = name;
}

static void add_keys(struct names *names, const struct tally_table *table)
{
	for (uint32_t i = 0; table && i < table->count; i++)
		if (tally_table_entries(table)[i].key) add_name(names, tally_table_entries(table)[i].key);
}

// The slots that are set, those of the bases first. The instance is locked.
static void add_slots(struct names *names, struct tally_object **slots, const struct tally_class *type)
{
	uint32_t first = type->base ? type->base->slots : 0;
	if (type->base) add_slots(names, slots, type->base);
	for (uint32_t i = 0; i < type->slots - first; i++)
		if (slots[first + i]) add_name(names, tally_table_entries(type->names)[i].key);
}

// The names as of one moment, but for those in a dict, a new reference to which is returned.
static struct tally_object *gather_names(struct names *names, struct tally_object *object)
{
	names->needed = 0;
	if (object->type == TALLY_TYPE_TYPE) {
		add_keys(names, ((struct tally_class *)object)->own);
		return NULL;
	}
	struct tally_class *type = tally_instance_class(object);
	struct tally_object *dict = NULL;
	enum tally_hold taken = variant_lock_take(object);
	add_slots(names, slots_of(object, type), type);
	if (type->has_table) {
		add_keys(names, ((struct tally_instance *)object)->own.table);
		dict = hold(((struct tally_instance *)object)->dict);
	}
	variant_lock_drop(object, taken);
	return dict;
}

// A list of them, and the dict that has the rest. NULL with the error set.
static struct tally_list *list_names(struct tally_object *object, struct tally_object **dict)
{
	struct names names = {.needed = 4};
	for (;;) {
		names.list = tally_list_make("attr_names", names.needed);
		if (!names.list) return NULL;
		*dict = gather_names(&names, object);
		if (names.needed <= names.list->capacity) return names.list;
		if (*dict) variant_decref(*dict);
		variant_decref(&names.list->header);
	}
}

// Appends the keys of the dict, as of one moment. 0, or -1 with the error set.
static int append_keys(struct tally_list *names, struct tally_object *dict)
{
	struct tally_object *keys = tally_dict_list_keys((struct tally_dict *)dict, "attr_names");
	variant_decref(dict);
	if (!keys) return -1;
	int status = 0;
	struct tally_list *list = (struct tally_list *)keys;
	for (uint32_t i = 0; i < list->size && !status; i++) status = tally_list_add(names, list->items[i], "attr_names");
	variant_decref(keys);
	return status;
}

tally_object *tally_attr_names(tally_object *object)
{
	struct tally_object *dict = NULL;
	if (!tally_enter_new("attr_names")) return NULL;
	if (!object || (!tally_object_is_instance(object) && !tally_object_is_class(object))) return tally_error_null(expected("attr_names", object));
	struct tally_list *names = list_names(object, &dict);
	if (!names) return NULL;
	if (!dict || !append_keys(names, dict)) return &names->header;
	variant_decref(&names->header);
	return NULL;
}
