// tests/class_threads.c: classes and instances used by several threads: attributes that change while others read them,
// classes that come and go while others collect, instances that cross threads, and what each thread's list of the dying
// keeps alive.
#include "classes.h"
#include "turns.h"

static atomic_bool done; // the threads that go on for as long as others work

static void begin(void)
{
	classes_start();
	atomic_store(&done, false);
}

static void drop(tally_object *const *objects, size_t count)
{
	for (size_t i = 0; i < count; i++) tally_decref(objects[i]);
}
#define DROP(...) drop((tally_object *const[]){__VA_ARGS__}, sizeof((tally_object *const[]){__VA_ARGS__}) / sizeof(void *))

static void finalize_it(tally_object *self, void *context)
{
	(void)self;
	atomic_fetch_add(&((struct kind *)context)->finalized, 1);
}

static void give_way(void)
{
	tally_safepoint();
	sched_yield();
}

// A value that was there at some time, and none from before the last one that this thread has seen.
static void check_forward(int64_t value, int64_t *last)
{
	if (value == INT64_MIN) return; // absent
	CHECK(value >= *last);
	*last = value;
}

// ---- a class that changes under its users ----

enum { VALUES = 30, CHANGES = 3000, FIRST = 1000 };

struct shared {
	tally_object *base, *type, *self;
	tally_object *names[8];
	atomic_int finished;
};

// Reads without making a name each time, so that the threads meet.
static int64_t read_int(tally_object *object, tally_object *name)
{
	tally_object *value = NULL;
	CHECK(tally_attr_get(object, name, &value) >= 0);
	return value ? take_value(value) : INT64_MIN;
}

static void write_int(tally_object *object, tally_object *name, int64_t number)
{
	tally_object *value = integer(number);
	CHECK_EQ(tally_attr_set(object, name, value), 0);
	tally_decref(value);
}

static tally_object *get_own(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *value = NULL;
	(void)context;
	(void)captured;
	(void)count;
	CHECK_EQ(tally_attr_get(arguments[0], arguments[1], &value), 1);
	return value;
}

static void change_class(struct shared *shared)
{
	for (int i = 0; i < tap_scale(VALUES); i++) {
		write_int(shared->base, shared->names[0], FIRST + i);
		if (i % 4 == 0) write_int(shared->type, shared->names[1], FIRST + i);
		if (i % 4 == 2) CHECK(tally_attr_delete(shared->type, shared->names[1]) >= 0);
		give_way();
	}
	atomic_store(&done, true);
}

static void use_class(struct shared *shared, unsigned number)
{
	int64_t last[2] = {FIRST, FIRST};
	do {
		tally_object *self = instance(shared->type);
		write_int(self, shared->names[2], number);
		check_forward(read_int(self, shared->names[0]), &last[0]);
		check_forward(read_int(shared->type, shared->names[1]), &last[1]);
		CHECK_EQ(take_value(tally_attr_call(self, shared->names[3], &shared->names[2], 1)), number);
		tally_object *method = NULL;
		CHECK_EQ(tally_attr_get(self, shared->names[3], &method), 1);
		CHECK_EQ(take_value(tally_call(method, &shared->names[2], 1)), number);
		CHECK_EQ(tally_isinstance(self, shared->base), 1);
		DROP(method, self);
	} while (!atomic_load(&done));
}

static void change_or_use(void *context, unsigned number)
{
	if (number == 0) change_class(context);
	else use_class(context, number);
}

static void begin_shared(struct shared *shared)
{
	static const char *const names[] = {"x", "y", "own", "method", "e", "f", "g", "h"};
	*shared = (struct shared){.base = CLASS(.name = "base")};
	shared->type = CLASS(.name = "type", .base = shared->base);
	shared->self = instance(shared->type);
	for (int i = 0; i < 8; i++) shared->names[i] = text(names[i]);
}

static void end_shared(struct shared *shared)
{
	drop(shared->names, 8);
	DROP(shared->self, shared->type, shared->base);
}

static void a_class_changes_while_others_make_instances_and_call_methods(void)
{
	struct shared shared;
	begin_shared(&shared);
	write_int(shared.base, shared.names[0], FIRST);
	set_own(shared.base, "method", function("get_own", get_own, 2, 2));
	run_threads(8, change_or_use, &shared);
	CHECK_EQ(attr_int(shared.self, "x"), FIRST + tap_scale(VALUES) - 1);
	end_shared(&shared);
}

static void change_own_names(void *context, unsigned number)
{
	struct shared *shared = context;
	tally_object *object = number % 2 ? shared->base : shared->type;
	int64_t last = FIRST;
	for (int i = 0; i < tap_scale(40); i++) {
		write_int(object, shared->names[number], FIRST + i);
		CHECK_EQ(read_int(shared->self, shared->names[number]), FIRST + i);
		check_forward(read_int(shared->self, shared->names[(number + 1) % 6]), &last);
		if (i % 3 == 0) CHECK_EQ(tally_attr_delete(object, shared->names[number]), 1);
	}
	write_int(object, shared->names[number], FIRST + 5000);
}

static void several_threads_change_a_class_and_its_base_and_no_change_is_lost(void)
{
	struct shared shared;
	begin_shared(&shared);
	run_threads(6, change_own_names, &shared);
	for (int i = 0; i < 6; i++) CHECK_EQ(read_int(shared.self, shared.names[i]), FIRST + 5000);
	end_shared(&shared);
}

// ---- turn by turn: what one has set the other sees ----

static struct {
	struct shared shared;
	stage at;
} turns;

enum { TURNS = 100 };

static void *look_each_turn(void *unused)
{
	tally_token token = attached();
	tally_object *sub = CLASS(.name = "sub", .base = turns.shared.type), *self = instance(sub);
	for (unsigned i = 0; i < TURNS; i++) {
		await(&turns.at, 2 * i + 1);
		CHECK_EQ(read_int(self, turns.shared.names[0]), FIRST + (int64_t)i);
		CHECK_EQ(read_int(turns.shared.self, turns.shared.names[0]), FIRST + (int64_t)i);
		CHECK_EQ(read_int(self, turns.shared.names[1]), i % 2 ? INT64_MIN : FIRST + (int64_t)i);
		reach(&turns.at, 2 * i + 2);
	}
	DROP(self, sub);
	CHECK_EQ(tally_thread_detach(token), 0);
	return unused;
}

static void a_change_of_a_class_is_seen_by_the_next_look_of_any_thread(void)
{
	begin_shared(&turns.shared);
	atomic_store(&turns.at, 0);
	pthread_t thread = spawn(look_each_turn, NULL);
	for (unsigned i = 0; i < TURNS; i++) {
		write_int(turns.shared.base, turns.shared.names[0], FIRST + (int64_t)i);
		if (i % 2) CHECK_EQ(tally_attr_delete(turns.shared.type, turns.shared.names[1]), 1);
		else write_int(turns.shared.type, turns.shared.names[1], FIRST + (int64_t)i);
		reach(&turns.at, 2 * i + 1);
		await(&turns.at, 2 * i + 2);
	}
	finish(thread);
	end_shared(&turns.shared);
}

// ---- an instance that changes under its readers ----

static void change_instance(struct shared *shared)
{
	for (int i = 0; i < tap_scale(CHANGES); i++) {
		write_int(shared->self, shared->names[0], FIRST + i);
		if (i % 2) CHECK_EQ(tally_attr_delete(shared->self, shared->names[0]), 1);
		if (i % 256 == 0) give_way();
	}
	atomic_store(&done, true);
}

static void read_instance(struct shared *shared)
{
	int64_t last = FIRST;
	do {
		check_forward(read_int(shared->self, shared->names[0]), &last);
		tally_decref(must(tally_attr_names(shared->self)));
	} while (!atomic_load(&done));
}

static void change_or_read(void *context, unsigned number)
{
	if (number == 0) change_instance(context);
	else read_instance(context);
}

static void an_attribute_is_set_and_deleted_while_others_read_it(void)
{
	static const char *const slots[] = {"x", "y"};
	for (int i = 0; i < 3; i++) {
		struct shared shared;
		begin_shared(&shared);
		if (i == 1) {
			tally_decref(shared.self);
			shared.self = only_instance(CLASS(.name = "slotted", .slots = slots, .slot_count = 2));
		}
		if (i == 2) tally_decref(must(tally_attr_dict(shared.self)));
		atomic_store(&done, false);
		run_threads(4, change_or_read, &shared);
		end_shared(&shared);
	}
}

// ---- many who write one instance, and ask for its dict ----

enum { WRITERS = 6, OWN_NAMES = 40 };
static tally_object *dicts[WRITERS];

static void write_own_names(void *context, unsigned number)
{
	struct shared *shared = context;
	char name[16];
	for (int i = 0; i < OWN_NAMES; i++) {
		snprintf(name, sizeof name, "t%u_%d", number, i);
		set_int(shared->self, name, FIRST + i);
		if (i == OWN_NAMES / 2) dicts[number] = must(tally_attr_dict(shared->self));
		if (i % 4 == 0) CHECK_EQ(delete_attr(shared->self, name), 1);
		CHECK_EQ(attr_int(shared->self, name), i % 4 ? FIRST + i : INT64_MIN);
	}
}

static void what_many_threads_set_is_all_there_also_in_the_dict_that_they_ask_for(void)
{
	for (int round = 0; round < tap_scale(10); round++) {
		struct shared shared;
		char name[16];
		begin_shared(&shared);
		run_threads(WRITERS, write_own_names, &shared);
		for (int i = 0; i < WRITERS * OWN_NAMES; i++) {
			snprintf(name, sizeof name, "t%d_%d", i / OWN_NAMES, i % OWN_NAMES);
			if (!CHECK_EQ(attr_int(shared.self, name), i % OWN_NAMES % 4 ? FIRST + i % OWN_NAMES : INT64_MIN))
				tap_note("%s", name);
		}
		for (int i = 0; i < WRITERS; i++) CHECK_PTR(dicts[i], dicts[0]);
		size_t size = 0;
		CHECK_EQ(tally_dict_size(dicts[0], &size), 0);
		CHECK_EQ(size, WRITERS * OWN_NAMES * 3 / 4);
		drop(dicts, WRITERS);
		end_shared(&shared);
	}
}

// ---- the names of what is there all the time ----

enum { STABLE = 8, RACES = 200 };
static atomic_uint race; // how many threads have come to the start

static void meet(unsigned number)
{
	atomic_fetch_add(&race, 1);
	while (atomic_load(&race) < 2 * (number + 1)) give_way();
}

static void check_stable(tally_object *self)
{
	char joined[1024] = " ";
	tally_object *names = must(tally_attr_names(self));
	size_t size = 0;
	CHECK_EQ(tally_list_size(names, &size), 0);
	for (size_t i = 0; i < size; i++) {
		tally_object *name = must(tally_list_get(names, (ptrdiff_t)i));
		size_t used = strlen(joined);
		snprintf(joined + used, sizeof joined - used, "%s ", tally_str_utf8(name, NULL));
		tally_decref(name);
	}
	tally_decref(names);
	for (int i = 0; i < STABLE; i++) {
		char name[] = {' ', 's', (char)('0' + i), ' ', 0}, *first = strstr(joined, name);
		if (!CHECK(first && !strstr(first + 1, name))) tap_note("'%s' in '%s'", name, joined);
	}
}

static void set_stable(tally_object *self)
{
	for (int i = 0; i < STABLE; i++) {
		set_int(self, (char[]){'u', (char)('0' + i), 0}, FIRST); // goes later
		set_int(self, (char[]){'s', (char)('0' + i), 0}, FIRST);
	}
}

static atomic_uint churned; // rounds

static void churn(tally_object *self, unsigned round)
{
	for (int i = 0; i < STABLE; i++) CHECK_EQ(delete_attr(self, (char[]){'u', (char)('0' + i), 0}), 1);
	for (int i = 0; i < 60; i++) {
		char name[] = {'t', (char)('0' + i % 20), 0};
		if (i / 20 == 1) CHECK_EQ(delete_attr(self, name), 1);
		else set_int(self, name, FIRST);
		if (i == 50 && round % 2) tally_decref(must(tally_attr_dict(self)));
	}
	atomic_store(&churned, round + 1);
}

static void churn_or_list(void *context, unsigned number)
{
	tally_object **selves = context;
	for (unsigned i = 0; i < (unsigned)tap_scale(RACES); i++) {
		meet(i);
		if (number == 0) churn(selves[i], i);
		else
			do check_stable(selves[i]);
			while (atomic_load(&churned) == i);
	}
}

static void the_names_of_what_stays_are_complete_while_others_come_and_go(void)
{
	const int count = tap_scale(RACES);
	tally_object **selves = malloc((size_t)count * sizeof *selves), *type = CLASS(.name = "thing");
	for (int i = 0; i < count; i++) set_stable(selves[i] = instance(type));
	atomic_store(&race, 0);
	atomic_store(&churned, 0);
	run_threads(2, churn_or_list, selves);
	drop(selves, (size_t)count);
	free(selves);
	tally_decref(type);
}

// ---- classes that come and go while others collect ----

enum { MAKERS = 4, MADE = 150 };

struct factory {
	struct kind *kind;
	tally_object *base, *queue;
	atomic_int working;
};

static void make_class_and_drop(struct factory *factory, int64_t number)
{
	tally_object *type = CLASS(.name = "made", .base = factory->base, .context = factory->kind,
	        .finalize = finalize_it);
	tally_object *self = instance(type), *other = instance(type);
	set_int(type, "number", FIRST + number);
	set_attr(self, "other", other);
	set_attr(other, "other", self);
	if (number % 2) set_attr(type, "one", self);
	CHECK_EQ(attr_int(other, "number"), FIRST + number);
	CHECK_EQ(attr_int(self, "of_base"), FIRST);
	CHECK_STR(tally_type_name(self), "made");
	tally_decref(type);
	CHECK_EQ(attr_int(other, "number"), FIRST + number);
	DROP(self, other);
}

static void collect_until_done(struct factory *factory)
{
	unsigned count = 0;
	while (atomic_load(&factory->working) > 0) {
		CHECK(tally_gc_collect(count++ % 4 ? 2 : 0) >= 0);
		give_way();
	}
}

static void make_or_collect(void *context, unsigned number)
{
	struct factory *factory = context;
	if (number >= MAKERS) {
		collect_until_done(factory);
		return;
	}
	for (int i = 0; i < tap_scale(MADE); i++) {
		make_class_and_drop(factory, i);
		if (number == 0 && i % 10 == 0) set_int(factory->base, "of_base",
		        FIRST); // every class below is changed, too
	}
	atomic_fetch_sub(&factory->working, 1);
}

static void begin_factory(struct factory *factory)
{
	*factory = (struct factory){.kind = kind_new(), .base = CLASS(.name = "base"), .queue = must(tally_list_new())};
	atomic_store(&factory->working, MAKERS);
	set_int(factory->base, "of_base", FIRST);
}

static void end_factory(struct factory *factory, int instances)
{
	DROP(factory->base, factory->queue);
	CHECK(tally_gc_collect(2) >= 0);
	CHECK_EQ(is_released(factory->kind), MAKERS * tap_scale(MADE));
	CHECK_EQ(atomic_load(&factory->kind->finalized), instances * MAKERS * tap_scale(MADE));
	CHECK_EQ(fixture_live_objects(), 0);
}

static void classes_are_made_and_dropped_while_others_collect(void)
{
	struct factory factory;
	begin_factory(&factory);
	run_threads(MAKERS + 2, make_or_collect, &factory);
	end_factory(&factory, 2);
}

static void classes_are_made_and_dropped_with_automatic_collections(void)
{
	struct factory factory;
	begin_factory(&factory);
	set_thresholds(30, 1, 1);
	tally_gc_enable();
	run_threads(MAKERS, make_or_collect, &factory);
	tally_gc_disable();
	end_factory(&factory, 2);
}

// ---- instances that cross threads ----

static void produce(struct factory *factory, unsigned number)
{
	for (int i = 0; i < tap_scale(MADE); i++) {
		int64_t id = (int64_t)number * 10000 + i;
		tally_object *type = CLASS(.name = "made", .base = factory->base, .context = factory->kind,
		        .finalize = finalize_it);
		tally_object *self = only_instance(type);
		set_int(type, "id", id);
		set_int(self, "own", id);
		if (i % 2) set_attr(self, "me", self);
		push_own(factory->queue, self);
	}
	atomic_fetch_sub(&factory->working, 1);
}

static bool consume_one(struct factory *factory)
{
	tally_object *self = tally_list_pop(factory->queue, 0);
	if (!self) {
		CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
		tally_error_clear();
		return false;
	}
	CHECK_EQ(attr_int(self, "id"), attr_int(self, "own"));
	CHECK_STR(tally_type_name(self), "made");
	tally_object *type = must(tally_type_of(self));
	tally_decref(must(tally_instance_new(type)));
	DROP(type, self);
	return true;
}

static void produce_or_consume(void *context, unsigned number)
{
	struct factory *factory = context;
	if (number < MAKERS) {
		produce(factory, number);
		return;
	}
	unsigned count = 0;
	bool working;
	do {
		working = atomic_load(&factory->working) > 0;
		while (consume_one(factory))
			if (count++ % 50 == 0) CHECK(tally_gc_collect(2) >= 0);
		give_way();
	} while (working);
}

static void instances_cross_threads_and_their_classes_follow(void)
{
	struct factory factory;
	begin_factory(&factory);
	run_threads(MAKERS + 2, produce_or_consume, &factory);
	end_factory(&factory, 2);
}

// ---- what other threads hold ----

static struct {
	tally_object *self, *list;
	struct kind *kind;
	stage at;
	bool stay_attached;
} held;

static tally_object *mortal_class(struct kind *kind)
{
	tally_object *type = CLASS(.name = "mortal", .context = kind, .finalize = finalize_it);
	set_int(type, "mark", FIRST);
	return type;
}

static void wait_for_turn(unsigned number)
{
	if (held.stay_attached) await_at_stop_points(&held.at, number);
	else await(&held.at, number);
}

static void *hold_the_only_reference(void *unused)
{
	tally_token token = attached();
	tally_object *self = only_instance(mortal_class(held.kind));
	reach(&held.at, 1);
	wait_for_turn(2);
	CHECK_STR(tally_type_name(self), "mortal");
	CHECK_EQ(attr_int(self, "mark"), FIRST);
	tally_decref(self);
	CHECK_EQ(atomic_load(&held.kind->finalized), 1);
	CHECK_EQ(tally_thread_detach(token), 0);
	return unused;
}

static void with_another_thread(void *(*run)(void *), int ways)
{
	for (int i = 0; i < ways; i++) {
		atomic_store(&held.at, 0);
		held.kind = kind_new();
		held.stay_attached = i;
		pthread_t thread = spawn(run, NULL);
		await(&held.at, 1);
		for (int generation = 0; generation < 3; generation++) CHECK_COLLECT(generation, 0);
		CHECK_EQ(is_released(held.kind), 0);
		reach(&held.at, 2);
		finish(thread);
		CHECK_EQ(atomic_load(&held.kind->finalized), 1);
		CHECK_COLLECT(2, 1);
		CHECK_EQ(is_released(held.kind), 1);
	}
}

static void the_only_reference_to_an_instance_may_be_another_threads(void)
{
	with_another_thread(hold_the_only_reference, 2);
}

static void *drop_in_a_section(void *unused)
{
	tally_token token = attached();
	tally_object *list = must(tally_list_new()), *self = only_instance(mortal_class(held.kind));
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	tally_decref(self); // waits for the end of the section
	CHECK_EQ(atomic_load(&held.kind->finalized), 0);
	reach(&held.at, 1);
	wait_for_turn(2);
	CHECK_EQ(atomic_load(&held.kind->finalized), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(atomic_load(&held.kind->finalized), 1);
	tally_decref(list);
	CHECK_EQ(tally_thread_detach(token), 0);
	return unused;
}

static void an_instance_that_waits_on_another_threads_list_of_the_dying_keeps_its_class(void)
{
	with_another_thread(drop_in_a_section,
	        is_gil() ? 1 : 2); // a section of an attached thread holds up all others there
}

// A destructor that lets go of the instance, which then waits until the destructor has ended.
static void pause_here(void *payload, void *context)
{
	(void)payload;
	(void)context;
	tally_decref(held.self);
	reach(&held.at, 1);
	wait_for_turn(2);
}

static void *drop_in_a_destructor(void *unused)
{
	tally_token token = attached();
	tally_host_type description = {.size = sizeof description, .name = "brake", .payload_size = 8,
	        .dealloc = pause_here};
	tally_object *brakes = must(tally_host_type_new(&description));
	held.self = only_instance(mortal_class(held.kind));
	set_int(held.self, "a", FIRST);
	tally_decref(must(tally_host_new(brakes)));
	CHECK_EQ(tally_thread_detach(token), 0);
	return unused;
}

static void an_instance_that_waits_for_another_threads_destructor_keeps_its_class(void)
{
	with_another_thread(drop_in_a_destructor, 2);
}

static void *drop_what_another_made(void *unused)
{
	tally_token token = attached();
	tally_decref(held.self);
	CHECK_EQ(tally_thread_detach(token), 0);
	return unused;
}

static void an_instance_whose_last_reference_another_thread_drops_lets_its_class_go(void)
{
	held.kind = kind_new();
	held.self = only_instance(mortal_class(held.kind));
	CHECK_COLLECT(2, 0);
	finish(spawn(drop_what_another_made, NULL));
	CHECK_COLLECT(2, 1);
	CHECK_EQ(atomic_load(&held.kind->finalized), 1);
	CHECK_EQ(is_released(held.kind), 1);
}

static void *leave_behind(void *unused)
{
	tally_token token = attached();
	held.self = only_instance(mortal_class(held.kind));
	tally_object *cycle = only_instance(mortal_class(held.kind));
	set_attr(cycle, "me", cycle);
	tally_decref(cycle);
	CHECK_EQ(tally_thread_detach(token), 0);
	return unused;
}

static void classes_and_instances_outlive_the_thread_that_made_them(void)
{
	held.kind = kind_new();
	finish(spawn(leave_behind, NULL));
	CHECK_COLLECT(2, 2);
	CHECK_EQ(is_released(held.kind), 1);
	CHECK_EQ(attr_int(held.self, "mark"), FIRST);
	set_int(held.self, "x", FIRST);
	tally_decref(held.self);
	CHECK_EQ(atomic_load(&held.kind->finalized), 2);
	CHECK_COLLECT(2, 1);
	CHECK_EQ(is_released(held.kind), 2);
}

// ---- instances of a class that has been found dead ----

enum { REMAINING = 5000 };

// Instances that destructors have brought back too late, by the thread that made them.
static struct {
	tally_object *type, *wards;
	tally_object *self[MAKERS][REMAINING];
	int count[MAKERS];
	pthread_barrier_t barrier;
	bool by_count; // all of them; else some are left as garbage, which others collect meanwhile
} remains;

struct ward {
	tally_object *self;
	unsigned number; // of the thread
};

static void ward_saves(void *payload, void *context)
{
	struct ward *ward = payload;
	(void)context;
	remains.self[ward->number][remains.count[ward->number]++] = ward->self;
}

static void ward_is_traversed(void *payload, tally_visit_fn visit, void *visit_context, void *context)
{
	(void)context;
	visit(((struct ward *)payload)->self, visit_context);
}

static void wait_for_all(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_barrier_wait(&remains.barrier);
	CHECK_EQ(tally_blocking_end(), 0);
}

static void make_remains(unsigned number)
{
	for (int i = 0; i < REMAINING; i++) {
		tally_object *self = instance(remains.type), *object = must(tally_host_new(remains.wards));
		*(struct ward *)tally_host_payload(object, remains.wards) = (struct ward){tally_incref(self), number};
		set_own(self, "ward", object);
		tally_decref(self);
	}
}

static void drop_remains(unsigned number)
{
	CHECK_EQ(remains.count[number], REMAINING);
	for (int i = 0; i < REMAINING; i++) {
		if (number % 2 && !remains.by_count) set_attr(remains.self[number][i], "me", remains.self[number][i]);
		tally_decref(remains.self[number][i]);
	}
}

static void make_and_drop_remains(void *context, unsigned number)
{
	struct factory *factory = context;
	make_remains(number);
	wait_for_all();
	if (number == 0) {
		tally_decref(remains.type);
		CHECK(tally_gc_collect(2) > 0);
		CHECK_EQ(is_released(factory->kind), 0);
	}
	wait_for_all();
	atomic_fetch_add(&race, 1); // and now all at the same moment
	for (int i = 0; i < 1000 && atomic_load(&race) % MAKERS; i++) sched_yield();
	drop_remains(number);
	atomic_fetch_sub(&factory->working, 1);
	if (number == 1 && !remains.by_count) collect_until_done(factory);
}

static void the_last_of_what_remains_of_a_dead_class_takes_it_along_on_any_thread(void)
{
	tally_host_type description = {.size = sizeof description, .name = "ward",
	        .payload_size = sizeof(struct ward), .dealloc = ward_saves,
	                               .traverse = ward_is_traversed};
	pthread_barrier_init(&remains.barrier, NULL, MAKERS);
	remains.wards = must(tally_host_type_new(&description));
	for (int round = 0; round < tap_scale(20); round++) {
		struct factory factory = {.kind = kind_new(), .working = MAKERS};
		memset(remains.count, 0, sizeof remains.count);
		atomic_store(&race, 0);
		remains.by_count = round % 4 > 0;
		remains.type = CLASS(.name = "mortal", .context = factory.kind);
		run_threads(MAKERS, make_and_drop_remains, &factory);
		CHECK_EQ(tally_safepoint(), 0);
		if (remains.by_count) CHECK_EQ(is_released(factory.kind), 1);
		CHECK(tally_gc_collect(2) >= 0);
		CHECK_EQ(is_released(factory.kind), 1);
		CHECK_EQ(fixture_live_objects(), 0);
	}
	pthread_barrier_destroy(&remains.barrier);
}

// ---- keys with an equality of their own ----

static int hash_of_key(tally_object *self, uint64_t *hash, void *context)
{
	(void)context;
	*hash = (uint64_t)attr_int(self, "key") % 7;
	return 0;
}

static int equal_of_key(tally_object *self, tally_object *other, void *context)
{
	(void)context;
	return tally_is_instance(other) && attr_int(self, "key") == attr_int(other, "key");
}

static tally_object *key_type, *shared_dict;

static void use_keys(void *context, unsigned number)
{
	(void)context;
	for (int i = 0; i < tap_scale(150); i++) {
		int64_t own = (int64_t)number * 100 + i % 10;
		tally_object *key = instance(key_type), *twin = instance(key_type);
		tally_object *value = integer(FIRST + own), *found = NULL;
		set_int(key, "key", own);
		set_int(twin, "key", own);
		CHECK_EQ(tally_dict_set(shared_dict, key, value), 0);
		CHECK_EQ(tally_dict_get(shared_dict, twin, &found), 1);
		CHECK_EQ(take_value(found), FIRST + own);
		CHECK_EQ(tally_dict_pop(shared_dict, twin, NULL), 1);
		DROP(key, twin, value);
	}
}

static void several_threads_use_instances_as_keys_of_one_dict(void)
{
	size_t size = 1;
	key_type = CLASS(.name = "key", .hash = hash_of_key, .equal = equal_of_key);
	shared_dict = must(tally_dict_new());
	run_threads(4, use_keys, NULL);
	CHECK_EQ(tally_dict_size(shared_dict, &size), 0);
	CHECK_EQ(size, 0);
	DROP(shared_dict, key_type);
}

// ---- finalizers that bring back, on whichever thread collects ----

static tally_object *harbour; // a list in which finalizers save

static void save_in_harbour(tally_object *self, void *context)
{
	finalize_it(self, context);
	CHECK_EQ(tally_list_append(harbour, self), 0);
}

static void make_saved(struct factory *factory, unsigned number)
{
	for (int i = 0; i < tap_scale(MADE); i++) {
		tally_object *type = CLASS(.name = "made", .context = factory->kind, .finalize = save_in_harbour);
		tally_object *self = instance(type);
		set_int(type, "id", (int64_t)number * 10000 + i);
		set_int(self, "own", (int64_t)number * 10000 + i);
		set_attr(self, "me", self);
		DROP(self, type);
		if (i % 16 == 0) CHECK(tally_gc_collect(2) >= 0);
	}
	atomic_fetch_sub(&factory->working, 1);
}

static bool empty_harbour(void)
{
	tally_object *self = tally_list_pop(harbour, 0);
	tally_error_clear();
	if (!self) return false;
	CHECK_EQ(attr_int(self, "id"), attr_int(self, "own"));
	tally_decref(self);
	return true;
}

static void save_or_drop(void *context, unsigned number)
{
	struct factory *factory = context;
	if (number < MAKERS) {
		make_saved(factory, number);
		return;
	}
	while (atomic_load(&factory->working) > 0) {
		while (empty_harbour()) continue;
		CHECK(tally_gc_collect(2) >= 0);
		give_way();
	}
}

static void finalizers_bring_instances_back_while_others_collect(void)
{
	struct factory factory;
	begin_factory(&factory);
	harbour = must(tally_list_new());
	run_threads(MAKERS + 2, save_or_drop, &factory);
	for (int i = 0; i < 3; i++) {
		CHECK(tally_gc_collect(2) >= 0);
		while (empty_harbour()) continue;
	}
	tally_decref(harbour);
	end_factory(&factory, 1);
}

int main(void)
{
	classes_begin(240);
	tap_before_each(begin);
	TAP_RUN(a_class_changes_while_others_make_instances_and_call_methods);
	TAP_RUN(several_threads_change_a_class_and_its_base_and_no_change_is_lost);
	TAP_RUN(a_change_of_a_class_is_seen_by_the_next_look_of_any_thread);
	TAP_RUN(an_attribute_is_set_and_deleted_while_others_read_it);
	TAP_RUN(what_many_threads_set_is_all_there_also_in_the_dict_that_they_ask_for);
	TAP_RUN(the_names_of_what_stays_are_complete_while_others_come_and_go);
	TAP_RUN(classes_are_made_and_dropped_while_others_collect);
	TAP_RUN(classes_are_made_and_dropped_with_automatic_collections);
	TAP_RUN(instances_cross_threads_and_their_classes_follow);
	TAP_RUN(the_only_reference_to_an_instance_may_be_another_threads);
	TAP_RUN(an_instance_that_waits_on_another_threads_list_of_the_dying_keeps_its_class);
	TAP_RUN(an_instance_that_waits_for_another_threads_destructor_keeps_its_class);
	TAP_RUN(an_instance_whose_last_reference_another_thread_drops_lets_its_class_go);
	TAP_RUN(classes_and_instances_outlive_the_thread_that_made_them);
	TAP_RUN(the_last_of_what_remains_of_a_dead_class_takes_it_along_on_any_thread);
	TAP_RUN(several_threads_use_instances_as_keys_of_one_dict);
	TAP_RUN(finalizers_bring_instances_back_while_others_collect);
	return tap_end();
}
