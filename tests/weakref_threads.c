// tests/weakref_threads.c: weak references used by several threads: upgrades against last drops, making and dropping against
// deaths, counts and hashes meanwhile, threads that end, owners that are away. While all of it goes on one thread collects, so the
// world is stopped again and again.
//
// What must come out: whoever gets an object has it whole; each callback whose weak reference somebody keeps is called exactly
// once, any other at most once; nothing is left. The sanitizers say the rest.
#include "turns.h"
#include "weakrefs.h"

#include <tally/share.h>

enum { WORKERS = 4, COLLECTOR = WORKERS, CROWD = WORKERS + 1 };

// ---- meeting ----

static pthread_barrier_t barrier;
static atomic_uint arrived;
static atomic_bool over;

// At run points, attached, so that drops of this thread's objects come to it.
static void meet_attached(void)
{
	unsigned until = (atomic_fetch_add(&arrived, 1) / WORKERS + 1) * WORKERS;
	while (atomic_load(&arrived) < until) {
		tally_safepoint();
		sched_yield();
	}
}

// Waits until all workers have come here: away, or, where threads need not hand a lock over, now and then attached.
static void meet(unsigned round)
{
	if (round % 4 == 3 && !is_gil()) {
		meet_attached();
		return;
	}
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_barrier_wait(&barrier);
	CHECK_EQ(tally_blocking_end(), 0);
}

struct play {
	void (*work)(unsigned number);
};

static void take_part(void *context, unsigned number)
{
	const struct play *play = context;
	if (number < WORKERS) {
		play->work(number);
		meet(0);
		atomic_store(&over, true);
		return;
	}
	for (int i = 0; !atomic_load(&over); i++) {
		CHECK(tally_gc_collect(i % 3) >= 0);
		CHECK_EQ(tally_blocking_begin(), 0);
		for (int j = 0; j < 20 && !atomic_load(&over); j++) sched_yield();
		CHECK_EQ(tally_blocking_end(), 0);
	}
}

static void play(void (*work)(unsigned number))
{
	struct play one = {work};
	pthread_barrier_init(&barrier, NULL, WORKERS);
	atomic_store(&arrived, 0);
	atomic_store(&over, false);
	run_threads(CROWD, take_part, &one);
	pthread_barrier_destroy(&barrier);
}

// What is queued for its owner when the world is stopped dies on the thread that has stopped it, perhaps a little later.
#define AWAIT(condition)                                                                                               \
	do {                                                                                                           \
		for (uint64_t until_ = now_ns() + patience_ns(20); !(condition) && now_ns() < until_;) give_way();      \
		CHECK(condition);                                                                                      \
	} while (0)

static void give_way(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
}

// ---- objects that show whether they are whole ----

#define WHOLE UINT64_C(0x57686F6C65210000)
enum { BROKEN = 0xDEAD };

static tally_object *whole_type;
static atomic_uint whole_dead;

static void break_payload(void *payload, void *context)
{
	uint64_t *word = payload;
	(void)context;
	CHECK_EQ(*word & ~UINT64_C(0xFFFF), WHOLE);
	*word = BROKEN;
	atomic_fetch_add(&whole_dead, 1);
}

static void make_type(void (*finalize)(tally_object *self, void *payload, void *context))
{
	tally_host_type description = {
		.size = sizeof description,
		.name = "whole",
		.payload_size = sizeof(uint64_t),
		.dealloc = break_payload,
		.finalize = finalize,
		.flags = TALLY_HOST_WEAKREF,
	};
	whole_type = must(tally_host_type_new(&description));
	atomic_store(&whole_dead, 0);
}

static tally_object *whole(unsigned id)
{
	tally_object *object = must(tally_host_new(whole_type));
	*(uint64_t *)tally_host_payload(object, whole_type) = WHOLE | id;
	return object;
}

static bool is_whole(tally_object *object, unsigned id)
{
	return CHECK_EQ(*(uint64_t *)tally_host_payload(object, whole_type), WHOLE | id);
}

// Upgrades, looks, and drops. Whether it was alive.
static bool look_at(tally_object *ref, unsigned id)
{
	tally_object *object = NULL;
	int status = tally_weakref_get(ref, &object);
	if (!CHECK(status >= 0) || status == 0) return CHECK_PTR(object, NULL) && false;
	is_whole(object, id);
	tally_decref(object);
	return true;
}

// A callback that counts in `count`.
static tally_object *count_call(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	atomic_fetch_add((atomic_uint *)context, 1);
	return tally_none();
}

// ---- upgrades against last drops ----

enum { BATCH = 64, ROUNDS = 200 };

static struct {
	tally_object *object[BATCH], *plain[BATCH], *ref[BATCH];
	atomic_uint called[BATCH];
} batch;

static void make_batch(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		tally_object *callback = callable(count_call, &batch.called[i], NULL);
		atomic_store(&batch.called[i], 0);
		batch.object[i] = whole(i);
		batch.plain[i] = weakref(batch.object[i], NULL);
		batch.ref[i] = weakref(batch.object[i], callback);
		tally_decref(callback);
	}
}

static void check_batch_dead(void)
{
	for (unsigned i = 0; i < BATCH; i++) {
		AWAIT(leads_to(batch.plain[i], NULL) && leads_to(batch.ref[i], NULL));
		AWAIT(atomic_load(&batch.called[i]) > 0);
		if (!CHECK_EQ(atomic_load(&batch.called[i]), 1)) tap_note("object %u", i);
	}
}

static void drop_batch_refs(void)
{
	for (unsigned i = 0; i < BATCH; i++) DROP(batch.plain[i], batch.ref[i]);
}

// Worker 0 makes and owns them; who drops changes with the round.
static void upgrade_while_one_drops(unsigned number)
{
	for (unsigned round = 0; round < tap_scale((unsigned)ROUNDS); round++) {
		if (number == 0) make_batch();
		meet(round);
		bool drops = number == round % WORKERS;
		for (unsigned i = 0; i < BATCH; i++) {
			if (drops) tally_decref(batch.object[i]);
			else look_at(number % 2 ? batch.plain[i] : batch.ref[i], i);
		}
		tally_safepoint();
		meet(round);
		if (number == 0) tally_safepoint(); // what has been queued for it
		if (number == 0) check_batch_dead();
		if (number == 0) drop_batch_refs();
	}
}

static void an_upgrade_gives_the_whole_object_or_nothing_and_each_callback_is_called_once(void)
{
	make_type(NULL);
	play(upgrade_while_one_drops);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale((unsigned)ROUNDS) * BATCH);
}

// All have a reference, and drop it at the same time, each after an upgrade.
static void upgrade_and_drop_all(unsigned number)
{
	for (unsigned round = 0; round < tap_scale((unsigned)ROUNDS); round++) {
		if (number == 0) {
			make_batch();
			for (unsigned i = 0; i < BATCH * (WORKERS - 1); i++) tally_incref(batch.object[i % BATCH]);
		}
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) {
			look_at(batch.plain[i], i);
			tally_decref(batch.object[i]);
			look_at(batch.ref[i], i);
		}
		tally_safepoint();
		meet(round);
		if (number == 0) tally_safepoint();
		if (number == 0) check_batch_dead();
		if (number == 0) drop_batch_refs();
	}
}

static void the_last_of_several_drops_calls_back_once(void)
{
	make_type(NULL);
	play(upgrade_and_drop_all);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale((unsigned)ROUNDS) * BATCH);
}

// ---- finalizers that decide meanwhile ----

static tally_object *_Atomic returned[BATCH];

// Every other one comes back.
static void come_back(tally_object *self, void *payload, void *context)
{
	unsigned id = (unsigned)(*(uint64_t *)payload & 0xFFFF);
	(void)context;
	CHECK_EQ(*(uint64_t *)payload & ~UINT64_C(0xFFFF), WHOLE);
	if (id % 2) atomic_store(&returned[id], tally_incref(self));
}

static void drop_returned(void)
{
	for (unsigned i = 1; i < BATCH; i += 2) {
		AWAIT(atomic_load(&returned[i]));
		tally_object *object = atomic_exchange(&returned[i], NULL);
		is_whole(object, i);
		CHECK(leads_to(batch.ref[i], object));
		CHECK_EQ(atomic_load(&batch.called[i]), 0);
		tally_decref(object);
	}
}

static void upgrade_while_one_finalizes(unsigned number)
{
	for (unsigned round = 0; round < tap_scale((unsigned)ROUNDS / 2); round++) {
		if (number == 0) make_batch();
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) {
			if (number == round % WORKERS) tally_decref(batch.object[i]);
			else look_at(batch.plain[i], i);
		}
		tally_safepoint();
		meet(round);
		if (number == 0) tally_safepoint();
		meet(0);
		if (number == round % WORKERS) drop_returned();
		meet(round);
		if (number == 0) tally_safepoint();
		if (number == 0) check_batch_dead();
		if (number == 0) drop_batch_refs();
	}
}

static void upgrades_while_a_finalizer_decides_lose_nothing(void)
{
	make_type(come_back);
	play(upgrade_while_one_finalizes);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale((unsigned)ROUNDS / 2) * BATCH);
}

// ---- the first weak reference ----

static tally_object *first_of[WORKERS][BATCH];

static void make_the_first(unsigned number)
{
	for (unsigned round = 0; round < tap_scale((unsigned)ROUNDS / 2); round++) {
		if (number == 0)
			for (unsigned i = 0; i < BATCH; i++) batch.object[i] = whole(i);
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) first_of[number][i] = weakref(batch.object[i], NULL);
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) {
			CHECK_PTR(first_of[number][i], first_of[(number + 1) % WORKERS][i]);
			CHECK(leads_to(first_of[number][i], batch.object[i]));
			CHECK_EQ(weakrefs_of(batch.object[i]), 1);
		}
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) tally_decref(first_of[number][i]);
		meet(round);
		for (unsigned i = number; i < BATCH; i += WORKERS) tally_decref(batch.object[i]);
		meet(round);
	}
}

static void threads_that_make_the_first_weak_reference_at_once_get_the_same(void)
{
	make_type(NULL);
	play(make_the_first);
}

enum { IMMORTALS = 200 };
static tally_object *immortals[IMMORTALS];

static void make_the_first_to_immortals(unsigned number)
{
	for (unsigned i = 0; i < IMMORTALS; i++) {
		if (i % 25 == 0) meet(i);
		tally_object *ref = weakref(immortals[i], NULL);
		if (number == 0 && i % 2) CHECK_EQ(tally_immortalize(immortals[i]), 0);
		CHECK(leads_to(ref, immortals[i]));
		tally_decref(ref);
	}
}

// Types are immortal from the start; functions become it meanwhile. The counters must be right in the end.
static void threads_that_make_the_first_weak_reference_to_something_immortal_leave_nothing(void)
{
	for (int i = 0; i < IMMORTALS; i++) immortals[i] = i % 2 ? thing() : fixture_probe_type();
	play(make_the_first_to_immortals);
}

// ---- making and dropping ----

enum { KEPT = 12 };

static struct {
	tally_object *plain;   // leads to the object
	atomic_uint lost;      // calls of those that are dropped in between
	atomic_uint kept[WORKERS][KEPT];
} watched;

// With a reference of its own each keeps some, and makes and drops others.
static void watch(unsigned number, tally_object *object, tally_object **kept, uint64_t *random)
{
	tally_object *lost = callable(count_call, &watched.lost, NULL), *passing[4] = {NULL};
	for (unsigned i = 0; i < KEPT; i++) {
		tally_object *callback = callable(count_call, &watched.kept[number][i], NULL);
		unsigned place = below(random, 4);
		atomic_store(&watched.kept[number][i], 0);
		kept[i] = weakref(object, callback);
		tally_decref(passing[place]);
		passing[place] = weakref(object, below(random, 3) ? lost : NULL);
		CHECK(leads_to(kept[i], object));
		tally_decref(callback);
	}
	DROP(passing[0], passing[1], lost);
	if (number % 2) tally_safepoint();
	tally_decref(object); // perhaps the last, with two of those that pass
	DROP(passing[2], passing[3]);
}

static void make_and_drop(unsigned number)
{
	uint64_t random = fixture_seed(number);
	for (unsigned round = 0; round < tap_scale(400u); round++) {
		tally_object *kept[KEPT], *object = NULL, *own = NULL;
		if (number == round % WORKERS) {
			own = whole(round & 0xFFFF);
			watched.plain = weakref(own, NULL);
		}
		meet(round);
		CHECK_EQ(tally_weakref_get(watched.plain, &object), 1);
		meet(round);
		if (own) tally_decref(own);
		watch(number, object, kept, &random);
		meet(round);
		if (own) tally_safepoint();
		meet(0);
		for (unsigned i = 0; i < KEPT; i++) {
			AWAIT(leads_to(kept[i], NULL) && atomic_load(&watched.kept[number][i]) > 0);
			CHECK_EQ(atomic_load(&watched.kept[number][i]), 1);
			tally_decref(kept[i]);
		}
		if (own) tally_decref(watched.plain);
		meet(0);
	}
}

static void weak_references_made_and_dropped_by_several_threads_are_told_once_if_kept(void)
{
	tap_seed();
	make_type(NULL);
	play(make_and_drop);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale(400u));
}

// ---- counts, lists, hashes, equality meanwhile ----

static void check_list(tally_object *object, tally_object *list)
{
	size_t count = length_of(list);
	for (size_t i = 0; i < count; i++) {
		tally_object *ref = must(tally_list_get(list, (ptrdiff_t)i));
		CHECK(tally_is_weakref(ref));
		CHECK(leads_to(ref, object));
		tally_decref(ref);
	}
}

static void count_while_others_watch(unsigned number)
{
	uint64_t random = fixture_seed(number);
	for (unsigned round = 0; round < tap_scale(200u); round++) {
		tally_object *kept[KEPT], *object = NULL;
		if (number == 0) {
			batch.object[0] = whole(0);
			watched.plain = weakref(batch.object[0], NULL);
		}
		meet(round);
		CHECK_EQ(tally_weakref_get(watched.plain, &object), 1);
		if (number % 2) {
			watch(number, object, kept, &random);
			for (unsigned i = 0; i < KEPT; i++) tally_decref(kept[i]);
		} else {
			for (unsigned i = 0; i < KEPT; i++) {
				tally_object *list = must(tally_weakref_list(object));
				CHECK(weakrefs_of(object) >= 1); // the shared one
				check_list(object, list);
				tally_decref(list);
			}
			tally_decref(object);
		}
		meet(round);
		if (number) continue;
		tally_safepoint();
		AWAIT(weakrefs_of(batch.object[0]) == 1);
		DROP(watched.plain, batch.object[0]);
	}
}

static void counts_and_lists_are_right_while_others_make_and_drop(void)
{
	tap_seed();
	make_type(NULL);
	play(count_while_others_watch);
}

// 0: dead, and nobody had asked before.
static uint64_t hash_of(tally_object *ref)
{
	uint64_t hash = 0;
	if (!tally_hash(ref, &hash)) return hash;
	CHECK_FAILED(TALLY_ERROR_TYPE, "dead");
	return 0;
}

static void hash_and_compare(unsigned number)
{
	for (unsigned round = 0; round < tap_scale((unsigned)ROUNDS / 2); round++) {
		uint64_t expected[BATCH];
		if (number == 0) make_batch();
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) CHECK_EQ(tally_hash(batch.object[i], &expected[i]), 0);
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) {
			if (number == round % WORKERS) {
				tally_decref(batch.object[i]);
				continue;
			}
			uint64_t hash = hash_of(number % 2 ? batch.plain[i] : batch.ref[i]);
			int same = tally_equal(batch.plain[i], batch.ref[i]), other = tally_equal(batch.plain[i], batch.ref[(i + 1) % BATCH]);
			CHECK(hash == 0 || hash == expected[i]);
			CHECK(same == 0 || same == 1);
			CHECK_EQ(other, 0);
			CHECK_EQ(tally_equal(batch.plain[i], batch.plain[i]), 1);
			if (hash) CHECK_EQ(hash_of(number % 2 ? batch.plain[i] : batch.ref[i]), hash);
			tally_object *shown = must(tally_repr(batch.ref[i])), *callback = NULL;
			CHECK(tally_weakref_callback(batch.ref[i], &callback) >= 0);
			DROP(shown, callback);
		}
		tally_safepoint();
		meet(round);
		if (number == 0) tally_safepoint();
		if (number == 0) check_batch_dead();
		if (number == 0) drop_batch_refs();
	}
}

static void hashes_and_equality_are_right_while_the_objects_die(void)
{
	make_type(NULL);
	play(hash_and_compare);
}

// ---- the object and the weak reference die at the same time ----

static void drop_both(unsigned number)
{
	for (unsigned round = 0; round < tap_scale((unsigned)ROUNDS); round++) {
		if (number == 0) make_batch();
		meet(round);
		unsigned role = (number + round / 4) % WORKERS;
		for (unsigned i = 0; i < BATCH; i++) {
			if (role == 0) tally_decref(batch.object[i]);
			if (role == 1) tally_decref(batch.ref[BATCH - 1 - i]);
			if (role == 2) tally_decref(batch.plain[i]);
		}
		tally_safepoint();
		meet(round);
		if (number == 0) tally_safepoint();
		meet(0);
		if (number == 0)
			for (unsigned i = 0; i < BATCH; i++) CHECK(atomic_load(&batch.called[i]) <= 1);
	}
}

static void an_object_and_its_weak_references_may_be_dropped_at_once(void)
{
	make_type(NULL);
	play(drop_both);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale((unsigned)ROUNDS) * BATCH);
}

// ---- sections over the shared weak reference, whose lock guards the list ----

static void watch_in_sections(unsigned number)
{
	tally_object *any = thing();
	for (unsigned round = 0; round < tap_scale(200u); round++) {
		if (number == 0) make_batch();
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) {
			tally_critical section;
			bool drops = number == round % WORKERS, holds = number == (round + 1) % WORKERS;
			if (drops) tally_decref(batch.object[i]);
			if (holds) {
				CHECK_EQ(tally_critical_begin(&section, batch.plain[i]), 0);
				if (i % 4 == 0) sched_yield();
				look_at(batch.plain[i], i);
				CHECK_EQ(tally_critical_end(&section), 0);
			}
			tally_object *object = NULL;
			if (drops || holds || tally_weakref_get(batch.plain[i], &object) != 1) continue;
			tally_object *ref = weakref(object, NULL), *other = weakref(object, any);
			CHECK(weakrefs_of(object) >= 2);
			DROP(ref, other, object);
		}
		tally_safepoint();
		meet(round);
		if (number == 0) tally_safepoint();
		if (number == 0) check_batch_dead();
		if (number == 0) drop_batch_refs();
	}
	tally_decref(any);
}

static void sections_over_the_shared_weak_reference_harm_nobody(void)
{
	make_type(NULL);
	play(watch_in_sections);
}

// ---- callbacks that wait, and weak references that others read ----

static tally_object *wait_a_little(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)captured;
	check_call(arguments, count);
	atomic_fetch_add((atomic_uint *)context, 1);
	give_way();
	tally_safepoint();
	if (atomic_load((atomic_uint *)context) % 8 == 0) CHECK(tally_gc_collect(0) >= 0);
	give_way();
	CHECK_DEAD(arguments[0]);
	return tally_none();
}

static atomic_uint waited;
static tally_object *shared_list;

// In each place of the list stands a weak reference, to an object that the one who put it there has.
static void replace_and_read(unsigned number)
{
	uint64_t random = fixture_seed(number);
	tally_object *own[8] = {NULL}, *callback = callable(wait_a_little, &waited, NULL), *quick = thing();
	for (unsigned i = 0; i < tap_scale(4000u); i++) {
		unsigned place = below(&random, 8);
		tally_object *ref = must(tally_list_get(shared_list, (ptrdiff_t)below(&random, 8))), *object = NULL;
		if (tally_is_weakref(ref)) CHECK(tally_weakref_get(ref, &object) >= 0);
		if (object) CHECK_EQ(*(uint64_t *)tally_host_payload(object, whole_type) & ~UINT64_C(0xFFFF), WHOLE);
		DROP(ref, object);
		if (i % 4) continue;
		tally_decref(own[place]);
		own[place] = whole(i & 0xFFFF);
		ref = weakref(own[place], i % 3 == 0 ? NULL : i % 64 == 4 ? callback : quick);
		CHECK_EQ(tally_list_set(shared_list, (ptrdiff_t)below(&random, 8), ref), 0);
		tally_decref(ref);
	}
	for (int i = 0; i < 8; i++) tally_decref(own[i]);
	DROP(callback, quick);
}

static void weak_references_in_a_shared_list_may_be_replaced_while_others_read_them(void)
{
	tap_seed();
	make_type(NULL);
	shared_list = must(tally_list_new());
	for (int i = 0; i < 8; i++) push(shared_list, tally_none());
	atomic_store(&waited, 0);
	play(replace_and_read);
	tally_decref(shared_list);
}

static void drop_and_wait(unsigned number)
{
	for (unsigned round = 0; round < tap_scale(20u); round++) {
		tally_object *callback = callable(wait_a_little, &waited, NULL), *mine[10], *refs[10];
		for (unsigned i = 0; i < 10; i++) {
			mine[i] = whole(i);
			refs[i] = weakref(mine[i], callback);
			first_of[number][i] = mine[i];
		}
		meet(round);
		for (unsigned i = 0; i < 10; i++) tally_decref(first_of[(number + 1) % WORKERS][i]);
		meet(round);
		for (unsigned i = 0; i < 10; i++) AWAIT(leads_to(refs[i], NULL));
		AWAIT(atomic_load(&waited) >= (round + 1) * 10 * WORKERS); // until then the weak references are kept
		for (unsigned i = 0; i < 10; i++) tally_decref(refs[i]);
		tally_decref(callback);
		meet(0);
	}
}

static void callbacks_may_wait_while_others_drop_and_collect(void)
{
	make_type(NULL);
	atomic_store(&waited, 0);
	play(drop_and_wait);
	CHECK_EQ(atomic_load(&waited), tap_scale(20u) * 10 * WORKERS);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale(20u) * 10 * WORKERS);
}

static void count_report(enum tally_error_code code, const char *message, const char *operation, tally_object *source, void *context)
{
	(void)message, (void)operation, (void)source;
	CHECK_EQ(code, TALLY_ERROR_VALUE);
	atomic_fetch_add((atomic_uint *)context, 1);
}

static atomic_uint reported[2];

static void fail_under_changing_hooks(unsigned number)
{
	tally_object *bad = callable(fail_always, NULL, NULL);
	for (unsigned i = 0; i < tap_scale(500u); i++) {
		tally_object *object = whole(number), *ref = weakref(object, bad);
		if (number == 0) tally_unraisable_set(count_report, &reported[i % 2]);
		tally_decref(object);
		tally_decref(ref);
	}
	tally_decref(bad);
}

static void the_hook_may_be_changed_while_others_fail(void)
{
	make_type(NULL);
	atomic_store(&reported[0], 0);
	atomic_store(&reported[1], 0);
	tally_unraisable_set(count_report, &reported[0]);
	play(fail_under_changing_hooks);
	CHECK_EQ(atomic_load(&reported[0]) + atomic_load(&reported[1]), tap_scale(500u) * WORKERS);
}

// ---- cycles ----

static atomic_uint told;

static void make_cycles(unsigned number)
{
	tally_object *callback = callable(count_call, &told, NULL), *type = CLASS(.name = "cycle");
	for (unsigned round = 0; round < tap_scale(60u); round++) {
		tally_object *refs[20], *next = NULL;
		for (int i = 0; i < 20; i++) {
			tally_object *object = instance(type);
			set_attr(object, "self", object);
			if (next && i % 3) set_attr(object, "next", next);
			refs[i] = weakref(object, callback);
			DROP(next);
			next = object;
		}
		DROP(next);
		CHECK(tally_gc_collect((int)(number + round) % 3) >= 0);
		bool done = false;
		while (!done) { // somebody else may be collecting
			CHECK(tally_gc_collect(2) >= 0);
			done = true;
			for (int i = 0; i < 20; i++) done &= leads_to(refs[i], NULL);
		}
		for (int i = 0; i < 20; i++) tally_decref(refs[i]);
	}
	DROP(callback, type);
}

static void cycles_found_by_several_threads_are_told_of_once(void)
{
	atomic_store(&told, 0);
	play(make_cycles);
	for (int i = 0; i < 3; i++) CHECK(tally_gc_collect(2) >= 0);
	CHECK(atomic_load(&told) <= tap_scale(60u) * 20 * WORKERS);
}

// Weak references that are kept until all collections have ended, to trash that another thread may find.
static tally_object *all_refs;

static void make_cycles_for_others(unsigned number)
{
	tally_object *callback = callable(count_call, &told, NULL), *type = CLASS(.name = "cycle");
	for (unsigned i = 0; i < tap_scale(1500u); i++) {
		tally_object *object = instance(type);
		set_attr(object, "self", object);
		push_own(all_refs, weakref(object, callback));
		tally_decref(object);
		if (i % 100 == number) CHECK(tally_gc_collect((int)(i / 100 % 3)) >= 0);
	}
	DROP(callback, type);
}

static void cycles_that_other_threads_find_are_told_of_once(void)
{
	all_refs = must(tally_list_new());
	atomic_store(&told, 0);
	play(make_cycles_for_others);
	for (int i = 0; i < 3; i++) CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(atomic_load(&told), tap_scale(1500u) * WORKERS);
	tally_decref(all_refs);
}

// ---- threads that end, and owners that are away ----

static stage at;

static void *make_and_end(void *unused)
{
	tally_token token = attached();
	(void)unused;
	make_batch();
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void objects_of_a_thread_that_has_ended_are_told_of(void)
{
	make_type(NULL);
	for (int i = 0; i < 12; i++) {
		finish(spawn(make_and_end, NULL));
		if (i % 3 == 1) CHECK_EQ(tally_heap_trim(NULL), 0); // adopts the pages
		if (i % 3 == 2) CHECK(tally_gc_collect(2) >= 0);
		for (unsigned j = 0; j < BATCH; j++) CHECK(look_at(batch.plain[j], j));
		for (unsigned j = 0; j < BATCH; j++) tally_decref(batch.object[j]);
		check_batch_dead();
		drop_batch_refs();
	}
}

static void *make_and_wait(void *unused)
{
	tally_token token = attached();
	(void)unused;
	make_batch();
	reach(&at, 1);
	CHECK_EQ(tally_blocking_begin(), 0);
	await(&at, 2);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void objects_of_an_owner_that_is_away_are_told_of_at_once(void)
{
	make_type(NULL);
	reach(&at, 0);
	pthread_t owner = spawn(make_and_wait, NULL);
	await(&at, 1);
	for (unsigned i = 0; i < BATCH; i++) {
		CHECK(look_at(batch.plain[i], i));
		tally_decref(batch.object[i]);
		CHECK_EQ(atomic_load(&batch.called[i]), 1);
		CHECK_DEAD(batch.plain[i]);
	}
	reach(&at, 2);
	finish(owner);
	drop_batch_refs();
}

// It makes no call between run points: what others drop waits for it, and is told of on it.
static void *make_and_go_on(void *unused)
{
	tally_token token = attached();
	(void)unused;
	make_batch();
	reach(&at, 1);
	await_at_run_points(&at, 2);
	tally_safepoint();
	reach(&at, 3);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void objects_that_wait_for_their_owner_are_told_of_there(void)
{
	make_type(NULL);
	reach(&at, 0);
	pthread_t owner = spawn(make_and_go_on, NULL);
	await(&at, 1);
	for (unsigned i = 0; i < BATCH; i++) {
		CHECK(look_at(batch.plain[i], i));
		tally_decref(batch.object[i]);
	}
	reach(&at, 2);
	await(&at, 3);
	check_batch_dead();
	finish(owner);
	drop_batch_refs();
}

// It ends without detaching, which is done for it then.
static void *make_and_just_end(void *unused)
{
	(void)unused;
	attached();
	make_batch();
	reach(&at, 1);
	await_at_stop_points(&at, 2);
	return NULL;
}

static void a_thread_that_just_ends_tells_of_what_waits_for_it(void)
{
	make_type(NULL);
	for (int i = 0; i < 5; i++) {
		reach(&at, 0);
		pthread_t owner = spawn(make_and_just_end, NULL);
		await(&at, 1);
		for (unsigned j = 0; j < BATCH / 2; j++) tally_decref(batch.object[j]);
		reach(&at, 2);
		finish(owner);
		for (unsigned j = 0; j < BATCH / 2; j++) CHECK_EQ(atomic_load(&batch.called[j]), 1);
		for (unsigned j = BATCH / 2; j < BATCH; j++) tally_decref(batch.object[j]);
		check_batch_dead();
		drop_batch_refs();
	}
}

static pthread_t told_on;
static atomic_uint told_there;

static tally_object *note_thread(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	(void)context, (void)captured;
	check_call(arguments, count);
	if (pthread_equal(pthread_self(), told_on)) atomic_fetch_add(&told_there, 1);
	return tally_none();
}

static void *drop_the_last(void *object)
{
	tally_token token = attached();
	told_on = pthread_self();
	await(&at, 1);
	tally_decref(object);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

// This thread, the owner, is in a blocking region by then, so the other one may destroy.
static void callbacks_run_on_the_thread_that_destroys(void)
{
	tally_object *object = thing(), *callback = callable(note_thread, NULL, NULL), *ref = weakref(object, callback);
	atomic_store(&told_there, 0);
	reach(&at, 0);
	pthread_t other = spawn(drop_the_last, object);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&at, 1);
	pthread_join(other, NULL);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(atomic_load(&told_there), 1);
	CHECK_DEAD(ref);
	DROP(ref, callback);
}

// The thread's list of the dying is buried when it detaches; the callbacks run there, attached.
static void *end_in_section(void *object)
{
	tally_token token = attached();
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, object), 0);
	tally_decref(batch.object[0]);
	tally_decref(batch.object[1]);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void drops_in_a_section_of_another_thread_are_told_of(void)
{
	make_type(NULL);
	make_batch();
	finish(spawn(end_in_section, batch.plain[2]));
	for (unsigned i = 2; i < BATCH; i++) tally_decref(batch.object[i]);
	check_batch_dead();
	drop_batch_refs();
}

// ---- spread objects ----

static void spread_if_there_is_room(tally_object *object)
{
	if (tally_spread(object)) CHECK_FAILED(TALLY_ERROR_OVERFLOW, "spread: ");
}

static void upgrade_spread(unsigned number)
{
	for (unsigned round = 0; round < tap_scale(20u); round++) {
		if (number == 0) {
			make_batch();
			for (unsigned i = 0; i < BATCH; i++) spread_if_there_is_room(i % 2 ? batch.object[i] : batch.plain[i]);
		}
		meet(round);
		for (unsigned i = 0; i < BATCH; i++) {
			if (number == round % WORKERS) tally_decref(batch.object[i]);
			else look_at(batch.plain[i], i);
		}
		meet(0);
		while (number == 0 && atomic_load(&whole_dead) < (round + 1) * BATCH) CHECK(tally_gc_collect(2) >= 0);
		meet(0);
		if (number == 0) check_batch_dead();
		if (number == 0) drop_batch_refs();
		meet(0);
	}
}

static void spread_objects_are_upgraded_by_all_and_told_of_once(void)
{
	make_type(NULL);
	play(upgrade_spread);
	CHECK_EQ(atomic_load(&whole_dead), tap_scale(20u) * BATCH);
}

int main(void)
{
	classes_begin(120);
	TAP_RUN(an_upgrade_gives_the_whole_object_or_nothing_and_each_callback_is_called_once);
	TAP_RUN(the_last_of_several_drops_calls_back_once);
	TAP_RUN(upgrades_while_a_finalizer_decides_lose_nothing);
	TAP_RUN(threads_that_make_the_first_weak_reference_at_once_get_the_same);
	TAP_RUN(threads_that_make_the_first_weak_reference_to_something_immortal_leave_nothing);
	TAP_RUN(weak_references_made_and_dropped_by_several_threads_are_told_once_if_kept);
	TAP_RUN(counts_and_lists_are_right_while_others_make_and_drop);
	TAP_RUN(hashes_and_equality_are_right_while_the_objects_die);
	TAP_RUN(an_object_and_its_weak_references_may_be_dropped_at_once);
	TAP_RUN(sections_over_the_shared_weak_reference_harm_nobody);
	TAP_RUN(weak_references_in_a_shared_list_may_be_replaced_while_others_read_them);
	TAP_RUN(callbacks_may_wait_while_others_drop_and_collect);
	TAP_RUN(the_hook_may_be_changed_while_others_fail);
	TAP_RUN(cycles_found_by_several_threads_are_told_of_once);
	TAP_RUN(cycles_that_other_threads_find_are_told_of_once);
	TAP_RUN(objects_of_a_thread_that_has_ended_are_told_of);
	TAP_RUN(objects_of_an_owner_that_is_away_are_told_of_at_once);
	TAP_RUN(objects_that_wait_for_their_owner_are_told_of_there);
	TAP_RUN(a_thread_that_just_ends_tells_of_what_waits_for_it);
	TAP_RUN(callbacks_run_on_the_thread_that_destroys);
	TAP_RUN(drops_in_a_section_of_another_thread_are_told_of);
	TAP_RUN(spread_objects_are_upgraded_by_all_and_told_of_once);
	return tap_end();
}
