// tests/shared_objects.c: objects that threads take out of what other threads are changing: they are whole, and they stay.
//
// Two kinds of object show by themselves when they are not: a word, a str that is one letter many times over, of a length that
// follows from the letter; and a witness, a host object whose payload is overwritten when it dies.
#include "callables.h"

enum { LETTERS = 26, LONGEST = 20 + LETTERS, SWITCH_NS = 20000 };

static unsigned rounds(void) { return tap_scale(60000u); }

// ---- words ----

static size_t length_of(unsigned letter) { return 20 + letter; }

static tally_object *word(unsigned letter)
{
	char bytes[LONGEST];
	memset(bytes, (char)('a' + letter), length_of(letter));
	return must(tally_str_new(bytes, length_of(letter)));
}

// Whether a word stands there; *size is its length.
static bool is_word(const char *bytes, size_t most, size_t *size)
{
	unsigned letter = (unsigned)(bytes[0] - 'a');
	if (!most || letter >= LETTERS || length_of(letter) > most) return false;
	*size = length_of(letter);
	for (size_t i = 0; i < *size; i++)
		if (bytes[i] != bytes[0]) return false;
	return true;
}

// How many words with a '-' in between the str is, whose reference is given up; SIZE_MAX: it is something else.
static size_t count_words(tally_object *str)
{
	size_t left, size, count = 0;
	const char *bytes = tally_str_utf8(str, &left);
	while (left) {
		bool is_right = is_word(bytes, left, &size) && (left == size || bytes[size] == '-');
		count = is_right ? count + 1 : SIZE_MAX;
		if (!is_right || left == size) break;
		bytes += size + 1;
		left -= size + 1;
	}
	tally_decref(str);
	return count;
}

// ---- witnesses ----

enum { ALIVE = 0x600D600D, GONE = 0x0BAD0BAD };

static struct {
	tally_object *type;
	atomic_llong made, dead;
} witnesses;

static void witness_dies(void *payload, void *context)
{
	(void)context;
	atomic_fetch_add(&witnesses.dead, *(unsigned *)payload == ALIVE ? 1 : 1000000); // a second death does not balance
	*(unsigned *)payload = GONE;
}

static void begin_witnesses(void)
{
	tally_host_type description = {
		.size = sizeof description, .name = "witness", .payload_size = sizeof(unsigned), .dealloc = witness_dies};
	witnesses.type = must(tally_host_type_new(&description));
	atomic_store(&witnesses.made, 0);
	atomic_store(&witnesses.dead, 0);
}

static void end_witnesses(void) { CHECK_EQ(atomic_load(&witnesses.made), atomic_load(&witnesses.dead)); }

static tally_object *witness(void)
{
	tally_object *object = must(tally_host_new(witnesses.type));
	*(unsigned *)tally_host_payload(object, witnesses.type) = ALIVE;
	atomic_fetch_add(&witnesses.made, 1);
	return object;
}

static bool is_alive(tally_object *object)
{
	const unsigned *payload = tally_host_payload(object, witnesses.type);
	return payload && *payload == ALIVE;
}

// ---- join ----

struct joining {
	tally_object *list, *separator;
	size_t most; // words that the list ever has
	size_t step; // they come and go so many at a time
	atomic_uint readers;
};

static void join_often(struct joining *joining)
{
	for (unsigned i = 0; i < rounds(); i++) {
		size_t count = count_words(must(tally_str_join(joining->separator, joining->list)));
		if (!CHECK(count <= joining->most && count % joining->step == 0)) break;
	}
	atomic_fetch_sub(&joining->readers, 1);
}

static void extend_and_clear(struct joining *joining)
{
	for (unsigned i = 0; atomic_load(&joining->readers); i++) {
		tally_object *words[3] = {word(i % LETTERS), word((i + 1) % LETTERS), word((i + 2) % LETTERS)};
		if (i % 10 == 9) CHECK_EQ(tally_list_clear(joining->list), 0);
		else CHECK_EQ(tally_list_extend(joining->list, words, 3), 0);
		for (int k = 0; k < 3; k++) tally_decref(words[k]);
	}
}

static void extend_or_join(void *context, unsigned number)
{
	if (number) join_often(context);
	else extend_and_clear(context);
}

static void replace_words(struct joining *joining)
{
	for (unsigned i = 0; atomic_load(&joining->readers); i++) {
		tally_object *fresh = word(i * 7 % LETTERS);
		CHECK_EQ(tally_list_set(joining->list, (ptrdiff_t)(i % joining->most), fresh), 0);
		tally_decref(fresh); // the list has the only reference
	}
}

static void replace_or_join(void *context, unsigned number)
{
	if (number) join_often(context);
	else replace_words(context);
}

static void join_while(void (*run)(void *context, unsigned number), size_t words, size_t most, size_t step)
{
	struct joining joining = {must(tally_list_new()), text("-"), most, step, 3};
	for (unsigned i = 0; i < words; i++) {
		tally_object *first = word(i % LETTERS);
		CHECK_EQ(tally_list_append(joining.list, first), 0);
		tally_decref(first);
	}
	run_threads(4, run, &joining);
	CHECK_NO_ERROR();
	tally_decref(joining.list);
	tally_decref(joining.separator);
}

static void a_join_sees_a_list_that_is_extended_and_cleared_as_it_was_at_some_moment(void)
{
	join_while(extend_or_join, 0, 27, 3);
}

static void a_join_over_words_that_live_shortly_is_made_of_whole_words(void) { join_while(replace_or_join, 8, 8, 8); }

// ---- cells ----

struct closure {
	tally_object *cells[2], *function;
};

// Puts its argument into the captured cell, and returns what was there before.
static tally_object *exchange(void *context, tally_object *const *captured, tally_object *const *arguments, size_t count)
{
	tally_object *former;
	(void)context, (void)count;
	if (tally_cell_get(captured[0], &former) < 0 || tally_cell_set(captured[0], arguments[0])) return NULL;
	return former ? former : tally_none();
}

static void look_at_cell(tally_object *cell)
{
	tally_object *value;
	int found = tally_cell_get(cell, &value);
	CHECK(found == 1 ? is_alive(value) : found == 0 && !value);
	tally_decref(value);
	tally_object *shown = must(tally_repr(cell));
	const char *text = tally_str_utf8(shown, NULL);
	CHECK(strncmp(text, "<cell at 0x", 11) == 0 && (strstr(text, ": witness at 0x") || strstr(text, ": empty>")));
	tally_decref(shown);
}

static void use_closure(void *context, unsigned number)
{
	struct closure *closure = context;
	for (unsigned i = 0; i < rounds() / 2; i++) {
		tally_object *value = witness(), *cell = closure->cells[(i + number) % 2];
		tally_object *former = must(tally_call(closure->function, &value, 1));
		CHECK(tally_is_none(former) || is_alive(former));
		tally_decref(former);
		CHECK_EQ(tally_cell_set(cell, i % 5 ? value : NULL), 0);
		tally_decref(value);
		look_at_cell(cell);
		CHECK_EQ(tally_equal(closure->cells[0], closure->cells[1]), 0);
		CHECK_EQ(tally_equal(cell, cell), 1);
	}
}

static void a_closures_cell_is_read_written_compared_and_shown_by_two_threads(void)
{
	struct closure closure = {{must(tally_cell_new(NULL)), must(tally_cell_new(NULL))}, NULL};
	tally_function_spec spec = function_spec("exchange", exchange, NULL);
	begin_witnesses();
	spec.captured = closure.cells;
	spec.captures = 1;
	closure.function = must(tally_function_new(&spec));
	run_threads(2, use_closure, &closure);
	CHECK_NO_ERROR();
	tally_decref(closure.function);
	for (int i = 0; i < 2; i++) tally_decref(closure.cells[i]);
	end_witnesses();
}

// Each thread counts up what it stores: whoever looks sees no thread's numbers go down.
static void count_up_in_cell(void *context, unsigned number)
{
	tally_object *cell = context, *value;
	int64_t last[2] = {0, 0};
	for (unsigned i = 1; i <= rounds(); i++) {
		tally_object *mine = integer(COUNTED + 2 * (int64_t)i + number);
		CHECK_EQ(tally_cell_set(cell, mine), 0);
		tally_decref(mine);
		CHECK_EQ(tally_cell_get(cell, &value), 1);
		int64_t seen = take_value(value) - COUNTED;
		if (!CHECK(seen >= last[seen % 2])) break;
		last[seen % 2] = seen;
	}
}

static void what_two_threads_store_in_a_cell_is_seen_in_the_order_in_which_it_was_stored(void)
{
	tally_object *cell = must(tally_cell_new(NULL));
	run_threads(2, count_up_in_cell, cell);
	tally_decref(cell);
}

// ---- what accessors return is the caller's ----

struct crowd {
	tally_object *list, *dict, *instance, *cell, *keys[4];
	atomic_uint readers;
};

// Replaces everything, so that the container's reference to what others have taken goes.
static void change_all(struct crowd *crowd)
{
	for (unsigned i = 0; atomic_load(&crowd->readers); i++) {
		tally_object *fresh = witness(), *key = crowd->keys[i % 4];
		CHECK_EQ(tally_list_set(crowd->list, i % 4, fresh), 0);
		CHECK_EQ(tally_dict_set(crowd->dict, key, fresh), 0);
		if (i % 3 == 0) CHECK(tally_dict_pop(crowd->dict, key, NULL) >= 0);
		CHECK_EQ(tally_attr_set(crowd->instance, key, fresh), 0);
		if (i % 3 == 1) CHECK(tally_attr_delete(crowd->instance, key) >= 0);
		CHECK_EQ(tally_cell_set(crowd->cell, fresh), 0);
		tally_decref(fresh);
		if (i % 16 == 0) CHECK_EQ(tally_dict_clear(crowd->dict), 0);
		CHECK_EQ(tally_list_reverse(crowd->list), 0);
	}
}

enum { KEPT = 8 }; // so many are kept over the next changes

static tally_object *take(struct crowd *crowd, unsigned i, tally_object *mine)
{
	tally_object *key = crowd->keys[i % 4], *found = NULL;
	size_t position = 0;
	switch (i % 8) {
	case 0: return tally_list_get(crowd->list, i / 8 % 4);
	case 1: tally_dict_get(crowd->dict, key, &found); break;
	case 2: return tally_dict_setdefault(crowd->dict, key, mine);
	case 3: tally_attr_get(crowd->instance, key, &found); break;
	case 4: tally_cell_get(crowd->cell, &found); break;
	case 5: tally_dict_next(crowd->dict, &position, NULL, &found); break;
	case 6: tally_dict_pop(crowd->dict, key, &found); break;
	default: return tally_list_get(crowd->list, -1);
	}
	return found;
}

static void take_and_keep(struct crowd *crowd)
{
	tally_object *kept[KEPT] = {NULL}, *mine = witness();
	for (unsigned i = 0; i < 4 * rounds(); i++) {
		tally_object **place = &kept[i * 5 % KEPT];
		if (*place && !CHECK(is_alive(*place))) break;
		tally_decref(*place);
		*place = take(crowd, i, mine);
	}
	for (int i = 0; i < KEPT; i++) {
		CHECK(!kept[i] || is_alive(kept[i]));
		tally_decref(kept[i]);
	}
	tally_decref(mine);
	atomic_fetch_sub(&crowd->readers, 1);
}

static void change_or_take(void *context, unsigned number)
{
	if (number) take_and_keep(context);
	else change_all(context);
}

static void begin_crowd(struct crowd *crowd)
{
	tally_class_spec spec = {.size = sizeof spec, .name = "shared"};
	tally_object *type = must(tally_class_new(&spec)), *first = witness();
	*crowd = (struct crowd){must(tally_list_new()), must(tally_dict_new()), must(tally_instance_new(type)), must(tally_cell_new(first)),
	                        {text("a"), text("b"), text("c"), text("d")}, 3};
	for (int i = 0; i < 4; i++) CHECK_EQ(tally_list_append(crowd->list, first), 0);
	tally_decref(first);
	tally_decref(type);
}

static void end_crowd(struct crowd *crowd)
{
	tally_object *all[] = {crowd->list,    crowd->dict,    crowd->instance, crowd->cell,
	                       crowd->keys[0], crowd->keys[1], crowd->keys[2],  crowd->keys[3]};
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) tally_decref(all[i]);
	for (int i = 0; i < 2; i++) CHECK(tally_gc_collect(2) >= 0); // the class
}

static void what_is_taken_out_stays_while_another_thread_replaces_it(void)
{
	struct crowd crowd;
	begin_witnesses();
	begin_crowd(&crowd);
	run_threads(4, change_or_take, &crowd);
	CHECK_NO_ERROR();
	end_crowd(&crowd);
	end_witnesses();
}

// ---- tuples ----

struct handing {
	tally_object *cell; // holds a tuple of witnesses
	atomic_uint readers;
};

static tally_object *witness_tuple(void)
{
	tally_object *items[] = {witness(), witness(), witness()}, *tuple = must(tally_tuple_new(items, 3));
	for (int i = 0; i < 3; i++) tally_decref(items[i]);
	return tuple;
}

// Uses the items without a reference of its own to them: it has one to the tuple.
static void use_items(struct handing *handing)
{
	tally_object *tuple;
	for (unsigned i = 0; i < rounds(); i++) {
		CHECK_EQ(tally_cell_get(handing->cell, &tuple), 1);
		for (int k = 0; k < 3; k++) {
			tally_object *item = tally_tuple_get(tuple, k);
			tally_decref(item);
			if (!CHECK(item && is_alive(item))) i = rounds();
		}
		tally_decref(tuple);
	}
	atomic_fetch_sub(&handing->readers, 1);
}

static void hand_tuples_over(void *context, unsigned number)
{
	struct handing *handing = context;
	if (number) use_items(handing);
	while (number == 0 && atomic_load(&handing->readers)) {
		tally_object *fresh = witness_tuple();
		CHECK_EQ(tally_cell_set(handing->cell, fresh), 0);
		tally_decref(fresh);
	}
}

static void the_items_of_a_tuple_stay_as_long_as_somebody_holds_the_tuple(void)
{
	begin_witnesses();
	tally_object *first = witness_tuple();
	struct handing handing = {must(tally_cell_new(first)), 3};
	tally_decref(first);
	run_threads(4, hand_tuples_over, &handing);
	tally_decref(handing.cell);
	end_witnesses();
}

int main(void)
{
	fixture_begin(60);
	tally_switch_interval_set(SWITCH_NS); // `gil` only
	tally_error_clear();
	TAP_RUN(a_join_sees_a_list_that_is_extended_and_cleared_as_it_was_at_some_moment);
	TAP_RUN(a_join_over_words_that_live_shortly_is_made_of_whole_words);
	TAP_RUN(a_closures_cell_is_read_written_compared_and_shown_by_two_threads);
	TAP_RUN(what_two_threads_store_in_a_cell_is_seen_in_the_order_in_which_it_was_stored);
	TAP_RUN(what_is_taken_out_stays_while_another_thread_replaces_it);
	TAP_RUN(the_items_of_a_tuple_stay_as_long_as_somebody_holds_the_tuple);
	return tap_end();
}
