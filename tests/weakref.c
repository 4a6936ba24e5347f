// tests/weakref.c: weak references as one thread sees them: what can be referred to, upgrades, callbacks and their order, counts
// and lists, hash and equality, sections, resurrection, memory that is refused. What the collector finds: tests/weakref_gc.c;
// several threads: tests/weakref_threads.c. The numbers are those of the behaviours that are to be observable.
#include "weakrefs.h"

#include <errno.h>
#include <tally/check.h>
#include <tally/share.h>

static bool spreads(void) { return strcmp(tally_variant(), "biased") == 0; }

// ---- what can be referred to weakly ----

static tally_object *table_instance(void) { return only_instance(CLASS(.name = "table")); }

static tally_object *slots_instance(void)
{
	static const char *const names[] = {"a", "b"};
	return only_instance(CLASS(.name = "slots", .slots = names, .slot_count = 2, .has_weakrefs = true));
}

static tally_object *bare_instance(void) { return only_instance(CLASS(.name = "bare", .has_slots = true, .has_weakrefs = true)); }

// More slots than its base, which says that it can be referred to.
static tally_object *heir_of_slots(void)
{
	static const char *const of_base[] = {"a"}, *const of_heir[] = {"b", "c", "d"};
	tally_object *base = CLASS(.name = "base", .slots = of_base, .slot_count = 1, .has_weakrefs = true);
	tally_object *heir = CLASS(.name = "heir", .base = base, .slots = of_heir, .slot_count = 3);
	tally_decref(base);
	return only_instance(heir);
}

// Its base cannot be.
static tally_object *heir_with_table(void)
{
	static const char *const of_base[] = {"a"};
	tally_object *base = CLASS(.name = "base", .slots = of_base, .slot_count = 1);
	tally_object *heir = CLASS(.name = "heir", .base = base);
	tally_decref(base);
	return only_instance(heir);
}

static tally_object *bound_function(void)
{
	tally_object *function = thing(), *number = counted(1), *bound = must(tally_function_bind(function, &number, 1));
	DROP(function, number);
	return bound;
}

static tally_object *bound_method(void)
{
	tally_object *function = thing(), *self = must(tally_list_new()), *method = must(tally_method_new(function, self));
	DROP(function, self);
	return method;
}

static void is_traversed_as_empty(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)payload, (void)visit, (void)visit_context, (void)context;
}

static tally_object *host_type(size_t payload, size_t alignment, bool is_tracked, void (*dealloc)(void *payload, void *context))
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "host",
		.payload_size = payload,
		.alignment = alignment,
		.traverse = is_tracked ? is_traversed_as_empty : NULL,
		.dealloc = dealloc,
		.flags = TALLY_HOST_WEAKREF,
	};
	return must(tally_host_type_new(&description));
}

static tally_object *host_object(void) { return must(tally_host_new(host_type(24, 0, true, NULL))); }
static tally_object *untracked_host_object(void) { return must(tally_host_new(host_type(24, 0, false, NULL))); }

static tally_object *weak_set(void) { return must(tally_weak_set_new(NULL)); }
static tally_object *weak_value_dict(void) { return must(tally_weak_value_dict_new(NULL)); }
static tally_object *weak_key_dict(void) { return must(tally_weak_key_dict_new(NULL)); }

// Its own object is dead already.
static tally_object *weak_method(void)
{
	tally_object *function = thing(), *self = thing(), *method = must(tally_method_new(function, self));
	tally_object *weak = must(tally_weak_method_new(method, NULL));
	DROP(function, self, method);
	return weak;
}

static const struct {
	const char *name;
	tally_object *(*make)(void);
} referable[] = {
	{"an instance with a table", table_instance},
	{"an instance with slots", slots_instance},
	{"an instance without a slot", bare_instance},
	{"an instance of an heir with more slots", heir_of_slots},
	{"an instance of an heir with a table", heir_with_table},
	{"a function", thing},
	{"a bound function", bound_function},
	{"a bound method", bound_method},
	{"a host object", host_object},
	{"an untracked host object", untracked_host_object},
	{"a weak set", weak_set},
	{"a weak dict of values", weak_value_dict},
	{"a weak dict of keys", weak_key_dict},
	{"a weak method", weak_method},
};
enum { REFERABLE = sizeof referable / sizeof referable[0] };

// 53, 95
static void a_weak_reference_leads_to_its_object_until_that_dies(void)
{
	for (int i = 0; i < REFERABLE; i++) {
		tally_object *object = referable[i].make(), *ref = weakref(object, NULL);
		bool right = CHECK(tally_is_weakref(ref)) && CHECK_STR(tally_type_name(ref), "weakref");
		right &= CHECK_EQ(tally_refcount(object), 1) && CHECK(leads_to(ref, object)) && CHECK_EQ(tally_refcount(object), 1);
		tally_decref(object);
		if (!(CHECK_DEAD(ref) && right)) tap_note("%s", referable[i].name);
		tally_decref(ref);
	}
}

// 97
static void each_kind_of_object_has_its_callback_called_once_with_the_weak_reference(void)
{
	struct calls calls;
	for (int i = 0; i < REFERABLE; i++) {
		tally_object *object = referable[i].make(), *callback = recorder(&calls), *ref = weakref(object, callback);
		bool right = CHECK_EQ(count_of(&calls), 0) && CHECK(leads_to(ref, object)) && CHECK(has_callback(ref, callback));
		tally_decref(object);
		right &= CHECK_EQ(count_of(&calls), 1) && CHECK_PTR(calls.with[0], ref) && CHECK_DEAD(ref);
		if (!(CHECK_EQ(tally_refcount(callback), 1) && right)) tap_note("%s", referable[i].name);
		DROP(ref, callback);
		CHECK_EQ(count_of(&calls), 1);
	}
}

enum { LATER = 200 };

// Others come to stand where the object was, and where weak references to it were.
static void a_dead_weak_reference_stays_dead_whatever_takes_the_place_of_its_object(void)
{
	struct calls calls;
	for (int i = 0; i < REFERABLE; i++) {
		tally_object *object = referable[i].make(), *callback = recorder(&calls), *later[LATER], *refs[LATER];
		tally_object *plain = weakref(object, NULL), *ref = weakref(object, callback);
		for (int j = 0; j < 4; j++) tally_decref(weakref(object, callback));
		tally_decref(object);
		for (int j = 0; j < LATER; j++) {
			later[j] = referable[i].make();
			refs[j] = weakref(later[j], j % 2 ? callback : NULL);
		}
		bool right = CHECK_DEAD(plain) && CHECK_DEAD(ref) && CHECK(has_callback(ref, NULL)) && CHECK_EQ(count_of(&calls), 1);
		for (int j = 0; j < LATER; j++) right &= CHECK(leads_to(refs[j], later[j])) && CHECK_EQ(weakrefs_of(later[j]), 1);
		for (int j = 0; j < LATER; j++) DROP(later[j], refs[j]);
		if (!(CHECK_EQ(count_of(&calls), 1 + LATER / 2) && right)) tap_note("%s", referable[i].name);
		DROP(plain, ref, callback);
	}
}

static tally_object *some_int(void) { return counted(1); }
static tally_object *some_str(void) { return text("text"); }
static tally_object *some_list(void) { return must(tally_list_new()); }
static tally_object *some_dict(void) { return must(tally_dict_new()); }
static tally_object *some_tuple(void) { return must(tally_tuple_new(NULL, 0)); }
static tally_object *some_set(void) { return must(tally_set_new(NULL)); }
static tally_object *some_frozenset(void) { return must(tally_frozenset_new(NULL)); }
static tally_object *some_float(void) { return must(tally_float_new(1.5)); }
static tally_object *some_bytes(void) { return must(tally_bytes_new("b", 1)); }
static tally_object *some_cell(void) { return must(tally_cell_new(NULL)); }
static tally_object *some_capsule(void) { return must(tally_capsule_new(&reports, "pointer", NULL)); }
static tally_object *some_true(void) { return tally_bool(true); }

static tally_object *some_iterator(void)
{
	tally_object *list = some_list(), *iterator = must(tally_iter(list));
	tally_decref(list);
	return iterator;
}

static tally_object *some_weakref(void)
{
	static struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback);
	DROP(object, callback);
	return ref;
}

static tally_object *some_shared_weakref(void)
{
	tally_object *object = thing(), *ref = weakref(object, NULL);
	tally_decref(object);
	return ref;
}

static tally_object *unwilling_instance(void)
{
	static const char *const names[] = {"a"};
	return only_instance(CLASS(.name = "closed", .slots = names, .slot_count = 1));
}

static tally_object *unwilling_heir(void)
{
	static const char *const names[] = {"a"}, *const more[] = {"b"};
	tally_object *base = CLASS(.name = "base", .slots = names, .slot_count = 1);
	tally_object *heir = CLASS(.name = "closed", .base = base, .slots = more, .slot_count = 1);
	tally_decref(base);
	return only_instance(heir);
}

static tally_object *unwilling_host_object(void) { return probe(fixture_probe_type(), 0); }

static tally_object *some_finalize_handle(void)
{
	tally_object *object = thing(), *handle = must(tally_finalize_new(object, object, NULL, 0)), *parts = NULL;
	CHECK_EQ(tally_finalize_detach(handle, &parts), 1);
	DROP(object, parts);
	return handle;
}

static const struct {
	const char *type;
	tally_object *(*make)(void);
} not_referable[] = {
	{"int", some_int}, {"str", some_str}, {"list", some_list}, {"dict", some_dict}, {"tuple", some_tuple}, {"set", some_set},
	{"frozenset", some_frozenset}, {"float", some_float}, {"bytes", some_bytes}, {"cell", some_cell}, {"capsule", some_capsule},
	{"none", tally_none}, {"bool", some_true}, {"iterator", some_iterator}, {"weakref", some_weakref},
	{"weakref", some_shared_weakref}, {"finalize", some_finalize_handle},
	{"closed", unwilling_instance}, {"closed", unwilling_heir}, {"probe", unwilling_host_object},
};

// 109. Nor is there anything to count or to list (107, 108).
static void what_cannot_be_referred_to_weakly_is_refused_by_name(void)
{
	char expected[100];
	struct calls calls;
	tally_object *callback = recorder(&calls);
	for (size_t i = 0; i < sizeof not_referable / sizeof not_referable[0]; i++) {
		tally_object *object = not_referable[i].make();
		snprintf(expected, sizeof expected, "weakref_new: cannot create weak reference to '%s' object", not_referable[i].type);
		CHECK_PTR(tally_weakref_new(object, NULL), NULL);
		CHECK_ERROR(TALLY_ERROR_TYPE, expected);
		CHECK_PTR(tally_weakref_new(object, callback), NULL);
		CHECK_ERROR(TALLY_ERROR_TYPE, expected);
		CHECK_EQ(weakrefs_of(object), 0);
		tally_object *list = must(tally_weakref_list(object));
		CHECK_EQ(length_of(list), 0);
		DROP(list, object);
	}
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(callback);
	CHECK_EQ(count_of(&calls), 0);
}

static void a_slots_class_that_agrees_keeps_its_slots(void)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	tally_object *object = heir_of_slots(), *ref = weakref(object, NULL);
	for (int i = 0; i < 4; i++) set_int(object, names[i], COUNTED + i);
	for (int i = 0; i < 4; i++) CHECK_EQ(attr_int(object, names[i]), COUNTED + i);
	CHECK(leads_to(ref, object));
	tally_decref(object);
	CHECK_DEAD(ref);
	tally_decref(ref);
}

// ---- host objects ----

static size_t filled; // bytes of the payload

static bool is_filled(const unsigned char *payload)
{
	for (size_t i = 0; i < filled; i++)
		if (payload[i] != (unsigned char)(i * 7 + 1)) return false;
	return true;
}

static void dies_filled(void *payload, void *context)
{
	(void)context;
	CHECK(is_filled(payload));
	atomic_fetch_add(&fixture_dead, 1);
}

static void fill_payload(unsigned char *payload, size_t alignment)
{
	CHECK_EQ((uintptr_t)payload % (alignment ? alignment : 16), 0);
	for (size_t i = 0; i < filled; i++) {
		if (!CHECK_EQ(payload[i], 0)) break;
		payload[i] = (unsigned char)(i * 7 + 1);
	}
}

// Several side by side.
static void check_payload(size_t size, size_t alignment, bool is_tracked)
{
	enum { SIDE_BY_SIDE = 3 };
	struct calls calls;
	tally_object *type = host_type(size, alignment, is_tracked, dies_filled), *callback = recorder(&calls);
	tally_object *objects[SIDE_BY_SIDE], *plain[SIDE_BY_SIDE], *refs[SIDE_BY_SIDE];
	filled = size;
	atomic_store(&fixture_dead, 0);
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		objects[i] = must(tally_host_new(type));
		fill_payload(tally_host_payload(objects[i], type), alignment);
		CHECK_EQ(weakrefs_of(objects[i]), 0);
	}
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		plain[i] = weakref(objects[i], NULL);
		refs[i] = weakref(objects[i], callback);
	}
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		CHECK_STR(tally_type_name(objects[i]), "host");
		CHECK_EQ(tally_refcount(objects[i]), 1);
		CHECK(is_filled(tally_host_payload(objects[i], type)));
		CHECK(leads_to(plain[i], objects[i]));
		CHECK(leads_to(refs[i], objects[i]));
		CHECK_EQ(weakrefs_of(objects[i]), 2);
	}
	for (int i = 0; i < SIDE_BY_SIDE; i++) {
		tally_decref(objects[i]);
		CHECK_EQ(atomic_load(&fixture_dead), i + 1);
		CHECK_EQ(count_of(&calls), i + 1);
		CHECK_DEAD(plain[i]);
		DROP(plain[i], refs[i]);
	}
	tally_decref(callback);
}

static void a_payload_of_any_size_and_alignment_leaves_the_weak_references_alone(void)
{
	static const size_t sizes[] = {0, 1, 8, 16, 17, 24, 25, 64, 100, 4096, 10000}, alignments[] = {0, 1, 8, 32, 64, 4096};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		for (size_t j = 0; j < sizeof alignments / sizeof alignments[0]; j++)
			for (int tracked = 0; tracked < 2; tracked++) {
				check_payload(sizes[i], alignments[j], tracked);
				if (!CHECK_EQ(fixture_live_objects(), 0)) tap_note("%zu bytes at %zu", sizes[i], alignments[j]);
			}
}

// ---- types ----

// Immortal objects: what is made for their sake is no leak, which the end of the test checks.
static void types_can_be_referred_to_weakly_for_ever(void)
{
	struct calls calls;
	tally_object *callback = recorder(&calls), *number = counted(1), *list = some_list(), *some = thing(), *ref = weakref(some, NULL);
	tally_object *host = host_type(8, 0, true, NULL), *unwilling = fixture_probe_type(), *of_type = tally_type_of(host);
	tally_object *types[] = {tally_type_of(number), tally_type_of(list), tally_type_of(ref), host, unwilling, of_type};
	for (int i = 0; i < 6; i++) {
		tally_object *plain = weakref(types[i], NULL), *again = weakref(types[i], NULL), *other = weakref(types[i], callback);
		CHECK_PTR(plain, again);
		CHECK(leads_to(plain, types[i]));
		CHECK(leads_to(other, types[i]));
		CHECK_EQ(weakrefs_of(types[i]), 2);
		DROP(plain, again, other, types[i], types[i]);
		tally_object *later = weakref(types[i], NULL);
		CHECK(leads_to(later, types[i]));
		tally_decref(later);
	}
	CHECK_EQ(count_of(&calls), 0);
	DROP(callback, number, list, some, ref);
}

// 114
static void a_class_can_be_referred_to_weakly_until_it_is_collected(void)
{
	struct calls calls, of_instance;
	tally_object *type = CLASS(.name = "mortal"), *callback = recorder(&calls), *plain = weakref(type, NULL);
	tally_object *ref = weakref(type, callback), *self = instance(type), *other = recorder(&of_instance), *to_self = weakref(self, other);
	tally_decref(type);
	CHECK_COLLECT(2, 0); // it has an instance
	CHECK(leads_to(plain, type));
	tally_decref(self);
	CHECK_EQ(count_of(&of_instance), 1);
	CHECK_EQ(count_of(&calls), 0);
	CHECK(leads_to(ref, type));
	CHECK_COLLECT(2, 1);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], ref);
	CHECK_DEAD(ref);
	CHECK_DEAD(plain);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(count_of(&calls), 1);
	DROP(callback, plain, ref, other, to_self);
}

// ---- the shared one; counts and lists ----

static void those_without_a_callback_are_one(void)
{
	tally_object *object = thing(), *one = weakref(object, NULL), *two = weakref(object, NULL);
	CHECK_PTR(one, two);
	tally_decref(one);
	CHECK(leads_to(two, object));
	CHECK_EQ(weakrefs_of(object), 1);
	tally_decref(two);
	CHECK_EQ(weakrefs_of(object), 0);
	tally_object *three = weakref(object, NULL);
	CHECK(leads_to(three, object));
	CHECK_EQ(weakrefs_of(object), 1);
	DROP(object, three);
}

// 107
static void the_count_is_of_weak_references_that_somebody_has(void)
{
	struct calls calls;
	size_t count = 7;
	tally_object *object = thing(), *callback = recorder(&calls);
	CHECK_EQ(weakrefs_of(object), 0);
	tally_object *plain = weakref(object, NULL);
	CHECK_EQ(weakrefs_of(object), 1);
	tally_object *ref = weakref(object, callback);
	CHECK_EQ(weakrefs_of(object), 2);
	tally_object *other = weakref(object, callback), *plain_again = weakref(object, NULL);
	CHECK_EQ(weakrefs_of(object), 3);
	tally_decref(plain);
	CHECK_EQ(weakrefs_of(object), 3);
	tally_decref(plain_again);
	CHECK_EQ(weakrefs_of(object), 2);
	tally_decref(ref);
	CHECK_EQ(weakrefs_of(object), 1);
	tally_decref(other);
	CHECK_EQ(weakrefs_of(object), 0);
	CHECK_EQ(tally_weakref_count(NULL, &count), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_count: expected an object, got NULL");
	DROP(object, callback);
	CHECK_EQ(count_of(&calls), 0);
}

static bool is_list_of(tally_object *object, tally_object *const *expected, size_t size)
{
	tally_object *list = must(tally_weakref_list(object));
	bool same = length_of(list) == size;
	for (size_t i = 0; same && i < size; i++) {
		tally_object *ref = must(tally_list_get(list, (ptrdiff_t)i));
		same = ref == expected[i];
		tally_decref(ref);
	}
	tally_decref(list);
	return same;
}

// 108
static void the_list_has_the_shared_one_first_then_the_newest(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *refs[12];
	CHECK(is_list_of(object, NULL, 0));
	for (int i = 11; i > 0; i--) {
		refs[i] = weakref(object, callback);
		CHECK(is_list_of(object, &refs[i], (size_t)(12 - i)));
	}
	refs[0] = weakref(object, NULL);
	CHECK(is_list_of(object, refs, 12));
	tally_decref(refs[0]);
	CHECK(is_list_of(object, &refs[1], 11));
	for (int i = 11; i > 1; i--) {
		tally_decref(refs[i]);
		CHECK(is_list_of(object, &refs[1], (size_t)i - 1));
	}
	tally_decref(refs[1]);
	CHECK(is_list_of(object, NULL, 0));
	CHECK_PTR(tally_weakref_list(NULL), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_list: expected an object, got NULL");
	DROP(object, callback);
}

static void one_may_be_dropped_from_anywhere_in_the_list(void)
{
	struct calls calls;
	for (int gone = 0; gone < 5; gone++) {
		tally_object *object = thing(), *callback = recorder(&calls), *refs[5];
		for (int i = 0; i < 5; i++) refs[i] = weakref(object, callback);
		tally_decref(refs[gone]);
		CHECK_EQ(weakrefs_of(object), 4);
		tally_decref(object);
		CHECK_EQ(count_of(&calls), 4);
		for (int i = 4, seen = 0; i >= 0; i--) {
			if (i == gone) continue;
			CHECK_PTR(calls.with[seen++], refs[i]);
			tally_decref(refs[i]);
		}
		tally_decref(callback);
	}
}

// Inside a section nobody is destroyed, so what has been dropped is still there: it must not be seen.
static void what_was_dropped_in_a_section_is_not_counted(void)
{
	struct calls calls;
	tally_critical section;
	tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback), *other = weakref(object, callback);
	CHECK_EQ(tally_critical_begin(&section, callback), 0);
	tally_decref(ref);
	CHECK(is_list_of(object, &other, 1));
	CHECK_EQ(weakrefs_of(object), 1);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(weakrefs_of(object), 1);
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], other);
	DROP(other, callback);
}

// ---- hash, equality, order, text ----

static int same_number(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	if (!tally_is_instance(other)) return 0;
	return attr_int(self, "n") == attr_int(other, "n");
}

static int hash_number(tally_object *self, uint64_t *hash, void *context)
{
	atomic_fetch_add(&((struct kind *)context)->hashed, 1);
	*hash = (uint64_t)attr_int(self, "n");
	return 0;
}

static struct kind *number_kind;

static tally_object *numbered_type(void)
{
	number_kind = kind_new();
	return CLASS(.name = "numbered", .equal = same_number, .hash = hash_number, .context = number_kind);
}

static tally_object *numbered(tally_object *type, int64_t n)
{
	tally_object *self = instance(type);
	set_int(self, "n", COUNTED + n);
	return self;
}

// 110
static void living_weak_references_are_equal_as_their_objects_are(void)
{
	struct calls calls;
	tally_object *type = numbered_type(), *callback = recorder(&calls), *one = numbered(type, 1), *same = numbered(type, 1), *two = numbered(type, 2);
	tally_object *refs[] = {weakref(one, NULL), weakref(one, callback), weakref(same, NULL), weakref(same, callback)};
	tally_object *to_two = weakref(two, NULL), *list = some_list();
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) CHECK_EQ(tally_equal(refs[i], refs[j]), 1);
		CHECK_EQ(tally_equal(refs[i], to_two), 0);
		CHECK_EQ(tally_equal(to_two, refs[i]), 0);
		CHECK_EQ(tally_equal(refs[i], one), 0);
		CHECK_EQ(tally_equal(one, refs[i]), 0);
		CHECK_EQ(tally_equal(refs[i], list), 0);
	}
	tally_decref(one);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) CHECK_EQ(tally_equal(refs[i], refs[j]), i == j || (i > 1 && j > 1));
	tally_decref(same);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++) CHECK_EQ(tally_equal(refs[i], refs[j]), i == j);
	for (int i = 0; i < 4; i++) tally_decref(refs[i]);
	DROP(type, callback, two, to_two, list);
}

static int fail_to_compare(tally_object *self, tally_object *other, void *context)
{
	(void)self, (void)other, (void)context;
	tally_error_set(TALLY_ERROR_VALUE, "no comparison");
	return -1;
}

static int fail_to_hash(tally_object *self, uint64_t *hash, void *context)
{
	(void)self, (void)hash, (void)context;
	tally_error_set(TALLY_ERROR_VALUE, "no hash");
	return -1;
}

static void what_the_objects_raise_is_raised(void)
{
	uint64_t hash;
	tally_object *type = CLASS(.equal = fail_to_compare, .hash = fail_to_hash), *one = instance(type), *two = instance(type);
	tally_object *to_one = weakref(one, NULL), *to_two = weakref(two, NULL);
	CHECK_EQ(tally_equal(to_one, to_two), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "no comparison");
	CHECK_EQ(tally_hash(to_one, &hash), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "no hash");
	CHECK_EQ(tally_refcount(one), 1);
	CHECK_EQ(tally_refcount(two), 1);
	tally_decref(one);
	CHECK_EQ(tally_equal(to_one, to_two), 0);
	DROP(type, two, to_one, to_two);
}

// Compares weak references to the two, which compares the two.
static int compare_through_weakrefs(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	tally_object *to_self = weakref(self, NULL), *to_other = weakref(other, NULL);
	int same = tally_equal(to_self, to_other);
	DROP(to_self, to_other);
	return same;
}

static int hash_through_weakref(tally_object *self, uint64_t *hash, void *context)
{
	(void)context;
	tally_object *to_self = weakref(self, NULL);
	int status = tally_hash(to_self, hash);
	tally_decref(to_self);
	return status;
}

static void what_never_ends_is_an_error_and_harms_nothing(void)
{
	uint64_t hash;
	tally_object *type = CLASS(.equal = compare_through_weakrefs, .hash = hash_through_weakref), *one = instance(type), *two = instance(type);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(tally_equal(one, two), -1);
		CHECK_FAILED(TALLY_ERROR_DEPTH, "nested deeper");
		CHECK_EQ(tally_hash(one, &hash), -1);
		CHECK_FAILED(TALLY_ERROR_DEPTH, "nested deeper");
	}
	CHECK_EQ(tally_refcount(one), 1);
	CHECK_EQ(weakrefs_of(one), 0);
	DROP(type, one, two);
}

static tally_object *last_reference;

static void drop_last(void)
{
	tally_object *object = last_reference;
	last_reference = NULL;
	tally_decref(object);
}

static int drop_and_compare(tally_object *self, tally_object *other, void *context)
{
	(void)self, (void)other, (void)context;
	drop_last();
	return 1;
}

static int drop_and_hash(tally_object *self, uint64_t *hash, void *context)
{
	(void)self, (void)context;
	drop_last();
	*hash = 11;
	return 0;
}

// Until it has its answer the weak reference has the object.
static void an_object_that_is_dropped_while_it_is_asked_answers_first(void)
{
	struct calls calls;
	uint64_t hash = 0;
	tally_object *type = CLASS(.equal = drop_and_compare, .hash = drop_and_hash), *callback = recorder(&calls), *other = instance(type);
	tally_object *ref, *to_other = weakref(other, NULL);
	last_reference = instance(type);
	ref = weakref(last_reference, callback);
	CHECK_EQ(tally_equal(ref, to_other), 1);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_DEAD(ref);
	tally_decref(ref);
	last_reference = instance(type);
	ref = weakref(last_reference, callback);
	CHECK_EQ(tally_hash(ref, &hash), 0);
	CHECK_EQ(hash, 11);
	CHECK_EQ(count_of(&calls), 2);
	CHECK_DEAD(ref);
	CHECK_EQ(tally_hash(ref, &hash), 0);
	DROP(type, callback, other, ref, to_other);
}

// 111
static void weak_references_have_no_order(void)
{
	tally_object *object = thing(), *other = thing(), *refs[] = {weakref(object, NULL), weakref(other, NULL)};
	for (int round = 0; round < 2; round++) {
		for (int operation = TALLY_LT; operation <= TALLY_GE; operation++) {
			if (operation == TALLY_EQ || operation == TALLY_NE) continue;
			CHECK_EQ(tally_compare(refs[0], refs[1], (enum tally_comparison)operation), -1);
			CHECK_FAILED(TALLY_ERROR_TYPE, "weakref");
		}
		CHECK_EQ(tally_compare(refs[0], refs[1], TALLY_EQ), 0);
		CHECK_EQ(tally_compare(refs[0], refs[1], TALLY_NE), 1);
		CHECK_EQ(tally_compare(refs[0], refs[0], TALLY_EQ), 1);
		if (round == 0) DROP(object, other);
	}
	DROP(refs[0], refs[1]);
}

// 112
static void the_hash_is_the_objects_and_is_kept_when_it_dies(void)
{
	struct calls calls;
	uint64_t hash = 0, expected = 0;
	tally_object *type = numbered_type(), *object = numbered(type, 5), *callback = recorder(&calls);
	tally_object *refs[] = {weakref(object, NULL), weakref(object, callback), weakref(object, callback)};
	CHECK_EQ(tally_hash(object, &expected), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tally_hash(refs[i], &hash), 0);
		CHECK_EQ(hash, expected);
	}
	int asked = atomic_load(&number_kind->hashed);
	tally_decref(object);
	for (int i = 0; i < 2; i++) {
		hash = 0;
		CHECK_EQ(tally_hash(refs[i], &hash), 0);
		CHECK_EQ(hash, expected);
	}
	CHECK_EQ(atomic_load(&number_kind->hashed), asked);
	CHECK_EQ(tally_hash(refs[2], &hash), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "hash: the object of the weakref is dead, and its hash was never asked for");
	DROP(type, callback, refs[0], refs[1], refs[2]);
}

static void what_cannot_be_hashed_has_no_hash_through_a_weak_reference(void)
{
	uint64_t hash;
	tally_object *object = only_instance(CLASS(.name = "equal", .equal = same_number)), *ref = weakref(object, NULL);
	CHECK_EQ(tally_hash(ref, &hash), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "equal");
	tally_decref(object);
	CHECK_EQ(tally_hash(ref, &hash), -1);
	CHECK_FAILED(TALLY_ERROR_TYPE, "dead");
	tally_decref(ref);
}

static void a_weak_reference_is_found_in_a_dict_by_another_to_the_same_object_and_dead_by_itself(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *key = weakref(object, callback), *plain = weakref(object, NULL);
	tally_object *dict = must(tally_dict_new());
	put(dict, key, callback);
	CHECK_EQ(tally_dict_contains(dict, plain), 1);
	CHECK_EQ(tally_dict_contains(dict, key), 1);
	tally_decref(object);
	CHECK_EQ(tally_dict_contains(dict, plain), 0);
	CHECK_EQ(tally_dict_contains(dict, key), 1);
	CHECK_EQ(tally_dict_pop(dict, key, NULL), 1);
	DROP(callback, key, plain, dict);
}

static void the_text_names_the_object_or_says_that_it_is_dead(void)
{
	tally_object *object = thing(), *ref = weakref(object, NULL), *shown = must(tally_repr(ref));
	CHECK_PART(tally_str_utf8(shown, NULL), "<weakref at 0x");
	CHECK_PART(tally_str_utf8(shown, NULL), "function at 0x");
	DROP(shown, object);
	shown = must(tally_repr(ref));
	CHECK_PART(tally_str_utf8(shown, NULL), ": dead>");
	DROP(shown, ref);
}

// ---- callbacks ----

// 113
static void the_callback_can_be_asked_for_while_the_object_lives(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback), *plain = weakref(object, NULL);
	CHECK(has_callback(ref, callback));
	CHECK(has_callback(plain, NULL));
	CHECK_EQ(tally_refcount(callback), 2);
	tally_decref(object);
	CHECK(has_callback(ref, NULL));
	CHECK(has_callback(plain, NULL));
	CHECK_EQ(tally_refcount(callback), 1);
	DROP(callback, ref, plain);
}

static void a_callback_is_gone_as_soon_as_the_object_is_dead_even_in_a_section(void)
{
	struct calls calls;
	tally_critical section;
	tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback);
	CHECK_EQ(tally_critical_begin(&section, callback), 0);
	tally_decref(object);
	CHECK_DEAD(ref);
	CHECK(has_callback(ref, NULL));
	CHECK_EQ(count_of(&calls), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(count_of(&calls), 1);
	DROP(callback, ref);
}

// 98, 100
static void callbacks_are_called_once_each_the_newest_first(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *refs[5];
	for (int i = 0; i < 5; i++) refs[i] = weakref(object, callback);
	CHECK(refs[0] != refs[1]);
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 5);
	for (int i = 0; i < 5; i++) {
		CHECK_PTR(calls.with[i], refs[4 - i]);
		CHECK_DEAD(refs[i]);
		tally_decref(refs[i]);
	}
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(callback);
	CHECK_EQ(count_of(&calls), 5);
}

// 101, 76
static void a_callback_that_fails_is_reported_and_stops_nothing(void)
{
	struct calls calls, failing = {0};
	tally_object *object = thing(), *good = recorder(&calls), *bad = callable(fail_always, &failing, NULL);
	tally_object *refs[] = {weakref(object, good), weakref(object, bad), weakref(object, good), weakref(object, bad)};
	listen_to_failures();
	tally_error_set(TALLY_ERROR_INDEX, "what the dropping code is about to report");
	errno = 77;
	tally_decref(object);
	CHECK_EQ(errno, 77);
	CHECK_ERROR(TALLY_ERROR_INDEX, "what the dropping code is about to report");
	CHECK_EQ(count_of(&calls), 2);
	CHECK_EQ(count_of(&failing), 2);
	CHECK_EQ(reports.count, 2);
	CHECK_EQ(reports.code, TALLY_ERROR_VALUE);
	CHECK_STR(reports.message, "the callback fails");
	CHECK_STR(reports.operation, "weakref callback");
	CHECK_PTR(reports.source, bad);
	for (int i = 0; i < 4; i++) CHECK_DEAD(refs[i]);
	for (int i = 0; i < 4; i++) tally_decref(refs[i]);
	DROP(good, bad);
}

static void without_a_hook_a_failure_is_forgotten(void)
{
	struct calls failing = {0};
	tally_object *object = thing(), *bad = callable(fail_always, &failing, NULL), *ref = weakref(object, bad);
	listen_to_failures();
	tally_unraisable_set(NULL, NULL);
	tally_decref(object);
	CHECK_NO_ERROR();
	CHECK_EQ(count_of(&failing), 1);
	CHECK_EQ(reports.count, 0);
	DROP(bad, ref);
}

static void any_callable_can_be_a_callback(void)
{
	static const char *const no_names[] = {"kept"};
	tally_object *list = some_list(), *function = thing(), *object = thing(), *kept = text("kept");
	tally_object *type = CLASS(.name = "called", .slots = no_names, .slot_count = 1);
	tally_object *bound = must(tally_function_bind(function, &kept, 1)), *method = must(tally_method_new(function, list));
	tally_object *callbacks[] = {function, bound, method, type}, *refs[4];
	listen_to_failures();
	for (int i = 0; i < 4; i++) refs[i] = weakref(object, callbacks[i]);
	tally_decref(object);
	CHECK_EQ(reports.count, 1); // the class takes no argument
	CHECK_PTR(reports.source, type);
	CHECK_PTR(tally_weakref_new(function, list), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_new: expected a callable object, got a 'list'");
	for (int i = 0; i < 4; i++) tally_decref(refs[i]);
	DROP(list, function, kept, type, bound, method);
}

// 102
static void a_weak_reference_that_died_first_is_not_called(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls);
	tally_decref(weakref(object, callback));
	tally_object *list = some_list(); // dies while its list is being destroyed
	for (int i = 0; i < 5; i++) push_own(list, weakref(object, callback));
	CHECK_EQ(weakrefs_of(object), 5);
	tally_decref(list);
	CHECK_EQ(weakrefs_of(object), 0);
	tally_critical section; // dies at the section's end
	tally_object *ref = weakref(object, callback);
	CHECK_EQ(tally_critical_begin(&section, callback), 0);
	tally_decref(ref);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 0);
	tally_decref(callback);
}

static void both_may_die_in_one_section_in_either_order(void)
{
	struct calls calls;
	tally_critical section;
	for (int i = 0; i < 2; i++) {
		tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback);
		CHECK_EQ(tally_critical_begin(&section, callback), 0);
		tally_decref(i ? object : ref);
		tally_decref(i ? ref : object);
		CHECK_EQ(count_of(&calls), 0);
		CHECK_EQ(tally_critical_end(&section), 0);
		CHECK_EQ(count_of(&calls), 0); // dead, or dying, when the object was cleared
		CHECK_EQ(tally_refcount(callback), 1);
		tally_decref(callback);
	}
}

// The object has the only reference to the weak reference to itself.
static void a_weak_reference_that_only_its_object_has_is_called(void)
{
	struct calls calls;
	tally_object *object = table_instance(), *callback = recorder(&calls);
	set_own(object, "me", weakref(object, callback));
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(callback);
}

// ---- what a callback may do ----

static struct {
	tally_object *held[8]; // for the callback; what it holds it may drop
	int calls;
} scene;

static void begin_scene(void) { memset(&scene, 0, sizeof scene); }

static tally_object *drop_held(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	check_call(arguments, count);
	scene.calls++;
	for (int i = 0; i < 8; i++) {
		tally_object *held = scene.held[i];
		scene.held[i] = NULL;
		tally_decref(held);
	}
	return tally_none();
}

static void a_callback_may_drop_the_last_reference_to_its_weak_reference_and_to_itself(void)
{
	begin_scene();
	tally_object *object = thing(), *callback = callable(drop_held, NULL, NULL);
	scene.held[0] = weakref(object, callback);
	scene.held[1] = callback;
	tally_decref(object);
	CHECK_EQ(scene.calls, 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

// Those who were alive when the object died are called, whatever the ones before them do.
static void a_callback_may_drop_the_weak_references_that_come_after_it(void)
{
	begin_scene();
	struct calls calls;
	tally_object *object = thing(), *recording = recorder(&calls), *dropping = callable(drop_held, NULL, NULL);
	scene.held[0] = weakref(object, recording);
	scene.held[1] = weakref(object, recording);
	tally_object *first = weakref(object, dropping);
	tally_decref(object);
	CHECK_EQ(scene.calls, 1);
	CHECK_EQ(count_of(&calls), 2);
	DROP(recording, dropping, first);
}

static void a_callback_may_drop_other_objects_and_theirs_are_called(void)
{
	begin_scene();
	struct calls calls;
	tally_object *object = thing(), *recording = recorder(&calls), *dropping = callable(drop_held, NULL, NULL);
	tally_object *ref = weakref(object, dropping), *others[4];
	for (int i = 0; i < 4; i++) {
		scene.held[i] = thing();
		others[i] = weakref(scene.held[i], recording);
	}
	scene.held[4] = weakref(scene.held[0], recording);
	tally_decref(object);
	CHECK_EQ(scene.calls, 1);
	CHECK_EQ(count_of(&calls), 4); // the fifth was dropped in the same breath, and waits to be destroyed when its object dies
	for (int i = 0; i < 4; i++) CHECK_DEAD(others[i]);
	DROP(recording, dropping, ref, others[0], others[1], others[2], others[3]);
}

static struct calls made_calls;

// Makes weak references: to what lives, and to the object that captured[0] leads to.
static tally_object *make_more(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *callback = context;
	check_call(arguments, count);
	scene.calls++;
	for (int i = 0; i < 4; i++) scene.held[i] = weakref(captured[0], i % 2 ? callback : NULL);
	CHECK_EQ(weakrefs_of(captured[0]), 3);
	return tally_none();
}

static void a_callback_may_make_weak_references(void)
{
	begin_scene();
	tally_object *object = thing(), *other = thing(), *recording = recorder(&made_calls), *making = callable(make_more, recording, other);
	tally_object *ref = weakref(object, making);
	tally_decref(object);
	CHECK_EQ(scene.calls, 1);
	tally_decref(ref);
	for (int i = 0; i < 4; i++) CHECK(leads_to(scene.held[i], other));
	tally_decref(making); // and with it the captured one
	for (int i = 0; i < 4; i++) CHECK(leads_to(scene.held[i], other));
	tally_decref(other);
	CHECK_EQ(count_of(&made_calls), 2);
	for (int i = 0; i < 4; i++) {
		CHECK_DEAD(scene.held[i]);
		tally_decref(scene.held[i]);
	}
	tally_decref(recording);
}

// 92
static tally_object *collect_in_callback(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	scene.calls++;
	drop_lists_in_themselves(3);
	CHECK_EQ(tally_gc_collect(2), *(int64_t *)context);
	CHECK_DEAD(arguments[0]);
	tally_safepoint();
	return tally_list_new();
}

static void a_callback_may_collect(void)
{
	static const int64_t found = 3;
	static const unsigned flags = NODE_WHOLE;
	begin_scene();
	for (int i = 0; i < 2; i++) {
		tally_object *callback = callable(collect_in_callback, (void *)(uintptr_t)&found, NULL);
		tally_object *object = i ? table_instance() : thing(), *refs[3];
		if (i) set_own(object, "node", node_new(node_type(flags), 1)); // has a finalizer
		for (int j = 0; j < 3; j++) refs[j] = weakref(object, callback);
		tally_object *type = i ? tally_type_of(object) : NULL; // else the first collection finds the class, too
		tally_decref(object);
		CHECK_EQ(scene.calls, 3 * (i + 1));
		DROP(refs[0], refs[1], refs[2], callback, type);
	}
	CHECK_EQ(node_seen[1].finalize, 1);
}

static tally_object *collect_around(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context;
	check_call(arguments, count);
	scene.calls++;
	for (int i = 0; i < 3; i++) CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(tally_heap_trim(NULL), 0);
	tally_object *child = NULL;
	CHECK_EQ(tally_weakref_get(captured[0], &child), 1);
	CHECK_EQ(attr_int(child, "n"), COUNTED);
	tally_decref(child);
	return tally_none();
}

// Nobody but the dying object needs its class, nor has the child, which is in a cycle: neither may be taken for garbage yet.
static void a_collection_in_a_callback_spares_what_the_dying_object_has(void)
{
	begin_scene();
	for (int i = 0; i < 2; i++) {
		tally_object *object = i ? heir_of_slots() : table_instance(), *child = table_instance(), *to_child = weakref(child, NULL);
		tally_object *callback = callable(collect_around, NULL, to_child), *ref = weakref(object, callback);
		set_int(child, "n", COUNTED);
		set_attr(child, "self", child);
		set_own(object, "a", child);
		tally_decref(object);
		CHECK_EQ(scene.calls, i + 1);
		CHECK(!leads_to(to_child, NULL));
		CHECK(tally_gc_collect(2) > 0);
		CHECK_DEAD(to_child);
		DROP(to_child, callback, ref);
	}
}

static unsigned seen_blocks;

static int see_block(const tally_heap_block *block, void *context)
{
	(void)context;
	seen_blocks += block->type_name != NULL;
	return 0;
}

static tally_object *look_at_all(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_critical section;
	(void)context, (void)captured;
	check_call(arguments, count);
	scene.calls++;
	CHECK_EQ(tally_heap_walk(see_block, NULL), 0);
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	CHECK_EQ(tally_critical_begin(&section, arguments[0]), 0);
	for (int i = 0; i < 8; i++) {
		tally_decref(scene.held[i]);
		scene.held[i] = NULL;
	}
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_heap_walk(see_block, NULL), 0);
	return tally_none();
}

static void a_callback_may_look_at_the_heap_and_open_sections(void)
{
	struct calls calls;
	begin_scene();
	tally_object *object = table_instance(), *recording = recorder(&calls), *callback = callable(look_at_all, NULL, NULL);
	tally_object *ref = weakref(object, callback), *refs[4];
	set_own(object, "ref", weakref(object, callback));
	for (int i = 0; i < 4; i++) {
		scene.held[i] = thing();
		refs[i] = weakref(scene.held[i], recording);
		scene.held[i + 4] = weakref(scene.held[i], recording);
	}
	CHECK_EQ(tally_check_references(NULL, NULL), 0);
	tally_decref(object);
	CHECK_EQ(scene.calls, 2);
	CHECK_EQ(count_of(&calls), 4);
	CHECK(seen_blocks > 0);
	DROP(ref, recording, callback, refs[0], refs[1], refs[2], refs[3]);
}

static tally_object *reported_ref;

// The hook collects, drops, and refers weakly to what has failed.
static void act_on_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	(void)message, (void)operation, (void)context;
	CHECK_EQ(code, TALLY_ERROR_VALUE);
	CHECK(tally_gc_collect(2) >= 0);
	tally_decref(reported_ref);
	reported_ref = weakref(source, source);
	tally_error_set(TALLY_ERROR_INDEX, "the hook fails, too");
	scene.calls++;
}

static void the_hook_may_use_the_library(void)
{
	begin_scene();
	tally_object *object = thing(), *bad = callable(fail_always, NULL, NULL), *refs[3];
	for (int i = 0; i < 3; i++) refs[i] = weakref(object, bad);
	tally_unraisable_set(act_on_report, NULL);
	tally_decref(object);
	CHECK_NO_ERROR();
	CHECK_EQ(scene.calls, 3);
	CHECK(leads_to(reported_ref, bad));
	tally_unraisable_set(NULL, NULL);
	DROP(refs[0], refs[1], refs[2], bad); // `bad` is the callback of the weak reference to it
	tally_decref(reported_ref);
	reported_ref = NULL;
}

// While the callbacks run the object still has what it refers to.
static tally_object *look_at_child(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *child = NULL;
	(void)context;
	check_call(arguments, count);
	scene.calls++;
	CHECK_EQ(tally_weakref_get(captured[0], &child), 1);
	tally_object *packed = tally_call(child, NULL, 0);
	CHECK_EQ(length_of(packed), 0);
	tally_decref(packed);
	return child;
}

static void what_the_object_refers_to_lives_until_the_callbacks_have_run(void)
{
	begin_scene();
	tally_object *object = table_instance(), *child = thing(), *to_child = weakref(child, NULL);
	tally_object *callback = callable(look_at_child, NULL, to_child), *ref = weakref(object, callback);
	set_own(object, "child", child);
	tally_decref(object);
	CHECK_EQ(scene.calls, 1);
	CHECK_DEAD(to_child);
	DROP(to_child, callback, ref);
}

static char order[32]; // F: the finalizer, C: a callback, D: dealloc

static void note_letter(char letter)
{
	size_t length = strlen(order);
	if (length + 1 < sizeof order) order[length] = letter, order[length + 1] = '\0';
}

static tally_object *note_callback(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	check_call(arguments, count);
	note_letter('C');
	return tally_none();
}

static void note_finalizer(tally_object *self, void *payload, void *context)
{
	(void)payload;
	note_letter('F');
	if (context) CHECK(leads_to(*(tally_object **)context, self)); // it may live on
}

static void note_dealloc(void *payload, void *context)
{
	(void)payload;
	note_letter('D');
	if (context) CHECK_DEAD(*(tally_object **)context);
}

static void first_the_finalizer_then_the_callbacks_then_the_dealloc(void)
{
	static tally_object *ref;
	tally_host_type description = {
		.size = sizeof description,
		.name = "host",
		.payload_size = 8,
		.finalize = note_finalizer,
		.dealloc = note_dealloc,
		.context = &ref,
		.flags = TALLY_HOST_WEAKREF,
	};
	tally_object *object = must(tally_host_new(must(tally_host_type_new(&description))));
	tally_object *callback = callable(note_callback, NULL, NULL), *other = weakref(object, callback);
	ref = weakref(object, callback);
	order[0] = '\0';
	tally_decref(object);
	CHECK_STR(order, "FCCD");
	DROP(ref, other, callback);
}

// ---- chains ----

// The callback captures the next object, which its death lets go of.
static tally_object *count_deaths(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured, (void)arguments, (void)count;
	++*(unsigned *)context;
	return tally_list_new();
}

static void a_hundred_thousand_callbacks_that_let_go_of_the_next_object_do_not_recurse(void)
{
	unsigned deaths = 0, length = tap_scale(100000u);
	tally_object *type = CLASS(.name = "link"), *next = NULL;
	for (unsigned i = 0; i < length; i++) {
		tally_object *object = instance(type), *callback = callable(count_deaths, &deaths, next);
		set_own(object, "ref", weakref(object, callback));
		DROP(callback, next);
		next = object;
	}
	tally_decref(next);
	CHECK_EQ(deaths, length);
	tally_decref(type);
}

static void a_hundred_thousand_objects_in_a_row_are_each_told_of(void)
{
	unsigned deaths = 0, length = tap_scale(100000u);
	tally_object *type = CLASS(.name = "link"), *callback = callable(count_deaths, &deaths, NULL), *refs = some_list(), *next = NULL;
	for (unsigned i = 0; i < length; i++) {
		tally_object *object = instance(type);
		if (next) set_own(object, "next", next);
		push_own(refs, weakref(object, callback));
		next = object;
	}
	tally_decref(next);
	CHECK_EQ(deaths, length);
	DROP(refs, type, callback);
}

static void an_object_may_have_a_hundred_thousand_weak_references(void)
{
	unsigned deaths = 0, many = tap_scale(100000u);
	tally_object *object = thing(), *callback = callable(count_deaths, &deaths, NULL), *refs = some_list(), *half = some_list();
	for (unsigned i = 0; i < many; i++) push_own(i % 2 ? half : refs, weakref(object, callback));
	CHECK_EQ(weakrefs_of(object), many);
	tally_object *all = must(tally_weakref_list(object));
	CHECK_EQ(length_of(all), many);
	DROP(all, half);
	CHECK_EQ(weakrefs_of(object), many - many / 2);
	tally_decref(object);
	CHECK_EQ(deaths, many - many / 2);
	DROP(refs, callback);
}

// ---- finalizers ----

static tally_object *saved;

static void save_self(tally_object *self, void *context)
{
	(void)context;
	saved = tally_incref(self);
}

// 54
static void an_object_that_comes_back_keeps_its_weak_references(void)
{
	struct calls calls;
	tally_object *object = only_instance(CLASS(.finalize = save_self)), *callback = recorder(&calls);
	tally_object *plain = weakref(object, NULL), *ref = weakref(object, callback);
	tally_decref(object);
	CHECK_PTR(saved, object);
	CHECK(leads_to(plain, object));
	CHECK(leads_to(ref, object));
	CHECK(has_callback(ref, callback));
	CHECK_EQ(weakrefs_of(object), 2);
	CHECK_EQ(count_of(&calls), 0);
	tally_object *later = weakref(object, callback);
	tally_decref(saved);
	CHECK_EQ(count_of(&calls), 2);
	CHECK_PTR(calls.with[0], later);
	CHECK_DEAD(plain);
	CHECK_DEAD(ref);
	DROP(plain, ref, later, callback);
}

static tally_object *kept_plain, *kept_ref, *kept_callback;

static void refer_to_self(tally_object *self, void *context)
{
	(void)context;
	kept_plain = weakref(self, NULL);
	kept_ref = weakref(self, kept_callback);
	CHECK(leads_to(kept_plain, self));
	CHECK(leads_to(kept_ref, self));
}

// 91
static void a_weak_reference_made_by_the_finalizer_is_dead_afterwards(void)
{
	struct calls calls;
	static const char *const names[] = {"a"};
	for (int i = 0; i < 3; i++) {
		tally_object *type = i == 1 ? CLASS(.finalize = refer_to_self, .slots = names, .slot_count = 1, .has_weakrefs = true)
		                            : CLASS(.finalize = refer_to_self);
		kept_callback = recorder(&calls);
		tally_object *object = only_instance(type), *list = some_list(), *before = i == 2 ? weakref(object, kept_callback) : NULL;
		push_own(list, object); // it dies while something else is being destroyed
		tally_decref(list);
		CHECK_EQ(count_of(&calls), i == 2 ? 2 : 1);
		CHECK_PTR(calls.with[0], kept_ref);
		CHECK_DEAD(kept_plain);
		CHECK_DEAD(kept_ref);
		DROP(kept_plain, kept_ref, kept_callback, before);
	}
}

// The finalizer drops the weak reference, which is not told then.
static void a_finalizer_may_drop_the_weak_references_to_its_object(void)
{
	struct calls calls;
	tally_object *type = node_type(NODE_WHOLE), *callback = recorder(&calls), *node = node_new(type, 1), *object = table_instance();
	tally_object *ref = weakref(object, callback);
	node_link(node, 0, ref);
	tally_decref(ref);
	set_own(object, "node", node);
	tally_decref(object); // told first; then the node goes, and the weak reference with it
	CHECK_EQ(count_of(&calls), 1);
	tally_decref(callback);
}

// ---- immortal and spread objects ----

static void an_immortal_object_may_be_referred_to(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls);
	CHECK_EQ(tally_immortalize(object), 0);
	tally_object *plain = weakref(object, NULL), *ref = weakref(object, callback);
	CHECK(leads_to(plain, object));
	CHECK(leads_to(ref, object));
	CHECK_EQ(weakrefs_of(object), 2);
	DROP(object, object, plain, plain, ref);
	CHECK_EQ(weakrefs_of(object), 1); // the shared one is immortal, too
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(callback);
	CHECK_EQ(count_of(&calls), 0);
}

static void an_object_with_weak_references_may_become_immortal(void)
{
	struct calls calls;
	tally_object *object = thing(), *other = thing(), *callback = recorder(&calls);
	tally_object *plain = weakref(object, NULL), *ref = weakref(object, callback);
	tally_decref(weakref(other, NULL)); // nobody has it when
	CHECK_EQ(tally_immortalize(object), 0);
	CHECK_EQ(tally_immortalize(other), 0);
	CHECK_EQ(tally_immortalize(other), 0);
	CHECK(leads_to(plain, object));
	DROP(object, object, plain, ref, callback, other);
}

static void a_shared_weak_reference_may_become_immortal(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *plain = weakref(object, NULL), *ref = weakref(object, callback);
	CHECK_EQ(tally_immortalize(plain), 0);
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_DEAD(plain);
	DROP(plain, plain, ref, callback);
}

static void a_spread_object_dies_in_a_full_collection_and_its_callbacks_are_called(void)
{
	struct calls calls;
	for (int i = 0; i < 2; i++) {
		tally_object *object = thing(), *callback = recorder(&calls), *plain = NULL, *ref = NULL;
		if (i == 0) CHECK_EQ(tally_spread(object), 0);
		plain = weakref(object, NULL);
		ref = weakref(object, callback);
		if (i == 1) CHECK_EQ(tally_spread(object), 0);
		CHECK(leads_to(plain, object));
		CHECK_EQ(weakrefs_of(object), 2);
		tally_decref(object);
		CHECK_COLLECT(2, spreads() ? 1 : 0);
		CHECK_DEAD(plain);
		CHECK_EQ(count_of(&calls), 1);
		CHECK_PTR(calls.with[0], ref);
		DROP(plain, ref, callback);
	}
}

// A spread object that nobody has lives until the next full collection; whoever gets it meanwhile keeps it.
static void a_spread_object_can_be_had_until_it_is_collected(void)
{
	tally_object *object = thing(), *plain = weakref(object, NULL), *found = NULL;
	CHECK_EQ(tally_spread(object), 0);
	tally_decref(object);
	CHECK_EQ(tally_weakref_get(plain, &found), spreads());
	CHECK_COLLECT(2, 0);
	CHECK(leads_to(plain, found));
	tally_decref(found);
	CHECK_COLLECT(2, spreads() ? 1 : 0);
	CHECK_DEAD(plain);
	tally_decref(plain);
}

static void weak_references_may_be_spread(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *plain = weakref(object, NULL), *ref = weakref(object, callback);
	tally_object *lost = weakref(object, callback);
	DROP(tally_incref(plain), tally_incref(ref));
	CHECK_EQ(tally_spread(plain), 0);
	CHECK_EQ(tally_spread(ref), 0);
	CHECK_EQ(tally_spread(lost), 0);
	CHECK(leads_to(plain, object));
	CHECK(leads_to(ref, object));
	tally_decref(lost); // not dead before it is collected, if it is spread
	CHECK_COLLECT(2, spreads() ? 1 : 0);
	CHECK_EQ(weakrefs_of(object), 2);
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], ref);
	CHECK_DEAD(plain);
	DROP(plain, ref, callback);
}

// ---- sections ----

static void callbacks_wait_for_the_end_of_a_critical_section(void)
{
	struct calls calls;
	tally_critical outer, inner;
	tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback), *plain = weakref(object, NULL);
	CHECK_EQ(tally_critical_begin(&outer, ref), 0); // over the weak references themselves
	CHECK_EQ(tally_critical_begin(&inner, plain), 0);
	CHECK(leads_to(ref, object));
	tally_decref(weakref(object, callback));
	tally_decref(object);
	CHECK_DEAD(plain);
	CHECK_EQ(tally_critical_end(&inner), 0);
	CHECK_EQ(count_of(&calls), 0);
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], ref);
	DROP(callback, ref, plain);
}

static void callbacks_wait_for_the_end_of_a_read_section(void)
{
	struct calls calls;
	tally_read section;
	tally_object *object = thing(), *callback = recorder(&calls), *ref = weakref(object, callback), *list = must(tally_list_from(&object, 1));
	CHECK_EQ(tally_read_begin(&section, list), 0);
	tally_object *borrowed = tally_read_item(&section, 0);
	tally_decref(object);
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_PTR(borrowed, object);
	CHECK_EQ(tally_weakref_count(borrowed, &(size_t){0}), 0);
	CHECK_EQ(count_of(&calls), 0);
	CHECK_EQ(tally_read_end(&section), 0);
	fixture_settle();
	CHECK_EQ(count_of(&calls), 1);
	CHECK_DEAD(ref);
	DROP(callback, ref, list);
}

// ---- no memory ----

// Each allocation of `play` fails in its turn. It returns whether it has succeeded, and leaves nothing behind.
static void fail_each_allocation(bool (*play)(void), const char *operation)
{
	bool done = false;
	if (!faults_are_offered()) return;
	for (uint64_t n = 1; n < 100 && !done; n++) {
		uint64_t before = fixture_live_objects(), raw = fixture_raw_buffers();
		CHECK_EQ(tally_heap_fail(n, false), 0);
		bool success = play();
		done = tally_heap_attempts() < n;
		CHECK_EQ(tally_heap_fail(0, false), 0);
		if (!CHECK(success ? done || fixture_gives_up_later() : !done)) tap_note("allocation %llu", (unsigned long long)n);
		if (!success) {
			CHECK_PART(tally_error_message(), operation);
			CHECK_FAILED(TALLY_ERROR_MEMORY, ": out of memory for ");
		}
		CHECK_EQ(fixture_live_objects(), before);
		CHECK_EQ(fixture_raw_buffers(), raw);
	}
	CHECK(done);
}

static tally_object *played, *played_callback;

static bool play_new(void)
{
	tally_object *callback = played_callback, *object = NULL, *ref = NULL, *list = NULL;
	if ((object = tally_host_new(played)) == NULL) return false;
	ref = tally_weakref_new(object, callback);
	if (!ref) CHECK_EQ(weakrefs_of(object), 0);
	list = ref ? tally_weakref_list(object) : NULL;
	if (ref) CHECK(leads_to(ref, object));
	if (callback) CHECK_EQ(tally_refcount(callback), ref ? 2 : 1);
	bool success = list != NULL;
	DROP(list, object, ref);
	return success;
}

static void making_weak_references_without_memory_fails_and_changes_nothing(void)
{
	struct calls calls;
	played = host_type(8, 0, false, NULL);
	played_callback = NULL;
	fail_each_allocation(play_new, "_");
	played_callback = recorder(&calls);
	fail_each_allocation(play_new, "_");
	CHECK_EQ(tally_refcount(played_callback), 1);
	tally_decref(played_callback);
}

// Clears, and calls, what needs no memory itself.
static void a_death_without_any_memory_clears_and_calls_all(void)
{
	enum { MANY = 500 };
	struct calls calls, failing = {0};
	tally_object *refs[MANY], *object = thing(), *good = recorder(&calls), *bad = callable(fail_always, &failing, NULL);
	for (int i = 0; i < MANY; i++) refs[i] = weakref(object, i % 2 ? good : bad);
	tally_object *plain = weakref(object, NULL);
	listen_to_failures();
	take_all_memory();
	tally_decref(object);
	give_memory_back();
	CHECK_NO_ERROR();
	CHECK_EQ(count_of(&calls), MANY / 2);
	CHECK_EQ(count_of(&failing), MANY / 2);
	CHECK_EQ(reports.count, MANY / 2);
	CHECK_DEAD(plain);
	for (int i = 0; i < MANY; i++) CHECK_DEAD(refs[i]);
	for (int i = 0; i < MANY; i++) tally_decref(refs[i]);
	DROP(good, bad, plain);
}

static tally_object *need_memory(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	++*(unsigned *)context;
	return tally_list_new();
}

static void callbacks_that_find_no_memory_are_reported(void)
{
	unsigned called = 0;
	tally_object *object = thing(), *callback = callable(need_memory, &called, NULL), *refs[10];
	for (int i = 0; i < 10; i++) refs[i] = weakref(object, callback);
	listen_to_failures();
	bool offered = take_all_memory();
	tally_decref(object);
	give_memory_back();
	CHECK_EQ(called, 10);
	CHECK_EQ(reports.count, offered ? 10 : 0);
	if (offered) CHECK_EQ(reports.code, TALLY_ERROR_MEMORY);
	CHECK_NO_ERROR();
	for (int i = 0; i < 10; i++) tally_decref(refs[i]);
	tally_decref(callback);
}

// ---- mistakes ----

static void what_is_no_weak_reference_is_refused(void)
{
	tally_object *list = some_list(), *found = list;
	CHECK(!tally_is_weakref(list));
	CHECK(!tally_is_weakref(NULL));
	CHECK_EQ(tally_weakref_get(list, &found), -1);
	CHECK_PTR(found, NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_get: expected a weakref, got a 'list'");
	CHECK_EQ(tally_weakref_get(NULL, &found), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_get: expected a weakref, got NULL");
	found = list;
	CHECK_EQ(tally_weakref_callback(list, &found), -1);
	CHECK_PTR(found, NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_callback: expected a weakref, got a 'list'");
	CHECK_PTR(tally_weakref_new(NULL, NULL), NULL);
	CHECK_ERROR(TALLY_ERROR_TYPE, "weakref_new: expected an object, got NULL");
	tally_decref(list);
}

static tally_object *elsewhere, *elsewhere_ref;

static void ask_unattached(void)
{
	tally_object *found = elsewhere;
	size_t count;
	CHECK_EQ(tally_weakref_get(elsewhere_ref, &found), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "weakref_get: ");
	CHECK_PTR(found, NULL);
	CHECK_EQ(tally_weakref_callback(elsewhere_ref, &found), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "weakref_callback: ");
	CHECK_EQ(tally_weakref_count(elsewhere, &count), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "weakref_count: ");
	CHECK_PTR(tally_weakref_new(elsewhere, NULL), NULL);
	CHECK_FAILED(TALLY_ERROR_THREAD, "weakref_new: ");
	CHECK_PTR(tally_weakref_list(elsewhere), NULL);
	CHECK_FAILED(TALLY_ERROR_THREAD, "weakref_list: ");
}

static void a_thread_that_is_not_attached_is_refused(void)
{
	elsewhere = thing();
	elsewhere_ref = weakref(elsewhere, NULL);
	run_unattached(ask_unattached);
	CHECK_EQ(tally_blocking_begin(), 0);
	ask_unattached();
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_refcount(elsewhere), 1);
	DROP(elsewhere, elsewhere_ref);
}

int main(void)
{
	classes_begin(120);
	TAP_RUN(a_weak_reference_leads_to_its_object_until_that_dies);
	TAP_RUN(each_kind_of_object_has_its_callback_called_once_with_the_weak_reference);
	TAP_RUN(a_dead_weak_reference_stays_dead_whatever_takes_the_place_of_its_object);
	TAP_RUN(what_cannot_be_referred_to_weakly_is_refused_by_name);
	TAP_RUN(a_slots_class_that_agrees_keeps_its_slots);
	TAP_RUN(a_payload_of_any_size_and_alignment_leaves_the_weak_references_alone);
	TAP_RUN(types_can_be_referred_to_weakly_for_ever);
	TAP_RUN(a_class_can_be_referred_to_weakly_until_it_is_collected);
	TAP_RUN(those_without_a_callback_are_one);
	TAP_RUN(the_count_is_of_weak_references_that_somebody_has);
	TAP_RUN(the_list_has_the_shared_one_first_then_the_newest);
	TAP_RUN(one_may_be_dropped_from_anywhere_in_the_list);
	TAP_RUN(what_was_dropped_in_a_section_is_not_counted);
	TAP_RUN(living_weak_references_are_equal_as_their_objects_are);
	TAP_RUN(what_the_objects_raise_is_raised);
	TAP_RUN(what_never_ends_is_an_error_and_harms_nothing);
	TAP_RUN(an_object_that_is_dropped_while_it_is_asked_answers_first);
	TAP_RUN(weak_references_have_no_order);
	TAP_RUN(the_hash_is_the_objects_and_is_kept_when_it_dies);
	TAP_RUN(what_cannot_be_hashed_has_no_hash_through_a_weak_reference);
	TAP_RUN(a_weak_reference_is_found_in_a_dict_by_another_to_the_same_object_and_dead_by_itself);
	TAP_RUN(the_text_names_the_object_or_says_that_it_is_dead);
	TAP_RUN(the_callback_can_be_asked_for_while_the_object_lives);
	TAP_RUN(a_callback_is_gone_as_soon_as_the_object_is_dead_even_in_a_section);
	TAP_RUN(callbacks_are_called_once_each_the_newest_first);
	TAP_RUN(a_callback_that_fails_is_reported_and_stops_nothing);
	TAP_RUN(without_a_hook_a_failure_is_forgotten);
	TAP_RUN(any_callable_can_be_a_callback);
	TAP_RUN(a_weak_reference_that_died_first_is_not_called);
	TAP_RUN(both_may_die_in_one_section_in_either_order);
	TAP_RUN(a_weak_reference_that_only_its_object_has_is_called);
	TAP_RUN(a_callback_may_drop_the_last_reference_to_its_weak_reference_and_to_itself);
	TAP_RUN(a_callback_may_drop_the_weak_references_that_come_after_it);
	TAP_RUN(a_callback_may_drop_other_objects_and_theirs_are_called);
	TAP_RUN(a_callback_may_make_weak_references);
	TAP_RUN(a_callback_may_collect);
	TAP_RUN(a_collection_in_a_callback_spares_what_the_dying_object_has);
	TAP_RUN(a_callback_may_look_at_the_heap_and_open_sections);
	TAP_RUN(the_hook_may_use_the_library);
	TAP_RUN(what_the_object_refers_to_lives_until_the_callbacks_have_run);
	TAP_RUN(first_the_finalizer_then_the_callbacks_then_the_dealloc);
	TAP_RUN(a_hundred_thousand_callbacks_that_let_go_of_the_next_object_do_not_recurse);
	TAP_RUN(a_hundred_thousand_objects_in_a_row_are_each_told_of);
	TAP_RUN(an_object_may_have_a_hundred_thousand_weak_references);
	TAP_RUN(an_object_that_comes_back_keeps_its_weak_references);
	TAP_RUN(a_weak_reference_made_by_the_finalizer_is_dead_afterwards);
	TAP_RUN(a_finalizer_may_drop_the_weak_references_to_its_object);
	TAP_RUN(an_immortal_object_may_be_referred_to);
	TAP_RUN(an_object_with_weak_references_may_become_immortal);
	TAP_RUN(a_shared_weak_reference_may_become_immortal);
	TAP_RUN(a_spread_object_dies_in_a_full_collection_and_its_callbacks_are_called);
	TAP_RUN(a_spread_object_can_be_had_until_it_is_collected);
	TAP_RUN(weak_references_may_be_spread);
	TAP_RUN(callbacks_wait_for_the_end_of_a_critical_section);
	TAP_RUN(callbacks_wait_for_the_end_of_a_read_section);
	TAP_RUN(making_weak_references_without_memory_fails_and_changes_nothing);
	TAP_RUN(a_death_without_any_memory_clears_and_calls_all);
	TAP_RUN(callbacks_that_find_no_memory_are_reported);
	TAP_RUN(what_is_no_weak_reference_is_refused);
	TAP_RUN(a_thread_that_is_not_attached_is_refused);
	return tap_end();
}
