// tests/class.c: classes made at run time and their instances: attributes and how they are found, slots, hooks, errors,
// garbage in which classes take part, and what happens when memory runs out. How classes die: class_death.c.
#include "classes.h"
#include "turns.h"

static size_t length_of(tally_object *object)
{
	size_t length = SIZE_MAX;
	CHECK_EQ(tally_len(object, &length), 0);
	return length;
}

static size_t size_of(tally_object *object)
{
	size_t bytes = SIZE_MAX;
	CHECK_EQ(tally_sizeof(object, &bytes), 0);
	return bytes;
}

static uint64_t live_bytes(void)
{
	tally_heap_stats stats = {.size = sizeof stats};
	CHECK_EQ(tally_heap_stats_get(&stats), 0);
	return stats.live_bytes;
}

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...) drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

// ---- classes ----

static void a_class_has_its_name_and_its_base_and_its_instances_are_of_it(void)
{
	tally_object *base = CLASS(.name = "shape"), *type = CLASS(.name = "circle", .base = base);
	tally_object *self = instance(type);
	CHECK(tally_is_class(base) && tally_is_class(type) && !tally_is_instance(type));
	CHECK(tally_is_instance(self) && !tally_is_class(self));
	CHECK_STR(tally_class_name(type), "circle");
	CHECK_STR(tally_type_name(self), "circle");
	CHECK_STR(tally_type_name(type), "type");
	tally_object *found = must(tally_type_of(self)), *above = must(tally_class_base(type));
	CHECK_PTR(found, type);
	CHECK_PTR(above, base);
	CHECK_PTR(tally_class_base(base), NULL);
	CHECK_NO_ERROR();
	DROP(found, above, self, type, base);
}

static void the_longest_name_has_63_bytes_and_is_copied(void)
{
	char name[64];
	memset(name, 'n', 63);
	name[63] = '\0';
	tally_object *type = CLASS(.name = name);
	name[0] = 'x';
	CHECK_EQ(strlen(tally_class_name(type)), 63);
	CHECK_EQ(tally_class_name(type)[0], 'n');
	tally_decref(type);
}

static void other_types_have_a_name_too_and_are_no_classes(void)
{
	tally_object *host = node_type(NODE_PLAIN), *node = node_new(host, 1), *list = must(tally_list_new());
	tally_object *types[] = {host, must(tally_type_of(list)), must(tally_type_of(tally_none())),
	        must(tally_type_of(host))};
	static const char *const names[] = {"node", "list", "none", "type"};
	for (int i = 0; i < 4; i++) {
		CHECK_STR(tally_class_name(types[i]), names[i]);
		CHECK(!tally_is_class(types[i]) && !tally_is_instance(types[i]));
		CHECK_PTR(tally_class_base(types[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "class_base");
		CHECK_PTR(tally_instance_new(types[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "instance_new");
	}
	CHECK(!tally_is_instance(node) && !tally_is_class(node) && !tally_is_instance(NULL) && !tally_is_class(NULL));
	DROP(node, list, types[1], types[2], types[3]);
}

static void what_is_no_type_is_refused(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type);
	tally_object *wrong[] = {NULL, self, tally_none()};
	for (int i = 0; i < 3; i++) {
		CHECK_PTR(tally_instance_new(wrong[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "instance_new");
		CHECK_PTR(tally_class_base(wrong[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "class_base");
		CHECK_STR(tally_class_name(wrong[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "class_name");
	}
	CHECK_PTR(tally_host_new(type), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "host_new");
	CHECK_PTR(tally_host_payload(self, type), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "host_payload");
	DROP(self, type);
}

static int releases;

static void note_release(void *context)
{
	(void)context;
	releases++;
}

static void check_refused(tally_class_spec *spec, enum tally_error_code code)
{
	tally_object *type = tally_class_new(spec);
	CHECK_PTR(type, NULL);
	CHECK_FAILED(code, "class_new");
	CHECK_EQ(releases, 0);
	tally_decref(type);
}

static void check_malformed(tally_class_spec spec)
{
	if (!spec.size) spec.size = sizeof spec;
	if (!spec.name) spec.name = "thing";
	spec.release = note_release;
	check_refused(&spec, TALLY_ERROR_VALUE);
}

static void a_malformed_description_is_refused(void)
{
	static const char *const twice[] = {"a", "b", "a"}, *const missing[] = {"a", NULL}, *const bad[] = {"\xFF"};
	char long_name[65];
	memset(long_name, 'n', 64);
	long_name[64] = '\0';
	releases = 0;
	check_refused(NULL, TALLY_ERROR_VALUE);
	tally_class_spec nameless = {.size = sizeof nameless, .release = note_release};
	check_refused(&nameless, TALLY_ERROR_VALUE);
	check_malformed((tally_class_spec){.name = ""});
	check_malformed((tally_class_spec){.name = long_name});
	check_malformed((tally_class_spec){.size = sizeof(tally_class_spec) + 8});
	check_malformed((tally_class_spec){.size = 1});
	check_malformed((tally_class_spec){.slots = twice, .slot_count = 3});
	check_malformed((tally_class_spec){.slots = missing, .slot_count = 2});
	check_malformed((tally_class_spec){.slots = bad, .slot_count = 1});
	check_malformed((tally_class_spec){.slot_count = 1});
	CHECK_EQ(fixture_live_objects(), 0);
}

// A host that was compiled when the struct had fewer fields: what lies behind its size is not looked at.
static void a_shorter_description_has_zeros_in_the_rest(void)
{
	tally_class_spec spec = {.size = offsetof(tally_class_spec, slots), .name = "old", .slot_count = 7,
	        .release = note_release};
	releases = 0;
	tally_object *type = must(tally_class_new(&spec)), *self = must(tally_call(type, NULL, 0));
	set_int(self, "x", 1000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	DROP(self, type);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(releases, 0);
}

static void a_slot_that_a_base_names_is_refused(void)
{
	static const char *const first[] = {"a", "b"}, *const second[] = {"c", "b"};
	tally_object *base = CLASS(.name = "base", .slots = first, .slot_count = 2);
	tally_object *middle = CLASS(.name = "middle", .base = base);
	releases = 0;
	check_malformed((tally_class_spec){.base = base, .slots = second, .slot_count = 2});
	check_malformed((tally_class_spec){.base = middle, .slots = second, .slot_count = 2});
	DROP(middle, base);
}

static void a_base_must_be_a_class(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing")), *host = node_type(NODE_PLAIN);
	tally_object *list = must(tally_list_new());
	tally_object *wrong[] = {self, host, list, must(tally_type_of(list)), tally_none()};
	releases = 0;
	for (int i = 0; i < 5; i++) {
		tally_class_spec spec = {.size = sizeof spec, .name = "sub", .base = wrong[i], .release = note_release};
		uint32_t before = tally_refcount(wrong[i]);
		check_refused(&spec, TALLY_ERROR_TYPE);
		CHECK_EQ(tally_refcount(wrong[i]), before);
	}
	DROP(self, list, wrong[3]);
}

static void a_hundred_bases_in_a_row_are_allowed(void)
{
	tally_object *top = CLASS(.name = "top"), *type = tally_incref(top);
	for (int i = 0; i < 100; i++) {
		tally_object *next = CLASS(.name = "next", .base = type);
		tally_decref(type);
		type = next;
	}
	set_int(top, "far", 5000);
	tally_object *self = instance(type);
	CHECK_EQ(attr_int(self, "far"), 5000);
	CHECK_EQ(tally_isinstance(self, top), 1);
	releases = 0;
	check_malformed((tally_class_spec){.base = type});
	DROP(self, type, top);
}

static void an_instance_is_of_its_class_and_of_those_that_this_one_inherits_from(void)
{
	tally_object *a = CLASS(.name = "a"), *b = CLASS(.name = "b", .base = a), *c = CLASS(.name = "c", .base = b);
	tally_object *other = CLASS(.name = "other"), *self = instance(b), *number = integer(1000);
	tally_object *int_type = must(tally_type_of(number)), *type_type = must(tally_type_of(a));
	CHECK_EQ(tally_isinstance(self, b), 1);
	CHECK_EQ(tally_isinstance(self, a), 1);
	CHECK_EQ(tally_isinstance(self, c), 0);
	CHECK_EQ(tally_isinstance(self, other), 0);
	CHECK_EQ(tally_isinstance(self, int_type), 0);
	CHECK_EQ(tally_isinstance(number, a), 0);
	CHECK_EQ(tally_isinstance(number, int_type), 1);
	CHECK_EQ(tally_isinstance(a, a), 0);
	CHECK_EQ(tally_isinstance(a, type_type), 1);
	CHECK_NO_ERROR();
	DROP(self, number, int_type, type_type, c, b, a, other);
}

static void one_type_of_a_tuple_suffices(void)
{
	tally_object *a = CLASS(.name = "a"), *b = CLASS(.name = "b", .base = a);
	tally_object *other = CLASS(.name = "other"), *self = instance(b);
	tally_object *number = integer(1000), *int_type = must(tally_type_of(number));
	tally_object *found = must(tally_tuple_new((tally_object *[]){other, int_type, a}, 3));
	tally_object *absent = must(tally_tuple_new((tally_object *[]){other, int_type}, 2));
	tally_object *none = must(tally_tuple_new(NULL, 0));
	CHECK_EQ(tally_isinstance(self, found), 1);
	CHECK_EQ(tally_isinstance(self, absent), 0);
	CHECK_EQ(tally_isinstance(number, absent), 1);
	CHECK_EQ(tally_isinstance(self, none), 0);
	CHECK_NO_ERROR();
	DROP(found, absent, none, number, int_type, self, b, a, other);
}

static void isinstance_of_what_is_no_type_is_an_error(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing")), *number = integer(1000);
	tally_object *tuple = must(tally_tuple_new(&number, 1)), *wrong[] = {NULL, self, number, tuple};
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(tally_isinstance(self, wrong[i]), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "isinstance");
	}
	CHECK_EQ(tally_isinstance(NULL, wrong[0]), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "isinstance");
	DROP(tuple, number, self);
}

static void classes_and_their_instances_are_tracked_and_other_types_are_not(void)
{
	static const char *const slots[] = {"a"};
	tally_object *type = CLASS(.name = "thing"), *self = instance(type);
	tally_object *slotted = CLASS(.name = "slotted", .slots = slots, .slot_count = 1), *compact = instance(slotted);
	tally_object *bare = CLASS(.name = "bare", .has_slots = true), *empty = instance(bare);
	tally_object *host = node_type(NODE_WHOLE);
	tally_object *int_type = must(tally_type_of(tally_bool(true)));
	CHECK(tally_gc_is_tracked(type) && tally_gc_is_tracked(self));
	CHECK(tally_gc_is_tracked(slotted) && tally_gc_is_tracked(compact));
	CHECK(tally_gc_is_tracked(bare) && tally_gc_is_tracked(empty));
	CHECK(!tally_gc_is_tracked(host) && !tally_gc_is_tracked(int_type));
	DROP(self, type, compact, slotted, empty, bare);
}

static tally_object *outer_type, *outer_self, *outer_name;

#define CHECK_THREAD(call, failed, operation)                                                                   \
	(CHECK((call) == (failed)), CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD), check_operation(operation))

static void check_operation(const char *operation)
{
	CHECK_PART(tally_error_message(), operation);
	tally_error_clear();
}

static void try_without_being_attached(void)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "thing", .release = note_release};
	tally_object *value = outer_name;
	CHECK_THREAD(tally_class_new(&spec), NULL, "class_new");
	CHECK_THREAD(tally_class_base(outer_type), NULL, "class_base");
	CHECK_THREAD(tally_class_name(outer_type), NULL, "class_name");
	CHECK_THREAD(tally_instance_new(outer_type), NULL, "instance_new");
	CHECK_THREAD(tally_attr_get(outer_self, outer_name, &value), -1, "attr_get");
	CHECK_THREAD(tally_attr_set(outer_self, outer_name, outer_name), -1, "attr_set");
	CHECK_THREAD(tally_attr_set(outer_type, outer_name, outer_name), -1, "attr_set");
	CHECK_THREAD(tally_attr_delete(outer_self, outer_name), -1, "attr_delete");
	CHECK_THREAD(tally_attr_call(outer_self, outer_name, NULL, 0), NULL, "attr_call");
	CHECK_THREAD(tally_attr_dict(outer_self), NULL, "attr_dict");
	CHECK_THREAD(tally_attr_names(outer_self), NULL, "attr_names");
	CHECK_THREAD(tally_isinstance(outer_self, outer_type), -1, "isinstance");
}

static void a_thread_that_is_not_attached_is_refused(void)
{
	outer_type = CLASS(.name = "thing");
	outer_self = instance(outer_type);
	outer_name = text("x");
	releases = 0;
	set_int(outer_self, "x", 1000);
	run_unattached(try_without_being_attached);
	CHECK_EQ(releases, 0);
	CHECK_EQ(attr_int(outer_self, "x"), 1000);
	DROP(outer_self, outer_type, outer_name);
}

// ---- attributes of instances ----

static void an_attribute_is_set_found_changed_and_deleted(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing")), *value = tally_none();
	CHECK_EQ(get_attr(self, "x", &value), 0);
	CHECK_PTR(value, NULL);
	CHECK_EQ(delete_attr(self, "x"), 0);
	set_int(self, "x", 1000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	set_int(self, "x", 2000);
	CHECK_EQ(attr_int(self, "x"), 2000);
	CHECK_EQ(delete_attr(self, "x"), 1);
	CHECK_ABSENT(self, "x");
	CHECK_EQ(delete_attr(self, "x"), 0);
	CHECK_NO_ERROR();
	tally_decref(self);
}

static void the_names_come_in_the_order_of_insertion(void)
{
	tally_object *type = CLASS(.name = "thing"), *owners[] = {type, instance(type)};
	for (int i = 0; i < 2; i++) {
		CHECK_STR(names_of(owners[i]), "");
		for (const char *const *name = (const char *const[]){"pear", "apple", "fig", NULL}; *name; name++)
			set_int(owners[i], *name, 1000);
		CHECK_STR(names_of(owners[i]), "pear apple fig");
		set_int(owners[i], "apple", 2000);
		CHECK_STR(names_of(owners[i]), "pear apple fig");
		CHECK_EQ(delete_attr(owners[i], "pear"), 1);
		set_int(owners[i], "pear", 3000);
		CHECK_STR(names_of(owners[i]), "apple fig pear");
	}
	DROP(owners[1], type);
}

static void the_list_of_names_is_the_callers_own(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing"));
	set_int(self, "x", 1000);
	tally_object *names = must(tally_attr_names(self));
	push(names, names);
	CHECK_STR(names_of(self), "x");
	CHECK_EQ(tally_list_clear(names), 0);
	CHECK_EQ(attr_int(self, "x"), 1000);
	DROP(names, self);
}

static void the_text_of_a_name_counts_not_which_str_it_is(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing")), *one = text("name"), *two = text("name");
	tally_object *value = NULL;
	CHECK(!tally_is(one, two));
	CHECK_EQ(tally_attr_set(self, one, self), 0);
	CHECK_EQ(tally_attr_get(self, two, &value), 1);
	CHECK_PTR(value, self);
	CHECK_EQ(tally_attr_delete(self, two), 1);
	DROP(value, one, two, self);
}

static void empty_and_foreign_texts_are_names_like_others(void)
{
	tally_object *type = CLASS(.name = "thing"), *owners[] = {type, instance(type)};
	tally_object *nul = must(tally_str_new("a\0b", 3)), *value = NULL;
	for (int i = 0; i < 2; i++) {
		set_int(owners[i], "", 1000);
		set_int(owners[i], "h\xC3\xB6he", 2000);
		CHECK_EQ(tally_attr_get(owners[i], nul, &value), 0);
		CHECK_EQ(tally_attr_set(owners[i], nul, owners[i]), 0);
		CHECK_ABSENT(owners[i], "a");
		CHECK_EQ(attr_int(owners[i], ""), 1000);
		CHECK_EQ(attr_int(owners[i], "h\xC3\xB6he"), 2000);
		CHECK_EQ(tally_attr_delete(owners[i], nul), 1);
	}
	DROP(nul, owners[1], type);
}

static void an_attribute_is_one_reference(void)
{
	tally_object *type = CLASS(.name = "thing"), *owners[] = {type, instance(type)}, *value = integer(1000);
	for (int i = 0; i < 2; i++) {
		set_attr(owners[i], "x", value);
		CHECK_EQ(tally_refcount(value), 2);
		set_attr(owners[i], "x", value);
		CHECK_EQ(tally_refcount(value), 2);
		tally_object *found = attr(owners[i], "x");
		CHECK_EQ(tally_refcount(value), 3);
		tally_decref(found);
		CHECK_EQ(delete_attr(owners[i], "x"), 1);
		CHECK_EQ(tally_refcount(value), 1);
	}
	DROP(value, owners[1], type);
}

static void what_an_attribute_gives_up_dies_at_once(void)
{
	tally_object *probes = fixture_probe_type(), *type = CLASS(.name = "thing"), *self = instance(type);
	set_own(self, "x", probe(probes, 0));
	set_own(self, "x", probe(probes, 1));
	check_died_in_order(1);
	CHECK_EQ(delete_attr(self, "x"), 1);
	check_died_in_order(2);
	set_own(type, "x", probe(probes, 2));
	set_own(type, "x", probe(probes, 3));
	check_died_in_order(3);
	CHECK_EQ(delete_attr(type, "x"), 1);
	check_died_in_order(4);
	for (int i = 4; i < 9; i++) set_own(self, (char[]){(char)('a' + i), 0}, probe(probes, i));
	tally_decref(self);
	check_died_in_order(9);
	tally_decref(type);
}

static void a_name_that_is_no_str_is_refused(void)
{
	static const char *const slots[] = {"a"};
	tally_object *type = CLASS(.name = "thing"), *slotted = CLASS(.name = "slotted", .slots = slots, .slot_count = 1);
	tally_object *objects[] = {type, instance(type), instance(slotted)}, *number = integer(1000);
	tally_object *names[] = {NULL, number, type};
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 3; j++) {
			tally_object *value = tally_none();
			CHECK_EQ(tally_attr_get(objects[i], names[j], &value), -1);
			CHECK_PTR(value, NULL);
			CHECK_FAILED(TALLY_ERROR_TYPE, "attr_get");
			CHECK_EQ(tally_attr_set(objects[i], names[j], number), -1);
			CHECK_FAILED(TALLY_ERROR_TYPE, "attr_set");
			CHECK_EQ(tally_attr_delete(objects[i], names[j]), -1);
			CHECK_FAILED(TALLY_ERROR_TYPE, "attr_delete");
			CHECK_PTR(tally_attr_call(objects[i], names[j], NULL, 0), NULL);
			CHECK_FAILED(TALLY_ERROR_TYPE, "attr_call");
		}
	}
	CHECK_EQ(tally_refcount(number), 1);
	DROP(objects[1], objects[2], type, slotted, number);
}

static void other_objects_have_no_attributes(void)
{
	tally_object *host = node_type(NODE_PLAIN), *node = node_new(host, 1), *list = must(tally_list_new());
	tally_object *name = text("x");
	tally_object *objects[] = {NULL, tally_none(), list, name, node, host};
	for (int i = 0; i < 6; i++) {
		tally_object *value = tally_none();
		CHECK_EQ(tally_attr_get(objects[i], name, &value), -1);
		CHECK_PTR(value, NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_get");
		CHECK_EQ(tally_attr_set(objects[i], name, name), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_set");
		CHECK_EQ(tally_attr_delete(objects[i], name), -1);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_delete");
		CHECK_PTR(tally_attr_call(objects[i], name, NULL, 0), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_call");
		CHECK_PTR(tally_attr_names(objects[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_names");
		CHECK_PTR(tally_attr_dict(objects[i]), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_dict");
	}
	CHECK_EQ(tally_refcount(name), 1);
	DROP(node, list, name);
}

static void a_value_of_null_is_refused(void)
{
	static const char *const slots[] = {"x"};
	tally_object *type = CLASS(.name = "thing"), *slotted = CLASS(.name = "slotted", .slots = slots, .slot_count = 1);
	tally_object *objects[] = {type, instance(type), instance(slotted)}, *name = text("x");
	for (int i = 0; i < 3; i++) {
		set_int(objects[i], "x", 1000);
		CHECK_EQ(tally_attr_set(objects[i], name, NULL), -1);
		CHECK(tally_error_code() == TALLY_ERROR_TYPE || tally_error_code() == TALLY_ERROR_VALUE);
		tally_error_clear();
		CHECK_EQ(attr_int(objects[i], "x"), 1000);
	}
	DROP(objects[1], objects[2], type, slotted, name);
}

static void an_instance_may_have_thousands_of_attributes(void)
{
	enum { COUNT = 3000 };
	tally_object *type = CLASS(.name = "thing"), *owners[] = {type, instance(type)};
	char name[16];
	for (int i = 0; i < 2; i++) {
		const int count = i ? COUNT : COUNT / 10;
		for (int j = 0; j < count; j++) snprintf(name, sizeof name, "a%d", j), set_int(owners[i], name, 1000 + j);
		for (int j = 0; j < count; j += 3) snprintf(name, sizeof name, "a%d", j), delete_attr(owners[i], name);
		for (int j = 0; j < count; j++) {
			snprintf(name, sizeof name, "a%d", j);
			if (!CHECK_EQ(attr_int(owners[i], name), j % 3 ? 1000 + j : INT64_MIN)) break;
		}
	}
	DROP(owners[1], type);
}

// ---- attributes of classes ----

static void an_attribute_of_a_class_is_seen_through_everything_below_it(void)
{
	tally_object *a = CLASS(.name = "a"), *b = CLASS(.name = "b", .base = a);
	tally_object *c = CLASS(.name = "c", .base = b), *self = instance(c);
	set_int(a, "x", 1000);
	CHECK_EQ(attr_int(a, "x"), 1000);
	CHECK_EQ(attr_int(b, "x"), 1000);
	CHECK_EQ(attr_int(c, "x"), 1000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	CHECK_STR(names_of(c), "");
	CHECK_STR(names_of(self), "");
	CHECK_EQ(delete_attr(self, "x"), 0);
	CHECK_EQ(delete_attr(c, "x"), 0);
	CHECK_EQ(attr_int(self, "x"), 1000);
	DROP(self, c, b, a);
}

static void the_nearest_attribute_wins(void)
{
	tally_object *a = CLASS(.name = "a"), *b = CLASS(.name = "b", .base = a);
	tally_object *c = CLASS(.name = "c", .base = b), *self = instance(c);
	tally_object *owners[] = {a, b, c, self};
	for (int i = 0; i < 4; i++) {
		set_int(owners[i], "x", 1000 + i);
		CHECK_EQ(attr_int(self, "x"), 1000 + i);
		CHECK_EQ(attr_int(a, "x"), 1000);
	}
	for (int i = 3; i > 0; i--) {
		CHECK_EQ(delete_attr(owners[i], "x"), 1);
		CHECK_EQ(attr_int(self, "x"), 1000 + i - 1);
	}
	CHECK_EQ(delete_attr(a, "x"), 1);
	CHECK_ABSENT(self, "x");
	DROP(self, c, b, a);
}

// Each is looked up before and after each change, so whatever remembers an answer has had the chance to.
static void a_change_of_a_base_is_seen_at_once(void)
{
	tally_object *a = CLASS(.name = "a"), *b = CLASS(.name = "b", .base = a), *c = CLASS(.name = "c", .base = b);
	tally_object *selves[] = {instance(b), instance(c), instance(c)};
	CHECK_ABSENT(selves[1], "x");
	CHECK_ABSENT(selves[1], "x");
	for (int i = 0; i < 50; i++) {
		set_int(a, "x", 1000 + i);
		for (int j = 0; j < 3; j++) CHECK_EQ(attr_int(selves[j], "x"), 1000 + i);
		CHECK_EQ(attr_int(c, "x"), 1000 + i);
		if (i % 5) continue;
		set_int(b, "x", 2000 + i);
		for (int j = 0; j < 3; j++) CHECK_EQ(attr_int(selves[j], "x"), 2000 + i);
		CHECK_EQ(delete_attr(b, "x"), 1);
		for (int j = 0; j < 3; j++) CHECK_EQ(attr_int(selves[j], "x"), 1000 + i);
		CHECK_EQ(delete_attr(a, "x"), 1);
		for (int j = 0; j < 3; j++) CHECK_ABSENT(selves[j], "x");
	}
	DROP(selves[0], selves[1], selves[2], c, b, a);
}

static void a_class_made_below_another_sees_what_this_one_gets_later(void)
{
	tally_object *a = CLASS(.name = "a"), *old = instance(a);
	CHECK_ABSENT(old, "x");
	tally_object *b = CLASS(.name = "b", .base = a), *self = instance(b);
	CHECK_ABSENT(self, "x");
	set_int(a, "x", 1000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	CHECK_EQ(attr_int(old, "x"), 1000);
	DROP(self, old, b, a);
}

// More names than a cache of any sensible size has places, in classes that share all of them.
static void many_names_in_many_classes_are_not_mixed_up(void)
{
	enum { NAMES = 200, TYPES = 20 };
	tally_object *base = CLASS(.name = "base"), *types[TYPES], *selves[TYPES];
	char name[16];
	for (int i = 0; i < NAMES; i++) snprintf(name, sizeof name, "n%d", i), set_int(base, name, 1000 + i);
	for (int i = 0; i < TYPES; i++) {
		types[i] = CLASS(.name = "type", .base = base);
		selves[i] = instance(types[i]);
		for (int j = i; j < NAMES; j += TYPES) {
			snprintf(name, sizeof name, "n%d", j);
			set_int(types[i], name, 5000 + j);
		}
	}
	for (int round = 0; round < 2; round++) {
		for (int j = 0; j < NAMES; j++) {
			snprintf(name, sizeof name, "n%d", j);
			for (int i = 0; i < TYPES; i++)
				if (!CHECK_EQ(attr_int(selves[i], name), (j % TYPES == i ? 5000 : 1000) + j)) return;
		}
	}
	drop(selves, TYPES);
	drop(types, TYPES);
	tally_decref(base);
}

// Each name is a str that dies after use, so that the next one may stand in its place.
static void names_that_come_and_go_find_what_belongs_to_them(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type);
	char name[16];
	for (int i = 0; i < 100; i += 2) snprintf(name, sizeof name, "n%d", i), set_int(type, name, 1000 + i);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof name, "n%d", (i * 37 + round) % 100);
			int64_t number = atoi(name + 1);
			if (!CHECK_EQ(attr_int(self, name), number % 2 ? INT64_MIN : 1000 + number)) return;
		}
	}
	DROP(self, type);
}

// ---- functions and methods ----

static void check_packed(tally_object *result, tally_object *const *expected, size_t count)
{
	size_t size = SIZE_MAX;
	if (!CHECK(result)) {
		tap_note("%s", tally_error_message());
		return;
	}
	CHECK_EQ(tally_tuple_size(result, &size), 0);
	if (CHECK_EQ(size, count)) {
		for (size_t i = 0; i < count; i++) {
			tally_object *item = tally_tuple_get(result, (ptrdiff_t)i);
			CHECK_PTR(item, expected[i]);
			tally_decref(item);
		}
	}
	tally_decref(result);
}

static void a_function_of_a_class_comes_bound_and_one_of_the_instance_does_not(void)
{
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "type", .base = base);
	tally_object *self = instance(type), *pack_it = packer();
	set_attr(base, "method", pack_it);
	set_attr(self, "own", pack_it);
	tally_object *method = attr(self, "method"), *own = attr(self, "own"), *plain = attr(type, "method");
	CHECK(tally_is_method(method));
	CHECK_PTR(own, pack_it);
	CHECK_PTR(plain, pack_it);
	tally_object *bound = must(tally_method_self(method)), *bare = must(tally_method_function(method));
	CHECK_PTR(bound, self);
	CHECK_PTR(bare, pack_it);
	check_packed(tally_call(method, &type, 1), (tally_object *[]){self, type}, 2);
	check_packed(tally_call(own, &type, 1), &type, 1);
	check_packed(tally_call(plain, &type, 1), &type, 1);
	DROP(bound, bare, method, own, plain, self, type, base, pack_it);
}

static void two_methods_of_one_function_and_one_instance_are_equal(void)
{
	tally_object *type = CLASS(.name = "type"), *self = instance(type), *other = instance(type);
	set_own(type, "method", packer());
	tally_object *one = attr(self, "method"), *two = attr(self, "method"), *third = attr(other, "method");
	uint64_t hash[2] = {1, 2};
	CHECK(!tally_is(one, two));
	CHECK_EQ(tally_equal(one, two), 1);
	CHECK_EQ(tally_equal(one, third), 0);
	CHECK_EQ(tally_hash(one, &hash[0]), 0);
	CHECK_EQ(tally_hash(two, &hash[1]), 0);
	CHECK_EQ(hash[0], hash[1]);
	DROP(one, two, third, self, other, type);
}

static tally_object *call_packs(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	tally_object *items[8] = {self};
	(void)context;
	for (size_t i = 0; i < count && i < 7; i++) items[i + 1] = arguments[i];
	return tally_tuple_new(items, count + 1);
}

static void only_functions_are_bound(void)
{
	tally_object *type = CLASS(.name = "type"), *self = instance(type);
	tally_object *callables = CLASS(.name = "callable", .call = call_packs);
	tally_object *pack_it = packer();
	tally_object *values[] = {must(tally_method_new(pack_it, callables)), instance(callables), callables,
	                                             must(tally_cell_new(pack_it)), must(tally_list_new()), tally_none()};
	for (int i = 0; i < 6; i++) {
		set_attr(type, "x", values[i]);
		tally_object *found = attr(self, "x");
		CHECK_PTR(found, values[i]);
		tally_decref(found);
	}
	DROP(values[0], values[1], values[3], values[4], pack_it, self, type, callables);
}

static void calling_an_attribute_is_getting_it_and_calling_what_was_got(void)
{
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "type", .base = base), *self = instance(type);
	tally_object *callables = CLASS(.name = "callable", .call = call_packs);
	tally_object *callable = instance(callables), *pack_it = packer();
	set_attr(base, "inherited", pack_it);
	set_attr(type, "method", pack_it);
	set_attr(type, "called", callable);
	set_attr(self, "own", pack_it);
	static const char *const names[] = {"inherited", "method", "called", "own"};
	for (int i = 0; i < 8; i++) {
		tally_object *owner = i < 4 ? self : type, *arguments[] = {base, type};
		if (i == 7) continue; // "own" is the instance's
		tally_object *got = attr(owner, names[i % 4]);
		tally_object *expected = must(tally_call(got, arguments, 2));
		tally_object *called = call_attr(owner, names[i % 4], arguments, 2);
		if (!CHECK(called) || !CHECK_EQ(tally_equal(called, expected), 1)) tap_note("%s, %d", names[i % 4], i);
		DROP(got, expected, called);
	}
	check_packed(call_attr(self, "method", NULL, 0), &self, 1);
	check_packed(call_attr(type, "method", NULL, 0), NULL, 0);
	DROP(self, type, base, callable, callables, pack_it);
}

static void many_arguments_reach_a_method_in_their_order(void)
{
	enum { COUNT = 100 };
	tally_object *type = CLASS(.name = "type"), *self = instance(type), *all[COUNT + 1] = {self};
	set_own(type, "method", packer());
	for (int i = 1; i <= COUNT; i++) all[i] = integer(1000 + i);
	for (size_t count = 0; count <= COUNT; count += count < 20 ? 1 : 16)
		check_packed(call_attr(self, "method", all + 1, count), all, count + 1);
	drop(all + 1, COUNT);
	DROP(self, type);
}

static tally_object *fails(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context;
	(void)captured;
	(void)arguments;
	(void)count;
	tally_error_set(TALLY_ERROR_CLOSING, "the host says no");
	return NULL;
}

static void a_call_of_an_attribute_that_cannot_be_says_why(void)
{
	tally_object *type = CLASS(.name = "gadget"), *self = instance(type);
	set_own(type, "fails", function("fails", fails, 0, SIZE_MAX));
	set_own(type, "picky", function("picky", pack, 2, 2));
	set_int(type, "number", 1000);
	CHECK_PTR(call_attr(self, "missing", NULL, 0), NULL);
	CHECK_PART(tally_error_message(), "missing");
	CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "gadget");
	CHECK_PTR(call_attr(type, "missing", NULL, 0), NULL);
	CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "missing");
	CHECK_PTR(call_attr(self, "number", NULL, 0), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "int");
	CHECK_PTR(call_attr(self, "fails", NULL, 0), NULL);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "the host says no");
	CHECK_PTR(call_attr(self, "picky", NULL, 0), NULL); // self is one argument, two are wanted
	CHECK_FAILED(TALLY_ERROR_TYPE, "picky");
	check_packed(call_attr(self, "picky", &type, 1), (tally_object *[]){self, type}, 2);
	CHECK_PTR(call_attr(self, "picky", (tally_object *[]){NULL}, 1), NULL);
	CHECK_FAILED(TALLY_ERROR_VALUE, "");
	CHECK_EQ(tally_refcount(self), 1);
	DROP(self, type);
}

static tally_object *says_nothing(void *context, tally_object *const *captured, tally_object *const *arguments,
        size_t count)
{
	(void)context;
	(void)captured;
	(void)arguments;
	(void)count;
	return NULL;
}

static void a_method_that_fails_without_an_error_fails_alike_in_both_ways_to_call_it(void)
{
	tally_object *type = CLASS(.name = "type"), *self = instance(type);
	set_own(type, "mute", function("mute", says_nothing, 0, SIZE_MAX));
	tally_object *method = attr(self, "mute");
	CHECK_PTR(tally_call(method, NULL, 0), NULL);
	enum tally_error_code code = tally_error_code();
	CHECK(code != TALLY_ERROR_NONE);
	tally_error_clear();
	CHECK_PTR(call_attr(self, "mute", NULL, 0), NULL);
	CHECK_EQ(tally_error_code(), code);
	tally_error_clear();
	DROP(method, self, type);
}

static tally_object *deletes_itself(void *context, tally_object *const *captured, tally_object *const *arguments,
        size_t count)
{
	(void)context;
	(void)captured;
	CHECK_EQ(count, 1);
	tally_object *type = must(tally_type_of(arguments[0]));
	CHECK_EQ(delete_attr(type, "method"), 1);
	tally_decref(type);
	CHECK_STR(tally_type_name(arguments[0]), "type");
	return tally_none();
}

static void a_method_may_delete_itself_from_its_class(void)
{
	tally_object *type = CLASS(.name = "type"), *self = instance(type);
	for (int i = 0; i < 2; i++) {
		set_own(type, "method", function("deletes_itself", deletes_itself, 1, 1));
		tally_object *method = i ? attr(self, "method") : NULL;
		tally_decref(must(method ? tally_call(method, NULL, 0) : call_attr(self, "method", NULL, 0)));
		tally_decref(method);
		CHECK_ABSENT(self, "method");
	}
	DROP(self, type);
}

// ---- the dict ----

static void the_dict_of_an_instance_and_the_instance_see_every_change(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing"));
	set_int(self, "before", 1000);
	tally_object *dict = must(tally_attr_dict(self)), *again = must(tally_attr_dict(self));
	tally_object *key = text("after"), *value = integer(2000);
	CHECK(tally_is_dict(dict));
	CHECK_PTR(dict, again);
	CHECK_EQ(length_of(dict), 1);
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(attr_int(self, "after"), 2000);
	CHECK_STR(names_of(self), "before after");
	set_int(self, "after", 3000);
	tally_object *seen = NULL;
	CHECK_EQ(tally_dict_get(dict, key, &seen), 1);
	CHECK_EQ(take_value(seen), 3000);
	CHECK_EQ(delete_attr(self, "before"), 1);
	CHECK_EQ(length_of(dict), 1);
	CHECK_EQ(tally_dict_clear(dict), 0);
	CHECK_ABSENT(self, "after");
	CHECK_STR(names_of(self), "");
	DROP(dict, again);
	set_int(self, "later", 4000);
	dict = must(tally_attr_dict(self));
	CHECK_EQ(length_of(dict), 1);
	DROP(dict, key, value, self);
}

static void the_dict_of_an_instance_without_attributes_serves_too(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing")), *dict = must(tally_attr_dict(self));
	tally_object *key = text("x"), *value = integer(1000);
	CHECK_EQ(length_of(dict), 0);
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(attr_int(self, "x"), 1000);
	set_int(self, "y", 2000);
	CHECK_EQ(length_of(dict), 2);
	DROP(key, value, dict, self);
}

static void the_dict_survives_its_instance(void)
{
	tally_object *probes = fixture_probe_type(), *self = only_instance(CLASS(.name = "thing"));
	set_own(self, "x", probe(probes, 0));
	set_int(self, "y", 1000);
	tally_object *dict = must(tally_attr_dict(self)), *key = text("y"), *value = NULL;
	tally_decref(self);
	CHECK_COLLECT(2, 1); // the class
	check_died_in_order(0);
	CHECK_EQ(length_of(dict), 2);
	CHECK_EQ(tally_dict_get(dict, key, &value), 1);
	CHECK_EQ(take_value(value), 1000);
	DROP(key, dict);
	check_died_in_order(1);
}

static void a_dict_exists_only_when_it_was_asked_for(void)
{
	tally_object *type = CLASS(.name = "node"), *next = text("next");
	uint64_t before = fixture_live_objects();
	for (uint64_t more = 0; more < 3; more++) {
		tally_object *a = instance(type), *b = instance(type);
		CHECK_EQ(tally_attr_set(a, next, b), 0);
		CHECK_EQ(tally_attr_set(b, next, a), 0);
		CHECK_EQ(fixture_live_objects(), before + 2);
		if (more > 0) tally_decref(must(tally_attr_dict(a)));
		if (more > 1) tally_decref(must(tally_attr_dict(b)));
		CHECK_EQ(fixture_live_objects(), before + 2 + more);
		DROP(a, b);
		CHECK_COLLECT(2, 2 + (int64_t)more);
		CHECK_EQ(fixture_live_objects(), before);
	}
	DROP(next, type);
}

static void a_dict_with_other_keys_than_names_harms_nobody(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing")), *dict = must(tally_attr_dict(self));
	tally_object *key = integer(1000);
	CHECK_EQ(tally_dict_set(dict, key, self), 0);
	set_int(self, "x", 2000);
	CHECK_EQ(attr_int(self, "x"), 2000);
	CHECK_ABSENT(self, "y");
	tally_object *names = tally_attr_names(self);
	CHECK(names || tally_error_code() == TALLY_ERROR_TYPE);
	CHECK_EQ(delete_attr(self, "x"), 1);
	CHECK_EQ(length_of(dict), 1);
	tally_error_clear();
	DROP(names, key, dict, self);
}

// A key that is no name but claims to equal one, and does mischief when asked.
static tally_object *victim;
static int mischief_done;

static int hash_of_x(tally_object *self, uint64_t *hash, void *context)
{
	tally_object *x = text("x");
	(void)self;
	(void)context;
	CHECK_EQ(tally_hash(x, hash), 0);
	tally_decref(x);
	return 0;
}

static int mischievous_equal(tally_object *self, tally_object *other, void *context)
{
	(void)self;
	(void)other;
	(void)context;
	if (mischief_done++) return 0;
	tally_object *dict = must(tally_attr_dict(victim));
	CHECK_EQ(tally_dict_clear(dict), 0);
	tally_decref(dict);
	for (int i = 0; i < 40; i++) set_int(victim, (char[]){'m', (char)('0' + i), 0}, 1000 + i);
	return 0;
}

static void a_key_whose_equality_changes_the_attributes_harms_nobody(void)
{
	tally_object *keys = CLASS(.name = "key", .hash = hash_of_x, .equal = mischievous_equal), *key = instance(keys);
	for (int i = 0; i < 5; i++) {
		victim = only_instance(CLASS(.name = "victim"));
		tally_object *dict = must(tally_attr_dict(victim)), *value = NULL;
		CHECK_EQ(tally_dict_set(dict, key, keys), 0);
		mischief_done = 0;
		if (i == 0) CHECK_EQ(get_attr(victim, "x", &value), 0);
		if (i == 1) set_int(victim, "x", 5000);
		if (i == 2) CHECK_EQ(delete_attr(victim, "x"), 0);
		if (i == 3) CHECK_PTR(call_attr(victim, "x", NULL, 0), NULL);
		if (i == 4) CHECK_EQ(tally_dict_contains(dict, key), 1);
		tally_error_clear();
		if (i < 4 && mischief_done) CHECK_EQ(attr_int(victim, "m0"), 1000);
		DROP(dict, victim);
	}
	DROP(key, keys);
}

// ---- destructors and hooks that come in between ----

static tally_object *meddled; // the object with whose attributes a destructor meddles
static int meddlings;

static void meddle(void *payload, void *context)
{
	(void)payload;
	(void)context;
	meddlings++;
	CHECK_EQ(attr_int(meddled, "x"), meddlings == 1 ? 1000 : INT64_MIN);
	set_int(meddled, "y", 2000 + meddlings);
	CHECK_EQ(delete_attr(meddled, "z"), meddlings == 1);
}

static void a_destructor_of_a_value_may_use_the_attributes_that_gave_it_up(void)
{
	tally_host_type description = {.size = sizeof description, .name = "meddler", .payload_size = 8, .dealloc = meddle};
	tally_object *meddlers = must(tally_host_type_new(&description)), *type = CLASS(.name = "thing");
	tally_object *owners[] = {type, instance(type)};
	for (int i = 1; i >= 0; i--) {
		meddled = owners[i];
		meddlings = 0;
		set_int(meddled, "z", 1000);
		set_own(meddled, "x", must(tally_host_new(meddlers)));
		set_int(meddled, "x", 1000);
		CHECK_EQ(meddlings, 1);
		set_own(meddled, "x", must(tally_host_new(meddlers)));
		CHECK_EQ(delete_attr(meddled, "x"), 1);
		CHECK_EQ(meddlings, 2);
		CHECK_STR(names_of(meddled), "y");
		CHECK_EQ(attr_int(meddled, "y"), 2002);
	}
	DROP(owners[1], type);
}

static void attributes_can_be_changed_inside_critical_sections(void)
{
	tally_object *probes = fixture_probe_type(), *type = CLASS(.name = "thing"), *self = instance(type);
	tally_object *sections[] = {self, type};
	for (int i = 0; i < 2; i++) {
		tally_critical outer, inner;
		set_own(type, "x", probe(probes, 2 * i));
		set_own(self, "y", probe(probes, 2 * i + 1));
		CHECK_EQ(tally_critical_begin(&outer, sections[i]), 0);
		CHECK_EQ(tally_critical_begin(&inner, sections[1 - i]), 0);
		set_int(type, "x", 1000 + i);
		set_int(self, "y", 2000 + i);
		CHECK_EQ(attr_int(self, "x"), 1000 + i);
		CHECK_EQ(attr_int(self, "y"), 2000 + i);
		CHECK_EQ(atomic_load(&fixture_dead), 2 * i); // they wait for the end of the section
		CHECK_EQ(tally_critical_end(&inner), 0);
		CHECK_EQ(tally_critical_end(&outer), 0);
		CHECK_EQ(atomic_load(&fixture_dead), 2 * i + 2);
		CHECK_EQ(attr_int(self, "x"), 1000 + i);
	}
	DROP(self, type);
}

// ---- slots ----

static const char *const xy[] = {"x", "y"}, *const z[] = {"z"};

static void slots_hold_what_they_name_and_nothing_else(void)
{
	tally_object *type = CLASS(.name = "point", .slots = xy, .slot_count = 2), *self = instance(type);
	tally_object *value = tally_none();
	CHECK_EQ(get_attr(self, "x", &value), 0);
	CHECK_PTR(value, NULL);
	CHECK_EQ(delete_attr(self, "x"), 0);
	set_int(self, "y", 2000);
	set_int(self, "x", 1000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	CHECK_EQ(attr_int(self, "y"), 2000);
	CHECK_STR(names_of(self), "x y");
	CHECK_EQ(delete_attr(self, "x"), 1);
	CHECK_ABSENT(self, "x");
	CHECK_STR(names_of(self), "y");
	CHECK_ABSENT(self, "colour");
	CHECK_EQ(delete_attr(self, "colour"), 0);
	CHECK_NO_ERROR();
	DROP(self, type);
}

static void an_unknown_attribute_of_an_instance_with_slots_is_an_error_that_names_it(void)
{
	tally_object *point = CLASS(.name = "point", .slots = xy, .slot_count = 2);
	tally_object *sub = CLASS(.name = "sub", .base = point, .has_slots = true);
	tally_object *bare = CLASS(.name = "bare", .has_slots = true), *types[] = {point, sub, bare};
	tally_object *name = text("colour"), *value = integer(1000);
	static const char *const names[] = {"point", "sub", "bare"};
	for (int i = 0; i < 3; i++) {
		tally_object *self = instance(types[i]);
		CHECK_EQ(tally_attr_set(self, name, value), -1);
		CHECK_PART(tally_error_message(), "attr_set");
		CHECK_PART(tally_error_message(), names[i]);
		CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "colour");
		CHECK_EQ(tally_refcount(value), 1);
		CHECK_PTR(tally_attr_dict(self), NULL);
		CHECK_FAILED(TALLY_ERROR_TYPE, "attr_dict");
		tally_decref(self);
	}
	set_int(point, "colour", 3000); // of the class: that does not make it one of the instance
	tally_object *self = instance(point);
	CHECK_EQ(attr_int(self, "colour"), 3000);
	CHECK_EQ(tally_attr_set(self, name, value), -1);
	CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "colour");
	DROP(self, name, value, sub, point, bare);
}

static void slots_are_inherited(void)
{
	tally_object *base = CLASS(.name = "base", .slots = xy, .slot_count = 2);
	tally_object *type = CLASS(.name = "type", .base = base, .slots = z, .slot_count = 1);
	tally_object *self = instance(type);
	set_int(self, "z", 3000);
	set_int(self, "y", 2000);
	set_int(self, "x", 1000);
	CHECK_STR(names_of(self), "x y z");
	CHECK_EQ(attr_int(self, "x") + attr_int(self, "y") + attr_int(self, "z"), 6000);
	tally_object *above = instance(base), *name = text("z");
	CHECK_EQ(tally_attr_set(above, name, above), -1);
	CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "z");
	DROP(above, name, self, type, base);
}

static void check_slots_and_table(tally_object *self)
{
	set_int(self, "x", 1000);
	set_int(self, "more", 2000);
	set_int(self, "y", 3000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	CHECK_EQ(attr_int(self, "more"), 2000);
	CHECK_EQ(attr_int(self, "y"), 3000);
	CHECK_PART(names_of(self), "x");
	CHECK_PART(names_of(self), "y");
	CHECK_PART(names_of(self), "more");
	tally_object *dict = must(tally_attr_dict(self)), *key = text("later"), *value = integer(4000);
	CHECK_EQ(tally_dict_set(dict, key, value), 0);
	CHECK_EQ(attr_int(self, "later"), 4000);
	CHECK_EQ(attr_int(self, "x"), 1000);
	CHECK_EQ(delete_attr(self, "x"), 1);
	CHECK_ABSENT(self, "x");
	CHECK_EQ(delete_attr(self, "more"), 1);
	CHECK_ABSENT(self, "more");
	CHECK_EQ(attr_int(self, "y"), 3000);
	CHECK_EQ(length_of(dict), 1);
	DROP(dict, key, value);
}

static void slots_below_a_table_and_a_table_below_slots_give_both(void)
{
	tally_object *table = CLASS(.name = "table");
	tally_object *slots = CLASS(.name = "slots", .base = table, .slots = xy, .slot_count = 2);
	tally_object *base = CLASS(.name = "base", .slots = xy, .slot_count = 2);
	tally_object *open = CLASS(.name = "open", .base = base);
	tally_object *deep = CLASS(.name = "deep", .base = open, .slots = z, .slot_count = 1);
	tally_object *selves[] = {instance(slots), instance(open), instance(deep)};
	for (int i = 0; i < 3; i++) check_slots_and_table(selves[i]);
	DROP(selves[0], selves[1], selves[2], deep, open, base, slots, table);
}

// As in Python: a slot stands in the class under its name, so it hides what a base has there, set or not.
static void a_slot_hides_what_a_base_has_under_its_name(void)
{
	tally_object *base = CLASS(.name = "base"), *name = text("x");
	set_int(base, "x", 500);
	tally_object *type = CLASS(.name = "point", .base = base, .slots = xy, .slot_count = 2);
	tally_object *below = CLASS(.name = "below", .base = type);
	tally_object *selves[] = {instance(type), instance(below)};
	for (int i = 0; i < 2; i++) {
		CHECK_ABSENT(selves[i], "x");
		set_int(selves[i], "x", 2000);
		set_int(base, "x", 600 + i);
		CHECK_EQ(attr_int(selves[i], "x"), 2000);
		CHECK_EQ(delete_attr(selves[i], "x"), 1);
		CHECK_ABSENT(selves[i], "x");
		CHECK_EQ(delete_attr(selves[i], "x"), 0);
	}
	tally_object *types[] = {type, below};
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tally_attr_set(types[i], name, name), -1);
		CHECK_FAILED(TALLY_ERROR_ATTRIBUTE, "'x'");
		CHECK_STR(names_of(types[i]), "");
	}
	CHECK_EQ(attr_int(base, "x"), 601);
	DROP(selves[0], selves[1], below, type, base, name);
}

static void the_names_of_slots_are_copied(void)
{
	char a[] = "aaaa", b[] = "bbbb";
	const char *names[] = {a, b};
	tally_object *type = CLASS(.name = "point", .slots = names, .slot_count = 2);
	memset(a, 'q', 4);
	memset(b, 'q', 4);
	names[0] = names[1] = NULL;
	tally_object *self = instance(type);
	set_int(self, "aaaa", 1000);
	set_int(self, "bbbb", 2000);
	CHECK_STR(names_of(self), "aaaa bbbb");
	DROP(self, type);
}

static void a_thousand_slots_are_allowed_and_one_more_is_not(void)
{
	enum { MOST = 1000 };
	static char text_of[MOST + 1][16];
	const char *names[MOST + 1];
	for (int i = 0; i <= MOST; i++) snprintf(text_of[i], sizeof text_of[i], "s%d", i), names[i] = text_of[i];
	tally_object *type = CLASS(.name = "wide", .slots = names, .slot_count = MOST), *self = instance(type);
	for (int i = 0; i < MOST; i++) set_int(self, names[i], 1000 + i);
	for (int i = 0; i < MOST; i++)
		if (!CHECK_EQ(attr_int(self, names[i]), 1000 + i)) break;
	set_attr(self, "s999", self);
	releases = 0;
	check_malformed((tally_class_spec){.slots = names, .slot_count = MOST + 1});
	DROP(self, type);
	CHECK_COLLECT(2, 2); // the instance and its class
}

static void an_instance_with_slots_is_small(void)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	tally_object *table = CLASS(.name = "table");
	tally_object *one = CLASS(.name = "one", .slots = names, .slot_count = 1), *small = instance(one);
	set_int(small, "a", 1);
	if (!CHECK(size_of(small) <= 32)) tap_note("%zu bytes", size_of(small));
	for (size_t count = 1; count <= 6; count++) {
		tally_object *slots = CLASS(.name = "slots", .slots = names, .slot_count = count);
		tally_object *compact = instance(slots), *open = instance(table);
		for (size_t i = 0; i < count; i++) set_int(compact, names[i], 1), set_int(open, names[i], 1);
		if (!CHECK(size_of(compact) * 100 <= size_of(open) * 60))
			tap_note("%zu attributes: %zu and %zu bytes", count, size_of(compact), size_of(open));
		DROP(compact, open, slots);
	}
	DROP(small, one, table);
}

// What the heap says, for sizeof may lie.
static uint64_t bytes_of_many(tally_object *type)
{
	enum { COUNT = 500 };
	tally_object *list = must(tally_list_new()), *names[] = {text("a"), text("b")}, *one = integer(1);
	for (int i = 0; i < COUNT; i++) push(list, tally_none());
	uint64_t before = live_bytes();
	for (int i = 0; i < COUNT; i++) {
		tally_object *self = instance(type);
		for (int j = 0; j < 2; j++) CHECK_EQ(tally_attr_set(self, names[j], one), 0);
		CHECK_EQ(tally_list_set(list, i, self), 0);
		tally_decref(self);
	}
	uint64_t bytes = live_bytes() - before;
	tally_object *last = must(tally_list_get(list, -1));
	CHECK_EQ(bytes, COUNT * size_of(last));
	DROP(last, list, names[0], names[1], one);
	return bytes;
}

static void the_heap_confirms_the_size_of_instances(void)
{
	static const char *const names[] = {"a", "b"};
	tally_object *table = CLASS(.name = "table"), *slots = CLASS(.name = "slots", .slots = names, .slot_count = 2);
	CHECK(bytes_of_many(slots) * 100 <= bytes_of_many(table) * 60);
	DROP(table, slots);
}

static void the_size_of_a_class_tells_of_its_tables(void)
{
	tally_object *type = CLASS(.name = "thing"), *name = text("x"), *names[20];
	size_t before = size_of(type);
	CHECK(before >= 64);
	for (int i = 0; i < 20; i++) names[i] = text((char[]){'a', (char)('0' + i), 0}), tally_decref(tally_list_new());
	uint64_t bytes = live_bytes();
	for (int i = 0; i < 20; i++) CHECK_EQ(tally_attr_set(type, names[i], names[i]), 0);
	CHECK(size_of(type) >= before + 20 * 2 * sizeof(void *));
	CHECK_EQ(live_bytes() - bytes, size_of(type) - before);
	drop(names, 20);
	DROP(type, name);
}

static void slots_give_up_what_they_hold_in_their_order(void)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	tally_object *probes = fixture_probe_type();
	tally_object *self = only_instance(CLASS(.name = "four", .slots = names, .slot_count = 4));
	set_own(self, "c", probe(probes, 2));
	set_own(self, "a", probe(probes, 0));
	set_own(self, "d", probe(probes, 4));
	set_own(self, "b", probe(probes, 1));
	set_own(self, "d", probe(probes, 3)); // what stood there dies first
	CHECK_EQ(fixture_deaths[0], 4);
	atomic_store(&fixture_dead, 0);
	tally_decref(self);
	check_died_in_order(4);
}

// Neither giving up a long row of instances nor collecting it recurses.
static void a_row_of_a_few_hundred_thousand_instances_is_dropped_and_collected(void)
{
	static const char *const names[] = {"next"};
	enum { LENGTH = 300000 };
	tally_object *table = CLASS(.name = "table");
	tally_object *slots = CLASS(.name = "slots", .slots = names, .slot_count = 1);
	tally_object *types[] = {table, slots};
	tally_object *name = text("next");
	for (int i = 0; i < 4; i++) {
		const int length = tap_scale(LENGTH);
		tally_object *last = instance(types[i % 2]), *first = tally_incref(last);
		for (int j = 1; j < length; j++) {
			tally_object *before = instance(types[i % 2]);
			CHECK_EQ(tally_attr_set(before, name, first), 0);
			tally_decref(first);
			first = before;
		}
		if (i / 2) CHECK_EQ(tally_attr_set(last, name, first), 0);
		DROP(last, first);
		CHECK_COLLECT(2, i / 2 ? length : 0);
	}
	DROP(name, table, slots);
}

// ---- hooks: init and call ----

static int init_keeps(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	atomic_fetch_add(&((struct kind *)context)->begun, 1);
	CHECK(tally_is_instance(self));
	for (size_t i = 0; i < count; i++) set_attr(self, (char[]){(char)('a' + i), 0}, arguments[i]);
	return 0;
}

static void calling_a_class_makes_an_instance_and_initializes_it(void)
{
	struct kind *kind = kind_new();
	tally_object *base = CLASS(.name = "base", .init = init_keeps, .context = kind);
	tally_object *sub = CLASS(.name = "sub", .base = base);
	tally_object *types[] = {base, sub}, *arguments[] = {integer(1000), integer(2000)};
	for (int i = 0; i < 2; i++) {
		tally_object *self = must(tally_call(types[i], arguments, 2)), *type = must(tally_type_of(self));
		CHECK_PTR(type, types[i]);
		CHECK_EQ(atomic_load(&kind->begun), i + 1);
		CHECK_STR(names_of(self), "a b");
		CHECK_EQ(attr_int(self, "b"), 2000);
		CHECK_EQ(tally_refcount(self), 1);
		DROP(type, self);
		tally_decref(instance(types[i]));
		CHECK_EQ(atomic_load(&kind->begun), i + 1); // instance_new does not call it
	}
	CHECK(tally_is_callable(base));
	CHECK_PTR(tally_call(base, (tally_object *[]){arguments[0], NULL}, 2), NULL);
	CHECK_FAILED(TALLY_ERROR_VALUE, "call");
	DROP(arguments[0], arguments[1], sub, base);
}

static void a_class_without_init_takes_no_arguments(void)
{
	tally_object *type = CLASS(.name = "gadget"), *self = must(tally_call(type, NULL, 0));
	CHECK(tally_is_instance(self));
	CHECK_PTR(tally_call(type, &self, 1), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "gadget");
	DROP(self, type);
}

static int init_fails(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)arguments;
	(void)count;
	(void)context;
	set_attr(self, "me", self);
	CHECK_EQ(delete_attr(self, "me"), 1);
	set_int(self, "x", 1000);
	tally_error_set(TALLY_ERROR_KEY, "init says no");
	return -1;
}

static void count_finalized(tally_object *self, void *context)
{
	(void)self;
	atomic_fetch_add(&((struct kind *)context)->finalized, 1);
}

static void an_init_that_fails_fails_the_call_and_the_instance_goes(void)
{
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "thing", .init = init_fails, .finalize = count_finalized, .context = kind);
	tally_object *argument = integer(1000);
	CHECK_PTR(tally_call(type, &argument, 1), NULL);
	CHECK_ERROR(TALLY_ERROR_KEY, "init says no");
	CHECK_EQ(tally_refcount(argument), 1);
	CHECK_EQ(atomic_load(&kind->finalized), 1);
	DROP(argument, type);
	CHECK_EQ(fixture_live_objects(), 1); // the class
}

static void an_instance_is_callable_when_its_class_says_how(void)
{
	tally_object *base = CLASS(.name = "base", .call = call_packs);
	tally_object *sub = CLASS(.name = "sub", .base = base), *plain = CLASS(.name = "plain");
	tally_object *selves[] = {instance(base), instance(sub)}, *mute = instance(plain), *argument = integer(1000);
	for (int i = 0; i < 2; i++) {
		CHECK(tally_is_callable(selves[i]));
		check_packed(tally_call(selves[i], &argument, 1), (tally_object *[]){selves[i], argument}, 2);
		check_packed(tally_call(selves[i], NULL, 0), &selves[i], 1);
	}
	CHECK(!tally_is_callable(mute));
	CHECK_PTR(tally_call(mute, NULL, 0), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "plain");
	DROP(selves[0], selves[1], mute, argument, sub, base, plain);
}

// ---- hooks: hash, equality, repr ----

static int hash_of_key(tally_object *self, uint64_t *hash, void *context)
{
	atomic_fetch_add(&((struct kind *)context)->hashed, 1);
	*hash = (uint64_t)attr_int(self, "key");
	return 0;
}

static int equal_of_key(tally_object *self, tally_object *other, void *context)
{
	atomic_fetch_add(&((struct kind *)context)->compared, 1);
	return tally_is_instance(other) && attr_int(self, "key") == attr_int(other, "key");
}

static tally_object *keyed(tally_object *type, int64_t key)
{
	tally_object *self = instance(type);
	set_int(self, "key", key);
	return self;
}

static void hooks_are_inherited_with_the_context_of_the_class_that_gave_them(void)
{
	struct kind *first = kind_new(), *second = kind_new();
	tally_object *base = CLASS(.name = "base", .hash = hash_of_key, .equal = equal_of_key, .context = first);
	tally_object *sub = CLASS(.name = "sub", .base = base, .context = second), *self = keyed(sub, 1000);
	tally_object *other = keyed(base, 1000);
	tally_object *over = CLASS(.name = "over", .base = sub, .hash = hash_of_key), *third = keyed(over, 1000);
	uint64_t hash = 0;
	CHECK_EQ(tally_hash(self, &hash), 0);
	CHECK_EQ(hash, 1000);
	CHECK_EQ(tally_equal(self, other), 1);
	CHECK_EQ(atomic_load(&first->hashed), 1);
	CHECK_EQ(atomic_load(&first->compared), 1);
	CHECK_EQ(atomic_load(&second->hashed), 0);
	CHECK_EQ(tally_hash(third, &hash), 0); // its own, and the equality still the base's
	CHECK_EQ(tally_equal(third, other), 1);
	CHECK_EQ(atomic_load(&first->hashed), 1);
	CHECK_EQ(atomic_load(&first->compared), 2);
	DROP(self, other, third, over, sub, base);
}

static void without_hooks_an_instance_equals_itself_and_hashes_as_itself(void)
{
	tally_object *type = CLASS(.name = "thing"), *one = instance(type), *two = instance(type);
	uint64_t hash[3] = {1, 2, 3};
	CHECK_EQ(tally_equal(one, one), 1);
	CHECK_EQ(tally_equal(one, two), 0);
	CHECK_EQ(tally_compare(one, two, TALLY_NE), 1);
	CHECK_EQ(tally_hash(one, &hash[0]), 0);
	set_int(one, "x", 1000);
	CHECK_EQ(tally_hash(one, &hash[1]), 0);
	CHECK_EQ(hash[0], hash[1]);
	CHECK_EQ(tally_hash(two, &hash[2]), 0);
	CHECK(hash[2] != hash[0]);
	CHECK_EQ(tally_compare(one, two, TALLY_LT), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "thing");
	CHECK_EQ(tally_equal(type, type), 1);
	CHECK_EQ(tally_hash(type, &hash[0]), 0);
	DROP(one, two, type);
}

static void equality_without_a_hash_means_not_hashable(void)
{
	tally_object *bare = CLASS(.name = "bare", .equal = equal_of_key), *below = CLASS(.name = "below", .base = bare);
	tally_object *whole = CLASS(.name = "whole", .equal = equal_of_key, .hash = hash_of_key);
	tally_object *taken = CLASS(.name = "taken", .base = whole, .equal = equal_of_key);
	tally_object *given = CLASS(.name = "given", .base = bare, .hash = hash_of_key);
	tally_object *types[] = {bare, below, taken, whole, given}, *dict = must(tally_dict_new());
	for (int i = 0; i < 5; i++) {
		tally_object *self = keyed(types[i], 1000), *tuple = must(tally_tuple_new(&self, 1));
		uint64_t hash;
		bool is_hashable = i > 2;
		CHECK_EQ(tally_hash(self, &hash), is_hashable ? 0 : -1);
		if (!is_hashable) CHECK_FAILED(TALLY_ERROR_TYPE, tally_class_name(types[i]));
		CHECK_EQ(tally_dict_set(dict, self, self), is_hashable ? 0 : -1);
		if (!is_hashable) CHECK_FAILED(TALLY_ERROR_TYPE, tally_class_name(types[i]));
		CHECK_EQ(tally_hash(tuple, &hash), is_hashable ? 0 : -1);
		if (!is_hashable) CHECK_FAILED(TALLY_ERROR_TYPE, tally_class_name(types[i]));
		CHECK_EQ(tally_dict_clear(dict), 0);
		DROP(tuple, self);
	}
	DROP(dict, given, taken, whole, below, bare);
}

static int always_equal(tally_object *self, tally_object *other, void *context)
{
	(void)self;
	(void)other;
	atomic_fetch_add(&((struct kind *)context)->compared, 1);
	return 1;
}

static int never_equal(tally_object *self, tally_object *other, void *context)
{
	return always_equal(self, other, context) - 1;
}

static void equality_is_asked_on_the_left_else_on_the_right(void)
{
	struct kind *yes = kind_new(), *no = kind_new();
	tally_object *agrees = only_instance(CLASS(.name = "agrees", .equal = always_equal, .context = yes));
	tally_object *differs = only_instance(CLASS(.name = "differs", .equal = never_equal, .context = no));
	tally_object *plain = only_instance(CLASS(.name = "plain")), *number = integer(1000);
	tally_object *list = must(tally_list_new());
	tally_object *others[] = {plain, number, list, tally_none()};
	CHECK_EQ(tally_equal(agrees, differs), 1);
	CHECK_EQ(atomic_load(&no->compared), 0);
	CHECK_EQ(tally_equal(differs, agrees), 0);
	CHECK_EQ(atomic_load(&yes->compared), 1);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(tally_equal(agrees, others[i]), 1);
		CHECK_EQ(tally_equal(others[i], agrees), 1);
		CHECK_EQ(tally_equal(others[i], differs), 0);
		CHECK_EQ(tally_compare(others[i], agrees, TALLY_NE), 0);
		CHECK_EQ(tally_compare(others[i], differs, TALLY_NE), 1);
	}
	DROP(agrees, differs, plain, number, list);
}

static void an_instance_may_differ_from_itself_but_not_within_a_container(void)
{
	tally_object *self = only_instance(CLASS(.name = "differs", .equal = never_equal));
	tally_object *list = must(tally_list_from(&self, 1));
	size_t index = 7;
	CHECK_EQ(tally_equal(self, self), 0);
	CHECK_EQ(tally_equal(list, list), 1);
	CHECK_EQ(tally_list_index(list, self, &index), 1);
	CHECK_EQ(index, 0);
	DROP(list, self);
}

static void instances_are_keys_by_their_own_equality(void)
{
	tally_object *type = CLASS(.name = "key", .hash = hash_of_key, .equal = equal_of_key);
	tally_object *dict = must(tally_dict_new()), *set = must(tally_set_new(NULL));
	for (int i = 0; i < 200; i++) {
		tally_object *key = keyed(type, 1000 + i % 50), *value = integer(i);
		CHECK_EQ(tally_dict_set(dict, key, value), 0);
		CHECK_EQ(tally_set_add(set, key), i < 50);
		DROP(key, value);
	}
	CHECK_EQ(length_of(dict), 50);
	CHECK_EQ(length_of(set), 50);
	for (int i = 0; i < 60; i++) {
		tally_object *key = keyed(type, 1000 + i), *value = NULL;
		CHECK_EQ(tally_dict_get(dict, key, &value), i < 50);
		if (i < 50) CHECK_EQ(take_value(value), 150 + i);
		CHECK_EQ(tally_set_contains(set, key), i < 50);
		tally_decref(key);
	}
	DROP(dict, set, type);
}

static tally_object *shaken; // the dict that an equality changes while it is asked
static int shakes;

static int shaking_equal(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	if (shakes-- > 0) {
		CHECK_EQ(tally_dict_clear(shaken), 0);
		for (int i = 0; i < 30; i++) {
			tally_object *number = integer(5000 + i);
			CHECK_EQ(tally_dict_set(shaken, number, number), 0);
			tally_decref(number);
		}
	}
	return tally_is_instance(other) && attr_int(self, "key") == attr_int(other, "key");
}

static void a_key_whose_equality_changes_the_dict_harms_nobody(void)
{
	tally_object *type = CLASS(.name = "key", .hash = hash_of_key, .equal = shaking_equal);
	for (int i = 0; i < 3; i++) {
		shaken = must(tally_dict_new());
		tally_object *keys[] = {keyed(type, 1000), keyed(type, 1000)}, *value = NULL;
		shakes = 0;
		CHECK_EQ(tally_dict_set(shaken, keys[0], type), 0);
		shakes = 1;
		if (i == 0) CHECK_EQ(tally_dict_get(shaken, keys[1], &value), 0);
		if (i == 1) CHECK_EQ(tally_dict_set(shaken, keys[1], type), 0);
		if (i == 2) CHECK_EQ(tally_dict_pop(shaken, keys[1], NULL), 0);
		CHECK_NO_ERROR();
		CHECK_EQ(length_of(shaken), i == 1 ? 31 : 30);
		DROP(keys[0], keys[1], shaken);
	}
	tally_decref(type);
}

static tally_object *shows_name(tally_object *self, void *context)
{
	(void)self;
	atomic_fetch_add(&((struct kind *)context)->shown, 1);
	return tally_str_from("<it>");
}

static void check_text(tally_object *shown, const char *expected)
{
	CHECK_STR(tally_str_utf8(must(shown), NULL), expected);
	tally_decref(shown);
}

static void repr_is_what_the_class_says_also_within_containers(void)
{
	struct kind *kind = kind_new();
	tally_object *base = CLASS(.name = "base", .repr = shows_name, .context = kind);
	tally_object *sub = CLASS(.name = "sub", .base = base);
	tally_object *selves[] = {instance(base), instance(sub)}, *list = must(tally_list_from(selves, 2));
	check_text(tally_repr(selves[0]), "<it>");
	check_text(tally_repr(selves[1]), "<it>");
	check_text(tally_repr(list), "[<it>, <it>]");
	check_text(tally_str_of(selves[1]), "<it>");
	CHECK_EQ(atomic_load(&kind->shown), 5);
	DROP(list, selves[0], selves[1], sub, base);
}

static void repr_without_a_hook_names_the_class(void)
{
	tally_object *self = only_instance(CLASS(.name = "gadget")), *type = must(tally_type_of(self));
	tally_object *shown = must(tally_repr(self));
	CHECK_PART(tally_str_utf8(shown, NULL), "gadget");
	tally_object *of_type = must(tally_repr(type));
	CHECK(strlen(tally_str_utf8(of_type, NULL)) > 0);
	DROP(shown, of_type, type, self);
}

static tally_object *shows_list(tally_object *self, void *context)
{
	tally_object *list = attr(self, "list"), *shown = tally_repr(list);
	(void)context;
	tally_decref(list);
	return shown;
}

static void repr_comes_to_an_end_when_a_hook_shows_what_contains_the_instance(void)
{
	tally_object *self = only_instance(CLASS(.name = "thing", .repr = shows_list)), *list = must(tally_list_new());
	push(list, self);
	set_attr(self, "list", list);
	check_text(tally_repr(list), "[[...]]");
	DROP(list, self);
}

static tally_object *shows_a_number(tally_object *self, void *context)
{
	(void)self;
	(void)context;
	return tally_int_new(1000);
}

static void a_repr_that_is_no_str_is_an_error(void)
{
	tally_object *self = only_instance(CLASS(.name = "gadget", .repr = shows_a_number));
	tally_object *list = must(tally_list_from(&self, 1));
	CHECK_PTR(tally_repr(self), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "repr");
	CHECK_PTR(tally_repr(list), NULL);
	CHECK_FAILED(TALLY_ERROR_TYPE, "int");
	DROP(list, self);
}

// ---- hooks that fail ----

static int say_no(void)
{
	tally_error_set(TALLY_ERROR_CLOSING, "the hook says no");
	return -1;
}

static int hash_fails(tally_object *self, uint64_t *hash, void *context)
{
	(void)self;
	(void)hash;
	(void)context;
	return say_no();
}

static int hash_one(tally_object *self, uint64_t *hash, void *context)
{
	(void)self;
	(void)context;
	*hash = 1;
	return 0;
}

static int equal_fails(tally_object *self, tally_object *other, void *context)
{
	(void)self;
	(void)other;
	(void)context;
	return say_no();
}

static tally_object *call_fails(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)self;
	(void)arguments;
	(void)count;
	(void)context;
	say_no();
	return NULL;
}

static tally_object *repr_fails(tally_object *self, void *context)
{
	(void)self;
	(void)context;
	say_no();
	return NULL;
}

#define CHECK_SAID_NO() CHECK_ERROR(TALLY_ERROR_CLOSING, "the hook says no")

static void an_error_of_a_hook_comes_through_and_nothing_is_lost(void)
{
	tally_object *unhashed = only_instance(CLASS(.name = "unhashed", .hash = hash_fails));
	tally_object *dict = must(tally_dict_new()), *value = NULL;
	tally_object *types = CLASS(.name = "thing", .hash = hash_one, .equal = equal_fails, .call = call_fails,
	        .repr = repr_fails);
	tally_object *a = instance(types), *b = instance(types), *list = must(tally_list_from(&a, 1));
	tally_object *set = must(tally_set_new(list));
	uint64_t hash;
	size_t index;
	CHECK_EQ(tally_hash(unhashed, &hash), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_dict_set(dict, unhashed, a), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_dict_set(dict, a, list), 0);
	CHECK_EQ(tally_dict_set(dict, b, list), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_dict_get(dict, b, &value), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_dict_pop(dict, b, NULL), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_set_add(set, b), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_equal(a, b), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_compare(list, dict, TALLY_EQ), 0);
	CHECK_EQ(tally_list_index(list, b, &index), -1);
	CHECK_SAID_NO();
	CHECK_EQ(tally_list_remove(list, b), -1);
	CHECK_SAID_NO();
	CHECK_PTR(tally_call(a, &b, 1), NULL);
	CHECK_SAID_NO();
	CHECK_PTR(tally_repr(a), NULL);
	CHECK_SAID_NO();
	CHECK_PTR(tally_repr(dict), NULL);
	CHECK_SAID_NO();
	CHECK_EQ(length_of(dict) + length_of(set) + length_of(list), 3);
	CHECK_EQ(tally_refcount(b), 1);
	DROP(dict, set, list, a, b, unhashed, types);
}

// ---- hooks that nest ----

static tally_object *next_of(tally_object *self) { return attr(self, "next"); }

static int hash_of_next(tally_object *self, uint64_t *hash, void *context)
{
	tally_object *next = next_of(self);
	(void)context;
	*hash = 7;
	int status = next ? tally_hash(next, hash) : 0;
	tally_decref(next);
	return status;
}

static int equal_of_next(tally_object *self, tally_object *other, void *context)
{
	tally_object *left = next_of(self), *right = next_of(other);
	(void)context;
	int equal = left && right ? tally_equal(left, right) : !left && !right;
	tally_decref(left);
	tally_decref(right);
	return equal;
}

static tally_object *call_next(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	tally_object *next = next_of(self), *result;
	(void)context;
	result = next ? tally_call(next, arguments, count) : tally_none();
	tally_decref(next);
	return result;
}

static tally_object *repr_of_next(tally_object *self, void *context)
{
	tally_object *next = next_of(self), *result;
	(void)context;
	result = next ? tally_repr(next) : tally_str_from("end");
	tally_decref(next);
	return result;
}

// The first of so many instances in a row.
static tally_object *chain(tally_object *type, int length)
{
	tally_object *first = instance(type);
	for (int i = 1; i < length; i++) {
		tally_object *before = instance(type);
		set_own(before, "next", first);
		first = before;
	}
	return first;
}

static void check_depth(tally_object *type, int length)
{
	tally_object *one = chain(type, length), *two = chain(type, length);
	const bool fits = length < 1000;
	for (int round = 0; round < 2; round++) {
		uint64_t hash = 0;
		CHECK_EQ(tally_hash(one, &hash), fits ? 0 : -1);
		if (!fits) CHECK_FAILED(TALLY_ERROR_DEPTH, "1000 levels");
		CHECK_EQ(tally_equal(one, two), fits ? 1 : -1);
		if (!fits) CHECK_FAILED(TALLY_ERROR_DEPTH, "1000 levels");
		tally_object *called = tally_call(one, NULL, 0);
		CHECK_PTR(called, fits ? tally_none() : NULL);
		if (!fits) CHECK_FAILED(TALLY_ERROR_DEPTH, "1000 levels");
		tally_object *shown = tally_repr(one);
		CHECK_EQ(shown != NULL, fits);
		if (fits) CHECK_STR(tally_str_utf8(shown, NULL), "end");
		else CHECK_FAILED(TALLY_ERROR_DEPTH, "1000 levels");
		tally_decref(called);
		tally_decref(shown);
	}
	CHECK_NO_ERROR();
	DROP(one, two);
}

static void hooks_that_nest_deeper_than_a_thousand_levels_get_the_depth_error(void)
{
	tally_object *type = CLASS(.name = "link", .hash = hash_of_next, .equal = equal_of_next, .call = call_next,
	        .repr = repr_of_next);
	check_depth(type, 990);
	check_depth(type, 1010);
	check_depth(type, 20000);
	check_depth(type, 990);
	tally_decref(type);
}

static void an_instance_that_leads_to_itself_gets_the_depth_error(void)
{
	tally_object *type = CLASS(.name = "link", .hash = hash_of_next, .equal = equal_of_next, .call = call_next,
	        .repr = repr_of_next);
	tally_object *one = instance(type), *two = instance(type);
	uint64_t hash;
	set_attr(one, "next", one);
	set_attr(two, "next", two);
	CHECK_EQ(tally_hash(one, &hash), -1);
	CHECK_FAILED(TALLY_ERROR_DEPTH, "");
	CHECK_EQ(tally_equal(one, two), -1);
	CHECK_FAILED(TALLY_ERROR_DEPTH, "");
	CHECK_PTR(tally_call(one, NULL, 0), NULL);
	CHECK_FAILED(TALLY_ERROR_DEPTH, "");
	tally_object *shown = must(tally_repr(one)); // an object in itself is shown in short
	DROP(shown, one, two, type);
	CHECK_COLLECT(2, 3);
}

static tally_object *call_by_name(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)context;
	return call_attr(self, "again", arguments, count);
}

static tally_object *again(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context;
	(void)captured;
	return tally_call(arguments[0], arguments + 1, count - 1);
}

static void methods_that_call_one_another_without_end_get_the_depth_error(void)
{
	tally_object *type = CLASS(.name = "thing", .call = call_by_name), *self = instance(type);
	set_own(type, "again", function("again", again, 1, SIZE_MAX));
	for (int i = 0; i < 3; i++) {
		CHECK_PTR(i % 2 ? call_attr(self, "again", &type, 1) : tally_call(self, &type, 1), NULL);
		CHECK_FAILED(TALLY_ERROR_DEPTH, "1000 levels");
	}
	DROP(self, type);
}

static int init_more(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	tally_object *type = must(tally_type_of(self)), *other = tally_call(type, arguments, count);
	(void)context;
	DROP(type, other);
	return other ? 0 : -1;
}

static void a_class_whose_init_makes_another_one_without_end_gets_the_depth_error(void)
{
	tally_object *type = CLASS(.name = "thing", .init = init_more);
	CHECK_PTR(tally_call(type, NULL, 0), NULL);
	CHECK_FAILED(TALLY_ERROR_DEPTH, "1000 levels");
	tally_decref(type);
	CHECK_COLLECT(2, 1);
}

// ---- hooks that do all sorts of things ----

static void stir(tally_object *self)
{
	tally_object *type = must(tally_type_of(self));
	drop_lists_in_themselves(2);
	CHECK(tally_gc_collect(2) >= 0);
	set_int(type, "stirred", 1000);
	CHECK_EQ(attr_int(self, "stirred"), 1000);
	CHECK_EQ(delete_attr(type, "stirred"), 1);
	DROP(instance(type), type);
}

static int hash_stirs(tally_object *self, uint64_t *hash, void *context)
{
	stir(self);
	return hash_one(self, hash, context);
}

static int equal_stirs(tally_object *self, tally_object *other, void *context)
{
	stir(self);
	return always_equal(self, other, context);
}

static tally_object *call_stirs(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	stir(self);
	return call_packs(self, arguments, count, context);
}

static tally_object *repr_stirs(tally_object *self, void *context)
{
	stir(self);
	return shows_name(self, context);
}

static int init_stirs(tally_object *self, tally_object *const *arguments, size_t count, void *context)
{
	(void)arguments;
	(void)count;
	(void)context;
	stir(self);
	return 0;
}

static void finalize_stirs(tally_object *self, void *context)
{
	tally_object *type = must(tally_type_of(self));
	CHECK_STR(tally_type_name(self), "thing");
	drop_lists_in_themselves(2);
	CHECK(tally_gc_collect(2) >= 0);
	set_int(type, "stirred", 1000);
	count_finalized(self, context);
	tally_decref(type);
}

static void hooks_may_collect_and_change_their_class(void)
{
	struct kind *kind = kind_new();
	tally_object *type = CLASS(.name = "thing", .init = init_stirs, .hash = hash_stirs, .equal = equal_stirs,
	        .call = call_stirs,
	                           .repr = repr_stirs, .finalize = finalize_stirs, .context = kind);
	tally_object *self = must(tally_call(type, NULL, 0)), *other = must(tally_call(type, NULL, 0));
	tally_object *dict = must(tally_dict_new());
	CHECK_EQ(tally_dict_set(dict, self, self), 0);
	CHECK_EQ(tally_dict_set(dict, other, other), 0);
	CHECK_EQ(length_of(dict), 1);
	tally_decref(must(tally_call(self, NULL, 0)));
	tally_decref(must(tally_repr(dict)));
	DROP(dict);
	atomic_store(&kind->finalized, 0);
	set_attr(other, "me", other);
	DROP(self, other);
	CHECK_EQ(atomic_load(&kind->finalized), 1);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(atomic_load(&kind->finalized), 2);
	tally_decref(type);
}

// ---- when memory runs out ----

static struct {
	uint64_t n;
	bool came; // the allocation that was to fail
} fault;

static void memory_is_back(void)
{
	fault.came = fault.came || tally_heap_attempts() >= fault.n;
	CHECK_EQ(tally_heap_fail(0, false), 0);
}

// Calls `step` with its n-th allocation failing, for every n, alone and with all later ones. A step returns whether it has
// succeeded, and has checked what it left if not.
static void fail_each(bool (*step)(tally_object *on), tally_object *on)
{
	for (int all = 0; all < 2; all++) {
		fault.came = true;
		for (fault.n = 1; fault.came && fault.n < 1000; fault.n++) {
			fault.came = false;
			CHECK_EQ(tally_heap_fail(fault.n, all), 0);
			bool succeeded = step(on);
			memory_is_back();
			if (!CHECK(succeeded || fault.came)) return;
		}
		CHECK(!fault.came);
	}
}

static bool no_memory(const char *operation)
{
	char expected[64];
	snprintf(expected, sizeof expected, "%s: out of memory for ", operation);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	CHECK_PART(tally_error_message(), expected);
	tally_error_clear();
	return false;
}

static bool make_class(tally_object *base)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "sub", .base = base, .slots = xy, .slot_count = 2,
	        .release = note_release};
	tally_object *type = tally_class_new(&spec);
	CHECK_EQ(releases, 0);
	if (!type) return no_memory("class_new");
	memory_is_back();
	tally_decref(type);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(releases, 1);
	releases = 0;
	return true;
}

static void a_class_that_finds_no_memory_is_not_made(void)
{
	tally_object *base = CLASS(.name = "base");
	uint32_t before = tally_refcount(base);
	releases = 0;
	fail_each(make_class, NULL);
	fail_each(make_class, base);
	CHECK_EQ(tally_refcount(base), before);
	CHECK_EQ(fixture_live_objects(), 1);
	tally_decref(base);
}

static bool make_instance(tally_object *type)
{
	tally_object *self = tally_instance_new(type);
	if (!self) return no_memory("instance_new");
	tally_decref(self);
	return true;
}

static bool call_class(tally_object *type)
{
	tally_object *self = tally_call(type, NULL, 0);
	if (!self) return no_memory("call");
	tally_decref(self);
	return true;
}

static void an_instance_that_finds_no_memory_is_not_made(void)
{
	tally_object *table = CLASS(.name = "table"), *slots = CLASS(.name = "slots", .slots = xy, .slot_count = 2);
	uint64_t before = fixture_live_objects();
	fail_each(make_instance, table);
	fail_each(make_instance, slots);
	fail_each(call_class, table);
	CHECK_EQ(fixture_live_objects(), before);
	DROP(table, slots);
}

enum { MANY = 40 };
static tally_object *many_names[MANY];

static void begin_many(void)
{
	for (int i = 0; i < MANY; i++) many_names[i] = text((char[]){'a', (char)('0' + i), 0});
}

static void end_many(void)
{
	fixture_settle();
	for (int i = 0; i < MANY; i++) CHECK_EQ(tally_refcount(many_names[i]), 1);
	drop(many_names, MANY);
}

// An instance below the class that is changed: it sees what the class has, never anything else.
static tally_object *witness;

// Which of the many are there; reading needs no memory.
static int count_attributes(tally_object *object)
{
	int count = 0;
	for (int i = 0; i < MANY; i++) {
		tally_object *value = NULL;
		int found = tally_attr_get(object, many_names[i], &value);
		CHECK(found >= 0);
		if (found > 0) count += CHECK_PTR(value, many_names[i]);
		tally_decref(value);
	}
	return count;
}

// Of both the number that could be done.
static int set_in_turn(tally_object *object)
{
	for (int i = 0; i < MANY; i++) {
		uint32_t before = tally_refcount(many_names[i]);
		if (!tally_attr_set(object, many_names[i], many_names[i])) continue;
		no_memory("attr_set");
		CHECK_EQ(tally_refcount(many_names[i]), before);
		return i;
	}
	return MANY;
}

static int delete_in_turn(tally_object *object, int count)
{
	for (int i = 0; i < count; i++) {
		if (tally_attr_delete(object, many_names[i]) == 1) continue;
		CHECK(tally_is_class(object));
		no_memory("attr_delete");
		return i;
	}
	return count;
}

static bool set_and_delete_many(tally_object *object)
{
	int set = set_in_turn(object);
	CHECK_EQ(count_attributes(object), set);
	if (witness) CHECK_EQ(count_attributes(witness), set);
	int deleted = delete_in_turn(object, set);
	CHECK_EQ(count_attributes(object), set - deleted);
	if (witness) CHECK_EQ(count_attributes(witness), set - deleted);
	memory_is_back();
	bool succeeded = set == MANY && deleted == MANY;
	for (; deleted < set; deleted++) CHECK_EQ(tally_attr_delete(object, many_names[deleted]), 1);
	return succeeded;
}

static void an_attribute_that_finds_no_memory_is_not_set(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type), *with_dict = instance(type);
	tally_object *sub = CLASS(.name = "sub", .base = type);
	tally_decref(must(tally_attr_dict(with_dict)));
	begin_many();
	witness = instance(sub);
	fail_each(set_and_delete_many, type);
	fail_each(set_and_delete_many, sub);
	tally_decref(witness);
	witness = NULL;
	fail_each(set_and_delete_many, self);
	fail_each(set_and_delete_many, with_dict);
	end_many();
	DROP(self, with_dict, sub, type);
}

static bool ask_for_dict(tally_object *type)
{
	memory_is_back();
	tally_object *self = instance(type);
	for (int i = 0; i < MANY / 2; i++) CHECK_EQ(tally_attr_set(self, many_names[i], many_names[i]), 0);
	CHECK_EQ(tally_heap_fail(fault.n, false), 0);
	tally_object *dict = tally_attr_dict(self);
	if (!dict) no_memory("attr_dict");
	CHECK_EQ(count_attributes(self), MANY / 2);
	memory_is_back();
	bool succeeded = dict != NULL;
	if (!dict) dict = must(tally_attr_dict(self));
	CHECK_EQ(length_of(dict), MANY / 2);
	DROP(dict, self);
	return succeeded;
}

static bool ask_for_names(tally_object *self)
{
	tally_object *names = tally_attr_names(self);
	if (!names) return no_memory("attr_names");
	CHECK_EQ(length_of(names), MANY);
	tally_decref(names);
	return true;
}

static void a_dict_or_a_list_of_names_that_finds_no_memory_is_not_made(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type), *owners[] = {self, type};
	begin_many();
	fail_each(ask_for_dict, type);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(set_in_turn(owners[i]), MANY);
		fail_each(ask_for_names, owners[i]);
	}
	DROP(self, type);
	CHECK_COLLECT(2, 1);
	end_many();
}

static tally_object *method_name;

static bool get_method(tally_object *self)
{
	tally_object *method = tally_none();
	int found = tally_attr_get(self, method_name, &method);
	if (found < 0) {
		CHECK_PTR(method, NULL);
		return no_memory("attr_get");
	}
	CHECK_EQ(found, 1);
	tally_decref(method);
	return true;
}

static tally_object *gives_first(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context;
	(void)captured;
	(void)count;
	return tally_incref(arguments[0]);
}

static void a_method_that_finds_no_memory_is_not_bound(void)
{
	tally_object *type = CLASS(.name = "thing"), *self = instance(type);
	method_name = text("method");
	set_own(type, "method", packer());
	fail_each(get_method, self);
	CHECK_EQ(tally_refcount(self), 1);
	DROP(self, type, method_name);
}

static void looking_up_and_calling_need_no_memory(void)
{
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "type", .base = base);
	tally_object *names[] = {text("method"), text("x"), text("none")};
	set_own(base, "method", function("gives_first", gives_first, 1, 1));
	set_int(base, "x", 1000);
	tally_object *self = instance(type), *value = NULL;
	CHECK_EQ(tally_heap_fail(1, true), 0);
	tally_object *called = tally_attr_call(self, names[0], NULL, 0);
	CHECK_PTR(called, self);
	CHECK_EQ(tally_attr_get(self, names[1], &value), 1);
	CHECK_EQ(take_value(value), 1000);
	CHECK_EQ(tally_attr_get(self, names[2], &value), 0);
	CHECK_EQ(tally_attr_delete(self, names[1]), 0);
	CHECK_EQ(tally_isinstance(self, base), 1);
	CHECK_NO_ERROR();
	CHECK_EQ(tally_heap_fail(0, false), 0);
	DROP(called, self, type, base, names[0], names[1], names[2]);
}

static void writing_a_slot_and_changing_what_is_there_need_no_memory(void)
{
	tally_object *slots = CLASS(.name = "slots", .slots = xy, .slot_count = 2);
	tally_object *table = CLASS(.name = "table"), *name = text("x");
	tally_object *compact = instance(slots), *open = instance(table), *value = integer(1000);
	CHECK_EQ(tally_attr_set(open, name, name), 0);
	CHECK_EQ(tally_heap_fail(1, true), 0);
	CHECK_EQ(tally_attr_set(compact, name, value), 0);
	CHECK_EQ(tally_attr_set(open, name, value), 0);
	CHECK_EQ(tally_attr_delete(compact, name), 1);
	CHECK_EQ(tally_attr_delete(open, name), 1);
	CHECK_NO_ERROR();
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(tally_refcount(value), 1);
	DROP(compact, open, value, name, slots, table);
}

static bool show(tally_object *self)
{
	tally_object *shown = tally_repr(self);
	if (!shown) return no_memory("repr");
	tally_decref(shown);
	return true;
}

static void a_repr_that_finds_no_memory_is_not_made(void)
{
	tally_object *self = only_instance(CLASS(.name = "a_class_with_a_long_name_that_needs_more_than_a_few_bytes_here"));
	fail_each(show, self);
	tally_decref(self);
}

int main(void)
{
	classes_begin(120);
	bool has_faults = tally_heap_fail(0, false) == 0;
	TAP_RUN(a_class_has_its_name_and_its_base_and_its_instances_are_of_it);
	TAP_RUN(the_longest_name_has_63_bytes_and_is_copied);
	TAP_RUN(other_types_have_a_name_too_and_are_no_classes);
	TAP_RUN(what_is_no_type_is_refused);
	TAP_RUN(a_malformed_description_is_refused);
	TAP_RUN(a_shorter_description_has_zeros_in_the_rest);
	TAP_RUN(a_slot_that_a_base_names_is_refused);
	TAP_RUN(a_base_must_be_a_class);
	TAP_RUN(a_hundred_bases_in_a_row_are_allowed);
	TAP_RUN(an_instance_is_of_its_class_and_of_those_that_this_one_inherits_from);
	TAP_RUN(one_type_of_a_tuple_suffices);
	TAP_RUN(isinstance_of_what_is_no_type_is_an_error);
	TAP_RUN(classes_and_their_instances_are_tracked_and_other_types_are_not);
	TAP_RUN(a_thread_that_is_not_attached_is_refused);
	TAP_RUN(an_attribute_is_set_found_changed_and_deleted);
	TAP_RUN(the_names_come_in_the_order_of_insertion);
	TAP_RUN(the_list_of_names_is_the_callers_own);
	TAP_RUN(the_text_of_a_name_counts_not_which_str_it_is);
	TAP_RUN(empty_and_foreign_texts_are_names_like_others);
	TAP_RUN(an_attribute_is_one_reference);
	TAP_RUN(what_an_attribute_gives_up_dies_at_once);
	TAP_RUN(a_name_that_is_no_str_is_refused);
	TAP_RUN(other_objects_have_no_attributes);
	TAP_RUN(a_value_of_null_is_refused);
	TAP_RUN(an_instance_may_have_thousands_of_attributes);
	TAP_RUN(an_attribute_of_a_class_is_seen_through_everything_below_it);
	TAP_RUN(the_nearest_attribute_wins);
	TAP_RUN(a_change_of_a_base_is_seen_at_once);
	TAP_RUN(a_class_made_below_another_sees_what_this_one_gets_later);
	TAP_RUN(many_names_in_many_classes_are_not_mixed_up);
	TAP_RUN(names_that_come_and_go_find_what_belongs_to_them);
	TAP_RUN(a_function_of_a_class_comes_bound_and_one_of_the_instance_does_not);
	TAP_RUN(two_methods_of_one_function_and_one_instance_are_equal);
	TAP_RUN(only_functions_are_bound);
	TAP_RUN(calling_an_attribute_is_getting_it_and_calling_what_was_got);
	TAP_RUN(many_arguments_reach_a_method_in_their_order);
	TAP_RUN(a_call_of_an_attribute_that_cannot_be_says_why);
	TAP_RUN(a_method_that_fails_without_an_error_fails_alike_in_both_ways_to_call_it);
	TAP_RUN(a_method_may_delete_itself_from_its_class);
	TAP_RUN(the_dict_of_an_instance_and_the_instance_see_every_change);
	TAP_RUN(the_dict_of_an_instance_without_attributes_serves_too);
	TAP_RUN(the_dict_survives_its_instance);
	TAP_RUN(a_dict_exists_only_when_it_was_asked_for);
	TAP_RUN(a_dict_with_other_keys_than_names_harms_nobody);
	TAP_RUN(a_key_whose_equality_changes_the_attributes_harms_nobody);
	TAP_RUN(a_destructor_of_a_value_may_use_the_attributes_that_gave_it_up);
	TAP_RUN(attributes_can_be_changed_inside_critical_sections);
	TAP_RUN(slots_hold_what_they_name_and_nothing_else);
	TAP_RUN(an_unknown_attribute_of_an_instance_with_slots_is_an_error_that_names_it);
	TAP_RUN(slots_are_inherited);
	TAP_RUN(slots_below_a_table_and_a_table_below_slots_give_both);
	TAP_RUN(a_slot_hides_what_a_base_has_under_its_name);
	TAP_RUN(the_names_of_slots_are_copied);
	TAP_RUN(a_thousand_slots_are_allowed_and_one_more_is_not);
	TAP_RUN(an_instance_with_slots_is_small);
	TAP_RUN(the_heap_confirms_the_size_of_instances);
	TAP_RUN(the_size_of_a_class_tells_of_its_tables);
	TAP_RUN(slots_give_up_what_they_hold_in_their_order);
	TAP_RUN(a_row_of_a_few_hundred_thousand_instances_is_dropped_and_collected);
	TAP_RUN(calling_a_class_makes_an_instance_and_initializes_it);
	TAP_RUN(a_class_without_init_takes_no_arguments);
	TAP_RUN(an_init_that_fails_fails_the_call_and_the_instance_goes);
	TAP_RUN(an_instance_is_callable_when_its_class_says_how);
	TAP_RUN(hooks_are_inherited_with_the_context_of_the_class_that_gave_them);
	TAP_RUN(without_hooks_an_instance_equals_itself_and_hashes_as_itself);
	TAP_RUN(equality_without_a_hash_means_not_hashable);
	TAP_RUN(equality_is_asked_on_the_left_else_on_the_right);
	TAP_RUN(an_instance_may_differ_from_itself_but_not_within_a_container);
	TAP_RUN(instances_are_keys_by_their_own_equality);
	TAP_RUN(a_key_whose_equality_changes_the_dict_harms_nobody);
	TAP_RUN(repr_is_what_the_class_says_also_within_containers);
	TAP_RUN(repr_without_a_hook_names_the_class);
	TAP_RUN(repr_comes_to_an_end_when_a_hook_shows_what_contains_the_instance);
	TAP_RUN(a_repr_that_is_no_str_is_an_error);
	TAP_RUN(an_error_of_a_hook_comes_through_and_nothing_is_lost);
	TAP_RUN(hooks_that_nest_deeper_than_a_thousand_levels_get_the_depth_error);
	TAP_RUN(an_instance_that_leads_to_itself_gets_the_depth_error);
	TAP_RUN(methods_that_call_one_another_without_end_get_the_depth_error);
	TAP_RUN(a_class_whose_init_makes_another_one_without_end_gets_the_depth_error);
	TAP_RUN(hooks_may_collect_and_change_their_class);
	if (!has_faults) {
		tap_skip("out of memory", "this build has no faults on demand (assertions are off)");
		return tap_end();
	}
	TAP_RUN(a_class_that_finds_no_memory_is_not_made);
	TAP_RUN(an_instance_that_finds_no_memory_is_not_made);
	TAP_RUN(an_attribute_that_finds_no_memory_is_not_set);
	TAP_RUN(a_dict_or_a_list_of_names_that_finds_no_memory_is_not_made);
	TAP_RUN(a_method_that_finds_no_memory_is_not_bound);
	TAP_RUN(looking_up_and_calling_need_no_memory);
	TAP_RUN(writing_a_slot_and_changing_what_is_there_need_no_memory);
	TAP_RUN(a_repr_that_finds_no_memory_is_not_made);
	return tap_end();
}
