// tests/list_readers.c: threads that read a list while another changes it, one kind of change at a time.
//
// An element is a tuple of a number and its complement, with nobody's reference but the list's: it dies at once when it is taken
// out, and its block and those of its ints are soon another's. Readers check that what they get is whole, and, where the change
// has an order (numbers grow, each pair is exchanged once), that no later look shows an earlier state. The list belongs to the
// thread that changes it, or to one that reads.
#include "fixture.h"

enum { THREADS = 3, MOST = 64 };

// ---- elements ----

static tally_object *element(int64_t number)
{
	tally_object *parts[2] = {counted(number), counted(-number - 1)};
	tally_object *made = must(tally_tuple_new(parts, 2));
	tally_decref(parts[0]);
	tally_decref(parts[1]);
	return made;
}

// The number of an element, whose reference is given up; -1 for none, when the error is that of an index outside.
static int64_t take_number(tally_object *object)
{
	if (!object) {
		CHECK_EQ(tally_error_code(), TALLY_ERROR_INDEX);
		tally_error_clear();
		return -1;
	}
	int64_t number = take_counted(tally_tuple_get(object, 0)), complement = take_counted(tally_tuple_get(object, 1));
	CHECK_EQ(complement, -number - 1);
	tally_decref(object);
	return number;
}

static int64_t number_at(tally_object *list, ptrdiff_t index) { return take_number(tally_list_get(list, index)); }

static void append(tally_object *list, int64_t number)
{
	tally_object *made = element(number);
	CHECK_EQ(tally_list_append(list, made), 0);
	tally_decref(made);
}

static void set(tally_object *list, ptrdiff_t index, int64_t number)
{
	tally_object *made = element(number);
	CHECK_EQ(tally_list_set(list, index, made), 0);
	tally_decref(made);
}

static void insert(tally_object *list, ptrdiff_t index, int64_t number)
{
	tally_object *made = element(number);
	CHECK_EQ(tally_list_insert(list, index, made), 0);
	tally_decref(made);
}

static size_t size_of(tally_object *list)
{
	size_t size = SIZE_MAX;
	CHECK_EQ(tally_list_size(list, &size), 0);
	return size;
}

// ---- scenes: thread 0 changes the list, the others read until it has done ----

struct scene {
	size_t size;                      // the list begins with the numbers from 0 on
	int times;                        // how many changes
	void (*change)(tally_object *list, int i);
	void (*read)(tally_object *list, uint64_t *state);
	unsigned owner;                   // the thread that makes the list
	_Atomic(tally_object *) list;
	atomic_int changes;               // how many have been
};

static struct scene *scene;

static void make_list(void)
{
	tally_object *list = must(tally_list_new());
	for (size_t i = 0; i < scene->size; i++) append(list, (int64_t)i);
	atomic_store(&scene->list, list);
}

static tally_object *await_list(unsigned number)
{
	if (number == scene->owner) make_list();
	while (!atomic_load(&scene->list)) tally_safepoint();
	return atomic_load(&scene->list);
}

static void take_part(void *context, unsigned number)
{
	uint64_t state = fixture_seed(number);
	tally_object *list = await_list(number);
	(void)context;
	for (int i = 0; number == 0 && i < scene->times; i++) {
		scene->change(list, i);
		atomic_store(&scene->changes, i + 1);
	}
	while (number != 0 && atomic_load(&scene->changes) < scene->times) scene->read(list, &state);
}

// Plays it twice: the list is that of the thread that changes it, and of one that reads. `check` looks at what is left.
static void play(struct scene *played, void (*check)(tally_object *list))
{
	played->times = tap_scale(played->times);
	scene = played;
	for (scene->owner = 0; scene->owner < 2; scene->owner++) {
		atomic_store(&scene->changes, 0);
		atomic_store(&scene->list, NULL);
		run_threads(THREADS, take_part, NULL);
		if (check) check(scene->list);
		tally_decref(scene->list);
	}
}

// ---- growing ----

static void append_next(tally_object *list, int i) { append(list, i); }

static void read_growing(tally_object *list, uint64_t *state)
{
	size_t size = size_of(list);
	if (size) CHECK_EQ(number_at(list, (ptrdiff_t)size - 1), (int64_t)size - 1);
	ptrdiff_t index = (ptrdiff_t)below(state, (unsigned)size + 2);
	int64_t number = number_at(list, index);
	CHECK(number == index || number == -1);
	CHECK(number == -1 || size_of(list) > (size_t)index);
	CHECK(index >= (ptrdiff_t)size || number == index);
}

static void whoever_has_seen_a_list_grow_finds_what_it_has_grown_by(void)
{
	play(&(struct scene){.times = 20000, .change = append_next, .read = read_growing}, NULL);
}

// ---- shrinking ----

static void pop_last(tally_object *list, int i)
{
	CHECK_EQ(take_number(tally_list_pop(list, -1)), scene->times - 1 - i);
}

static void read_shrinking(tally_object *list, uint64_t *state)
{
	size_t size = size_of(list);
	ptrdiff_t index = (ptrdiff_t)size - 1 - (ptrdiff_t)below(state, 3);
	int64_t number = index < 0 ? -1 : number_at(list, index);
	CHECK(number == index || number == -1);
	CHECK(number_at(list, (ptrdiff_t)size) == -1);
	number = number_at(list, -1);
	CHECK(number < (int64_t)size);
}

static void what_has_been_popped_is_not_seen_again(void)
{
	int times = tap_scale(20000);
	struct scene played = {.size = (size_t)times, .times = 20000, .change = pop_last, .read = read_shrinking};
	play(&played, NULL);
}

// ---- clearing and filling again ----

static void clear_and_fill(tally_object *list, int i)
{
	CHECK_EQ(tally_list_clear(list), 0);
	for (int place = 0; place < i % 5; place++) append(list, i);
}

static _Thread_local int64_t latest; // the greatest number that the thread has seen; each scene has threads of its own

static void read_generations(tally_object *list, uint64_t *state)
{
	int64_t number = number_at(list, (ptrdiff_t)below(state, 5));
	CHECK(number == -1 || number >= latest);
	if (number > latest) latest = number;
}

static void no_reader_goes_back_to_what_has_been_cleared(void)
{
	play(&(struct scene){.times = 12000, .change = clear_and_fill, .read = read_generations}, NULL);
}

// ---- overwriting ----

enum { PLACES = 4 };
static void set_next(tally_object *list, int i) { set(list, i % PLACES, i + PLACES); }

static void read_places(tally_object *list, uint64_t *state)
{
	ptrdiff_t place = (ptrdiff_t)below(state, PLACES);
	int64_t first = number_at(list, place), second = number_at(list, place - PLACES);
	CHECK_EQ(first % PLACES, place);
	CHECK_EQ(second % PLACES, place);
	CHECK(second >= first);
}

static void a_place_shows_what_was_put_there_last(void)
{
	play(&(struct scene){.size = PLACES, .times = 30000, .change = set_next, .read = read_places}, NULL);
}

// ---- exchanging: each pair once ----

static void swap_pair(tally_object *list, int i) { CHECK_EQ(tally_list_swap(list, 2 * i, 2 * i + 1), 0); }

static void read_pair(tally_object *list, uint64_t *state)
{
	int pair = atomic_load(&scene->changes) + (int)below(state, 2);
	ptrdiff_t at = 2 * (pair < scene->times ? pair : scene->times - 1);
	bool backwards = below(state, 2);
	int64_t one = number_at(list, at + backwards), other = number_at(list, at + !backwards);
	CHECK(one == at || one == at + 1);
	CHECK(other == at || other == at + 1);
	bool is_moved = one != at + backwards, is_other_moved = other != at + !backwards;
	CHECK(!is_moved || is_other_moved);
}

static void are_exchanged(tally_object *list)
{
	for (int i = 0; i < 2 * scene->times; i++) CHECK_EQ(number_at(list, i), i ^ 1);
}

static void whoever_has_seen_one_of_two_exchanged_sees_the_other_exchanged(void)
{
	int times = tap_scale(10000);
	struct scene played = {.size = 2 * (size_t)times, .times = 10000, .change = swap_pair, .read = read_pair};
	play(&played, are_exchanged);
}

// ---- a queue: elements come in front and go in front, the last one stays ----

static void push_or_pop_first(tally_object *list, int i)
{
	if (i % 3 < 2) insert(list, 0, i + 1);
	else CHECK(take_number(tally_list_pop(list, 0)) > 0);
	if (i % 192 == 191) CHECK_EQ(tally_list_set_slice(list, 0, -1, NULL, 0), 0);
}

static void read_queue(tally_object *list, uint64_t *state)
{
	CHECK_EQ(number_at(list, -1), 0);
	size_t size = size_of(list);
	CHECK(size >= 1);
	CHECK(number_at(list, (ptrdiff_t)below(state, (unsigned)size)) >= -1);
}

static void the_last_element_stays_the_last_whatever_comes_in_front(void)
{
	play(&(struct scene){.size = 1, .times = 15000, .change = push_or_pop_first, .read = read_queue}, NULL);
}

// ---- moving up: the first elements go, one by one ----

enum { STAY = 2000 };
static void pop_first(tally_object *list, int i) { CHECK_EQ(take_number(tally_list_pop(list, 0)), i); }

// What stands at a place tells how many have gone.
static void read_moving(tally_object *list, uint64_t *state)
{
	ptrdiff_t near = (ptrdiff_t)below(state, 10), far = STAY - 1 - (ptrdiff_t)below(state, 10);
	int64_t gone = number_at(list, near) - near, gone_then = number_at(list, far) - far, gone_last = number_at(list, near) - near;
	CHECK(gone >= 0 && gone_then >= gone);
	CHECK(gone_last >= gone_then);
}

static void whoever_has_seen_one_element_move_up_sees_all_moved(void)
{
	int times = tap_scale(10000);
	struct scene played = {.size = STAY + (size_t)times, .times = 10000, .change = pop_first, .read = read_moving};
	play(&played, NULL);
}

// ---- reversing and sorting ----

static void reverse(tally_object *list, int i)
{
	(void)i;
	CHECK_EQ(tally_list_reverse(list), 0);
}

static void read_reversed(tally_object *list, uint64_t *state)
{
	ptrdiff_t place = (ptrdiff_t)below(state, MOST - 1);
	int64_t number = number_at(list, place);
	CHECK(number == place || number == MOST - 2 - place);
}

static void an_element_of_a_reversed_list_is_at_one_of_two_places(void)
{
	play(&(struct scene){.size = MOST - 1, .times = 8000, .change = reverse, .read = read_reversed}, NULL);
}

static void disturb_and_sort(tally_object *list, int i)
{
	CHECK_EQ(tally_list_swap(list, i % MOST, i * 7 % MOST), 0);
	CHECK_EQ(tally_list_sort(list, NULL, i % 2), 0);
}

static void read_sorted(tally_object *list, uint64_t *state)
{
	int64_t number = number_at(list, (ptrdiff_t)below(state, MOST));
	size_t size = size_of(list);
	CHECK(number < MOST);
	CHECK(size == 0 || size == MOST);
}

static void a_list_that_is_being_sorted_is_whole_or_empty(void)
{
	play(&(struct scene){.size = MOST, .times = 1500, .change = disturb_and_sort, .read = read_sorted}, NULL);
}

// ---- slices ----

static void set_two(tally_object *list, int i)
{
	tally_object *items[4];
	size_t size = (size_t)(2 + i % 3), former = size_of(list) - 1;
	for (size_t k = 0; k < size; k++) items[k] = element(i + 1);
	CHECK_EQ(tally_list_set_slice(list, 0, (ptrdiff_t)former, items, size), 0);
	for (size_t k = 0; k < size; k++) tally_decref(items[k]);
}

static void read_slice(tally_object *list, uint64_t *state)
{
	tally_object *part = must(tally_list_slice(list, 0, -1, 1));
	size_t size = size_of(part);
	int64_t number = size ? number_at(part, 0) : 0;
	for (size_t i = 1; i < size; i++) CHECK_EQ(number_at(part, (ptrdiff_t)i), number);
	tally_decref(part);
	int64_t later = number_at(list, (ptrdiff_t)below(state, 2));
	CHECK(later == -1 || later >= number || later == 0);
	CHECK_EQ(number_at(list, -1), 0);
}

static void a_part_that_is_replaced_is_replaced_at_once(void)
{
	play(&(struct scene){.size = 1, .times = 6000, .change = set_two, .read = read_slice}, NULL);
}

// ---- iterators ----

static void read_all(tally_object *list, uint64_t *state)
{
	tally_object *iterator = must(below(state, 2) ? tally_iter(list) : tally_iter_reversed(list)), *item;
	int status;
	while ((status = tally_next(iterator, &item)) == 1) CHECK(take_number(item) >= 0);
	CHECK_EQ(status, 0);
	tally_decref(iterator);
}

static void change_anyhow(tally_object *list, int i)
{
	switch (i % 7) {
	case 0: insert(list, 0, i); break;
	case 1: insert(list, (ptrdiff_t)size_of(list) / 2, i); break;
	case 2: take_number(tally_list_pop(list, (ptrdiff_t)(i % 5))); break;
	case 3: reverse(list, i); break;
	case 4:
		if (size_of(list)) set(list, -1, i);
		break;
	case 5: append(list, i); break;
	default: take_number(tally_list_pop(list, -1));
	}
	if (i % 997 == 0) clear_and_fill(list, i);
}

static void an_iterator_invents_nothing_whatever_becomes_of_its_list(void)
{
	play(&(struct scene){.size = MOST, .times = 10000, .change = change_anyhow, .read = read_all}, NULL);
}

// ---- removing what is found ----

static void remove_and_append(tally_object *list, int i)
{
	tally_object *found = tally_list_get(list, i % MOST);
	CHECK_EQ(tally_list_remove(list, found), 1);
	CHECK_EQ(tally_list_append(list, found), 0);
	tally_decref(found);
}

static void read_any(tally_object *list, uint64_t *state)
{
	int64_t number = number_at(list, (ptrdiff_t)below(state, 2 * MOST) - MOST);
	CHECK(number >= -1 && number < MOST);
	size_t size = size_of(list);
	CHECK(size == MOST || size == MOST - 1);
}

static void are_all_there(tally_object *list)
{
	int64_t sum = 0;
	for (int i = 0; i < MOST; i++) sum += number_at(list, i);
	CHECK_EQ(sum, MOST * (MOST - 1) / 2);
}

static void what_is_removed_and_put_back_is_there_or_not(void)
{
	play(&(struct scene){.size = MOST, .times = 8000, .change = remove_and_append, .read = read_any}, are_all_there);
}

// ---- sections ----

static void set_in_section(tally_object *list, int i)
{
	tally_critical section;
	CHECK_EQ(tally_critical_begin(&section, list), 0);
	set(list, 0, 1);
	append(list, 1);
	set(list, 0, 2 * i);
	take_number(tally_list_pop(list, -1));
	CHECK_EQ(tally_critical_end(&section), 0);
}

static void read_even(tally_object *list, uint64_t *state)
{
	(void)state;
	int64_t first = number_at(list, 0), second = number_at(list, 0);
	CHECK_EQ(first % 2, 0);
	CHECK(second >= first);
	CHECK_EQ(size_of(list), 1);
}

static void what_is_done_in_a_section_is_not_seen_before_its_end(void)
{
	play(&(struct scene){.size = 1, .times = 6000, .change = set_in_section, .read = read_even}, NULL);
}

int main(void)
{
	fixture_begin(120);
	TAP_RUN(whoever_has_seen_a_list_grow_finds_what_it_has_grown_by);
	TAP_RUN(what_has_been_popped_is_not_seen_again);
	TAP_RUN(no_reader_goes_back_to_what_has_been_cleared);
	TAP_RUN(a_place_shows_what_was_put_there_last);
	TAP_RUN(whoever_has_seen_one_of_two_exchanged_sees_the_other_exchanged);
	TAP_RUN(the_last_element_stays_the_last_whatever_comes_in_front);
	TAP_RUN(whoever_has_seen_one_element_move_up_sees_all_moved);
	TAP_RUN(an_element_of_a_reversed_list_is_at_one_of_two_places);
	TAP_RUN(a_list_that_is_being_sorted_is_whole_or_empty);
	TAP_RUN(a_part_that_is_replaced_is_replaced_at_once);
	TAP_RUN(an_iterator_invents_nothing_whatever_becomes_of_its_list);
	TAP_RUN(what_is_removed_and_put_back_is_there_or_not);
	TAP_RUN(what_is_done_in_a_section_is_not_seen_before_its_end);
	return tap_end();
}
