// tests/finalizer_threads.c: the queue of finalizers between threads: droppers, pumpers, collectors, changes of the mode, the thread of the
// library, stops of the world and the shutdown. Each finalizer runs once, whoever meets. What one thread sees is in
// finalizer_modes.c.
#include "deferred.h"
#include "duel.h"

#include <dirent.h>
#include <signal.h>

static tally_object *shared_type;

// ---- the thread of the library ----

static struct {
	stage at;
	pthread_t thread;
	sigset_t blocked;
	char name[32];
} watched;

static void watch_thread(tally_object *self, struct node *node)
{
	(void)self;
	(void)node;
	CHECK(tally_thread_is_attached());
	watched.thread = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &watched.blocked);
	pthread_getname_np(pthread_self(), watched.name, sizeof watched.name);
	reach(&watched.at, 1);
}

static void the_thread_is_another_one_and_has_a_name_and_no_signals(void)
{
	reach(&watched.at, 0);
	node_on_finalize = watch_thread;
	set_mode(TALLY_FINALIZER_THREAD);
	tally_decref(node_new(node_type(NODE_WHOLE), 0));
	await(&watched.at, 1);
	CHECK(!pthread_equal(watched.thread, pthread_self()));
	CHECK_STR(watched.name, "tally finalizer");
	CHECK_EQ(sigismember(&watched.blocked, SIGUSR1), 1);
	CHECK_EQ(sigismember(&watched.blocked, SIGINT), 1);
	set_mode(TALLY_FINALIZER_INLINE);
	tally_safepoint();
	check_totals(1);
}

static int count_threads(void)
{
	int count = 0;
	DIR *tasks = opendir("/proc/self/task");
	for (struct dirent *entry; tasks && (entry = readdir(tasks));) count += entry->d_name[0] != '.';
	if (tasks) closedir(tasks);
	return count;
}

static void there_is_one_thread_and_only_while_the_mode_asks_for_it(void)
{
	char report[4096];
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	tally_threads_report(report, sizeof report);
	CHECK(!strstr(report, "tally finalizer"));
	for (int i = 0; i < 3; i++) {
		set_mode(TALLY_FINALIZER_THREAD);
		tally_threads_report(report, sizeof report);
		CHECK(strstr(report, "tally finalizer"));
	}
	int with = count_threads();
	set_mode(TALLY_FINALIZER_THREAD);
	CHECK_EQ(count_threads(), with);
	set_mode(TALLY_FINALIZER_INLINE);
	tally_threads_report(report, sizeof report);
	CHECK(!strstr(report, "tally finalizer"));
}

// One at a time, so that the thread falls asleep, or is about to, before each.
static void the_thread_wakes_for_each_object(void)
{
	const unsigned rounds = tap_scale(2000u);
	tally_object *type = node_type(NODE_WHOLE);
	uint64_t state = fixture_seed(0);
	set_mode(TALLY_FINALIZER_THREAD);
	for (unsigned i = 0; i < rounds; i++) {
		tally_decref(node_new(type, NODE_IDS));
		tally_blocking_begin();
		while (node_total.finalize < i + 1) sched_yield();
		for (volatile unsigned k = below(&state, 1u << below(&state, 14)); k > 0; k--)
			;
		tally_blocking_end();
	}
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_totals(rounds);
}

static struct {
	stage at;
	atomic_bool has_ended;
} slow;

static void be_slow(tally_object *self, struct node *node)
{
	(void)self;
	if (node->id != 0) return;
	reach(&slow.at, 1);
	await(&slow.at, 2);
	atomic_store(&slow.has_ended, true);
}

static void *let_go_of_the_slow_one(void *unused)
{
	(void)unused;
	await(&slow.at, 1);
	for (int i = 0; i < 1000; i++) sched_yield();
	reach(&slow.at, 2);
	return NULL;
}

static void begin_slow(int behind)
{
	reach(&slow.at, 0);
	atomic_store(&slow.has_ended, false);
	node_on_finalize = be_slow;
	set_mode(TALLY_FINALIZER_THREAD);
	tally_object *type = node_type(NODE_WHOLE);
	for (int i = 0; i <= behind; i++) {
		tally_decref(node_new(type, i));
		if (i == 0) await(&slow.at, 1);
	}
}

static void a_change_of_the_mode_waits_for_the_finalizer_that_runs_and_for_no_other(void)
{
	begin_slow(10);
	pthread_t helper = spawn(let_go_of_the_slow_one, NULL);
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	CHECK(atomic_load(&slow.has_ended));
	CHECK_PENDING(10);
	CHECK_EQ(node_total.finalize, 1);
	finish(helper);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 10);
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_totals(11);
}

// While the thread is in a finalizer others may pump.
static void another_thread_may_run_what_waits_behind_a_slow_finalizer(void)
{
	begin_slow(10);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 10);
	CHECK(!atomic_load(&slow.has_ended));
	CHECK_EQ(node_seen[10].dealloc, 1);
	reach(&slow.at, 2);
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_totals(11);
}

// ---- the shutdown ----

enum { SOON = 1000000 };

static void a_shutdown_that_a_finalizer_holds_up_fails_and_changes_nothing(void)
{
	begin_slow(10);
	CHECK_EQ(tally_thread_detach(fixture_token), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tally_fini(i ? SOON : 0, NULL), -1);
		CHECK_FAILED(TALLY_ERROR_TIMEOUT, "fini: a finalizer is still running");
	}
	if (tally_thread_attach(&fixture_token)) tap_bail_out(tally_error_message());
	CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_THREAD);
	CHECK_PENDING(10);
	reach(&slow.at, 2);
	wait_for_an_empty_queue();
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_totals(11);
}

static stage visit;

static void *visit_for_long(void *unused)
{
	(void)unused;
	tally_token token = attached();
	reach(&visit, 1);
	await(&visit, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// The thread has ended by then; it is started again.
static void after_a_shutdown_that_another_thread_held_up_the_thread_goes_on(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	set_mode(TALLY_FINALIZER_THREAD);
	reach(&visit, 0);
	pthread_t visitor = spawn(visit_for_long, NULL);
	await(&visit, 1);
	for (unsigned i = 1; i <= 3; i++) {
		CHECK_EQ(tally_thread_detach(fixture_token), 0);
		CHECK_EQ(tally_fini(SOON, NULL), -1);
		CHECK_FAILED(TALLY_ERROR_TIMEOUT, "fini: 1 thread");
		if (tally_thread_attach(&fixture_token)) tap_bail_out(tally_error_message());
		CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_THREAD);
		tally_decref(node_new(type, 0));
		tally_blocking_begin();
		while (node_total.finalize < i) sched_yield();
		tally_blocking_end();
	}
	reach(&visit, 2);
	finish(visitor);
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_totals(3);
}

static void an_idle_thread_does_not_hold_up_a_shutdown(void)
{
	int before = count_threads();
	for (int i = 0; i < 20; i++) {
		uint64_t leaked = 77;
		set_mode(TALLY_FINALIZER_THREAD);
		if (i % 2) {
			tally_decref(node_new(node_type(NODE_WHOLE), 0));
			wait_for_an_empty_queue();
			set_mode(TALLY_FINALIZER_ON_DEMAND);
			set_mode(TALLY_FINALIZER_THREAD);
		}
		CHECK_EQ(tally_thread_detach(fixture_token), 0);
		if (!CHECK_EQ(tally_fini(i % 2 ? 0 : UINT64_MAX, &leaked), 0)) {
			tap_note("%s", tally_error_message());
			CHECK_EQ(tally_fini(UINT64_MAX, &leaked), 0);
		}
		CHECK_EQ(leaked, 0);
		classes_start();
		CHECK_EQ(tally_finalizer_get_mode(), TALLY_FINALIZER_INLINE);
	}
	CHECK(count_threads() <= before + 1); // one that has been joined may still be listed
}

static stage waiting;

static void *wait_for_finalizers(void *status)
{
	tally_token token = attached();
	reach(&waiting, 1);
	*(int *)status = tally_finalizers_wait(UINT64_MAX);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void *wait_unattached(void *status)
{
	reach(&waiting, 1);
	*(int *)status = tally_finalizers_wait(UINT64_MAX);
	return NULL;
}

static void a_thread_that_waits_is_told_of_an_object_and_of_the_end(void)
{
	void *(*const waits[])(void *) = {wait_for_finalizers, wait_unattached};
	for (int i = 0; i < 4; i++) {
		int status = 77;
		bool ends = i / 2;
		reach(&waiting, 0);
		set_mode(TALLY_FINALIZER_ON_DEMAND);
		pthread_t waiter = spawn(waits[i % 2], &status);
		await(&waiting, 1);
		if (!ends) {
			tally_decref(node_new(node_type(NODE_WHOLE), 0));
			finish(waiter);
		} else {
			CHECK_EQ(tally_thread_detach(fixture_token), 0);
			CHECK_EQ(tally_fini(UINT64_MAX, NULL), 0);
			finish(waiter);
			classes_start();
		}
		CHECK_EQ(status, ends ? -1 : 1);
		set_mode(TALLY_FINALIZER_INLINE);
		CHECK_EQ(tally_finalizers_run(SIZE_MAX), ends ? 0 : 1);
		fixture_settle();
	}
}

// ---- stops of the world ----

static struct {
	atomic_uint ran; // finalizers after the one that saw the stop being asked for, and before the stop
	atomic_bool is_asked, has_stopped;
	stage at;
} stopping;

// Waits, attached and without a point, until it sees that it is asked to stop.
static void see_the_stop_asked_for(tally_object *self, struct node *node)
{
	static char report[1 << 16];
	(void)self;
	if (node->id > 0) {
		atomic_fetch_add(&stopping.ran, !atomic_load(&stopping.has_stopped));
		return;
	}
	reach(&stopping.at, 1);
	do {
		tally_threads_report(report, sizeof report);
	} while (!strstr(report, "was asked to stop"));
	atomic_store(&stopping.is_asked, true);
}

// The world stands still.
static int note_the_stop(const tally_heap_block *block, void *context)
{
	(void)block;
	(void)context;
	atomic_store(&stopping.has_stopped, true);
	return 1;
}

static void the_thread_stops_between_two_finalizers(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	begin_mode(TALLY_FINALIZER_THREAD);
	reach(&stopping.at, 0);
	atomic_store(&stopping.ran, 0);
	atomic_store(&stopping.is_asked, false);
	atomic_store(&stopping.has_stopped, false);
	node_on_finalize = see_the_stop_asked_for;
	for (int i = 0; i < 2000; i++) tally_decref(node_new(type, i));
	pull_plug();
	await(&stopping.at, 1);
	CHECK_EQ(tally_heap_walk(note_the_stop, NULL), 1);
	CHECK(atomic_load(&stopping.is_asked));
	CHECK_EQ(atomic_load(&stopping.ran), 0);
	end_mode();
	check_totals(2000);
}

// ---- two pumpers, a pumper and a collector, a pumper and whoever upgrades ----

static struct {
	stage at;
	int64_t ran_by_other;
} pumping;

static void meet_other_pumper(tally_object *self, struct node *node)
{
	(void)self;
	if (node->id != 0) return;
	reach(&pumping.at, 1);
	await(&pumping.at, 2);
}

static void *pump_the_rest(void *unused)
{
	(void)unused;
	tally_token token = attached();
	await(&pumping.at, 1);
	pumping.ran_by_other = tally_finalizers_run(SIZE_MAX);
	reach(&pumping.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void two_pumpers_share_the_queue(void)
{
	tally_object *type = node_type(NODE_WHOLE);
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	reach(&pumping.at, 0);
	node_on_finalize = meet_other_pumper;
	for (int i = 0; i < 100; i++) tally_decref(node_new(type, i));
	pthread_t other = spawn(pump_the_rest, NULL);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 1);
	finish(other);
	CHECK_EQ(pumping.ran_by_other, 99);
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_calls(100, 1, 1);
}

// The finalizer of a ring's first node runs while a collection looks at the ring a second time: it is kept. And the collection
// that comes when it has ended finds it.
static void *collect_meanwhile(void *found)
{
	tally_token token = attached();
	await(&pumping.at, 1);
	*(int64_t *)found = tally_gc_collect(2);
	reach(&pumping.at, 2);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_collection_keeps_what_a_finalizer_that_runs_elsewhere_has(void)
{
	int64_t found = 77;
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	reach(&pumping.at, 0);
	node_on_finalize = meet_other_pumper;
	tally_decref(ring_of_nodes(node_type(NODE_WHOLE), 0, 5));
	CHECK_COLLECT(2, 0);
	CHECK_PENDING(5);
	pthread_t other = spawn(collect_meanwhile, &found);
	CHECK_EQ(tally_finalizers_run(SIZE_MAX), 5);
	finish(other);
	CHECK_EQ(found, 0);
	CHECK_COLLECT(2, 5);
	set_mode(TALLY_FINALIZER_INLINE);
	check_calls(5, 1, 1);
}

static unsigned rounds_of(unsigned number) { return tap_scale(number); }

// The collector queues a ring, and the other one pumps it, while it looks at it for the second time, clears, or has gone.
static void collect_and_pump(void *unused, unsigned number)
{
	const unsigned rounds = rounds_of(400);
	(void)unused;
	duel_enter(number);
	for (unsigned round = 0; round < rounds; round++) {
		if (number == 0) tally_decref(ring_of_nodes(shared_type, NODE_IDS, 3));
		duel_wait(number);
		duel_meet(number);
		if (number == 0) CHECK(tally_gc_collect(0) >= 0);
		else while (tally_finalizers_pending() || below(&duel.state[1], 4)) tally_finalizers_run(SIZE_MAX);
		duel_wait(number);
		if (number == 1) tally_finalizers_run(SIZE_MAX);
		tally_safepoint();
		duel_wait(number);
		if (number == 0) CHECK(tally_gc_collect(2) >= 0);
		duel_wait(number);
		if (!CHECK_EQ(node_total.dealloc, (round + 1) * 3)) break;
	}
}

static void a_ring_that_is_pumped_while_it_is_collected_is_finalized_once(void)
{
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	shared_type = node_type(NODE_WHOLE);
	duel_begin();
	run_threads(2, collect_and_pump, NULL);
	set_mode(TALLY_FINALIZER_INLINE);
	check_totals(rounds_of(400) * 3);
}

// One drops the last reference and pumps, the other one upgrades.
static struct {
	tally_object *ref;
	atomic_uint found;
} upgrade;

static void drop_and_upgrade(void *unused, unsigned number)
{
	const unsigned rounds = rounds_of(2000);
	(void)unused;
	duel_enter(number);
	for (unsigned round = 0; round < rounds; round++) {
		tally_object *node = NULL;
		if (number == 0) {
			node = node_new(shared_type, NODE_IDS);
			upgrade.ref = weakref(node, NULL);
		}
		duel_wait(number);
		duel_meet(number);
		if (number == 0) {
			tally_decref(node);
			tally_finalizers_run(SIZE_MAX);
		} else if (tally_weakref_get(upgrade.ref, &node) == 1) {
			atomic_fetch_add(&upgrade.found, 1);
			CHECK_EQ(((struct node *)tally_host_payload(node, shared_type))->id, NODE_IDS);
			tally_decref(node);
		}
		duel_wait(number);
		tally_finalizers_run(SIZE_MAX); // an upgrade may have had the last reference
		fixture_settle();
		duel_wait(number);
		tally_safepoint();
		duel_wait(number);
		if (number == 0) tally_decref(upgrade.ref);
	}
}

static void an_upgrade_against_a_drop_and_a_pump_gives_the_whole_object_or_nothing(void)
{
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	shared_type = weak_node_type(true);
	atomic_store(&upgrade.found, 0);
	duel_begin();
	run_threads(2, drop_and_upgrade, NULL);
	set_mode(TALLY_FINALIZER_INLINE);
	fixture_settle();
	check_totals(rounds_of(2000));
	tap_note("%u upgrades of %u", atomic_load(&upgrade.found), rounds_of(2000));
}

// ---- objects of one thread that another one drops ----

static void drop_it(void *object, unsigned number)
{
	(void)number;
	tally_decref(object);
}

static void an_object_that_another_thread_dropped_is_queued_once(void)
{
	for (int i = 0; i < MODES; i++) {
		begin_mode(deferred[i]);
		tally_object *type = node_type(NODE_WHOLE);
		for (int k = 0; k < 20; k++) run_threads(1, drop_it, node_new(type, k));
		fixture_settle();
		CHECK_PENDING(20);
		let_run();
		check_calls(20, 1, 1);
		end_mode();
	}
}

// ---- changes of the mode ----

static void drop_and_change(void *unused, unsigned number)
{
	const unsigned rounds = rounds_of(300);
	uint64_t state = fixture_seed(number);
	(void)unused;
	for (unsigned i = 0; i < rounds; i++) {
		if (number < 2) set_mode((enum tally_finalizer_mode)below(&state, 3));
		for (int k = 0; k < 10; k++) tally_decref(node_new(shared_type, NODE_IDS));
		if (below(&state, 4) == 0) tally_finalizers_run(below(&state, 20));
	}
}

static void threads_that_drop_while_the_mode_changes_lose_nothing(void)
{
	enum { THREADS = 4 };
	shared_type = node_type(NODE_WHOLE);
	run_threads(THREADS, drop_and_change, NULL);
	set_mode(TALLY_FINALIZER_INLINE);
	CHECK(tally_finalizers_run(SIZE_MAX) >= 0);
	fixture_settle();
	CHECK_PENDING(0);
	check_totals(THREADS * 10 * rounds_of(300));
}

static void *change_modes(void *count)
{
	uint64_t state = fixture_seed(7);
	for (unsigned i = 0; i < 200; i++) {
		reach(&visit, i);
		if (tally_finalizer_set_mode((enum tally_finalizer_mode)below(&state, 3)) == 0) continue;
		CHECK_EQ(tally_error_code(), TALLY_ERROR_CLOSING);
		++*(unsigned *)count;
	}
	return NULL;
}

// Whoever comes too late is told so, and leaves no thread behind.
static void a_shutdown_against_changes_of_the_mode_ends_or_says_why(void)
{
	const unsigned rounds = rounds_of(20);
	unsigned refused = 0;
	for (unsigned i = 0; i < rounds; i++) {
		tally_decref(node_new(node_type(NODE_WHOLE), 0));
		CHECK_EQ(tally_thread_detach(fixture_token), 0);
		reach(&visit, 0);
		pthread_t changer = spawn(change_modes, &refused);
		await(&visit, i % 10 * 5);
		CHECK_EQ(tally_fini(UINT64_MAX, NULL), 0);
		finish(changer);
		classes_start();
	}
	tap_note("%u changes were refused", refused);
}

// ---- all at once ----

enum { WORKERS = 6 };
static struct {
	atomic_uint dropped, cycles, droppers;
} stress;

static void drop_things(unsigned number)
{
	const unsigned rounds = rounds_of(3000);
	uint64_t state = fixture_seed(number);
	for (unsigned i = 0; i < rounds; i++) {
		bool is_cycle = below(&state, 4) == 0;
		tally_object *node = node_new(shared_type, NODE_IDS);
		if (is_cycle) node_link(node, 0, node);
		tally_decref(node);
		atomic_fetch_add(&stress.dropped, 1);
		if (below(&state, 300) == 0) tally_gc_collect((int)below(&state, 3));
	}
	atomic_fetch_sub(&stress.droppers, 1);
}

static void pump_things(unsigned number)
{
	uint64_t state = fixture_seed(number);
	while (atomic_load(&stress.droppers) > 0) {
		if (tally_finalizers_wait(1000000) == 1) tally_finalizers_run(1 + below(&state, 50));
		tally_safepoint();
	}
}

// Half of them drop, half of them pump.
static void drop_or_pump(void *unused, unsigned number)
{
	(void)unused;
	if (number % 2) pump_things(number);
	else drop_things(number);
}

static void of_many_droppers_and_pumpers_each_finalizer_runs_once(void)
{
	for (int i = 0; i < MODES; i++) {
		nodes_forget();
		set_mode(deferred[i]);
		shared_type = node_type(NODE_WHOLE);
		atomic_store(&stress.dropped, 0);
		atomic_store(&stress.droppers, WORKERS / 2);
		run_threads(WORKERS, drop_or_pump, NULL);
		set_mode(TALLY_FINALIZER_ON_DEMAND);
		for (int k = 0; k < 4; k++) {
			CHECK(tally_gc_collect(2) >= 0);
			CHECK(tally_finalizers_run(SIZE_MAX) >= 0);
			fixture_settle();
		}
		set_mode(TALLY_FINALIZER_INLINE);
		CHECK_PENDING(0);
		check_totals(atomic_load(&stress.dropped));
	}
}

// The same with a memory that fails all the time for those who drop.
static void drop_without_memory(void *nodes, unsigned number)
{
	enum { EACH = 1500 };
	tally_object **mine = (tally_object **)nodes + number * EACH;
	if (number == 3) {
		while (atomic_load(&stress.droppers) > 0 || tally_finalizers_pending() > 0) tally_finalizers_run(SIZE_MAX);
		return;
	}
	CHECK(take_all_memory());
	for (int i = 0; i < EACH; i++) tally_decref(mine[i]);
	give_memory_back();
	atomic_fetch_sub(&stress.droppers, 1);
}

static void lost_objects_are_found_while_others_are_lost(void)
{
	enum { COUNT = 4500 };
	if (!faults_are_offered()) return;
	tally_object **nodes = calloc(COUNT, sizeof *nodes), *type = node_type(NODE_WHOLE);
	for (int i = 0; i < COUNT; i++) nodes[i] = node_new(type, NODE_IDS);
	set_mode(TALLY_FINALIZER_ON_DEMAND);
	atomic_store(&stress.droppers, 3);
	run_threads(4, drop_without_memory, nodes);
	fixture_settle();
	CHECK(tally_finalizers_run(SIZE_MAX) >= 0);
	fixture_settle();
	set_mode(TALLY_FINALIZER_INLINE);
	CHECK_PENDING(0);
	check_totals(COUNT);
	free(nodes);
}

int main(void)
{
	classes_begin(180);
	TAP_RUN(the_thread_is_another_one_and_has_a_name_and_no_signals);
	TAP_RUN(there_is_one_thread_and_only_while_the_mode_asks_for_it);
	TAP_RUN(the_thread_wakes_for_each_object);
	TAP_RUN(a_change_of_the_mode_waits_for_the_finalizer_that_runs_and_for_no_other);
	TAP_RUN(another_thread_may_run_what_waits_behind_a_slow_finalizer);
	TAP_RUN(a_shutdown_that_a_finalizer_holds_up_fails_and_changes_nothing);
	TAP_RUN(after_a_shutdown_that_another_thread_held_up_the_thread_goes_on);
	TAP_RUN(an_idle_thread_does_not_hold_up_a_shutdown);
	TAP_RUN(a_thread_that_waits_is_told_of_an_object_and_of_the_end);
	if (is_gil()) tap_skip("the_thread_stops_between_two_finalizers", "a thread that has the lock is not asked to stop");
	else
		TAP_RUN(the_thread_stops_between_two_finalizers);
	TAP_RUN(two_pumpers_share_the_queue);
	TAP_RUN(a_collection_keeps_what_a_finalizer_that_runs_elsewhere_has);
	TAP_RUN(a_ring_that_is_pumped_while_it_is_collected_is_finalized_once);
	TAP_RUN(an_upgrade_against_a_drop_and_a_pump_gives_the_whole_object_or_nothing);
	TAP_RUN(an_object_that_another_thread_dropped_is_queued_once);
	TAP_RUN(threads_that_drop_while_the_mode_changes_lose_nothing);
	TAP_RUN(a_shutdown_against_changes_of_the_mode_ends_or_says_why);
	TAP_RUN(of_many_droppers_and_pumpers_each_finalizer_runs_once);
	TAP_RUN(lost_objects_are_found_while_others_are_lost);
	return tap_end();
}
