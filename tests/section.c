// tests/section.c: critical sections: whom they keep out, what suspends them, how they nest, what waits for their end.
//
// In every build: `gil` has no lock of an object's own and must promise the same. There the switch interval is made
// tiny, so that threads change at almost every point.
#include "fixture.h"
#include "turns.h"

static void hurry(void)
{
	if (is_gil()) CHECK_EQ(tally_switch_interval_set(1000), 0);
}

static void add_one(tally_object *list)
{
	int64_t value = take_counted(tally_list_get(list, 0));
	tally_object *next = counted(value + 1);
	CHECK_EQ(tally_list_set(list, 0, next), 0);
	tally_decref(next);
}

static tally_object *list_of_one(int64_t value)
{
	tally_object *number = counted(value), *list = must(tally_list_from(&number, 1));
	tally_decref(number);
	return list;
}

static size_t size_of(tally_object *list)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &size), 0);
	return size;
}

// ---- exclusion ----

enum { THREADS = 4 };

static void add_in_sections(void *list, unsigned number)
{
	tally_critical section;
	(void)number;
	for (int i = tap_scale(100000); i > 0; i--) {
		tally_critical_begin(&section, list);
		add_one(list);
		tally_critical_end(&section);
	}
}

static void increments_by_get_and_set_inside_sections_are_never_lost(void)
{
	hurry();
	tally_object *list = list_of_one(0);
	run_threads(THREADS, add_in_sections, list);
	CHECK_EQ(take_counted(tally_list_get(list, 0)), THREADS * tap_scale(100000));
	tally_decref(list);
}

static void add_and_take_away_two(void *list, unsigned number)
{
	tally_critical section;
	if (number > 0) {
		unsigned odd = 0;
		for (int i = tap_scale(100000); i > 0; i--) odd += size_of(list) % 2;
		CHECK_EQ(odd, 0);
		return;
	}
	for (int i = tap_scale(30000); i > 0; i--) {
		tally_critical_begin(&section, list);
		CHECK_EQ(tally_list_append(list, tally_none()), 0);
		CHECK_EQ(tally_list_append(list, tally_none()), 0);
		tally_critical_end(&section);
		tally_critical_begin(&section, list);
		tally_decref(tally_list_pop(list, -1));
		tally_decref(tally_list_pop(list, -1));
		tally_critical_end(&section);
	}
}

static void an_operation_without_a_section_sees_no_section_half_done(void)
{
	hurry();
	tally_object *list = must(tally_list_new());
	run_threads(3, add_and_take_away_two, list);
	CHECK_EQ(size_of(list), 0);
	tally_decref(list);
}

static void move_between_keys(void *dict, unsigned number)
{
	tally_critical section;
	tally_object *from = counted(number % 2), *to = counted(1 - number % 2);
	for (int i = tap_scale(30000); i > 0; i--) {
		int64_t left = 0, right = 0;
		tally_critical_begin(&section, dict);
		CHECK_EQ(tally_dict_add(dict, from, -1, &left), 0);
		CHECK_EQ(tally_dict_add(dict, to, 1, &right), 0);
		if (left + right != 100) CHECK_EQ(left + right, 100);
		tally_critical_end(&section);
	}
	tally_decref(from);
	tally_decref(to);
}

static void two_keys_of_a_dict_change_as_one(void)
{
	hurry();
	tally_object *dict = must(tally_dict_new()), *key = counted(0);
	CHECK_EQ(tally_dict_add(dict, key, 100, NULL), 0);
	run_threads(THREADS, move_between_keys, dict);
	tally_decref(key);
	tally_decref(dict);
}

// Objects that need no lock of their own: the section is all that guards the host's counter.
static struct {
	tally_object *object;
	long counter;
} guarded;

static void count_in_sections(void *context, unsigned number)
{
	tally_critical section;
	(void)context;
	(void)number;
	for (int i = tap_scale(10000); i > 0; i--) {
		tally_critical_begin(&section, guarded.object);
		long seen = guarded.counter;
		tally_safepoint(); // a point: a gil that switched here would lose counts
		guarded.counter = seen + 1;
		tally_critical_end(&section);
	}
}

static void check_guards(tally_object *object)
{
	guarded.object = object;
	guarded.counter = 0;
	run_threads(THREADS, count_in_sections, NULL);
	if (!CHECK_EQ(guarded.counter, THREADS * tap_scale(10000))) tap_note("over a %s", tally_type_name(object));
	tally_decref(object);
}

static void a_section_may_stand_over_any_object_immutable_or_immortal(void)
{
	hurry();
	tally_object *number = counted(1 << 20), *type = fixture_probe_type();
	check_guards(must(tally_tuple_new(&number, 1)));
	check_guards(number);
	check_guards(text("text"));
	check_guards(must(tally_float_new(0.5)));
	check_guards(probe(type, 0));
	check_guards(must(tally_dict_new()));
	check_guards(tally_none());
	check_guards(tally_bool(false));
	check_guards(type);
}

// ---- nesting ----

static void operations_inside_a_section_on_its_object_do_not_wait_for_it(void)
{
	tally_critical section;
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new()), *key = counted(1);
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_list_append(list, key), 0);
	CHECK_EQ(tally_list_set(list, 0, key), 0);
	CHECK_EQ(tally_list_insert(list, 0, list), 0);
	CHECK_EQ(tally_dict_set(dict, key, list), 0); // another object
	CHECK_EQ(tally_equal(list, list), 1);
	tally_decref(tally_list_pop(list, 0));
	CHECK_EQ(tally_list_clear(list), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	tally_decref(dict);
	tally_decref(list);
	tally_decref(key);
}

static void sections_nest_on_one_object_and_on_many(void)
{
	enum { DEEP = 100 };
	tally_critical sections[2 * DEEP];
	tally_object *lists[DEEP];
	for (int i = 0; i < DEEP; i++) lists[i] = must(tally_list_new());
	for (int i = 0; i < 2 * DEEP; i++) CHECK_EQ(tally_critical_begin(&sections[i], lists[i % DEEP]), 0);
	for (int i = 0; i < DEEP; i++) CHECK_EQ(tally_list_append(lists[i], tally_none()), 0);
	for (int i = 2 * DEEP; i > 0; i--) CHECK_EQ(tally_critical_end(&sections[i - 1]), 0);
	for (int i = 0; i < DEEP; i++) {
		CHECK_EQ(size_of(lists[i]), 1);
		tally_decref(lists[i]);
	}
}

static void add_in_nested_sections(void *list, unsigned number)
{
	tally_critical outer, inner;
	(void)number;
	for (int i = tap_scale(30000); i > 0; i--) {
		tally_critical_begin(&outer, list);
		int64_t value = take_counted(tally_list_get(list, 0));
		tally_critical_begin(&inner, list);
		tally_critical_end(&inner);
		tally_object *next = counted(value + 1);
		tally_list_set(list, 0, next);
		tally_decref(next);
		tally_critical_end(&outer);
	}
}

static void the_end_of_an_inner_section_on_the_same_object_does_not_open_it(void)
{
	hurry();
	tally_object *list = list_of_one(0);
	run_threads(THREADS, add_in_nested_sections, list);
	CHECK_EQ(take_counted(tally_list_get(list, 0)), THREADS * tap_scale(30000));
	tally_decref(list);
}

static void sections_end_in_order_or_not_at_all(void)
{
	tally_critical outer, inner, stranger = {0};
	tally_object *a = must(tally_list_new()), *b = must(tally_list_new());
	CHECK_EQ(tally_critical_end(&outer), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "critical_end: not the innermost section of this thread");
	CHECK_EQ(tally_critical_begin(&outer, a), 0);
	CHECK_EQ(tally_critical_begin(&inner, b), 0);
	CHECK_EQ(tally_critical_end(&outer), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "critical_end: not the innermost section of this thread");
	CHECK_EQ(tally_critical_end(&stranger), -1);
	CHECK_EQ(tally_critical_end(NULL), -1);
	tally_error_clear();
	CHECK_EQ(tally_critical_end(&inner), 0);
	CHECK_EQ(tally_critical_end(&inner), -1);
	tally_error_clear();
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK_EQ(tally_critical_begin(&outer, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "critical_begin: expected an object, got NULL");
	tally_decref(a);
	tally_decref(b);
}

static void an_end_of_nothing_outside_any_section_is_refused(void)
{
	CHECK_EQ(tally_critical_end(NULL), -1);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_VALUE);
	tally_error_clear();
}

static void a_thread_inside_a_section_cannot_detach_for_good(void)
{
	tally_critical section;
	tally_token token;
	tally_object *list = must(tally_list_new());
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_thread_attach(&token), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	CHECK_EQ(tally_thread_detach(fixture_token), -1);
	CHECK_ERROR(TALLY_ERROR_THREAD, "thread_detach: a critical section is still open");
	CHECK_EQ(tally_critical_end(&section), 0);
	tally_decref(list);
}

// ---- waiting inside ----

static struct {
	stage at;
	tally_object *list;
} door;

static void come_in(void *unused, unsigned number)
{
	tally_critical section;
	(void)unused;
	(void)number;
	await(&door.at, 1); // the other is in its blocking region, inside its section
	CHECK_EQ(tally_list_append(door.list, tally_none()), 0);
	CHECK_EQ(tally_critical_begin(&section, door.list), 0);
	CHECK_EQ(tally_list_append(door.list, tally_none()), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	reach(&door.at, 2);
	await(&door.at, 3); // the other is back in its section
	CHECK_EQ(tally_list_append(door.list, tally_none()), 0); // waits for the section's end
	CHECK(has_reached(&door.at, 5));
	reach(&door.at, 6);
}

static void *come_in_attached(void *unused)
{
	tally_token token = attached();
	come_in(unused, 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void check_suspends_and_holds_again(void (*wait)(void))
{
	tally_critical section;
	hurry();
	door.list = must(tally_list_new());
	reach(&door.at, 0);
	pthread_t other = spawn(come_in_attached, NULL);
	CHECK_EQ(tally_critical_begin(&section, door.list), 0);
	CHECK_EQ(tally_list_append(door.list, tally_none()), 0);
	wait();
	CHECK_EQ(size_of(door.list), 3);
	reach(&door.at, 3);
	for (int i = 0; i < 2000; i++) { // long enough for whom the section does not keep out
		if (size_of(door.list) != 3) CHECK_EQ(size_of(door.list), 3);
		tally_safepoint();
		sched_yield();
	}
	reach(&door.at, 5);
	CHECK_EQ(tally_critical_end(&section), 0);
	await(&door.at, 6);
	finish(other);
	CHECK_EQ(size_of(door.list), 4);
	tally_decref(door.list);
}

static void wait_in_a_region(void)
{
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&door.at, 1);
	while (!has_reached(&door.at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
}

static void wait_in_a_region_attached_for_a_while(void)
{
	tally_token token;
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_thread_attach(&token), 0);
	CHECK_EQ(size_of(door.list), 1); // the section holds again, and lets its own thread through
	CHECK_EQ(tally_thread_detach(token), 0);
	reach(&door.at, 1);
	while (!has_reached(&door.at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
}

static void a_blocking_region_suspends_a_section_which_holds_again_afterwards(void)
{
	check_suspends_and_holds_again(wait_in_a_region);
}

static void an_attach_inside_the_region_resumes_the_section_and_its_detach_suspends_it(void)
{
	check_suspends_and_holds_again(wait_in_a_region_attached_for_a_while);
}

static void *stop_the_world_until(void *at)
{
	tally_token token = attached();
	while (!has_reached(at, 1)) tally_heap_trim(NULL);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_stopped_world_does_not_open_a_section(void)
{
	static stage done;
	hurry();
	reach(&done, 0);
	tally_object *list = must(tally_list_new());
	pthread_t stopper = spawn(stop_the_world_until, &done);
	run_threads(3, add_and_take_away_two, list);
	reach(&done, 1);
	finish(stopper);
	CHECK_EQ(size_of(list), 0);
	tally_decref(list);
}

static void add_after_a_wait(void *list, unsigned number)
{
	tally_critical outer, inner;
	(void)number;
	for (int i = tap_scale(10000); i > 0; i--) {
		tally_critical_begin(&outer, list);
		tally_critical_begin(&inner, list);
		CHECK_EQ(tally_blocking_begin(), 0);
		CHECK_EQ(tally_blocking_end(), 0);
		int64_t value = take_counted(tally_list_get(list, 0)); // from here on both hold again
		tally_critical_end(&inner);
		tally_object *next = counted(value + 1);
		tally_list_set(list, 0, next);
		tally_decref(next);
		tally_critical_end(&outer);
	}
}

static void after_a_wait_all_sections_on_the_object_hold_again_to_the_end_of_the_outermost(void)
{
	hurry();
	tally_object *list = list_of_one(0);
	run_threads(THREADS, add_after_a_wait, list);
	CHECK_EQ(take_counted(tally_list_get(list, 0)), THREADS * tap_scale(10000));
	tally_decref(list);
}

// ---- deaths ----

static void deaths_inside_wait_for_the_end_of_the_outermost_section(void)
{
	tally_critical outer, inner;
	tally_object *type = fixture_probe_type(), *list = must(tally_list_new()), *other = must(tally_list_new());
	CHECK_EQ(tally_critical_begin(&outer, list), 0);
	tally_decref(probe(type, 2));
	CHECK_EQ(tally_critical_begin(&inner, other), 0);
	tally_decref(probe(type, 1));
	CHECK_EQ(tally_safepoint(), 0);
	check_died_in_order(0);
	CHECK_EQ(tally_critical_end(&inner), 0);
	check_died_in_order(0);
	tally_decref(probe(type, 0));
	CHECK_EQ(tally_blocking_begin(), 0);
	check_died_in_order(0);
	CHECK_EQ(tally_blocking_end(), 0);
	check_died_in_order(0);
	CHECK_EQ(tally_critical_end(&outer), 0);
	check_died_in_order(3); // what was given up last first
	tally_decref(list);
	tally_decref(other);
}

// The host's object that a destructor, run at the end of a section, takes a section over.
static void take_a_section(void *payload, void *context)
{
	tally_critical section;
	tally_object *list = *(tally_object **)payload;
	(void)context;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
}

static void a_destructor_may_take_a_section_on_the_object_of_the_section_that_held_it_up(void)
{
	tally_critical section;
	tally_host_type description = {.size = sizeof description, .name = "x", .payload_size = 8, .dealloc = take_a_section};
	tally_object *type = must(tally_host_type_new(&description)), *list = must(tally_list_new());
	for (int i = 0; i < 3; i++) {
		tally_object *object = must(tally_host_new(type));
		*(tally_object **)tally_host_payload(object, type) = list;
		CHECK_EQ(tally_critical_begin(&section, list), 0);
		tally_decref(object);
		CHECK_EQ(size_of(list), (size_t)i);
		CHECK_EQ(tally_critical_end(&section), 0);
		CHECK_EQ(size_of(list), (size_t)i + 1);
	}
	tally_decref(list);
}

static void the_object_of_a_section_lives_on_while_its_caller_keeps_it(void)
{
	tally_critical section;
	tally_object *type = fixture_probe_type(), *object = probe(type, 0);
	CHECK_EQ(tally_critical_begin(&section, object), 0);
	tally_incref(object);
	tally_decref(object);
	CHECK_EQ(tally_critical_end(&section), 0);
	check_died_in_order(0);
	tally_decref(object);
	check_died_in_order(1);
}

// ---- two objects ----

enum { SUM = 1000 };

struct pair {
	tally_object *a, *b;
};

static struct pair pair_of(int64_t a, int64_t b) { return (struct pair){list_of_one(a), list_of_one(b)}; }

static void drop_pair(struct pair *pair)
{
	tally_decref(pair->a);
	tally_decref(pair->b);
}

static int64_t number_in(tally_object *list) { return take_counted(tally_list_get(list, 0)); }

static void set_value(tally_object *list, int64_t value)
{
	tally_object *number = counted(value);
	CHECK_EQ(tally_list_set(list, 0, number), 0);
	tally_decref(number);
}

// In either order, one of them twice, each inside the other: number says which.
static void move_between(void *context, unsigned number)
{
	struct pair *pair = context;
	tally_object *first = number % 2 ? pair->a : pair->b, *second = number % 2 ? pair->b : pair->a;
	tally_critical section, inner;
	for (int i = tap_scale(30000); i > 0; i--) {
		CHECK_EQ(tally_critical_begin_two(&section, first, second), 0);
		int64_t left = number_in(first), right = number_in(second);
		if (left + right != SUM) CHECK_EQ(left + right, SUM);
		set_value(first, left - 1);
		if (i % 4 == 0) CHECK_EQ(tally_critical_begin_two(&inner, second, first), 0);
		if (i % 4 == 1) CHECK_EQ(tally_critical_begin(&inner, second), 0);
		if (i % 4 == 2) CHECK_EQ(tally_critical_begin_two(&inner, first, first), 0);
		set_value(second, right + 1);
		if (i % 4 < 3) CHECK_EQ(tally_critical_end(&inner), 0);
		CHECK_EQ(tally_critical_end(&section), 0);
	}
}

static void a_section_over_two_shows_and_changes_both_as_one_whatever_their_order(void)
{
	hurry();
	struct pair pair = pair_of(SUM, 0);
	run_threads(THREADS, move_between, &pair);
	CHECK_EQ(number_in(pair.a) + number_in(pair.b), SUM);
	CHECK_EQ(number_in(pair.a), SUM); // as many went there as came back
	drop_pair(&pair);
}

// Lets others in between, now and then, if anybody does.
static void add_one_slowly(tally_object *list, int turn)
{
	int64_t value = number_in(list);
	if (turn % 64 < 2) sched_yield();
	set_value(list, value + 1);
}

static void add_to_one_or_both(void *context, unsigned number)
{
	struct pair *pair = context;
	tally_object *first = number % 2 ? pair->a : pair->b, *second = number % 2 ? pair->b : pair->a;
	tally_critical section;
	for (int i = tap_scale(30000); i > 0; i--) {
		bool both = i % 2;
		if (both) CHECK_EQ(tally_critical_begin_two(&section, first, second), 0);
		else CHECK_EQ(tally_critical_begin(&section, first), 0);
		add_one_slowly(first, i);
		if (both) add_one_slowly(second, i);
		CHECK_EQ(tally_critical_end(&section), 0);
	}
}

static void sections_over_two_and_over_one_of_them_keep_each_other_out(void)
{
	hurry();
	struct pair pair = pair_of(0, 0);
	run_threads(THREADS, add_to_one_or_both, &pair);
	CHECK_EQ(number_in(pair.a) + number_in(pair.b), (int64_t)THREADS * (tap_scale(30000) + (tap_scale(30000) + 1) / 2));
	drop_pair(&pair);
}

static atomic_uint shifted; // threads that are done

static void shift_items(void *context, unsigned number)
{
	struct pair *pair = context;
	tally_critical section;
	if (number > 1) { // no section: each list alone has never an odd number of items
		unsigned odd = 0;
		while (atomic_load(&shifted) < 2) odd += size_of(number % 2 ? pair->a : pair->b) % 2;
		CHECK_EQ(odd, 0);
		return;
	}
	for (int i = tap_scale(20000); i > 0; i--) {
		tally_object *from = i % 2 ? pair->a : pair->b, *to = i % 2 ? pair->b : pair->a;
		CHECK_EQ(tally_critical_begin_two(&section, number ? pair->a : pair->b, number ? pair->b : pair->a), 0);
		for (int each = size_of(from) ? 2 : 0; each > 0; each--) {
			tally_object *item = must(tally_list_pop(from, -1));
			CHECK_EQ(tally_list_append(to, item), 0);
			tally_decref(item);
			if (i % 64 == 0) sched_yield();
		}
		CHECK_EQ(tally_critical_end(&section), 0);
	}
	atomic_fetch_add(&shifted, 1);
}

static void an_operation_on_either_object_sees_no_section_over_both_half_done(void)
{
	hurry();
	struct pair pair = {must(tally_list_new()), must(tally_list_new())};
	for (int i = 0; i < 10; i++) CHECK_EQ(tally_list_append(i % 2 ? pair.a : pair.b, tally_none()), 0);
	CHECK_EQ(tally_list_append(pair.a, tally_none()), 0);
	CHECK_EQ(tally_list_append(pair.b, tally_none()), 0);
	atomic_store(&shifted, 0);
	run_threads(4, shift_items, &pair);
	CHECK_EQ(size_of(pair.a) + size_of(pair.b), 12);
	drop_pair(&pair);
}

static void nest_three(void *context, unsigned number)
{
	tally_object **three = context;
	tally_object *x = three[number % 3], *y = three[(number + 1) % 3], *z = three[(number + 2) % 3];
	tally_critical outer, two, inner;
	for (int i = tap_scale(20000); i > 0; i--) {
		CHECK_EQ(tally_critical_begin(&outer, x), 0);
		CHECK_EQ(tally_critical_begin_two(&two, i % 2 ? y : z, i % 2 ? z : x), 0);
		add_one(z); // holds both for certain
		CHECK_EQ(tally_critical_begin(&inner, y), 0);
		add_one(y);
		CHECK_EQ(tally_critical_end(&inner), 0);
		add_one(z);
		CHECK_EQ(tally_critical_end(&two), 0);
		add_one(x);
		CHECK_EQ(tally_critical_end(&outer), 0);
	}
}

static void six_threads_that_nest_sections_over_one_and_two_of_three_in_all_orders_do_not_deadlock(void)
{
	hurry();
	int64_t sum = 0;
	tally_object *three[3];
	for (int i = 0; i < 3; i++) three[i] = list_of_one(0);
	run_threads(6, nest_three, three);
	for (int i = 0; i < 3; i++) {
		sum += number_in(three[i]);
		tally_decref(three[i]);
	}
	CHECK_EQ(sum, (int64_t)6 * 4 * tap_scale(20000));
}

static void operations_inside_on_either_object_do_not_wait(void)
{
	tally_critical section;
	tally_object *list = must(tally_list_new()), *dict = must(tally_dict_new()), *key = counted(1), *value = NULL;
	for (int turn = 0; turn < 2; turn++) {
		CHECK_EQ(tally_critical_begin_two(&section, turn ? list : dict, turn ? dict : list), 0);
		CHECK_EQ(tally_list_append(list, key), 0);
		CHECK_EQ(tally_dict_set(dict, key, list), 0);
		CHECK_EQ(tally_dict_get(dict, key, &value), 1);
		CHECK(value == list);
		tally_decref(value);
		CHECK_EQ(size_of(list), (size_t)turn + 1);
		CHECK_EQ(tally_critical_end(&section), 0);
	}
	tally_decref(dict);
	tally_decref(list);
	tally_decref(key);
}

static void what_is_no_pair_of_objects_is_refused_and_what_is_one_twice_is_a_section_over_it(void)
{
	tally_critical outer, section;
	tally_object *list = must(tally_list_new());
	CHECK_EQ(tally_critical_begin_two(&section, list, NULL), -1);
	CHECK_ERROR(TALLY_ERROR_TYPE, "critical_begin_two: expected an object, got NULL");
	CHECK_EQ(tally_critical_begin_two(&section, NULL, list), -1);
	CHECK_EQ(tally_critical_begin_two(&section, NULL, NULL), -1);
	CHECK_EQ(tally_critical_end(&section), -1); // none was begun
	tally_error_clear();
	CHECK_EQ(tally_critical_begin_two(&outer, list, list), 0);
	CHECK_EQ(tally_critical_begin_two(&section, list, tally_none()), 0);
	CHECK_EQ(tally_list_append(list, tally_none()), 0);
	CHECK_EQ(tally_critical_end(&outer), -1);
	CHECK_ERROR(TALLY_ERROR_VALUE, "critical_end: not the innermost section of this thread");
	CHECK_EQ(tally_critical_end(&section), 0);
	CHECK_EQ(tally_critical_end(&outer), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_critical_begin_two(&section, list, list), -1);
	CHECK_EQ(tally_blocking_end(), 0);
	CHECK_EQ(tally_error_code(), TALLY_ERROR_THREAD);
	tally_error_clear();
	tally_decref(list);
}

static struct {
	stage at;
	struct pair pair;
} two_doors;

static void *come_in_by_both(void *unused)
{
	(void)unused;
	tally_critical section;
	tally_token token = attached();
	await(&two_doors.at, 1); // the other is in its blocking region, inside its section over both
	CHECK_EQ(tally_critical_begin_two(&section, two_doors.pair.b, two_doors.pair.a), 0);
	CHECK_EQ(tally_list_append(two_doors.pair.a, tally_none()), 0);
	CHECK_EQ(tally_list_append(two_doors.pair.b, tally_none()), 0);
	CHECK_EQ(tally_critical_end(&section), 0);
	reach(&two_doors.at, 2);
	await(&two_doors.at, 3); // the other is back in its section
	CHECK_EQ(tally_list_append(two_doors.pair.b, tally_none()), 0); // waits for its end
	CHECK(has_reached(&two_doors.at, 4));
	CHECK_EQ(tally_list_append(two_doors.pair.a, tally_none()), 0);
	CHECK_EQ(tally_thread_detach(token), 0);
	return NULL;
}

static void a_blocking_region_suspends_both_and_both_are_held_again_afterwards(void)
{
	tally_critical section;
	hurry();
	two_doors.pair = (struct pair){must(tally_list_new()), must(tally_list_new())};
	reach(&two_doors.at, 0);
	pthread_t other = spawn(come_in_by_both, NULL);
	CHECK_EQ(tally_critical_begin_two(&section, two_doors.pair.a, two_doors.pair.b), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	reach(&two_doors.at, 1);
	while (!has_reached(&two_doors.at, 2)) sched_yield();
	CHECK_EQ(tally_blocking_end(), 0);
	reach(&two_doors.at, 3);
	for (int i = 0; i < 2000; i++) { // long enough for whom the section does not keep out
		size_t sum = size_of(two_doors.pair.a) + size_of(two_doors.pair.b);
		if (sum != 2) CHECK_EQ(sum, 2);
		tally_safepoint();
		sched_yield();
	}
	reach(&two_doors.at, 4);
	CHECK_EQ(tally_critical_end(&section), 0);
	finish(other);
	CHECK_EQ(size_of(two_doors.pair.a) + size_of(two_doors.pair.b), 4);
	drop_pair(&two_doors.pair);
}

static void deaths_inside_a_section_over_two_wait_for_its_end(void)
{
	tally_critical section;
	tally_object *type = fixture_probe_type();
	struct pair pair = {must(tally_list_new()), must(tally_list_new())};
	CHECK_EQ(tally_critical_begin_two(&section, pair.a, pair.b), 0);
	tally_decref(probe(type, 0));
	CHECK_EQ(tally_safepoint(), 0);
	check_died_in_order(0);
	CHECK_EQ(tally_critical_end(&section), 0);
	check_died_in_order(1);
	drop_pair(&pair);
}

static void *end_in_a_region_inside(void *pair)
{
	tally_critical section;
	attached();
	CHECK_EQ(tally_critical_begin_two(&section, ((struct pair *)pair)->a, ((struct pair *)pair)->b), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	return NULL;
}

static void a_thread_that_ends_in_a_region_inside_a_section_over_two_leaves_both_free(void)
{
	struct pair pair = pair_of(0, 0);
	finish(spawn(end_in_a_region_inside, &pair));
	add_one(pair.a);
	add_one(pair.b);
	CHECK_EQ(number_in(pair.a) + number_in(pair.b), 2);
	drop_pair(&pair);
}

// The runtime ends while its last thread is in a region inside sections of each kind: it has none afterwards.
static void a_runtime_that_ends_in_a_region_inside_sections_leaves_its_thread_without_any(void)
{
	tally_critical section;
	tally_read reading;
	struct pair pair = pair_of(0, 0); // goes with the runtime
	uint64_t leaked = 0;
	CHECK_EQ(tally_critical_begin_two(&section, pair.a, pair.b), 0);
	CHECK_EQ(tally_read_begin(&reading, pair.a), 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	CHECK_EQ(tally_fini(0, &leaked), 0);
	CHECK(leaked > 0);
	CHECK_EQ(tally_init(NULL), 0);
	CHECK_EQ(tally_thread_attach(&fixture_token), 0);
	CHECK_EQ(tally_critical_end(&section), -1);
	CHECK_EQ(tally_read_end(&reading), -1);
	tally_error_clear();
	CHECK_EQ(tally_thread_detach(fixture_token), 0); // no section is open
	CHECK_EQ(tally_thread_attach(&fixture_token), 0);
}

// ---- no deadlock ----

static void nest_two(void *context, unsigned number)
{
	struct pair *pair = context;
	tally_object *first = number % 2 ? pair->a : pair->b, *second = number % 2 ? pair->b : pair->a;
	tally_critical outer, inner;
	for (int i = tap_scale(30000); i > 0; i--) {
		CHECK_EQ(tally_critical_begin(&outer, first), 0);
		CHECK_EQ(tally_critical_begin(&inner, second), 0);
		add_one(second); // the inner section holds for certain; the outer one may have waited
		CHECK_EQ(tally_critical_end(&inner), 0);
		add_one(first);
		CHECK_EQ(tally_critical_end(&outer), 0);
	}
}

static void check_nesting(unsigned threads)
{
	hurry();
	struct pair pair = {list_of_one(0), list_of_one(0)};
	run_threads(threads, nest_two, &pair);
	CHECK_EQ(take_counted(tally_list_get(pair.a, 0)), (int64_t)threads * tap_scale(30000));
	CHECK_EQ(take_counted(tally_list_get(pair.b, 0)), (int64_t)threads * tap_scale(30000));
	tally_decref(pair.a);
	tally_decref(pair.b);
}

static void two_threads_that_nest_in_opposite_orders_do_not_deadlock(void) { check_nesting(2); }

static void eight_threads_that_nest_in_opposite_orders_do_not_deadlock(void) { check_nesting(8); }

enum { OBJECTS = 4, DEPTH = 4 };
static tally_object *many[OBJECTS];

// Whatever a host may do inside sections: other objects, regions, deaths, stops.
static atomic_ullong additions;

static void do_anything(uint64_t *state, unsigned depth)
{
	tally_critical section;
	tally_object *object = many[below(state, OBJECTS)], *other = many[below(state, OBJECTS)];
	if (below(state, 2)) CHECK_EQ(tally_critical_begin(&section, object), 0);
	else CHECK_EQ(tally_critical_begin_two(&section, object, other), 0);
	tally_object *key = counted(0);
	CHECK_EQ(tally_dict_add(many[below(state, OBJECTS)], key, 1, NULL), 0);
	atomic_fetch_add(&additions, 1);
	tally_decref(key);
	switch (below(state, 8)) {
	case 0: CHECK_EQ(tally_blocking_begin(), 0); sched_yield(); CHECK_EQ(tally_blocking_end(), 0); break;
	case 1: CHECK_EQ(tally_safepoint(), 0); break;
	case 2: tally_decref(must(tally_list_new())); break;
	case 3: tally_heap_trim(NULL); break;
	default: if (depth < DEPTH) do_anything(state, depth + 1);
	}
	CHECK_EQ(tally_critical_end(&section), 0);
}

static void do_anything_often(void *context, unsigned number)
{
	uint64_t state = fixture_seed(number);
	(void)context;
	for (int i = tap_scale(10000); i > 0; i--) do_anything(&state, 1);
}

static void sections_operations_regions_and_stops_mix_without_a_deadlock(void)
{
	hurry();
	int64_t sum = 0;
	tally_object *key = counted(0);
	atomic_store(&additions, 0);
	for (int i = 0; i < OBJECTS; i++) many[i] = must(tally_dict_new());
	run_threads(THREADS, do_anything_often, NULL);
	for (int i = 0; i < OBJECTS; i++) {
		int64_t part = 0;
		CHECK_EQ(tally_dict_add(many[i], key, 0, &part), 0);
		sum += part;
		tally_decref(many[i]);
	}
	CHECK_EQ(sum, (int64_t)atomic_load(&additions));
	tally_decref(key);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(increments_by_get_and_set_inside_sections_are_never_lost);
	TAP_RUN(an_operation_without_a_section_sees_no_section_half_done);
	TAP_RUN(two_keys_of_a_dict_change_as_one);
	TAP_RUN(a_section_may_stand_over_any_object_immutable_or_immortal);
	TAP_RUN(operations_inside_a_section_on_its_object_do_not_wait_for_it);
	TAP_RUN(sections_nest_on_one_object_and_on_many);
	TAP_RUN(the_end_of_an_inner_section_on_the_same_object_does_not_open_it);
	TAP_RUN(sections_end_in_order_or_not_at_all);
	TAP_RUN(a_thread_inside_a_section_cannot_detach_for_good);
	TAP_RUN(a_blocking_region_suspends_a_section_which_holds_again_afterwards);
	TAP_RUN(an_attach_inside_the_region_resumes_the_section_and_its_detach_suspends_it);
	TAP_RUN(after_a_wait_all_sections_on_the_object_hold_again_to_the_end_of_the_outermost);
	TAP_RUN(a_stopped_world_does_not_open_a_section);
	TAP_RUN(deaths_inside_wait_for_the_end_of_the_outermost_section);
	TAP_RUN(a_destructor_may_take_a_section_on_the_object_of_the_section_that_held_it_up);
	TAP_RUN(the_object_of_a_section_lives_on_while_its_caller_keeps_it);
	TAP_RUN(a_section_over_two_shows_and_changes_both_as_one_whatever_their_order);
	TAP_RUN(sections_over_two_and_over_one_of_them_keep_each_other_out);
	TAP_RUN(an_operation_on_either_object_sees_no_section_over_both_half_done);
	TAP_RUN(operations_inside_on_either_object_do_not_wait);
	TAP_RUN(what_is_no_pair_of_objects_is_refused_and_what_is_one_twice_is_a_section_over_it);
	TAP_RUN(a_blocking_region_suspends_both_and_both_are_held_again_afterwards);
	TAP_RUN(deaths_inside_a_section_over_two_wait_for_its_end);
	TAP_RUN(a_thread_that_ends_in_a_region_inside_a_section_over_two_leaves_both_free);
	TAP_RUN(a_runtime_that_ends_in_a_region_inside_sections_leaves_its_thread_without_any);
	TAP_RUN(six_threads_that_nest_sections_over_one_and_two_of_three_in_all_orders_do_not_deadlock);
	TAP_RUN(two_threads_that_nest_in_opposite_orders_do_not_deadlock);
	TAP_RUN(eight_threads_that_nest_in_opposite_orders_do_not_deadlock);
	TAP_RUN(sections_operations_regions_and_stops_mix_without_a_deadlock);
	TAP_RUN(an_end_of_nothing_outside_any_section_is_refused);
	return tap_end();
}
