// tests/gc_behaviours.c: the behaviours of cycle collection that are to be observable, by their numbers: what no other test shows.
//
// Where another test shows it already:
//
//    1  gc.c a_list_in_itself_is_one_object
//    2  gc.c a_dict_whose_value_is_itself_is_one_object
//    3  gc.c a_tuple_in_a_list_that_it_holds_are_two
//    4  class_death.c a_class_with_an_attribute_that_is_itself_is_collected
//    6  class_death.c an_instance_that_refers_to_itself_is_collected_and_its_class_with_it
//   11  gc.c nothing_is_found_where_nothing_is_garbage
//   15  gc.c a_hundred_cycles_count_as_a_hundred_in_the_result_and_in_the_statistics
//   33  gc.c the_counts_say_what_has_been_made_and_collected
//   35  gc.c each_generation_has_statistics_of_its_own
//   39  gc.c settings_are_what_was_set, gc_due.c the_largest_thresholds_are_never_reached
//   40  gc.c settings_are_what_was_set, a_threshold_of_0_or_disabling_stops_automatic_collection
//   41  gc.c making_many_objects_brings_a_collection_about
//   43  gc.c a_generation_that_does_not_exist_is_refused
//   44  gc_garbage.c with_save_all_a_list_in_itself_is_saved_whole
//   45  gc_garbage.c uncollectable_objects_at_shutdown_are_told_of_once, with_the_flag_each_is_told_of_at_shutdown,
//       with_save_all_there_is_no_warning_and_no_leak
//   49  gc_callbacks.c each_of_two_callbacks_is_called_at_the_start_and_at_the_stop_in_the_order_of_adding
//   50  gc_callbacks.c the_generation_is_told_in_every_call_and_the_result_at_the_stop
//   52  gc_callbacks.c errors_of_callbacks_are_reported_and_disturb_nobody, and here
//   55  finalize.c a_type_with_nothing_but_a_finalizer_has_it_called
//   56  finalize.c an_object_that_its_finalizer_brought_back_lives_and_is_not_finalized_again
//   61  weakref_gc.c a_ring_that_comes_back_has_lost_its_weak_references, and here
//   68  finalize.c every_finalizer_runs_before_anything_is_cleared
//   74  weakref_gc.c a_function_in_trash_is_whole_or_dead
#include "turns.h"
#include "weakrefs.h"

#include <errno.h>
#include <tally/gcwatch.h>
#include <tally/inspect.h>

// ---- helpers ----

static void collect_the_rest(void)
{
	while (tally_gc_collect(2) > 0)
		;
}

enum { MOST = 128 };
static struct {
	tally_object *object[MOST];
	int count;
} survivors;

static void survive(tally_object *self)
{
	if (survivors.count < MOST) survivors.object[survivors.count++] = tally_incref(self);
}

static void drop_survivors(void)
{
	int count = survivors.count;
	survivors.count = 0;
	for (int i = 0; i < count; i++) tally_decref(survivors.object[i]);
}

static void finalize_quietly(tally_object *self, void *context)
{
	(void)self;
	atomic_fetch_add(&((struct kind *)context)->finalized, 1);
}

static void finalize_and_survive(tally_object *self, void *context)
{
	finalize_quietly(self, context);
	survive(self);
}

static void finalize_and_cut(tally_object *self, void *context)
{
	finalize_quietly(self, context);
	CHECK_EQ(delete_attr(self, "next"), 1);
}

static int finalized(const struct kind *kind) { return atomic_load(&kind->finalized); }

// A class with that finalizer, whose calls are counted in *kind.
static tally_object *class_with(void (*finalize)(tally_object *self, void *context), struct kind **kind)
{
	*kind = kind_new();
	return CLASS(.name = "finalized", .context = *kind, .finalize = finalize);
}

// ---- A: what is collected ----

// 8
static void an_instance_that_stores_a_method_of_its_own_is_collected(void)
{
	tally_object *type = CLASS(.name = "bound"), *function_of_class = callable(fail_always, NULL, NULL);
	set_own(type, "run", function_of_class);
	tally_object *self = only_instance(type), *method = attr(self, "run");
	CHECK(method != NULL);
	set_own(self, "kept", method);
	CHECK_EQ(tally_refcount(self), 2); // the caller's, and the method's
	tally_decref(self);
	CHECK(tally_gc_collect(2) >= 2);
	CHECK_EQ(tally_gc_collect(2), 0);
}

// 15, second half: the figures rise by exactly what is returned, whatever else lives.
static void the_figures_rise_by_what_is_returned(void)
{
	tally_object *type = CLASS(.name = "cycle"), *kept = instance(type);
	set_attr(kept, "self", kept);
	CHECK_COLLECT(2, 0);
	for (int round = 1; round <= 3; round++) {
		tally_gc_stats before = stats_of(2);
		for (int i = 0; i < 100 * round; i++) {
			tally_object *self = instance(type);
			set_attr(self, "self", self);
			tally_decref(self);
		}
		CHECK_COLLECT(2, 100 * round);
		CHECK_EQ(stats_of(2).collected, before.collected + 100u * (unsigned)round);
		CHECK_EQ(stats_of(2).uncollectable, before.uncollectable);
		CHECK_EQ(stats_of(2).collections, before.collections + 1);
	}
	DROP(type, kept);
}

static void allocate_much(tally_object *self, void *context)
{
	finalize_quietly(self, context);
	tally_object *kept = must(tally_list_new());
	for (int i = 0; i < 200; i++) push_own(kept, list_in_itself());
	tally_decref(kept);
}

// 16
static void a_finalizer_that_allocates_at_a_threshold_of_1_does_no_harm(void)
{
	struct kind *kind;
	tally_object *type = class_with(allocate_much, &kind);
	set_thresholds(1, 1, 1);
	tally_gc_enable();
	for (int i = 0; i < 20; i++) {
		tally_object *self = instance(type);
		tally_decref(self); // by its count: collections run inside the finalizer
		CHECK_EQ(finalized(kind), 2 * i + 1);
		self = instance(type);
		set_attr(self, "self", self);
		tally_decref(self);
		while (finalized(kind) < 2 * i + 2) drop_lists_in_themselves(10);
	}
	tally_gc_disable();
	collect_the_rest();
	CHECK_EQ(finalized(kind), 40);
	tally_decref(type);
}

// ---- B: counts and generations ----

// 34
static void a_young_collection_moves_what_survives_to_the_next_generation(void)
{
	uint64_t count[3];
	CHECK_COLLECT(2, 0);
	tally_object *list = list_in_itself();
	CHECK_COLLECT(0, 0);
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK_EQ(count[1], 1);
	CHECK_EQ(count[2], 0);
	tally_decref(list);
	CHECK_COLLECT(0, 0); // it is there no more
	CHECK_COLLECT(1, 1); // but here
	CHECK_EQ(tally_gc_get_count(count), 0);
	CHECK_EQ(count[1], 0);
	CHECK_EQ(count[2], 1);
}

static unsigned nested_calls;

static void collect_inside(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	(void)phase, (void)collection, (void)context;
	drop_lists_in_themselves(5);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_gc_collect(i), 0);
	nested_calls++;
}

static void collect_in_finalizer(tally_object *self, void *context)
{
	finalize_quietly(self, context);
	for (int i = 0; i < 3; i++) CHECK_EQ(tally_gc_collect(i), 0);
}

static tally_object *collect_when_told(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	atomic_fetch_add(&((struct calls *)context)->count, 1);
	CHECK_EQ(tally_gc_collect(2), 0);
	return tally_none();
}

// 42: from everything of the host's that a collection runs.
static void a_collection_inside_a_collection_returns_0(void)
{
	struct kind *kind;
	struct calls calls = {.count = 0};
	int id = tally_gc_callback_add(collect_inside, NULL);
	tally_object *callback = callable(collect_when_told, &calls, NULL);
	nested_calls = 0;
	if (id <= 0 || !callback) tap_bail_out(tally_error_message());
	tally_object *self = only_instance(class_with(collect_in_finalizer, &kind)), *ref = weakref(self, callback);
	set_attr(self, "self", self);
	tally_decref(self);
	uint64_t before = collections();
	CHECK(tally_gc_collect(2) >= 6); // what the callback at the start has dropped included
	CHECK_EQ(collections(), before + 1);
	CHECK_EQ(nested_calls, 2);
	CHECK_EQ(finalized(kind), 1);
	CHECK_EQ(count_of(&calls), 1);
	CHECK_EQ(tally_gc_callback_remove(id), 0);
	CHECK_COLLECT(2, 5); // what the callback at the end has dropped
	DROP(ref, callback);
}

// ---- C: callbacks ----

static int added[3];
static unsigned heard;

static void hear(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	(void)phase, (void)collection, (void)context;
	heard++;
}

static void add_and_remove(enum tally_gc_phase phase, const tally_gc_collection *collection, void *context)
{
	(void)collection, (void)context;
	if (phase == TALLY_GC_START) added[1] = tally_gc_callback_add(hear, NULL);
	else if (added[1] > 0) CHECK_EQ(tally_gc_callback_remove(added[1]), 0);
}

// 52: while automatic collections happen.
static void callbacks_that_come_and_go_disturb_no_collection(void)
{
	heard = 0;
	set_thresholds(20, 2, 2);
	tally_gc_enable();
	added[0] = tally_gc_callback_add(add_and_remove, NULL);
	CHECK(added[0] > 0);
	for (int i = 0; i < 200; i++) {
		int id = tally_gc_callback_add(hear, NULL);
		CHECK(id > 0);
		drop_lists_in_themselves(30);
		CHECK_EQ(tally_gc_callback_remove(id), 0);
		drop_lists_in_themselves(30);
	}
	CHECK(collections() > 200);
	CHECK(heard > 100);
	tally_gc_disable();
	CHECK_EQ(tally_gc_callback_remove(added[0]), 0);
	collect_the_rest();
}

// ---- D: finalization, without cycles ----

// 53
static void an_object_by_its_count_is_finalized_once_and_its_weak_reference_dies(void)
{
	struct kind *kind;
	struct calls calls;
	tally_object *callback = recorder(&calls), *self = only_instance(class_with(finalize_quietly, &kind)), *ref = weakref(self, callback);
	tally_decref(self);
	CHECK_EQ(finalized(kind), 1);
	CHECK_DEAD(ref);
	CHECK_EQ(count_of(&calls), 1);
	collect_the_rest();
	CHECK_EQ(finalized(kind), 1);
	CHECK_EQ(count_of(&calls), 1);
	DROP(ref, callback);
}

// 54
static void an_object_by_its_count_that_comes_back_keeps_its_weak_reference(void)
{
	struct kind *kind;
	struct calls calls;
	tally_object *callback = recorder(&calls), *self = only_instance(class_with(finalize_and_survive, &kind)), *ref = weakref(self, callback);
	tally_decref(self);
	CHECK_EQ(finalized(kind), 1);
	CHECK_EQ(survivors.count, 1);
	CHECK_PTR(survivors.object[0], self);
	CHECK(leads_to(ref, self));
	CHECK_EQ(count_of(&calls), 0);
	CHECK(tally_gc_is_finalized(self));
	collect_the_rest();
	CHECK(leads_to(ref, self));
	drop_survivors();
	CHECK_EQ(finalized(kind), 1);
	CHECK_DEAD(ref);
	CHECK_EQ(count_of(&calls), 1);
	DROP(ref, callback);
}

// ---- D: in cycles ----

// 57
static void a_cycle_of_one_is_finalized_once_and_its_weak_reference_dies(void)
{
	struct kind *kind;
	tally_object *self = only_instance(class_with(finalize_quietly, &kind)), *ref = weakref(self, NULL);
	set_attr(self, "self", self);
	tally_decref(self);
	CHECK_EQ(finalized(kind), 0);
	CHECK(leads_to(ref, self));
	CHECK(tally_gc_collect(2) >= 1);
	CHECK_EQ(finalized(kind), 1);
	CHECK_DEAD(ref);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(finalized(kind), 1);
	tally_decref(ref);
}

// 58, 69, 71
static void a_cycle_of_one_that_comes_back_has_lost_its_weak_reference_and_is_not_counted(void)
{
	struct kind *kind;
	tally_object *type = class_with(finalize_and_survive, &kind), *self = instance(type), *ref = weakref(self, NULL);
	set_attr(self, "self", self);
	tally_decref(self);
	uint64_t before = stats_of(2).collected;
	CHECK_COLLECT(2, 0);
	CHECK_EQ(stats_of(2).collected, before);
	CHECK_EQ(finalized(kind), 1);
	CHECK_EQ(survivors.count, 1);
	CHECK_PTR(survivors.object[0], self);
	CHECK_DEAD(ref);
	tally_object *own = attr(self, "self"); // untouched
	CHECK_PTR(own, self);
	tally_decref(own);
	drop_survivors();
	CHECK_COLLECT(2, 1);
	CHECK_EQ(finalized(kind), 1);
	CHECK_EQ(survivors.count, 0);
	DROP(ref, type);
}

enum { RING = 6 };

struct links {
	tally_object *type[RING], *ref[RING];
	struct kind *kind[RING];
	tally_object *first;
};

// One instance of each of the classes, each of which refers to the next.
static void make_links(struct links *links, void (*const finalizers[])(tally_object *self, void *context), int count)
{
	tally_object *self[RING];
	for (int i = 0; i < count; i++) {
		links->type[i] = class_with(finalizers[i], &links->kind[i]);
		self[i] = instance(links->type[i]);
		links->ref[i] = weakref(self[i], NULL);
	}
	for (int i = 0; i < count; i++) set_attr(self[i], "next", self[(i + 1) % count]);
	for (int i = 1; i < count; i++) tally_decref(self[i]);
	links->first = self[0];
}

static void check_finalized_once(struct links *links, int count)
{
	for (int i = 0; i < count; i++) {
		CHECK_EQ(finalized(links->kind[i]), 1);
		CHECK_DEAD(links->ref[i]);
	}
}

static void drop_links(struct links *links, int count)
{
	for (int i = 0; i < count; i++) DROP(links->ref[i], links->type[i]);
}

// Each neighbour is whole: it has its own neighbour, and that one, too.
static void see_neighbours(tally_object *self, void *context)
{
	finalize_quietly(self, context);
	tally_object *at = tally_incref(self);
	for (int i = 0; i < 6; i++) {
		tally_object *next = attr(at, "next");
		tally_decref(at);
		if (!CHECK(next && tally_is_instance(next))) return;
		at = next;
	}
	CHECK_PTR(at, self);
	tally_decref(at);
}

// 60
static void finalizers_of_a_ring_of_three_see_it_whole(void)
{
	static void (*const finalizers[])(tally_object *, void *) = {see_neighbours, see_neighbours, see_neighbours};
	struct links links;
	make_links(&links, finalizers, 3);
	tally_decref(links.first);
	CHECK_COLLECT(2, 3);
	check_finalized_once(&links, 3);
	CHECK_COLLECT(2, 0);
	drop_links(&links, 3);
}

// 61
static void a_ring_of_three_that_come_back_is_freed_when_they_are_let_go(void)
{
	static void (*const finalizers[])(tally_object *, void *) = {finalize_and_survive, finalize_and_survive, finalize_and_survive};
	struct links links;
	make_links(&links, finalizers, 3);
	tally_decref(links.first);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(survivors.count, 3);
	check_finalized_once(&links, 3);
	drop_survivors();
	CHECK_COLLECT(2, 3);
	check_finalized_once(&links, 3);
	drop_links(&links, 3);
}

// 67
static void a_ring_of_two_rescuers_two_plain_ones_and_two_cutters(void)
{
	static void (*const finalizers[])(tally_object *, void *) = {
		finalize_and_survive, finalize_and_survive, finalize_quietly, finalize_quietly, finalize_and_cut, finalize_and_cut};
	struct links links;
	make_links(&links, finalizers, RING);
	tally_decref(links.first);
	CHECK_COLLECT(2, 1); // the last one, to which nobody leads any more
	CHECK_EQ(survivors.count, 2);
	check_finalized_once(&links, RING);
	drop_survivors();
	collect_the_rest();
	CHECK_EQ(survivors.count, 0);
	check_finalized_once(&links, RING);
	drop_links(&links, RING);
}

static unsigned whole_at_the_end;

// 68, for instances and lists and host objects at once: in no finalizer anything has been cleared.
static void look_at_everything(tally_object *self, struct node *node)
{
	(void)self;
	tally_object *list = node->link[1];
	size_t length = 0;
	CHECK_EQ(node_total.clear, 0);
	CHECK_EQ(tally_len(list, &length), 0);
	CHECK_EQ(length, 2);
	tally_object *of_class = tally_list_get(list, 0), *seven = of_class ? attr(of_class, "seven") : NULL;
	whole_at_the_end += take_value(seven) == 7;
	tally_decref(of_class);
}

static void in_no_finalizer_anything_of_any_kind_has_been_cleared(void)
{
	tally_object *type = node_type(NODE_WHOLE), *nodes = ring_of_nodes(type, 0, 20), *at = nodes;
	whole_at_the_end = 0;
	node_on_finalize = look_at_everything;
	do {
		tally_object *self = only_instance(CLASS(.name = "member")), *list = must(tally_list_from(&self, 1));
		set_int(self, "seven", 7);
		set_attr(self, "node", at);
		push(list, at);
		node_link(at, 1, list);
		DROP(self, list);
		at = node_of(at)->link[0];
	} while (at != nodes);
	tally_decref(nodes);
	CHECK(tally_gc_collect(2) >= 60);
	CHECK_EQ(whole_at_the_end, 20);
	CHECK_EQ(node_total.dealloc, 20);
}

// ---- D: errors ----

static void finalize_and_fail(tally_object *self, void *context)
{
	finalize_quietly(self, context);
	tally_error_set(TALLY_ERROR_VALUE, "the finalizer fails");
	errno = ENOSYS;
}

// 75: of every kind of object, by its count and by the collector.
static void an_error_of_a_finalizer_is_reported_and_stops_nothing(void)
{
	struct kind *kind;
	tally_object *type = class_with(finalize_and_fail, &kind);
	listen_to_failures();
	for (int i = 0; i < 5; i++) {
		tally_object *self = instance(type);
		set_attr(self, "self", self);
		tally_decref(self);
	}
	drop_lists_in_themselves(5);
	CHECK_COLLECT(2, 10);
	CHECK_EQ(finalized(kind), 5);
	CHECK_EQ(reports.count, 5);
	CHECK_STR(reports.message, "the finalizer fails");
	CHECK_EQ(reports.code, TALLY_ERROR_VALUE);
	tally_object *self = instance(type);
	tally_error_set(TALLY_ERROR_KEY, "mine");
	errno = EDOM;
	tally_decref(self);
	CHECK_EQ(errno, EDOM);
	CHECK_ERROR(TALLY_ERROR_KEY, "mine");
	CHECK_EQ(reports.count, 6);
	tally_unraisable_set(NULL, NULL);
	tally_decref(type);
}

static void fail_as_node(tally_object *self, struct node *node)
{
	(void)node;
	finalize_and_fail(self, kind_new());
}

static void an_error_of_a_host_types_finalizer_is_reported_and_stops_nothing(void)
{
	tally_object *type = node_type(NODE_WHOLE), *single = node_new(type, 20);
	node_on_finalize = fail_as_node;
	listen_to_failures();
	tally_decref(ring_of_nodes(type, 0, 5));
	CHECK_COLLECT(2, 5);
	CHECK_EQ(reports.count, 5);
	tally_decref(single);
	CHECK_EQ(reports.count, 6);
	CHECK_STR(reports.message, "the finalizer fails");
	CHECK_EQ(node_total.dealloc, 6);
	tally_unraisable_set(NULL, NULL);
}

static tally_object *fail_and_spoil(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	errno = ENOSYS;
	return fail_always(context, captured, arguments, count);
}

// 76
static void a_pending_error_survives_what_a_drop_and_a_collection_run(void)
{
	struct kind *kind;
	struct calls calls = {.count = 0};
	tally_object *type = class_with(finalize_and_fail, &kind), *callback = callable(fail_and_spoil, &calls, NULL);
	for (int collects = 0; collects < 2; collects++) {
		tally_object *self = instance(type), *ref = weakref(self, callback);
		if (collects) set_attr(self, "self", self);
		tally_error_set(TALLY_ERROR_KEY, "pending");
		errno = ERANGE;
		tally_decref(self);
		if (collects) CHECK(tally_gc_collect(2) >= 1);
		CHECK_EQ(errno, ERANGE);
		CHECK_ERROR(TALLY_ERROR_KEY, "pending");
		CHECK_EQ(finalized(kind), collects + 1);
		CHECK_EQ(count_of(&calls), collects + 1);
		tally_decref(ref);
	}
	DROP(type, callback);
}

int main(void)
{
	classes_begin(120);
	TAP_RUN(an_instance_that_stores_a_method_of_its_own_is_collected);
	TAP_RUN(the_figures_rise_by_what_is_returned);
	TAP_RUN(a_finalizer_that_allocates_at_a_threshold_of_1_does_no_harm);
	TAP_RUN(a_young_collection_moves_what_survives_to_the_next_generation);
	TAP_RUN(a_collection_inside_a_collection_returns_0);
	TAP_RUN(callbacks_that_come_and_go_disturb_no_collection);
	TAP_RUN(an_object_by_its_count_is_finalized_once_and_its_weak_reference_dies);
	TAP_RUN(an_object_by_its_count_that_comes_back_keeps_its_weak_reference);
	TAP_RUN(a_cycle_of_one_is_finalized_once_and_its_weak_reference_dies);
	TAP_RUN(a_cycle_of_one_that_comes_back_has_lost_its_weak_reference_and_is_not_counted);
	TAP_RUN(finalizers_of_a_ring_of_three_see_it_whole);
	TAP_RUN(a_ring_of_three_that_come_back_is_freed_when_they_are_let_go);
	TAP_RUN(a_ring_of_two_rescuers_two_plain_ones_and_two_cutters);
	TAP_RUN(in_no_finalizer_anything_of_any_kind_has_been_cleared);
	TAP_RUN(an_error_of_a_finalizer_is_reported_and_stops_nothing);
	TAP_RUN(an_error_of_a_host_types_finalizer_is_reported_and_stops_nothing);
	TAP_RUN(a_pending_error_survives_what_a_drop_and_a_collection_run);
	return tap_end();
}
