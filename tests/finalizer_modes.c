// tests/finalizer_modes.c: finalizers that do not run inline: what waits in the queue lives on, whatever killed it; each finalizer
// runs once, in order, and then the object dies or is collected; weak references meanwhile; errors; what happens without memory
// and at the end of the runtime. Threads that meet are in finalizer_threads.c, finalizers that run inline in finalize.c.
#include "deferred.h"

#include <errno.h>

// ---- one object, by its count ----

static void an_object_that_dies_waits_for_its_finalizer_and_then_dies(void)
{
	for (int i = 0; i < MODES * 2; i++) {
		begin_mode(deferred[i / 2]);
		tally_object *node = node_new(weak_node_type(i % 2), 0), *ref = weakref(node, NULL);
		tally_decref(node);
		CHECK_PENDING(1);
		check_calls(1, 0, 0);
		CHECK_EQ(tally_refcount(node), 1);
		CHECK(!tally_gc_is_finalized(node));
		CHECK(leads_to(ref, node));
		CHECK_COLLECT(2, 0);
		let_run();
		check_calls(1, 1, 1);
		CHECK_DEAD(ref);
		CHECK_COLLECT(2, 0);
		tally_decref(ref);
		end_mode();
		check_calls(1, 1, 1);
	}
}

static void an_object_that_its_queued_finalizer_keeps_lives_and_is_not_finalized_again(void)
{
	for (int i = 0; i < MODES * 2; i++) {
		begin_mode(deferred[i / 2]);
		begin_saving();
		node_on_finalize = save_self;
		tally_object *node = node_new(weak_node_type(i % 2), 0), *ref = weakref(node, NULL);
		tally_decref(node);
		let_run();
		check_calls(1, 1, 0);
		CHECK_EQ(saved.count, 1);
		CHECK_PTR(saved.object[0], node);
		CHECK_EQ(tally_refcount(node), 1);
		CHECK(tally_gc_is_finalized(node));
		CHECK(leads_to(ref, node));
		drop_saved();
		CHECK_PENDING(0);
		check_calls(1, 1, 1);
		CHECK_DEAD(ref);
		tally_decref(ref);
		end_mode();
	}
}

static void what_a_waiting_object_refers_to_is_intact(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *type = node_type(NODE_WHOLE), *probe_type = fixture_probe_type(), *node = node_new(type, 0);
		tally_object *list = must(tally_list_new());
		push_own(list, probe(probe_type, 0));
		node_link(node, 0, list);
		DROP(list, node);
		CHECK_EQ(atomic_load(&fixture_dead), 0);
		CHECK_EQ(length_of(node_of(node)->link[0]), 1);
		let_run();
		check_died_in_order(1);
		check_calls(1, 1, 1);
		end_mode();
	}
}

static void an_object_that_is_stored_while_it_waits_is_finalized_and_lives(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *node = node_new(weak_node_type(true), 0), *ref = weakref(node, NULL), *list = must(tally_list_new());
		tally_decref(node);
		tally_object *found = NULL;
		CHECK_EQ(tally_weakref_get(ref, &found), 1);
		CHECK_PTR(found, node);
		push_own(list, found);
		CHECK_EQ(tally_refcount(node), 2);
		let_run();
		check_calls(1, 1, 0);
		CHECK_EQ(tally_refcount(node), 1);
		CHECK_EQ(tally_list_clear(list), 0);
		check_calls(1, 1, 1);
		CHECK_PENDING(0);
		DROP(list, ref);
		end_mode();
	}
}

// The reference of the queue is one among others: it is not queued a second time.
static void an_object_that_is_taken_and_dropped_while_it_waits_is_queued_once(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *node = node_new(weak_node_type(true), 0), *ref = weakref(node, NULL), *found = NULL;
		tally_decref(node);
		for (int k = 0; k < 3; k++) {
			CHECK_EQ(tally_weakref_get(ref, &found), 1);
			tally_decref(found);
			CHECK_PENDING(1);
		}
		let_run();
		check_calls(1, 1, 1);
		tally_decref(ref);
		end_mode();
	}
}

static void inside_a_section_an_object_is_queued_at_its_end(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *node = node_new(node_type(NODE_WHOLE), 0), *list = must(tally_list_new());
		tally_critical section;
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		tally_decref(node);
		CHECK_PENDING(0);
		CHECK_EQ(tally_critical_end(&section), 0);
		CHECK_PENDING(1);
		check_calls(1, 0, 0);
		let_run();
		check_calls(1, 1, 1);
		tally_decref(list);
		end_mode();
	}
}

// ---- many ----

static int order[SAVED], ordered;

static void note_order(tally_object *self, struct node *node)
{
	(void)self;
	order[ordered++] = node->id;
}

static void finalizers_run_in_the_order_of_the_deaths(void)
{
	const int count = 1000;
	tally_object *type = node_type(NODE_WHOLE);
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		ordered = 0;
		node_on_finalize = note_order;
		for (int k = 0; k < count; k++) tally_decref(node_new(type, k));
		CHECK_PENDING(count);
		let_run();
		CHECK_EQ(ordered, count);
		for (int k = 0; k < count && k < ordered; k++)
			if (!CHECK_EQ(order[k], k)) break;
		check_calls(count, 1, 1);
		end_mode();
	}
}

static void a_host_runs_as_many_as_it_asks_for(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_mode(TALLY_FINALIZER_ON_DEMAND);
	for (int k = 0; k < 10; k++) tally_decref(node_new(type, k));
	CHECK_EQ(tally_finalizers_run(0), 0);
	CHECK_EQ(tally_finalizers_run(3), 3);
	CHECK_PENDING(7);
	check_calls(3, 1, 1);
	CHECK_EQ(node_total.finalize, 3);
	CHECK_EQ(tally_finalizers_run(7), 7);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 0);
	check_calls(10, 1, 1);
	end_mode();
}

static void what_a_container_held_is_queued_with_its_death(void)
{
	tally_object *type = node_type(NODE_WHOLE), *leaf = node_type(NODE_DEALLOC | NODE_FINALIZE);
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *list = must(tally_list_new()), *tuple;
		for (int k = 0; k < 10; k++) push_own(list, node_new(k % 2 ? type : leaf, k));
		tuple = must(tally_tuple_new(&list, 1));
		DROP(list, tuple);
		CHECK_PENDING(10);
		check_calls(10, 0, 0);
		let_run();
		check_calls(10, 1, 1);
		end_mode();
	}
}

// A node that dies drops the next, whose finalizer has its turn then.
static tally_object *chain_of(tally_object *type, int length)
{
	tally_object *first = node_new(type, NODE_IDS);
	for (int i = 1; i < length; i++) {
		tally_object *node = node_new(type, NODE_IDS);
		node_link(node, 0, first);
		tally_decref(first);
		first = node;
	}
	return first;
}

static void *drop_and_run(void *first)
{
	tally_token token = attached();
	tally_decref(first);
	while (tally_finalizer_get_mode() != TALLY_FINALIZER_THREAD && tally_finalizers_pending())
		CHECK(tally_finalizers_run(SIZE_MAX) > 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_chain_of_a_hundred_thousand_is_finalized_on_a_small_stack_in_each_mode(void)
{
	const unsigned length = tap_scale(100000u);
	tally_object *type = node_type(NODE_WHOLE);
	for (int mode = TALLY_FINALIZER_INLINE; mode <= TALLY_FINALIZER_THREAD; mode++) {
		nodes_forget();
		set_mode((enum tally_finalizer_mode)mode);
		tally_object *first = chain_of(type, (int)length);
		pthread_attr_t attributes;
		pthread_t thread;
		pthread_attr_init(&attributes);
		if (pthread_attr_setstacksize(&attributes, SANITIZED ? 256 * 1024 : 64 * 1024)) tap_bail_out("no stack of that size");
		if (pthread_create(&thread, &attributes, drop_and_run, first)) tap_bail_out("no thread");
		pthread_attr_destroy(&attributes);
		finish(thread);
		while (node_total.dealloc < length) {
			tally_safepoint(); // what this thread owns is dropped by it
			if (mode == TALLY_FINALIZER_ON_DEMAND) tally_finalizers_run(SIZE_MAX);
		}
		set_mode(TALLY_FINALIZER_INLINE);
		check_totals(length);
		CHECK_PENDING(0);
	}
}

// ---- by the collector ----

static void a_cycle_with_a_finalizer_waits_and_is_found_by_the_next_collection(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *node = node_new(weak_node_type(true), 0), *ref = weakref(node, NULL);
		node_link(node, 0, node);
		tally_decref(node);
		uint64_t before = stats_of(2).collected;
		CHECK_COLLECT(2, 0);
		CHECK_PENDING(1);
		CHECK_EQ(stats_of(2).collected, before);
		check_calls(1, 0, 0);
		CHECK_DEAD(ref); // by the collector: cleared before
		CHECK_EQ(tally_refcount(node), 2);
		CHECK_COLLECT(2, 0);
		CHECK_PENDING(1);
		let_run();
		check_calls(1, 1, 0);
		CHECK_COLLECT(2, 1);
		check_calls(1, 1, 1);
		CHECK_COLLECT(2, 0);
		tally_decref(ref);
		end_mode();
	}
}

static void a_cycle_that_its_queued_finalizer_keeps_is_not_finalized_again(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		begin_saving();
		node_on_finalize = save_self;
		tally_decref(ring_of_nodes(node_type(NODE_WHOLE), 0, 1));
		CHECK_COLLECT(2, 0);
		let_run();
		check_calls(1, 1, 0);
		CHECK_EQ(saved.count, 1);
		CHECK_COLLECT(2, 0);
		drop_saved();
		CHECK_COLLECT(2, 1);
		CHECK_PENDING(0);
		check_calls(1, 1, 1);
		end_mode();
	}
}

static tally_object *ring[SAVED];
static int ring_size;

static void make_ring(tally_object *type, int size)
{
	tally_decref(ring[0] = ring_of_nodes(type, 0, size));
	for (int i = 1; i < size; i++) ring[i] = node_of(ring[i - 1])->link[0];
	ring_size = size;
}

static void see_the_ring_intact(tally_object *self, struct node *node)
{
	CHECK_EQ(node_total.clear + node_total.dealloc, 0);
	CHECK_PTR(self, ring[node->id]);
	for (int i = 0; i < ring_size; i++) CHECK_PTR(node_of(ring[i])->link[0], ring[(i + 1) % ring_size]);
}

static void each_finalizer_of_a_queued_ring_sees_it_intact(void)
{
	static const int sizes[] = {2, 3, 100};
	for (int i = 0; i < MODES * 3; i++) {
		begin_mode(deferred[i / 3]);
		int size = sizes[i % 3];
		node_on_finalize = see_the_ring_intact;
		make_ring(node_type(NODE_WHOLE), size);
		CHECK_COLLECT(0, 0);
		CHECK_PENDING(size);
		let_run();
		check_calls(size, 1, 0);
		CHECK_COLLECT(2, size);
		check_calls(size, 1, 1);
		end_mode();
	}
}

static void a_queued_ring_in_which_all_come_back_lives_on(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		begin_saving();
		node_on_finalize = save_self;
		make_ring(node_type(NODE_WHOLE), 3);
		CHECK_COLLECT(2, 0);
		let_run();
		CHECK_COLLECT(2, 0);
		CHECK_EQ(saved.count, 3);
		check_calls(3, 1, 0);
		for (int k = 0; k < 3; k++) CHECK_PTR(node_of(ring[k])->link[0], ring[(k + 1) % 3]);
		drop_saved();
		CHECK_COLLECT(2, 3);
		check_calls(3, 1, 1);
		end_mode();
	}
}

// Coming back, nothing, cutting its own links.
static void mixed_finalizer(tally_object *self, struct node *node)
{
	if (node->id % 3 == 0) save(self);
	if (node->id % 3 == 2) node_unlink(node);
}

static void in_a_queued_ring_of_three_kinds_of_finalizers_those_kept_live(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		begin_saving();
		node_on_finalize = mixed_finalizer;
		tally_object *type = node_type(NODE_WHOLE);
		for (int k = 0; k < 6; k++) ring[k] = node_new(type, k);
		for (int k = 0; k < 6; k++) {
			node_link(ring[k], 0, ring[(k + 1) % 6]);
			node_link(ring[k], 1, ring[(k + 5) % 6]);
		}
		for (int k = 0; k < 6; k++) tally_decref(ring[k]);
		CHECK_COLLECT(2, 0);
		CHECK_PENDING(6);
		let_run();
		CHECK_EQ(saved.count, 2);
		check_calls(6, 1, 0); // each is a neighbour of one that was kept
		CHECK_COLLECT(2, 0);
		drop_saved();
		CHECK(tally_gc_collect(2) >= 0);
		check_calls(6, 1, 1);
		end_mode();
	}
}

// Of one cycle the queue keeps everything, of the other one nothing: it has no finalizer.
static void a_collection_counts_what_has_really_gone(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *whole = node_type(NODE_WHOLE), *plain = node_type(NODE_PLAIN);
		tally_object *kept = ring_of_nodes(whole, 0, 1), *held = list_in_itself();
		node_link(kept, 1, held);
		DROP(held, kept, ring_of_nodes(plain, 10, 5));
		drop_lists_in_themselves(7);
		CHECK_COLLECT(2, 5 + 7);
		CHECK_EQ(node_seen[10].dealloc, 1);
		CHECK_EQ(length_of(node_of(kept)->link[1]), 1);
		let_run();
		CHECK_COLLECT(2, 2);
		check_calls(1, 1, 1);
		end_mode();
	}
}

static void what_leads_to_a_queued_object_and_not_from_it_goes(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *node = node_new(node_type(NODE_WHOLE), 0), *list = list_in_itself();
		push_own(list, node);
		tally_decref(list);
		CHECK_COLLECT(2, 1); // the list
		CHECK_EQ(tally_refcount(node), 1);
		check_calls(1, 0, 0);
		let_run();
		check_calls(1, 1, 1); // by its count
		end_mode();
	}
}

static void objects_are_queued_while_collection_is_switched_off(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *type = node_type(NODE_WHOLE);
		tally_gc_disable();
		tally_gc_suspend();
		tally_decref(node_new(type, 0));
		tally_decref(ring_of_nodes(type, 1, 1));
		CHECK_PENDING(1);
		CHECK_COLLECT(2, 0); // on demand
		CHECK_PENDING(2);
		let_run();
		CHECK_EQ(tally_gc_resume(), 0);
		CHECK_COLLECT(2, 1);
		check_calls(2, 1, 1);
		end_mode();
	}
}

static void finalizers_of_automatic_collections_are_queued(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *type = node_type(NODE_WHOLE), *kept = must(tally_list_new());
		tally_decref(ring_of_nodes(type, 0, 5));
		set_thresholds(10, 1, 1);
		tally_gc_enable();
		while (tally_finalizers_pending() < 5 && length_of(kept) < 10000) push_own(kept, must(tally_list_new()));
		tally_gc_disable();
		CHECK_PENDING(5);
		check_calls(5, 0, 0);
		let_run();
		tally_decref(kept);
		CHECK_COLLECT(2, 5);
		check_calls(5, 1, 1);
		end_mode();
	}
}

static void with_saveall_a_finalized_cycle_goes_to_the_garbage_list(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		CHECK_EQ(tally_gc_set_debug(TALLY_GC_DEBUG_SAVEALL, NULL, NULL), 0);
		make_ring(node_type(NODE_WHOLE), 3);
		CHECK_COLLECT(2, 0);
		CHECK_EQ(length_of(tally_gc_garbage()), 0); // the queue has them
		let_run();
		CHECK_COLLECT(2, 3);
		CHECK_EQ(length_of(tally_gc_garbage()), 3);
		check_calls(3, 1, 0);
		CHECK_EQ(tally_gc_set_debug(0, NULL, NULL), 0);
		CHECK_EQ(tally_list_clear(tally_gc_garbage()), 0);
		CHECK_COLLECT(2, 3);
		check_calls(3, 1, 1);
		end_mode();
	}
}

// ---- weak references ----

static void a_callback_is_called_when_the_object_dies_and_not_when_it_is_queued(void)
{
	for (int i = 0; i < MODES; i++) {
		struct calls calls;
		begin_mode(deferred[i]);
		tally_object *callback = recorder(&calls), *node = node_new(weak_node_type(true), 0), *ref = weakref(node, callback);
		tally_decref(node);
		CHECK_EQ(count_of(&calls), 0);
		let_run();
		CHECK_EQ(count_of(&calls), 1);
		DROP(ref, callback);
		end_mode();
	}
}

// By the collector it is dead from then on, for one that is kept, too; one that is made while the object waits is not.
static void a_weak_reference_made_while_a_cycle_waits_dies_with_it(void)
{
	for (int i = 0; i < MODES; i++) {
		struct calls calls;
		begin_mode(deferred[i]);
		begin_saving();
		node_on_finalize = save_self;
		tally_object *callback = recorder(&calls), *node = node_new(weak_node_type(true), 0), *before = weakref(node, callback);
		node_link(node, 0, node);
		tally_decref(node);
		CHECK_COLLECT(2, 0);
		CHECK_EQ(count_of(&calls), 1);
		CHECK_DEAD(before);
		tally_object *meanwhile = weakref(node, NULL);
		let_run();
		CHECK(leads_to(meanwhile, node));
		CHECK_DEAD(before);
		drop_saved();
		CHECK_COLLECT(2, 1);
		CHECK_DEAD(meanwhile);
		DROP(before, meanwhile, callback);
		check_calls(1, 1, 1);
		end_mode();
	}
}

static void a_finalize_handle_is_called_when_the_object_really_dies(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *node = node_new(weak_node_type(true), 0), *call = packer();
		tally_object *handle = must(tally_finalize_new(node, call, NULL, 0));
		tally_decref(node);
		CHECK_EQ(tally_finalize_is_alive(handle), 1);
		let_run();
		CHECK_EQ(tally_finalize_is_alive(handle), 0);
		DROP(call, handle);
		end_mode();
	}
}

// ---- classes ----

static tally_object *kept_instance;

static void finalize_instance(tally_object *self, void *context)
{
	struct kind *kind = context;
	tally_object *name = text("name"), *value = NULL;
	CHECK_EQ(tally_attr_get(self, name, &value), 1);
	CHECK_EQ(take_value(value), 5);
	tally_decref(name);
	atomic_fetch_add(&kind->finalized, 1);
	if (kept_instance == tally_none()) kept_instance = tally_incref(self);
}

// Of classes with a table and with slots; dropped, in a cycle, kept.
static void instances_wait_in_the_queue_and_keep_their_class(void)
{
	static const char *const slots[] = {"name", "other"};
	for (int i = 0; i < MODES * 4; i++) {
		begin_mode(deferred[i / 4]);
		struct kind *kind = kind_new();
		bool in_cycle = i & 1, has_slots = i & 2;
		tally_object *type = CLASS(.name = "thing", .context = kind, .finalize = finalize_instance, .has_slots = has_slots,
		                           .slots = has_slots ? slots : NULL, .slot_count = has_slots ? 2 : 0);
		tally_object *self = only_instance(type);
		kept_instance = tally_none();
		set_int(self, "name", 5);
		if (in_cycle) set_attr(self, "other", self);
		tally_decref(self);
		CHECK_COLLECT(2, 0);
		CHECK_PENDING(1);
		CHECK_EQ(is_released(kind), 0);
		let_run();
		CHECK_EQ(atomic_load(&kind->finalized), 1);
		CHECK_PTR(kept_instance, self);
		CHECK_COLLECT(2, 0);
		CHECK_STR(tally_type_name(self), "thing");
		tally_decref(self);
		CHECK_COLLECT(2, in_cycle ? 2 : 1);
		CHECK_EQ(atomic_load(&kind->finalized), 1);
		CHECK_EQ(is_released(kind), 1);
		end_mode();
	}
}

// ---- errors ----

static void fail_or_not(tally_object *self, struct node *node)
{
	(void)self;
	CHECK_NO_ERROR();
	if (node->id == 1) tally_error_set(TALLY_ERROR_VALUE, "number %d fails", node->id);
	if (node->id == 2) CHECK(!tally_list_get(self, 0)); // ignored, and cleared
	if (node->id == 2) tally_error_clear();
	errno = EIO;
}

static void check_failure(unsigned count, const tally_object *source)
{
	CHECK_EQ(reports.count, count);
	CHECK_EQ(reports.code, TALLY_ERROR_VALUE);
	CHECK_STR(reports.message, "number 1 fails");
	CHECK_STR(reports.operation, "finalizer");
	CHECK_PTR(reports.source, source);
}

static void an_error_that_a_finalizer_leaves_goes_to_the_hook_and_stops_nothing(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	for (int mode = TALLY_FINALIZER_INLINE; mode <= TALLY_FINALIZER_THREAD; mode++) {
		for (int by_collector = 0; by_collector < 2; by_collector++) {
			begin_mode((enum tally_finalizer_mode)mode);
			listen_to_failures();
			node_on_finalize = fail_or_not;
			make_ring(type, 4);
			tally_object *failing = ring[1];
			tally_error_set(TALLY_ERROR_KEY, "mine");
			errno = EDOM;
			if (!by_collector) tally_decref(tally_incref(ring[0])), node_unlink(node_of(ring[3]));
			if (by_collector) CHECK_COLLECT(2, mode == TALLY_FINALIZER_INLINE ? 4 : 0);
			CHECK_EQ(errno, EDOM);
			if (mode != TALLY_FINALIZER_THREAD) {
				CHECK(tally_finalizers_run(SIZE_MAX) >= 0);
				CHECK_EQ(errno, EDOM);
			}
			CHECK_ERROR(TALLY_ERROR_KEY, "mine");
			let_run();
			check_failure(1, failing);
			tally_gc_collect(2);
			check_calls(4, 1, 1);
			end_mode();
		}
	}
}

static void fail_in_class(tally_object *self, void *context)
{
	(void)self;
	(void)context;
	CHECK_NO_ERROR();
	tally_error_set(TALLY_ERROR_VALUE, "number 1 fails");
}

static void an_error_in_the_finalizer_of_a_class_goes_to_the_hook(void)
{
	for (int mode = TALLY_FINALIZER_INLINE; mode <= TALLY_FINALIZER_THREAD; mode++) {
		begin_mode((enum tally_finalizer_mode)mode);
		listen_to_failures();
		tally_object *self = only_instance(CLASS(.finalize = fail_in_class));
		tally_decref(self);
		let_run();
		check_failure(1, self);
		end_mode();
	}
}

static tally_object *kept_by_hook;

static void keep_source(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	(void)code;
	(void)message;
	(void)operation;
	(void)context;
	kept_by_hook = tally_incref(source);
}

static void fail_always_1(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	tally_error_set(TALLY_ERROR_VALUE, "fails");
}

static void the_hook_may_keep_an_object_whose_finalizer_fails(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	for (int mode = TALLY_FINALIZER_INLINE; mode <= TALLY_FINALIZER_THREAD; mode++) {
		begin_mode((enum tally_finalizer_mode)mode);
		tally_unraisable_set(keep_source, NULL);
		node_on_finalize = fail_always_1;
		tally_object *node = node_new(type, 0);
		tally_decref(node);
		let_run();
		CHECK_PTR(kept_by_hook, node);
		check_calls(1, 1, 0);
		tally_unraisable_set(NULL, NULL);
		tally_decref(kept_by_hook);
		check_calls(1, 1, 1);
		end_mode();
	}
}

// ---- finalizers that use the queue ----

static int64_t ran_inside;

static void run_inside(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	ran_inside += tally_finalizers_run(SIZE_MAX);
}

static void a_finalizer_of_the_queue_runs_no_others(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		ran_inside = 0;
		node_on_finalize = run_inside;
		for (int k = 0; k < 100; k++) tally_decref(node_new(type, k));
		let_run();
		CHECK_EQ(ran_inside, 0);
		check_calls(100, 1, 1);
		end_mode();
	}
}

static tally_object *again_type;

static void make_another(tally_object *self, struct node *node)
{
	(void)self;
	if (node->id < 50) tally_decref(node_new(again_type, node->id + 1));
}

static void what_finalizers_of_the_queue_let_die_is_queued_behind(void)
{
	again_type = node_type(NODE_WHOLE);
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		node_on_finalize = make_another;
		tally_decref(node_new(again_type, 0));
		if (deferred[i] == TALLY_FINALIZER_ON_DEMAND) {
			CHECK_EQ(tally_finalizers_run(1), 1);
			CHECK_PENDING(1);
			check_calls(1, 1, 1);
		}
		let_run();
		check_calls(51, 1, 1);
		end_mode();
	}
}

static int mode_status;
static enum tally_error_code mode_error;

static void change_mode(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	mode_status = tally_finalizer_set_mode(TALLY_FINALIZER_INLINE);
	mode_error = tally_error_code();
	tally_error_clear();
}

static void a_finalizer_may_change_the_mode_but_not_on_the_librarys_thread(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		bool on_thread = deferred[i] == TALLY_FINALIZER_THREAD;
		node_on_finalize = change_mode;
		tally_decref(node_new(type, 0));
		let_run();
		CHECK_EQ(mode_status, on_thread ? -1 : 0);
		CHECK_EQ(mode_error, on_thread ? TALLY_ERROR_THREAD : TALLY_ERROR_NONE);
		CHECK_EQ(tally_finalizer_get_mode(), on_thread ? TALLY_FINALIZER_THREAD : TALLY_FINALIZER_INLINE);
		check_calls(1, 1, 1);
		end_mode();
	}
}

// ---- the mode ----

static void a_runtime_starts_with_finalizers_inline(void)
{
	CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_INLINE);
	CHECK_PENDING(0);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 0);
	tally_decref(node_new(node_type(NODE_WHOLE), 0));
	check_calls(1, 1, 1);
}

// What was queued before waits, whatever the mode is then.
static void a_mode_counts_for_what_dies_from_then_on(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	tally_decref(node_new(type, 0));
	set_mode(TALLY_FINALIZER_INLINE);
	CHECK_PENDING(1);
	tally_decref(node_new(type, 1));
	CHECK_EQ(node_seen[1].dealloc, 1);
	CHECK_EQ(node_seen[0].finalize, 0);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 1);
	check_calls(2, 1, 1);
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	tally_decref(node_new(type, 2));
	set_mode(TALLY_FINALIZER_THREAD); // the thread takes what is there
	wait_for_an_empty_queue();
	set_mode(TALLY_FINALIZER_INLINE);
	tally_safepoint();
	check_calls(3, 1, 1);
}

static void run_unattached_and_fail(void)
{
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "finalizers_run: ");
	CHECK_EQ(tally_finalizer_set_mode(TALLY_FINALIZER_ON_DEMAND), 0);
	CHECK_EQ(tally_finalizer_set_mode(TALLY_FINALIZER_THREAD), 0);
	CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_THREAD);
	CHECK_EQ(tally_finalizers_wait(0), 0);
	CHECK_EQ(tally_finalizers_pending(), 0);
	CHECK_EQ(tally_finalizer_set_mode(TALLY_FINALIZER_INLINE), 0);
}

static void what_cannot_be_done_is_an_error_and_changes_nothing(void)
{
	tally_object *list = must(tally_list_new());
	tally_critical section;
	CHECK_EQ(tally_finalizer_set_mode((enum tally_finalizer_mode)3), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "finalizer_set_mode: mode 3, expected 0, 1 or 2");
	CHECK_EQ(tally_finalizer_set_mode((enum tally_finalizer_mode)-1), -1);
	CHECK_FAILED(TALLY_ERROR_VALUE, "mode -1");
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_finalizer_set_mode(TALLY_FINALIZER_ON_DEMAND), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "finalizer_set_mode: a critical section");
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "finalizers_run: a critical section");
	CHECK_EQ(tally_finalizers_wait(0), -1);
	CHECK_FAILED(TALLY_ERROR_THREAD, "finalizers_wait: a critical section");
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_INLINE);
	run_unattached(run_unattached_and_fail);
	tally_decref(list);
}

static void a_wait_ends_with_its_time_or_with_what_it_waits_for(void)
{
	CHECK_EQ(tally_finalizers_wait(0), 0);
	CHECK_EQ(tally_finalizers_wait(1000000), 0);
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	tally_decref(node_new(node_type(NODE_WHOLE), 0));
	CHECK_EQ(tally_finalizers_wait(0), 1);
	CHECK_EQ(tally_finalizers_wait(UINT64_MAX), 1);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 1);
	CHECK_EQ(tally_finalizers_wait(0), 0);
	set_mode(TALLY_FINALIZER_INLINE);
}

// ---- without memory ----

// The queue has room for some; the others are found by a walk.
static void an_object_for_which_the_queue_has_no_memory_is_finalized_all_the_same(void)
{
	enum { COUNT = 3000 };
	tally_object *types[] = {node_type(NODE_WHOLE), node_type(NODE_DEALLOC | NODE_FINALIZE)}, **dying;
	if (!faults_are_offered()) return;
	dying = calloc(COUNT, sizeof *dying);
	for (int i = 0; i < MODES * 2; i++) {
		begin_mode(deferred[i / 2]);
		for (int k = 0; k < COUNT; k++) dying[k] = node_new(types[k % 2], k);
		CHECK(take_all_memory());
		for (int k = 0; k < COUNT; k++) tally_decref(dying[k]);
		CHECK_PENDING(COUNT);
		if (i) give_memory_back(); // else the walks have none either
		let_run();
		give_memory_back();
		CHECK_PENDING(0);
		check_calls(COUNT, 1, 1);
		end_mode();
	}
	free(dying);
}

static void among_lost_objects_are_large_ones_instances_and_some_that_somebody_has_taken(void)
{
	enum { COUNT = 2000, LARGE = 100000 };
	tally_host_type description = {
		.size = sizeof description, .name = "node", .payload_size = LARGE, .dealloc = node_dies, .finalize = node_is_finalized,
		.context = node_seen, .flags = TALLY_HOST_WEAKREF,
	};
	if (!faults_are_offered()) return;
	tally_object *type = node_type(NODE_WHOLE), *large_type = must(tally_host_type_new(&description)), *dying[COUNT];
	begin_mode(TALLY_FINALIZER_ON_DEMAND);
	struct kind *kind = kind_new();
	tally_object *self = only_instance(CLASS(.context = kind, .finalize = finalize_instance));
	set_int(self, "name", 5);
	kept_instance = NULL;
	for (int k = 0; k < COUNT; k++) dying[k] = node_new(type, k);
	tally_object *large = node_new(large_type, COUNT), *ref = weakref(large, NULL), *found = NULL;
	CHECK(take_all_memory());
	for (int k = 0; k < COUNT; k++) tally_decref(dying[k]);
	DROP(large, self);
	CHECK_EQ(tally_weakref_get(ref, &found), 1);
	give_memory_back();
	CHECK_PENDING(COUNT + 2);
	CHECK_COLLECT(2, 0);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), COUNT + 2);
	check_calls(COUNT, 1, 1);
	CHECK_EQ(node_seen[COUNT].finalize, 1);
	CHECK_EQ(node_seen[COUNT].dealloc, 0);
	CHECK_EQ(atomic_load(&kind->finalized), 1);
	tally_decref(found);
	CHECK_EQ(node_seen[COUNT].dealloc, 1);
	tally_decref(ref);
	end_mode();
}

static void lose_nodes(tally_object *type, int first, int count)
{
	tally_object *dying[SAVED];
	for (int k = 0; k < count; k++) dying[k] = node_new(type, first + k);
	CHECK(take_all_memory());
	for (int k = 0; k < count; k++) tally_decref(dying[k]);
	give_memory_back();
	CHECK_PENDING(count);
}

static void a_lost_object_that_was_found_and_kept_is_not_found_again(void)
{
	enum { COUNT = 800 };
	if (!faults_are_offered()) return;
	tally_object *type = node_type(NODE_WHOLE);
	begin_mode(TALLY_FINALIZER_ON_DEMAND);
	begin_saving();
	node_on_finalize = save_self;
	lose_nodes(type, 0, COUNT);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), COUNT);
	node_on_finalize = NULL;
	lose_nodes(type, COUNT, COUNT);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), COUNT);
	check_calls(COUNT, 1, 0);
	CHECK_EQ(saved.count, COUNT);
	for (int k = 0; k < COUNT; k++)
		if (!CHECK_EQ(tally_refcount(saved.object[k]), 1)) break;
	drop_saved();
	check_calls(2 * COUNT, 1, 1);
	end_mode();
}

static void whichever_allocation_of_a_collection_fails_each_finalizer_runs_once(void)
{
	enum { CYCLES = 1200 };
	tally_object *type = node_type(NODE_WHOLE);
	if (!faults_are_offered()) return;
	bool failed = true;
	for (uint64_t n = 1; failed && n < 100000; n += n / 8 + 1) { // the hard build has small chunks
		begin_mode(TALLY_FINALIZER_ON_DEMAND);
		for (int k = 0; k < CYCLES; k++) tally_decref(ring_of_nodes(type, k, 1));
		CHECK_EQ(tally_heap_fail(n, false), 0);
		int64_t found = tally_gc_collect(2);
		failed = tally_heap_attempts() >= n;
		give_memory_back();
		tally_error_clear();
		CHECK(found == 0 || found == -1);
		if (found < 0) CHECK_PENDING(0);
		else CHECK_PENDING(CYCLES);
		CHECK(tally_gc_collect(2) == 0);
		let_run();
		check_calls(CYCLES, 1, 0);
		CHECK_COLLECT(2, CYCLES);
		check_calls(CYCLES, 1, 1);
		end_mode();
	}
	CHECK(!failed);
}

// ---- the end of the runtime ----

static void end_the_runtime(void)
{
	uint64_t leaked = 77;
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	if (!CHECK_EQ(tally_fini(UINT64_C(10000000000), &leaked), 0)) tap_note("%s", tally_error_message());
	CHECK_EQ(leaked, 0);
}

// The queue is full of what died by its count, what was collected, and what nobody has found yet.
static void what_is_queued_at_the_end_of_the_runtime_is_finalized(void)
{
	for (int mode = TALLY_FINALIZER_INLINE; mode <= TALLY_FINALIZER_THREAD; mode++) {
		set_mode((enum tally_finalizer_mode)mode);
		tally_object *type = node_type(NODE_WHOLE);
		for (int k = 0; k < 600; k++) tally_decref(node_new(type, k));
		for (int k = 0; k < 100; k++) tally_decref(ring_of_nodes(type, 600 + k, 1));
		CHECK(tally_gc_collect(2) >= 0);
		for (int k = 0; k < 100; k++) tally_decref(ring_of_nodes(type, 700 + k, 1));
		end_the_runtime();
		check_calls(800, 1, 1);
		CHECK_PENDING(0);
		CHECK_EQ(tally_finalizer_set_mode(TALLY_FINALIZER_INLINE), -1);
		CHECK_FAILED(TALLY_ERROR_CLOSING, "finalizer_set_mode: ");
		CHECK_EQ(tally_finalizers_wait(0), -1);
		CHECK_FAILED(TALLY_ERROR_CLOSING, "finalizers_wait: ");
		classes_start();
		CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_INLINE);
	}
}

static void make_garbage_again(tally_object *self, struct node *node)
{
	(void)self;
	if (node->id >= 20) return;
	tally_object *another = node_new(again_type, node->id + 1);
	if (node->id % 2) node_link(another, 0, another);
	tally_decref(another);
}

static void what_finalizers_make_while_the_runtime_ends_is_finalized_too(void)
{
	for (int mode = TALLY_FINALIZER_INLINE; mode <= TALLY_FINALIZER_THREAD; mode++) {
		set_mode((enum tally_finalizer_mode)mode);
		again_type = node_type(NODE_WHOLE);
		node_on_finalize = make_garbage_again;
		tally_object *node = node_new(again_type, 0);
		if (mode == TALLY_FINALIZER_THREAD) node_link(node, 0, node); // else the thread is at it already
		tally_decref(node);
		end_the_runtime();
		check_calls(21, 1, 1);
		classes_start();
	}
}

static void lost_objects_are_found_at_the_end_of_the_runtime(void)
{
	enum { COUNT = 2000 };
	tally_object *type = node_type(NODE_WHOLE), *dying[COUNT];
	if (!faults_are_offered()) return;
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	for (int k = 0; k < COUNT; k++) dying[k] = node_new(type, k);
	CHECK(take_all_memory());
	for (int k = 0; k < COUNT; k++) tally_decref(dying[k]);
	give_memory_back();
	end_the_runtime();
	check_calls(COUNT, 1, 1);
	classes_start();
}

// What a program has for globals: a dict of functions, texts, classes and other things, in a cycle with the instances whose
// finalizers use it.
static struct {
	int looked_up, called, weak, total;
} module_seen;

static int64_t take_global(tally_object *module, const char *name)
{
	tally_object *key = text(name), *value = NULL;
	CHECK_EQ(tally_dict_get(module, key, &value), 1);
	tally_decref(key);
	return take_value(value);
}

static void use_globals(tally_object *module)
{
	tally_object *key = text("function"), *callee = NULL, *argument = text("argument"), *result;
	module_seen.looked_up += take_global(module, "answer") == 42;
	CHECK_EQ(tally_dict_get(module, key, &callee), 1);
	result = callee ? tally_call(callee, &argument, 1) : NULL;
	if (CHECK(result && tally_is_tuple(result))) module_seen.called++;
	DROP(key, callee, argument, result);
}

static void use_class(tally_object *self)
{
	module_seen.called += attr_int(self, "of_class") == 7;
	tally_object *packed = call_attr(self, "method", NULL, 0); // its own class's method
	if (CHECK(packed)) module_seen.called++;
	tally_decref(packed);
}

static void use_weak_reference(tally_object *module)
{
	tally_object *key = text("weak"), *ref = NULL, *found = NULL;
	CHECK_EQ(tally_dict_get(module, key, &ref), 1);
	if (ref) module_seen.weak += tally_weakref_get(ref, &found) >= 0; // garbage itself: dead, but whole
	DROP(key, ref, found);
}

static void use_the_module(tally_object *self, void *context)
{
	struct kind *kind = context;
	tally_object *module = attr(self, "module");
	module_seen.total++;
	atomic_fetch_add(&kind->finalized, 1);
	if (!CHECK(module && tally_is_dict(module))) return;
	use_globals(module);
	use_class(self);
	use_weak_reference(module);
	tally_object *shown = tally_repr(self), *name = text("interned"), *interned = must(tally_str_intern(name));
	CHECK(shown);
	DROP(shown, module, name, interned);
}

static void set_global(tally_object *module, const char *name, tally_object *value)
{
	tally_object *key = text(name);
	put(module, key, value);
	DROP(key, value);
}

static tally_object *make_module(struct kind *kind, int instances)
{
	tally_object *module = must(tally_dict_new()), *callee = packer();
	tally_object *type = CLASS(.name = "user", .context = kind, .finalize = use_the_module);
	set_int(type, "of_class", 7);
	set_attr(type, "method", callee);
	set_global(module, "weak", weakref(callee, NULL));
	set_global(module, "function", callee);
	set_global(module, "answer", integer(42));
	set_global(module, "itself", tally_incref(module));
	for (int i = 0; i < instances; i++) {
		char name[32];
		snprintf(name, sizeof name, "instance %d", i);
		tally_object *self = instance(type);
		set_attr(self, "module", module);
		set_global(module, name, self);
	}
	set_global(module, "class", type);
	return module;
}

static void finalizers_at_the_end_of_the_runtime_find_their_globals(void)
{
	for (int round = 0; round < 6; round++) {
		bool is_found_before = round % 2; // and waits in the queue; or else nobody has collected yet
		set_mode((enum tally_finalizer_mode)(round / 2));
		struct kind *kind = kind_new();
		memset(&module_seen, 0, sizeof module_seen);
		if (round / 2 == TALLY_FINALIZER_THREAD && is_found_before) begin_mode(TALLY_FINALIZER_THREAD);
		tally_object *module = make_module(kind, 10);
		if (round / 2 != TALLY_FINALIZER_INLINE || !is_found_before) tally_decref(module);
		if (is_found_before) CHECK_COLLECT(2, 0);
		if (round / 2 == TALLY_FINALIZER_INLINE && is_found_before) tally_decref(module);
		pull_plug();
		end_the_runtime();
		CHECK_EQ(module_seen.total, 10);
		CHECK_EQ(module_seen.looked_up, 10);
		CHECK_EQ(module_seen.called, 30);
		CHECK_EQ(module_seen.weak, 10);
		CHECK_EQ(is_released(kind), 1);
		classes_start();
	}
}

int main(void)
{
	classes_begin(180);
	TAP_RUN(an_object_that_dies_waits_for_its_finalizer_and_then_dies);
	TAP_RUN(an_object_that_its_queued_finalizer_keeps_lives_and_is_not_finalized_again);
	TAP_RUN(what_a_waiting_object_refers_to_is_intact);
	TAP_RUN(an_object_that_is_stored_while_it_waits_is_finalized_and_lives);
	TAP_RUN(an_object_that_is_taken_and_dropped_while_it_waits_is_queued_once);
	TAP_RUN(inside_a_section_an_object_is_queued_at_its_end);
	TAP_RUN(finalizers_run_in_the_order_of_the_deaths);
	TAP_RUN(a_host_runs_as_many_as_it_asks_for);
	TAP_RUN(what_a_container_held_is_queued_with_its_death);
	TAP_RUN(a_chain_of_a_hundred_thousand_is_finalized_on_a_small_stack_in_each_mode);
	TAP_RUN(a_cycle_with_a_finalizer_waits_and_is_found_by_the_next_collection);
	TAP_RUN(a_cycle_that_its_queued_finalizer_keeps_is_not_finalized_again);
	TAP_RUN(each_finalizer_of_a_queued_ring_sees_it_intact);
	TAP_RUN(a_queued_ring_in_which_all_come_back_lives_on);
	TAP_RUN(in_a_queued_ring_of_three_kinds_of_finalizers_those_kept_live);
	TAP_RUN(a_collection_counts_what_has_really_gone);
	TAP_RUN(what_leads_to_a_queued_object_and_not_from_it_goes);
	TAP_RUN(objects_are_queued_while_collection_is_switched_off);
	TAP_RUN(finalizers_of_automatic_collections_are_queued);
	TAP_RUN(with_saveall_a_finalized_cycle_goes_to_the_garbage_list);
	TAP_RUN(a_callback_is_called_when_the_object_dies_and_not_when_it_is_queued);
	TAP_RUN(a_weak_reference_made_while_a_cycle_waits_dies_with_it);
	TAP_RUN(a_finalize_handle_is_called_when_the_object_really_dies);
	TAP_RUN(instances_wait_in_the_queue_and_keep_their_class);
	TAP_RUN(an_error_that_a_finalizer_leaves_goes_to_the_hook_and_stops_nothing);
	TAP_RUN(an_error_in_the_finalizer_of_a_class_goes_to_the_hook);
	TAP_RUN(the_hook_may_keep_an_object_whose_finalizer_fails);
	TAP_RUN(a_finalizer_of_the_queue_runs_no_others);
	TAP_RUN(what_finalizers_of_the_queue_let_die_is_queued_behind);
	TAP_RUN(a_finalizer_may_change_the_mode_but_not_on_the_librarys_thread);
	TAP_RUN(a_runtime_starts_with_finalizers_inline);
	TAP_RUN(a_mode_counts_for_what_dies_from_then_on);
	TAP_RUN(what_cannot_be_done_is_an_error_and_changes_nothing);
	TAP_RUN(a_wait_ends_with_its_time_or_with_what_it_waits_for);
	TAP_RUN(an_object_for_which_the_queue_has_no_memory_is_finalized_all_the_same);
	TAP_RUN(among_lost_objects_are_large_ones_instances_and_some_that_somebody_has_taken);
	TAP_RUN(a_lost_object_that_was_found_and_kept_is_not_found_again);
	TAP_RUN(whichever_allocation_of_a_collection_fails_each_finalizer_runs_once);
	TAP_RUN(what_is_queued_at_the_end_of_the_runtime_is_finalized);
	TAP_RUN(what_finalizers_make_while_the_runtime_ends_is_finalized_too);
	TAP_RUN(lost_objects_are_found_at_the_end_of_the_runtime);
	TAP_RUN(finalizers_at_the_end_of_the_runtime_find_their_globals);
	return tap_end();
}
