// tests/gc_callbacks.c: the host's callbacks around collections (tally/gcwatch.h): who is told what and when, errors, adding and removing
// them in the midst of it, removals that wait for calls and those that must not.
#include "duel.h"
#include "nodes.h"

#include <errno.h>
#include <tally/gcwatch.h>

// ---- a callback that notes what it is told ----

enum { CALLS = 64 };

struct call {
	char who; // of whom
	enum tally_gc_phase phase;
	tally_gc_collection collection;
};
static struct call calls[CALLS];
static unsigned call_count;

static void note(char who, enum tally_gc_phase phase, const tally_gc_collection *collection)
{
	if (call_count < CALLS) calls[call_count] = (struct call){who, phase, *collection};
	call_count++;
}

static void listen(enum tally_gc_phase phase, const tally_gc_collection *collection, void *who)
{
	note(*(const char *)who, phase, collection);
}

static char a_name[] = "A";

static int add(tally_gc_callback_fn call, const void *context)
{
	int id = tally_gc_callback_add(call, (void *)(uintptr_t)context);
	if (id <= 0) tap_bail_out(tally_error_message());
	return id;
}

static int add_listener(const char *who) { return add(listen, who); }

// "A+A-": A heard the start and the stop.
static const char *heard(void)
{
	static char text[2 * CALLS + 1];
	unsigned count = call_count < CALLS ? call_count : CALLS;
	for (unsigned i = 0; i < count; i++) {
		text[2 * i] = calls[i].who;
		text[2 * i + 1] = calls[i].phase == TALLY_GC_START ? '+' : '-';
	}
	text[2 * count] = 0;
	call_count = 0;
	return text;
}

static void callbacks_start(void)
{
	nodes_start();
	call_count = 0;
}

// ---- what they are told ----

static void each_of_two_callbacks_is_called_at_the_start_and_at_the_stop_in_the_order_of_adding(void)
{
	add_listener("A");
	add_listener("B");
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_STR(heard(), "A+B+A-B-");
	CHECK_EQ(tally_gc_collect(0), 0);
	CHECK_STR(heard(), "A+B+A-B-");
}

static bool is_blank(const tally_gc_collection *collection)
{
	tally_gc_collection blank = {.number = collection->number, .generation = collection->generation,
	                             .is_automatic = collection->is_automatic, .start = collection->start};
	bool same = !collection->has_failed && collection->stops == 0 && collection->duration == 0 && collection->visited == 0 &&
	            collection->promoted == 0 && collection->collected == 0 && collection->uncollectable == 0 &&
	            collection->bytes == 0;
	return same && !memcmp(blank.pause, collection->pause, sizeof blank.pause) &&
	       !memcmp(blank.to_safepoint, collection->to_safepoint, sizeof blank.to_safepoint);
}

static void the_generation_is_told_in_every_call_and_the_result_at_the_stop(void)
{
	add_listener("A");
	for (int generation = 0; generation <= 2; generation++) {
		uint64_t before = now_ns();
		drop_lists_in_themselves(7);
		CHECK_EQ(tally_gc_collect(generation), 7);
		const tally_gc_collection *start = &calls[0].collection, *stop = &calls[1].collection;
		CHECK_STR(heard(), "A+A-");
		CHECK(is_blank(start) && !start->is_automatic);
		CHECK(start->start >= before && start->start <= now_ns());
		CHECK_EQ(start->generation, generation);
		CHECK_EQ(start->number, generation + 1);
		CHECK_EQ(stop->generation, generation);
		CHECK_EQ(stop->number, start->number);
		CHECK_EQ(stop->start, start->start);
		CHECK_EQ(stop->collected, 7);
		CHECK_EQ(stop->uncollectable, 0);
		CHECK_EQ(stop->stops, 1);
		CHECK(stop->pause[0] > 0 && stop->pause[0] + stop->to_safepoint[0] <= stop->duration);
		CHECK(stop->start + stop->duration <= now_ns());
	}
}

static void an_automatic_collection_is_told_as_one(void)
{
	tally_object *kept = must(tally_list_new());
	add_listener("A");
	set_thresholds(1000, 10, 10);
	tally_gc_enable();
	for (int i = 0; i < 10000 && !call_count; i++) push_own(kept, must(tally_list_new()));
	CHECK_EQ(call_count, 2);
	CHECK(calls[0].collection.is_automatic && calls[1].collection.is_automatic);
	tally_decref(kept);
}

static tally_object *saved;

static void save_one(tally_object *self, struct node *node)
{
	if (node->id == 0) saved = tally_incref(self);
}

static void what_finalizers_bring_back_is_not_told_as_collected(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	add_listener("A");
	node_on_finalize = save_one;
	tally_decref(ring_of_nodes(type, 0, 3)); // comes back
	tally_decref(ring_of_nodes(type, 10, 2));
	CHECK_EQ(tally_gc_collect(2), 2);
	CHECK_STR(heard(), "A+A-");
	CHECK_EQ(calls[1].collection.collected, 2);
	CHECK_EQ(calls[1].collection.stops, 2);
	tally_decref(saved);
	CHECK_EQ(tally_gc_collect(2), 3);
}

static void a_collection_that_fails_is_told_to_have_failed(void)
{
	add_listener("A");
	tally_object *list = list_in_itself();
	if (tally_heap_fail(1, true)) { // not offered by this build
		tally_error_clear();
	} else {
		CHECK_EQ(tally_gc_collect(2), -1);
		CHECK_EQ(tally_heap_fail(0, false), 0);
		CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
		tally_error_clear();
		CHECK_STR(heard(), "A+A-");
		CHECK(!calls[0].collection.has_failed && calls[1].collection.has_failed);
	}
	tally_decref(list);
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK(!calls[1].collection.has_failed);
}

static void use_the_library(enum tally_gc_phase phase, const tally_gc_collection *collection, void *type)
{
	drop_lists_in_themselves(5);
	tally_decref(ring_of_nodes(type, 0, 5));
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_blocking_end(), 0);
	note('U', phase, collection);
}

// What the start makes is found by this collection, what the stop makes by the next one.
static void a_callback_may_use_the_library(void)
{
	tally_object *type = node_type(NODE_PLAIN);
	int id = add(use_the_library, type);
	CHECK_EQ(tally_gc_collect(2), 10);
	CHECK_STR(heard(), "U+U-");
	CHECK_EQ(tally_gc_callback_remove(id), 0);
	CHECK_EQ(tally_gc_collect(2), 10);
}

static void collect_inside(enum tally_gc_phase phase, const tally_gc_collection *collection, void *unused)
{
	(void)unused;
	drop_lists_in_themselves(1);
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_NO_ERROR();
	note('N', phase, collection);
}

static void a_collection_inside_a_callback_returns_0_and_calls_nobody(void)
{
	int id = add(collect_inside, NULL);
	uint64_t before = collections();
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_STR(heard(), "N+N-");
	CHECK_EQ(collections(), before + 1);
	CHECK_EQ(tally_gc_callback_remove(id), 0);
	CHECK_EQ(tally_gc_collect(2), 1);
}

// ---- errors ----

static struct {
	unsigned count;
	enum tally_error_code code;
	char message[256], operation[32];
	tally_object *source;
} reported;

static void report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *unused)
{
	(void)unused;
	reported.count++;
	reported.code = code;
	reported.source = source;
	snprintf(reported.message, sizeof reported.message, "%s", message);
	snprintf(reported.operation, sizeof reported.operation, "%s", operation);
}

static void fail(enum tally_gc_phase phase, const tally_gc_collection *collection, void *unused)
{
	(void)unused;
	CHECK_NO_ERROR(); // neither the caller's nor that of the callback before it
	tally_error_set(TALLY_ERROR_VALUE, "%s does not suit me", phase == TALLY_GC_START ? "the start" : "the stop");
	errno = EDOM;
	note('F', phase, collection);
}

static void errors_of_callbacks_are_reported_and_disturb_nobody(void)
{
	memset(&reported, 0, sizeof reported);
	reported.source = tally_none();
	tally_unraisable_set(report, NULL);
	add(fail, NULL);
	add_listener("A");
	add(fail, NULL);
	drop_lists_in_themselves(3);
	tally_error_set(TALLY_ERROR_KEY, "of the caller");
	errno = ENOENT;
	CHECK_EQ(tally_gc_collect(2), 3);
	CHECK_EQ(errno, ENOENT);
	CHECK_ERROR(TALLY_ERROR_KEY, "of the caller");
	CHECK_STR(heard(), "F+A+F+F-A-F-");
	CHECK_EQ(reported.count, 4);
	CHECK_EQ(reported.code, TALLY_ERROR_VALUE);
	CHECK_STR(reported.message, "the stop does not suit me");
	CHECK_STR(reported.operation, "gc callback");
	CHECK_PTR(reported.source, NULL);
}

static void a_callback_that_leaves_no_error_reports_none(void)
{
	memset(&reported, 0, sizeof reported);
	tally_unraisable_set(report, NULL);
	add_listener("A");
	tally_error_set(TALLY_ERROR_KEY, "of the caller");
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_ERROR(TALLY_ERROR_KEY, "of the caller");
	CHECK_EQ(reported.count, 0);
}

static void an_id_that_is_none_cannot_be_removed(void)
{
	int id = add_listener("A");
	CHECK_EQ(tally_gc_callback_remove(0), -1);
	CHECK_ERROR(TALLY_ERROR_KEY, "gc_callback_remove: there is no callback 0");
	CHECK_EQ(tally_gc_callback_remove(-1), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_KEY);
	CHECK_EQ(tally_gc_callback_remove(id + 1), -1);
	CHECK_EQ(tally_gc_callback_remove(id), 0);
	CHECK_EQ(tally_gc_callback_remove(id), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_KEY);
	tally_error_clear();
}

static void without_memory_none_is_added(void)
{
	if (tally_heap_fail(1, false)) {
		tally_error_clear();
		return;
	}
	CHECK_EQ(tally_gc_callback_add(listen, a_name), -1);
	CHECK_EQ(tally_heap_fail(0, false), 0);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_MEMORY);
	tally_error_clear();
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_STR(heard(), "");
}

// A removal, a call and a death of one need no memory.
static void callbacks_are_called_and_removed_without_memory(void)
{
	int id = add_listener("A"), other = add_listener("B");
	CHECK_EQ(tally_gc_collect(2), 0); // has its arrays now
	heard();
	bool offered = tally_heap_fail(1, true) == 0;
	tally_gc_collect(0);
	CHECK_EQ(tally_gc_callback_remove(id), 0);
	if (offered) CHECK_EQ(tally_heap_fail(0, false), 0);
	tally_error_clear();
	CHECK_STR(heard(), "A+B+A-B-");
	CHECK_EQ(tally_gc_callback_remove(other), 0);
}

// ---- the runtime ----

static int of_the_last_runtime;

static void refuse_to_add(void)
{
	CHECK_EQ(tally_gc_callback_add(listen, a_name), -1);
	CHECK_ERROR(TALLY_ERROR_CLOSING, "gc_callback_add: the runtime is not running");
	CHECK_EQ(tally_gc_callback_remove(of_the_last_runtime), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_KEY);
	tally_error_clear();
}

static void all_are_forgotten_when_the_runtime_ends_and_old_ids_are_nobodys(void)
{
	of_the_last_runtime = add_listener("A");
	fixture_stop();
	const char *end = heard(); // what the end collects is told, too
	CHECK(strlen(end) > 0 && strlen(end) % 4 == 0);
	refuse_to_add();
	nodes_start();
	int id = add_listener("B");
	CHECK(id != of_the_last_runtime);
	CHECK_EQ(tally_gc_callback_remove(of_the_last_runtime), -1);
	tally_error_clear();
	CHECK_EQ(tally_gc_collect(2), 0);
	CHECK_STR(heard(), "B+B-");
}

static int of_a_stranger;
static void add_from_outside(void) { of_a_stranger = add_listener("S"); }
static void remove_from_outside(void) { CHECK_EQ(tally_gc_callback_remove(of_a_stranger), 0); }

static void a_thread_that_is_not_attached_may_add_and_remove(void)
{
	run_unattached(add_from_outside);
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_STR(heard(), "S+S-");
	run_unattached(remove_from_outside);
	CHECK_EQ(tally_gc_collect(1), 0);
	CHECK_STR(heard(), "");
}

// ---- adding and removing while it goes on ----

static void the_same_function_is_called_as_often_as_it_was_added(void)
{
	int first = add_listener("A"), second = add_listener("A");
	CHECK(first != second);
	tally_gc_collect(0);
	CHECK_STR(heard(), "A+A+A-A-");
	CHECK_EQ(tally_gc_callback_remove(first), 0);
	tally_gc_collect(0);
	CHECK_STR(heard(), "A+A-");
}

// What a callback or a finalizer does to the list, once.
static struct {
	bool at_stop;
	int remove[3]; // ids, up to a 0
	const char *add;
} plan;

static void act(void)
{
	for (int i = 0; i < 3 && plan.remove[i]; i++) CHECK_EQ(tally_gc_callback_remove(plan.remove[i]), 0);
	if (plan.add) add_listener(plan.add);
	memset(&plan, 0, sizeof plan);
}

static void meddle(enum tally_gc_phase phase, const tally_gc_collection *collection, void *unused)
{
	(void)unused;
	note('M', phase, collection);
	if ((phase == TALLY_GC_STOP) == plan.at_stop) act();
}

static void one_that_is_added_during_a_call_is_first_called_by_the_next_collection(void)
{
	add(meddle, NULL);
	plan.add = "A";
	tally_gc_collect(0);
	CHECK_STR(heard(), "M+M-");
	plan.add = "B";
	plan.at_stop = true;
	tally_gc_collect(0);
	CHECK_STR(heard(), "M+A+M-A-");
	tally_gc_collect(0);
	CHECK_STR(heard(), "M+A+B+M-A-B-");
}

static void act_in_a_finalizer(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	act();
}

static void one_that_is_added_between_start_and_stop_hears_neither(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	for (int others = 0; others < 2; others++) { // also when it is the first of all
		int other = others ? add_listener("O") : 0;
		tally_decref(ring_of_nodes(type, 0, 1));
		node_on_finalize = act_in_a_finalizer;
		plan.add = "A";
		CHECK_EQ(tally_gc_collect(2), 1);
		CHECK_STR(heard(), others ? "A+O+A-O-" : "");
		tally_gc_collect(2);
		CHECK_STR(heard(), others ? "A+O+A+A-O-A-" : "A+A-");
		if (other) CHECK_EQ(tally_gc_callback_remove(other), 0);
	}
}

static void one_that_is_removed_between_start_and_stop_hears_the_start_alone(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	plan.remove[0] = add_listener("A");
	add_listener("B");
	tally_decref(ring_of_nodes(type, 0, 1));
	node_on_finalize = act_in_a_finalizer;
	CHECK_EQ(tally_gc_collect(2), 1);
	CHECK_STR(heard(), "A+B+B-");
}

// In front of it, behind it, itself; at the start and at the stop; each alone, and all of them.
static void a_callback_may_remove_itself_and_its_neighbours(void)
{
	for (unsigned who = 1; who < 8; who++) {
		for (int at_stop = 0; at_stop < 2; at_stop++) {
			int ids[3] = {add_listener("A"), add(meddle, NULL), add_listener("B")}, removals = 0;
			char expected[16] = "A+M+", rest[16] = "";
			bool a = who & 1, m = who & 2, b = who & 4;
			for (unsigned i = 0; i < 3; i++)
				if (who >> i & 1) plan.remove[removals++] = ids[i];
			plan.at_stop = at_stop;
			if (!b || at_stop) strcat(expected, "B+");
			if (!a || at_stop) strcat(expected, "A-");
			if (!m || at_stop) strcat(expected, "M-");
			if (!b) strcat(expected, "B-");
			tally_gc_collect(0);
			CHECK_STR(heard(), expected);
			for (int stop = 0; stop < 2; stop++) {
				if (!a) strcat(rest, stop ? "A-" : "A+");
				if (!m) strcat(rest, stop ? "M-" : "M+");
				if (!b) strcat(rest, stop ? "B-" : "B+");
			}
			tally_gc_collect(0);
			CHECK_STR(heard(), rest);
			for (unsigned i = 0; i < 3; i++)
				CHECK_EQ(tally_gc_callback_remove(ids[i]), who >> i & 1 ? -1 : 0);
			tally_error_clear();
		}
	}
}

static void replace_itself(enum tally_gc_phase phase, const tally_gc_collection *collection, void *id)
{
	note('R', phase, collection);
	CHECK_EQ(tally_gc_callback_remove(*(int *)id), 0);
	*(int *)id = add(replace_itself, id);
}

// It would go on for ever if the new one were called in the same round.
static void one_that_replaces_itself_at_each_call_hears_every_start(void)
{
	int id = 0;
	id = add(replace_itself, &id);
	for (int i = 0; i < 5; i++) tally_gc_collect(0);
	CHECK_STR(heard(), "R+R+R+R+R+");
	CHECK_EQ(tally_gc_callback_remove(id), 0);
}

// ---- several threads ----

// The thread of that name, which goes into no region of its own, waits in one. The caller goes on.
static void await_region_of(const char *name)
{
	char text[4096], wanted[64];
	snprintf(wanted, sizeof wanted, "%s (", name);
	for (;;) {
		tally_threads_report(text, sizeof text);
		char *line = strstr(text, wanted), *end = line ? strchr(line, '\n') : NULL;
		if (end) *end = 0;
		if (line && strstr(line, "is in a blocking region")) return;
		tally_safepoint(); // in `gil` others need the lock
		sched_yield();
	}
}

static size_t length_of(tally_object *object)
{
	size_t length = SIZE_MAX;
	CHECK_EQ(tally_len(object, &length), 0);
	return length;
}

static stage at;
static _Thread_local int seat; // which of the threads of a test this is; 0: none

// A callback in which the thread of a certain seat stands, at one phase, until it is told to go.
struct place {
	int id, seat;
	enum tally_gc_phase phase;
	unsigned arrives, leaves; // stages
	void (*inside)(struct place *place);
	tally_object *list;
	int result;
	atomic_uint calls; // at either phase, on any thread
	_Atomic bool has_left;
};

static void stand(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	struct place *place = context;
	(void)collection;
	atomic_fetch_add(&place->calls, 1);
	if (seat != place->seat || phase != place->phase) return;
	reach(&at, place->arrives);
	await(&at, place->leaves);
	if (place->inside) place->inside(place);
	atomic_store(&place->has_left, true);
}

static void open_place(struct place *place)
{
	atomic_store(&place->has_left, false);
	place->id = add(stand, place);
}

static void *collect_on_seat(void *number)
{
	tally_token token = attached();
	seat = *(int *)number;
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static struct {
	struct place *place;
	bool is_attached;
	stage at;
} removal;

static void *remove_the_place(void *unused)
{
	tally_token token = {0};
	(void)unused;
	tally_thread_set_name("remover");
	if (removal.is_attached) token = attached();
	errno = ENOENT;
	reach(&removal.at, 1);
	CHECK_EQ(tally_gc_callback_remove(removal.place->id), 0);
	CHECK_EQ(errno, ENOENT);
	CHECK(atomic_load(&removal.place->has_left));
	reach(&removal.at, 2);
	if (removal.is_attached) CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_removal_waits_for_the_call_on_another_thread(void)
{
	for (int attached_too = 0; attached_too < 2; attached_too++) {
		int one = 1;
		struct place place = {.seat = 1, .phase = TALLY_GC_STOP, .arrives = 1, .leaves = 2};
		reach(&at, 0);
		reach(&removal.at, 0);
		open_place(&place);
		removal.place = &place;
		removal.is_attached = attached_too;
		pthread_t collector = spawn(collect_on_seat, &one);
		await(&at, 1);
		pthread_t remover = spawn(remove_the_place, NULL);
		await(&removal.at, 1);
		if (attached_too) {
			await_region_of("remover");
			CHECK_EQ(tally_gc_collect(2), 0);
			CHECK_EQ(atomic_load(&place.calls), 2); // not on this thread
			CHECK_EQ(tally_gc_callback_remove(place.id), -1);
			tally_error_clear();
		}
		CHECK(!has_reached(&removal.at, 2)); // whoever is in the call has not been told to go
		reach(&at, 2);
		finish(remover);
		CHECK(atomic_load(&place.has_left));
		finish(collector);
		CHECK_EQ(tally_gc_callback_remove(place.id), -1);
		tally_error_clear();
	}
}

// Its section is suspended: the object is free for the one that is waited for.
static void use_the_list(struct place *place)
{
	CHECK_EQ(tally_list_append(place->list, tally_none()), 0);
	tally_safepoint();
}

static void a_removal_that_waits_in_a_section_suspends_it(void)
{
	int one = 1;
	struct place place = {.seat = 1, .phase = TALLY_GC_STOP, .arrives = 1, .leaves = 2, .inside = use_the_list};
	tally_critical section;
	place.list = must(tally_list_new());
	reach(&at, 0);
	open_place(&place);
	pthread_t collector = spawn(collect_on_seat, &one);
	await(&at, 1);
	CHECK_EQ(tally_critical_begin(&section, place.list), 0);
	reach(&at, 2);
	CHECK_EQ(tally_gc_callback_remove(place.id), 0);
	CHECK(atomic_load(&place.has_left));
	CHECK_EQ(length_of(place.list), 1);
	CHECK_EQ(tally_critical_end(&section), 0);
	finish(collector);
	tally_decref(place.list);
}

// The removal of another one is not held up.
static void a_removal_waits_for_nobody_in_other_callbacks(void)
{
	int one = 1, other = add_listener("A");
	struct place place = {.seat = 1, .phase = TALLY_GC_STOP, .arrives = 1, .leaves = 2};
	reach(&at, 0);
	open_place(&place);
	pthread_t collector = spawn(collect_on_seat, &one);
	await(&at, 1);
	CHECK_EQ(tally_gc_callback_remove(other), 0);
	CHECK_EQ(tally_gc_collect(2), 0); // a second collection, while the first is telling of its end
	CHECK(!atomic_load(&place.has_left));
	reach(&at, 2);
	finish(collector);
	CHECK_EQ(tally_gc_callback_remove(place.id), 0);
}

static void remove_itself(struct place *place) { place->result = tally_gc_callback_remove(place->id); }

// In one callback stand two threads: one that removes it, and one for which that removal waits.
static void remove_the_shared(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	struct place *place = context;
	stand(phase, collection, context);
	if (seat != 2 || phase != TALLY_GC_START) return;
	reach(&removal.at, 1);
	CHECK_EQ(tally_gc_callback_remove(place->id), 0);
	CHECK(atomic_load(&place->has_left));
	reach(&removal.at, 2);
}

static void *collect_as_remover(void *number)
{
	tally_thread_set_name("remover");
	return collect_on_seat(number);
}

static void a_callback_that_removes_itself_waits_for_the_other_threads_in_it_alone(void)
{
	int one = 1, two = 2;
	struct place place = {.seat = 1, .phase = TALLY_GC_STOP, .arrives = 1, .leaves = 2};
	reach(&at, 0);
	reach(&removal.at, 0);
	place.id = add(remove_the_shared, &place);
	pthread_t first = spawn(collect_on_seat, &one);
	await(&at, 1);
	pthread_t second = spawn(collect_as_remover, &two);
	await(&removal.at, 1);
	await_region_of("remover");
	CHECK(!has_reached(&removal.at, 2));
	reach(&at, 2);
	finish(first);
	finish(second);
	CHECK(has_reached(&removal.at, 2));
	CHECK_EQ(tally_gc_callback_remove(place.id), -1);
	tally_error_clear();
}

// ---- rings ----

// Each of `count` threads stands in a callback of its own and removes the next one's. All but the last are at the stop of
// their collections, so that the next may begin.
enum { RING = 5 };
static struct place ring[RING];
static int ring_size;

static void remove_the_next(struct place *place)
{
	place->result = tally_gc_callback_remove(ring[place->seat % ring_size].id);
}

static void form_ring(int count)
{
	pthread_t threads[RING];
	reach(&at, 0);
	ring_size = count;
	for (int i = 0; i < count; i++) {
		ring[i] = (struct place){.seat = i + 1, .phase = i == count - 1 ? TALLY_GC_START : TALLY_GC_STOP,
		                         .arrives = (unsigned)i + 1, .leaves = (unsigned)count, .inside = remove_the_next};
		open_place(&ring[i]);
	}
	for (int i = 0; i < count; i++) {
		threads[i] = spawn(collect_on_seat, &ring[i].seat);
		await(&at, (unsigned)i + 1);
	}
	for (int i = 0; i < count; i++) finish(threads[i]);
}

static void callbacks_that_remove_one_another_do_not_wait_for_ever(void)
{
	for (int round = tap_scale(20); round > 0; round--) {
		for (int count = 2; count <= RING; count++) {
			int sum = 0;
			form_ring(count);
			for (int i = 0; i < count; i++) sum += ring[i].result == 0 || ring[i].result == 1 ? ring[i].result : 100;
			CHECK_EQ(sum, 1); // one is told that it was not waited for
			tally_gc_collect(2);
			for (int i = 0; i < count; i++) CHECK_EQ(tally_gc_callback_remove(ring[i].id), -1);
			tally_error_clear();
		}
	}
}

// One of them stands in it.
static void of_two_threads_that_remove_one_callback_one_does(void)
{
	for (int round = tap_scale(50); round > 0; round--) {
		int one = 1, two = 2;
		struct place place[2] = {{.seat = 1, .phase = TALLY_GC_STOP, .arrives = 1, .leaves = 2, .inside = remove_itself},
		                         {.seat = 2, .phase = TALLY_GC_START, .arrives = 2, .leaves = 2, .inside = remove_itself}};
		reach(&at, 0);
		open_place(&place[0]);
		open_place(&place[1]);
		int other = place[1].id;
		place[1].id = place[0].id; // which each of them removes
		pthread_t first = spawn(collect_on_seat, &one);
		await(&at, 1);
		pthread_t second = spawn(collect_on_seat, &two);
		finish(first);
		finish(second);
		CHECK_EQ(place[0].result + place[1].result, -1);
		CHECK_EQ(tally_gc_callback_remove(place[0].id), -1);
		CHECK_EQ(tally_gc_callback_remove(other), 0);
		tally_error_clear();
	}
}

// ---- at about the same time ----

enum { NUMBERS = 1 << 16 };

// A context that knows whether it may be used, and of which collections it has heard the start.
struct ear {
	_Atomic bool is_dead;
	_Atomic uint32_t calls;
	_Atomic bool heard_start[NUMBERS / 64];
};

static void hear(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	struct ear *ear = context;
	_Atomic bool *start = &ear->heard_start[collection->number % (NUMBERS / 64)];
	CHECK(!atomic_load(&ear->is_dead));
	if (phase == TALLY_GC_START) CHECK(!atomic_exchange(start, true));
	else CHECK(atomic_exchange(start, false));
	atomic_fetch_add(&ear->calls, 1);
	CHECK(!atomic_load(&ear->is_dead));
}

static struct {
	struct ear ear;
	int id;
} fight;

static void add_remove_and_call(void *context, unsigned number)
{
	(void)context;
	duel_enter(number);
	for (unsigned round = tap_scale(500u); round > 0; round--) {
		bool is_added = round % 2;
		if (number == 0) {
			memset(&fight.ear, 0, sizeof fight.ear);
			if (is_added) fight.id = add(hear, &fight.ear);
		}
		duel_wait(number);
		duel_meet(number);
		if (number == 1) {
			CHECK(tally_gc_collect(0) >= 0);
		} else {
			if (!is_added) fight.id = add(hear, &fight.ear);
			CHECK_EQ(tally_gc_callback_remove(fight.id), 0);
			atomic_store(&fight.ear.is_dead, true);
		}
		duel_wait(number);
		if (number == 1) CHECK(atomic_load(&fight.ear.calls) <= 2);
		duel_wait(number);
	}
}

static void a_callback_that_is_removed_during_a_collection_is_not_called_afterwards(void)
{
	duel_begin();
	run_threads(2, add_remove_and_call, NULL);
}

static atomic_uint running;

static void collect_often(void)
{
	for (int i = tap_scale(800); i > 0; i--) {
		drop_lists_in_themselves(3);
		CHECK(tally_gc_collect(i % 3) >= 0);
	}
	atomic_fetch_sub(&running, 1);
}

static void add_and_remove_often(void)
{
	do {
		struct ear *ears[4];
		int ids[4];
		for (int i = 0; i < 4; i++) {
			ears[i] = calloc(1, sizeof *ears[i]);
			ids[i] = add(hear, ears[i]);
		}
		tally_safepoint();
		for (int i = 0; i < 4; i++) {
			CHECK_EQ(tally_gc_callback_remove(ids[i ^ 1]), 0);
			free(ears[i ^ 1]);
		}
	} while (atomic_load(&running));
}

static void collect_or_meddle(void *context, unsigned number)
{
	(void)context;
	if (number < 2) collect_often();
	else add_and_remove_often();
}

static void threads_add_and_remove_while_others_collect(void)
{
	struct ear *whole = calloc(1, sizeof *whole);
	int id = add(hear, whole);
	atomic_store(&running, 2);
	run_threads(5, collect_or_meddle, NULL);
	CHECK_EQ(tally_gc_callback_remove(id), 0);
	CHECK_EQ(atomic_load(&whole->calls) % 2, 0);
	CHECK(atomic_load(&whole->calls) > 0);
	free(whole);
	tally_gc_collect(2);
}

int main(void)
{
	fixture_begin(120);
	tap_before_each(callbacks_start);
	TAP_RUN(each_of_two_callbacks_is_called_at_the_start_and_at_the_stop_in_the_order_of_adding);
	TAP_RUN(the_generation_is_told_in_every_call_and_the_result_at_the_stop);
	TAP_RUN(an_automatic_collection_is_told_as_one);
	TAP_RUN(what_finalizers_bring_back_is_not_told_as_collected);
	TAP_RUN(a_collection_that_fails_is_told_to_have_failed);
	TAP_RUN(a_callback_may_use_the_library);
	TAP_RUN(a_collection_inside_a_callback_returns_0_and_calls_nobody);
	TAP_RUN(errors_of_callbacks_are_reported_and_disturb_nobody);
	TAP_RUN(a_callback_that_leaves_no_error_reports_none);
	TAP_RUN(an_id_that_is_none_cannot_be_removed);
	TAP_RUN(without_memory_none_is_added);
	TAP_RUN(callbacks_are_called_and_removed_without_memory);
	TAP_RUN(all_are_forgotten_when_the_runtime_ends_and_old_ids_are_nobodys);
	TAP_RUN(a_thread_that_is_not_attached_may_add_and_remove);
	TAP_RUN(the_same_function_is_called_as_often_as_it_was_added);
	TAP_RUN(one_that_is_added_during_a_call_is_first_called_by_the_next_collection);
	TAP_RUN(one_that_is_added_between_start_and_stop_hears_neither);
	TAP_RUN(one_that_is_removed_between_start_and_stop_hears_the_start_alone);
	TAP_RUN(a_callback_may_remove_itself_and_its_neighbours);
	TAP_RUN(one_that_replaces_itself_at_each_call_hears_every_start);
	TAP_RUN(a_removal_waits_for_the_call_on_another_thread);
	TAP_RUN(a_removal_that_waits_in_a_section_suspends_it);
	TAP_RUN(a_removal_waits_for_nobody_in_other_callbacks);
	TAP_RUN(a_callback_that_removes_itself_waits_for_the_other_threads_in_it_alone);
	TAP_RUN(callbacks_that_remove_one_another_do_not_wait_for_ever);
	TAP_RUN(of_two_threads_that_remove_one_callback_one_does);
	TAP_RUN(a_callback_that_is_removed_during_a_collection_is_not_called_afterwards);
	TAP_RUN(threads_add_and_remove_while_others_collect);
	return tap_end();
}
