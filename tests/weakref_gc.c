// tests/weakref_gc.c: weak references and the collector: what is cleared, who is told and who not, finalizers, resurrection,
// generations, classes, what cannot be collected, memory that is refused. The numbers are those of the behaviours that are to be
// observable.
#include "weakrefs.h"

#include <tally/share.h>

// ---- helpers ----

// An instance that refers to itself; nobody else has its class.
static tally_object *cycle(void)
{
	tally_object *self = only_instance(CLASS(.name = "cycle"));
	set_attr(self, "self", self);
	return self;
}

static tally_object *cycle_of(tally_object *type)
{
	tally_object *self = instance(type);
	set_attr(self, "self", self);
	return self;
}

static void collect_all(void)
{
	while (tally_gc_collect(2) > 0)
		;
}

enum { RING = 6 };
struct ring {
	tally_object *type, *object[RING], *plain[RING], *ref[RING], *callback;
	struct calls calls;
};

// Instances of `type`, each of which refers to the next, and weak references to each. What is in `object` is borrowed, from the
// first, of which the caller has a reference.
static void make_ring(struct ring *ring, tally_object *type)
{
	ring->type = type;
	ring->callback = recorder(&ring->calls);
	for (int i = 0; i < RING; i++) {
		ring->object[i] = instance(type);
		ring->plain[i] = weakref(ring->object[i], NULL);
		ring->ref[i] = weakref(ring->object[i], ring->callback);
	}
	for (int i = 0; i < RING; i++) set_attr(ring->object[i], "next", ring->object[(i + 1) % RING]);
	for (int i = 1; i < RING; i++) tally_decref(ring->object[i]);
}

static void check_ring_dead(struct ring *ring)
{
	for (int i = 0; i < RING; i++) {
		CHECK_DEAD(ring->plain[i]);
		CHECK_DEAD(ring->ref[i]);
	}
	CHECK_EQ(count_of(&ring->calls), RING);
}

static void drop_ring(struct ring *ring)
{
	for (int i = 0; i < RING; i++) DROP(ring->plain[i], ring->ref[i]);
	DROP(ring->callback, ring->type);
}

// ---- cleared, and told ----

static void weak_references_from_outside_are_cleared_and_told(void)
{
	struct calls calls;
	tally_object *object = cycle(), *callback = recorder(&calls), *ref = weakref(object, callback), *plain = weakref(object, NULL);
	tally_decref(object);
	CHECK(leads_to(ref, object));
	CHECK(leads_to(plain, object));
	CHECK_COLLECT(2, 2); // and the class
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], ref);
	CHECK_DEAD(ref);
	CHECK_DEAD(plain);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(count_of(&calls), 1);
	DROP(ref, plain, callback);
}

static void those_of_one_object_are_told_the_newest_first(void)
{
	struct calls calls;
	tally_object *object = cycle(), *callback = recorder(&calls), *refs[6];
	for (int i = 0; i < 6; i++) refs[i] = weakref(object, callback);
	tally_decref(object);
	collect_all();
	CHECK_EQ(count_of(&calls), 6);
	for (int i = 0; i < 6; i++) {
		CHECK_PTR(calls.with[i], refs[5 - i]);
		tally_decref(refs[i]);
	}
	tally_decref(callback);
}

static void weak_references_that_are_trash_are_not_told(void)
{
	struct calls calls;
	tally_object *object = cycle(), *callback = recorder(&calls);
	set_own(object, "plain", weakref(object, NULL));
	set_own(object, "ref", weakref(object, callback));
	tally_object *outside = weakref(object, callback);
	tally_decref(object);
	collect_all();
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], outside);
	CHECK_EQ(tally_refcount(callback), 1);
	DROP(outside, callback);
}

// Its callback must not be called when that dies, later; nor is it in the list any more.
static void a_weak_reference_in_trash_leaves_the_living_object_alone(void)
{
	struct calls calls;
	tally_object *object = cycle(), *living = thing(), *callback = recorder(&calls), *stays = weakref(living, callback);
	set_own(object, "ref", weakref(living, callback));
	CHECK_EQ(weakrefs_of(living), 2);
	tally_decref(object);
	collect_all();
	CHECK_EQ(weakrefs_of(living), 1);
	CHECK(leads_to(stays, living));
	CHECK_EQ(tally_refcount(callback), 2);
	tally_decref(living);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_PTR(calls.with[0], stays);
	DROP(stays, callback);
}

static tally_object *kept;

static void keep_self(tally_object *self, void *context)
{
	(void)context;
	kept = tally_incref(self);
}

static void a_weak_reference_that_comes_back_with_other_trash_is_dead_and_not_counted(void)
{
	struct calls calls;
	tally_object *object = only_instance(CLASS(.finalize = keep_self)), *living = thing(), *callback = recorder(&calls);
	set_attr(object, "self", object);
	set_own(object, "ref", weakref(living, callback));
	tally_decref(object);
	CHECK_COLLECT(2, 0);
	tally_object *ref = attr(kept, "ref"), *list = must(tally_weakref_list(living));
	CHECK_DEAD(ref);
	CHECK(has_callback(ref, NULL));
	CHECK_EQ(weakrefs_of(living), 0);
	CHECK_EQ(length_of(list), 0);
	tally_object *plain = weakref(living, NULL);
	CHECK_EQ(weakrefs_of(living), 1);
	DROP(list, living);
	CHECK_EQ(count_of(&calls), 0);
	CHECK_DEAD(plain);
	DROP(plain, ref, kept, callback);
}

// 85
static void an_instance_that_has_a_weak_reference_to_its_class_calls_nobody(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "mine"), *object = cycle_of(type), *function = recorder(&calls);
	tally_object *method = must(tally_method_new(function, object));
	set_own(object, "ref", weakref(type, method));
	set_attr(object, "type", type);
	DROP(type, object, method);
	collect_all();
	CHECK_EQ(count_of(&calls), 0);
	tally_decref(function);
}

// 86, 87
static void a_callback_that_is_trash_with_its_weak_reference_is_not_called(void)
{
	struct calls calls;
	for (int i = 0; i < 2; i++) {
		tally_object *function = recorder(&calls), *type = CLASS(.name = "one"), *other = i ? CLASS(.name = "other") : tally_incref(type);
		tally_object *c1 = cycle_of(type), *c2 = cycle_of(other), *method = must(tally_method_new(function, c2));
		set_attr(c2, "c1", c1);
		set_own(c2, "ref", weakref(c1, method));
		DROP(method, c1, c2, type, other);
		collect_all();
		CHECK_EQ(count_of(&calls), 0);
		CHECK_EQ(tally_refcount(function), 1);
		tally_decref(function);
	}
}

// Each object's death is to be told to the other; nobody is left to tell.
static void weak_references_that_watch_one_another_are_silent(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "watcher"), *function = recorder(&calls), *objects[4];
	for (int i = 0; i < 4; i++) objects[i] = cycle_of(type);
	for (int i = 0; i < 4; i++) {
		tally_object *method = must(tally_method_new(function, objects[i]));
		set_own(objects[i], "ref", weakref(objects[(i + 1) % 4], method));
		set_own(objects[i], "other", weakref(objects[(i + 3) % 4], function));
		tally_decref(method);
	}
	DROP(objects[0], objects[1], objects[2], objects[3], type);
	collect_all();
	CHECK_EQ(count_of(&calls), 0);
	tally_decref(function);
}

// A cycle that goes through nothing but a weak reference and its callback.
static void a_cycle_through_a_callback_is_collected(void)
{
	struct calls calls;
	tally_object *living = thing(), *list = must(tally_list_new()), *function = recorder(&calls);
	tally_object *method = must(tally_method_new(function, list));
	push_own(list, weakref(living, method));
	DROP(method, list);
	CHECK_EQ(weakrefs_of(living), 1);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(weakrefs_of(living), 0);
	tally_decref(living);
	CHECK_EQ(count_of(&calls), 0);
	tally_decref(function);
}

// The callback captures the weak reference itself; its object lives.
static void a_weak_reference_that_its_own_callback_holds_is_collected(void)
{
	struct calls calls;
	tally_object *living = thing(), *cell = must(tally_cell_new(NULL)), *callback = callable(record_call, &calls, cell);
	memset(&calls, 0, sizeof calls);
	tally_object *ref = weakref(living, callback);
	CHECK_EQ(tally_cell_set(cell, ref), 0);
	DROP(cell, callback, ref);
	CHECK(tally_gc_collect(2) > 0);
	CHECK_EQ(weakrefs_of(living), 0);
	tally_decref(living);
	CHECK_EQ(count_of(&calls), 0);
}

static void each_kind_of_trash_can_be_referred_to(void)
{
	struct calls calls;
	tally_object *list = must(tally_list_new()), *function = callable(record_call, &calls, list);
	tally_object *bound = must(tally_function_bind(function, &list, 1)), *method = must(tally_method_new(function, list));
	static const char *const names[] = {"a"};
	tally_object *slots = only_instance(CLASS(.slots = names, .slot_count = 1, .has_weakrefs = true));
	tally_object *objects[] = {function, bound, method, slots}, *refs[4], *callback = recorder(&calls);
	set_attr(slots, "a", list);
	for (int i = 0; i < 4; i++) {
		push(list, objects[i]);
		refs[i] = weakref(objects[i], callback);
		tally_decref(objects[i]);
	}
	tally_decref(list);
	collect_all();
	CHECK_EQ(count_of(&calls), 4);
	for (int i = 0; i < 4; i++) {
		CHECK_DEAD(refs[i]);
		tally_decref(refs[i]);
	}
	tally_decref(callback);
}

static void trash_of_the_hosts_can_be_referred_to(void)
{
	struct calls calls;
	tally_host_type description = {
		.size = sizeof description,
		.name = "node",
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = node_is_traversed,
		.clear = node_clears,
		.finalize = node_is_finalized,
		.context = node_seen,
		.flags = TALLY_HOST_WEAKREF,
	};
	tally_object *type = must(tally_host_type_new(&description)), *callback = recorder(&calls), *refs[8];
	tally_object *nodes[8];
	for (int i = 0; i < 8; i++) {
		nodes[i] = node_new(type, i);
		refs[i] = weakref(nodes[i], callback);
	}
	for (int i = 0; i < 8; i++) node_link(nodes[i], 0, nodes[(i + 1) % 8]);
	for (int i = 0; i < 8; i++) tally_decref(nodes[i]);
	CHECK_COLLECT(2, 8);
	CHECK_EQ(count_of(&calls), 8);
	for (int i = 0; i < 8; i++) {
		CHECK_DEAD(refs[i]);
		CHECK_EQ(node_seen[i].finalize, 1);
		CHECK_EQ(node_seen[i].dealloc, 1);
		tally_decref(refs[i]);
	}
	tally_decref(callback);
}

// It is no trash itself: it goes when the garbage that has the only reference to it is freed, in the stopped world.
static void an_object_that_only_plain_garbage_has_is_told_of(void)
{
	struct calls calls;
	tally_object *object = only_instance(CLASS(.name = "old")), *callback = recorder(&calls), *ref = weakref(object, callback);
	CHECK_COLLECT(2, 0); // now it is old
	tally_object *list = list_in_itself();
	push_own(list, object);
	tally_decref(list);
	CHECK_COLLECT(0, 1);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_DEAD(ref);
	DROP(ref, callback);
}

static void a_weak_reference_that_only_plain_garbage_has_goes_with_it(void)
{
	struct calls calls;
	tally_object *object = thing(), *callback = recorder(&calls), *old = weakref(object, callback);
	CHECK_COLLECT(2, 0);
	tally_object *list = list_in_itself();
	push_own(list, old);
	push_own(list, weakref(object, callback));
	push_own(list, weakref(object, NULL));
	tally_decref(list);
	CHECK_EQ(weakrefs_of(object), 3);
	CHECK_COLLECT(0, 2);
	CHECK_EQ(weakrefs_of(object), 0);
	tally_decref(object);
	CHECK_EQ(count_of(&calls), 0);
	tally_decref(callback);
}

// ---- generations ----

static void an_old_weak_reference_to_a_young_object_is_told(void)
{
	for (int generation = 0; generation < 3; generation++) {
		struct calls calls;
		tally_object *type = CLASS(.name = "young"), *object = instance(type), *callback = recorder(&calls), *ref = weakref(object, callback);
		tally_object *plain = weakref(object, NULL);
		CHECK_COLLECT(1, 0); // all is old: another one
		tally_decref(object);
		CHECK_EQ(count_of(&calls), 1);
		DROP(ref, plain);
		object = cycle_of(type);
		plain = weakref(object, NULL);
		ref = weakref(object, callback);
		tally_decref(object);
		CHECK_COLLECT(generation, 1);
		CHECK_EQ(count_of(&calls), 2);
		CHECK_DEAD(ref);
		CHECK_DEAD(plain);
		DROP(ref, plain, callback, type);
		collect_all();
	}
}

static void a_young_weak_reference_to_an_old_object_waits_for_a_collection_that_looks_there(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "old"), *object = cycle_of(type), *callback = recorder(&calls);
	CHECK_COLLECT(2, 0);
	tally_object *ref = weakref(object, callback), *plain = weakref(object, NULL);
	tally_decref(object);
	CHECK_COLLECT(0, 0);
	CHECK(leads_to(ref, object));
	CHECK_COLLECT(1, 0);
	CHECK(leads_to(plain, object));
	CHECK_EQ(count_of(&calls), 0);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_DEAD(ref);
	CHECK_DEAD(plain);
	DROP(ref, plain, callback, type);
}

// The weak reference is old, and only young garbage has it: for this collection it is no trash, and is told or not; it must not be
// touched after it has died.
static void an_old_weak_reference_in_young_garbage_is_told_at_most_once(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "young"), *callback = recorder(&calls), *holder = must(tally_list_new());
	tally_object *old = cycle_of(type), *ref = weakref(old, callback);
	push(holder, ref);
	CHECK_COLLECT(2, 0);
	tally_object *young = cycle_of(type), *list = list_in_itself();
	set_attr(young, "list", list);
	push(list, ref);
	set_attr(old, "list", list);
	DROP(ref, holder, young, list, old);
	CHECK(tally_gc_collect(0) >= 0);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK(count_of(&calls) <= 1);
	CHECK_EQ(tally_refcount(callback), 1);
	DROP(callback, type);
}

static void automatic_collections_tell_all(void)
{
	enum { MANY = 3000 };
	struct calls calls;
	unsigned many = tap_scale(MANY);
	tally_object *type = CLASS(.name = "fleeting"), *callback = recorder(&calls), *refs = must(tally_list_new());
	uint64_t before = collections();
	tally_gc_enable();
	for (unsigned i = 0; i < many; i++) {
		tally_object *object = cycle_of(type);
		push_own(refs, weakref(object, callback));
		tally_decref(object);
	}
	tally_gc_disable();
	if (many > 1500) CHECK(collections() > before);
	collect_all();
	CHECK_EQ(count_of(&calls), many);
	DROP(refs, callback, type);
}

// ---- classes ----

static void a_class_and_its_instances_are_told_of_together(void)
{
	struct calls of_type, of_object;
	tally_object *base = CLASS(.name = "base"), *type = CLASS(.name = "heir", .base = base), *object = cycle_of(type);
	tally_object *type_callback = recorder(&of_type), *callback = recorder(&of_object);
	tally_object *refs[] = {weakref(base, type_callback), weakref(type, type_callback), weakref(object, callback)};
	tally_object *plain[] = {weakref(base, NULL), weakref(type, NULL), weakref(object, NULL)};
	DROP(base, type, object);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(count_of(&of_type), 2);
	CHECK_EQ(count_of(&of_object), 1);
	for (int i = 0; i < 3; i++) {
		CHECK_DEAD(refs[i]);
		CHECK_DEAD(plain[i]);
		DROP(refs[i], plain[i]);
	}
	DROP(type_callback, callback);
}

static void a_class_that_has_weak_references_to_itself_is_collected(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "vain"), *callback = recorder(&calls);
	set_own(type, "plain", weakref(type, NULL));
	set_own(type, "ref", weakref(type, callback));
	tally_decref(type);
	collect_all();
	CHECK_EQ(count_of(&calls), 0);
	CHECK_EQ(tally_refcount(callback), 1);
	tally_decref(callback);
}

static struct {
	tally_object *ref[3];
	unsigned calls;
} seen;

// The class of the object is trash; whatever is asked, nobody can have either.
static tally_object *ask_all(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	check_call(arguments, count);
	seen.calls++;
	for (int i = 0; i < 3; i++)
		if (seen.ref[i]) CHECK_DEAD(seen.ref[i]);
	return tally_none();
}

// ---- what callbacks do ----

static void when_the_first_callback_is_called_all_trash_is_cleared(void)
{
	tally_object *type = CLASS(.name = "ring"), *object = cycle_of(type), *other = cycle_of(type);
	tally_object *callback = callable(ask_all, NULL, NULL);
	set_attr(object, "other", other);
	set_attr(other, "other", object);
	seen.calls = 0;
	seen.ref[0] = weakref(object, callback);
	seen.ref[1] = weakref(other, callback);
	seen.ref[2] = weakref(type, callback);
	DROP(object, other, type);
	CHECK_COLLECT(2, 3);
	CHECK_EQ(seen.calls, 3);
	DROP(seen.ref[0], seen.ref[1], seen.ref[2], callback);
}

static tally_object *collect_again(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	++*(unsigned *)context;
	drop_lists_in_themselves(5);
	CHECK_EQ(tally_gc_collect(2), 0); // inside a collection
	for (int i = 0; i < 100; i++) tally_decref(must(tally_list_new()));
	tally_heap_trim(NULL);
	return fixture_live_objects() > 0 ? tally_list_new() : tally_none();
}

static void a_callback_of_the_collector_may_allocate_and_ask_for_a_collection(void)
{
	unsigned called = 0;
	struct ring ring;
	make_ring(&ring, CLASS(.name = "ring"));
	tally_object *callback = callable(collect_again, &called, NULL), *refs[RING];
	for (int i = 0; i < RING; i++) refs[i] = weakref(ring.object[i], callback);
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	CHECK_EQ(called, RING);
	check_ring_dead(&ring);
	CHECK_COLLECT(2, 5 * RING);
	for (int i = 0; i < RING; i++) tally_decref(refs[i]);
	tally_decref(callback);
	drop_ring(&ring);
}

static void a_callback_of_the_collector_that_fails_is_reported_and_stops_nothing(void)
{
	struct calls failing = {0};
	struct ring ring;
	make_ring(&ring, CLASS(.name = "ring"));
	tally_object *bad = callable(fail_always, &failing, NULL), *refs[RING];
	for (int i = 0; i < RING; i++) refs[i] = weakref(ring.object[i], bad);
	listen_to_failures();
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	CHECK_NO_ERROR();
	check_ring_dead(&ring);
	CHECK_EQ(count_of(&failing), RING);
	CHECK_EQ(reports.count, RING);
	CHECK_EQ(reports.code, TALLY_ERROR_VALUE);
	for (int i = 0; i < RING; i++) tally_decref(refs[i]);
	tally_decref(bad);
	drop_ring(&ring);
}

enum { HELD = 6 };
static tally_object *held[HELD];

static tally_object *drop_held(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	++*(unsigned *)context;
	for (int i = 0; i < HELD; i++) {
		tally_object *one = held[i];
		held[i] = NULL;
		tally_decref(one);
	}
	return tally_none();
}

// What the first callback drops: other weak references that are to be told, itself, its callback, and another object with more.
static void a_callback_of_the_collector_may_drop_what_is_to_be_told(void)
{
	unsigned called = 0;
	struct calls calls, others;
	tally_object *type = CLASS(.name = "ring"), *object = cycle_of(type), *other = thing();
	tally_object *recording = recorder(&calls), *on_other = recorder(&others), *dropping = callable(drop_held, &called, NULL);
	held[0] = weakref(object, recording);
	held[1] = weakref(object, recording);
	held[2] = weakref(object, dropping);
	held[3] = dropping;
	held[4] = other;
	held[5] = NULL;
	tally_object *to_other = weakref(other, on_other);
	tally_decref(object);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(called, 1);
	CHECK_EQ(count_of(&calls), 2); // they were alive when the object was found
	CHECK_EQ(count_of(&others), 1);
	CHECK_DEAD(to_other);
	DROP(type, recording, on_other, to_other);
}

static tally_object *refer_to_living(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	check_call(arguments, count);
	for (int i = 0; i < HELD; i++) {
		tally_decref(held[i]);
		held[i] = weakref(captured[0], i % 2 ? context : NULL);
	}
	return tally_none();
}

static void a_callback_of_the_collector_may_make_weak_references(void)
{
	struct calls calls;
	struct ring ring;
	memset(held, 0, sizeof held);
	make_ring(&ring, CLASS(.name = "ring"));
	tally_object *living = thing(), *recording = recorder(&calls), *making = callable(refer_to_living, recording, living), *refs[RING];
	for (int i = 0; i < RING; i++) refs[i] = weakref(ring.object[i], making);
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	check_ring_dead(&ring);
	CHECK_EQ(weakrefs_of(living), HELD / 2 + 1);
	DROP(making);
	for (int i = 0; i < RING; i++) tally_decref(refs[i]);
	tally_decref(living);
	CHECK_EQ(count_of(&calls), HELD / 2);
	for (int i = 0; i < HELD; i++) tally_decref(held[i]);
	tally_decref(recording);
	drop_ring(&ring);
}

// ---- finalizers ----

static char order[64];

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

static void note_finalizer(tally_object *self, void *context)
{
	(void)context;
	tally_object *next = attr(self, "next"), *after = next ? attr(next, "next") : NULL;
	CHECK(after); // intact
	DROP(next, after);
	note_letter('F');
}

// 60, 68
static void callbacks_come_before_finalizers_and_those_before_clearing(void)
{
	struct ring ring;
	make_ring(&ring, CLASS(.name = "ring", .finalize = note_finalizer));
	tally_object *callback = callable(note_callback, NULL, NULL), *refs[RING];
	for (int i = 0; i < RING; i++) refs[i] = weakref(ring.object[i], callback);
	order[0] = '\0';
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	CHECK_STR(order, "CCCCCCFFFFFF");
	check_ring_dead(&ring);
	for (int i = 0; i < RING; i++) tally_decref(refs[i]);
	tally_decref(callback);
	drop_ring(&ring);
}

static tally_object *survivors[RING];
static int survivor_count;

static void survive(tally_object *self, void *context)
{
	(void)context;
	if (survivor_count < RING) survivors[survivor_count++] = tally_incref(self);
}

static void drop_survivors(void)
{
	while (survivor_count > 0) tally_decref(survivors[--survivor_count]);
}

// 58
static void an_object_that_comes_back_from_a_cycle_has_lost_its_weak_references(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "stayer", .finalize = survive), *object = cycle_of(type), *callback = recorder(&calls);
	tally_object *plain = weakref(object, NULL), *ref = weakref(object, callback);
	tally_decref(object);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(survivor_count, 1);
	CHECK_PTR(survivors[0], object);
	CHECK_DEAD(plain);
	CHECK_DEAD(ref);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_EQ(weakrefs_of(object), 0);
	tally_object *later = weakref(object, NULL), *later_ref = weakref(object, callback); // and gets new ones
	CHECK(later != plain);
	CHECK(leads_to(later, object));
	CHECK_EQ(weakrefs_of(object), 2);
	CHECK_EQ(tally_equal(later, plain), 0);
	CHECK_EQ(tally_equal(later, later_ref), 1);
	drop_survivors();
	CHECK(leads_to(later, object));
	CHECK_COLLECT(2, 1);
	CHECK_EQ(survivor_count, 0); // no second time
	CHECK_DEAD(later);
	CHECK_EQ(count_of(&calls), 2);
	CHECK_PTR(calls.with[1], later_ref);
	DROP(plain, ref, later, later_ref, callback, type);
}

// 61
static void a_ring_that_comes_back_has_lost_its_weak_references(void)
{
	struct ring ring;
	make_ring(&ring, CLASS(.name = "stayer", .finalize = survive));
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(survivor_count, RING);
	check_ring_dead(&ring);
	drop_survivors();
	CHECK_COLLECT(2, RING);
	check_ring_dead(&ring);
	drop_ring(&ring);
}

static void cut(tally_object *self, void *context)
{
	(void)context;
	CHECK_EQ(delete_attr(self, "next"), 1);
}

// 67: two that come back, two that do nothing, two that cut the ring.
static void in_a_mixed_ring_all_weak_references_are_cleared_and_all_told_once(void)
{
	struct calls calls;
	tally_object *callback = recorder(&calls), *objects[RING], *plain[RING], *refs[RING];
	for (int i = 0; i < RING; i++) {
		tally_object *type = i < 2 ? CLASS(.finalize = survive) : i < 4 ? CLASS(.name = "plain") : CLASS(.finalize = cut);
		objects[i] = only_instance(type);
		plain[i] = weakref(objects[i], NULL);
		refs[i] = weakref(objects[i], callback);
	}
	for (int i = 0; i < RING; i++) set_attr(objects[i], "next", objects[(i + 1) % RING]);
	for (int i = 0; i < RING; i++) tally_decref(objects[i]);
	collect_all();
	CHECK_EQ(survivor_count, 2);
	CHECK_EQ(count_of(&calls), RING);
	for (int i = 0; i < RING; i++) {
		CHECK_DEAD(plain[i]);
		CHECK_DEAD(refs[i]);
	}
	drop_survivors();
	collect_all();
	CHECK_EQ(count_of(&calls), RING);
	for (int i = 0; i < RING; i++) DROP(plain[i], refs[i]);
	tally_decref(callback);
}

static tally_object *made_plain, *made_ref, *made_to_next, *made_callback;

static void refer_to_self_and_next(tally_object *self, void *context)
{
	tally_object *next = attr(self, "next");
	(void)context;
	if (made_ref) DROP(made_plain, made_ref, made_to_next);
	made_plain = weakref(self, NULL);
	made_ref = weakref(self, made_callback);
	made_to_next = weakref(next, made_callback);
	CHECK(leads_to(made_plain, self)); // while the finalizers run, as anybody may still bring it back
	CHECK(leads_to(made_to_next, next));
	tally_decref(next);
}

static void forget_made(void) { made_plain = made_ref = made_to_next = NULL; }

// 91
static void weak_references_that_finalizers_of_trash_made_are_dead_afterwards(void)
{
	struct calls calls;
	struct ring ring;
	forget_made();
	made_callback = recorder(&calls);
	make_ring(&ring, CLASS(.name = "ring", .finalize = refer_to_self_and_next));
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	check_ring_dead(&ring);
	CHECK_DEAD(made_plain);
	CHECK_DEAD(made_ref);
	CHECK_DEAD(made_to_next);
	CHECK_EQ(count_of(&calls), 2); // the others have been dropped before
	drop_ring(&ring);
	DROP(made_plain, made_ref, made_to_next, made_callback);
}

static void refer_to_self_and_survive(tally_object *self, void *context)
{
	refer_to_self_and_next(self, context);
	survive(self, context);
}

static void weak_references_that_finalizers_made_to_what_comes_back_live(void)
{
	struct calls calls;
	tally_object *type = CLASS(.finalize = refer_to_self_and_survive), *object = cycle_of(type), *before = weakref(object, NULL);
	forget_made();
	made_callback = recorder(&calls);
	set_attr(object, "next", object);
	tally_decref(object);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(survivor_count, 1);
	CHECK_DEAD(before);
	CHECK(leads_to(made_plain, object));
	CHECK(leads_to(made_ref, object));
	CHECK_EQ(weakrefs_of(object), 3);
	CHECK_EQ(count_of(&calls), 0);
	drop_survivors();
	CHECK_COLLECT(2, 1);
	CHECK_EQ(count_of(&calls), 2);
	CHECK_DEAD(made_plain);
	DROP(type, before, made_plain, made_ref, made_to_next, made_callback);
}

// The finalizer puts a weak reference into the trash that it belongs to.
static void keep_ref_in_self(tally_object *self, void *context)
{
	(void)context;
	set_own(self, "plain", weakref(self, NULL));
	set_own(self, "ref", weakref(self, made_callback));
	tally_object *method = must(tally_method_new(made_callback, self));
	set_own(self, "bound", weakref(self, method));
	tally_decref(method);
}

static void weak_references_that_finalizers_put_into_trash_go_with_it(void)
{
	struct calls calls;
	tally_object *type = CLASS(.finalize = keep_ref_in_self), *object = cycle_of(type), *ref = weakref(object, NULL);
	made_callback = recorder(&calls);
	tally_decref(object);
	for (int i = 0; i < 3; i++) CHECK(tally_gc_collect(2) >= 0); // the first lets it live: what the finalizer made refers to it
	CHECK_DEAD(ref);
	CHECK(count_of(&calls) <= 1); // the one whose callback is alive may be told; that of the bound one is trash
	CHECK_EQ(tally_refcount(made_callback), 1);
	DROP(type, ref, made_callback);
}

// 74: a function in trash; a finalizer refers to it weakly; what a clear drops upgrades that. It gets nothing, or all of it.
static tally_object *to_function;
static unsigned upgrades;

static void refer_to_function(tally_object *self, struct node *node)
{
	(void)self;
	if (node->id == 0) to_function = weakref(node->link[1], NULL);
	if (node->id != 1) return;
	tally_object *function = NULL;
	if (!CHECK(tally_weakref_get(to_function, &function) >= 0) || !function) return;
	tally_object *shown = must(tally_repr(function)), *result = must(tally_call(function, NULL, 0));
	CHECK_PART(tally_str_utf8(shown, NULL), "callback");
	DROP(shown, result, function);
	upgrades++;
}

static void a_function_in_trash_is_whole_or_dead(void)
{
	struct calls calls;
	tally_object *type = node_type(NODE_WHOLE), *node = node_new(type, 0), *dropped = node_new(type, 1);
	tally_object *list = must(tally_list_new()), *function = callable(pack, NULL, list), *callback = recorder(&calls);
	tally_object *before = weakref(function, callback);
	node_on_finalize = refer_to_function;
	upgrades = 0;
	node_link(node, 0, node);
	node_link(node, 1, function);
	node_link(node, 2, dropped);
	push(list, function);
	push(list, dropped);
	DROP(node, dropped, function, list);
	collect_all();
	CHECK_EQ(count_of(&calls), 1);
	CHECK_DEAD(before);
	CHECK_DEAD(to_function);
	CHECK_EQ(node_seen[0].finalize, 1);
	CHECK_EQ(node_seen[1].finalize, 1);
	DROP(before, to_function, callback);
}

static struct {
	unsigned dead, alive;
} ends_seen;

// Only a piece of trash has it, and the collector does not see it: it goes while that is being cleared.
static void look_while_clearing(void *payload, void *context)
{
	(void)payload, (void)context;
	if (leads_to(made_plain, NULL) && leads_to(made_ref, NULL) && leads_to(made_to_next, NULL)) ends_seen.dead++;
	else ends_seen.alive++;
}

static void what_goes_while_trash_is_cleared_finds_all_of_it_dead(void)
{
	struct calls calls;
	struct ring ring;
	tally_host_type description = {.size = sizeof description, .name = "ender", .payload_size = 8, .dealloc = look_while_clearing};
	tally_object *type = must(tally_host_type_new(&description));
	forget_made();
	memset(&ends_seen, 0, sizeof ends_seen);
	made_callback = recorder(&calls);
	make_ring(&ring, CLASS(.name = "ring", .finalize = refer_to_self_and_next));
	for (int i = 0; i < RING; i++) set_own(ring.object[i], "ender", must(tally_host_new(type)));
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	CHECK_EQ(ends_seen.dead, RING);
	CHECK_EQ(ends_seen.alive, 0);
	CHECK_EQ(count_of(&calls), 2);
	drop_ring(&ring);
	DROP(made_plain, made_ref, made_to_next, made_callback);
}

// ---- what is never collected ----

static void uncollectable_trash_has_lost_its_weak_references_and_gets_new_ones(void)
{
	struct calls calls;
	tally_host_type description = {
		.size = sizeof description,
		.name = "stubborn",
		.payload_size = sizeof(struct node),
		.dealloc = node_dies,
		.traverse = node_is_traversed,
		.context = node_seen,
		.flags = TALLY_HOST_WEAKREF,
	};
	tally_object *type = must(tally_host_type_new(&description)), *node = node_new(type, 0), *callback = recorder(&calls);
	node_link(node, 0, node);
	for (unsigned i = 1; i <= 3; i++) {
		tally_object *plain = weakref(node, NULL), *ref = weakref(node, callback);
		if (i == 1) tally_decref(node);
		CHECK_COLLECT(2, 1);
		CHECK_EQ(count_of(&calls), i);
		CHECK_DEAD(plain);
		CHECK_DEAD(ref);
		CHECK_EQ(weakrefs_of(node), 0);
		CHECK_EQ(tally_list_clear(tally_gc_garbage()), 0);
		DROP(plain, ref);
	}
	CHECK_EQ(stats_of(2).uncollectable, 3);
	tally_object *ref = weakref(node, callback);
	tally_incref(node);
	node_link(node, 0, NULL);
	tally_decref(node);
	CHECK_EQ(count_of(&calls), 4);
	DROP(ref, callback);
}

// ---- spread, sections, many ----

static void a_cycle_through_spread_objects_is_told_of(void)
{
	struct calls calls;
	tally_object *type = CLASS(.name = "spread"), *object = cycle_of(type), *other = cycle_of(type), *callback = recorder(&calls);
	set_attr(object, "other", other);
	set_attr(other, "other", object);
	tally_object *refs[] = {weakref(object, callback), weakref(other, callback), weakref(object, NULL)};
	CHECK_EQ(tally_spread(object), 0);
	CHECK_EQ(tally_spread(refs[0]), 0);
	CHECK_EQ(tally_spread(refs[2]), 0);
	DROP(object, other);
	collect_all();
	CHECK_EQ(count_of(&calls), 2);
	for (int i = 0; i < 3; i++) {
		CHECK_DEAD(refs[i]);
		tally_decref(refs[i]);
	}
	collect_all();
	DROP(callback, type);
}

static void a_hundred_thousand_objects_in_one_cycle_are_each_told_of(void)
{
	unsigned length = tap_scale(100000u);
	struct calls calls;
	tally_object *type = CLASS(.name = "link"), *callback = recorder(&calls), *refs = must(tally_list_new()), *first = instance(type), *last = first;
	for (unsigned i = 1; i < length; i++) {
		tally_object *object = instance(type);
		push_own(refs, weakref(object, callback));
		set_own(last, "next", object);
		last = object;
	}
	push_own(refs, weakref(first, callback));
	set_own(last, "next", first);
	CHECK_COLLECT(2, length);
	CHECK_EQ(count_of(&calls), length);
	DROP(refs, callback, type);
}

static tally_object *make_garbage(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	unsigned *left = context;
	if (*left == 0) return tally_none();
	--*left;
	tally_object *type = tally_type_of(captured[0]), *object = cycle_of(type);
	set_own(captured[0], "ref", weakref(object, held[0]));
	DROP(type, object);
	return tally_none();
}

// Each callback makes the next garbage, with a weak reference that is to be told: collections go on until there is no more.
static void callbacks_that_make_garbage_with_callbacks_come_to_an_end(void)
{
	unsigned left = 20;
	tally_object *type = CLASS(.name = "maker"), *maker = instance(type), *callback = callable(make_garbage, &left, maker), *object = cycle_of(type);
	held[0] = callback;
	set_own(maker, "ref", weakref(object, callback));
	tally_decref(object);
	for (int i = 0; i < 21; i++) CHECK_COLLECT(2, 1);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(left, 0);
	DROP(type, maker, callback);
}

// ---- no memory ----

static void finalize_without_memory(tally_object *self, void *context)
{
	(void)context;
	CHECK(tally_is_instance(self));
	note_letter('F');
}

// In every run either nothing has changed, or all is cleared and told.
static void a_collection_without_memory_changes_nothing_or_tells_all(void)
{
	bool done = false;
	if (!faults_are_offered()) return;
	for (uint64_t n = 1; n < 200 && !done; n++) {
		struct ring ring;
		make_ring(&ring, CLASS(.name = "ring", .finalize = n % 2 ? finalize_without_memory : NULL));
		order[0] = '\0';
		tally_decref(ring.object[0]);
		CHECK_EQ(tally_heap_fail(n, true), 0);
		int64_t found = tally_gc_collect(2);
		done = tally_heap_attempts() < n;
		give_memory_back();
		if (found < 0) CHECK_FAILED(TALLY_ERROR_MEMORY, "gc_collect: no memory");
		else CHECK(found == RING || found == 0); // 0: the second look found no memory, so it all came back
		for (int i = 0; i < RING; i++) {
			if (found < 0) CHECK(leads_to(ring.plain[i], ring.object[i]));
			if (found < 0) CHECK(leads_to(ring.ref[i], ring.object[i]));
		}
		CHECK_EQ(count_of(&ring.calls), found < 0 ? 0 : RING);
		CHECK_NO_ERROR();
		collect_all();
		check_ring_dead(&ring);
		drop_ring(&ring);
		collect_all();
	}
	CHECK(done);
}

static tally_object *take_memory(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	++*(unsigned *)context;
	take_all_memory();
	return tally_list_new();
}

// The first callback takes it: the rest is told, and goes, without.
static void all_are_told_when_the_memory_ends_during_the_callbacks(void)
{
	unsigned called = 0;
	struct ring ring;
	make_ring(&ring, CLASS(.name = "ring"));
	tally_object *callback = callable(take_memory, &called, NULL), *refs[RING];
	for (int i = 0; i < RING; i++) refs[i] = weakref(ring.object[i], callback);
	listen_to_failures();
	tally_decref(ring.object[0]);
	CHECK_COLLECT(2, RING);
	give_memory_back();
	CHECK_NO_ERROR();
	CHECK_EQ(called, RING);
	CHECK_EQ(reports.count, faults_are_offered() ? RING : 0);
	check_ring_dead(&ring);
	for (int i = 0; i < RING; i++) tally_decref(refs[i]);
	tally_decref(callback);
	drop_ring(&ring);
}

// ---- the end of the runtime ----

static struct {
	unsigned called, reported;
} ends;

static tally_object *note_end(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured, (void)count;
	CHECK_DEAD(arguments[0]);
	ends.called++;
	tally_decref(arguments[0]); // the test's own reference
	tally_decref(must(tally_list_new()));
	tally_error_set(TALLY_ERROR_VALUE, "at the end");
	return NULL;
}

static void note_end_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	(void)source, (void)context;
	CHECK_EQ(code, TALLY_ERROR_VALUE);
	CHECK_STR(message, "at the end");
	CHECK_STR(operation, "weakref callback");
	ends.reported++;
}

static void unhook(void) {}

// Not on the fixture's runtime: it ends with garbage.
static void garbage_that_the_end_of_the_runtime_finds_is_told_of(void)
{
	uint64_t leaked = 1;
	tally_token token;
	memset(&ends, 0, sizeof ends);
	CHECK_EQ(tally_init(NULL), 0);
	CHECK_EQ(tally_thread_attach(&token), 0);
	tally_gc_disable();
	tally_unraisable_set(note_end_report, NULL);
	tally_object *callback = callable(note_end, NULL, NULL), *type = CLASS(.name = "left");
	for (int i = 0; i < 5; i++) {
		tally_object *object = cycle_of(type);
		weakref(object, callback); // its callback drops it
		tally_decref(object);
	}
	DROP(callback, type);
	CHECK_EQ(tally_thread_detach(token), 0);
	CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0);
	CHECK_EQ(leaked, 0);
	CHECK_EQ(ends.called, 5);
	CHECK_EQ(ends.reported, 5);
}

int main(void)
{
	classes_begin(120);
	TAP_RUN(weak_references_from_outside_are_cleared_and_told);
	TAP_RUN(those_of_one_object_are_told_the_newest_first);
	TAP_RUN(weak_references_that_are_trash_are_not_told);
	TAP_RUN(a_weak_reference_in_trash_leaves_the_living_object_alone);
	TAP_RUN(a_weak_reference_that_comes_back_with_other_trash_is_dead_and_not_counted);
	TAP_RUN(an_instance_that_has_a_weak_reference_to_its_class_calls_nobody);
	TAP_RUN(a_callback_that_is_trash_with_its_weak_reference_is_not_called);
	TAP_RUN(weak_references_that_watch_one_another_are_silent);
	TAP_RUN(a_cycle_through_a_callback_is_collected);
	TAP_RUN(a_weak_reference_that_its_own_callback_holds_is_collected);
	TAP_RUN(each_kind_of_trash_can_be_referred_to);
	TAP_RUN(trash_of_the_hosts_can_be_referred_to);
	TAP_RUN(an_object_that_only_plain_garbage_has_is_told_of);
	TAP_RUN(a_weak_reference_that_only_plain_garbage_has_goes_with_it);
	TAP_RUN(an_old_weak_reference_to_a_young_object_is_told);
	TAP_RUN(a_young_weak_reference_to_an_old_object_waits_for_a_collection_that_looks_there);
	TAP_RUN(an_old_weak_reference_in_young_garbage_is_told_at_most_once);
	TAP_RUN(automatic_collections_tell_all);
	TAP_RUN(a_class_and_its_instances_are_told_of_together);
	TAP_RUN(a_class_that_has_weak_references_to_itself_is_collected);
	TAP_RUN(when_the_first_callback_is_called_all_trash_is_cleared);
	TAP_RUN(a_callback_of_the_collector_may_allocate_and_ask_for_a_collection);
	TAP_RUN(a_callback_of_the_collector_that_fails_is_reported_and_stops_nothing);
	TAP_RUN(a_callback_of_the_collector_may_drop_what_is_to_be_told);
	TAP_RUN(a_callback_of_the_collector_may_make_weak_references);
	TAP_RUN(callbacks_come_before_finalizers_and_those_before_clearing);
	TAP_RUN(an_object_that_comes_back_from_a_cycle_has_lost_its_weak_references);
	TAP_RUN(a_ring_that_comes_back_has_lost_its_weak_references);
	TAP_RUN(in_a_mixed_ring_all_weak_references_are_cleared_and_all_told_once);
	TAP_RUN(weak_references_that_finalizers_of_trash_made_are_dead_afterwards);
	TAP_RUN(weak_references_that_finalizers_made_to_what_comes_back_live);
	TAP_RUN(weak_references_that_finalizers_put_into_trash_go_with_it);
	TAP_RUN(a_function_in_trash_is_whole_or_dead);
	TAP_RUN(what_goes_while_trash_is_cleared_finds_all_of_it_dead);
	TAP_RUN(uncollectable_trash_has_lost_its_weak_references_and_gets_new_ones);
	TAP_RUN(a_cycle_through_spread_objects_is_told_of);
	TAP_RUN(a_hundred_thousand_objects_in_one_cycle_are_each_told_of);
	TAP_RUN(callbacks_that_make_garbage_with_callbacks_come_to_an_end);
	TAP_RUN(a_collection_without_memory_changes_nothing_or_tells_all);
	TAP_RUN(all_are_told_when_the_memory_ends_during_the_callbacks);
	tap_before_each(unhook);
	tap_after_each(unhook);
	TAP_RUN(garbage_that_the_end_of_the_runtime_finds_is_told_of);
	return tap_end();
}
