// tests/check.c: the debug check of host types' references: what it finds, what it leaves alone; I1 and I2 of
// core/check.c, I1 and I2 of core/census.h.
//
// A box is a host object with a few references of its own and a few borrowed pointers. Its type visits as many of the
// first as it says, perhaps some of the second, and has no traverse at all when the test wants none.
#include "fixture.h"

#include <tally/check.h>
#include <tally/class.h>
#include <tally/gc.h>

enum { OWN = 3, BORROWED = 2 };

struct box {
	int number;
	tally_object *own[OWN];
	tally_object *borrowed[BORROWED];
};

// How a type visits; its context.
struct visits {
	int own, borrowed;
	const void *stray; // visited as well
};

static void box_visits(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct box *box = payload;
	const struct visits *visits = context;
	for (int i = 0; i < visits->own; i++) visit(box->own[i], visit_context);
	for (int i = 0; i < visits->borrowed; i++) visit(box->borrowed[i], visit_context);
	if (visits->stray) visit((tally_object *)visits->stray, visit_context);
}

static void box_lets_go(void *payload, void *context)
{
	struct box *box = payload;
	(void)context;
	for (int i = 0; i < OWN; i++) {
		tally_object *own = box->own[i];
		box->own[i] = NULL;
		tally_decref(own);
	}
}

static tally_object *box_type_of(const char *name, struct visits *visits, unsigned flags, size_t alignment)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = name,
		.payload_size = sizeof(struct box),
		.dealloc = box_lets_go,
		.clear = box_lets_go,
		.context = visits,
		.traverse = visits ? box_visits : NULL,
		.flags = flags,
		.alignment = alignment,
	};
	return must(tally_host_type_new(&description));
}

// NULL: no traverse.
static tally_object *box_type(const char *name, struct visits *visits) { return box_type_of(name, visits, 0, 0); }

static struct visits all_own = {.own = OWN};

static struct box *box_of(tally_object *object) { return tally_host_payload(object, tally_type_of(object)); }

// A box that owns these; NULL is allowed.
static tally_object *box_with(tally_object *type, tally_object *first, tally_object *second)
{
	tally_object *object = must(tally_host_new(type));
	box_of(object)->number = 77;
	box_of(object)->own[0] = tally_incref(first);
	box_of(object)->own[1] = tally_incref(second);
	return object;
}

// Gives the caller's references to `object` and to what the box owns up.
static void empty(tally_object *object)
{
	box_lets_go(box_of(object), NULL);
	tally_decref(object);
}

static void push(tally_object *list, tally_object *object) { CHECK_EQ(tally_list_append(list, object), 0); }

static tally_object *list_of(tally_object *object)
{
	tally_object *list = must(tally_list_new());
	if (object) push(list, object);
	return list;
}

// ---- what was found ----

enum { MOST_FOUND = 16 };
static struct {
	enum tally_check_kind kind;
	char name[64];
	uint64_t count;
} found[MOST_FOUND];
static int times_found;

static void note(const tally_check_finding *finding, void *context)
{
	CHECK_PTR(context, &times_found);
	if (times_found < MOST_FOUND) {
		found[times_found].kind = finding->kind;
		found[times_found].count = finding->count;
		snprintf(found[times_found].name, sizeof found[0].name, "%s", finding->type_name);
	}
	times_found++;
}

static int check(void)
{
	times_found = 0;
	int findings = tally_check_references(note, &times_found);
	if (!CHECK(findings >= 0)) tap_note("%s", tally_error_message());
	CHECK_EQ(times_found, findings);
	return findings;
}

static void check_found(int number, enum tally_check_kind kind, const char *name, uint64_t count)
{
	if (!CHECK(number < times_found)) return;
	CHECK_EQ(found[number].kind, kind);
	CHECK_STR(found[number].name, name);
	CHECK_EQ(found[number].count, count);
}

static void check_nothing(void)
{
	if (CHECK_EQ(check(), 0)) return;
	tap_note("kind %d of %s, %llu times", (int)found[0].kind, found[0].name, (unsigned long long)found[0].count);
}

static void check_one(enum tally_check_kind kind, const char *name, uint64_t count)
{
	CHECK_EQ(check(), 1);
	check_found(0, kind, name, count);
}

// ---- all is well ----

static void an_empty_heap_has_no_findings(void) { check_nothing(); }

static void types_that_tell_the_truth_have_no_findings(void)
{
	tally_object *type = box_type("honest", &all_own), *list = list_of(NULL), *first = box_with(type, list, NULL);
	for (int i = 0; i < 100; i++) {
		tally_object *number = integer(i * 1000), *next = box_with(type, first, number);
		push(list, next);
		box_of(next)->own[2] = tally_incref(next); // itself
		tally_decref(number);
		tally_decref(first);
		first = next;
	}
	check_nothing();
	tally_decref(first);
	check_nothing(); // it is garbage now
	tally_decref(list);
	check_nothing();
	CHECK(tally_gc_collect(2) > 0);
	check_nothing();
}

// Built-in types of every layout lead to one another and to themselves.
static void built_in_types_have_no_findings(void)
{
	tally_object *list = list_of(NULL), *dict = must(tally_dict_new());
	tally_object *cell = must(tally_cell_new(list)), *key = text("key");
	tally_object *tuple = must(tally_tuple_new(&dict, 1));
	CHECK_EQ(tally_dict_set(dict, key, list), 0);
	CHECK_EQ(tally_dict_set(dict, cell, cell), 0);
	push(list, tuple);
	push(list, list);
	tally_object *all[] = {list, dict, cell, key, tuple};
	check_nothing();
	for (int i = 0; i < 5; i++) tally_decref(all[i]);
	check_nothing();
	CHECK(tally_gc_collect(2) > 0);
}

static tally_object *table_class(tally_object *base)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "Thing", .base = base};
	return must(tally_class_new(&spec));
}

static tally_object *slots_class(void)
{
	static const char *const slots[] = {"attribute", "other"};
	tally_class_spec spec = {.size = sizeof spec, .name = "Compact", .slots = slots, .slot_count = 2};
	return must(tally_class_new(&spec));
}

// Instances with a table, with a dict, with slots, in cycles with a box and with their classes.
static void classes_and_instances_have_no_findings(void)
{
	tally_object *base = table_class(NULL), *type = table_class(base), *compact = slots_class();
	tally_object *name = text("attribute");
	tally_object *table = must(tally_instance_new(type)), *with_dict = must(tally_instance_new(base));
	tally_object *slots = must(tally_instance_new(compact));
	tally_object *box = box_with(box_type("honest", &all_own), table, slots), *dict = must(tally_attr_dict(with_dict));
	tally_object *objects[] = {table, with_dict, slots, base, type};
	for (int i = 0; i < 5; i++) CHECK_EQ(tally_attr_set(objects[i], name, i % 2 ? box : objects[(i + 1) % 5]), 0);
	check_nothing();
	tally_object *all[] = {table, with_dict, slots, box, dict, name};
	for (int i = 0; i < 6; i++) tally_decref(all[i]);
	check_nothing();
	tally_object *classes[] = {base, type, compact};
	for (int i = 0; i < 3; i++) tally_decref(classes[i]);
	check_nothing();
	CHECK(tally_gc_collect(2) > 0);
	check_nothing();
	tally_gc_collect(2);
}

// Neither the instance nor the class hides what the box hides.
static void a_cycle_of_an_instance_and_a_type_without_traverse_is_leaked(void)
{
	tally_object *type = table_class(NULL), *name = text("attribute"), *instance = must(tally_instance_new(type));
	tally_object *box = box_with(box_type("blind", NULL), instance, NULL);
	CHECK_EQ(tally_attr_set(instance, name, box), 0);
	tally_decref(box);
	check_nothing();
	tally_decref(instance);
	tally_decref(type);
	check_one(TALLY_CHECK_LEAKED, "blind", 1);
	CHECK_EQ(tally_gc_collect(2), 0);
	check_one(TALLY_CHECK_LEAKED, "blind", 1);
	empty(tally_incref(box));
	tally_decref(name);
	CHECK(tally_gc_collect(2) > 0); // the class
}

struct array {
	tally_object **items;
	size_t size, visited;
};

static void array_visits(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	struct array *array = payload;
	(void)context;
	for (size_t i = 0; i < array->visited; i++) visit(array->items[i], visit_context);
}

static void array_lets_go(void *payload, void *context)
{
	struct array *array = payload;
	(void)context;
	for (size_t i = 0; i < array->size; i++) tally_decref(array->items[i]);
	array->size = array->visited = 0;
	free(array->items);
	array->items = NULL;
}

static void references_in_host_memory_count_when_they_are_visited(void)
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "array",
		.payload_size = sizeof(struct array),
		.dealloc = array_lets_go,
		.traverse = array_visits,
	};
	tally_object *type = must(tally_host_type_new(&description)), *object = must(tally_host_new(type));
	struct array *array = tally_host_payload(object, type);
	array->items = calloc(10, sizeof array->items[0]);
	for (size_t i = 0; i < 10; i++) array->items[i] = must(tally_list_new());
	array->size = array->visited = 10;
	check_nothing();
	array->visited = 5; // what is missed there is not found: it does not stand in the payload
	check_nothing();
	tally_decref(object);
}

static void a_borrowed_pointer_without_an_unexplained_reference_is_none(void)
{
	tally_object *type = box_type("borrower", &all_own), *list = list_of(NULL), *holder = list_of(list);
	tally_object *object = box_with(type, holder, NULL);
	tally_decref(list); // the holder's is the only reference
	tally_decref(holder);
	box_of(object)->borrowed[0] = list;
	box_of(object)->borrowed[1] = tally_type_of(object); // immortals are counted by nobody
	check_nothing();
	tally_decref(object);
}

static void words_that_are_no_objects_are_left_alone(void)
{
	tally_object *type = box_type("numbers", &all_own), *blind = box_type("more numbers", NULL), *list = list_of(NULL);
	tally_object *object = box_with(type, NULL, NULL), *other = box_with(blind, NULL, NULL), *dead = list_of(NULL);
	uintptr_t words[] = {1, 8, 4096, UINTPTR_MAX, UINTPTR_MAX - 7, (uintptr_t)list + 8, (uintptr_t)list - 8, (uintptr_t)dead,
	                     (uintptr_t)&words, (uintptr_t)list & ~(((uintptr_t)1 << 26) - 1), (uintptr_t)list & ~(uintptr_t)65535,
	                     (uintptr_t)list | 65528, (uintptr_t)list | (((uintptr_t)1 << 26) - 8), (uintptr_t)list + 1};
	tally_decref(dead); // its block is free
	tally_decref(list); // and the list's: none of the words is an object's address
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		box_of(object)->borrowed[0] = box_of(other)->borrowed[0] = (tally_object *)words[i];
		check_nothing();
	}
	tally_decref(object);
	tally_decref(other);
}

// What an object is referred to weakly by is the library's: it stands behind the payload.
static void a_weak_reference_to_a_host_object_is_no_finding(void)
{
	tally_object *object = box_with(box_type_of("watched", &all_own, TALLY_HOST_WEAKREF, 0), NULL, NULL);
	tally_object *untraced = box_with(box_type_of("silent", NULL, TALLY_HOST_WEAKREF, 0), NULL, NULL);
	tally_object *refs[] = {must(tally_weakref_new(object, NULL)), must(tally_weakref_new(untraced, NULL))};
	check_nothing();
	for (int i = 0; i < 2; i++) tally_decref(refs[i]);
	check_nothing();
	empty(object);
	empty(untraced);
}

// The host holds a list and has written its address in a payload: there is no telling who has the reference. An address
// within the list is no reference for certain.
static void an_address_within_an_object_is_none(void)
{
	tally_object *object = box_with(box_type("borrower", &all_own), NULL, NULL), *list = list_of(NULL);
	box_of(object)->borrowed[0] = (tally_object *)((uintptr_t)list + 8);
	check_nothing();
	box_of(object)->borrowed[0] = list;
	check_one(TALLY_CHECK_MISSED, "borrower", 1);
	tally_decref(object);
	tally_decref(list);
}

// ---- missed ----

static struct visits one_own = {.own = 1};

static void a_reference_that_a_traverse_misses_is_found(void)
{
	tally_object *type = box_type("forgetful", &one_own), *boxes[3];
	for (int i = 0; i < 3; i++) {
		tally_object *one = list_of(NULL), *two = list_of(NULL);
		boxes[i] = box_with(type, one, i < 2 ? two : NULL); // the third owns nothing that is missed
		tally_decref(one);
		tally_decref(two);
	}
	check_one(TALLY_CHECK_MISSED, "forgetful", 2);
	for (int i = 0; i < 3; i++) tally_decref(boxes[i]);
	check_nothing();
}

static void an_object_that_is_owned_twice_must_be_visited_twice(void)
{
	tally_object *type = box_type("once", &one_own), *list = list_of(NULL), *object = box_with(type, list, list);
	tally_decref(list);
	check_one(TALLY_CHECK_MISSED, "once", 1);
	box_of(object)->own[1] = NULL;
	tally_decref(list);
	check_nothing();
	tally_decref(object);
}

static void leaves_that_are_missed_are_found_too(void)
{
	tally_object *type = box_type("forgetful", &one_own), *string = text("some text");
	tally_object *object = box_with(type, NULL, string);
	tally_decref(string);
	check_one(TALLY_CHECK_MISSED, "forgetful", 1);
	tally_decref(object);
}

struct vast {
	char filler[200000];
	tally_object *last;
};

static void drop_last(void *payload, void *context)
{
	(void)context;
	tally_decref(((struct vast *)payload)->last);
}

static void visit_nothing(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)payload, (void)context;
	visit(NULL, visit_context);
}

static void a_payload_is_searched_to_its_end_wherever_it_begins(void)
{
	for (size_t alignment = 16; alignment <= 4096; alignment *= 16) {
		tally_object *type = box_type_of("aligned", &one_own, 0, alignment), *list = list_of(NULL);
		tally_object *object = box_with(type, NULL, list);
		tally_decref(list);
		check_one(TALLY_CHECK_MISSED, "aligned", 1);
		tally_decref(object);
	}
	tally_host_type description = {
		.size = sizeof description,
		.name = "vast",
		.payload_size = sizeof(struct vast),
		.dealloc = drop_last,
		.traverse = visit_nothing,
	};
	tally_object *type = must(tally_host_type_new(&description)), *object = must(tally_host_new(type));
	tally_object *list = list_of(object);
	((struct vast *)tally_host_payload(object, type))->last = must(tally_list_new());
	tally_decref(object); // a large block is found from the list
	check_one(TALLY_CHECK_MISSED, "vast", 1);
	tally_decref(list);
}

// ---- invented ----

static struct visits own_and_borrowed = {.own = OWN, .borrowed = 1};

static void a_reference_that_a_traverse_invents_is_found(void)
{
	tally_object *type = box_type("inventive", &own_and_borrowed), *list = list_of(NULL), *holder = list_of(list);
	tally_object *guilty = box_with(type, NULL, NULL), *innocent = box_with(type, holder, NULL);
	tally_decref(list); // the holder's is the only reference
	box_of(guilty)->borrowed[0] = list;
	check_one(TALLY_CHECK_INVENTED, "inventive", 1);
	box_of(guilty)->borrowed[0] = NULL; // before a collection believes it
	check_nothing();
	tally_object *all[] = {guilty, innocent, holder};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
}

static void a_visit_to_what_is_no_object_is_invented(void)
{
	struct visits stray = {.own = OWN, .stray = &stray};
	tally_object *type = box_type("straying", &stray), *object = box_with(type, NULL, NULL), *dead = list_of(NULL);
	tally_gc_disable(); // it would believe the traverse
	check_one(TALLY_CHECK_INVENTED, "straying", 1);
	tally_decref(dead);
	stray.stray = dead;
	check_one(TALLY_CHECK_INVENTED, "straying", 1);
	stray.stray = NULL;
	check_nothing();
	tally_decref(object);
}

// ---- leaked ----

// A list that refers to a box without traverse that refers to the list. The list, held by nobody; *box without a reference.
static tally_object *leak(tally_object *type, tally_object **box)
{
	tally_object *list = list_of(NULL);
	*box = box_with(type, list, NULL);
	push(list, *box);
	tally_decref(*box);
	return list;
}

static void a_cycle_through_a_type_without_traverse_is_leaked(void)
{
	enum { CYCLES = 5 };
	tally_object *type = box_type("blind", NULL), *lists[CYCLES], *boxes[CYCLES];
	for (int i = 0; i < CYCLES; i++) lists[i] = leak(type, &boxes[i]);
	check_nothing(); // they are held
	for (int i = 0; i < CYCLES; i++) {
		tally_decref(lists[i]);
		check_one(TALLY_CHECK_LEAKED, "blind", (uint64_t)i + 1);
	}
	CHECK_EQ(tally_gc_collect(2), 0);
	check_one(TALLY_CHECK_LEAKED, "blind", CYCLES);
	for (int i = 0; i < CYCLES; i++) empty(tally_incref(boxes[i])); // one would have to know
	check_nothing();
}

static void what_only_leaked_objects_refer_to_is_leaked_with_them(void)
{
	tally_object *type = box_type("blind", NULL), *hanging = box_type("hanging", NULL);
	tally_object *honest = box_type("honest", &all_own), *box;
	tally_object *list = leak(type, &box), *leaf = box_with(hanging, NULL, NULL), *between = box_with(honest, leaf, NULL);
	push(list, between);
	tally_decref(leaf);
	tally_decref(between);
	tally_decref(list);
	CHECK_EQ(check(), 2);
	check_found(0, TALLY_CHECK_LEAKED, "blind", 1);
	check_found(1, TALLY_CHECK_LEAKED, "hanging", 1);
	empty(tally_incref(box));
	check_nothing();
}

static void a_box_in_itself_is_leaked(void)
{
	tally_object *type = box_type("blind", NULL), *box = must(tally_host_new(type));
	box_of(box)->own[0] = box;
	check_one(TALLY_CHECK_LEAKED, "blind", 1);
	empty(tally_incref(box));
}

static void a_cycle_of_a_type_that_asked_to_be_left_out_is_leaked(void)
{
	tally_object *type = box_type_of("untracked", &all_own, TALLY_HOST_UNTRACKED, 0), *box, *list = leak(type, &box);
	check_nothing();
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 0);
	check_one(TALLY_CHECK_LEAKED, "untracked", 1);
	empty(tally_incref(box));
	check_nothing();
}

static void what_the_collector_frees_is_not_leaked(void)
{
	tally_object *type = box_type("blind", NULL), *list = list_of(NULL), *leaf = box_with(type, list, NULL);
	push(list, list);
	tally_decref(leaf); // gone: nobody else had it
	leaf = box_with(type, NULL, NULL);
	push(list, leaf);
	tally_decref(leaf);
	check_nothing();
	tally_decref(list); // garbage, and the box with it
	check_nothing();
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

// A ring of lists holds a box, which holds the next ring, and so on: each collection frees one ring and the box.
static void what_the_collector_frees_step_by_step_is_not_leaked(void)
{
	tally_object *type = box_type("blind", NULL), *inner = NULL;
	for (int i = 0; i < 10; i++) {
		tally_object *box = box_with(type, inner, NULL), *chained = box_with(type, box, NULL);
		tally_object *ring = list_of(chained);
		push(ring, ring);
		tally_decref(inner);
		tally_decref(box);
		tally_decref(chained);
		inner = ring;
	}
	check_nothing();
	tally_decref(inner);
	check_nothing();
	for (int i = 0; i < 10; i++) CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

// It dies with the ring at once, however long it is.
static void a_long_chain_behind_garbage_is_looked_at_once(void)
{
	const int length = tap_scale(100000);
	tally_object *type = box_type("blind", NULL), *chain = NULL, *ring;
	for (int i = 0; i < length; i++) {
		tally_object *next = box_with(type, chain, NULL);
		tally_decref(chain);
		chain = next;
	}
	ring = list_of(chain);
	push(ring, ring);
	tally_decref(chain);
	tally_decref(ring);
	check_nothing();
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void a_borrowed_pointer_back_leaks_nothing(void)
{
	tally_object *type = box_type("child", NULL), *ring = list_of(NULL), *child = box_with(type, NULL, NULL);
	push(ring, ring);
	push(ring, child);
	box_of(child)->borrowed[0] = ring;
	tally_decref(child);
	tally_decref(ring);
	check_nothing();
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

static void what_only_a_missed_reference_leads_to_is_leaked(void)
{
	tally_object *forgetful = box_type("forgetful", &one_own), *blind = box_type("blind", NULL);
	tally_object *leaf = box_with(blind, NULL, NULL), *itself = box_with(forgetful, leaf, NULL);
	box_of(itself)->own[1] = itself; // missed, and its only reference
	tally_decref(leaf);
	CHECK_EQ(check(), 2);
	check_found(0, TALLY_CHECK_MISSED, "forgetful", 1);
	check_found(1, TALLY_CHECK_LEAKED, "blind", 1);
	empty(tally_incref(itself));
	check_nothing();
}

// ---- together ----

static void types_are_found_each_for_itself(void)
{
	tally_object *honest = box_type("honest", &all_own), *forgetful = box_type("forgetful", &one_own);
	tally_object *inventive = box_type("inventive", &own_and_borrowed), *blind = box_type("blind", NULL), *leaked;
	tally_object *list = list_of(NULL), *holder = list_of(list), *missed = list_of(NULL);
	tally_object *boxes[] = {box_with(honest, holder, NULL), box_with(forgetful, NULL, missed), box_with(inventive, NULL, NULL)};
	box_of(boxes[2])->borrowed[0] = list;
	tally_decref(list);
	tally_decref(missed);
	tally_decref(leak(blind, &leaked));
	CHECK_EQ(check(), 3);
	check_found(0, TALLY_CHECK_MISSED, "forgetful", 1);
	check_found(1, TALLY_CHECK_INVENTED, "inventive", 1);
	check_found(2, TALLY_CHECK_LEAKED, "blind", 1);
	CHECK_EQ(tally_check_references(NULL, NULL), 3);
	box_of(boxes[2])->borrowed[0] = NULL;
	empty(tally_incref(leaked));
	tally_decref(holder);
	for (int i = 0; i < 3; i++) tally_decref(boxes[i]);
	check_nothing();
}

static void make_objects(const tally_check_finding *finding, void *context)
{
	tally_object *list = list_of(NULL), *type = box_type("made later", &all_own);
	(void)context;
	CHECK_STR(finding->type_name, "blind");
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_EQ(tally_check_references(NULL, NULL), 1);
	CHECK_STR(finding->type_name, "blind");
	tally_decref(box_with(type, list, NULL));
	tally_decref(list);
}

static void whoever_is_told_may_use_the_library(void)
{
	tally_object *type = box_type("blind", NULL), *box;
	tally_decref(leak(type, &box));
	CHECK_EQ(tally_check_references(make_objects, NULL), 1);
	empty(tally_incref(box));
}

static void nothing_is_changed_by_checking(void)
{
	tally_object *type = box_type("honest", &all_own), *ring = list_of(NULL);
	tally_object *box = box_with(type, ring, NULL), *held = list_of(box);
	tally_heap_stats before = {.size = sizeof before}, after = {.size = sizeof after};
	push(ring, box);
	CHECK_EQ(tally_heap_stats_get(&before), 0);
	for (int i = 0; i < 3; i++) check_nothing();
	CHECK_EQ(tally_heap_stats_get(&after), 0);
	CHECK_EQ(after.live_objects, before.live_objects);
	CHECK_EQ(after.live_bytes, before.live_bytes);
	CHECK_EQ(after.page_bytes, before.page_bytes);
	CHECK_EQ(after.tracked_objects, before.tracked_objects);
	CHECK_EQ(tally_refcount(ring), 2);
	CHECK_EQ(tally_refcount(box), 3);
	CHECK_EQ(tally_refcount(held), 1);
	tally_object *all[] = {ring, box, held};
	for (int i = 0; i < 3; i++) tally_decref(all[i]);
	CHECK_EQ(tally_gc_collect(0), 2); // as young as before
}

struct crowd {
	tally_object *type;
	atomic_bool done;
};

// Makes garbage of which nothing is wrong, and checks now and then.
static void be_busy(void *context, unsigned number)
{
	struct crowd *crowd = context;
	for (int i = 0; i < tap_scale(200); i++) {
		tally_object *ring = list_of(NULL), *box = box_with(crowd->type, ring, NULL);
		push(ring, box);
		tally_decref(box);
		tally_decref(ring);
		if (number == 0 && i % 10 == 0) CHECK_EQ(tally_check_references(NULL, NULL), 0);
	}
}

static void a_check_among_busy_threads_finds_nothing_wrong(void)
{
	struct crowd crowd = {.type = box_type("honest", &all_own)};
	run_threads(4, be_busy, &crowd);
	CHECK(tally_gc_collect(2) >= 0);
}

// ---- errors ----

static void without_memory_there_is_no_check_and_nothing_is_lost(void)
{
	tally_object *type = box_type("forgetful", &one_own), *list = list_of(NULL), *object = box_with(type, NULL, list);
	tally_decref(list);
	if (tally_heap_fail(0, false)) {
		tally_error_clear(); // this build has no faults on demand
	} else {
		for (uint64_t n = 1; n <= 2; n++) {
			CHECK_EQ(tally_heap_fail(n, false), 0);
			CHECK_EQ(tally_check_references(NULL, NULL), -1);
			CHECK_EQ(tally_heap_fail(0, false), 0);
			CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
			CHECK(strncmp(tally_error_message(), "check_references: out of memory for ", 36) == 0);
			tally_error_clear();
			CHECK_EQ(tally_gc_collect(2), 0);
		}
	}
	check_one(TALLY_CHECK_MISSED, "forgetful", 1);
	tally_decref(object);
}

static void check_unattached(void)
{
	CHECK_EQ(tally_check_references(NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "check_references: the thread is not attached");
}

static void a_check_needs_an_attached_thread_without_a_section(void)
{
	tally_object *list = list_of(NULL);
	tally_critical section;
	run_unattached(check_unattached);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_check_references(NULL, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "check_references: a critical section of this thread is open");
	CHECK_EQ(tally_critical_end(&section), 0);
	tally_decref(list);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_empty_heap_has_no_findings);
	TAP_RUN(types_that_tell_the_truth_have_no_findings);
	TAP_RUN(built_in_types_have_no_findings);
	TAP_RUN(classes_and_instances_have_no_findings);
	TAP_RUN(references_in_host_memory_count_when_they_are_visited);
	TAP_RUN(a_borrowed_pointer_without_an_unexplained_reference_is_none);
	TAP_RUN(words_that_are_no_objects_are_left_alone);
	TAP_RUN(a_weak_reference_to_a_host_object_is_no_finding);
	TAP_RUN(an_address_within_an_object_is_none);
	TAP_RUN(a_reference_that_a_traverse_misses_is_found);
	TAP_RUN(an_object_that_is_owned_twice_must_be_visited_twice);
	TAP_RUN(leaves_that_are_missed_are_found_too);
	TAP_RUN(a_payload_is_searched_to_its_end_wherever_it_begins);
	TAP_RUN(a_reference_that_a_traverse_invents_is_found);
	TAP_RUN(a_visit_to_what_is_no_object_is_invented);
	TAP_RUN(a_cycle_through_a_type_without_traverse_is_leaked);
	TAP_RUN(what_only_leaked_objects_refer_to_is_leaked_with_them);
	TAP_RUN(a_box_in_itself_is_leaked);
	TAP_RUN(a_cycle_of_an_instance_and_a_type_without_traverse_is_leaked);
	TAP_RUN(a_cycle_of_a_type_that_asked_to_be_left_out_is_leaked);
	TAP_RUN(what_the_collector_frees_is_not_leaked);
	TAP_RUN(what_the_collector_frees_step_by_step_is_not_leaked);
	TAP_RUN(a_long_chain_behind_garbage_is_looked_at_once);
	TAP_RUN(a_borrowed_pointer_back_leaks_nothing);
	TAP_RUN(what_only_a_missed_reference_leads_to_is_leaked);
	TAP_RUN(types_are_found_each_for_itself);
	TAP_RUN(whoever_is_told_may_use_the_library);
	TAP_RUN(nothing_is_changed_by_checking);
	TAP_RUN(a_check_among_busy_threads_finds_nothing_wrong);
	TAP_RUN(without_memory_there_is_no_check_and_nothing_is_lost);
	TAP_RUN(a_check_needs_an_attached_thread_without_a_section);
	return tap_end();
}
